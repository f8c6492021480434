//! Traces: when and how long, as points; and as a table with the share of each service.

use super::facets::{self, Facet};
use super::home::time_scale;
use super::{key, report, search, states};
use crate::app::State as App;
use crate::data::{Row, clock, duration, duration_label, row, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, chip, rect};
use crate::route::{Route, View};
use eframe::egui::{self, Key, Rect, ScrollArea, Shape, Stroke, Ui, UiBuilder, pos2, vec2};
use sextant_contract::{Answer, Ask, SearchKind};

/// Which row is selected, and in which order rows are.
#[derive(Debug, Default)]
pub(crate) struct State {
    selected: usize,
    is_longest_first: bool,
}

const FACETS: [Facet; 6] = [
    ("Status", "status"),
    ("Service", "service"),
    ("Operation", "name"),
    ("Kind", "kind"),
    ("http.response.status_code", "http.response.status_code"),
    ("rpc.grpc.status_code", "rpc.grpc.status_code"),
];
const LIMIT: usize = 1_000;

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let wanted = search(state, SearchKind::Traces, LIMIT);
    let name = key(state, "traces");
    let is_live = state.route.is_live();
    let slot = state.asks.ask(ui.ctx(), &name, is_live, || Ask::Search(wanted));
    let has_facets = main.width() > 930.0;
    let left = if has_facets { main.left() + 232.0 } else { main.left() };
    if has_facets {
        let r = rect(main.left(), main.top(), 232.0, main.height());
        facets::show(ui, state, r, SearchKind::Spans, &FACETS);
    }
    let r = Rect::from_min_max(pos2(left, main.top()), main.right_bottom());
    let n = slot.get().map_or(0, Answer::n_rows);
    tabs(&Kit::new(ui, state.theme), r, n);
    let plot = rect(r.left(), r.top() + 36.0, r.width(), 226.0);
    let table = Rect::from_min_max(pos2(r.left(), plot.bottom()), r.right_bottom());
    state.status.keys = vec![("j", "down"), ("k", "up"), ("Enter", "open"), ("/", "search")];
    if let Some(e) = &slot.error {
        return states::error(&Kit::new(ui, state.theme), Rect::from_min_max(plot.left_top(), r.right_bottom()), e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), Rect::from_min_max(plot.left_top(), r.right_bottom()));
    };
    let order = order(&answer, state.traces.is_longest_first);
    scatter(ui, state, plot, &answer);
    list(ui, state, table, &answer, &order);
    let shown = thousands(n as i64);
    let showing = if n >= LIMIT {
        vec!["Showing the newest".into(), shown, "traces that match".into()]
    } else {
        vec!["Showing".into(), format!("{shown} of {shown}"), "traces that match".into()]
    };
    report(state, showing, &slot);
}

fn order(answer: &Answer, is_longest_first: bool) -> Vec<usize> {
    let mut order: Vec<usize> = (0..answer.n_rows()).collect();
    if is_longest_first {
        let durations: Vec<i64> = rows(answer).map(|r| r.int("Duration")).collect();
        order.sort_by_key(|i| std::cmp::Reverse(durations[*i]));
    }
    order
}

fn tabs(kit: &Kit<'_>, r: Rect, n: usize) {
    let t = kit.t;
    kit.hline(r.left(), r.top() + 35.0, r.width(), t.hair);
    let x = r.left() + 12.0;
    let bl = r.top() + 22.0;
    let at = kit.text(x, bl, Font::Medium(12.0), t.strong, "Traces");
    let end = kit.text(at + 6.0, bl, Font::Mono(10.5), t.weak, &thousands(n as i64));
    kit.fill(rect(x, r.top() + 33.0, end - x, 2.0), t.accent);
}

fn open(state: &mut App, id: &str) {
    state.go(Route { view: View::Trace, trace: id.to_owned(), span: String::new(), ..state.route.clone() });
}

/// Duration over time, an error as a cross on top.
fn scatter(ui: &Ui, state: &mut App, r: Rect, answer: &Answer) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let plot = rect(r.left() + 56.0, r.top() + 14.0, r.width() - 76.0, 168.0);
    kit.fill(plot, t.bg_app);
    let durations = || rows(answer).map(|row| row.int("Duration").max(1_000));
    let (low, high) = (durations().min().unwrap_or(1_000_000), durations().max().unwrap_or(1_000_000_000));
    let (low, high) = ((low as f64).log10() - 0.1, (high as f64 * 1.2).log10().max((low as f64).log10() + 0.5));
    let y_of = |nanos: f64| plot.bottom() - ((nanos.log10() - low) / (high - low)) as f32 * plot.height();
    for exponent in 3..=12 {
        for (factor, is_labelled) in [(1.0, true), (2.0, true), (5.0, true), (3.0, false), (4.0, false), (7.0, false)] {
            let nanos = factor * 10f64.powi(exponent);
            let y = y_of(nanos).floor();
            if y < plot.top() || y > plot.bottom() {
                continue;
            }
            let has_room = high - low < 2.5 || factor < 1.5;
            if is_labelled && has_room {
                kit.hline(plot.left(), y, plot.width(), t.hair);
                let label = duration_label(nanos as i64);
                kit.text_right(plot.left() - 8.0, y + 4.0, Font::Mono(10.5), t.weak, &label);
            } else {
                kit.hline(plot.left() - 4.0, y, 4.0, t.strong_line);
            }
        }
    }
    let (from, to) = state.route.period();
    let scale = time_scale(&kit, plot, (from, to));
    let pointer = ui.input(|i| i.pointer.hover_pos()).filter(|p| plot.contains(*p));
    let mut nearest: Option<(f32, Row<'_>)> = None;
    let inside = kit.inside(plot);
    for is_error in [false, true] {
        for row in rows(answer).filter(|r| (r.int("Errors") > 0) == is_error) {
            let p = pos2(scale.at(row.int("Timestamp") as f64), y_of(row.int("Duration").max(1_000) as f64));
            if is_error {
                for d in [vec2(3.0, 3.0), vec2(3.0, -3.0)] {
                    inside.paint.line_segment([p - d, p + d], Stroke::new(1.7, t.error));
                }
            } else {
                inside.paint.circle_filled(p, 1.9, t.info);
            }
            let distance = pointer.map_or(f32::MAX, |q| (q - p).length());
            if distance < nearest.as_ref().map_or(8.0, |n| n.0) {
                nearest = Some((distance, row));
            }
        }
    }
    let response = kit.row(plot, "scatter");
    if let Some((_, row)) = nearest {
        hint(&kit, plot, row, pointer.unwrap_or(plot.center()));
        if response.clicked() {
            let id = row.text("TraceId").to_owned();
            open(state, &id);
        }
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

/// Left edges of the columns of a table that is `w` wide.
fn columns(r: Rect) -> [f32; 8] {
    let fixed = 108.0 + 236.0 + 234.0 + 64.0 + 68.0 + 70.0 + 150.0;
    let spare = (r.width() - fixed - 210.0).max(-160.0);
    let mut x = r.left();
    let widths = [108.0, 236.0 + spare, 234.0, 64.0, 68.0, 70.0, 150.0];
    let mut edges = [x; 8];
    for (i, w) in widths.iter().enumerate() {
        x += w;
        edges[i + 1] = x;
    }
    edges
}

fn list(ui: &mut Ui, state: &mut App, r: Rect, answer: &Answer, order: &[usize]) {
    let t = state.theme;
    let x = columns(r);
    {
        let kit = Kit::new(ui, t);
        let bl = r.top() + 16.0;
        let head = |x: f32, text: &str| kit.text(x, bl, Font::Medium(11.0), t.weak, text);
        head(x[0] + 12.0, "Start (UTC)");
        head(x[1] + 8.0, "Root service and operation");
        head(x[2] + 8.0, "Duration");
        let label = if state.traces.is_longest_first { "longest first ▾" } else { "newest first ▾" };
        let end = kit.text_right(x[3] - 8.0, bl, Font::Medium(11.0), t.strong, label);
        let sort = kit.click(rect(end - 4.0, r.top(), x[3] - end, 24.0), "sort", "Sort by duration or time");
        if sort.clicked() {
            state.traces.is_longest_first = !state.traces.is_longest_first;
        }
        kit.text_right(x[4] - 8.0, bl, Font::Medium(11.0), t.weak, "Spans");
        kit.text_right(x[5] - 8.0, bl, Font::Medium(11.0), t.weak, "Errors");
        head(x[5] + 8.0, "Status");
        head(x[6] + 8.0, "Services");
        head(x[7] + 8.0, "Trace id");
        kit.hline(r.left(), r.top() + 24.0, r.width(), t.strong_line);
    }
    let body = Rect::from_min_max(pos2(r.left(), r.top() + 24.0), r.right_bottom());
    if order.is_empty() {
        let query = state.route.query.clone();
        let lines = [
            if query.is_empty() { "in this period" } else { query.as_str() },
            "Widen the period, or send something: sextant demo",
        ];
        return states::empty(&Kit::new(ui, t), body, "No trace matches", &lines);
    }
    let moved = moves(ui, state, order.len());
    let longest = rows(answer).map(|row| row.int("Duration")).max().unwrap_or(1).max(1);
    let mut child = ui.new_child(UiBuilder::new().id_salt("traces").max_rect(body));
    child.set_clip_rect(body);
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("trace-rows");
    if moved {
        area = area.vertical_scroll_offset((state.traces.selected as f32 * 24.0 - body.height() / 2.0).max(0.0));
    }
    let mut opened = None;
    area.show_rows(&mut child, 24.0, order.len(), |ui, range| {
        for place in range {
            let (line, response) = ui.allocate_exact_size(vec2(body.width(), 24.0), egui::Sense::CLICK);
            let Some(row) = row(answer, order[place]) else { continue };
            let kit = Kit::new(ui, t);
            let is_selected = place == state.traces.selected;
            if is_selected {
                kit.fill(line, t.bg_selected);
                kit.fill(rect(line.left(), line.top() + 1.0, 2.0, 23.0), t.accent);
            } else if response.hovered() {
                kit.fill(line, t.bg_hover);
            }
            if response.clicked() {
                state.traces.selected = place;
                opened = Some(row.text("TraceId").to_owned());
            }
            trace_row(&kit, line, &x, row, longest);
        }
    });
    let is_entered = !state.is_typing && ui.input(|i| i.key_pressed(Key::Enter));
    if is_entered && let Some(row) = order.get(state.traces.selected).and_then(|i| row(answer, *i)) {
        opened = Some(row.text("TraceId").to_owned());
    }
    if let Some(id) = opened {
        open(state, &id);
    }
}

/// `j` and `k`; whether the selection moved.
fn moves(ui: &Ui, state: &mut App, n: usize) -> bool {
    if state.is_typing {
        return false;
    }
    let before = state.traces.selected;
    let down = ui.input(|i| i.key_pressed(Key::J) || i.key_pressed(Key::ArrowDown));
    let up = ui.input(|i| i.key_pressed(Key::K) || i.key_pressed(Key::ArrowUp));
    if down {
        state.traces.selected = (before + 1).min(n.saturating_sub(1));
    }
    if up {
        state.traces.selected = before.saturating_sub(1);
    }
    state.traces.selected = state.traces.selected.min(n.saturating_sub(1));
    before != state.traces.selected
}

fn trace_row(kit: &Kit<'_>, line: Rect, x: &[f32; 8], row: Row<'_>, longest: i64) {
    let t = kit.t;
    let y = line.top();
    let bl = y + 16.0;
    kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
    kit.text(x[0] + 12.0, bl, Font::Mono(11.0), t.text, &clock(row.int("Timestamp"), 3));
    let root = row.text("ServiceName");
    chip(kit, x[1] + 8.0, y + 6.0, root);
    kit.text_in(x[1] + 32.0, bl, x[2] - x[1] - 40.0, Font::Regular(12.0), t.strong, row.text("SpanName"));
    let total = 128.0 * row.int("Duration") as f32 / longest as f32;
    let shares = row.pairs("Shares", "service", "self");
    let sum = shares.iter().map(|s| s.1).sum::<i64>().max(1) as f32;
    let mut at = x[2] + 8.0;
    for (name, self_time) in &shares {
        let w = total * *self_time as f32 / sum;
        if w < 0.7 {
            continue;
        }
        kit.fill(rect(at, y + 8.0, (w - 1.0).max(1.0), 8.0), t.service(name));
        at += w;
    }
    kit.text_right(x[3] - 8.0, bl, Font::Mono(11.0), t.strong, &duration(row.int("Duration")));
    kit.text_right(x[4] - 8.0, bl, Font::Mono(11.0), t.strong, &thousands(row.int("Spans")));
    let errors = row.int("Errors");
    if errors > 0 {
        let left = kit.text_right(x[5] - 8.0, bl, Font::Mono(11.0), t.error, &thousands(errors));
        cross(kit, left - 11.0, y + 8.5);
    } else {
        kit.text_right(x[5] - 8.0, bl, Font::Mono(11.0), t.weak, "0");
    }
    let status = row.text("ResponseStatus");
    let (text, color) = match (status, row.text("StatusCode")) {
        ("", "Error") => ("error", t.error),
        ("", _) => ("–", t.weak),
        (code, "Error") => (code, t.error),
        (code, _) => (code, t.text),
    };
    kit.text(x[5] + 8.0, bl, Font::Mono(11.0), color, text);
    for (i, (name, _)) in shares.iter().take(5).enumerate() {
        chip(kit, x[6] + 8.0 + 21.0 * i as f32, y + 6.0, name);
    }
    if shares.len() > 5 {
        kit.text(x[6] + 113.0, bl, Font::Mono(10.5), t.weak, &format!("+{}", shares.len() - 5));
    }
    let id = row.text("TraceId");
    kit.text(x[7] + 8.0, bl, Font::Mono(11.0), t.weak, id.get(..16).unwrap_or(id));
}

/// The mark of an error.
pub(crate) fn cross(kit: &Kit<'_>, x: f32, y: f32) {
    let stroke = Stroke::new(1.6, kit.t.error);
    kit.paint.add(Shape::line_segment([pos2(x + 1.0, y + 1.0), pos2(x + 7.0, y + 7.0)], stroke));
    kit.paint.add(Shape::line_segment([pos2(x + 7.0, y + 1.0), pos2(x + 1.0, y + 7.0)], stroke));
}
