//! A ClickHouse that others own, through the room that attaches to it: a real engine, real users.

use sextant_model::{Signal, Table, TimeRange};
use sextant_queries::{clickhouse, parse};
use sextant_remote::{Client, Connection, Kind, Layout, Ledger, Limits, RemoteError, Secret, Statement};
use sextant_tests::clickhouse::{ClickHouse, readers};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const N: u64 = 2_000;

fn connection(url: &str, user: &str, password: &str, database: &str) -> Connection {
    Connection {
        url: url.into(),
        user: user.into(),
        password: Secret::new(password),
        database: database.into(),
        ..Connection::default()
    }
}

async fn attach(connection: Connection, dir: &Path) -> Result<Client, RemoteError> {
    Client::attach("prod", connection, Arc::new(Ledger::at(dir.join("statements.jsonl")))).await
}

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
            let layout = Layout::detect(&client).await.expect("system tables");
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
            let ledger = Ledger::at(own.join("statements.jsonl")).last(1_000).expect("a ledger");
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
    let layout = Layout::detect(&client).await.expect("system tables");
    assert!(layout.tables.contains_key(&Table::Traces), "{layout:?}");
    assert!(layout.why_not[&Table::Logs].contains("LogAttributes"), "{layout:?}");
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
    let last = Ledger::at(dir.path().join("statements.jsonl")).last(1).expect("a ledger");
    assert_eq!(last[0].result, "cancelled", "{last:?}");
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
                let mut buffer = [0; 65_536];
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
