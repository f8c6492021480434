//! Logs: a histogram by severity with errors and warnings in a lane of their own, and the records, newest first.

mod context;
mod list;
mod opened;
mod patterns;
mod stream;
mod tail;

use super::facets::{self, Facet};
use super::home::bare_time_scale;
use super::trace::level;
use super::{key, report, search, states};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{Row, clock, row, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, area, rect};
use crate::overlay::note::Subject;
use crate::route::{N_STEPS, Route, View};
use crate::tokens::Tokens;
use eframe::egui::{Color32, Id, Rect, Sense, Ui, pos2};
use opened::Opened;
use sextant_charts::{Bars, Ink, Lane, Scene, body};
use sextant_contract::{Answer, Ask, SearchKind};

/// Which record is open.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The record that is open, and the selected one; the first if it is not there.
    open: Option<Opened>,
    selected: Option<Record>,
    /// The search that they belong to.
    of: String,
    /// What the context is of: pod, service or trace.
    context: usize,
    /// Around which time the context was shown last, and of what.
    around: (i64, usize),
    patterns: patterns::State,
    tail: tail::State,
    stream: stream::State,
    /// Whether long messages take several lines.
    wraps: list::Wraps,
}

impl State {
    /// How many records were followed since the tail began.
    pub fn n_tailed(&self) -> u64 {
        self.tail.n_seen()
    }
}

/// What the screen shows of the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Records,
    Patterns,
    Tail,
    Stream,
}

impl Mode {
    const ALL: [(Self, &'static str, &'static str); 4] = [
        (Self::Records, "Records", ""),
        (Self::Patterns, "Patterns", "patterns"),
        (Self::Stream, "With spans", "spans"),
        (Self::Tail, "Tail", "tail"),
    ];

    fn of(route: &Route) -> Self {
        Self::ALL.iter().find(|(_, _, name)| *name == route.other).map_or(Self::Records, |(mode, ..)| *mode)
    }

    fn route(self, route: &Route) -> Route {
        let name = Self::ALL.iter().find(|(mode, ..)| *mode == self).map_or("", |(_, _, name)| name);
        Route { other: name.to_owned(), ..route.clone() }
    }
}

/// Whether records are shown as they come.
pub(crate) fn is_tailing(route: &Route) -> bool {
    route.view == View::Logs && Mode::of(route) == Mode::Tail
}

/// What a record is recognised by in a later answer: its time, service and text.
type Record = (i64, String, String);

fn record_of(row: Row<'_>) -> Record {
    (row.int("Timestamp"), row.text("ServiceName").to_owned(), row.text("Body").to_owned())
}

/// The row of a record.
fn place_of(answer: &Answer, record: Option<&Record>) -> Option<usize> {
    let (time, service, body) = record?;
    let is_it = |r: Row<'_>| r.int("Timestamp") == *time && r.text("ServiceName") == service && r.text("Body") == body;
    rows(answer).position(is_it)
}

const FACETS: [Facet; 4] = [
    ("Severity", "level"),
    ("Service", "service"),
    ("k8s.pod.name", "k8s.pod.name"),
    ("exception.type", "exception.type"),
];
const N_BUCKETS: u32 = N_STEPS as u32;
const ROW: f32 = 24.0;
/// How wide a column is that the user added.
const COLUMN: f32 = 150.0;
/// How far around a record its context goes.
const CONTEXT_NANOS: i64 = 30_000_000_000;

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    if let Some(query) = super::figures::asked(state, sextant_model::Signal::Logs) {
        return super::figures::show(ui, state, main, SearchKind::Logs, &query);
    }
    let mode = Mode::of(&state.route);
    for (what, to) in [(Do::Patterns, Mode::Patterns), (Do::Tail, Mode::Tail), (Do::Stream, Mode::Stream)] {
        if state.takes(what) {
            let to = if mode == to { Mode::Records } else { to };
            let route = to.route(&state.route);
            state.go(route);
        }
    }
    if mode == Mode::Tail {
        return tail::show(ui, state, main);
    }
    let limit = super::limit(state);
    let wanted = search(state, SearchKind::Logs, limit);
    let is_live = state.route.is_live();
    let (records, columns) = (key(state, &format!("logs {limit}")), key(state, "log bars"));
    let slot = state.asks.ask(ui.ctx(), &records, is_live, || Ask::Search(wanted.clone()));
    state.shown.clone_from(&slot.asked);
    let histogram =
        state.asks.ask(ui.ctx(), &columns, is_live, || Ask::Histogram { search: wanted, n_buckets: N_BUCKETS });
    let (facets, r) = facets::divide(state, main);
    if let Some(column) = facets {
        facets::show(ui, state, column, SearchKind::Logs, &FACETS);
    }
    let n = slot.get().map_or(0, Answer::n_rows);
    // The bars are of every record that matches, so nobody need count them once more.
    let total = histogram.get().map_or(n as i64, |a| rows(a).map(|row| row.int("n")).sum());
    tabs(ui, state, r, Some(total));
    let plot = rect(r.left(), r.top() + 36.0, r.width(), 142.0);
    let period = histogram.period(&state.route);
    bars(ui, state, plot, histogram.get(), period);
    let area = Rect::from_min_max(pos2(r.left(), plot.bottom()), r.right_bottom());
    if mode == Mode::Patterns {
        return patterns::show(ui, state, area);
    }
    if mode == Mode::Stream {
        return stream::show(ui, state, area);
    }
    state.status.keys =
        vec![("j", "down"), ("k", "up"), ("Enter", "expand"), ("e", "next error"), ("/", "search"), ("?", "keys")];
    if let (Some(e), None) = (&slot.error, slot.get()) {
        return states::error(&Kit::new(ui, state.theme), area, e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), area);
    };
    let area = super::partial(ui, state, area, &slot);
    let area = super::more(ui, state, area, n >= limit);
    let (area, pane) = if n > 0 { context::divide(area) } else { (area, None) };
    let of = key(state, "");
    if state.logs.of != of {
        let State { tail, wraps, context, .. } = std::mem::take(&mut state.logs);
        state.logs = State { of, context, tail, wraps, ..State::default() };
    }
    if n == 0 {
        report(state, vec!["Showing".into(), "0 of 0".into(), "records".into()], &slot);
        let title = if slot.is_partial() { "No log record that can be read matches" } else { "No log record matches" };
        return states::nothing(ui, state, area, title, "logs");
    }
    // The selected record stays in sight.
    let is_wrap_changed = state.takes(Do::Wrap);
    if is_wrap_changed {
        state.logs.wraps.toggle();
    }
    let moved = moves(state, &answer) || is_wrap_changed;
    let selected = place_of(&answer, state.logs.selected.as_ref()).unwrap_or(0);
    list::show(ui, state, area, &answer, selected, moved);
    if let Some(row) = row(&answer, selected) {
        let time = row.int("Timestamp");
        let what = format!("{}: {}", row.text("ServiceName"), beginning(&line_of(row)));
        state.subject = Some(Subject { from: time, to: time, what });
    }
    if let (Some(pane), Some(row)) = (pane, row(&answer, selected)) {
        context::show(ui, state, pane, row);
    }
    let showing = vec![
        "Showing".into(),
        format!("{} of {}", thousands(n as i64), thousands(total.max(n as i64))),
        "records".into(),
    ];
    report(state, showing, &slot);
}

fn tabs(ui: &Ui, state: &mut App, r: Rect, n: Option<i64>) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let on = Mode::of(&state.route);
    kit.hline(r.left(), r.top() + 35.0, r.width(), t.hair);
    let mut x = r.left() + 12.0;
    let mut wanted = None;
    for (mode, word, _) in Mode::ALL {
        let is_on = mode == on;
        let color = if is_on { t.strong } else { t.text };
        let mut end = kit.text(x, r.top() + 22.0, Font::Medium(12.0), color, word);
        if let (Mode::Records, Some(n)) = (mode, n) {
            end = kit.text(end + 6.0, r.top() + 22.0, Font::Mono(10.5), t.weak, &thousands(n));
        }
        if is_on {
            kit.fill(rect(x, r.top() + 33.0, end - x, 2.0), t.accent);
        }
        if kit.click(rect(x - 6.0, r.top() + 4.0, end - x + 12.0, 30.0), ("log mode", word), word).clicked() {
            wanted = Some(mode);
        }
        x = end + 22.0;
    }
    if let Some(mode) = wanted.filter(|mode| *mode != on) {
        let route = mode.route(&state.route);
        state.go(route);
    }
}

/// Records over time: errors and warnings in a lane of their own. A drag makes the dragged time the period.
fn bars(ui: &Ui, state: &mut App, r: Rect, answer: Option<&Answer>, period: (i64, i64)) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let plot = rect(r.left() + 52.0, r.top() + 48.0, r.width() - 80.0, 52.0);
    let lane = rect(plot.left(), r.top() + 8.0, plot.width(), 28.0);
    let bucket = || vec![(0, Ink::Error), (0, Ink::Warn)];
    let mut bad = vec![bucket(); N_BUCKETS as usize];
    let mut calm = vec![vec![(0, Ink::Bar), (0, Ink::Rule)]; N_BUCKETS as usize];
    for row in answer.into_iter().flat_map(rows) {
        let Some(at) = usize::try_from(row.int("bucket")).ok().filter(|b| *b < bad.len()) else { continue };
        let part = match row.text("series") {
            "ERROR" | "FATAL" => &mut bad[at][0],
            "WARN" => &mut bad[at][1],
            "INFO" => &mut calm[at][0],
            _ => &mut calm[at][1],
        };
        part.0 += row.int("n");
    }
    kit.hline(lane.left(), lane.bottom(), lane.width(), t.strong_line);
    kit.hline(plot.left(), plot.top(), plot.width(), t.hair);
    let lanes =
        vec![Lane { area: area(lane), counts: &bad, gap: 1.4 }, Lane { area: area(plot), counts: &calm, gap: 1.4 }];
    let mut scene = Scene::default();
    Bars { lanes }.draw(&mut scene);
    kit.scene(&scene, 0.0, 0.0);
    super::status::hatch(ui, state, Rect::from_min_max(lane.min, plot.max), period, "logs");
    let scale = bare_time_scale(&kit, plot, period);
    let seconds = (period.1 - period.0) as f64 / 1e9 / f64::from(N_BUCKETS);
    let note = format!(
        "upper lane: errors and warnings on their own scale  ·  one bar is {seconds:.0} s  ·  drag to look closer"
    );
    kit.text(plot.left(), r.bottom() - 8.0, Font::Regular(10.5), t.weak, &note);
    let whole = Rect::from_min_max(lane.min, plot.max);
    let response = ui.interact(whole, Id::unique("log bars"), Sense::drag());
    crate::marks::draw(&kit, whole, period);
    if let Some(at) = response.hover_pos().filter(|_| !response.dragged()) {
        let bucket = ((at.x - plot.left()) / plot.width() * N_BUCKETS as f32) as usize;
        let time = period.0 + (period.1 - period.0) / i64::from(N_BUCKETS) * bucket as i64;
        if let (Some(bad), Some(calm)) = (bad.get(bucket), calm.get(bucket)) {
            bucket_readout(&kit, whole, at.x, time, [bad[0].0, bad[1].0, calm[0].0, calm[1].0]);
        }
    }
    let (Some(from), Some(to)) = (ui.input(|i| i.pointer.press_origin()), response.interact_pointer_pos()) else {
        return;
    };
    let dragged = Rect::from_x_y_ranges(from.x.min(to.x)..=from.x.max(to.x), whole.y_range()).intersect(whole);
    if response.dragged() {
        kit.fill(dragged, t.accent.gamma_multiply(0.12));
        kit.border(dragged, 0, t.accent);
    } else if response.drag_stopped() && dragged.width() > 4.0 {
        let fixed = Some((scale.value(dragged.left()) as i64, scale.value(dragged.right()) as i64));
        state.go(Route { fixed, ..state.route.clone() });
    }
}

/// What is in the part of time under the pointer.
fn bucket_readout(kit: &Kit<'_>, whole: Rect, x: f32, time: i64, [errors, warnings, infos, others]: [i64; 4]) {
    let t = kit.t;
    let mut mark = Scene::default();
    mark.index(x, whole.top() - 4.0, whole.height() + 4.0);
    kit.scene(&mark, 0.0, 0.0);
    let parts = [
        (clock(time, 0), t.strong),
        (format!("{} err", thousands(errors)), t.error),
        (format!("{} warn", thousands(warnings)), t.warn),
        (format!("{} info", thousands(infos)), t.strong),
        (format!("{} other", thousands(others)), t.text),
    ];
    let w = parts.iter().map(|(text, _)| kit.width(Font::Mono(10.5), text) + 6.0).sum::<f32>() + 6.0;
    let left = if x + 8.0 + w > whole.right() { x - 8.0 - w } else { x + 8.0 };
    let r = rect(left, whole.top() - 6.0, w, 17.0);
    kit.round(r, 2, t.bg_raised);
    kit.border(r, 2, t.strong_line);
    let mut at = r.left() + 6.0;
    for (text, color) in parts {
        at = kit.text(at, r.top() + 12.0, Font::Mono(10.5), color, &text) + 6.0;
    }
}

/// Moves through the records by keys; says whether the selection moved.
fn moves(state: &mut App, answer: &Answer) -> bool {
    let last = answer.n_rows().saturating_sub(1);
    let before = place_of(answer, state.logs.selected.as_ref()).unwrap_or(0);
    let mut at = state.walk(before, last);
    let is_error = |i: &usize| row(answer, *i).is_some_and(|r| matches!(severity(r).0.as_str(), "ERROR" | "FATAL"));
    if state.takes(Do::NextError) {
        at = (at + 1..=last).find(is_error).unwrap_or(at);
    }
    if state.takes(Do::PreviousError) {
        at = (0..at).rev().find(is_error).unwrap_or(at);
    }
    let record = row(answer, at).map(record_of);
    if state.takes(Do::Enter)
        && let (Some(record), Some(row)) = (record.clone(), row(answer, at))
    {
        toggle(state, record, row);
    }
    if state.takes(Do::Close) {
        state.logs.open = None;
    }
    if at != before {
        state.logs.selected = record;
    }
    before != at
}

/// Opens a record, or closes it.
fn toggle(state: &mut App, record: Record, row: Row<'_>) {
    let is_open = state.logs.open.as_ref().is_some_and(|o| o.record == record);
    state.logs.open = (!is_open).then(|| Opened::new(record, row));
}

/// The severity of a record, by its text where the record says none, and whether it was read off that.
fn severity(row: Row<'_>) -> (String, bool) {
    let said = row.text("SeverityText");
    if !said.is_empty() {
        return (said.to_owned(), false);
    }
    match row.int("SeverityNumber") {
        0 => (body::inferred(row.text("Body")).unwrap_or_default().to_owned(), true),
        n => (sextant_model::severity::LEVELS[sextant_model::severity::level(n as i32)].0.to_owned(), false),
    }
}

/// How a severity is shown; one that was read off the text has a tilde.
fn level_of(t: &Tokens, row: Row<'_>) -> (String, Font, Color32) {
    let (word, is_inferred) = severity(row);
    let (font, color) = level(t, &word);
    let word = match (word.as_str(), is_inferred) {
        ("", _) => "–".to_owned(),
        (word, true) => format!("~{word}"),
        (word, false) => word.to_owned(),
    };
    (word, font, color)
}

/// The text of a record in one line.
fn line_of(row: Row<'_>) -> std::borrow::Cow<'_, str> {
    body::one_line(beginning(row.text("Body")))
}

/// What the list shows of a text, however long it is.
fn beginning(text: &str) -> &str {
    const LETTERS: usize = 600;
    text.char_indices().nth(LETTERS).map_or(text, |(at, _)| &text[..at])
}
