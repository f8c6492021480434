//! Metrics: which there are, and the points of one. Columns are those of the same questions in [`crate::duckdb`].

use super::{Tables, condition, quote};
use crate::parser::field_of;
use crate::sql::{Dialect as _, group_text};
use sextant_model::query::Query;
use sextant_model::{Param, Signal, Sql, Table, TimeRange};

fn kind(table: Table) -> &'static str {
    table.name().trim_start_matches("metrics_")
}

/// As [`crate::duckdb::metric_names`].
pub fn metric_names(tables: &Tables, query: &Query, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let mut part = |table: &Table| {
        let temporality = match table {
            Table::Gauge | Table::Summary => "0",
            _ => "max(AggregationTemporality)",
        };
        let monotonic = if *table == Table::Sum { "CAST(max(IsMonotonic), 'Bool')" } else { "false" };
        let condition = condition(tables, query, range, *table, &mut params);
        format!(
            "SELECT toString(MetricName) AS name, {} AS kind, toString(max(MetricUnit)) AS unit, \
             toString(max(MetricDescription)) AS description, toInt64({temporality}) AS temporality, {monotonic} AS monotonic, \
             arraySort(groupUniqArray(toString(ServiceName))) AS services, \
             toInt64(uniqExact(cityHash64(ServiceName, ResourceAttributes, Attributes))) AS series, \
             toInt64(count()) AS points FROM {} WHERE {condition} GROUP BY name",
            quote(kind(*table)),
            tables.table(*table)
        )
    };
    let there = Signal::Metrics.tables().iter().filter(|t| !tables.is_missing(**t));
    let parts: Vec<String> = there.map(&mut part).collect();
    Sql { text: format!("SELECT * FROM ({}) ORDER BY name, kind", parts.join(" UNION ALL ")), params }
}

/// As [`crate::duckdb::metric_points`].
pub fn metric_points(
    tables: &Tables,
    (table, name): (Table, &str),
    by: Option<&str>,
    query: &Query,
    range: TimeRange,
    limit: usize,
) -> Sql {
    let mut params = Vec::new();
    let group =
        by.map_or_else(|| "''".to_owned(), |by| group_text(tables, Signal::Metrics, &field_of(Signal::Metrics, by)));
    let temporality = if matches!(table, Table::Gauge | Table::Summary) { "0" } else { "AggregationTemporality" };
    let monotonic = if table == Table::Sum { "CAST(IsMonotonic, 'Bool')" } else { "true" };
    let values = match table {
        Table::Histogram => "toFloat64(Count) AS v0, toFloat64(Sum) AS v1, BucketCounts, ExplicitBounds",
        Table::ExpHistogram => {
            "toFloat64(Count) AS v0, toFloat64(Sum) AS v1, Scale, toFloat64(ZeroCount) AS v2, toFloat64(0) AS v3, PositiveOffset, \
             PositiveBucketCounts, NegativeOffset, NegativeBucketCounts"
        }
        Table::Summary => {
            "toFloat64(Count) AS v0, toFloat64(Sum) AS v1, ValueAtQuantiles.Quantile, ValueAtQuantiles.Value"
        }
        _ => "toFloat64(Value) AS v0",
    };
    let condition = condition(tables, query, range, table, &mut params);
    let flags = if tables.has(Signal::Metrics, "Flags") { " AND bitAnd(Flags, 1) = 0" } else { "" };
    let text = format!(
        "SELECT * FROM (SELECT cityHash64(ServiceName, ResourceAttributes, ScopeName, Attributes) AS series, \
         toString({group}) AS grp, {} AS time, {} AS start, toInt32({temporality}) AS temporality, \
         {monotonic} AS monotonic, {values} FROM {} WHERE {condition} AND MetricName = {}{flags} \
         ORDER BY TimeUnix DESC LIMIT {limit}) ORDER BY series, time",
        tables.nanos("TimeUnix"),
        tables.nanos("StartTimeUnix"),
        tables.table(table),
        quote(name)
    );
    Sql { text, params }
}

/// As [`crate::duckdb::metric_keys`].
pub fn metric_keys(tables: &Tables, (table, name): (Table, &str), query: &Query, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let condition = condition(tables, query, range, table, &mut params);
    let text = format!(
        "SELECT DISTINCT toString(arrayJoin(mapKeys(Attributes))) AS key FROM {} WHERE {condition} AND MetricName = {} \
         ORDER BY key LIMIT 100",
        tables.table(table),
        quote(name)
    );
    Sql { text, params }
}

/// As [`crate::duckdb::metric_exemplars`].
pub fn metric_exemplars(
    tables: &Tables,
    (table, name): (Table, &str),
    query: &Query,
    range: TimeRange,
    limit: usize,
) -> Sql {
    let mut params: Vec<Param> = Vec::new();
    let condition = condition(tables, query, range, table, &mut params);
    let text = format!(
        "SELECT {} AS time, toFloat64(e.2) AS value, e.3 AS trace, e.4 AS span, service FROM (\
         SELECT arrayJoin(arrayZip(Exemplars.TimeUnix, Exemplars.Value, Exemplars.TraceId, Exemplars.SpanId)) AS e, \
         toString(ServiceName) AS service FROM {} WHERE {condition} AND MetricName = {} AND notEmpty(Exemplars.TraceId)) \
         WHERE e.3 != '' ORDER BY time DESC LIMIT {limit}",
        tables.nanos("e.1"),
        tables.table(table),
        quote(name)
    );
    Sql { text, params }
}
