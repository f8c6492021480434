//! The official SDKs, as users' programs have them.

use serde_json::Value;
use sextant_tests::{Serve, json};
use std::path::PathBuf;
use std::process::Command;

fn cache() -> PathBuf {
    PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cache/sextant")
}

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients").join(name)
}

/// What the page says of itself at these addresses, in a real browser.
fn page(serve: &Serve, hashes: &[String]) -> Vec<String> {
    let url = format!("http://{}/?token={}", serve.at("http"), serve.token);
    let mut browser = Command::new("node");
    browser.env("NODE_CLIENT_ROOT", cache().join("node")).arg(script("said.mjs")).arg(url).args(hashes);
    let output = browser.output().expect("node starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("the page says something")
}

/// What a client says it sent, and what every way of asking says is there.
fn check(serve: &Serve, client: &mut Command) {
    let output = client.output().expect("the client starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let sent: Value = serde_json::from_slice(&output.stdout).expect("the client says what it sent");
    let data = serve.dir.to_string_lossy().into_owned();
    for (service, sent) in sent.as_object().expect("services") {
        let query = format!("service:\"{service}\"");
        for (kind, key) in [("spans", "spans"), ("logs", "logs"), ("metrics", "points")] {
            let rows = json(&["search", kind, &query, "--data", &data, "--format", "json"]);
            assert_eq!(rows.as_array().map(|r| r.len() as u64), sent[key].as_u64(), "{service} {kind}");
        }
        let count = |table: &str| serve.count(&format!("SELECT count(*) FROM {table} WHERE ServiceName = '{service}'"));
        assert_eq!(count("traces"), sent["spans"].as_u64().expect("spans"));
        assert_eq!(count("logs"), sent["logs"].as_u64().expect("logs"));
        // The page shows as many.
        let of = format!("?q=service%3A%22{service}%22&last=60");
        let said = page(serve, &[format!("#/traces{of}"), format!("#/logs{of}")]);
        let distinct = format!("SELECT count(DISTINCT TraceId) FROM traces WHERE ServiceName = '{service}'");
        let (traces, logs) = (serve.count(&distinct), &sent["logs"]);
        assert!(said[0].contains(&format!("Showing {traces} of {traces} traces")), "{said:?}");
        assert!(said[1].contains(&format!("Showing {logs} of {logs} records")), "{said:?}");
        assert!(said.iter().all(|s| s.contains("Answer complete")), "{said:?}");
        for id in sent["traces"].as_array().into_iter().flatten() {
            let id = id.as_str().expect("an id");
            let rows = serve.api("GET", &format!("/api/v1/traces/{id}"), "").json();
            assert_eq!(rows["rows"].as_array().map(Vec::len), Some(2), "{id}");
        }
    }
}

#[test]
fn python_over_grpc_and_http() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let mut client = Command::new(cache().join("venv/bin/python"));
    check(&serve, client.arg(script("python_sdk.py")).args([serve.at("otlp-grpc"), serve.at("otlp-http")]));
    let errors = serve.count("SELECT count(*) FROM traces WHERE StatusCode = 'Error' AND StatusMessage = 'no stock'");
    assert_eq!(errors, 8);
    // Types survive: a double that is whole, a list, bytes, a key that is no ASCII.
    let data = dir.path().to_string_lossy().into_owned();
    let spans =
        json(&["search", "spans", "name:\"POST /buy\" n:\"7\"", "--data", &data, "--format", "json", "--limit", "1"]);
    let id = spans[0]["TraceId"].as_str().expect("an id").to_owned();
    let text = json(&["trace", &id, "--data", &data, "--format", "otlp-json"]).to_string();
    for expected in [
        r#"{"key":"n","value":{"intValue":"7"}}"#,
        r#"{"key":"ratio","value":{"doubleValue":1}}"#,
        r#"{"key":"ok","value":{"boolValue":true}}"#,
        r#"{"key":"tags","value":{"arrayValue":{"values":[{"stringValue":"a"},{"stringValue":"b"}]}}}"#,
        r#"{"key":"raw","value":{"bytesValue":"AP8="}}"#,
        r#"{"key":"ünï","value":{"stringValue":"ö"}}"#,
    ] {
        assert!(text.contains(expected), "{expected} is missing in {text}");
    }
}

#[test]
fn node_over_http_json() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let mut client = Command::new("node");
    client.env("NODE_CLIENT_ROOT", cache().join("node")).arg(script("node_sdk.mjs")).arg(serve.at("otlp-http"));
    check(&serve, &mut client);
}

#[test]
fn zipkin_sends_and_reads_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let mut client = Command::new(cache().join("venv/bin/python"));
    let output = client.arg(script("zipkin_client.py")).args([serve.at("zipkin"), &serve.token]).output();
    let output = output.expect("the client starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said: Value = serde_json::from_slice(&output.stdout).expect("what it found");
    // The same edges as our own API has.
    let ours = serve.api("GET", "/api/v1/services/shop/dependencies", "").json();
    let edge = |row: &Value| {
        format!(
            "{} {} {}",
            row["parent"],
            row["child"],
            row["calls"].as_i64().or(row["callCount"].as_i64()).unwrap_or(0)
        )
    };
    let edges = |rows: &Value| rows.as_array().map(|rows| rows.iter().map(edge).collect::<Vec<_>>());
    assert_eq!(edges(&said["edges"]), edges(&ours["rows"]), "{said}");
    // What came over OTLP is read in Zipkin's words too.
    let span = serde_json::json!({
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "SELECT", "kind": 3,
        "startTimeUnixNano": "1790000000000001234", "endTimeUnixNano": "1790000000000001900",
        "attributes": [{ "key": "server.address", "value": { "stringValue": "DB-1" } }],
        "events": [{ "timeUnixNano": "1790000000000001300", "name": "retry",
            "attributes": [{ "key": "n", "value": { "intValue": "2" } }] }],
        "status": { "code": 2 },
    });
    let resource =
        serde_json::json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "Orders" } }] });
    let scope = serde_json::json!({ "name": "sqlx", "version": "1" });
    let sent = serde_json::json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "scope": scope, "spans": [span] }] }] });
    assert_eq!(serve.post_json("otlp-http", "/v1/traces", &sent.to_string()).status, 200);
    let read = serve.get_of("zipkin", "/api/v2/trace/5b8efff798038103d269b633813fc60c").json();
    assert_eq!(
        read,
        serde_json::json!([{
            "traceId": "5b8efff798038103d269b633813fc60c", "id": "eee19b7ec3c1b174", "kind": "CLIENT", "name": "select",
            "timestamp": 1_790_000_000_000_001_i64, "duration": 1,
            "localEndpoint": { "serviceName": "orders" }, "remoteEndpoint": { "serviceName": "db-1" },
            "annotations": [{ "timestamp": 1_790_000_000_000_001_i64, "value": "\"retry\": {\"n\":\"2\"}" }],
            "tags": { "server.address": "DB-1", "otel.scope.name": "sqlx", "otel.scope.version": "1",
                "otel.status_code": "ERROR", "error": "" },
        }])
    );
}
