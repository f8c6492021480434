//! What Zipkin's query API asks, as DuckDB SQL. Its conditions may each be met by another span of one service.

use crate::duckdb::quote;
use sextant_model::{Param, Sql, TimeRange};

/// The parameters of `GET /api/v2/traces`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TracesAsk {
    /// In small letters.
    pub service: Option<String>,
    /// Of the other side, in small letters.
    pub remote_service: Option<String>,
    /// In small letters.
    pub span: Option<String>,
    /// Tags with their values; without one: an annotation, or the key of a tag.
    pub annotations: Vec<(String, Option<String>)>,
    /// Nanoseconds.
    pub min_duration: Option<i64>,
    /// Nanoseconds.
    pub max_duration: Option<i64>,
    /// How many traces.
    pub limit: usize,
}

/// The attributes that say who is on the other side, the first that is there counts.
pub const REMOTE: [&str; 6] =
    ["peer.service", "server.address", "net.peer.name", "peer.hostname", "peer.address", "db.name"];

fn remote() -> String {
    let keys: Vec<String> = REMOTE.iter().map(|key| format!("nullif(SpanAttributes[{}], '')", quote(key))).collect();
    format!("CASE WHEN SpanKind IN ('Client', 'Producer') THEN lower(coalesce({})) END", keys.join(", "))
}

/// Names of services: column `name`.
pub fn services() -> Sql {
    Sql::plain("SELECT DISTINCT lower(ServiceName) AS name FROM traces WHERE ServiceName <> '' ORDER BY name")
}

/// Names of the spans of a service: column `name`.
pub fn span_names(service: &str) -> Sql {
    let text = "SELECT DISTINCT lower(SpanName) AS name FROM traces \
        WHERE lower(ServiceName) = ? AND SpanName <> '' ORDER BY name";
    Sql { text: text.to_owned(), params: vec![Param::Text(service.to_owned())] }
}

/// Names of the services that a service calls: column `name`.
pub fn remote_services(service: &str) -> Sql {
    let text = format!(
        "SELECT DISTINCT {} AS name FROM traces WHERE lower(ServiceName) = ? AND name IS NOT NULL ORDER BY name",
        remote()
    );
    Sql { text, params: vec![Param::Text(service.to_owned())] }
}

/// Ids of traces, the newest first: columns `TraceId` and `begin`.
pub fn traces(ask: &TracesAsk, range: TimeRange) -> Sql {
    let mut params = Vec::new();
    let mut is_in = vec!["true".to_owned()];
    for (bound, symbol) in [(range.from, ">="), (range.to, "<")] {
        if let Some(bound) = bound {
            params.push(Param::Int(bound.0));
            is_in.push(format!("Timestamp {symbol} make_timestamp_ns(?)"));
        }
    }
    if let Some(service) = &ask.service {
        params.push(Param::Text(service.clone()));
        is_in.push("lower(ServiceName) = ?".to_owned());
    }
    let mut has = Vec::new();
    if let Some(span) = &ask.span {
        params.push(Param::Text(span.clone()));
        has.push("lower(SpanName) = ?".to_owned());
    }
    if let Some(service) = &ask.remote_service {
        params.push(Param::Text(service.clone()));
        has.push(format!("{} = ?", remote()));
    }
    for (bound, symbol) in [(ask.min_duration, ">="), (ask.max_duration, "<=")] {
        let Some(bound) = bound else { continue };
        params.push(Param::Int(bound));
        match (symbol, has.last_mut().filter(|last| last.starts_with("Duration"))) {
            // One span lies between both.
            ("<=", Some(last)) => *last += " AND Duration <= ?",
            _ => has.push(format!("Duration {symbol} ?")),
        }
    }
    for (key, value) in &ask.annotations {
        params.push(Param::Text(key.clone()));
        if let Some(value) = value {
            params.push(Param::Text(value.clone()));
            has.push("SpanAttributes[?] = ?".to_owned());
        } else {
            params.push(Param::Text(key.clone()));
            has.push("(list_contains(Events.Name, ?) OR list_contains(map_keys(SpanAttributes), ?))".to_owned());
        }
    }
    let having: Vec<String> = has.iter().map(|one| format!("coalesce(bool_or({one}), false)")).collect();
    let having = if having.is_empty() { String::new() } else { format!(" HAVING {}", having.join(" AND ")) };
    let text = format!(
        "SELECT TraceId, min(Timestamp) AS begin FROM traces WHERE {} GROUP BY TraceId{having} \
         ORDER BY begin DESC, TraceId LIMIT {}",
        is_in.join(" AND "),
        ask.limit
    );
    Sql { text, params }
}
