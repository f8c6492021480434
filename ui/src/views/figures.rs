//! What a search with a pipe comes to: a table of groups, and lines over time where there is time. A row leads to its
//! records.

use super::{key, partial, report, search, states};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{Row, clock, day, duration, row, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, chip, rect};
use crate::route::Route;
use crate::views::chart::{Chart, Line, MAX_LINES};
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder, pos2};
use sextant_charts::Ink;
use sextant_contract::{Answer, Ask, SearchKind};
use sextant_model::Signal;
use sextant_model::query::{Aggregate, Expr, Field, Query, Test};
use sextant_queries::{parse, text};
use std::collections::BTreeMap;

/// Which row is selected.
#[derive(Debug, Default)]
pub(crate) struct State {
    of: String,
    selected: usize,
}

const ROW: f32 = 24.0;
/// More groups are cut, and said to be.
const LIMIT: usize = 10_000;
const CHART: f32 = 188.0;

/// The search of the route, if it asks for figures.
pub(crate) fn asked(state: &App, signal: Signal) -> Option<Query> {
    parse(signal, &state.route.query).ok().filter(|query| query.aggregate.is_some())
}

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect, kind: SearchKind, query: &Query) {
    let Some(aggregate) = &query.aggregate else { return };
    let wanted = search(state, kind, LIMIT);
    let name = key(state, &format!("figures {kind:?}"));
    let is_live = state.route.is_live();
    let slot = state.asks.ask(ui.ctx(), &name, is_live, || Ask::Search(wanted));
    state.shown.clone_from(&slot.asked);
    state.status.keys = vec![("j", "down"), ("k", "up"), ("Enter", "its records"), ("/", "search"), ("?", "keys")];
    if let (Some(e), None) = (&slot.error, slot.get()) {
        return states::error(&Kit::new(ui, state.theme), main, e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), main);
    };
    let n = answer.n_rows();
    {
        let kit = Kit::new(ui, state.theme);
        let t = kit.t;
        kit.hline(main.left(), main.top() + 35.0, main.width(), t.hair);
        let at = kit.text(main.left() + 12.0, main.top() + 22.0, Font::Medium(12.0), t.strong, "Figures");
        let end = kit.text(at + 6.0, main.top() + 22.0, Font::Mono(10.5), t.weak, &thousands(n as i64));
        kit.fill(rect(main.left() + 12.0, main.top() + 33.0, end - main.left() - 12.0, 2.0), t.accent);
        let words = "of what the search finds in this period";
        kit.text(end + 16.0, main.top() + 22.0, Font::Regular(12.0), t.weak, words);
        let mut right = main.right() - 12.0;
        let group = Button { text: "Group by", key: Some("u"), is_small: true, ..Button::default() };
        right -= group.width(&kit);
        if button(&kit, right, main.top() + 7.0, group).clicked() {
            state.wanted.push(Do::GroupBy);
        }
        let all = Button { text: "All records", is_small: true, ..Button::default() };
        right -= all.width(&kit) + 8.0;
        if button(&kit, right, main.top() + 7.0, all).clicked() {
            let query = text(&Query { aggregate: None, ..query.clone() });
            state.go(Route { query, ..state.route.clone() });
        }
    }
    let mut body = main.with_min_y(main.top() + 36.0);
    if aggregate.every.is_some() && n > 0 {
        let chart = body.with_max_y(body.top() + CHART);
        lines(&Kit::new(ui, state.theme), chart, &answer, query, aggregate, slot.period(&state.route));
        body.set_top(chart.bottom());
    }
    let body = partial(ui, state, body, &slot);
    if n == 0 {
        let signal = query.signal.name();
        report(state, vec!["Showing".into(), "0".into(), "groups".into()], &slot);
        return states::nothing(ui, state, body, "Nothing to make figures of", signal);
    }
    let of = key(state, "");
    if state.figures.of != of {
        state.figures = State { of, selected: 0 };
    }
    // A figure without a value in any group may be of a field that nobody has.
    let measures: Vec<String> = aggregate.measures.iter().map(sextant_model::query::Measure::name).collect();
    let lacks = |name: &String| rows(&answer).all(|row| row.number(name).is_none());
    let mut unknown = Vec::new();
    if measures.iter().any(lacks) {
        unknown = states::unknown(ui, state, &state.route.query.clone(), query.signal.name());
        unknown.truncate(3);
    }
    let body = body.with_min_y(body.top() + 24.0 * unknown.len() as f32);
    for (i, words) in unknown.iter().enumerate() {
        let kit = Kit::new(ui, state.theme);
        let line = rect(body.left(), body.top() - 24.0 * (unknown.len() - i) as f32, body.width(), 24.0);
        kit.fill(line, kit.t.warn_bg);
        kit.text_in(line.left() + 12.0, line.top() + 16.0, line.width() - 24.0, Font::Regular(12.0), kit.t.warn, words);
    }
    table(ui, state, body, &answer, query, aggregate);
    let shown = format!("{} of {}", thousands(n as i64), if n >= LIMIT { "more".into() } else { thousands(n as i64) });
    report(state, vec!["Showing".into(), shown, "groups".into()], &slot);
}

/// A figure as people read it. Only spans have a duration of their own: in other records it is an attribute, of no known
/// unit.
fn figure(signal: Signal, name: &str, value: f64) -> String {
    let is_duration = signal == Signal::Traces && (name.contains("(duration)") || name.contains("(Duration)"));
    if is_duration {
        if name.starts_with("distinct") { thousands(value as i64) } else { duration(value as i64) }
    } else if value.fract() == 0.0 && value.abs() < 1e15 {
        thousands(value as i64)
    } else if value.abs() >= 100.0 {
        let whole = thousands(value.trunc() as i64);
        format!("{whole}.{}", ((value.fract().abs() * 10.0).floor()) as i64)
    } else {
        format!("{value:.3}")
    }
}

fn time_text(row: Row<'_>) -> String {
    let at = row.int("time");
    format!("{} {}", day(at), clock(at, 0))
}

/// What the figures are; says by which one groups shall be ordered.
fn heads(
    kit: &Kit<'_>,
    r: Rect,
    measures: &[String],
    aggregate: &Aggregate,
    right_of: &dyn Fn(usize) -> f32,
) -> Option<usize> {
    let on = aggregate.top.map_or(0, |(_, place)| place);
    let can_order = aggregate.every.is_none() && !aggregate.by.is_empty();
    let mut wanted = None;
    for (i, name) in measures.iter().enumerate() {
        let color = if can_order && i == on { kit.t.strong } else { kit.t.weak };
        let begin = kit.text_right(right_of(i), r.top() + 16.0, Font::Medium(11.0), color, name);
        let area = Rect::from_min_max(pos2(begin - 4.0, r.top()), pos2(right_of(i) + 4.0, r.top() + 24.0));
        if can_order && kit.click(area, ("order by", i), &format!("Largest {name} first")).clicked() && i != on {
            wanted = Some(i);
        }
    }
    wanted
}

fn table(ui: &mut Ui, state: &mut App, r: Rect, answer: &Answer, query: &Query, aggregate: &Aggregate) {
    let measures: Vec<String> = aggregate.measures.iter().map(sextant_model::query::Measure::name).collect();
    let n_texts = aggregate.by.len() + usize::from(aggregate.every.is_some());
    let right = 120.0;
    let bar = if n_texts > 0 { (r.width() * 0.22).clamp(60.0, 280.0) } else { 0.0 };
    let text_width = (r.width() - 24.0 - bar - right * measures.len() as f32).max(80.0) / n_texts.max(1) as f32;
    let text_width = text_width.min(420.0);
    let bar_x = r.left() + 12.0 + text_width * n_texts as f32;
    let right_of = |i: usize| bar_x + bar + right * (i + 1) as f32 - 8.0;
    {
        let kit = Kit::new(ui, state.theme);
        let t = kit.t;
        let bl = r.top() + 16.0;
        let names = aggregate.every.iter().map(|_| "Time (UTC)").chain(aggregate.by.iter().map(|k| k.name.as_str()));
        for (i, name) in names.enumerate() {
            let x = r.left() + 12.0 + text_width * i as f32;
            kit.text_in(x, bl, text_width - 8.0, Font::Medium(11.0), t.weak, name);
        }
        kit.hline(r.left(), r.top() + 24.0, r.width(), t.strong_line);
    }
    if let Some(place) = heads(&Kit::new(ui, state.theme), r, &measures, aggregate, &right_of) {
        let n = aggregate.top.map_or(LIMIT, |(n, _)| n);
        let aggregate = Some(Aggregate { top: Some((n, place)), ..aggregate.clone() });
        let ordered = text(&Query { aggregate, ..query.clone() });
        state.go(Route { query: ordered, ..state.route.clone() });
    }
    let n = answer.n_rows();
    let last = n.saturating_sub(1);
    let selected = state.walk(state.figures.selected.min(last), last);
    state.figures.selected = selected;
    let most = rows(answer).filter_map(|row| row.number(&measures[0])).fold(0.0f64, f64::max);
    let body = r.with_min_y(r.top() + 25.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("figures").max_rect(body));
    child.set_clip_rect(body);
    let mut opened = None;
    ScrollArea::vertical().auto_shrink(false).id_salt("figure-rows").show_rows(&mut child, ROW, n, |ui, shown| {
        let top = ui.min_rect().top();
        for (i, place) in shown.clone().enumerate() {
            let Some(row) = row(answer, place) else { continue };
            let line = rect(r.left(), top + ROW * i as f32, r.width(), ROW);
            let kit = Kit::new(ui, state.theme);
            let t = kit.t;
            let response = kit.row(line, ("figure", place));
            kit.row_back(line, place == selected, response.hovered());
            if response.clicked() {
                state.figures.selected = place;
            }
            if response.double_clicked() {
                opened = Some(place);
            }
            let bl = line.top() + 16.5;
            let mut x = r.left() + 12.0;
            if aggregate.every.is_some() {
                kit.text_in(x, bl, text_width - 8.0, Font::Mono(11.0), t.text, &time_text(row));
                x += text_width;
            }
            for name in &aggregate.by {
                let value = row.text(&name.name);
                let (shown, color) = if value.is_empty() { ("not set", t.weak) } else { (value, t.strong) };
                let indent = if name.field == Field::Service && !value.is_empty() { 24.0 } else { 0.0 };
                if indent > 0.0 {
                    chip(&kit, x, line.top() + 6.0, value);
                }
                kit.text_in(x + indent, bl, text_width - 8.0 - indent, Font::Regular(12.0), color, shown);
                x += text_width;
            }
            for (i, name) in measures.iter().enumerate() {
                let text = row.number(name).map_or_else(|| "–".to_owned(), |value| figure(query.signal, name, value));
                let is_bad = name == "errors" && row.number(name).is_some_and(|n| n > 0.0);
                let color = match (is_bad, i) {
                    (true, _) => t.error,
                    (false, 0) => t.strong,
                    (false, _) => t.text,
                };
                kit.text_right(right_of(i), bl, Font::Mono(11.0), color, &text);
            }
            let share = row.number(&measures[0]).map_or(0.0, |v| v / most.max(1e-12)).clamp(0.0, 1.0);
            if bar > 0.0 && share > 0.0 {
                let width = ((bar - 24.0) * share as f32).max(1.0);
                kit.fill(rect(bar_x, line.top() + 9.0, width, 7.0), t.bar);
            }
            Kit::describe(&response, || {
                let first =
                    row.number(&measures[0]).map_or_else(String::new, |v| figure(query.signal, &measures[0], v));
                let names: Vec<&str> = aggregate.by.iter().map(|k| row.text(&k.name)).collect();
                format!("{} {first}", names.join(" "))
            });
        }
    });
    if state.takes(Do::Enter) {
        opened = Some(selected);
    }
    if let Some(row) = opened.and_then(|place| row(answer, place)) {
        open(state, row, query, aggregate);
    }
}

/// The records of a group: the search without its pipe, with the group's values.
fn open(state: &mut App, row: Row<'_>, query: &Query, aggregate: &Aggregate) {
    let mut terms = match &query.filter {
        Expr::All => Vec::new(),
        Expr::And(terms) => terms.clone(),
        other => vec![other.clone()],
    };
    for key in &aggregate.by {
        let value = row.text(&key.name).to_owned();
        terms.push(match (&key.field, value.is_empty()) {
            (field, true) => Expr::Not(Box::new(Expr::Field(field.clone(), Test::Exists))),
            (Field::Error, false) => Expr::Field(Field::Error, Test::Contains(value)),
            (field, false) => Expr::Field(field.clone(), Test::Equals(value)),
        });
    }
    let filter = match terms.len() {
        0 => Expr::All,
        1 => terms.remove(0),
        _ => Expr::And(terms),
    };
    let query = text(&Query { filter, ..Query::all(query.signal) });
    let fixed = aggregate.every.map(|every| (row.int("time"), row.int("time").saturating_add(every)));
    let fixed = fixed.or(state.route.fixed);
    state.go(Route { query, fixed, ..state.route.clone() });
}

/// The first measure over time, a line for each group, the largest first.
fn lines(kit: &Kit<'_>, r: Rect, answer: &Answer, query: &Query, aggregate: &Aggregate, period: (i64, i64)) {
    let signal = query.signal;
    let name = aggregate.measures[0].name();
    let mut series: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
    for row in rows(answer) {
        let group: Vec<&str> = aggregate.by.iter().map(|k| row.text(&k.name)).collect();
        if let Some(value) = row.number(&name) {
            series.entry(group.join(" · ")).or_default().push((row.int("time"), value));
        }
    }
    let mut series: Vec<(String, Vec<(i64, f64)>)> = series.into_iter().collect();
    let sum = |points: &[(i64, f64)]| points.iter().map(|p| p.1).sum::<f64>();
    series.sort_by(|a, b| sum(&b.1).total_cmp(&sum(&a.1)));
    let n_all = series.len();
    let line = |(i, (group, points)): (usize, (String, Vec<(i64, f64)>))| {
        let color = colour(kit, aggregate, &group, i);
        Line { name: if group.is_empty() { name.clone() } else { group }, points, color }
    };
    let lines: Vec<Line> = series.into_iter().take(MAX_LINES).enumerate().map(line).collect();
    let most = lines.iter().flat_map(|l| &l.points).map(|p| p.1).fold(0.0f64, f64::max).max(1e-12);
    let figure = |value: f64| figure(signal, &name, value);
    let every = aggregate.every.unwrap_or(1);
    Chart { lines: &lines, n_all, period, every, ends: (0.0, most), figure: &figure }.show(kit, r);
}

/// The colour of the line at place `i`: that of its service or level, or else one that no other line has.
fn colour(kit: &Kit<'_>, aggregate: &Aggregate, group: &str, i: usize) -> eframe::egui::Color32 {
    let t = kit.t;
    match aggregate.by.as_slice() {
        [] => t.accent,
        [one] if one.field == Field::Service => t.service(group),
        [one] if one.field == Field::Level => match group {
            "FATAL" | "ERROR" => t.error,
            "WARN" => t.warn,
            "INFO" => t.info,
            "DEBUG" => t.bar,
            _ => t.weak,
        },
        [one] if one.field == Field::Status || one.field == Field::Error => match group {
            "Error" | "true" => t.error,
            "Ok" => t.ok,
            _ => t.info,
        },
        _ => t.ink(Ink::Service((i % 12) as u8)),
    }
}
