//! `/api/v1` as scripts use it: searches and figures as JSON, page by page, and the examples of the guide.

use serde_json::{Value, json as object};
use sextant_tests::Serve;

const NAMES: [&str; 3] = ["GET /", "SELECT", "render"];
const START: i64 = 1_790_000_000_000_000_000;

/// 250 logs, ten of each moment, and 30 spans.
fn world(serve: &Serve) {
    let record = |i: i64| {
        object!({
            "timeUnixNano": (START + i / 10 * 1_000_000_000).to_string(), "severityNumber": if i % 5 == 0 { 17 } else { 9 },
            "body": { "stringValue": format!("line {i}") },
            "attributes": [{ "key": "n", "value": { "stringValue": i.to_string() } }],
        })
    };
    let resource = object!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "checkout" } }] });
    // In two requests, so that rows of one moment come from both.
    for part in 0..2 {
        let records: Vec<Value> = (0..250).filter(|i| i % 2 == part).map(record).collect();
        let logs = object!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{ "logRecords": records }] }] });
        assert_eq!(serve.post_json("otlp-http", "/v1/logs", &logs.to_string()).status, 200);
    }
    let span = |i: i64| {
        object!({
            "traceId": format!("{:032x}", i / 3 + 1), "spanId": format!("{:016x}", i + 1),
            "parentSpanId": if i % 3 == 0 { String::new() } else { format!("{i:016x}") },
            "name": NAMES[i as usize % 3], "kind": 2,
            "startTimeUnixNano": (START + i * 1_000_000).to_string(),
            "endTimeUnixNano": (START + i * 2_000_000).to_string(),
        })
    };
    let spans: Vec<Value> = (0..30).map(span).collect();
    let traces = object!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": spans }] }] });
    assert_eq!(serve.post_json("otlp-http", "/v1/traces", &traces.to_string()).status, 200);
}

fn ask(serve: &Serve, body: &Value) -> Value {
    let response = serve.api("POST", "/api/v1/ask", &body.to_string());
    assert_eq!(response.status, 200, "{body}: {}", response.text());
    response.json()
}

fn rows(answer: &Value) -> Vec<Value> {
    answer["rows"].as_array().expect("rows").clone()
}

#[test]
fn pages_fit_together() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    world(&serve);
    for limit in [1, 3, 7, 10, 64, 249, 250, 251] {
        let (mut seen, mut cursor, mut n_pages) = (Vec::new(), Value::Null, 0);
        loop {
            let mut body = object!({ "from": "logs", "limit": limit, "filter": "line" });
            if !cursor.is_null() {
                body["cursor"] = cursor;
            }
            let answer = ask(&serve, &body);
            let page = rows(&answer);
            assert!(page.len() <= limit);
            seen.extend(page.iter().map(|r| r["LogAttributes"]["n"].as_str().expect("its number").to_owned()));
            cursor = answer["cursor"].clone();
            n_pages += 1;
            // A page of a moment in the middle of which others ended is asked for from its beginning.
            if cursor.is_null() || n_pages > 300 {
                break;
            }
        }
        let mut numbers: Vec<i64> = seen.iter().map(|n| n.parse().expect("a number")).collect();
        assert!(numbers.is_sorted_by(|a, b| a / 10 >= b / 10), "the newest first, {limit} at a time");
        numbers.sort_unstable();
        assert_eq!(numbers, (0..250).collect::<Vec<_>>(), "each once, {limit} at a time");
    }
}

#[test]
fn figures_and_mistakes() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    world(&serve);
    let by_level = ask(&serve, &object!({ "from": "logs", "aggregates": ["count"], "group_by": ["level"] }));
    assert_eq!(
        rows(&by_level),
        [object!({ "level": "INFO", "count": 200 }), object!({ "level": "ERROR", "count": 50 })]
    );
    let slowest = object!({
        "from": "spans", "filter": { "field": "service", "op": "equals", "value": "checkout" },
        "aggregates": ["max(duration)", "count"], "group_by": ["name"], "order_by": "max(duration)", "limit": 1,
    });
    assert_eq!(rows(&ask(&serve, &slowest)), [object!({ "name": "render", "max(duration)": 29_000_000, "count": 10 })]);
    // 0 to 29 ms, a millisecond apart; what begins is open is that of all of them.
    let all = object!({ "from": "spans", "aggregates":
        ["p50(duration)", "p95(duration)", "avg(duration)", "sum(duration)", "min(duration)", "distinct(name)", "errors", "rate"] });
    let row = rows(&ask(&serve, &all))[0].clone();
    let n = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
    let whole = |key: &str| n(key).round() as i64;
    let figures = ["p50(duration)", "avg(duration)", "sum(duration)", "min(duration)", "distinct(name)", "errors"];
    assert_eq!(figures.map(whole), [14_500_000, 14_500_000, 435_000_000, 0, 3, 0]);
    assert!((n("p95(duration)") - 27.55e6).abs() < 1.0 && (n("rate") - 30.0 / 0.029).abs() < 1e-6, "{row}");
    let rates = object!({ "from": "spans", "aggregates": ["rate"], "group_by": ["name"] });
    let rates: Vec<f64> = rows(&ask(&serve, &rates)).iter().filter_map(|r| r["rate"].as_f64()).collect();
    assert!(rates.len() == 3 && rates.iter().all(|r| (r - 10.0 / 0.029).abs() < 1e-6), "one period for all: {rates:?}");
    let below = object!({ "from": "spans", "filter": { "parent": ["name:GET", "name:SELECT"] }, "limit": 5 });
    assert!(rows(&ask(&serve, &below)).iter().all(|r| r["SpanName"] == "SELECT"));
    assert_eq!(rows(&ask(&serve, &object!({ "from": "traces", "limit": 50 }))).len(), 10);
    for (body, part) in [
        (object!({ "from": "nothing" }), "nothing called 'nothing'"),
        (object!({ "from": "logs", "fliter": "x" }), "fliter"),
        (object!({ "from": "logs", "filter": { "field": "x", "op": "like" } }), "filter.op"),
        (object!({ "from": "logs", "cursor": "x" }), "is no cursor"),
        (object!({ "from": "traces", "cursor": "1.1" }), "are paged"),
        (object!({ "from": "logs", "period": { "from": "soon" } }), "period.from"),
    ] {
        let response = serve.api("POST", "/api/v1/ask", &body.to_string());
        assert_eq!(response.status, 400, "{body}");
        assert!(response.json()["message"].as_str().is_some_and(|m| m.contains(part)), "{body}: {}", response.text());
    }
    assert_eq!(serve.api("GET", "/api/v1/ask.schema.json", "").json()["required"], object!(["from"]));
    let document = serve.api("GET", "/api/v1/openapi.json", "").json();
    assert!(document["paths"]["/api/v1/ask"].is_object());
}

/// Every block of JSON in the guide is a body that is taken.
#[test]
fn the_examples_of_the_guide_are_taken() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    world(&serve);
    let guide =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide/api.md")).expect("the guide");
    let blocks: Vec<&str> = guide.split("```json\n").skip(1).filter_map(|b| b.split("```").next()).collect();
    assert!(blocks.len() >= 4, "{} examples", blocks.len());
    for block in blocks {
        let body: Value = serde_json::from_str(block).unwrap_or_else(|e| panic!("{block}: {e}"));
        ask(&serve, &body);
    }
    // Each line with curl is run as it stands, at this server's addresses.
    let commands: Vec<&str> = guide.lines().filter(|line| line.starts_with("curl ")).collect();
    assert!(commands.len() >= 10, "{commands:?}");
    for command in commands {
        let here = command.replace("127.0.0.1:4320", serve.at("http")).replace("127.0.0.1:9411", serve.at("zipkin"));
        // What never ends is heard for a second.
        let is_endless = here.contains("curl -sN");
        let here = here.replace("curl -sN", "curl -sN --max-time 1").replacen("curl ", "curl --fail-with-body ", 1);
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", &here]).env("TOKEN", &serve.token).output().expect("a shell");
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() || is_endless && output.status.code() == Some(28), "{here}: {text}");
        let is_file = here.contains("format=csv") && text.starts_with("Timestamp,");
        let is_json = text.is_empty() || serde_json::from_str::<Value>(&text).is_ok();
        assert!(is_endless || is_file || is_json, "{here}: {text}");
    }
}

/// Events of a stream until `n` of them came.
fn events(serve: &Serve, query: &str, n: usize, meanwhile: impl FnOnce()) -> Vec<Value> {
    use std::io::{BufRead as _, BufReader, Write as _};
    let mut stream = std::net::TcpStream::connect(serve.at("http")).expect("connects");
    stream.set_read_timeout(Some(std::time::Duration::from_secs(20))).expect("sets");
    let head = format!("GET /api/v1/logs/tail?q={query} HTTP/1.1\r\nhost: {}\r\n", serve.at("http"));
    write!(stream, "{head}authorization: Bearer {}\r\n\r\n", serve.token).expect("sends");
    let mut lines = BufReader::new(stream).lines().map(|line| line.expect("a line"));
    assert!(lines.next().is_some_and(|line| line.contains("200")));
    // The comment says that it is heard.
    while !lines.next().expect("a line").starts_with(':') {}
    meanwhile();
    let data = lines.filter_map(|line| serde_json::from_str(line.strip_prefix("data: ")?).ok());
    data.take(n).collect()
}

#[test]
fn new_logs_come_as_they_are_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    world(&serve);
    let send = |text: &str, severity: u32| {
        let logs = object!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
            { "timeUnixNano": START.to_string(), "severityNumber": severity, "body": { "stringValue": text } }] }] }] });
        assert_eq!(serve.post_json("otlp-http", "/v1/logs", &logs.to_string()).status, 200);
    };
    let found = events(&serve, "level:error%20tail*", 3, || {
        for i in 0..4 {
            send(&format!("tail{i}"), if i == 1 { 9 } else { 17 });
        }
        send("another", 17);
    });
    let bodies: Vec<&str> = found.iter().filter_map(|r| r["Body"].as_str()).collect();
    assert_eq!(bodies, ["tail0", "tail2", "tail3"], "what was there before and what does not match stays out");
    let refused = serve.api("GET", "/api/v1/logs/tail?q=%7C%20count", "");
    assert!(refused.status == 400 && refused.text().contains("only they themselves"), "{}", refused.text());
    assert_eq!(serve.stop(), Some(0), "a reader keeps nobody from stopping");
}
