//! Recorded files: each imports with the number of records that its own content says, and comes back as it was.

use serde_json::Value;
use sextant_tests::{json, ok, run};
use std::path::PathBuf;

fn data(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data").join(path)
}

fn import(dir: &str, path: &str) -> Value {
    json(&["import", &data(path).to_string_lossy(), "--data", dir, "--json"])
}

#[test]
fn every_recorded_file_imports_whole() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path().to_string_lossy().into_owned();
    for (path, format, n) in [
        ("otlp-proto-examples/trace.json", "otlp-json", 1),
        ("otlp-proto-examples/logs.json", "otlp-json", 1),
        ("otlp-proto-examples/events.json", "otlp-json", 1),
        ("otlp-proto-examples/metrics.json", "otlp-json", 4),
        ("otlp2parquet/trace.json", "otlp-json", 2),
        ("otlp2parquet/traces.jsonl", "otlp-json", 19),
        ("otlp2parquet/traces.pb", "otlp-pb", 19),
        ("otlp2parquet/metrics_gauge.jsonl", "otlp-json", 3),
        ("otlp2parquet/metrics_histogram.json", "otlp-json", 3),
        ("otlp2parquet/metrics_sum.json", "otlp-json", 4),
        ("duckdb-otlp/logs_nulls.jsonl", "otlp-json", 3),
        ("duckdb-otlp/metrics_simple.jsonl", "otlp-json", 3),
        ("duckdb-otlp/metrics_temporality_strings.jsonl", "otlp-json", 1),
        ("duckdb-otlp/otlp_metrics.pb", "otlp-pb", 1),
        ("duckdb-otlp/traces_simple.jsonl", "otlp-json", 3),
        ("otel-rust-expected/serialized_traces.json", "otlp-json", 2),
        ("otel-rust-expected/metrics.json", "otlp-json", 3),
        ("zipkin-lens/messaging-kafka.json", "zipkin", 28),
        ("zipkin-lens/yelp.json", "zipkin", 16),
        ("zipkin-lens/skew.json", "zipkin", 4),
        ("zipkin-lens/envoy.json", "zipkin", 1),
    ] {
        let report = import(&dir, path);
        // The same traces in another encoding are kept once.
        let stored = if path == "otlp2parquet/traces.pb" { 0 } else { n };
        assert_eq!((&report["read"], &report["stored"]), (&n.into(), &stored.into()), "{path}");
        assert_eq!(report["skipped_by_reason"]["duplicate"].as_u64().unwrap_or(0), n - stored, "{path}");
        assert_eq!(report["files"][0]["format"], format, "{path}");
    }
    let status = json(&["status", "--data", &dir, "--format", "json"]);
    for row in status["ledger"].as_array().expect("rows") {
        let n = |key: &str| row[key].as_u64().expect("a number");
        let duplicates = row["rejected"]["duplicate"].as_u64().unwrap_or(0);
        assert_eq!(n("received"), n("stored") + duplicates, "{row}");
    }
}

#[test]
fn half_good_files_say_which_lines_are_bad() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = dir.path().to_string_lossy().into_owned();
    let file = dir.path().join("half.jsonl");
    let good = std::fs::read_to_string(data("duckdb-otlp/single_trace.jsonl")).expect("it is there");
    let other = good.replace("\"0000000000000001\"", "\"0000000000000002\"");
    std::fs::write(&file, format!("{}\nnonsense\n\r\n{}\n{{\"resourceSpans\":[", good.trim(), other.trim()))
        .expect("written");
    let report = json(&["import", &file.to_string_lossy(), "--data", &at, "--json"]);
    assert_eq!((&report["stored"], &report["skipped"]), (&2.into(), &2.into()));
    assert_eq!(report["skipped_by_reason"]["malformed_json"], 2);
    let problems = report["files"][0]["problems"].to_string();
    assert!(problems.contains("line 2") && problems.contains("line 5"), "{problems}");
    let empty = data("duckdb-otlp/empty.jsonl");
    assert_eq!(json(&["import", &empty.to_string_lossy(), "--data", &at, "--json"])["read"], 0);
    let none = run(&["import", &data("SOURCES.md").to_string_lossy(), "--data", &at]);
    assert_eq!(none.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&none.stderr).contains("SOURCES.md"));
    assert_eq!(run(&["import", "x", "--format", "toast"]).status.code(), Some(2));
}

/// Drops what a sender may leave out: zero counts, empty texts, and the order of keys.
fn normal(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(normal);
            map.retain(|key, v| {
                let is_default = v == &Value::from(0) || v == "" || v == &Value::Array(Vec::new()) || v.is_null();
                let is_empty_message =
                    matches!(key.as_str(), "status" | "resource" | "scope") && v == &serde_json::json!({});
                (!is_default || key.ends_with("Value")) && !is_empty_message
            });
        }
        Value::Array(items) => items.iter_mut().for_each(normal),
        _ => {}
    }
}

#[test]
fn a_trace_comes_back_as_it_was_sent() {
    for (path, id) in [
        ("otlp-proto-examples/trace.json", "5b8efff798038103d269b633813fc60c"),
        ("otel-rust-expected/serialized_traces.json", ""),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let dir = dir.path().to_string_lossy().into_owned();
        import(&dir, path);
        let text = std::fs::read_to_string(data(path)).expect("it is there");
        let mut sent: Value = serde_json::from_str(&text).expect("JSON");
        let first = &sent["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"];
        let id = if id.is_empty() { first.as_str().expect("an id").to_lowercase() } else { id.to_owned() };
        let mut back = json(&["trace", &id, "--data", &dir, "--format", "otlp-json"]);
        normal(&mut sent);
        normal(&mut back);
        let lower = |v: &Value| v.to_string().to_lowercase();
        let spans = |v: &Value| -> Vec<String> {
            let all = v["resourceSpans"].as_array().into_iter().flatten();
            let all = all.flat_map(|r| r["scopeSpans"].as_array().into_iter().flatten());
            let mut all: Vec<String> = all
                .flat_map(|s| s["spans"].as_array().into_iter().flatten())
                .filter(|s| s["traceId"].as_str().is_some_and(|t| t.eq_ignore_ascii_case(&id)))
                .map(lower)
                .collect();
            all.sort();
            all
        };
        assert_eq!(spans(&sent), spans(&back), "{path}");
        assert_eq!(
            lower(&sent["resourceSpans"][0]["resource"]),
            lower(&back["resourceSpans"][0]["resource"]),
            "{path}"
        );
    }
    let dir = tempfile::tempdir().expect("a directory");
    let unknown = run(&["trace", &"ab".repeat(16), "--data", &dir.path().to_string_lossy()]);
    assert_eq!(unknown.status.code(), Some(1));
}

#[test]
fn rows_come_in_every_format() {
    let dir = tempfile::tempdir().expect("a directory");
    let dir = dir.path().to_string_lossy().into_owned();
    import(&dir, "otlp2parquet/traces.jsonl");
    let search = |format: &str| run(&["search", "spans", "", "--data", &dir, "--format", format]).stdout;
    let rows: Value = serde_json::from_slice(&search("json")).expect("an array");
    let n = rows.as_array().expect("an array").len();
    assert_eq!(n, 19);
    assert_eq!(String::from_utf8_lossy(&search("ndjson")).lines().count(), n);
    assert!(String::from_utf8_lossy(&search("csv")).starts_with("Timestamp,TraceId,SpanId"));
    assert!(search("parquet").starts_with(b"PAR1") && search("parquet").ends_with(b"PAR1"));
    assert!(search("arrow").starts_with(&[0xff, 0xff, 0xff, 0xff]));
    assert!(rows[0]["Timestamp"].as_str().is_some_and(|t| t.ends_with('Z')));
    assert!(rows[0]["SpanAttributes"].is_object() && rows[0]["Duration"].is_i64());
    assert!(ok(&["search", "spans", "duration:>1s", "--data", &dir, "--explain"]).contains("SELECT"));
}
