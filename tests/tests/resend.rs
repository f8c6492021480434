//! What is sent twice is kept once, however it comes again.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::metrics::v1::{metric, number_data_point};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use serde_json::Value;
use sextant_tests::{Serve, json, ok, request};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

/// Some spans of one trace, from the beginning of the hour, so that they are the same each time they are made.
fn spans(ids: std::ops::Range<u64>) -> Vec<Span> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_nanos() as u64;
    let start = now - now % 3_600_000_000_000;
    let span = |i: u64| Span {
        trace_id: 0xabcd_u128.to_be_bytes().to_vec(),
        span_id: (i + 1).to_be_bytes().to_vec(),
        name: "work".into(),
        kind: 2,
        start_time_unix_nano: start + i,
        end_time_unix_nano: start + i + 1_000,
        ..Span::default()
    };
    ids.map(span).collect()
}

fn traces(spans: Vec<Span>) -> ExportTraceServiceRequest {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
}

fn points(times: std::ops::Range<u64>) -> Vec<u8> {
    let point = |t: u64| NumberDataPoint {
        time_unix_nano: 1_750_000_000_000_000_000 + t,
        value: Some(number_data_point::Value::AsDouble(t as f64)),
        ..NumberDataPoint::default()
    };
    let data = metric::Data::Gauge(Gauge { data_points: times.map(point).collect() });
    let metrics = vec![Metric { name: "load".into(), data: Some(data), ..Metric::default() }];
    let scope_metrics = vec![ScopeMetrics { metrics, ..ScopeMetrics::default() }];
    let resource_metrics = vec![ResourceMetrics { scope_metrics, ..ResourceMetrics::default() }];
    ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
}

fn send(serve: &Serve, path: &str, body: &[u8]) -> Vec<u8> {
    let response = request(serve.at("otlp-http"), "POST", path, &[("content-type", "application/x-protobuf")], body);
    assert_eq!(response.status, 200, "{}", response.text());
    response.body
}

fn n_spans(serve: &Serve) -> u64 {
    let n = serve.count("SELECT count(*) FROM traces");
    assert_eq!(serve.count("SELECT count(DISTINCT SpanId) FROM traces"), n, "each is there once");
    n
}

/// The ledger of a signal: received, stored, duplicates.
fn ledger(serve: &Serve, signal: usize) -> (u64, u64, u64) {
    let row = serve.api("GET", "/api/v1/status", "").json()["ledger"][signal].clone();
    let n = |value: &Value| value.as_u64().unwrap_or(0);
    (n(&row["received"]), n(&row["stored"]), n(&row["rejected"]["duplicate"]))
}

#[test]
fn however_it_comes_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let first = traces(spans(0..100)).encode_to_vec();
    send(&serve, "/v1/traces", &first);
    // The same request; then its spans cut anew.
    send(&serve, "/v1/traces", &first);
    send(&serve, "/v1/traces", &traces(spans(50..150)).encode_to_vec());
    assert_eq!(n_spans(&serve), 150);
    assert_eq!(ledger(&serve, 0), (300, 150, 150));
    // As JSON.
    let data = dir.path().to_string_lossy().into_owned();
    let text = ok(&["trace", "0000000000000000000000000000abcd", "--data", &data, "--format", "otlp-json"]);
    assert_eq!(serve.post_json("otlp-http", "/v1/traces", &text).status, 200);
    assert_eq!(n_spans(&serve), 150);
    // By import of what is there already.
    let file = dir.path().join("again.json");
    std::fs::write(&file, &text).expect("writes");
    let report = json(&["import", file.to_str().expect("a path"), "--json", "--data", &data]);
    assert_eq!((&report["read"], &report["stored"]), (&150.into(), &0.into()), "{report}");
    assert_eq!(report["skipped_by_reason"]["duplicate"], 150);
    // After a kill, and after a restart that seals.
    serve.kill();
    let serve = Serve::start(dir.path());
    send(&serve, "/v1/traces", &first);
    send(&serve, "/v1/traces", &traces(spans(140..160)).encode_to_vec());
    assert_eq!(n_spans(&serve), 160);
    assert_eq!(serve.stop(), Some(0));
    let serve = Serve::start(dir.path());
    send(&serve, "/v1/traces", &first);
    send(&serve, "/v1/traces", &traces(spans(0..160)).encode_to_vec());
    assert_eq!(n_spans(&serve), 160);
    let (received, stored, duplicates) = ledger(&serve, 0);
    assert_eq!((stored, received), (160, stored + duplicates));
}

#[test]
fn points_are_known_by_series_and_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    send(&serve, "/v1/metrics", &points(0..50));
    send(&serve, "/v1/metrics", &points(20..70));
    assert_eq!(serve.count("SELECT count(*) FROM metrics_gauge"), 70);
    assert_eq!(ledger(&serve, 2), (100, 70, 30));
    assert_eq!(serve.stop(), Some(0));
    // By import, against the segments alone.
    std::fs::remove_dir_all(dir.path().join("resend")).expect("what was remembered goes");
    let file = dir.path().join("points.pb");
    std::fs::write(&file, points(60..100)).expect("writes");
    let data = dir.path().to_string_lossy().into_owned();
    let report = json(&["import", file.to_str().expect("a path"), "--format", "otlp-pb", "--json", "--data", &data]);
    assert_eq!((&report["stored"], &report["skipped_by_reason"]["duplicate"]), (&30.into(), &10.into()), "{report}");
}

#[test]
fn a_repeat_is_answered_like_the_first() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let mut bad = spans(0..3);
    bad[1].span_id = vec![1, 2];
    let body = traces(bad).encode_to_vec();
    let first = send(&serve, "/v1/traces", &body);
    assert!(!first.is_empty(), "a partial success");
    assert_eq!(send(&serve, "/v1/traces", &body), first);
    assert_eq!(serve.stop(), Some(0));
    let serve = Serve::start(dir.path());
    // The first request after a start reads what was remembered.
    send(&serve, "/v1/traces", &traces(spans(7..8)).encode_to_vec());
    assert_eq!(send(&serve, "/v1/traces", &body), first);
    assert_eq!(n_spans(&serve), 3);
}

#[test]
fn at_the_same_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let body = traces(spans(0..2_000)).encode_to_vec();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| send(&serve, "/v1/traces", &body));
        }
    });
    assert_eq!(n_spans(&serve), 2_000);
    assert_eq!(ledger(&serve, 0), (16_000, 2_000, 14_000));
}

/// A request as it came, by its content length.
fn read_request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 65_536];
    loop {
        let n = stream.read(&mut buffer).ok().filter(|n| *n > 0)?;
        bytes.extend_from_slice(&buffer[..n]);
        let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
        if bytes.len() >= end + 4 + length.unwrap_or(0) {
            return Some(bytes);
        }
    }
}

/// Hands every request on, and loses every other answer.
fn flaky(listener: &TcpListener, to: &str) {
    for (i, stream) in listener.incoming().enumerate() {
        let mut stream = stream.expect("a connection");
        let Some(request) = read_request(&mut stream) else { continue };
        let text = String::from_utf8_lossy(&request).into_owned();
        if text.starts_with("QUIT") {
            return;
        }
        let mut server = TcpStream::connect(to).expect("the server is there");
        // The server closes after its answer, so that it can be read to its end.
        let at = request.windows(2).position(|w| w == b"\r\n").expect("a line") + 2;
        let request = [&request[..at], b"connection: close\r\n", &request[at..]].concat();
        server.write_all(&request).expect("hands on");
        let mut answer = Vec::new();
        server.read_to_end(&mut answer).ok();
        let lost = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec();
        stream.write_all(if i % 2 == 0 { &lost } else { &answer }).ok();
    }
}

#[test]
fn a_retrying_sdk_behind_a_flaky_proxy() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let to = serve.at("otlp-http").to_owned();
    let proxy = std::thread::spawn(move || flaky(&listener, &to));
    let python = PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cache/sextant/venv/bin/python");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients/retry_sdk.py");
    let output = Command::new(python).arg(script).arg(&address).output().expect("the client starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    TcpStream::connect(&address).expect("the proxy").write_all(b"QUIT\r\n\r\n").expect("quits");
    proxy.join().expect("the proxy ends");
    assert_eq!(n_spans(&serve), 60);
    let (received, stored, duplicates) = ledger(&serve, 0);
    assert_eq!((received, stored, duplicates), (120, 60, 60));
    assert_eq!(serve.count("SELECT count(*) FROM logs"), 20);
    assert_eq!(ledger(&serve, 1), (40, 20, 20));
}
