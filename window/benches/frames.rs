//! A large trace (`SEXTANT_SPANS`, 100,000 where it is not said): how long until it stands on the screen, and our own
//! time for each frame while one scrolls, zooms and folds: thread CPU of `logic`, `ui` and tessellation. Prints
//! percentiles; an empty app's frame is printed beside them. With `SEXTANT_DATA`, the same for the log records of a store.
#![allow(clippy::print_stdout, reason = "figures are what it is for")]

use eframe::App as _;
use eframe::egui::{
    Context, Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, Pos2, RawInput, Rect, TouchPhase, pos2, vec2,
};
use rustix::time::{ClockId, clock_gettime};
use sextant_contract::{Ask, Backend as _, Command, Period, SearchAsk, SearchKind};
use sextant_fixtures::giant::{self, TRACE};
use sextant_ui::App;
use sextant_workbench::{Options, StoreConfig, Workbench};
use std::rc::Rc;
use std::time::{Duration, Instant};

fn cpu() -> Duration {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(t.tv_sec as u64, t.tv_nsec as u32)
}

/// A window that nobody sees.
struct Window {
    ctx: Context,
    app: App,
    frame: eframe::Frame,
    time: f64,
}

impl Window {
    fn new(app: impl FnOnce(&Context) -> App) -> Self {
        let ctx = Context::default();
        let app = app(&ctx);
        Self { ctx, app, frame: eframe::Frame::_new_kittest(), time: 0.0 }
    }

    /// One frame; our own time for it.
    fn frame(&mut self, events: Vec<Event>) -> Duration {
        self.time += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, vec2(1440.0, 900.0))),
            time: Some(self.time),
            events,
            focused: true,
            ..RawInput::default()
        };
        let began = cpu();
        let output = self.ctx.run_ui(input, |ui| {
            let ctx = ui.ctx().clone();
            self.app.logic(&ctx, &mut self.frame);
            self.app.ui(ui, &mut self.frame);
        });
        let primitives = self.ctx.tessellate(output.shapes.clone(), output.pixels_per_point);
        let took = cpu().saturating_sub(began);
        std::hint::black_box(primitives.len());
        output.drop_without_applying_deltas();
        took
    }

    /// Frames until all answers are on the screen.
    fn settle(&mut self) {
        let began = Instant::now();
        while !self.app.is_settled() && began.elapsed() < Duration::from_secs(30) {
            self.frame(Vec::new());
            std::thread::sleep(Duration::from_millis(2));
        }
        self.frame(Vec::new());
    }
}

fn report(name: &str, mut took: Vec<Duration>) {
    took.sort_unstable();
    let at = |share: f64| took[((took.len() as f64 * share) as usize).min(took.len() - 1)].as_secs_f64() * 1e3;
    println!("{name:<34} p50 {:6.2} ms   p99 {:6.2} ms   max {:6.2} ms", at(0.5), at(0.99), at(1.0));
}

fn wheel(y: f32) -> Vec<Event> {
    let modifiers = Modifiers::NONE;
    vec![
        Event::PointerMoved(pos2(700.0, 500.0)),
        Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, y),
            phase: TouchPhase::Move,
            modifiers,
            source: MouseWheelSource::Unknown,
        },
    ]
}

/// Resident memory in MB.
fn memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<f64>().unwrap_or(0.0) / 1_000.0
}

fn open(dir: &std::path::Path, runtime: &tokio::runtime::Runtime) -> Workbench {
    Workbench::open(Options { store: StoreConfig::new(dir) }, runtime.handle().clone()).expect("a store")
}

fn letter(text: &str) -> Vec<Event> {
    vec![Event::Text(text.into())]
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let n_spans = std::env::var("SEXTANT_SPANS").ok().and_then(|n| n.parse().ok()).unwrap_or(100_000);
    trace(&runtime, n_spans);
    if let Some(dir) = std::env::var_os("SEXTANT_DATA") {
        logs(&runtime, std::path::Path::new(&dir));
    }
    tail(&runtime);
}

fn trace(runtime: &tokio::runtime::Runtime, n_spans: u64) {
    let dir = tempfile::tempdir().expect("a directory");
    let workbench = open(dir.path(), runtime);
    for from in (0..n_spans).step_by(10_000) {
        let import = Command::Import { name: "trace".into(), format: Some("otlp-pb".into()), project: None };
        runtime.block_on(workbench.act(import, giant::spans(from, from + 10_000, n_spans))).expect("it is taken in");
    }

    let mut empty = Window::new(|ctx| App::new(ctx, Rc::new(workbench.clone())));
    empty.settle();
    report("home", (0..200).map(|_| empty.frame(Vec::new())).collect());

    let mut window = Window::new(|ctx| App::new(ctx, Rc::new(workbench.clone())));
    window.settle();
    let before = memory();
    let began = Instant::now();
    window.app.open(&giant::address());
    window.frame(Vec::new());
    window.settle();
    let took = began.elapsed().as_secs_f64() * 1e3;
    println!(
        "{:<34} {took:.0} ms until it is on the screen, {:.0} MB more",
        format!("open {n_spans} spans"),
        memory() - before
    );
    report("fold all", (0..10).map(|_| window.frame(letter("]"))).collect());
    report("unfold all", (0..10).map(|_| window.frame(letter("["))).collect());
    report("still", (0..200).map(|_| window.frame(Vec::new())).collect());
    report("scroll", (0..600).map(|i| window.frame(wheel(if i < 500 { -900.0 } else { 1_500.0 }))).collect());
    report("zoom and pan", (0..200).map(|i| window.frame(letter(if i % 3 == 0 { "W" } else { "D" }))).collect());
    window.frame(letter("0"));
    report("next error", (0..200).map(|_| window.frame(letter("e"))).collect());
    let down = Event::Key {
        key: Key::ArrowDown,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::NONE,
    };
    report("next row", (0..200).map(|_| window.frame(vec![down.clone()])).collect());
    let find = Ask::FindSpans { trace: TRACE.into(), text: "things/77".into() };
    let began = Instant::now();
    let found = runtime.block_on(workbench.ask(find)).expect("an answer").n_rows();
    println!("{:<34} {:.0} ms, {found} spans", "find in attributes", began.elapsed().as_secs_f64() * 1e3);
    report("flame graph made", vec![window.frame(letter("2"))]);
    report("flame graph", (0..200).map(|_| window.frame(Vec::new())).collect());
    report("operations made", vec![window.frame(letter("3"))]);
    report("operations", (0..200).map(|_| window.frame(Vec::new())).collect());
    workbench.close();
}

/// Log records of a store: the first ones, scrolling, another period, completing.
fn logs(runtime: &tokio::runtime::Runtime, dir: &std::path::Path) {
    let workbench = open(dir, runtime);
    let extent = runtime.block_on(workbench.ask(Ask::Extent { kind: SearchKind::Logs })).expect("an extent");
    let rows: serde_json::Value =
        serde_json::from_str(&sextant_contract::rows_to_json(&extent.batches)).expect("a row");
    let of = |name: &str| rows[0][name].as_i64().expect("a number");
    let (first, last) = (of("first"), of("last") + 1);
    let mut window = Window::new(|ctx| App::new(ctx, Rc::new(workbench.clone())));
    window.settle();
    let mut opened = |name: &str, address: &str| {
        let began = Instant::now();
        window.app.open(address);
        window.frame(Vec::new());
        window.settle();
        println!("{name:<34} {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    };
    opened(&format!("{} logs: rows, bars, count, facets", of("n")), &format!("#/logs?q=&from={first}&to={last}"));
    let third = (last - first) / 3;
    opened("another period", &format!("#/logs?q=&from={}&to={}", first + third, last - third));
    opened("a word", &format!("#/logs?q=timeout&from={first}&to={last}"));
    opened("patterns", &format!("#/logs?q=&from={first}&to={last}&with=patterns"));
    opened("records again", &format!("#/logs?q=&from={first}&to={last}"));
    report("scroll", (0..600).map(|i| window.frame(wheel(if i < 500 { -900.0 } else { 1_500.0 }))).collect());
    window.frame(letter("/"));
    let mut completed = Vec::new();
    for text in ["s", "e", "r", "v", "i", "c", "e", ":", "c"] {
        let began = Instant::now();
        window.frame(letter(text));
        window.settle();
        completed.push(began.elapsed());
    }
    report("key press to completion (wall)", completed);
    let range = Period { from: Some(first), to: Some(last) };
    let search =
        SearchAsk { kind: SearchKind::Logs, query: String::new(), period: range, limit: 1_000, explain: false };
    let timed = |name: &str, ask: Ask| {
        let took = (0..5).map(|_| {
            let began = Instant::now();
            runtime.block_on(workbench.ask(ask.clone())).expect("an answer");
            began.elapsed()
        });
        report(name, took.collect());
    };
    timed("newest 1,000 rows (wall)", Ask::Search(search.clone()));
    let odd = SearchAsk { period: Period { from: Some(first + third + 7), to: Some(last - third) }, ..search.clone() };
    timed("histogram of a part (wall)", Ask::Histogram { search: odd, n_buckets: 90 });
    timed("histogram of all (wall)", Ask::Histogram { search, n_buckets: 90 });
    workbench.close();
}

/// Records at 5,000 a second: from their acknowledgement to the screen.
fn tail(runtime: &tokio::runtime::Runtime) {
    const BATCH: u64 = 100;
    let dir = tempfile::tempdir().expect("a directory");
    let workbench = open(dir.path(), runtime);
    let mut window = Window::new(|ctx| App::new(ctx, Rc::new(workbench.clone())));
    window.app.open("#/logs?q=&last=5&with=tail");
    window.settle();
    std::thread::sleep(Duration::from_millis(300));
    window.frame(Vec::new());
    let (sender, acked) = std::sync::mpsc::channel::<Instant>();
    let (to, handle) = (workbench.clone(), runtime.handle().clone());
    let load = std::thread::spawn(move || {
        let began = Instant::now();
        for batch in 0..500u64 {
            let record = |i: u64| {
                let time =
                    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_nanos());
                format!(
                    "{{\"timeUnixNano\":\"{time}\",\"severityNumber\":9,\"body\":{{\"stringValue\":\"request {i} of {batch} handled\"}}}}"
                )
            };
            let records: Vec<String> = (0..BATCH).map(record).collect();
            let body = format!("{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{}]}}]}}]}}", records.join(","));
            let import = Command::Import { name: "l.json".into(), format: Some("otlp-json".into()), project: None };
            handle.block_on(to.act(import, body.into_bytes())).expect("is taken in");
            sender.send(Instant::now()).expect("is listened to");
            std::thread::sleep(Duration::from_millis(20 * (batch + 1)).saturating_sub(began.elapsed()));
        }
    });
    let (mut waiting, mut lags, mut frames) = (std::collections::VecDeque::new(), Vec::new(), Vec::new());
    let mut n_batches = 0;
    while !load.is_finished() || !waiting.is_empty() {
        waiting.extend(acked.try_iter());
        frames.push(window.frame(Vec::new()));
        let seen = window.app.n_tailed() / BATCH;
        while n_batches < seen {
            let Some(at) = waiting.pop_front() else { break };
            lags.push(Instant::now().saturating_duration_since(at));
            n_batches += 1;
        }
        if lags.len() >= 500 {
            break;
        }
        std::thread::sleep(Duration::from_millis(4));
    }
    load.join().expect("it ends");
    report("tail: acknowledged to the screen", lags);
    report("tail: frames", frames);
    workbench.close();
}
