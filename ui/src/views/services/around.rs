//! What is around a service: its operations, who calls it, whom it calls, its slowest traces and its errors.

use super::{REQUESTS, figures};
use crate::app::State as App;
use crate::data::{Row, duration, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, chip, rect};
use crate::route::{Route, View};
use crate::views::facets::with_value;
use crate::views::{key, states};
use eframe::egui::{Color32, Rect, ScrollArea, Ui, UiBuilder};
use sextant_contract::{Answer, Ask, Period};
use sextant_queries::exact;
use std::rc::Rc;

/// Which table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tab {
    #[default]
    Operations,
    Callers,
    Calls,
    Slowest,
    Errors,
}

const TABS: [(Tab, &str); 5] = [
    (Tab::Operations, "Operations"),
    (Tab::Callers, "Called by"),
    (Tab::Calls, "Calls"),
    (Tab::Slowest, "Slowest"),
    (Tab::Errors, "Errors"),
];
const ROW: f32 = 24.0;
const TOP: f32 = 30.0;

/// A line: a name, figures to its right, and where it leads.
struct Line {
    /// Whose chip stands before it.
    service: Option<String>,
    name: String,
    figures: Vec<(String, Tone)>,
    route: Route,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Plain,
    Weak,
    Error,
}

struct Table {
    first: &'static str,
    heads: &'static [&'static str],
    lines: Vec<Line>,
}

fn count_of_errors(n: i64) -> (String, Tone) {
    (thousands(n), if n > 0 { Tone::Error } else { Tone::Weak })
}

fn time(row: Row<'_>, name: &str) -> (String, Tone) {
    (row.number(name).map_or_else(|| "–".to_owned(), |n| duration(n as i64)), Tone::Plain)
}

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, service: &str) {
    tabs(ui, state, r);
    let body = r.with_min_y(r.top() + TOP);
    let table = match state.services.tab {
        Tab::Operations => operations(ui, state, service),
        Tab::Callers => neighbours(ui, state, service, true),
        Tab::Calls => neighbours(ui, state, service, false),
        Tab::Slowest => slowest(ui, state, service),
        Tab::Errors => errors(ui, state, service),
    };
    let Some(table) = table else {
        return states::loading(&Kit::new(ui, state.theme), body);
    };
    if table.lines.is_empty() {
        let kit = Kit::new(ui, state.theme);
        let words = match state.services.tab {
            Tab::Callers => "Nobody who is seen here calls it: its requests come from outside.",
            Tab::Calls => "It calls nobody who is seen here.",
            Tab::Errors => "No span of it failed in this period.",
            _ => "Nothing in this period.",
        };
        kit.text_in(body.left() + 12.0, body.top() + 22.0, body.width(), Font::Regular(12.0), kit.t.weak, words);
        return;
    }
    list(ui, state, body, &table);
}

fn tabs(ui: &Ui, state: &mut App, r: Rect) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.top(), r.width(), t.hair);
    let mut x = r.left() + 12.0;
    for (tab, word) in TABS {
        let is_on = tab == state.services.tab;
        let end = kit.text(x, r.top() + 20.0, Font::Medium(12.0), if is_on { t.strong } else { t.text }, word);
        if is_on {
            kit.fill(rect(x, r.top() + TOP - 3.0, end - x, 2.0), t.accent);
        }
        if kit.click(rect(x - 6.0, r.top() + 2.0, end - x + 12.0, TOP - 4.0), ("around", word), word).clicked() {
            state.services.tab = tab;
        }
        x = end + 20.0;
    }
}

/// The traces of a service with something more.
fn traces(state: &App, service: &str, more: &[(&str, &str)]) -> Route {
    let mut query = with_value("", "service", service, false);
    for (field, value) in more {
        query = with_value(&query, field, value, false);
    }
    Route { view: View::Traces, query, ..state.route.clone() }
}

fn operations(ui: &Ui, state: &mut App, service: &str) -> Option<Table> {
    let figures_of = "count, errors, p50(duration), p95(duration), p99(duration), sum(duration)";
    let query = format!("service:{} | {figures_of} by name | top 200 by sum(duration)", exact(service));
    let answer = figures(ui, state, &format!("operations {service}"), query)?;
    let total = rows(&answer).filter_map(|row| row.number("sum(duration)")).sum::<f64>().max(1.0);
    let line = |row: Row<'_>| {
        let share = 100.0 * row.number("sum(duration)").unwrap_or(0.0) / total;
        let mut figures = vec![(thousands(row.int("count")), Tone::Plain), count_of_errors(row.int("errors"))];
        figures.extend(["p50(duration)", "p95(duration)", "p99(duration)"].map(|name| time(row, name)));
        figures.push((format!("{share:.1} %"), Tone::Plain));
        let name = row.text("name").to_owned();
        let route = traces(state, service, &[("name", &name)]);
        Line { service: None, name, figures, route }
    };
    let lines = rows(&answer).map(line).collect();
    Some(Table { first: "Operation", heads: &["Spans", "Errors", "p50", "p95", "p99", "Share of time"], lines })
}

fn neighbours(ui: &Ui, state: &mut App, service: &str, are_callers: bool) -> Option<Table> {
    let (from, to) = state.route.period();
    let period = Period { from: Some(from), to: Some(to) };
    let is_live = state.route.is_live();
    let name = key(state, &format!("dependencies {service}"));
    let ask = || Ask::Dependencies { service: Some(service.to_owned()), period };
    let answer: Rc<Answer> = state.asks.ask(ui.ctx(), &name, is_live, ask).answer?;
    let (mine, other) = if are_callers { ("child", "parent") } else { ("parent", "child") };
    let mut found: Vec<Row<'_>> = rows(&answer).filter(|row| row.text(mine) == service).collect();
    found.sort_by_key(|row| std::cmp::Reverse(row.int("calls")));
    let line = |row: &Row<'_>| {
        let (calls, errors) = (row.int("calls"), row.int("errors"));
        let share = format!("{:.2} %", 100.0 * errors as f64 / calls.max(1) as f64);
        let rate = calls as f64 / ((to - from) as f64 / 1e9);
        let figures = vec![
            (thousands(calls), Tone::Plain),
            (super::rate_text(rate), Tone::Plain),
            count_of_errors(errors),
            (share, if errors > 0 { Tone::Error } else { Tone::Weak }),
        ];
        let neighbour = row.text(other).to_owned();
        let route = Route { query: with_value("", "service", &neighbour, false), ..state.route.clone() };
        Line { service: Some(neighbour.clone()), name: neighbour, figures, route }
    };
    let lines = found.iter().map(line).collect();
    Some(Table { first: "Service", heads: &["Calls", "/s", "Errors", "Share"], lines })
}

fn slowest(ui: &Ui, state: &mut App, service: &str) -> Option<Table> {
    let query = format!("service:{} {REQUESTS} | max(duration), errors by trace, name | top 50", exact(service));
    let answer = figures(ui, state, &format!("slowest {service}"), query)?;
    let line = |row: Row<'_>| {
        let trace = row.text("trace").to_owned();
        let figures = vec![
            (trace.chars().take(16).collect(), Tone::Weak),
            count_of_errors(row.int("errors")),
            time(row, "max(duration)"),
        ];
        let none = String::new;
        let route = Route { view: View::Trace, trace, span: none(), other: none(), ..state.route.clone() };
        Line { service: None, name: row.text("name").to_owned(), figures, route }
    };
    let lines = rows(&answer).map(line).collect();
    Some(Table { first: "Request", heads: &["Trace", "Errors", "Duration"], lines })
}

fn errors(ui: &Ui, state: &mut App, service: &str) -> Option<Table> {
    let query = format!("service:{} error:true | count by name, StatusMessage | top 100", exact(service));
    let answer = figures(ui, state, &format!("errors {service}"), query)?;
    let line = |row: Row<'_>| {
        let name = row.text("name");
        let route = traces(state, service, &[("name", name), ("error", "true")]);
        let message = row.text("StatusMessage");
        let said = if message.is_empty() { name.to_owned() } else { format!("{name}: {message}") };
        Line { service: None, name: said, figures: vec![count_of_errors(row.int("count"))], route }
    };
    let lines = rows(&answer).map(line).collect();
    Some(Table { first: "What failed", heads: &["Spans"], lines })
}

fn list(ui: &mut Ui, state: &mut App, r: Rect, table: &Table) {
    let n = table.heads.len();
    let width = if r.width() < 760.0 { 78.0 } else { 118.0 };
    let right = |i: usize| r.right() - 16.0 - width * (n - 1 - i) as f32;
    {
        let kit = Kit::new(ui, state.theme);
        let t = kit.t;
        let bl = r.top() + 13.0;
        kit.text(r.left() + 12.0, bl, Font::Medium(11.0), t.weak, table.first);
        for (i, word) in table.heads.iter().enumerate() {
            kit.text_right(right(i), bl, Font::Medium(11.0), t.weak, word);
        }
        kit.hline(r.left(), r.top() + 20.0, r.width(), t.strong_line);
    }
    let body = r.with_min_y(r.top() + 21.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("around").max_rect(body));
    child.set_clip_rect(body);
    let mut wanted = None;
    ScrollArea::vertical().auto_shrink(false).id_salt("around-rows").show_rows(
        &mut child,
        ROW,
        table.lines.len(),
        |ui, shown| {
            let top = ui.min_rect().top();
            for (i, place) in shown.clone().enumerate() {
                let Some(one) = table.lines.get(place) else { continue };
                let line = rect(r.left(), top + ROW * i as f32, r.width(), ROW);
                let kit = Kit::new(ui, state.theme);
                let t = kit.t;
                let response = kit.row(line, ("around", place));
                Kit::describe(&response, || {
                    let figures: Vec<String> =
                        one.figures.iter().zip(table.heads).map(|((text, _), head)| format!("{text} {head}")).collect();
                    format!("{}: {}", one.name, figures.join(", "))
                });
                kit.row_back(line, false, response.hovered());
                let bl = line.top() + 16.5;
                let mut x = line.left() + 12.0;
                if let Some(service) = &one.service {
                    chip(&kit, x, line.top() + 6.0, service);
                    x += 24.0;
                }
                kit.text_in(x, bl, right(0) - width - x, Font::Regular(12.0), t.strong, &one.name);
                for (i, (text, tone)) in one.figures.iter().enumerate() {
                    let color: Color32 = match tone {
                        Tone::Plain => t.text,
                        Tone::Weak => t.weak,
                        Tone::Error => t.error,
                    };
                    kit.text_right(right(i), bl, Font::Mono(11.0), color, text);
                }
                kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
                if response.clicked() {
                    wanted = Some(one.route.clone());
                }
            }
        },
    );
    if let Some(route) = wanted {
        if route.view == View::Services {
            // Another service of this page.
            state.services.selected = None;
        }
        state.go(route);
    }
}
