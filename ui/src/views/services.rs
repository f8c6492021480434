//! Services: requests, errors, Apdex and durations of each, and one of them in detail: over time, and by what is around it.

mod around;

use super::{key, partial, report, states};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{Row, ceiling, duration, row, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect, service};
use crate::route::{N_STEPS, Route, View};
use crate::views::home::time_scale;
use eframe::egui::{Color32, Pos2, Rect, ScrollArea, Ui, UiBuilder, pos2};
use sextant_contract::{Answer, Ask, Period, SearchAsk, SearchKind};
use sextant_model::Signal;
use sextant_model::query::{APDEX_NANOS, Expr, Field, Function, Measure, Test};
use sextant_queries::{exact, parse};
use std::collections::BTreeMap;

/// By what the list is ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Order {
    #[default]
    P99,
    Rate,
    Errors,
    Name,
}

/// What is chosen in the list.
#[derive(Debug, Default)]
pub(crate) struct State {
    order: Order,
    selected: Option<String>,
    /// Which table is shown below a service.
    tab: around::Tab,
}

const ROW: f32 = 33.0;
/// What counts as a request: spans that serve or consume, and roots of any kind.
const REQUESTS: &str = "(kind:(server OR consumer) OR -ParentSpanId:*)";
/// Shorter ones are drawn at the left end, longer ones at the right.
const ENDS: (f64, f64) = (1e5, 1e10);

/// Requests of a service in each part of the period, and how many failed.
type Parts = BTreeMap<String, (Vec<f32>, Vec<f32>)>;

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let (from, to) = state.route.period();
    let period = Period { from: Some(from), to: Some(to) };
    let is_live = state.route.is_live();
    let slot = state.asks.ask(ui.ctx(), &key(state, "services"), is_live, || Ask::Services { period });
    state.shown.clone_from(&slot.asked);
    state.status.keys = vec![("j", "down"), ("k", "up"), ("s", "order"), ("Enter", "its traces"), ("?", "keys")];
    if let (Some(e), None) = (&slot.error, slot.get()) {
        return states::error(&Kit::new(ui, state.theme), main, e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), main);
    };
    let is_unused = !state.route.query.is_empty() && named(state).is_none();
    tabs(&Kit::new(ui, state.theme), main, answer.n_rows(), is_unused);
    let body = main.with_min_y(main.top() + 36.0);
    if answer.n_rows() == 0 {
        report(state, vec!["Showing".into(), "0 of 0".into(), "services".into()], &slot);
        return states::nothing(ui, state, body, "No service had spans in this period", "traces");
    }
    let parts = parts(ui, state, (from, to));
    let satisfied = apdex(ui, state);
    if state.takes(Do::Order) {
        state.services.order = match state.services.order {
            Order::P99 => Order::Rate,
            Order::Rate => Order::Errors,
            Order::Errors => Order::Name,
            Order::Name => Order::P99,
        };
    }
    let order = ordered(&answer, state.services.order);
    let selected = moves(state, &answer, &order);
    let body = partial(ui, state, body, &slot);
    let has_detail = body.height() > 460.0;
    let list_height = 60.0 + ROW * order.len() as f32;
    let split = if has_detail { (body.height() * 0.5).min(list_height) } else { body.height() };
    list(ui, state, body.with_max_y(body.top() + split), &answer, &order, selected, (&parts, &satisfied));
    let name = row(&answer, order[selected]).map(|r| r.text("service").to_owned()).unwrap_or_default();
    if has_detail {
        let detail = body.with_min_y(body.top() + split);
        if let Some(row) = row(&answer, order[selected]) {
            self::detail(ui, state, detail, row, &name, &parts);
        }
    }
    if state.takes(Do::Enter) {
        open(state, View::Traces, &name);
    }
    let n = thousands(answer.n_rows() as i64);
    report(state, vec!["Showing".into(), format!("{n} of {n}"), "services".into()], &slot);
}

fn tabs(kit: &Kit<'_>, r: Rect, n: usize, is_unused: bool) {
    let t = kit.t;
    kit.hline(r.left(), r.top() + 35.0, r.width(), t.hair);
    let at = kit.text(r.left() + 12.0, r.top() + 22.0, Font::Medium(12.0), t.strong, "Services");
    let end = kit.text(at + 6.0, r.top() + 22.0, Font::Mono(10.5), t.weak, &thousands(n as i64));
    kit.fill(rect(r.left() + 12.0, r.top() + 33.0, end - r.left() - 12.0, 2.0), t.accent);
    let (words, color) = if is_unused {
        ("all services are shown: of the search only service:\"…\" counts here", t.warn)
    } else {
        ("requests: spans that serve or consume, and roots", t.weak)
    };
    kit.text_right(r.right() - 12.0, r.top() + 22.0, Font::Regular(12.0), color, words);
}

/// A search for figures.
fn figures(ui: &Ui, state: &mut App, name: &str, query: String) -> Option<std::rc::Rc<Answer>> {
    let (from, to) = state.route.period();
    let is_live = state.route.is_live();
    let period = Period { from: Some(from), to: Some(to) };
    let name = key(state, &format!("services {name}"));
    let ask = || Ask::Search(SearchAsk { kind: SearchKind::Spans, query, period, limit: 50_000, explain: false });
    state.asks.ask(ui.ctx(), &name, is_live, ask).answer
}

/// The length of a part as the search language writes it.
fn every((from, to): (i64, i64)) -> i64 {
    ((to - from) / N_STEPS).max(1_000_000)
}

fn parts(ui: &Ui, state: &mut App, period: (i64, i64)) -> Parts {
    let every = every(period);
    let query = format!("{REQUESTS} | count, errors by service every {every}ns");
    let mut all = Parts::new();
    let answer = figures(ui, state, "parts", query);
    for row in answer.iter().flat_map(|a| rows(a)) {
        let n_parts = N_STEPS as usize;
        let (counts, errors) =
            all.entry(row.text("service").to_owned()).or_insert_with(|| (vec![0.0; n_parts], vec![0.0; n_parts]));
        let place = ((row.int("time") - period.0).max(0) / every) as usize;
        if place < n_parts {
            counts[place] += row.int("count") as f32;
            errors[place] += row.int("errors") as f32;
        }
    }
    all
}

/// How content the clients of each service are.
fn apdex(ui: &Ui, state: &mut App) -> BTreeMap<String, f64> {
    let answer = figures(ui, state, "apdex", format!("{REQUESTS} | apdex by service"));
    let name = Measure { function: Function::Apdex(APDEX_NANOS), of: None }.name();
    let of = |row: Row<'_>| Some((row.text("service").to_owned(), row.number(&name)?));
    answer.iter().flat_map(|a| rows(a)).filter_map(of).collect()
}

fn ordered(answer: &Answer, order: Order) -> Vec<usize> {
    let figures: Vec<(f64, &str)> = rows(answer)
        .map(|r| {
            let figure = match order {
                Order::P99 => r.number("p99_ns").unwrap_or(-1.0),
                Order::Rate => r.number("rate").unwrap_or(0.0),
                Order::Errors => r.int("errors") as f64 / r.int("requests").max(1) as f64,
                Order::Name => 0.0,
            };
            (figure, r.text("service"))
        })
        .collect();
    let mut places: Vec<usize> = (0..figures.len()).collect();
    places.sort_by(|a, b| figures[*b].0.total_cmp(&figures[*a].0).then_with(|| figures[*a].1.cmp(figures[*b].1)));
    places
}

/// The service that a search is about, if it names one.
fn named(state: &App) -> Option<String> {
    match parse(Signal::Traces, &state.route.query).ok()?.filter {
        Expr::Field(Field::Service, Test::Equals(name)) => Some(name),
        _ => None,
    }
}

fn moves(state: &mut App, answer: &Answer, order: &[usize]) -> usize {
    let last = order.len().saturating_sub(1);
    let wanted = state.services.selected.clone().or_else(|| named(state));
    let is_wanted =
        |place: &usize| wanted.as_deref().is_some_and(|w| row(answer, *place).is_some_and(|r| r.text("service") == w));
    let mut at = order.iter().position(is_wanted).unwrap_or(0);
    let before = at;
    for (what, to) in [(Do::Down, (at + 1).min(last)), (Do::Up, at.saturating_sub(1)), (Do::First, 0), (Do::Last, last)]
    {
        if state.takes(what) {
            at = to;
        }
    }
    if at != before {
        state.services.selected = row(answer, order[at]).map(|r| r.text("service").to_owned());
    }
    at
}

/// Where the columns are; those without room are left out.
struct Columns {
    name: f32,
    rate: Option<f32>,
    errors: Option<f32>,
    apdex: Option<f32>,
    bar: Option<(f32, f32)>,
    rights: [f32; 5],
}

impl Columns {
    fn of(r: Rect) -> Self {
        let (x, w) = (r.left(), r.width());
        let right = r.right() - 16.0;
        // From the right: three quantiles, then what there is room for.
        let quantiles = [right - 176.0, right - 88.0, right];
        if w < 760.0 {
            let share = quantiles[0] - 88.0;
            return Self {
                name: x + 12.0,
                rate: None,
                errors: None,
                apdex: None,
                bar: None,
                rights: [share - 64.0, share, quantiles[0], quantiles[1], quantiles[2]],
            };
        }
        let rate = x + 236.0;
        let errors = rate + 202.0;
        let share = errors + 196.0;
        let apdex = (w > 900.0).then_some(share + 76.0);
        let bar = (apdex.unwrap_or(share) + 24.0, quantiles[0] - 84.0);
        let bar = (bar.1 - bar.0 > 60.0).then_some(bar);
        Self {
            name: x + 12.0,
            rate: Some(rate),
            errors: Some(errors),
            apdex,
            bar,
            rights: [rate + 186.0, share, quantiles[0], quantiles[1], quantiles[2]],
        }
    }
}

fn place_of(nanos: f64, (left, right): (f32, f32)) -> f32 {
    let share = (nanos.clamp(ENDS.0, ENDS.1) / ENDS.0).ln() / (ENDS.1 / ENDS.0).ln();
    left + (right - left) * share as f32
}

fn list(
    ui: &mut Ui,
    state: &mut App,
    r: Rect,
    answer: &Answer,
    order: &[usize],
    selected: usize,
    more: (&Parts, &BTreeMap<String, f64>),
) {
    let x = Columns::of(r);
    head(&Kit::new(ui, state.theme), state, r, &x);
    let body = r.with_min_y(r.top() + 25.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("services").max_rect(body));
    child.set_clip_rect(body);
    ScrollArea::vertical().auto_shrink(false).id_salt("service-rows").show_rows(
        &mut child,
        ROW,
        order.len(),
        |ui, shown| {
            let top = ui.min_rect().top();
            for (i, place) in shown.clone().enumerate() {
                let Some(row) = order.get(place).and_then(|p| row(answer, *p)) else { continue };
                let line = rect(r.left(), top + ROW * i as f32, r.width(), ROW);
                let kit = Kit::new(ui, state.theme);
                let name = row.text("service");
                let response = kit.row(line, ("service", name));
                Kit::describe(&response, || format!("{name} {} requests", row.int("requests")));
                kit.row_back(line, place == selected, response.hovered());
                service_row(&kit, line, &x, row, more);
                if response.clicked() {
                    state.services.selected = Some(name.to_owned());
                }
                if response.double_clicked() {
                    let name = name.to_owned();
                    open(state, View::Traces, &name);
                }
            }
        },
    );
}

fn head(kit: &Kit<'_>, state: &App, r: Rect, x: &Columns) {
    let t = kit.t;
    let bl = r.top() + 16.0;
    let order = state.services.order;
    let color = |is: Order| if order == is { t.strong } else { t.weak };
    kit.text(x.name, bl, Font::Medium(11.0), color(Order::Name), "Service");
    if let (Some(rate), Some(errors)) = (x.rate, x.errors) {
        kit.text(rate, bl, Font::Medium(11.0), t.weak, "Requests");
        kit.text(errors, bl, Font::Medium(11.0), t.weak, "Errors");
    }
    if let Some(right) = x.apdex {
        let area = rect(right - 52.0, r.top(), 52.0, 24.0);
        let words = "Requests within 0.5 s, and half of those within 2 s, among all; failed ones satisfy nobody";
        kit.row(area, "apdex head").on_hover_text(words);
        kit.text_right(right, bl, Font::Medium(11.0), t.weak, "Apdex");
    }
    let words =
        [("/s", Order::Rate), ("share", Order::Errors), ("p50", Order::P99), ("p95", Order::P99), ("p99", Order::P99)];
    for (i, (word, by)) in words.into_iter().enumerate() {
        let is_bright = i != 2 && i != 3;
        kit.text_right(x.rights[i], bl, Font::Medium(11.0), if is_bright { color(by) } else { t.weak }, word);
    }
    if let Some(bar) = x.bar {
        for nanos in [1e6, 1e7, 1e8, 1e9] {
            kit.text_mid(
                place_of(nanos, bar),
                bl,
                Font::Mono(10.5),
                t.weak,
                &duration(nanos as i64).replace(".000", "").replace(".00", "").replace(".0", ""),
            );
        }
    }
    kit.hline(r.left(), r.top() + 24.0, r.width(), t.strong_line);
}

fn service_row(
    kit: &Kit<'_>,
    line: Rect,
    x: &Columns,
    row: Row<'_>,
    (parts, satisfied): (&Parts, &BTreeMap<String, f64>),
) {
    let t = kit.t;
    let name = row.text("service");
    let bl = line.top() + 21.0;
    let until = x.rate.unwrap_or(x.rights[0] - 60.0);
    service(kit, x.name, bl, until - x.name - 16.0, name);
    let hue = t.service(name);
    if let (Some(rate), Some(errors), Some((counts, failed))) = (x.rate, x.errors, parts.get(name)) {
        spark(kit, rect(rate, line.top() + 8.0, 118.0, 17.0), counts, hue);
        bars(kit, rect(errors, line.top() + 8.0, 118.0, 17.0), failed, t.error);
    }
    kit.text_right(x.rights[0], bl, Font::Mono(11.0), t.strong, &rate_text(row.number("rate").unwrap_or(0.0)));
    let (requests, errors) = (row.int("requests"), row.int("errors"));
    let (text, color) = share_text(errors, requests, kit);
    kit.text_right(x.rights[1], bl, Font::Mono(11.0), color, &text);
    if let Some(right) = x.apdex {
        let score = satisfied.get(name).copied();
        // Below 0.85 is called fair, below 0.7 poor.
        let color = match score {
            Some(score) if score < 0.7 => t.error,
            Some(score) if score < 0.85 => t.warn,
            _ => t.text,
        };
        let text = score.map_or_else(|| "–".to_owned(), |score| format!("{score:.2}"));
        kit.text_right(right, bl, Font::Mono(11.0), color, &text);
    }
    let quantiles = ["p50_ns", "p95_ns", "p99_ns"].map(|name| row.number(name));
    for (i, nanos) in quantiles.iter().enumerate() {
        let text = nanos.map_or_else(|| "–".to_owned(), |n| duration(n as i64));
        kit.text_right(x.rights[2 + i], bl, Font::Mono(11.0), if i == 2 { t.strong } else { t.text }, &text);
    }
    if let (Some(bar), [Some(p50), Some(p95), Some(p99)]) = (x.bar, quantiles) {
        let at = |nanos| place_of(nanos, bar);
        kit.hline(bar.0, line.top() + 22.0, bar.1 - bar.0, t.hair);
        kit.fill(rect(at(p50), line.top() + 12.0, (at(p99) - at(p50)).max(2.0), 5.0), hue);
        kit.fill(rect(at(p50) - 1.0, line.top() + 9.0, 2.0, 11.0), t.strong);
        kit.fill(rect(at(p95), line.top() + 12.0, 1.0, 5.0), t.bg_panel);
        kit.fill(rect(at(p99), line.top() + 9.0, 1.0, 11.0), hue);
    }
    kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
}

fn rate_text(rate: f64) -> String {
    if rate >= 100.0 { thousands(rate.round() as i64) } else { format!("{rate:.2}") }
}

fn share_text(errors: i64, requests: i64, kit: &Kit<'_>) -> (String, Color32) {
    if errors == 0 {
        return ("0".into(), kit.t.weak);
    }
    let share = 100.0 * errors as f64 / requests.max(1) as f64;
    (format!("{share:.2} %"), if share >= 1.0 { kit.t.error } else { kit.t.strong })
}

fn spark(kit: &Kit<'_>, r: Rect, counts: &[f32], color: Color32) {
    let most = counts.iter().copied().fold(0.0f32, f32::max).max(1.0);
    let step = r.width() / (counts.len() - 1).max(1) as f32;
    let points: Vec<Pos2> = counts
        .iter()
        .enumerate()
        .map(|(i, n)| pos2(r.left() + step * i as f32, r.bottom() - r.height() * n / most))
        .collect();
    kit.hline(r.left(), r.bottom(), r.width(), kit.t.hair);
    kit.line(&points, 1.25, color);
}

fn bars(kit: &Kit<'_>, r: Rect, counts: &[f32], color: Color32) {
    let most = counts.iter().copied().fold(0.0f32, f32::max);
    kit.hline(r.left(), r.bottom(), r.width(), kit.t.hair);
    let step = r.width() / counts.len().max(1) as f32;
    for (i, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0.0) {
        let h = (r.height() * n / most).max(1.5);
        kit.fill(rect(r.left() + step * i as f32, r.bottom() - h, (step - 0.5).max(1.0), h), color);
    }
}

fn open(state: &mut App, view: View, name: &str) {
    let query = crate::views::facets::with_value("", "service", name, false);
    state.go(Route { view, query, ..state.route.clone() });
}

/// One service: requests, errors and durations over time, and its operations.
fn detail(ui: &mut Ui, state: &mut App, r: Rect, row: Row<'_>, name: &str, parts: &Parts) {
    let period = state.route.period();
    let quoted = exact(name);
    let every = every(period);
    let times = figures(
        ui,
        state,
        &format!("durations {name}"),
        format!("service:{quoted} {REQUESTS} | p50(duration), p95(duration), p99(duration) every {every}ns"),
    );
    let mut wanted = None;
    {
        let kit = Kit::new(ui, state.theme);
        let t = kit.t;
        kit.hline(r.left(), r.top(), r.width(), t.strong_line);
        let at = service(&kit, r.left() + 12.0, r.top() + 22.5, 320.0, name);
        let words = format!("{} requests", thousands(row.int("requests")));
        kit.text(at + 8.0, r.top() + 22.5, Font::Regular(12.0), t.weak, &words);
        let mut right = r.right() - 12.0;
        for (text, icon, view) in [("Logs", "logs", View::Logs), ("Traces", "traces", View::Traces)] {
            let b = Button { text, icon: Some(icon), is_small: true, ..Button::default() };
            right -= b.width(&kit);
            if button(&kit, right, r.top() + 7.0, b).clicked() {
                wanted = Some(view);
            }
            right -= 8.0;
        }
        kit.hline(r.left(), r.top() + 36.0, r.width(), t.hair);
        crate::marks::only_of(ui, state, name);
        charts(&kit, rect(r.left(), r.top() + 37.0, r.width(), 152.0), period, row, parts.get(name), times.as_deref());
    }
    if let Some(view) = wanted {
        return open(state, view, name);
    }
    let table = r.with_min_y(r.top() + 189.0);
    if table.height() > 60.0 {
        around::show(ui, state, table, name);
    }
}

fn charts(
    kit: &Kit<'_>,
    r: Rect,
    period: (i64, i64),
    row: Row<'_>,
    parts: Option<&(Vec<f32>, Vec<f32>)>,
    times: Option<&Answer>,
) {
    let t = kit.t;
    let w = (r.width() / 3.0).floor();
    let seconds = every(period) as f32 / 1e9;
    let hue = t.service(row.text("service"));
    let frame = |i: usize, title: &str, figure: &str, color: Color32| {
        let area = rect(r.left() + w * i as f32, r.top(), w, r.height());
        if i > 0 {
            kit.vline(area.left(), area.top(), area.height(), t.hair);
        }
        kit.text(area.left() + 12.0, area.top() + 20.0, Font::Semibold(12.0), t.strong, title);
        kit.text_right(area.right() - 12.0, area.top() + 20.0, Font::Mono(11.0), color, figure);
        let plot = rect(area.left() + 64.0, area.top() + 34.0, area.width() - 84.0, area.height() - 66.0);
        time_scale(kit, plot, period);
        plot
    };
    let scale = |plot: Rect, most: &str| {
        kit.hline(plot.left(), plot.top(), plot.width(), t.hair);
        kit.text_right(plot.left() - 8.0, plot.top() + 4.0, Font::Mono(10.5), t.weak, most);
        kit.text_right(plot.left() - 8.0, plot.bottom() + 4.0, Font::Mono(10.5), t.weak, "0");
    };
    let plot = frame(0, "Requests", &format!("{} /s", rate_text(row.number("rate").unwrap_or(0.0))), t.strong);
    let (share, color) = share_text(row.int("errors"), row.int("requests"), kit);
    let errors = frame(1, "Errors", &format!("{} · {share}", thousands(row.int("errors"))), color);
    if let Some((counts, failed)) = parts {
        let most = counts.iter().copied().fold(0.0f32, f32::max);
        scale(plot, &format!("{} /s", rate_text(f64::from(most / seconds))));
        spark(kit, plot, counts, hue);
        let most = failed.iter().copied().fold(0.0f32, f32::max);
        scale(errors, &thousands(most as i64));
        bars(kit, errors, failed, t.error);
    }
    let text = |name: &str| row.number(name).map_or_else(|| "–".to_owned(), |n| duration(n as i64));
    let words = if w < 400.0 {
        format!("p99 {}", text("p99_ns"))
    } else {
        format!("p50 {}  p95 {}  p99 {}", text("p50_ns"), text("p95_ns"), text("p99_ns"))
    };
    let plot = frame(2, "Duration", &words, t.text);
    let Some(answer) = times else { return };
    let most = rows(answer).filter_map(|r| r.number("p99(duration)")).fold(0.0f64, f64::max).max(1.0);
    let most = ceiling(most);
    scale(plot, &duration(most as i64));
    for (name, width, color) in
        [("p50(duration)", 1.25, t.weak), ("p95(duration)", 1.25, t.text), ("p99(duration)", 1.75, hue)]
    {
        let mut part: Vec<Pos2> = Vec::new();
        let mut last: Option<i64> = None;
        for row in rows(answer) {
            let (at, Some(value)) = (row.int("time"), row.number(name)) else { continue };
            let share = (at - period.0) as f64 / (period.1 - period.0).max(1) as f64;
            if last.is_some_and(|last| at - last > 2 * every(period)) {
                kit.line(&part, width, color);
                part.clear();
            }
            part.push(pos2(
                plot.left() + plot.width() * share.clamp(0.0, 1.0) as f32,
                plot.bottom() - plot.height() * (value / most) as f32,
            ));
            last = Some(at);
        }
        match part.as_slice() {
            [one] => {
                kit.paint.circle_filled(*one, 1.8, color);
            }
            part => kit.line(part, width, color),
        }
    }
}
