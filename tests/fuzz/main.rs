//! Fuzzing on the stable toolchain: golden files and made-up traffic, mutated for a time against each parser.
//!
//! `fuzz [SECONDS] [TARGET]`: protobuf, json, zipkin, search, typed, log; all of them without a name. A panic ends the program
//! and leaves the input in `fuzz-crash.bin`. What mutation finds goes into `corpus/` and is tried first from then on.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a tool that talks to its terminal")]

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_importers::otlp::{self, JsonOptions};
use sextant_importers::zipkin::{self, OnBadSpan};
use sextant_model::Signal;
use sextant_queries::{duckdb, view_as};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

type Target = (&'static str, fn(&[u8]), fn() -> Vec<Vec<u8>>);

const TARGETS: [Target; 6] = [
    ("protobuf", protobuf, shop),
    ("json", json, otlp_files),
    ("zipkin", zipkin_both, zipkin_files),
    ("search", search, searches),
    ("typed", typed, searches),
    ("log", log, logs),
];

fn protobuf(bytes: &[u8]) {
    for signal in Signal::ALL {
        if let Ok(decoded) = otlp::decode(signal, bytes, 0) {
            let rows: usize = decoded.batches.iter().map(|b| b.rows.num_rows()).sum();
            assert_eq!(rows as u64, decoded.counts(signal).stored(), "rows and counts agree");
        }
    }
}

fn json(bytes: &[u8]) {
    if let Ok(decoded) = otlp::decode_json(bytes, 0, &JsonOptions::default()) {
        let rows: usize = decoded.batches.iter().map(|b| b.rows.num_rows()).sum();
        assert_eq!(rows as u64, decoded.total().stored(), "rows and counts agree");
        for batch in &decoded.batches {
            let back = otlp::to_json(batch.table, std::slice::from_ref(&batch.rows));
            otlp::decode_json(&back, 0, &JsonOptions::default()).expect("what is written can be read");
        }
    }
}

fn zipkin_both(bytes: &[u8]) {
    zipkin::decode_json(bytes, 0, OnBadSpan::Count).ok();
    zipkin::decode_proto(bytes, 0, OnBadSpan::Count).ok();
}

fn search(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for signal in Signal::ALL {
        match sextant_queries::parse(signal, &text) {
            Ok(query) => {
                let range = sextant_model::TimeRange::ALL;
                drop(duckdb::count(&query, range));
                if let Some(aggregate) = &query.aggregate {
                    drop(duckdb::aggregate(&query, aggregate, range, 10));
                }
                view_as::traceql(&query).ok();
                view_as::jaeger(&query).ok();
                // What it is written as is written as itself.
                let written = sextant_queries::text(&query);
                let again = sextant_queries::parse(signal, &written);
                let again = again.unwrap_or_else(|e| panic!("{text:?} is written as {written:?}: {e}"));
                assert_eq!(sextant_queries::text(&again), written, "{text:?}");
            }
            Err(e) => assert!(text.get(e.at.clone()).is_some(), "the place {:?} lies in the text", e.at),
        }
    }
}

/// What is typed at every place of a text.
fn typed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for cursor in 0..=text.len() {
        if let Some(typed) = sextant_queries::typed(&text, cursor) {
            assert!(text.get(typed.at.clone()).is_some(), "the place {:?} lies in the text", typed.at);
        }
    }
}

fn log(bytes: &[u8]) {
    sextant_store::fuzzing::recover_log(bytes);
}

fn shop() -> Vec<Vec<u8>> {
    Shop::new(&ShopConfig { seed: 1, n_spans: 200, end: 1_763_560_800_000_000_000 }).map(|r| r.body).collect()
}

fn folder(name: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data").join(name);
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().flatten().map(|e| e.path()).collect();
    files.sort();
    files.iter().map(|f| std::fs::read(f).unwrap()).collect()
}

fn otlp_files() -> Vec<Vec<u8>> {
    ["otlp-proto-examples", "otel-rust-expected", "duckdb-otlp"].into_iter().flat_map(folder).collect()
}

fn zipkin_files() -> Vec<Vec<u8>> {
    folder("zipkin-lens")
}

fn searches() -> Vec<Vec<u8>> {
    let texts = [
        "service:checkout duration:>1s \"connection refused\"",
        "-level:info AND (a OR NOT b) f:[1 TO 5} f:* x*y f:(a OR \"b\")",
        "\"my key\":x\\:y Events.Name:exception ünï:漢字",
    ];
    // And all that the corpus has.
    let corpus = include_str!("../tests/language/corpus.tsv").lines().filter_map(|line| Some(line.split_once('\t')?.1));
    texts.into_iter().chain(corpus).map(|t| t.as_bytes().to_vec()).collect()
}

/// A log as a store leaves it when it is killed.
fn logs() -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let store = sextant_store::Store::open(sextant_store::Config::new(dir.path())).unwrap();
    for request in Shop::new(&ShopConfig { seed: 2, n_spans: 100, end: 1_763_560_800_000_000_000 }) {
        let signal = Signal::ALL.into_iter().find(|s| request.path.ends_with(s.name())).unwrap();
        let decoded = otlp::decode(signal, &request.body, 0).unwrap();
        let counts = Signal::ALL.map(|s| decoded.counts(s).clone());
        let ingest =
            sextant_store::Ingest { project: "default".into(), counts, batches: decoded.batches, ..Default::default() };
        store.ingest_wait(ingest).unwrap();
    }
    let files = std::fs::read_dir(dir.path().join("wal")).unwrap().flatten();
    files.map(|f| std::fs::read(f.path()).unwrap()).collect()
}

/// Small changes: flipped bits, cut, doubled or mixed pieces, numbers at their limits.
fn mutate(rng: &mut StdRng, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = corpus[rng.random_range(0..corpus.len())].clone();
    for _ in 0..rng.random_range(1..6) {
        if bytes.is_empty() {
            bytes.push(rng.random());
        }
        let at = rng.random_range(0..bytes.len());
        let to = (at + rng.random_range(1..64usize)).min(bytes.len());
        match rng.random_range(0..7) {
            0 => bytes[at] ^= 1 << rng.random_range(0..8),
            1 => bytes[at] = [0, 0xff, 0x7f, 0x80, b'"', b'{', b'-'][rng.random_range(0..7)],
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..to)),
            4 => {
                let piece = bytes[at..to].to_vec();
                bytes.splice(at..at, piece);
            }
            5 => {
                let other = &corpus[rng.random_range(0..corpus.len())];
                let from = rng.random_range(0..=other.len());
                let end = (from + 64).min(other.len());
                bytes.splice(at..at, other[from..end].iter().copied());
            }
            _ => bytes[at] = rng.random(),
        }
    }
    bytes
}

fn corpus_of(name: &str) -> Vec<Vec<u8>> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(name);
    std::fs::read_dir(dir).into_iter().flatten().flatten().map(|e| std::fs::read(e.path()).unwrap()).collect()
}

fn main() {
    let mut args = std::env::args().skip(1);
    let seconds: u64 = args.next().and_then(|s| s.parse().ok()).unwrap_or(60);
    let only = args.next();
    for (name, run, seeds) in TARGETS.into_iter().filter(|(n, ..)| only.as_deref().is_none_or(|o| o == *n)) {
        let mut corpus = seeds();
        corpus.extend(corpus_of(name));
        for bytes in &corpus {
            run(bytes);
        }
        let mut rng = StdRng::seed_from_u64(std::process::id().into());
        let began = Instant::now();
        let mut n = 0u64;
        while began.elapsed() < Duration::from_secs(seconds) {
            let bytes = mutate(&mut rng, &corpus);
            if std::panic::catch_unwind(|| run(&bytes)).is_err() {
                std::fs::write("fuzz-crash.bin", &bytes).unwrap();
                println!("{name}: a panic after {n} inputs; the input is in fuzz-crash.bin");
                std::process::exit(1);
            }
            n += 1;
        }
        println!("{name}: {n} inputs in {seconds} s, no panic");
    }
}
