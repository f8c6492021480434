//! Scenes on the screen.

use super::{Kit, chip_letters, rect};
use crate::fonts::Font;
use eframe::egui::{Pos2, Rect, Shape, Stroke, pos2};
use sextant_charts::{Anchor, Area, Face, Ink, Item, Scene, is_striped};

impl From<Face> for Font {
    fn from(face: Face) -> Self {
        match face {
            Face::Regular(size) => Self::Regular(size),
            Face::Medium(size) => Self::Medium(size),
            Face::Semibold(size) => Self::Semibold(size),
            Face::Mono(size) => Self::Mono(size),
            Face::MonoSemibold(size) => Self::MonoSemibold(size),
        }
    }
}

/// What lies in a rectangle, as an area of a scene.
pub(crate) fn area(r: Rect) -> Area {
    Area::new(r.left(), r.top(), r.width(), r.height())
}

impl Kit<'_> {
    /// Paints a scene with its upper left corner at `x, y`.
    pub fn scene(&self, scene: &Scene, x: f32, y: f32) {
        for item in &scene.items {
            self.item(item, x, y);
        }
    }

    /// Stripes over something whose colour is another's, too.
    pub fn stripes(&self, r: Rect) {
        let inside = self.inside(r);
        let mut x = r.left() - r.height();
        while x < r.right() {
            let stroke = Stroke::new(1.2, self.t.bg_panel);
            inside.paint.line_segment([pos2(x, r.bottom()), pos2(x + r.height(), r.top())], stroke);
            x += 8.5;
        }
    }

    fn item(&self, item: &Item, x: f32, y: f32) {
        let at = |p: &(f32, f32)| -> Pos2 { pos2(x + p.0, y + p.1) };
        let boxed = |a: &Area| rect(x + a.x, y + a.y, a.w, a.h);
        match item {
            Item::Fill(area, radius, ink) => {
                self.paint.rect_filled(boxed(area), *radius, self.t.ink(*ink));
                if matches!(ink, Ink::Service(hue) if is_striped(*hue)) {
                    self.stripes(boxed(area));
                }
            }
            Item::Frame(area, radius, ink) => self.border(boxed(area), *radius as u8, self.t.ink(*ink)),
            Item::Line([from, to], width, ink) => {
                self.paint.line_segment([at(from), at(to)], Stroke::new(*width, self.t.ink(*ink)));
            }
            Item::Shape(points, fill, line) => {
                let stroke = line.map_or(Stroke::NONE, |ink| Stroke::new(1.0, self.t.ink(ink)));
                self.paint.add(Shape::convex_polygon(points.iter().map(at).collect(), self.t.ink(*fill), stroke));
            }
            Item::Dot(place, radius, ink) => {
                self.paint.circle_filled(at(place), *radius, self.t.ink(*ink));
            }
            Item::Text { at: place, anchor, face, ink, text, width } => {
                let (p, font, color) = (at(place), Font::from(*face), self.t.ink(*ink));
                match anchor {
                    Anchor::Start => {
                        self.text_in(p.x, p.y, *width, font, color, text);
                    }
                    Anchor::Middle => self.text_mid(p.x, p.y, font, color, text),
                    Anchor::End => {
                        self.text_right(p.x, p.y, font, color, text);
                    }
                }
            }
            Item::Name { at: place, face, ink, text, note, width } => {
                let p = at(place);
                let end = self.text_in(p.x, p.y, *width, Font::from(*face), self.t.ink(*ink), text);
                let room = *width - (end - p.x) - 5.0;
                if !note.is_empty() && self.width(Font::Regular(10.5), note) < room {
                    self.text(end + 5.0, p.y - 1.0, Font::Regular(10.5), self.t.weak, note);
                }
            }
            Item::Chip(place, hue, letters) => {
                let p = at(place);
                chip_letters(self, p.x, p.y, *hue, letters);
            }
            Item::Pill(place, text) => {
                let p = at(place);
                let r = rect(p.x, p.y, self.width(Font::Mono(10.0), text) + 10.0, 16.0);
                self.round(r, 3, self.t.bg_selected);
                self.border(r, 3, self.t.accent_dim);
                self.text(p.x + 5.0, p.y + 11.5, Font::Mono(10.0), self.t.accent, text);
            }
        }
    }
}
