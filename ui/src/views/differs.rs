//! What is different about some traces of a search: attributes, operations and errors that they have more often than the
//! others, and where their time goes.

use super::{key, partial, report, search, states};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{Row, clock, duration, row, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, chip, pill, rect};
use crate::route::{Route, View};
use eframe::egui::{Rangef, Rect, ScrollArea, Ui, UiBuilder, pos2, vec2};
use serde_json::Value;
use sextant_contract::{Answer, Ask, Period, SearchKind};
use sextant_model::query::Field;
use sextant_queries::{exact, key as key_text};

/// Which row is selected.
#[derive(Debug, Default)]
pub(crate) struct State {
    of: String,
    selected: usize,
    is_sought: bool,
}

const ROW: f32 = 28.0;
const HEAD: f32 = 78.0;
const SIDE: f32 = 360.0;
const WIDE: f32 = 1_060.0;

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let (chosen, part) = (state.route.other.clone(), state.route.part);
    let wanted = search(state, SearchKind::Traces, 0);
    let name = key(state, &format!("differs {chosen} {part:?}"));
    let slot = state.asks.ask(ui.ctx(), &name, false, || Ask::Differs {
        search: wanted,
        chosen: chosen.clone(),
        within: part.map(|(from, to)| Period { from: Some(from), to: Some(to) }),
    });
    state.shown.clone_from(&slot.asked);
    state.status.keys = vec![("j", "down"), ("k", "up"), ("Enter", "traces that have it"), ("?", "keys")];
    let body = main.with_min_y(main.top() + HEAD);
    let head = slot.get().and_then(|a| a.object.clone()).unwrap_or_default();
    cards(ui, state, main.with_max_y(body.top()), &head);
    if let (Some(e), None) = (&slot.error, slot.get()) {
        return states::error(&Kit::new(ui, state.theme), body, e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), body);
    };
    let has_side = body.width() >= WIDE;
    let split = if has_side { body.right() - SIDE } else { body.right() };
    if has_side {
        times(&Kit::new(ui, state.theme), body.with_min_x(split), &head);
    }
    let left = partial(ui, state, body.with_max_x(split), &slot);
    let n = answer.n_rows();
    let compared = thousands(head["n_compared"].as_i64().unwrap_or(0));
    let showing = vec!["Showing".into(), thousands(n as i64), format!("differences among {compared} values")];
    report(state, showing, &slot);
    let size = |side: &str| head[side].as_i64().unwrap_or(0);
    if size("n_a") == 0 || size("n_b") == 0 {
        let kit = Kit::new(ui, state.theme);
        let (title, line) = if size("n_a") == 0 {
            ("No trace is chosen", "Nothing in this period matches what A is found by.")
        } else {
            ("There is nothing to compare with", "Every trace of the search is chosen.")
        };
        return states::empty(&kit, left, title, &[line]);
    }
    if n == 0 {
        let (a, b) = (thousands(size("n_a")), thousands(size("n_b")));
        let (title, why) = if size("n_a").min(size("n_b")) < FEW {
            let why =
                format!("{a} and {b} traces are few: among {compared} values, some differ so much by chance alone.");
            ("Too few traces to be sure of a difference", why)
        } else {
            ("Nothing differs for sure", "Attributes, operations and errors occur about as often in both.".to_owned())
        };
        let words = [why.as_str(), "Where the time goes is on the right."];
        return states::empty(&Kit::new(ui, state.theme), left, title, &words);
    }
    let of = format!("{name} {}", answer.generation);
    if state.differs.of != of {
        state.differs = State { of, ..State::default() };
    }
    list(ui, state, left, &answer);
}

/// Of fewer traces than these hardly anything is sure.
const FEW: i64 = 10;

/// Both sets: how many, and what they are found by.
fn cards(ui: &Ui, state: &App, r: Rect, head: &Value) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let width = (r.width() - 36.0) / 2.0;
    let base = if state.route.query.is_empty() { "every trace of the period" } else { state.route.query.as_str() };
    let part = state.route.part.map(|(from, to)| format!("{} – {}", clock(from, 0), clock(to, 0)));
    let chosen = if state.route.other.is_empty() { "all" } else { state.route.other.as_str() };
    let of_a = part.map_or_else(|| chosen.to_owned(), |part| format!("{chosen}   {part}"));
    for (i, (side, said)) in [("a", of_a.as_str()), ("b", base)].into_iter().enumerate() {
        let card = rect(r.left() + 12.0 + (width + 12.0) * i as f32, r.top() + 11.0, width, 55.0);
        kit.round(card, 6, t.bg_raised);
        kit.border(card, 6, t.strong_line);
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
        let n = head[format!("n_{side}").as_str()].as_i64();
        let is_cut = head[format!("is_cut_{side}").as_str()] == true;
        let count = match (n, is_cut) {
            (None, _) => String::new(),
            (Some(n), true) => format!("the newest {}", thousands(n)),
            (Some(n), false) => thousands(n),
        };
        let x = kit.text(card.left() + 43.0, bl, Font::MonoSemibold(13.0), t.strong, &count) + 7.0;
        let words = if i == 0 { "traces that are chosen" } else { "others of the search" };
        kit.text(x, bl, Font::Semibold(13.0), t.strong, words);
        kit.text_in(card.left() + 13.0, card.top() + 42.5, width - 26.0, Font::Mono(11.0), t.syn_string, said);
    }
}

/// Where the columns are.
struct Columns {
    what: Rangef,
    a: Rangef,
    b: Rangef,
    difference: Rangef,
}

impl Columns {
    fn of(r: Rect) -> Self {
        let w = r.width() - 24.0;
        let at = |share: f32| r.left() + 12.0 + w * share;
        Self {
            what: Rangef::new(at(0.0), at(0.46) - 8.0),
            a: Rangef::new(at(0.46), at(0.61) - 8.0),
            b: Rangef::new(at(0.61), at(0.76) - 8.0),
            difference: Rangef::new(at(0.76), at(1.0)),
        }
    }
}

fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.01 { "< 1 %".to_owned() } else { format!("{:.0} %", share * 100.0) }
}

fn list(ui: &mut Ui, state: &mut App, r: Rect, answer: &Answer) {
    let columns = Columns::of(r);
    {
        let kit = Kit::new(ui, state.theme);
        let t = kit.t;
        let bl = r.top() + 16.0;
        let title = "What, the surest difference first";
        kit.text_in(columns.what.min, bl, columns.what.span(), Font::Medium(11.0), t.weak, title);
        kit.text(columns.a.min, bl, Font::Medium(11.0), t.weak, "in A");
        kit.text(columns.b.min, bl, Font::Medium(11.0), t.weak, "in B");
        let words = "A − B, within 95 %";
        kit.text_in(columns.difference.min, bl, columns.difference.span(), Font::Medium(11.0), t.weak, words);
        kit.hline(r.left(), r.top() + 24.0, r.width(), t.strong_line);
    }
    let n = answer.n_rows();
    let before = state.differs.selected.min(n - 1);
    let at = state.walk(before, n - 1);
    state.differs.is_sought |= at != before;
    state.differs.selected = at;
    let body = r.with_min_y(r.top() + 25.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("differs").max_rect(body));
    child.set_clip_rect(body);
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("differs-rows");
    if std::mem::take(&mut state.differs.is_sought) {
        area = area.vertical_scroll_offset((ROW * at as f32 - body.height() * 0.4).max(0.0));
    }
    let mut opened = None;
    area.show_rows(&mut child, ROW, n, |ui, range| {
        let top = ui.min_rect().top();
        for (i, place) in range.enumerate() {
            let Some(row) = row(answer, place) else { continue };
            let line = rect(r.left(), top + ROW * i as f32, r.width(), ROW);
            let kit = Kit::new(ui, state.theme);
            let response = kit.row(line, ("differs", place));
            kit.row_back(line, place == at, response.hovered());
            if response.clicked() {
                state.differs.selected = place;
            }
            if response.double_clicked() {
                opened = Some(place);
            }
            paint(&kit, line, row, &columns);
            let (a, b) = (percent(share(row, "a")), percent(share(row, "b")));
            let said = format!("{}: {a} of A, {b} of B", title(row));
            Kit::describe(&response, || said.clone());
            let q = row.number("q").unwrap_or(1.0);
            let q = if q < 0.001 { "less than 0.1 %".to_owned() } else { format!("{:.1} %", q * 100.0) };
            let of =
                |side: &str| format!("{} of {}", thousands(row.int(side)), thousands(row.int(&format!("of_{side}"))));
            let counts = format!("{} traces in A, {} in B", of("a"), of("b"));
            // Attributes are counted among the traces that have the service, all else among all.
            let among =
                if matches!(row.text("kind"), "attribute" | "resource") { ", those with the service" } else { "" };
            response.on_hover_text(format!("{said}\n{counts}{among}\nBy chance with a probability of {q}"));
        }
    });
    if state.takes(Do::Enter) {
        opened = Some(at);
    }
    if let Some(row) = opened.and_then(|place| row(answer, place)) {
        open(state, row);
    }
}

/// Among the traces of a side that could have it.
fn share(row: Row<'_>, side: &str) -> f64 {
    row.int(side) as f64 / row.int(&format!("of_{side}")).max(1) as f64
}

/// What a row is about, in words.
fn title(row: Row<'_>) -> String {
    let (service, key) = (row.text("service"), row.text("key"));
    match row.text("kind") {
        "operation" => format!("{service} calls {key}"),
        "error" => format!("{service} {key} fails"),
        _ => format!("{service} {key} = {}", row.text("value")),
    }
}

fn paint(kit: &Kit<'_>, line: Rect, row: Row<'_>, columns: &Columns) {
    let t = kit.t;
    kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
    let bl = line.top() + 18.0;
    chip(kit, columns.what.min, line.top() + 7.5, row.text("service"));
    let x = columns.what.min + 26.0;
    let room = columns.what.max - x;
    let kind = row.text("kind");
    if matches!(kind, "operation" | "error") {
        let (word, color, fill) =
            if kind == "error" { ("fails", t.error, t.error_bg) } else { ("calls", t.text, t.bg_panel) };
        let border = if kind == "error" { t.error } else { t.strong_line };
        let end = pill(kit, x, line.top() + 5.0, color, fill, border, word) + 7.0;
        kit.text_in(end, bl, columns.what.max - end, Font::Regular(12.0), t.strong, row.text("key"));
    } else {
        let end = kit.text_in(x, bl, room * 0.6, Font::Regular(12.0), t.text, row.text("key"));
        let end = kit.text(end + 6.0, bl, Font::Regular(12.0), t.weak, "=") + 6.0;
        kit.text_in(end, bl, columns.what.max - end, Font::Mono(11.0), t.strong, row.text("value"));
    }
    for (column, side, color) in [(columns.a, "a", t.accent), (columns.b, "b", t.bar)] {
        let share = share(row, side);
        let text = percent(share);
        kit.text_right(column.min + 42.0, bl, Font::Mono(11.0), t.strong, &text);
        let bar = rect(column.min + 50.0, line.top() + 10.0, (column.span() - 54.0).max(1.0), 8.0);
        kit.fill(bar, t.bg_hover);
        kit.fill(rect(bar.left(), bar.top(), bar.width() * share.clamp(0.0, 1.0) as f32, bar.height()), color);
    }
    let d = columns.difference;
    let value = row.number("difference").unwrap_or(0.0);
    let sign = if value >= 0.0 { "+" } else { "−" };
    kit.text_right(d.min + 52.0, bl, Font::MonoSemibold(11.0), t.strong, &format!("{sign}{}", percent(value.abs())));
    let axis = Rangef::new(d.min + 62.0, d.max - 4.0);
    if axis.span() < 40.0 {
        return;
    }
    let at = |share: f64| axis.min + axis.span() * ((share as f32).clamp(-1.0, 1.0) + 1.0) / 2.0;
    kit.vline(at(0.0), line.top(), ROW, t.strong_line);
    let (low, high) = (row.number("low").unwrap_or(0.0), row.number("high").unwrap_or(0.0));
    let middle = line.top() + 14.0;
    kit.line(&[pos2(at(low), middle), pos2(at(high), middle)], 1.5, t.text);
    for end in [at(low), at(high)] {
        kit.vline(end, middle - 3.0, 7.0, t.text);
    }
    let color = if value >= 0.0 { t.accent } else { t.info };
    kit.fill(Rect::from_center_size(pos2(at(value), middle), vec2(5.0, 9.0)), color);
}

/// Time of operations in a trace of each set.
fn times(kit: &Kit<'_>, r: Rect, head: &Value) {
    let t = kit.t;
    kit.vline(r.left(), r.top(), r.height(), t.hair);
    let (left, right) = (r.left() + 13.0, r.right() - 12.0);
    kit.text(left, r.top() + 21.0, Font::Semibold(12.0), t.strong, "Where their time goes");
    kit.text_right(right, r.top() + 21.0, Font::Regular(12.0), t.weak, "a trace, without children");
    let all: Vec<(&str, &str, i64, i64)> = head["times"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| Some((one[0].as_str()?, one[1].as_str()?, one[2].as_i64()?, one[3].as_i64()?)))
        .filter(|one| one.2 != one.3)
        .collect();
    let most = all.iter().map(|one| one.2.max(one.3)).max().unwrap_or(1).max(1) as f32;
    let mut y = r.top() + 32.0;
    for (service, name, a, b) in all {
        if y + 44.0 > r.bottom() {
            break;
        }
        chip(kit, left, y + 4.0, service);
        let sign = if a >= b { "+" } else { "−" };
        let text = format!("{sign}{}", duration((a - b).abs()));
        let begin = kit.text_right(right, y + 15.0, Font::Mono(11.0), t.strong, &text);
        kit.text_in(left + 26.0, y + 15.0, begin - left - 38.0, Font::Regular(12.0), t.strong, name);
        let room = right - left - 124.0;
        for (i, (nanos, color)) in [(a, t.accent), (b, t.bar)].into_iter().enumerate() {
            let top = y + 21.0 + 7.0 * i as f32;
            kit.fill(rect(left, top, room * nanos as f32 / most, 5.0), color);
        }
        kit.text_right(right, y + 31.5, Font::Mono(10.5), t.weak, &format!("{} / {}", duration(a), duration(b)));
        y += 42.0;
    }
    if y < r.top() + 40.0 {
        kit.text(left, r.top() + 46.0, Font::Regular(12.0), t.weak, "The same in both.");
    }
}

/// The traces of the search that have what a row says.
fn open(state: &mut App, row: Row<'_>) {
    let service = exact(row.text("service"));
    let condition = match row.text("kind") {
        "operation" => format!("service:{service} name:{}", exact(row.text("key"))),
        "error" => format!("service:{service} name:{} status:error", exact(row.text("key"))),
        _ => format!(
            "service:{service} {}:{}",
            key_text(&Field::Attribute(row.text("key").to_owned())),
            exact(row.text("value"))
        ),
    };
    let base = state.route.query.trim();
    let query = match base {
        "" => format!("{{{condition}}}"),
        base if base.starts_with('{') => format!("{base} {{{condition}}}"),
        base => format!("{{{base}}} {{{condition}}}"),
    };
    let route = Route { view: View::Traces, query, other: String::new(), part: None, ..state.route.clone() };
    state.go(route);
}

/// Compares the traces that `chosen` finds with the others of the search.
pub(crate) fn go(state: &mut App, chosen: String, part: Option<(i64, i64)>) {
    let fixed = Some(state.route.period());
    state.go(Route { view: View::Differs, other: chosen, part, fixed, ..state.route.clone() });
}
