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
    scan(Path::new(&all));
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
