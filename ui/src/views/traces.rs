//! Traces: when and how long, as points; and as a table with the share of each service.

use super::facets::{self, Facet};
use super::home::time_scale;
use super::{key, report, search, states};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{Row, clock, counted, duration, row, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, area, button, chip, rect};
use crate::route::{Route, View};
use eframe::egui::{self, Id, Rect, Response, ScrollArea, Sense, Ui, UiBuilder, pos2, vec2};
use sextant_charts::{Point, Points, Scene};
use sextant_contract::{Answer, Ask, SearchKind};
use std::collections::HashMap;

/// Which row is selected, and in which order rows are.
#[derive(Debug, Default)]
pub(crate) struct State {
    selected: usize,
    is_longest_first: bool,
    /// What was chosen in the plot.
    brush: Option<Brush>,
}

/// A part of the plot.
#[derive(Debug, Clone, Copy)]
struct Brush {
    times: (i64, i64),
    durations: (i64, i64),
}

impl Brush {
    fn has(&self, point: &Point) -> bool {
        let is_in = |value: i64, ends: (i64, i64)| value >= ends.0 && value <= ends.1;
        is_in(point.time, self.times) && is_in(point.duration.max(1_000), self.durations)
    }
}

const FACETS: [Facet; 6] = [
    ("Status", "status"),
    ("Service", "service"),
    ("Operation", "name"),
    ("Kind", "kind"),
    ("http.response.status_code", "http.response.status_code"),
    ("rpc.grpc.status_code", "rpc.grpc.status_code"),
];

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let limit = super::limit(state);
    let wanted = search(state, SearchKind::Traces, limit);
    let name = key(state, &format!("traces {limit}"));
    let is_live = state.route.is_live();
    let slot = state.asks.ask(ui.ctx(), &name, is_live, || Ask::Search(wanted));
    let (facets, r) = facets::divide(state, main);
    if let Some(column) = facets {
        facets::show(ui, state, column, SearchKind::Spans, &FACETS);
    }
    let n = slot.get().map_or(0, Answer::n_rows);
    tabs(&Kit::new(ui, state.theme), r, n);
    let plot = rect(r.left(), r.top() + 36.0, r.width(), 226.0);
    let legend = rect(r.left(), plot.bottom(), r.width(), 32.0);
    let table = Rect::from_min_max(pos2(r.left(), legend.bottom()), r.right_bottom());
    state.status.keys =
        vec![("j", "down"), ("k", "up"), ("Enter", "open"), ("Q", "facets"), ("/", "search"), ("?", "keys")];
    if let Some(e) = &slot.error {
        return states::error(&Kit::new(ui, state.theme), Rect::from_min_max(plot.left_top(), r.right_bottom()), e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), Rect::from_min_max(plot.left_top(), r.right_bottom()));
    };
    if state.takes(Do::Order) {
        state.traces.is_longest_first = !state.traces.is_longest_first;
    }
    if state.takes(Do::Close) {
        state.traces.brush = None;
    }
    let order = order(&answer, &state.traces);
    legend_bar(&Kit::new(ui, state.theme), legend, &answer, &order, state.traces.brush.is_some());
    scatter(ui, state, plot, &answer);
    let table = super::more(ui, state, table, n >= limit && state.traces.brush.is_none());
    list(ui, state, table, &answer, &order);
    let shown = thousands(n as i64);
    let showing = if state.traces.brush.is_some() {
        let chosen = format!("{} of {shown}", thousands(order.len() as i64));
        vec!["Showing".into(), chosen, "traces, those in the selection".into()]
    } else if n >= limit {
        vec!["Showing the newest".into(), shown, "traces that match".into()]
    } else {
        vec!["Showing".into(), format!("{shown} of {shown}"), "traces that match".into()]
    };
    report(state, showing, &slot);
}

fn order(answer: &Answer, state: &State) -> Vec<usize> {
    let mut order: Vec<usize> = match state.brush {
        Some(brush) => rows(answer).enumerate().filter(|(_, r)| brush.has(&point(*r))).map(|(i, _)| i).collect(),
        None => (0..answer.n_rows()).collect(),
    };
    if state.is_longest_first {
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

/// Duration over time, an error as a cross on top. A click opens a trace; a drag over points keeps those in the table.
fn scatter(ui: &Ui, state: &mut App, r: Rect, answer: &Answer) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let plot = rect(r.left() + 56.0, r.top() + 14.0, r.width() - 76.0, 168.0);
    kit.fill(plot, t.bg_app);
    let scale = time_scale(&kit, plot, state.route.period());
    let list: Vec<Point> = rows(answer).map(point).collect();
    let points = Points { area: area(plot), list: &list, scale };
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

fn point(row: Row<'_>) -> Point {
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
    let clear = Button { text: "Clear", key: Some("Esc"), is_small: true, is_quiet: true, ..Button::default() };
    let (count, errors) = (thousands(n as i64), counted(n_errors, "error"));
    let words = " in selection";
    let w = kit.width(Font::MonoSemibold(11.0), &count)
        + kit.width(Font::Regular(12.0), words)
        + kit.width(Font::Regular(12.0), &errors)
        + clear.width(kit)
        + 44.0;
    let card = rect(plot.right() - 2.0 - w, plot.top() + 8.0, w, 28.0);
    kit.round(card, 6, t.bg_raised);
    kit.border(card, 6, t.strong_line);
    let bl = card.top() + 18.0;
    let mut x = kit.text(card.left() + 10.0, bl, Font::MonoSemibold(11.0), t.strong, &count);
    x = kit.text(x, bl, Font::Regular(12.0), t.text, words) + 12.0;
    kit.text(x, bl, Font::Regular(12.0), if n_errors > 0 { t.error } else { t.weak }, &errors);
    if button(kit, card.right() - 8.0 - clear.width(kit), card.top() + 3.0, clear).clicked() {
        state.traces.brush = None;
    }
}

/// How many traces there are, what the marks mean, and whose colours the bars have.
fn legend_bar(kit: &Kit<'_>, r: Rect, answer: &Answer, order: &[usize], is_brushed: bool) {
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let bl = r.top() + 20.0;
    let words = if is_brushed { "in the selection" } else { "match" };
    let text = counted(order.len(), "trace");
    let mut x = kit.text(r.left() + 12.0, bl, Font::Semibold(12.0), t.strong, &format!("{text} {words}"));
    if is_brushed {
        let of = format!("of {} that match", thousands(answer.n_rows() as i64));
        x = kit.text(x + 8.0, bl, Font::Regular(12.0), t.weak, &of);
    }
    // The services that took most of the time of what is shown.
    let mut times: HashMap<String, i64> = HashMap::new();
    for shares in order.iter().filter_map(|i| row(answer, *i)).map(|r| r.pairs("Shares", "service", "self")) {
        for (name, time) in shares {
            *times.entry(name).or_default() += time;
        }
    }
    let mut services: Vec<(String, i64)> = times.into_iter().collect();
    services.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let mut right = r.right() - 12.0;
    for (name, _) in services.iter().take(5).rev() {
        let w = kit.width(Font::Regular(10.5), name) + 22.0;
        if right - w < x + 160.0 {
            break;
        }
        kit.text(right - w + 22.0, bl - 1.0, Font::Regular(10.5), t.text, name);
        chip(kit, right - w, r.top() + 9.5, name);
        right -= w + 8.0;
    }
    if services.is_empty() || right < x + 140.0 {
        return;
    }
    right = kit.text_right(right, bl, Font::Regular(12.0), t.weak, "Bar:") - 9.0;
    kit.vline(right, r.top() + 8.5, 14.0, t.strong_line);
    right = kit.text_right(right - 9.0, bl - 1.0, Font::Regular(10.5), t.text, "error") - 12.0;
    cross(kit, right, bl - 9.0);
    right = kit.text_right(right - 8.0, bl - 1.0, Font::Regular(10.5), t.text, "trace") - 8.0;
    kit.paint.circle_filled(pos2(right, bl - 4.5), 2.4, t.info);
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
    let moved = moves(state, answer, order);
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
            Kit::describe(&response, || {
                let (service, name) = (row.text("ServiceName"), row.text("SpanName"));
                format!("{service} {name}, {}, {} errors", duration(row.int("Duration")), row.int("Errors"))
            });
            trace_row(&kit, line, &x, row, longest);
        }
    });
    if state.takes(Do::Enter)
        && let Some(row) = order.get(state.traces.selected).and_then(|i| row(answer, *i))
    {
        opened = Some(row.text("TraceId").to_owned());
    }
    if let Some(id) = opened {
        open(state, &id);
    }
}

/// Moves the selection by keys; says whether it did.
fn moves(state: &mut App, answer: &Answer, order: &[usize]) -> bool {
    let last = order.len().saturating_sub(1);
    let before = state.traces.selected;
    let has_error = |place: &usize| row(answer, order[*place]).is_some_and(|r| r.int("Errors") > 0);
    let mut at = before.min(last);
    if state.takes(Do::Down) {
        at = (at + 1).min(last);
    }
    if state.takes(Do::Up) {
        at = at.saturating_sub(1);
    }
    if state.takes(Do::First) {
        at = 0;
    }
    if state.takes(Do::Last) {
        at = last;
    }
    if state.takes(Do::NextError) {
        at = (at + 1..order.len()).find(has_error).unwrap_or(at);
    }
    if state.takes(Do::PreviousError) {
        at = (0..at).rev().find(has_error).unwrap_or(at);
    }
    state.traces.selected = at;
    before != at
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
    let mut mark = Scene::default();
    mark.cross(x, y);
    kit.scene(&mark, 0.0, 0.0);
}
