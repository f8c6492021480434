//! A ClickHouse server for tests: the real engine behind its HTTP interface, in a process of its own.

use crate::request;
use serde_json::{Value, json};
use sextant_remote::{Client, Connection, Ledger, RemoteError, Secret};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

/// It ends with the test.
pub struct ClickHouse {
    child: Child,
    /// Where it listens.
    pub address: String,
    /// The engine's version.
    pub version: String,
    dir: PathBuf,
}

impl Drop for ClickHouse {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The users of most tests: one may do everything, the others read.
pub fn readers() -> Value {
    json!({
        "users": {
            "default": { "password": "" },
            "full": { "password": "s3cret" },
            "strict": { "password": "s3cret", "profile": "strict" },
            "careful": { "password": "s3cret", "profile": "careful" },
        },
        "profiles": {
            "strict": { "settings": { "readonly": 1 } },
            "careful": {
                "settings": { "readonly": 2, "max_execution_time": 20 },
                "constraints": { "max_execution_time": { "max": 120 }, "max_memory_usage": { "const": true } },
            },
        },
    })
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clickhouse")
}

/// The tables of the exporter, as they are handed to one who wants a ClickHouse of her own.
pub fn exporter() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../cli/src/pack/exporter.sql")
}

impl ClickHouse {
    /// Starts one over the data in `dir`; `options` are those of `tests/clickhouse/server.py`.
    pub fn start(dir: &Path, options: &Value) -> Self {
        let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
        let mut child = Command::new(home.join(".cache/sextant/venv/bin/python"))
            .arg(folder().join("server.py"))
            .arg(dir)
            .arg(options.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts; `make setup` installs it");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut line).expect("the server says where it is");
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let address = format!("127.0.0.1:{}", said["port"]);
        let version = said["version"].as_str().unwrap_or_default().to_owned();
        Self { child, address, version, dir: dir.to_owned() }
    }

    /// Its address as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a statement answers to one who may do everything, as tab-separated text.
    pub fn ask(&self, database: &str, sql: &str) -> String {
        let answer = request(&self.address, "POST", &format!("/?database={database}"), &[], sql.as_bytes());
        assert_eq!(answer.status, 200, "{sql}: {}", answer.text());
        answer.text().trim().to_owned()
    }

    /// Makes a database with the tables of a file.
    pub fn make(&self, database: &str, tables: &str) {
        self.ask("default", &format!("CREATE DATABASE IF NOT EXISTS {database} ENGINE = Atomic"));
        let path = if tables == "exporter.sql" { exporter() } else { folder().join(tables) };
        let text = std::fs::read_to_string(path).expect("the tables");
        let text: String = text.lines().filter(|l| !l.starts_with("--")).map(|l| format!("{l}\n")).collect();
        for statement in text.split(";\n").map(str::trim).filter(|s| !s.is_empty()) {
            self.ask(database, statement);
        }
    }

    /// Puts `n` spans in tens to a trace, and `n` records, into the tables of the exporter.
    pub fn fill(&self, database: &str, n: u64) {
        self.fill_from(database, 0, n);
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The same from a number on.
    pub fn fill_from(&self, database: &str, from: u64, n: u64) {
        let start = "toDateTime64('2026-11-20 12:00:00', 9)";
        self.ask(
            database,
            &format!(
                "INSERT INTO otel_traces (Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, \
             ResourceAttributes, SpanAttributes, Duration, StatusCode) \
             SELECT {start} + toIntervalMillisecond(number * 10), lower(hex(sipHash128(intDiv(number, 10)))), \
             lower(hex(sipHash64(number))), if(number % 10 = 0, '', lower(hex(sipHash64(number - number % 10)))), \
             ['GET /cart', 'POST /checkout', 'SELECT orders'][number % 3 + 1], ['Server', 'Client'][number % 2 + 1], \
             'svc' || toString(number % 4), map('service.name', 'svc' || toString(number % 4)), \
             map('http.route', '/r' || toString(number % 5)), 1000000 + number % 900 * 1000000, \
             if(number % 13 = 0, 'Error', 'Unset') FROM numbers({from}, {n})"
            ),
        );
        self.ask(database, &format!(
            "INSERT INTO otel_logs (Timestamp, TraceId, SeverityText, SeverityNumber, ServiceName, Body, \
             ResourceAttributes, LogAttributes) \
             SELECT {start} + toIntervalMillisecond(number * 10), lower(hex(sipHash128(intDiv(number, 10)))), \
             ['INFO', 'WARN', 'ERROR'][number % 3 + 1], [9, 13, 17][number % 3 + 1], 'svc' || toString(number % 4), \
             concat('request ', toString(number), if(number % 7 = 0, ' refused', ' done')), \
             map('service.name', 'svc' || toString(number % 4)), map('user.id', toString(number % 50)) FROM numbers({from}, {n})"
        ));
    }

    /// Every statement that arrived, as it arrived.
    pub fn arrived(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.dir.join("statements.jsonl")).expect("the statements");
        text.lines().map(|line| serde_json::from_str(line).expect("a line")).collect()
    }
}

/// So many spans, and so many records, has the shop.
const SHOP: u64 = 2_000;

/// Runs the command line on a data directory of its own.
pub fn cli(data: &Path, args: &[&str]) -> std::process::Output {
    let mut all = args.to_vec();
    let data = data.to_string_lossy().into_owned();
    all.extend(["--data", &data]);
    std::process::Command::new(crate::sextant())
        .args(all)
        .env("CH_PASSWORD", "s3cret")
        .stdin(std::process::Stdio::null())
        .output()
        .expect("sextant starts")
}

/// What it printed; it has to have gone well, and no secret may be in it.
pub fn text(output: &std::process::Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!out.contains("s3cret") && !err.contains("s3cret"), "{out}{err}");
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

/// A server with the exporter's tables in the database `shop`.
pub fn shop() -> (tempfile::TempDir, ClickHouse) {
    let dir = tempfile::tempdir().expect("a directory");
    let server = ClickHouse::start(&dir.path().join("server"), &readers());
    server.make("shop", "exporter.sql");
    server.fill("shop", SHOP);
    (dir, server)
}

/// How it is attached as `prod`.
pub fn added<'a>(url: &'a str, user: &'a str) -> [&'a str; 9] {
    ["source", "add", "prod", url, "--user", user, "--password-env", "CH_PASSWORD", "--database=shop"]
}

/// Where and who, of a server for tests.
pub fn connection(url: &str, user: &str, password: &str, database: &str) -> Connection {
    Connection {
        url: url.into(),
        user: user.into(),
        password: Secret::new(password),
        database: database.into(),
        ..Connection::default()
    }
}

/// Attaches, with a ledger in `dir`.
///
/// # Errors
/// As [`Client::attach`].
pub async fn attach(connection: Connection, dir: &Path) -> Result<Client, RemoteError> {
    Client::attach("prod", connection, Arc::new(Ledger::at(dir.join("statements.jsonl")))).await
}
