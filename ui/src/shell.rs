//! Rail, top bar and status bar.

use crate::app::State;
use crate::commands::Do;
use crate::data::{bytes, clock, day, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, icon, key, rect, seg};
use crate::overlay::menu;
use crate::route::{Route, View};
use crate::runtime::now;
use crate::search;
use crate::tokens::pin_services;
use eframe::egui::{self, Rect, Stroke, Ui, pos2};
use serde_json::Value;
use sextant_contract::{Ask, size_text};

pub(crate) fn show(ui: &mut Ui, state: &mut State, whole: Rect) {
    rail(ui, state, whole);
    top(ui, state, whole);
    foot(ui, state, whole);
    away(ui, state, whole);
}

fn rail(ui: &Ui, state: &mut State, whole: Rect) {
    // Who looks at a bundle has its page; of plain files there is none, and nothing is made of them.
    let opened = crate::views::bundle::opened(ui, state);
    let is_bundle = opened.as_ref().is_some_and(|o| o["checks"].is_array());
    let is_left_out = |view: View| match view {
        View::Sources => is_bundle,
        View::Bundle => opened.is_some() && !is_bundle,
        _ => false,
    };
    let kit = Kit::new(ui, state.theme);
    let t = state.theme;
    kit.fill(rect(0.0, 0.0, 68.0, whole.height()), t.bg_app);
    kit.vline(67.0, 0.0, whole.height(), t.hair);
    kit.hline(0.0, 43.0, 67.0, t.hair);
    logo(&kit);
    let items = [
        ("home", "Home", View::Home),
        ("traces", "Traces", View::Traces),
        ("logs", "Logs", View::Logs),
        ("metrics", "Metrics", View::Metrics),
        ("services", "Services", View::Services),
        ("sql", "SQL", View::Sql),
        ("db", "Sources", View::Sources),
        ("box", "Bundle", View::Bundle),
        ("file", "Report", View::Report),
        ("bars", "Cost", View::Cost),
        ("gear", "Status", View::Status),
    ];
    let items = items.into_iter().filter(|(_, _, view)| !is_left_out(*view));
    for (i, (name, word, view)) in items.enumerate() {
        let y = 50.0 + 47.0 * i as f32;
        let is_on = state.route.view.rail() == view;
        if rail_item(&kit, y, name, word, is_on) {
            match view {
                View::Report => state.wanted.push(Do::Report),
                View::Bundle => state.wanted.push(Do::Bundle),
                view => state.open(view),
            }
        }
    }
    let y = whole.height() - 24.0 - 47.0;
    if rail_item(&kit, y, "sun", if t.is_dark { "Light" } else { "Dark" }, false) {
        state.wanted.push(Do::Theme);
    }
}

fn rail_item(kit: &Kit<'_>, y: f32, name: &str, word: &str, is_on: bool) -> bool {
    let t = kit.t;
    let r = rect(0.0, y, 67.0, 47.0);
    let response = kit.click(r, ("rail", word), word);
    if is_on {
        kit.fill(r, t.bg_raised);
        kit.fill(rect(0.0, y, 2.0, 47.0), t.accent);
    } else if response.hovered() {
        kit.fill(r, t.bg_hover);
    }
    let color = if is_on { t.accent } else { t.text };
    icon(kit, name, 24.5, y + 7.0, 18.0, 1.4, color);
    kit.text_mid(33.5, y + 37.0, Font::Medium(10.5), if is_on { t.strong } else { t.text }, word);
    response.clicked()
}

fn logo(kit: &Kit<'_>) {
    let (x, y) = (19.0, 8.0);
    let at = |px: f32, py: f32| pos2(x + px, y + py);
    let t = kit.t;
    kit.line(&[at(15.0, 3.0), at(4.5, 21.5)], 1.3, t.strong);
    kit.line(&[at(15.0, 3.0), at(25.5, 21.5)], 1.3, t.strong);
    icon(kit, "limb", x, y, 18.0, 1.3, t.strong);
    for (px, py) in [(8.2, 22.7), (11.5, 23.7), (15.0, 24.0), (18.5, 23.7), (21.8, 22.7)] {
        kit.line(&[at(px, py), at(px, py + 2.1)], 1.0, t.weak);
    }
    kit.line(&[at(15.0, 3.0), at(19.4, 23.0)], 1.8, t.accent);
    kit.paint.circle_filled(at(15.0, 3.0), 1.8, t.accent);
}

pub(crate) fn field_box(kit: &Kit<'_>, r: Rect, is_focused: bool) {
    kit.round(r, 4, kit.t.bg_raised);
    kit.border(r, 4, if is_focused { kit.t.accent } else { kit.t.strong_line });
    if is_focused {
        kit.border(r.expand(1.0), 5, kit.t.accent);
    }
}

fn top(ui: &mut Ui, state: &mut State, whole: Rect) {
    let width = whole.width();
    let t = state.theme;
    {
        let kit = Kit::new(ui, t);
        kit.fill(rect(68.0, 0.0, width - 68.0, 44.0), t.bg_app);
        kit.hline(68.0, 43.0, width - 68.0, t.hair);
    }
    if width >= WITH_SOURCE {
        source(ui, state);
    }
    // From the right: health, live, range; the search fills what is left. What there is no room for stays away.
    let status = pin_colours(ui, state);
    let mut right = width - 12.0;
    if width >= WITH_HEALTH {
        health(ui, state, width, &status);
        right = width - 103.7;
    }
    if width >= WITH_LIVE {
        right -= 134.9;
        live(ui, state, right);
        right -= 8.0;
    }
    if width >= WITH_RANGE {
        right -= 306.5;
        range(ui, state, right, 306.5);
        right -= 8.0;
    }
    let left = if width >= WITH_SOURCE { 320.0 } else { 80.0 };
    search::show(ui, state, rect(left, 8.0, (right - left).max(60.0), 28.0));
}

/// Whose records are shown: the store's own, or those of a cluster that is attached.
fn source(ui: &Ui, state: &mut State) {
    const LOCAL: &str = "Local store";
    let all = crate::views::sources::all(ui, state);
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let place = rect(80.0, 8.0, 232.0, 28.0);
    field_box(&kit, place, false);
    icon(&kit, "db", 89.0, 14.0, 15.0, 1.4, t.text);
    let now = state.route.source.clone();
    let opened = crate::views::bundle::opened(ui, state);
    let path = opened.as_ref().and_then(|o| o["path"].as_str()).map(|p| p.rsplit('/').next().unwrap_or(p));
    let (name, about) = match path {
        _ if !now.is_empty() => (now.as_str(), "ClickHouse, read-only"),
        Some(name) => (name, "read-only"),
        None => (LOCAL, "default"),
    };
    let x = kit.text_in(112.0, 26.0, 120.0, Font::Semibold(12.0), t.strong, name);
    let end = if all.is_empty() { place.right() - 8.0 } else { place.right() - 26.0 };
    kit.text_in(x + 8.0, 26.0, end - x - 8.0, Font::Regular(12.0), t.weak, about);
    if all.is_empty() && now.is_empty() {
        return;
    }
    let caret = vec![pos2(296.0, 20.0), pos2(304.0, 20.0), pos2(300.0, 25.0)];
    kit.paint.add(egui::Shape::convex_polygon(caret, t.strong, Stroke::NONE));
    let response = kit.click(place, "source", "Whose records are shown");
    let names: Vec<&str> = std::iter::once(LOCAL).chain(all.iter().filter_map(|s| s["name"].as_str())).collect();
    if let Some(chosen) = menu::show(&response, t, &names, name) {
        let source = if chosen == LOCAL { String::new() } else { chosen };
        if source != state.route.source {
            // What is open belongs to where it was: the list that led to it is there everywhere.
            let (view, none) = (state.route.view.rail(), String::new);
            let there =
                Route { view, source, trace: none(), span: none(), other: none(), part: None, ..state.route.clone() };
            state.go(there);
        }
    }
}

/// From these widths on the parts of the top bar have room.
const WITH_SOURCE: f32 = 1_100.0;
const WITH_HEALTH: f32 = 900.0;
const WITH_LIVE: f32 = 760.0;
const WITH_RANGE: f32 = 620.0;

fn live(ui: &Ui, state: &mut State, x: f32) {
    let kit = Kit::new(ui, state.theme);
    let on = usize::from(!state.route.is_live());
    let (clicked, _) = seg(&kit, x, 8.0, false, &["Live", "Paused"], on);
    if clicked.is_some_and(|c| (c == 0) != state.route.is_live()) {
        state.wanted.push(Do::Hold);
    }
}

/// How many records came in the last seconds, from the ledger.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// When, and how many there were until then.
    samples: Vec<(i64, i64)>,
}

/// The rate is that of so long.
const RATE_NANOS: i64 = 5_000_000_000;

impl Health {
    /// Takes in the number of records until now; returns records a second.
    fn rate(&mut self, received: i64) -> f64 {
        let now = now();
        if self.samples.last().is_none_or(|(_, n)| *n != received) {
            self.samples.push((now, received));
        }
        while self.samples.len() > 1 && now - self.samples[1].0 > RATE_NANOS {
            self.samples.remove(0);
        }
        let (Some(first), Some(last)) = (self.samples.first(), self.samples.last()) else { return 0.0 };
        if now - last.0 > RATE_NANOS {
            return 0.0;
        }
        (last.1 - first.1) as f64 / ((now - first.0) as f64 / 1e9).max(1.0)
    }
}

/// The colours of services, by the order in which the store saw them first.
fn pin_colours(ui: &Ui, state: &mut State) -> Value {
    let status = state.asks.ask(ui.ctx(), "status", true, || Ask::Status);
    let object = status.get().and_then(|a| a.object.clone()).unwrap_or_default();
    let first: Vec<&str> =
        object["first_services"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !first.is_empty() && pin_services(&first) {
        state.trace.forget_colours();
        ui.request_repaint();
    }
    object
}

/// The arc of health: how full the queue is, how much comes in, how long until it is durable.
fn health(ui: &Ui, state: &mut State, width: f32, object: &Value) {
    let received = object["ledger"].as_array().into_iter().flatten().filter_map(|r| r["received"].as_i64()).sum();
    let rate = if object.is_object() { state.health.rate(received) } else { 0.0 };
    if rate > 0.0 {
        ui.request_repaint_after(std::time::Duration::from_millis(500));
    }
    let size = |key: &str| object["sizes"][key].as_f64().unwrap_or(0.0);
    let read = read_of_source(ui, state);
    let (part, whole) = match read {
        Some((read, limit)) => (read as f64, limit as f64),
        None => (size("queued_bytes"), size("queue_limit_bytes")),
    };
    let fill = (part / whole.max(1.0)).clamp(0.0, 1.0) as f32;
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let (x, y) = (width - 92.0, 11.0);
    // An arc of a circle around (17, 31.28), 44.4 degrees to both sides of the vertical.
    let at = |share: f32, radius: f32| {
        let angle = (share * 2.0 - 1.0) * 44.4_f32.to_radians();
        pos2(x + 17.0 + radius * angle.sin(), y + 31.28 - radius * angle.cos())
    };
    let arc = |to: f32| (0..=24).map(|i| at(to * i as f32 / 24.0, 20.0)).collect::<Vec<_>>();
    kit.paint.line(arc(1.0), Stroke::new(3.0, t.strong_line));
    let color = if fill > 0.8 { t.warn } else { t.text };
    if fill > 0.01 {
        kit.paint.line(arc(fill), Stroke::new(3.0, color));
    }
    kit.paint.line_segment([pos2(x + 17.0, y + 25.0), at(fill, 23.0)], Stroke::new(1.5, t.accent));
    let (text, under, hint) = if let Some((read, limit)) = read {
        let hint = format!("{:.0} % of what may be read of {} since the start", fill * 100.0, state.route.source);
        (size_text(read), format!("/ {}", size_text(limit)), hint)
    } else {
        let micros = object["lag"]["durable_p50_micros"].as_i64().unwrap_or(0);
        let lag = if micros == 0 { "no lag".into() } else { format!("lag {:.0} ms", (micros as f64 / 1e3).max(1.0)) };
        let hint = format!("{:.0} % of the room for requests under way is taken", fill * 100.0);
        (format!("{} /s", thousands(rate.round() as i64)), lag, hint)
    };
    kit.text(x + 38.0, 19.0, Font::Mono(10.5), t.strong, &text);
    kit.text(x + 38.0, 31.0, Font::Regular(10.5), t.weak, &under);
    kit.row(rect(x, 6.0, 92.0, 32.0), "health").on_hover_text(hint);
}

/// The period in words.
pub(crate) fn range_text(route: &Route) -> String {
    match route.fixed {
        Some((from, to)) if day(from) == day(to) => {
            format!("{} {} – {}", day(from), clock(from, 0), clock(to, 0))
        }
        Some((from, to)) => {
            format!("{} {} – {} {}", day(from), &clock(from, 0)[..5], day(to), &clock(to, 0)[..5])
        }
        None => match route.minutes {
            m if m < 60 => format!("last {m} min"),
            m if m < 1_440 => format!("last {} h", m / 60),
            m => format!("last {} d", m / 1_440),
        },
    }
}

fn range(ui: &Ui, state: &mut State, x: f32, w: f32) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    field_box(&kit, rect(x, 8.0, w, 28.0), false);
    let (from, to) = state.route.period();
    let end = kit.text(x + 9.0, 26.0, Font::Mono(11.0), t.strong, &range_text(&state.route));
    let mut at = kit.text(end + 5.0, 26.0, Font::Regular(10.5), t.weak, "UTC");
    if state.route.is_live() {
        let exact = format!("{} – {}", &clock(from, 0)[..5], &clock(to, 0)[..5]);
        at = kit.text(at + 8.0, 26.0, Font::Mono(10.5), t.weak, &exact);
    }
    let text_area = kit.click(rect(x, 8.0, (w - 74.0).max(at - x).min(w - 74.0), 28.0), "range", "Time range");
    let caret = vec![pos2(x + w - 88.0, 20.0), pos2(x + w - 80.0, 20.0), pos2(x + w - 84.0, 25.0)];
    kit.paint.add(egui::Shape::convex_polygon(caret, t.strong, Stroke::NONE));
    if text_area.clicked() {
        state.wanted.push(Do::Period);
    }
    for (i, (name, label)) in [("left", "Earlier"), ("right", "Later"), ("zoom", "Zoom out")].into_iter().enumerate() {
        let ix = x + w - 63.0 + 22.0 * i as f32;
        let response = kit.click(rect(ix - 4.0, 10.0, 22.0, 24.0), ("range", name), label);
        let color = if response.hovered() { t.accent } else { t.strong };
        icon(&kit, name, ix, 15.0, 14.0, 1.4, color);
        if response.clicked() {
            state.wanted.push([Do::Earlier, Do::Later, Do::ZoomOut][i]);
        }
    }
    kit.vline(x + w - 72.0, 14.0, 16.0, t.strong_line);
}

/// What was read of the source that is looked at, and what may be.
fn read_of_source(ui: &Ui, state: &mut State) -> Option<(u64, u64)> {
    if state.route.source.is_empty() {
        return None;
    }
    let slot = state.asks.ask_often(ui.ctx(), "running", || Ask::Running);
    let object = slot.get().and_then(|a| a.object.clone())?;
    let one = object["read"].as_array()?.iter().find(|r| r["source"] == state.route.source.as_str())?;
    Some((one["read"].as_u64()?, one["limit"].as_u64()?))
}

/// What a source is reading for us, while it does.
fn reading(ui: &Ui, state: &mut State) -> Option<Vec<String>> {
    if state.route.source.is_empty() {
        return None;
    }
    let slot = state.asks.ask_often(ui.ctx(), "running", || Ask::Running);
    let object = slot.get().and_then(|a| a.object.clone())?;
    let one = object["running"].as_array()?.iter().find(|r| r["source"] == state.route.source.as_str())?.clone();
    let n = |key: &str| one[key].as_u64().unwrap_or(0);
    let of =
        if n("total_rows") > n("rows") { format!(" of {}", thousands(n("total_rows") as i64)) } else { String::new() };
    ui.request_repaint_after(std::time::Duration::from_secs(1));
    Some(vec!["Reading".into(), bytes(n("bytes")), "rows".into(), format!("{}{of}", thousands(n("rows") as i64))])
}

fn foot(ui: &Ui, state: &mut State, whole: Rect) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let y = whole.height() - 24.0;
    kit.fill(rect(68.0, y, whole.width() - 68.0, 24.0), t.bg_app);
    kit.hline(68.0, y, whole.width() - 68.0, t.hair);
    let bl = y + 17.0;
    let font = |i: usize| if i.is_multiple_of(2) { Font::Regular(11.0) } else { Font::Mono(11.0) };
    let width_of =
        |part: &[String]| part.iter().enumerate().map(|(i, text)| kit.width(font(i), text) + 4.0).sum::<f32>() + 21.0;
    let key_width =
        |(cap, word): &(&str, &str)| kit.width(Font::Mono(10.0), cap) + kit.width(Font::Regular(11.0), word) + 25.0;
    // What is shown and whether it is complete always stays; hints go first, then what is said last.
    let room = whole.width() - 92.0;
    let least: f32 = state.status.parts.iter().take(2).map(|p| width_of(p)).sum();
    let mut keys = state.status.keys.clone();
    while keys.len() > 1 && least + keys.iter().map(key_width).sum::<f32>() > room {
        keys.remove(0);
    }
    let taken: f32 = keys.iter().map(key_width).sum();
    let mut x = 80.0;
    if state.completing.is_wrong {
        let words = "The search has a mistake; this answers the one before";
        x = kit.text(x, bl, Font::Semibold(11.0), t.error, words) + 8.0;
        kit.vline(x, y + 6.0, 14.0, t.hair);
        x += 13.0;
    }
    let reading = reading(ui, state);
    for (place, part) in state.status.parts.iter().chain(&reading).enumerate() {
        if place >= 2 && x + width_of(part) > whole.width() - 12.0 - taken {
            break;
        }
        for (i, text) in part.iter().enumerate() {
            x = kit.text(x, bl, font(i), if i % 2 == 0 { t.text } else { t.strong }, text) + 4.0;
        }
        x += 8.0;
        kit.vline(x, y + 6.0, 14.0, t.hair);
        x += 13.0;
    }
    if state.shown.is_some() {
        let response = kit.click(rect(x - 5.0, y + 2.0, 22.0, 21.0), "foot export", "Export what is shown");
        icon(&kit, "down", x, y + 6.5, 12.0, 1.3, if response.hovered() { t.accent } else { t.weak });
        if response.on_hover_text("Export what is shown (>)").clicked() {
            state.wanted.push(Do::Export);
        }
        x += 24.0;
    }
    if state.shown.as_ref().is_some_and(|ask| crate::views::report::Parts::can_show(ask)) {
        let response = kit.click(rect(x - 5.0, y + 2.0, 22.0, 21.0), "foot add", "Add what is shown to the report");
        icon(&kit, "plus", x, y + 6.5, 12.0, 1.3, if response.hovered() { t.accent } else { t.weak });
        if response.on_hover_text("Add what is shown to the report (+)").clicked() {
            state.wanted.push(Do::AddToReport);
        }
        x += 24.0;
    }
    let mut right = whole.width() - 12.0;
    for (cap, word) in keys.iter().rev() {
        if right - key_width(&(*cap, *word)) < x {
            break;
        }
        right = kit.text_right(right, bl, Font::Regular(11.0), t.weak, word) - 4.0;
        let w = kit.width(Font::Mono(10.0), cap) + 10.0;
        key(&kit, right - w, y + 5.0, cap);
        right -= w + 11.0;
    }
}

/// Says that the other side does not answer, at the foot of the view; what is shown is what was there last.
fn away(ui: &Ui, state: &mut State, whole: Rect) {
    if state.asks.is_up() {
        return;
    }
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let r = rect(68.0, whole.height() - 52.0, whole.width() - 68.0, 28.0);
    kit.fill(r, t.error_bg);
    kit.fill(rect(r.left(), r.top(), 2.0, r.height()), t.error);
    kit.hline(r.left(), r.top(), r.width(), t.error);
    let x = kit.text(r.left() + 14.0, r.top() + 18.0, Font::Semibold(12.0), t.error, "Sextant does not answer") + 10.0;
    let words = "What you see is what was there before. It is asked again every few seconds; is the program running?";
    kit.text_in(x, r.top() + 18.0, r.right() - 110.0 - x, Font::Regular(12.0), t.strong, words);
    let b = Button { text: "Ask again", is_small: true, ..Button::default() };
    if button(&kit, r.right() - 10.0 - b.width(&kit), r.top() + 3.0, b).clicked() {
        state.asks.again();
    }
    ui.request_repaint_after(std::time::Duration::from_secs(5));
}
