//! Traces, one trace, services, counts.

use super::{SPAN_COLUMNS, Tables, condition, quote};
use crate::sql::{Dialect as _, Filter, SEVERITY_NAME, field_text};
use sextant_model::query::Query;
use sextant_model::{Param, Signal, Sql, Table, TimeRange, TraceId, UnixNanos};

/// The newest traces that have a matching span, a row each, over all their spans; columns as
/// [`crate::duckdb::trace_summaries`].
pub fn traces(tables: &Tables, query: &Query, range: TimeRange, limit: usize) -> Sql {
    let mut params = Vec::new();
    let condition = condition(tables, query, range, Table::Traces, &mut params);
    let from = tables.table(Table::Traces);
    let of = |rows: &str| of_traces(tables, rows, "SELECT TraceId FROM ids");
    let (of_them, of_p, of_s) = (of(""), of("p."), of("s."));
    let root = "(s.ParentSpanId != '', s.Timestamp)";
    let status = ["http.response.status_code", "http.status_code", "rpc.grpc.status_code"]
        .map(|key| format!("nullIf({}, '')", tables.entry_of(Signal::Traces, "s.", "SpanAttributes", key)))
        .join(", ");
    let text = format!(
        "WITH ids AS (SELECT TraceId FROM {from} WHERE {condition} \
         GROUP BY TraceId ORDER BY max(Timestamp) DESC, TraceId LIMIT {limit}), \
         children AS (SELECT TraceId, ParentSpanId, sum(greatest(toInt64(Duration), 0)) AS busy FROM {from} \
         WHERE {of_them} AND ParentSpanId != '' GROUP BY TraceId, ParentSpanId), \
         parts AS (SELECT p.TraceId AS TraceId, p.ServiceName AS ServiceName, \
         sum(greatest(greatest(toInt64(p.Duration), 0) - ifNull(c.busy, 0), 0)) AS self FROM {from} AS p \
         LEFT JOIN children AS c ON c.TraceId = p.TraceId AND c.ParentSpanId = p.SpanId \
         WHERE {of_p} GROUP BY p.TraceId, p.ServiceName), \
         shares AS (SELECT TraceId, CAST(arrayReverseSort(x -> x.2, groupArray((ServiceName, self))), \
         'Array(Tuple(service String, self Int64))') AS Shares FROM parts GROUP BY TraceId) \
         SELECT s.TraceId AS TraceId, min(s.Timestamp) AS Timestamp, \
         max(toUnixTimestamp64Nano(s.Timestamp) + greatest(toInt64(s.Duration), 0)) \
         - min(toUnixTimestamp64Nano(s.Timestamp)) AS Duration, \
         argMin(s.ServiceName, {root}) AS ServiceName, argMin(s.SpanName, {root}) AS SpanName, \
         argMin(s.StatusCode, {root}) AS StatusCode, argMin(coalesce({status}, ''), {root}) AS ResponseStatus, \
         toInt64(count()) AS Spans, toInt64(countIf(s.StatusCode = 'Error')) AS Errors, \
         any(h.Shares) AS Shares, arraySort(groupUniqArray(s.ServiceName)) AS Services \
         FROM {from} AS s LEFT JOIN shares AS h ON h.TraceId = s.TraceId \
         WHERE {of_s} \
         GROUP BY s.TraceId ORDER BY Timestamp DESC, TraceId"
    );
    Sql { text, params }
}

/// Rows that belong to some traces, `ids` being what selects them; by when those were where a table says it.
pub(super) fn of_traces(tables: &Tables, rows: &str, ids: &str) -> String {
    let when = tables.mapping(Table::Traces).and_then(|m| m.when(tables.database(), rows, ids));
    let when = when.map(|when| format!(" AND {when}")).unwrap_or_default();
    format!("{rows}TraceId IN ({ids}){when}")
}

/// All spans of a trace.
pub fn trace(tables: &Tables, id: TraceId) -> Sql {
    let columns = tables.present(Signal::Traces, SPAN_COLUMNS);
    let from = tables.table(Table::Traces);
    let of_it = of_traces(tables, "", "{p1:String}");
    let text = format!("SELECT {columns} FROM {from} WHERE {of_it} ORDER BY Timestamp, SpanId");
    Sql { text, params: vec![Param::Text(id.to_string())] }
}

/// How many records match: column `n`.
pub fn count(tables: &Tables, query: &Query, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let mut part = |table: &Table| {
        let condition = condition(tables, query, range, *table, &mut params);
        format!("SELECT count() AS c FROM {} WHERE {condition}", tables.table(*table))
    };
    let there = query.signal.tables().iter().filter(|t| !tables.is_missing(**t));
    let parts: Vec<String> = there.map(&mut part).collect();
    // As a sum of parts, and not of subqueries: of those the server says nothing before it reads them.
    let text = format!("SELECT toInt64(sum(c)) AS n FROM ({})", parts.join(" UNION ALL "));
    Sql { text, params }
}

/// The services, as [`crate::duckdb::service_rows`].
pub fn services(tables: &Tables, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let from = tables.table(Table::Traces);
    let mut bounds = || {
        Filter { dialect: tables, signal: Signal::Traces, within: range, params: &mut params }
            .range(Table::Traces, range)
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

/// Log records of a trace: columns `TraceId SpanId Timestamp`.
pub fn logs_of(tables: &Tables, id: TraceId) -> Sql {
    let from = tables.table(Table::Logs);
    let text = format!("SELECT TraceId, SpanId, Timestamp FROM {from} WHERE TraceId = {{p1:String}}");
    Sql { text, params: vec![Param::Text(id.to_string())] }
}

/// Records in equal parts of a period, as [`crate::duckdb::histogram`].
pub fn histogram(tables: &Tables, query: &Query, period: (i64, i64), n_buckets: u32) -> Sql {
    let series = if query.signal == Signal::Logs { SEVERITY_NAME } else { "StatusCode" };
    let range = TimeRange { from: Some(UnixNanos(period.0)), to: Some(UnixNanos(period.1)) };
    let table = query.signal.tables()[0];
    let time = table.time_column();
    let mut params = Vec::new();
    let condition = condition(tables, query, range, table, &mut params);
    let (width, from) = (crate::duckdb::part_nanos(period, n_buckets), period.0);
    let text = format!(
        "SELECT toInt32(intDiv({} - {from}, {width})) AS bucket, {series} AS series, toInt64(count()) AS n \
         FROM {} WHERE {condition} GROUP BY bucket, series ORDER BY bucket, series",
        tables.nanos(time),
        tables.table(table)
    );
    Sql { text, params }
}

/// How often each value of `fields` occurs, as [`crate::duckdb::facets`]; the rows are read once.
pub fn facets(tables: &Tables, query: &Query, range: TimeRange, fields: &[String], limit: usize) -> Sql {
    let table = query.signal.tables()[0];
    let mut params = Vec::new();
    let condition = condition(tables, query, range, table, &mut params);
    let pair = |field: &String| format!("tuple({}, {})", quote(field), field_text(tables, query.signal, field));
    let pairs: Vec<String> = fields.iter().map(pair).collect();
    let text = format!(
        "SELECT p.1 AS field, p.2 AS value, toInt64(count()) AS n \
         FROM (SELECT arrayJoin([{}]) AS p FROM {} WHERE {condition}) \
         GROUP BY field, value ORDER BY field, n DESC, value LIMIT {limit} BY field",
        pairs.join(", "),
        tables.table(table)
    );
    Sql { text, params }
}

/// First and last time of a signal and its number of rows: columns `first last n`.
pub fn extent(tables: &Tables, signal: Signal) -> Sql {
    let part = |table: &Table| {
        let time = tables.nanos(table.time_column());
        format!("SELECT min({time}) AS a, max({time}) AS b, toInt64(count()) AS c FROM {}", tables.table(*table))
    };
    let there = signal.tables().iter().filter(|t| !tables.is_missing(**t));
    let parts: Vec<String> = there.map(part).collect();
    Sql::plain(format!(
        "SELECT min(a) AS first, max(b) AS last, sum(c) AS n FROM ({}) WHERE c > 0",
        parts.join(" UNION ALL ")
    ))
}

/// How many rows of a table there are in each hour, as [`crate::duckdb::hours`].
pub fn hours(tables: &Tables, table: Table, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let within =
        Filter { dialect: tables, signal: table.signal(), within: range, params: &mut params }.range(table, range);
    let moment = tables.nanos(table.time_column());
    let text = format!(
        "SELECT toString(ServiceName) AS service, toInt64(intDiv({moment}, 3600000000000)) AS hour, toInt64(count()) AS n, \
         toInt64(min({moment})) AS first, toInt64(max({moment})) AS last FROM {} WHERE {within} \
         GROUP BY service, hour ORDER BY hour, service",
        tables.table(table)
    );
    Sql { text, params }
}

/// Of every span of a period what decides on its trace, as [`crate::duckdb::outlines`]; times in nanoseconds.
pub fn outlines(tables: &Tables, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let condition = condition(tables, &Query::all(Signal::Traces), range, Table::Traces, &mut params);
    let moment = tables.nanos("Timestamp");
    let text = format!(
        "SELECT toString(TraceId) AS TraceId, toString(ServiceName) AS ServiceName, toString(SpanName) AS SpanName, \
         toInt64({moment}) AS Nanos, toInt64(Duration) AS Duration, toString(StatusCode) AS StatusCode \
         FROM (SELECT TraceId, ServiceName, SpanName, Timestamp, Duration, StatusCode FROM {} WHERE {condition})",
        tables.table(Table::Traces)
    );
    Sql { text, params }
}

/// What is taken over of a source.
#[derive(Debug, Clone, Copy)]
pub struct Slice<'a> {
    /// What has to hold.
    pub query: &'a Query,
    /// When.
    pub range: TimeRange,
    /// Whether the rest of the traces that have such spans comes along.
    pub is_whole: bool,
}

/// All rows of a table in a slice, with these columns, in no order.
pub fn rows(tables: &Tables, table: Table, columns: &[String], slice: Slice<'_>) -> Sql {
    let mut params = Vec::new();
    let condition = in_slice(tables, table, slice, &mut params);
    let names: Vec<String> = columns.iter().map(|c| tables.name(c)).collect();
    let text = format!("SELECT {} FROM {} WHERE {condition}", names.join(", "), tables.table(table));
    if table.signal() != Signal::Metrics {
        return Sql { text, params };
    }
    // Whole seconds would come as plain numbers.
    let whole = |(column, name): (&String, &String)| match column.as_str() {
        "TimeUnix" | "StartTimeUnix" => format!("toDateTime64({name}, 9) AS {name}"),
        "Exemplars.TimeUnix" => format!("arrayMap(t -> toDateTime64(t, 9), {name}) AS {name}"),
        _ => name.clone(),
    };
    let outer: Vec<String> = columns.iter().zip(&names).map(whole).collect();
    Sql { text: format!("SELECT {} FROM ({text})", outer.join(", ")), params }
}

/// How many they are: column `n`.
pub fn count_of(tables: &Tables, table: Table, slice: Slice<'_>) -> Sql {
    let mut params = Vec::new();
    let condition = in_slice(tables, table, slice, &mut params);
    Sql { text: format!("SELECT toInt64(count()) AS n FROM {} WHERE {condition}", tables.table(table)), params }
}

fn in_slice(tables: &Tables, table: Table, slice: Slice<'_>, params: &mut Vec<Param>) -> String {
    let Slice { query, range, is_whole } = slice;
    if is_whole && table.signal() != Signal::Metrics {
        let found = query.signal.tables()[0];
        let condition = condition(tables, query, range, found, params);
        let from = tables.table(found);
        let ids = format!("SELECT TraceId FROM {from} WHERE {condition} AND TraceId != ''");
        return if table == Table::Traces { of_traces(tables, "", &ids) } else { format!("TraceId IN ({ids})") };
    }
    condition(tables, query, range, table, params)
}
