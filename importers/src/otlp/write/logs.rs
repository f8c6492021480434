//! Log records.

use super::{Attributes, Envelope, Rows, Tree, any_value, count, number, optional, push, scalar, time};
use crate::wire::Reader;
use arrow::array::RecordBatch;
use arrow::datatypes::{Int32Type, UInt8Type};
use sextant_model::ValueType;

pub(super) fn write(batch: &RecordBatch, tree: &mut Tree) {
    let (Some(rows), Some(attributes)) = (Rows::of(batch), Attributes::in_batch(batch, "LogAttributes")) else {
        return;
    };
    let mut head = Envelope::default();
    for row in 0..batch.num_rows() {
        rows.envelope(row, &mut head);
        let out = tree.record(&head, (b"", b""));
        // Always there, so that what follows can begin with a comma.
        push(out, format_args!("{{\"timeUnixNano\":\"{}\"", rows.time("TimeUnix", row)));
        time("observedTimeUnixNano", rows.time("ObservedTimestamp", row), out);
        number("severityNumber", i64::from(rows.get::<Int32Type>("SeverityNumber", row).unwrap_or(0)), out);
        optional("severityText", rows.text("SeverityText", row), out);
        body(&rows, row, out);
        attributes.write(row, "attributes", out);
        count("droppedAttributesCount", rows.number("DroppedAttributesCount", row), out);
        count("flags", rows.number("TraceFlags", row), out);
        optional("traceId", rows.text("TraceId", row), out);
        optional("spanId", rows.text("SpanId", row), out);
        optional("eventName", rows.text("EventName", row), out);
        out.push(b'}');
    }
}

fn body(rows: &Rows<'_>, row: usize, out: &mut Vec<u8>) {
    let value_type = ValueType::from_code(rows.get::<UInt8Type>("BodyType", row).unwrap_or(1));
    if value_type == ValueType::Empty {
        return;
    }
    out.extend_from_slice(b",\"body\":");
    if value_type.is_nested() {
        any_value(Reader::new(rows.binary("BodyExact", row)), out);
    } else {
        scalar(value_type, rows.text("Body", row), out);
    }
}
