//! Writing a note about what is selected, or reading one that is there. Without words it is a bookmark.

use super::sheet_frame;
use crate::app::State as App;
use crate::data::clock;
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect};
use crate::marks::{NOTES, Note};
use crate::route::Route;
use crate::runtime::now;
use eframe::egui::{Id, Key, Rect, TextEdit, Ui, UiBuilder, vec2};
use sextant_contract::Command;

/// What is being written.
#[derive(Debug)]
pub(crate) struct State {
    note: Note,
    is_new: bool,
    has_focus: bool,
}

/// What a note would be about: what a view has selected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub from: i64,
    pub to: i64,
    pub what: String,
}

impl State {
    /// A new note.
    pub fn new(subject: Subject, route: &Route, text: String) -> Self {
        // Where it leads shows the same a year from now: a live period would have moved on.
        let held = if route.is_live() { Route { fixed: Some(route.period()), ..route.clone() } } else { route.clone() };
        let Subject { from, to, what } = subject;
        let name = format!("{}-{from}", now());
        let note = Note { name, from, to, text, what, address: held.to_hash() };
        Self { note, is_new: true, has_focus: false }
    }

    /// One that is there.
    pub fn of(note: Note) -> Self {
        Self { note, is_new: false, has_focus: false }
    }
}

pub(super) fn show(ui: &mut Ui, state: &mut App, whole: Rect, is_left: bool) -> bool {
    let Some(mut open) = state.note.take() else { return true };
    let w = 520.0_f32.min(whole.width() - 24.0);
    let r = rect((whole.width() - w) / 2.0, 140.0_f32.min(whole.height() / 4.0), w, 154.0);
    let title = if open.is_new { "Note" } else { "A note" };
    let is_closed = {
        let kit = Kit::new(ui, state.theme);
        sheet_frame(&kit, whole, r);
        let when = if open.note.to - open.note.from > 1_000_000_000 {
            format!("{} – {}", clock(open.note.from, 0), clock(open.note.to, 0))
        } else {
            clock(open.note.from, 3)
        };
        let about: String = format!("{when} · {}", open.note.what).chars().take(64).collect();
        super::sheet_title(&kit, r, title, &about, "close note")
    };
    let field = rect(r.left() + 20.0, r.top() + 58.0, r.width() - 40.0, 32.0);
    crate::shell::field_box(&Kit::new(ui, state.theme), field, true);
    let place = field.shrink2(vec2(10.0, 6.0));
    let edit = TextEdit::singleline(&mut open.note.text)
        .id(Id::unique("note-box"))
        .frame(eframe::egui::Frame::NONE)
        .margin(0)
        .font(Font::Regular(13.0).id())
        .text_color(state.theme.strong)
        .hint_text("what is to be known of it; nothing makes a bookmark")
        .desired_width(place.width());
    let mut child = ui.new_child(UiBuilder::new().id_salt("note-input").max_rect(place));
    let response = child.add_sized(place.size(), edit);
    response.widget_info(|| eframe::egui::WidgetInfo::labeled(eframe::egui::Role::TextInput, true, "Note"));
    if !std::mem::replace(&mut open.has_focus, true) {
        response.request_focus();
    }
    let done = buttons(ui, state, r, &open);
    let is_beside = is_left && !ui.input(|i| i.pointer.interact_pos()).is_some_and(|p| r.contains(p));
    state.note = Some(open);
    done || is_closed || is_beside
}

/// Says whether the sheet is to be closed.
fn buttons(ui: &Ui, state: &mut App, r: Rect, open: &State) -> bool {
    let kit = Kit::new(ui, state.theme);
    let y = r.bottom() - 44.0;
    let save = Button { text: "Keep", key: Some("⏎"), is_primary: true, ..Button::default() };
    let mut right = r.right() - 20.0 - save.width(&kit);
    let note = &open.note;
    if button(&kit, right, y, save).clicked() || ui.input(|i| i.key_pressed(Key::Enter)) {
        let keep = Command::Save { kind: "note".into(), name: note.name.clone(), value: note.value() };
        state.asks.act_then_forget(ui.ctx(), keep, NOTES);
        return true;
    }
    if open.is_new {
        return false;
    }
    let mut other = |text: &str, key: Option<&str>| {
        let b = Button { text, key, ..Button::default() };
        right -= b.width(&kit) + 8.0;
        button(&kit, right, y, b).clicked()
    };
    if other("Go there", None) {
        state.go(Route::from_hash(&note.address));
        return true;
    }
    if other("Delete", None) {
        let gone = Command::Forget { kind: "note".into(), name: note.name.clone() };
        state.asks.act_then_forget(ui.ctx(), gone, NOTES);
        return true;
    }
    false
}
