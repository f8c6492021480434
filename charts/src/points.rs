//! Durations over time as points: a circle each, an error as a cross on top.

use crate::figures::duration_label;
use crate::{Area, Face, Ink, Item, Scale, Scene};

/// A point.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// Nanoseconds.
    pub duration: i64,
    /// Whether it failed.
    pub is_error: bool,
}

/// Points in an area, the duration on a logarithmic scale.
#[derive(Debug, Clone)]
pub struct Points<'a> {
    /// Where.
    pub area: Area,
    /// All of them.
    pub list: &'a [Point],
    /// The time axis.
    pub scale: Scale,
    /// Ends of the duration axis, as powers of ten.
    ends: (f64, f64),
}

/// Nobody reads shorter durations off a plot.
const SHORTEST: i64 = 1_000;

impl<'a> Points<'a> {
    /// Lays out points; the duration axis has room for all of them.
    pub fn new(area: Area, list: &'a [Point], scale: Scale) -> Self {
        let (mut low, mut high) = (f64::MAX, f64::MIN);
        for point in list {
            let nanos = point.duration.max(SHORTEST) as f64;
            low = low.min(nanos);
            high = high.max(nanos);
        }
        let (low, high) = if list.is_empty() { (1e6, 1e9) } else { (low, high) };
        let (low, high) = (low.log10(), high.log10().max(low.log10() + 0.5));
        // A mark is whole at the upper end, too.
        let room = (high - low) * 8.0 / f64::from(area.h.max(40.0));
        Self { area, list, scale, ends: (low - room, high + room) }
    }

    fn y(&self, nanos: f64) -> f32 {
        let (low, high) = self.ends;
        self.area.bottom() - ((nanos.max(SHORTEST as f64).log10() - low) / (high - low)) as f32 * self.area.h
    }

    /// Where a point lies.
    pub fn place(&self, point: &Point) -> (f32, f32) {
        (self.scale.at(point.time as f64), self.y(point.duration as f64))
    }

    /// The duration at a height.
    pub fn duration_at(&self, y: f32) -> i64 {
        let (low, high) = self.ends;
        10f64.powf(low + f64::from((self.area.bottom() - y) / self.area.h) * (high - low)) as i64
    }

    /// Draws the duration axis.
    pub fn draw_axis(&self, scene: &mut Scene) {
        let (low, high) = self.ends;
        for exponent in 3..=13 {
            for (factor, is_labelled) in
                [(1.0, true), (2.0, true), (5.0, true), (3.0, false), (4.0, false), (7.0, false)]
            {
                let nanos = factor * 10f64.powi(exponent);
                let (low_end, high_end) = (10f64.powf(low), 10f64.powf(high));
                if nanos < low_end || nanos > high_end {
                    continue;
                }
                let y = (self.area.bottom() - ((nanos.log10() - low) / (high - low)) as f32 * self.area.h).floor();
                if is_labelled && (high - low < 2.5 || factor < 1.5) {
                    scene.hline(self.area.x, y, self.area.w, Ink::Hair);
                    let label = duration_label(nanos as i64);
                    scene.text_right(self.area.x - 8.0, y + 4.0, Face::Mono(10.5), Ink::Weak, label);
                } else {
                    scene.hline(self.area.x - 4.0, y, 4.0, Ink::Rule);
                }
            }
        }
    }

    /// Draws the points; those in the area only.
    pub fn draw(&self, scene: &mut Scene) {
        for is_error in [false, true] {
            for point in self.list.iter().filter(|p| p.is_error == is_error) {
                let (x, y) = self.place(point);
                if x < self.area.x || x > self.area.right() {
                    continue;
                }
                if is_error {
                    for d in [3.0, -3.0] {
                        scene.items.push(Item::Line([(x - 3.0, y - d), (x + 3.0, y + d)], 1.7, Ink::Error));
                    }
                } else {
                    scene.items.push(Item::Dot((x, y), 1.9, Ink::Info));
                }
            }
        }
    }
}
