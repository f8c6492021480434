//! Fuzzing on the stable toolchain: golden files and made-up traffic, mutated for a time against each parser.
//!
//! `fuzz [SECONDS] [TARGET]`: protobuf, json, zipkin, search, typed, log, zip, papers, redact, parquet, markdown; all of them without a name. A panic ends the program
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

const TARGETS: [Target; 11] = [
    ("protobuf", protobuf, shop),
    ("json", json, otlp_files),
    ("zipkin", zipkin_both, zipkin_files),
    ("search", search, searches),
    ("typed", typed, searches),
    ("log", log, logs),
    ("zip", zip, bundles),
    ("papers", papers, papers_of_bundles),
    ("redact", redact, texts),
    ("parquet", parquet, parquet_files),
    ("markdown", markdown, words),
];

/// What somebody writes in a report: on a page it is text, whatever it says.
fn markdown(bytes: &[u8]) {
    let summary = sextant_reports::paragraphs(&String::from_utf8_lossy(bytes));
    let page = sextant_reports::html(&sextant_reports::Report { summary, ..Default::default() }).to_lowercase();
    for bad in ["<script", "href=\"javascript:", "href=\"data:", " onerror=", "<iframe", "<img src=\"http"] {
        // As text its brackets and quotes are written out.
        assert!(!page.contains(bad) || !bad.starts_with('<') && !page.contains(&format!("<a {bad}")), "{bad}: {page}");
    }
}

/// Markdown of every kind, and what tries to be more than that.
fn words() -> Vec<Vec<u8>> {
    let all = [
        "# Heading\n\nWhat *happened*, in **words** and `code`.\n\n- one\n- two\n\n1. first\n2. second\n\n> quoted",
        "[a link](https://example.org) [another](javascript:alert(1)) <https://example.org> ![an image](http://x/y.png)",
        "<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>\n\n&lt;b&gt; &amp; &#x202e;",
        "```rust\nfn main() {}\n```\n\n    indented\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n~~gone~~ [^1]\n\n[^1]: note",
        "***\n* * *\n[ref]\n\n[ref]: mailto:a@example.org \"title\"\n\n\u{202e}right\u{202c} \u{1f600} \u{4f60}\u{597d} \u{5d0}\u{5d1}",
    ];
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}

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

/// Whatever is done to a bundle, it is no bundle any more.
fn zip(bytes: &[u8]) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let (report, bag) = sextant_bundles::verify(file.path(), &sextant_bundles::Trust::default(), &|_, _| true).unwrap();
    let is_sound = bundles().iter().any(|b| b == bytes);
    assert_eq!(report.verdict == sextant_bundles::Verdict::Invalid, !is_sound, "{:?}", report.reason);
    if let Some(bag) = bag {
        bag.each_batch(&mut |_, _| Ok(())).ok();
    }
}

fn papers(bytes: &[u8]) {
    sextant_bundles::fuzzing::papers(bytes);
}

/// What is found lies in the text, in order, and nothing of it stays.
fn redact(bytes: &[u8]) {
    static SCANNER: std::sync::LazyLock<sextant_bundles::Scanner> =
        std::sync::LazyLock::new(|| sextant_bundles::Scanner::new(&sextant_bundles::Detector::ALL, Vec::new()));
    let text = String::from_utf8_lossy(bytes);
    let mut hits = Vec::new();
    SCANNER.hits(&text, &mut hits);
    let mut end = 0;
    for hit in &hits {
        assert!(hit.range.start >= end && !hit.range.is_empty() && text.get(hit.range.clone()).is_some(), "{hit:?}");
        end = hit.range.end;
    }
}

fn parquet(bytes: &[u8]) {
    let format = Some(sextant_importers::file::Format::Parquet);
    let mut n = 0;
    let read = sextant_importers::file::read::<sextant_importers::DecodeError>(bytes, format, 0, &mut |decoded| {
        n += decoded.batches.iter().map(|b| b.rows.num_rows() as u64).sum::<u64>();
        Ok(())
    });
    if let Ok(report) = read {
        assert_eq!(report.counts.stored(), n, "rows and counts agree");
    }
}

/// A small bundle as one file.
fn bundles() -> Vec<Vec<u8>> {
    static MADE: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    let make = || {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.sxb");
        let mut maker = sextant_bundles::Maker::begin(&path).unwrap();
        let mut all: Vec<sextant_model::Batch> = shop_batches(40);
        all.retain(|b| b.table == sextant_model::Table::Traces);
        let first = all.swap_remove(0);
        let order =
            arrow::compute::sort_to_indices(first.rows.column_by_name("Timestamp").unwrap(), None, None).unwrap();
        let rows = arrow::compute::take_record_batch(&first.rows, &order).unwrap();
        maker.write(first.table, &rows).unwrap();
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n-----END PRIVATE KEY-----\n";
        let key = sextant_bundles::Key::from_pem(pem, None).unwrap();
        let facts = sextant_bundles::Facts { made_at: "2026-11-22T10:00:00Z".into(), ..Default::default() };
        maker.finish(facts, &sextant_bundles::Papers::default(), &key).unwrap();
        vec![std::fs::read(&path).unwrap()]
    };
    MADE.get_or_init(make).clone()
}

fn shop_batches(n_spans: u64) -> Vec<sextant_model::Batch> {
    let mut all = Vec::new();
    for request in Shop::new(&ShopConfig { seed: 3, n_spans, end: 1_763_560_800_000_000_000 }) {
        let signal = Signal::ALL.into_iter().find(|s| request.path.ends_with(s.name())).unwrap();
        all.extend(otlp::decode(signal, &request.body, 0).unwrap().batches);
    }
    all
}

fn papers_of_bundles() -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.sxb");
    std::fs::write(&path, &bundles()[0]).unwrap();
    let out = dir.path().join("bag");
    sextant_bundles::Bag::open(&path).unwrap().extract(&out).unwrap();
    let names = ["manifest-sha256.txt", "attestation.dsse.json", "custody.jsonl", "pubkey.pem"];
    names.iter().map(|n| std::fs::read(out.join(n)).unwrap()).collect()
}

fn texts() -> Vec<Vec<u8>> {
    let all = [
        "mail jo.doe+x@mail.example.org card 4111 1111 1111 1111 from 10.1.2.3:80 and 2001:db8::8a2e:370:7334",
        "DE89 3704 0044 0532 0130 00 +49 30 901820 (555) 010-9999 password=hunter22 postgres://a:b@c/d",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N -----BEGIN PRIVATE KEY-----x ünï@exämple.de",
    ];
    all.iter().map(|t| t.as_bytes().to_vec()).collect()
}

fn parquet_files() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for table in [sextant_model::Table::Traces, sextant_model::Table::Logs, sextant_model::Table::Gauge] {
        let batch = shop_batches(60).into_iter().find(|b| b.table == table).unwrap();
        let mut writer = sextant_columns::PlainWriter::new(Vec::new(), table).unwrap();
        writer.write(&batch.rows.slice(0, batch.rows.num_rows().min(20))).unwrap();
        files.push(writer.finish().unwrap());
    }
    files
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
