//! What a sample says everything would come to, held against everything really written so. `SEXTANT_LONG=1` takes more rows and reads
//! no more than one row group in twenty.

#![allow(clippy::float_cmp, clippy::print_stdout, reason = "counts of bytes are whole; what was measured is printed")]

use arrow::array::RecordBatch;
use sextant_columns::{Compression, PACKINGS, Sizes, Writing, sorted, stored, tried};
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_importers::otlp;
use sextant_model::{Signal, Table};
use sextant_simulators::{Change, Effect, Measured, Order, Reading, Rewrite, Sample, Shape, Shaping, Source};
use std::fs::File;
use std::path::Path;

/// Rows of a table of the shop's traffic, in files of so many rows.
fn rows(table: Table, n_files: usize, n_rows: usize) -> Vec<RecordBatch> {
    let n_spans = (n_files * n_rows * if table == Table::Traces { 11 } else { 40 } / 10) as u64;
    let mut batches = Vec::new();
    for request in Shop::new(&ShopConfig { seed: 8, n_spans, end: 1_763_560_800_000_000_000 }) {
        let Some(signal) = Signal::ALL.into_iter().find(|s| request.path.ends_with(s.name())) else { continue };
        if signal == table.signal() {
            let decoded = otlp::decode(signal, &request.body, 0).expect("it is read");
            let of = decoded.batches.into_iter().filter(|b| b.table == table);
            batches.extend(of.map(|b| stored(table, &b.rows).expect("columns of the store")));
        }
    }
    let all = arrow::compute::concat_batches(batches[0].schema_ref(), &batches).expect("one batch");
    let n_files = n_files.min(all.num_rows() / n_rows);
    let file = |i| sorted(table, &[all.slice(i * n_rows, n_rows)]).expect("sorted");
    assert!(n_files > 0, "{} rows", all.num_rows());
    (0..n_files).map(file).collect()
}

const PROMOTED: [&str; 2] = ["http.route", "http.request.method"];

fn how(compression: Compression, n: usize) -> Writing {
    Writing { compression, n_rows: n as u64, promoted: PROMOTED.map(str::to_owned).to_vec() }
}

fn write(dir: &Path, table: Table, files: &[RecordBatch]) -> Vec<Source> {
    use sextant_columns::{SegmentFooter, SegmentWriter};
    let one = |(i, rows): (usize, &RecordBatch)| {
        let path = dir.join(format!("{}-{i}.parquet", table.name()));
        let compression = Compression::Merged;
        let out = File::create(&path).expect("a file");
        let mut writer = SegmentWriter::new(out, table, &how(compression, rows.num_rows())).expect("begins");
        writer.write(rows).expect("writes");
        let footer = SegmentFooter {
            table,
            project: "default".into(),
            epoch: 1,
            bucket: "2025-11-19".into(),
            n_rows: 0,
            times: (0, 0),
            tier: "merged".into(),
            origins: String::new(),
            replaces: None,
        };
        let written = writer.finish(footer).expect("ends");
        if let Some(index) = written.index {
            std::fs::write(path.with_extension("idx"), index).expect("an index");
        }
        Source { path, compression }
    };
    files.iter().enumerate().map(one).collect()
}

fn all(sizes: &Sizes) -> f64 {
    sizes.values().sum::<u64>() as f64
}

/// Everything written otherwise, column by column.
fn really(table: Table, files: &[RecordBatch], change: &Change) -> Sizes {
    let mut sum = Sizes::new();
    for rows in files {
        let mut how = how(change.compression.unwrap_or(Compression::Merged), rows.num_rows());
        if let Some(promoted) = &change.promoted {
            how.promoted.clone_from(promoted);
        }
        let mut rows = rows.clone();
        for shape in &change.shapes {
            how.promoted.retain(|key| !(shape.key == *key && shape.how == Shaping::Drop));
            rows = shaped(&rows, shape);
        }
        let rows = ordered(table, &rows, change.order);
        for (name, n) in tried(&[rows], table, &how).expect("it is written") {
            *sum.entry(name).or_default() += n;
        }
    }
    sum
}

/// Attributes of a row dropped or cut, by hand.
fn shaped(rows: &RecordBatch, shape: &Shape) -> RecordBatch {
    sextant_columns::reshaped(rows, &|key| key == shape.key, &|_, value| match shape.how {
        Shaping::Drop => None,
        Shaping::Truncate(n) => Some(value.chars().take(n).collect()),
        Shaping::Hash => unreachable!("it is not asked for here"),
    })
    .expect("maps")
}

fn ordered(table: Table, rows: &RecordBatch, order: Order) -> RecordBatch {
    use arrow::compute::{SortColumn, lexsort_to_indices, take_record_batch};
    let names: &[&str] = match order {
        Order::AsItIs => return rows.clone(),
        Order::Time => &[table.time_column()],
        Order::Trace => &["TraceId", table.time_column()],
        Order::Operation => &["ServiceName", "SpanName", table.time_column()],
    };
    let columns: Vec<SortColumn> = names
        .iter()
        .filter_map(|name| rows.column_by_name(name))
        .map(|values| SortColumn { values: values.clone(), options: None })
        .collect();
    take_record_batch(rows, &lexsort_to_indices(&columns, None).expect("sorted")).expect("rows")
}

fn changes(table: Table) -> Vec<(String, Change)> {
    let mut changes: Vec<(String, Change)> = PACKINGS
        .iter()
        .map(|(name, compression)| {
            ((*name).to_owned(), Change { compression: Some(*compression), ..Change::default() })
        })
        .collect();
    for (name, order) in Order::ALL {
        if order != Order::Operation || table == Table::Traces {
            changes.push((format!("by {name}"), Change { order, ..Change::default() }));
        }
    }
    let shape = |key: &str, how| Shape { signal: None, key: key.to_owned(), how };
    let shapes = vec![shape("http.route", Shaping::Drop), shape("service.version", Shaping::Drop)];
    changes.push(("without two attributes".into(), Change { shapes, ..Change::default() }));
    let shapes = vec![shape("host.name", Shaping::Truncate(3))];
    changes.push(("cut".into(), Change { shapes, ..Change::default() }));
    let promoted = vec!["server.address".to_owned(), "host.name".to_owned(), "http.route".to_owned()];
    changes.push(("other columns".into(), Change { promoted: Some(promoted), ..Change::default() }));
    changes
}

#[test]
fn a_sample_says_what_everything_comes_to() {
    let is_long = std::env::var_os("SEXTANT_LONG").is_some();
    let (n_files, n_rows) = if is_long { (160, 12_000) } else { (24, 1_500) };
    let dir = tempfile::tempdir().expect("a directory");
    let mut worst = (0.0_f64, 0.0_f64);
    let (mut before, mut after) = (vec![0.0; 32], vec![0.0; 32]);
    for table in [Table::Traces, Table::Logs] {
        let files = rows(table, n_files, n_rows);
        let sources = write(dir.path(), table, &files);
        let reading = Reading { part: 0.05, at_least: 8, most_rows: 400_000 };
        let sample = Sample::of(table, &sources, &[], reading).expect("a sample");
        assert_eq!((sample.n_groups_read(), sample.n_unreadable), (8, 0));
        assert_eq!(sample.n_rows, files.iter().map(|f| f.num_rows() as u64).sum::<u64>());
        // As they are, nothing is estimated.
        let disk = |source: &Source| {
            [source.path.clone(), source.path.with_extension("idx")]
                .map(|p| p.metadata().expect("a file").len())
                .iter()
                .sum::<u64>()
        };
        assert_eq!(all(&sample.stored), sources.iter().map(disk).sum::<u64>() as f64);
        for (i, (name, change)) in changes(table).iter().enumerate() {
            let (told, is) = (sample.with(change).expect("told"), really(table, &files, change));
            let off = all(&told) / all(&is) - 1.0;
            println!("{table} {name}: {:.0} told, {:.0} written, {:+.2} %", all(&told), all(&is), off * 100.0);
            before[i] += all(&told);
            after[i] += all(&is);
            worst.0 = worst.0.max(off.abs());
            assert!(off.abs() <= 0.05, "{table} {name}: {off}");
            for (column, n) in is.iter().filter(|(_, n)| **n as f64 > all(&is) / 100.0) {
                let off = told.get(column).copied().unwrap_or(0) as f64 / *n as f64 - 1.0;
                worst.1 = worst.1.max(off.abs());
                assert!(off.abs() <= 0.1, "{table} {name} {column}: {off}");
            }
        }
        println!("{table}: {} rows in {} row groups, {} read", sample.n_rows, sample.n_groups, sample.n_read());
    }
    for (told, is) in before.iter().zip(&after).filter(|(_, is)| **is > 0.0) {
        assert!((told / is - 1.0).abs() <= 0.03, "{told} {is}");
    }
    println!("at worst {:.2} % of a signal, {:.2} % of a column", worst.0 * 100.0, worst.1 * 100.0);
}

#[test]
fn rows_that_are_in_no_file_are_measured_too() {
    let hot = rows(Table::Traces, 4, 1_000);
    let sample =
        Sample::of(Table::Traces, &[], &hot, Reading { most_rows: 1_000, ..Reading::default() }).expect("a sample");
    let n: usize = hot.iter().map(RecordBatch::num_rows).sum();
    // Whole pieces out of all parts.
    assert!(sample.n_rows == n as u64 && (950..=1_000).contains(&sample.n_read()), "{}", sample.n_read());
    let course = sextant_simulators::Course { rows: n as u64, hours: 1.0, ..sextant_simulators::Course::default() };
    let measured = Measured::of(Signal::Traces, course, &[sample], true).expect("measured");
    assert!(measured.ratio > 2.0 && measured.ratio < 40.0, "{}", measured.ratio);
    let raw: f64 = measured.columns.iter().map(|c| c.raw_bytes).sum();
    assert!((raw - measured.raw_bytes).abs() < 1.0);
    // What is packed harder is smaller, and nothing is larger than not packed.
    let of = |name: &str| measured.packings.iter().find(|p| p.name == name).and_then(|p| p.stored_bytes).expect(name);
    assert!(measured.packings.iter().all(|p| p.raw_bytes > 0.0), "{:?}", measured.packings);
    assert!(
        of("none") > of("lz4") && of("lz4") > of("zstd-3") && of("zstd-9") < of("zstd-3") * 1.05,
        "{:?}",
        measured.packings
    );
    // What is the same in each row takes no room, and what is tried is what changes.
    let saved: Vec<f64> = measured.attributes.iter().filter_map(|a| a.stored_bytes).collect();
    assert!(saved.len() > 2 && saved.iter().all(|n| *n < measured.stored_bytes / 2.0), "{:?}", measured.attributes);
    assert!(saved.iter().filter(|n| **n > 0.0).count() > 2, "{:?}", measured.attributes);
}

#[test]
fn what_goes_costs_nothing() {
    let files = rows(Table::Traces, 3, 800);
    let sample = |files: &[RecordBatch]| Sample::of(Table::Traces, &[], files, Reading::default()).expect("a sample");
    let keys: Vec<String> = sample(&files).raw_by_key().into_keys().collect();
    let drop = |key: &String| Shape { signal: None, key: key.clone(), how: Shaping::Drop };
    let rewrite = Rewrite { shapes: keys.iter().map(drop).collect(), ..Rewrite::default() };
    let left = Effect::of(&rewrite, &[sample(&files)]).expect("an effect");
    let attributes: f64 = sample(&files).raw_by_key().values().map(|(raw, _)| raw).sum();
    let all: f64 = sample(&files).raw().values().sum();
    // Each entry's type goes with it.
    assert!((1.0 - left.raw) * all >= attributes && left.raw < 0.9 && left.stored < 1.0, "{left:?}");
    let same = Effect::of(&Rewrite::default(), &[sample(&files)]).expect("an effect");
    assert!((same.raw - 1.0).abs() < 1e-9 && (same.stored - 1.0).abs() < 1e-3, "{same:?}");
}
