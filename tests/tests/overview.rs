//! Overviews add up what segments come to: they say what reading every row says.

use arrow::array::{Array, AsArray as _};
use arrow::datatypes::{Float64Type, Int64Type};
use sextant_model::{Prune, Sql, Table, TimeRange, UnixNanos};
use sextant_queries::duckdb;
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
        let overview = store.overview(&sql, range, None, Limits::default()).expect("answers");
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
    let all = store.overview(&sql, TimeRange::ALL, None, Limits::default()).expect("answers");
    assert_eq!((all.scanned.n_segments, all.scanned.n_rows), (0, 0));
    // Nor after segments were laid together, and the store was opened anew.
    let before = services(&all);
    store.compact().expect("merges");
    store.close();
    drop(store);
    let store = Store::open(Config::new(dir.path())).expect("opens");
    let all = store.overview(&sql, TimeRange::ALL, None, Limits::default()).expect("answers");
    assert_eq!((all.scanned.n_segments, services(&all)), (0, before));
}

#[test]
fn senders_come_to_the_same() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = shop(dir.path());
    let snapshot = store.snapshot();
    let last = snapshot.segments().iter().map(|s| s.times.1).max().expect("rows");
    for length in [1_000_000_000, 600_000_000_000, 90_000_000_000_000] {
        let period = (last - length, last + 1);
        let range = TimeRange { from: Some(UnixNanos(period.0)), to: Some(UnixNanos(period.1)) };
        let sql = duckdb::senders(period, 20);
        let text = |answer: &Answer| {
            let batch = arrow::compute::concat_batches(&answer.schema.clone().expect("a schema"), &answer.batches);
            format!("{:?}", batch.expect("one").columns())
        };
        let some = text(&store.overview(&sql, TimeRange::ALL, Some(range), Limits::default()).expect("answers"));
        let all =
            text(&store.overview(&sql, TimeRange::ALL, Some(TimeRange::ALL), Limits::default()).expect("answers"));
        assert_eq!(some, all);
    }
    let n: Sql = Sql::plain("SELECT 1 AS n");
    assert_eq!(store.overview(&n, TimeRange::ALL, None, Limits::default()).expect("answers").n_rows(), 1);
}
