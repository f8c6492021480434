//! Sixty days through the real store by a clock of the test's own: what comes is sealed, merged and taken away again each day, and
//! what lies there then is held against what was told on the first of them. `SEXTANT_LONG=1` takes more records, and
//! `SEXTANT_VALIDATION=DIR` writes what came of it there, as CSV and as a plot.

#![allow(clippy::print_stdout, reason = "what was measured is printed")]

use plotters::prelude::{
    BLACK, ChartBuilder, IntoDrawingArea as _, LineSeries, RED, RGBColor, SVGBackend, SeriesLabelPosition, WHITE,
};
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_importers::otlp;
use sextant_model::{Counts, Signal};
use sextant_simulators::{Book, Known, simulate_all};
use sextant_store::{Config, Ingest, Policy, Store};
use sextant_tests::{files_below, ok};
use std::path::Path;

const DAY: i64 = 86_400_000_000_000;
/// Days since 1970 of the first day, a Thursday.
const FIRST: i64 = 20_454;
/// Days that are known when it is told.
const KNOWN: usize = 28;
/// Days that are told.
const TOLD: usize = 60;
/// Days that are kept from then on.
const TTL: i64 = 21;
/// Times of a day at which something comes.
const BURSTS: i64 = 3;

/// What a day brings: more on some days of the week, more each day, and not quite what is expected.
fn spans_of(day: usize, mean: f64) -> u64 {
    let weekday = [1.15, 1.2, 1.2, 1.15, 1.1, 0.6, 0.6][(FIRST as usize + day + 3) % 7];
    let noise = 1.0 + 0.06 * (((day * 7_919 + 13) % 101) as f64 / 100.0 - 0.5);
    (mean * weekday * (1.0 + 0.004 * day as f64) * noise) as u64
}

fn open(dir: &Path) -> Store {
    Store::open(Config::new(dir)).expect("it opens")
}

/// A day comes, is sealed and merged, and what is too old goes.
fn live(store: &Store, day: usize, n_spans: u64) {
    let begin = (FIRST + day as i64) * DAY;
    for burst in 0..BURSTS {
        let end = begin + DAY / 48 + burst * (DAY - DAY / 24) / (BURSTS - 1);
        let config = ShopConfig { seed: (day as i64 * BURSTS + burst) as u64, n_spans: n_spans / BURSTS as u64, end };
        for request in Shop::new(&config) {
            let signal = Signal::ALL.into_iter().find(|s| request.path.ends_with(s.name())).expect("a signal");
            let decoded = otlp::decode(signal, &request.body, end).expect("it is read");
            let mut counts = <[Counts; 3]>::default();
            counts[signal as usize].received = decoded.batches.iter().map(|b| b.rows.num_rows() as u64).sum();
            let ingest = Ingest {
                counts,
                project: "default".into(),
                client: "shop".into(),
                protocol: "otlp-http".into(),
                received_at: end,
                batches: decoded.batches,
                ..Ingest::default()
            };
            store.ingest_wait(ingest).expect("it is taken");
        }
    }
    store.compact().expect("it is merged");
    store.apply_retention(begin + DAY, false).expect("what is too old goes");
}

/// Bytes that records take, with their indexes.
fn lies(dir: &Path) -> f64 {
    let folder = dir.join("segments");
    let files = ["parquet", "idx"].into_iter().flat_map(|extension| files_below(&folder, extension));
    files.map(|path| path.metadata().expect("its size").len() as f64).sum()
}

fn plot(path: &Path, told: &[f64], actual: &[f64]) {
    let root = SVGBackend::new(path, (860, 380)).into_drawing_area();
    root.fill(&WHITE).expect("a page");
    let most = told.iter().chain(actual).fold(0.0_f64, |most, n| most.max(*n)) / 1e6 * 1.1;
    let mut chart = ChartBuilder::on(&root)
        .margin(12)
        .x_label_area_size(36)
        .y_label_area_size(52)
        .caption("Stored at the end of each day, told on day 0 and measured", ("sans-serif", 15))
        .build_cartesian_2d(0.0..told.len() as f64, 0.0..most)
        .expect("axes");
    chart.configure_mesh().x_desc("day").y_desc("MB").light_line_style(WHITE).draw().expect("a mesh");
    let points = |of: &[f64]| of.iter().enumerate().map(|(i, n)| (i as f64, n / 1e6)).collect::<Vec<_>>();
    let line = |color: RGBColor| move |(x, y)| plotters::prelude::PathElement::new([(x, y), (x + 18, y)], color);
    chart.draw_series(LineSeries::new(points(actual), &BLACK)).expect("a line").label("measured").legend(line(BLACK));
    chart.draw_series(LineSeries::new(points(told), &RED)).expect("a line").label("told").legend(line(RED));
    let mut labels = chart.configure_series_labels();
    labels.position(SeriesLabelPosition::LowerRight).border_style(BLACK).draw().expect("labels");
    drop(labels);
    root.present().expect("a file");
}

#[test]
fn what_is_told_is_what_lies_there_later() {
    let is_long = std::env::var_os("SEXTANT_LONG").is_some();
    let mean = if is_long { 24_000.0 } else { 2_400.0 };
    let home = tempfile::tempdir().expect("a directory");
    let dir = home.path().join("data");
    let store = open(&dir);
    (0..KNOWN).for_each(|day| live(&store, day, spans_of(day, mean)));
    for signal in Signal::ALL {
        let policy = Policy {
            project: String::new(),
            signal,
            keep: Some(TTL * DAY),
            max_bytes: None,
            warm_after: None,
            cold_after: None,
            cold_dir: None,
            set_at: 0,
        };
        store.set_policy(&policy).expect("it is set");
    }
    drop(store);
    // What a user would do on this day.
    let text = ok(&["simulate", "init", "--data", &dir.to_string_lossy()]);
    let text = text.replace("days = 365", &format!("days = {TOLD}"));
    println!("{text}");
    let book = Book::shipped().unwrap_or_else(|e| panic!("{e}"));
    let outcome = simulate_all(&text, &book, &Known::default()).unwrap_or_else(|e| panic!("{e}"));
    let told: Vec<f64> = outcome.daily.iter().map(|day| day.stored_bytes).collect();
    let store = open(&dir);
    let mut actual = Vec::new();
    for day in KNOWN..KNOWN + TOLD {
        live(&store, day, spans_of(day, mean));
        actual.push(lies(&dir));
    }
    drop(store);
    let errors: Vec<f64> = told.iter().zip(&actual).map(|(told, actual)| told / actual - 1.0).collect();
    let mape = errors.iter().map(|e| e.abs()).sum::<f64>() / TOLD as f64;
    let end = errors.last().copied().unwrap_or(1.0);
    let most = errors.iter().fold(0.0_f64, |most, e| most.max(e.abs()));
    println!(
        "stored {:.1} MB at the end; off by {:.2} % in the mean of {TOLD} days, {:.2} % at most, {:.2} % at the end",
        actual.last().copied().unwrap_or(0.0) / 1e6,
        mape * 100.0,
        most * 100.0,
        end * 100.0
    );
    if let Some(out) = std::env::var_os("SEXTANT_VALIDATION") {
        let rows = told.iter().zip(&actual).enumerate();
        let rows = rows.map(|(day, (told, actual))| format!("{day},{told:.0},{actual:.0}\n")).collect::<String>();
        std::fs::write(Path::new(&out).join("course.csv"), format!("day,told_bytes,measured_bytes\n{rows}"))
            .expect("a file");
        plot(&Path::new(&out).join("course.svg"), &told, &actual);
    }
    assert!(mape <= 0.05, "{mape}: {errors:?}");
    // With more records growth makes larger files, which pack better than those that were measured.
    assert!(end.abs() <= if is_long { 0.05 } else { 0.03 }, "{end}");
}
