//! Segment files are plain Parquet: other programs read them as they are.

use serde_json::Value;
use sextant_tests::{json, ok};
use std::path::PathBuf;
use std::process::Command;

#[test]
fn duckdb_and_arrow_read_every_segment() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().to_str().expect("a path");
    // More rows than a page takes.
    ok(&["demo", "--spans", "24000", "--seed", "3", "--data", data]);
    ok(&["compact", "--data", data]);
    ok(&["demo", "--spans", "300", "--seed", "8", "--data", data]);
    let python = PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cache/sextant/venv/bin/python");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients/read_segments.py");
    let output = Command::new(python).arg(script).arg(dir.path().join("segments")).output().expect("python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts: Value = serde_json::from_slice(&output.stdout).expect("counts");
    let tables = counts.as_object().expect("tables");
    assert!(tables.len() >= 5, "{counts}");
    for (table, read) in tables {
        let sql = format!("SELECT count(*) AS n, count(DISTINCT ServiceName) AS services FROM {table}");
        let ours = json(&["sql", &sql, "--data", data, "--format", "json"])[0].clone();
        assert!(read["files"].as_u64() > Some(1), "merged ones and fresh ones: {counts}");
        assert_eq!((&read["duckdb"], &read["arrow"]), (&ours["n"], &ours["n"]), "{table}");
        assert_eq!(read["services"], ours["services"], "{table}");
        assert!(read["texts"].as_u64() > Some(20 * ours["n"].as_u64().unwrap_or(0) / 2), "{table}: {counts}");
    }
}
