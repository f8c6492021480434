//! The editor: colours, and what can follow.

use super::{field, tree};
use crate::app::State as App;
use crate::fonts::Font;
use crate::kit::Kit;
use crate::overlay::choices;
use crate::tokens::Tokens;
use eframe::egui::text::{CCursor, CCursorRange, LayoutJob, TextFormat};
use eframe::egui::text_edit::TextEditState;
use eframe::egui::{self, Key, Modifiers, Rect, ScrollArea, TextBuffer, TextEdit, Ui, UiBuilder};
use sextant_model::Table;
use sextant_queries::statements::{FUNCTIONS, KEYWORDS, Part, parts, typed};
use std::ops::Range;

/// What can follow, as it is being chosen.
#[derive(Debug, Default)]
pub(crate) struct State {
    chosen: usize,
    /// The text for which nobody wanted to see it.
    closed_for: Option<String>,
    is_focused: bool,
}

const MAX_SHOWN: usize = 8;

fn highlighted(text: &str, t: &'static Tokens, width: f32) -> LayoutJob {
    let mut job = LayoutJob::default();
    job.wrap.max_width = width;
    for (range, part) in parts(text) {
        let (font, color) = match part {
            Part::Keyword => (Font::MonoSemibold(12.0), t.strong),
            Part::Function => (Font::Mono(12.0), t.info),
            Part::Name => (Font::Mono(12.0), t.accent),
            Part::Text => (Font::Mono(12.0), t.syn_string),
            Part::Number => (Font::Mono(12.0), t.syn_number),
            Part::Parameter => (Font::MonoSemibold(12.0), t.syn_number),
            Part::Comment => (Font::Mono(12.0), t.weak),
            Part::Other => (Font::Mono(12.0), t.text),
        };
        job.append(&text[range], 0.0, TextFormat::simple(font.id(), color));
    }
    job
}

/// Where the cursor is, in bytes.
fn cursor(ui: &Ui, text: &str) -> Option<usize> {
    let at = TextEditState::load(ui.ctx(), field()).and_then(|s| s.cursor.char_range())?.primary;
    Some(text.char_indices().nth(at.index.0).map_or(text.len(), |(at, _)| at))
}

/// What begins as what was typed: names with what they are.
fn candidates(text: &str, at: &Range<usize>, has_columns: bool) -> Vec<(String, String)> {
    let part = text[at.clone()].to_lowercase();
    let mut found: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, note: &str| {
        let is_new = !found.iter().any(|(n, _)| n == name);
        if is_new && name.to_lowercase().starts_with(&part) && name.len() > part.len() {
            found.push((name.to_owned(), note.to_owned()));
        }
    };
    if has_columns {
        let named: Vec<Table> = Table::ALL.into_iter().filter(|t| text.contains(t.name())).collect();
        let tables = if named.is_empty() { vec![Table::Traces, Table::Logs] } else { named };
        for table in tables {
            for (name, kind) in tree::columns(table) {
                add(&name, &kind);
            }
        }
        for name in FUNCTIONS {
            add(name, "function");
        }
    } else {
        for table in Table::ALL {
            add(table.name(), "table");
        }
    }
    for word in KEYWORDS {
        add(word, "");
    }
    for parameter in ["$from", "$to"] {
        add(parameter, "of the period");
    }
    found.truncate(MAX_SHOWN);
    found
}

fn replace(ui: &Ui, state: &mut App, range: Range<usize>, with: &str) {
    let Some(text) = state.sql.text.as_mut() else { return };
    text.replace_range(range.clone(), with);
    let end = text[..range.start + with.len()].chars().count();
    let mut edit = TextEditState::load(ui.ctx(), field()).unwrap_or_default();
    edit.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(end))));
    edit.store(ui.ctx(), field());
    ui.memory_mut(|m| m.request_focus(field()));
}

/// Writes a name where the cursor is.
pub(super) fn insert(ui: &Ui, state: &mut App, name: &str) {
    let text = state.sql.text.clone().unwrap_or_default();
    let at = cursor(ui, &text).unwrap_or(text.len());
    let before = text[..at].chars().next_back();
    let space = if before.is_some_and(|c| c.is_alphanumeric() || c == ',') { " " } else { "" };
    replace(ui, state, at..at, &format!("{space}{name}"));
}

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect) {
    let t = state.theme;
    {
        let kit = Kit::new(ui, t);
        kit.fill(r, t.bg_app);
        kit.hline(
            r.left(),
            r.bottom() - 1.0,
            r.width(),
            if state.sql.editor.is_focused { t.accent } else { t.strong_line },
        );
    }
    let before = state.sql.text.clone().unwrap_or_default();
    let at = if state.sql.editor.is_focused { cursor(ui, &before) } else { None };
    let typed = at.filter(|_| state.sql.editor.closed_for.as_ref() != Some(&before)).and_then(|at| typed(&before, at));
    let list = typed.as_ref().map_or_else(Vec::new, |(range, has)| candidates(&before, range, *has));
    let mut accepted = None;
    if !list.is_empty() {
        let takes = |key: Key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
        let n = list.len();
        state.sql.editor.chosen = state.sql.editor.chosen.min(n - 1);
        if takes(Key::ArrowDown) {
            state.sql.editor.chosen = (state.sql.editor.chosen + 1) % n;
        } else if takes(Key::ArrowUp) {
            state.sql.editor.chosen = (state.sql.editor.chosen + n - 1) % n;
        } else if takes(Key::Escape) {
            state.sql.editor.closed_for = Some(before.clone());
            state.takes(crate::commands::Do::Close);
        } else if takes(Key::Tab) {
            accepted = Some(state.sql.editor.chosen);
        }
    }
    let mut layouter = |ui: &Ui, text: &dyn TextBuffer, width: f32| {
        ui.fonts_mut(|f| f.layout_job(highlighted(text.as_str(), t, width)))
    };
    let inner = r.shrink2(egui::vec2(12.0, 8.0));
    let mut child = ui.new_child(UiBuilder::new().id_salt("sql-editor").max_rect(inner));
    child.set_clip_rect(r);
    let mut text = before.clone();
    let filter =
        egui::EventFilter { tab: true, escape: !list.is_empty(), horizontal_arrows: true, vertical_arrows: true };
    let mut place = inner.left_top();
    let response = ScrollArea::vertical().auto_shrink(false).id_salt("sql-editor").show(&mut child, |ui| {
        let edit = TextEdit::multiline(&mut text)
            .id(field())
            .event_filter(filter)
            .frame(egui::Frame::NONE)
            .margin(0)
            .font(Font::Mono(12.0).id())
            .desired_width(inner.width() - 8.0)
            .desired_rows((inner.height() / 17.0) as usize)
            .layouter(&mut layouter);
        let output = edit.show(ui);
        if let Some(range) = output.cursor_range {
            let at = output.galley.pos_from_cursor(range.primary);
            place = output.galley_pos + at.left_bottom().to_vec2();
        }
        output.response.response
    });
    let response = response.inner;
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::MultilineTextInput, true, "Statements"));
    state.sql.editor.is_focused = response.has_focus();
    if response.changed() {
        state.sql.editor.chosen = 0;
        state.sql.editor.closed_for = None;
    }
    state.sql.text = Some(text);
    let Some((range, _)) = typed else { return };
    if !list.is_empty() && response.has_focus() && accepted.is_none() {
        let chosen = Some(state.sql.editor.chosen);
        accepted = choices::show(ui, t, &list, t.accent, chosen, (place.x - 10.0, place.y + 6.0));
    }
    if let Some(i) = accepted {
        let is_function = list[i].1 == "function";
        let name = if is_function { format!("{}(", list[i].0) } else { list[i].0.clone() };
        replace(ui, state, range, &name);
    }
}
