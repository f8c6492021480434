//! Traces, one trace, services, counts.

use super::{SPAN_COLUMNS, Tables, condition};
use crate::sql::{Dialect as _, Filter};
use sextant_model::query::Query;
use sextant_model::{Param, Signal, Sql, Table, TimeRange, TraceId};

/// The newest traces that have a matching span, a row each, over all their spans; columns as
/// [`crate::duckdb::trace_summaries`] but for the shares of services.
pub fn traces(tables: &Tables, query: &Query, range: TimeRange, limit: usize) -> Sql {
    let mut params = Vec::new();
    let condition = condition(tables, query, range, "Timestamp", &mut params);
    let from = tables.table(Table::Traces);
    let root = "(s.ParentSpanId != '', s.Timestamp)";
    let status = ["http.response.status_code", "http.status_code", "rpc.grpc.status_code"]
        .map(|key| format!("nullIf(s.SpanAttributes['{key}'], '')"))
        .join(", ");
    let text = format!(
        "SELECT s.TraceId AS TraceId, min(s.Timestamp) AS Timestamp, \
         max(toUnixTimestamp64Nano(s.Timestamp) + greatest(toInt64(s.Duration), 0)) \
         - min(toUnixTimestamp64Nano(s.Timestamp)) AS Duration, \
         argMin(s.ServiceName, {root}) AS ServiceName, argMin(s.SpanName, {root}) AS SpanName, \
         argMin(s.StatusCode, {root}) AS StatusCode, argMin(coalesce({status}, ''), {root}) AS ResponseStatus, \
         toInt64(count()) AS Spans, toInt64(countIf(s.StatusCode = 'Error')) AS Errors, \
         arraySort(groupUniqArray(s.ServiceName)) AS Services \
         FROM {from} AS s WHERE s.TraceId IN (SELECT TraceId FROM {from} WHERE {condition} \
         GROUP BY TraceId ORDER BY max(Timestamp) DESC, TraceId LIMIT {limit}) \
         GROUP BY s.TraceId ORDER BY Timestamp DESC, TraceId"
    );
    Sql { text, params }
}

/// All spans of a trace.
pub fn trace(tables: &Tables, id: TraceId) -> Sql {
    let columns = tables.present(Signal::Traces, SPAN_COLUMNS);
    let from = tables.table(Table::Traces);
    let text = format!("SELECT {columns} FROM {from} WHERE TraceId = {{p1:String}} ORDER BY Timestamp, SpanId");
    Sql { text, params: vec![Param::Text(id.to_string())] }
}

/// How many records match: column `n`.
pub fn count(tables: &Tables, query: &Query, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let mut part = |table: &Table| {
        let condition = condition(tables, query, range, table.time_column(), &mut params);
        format!("(SELECT count() FROM {} WHERE {condition})", tables.table(*table))
    };
    let there = query.signal.tables().iter().filter(|t| !tables.is_missing(**t));
    let parts: Vec<String> = there.map(&mut part).collect();
    let text = format!("SELECT toInt64({}) AS n", parts.join(" + "));
    Sql { text, params }
}

/// The services, as [`crate::duckdb::service_rows`].
pub fn services(tables: &Tables, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let from = tables.table(Table::Traces);
    let mut bounds = || {
        Filter { dialect: tables, signal: Signal::Traces, within: range, params: &mut params }.range("Timestamp", range)
    };
    let seconds = if let (Some(from), Some(to)) = (range.from, range.to) {
        format!("{}", (to.0.saturating_sub(from.0)) as f64 / 1e9)
    } else {
        let bounds = bounds();
        format!(
            "(SELECT (max(toUnixTimestamp64Nano(Timestamp)) - min(toUnixTimestamp64Nano(Timestamp))) / 1e9 \
             FROM {from} WHERE {bounds})"
        )
    };
    let bounds = bounds();
    let quantile =
        |share: &str| format!("toInt64(round(quantileExactInclusiveIfOrNull({share})(Duration, is_request)))");
    let text = format!(
        "SELECT ServiceName AS service, toInt64(count()) AS spans, toInt64(countIf(is_request)) AS requests, \
         toInt64(countIf(is_request AND StatusCode = 'Error')) AS errors, \
         ifNull(countIf(is_request) / nullIf({seconds}, 0), 0.) AS rate, {} AS p50_ns, {} AS p95_ns, {} AS p99_ns \
         FROM (SELECT ServiceName, StatusCode, Duration, \
         SpanKind IN ('Server', 'Consumer') OR ParentSpanId = '' AS is_request FROM {from} WHERE {bounds}) \
         GROUP BY ServiceName ORDER BY requests DESC, service",
        quantile("0.5"),
        quantile("0.95"),
        quantile("0.99")
    );
    Sql { text, params }
}
