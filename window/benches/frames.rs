//! A trace of 100,000 spans: how long until it stands on the screen, and our own time for each frame while one
//! scrolls, zooms and folds: thread CPU of `logic`, `ui` and tessellation. Prints percentiles; an empty app's frame is
//! printed beside them.
#![allow(clippy::print_stdout, reason = "figures are what it is for")]

use eframe::App as _;
use eframe::egui::{
    Context, Event, Key, Modifiers, MouseWheelSource, MouseWheelUnit, Pos2, RawInput, Rect, TouchPhase, pos2, vec2,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use rustix::time::{ClockId, clock_gettime};
use sextant_contract::{Backend as _, Command};
use sextant_ui::App;
use sextant_workbench::{Options, StoreConfig, Workbench};
use std::rc::Rc;
use std::time::{Duration, Instant};

const N_SPANS: u64 = 100_000;
const TRACE: [u8; 16] = [7; 16];
const START: u64 = 1_763_560_800_000_000_000;

fn text(key: &str, value: String) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value)) });
    KeyValue { key: key.into(), value, ..KeyValue::default() }
}

fn id(n: u64) -> Vec<u8> {
    (n + 1).to_be_bytes().to_vec()
}

/// A tree in which each span has up to ten children, of ten services; one in a hundred failed.
fn spans(from: u64, to: u64) -> Vec<u8> {
    let mut by_service: Vec<Vec<Span>> = vec![Vec::new(); 10];
    for n in from..to {
        let parent = n.saturating_sub(1) / 10;
        let start = START + n * 10_000;
        by_service[(n % 10) as usize].push(Span {
            trace_id: TRACE.to_vec(),
            span_id: id(n),
            parent_span_id: if n == 0 { Vec::new() } else { id(parent) },
            name: format!("operation {}", n % 37),
            kind: 1 + (n % 5) as i32,
            start_time_unix_nano: start,
            end_time_unix_nano: start + 50_000 + (N_SPANS - n) * 10_000 / (1 + n / 10),
            attributes: vec![text("http.route", format!("/things/{}", n % 100)), text("thread.name", "main".into())],
            status: (n % 100 == 99).then(|| Status { code: 2, message: "deadline exceeded".into() }),
            ..Span::default()
        });
    }
    let resource_spans = by_service.into_iter().enumerate().map(|(i, spans)| ResourceSpans {
        resource: Some(Resource {
            attributes: vec![text("service.name", format!("service-{i}"))],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans { spans, ..ScopeSpans::default() }],
        ..ResourceSpans::default()
    });
    ExportTraceServiceRequest { resource_spans: resource_spans.collect() }.encode_to_vec()
}

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

fn main() {
    let dir = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let workbench =
        Workbench::open(Options { store: StoreConfig::new(dir.path()) }, runtime.handle().clone()).expect("a store");
    for from in (0..N_SPANS).step_by(10_000) {
        let import = Command::Import { name: "trace".into(), format: Some("otlp-pb".into()), project: None };
        runtime.block_on(workbench.act(import, spans(from, from + 10_000))).expect("it is taken in");
    }
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let address = format!("#/trace?q=&from={START}&to={}&trace={}&span=", START + 1_000_000_000, hex(&TRACE));

    let mut empty = Window::new(|ctx| App::new(ctx, Rc::new(workbench.clone())));
    empty.settle();
    report("home", (0..200).map(|_| empty.frame(Vec::new())).collect());

    let mut window = Window::new(|ctx| App::new(ctx, Rc::new(workbench.clone())));
    window.settle();
    let began = Instant::now();
    window.app.open(&address);
    window.frame(Vec::new());
    window.settle();
    println!("{:<34} {:.0} ms until it is on the screen", "open 100,000 spans", began.elapsed().as_secs_f64() * 1e3);
    let letter = |text: &str| vec![Event::Text(text.into())];
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
    workbench.close();
}
