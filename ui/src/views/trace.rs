//! One trace: the waterfall with its minimap, and the selected span beside it.

mod detail;
mod flame;
pub(crate) use detail::{level, wrapped};
mod minimap;
mod pin;
mod place;
mod scope;
mod waterfall;

use super::{report, states};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{clock, counted, duration, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Check, Kit, button, chip, icon, key, pill, rect, seg};
use crate::overlay::note::Subject;
use crate::route::{Route, View};
use crate::tokens::look_of;
use eframe::egui::{self, Rect, TextEdit, Ui, UiBuilder, pos2, vec2};
use sextant_charts::{Folds, Rows, Scene, Skeleton, find};
use sextant_contract::Ask;
use std::collections::HashMap;
use std::rc::Rc;

/// What is folded, shown and selected in the trace that is open.
#[derive(Debug)]
pub(crate) struct State {
    trace: String,
    all: Option<Rc<Skeleton>>,
    folds: Folds,
    /// What was folded and which time was shown before, the latest last.
    before: Vec<scope::Before>,
    /// Whether the trace is on its way to the clipboard.
    is_copying: bool,
    /// The rows under `folds`; none while they have to be made anew.
    rows: Option<Rc<Rows>>,
    /// The minimap of these rows at some width.
    map: Option<(f32, Rc<Scene>)>,
    /// The selected span, and whether its group's row is meant.
    selected: (usize, bool),
    /// Whether the selected row has to come into sight.
    is_sought: bool,
    /// The time that is shown, from the start of the trace; all of it if none.
    window: Option<(f64, f64)>,
    drag: Option<minimap::Drag>,
    /// Whether services have other colours since the trace was read.
    has_old_colours: bool,
    has_critical: bool,
    /// Whether the detail pane is open, where that was said.
    has_detail: Option<bool>,
    /// What names are searched for, and the places that have it.
    search: String,
    hits: Rc<Vec<usize>>,
    /// What the attributes are searched for.
    find: String,
    tab: usize,
    /// The span that was selected last, and since when.
    rested: (String, i64),
    shape: Shape,
    flame: flame::State,
    /// The find box's text for which attributes were looked through.
    found: String,
    /// Whether spans are shown where they belong by the clocks of their callers.
    is_adjusted: bool,
}

/// How spans are laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Shape {
    #[default]
    Waterfall,
    Flame,
    Table,
}

impl Shape {
    const ALL: [(Self, &'static str, Do); 3] = [
        (Self::Waterfall, "Waterfall", Do::Waterfall),
        (Self::Flame, "Flame", Do::Flame),
        (Self::Table, "Table", Do::SpanTable),
    ];
}

impl State {
    /// How the spans are laid out, in a word.
    pub fn shape_word(&self) -> &'static str {
        match self.shape {
            Shape::Waterfall => "waterfall",
            Shape::Flame => "flame graph",
            Shape::Table => "operations",
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            trace: String::new(),
            all: None,
            folds: Folds::default(),
            before: Vec::new(),
            is_copying: false,
            rows: None,
            map: None,
            selected: (0, false),
            is_sought: false,
            window: None,
            drag: None,
            has_old_colours: false,
            has_critical: true,
            has_detail: None,
            search: String::new(),
            hits: Rc::default(),
            find: String::new(),
            tab: 0,
            rested: (String::new(), 0),
            shape: Shape::default(),
            flame: flame::State::default(),
            found: String::new(),
            is_adjusted: true,
        }
    }
}

impl State {
    /// How many spans the find box has found.
    pub fn n_hits(&self) -> usize {
        self.hits.len()
    }

    /// Reads the trace again, since services have other colours now.
    pub fn forget_colours(&mut self) {
        self.has_old_colours = true;
    }

    /// Changes what is folded; that can be undone.
    fn fold(&mut self, change: impl FnOnce(&mut Folds)) {
        let before = self.folds.clone();
        change(&mut self.folds);
        if before == self.folds {
            return;
        }
        scope::remember(&mut self.before, (before, self.window));
        self.rows = None;
        self.map = None;
    }

    /// The rows that are shown.
    fn rows(&mut self, all: &Skeleton) -> Rc<Rows> {
        self.rows.get_or_insert_with(|| Rc::new(Rows::of(all, &self.folds))).clone()
    }

    /// The number of the selected row.
    fn row(&self, rows: &Rows) -> usize {
        let (place, is_group) = self.selected;
        let exact = rows.list.iter().position(|r| r.place == place && r.group.is_some() == is_group);
        exact.or_else(|| rows.row_of(place)).unwrap_or(0)
    }

    /// The time that is shown.
    fn shown(&self, all: &Skeleton) -> (f64, f64) {
        self.window.unwrap_or((0.0, all.extent as f64))
    }

    /// Shows another part of the time, within the trace and no shorter than a microsecond.
    fn show(&mut self, all: &Skeleton, (from, to): (f64, f64)) {
        let extent = all.extent as f64;
        let span = (to - from).clamp(1_000.0_f64.min(extent), extent);
        let from = from.clamp(0.0, extent - span);
        self.window = (span < extent * 0.9999).then_some((from, from + span));
    }
}

/// Spans of the open trace whose name has `typed` in it: place, service, name, duration, error.
pub(crate) fn find_spans(state: &App, typed: &str, limit: usize) -> Vec<(usize, String, String, i64, bool)> {
    let Some(all) = &state.trace.all else { return Vec::new() };
    let line = |place: usize| {
        let s = all.span(place);
        (place, s.service().to_owned(), s.name().to_owned(), s.duration(), s.is_error())
    };
    find(all, typed).into_iter().take(limit).map(line).collect()
}

/// Selects the span at `place` of the open trace and brings it into sight.
pub(crate) fn select(state: &mut App, place: usize) {
    let Some(all) = state.trace.all.clone() else { return };
    state.trace.fold(|folds| {
        folds.reveal(&all, place);
    });
    state.trace.selected = (place, false);
    state.trace.is_sought = true;
    state.route.span = all.span(place).id();
}

/// From this width on there is room for the detail pane beside the waterfall.
const WIDE: f32 = 1_132.0;
const DETAIL: f32 = 384.0;

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let id = state.route.trace.clone();
    let name = format!("skeleton {id}");
    let slot = state.asks.ask(ui.ctx(), &name, state.route.is_live(), || Ask::Skeleton { id: id.clone() });
    state.shown = Some(Rc::new(Ask::Trace { id: id.clone() }));
    state.status.keys = vec![("j", "down"), ("k", "up"), ("h", "fold"), ("l", "unfold"), ("W", "zoom"), ("?", "keys")];
    if let (Some(e), None) = (&slot.error, slot.get()) {
        return states::error(&Kit::new(ui, state.theme), main, e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), main);
    };
    let is_other = state.trace.trace != id;
    let has_old_colours = std::mem::take(&mut state.trace.has_old_colours);
    if is_other || has_old_colours || state.trace.all.as_ref().is_none_or(|a| a.generation != answer.generation) {
        let Some(all) = Skeleton::read(&answer, look_of) else {
            let e = sextant_contract::AskError::new(sextant_contract::Code::Internal, "the trace can't be read");
            return states::error(&Kit::new(ui, state.theme), main, &e);
        };
        load(state, id, Rc::new(all), is_other);
    }
    let Some(all) = state.trace.all.clone().filter(|a| !a.is_empty()) else {
        let lines = ["It may have been evicted"];
        return states::empty(&Kit::new(ui, state.theme), main, "This trace has no spans", &lines);
    };
    if !is_other && !state.route.span.is_empty() && all.span(state.trace.selected.0).id() != state.route.span {
        // Back, forward, or a link led to another span.
        if let Some(place) = all.place_of(&state.route.span) {
            select(state, place);
        }
    }
    if state.takes(Do::Compare) {
        let id = state.route.trace.clone();
        super::compare::go(state, &id);
    }
    let span = all.span(state.trace.selected.0);
    let (from, to) = (all.origin + span.start(), all.origin + span.end());
    state.subject = Some(Subject { from, to, what: format!("{} of {}", span.name(), span.service()) });
    for (shape, _, what) in Shape::ALL {
        if state.takes(what) {
            state.trace.shape = shape;
        }
    }
    scope::commands(state, &all);
    scope::copy(ui, state, &all);
    search_attributes(ui, state, &all);
    header(ui, state, rect(main.left(), main.top(), main.width(), 66.0), &all);
    let is_wide = main.width() >= WIDE;
    if state.takes(Do::Detail) {
        state.trace.has_detail = Some(!state.trace.has_detail.unwrap_or(is_wide));
    }
    let has_detail = state.trace.has_detail.unwrap_or(is_wide);
    let body = Rect::from_min_max(pos2(main.left(), main.top() + 66.0), main.right_bottom());
    let has_both = !has_detail || main.width() - DETAIL > 420.0;
    let split = if has_detail { body.right() - DETAIL.min(body.width()) } else { body.right() };
    if has_both {
        let area = Rect::from_min_max(body.min, pos2(split, body.bottom()));
        match state.trace.shape {
            Shape::Waterfall => waterfall::show(ui, state, area, &all),
            Shape::Flame => flame::show(ui, state, area, &all),
            Shape::Table => flame::table(ui, state, area, &all),
        }
    }
    if has_detail {
        detail::show(ui, state, Rect::from_min_max(pos2(split, body.top()), body.max), &all);
    }
    let (n, n_shown) = (thousands(all.len() as i64), thousands(state.trace.folds.n_within(&all) as i64));
    report(state, vec!["Showing".into(), format!("{n_shown} of {n}"), "spans".into()], &slot);
}

/// Shows the logs of the open trace, in its time with a minute around.
fn open_logs(state: &mut App) {
    let query = format!("trace:{}", state.route.trace);
    let minute = 60_000_000_000;
    let fixed = state.trace.all.as_ref().map(|a| (a.origin - minute, a.origin + a.extent + minute));
    let route =
        Route { view: View::Logs, query, fixed, trace: String::new(), span: String::new(), ..state.route.clone() };
    state.go(route);
}

/// Takes in a trace: another one, or more of the same.
fn load(state: &mut App, id: String, all: Rc<Skeleton>, is_other: bool) {
    if is_other {
        let has_detail = state.trace.has_detail;
        let shape = state.trace.shape;
        state.trace = State { trace: id, has_detail, shape, ..State::default() };
        let wanted = all.place_of(&state.route.span).unwrap_or(0);
        state.trace.all = Some(all.clone());
        state.trace.folds.reveal(&all, wanted);
        state.trace.selected = (wanted, false);
        state.trace.is_sought = wanted > 0;
        return;
    }
    if let Some(old) = state.trace.all.clone() {
        // Places may have moved: what was folded and selected is the same by its id.
        let places: HashMap<u64, usize> = all.spans().map(|s| (s.number(), s.place())).collect();
        let moved = |place: &usize| places.get(&old.span(*place).number()).copied();
        state.trace.selected.0 = moved(&state.trace.selected.0).unwrap_or(0);
        // An earlier span may have come: the same moment is later in the trace then.
        let shift = (old.origin - all.origin) as f64;
        let state = &mut state.trace;
        let now = (&mut state.folds, &mut state.window);
        for (folds, window) in state.before.iter_mut().map(|(f, w)| (f, w)).chain([now]) {
            scope::moved(folds, &old, &all, moved);
            *window = window.map(|(from, to)| (from + shift, to + shift));
        }
        state.rows = None;
        state.map = None;
    }
    state.trace.hits = Rc::new(find(&all, &state.trace.search));
    state.trace.found.clear();
    state.trace.flame.forget();
    state.trace.all = Some(all);
}

/// Looks for the find box's text in attributes and events too: what is there belongs to the hits.
fn search_attributes(ui: &Ui, state: &mut App, all: &Skeleton) {
    let text = state.trace.search.trim().to_ascii_lowercase();
    if text.len() < 2 || text == "error:true" || state.trace.found == text {
        return;
    }
    let trace = state.route.trace.clone();
    let name = format!("find {trace} {} {text}", all.generation);
    let slot = state.asks.ask(ui.ctx(), &name, false, || Ask::FindSpans { trace, text: text.clone() });
    let Some(answer) = slot.answer else { return };
    state.trace.found = text;
    let ids: std::collections::HashSet<u64> = crate::data::rows(&answer).map(|row| row.int("span") as u64).collect();
    let mut hits: Vec<usize> = state.trace.hits.to_vec();
    hits.extend(all.spans().filter(|s| ids.contains(&s.number())).map(sextant_charts::Span::place));
    hits.sort_unstable();
    hits.dedup();
    state.trace.hits = Rc::new(hits);
}

fn header(ui: &Ui, state: &mut App, r: Rect, all: &Skeleton) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let root = all.span(0);
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    chip(&kit, r.left() + 12.0, r.top() + 14.0, root.service());
    let mut x =
        kit.text_in(r.left() + 38.0, r.top() + 25.0, r.width() * 0.4, Font::Semibold(15.0), t.strong, root.name())
            + 8.0;
    let word = match (all.status.as_str(), root.is_error()) {
        ("", true) => Some("error".to_owned()),
        (status, true) => Some(format!("{status} · error")),
        (_, false) => None,
    };
    if let Some(word) = word {
        x = pill(&kit, x, r.top() + 11.0, t.error, t.error_bg, t.error, &word) + 8.0;
    }
    // Pin and Compare stand at the right.
    let room = (r.right() - 220.0 - x).max(60.0);
    x = kit.text_in(x, r.top() + 24.0, room, Font::Mono(11.0), t.weak, &state.route.trace);
    let copy = kit.click(rect(x + 6.0, r.top() + 11.0, 19.0, 19.0), "copy trace id", "Copy trace id");
    icon(&kit, "copy", x + 9.0, r.top() + 14.0, 13.0, 1.4, if copy.hovered() { t.accent } else { t.strong });
    if copy.clicked() {
        ui.copy_text(state.route.trace.clone());
    }
    let bl = r.top() + 50.0;
    let mut x = kit.text(r.left() + 12.0, bl, Font::MonoSemibold(13.0), t.strong, &duration(all.extent)) + 16.0;
    let mut figure = |number: usize, words: &str, color| {
        let text = counted(number, words);
        let (number, words) = text.split_once(' ').unwrap_or((&text, ""));
        x = kit.text(x, bl, Font::Mono(11.0), color, number) + 5.0;
        x = kit.text(x, bl, Font::Regular(12.0), if color == t.error { t.error } else { t.text }, words) + 16.0;
    };
    figure(all.len(), "span", t.strong);
    figure(all.n_services(), "service", t.strong);
    figure(all.n_errors(), "error", if all.n_errors() > 0 { t.error } else { t.strong });
    figure(all.n_logs(), "log", t.strong);
    let logs = rect(x - 60.0, r.top() + 38.0, 50.0, 16.0);
    if kit.click(logs, "logs of the trace", "Logs of this trace").clicked() {
        open_logs(state);
    }
    // What is wrong with the trace comes first, then its shapes, then what is only said of it.
    let tabs = r.right() - 174.0;
    if all.n_odd() > 0 {
        x = odd(&kit, state, x, bl, all) + 16.0;
    }
    if x + 180.0 < tabs {
        x = kit.text(x, bl, Font::Regular(12.0), t.text, "started") + 5.0;
        x = kit.text(x, bl, Font::Mono(11.0), t.strong, &clock(all.origin, 6)) + 5.0;
        x = kit.text(x, bl, Font::Regular(12.0), t.text, "UTC") + 16.0;
    }
    let names = Shape::ALL.map(|(_, name, _)| name);
    let on = Shape::ALL.iter().position(|(shape, ..)| *shape == state.trace.shape).unwrap_or(0);
    if x < tabs {
        let (clicked, _) = seg(&kit, tabs, r.top() + 38.0, true, &names, on);
        if let Some(i) = clicked {
            state.wanted.push(Shape::ALL[i].2);
        }
    }
    let compare = Button { text: "Compare", key: Some("d"), ..Button::default() };
    if button(&kit, r.right() - 12.0 - compare.width(&kit), r.top() + 7.0, compare).clicked() {
        state.wanted.push(Do::Compare);
    }
    let right = r.right() - 20.0 - compare.width(&kit);
    if right > r.left() + r.width() * 0.5 {
        pin::show(ui, state, right, r.top() + 7.0, all);
    }
    let words = "complete, no missing parents";
    if all.n_odd() == 0 && x + 17.0 + kit.width(Font::Regular(12.0), words) < tabs - 8.0 {
        kit.vline(x, r.top() + 39.0, 14.0, t.strong_line);
        kit.text(x + 17.0, bl, Font::Regular(12.0), t.text, words);
    }
}

/// How many spans have no sure place; a click goes to the next one. Returns where it ends.
fn odd(kit: &Kit<'_>, state: &mut App, x: f32, bl: f32, all: &Skeleton) -> f32 {
    let end =
        kit.text(x, bl, Font::Medium(12.0), kit.t.warn, &format!("{} out of place", counted(all.n_odd(), "span")));
    let response = kit.click(rect(x - 4.0, bl - 13.0, end - x + 8.0, 18.0), "odd", "Next span whose place is not sure");
    let why =
        "A parent that is not here, parents in a circle, or an id that is used twice: a click goes to the next one";
    if response.on_hover_text(why).clicked()
        && let Some(place) = all.next_odd(state.trace.selected.0)
    {
        select(state, place);
    }
    end
}

/// How wide the find box is.
fn find_width(r: Rect) -> f32 {
    (r.width() * 0.3).clamp(160.0, 232.0)
}

/// Search for names, what is shown, and the way back to the whole trace.
fn toolbar(ui: &mut Ui, state: &mut App, r: Rect, all: &Skeleton) {
    search(ui, state, rect(r.left() + 12.0, r.top() + 6.5, find_width(r), 22.0), all);
    let kit = Kit::new(ui, state.theme);
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), kit.t.hair);
    let bl = r.top() + 21.5;
    let mut x = r.left() + 12.0 + find_width(r) + 12.0;
    let checks = [
        ("Critical path", state.trace.has_critical),
        ("Fold siblings", state.trace.folds.has_groups),
        ("Hide < 1 %", state.trace.folds.least_share > 0.0),
    ];
    let has_skew = all.n_shifted() > 0;
    let adjusted = has_skew.then_some(("Adjust clocks", state.trace.is_adjusted));
    for (i, (label, is_on)) in checks.into_iter().chain(adjusted).enumerate() {
        let (clicked, width) = Check { label, is_on }.show(&kit, x, bl);
        x += width + 14.0;
        if clicked {
            match i {
                0 => state.trace.has_critical = !is_on,
                1 => state.trace.fold(|f| f.has_groups = !is_on),
                3 => state.trace.is_adjusted = !is_on,
                _ => state.trace.fold(|f| f.least_share = if is_on { 0.0 } else { 0.01 }),
            }
        }
    }
    if let Some(limit) = scope::limits(&kit, x, r.top() + 7.0, r.right() - 150.0, &state.trace.folds, all) {
        state.trace.fold(|f| limit.lift(f));
    }
    let mut right = r.right() - 8.0;
    for (text, cap, what) in [("Whole", "0", Do::Reset), ("Fit", "F", Do::Fit)] {
        let b = Button { text, key: Some(cap), is_small: true, is_quiet: true, ..Button::default() };
        right -= b.width(&kit);
        if right > x && button(&kit, right, r.top() + 7.0, b).clicked() {
            state.wanted.push(what);
        }
        right -= 8.0;
    }
}

fn search(ui: &mut Ui, state: &mut App, field: Rect, all: &Skeleton) {
    let t = state.theme;
    let n = state.trace.hits.len();
    {
        let kit = Kit::new(ui, t);
        kit.round(field, 4, t.bg_raised);
        kit.border(field, 4, t.strong_line);
        icon(&kit, "search", field.left() + 9.0, field.top() + 5.0, 12.0, 1.4, t.weak);
        if !state.trace.search.is_empty() {
            let kx = field.right() - 22.0;
            key(&kit, kx, field.top() + 3.5, "n");
            let at = state.trace.hits.iter().position(|p| *p == state.trace.selected.0);
            let words = at.map_or_else(|| format!("{n} hits"), |at| format!("{} of {n}", at + 1));
            kit.text_right(kx - 7.0, field.top() + 15.0, Font::Regular(10.5), t.weak, &words);
        }
    }
    let inner = rect(field.left() + 29.0, field.top() + 3.0, (field.width() - 113.0).max(40.0), field.height() - 5.0);
    let edit = TextEdit::singleline(&mut state.trace.search)
        .id(egui::Id::unique("trace-find"))
        .frame(egui::Frame::NONE)
        .margin(0)
        .font(Font::Mono(11.0).id())
        .text_color(t.strong)
        .hint_text(egui::RichText::new("Find spans").font(Font::Regular(11.0).id()).color(t.weak));
    let response =
        ui.new_child(UiBuilder::new().id_salt("trace-find").max_rect(inner)).add_sized(vec2(inner.width(), 16.0), edit);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Find spans"));
    if response.changed() {
        state.trace.hits = Rc::new(find(all, &state.trace.search));
        state.trace.found.clear();
    }
    let is_entered = response.lost_focus() && ui.input(|i| i.key_pressed(egui::Key::Enter));
    if is_entered || state.takes(Do::NextHit) {
        step(state, true);
    }
    if state.takes(Do::PreviousHit) {
        step(state, false);
    }
}

/// Goes to the next or previous hit, around the end.
fn step(state: &mut App, is_forward: bool) {
    let hits = state.trace.hits.clone();
    let at = state.trace.selected.0;
    let next = if is_forward {
        hits.iter().find(|p| **p > at).or_else(|| hits.first())
    } else {
        hits.iter().rev().find(|p| **p < at).or_else(|| hits.last())
    };
    if let Some(place) = next {
        select(state, *place);
    }
}
