//! The search language: what is written in every form, and what it finds, held against plain rows.

mod engine;
mod oracle;
mod random;
mod rows;
mod schemas;

use arrow::array::{Array as _, AsArray as _, RecordBatch};
use engine::Engine;
use rows::World;
use sextant_model::query::{Expr, Field, Query, SpanSet, Test};
use sextant_model::{Signal, Sql, TimeRange};
use sextant_queries::clickhouse::{self, Tables};
use sextant_queries::{duckdb, parse, prune, text};
use sextant_store::{Config, Limits, Store};
use sextant_tests::ok;
use std::collections::BTreeSet;
use std::path::PathBuf;

fn store(world: &World, dir: &std::path::Path) -> Store {
    let file = dir.join("world.jsonl");
    std::fs::write(&file, world.otlp()).expect("writes");
    let data = dir.join("data");
    ok(&["import", file.to_str().expect("a path"), "--data", data.to_str().expect("a path")]);
    let store = Store::open(Config::new(&data)).expect("opens");
    store.compact().expect("merges");
    store
}

/// What the store finds, by id.
fn found(store: &Store, query: &Query) -> BTreeSet<String> {
    let of_logs = query.signal == Signal::Logs;
    let sql = if of_logs {
        duckdb::logs(query, TimeRange::ALL, 10_000)
    } else {
        duckdb::spans(query, TimeRange::ALL, 10_000)
    };
    let sql = Sql {
        text: format!("SELECT {} AS id FROM ({})", if of_logs { "LogAttributes['n']" } else { "SpanId" }, sql.text),
        params: sql.params,
    };
    let answer = store.query(&sql, &prune(query, TimeRange::ALL), Limits::default());
    let answer = answer.unwrap_or_else(|e| panic!("{}: {e}\n{}", text(query), sql.text));
    answer
        .batches
        .iter()
        .flat_map(|b| b.column(0).as_string::<i32>().iter().flatten().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn check(store: &Store, world: &World, query: &Query) -> usize {
    let (found, expected) = (found(store, query), oracle::found(world, query.signal, &query.filter));
    let missing: Vec<_> = expected.difference(&found).collect();
    let extra: Vec<_> = found.difference(&expected).collect();
    assert!(missing.is_empty() && extra.is_empty(), "{}\n{query:?}\nmissing {missing:?}, extra {extra:?}", text(query));
    found.len()
}

/// What ClickHouse finds, by id.
fn found_there(engine: &mut Engine, query: &Query) -> BTreeSet<String> {
    let (id, sql) = if query.signal == Signal::Logs {
        ("LogAttributes['n']", clickhouse::logs(&Tables::EXPORTER, query, TimeRange::ALL, 10_000))
    } else {
        ("SpanId", clickhouse::spans(&Tables::EXPORTER, query, TimeRange::ALL, 10_000))
    };
    let sql = Sql { text: format!("SELECT {id} FROM ({})", sql.text), params: sql.params };
    let rows = engine.ask(&sql).unwrap_or_else(|e| panic!("{}: {e}\n{}", text(query), sql.text));
    rows.iter().filter_map(|row| row[0].as_str().map(str::to_owned)).collect()
}

/// `SEXTANT_SEARCHES=5000` asks so many.
#[test]
fn random_searches_find_what_plain_rows_say() {
    let n: u64 = std::env::var("SEXTANT_SEARCHES").ok().and_then(|n| n.parse().ok()).unwrap_or(400);
    let world = World::new(7);
    let dir = tempfile::tempdir().expect("a directory");
    let store = store(&world, dir.path());
    let mut engine = Engine::start(&world, dir.path());
    let (mut n_some, mut n_rows) = (0, 0);
    for seed in 0..n {
        let query = random::query(seed);
        let written = text(&query);
        let parsed = parse(query.signal, &written).unwrap_or_else(|e| panic!("seed {seed}: {written}: {e}"));
        assert_eq!(parsed, query, "seed {seed}: {written}");
        let found = check(&store, &world, &query);
        let there = found_there(&mut engine, &query);
        assert_eq!(there, oracle::found(&world, query.signal, &query.filter), "seed {seed} in ClickHouse: {written}");
        n_some += u64::from(found > 0);
        n_rows += found;
    }
    assert!(n_some * 3 > n && n_rows > 0, "conditions should meet something: {n_some} of {n}, {n_rows} rows");
}

/// Each line: signal, tab, search. The golden file has what each becomes: the search as we would write it, or the error
/// with its place and its hint; its SQL; how many rows. `SEXTANT_BLESS=1` writes it anew.
#[test]
fn the_corpus_means_what_it_did() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/language");
    let corpus = std::fs::read_to_string(folder.join("corpus.tsv")).expect("the corpus");
    let world = World::new(7);
    let dir = tempfile::tempdir().expect("a directory");
    let store = store(&world, dir.path());
    let mut engine = Engine::start(&world, dir.path());
    let mut out = String::new();
    let (mut n, mut n_some) = (0, 0);
    for line in corpus.lines().filter(|l| !l.is_empty() && !l.starts_with('#')) {
        let (signal, search) = line.split_once('\t').expect("signal and search");
        let signal = Signal::from_name(signal).expect("a signal");
        n += 1;
        out += &format!("{line}\n");
        let query = match parse(signal, search) {
            Ok(query) => query,
            Err(e) => {
                out +=
                    &format!("  error {}..{}: {}; {}\n", e.at.start, e.at.end, e.message, e.hint.unwrap_or_default());
                continue;
            }
        };
        let again = text(&query);
        assert!(
            parse(signal, &again).is_ok_and(|q| text(&q) == again),
            "{search} is written as {again}, which is something else"
        );
        out += &format!("  means {again}\n");
        let sql = match (&query.aggregate, signal) {
            (Some(aggregate), _) => duckdb::aggregate(&query, aggregate, TimeRange::ALL, 1_000),
            (None, Signal::Traces) => duckdb::spans(&query, TimeRange::ALL, 1_000),
            (None, Signal::Logs) => duckdb::logs(&query, TimeRange::ALL, 1_000),
            (None, Signal::Metrics) => duckdb::metrics(&query, TimeRange::ALL, 1_000),
        };
        let condition = match query.aggregate {
            Some(_) => sql.text.as_str(),
            None => sql.text.split_once(" WHERE ").map_or(sql.text.as_str(), |(_, c)| c),
        };
        let params: Vec<String> = sql.params.iter().map(|p| format!("{p:?}")).collect();
        out += &format!("  sql {condition}\n  params [{}]\n", params.join(", "));
        let there = match (&query.aggregate, signal) {
            (Some(aggregate), _) => clickhouse::aggregate(&Tables::EXPORTER, &query, aggregate, TimeRange::ALL, 1_000),
            (None, Signal::Traces) => clickhouse::spans(&Tables::EXPORTER, &query, TimeRange::ALL, 1_000),
            (None, Signal::Logs) => clickhouse::logs(&Tables::EXPORTER, &query, TimeRange::ALL, 1_000),
            (None, Signal::Metrics) => clickhouse::metrics(&Tables::EXPORTER, &query, TimeRange::ALL, 1_000),
        };
        let condition = match query.aggregate {
            Some(_) => there.text.as_str(),
            None => there.text.split_once(" WHERE ").map_or(there.text.as_str(), |(_, c)| c),
        };
        out += &format!("  clickhouse {condition}\n");
        let there_rows = engine.ask(&there).unwrap_or_else(|e| panic!("{search}: {e}\n{}", there.text));
        let copied = engine.ask(&Sql::plain(clickhouse::inlined(&there))).unwrap_or_else(|e| panic!("{search}: {e}"));
        assert_eq!(copied.len(), there_rows.len(), "{search} with its values in their places");
        let rows = store.query(&sql, &prune(&query, TimeRange::ALL), Limits::default());
        let rows = rows.unwrap_or_else(|e| panic!("{search}: {e}\n{}", sql.text));
        if query.aggregate.is_some() && signal != Signal::Metrics {
            assert_eq!(numbers(&rows.batches), numbers_there(&there_rows), "{search} in ClickHouse\n{}", there.text);
        }
        if query.aggregate.is_some() {
            // The first figures themselves.
            let first = rows.batches.first().map(|b| b.slice(0, b.num_rows().min(6)));
            let shown = first.map(|b| figures_text(&b)).unwrap_or_default();
            out += &format!("  figures {shown}\n");
        }
        let rows = rows.n_rows();
        let is_plain = signal != Signal::Metrics && !asks(&query.filter, has_other_columns);
        if query.aggregate.is_none() && is_plain && !asks(&query.filter, has_patterns) {
            assert_eq!(check(&store, &world, &query), rows, "{search}");
        }
        if is_plain {
            assert_eq!(there_rows.len(), rows, "{search} in ClickHouse\n{}", there.text);
        }
        n_some += usize::from(rows > 0);
        out += &format!("  rows {rows}\n");
    }
    assert!(n >= 300 && n_some >= 150, "{n} searches, {n_some} of them find something");
    let golden = folder.join("corpus.golden");
    if std::env::var_os("SEXTANT_BLESS").is_some() {
        std::fs::write(&golden, &out).expect("writes");
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    let differs = expected.lines().zip(out.lines()).find(|(a, b)| a != b);
    assert!(out == expected, "the corpus means something else: {differs:?}; if that is right: SEXTANT_BLESS=1");
}

/// All cells that are numbers, rounded, row by row.
fn numbers(batches: &[RecordBatch]) -> Vec<Vec<String>> {
    use arrow::compute::cast;
    use arrow::datatypes::{DataType, Float64Type};
    let column = |c: &arrow::array::ArrayRef| c.data_type().is_numeric().then(|| cast(c, &DataType::Float64).ok())?;
    let of_batch = |batch: &RecordBatch| {
        let columns: Vec<_> = batch.columns().iter().filter_map(column).collect();
        let cell =
            |c: &arrow::array::ArrayRef, row| c.is_valid(row).then(|| c.as_primitive::<Float64Type>().value(row));
        (0..batch.num_rows()).map(|row| columns.iter().map(|c| rounded(cell(c, row))).collect()).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of_batch).collect()
}

fn rounded(n: Option<f64>) -> String {
    n.map_or_else(|| "NULL".to_owned(), |n| format!("{n:.9e}"))
}

/// The same of ClickHouse's rows; groups are text there as here.
fn numbers_there(rows: &[Vec<serde_json::Value>]) -> Vec<Vec<String>> {
    let cell = |value: &serde_json::Value| match value {
        serde_json::Value::Number(n) => Some(rounded(n.as_f64())),
        serde_json::Value::Null => Some(rounded(None)),
        _ => None,
    };
    rows.iter().map(|row| row.iter().filter_map(cell).collect()).collect()
}

/// Rows as text, floats rounded.
fn figures_text(batch: &RecordBatch) -> String {
    use arrow::util::display::{ArrayFormatter, FormatOptions};
    let cell = |column: &arrow::array::ArrayRef, row: usize| {
        let floats = column.as_primitive_opt::<arrow::datatypes::Float64Type>();
        match floats.filter(|c| c.is_valid(row)) {
            Some(c) => format!("{:.6e}", c.value(row)),
            None => ArrayFormatter::try_new(column.as_ref(), &FormatOptions::default())
                .map_or_else(|e| e.to_string(), |f| f.value(row).to_string()),
        }
    };
    let rows =
        (0..batch.num_rows()).map(|row| batch.columns().iter().map(|c| cell(c, row)).collect::<Vec<_>>().join(", "));
    rows.collect::<Vec<_>>().join(" | ")
}

/// Whether some field and what is asked of it is such.
fn asks(expr: &Expr, such: fn(&Field, &Test) -> bool) -> bool {
    fn in_set(set: &SpanSet, such: fn(&Field, &Test) -> bool) -> bool {
        match set {
            SpanSet::Spans(expr) => asks(expr, such),
            SpanSet::Both(a, b) | SpanSet::Either(a, b) => in_set(a, such) || in_set(b, such),
            SpanSet::Under { above, below, .. } => in_set(above, such) || in_set(below, such),
        }
    }
    match expr {
        Expr::And(terms) | Expr::Or(terms) => terms.iter().any(|term| asks(term, such)),
        Expr::Not(inner) => asks(inner, such),
        Expr::Field(field, test) => such(field, test),
        Expr::Set(set) => in_set(set, such),
        _ => false,
    }
}

/// Columns that the plain rows have not.
fn has_other_columns(field: &Field, _: &Test) -> bool {
    matches!(field, Field::Column(name) if !name.contains("Attributes."))
}

/// The regular expressions of plain rows are simple ones.
fn has_patterns(_: &Field, test: &Test) -> bool {
    matches!(test, Test::Matches(pattern) if pattern.contains(['|', '[', '\\', '+', '?', '(']))
}
