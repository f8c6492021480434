//! The small kit that all screens are painted with: text by its baseline, boxes on whole pixels, and the parts of the
//! style guide.

mod edit;
mod icon;
mod parts;
mod scene;
mod slide;
mod text;

pub(crate) use edit::{choice, field};
pub(crate) use icon::icon;
use parts::chip_letters;
pub(crate) use parts::{Button, Check, ValueAction, button, chip, key, pill, seg, service, value_actions};
pub(crate) use scene::area;
pub(crate) use slide::{Part, Slider, parts};

use crate::fonts::Font;
use crate::tokens::Tokens;
use eframe::egui::{
    Color32, Id, Painter, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2,
};
use std::hash::Hash;

/// A place to paint and be clicked, with the theme's colours.
pub(crate) struct Kit<'u> {
    pub ui: &'u Ui,
    pub paint: Painter,
    pub t: &'static Tokens,
}

/// A rectangle from its corner and size.
pub(crate) fn rect(x: f32, y: f32, w: f32, h: f32) -> Rect {
    Rect::from_min_size(pos2(x, y), vec2(w, h))
}

impl<'u> Kit<'u> {
    pub fn new(ui: &'u Ui, t: &'static Tokens) -> Self {
        Self { ui, paint: ui.painter().clone(), t }
    }

    /// The same, painting only inside `clip`.
    pub fn inside(&self, clip: Rect) -> Self {
        Self { ui: self.ui, paint: self.paint.with_clip_rect(clip.intersect(self.paint.clip_rect())), t: self.t }
    }

    pub fn fill(&self, r: Rect, color: Color32) {
        self.paint.rect_filled(r, 0, color);
    }

    pub fn round(&self, r: Rect, radius: u8, color: Color32) {
        self.paint.rect_filled(r, radius, color);
    }

    /// A border of one pixel inside `r`.
    pub fn border(&self, r: Rect, radius: u8, color: Color32) {
        self.paint.rect_stroke(r, radius, Stroke::new(1.0, color), StrokeKind::Inside);
    }

    /// A row of pixels.
    pub fn hline(&self, x: f32, y: f32, w: f32, color: Color32) {
        self.fill(rect(x, y, w, 1.0), color);
    }

    /// A column of pixels.
    pub fn vline(&self, x: f32, y: f32, h: f32, color: Color32) {
        self.fill(rect(x, y, 1.0, h), color);
    }

    pub fn line(&self, points: &[Pos2], width: f32, color: Color32) {
        for pair in points.windows(2) {
            self.paint.line_segment([pair[0], pair[1]], Stroke::new(width, color));
        }
    }

    /// Something that can be clicked; `label` is what it is called.
    pub fn click(&self, r: Rect, id: impl Hash + std::fmt::Debug, label: &str) -> Response {
        let response = self.ui.interact(r, Id::unique(("kit", id)), Sense::click());
        response.widget_info(|| WidgetInfo::labeled(Role::Button, true, label));
        if response.has_focus() {
            self.ui.painter().rect_stroke(r.expand(1.0), 4, Stroke::new(2.0, self.t.accent), StrokeKind::Outside);
        }
        response
    }

    /// Says what a row is to those who don't see it.
    pub fn describe(response: &Response, text: impl Fn() -> String) {
        response.widget_info(|| WidgetInfo::labeled(Role::Row, true, text()));
    }

    /// The same for rows, which are reached by arrows and not one by one.
    pub fn row(&self, r: Rect, id: impl Hash + std::fmt::Debug) -> Response {
        self.ui.interact(r, Id::unique(("row", id)), Sense::CLICK)
    }

    /// What lies behind a row: the selected one has a bar at its left, the one under the pointer is lighter.
    pub fn row_back(&self, r: Rect, is_selected: bool, is_hovered: bool) {
        if is_selected {
            self.fill(r, self.t.bg_selected);
            self.fill(rect(r.left(), r.top(), 2.0, r.height()), self.t.accent);
        } else if is_hovered {
            self.fill(r, self.t.bg_hover);
        }
    }

    /// Text from `x`, its baseline at `bl`; returns where it ends.
    pub fn text(&self, x: f32, bl: f32, font: Font, color: Color32, text: &str) -> f32 {
        x + text::draw(self, x, bl, font, color, text, f32::INFINITY)
    }

    /// The same, cut with an ellipsis at `width`.
    pub fn text_in(&self, x: f32, bl: f32, width: f32, font: Font, color: Color32, text: &str) -> f32 {
        x + text::draw(self, x, bl, font, color, text, width)
    }

    /// Text that ends at `x`; returns where it begins.
    pub fn text_right(&self, x: f32, bl: f32, font: Font, color: Color32, text: &str) -> f32 {
        let width = self.width(font, text);
        text::draw(self, x - width, bl, font, color, text, f32::INFINITY);
        x - width
    }

    /// Text with its middle at `x`.
    pub fn text_mid(&self, x: f32, bl: f32, font: Font, color: Color32, text: &str) {
        let width = self.width(font, text);
        text::draw(self, x - width / 2.0, bl, font, color, text, f32::INFINITY);
    }

    /// How wide a text is.
    pub fn width(&self, font: Font, text: &str) -> f32 {
        text::width(self, font, text)
    }
}
