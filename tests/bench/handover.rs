//! Figures of bundles: made of a store, with and without redaction, and verified.

use super::{cpu, memory, place};
use sextant_bundles::{Bag, Redactor, Rules};
use sextant_tests::{Serve, json, ok, sextant};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs a command to its end: seconds, CPU seconds, memory at most in MB.
fn measured(args: &[&str]) -> (f64, f64, f64) {
    let began = Instant::now();
    let mut child =
        Command::new(sextant()).args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("sextant starts");
    let (pid, mut most, mut used) = (child.id(), 0.0_f64, 0.0);
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        used = cpu(pid).unwrap_or(used);
        if stat.rsplit_once(')').is_none_or(|(_, rest)| rest.trim_start().starts_with('Z')) {
            break;
        }
        most = most.max(memory(pid).1);
        std::thread::sleep(Duration::from_millis(2));
    }
    let took = began.elapsed().as_secs_f64();
    assert!(child.wait().expect("it ends").success(), "{args:?}");
    (took, used, most)
}

fn row(what: &str, (took, used, most): (f64, f64, f64), more: &str) {
    println!("| {what} | {took:.2} s | {used:.2} s | {most:.0} MB | {more} |");
}

pub(crate) fn handover(n: u64) {
    let dir = place();
    let data = dir.path().join("data");
    let serve = Serve::start(&data);
    let data = data.to_string_lossy().into_owned();
    ok(&["demo", "--data", &data, "--spans", &n.to_string(), "--seed", "7"]);
    assert_eq!(serve.stop(), Some(0));
    let out = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let count = json(&["sql", "SELECT count(*) AS n FROM traces", "--data", &data, "--format", "json"]);
    println!("{} spans, and the records and points of the same shop\n", count[0]["n"]);
    println!("| | took | CPU | memory at most | |");
    println!("|---|---|---|---|---|");
    let (spans, all, closed) = (out("spans.sxb"), out("all.sxb"), out("closed.sxb"));
    let create = |path: &str, more: &[&str]| {
        let args = ["bundle", "create", "--out", path, "--data", &data];
        measured(&[&args[..], more].concat())
    };
    let size = |path: &str| std::fs::metadata(path).map_or(0, |m| m.len()) as f64 / 1e6;
    let made = create(&spans, &["--signal", "traces"]);
    row("create, spans", made, &format!("{:.1} MB", size(&spans)));
    let made = create(&all, &[]);
    row("create, everything", made, &format!("{:.1} MB", size(&all)));
    let made = create(&closed, &["--redact", "all"]);
    row("create, everything, redacted", made, &format!("{:.1} MB", size(&closed)));
    let nobody = out("nobody");
    let checked = measured(&["bundle", "verify", &all, "--data", &nobody]);
    row("verify", checked, &format!("{:.0} MB/s", size(&all) / checked.0));
    let small = out("small.sxb");
    create(&small, &["service:checkout error:true", "--signal", "traces"]);
    row("verify a small one", measured(&["bundle", "verify", &small, "--data", &nobody]), "its start");
    reports(&data, &out);
    scan(Path::new(&all));
}

/// A part of a report on paper.
fn part(title: &str, search: &str, query: &str) -> String {
    format!("[[part]]\ntitle = {title:?}\nsearch = {search:?}\nquery = {query:?}\nlimit = 25\n")
}

/// Reports of the same data: the usual ones, one of ten pages, and one of twenty figures over 24 hours.
fn reports(data: &str, out: &dyn Fn(&str) -> String) {
    let last = json(&["sql", "SELECT max(epoch_ns(Timestamp)) AS t FROM traces", "--data", data, "--format", "json"]);
    let to = last[0]["t"].as_i64().expect("a time") + 1;
    let day = (to - 86_400 * 1_000_000_000).to_string();
    let hour = (to - 3_600 * 1_000_000_000).to_string();
    let to = to.to_string();
    let services = ["checkout", "cart", "payment", "frontend", "ad"];
    let mut panels = "title = \"Twenty figures\"\n".to_owned();
    for service in services {
        for (what, search, query) in [
            ("requests", "spans", "kind:Server | count by status every 15m"),
            ("durations", "spans", "kind:Server | p99(duration), p50(duration) every 15m"),
            ("operations", "spans", "| count by name every 30m"),
            ("log records", "logs", "| count by level every 15m"),
        ] {
            panels += &part(&format!("{service}: {what}"), search, &format!("service:{service} {query}"));
        }
    }
    let mut pages = "title = \"Ten pages\"\ntext = \"What happened, in words.\"\n".to_owned();
    for service in services {
        pages +=
            &part(&format!("Requests of {service}"), "spans", &format!("service:{service} | count by name every 30m"));
        pages +=
            &part(&format!("Slow traces of {service}"), "traces", &format!("service:{service} trace.duration:>100ms"));
        pages += &part(&format!("Errors of {service}"), "spans", &format!("service:{service} error:true"));
    }
    let files = [("panels.toml", panels), ("pages.toml", pages)];
    for (name, text) in &files {
        std::fs::write(out(name), text).expect("a file");
    }
    let (panels, pages) = (out("panels.toml"), out("pages.toml"));
    for (what, kind, from) in [
        ("report, incident of an hour", vec!["incident"], &hour),
        ("report, service over 24 h", vec!["service", "--service", "checkout"], &day),
        ("report, audit", vec!["audit"], &day),
        ("report, ten pages", vec!["custom", pages.as_str()], &day),
        ("report, 20 figures over 24 h", vec!["custom", panels.as_str()], &day),
    ] {
        let path = out("report.pdf");
        let rest = ["--from", from, "--to", &to, "--out", &path, "--data", data];
        let made = measured(&[&["report"][..], &kind, &rest].concat());
        let said = json(&[&["report"][..], &kind, &rest, &["--json"]].concat());
        row(what, made, &format!("{} pages, {} kB", said["pages"], said["bytes"].as_u64().unwrap_or(0) / 1_000));
    }
}

/// Looking through rows in memory.
fn scan(path: &Path) {
    let bag = Bag::open(path).expect("a bundle");
    let mut batches = Vec::new();
    bag.each_batch(&mut |table, rows| {
        batches.push((table, rows));
        Ok(())
    })
    .expect("rows");
    let rules = Rules::parse(&["all".to_owned()], &[]).expect("rules");
    let mut redactor = Redactor::new(rules, [7; 32]);
    let before = cpu(std::process::id()).unwrap_or(0.0);
    let began = Instant::now();
    for (table, rows) in &batches {
        redactor.rows(*table, rows).expect("rows");
    }
    let (took, used) = (began.elapsed().as_secs_f64(), cpu(std::process::id()).unwrap_or(0.0) - before);
    let mb = redactor.n_bytes() as f64 / 1e6;
    println!("\nredaction scan: {mb:.0} MB of text in {took:.2} s ({used:.2} CPU s): {:.0} MB/s per core", mb / used);
}
