//! What simulating takes: drawing, replaying what is stored, an answer while a slider moves.

use super::{memory, place, timed};
use serde_json::json as object;
use sextant_simulators::{Book, Known, simulate_all};
use sextant_tests::load::{Signal, load};
use sextant_tests::{Serve, json};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

const RUNS: u64 = 2_000;
const DAYS: u64 = 730;
const SERVICES: u64 = 50;

/// Two years of all signals by fifty services, drawn; `n` variants beside it.
fn scenario(n: u64) -> String {
    let mut text = format!("days = {DAYS}\n");
    for signal in ["traces", "logs", "metrics"] {
        writeln!(
            text,
            "[ingest.{signal}]\nbytes_per_day = 8e10\nratio = 9\ngrowth_per_day = 0.002\n[ingest.{signal}.services]"
        )
        .ok();
        (0..SERVICES).for_each(|i| writeln!(text, "service-{i} = {}", 1.0 / SERVICES as f64).unwrap_or_default());
    }
    text += "[[tier]]\nname = \"hot\"\ndays = 30\nsku = \"ebs-gp3\"\n[[tier]]\nname = \"cold\"\ndays = 335\nsku = \"s3-standard-ia\"\n";
    writeln!(
        text,
        "[uncertainty]\nruns = {RUNS}\nratio_sigma = 0.2\ngrowth_sigma = 0.3\nservice_sigma = 0.2\n\
         weeks = [0.9, 1.1, 1.0, 0.95, 1.05, 1.0, 0.8, 1.2]\nblock_weeks = 4"
    )
    .ok();
    for i in 1..=n {
        writeln!(text, "[[compare]]\nname = \"v{i}\"\nset = {{ \"tier[0].days\" = {} }}", 3 * i).ok();
    }
    text
}

fn user() -> f64 {
    super::cpu(std::process::id()).unwrap_or_default()
}

/// A number of the answer.
fn told<'a>(answer: &'a str, key: &str) -> &'a str {
    let rest = answer.split_once(&format!("\"{key}\":")).map_or("", |(_, rest)| rest);
    rest.split([',', '}']).next().unwrap_or_default()
}

pub(super) fn simulate(n: u64) {
    let book = Book::shipped().unwrap_or_else(|e| panic!("{e}"));
    let text = scenario(4);
    let (since, before) = (Instant::now(), user());
    let end = simulate_all(&text, &book, &Known::default()).unwrap_or_else(|e| panic!("{e}"));
    println!(
        "5 scenarios, {RUNS} runs, {DAYS} days, {SERVICES} services of 3 signals: {:.2} s, {:.2} CPU s, at most {:.0} MB ({} variants)",
        since.elapsed().as_secs_f64(),
        user() - before,
        memory(std::process::id()).1,
        end.compare.len()
    );
    let dir = place();
    let serve = Serve::start(dir.path());
    let mut sent = 0;
    while sent < n {
        sent += load(serve.at("otlp-http"), Signal::Spans, Duration::from_secs(2), None).accepted;
    }
    let data = dir.path().to_string_lossy().into_owned();
    json(&["compact", "--data", &data, "--format", "json"]);
    assert_eq!(serve.stop(), Some(0));
    let serve = Serve::start(dir.path());
    println!(
        "{} spans of {} traces",
        serve.count("SELECT count(*) FROM traces"),
        serve.count("SELECT count(DISTINCT TraceId) FROM traces")
    );
    let ask = |scenario: &str, is_held: bool| {
        let body = object!({ "ask": "simulate", "scenario": scenario, "is_held": is_held, "period": { "from": null, "to": null } });
        let answer = serve.api("POST", "/api/v1/door/ask", &body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
        // The object lies within a frame.
        String::from_utf8_lossy(&answer.body).into_owned()
    };
    let policy = |head: f64| format!("[sampling]\nhead = {head}\nkeep_errors = true\nslower_than = \"200ms\"\n");
    let (since, before) = (Instant::now(), super::cpu(serve.pid()).unwrap_or_default());
    let answer = ask(&policy(0.1), false);
    println!(
        "a policy over all of them, read anew: {:.2} s, {:.2} CPU s; kept {} of {} traces; memory {:.0} MB, at most {:.0} MB",
        since.elapsed().as_secs_f64(),
        super::cpu(serve.pid()).unwrap_or_default() - before,
        told(&answer, "kept_traces"),
        told(&answer, "traces"),
        memory(serve.pid()).0,
        memory(serve.pid()).1
    );
    let (p50, p99) = timed(20, |i| ask(&policy(0.01 * (i + 1) as f64), true));
    println!("another policy over what was read: {p50:.0} ms, {p99:.0} ms at most");
    let one = scenario(0).replace(&format!("days = {DAYS}"), "days = 365");
    let (p50, p99) = timed(20, |i| {
        ask(&format!("{}{}", one.replace("days = 30\n", &format!("days = {}\n", 20 + i)), policy(0.1)), true)
    });
    println!("a slider, a year drawn {RUNS} times, with the policy: {p50:.0} ms, {p99:.0} ms at most");
    let (p50, p99) = timed(20, |i| ask(&one.replace("days = 30\n", &format!("days = {}\n", 20 + i)), true));
    println!("a slider, a year drawn {RUNS} times: {p50:.0} ms, {p99:.0} ms at most");
}
