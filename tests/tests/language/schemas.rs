//! The same searches on the tables of others, in a real engine: each finds what plain rows say.

use super::engine::filled;
use super::rows::{START, World};
use super::{asks, has_other_columns, has_patterns, oracle, random};
use arrow::array::{AsArray as _, RecordBatch};
use serde_json::json;
use sextant_model::query::Query;
use sextant_model::{Signal, Table, TimeRange, UnixNanos};
use sextant_queries::clickhouse::{self, Mapping};
use sextant_queries::{parse, text};
use sextant_remote::{Client, Connection, Layout, Ledger, Limits, Statement};
use sextant_tests::clickhouse::ClickHouse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the tables that someone thought up are read.
fn custom() -> BTreeMap<Table, Mapping> {
    let mapping = |value| serde_json::from_value::<Mapping>(value).expect("a mapping");
    let logs = mapping(json!({
        "table": "app.events", "time_unit": "ms", "filter": "tenant = 'a'", "attributes": ["labels"],
        "resource": ["`res``ource`"],
        "columns": {
            "Timestamp": "event_ms", "Body": "msg", "SeverityNumber": "severity", "SeverityText": "level_text",
            "ServiceName": "`service name`", "TraceId": "correlation",
        },
    }));
    let spans = mapping(json!({
        "table": "calls", "duration_unit": "us", "attributes": ["tags"], "resource": ["env"],
        "columns": {
            "Timestamp": "started", "Duration": "took_us", "TraceId": "trace", "SpanId": "id",
            "ParentSpanId": "parent", "SpanName": "op", "ServiceName": "app", "SpanKind": "toString(kind)",
            "StatusCode": "if(failed = 1, 'Error', status)",
        },
    }));
    BTreeMap::from([(Table::Logs, logs), (Table::Traces, spans)])
}

struct Attached {
    client: Client,
    layout: Layout,
}

impl Attached {
    async fn to(server: &ClickHouse, database: &str, own: &BTreeMap<Table, Mapping>, dir: &Path) -> Self {
        let connection = Connection { url: server.url(), database: database.into(), ..Connection::default() };
        let ledger = Arc::new(Ledger::at(dir.join("statements.jsonl")));
        let client = Client::attach(database, connection, ledger).await.expect("it lets us in");
        let layout = Layout::detect(&client, own).await.expect("system tables");
        Self { client, layout }
    }

    async fn rows(&self, sql: sextant_model::Sql) -> Result<Vec<RecordBatch>, String> {
        let statement = Statement::new(sql).map_err(|e| e.to_string())?;
        let answer = self.client.rows(&statement, Limits::default()).await;
        answer.map(|(rows, _)| rows).map_err(|e| format!("{e}: {}", statement.shown()))
    }

    /// What a search finds, by id.
    async fn found(&self, query: &Query, range: TimeRange) -> Result<BTreeSet<String>, String> {
        let tables = self.layout.tables();
        let (table, sql) = match query.signal {
            Signal::Logs => (Table::Logs, clickhouse::logs(&tables, query, range, 10_000)),
            _ => (Table::Traces, clickhouse::spans(&tables, query, range, 10_000)),
        };
        let mut ids = BTreeSet::new();
        for rows in self.rows(sql).await? {
            let rows = sextant_remote::stored(table, &rows).expect("rows of ours");
            if table == Table::Traces {
                ids.extend(rows["SpanId"].as_string::<i32>().iter().flatten().map(str::to_owned));
                continue;
            }
            for entries in rows["LogAttributes"].as_map().iter().flatten() {
                let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
                let n = keys.iter().zip(values).find(|(key, _)| *key == Some("n")).and_then(|(_, value)| value);
                ids.extend(n.map(str::to_owned));
            }
        }
        Ok(ids)
    }
}

const SCHEMAS: [(&str, &str); 6] = [
    ("old", "OpenTelemetry"),
    ("newest", "OpenTelemetry"),
    ("hyperdx", "OpenTelemetry"),
    ("json", "OpenTelemetry"),
    ("signoz", "SigNoz"),
    ("custom", "custom"),
];

/// `SEXTANT_SEARCHES=5000` asks so many of each.
#[tokio::test]
async fn searches_find_the_same_in_every_schema() {
    let world = World::new(7);
    let dir = tempfile::tempdir().expect("a directory");
    let server = ClickHouse::start(&dir.path().join("server"), &json!({}));
    server.make("world", "exporter.sql");
    for statement in filled(&world, dir.path()) {
        server.ask("world", &statement);
    }
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/language");
    let corpus = std::fs::read_to_string(folder.join("corpus.tsv")).expect("the corpus");
    let lines = corpus.lines().filter_map(|l| l.split_once('\t'));
    let searches = lines.filter_map(|(signal, search)| parse(Signal::from_name(signal)?, search).ok());
    let n_random: u64 = std::env::var("SEXTANT_SEARCHES").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    let plain = |q: &Query| {
        q.signal != Signal::Metrics
            && q.aggregate.is_none()
            && !asks(&q.filter, has_other_columns)
            && !asks(&q.filter, has_patterns)
    };
    let searches: Vec<Query> = searches.chain((0..n_random).map(random::query)).filter(plain).collect();
    assert!(searches.len() > 200, "{}", searches.len());
    let part = TimeRange { from: Some(UnixNanos(START + 20_000_000_500)), to: Some(UnixNanos(START + 90_000_000_000)) };
    let mut wrong = Vec::new();
    for (at, (database, schema)) in SCHEMAS.into_iter().enumerate() {
        server.make(database, &format!("schemas/{database}.sql"));
        let own = if schema == "custom" { custom() } else { BTreeMap::new() };
        let attached =
            Attached::to(&server, if database == "signoz" { "signoz_logs" } else { database }, &own, dir.path()).await;
        for table in [Table::Traces, Table::Logs] {
            let found = attached
                .layout
                .tables
                .get(&table)
                .unwrap_or_else(|| panic!("{database}: {:?}", attached.layout.why_not));
            assert_eq!(found.mapping.schema, schema, "{database}");
        }
        let mut n_some = 0;
        // Each search in two schemas; all of them in each where many are asked for.
        let is_its = |i: usize| n_random > 60 || i % (SCHEMAS.len() / 2) == at / 2;
        for (_, query) in searches.iter().enumerate().filter(|(i, _)| is_its(*i)) {
            let expected = oracle::found(&world, query.signal, &query.filter);
            match attached.found(query, TimeRange::ALL).await {
                Ok(found) if found == expected => n_some += usize::from(!expected.is_empty()),
                Ok(found) => {
                    let (n, more) = (found.difference(&expected).count(), expected.difference(&found).count());
                    wrong.push(format!("{database}: {} finds {n} too many, {more} too few", text(query)));
                }
                Err(e) => wrong.push(format!("{database}: {}: {e}", text(query))),
            }
        }
        assert!(n_some > 40 || !wrong.is_empty(), "{n_some}");
        // Within a period, whose bounds fall between those of buckets.
        for signal in [Signal::Traces, Signal::Logs] {
            let rows = if signal == Signal::Logs { &world.logs } else { &world.spans };
            let within = |time: i64| part.from.is_some_and(|f| time >= f.0) && part.to.is_some_and(|t| time < t.0);
            let expected: BTreeSet<String> = rows.iter().filter(|r| within(r.time)).map(|r| r.id.clone()).collect();
            let everything = parse(signal, "").expect("a search");
            assert!(!expected.is_empty() && expected.len() < rows.len());
            match attached.found(&everything, part).await {
                Ok(found) if found == expected => {}
                other => wrong.push(format!("{database} {signal:?} within a period: {other:?}")),
            }
        }
        // A trace, whole.
        let tables = attached.layout.tables();
        let id = &world.spans[0].trace;
        let sql = clickhouse::trace(&tables, id.parse().expect("an id"));
        let rows = attached.rows(sql).await.expect("a trace");
        let n: usize = rows.iter().map(RecordBatch::num_rows).sum();
        assert_eq!(n, world.spans.iter().filter(|s| s.trace == *id).count(), "{database}");
    }
    assert!(wrong.is_empty(), "{} searches\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
}
