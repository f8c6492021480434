//! Retention to the record, pins, compaction, other directories, damaged files: on the command line, as scripts use it.

use serde_json::{Value, json as object};
use sextant_tests::{Serve, files_below, json, ok, request, run};
use std::path::{Path, PathBuf};

const HOUR: i64 = 3_600_000_000_000;

fn now() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_nanos() as i64
}

/// OTLP JSON of one span an age, in hours before `end`.
fn spans(end: i64, ages: &[i64]) -> String {
    let span = |age: &i64| {
        let start = end - age * HOUR;
        object!({
            "traceId": format!("{:032x}", age + 1), "spanId": format!("{:016x}", age + 1), "name": format!("{age} h"),
            "kind": 2, "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 1_000).to_string(),
        })
    };
    let spans: Vec<Value> = ages.iter().map(span).collect();
    object!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] }).to_string()
}

fn send(serve: &Serve, body: &str) {
    let headers = [("content-type", "application/json")];
    let response = request(serve.at("otlp-http"), "POST", "/v1/traces", &headers, body.as_bytes());
    assert_eq!(response.status, 200, "{}", response.text());
}

struct Data {
    dir: tempfile::TempDir,
}

impl Data {
    /// A closed store with a captured span of each age.
    fn with(end: i64, ages: &[i64]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let serve = Serve::start(dir.path());
        send(&serve, &spans(end, ages));
        assert_eq!(serve.stop(), Some(0));
        Self { dir }
    }

    fn path(&self) -> &str {
        self.dir.path().to_str().expect("a path")
    }

    fn ok(&self, args: &[&str]) -> String {
        ok(&[args, &["--data", self.path()]].concat())
    }

    fn json(&self, args: &[&str]) -> Value {
        json(&[args, &["--data", self.path(), "--format", "json"]].concat())
    }

    /// Ages in hours of the spans that are there.
    fn ages(&self) -> Vec<i64> {
        let rows = self.json(&["sql", "SELECT SpanName FROM traces ORDER BY Timestamp DESC"]);
        let age = |row: &Value| row["SpanName"].as_str()?.strip_suffix(" h")?.parse().ok();
        rows.as_array().into_iter().flatten().filter_map(age).collect()
    }

    /// Received, stored, evicted spans.
    fn ledger(&self) -> (u64, u64, u64) {
        let row = self.json(&["status"])["ledger"][0].clone();
        let sum: u64 = row["evicted"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_u64()).sum();
        (row["received"].as_u64().expect("received"), row["stored"].as_u64().expect("stored"), sum)
    }

    fn segments(&self) -> Vec<PathBuf> {
        files_below(&self.dir.path().join("segments"), "parquet")
    }
}

#[test]
fn retention_is_exact_to_the_record() {
    let end = now();
    let ages: Vec<i64> = (0..100).collect();
    let data = Data::with(end, &ages);
    assert_eq!(data.json(&["status"])["retention"]["traces"], "forever");
    let at = end.to_string();
    let apply = ["retention", "apply", "--at", &at];
    assert_eq!(data.json(&apply)["applied"], object!([]), "nothing goes before a retention is set");
    data.ok(&["retention", "set", "traces", "48h"]);
    // A dry run says what would go, and takes nothing.
    let would = data.json(&["retention", "apply", "--at", &at, "--dry-run"]);
    assert_eq!(would["applied"][0]["records"], 51, "{would}");
    assert_eq!(data.ages(), ages);
    let done = data.json(&apply);
    assert_eq!((&done["applied"][0]["records"], &done["applied"][0]["policy"]), (&51.into(), &"age".into()));
    // Exactly 48 hours old is not older than that.
    assert_eq!(data.ages(), (0..49).collect::<Vec<_>>());
    assert_eq!(data.ledger(), (100, 49, 51));
    let zones = data.json(&["status"])["evicted"].clone();
    let n: u64 = zones.as_array().into_iter().flatten().filter_map(|z| z["records"].as_u64()).sum();
    assert_eq!(n, 51, "{zones}");
    // Sent again, what was taken away does not come back within the hour.
    assert_eq!(data.json(&apply)["applied"], object!([]));
    data.ok(&["retention", "set", "traces", "forever"]);
    let later = (end + 1_000 * HOUR).to_string();
    assert_eq!(data.json(&["retention", "apply", "--at", &later])["applied"], object!([]));
}

#[test]
fn imported_records_age_from_their_receipt() {
    let end = now();
    let data = Data::with(end, &[0, 50]);
    let file = data.dir.path().join("old.json");
    std::fs::write(&file, spans(end, &[60, 500])).expect("writes");
    data.ok(&["import", file.to_str().expect("a path")]);
    data.ok(&["retention", "set", "traces", "2d"]);
    data.ok(&["retention", "apply", "--at", &end.to_string()]);
    assert_eq!(data.ages(), [0, 60, 500]);
    data.ok(&["compact"]);
    data.ok(&["retention", "apply", "--at", &(end + 49 * HOUR).to_string()]);
    assert_eq!(data.ages(), [] as [i64; 0]);
    assert_eq!(data.ledger(), (4, 0, 4));
    // What left by a policy can be brought back, however lately it came; once.
    for _ in 0..2 {
        data.ok(&["import", file.to_str().expect("a path")]);
        assert_eq!(data.ages(), [60, 500]);
    }
}

#[test]
fn what_is_pinned_stays() {
    let end = now();
    let ages: Vec<i64> = (0..20).collect();
    let data = Data::with(end, &ages);
    data.ok(&["retention", "set", "traces", "3h"]);
    let trace = format!("{:032x}", 11);
    assert_eq!(data.ok(&["pin", "trace", &trace, "--note", "the incident"]), "pin 1\n");
    let (from, to) = ((end - 15 * HOUR).to_string(), (end - 13 * HOUR + 1).to_string());
    data.ok(&["pin", "period", "--from", &from, "--to", &to]);
    assert_eq!(data.json(&["pin", "list"])[0]["trace"], Value::from(trace));
    data.ok(&["retention", "apply", "--at", &end.to_string()]);
    assert_eq!(data.ages(), [0, 1, 2, 3, 10, 13, 14, 15]);
    data.ok(&["pin", "remove", "2"]);
    data.ok(&["retention", "apply", "--at", &end.to_string()]);
    assert_eq!(data.ages(), [0, 1, 2, 3, 10]);
    assert_eq!(data.ledger(), (20, 5, 15));
    assert!(!run(&["pin", "remove", "7", "--data", data.path()]).status.success());
}

#[test]
fn compaction_changes_no_answer() {
    let end = now();
    let ages: Vec<i64> = (0..60).collect();
    let data = Data::with(end, &ages);
    let serve = Serve::start(data.dir.path());
    // Other spans of the same hours, so that there is something to lay together whatever the time of day is.
    send(&serve, &spans(end + 100 * HOUR - HOUR / 60, &(100..160).collect::<Vec<_>>()));
    assert_eq!(serve.stop(), Some(0));
    let n_before = data.segments().len();
    let rows = "SELECT * EXCLUDE (Timestamp), Timestamp::VARCHAR AS t FROM traces ORDER BY SpanId";
    let before = data.json(&["sql", rows]);
    let done = data.json(&["compact"]);
    let n_after = data.segments().len();
    assert!(n_after < n_before && done["segments"].as_u64() > done["made"].as_u64(), "{n_before} {n_after} {done}");
    assert_eq!(data.json(&["sql", rows]), before);
    let trace = format!("{:032x}", 8);
    assert_eq!(data.json(&["trace", &trace]).as_array().map(Vec::len), Some(1));
    assert_eq!(data.json(&["compact"])["segments"], 0, "there is nothing more to do");
}

#[test]
fn a_disk_that_is_away_is_said_and_comes_back() {
    let end = now();
    let data = Data::with(end, &[0, 1, 30, 40]);
    let disk = tempfile::tempdir().expect("a directory");
    let (cold, away) = (disk.path().join("cold"), disk.path().join("away"));
    std::fs::create_dir(&cold).expect("a folder");
    let dir = cold.to_str().expect("a path");
    data.ok(&["retention", "set", "traces", "forever", "--cold-after", "1d", "--cold-dir", dir]);
    data.ok(&["retention", "apply"]);
    assert_eq!(data.ages(), [0, 1, 30, 40]);
    std::fs::rename(&cold, &away).expect("the disk goes");
    let rest = run(&["sql", "SELECT count(*) AS n FROM traces", "--data", data.path(), "--format", "json"]);
    assert!(rest.status.success(), "an error for nothing");
    assert_eq!(String::from_utf8_lossy(&rest.stdout).trim(), r#"[{"n":2}]"#);
    let said = String::from_utf8_lossy(&rest.stderr).into_owned();
    assert!(said.contains("not whole") && said.contains("2 records are unavailable"), "{said}");
    std::fs::rename(&away, &cold).expect("the disk comes back");
    assert_eq!(data.ages(), [0, 1, 30, 40]);
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).expect("a file");
    let at = at % bytes.len();
    bytes[at] ^= 0x04;
    std::fs::write(path, bytes).expect("writes");
}

#[test]
fn a_damaged_segment_is_left_out_and_said() {
    let end = now();
    let data = Data::with(end, &[0, 100]);
    data.ok(&["compact"]);
    let segments = data.segments();
    assert_eq!(segments.len(), 2);
    for at in [0, 10, 400, 2_000, usize::MAX] {
        let sound = std::fs::read(&segments[0]).expect("a file");
        flip(&segments[0], at);
        let answered = run(&["search", "spans", "", "--data", data.path(), "--format", "json"]);
        let said = String::from_utf8_lossy(&answered.stderr).into_owned();
        assert!(answered.status.success() && said.contains("not whole"), "{at}: {said}");
        let rows: Value = serde_json::from_slice(&answered.stdout).expect("rows");
        assert_eq!(rows.as_array().map(Vec::len), Some(1), "{at}: the other one is there");
        // Nothing is written anew under a right checksum.
        assert!(data.ok(&["compact"]).contains("nothing"));
        std::fs::write(&segments[0], sound).expect("writes");
        assert_eq!(data.ages().len(), 2);
    }
}

#[test]
fn bytes_go_to_the_record_too() {
    let end = now();
    let ages: Vec<i64> = (0..400).collect();
    let data = Data::with(end, &ages);
    data.ok(&["compact"]);
    let bytes = |data: &Data| data.segments().iter().filter_map(|p| p.metadata().ok()).map(|m| m.len()).sum::<u64>();
    let before = bytes(&data);
    let half = (before / 2).to_string();
    let said = data.ok(&["retention", "set", "traces", "forever", "--max-bytes", &half]);
    assert!(said.contains("at most"), "{said}");
    data.ok(&["retention", "apply"]);
    let left = data.ages();
    // Each file has bytes of its own beside those of its rows.
    assert!((80..=300).contains(&left.len()), "{} of 400 are left", left.len());
    assert!(left.iter().max() < Some(&320), "the oldest go first: {left:?}");
    let (received, stored, evicted) = data.ledger();
    assert_eq!((received, stored, evicted), (400, left.len() as u64, 400 - left.len() as u64));
    assert!(data.json(&["status"])["retention"]["traces"].as_str().is_some_and(|kept| kept.contains("at most")));
}

#[test]
fn a_span_without_a_time_ages_from_its_receipt() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let span = object!({ "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "1 h" });
    send(&serve, &object!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] }).to_string());
    assert_eq!(serve.stop(), Some(0));
    let data = Data { dir };
    data.ok(&["retention", "set", "traces", "7d"]);
    data.ok(&["retention", "apply"]);
    assert_eq!(data.ages(), [1], "it came a moment ago");
    data.ok(&["retention", "apply", "--at", &(now() + 8 * 24 * HOUR).to_string()]);
    assert!(data.ages().is_empty());
}

#[test]
fn policies_that_make_no_sense_are_refused() {
    let data = Data::with(now(), &[1]);
    for (args, why) in [
        (vec!["traces", "0s"], "keep nothing"),
        (vec!["traces", "forever", "--max-bytes", "0"], "keep nothing"),
        (vec!["traces", "7d", "--warm-after", "30d"], "gone before"),
        (vec!["traces", "7d", "--cold-after", "1d", "--cold-dir", "/dev/null/x"], "no directory"),
    ] {
        let output = run(&[&["retention", "set"], &args[..], &["--data", data.path()]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains(why), "{args:?}: {said}");
    }
    // Back from now and not into the future.
    data.ok(&["pin", "period", "--since", "5h"]);
    let pin = data.json(&["pin", "list"])[0].clone();
    assert!(pin["from"].is_string() && pin["to"].is_string(), "{pin}");
}

#[test]
fn rows_of_one_time_do_not_all_go_for_a_few_bytes() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    let at = now().to_string();
    let span = |i: i64| {
        object!({ "traceId": format!("{:032x}", i + 1), "spanId": format!("{:016x}", i + 1), "name": "1 h",
            "startTimeUnixNano": at, "endTimeUnixNano": at })
    };
    let spans: Vec<Value> = (0..2_000).map(span).collect();
    send(&serve, &object!({ "resourceSpans": [{ "scopeSpans": [{ "spans": spans }] }] }).to_string());
    assert_eq!(serve.stop(), Some(0));
    let data = Data { dir };
    let n_bytes: u64 = data.segments().iter().filter_map(|p| p.metadata().ok()).map(|m| m.len()).sum();
    data.ok(&["retention", "set", "traces", "forever", "--max-bytes", &(n_bytes * 95 / 100).to_string()]);
    data.ok(&["retention", "apply"]);
    let (received, stored, evicted) = data.ledger();
    assert!((1_850..2_000).contains(&stored) && received == stored + evicted, "{stored} of 2,000 are left");
}
