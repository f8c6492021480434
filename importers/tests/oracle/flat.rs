//! Messages and batches as lines of text that can be compared.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::{NumberDataPoint, number_data_point};
use opentelemetry_proto::tonic::resource::v1::Resource;
use prost::Message as _;
use sextant_model::Table;
use std::collections::BTreeMap;

type Row = BTreeMap<String, String>;

fn line(table: Table, row: &Row) -> String {
    format!("{table} {row:?}")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| (n << 8) | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let letter = LETTERS[(n >> (18 - 6 * i)) as usize & 63] as char;
            out.push(if i <= chunk.len() { letter } else { '=' });
        }
    }
    out
}

fn double(v: f64) -> String {
    if v.is_nan() {
        "NaN".into()
    } else if v.is_infinite() {
        if v > 0.0 { "Infinity".into() } else { "-Infinity".into() }
    } else if v == 0.0 || (1e-6..1e21).contains(&v.abs()) {
        format!("{v}")
    } else {
        format!("{v:e}")
    }
}

fn json_string(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            '\t' => out += "\\t",
            c if (c as u32) < 0x20 => out += &format!("\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out + "\""
}

fn json(value: Option<&AnyValue>) -> String {
    match value.and_then(|v| v.value.as_ref()) {
        None => "null".into(),
        Some(Value::StringValue(v)) => json_string(v),
        Some(Value::BoolValue(v)) => v.to_string(),
        Some(Value::IntValue(v)) => v.to_string(),
        Some(Value::DoubleValue(v)) if v.is_finite() => double(*v),
        Some(Value::DoubleValue(v)) => json_string(&double(*v)),
        Some(Value::BytesValue(v)) => json_string(&base64(v)),
        Some(Value::ArrayValue(v)) => {
            format!("[{}]", v.values.iter().map(|v| json(Some(v))).collect::<Vec<_>>().join(","))
        }
        Some(Value::KvlistValue(v)) => {
            let entry = |kv: &KeyValue| format!("{}:{}", json_string(&kv.key), json(kv.value.as_ref()));
            format!("{{{}}}", v.values.iter().map(entry).collect::<Vec<_>>().join(","))
        }
        Some(other) => panic!("{other:?} is not made by the generator"),
    }
}

/// Type code and text.
fn any(value: Option<&AnyValue>) -> (u8, String) {
    match value.and_then(|v| v.value.as_ref()) {
        None => (0, String::new()),
        Some(Value::StringValue(v)) => (1, v.clone()),
        Some(Value::BoolValue(v)) => (2, v.to_string()),
        Some(Value::IntValue(v)) => (3, v.to_string()),
        Some(Value::DoubleValue(v)) => (4, double(*v)),
        Some(Value::BytesValue(v)) => (5, base64(v)),
        Some(Value::ArrayValue(_)) => (6, json(value)),
        Some(_) => (7, json(value)),
    }
}

/// Map, types and exact bytes of an attribute list.
fn attributes(list: &[KeyValue]) -> [String; 3] {
    let kept: Vec<&KeyValue> = list
        .iter()
        .enumerate()
        .filter(|(i, kv)| !list[i + 1..].iter().any(|l| l.key == kv.key))
        .map(|(_, kv)| kv)
        .collect();
    let (mut map, mut types, mut exact) = (Vec::new(), String::new(), String::new());
    for kv in kept {
        let (code, text) = any(kv.value.as_ref());
        map.push(format!("{}: {text}", kv.key));
        types += &format!("{code:02x}");
        if code >= 6 {
            let bytes = kv.encode_to_vec();
            let mut prefix = Vec::new();
            prost::encoding::encode_key(1, prost::encoding::WireType::LengthDelimited, &mut prefix);
            prost::encoding::encode_varint(bytes.len() as u64, &mut prefix);
            exact += &hex(&prefix);
            exact += &hex(&bytes);
        }
    }
    [format!("{{{}}}", map.join(", ")), types, exact]
}

fn put_attributes(row: &mut Row, name: &str, list: &[KeyValue]) {
    let [map, types, exact] = attributes(list);
    row.insert(name.to_owned(), map);
    row.insert(format!("{name}Types"), types);
    row.insert(format!("{name}Exact"), exact);
}

#[allow(clippy::needless_pass_by_value, reason = "numbers and texts are passed alike")]
fn put(row: &mut Row, name: &str, value: impl ToString) {
    row.insert(name.to_owned(), value.to_string());
}

fn envelope(
    resource: Option<&Resource>,
    resource_url: &str,
    scope: Option<&InstrumentationScope>,
    scope_url: &str,
) -> Row {
    let mut row = Row::new();
    let resource = resource.cloned().unwrap_or_default();
    let scope = scope.cloned().unwrap_or_default();
    let service = resource.attributes.iter().rev().find(|a| a.key == "service.name");
    put(&mut row, "ServiceName", service.map(|a| any(a.value.as_ref()).1).unwrap_or_default());
    put_attributes(&mut row, "ResourceAttributes", &resource.attributes);
    put(&mut row, "ResourceDroppedAttrCount", resource.dropped_attributes_count);
    put(&mut row, "ResourceSchemaUrl", resource_url);
    put(&mut row, "ScopeName", scope.name);
    put(&mut row, "ScopeVersion", scope.version);
    put_attributes(&mut row, "ScopeAttributes", &scope.attributes);
    put(&mut row, "ScopeDroppedAttrCount", scope.dropped_attributes_count);
    put(&mut row, "ScopeSchemaUrl", scope_url);
    row
}

fn list<T>(items: &[T], text: impl Fn(&T) -> String) -> String {
    format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", "))
}

fn structure(fields: &[(&str, String)]) -> String {
    format!("{{{}}}", fields.iter().map(|(n, v)| format!("{n}: {v}")).collect::<Vec<_>>().join(", "))
}

pub(crate) fn traces(request: &ExportTraceServiceRequest) -> Vec<String> {
    let mut lines = Vec::new();
    for r in &request.resource_spans {
        for s in &r.scope_spans {
            for span in &s.spans {
                let mut row = envelope(r.resource.as_ref(), &r.schema_url, s.scope.as_ref(), &s.schema_url);
                let start = span.start_time_unix_nano as i64;
                put(&mut row, "Timestamp", start);
                put(&mut row, "TraceId", hex(&span.trace_id));
                put(&mut row, "SpanId", hex(&span.span_id));
                put(&mut row, "ParentSpanId", hex(&span.parent_span_id));
                put(&mut row, "TraceState", &span.trace_state);
                put(&mut row, "SpanName", &span.name);
                let kinds = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
                put(
                    &mut row,
                    "SpanKind",
                    kinds.get(span.kind as usize).map_or(span.kind.to_string(), ToString::to_string),
                );
                put(&mut row, "Duration", span.end_time_unix_nano as i64 - start);
                let status = span.status.clone().unwrap_or_default();
                put(&mut row, "StatusCode", ["Unset", "Ok", "Error"][status.code as usize]);
                put(&mut row, "StatusMessage", status.message);
                put(&mut row, "Flags", span.flags);
                put_attributes(&mut row, "SpanAttributes", &span.attributes);
                put(&mut row, "DroppedAttributesCount", span.dropped_attributes_count);
                put(&mut row, "DroppedEventsCount", span.dropped_events_count);
                put(&mut row, "DroppedLinksCount", span.dropped_links_count);
                let events = &span.events;
                let of = |i: usize| list(events, |e| attributes(&e.attributes)[i].clone());
                put(
                    &mut row,
                    "Events",
                    structure(&[
                        ("Timestamp", list(events, |e| (e.time_unix_nano as i64).to_string())),
                        ("Name", list(events, |e| e.name.clone())),
                        ("Attributes", of(0)),
                        ("AttributesTypes", of(1)),
                        ("AttributesExact", of(2)),
                        ("DroppedAttributesCount", list(events, |e| e.dropped_attributes_count.to_string())),
                    ]),
                );
                let links = &span.links;
                let of = |i: usize| list(links, |l| attributes(&l.attributes)[i].clone());
                put(
                    &mut row,
                    "Links",
                    structure(&[
                        ("TraceId", list(links, |l| hex(&l.trace_id))),
                        ("SpanId", list(links, |l| hex(&l.span_id))),
                        ("TraceState", list(links, |l| l.trace_state.clone())),
                        ("Attributes", of(0)),
                        ("AttributesTypes", of(1)),
                        ("AttributesExact", of(2)),
                        ("DroppedAttributesCount", list(links, |l| l.dropped_attributes_count.to_string())),
                        ("Flags", list(links, |l| l.flags.to_string())),
                    ]),
                );
                lines.push(line(Table::Traces, &row));
            }
        }
    }
    lines
}

pub(crate) fn logs(request: &ExportLogsServiceRequest, received_at: i64) -> Vec<String> {
    let mut lines = Vec::new();
    for r in &request.resource_logs {
        for s in &r.scope_logs {
            for log in &s.log_records {
                let mut row = envelope(r.resource.as_ref(), &r.schema_url, s.scope.as_ref(), &s.schema_url);
                let (time, observed) = (log.time_unix_nano as i64, log.observed_time_unix_nano as i64);
                put(
                    &mut row,
                    "Timestamp",
                    if time != 0 {
                        time
                    } else if observed != 0 {
                        observed
                    } else {
                        received_at
                    },
                );
                put(&mut row, "TimeUnix", time);
                put(&mut row, "ObservedTimestamp", observed);
                let id = |id: &[u8]| if id.iter().all(|b| *b == 0) { String::new() } else { hex(id) };
                put(&mut row, "TraceId", id(&log.trace_id));
                put(&mut row, "SpanId", id(&log.span_id));
                put(&mut row, "TraceFlags", log.flags);
                put(&mut row, "SeverityText", &log.severity_text);
                put(&mut row, "SeverityNumber", log.severity_number);
                let (code, text) = any(log.body.as_ref());
                put(&mut row, "Body", text);
                put(&mut row, "BodyType", code);
                let exact = if code >= 6 { log.body.as_ref().map(|b| hex(&b.encode_to_vec())) } else { None };
                put(&mut row, "BodyExact", exact.unwrap_or_default());
                put(&mut row, "EventName", &log.event_name);
                put_attributes(&mut row, "LogAttributes", &log.attributes);
                put(&mut row, "DroppedAttributesCount", log.dropped_attributes_count);
                lines.push(line(Table::Logs, &row));
            }
        }
    }
    lines
}

fn optional(value: Option<f64>) -> String {
    value.map_or("null".into(), |v| format!("{v:?}"))
}

fn number(row: &mut Row, point: &NumberDataPoint) {
    put_attributes(row, "Attributes", &point.attributes);
    put(row, "StartTimeUnix", point.start_time_unix_nano as i64);
    put(row, "TimeUnix", point.time_unix_nano as i64);
    put(row, "Flags", point.flags);
    let (double, int) = match point.value {
        Some(number_data_point::Value::AsInt(v)) => (v as f64, v.to_string()),
        Some(number_data_point::Value::AsDouble(v)) => (v, "null".into()),
        None => (f64::NAN, "null".into()),
    };
    put(row, "Value", format!("{double:?}"));
    put(row, "ValueInt", int);
}

/// Lines by table, as the tables come out. Exemplars are compared where messages have some.
pub(crate) fn metrics(request: &ExportMetricsServiceRequest) -> Vec<String> {
    let mut tables: BTreeMap<Table, Vec<String>> = BTreeMap::new();
    for r in &request.resource_metrics {
        for s in &r.scope_metrics {
            for m in &s.metrics {
                let mut base = envelope(r.resource.as_ref(), &r.schema_url, s.scope.as_ref(), &s.schema_url);
                put(&mut base, "MetricName", &m.name);
                put(&mut base, "MetricDescription", &m.description);
                put(&mut base, "MetricUnit", &m.unit);
                put_attributes(&mut base, "MetricMetadata", &m.metadata);
                let mut push = |table: Table, row: &Row| tables.entry(table).or_default().push(line(table, row));
                match &m.data {
                    Some(Data::Gauge(d)) => d.data_points.iter().for_each(|p| {
                        let mut row = base.clone();
                        number(&mut row, p);
                        push(Table::Gauge, &row);
                    }),
                    Some(Data::Sum(d)) => d.data_points.iter().for_each(|p| {
                        let mut row = base.clone();
                        number(&mut row, p);
                        put(&mut row, "AggregationTemporality", d.aggregation_temporality);
                        put(&mut row, "IsMonotonic", d.is_monotonic);
                        push(Table::Sum, &row);
                    }),
                    Some(Data::Histogram(d)) => d.data_points.iter().for_each(|p| {
                        let mut row = base.clone();
                        put_attributes(&mut row, "Attributes", &p.attributes);
                        put(&mut row, "StartTimeUnix", p.start_time_unix_nano as i64);
                        put(&mut row, "TimeUnix", p.time_unix_nano as i64);
                        put(&mut row, "Flags", p.flags);
                        put(&mut row, "Count", p.count);
                        put(&mut row, "Sum", optional(p.sum));
                        put(&mut row, "BucketCounts", list(&p.bucket_counts, u64::to_string));
                        put(&mut row, "ExplicitBounds", list(&p.explicit_bounds, |b| format!("{b:?}")));
                        put(&mut row, "Min", optional(p.min));
                        put(&mut row, "Max", optional(p.max));
                        put(&mut row, "AggregationTemporality", d.aggregation_temporality);
                        push(Table::Histogram, &row);
                    }),
                    _ => {}
                }
            }
        }
    }
    // The kinds that only the shop sends are held against their own rules elsewhere.
    tables.into_values().flatten().collect()
}

/// The cell as text, in the form that the naive decoder writes.
fn cell(column: &ArrayRef, row: usize) -> String {
    use arrow::datatypes::{DataType, Float64Type, TimestampNanosecondType};
    if column.is_null(row) {
        return "null".into();
    }
    match column.data_type() {
        DataType::Timestamp(..) => column.as_primitive::<TimestampNanosecondType>().value(row).to_string(),
        DataType::Float64 => format!("{:?}", column.as_primitive::<Float64Type>().value(row)),
        DataType::Binary => hex(column.as_binary::<i32>().value(row)),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            format!("[{}]", (0..items.len()).map(|i| cell(&items, i)).collect::<Vec<_>>().join(", "))
        }
        DataType::Map(..) => {
            let entries = column.as_map().value(row);
            let text = |i: usize| format!("{}: {}", cell(entries.column(0), i), cell(entries.column(1), i));
            format!("{{{}}}", (0..entries.len()).map(text).collect::<Vec<_>>().join(", "))
        }
        DataType::Struct(fields) => {
            let inner = column.as_struct();
            let text = |i: usize| format!("{}: {}", fields[i].name(), cell(inner.column(i), row));
            format!("{{{}}}", (0..fields.len()).map(text).collect::<Vec<_>>().join(", "))
        }
        _ => {
            ArrayFormatter::try_new(column, &FormatOptions::default()).expect("it can be shown").value(row).to_string()
        }
    }
}

/// The rows of a batch as lines; exemplars only where there are some, and only kinds that the naive decoder knows.
pub(crate) fn rows(table: Table, batch: &RecordBatch) -> Vec<String> {
    if matches!(table, Table::ExpHistogram | Table::Summary) {
        return Vec::new();
    }
    let schema = batch.schema();
    (0..batch.num_rows())
        .map(|row| {
            let cells = schema.fields().iter().zip(batch.columns()).filter(|(f, _)| f.name() != "Exemplars");
            line(table, &cells.map(|(f, c)| (f.name().clone(), cell(c, row))).collect())
        })
        .collect()
}
