//! The fuzzer, briefly: golden files and the corpus first, then two seconds of mutations a target.

use std::process::Command;

#[test]
fn parsers_hold_for_a_moment() {
    let output = Command::new(env!("CARGO_BIN_EXE_fuzz")).arg("2").output().expect("it starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
