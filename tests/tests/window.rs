//! The native window on a screen of its own, taken through the walk of all shells by keyboard. Where it is then is read from
//! its title.

use sextant_tests::{Screen, ok, wait, walk, window};
use std::process::Command;
use std::time::Duration;

#[test]
fn the_walk_of_all_shells() {
    let dir = tempfile::tempdir().expect("a directory");
    let data = dir.path().join("data");
    let data_text = data.to_string_lossy().into_owned();
    ok(&["demo", "--spans", "3000", "--seed", "3", "--data", &data_text]);
    let screen = Screen::start();
    let mut program = Command::new(window());
    program.args(["--data", &data_text]);
    for flag in ["--otlp-grpc", "--otlp-http", "--zipkin", "--http"] {
        program.args([flag, "127.0.0.1:0"]);
    }
    let mut program = screen.spawn(&mut program, dir.path());
    let xdo = |args: &[&str]| {
        let output = Command::new("xdotool").args(args).env("DISPLAY", &screen.display).output();
        let output = output.expect("xdotool runs");
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let id = wait("the window", || {
        let found = xdo(&["search", "--onlyvisible", "--name", "Sextant"])?;
        Some(found.lines().next()?.to_owned()).filter(|id| !id.is_empty())
    });
    wait("the keyboard", || xdo(&["windowfocus", &id]));
    let title = || xdo(&["getwindowname", &id]).unwrap_or_default();
    wait("home", || title().starts_with("Home").then_some(()));
    for step in walk() {
        for key in &step.keys {
            std::thread::sleep(Duration::from_millis(700));
            let typed = if key == "<Enter>" { xdo(&["key", "Return"]) } else { xdo(&["type", "--delay", "60", key]) };
            assert!(typed.is_some(), "{key} is typed");
        }
        wait(&format!("{step:?}"), || title().contains(&step.title).then_some(()));
    }
    let pid = program.0.id().to_string();
    assert!(Command::new("kill").arg(pid).status().expect("kill runs").success());
    assert_eq!(program.0.wait().expect("it ends").code(), Some(0));
}
