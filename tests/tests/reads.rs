//! What a question would read is told before it is asked; here it is asked all the same, and what it read held against that.

#![allow(clippy::print_stdout, reason = "what was measured is printed")]

use sextant_contract::{Ask, Backend as _, Code, Command, Period, ReadLimits, SearchAsk, SearchKind, SourcePut};
use sextant_model::UnixNanos;
use sextant_tests::clickhouse::ClickHouse;
use sextant_workbench::{Options, Workbench};

fn nanos(text: &str) -> i64 {
    UnixNanos::parse(text).expect("a time").0
}

fn period(from: &str, to: &str) -> Period {
    Period { from: Some(nanos(from)), to: Some(nanos(to)) }
}

/// Thirty questions as people ask them, over all of it and over a part.
fn questions() -> Vec<(String, Ask)> {
    let all = period("2026-11-20T11:00:00Z", "2026-11-20T18:00:00Z");
    let part = period("2026-11-20T13:00:00Z", "2026-11-20T15:00:00Z");
    let search =
        |kind, query: &str, period| SearchAsk { kind, query: query.into(), period, limit: 100, explain: false };
    let mut questions = Vec::new();
    for (name, period) in [("all", all), ("two hours", part)] {
        let mut add = |what: &str, ask: Ask| questions.push((format!("{what}, {name}"), ask));
        for query in [
            "| count by service",
            "| p95(duration) by name",
            "error:true | count by service every 1m",
            "| count by http.route",
            "| errors by name every 5m",
        ] {
            add(query, Ask::Search(search(SearchKind::Spans, query, period)));
        }
        for query in ["| count by level", "refused | count by service", "| count by user.id"] {
            add(query, Ask::Search(search(SearchKind::Logs, query, period)));
        }
        add("histogram of logs", Ask::Histogram { search: search(SearchKind::Logs, "", period), n_buckets: 60 });
        add("histogram of spans", Ask::Histogram { search: search(SearchKind::Spans, "", period), n_buckets: 60 });
        add("services", Ask::Services { period });
        add("count of errors", Ask::Count(search(SearchKind::Spans, "error:true", period)));
        add("count of logs", Ask::Count(search(SearchKind::Logs, "refused", period)));
        let fields = vec!["service".into(), "status".into(), "name".into()];
        add("facets", Ask::Facets { search: search(SearchKind::Spans, "", period), fields });
        add("traces of a service", Ask::Search(search(SearchKind::Traces, "service:svc1", period)));
    }
    questions
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_is_what_was_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = ClickHouse::start(&dir.path().join("server"), &serde_json::json!({}));
    server.make("shop", "exporter.sql");
    for table in ["otel_traces", "otel_logs"] {
        server.ask(
            "shop",
            &format!("ALTER TABLE {table} MODIFY SETTING min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0"),
        );
    }
    // Five hours and a half.
    server.fill("shop", 2_000_000);
    for table in ["otel_traces", "otel_logs"] {
        server.ask("shop", &format!("OPTIMIZE TABLE {table} FINAL"));
    }
    let options = Options { store: sextant_store::Config::new(dir.path().join("data")) };
    let workbench = Workbench::open(options, tokio::runtime::Handle::current()).expect("it opens");
    let put = SourcePut {
        name: "there".into(),
        url: server.url(),
        database: "shop".into(),
        limits: ReadLimits { ask_above_bytes: Some(1), ..ReadLimits::default() },
        ..SourcePut::default()
    };
    workbench.act(Command::SourcePut(Box::new(put)), Vec::new()).await.expect("it is kept");
    let mut off = Vec::new();
    println!("| question | told | read | off by |\n|---|---|---|---|");
    let questions = questions();
    let n = questions.len();
    for (what, ask) in questions {
        let of = |is_heavy| Ask::Of { source: "there".into(), question: Box::new(ask.clone()), is_heavy };
        let told = workbench.ask(of(false)).await.expect_err("it says what it would read first");
        assert_eq!(told.code, Code::Heavy, "{what}: {told:?}");
        let told = told.estimate.as_ref().expect("an estimate").bytes as f64;
        let answer = workbench.ask(of(true)).await.unwrap_or_else(|e| panic!("{what}: {e:?}"));
        let read = answer.cost.n_bytes_scanned as f64;
        assert!(read > 0.0, "{what}");
        let wrong = (told / read - 1.0).abs();
        println!("| {what} | {:.2} MB | {:.2} MB | {:+.1} % |", told / 1e6, read / 1e6, (told / read - 1.0) * 100.0);
        off.push(wrong);
    }
    off.sort_by(f64::total_cmp);
    let (median, p90) = (off[n / 2], off[n * 9 / 10]);
    println!("{n} questions: off by {:.1} % in the median, {:.1} % in nine of ten", median * 100.0, p90 * 100.0);
    assert_eq!(n, 30);
    assert!(median <= 0.10 && p90 <= 0.30, "{median} {p90}");
}
