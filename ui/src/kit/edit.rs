//! Where something is typed or chosen.

use super::Kit;
use crate::fonts::Font;
use crate::overlay::menu;
use crate::shell::field_box;
use crate::tokens::Tokens;
use eframe::egui::{Frame, Id, Rect, RichText, Role, Shape, Stroke, TextEdit, Ui, UiBuilder, WidgetInfo, pos2, vec2};

/// A box to write in, with its name above; whether what it holds was changed.
pub(crate) fn field(
    ui: &mut Ui,
    t: &'static Tokens,
    r: Rect,
    label: &str,
    hint: &str,
    text: &mut String,
    is_secret: bool,
) -> bool {
    let id = Id::unique(("field", label, r.left() as i32, r.top() as i32));
    let has_focus = ui.memory(|m| m.has_focus(id));
    field_box(&Kit::new(ui, t), r, has_focus);
    let place = r.shrink2(vec2(9.0, 5.0));
    let edit = TextEdit::singleline(text)
        .id(id)
        .frame(Frame::NONE)
        .margin(0)
        .password(is_secret)
        .font(Font::Mono(11.5).id())
        .text_color(t.strong)
        .hint_text(RichText::new(hint).font(Font::Mono(11.5).id()).color(t.weak))
        .desired_width(place.width());
    let mut child = ui.new_child(UiBuilder::new().id_salt(("field", label, r.top() as i32)).max_rect(place));
    // Within what is scrolled, not beyond it.
    child.set_clip_rect(r.intersect(ui.clip_rect()));
    let response = child.add_sized(place.size(), edit);
    response.widget_info(|| WidgetInfo::labeled(Role::TextInput, true, label));
    response.changed()
}

/// A choice out of a few.
pub(crate) fn choice(kit: &Kit<'_>, r: Rect, label: &str, all: &[&str], on: &str) -> Option<String> {
    field_box(kit, r, false);
    kit.text_in(r.left() + 9.0, r.top() + 18.0, r.width() - 30.0, Font::Regular(12.0), kit.t.strong, on);
    let (x, y) = (r.right() - 16.0, r.center().y - 2.0);
    let caret = vec![pos2(x, y), pos2(x + 8.0, y), pos2(x + 4.0, y + 5.0)];
    kit.paint.add(Shape::convex_polygon(caret, kit.t.strong, Stroke::NONE));
    let response = kit.click(r, ("choice", label), label);
    menu::show(&response, kit.t, all, on)
}
