//! `cargo xtask bench ingest|query|soak|remote|handover|simulate`: figures of the store, from outside, with its own server and load.

#![allow(clippy::print_stdout, reason = "figures are what it is for")]

mod handover;
mod remote;
mod simulate;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use sextant_fixtures::giant;
use sextant_model::Table;
use sextant_tests::load::{BATCH, Loaded, Signal, Template, load};
use sextant_tests::{Serve, json, request};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str, default: u64| {
        let place = args.iter().position(|a| a == name);
        place.and_then(|i| args.get(i + 1)?.parse().ok()).unwrap_or(default)
    };
    match args.first().map(String::as_str) {
        Some("ingest") => ingest(Duration::from_secs(number("--seconds", 10))),
        Some("query") => query(number("--millions", 2) * 1_000_000),
        Some("logs") if args.len() > 1 => logs(Path::new(&args[1]), number("--millions", 10) * 1_000_000),
        Some("remote") => remote::remote(number("--thousands", 1_000) * 1_000),
        Some("handover") => handover::handover(number("--spans", 1_000_000)),
        Some("simulate") => simulate::simulate(number("--millions", 10) * 1_000_000),
        Some("page") => page(number("--spans", 1_000_000)),
        Some("soak") => soak(Duration::from_secs(60 * number("--minutes", 10)), number("--rate", 100_000)),
        _ => {
            println!(
                "usage: bench ingest [--seconds 10] | query [--millions 2] | logs DIR [--millions 10] | page [--spans 1000000] | remote [--thousands 1000] | handover [--spans 1000000] | simulate [--millions 10] | soak [--minutes 10] [--rate 100000]"
            );
        }
    }
}

/// A directory on a real disk: `/tmp` may be memory.
fn place() -> tempfile::TempDir {
    tempfile::tempdir_in("/var/tmp").or_else(|_| tempfile::tempdir()).expect("a directory")
}

/// CPU seconds of a process, of a zombie too.
fn cpu(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |i: usize| fields.get(i)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// Resident memory, now and at most, in MB.
fn memory(pid: u32) -> (f64, f64) {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|l| l.strip_prefix(name))?;
        Some(line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok()? / 1_000.0)
    };
    (of("VmRSS:").unwrap_or(0.0), of("VmHWM:").unwrap_or(0.0))
}

fn n_files(dir: &Path) -> usize {
    sextant_tests::files_below(&dir.join("segments"), "parquet").len()
}

/// Stops a server and returns all the CPU seconds that it took, sealing included.
fn cpu_to_the_end(serve: Serve) -> f64 {
    let pid = serve.pid();
    Command::new("kill").arg(pid.to_string()).status().expect("kill runs");
    let mut last = 0.0;
    while let Some(now) = cpu(pid) {
        last = now;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z')) {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(serve);
    last
}

fn row(name: &str, loaded: &mut Loaded, cpu: f64, hwm: f64) {
    println!(
        "| {name} | {:.0} k/s | {:.2} M | {:.0} k | {:.1}, {:.1} ms | {hwm:.0} MB |",
        loaded.accepted as f64 / loaded.wall.as_secs_f64() / 1e3,
        loaded.throttled as f64 / 1e6,
        loaded.accepted as f64 / cpu / 1e3,
        loaded.quantile(0.5),
        loaded.quantile(0.99)
    );
}

fn ingest(time: Duration) {
    println!("| | accepted | throttled | per server CPU second, sealed | answer p50, p99 | memory at most |");
    println!("|---|---|---|---|---|---|");
    let mut kept = None;
    for (name, signal, rate) in [
        ("spans, as fast as they go", Signal::Spans, None),
        ("spans at 50 k/s", Signal::Spans, Some(50_000)),
        ("spans at 100 k/s", Signal::Spans, Some(100_000)),
        ("logs, as fast as they go", Signal::Logs, None),
        ("points, as fast as they go", Signal::Points, None),
    ] {
        let dir = place();
        let serve = Serve::start(dir.path());
        let before = cpu(serve.pid()).unwrap_or_default();
        let mut loaded = load(serve.at("otlp-http"), signal, time, rate);
        let hwm = memory(serve.pid()).1;
        let used = cpu_to_the_end(serve) - before;
        row(name, &mut loaded, used, hwm);
        if signal == Signal::Spans && rate.is_none() {
            kept = Some((dir, loaded.accepted));
        }
    }
    let (prost, ours) = (rate(by_prost), rate(by_us));
    println!(
        "\ndecoding per CPU second: {:.0} k spans into columns, {:.1} times what prost does into objects ({:.0} k)",
        ours / 1e3,
        ours / prost,
        prost / 1e3
    );
    let Some((dir, n)) = kept else { return };
    let serve = Serve::start(dir.path());
    let before = cpu(serve.pid()).unwrap_or_default();
    let data = dir.path().to_string_lossy().into_owned();
    let files = n_files(dir.path());
    let done = json(&["compact", "--data", &data, "--format", "json"]);
    let used = cpu(serve.pid()).unwrap_or_default() - before;
    println!(
        "merging all of them: {:.0} k spans per CPU second; {files} files of {:.1} bytes a span became {} of {:.1}",
        n as f64 / used / 1e3,
        done["bytes_before"].as_f64().unwrap_or(0.0) / n as f64,
        n_files(dir.path()),
        done["bytes_after"].as_f64().unwrap_or(0.0) / n as f64
    );
    assert_eq!(serve.stop(), Some(0));
    writers(dir.path());
    columns(dir.path());
}

/// What Parquet's own writer and ours take for the same rows in memory, zstd 1.
fn writers(dir: &Path) {
    use sextant_columns::{Compression, SegmentFooter, SegmentWriter, Writing};
    let files = sextant_tests::files_below(dir, "parquet");
    let Some(path) = files.iter().max_by_key(|p| p.metadata().map_or(0, |m| m.len())) else { return };
    let rows: Vec<_> = sextant_columns::batches(path, Table::Traces, 8_192)
        .expect("reads")
        .take(30)
        .map(|b| b.expect("rows"))
        .collect();
    let n = rows.iter().fold(0, |n, b| n + b.num_rows());
    let since = Instant::now();
    let zstd = parquet::basic::Compression::ZSTD(parquet::basic::ZstdLevel::try_new(1).expect("a level"));
    let properties = parquet::file::properties::WriterProperties::builder()
        .set_compression(zstd)
        .set_statistics_enabled(parquet::file::properties::EnabledStatistics::None)
        .build();
    let mut theirs =
        parquet::arrow::ArrowWriter::try_new(Vec::new(), rows[0].schema(), Some(properties)).expect("begins");
    for batch in &rows {
        theirs.write(batch).expect("writes");
    }
    let n_theirs = theirs.into_inner().expect("ends").len();
    let theirs = since.elapsed().as_secs_f64();
    let since = Instant::now();
    let how = Writing { compression: Compression::Hot, n_rows: n as u64, promoted: Vec::new() };
    let mut ours = SegmentWriter::new(Vec::new(), Table::Traces, &how).expect("begins");
    for batch in &rows {
        ours.write(batch).expect("writes");
    }
    let footer = SegmentFooter {
        table: Table::Traces,
        project: "default".into(),
        epoch: 0,
        bucket: String::new(),
        n_rows: 0,
        times: (0, 0),
        tier: "hot".into(),
        origins: String::new(),
        replaces: None,
    };
    let n_ours = ours.finish(footer).expect("ends").out.len();
    let ours = since.elapsed().as_secs_f64();
    println!(
        "writing Parquet from rows in memory: {:.0} k spans per CPU second with the trace index, {:.1} times parquet-rs \
         ({:.0} k); {:.1} and {:.1} bytes a span",
        n as f64 / ours / 1e3,
        theirs / ours,
        n as f64 / theirs / 1e3,
        n_ours as f64 / n as f64,
        n_theirs as f64 / n as f64
    );
}

/// Spans a CPU second that `decode` gets out of the same requests.
fn rate(decode: impl Fn(&[u8]) -> usize) -> f64 {
    let pool = Template::pool(Signal::Spans, 1);
    let since = Instant::now();
    let mut n = 0;
    while since.elapsed() < Duration::from_secs(2) {
        n += pool.iter().map(|template| decode(&template.bytes)).sum::<usize>();
    }
    n as f64 / since.elapsed().as_secs_f64()
}

fn by_prost(bytes: &[u8]) -> usize {
    let message = ExportTraceServiceRequest::decode(bytes).expect("decodes");
    message.resource_spans.iter().flat_map(|r| &r.scope_spans).map(|s| s.spans.len()).sum()
}

fn by_us(bytes: &[u8]) -> usize {
    let decoded = sextant_importers::otlp::decode(sextant_model::Signal::Traces, bytes, 0).expect("decodes");
    decoded.batches.iter().map(|b| b.rows.num_rows()).sum()
}

/// Bytes a row by column, and the same columns by DuckDB.
fn columns(dir: &Path) {
    let python = PathBuf::from(std::env::var_os("HOME").expect("a home")).join(".cache/sextant/venv/bin/python");
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients/columns.py");
    Command::new(python).arg(script).arg(dir).status().expect("python runs");
}

fn timed<T>(n: usize, mut ask: impl FnMut(usize) -> T) -> (f64, f64) {
    let mut took: Vec<f64> = (0..n)
        .map(|i| {
            let since = Instant::now();
            drop(ask(i));
            since.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    took.sort_by(f64::total_cmp);
    (took[n / 2], took[n * 99 / 100])
}

/// Fills a directory with log records, and leaves it.
fn logs(dir: &Path, n: u64) {
    let serve = Serve::start(dir);
    let mut sent = 0;
    while sent < n {
        sent += load(serve.at("otlp-http"), Signal::Logs, Duration::from_secs(2), None).accepted;
    }
    assert_eq!(serve.stop(), Some(0));
    println!("{sent} log records");
}

/// Frames of the page in a browser with one large trace.
fn page(n: u64) {
    let dir = place();
    let serve = Serve::start(dir.path());
    let kind = [("content-type", "application/x-protobuf")];
    for from in (0..n).step_by(10_000) {
        let body = giant::spans(from, (from + 10_000).min(n), n);
        while request(serve.at("otlp-http"), "POST", "/v1/traces", &kind, &body).status != 200 {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
    let status = Command::new("node")
        .env("NODE_CLIENT_ROOT", home.join(".cache/sextant/node"))
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients/frames.mjs"))
        .args([format!("http://{}/?token={}", serve.at("http"), serve.token), giant::address()])
        .status();
    assert!(status.expect("node starts").success(), "the page was measured");
    assert_eq!(serve.stop(), Some(0));
}

fn query(n: u64) {
    let dir = place();
    let serve = Serve::start(dir.path());
    for signal in [Signal::Spans, Signal::Logs] {
        let mut sent = 0;
        while sent < n {
            sent += load(serve.at("otlp-http"), signal, Duration::from_secs(2), None).accepted;
        }
    }
    let word =
        "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"body\":{\"stringValue\":\"a quokka was here\"}}]}]}]}";
    // After a load as fast as it goes, sealing is behind for a moment.
    while serve.post_json("otlp-http", "/v1/logs", word).status != 200 {
        std::thread::sleep(Duration::from_millis(100));
    }
    let span = "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"5b8efff798038103d269b633813fc60c\",\
        \"spanId\":\"eee19b7ec3c1b174\",\"name\":\"one\",\"startTimeUnixNano\":\"1790000000000000000\",\
        \"attributes\":[{\"key\":\"enduser.id\",\"value\":{\"stringValue\":\"quokka\"}}]}]}]}]}";
    assert_eq!(serve.post_json("otlp-http", "/v1/traces", span).status, 200);
    let data = dir.path().to_string_lossy().into_owned();
    json(&["compact", "--data", &data, "--format", "json"]);
    assert_eq!(serve.stop(), Some(0));
    let since = Instant::now();
    let serve = Serve::start(dir.path());
    let listens = since.elapsed();
    while request(serve.at("http"), "GET", "/readyz", &[], b"").status != 200 {}
    let ready = since.elapsed();
    let count = |table: &str| serve.count(&format!("SELECT count(*) FROM {table}"));
    println!("{} spans and {} logs in {} files", count("traces"), count("logs"), n_files(dir.path()));
    println!(
        "start: listens after {:.0} ms, ready after {:.0} ms",
        listens.as_secs_f64() * 1e3,
        ready.as_secs_f64() * 1e3
    );
    let body = serde_json::json!({ "sql": "SELECT TraceId FROM traces USING SAMPLE 60" }).to_string();
    let rows = serve.api("POST", "/api/v1/sql", &body).json();
    let ids: Vec<String> =
        rows["rows"].as_array().into_iter().flatten().filter_map(|r| Some(r["TraceId"].as_str()?.to_owned())).collect();
    let body = "{\"sql\": \"SELECT \\\"__otel_materialized_enduser.id\\\" AS id FROM traces USING SAMPLE 20\"}";
    let rows = serve.api("POST", "/api/v1/sql", body).json();
    let users: Vec<String> =
        rows["rows"].as_array().into_iter().flatten().filter_map(|r| Some(r["id"].as_str()?.to_owned())).collect();
    let search = |kind: &str, query: &str| {
        let body = serde_json::json!({ "query": query, "limit": 100 }).to_string();
        let answer = serve.api("POST", &format!("/api/v1/search/{kind}"), &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    println!("| question | p50 | p99 |\n|---|---|---|");
    let tell = |name: &str, (p50, p99): (f64, f64)| println!("| {name} | {p50:.1} ms | {p99:.1} ms |");
    tell("a trace by its id", timed(50, |i| serve.api("GET", &format!("/api/v1/traces/{}", ids[i % ids.len()]), "")));
    tell("newest spans with an attribute that one has", timed(5, |_| search("spans", "enduser.id:\"quokka\"")));
    tell(
        "newest 100 spans of a user that every row group knows",
        timed(10, |i| search("spans", &format!("enduser.id:\"{}\"", users[i % users.len()]))),
    );
    tell(
        "how many spans of a route, by its map",
        timed(5, |_| serve.count("SELECT count(*) FROM traces WHERE SpanAttributes['http.route'] = '/api/cart'")),
    );
    let of_route = "SELECT count(*) FROM traces WHERE \"__otel_materialized_http.route\" = '/api/cart'";
    tell("how many spans of a route, by its column", timed(5, |_| serve.count(of_route)));
    tell("newest 100 logs", timed(20, |_| search("logs", "")));
    tell("newest 100 logs with a rare word", timed(5, |_| search("logs", "quokka")));
    let body = serde_json::json!({ "query": "quokka", "explain": true }).to_string();
    let plan = serve.api("POST", "/api/v1/search/logs", &body).json()["plan"][0].clone();
    println!("| (row groups read for it: {} of {}) | | |", plan["row_groups_left"], plan["row_groups"]);
    tell("services over everything", timed(5, |_| serve.api("GET", "/api/v1/services", "")));
    let extent = serve.count("SELECT max(epoch_ns(Timestamp)) FROM logs WHERE epoch_ns(Timestamp) > 0");
    let odd = serde_json::json!({ "from": extent - 86_400_000_000_000, "to": extent + 1 });
    let minutes = extent / 60_000_000_000 * 60_000_000_000 + 60_000_000_000;
    let day = serde_json::json!({ "from": minutes - 86_400_000_000_000, "to": minutes });
    let histogram = |period: &serde_json::Value| {
        let search = serde_json::json!({ "kind": "logs", "query": "", "limit": 0, "period": period });
        serde_json::json!({ "ask": "histogram", "search": search, "n_buckets": 90 })
    };
    for (name, body) in [
        ("histogram of the logs of a day by severity, row by row", histogram(&odd)),
        ("histogram of the logs of a day by severity, in whole minutes", histogram(&day)),
        (
            "who sent what in a day, in whole minutes",
            serde_json::json!({ "ask": "senders", "period": day, "n_buckets": 90 }),
        ),
    ] {
        let ask = |_| assert_eq!(serve.api("POST", "/api/v1/door/ask", &body.to_string()).status, 200);
        tell(name, timed(5, ask));
    }
    println!("memory: {:.0} MB, at most {:.0} MB", memory(serve.pid()).0, memory(serve.pid()).1);
}

fn soak(time: Duration, rate: u64) {
    let dir = place();
    let serve = Serve::start(dir.path());
    let (pid, address) = (serve.pid(), serve.at("otlp-http").to_owned());
    let path = dir.path().to_owned();
    let idle = memory(pid).0;
    let watch = std::thread::spawn(move || {
        let (since, mut seen) = (Instant::now(), Vec::new());
        while since.elapsed() < time {
            std::thread::sleep(Duration::from_secs(5));
            seen.push((since.elapsed().as_secs_f64(), memory(pid).0, n_files(&path)));
        }
        seen
    });
    let before = cpu(pid).unwrap_or_default();
    let mut loaded = load(&address, Signal::Spans, time, Some(rate));
    let seen = watch.join().expect("it watches");
    let used = cpu_to_the_end(serve) - before;
    println!(
        "| | accepted | throttled | per server CPU second, sealed and merged | answer p50, p99 | memory at most |"
    );
    println!("|---|---|---|---|---|---|");
    let most = seen.iter().map(|s| s.1).fold(0.0, f64::max);
    row(&format!("spans at {} k/s for {} s", rate / 1_000, time.as_secs()), &mut loaded, used, most);
    let half = &seen[seen.len() / 2..];
    let n = half.len() as f64;
    let mean = |of: &dyn Fn(&(f64, f64, usize)) -> f64| half.iter().map(of).sum::<f64>() / n;
    let (x, y) = (mean(&|s| s.0), mean(&|s| s.1));
    let slope = half.iter().map(|s| (s.0 - x) * (s.1 - y)).sum::<f64>()
        / half.iter().map(|s| (s.0 - x).powi(2)).sum::<f64>().max(1e-9);
    println!(
        "idle {idle:.0} MB; in the second half {y:.0} MB on average, slope {:.2} MB a minute; at most {} files; {} records a request",
        slope * 60.0,
        seen.iter().map(|s| s.2).max().unwrap_or(0),
        BATCH
    );
}
