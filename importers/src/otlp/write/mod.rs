//! Stored records back into OTLP/JSON, as they came: types, nested values, drop counts and all.

mod logs;
mod metrics;
mod spans;

use super::attributes::{push_json_string, value_text};
use crate::wire::{Reader, Value};
use arrow::array::{Array, AsArray, BinaryArray, ListArray, MapArray, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{ArrowPrimitiveType, TimestampNanosecondType, UInt32Type};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sextant_model::{Signal, Table, ValueType};
use std::collections::HashMap;
use std::io::Write as _;

/// Rows of `batches` (columns of `table`, found by name) as one OTLP/JSON `TracesData`, `LogsData` or `MetricsData`.
///
/// Resources, scopes and metrics come in the order in which they are first seen.
pub fn to_json(table: Table, batches: &[RecordBatch]) -> Vec<u8> {
    let mut tree = Tree::default();
    for batch in batches {
        match table.signal() {
            Signal::Traces => spans::write(batch, &mut tree),
            Signal::Logs => logs::write(batch, &mut tree),
            Signal::Metrics => metrics::write(table, batch, &mut tree),
        }
    }
    let (resources, scopes, records) = match table.signal() {
        Signal::Traces => ("resourceSpans", "scopeSpans", "spans"),
        Signal::Logs => ("resourceLogs", "scopeLogs", "logRecords"),
        Signal::Metrics => ("resourceMetrics", "scopeMetrics", "metrics"),
    };
    let mut out = Vec::new();
    push(&mut out, format_args!("{{\"{resources}\":["));
    for (i, resource) in tree.0.nodes.iter().enumerate() {
        comma(i > 0, &mut out);
        out.push(b'{');
        out.extend_from_slice(&resource.head);
        push(&mut out, format_args!(",\"{scopes}\":["));
        for (j, scope) in resource.below.nodes.iter().enumerate() {
            comma(j > 0, &mut out);
            out.push(b'{');
            out.extend_from_slice(&scope.head);
            push(&mut out, format_args!(",\"{records}\":["));
            for (k, group) in scope.below.nodes.iter().enumerate() {
                comma(k > 0, &mut out);
                out.extend_from_slice(&group.head);
                out.extend_from_slice(&group.below.0);
                out.extend_from_slice(group.below.1);
            }
            out.extend_from_slice(b"]}");
        }
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(b"]}");
    out
}

/// Resources; in each its scopes; in each the records written so far, those of a metric together, and what closes it.
#[derive(Default)]
struct Tree(Level<Level<Level<Records>>>);

/// Records written so far, and what closes the group that they are in.
type Records = (Vec<u8>, &'static [u8]);

/// Nodes by what they begin with.
struct Level<T> {
    nodes: Vec<Node<T>>,
    index: HashMap<Vec<u8>, usize>,
}

struct Node<T> {
    head: Vec<u8>,
    below: T,
}

impl<T> Default for Level<T> {
    fn default() -> Self {
        Self { nodes: Vec::new(), index: HashMap::new() }
    }
}

impl<T: Default> Level<T> {
    fn at(&mut self, head: &[u8]) -> &mut T {
        let place = self.index.get(head).copied().unwrap_or_else(|| {
            self.index.insert(head.to_vec(), self.nodes.len());
            self.nodes.push(Node { head: head.to_vec(), below: T::default() });
            self.nodes.len() - 1
        });
        &mut self.nodes[place].below
    }
}

impl Tree {
    /// Where a record of this envelope is written to; `group` is what the records around it begin and end with.
    fn record(&mut self, head: &Envelope, group: (&[u8], &'static [u8])) -> &mut Vec<u8> {
        let (records, close) = self.0.at(&head.resource).at(&head.scope).at(group.0);
        *close = group.1;
        comma(!records.is_empty(), records);
        records
    }
}

/// The heads of the resource and the scope of a record.
#[derive(Default)]
struct Envelope {
    resource: Vec<u8>,
    scope: Vec<u8>,
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

impl<'a> Attributes<'a> {
    fn of(find: impl Fn(&str) -> Option<&'a dyn Array>, name: &str) -> Option<Self> {
        Some(Self {
            map: find(name)?.as_map_opt()?,
            types: find(&format!("{name}Types"))?.as_binary_opt()?,
            exact: find(&format!("{name}Exact"))?.as_binary_opt()?,
        })
    }

    fn in_batch(batch: &'a RecordBatch, name: &str) -> Option<Self> {
        Self::of(|name| batch.column_by_name(name).map(AsRef::as_ref), name)
    }

    /// `,"attributes":[…]` unless there are none.
    fn write(&self, row: usize, name: &str, out: &mut Vec<u8>) {
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
        push(out, format_args!(",\"{name}\":["));
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

/// The columns that every table has.
struct Rows<'a> {
    batch: &'a RecordBatch,
    resource: Attributes<'a>,
    scope: Attributes<'a>,
}

impl<'a> Rows<'a> {
    fn of(batch: &'a RecordBatch) -> Option<Self> {
        Some(Self {
            batch,
            resource: Attributes::in_batch(batch, "ResourceAttributes")?,
            scope: Attributes::in_batch(batch, "ScopeAttributes")?,
        })
    }

    fn text(&self, name: &str, row: usize) -> &'a str {
        let column: Option<&StringArray> = self.batch.column_by_name(name).and_then(|c| c.as_string_opt());
        column.map_or("", |c| c.value(row))
    }

    /// A number; nothing where the column is null or lacking.
    fn get<T: ArrowPrimitiveType>(&self, name: &str, row: usize) -> Option<T::Native> {
        let column = self.batch.column_by_name(name)?.as_primitive_opt::<T>()?;
        column.is_valid(row).then(|| column.value(row))
    }

    fn number(&self, name: &str, row: usize) -> u32 {
        self.get::<UInt32Type>(name, row).unwrap_or(0)
    }

    /// Nanoseconds since 1970.
    fn time(&self, name: &str, row: usize) -> u64 {
        self.get::<TimestampNanosecondType>(name, row).unwrap_or(0) as u64
    }

    fn binary(&self, name: &str, row: usize) -> &'a [u8] {
        let column: Option<&BinaryArray> = self.batch.column_by_name(name).and_then(|c| c.as_binary_opt());
        column.map_or(&[], |c| c.value(row))
    }

    /// The numbers of a list.
    fn list<T: ArrowPrimitiveType>(&self, name: &str, row: usize) -> Vec<T::Native> {
        let list: Option<&ListArray> = self.batch.column_by_name(name).and_then(|c| c.as_list_opt());
        let items = list.map(|l| l.value(row));
        items.and_then(|i| Some(i.as_primitive_opt::<T>()?.values().to_vec())).unwrap_or_default()
    }

    fn envelope(&self, row: usize, out: &mut Envelope) {
        self.resource(row, &mut out.resource);
        self.scope(row, &mut out.scope);
    }

    /// `"resource":{…}` and its schema URL.
    fn resource(&self, row: usize, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(b"\"resource\":{\"droppedAttributesCount\":");
        push(out, format_args!("{}", self.number("ResourceDroppedAttrCount", row)));
        self.resource.write(row, "attributes", out);
        out.push(b'}');
        optional("schemaUrl", self.text("ResourceSchemaUrl", row), out);
    }

    fn scope(&self, row: usize, out: &mut Vec<u8>) {
        out.clear();
        out.extend_from_slice(b"\"scope\":{\"name\":");
        push_json_string(self.text("ScopeName", row).as_bytes(), out);
        optional("version", self.text("ScopeVersion", row), out);
        self.scope.write(row, "attributes", out);
        count("droppedAttributesCount", self.number("ScopeDroppedAttrCount", row), out);
        out.push(b'}');
        optional("schemaUrl", self.text("ScopeSchemaUrl", row), out);
    }
}

/// A struct of lists, each with one item an event, a link, an exemplar, and the attributes of the items.
struct Lists<'a> {
    lists: &'a StructArray,
    attributes: Attributes<'a>,
}

impl<'a> Lists<'a> {
    fn of(batch: &'a RecordBatch, name: &str, attributes: &str) -> Option<Self> {
        let lists: &StructArray = batch.column_by_name(name)?.as_struct_opt()?;
        let inner = |field: &str| {
            let list: &ListArray = lists.column_by_name(field)?.as_list_opt()?;
            Some(list.values().as_ref())
        };
        Some(Self { lists, attributes: Attributes::of(inner, attributes)? })
    }

    fn list(&self, name: &str) -> Option<&'a ListArray> {
        self.lists.column_by_name(name)?.as_list_opt()
    }

    /// Which items belong to `row`.
    fn rows(&self, row: usize) -> Option<std::ops::Range<usize>> {
        let offsets = self.lists.columns().first()?.as_list_opt::<i32>()?.value_offsets();
        Some(offsets[row] as usize..offsets[row + 1] as usize)
    }

    fn text(&self, name: &str, item: usize) -> &'a str {
        let column: Option<&StringArray> = self.list(name).and_then(|l| l.values().as_string_opt());
        column.map_or("", |c| c.value(item))
    }

    fn number(&self, name: &str, item: usize) -> u32 {
        self.get::<UInt32Type>(name, item).unwrap_or(0)
    }

    fn get<T: ArrowPrimitiveType>(&self, name: &str, item: usize) -> Option<T::Native> {
        let column = self.list(name)?.values().as_primitive_opt::<T>()?;
        column.is_valid(item).then(|| column.value(item))
    }

    fn time(&self, name: &str, item: usize) -> u64 {
        self.get::<TimestampNanosecondType>(name, item).unwrap_or(0) as u64
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

fn number(name: &str, n: i64, out: &mut Vec<u8>) {
    if n != 0 {
        push(out, format_args!(",\"{name}\":{n}"));
    }
}

/// A time in nanoseconds, unless there is none.
fn time(name: &str, nanos: u64, out: &mut Vec<u8>) {
    if nanos > 0 {
        push(out, format_args!(",\"{name}\":\"{nanos}\""));
    }
}

/// The shortest text that reads as the same number; what JSON has no numbers for as text.
fn push_double(value: f64, out: &mut Vec<u8>) {
    if value.is_finite() {
        push(out, format_args!("{value:?}"));
    } else if value.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else {
        out.extend_from_slice(if value > 0.0 { b"\"Infinity\"" } else { b"\"-Infinity\"" });
    }
}
