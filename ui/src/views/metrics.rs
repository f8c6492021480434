//! Metrics: which there are, and one of them over time, by a label, with exemplars and its distribution.

mod heat;
mod list;

use super::chart::{Chart, Line, MAX_LINES};
use super::{key, partial, report, search, states};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{bytes, clock, duration, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, chip, rect, seg};
use crate::overlay::menu;
use crate::route::{Route, View};
use eframe::egui::{Rect, ScrollArea, Sense, Shape, Stroke, Ui, UiBuilder, pos2, vec2};
use serde_json::Value;
use sextant_charts::Ink;
use sextant_contract::{Ask, MetricAsk, SearchKind};

/// What is typed into the find box, and whether lines have the colours of services.
#[derive(Debug, Default)]
pub(crate) struct State {
    list: list::State,
    is_by_service: bool,
}

const LIST: f32 = 264.0;
const N_STEPS: u32 = 120;

/// What is shown of the metric that is chosen: its kind and name, the figure, the label that groups.
struct Shown {
    kind: String,
    name: String,
    figure: String,
    by: String,
}

impl Shown {
    fn of(route: &Route) -> Option<Self> {
        let (kind, name) = route.other.split_once(' ')?;
        let (figure, by) = route.span.split_once(' ').unwrap_or((&route.span, ""));
        Some(Self { kind: kind.into(), name: name.into(), figure: figure.into(), by: by.into() })
    }

    fn route(&self, route: &Route) -> Route {
        let other = format!("{} {}", self.kind, self.name);
        let span = if self.by.is_empty() { self.figure.clone() } else { format!("{} {}", self.figure, self.by) };
        Route { view: View::Metrics, other, span, ..route.clone() }
    }
}

/// A value as people read it, by its unit.
fn value_text(unit: &str, figure: &str, value: f64) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    if figure == "count" || figure == "increase" {
        return plain(value);
    }
    if figure == "rate" {
        return format!("{}/s", if unit == "By" { bytes(value.max(0.0).round() as u64) } else { plain(value) });
    }
    let scale = match unit {
        "s" => 1e9,
        "ms" => 1e6,
        "us" | "µs" => 1e3,
        "ns" => 1.0,
        "By" => return bytes(value.max(0.0).round() as u64),
        "%" => return format!("{} %", plain(value)),
        _ => return plain(value),
    };
    duration((value * scale) as i64)
}

fn plain(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 {
        thousands(value as i64)
    } else if value.abs() >= 1_000.0 {
        thousands(value.round() as i64)
    } else if value.abs() >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    }
}

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let wanted = search(state, SearchKind::Metrics, 0);
    let name = key(state, "metric names");
    let is_live = state.route.is_live();
    let names = state.asks.ask(ui.ctx(), &name, is_live, || Ask::MetricNames(wanted));
    state.shown.clone_from(&names.asked);
    state.status.keys = vec![("j", "next metric"), ("k", "previous"), ("/", "search"), ("?", "keys")];
    if let (Some(e), None) = (&names.error, names.get()) {
        return states::error(&Kit::new(ui, state.theme), main, e);
    }
    let Some(answer) = names.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), main);
    };
    let n = answer.n_rows();
    report(state, vec!["Showing".into(), thousands(n as i64), "metrics".into()], &names);
    if n == 0 {
        return states::nothing(ui, state, main, "No metric had points in this period", "metrics");
    }
    let has_list = main.width() > 760.0;
    let left = main.with_max_x(main.left() + LIST);
    let body = if has_list { main.with_min_x(left.right()) } else { main };
    let chosen = list::show(ui, state, left, &answer, has_list);
    let Some(metric) = chosen else { return };
    let shown = Shown::of(&state.route).filter(|s| s.name == metric.name && s.kind == metric.kind);
    let shown = shown.unwrap_or(Shown {
        kind: metric.kind.clone(),
        name: metric.name.clone(),
        figure: String::new(),
        by: "service".into(),
    });
    let wanted = MetricAsk {
        search: search(state, SearchKind::Metrics, 0),
        name: shown.name.clone(),
        kind: shown.kind.clone(),
        by: Some(shown.by.clone()).filter(|by| !by.is_empty() && by != "nothing"),
        figure: shown.figure.clone(),
        n_steps: N_STEPS,
    };
    let name = key(state, &format!("metric {} {} {} {}", shown.kind, shown.name, shown.figure, shown.by));
    let slot = state.asks.ask(ui.ctx(), &name, is_live, || Ask::Metric(wanted));
    state.shown.clone_from(&slot.asked);
    if let (Some(e), None) = (&slot.error, slot.get()) {
        return states::error(&Kit::new(ui, state.theme), body, e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), body);
    };
    let head = answer.object.clone().unwrap_or_default();
    state.metrics.is_by_service = shown.by == "service";
    builder(ui, state, rect(body.left(), body.top(), body.width(), 38.0), &shown, &head);
    let body = partial(ui, state, body.with_min_y(body.top() + 38.0), &slot);
    let has_heat = head["heat"]["columns"].as_array().is_some_and(|c| !c.is_empty()) && body.height() > 420.0;
    let groups = head["groups"].as_array().cloned().unwrap_or_default();
    let table_height = (26.0 + 26.0 * groups.len().max(1) as f32).min(body.height() * 0.3).max(52.0);
    let above = body.height() - table_height;
    let chart = body.with_max_y(body.top() + if has_heat { above * 0.46 } else { above });
    lines(ui, state, chart, &answer, &metric, &head, slot.period(&state.route));
    if has_heat {
        let r = body.with_min_y(chart.bottom()).with_max_y(body.top() + above);
        heat::show(&Kit::new(ui, state.theme), r, &head, &metric.unit, slot.period(&state.route));
    }
    table(ui, state, body.with_min_y(body.top() + above), &groups, &metric.unit, &head);
    let n = thousands(head["points"].as_i64().unwrap_or(0));
    let n_groups = head["n_groups"].as_u64().unwrap_or(0);
    let showing = format!("{} of {}", groups.len().min(MAX_LINES), thousands(n_groups as i64));
    report(state, vec!["Showing".into(), showing, "series of".into(), n, "points".into()], &slot);
}

/// What is shown: the figure, and what groups.
fn builder(ui: &Ui, state: &mut App, r: Rect, shown: &Shown, head: &Value) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let bl = r.top() + 23.5;
    let mut x =
        kit.text_in(r.left() + 12.0, bl, r.width() * 0.35, Font::MonoSemibold(12.0), t.strong, &shown.name) + 16.0;
    let all: Vec<&str> = head["figures"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let on = all.iter().position(|f| head["figure"] == *f).unwrap_or(0);
    if !all.is_empty() && x + 60.0 * all.len() as f32 <= r.right() {
        x = kit.text(x, bl, Font::Regular(12.0), t.weak, "show") + 8.0;
        let (clicked, width) = seg(&kit, x, r.top() + 8.0, true, &all, on);
        if let Some(i) = clicked {
            let route = Shown { figure: all[i].to_owned(), ..shown_again(shown) }.route(&state.route);
            state.go(route);
        }
        x += width + 16.0;
    }
    if x + 160.0 > r.right() {
        return;
    }
    x = kit.text(x, bl, Font::Regular(12.0), t.weak, "by") + 8.0;
    let mut keys: Vec<&str> = vec!["service", "nothing"];
    keys.extend(head["keys"].as_array().into_iter().flatten().filter_map(Value::as_str));
    let by = if shown.by.is_empty() { "nothing" } else { &shown.by };
    let w = kit.width(Font::Mono(11.0), by) + 38.0;
    let field = rect(x, r.top() + 8.0, w, 22.0);
    kit.round(field, 4, t.bg_raised);
    kit.border(field, 4, t.strong_line);
    kit.text(x + 9.0, field.top() + 15.0, Font::Mono(11.0), t.strong, by);
    let cx = field.right() - 17.0;
    let caret =
        vec![pos2(cx, field.top() + 9.0), pos2(cx + 8.0, field.top() + 9.0), pos2(cx + 4.0, field.top() + 14.0)];
    kit.paint.add(Shape::convex_polygon(caret, t.strong, Stroke::NONE));
    let response = kit.click(field, "metric by", "Group by");
    if let Some(chosen) = menu::show(&response, state.theme, &keys, by) {
        let route = Shown { by: chosen, ..shown_again(shown) }.route(&state.route);
        state.go(route);
    }
    x += w + 16.0;
    let step = head["step"].as_i64().unwrap_or(0);
    let mut words = vec![format!("each {}", crate::data::step(step))];
    match head["resets"].as_i64().unwrap_or(0) {
        0 => {}
        n => words.push(format!("{} resets handled", thousands(n))),
    }
    match head["refused"].as_i64().unwrap_or(0) {
        0 => {}
        n if shown.kind.ends_with("histogram") => {
            words.push(format!("{} points with other bounds left out", thousands(n)));
        }
        n => words.push(format!("{} values that are no numbers left out", thousands(n))),
    }
    kit.text_in(x, bl, (r.right() - 12.0 - x).max(0.0), Font::Regular(12.0), t.weak, &words.join(" · "));
}

fn shown_again(shown: &Shown) -> Shown {
    Shown { kind: shown.kind.clone(), name: shown.name.clone(), figure: shown.figure.clone(), by: shown.by.clone() }
}

/// The figure over time, a line for each group, and exemplars that lead to their traces.
fn lines(
    ui: &Ui,
    state: &mut App,
    r: Rect,
    answer: &sextant_contract::Answer,
    metric: &list::Metric,
    head: &Value,
    period: (i64, i64),
) {
    let kit = Kit::new(ui, state.theme);
    let name = head["figure"].as_str().unwrap_or_default();
    let mut all: Vec<Line> = Vec::new();
    for row in rows(answer) {
        let group = row.text("group");
        if all.last().is_none_or(|l| l.name != group) {
            if all.len() == MAX_LINES {
                break;
            }
            let color = color_of(&kit, state.metrics.is_by_service, group, all.len());
            all.push(Line { name: group.to_owned(), points: Vec::new(), color });
        }
        if let (Some(line), Some(value)) = (all.last_mut(), row.number("value")) {
            line.points.push((row.int("time"), value));
        }
    }
    for line in all.iter_mut().filter(|l| l.name.is_empty()) {
        line.name = format!("{name} of all");
    }
    let exemplars: Vec<(i64, f64, &str, &str, &str)> = head["exemplars"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|e| Some((e[0].as_i64()?, e[1].as_f64()?, e[2].as_str()?, e[3].as_str()?, e[4].as_str()?)))
        .filter(|e| e.0 >= period.0 && e.0 < period.1)
        .collect();
    let has_exemplars = name.starts_with('p') || matches!(name, "avg" | "min" | "max");
    let mut ends = Chart::ends_of(&all);
    let n_groups = head["n_groups"].as_u64().unwrap_or(0) as usize;
    if has_exemplars {
        ends.1 = exemplars.iter().map(|e| e.1).fold(ends.1, f64::max);
    }
    let figure = |value: f64| value_text(&metric.unit, name, value);
    let every = head["step"].as_i64().unwrap_or(1) * 3 / 2;
    let chart = Chart { lines: &all, n_all: n_groups, period, every, ends, figure: &figure };
    chart.show(&kit, r);
    if !has_exemplars {
        return;
    }
    let plot = Chart::plot(r);
    let pointer = ui.input(|i| i.pointer.hover_pos());
    let mut under = None;
    for one in &exemplars {
        let at = chart.place(plot, (one.0, one.1));
        let size = 4.0;
        let points = vec![at - vec2(0.0, size), at + vec2(size, 0.0), at + vec2(0.0, size), at - vec2(size, 0.0)];
        let color = kit.t.service(one.4);
        kit.paint.add(Shape::convex_polygon(points, kit.t.bg_panel, Stroke::new(1.2, color)));
        if pointer.is_some_and(|p| (p - at).length() < 7.0) {
            under = Some((*one, at));
        }
    }
    if let Some((one, at)) = under {
        let response =
            kit.click(Rect::from_center_size(at, vec2(14.0, 14.0)), "exemplar", "Open the trace of this value");
        let text = figure(one.1);
        let when = clock(one.0, 3);
        let w = 240.0;
        let card = rect((at.x + 12.0).min(plot.right() - w), (at.y + 10.0).min(r.bottom() - 70.0), w, 62.0);
        kit.round(card, 6, kit.t.bg_raised);
        kit.border(card, 6, kit.t.strong_line);
        kit.text(card.left() + 10.0, card.top() + 18.0, Font::Mono(11.0), kit.t.strong, &when);
        kit.text_right(card.right() - 10.0, card.top() + 18.0, Font::Mono(11.0), kit.t.strong, &text);
        chip(&kit, card.left() + 10.0, card.top() + 25.0, one.4);
        kit.text_in(card.left() + 34.0, card.top() + 35.0, w - 44.0, Font::Regular(12.0), kit.t.strong, one.4);
        let id = one.2.get(..16).unwrap_or(one.2);
        kit.text(card.left() + 10.0, card.top() + 53.0, Font::Mono(10.5), kit.t.weak, &format!("trace {id}…"));
        kit.text_right(card.right() - 10.0, card.top() + 53.0, Font::Medium(11.0), kit.t.accent, "click opens it");
        if response.clicked() {
            let (trace, span) = (one.2.to_owned(), one.3.to_owned());
            state.go(Route {
                view: View::Trace,
                query: String::new(),
                trace,
                span,
                other: String::new(),
                ..state.route.clone()
            });
        }
    }
}

/// The colour of a service, or else one that no other line has.
fn color_of(kit: &Kit<'_>, is_service: bool, group: &str, i: usize) -> eframe::egui::Color32 {
    if is_service { kit.t.service(group) } else { kit.t.ink(Ink::Service((i % 12) as u8)) }
}

/// From this width on the bounds of a quantile have room.
const WITH_BOUNDS: f32 = 860.0;

/// What each group comes to over the period.
fn table(ui: &mut Ui, state: &mut App, r: Rect, groups: &[Value], unit: &str, head: &Value) {
    let name = head["figure"].as_str().unwrap_or_default().to_owned();
    let is_distribution = groups.first().is_some_and(|g| g["count"].is_number());
    let titles: &[&str] = match is_distribution {
        true if r.width() > WITH_BOUNDS => &["values", "p50", "p95", "p99", "p99 is between"],
        true => &["values", "p50", "p95", "p99"],
        false => &["last", "mean", "least", "most"],
    };
    let width = ((r.width() - 220.0) / titles.len() as f32).clamp(70.0, 170.0);
    let right_of = |i: usize| r.right() - 12.0 - width * (titles.len() - 1 - i) as f32;
    {
        let kit = Kit::new(ui, state.theme);
        kit.hline(r.left(), r.top(), r.width(), kit.t.hair);
        kit.text(r.left() + 12.0, r.top() + 17.0, Font::Medium(11.0), kit.t.weak, "Group, the largest first");
        for (i, title) in titles.iter().enumerate() {
            kit.text_right(right_of(i), r.top() + 17.0, Font::Medium(11.0), kit.t.weak, title);
        }
        kit.hline(r.left(), r.top() + 25.0, r.width(), kit.t.strong_line);
    }
    let body = r.with_min_y(r.top() + 26.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("metric-groups").max_rect(body));
    child.set_clip_rect(body);
    ScrollArea::vertical().auto_shrink(false).id_salt("metric-groups").show_rows(
        &mut child,
        26.0,
        groups.len(),
        |ui, range| {
            for i in range {
                let (line, response) = ui.allocate_exact_size(vec2(body.width(), 26.0), Sense::CLICK);
                let kit = Kit::new(ui, state.theme);
                let t = kit.t;
                if response.hovered() {
                    kit.fill(line, t.bg_hover);
                }
                let one = &groups[i];
                let group = one["group"].as_str().unwrap_or_default();
                let bl = line.top() + 17.0;
                let color = color_of(&kit, state.metrics.is_by_service, group, i);
                if i < MAX_LINES {
                    kit.fill(rect(line.left() + 12.0, bl - 5.5, 12.0, 3.0), color);
                }
                let shown = if group.is_empty() { "all" } else { group };
                kit.text_in(line.left() + 32.0, bl, r.width() * 0.3, Font::Regular(12.0), t.strong, shown);
                let number = |key: &str| one[key].as_f64().map_or_else(|| "–".into(), |v| value_text(unit, &name, v));
                let texts: Vec<String> = if is_distribution {
                    let q = |i: usize, place: usize| one["quantiles"][i][place].as_f64();
                    let text = |v: Option<f64>| v.map_or_else(|| "–".into(), |v| value_text(unit, "p", v));
                    let between = match (q(2, 1), q(2, 2)) {
                        (Some(low), Some(high)) => format!("{} – {}", text(Some(low)), text(Some(high))),
                        (Some(low), None) => format!("above {}", text(Some(low))),
                        _ => "–".into(),
                    };
                    let count = plain(one["count"].as_f64().unwrap_or(0.0));
                    vec![count, text(q(0, 0)), text(q(1, 0)), text(q(2, 0)), between]
                } else {
                    ["last", "mean", "min", "max"].iter().map(|key| number(key)).collect()
                };
                for (i, text) in texts.iter().enumerate().take(titles.len()) {
                    kit.text_right(right_of(i), bl, Font::Mono(11.0), if i == 0 { t.strong } else { t.text }, text);
                }
                kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
                Kit::describe(&response, || format!("group {shown}: {}", texts.join(", ")));
            }
        },
    );
}

/// Takes the keys of lists: they go through the metrics.
fn walk(state: &mut App, at: usize, last: usize) -> usize {
    if state.takes(Do::Enter) {
        return at;
    }
    state.walk(at, last)
}
