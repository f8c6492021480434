//! What Zipkin's clients send, as it is kept.

use super::*;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;

fn rows(decoded: Result<Decoded, DecodeError>) -> RecordBatch {
    let decoded = decoded.expect("it is taken");
    decoded.batches.into_iter().next().expect("spans").rows
}

fn texts(rows: &RecordBatch, name: &str) -> Vec<String> {
    let column = rows.column_by_name(name).expect("a column").as_string::<i32>();
    column.iter().map(|v| v.unwrap_or_default().to_owned()).collect()
}

/// Attributes of a row as text.
fn attributes(rows: &RecordBatch, row: usize) -> Vec<String> {
    let map = rows.column_by_name("SpanAttributes").expect("a column").as_map().value(row);
    let (keys, values) = (map.column(0).as_string::<i32>(), map.column(1).as_string::<i32>());
    (0..keys.len()).map(|i| format!("{}={}", keys.value(i), values.value(i))).collect()
}

/// The example of Zipkin's own tests: both halves of a call in one v1 span.
const SHARED: &str = r#"[{"traceId":"463ac35c9f6413ad","id":"a2fb4a1d1a96d312","parentId":"463ac35c9f6413ae",
    "name":"get","timestamp":1472470996199000,"duration":207000,
    "annotations":[
        {"timestamp":1472470996199000,"value":"cs","endpoint":{"serviceName":"frontend","ipv4":"127.0.0.1"}},
        {"timestamp":1472470996250000,"value":"sr","endpoint":{"serviceName":"backend","port":9000}},
        {"timestamp":1472470996300000,"value":"half way","endpoint":{"serviceName":"backend"}},
        {"timestamp":1472470996350000,"value":"ss","endpoint":{"serviceName":"backend"}},
        {"timestamp":1472470996406000,"value":"cr","endpoint":{"serviceName":"frontend"}}],
    "binaryAnnotations":[
        {"key":"http.path","value":"/api","endpoint":{"serviceName":"frontend"}},
        {"key":"error","value":"no","endpoint":{"serviceName":"backend"}},
        {"key":"sa","value":true,"endpoint":{"serviceName":"backend","ipv4":"192.168.99.101","port":9000}}]}]"#;

#[test]
fn a_v1_span_with_both_halves_is_two() {
    let rows = rows(decode_json_v1(SHARED.as_bytes(), 0, OnBadSpan::Refuse));
    assert_eq!(rows.num_rows(), 2);
    let services = texts(&rows, "ServiceName");
    let (client, server) = if services[0] == "frontend" { (0, 1) } else { (1, 0) };
    assert_eq!(services[server], "backend");
    let kinds = texts(&rows, "SpanKind");
    assert_eq!((kinds[client].as_str(), kinds[server].as_str()), ("Client", "Server"));
    let durations = rows.column_by_name("Duration").expect("a column").as_primitive::<Int64Type>();
    assert_eq!((durations.value(client), durations.value(server)), (207_000_000, 100_000_000));
    assert!(attributes(&rows, client).contains(&"http.path=/api".to_owned()), "{:?}", attributes(&rows, client));
    assert!(attributes(&rows, client).iter().any(|a| a == "peer.service=backend"), "{:?}", attributes(&rows, client));
    assert_eq!(texts(&rows, "StatusCode")[server], "Error");
}

#[test]
fn a_v1_span_without_halves_keeps_what_it_has() {
    let text = r#"[{"traceId":"1","id":"2","name":"local","timestamp":10,"duration":5,
        "binaryAnnotations":[{"key":"lc","value":"jdbc","endpoint":{"serviceName":"db"}}]}]"#;
    let rows = rows(decode_json_v1(text.as_bytes(), 0, OnBadSpan::Refuse));
    assert_eq!((texts(&rows, "ServiceName"), texts(&rows, "SpanKind")), (vec!["db".into()], vec!["Internal".into()]));
}

#[test]
fn each_version_takes_its_own() {
    let refused = decode_json(SHARED.as_bytes(), 0, OnBadSpan::Refuse).expect_err("v1 is refused").to_string();
    assert!(refused.contains("v1"), "{refused}");
    for bad in ["{}", "[1]", "[{\"traceId\":\"x\"}]", "[{\"annotations\":[1]}]", "[{]", "[] x"] {
        assert!(decode_json_v1(bad.as_bytes(), 0, OnBadSpan::Refuse).is_err(), "{bad}");
        // Cut short anywhere, it comes back.
        for n in 0..SHARED.len() {
            decode_json_v1(&SHARED.as_bytes()[..n], 0, OnBadSpan::Count).ok();
        }
    }
    let empty = decode_json_v1(b"[]", 0, OnBadSpan::Refuse).expect("an empty list is fine");
    assert_eq!(empty.counts(Signal::Traces).received, 0);
}
