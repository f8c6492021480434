//! A second, naive decoder on prost, and both held against each other on random and on recorded messages.

#[path = "oracle/flat.rs"]
mod flat;
#[path = "oracle/random.rs"]
mod random;

use arrow::array::RecordBatch;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_importers::otlp::{self, JsonOptions};
use sextant_model::{Batch, Signal, Table};

const RECEIVED_AT: i64 = 1_763_560_800_000_000_000;

/// Rows of all tables as `table column=value …` lines, in order.
fn decoded(signal: Signal, bytes: &[u8]) -> Vec<String> {
    let decoded = otlp::decode(signal, bytes, RECEIVED_AT).expect("a sound message");
    assert_eq!(
        decoded.counts(signal).stored() as usize,
        decoded.batches.iter().map(|b| b.rows.num_rows()).sum::<usize>()
    );
    let mut lines = Vec::new();
    for table in Table::ALL {
        let rows: Vec<&RecordBatch> = decoded.batches.iter().filter(|b| b.table == table).map(|b| &b.rows).collect();
        lines.extend(rows.into_iter().flat_map(|b| flat::rows(table, b)));
    }
    lines
}

fn check(signal: Signal, bytes: &[u8]) {
    let expected = match signal {
        Signal::Traces => flat::traces(&ExportTraceServiceRequest::decode(bytes).expect("prost reads it")),
        Signal::Logs => flat::logs(&ExportLogsServiceRequest::decode(bytes).expect("prost reads it"), RECEIVED_AT),
        Signal::Metrics => flat::metrics(&ExportMetricsServiceRequest::decode(bytes).expect("prost reads it")),
    };
    let got = decoded(signal, bytes);
    assert_eq!(got.len(), expected.len(), "{signal}");
    for (got, expected) in got.iter().zip(&expected) {
        assert_eq!(got, expected, "{signal}");
    }
}

#[test]
fn random_messages_come_out_equal() {
    for seed in 0..400 {
        let mut rng = StdRng::seed_from_u64(seed);
        check(Signal::Traces, &random::traces(&mut rng).encode_to_vec());
        check(Signal::Logs, &random::logs(&mut rng).encode_to_vec());
        check(Signal::Metrics, &random::metrics(&mut rng).encode_to_vec());
    }
}

/// Rows as lines, in any order, without the exact bytes of nested values: lengths in them may be written longer.
fn lines(batch: &Batch) -> Vec<String> {
    let exact = regex::Regex::new("(Exact\": \"|Exact: \\[)[0-9a-f, ]*").expect("an expression");
    let mut lines: Vec<String> = flat::rows(batch.table, &batch.rows);
    for line in &mut lines {
        *line = exact.replace_all(line, "$1").into_owned();
    }
    lines.sort();
    lines
}

#[test]
fn what_is_written_as_json_reads_as_the_same() {
    let json = |batch: &Batch| otlp::to_json(batch.table, std::slice::from_ref(&batch.rows));
    for seed in 0..200 {
        let mut rng = StdRng::seed_from_u64(seed);
        let messages = [
            (Signal::Traces, random::traces(&mut rng).encode_to_vec()),
            (Signal::Logs, random::logs(&mut rng).encode_to_vec()),
            (Signal::Metrics, random::metrics(&mut rng).encode_to_vec()),
        ];
        for (signal, bytes) in messages {
            for sent in otlp::decode(signal, &bytes, RECEIVED_AT).expect("a sound message").batches {
                let written = json(&sent);
                let read = otlp::decode_json(&written, RECEIVED_AT, &JsonOptions::default()).expect("sound JSON");
                let [again] = read.batches.as_slice() else { panic!("{} became other tables", sent.table) };
                let (sent, again, rewritten) = (lines(&sent), lines(again), json(again));
                assert_eq!(sent.len(), again.len());
                for (sent, again) in sent.iter().zip(&again) {
                    assert_eq!(sent, again, "{signal}, seed {seed}");
                }
                // Nested values too, to the type of each.
                assert!(written == rewritten, "{signal}, seed {seed}");
            }
        }
    }
}

#[test]
fn the_shop_comes_out_equal() {
    for request in Shop::new(&ShopConfig { seed: 3, n_spans: 2_000, end: RECEIVED_AT }) {
        let signal = Signal::ALL.into_iter().find(|s| request.path.ends_with(s.name())).expect("a signal");
        check(signal, &request.body);
    }
}

#[test]
fn any_cut_or_flipped_message_is_refused_or_read_but_never_panics() {
    let mut rng = StdRng::seed_from_u64(1);
    let bytes = random::traces(&mut rng).encode_to_vec();
    for n in 0..bytes.len() {
        // Both outcomes are fine; that it comes back is what counts.
        otlp::decode(Signal::Traces, &bytes[..n], 0).ok();
        let mut flipped = bytes.clone();
        flipped[n] ^= 1 << (n % 8);
        for signal in Signal::ALL {
            otlp::decode(signal, &flipped, 0).ok();
        }
    }
}
