//! The record that is open: what it says as lines to be read, and everything else about it.

use super::Record;
use crate::data::Row;
use crate::fonts::Font;
use crate::kit::{Button, Kit, ValueAction, button, rect, value_actions};
use crate::tokens::Tokens;
use crate::views::trace::level;
use eframe::egui::{Color32, Rect, Role, WidgetInfo, pos2};
use sextant_charts::body::{self, Line, Piece, Tone};
use std::collections::BTreeSet;

/// Lines of the text, and a field.
const LINE: f32 = 18.0;
const FIELD: f32 = 22.0;
const HEAD: f32 = 36.0;
const FOOT: f32 = 10.0;
/// The size of the text.
const SIZE: f32 = 12.0;
/// How far a level of a tree is moved in, in letters.
const INDENT: usize = 2;

/// The open record, laid out.
#[derive(Debug)]
pub(super) struct Opened {
    pub record: Record,
    /// What is not folded as it is at first.
    toggled: BTreeSet<usize>,
    /// How many letters a line has, and the lines at that width.
    laid: (usize, Vec<Laid>),
    fields: Vec<(String, String)>,
    /// The stack trace of its exception, where that is an attribute.
    stack: Option<String>,
}

/// What is folded in the stack trace has numbers from here on.
const OF_STACK: usize = 1 << 30;

/// A line on the screen: part of a line of the text.
#[derive(Debug)]
struct Laid {
    indent: usize,
    pieces: Vec<Piece>,
    fold: Option<(usize, bool)>,
}

impl Laid {
    fn said(&self) -> String {
        self.pieces.iter().map(|p| p.text.as_str()).collect()
    }
}

/// What was asked for in the open record.
pub(super) enum Wanted {
    /// Its trace and span.
    Trace(String, String),
    /// Its surroundings: service and time.
    Context(String, i64),
    /// A value of it, or all others.
    Value(String, String, bool),
    /// A column for a field, or no longer.
    Column(String),
    /// Something in its text is folded or unfolded.
    Fold(usize),
    /// What was asked for is done.
    Nothing,
}

/// What a column is called in the search language.
pub(super) fn field_of(key: &str) -> &str {
    match key {
        "TraceId" => "trace",
        "SpanId" => "span",
        key => key,
    }
}

/// Everything about a record, as pairs.
fn fields(row: Row<'_>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for name in ["TraceId", "SpanId", "EventName", "ScopeName"] {
        if !row.text(name).is_empty() {
            out.push((name.to_owned(), row.text(name).to_owned()));
        }
    }
    out.extend(row.entries("LogAttributes"));
    out.extend(row.entries("ResourceAttributes"));
    out
}

/// The parts of a line that fit into so many letters each.
fn wrapped(line: Line, n_letters: usize, out: &mut Vec<Laid>) {
    let indent = (line.depth * INDENT).min(n_letters / 2);
    let room = (n_letters - indent).max(8);
    let mut now = Laid { indent, pieces: Vec::new(), fold: line.fold };
    let mut taken = 0;
    for piece in line.pieces {
        let mut rest = piece.text.as_str();
        while !rest.is_empty() {
            let end = rest.char_indices().nth(room - taken).map_or(rest.len(), |(at, _)| at);
            if end == 0 {
                let next = Laid { indent: indent + INDENT.min(room / 4), pieces: Vec::new(), fold: None };
                out.push(std::mem::replace(&mut now, next));
                taken = INDENT.min(room / 4);
                continue;
            }
            taken += rest[..end].chars().count();
            now.pieces.push(Piece { text: rest[..end].to_owned(), tone: piece.tone });
            rest = &rest[end..];
        }
    }
    out.push(now);
}

impl Opened {
    pub fn new(record: Record, row: Row<'_>) -> Self {
        let mut fields = fields(row);
        let place = fields.iter().position(|(key, _)| key == "exception.stacktrace");
        let stack = place.map(|i| fields.remove(i).1).filter(|s| !row.text("Body").contains(s.as_str()));
        Self { record, toggled: BTreeSet::new(), laid: (0, Vec::new()), fields, stack }
    }

    /// Lays it out for a list of this width; how high it is.
    pub fn lay(&mut self, row: Row<'_>, width: f32) -> f32 {
        let n_letters = (((width - 56.0) / (0.6 * SIZE)) as usize).max(24);
        if self.laid.0 != n_letters {
            let mut laid = Vec::new();
            for line in body::lines(row.text("Body"), &self.toggled) {
                wrapped(line, n_letters, &mut laid);
            }
            if let Some(stack) = &self.stack {
                let toggled = self.toggled.iter().filter_map(|n| n.checked_sub(OF_STACK)).collect();
                laid.push(Laid { indent: 0, pieces: Vec::new(), fold: None });
                for mut line in body::lines(stack, &toggled) {
                    line.fold = line.fold.map(|(number, is_folded)| (number + OF_STACK, is_folded));
                    wrapped(line, n_letters, &mut laid);
                }
            }
            self.laid = (n_letters, laid);
        }
        HEAD + LINE * self.laid.1.len() as f32 + FOOT + FIELD * self.fields.len() as f32 + FOOT
    }

    /// Folds or unfolds.
    pub fn toggle(&mut self, number: usize) {
        if !self.toggled.remove(&number) {
            self.toggled.insert(number);
        }
        self.laid.0 = 0;
    }

    /// Paints it; returns what was asked for.
    pub fn show(&self, kit: &Kit<'_>, r: Rect, row: Row<'_>, columns: &[String]) -> Option<Wanted> {
        let t = kit.t;
        kit.fill(r, t.bg_app);
        kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.strong_line);
        let (_, color) = level(t, &super::severity(row).0);
        kit.fill(rect(r.left(), r.top(), 2.0, r.height()), color);
        let mut wanted = head(kit, r, row);
        let x = r.left() + 28.0;
        let mut y = r.top() + HEAD;
        let seen = kit.paint.clip_rect().y_range();
        for (i, line) in self.laid.1.iter().enumerate() {
            if y + LINE >= seen.min && y <= seen.max && text(kit, x, y, line, (i, r)) {
                wanted = line.fold.map(|(number, _)| Wanted::Fold(number));
            }
            y += LINE;
        }
        y += FOOT;
        for (i, (key, value)) in self.fields.iter().enumerate() {
            let line = rect(x - 8.0, y + FIELD * i as f32, r.width() - 40.0, FIELD);
            if line.bottom() < seen.min || line.top() > seen.max {
                continue;
            }
            let response = kit.row(line, ("field", i));
            if response.hovered() {
                kit.fill(line, t.bg_hover);
            }
            let is_column = columns.contains(key);
            let color = if is_column { t.accent } else { t.text };
            kit.text_in(x, line.top() + 15.0, 190.0, Font::Mono(11.0), color, key);
            kit.text_in(x + 200.0, line.top() + 15.0, line.width() - 216.0, Font::Mono(11.0), t.strong, value);
            let extra = if is_column { "no column" } else { "column" };
            match value_actions(kit, line, &response, Some(extra)) {
                Some(ValueAction::Copy) => kit.ui.copy_text(value.clone()),
                Some(ValueAction::Extra) => wanted = Some(Wanted::Column(key.clone())),
                Some(action) => {
                    wanted = Some(Wanted::Value(key.clone(), value.clone(), action == ValueAction::Exclude));
                }
                None => {}
            }
        }
        wanted
    }
}

/// What can be done with the record as a whole.
fn head(kit: &Kit<'_>, r: Rect, row: Row<'_>) -> Option<Wanted> {
    let t = kit.t;
    let mut wanted = None;
    let mut right = r.right() - 12.0;
    let mut put = |b: Button<'_>| {
        right -= b.width(kit);
        let is_clicked = button(kit, right, r.top() + 7.0, b).clicked();
        right -= 8.0;
        is_clicked
    };
    let small = |text, icon| Button { text, icon, is_small: true, ..Button::default() };
    if !row.text("TraceId").is_empty() && put(small("Open trace", Some("traces"))) {
        wanted = Some(Wanted::Trace(row.text("TraceId").to_owned(), row.text("SpanId").to_owned()));
    }
    if put(small("Context ± 30 s", None)) {
        wanted = Some(Wanted::Context(row.text("ServiceName").to_owned(), row.int("Timestamp")));
    }
    if put(small("Copy text", Some("copy"))) {
        kit.ui.copy_text(row.text("Body").to_owned());
    }
    let (word, is_inferred) = super::severity(row);
    if is_inferred && !word.is_empty() {
        let words = format!("{word} is read off the text: the record has no severity");
        kit.text_in(r.left() + 28.0, r.top() + 22.0, right - r.left() - 36.0, Font::Regular(11.0), t.weak, &words);
    }
    wanted
}

/// A line of the text; says whether what it folds was clicked.
fn text(kit: &Kit<'_>, x: f32, y: f32, line: &Laid, (i, r): (usize, Rect)) -> bool {
    let t = kit.t;
    let mut at = x + 0.6 * SIZE * line.indent as f32;
    let mut is_clicked = false;
    if let Some((_, is_folded)) = line.fold {
        let area = rect(at - 16.0, y, r.right() - at - 8.0, LINE);
        let response = kit.row(area, ("fold", i));
        let words = if is_folded { "Unfold" } else { "Fold" };
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, format!("{words} {}", line.said())));
        let color = if response.hovered() { t.accent } else { t.weak };
        let (px, py) = (at - 11.0, y + 5.5);
        let mark = if is_folded {
            vec![pos2(px + 1.0, py), pos2(px + 1.0, py + 8.0), pos2(px + 6.0, py + 4.0)]
        } else {
            vec![pos2(px - 1.0, py + 1.5), pos2(px + 7.0, py + 1.5), pos2(px + 3.0, py + 6.5)]
        };
        kit.paint.add(eframe::egui::Shape::convex_polygon(mark, color, eframe::egui::Stroke::NONE));
        is_clicked = response.clicked();
    }
    if line.fold.is_none() {
        let said = kit.row(rect(at, y, r.right() - at - 8.0, LINE), ("line", i));
        said.widget_info(|| WidgetInfo::labeled(Role::Label, true, line.said()));
    }
    for piece in &line.pieces {
        let (font, color) = tone(t, piece.tone);
        at = kit.text(at, y + 13.0, font, color, &piece.text);
    }
    is_clicked
}

fn tone(t: &Tokens, tone: Tone) -> (Font, Color32) {
    let plain = Font::Mono(SIZE);
    match tone {
        Tone::Key => (plain, t.text),
        Tone::Text => (plain, t.syn_string),
        Tone::Bold => (Font::MonoSemibold(SIZE), t.strong),
        // Black and white are what stands out least and most, in both themes.
        Tone::Weak | Tone::Ansi(0) => (plain, t.weak),
        Tone::Ansi(1) => (plain, t.error),
        Tone::Ansi(2) => (plain, t.ok),
        Tone::Ansi(3) => (plain, t.warn),
        Tone::Ansi(4) => (plain, t.info),
        Tone::Ansi(5) => (plain, t.accent),
        Tone::Number | Tone::Ansi(6) => (plain, t.syn_number),
        Tone::Plain | Tone::Ansi(_) => (plain, t.strong),
    }
}
