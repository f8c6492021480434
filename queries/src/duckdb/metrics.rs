//! Metrics: which there are, and the points of one.

use super::{DuckDb, quote};
use crate::parser::field_of;
use crate::sql::{Filter, group_text};
use sextant_model::query::Query;
use sextant_model::{Param, Signal, Sql, Table, TimeRange};

fn condition(query: &Query, range: TimeRange, params: &mut Vec<Param>) -> String {
    let mut filter = Filter { dialect: &DuckDb, signal: Signal::Metrics, within: range, params };
    let bounds = filter.range(Table::Gauge, range);
    format!("{bounds} AND {}", filter.expr(&query.filter))
}

fn kind(table: Table) -> &'static str {
    table.name().trim_start_matches("metrics_")
}

/// Which metrics have points: columns `name kind unit description temporality monotonic services series points`.
pub fn metric_names(query: &Query, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let part = |table: &Table| {
        let temporality = match table {
            Table::Gauge | Table::Summary => "0",
            _ => "max(AggregationTemporality)",
        };
        let monotonic = if *table == Table::Sum { "bool_or(IsMonotonic)" } else { "false" };
        let condition = condition(query, range, &mut params);
        format!(
            "SELECT MetricName AS name, {} AS kind, max(MetricUnit) AS unit, max(MetricDescription) AS description, \
             CAST({temporality} AS BIGINT) AS temporality, {monotonic} AS monotonic, \
             list_sort(list(DISTINCT ServiceName)) AS services, \
             CAST(count(DISTINCT hash(ServiceName, ResourceAttributes, Attributes)) AS BIGINT) AS series, \
             CAST(count(*) AS BIGINT) AS points FROM {table} WHERE {condition} GROUP BY MetricName",
            quote(kind(*table))
        )
    };
    let parts: Vec<String> = Signal::Metrics.tables().iter().map(part).collect();
    Sql { text: format!("{} ORDER BY name, kind", parts.join(" UNION ALL ")), params }
}

/// The points of a metric, series by series in the order of time, without those that only say that nothing was
/// recorded: columns `series grp time start temporality monotonic`,
/// then the values of the kind.
pub fn metric_points(
    (table, name): (Table, &str),
    by: Option<&str>,
    query: &Query,
    range: TimeRange,
    limit: usize,
) -> Sql {
    let mut params = Vec::new();
    let group =
        by.map_or_else(|| "''".to_owned(), |by| group_text(&DuckDb, Signal::Metrics, &field_of(Signal::Metrics, by)));
    let temporality = if matches!(table, Table::Gauge | Table::Summary) { "0" } else { "AggregationTemporality" };
    let monotonic = if table == Table::Sum { "IsMonotonic" } else { "true" };
    let values = match table {
        Table::Histogram => "CAST(Count AS DOUBLE), Sum, BucketCounts, ExplicitBounds",
        Table::ExpHistogram => {
            "CAST(Count AS DOUBLE), Sum, Scale, CAST(ZeroCount AS DOUBLE), ZeroThreshold, PositiveOffset, \
             PositiveBucketCounts, NegativeOffset, NegativeBucketCounts"
        }
        Table::Summary => "CAST(Count AS DOUBLE), Sum, ValueAtQuantiles.Quantile, ValueAtQuantiles.Value",
        _ => "CAST(Value AS DOUBLE)",
    };
    let condition = condition(query, range, &mut params);
    params.push(Param::Text(name.to_owned()));
    let text = format!(
        "SELECT * FROM (SELECT hash(ServiceName, ResourceAttributes, ScopeName, Attributes) AS series, {group} AS grp, \
         epoch_ns(TimeUnix) AS time, epoch_ns(StartTimeUnix) AS start, CAST({temporality} AS INTEGER) AS temporality, \
         {monotonic} AS monotonic, {values} FROM {table} WHERE {condition} AND MetricName = ? AND (Flags & 1) = 0 \
         ORDER BY TimeUnix DESC LIMIT {limit}) ORDER BY series, time"
    );
    Sql { text, params }
}

/// The keys that points of a metric have: column `key`.
pub fn metric_keys((table, name): (Table, &str), query: &Query, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let condition = condition(query, range, &mut params);
    params.push(Param::Text(name.to_owned()));
    let text = format!(
        "SELECT DISTINCT unnest(map_keys(Attributes)) AS key FROM {table} WHERE {condition} AND MetricName = ? ORDER BY key LIMIT 100"
    );
    Sql { text, params }
}

/// Single values with the span in which they were measured, the newest first: columns `time value trace span service`.
pub fn metric_exemplars((table, name): (Table, &str), query: &Query, range: TimeRange, limit: usize) -> Sql {
    let mut params = Vec::new();
    let condition = condition(query, range, &mut params);
    params.push(Param::Text(name.to_owned()));
    let text = format!(
        "SELECT epoch_ns(moment) AS time, CAST(value AS DOUBLE) AS value, trace, span, service FROM (\
         SELECT unnest(Exemplars.TimeUnix) AS moment, unnest(Exemplars.Value) AS value, unnest(Exemplars.TraceId) AS trace, \
         unnest(Exemplars.SpanId) AS span, ServiceName AS service FROM {table} WHERE {condition} AND MetricName = ? \
         AND len(Exemplars.TraceId) > 0) WHERE trace <> '' ORDER BY moment DESC LIMIT {limit}"
    );
    Sql { text, params }
}
