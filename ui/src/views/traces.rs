//! Traces: when and how long, as points; and as a table with the share of each service.

mod red;
mod scatter;

use super::facets::{self, Facet};
use super::{compare, key, report, search, states};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{Row, clock, counted, duration, row, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, chip, icon, rect};
use crate::overlay::menu;
use crate::overlay::note::Subject;
use crate::route::{Route, View};
use eframe::egui::{self, Rangef, Rect, ScrollArea, Shape, Stroke, Ui, UiBuilder, pos2, vec2};
use sextant_charts::Scene;
use sextant_contract::{Answer, Ask, SearchKind};
use std::collections::{BTreeSet, HashMap};

/// Which row is selected, and in which order rows are.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The trace that is selected; the first one if it is not there.
    selected: String,
    /// Whether the selected row has to come into sight.
    is_sought: bool,
    is_longest_first: bool,
    /// The places of columns that are not wanted.
    hidden: BTreeSet<usize>,
    /// What was chosen in the plot.
    brush: Option<scatter::Brush>,
    red: red::State,
    /// The search that the selections belong to.
    of: String,
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
    if let Some(query) = super::figures::asked(state, sextant_model::Signal::Traces) {
        return super::figures::show(ui, state, main, SearchKind::Spans, &query);
    }
    let limit = super::limit(state);
    let wanted = search(state, SearchKind::Traces, limit);
    let name = key(state, &format!("traces {limit}"));
    let is_live = state.route.is_live();
    let slot = state.asks.ask(ui.ctx(), &name, is_live, || Ask::Search(wanted));
    state.shown.clone_from(&slot.asked);
    let (facets, r) = facets::divide(state, main);
    if let Some(column) = facets {
        facets::show(ui, state, column, SearchKind::Spans, &FACETS);
    }
    let n = slot.get().map_or(0, Answer::n_rows);
    let total = if n >= limit {
        let wanted = search(state, SearchKind::Traces, limit);
        let name = key(state, "trace count");
        let count = state.asks.ask(ui.ctx(), &name, is_live, || Ask::Count(wanted));
        count.get().and_then(|a| a.object.as_ref()?["n"].as_i64())
    } else {
        Some(n as i64)
    };
    let total = total.map(|total| total.max(n as i64));
    tabs(&Kit::new(ui, state.theme), r, total.unwrap_or(n as i64));
    let plot = rect(r.left(), r.top() + 36.0, r.width(), 226.0);
    let legend = rect(r.left(), plot.bottom(), r.width(), 32.0);
    let table = Rect::from_min_max(pos2(r.left(), legend.bottom()), r.right_bottom());
    state.status.keys =
        vec![("j", "down"), ("k", "up"), ("Enter", "open"), ("Q", "facets"), ("/", "search"), ("?", "keys")];
    if let (Some(e), None) = (&slot.error, slot.get()) {
        return states::error(&Kit::new(ui, state.theme), Rect::from_min_max(plot.left_top(), r.right_bottom()), e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), Rect::from_min_max(plot.left_top(), r.right_bottom()));
    };
    let of = key(state, "");
    if state.traces.of != of {
        let State { red, hidden, is_longest_first, .. } = std::mem::take(&mut state.traces);
        state.traces = State { is_longest_first, hidden, red, of, ..State::default() };
    }
    if state.takes(Do::Order) {
        state.traces.is_longest_first = !state.traces.is_longest_first;
    }
    if state.takes(Do::Close) {
        state.traces.brush = None;
    }
    scatter::cohorts(state, &answer, slot.period(&state.route));
    let order = order(&answer, &state.traces);
    let loaded = Loaded { n, total, is_cut: n >= limit };
    legend_bar(&Kit::new(ui, state.theme), legend, &answer, &order, state.traces.brush.is_some(), loaded);
    red::show(ui, state, r.with_max_y(r.top() + 36.0), &answer, slot.period(&state.route), loaded.is_cut);
    scatter::scatter(ui, state, plot, &answer, slot.period(&state.route), loaded);
    let table = super::partial(ui, state, table, &slot);
    let table = super::more(ui, state, table, n >= limit);
    list(ui, state, table, &answer, &order, slot.is_partial());
    let shown = thousands(n as i64);
    let showing = if state.traces.brush.is_some() {
        let chosen = format!("{} of {shown}", thousands(order.len() as i64));
        vec!["Showing".into(), chosen, "traces, those in the selection".into()]
    } else if n >= limit {
        let of = total.map_or_else(|| shown.clone(), |total| format!("{shown} of {}", thousands(total)));
        vec!["Showing the newest".into(), of, "traces that match".into()]
    } else {
        vec!["Showing".into(), format!("{shown} of {shown}"), "traces that match".into()]
    };
    report(state, showing, &slot);
}

fn order(answer: &Answer, state: &State) -> Vec<usize> {
    let mut order: Vec<usize> = match state.brush {
        Some(brush) => {
            rows(answer).enumerate().filter(|(_, r)| brush.has(&scatter::point(*r))).map(|(i, _)| i).collect()
        }
        None => (0..answer.n_rows()).collect(),
    };
    if state.is_longest_first {
        let durations: Vec<i64> = rows(answer).map(|r| r.int("Duration")).collect();
        order.sort_by_key(|i| std::cmp::Reverse(durations[*i]));
    }
    order
}

/// How much of what matches is on the screen.
#[derive(Clone, Copy)]
struct Loaded {
    n: usize,
    /// Of how many, once that is known.
    total: Option<i64>,
    is_cut: bool,
}

fn tabs(kit: &Kit<'_>, r: Rect, n: i64) {
    let t = kit.t;
    kit.hline(r.left(), r.top() + 35.0, r.width(), t.hair);
    let x = r.left() + 12.0;
    let bl = r.top() + 22.0;
    let at = kit.text(x, bl, Font::Medium(12.0), t.strong, "Traces");
    let end = kit.text(at + 6.0, bl, Font::Mono(10.5), t.weak, &thousands(n));
    kit.fill(rect(x, r.top() + 33.0, end - x, 2.0), t.accent);
}

fn open(state: &mut App, id: &str) {
    state.go(Route { view: View::Trace, trace: id.to_owned(), span: String::new(), ..state.route.clone() });
}

/// How many traces there are, what the marks mean, and whose colours the bars have.
fn legend_bar(kit: &Kit<'_>, r: Rect, answer: &Answer, order: &[usize], is_brushed: bool, loaded: Loaded) {
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let bl = r.top() + 20.0;
    let words = match (is_brushed, order.len()) {
        (true, _) => "in the selection",
        (false, 1) => "matches",
        (false, _) => "match",
    };
    let text = if loaded.is_cut && !is_brushed { thousands(loaded.n as i64) } else { counted(order.len(), "trace") };
    let title = match loaded.total {
        Some(total) if loaded.is_cut && !is_brushed => format!("The newest {text} of {} traces", thousands(total)),
        None if !is_brushed => format!("The newest {text} traces"),
        _ => format!("{text} {words}"),
    };
    let mut x = kit.text(r.left() + 12.0, bl, Font::Semibold(12.0), t.strong, &title);
    if is_brushed {
        let of = if loaded.is_cut { "that are loaded" } else { "that match" };
        let of = format!("of {} {of}", thousands(answer.n_rows() as i64));
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

/// Where the columns of the table begin and end; what there is no room for has no width.
struct Columns {
    start: Rangef,
    root: Rangef,
    duration: Rangef,
    spans: Rangef,
    errors: Rangef,
    status: Rangef,
    services: Rangef,
    id: Rangef,
}

impl Columns {
    /// Those that can be hidden, and their places.
    const OPTIONAL: [(&'static str, usize); 5] =
        [("Spans", 3), ("Errors", 4), ("Status", 5), ("Services", 6), ("Trace id", 7)];

    fn of(r: Rect, hidden: &BTreeSet<usize>) -> Self {
        let mut widths = [108.0, 236.0, 234.0, 64.0, 68.0, 70.0, 150.0, 210.0];
        for place in hidden {
            widths[*place] = 0.0;
        }
        let total = |w: &[f32; 8]| w.iter().sum::<f32>();
        // The least telling go first: trace id, services, status, spans; then the bar shrinks.
        for place in [7, 6, 5, 3] {
            if total(&widths) > r.width() {
                widths[place] = 0.0;
            }
        }
        let over = (total(&widths) - r.width()).max(0.0);
        widths[2] -= over.min(110.0);
        widths[1] = (widths[1] + r.width() - total(&widths)).max(120.0);
        let mut x = r.left();
        let [start, root, duration, spans, errors, status, services, id] = widths.map(|w| {
            x += w;
            Rangef::new(x - w, x)
        });
        Self { start, root, duration, spans, errors, status, services, id }
    }
}

fn head(ui: &Ui, state: &mut App, r: Rect, x: &Columns) {
    let t = state.theme;
    let kit = Kit::new(ui, t);
    let bl = r.top() + 16.0;
    let head = |c: Rangef, text: &str| {
        if c.span() > 0.0 {
            kit.text_in(c.min + 8.0, bl, c.span() - 10.0, Font::Medium(11.0), t.weak, text);
        }
    };
    let is_longest = state.traces.is_longest_first;
    kit.text(x.start.min + 12.0, bl, Font::Medium(11.0), if is_longest { t.weak } else { t.strong }, "Start (UTC)");
    head(x.root, "Root service and operation");
    let words = if is_longest { "longest first" } else { "Duration" };
    let color = if is_longest { t.strong } else { t.weak };
    let right = x.duration.max - if is_longest { 20.0 } else { 8.0 };
    kit.text_right(right, bl, Font::Medium(11.0), color, words);
    let mark = if is_longest { x.duration.max - 16.0 } else { x.start.min + 78.0 };
    let caret = vec![pos2(mark, bl - 6.0), pos2(mark + 8.0, bl - 6.0), pos2(mark + 4.0, bl - 1.0)];
    kit.paint.add(Shape::convex_polygon(caret, t.strong, Stroke::NONE));
    for (column, label, wanted) in [(x.start, "Newest first", false), (x.duration, "Longest first", true)] {
        let area = rect(column.min, r.top(), column.span(), 24.0);
        if kit.click(area, ("sort", label), label).clicked() && is_longest != wanted {
            state.wanted.push(Do::Order);
        }
    }
    for (column, text) in [(x.spans, "Spans"), (x.errors, "Errors")] {
        if column.span() > 0.0 {
            kit.text_right(column.max - 8.0, bl, Font::Medium(11.0), t.weak, text);
        }
    }
    head(x.status, "Status");
    head(x.services, "Services");
    head(x.id, "Trace id");
    kit.hline(r.left(), r.top() + 24.0, r.width(), t.strong_line);
    let more = kit.click(rect(r.right() - 24.0, r.top() + 2.0, 20.0, 20.0), "trace columns", "Columns");
    let color = if more.hovered() { t.accent } else { t.text };
    icon(&kit, "columns", r.right() - 21.0, r.top() + 5.0, 14.0, 1.4, color);
    let is_on = |place: usize| !state.traces.hidden.contains(&place);
    let all = Columns::OPTIONAL.map(|(name, place)| (name, is_on(place)));
    if let Some(i) = menu::of_toggles(&more.on_hover_text("Which columns there are"), t, &all) {
        let place = Columns::OPTIONAL[i].1;
        if !state.traces.hidden.remove(&place) {
            state.traces.hidden.insert(place);
        }
    }
}

fn list(ui: &mut Ui, state: &mut App, r: Rect, answer: &Answer, order: &[usize], is_partial: bool) {
    let t = state.theme;
    let x = Columns::of(r, &state.traces.hidden);
    head(ui, state, r, &x);
    let body = Rect::from_min_max(pos2(r.left(), r.top() + 24.0), r.right_bottom());
    if order.is_empty() {
        let title = match (state.traces.brush.is_some(), is_partial) {
            (true, _) => "No loaded trace in the selection",
            (false, true) => "No trace that can be read matches",
            (false, false) => "No trace matches",
        };
        return states::nothing(ui, state, body, title, "traces");
    }
    let selected = moves(state, answer, order);
    let scale = BarScale::of(order.iter().filter_map(|i| row(answer, *i)).map(|r| r.int("Duration")));
    let mut child = ui.new_child(UiBuilder::new().id_salt("traces").max_rect(body));
    child.set_clip_rect(body);
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("trace-rows");
    if std::mem::take(&mut state.traces.is_sought) {
        area = area.vertical_scroll_offset((selected as f32 * 24.0 - body.height() / 2.0).max(0.0));
    }
    let (mut opened, mut asked) = (None, None);
    area.show_rows(&mut child, 24.0, order.len(), |ui, range| {
        for place in range {
            let (line, response) = ui.allocate_exact_size(vec2(body.width(), 24.0), egui::Sense::CLICK);
            let Some(row) = row(answer, order[place]) else { continue };
            let kit = Kit::new(ui, t);
            let is_selected = place == selected;
            kit.row_back(line, is_selected, response.hovered());
            if response.clicked() {
                row.text("TraceId").clone_into(&mut state.traces.selected);
                opened = Some(row.text("TraceId").to_owned());
            }
            Kit::describe(&response, || {
                let (service, name) = (row.text("ServiceName"), row.text("SpanName"));
                format!("{service} {name}, {}, {} errors", duration(row.int("Duration")), row.int("Errors"))
            });
            if let Some(what) = menu::of_row(&response, t, &ROW_MENU) {
                asked = Some((what, order[place]));
            }
            trace_row(&kit, line, &x, row, &scale);
            if state.marked.as_deref() == Some(row.text("TraceId")) {
                let badge = rect(x.root.min - 14.0, line.top() + 4.0, 16.0, 16.0);
                kit.border(badge, 2, t.accent);
                kit.text_mid(badge.center().x, badge.top() + 12.0, Font::MonoSemibold(10.0), t.accent, "B");
            }
        }
    });
    if state.takes(Do::Enter)
        && let Some(row) = order.get(selected).and_then(|i| row(answer, *i))
    {
        opened = Some(row.text("TraceId").to_owned());
    }
    let chosen = order.get(selected).and_then(|i| row(answer, *i));
    if let (Some(row), None) = (chosen, state.traces.brush) {
        let from = row.int("Timestamp");
        let what = format!("{} of {}", row.text("SpanName"), row.text("ServiceName"));
        state.subject = Some(Subject { from, to: from + row.int("Duration"), what });
    }
    let chosen = chosen.map(|r| r.text("TraceId").to_owned());
    if let Some(id) = chosen {
        if state.takes(Do::Mark) {
            compare::set_mark(state, &id);
        }
        if state.takes(Do::Compare) {
            compare::go(state, &id);
        }
    }
    if let Some(id) = opened {
        open(state, &id);
    }
    if let Some((what, row)) = asked.and_then(|(what, place)| Some((what, row(answer, place)?))) {
        of_row(ui, state, what, row);
    }
}

/// What can be done with a trace of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OfRow {
    Open,
    Logs,
    Compare,
    Mark,
    OnlyService,
    OnlyOperation,
    NotOperation,
    CopyId,
    CopyLink,
}

const ROW_MENU: [(&str, OfRow); 9] = [
    ("Open", OfRow::Open),
    ("Its logs", OfRow::Logs),
    ("Compare with a usual one", OfRow::Compare),
    ("Mark to compare with", OfRow::Mark),
    ("Only this service", OfRow::OnlyService),
    ("Only this operation", OfRow::OnlyOperation),
    ("Without this operation", OfRow::NotOperation),
    ("Copy the trace id", OfRow::CopyId),
    ("Copy the address", OfRow::CopyLink),
];

fn of_row(ui: &Ui, state: &mut App, what: OfRow, row: Row<'_>) {
    let id = row.text("TraceId");
    let mut search = |field: &str, value: &str, is_out: bool| {
        let query = facets::with_value(&state.route.query, field, value, is_out);
        state.go(Route { query, ..state.route.clone() });
    };
    match what {
        OfRow::OnlyService => search("service", row.text("ServiceName"), false),
        OfRow::OnlyOperation => search("name", row.text("SpanName"), false),
        OfRow::NotOperation => search("name", row.text("SpanName"), true),
        OfRow::Open => open(state, id),
        OfRow::Compare => compare::go(state, id),
        OfRow::Mark => compare::set_mark(state, id),
        OfRow::CopyId => ui.copy_text(id.to_owned()),
        OfRow::CopyLink => {
            let there = Route { view: View::Trace, trace: id.to_owned(), ..state.route.clone() };
            let fixed = Some(state.route.period());
            ui.copy_text(Route { fixed, span: String::new(), ..there }.to_hash());
        }
        OfRow::Logs => {
            let query = facets::with_value("", "trace", id, false);
            state.go(Route { view: View::Logs, query, ..state.route.clone() });
        }
    }
}

/// The place of the selected trace, moved by keys.
fn moves(state: &mut App, answer: &Answer, order: &[usize]) -> usize {
    let last = order.len().saturating_sub(1);
    let id = |place: usize| order.get(place).and_then(|i| row(answer, *i)).map_or("", |r| r.text("TraceId"));
    let before = (0..order.len()).find(|p| id(*p) == state.traces.selected).unwrap_or(0);
    let has_error = |place: &usize| row(answer, order[*place]).is_some_and(|r| r.int("Errors") > 0);
    let mut at = state.walk(before, last);
    if state.takes(Do::NextError) {
        at = (at + 1..order.len()).find(has_error).unwrap_or(at);
    }
    if state.takes(Do::PreviousError) {
        at = (0..at).rev().find(has_error).unwrap_or(at);
    }
    if at != before {
        id(at).clone_into(&mut state.traces.selected);
        state.traces.is_sought = true;
    }
    at
}

/// How long the bars of durations are: in proportion, or by powers of ten where a few are very long.
struct BarScale {
    longest: f64,
    is_log: bool,
}

/// So many times the middle one, the longest makes the others vanish.
const MUCH_LONGER: i64 = 40;
/// The shortest duration that has a bar on a scale of powers of ten.
const SHORTEST_BAR: f64 = 1e5;

impl BarScale {
    fn of(durations: impl Iterator<Item = i64>) -> Self {
        let mut all: Vec<i64> = durations.collect();
        all.sort_unstable();
        let (middle, longest) = (all.get(all.len() / 2).copied().unwrap_or(1), all.last().copied().unwrap_or(1));
        Self { longest: longest.max(1) as f64, is_log: longest / MUCH_LONGER > middle }
    }

    /// The share of the column's width.
    fn share(&self, nanos: i64) -> f32 {
        let nanos = nanos.max(0) as f64;
        if self.is_log {
            let part = (nanos / SHORTEST_BAR).max(1.0).log10() / (self.longest / SHORTEST_BAR).max(10.0).log10();
            part as f32
        } else {
            (nanos / self.longest) as f32
        }
    }
}

fn trace_row(kit: &Kit<'_>, line: Rect, x: &Columns, row: Row<'_>, scale: &BarScale) {
    let t = kit.t;
    let y = line.top();
    let bl = y + 16.0;
    kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
    kit.text(x.start.min + 12.0, bl, Font::Mono(11.0), t.text, &clock(row.int("Timestamp"), 3));
    chip(kit, x.root.min + 8.0, y + 6.0, row.text("ServiceName"));
    let name = row.text("SpanName");
    kit.text_in(x.root.min + 32.0, bl, x.root.span() - 40.0, Font::Regular(12.0), t.strong, name);
    let total = (x.duration.span() - 106.0).max(10.0) * scale.share(row.int("Duration"));
    let shares = row.pairs("Shares", "service", "self");
    let sum = shares.iter().map(|s| s.1).sum::<i64>().max(1) as f32;
    let mut at = x.duration.min + 8.0;
    for (name, self_time) in &shares {
        let w = total * *self_time as f32 / sum;
        if w < 0.7 {
            continue;
        }
        kit.fill(rect(at, y + 8.0, (w - 1.0).max(1.0), 8.0), t.service(name));
        at += w;
    }
    kit.text_right(x.duration.max - 8.0, bl, Font::Mono(11.0), t.strong, &duration(row.int("Duration")));
    if x.spans.span() > 0.0 {
        kit.text_right(x.spans.max - 8.0, bl, Font::Mono(11.0), t.strong, &thousands(row.int("Spans")));
    }
    let errors = row.int("Errors");
    if x.errors.span() > 0.0 {
        let color = if errors > 0 { t.error } else { t.weak };
        let left = kit.text_right(x.errors.max - 8.0, bl, Font::Mono(11.0), color, &thousands(errors));
        if errors > 0 {
            cross(kit, left - 12.0, y + 8.0);
        }
    }
    if x.status.span() > 0.0 {
        let (text, color) = match (row.text("ResponseStatus"), row.text("StatusCode")) {
            ("", "Error") => ("error", t.error),
            ("", _) => ("–", t.weak),
            (code, "Error") => (code, t.error),
            (code, _) => (code, t.text),
        };
        kit.text_in(x.status.min + 8.0, bl, 60.0, Font::Mono(11.0), color, text);
    }
    if x.services.span() > 0.0 {
        for (i, (name, _)) in shares.iter().take(5).enumerate() {
            chip(kit, x.services.min + 8.0 + 21.0 * i as f32, y + 6.0, name);
        }
        if shares.len() > 5 {
            let more = format!("+{}", shares.len() - 5);
            kit.text(x.services.min + 113.0, bl, Font::Mono(10.5), t.weak, &more);
        }
    }
    if x.id.span() > 0.0 {
        let id = row.text("TraceId");
        kit.text_in(x.id.min + 8.0, bl, x.id.span() - 14.0, Font::Mono(11.0), t.weak, id);
    }
}

/// The mark of an error.
pub(crate) fn cross(kit: &Kit<'_>, x: f32, y: f32) {
    let mut mark = Scene::default();
    mark.cross(x, y);
    kit.scene(&mark, 0.0, 0.0);
}
