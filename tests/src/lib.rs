//! A running `sextant` for tests, and a plain HTTP client to talk to it.

#![allow(clippy::missing_panics_doc, clippy::unwrap_used, reason = "a test that can't go on fails by a panic")]

pub mod clickhouse;
mod crash;
mod http;
pub mod load;
mod screen;
mod walk;

pub use crash::{Crashed, crash, message};
pub use http::{Response, request};
pub use screen::{Screen, Stopped, wait};
pub use walk::{Step, walk, walk_file};

use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

/// The binary that the build put beside the tests.
pub fn sextant() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a path");
    let folder = test.parent().expect("programs lie in target/PROFILE, tests in deps below it");
    let target = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let binary = target.join("sextant");
    assert!(binary.exists(), "{} is missing: run cargo build --workspace first", binary.display());
    binary
}

/// The desktop program, beside it.
pub fn desktop() -> PathBuf {
    let binary = sextant().with_file_name("sextant-desktop");
    assert!(binary.exists(), "{} is missing: run cargo build --workspace first", binary.display());
    binary
}

/// The native window, beside it.
pub fn window() -> PathBuf {
    let binary = sextant().with_file_name("sextant-window");
    assert!(binary.exists(), "{} is missing: run cargo build --workspace first", binary.display());
    binary
}

/// Runs a command to its end.
pub fn run(args: &[&str]) -> Output {
    Command::new(sextant()).args(args).stdin(Stdio::null()).output().expect("sextant starts")
}

/// Runs a command that must succeed; its standard output.
pub fn ok(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("output is UTF-8")
}

/// The same as JSON.
pub fn json(args: &[&str]) -> Value {
    serde_json::from_str(&ok(args)).expect("output is JSON")
}

/// A `sextant serve` on free ports; it is stopped when this goes away.
pub struct Serve {
    child: Child,
    /// Addresses by name.
    pub listeners: BTreeMap<String, String>,
    /// The token of its instance.
    pub token: String,
    /// Its data directory.
    pub dir: PathBuf,
}

impl Serve {
    /// Starts one on `dir` and waits until it accepts.
    pub fn start(dir: &Path) -> Self {
        Self::start_with(dir, &[])
    }

    /// The same with more arguments.
    pub fn start_with(dir: &Path, more: &[&str]) -> Self {
        let free = "127.0.0.1:0";
        let mut child = Command::new(sextant())
            .args(["serve", "--otlp-grpc", free, "--otlp-http", free, "--zipkin", free, "--http", free, "--data"])
            .arg(dir)
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .expect("sextant starts");
        let out = child.stdout.take().expect("a pipe");
        let mut listeners = BTreeMap::new();
        let mut token = String::new();
        for line in BufReader::new(out).lines() {
            let line = line.expect("a line");
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["listening", name, address] => {
                    listeners.insert((*name).to_owned(), (*address).to_owned());
                }
                ["open", url] => {
                    url.split("token=").nth(1).unwrap_or_default().clone_into(&mut token);
                    break;
                }
                _ => panic!("unexpected line {line}"),
            }
        }
        assert!(!token.is_empty(), "serve stopped before it listened");
        Self { child, listeners, token, dir: dir.to_owned() }
    }

    /// The address of a listener.
    pub fn at(&self, name: &str) -> &str {
        &self.listeners[name]
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Kills it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to stop; its exit code.
    pub fn stop(mut self) -> Option<i32> {
        let killed = Command::new("kill").arg(self.child.id().to_string()).status().expect("kill runs");
        assert!(killed.success());
        self.child.wait().expect("it ends").code()
    }

    /// Posts with the content type of JSON.
    pub fn post_json(&self, name: &str, path: &str, body: &str) -> Response {
        request(self.at(name), "POST", path, &[("content-type", "application/json")], body.as_bytes())
    }

    /// Asks the API with the token.
    pub fn api(&self, method: &str, path: &str, body: &str) -> Response {
        self.ask("http", method, path, body)
    }

    /// Reads from another listener with the token.
    pub fn get_of(&self, name: &str, path: &str) -> Response {
        self.ask(name, "GET", path, "")
    }

    fn ask(&self, name: &str, method: &str, path: &str, body: &str) -> Response {
        let bearer = format!("Bearer {}", self.token);
        request(self.at(name), method, path, &[("authorization", &bearer)], body.as_bytes())
    }

    /// One number of one SELECT.
    pub fn count(&self, sql: &str) -> u64 {
        let body = serde_json::json!({ "sql": sql }).to_string();
        let response = self.api("POST", "/api/v1/sql", &body);
        assert_eq!(response.status, 200, "{}", response.text());
        let rows = response.json();
        rows["rows"][0].as_object().and_then(|r| r.values().next()?.as_u64()).expect("a number")
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        // It may have stopped already.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The files below a folder that have an extension, in order.
pub fn files_below(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
