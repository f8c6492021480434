//! Bars over time, stacked, in one or more lanes with a scale of their own each.

use crate::{Area, Face, Ink, Scene, figures::thousands};

/// A lane of bars: for each bucket the parts from below.
#[derive(Debug, Clone)]
pub struct Lane<'a> {
    /// Where.
    pub area: Area,
    /// Parts of each bucket, from below.
    pub counts: &'a [Vec<(i64, Ink)>],
    /// Share of a bucket's width that stays free.
    pub gap: f32,
}

/// Lanes of bars over the same time.
#[derive(Debug, Clone)]
pub struct Bars<'a> {
    /// From top to bottom.
    pub lanes: Vec<Lane<'a>>,
}

impl Bars<'_> {
    /// Draws all lanes.
    pub fn draw(&self, scene: &mut Scene) {
        for lane in &self.lanes {
            lane.draw(scene);
        }
    }
}

impl Lane<'_> {
    fn draw(&self, scene: &mut Scene) {
        let most = self.counts.iter().map(|c| c.iter().map(|p| p.0).sum::<i64>()).max().unwrap_or(0).max(1);
        let Area { x, y, w, h } = self.area;
        for (at, n) in [(y + 4.0, most), (y + h + 2.0, 0)] {
            scene.text_right(x - 8.0, at, Face::Mono(10.5), Ink::Weak, thousands(n));
        }
        let step = w / self.counts.len().max(1) as f32;
        for (i, parts) in self.counts.iter().enumerate() {
            let left = x + step * i as f32;
            let mut top = y + h;
            for (n, ink) in parts.iter().filter(|p| p.0 > 0) {
                let height = (*n as f32 / most as f32 * h).max(1.0);
                top -= height;
                scene.fill(left, top, (step - self.gap).max(1.0), height, *ink);
            }
        }
    }
}
