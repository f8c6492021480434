//! Overviews add up what segments come to: they say what reading every row says.

use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{Float64Type, Int64Type};
use sextant_model::{Prune, Signal, Sql, Table, TimeRange, UnixNanos};
use sextant_queries::{duckdb, parse, prune};
use sextant_store::{Answer, Config, Limits, SKETCH_BASE, Store};
use sextant_tests::ok;

/// A store of the demo shop in several segments.
fn shop(dir: &std::path::Path) -> Store {
    for seed in ["1", "2", "3"] {
        ok(&["demo", "--spans", "3000", "--seed", seed, "--data", dir.to_str().expect("a path")]);
    }
    Store::open(Config::new(dir)).expect("opens")
}

/// Service, spans, requests, errors, rate, quantiles.
fn services(answer: &Answer) -> Vec<(String, [i64; 3], f64, [i64; 3])> {
    let mut rows = Vec::new();
    for batch in &answer.batches {
        let number = |column: usize, row: usize| {
            let column = batch.column(column).as_primitive::<Int64Type>();
            if column.is_null(row) { -1 } else { column.value(row) }
        };
        for row in 0..batch.num_rows() {
            let name = batch.column(0).as_string::<i32>().value(row).to_owned();
            let rate = batch.column(4).as_primitive::<Float64Type>().value(row);
            rows.push((name, [1, 2, 3].map(|c| number(c, row)), rate, [5, 6, 7].map(|c| number(c, row))));
        }
    }
    rows
}

#[test]
fn services_come_to_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = shop(dir.path());
    let snapshot = store.snapshot();
    let traces = || snapshot.segments().iter().filter(|s| s.table == Table::Traces);
    let (first, last) = (traces().map(|s| s.times.0).min(), traces().map(|s| s.times.1).max());
    let (first, last) = (first.expect("spans"), last.expect("spans"));
    let at = |part: f64| Some(UnixNanos(first + ((last - first) as f64 * part) as i64));
    let ranges = [
        TimeRange::ALL,
        TimeRange { from: at(0.0), to: at(1.1) },
        TimeRange { from: at(0.3), to: at(0.8) },
        TimeRange { from: at(0.5), to: None },
    ];
    let mut n_whole = 0;
    for range in ranges {
        let exact = store.query(&duckdb::service_rows(range), &Prune::within(range), Limits::default());
        let exact = services(&exact.expect("answers"));
        let sql = duckdb::service_overview(range, SKETCH_BASE);
        let overview = store.overview(&sql, range, Limits::default()).expect("answers");
        let is_whole =
            |s: &&std::sync::Arc<sextant_store::Segment>| range.contains(s.times.0) && range.contains(s.times.1);
        n_whole += traces().filter(is_whole).count();
        let n_cut = traces().filter(|s| range.overlaps(s.times.0, s.times.1) && !is_whole(s)).count();
        assert_eq!(overview.scanned.n_segments, n_cut, "{range:?}: rows are read of segments that it cuts");
        assert!(!exact.is_empty());
        let overview = services(&overview);
        assert_eq!(overview.len(), exact.len());
        for (found, exact) in overview.iter().zip(&exact) {
            assert_eq!((&found.0, found.1), (&exact.0, exact.1), "{range:?}");
            assert!((found.2 - exact.2).abs() <= exact.2 * 1e-9, "{range:?}: {found:?} {exact:?}");
            // However few requests there are.
            for (found, exact) in found.3.iter().zip(&exact.3) {
                assert!((found - exact).abs() as f64 <= 0.011 * *exact as f64 + 1.0, "{range:?}: {found} for {exact}");
            }
        }
    }
    assert!(n_whole > 4, "{n_whole} segments lay wholly within");
    // Nothing is read that lies wholly within.
    let sql = duckdb::service_overview(TimeRange::ALL, SKETCH_BASE);
    let all = store.overview(&sql, TimeRange::ALL, Limits::default()).expect("answers");
    assert_eq!((all.scanned.n_segments, all.scanned.n_rows), (0, 0));
    // Nor after segments were laid together, and the store was opened anew.
    let before = services(&all);
    store.compact().expect("merges");
    store.close();
    drop(store);
    let store = Store::open(Config::new(dir.path())).expect("opens");
    let all = store.overview(&sql, TimeRange::ALL, Limits::default()).expect("answers");
    assert_eq!((all.scanned.n_segments, services(&all)), (0, before));
}

/// The rows of an answer as text.
fn text(answer: &Answer) -> String {
    let batch = arrow::compute::concat_batches(&answer.schema.clone().expect("a schema"), &answer.batches);
    format!("{:?}", batch.expect("one").columns())
}

const MINUTE: i64 = sextant_store::MINUTE_NANOS;

/// Periods of whole minutes and others, each in parts.
fn periods(store: &Store) -> Vec<((i64, i64), u32)> {
    let snapshot = store.snapshot();
    let first = snapshot.segments().iter().map(|s| s.times.0).min().expect("rows");
    let last = snapshot.segments().iter().map(|s| s.times.1).max().expect("rows");
    let floor = |time: i64| time.div_euclid(MINUTE) * MINUTE;
    let n = ((floor(last) - floor(first)) / MINUTE + 1) as u32;
    vec![
        ((floor(first), floor(last) + MINUTE), n),
        ((floor(first) - 7 * MINUTE, floor(first) - 7 * MINUTE + 4 * i64::from(n) * MINUTE), n),
        ((floor(first) + 2 * MINUTE, floor(first) + 4 * MINUTE), 2),
        ((first + 1, last), 20),
        ((last - 1_000_000_000, last + 1), 20),
    ]
}

#[test]
fn counts_by_minute_come_to_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = shop(dir.path());
    let mut n_left_out = 0;
    for is_compacted in [false, true] {
        if is_compacted {
            store.compact().expect("merges");
        }
        for (period, n_parts) in periods(&store) {
            let range = TimeRange { from: Some(UnixNanos(period.0)), to: Some(UnixNanos(period.1)) };
            let mut all = vec![(duckdb::senders(period, n_parts), Prune::within(range))];
            for (signal, query) in [
                (Signal::Logs, ""),
                (Signal::Traces, ""),
                (Signal::Logs, "service:cart OR service:check*"),
                (Signal::Traces, "NOT service:\"cart\""),
            ] {
                let query = parse(signal, query).expect("parses");
                assert!(duckdb::is_by_service(&query.filter));
                all.push((duckdb::histogram(&query, period, n_parts), prune(&query, range)));
            }
            for (sql, prune) in all {
                let ask = |part| store.by_minute(&sql, period, part, &prune, Limits::default()).expect("answers");
                // Parts that are no minutes: by row.
                let by_row = ask(1);
                let some = ask(duckdb::part_nanos(period, n_parts));
                assert_eq!(text(&some), text(&by_row), "{period:?}: {}", sql.text);
                n_left_out += by_row.scanned.n_segments - some.scanned.n_segments;
            }
        }
    }
    assert!(n_left_out > 20, "{n_left_out} segments were left out");
    let none = parse(Signal::Logs, "service:cart level:error").expect("parses");
    assert!(!duckdb::is_by_service(&none.filter));
    let n: Sql = Sql::plain("SELECT 1 AS n");
    assert_eq!(store.overview(&n, TimeRange::ALL, Limits::default()).expect("answers").n_rows(), 1);
}
