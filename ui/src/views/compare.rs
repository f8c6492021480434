//! Two traces as one tree: what only one of them has, what takes longer, where the difference comes from.

mod side;

use super::{key, report, states, traces::cross};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{Row, duration, duration_label, row, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Check, Kit, chip, icon, pill, rect};
use crate::route::{Route, View};
use crate::tokens::Tokens;
use eframe::egui::{Rangef, Rect, ScrollArea, Ui, UiBuilder, pos2};
use serde_json::Value;
use sextant_contract::{Answer, Ask, Period};
use std::rc::Rc;

/// Which row is selected, and what is left out.
#[derive(Debug, Default)]
pub(crate) struct State {
    of: String,
    selected: usize,
    is_sought: bool,
    has_only_differing: bool,
    /// The rows that are shown, made anew when that changes.
    shown: Option<Rc<Vec<usize>>>,
}

const ROW: f32 = 24.0;
const SIDE: f32 = 360.0;
const WIDE: f32 = 1_060.0;

/// How differences are drawn: by their logarithm, but for those near zero.
#[derive(Debug, Clone, Copy)]
struct Axis {
    /// Nanoseconds; below it the axis is linear.
    unit: f64,
    /// Ends, in decades.
    low: f32,
    high: f32,
    area: Rangef,
}

impl Axis {
    fn new(least: i64, most: i64, area: Rangef) -> Self {
        let largest = least.unsigned_abs().max(most.unsigned_abs()).max(10_000) as f64;
        let unit = 10f64.powi(largest.log10().floor() as i32 - 3).clamp(1e3, 1e9);
        let axis = Self { unit, low: 0.0, high: 1.0, area };
        Self { low: axis.decades(least).min(-1.05), high: axis.decades(most).max(1.05), ..axis }
    }

    fn decades(&self, nanos: i64) -> f32 {
        let share = nanos as f64 / self.unit;
        (share.signum() * (1.0 + share.abs()).log10()) as f32
    }

    fn x(&self, nanos: i64) -> f32 {
        let share = (self.decades(nanos) - self.low) / (self.high - self.low);
        self.area.min + self.area.span() * share.clamp(0.0, 1.0)
    }

    /// From here on a difference counts as slower.
    fn slower(&self) -> i64 {
        (self.unit * 100.0).min(1e8) as i64
    }
}

/// Where the columns of the tree are.
struct Columns {
    name: Rangef,
    bars: Rangef,
    a: f32,
    b: f32,
    axis: Axis,
    difference: f32,
}

impl Columns {
    fn of(r: Rect, ends: (i64, i64)) -> Self {
        let difference = r.right() - 12.0;
        let is_narrow = r.width() < 720.0;
        let bars = if is_narrow { 0.0 } else { (r.width() * 0.16).min(160.0) };
        let name = (r.width() * if is_narrow { 0.42 } else { 0.34 }).min(460.0);
        let at = r.left() + 12.0 + name + bars;
        let (a, b) = (at + 78.0, at + 152.0);
        let axis = Rangef::new(b + 18.0, (difference - 84.0).max(b + 40.0));
        Self {
            name: Rangef::new(r.left() + 12.0, r.left() + 4.0 + name),
            bars: Rangef::new(r.left() + 12.0 + name, r.left() + name + bars),
            a,
            b,
            axis: Axis::new(ends.0, ends.1, axis),
            difference,
        }
    }
}

/// Nanoseconds that the first takes longer.
fn difference(row: Row<'_>) -> i64 {
    row.int("a_duration").saturating_sub(row.int("b_duration"))
}

fn has(row: Row<'_>, side: &str) -> bool {
    row.number(&format!("{side}_n")).is_some()
}

/// `+` only in the first, `-` only in the second, `▲` slower.
fn mark(row: Row<'_>, axis: &Axis) -> &'static str {
    match (has(row, "a"), has(row, "b")) {
        (true, false) => "+",
        (false, true) => "-",
        _ if difference(row) >= axis.slower() => "▲",
        _ => "",
    }
}

fn signed(nanos: i64) -> String {
    if nanos >= 0 { format!("+{}", duration(nanos)) } else { format!("-{}", duration(-nanos)) }
}

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let (a, b) = (state.route.trace.clone(), state.route.other.clone());
    let (from, to) = state.route.period();
    let name = key(state, &format!("compare {a} {b}"));
    let slot = state.asks.ask(ui.ctx(), &name, false, || Ask::Compare {
        a: a.clone(),
        b: Some(b.clone()).filter(|b| !b.is_empty()),
        period: Period { from: Some(from), to: Some(to) },
    });
    state.shown.clone_from(&slot.asked);
    state.status.keys = vec![("n", "next difference"), ("x", "swap"), ("Enter", "open the span"), ("?", "keys")];
    if let (Some(e), None) = (&slot.error, slot.get()) {
        return states::error(&Kit::new(ui, state.theme), main, e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), main);
    };
    let head = answer.object.clone().unwrap_or_default();
    // Which trace is the usual one depends on the period.
    let of = format!("{} {} {}", head["a"]["id"], head["b"]["id"], answer.generation);
    if state.compare.of != of {
        let has_only_differing = state.compare.has_only_differing;
        state.compare = State { of, has_only_differing, ..State::default() };
    }
    if state.takes(Do::Swap) {
        swap(state, &head);
    }
    cards(ui, state, rect(main.left(), main.top(), main.width(), 78.0), &head);
    let body = main.with_min_y(main.top() + 78.0);
    let has_side = body.width() >= WIDE;
    let split = if has_side { body.right() - SIDE } else { body.right() };
    let ends = rows(&answer).map(difference).fold((0, 0), |(l, h), d| (l.min(d), h.max(d)));
    let tree = body.with_max_x(split);
    let columns = Columns::of(tree, ends);
    toolbar(ui, state, rect(tree.left(), tree.top(), tree.width(), 34.0), &answer, &columns.axis);
    list(ui, state, tree.with_min_y(tree.top() + 34.0), &answer, &columns, &head);
    if has_side {
        side::show(ui, state, body.with_min_x(split), &head);
    }
    let n_shown = state.compare.shown.as_ref().map_or(0, |s| s.len());
    let spans = |side: &str| thousands(head[side]["spans"].as_i64().unwrap_or(0));
    let showing = format!("{} of {}", thousands(n_shown as i64), thousands(answer.n_rows() as i64));
    let of = format!("aligned rows, {} and {} spans", spans("a"), spans("b"));
    report(state, vec!["Showing".into(), showing, of], &slot);
}

/// Compares a trace with the one that is marked, or else with what is usual for its operation.
pub(crate) fn go(state: &mut App, trace: &str) {
    let other = state.marked.clone().filter(|marked| marked != trace).unwrap_or_default();
    let trace = trace.to_owned();
    state.go(Route { view: View::Compare, trace, span: String::new(), other, part: None, ..state.route.clone() });
}

/// Marks a trace to be compared with, or takes the mark away.
pub(crate) fn set_mark(state: &mut App, trace: &str) {
    let is_marked = state.marked.as_deref() == Some(trace);
    state.marked = (!is_marked).then(|| trace.to_owned());
}

fn swap(state: &mut App, head: &Value) {
    let id = |side: &str| head[side]["id"].as_str().unwrap_or_default().to_owned();
    let route = Route { trace: id("b"), other: id("a"), ..state.route.clone() };
    state.go(route);
}

/// Both traces, and the button between them.
fn cards(ui: &Ui, state: &mut App, r: Rect, head: &Value) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let width = (r.width() - 24.0 - 42.0) / 2.0;
    let mut wanted = None;
    for (i, side) in ["a", "b"].into_iter().enumerate() {
        let card = rect(r.left() + 12.0 + (width + 42.0) * i as f32, r.top() + 11.0, width, 55.0);
        kit.round(card, 6, t.bg_raised);
        kit.border(card, 6, t.strong_line);
        let of = &head[side];
        let text = |key: &str| of[key].as_str().unwrap_or_default();
        let int = |key: &str| of[key].as_i64().unwrap_or(0);
        let badge = rect(card.left() + 13.0, card.top() + 9.0, 19.0, 18.0);
        let letter = if i == 0 {
            kit.round(badge, 2, t.accent);
            t.on_accent
        } else {
            kit.border(badge, 2, t.accent);
            t.accent
        };
        kit.text_mid(badge.center().x, badge.top() + 13.0, Font::MonoSemibold(11.0), letter, ["A", "B"][i]);
        let bl = card.top() + 22.5;
        chip(&kit, card.left() + 43.0, card.top() + 12.0, text("service"));
        let time = duration(int("duration"));
        let right = kit.text_right(card.right() - 13.0, bl, Font::MonoSemibold(13.0), t.strong, &time);
        let room = (right - card.left() - 150.0).max(60.0);
        let mut x = kit.text_in(card.left() + 68.0, bl, room, Font::Semibold(13.0), t.strong, text("name")) + 9.0;
        let is_error = of["is_error"] == true;
        let status = if text("status").is_empty() && is_error { "error" } else { text("status") };
        if !status.is_empty() && x + 60.0 < right {
            let (color, fill) = if is_error { (t.error, t.error_bg) } else { (t.text, t.bg_panel) };
            let border = if is_error { t.error } else { t.strong_line };
            x = pill(&kit, x, card.top() + 9.0, color, fill, border, status) + 9.0;
        }
        if x + 130.0 < right {
            kit.text(x, bl, Font::Mono(11.0), t.weak, text("id").get(..16).unwrap_or_default());
        }
        let bl = card.top() + 42.5;
        let at = int("origin");
        let when = format!("{} {}", crate::data::day(at), crate::data::clock(at, 3));
        let mut x = kit.text_in(card.left() + 13.0, bl, width * 0.4, Font::Mono(11.0), t.text, &when) + 16.0;
        for (n, word, color) in [(int("spans"), "spans", t.strong), (int("errors"), "errors", t.error)] {
            if x + 80.0 > card.right() {
                break;
            }
            let color = if n == 0 { t.weak } else { color };
            x = kit.text(x, bl, Font::Mono(11.0), color, &thousands(n)) + 5.0;
            x = kit.text(x, bl, Font::Regular(12.0), if n == 0 { t.weak } else { t.text }, word) + 16.0;
        }
        let usual = &head["usual"];
        let said = match (i, state.route.other.is_empty()) {
            (0, _) => "the one you came from".to_owned(),
            (_, true) => {
                format!("nearest to the median of {} good ones", thousands(usual["good"].as_i64().unwrap_or(0)))
            }
            _ => "the one you chose".to_owned(),
        };
        if x + kit.width(Font::Regular(12.0), &said) + 12.0 < card.right() {
            kit.text_right(card.right() - 13.0, bl, Font::Regular(12.0), t.weak, &said);
        }
        if kit.click(card, ("compare card", i), &format!("Open trace {}", ["A", "B"][i])).clicked() {
            wanted = Some(text("id").to_owned());
        }
    }
    let middle = rect(r.left() + 12.0 + width + 8.0, r.top() + 25.0, 26.0, 26.0);
    let response = kit.click(middle, "swap", "Swap A and B");
    kit.round(middle, 4, if response.hovered() { t.bg_hover } else { t.bg_raised });
    kit.border(middle, 4, t.strong_line);
    icon(&kit, "left", middle.left() + 3.0, middle.top() + 7.0, 11.0, 1.4, t.strong);
    icon(&kit, "right", middle.left() + 12.0, middle.top() + 7.0, 11.0, 1.4, t.strong);
    if response.clicked() {
        state.wanted.push(Do::Swap);
    }
    if let Some(trace) = wanted {
        let route =
            Route { view: View::Trace, trace, span: String::new(), other: String::new(), ..state.route.clone() };
        state.go(route);
    }
}

fn toolbar(ui: &Ui, state: &mut App, r: Rect, answer: &Answer, axis: &Axis) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let label = format!("Only what differs by {} or more", duration_label(axis.unit as i64));
    let is_on = state.compare.has_only_differing;
    let (clicked, width) = Check { label: &label, is_on }.show(&kit, r.left() + 12.0, r.top() + 21.5);
    if clicked {
        state.compare.has_only_differing = !is_on;
        state.compare.shown = None;
    }
    if state.compare.shown.is_none() {
        let differs = |row: &Row<'_>| !mark(*row, axis).is_empty() || difference(*row).abs() >= axis.unit as i64;
        let is_shown = |row: &Row<'_>| !state.compare.has_only_differing || differs(row);
        let shown = rows(answer).enumerate().filter(|(_, row)| is_shown(row)).map(|(i, _)| i).collect();
        state.compare.shown = Some(Rc::new(shown));
    }
    let count = |what: &str| rows(answer).filter(|row| mark(*row, axis) == what).count();
    let parts = [
        ("+", t.accent, format!("only in A, {}", count("+"))),
        ("-", t.text, format!("only in B, {}", count("-"))),
        ("▲", t.strong, format!("slower by {} or more, {}", duration_label(axis.slower()), count("▲"))),
    ];
    let mut right = r.right() - 12.0;
    for (sign, color, words) in parts.iter().rev() {
        let w = kit.width(Font::Regular(11.0), words) + 18.0;
        if right - w < r.left() + width + 40.0 {
            break;
        }
        kit.text_right(right, r.top() + 21.0, Font::Regular(11.0), t.text, words);
        sign_at(&kit, right - w + 5.0, r.top() + 21.0, sign, *color);
        right -= w + 12.0;
    }
}

fn sign_at(kit: &Kit<'_>, x: f32, bl: f32, sign: &str, color: eframe::egui::Color32) {
    if sign == "▲" {
        let y = bl - 8.0;
        let points = vec![pos2(x, y), pos2(x + 4.5, y + 8.0), pos2(x - 4.5, y + 8.0)];
        kit.paint.add(eframe::egui::Shape::convex_polygon(points, color, eframe::egui::Stroke::NONE));
    } else {
        kit.text_mid(x, bl, Font::MonoSemibold(11.0), color, sign);
    }
}

fn titles(kit: &Kit<'_>, r: Rect, columns: &Columns) {
    let t = kit.t;
    let bl = r.top() + 16.0;
    let font = Font::Medium(11.0);
    kit.text_in(columns.name.min, bl, columns.name.span(), font, t.text, "Matched by service, operation and order");
    if columns.bars.span() > 90.0 {
        kit.text(columns.bars.min, bl, font, t.text, "A filled, B outlined");
    }
    kit.text_right(columns.a, bl, font, t.text, "A");
    kit.text_right(columns.b, bl, font, t.text, "B");
    kit.text_right(columns.difference, bl, font, t.text, "A − B");
    let axis = &columns.axis;
    let mut last = f32::NEG_INFINITY;
    for power in [-1_000.0, -100.0, -10.0, 0.0, 10.0, 100.0, 1_000.0, 10_000.0] {
        let nanos = (power * axis.unit) as i64;
        if axis.decades(nanos) < axis.low - 0.01 || axis.decades(nanos) > axis.high + 0.01 {
            continue;
        }
        let x = axis.x(nanos);
        let text = match nanos {
            0 => "0".to_owned(),
            n => format!("{}{}", if n > 0 { "+" } else { "-" }, duration_label(n.abs())),
        };
        let w = kit.width(Font::Mono(10.5), &text);
        if x - w / 2.0 < last + 6.0 || x - w / 2.0 < columns.b + 6.0 || x + w / 2.0 > columns.difference - 52.0 {
            continue;
        }
        kit.text_mid(x, bl, Font::Mono(10.5), t.weak, &text);
        last = x + w / 2.0;
    }
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.strong_line);
}

fn list(ui: &mut Ui, state: &mut App, r: Rect, answer: &Answer, columns: &Columns, head: &Value) {
    titles(&Kit::new(ui, state.theme), r.with_max_y(r.top() + 25.0), columns);
    let shown = state.compare.shown.clone().unwrap_or_default();
    let n = shown.len();
    if n == 0 {
        let body = r.with_min_y(r.top() + 25.0);
        return states::empty(
            &Kit::new(ui, state.theme),
            body,
            "Nothing differs as much",
            &["Show all rows again above."],
        );
    }
    let mut at = state.compare.selected.min(n - 1);
    let before = at;
    at = state.walk(at, n - 1);
    let axis = &columns.axis;
    let is_marked = |i: usize| row(answer, shown[i]).is_some_and(|row| !mark(row, axis).is_empty());
    if state.takes(Do::NextHit) {
        at = (at + 1..n).find(|i| is_marked(*i)).unwrap_or(at);
    }
    if state.takes(Do::PreviousHit) {
        at = (0..at).rev().find(|i| is_marked(*i)).unwrap_or(at);
    }
    state.compare.is_sought |= at != before;
    state.compare.selected = at;
    let body = r.with_min_y(r.top() + 25.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("compare").max_rect(body));
    child.set_clip_rect(body);
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("compare-rows");
    if std::mem::take(&mut state.compare.is_sought) {
        let offset = (ROW * at as f32 - body.height() * 0.4).max(0.0);
        area = area.vertical_scroll_offset(offset);
    }
    let mut opened = None;
    let longest = head["a"]["duration"].as_i64().max(head["b"]["duration"].as_i64()).unwrap_or(1).max(1);
    area.show_rows(&mut child, ROW, n, |ui, range| {
        let top = ui.min_rect().top();
        for (i, place) in range.clone().enumerate() {
            let Some(row) = row(answer, shown[place]) else { continue };
            let line = rect(r.left(), top + ROW * i as f32, r.width(), ROW);
            let kit = Kit::new(ui, state.theme);
            let response = kit.row(line, ("compare", place));
            kit.row_back(line, place == at, response.hovered());
            if response.clicked() {
                state.compare.selected = place;
            }
            if response.double_clicked() {
                opened = Some(place);
            }
            paint(&kit, line, row, columns, longest);
            Kit::describe(&response, || {
                let word = match mark(row, axis) {
                    "+" => "only in A",
                    "-" => "only in B",
                    "▲" => "slower",
                    _ => "in both",
                };
                format!("{} {} {word} {}", row.text("service"), row.text("name"), signed(difference(row)))
            });
        }
    });
    if state.takes(Do::Enter) {
        opened = Some(at);
    }
    if let Some(row) = opened.and_then(|place| row(answer, shown[place])) {
        let side = if has(row, "a") { "a" } else { "b" };
        let trace = head[side]["id"].as_str().unwrap_or_default().to_owned();
        let span = row.text(&format!("{side}_span")).to_owned();
        state.go(Route { view: View::Trace, trace, span, other: String::new(), ..state.route.clone() });
    }
}

fn paint(kit: &Kit<'_>, line: Rect, row: Row<'_>, columns: &Columns, longest: i64) {
    let t: &Tokens = kit.t;
    kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
    let bl = line.top() + 16.0;
    let axis = &columns.axis;
    let sign = mark(row, axis);
    let color = if sign == "+" { t.accent } else { t.strong };
    if !sign.is_empty() {
        sign_at(kit, columns.name.min + 3.0, bl, sign, color);
    }
    let is_gone = sign == "-";
    let service = row.text("service");
    let mut x = columns.name.min + 24.0 + 14.0 * row.int("depth").min(14) as f32;
    chip(kit, x, line.top() + 5.5, service);
    x += 23.0;
    let n = row.int("a_n").max(row.int("b_n"));
    if n > 1 {
        let (a, b) = (row.int("a_n"), row.int("b_n"));
        let text = if a == b || a == 0 || b == 0 { format!("×{n}") } else { format!("×{a} / ×{b}") };
        x = pill(kit, x, line.top() + 3.0, t.accent, t.bg_raised, t.accent_dim, &text) + 6.0;
    }
    let is_error = row.int("a_errors") > 0;
    let room = (columns.name.max - x - if is_error { 18.0 } else { 4.0 }).max(20.0);
    let color = if is_gone { t.weak } else { t.strong };
    let end = kit.text_in(x, bl, room, Font::Regular(12.0), color, row.text("name"));
    if is_gone {
        kit.hline(x, bl - 4.0, end - x, t.weak);
    }
    if is_error {
        cross(kit, end + 6.0, line.top() + 7.0);
    }
    let (x, scale) = (columns.bars.min, columns.bars.span() / longest as f32);
    let bar = |length: i64| (length as f32 * scale).clamp(1.0, columns.bars.span().max(1.0));
    if columns.bars.span() > 20.0 {
        if has(row, "a") {
            let w = bar(row.int("a_duration"));
            kit.fill(rect(x, line.top() + 5.0, w, 6.0), t.service(service));
            if is_error {
                kit.fill(rect(x, line.top() + 4.0, w, 1.5), t.error);
            }
        }
        if has(row, "b") {
            let w = bar(row.int("b_duration"));
            kit.border(rect(x, line.top() + 13.0, w.max(2.0), 6.0), 0, t.service(service));
        }
    }
    for (side, x) in [("a", columns.a), ("b", columns.b)] {
        let (text, color) = match (has(row, side), row.int(&format!("{side}_errors")) > 0) {
            (false, _) => ("none".to_owned(), t.weak),
            (true, true) => (duration(row.int(&format!("{side}_duration"))), t.error),
            (true, false) => {
                (duration(row.int(&format!("{side}_duration"))), if side == "a" { t.strong } else { t.text })
            }
        };
        kit.text_right(x, bl, Font::Mono(11.0), color, &text);
    }
    let d = difference(row);
    let (zero, end) = (axis.x(0), axis.x(d));
    kit.vline(zero, line.top(), ROW, t.strong_line);
    let bar = rect(zero.min(end), line.top() + 7.0, (end - zero).abs().max(1.0), 10.0);
    let is_large = d >= axis.slower();
    match sign {
        "+" | "-" => kit.border(bar, 0, if sign == "+" { t.accent } else { t.text }),
        _ => kit.fill(bar, if is_large { t.accent } else { t.bar }),
    }
    let (font, color) = if is_large { (Font::MonoSemibold(11.0), t.strong) } else { (Font::Mono(11.0), t.weak) };
    kit.text_right(columns.difference, bl, font, color, &signed(d));
}
