//! The metrics that there are, and what is known of the one that is chosen.

use super::Shown;
use crate::app::State as App;
use crate::data::{Row, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, icon, rect};
use eframe::egui::{self, Rect, ScrollArea, Sense, TextEdit, Ui, UiBuilder, vec2};
use sextant_contract::Answer;

/// What is looked for.
#[derive(Debug, Default)]
pub(super) struct State {
    find: String,
    kind: Option<&'static str>,
    is_sought: bool,
}

/// One of them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Metric {
    pub name: String,
    pub kind: String,
    pub unit: String,
    description: String,
    temporality: i64,
    is_monotonic: bool,
    services: Vec<String>,
    series: i64,
    points: i64,
}

const KINDS: [(&str, &str); 5] =
    [("gauge", "gauge"), ("sum", "sum"), ("histogram", "hist"), ("exp_histogram", "exp"), ("summary", "summary")];
const ROW: f32 = 40.0;

impl Metric {
    fn of(row: Row<'_>) -> Self {
        let text = |name: &str| row.text(name).to_owned();
        Self {
            name: text("name"),
            kind: text("kind"),
            unit: text("unit"),
            description: text("description"),
            temporality: row.int("temporality"),
            is_monotonic: row.is_true("monotonic"),
            services: row.texts("services"),
            series: row.int("series"),
            points: row.int("points"),
        }
    }

    fn kind_text(&self) -> String {
        let kind = match self.kind.as_str() {
            "exp_histogram" => "exponential histogram",
            "sum" if self.is_monotonic => "counter",
            "sum" => "up-down counter",
            other => other,
        };
        kind.to_owned()
    }
}

/// Shows them; returns the one that is chosen.
pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, answer: &Answer, is_shown: bool) -> Option<Metric> {
    let all: Vec<Metric> = rows(answer).map(Metric::of).collect();
    let find = state.metrics.list.find.to_lowercase();
    let kind = state.metrics.list.kind;
    let fits =
        |m: &&Metric| (find.is_empty() || m.name.to_lowercase().contains(&find)) && kind.is_none_or(|k| m.kind == k);
    let listed: Vec<&Metric> = all.iter().filter(fits).collect();
    let shown = Shown::of(&state.route);
    let is_it = |m: &&Metric| shown.as_ref().is_some_and(|s| s.name == m.name && s.kind == m.kind);
    let at = listed.iter().position(is_it);
    let last = listed.len().saturating_sub(1);
    let to = super::walk(state, at.unwrap_or(0), last);
    let mut wanted = if at != Some(to) && (at.is_some() || shown.is_none()) { Some(to) } else { None };
    state.metrics.list.is_sought |= at.is_some_and(|at| at != to);
    if is_shown {
        wanted = paint(ui, state, r, &listed, at, &all).or(wanted);
    }
    if let Some(metric) = wanted.and_then(|i| listed.get(i)) {
        let is_first = shown.is_none();
        let route =
            Shown { kind: metric.kind.clone(), name: metric.name.clone(), figure: String::new(), by: "service".into() }
                .route(&state.route);
        if is_first {
            // What is shown without having been chosen is no step that back should undo.
            state.route = route;
        } else {
            state.go(route);
        }
        return Some((*metric).clone());
    }
    all.iter().find(is_it).cloned()
}

fn paint(
    ui: &mut Ui,
    state: &mut App,
    r: Rect,
    listed: &[&Metric],
    at: Option<usize>,
    all: &[Metric],
) -> Option<usize> {
    let t = state.theme;
    let field = rect(r.left() + 12.0, r.top() + 8.0, r.width() - 24.0, 26.0);
    {
        let kit = Kit::new(ui, t);
        kit.vline(r.right() - 1.0, r.top(), r.height(), t.hair);
        kit.round(field, 4, t.bg_raised);
        kit.border(field, 4, t.strong_line);
        icon(&kit, "search", field.left() + 9.0, field.top() + 7.0, 12.0, 1.4, t.weak);
        kit.text_right(
            field.right() - 9.0,
            field.top() + 17.0,
            Font::Mono(10.5),
            t.weak,
            &thousands(listed.len() as i64),
        );
    }
    let inner = rect(field.left() + 29.0, field.top() + 5.0, field.width() - 80.0, 16.0);
    let edit = TextEdit::singleline(&mut state.metrics.list.find)
        .id(egui::Id::unique("metric-find"))
        .frame(egui::Frame::NONE)
        .margin(0)
        .font(Font::Regular(12.0).id())
        .text_color(t.strong)
        .hint_text(egui::RichText::new("Find a metric").font(Font::Regular(12.0).id()).color(t.weak));
    let response = ui.new_child(UiBuilder::new().id_salt("metric-find").max_rect(inner)).add_sized(inner.size(), edit);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "Find a metric"));
    kinds(ui, state, rect(r.left() + 12.0, r.top() + 42.0, r.width() - 24.0, 22.0), all);
    let chosen = at.and_then(|i| listed.get(i));
    let detail = if chosen.is_some() && r.height() > 420.0 { 200.0 } else { 0.0 };
    let body = Rect::from_min_max(r.left_top() + vec2(0.0, 72.0), r.right_bottom() - vec2(1.0, detail));
    let mut wanted = None;
    let mut child = ui.new_child(UiBuilder::new().id_salt("metric-list").max_rect(body));
    child.set_clip_rect(body);
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("metric-list");
    if std::mem::take(&mut state.metrics.list.is_sought) {
        area = area.vertical_scroll_offset((ROW * at.unwrap_or(0) as f32 - body.height() * 0.4).max(0.0));
    }
    area.show_rows(&mut child, ROW, listed.len(), |ui, range| {
        for i in range {
            let (line, response) = ui.allocate_exact_size(vec2(body.width(), ROW), Sense::CLICK);
            let kit = Kit::new(ui, t);
            kit.row_back(line, at == Some(i), response.hovered());
            let m = listed[i];
            let kind = KINDS.iter().find(|(k, _)| *k == m.kind).map_or("", |(_, short)| short);
            let right = kit.text_right(line.right() - 12.0, line.top() + 16.0, Font::Regular(10.5), t.weak, kind);
            kit.text_in(
                line.left() + 12.0,
                line.top() + 16.0,
                right - line.left() - 20.0,
                Font::Mono(11.0),
                t.strong,
                &m.name,
            );
            let who = match m.services.as_slice() {
                [one] => one.clone(),
                [one, two] => format!("{one}, {two}"),
                all => format!("{} services", all.len()),
            };
            let series = format!("{} series", thousands(m.series));
            let right = kit.text_right(line.right() - 12.0, line.top() + 31.0, Font::Regular(10.5), t.weak, &series);
            kit.text_in(
                line.left() + 12.0,
                line.top() + 31.0,
                right - line.left() - 20.0,
                Font::Regular(10.5),
                t.weak,
                &who,
            );
            kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
            Kit::describe(&response, || format!("metric {}, {}", m.name, m.kind_text()));
            if response.clicked() {
                wanted = Some(i);
            }
        }
    });
    if let (Some(metric), true) = (chosen, detail > 0.0) {
        known(&Kit::new(ui, t), r.with_min_y(r.bottom() - detail), metric);
    }
    wanted
}

/// The kinds to choose from, with how many there are.
fn kinds(ui: &Ui, state: &mut App, r: Rect, all: &[Metric]) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let mut x = r.left();
    let choices = std::iter::once((None, "all".to_owned())).chain(KINDS.iter().filter_map(|(kind, short)| {
        let n = all.iter().filter(|m| m.kind == *kind).count();
        (n > 0).then(|| (Some(*kind), format!("{short} {n}")))
    }));
    for (kind, text) in choices {
        let is_on = state.metrics.list.kind == kind;
        let w = kit.width(Font::Medium(10.5), &text) + 12.0;
        if x + w > r.right() {
            break;
        }
        let chip = rect(x, r.top() + 1.0, w, 18.0);
        kit.round(chip, 3, if is_on { t.bg_selected } else { t.bg_raised });
        kit.border(chip, 3, if is_on { t.accent } else { t.strong_line });
        kit.text(x + 6.0, chip.top() + 12.5, Font::Medium(10.5), if is_on { t.accent } else { t.text }, &text);
        if kit.click(chip, ("metric kind", kind), &format!("Kind {text}")).clicked() {
            state.metrics.list.kind = kind;
        }
        x += w + 5.0;
    }
}

fn known(kit: &Kit<'_>, r: Rect, m: &Metric) {
    let t = kit.t;
    kit.hline(r.left(), r.top(), r.width(), t.strong_line);
    kit.text_in(r.left() + 12.0, r.top() + 20.0, r.width() - 24.0, Font::Semibold(12.0), t.strong, &m.name);
    let temporality = match m.temporality {
        1 => "delta",
        2 => "cumulative",
        _ => "none",
    };
    let unit = if m.unit.is_empty() { "not said".to_owned() } else { m.unit.clone() };
    let pairs = [
        ("kind", m.kind_text()),
        ("temporality", temporality.to_owned()),
        ("unit", unit),
        ("series", thousands(m.series)),
        ("points", thousands(m.points)),
    ];
    let mut y = r.top() + 28.0;
    for (name, value) in pairs {
        kit.hline(r.left() + 12.0, y, r.width() - 24.0, t.hair);
        kit.text(r.left() + 12.0, y + 15.5, Font::Regular(12.0), t.text, name);
        kit.text_in(r.left() + 104.0, y + 15.5, r.width() - 116.0, Font::Mono(11.0), t.strong, &value);
        y += 23.0;
    }
    kit.hline(r.left() + 12.0, y, r.width() - 24.0, t.hair);
    for (i, line) in wrapped(&m.description, 44).into_iter().take(3).enumerate() {
        kit.text_in(r.left() + 12.0, y + 15.5 + 15.0 * i as f32, r.width() - 24.0, Font::Regular(11.0), t.weak, &line);
    }
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split_whitespace() {
        let is_full =
            lines.last().is_some_and(|l| !l.is_empty() && l.chars().count() + 1 + word.chars().count() > width);
        if is_full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
