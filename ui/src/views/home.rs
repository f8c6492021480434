//! Home: how to send, what arrived, whether every record is accounted for.

use crate::app::State as App;
use crate::commands::Do;
use crate::data::{bytes, counted, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, area, button, icon, rect, seg, service};
use crate::route::N_STEPS;
use crate::route::{Route, View};
use crate::views::facets::with_value;
use crate::views::ledger::{ledger_card, trouble};
use eframe::egui::{Color32, Rect, ScrollArea, Stroke, Ui, UiBuilder, pos2, vec2};
use serde_json::Value;
use sextant_charts::{Bars, Ink, Lane, Scale, Scene};
use sextant_contract::{Ask, Period};

/// Which form the lines to copy have.
#[derive(Debug, Default)]
pub(crate) struct State {
    form: usize,
}

const FORMS: [&str; 3] = ["Shell", ".env", "Docker"];
/// Parts of the arrival chart.
const N_BUCKETS: u32 = N_STEPS as u32;

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let is_live = state.route.is_live();
    let status = state.asks.ask(ui.ctx(), "status", true, || Ask::Status);
    let (from, to) = state.route.period();
    let period = Period { from: Some(from), to: Some(to) };
    let name = super::key(state, "senders");
    let senders = state.asks.ask(ui.ctx(), &name, is_live, || Ask::Senders { period, n_buckets: N_BUCKETS });
    let object = status.get().and_then(|a| a.object.clone()).unwrap_or_default();
    let n_senders = senders.get().map_or(0, sextant_contract::Answer::n_rows);
    let shown = senders.period(&state.route);
    let scrolled = super::scrolled(state, main.height());
    let mut child = ui.new_child(UiBuilder::new().id_salt("home").max_rect(main));
    child.set_clip_rect(main);
    ScrollArea::vertical().auto_shrink(false).id_salt("home").show_viewport(&mut child, |ui, _| {
        let dy = ui.min_rect().top() - main.top();
        let is_narrow = main.width() < NARROW;
        let bottom = if is_narrow { LEFT_BOTTOM } else { main.bottom().max(LEFT_BOTTOM) };
        let (left, right) = columns(main, dy, is_narrow);
        ui.scroll_with_delta(vec2(0.0, -scrolled));
        headline(ui, state, main, dy, &senders, &object);
        send_card(ui, state, left, &object);
        ledger_card(&Kit::new(ui, state.theme), left.translate(vec2(0.0, 204.0)), &object);
        files_card(ui, state, left, bottom + dy);
        arrivals_card(&Kit::new(ui, state.theme), right, &senders, &object, shown);
        let is_up = state.asks.is_up();
        listening_card(&Kit::new(ui, state.theme), right, &object, is_up);
        let end = if is_narrow { right.top() - 104.0 + LEFT_BOTTOM } else { bottom + dy };
        // As long as its rows, within reason: what does not fit is counted.
        let rows_end = right.top() - 104.0 + SENDERS_TOP + 30.0 * n_senders.min(MAX_SENDERS) as f32 + 32.0;
        let end = end.max(rows_end);
        senders_card(ui, state, right, end, &senders);
        ui.set_min_size(vec2(main.width() - 8.0, end - dy - main.top()));
    });
    let sizes = &object["sizes"];
    let n = |key: &str| sizes[key].as_u64().unwrap_or(0);
    let micros = object["lag"]["durable_p50_micros"].as_i64().unwrap_or(0);
    let total = thousands(n_senders as i64);
    state.status.parts = vec![
        vec!["Showing".into(), format!("{total} of {total}"), "senders".into()],
        vec![
            "Store".into(),
            bytes(n("segment_bytes")),
            "on disk,".into(),
            bytes(n("hot_bytes")),
            "not sealed yet".into(),
        ],
        vec!["Durable in".into(), if micros > 0 { crate::data::duration(micros * 1_000) } else { "—".into() }],
        vec!["Generation".into(), thousands((state.asks.generation() & 0xffff_ffff) as i64)],
    ];
    state.status.keys = vec![("j", "down"), ("k", "up"), ("/", "search"), ("Alt ←", "back")];
}

/// Below this width the cards are in one column.
const NARROW: f32 = 932.0;
/// Where the cards of a column end at least.
const LEFT_BOTTOM: f32 = 846.0;

fn columns(main: Rect, dy: f32, is_narrow: bool) -> (Rect, Rect) {
    let x = main.left() + 24.0;
    if is_narrow {
        let width = main.width() - 48.0;
        let next = LEFT_BOTTOM;
        return (rect(x, 104.0 + dy, width, main.height()), rect(x, next + dy, width, main.height()));
    }
    let width = main.width() - 44.0 - 16.0;
    let left = (width * 660.0 / 1312.0).round();
    (rect(x, 104.0 + dy, left, main.height()), rect(x + left + 16.0, 104.0 + dy, width - left, main.height()))
}

/// Whether nobody else can reach the listeners.
fn is_loopback(object: &Value) -> bool {
    let all = object["listeners"].as_object().into_iter().flatten();
    all.filter_map(|(_, a)| a.as_str()).all(|a| a.starts_with("127.") || a.starts_with("[::1]"))
}

pub(crate) fn card(kit: &Kit<'_>, r: Rect, title: &str, note: &str) {
    kit.round(r, 6, kit.t.bg_panel);
    kit.border(r, 6, kit.t.hair);
    kit.text(r.left() + 17.0, r.top() + 30.0, Font::Semibold(13.0), kit.t.strong, title);
    kit.text_right(r.right() - 17.0, r.top() + 28.0, Font::Regular(10.5), kit.t.weak, note);
}

fn headline(ui: &Ui, state: &mut App, main: Rect, dy: f32, senders: &crate::asks::Slot, object: &Value) {
    let kit = Kit::new(ui, state.theme);
    let n = senders.get().map(sextant_contract::Answer::n_rows);
    let last = senders.get().into_iter().flat_map(rows).map(|r| r.int("last_seen")).max().unwrap_or(0);
    let is_new = crate::runtime::now() - last < 60_000_000_000;
    let title = match n {
        None => "Sextant".to_owned(),
        Some(0) => "Ready to receive".to_owned(),
        Some(n) if is_new => format!("Receiving from {}", counted(n, "service")),
        Some(n) => format!("{} sent in this period", counted(n, "service")),
    };
    let words = if is_loopback(object) {
        "on this machine only. Nothing leaves it."
    } else {
        "Other machines may send here, with a key."
    };
    let (title, words, color) = match trouble(object, state.asks.is_up()) {
        Some((title, why)) if n.is_some() => (title, why, kit.t.warn),
        _ => (title, words.to_owned(), kit.t.strong),
    };
    let x = kit.text(92.0, 82.0 + dy, Font::Semibold(15.0), color, &title);
    let room = main.right() - 470.0 - x;
    if room > 120.0 {
        kit.text_in(x + 8.0, 81.0 + dy, room, Font::Regular(12.0), kit.t.weak, &words);
    }
    let mut right = main.right() - 24.0;
    let buttons = [
        (Button { text: "Run the demo shop", icon: Some("play"), ..Button::default() }, Do::Demo),
        (Button { text: "Open files", icon: Some("file"), key: Some("Ctrl O"), ..Button::default() }, Do::OpenFiles),
        (Button { text: "Open traces", icon: Some("traces"), ..Button::default() }, Do::Traces),
    ];
    for (b, what) in buttons {
        right -= b.width(&kit);
        if right < x + 12.0 {
            break;
        }
        if button(&kit, right, 64.0 + dy, b).clicked() {
            state.wanted.push(what);
        }
        right -= 8.0;
    }
}

/// What to write beside the lines, for each form.
const NOTES: [&str; 3] = [
    "No key is needed on loopback. Off this machine, one is.",
    "No key is needed on loopback. Off this machine, one is.",
    "With --network host: only this machine is listened to.",
];

fn lines(form: usize, endpoint: &str, protocol: &str) -> Vec<(&'static str, &'static str, String)> {
    let prefix = ["export ", "", "-e "][form];
    vec![
        (prefix, "OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{endpoint}")),
        (prefix, "OTEL_EXPORTER_OTLP_PROTOCOL", protocol.into()),
        (prefix, "OTEL_SERVICE_NAME", "checkout".into()),
    ]
}

fn send_card(ui: &Ui, state: &mut App, column: Rect, object: &Value) {
    let dy = column.top() - 104.0;
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let r = rect(column.left(), dy + 104.0, column.width(), 188.0);
    card(&kit, r, "Point your SDK here", "");
    let widths: f32 = FORMS.iter().map(|f| kit.width(Font::Medium(11.0), f).round() + 16.0).sum::<f32>() + 4.0;
    if let (Some(clicked), _) = seg(&kit, r.right() - 17.0 - widths, dy + 118.0, true, &FORMS, state.home.form) {
        state.home.form = clicked;
    }
    let listener = |name: &str| object["listeners"][name].as_str();
    let (address, protocol) = match (listener("otlp-grpc"), listener("otlp-http")) {
        (None, Some(http)) => (http, "http/protobuf"),
        (grpc, _) => (grpc.unwrap_or("127.0.0.1:4317"), "grpc"),
    };
    let lines = lines(state.home.form, address, protocol);
    let area = rect(r.left() + 17.0, dy + 149.0, r.width() - 34.0, 92.0);
    kit.round(area, 4, t.bg_app);
    kit.border(area, 4, t.strong_line);
    for (i, (prefix, name, value)) in lines.iter().enumerate() {
        let y = dy + 150.0 + 30.0 * i as f32;
        let mut x = kit.text(area.left() + 11.0, y + 19.0, Font::Mono(12.0), t.weak, prefix);
        x = kit.text(x, y + 19.0, Font::Mono(12.0), t.accent, name);
        x = kit.text(x, y + 19.0, Font::Mono(12.0), t.weak, "=");
        kit.text_in(x, y + 19.0, area.right() - 34.0 - x, Font::Mono(12.0), t.syn_string, value);
        let copy = rect(area.right() - 25.0, y + 7.0, 14.0, 14.0);
        let response = kit.click(copy.expand(5.0), ("copy", i), &format!("Copy {name}"));
        icon(&kit, "copy", copy.left(), copy.top(), 14.0, 1.4, if response.hovered() { t.accent } else { t.weak });
        if response.clicked() {
            ui.copy_text(format!("{prefix}{name}={value}"));
        }
        if i < 2 {
            kit.hline(area.left() + 1.0, y + 29.0, area.width() - 2.0, t.hair);
        }
    }
    let all = Button { text: "Copy all three", icon: Some("copy"), is_primary: true, ..Button::default() };
    if button(&kit, r.left() + 17.0, dy + 251.0, all).clicked() {
        let text: Vec<String> = lines.iter().map(|(p, n, v)| format!("{p}{n}={v}")).collect();
        ui.copy_text(text.join("\n"));
    }
    let mut x = r.left() + 17.0 + all.width(&kit) + 8.0;
    let test = Button { text: "Send a test span", ..Button::default() };
    if button(&kit, x, dy + 251.0, test).clicked() {
        state.wanted.push(Do::TestSpan);
    }
    x += test.width(&kit) + 14.0;
    let note = NOTES[state.home.form];
    kit.text_in(x, dy + 268.0, r.right() - 12.0 - x, Font::Regular(12.0), t.weak, note);
}

/// Formats of files, as users call them.
const FORMATS: [(&str, &str); 4] = [
    ("OTLP JSON", "one export request, or one a line as the Collector's file exporter writes them"),
    ("OTLP protobuf", "export requests, also with their lengths before them"),
    ("Zipkin v2 JSON", "an array of spans"),
    ("gzip, zstd", "any of these, compressed"),
];

/// What can be opened instead of being sent.
fn files_card(ui: &Ui, state: &mut App, column: Rect, bottom: f32) {
    let dy = column.top() - 104.0;
    let r = Rect::from_min_max(pos2(column.left(), dy + 574.0), pos2(column.right(), bottom - 24.0));
    if r.height() < 150.0 {
        return;
    }
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    card(&kit, r, "Open something instead", "or drop files anywhere in this window");
    for (i, (name, what)) in FORMATS.into_iter().enumerate() {
        let y = r.top() + 43.0 + 30.0 * i as f32;
        if y + 30.0 > r.bottom() - 44.0 {
            break;
        }
        icon(&kit, "file", r.left() + 17.0, y + 7.7, 14.0, 1.4, t.text);
        kit.text(r.left() + 39.0, y + 19.0, Font::Mono(11.0), t.strong, name);
        kit.text_in(r.left() + 160.0, y + 19.0, r.width() - 176.0, Font::Regular(12.0), t.text, what);
        kit.hline(r.left() + 1.0, y + 29.0, r.width() - 2.0, t.hair);
    }
    let choose = Button { text: "Choose files", icon: Some("file"), ..Button::default() };
    if button(&kit, r.left() + 17.0, r.bottom() - 38.0, choose).clicked() {
        state.wanted.push(Do::OpenFiles);
    }
}

/// Records of all senders in each part of the period.
fn arrivals(senders: &crate::asks::Slot) -> Vec<i64> {
    let mut all = vec![0; N_BUCKETS as usize];
    for row in senders.get().into_iter().flat_map(rows) {
        for (bucket, n) in row.pairs("counts", "bucket", "n") {
            if let Some(place) = bucket.parse::<usize>().ok().and_then(|b| all.get_mut(b)) {
                *place += n;
            }
        }
    }
    all
}

fn arrivals_card(
    kit: &Kit<'_>,
    column: Rect,
    senders: &crate::asks::Slot,
    status: &serde_json::Value,
    (from, to): (i64, i64),
) {
    let dy = column.top() - 104.0;
    let t = kit.t;
    let r = rect(column.left(), dy + 104.0, column.width(), 188.0);
    card(kit, r, "Arriving", "");
    let counts = arrivals(senders);
    let total: i64 = counts.iter().sum();
    let note = format!("{} records", thousands(total));
    kit.text_right(r.right() - 17.0, dy + 133.0, Font::MonoSemibold(12.0), t.strong, &note);
    let plot = rect(r.left() + 53.0, dy + 153.0, r.width() - 72.0, 92.0);
    for share in [0.0, 0.5, 1.0] {
        kit.hline(plot.left(), (plot.bottom() - share * plot.height()).floor(), plot.width(), t.hair);
    }
    let parts: Vec<Vec<(i64, Ink)>> = counts.iter().map(|n| vec![(*n, Ink::Bar)]).collect();
    // What is left of other signals is drawn over it.
    super::status::hatch_zones(kit, plot, (from, to), status, None);
    let mut bars = Scene::default();
    Bars { lanes: vec![Lane { area: area(plot), counts: &parts, gap: 1.0 }] }.draw(&mut bars);
    kit.scene(&bars, 0.0, 0.0);
    time_scale(kit, plot, (from, to));
    let mut end = Scene::default();
    end.index(plot.right(), plot.top() - 4.0, plot.height() + 4.0);
    kit.scene(&end, 0.0, 0.0);
    if total == 0 && senders.get().is_some() {
        let was_there = super::status::evicted_in(status, (from, to), None) > 0;
        let words = if was_there { "What was here was taken away by retention." } else { "Nothing in this period." };
        let width = kit.width(Font::Regular(12.0), words);
        kit.fill(rect(plot.left() + 8.0, plot.center().y - 14.0, width + 8.0, 20.0), t.bg_panel);
        kit.text(plot.left() + 12.0, plot.center().y, Font::Regular(12.0), t.weak, words);
    }
}

/// A time axis under `plot`.
pub(crate) fn time_scale(kit: &Kit<'_>, plot: Rect, period: (i64, i64)) -> Scale {
    let scale = bare_time_scale(kit, plot, period);
    crate::marks::draw(kit, plot, period);
    scale
}

/// The same without notes and deployments, for plots that draw those themselves, over what takes clicks.
pub(crate) fn bare_time_scale(kit: &Kit<'_>, plot: Rect, (from, to): (i64, i64)) -> Scale {
    let major = Scale::time_step((to - from) as f64, 7.0);
    let scale = Scale {
        x: plot.left(),
        y: plot.bottom().floor(),
        w: plot.width(),
        ends: (from as f64, to as f64),
        major,
        per: 10,
        is_up: false,
        readout: None,
    };
    let digits = if major < 60e9 { 8 } else { 5 };
    let mut scene = Scene::default();
    scale.draw(&mut scene, |at| crate::data::clock(at as i64, 0)[..digits].to_owned());
    kit.scene(&scene, 0.0, 0.0);
    scale
}

fn listening_card(kit: &Kit<'_>, column: Rect, object: &Value, is_up: bool) {
    let dy = column.top() - 104.0;
    let t = kit.t;
    let names = [
        ("OTLP gRPC", "otlp-grpc"),
        ("OTLP HTTP", "otlp-http"),
        ("Zipkin v2", "zipkin"),
        ("Workbench API, browser UI", "http"),
    ];
    let r = rect(column.left(), dy + 308.0, column.width(), 138.0);
    card(kit, r, "Listening", if is_loopback(object) { "loopback only" } else { "also for other machines" });
    for (i, (title, name)) in names.iter().enumerate() {
        let bl = dy + 365.0 + 24.0 * i as f32;
        let address = object["listeners"][*name].as_str().filter(|_| is_up);
        let (color, dot) = if address.is_some() { (t.strong, t.ok) } else { (t.weak, Color32::TRANSPARENT) };
        kit.paint.circle(
            pos2(r.left() + 21.5, bl - 4.0),
            3.5,
            dot,
            Stroke::new(1.0, if address.is_some() { t.ok } else { t.control }),
        );
        kit.text(r.left() + 34.0, bl, Font::Regular(12.0), t.strong, title);
        let why = object["missing_listeners"][*name].as_str();
        let text = address.unwrap_or(match (is_up, why) {
            (false, _) => "not known",
            (_, Some(_)) => "port taken",
            _ => "off",
        });
        let color = if why.is_some() { t.warn } else { color };
        kit.text(r.left() + 209.0, bl, Font::Mono(11.0), color, text);
        if let Some(why) = why {
            kit.text_in(r.left() + 300.0, bl, r.width() - 316.0, Font::Regular(12.0), t.warn, why);
            kit.row(rect(r.left(), bl - 15.0, r.width(), 22.0), ("listener", *name)).on_hover_text(why);
        }
        if i < 3 {
            kit.hline(r.left() + 1.0, bl + 8.0, r.width() - 2.0, t.hair);
        }
    }
}

/// Where the rows of senders begin, below their card's place.
const SENDERS_TOP: f32 = 531.0;
/// More senders than this are only counted.
const MAX_SENDERS: usize = 60;

fn senders_card(ui: &Ui, state: &mut App, column: Rect, bottom: f32, senders: &crate::asks::Slot) {
    let dy = column.top() - 104.0;
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let r = Rect::from_min_max(pos2(column.left(), dy + 462.0), pos2(column.right(), bottom - 24.0));
    card(&kit, r, "Who is sending", "");
    let at = |dx: f32| r.left() + dx;
    for (dx, word) in [(17.0, "Service"), (193.0, "In this period")] {
        kit.text(at(dx), dy + 521.0, Font::Medium(11.0), t.weak, word);
    }
    for (right, word) in [(r.right() - 99.0, "Records"), (r.right() - 17.0, "Last seen")] {
        kit.text_right(right, dy + 521.0, Font::Medium(11.0), t.weak, word);
    }
    kit.hline(r.left() + 1.0, dy + 531.0, r.width() - 2.0, t.strong_line);
    if let (Some(e), None) = (&senders.error, senders.get()) {
        super::states::error(&kit, Rect::from_min_max(pos2(r.left(), dy + 532.0), r.right_bottom()), e);
        return;
    }
    let Some(answer) = senders.get() else {
        super::states::loading(&kit, Rect::from_min_max(pos2(r.left() + 1.0, dy + 532.0), r.right_bottom()));
        return;
    };
    if answer.n_rows() == 0 {
        let area = Rect::from_min_max(pos2(r.left(), dy + 540.0), r.right_bottom());
        super::states::empty(
            &kit,
            area,
            "Nobody has sent anything yet",
            &["Copy the three lines into your service's shell,", "or run the demo shop, above"],
        );
        return;
    }
    let now = crate::runtime::now();
    let mut wanted = None;
    let fits = ((r.bottom() - dy - SENDERS_TOP - 8.0) / 30.0).max(0.0) as usize;
    for (i, row) in rows(answer).take(fits).enumerate() {
        let y = dy + SENDERS_TOP + 30.0 * i as f32;
        let name = row.text("service").to_owned();
        let response = kit.row(rect(r.left() + 1.0, y, r.width() - 2.0, 30.0), ("sender", &name));
        if response.hovered() {
            kit.fill(rect(r.left() + 1.0, y + 1.0, r.width() - 2.0, 29.0), t.bg_hover);
        }
        if response.clicked() {
            wanted = Some(name.clone());
        }
        service(&kit, at(17.0), y + 20.0, 168.0, &name);
        spark(
            &kit,
            rect(at(193.0), y + 7.0, (r.width() - 193.0 - 220.0).max(60.0), 16.0),
            &row.pairs("counts", "bucket", "n"),
            &name,
        );
        kit.text_right(r.right() - 99.0, y + 19.0, Font::Mono(11.0), t.strong, &thousands(row.int("records")));
        let seconds = (now - row.int("last_seen")).max(0) as f64 / 1e9;
        let seen = if seconds < 60.0 {
            format!("{seconds:.1} s")
        } else if seconds < 3600.0 {
            format!("{:.0} min", seconds / 60.0)
        } else {
            format!("{:.0} h", seconds / 3600.0)
        };
        kit.text_right(r.right() - 17.0, y + 19.0, Font::Mono(11.0), t.text, &seen);
        kit.hline(r.left() + 1.0, y + 30.0, r.width() - 2.0, t.hair);
    }
    let more = answer.n_rows().saturating_sub(fits);
    if more > 0 {
        let words = format!("{more} more");
        kit.text_right(r.right() - 17.0, r.top() + 28.0, Font::Regular(10.5), t.weak, &words);
    }
    if let Some(name) = wanted {
        let query = with_value("", "service", &name, false);
        state.go(Route { view: View::Traces, query, ..state.route.clone() });
    }
}

fn spark(kit: &Kit<'_>, r: Rect, counts: &[(String, i64)], name: &str) {
    let mut parts = [0i64; 40];
    for (bucket, n) in counts {
        let place = bucket.parse::<usize>().unwrap_or(0) * parts.len() / N_BUCKETS as usize;
        if let Some(part) = parts.get_mut(place) {
            *part += n;
        }
    }
    let most = parts.iter().copied().max().unwrap_or(0).max(1) as f32 * 1.3;
    let points: Vec<_> = parts
        .iter()
        .enumerate()
        .map(|(i, n)| {
            pos2(r.left() + r.width() * i as f32 / (parts.len() - 1) as f32, r.bottom() - r.height() * *n as f32 / most)
        })
        .collect();
    kit.hline(r.left(), r.bottom(), r.width(), kit.t.hair);
    kit.line(&points, 1.25, kit.t.service(name));
}
