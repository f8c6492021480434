//! Rows as a table, or as a chart.

use super::cell;
use crate::app::State as App;
use crate::asks::Slot;
use crate::data::{Row, row, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, rect};
use crate::views::chart::{Chart, Line, MAX_LINES};
use crate::views::states;
use arrow::datatypes::DataType;
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder};
use serde_json::Value;
use sextant_charts::Ink;
use sextant_contract::{Answer, push_row};

const ROW: f32 = 24.0;
const HEAD: f32 = 26.0;
/// Widths are those of so many rows.
const MEASURED: usize = 200;

/// How wide columns are, and which row is selected.
#[derive(Debug, Default)]
pub(crate) struct State {
    widths: Option<(u64, Vec<f32>)>,
    selected: usize,
}

/// The cells of a row.
fn cells(answer: &Answer, mut number: usize) -> Vec<String> {
    for batch in &answer.batches {
        if number < batch.num_rows() {
            // Column by column: two may have the same name.
            let text = |(column, field): (usize, &arrow::datatypes::FieldRef)| {
                let mut text = String::new();
                push_row(&batch.project(&[column]).ok()?, number, &mut text);
                let value: Value = serde_json::from_str(&text).ok()?;
                Some(cell(&value[field.name()]))
            };
            return batch.schema().fields().iter().enumerate().map(|of| text(of).unwrap_or_default()).collect();
        }
        number -= batch.num_rows();
    }
    Vec::new()
}

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, slot: &Slot, period: (i64, i64)) {
    if let (Some(e), None) = (&slot.error, slot.get()) {
        return states::error(&Kit::new(ui, state.theme), r, e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), r);
    };
    let is_plan = answer.schema.fields().first().is_some_and(|f| f.name() == "explain_key");
    if is_plan {
        return plan(ui, state, r, &answer);
    }
    if answer.n_rows() == 0 {
        let words = ["The statement was run and found no rows."];
        return states::empty(&Kit::new(ui, state.theme), r, "No rows", &words);
    }
    if state.sql.is_chart {
        chart(&Kit::new(ui, state.theme), r, &answer, period);
    } else {
        table(ui, state, r, &answer);
    }
}

/// What the database would do.
fn plan(ui: &mut Ui, state: &App, r: Rect, answer: &Answer) {
    let text: String = rows(answer).map(|row| row.text("explain_value").to_owned()).collect::<Vec<_>>().join("\n");
    let lines: Vec<&str> = text.lines().collect();
    let mut child = ui.new_child(UiBuilder::new().id_salt("sql-plan").max_rect(r.shrink(8.0)));
    child.set_clip_rect(r);
    ScrollArea::both().auto_shrink(false).id_salt("sql-plan").show_rows(&mut child, 15.0, lines.len(), |ui, range| {
        let (left, top) = (ui.min_rect().left(), ui.min_rect().top());
        for (i, line) in lines[range].iter().enumerate() {
            let kit = Kit::new(ui, state.theme);
            kit.text(left + 8.0, top + 12.0 + 15.0 * i as f32, Font::Mono(11.0), kit.t.text, line);
        }
    });
}

fn is_double(t: &DataType) -> bool {
    matches!(t, DataType::Float64 | DataType::Float32)
}

/// A double with no more decimals than one reads; what is copied has all.
fn rounded(text: &str) -> Option<String> {
    let value: f64 = text.parse().ok()?;
    let is_long = text.len() > 8 && (1e-3..1e12).contains(&value.abs());
    is_long.then(|| format!("{value:.4}"))
}

fn is_number(t: &DataType) -> bool {
    t.is_numeric()
}

fn widths(kit: &Kit<'_>, state: &mut State, answer: &Answer) -> Vec<f32> {
    let of = (answer.n_rows() as u64) << 8 | answer.schema.fields().len() as u64;
    if let Some((_, widths)) = state.widths.as_ref().filter(|(known, _)| *known == of) {
        return widths.clone();
    }
    let fields = answer.schema.fields();
    let mut all: Vec<f32> = fields.iter().map(|f| kit.width(Font::Medium(11.0), f.name()) + 24.0).collect();
    for number in 0..answer.n_rows().min(MEASURED) {
        for (width, text) in all.iter_mut().zip(cells(answer, number)) {
            let shown: String = rounded(&text).unwrap_or(text).chars().take(64).collect();
            *width = width.max(kit.width(Font::Mono(11.0), &shown) + 24.0);
        }
    }
    for width in &mut all {
        *width = width.clamp(50.0, 420.0);
    }
    state.widths = Some((of, all.clone()));
    all
}

fn table(ui: &mut Ui, state: &mut App, r: Rect, answer: &Answer) {
    let n = answer.n_rows();
    let fields = answer.schema.fields().clone();
    let widths = widths(&Kit::new(ui, state.theme), &mut state.sql.results, answer);
    let total: f32 = widths.iter().sum::<f32>().max(r.width());
    let last = n.saturating_sub(1);
    let selected = state.walk(state.sql.results.selected.min(last), last);
    state.sql.results.selected = selected;
    let mut child = ui.new_child(UiBuilder::new().id_salt("sql-table").max_rect(r));
    child.set_clip_rect(r);
    let mut copied = None;
    ScrollArea::both().auto_shrink(false).id_salt("sql-table").show_viewport(&mut child, |ui, view| {
        ui.set_min_size(eframe::egui::vec2(total, HEAD + ROW * n as f32));
        let origin = ui.min_rect().min;
        let first = ((view.top() - HEAD).max(0.0) / ROW) as usize;
        let end = (((view.bottom() - HEAD) / ROW).ceil().max(0.0) as usize).min(n);
        for number in first..end.max(first) {
            let line = rect(origin.x, origin.y + HEAD + ROW * number as f32, total, ROW);
            let kit = Kit::new(ui, state.theme);
            let t = kit.t;
            let response = kit.row(line, ("sql-row", number));
            kit.row_back(line, number == selected, response.hovered());
            let all = cells(answer, number);
            let mut x = line.left();
            let bl = line.top() + 16.5;
            for ((text, width), field) in all.iter().zip(&widths).zip(&fields) {
                let short = if is_double(field.data_type()) { rounded(text) } else { None };
                let text_shown = short.as_ref().unwrap_or(text);
                let shown: String =
                    text_shown.chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect();
                let room = width - 20.0;
                let shown = if shown.is_empty() { "–".to_owned() } else { shown };
                let color = if text.is_empty() { t.weak } else { t.strong };
                if is_number(field.data_type()) {
                    kit.text_right(x + width - 8.0, bl, Font::Mono(11.0), color, &shown);
                } else {
                    kit.text_in(x + 12.0, bl, room, Font::Mono(11.0), color, &shown);
                }
                let is_over = response.hover_pos().is_some_and(|p| p.x >= x && p.x < x + width);
                if response.clicked() && is_over {
                    state.sql.results.selected = number;
                    copied = Some(text.clone());
                }
                x += width;
            }
            kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
            Kit::describe(&response, || all.join(", "));
            response.on_hover_text("A click copies the value");
        }
        // The heads stay.
        let kit = Kit::new(ui, state.theme);
        let t = kit.t;
        let head = rect(origin.x, ui.clip_rect().top(), total, HEAD);
        kit.fill(head, t.bg_panel);
        let mut x = head.left();
        for (field, width) in fields.iter().zip(&widths) {
            let bl = head.top() + 17.0;
            if is_number(field.data_type()) {
                kit.text_right(x + width - 8.0, bl, Font::Medium(11.0), t.weak, field.name());
            } else {
                kit.text_in(x + 12.0, bl, width - 16.0, Font::Medium(11.0), t.weak, field.name());
            }
            x += width;
        }
        kit.hline(head.left(), head.bottom() - 1.0, head.width(), t.strong_line);
    });
    if let Some(text) = copied {
        ui.copy_text(text);
    }
}

fn figure(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < 1e15 { thousands(value as i64) } else { format!("{value:.3}") }
}

/// Lines over a first column of times; bars by a first column of anything else.
fn chart(kit: &Kit<'_>, r: Rect, answer: &Answer, period: (i64, i64)) {
    let fields = answer.schema.fields();
    let numbers: Vec<&str> = fields.iter().filter(|f| is_number(f.data_type())).map(|f| f.name().as_str()).collect();
    let time = fields.iter().find(|f| matches!(f.data_type(), DataType::Timestamp(..))).map(|f| f.name().as_str());
    if numbers.is_empty() {
        let words = ["A chart needs a column of numbers; the first column of times or texts is what it goes by."];
        return states::empty(kit, r, "There is nothing to draw", &words);
    }
    let Some(time) = time else { return bars(kit, r, answer, numbers[0]) };
    let all: Vec<Row<'_>> = rows(answer).collect();
    let mut lines: Vec<Line> = Vec::new();
    for (i, name) in numbers.iter().take(MAX_LINES).enumerate() {
        let mut points: Vec<(i64, f64)> =
            all.iter().filter_map(|row| Some((row.int(time), row.number(name)?))).collect();
        points.sort_by_key(|p| p.0);
        lines.push(Line { name: (*name).to_owned(), points, color: kit.t.ink(Ink::Service(i as u8)) });
    }
    let times = || lines.iter().flat_map(|l| &l.points).map(|p| p.0);
    let (from, to) = (times().min().unwrap_or(period.0), times().max().unwrap_or(period.1));
    let ends = Chart::ends_of(&lines);
    let chart = Chart {
        n_all: numbers.len(),
        period: (from, to.max(from + 1)),
        every: i64::MAX,
        ends,
        figure: &figure,
        lines: &lines,
    };
    chart.show(kit, r);
}

fn bars(kit: &Kit<'_>, r: Rect, answer: &Answer, number: &str) {
    let t = kit.t;
    let most = rows(answer).filter_map(|row| row.number(number)).map(f64::abs).fold(0.0, f64::max).max(1e-12);
    let n = ((r.height() - 30.0) / 22.0).max(0.0) as usize;
    let label = answer.schema.fields().iter().position(|f| !is_number(f.data_type()));
    kit.text(r.left() + 12.0, r.top() + 18.0, Font::Medium(11.0), t.weak, number);
    let names = (r.width() * 0.3).min(360.0);
    for i in 0..n.min(answer.n_rows()) {
        let y = r.top() + 28.0 + 22.0 * i as f32;
        let Some(value) = row(answer, i).and_then(|row| row.number(number)) else { continue };
        let text = label.map_or_else(|| (i + 1).to_string(), |place| cells(answer, i).swap_remove(place));
        kit.text_in(r.left() + 12.0, y + 14.0, names - 16.0, Font::Regular(12.0), t.strong, &text);
        let room = r.width() - names - 130.0;
        kit.fill(rect(r.left() + names, y + 5.0, (room * (value.abs() / most) as f32).max(1.0), 10.0), t.bar);
        kit.text_right(r.right() - 12.0, y + 14.0, Font::Mono(11.0), t.strong, &figure(value));
    }
    if answer.n_rows() > n {
        let words = format!("the first {n} of {} rows", thousands(answer.n_rows() as i64));
        kit.text_right(r.right() - 12.0, r.top() + 18.0, Font::Regular(11.0), t.weak, &words);
    }
}
