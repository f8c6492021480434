//! The graduated scale under every time axis, and the brass index on it.

use super::{Kit, rect};
use crate::fonts::Font;
use eframe::egui::{Pos2, Shape, Stroke, pos2};

/// A scale: major ticks with labels, minor ones between.
pub(crate) struct Scale {
    pub x: f32,
    pub y: f32,
    pub w: f32,
    /// What the ends mean.
    pub ends: (f64, f64),
    /// Distance of labels.
    pub major: f64,
    /// Steps between labels.
    pub per: u32,
    /// Ticks go up from the line instead of down.
    pub is_up: bool,
}

impl Scale {
    /// Where a value lies.
    pub fn at(&self, value: f64) -> f32 {
        let share = (value - self.ends.0) / (self.ends.1 - self.ends.0).max(f64::MIN_POSITIVE);
        self.x + share as f32 * self.w
    }

    /// A round distance that gives about `n` labels for a span of nanoseconds.
    pub fn time_step(span: f64, n: f64) -> f64 {
        const STEPS: [f64; 26] = [
            1e3, 1e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 4e8, 5e8, 1e9, 2e9, 5e9, 1e10, 3e10,
            6e10, 3e11, 6e11, 1.8e12, 3.6e12,
        ];
        let wanted = span / n.max(1.0);
        STEPS.into_iter().find(|s| *s >= wanted).unwrap_or_else(|| (wanted / 3.6e12).ceil() * 3.6e12)
    }

    pub fn paint(&self, kit: &Kit<'_>, label: impl Fn(f64) -> String) {
        kit.hline(self.x, self.y, self.w, kit.t.strong_line);
        let step = self.major / f64::from(self.per.max(1));
        let first = (self.ends.0 / step).ceil() as i64;
        let last = (self.ends.1 / step).floor() as i64;
        if last - first > 2_000 {
            return;
        }
        let mut free_from = f32::MIN;
        for i in first..=last {
            let x = self.at(i as f64 * step).floor();
            let is_major = i.rem_euclid(i64::from(self.per)) == 0;
            let is_middle = self.per.is_multiple_of(2) && i.rem_euclid(i64::from(self.per / 2)) == 0;
            let (h, color) = match (is_major, is_middle) {
                (true, _) => (8.0, kit.t.control),
                (_, true) => (5.0, kit.t.strong_line),
                _ => (3.0, kit.t.strong_line),
            };
            kit.vline(x, if self.is_up { self.y - h } else { self.y }, h, color);
            if !is_major {
                continue;
            }
            let text = label(i as f64 * step);
            let width = kit.width(Font::Mono(10.5), &text);
            let left = (x - width / 2.0).clamp(self.x, (self.x + self.w - width).max(self.x));
            if left > free_from {
                let bl = if self.is_up { self.y - 11.0 } else { self.y + 18.0 };
                kit.text(left, bl, Font::Mono(10.5), kit.t.weak, &text);
                free_from = left + width + 6.0;
            }
        }
    }
}

/// The brass index: a line from `y` to `y + h` with its head on top.
pub(crate) fn index(kit: &Kit<'_>, x: f32, y: f32, h: f32) {
    let x = x.floor();
    kit.fill(rect(x, y, 1.0, h), kit.t.accent);
    let tip: Vec<Pos2> = vec![pos2(x - 4.5, y), pos2(x + 5.5, y), pos2(x + 0.5, y + 7.0)];
    kit.paint.add(Shape::convex_polygon(tip, kit.t.accent, Stroke::NONE));
}
