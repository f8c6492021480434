//! The walk that all three shells are taken through by keyboard.

use serde_json::Value;
use std::path::PathBuf;

/// One step of it.
#[derive(Debug)]
pub struct Step {
    /// What it is called.
    pub name: String,
    /// What is typed: text, or a key such as `<Enter>`.
    pub keys: Vec<String>,
    /// What the address has then.
    pub at: String,
    /// What is said then to those who don't see it.
    pub said: String,
    /// What a native window is called then.
    pub title: String,
}

/// Where it is written down.
pub fn walk_file() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("clients/walk.json")
}

/// All steps.
pub fn walk() -> Vec<Step> {
    let text = std::fs::read_to_string(walk_file()).expect("the walk is there");
    let steps: Vec<Value> = serde_json::from_str(&text).expect("the walk is JSON");
    let text = |step: &Value, name: &str| step[name].as_str().unwrap_or_default().to_owned();
    let of = |step: &Value| Step {
        name: text(step, "step"),
        keys: step["keys"].as_array().into_iter().flatten().filter_map(|k| Some(k.as_str()?.to_owned())).collect(),
        at: text(step, "at"),
        said: text(step, "said"),
        title: text(step, "title"),
    };
    steps.iter().map(of).collect()
}
