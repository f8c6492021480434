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
    /// What is counted, such as `spans`.
    pub noun: &'a str,
}

/// Distance between the lines of the hatch.
const STEP: f32 = 8.0;
/// A zone is never narrower.
const LEAST: f32 = 3.0;

/// Zones that are drawn as one.
struct Joined<'a> {
    left: f32,
    right: f32,
    n: i64,
    policies: Vec<&'a str>,
    noun: &'a str,
    /// Whether all of it lies within the period: only then its count is that of what is drawn.
    is_whole: bool,
}

/// Draws `zones` where they fall into the period of `ends`, behind what is drawn after it; what overlaps is one zone.
pub fn evicted(scene: &mut Scene, area: Area, ends: (i64, i64), zones: &[Zone<'_>]) {
    let length = (ends.1 - ends.0).max(1) as f64;
    let at = |time: i64| area.x + (area.w as f64 * (time.clamp(ends.0, ends.1) - ends.0) as f64 / length) as f32;
    let mut shown: Vec<Zone<'_>> =
        zones.iter().copied().filter(|z| z.n > 0 && z.times.1 >= ends.0 && z.times.0 < ends.1).collect();
    shown.sort_by_key(|z| z.times.0);
    let mut joined: Vec<Joined<'_>> = Vec::new();
    for zone in shown {
        let (left, right) = (at(zone.times.0), at(zone.times.1));
        let is_whole = zone.times.0 >= ends.0 && zone.times.1 < ends.1;
        match joined.last_mut() {
            // Days of one policy follow each other.
            Some(last) if left <= last.right + STEP => {
                last.right = last.right.max(right);
                last.n += zone.n;
                last.is_whole &= is_whole;
                if !last.policies.contains(&zone.policy) {
                    last.policies.push(zone.policy);
                }
                if last.noun != zone.noun {
                    last.noun = "records";
                }
            }
            _ => {
                let policies = vec![zone.policy];
                joined.push(Joined { left, right, n: zone.n, policies, noun: zone.noun, is_whole });
            }
        }
    }
    for zone in joined {
        let left = zone.left.min(area.right() - LEAST);
        let zone_area = Area::new(left, area.y, (zone.right - left).max(LEAST), area.h);
        hatch(scene, zone_area, STEP);
        scene.vline(left.floor(), area.y, area.h, Ink::Rule);
        scene.vline(zone_area.right().floor(), area.y, area.h, Ink::Rule);
        let by = format!("evicted by {}", zone.policies.join(", "));
        let whole = format!("{} {} {by}", thousands(zone.n), zone.noun);
        let texts = [whole.as_str(), by.as_str(), "evicted"];
        let texts = &texts[usize::from(!zone.is_whole)..];
        let fits = |text: &&&str, right: f32| mono_width(10.5, text) <= right - left - 12.0;
        // Inside the zone, or else beside its right edge.
        let inside = texts.iter().find(|text| fits(text, zone_area.right()));
        if let Some(text) = inside.or_else(|| texts.iter().find(|text| fits(text, area.right()))) {
            // At the top, where bars of what is left hide it least.
            scene.fill(left + 4.0, area.y + 4.0, mono_width(10.5, text) + 6.0, 15.0, Ink::Panel);
            scene.text(left + 7.0, area.y + 15.0, Face::Mono(10.5), Ink::Text, *text);
        }
    }
}

/// Diagonals inside a box, so far from each other.
pub fn hatch(scene: &mut Scene, r: Area, step: f32) {
    let mut x = r.x - r.h;
    while x < r.right() {
        // Cut to the box on both sides.
        let from = (x.max(r.x), r.bottom() - (x.max(r.x) - x));
        let to = ((x + r.h).min(r.right()), r.bottom() - ((x + r.h).min(r.right()) - x));
        if to.0 > from.0 {
            scene.items.push(crate::Item::Line([from, to], 1.0, Ink::Rule));
        }
        x += step;
    }
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
        let zone = |first, last, n| Zone { times: (first, last), n, policy: "age", noun: "spans" };
        let (texts, xs) = drawn(&[zone(1_000, 1_100, 5), zone(1_101, 1_400, 7), zone(1_950, 1_960, 1)]);
        assert_eq!(texts, ["12 spans evicted by age"], "the other one has no room for words");
        assert!(xs.iter().all(|x| *x <= 251.0 || *x >= 580.0));
        // Of a part it is not known how many.
        assert_eq!(drawn(&[zone(0, 1_100, 5), zone(1_101, 1_400, 7)]).0, ["evicted by age"]);
        assert_eq!(drawn(&[zone(0, 900, 5), zone(2_000, 3_000, 5)]), (vec![], vec![]), "outside");
        assert!(!drawn(&[zone(2_000 - 1, i64::MAX, 1)]).1.is_empty(), "at the edge it can still be seen");
    }
}
