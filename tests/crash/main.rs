//! `cargo run -p sextant-tests --bin crash -- [SECONDS]`: eight connections send while the server is killed every few
//! seconds; by default for two minutes.

#![allow(clippy::print_stdout, reason = "what came of it is told")]

use std::time::Duration;

fn main() {
    let seconds = std::env::args().nth(1).map_or(120, |s| s.parse().expect("a number of seconds"));
    let dir = tempfile::tempdir().expect("a directory");
    let lives = [3_000, 1_500, 4_000, 700, 2_500].map(Duration::from_millis);
    let crashed = sextant_tests::crash(dir.path(), 8, Duration::from_secs(seconds), &lives);
    println!(
        "killed {} times: {} spans accepted, {} stored, {} sent; each is there once, the ledger balances, doctor is content",
        crashed.n_kills, crashed.accepted, crashed.stored, crashed.sent
    );
}
