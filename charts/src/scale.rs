//! The graduated scale under every axis.

use crate::{Face, Ink, Scene, mono_width};

/// A scale: major ticks with labels, minor ones between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// Its left end.
    pub x: f32,
    /// Its line.
    pub y: f32,
    /// Its length.
    pub w: f32,
    /// What the ends mean.
    pub ends: (f64, f64),
    /// Distance of labels.
    pub major: f64,
    /// Steps between labels.
    pub per: u32,
    /// Ticks go up from the line instead of down.
    pub is_up: bool,
    /// Where no label may be, because a readout is there.
    pub readout: Option<(f32, f32)>,
}

/// More ticks than this say nothing.
const MAX_TICKS: f64 = 2_000.0;
/// Beyond this, whole numbers are no longer told apart.
const EXACT: f64 = 9e15;

impl Scale {
    /// Where a value lies.
    pub fn at(&self, value: f64) -> f32 {
        let share = (value - self.ends.0) / (self.ends.1 - self.ends.0).max(f64::MIN_POSITIVE);
        self.x + share as f32 * self.w
    }

    /// What lies at `x`.
    pub fn value(&self, x: f32) -> f64 {
        self.ends.0 + f64::from((x - self.x) / self.w.max(1.0)) * (self.ends.1 - self.ends.0)
    }

    /// A round distance that gives about `n` labels for a span of nanoseconds.
    pub fn time_step(span: f64, n: f64) -> f64 {
        const STEPS: [f64; 32] = [
            1.0, 2.0, 5.0, 1e1, 5e1, 1e2, 1e3, 1e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 2e7, 5e7, 1e8, 2e8, 4e8,
            5e8, 1e9, 2e9, 5e9, 1e10, 3e10, 6e10, 3e11, 6e11, 1.8e12, 3.6e12,
        ];
        let wanted = span / n.max(1.0);
        STEPS.into_iter().find(|s| *s >= wanted).unwrap_or_else(|| (wanted / 3.6e12).ceil() * 3.6e12)
    }

    /// Numbers of the first and last multiple of `step` on the scale; none if there are too many to be told apart.
    pub(crate) fn ticks(&self, step: f64) -> Option<(i64, i64)> {
        let (first, last) = ((self.ends.0 / step).ceil(), (self.ends.1 / step).floor());
        let is_few = last - first <= MAX_TICKS && first.abs() < EXACT && last.abs() < EXACT;
        is_few.then_some((first as i64, last as i64))
    }

    /// Draws line, ticks and as many labels as have room.
    pub fn draw(&self, scene: &mut Scene, label: impl Fn(f64) -> String) {
        scene.hline(self.x, self.y, self.w, Ink::Rule);
        let step = self.major / f64::from(self.per.max(1));
        let Some((first, last)) = self.ticks(step) else { return };
        let mut free_from = f32::MIN;
        for i in first..=last {
            let x = self.at(i as f64 * step).floor();
            let is_major = i.rem_euclid(i64::from(self.per)) == 0;
            let is_middle = self.per.is_multiple_of(2) && i.rem_euclid(i64::from(self.per / 2)) == 0;
            let (h, ink) = match (is_major, is_middle) {
                (true, _) => (8.0, Ink::Control),
                (_, true) => (5.0, Ink::Rule),
                _ => (3.0, Ink::Rule),
            };
            scene.vline(x, if self.is_up { self.y - h } else { self.y }, h, ink);
            if !is_major {
                continue;
            }
            let text = label(i as f64 * step);
            let width = mono_width(10.5, &text);
            let left = (x - width / 2.0).clamp(self.x, (self.x + self.w - width).max(self.x));
            let is_under = self.readout.is_some_and(|(from, to)| left < to && left + width > from);
            if left > free_from && !is_under {
                let baseline = if self.is_up { self.y - 11.0 } else { self.y + 18.0 };
                scene.text(left, baseline, Face::Mono(10.5), Ink::Weak, text);
                free_from = left + width + 6.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_and_values_are_each_others_inverse() {
        let scale =
            Scale { x: 10.0, y: 0.0, w: 200.0, ends: (100.0, 300.0), major: 50.0, per: 5, is_up: false, readout: None };
        for value in [100.0, 150.0, 299.0] {
            assert!((scale.value(scale.at(value)) - value).abs() < 0.01);
        }
    }

    #[test]
    fn labels_never_overlap() {
        let scale =
            Scale { x: 0.0, y: 20.0, w: 120.0, ends: (0.0, 1e9), major: 1e8, per: 2, is_up: false, readout: None };
        let mut scene = Scene::default();
        scale.draw(&mut scene, |v| format!("{v} nanoseconds"));
        let mut end = f32::MIN;
        for item in &scene.items {
            if let crate::Item::Text { at, text, .. } = item {
                assert!(at.0 > end);
                end = at.0 + mono_width(10.5, text);
            }
        }
        assert!(end > 0.0);
    }
}
