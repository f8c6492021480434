//! Reports that come by themselves: in time, once for what was missed, so many at most; and who is told of them.

use serde_json::Value;
use sextant_tests::{Serve, files_below, json, ok, run, sextant};
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Answers one request after the other with these statuses, the last for ever, and hands on what was sent.
fn listener(statuses: &'static [u16]) -> (String, Receiver<(String, Value)>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/services/T0SECRET/B0SECRET", listener.local_addr().expect("an address"));
    let (heard, told) = channel();
    std::thread::spawn(move || {
        for (i, stream) in listener.incoming().enumerate() {
            let Ok(mut stream) = stream else { return };
            let mut bytes = Vec::new();
            let mut part = [0; 4_096];
            let body = loop {
                let n = stream.read(&mut part).unwrap_or(0);
                bytes.extend_from_slice(&part[..n]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                if let Some((head, body)) = text.split_once("\r\n\r\n") {
                    let length =
                        head.lines().find_map(|l| l.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
                    if n == 0 || body.len() >= length.unwrap_or(0) {
                        break (head.to_owned(), body.to_owned());
                    }
                }
                if n == 0 {
                    return;
                }
            };
            let status = statuses.get(i).or(statuses.last()).copied().unwrap_or(200);
            let answer = format!("HTTP/1.1 {status} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).ok();
            let said = serde_json::from_str(&body.1).unwrap_or_default();
            if heard.send((body.0, said)).is_err() {
                return;
            }
        }
    });
    (url, told)
}

fn add(data: &str, folder: &Path, url: &str, more: &[&str]) -> std::process::Output {
    let folder = folder.to_string_lossy().into_owned();
    Command::new(sextant())
        .args(["schedule", "add", "daily", "--data", data, "--folder", &folder])
        .args(["--webhook-env", "HOOK"])
        .args(more)
        .env("HOOK", url)
        .output()
        .expect("sextant runs")
}

fn list(data: &str) -> Value {
    json(&["schedule", "list", "--data", data, "--format", "json"])[0].clone()
}

fn wait<T>(what: &str, seconds: u64, found: impl Fn() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn what_was_missed_is_made_once_and_told() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let folder = home.path().join("reports");
    let serve = Serve::start(&data);
    let text = data.to_string_lossy().into_owned();
    ok(&["demo", "--data", &text, "--spans", "2000", "--seed", "3"]);
    let (url, told) = listener(&[503, 200]);
    let added = add(&text, &folder, &url, &["--cron", "*/5 * * * *", "--last", "1h", "--kind", "audit", "--keep", "2"]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    assert!(String::from_utf8_lossy(&added.stdout).contains("daily comes next at"));
    let one = list(&text);
    assert!(one["last"].is_null() && one["next"].is_string(), "{one}");
    assert_eq!(serve.stop(), Some(0));
    // As if it had been there since half an hour ago, with reports of earlier times.
    let file = data.join("schedules.json");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).expect("a file").permissions());
    assert_eq!(mode & 0o777, 0o600, "it may hold a secret");
    let mut all: Value = serde_json::from_slice(&std::fs::read(&file).expect("a file")).expect("JSON");
    let since = all[0]["since"].as_i64().expect("a time") - 1_800_000_000_000;
    all[0]["since"] = since.into();
    std::fs::write(&file, all.to_string()).expect("a file");
    std::fs::create_dir_all(&folder).expect("a folder");
    for old in ["daily-20200101-0000.pdf", "daily-20200102-0000.pdf", "mine.pdf"] {
        std::fs::write(folder.join(old), "old").expect("a file");
    }
    let serve = Serve::start(&data);
    let (_, first) = told.recv_timeout(Duration::from_secs(60)).expect("it is told");
    let (head, again) = told.recv_timeout(Duration::from_secs(60)).expect("it is told again");
    assert_eq!(first, again, "the same, since the first was not taken");
    assert!(head.starts_with("POST /services/T0SECRET/B0SECRET"), "{head}");
    assert_eq!((&again["schedule"], &again["report"]), (&"daily".into(), &"audit".into()), "{again}");
    assert!(again["missed"].as_u64() >= Some(4) && again["error"].is_null(), "{again}");
    let path = again["path"].as_str().expect("a file").to_owned();
    assert!(std::fs::read(&path).expect("a file").starts_with(b"%PDF-1.7"), "{path}");
    let names: Vec<String> = files_below(&folder, "pdf")
        .iter()
        .map(|p| p.file_name().expect("a name").to_string_lossy().into_owned())
        .collect();
    let of_today = Path::new(&path).file_name().expect("a name").to_string_lossy().into_owned();
    assert_eq!(names, ["daily-20200102-0000.pdf", of_today.as_str(), "mine.pdf"], "so many stay, and what is not ours");
    let one = wait("it is kept that it was told", 30, || Some(list(&text)).filter(|one| one["told"].is_string()));
    assert!(one["told"].as_str().is_some_and(|t| t.contains("was told, the 2. time")), "{one}");
    assert_eq!(one["sha256"], again["sha256"]);
    let said = format!("{one}{}", std::fs::read_to_string(data.join("instance.json")).unwrap_or_default());
    assert!(!said.contains("T0SECRET"), "{said}");
    // It is not made a second time.
    assert!(told.recv_timeout(Duration::from_secs(2)).is_err() || one["next"].is_string());
    // Now, on demand; through the instance that runs.
    let done = run(&["schedule", "run", "daily", "--data", &text]);
    let out = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    assert!(done.status.success() && out.contains("daily-") && !out.contains("T0SECRET"), "{out}");
    assert_eq!(serve.stop(), Some(0));
}

#[test]
fn what_makes_no_sense_is_refused_and_what_fails_is_said() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data");
    let folder = home.path().join("reports");
    let serve = Serve::start(&data);
    let text = data.to_string_lossy().into_owned();
    let (url, told) = listener(&[404]);
    for (cron, more, url, part) in [
        ("7 o'clock", &["--kind", "audit"][..], url.as_str(), "no time that comes again"),
        ("0 0 30 2 *", &["--kind", "audit"], url.as_str(), "never comes"),
        ("0 7 * * *", &["--kind", "audit", "--keep", "0"], url.as_str(), "keeps one file at least"),
        ("0 7 * * *", &["--kind", "audit"], "ftp://x", "https://"),
        ("0 7 * * *", &["--kind", "service"], url.as_str(), "--service"),
    ] {
        let refused = add(&text, &folder, url, &[&["--cron", cron][..], more].concat());
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(part), "{cron} {more:?}: {said}");
    }
    assert!(!data.join("schedules.json").exists());
    // Nothing is found: no file, and that is what is told; who does not want to hear it is not asked again.
    let args = ["--cron", "0 7 * * *", "--kind", "service", "--service", "nobody", "--webhook-shape", "slack"];
    assert!(add(&text, &folder, &url, &args).status.success());
    let failed = run(&["schedule", "run", "daily", "--data", &text]);
    assert!(failed.status.code() == Some(1), "{}", String::from_utf8_lossy(&failed.stderr));
    let (_, said) = told.recv_timeout(Duration::from_secs(30)).expect("it is told");
    assert!(said["text"].as_str().is_some_and(|t| t.contains("was not made") && t.contains("nobody")), "{said}");
    let one = list(&text);
    assert!(one["told"].as_str().is_some_and(|t| t.contains("404")), "{one}");
    assert!(one["came"].as_str().is_some_and(|t| t.contains("nobody")), "{one}");
    assert!(told.try_recv().is_err() && files_below(&folder, "pdf").is_empty());
    ok(&["schedule", "remove", "daily", "--data", &text]);
    assert_eq!(run(&["schedule", "remove", "daily", "--data", &text]).status.code(), Some(1));
    assert_eq!(serve.stop(), Some(0));
}
