//! Spans.

use super::{Attributes, Envelope, Lists, Rows, Tree, comma, count, optional, push};
use crate::otlp::attributes::push_json_string;
use arrow::array::RecordBatch;
use arrow::datatypes::Int64Type;

struct Spans<'a> {
    rows: Rows<'a>,
    attributes: Attributes<'a>,
    events: Lists<'a>,
    links: Lists<'a>,
}

pub(super) fn write(batch: &RecordBatch, tree: &mut Tree) {
    let Some(spans) = Spans::of(batch) else { return };
    let mut head = Envelope::default();
    for row in 0..batch.num_rows() {
        spans.rows.envelope(row, &mut head);
        spans.span(row, tree.record(&head, (b"", b"")));
    }
}

impl<'a> Spans<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        Some(Self {
            rows: Rows::of(batch)?,
            attributes: Attributes::in_batch(batch, "SpanAttributes")?,
            events: Lists::of(batch, "Events", "Attributes")?,
            links: Lists::of(batch, "Links", "Attributes")?,
        })
    }

    fn span(&self, row: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"traceId\":");
        push_json_string(self.rows.text("TraceId", row).as_bytes(), out);
        out.extend_from_slice(b",\"spanId\":");
        push_json_string(self.rows.text("SpanId", row).as_bytes(), out);
        optional("parentSpanId", self.rows.text("ParentSpanId", row), out);
        optional("traceState", self.rows.text("TraceState", row), out);
        out.extend_from_slice(b",\"name\":");
        push_json_string(self.rows.text("SpanName", row).as_bytes(), out);
        push(out, format_args!(",\"kind\":{}", kind_number(self.rows.text("SpanKind", row))));
        let start = self.rows.time("Timestamp", row);
        let duration = self.rows.get::<Int64Type>("Duration", row).unwrap_or(0);
        let end = start.wrapping_add(duration as u64);
        push(out, format_args!(",\"startTimeUnixNano\":\"{start}\",\"endTimeUnixNano\":\"{end}\""));
        count("flags", self.rows.number("Flags", row), out);
        self.attributes.write(row, "attributes", out);
        count("droppedAttributesCount", self.rows.number("DroppedAttributesCount", row), out);
        self.events(row, out);
        count("droppedEventsCount", self.rows.number("DroppedEventsCount", row), out);
        self.links(row, out);
        count("droppedLinksCount", self.rows.number("DroppedLinksCount", row), out);
        self.status(row, out);
        out.push(b'}');
    }

    fn status(&self, row: usize, out: &mut Vec<u8>) {
        let code = match self.rows.text("StatusCode", row) {
            "Unset" | "" => "0",
            "Ok" => "1",
            "Error" => "2",
            other => other,
        };
        push(out, format_args!(",\"status\":{{\"code\":{code}"));
        optional("message", self.rows.text("StatusMessage", row), out);
        out.push(b'}');
    }

    fn events(&self, row: usize, out: &mut Vec<u8>) {
        let Some(rows) = self.events.rows(row).filter(|r| !r.is_empty()) else { return };
        out.extend_from_slice(b",\"events\":[");
        for i in rows.clone() {
            comma(i > rows.start, out);
            let time = self.events.time("Timestamp", i);
            push(out, format_args!("{{\"timeUnixNano\":\"{time}\",\"name\":"));
            push_json_string(self.events.text("Name", i).as_bytes(), out);
            self.events.attributes.write(i, "attributes", out);
            count("droppedAttributesCount", self.events.number("DroppedAttributesCount", i), out);
            out.push(b'}');
        }
        out.push(b']');
    }

    fn links(&self, row: usize, out: &mut Vec<u8>) {
        let Some(rows) = self.links.rows(row).filter(|r| !r.is_empty()) else { return };
        out.extend_from_slice(b",\"links\":[");
        for i in rows.clone() {
            comma(i > rows.start, out);
            out.extend_from_slice(b"{\"traceId\":");
            push_json_string(self.links.text("TraceId", i).as_bytes(), out);
            out.extend_from_slice(b",\"spanId\":");
            push_json_string(self.links.text("SpanId", i).as_bytes(), out);
            optional("traceState", self.links.text("TraceState", i), out);
            self.links.attributes.write(i, "attributes", out);
            count("droppedAttributesCount", self.links.number("DroppedAttributesCount", i), out);
            count("flags", self.links.number("Flags", i), out);
            out.push(b'}');
        }
        out.push(b']');
    }
}

fn kind_number(kind: &str) -> &str {
    match kind {
        "Unspecified" | "" => "0",
        "Internal" => "1",
        "Server" => "2",
        "Client" => "3",
        "Producer" => "4",
        "Consumer" => "5",
        other => other,
    }
}
