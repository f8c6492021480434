//! What lies over the screens: palette, key sheet, notices, and the frame that shows where a file may be dropped.

pub(crate) mod choice;
pub(crate) mod choices;
pub(crate) mod export;
mod group;
pub(crate) mod heavy;
pub(crate) mod menu;
pub(crate) mod note;
pub(crate) mod notices;
pub(crate) mod palette;
mod period;
mod sheet;
mod view_as;

use crate::app::State;
use crate::fonts::Font;
use crate::kit::{Kit, key, rect};
use eframe::egui::{Area, Id, Order, Rect, Sense, Ui, UiBuilder, pos2};

/// Paints what is open, over all.
pub(crate) fn show(ui: &Ui, state: &mut State, whole: Rect) {
    notices::show(ui, state, whole);
    if ui.input(|i| !i.raw.hovered_files.is_empty()) {
        above(ui, "drop", whole, |ui, _| drop_frame(ui, state, whole));
    }
    if state.palette.is_some() && above(ui, "palette", whole, |ui, is_left| palette::show(ui, state, whole, is_left)) {
        state.palette = None;
    }
    if state.period.is_some() && above(ui, "period", whole, |ui, is_left| period::show(ui, state, whole, is_left)) {
        state.period = None;
    }
    if state.export.is_some() && above(ui, "export", whole, |ui, is_left| export::show(ui, state, whole, is_left)) {
        state.export = None;
    }
    if state.note.is_some() && above(ui, "note", whole, |ui, is_left| note::show(ui, state, whole, is_left)) {
        state.note = None;
    }
    if state.group.is_some() && above(ui, "group", whole, |ui, is_left| group::show(ui, state, whole, is_left)) {
        state.group = None;
    }
    if state.is_view_as_open && above(ui, "view as", whole, |ui, is_left| view_as::show(ui, state, whole, is_left)) {
        state.is_view_as_open = false;
    }
    if state.is_sheet_open && above(ui, "sheet", whole, |ui, is_left| sheet::show(ui, state, whole, is_left)) {
        state.is_sheet_open = false;
    }
}

/// A layer over everything, behind which nothing is clicked. The content is told whether one clicked beside it, and
/// says whether it closes.
fn above(ui: &Ui, name: &'static str, whole: Rect, content: impl FnOnce(&mut Ui, bool) -> bool) -> bool {
    let area =
        Area::new(Id::unique(("overlay", name))).order(Order::Foreground).fixed_pos(pos2(0.0, 0.0)).fade_in(false);
    let shown = area.show(ui.ctx(), |ui| {
        let behind = ui.interact(whole, Id::unique(("behind", name)), Sense::CLICK);
        let mut child = ui.new_child(UiBuilder::new().max_rect(whole));
        content(&mut child, behind.clicked())
    });
    shown.inner
}

/// The veil over the screen, and a sheet on it.
fn sheet_frame(kit: &Kit<'_>, whole: Rect, r: Rect) {
    kit.fill(whole, kit.t.bg_app.gamma_multiply(0.62));
    kit.round(r, 6, kit.t.bg_panel);
    kit.border(r, 6, kit.t.control);
}

/// The title of a sheet, and the way to close it; says whether that was taken.
fn sheet_title(kit: &Kit<'_>, r: Rect, title: &str, note: &str, id: &'static str) -> bool {
    let t = kit.t;
    let end = kit.text(r.left() + 21.0, r.top() + 27.5, Font::Semibold(15.0), t.strong, title);
    kit.text(end + 9.0, r.top() + 26.5, Font::Regular(12.0), t.weak, note);
    let esc = kit.click(rect(r.right() - 60.0, r.top() + 8.0, 48.0, 28.0), id, "Close");
    key(kit, r.right() - 49.0, r.top() + 14.5, "Esc");
    kit.hline(r.left() + 1.0, r.top() + 44.0, r.width() - 2.0, t.strong_line);
    esc.clicked()
}

fn drop_frame(ui: &Ui, state: &State, whole: Rect) -> bool {
    let kit = Kit::new(ui, state.theme);
    let r = rect(whole.center().x - 200.0, whole.center().y - 40.0, 400.0, 80.0);
    sheet_frame(&kit, whole, r);
    kit.border(whole.shrink(4.0), 6, kit.t.accent);
    kit.text_mid(r.center().x, r.top() + 36.0, Font::Semibold(13.0), kit.t.strong, "Drop to take in");
    let formats = "OTLP JSON, JSON Lines, OTLP protobuf, Zipkin; gzip and zstd of these";
    kit.text_mid(r.center().x, r.top() + 57.0, Font::Regular(12.0), kit.t.weak, formats);
    false
}
