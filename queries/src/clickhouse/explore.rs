//! What is looked into beyond lists: patterns, calls, deployments, links, what is usual and what differs. Columns are those of
//! the same questions in [`crate::duckdb`].

use super::{Tables, condition, quote};
use crate::sql::{Dialect as _, Filter, field_text};
use sextant_model::query::{Expr, Query};
use sextant_model::{Param, Signal, Sql, Table, TimeRange, TraceId, UnixNanos};

/// A parent may have begun so long before the period.
const BEFORE: i64 = 3_600_000_000_000;

fn bounds(tables: &Tables, range: TimeRange, params: &mut Vec<Param>) -> String {
    Filter { dialect: tables, signal: Signal::Traces, within: range, params }.range(Table::Traces, range)
}

/// As [`crate::duckdb::log_lines`].
pub fn log_lines(tables: &Tables, query: &Query, range: TimeRange, limit: usize) -> Sql {
    let mut params = Vec::new();
    let condition = condition(tables, query, range, Table::Logs, &mut params);
    let text = format!(
        "SELECT toUnixTimestamp64Nano(Timestamp) AS time, toInt32(SeverityNumber) AS level, toString(ServiceName) AS service, \
         Body AS body FROM {} WHERE {condition} ORDER BY Timestamp DESC LIMIT {limit}",
        tables.table(Table::Logs)
    );
    Sql { text, params }
}

/// As [`crate::duckdb::dependencies`]; parents that began more than an hour before the period are not seen.
pub fn dependencies(tables: &Tables, service: Option<&str>, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let from = tables.table(Table::Traces);
    let of_calls = bounds(tables, range, &mut params);
    let earlier = range.from.map(|t| UnixNanos(t.0.saturating_sub(BEFORE)));
    let of_parents = bounds(tables, TimeRange { from: earlier, ..range }, &mut params);
    let only = service.map(|name| {
        let name = quote(name);
        format!(" AND (p.ServiceName = {name} OR c.ServiceName = {name})")
    });
    let text = format!(
        "SELECT toString(p.ServiceName) AS parent, toString(c.ServiceName) AS child, toInt64(count()) AS calls, \
         toInt64(countIf(c.StatusCode = 'Error')) AS errors FROM \
         (SELECT TraceId, ParentSpanId, ServiceName, StatusCode FROM {from} WHERE {of_calls} AND ParentSpanId != '') AS c \
         INNER JOIN (SELECT TraceId, SpanId, ServiceName FROM {from} WHERE {of_parents}) AS p \
         ON p.TraceId = c.TraceId AND p.SpanId = c.ParentSpanId \
         WHERE p.ServiceName != c.ServiceName{} GROUP BY parent, child ORDER BY parent, child",
        only.unwrap_or_default()
    );
    Sql { text, params }
}

/// As [`crate::duckdb::deployments`].
pub fn deployments(tables: &Tables, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let version = field_text(tables, Signal::Traces, "service.version");
    let condition = bounds(tables, range, &mut params);
    let since = match (range.from, range.to) {
        (Some(from), Some(to)) => from.0.saturating_add(to.0.saturating_sub(from.0) / 50),
        _ => i64::MIN + 1,
    };
    let text = format!(
        "SELECT service, version, before, time FROM (SELECT service, version, \
         lagInFrame(version) OVER (PARTITION BY service ORDER BY time ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before, \
         time FROM (SELECT toString(ServiceName) AS service, {version} AS version, min(toUnixTimestamp64Nano(Timestamp)) AS time \
         FROM {} WHERE {condition} GROUP BY service, version) WHERE version != '') \
         WHERE before != '' AND time >= {since} ORDER BY time",
        tables.table(Table::Traces)
    );
    Sql { text, params }
}

/// As [`crate::duckdb::links_to`]; nothing where links are not kept.
pub fn links_to(tables: &Tables, id: TraceId, range: TimeRange) -> Option<Sql> {
    if !tables.has(Signal::Traces, "Links.TraceId") {
        return None;
    }
    let mut params = Vec::new();
    let condition = bounds(tables, range, &mut params);
    let id = quote(&id.to_string());
    let text = format!(
        "SELECT TraceId AS trace, SpanId AS span, toString(ServiceName) AS service, toString(SpanName) AS name, \
         arrayFilter((s, t) -> t = {id}, Links.SpanId, Links.TraceId) AS to FROM {} \
         WHERE {condition} AND has(Links.TraceId, {id}) ORDER BY Timestamp DESC LIMIT 1000",
        tables.table(Table::Traces)
    );
    Some(Sql { text, params })
}

/// As [`crate::duckdb::roots`].
pub fn roots(tables: &Tables, service: &str, name: &str, range: TimeRange, limit: usize) -> Sql {
    let mut params = Vec::new();
    let condition = bounds(tables, range, &mut params);
    let text = format!(
        "SELECT TraceId, toInt64(Duration) AS duration, toString(StatusCode) AS status FROM {} WHERE {condition} \
         AND ParentSpanId = '' AND ServiceName = {} AND SpanName = {} ORDER BY Timestamp DESC LIMIT {limit}",
        tables.table(Table::Traces),
        quote(service),
        quote(name)
    );
    Sql { text, params }
}

/// As [`crate::duckdb::cohort`].
pub fn cohort(
    tables: &Tables,
    (query, period): (&Query, TimeRange),
    (chosen, within): (&Query, TimeRange),
    is_chosen: bool,
    limit: usize,
) -> Sql {
    let mut params = Vec::new();
    let hits = |filter: &Expr, range: TimeRange, params: &mut Vec<Param>| {
        let mut condition = Filter { dialect: tables, signal: query.signal, within: period, params };
        let bounds = condition.range(Table::Traces, range);
        format!("{bounds} AND {}", condition.expr(filter))
    };
    let base = hits(&query.filter, period, &mut params);
    let inner = hits(&chosen.filter, within, &mut params);
    let word = if is_chosen { "IN" } else { "NOT IN" };
    let from = tables.table(Table::Traces);
    let text = format!(
        "SELECT TraceId FROM {from} WHERE {base} AND TraceId {word} (SELECT TraceId FROM {from} WHERE {inner}) \
         GROUP BY TraceId ORDER BY max(Timestamp) DESC, TraceId LIMIT {limit}"
    );
    Sql { text, params }
}

/// As [`crate::duckdb::differs`].
pub fn differs(tables: &Tables, a: &[TraceId], b: &[TraceId]) -> Sql {
    let list = |ids: &[TraceId]| ids.iter().map(|id| quote(&id.to_string())).collect::<Vec<_>>().join(", ");
    let all: Vec<TraceId> = a.iter().chain(b).copied().collect();
    let columns = "TraceId, ServiceName, SpanName, SpanId, ParentSpanId, Duration, StatusCode, SpanAttributes, ResourceAttributes";
    let text = include_str!("../../sql/differs_clickhouse.sql")
        .replace("{a}", &list(a))
        .replace("{spans}", &format!("SELECT {columns} FROM {}", tables.table(Table::Traces)))
        .replace("{of_them}", &super::views::of_traces(tables, "", &list(&all)))
        .replace("{least_a}", &crate::duckdb::least_of(a.len()).to_string())
        .replace("{least_b}", &crate::duckdb::least_of(b.len()).to_string())
        .replace("{n_a}", &a.len().max(1).to_string())
        .replace("{n_b}", &b.len().max(1).to_string());
    Sql::plain(text)
}

/// The keys of attributes of a sample of the newest records: columns `text n`.
pub fn keys(tables: &Tables, signal: Signal, range: TimeRange, part: &str, limit: usize) -> Sql {
    let table = signal.tables()[0];
    let mut params = Vec::new();
    let bounds = Filter { dialect: tables, signal, within: range, params: &mut params }.range(table, range);
    let own = sextant_model::schema::record_attributes(table);
    let keys = |map: &str| tables.keys_of(signal, map);
    let text = format!(
        "SELECT key AS text, toInt64(count()) AS n FROM (SELECT arrayJoin(arrayConcat({}, {})) AS key FROM {} WHERE {bounds} \
         LIMIT {SAMPLE}) WHERE startsWith(lowerUTF8(key), {}) GROUP BY key ORDER BY n DESC, key LIMIT {limit}",
        keys(own),
        keys("ResourceAttributes"),
        tables.table(table),
        quote(&part.to_lowercase())
    );
    Sql { text, params }
}

/// The values of a field in such a sample: columns `text n`.
pub fn values(tables: &Tables, signal: Signal, range: TimeRange, (key, part): (&str, &str), limit: usize) -> Sql {
    let table = signal.tables()[0];
    let mut params = Vec::new();
    let bounds = Filter { dialect: tables, signal, within: range, params: &mut params }.range(table, range);
    let text = format!(
        "SELECT value AS text, toInt64(count()) AS n FROM (SELECT {} AS value FROM {} WHERE {bounds} LIMIT {SAMPLE}) \
         WHERE value != '' AND startsWith(lowerUTF8(value), {}) GROUP BY value ORDER BY n DESC, value LIMIT {limit}",
        field_text(tables, signal, key),
        tables.table(table),
        quote(&part.to_lowercase())
    );
    Sql { text, params }
}

/// So many records, or keys of them, are looked at for completion.
const SAMPLE: usize = 100_000;
