//! A menu below something that was clicked.

use crate::fonts::Font;
use crate::kit::{Check, Kit};
use crate::tokens::Tokens;
use eframe::egui::{self, Response, ScrollArea, Stroke, Ui, vec2};

/// How menus look.
pub(crate) fn frame(t: &'static Tokens) -> egui::Frame {
    egui::Frame::new().fill(t.bg_panel).stroke(Stroke::new(1.0, t.control)).corner_radius(6).inner_margin(4)
}

/// A line of a menu; says whether it was chosen.
pub(crate) fn row(ui: &mut Ui, t: &'static Tokens, text: &str, is_on: bool) -> bool {
    let (r, response) = ui.allocate_exact_size(vec2(ui.available_width().max(160.0), 26.0), egui::Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, text));
    let kit = Kit::new(ui, t);
    kit.row_back(r, is_on, response.hovered() || response.has_focus());
    kit.text_in(r.left() + 12.0, r.top() + 17.0, r.width() - 20.0, Font::Mono(11.0), t.strong, text);
    response.clicked()
}

/// A menu of texts; says which was chosen.
pub(crate) fn show(below: &Response, t: &'static Tokens, all: &[&str], on: &str) -> Option<String> {
    let mut chosen = None;
    egui::Popup::menu(below).gap(4.0).frame(frame(t)).show(|ui| {
        ui.set_max_width(280.0);
        ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
            for text in all {
                if row(ui, t, text, *text == on) {
                    chosen = Some((*text).to_owned());
                    ui.close();
                }
            }
        });
    });
    chosen
}

/// A menu of what can be there or not, which stays open; says which was pressed.
pub(crate) fn of_toggles(below: &Response, t: &'static Tokens, all: &[(&str, bool)]) -> Option<usize> {
    let mut pressed = None;
    let popup = egui::Popup::menu(below).close_behavior(egui::PopupCloseBehavior::CloseOnClickOutside);
    popup.gap(4.0).frame(frame(t)).show(|ui| {
        ui.set_max_width(200.0);
        for (i, (text, is_on)) in all.iter().enumerate() {
            let (r, _) = ui.allocate_exact_size(vec2(ui.available_width().max(140.0), 26.0), egui::Sense::HOVER);
            let kit = Kit::new(ui, t);
            if (Check { label: text, is_on: *is_on }).show(&kit, r.left() + 8.0, r.top() + 17.0).0 {
                pressed = Some(i);
            }
        }
    });
    pressed
}

/// A menu at the pointer, where a row is pressed with the other button; says what was chosen.
pub(crate) fn of_row<A: Copy>(row: &Response, t: &'static Tokens, all: &[(&str, A)]) -> Option<A> {
    let mut chosen = None;
    egui::Popup::context_menu(row).frame(frame(t)).show(|ui| {
        ui.set_max_width(260.0);
        for (text, what) in all {
            if self::row(ui, t, text, false) {
                chosen = Some(*what);
                ui.close();
            }
        }
    });
    chosen
}
