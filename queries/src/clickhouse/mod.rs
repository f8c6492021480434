//! Queries as ClickHouse SQL. Values are bound as `{p1:String}`, `param_p1` over HTTP; names of columns and keys of
//! attributes are text. A statement reads, and nothing else: SELECT is all that is written here.

mod dialect;
mod explore;
mod mapping;
mod metrics;
mod views;

use crate::sql::Filter;
pub use dialect::{Tables, quote};
pub use explore::{cohort, dependencies, deployments, differs, keys, links_to, log_lines, roots, values};
pub use mapping::{Bucket, Mapping, Piece, Resources, Times, Unit};
pub use metrics::{metric_exemplars, metric_keys, metric_names, metric_points};
use sextant_model::query::{Aggregate, Query};
use sextant_model::{Param, Signal, Sql, Table, TimeRange};
pub use views::{
    Slice, count, count_of, extent, facets, histogram, hours, logs_of, outlines, rows, services, trace, traces,
};

const SPAN_COLUMNS: &str = "Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName, \
    ResourceAttributes, ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage, \
    Events.Timestamp, Events.Name, Events.Attributes, Links.TraceId, Links.SpanId, Links.TraceState, Links.Attributes";

const LOG_COLUMNS: &str = "Timestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body, \
    ResourceAttributes, ScopeName, ScopeVersion, LogAttributes, EventName";

const POINT_COLUMNS: &str = "TimeUnix, StartTimeUnix, ServiceName, MetricName, MetricDescription, MetricUnit, \
    Attributes, ResourceAttributes, ScopeName, ScopeVersion";

fn condition(tables: &Tables, query: &Query, range: TimeRange, table: Table, params: &mut Vec<Param>) -> String {
    let mut filter = Filter { dialect: tables, signal: query.signal, within: range, params };
    let bounds = filter.range(table, range);
    format!("{bounds} AND {}", filter.expr(&query.filter))
}

fn newest(
    tables: &Tables,
    table: Table,
    columns: &str,
    then: &str,
    query: &Query,
    range: TimeRange,
    limit: usize,
) -> Sql {
    use crate::sql::Dialect as _;
    let mut params = Vec::new();
    let time = table.time_column();
    let condition = condition(tables, query, range, table, &mut params);
    let from = tables.table(table);
    let columns = tables.present(query.signal, columns);
    let text = format!("SELECT {columns} FROM {from} WHERE {condition} ORDER BY {time} DESC, {then} LIMIT {limit}");
    Sql { text, params }
}

/// The newest spans.
pub fn spans(tables: &Tables, query: &Query, range: TimeRange, limit: usize) -> Sql {
    newest(tables, Table::Traces, SPAN_COLUMNS, "TraceId, SpanId", query, range, limit)
}

/// The newest log records.
pub fn logs(tables: &Tables, query: &Query, range: TimeRange, limit: usize) -> Sql {
    newest(tables, Table::Logs, LOG_COLUMNS, "SpanId, Body", query, range, limit)
}

/// The newest points of all five kinds, with the columns that they share.
pub fn metrics(tables: &Tables, query: &Query, range: TimeRange, limit: usize) -> Sql {
    use crate::sql::Dialect as _;
    let mut params = Vec::new();
    let mut part = |table: &Table| {
        let (value, count) = match table {
            Table::Gauge | Table::Sum => ("Value", "NULL"),
            _ => ("Sum", "Count"),
        };
        let kind = quote(table.name().trim_start_matches("metrics_"));
        let condition = condition(tables, query, range, *table, &mut params);
        let from = tables.table(*table);
        let columns = tables.present(Signal::Metrics, POINT_COLUMNS);
        format!(
            "SELECT {columns}, {kind} AS MetricKind, {value} AS Number, {count} AS Points FROM {from} WHERE {condition}"
        )
    };
    let there = Signal::Metrics.tables().iter().filter(|t| !tables.is_missing(**t));
    let parts: Vec<String> = there.map(&mut part).collect();
    // Whole seconds would come as plain numbers.
    let whole = |column: &str| match column {
        "TimeUnix" | "StartTimeUnix" => format!("toDateTime64({column}, 9) AS {column}"),
        other => other.to_owned(),
    };
    let columns: Vec<String> = tables.present(Signal::Metrics, POINT_COLUMNS).split(", ").map(whole).collect();
    let text = format!(
        "SELECT {}, MetricKind, Number, Points FROM ({}) ORDER BY TimeUnix DESC, ServiceName, MetricName LIMIT {limit}",
        columns.join(", "),
        parts.join(" UNION ALL ")
    );
    Sql { text, params }
}

/// Figures over groups, as [`crate::duckdb::aggregate`].
pub fn aggregate(tables: &Tables, query: &Query, aggregate: &Aggregate, range: TimeRange, limit: usize) -> Sql {
    crate::sql::aggregate(tables, query, aggregate, range, limit)
}

/// A value as `param_p1` takes it: what would end a field in tab-separated text is escaped.
pub fn parameter(value: &Param) -> String {
    match value {
        Param::Text(text) => {
            let escaped = text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r");
            escaped.replace('\0', "\\0")
        }
        Param::Int(n) => n.to_string(),
        Param::Float(n) => n.to_string(),
    }
}

/// A statement with its values in their places, to be read and copied.
pub fn inlined(sql: &Sql) -> String {
    let mut out = String::with_capacity(sql.text.len());
    let mut rest = sql.text.as_str();
    let mut in_quotes = None;
    while let Some(c) = rest.chars().next() {
        if let (None, Some((n, after))) = (in_quotes, placeholder(rest)) {
            match sql.params.get(n - 1) {
                Some(Param::Text(text)) => out += &quote(text),
                Some(Param::Int(n)) => out += &n.to_string(),
                Some(Param::Float(n)) => out += &n.to_string(),
                None => {}
            }
            rest = after;
            continue;
        }
        let mut n_taken = c.len_utf8();
        match (in_quotes, c) {
            (None, '\'' | '`') => in_quotes = Some(c),
            (Some(_), '\\') => n_taken += rest[1..].chars().next().map_or(0, char::len_utf8),
            (Some(quote), c) if quote == c => in_quotes = None,
            _ => {}
        }
        out += &rest[..n_taken];
        rest = &rest[n_taken..];
    }
    out
}

/// The number of the placeholder at the beginning, and what follows it.
fn placeholder(text: &str) -> Option<(usize, &str)> {
    let (inside, after) = text.strip_prefix("{p")?.split_once('}')?;
    let (n, _) = inside.split_once(':')?;
    Some((n.parse().ok().filter(|n| *n > 0)?, after))
}
