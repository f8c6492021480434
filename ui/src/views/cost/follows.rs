//! What follows, beside what is now: a table, how it comes over time, and what all of it was measured on.

use super::policy::ink;
use super::{Column, list, money, number};
use crate::app::State as App;
use crate::data::{bytes, ceiling, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect, seg};
use eframe::egui::{Color32, Mesh, Pos2, Rect, ScrollArea, Shape, Stroke, Ui, UiBuilder, pos2, vec2};
use serde_json::Value;

const ROW: f32 = 27.0;
const CHART: f32 = 290.0;
/// Names and units.
const NAMES: f32 = 150.0;
const UNITS: f32 = 108.0;

/// A line of the table.
struct Line {
    name: String,
    unit: &'static str,
    cells: Vec<String>,
    is_bold: bool,
    is_weak: bool,
    /// Cells that warn.
    warns: Vec<bool>,
    /// Where the figure comes from.
    why: String,
}

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, measured: &Value, columns: &[Column]) {
    let mut child = ui.new_child(UiBuilder::new().id_salt("follows").max_rect(r));
    child.set_clip_rect(r);
    ScrollArea::vertical().auto_shrink(false).id_salt("follows").show(&mut child, |ui| {
        let top = ui.min_rect().top();
        let mut y = table(ui, state, rect(r.left(), top, r.width(), 0.0), columns);
        y = chart(ui, state, rect(r.left(), y, r.width(), CHART), columns);
        y = basis(ui, state, rect(r.left(), y, r.width(), 0.0), measured);
        ui.set_min_size(vec2(r.width() - 8.0, y + 12.0 - top));
    });
    let Some(of) = columns.get(1) else { return };
    if of.answer.is_none() {
        return;
    }
    let sampled = &of.object()["sampling"];
    let mut parts = Vec::new();
    if sampled.is_object() {
        let n = sampled["traces"].as_i64().unwrap_or(0);
        parts.push(vec!["Simulated on".into(), format!("{} traces", thousands(n))]);
    }
    let runs = state.cost.doc.number(&["uncertainty", "runs"]).unwrap_or(0.0);
    if runs > 0.0 {
        parts.push(vec!["Draws".into(), thousands(runs as i64)]);
    }
    let total = &of.object()["bill"]["total"];
    parts.insert(0, vec!["Edited".into(), format!("{} a month", money(number(total)))]);
    state.status.parts = parts;
}

impl Line {
    fn new(name: &str, unit: &'static str, cells: Vec<String>, why: &str) -> Self {
        let warns = vec![false; cells.len()];
        Self { name: name.into(), unit, cells, is_bold: false, is_weak: false, warns, why: why.into() }
    }
}

/// What each column says, once it says something.
fn cells(columns: &[Column], f: &dyn Fn(&Value) -> String) -> Vec<String> {
    columns.iter().map(|c| if c.answer.is_some() { f(c.object()) } else { "…".into() }).collect()
}

/// The lines of the table; what nobody has is left out.
fn lines(columns: &[Column]) -> Vec<Line> {
    let all = |f: &dyn Fn(&Value) -> String| cells(columns, f);
    let line = Line::new;
    let last = |o: &Value, key: &str| list(&o["daily"]).last().map_or(0.0, |day| number(&day[key]));
    let mut lines = vec![
        line(
            "Comes in, raw",
            "a day, at the end",
            all(&|o| bytes(last(o, "ingested_bytes") as u64)),
            "bytes_per_day of all signals, times growth and the day of the week",
        ),
        line(
            "Not kept",
            "a day, raw",
            all(&|o| bytes(last(o, "dropped_bytes") as u64)),
            "raw bytes that are sampled or shaped away; of traces by replaying the rules on those that are stored",
        ),
        line(
            "Lies there",
            "all copies",
            all(&|o| bytes(last(o, "stored_bytes") as u64)),
            "what came within the days of all tiers, kept, divided by the ratio, times the copies",
        ),
    ];
    bill(columns, &mut lines);
    lines
}

/// Lines of the bill and what is said of them.
fn bill(columns: &[Column], lines: &mut Vec<Line>) {
    let all = |f: &dyn Fn(&Value) -> String| cells(columns, f);
    let line = Line::new;
    // Lines of the bill by their names, in the order in which they come first.
    let mut names: Vec<&str> = Vec::new();
    for name in columns.iter().flat_map(|c| list(&c.object()["bill"]["lines"])).filter_map(|l| l["name"].as_str()) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in names {
        let amount = |o: &Value| {
            let found = list(&o["bill"]["lines"]).iter().find(|l| l["name"] == name);
            found.map_or_else(|| "–".to_owned(), |l| money(number(&l["amount"])))
        };
        lines.push(line(
            name,
            "a month",
            all(&amount),
            "the mean of the last 30 days in GB of 10⁹ bytes, times the price",
        ));
    }
    let mut total = line(
        "Total",
        "a month",
        all(&|o| money(number(&o["bill"]["total"]))),
        "the sum of the lines above, each rounded to the cent, at the end of all days",
    );
    total.is_bold = true;
    lines.push(total);
    if columns.iter().any(|c| c.object()["uncertainty"].is_object()) {
        let band = |o: &Value| {
            let of = &o["uncertainty"]["total"];
            if of.is_object() {
                format!("{} – {}", money(number(&of["p10"])), money(number(&of["p90"])))
            } else {
                "–".into()
            }
        };
        let mut line = line(
            "P10 – P90",
            "a month",
            all(&band),
            "the same simulated again and again with what is not known drawn by chance: one in ten lies below, one in ten above",
        );
        line.is_weak = true;
        lines.push(line);
    }
    if columns.iter().any(|c| c.object()["sampling"].is_object()) {
        let kept = |o: &Value| {
            let of = &o["sampling"];
            let n = |key: &str| thousands(of[key].as_i64().unwrap_or(0));
            if of.is_object() { format!("{} of {}", n("kept_error_traces"), n("error_traces")) } else { "all".into() }
        };
        let mut line = line(
            "Error traces kept",
            "of those stored",
            all(&kept),
            "each stored trace with an error, held against the rules",
        );
        line.warns = columns.iter().map(|c| number(&c.object()["sampling"]["lost_error_traces"]) > 0.0).collect();
        lines.push(line);
    }
    let first = columns.first().map_or(0.0, |c| number(&c.object()["bill"]["total"]));
    let saved = |o: &Value| {
        let saved = first - number(&o["bill"]["total"]);
        if first > 0.0 { format!("{}  {:.0} %", money(saved), saved / first * 100.0) } else { money(saved) }
    };
    let mut line = line("Saved", "a month", all(&saved), "today's total less this one");
    line.is_bold = true;
    lines.push(line);
}

fn table(ui: &mut Ui, state: &mut App, r: Rect, columns: &[Column]) -> f32 {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let (x, mut y) = (r.left(), r.top());
    let width = (r.width() - 12.0 - NAMES - UNITS) / columns.len().max(1) as f32;
    let right = |i: usize| x + 12.0 + NAMES + width * (i + 1) as f32 - 12.0;
    let lines = lines(columns);
    let height = 36.0 + ROW * lines.len() as f32;
    // What is edited stands out.
    kit.fill(rect(right(1) + 12.0 - width, y, width, height), t.bg_selected);
    let currency = columns.iter().find_map(|c| c.object()["bill"]["currency"].as_str());
    if let Some(currency) = currency {
        kit.text(x + 12.0, y + 22.0, Font::Regular(11.0), t.weak, &format!("money in {currency}"));
    }
    let mut forget = None;
    for (i, column) in columns.iter().enumerate() {
        let is_edited = i == 1;
        let font = if is_edited { Font::Semibold(12.0) } else { Font::Medium(12.0) };
        let color = if is_edited { t.accent } else { t.text };
        let letter = char::from(b'A' + i as u8);
        let shown = format!("{letter}  {}", column.name);
        let w = kit.width(font, &shown).min(width - 16.0);
        kit.text_in(right(i) - w, y + 22.0, width - 16.0, font, color, &shown);
        if i > 1 {
            let label = format!("Scenario {}", column.name);
            let response = kit.click(rect(right(i) - width + 12.0, y, width, 36.0), &label, &label);
            if response.clicked() {
                state.cost.name.clone_from(&column.name);
                if let Err(e) = state.cost.take(&column.text) {
                    state.notices.push(crate::overlay::notices::Notice::said(e));
                }
            }
            if response.secondary_clicked() {
                forget = Some(column.name.clone());
            }
            response.on_hover_text("A click edits it; a right click forgets it");
        }
    }
    if let Some(name) = forget {
        let command = sextant_contract::Command::Forget { kind: "scenario".into(), name };
        state.asks.act_then_forget(ui.ctx(), command, super::KEPT);
    }
    kit.hline(x, y + 35.0, r.width(), t.strong_line);
    y += 36.0;
    for line in &lines {
        let (size, color) = if line.is_bold { (13.0, t.strong) } else { (12.0, t.text) };
        let name = if line.is_bold { Font::Semibold(12.0) } else { Font::Regular(12.0) };
        kit.text_in(x + 12.0, y + 18.0, NAMES - 12.0, name, color, &line.name);
        for (i, cell) in line.cells.iter().enumerate() {
            let font = if line.is_bold { Font::MonoSemibold(size) } else { Font::Mono(11.5) };
            let stale = columns.get(i).is_some_and(|c| c.is_stale);
            let ink = match (line.warns[i], line.is_weak || stale) {
                (true, _) => t.warn,
                (_, true) => t.weak,
                _ => t.strong,
            };
            let at = kit.text_right(right(i), y + 18.0, font, ink, cell);
            if line.warns[i] {
                let points = vec![pos2(at - 11.0, y + 9.5), pos2(at - 6.5, y + 18.0), pos2(at - 15.5, y + 18.0)];
                kit.paint.add(Shape::convex_polygon(points, t.warn, Stroke::NONE));
            }
        }
        kit.text(right(columns.len().saturating_sub(1)) + 16.0, y + 18.0, Font::Regular(11.0), t.weak, line.unit);
        kit.hline(x, y + ROW - 1.0, r.width(), t.hair);
        let row = kit.row(rect(x, y, r.width(), ROW), ("cost line", &line.name));
        Kit::describe(&row, || format!("{}: {}", line.name, line.cells.join(", ")));
        row.on_hover_text(format!("{}: {}", line.name, line.why));
        y += ROW;
    }
    y
}

/// Where a value of a day lies.
struct Plot {
    r: Rect,
    days: usize,
    top: f64,
}

impl Plot {
    fn at(&self, day: usize, value: f64) -> Pos2 {
        let x = self.r.left() + self.r.width() * day as f32 / (self.days.max(2) - 1) as f32;
        pos2(x, self.r.bottom() - (value / self.top) as f32 * self.r.height())
    }
}

/// The area between two rows of values.
fn area(kit: &Kit<'_>, plot: &Plot, low: &[f64], high: &[f64], color: Color32) {
    let mut mesh = Mesh::default();
    for (day, (low, high)) in low.iter().zip(high).enumerate() {
        mesh.colored_vertex(plot.at(day, *low), color);
        mesh.colored_vertex(plot.at(day, *high), color);
        if day > 0 {
            let n = 2 * day as u32;
            mesh.add_triangle(n - 2, n - 1, n);
            mesh.add_triangle(n - 1, n, n + 1);
        }
    }
    kit.paint.add(Shape::mesh(mesh));
}

fn dashed(kit: &Kit<'_>, points: &[Pos2], color: Color32) {
    kit.paint.extend(Shape::dashed_line(points, Stroke::new(1.5, color), 6.0, 4.0));
}

/// What each column has by day: bytes that lie there, or money by month.
fn course(column: &Column, is_money: bool) -> Vec<f64> {
    let object = column.object();
    if is_money {
        // A month's bill at its end.
        return list(&object["months"]).iter().flat_map(|m| std::iter::repeat_n(number(m), 30)).collect();
    }
    list(&object["daily"]).iter().map(|day| number(&day["stored_bytes"])).collect()
}

fn chart(ui: &mut Ui, state: &mut App, r: Rect, columns: &[Column]) -> f32 {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let is_money = state.cost.is_money;
    let title = if is_money { "The bill month by month, B" } else { "What lies there, B, from today on" };
    kit.text_in(r.left() + 12.0, r.top() + 24.0, r.width() - 280.0, Font::Semibold(12.0), t.strong, title);
    let choices = [30, 90, 365];
    let on = choices.iter().position(|n| *n == state.cost.days).unwrap_or(1);
    let (chosen, width) = seg(&kit, r.right() - 12.0 - 122.0, r.top() + 8.0, true, &["30 d", "90 d", "1 y"], on);
    let (what, _) =
        seg(&kit, r.right() - 24.0 - 122.0 - 94.0, r.top() + 8.0, true, &["Size", "Cost"], usize::from(is_money));
    debug_assert!(width < 200.0, "three short words");
    let (Some(now), Some(edited)) = (columns.first(), columns.get(1)) else { return r.bottom() };
    let (a, b) = (course(now, is_money), course(edited, is_money));
    let days = state.cost.days.min(a.len().max(b.len()));
    let bands: Vec<(f64, f64)> = list(&edited.object()["uncertainty"]["daily"])
        .iter()
        .take(days)
        .map(|band| (number(&band["p10"]), number(&band["p90"])))
        .collect();
    let most = a
        .iter()
        .chain(&b)
        .take(days)
        .chain(a.iter().take(days))
        .chain(b.iter().take(days))
        .fold(0.0, |m: f64, v| m.max(*v));
    let most = if is_money { most } else { bands.iter().fold(most, |m, band| m.max(band.1)) };
    if days < 2 || most <= 0.0 {
        kit.text(
            r.left() + 12.0,
            r.top() + 60.0,
            Font::Regular(12.0),
            t.weak,
            "Nothing lies there, or not for two days.",
        );
    } else {
        let plot = Plot {
            r: Rect::from_min_max(pos2(r.left() + 76.0, r.top() + 48.0), pos2(r.right() - 24.0, r.bottom() - 32.0)),
            days,
            top: ceiling(most),
        };
        axes(&kit, &plot, is_money, edited.object());
        draw(&kit, &plot, (&a, &b), &bands, edited, is_money);
        hover(&kit, &plot, (&a, &b), &bands, is_money);
    }
    if let Some(i) = chosen {
        state.cost.days = choices[i];
    }
    if let Some(i) = what {
        state.cost.is_money = i == 1;
    }
    r.bottom()
}

fn said(value: f64, is_money: bool) -> String {
    if is_money { money(value) } else { bytes(value as u64) }
}

fn axes(kit: &Kit<'_>, plot: &Plot, is_money: bool, object: &Value) {
    let t = kit.t;
    for i in 0..=4 {
        let value = plot.top * f64::from(i) / 4.0;
        let at = plot.at(0, value).y.round();
        kit.hline(plot.r.left(), at, plot.r.width(), if i == 0 { t.strong_line } else { t.hair });
        kit.text_right(plot.r.left() - 8.0, at + 3.5, Font::Mono(10.5), t.weak, &said(value, is_money));
    }
    for i in 0..=3 {
        let day = (plot.days - 1) * i / 3;
        let at = plot.at(day, 0.0).x;
        let text = format!("day {day}");
        match i {
            0 => drop(kit.text(at, plot.r.bottom() + 17.0, Font::Mono(10.5), t.weak, &text)),
            3 => drop(kit.text_right(at, plot.r.bottom() + 17.0, Font::Mono(10.5), t.weak, &text)),
            _ => kit.text_mid(at, plot.r.bottom() + 17.0, Font::Mono(10.5), t.weak, &text),
        }
    }
    if is_money {
        kit.text(
            plot.r.left(),
            plot.r.top() - 6.0,
            Font::Regular(10.5),
            t.weak,
            object["bill"]["currency"].as_str().unwrap_or_default(),
        );
    }
}

fn draw(kit: &Kit<'_>, plot: &Plot, (a, b): (&[f64], &[f64]), bands: &[(f64, f64)], edited: &Column, is_money: bool) {
    let t = kit.t;
    let cut = |all: &[f64]| all.iter().take(plot.days).copied().collect::<Vec<f64>>();
    let clip = kit.inside(plot.r.expand2(vec2(1.0, 2.0)));
    if is_money {
        area(&clip, plot, &vec![0.0; plot.days], &cut(b), t.accent_dim);
    } else {
        let mut below = vec![0.0; plot.days];
        for (i, tier) in list(&edited.object()["tiers"]).iter().enumerate() {
            let of: Vec<f64> = list(&tier["stored_bytes"]).iter().take(plot.days).map(number).collect();
            let above: Vec<f64> = below.iter().zip(&of).map(|(below, n)| below + n).collect();
            area(&clip, plot, &below, &above, ink(kit, i));
            below = above;
        }
        // What is not known: hatched between its ends.
        let mut x = plot.r.left() + 3.0;
        while x < plot.r.right() && !bands.is_empty() {
            let part = ((x - plot.r.left()) / plot.r.width() * (plot.days - 1) as f32).round() as usize;
            if let Some((low, high)) = bands.get(part) {
                let (top, bottom) = (plot.at(part, *high).y, plot.at(part, *low).y);
                clip.line(&[pos2(x - 3.0, bottom), pos2(x + 3.0, top)], 1.0, t.text);
            }
            x += 7.0;
        }
        let line = |of: &dyn Fn(&(f64, f64)) -> f64| {
            let points: Vec<Pos2> = bands.iter().enumerate().map(|(day, band)| plot.at(day, of(band))).collect();
            clip.paint.extend(Shape::dashed_line(&points, Stroke::new(1.0, t.strong), 2.0, 2.0));
        };
        line(&|band| band.0);
        line(&|band| band.1);
    }
    let points =
        |all: &[f64]| all.iter().take(plot.days).enumerate().map(|(day, v)| plot.at(day, *v)).collect::<Vec<_>>();
    clip.line(&points(b), 1.5, t.strong);
    dashed(&clip, &points(a), t.text);
    if let (Some(a), Some(b)) = (points(a).last(), points(b).last()) {
        let label = |x: f32, bl: f32, text: &str| {
            let w = kit.width(Font::Mono(10.5), text);
            kit.round(rect(x - w - 4.0, bl - 10.0, w + 8.0, 14.0), 2, t.bg_panel.gamma_multiply(0.85));
            kit.text_right(x, bl, Font::Mono(10.5), t.strong, text);
        };
        label(a.x - 6.0, (a.y - 6.0).max(plot.r.top() + 10.0), "A today");
        let is_close = (a.y - b.y).abs() < 16.0;
        let y = if is_close { b.y.min(a.y) - 22.0 } else { b.y - 8.0 };
        let text = if is_money { "B" } else { "B, hatched: P10 – P90" };
        label(b.x - 6.0, y.clamp(plot.r.top() + 10.0, plot.r.bottom() - 6.0), text);
    }
}

/// The day under the pointer, in figures.
fn hover(kit: &Kit<'_>, plot: &Plot, (a, b): (&[f64], &[f64]), bands: &[(f64, f64)], is_money: bool) {
    let response = kit.row(plot.r, "cost chart");
    let at = |values: &[f64], day: usize| values.get(day).copied().unwrap_or(0.0);
    Kit::describe(&response, || {
        let last = plot.days - 1;
        format!("after {last} days: today {}, edited {}", said(at(a, last), is_money), said(at(b, last), is_money))
    });
    let Some(p) = response.hover_pos() else { return };
    let day = ((p.x - plot.r.left()) / plot.r.width() * (plot.days - 1) as f32).round().max(0.0) as usize;
    let x = plot.at(day, 0.0).x.round();
    kit.vline(x, plot.r.top(), plot.r.height(), kit.t.strong_line);
    let mut text = format!("day {day}: A {}, B {}", said(at(a, day), is_money), said(at(b, day), is_money));
    if let Some((low, high)) = bands.get(day).filter(|_| !is_money) {
        text += &format!(", P10 – P90 {} – {}", bytes(*low as u64), bytes(*high as u64));
    }
    response.on_hover_text_at_pointer(text);
}

/// What all of it was measured on.
fn basis(ui: &Ui, state: &mut App, r: Rect, measured: &Value) -> f32 {
    let kit = &Kit::new(ui, state.theme);
    let t = kit.t;
    let (x, mut y, w) = (r.left() + 12.0, r.top(), r.width() - 24.0);
    kit.hline(r.left(), y, r.width(), t.hair);
    let signals = list(&measured["signals"]);
    let hours = signals.iter().map(|s| number(&s["hours"])).fold(0.0, f64::max);
    let title = kit.text(x, y + 22.0, Font::Semibold(12.0), t.strong, "Measured on your data") + 10.0;
    let days = hours / 24.0;
    let of = if state.route.source.is_empty() { "this store" } else { state.route.source.as_str() };
    let note = if hours < 24.0 {
        format!("{of}, {hours:.1} h of records, scaled up to a day")
    } else {
        format!("{of}, {days:.1} days of records")
    };
    let again = Button { text: "Measure again", is_small: true, is_quiet: true, ..Button::default() };
    let right = r.right() - 12.0 - again.width(kit);
    if button(kit, right, y + 7.0, again).clicked() {
        state.cost.looks += 1;
    }
    kit.text_in(
        title,
        y + 22.0,
        (right - 8.0 - title).max(0.0),
        Font::Regular(12.0),
        if hours < 24.0 { t.warn } else { t.text },
        &note,
    );
    y += 34.0;
    let rights = [0.36, 0.52, 0.64, 0.78].map(|part| x + w * part);
    kit.text(x, y + 14.0, Font::Medium(11.0), t.weak, "Signal");
    for (right, text) in rights.iter().zip(["Raw a day", "Stored a day", "Ratio", "Row groups"]) {
        kit.text_right(*right, y + 14.0, Font::Medium(11.0), t.weak, text);
    }
    kit.text(rights[3] + 16.0, y + 14.0, Font::Medium(11.0), t.weak, "Share of stored");
    kit.hline(r.left(), y + 22.0, r.width(), t.strong_line);
    y += 22.0;
    let stored = |s: &Value| number(&s["bytes_per_day"]) / number(&s["ratio"]).max(1e-9);
    let all: f64 = signals.iter().map(stored).sum();
    for signal in signals {
        let name = signal["signal"].as_str().unwrap_or_default();
        kit.text(x, y + 17.0, Font::Regular(12.0), t.strong, name);
        let groups = format!("{} of {}", signal["groups"], signal["of_groups"]);
        let cells = [
            bytes(number(&signal["bytes_per_day"]) as u64),
            bytes(stored(signal) as u64),
            format!("{:.1} ×", number(&signal["ratio"])),
            groups,
        ];
        for (right, text) in rights.iter().zip(&cells) {
            kit.text_right(*right, y + 17.0, Font::Mono(11.0), t.strong, text);
        }
        let bar = rect(rights[3] + 16.0, y + 9.0, x + w - rights[3] - 16.0, 8.0);
        kit.fill(bar, t.bg_raised);
        kit.fill(rect(bar.left(), bar.top(), bar.width() * (stored(signal) / all.max(1e-9)) as f32, 8.0), t.bar);
        kit.hline(r.left(), y + 25.0, r.width(), t.hair);
        let row = kit.row(rect(r.left(), y, r.width(), 26.0), ("measured", name));
        Kit::describe(&row, || format!("{name}: {}", cells.join(", ")));
        let sigma = number(&signal["ratio_sigma"]) * 100.0;
        row.on_hover_text(format!(
            "{name}: {} records. Raw is the bytes of all values as they are, stored what they take on disk; the ratio differs by {sigma:.0} % between row groups.",
            thousands(signal["rows"].as_i64().unwrap_or(0))
        ));
        y += 26.0;
    }
    y
}
