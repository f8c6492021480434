//! What telemetry costs in a cluster: tables, columns, indexes, days, disks and queries, each as far as it may be seen.

use super::{ROW, head};
use crate::app::State as App;
use crate::data::{bytes, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect};
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder, vec2};
use serde_json::Value;
use sextant_contract::Ask;

/// How a value is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Text,
    Code,
    Bytes,
    Count,
    /// How many times smaller it is on the disk.
    Ratio,
}

type Column = (&'static str, &'static str, Shown, f32);

use Shown::{Bytes, Code, Count, Ratio, Text};

/// Each part: its name in the answer, its title, and its columns with their shares of the width.
const PARTS: [(&str, &str, &[Column]); 6] = [
    (
        "tables",
        "Tables",
        &[
            ("table", "Table", Code, 0.4),
            ("engine", "Engine", Text, 0.25),
            ("rows", "Rows", Count, 0.17),
            ("bytes", "On disk", Bytes, 0.18),
        ],
    ),
    (
        "columns",
        "Columns, the largest first",
        &[
            ("column", "Column", Code, 0.28),
            ("table", "Table", Text, 0.2),
            ("codec", "Codec", Text, 0.2),
            ("plain_bytes", "Ratio", Ratio, 0.14),
            ("bytes", "On disk", Bytes, 0.18),
        ],
    ),
    (
        "indexes",
        "Indexes",
        &[
            ("index", "Index", Code, 0.3),
            ("table", "Table", Text, 0.22),
            ("type", "Type", Text, 0.3),
            ("bytes", "On disk", Bytes, 0.18),
        ],
    ),
    (
        "partitions",
        "By day",
        &[
            ("partition", "Part of time", Code, 0.24),
            ("table", "Table", Text, 0.28),
            ("parts", "Parts", Count, 0.12),
            ("rows", "Rows", Count, 0.18),
            ("bytes", "On disk", Bytes, 0.18),
        ],
    ),
    (
        "disks",
        "Disks",
        &[
            ("disk", "Disk", Code, 0.34),
            ("type", "Type", Text, 0.3),
            ("free_bytes", "Free", Bytes, 0.18),
            ("bytes", "Whole", Bytes, 0.18),
        ],
    ),
    (
        "queries",
        "Queries of the last day, by what they read",
        &[
            ("query", "Query", Code, 0.5),
            ("user", "User", Text, 0.14),
            ("times", "Times", Count, 0.14),
            ("bytes", "Read", Bytes, 0.22),
        ],
    ),
];

/// So much advice is shown.
const MAX_ADVICE: usize = 8;
/// So many rows of a part are shown.
const MAX_ROWS: usize = 25;

/// Whether it stays open.
pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, name: &str) -> bool {
    let t = state.theme;
    let key = format!("source cost {name} {}", state.sources.looks);
    let slot = state.asks.ask(ui.ctx(), &key, false, || Ask::SourceCost { name: name.to_owned() });
    let is_closed = {
        let kit = Kit::new(ui, t);
        head(&kit, r, "What it costs there", "as its system tables say");
        let close = Button { text: "Close", is_small: true, ..Button::default() };
        button(&kit, r.right() - 12.0 - close.width(&kit), r.top() + 7.0, close).clicked()
    };
    let body = r.with_min_y(r.top() + 36.0);
    let Some(object) = slot.get().and_then(|a| a.object.clone()) else {
        match &slot.error {
            Some(e) => super::states::error(&Kit::new(ui, t), body, e),
            None => super::states::loading(&Kit::new(ui, t), body),
        }
        return !is_closed;
    };
    let mut child = ui.new_child(UiBuilder::new().id_salt("cost").max_rect(body));
    child.set_clip_rect(body);
    ScrollArea::vertical().auto_shrink(false).id_salt("cost").show(&mut child, |ui| {
        let top = ui.min_rect().top();
        let half = (body.width() - 24.0) / 2.0;
        let place = (body.left() + 12.0, top + 8.0, body.width() - 32.0);
        let end = advice(ui, state, place, &object["advice"]);
        let mut ends = [end; 2];
        let kit = Kit::new(ui, t);
        for (part, title, columns) in PARTS {
            let side = usize::from(ends[1] < ends[0]);
            let place = (body.left() + (half + 24.0) * side as f32, ends[side], half);
            ends[side] = section(&kit, place, title, columns, &object, part) + 16.0;
        }
        ui.set_min_size(vec2(body.width() - 8.0, ends[0].max(ends[1]) - top));
    });
    !is_closed
}

/// What could be cheaper, each with a statement to copy; where it ends.
fn advice(ui: &Ui, state: &mut App, (x, y, w): (f32, f32, f32), all: &Value) -> f32 {
    let t = state.theme;
    let all = all.as_array().map_or(&[][..], Vec::as_slice);
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let kit = Kit::new(ui, t);
    kit.text(x, y + 16.0, Font::Semibold(12.0), t.strong, "What could be cheaper");
    let note = if all.is_empty() { "Nothing was found." } else { "Statements to read; nothing is sent from here." };
    kit.text_right(x + w, y + 16.0, Font::Regular(11.0), t.weak, note);
    kit.hline(x - 12.0, y + 26.0, w + 24.0, t.strong_line);
    let mut y = y + 26.0;
    let mut copied = None;
    for one in all.iter().take(MAX_ADVICE) {
        let kit = Kit::new(ui, t);
        let (now, then) = (one["bytes"].as_f64().unwrap_or(0.0), one["bytes_then"].as_f64());
        let effect =
            then.map_or_else(|| bytes(now as u64), |then| format!("{} → {}", bytes(now as u64), bytes(then as u64)));
        let b = Button { text: "Copy SQL", is_small: true, icon: Some("copy"), ..Button::default() };
        let right = x + w - b.width(&kit);
        let width = kit.text_right(right - 16.0, y + 18.0, Font::Mono(11.0), t.strong, &effect);
        let left = kit.text_in(x, y + 18.0, (w - 260.0).max(120.0), Font::Medium(12.0), t.strong, &text(one, "what"));
        kit.text_in(
            left + 10.0,
            y + 18.0,
            (width - left - 30.0).max(0.0),
            Font::Mono(11.0),
            t.weak,
            &text(one, "table"),
        );
        kit.text_in(x, y + 34.0, right - x - 12.0, Font::Regular(11.5), t.weak, &text(one, "why"));
        let response = button(&kit, right, y + 9.0, b).on_hover_text(text(one, "sql"));
        if response.clicked() {
            copied = Some(text(one, "sql"));
        }
        y += 42.0;
        kit.hline(x, y, w, t.hair);
    }
    if let Some(sql) = copied {
        crate::views::cost::copied(ui, state, &sql, "The statement");
    }
    y + 16.0
}

/// A part with its rows, or why it can't be seen; where it ends.
fn section(
    kit: &Kit<'_>,
    (x, y, w): (f32, f32, f32),
    title: &str,
    columns: &[Column],
    object: &Value,
    part: &str,
) -> f32 {
    let t = kit.t;
    kit.text(x + 12.0, y + 16.0, Font::Semibold(12.0), t.strong, title);
    let Some(rows) = object[part].as_array() else {
        let closed = object["closed"].as_array().into_iter().flatten().find(|c| c["part"] == part);
        let text = |key: &str| closed.and_then(|c| c[key].as_str()).unwrap_or_default();
        kit.text_in(x + 12.0, y + 36.0, w - 24.0, Font::Regular(12.0), t.warn, text("why"));
        kit.text_in(x + 12.0, y + 54.0, w - 24.0, Font::Mono(11.0), t.text, text("fix"));
        return y + 62.0;
    };
    let mut at = x + 12.0;
    let places: Vec<(f32, f32)> = columns
        .iter()
        .map(|column| {
            let width = (w - 24.0) * column.3;
            at += width;
            (at - width, width - 8.0)
        })
        .collect();
    let put = |(left, width): (f32, f32), bl: f32, font: Font, color, is_right: bool, text: &str| {
        if is_right {
            kit.text_right(left + width + 8.0, bl, font, color, text);
        } else {
            kit.text_in(left, bl, width, font, color, text);
        }
    };
    for (column, place) in columns.iter().zip(&places) {
        let is_right = !matches!(column.2, Text | Code);
        put(*place, y + 36.0, Font::Medium(11.0), t.weak, is_right, column.1);
    }
    kit.hline(x, y + 44.0, w, t.strong_line);
    let most = rows.iter().filter_map(|r| r["bytes"].as_f64()).fold(1.0, f64::max);
    let mut y = y + 44.0;
    for row in rows.iter().take(MAX_ROWS) {
        let share = row["bytes"].as_f64().unwrap_or(0.0) / most;
        kit.fill(rect(x, y + ROW - 2.0, w * share as f32, 2.0), t.bg_selected);
        for (column, place) in columns.iter().zip(&places) {
            let n = row[column.0].as_i64().unwrap_or(0);
            let (text, font) = match column.2 {
                Text => (row[column.0].as_str().unwrap_or_default().to_owned(), Font::Regular(12.0)),
                Code => (row[column.0].as_str().unwrap_or_default().to_owned(), Font::Mono(11.0)),
                Bytes => (bytes(n.max(0) as u64), Font::Mono(11.0)),
                Count => (thousands(n), Font::Mono(11.0)),
                Ratio => {
                    (format!("{:.1}×", n as f64 / row["bytes"].as_f64().unwrap_or(1.0).max(1.0)), Font::Mono(11.0))
                }
            };
            let color = if column.2 == Code || column.0 == "bytes" { t.strong } else { t.text };
            put(*place, y + 16.0, font, color, !matches!(column.2, Text | Code), &text);
        }
        y += ROW;
        kit.hline(x, y, w, t.hair);
    }
    if rows.len() > MAX_ROWS {
        kit.text(x + 12.0, y + 16.0, Font::Regular(11.0), t.weak, &format!("{} more", rows.len() - MAX_ROWS));
        y += ROW;
    }
    if rows.is_empty() {
        kit.text(x + 12.0, y + 16.0, Font::Regular(12.0), t.weak, "Nothing.");
        y += ROW;
    }
    y
}
