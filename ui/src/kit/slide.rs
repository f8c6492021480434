//! Where a number is dragged: a slider, and a bar whose parts are.

use super::{Kit, rect};
use crate::fonts::Font;
use eframe::egui::{Color32, Id, Key, Rect, Response, Role, Sense, Shape, Stroke, WidgetInfo, pos2};
use std::hash::Hash;

/// What is dragged to where.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dragged {
    /// The new value.
    pub to: f64,
    /// Whether this is where it begins.
    pub is_first: bool,
}

/// Values from `from` to `to` by `step`, with numbers below at some of them.
pub(crate) struct Slider<'a> {
    pub label: &'a str,
    pub range: (f64, f64),
    pub step: f64,
    pub value: f64,
    pub ticks: &'a [(f64, &'a str)],
}

/// A handle that takes arrows too: how far it is moved, as a part of the whole, and by how many steps.
fn handle(kit: &Kit<'_>, r: Rect, id: impl Hash + std::fmt::Debug, label: &str, value: f64) -> (Response, f64) {
    let response = kit.ui.interact(r, Id::unique(("slide", id)), Sense::click_and_drag());
    response.widget_info(|| {
        let mut info = WidgetInfo::labeled(Role::Slider, true, label);
        info.value = Some(value);
        info
    });
    let mut steps = 0.0;
    if response.has_focus() {
        kit.border(r, 3, kit.t.accent);
        kit.ui.input(|i| {
            for (key, by) in
                [(Key::ArrowLeft, -1.0), (Key::ArrowRight, 1.0), (Key::PageDown, -10.0), (Key::PageUp, 10.0)]
            {
                steps += by * f64::from(u8::from(i.key_pressed(key)));
            }
        });
    }
    if response.clicked() {
        response.request_focus();
    }
    (response, steps)
}

impl Slider<'_> {
    /// Paints it at `x, y`, `w` wide and 26 high.
    pub fn show(&self, kit: &Kit<'_>, x: f32, y: f32, w: f32) -> Option<Dragged> {
        let t = kit.t;
        let (from, to) = self.range;
        let part = |value: f64| ((value - from) / (to - from)).clamp(0.0, 1.0) as f32;
        let (response, steps) = handle(kit, rect(x - 6.0, y - 4.0, w + 12.0, 18.0), self.label, self.label, self.value);
        kit.hline(x, y + 6.0, w, t.strong_line);
        kit.fill(rect(x, y + 5.0, w * part(self.value), 2.0), t.accent);
        for (value, text) in self.ticks {
            let at = x + w * part(*value);
            kit.vline(at.round(), y + 6.0, 4.0, t.strong_line);
            // Those at the ends stay within.
            let half = kit.width(Font::Mono(10.0), text) / 2.0;
            let middle = at.clamp(x - 4.0 + half, (x + w + 4.0 - half).max(x + half));
            kit.text_mid(middle, y + 20.0, Font::Mono(10.0), t.weak, text);
        }
        let at = x + w * part(self.value);
        let is_hot = response.hovered() || response.dragged();
        let ink = if is_hot { t.strong } else { t.accent };
        let points = vec![
            pos2(at - 5.0, y),
            pos2(at + 5.0, y),
            pos2(at + 5.0, y + 6.0),
            pos2(at, y + 11.0),
            pos2(at - 5.0, y + 6.0),
        ];
        kit.paint.add(Shape::convex_polygon(points, ink, Stroke::NONE));
        let stepped = |value: f64| ((value / self.step).round() * self.step).clamp(from, to);
        let is_first = response.drag_started() || response.clicked() || steps != 0.0;
        let pointer = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked());
        let wanted = match pointer {
            Some(p) => stepped(from + f64::from((p.x - x) / w).clamp(0.0, 1.0) * (to - from)),
            None => stepped(self.value + steps * self.step),
        };
        // What lies between two steps stays as it is until it is moved.
        let is_moved = (pointer.is_some() || steps != 0.0) && (wanted - self.value).abs() > self.step * 1e-6;
        is_moved.then_some(Dragged { to: wanted, is_first })
    }
}

/// A part of a bar.
pub(crate) struct Part<'a> {
    pub label: &'a str,
    pub length: f64,
    pub ink: Color32,
}

/// A bar of parts one after the other, whose ends are dragged in whole numbers; which part has which length now.
pub(crate) fn parts(kit: &Kit<'_>, x: f32, y: f32, w: f32, whole: f64, all: &[Part<'_>]) -> Option<(usize, Dragged)> {
    let t = kit.t;
    let mut from = 0.0;
    let mut moved = None;
    let at = |value: f64| x + w * (value / whole).clamp(0.0, 1.0) as f32;
    kit.fill(rect(x, y, w, 14.0), t.bg_raised);
    for part in all {
        kit.fill(Rect::from_min_max(pos2(at(from), y), pos2(at(from + part.length), y + 14.0)), part.ink);
        from += part.length;
    }
    let mut begin = 0.0;
    for (i, part) in all.iter().enumerate() {
        let end = at(begin + part.length);
        let grip = rect(end - 4.0, y + 1.0, 8.0, 12.0);
        let label = format!("Days in {}", part.label);
        let (response, steps) = handle(kit, grip.expand(3.0), ("part", i), &label, part.length);
        kit.vline(end.round(), y - 3.0, 20.0, t.strong);
        kit.round(grip, 2, if response.hovered() || response.dragged() { t.strong } else { t.bg_panel });
        kit.border(grip, 2, t.strong);
        let pointer = response.interact_pointer_pos().filter(|_| response.dragged());
        let wanted = match pointer {
            Some(p) => (f64::from((p.x - x) / w).clamp(0.0, 1.0) * whole - begin).round().max(1.0),
            None => (part.length + steps).max(1.0),
        };
        if (pointer.is_some() || steps != 0.0) && (wanted - part.length).abs() > 0.5 {
            moved = Some((i, Dragged { to: wanted, is_first: response.drag_started() || steps != 0.0 }));
        }
        begin += part.length;
    }
    moved
}
