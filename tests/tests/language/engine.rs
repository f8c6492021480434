//! A real ClickHouse engine with the same rows, in a process of its own that ends with the test.

use super::rows::{Row, World};
use serde_json::{Value, json};
use sextant_model::Sql;
use sextant_queries::clickhouse::parameter;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub struct Engine {
    child: Child,
    asks: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Engine {
    pub fn start(world: &World, dir: &Path) -> Self {
        let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clickhouse");
        let mut child = Command::new(home.join(".cache/sextant/venv/bin/python"))
            .arg(folder.join("statements.py"))
            .arg(dir.join("engine"))
            .arg(sextant_tests::clickhouse::exporter())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python starts; `make setup` installs it");
        let (asks, answers) = (child.stdin.take().expect("a pipe"), child.stdout.take().expect("a pipe"));
        let mut engine = Self { child, asks, answers: BufReader::new(answers) };
        for statement in filled(world, dir) {
            engine.run(&statement);
        }
        engine
    }

    fn run(&mut self, text: &str) {
        self.say(&json!({ "sql": text })).unwrap_or_else(|e| panic!("{text}: {e}"));
    }

    pub fn ask(&mut self, sql: &Sql) -> Result<Vec<Vec<Value>>, String> {
        let params: serde_json::Map<String, Value> =
            sql.params.iter().enumerate().map(|(i, param)| (format!("p{}", i + 1), json!(parameter(param)))).collect();
        self.say(&json!({ "sql": sql.text, "params": params }))
    }

    fn say(&mut self, line: &Value) -> Result<Vec<Vec<Value>>, String> {
        writeln!(self.asks, "{line}").expect("the engine listens");
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the engine answers");
        let answer: Value = serde_json::from_str(&answer).map_err(|e| format!("{e}: {answer}"))?;
        if let Some(error) = answer["error"].as_str() {
            return Err(error.to_owned());
        }
        let rows = answer["rows"].as_array().cloned().unwrap_or_default();
        Ok(rows.into_iter().map(|row| row.as_array().cloned().unwrap_or_default()).collect())
    }
}

/// Statements that put the rows of a world into the exporter's tables, from files in `dir`.
pub fn filled(world: &World, dir: &Path) -> [String; 2] {
    let spans = fill("otel_traces", dir, &world.spans, |s| {
        json!({
            "Timestamp": s.time, "TraceId": s.trace, "SpanId": s.id, "ParentSpanId": s.parent, "SpanName": s.name,
            "SpanKind": s.kind, "StatusCode": s.status, "Duration": s.duration, "ServiceName": s.service,
            "SpanAttributes": s.attributes, "ResourceAttributes": s.resource,
        })
    });
    let logs = fill("otel_logs", dir, &world.logs, |l| {
        json!({
            "Timestamp": l.time, "TraceId": l.trace, "SeverityText": l.severity_text, "SeverityNumber": l.severity,
            "Body": l.body, "ServiceName": l.service, "LogAttributes": l.attributes, "ResourceAttributes": l.resource,
        })
    });
    [spans, logs]
}

fn fill(table: &str, dir: &Path, rows: &[Row], row: impl Fn(&Row) -> Value) -> String {
    let file = dir.join(format!("{table}.jsonl"));
    let lines: Vec<Value> = rows.iter().map(row).collect();
    std::fs::write(&file, lines.iter().map(|l| format!("{l}\n")).collect::<String>()).expect("writes");
    let columns: Vec<&String> = lines[0].as_object().expect("an object").keys().collect();
    let of = |name: &&String| {
        let t = match name.as_str() {
            "Timestamp" => "Int64",
            "Duration" => "UInt64",
            "SeverityNumber" => "UInt8",
            name if name.ends_with("Attributes") => "Map(String, String)",
            _ => "String",
        };
        format!("{name} {t}")
    };
    let value = |name: &&String| match name.as_str() {
        "Timestamp" => "fromUnixTimestamp64Nano(Timestamp)".to_owned(),
        name => name.to_owned(),
    };
    let list = |parts: Vec<String>| parts.join(", ");
    format!(
        "INSERT INTO {table} ({}) SELECT {} FROM file('{}', JSONEachRow, '{}')",
        list(columns.iter().map(|c| (*c).clone()).collect()),
        list(columns.iter().map(value).collect()),
        file.display(),
        list(columns.iter().map(of).collect()),
    )
}
