//! A server that is killed again and again while many senders send: what every one of them was told must hold.

use crate::{Serve, ok, request};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Spans of a request, which are a trace.
const SPANS: u64 = 20;

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crashed {
    /// How often the server was killed.
    pub n_kills: u64,
    /// Spans that were sent, and perhaps arrived.
    pub sent: u64,
    /// Spans whose sender was told that they are kept.
    pub accepted: u64,
    /// Spans that are there.
    pub stored: u64,
}

/// The request number `n`, whose span ids are `n * SPANS …`.
pub fn message(n: u64) -> Vec<u8> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_nanos() as u64;
    let span = |i: u64| Span {
        trace_id: (u128::from(n) + 1).to_be_bytes().to_vec(),
        span_id: (n * SPANS + i + 1).to_be_bytes().to_vec(),
        name: "work".into(),
        start_time_unix_nano: now,
        end_time_unix_nano: now + 1_000,
        ..Span::default()
    };
    let spans = (0..SPANS).map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
        .encode_to_vec()
}

/// Sends over `n_connections` for `time`, kills the server after each of `lives` in turn, and checks what is there.
/// Requests without an answer are sent again to the next server, as an SDK would.
pub fn crash(dir: &Path, n_connections: usize, time: Duration, lives: &[Duration]) -> Crashed {
    let next = Arc::new(AtomicU64::new(0));
    let acked = Arc::new(Mutex::new(BTreeSet::new()));
    let open = Arc::new(Mutex::new(Vec::new()));
    let since = Instant::now();
    let mut n_kills = 0;
    while since.elapsed() < time {
        let serve = Serve::start(dir);
        let is_over = Arc::new(AtomicBool::new(false));
        let address = serve.at("otlp-http").to_owned();
        let senders: Vec<_> = (0..n_connections)
            .map(|_| {
                let (next, acked, open) = (next.clone(), acked.clone(), open.clone());
                let (is_over, address) = (is_over.clone(), address.clone());
                std::thread::spawn(move || {
                    while !is_over.load(Ordering::Acquire) {
                        let again: Option<(u64, Vec<u8>)> = open.lock().expect("no poison").pop();
                        let (n, body) = again.unwrap_or_else(|| {
                            let n = next.fetch_add(1, Ordering::AcqRel);
                            (n, message(n))
                        });
                        let headers = [("content-type", "application/x-protobuf")];
                        // A panic means that the connection broke: not acknowledged.
                        let sent =
                            std::panic::catch_unwind(|| request(&address, "POST", "/v1/traces", &headers, &body));
                        if sent.is_ok_and(|r| r.status == 200) {
                            acked.lock().expect("no poison").insert(n);
                        } else {
                            open.lock().expect("no poison").push((n, body));
                        }
                    }
                })
            })
            .collect();
        std::thread::sleep(lives[n_kills as usize % lives.len()]);
        serve.kill();
        n_kills += 1;
        is_over.store(true, Ordering::Release);
        for sender in senders {
            sender.join().expect("senders end");
        }
    }
    let acked = acked.lock().expect("no poison").clone();
    let stored = check(dir, &acked);
    let sent = next.load(Ordering::Acquire) * SPANS;
    let accepted = acked.len() as u64 * SPANS;
    assert!(accepted > 0 && accepted <= stored && stored <= sent, "{accepted} accepted, {stored} stored, {sent} sent");
    Crashed { n_kills, sent, accepted, stored }
}

fn check(dir: &Path, acked: &BTreeSet<u64>) -> u64 {
    let serve = Serve::start(dir);
    let stored = serve.count("SELECT count(*) FROM traces");
    assert_eq!(serve.count("SELECT count(DISTINCT SpanId) FROM traces"), stored, "every span is there once");
    let body = serde_json::json!({ "sql": "SELECT DISTINCT TraceId FROM traces" }).to_string();
    let rows = serve.api("POST", "/api/v1/sql", &body).json();
    let there: BTreeSet<u64> = rows["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|r| u128::from_str_radix(r["TraceId"].as_str()?, 16).ok())
        .map(|id| id as u64 - 1)
        .collect();
    let missing: Vec<_> = acked.difference(&there).collect();
    assert!(missing.is_empty(), "acknowledged and missing: {missing:?}");
    let ledger = serve.api("GET", "/api/v1/status", "").json()["ledger"][0].clone();
    let duplicates = ledger["rejected"]["duplicate"].as_u64().unwrap_or(0);
    assert_eq!(ledger["stored"].as_u64(), Some(stored));
    assert_eq!(ledger["received"].as_u64(), Some(stored + duplicates), "{ledger}");
    let data = dir.to_str().expect("a path");
    assert_eq!(ok(&["doctor", "--data", data]), "everything is sound\n");
    assert_eq!(serve.stop(), Some(0));
    stored
}
