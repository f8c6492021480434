//! Everything that can be wrong with what is sent: a precise refusal, or kept with a mark; and always counted.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use sextant_tests::{Serve, request, run};
use std::io::Write as _;
use std::net::TcpStream;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const JSON: (&str, &str) = ("content-type", "application/json");

fn spans(spans: Vec<Span>) -> Vec<u8> {
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    ExportTraceServiceRequest { resource_spans: vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }] }
        .encode_to_vec()
}

fn span(id: u8) -> Span {
    Span {
        trace_id: vec![id; 16],
        span_id: vec![id; 8],
        name: "x".into(),
        start_time_unix_nano: 1,
        end_time_unix_nano: 2,
        ..Span::default()
    }
}

/// Path, headers, body, and the status and words that come back.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a [u8], u16, &'a str);

#[test]
fn requests_that_cannot_be_read_are_refused_precisely() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let post =
        |path: &str, headers: &[(&str, &str)], body: &[u8]| request(serve.at("otlp-http"), "POST", path, headers, body);
    let good = spans(vec![span(1)]);
    let bomb = gzip(&vec![0; 80 << 20]);
    let cases: [Case<'_>; 12] = [
        ("/v1/traces", &[PROTOBUF], b"\xff\xff\xff", 400, "malformed protobuf"),
        ("/v1/traces", &[JSON], b"{\"resourceSpans\":[", 400, "malformed json"),
        ("/v1/traces", &[JSON], b"[1,2]", 400, "an object was expected"),
        ("/v1/traces", &[("content-type", "text/plain")], b"x", 415, "content type"),
        ("/v1/traces", &[], b"x", 415, "content type"),
        ("/v1/nonsense", &[JSON], b"{}", 404, "/v1/traces"),
        ("/", &[JSON], b"{}", 404, "/v1/traces"),
        ("/v1/traces", &[PROTOBUF, ("content-encoding", "br")], b"x", 415, "'br'"),
        ("/v1/traces", &[PROTOBUF, ("content-encoding", "gzip")], &good, 400, "gzip"),
        ("/v1/traces", &[PROTOBUF, ("content-encoding", "gzip")], &bomb[..bomb.len() / 2], 400, "gzip"),
        ("/v1/traces", &[PROTOBUF, ("content-encoding", "gzip")], &bomb, 413, "larger than the limit"),
        (
            "/v1/logs",
            &[JSON],
            b"{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"a\",\"value\":{\"intValue\":\"x\"}}]}}]}",
            400,
            "invalid number",
        ),
    ];
    for (path, headers, body, status, words) in cases {
        let response = post(path, headers, body);
        assert_eq!(response.status, status, "{path} {headers:?}: {}", response.text());
        assert!(response.text().to_lowercase().contains(words), "{words} is missing in {}", response.text());
    }
    let get = request(serve.at("otlp-http"), "GET", "/v1/traces", &[], b"");
    assert_eq!((get.status, get.header("allow")), (405, Some("post, options")));
    // What is right stays right, whatever case or parameters its headers have.
    for (headers, body) in [
        (&[("content-type", "Application/X-Protobuf; charset=utf-8")][..], &good[..]),
        (&[("content-type", "application/json;charset=utf-8")], b"{}"),
        (&[PROTOBUF], b""),
    ] {
        let response = post("/v1/traces", headers, body);
        assert_eq!((response.status, response.body.len() <= 2), (200, true), "{headers:?}");
    }
    let status = serve.api("GET", "/api/v1/status", "").json();
    assert_eq!(status["malformed_requests"], 4);
}

/// Gzip by an ordinary program, so that the test does not trust the crate that it tests.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::process::{Command, Stdio};
    let mut child =
        Command::new("gzip").arg("-c").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("gzip runs");
    let mut stdin = child.stdin.take().expect("a pipe");
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes));
    let out = child.wait_with_output().expect("gzip ends").stdout;
    writer.join().expect("written").expect("written");
    out
}

#[test]
fn one_bad_record_does_not_cost_its_neighbours() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let mut all = vec![span(1), span(2)];
    all.push(Span { trace_id: vec![0; 16], ..span(3) });
    all.push(Span { span_id: vec![0; 8], ..span(4) });
    all.push(Span { trace_id: vec![7; 5], ..span(5) });
    all.push(Span { end_time_unix_nano: 1, start_time_unix_nano: 9, ..span(6) });
    all.push(Span { parent_span_id: vec![7; 8], ..span(7) });
    all.push(Span { parent_span_id: vec![99; 8], ..span(8) });
    all.extend([span(1), Span { start_time_unix_nano: 0, end_time_unix_nano: 0, ..span(9) }]);
    all.push(Span { start_time_unix_nano: u64::MAX, ..span(10) });
    all.push(Span { end_time_unix_nano: i64::MAX as u64 - 1, start_time_unix_nano: i64::MAX as u64 - 2, ..span(11) });
    let response = request(serve.at("otlp-http"), "POST", "/v1/traces", &[PROTOBUF], &spans(all));
    assert_eq!(response.status, 200);
    assert!(response.text().contains("invalid trace id"), "{}", response.text());
    let json = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
        {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"q\"uote\nline","kind":"SPAN_KIND_SERVER","startTimeUnixNano":"1","endTimeUnixNano":2,
         "attributes":[{"key":"a\"b\nc","value":{"stringValue":"x"}},{"key":"d","value":{"doubleValue":null}}]},
        {"traceId":"W47/95gDgQPSabYzgT/GDA==","spanId":"7uGbfsPBsXQ="},
        {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b175","kind":"SPAN_KIND_TELEPATHY"},
        {"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b176","startTimeUnixNano":"1.5"}]}]}]}"#;
    let response = serve.post_json("otlp-http", "/v1/traces", json);
    assert_eq!(response.json()["partialSuccess"]["rejectedSpans"], "3", "{}", response.text());
    let invalid = br#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"caf"#;
    let mut invalid = invalid.to_vec();
    invalid.extend_from_slice(b"\xe9\"}}]}]}]}");
    assert_eq!(request(serve.at("otlp-http"), "POST", "/v1/logs", &[JSON], &invalid).status, 200);

    let status = serve.api("GET", "/api/v1/status", "").json();
    for row in status["ledger"].as_array().expect("rows") {
        let sum = |key: &str| {
            row[key].as_object().expect("reasons").values().filter_map(serde_json::Value::as_u64).sum::<u64>()
        };
        let n = |key: &str| row[key].as_u64().expect("a number");
        assert_eq!(n("received"), n("stored") + sum("rejected") + sum("evicted"), "{row}");
    }
    let traces = &status["ledger"][0];
    assert_eq!(traces["received"], 16);
    for (reason, n) in [
        ("invalid_trace_id", 2),
        ("invalid_span_id", 1),
        ("time_out_of_range", 1),
        ("invalid_id", 1),
        ("unknown_enum_name", 1),
        ("invalid_number", 1),
        ("duplicate", 1),
    ] {
        assert_eq!(traces["rejected"][reason], n, "{reason} in {traces}");
    }
    assert_eq!(
        (&traces["marked"]["end_before_start"], &traces["marked"]["time_zero"]),
        (&1.into(), &1.into()),
        "{traces}"
    );
    assert_eq!(serve.count("SELECT count(*) FROM traces"), 8);
    assert_eq!(serve.count("SELECT count(*) FROM traces WHERE SpanAttributes['a\"b' || chr(10) || 'c'] = 'x'"), 1);
    assert_eq!(serve.stop(), Some(0), "absurd times are sealed like others");
    let again = Serve::start(dir.path());
    assert_eq!(again.count("SELECT count(*) FROM traces"), 8);
}

#[test]
fn slow_and_silent_clients_cost_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let silent: Vec<TcpStream> =
        (0..50).map(|_| TcpStream::connect(serve.at("otlp-http")).expect("it accepts")).collect();
    let mut slow = TcpStream::connect(serve.at("otlp-http")).expect("it accepts");
    slow.write_all(b"POST /v1/traces HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{")
        .expect("sent");
    assert_eq!(serve.post_json("otlp-http", "/v1/traces", "{}").status, 200);
    drop((silent, slow));
    assert_eq!(serve.stop(), Some(0));
}

#[test]
fn what_stops_the_program_is_said_in_a_line() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().to_string_lossy().into_owned();
    let serve = Serve::start(dir.path());
    let second = run(&["serve", "--data", &data, "--http", "127.0.0.1:0"]);
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(1));
    assert!(text.contains("in use by another process") && text.lines().count() <= 8, "{text}");
    let other = tempfile::tempdir().expect("a directory");
    let taken = run(&[
        "serve",
        "--data",
        &other.path().to_string_lossy(),
        "--otlp-http",
        serve.at("otlp-http"),
        "--otlp-grpc",
        "127.0.0.1:0",
    ]);
    let text = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert_eq!(taken.status.code(), Some(1));
    assert!(text.contains("port is taken") && text.contains("--otlp-http"), "{text}");
    let file = other.path().join("file");
    std::fs::write(&file, "x").expect("written");
    let bad = run(&["serve", "--data", &file.join("x").to_string_lossy()]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("cannot create"));
}

#[test]
fn a_large_record_before_many_small_ones_takes_no_memory_for_those() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let record = |n: usize, severity: i64| serde_json::json!({ "severityNumber": severity, "attributes": [{ "key": "k", "value": { "stringValue": "x".repeat(n) } }] });
    let mut records: Vec<_> = (0..20).map(|_| record(25_000, i64::from(i32::MAX))).collect();
    records.extend((0..20_000).map(|_| record(1, 9)));
    let logs = serde_json::json!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": records }] }] });
    assert_eq!(serve.post_json("otlp-http", "/v1/logs", &logs.to_string()).status, 200);
    let hot = serve.api("GET", "/api/v1/status", "").json()["sizes"]["hot_bytes"].as_u64().expect("bytes");
    assert!(hot < 40 << 20, "{hot} bytes in memory");
    // The next one is taken too, also after one with the largest severity there is.
    assert_eq!(serve.post_json("otlp-http", "/v1/logs", &logs.to_string()).status, 200);
    assert_eq!(serve.stop(), Some(0));
}
