//! Lines over time, with what they are called above them.

use super::home::time_scale;
use crate::data::{ceiling, counted};
use crate::fonts::Font;
use crate::kit::{Kit, rect};
use eframe::egui::{Color32, Pos2, Rect, pos2};

/// More lines are not told apart.
pub(crate) const MAX_LINES: usize = 8;

/// A line: what it is called, its points by time, its colour.
pub(crate) struct Line {
    pub name: String,
    pub points: Vec<(i64, f64)>,
    pub color: Color32,
}

/// What a chart is about.
pub(crate) struct Chart<'a> {
    /// The largest first; those beyond [`MAX_LINES`] are left out, and that is said.
    pub lines: &'a [Line],
    pub n_all: usize,
    pub period: (i64, i64),
    /// A longer time without a point is a gap, not a value.
    pub every: i64,
    /// The ends of the scale.
    pub ends: (f64, f64),
    pub figure: &'a dyn Fn(f64) -> String,
}

impl Chart<'_> {
    /// From zero, or from the least value where all are far from it.
    pub fn ends_of(lines: &[Line]) -> (f64, f64) {
        let values = || lines.iter().flat_map(|l| &l.points).map(|p| p.1).filter(|v| v.is_finite());
        let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        match (low, high) {
            (low, high) if low > high => (0.0, 1.0),
            (low, high) if low > 0.0 && low / high > 0.85 && low < high => (low - (high - low) * 0.2, high),
            (low, high) => (low.min(0.0), ceiling(high).max(low.min(0.0) + 1e-12)),
        }
    }

    /// Where the lines are within `r`.
    pub fn plot(r: Rect) -> Rect {
        rect(r.left() + 84.0, r.top() + 34.0, r.width() - 112.0, (r.height() - 74.0).max(20.0))
    }

    /// Where a point is.
    pub fn place(&self, plot: Rect, (at, value): (i64, f64)) -> Pos2 {
        let length = (self.period.1 - self.period.0).max(1) as f64;
        let share = (value - self.ends.0) / (self.ends.1 - self.ends.0).max(1e-300);
        let x = plot.left() + plot.width() * ((at - self.period.0) as f64 / length).clamp(0.0, 1.0) as f32;
        pos2(x, plot.bottom() - plot.height() * share.clamp(0.0, 1.0) as f32)
    }

    pub fn show(&self, kit: &Kit<'_>, r: Rect) {
        let t = kit.t;
        kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
        let plot = Self::plot(r);
        for share in [0.0, 0.5, 1.0f32] {
            let y = (plot.bottom() - share * plot.height()).floor();
            let value = self.ends.0 + (self.ends.1 - self.ends.0) * f64::from(share);
            kit.hline(plot.left(), y, plot.width(), t.hair);
            kit.text_right(plot.left() - 8.0, y + 4.0, Font::Mono(10.5), t.weak, &(self.figure)(value));
        }
        let mut x = r.left() + 12.0;
        let clipped = kit.inside(plot.expand(3.0));
        for one in self.lines.iter().take(MAX_LINES) {
            let label = if one.name.trim().is_empty() { "not set" } else { &one.name };
            if x + kit.width(Font::Regular(10.5), label) + 24.0 < r.right() - 160.0 {
                kit.fill(rect(x, r.top() + 14.0, 10.0, 3.0), one.color);
                x = kit.text(x + 16.0, r.top() + 20.0, Font::Regular(10.5), t.text, label) + 16.0;
            }
            let mut part: Vec<Pos2> = Vec::new();
            let mut last = None;
            for point in &one.points {
                let is_gap = last.is_some_and(|last: i64| point.0 - last > self.every) || !point.1.is_finite();
                if is_gap {
                    line(&clipped, &part, one.color);
                    part.clear();
                }
                if point.1.is_finite() {
                    part.push(self.place(plot, *point));
                }
                last = Some(point.0);
            }
            line(&clipped, &part, one.color);
        }
        if self.n_all > MAX_LINES {
            let words = format!("the largest {MAX_LINES} of {}", counted(self.n_all, "group"));
            kit.text_right(r.right() - 12.0, r.top() + 20.0, Font::Regular(10.5), t.weak, &words);
        }
        time_scale(kit, plot, self.period);
    }
}

/// A line, or a dot where there is nothing to join.
fn line(kit: &Kit<'_>, points: &[Pos2], color: Color32) {
    match points {
        [] => {}
        [one] => {
            kit.paint.circle_filled(*one, 1.8, color);
        }
        points => kit.line(points, 1.5, color),
    }
}
