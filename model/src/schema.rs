//! The Arrow schemas of all tables: the column names of the OpenTelemetry Collector's ClickHouse exporter, and
//! beside them what that exporter drops, so that OTLP can be given back as it came.
//!
//! Times are `Timestamp(ns)` without a zone and mean UTC. Ids are lower-case hex text, `''` where there is none.
//! Attributes are a `Map<Utf8, Utf8>` with two companions: `…Types`, one byte an entry ([`crate::ValueType`]), and
//! `…Exact`, the OTLP `KeyValue` messages (as a `KeyValueList`) of the nested entries, whose text would lose something.

use crate::Table;
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use std::sync::{Arc, LazyLock};

/// Nanoseconds, no zone.
pub const TIME: DataType = DataType::Timestamp(TimeUnit::Nanosecond, None);

/// Columns that the store adds to what arrived: `ProjectId`, `ReceivedAt`, `IngestId`.
pub const N_ADDED: usize = 3;

/// The two fields inside a map's entries.
pub fn map_entry_fields() -> Fields {
    Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", DataType::Utf8, false)])
}

/// The type of an attribute column.
pub fn map_type() -> DataType {
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(map_entry_fields()), false)), false)
}

/// A list whose items are never null.
pub fn list_of(item: DataType) -> DataType {
    DataType::List(Arc::new(Field::new("item", item, false)))
}

fn col(name: &str, data_type: DataType) -> Field {
    Field::new(name, data_type, false)
}

fn text(name: &str) -> Field {
    col(name, DataType::Utf8)
}

/// A map and its two companions.
fn attributes(name: &str) -> [Field; 3] {
    [
        col(name, map_type()),
        col(&format!("{name}Types"), DataType::Binary),
        col(&format!("{name}Exact"), DataType::Binary),
    ]
}

fn structure(name: &str, fields: Vec<Field>) -> Field {
    col(name, DataType::Struct(Fields::from(fields)))
}

fn list(name: &str, item: DataType) -> Field {
    col(name, list_of(item))
}

fn attribute_lists(name: &str) -> [Field; 3] {
    [
        list(name, map_type()),
        list(&format!("{name}Types"), DataType::Binary),
        list(&format!("{name}Exact"), DataType::Binary),
    ]
}

/// What the names of columns that repeat an attribute begin with.
pub const PROMOTED: &str = "__otel_materialized_";

/// The name of the column that repeats an attribute, of the record or else its resource. Engines compare names of columns
/// without case and attributes are not the same then, so keys with large letters get a number that tells them apart.
pub fn promoted(key: &str) -> String {
    if key.chars().any(char::is_uppercase) {
        format!("{PROMOTED}{key}#{:08x}", fnv1a(key.as_bytes()))
    } else {
        format!("{PROMOTED}{key}")
    }
}

/// The key of a promoted column.
pub fn promoted_key(column: &str) -> Option<&str> {
    let rest = column.strip_prefix(PROMOTED)?;
    let key = rest.rsplit_once('#').map_or(rest, |(key, _)| key);
    [rest, key].into_iter().find(|key| promoted(key) == column)
}

/// FNV-1a, 32 bits.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, b| (hash ^ u32::from(*b)).wrapping_mul(0x0100_0193))
}

/// The column of the records' own attributes.
pub fn record_attributes(table: Table) -> &'static str {
    match table {
        Table::Traces => "SpanAttributes",
        Table::Logs => "LogAttributes",
        _ => "Attributes",
    }
}

/// The fields of `Events`, each a list with one item an event.
pub fn event_fields() -> Vec<Field> {
    let mut fields = vec![list("Timestamp", TIME), list("Name", DataType::Utf8)];
    fields.extend(attribute_lists("Attributes"));
    fields.push(list("DroppedAttributesCount", DataType::UInt32));
    fields
}

/// The fields of `Links`, each a list with one item a link.
pub fn link_fields() -> Vec<Field> {
    let mut fields =
        vec![list("TraceId", DataType::Utf8), list("SpanId", DataType::Utf8), list("TraceState", DataType::Utf8)];
    fields.extend(attribute_lists("Attributes"));
    fields.extend([list("DroppedAttributesCount", DataType::UInt32), list("Flags", DataType::UInt32)]);
    fields
}

/// The fields of `Exemplars`, each a list with one item an exemplar; `ValueInt` is null for a double.
pub fn exemplar_fields() -> Vec<Field> {
    let mut fields = attribute_lists("FilteredAttributes").to_vec();
    fields.extend([
        list("TimeUnix", TIME),
        list("Value", DataType::Float64),
        col("ValueInt", DataType::List(Arc::new(Field::new("item", DataType::Int64, true)))),
        list("SpanId", DataType::Utf8),
        list("TraceId", DataType::Utf8),
    ]);
    fields
}

/// Resource and scope, the same in every table.
fn envelope() -> Vec<Field> {
    let mut fields = vec![text("ServiceName")];
    fields.extend(attributes("ResourceAttributes"));
    fields.extend([col("ResourceDroppedAttrCount", DataType::UInt32), text("ResourceSchemaUrl")]);
    fields.extend([text("ScopeName"), text("ScopeVersion")]);
    fields.extend(attributes("ScopeAttributes"));
    fields.extend([col("ScopeDroppedAttrCount", DataType::UInt32), text("ScopeSchemaUrl")]);
    fields
}

/// Number of columns that [`envelope`] takes.
pub const N_ENVELOPE: usize = 13;

fn traces() -> Vec<Field> {
    let mut fields = envelope();
    fields.extend([
        col("Timestamp", TIME),
        text("TraceId"),
        text("SpanId"),
        text("ParentSpanId"),
        text("TraceState"),
        text("SpanName"),
        text("SpanKind"),
        col("Duration", DataType::Int64),
        text("StatusCode"),
        text("StatusMessage"),
        col("Flags", DataType::UInt32),
    ]);
    fields.extend(attributes("SpanAttributes"));
    fields.extend([
        col("DroppedAttributesCount", DataType::UInt32),
        col("DroppedEventsCount", DataType::UInt32),
        col("DroppedLinksCount", DataType::UInt32),
        structure("Events", event_fields()),
        structure("Links", link_fields()),
    ]);
    fields
}

fn logs() -> Vec<Field> {
    let mut fields = envelope();
    fields.extend([
        col("Timestamp", TIME),
        col("TimeUnix", TIME),
        col("ObservedTimestamp", TIME),
        text("TraceId"),
        text("SpanId"),
        col("TraceFlags", DataType::UInt32),
        text("SeverityText"),
        col("SeverityNumber", DataType::Int32),
        text("Body"),
        col("BodyType", DataType::UInt8),
        col("BodyExact", DataType::Binary),
        text("EventName"),
    ]);
    fields.extend(attributes("LogAttributes"));
    fields.push(col("DroppedAttributesCount", DataType::UInt32));
    fields
}

fn metric() -> Vec<Field> {
    let mut fields = envelope();
    fields.extend([text("MetricName"), text("MetricDescription"), text("MetricUnit")]);
    fields.extend(attributes("MetricMetadata"));
    fields.extend(attributes("Attributes"));
    fields.extend([col("StartTimeUnix", TIME), col("TimeUnix", TIME), col("Flags", DataType::UInt32)]);
    fields
}

fn number() -> [Field; 2] {
    [col("Value", DataType::Float64), Field::new("ValueInt", DataType::Int64, true)]
}

fn optional(name: &str) -> Field {
    Field::new(name, DataType::Float64, true)
}

fn metric_fields(table: Table) -> Vec<Field> {
    let mut fields = metric();
    match table {
        Table::Sum => {
            fields.extend(number());
            fields.extend([col("AggregationTemporality", DataType::Int32), col("IsMonotonic", DataType::Boolean)]);
        }
        Table::Histogram => fields.extend([
            col("Count", DataType::UInt64),
            optional("Sum"),
            list("BucketCounts", DataType::UInt64),
            list("ExplicitBounds", DataType::Float64),
            optional("Min"),
            optional("Max"),
            col("AggregationTemporality", DataType::Int32),
        ]),
        Table::ExpHistogram => fields.extend([
            col("Count", DataType::UInt64),
            optional("Sum"),
            col("Scale", DataType::Int32),
            col("ZeroCount", DataType::UInt64),
            col("ZeroThreshold", DataType::Float64),
            col("PositiveOffset", DataType::Int32),
            list("PositiveBucketCounts", DataType::UInt64),
            col("NegativeOffset", DataType::Int32),
            list("NegativeBucketCounts", DataType::UInt64),
            optional("Min"),
            optional("Max"),
            col("AggregationTemporality", DataType::Int32),
        ]),
        Table::Summary => fields.extend([
            col("Count", DataType::UInt64),
            col("Sum", DataType::Float64),
            structure("ValueAtQuantiles", vec![list("Quantile", DataType::Float64), list("Value", DataType::Float64)]),
        ]),
        _ => fields.extend(number()),
    }
    if table != Table::Summary {
        fields.push(structure("Exemplars", exemplar_fields()));
    }
    fields
}

fn fields(table: Table) -> Vec<Field> {
    match table {
        Table::Traces => traces(),
        Table::Logs => logs(),
        other => metric_fields(other),
    }
}

static ARRIVED: LazyLock<[SchemaRef; 7]> = LazyLock::new(|| Table::ALL.map(|t| Arc::new(Schema::new(fields(t)))));

static STORED: LazyLock<[SchemaRef; 7]> = LazyLock::new(|| {
    Table::ALL.map(|t| {
        let mut all = fields(t);
        all.extend([text("ProjectId"), col("ReceivedAt", TIME), col("IngestId", DataType::UInt64)]);
        Arc::new(Schema::new(all))
    })
});

/// The columns of `table` as they arrive, before the store adds its own.
pub fn arrived(table: Table) -> SchemaRef {
    ARRIVED[table as usize].clone()
}

/// The columns of `table` as they are stored and as its view shows them.
pub fn stored(table: Table) -> SchemaRef {
    STORED[table as usize].clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_is_arrived_and_three_more() {
        for table in Table::ALL {
            let (a, s) = (arrived(table), stored(table));
            assert_eq!(a.fields().len() + N_ADDED, s.fields().len(), "{table}");
            assert!(a.field_with_name(table.time_column()).is_ok(), "{table} has its time column");
            assert_eq!(a.field(N_ENVELOPE - 1).name(), "ScopeSchemaUrl");
        }
    }
}
