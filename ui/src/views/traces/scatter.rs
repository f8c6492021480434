//! Duration over time, a point a trace; a part of it can be chosen and compared with the rest.

use super::{Loaded, open};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{Row, counted, duration, row, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, area, button, rect};
use crate::views::{differs, home::time_scale, status};
use eframe::egui::{self, Id, Rect, Response, Sense, Ui, pos2, vec2};
use sextant_charts::{Point, Points, Scene};
use sextant_contract::Answer;

/// A part of the plot.
#[derive(Debug, Clone, Copy)]
pub(super) struct Brush {
    pub(super) times: (i64, i64),
    pub(super) durations: (i64, i64),
}

impl Brush {
    pub(super) fn has(&self, point: &Point) -> bool {
        let is_in = |value: i64, ends: (i64, i64)| value >= ends.0 && value <= ends.1;
        is_in(point.time, self.times) && is_in(point.duration.max(1_000), self.durations)
    }
}

/// Duration over time, an error as a cross on top. A click opens a trace; a drag over points keeps those in the table.
pub(super) fn scatter(ui: &Ui, state: &mut App, r: Rect, answer: &Answer, period: (i64, i64), loaded: Loaded) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let plot = rect(r.left() + 56.0, r.top() + 14.0, r.width() - 76.0, 168.0);
    kit.fill(plot, t.bg_app);
    status::hatch(ui, state, plot, period, "traces");
    if loaded.is_cut {
        not_loaded(&kit, plot, period, answer);
    }
    let scale = time_scale(&kit, plot, period);
    let list: Vec<Point> = rows(answer).map(point).collect();
    let points = Points::new(area(plot), &list, scale);
    let mut scene = Scene::default();
    points.draw_axis(&mut scene);
    kit.scene(&scene, 0.0, 0.0);
    let mut scene = Scene::default();
    points.draw(&mut scene);
    kit.inside(plot).scene(&scene, 0.0, 0.0);
    let response = ui.interact(plot, Id::unique("scatter"), Sense::click_and_drag());
    brush(ui, state, &kit, plot, &points, &response);
    let Some(at) = response.hover_pos() else { return };
    let distance = |p: &Point| {
        let (x, y) = points.place(p);
        (pos2(x, y) - at).length()
    };
    let nearest = list.iter().map(distance).enumerate().min_by(|a, b| a.1.total_cmp(&b.1)).filter(|n| n.1 < 8.0);
    if let Some(row) = nearest.and_then(|(i, _)| row(answer, i)) {
        hint(&kit, plot, row, at);
        if response.clicked() {
            let id = row.text("TraceId").to_owned();
            open(state, &id);
        }
    }
}

pub(super) fn point(row: Row<'_>) -> Point {
    Point { time: row.int("Timestamp"), duration: row.int("Duration"), is_error: row.int("Errors") > 0 }
}

/// The part of the plot that the table is kept to: drawn, dragged, and taken away by a click beside points.
fn brush(ui: &Ui, state: &mut App, kit: &Kit<'_>, plot: Rect, points: &Points<'_>, response: &Response) {
    let t = kit.t;
    if response.dragged()
        && let (Some(from), Some(to)) = (ui.input(|i| i.pointer.press_origin()), response.interact_pointer_pos())
    {
        let dragged = Rect::from_two_pos(plot.clamp(from), plot.clamp(to));
        if dragged.width() > 3.0 {
            let time = |x: f32| points.scale.value(x) as i64;
            state.traces.brush = Some(Brush {
                times: (time(dragged.left()), time(dragged.right())),
                durations: (points.duration_at(dragged.bottom()), points.duration_at(dragged.top())),
            });
        }
    } else if response.clicked() {
        state.traces.brush = None;
    }
    let Some(brush) = state.traces.brush else { return };
    let (from, to) = brush.times;
    state.subject = Some(crate::overlay::note::Subject { from, to, what: "the selected traces".into() });
    let corner = |time: i64, duration: i64| {
        let (x, y) = points.place(&Point { time, duration, is_error: false });
        plot.clamp(pos2(x, y))
    };
    let shown = Rect::from_two_pos(corner(brush.times.0, brush.durations.0), corner(brush.times.1, brush.durations.1));
    kit.fill(shown, t.accent.gamma_multiply(0.08));
    kit.border(shown, 0, t.accent);
    for corner in [shown.left_top(), shown.right_top(), shown.left_bottom(), shown.right_bottom()] {
        let handle = Rect::from_center_size(corner, vec2(6.0, 6.0));
        kit.fill(handle, t.bg_panel);
        kit.border(handle, 0, t.accent);
    }
    let chosen = || points.list.iter().filter(|p| brush.has(p));
    let (n, n_errors) = (chosen().count(), chosen().filter(|p| p.is_error).count());
    let compare = Button {
        text: "Compare with the rest",
        key: Some("c b"),
        is_small: true,
        is_primary: true,
        ..Button::default()
    };
    let clear = Button { text: "Clear", key: Some("Esc"), is_small: true, is_quiet: true, ..Button::default() };
    let (count, errors) = (thousands(n as i64), counted(n_errors, "error"));
    let words = " in selection";
    let w = kit.width(Font::MonoSemibold(11.0), &count)
        + kit.width(Font::Regular(12.0), words)
        + kit.width(Font::Regular(12.0), &errors)
        + clear.width(kit)
        + compare.width(kit)
        + 56.0;
    let above = rect(plot.right() - 2.0 - w, plot.top() + 8.0, w, 28.0);
    let card =
        if above.expand(8.0).intersects(shown) { above.translate(vec2(0.0, plot.height() - 44.0)) } else { above };
    kit.round(card, 6, t.bg_raised);
    kit.border(card, 6, t.strong_line);
    let bl = card.top() + 18.0;
    let mut x = kit.text(card.left() + 10.0, bl, Font::MonoSemibold(11.0), t.strong, &count);
    x = kit.text(x, bl, Font::Regular(12.0), t.text, words) + 12.0;
    kit.text(x, bl, Font::Regular(12.0), if n_errors > 0 { t.error } else { t.weak }, &errors);
    let right = card.right() - 8.0 - clear.width(kit);
    if button(kit, right, card.top() + 3.0, clear).clicked() {
        state.traces.brush = None;
    }
    if button(kit, right - 8.0 - compare.width(kit), card.top() + 3.0, compare).clicked() {
        state.wanted.push(Do::CompareBrush);
    }
}

/// The part of the period before the oldest trace that is loaded.
fn not_loaded(kit: &Kit<'_>, plot: Rect, (from, to): (i64, i64), answer: &Answer) {
    let t = kit.t;
    let oldest = rows(answer).map(|r| point(r).time).min().unwrap_or(from);
    let share = (oldest - from) as f32 / (to - from).max(1) as f32;
    let part = plot.with_max_x(plot.left() + plot.width() * share.clamp(0.0, 1.0));
    kit.fill(part, t.bg_panel);
    kit.vline(part.right(), part.top(), part.height(), t.strong_line);
    let words = "older ones match too: load more below";
    if kit.width(Font::Regular(12.0), words) + 24.0 < part.width() {
        kit.text(part.left() + 12.0, part.top() + 22.0, Font::Regular(12.0), t.weak, words);
    }
}

fn hint(kit: &Kit<'_>, plot: Rect, row: Row<'_>, at: egui::Pos2) {
    let text = format!("{} {}", row.text("ServiceName"), row.text("SpanName"));
    let figure = duration(row.int("Duration"));
    let w = kit.width(Font::Regular(12.0), &text) + kit.width(Font::Mono(11.0), &figure) + 28.0;
    let x = (at.x + 12.0).min(plot.right() - w);
    let r = rect(x, (at.y - 34.0).max(plot.top()), w, 26.0);
    kit.round(r, 4, kit.t.bg_raised);
    kit.border(r, 4, kit.t.strong_line);
    let end = kit.text(x + 10.0, r.top() + 17.0, Font::Mono(11.0), kit.t.strong, &figure);
    kit.text(end + 8.0, r.top() + 17.0, Font::Regular(12.0), kit.t.text, &text);
}

/// A bound of durations that is easily read: whole milliseconds, or microseconds for short ones.
fn rounded(nanos: i64, is_up: bool) -> String {
    let (unit, name) = if nanos >= 100_000_000 { (1_000_000, "ms") } else { (1_000, "us") };
    format!("{}{name}", nanos / unit + i64::from(is_up))
}

/// Compares some of the traces with the others.
pub(super) fn cohorts(state: &mut App, answer: &Answer, (from, to): (i64, i64)) {
    if state.takes(Do::CompareBrush)
        && let Some(Brush { times, durations }) = state.traces.brush
    {
        differs::go(
            state,
            format!("trace.duration:[{} TO {}]", rounded(durations.0, false), rounded(durations.1, true)),
            Some(times),
        );
    }
    if state.takes(Do::CompareErrors) {
        differs::go(state, "trace.errors:>0".into(), None);
    }
    if state.takes(Do::CompareSlow) {
        let mut all: Vec<i64> = rows(answer).map(|r| r.int("Duration")).collect();
        all.sort_unstable();
        let least = all.get(all.len() * 9 / 10).copied().unwrap_or(0);
        differs::go(state, format!("trace.duration:>={}", rounded(least, false)), None);
    }
    if state.takes(Do::CompareLate) {
        differs::go(state, String::new(), Some((from + (to - from) / 2, to)));
    }
}
