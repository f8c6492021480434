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

/// The next of 1, 2, 5, 10, 20, 50 … that `n` does not exceed.
fn round_up(n: i64) -> i64 {
    let mut unit = 1;
    loop {
        for step in [1, 2, 5] {
            if n <= step * unit || unit > i64::MAX / 100 {
                return step * unit;
            }
        }
        unit *= 10;
    }
}

impl Lane<'_> {
    fn draw(&self, scene: &mut Scene) {
        let most = self.counts.iter().map(|c| c.iter().map(|p| p.0).sum::<i64>()).max().unwrap_or(0);
        let most = round_up(most);
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

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn scales_end_at_round_numbers() {
        for (n, top) in [(0, 1), (1, 1), (3, 5), (13, 20), (84, 100), (201, 500), (5_001, 10_000)] {
            assert_eq!(round_up(n), top);
        }
        assert!(round_up(i64::MAX) > 0);
    }
}
