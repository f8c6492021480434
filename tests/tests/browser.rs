//! The page in a real browser: home, the demo's traces, a click, its waterfall, back, logs.

use serde_json::Value;
use sextant_tests::{Serve, ok, walk, walk_file};
use std::path::PathBuf;
use std::process::Command;

#[test]
fn from_home_to_a_waterfall() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    ok(&["demo", "--spans", "3000", "--seed", "3", "--data", &dir.path().to_string_lossy()]);
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

/// The same question as in the guide: which checkout is slow, why, and what the slow ones have that others have not.
#[test]
fn a_question_is_answered_by_keyboard() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    ok(&["demo", "--spans", "5000", "--seed", "3", "--data", &dir.path().to_string_lossy()]);
    let shots = std::env::var_os("SEXTANT_SHOTS").map_or_else(|| dir.path().join("shots"), PathBuf::from);
    let theme = std::env::var("SEXTANT_THEME").unwrap_or_else(|_| "dark".into());
    let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
    let url = format!("http://{}/?token={}", serve.at("http"), serve.token);
    let output = Command::new("node")
        .env("NODE_CLIENT_ROOT", home.join(".cache/sextant/node"))
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients/tour.mjs"))
        .args([url, shots.join("tour").to_string_lossy().into_owned(), theme])
        .output()
        .expect("node starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("the walk says what it saw");
    assert_eq!(seen["errors"], Value::Array(Vec::new()));
    for (step, hash, said) in [
        ("search", "#/traces?q=name%3A%22POST%20%2Fapi%2Fcheckout%22", "traces that match"),
        ("brush", "#/traces?", "those in the selection"),
        ("differs", "#/differs?", "differences among"),
        ("trace", "#/trace?", "spans"),
        ("critical-path", "span=", "spans"),
        ("diff", "#/compare?", "aligned rows"),
        ("services", "#/services?", "13 of 13 services"),
        ("logs", "#/logs?", "records"),
        ("patterns", "with=patterns", "patterns of"),
        ("stream", "with=spans", "records and"),
        ("metrics", "#/metrics?", "series"),
        ("sql", "#/sql?", "13 rows"),
        ("status", "#/status", "On disk"),
    ] {
        let at = &seen["steps"][step];
        assert!(at["hash"].as_str().is_some_and(|h| h.contains(hash)), "{step}: {at}");
        assert!(at["said"].as_str().is_some_and(|s| s.contains(said)), "{step}: {at}");
    }
    // Those who don't see the canvas are told the same, and can press it.
    let rows = |step: &str| -> Vec<String> {
        let all = seen["steps"][step]["rows"].as_array().into_iter().flatten();
        all.filter_map(|r| r.as_str().map(str::to_owned)).collect()
    };
    let has = |step: &str, part: &str| rows(step).iter().any(|r| r.contains(part));
    assert!(has("search", "POST /api/checkout") && has("search", "Group by"), "{:?}", rows("search"));
    assert!(has("services", "checkout 50 requests"), "{:?}", rows("services"));
    assert!(has("group", "service") && has("group", "status"), "pressed in the mirror: {:?}", rows("group"));
    // The file came, whole.
    assert!(
        seen["files"][0].as_str().is_some_and(|f| f.contains("ndjson") && f.starts_with("sextant-traces-")),
        "{seen}"
    );
    let file = std::fs::read_to_string(shots.join("tour/file")).expect("the file");
    assert_eq!(file.lines().count(), 247);
}

#[test]
fn the_walk_of_all_shells() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    ok(&["demo", "--spans", "3000", "--seed", "3", "--data", &dir.path().to_string_lossy()]);
    let shots = std::env::var_os("SEXTANT_SHOTS").map_or_else(|| dir.path().join("shots"), PathBuf::from);
    let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
    let output = Command::new("node")
        .env("NODE_CLIENT_ROOT", home.join(".cache/sextant/node"))
        .arg(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients/walk.mjs"))
        .arg(format!("http://{}/?token={}", serve.at("http"), serve.token))
        .args([walk_file(), shots])
        .output()
        .expect("node starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let seen: Value = serde_json::from_slice(&output.stdout).expect("the walk says what it saw");
    assert_eq!(seen["errors"], Value::Array(Vec::new()));
    for step in walk() {
        let there = &seen["steps"][&step.name];
        let has = |name: &str, part: &str| there[name].as_str().is_some_and(|text| text.contains(part));
        assert!(has("at", &step.at) && has("said", &step.said) && has("title", &step.title), "{step:?}: {there}");
    }
}
