//! Whether a source can be asked, what of it, and how its tables are read.

use crate::remotes::{failed, named, refused};
use crate::workbench::Workbench;
use serde_json::{Value, json};
use sextant_contract::{Answer, AskError, Code, Outcome, size_text};
use sextant_model::Table;
use sextant_queries::clickhouse::{self, Mapping};
use sextant_remote::{Client, Connection, Found, Kind, LOCAL, Layout, Limits, Statement, texts};
use std::time::{Duration, Instant};

/// A clock that is further off makes "the last hour" another one.
const CLOCK_NANOS: i64 = 5_000_000_000;
/// So many records are shown of a mapping that is tried.
const N_SAMPLES: usize = 5;

/// System tables that are asked where they may be, and what is off without them.
const SYSTEM: [(&str, &str); 7] = [
    ("processes", "how far a question is, and stopping it by KILL"),
    ("parts", "sizes by day and disk, the oldest part"),
    ("parts_columns", "sizes of columns by part"),
    ("data_skipping_indices", "which indexes a search can use"),
    ("query_log", "what past queries cost, and who asked them"),
    ("disks", "free space and tiers"),
    ("clusters", "shards and replicas"),
];

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    /// As it should be.
    Pass,
    /// Something is off, the rest works.
    Limit,
    /// It does not work.
    Fail,
}

struct Checks {
    all: Vec<Value>,
    began: Instant,
}

impl Checks {
    fn add(&mut self, what: &str, level: Level, said: impl Into<Value>, fix: impl Into<Value>) {
        let is_ok = level != Level::Fail;
        let level = match level {
            Level::Pass => "pass",
            Level::Limit => "limit",
            Level::Fail => "fail",
        };
        self.all.push(json!({ "what": what, "is_ok": is_ok, "level": level, "said": said.into(), "fix": fix.into() }));
    }
}

/// The table of a signal that can be mapped.
fn mapped(signal: &str) -> Result<Table, AskError> {
    match signal {
        "traces" => Ok(Table::Traces),
        "logs" => Ok(Table::Logs),
        other => Err(AskError::new(Code::BadQuery, format!("nothing can be said of '{other}'")).hint("traces or logs")),
    }
}

fn mapping_of(value: Value) -> Result<Mapping, AskError> {
    serde_json::from_value(value).map_err(|e| {
        AskError::new(Code::BadQuery, format!("it is no mapping: {e}")).hint("table, columns, attributes, resource")
    })
}

impl Workbench {
    /// Looks at everything that has to be so for a source to be asked.
    pub(crate) fn source_test(&self, name: &str) -> Result<Answer, AskError> {
        let (source, connection) = self.sources_files().get(name).map_err(|e| named(&e))?;
        let user = if connection.user.is_empty() { "default" } else { connection.user.as_str() };
        let mut checks = Checks { all: Vec::new(), began: Instant::now() };
        let ledger = self.statements();
        let tried = self.wait(async { Ok(Client::attach(name, connection.clone(), ledger).await) })?;
        let client = match tried {
            Ok(client) => client,
            Err(e) => {
                checks.add("lets us in", Level::Fail, e.message, e.hint);
                return Ok(self.tested(&checks, false, &[]));
            }
        };
        Self::of_server(&mut checks, &client, &connection);
        let detected = self.wait(async { Ok(Layout::detect(&client, &source.mappings()).await) })?;
        let layout = match detected {
            Ok(layout) => layout,
            Err(e) => {
                checks.add("tables", Level::Fail, e.message, e.hint);
                return Ok(self.tested(&checks, false, &[]));
            }
        };
        let mut tables = Vec::new();
        for table in Table::ALL {
            if let Some(found) = layout.tables.get(&table) {
                let extent = self.extent_there(&client, found);
                let (database, name, schema) = (&found.database, &found.name, &found.mapping.schema);
                let rows = found.rows.map_or_else(|| "rows not said".into(), |n| format!("{n} rows"));
                let list = |words: &str, of: &[String]| {
                    if of.is_empty() { String::new() } else { format!(", {words} {}", of.join(", ")) }
                };
                let lacks = list("without", &found.lacks);
                let promoted: Vec<String> = found.mapping.promoted.keys().cloned().collect();
                let promoted = list("with a column of its own for", &promoted);
                let key = if found.sorting_key.is_empty() { "nothing" } else { &found.sorting_key };
                let when = extent.as_ref().map(|(a, b)| format!(", from {a} to {b}")).unwrap_or_default();
                let said = format!("{database}.{name} ({schema}): {rows}{when}, ordered by {key}{lacks}{promoted}");
                checks.add(table.name(), Level::Pass, said, Value::Null);
                tables.push(json!({
                    "table": name, "database": database, "signal": table.signal().name(), "kind": table.name(),
                    "schema": schema, "engine": found.engine, "rows": found.rows, "bytes": found.bytes,
                    "ttl": found.ttl, "lacks": found.lacks, "from": extent.as_ref().map(|e| &e.0),
                    "to": extent.as_ref().map(|e| &e.1),
                }));
            } else {
                let grant =
                    format!("GRANT SELECT ON {}.{} TO {user}", layout.database, clickhouse::Tables::name_of(table));
                let why = layout.why_not.get(&table).cloned().unwrap_or_default();
                checks.add(table.name(), Level::Fail, why, Some(format!("if it is only hidden: {grant}")));
            }
        }
        let guard = source.limits;
        let said = format!(
            "{} s a question; asked about above {}, refused above {}, and above {} since the start",
            guard.seconds,
            size_text(guard.ask_above_bytes),
            size_text(guard.query_bytes),
            size_text(guard.session_bytes)
        );
        checks.add("limits", Level::Pass, said, Value::Null);
        for (signal, place) in &source.elsewhere {
            let said = format!("{signal} are asked of {}", if place == LOCAL { "the store here" } else { place });
            checks.add("elsewhere", Level::Pass, said, Value::Null);
        }
        self.of_system(&mut checks, &client, user);
        Ok(self.tested(&checks, !tables.is_empty(), &tables))
    }

    fn tested(&self, checks: &Checks, is_ok: bool, tables: &[Value]) -> Answer {
        let object = json!({
            "ok": is_ok, "checks": checks.all, "tables": tables, "took_micros": checks.began.elapsed().as_micros() as u64,
        });
        Answer::object(object, self.store.snapshot().generation)
    }

    /// What its server is like.
    fn of_server(checks: &mut Checks, client: &Client, connection: &Connection) {
        let can = &client.abilities;
        checks.add(
            "lets us in",
            Level::Pass,
            format!("ClickHouse {} as '{}'", can.version, connection.user),
            Value::Null,
        );
        let is_tls = connection.url.starts_with("https://");
        let mut said = if is_tls { "TLS, the certificate is trusted" } else { "not encrypted" }.to_owned();
        if let Some(via) = &connection.via {
            said += &format!(", through {via}");
        }
        checks.add("way", if is_tls { Level::Pass } else { Level::Limit }, said, Value::Null);
        let (said, level) = match (can.readonly, can.can_set) {
            (1, _) => ("readonly=1: reads alone, settings are refused; limits are kept here", Level::Limit),
            (2, _) => ("readonly=2: reads alone, settings may be sent", Level::Pass),
            (_, true) => ("this user may write; readonly=2 is sent with every statement", Level::Limit),
            (_, false) if can.can_guard => (
                "this user may write; readonly=2 is sent with every statement, other limits are kept here",
                Level::Limit,
            ),
            (_, false) => (
                "this user may write, and can't be told to read only: what is sent is held to that here alone",
                Level::Limit,
            ),
        };
        checks.add("reads alone", level, said.to_owned(), Value::Null);
        let ahead = can.clock_ahead;
        let word = if ahead >= 0 { "ahead of" } else { "behind" };
        let shown = sextant_model::DurationNanos(ahead.abs());
        let is_right = ahead.abs() < CLOCK_NANOS;
        let fix = (!is_right).then(|| "periods that end now are off by as much: set one of the clocks".to_owned());
        let level = if is_right { Level::Pass } else { Level::Fail };
        checks.add("clock", level, format!("{shown} {word} this one"), fix);
    }

    /// When the first and last rows of a table are from, where that is told at once.
    fn extent_there(&self, client: &Client, found: &Found) -> Option<(String, String)> {
        let time = found.mapping.columns.get("Timestamp").map_or("Timestamp", String::as_str);
        let time = if found.columns.contains_key("TimeUnix") { "TimeUnix" } else { time };
        let point = match found.mapping.time_unit {
            None => "toDateTime(X)".to_owned(),
            Some(unit) => format!("toDateTime(intDiv(toInt64(X), {}))", 1_000_000_000 / unit.nanos()),
        };
        let mut mapping = found.mapping.clone();
        mapping.columns.clear();
        let edge = |f: &str| {
            format!("formatDateTime({}, '%Y-%m-%d %H:%i', 'UTC')", point.replace('X', &format!("{f}({time})")))
        };
        let text = format!("SELECT {}, {}, toString(count()) FROM {}", edge("min"), edge("max"), mapping.from());
        let statement = Statement::new(sextant_model::Sql::plain(text)).ok()?;
        let limits = Limits { time: Duration::from_secs(5), bytes_read: 4_000_000_000, ..Limits::default() };
        let (rows, _) = self.wait(client.rows(&statement, limits)).ok()?;
        let text = |i| texts(&rows, i).next();
        (text(2)? != "0").then(|| Some((text(0)?, text(1)?))).flatten()
    }

    /// System tables that are not needed: what is off without them, and the grant that would open it.
    fn of_system(&self, checks: &mut Checks, client: &Client, user: &str) {
        let mut open = Vec::new();
        for (table, off) in SYSTEM {
            let sql = sextant_model::Sql::plain(format!("SELECT 1 FROM system.{table} LIMIT 0"));
            let Ok(statement) = Statement::new(sql) else { continue };
            let asked = self.wait(async { Ok(client.rows(&statement, Limits::default()).await) });
            match asked {
                Ok(Ok(_)) => open.push(table),
                Ok(Err(e)) if e.kind == Kind::Missing => {
                    checks.add(&format!("system.{table}"), Level::Limit, format!("not kept there: {off}"), Value::Null);
                }
                Ok(Err(e)) => {
                    let grant = (e.kind == Kind::Grant).then(|| format!("GRANT SELECT ON system.{table} TO {user}"));
                    let said = if grant.is_some() { format!("closed: {off}") } else { e.message };
                    checks.add(&format!("system.{table}"), Level::Limit, said, grant);
                }
                Err(_) => return,
            }
        }
        if !open.is_empty() {
            checks.add("system tables", Level::Pass, format!("open: {}", open.join(", ")), Value::Null);
        }
        let can = &client.abilities;
        let (said, level) = match (can.can_set, open.contains(&"processes")) {
            (true, _) => ("stops the server's work: it ends when we hang up", Level::Pass),
            (false, true) => ("stops the server's work by KILL of our own query", Level::Pass),
            (false, false) => ("stops here; the server may finish what it began", Level::Limit),
        };
        checks.add("cancel", level, said.to_owned(), Value::Null);
    }

    /// Keeps how a table is read.
    pub(crate) fn source_map(&self, name: &str, signal: &str, mapping: Option<Value>) -> Result<Outcome, AskError> {
        let table = mapped(signal)?;
        let mapping = mapping.map(mapping_of).transpose()?;
        if let Some(mapping) = &mapping {
            sextant_remote::check(table, mapping).map_err(|e| refused(&e))?;
        }
        let (mut source, _) = self.sources_files().get(name).map_err(|e| named(&e))?;
        match table {
            Table::Traces => source.traces = mapping,
            _ => source.logs = mapping,
        }
        self.sources_files().put(source, None).map_err(|e| failed(&e))?;
        Ok(Outcome::Done)
    }

    /// How a table is read, or would be, with a few of its records.
    pub(crate) fn source_mapping(
        &self,
        name: &str,
        signal: &str,
        mapping: Option<Value>,
        place: Option<&str>,
    ) -> Result<Answer, AskError> {
        let table = mapped(signal)?;
        let (source, connection) = self.sources_files().get(name).map_err(|e| named(&e))?;
        let ledger = self.statements();
        let client = self.wait(Client::attach(name, connection, ledger))?;
        let own = match (mapping, place) {
            (Some(mapping), _) => Some(mapping_of(mapping)?),
            (None, Some(place)) => {
                let (database, table_name) = place.split_once('.').unwrap_or(("", place));
                Some(self.wait(Layout::suggest(&client, table, database, table_name))?)
            }
            (None, None) => source.mappings().remove(&table),
        };
        let mut mappings = source.mappings();
        mappings.remove(&table);
        mappings.extend(own.clone().map(|m| (table, m)));
        let layout = self.wait(Layout::detect(&client, &mappings))?;
        let names = format!(
            "SELECT concat(database, '.', name) AS name FROM system.tables WHERE database NOT IN \
             ('system', 'INFORMATION_SCHEMA', 'information_schema') AND NOT startsWith(name, '.inner') ORDER BY 1 LIMIT {}",
            1_000
        );
        let names = Statement::new(sextant_model::Sql::plain(names)).map_err(|e| refused(&e))?;
        let (rows, _) = self.wait(client.rows(&names, Limits::default()))?;
        let tables: Vec<String> = texts(&rows, 0).collect();
        let mut object = json!({ "is_own": own.is_some(), "tables": tables });
        let Some(found) = layout.tables.get(&table) else {
            let why = layout.why_not.get(&table).cloned().unwrap_or_else(|| "there is no table for it".into());
            object["mapping"] = json!(own);
            object["problem"] = json!(why);
            return Ok(Answer::object(object, 0));
        };
        object["mapping"] = json!(own.unwrap_or_else(|| found.in_full(table)));
        object["used"] = json!(found.mapping);
        object["columns"] = json!(found.columns);
        let query = sextant_queries::parse(table.signal(), "").map_err(|e| crate::errors::parse(&e))?;
        let range = sextant_model::TimeRange::ALL;
        let tables = layout.tables();
        let slice = clickhouse::Slice { query: &query, range, is_whole: false };
        let mut sql = clickhouse::rows(&tables, table, &layout.kept(table), slice);
        sql.text += &format!(" LIMIT {N_SAMPLES}");
        let statement = Statement::new(sql).map_err(|e| refused(&e))?;
        let sample = self.wait(async { Ok(client.rows(&statement, Limits::default()).await) })?;
        let rows = sample.and_then(|(rows, _)| {
            rows.iter().map(|rows| sextant_remote::known(table, rows)).collect::<Result<Vec<_>, _>>()
        });
        match rows {
            Ok(rows) => {
                let schema = rows
                    .first()
                    .map_or_else(|| sextant_model::schema::stored(table), arrow::array::RecordBatch::schema);
                Ok(Answer { object: Some(object), ..Answer::rows(schema, rows, 0) })
            }
            Err(e) => {
                object["problem"] = json!(e.message);
                Ok(Answer::object(object, 0))
            }
        }
    }
}
