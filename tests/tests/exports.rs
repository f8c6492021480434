//! Rows to files and back: nothing is left out, whatever the format, the size and the way.

use serde_json::Value;
use sextant_tests::{Serve, json, ok, request, run};
use std::path::Path;

const SPANS: &str = "6000";

fn world(serve: &Serve) {
    ok(&["demo", "--data", &serve.dir.to_string_lossy(), "--spans", SPANS, "--seed", "5"]);
}

fn export(dir: &str, kind: &str, query: &str, out: &Path) {
    ok(&["export", kind, query, "--data", dir, "--out", &out.to_string_lossy()]);
}

fn count(dir: &str, kind: &str, query: &str) -> usize {
    json(&["search", kind, query, "--data", dir, "--limit", "1000000", "--format", "json"])
        .as_array()
        .map_or(0, Vec::len)
}

#[test]
fn every_format_holds_every_row() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("data"));
    world(&serve);
    let dir = serve.dir.to_string_lossy().into_owned();
    let dir = dir.as_str();
    for (kind, query) in [
        ("logs", ""),
        ("spans", "service:checkout"),
        ("traces", "error:true"),
        ("traces", "trace.duration:>100ms"),
        ("metrics", ""),
        ("spans", "| count by service"),
        ("logs", "no such thing"),
    ] {
        let n = count(dir, kind, query);
        assert!(n > 0 || query.contains("no such"), "{kind} {query}");
        let out = home.path().join("out.ndjson");
        export(dir, kind, query, &out);
        let text = std::fs::read_to_string(&out).expect("a file");
        assert_eq!(text.lines().count(), n, "{kind} {query}");
        let mut rows: Vec<Value> = text.lines().map(|l| serde_json::from_str(l).expect("a row")).collect();
        let whole = json(&["search", kind, query, "--data", dir, "--limit", "1000000", "--format", "json"]);
        let mut expected = whole.as_array().expect("rows").clone();
        for list in [&mut rows, &mut expected] {
            list.sort_by_key(Value::to_string);
        }
        assert!(rows == expected, "{kind} {query}: other rows");
        let out = home.path().join("out.csv");
        export(dir, kind, query, &out);
        let text = std::fs::read_to_string(&out).expect("a file");
        let n_lines = text.split("\r\n").count() - 2;
        assert!(n_lines >= n && text.contains(','), "{kind} {query}: {n_lines} lines of CSV");
        let out = home.path().join("out.json");
        export(dir, kind, query, &out);
        let all: Value = serde_json::from_slice(&std::fs::read(&out).expect("a file")).expect("an array");
        assert_eq!(all.as_array().map(Vec::len), Some(n));
        let out = home.path().join("out.parquet");
        export(dir, kind, query, &out);
        let file = std::fs::File::open(&out).expect("a file");
        let reader = parquet::file::reader::SerializedFileReader::new(file).expect("Parquet");
        let n_in = parquet::file::reader::FileReader::metadata(&reader).file_metadata().num_rows();
        assert_eq!(n_in as usize, n, "{kind} {query}");
        let out = home.path().join("out.arrow");
        export(dir, kind, query, &out);
        let file = std::fs::File::open(&out).expect("a file");
        let reader = arrow::ipc::reader::StreamReader::try_new(file, None).expect("Arrow");
        assert_eq!(reader.map(|b| b.expect("rows").num_rows()).sum::<usize>(), n, "{kind} {query}");
    }
}

/// Every record of a file of OTLP JSON with its resource and scope, in an order of their own: how records are put into
/// messages is the writer's matter.
fn records(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).expect("a file");
    let mut all = Vec::new();
    let take = |of: &mut Value, key: &str| match of.as_object_mut().and_then(|o| o.remove(key)) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    for line in text.lines() {
        let mut line: Value = serde_json::from_str(line).expect("JSON");
        for (resources, scopes, records) in [
            ("resourceSpans", "scopeSpans", "spans"),
            ("resourceLogs", "scopeLogs", "logRecords"),
            ("resourceMetrics", "scopeMetrics", "metrics"),
        ] {
            for mut resource in take(&mut line, resources) {
                for mut scope in take(&mut resource, scopes) {
                    let of_scope = take(&mut scope, records);
                    let around = format!("{resource} {scope}");
                    for mut record in of_scope {
                        let kind = ["gauge", "sum", "histogram", "exponentialHistogram", "summary"];
                        let kind = kind.into_iter().find(|k| record[*k].is_object());
                        let points = kind.map(|kind| take(&mut record[kind], "dataPoints"));
                        match points {
                            None => all.push(format!("{around} {record}")),
                            Some(points) => all.extend(points.iter().map(|p| format!("{around} {record} {p}"))),
                        }
                    }
                }
            }
        }
    }
    all.sort();
    all
}

#[test]
fn what_is_written_as_otlp_is_taken_in_as_it_was() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("data"));
    world(&serve);
    let dir = serve.dir.to_string_lossy().into_owned();
    let again = home.path().join("again");
    let again = again.to_string_lossy();
    for kind in ["spans", "logs", "metrics"] {
        let out = home.path().join(format!("{kind}.otlp.jsonl"));
        export(&dir, kind, "", &out);
        let report = json(&["import", &out.to_string_lossy(), "--data", &again, "--json"]);
        assert_eq!((&report["skipped"], &report["read"]), (&Value::from(0), &report["stored"]), "{kind}: {report}");
    }
    for table in ["traces", "logs", "metrics_gauge", "metrics_sum", "metrics_histogram"] {
        // All that arrived; what the store adds is another matter, and exact bytes of nested values may be written longer.
        let sql =
            format!("SELECT COLUMNS(c -> c NOT LIKE '%Exact' AND c NOT IN ('IngestId', 'ReceivedAt')) FROM {table}");
        let [mut sent, mut back] = [dir.as_str(), &again]
            .map(|d| json(&["sql", &sql, "--data", d, "--format", "json"]).as_array().expect("rows").clone());
        assert!(!sent.is_empty(), "{table}");
        for list in [&mut sent, &mut back] {
            list.sort_by_cached_key(Value::to_string);
        }
        assert_eq!(sent.len(), back.len(), "{table}");
        for (sent, back) in sent.iter().zip(&back) {
            assert_eq!(sent, back, "{table}");
        }
    }
    // Exported again, it is the same.
    for kind in ["spans", "logs", "metrics"] {
        let second = home.path().join(format!("{kind}-again.otlp.jsonl"));
        export(&again, kind, "", &second);
        let [first, second] = [home.path().join(format!("{kind}.otlp.jsonl")), second].map(|path| records(&path));
        assert!(!first.is_empty(), "{kind}");
        assert!(first == second, "{kind}: {} and {} records", first.len(), second.len());
    }
    // Whole traces, of those that match.
    let out = home.path().join("errors.otlp.jsonl");
    export(&dir, "traces", "error:true", &out);
    let spans: usize =
        json(&["search", "traces", "error:true", "--data", &dir, "--limit", "100000", "--format", "json"])
            .as_array()
            .expect("rows")
            .iter()
            .map(|t| t["Spans"].as_u64().expect("a number") as usize)
            .sum();
    let other = home.path().join("other");
    let report = json(&["import", &out.to_string_lossy(), "--data", &other.to_string_lossy(), "--json"]);
    assert_eq!(report["stored"], spans);
}

#[test]
fn files_over_http_are_those_that_exports_made() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("data"));
    world(&serve);
    let get = |path: &str| {
        let bearer = format!("Bearer {}", serve.token);
        request(serve.at("http"), "GET", path, &[("authorization", &bearer)], b"")
    };
    let whole = get("/api/v1/export/logs?q=level:error&format=ndjson");
    let n = count(&serve.dir.to_string_lossy(), "logs", "level:error");
    assert_eq!((whole.status, whole.text().lines().count()), (200, n));
    let name = whole.header("content-disposition").expect("a name").to_owned();
    let name = name.split('"').nth(1).expect("a name");
    // Handed out at once, it need not be kept; what the screens made is there until it is fetched for good.
    assert_eq!(get(&format!("/api/v1/exports/{name}")).status, 404);
    std::fs::write(serve.dir.join("exports/kept.csv"), "a,b").expect("a file");
    assert_eq!(get("/api/v1/exports/kept.csv").text(), "a,b");
    assert_eq!(get("/api/v1/exports/kept.csv?once=true").text(), "a,b");
    assert_eq!(get("/api/v1/exports/kept.csv").status, 404);
    std::fs::write(serve.dir.join("exports/.x.part"), "half").expect("a file");
    for away in ["..%2Finstance.json", "..", ".x.part", "nothing", "%2Fetc%2Fpasswd", ".%2F..%2Finstance.json"] {
        assert_eq!(get(&format!("/api/v1/exports/{away}")).status, 404, "{away}");
    }
    for (path, part) in
        [("logs?format=xls", "must be one of csv"), ("logs?format=csv&from=soon", "from"), ("cats?format=csv", "cats")]
    {
        let refused = get(&format!("/api/v1/export/{path}"));
        assert!((400..=404).contains(&refused.status) && refused.text().contains(part), "{path}: {}", refused.text());
    }
    let otlp = get("/api/v1/export/spans?q=%7C%20count%20by%20service&format=otlp-json");
    assert!(otlp.status == 400 && otlp.text().contains("choose CSV"), "{} {}", otlp.status, otlp.text());
    // Nobody has files written elsewhere.
    let command = serde_json::json!({ "command": "export", "ask": { "ask": "status" }, "format": "csv", "tag": 1, "path": "/tmp/x" });
    let command: String = command.to_string().bytes().map(|b| format!("%{b:02X}")).collect();
    let bearer = format!("Bearer {}", serve.token);
    let path = format!("/api/v1/door/act?command={command}");
    let refused = request(serve.at("http"), "POST", &path, &[("authorization", &bearer)], b"");
    assert!(refused.status == 400 && refused.text().contains("not written"), "{}", refused.text());
}

#[test]
fn a_file_is_whole_or_not_there() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("data"));
    let dir = serve.dir.to_string_lossy().into_owned();
    let out = home.path().join("out.csv");
    std::fs::write(&out, "before").expect("a file");
    for (args, part) in [
        (vec!["export", "logs", "level:", "--out"], "position 1"),
        (
            vec!["export", "logs", "", "--from", "2026-01-02T00:00:00Z", "--to", "2026-01-01T00:00:00Z", "--out"],
            "empty",
        ),
    ] {
        let path = out.to_string_lossy().into_owned();
        let args: Vec<&str> = args.into_iter().chain([path.as_str(), "--data", &dir]).collect();
        let refused = run(&args);
        let text = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && text.contains(part), "{text}");
    }
    assert_eq!(std::fs::read_to_string(&out).expect("a file"), "before");
    let nowhere = home.path().join("no/such/folder.csv");
    let refused = run(&["export", "logs", "--out", &nowhere.to_string_lossy(), "--data", &dir]);
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("can't be written"), "{text}");
    let unnamed = run(&["export", "logs", "--out", &home.path().join("out").to_string_lossy(), "--data", &dir]);
    assert!(String::from_utf8_lossy(&unnamed.stderr).contains("--format"), "{unnamed:?}");
    let left: Vec<_> = std::fs::read_dir(home.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_file_is_looked_at_and_not_kept() {
    use std::io::{BufRead as _, BufReader};
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("data"));
    world(&serve);
    let dir = serve.dir.to_string_lossy().into_owned();
    let traces = json(&["search", "traces", "error:true", "--data", &dir, "--limit", "1", "--format", "json"]);
    let id = traces[0]["TraceId"].as_str().expect("a trace").to_owned();
    let file = home.path().join("one.otlp.jsonl");
    ok(&["export", "traces", &format!("trace:{id}"), "--data", &dir, "--out", &file.to_string_lossy()]);
    let file = file.to_string_lossy();
    let printed = ok(&["open", &file, "--print"]);
    assert!(printed.contains(&id) && printed.contains("0 skipped"), "{printed}");
    let away = run(&["open", "/nowhere/x.json", "--print"]);
    assert!(String::from_utf8_lossy(&away.stderr).contains("can't be read"), "{away:?}");
    let odd = home.path().join("odd.json");
    std::fs::write(&odd, "no telemetry").expect("a file");
    assert!(!run(&["open", &odd.to_string_lossy(), "--print"]).status.success());
    // As a page: it begins at the trace; nothing is left when it ends.
    let temporary = home.path().join("tmp");
    std::fs::create_dir(&temporary).expect("a folder");
    let mut child = std::process::Command::new(sextant_tests::sextant())
        .args(["open", &file])
        .env("TMPDIR", &temporary)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("sextant starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    let url = line.trim().strip_prefix("open http://").expect("an address").to_owned();
    assert!(url.contains("#/trace?q=&from=") && url.contains(&id), "{url}");
    let (host, path) = url.split_once('/').expect("a path");
    let opened = request(host, "GET", &format!("/{}", path.split('#').next().expect("a path")), &[], b"");
    assert_eq!(opened.status, 303);
    assert!(std::fs::read_dir(&temporary).expect("a folder").count() > 0);
    std::process::Command::new("kill").arg(child.id().to_string()).status().expect("kill runs");
    assert!(child.wait().expect("it ends").success());
    assert_eq!(std::fs::read_dir(&temporary).expect("a folder").count(), 0, "nothing is kept");
}

#[test]
fn a_slip_of_the_pen_is_told_from_nothing() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("data"));
    world(&serve);
    let dir = serve.dir.to_string_lossy().into_owned();
    let told = |kind: &str, query: &str| {
        let output = run(&["search", kind, query, "--data", &dir]);
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(told("traces", "duraton:>100ms").contains("did you mean duration?"));
    assert!(told("spans", "-service:x htp.route:\"/api\"").contains("'htp.route'; did you mean http.route?"));
    let alone = told("logs", "nothing.like.it:1");
    assert!(alone.contains("'nothing.like.it'") && !alone.contains("did you mean"), "{alone}");
    // What is there and only finds nothing here is no slip.
    assert_eq!(told("spans", "http.route:\"/nowhere\""), "");
}

/// A file with so many log records, a millisecond apart.
fn many(path: &Path, n: i64) {
    use std::io::Write as _;
    let mut file = std::io::BufWriter::new(std::fs::File::create(path).expect("a file"));
    for first in (0..n).step_by(1_000) {
        let record = |i: i64| {
            let time = 1_790_000_000_000_000_000 + i * 1_000_000;
            format!(r#"{{"timeUnixNano":"{time}","severityNumber":9,"body":{{"stringValue":"line {i}, of many"}}}}"#)
        };
        let records: Vec<String> = (first..(first + 1_000).min(n)).map(record).collect();
        writeln!(file, r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#, records.join(","))
            .expect("is written");
    }
}

#[test]
fn more_rows_than_are_read_at_once_are_all_there_or_none() {
    use sextant_contract::{Ask, Backend as _, Code, Command, Outcome, Period, RowFormat, SearchAsk, SearchKind};
    const N: usize = 260_000;
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("data"));
    let dir = serve.dir.to_string_lossy().into_owned();
    let file = home.path().join("many.jsonl");
    many(&file, N as i64);
    ok(&["import", &file.to_string_lossy(), "--data", &dir]);
    let numbers = |text: &str, quote: &str| -> Vec<usize> {
        let start = format!("{quote}line ");
        let all = text.split(start.as_str()).skip(1).filter_map(|part| part.split(',').next()?.parse().ok());
        all.collect()
    };
    // Each once, the newest first, over the ends of all parts.
    let newest_first: Vec<usize> = (0..N).rev().collect();
    for (name, quote) in [("all.csv", "\""), ("all.ndjson", "\"Body\":\""), ("all.json", "\"Body\":\"")] {
        let out = home.path().join(name);
        export(&dir, "logs", "", &out);
        let text = std::fs::read_to_string(&out).expect("a file");
        assert!(numbers(&text, quote) == newest_first, "{name}");
        if name == "all.json" {
            assert_eq!(serde_json::from_str::<Value>(&text).expect("one array").as_array().map(Vec::len), Some(N));
        }
        if name == "all.csv" {
            assert!(text.starts_with("Timestamp,") && !text.contains("\r\nTimestamp,"), "one header");
        }
    }
    // Stopped on its way, nothing of it is left.
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let url = format!("http://{}", serve.at("http"));
    let backend = sextant_server::HttpBackend::new(&url, &serve.token).expect("a client");
    let search =
        SearchAsk { kind: SearchKind::Logs, query: String::new(), period: Period::default(), limit: 0, explain: false };
    let path = Some(home.path().join("stopped.csv").to_string_lossy().into_owned());
    let ask = Box::new(Ask::Search(search));
    let done = backend.act(Command::Export { ask, format: RowFormat::Csv, tag: 77, path, location: None }, Vec::new());
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let progress = runtime.block_on(backend.ask(Ask::Progress { tag: 77 })).expect("an answer");
        if progress.object.is_some_and(|o| o["rows"].as_u64() > Some(0)) {
            break;
        }
        assert!(std::time::Instant::now() < until, "it never began");
    }
    assert_eq!(runtime.block_on(backend.act(Command::Cancel { tag: 77 }, Vec::new())), Ok(Outcome::Done));
    let stopped = runtime.block_on(done).expect_err("it was stopped");
    assert_eq!(stopped.code, Code::Refused, "{stopped:?}");
    assert!(!home.path().join("stopped.csv").exists());
    let left: Vec<_> = std::fs::read_dir(serve.dir.join("exports")).expect("a folder").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
}
