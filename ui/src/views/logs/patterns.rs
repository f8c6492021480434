//! What log records say, but for what varies: a row a pattern, with its trend.

use crate::app::State as App;
use crate::commands::Do;
use crate::data::{Row, row, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, chip, rect};
use crate::overlay::notices::Notice;
use crate::route::Route;
use crate::views::{key, partial, report, search, states};
use eframe::egui::{Color32, Rect, Response, ScrollArea, Sense, Ui, UiBuilder, vec2};
use sextant_contract::{Ask, SearchKind};

/// Which one is selected.
#[derive(Debug, Default)]
pub(super) struct State {
    selected: usize,
    is_sought: bool,
}

const ROW: f32 = 28.0;
const N_PARTS: u32 = 48;
/// Where the text begins: count, share, trend, services.
const TEXT: f32 = 316.0;

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect) {
    let wanted = search(state, SearchKind::Logs, 0);
    let name = key(state, "patterns");
    let is_live = state.route.is_live();
    let slot = state.asks.ask(ui.ctx(), &name, is_live, || Ask::Patterns { search: wanted, n_parts: N_PARTS });
    state.shown.clone_from(&slot.asked);
    state.status.keys =
        vec![("j", "down"), ("Enter", "its records"), ("p", "all records"), ("f", "tail"), ("?", "keys")];
    if let (Some(e), None) = (&slot.error, slot.get()) {
        return states::error(&Kit::new(ui, state.theme), r, e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), r);
    };
    let head = answer.object.clone().unwrap_or_default();
    let (n_lines, n_patterns) = (head["lines"].as_i64().unwrap_or(0), head["patterns"].as_i64().unwrap_or(0));
    let n = answer.n_rows();
    let showing = format!("{} of {}", thousands(n as i64), thousands(n_patterns));
    report(state, vec!["Showing".into(), showing, "patterns of".into(), thousands(n_lines), "records".into()], &slot);
    let r = partial(ui, state, r, &slot);
    if n == 0 {
        return states::nothing(ui, state, r, "No log record matches", "logs");
    }
    {
        let kit = Kit::new(ui, state.theme);
        let t = kit.t;
        let bl = r.top() + 16.0;
        kit.text_right(r.left() + 76.0, bl, Font::Medium(11.0), t.weak, "Records");
        kit.text_right(r.left() + 120.0, bl, Font::Medium(11.0), t.weak, "Share");
        kit.text(r.left() + 134.0, bl, Font::Medium(11.0), t.weak, "Over the period");
        kit.text(r.left() + 262.0, bl, Font::Medium(11.0), t.weak, "From");
        kit.text(r.left() + TEXT, bl, Font::Medium(11.0), t.weak, "What they say; what varies is in < >");
        kit.hline(r.left(), r.top() + 23.0, r.width(), t.strong_line);
    }
    let before = state.logs.patterns.selected.min(n - 1);
    let at = state.walk(before, n - 1);
    state.logs.patterns.is_sought |= at != before;
    state.logs.patterns.selected = at;
    let body = r.with_min_y(r.top() + 24.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("patterns").max_rect(body));
    child.set_clip_rect(body);
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("patterns");
    if std::mem::take(&mut state.logs.patterns.is_sought) {
        area = area.vertical_scroll_offset((ROW * at as f32 - body.height() * 0.4).max(0.0));
    }
    let mut wanted: Option<(String, bool)> = None;
    let total = n_lines.max(1) as f32;
    area.show_rows(&mut child, ROW, n, |ui, range| {
        for place in range {
            let (line, response) = ui.allocate_exact_size(vec2(body.width(), ROW), Sense::CLICK);
            let Some(row) = row(&answer, place) else { continue };
            let kit = Kit::new(ui, state.theme);
            kit.row_back(line, place == at, response.hovered());
            paint(&kit, line, row, total);
            Kit::describe(&response, || format!("{} times {}", row.int("n"), row.text("pattern")));
            if let Some(is_out) = actions(&kit, line, &response) {
                wanted = Some((row.text("regex").to_owned(), is_out));
            } else if response.clicked() {
                state.logs.patterns.selected = place;
            }
            if response.double_clicked() {
                wanted = Some((row.text("regex").to_owned(), false));
            }
            let (newest, oldest) = (crate::data::clock(row.int("newest"), 0), crate::data::clock(row.int("oldest"), 0));
            response.on_hover_text(format!("{oldest} – {newest}, for example:\n{}", row.text("example")));
        }
    });
    if state.takes(Do::Enter) {
        wanted = row(&answer, at).map(|row| (row.text("regex").to_owned(), false));
    }
    if let Some((regex, is_out)) = wanted {
        only(state, &regex, is_out);
    }
}

/// Keeps the search to the records of a pattern, or to all others.
fn only(state: &mut App, regex: &str, is_out: bool) {
    if regex.is_empty() {
        let text = "These lines have no pattern in common: no search finds just them";
        state.notices.push(Notice::said(text.into()));
        return;
    }
    let term = format!("{}body:/{}/", if is_out { "-" } else { "" }, regex.replace('/', "\\/").replace("\\\\/", "\\/"));
    let base = state.route.query.trim();
    let query = if base.is_empty() { term } else { format!("{base} {term}") };
    // Without a pattern, other patterns remain to be looked at; of one, its records are wanted.
    let other = if is_out { state.route.other.clone() } else { String::new() };
    state.go(Route { query, other, ..state.route.clone() });
}

/// The actions of the row under the pointer, at its right end: whether all others are wanted.
fn actions(kit: &Kit<'_>, line: Rect, response: &Response) -> Option<bool> {
    if !response.hovered() {
        return None;
    }
    let at = response.hover_pos().map(|p| p.x);
    let mut right = line.right() - 8.0;
    let mut chosen = None;
    for (text, is_out) in [("hide", true), ("show only", false)] {
        let w = kit.width(Font::Medium(10.5), text) + 12.0;
        let r = rect(right - w, line.top() + 5.0, w, 18.0);
        let is_under = at.is_some_and(|x| x >= r.left() && x < r.right());
        kit.round(r.expand(2.0), 3, kit.t.bg_hover);
        kit.round(r, 3, kit.t.bg_raised);
        kit.border(r, 3, if is_under { kit.t.accent } else { kit.t.strong_line });
        kit.text(
            r.left() + 6.0,
            r.top() + 12.5,
            Font::Medium(10.5),
            if is_under { kit.t.accent } else { kit.t.text },
            text,
        );
        if is_under {
            chosen = Some(is_out);
        }
        right -= w + 4.0;
    }
    chosen.filter(|_| response.clicked())
}

fn paint(kit: &Kit<'_>, line: Rect, row: Row<'_>, total: f32) {
    let t = kit.t;
    let bl = line.top() + 18.0;
    let n = row.int("n");
    let color = if row.int("errors") > 0 {
        t.error
    } else if row.int("warnings") > 0 {
        t.warn
    } else {
        t.bar
    };
    if color != t.bar {
        kit.fill(rect(line.left(), line.top(), 2.0, ROW), color);
    }
    kit.text_right(line.left() + 76.0, bl, Font::Mono(11.0), t.strong, &thousands(n));
    let share = n as f32 / total * 100.0;
    let share = if share < 0.1 { "< 0.1 %".to_owned() } else { format!("{share:.1} %") };
    kit.text_right(line.left() + 124.0, bl, Font::Mono(10.5), t.weak, &share);
    let counts = row.counts("counts");
    let most = counts.iter().copied().max().unwrap_or(1).max(1) as f32;
    let (x, w) = (line.left() + 134.0, 116.0 / counts.len().max(1) as f32);
    kit.hline(x, line.bottom() - 5.0, 116.0, t.strong_line);
    for (i, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0) {
        let h = (18.0 * *n as f32 / most).max(1.0);
        kit.fill(rect(x + w * i as f32, line.bottom() - 5.0 - h, (w - 0.6).max(0.8), h), color);
    }
    let services = row.texts("services");
    for (i, name) in services.iter().take(2).enumerate() {
        chip(kit, line.left() + 262.0 + 20.0 * i as f32, line.top() + 7.5, name);
    }
    if services.len() > 2 {
        kit.text(line.left() + 303.0, bl, Font::Mono(10.0), t.weak, "+");
    }
    text(kit, line.left() + TEXT, bl, line.right() - 12.0, row.text("pattern"), t.strong);
    kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
}

/// A pattern: what varies in another colour.
fn text(kit: &Kit<'_>, mut x: f32, bl: f32, right: f32, pattern: &str, color: Color32) {
    let mut rest = pattern;
    while !rest.is_empty() && x < right {
        let is_mask = |from: usize| {
            let inside = &rest[from + 1..];
            let end = inside.find('>')?;
            let is_name = inside[..end].bytes().all(|b| b.is_ascii_uppercase() || b == b'*');
            (end > 0 && is_name).then_some(from + end + 2)
        };
        let found = rest.match_indices('<').find_map(|(at, _)| Some((at, is_mask(at)?)));
        let (at, end) = found.unwrap_or((rest.len(), rest.len()));
        if at > 0 {
            x = kit.text_in(x, bl, right - x, Font::Mono(11.5), color, &rest[..at]);
        }
        if end > at && x < right {
            x = kit.text_in(x, bl, right - x, Font::Mono(11.5), kit.t.syn_number, &rest[at..end]);
        }
        rest = &rest[end..];
    }
}
