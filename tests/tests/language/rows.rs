//! Random rows of a small world, so that conditions meet: as OTLP to be imported, and as plain values to be filtered.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub const SERVICES: [&str; 4] = ["checkout", "cart", "frontend", "größe-1"];
pub const NAMES: [&str; 6] =
    ["GET /api/cart", "POST /api/checkout", "SELECT products", "Charge", "publish order.created", "Größe berechnen"];
pub const KINDS: [&str; 5] = ["Internal", "Server", "Client", "Producer", "Consumer"];
pub const STATUSES: [&str; 3] = ["Unset", "Ok", "Error"];
pub const KEYS: [&str; 6] = ["http.route", "http.status", "db.system", "took", "user id", "Größe"];
pub const VALUES: [&str; 14] = [
    "/api/cart",
    "/api/checkout",
    "200",
    "404",
    "503",
    "0.5",
    "-3",
    "postgresql",
    "15ms",
    "2s",
    "u-7",
    "A B",
    "xl",
    "1e3",
];
pub const BODIES: [&str; 8] = [
    "connection refused by peer 10.0.0.1:443",
    "Verbindung verloren: größe=12",
    "user u-7 logged in",
    "a-b_c.d/e",
    "timeout after 15ms (again)",
    "",
    "GET /api/cart 200",
    "it's \"quoted\" \\ back",
];
/// Times are whole seconds from here.
pub const START: i64 = 1_790_000_000_000_000_000;
const SECOND: i64 = 1_000_000_000;

/// A span or a log record.
#[derive(Debug, Clone, Default)]
pub struct Row {
    pub id: String,
    pub trace: String,
    pub parent: String,
    pub service: String,
    pub name: String,
    pub kind: String,
    pub status: String,
    pub time: i64,
    pub duration: i64,
    pub body: String,
    pub severity: i32,
    pub severity_text: String,
    pub attributes: BTreeMap<String, String>,
    pub resource: BTreeMap<String, String>,
}

pub struct World {
    pub spans: Vec<Row>,
    pub logs: Vec<Row>,
}

fn trace_id(n: u64) -> String {
    format!("{:032x}", u128::from(n) + (1 << 90))
}

fn attributes(random: &mut StdRng) -> BTreeMap<String, String> {
    (0..random.random_range(0..4))
        .map(|_| (KEYS.choose(random).expect("some").to_string(), VALUES.choose(random).expect("some").to_string()))
        .collect()
}

fn row(random: &mut StdRng, id: String, trace: String) -> Row {
    let mut resource = attributes(random);
    if random.random_bool(0.5) {
        resource
            .insert("deployment.environment.name".into(), ["prod", "test"].choose(random).expect("some").to_string());
    }
    let service = SERVICES.choose(random).expect("some").to_string();
    resource.insert("service.name".into(), service.clone());
    Row {
        id,
        trace,
        service,
        time: START + random.random_range(0..3_600) * SECOND,
        attributes: attributes(random),
        resource,
        ..Row::default()
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let random = &mut random;
        let mut spans: Vec<Row> = Vec::new();
        for trace in 1..=60u64 {
            let first = spans.len();
            for n in 0..random.random_range(1..9) {
                let id = format!("{:016x}", trace * 100 + n);
                let mut span = row(random, id, trace_id(trace));
                span.name = NAMES.choose(random).expect("some").to_string();
                span.kind = KINDS.choose(random).expect("some").to_string();
                span.status = STATUSES.choose(random).expect("some").to_string();
                span.duration =
                    [1_000, 800_000, 15_000_000, 250_000_000, 2_500_000_000, 0].choose(random).copied().expect("some");
                if n > 0 && random.random_bool(0.9) {
                    span.parent.clone_from(&spans[random.random_range(first..spans.len())].id);
                }
                // Some say that they are their own parents, or each other's.
                if random.random_bool(0.02) {
                    span.parent.clone_from(&span.id);
                } else if n == 1 && random.random_bool(0.1) {
                    spans[first].parent.clone_from(&span.id);
                }
                spans.push(span);
            }
        }
        let logs = (1..=300u64)
            .map(|n| {
                let trace = if random.random_bool(0.5) { trace_id(random.random_range(1..70)) } else { String::new() };
                let mut log = row(random, n.to_string(), trace);
                log.body = BODIES.choose(random).expect("some").to_string();
                log.severity = [0, 1, 5, 9, 10, 13, 17, 21].choose(random).copied().expect("some");
                log.severity_text = ["", "warning", "Information", "ERR"].choose(random).expect("some").to_string();
                log.attributes.insert("n".into(), log.id.clone());
                log
            })
            .collect();
        Self { spans, logs }
    }

    /// As lines of OTLP JSON.
    pub fn otlp(&self) -> String {
        let list = |map: &BTreeMap<String, String>| -> Vec<Value> {
            map.iter().map(|(k, v)| json!({ "key": k, "value": { "stringValue": v } })).collect()
        };
        let place = |of: &[&str], value: &str| of.iter().position(|v| *v == value).map_or(0, |p| p);
        let span = |s: &Row| {
            let span = json!({
                "traceId": s.trace, "spanId": s.id, "parentSpanId": s.parent, "name": s.name,
                "kind": place(&KINDS, &s.kind) + 1, "status": { "code": place(&STATUSES, &s.status) },
                "startTimeUnixNano": s.time.to_string(), "endTimeUnixNano": (s.time + s.duration).to_string(),
                "attributes": list(&s.attributes),
            });
            json!({ "resourceSpans": [{ "resource": { "attributes": list(&s.resource) }, "scopeSpans": [{ "spans": [span] }] }] })
        };
        let log = |l: &Row| {
            let record = json!({
                "timeUnixNano": l.time.to_string(), "traceId": l.trace, "severityNumber": l.severity,
                "severityText": l.severity_text, "body": { "stringValue": l.body }, "attributes": list(&l.attributes),
            });
            json!({ "resourceLogs": [{ "resource": { "attributes": list(&l.resource) }, "scopeLogs": [{ "logRecords": [record] }] }] })
        };
        let lines = self.spans.iter().map(span).chain(self.logs.iter().map(log));
        lines.map(|line| line.to_string() + "\n").collect()
    }
}
