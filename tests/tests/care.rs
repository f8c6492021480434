//! Checking, mending, copying: `doctor`, `backup`, `restore`, and directories that can't be written to.

use serde_json::{Value, json as object};
use sextant_tests::{Serve, files_below, json, ok, request, run};
use std::fs;
use std::path::{Path, PathBuf};

const N_SPANS: u64 = 600;

/// A store with spans, logs and points of the demo shop.
fn demo() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    ok(&["demo", "--spans", &N_SPANS.to_string(), "--seed", "5", "--data", at(&dir)]);
    dir
}

fn at(dir: &tempfile::TempDir) -> &str {
    dir.path().to_str().expect("a path")
}

fn counts(data: &str) -> Vec<u64> {
    let count = |table: &str| {
        let rows = json(&["sql", &format!("SELECT count(*) AS n FROM {table}"), "--data", data, "--format", "json"]);
        rows[0]["n"].as_u64().expect("a number")
    };
    ["traces", "logs", "metrics_gauge", "metrics_sum", "metrics_histogram"].map(count).to_vec()
}

fn ledger(data: &str) -> Value {
    json(&["status", "--data", data, "--format", "json"])["ledger"].clone()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).expect("a file");
    let at = at % bytes.len();
    bytes[at] ^= 0x20;
    fs::write(path, bytes).expect("writes");
}

/// What doctor finds, by kind.
fn findings(data: &str) -> (bool, Vec<(String, String)>) {
    let output = run(&["doctor", "--data", data, "--format", "json"]);
    let found: Value = serde_json::from_slice(&output.stdout).expect("doctor answers");
    let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    let rows = found["findings"].as_array().expect("rows");
    (output.status.success(), rows.iter().map(|r| (text(&r["kind"]), text(&r["path"]))).collect())
}

#[test]
fn doctor_names_every_damaged_file() {
    let dir = demo();
    let data = at(&dir);
    assert_eq!(findings(data), (true, vec![]));
    assert_eq!(ok(&["doctor", "--data", data]), "everything is sound\n");
    for (folder, extension) in [("segments", "parquet"), ("segments", "idx"), ("resend", "rows")] {
        let path = files_below(&dir.path().join(folder), extension).remove(0);
        let sound = fs::read(&path).expect("a file");
        for place in [0, sound.len() / 2, sound.len() - 1] {
            flip(&path, place);
            let (is_sound, found) = findings(data);
            let damage = ("damage".to_owned(), path.display().to_string());
            assert!(!is_sound && found.contains(&damage), "{extension} at {place}: {found:?}");
            fs::write(&path, &sound).expect("writes");
        }
        assert!(findings(data).0, "mended by hand");
    }
    fs::write(dir.path().join("segments/default/stray.parquet"), "what is this").expect("writes");
    let (is_sound, found) = findings(data);
    assert!(is_sound && found.len() == 1 && found[0].0 == "note", "{found:?}");
}

#[test]
fn repair_puts_aside_and_loses_nothing_else() {
    let dir = demo();
    let data = at(&dir);
    let before = counts(data);
    let segments = files_below(&dir.path().join("segments/default/traces"), "parquet");
    flip(&segments[0], 500);
    flip(&files_below(&dir.path().join("segments/default/logs"), "idx")[0], 40);
    flip(&files_below(&dir.path().join("resend"), "rows")[0], 99);
    fs::write(dir.path().join("segments/default/stray.parquet"), "what is this").expect("writes");
    let rest = counts(data);
    assert!(rest[0] < before[0] && rest[1..] == before[1..]);
    let said = ok(&["doctor", "--repair", "--data", data]);
    assert!(said.contains("put aside") && said.contains("made anew"), "{said}");
    let (is_sound, found) = findings(data);
    assert!(is_sound && found.iter().all(|(kind, _)| kind == "note"), "{found:?}");
    assert_eq!(files_below(&dir.path().join("quarantine"), "parquet").len(), 2, "nothing is deleted");
    assert_eq!(counts(data), rest);
    let traces = &ledger(data)[0];
    assert_eq!(traces["stored"], rest[0]);
    assert_eq!(traces["evicted"]["damaged"], before[0] - rest[0]);
}

#[test]
fn what_was_put_aside_can_be_sent_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = at(&dir);
    let body = object!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [{
        "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "again",
        "startTimeUnixNano": "1790000000000000000", "endTimeUnixNano": "1790000000000000001" }] }] }] })
    .to_string();
    let send = |serve: &Serve| assert_eq!(serve.post_json("otlp-http", "/v1/traces", &body).status, 200);
    let serve = Serve::start(dir.path());
    send(&serve);
    assert_eq!(serve.stop(), Some(0));
    let serve = Serve::start(dir.path());
    send(&serve);
    assert_eq!(counts(data)[0], 1, "a duplicate");
    flip(&files_below(&dir.path().join("segments/default/traces"), "parquet")[0], 300);
    let troubles = ok(&["status", "--data", data]);
    assert!(troubles.contains("1 traces can't be read") && troubles.contains("sextant doctor"), "{troubles}");
    ok(&["doctor", "--repair", "--data", data]);
    let troubles = ok(&["status", "--data", data]);
    assert!(troubles.contains("put aside") && !troubles.contains("can't be read"), "{troubles}");
    assert_eq!(counts(data)[0], 0);
    send(&serve);
    assert_eq!(counts(data)[0], 1, "it is not there, so it is no duplicate");
    assert_eq!(serve.stop(), Some(0));
    let serve = Serve::start(dir.path());
    send(&serve);
    assert_eq!(counts(data)[0], 1);
    drop(serve);
}

#[test]
fn a_folder_of_something_else_stays_as_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let folder = dir.path().join("letters");
    fs::create_dir(&folder).expect("makes");
    fs::write(folder.join("letter.txt"), "Dear reader").expect("writes");
    let data = folder.to_str().expect("a path");
    let backup = dir.path().join("backup.tar");
    let source = demo();
    ok(&["backup", backup.to_str().expect("a path"), "--data", at(&source)]);
    for args in
        [vec!["status"], vec!["doctor"], vec!["search", "logs", "x"], vec!["restore", backup.to_str().expect("a path")]]
    {
        let output = run(&[&args[..], &["--data", data]].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(1) && said.contains("no data directory"), "{args:?}: {said}");
    }
    let left: Vec<_> = fs::read_dir(&folder).expect("reads").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left, ["letter.txt"]);
}

#[test]
fn a_manifest_is_made_anew_from_the_files() {
    let dir = demo();
    let data = at(&dir);
    ok(&["retention", "set", "traces", "7d", "--data", data]);
    ok(&["demo", "--spans", "300", "--seed", "6", "--data", data]);
    ok(&["compact", "--data", data]);
    ok(&["demo", "--spans", "200", "--seed", "7", "--data", data]);
    let (before, kept) = (counts(data), ledger(data));
    for damage in ["gone", "nonsense", "blank"] {
        for suffix in ["", "-wal", "-shm"] {
            fs::remove_file(dir.path().join(format!("segments.db{suffix}"))).ok();
        }
        if damage == "nonsense" {
            fs::write(dir.path().join("segments.db"), vec![7; 9_000]).expect("writes");
        }
        if damage == "blank" {
            fs::write(dir.path().join("segments.db"), "").expect("writes");
        }
        // Nobody begins anew over files that are there.
        for command in ["doctor", "status", "serve", "demo"] {
            let output = run(&[command, "--data", data]);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.code() == Some(1) && said.contains("--rebuild"), "{command}: {said}");
        }
        let said = ok(&["doctor", "--rebuild", "--data", data]);
        assert!(said.contains("named again") && !said.contains("left out"), "{said}");
        assert_eq!(counts(data), before, "{damage}");
        for (signal, old) in ledger(data).as_array().into_iter().flatten().zip(kept.as_array().expect("rows")) {
            assert_eq!(signal["stored"], old["stored"]);
        }
        assert!(findings(data).0);
    }
}

#[test]
fn a_backup_comes_back_whole_or_not_at_all() {
    let dir = demo();
    let serve = Serve::start(dir.path());
    let data = at(&dir);
    // While it runs, and rows are hot.
    let span = object!({ "traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "hot",
        "startTimeUnixNano": "1760000000000000000", "endTimeUnixNano": "1760000000000000001" });
    let body = object!({ "resourceSpans": [{ "scopeSpans": [{ "spans": [span] }] }] }).to_string();
    let headers = [("content-type", "application/json")];
    assert_eq!(request(serve.at("otlp-http"), "POST", "/v1/traces", &headers, body.as_bytes()).status, 200);
    let elsewhere = tempfile::tempdir().expect("a directory");
    let file = elsewhere.path().join("backup.tar");
    let name = file.to_str().expect("a path");
    ok(&["backup", name, "--data", data]);
    let over_http = elsewhere.path().join("http.tar");
    let url = format!("http://{}", serve.at("http"));
    ok(&["backup", over_http.to_str().expect("a path"), "--url", &url, "--token", &serve.token]);
    let (before, kept) = (counts(data), ledger(data));
    assert_eq!(serve.stop(), Some(0));
    for backup in [&file, &over_http] {
        let again = tempfile::tempdir().expect("a directory");
        let target = again.path().join("data");
        let target = target.to_str().expect("a path");
        ok(&["restore", backup.to_str().expect("a path"), "--data", target]);
        assert_eq!(counts(target), before);
        assert_eq!(ledger(target), kept);
        assert!(findings(target).0);
        let refused = run(&["restore", name, "--data", target]);
        assert_eq!(refused.status.code(), Some(1), "not over records");
        assert_eq!(counts(target), before);
    }
    // Damaged anywhere, cut anywhere: refused, and nothing is there.
    let sound = fs::read(&file).expect("a file");
    let damaged = elsewhere.path().join("damaged.tar");
    let step = sound.len() / 23;
    for place in (0..sound.len()).step_by(step) {
        for is_cut in [false, true] {
            let mut bytes = sound.clone();
            if is_cut {
                bytes.truncate(place);
            } else {
                bytes[place] ^= 0x40;
            }
            fs::write(&damaged, bytes).expect("writes");
            let again = tempfile::tempdir().expect("a directory");
            let output = run(&["restore", damaged.to_str().expect("a path"), "--data", at(&again)]);
            if output.status.success() {
                // Padding between and behind the files means nothing.
                assert_eq!(counts(at(&again)), before, "damaged at {place}");
                continue;
            }
            assert_eq!(output.status.code(), Some(1));
            assert_eq!(files_below(again.path(), "parquet").len(), 0, "damaged at {place}");
        }
    }
}

#[test]
fn a_directory_that_cannot_be_written_to_is_read() {
    let dir = demo();
    let data = at(&dir);
    let before = counts(data);
    // Kill it while rows are only in its log.
    let serve = Serve::start(dir.path());
    let more = object!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": [
        { "timeUnixNano": "1760000000000000000", "body": { "stringValue": "only in the log" } }] }] }] });
    let headers = [("content-type", "application/json")];
    let sent = request(serve.at("otlp-http"), "POST", "/v1/logs", &headers, more.to_string().as_bytes());
    assert_eq!(sent.status, 200);
    serve.kill();
    let all = |dir: &Path| {
        let mut found: Vec<_> = ["parquet", "idx", "wal", "db", "rows"]
            .iter()
            .flat_map(|e| files_below(dir, e))
            .map(|p| (fs::metadata(&p).expect("a file").modified().expect("a time"), p))
            .collect();
        found.sort();
        found
    };
    let untouched = all(dir.path());
    let lock = read_only(dir.path());
    if fs::write(dir.path().join("probe"), "").is_ok() {
        // Root without the right to mount: nothing is read-only for it.
        return;
    }
    let rest = counts(data);
    assert_eq!((rest[0], rest[1]), (before[0], before[1] + 1));
    let backup = tempfile::tempdir().expect("a directory");
    let file = backup.path().join("backup.tar");
    let refused = run(&["backup", file.to_str().expect("a path"), "--data", data]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("only in the log") && !file.exists());
    let refused = run(&["retention", "set", "traces", "1d", "--data", data]);
    assert_eq!(refused.status.code(), Some(1), "{}", String::from_utf8_lossy(&refused.stderr));
    assert_eq!(all(dir.path()), untouched);
    // Its page can be looked at; senders are told why not.
    let serve = Serve::start(dir.path());
    assert_eq!(serve.count("SELECT count(*) FROM traces"), before[0]);
    let refused =
        serve.post_json("otlp-http", "/v1/logs", "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{}]}]}]}");
    assert!(refused.status >= 400 && refused.text().contains("open for reading"), "{}", refused.text());
    assert!(serve.api("GET", "/api/v1/status", "").json()["refusing"].as_str().is_some_and(|w| w.contains("reading")));
    assert_eq!(serve.stop(), Some(0));
    assert_eq!(all(dir.path()), untouched);
    drop(lock);
    assert_eq!(counts(data), rest);
}

/// Makes a directory read-only until this goes away. Nobody can take that right from root but a mount.
fn read_only(dir: &Path) -> impl Drop + use<> {
    struct ReadOnly(PathBuf, bool);
    impl Drop for ReadOnly {
        fn drop(&mut self) {
            if self.1 {
                std::process::Command::new("umount").arg(&self.0).status().expect("umount runs");
            } else {
                set_mode(&self.0, 0o700);
            }
        }
    }
    let mount = |args: &[&str]| {
        let done = std::process::Command::new("mount").args(args).arg(dir).output();
        done.is_ok_and(|o| o.status.success())
    };
    let path = dir.to_str().expect("a path");
    let is_mounted = mount(&["--bind", path]) && mount(&["-o", "remount,bind,ro"]);
    if !is_mounted {
        set_mode(dir, 0o500);
    }
    ReadOnly(dir.to_owned(), is_mounted)
}

fn set_mode(dir: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(dir, fs::Permissions::from_mode(mode)).expect("a mode");
}
