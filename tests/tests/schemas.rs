//! Every kind of user on every schema, by the command line: found out, searched, opened, taken over, and counted against what
//! the server says itself.

use serde_json::{Value, json};
use sextant_tests::Serve;
use sextant_tests::clickhouse::{ClickHouse, cli, readers};
use std::path::Path;
use std::process::Output;

const N: u64 = 1_000;

/// A schema: its database, how its tables are read where that can't be found out, and its own words for what is asked below.
struct Schema {
    database: &'static str,
    attached: &'static str,
    mappings: &'static [&'static [&'static str]],
    spans: &'static str,
    logs: &'static str,
    of_service: &'static str,
    failed: &'static str,
    slow: &'static str,
    route: &'static str,
    trace: &'static str,
    body: &'static str,
    service_of_log: &'static str,
}

const EXPORTER: Schema = Schema {
    database: "newest",
    attached: "newest",
    mappings: &[],
    spans: "newest.otel_traces",
    logs: "newest.otel_logs",
    of_service: "ServiceName = 'svc1'",
    failed: "StatusCode = 'Error'",
    slow: "Duration > 500000000",
    route: "SpanAttributes['http.route'] = '/r3'",
    trace: "TraceId",
    body: "Body",
    service_of_log: "ServiceName",
};

const SCHEMAS: [Schema; 6] = [
    EXPORTER,
    Schema {
        database: "old",
        attached: "old",
        spans: "old.otel_traces",
        logs: "old.otel_logs",
        failed: "StatusCode = 'STATUS_CODE_ERROR'",
        ..EXPORTER
    },
    Schema {
        database: "hyperdx",
        attached: "hyperdx",
        spans: "hyperdx.otel_traces",
        logs: "hyperdx.otel_logs",
        ..EXPORTER
    },
    Schema {
        database: "json",
        attached: "json",
        spans: "json.otel_traces",
        logs: "json.otel_logs",
        route: "SpanAttributes.http.route = '/r3'",
        ..EXPORTER
    },
    Schema {
        database: "signoz",
        attached: "signoz_traces",
        mappings: &[],
        spans: "signoz_traces.distributed_signoz_index_v3",
        logs: "signoz_logs.distributed_logs_v2",
        of_service: "resources_string['service.name'] = 'svc1'",
        failed: "status_code_string = 'Error'",
        slow: "duration_nano > 500000000",
        route: "attributes_string['http.route'] = '/r3'",
        trace: "trace_id",
        body: "body",
        service_of_log: "resources_string['service.name']",
    },
    Schema {
        database: "custom",
        attached: "custom",
        mappings: &[
            &[
                "logs",
                "--table",
                "custom.app.events",
                "--set",
                "SeverityText=level_text",
                "--set",
                "SeverityNumber=severity",
                "--set",
                "TraceId=correlation",
                "--set",
                "ServiceName=`service name`",
                "--filter",
                "tenant = 'a'",
                "--resource",
                "`res``ource`",
            ],
            &[
                "traces",
                "--table",
                "custom.calls",
                "--set",
                "StatusCode=if(failed = 1, 'Error', status)",
                "--resource",
                "env",
                "--set",
                "ParentSpanId=parent",
                "--set",
                "SpanId=id",
                "--set",
                "Duration=took_us",
                "--duration-unit",
                "us",
                "--set",
                "Timestamp=started",
            ],
        ],
        spans: "custom.calls",
        logs: "(SELECT * FROM custom.`app.events` WHERE tenant = 'a')",
        of_service: "app = 'svc1'",
        failed: "failed = 1",
        slow: "took_us > 500000",
        route: "tags['http.route'] = '/r3'",
        trace: "trace",
        body: "msg",
        service_of_log: "`service name`",
    },
];

fn said(args: &[&str], output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}: {out}{err}");
    assert!(!out.contains("s3cret") && !err.contains("s3cret"), "{out}{err}");
    out.into_owned()
}

/// All schemas, with the same records in each.
fn world(dir: &Path) -> ClickHouse {
    let server = ClickHouse::start(&dir.join("server"), &readers());
    server.make("world", "exporter.sql");
    server.fill("world", N);
    for schema in &SCHEMAS {
        server.make(schema.database, &format!("schemas/{}.sql", schema.database));
    }
    server
}

/// Goes the whole way on one schema; `asks` answers SQL directly.
fn walk(dir: &Path, url: &str, user: &str, schema: &Schema, asks: &dyn Fn(&str) -> u64) {
    // One program holds the data and what it found out, as on a desk; the commands ask it.
    let serve = Serve::start(&dir.join(format!("{user}-{}", schema.database)));
    let data = serve.dir.clone();
    let of = schema.database;
    let run = |args: &[&str]| said(args, &cli(&data, args));
    let database = format!("--database={}", schema.attached);
    let args = ["source", "add", "prod", url, "--user", user, "--password-env", "CH_PASSWORD", &database];
    let added = cli(&data, &args);
    assert_eq!(added.status.success(), schema.mappings.is_empty(), "{of}: {}", String::from_utf8_lossy(&added.stdout));
    for mapping in schema.mappings {
        let args = [&["source", "map", "prod"], *mapping].concat();
        run(&args);
    }
    let test = run(&["source", "test", "prod"]);
    assert!(test.contains("ok  traces") && test.contains("ok  logs"), "{of}: {test}");
    let rows = |args: &[&str]| -> Vec<Value> {
        let args = [args, &["--source", "prod", "--format", "json"]].concat();
        let text = run(&args);
        serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}: {text}"))
    };
    let (spans, logs) = (schema.spans, schema.logs);
    for (kind, search, sql) in [
        ("spans", "", format!("SELECT count() FROM {spans}")),
        (
            "spans",
            "service:svc1 duration:>500ms",
            format!("SELECT count() FROM {spans} WHERE {} AND {}", schema.of_service, schema.slow),
        ),
        (
            "spans",
            "service:\"svc1\" http.route:\"/r3\"",
            format!("SELECT count() FROM {spans} WHERE {} AND {}", schema.of_service, schema.route),
        ),
        ("traces", "error:true", format!("SELECT uniqExact({}) FROM {spans} WHERE {}", schema.trace, schema.failed)),
        ("logs", "refused", format!("SELECT count() FROM {logs} WHERE {} LIKE '% refused'", schema.body)),
        (
            "logs",
            "service:svc3 user.id:\"7\"",
            format!(
                "SELECT count() FROM {logs} WHERE {} = 'svc3' AND positionCaseInsensitive(toString(tuple(*)), '\\'user.id\\':\\'7\\'') + positionCaseInsensitive(toString(tuple(*)), '\"user.id\":\"7\"') > 0",
                schema.service_of_log
            ),
        ),
    ] {
        let found = rows(&["search", kind, search, "--limit", "5000"]);
        // Where attributes are looks different everywhere: what matters there is that something is found.
        if search.contains("user.id") {
            assert!(!found.is_empty(), "{of} {kind} {search}");
        } else {
            assert_eq!(found.len() as u64, asks(&sql), "{of} {user}: {kind} {search}");
        }
    }
    let traces = rows(&["search", "traces", "service:svc1", "--limit", "3"]);
    let id = traces[0]["TraceId"].as_str().expect("an id").to_owned();
    assert_eq!(rows(&["trace", &id]).len(), 10, "{of}");
    let services = rows(&["services"]);
    let of_svc1 = services.iter().find(|s| s["service"] == "svc1").expect("svc1");
    assert_eq!(
        of_svc1["spans"].as_u64(),
        Some(asks(&format!("SELECT count() FROM {spans} WHERE {}", schema.of_service))),
        "{of}"
    );
    let by = rows(&["search", "spans", "| count, p95(duration), errors by service"]);
    assert_eq!(by.len(), 4, "{of}: {by:?}");
    // Taken over, it answers the same here.
    let times = ["--from", "2026-11-20T12:00:00Z", "--to", "2026-11-20T13:00:00Z"];
    let pull = [&["pull", "--source", "prod", "--json", "service:svc1"], &times[..]].concat();
    let report: Value = serde_json::from_str(&run(&pull)).expect("a report");
    let wanted = asks(&format!("SELECT count() FROM {spans} WHERE {}", schema.of_service))
        + asks(&format!("SELECT count() FROM {logs} WHERE {} = 'svc1'", schema.service_of_log));
    assert_eq!(report["stored"].as_u64(), Some(wanted), "{of}: {report}");
    for search in
        ["http.route:\"/r3\" service:svc1", "error:true service:svc1", "service:svc1 duration:>500ms kind:client"]
    {
        let here = [&["search", "spans", search, "--limit", "5000", "--format", "json"], &times[..]].concat();
        let here: Vec<Value> = serde_json::from_str(&run(&here)).expect("rows");
        let there = rows(&[&["search", "spans", search, "--limit", "5000"], &times[..]].concat());
        let ids = |rows: &[Value]| {
            let mut all: Vec<String> =
                rows.iter().map(|r| format!("{} {} {}", r["SpanId"], r["Duration"], r["Timestamp"])).collect();
            all.sort();
            all
        };
        assert_eq!(ids(&here), ids(&there), "{of}: {search}");
    }
}

/// Numbers that the engine says to somebody else: to the official client.
fn numbers(server: &ClickHouse) -> impl Fn(&str) -> u64 {
    let client = clickhouse::Client::default().with_url(server.url());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    move |sql: &str| {
        // A question mark stands for a value there.
        let asked = client.query(&sql.replace('?', "??")).fetch_one::<u64>();
        runtime.block_on(asked).unwrap_or_else(|e| panic!("{sql}: {e}"))
    }
}

#[test]
fn a_strict_reader_on_every_schema() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = world(dir.path());
    for schema in &SCHEMAS {
        walk(dir.path(), &server.url(), "strict", schema, &numbers(&server));
    }
    only_reads(&server, true);
}

#[test]
fn a_careful_reader_and_one_who_may_do_everything() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = world(dir.path());
    for (i, schema) in SCHEMAS.iter().enumerate() {
        let user = if i % 2 == 0 { "careful" } else { "full" };
        walk(dir.path(), &server.url(), user, schema, &numbers(&server));
    }
    only_reads(&server, true);
}

/// One who may see two tables of each, and one who may see some columns of them.
#[test]
fn readers_of_two_tables_and_of_columns() {
    let dir = tempfile::tempdir().expect("a directory");
    let server = world(dir.path());
    // What it may not ask for itself is asked before.
    let counts = |schema: &Schema| -> [u64; 2] {
        let ask = numbers(&server);
        [
            ask(&format!("SELECT count() FROM {} WHERE {} AND {}", schema.spans, schema.of_service, schema.slow)),
            ask(&format!("SELECT count() FROM {} WHERE {} LIKE '% refused'", schema.logs, schema.body)),
        ]
    };
    let expected: Vec<[u64; 2]> = SCHEMAS.iter().map(counts).collect();
    drop(server);
    let two = json!([
        "GRANT SELECT ON newest.otel_traces",
        "GRANT SELECT ON newest.otel_logs",
        "GRANT SELECT ON old.otel_traces",
        "GRANT SELECT ON old.otel_traces_local",
        "GRANT SELECT ON old.otel_logs",
        "GRANT SELECT ON hyperdx.otel_traces",
        "GRANT SELECT ON hyperdx.otel_logs",
        "GRANT SELECT ON json.otel_traces",
        "GRANT SELECT ON json.otel_logs",
        "GRANT SELECT ON signoz_traces.distributed_signoz_index_v3",
        "GRANT SELECT ON signoz_traces.signoz_index_v3",
        "GRANT SELECT ON signoz_logs.distributed_logs_v2",
        "GRANT SELECT ON signoz_logs.logs_v2",
        "GRANT SELECT ON custom.calls",
        "GRANT SELECT ON custom.`app.events`",
    ]);
    let spans = "SELECT(Timestamp, TraceId, SpanId, ParentSpanId, SpanName, SpanKind, ServiceName, Duration, StatusCode, SpanAttributes)";
    let logs = "SELECT(Timestamp, Body, ServiceName, SeverityText, SeverityNumber)";
    let columns: Vec<String> = ["newest", "hyperdx", "json"]
        .iter()
        .flat_map(|of| [format!("GRANT {spans} ON {of}.otel_traces"), format!("GRANT {logs} ON {of}.otel_logs")])
        .collect();
    for (who, grants) in [("two tables", two), ("columns", json!(columns))] {
        let server = ClickHouse::start(&dir.path().join("server"), &json!({ "grants": grants }));
        for (schema, expected) in SCHEMAS.iter().zip(&expected) {
            if who == "columns" && !["newest", "hyperdx", "json"].contains(&schema.database) {
                continue;
            }
            let data = dir.path().join(format!("{who}-{}", schema.database));
            let run = |args: &[&str]| said(args, &cli(&data, args));
            let database = format!("--database={}", schema.attached);
            cli(&data, &["source", "add", "prod", &server.url(), &database]);
            for mapping in schema.mappings {
                run(&[&["source", "map", "prod"], *mapping].concat());
            }
            let n = |args: &[&str]| -> u64 {
                let text = run(&[args, &["--source", "prod", "--format", "json", "--limit", "5000"]].concat());
                serde_json::from_str::<Vec<Value>>(&text).expect("rows").len() as u64
            };
            let what = format!("{who} {}", schema.database);
            assert_eq!(n(&["search", "spans", "service:svc1 duration:>500ms"]), expected[0], "{what}");
            assert_eq!(n(&["search", "logs", "refused"]), expected[1], "{what}");
            assert_eq!(n(&["search", "traces", "service:svc1"]), 100, "{what}");
            let report = run(&[
                "pull",
                "--source",
                "prod",
                "--json",
                "--from",
                "2026-11-20T12:00:00Z",
                "--to",
                "2026-11-20T13:00:00Z",
                "--signal",
                "traces",
                "service:svc1 duration:>500ms",
            ]);
            let report: Value = serde_json::from_str(&report).expect("a report");
            assert_eq!(report["stored"].as_u64(), Some(expected[0]), "{what}: {report}");
        }
        only_reads(&server, false);
    }
}

/// Whatever arrived from us only read.
fn only_reads(server: &ClickHouse, may_see_log: bool) {
    let reads = |text: &str| {
        ["SELECT", "WITH", "EXPLAIN", "KILL QUERY WHERE query_id = 'sextant-"].iter().any(|b| text.starts_with(b))
    };
    let all = server.arrived();
    let ours = all.iter().filter(|s| s["query_id"].as_str().is_some_and(|id| id.starts_with("sextant-")));
    let mut n = 0;
    for statement in ours {
        n += 1;
        assert!(reads(statement["text"].as_str().unwrap_or_default()), "{statement}");
        if statement["user"] == "strict" {
            assert_eq!(statement["settings"], json!({}), "settings are refused there");
        }
    }
    assert!(n > 50, "{n}");
    if !may_see_log {
        return;
    }
    // What the engine itself says that it ran for us, but for the SET and USE by which the server of these tests tells it of
    // a request; it writes that down with a delay.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    let kinds = server.ask(
        "default",
        "SELECT DISTINCT query_kind FROM system.query_log WHERE startsWith(log_comment, 'sextant-') ORDER BY 1",
    );
    let is_read = |kind: &str| matches!(kind, "Select" | "Explain" | "KillQuery" | "Set" | "Use" | "");
    assert!(kinds.contains("Select") && kinds.lines().all(is_read), "{kinds}");
}
