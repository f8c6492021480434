//! The page in a real browser: home, the demo's traces, a click, its waterfall, back, logs.

use serde_json::Value;
use sextant_tests::{Serve, ok};
use std::path::PathBuf;
use std::process::Command;

#[test]
fn from_home_to_a_waterfall() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    ok(&["demo", "--spans", "3000", "--data", &dir.path().to_string_lossy()]);
    let page = serve.api("GET", "/ui_bg.wasm", "");
    assert_eq!(page.status, 200, "the binary was built without the page: run cargo xtask wasm first");
    let shots = std::env::var_os("SEXTANT_SHOTS").map_or_else(|| dir.path().join("shots"), PathBuf::from);
    let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
    let url = format!("http://{}/?token={}", serve.at("http"), serve.token);
    let output = Command::new("node")
        .env("NODE_CLIENT_ROOT", home.join(".cache/sextant/node"))
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients/browser.mjs"))
        .arg(url)
        .arg(&shots)
        .output()
        .expect("node starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("the walk says what it saw");
    assert_eq!(seen["errors"], Value::Array(Vec::new()));
    let hash = |step: &str| seen["steps"][step]["hash"].as_str().unwrap_or_default().to_owned();
    assert!(hash("traces").starts_with("#/traces?"), "{seen}");
    assert!(hash("trace").starts_with("#/trace?") && hash("trace").contains("trace="), "{seen}");
    assert!(hash("span").contains("span=") && hash("span") != hash("trace"), "a click selects a span: {seen}");
    assert!(hash("back").starts_with("#/traces?"), "back leads to the list: {seen}");
    assert!(hash("logs").starts_with("#/logs?"), "{seen}");
    // Each screen shows something: a blank canvas of this size is a few kilobytes.
    for step in ["home", "traces", "trace", "logs", "light"] {
        assert!(seen["steps"][step]["bytes"].as_u64() > Some(40_000), "{step} is blank: {seen}");
    }
    let asks = seen["asks"].to_string();
    for ask in ["senders", "search", "facets", "skeleton", "span", "histogram"] {
        assert!(asks.contains(&format!("\"{ask}\"")), "{ask} was not asked: {asks}");
    }
}
