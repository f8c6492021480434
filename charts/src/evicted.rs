//! What a policy took away, on a time axis: hatched, with the policy and how many; never blank.

use crate::figures::thousands;
use crate::{Area, Face, Ink, Scene, mono_width};

/// Records of a time that are gone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Zone<'a> {
    /// The first and the last of them, nanoseconds.
    pub times: (i64, i64),
    /// How many.
    pub n: i64,
    /// `age`, `bytes`, `damaged`.
    pub policy: &'a str,
}

/// Distance between the lines of the hatch.
const STEP: f32 = 6.0;
/// A zone is never narrower.
const LEAST: f32 = 3.0;

/// Draws `zones` where they fall into the period of `ends`; what overlaps is one zone.
pub fn evicted(scene: &mut Scene, area: Area, ends: (i64, i64), zones: &[Zone<'_>]) {
    let length = (ends.1 - ends.0).max(1) as f64;
    let at = |time: i64| area.x + (area.w as f64 * (time.clamp(ends.0, ends.1) - ends.0) as f64 / length) as f32;
    let mut shown: Vec<Zone<'_>> =
        zones.iter().copied().filter(|z| z.n > 0 && z.times.1 >= ends.0 && z.times.0 < ends.1).collect();
    shown.sort_by_key(|z| z.times.0);
    let mut joined: Vec<(f32, f32, i64, Vec<&str>)> = Vec::new();
    for zone in shown {
        let (left, right) = (at(zone.times.0), at(zone.times.1));
        match joined.last_mut() {
            // Days of one policy follow each other.
            Some(last) if left <= last.1 + STEP => {
                last.1 = last.1.max(right);
                last.2 += zone.n;
                if !last.3.contains(&zone.policy) {
                    last.3.push(zone.policy);
                }
            }
            _ => joined.push((left, right, zone.n, vec![zone.policy])),
        }
    }
    for (left, right, n, policies) in joined {
        let left = left.min(area.right() - LEAST);
        hatch(scene, Area::new(left, area.y, (right - left).max(LEAST), area.h));
        let text = format!("{} evicted by {}", thousands(n), policies.join(", "));
        let width = mono_width(10.5, &text);
        let room = area.right() - left - 6.0;
        if width <= room {
            // At the foot, where bars and points hide it least.
            scene.fill(left + 3.0, area.bottom() - 18.0, width + 6.0, 15.0, Ink::Panel);
            scene.text(left + 6.0, area.bottom() - 7.0, Face::Mono(10.5), Ink::Text, text);
        }
    }
}

/// Diagonals inside a box, and its edges.
fn hatch(scene: &mut Scene, r: Area) {
    let mut x = r.x - r.h;
    while x < r.right() {
        // Cut to the box on both sides.
        let from = (x.max(r.x), r.bottom() - (x.max(r.x) - x));
        let to = ((x + r.h).min(r.right()), r.bottom() - ((x + r.h).min(r.right()) - x));
        if to.0 > from.0 {
            scene.items.push(crate::Item::Line([from, to], 1.0, Ink::Control));
        }
        x += STEP;
    }
    scene.vline(r.x.floor(), r.y, r.h, Ink::Control);
    scene.vline(r.right().floor(), r.y, r.h, Ink::Control);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Item;

    const AREA: Area = Area { x: 10.0, y: 20.0, w: 600.0, h: 50.0 };

    fn drawn(zones: &[Zone<'_>]) -> (Vec<String>, Vec<f32>) {
        let mut scene = Scene::default();
        evicted(&mut scene, AREA, (1_000, 2_000), zones);
        let text = |i: &Item| if let Item::Text { text, .. } = i { Some(text.clone()) } else { None };
        let line = |i: &Item| if let Item::Line(ends, ..) = i { Some(*ends) } else { None };
        for [from, to] in scene.items.iter().filter_map(line) {
            for (x, y) in [from, to] {
                assert!((10.0..=610.0).contains(&x) && (20.0..=70.0).contains(&y), "{x} {y} lies outside");
            }
        }
        let xs = scene.items.iter().filter_map(line).flatten().map(|p| p.0);
        (scene.items.iter().filter_map(text).collect(), xs.collect())
    }

    #[test]
    fn days_that_follow_each_other_are_one_zone() {
        let zone = |first, last, n| Zone { times: (first, last), n, policy: "age" };
        let (texts, xs) = drawn(&[zone(0, 1_100, 5), zone(1_101, 1_400, 7), zone(1_900, 1_950, 1)]);
        assert_eq!(texts, ["12 evicted by age"], "the other one has no room for words");
        assert!(xs.iter().all(|x| *x <= 251.0 || *x >= 550.0));
        assert_eq!(drawn(&[zone(0, 900, 5), zone(2_000, 3_000, 5)]), (vec![], vec![]), "outside");
        assert!(!drawn(&[zone(2_000 - 1, i64::MAX, 1)]).1.is_empty(), "at the edge it can still be seen");
    }
}
