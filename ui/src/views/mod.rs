//! One module a screen.

pub(crate) mod bundle;
pub(crate) mod chart;
pub(crate) mod compare;
pub(crate) mod cost;
pub(crate) mod differs;
pub(crate) mod facets;
pub(crate) mod figures;
pub(crate) mod home;
pub(crate) mod ledger;
pub(crate) mod logs;
pub(crate) mod metrics;
pub(crate) mod report;
pub(crate) mod services;
pub(crate) mod sources;
pub(crate) mod sql;
pub(crate) mod states;
pub(crate) mod status;
pub(crate) mod trace;
pub(crate) mod traces;

use crate::app::State;
use crate::asks::Slot;
use crate::commands::Do;
use crate::data::{bytes, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect};
use eframe::egui::{Rect, Shape, Stroke, Ui, pos2};
use sextant_contract::{Completeness, Period, SearchAsk, SearchKind};

/// The search and period of the route.
pub(crate) fn search(state: &State, kind: SearchKind, limit: usize) -> SearchAsk {
    let (from, to) = state.route.period();
    let period = Period { from: Some(from), to: Some(to) };
    SearchAsk { kind, query: state.route.query.clone(), period, limit, explain: false }
}

/// A name for a question about the route's search and period: the end of a live period is not part of it.
pub(crate) fn key(state: &State, what: &str) -> String {
    let route = &state.route;
    match route.fixed {
        Some(fixed) => format!("{what} {}{} {fixed:?}", route.source, route.query),
        None => format!("{what} {}{} last {}", route.source, route.query, route.minutes),
    }
}

/// How many rows are asked for; more once that was wanted.
pub(crate) fn limit(state: &State) -> usize {
    let name = key(state, "");
    state.more.as_ref().filter(|(of, _)| *of == name).map_or(LIMIT, |(_, limit)| *limit)
}

const LIMIT: usize = 1_000;
/// Nobody reads more rows than this one by one.
const MOST: usize = 100_000;

/// Below a table that was cut: the way to more of it. Returns what is left for the table.
pub(crate) fn more(ui: &Ui, state: &mut State, r: Rect, is_cut: bool) -> Rect {
    let limit = limit(state);
    if !is_cut || limit >= MOST {
        return r;
    }
    let kit = Kit::new(ui, state.theme);
    let strip = rect(r.left(), r.bottom() - 36.0, r.width(), 36.0);
    kit.hline(strip.left(), strip.top(), strip.width(), kit.t.hair);
    let text = format!("These are the newest {}.", thousands(limit as i64));
    let mut x = kit.text(strip.left() + 12.0, strip.top() + 22.5, Font::Regular(12.0), kit.t.text, &text) + 12.0;
    let name = key(state, "");
    for (text, wanted) in [("Load 1,000 more", limit + 1_000), ("Load 10,000 more", limit + 10_000)] {
        let b = Button { text, is_small: true, ..Button::default() };
        if button(&kit, x, strip.top() + 7.0, b).clicked() {
            state.more = Some((name.clone(), wanted.min(MOST)));
        }
        x += b.width(&kit) + 8.0;
    }
    r.with_max_y(strip.top())
}

/// How far the keys ask a page of cards to scroll.
pub(crate) fn scrolled(state: &mut State, page: f32) -> f32 {
    let moves = [
        (Do::Down, 48.0),
        (Do::Up, -48.0),
        (Do::PageDown, page * 0.8),
        (Do::PageUp, page * -0.8),
        (Do::Last, 1e6),
        (Do::First, -1e6),
    ];
    moves.into_iter().map(|(what, by)| if state.takes(what) { by } else { 0.0 }).sum()
}

/// At the foot of a table whose answer lacks something: what, and a way to ask again. Returns what is left for the table.
pub(crate) fn partial(ui: &Ui, state: &mut State, r: Rect, slot: &Slot) -> Rect {
    let Some(Completeness::Partial { reason }) = slot.get().map(|a| &a.completeness) else { return r };
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let strip = rect(r.left(), r.bottom() - 28.0, r.width(), 28.0);
    kit.fill(strip, t.warn_bg);
    kit.hline(strip.left(), strip.top(), strip.width(), t.warn);
    let (x, bl) = (strip.left() + 12.0, strip.top() + 18.0);
    kit.paint.add(Shape::convex_polygon(
        vec![pos2(x + 5.5, bl - 9.0), pos2(x + 11.0, bl + 1.0), pos2(x, bl + 1.0)],
        t.warn,
        Stroke::NONE,
    ));
    let x = kit.text(x + 16.0, bl, Font::Semibold(12.0), t.warn, "Not whole") + 8.0;
    let b = Button { text: "Ask again", is_small: true, ..Button::default() };
    let right = strip.right() - 10.0 - b.width(&kit);
    let words = shortened(reason);
    kit.text_in(x, bl, right - 12.0 - x, Font::Regular(12.0), t.strong, &words);
    kit.row(rect(x, strip.top(), right - 12.0 - x, 28.0), ("partial", &words)).on_hover_text(reason);
    if button(&kit, right, strip.top() + 3.0, b).clicked() {
        state.asks.again();
    }
    r.with_max_y(strip.top())
}

/// A reason without the folders of the files in it.
fn shortened(reason: &str) -> String {
    let last = |word: &str| {
        if word.starts_with('/') { word.rsplit('/').next().unwrap_or(word).to_owned() } else { word.to_owned() }
    };
    reason.split(' ').map(last).collect::<Vec<_>>().join(" ")
}

/// What every answer says at the foot: complete or not, scanned, time, generation.
pub(crate) fn report(state: &mut State, showing: Vec<String>, slot: &Slot) {
    // What is said last is what is on the screen.
    state.status.parts = vec![showing];
    let Some(answer) = slot.get() else { return };
    let word = match &answer.completeness {
        Completeness::Complete => "complete".to_owned(),
        Completeness::Limited { .. } => "cut to the newest".to_owned(),
        Completeness::Partial { .. } => "not whole".to_owned(),
    };
    state.status.parts.push(vec!["Answer".into(), word]);
    let cost = answer.cost;
    let took = vec!["Query".into(), crate::data::duration(cost.took_micros as i64 * 1_000)];
    if !state.route.source.is_empty() {
        let rows = thousands(cost.n_rows_scanned as i64);
        let read = format!("{rows} rows, {} there", bytes(cost.n_bytes_scanned));
        state.status.parts.extend([vec!["Read".into(), read], took]);
        return;
    }
    let segments = format!("{} of {} segments", cost.n_segments, cost.n_segments_total);
    let scanned = match cost.n_segments_total {
        0 => vec!["Scanned".into(), "memory".into()],
        _ => vec!["Scanned".into(), format!("{}, {segments}", bytes(cost.n_bytes_scanned))],
    };
    state.status.parts.push(scanned);
    state.status.parts.push(took);
    state.status.parts.push(vec!["Generation".into(), thousands((answer.generation & 0xffff_ffff) as i64)]);
}
