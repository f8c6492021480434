//! What was acknowledged is there after kill -9, once.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use sextant_tests::{Serve, request};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SPANS: u64 = 20;

/// A request of spans whose ids are `n * SPANS …`, in one trace.
fn message(n: u64) -> Vec<u8> {
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

#[test]
fn kill_under_load_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let next = Arc::new(AtomicU64::new(0));
    let acked = Arc::new(Mutex::new(BTreeSet::new()));
    for round in 0..20 {
        let serve = Serve::start(dir.path());
        let is_over = Arc::new(AtomicBool::new(false));
        let address = serve.at("otlp-http").to_owned();
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let (next, acked, is_over, address) = (next.clone(), acked.clone(), is_over.clone(), address.clone());
                std::thread::spawn(move || {
                    while !is_over.load(Ordering::Acquire) {
                        let n = next.fetch_add(1, Ordering::AcqRel);
                        let body = message(n);
                        let sent = std::panic::catch_unwind(|| {
                            request(
                                &address,
                                "POST",
                                "/v1/traces",
                                &[("content-type", "application/x-protobuf")],
                                &body,
                            )
                        });
                        // A panic means that the connection broke: not acknowledged.
                        if sent.is_ok_and(|r| r.status == 200) {
                            acked.lock().expect("no poison").insert(n);
                        }
                    }
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(60 + 20 * (round % 5)));
        serve.kill();
        is_over.store(true, Ordering::Release);
        for sender in senders {
            sender.join().expect("senders end");
        }
    }
    let serve = Serve::start(dir.path());
    let acked = acked.lock().expect("no poison").clone();
    let sent = next.load(Ordering::Acquire) * SPANS;
    let stored = serve.count("SELECT count(*) FROM traces");
    let accepted = acked.len() as u64 * SPANS;
    assert!(accepted > 0 && accepted <= stored && stored <= sent, "{accepted} accepted, {stored} stored, {sent} sent");
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
    assert_eq!(ledger["received"].as_u64(), Some(stored));
    assert_eq!(ledger["stored"].as_u64(), Some(stored));
}

#[test]
fn an_acknowledged_span_is_in_the_next_answer() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    for n in 0..50 {
        let body = message(n);
        let headers = [("content-type", "application/x-protobuf")];
        assert_eq!(request(serve.at("otlp-http"), "POST", "/v1/traces", &headers, &body).status, 200);
        assert_eq!(serve.count("SELECT count(*) FROM traces"), (n + 1) * SPANS);
    }
    assert_eq!(serve.stop(), Some(0));
    let serve = Serve::start(dir.path());
    assert_eq!(serve.count("SELECT count(*) FROM traces"), 50 * SPANS);
}
