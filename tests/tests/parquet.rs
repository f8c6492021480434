//! Parquet that others wrote is taken in, and looked at without keeping it.

use serde_json::Value;
use sextant_tests::clickhouse::shop;
use sextant_tests::{Serve, json, ok, request, run};
use std::path::{Path, PathBuf};
use std::process::Command;

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn count(sql: &str, data: &str) -> u64 {
    json(&["sql", sql, "--data", data, "--format", "json"])[0]["n"].as_u64().expect("a number")
}

fn frames(dir: &Path) {
    let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients/frames.py");
    let done = Command::new(home.join(".cache/sextant/venv/bin/python")).arg(script).arg(dir).output();
    let done = done.expect("python; `make setup` installs it");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn data_frames_are_taken_in_whatever_packs_them() {
    let home = tempfile::tempdir().expect("a directory");
    frames(home.path());
    // gzip is a codec that is not linked in: that is said.
    for codec in ["snappy", "zstd", "lz4"] {
        let data = text(&home.path().join(codec));
        let spans = text(&home.path().join(format!("spans-{codec}.parquet")));
        let report = json(&["import", &spans, "--data", &data, "--json"]);
        assert_eq!((&report["stored"], &report["skipped"]), (&300.into(), &0.into()), "{codec}: {report}");
        let problem = report["files"][0]["problems"][0].as_str().unwrap_or_default();
        assert!(problem.ends_with("left out: team"), "{problem}");
        let logs = text(&home.path().join(format!("logs-{codec}.parquet")));
        let report = json(&["import", &logs, "--data", &data, "--json"]);
        assert_eq!(report["skipped_by_reason"], serde_json::json!({ "missing_time": 1 }), "{report}");
        assert_eq!(report["stored"], 299);
        for (sql, n) in [
            ("SELECT count(*) AS n FROM traces WHERE SpanKind = 'Server' AND ServiceName = 'frames'", 300),
            ("SELECT count(*) AS n FROM traces WHERE StatusCode = 'Error'", 10),
            ("SELECT count(*) AS n FROM traces WHERE SpanAttributes['http.route'] = '/r3'", 60),
            ("SELECT count(*) AS n FROM traces WHERE SpanAttributes['retries'] = '2'", 100),
            ("SELECT count(DISTINCT TraceId) AS n FROM traces WHERE TraceId = lower(TraceId)", 30),
            ("SELECT count(*) AS n FROM traces WHERE ParentSpanId = ''", 30),
            (
                "SELECT count(*) AS n FROM logs WHERE ServiceName = 'frames' AND Timestamp >= TIMESTAMP '2026-11-20 12:00:00'",
                299,
            ),
        ] {
            assert_eq!(count(sql, &data), n, "{codec}: {sql}");
        }
        let trace = json(&["trace", "00000000000000000000000000000007", "--data", &data, "--format", "json"]);
        assert_eq!(trace.as_array().map(Vec::len), Some(10), "{trace}");
    }
    let refused = run(&["import", &text(&home.path().join("other.parquet")), "--data", &text(&home.path().join("x"))]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("none of telemetry"), "{said}");
    // Looked at, nothing is kept, and nobody signed it.
    let opened = ok(&["open", &text(&home.path().join("spans-zstd.parquet")), "--print"]);
    assert!(opened.starts_with("UNSIGNED") && opened.contains("300 stored"), "{opened}");
}

#[test]
fn what_we_and_clickhouse_write_is_the_same_again() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("data"));
    let data = text(&serve.dir);
    ok(&["demo", "--data", &data, "--spans", "3000", "--seed", "5"]);
    let again = text(&home.path().join("again"));
    for (kind, tables) in [("spans", "traces"), ("logs", "logs")] {
        let out = text(&home.path().join(format!("{kind}.parquet")));
        ok(&["export", kind, "--data", &data, "--out", &out]);
        let report = json(&["import", &out, "--data", &again, "--json"]);
        let n = count(&format!("SELECT count(*) AS n FROM {tables}"), &data);
        assert_eq!((&report["read"], &report["skipped"]), (&n.into(), &0.into()), "{kind}: {report}");
        assert_eq!(report["files"][0]["problems"], Value::Array(Vec::new()), "{kind}: {report}");
        let sum = format!(
            "SELECT count(DISTINCT concat(ServiceName, Timestamp, {})) AS n FROM {tables}",
            if kind == "logs" { "Body" } else { "SpanName, SpanId" }
        );
        assert_eq!(count(&sum, &again), count(&sum, &data), "{kind}");
    }
    let summaries = text(&home.path().join("traces.parquet"));
    ok(&["export", "traces", "--data", &data, "--out", &summaries]);
    let refused = run(&["import", &summaries, "--data", &again]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("export spans"), "{said}");

    let (dir, server) = shop();
    let theirs = text(&dir.path().join("theirs"));
    for table in ["otel_traces", "otel_logs"] {
        let sql = format!("SELECT * FROM {table} FORMAT Parquet");
        let answer = request(&server.address, "POST", "/?database=shop", &[], sql.as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        let out = dir.path().join(format!("{table}.parquet"));
        std::fs::write(&out, &answer.body).expect("a file");
        let report = json(&["import", &text(&out), "--data", &theirs, "--json"]);
        assert_eq!((&report["stored"], &report["skipped"]), (&2000.into(), &0.into()), "{table}: {report}");
    }
    let errors = "SELECT count(*) AS n FROM traces WHERE StatusCode = 'Error' AND SpanAttributes['http.route'] = '/r3'";
    let there = server.ask(
        "shop",
        "SELECT count() FROM otel_traces WHERE StatusCode = 'Error' AND SpanAttributes['http.route'] = '/r3'",
    );
    assert_eq!(count(errors, &theirs).to_string(), there);
}

#[test]
fn a_bundle_is_looked_at_with_its_verdict() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("data"));
    let data = text(&serve.dir);
    ok(&["demo", "--data", &data, "--spans", "1000", "--seed", "5"]);
    let bundle = home.path().join("a.sxb");
    ok(&["bundle", "create", "--out", &text(&bundle), "--data", &data]);
    let nobody = text(&home.path().join("nobody"));
    let opened = ok(&["open", &text(&bundle), "--print", "--data", &nobody]);
    assert!(opened.starts_with("VALID-UNTRUSTED-KEY") && opened.contains("frontend"), "{opened}");
    assert!(!home.path().join("nobody").exists(), "looking writes nothing");
    assert!(ok(&["open", &text(&bundle), "--print", "--data", &data]).starts_with("VALID\n"));
    // What can be read of an altered one is shown, under its verdict.
    let folder = home.path().join("bag");
    ok(&["bundle", "extract", &text(&bundle), "--out", &text(&folder)]);
    std::fs::write(folder.join("bag-info.txt"), "Bagging-Date: 2020-01-01\n").expect("a file");
    let looked = run(&["open", &text(&folder), "--print"]);
    assert_eq!(looked.status.code(), Some(1));
    let opened = String::from_utf8_lossy(&looked.stdout).into_owned();
    assert!(opened.starts_with("INVALID\nbag-info.txt") && opened.contains("frontend"), "{opened}");
}
