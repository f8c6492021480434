//! The usual way from OTLP to Arrow: prost makes objects, Arrow's own builders take them. It gives the same batch as
//! `otlp::decode`, which the bench checks before it measures.

use arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, Int64Builder, ListBuilder, MapBuilder, MapFieldNames, RecordBatch,
    StringBuilder, StructArray, TimestampNanosecondBuilder, UInt32Builder,
};
use arrow::datatypes::{DataType, Field, Fields};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use prost::Message as _;
use sextant_model::{Table, schema};
use std::sync::Arc;

type Map = MapBuilder<StringBuilder, StringBuilder>;

fn map() -> Map {
    let names = MapFieldNames { entry: "key_value".into(), key: "key".into(), value: "value".into() };
    MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
        .with_keys_field(Field::new("key", DataType::Utf8, false))
        .with_values_field(Field::new("value", DataType::Utf8, false))
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|b| format!("{b:02x}")).collect()
}

struct Attributes {
    map: Map,
    types: BinaryBuilder,
    exact: BinaryBuilder,
}

impl Attributes {
    fn new() -> Self {
        Self { map: map(), types: BinaryBuilder::new(), exact: BinaryBuilder::new() }
    }

    fn push(&mut self, list: &[KeyValue]) {
        let [mut types, mut exact] = [Vec::new(), Vec::new()];
        for (i, kv) in list.iter().enumerate() {
            if list[i + 1..].iter().any(|later| later.key == kv.key) {
                continue;
            }
            self.map.keys().append_value(&kv.key);
            let value = kv.value.as_ref().and_then(|v| v.value.as_ref());
            let (code, text) = match value {
                None => (0, String::new()),
                Some(Value::StringValue(v)) => (1, v.clone()),
                Some(Value::BoolValue(v)) => (2, v.to_string()),
                Some(Value::IntValue(v)) => (3, v.to_string()),
                Some(Value::DoubleValue(v)) => (4, sextant_model::value::double_text(*v)),
                Some(Value::ArrayValue(list)) => {
                    let text = |v: &Option<Value>| match v {
                        Some(Value::StringValue(v)) => format!("{v:?}"),
                        other => format!("{other:?}"),
                    };
                    (6, format!("[{}]", list.values.iter().map(|v| text(&v.value)).collect::<Vec<_>>().join(",")))
                }
                // The shop sends none of these; if it did, the comparison before the measuring would fail.
                Some(other) => (7, format!("{other:?}")),
            };
            self.map.values().append_value(text);
            types.push(code);
            if code >= 6 {
                let bytes = kv.encode_to_vec();
                prost::encoding::encode_key(1, prost::encoding::WireType::LengthDelimited, &mut exact);
                prost::encoding::encode_varint(bytes.len() as u64, &mut exact);
                exact.extend(bytes);
            }
        }
        self.map.append(true).expect("keys and values go together");
        self.types.append_value(types);
        self.exact.append_value(exact);
    }

    fn finish(mut self) -> [ArrayRef; 3] {
        [Arc::new(self.map.finish()), Arc::new(self.types.finish()), Arc::new(self.exact.finish())]
    }
}

/// A column of lists: items, cut at the ends of rows.
fn lists<B: ArrayBuilder>(items: B, data_type: DataType) -> ListBuilder<B> {
    ListBuilder::new(items).with_field(Field::new("item", data_type, false))
}

struct AttributeLists {
    map: ListBuilder<Map>,
    types: ListBuilder<BinaryBuilder>,
    exact: ListBuilder<BinaryBuilder>,
}

impl AttributeLists {
    fn new() -> Self {
        Self {
            map: lists(map(), schema::map_type()),
            types: lists(BinaryBuilder::new(), DataType::Binary),
            exact: lists(BinaryBuilder::new(), DataType::Binary),
        }
    }

    fn push(&mut self, list: &[KeyValue]) {
        let mut one = Attributes::new();
        std::mem::swap(&mut one.map, self.map.values());
        std::mem::swap(&mut one.types, self.types.values());
        std::mem::swap(&mut one.exact, self.exact.values());
        one.push(list);
        std::mem::swap(&mut one.map, self.map.values());
        std::mem::swap(&mut one.types, self.types.values());
        std::mem::swap(&mut one.exact, self.exact.values());
    }

    fn close(&mut self) {
        self.map.append(true);
        self.types.append(true);
        self.exact.append(true);
    }

    fn finish(mut self) -> [ArrayRef; 3] {
        [Arc::new(self.map.finish()), Arc::new(self.types.finish()), Arc::new(self.exact.finish())]
    }
}

const KINDS: [&str; 6] = ["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"];
const CODES: [&str; 3] = ["Unset", "Ok", "Error"];

/// Decodes and builds.
#[allow(clippy::too_many_lines, reason = "one line a column, as such code is usually written")]
pub fn decode(bytes: &[u8]) -> RecordBatch {
    let request = ExportTraceServiceRequest::decode(bytes).expect("sound");
    let text = StringBuilder::new;
    let [mut service, mut resource_schema, mut scope_name, mut scope_version, mut scope_schema] =
        [(); 5].map(|()| text());
    let [mut resource_dropped, mut scope_dropped] = [(); 2].map(|()| UInt32Builder::new());
    let (mut resource, mut scope, mut attributes) = (Attributes::new(), Attributes::new(), Attributes::new());
    let mut time = TimestampNanosecondBuilder::new();
    let [mut trace, mut span_id, mut parent, mut state, mut name, mut kind, mut code, mut message] =
        [(); 8].map(|()| text());
    let mut duration = Int64Builder::new();
    let [mut flags, mut n_attributes, mut n_events, mut n_links] = [(); 4].map(|()| UInt32Builder::new());
    let mut event_time = lists(TimestampNanosecondBuilder::new(), schema::TIME);
    let mut event_name = lists(text(), DataType::Utf8);
    let (mut event_attributes, mut link_attributes) = (AttributeLists::new(), AttributeLists::new());
    let [mut event_dropped, mut link_dropped, mut link_flags] =
        [(); 3].map(|()| lists(UInt32Builder::new(), DataType::UInt32));
    let [mut link_trace, mut link_span, mut link_state] = [(); 3].map(|()| lists(text(), DataType::Utf8));
    for r in &request.resource_spans {
        let own = r.resource.clone().unwrap_or_default();
        let own_name = own.attributes.iter().rev().find(|kv| kv.key == "service.name");
        let own_name = own_name.and_then(|kv| kv.value.as_ref()?.value.as_ref()).cloned();
        for s in &r.scope_spans {
            let own_scope = s.scope.clone().unwrap_or_default();
            for span in &s.spans {
                match &own_name {
                    Some(Value::StringValue(name)) => service.append_value(name),
                    _ => service.append_value(""),
                }
                resource.push(&own.attributes);
                resource_dropped.append_value(own.dropped_attributes_count);
                resource_schema.append_value(&r.schema_url);
                scope_name.append_value(&own_scope.name);
                scope_version.append_value(&own_scope.version);
                scope.push(&own_scope.attributes);
                scope_dropped.append_value(own_scope.dropped_attributes_count);
                scope_schema.append_value(&s.schema_url);
                time.append_value(span.start_time_unix_nano as i64);
                trace.append_value(hex(&span.trace_id));
                span_id.append_value(hex(&span.span_id));
                parent.append_value(hex(&span.parent_span_id));
                state.append_value(&span.trace_state);
                name.append_value(&span.name);
                kind.append_value(KINDS[span.kind as usize]);
                duration.append_value(span.end_time_unix_nano as i64 - span.start_time_unix_nano as i64);
                let status = span.status.clone().unwrap_or_default();
                code.append_value(CODES[status.code as usize]);
                message.append_value(&status.message);
                flags.append_value(span.flags);
                attributes.push(&span.attributes);
                n_attributes.append_value(span.dropped_attributes_count);
                n_events.append_value(span.dropped_events_count);
                n_links.append_value(span.dropped_links_count);
                for event in &span.events {
                    event_time.values().append_value(event.time_unix_nano as i64);
                    event_name.values().append_value(&event.name);
                    event_attributes.push(&event.attributes);
                    event_dropped.values().append_value(event.dropped_attributes_count);
                }
                event_time.append(true);
                event_name.append(true);
                event_attributes.close();
                event_dropped.append(true);
                for link in &span.links {
                    link_trace.values().append_value(hex(&link.trace_id));
                    link_span.values().append_value(hex(&link.span_id));
                    link_state.values().append_value(&link.trace_state);
                    link_attributes.push(&link.attributes);
                    link_dropped.values().append_value(link.dropped_attributes_count);
                    link_flags.values().append_value(link.flags);
                }
                for list in [&mut link_trace, &mut link_span, &mut link_state] {
                    list.append(true);
                }
                link_attributes.close();
                for list in [&mut link_dropped, &mut link_flags] {
                    list.append(true);
                }
            }
        }
    }
    let mut events: Vec<ArrayRef> = vec![Arc::new(event_time.finish()), Arc::new(event_name.finish())];
    events.extend(event_attributes.finish());
    events.push(Arc::new(event_dropped.finish()));
    let mut links: Vec<ArrayRef> = Vec::new();
    for mut list in [link_trace, link_span, link_state] {
        links.push(Arc::new(list.finish()));
    }
    links.extend(link_attributes.finish());
    links.extend([link_dropped, link_flags].map(|mut l| Arc::new(l.finish()) as ArrayRef));
    let mut columns: Vec<ArrayRef> = vec![Arc::new(service.finish())];
    columns.extend(resource.finish());
    columns.push(Arc::new(resource_dropped.finish()));
    for mut text in [resource_schema, scope_name, scope_version] {
        columns.push(Arc::new(text.finish()));
    }
    columns.extend(scope.finish());
    columns.push(Arc::new(scope_dropped.finish()));
    columns.push(Arc::new(scope_schema.finish()));
    columns.push(Arc::new(time.finish()));
    for mut text in [trace, span_id, parent, state, name, kind] {
        columns.push(Arc::new(text.finish()));
    }
    columns.push(Arc::new(duration.finish()));
    columns.push(Arc::new(code.finish()));
    columns.push(Arc::new(message.finish()));
    columns.push(Arc::new(flags.finish()));
    columns.extend(attributes.finish());
    columns.extend([n_attributes, n_events, n_links].map(|mut n| Arc::new(n.finish()) as ArrayRef));
    columns.push(Arc::new(StructArray::new(Fields::from(schema::event_fields()), events, None)));
    columns.push(Arc::new(StructArray::new(Fields::from(schema::link_fields()), links, None)));
    RecordBatch::try_new(schema::arrived(Table::Traces), columns).expect("the schema of traces")
}
