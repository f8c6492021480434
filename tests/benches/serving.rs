//! A running program, measured from outside: how long after an acknowledgement a page hears of it while 20,000 spans a
//! second come in, and how long a start takes with a gigabyte in the store.
#![allow(clippy::print_stdout, reason = "figures are what it is for")]

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use prost::Message as _;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_tests::{Serve, json, request};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const SECONDS: u64 = 15;
const SPANS_A_SECOND: u64 = 20_000;
const STORED_BYTES: u64 = 1_000_000_000;
const BODY_BYTES: usize = 2_048;
const LOGS_A_REQUEST: usize = 4_000;

fn quantiles(name: &str, mut all: Vec<Duration>) {
    all.sort_unstable();
    let at = |share: f64| all[((all.len() as f64 * share) as usize).min(all.len() - 1)].as_secs_f64() * 1e3;
    println!("{name:<46} p50 {:7.1} ms   p99 {:7.1} ms   max {:7.1} ms   n {}", at(0.5), at(0.99), at(1.0), all.len());
}

/// Posts on a connection that stays open.
fn post(stream: &mut TcpStream, path: &str, body: &[u8]) {
    assert_eq!(sextant_tests::load::post(stream, path, body), 200);
}

/// From an acknowledgement to the next event of the page's stream: an upper bound, since the event that covers it may
/// have come before.
fn events() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let (tell, heard) = channel();
    let mut stream = TcpStream::connect(serve.at("http")).expect("it listens");
    let head = format!(
        "GET /api/v1/door/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\r\n",
        serve.at("http"),
        serve.token
    );
    stream.write_all(head.as_bytes()).expect("sent");
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if line.starts_with("data:") && tell.send(Instant::now()).is_err() {
                break;
            }
        }
    });
    let requests: Vec<_> = Shop::new(&ShopConfig { seed: 1, n_spans: 20_000, end: 1_763_560_800_000_000_000 })
        .filter(|r| r.path == "/v1/traces")
        .collect();
    let mut sender = TcpStream::connect(serve.at("otlp-http")).expect("it listens");
    let (mut acks, mut took) = (Vec::new(), Vec::new());
    let began = Instant::now();
    let mut n_sent = 0;
    for request in requests.iter().cycle() {
        let due = Duration::from_secs_f64(n_sent as f64 / SPANS_A_SECOND as f64);
        if due > Duration::from_secs(SECONDS) {
            break;
        }
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        let sent = Instant::now();
        post(&mut sender, request.path, &request.body);
        acks.push(Instant::now());
        took.push(sent.elapsed());
        n_sent += request.n_spans;
    }
    std::thread::sleep(Duration::from_millis(500));
    let heard: Vec<Instant> = heard.try_iter().collect();
    let next = |ack: &Instant| {
        let place = heard.partition_point(|h| h < ack);
        heard.get(place).map_or(Duration::ZERO, |h| h.saturating_duration_since(*ack))
    };
    println!("{n_sent} spans in {:.1} s, {} events", began.elapsed().as_secs_f64(), heard.len());
    quantiles("from sent to acknowledged", took);
    quantiles("from acknowledged to the next event", acks.iter().map(next).collect());
}

/// Starts with a full store.
fn starts() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let mut rng = StdRng::seed_from_u64(1);
    let mut sender = TcpStream::connect(serve.at("otlp-http")).expect("it listens");
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut time = 1_763_500_000_000_000_000;
    let stored = || {
        json(&["status", "--data", &dir.path().to_string_lossy(), "--format", "json"])["sizes"]["segment_bytes"]
            .as_u64()
    };
    while stored() < Some(STORED_BYTES) {
        for _ in 0..4 {
            let log_records = (0..LOGS_A_REQUEST)
                .map(|_| {
                    time += 1_000_000;
                    let body = (0..BODY_BYTES).map(|_| letters[rng.random_range(0..64)] as char).collect();
                    let body = Some(AnyValue { value: Some(Value::StringValue(body)) });
                    LogRecord { time_unix_nano: time, observed_time_unix_nano: time, body, ..LogRecord::default() }
                })
                .collect();
            let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
            let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
            post(&mut sender, "/v1/logs", &ExportLogsServiceRequest { resource_logs }.encode_to_vec());
        }
    }
    serve.stop();
    let mut took = Vec::new();
    for _ in 0..7 {
        let began = Instant::now();
        let serve = Serve::start(dir.path());
        let ready = request(serve.at("http"), "GET", "/readyz", &[], b"");
        assert_eq!(ready.status, 200);
        took.push(began.elapsed());
        serve.stop();
    }
    let status = json(&["status", "--data", &dir.path().to_string_lossy(), "--format", "json"]);
    println!("{} bytes in {} segments", status["sizes"]["segment_bytes"], status["sizes"]["segments"]);
    quantiles("from start to ready", took);
}

fn main() {
    events();
    starts();
}
