//! Sampling against what is really kept: bytes by writing what is left, errors one by one, and counts that are estimated from what is
//! left, as often right as their interval says.

#![allow(clippy::float_cmp, clippy::print_stdout, reason = "shares of a whole; what was measured is printed")]

use arrow::array::{
    ArrayRef, AsArray as _, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray,
};
use arrow::compute::filter_record_batch;
use sextant_columns::{Compression, Writing, raw_bytes, sorted, stored, tried};
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_importers::otlp;
use sextant_model::{Signal, Table};
use sextant_simulators::{Known, Reading, Recorded, Sample, Sampled, Sampling, Scenario};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

fn rules(text: &str) -> Sampling {
    Scenario::parse(text).unwrap_or_else(|e| panic!("{e}")).sampling.expect("rules")
}

/// All spans of the shop.
fn shop(n_spans: u64) -> RecordBatch {
    let mut batches = Vec::new();
    for request in Shop::new(&ShopConfig { seed: 21, n_spans, end: 1_763_560_800_000_000_000 }) {
        if request.path.ends_with("traces") {
            let decoded = otlp::decode(Signal::Traces, &request.body, 0).expect("it is read");
            let of = decoded.batches.into_iter().filter(|b| b.table == Table::Traces);
            batches.extend(of.map(|b| stored(Table::Traces, &b.rows).expect("columns of the store")));
        }
    }
    sorted(Table::Traces, &batches).expect("sorted")
}

fn written(rows: &RecordBatch) -> f64 {
    let how = Writing { compression: Compression::Hot, n_rows: rows.num_rows() as u64, promoted: Vec::new() };
    tried(std::slice::from_ref(rows), Table::Traces, &how).expect("it is written").values().sum::<u64>() as f64
}

fn raw(rows: &RecordBatch) -> f64 {
    rows.columns().iter().map(|c| raw_bytes(c)).sum::<u64>() as f64
}

/// Spans by hand: whether their trace is kept.
fn kept(rows: &RecordBatch, rules: &Sampling) -> (RecordBatch, usize) {
    struct Seen {
        first: i64,
        last: i64,
        has_error: bool,
    }
    let texts = |name: &str| rows.column_by_name(name).expect(name).as_string::<i32>();
    let (ids, status) = (texts("TraceId"), texts("StatusCode"));
    let starts = rows.column_by_name("Timestamp").expect("times");
    let starts = starts.as_primitive::<arrow::datatypes::TimestampNanosecondType>();
    let lengths = rows.column_by_name("Duration").expect("lengths");
    let lengths = arrow::compute::cast(lengths, &arrow::datatypes::DataType::Int64).expect("numbers");
    let lengths = lengths.as_primitive::<arrow::datatypes::Int64Type>();
    let mut seen = BTreeMap::<&str, Seen>::new();
    for row in 0..rows.num_rows() {
        let of = seen.entry(ids.value(row)).or_insert(Seen { first: i64::MAX, last: i64::MIN, has_error: false });
        of.first = of.first.min(starts.value(row));
        of.last = of.last.max(starts.value(row) + lengths.value(row));
        of.has_error |= status.value(row) == "Error";
    }
    let is_kept = |id: &str, of: &Seen| {
        let low = u64::from_str_radix(&id[18..], 16).expect("hex");
        rules.keep_errors && of.has_error
            || rules.slower_than.is_some_and(|most| of.last - of.first > most)
            || low as f64 >= (1.0 - rules.head) * 2.0_f64.powi(56)
    };
    let all: BTreeSet<&str> = seen.iter().filter(|(id, of)| is_kept(id, of)).map(|(id, _)| *id).collect();
    let errors = seen.iter().filter(|(id, of)| of.has_error && all.contains(*id)).count();
    let mask = BooleanArray::from(ids.iter().map(|id| all.contains(id.expect("an id"))).collect::<Vec<_>>());
    (filter_record_batch(rows, &mask).expect("rows"), errors)
}

#[test]
fn bytes_that_are_left_are_those_that_were_told() {
    let rows = shop(if std::env::var_os("SEXTANT_LONG").is_some() { 400_000 } else { 60_000 });
    let sample = Sample::of(Table::Traces, &[], std::slice::from_ref(&rows), Reading::default());
    let sample = sample.unwrap_or_else(|e| panic!("{e}"));
    let weights = sample.raw_of_operations();
    let weigh =
        |service: &str, name: &str| weights.get(&(service.to_owned(), name.to_owned())).map_or(1, |w| w.round() as u64);
    let mut recorded = Recorded::default();
    recorded.add(&rows, &weigh).unwrap_or_else(|e| panic!("{e}"));
    recorded.settle();
    let known = Known { recorded, spans: Some(sample), ..Known::default() };
    let (raw_all, stored_all) = (raw(&rows), written(&rows));
    println!("| rule | raw left, told and counted | stored left, told and written |\n|---|---|---|");
    for (name, text, tolerance) in [
        ("head 10 %", "[sampling]\nhead = 0.1\n", 0.02),
        ("head 50 %", "[sampling]\nhead = 0.5\n", 0.02),
        ("errors and 5 %", "[sampling]\nhead = 0.05\nkeep_errors = true\n", 0.05),
        ("slow, errors and 1 %", "[sampling]\nhead = 0.01\nkeep_errors = true\nslower_than = \"400ms\"\n", 0.05),
    ] {
        let rules = rules(text);
        let told: Sampled = known.recorded.sampled(&rules);
        let (left, errors) = kept(&rows, &rules);
        let share = told.kept_share();
        let packed = share * known.packed_worse(&rules).unwrap_or_else(|e| panic!("{e}"));
        let (raw_share, stored_share) = (raw(&left) / raw_all, written(&left) / stored_all);
        let off = |told: f64, is: f64| (told / is - 1.0) * 100.0;
        println!(
            "| {name} | {:.2} % and {:.2} %, off by {:+.2} % | {:.2} % and {:.2} %, off by {:+.2} % |",
            share * 100.0,
            raw_share * 100.0,
            off(share, raw_share),
            packed * 100.0,
            stored_share * 100.0,
            off(packed, stored_share)
        );
        assert_eq!(told.kept_spans, left.num_rows() as u64, "{name}");
        assert_eq!(told.kept_error_traces, errors as u64, "{name}");
        if rules.keep_errors {
            assert_eq!((told.lost_error_traces, told.kept_error_traces), (0, told.error_traces), "{name}");
        }
        assert!(off(share, raw_share).abs() <= tolerance * 100.0, "{name}");
        // Of a sample of all rows, how well what is left packs is told less exactly than how much it is.
        assert!(off(packed, stored_share).abs() <= 5.0, "{name}");
    }
}

/// Traces with random ids, of one span each.
fn random_traces(n: usize, seed: u64) -> RecordBatch {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d)
    };
    let ids: Vec<String> = (0..n).map(|_| format!("{:016x}{:016x}", next(), next())).collect();
    let texts = |of: &str| Arc::new(StringArray::from(vec![of; n])) as ArrayRef;
    RecordBatch::try_from_iter([
        ("TraceId", Arc::new(StringArray::from(ids)) as ArrayRef),
        ("ServiceName", texts("cart")),
        ("SpanName", texts("GET /cart")),
        ("Timestamp", Arc::new(TimestampNanosecondArray::from(vec![1_000; n]))),
        ("Duration", Arc::new(Int64Array::from(vec![10; n]))),
        ("StatusCode", texts("Unset")),
    ])
    .expect("a batch")
}

#[test]
fn intervals_hold_as_often_as_they_say() {
    for (n, head) in [(2_000, 0.1), (5_000, 0.02), (800, 0.5)] {
        let rules = rules(&format!("[sampling]\nhead = {head}\n"));
        let mut covered = 0;
        for seed in 1..=500 {
            let mut recorded = Recorded::default();
            recorded.add(&random_traces(n, seed), &|_, _| 1).unwrap_or_else(|e| panic!("{e}"));
            recorded.settle();
            let told = recorded.sampled(&rules);
            // What one would count who has only what is left.
            let counted = told.kept_traces as f64 / head;
            let sigma = told.count_error.expect("something is kept by chance") * n as f64;
            covered += u32::from((counted - n as f64).abs() <= 1.96 * sigma);
        }
        let share = f64::from(covered) / 500.0;
        println!("{n} traces, {head} kept: the interval holds in {:.1} % of 500 draws", share * 100.0);
        assert!((0.92..=0.98).contains(&share), "{n} {head}: {share}");
    }
}
