//! Whole statements.

use super::{DuckDb, quote};
use crate::sql::{Filter, SEVERITY_NAME, field_text};
use sextant_model::query::{Expr, Field, Query};
use sextant_model::{Param, Signal, Sql, Table, TimeRange, TraceId};

/// The columns of spans that a person or script wants; types and exact bytes stay behind.
const SPAN_COLUMNS: &str = "Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName, \
    ResourceAttributes, ScopeName, ScopeVersion, SpanAttributes, Duration, StatusCode, StatusMessage, \
    struct_pack(\"Timestamp\" := Events.Timestamp, \"Name\" := Events.Name, \"Attributes\" := Events.Attributes) AS Events, \
    struct_pack(\"TraceId\" := Links.TraceId, \"SpanId\" := Links.SpanId, \"TraceState\" := Links.TraceState, \
    \"Attributes\" := Links.Attributes) AS Links, Flags, ProjectId";

const LOG_COLUMNS: &str = "Timestamp, ObservedTimestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, \
    ServiceName, Body, ResourceAttributes, ScopeName, ScopeVersion, LogAttributes, EventName, ProjectId";

fn condition(query: &Query, range: TimeRange, table: Table, params: &mut Vec<Param>) -> String {
    let mut filter = Filter { dialect: &DuckDb, signal: query.signal, within: range, params };
    let range = filter.range(table, range);
    let expr = filter.expr(&query.filter);
    format!("{range} AND {expr}")
}

fn newest(columns: &str, table: Table, query: &Query, range: TimeRange, limit: usize) -> Sql {
    let mut params = Vec::new();
    let time = table.time_column();
    let condition = condition(query, range, table, &mut params);
    // Rows of one time in an order that stays, so that pages fit together.
    let then = if table == Table::Logs { "IngestId DESC, SpanId, Body" } else { "TraceId, SpanId" };
    let text = format!("SELECT {columns} FROM {table} WHERE {condition} ORDER BY {time} DESC, {then} LIMIT {limit}");
    Sql { text, params }
}

/// The newest spans.
pub fn spans(query: &Query, range: TimeRange, limit: usize) -> Sql {
    newest(SPAN_COLUMNS, Table::Traces, query, range, limit)
}

/// The newest log records.
pub fn logs(query: &Query, range: TimeRange, limit: usize) -> Sql {
    newest(LOG_COLUMNS, Table::Logs, query, range, limit)
}

/// All stored columns of the records that match in one table of the signal, the newest first.
pub fn whole(table: Table, query: &Query, range: TimeRange) -> Sql {
    let all = records(table, query, range);
    Sql { text: format!("{} ORDER BY {} DESC", all.text, table.time_column()), ..all }
}

/// The same in no order.
pub fn records(table: Table, query: &Query, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let condition = condition(query, range, table, &mut params);
    Sql { text: format!("SELECT * FROM {table} WHERE {condition}"), params }
}

/// All stored columns of the records within `range` that belong to one of these traces or fall into one of these periods,
/// in no order.
pub fn chosen(table: Table, ids: &[TraceId], periods: &[TimeRange], range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let mut filter = Filter { dialect: &DuckDb, signal: table.signal(), within: range, params: &mut params };
    let within = filter.range(table, range);
    let mut any: Vec<String> = periods.iter().map(|p| format!("({})", filter.range(table, *p))).collect();
    if !ids.is_empty() && table.signal() != Signal::Metrics {
        any.push(format!("TraceId IN (SELECT unnest({}))", list(ids)));
    }
    let any = if any.is_empty() { "false".to_owned() } else { any.join(" OR ") };
    Sql { text: format!("SELECT * FROM {table} WHERE {within} AND ({any})"), params }
}

/// All stored columns of all spans of these traces.
pub fn whole_traces(ids: &[TraceId]) -> Sql {
    let list = list(ids);
    Sql::plain(format!("SELECT * FROM traces WHERE TraceId IN (SELECT unnest({list})) ORDER BY TraceId, Timestamp"))
}

/// The newest log records as lines: columns `time level service body`.
pub fn log_lines(query: &Query, range: TimeRange, limit: usize) -> Sql {
    let mut params = Vec::new();
    let condition = condition(query, range, Table::Logs, &mut params);
    let text = format!(
        "SELECT epoch_ns(Timestamp) AS time, SeverityNumber AS level, ServiceName AS service, Body AS body FROM logs \
         WHERE {condition} ORDER BY Timestamp DESC, ServiceName, Body LIMIT {limit}"
    );
    Sql { text, params }
}

/// The newest points of all five kinds, with the columns that they share. `Value` is the number, or the sum of a
/// distribution; `Count` its count.
pub fn metrics(query: &Query, range: TimeRange, limit: usize) -> Sql {
    let mut params = Vec::new();
    let shared = "TimeUnix, StartTimeUnix, ServiceName, MetricName, MetricDescription, MetricUnit, Attributes, \
        ResourceAttributes, ScopeName, ScopeVersion, Flags, ProjectId";
    let parts: Vec<String> = Signal::Metrics
        .tables()
        .iter()
        .map(|table| {
            let (value, count) = match table {
                Table::Gauge | Table::Sum => ("Value", "CAST(NULL AS UBIGINT)"),
                _ => ("Sum", "Count"),
            };
            let kind = table.name().trim_start_matches("metrics_");
            let condition = condition(query, range, *table, &mut params);
            format!(
                "SELECT {shared}, {} AS MetricKind, {value} AS Value, {count} AS Count FROM {table} WHERE {condition}",
                quote(kind)
            )
        })
        .collect();
    Sql {
        text: format!(
            "{} ORDER BY TimeUnix DESC, ServiceName, MetricName, Attributes LIMIT {limit}",
            parts.join(" UNION ALL ")
        ),
        params,
    }
}

/// How many records match, all tables of the signal together: column `n`.
pub fn count(query: &Query, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let parts: Vec<String> = query
        .signal
        .tables()
        .iter()
        .map(|table| {
            let condition = condition(query, range, *table, &mut params);
            format!("SELECT count(*) AS n FROM {table} WHERE {condition}")
        })
        .collect();
    Sql { text: format!("SELECT CAST(sum(n) AS BIGINT) AS n FROM ({})", parts.join(" UNION ALL ")), params }
}

/// Of every span of a period what decides on its trace: columns `TraceId ServiceName SpanName Timestamp Duration StatusCode`.
pub fn outlines(range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let condition = condition(&Query::all(Signal::Traces), range, Table::Traces, &mut params);
    let columns = "TraceId, ServiceName, SpanName, Timestamp, Duration, StatusCode";
    Sql { text: format!("SELECT {columns} FROM traces WHERE {condition}"), params }
}

/// How many rows of a table there are in each hour: columns `service hour n first last`, times in nanoseconds; a record without a
/// time has that of its receipt.
pub fn hours(table: Table, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let within =
        Filter { dialect: &DuckDb, signal: table.signal(), within: range, params: &mut params }.range(table, range);
    let time = table.time_column();
    let text = format!(
        "SELECT service, moment // 3600000000000 AS hour, count(*) AS n, min(moment) AS first, max(moment) AS last FROM (SELECT ServiceName \
         AS service, epoch_ns(CASE WHEN epoch_ns({time}) > 0 THEN {time} ELSE ReceivedAt END) AS moment FROM {table} \
         WHERE {within}) GROUP BY service, hour ORDER BY hour, service"
    );
    Sql { text, params }
}

/// The traces with a matching span, the one with the newest match first: columns `TraceId Timestamp`.
pub fn trace_hits(query: &Query, range: TimeRange, limit: usize) -> Sql {
    let mut params = Vec::new();
    let condition = condition(query, range, Table::Traces, &mut params);
    let text = format!(
        "SELECT TraceId, max(Timestamp) AS Timestamp FROM traces WHERE {condition} \
         GROUP BY TraceId ORDER BY Timestamp DESC, TraceId LIMIT {limit}"
    );
    Sql { text, params }
}

/// The newest requests of an operation: columns `TraceId Duration StatusCode` of spans without a parent.
pub fn roots(service: &str, name: &str, range: TimeRange, limit: usize) -> Sql {
    let mut params = Vec::new();
    let bounds = Filter { dialect: &DuckDb, signal: Signal::Traces, within: range, params: &mut params }
        .range(Table::Traces, range);
    params.extend([Param::Text(service.to_owned()), Param::Text(name.to_owned())]);
    let text = format!(
        "SELECT TraceId, Duration, StatusCode FROM traces WHERE {bounds} AND ParentSpanId = '' AND ServiceName = ? \
         AND SpanName = ? ORDER BY Timestamp DESC LIMIT {limit}"
    );
    Sql { text, params }
}

/// How a span says that its request ended: column `status`.
pub fn status_of(trace: &str, span: &str) -> Sql {
    let keys = ["http.response.status_code", "http.status_code", "rpc.grpc.status_code"];
    let values: Vec<String> = keys.iter().map(|key| format!("SpanAttributes[{}]", quote(key))).collect();
    let text = format!(
        "SELECT coalesce({}, '') AS status FROM traces WHERE TraceId = ? AND SpanId = ? LIMIT 1",
        values.join(", ")
    );
    Sql { text, params: vec![Param::Text(trace.to_owned()), Param::Text(span.to_owned())] }
}

fn list(ids: &[TraceId]) -> String {
    let list: Vec<String> = ids.iter().map(|id| quote(&id.to_string())).collect();
    format!("CAST([{}] AS VARCHAR[])", list.join(", "))
}

/// One row for each of `ids`, over all their spans.
pub fn trace_summaries(ids: &[TraceId]) -> Sql {
    Sql::plain(include_str!("../../sql/trace_summaries.sql").replace("{ids}", &list(ids)))
}

/// The services, with requests, errors, rate and exact quantiles.
pub fn service_rows(range: TimeRange) -> Sql {
    let extent = "(SELECT (max(epoch_ns(Timestamp)) - min(epoch_ns(Timestamp))) / 1e9 FROM traces WHERE {range})";
    services(include_str!("../../sql/services.sql"), extent, range)
}

/// The same, of segments that lie wholly within the range by what they come to: quantiles within one percent, by buckets
/// of durations that each are wider than the one before by `base`.
pub fn service_overview(range: TimeRange, base: f64) -> Sql {
    let extent = "(SELECT (max(last) - min(first)) / 1e9 FROM (SELECT epoch_ns(max(Timestamp)) AS last, \
        epoch_ns(min(Timestamp)) AS first FROM traces WHERE {range} \
        UNION ALL SELECT max(last), min(first) FROM summaries WHERE table_name = 'traces'))";
    let template = include_str!("../../sql/services_overview.sql").replace("{base}", &base.to_string());
    services(&template, extent, range)
}

fn services(template: &str, extent: &str, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let seconds = match (range.from, range.to) {
        (Some(from), Some(to)) => format!("{}", (to.0.saturating_sub(from.0)) as f64 / 1e9),
        _ => extent.to_owned(),
    };
    let template = template.replace("{seconds}", &seconds);
    let mut text = String::new();
    for (i, part) in template.split("{range}").enumerate() {
        if i > 0 {
            text += &Filter { dialect: &DuckDb, signal: Signal::Traces, within: range, params: &mut params }
                .range(Table::Traces, range);
        }
        text += part;
    }
    Sql { text, params }
}

/// How often each value of `fields` occurs, the most frequent first, at most `limit` a field: columns `field value n`.
///
/// The rows are read once, however many fields there are.
pub fn facets(query: &Query, range: TimeRange, fields: &[String], limit: usize) -> Sql {
    let table = query.signal.tables()[0];
    let mut params = Vec::new();
    let list = |part: &dyn Fn(usize, &String) -> String| {
        fields.iter().enumerate().map(|(i, field)| part(i, field)).collect::<Vec<_>>()
    };
    let texts = list(&|i, field| format!("{} AS f{i}", field_text(&DuckDb, query.signal, field)));
    let names = list(&|i, field| format!("WHEN grouping(f{i}) = 0 THEN {}", quote(field)));
    let values = list(&|i, _| format!("WHEN grouping(f{i}) = 0 THEN f{i}"));
    let sets = list(&|i, _| format!("(f{i})"));
    let condition = condition(query, range, table, &mut params);
    let text = format!(
        "SELECT CASE {} END AS field, CASE {} END AS value, CAST(count(*) AS BIGINT) AS n \
         FROM (SELECT {} FROM {table} WHERE {condition}) GROUP BY GROUPING SETS ({}) \
         QUALIFY row_number() OVER (PARTITION BY field ORDER BY n DESC, value) <= {limit} ORDER BY field, n DESC, value",
        names.join(" "),
        values.join(" "),
        texts.join(", "),
        sets.join(", ")
    );
    Sql { text, params }
}

/// Spans that link to a trace: columns `trace span service name to`.
pub fn links_to(id: TraceId, range: TimeRange) -> Sql {
    let mut params = vec![];
    let bounds = Filter { dialect: &DuckDb, signal: Signal::Traces, within: range, params: &mut params }
        .range(Table::Traces, range);
    let id = quote(&id.to_string());
    let text = format!(
        "SELECT TraceId AS trace, SpanId AS span, ServiceName AS service, SpanName AS name, \
         [s FOR s, i IN Links.SpanId IF Links.TraceId[i] = {id}] AS to FROM traces \
         WHERE {bounds} AND list_contains(Links.TraceId, {id}) ORDER BY Timestamp DESC LIMIT 1000"
    );
    Sql { text, params }
}

/// When a service was first seen with another version than before, within the range: columns `service version before time`.
pub fn deployments(range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let version = field_text(&DuckDb, Signal::Traces, "service.version");
    let bounds = Filter { dialect: &DuckDb, signal: Signal::Traces, within: range, params: &mut params }
        .range(Table::Traces, range);
    // Versions that run beside each other are all seen from the beginning on: none of them is new.
    let since = match (range.from, range.to) {
        (Some(from), Some(to)) => from.0.saturating_add(to.0.saturating_sub(from.0) / 50),
        _ => i64::MIN + 1,
    };
    let text = format!(
        "SELECT * FROM (SELECT service, version, lag(version) OVER (PARTITION BY service ORDER BY first) AS before, \
         first AS time FROM (SELECT ServiceName AS service, {version} AS version, epoch_ns(min(Timestamp)) AS first \
         FROM traces WHERE {bounds} GROUP BY ALL) WHERE version <> '') \
         WHERE before IS NOT NULL AND time >= {since} ORDER BY time"
    );
    Sql { text, params }
}

/// The length of each of `n_buckets` parts of a period.
pub fn part_nanos(range: (i64, i64), n_buckets: u32) -> i64 {
    (range.1.saturating_sub(range.0) / i64::from(n_buckets.max(1))).max(1)
}

/// Records of each service in a period, when the last of them came, and how many there are in each of `n_buckets` parts:
/// out of rows, and out of the view `minutes` for segments whose rows are left out.
pub fn senders(range: (i64, i64), n_buckets: u32) -> Sql {
    let (from, to) = range;
    let width = part_nanos(range, n_buckets);
    let parts: Vec<String> = Table::ALL
        .iter()
        .map(|table| {
            let time = table.time_column();
            format!(
                "SELECT ServiceName AS service, ReceivedAt, epoch_ns({time}) AS t FROM {table} \
                 WHERE {time} >= make_timestamp_ns({from}) AND {time} < make_timestamp_ns({to})"
            )
        })
        .collect();
    let text = format!(
        "WITH all_rows AS ({}), per_bucket AS (SELECT service, (t - {from}) // {width} AS bucket, count(*) AS n, \
         max(ReceivedAt) AS seen FROM all_rows GROUP BY ALL \
         UNION ALL SELECT ServiceName, (minute * 60000000000 - {from}) // {width}, n, seen FROM minutes) \
         SELECT service, CAST(sum(n) AS BIGINT) AS records, max(seen) AS last_seen, \
         list({{'bucket': CAST(bucket AS INTEGER), 'n': CAST(n AS BIGINT)}} ORDER BY bucket) AS counts \
         FROM (SELECT service, least(bucket, {n_buckets} - 1) AS bucket, sum(n) AS n, max(seen) AS seen \
         FROM per_bucket GROUP BY ALL) GROUP BY service ORDER BY records DESC, service LIMIT 200",
        parts.join(" UNION ALL ")
    );
    Sql::plain(text)
}

/// First and last time of a table and its number of rows: columns `first last n`.
pub fn extent(signal: Signal) -> Sql {
    let part = |table: &Table| {
        let time = table.time_column();
        format!(
            "SELECT min(epoch_ns({time})) AS first, max(epoch_ns({time})) AS last, count(*) AS n FROM {table} \
             WHERE {time} >= make_timestamp_ns(946684800000000000)"
        )
    };
    let parts: Vec<String> = signal.tables().iter().map(part).collect();
    let parts = parts.join(" UNION ALL ");
    Sql::plain(format!("SELECT min(first) AS first, max(last) AS last, CAST(sum(n) AS BIGINT) AS n FROM ({parts})"))
}

/// Records in each of `n_buckets` equal parts of `range`, by `series`: columns `bucket series n`. Where the query is only
/// about services, the view `minutes` counts for segments whose rows are left out; see [`is_by_service`].
pub fn histogram(query: &Query, range: (i64, i64), n_buckets: u32) -> Sql {
    let series = if query.signal == Signal::Logs { SEVERITY_NAME } else { "StatusCode" };
    let mut params = Vec::new();
    let table = query.signal.tables()[0];
    let time = table.time_column();
    let bounds =
        TimeRange { from: Some(sextant_model::UnixNanos(range.0)), to: Some(sextant_model::UnixNanos(range.1)) };
    let width = part_nanos(range, n_buckets);
    let from = range.0;
    let rows = format!(
        "SELECT CAST((epoch_ns({time}) - {from}) // {width} AS INTEGER) AS bucket, {series} AS series, \
         CAST(count(*) AS BIGINT) AS n FROM {table} WHERE {} GROUP BY ALL",
        condition(query, bounds, table, &mut params)
    );
    let text = if is_by_service(&query.filter) {
        let services =
            Filter { dialect: &DuckDb, signal: query.signal, within: bounds, params: &mut params }.expr(&query.filter);
        format!(
            "SELECT bucket, series, CAST(sum(n) AS BIGINT) AS n FROM ({rows} UNION ALL \
             SELECT CAST((minute * 60000000000 - {from}) // {width} AS INTEGER), series, CAST(sum(n) AS BIGINT) \
             FROM minutes WHERE table_name = '{table}' AND {services} GROUP BY ALL) GROUP BY ALL ORDER BY ALL"
        )
    } else {
        format!("{rows} ORDER BY ALL")
    };
    Sql { text, params }
}

/// Whether a condition asks for nothing but services.
pub fn is_by_service(expr: &Expr) -> bool {
    match expr {
        Expr::All | Expr::Field(Field::Service, _) => true,
        Expr::And(all) | Expr::Or(all) => all.iter().all(is_by_service),
        Expr::Not(inner) => is_by_service(inner),
        _ => false,
    }
}

/// Calls between services: a span whose parent span lies in another service. Columns `parent child calls errors`.
pub fn dependencies(service: Option<&str>, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let range = Filter { dialect: &DuckDb, signal: Signal::Traces, within: range, params: &mut params }.range_of(
        None,
        "c.Timestamp",
        range,
    );
    let mut only = String::new();
    if let Some(service) = service {
        params.push(Param::Text(service.to_owned()));
        params.push(Param::Text(service.to_owned()));
        only += " AND (p.ServiceName = ? OR c.ServiceName = ?)";
    }
    let text = format!(
        "SELECT p.ServiceName AS parent, c.ServiceName AS child, CAST(count(*) AS BIGINT) AS calls, \
         CAST(count(*) FILTER (c.StatusCode = 'Error') AS BIGINT) AS errors \
         FROM traces c JOIN traces p ON p.TraceId = c.TraceId AND p.SpanId = c.ParentSpanId \
         WHERE {range} AND c.ParentSpanId <> '' AND p.ServiceName <> c.ServiceName{only} \
         GROUP BY ALL ORDER BY parent, child"
    );
    Sql { text, params }
}
