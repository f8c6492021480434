//! The column of facets: what values occur, how often, and a click to search for one.

use super::{key, search};
use crate::app::State;
use crate::commands::Do;
use crate::data::{rows, thousands};
use crate::fonts::Font;
use crate::kit::{Check, Kit, chip, rect};
use crate::route::Route;
use eframe::egui::{Rect, ScrollArea, Shape, Stroke, Ui, UiBuilder, pos2, vec2};
use sextant_contract::{Ask, SearchKind};

/// Title, field of the search language.
pub(crate) type Facet = (&'static str, &'static str);

fn term(field: &str, value: &str) -> String {
    if value.is_empty() { format!("-{field}:*") } else { format!("{field}:{}", sextant_queries::exact(value)) }
}

/// Where `term` stands in the search as a term of its own.
fn place(query: &str, term: &str) -> Option<usize> {
    let ends = |text: &str| text.is_empty() || text.ends_with([' ', '(']);
    let starts = |text: &str| text.is_empty() || text.starts_with([' ', ')']);
    query.match_indices(term).find(|(i, _)| ends(&query[..*i]) && starts(&query[i + term.len()..])).map(|(i, _)| i)
}

/// The search without a term.
fn without(query: &str, term: &str) -> String {
    let Some(i) = place(query, term) else { return query.to_owned() };
    let (before, after) = (query[..i].trim_end(), query[i + term.len()..].trim_start());
    let is_apart = !before.is_empty() && !after.is_empty() && !after.starts_with(')') && !before.ends_with('(');
    format!("{before}{}{after}", if is_apart { " " } else { "" })
}

/// The opposite of a term.
fn negated(term: &str) -> String {
    term.strip_prefix('-').map_or_else(|| format!("-{term}"), str::to_owned)
}

/// The search with a value asked for, or kept out.
pub(crate) fn with_value(query: &str, field: &str, value: &str, is_out: bool) -> String {
    let term = if is_out { negated(&term(field, value)) } else { term(field, value) };
    let query = without(query, &negated(&term));
    if place(&query, &term).is_some() { query } else { toggled(&query, &term) }
}

/// The search with a term put in, or taken out if it was there.
fn toggled(query: &str, term: &str) -> String {
    if place(query, term).is_some() {
        return without(query, term);
    }
    let query = without(query, &negated(term));
    if query.is_empty() { term.to_owned() } else { format!("{query} {term}") }
}

/// Levels and states, the worst first; others lie before them.
const LEVELS: [&str; 9] = ["FATAL", "ERROR", "WARN", "INFO", "DEBUG", "TRACE", "Ok", "Unset", ""];

/// How wide the column is.
const WIDTH: f32 = 232.0;
/// From this width on it is there without being asked for.
const WIDE: f32 = 930.0;

/// Divides a view into the column, if it is shown, and the rest.
pub(crate) fn divide(state: &mut State, main: Rect) -> (Option<Rect>, Rect) {
    let is_wide = main.width() > WIDE;
    if state.takes(Do::Facets) {
        state.has_facets = Some(!state.has_facets.unwrap_or(is_wide));
    }
    if !state.has_facets.unwrap_or(is_wide) {
        return (None, main);
    }
    (Some(main.with_max_x(main.left() + WIDTH)), main.with_min_x(main.left() + WIDTH))
}

/// Paints the facets of a search in `r`.
pub(crate) fn show(ui: &mut Ui, state: &mut State, r: Rect, kind: SearchKind, facets: &[Facet]) {
    let t = state.theme;
    let fields: Vec<String> = facets.iter().map(|(_, field)| (*field).to_owned()).collect();
    let wanted = search(state, kind, 8);
    let name = key(state, &format!("facets {kind:?}"));
    let is_live = state.route.is_live();
    let slot = state.asks.ask(ui.ctx(), &name, is_live, || Ask::Facets { search: wanted, fields });
    {
        let kit = Kit::new(ui, t);
        kit.vline(r.right() - 1.0, r.top(), r.height(), t.hair);
        kit.text(r.left() + 12.0, r.top() + 22.0, Font::Semibold(12.0), t.strong, "Facets");
        let unit = if kind == SearchKind::Logs { "records, top 8" } else { "counts of spans, top 8" };
        kit.text_right(r.right() - 12.0, r.top() + 21.0, Font::Regular(10.5), t.weak, unit);
        kit.hline(r.left(), r.top() + 35.0, r.width() - 1.0, t.hair);
        if slot.is_pending && slot.answer.is_none() {
            let area = Rect::from_min_max(r.left_top() + vec2(0.0, 36.0), r.right_bottom());
            super::states::loading(&kit.inside(area), area);
        }
    }
    let Some(answer) = slot.get() else { return };
    let body = Rect::from_min_max(r.left_top() + vec2(0.0, 36.0), r.right_bottom() - vec2(1.0, 0.0));
    let mut child = ui.new_child(UiBuilder::new().id_salt("facets").max_rect(body));
    child.set_clip_rect(body);
    let mut clicked = None;
    ScrollArea::vertical().auto_shrink(false).show_viewport(&mut child, |ui, _| {
        let origin = ui.min_rect().min;
        let mut y = origin.y;
        for (title, field) in facets {
            let mut values: Vec<(&str, i64)> = rows(answer)
                .filter(|row| row.text("field") == *field)
                .map(|row| (row.text("value"), row.int("n")))
                .collect();
            if values.is_empty() || (values.len() == 1 && values[0].0.is_empty()) {
                continue;
            }
            // What is worse comes first where that is an order.
            if matches!(*field, "level" | "status") {
                values.sort_by_key(|(value, _)| LEVELS.iter().position(|l| l.eq_ignore_ascii_case(value)));
            }
            let kit = Kit::new(ui, t);
            if let Some(value) = group(&kit, &state.route, body, y, title, field, &values) {
                clicked = Some(toggled(&state.route.query, &term(field, &value)));
            }
            y += 36.0 + 22.0 * values.len() as f32;
        }
        ui.set_min_size(vec2(body.width(), y - origin.y));
    });
    if let Some(query) = clicked {
        state.go(Route { query, ..state.route.clone() });
    }
}

fn group(
    kit: &Kit<'_>,
    route: &Route,
    r: Rect,
    y: f32,
    title: &str,
    field: &str,
    values: &[(&str, i64)],
) -> Option<String> {
    let t = kit.t;
    let x = r.left() + 12.0;
    let most = values.iter().map(|v| v.1).max().unwrap_or(1).max(1) as f32;
    let caret = vec![pos2(x, y + 15.0), pos2(x + 8.0, y + 15.0), pos2(x + 4.0, y + 20.0)];
    kit.paint.add(Shape::convex_polygon(caret, t.strong, Stroke::NONE));
    kit.text_in(x + 14.0, y + 21.0, r.width() - 70.0, Font::Semibold(11.5), t.strong, title);
    kit.text_right(r.right() - 12.0, y + 21.0, Font::Mono(10.5), t.weak, &values.len().to_string());
    let mut clicked = None;
    for (i, (value, n)) in values.iter().enumerate() {
        let top = y + 28.0 + 22.0 * i as f32;
        let response = kit.row(rect(r.left(), top, r.width(), 22.0), ("facet", field, *value));
        if response.hovered() {
            kit.fill(rect(r.left(), top, r.width(), 22.0), t.bg_hover);
        }
        if response.clicked() {
            clicked = Some((*value).to_owned());
        }
        Check::square(kit, x, top + 5.0, place(&route.query, &term(field, value)).is_some());
        let is_error = matches!(*value, "Error" | "ERROR" | "FATAL");
        let color = match *value {
            "" => t.weak,
            "WARN" => t.warn,
            _ if is_error => t.error,
            _ => t.strong,
        };
        let mut at = x + 19.0;
        if field == "service" {
            chip(kit, at, top + 5.0, value);
            at += 25.0;
        }
        if field == "level" {
            let square = match *value {
                "INFO" => t.bar,
                _ if is_error || color == t.warn => color,
                _ => t.strong_line,
            };
            kit.round(rect(at, top + 7.0, 8.0, 8.0), 1, square);
            at += 15.0;
        } else if is_error {
            super::traces::cross(kit, at, top + 7.0);
            at += 15.0;
        }
        let count = thousands(*n);
        let count_x = kit.text_right(r.right() - 12.0, top + 15.0, Font::Mono(10.5), t.text, &count);
        let shown = if value.is_empty() { "not set" } else { value };
        kit.text_in(at, top + 15.0, count_x - at - 7.0, Font::Regular(12.0), color, shown);
        let bar = rect(x + 19.0, top + 19.0, r.right() - 12.0 - x - 19.0, 2.0);
        kit.fill(bar, t.hair);
        let share = (*n as f32 / most).max(0.006) * bar.width();
        kit.fill(
            rect(bar.left(), bar.top(), share, 2.0),
            if color == t.strong || color == t.weak { t.bar } else { color },
        );
    }
    kit.hline(r.left(), y + 35.0 + 22.0 * values.len() as f32, r.width(), t.hair);
    clicked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_facet_goes_in_and_out_of_the_search() {
        let term = term("service", "checkout");
        let with = toggled("duration:>1s", &term);
        assert_eq!(with, "duration:>1s service:\"checkout\"");
        assert_eq!(toggled(&with, &term), "duration:>1s");
        assert_eq!(super::term("a", ""), "-a:*");
        for (query, value, is_out, expected) in [
            ("", "x", false, "a:\"x\""),
            ("-a:\"x\"", "x", false, "a:\"x\""),
            ("a:\"x\"  \"two  words\"", "x", true, "\"two  words\" -a:\"x\""),
            ("ba:\"x\"", "x", false, "ba:\"x\" a:\"x\""),
            ("", "C:\\temp\\", false, "a:\"C:\\\\temp\\\\\""),
        ] {
            assert_eq!(with_value(query, "a", value, is_out), expected, "{query} {value}");
        }
    }
}
