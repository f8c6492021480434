//! Every question on every schema: what a source answers is what the store answers that holds the same records.

use serde_json::{Value, json};
use sextant_contract::{
    Answer, Ask, Backend as _, Command, MetricAsk, Outcome, Period, SearchAsk, SearchKind, SourcePut,
};
use sextant_model::UnixNanos;
use sextant_tests::clickhouse::ClickHouse;
use sextant_workbench::{Options, Workbench};
use std::path::Path;

const N: u64 = 1_000;

fn nanos(text: &str) -> i64 {
    UnixNanos::parse(text).expect("a time").0
}

fn period() -> Period {
    Period { from: Some(nanos("2026-11-20T11:50:00Z")), to: Some(nanos("2026-11-20T12:10:00Z")) }
}

fn search(kind: SearchKind, query: &str) -> SearchAsk {
    SearchAsk { kind, query: query.into(), period: period(), limit: 5_000, explain: false }
}

fn metric(name: &str, kind: &str, figure: &str, by: Option<&str>) -> Ask {
    Ask::Metric(MetricAsk {
        search: search(SearchKind::Metrics, ""),
        name: name.into(),
        kind: kind.into(),
        figure: figure.into(),
        by: by.map(str::to_owned),
        n_steps: 20,
    })
}

/// Rows as they can be held against each other: in an order of their own, without columns that only the store has.
fn rows(answer: &Answer, without: &[&str]) -> Vec<Value> {
    let text = sextant_contract::rows_to_json(&answer.batches);
    let mut rows: Vec<Value> = serde_json::from_str(&text).expect("rows");
    for row in &mut rows {
        if let Some(row) = row.as_object_mut() {
            row.retain(|key, _| !without.contains(&key.as_str()));
        }
        tidy(row);
    }
    rows.sort_by_key(Value::to_string);
    rows
}

/// Numbers of both engines as one kind, lists whose order says nothing in one.
fn tidy(value: &mut Value) {
    match value {
        Value::Number(n) => {
            if let Some(f) = n.as_f64() {
                *value = json!(format!("{f:.6}"));
            }
        }
        Value::Array(all) => {
            all.iter_mut().for_each(tidy);
            all.sort_by_key(Value::to_string);
        }
        Value::Object(all) => all.values_mut().for_each(tidy),
        _ => {}
    }
}

/// Each question, what both answers leave out, and whether the answer's object counts too.
fn questions(trace: &str, other: &str, span: &str) -> Vec<(&'static str, Ask, Vec<&'static str>, bool)> {
    let of_store = vec![
        "ProjectId",
        "IngestId",
        "ObservedTimestamp",
        "Flags",
        "ScopeName",
        "ScopeVersion",
        "TraceState",
        "Events",
        "Links",
        "EventName",
        "TraceFlags",
    ];
    let traces = |query: &str| search(SearchKind::Traces, query);
    let logs = |query: &str| search(SearchKind::Logs, query);
    vec![
        ("traces", Ask::Search(traces("service:svc1 error:true")), vec!["Services"], false),
        (
            "spans",
            Ask::Search(search(SearchKind::Spans, "http.route:\"/r3\" duration:>200ms")),
            of_store.clone(),
            false,
        ),
        ("logs", Ask::Search(logs("refused level:error")), of_store, false),
        ("count", Ask::Count(search(SearchKind::Spans, "kind:server")), vec![], true),
        (
            "figures",
            Ask::Search(search(SearchKind::Spans, "| count, p95(duration), errors by service, http.route")),
            vec![],
            false,
        ),
        ("figures of logs", Ask::Search(logs("| count by level every 1m")), vec![], false),
        ("histogram", Ask::Histogram { search: logs("request"), n_buckets: 30 }, vec![], false),
        (
            "facets",
            Ask::Facets { search: traces(""), fields: vec!["service".into(), "http.route".into(), "status".into()] },
            vec![],
            false,
        ),
        ("services", Ask::Services { period: period() }, vec![], false),
        ("dependencies", Ask::Dependencies { service: None, period: period() }, vec![], false),
        ("patterns", Ask::Patterns { search: logs("service:svc1"), n_parts: 10 }, vec!["regex", "example"], true),
        ("skeleton", Ask::Skeleton { id: trace.into() }, vec![], false),
        ("find in a trace", Ask::FindSpans { trace: trace.into(), text: "checkout".into() }, vec![], false),
        ("a span", Ask::Span { trace: trace.into(), span: span.into() }, vec![], false),
        ("compare", Ask::Compare { a: trace.into(), b: Some(other.into()), period: period() }, vec![], false),
        ("differs", Ask::Differs { search: traces(""), chosen: "error:true".into(), within: None }, vec![], false),
        ("extent", Ask::Extent { kind: SearchKind::Logs }, vec![], false),
        ("deployments", Ask::Deployments { period: period() }, vec![], false),
    ]
}

async fn ask(workbench: &Workbench, what: &str, ask: Ask) -> Answer {
    workbench.ask(ask).await.unwrap_or_else(|e| panic!("{what}: {e:?}"))
}

fn there(question: &Ask) -> Ask {
    Ask::Of { source: "there".into(), question: Box::new(question.clone()), is_heavy: false }
}

fn put(name: &str, url: String, database: &str, elsewhere: Option<Value>) -> Command {
    Command::SourcePut(Box::new(SourcePut {
        name: name.into(),
        url,
        database: database.into(),
        elsewhere: elsewhere.map(|all| serde_json::from_value(all).expect("signals")),
        ..SourcePut::default()
    }))
}

async fn attached(dir: &Path, server: &ClickHouse, database: &str) -> Workbench {
    let options = Options { store: sextant_store::Config::new(dir) };
    let workbench = Workbench::open(options, tokio::runtime::Handle::current()).expect("it opens");
    workbench.act(put("there", server.url(), database, None), Vec::new()).await.expect("it is kept");
    workbench
}

/// Takes over everything of the period.
async fn pulled(workbench: &Workbench) {
    let pull = Command::Pull {
        source: "there".into(),
        query: String::new(),
        signal: None,
        period: period(),
        whole_traces: false,
        is_heavy: false,
    };
    let outcome = workbench.act(pull, Vec::new()).await.expect("it comes");
    let Outcome::Object { object } = outcome else { panic!("no report") };
    let stored: u64 = object["files"].as_array().expect("files").iter().filter_map(|f| f["stored"].as_u64()).sum();
    assert!(stored >= 2 * N, "{object}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_view_of_each_schema_says_what_the_store_says() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = ClickHouse::start(&dir.path().join("server"), &json!({}));
    server.make("world", "exporter.sql");
    server.fill("world", N);
    let mut wrong = Vec::new();
    for (database, attached_as) in
        [("newest", "newest"), ("old", "old"), ("hyperdx", "hyperdx"), ("json", "json"), ("signoz", "signoz_traces")]
    {
        server.make(database, &format!("schemas/{database}.sql"));
        let workbench = attached(&dir.path().join(database), &server, attached_as).await;
        pulled(&workbench).await;
        let first = Ask::Search(search(SearchKind::Traces, "error:true service:svc1"));
        let found = rows(&ask(&workbench, database, first).await, &[]);
        let id = |i: usize| found[i]["TraceId"].as_str().expect("an id").to_owned();
        let spans = rows(&ask(&workbench, database, Ask::Trace { id: id(0) }).await, &[]);
        let span = spans[3]["SpanId"].as_str().expect("a span").to_owned();
        for (name, question, without, has_object) in questions(&id(0), &id(1), &span) {
            let what = format!("{database}: {name}");
            let here = ask(&workbench, &what, question.clone()).await;
            let there = match workbench.ask(there(&question)).await {
                Ok(there) => there,
                // Marked off, with the reason and the way out.
                Err(e) if (database, name) == ("json", "differs") => {
                    assert!(e.message.contains("JSON") && e.hint.is_some_and(|h| h.contains("pull")), "{}", e.message);
                    continue;
                }
                Err(e) => {
                    wrong.push(format!("{what}: {} {:?}", e.message, e.hint));
                    continue;
                }
            };
            let (a, b) = (rows(&here, &without), rows(&there, &without));
            if a != b {
                let (n, m) = (a.len(), b.len());
                let differing = a.iter().zip(&b).find(|(a, b)| a != b);
                wrong.push(format!("{what}: {n} rows here, {m} there; {differing:?}"));
            } else if a.is_empty() && here.object.is_none() && !matches!(name, "deployments") {
                wrong.push(format!("{what}: nothing at all"));
            }
            if has_object && here.object != there.object {
                wrong.push(format!("{what}: {:?} here, {:?} there", here.object, there.object));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_of_a_source_are_those_of_the_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = ClickHouse::start(&dir.path().join("server"), &json!({}));
    server.make("world", "exporter.sql");
    server.fill("world", N);
    let common = "map('service.name', 'svc' || toString(number % 2)), 'svc' || toString(number % 2)";
    let time = "toDateTime('2026-11-20 12:00:00') + number * 5";
    for (table, columns, values) in [
        ("otel_metrics_gauge", "Value", "number % 17"),
        ("otel_metrics_sum", "Value, AggregationTemporality, IsMonotonic", "number * 3, 2, true"),
        (
            "otel_metrics_histogram",
            "Count, Sum, BucketCounts, ExplicitBounds, AggregationTemporality",
            "number + 3, number * 2.5, [number + 1, 1, 1], [1.0, 5.0], 2",
        ),
        ("otel_metrics_summary", "Count, Sum", "number, number * 2"),
    ] {
        let name = table.trim_start_matches("otel_metrics_");
        server.ask(
            "world",
            &format!(
                "INSERT INTO {table} (ResourceAttributes, ServiceName, MetricName, MetricUnit, Attributes, TimeUnix, \
                 StartTimeUnix, {columns}) SELECT {common}, 'of.{name}', 's', map('path', '/' || toString(number % 2)), \
                 {time}, toDateTime('2026-11-20 12:00:00'), {values} FROM numbers(120)"
            ),
        );
    }
    let workbench = attached(&dir.path().join("data"), &server, "world").await;
    pulled(&workbench).await;
    for (what, question) in [
        ("names", Ask::MetricNames(search(SearchKind::Metrics, ""))),
        ("names of one service", Ask::MetricNames(search(SearchKind::Metrics, "service:svc1"))),
        ("a gauge", metric("of.gauge", "gauge", "", None)),
        ("a gauge by service", metric("of.gauge", "gauge", "max", Some("service"))),
        ("a sum", metric("of.sum", "sum", "rate", Some("path"))),
        ("a histogram", metric("of.histogram", "histogram", "", None)),
        ("a summary", metric("of.summary", "summary", "", None)),
        ("points", Ask::Search(search(SearchKind::Metrics, "name:of.sum | count by service"))),
    ] {
        let here = ask(&workbench, what, question.clone()).await;
        let there = ask(&workbench, what, there(&question)).await;
        let (a, b) = (rows(&here, &[]), rows(&there, &[]));
        assert!(!a.is_empty() || what == "a summary", "{what}");
        assert_eq!(a, b, "{what}");
    }
}

/// A table that goes away while it is open is said once; then what is there is found out anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_goes_away_is_said() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = ClickHouse::start(&dir.path().join("server"), &json!({}));
    server.make("world", "exporter.sql");
    server.fill("world", 100);
    let workbench = attached(&dir.path().join("data"), &server, "world").await;
    let question = there(&Ask::Search(search(SearchKind::Logs, "")));
    assert_eq!(ask(&workbench, "logs", question.clone()).await.n_rows(), 100);
    server.ask("world", "DROP TABLE otel_logs SYNC");
    let gone = workbench.ask(question.clone()).await.expect_err("it is gone");
    assert!(gone.message.contains("otel_logs"), "{}", gone.message);
    let known = workbench.ask(question.clone()).await.expect_err("it is gone");
    assert!(known.message.contains("no table otel_logs"), "{}", known.message);
    // Another one of this name, with a column that is of another kind than it says.
    server.ask(
        "world",
        "CREATE TABLE otel_logs (Timestamp DateTime64(9), Body String, SeverityNumber Array(String)) ENGINE = Memory",
    );
    server.ask("world", "INSERT INTO otel_logs VALUES ('2026-11-20 12:00:00', 'hello', ['a'])");
    let change = put("there", format!("{}/", server.url()), "world", None);
    workbench.act(change, Vec::new()).await.expect("it is kept");
    let odd = workbench.ask(question).await.expect_err("of another kind");
    assert!(odd.message.contains("SeverityNumber"), "{}", odd.message);
}

/// Traces here, logs there, metrics at home: a source whose signals others have is asked as one.
#[tokio::test(flavor = "multi_thread")]
async fn signals_of_a_source_may_be_with_others() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = ClickHouse::start(&dir.path().join("server"), &json!({}));
    server.make("world", "exporter.sql");
    server.fill("world", N);
    for (database, table) in [("traced", "otel_traces"), ("logged", "otel_logs")] {
        server.ask("default", &format!("CREATE DATABASE {database} ENGINE = Atomic"));
        server.ask(
            database,
            &format!("CREATE TABLE {table} ENGINE = MergeTree ORDER BY tuple() AS SELECT * FROM world.{table}"),
        );
    }
    let workbench = attached(&dir.path().join("data"), &server, "traced").await;
    let logs = there(&Ask::Search(search(SearchKind::Logs, "")));
    let alone = workbench.ask(logs.clone()).await.expect_err("it has no logs");
    assert!(alone.hint.as_deref().is_some_and(|h| h.contains("--elsewhere logs=")), "{alone:?}");
    let unknown = put("there", server.url(), "traced", Some(json!({ "logs": "nobody" })));
    let unknown = workbench.act(unknown, Vec::new()).await.expect_err("nobody is called so");
    assert!(unknown.message.contains("nobody"), "{}", unknown.message);
    let local = workbench.act(put("local", server.url(), "", None), Vec::new()).await;
    assert!(local.is_err(), "the store has this name");

    workbench.act(put("lines", server.url(), "logged", None), Vec::new()).await.expect("it is kept");
    let with = put("there", server.url(), "traced", Some(json!({ "logs": "lines", "metrics": "local" })));
    workbench.act(with, Vec::new()).await.expect("it is kept");
    assert_eq!(ask(&workbench, "logs", logs.clone()).await.n_rows() as u64, N);
    let trace = rows(&ask(&workbench, "traces", there(&Ask::Search(search(SearchKind::Traces, "")))).await, &[]);
    let id = trace[0]["TraceId"].as_str().expect("an id").to_owned();
    let sql = format!("SELECT count() FROM world.otel_logs WHERE TraceId = '{id}'");
    let n_logs: u64 = server.ask("world", &sql).parse().expect("a number");
    assert!(n_logs > 0, "{id} has logs");
    let whole = ask(&workbench, "skeleton", there(&Ask::Skeleton { id: id.clone() })).await;
    assert_eq!(whole.object.expect("a head")["logs"], json!(n_logs));
    let metrics = ask(&workbench, "metrics", there(&Ask::MetricNames(search(SearchKind::Metrics, "")))).await;
    assert_eq!(metrics.n_rows(), 0, "the store has none");

    // What is taken over is that of each.
    pulled(&workbench).await;
    assert_eq!(ask(&workbench, "logs", Ask::Search(search(SearchKind::Logs, ""))).await.n_rows() as u64, N);
    let needed = workbench.act(Command::SourceRemove { name: "lines".into() }, Vec::new()).await;
    assert!(needed.expect_err("another asks it").message.contains("'there'"));
    // Who has the logs does not answer: traces are there all the same, and it is said what is missing.
    let away = put("lines", "http://127.0.0.1:9".into(), "logged", None);
    workbench.act(away, Vec::new()).await.expect("it is kept");
    let whole = ask(&workbench, "skeleton", there(&Ask::Skeleton { id })).await;
    assert!(format!("{:?}", whole.completeness).contains("its logs are missing"), "{:?}", whole.completeness);
}
