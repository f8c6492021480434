//! A list below a text field: what can follow.

use crate::fonts::Font;
use crate::kit::{Kit, rect};
use crate::tokens::Tokens;
use eframe::egui::{self, Color32, Id, Ui, UiBuilder};

const ROW: f32 = 24.0;
const WIDTH: f32 = 340.0;

/// Shows texts with a note each; says which one was pressed.
pub(crate) fn show(
    ui: &mut Ui,
    t: &'static Tokens,
    all: &[(String, String)],
    color: Color32,
    chosen: Option<usize>,
    (x, y): (f32, f32),
) -> Option<usize> {
    let whole = ui.ctx().content_rect();
    let width = WIDTH.min(whole.width() - 16.0);
    let x = x.min(whole.right() - width - 8.0).max(8.0);
    let area = rect(x, y, width, ROW * all.len() as f32 + 9.0);
    let layer = egui::LayerId::new(egui::Order::Foreground, Id::unique("completions"));
    let mut child = ui.new_child(UiBuilder::new().id_salt("completions").layer_id(layer).max_rect(area));
    child.set_clip_rect(area.expand(1.0));
    let kit = Kit::new(&child, t);
    kit.round(area, 6, t.bg_panel);
    kit.border(area, 6, t.control);
    let mut wanted = None;
    for (i, (text, note)) in all.iter().enumerate() {
        let r = rect(x + 4.0, y + 4.5 + ROW * i as f32, width - 8.0, ROW);
        let response = kit.row(r, ("completion", i));
        Kit::describe(&response, || text.clone());
        kit.row_back(r, chosen == Some(i), response.hovered());
        let right = kit.text_right(r.right() - 8.0, r.top() + 16.5, Font::Mono(10.5), t.weak, note);
        kit.text_in(r.left() + 10.0, r.top() + 16.5, right - 18.0 - r.left(), Font::Mono(12.0), color, text);
        // At once: once the button is up the box has lost the focus.
        let is_pressed = child.input(|i| i.pointer.primary_pressed());
        if is_pressed && response.contains_pointer() {
            wanted = Some(i);
        }
    }
    wanted
}
