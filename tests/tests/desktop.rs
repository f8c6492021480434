//! The desktop program on a screen of its own: home, the demo shop, the list, a click, its waterfall; a second process
//! goes through it; quitting seals.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sextant_tests::{Screen, Stopped, desktop, json as cli_json, ok, request, wait, walk};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it has an address").port()
}

/// The webview, by `WebDriver`.
struct Driver {
    address: String,
    session: String,
    _process: Stopped,
}

impl Driver {
    fn start(screen: &Screen, home: &Path, args: &[String]) -> Self {
        let port = free_port();
        let mut process = Command::new("WebKitWebDriver");
        process.args([format!("--port={port}"), "--host=127.0.0.1".into()]).env("TAURI_WEBVIEW_AUTOMATION", "true");
        let process = screen.spawn(&mut process, home);
        let address = format!("127.0.0.1:{port}");
        wait("the driver", || std::net::TcpStream::connect(&address).ok());
        let options = json!({ "binary": desktop(), "args": args });
        let body = json!({ "capabilities": { "alwaysMatch": { "webkitgtk:browserOptions": options } } });
        let answer = request(&address, "POST", "/session", &[], body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
        let session = answer.json()["value"]["sessionId"].as_str().expect("a session").to_owned();
        Self { address, session, _process: process }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let path = format!("/session/{}{path}", self.session);
        let body = if method == "GET" { String::new() } else { body.to_string() };
        let answer = request(&self.address, method, &path, &[], body.as_bytes());
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.text());
        answer.json()["value"].clone()
    }

    fn script(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    fn hash(&self) -> String {
        self.script("return location.hash").as_str().unwrap_or_default().to_owned()
    }

    fn click(&self, x: i32, y: i32) {
        let actions = json!([
            { "type": "pointerMove", "x": x, "y": y, "duration": 0 }, { "type": "pause", "duration": 150 },
            { "type": "pointerDown", "button": 0 }, { "type": "pause", "duration": 80 },
            { "type": "pointerUp", "button": 0 }, { "type": "pause", "duration": 150 },
        ]);
        let mouse =
            json!({ "type": "pointer", "id": "mouse", "parameters": { "pointerType": "mouse" }, "actions": actions });
        self.call("POST", "/actions", &json!({ "actions": [mouse] }));
    }

    fn keys(&self, keys: &str) {
        let stroke = |k: char| {
            let k = k.to_string();
            [
                json!({ "type": "keyDown", "value": k }),
                json!({ "type": "keyUp", "value": k }),
                json!({ "type": "pause", "duration": 60 }),
            ]
        };
        let actions: Vec<Value> = keys.chars().flat_map(stroke).collect();
        self.call("POST", "/actions", &json!({ "actions": [{ "type": "key", "id": "keys", "actions": actions }] }));
    }

    /// A picture of the page, as a PNG.
    fn picture(&self) -> Vec<u8> {
        let picture = self.call("GET", "/screenshot", &Value::Null);
        STANDARD.decode(picture.as_str().expect("a picture")).expect("base64")
    }
}

fn keep(name: &str, picture: &[u8]) {
    if let Some(dir) = std::env::var_os("SEXTANT_SHOTS") {
        std::fs::create_dir_all(&dir).expect("a folder");
        std::fs::write(PathBuf::from(dir).join(format!("desktop-{name}.png")), picture).expect("a file");
    }
}

#[test]
fn from_home_to_a_waterfall_and_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let data_text = data.to_string_lossy().into_owned();
    let screen = Screen::start();
    let mut args: Vec<String> = vec!["--data".into(), data_text.clone()];
    for flag in ["--otlp-grpc", "--otlp-http", "--zipkin", "--http"] {
        args.extend([flag.to_owned(), "127.0.0.1:0".to_owned()]);
    }
    let driver = Driver::start(&screen, dir.path(), &args);
    let instance: Value =
        wait("instance.json", || serde_json::from_slice(&std::fs::read(data.join("instance.json")).ok()?).ok());
    // The byte channel is the fast one, and the page has its size.
    wait("the page", || driver.script("return document.querySelector('canvas')?.width > 600").as_bool().filter(|b| *b));
    let width = driver.script("return innerWidth").as_i64().expect("a width") as i32;
    std::thread::sleep(Duration::from_secs(2));
    let home = driver.picture();
    keep("home", &home);
    assert!(home.len() > 40_000, "home is blank: {} bytes", home.len());

    let spans = || cli_json(&["status", "--data", &data_text, "--format", "json"])["ledger"][0]["stored"].as_u64();
    assert_eq!(spans(), Some(0));
    // "Run the demo shop" is the rightmost button of the first row.
    driver.click(width - 90, 77);
    // All of them have come when there are no more a moment later.
    let mut before = None;
    let sent = wait("the demo's spans", || {
        let now = spans().filter(|n| *n > 2_000);
        std::mem::replace(&mut before, now).filter(|b| Some(*b) == now)
    });
    driver.keys("gt");
    wait("the list of traces", || driver.hash().starts_with("#/traces?").then_some(()));
    std::thread::sleep(Duration::from_secs(3));
    // The longest first: it has more than one span.
    driver.keys("s");
    std::thread::sleep(Duration::from_secs(1));
    let list = driver.picture();
    keep("traces", &list);
    let traces = cli_json(&["search", "traces", "", "--data", &data_text, "--format", "json", "--limit", "1000"]);
    let n = traces.as_array().map_or(0, Vec::len);
    let said = driver.script("return document.getElementById('said').textContent").to_string();
    assert!(said.contains(&format!("Showing {n} of {n} traces")), "{said}");
    driver.click(width / 2, 44 + 36 + 226 + 32 + 24 + 12);
    let address = wait("a trace", || Some(driver.hash()).filter(|h| h.starts_with("#/trace?")));
    assert!(address.contains("trace="), "{address}");
    std::thread::sleep(Duration::from_secs(3));
    let waterfall = driver.picture();
    keep("trace", &waterfall);
    assert!(list.len() > 40_000 && waterfall.len() > 40_000, "{} {}", list.len(), waterfall.len());
    assert!(list != home && waterfall != list);
    driver.keys("jj");
    wait("a span to be selected", || (driver.hash() != address).then_some(()));
    // The walk of all shells.
    for step in walk() {
        for key in &step.keys {
            driver.keys(if key == "<Enter>" { "\u{e007}" } else { key });
            std::thread::sleep(Duration::from_millis(500));
        }
        let said = || driver.script("return document.getElementById('said').textContent").to_string();
        let title = || driver.script("return document.title").as_str().unwrap_or_default().to_owned();
        let is_there =
            || driver.hash().contains(&step.at) && said().contains(&step.said) && title().contains(&step.title);
        wait(&format!("{step:?}"), || is_there().then_some(()));
        keep(&step.name.replace(' ', "-"), &driver.picture());
    }
    // The slow fallback of the bridge answers with a list of numbers.
    let answered = driver.call(
        "POST",
        "/execute/async",
        &json!({ "args": [], "script":
        "const done = arguments[0]; const bytes = new TextEncoder().encode('{\"ask\":\"status\"}');
         __TAURI_INTERNALS__.invoke('ask', bytes).then(a => done(String(a)), e => done(JSON.stringify(e)))" }),
    );
    assert_eq!(answered, json!("[object ArrayBuffer]"), "bytes take the fast channel");

    // What the window shows is what every other process is told.
    let listed = cli_json(&["sql", "--data", &data_text, "--format", "json", "SELECT count(*) AS n FROM traces"]);
    assert_eq!(listed["rows"][0]["n"].as_u64().or_else(|| listed[0]["n"].as_u64()), Some(sent), "{listed}");
    let pid = instance["pid"].as_u64().expect("a pid").to_string();
    assert!(Command::new("kill").arg(&pid).status().expect("kill runs").success());
    wait("the end of the program", || (!data.join("instance.json").exists()).then_some(()));
    wait("the lock", || {
        let lock = std::fs::File::options().write(true).open(data.join("lock")).ok()?;
        lock.try_lock().ok()
    });
    let logs = std::fs::read_dir(data.join("wal")).expect("the folder of logs").flatten();
    let left: u64 = logs.filter_map(|f| f.metadata().ok()).map(|m| m.len()).sum();
    assert!(left < 20_000, "what came is sealed before the end, {left} bytes of log are left");
    // Without it the directory answers by itself, and everything is in segments.
    let status = cli_json(&["status", "--data", &data_text, "--format", "json"]);
    assert_eq!(status["ledger"][0]["stored"].as_u64(), Some(sent));
    assert_eq!(status["sizes"]["hot_bytes"].as_u64(), Some(0), "{status}");
}

#[test]
fn a_taken_port_keeps_no_window_shut() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let other = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let taken = other.local_addr().expect("it has an address").to_string();
    let screen = Screen::start();
    let free = "127.0.0.1:0";
    let mut child = Command::new(desktop());
    child.args(["--otlp-grpc", &taken, "--otlp-http", free, "--zipkin", free, "--http", free, "--data"]).arg(&data);
    let mut child = screen.spawn(&mut child, dir.path());
    wait("instance.json", || data.join("instance.json").exists().then_some(()));
    let status = cli_json(&["status", "--data", &data.to_string_lossy(), "--format", "json"]);
    let why = status["missing_listeners"]["otlp-grpc"].as_str().unwrap_or_default();
    assert!(why.contains(&taken) && why.contains("taken"), "{status}");
    assert!(status["listeners"]["otlp-http"].is_string(), "{status}");
    assert!(Command::new("kill").arg(child.0.id().to_string()).status().expect("kill runs").success());
    assert_eq!(child.0.wait().expect("it ends").code(), Some(0));
}

#[test]
fn a_double_click_on_a_bundle_looks_at_it_and_a_link_leads_to_its_screen() {
    let dir = tempfile::tempdir().expect("a directory");
    let at = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let serve = sextant_tests::Serve::start(&dir.path().join("data"));
    ok(&["demo", "--data", &at("data"), "--spans", "1000", "--seed", "5"]);
    ok(&["bundle", "create", "--out", &at("evidence.sxb"), "--data", &at("data")]);
    assert_eq!(serve.stop(), Some(0));
    let screen = Screen::start();
    {
        let driver = Driver::start(&screen, dir.path(), &["--data".into(), at("data"), at("evidence.sxb")]);
        wait("the bundle", || driver.hash().starts_with("#/bundle").then_some(()));
        let said = || driver.script("return document.getElementById('said').textContent").to_string();
        wait("its verdict", || said().contains("VALID").then_some(()));
        std::thread::sleep(Duration::from_secs(2));
        keep("bundle", &driver.picture());
        // It is looked at, and nothing receives or holds the directory.
        assert!(!dir.path().join("data/instance.json").exists());
        driver.call("DELETE", "", &Value::Null);
    }
    let mut args: Vec<String> = vec!["--data".into(), at("data"), "sextant://logs?q=level%3Aerror".into()];
    for flag in ["--otlp-grpc", "--otlp-http", "--zipkin", "--http"] {
        args.extend([flag.to_owned(), "127.0.0.1:0".to_owned()]);
    }
    let driver = Driver::start(&screen, dir.path(), &args);
    wait("the logs", || driver.hash().starts_with("#/logs?").then_some(()));
    assert!(driver.hash().contains("level"), "{}", driver.hash());
    // What a desktop is told, in the folder of who says so and nowhere else.
    let mut told = Command::new(desktop());
    told.arg("--associate").env("XDG_DATA_HOME", dir.path().join("home")).env("PATH", "/nowhere");
    assert!(told.status().expect("it starts").success());
    let entry = std::fs::read_to_string(dir.path().join("home/applications/dev.sextant.desktop.desktop"));
    let entry = entry.expect("an entry");
    assert!(entry.contains("x-scheme-handler/sextant") && entry.contains("sextant-desktop\" %U"), "{entry}");
    assert!(dir.path().join("home/mime/packages/dev.sextant.desktop.xml").exists());
}
