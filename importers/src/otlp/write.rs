//! Stored spans back into OTLP/JSON, as it came: types, nested values, drop counts and all.

use super::attributes::{push_json_string, value_text};
use crate::wire::{Reader, Value};
use arrow::array::{Array, AsArray, BinaryArray, ListArray, MapArray, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{Int64Type, TimestampNanosecondType, UInt32Type};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sextant_model::ValueType;
use std::collections::HashMap;
use std::io::Write as _;

/// Spans of `batches` (columns of the traces table, found by name) as one OTLP/JSON `TracesData`.
///
/// Resources and scopes come in the order in which they are first seen.
pub fn to_json(batches: &[RecordBatch]) -> Vec<u8> {
    let mut resources: Vec<Group> = Vec::new();
    let mut index = HashMap::new();
    for batch in batches {
        let Some(columns) = Columns::of(batch) else { continue };
        for row in 0..batch.num_rows() {
            let resource = columns.resource(row);
            let scope = columns.scope(row);
            let at = *index.entry(resource.clone()).or_insert(resources.len());
            if at == resources.len() {
                resources.push(Group { head: resource, scopes: Vec::new() });
            }
            resources[at].scope(scope, |out| columns.span(row, out));
        }
    }
    let mut out = b"{\"resourceSpans\":[".to_vec();
    for (i, resource) in resources.iter().enumerate() {
        comma(i > 0, &mut out);
        out.push(b'{');
        out.extend_from_slice(&resource.head);
        out.extend_from_slice(b",\"scopeSpans\":[");
        for (j, (head, spans)) in resource.scopes.iter().enumerate() {
            comma(j > 0, &mut out);
            out.push(b'{');
            out.extend_from_slice(head);
            out.extend_from_slice(b",\"spans\":[");
            out.extend_from_slice(spans);
            out.extend_from_slice(b"]}");
        }
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(b"]}");
    out
}

/// A resource and, for each of its scopes, the spans written so far.
struct Group {
    head: Vec<u8>,
    scopes: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Group {
    fn scope(&mut self, head: Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
        let at = self.scopes.iter().position(|(h, _)| *h == head).unwrap_or_else(|| {
            self.scopes.push((head, Vec::new()));
            self.scopes.len() - 1
        });
        let spans = &mut self.scopes[at].1;
        comma(!spans.is_empty(), spans);
        write(spans);
    }
}

fn comma(is_needed: bool, out: &mut Vec<u8>) {
    if is_needed {
        out.push(b',');
    }
}

/// A map column with its companions.
struct Attributes<'a> {
    map: &'a MapArray,
    types: &'a BinaryArray,
    exact: &'a BinaryArray,
}

struct Events<'a> {
    lists: &'a StructArray,
    attributes: Attributes<'a>,
}

struct Columns<'a> {
    batch: &'a RecordBatch,
    resource: Attributes<'a>,
    scope: Attributes<'a>,
    span: Attributes<'a>,
    events: Events<'a>,
    links: Events<'a>,
}

impl<'a> Attributes<'a> {
    fn of(find: impl Fn(&str) -> Option<&'a dyn Array>, name: &str) -> Option<Self> {
        Some(Self {
            map: find(name)?.as_map_opt()?,
            types: find(&format!("{name}Types"))?.as_binary_opt()?,
            exact: find(&format!("{name}Exact"))?.as_binary_opt()?,
        })
    }

    /// `,"attributes":[…]` unless there are none.
    fn write(&self, row: usize, out: &mut Vec<u8>) {
        let entries = self.map.value(row);
        if entries.is_empty() {
            return;
        }
        let (Some(keys), Some(values)) =
            (entries.column(0).as_string_opt::<i32>(), entries.column(1).as_string_opt::<i32>())
        else {
            return;
        };
        let types = self.types.value(row);
        let mut exact = Reader::new(self.exact.value(row));
        out.extend_from_slice(b",\"attributes\":[");
        for i in 0..entries.len() {
            comma(i > 0, out);
            let value_type = ValueType::from_code(types.get(i).copied().unwrap_or(1));
            out.extend_from_slice(b"{\"key\":");
            push_json_string(keys.value(i).as_bytes(), out);
            out.extend_from_slice(b",\"value\":");
            if value_type.is_nested() {
                match exact.field() {
                    Ok(Some((1, Value::Bytes(b)))) => key_value(exact.inside(b), out),
                    _ => out.extend_from_slice(b"{}"),
                }
            } else {
                scalar(value_type, values.value(i), out);
            }
            out.push(b'}');
        }
        out.push(b']');
    }
}

fn scalar(value_type: ValueType, text: &str, out: &mut Vec<u8>) {
    let quoted = |name: &str, out: &mut Vec<u8>| {
        out.extend_from_slice(b"{\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        push_json_string(text.as_bytes(), out);
        out.push(b'}');
    };
    match value_type {
        ValueType::Int => quoted("intValue", out),
        ValueType::Bytes => quoted("bytesValue", out),
        ValueType::Bool => push(out, format_args!("{{\"boolValue\":{text}}}")),
        ValueType::Double => double("doubleValue", text, out),
        ValueType::Empty => out.extend_from_slice(b"{}"),
        _ => quoted("stringValue", out),
    }
}

fn double(name: &str, text: &str, out: &mut Vec<u8>) {
    let is_number = !matches!(text, "NaN" | "Infinity" | "-Infinity");
    if is_number {
        push(out, format_args!("{{\"{name}\":{text}}}"));
    } else {
        push(out, format_args!("{{\"{name}\":\"{text}\"}}"));
    }
}

fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a Vec can't fail.
    drop(out.write_fmt(text));
}

/// The value of a `KeyValue` message as JSON of an `AnyValue`.
fn key_value(mut r: Reader<'_>, out: &mut Vec<u8>) {
    let whole = r;
    let mut value = r.inside(&[]);
    while let Ok(Some((number, field))) = r.field() {
        if let (2, Value::Bytes(b)) = (number, field) {
            value = whole.inside(b);
        }
    }
    any_value(value, out);
}

/// An `AnyValue` message as its JSON. What was stored was checked for depth when it came in.
fn any_value(r: Reader<'_>, out: &mut Vec<u8>) {
    let mut fields = r;
    let mut last = None;
    while let Ok(Some((number, field))) = fields.field() {
        if (1..=7).contains(&number) {
            last = Some((number, field));
        }
    }
    match last {
        Some((1, Value::Bytes(b))) => scalar(ValueType::String, &String::from_utf8_lossy(b), out),
        Some((2, Value::Varint(v))) => push(out, format_args!("{{\"boolValue\":{}}}", v != 0)),
        Some((3, Value::Varint(v))) => push(out, format_args!("{{\"intValue\":\"{}\"}}", v as i64)),
        Some((4, Value::Fixed64(_))) => {
            let mut text = Vec::new();
            drop(value_text(r, &mut text, 0, &mut super::attributes::Odd::default()));
            double("doubleValue", &String::from_utf8_lossy(&text), out);
        }
        Some((5, Value::Bytes(b))) => {
            out.extend_from_slice(b"{\"arrayValue\":{\"values\":[");
            each(r.inside(b), out, any_value);
            out.extend_from_slice(b"]}}");
        }
        Some((6, Value::Bytes(b))) => {
            out.extend_from_slice(b"{\"kvlistValue\":{\"values\":[");
            each(r.inside(b), out, |r, out| {
                let mut key = &[][..];
                let mut fields = r;
                while let Ok(Some((number, field))) = fields.field() {
                    if let (1, Value::Bytes(b)) = (number, field) {
                        key = b;
                    }
                }
                out.extend_from_slice(b"{\"key\":");
                push_json_string(String::from_utf8_lossy(key).as_bytes(), out);
                out.extend_from_slice(b",\"value\":");
                key_value(r, out);
                out.push(b'}');
            });
            out.extend_from_slice(b"]}}");
        }
        Some((7, Value::Bytes(b))) => scalar(ValueType::Bytes, &BASE64.encode(b), out),
        _ => out.extend_from_slice(b"{}"),
    }
}

fn each<'a>(mut r: Reader<'a>, out: &mut Vec<u8>, write: impl Fn(Reader<'a>, &mut Vec<u8>)) {
    let whole = r;
    let mut is_first = true;
    while let Ok(Some((number, field))) = r.field() {
        if let (1, Value::Bytes(b)) = (number, field) {
            comma(!is_first, out);
            is_first = false;
            write(whole.inside(b), out);
        }
    }
}

impl<'a> Columns<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        let find = |name: &str| batch.column_by_name(name).map(AsRef::as_ref);
        let events = |name: &str| {
            let lists: &StructArray = find(name)?.as_struct_opt()?;
            let inner = |field: &str| {
                let list: &ListArray = lists.column_by_name(field)?.as_list_opt()?;
                Some(list.values().as_ref())
            };
            Some(Events { lists, attributes: Attributes::of(inner, "Attributes")? })
        };
        Some(Self {
            batch,
            resource: Attributes::of(find, "ResourceAttributes")?,
            scope: Attributes::of(find, "ScopeAttributes")?,
            span: Attributes::of(find, "SpanAttributes")?,
            events: events("Events")?,
            links: events("Links")?,
        })
    }

    fn text(&self, name: &str, row: usize) -> &'a str {
        let column: Option<&StringArray> = self.batch.column_by_name(name).and_then(|c| c.as_string_opt());
        column.map_or("", |c| c.value(row))
    }

    fn number(&self, name: &str, row: usize) -> u32 {
        let column = self.batch.column_by_name(name).and_then(|c| c.as_primitive_opt::<UInt32Type>());
        column.map_or(0, |c| c.value(row))
    }

    /// `"resource":{…}` and its schema URL.
    fn resource(&self, row: usize) -> Vec<u8> {
        let mut out = b"\"resource\":{\"droppedAttributesCount\":".to_vec();
        push(&mut out, format_args!("{}", self.number("ResourceDroppedAttrCount", row)));
        self.resource.write(row, &mut out);
        out.push(b'}');
        optional("schemaUrl", self.text("ResourceSchemaUrl", row), &mut out);
        out
    }

    fn scope(&self, row: usize) -> Vec<u8> {
        let mut out = b"\"scope\":{\"name\":".to_vec();
        push_json_string(self.text("ScopeName", row).as_bytes(), &mut out);
        optional("version", self.text("ScopeVersion", row), &mut out);
        self.scope.write(row, &mut out);
        count("droppedAttributesCount", self.number("ScopeDroppedAttrCount", row), &mut out);
        out.push(b'}');
        optional("schemaUrl", self.text("ScopeSchemaUrl", row), &mut out);
        out
    }

    fn span(&self, row: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"traceId\":");
        push_json_string(self.text("TraceId", row).as_bytes(), out);
        out.extend_from_slice(b",\"spanId\":");
        push_json_string(self.text("SpanId", row).as_bytes(), out);
        optional("parentSpanId", self.text("ParentSpanId", row), out);
        optional("traceState", self.text("TraceState", row), out);
        out.extend_from_slice(b",\"name\":");
        push_json_string(self.text("SpanName", row).as_bytes(), out);
        push(out, format_args!(",\"kind\":{}", kind_number(self.text("SpanKind", row))));
        let start = self
            .batch
            .column_by_name("Timestamp")
            .and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>())
            .map_or(0, |c| c.value(row));
        let duration = self
            .batch
            .column_by_name("Duration")
            .and_then(|c| c.as_primitive_opt::<Int64Type>())
            .map_or(0, |c| c.value(row));
        let end = start.wrapping_add(duration) as u64;
        push(out, format_args!(",\"startTimeUnixNano\":\"{}\",\"endTimeUnixNano\":\"{end}\"", start as u64));
        count("flags", self.number("Flags", row), out);
        self.span.write(row, out);
        count("droppedAttributesCount", self.number("DroppedAttributesCount", row), out);
        self.events(row, out);
        count("droppedEventsCount", self.number("DroppedEventsCount", row), out);
        self.links(row, out);
        count("droppedLinksCount", self.number("DroppedLinksCount", row), out);
        self.status(row, out);
        out.push(b'}');
    }

    fn status(&self, row: usize, out: &mut Vec<u8>) {
        let code = match self.text("StatusCode", row) {
            "Unset" | "" => "0",
            "Ok" => "1",
            "Error" => "2",
            other => other,
        };
        push(out, format_args!(",\"status\":{{\"code\":{code}"));
        optional("message", self.text("StatusMessage", row), out);
        out.push(b'}');
    }

    fn events(&self, row: usize, out: &mut Vec<u8>) {
        let (Some(rows), Some(times)) = (self.events.rows(row), self.events.list("Timestamp")) else { return };
        if rows.is_empty() {
            return;
        }
        let times = times.values().as_primitive_opt::<TimestampNanosecondType>();
        out.extend_from_slice(b",\"events\":[");
        for i in rows.clone() {
            comma(i > rows.start, out);
            let time = times.map_or(0, |t| t.value(i)) as u64;
            push(out, format_args!("{{\"timeUnixNano\":\"{time}\",\"name\":"));
            push_json_string(self.events.text("Name", i).as_bytes(), out);
            self.events.attributes.write(i, out);
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
            self.links.attributes.write(i, out);
            count("droppedAttributesCount", self.links.number("DroppedAttributesCount", i), out);
            count("flags", self.links.number("Flags", i), out);
            out.push(b'}');
        }
        out.push(b']');
    }
}

impl<'a> Events<'a> {
    fn list(&self, name: &str) -> Option<&'a ListArray> {
        self.lists.column_by_name(name)?.as_list_opt()
    }

    /// Which items belong to `row`.
    fn rows(&self, row: usize) -> Option<std::ops::Range<usize>> {
        let (_, first) = (self.lists, self.lists.columns().first()?);
        let offsets = first.as_list_opt::<i32>()?.value_offsets();
        Some(offsets[row] as usize..offsets[row + 1] as usize)
    }

    fn text(&self, name: &str, item: usize) -> &'a str {
        let column: Option<&StringArray> = self.list(name).and_then(|l| l.values().as_string_opt());
        column.map_or("", |c| c.value(item))
    }

    fn number(&self, name: &str, item: usize) -> u32 {
        let column = self.list(name).and_then(|l| l.values().as_primitive_opt::<UInt32Type>());
        column.map_or(0, |c| c.value(item))
    }
}

fn optional(name: &str, text: &str, out: &mut Vec<u8>) {
    if !text.is_empty() {
        push(out, format_args!(",\"{name}\":"));
        push_json_string(text.as_bytes(), out);
    }
}

fn count(name: &str, n: u32, out: &mut Vec<u8>) {
    if n > 0 {
        push(out, format_args!(",\"{name}\":{n}"));
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
