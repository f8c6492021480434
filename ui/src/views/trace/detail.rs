//! The selected span: figures, attributes with a search, events, links, logs, raw.

use crate::app::State as App;
use crate::data::{clock, duration, rows};
use crate::fonts::Font;
use crate::kit::{Kit, ValueAction, chip, icon, pill, rect, value_actions};
use crate::route::{Route, View};
use crate::runtime::now;
use crate::tokens::Tokens;
use crate::views::facets::with_value;
use crate::views::states;
use eframe::egui::{self, Color32, Rect, ScrollArea, TextEdit, Ui, UiBuilder, pos2, vec2};
use serde_json::Value;
use sextant_charts::{Skeleton, Span};
use sextant_contract::{Ask, Period, SearchAsk, SearchKind};

/// A span is asked about once it has been selected for so long.
const REST_NANOS: i64 = 120_000_000;
const TABS: [&str; 5] = ["Attributes", "Events", "Links", "Logs", "Raw"];

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, all: &Skeleton) {
    let node = all.span(state.trace.selected.0);
    let (trace, span) = (state.route.trace.clone(), node.id());
    // Whoever walks by keys is not asked about for each span that is passed.
    if state.trace.rested.0 != span {
        state.trace.rested = (span.clone(), now());
    }
    if now() - state.trace.rested.1 < REST_NANOS {
        ui.request_repaint_after(std::time::Duration::from_nanos(REST_NANOS as u64));
        let kit = Kit::new(ui, state.theme);
        kit.fill(r, state.theme.bg_panel);
        kit.vline(r.left(), r.top(), r.height(), state.theme.hair);
        return head(&kit, r, node, all);
    }
    let slot = state.asks.ask(ui.ctx(), &format!("span {trace} {span}"), false, || Ask::Span {
        trace: trace.clone(),
        span: span.clone(),
    });
    let search = SearchAsk {
        kind: SearchKind::Logs,
        query: format!("trace:{trace} span:{span}"),
        period: Period::default(),
        limit: 200,
        explain: false,
    };
    let logs = state.asks.ask(ui.ctx(), &format!("span logs {trace} {span}"), false, || Ask::Search(search));
    {
        let kit = Kit::new(ui, state.theme);
        kit.fill(r, state.theme.bg_panel);
        kit.vline(r.left(), r.top(), r.height(), state.theme.hair);
        head(&kit, r, node, all);
    }
    let body = Rect::from_min_max(pos2(r.left() + 1.0, r.top() + 104.0), r.right_bottom());
    if let Some(e) = &slot.error {
        return states::error(&Kit::new(ui, state.theme), body, e);
    }
    let Some(object) = slot.get().and_then(|a| a.object.clone()) else {
        return states::loading(&Kit::new(ui, state.theme), body);
    };
    let n_logs = logs.get().map_or(0, sextant_contract::Answer::n_rows);
    tabs(ui, state, rect(r.left() + 1.0, r.top() + 74.0, r.width() - 1.0, 30.0), &object, n_logs);
    let mut lines = Vec::new();
    let mut top = body.top();
    match state.trace.tab {
        0 => {
            find(ui, state, rect(body.left(), top, body.width(), 37.0));
            top += 37.0;
            for note in super::place::notes(node, state.trace.is_adjusted) {
                lines.extend(wrapped(&note, 52).map(Line::Note));
            }
            attributes(&object, &state.trace.find, node, all, &mut lines);
        }
        1 => events(&object, all.origin, &mut lines),
        2 => {
            links(&object, &mut lines);
            if let Some(all) = super::place::incoming(ui, state, all, &span) {
                lines.push(Line::Head("Linked from".into(), all.len().to_string()));
                let line =
                    |one: super::place::Incoming| Line::Pair(one.what, one.trace.clone(), Some((one.trace, one.span)));
                lines.extend(all.into_iter().map(line));
            }
        }
        3 => {}
        _ => raw(&object["raw"], &mut lines),
    }
    if state.trace.tab == 0 || state.trace.tab == 3 {
        lines.push(Line::Head("Logs of this span".into(), n_logs.to_string()));
        for row in logs.get().into_iter().flat_map(rows) {
            lines.push(Line::Log(
                clock(row.int("Timestamp"), 3),
                row.text("SeverityText").to_owned(),
                row.text("Body").to_owned(),
            ));
        }
    }
    let area = Rect::from_min_max(pos2(body.left(), top), body.right_bottom());
    list(ui, state, area, &lines);
}

fn head(kit: &Kit<'_>, r: Rect, node: Span<'_>, all: &Skeleton) {
    let t = kit.t;
    let x = r.left() + 13.0;
    chip(kit, x, r.top() + 12.0, node.service());
    let at = kit.text_in(x + 26.0, r.top() + 23.0, r.width() - 150.0, Font::Semibold(13.0), t.strong, node.name());
    if node.is_error() {
        pill(kit, at + 8.0, r.top() + 9.0, t.error, t.error_bg, t.error, "error");
    }
    kit.text_right(r.right() - 12.0, r.top() + 21.0, Font::Regular(10.5), t.weak, &node.kind().to_lowercase());
    let bl = r.top() + 42.0;
    let mut at = kit.text(x, bl, Font::Mono(11.0), t.strong, &duration(node.duration())) + 16.0;
    for (word, figure) in [("self", duration(node.self_time())), ("at", format!("+{}", duration(node.start())))] {
        at = kit.text(at, bl, Font::Regular(12.0), t.weak, word) + 4.0;
        at = kit.text(at, bl, Font::Mono(11.0), t.strong, &figure) + 16.0;
    }
    let share = format!("{:.1} %", node.critical_time() as f64 / all.extent as f64 * 100.0);
    at = kit.text(at, bl, Font::Regular(12.0), t.weak, "crit. path") + 4.0;
    kit.text(at, bl, Font::Mono(11.0), t.strong, &share);
    let end = kit.text(x, r.top() + 61.0, Font::Mono(11.0), t.weak, &format!("span {}", node.id()));
    let copy = kit.click(rect(end + 5.0, r.top() + 49.0, 16.0, 16.0), "copy span id", "Copy span id");
    icon(kit, "copy", end + 7.0, r.top() + 51.0, 12.0, 1.4, if copy.hovered() { t.accent } else { t.strong });
    if copy.clicked() {
        kit.ui.copy_text(node.id());
    }
    let parent = node.parent_id();
    let words = if parent.is_empty() { "no parent".to_owned() } else { format!("parent {parent}") };
    kit.text(end + 26.0, r.top() + 61.0, Font::Mono(11.0), t.weak, &words);
}

fn tabs(ui: &Ui, state: &mut App, r: Rect, object: &Value, n_logs: usize) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let count = |key: &str| {
        object[key].as_object().map(serde_json::Map::len).or_else(|| object[key].as_array().map(Vec::len)).unwrap_or(0)
    };
    let counts = [
        Some(count("attributes") + count("resource")),
        Some(count("events")),
        Some(count("links")),
        Some(n_logs),
        None,
    ];
    let mut x = r.left() + 12.0;
    for (i, (name, n)) in TABS.iter().zip(counts).enumerate() {
        let is_on = state.trace.tab == i;
        let start = x;
        let color = if is_on { t.strong } else { t.text };
        let mut end = kit.text(x, r.top() + 18.5, Font::Medium(12.0), color, name);
        if let Some(n) = n {
            end = kit.text(end + 6.0, r.top() + 18.5, Font::Mono(10.5), t.weak, &n.to_string());
        }
        if is_on {
            kit.fill(rect(start, r.bottom() - 3.0, end - start, 2.0), t.accent);
        }
        if kit.click(rect(start - 6.0, r.top(), end - start + 12.0, r.height()), ("tab", *name), name).clicked() {
            state.trace.tab = i;
        }
        x = end + 16.0;
    }
}

fn find(ui: &mut Ui, state: &mut App, r: Rect) {
    let t = state.theme;
    let field = rect(r.left() + 12.0, r.top() + 6.0, r.width() - 24.0, 24.0);
    {
        let kit = Kit::new(ui, t);
        kit.round(field, 4, t.bg_raised);
        kit.border(field, 4, t.strong_line);
        icon(&kit, "search", field.left() + 9.0, field.top() + 6.0, 12.0, 1.4, t.weak);
        kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    }
    let inner = Rect::from_min_max(pos2(field.left() + 29.0, field.top() + 4.0), field.right_bottom());
    let edit = TextEdit::singleline(&mut state.trace.find)
        .frame(egui::Frame::NONE)
        .margin(0)
        .font(Font::Regular(12.0).id())
        .text_color(t.strong)
        .hint_text(egui::RichText::new("Find in keys and values").font(Font::Regular(12.0).id()).color(t.weak));
    ui.new_child(UiBuilder::new().id_salt("find").max_rect(inner)).add_sized(vec2(inner.width() - 8.0, 16.0), edit);
}

/// A line of the pane.
enum Line {
    Head(String, String),
    Pair(String, String, Option<(String, String)>),
    Note(String),
    ErrorHead(String),
    Error(String),
    Log(String, String, String),
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn pairs(value: &Value, find: &str, lines: &mut Vec<Line>) {
    let find = find.to_lowercase();
    for (key, value) in value.as_object().into_iter().flatten() {
        let text = text_of(value);
        if find.is_empty() || key.to_lowercase().contains(&find) || text.to_lowercase().contains(&find) {
            lines.push(Line::Pair(key.clone(), text, None));
        }
    }
}

fn attributes(object: &Value, find: &str, node: Span<'_>, all: &Skeleton, lines: &mut Vec<Line>) {
    if node.is_error() {
        let exception = object["events"]
            .as_array()
            .into_iter()
            .flatten()
            .find_map(|e| e["Attributes"]["exception.type"].as_str().map(str::to_owned));
        lines.push(Line::ErrorHead(exception.unwrap_or_else(|| "Error".into())));
        let own = object["message"].as_str().unwrap_or_default();
        let below = node.place() + 1..=node.place() + node.n_descendants();
        let cause = below.map(|i| all.span(i)).find(|s| s.is_error() && !s.message().is_empty());
        let text = match cause.filter(|_| own.is_empty()) {
            Some(cause) => format!("{} {}: {}", cause.service(), cause.name(), cause.message()),
            None if own.is_empty() => "The status is Error, without a message.".to_owned(),
            None => own.to_owned(),
        };
        lines.extend(wrapped(&text, 52).take(8).map(Line::Error));
    }
    let n = |key: &str| object[key].as_object().map_or(0, serde_json::Map::len).to_string();
    lines.push(Line::Head("Span".into(), n("attributes")));
    pairs(&object["attributes"], find, lines);
    lines.push(Line::Head("Resource".into(), n("resource")));
    pairs(&object["resource"], find, lines);
}

/// A text in lines of at most `width` letters, broken between words where that is possible.
pub(crate) fn wrapped(text: &str, width: usize) -> impl Iterator<Item = String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                lines.push(std::mem::take(&mut line));
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        lines.push(line);
    }
    lines.into_iter()
}

fn events(object: &Value, origin: i64, lines: &mut Vec<Line>) {
    for event in object["events"].as_array().into_iter().flatten() {
        let at = event["Timestamp"].as_str().and_then(|t| sextant_contract::parse_time(t).ok()).unwrap_or(origin);
        lines.push(Line::Head(text_of(&event["Name"]), format!("+{}", duration(at - origin))));
        pairs(&event["Attributes"], "", lines);
    }
    if lines.is_empty() {
        lines.push(Line::Head("No events on this span".into(), String::new()));
    }
}

fn links(object: &Value, lines: &mut Vec<Line>) {
    for link in object["links"].as_array().into_iter().flatten() {
        let (trace, span) = (text_of(&link["TraceId"]), text_of(&link["SpanId"]));
        lines.push(Line::Head("Linked span".into(), span.clone()));
        lines.push(Line::Pair("trace".into(), trace.clone(), Some((trace, span))));
        pairs(&link["Attributes"], "", lines);
    }
    if lines.is_empty() {
        lines.push(Line::Head("No links on this span".into(), String::new()));
    }
}

fn raw(value: &Value, lines: &mut Vec<Line>) {
    for (key, value) in value.as_object().into_iter().flatten() {
        lines.push(Line::Pair(key.clone(), text_of(value), None));
    }
}

/// Weight and colour of a level.
pub(crate) fn level(t: &Tokens, level: &str) -> (Font, Color32) {
    match level.to_ascii_uppercase().as_str() {
        l if l.starts_with("ERR") || l.starts_with("FATAL") => (Font::MonoSemibold(11.0), t.error),
        l if l.starts_with("WARN") => (Font::MonoSemibold(11.0), t.warn),
        l if l.starts_with("INFO") => (Font::Mono(11.0), t.info),
        _ => (Font::Mono(11.0), t.weak),
    }
}

fn list(ui: &mut Ui, state: &mut App, r: Rect, lines: &[Line]) {
    let t = state.theme;
    let mut child = ui.new_child(UiBuilder::new().id_salt("detail").max_rect(r));
    child.set_clip_rect(r);
    let mut followed = None;
    let mut sought = None;
    let mut logs = false;
    let is_searchable = state.trace.tab == 0;
    ScrollArea::vertical().auto_shrink(false).show_rows(&mut child, 22.0, lines.len(), |ui, range| {
        for i in range {
            let (row, response) = ui.allocate_exact_size(vec2(r.width(), 22.0), egui::Sense::CLICK);
            let kit = Kit::new(ui, t);
            let bl = row.top() + 15.0;
            let x = row.left() + 12.0;
            match &lines[i] {
                Line::Head(title, count) => {
                    let end = kit.text_in(x, bl, 260.0, Font::Semibold(12.0), t.strong, title);
                    kit.text(end + 8.0, bl, Font::MonoSemibold(11.0), t.weak, count);
                    if title == "Logs of this span" {
                        kit.text_right(row.right() - 12.0, bl, Font::Medium(11.0), t.accent, "All logs of the trace");
                        logs |= response.clicked();
                    }
                }
                Line::Pair(key, value, link) => {
                    if response.hovered() {
                        kit.fill(row, t.bg_hover);
                    }
                    kit.text_in(x, bl, 158.0, Font::Mono(11.0), t.text, key);
                    let color = if link.is_some() { t.accent } else { t.strong };
                    kit.text_in(x + 166.0, bl, row.right() - x - 178.0, Font::Mono(11.0), color, value);
                    if let Some(link) = link {
                        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Link, true, key));
                        if response.clicked() {
                            followed = Some(link.clone());
                        }
                    } else if is_searchable {
                        match value_actions(&kit, row, &response, None) {
                            Some(ValueAction::Copy) => ui.copy_text(value.clone()),
                            Some(action) => sought = Some((key.clone(), value.clone(), action)),
                            None => {}
                        }
                    } else if response.clicked() {
                        ui.copy_text(value.clone());
                    }
                    let is_cut = key.len() > 24 || value.chars().count() > 28;
                    if is_cut {
                        response.on_hover_text(format!("{key}\n{value}"));
                    }
                }
                Line::Note(text) => {
                    kit.fill(row, t.bg_raised);
                    kit.fill(rect(row.left(), row.top(), 2.0, 22.0), t.warn);
                    kit.text_in(x, bl, row.width() - 24.0, Font::Regular(12.0), t.warn, text);
                    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
                    continue;
                }
                Line::ErrorHead(title) => {
                    kit.fill(row, t.error_bg);
                    kit.fill(rect(row.left(), row.top(), 2.0, 22.0), t.error);
                    kit.text_in(x, bl, row.width() - 24.0, Font::Semibold(12.0), t.error, title);
                    continue;
                }
                Line::Error(message) => {
                    kit.fill(row, t.error_bg);
                    kit.fill(rect(row.left(), row.top(), 2.0, 22.0), t.error);
                    kit.text_in(x, bl, row.width() - 24.0, Font::Mono(11.0), t.strong, message);
                    response.on_hover_text(message);
                    continue;
                }
                Line::Log(time, name, text) => {
                    kit.text(x, bl, Font::Mono(11.0), t.weak, time);
                    let (font, color) = level(t, name);
                    kit.text_in(x + 87.0, bl, 40.0, font, color, name);
                    kit.text_in(x + 131.0, bl, row.right() - x - 143.0, Font::Regular(12.0), t.strong, text);
                    response.on_hover_text(text);
                }
            }
            kit.hline(row.left(), row.bottom() - 1.0, row.width(), t.hair);
        }
    });
    if let Some((key, value, action)) = sought {
        let query = with_value(&state.route.query, &key, &value, action == ValueAction::Exclude);
        state.go(Route { view: View::Traces, query, trace: String::new(), span: String::new(), ..state.route.clone() });
    } else if let Some((trace, span)) = followed {
        state.go(Route { view: View::Trace, trace, span, ..state.route.clone() });
    } else if logs {
        super::open_logs(state);
    }
}
