//! Loading, empty and error, the same in every view.

use crate::app::State;
use crate::commands::Do;
use crate::data::{clock, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect};
use eframe::egui::{Rect, Ui};
use sextant_contract::{Ask, AskError, Code, SearchKind};

/// A line of progress and grey rows.
pub(crate) fn loading(kit: &Kit<'_>, r: Rect) {
    kit.fill(rect(r.left(), r.top(), r.width() * 0.4, 2.0), kit.t.accent);
    let mut y = r.top() + 24.0;
    for (a, b) in [(80.0, 150.0), (110.0, 96.0), (170.0, 130.0), (96.0, 150.0), (130.0, 110.0)] {
        if y + 16.0 > r.bottom() {
            break;
        }
        kit.round(rect(r.left() + 12.0, y, a, 8.0), 2, kit.t.bg_hover);
        kit.round(rect(r.left() + 28.0 + a, y, b, 8.0), 2, kit.t.bg_hover);
        y += 24.0;
    }
}

/// Nothing matches: what was asked, what was taken away or can't be read, and the ways out.
pub(crate) fn nothing(ui: &Ui, state: &mut State, r: Rect, title: &str, signal: &str) {
    let kit = Kit::new(ui, state.theme);
    let status = state.asks.ask(ui.ctx(), "status", false, || Ask::Status);
    let object = status.get().and_then(|a| a.object.clone()).unwrap_or_default();
    let n_gone = super::status::evicted_in(&object, state.route.period(), Some(signal));
    let keep = object["retention"][signal].as_str().unwrap_or("forever").to_owned();
    let (x, y) = (r.center().x, r.top() + (r.height() * 0.25).min(120.0));
    kit.text_mid(x, y, Font::Semibold(12.0), kit.t.strong, title);
    let (from, to) = state.route.period();
    let period = format!("{} – {} UTC", clock(from, 0), clock(to, 0));
    let query = state.route.query.clone();
    kit.text_mid(x, y + 22.0, Font::Mono(11.0), kit.t.syn_string, &query);
    kit.text_mid(x, y + if query.is_empty() { 22.0 } else { 44.0 }, Font::Regular(12.0), kit.t.weak, &period);
    let mut ways = vec![("Longer period", Do::ZoomOut)];
    let unknown = unknown(ui, state, &query, signal);
    let kit = Kit::new(ui, state.theme);
    for (i, words) in unknown.iter().enumerate() {
        let bl = y + 118.0 + 20.0 * i as f32;
        kit.text_mid(x, bl, Font::Regular(12.0), kit.t.warn, words);
    }
    if n_gone > 0 {
        let why = format!("{} records around here were taken away by retention: kept for {keep}", thousands(n_gone));
        let bl = y + if query.is_empty() { 44.0 } else { 66.0 };
        kit.text_mid(x, bl, Font::Regular(12.0), kit.t.warn, &why);
        ways.push(("What is kept", Do::Status));
    }
    if !query.is_empty() {
        ways.push(("Clear the search", Do::ClearSearch));
    } else if n_gone == 0 {
        ways.push(("Run the demo shop", Do::Demo));
    }
    let all: Vec<Button<'_>> =
        ways.iter().map(|(text, _)| Button { text, is_small: true, ..Button::default() }).collect();
    let width: f32 = all.iter().map(|b| b.width(&kit) + 8.0).sum();
    let mut at = x - width / 2.0;
    for (b, (_, what)) in all.into_iter().zip(ways) {
        if button(&kit, at, y + if n_gone > 0 { 86.0 } else { 64.0 }, b).clicked() {
            state.wanted.push(what);
        }
        at += b.width(&kit) + 8.0;
    }
}

/// Fields that nobody has seen, and what was probably meant.
pub(crate) fn unknown(ui: &Ui, state: &mut State, query: &str, signal: &str) -> Vec<String> {
    if query.is_empty() {
        return Vec::new();
    }
    let kind = match signal {
        "logs" => SearchKind::Logs,
        "metrics" => SearchKind::Metrics,
        _ => SearchKind::Spans,
    };
    let name = format!("unknown {kind:?} {query} {}", state.asks.generation());
    let slot = state.asks.ask(ui.ctx(), &name, false, || Ask::Unknown { kind, query: query.to_owned() });
    let fields = slot.get().and_then(|a| a.object.as_ref()?["fields"].as_array());
    let words = |field: &serde_json::Value| {
        let name = field["field"].as_str().unwrap_or_default();
        let near = field["near"].as_str().map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("No record was seen with a field '{name}'{near}")
    };
    fields.into_iter().flatten().map(words).collect()
}

/// Why there is nothing, and what to do.
pub(crate) fn empty(kit: &Kit<'_>, r: Rect, title: &str, lines: &[&str]) {
    let x = r.center().x;
    let mut y = r.top() + (r.height() * 0.35).min(160.0);
    kit.text_mid(x, y, Font::Semibold(12.0), kit.t.strong, title);
    for line in lines {
        y += 22.0;
        kit.text_mid(x, y, Font::Regular(12.0), kit.t.weak, line);
    }
}

/// What failed, its code, and the next step; in its panel only.
pub(crate) fn error(kit: &Kit<'_>, r: Rect, e: &AskError) {
    /// Letters of a line, and lines that are shown.
    const LETTERS: f32 = 6.6;
    const LINES: usize = 6;
    if e.code == Code::Heavy {
        // The card says what would be read, and waits for a word.
        return;
    }
    let width = (r.width() - 24.0).min(720.0);
    let room = ((width - 28.0) / LETTERS).max(20.0) as usize;
    let lines: Vec<String> = crate::views::trace::wrapped(&e.message, room).take(LINES).collect();
    let hint: Vec<String> = e.hint.iter().flat_map(|h| crate::views::trace::wrapped(h, room)).take(2).collect();
    let height = 30.0 + 18.0 * (lines.len() + hint.len()) as f32;
    let banner = rect(r.left() + 12.0, r.top() + 12.0, width, height.min(r.height() - 24.0));
    kit.fill(banner, kit.t.error_bg);
    kit.fill(rect(banner.left(), banner.top(), 2.0, banner.height()), kit.t.error);
    let x = banner.left() + 14.0;
    kit.text(x, banner.top() + 20.0, Font::Semibold(12.0), kit.t.error, "This could not be answered");
    let width = banner.width() - 28.0;
    let all = lines.iter().map(|l| (l, kit.t.strong)).chain(hint.iter().map(|l| (l, kit.t.weak)));
    for (i, (line, color)) in all.enumerate() {
        kit.text_in(x, banner.top() + 38.0 + 18.0 * i as f32, width, Font::Regular(12.0), color, line);
    }
}
