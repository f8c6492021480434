//! A ClickHouse that others own, through the room that attaches to it: a real engine, real users.

use sextant_model::{Signal, Table, TimeRange};
use sextant_queries::{clickhouse, parse};
use sextant_remote::{Client, Kind, Layout, Ledger, Limits, Statement};
use sextant_tests::clickhouse::{ClickHouse, added, attach, cli, connection, readers, shop, text};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

const N: u64 = 2_000;

/// A search on a source, as the number of its rows.
async fn found(client: &Client, layout: &Layout, signal: Signal, text: &str) -> usize {
    let query = parse(signal, text).expect("a search");
    let tables = layout.tables();
    let sql = match signal {
        Signal::Traces => clickhouse::spans(&tables, &query, TimeRange::default(), 100_000),
        _ => clickhouse::logs(&tables, &query, TimeRange::default(), 100_000),
    };
    let statement = Statement::new(sql).expect("what is written here reads");
    let (rows, _) = client.rows(&statement, Limits::default()).await.expect("an answer");
    rows.iter().map(arrow::array::RecordBatch::num_rows).sum()
}

#[tokio::test]
async fn each_kind_of_user_sees_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = ClickHouse::start(&dir.path().join("server"), &readers());
    for (database, tables) in [("new", "exporter.sql"), ("old", "exporter_old.sql")] {
        server.make(database, tables);
        server.fill(database, N);
    }
    let theirs = server.arrived().len();
    for database in ["new", "old"] {
        for (user, password) in [("default", ""), ("strict", "s3cret"), ("careful", "s3cret")] {
            let own = dir.path().join(format!("{database}-{user}"));
            let client =
                attach(connection(&server.url(), user, password, database), &own).await.expect("it lets us in");
            assert_eq!(client.abilities.version, server.version);
            assert_eq!(client.abilities.can_set, user != "strict", "{user}");
            assert!(client.abilities.clock_ahead.abs() < 5_000_000_000);
            let layout = Layout::detect(&client, &BTreeMap::new()).await.expect("system tables");
            assert_eq!(layout.database, database);
            let traces = &layout.tables[&Table::Traces];
            assert_eq!(traces.rows, Some(N), "{traces:?}");
            assert_eq!(layout.has(Signal::Metrics), database == "new");
            let lacks_events = layout.tables[&Table::Logs].lacks.contains(&"EventName".to_owned());
            assert_eq!(lacks_events, database == "old", "{:?}", layout.tables[&Table::Logs]);
            for (signal, search, sql) in [
                (Signal::Traces, "", "SELECT count() FROM otel_traces"),
                (
                    Signal::Traces,
                    "service:svc1 duration:>500ms",
                    "SELECT count() FROM otel_traces WHERE ServiceName = 'svc1' AND Duration > 500000000",
                ),
                (
                    Signal::Traces,
                    "http.route:\"/r3\"",
                    "SELECT count() FROM otel_traces WHERE SpanAttributes['http.route'] = '/r3'",
                ),
                (Signal::Traces, "error:true", "SELECT count() FROM otel_traces WHERE StatusCode = 'Error'"),
                (Signal::Logs, "refused", "SELECT count() FROM otel_logs WHERE Body LIKE '% refused'"),
                (
                    Signal::Logs,
                    "level:error user.id:\"7\"",
                    "SELECT count() FROM otel_logs WHERE SeverityNumber >= 17 AND LogAttributes['user.id'] = '7'",
                ),
            ] {
                let n = found(&client, &layout, signal, search).await;
                assert_eq!(n.to_string(), server.ask(database, sql), "{user} {database} {search}");
                assert!(n > 0, "{search}");
            }
            // What a person writes is read first; nothing else arrives.
            let sql = "SELECT ServiceName, count() AS n FROM otel_traces GROUP BY 1 ORDER BY 1";
            let (rows, ran) =
                client.rows(&Statement::of_person(sql).expect("it reads"), Limits::default()).await.expect("rows");
            assert_eq!(rows.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>(), 4);
            assert!(ran.rows == 4 && ran.bytes > 0, "{ran:?}");
            let cut = Limits { n_rows: 10, ..Limits::default() };
            let (rows, ran) = client
                .rows(&Statement::of_person("SELECT * FROM otel_logs").expect("it reads"), cut)
                .await
                .expect("rows");
            assert!(ran.is_cut && rows.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>() == 10);
            let missing = Statement::of_person("SELECT nothing FROM otel_logs").expect("it reads");
            assert_eq!(client.rows(&missing, Limits::default()).await.expect_err("no column").kind, Kind::Missing);
            // Each statement is in the ledger, before and after.
            let mut ledger = Ledger::at(own.join("statements.jsonl")).last(1_000).expect("a ledger");
            // What was cut is stopped there, which nobody waits for.
            ledger.retain(|e| !e.query_id.ends_with("-kill"));
            assert!(ledger.iter().filter(|e| e.result == "sent").count() * 2 == ledger.len(), "{ledger:?}");
            assert!(!std::fs::read_to_string(own.join("statements.jsonl")).expect("a file").contains("s3cret"));
        }
    }
    let arrived = server.arrived();
    let reads = |text: &str| {
        ["SELECT", "WITH", "EXPLAIN", "KILL QUERY WHERE query_id = 'sextant-"].iter().any(|b| text.starts_with(b))
    };
    let ours: Vec<_> = arrived[theirs..]
        .iter()
        .filter(|s| s["query_id"].as_str().is_some_and(|id| id.starts_with("sextant-")))
        .collect();
    assert!(ours.len() > 60, "{}", ours.len());
    for statement in ours {
        assert!(reads(statement["text"].as_str().unwrap_or_default()), "{statement}");
        if statement["user"] == "strict" {
            assert_eq!(statement["settings"], serde_json::json!({}), "settings are refused there");
        }
    }
}

#[tokio::test]
async fn what_may_not_be_read_is_said_with_its_grant() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = ClickHouse::start(&dir.path().join("server"), &readers());
    server.make("shop", "exporter.sql");
    server.fill("shop", 100);
    drop(server);
    let grants = serde_json::json!({
        "grants": ["GRANT SELECT ON shop.otel_traces", "GRANT SELECT(Timestamp, Body, ServiceName) ON shop.otel_logs"],
    });
    let server = ClickHouse::start(&dir.path().join("server"), &grants);
    let client = attach(connection(&server.url(), "", "", "shop"), dir.path()).await.expect("it lets us in");
    let layout = Layout::detect(&client, &BTreeMap::new()).await.expect("system tables");
    assert!(layout.tables.contains_key(&Table::Traces), "{layout:?}");
    // Of the logs some columns may be read: the others are lacking, and everything else works.
    assert!(layout.tables[&Table::Logs].lacks.contains(&"LogAttributes".to_owned()), "{layout:?}");
    assert_eq!(found(&client, &layout, Signal::Logs, "refused").await, 15);
    assert_eq!(found(&client, &layout, Signal::Logs, "user.id:7").await, 0);
    assert!(layout.why_not[&Table::Gauge].contains("no table"), "{layout:?}");
    assert_eq!(found(&client, &layout, Signal::Traces, "").await, 100);
    let statement = Statement::of_person("SELECT LogAttributes FROM otel_logs").expect("it reads");
    let error = client.rows(&statement, Limits::default()).await.expect_err("not granted");
    assert_eq!(error.kind, Kind::Grant, "{error:?}");
    assert!(error.hint.as_deref().is_some_and(|h| h.contains("GRANT SELECT")), "{error:?}");
}

#[tokio::test]
async fn who_is_not_let_in_is_told_why() {
    let dir = tempfile::tempdir().expect("a directory");
    let options = serde_json::json!({ "users": { "ro": { "password": "right" } }, "prefix": "/behind" });
    let server = ClickHouse::start(&dir.path().join("server"), &options);
    let behind = format!("{}/behind/", server.url());
    let error = attach(connection(&behind, "ro", "wrong", ""), dir.path()).await.expect_err("a wrong password");
    assert_eq!(error.kind, Kind::Login);
    assert!(!format!("{error:?}").contains("\"wrong\""), "{error:?}");
    assert!(attach(connection(&behind, "ro", "right", ""), dir.path()).await.is_ok());
    let error =
        attach(connection(&server.url(), "ro", "right", ""), dir.path()).await.expect_err("a page of the proxy");
    assert_eq!(error.kind, Kind::NotClickHouse, "{error:?}");
    let nobody = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let error =
        attach(connection(&format!("http://{nobody}"), "", "", ""), dir.path()).await.expect_err("nobody there");
    assert_eq!(error.kind, Kind::Unreachable);
}

#[tokio::test]
async fn who_lets_go_stops_the_work_there() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = ClickHouse::start(&dir.path().join("server"), &readers());
    let client = attach(connection(&server.url(), "careful", "s3cret", ""), dir.path()).await.expect("it lets us in");
    let heavy = Statement::of_person("SELECT sum(sipHash64(number)) FROM numbers(1000000000000)").expect("it reads");
    let asked = tokio::time::timeout(Duration::from_millis(1_500), client.rows(&heavy, Limits::default()));
    assert!(asked.await.is_err(), "it takes longer");
    let began = Instant::now();
    let running =
        "SELECT count() FROM system.processes WHERE query LIKE '%1000000000000%' AND query NOT LIKE '%processes%'";
    while server.ask("default", running) != "0" {
        assert!(began.elapsed() < Duration::from_secs(5), "it goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let ledger = Ledger::at(dir.path().join("statements.jsonl")).last(100).expect("a ledger");
    let of = |what: &str| ledger.iter().any(|e| e.statement.starts_with(what) && e.result != "sent");
    assert!(ledger.iter().any(|e| e.result == "cancelled") && of("KILL QUERY"), "{ledger:?}");
}

/// What a command asks is stopped there when the command is, also over a login that may send no settings.
#[test]
fn an_interrupted_command_stops_the_work_there() {
    let (dir, server) = shop();
    let data = dir.path().join("data");
    text(&cli(&data, &added(&server.url(), "strict")));
    let heavy = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)";
    let mut child = std::process::Command::new(sextant_tests::sextant())
        .args(["sql", heavy, "--source", "prod", "--heavy", "--data"])
        .arg(&data)
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("it runs");
    let n_running = || {
        server.ask(
            "default",
            "SELECT count() FROM system.processes WHERE query LIKE '%1000000000000%' AND query NOT LIKE '%processes%'",
        )
    };
    let until = |n: &str| {
        let began = Instant::now();
        while n_running() != n {
            assert!(began.elapsed() < Duration::from_secs(10), "there are {}", n_running());
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until("1");
    let told = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(told.expect("kill").success());
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    until("0");
    let ledger = Ledger::at(data.join("statements.jsonl")).last(100).expect("a ledger");
    assert!(ledger.iter().any(|e| e.statement.contains("sipHash64") && e.result == "cancelled"), "{ledger:?}");
}

/// Answers every request with the same bytes.
fn scripted(answer: Vec<u8>, is_slow: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let answer = answer.clone();
            std::thread::spawn(move || {
                let mut buffer = vec![0; 65_536];
                let read = stream.read(&mut buffer).unwrap_or(0);
                if read == 0 {
                    return;
                }
                for part in answer.chunks(if is_slow { 20 } else { answer.len().max(1) }) {
                    if stream.write_all(part).is_err() {
                        return;
                    }
                    if is_slow {
                        std::thread::sleep(Duration::from_millis(30));
                    }
                }
            });
        }
    });
    format!("http://{address}")
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 {head}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body]
        .concat()
}

/// What a server answers to the first question that is asked of it, as Arrow.
fn arrow_of_the_probe() -> Vec<u8> {
    use arrow::array::{ArrayRef, RecordBatch, StringArray};
    let text = |t: &str| -> ArrayRef { Arc::new(StringArray::from(vec![t])) };
    let rows = RecordBatch::try_from_iter([("version", text("26.9")), ("readonly", text("1")), ("now", text("0"))]);
    let rows = rows.expect("rows");
    let mut out = Vec::new();
    let mut writer = arrow::ipc::writer::StreamWriter::try_new(&mut out, &rows.schema()).expect("a writer");
    writer.write(&rows).and_then(|()| writer.finish()).expect("it is written");
    out
}

#[tokio::test]
async fn answers_that_break_are_not_taken() {
    let dir = tempfile::tempdir().expect("a directory");
    let whole = arrow_of_the_probe();
    let midway = [&whole[..whole.len() - 8], b"\r\n__exception__\r\nabcdefgh\r\nCode: 159. DB::Exception: Timeout exceeded. (TIMEOUT_EXCEEDED)\n66 abcdefgh\r\n__exception__\r\n"].concat();
    for (name, bytes, is_slow, kind) in [
        ("whole", answer("200 OK", &whole), false, None),
        ("slowly", answer("200 OK", &whole), true, None),
        ("without its end", answer("200 OK", &whole[..whole.len() - 8]), false, Some(Kind::Broken)),
        ("cut in a batch", answer("200 OK", &whole[..whole.len() - 60]), false, Some(Kind::Broken)),
        ("nothing", answer("200 OK", b""), false, Some(Kind::NotClickHouse)),
        ("a page", answer("200 OK", b"<html>sign in</html>"), false, Some(Kind::NotClickHouse)),
        ("noise", answer("200 OK", &[0xAB; 4_000]), false, Some(Kind::NotClickHouse)),
        ("midway", answer("200 OK", &midway), false, Some(Kind::Time)),
        ("408", answer("408 Request Timeout", b""), false, Some(Kind::Time)),
        ("503", answer("503 Service Unavailable", b"upstream connect error"), false, Some(Kind::Busy)),
        ("302", answer("302 Found\r\nLocation: http://127.0.0.1:1/", b""), false, Some(Kind::NotClickHouse)),
        ("no HTTP", b"\x04\x00\x00\x00hello".to_vec(), false, Some(Kind::Unreachable)),
        (
            "too old",
            answer("404 Not Found", b"Code: 46. DB::Exception: Unknown function getSetting. (version 18.16.1)"),
            false,
            Some(Kind::Missing),
        ),
    ] {
        let url = scripted(bytes, is_slow);
        let got = attach(connection(&url, "me", "s3cret", ""), dir.path()).await;
        assert_eq!(got.as_ref().err().map(|e| e.kind), kind, "{name}: {:?}", got.err());
    }
}

#[test]
fn a_source_is_asked_by_the_same_commands() {
    let (dir, server) = shop();
    let data = dir.path().join("data");
    let url = server.url();
    let add = added(&url, "strict");
    let said = text(&cli(&data, &add));
    assert!(said.contains("readonly=1") && said.contains("shop.otel_traces (OpenTelemetry): 2000 rows"), "{said}");
    assert!(!cli(&data, &add).status.success(), "there is one of this name");
    assert!(text(&cli(&data, &["source", "list"])).contains(&url));
    let rows = |args: &[&str]| -> serde_json::Value {
        let args = [args, &["--source", "prod", "--format", "json"]].concat();
        serde_json::from_str(&text(&cli(&data, &args))).expect("rows")
    };
    let n = |rows: &serde_json::Value| rows.as_array().map_or(0, Vec::len);
    let traces = rows(&["search", "traces", "service:svc1 duration:>500ms", "--limit", "1000"]);
    let wanted = "SELECT uniqExact(TraceId) FROM otel_traces WHERE ServiceName = 'svc1' AND Duration > 500000000";
    assert_eq!(n(&traces).to_string(), server.ask("shop", wanted));
    assert_eq!(traces[0]["Spans"], 10, "{}", traces[0]);
    assert_eq!(traces[0]["Shares"].as_array().map(Vec::len), Some(4), "{}", traces[0]);
    let id = traces[0]["TraceId"].as_str().expect("an id");
    assert_eq!(n(&rows(&["trace", id])), 10);
    assert_eq!(n(&rows(&["search", "logs", "refused", "--limit", "10000"])), 286);
    let by = rows(&["search", "spans", "| count, p95(duration) by service"]);
    assert_eq!((n(&by), by[0]["count"].as_i64()), (4, Some(500)), "{by}");
    let services = rows(&["services"]);
    assert_eq!(n(&services), 4);
    let p95 = server.ask(
        "shop",
        "SELECT toInt64(round(quantileExactInclusive(0.95)(Duration))) FROM otel_traces \
         WHERE ServiceName = 'svc0' AND (SpanKind = 'Server' OR ParentSpanId = '')",
    );
    let svc0 = services.as_array().and_then(|all| all.iter().find(|s| s["service"] == "svc0")).expect("svc0");
    assert_eq!(svc0["p95_ns"].to_string(), p95);
    let sql = rows(&["sql", "SELECT count() AS n FROM otel_logs"]);
    assert_eq!(sql[0]["n"].to_string(), "2000");
    // A record that speaks of errors is none.
    let told = rows(&["sql", "SELECT 'Code: 60. DB::Exception: no such table\n__exception__' AS told"]);
    assert!(told[0]["told"].as_str().is_some_and(|t| t.contains("DB::Exception")), "{told}");
    let explained = text(&cli(&data, &["search", "traces", "error:true", "--source", "prod", "--explain"]));
    assert!(explained.contains("`shop`.otel_traces") && explained.contains("StatusCode"), "{explained}");
    for (args, part) in [
        (vec!["sql", "DROP TABLE otel_logs", "--source", "prod"], "begins with DROP"),
        (vec!["sql", "SELECT * FROM url('http://127.0.0.1:1/', CSV)", "--source", "prod"], "reaches outside"),
        (vec!["sql", "SELECT 1", "--source", "nowhere"], "no source called"),
        (vec!["trace", "00000000000000000000000000000001", "--source", "prod"], "no trace"),
        (vec!["search", "traces", "duration:>x", "--source", "prod"], "number"),
        (vec!["source", "edit", "nowhere", "--user", "x"], "no source called"),
        (vec!["sql", "SELECT unhex('ff') AS x", "--source", "prod"], "UTF-8"),
        (vec!["sql", "SELECT 1 PARALLEL WITH DROP TABLE otel_logs", "--source", "prod"], "PARALLEL"),
        // The password goes to its own place only.
        (vec!["source", "edit", "prod", "--address", "http://127.0.0.1:9"], "not sent to another place"),
        (vec!["source", "edit", "prod", "--via", "127.0.0.1:9"], "not sent to another place"),
        (vec!["source", "edit", "prod", "--limit", "ask=lots"], "no size"),
    ] {
        let output = cli(&data, &args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(part), "{args:?}: {said}");
    }
    let statements = text(&cli(&data, &["source", "statements", "--format", "json", "--limit", "1000"]));
    let statements: serde_json::Value = serde_json::from_str(&statements).expect("rows");
    let reads = |s: &serde_json::Value| {
        let text = s["statement"].as_str().unwrap_or_default();
        text.starts_with("SELECT")
            || text.starts_with("WITH")
            || text.starts_with("EXPLAIN")
            || text.starts_with("KILL QUERY WHERE query_id = 'sextant-")
    };
    let all = statements.as_array().expect("rows");
    assert!(all.len() > 20 && all.iter().all(reads), "{statements}");
    // A wrong password is said, and mended.
    let output = cli(&data, &["source", "edit", "prod", "--user", "nobody"]);
    assert!(output.status.success());
    let output = cli(&data, &["source", "test", "prod"]);
    assert!(!output.status.success() && String::from_utf8_lossy(&output.stdout).contains("wrong user or password"));
    text(&cli(&data, &["source", "edit", "prod", "--user", "careful"]));
    assert!(text(&cli(&data, &["source", "test", "prod"])).contains("readonly=2"));
    text(&cli(&data, &["source", "remove", "prod"]));
    assert!(!cli(&data, &["source", "test", "prod"]).status.success());
    let left = std::fs::read_to_string(data.join("secrets.toml")).expect("a file");
    assert!(!left.contains("s3cret"), "{left}");
}

#[test]
fn a_slice_is_taken_over_and_answers_the_same_here() {
    let (dir, server) = shop();
    let data = dir.path().join("data");
    let url = server.url();
    let add = added(&url, "careful");
    text(&cli(&data, &add));
    let times = ["--from", "2026-11-20T12:00:02Z", "--to", "2026-11-20T12:00:12Z"];
    let pull = |more: &[&str]| -> serde_json::Value {
        let args = [&["pull", "--source", "prod", "--json"], &times[..], more].concat();
        serde_json::from_str(&text(&cli(&data, &args))).expect("a report")
    };
    let between = "Timestamp >= '2026-11-20 12:00:02' AND Timestamp < '2026-11-20 12:00:12'";
    let report = pull(&["service:svc1"]);
    let wanted = |table: &str| -> u64 {
        let sql = format!("SELECT count() FROM {table} WHERE {between} AND ServiceName = 'svc1'");
        server.ask("shop", &sql).parse().expect("a number")
    };
    assert_eq!(report["stored"].as_u64(), Some(wanted("otel_traces") + wanted("otel_logs")), "{report}");
    let again = pull(&["service:svc1"]);
    assert_eq!((again["stored"].as_u64(), &again["read"]), (Some(0), &report["read"]), "{again}");
    let whole = pull(&["service:svc1 duration:>800ms", "--signal", "traces", "--whole-traces"]);
    assert!(whole["stored"].as_u64() > Some(0), "{whole}");
    for search in ["service:svc1", "http.route:\"/r3\" service:svc1", "error:true service:svc1"] {
        let args = |more: &[&'static str]| -> Vec<String> {
            let base = ["search", "spans", search, "--limit", "10000", "--format", "json"];
            base.iter().chain(&times).chain(more).map(|s| (*s).to_owned()).collect()
        };
        let ask = |args: Vec<String>| -> serde_json::Value {
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            serde_json::from_str(&text(&cli(&data, &args))).expect("rows")
        };
        let ids = |rows: &serde_json::Value| -> Vec<String> {
            let id = |r: &serde_json::Value| format!("{} {} {}", r["SpanId"], r["Duration"], r["Timestamp"]);
            let mut all: Vec<String> = rows.as_array().into_iter().flatten().map(id).collect();
            all.sort();
            all
        };
        let (here, there) = (ids(&ask(args(&[]))), ids(&ask(args(&["--source", "prod"]))));
        assert!(!here.is_empty() && here == there, "{search}: {} here, {} there", here.len(), there.len());
    }
    for (args, part) in [
        (vec!["pull", "--source", "prod"], "period"),
        (vec!["pull", "--source", "prod", "--since", "1h", "| count"], "figures"),
        (vec!["pull", "--source", "prod", "--since", "1h", "--signal", "smells"], "no signal"),
    ] {
        let output = cli(&data, &args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(part), "{args:?}: {said}");
    }
}

/// Whatever is let through only reads, also where the server would allow anything: random statements, sent by one who may
/// do everything, change nothing.
#[test]
fn what_is_let_through_changes_nothing() {
    use rand::rngs::StdRng;
    use rand::{RngExt as _, SeedableRng as _};
    const PARTS: [&str; 51] = [
        "SELECT",
        "WITH",
        "EXPLAIN",
        "INSERT INTO canary",
        "DROP TABLE canary",
        "TRUNCATE TABLE canary",
        "ALTER TABLE canary",
        "DELETE WHERE 1",
        "CREATE TABLE t2 ENGINE = Memory AS",
        "OPTIMIZE TABLE canary",
        "RENAME TABLE canary TO c2",
        "SET",
        "readonly = 0",
        "SYSTEM STOP MERGES",
        "1",
        "*",
        "n",
        "count()",
        "sum(n)",
        "FROM canary",
        "FROM numbers(3)",
        "FROM url('http://127.0.0.1:1/', CSV)",
        "FROM file('x.csv')",
        "INTO OUTFILE 'x.csv'",
        "FORMAT CSV",
        "SETTINGS max_threads = 1",
        "WHERE n > 1",
        "GROUP BY 1",
        "ORDER BY 1",
        "LIMIT 1",
        "UNION ALL",
        "(",
        ")",
        ";",
        ",",
        "--",
        "/*",
        "*/",
        "\n",
        "'",
        "''",
        "`canary`",
        "AS a",
        "VALUES (9)",
        "x AS (SELECT 1)",
        "KILL QUERY WHERE 1",
        "PARALLEL WITH",
        "DELETE FROM canary WHERE 1",
        "INSERT canary SELECT 1",
        "UPDATE canary SET n = 1 WHERE 1",
        "AS `a\\`, 2 AS ` PARALLEL WITH DROP TABLE canary -- `",
    ];
    let dir = tempfile::tempdir().expect("a directory");
    let server = ClickHouse::start(&dir.path().join("server"), &serde_json::json!({}));
    server.make("soup", "exporter.sql");
    server.ask("soup", "CREATE TABLE canary (n UInt64) ENGINE = MergeTree ORDER BY n");
    server.ask("soup", "INSERT INTO canary SELECT number FROM numbers(10)");
    let state = || {
        let tables = server.ask(
            "soup",
            "SELECT count(), sum(cityHash64(name, create_table_query)) FROM system.tables WHERE database = 'soup'",
        );
        (tables, server.ask("soup", "SELECT count(), sum(n) FROM canary"))
    };
    let before = state();
    let mut random = StdRng::seed_from_u64(20_261_122);
    let (mut n_sent, mut n_answered) = (0, 0);
    for _ in 0..60_000 {
        let n = random.random_range(1..9);
        let mut parts: Vec<&str> = (0..n).map(|_| PARTS[random.random_range(0..PARTS.len())]).collect();
        // Mostly something that begins well.
        if random.random_bool(0.7) {
            parts.splice(
                0..0,
                [["SELECT", "n", "FROM canary"], ["SELECT", "1", "UNION ALL"], ["EXPLAIN", "SELECT", "1"]]
                    [random.random_range(0..3)],
            );
        }
        let text = parts.join(" ");
        // The words alone, as for what is written here, must be enough.
        let Ok(statement) = Statement::new(sextant_model::Sql::plain(&text)) else { continue };
        n_sent += 1;
        if n_sent > 1_500 {
            break;
        }
        let answer =
            sextant_tests::request(&server.address, "POST", "/?database=soup", &[], statement.text().as_bytes());
        n_answered += u32::from(answer.status == 200);
        if n_sent % 250 == 0 {
            assert_eq!(state(), before, "{text}");
        }
    }
    assert_eq!(state(), before);
    assert!(n_sent > 1_000 && n_answered > 20, "{n_sent} were sent, {n_answered} answered");
    assert!(!dir.path().join("server/x.csv").exists());
}
