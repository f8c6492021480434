//! The list of records: a line each, or as many as the message takes.

use super::opened::{Wanted, field_of};
use super::{COLUMN, CONTEXT_NANOS, ROW, beginning, level_of, line_of, place_of, record_of, severity, toggle};
use crate::app::State as App;
use crate::data::{Row, clock, row};
use crate::fonts::Font;
use crate::kit::{Kit, chip, rect};
use crate::overlay::menu;
use crate::overlay::notices::Notice;
use crate::route::{Route, View};
use crate::views::facets::with_value;
use eframe::egui::{Rect, ScrollArea, Shape, Stroke, Ui, UiBuilder, pos2, vec2};
use sextant_contract::Answer;
use std::rc::Rc;

/// How wide a letter of a message is, and how high a line of it.
const LETTER: f32 = 11.5 * 0.6;
const LINE: f32 = 16.0;
/// More of a message is read where it is open.
const MAX_LINES: usize = 8;

/// Whether messages take several lines, and where the rows begin then.
#[derive(Debug, Default)]
pub(crate) struct Wraps {
    is_on: bool,
    /// Of which rows they are, and how many letters a line has.
    of: Option<(Rc<Answer>, usize)>,
    tops: Rc<Vec<f32>>,
}

impl Wraps {
    pub fn toggle(&mut self) {
        self.is_on = !self.is_on;
    }

    /// Where rows begin in a list with so many letters a line.
    fn tops(&mut self, answer: &Rc<Answer>, letters: usize) -> Tops {
        if !self.is_on {
            return Tops::Even;
        }
        let is_same = |(of, n): &(Rc<Answer>, usize)| Rc::ptr_eq(of, answer) && *n == letters;
        if !self.of.as_ref().is_some_and(is_same) {
            let mut y = 0.0;
            let mut tops = vec![y];
            for row in crate::data::rows(answer) {
                y += ROW + LINE * (parts(&line_of(row), letters).count().max(1) - 1) as f32;
                tops.push(y);
            }
            self.of = Some((answer.clone(), letters));
            self.tops = Rc::new(tops);
        }
        Tops::Uneven(self.tops.clone(), letters)
    }
}

/// Where rows begin.
enum Tops {
    Even,
    Uneven(Rc<Vec<f32>>, usize),
}

impl Tops {
    fn at(&self, i: usize) -> f32 {
        match self {
            Self::Even => i as f32 * ROW,
            Self::Uneven(tops, _) => tops.get(i).or(tops.last()).copied().unwrap_or(0.0),
        }
    }

    fn row_at(&self, y: f32) -> usize {
        match self {
            Self::Even => (y / ROW).floor().max(0.0) as usize,
            Self::Uneven(tops, _) => tops.partition_point(|top| *top <= y).saturating_sub(1),
        }
    }

    fn letters(&self) -> Option<usize> {
        match self {
            Self::Even => None,
            Self::Uneven(_, letters) => Some(*letters),
        }
    }
}

/// Where a line of so many letters ends at the latest. Letters of East Asia and pictures take the room of two.
fn end_of_line(text: &str, letters: usize) -> usize {
    const WIDE_FROM: char = '\u{1100}';
    let mut room = letters.max(2);
    for (at, c) in text.char_indices() {
        let width = if c >= WIDE_FROM { 2 } else { 1 };
        if width > room {
            return at;
        }
        room -= width;
    }
    text.len()
}

/// A message in parts of so many letters, not too many of them.
fn parts(text: &str, letters: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    let part = move || {
        let end = end_of_line(rest, letters);
        // Between words, where there is a place not too far back.
        let end = match rest[..end].rfind(' ') {
            Some(space) if end < rest.len() && space > end / 2 => space + 1,
            _ => end,
        };
        let (part, left) = rest.split_at(end);
        rest = left;
        (!part.is_empty()).then_some(part)
    };
    std::iter::from_fn(part).take(MAX_LINES)
}

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, answer: &Rc<Answer>, selected: usize, moved: bool) {
    let t = state.theme;
    {
        let kit = Kit::new(ui, t);
        let message = message_at(state.route.columns.len(), r.width());
        for (dx, word) in [(26.0, "Time (UTC)"), (154.0, "Level"), (206.0, "Service"), (message, "Message")] {
            kit.text(r.left() + dx, r.top() + 16.0, Font::Medium(11.0), t.weak, word);
        }
        let w = (message - 336.0) / state.route.columns.len().max(1) as f32;
        let mut gone = None;
        for (i, column) in state.route.columns.iter().enumerate() {
            let cell = rect(r.left() + 336.0 + w * i as f32, r.top() + 2.0, w - 6.0, 20.0);
            let response = kit.click(cell, ("column", i), &format!("No column {column}"));
            let color = if response.hovered() { t.accent } else { t.weak };
            kit.text_in(cell.left(), r.top() + 16.0, w - 10.0, Font::Medium(11.0), color, column);
            if response.on_hover_text("Click to take the column away").clicked() {
                gone = Some(i);
            }
        }
        if let Some(i) = gone {
            state.route.columns.remove(i);
        }
        kit.hline(r.left(), r.top() + 23.0, r.width(), t.strong_line);
    }
    let body = Rect::from_min_max(pos2(r.left(), r.top() + 24.0), r.right_bottom());
    let mut child = ui.new_child(UiBuilder::new().id_salt("logs").max_rect(body));
    child.set_clip_rect(body);
    let opened = place_of(answer, state.logs.open.as_ref().map(|o| &o.record));
    let extra = match (&mut state.logs.open, opened.and_then(|i| row(answer, i))) {
        (Some(open), Some(row)) => open.lay(row, body.width()),
        _ => 0.0,
    };
    let columns = state.route.columns.clone();
    let letters = ((body.width() - message_at(columns.len(), body.width()) - 10.0) / LETTER) as usize;
    let tops = state.logs.wraps.tops(answer, letters.max(16));
    // Rows after the open one lie lower by its fields.
    let top_of = |i: usize| tops.at(i) + if opened.is_some_and(|o| i > o) { extra } else { 0.0 };
    let mut wanted = None;
    let mut scroll = ScrollArea::vertical().auto_shrink(false);
    if moved {
        scroll = scroll.vertical_scroll_offset((top_of(selected) - body.height() / 2.0).max(0.0));
    }
    scroll.show_viewport(&mut child, |ui, view| {
        ui.set_min_size(vec2(body.width(), tops.at(answer.n_rows()) + extra));
        let origin = ui.min_rect().min;
        let first = tops.row_at(view.min.y - extra);
        for i in first..answer.n_rows() {
            let y = top_of(i);
            if y > view.max.y {
                break;
            }
            let line = rect(body.left(), origin.y + y, body.width(), tops.at(i + 1) - tops.at(i));
            let Some(row) = row(answer, i) else { continue };
            let kit = Kit::new(ui, t);
            let response = kit.row(line, ("log", i));
            kit.row_back(line, opened == Some(i) || selected == i, response.hovered());
            Kit::describe(&response, || format!("{} {}: {}", severity(row).0, row.text("ServiceName"), line_of(row)));
            record(&kit, line, row, &columns, (opened == Some(i), tops.letters()));
            if let (Some(open), true) = (&state.logs.open, opened == Some(i)) {
                let area = rect(line.left(), line.bottom(), line.width(), extra);
                wanted = open.show(&kit, area, row, &columns);
            }
            if let Some(what) = menu::of_row(&response, t, &ROW_MENU) {
                wanted = Some(of_row(ui, what, row));
            }
            if response.clicked() {
                toggle(state, record_of(row), row);
                state.logs.selected = Some(record_of(row));
            }
        }
    });
    match wanted {
        Some(Wanted::Trace(trace, _)) if trace.is_empty() => {
            state.notices.push(Notice::said("This record belongs to no trace".into()));
        }
        Some(Wanted::Trace(trace, span)) => {
            state.go(Route { view: View::Trace, trace, span, ..state.route.clone() });
        }
        Some(Wanted::Context(service, time)) => {
            let fixed = Some((time - CONTEXT_NANOS, time + CONTEXT_NANOS));
            let query = with_value("", "service", &service, false);
            state.go(Route { query, fixed, ..state.route.clone() });
        }
        Some(Wanted::Value(key, value, is_out)) => {
            let query = with_value(&state.route.query, field_of(&key), &value, is_out);
            state.go(Route { query, ..state.route.clone() });
        }
        Some(Wanted::Column(key)) => {
            let columns = &mut state.route.columns;
            match columns.iter().position(|c| *c == key) {
                Some(place) => drop(columns.remove(place)),
                None => columns.push(key),
            }
        }
        Some(Wanted::Fold(number)) => {
            if let Some(open) = &mut state.logs.open {
                open.toggle(number);
            }
        }
        Some(Wanted::Nothing) | None => {}
    }
}

/// What can be done with a record of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OfRow {
    Trace,
    Context,
    OnlyService,
    NotService,
    Copy,
}

const ROW_MENU: [(&str, OfRow); 5] = [
    ("Its trace", OfRow::Trace),
    ("Context ± 30 s", OfRow::Context),
    ("Only this service", OfRow::OnlyService),
    ("Without this service", OfRow::NotService),
    ("Copy the text", OfRow::Copy),
];

fn of_row(ui: &Ui, what: OfRow, row: Row<'_>) -> Wanted {
    let service = row.text("ServiceName").to_owned();
    match what {
        OfRow::Trace => Wanted::Trace(row.text("TraceId").to_owned(), row.text("SpanId").to_owned()),
        OfRow::Context => Wanted::Context(service, row.int("Timestamp")),
        OfRow::OnlyService => Wanted::Value("service".into(), service, false),
        OfRow::NotService => Wanted::Value("service".into(), service, true),
        OfRow::Copy => {
            ui.copy_text(row.text("Body").to_owned());
            Wanted::Nothing
        }
    }
}

/// Where the message begins, after the columns.
fn message_at(n_columns: usize, width: f32) -> f32 {
    // The message keeps a third of the list at least.
    336.0 + (COLUMN * n_columns as f32).min((width - 336.0) * 0.66).max(0.0)
}

/// A record; its message takes several lines where it is said how many letters one has.
fn record(kit: &Kit<'_>, line: Rect, row: Row<'_>, columns: &[String], (is_open, letters): (bool, Option<usize>)) {
    let t = kit.t;
    let bl = line.top() + 16.0;
    let (word, font, color) = level_of(t, row);
    let is_bad = color == t.error || color == t.warn;
    if is_bad {
        kit.fill(rect(line.left(), line.top(), 2.0, line.height()), color);
    }
    let (x, y) = (line.left() + 10.0, line.top() + 7.5);
    let mark = if is_open {
        vec![pos2(x, y + 2.0), pos2(x + 8.0, y + 2.0), pos2(x + 4.0, y + 7.0)]
    } else {
        vec![pos2(x + 2.0, y), pos2(x + 2.0, y + 8.0), pos2(x + 7.0, y + 4.0)]
    };
    kit.paint.add(Shape::convex_polygon(mark, t.weak, Stroke::NONE));
    let time = clock(row.int("Timestamp"), 6);
    let split = format!("{} {}", &time[..12], &time[12..]);
    kit.text(line.left() + 26.0, bl, Font::Mono(11.0), t.text, &split);
    kit.text_in(line.left() + 154.0, bl, 48.0, font, color, &word);
    let name = row.text("ServiceName");
    chip(kit, line.left() + 206.0, line.top() + 6.0, name);
    kit.text_in(line.left() + 230.0, bl, 102.0, Font::Regular(12.0), t.strong, name);
    let message = message_at(columns.len(), line.width());
    let w = (message - 336.0) / columns.len().max(1) as f32;
    if !columns.is_empty() {
        let entries = [row.entries("LogAttributes"), row.entries("ResourceAttributes")].concat();
        for (i, column) in columns.iter().enumerate() {
            let own = row.text(column);
            let value = entries.iter().find(|(key, _)| key == column).map_or(own, |(_, value)| value);
            let x = line.left() + 336.0 + w * i as f32;
            kit.text_in(x, bl, w - 10.0, Font::Mono(11.0), t.text, beginning(value));
        }
    }
    let text = line_of(row);
    let (x, width) = (line.left() + message, line.width() - message - 10.0);
    match letters {
        None => drop(kit.text_in(x, bl, width, Font::Mono(11.5), t.strong, &text)),
        Some(letters) => {
            let shown: Vec<&str> = parts(&text, letters).collect();
            for (i, part) in shown.iter().enumerate() {
                kit.text_in(x, bl + LINE * i as f32, width, Font::Mono(11.5), t.strong, part);
            }
            // What is left is read where the record is open.
            let is_cut = shown.iter().map(|part| part.len()).sum::<usize>() < row.text("Body").trim_end().len();
            if is_cut && shown.len() == MAX_LINES {
                kit.text_right(x + width, bl + LINE * shown.len() as f32 - LINE, Font::Mono(11.5), t.weak, "…");
            }
        }
    }
    kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_parted_between_words() {
        let all = |text: &'static str, letters| parts(text, letters).collect::<Vec<_>>();
        assert_eq!(all("", 5), [""; 0]);
        assert_eq!(all("short", 5), ["short"]);
        assert_eq!(all("one two three", 8), ["one two ", "three"]);
        assert_eq!(all("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(all("größere Größe", 9), ["größere ", "Größe"]);
        assert_eq!(all("望遠鏡です", 4), ["望遠", "鏡で", "す"]);
        assert_eq!(parts(&"x".repeat(1_000), 10).count(), MAX_LINES, "not too many");
    }
}
