//! What is told of a ClickHouse is so there: other codecs are given to its columns and the parts written anew, and a scenario that
//! was measured there comes to what lies there. `SEXTANT_LONG=1` takes more records.

#![allow(clippy::print_stdout, reason = "what was measured is printed")]

use serde_json::Value;
use sextant_tests::clickhouse::{ClickHouse, cli, readers, text};
use std::path::{Path, PathBuf};

/// A server with the shop's records in tables of the exporter, as they are packed for one; large columns in files of their own.
fn filled() -> (tempfile::TempDir, ClickHouse, PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let n = if std::env::var_os("SEXTANT_LONG").is_some() { "400000" } else { "120000" };
    sextant_tests::ok(&["demo", "--data", &data.to_string_lossy(), "--spans", n, "--seed", "9"]);
    let out = dir.path().join("pack");
    text(&cli(&data, &["pack", &out.to_string_lossy()]));
    let server = ClickHouse::start(&dir.path().join("server"), &readers());
    server.ask("default", "CREATE DATABASE shop ENGINE = Atomic");
    let tables = std::fs::read_to_string(out.join("tables/single.sql")).expect("tables");
    for statement in tables.split(";\n").map(str::trim).filter(|s| s.contains("CREATE TABLE")) {
        server.ask("shop", statement);
    }
    for table in ["otel_traces", "otel_logs"] {
        server.ask(
            "shop",
            &format!("ALTER TABLE {table} MODIFY SETTING min_bytes_for_wide_part = 0, min_rows_for_wide_part = 0"),
        );
        fill(&server, &out.join(format!("records/{table}.parquet")), table);
        server.ask("shop", &format!("OPTIMIZE TABLE {table} FINAL"));
    }
    text(&cli(
        &data,
        &[
            "source",
            "add",
            "prod",
            &server.url(),
            "--user",
            "strict",
            "--password-env",
            "CH_PASSWORD",
            "--database=shop",
        ],
    ));
    (dir, server, data)
}

fn fill(server: &ClickHouse, path: &Path, table: &str) {
    let file = format!("file('{}', Parquet)", path.display());
    let names = server.ask("shop", &format!("SELECT * FROM {file} LIMIT 0 FORMAT TSVWithNames"));
    let names = names.split('\t').map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
    server.ask("shop", &format!("INSERT INTO {table} ({names}) SELECT {names} FROM {file}"));
}

/// Packed bytes of a column, as its parts say.
fn packed(server: &ClickHouse, table: &str, column: &str) -> f64 {
    let sql = format!(
        "SELECT sum(column_data_compressed_bytes) FROM system.parts_columns WHERE active AND database = 'shop' \
         AND table = '{table}' AND column = '{column}'"
    );
    server.ask("shop", &sql).parse().expect("a number")
}

#[test]
fn a_codec_comes_to_what_was_told_of_it() {
    let (_dir, server, data) = filled();
    let told: Value =
        serde_json::from_str(&text(&cli(&data, &["source", "cost", "prod", "--format", "json"]))).expect("JSON");
    let all = told["advice"].as_array().cloned().unwrap_or_default();
    let codecs: Vec<&Value> = all.iter().filter(|a| a["kind"] == "codec").collect();
    assert!(codecs.len() >= 4, "{told}");
    assert!(all.iter().any(|a| a["kind"] == "ttl"), "tables grow for ever: {told}");
    let mut tables = Vec::new();
    for one in &codecs {
        server.ask("shop", one["sql"].as_str().expect("a statement").trim_end_matches(';'));
        tables.push(one["table"].as_str().expect("a table"));
    }
    tables.sort_unstable();
    tables.dedup();
    for table in tables {
        server.ask("shop", &format!("OPTIMIZE TABLE {table} FINAL"));
    }
    println!("| column | codec | before | told | measured | off by |\n|---|---|---|---|---|---|");
    let (mut sums, mut wrong) = ((0.0, 0.0), Vec::new());
    for one in codecs {
        let what = one["what"].as_str().expect("words");
        let (column, codec) = what.strip_prefix("pack ").and_then(|w| w.split_once(" with ")).expect("a column");
        let (before, then) = (one["bytes"].as_f64().expect("bytes"), one["bytes_then"].as_f64().expect("bytes"));
        let is = packed(&server, one["table"].as_str().expect("a table"), column);
        let off = (then / is - 1.0) * 100.0;
        let kb = |n: f64| format!("{:.0} kB", n / 1e3);
        println!("| `{column}` | {codec} | {} | {} | {} | {off:+.1} % |", kb(before), kb(then), kb(is));
        if off.abs() > 15.0 {
            wrong.push(format!("{what}: told {then}, measured {is}"));
        }
        sums = (sums.0 + then, sums.1 + is);
    }
    assert_eq!(wrong, [] as [String; 0]);
    let off = sums.0 / sums.1 - 1.0;
    println!("all of them: off by {:+.1} %", off * 100.0);
    assert!(off.abs() <= 0.1, "{off}");
}

#[test]
fn a_scenario_is_measured_and_simulated_there() {
    let (dir, server, data) = filled();
    let file = dir.path().join("policy.toml").to_string_lossy().into_owned();
    let init = text(&cli(&data, &["simulate", "init", "--source", "prod"]));
    assert!(init.contains("Measured on what the source prod has"), "{init}");
    std::fs::write(&file, init.replace("days = 365", "days = 90") + "\n[sampling]\nhead = 0.1\nkeep_errors = true\n")
        .expect("a file");
    let end: Value =
        serde_json::from_str(&text(&cli(&data, &["simulate", &file, "--source", "prod", "--format", "json"])))
            .expect("JSON");
    // The ratio is the parts' own.
    let parts = |table: &str, what: &str| -> f64 {
        let sql =
            format!("SELECT sum({what}) FROM system.parts WHERE active AND database = 'shop' AND table = '{table}'");
        server.ask("shop", &sql).parse().expect("a number")
    };
    let ratio = parts("otel_traces", "data_uncompressed_bytes") / parts("otel_traces", "bytes_on_disk");
    assert!(init.contains(&format!("ratio = {ratio:.2} ")), "{ratio}: {init}");
    // Each trace by hand, in the server's own words.
    let kept = "SELECT count(), countIf(e), countIf(e OR k) FROM (SELECT TraceId, max(StatusCode = 'Error') AS e, \
         reinterpretAsUInt64(reverse(unhex(substring(TraceId, 19)))) >= toUInt64(ceil(0.9 * pow(2, 56))) AS k \
         FROM otel_traces GROUP BY TraceId)";
    let counts: Vec<u64> = server.ask("shop", kept).split('\t').map(|n| n.parse().expect("a number")).collect();
    let said = |key: &str| end["sampling"][key].as_u64().expect("a number");
    assert_eq!([said("traces"), said("error_traces"), said("kept_traces")], counts[..], "{}", end["sampling"]);
    assert_eq!(said("lost_error_traces"), 0);
    // What can only be tried on rows of the store says so.
    let tried = cli(&data, &["simulate", &file, "--source", "prod", "--set", "ingest.traces.packing=zstd-9"]);
    let why = String::from_utf8_lossy(&tried.stderr).into_owned();
    assert!(!tried.status.success() && why.contains("sextant pull"), "{why}");
    let arrived = server.arrived();
    let ours: Vec<&str> = arrived
        .iter()
        .filter(|s| s["user"] == "strict")
        .filter_map(|s| s["text"].as_str())
        .map(str::trim_start)
        .collect();
    assert!(ours.len() > 10, "{arrived:?}");
    for text in ours {
        assert!(text.starts_with("SELECT") || text.starts_with("EXPLAIN"), "nothing is ever changed there: {text}");
    }
}
