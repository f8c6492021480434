//! Directories of other versions: older ones are brought up, newer ones refused.

use serde_json::Value;
use sextant_tests::{json, ok, run};
use std::path::{Path, PathBuf};
use std::process::Command;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data").join(name)
}

/// The directory that the first version wrote.
fn first_version() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let done = Command::new("tar").arg("xzf").arg(fixture("store-v1.tar.gz")).arg("-C").arg(dir.path()).status();
    assert!(done.expect("tar runs").success());
    dir
}

fn count(data: &str, table: &str) -> u64 {
    let rows = json(&["sql", &format!("SELECT count(*) AS n FROM {table}"), "--data", data, "--format", "json"]);
    rows[0]["n"].as_u64().expect("a number")
}

fn ledger(data: &str) -> Vec<(u64, u64, u64)> {
    let n = |v: &Value| v.as_u64().unwrap_or(0);
    let sum = |v: &Value| v.as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
    let status = json(&["status", "--data", data, "--format", "json"]);
    let rows = status["ledger"].as_array().expect("rows").clone();
    rows.iter().map(|r| (n(&r["received"]), n(&r["stored"]), sum(&r["evicted"]))).collect()
}

#[test]
fn the_first_version_reads_on() {
    let dir = first_version();
    let data = dir.path().to_str().expect("a path");
    let counts = || ["traces", "logs", "metrics_gauge", "metrics_sum"].map(|t| count(data, t));
    assert_eq!(counts(), [5, 4, 1, 1]);
    assert_eq!(ledger(data), [(5, 5, 0), (4, 4, 0), (4, 4, 0)]);
    // A trace is found without an index of today's kind, and with one that is made anew.
    let trace = ["trace", "5b8efff798038103d269b633813fc60c", "--data", data, "--format", "json"];
    assert_eq!(json(&trace).as_array().map(Vec::len), Some(1));
    let said = ok(&["doctor", "--data", data]);
    assert!(said.contains("older kind"), "{said}");
    assert!(ok(&["doctor", "--repair", "--data", data]).contains("made anew"));
    assert_eq!(json(&trace).as_array().map(Vec::len), Some(1));
    // What it holds is known when it comes again.
    let again = fixture("otlp-proto-examples/trace.json");
    let report = json(&["import", again.to_str().expect("a path"), "--json", "--data", data]);
    assert_eq!((&report["stored"], &report["skipped_by_reason"]["duplicate"]), (&0.into(), &1.into()));
    ok(&["compact", "--data", data]);
    assert_eq!(counts(), [5, 4, 1, 1]);
    assert!(ok(&["doctor", "--data", data]).lines().all(|l| !l.contains("damage")));
    // Its rows name no sender, and are counted all the same.
    ok(&["retention", "set", "traces", "1d", "--data", data]);
    ok(&["retention", "apply", "--data", data]);
    let (received, stored, evicted) = ledger(data)[0];
    assert_eq!((received, stored, evicted), (6, 0, 5));
    assert_eq!(count(data, "traces"), 0);
}

#[test]
fn a_newer_version_is_refused() {
    let dir = first_version();
    let data = dir.path().to_str().expect("a path");
    assert_eq!(count(data, "traces"), 5);
    // The version lies at byte 60 of an SQLite file.
    let path = dir.path().join("segments.db");
    for suffix in ["-wal", "-shm"] {
        std::fs::remove_file(dir.path().join(format!("segments.db{suffix}"))).ok();
    }
    let mut bytes = std::fs::read(&path).expect("a file");
    bytes[60..64].copy_from_slice(&99u32.to_be_bytes());
    std::fs::write(&path, bytes).expect("writes");
    let output = run(&["status", "--data", data]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("version 99") && said.contains("newer version"), "{said}");
}
