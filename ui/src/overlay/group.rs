//! By which field the records of a search are grouped.

use super::choice::Look;
use super::sheet_frame;
use crate::app::State as App;
use crate::data::{rows, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, rect};
use crate::route::{Route, View};
use eframe::egui::{Key, Rect, Ui};
use sextant_contract::{Ask, SearchKind};
use sextant_model::Signal;
use sextant_model::query::Query;

const ROW: f32 = 26.0;
/// So many are asked for, and shown of those that make sense.
const LIMIT: usize = 40;
const SHOWN: usize = 14;
/// Fields of which each record has a value of its own.
const ALONE: [&str; 4] = ["trace", "span", "duration", "body"];

/// The search with figures for each value of a field.
fn grouped(query: &str, view: View, field: &str) -> String {
    let signal = if view == View::Logs { Signal::Logs } else { Signal::Traces };
    // What does not parse finds nothing that could be grouped.
    let records = sextant_queries::parse(signal, query).map(|q| Query { aggregate: None, ..q });
    let records = records.map(|q| sextant_queries::text(&q)).unwrap_or_default();
    let figures = if view == View::Logs { "count, errors" } else { "count, errors, p50(duration), p95(duration)" };
    let is_plain = field.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'));
    let field = if is_plain { field.to_owned() } else { sextant_queries::exact(field) };
    format!("{records} | {figures} by {field}").trim_start().to_owned()
}

pub(super) fn show(ui: &mut Ui, state: &mut App, whole: Rect, is_left: bool) -> bool {
    let Some(mut open) = state.group.take() else { return true };
    let view = state.route.view;
    let kind = if view == View::Logs { SearchKind::Logs } else { SearchKind::Spans };
    let part = open.text.trim().to_owned();
    let name = format!("group {kind:?} {part}");
    let slot =
        state.asks.ask(ui.ctx(), &name, false, || Ask::Complete { kind, key: None, part: part.clone(), limit: LIMIT });
    let mut fields: Vec<(String, i64)> = slot
        .answer
        .iter()
        .flat_map(|a| rows(a))
        .map(|row| (row.text("text").to_owned(), row.int("n")))
        .filter(|(f, _)| !f.starts_with("trace.") && !f.starts_with("root.") && !ALONE.contains(&f.as_str()))
        .take(SHOWN)
        .collect();
    if !part.is_empty() && !fields.iter().any(|(f, _)| *f == part) {
        fields.push((part.clone(), 0));
    }
    open.moves(ui, fields.len());
    let w = 460.0_f32.min(whole.width() - 24.0);
    let h = (45.0 + ROW * fields.len().max(3) as f32 + 10.0).min(whole.height() - 24.0);
    let r = rect(((whole.width() - w) / 2.0).round(), 96.0_f32.min(whole.height() - h - 12.0), w, h);
    sheet_frame(&Kit::new(ui, state.theme), whole, r);
    let look = Look {
        name: "Group by",
        hint: "group by a field or attribute",
        note: "seen in a sample",
        font: Font::Mono(13.0),
        beside: 190.0,
    };
    open.input(ui, state.theme, r, &look);
    let mut chosen = ui.input(|i| i.key_pressed(Key::Enter)).then_some(open.selected);
    let kit = Kit::new(ui, state.theme);
    for (i, (field, n)) in fields.iter().enumerate() {
        let row = rect(r.left() + 1.0, r.top() + 49.0 + ROW * i as f32, r.width() - 2.0, ROW);
        if row.bottom() > r.bottom() {
            break;
        }
        let response = kit.row(row, ("group", i));
        kit.row_back(row, i == open.selected, response.hovered());
        kit.text_in(row.left() + 14.0, row.top() + 17.0, row.width() - 110.0, Font::Mono(12.0), kit.t.strong, field);
        if *n == 0 && *field == part && slot.answer.is_some() {
            kit.text_right(row.right() - 14.0, row.top() + 17.0, Font::Regular(10.5), kit.t.warn, "not seen so far");
        } else if *n > 0 {
            kit.text_right(row.right() - 14.0, row.top() + 17.0, Font::Mono(10.5), kit.t.weak, &thousands(*n));
        }
        Kit::describe(&response, || field.clone());
        if response.clicked() {
            chosen = Some(i);
        }
    }
    if let Some((field, _)) = chosen.and_then(|i| fields.get(i)) {
        let query = grouped(&state.route.query, view, field);
        state.go(Route { query, other: String::new(), ..state.route.clone() });
        return true;
    }
    let is_beside = is_left && !ui.input(|i| i.pointer.interact_pos()).is_some_and(|p| r.contains(p));
    state.group = Some(open);
    is_beside
}

#[cfg(test)]
mod tests {
    use super::grouped;
    use crate::route::View;
    use sextant_model::Signal;

    #[test]
    fn what_is_grouped_is_a_search() {
        let figures = "count, errors, p50(duration), p95(duration)";
        for (query, field, wanted) in [
            ("", "service", format!("| {figures} by service")),
            ("error:true", "http.route", format!("error:true | {figures} by http.route")),
            ("a:\"b|c\" | count by c", "d", format!("a:\"b|c\" | {figures} by d")),
            ("a:(", "d", format!("| {figures} by d")),
            ("", "odd key", format!("| {figures} by \"odd key\"")),
        ] {
            let made = grouped(query, View::Traces, field);
            assert_eq!(made, wanted);
            sextant_queries::parse(Signal::Traces, &made).expect("parses");
        }
    }
}
