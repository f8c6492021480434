//! Figures of attaching to a ClickHouse: a real engine on this machine, whose CPU counts apart from ours.

use super::{cpu, memory, place};
use serde_json::{Value, json};
use sextant_model::{Signal, TimeRange};
use sextant_queries::{clickhouse, parse};
use sextant_remote::{Client, Connection, Layout, Ledger, Limits, Statement};
use sextant_tests::clickhouse::ClickHouse;
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

fn mine() -> f64 {
    cpu(std::process::id()).unwrap_or(0.0)
}

/// The same question by hand: HTTP, and the bytes thrown away. How many came.
fn raw(server: &ClickHouse, sql: &str) -> u64 {
    let mut stream = TcpStream::connect(&server.address).expect("it listens");
    let head = format!(
        "POST /?default_format=ArrowStream&database=bench HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        sql.len()
    );
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(sql.as_bytes())).expect("it is sent");
    let (mut buffer, mut n) = (vec![0; 1 << 16], 0);
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        n += read as u64;
    }
    n
}

pub(crate) fn remote(n: u64) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let dir = place();
    let options = json!({ "users": { "default": { "password": "" }, "strict": { "password": "", "profile": "strict" } },
        "profiles": { "strict": { "settings": { "readonly": 1 } } } });
    let server = ClickHouse::start(&dir.path().join("server"), &options);
    server.make("bench", "exporter.sql");
    for part in 0..n.div_ceil(250_000) {
        server.fill_from("bench", part * 250_000, 250_000.min(n - part * 250_000));
    }
    println!("ClickHouse {}, {n} spans and {n} log records\n", server.version);
    let connection =
        Connection { url: server.url(), user: "strict".into(), database: "bench".into(), ..Connection::default() };
    let ledger = || Arc::new(Ledger::at(dir.path().join("statements.jsonl")));
    runtime.block_on(async {
        let began = Instant::now();
        let client = Client::attach("bench", connection.clone(), ledger()).await.expect("it lets us in");
        let layout = Layout::detect(&client, &BTreeMap::new()).await.expect("system tables");
        let attached = began.elapsed();
        let tables = layout.tables();
        let query = parse(Signal::Traces, "").expect("a search");
        let first = clickhouse::traces(&tables, &query, TimeRange::ALL, 50);
        let first = Statement::new(first).expect("it reads");
        let (rows, _) = client.rows(&first, Limits::default()).await.expect("traces");
        let n_rows: usize = rows.iter().map(arrow::array::RecordBatch::num_rows).sum();
        println!("attach {attached:.2?}, first screen ({n_rows} traces of all) {:.2?} (target < 3 s)", began.elapsed());
        overhead(&server, &client);
        listed(&client, &tables).await;
        cancelled(&server, &client).await;
    });
    drop(runtime);
    pulled(&dir.path().join("data"), &server, n);
}

/// What reading rows costs beyond reading their bytes, each the best of five.
fn overhead(server: &ClickHouse, client: &Client) {
    const SQL: &str = "SELECT Timestamp, TraceId, SeverityNumber, ServiceName, Body FROM bench.otel_logs LIMIT 1000000";
    let (pid, mut best) = (server.pid(), [(f64::MAX, f64::MAX); 2]);
    let mut n_rows = 0;
    for _ in 0..5 {
        for (i, best) in best.iter_mut().enumerate() {
            let before = (mine(), cpu(pid).unwrap_or(0.0));
            if i == 0 {
                raw(server, SQL);
            } else {
                let statement = Statement::of_person(SQL).expect("it reads");
                let limits = Limits { n_bytes: u64::MAX, ..Limits::default() };
                n_rows = 0;
                let each = |batch: arrow::array::RecordBatch| {
                    n_rows += batch.num_rows();
                    ControlFlow::Continue(())
                };
                let asked = client.run(&statement, limits, each);
                tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(asked)).expect("rows");
            }
            let took = (mine() - before.0, cpu(pid).unwrap_or(0.0) - before.1);
            if took.0 + took.1 < best.0 + best.1 {
                *best = took;
            }
        }
    }
    let [raw, ours] = best;
    let whole = |t: (f64, f64)| t.0 + t.1;
    println!(
        "{n_rows} rows: by hand {:.2} CPU s (server {:.2}), read as columns {:.2} CPU s (server {:.2}): {:+.0} % (target ≤ 25 %)",
        whole(raw),
        raw.1,
        whole(ours),
        ours.1,
        (whole(ours) / whole(raw) - 1.0) * 100.0
    );
}

/// When the rows that a screen asks for are there, and twenty times as many.
async fn listed(client: &Client, tables: &clickhouse::Tables) {
    let query = parse(Signal::Logs, "refused").expect("a search");
    let mut took = Vec::new();
    for limit in [1_000, 20_000] {
        let sql = clickhouse::logs(tables, &query, TimeRange::ALL, limit);
        let statement = Statement::new(sql).expect("it reads");
        let began = Instant::now();
        let (rows, _) = client.rows(&statement, Limits::default()).await.expect("rows");
        let n: usize = rows.iter().map(arrow::array::RecordBatch::num_rows).sum();
        took.push((n, began.elapsed()));
    }
    let [(n, first), (n_all, all)] = took[..] else { return };
    println!("first {n} log records of a word {first:.2?} (target < 300 ms), {n_all} of them {all:.2?}");
}

/// How long the server works on after we let go.
async fn cancelled(server: &ClickHouse, client: &Client) {
    let heavy = Statement::of_person("SELECT sum(sipHash64(number)) FROM numbers(1000000000000)").expect("it reads");
    let asked = tokio::time::timeout(Duration::from_secs(2), client.rows(&heavy, Limits::default())).await;
    assert!(asked.is_err(), "it takes longer");
    let began = Instant::now();
    let running =
        "SELECT count() FROM system.processes WHERE query LIKE '%1000000000000%' AND query NOT LIKE '%processes%'";
    while server.ask("default", running) != "0" && began.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "cancelled: gone there after {:.2?} (target < 1 s; asked over a login that may send no settings)",
        began.elapsed()
    );
}

/// Rows taken over a CPU second of ours.
fn pulled(data: &std::path::Path, server: &ClickHouse, n: u64) {
    let run = |args: &[&str]| Command::new(sextant_tests::sextant()).args(args).arg("--data").arg(data).output();
    run(&["source", "add", "bench", &server.url(), "--user", "strict", "--database", "bench"]).expect("it runs");
    let mut child = Command::new(sextant_tests::sextant())
        .args(["pull", "--source", "bench", "--from", "2026-11-20T00:00:00Z", "--to", "2026-11-22T00:00:00Z", "--json"])
        .arg("--data")
        .arg(data)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("it runs");
    let (pid, began) = (child.id(), Instant::now());
    let (mut took, mut most) = (0.0, 0.0_f64);
    while child.try_wait().expect("a state").is_none() {
        took = cpu(pid).unwrap_or(took);
        most = most.max(memory(pid).1);
        std::thread::sleep(Duration::from_millis(20));
    }
    let mut text = String::new();
    child.stdout.take().expect("a pipe").read_to_string(&mut text).expect("a report");
    let report: Value = serde_json::from_str(&text).unwrap_or_default();
    let stored = report["stored"].as_u64().unwrap_or(0);
    assert_eq!(stored, 2 * n, "{text}");
    println!(
        "pull: {stored} rows in {:.1} s, {took:.2} CPU s of ours: {:.0} k rows/s per CPU second (target ≥ 200), {most:.0} MB at most",
        began.elapsed().as_secs_f64(),
        stored as f64 / took / 1e3
    );
}
