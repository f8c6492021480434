//! Charts at the width of a page.

use super::times::axis_label;
use crate::model::{Figure, Origin};
use sextant_charts::figures::{ceiling, duration};
use sextant_charts::{
    Area, Bars, Face, Folds, Ink, Item, LIGHT, Lane, Point, Points, Rows, Scale, Scene, Skeleton, Span, Waterfall,
    Zone, evicted,
};

/// What text and charts have, in the units of scenes.
pub(super) const WIDTH: f32 = 794.0;
/// What labels beside a chart need.
const LEFT: f32 = 58.0;
const HEIGHT: f32 = 188.0;
/// A part of a waterfall has no more rows: smaller parts leave less of a page empty.
pub(super) const FALL_ROWS: usize = 21;

fn time_axis(y: f32, ends: (i64, i64)) -> Scale {
    let w = WIDTH - LEFT - 4.0;
    let major = Scale::time_step((ends.1 - ends.0) as f64, 7.0);
    Scale { x: LEFT, y, w, ends: (ends.0 as f64, ends.1 as f64), major, per: 5, is_up: false, readout: None }
}

/// A moment that is marked over a chart.
pub(super) struct Moment {
    pub at: i64,
    pub word: String,
}

/// What is drawn over a time.
pub(super) struct Over<'a> {
    pub ends: (i64, i64),
    /// Shaded.
    pub within: Option<(i64, i64)>,
    pub moments: &'a [Moment],
    pub zones: &'a [Zone<'a>],
}

impl Over<'_> {
    /// What words of moments need above a chart.
    fn room(&self) -> f32 {
        if self.moments.is_empty() { 5.0 } else { 20.0 }
    }

    fn behind(&self, scene: &mut Scene, area: Area, scale: &Scale) {
        if let Some((from, to)) = self.within {
            let (left, right) = (scale.at(from as f64).max(area.x), scale.at(to as f64).min(area.right()));
            if right > left {
                scene.fill(left, area.y, right - left, area.h, Ink::Selected);
            }
        }
        evicted(scene, area, self.ends, self.zones);
    }

    /// Dashes, and words where there is room for them.
    fn before(&self, scene: &mut Scene, area: Area, scale: &Scale) {
        let mut free_from = f32::MIN;
        for moment in self.moments {
            let x = scale.at(moment.at as f64).floor() + 0.5;
            if x < area.x || x > area.right() {
                continue;
            }
            let mut y = area.y - self.room() + 3.0;
            while y < area.bottom() {
                scene.items.push(Item::Line([(x, y), (x, (y + 4.0).min(area.bottom()))], 1.1, Ink::Accent));
                y += 7.0;
            }
            let face = Face::Semibold(10.5);
            let width = crate::fonts::width(face, &moment.word);
            let left = if x + 6.0 + width > area.right() { x - 6.0 - width } else { x + 6.0 };
            if left > free_from {
                scene.text(left, area.y - 5.0, face, Ink::Accent, &moment.word);
                free_from = left + width + 8.0;
            }
        }
    }
}

fn figure(
    scene: Scene,
    height: f32,
    caption: String,
    alt: String,
    legend: Vec<(u32, String)>,
    origin: Origin,
) -> Figure {
    Figure { scene, size: (WIDTH, height), caption, alt, legend, origin }
}

/// Durations over time, failures as crosses, and below how many failed when.
pub(super) fn points(
    list: &[Point],
    over: &Over<'_>,
    n_parts: usize,
    caption: String,
    alt: String,
    origin: Origin,
) -> Figure {
    let area = Area::new(LEFT, over.room(), WIDTH - LEFT - 4.0, HEIGHT);
    let lane = Area::new(LEFT, area.bottom() + 12.0, area.w, 34.0);
    let axis = time_axis(lane.bottom() + 3.0, over.ends);
    let mut scene = Scene::default();
    over.behind(&mut scene, area, &axis);
    let layout = Points::new(area, list, axis);
    layout.draw_axis(&mut scene);
    layout.draw(&mut scene);
    let length = (over.ends.1 - over.ends.0).max(1);
    let mut failed = vec![vec![(0, Ink::Error)]; n_parts];
    for point in list.iter().filter(|p| p.is_error) {
        let part = ((point.time - over.ends.0) as f64 / length as f64 * n_parts as f64) as usize;
        failed[part.min(n_parts - 1)][0].0 += 1;
    }
    Bars { lanes: vec![Lane { area: lane, counts: &failed, gap: 2.0 }] }.draw(&mut scene);
    axis.draw(&mut scene, |t| axis_label(t, axis.major));
    let all = Area::new(area.x, area.y, area.w, lane.bottom() - area.y);
    over.before(&mut scene, all, &axis);
    figure(scene, axis.y + 24.0, caption, alt, Vec::new(), origin)
}

/// A line over time: name, ink, points of time and value.
pub(super) struct Series {
    pub name: String,
    pub ink: Ink,
    pub points: Vec<(i64, f64)>,
}

/// Lines over time from zero up.
pub(super) fn lines(
    series: &[Series],
    over: &Over<'_>,
    label: fn(f64) -> String,
    caption: String,
    alt: String,
    origin: Origin,
) -> Figure {
    let area = Area::new(LEFT, over.room(), WIDTH - LEFT - 4.0, 120.0);
    let axis = time_axis(area.bottom() + 3.0, over.ends);
    let most = series.iter().flat_map(|s| &s.points).map(|p| p.1).filter(|v| v.is_finite()).fold(0.0, f64::max);
    let top = if most > 0.0 { ceiling(most) } else { 1.0 };
    let mut scene = Scene::default();
    over.behind(&mut scene, area, &axis);
    for share in [0.0, 0.5, 1.0] {
        let y = (area.bottom() - share * area.h).floor();
        scene.hline(area.x, y, area.w, Ink::Hair);
        scene.text_right(area.x - 8.0, y + 4.0, Face::Mono(10.5), Ink::Weak, label(f64::from(share) * top));
    }
    for one in series {
        let place = |p: &(i64, f64)| (axis.at(p.0 as f64), area.bottom() - (p.1 / top) as f32 * area.h);
        for pair in one.points.windows(2) {
            if pair.iter().all(|p| p.1.is_finite()) {
                scene.items.push(Item::Line([place(&pair[0]), place(&pair[1])], 1.5, one.ink));
            }
        }
        if let [only] = one.points.as_slice() {
            scene.items.push(Item::Dot(place(only), 2.0, one.ink));
        }
    }
    axis.draw(&mut scene, |t| axis_label(t, axis.major));
    over.before(&mut scene, area, &axis);
    let legend = series.iter().map(|s| (LIGHT.ink(s.ink), s.name.clone())).collect();
    figure(scene, axis.y + 24.0, caption, alt, legend, origin)
}

/// Bars over time, each of several parts.
pub(super) fn bars(
    counts: &[Vec<(i64, Ink)>],
    names: &[(Ink, &str)],
    over: &Over<'_>,
    caption: String,
    alt: String,
    origin: Origin,
) -> Figure {
    let area = Area::new(LEFT, over.room(), WIDTH - LEFT - 4.0, 90.0);
    let axis = time_axis(area.bottom() + 3.0, over.ends);
    let mut scene = Scene::default();
    over.behind(&mut scene, area, &axis);
    Bars { lanes: vec![Lane { area, counts, gap: 1.5 }] }.draw(&mut scene);
    axis.draw(&mut scene, |t| axis_label(t, axis.major));
    over.before(&mut scene, area, &axis);
    let legend = names.iter().map(|(ink, name)| (LIGHT.ink(*ink), (*name).to_owned())).collect();
    figure(scene, axis.y + 24.0, caption, alt, legend, origin)
}

/// What says which column is what, above a waterfall.
const HEAD: f32 = 36.0;

/// The rows of a trace, folded where they are alike: parts of a page each.
pub(super) fn waterfall(all: &Skeleton, rows: &Rows, most: usize) -> Vec<(Scene, f32)> {
    let fall = Waterfall {
        all,
        rows,
        width: WIDTH,
        window: (0.0, all.extent as f64),
        has_critical: true,
        is_adjusted: true,
        readout: None,
    };
    let scale = fall.scale();
    let n_parts = rows.list.len().div_ceil(FALL_ROWS).max(1);
    rows.list
        .chunks(rows.list.len().div_ceil(n_parts).max(1))
        .take(most)
        .map(|part| {
            let height = HEAD + part.len() as f32 * Waterfall::ROW + 4.0;
            let mut scene = fall.axis(HEAD);
            for (i, row) in part.iter().enumerate() {
                let y = HEAD + i as f32 * Waterfall::ROW;
                // Nothing can be folded on paper: names have no arrows.
                let name = fall.name(row).items.into_iter().filter(|item| !matches!(item, Item::Shape(..)));
                let rest = [fall.bar(row, &scale), fall.label(row, &scale)].into_iter().flat_map(|s| s.items);
                scene.items.extend(name.chain(rest).map(|item| moved(item, y)));
            }
            (scene, height)
        })
        .collect()
}

/// Rows of a trace, what is alike folded, and no more than `most`: the rest is folded from below until it fits.
pub(super) fn fitting(all: &Skeleton, most: usize) -> Rows {
    let deepest = all.spans().map(Span::depth).max().unwrap_or(0);
    let at = |depth: usize| {
        let closed = all.spans().filter(|s| s.depth() >= depth && s.n_descendants() > 0 && !s.is_error());
        let closed = closed.map(Span::place).collect();
        Rows::of(all, &Folds { has_groups: true, closed, ..Folds::default() })
    };
    // The deepest that fits; failed spans stay open.
    let (mut low, mut high) = (1, deepest.max(1));
    while low < high {
        let middle = (low + high).div_ceil(2);
        if at(middle).list.len() <= most { low = middle } else { high = middle - 1 }
    }
    at(low)
}

fn moved(item: Item, dy: f32) -> Item {
    let area = |a: Area| Area { y: a.y + dy, ..a };
    let down = |p: (f32, f32)| (p.0, p.1 + dy);
    match item {
        Item::Fill(a, radius, ink) => Item::Fill(area(a), radius, ink),
        Item::Frame(a, radius, ink) => Item::Frame(area(a), radius, ink),
        Item::Line([from, to], width, ink) => Item::Line([down(from), down(to)], width, ink),
        Item::Shape(points, fill, line) => Item::Shape(points.into_iter().map(down).collect(), fill, line),
        Item::Dot(at, radius, ink) => Item::Dot(down(at), radius, ink),
        Item::Text { at, anchor, face, ink, text, width } => {
            Item::Text { at: down(at), anchor, face, ink, text, width }
        }
        Item::Name { at, face, ink, text, note, width } => Item::Name { at: down(at), face, ink, text, note, width },
        Item::Chip(at, hue, letters) => Item::Chip(down(at), hue, letters),
        Item::Pill(at, text) => Item::Pill(down(at), text),
    }
}

/// A scene, its height, and what its colours stand for.
pub(super) type Drawn = (Scene, f32, Vec<(u32, String)>);

/// Where the time of the critical path went: a bar of shares, and a legend with names.
pub(super) fn shares(all: &Skeleton) -> Option<Drawn> {
    let whole: i64 = all.critical_shares.iter().map(|s| s.2).sum();
    if whole <= 0 {
        return None;
    }
    let mut shown: Vec<(Ink, String, i64)> =
        all.critical_shares.iter().take(7).map(|(hue, name, n)| (Ink::Service(*hue), name.clone(), *n)).collect();
    let rest = whole - shown.iter().map(|s| s.2).sum::<i64>();
    if rest > 0 {
        shown.push((Ink::Bar, "other".into(), rest));
    }
    let mut scene = Scene::default();
    let mut x = 0.0;
    for (ink, _, n) in &shown {
        let w = (*n as f64 / whole as f64) as f32 * WIDTH;
        scene.fill(x, 0.0, (w - 2.0).max(0.8), 13.0, *ink);
        x += w;
    }
    let legend = shown
        .iter()
        .map(|(ink, name, n)| {
            (LIGHT.ink(*ink), format!("{name} {} {:.1} %", duration(*n), *n as f64 / whole as f64 * 100.0))
        })
        .collect();
    Some((scene, 14.0, legend))
}

/// A bar of parts.
pub(super) struct Bar {
    pub name: String,
    pub parts: Vec<(String, f64)>,
    /// From where to where it may be.
    pub band: Option<(f64, f64)>,
    /// What all of it comes to.
    pub said: String,
}

/// Colours of parts, in the order in which they come first.
const PARTS: [Ink; 5] = [Ink::Accent, Ink::AccentDim, Ink::Bar, Ink::Info, Ink::Control];

/// Bars beside each other, each of its parts, with how sure they are.
pub(super) fn stacked(all: &[Bar], said: &dyn Fn(f64) -> String, caption: &str, alt: &str, origin: Origin) -> Figure {
    const PLOT: Area = Area { x: 74.0, y: 22.0, w: WIDTH - 78.0, h: 190.0 };
    let mut scene = Scene::default();
    let whole = |b: &Bar| b.parts.iter().map(|p| p.1).sum::<f64>();
    let most = all.iter().map(|b| whole(b).max(b.band.map_or(0.0, |band| band.1))).fold(0.0, f64::max);
    let top = ceiling(most.max(0.01));
    let at = |value: f64| PLOT.bottom() - (value / top) as f32 * PLOT.h;
    for i in 0..=4 {
        let value = top * f64::from(i) / 4.0;
        scene.hline(PLOT.x, at(value).round(), PLOT.w, if i == 0 { Ink::Control } else { Ink::Hair });
        scene.text_right(PLOT.x - 8.0, at(value) + 4.0, Face::Mono(11.0), Ink::Text, said(value));
    }
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in all.iter().flat_map(|b| &b.parts) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let ink = |name: &str| PARTS[names.iter().position(|n| *n == name).unwrap_or(0) % PARTS.len()];
    let step = PLOT.w / all.len().max(1) as f32;
    let width = (step * 0.5).min(84.0);
    for (i, bar) in all.iter().enumerate() {
        let middle = PLOT.x + step * (i as f32 + 0.5);
        let left = (middle - width / 2.0).round();
        let mut from = 0.0;
        for (name, amount) in &bar.parts {
            scene.fill(left, at(from + amount), width, at(from) - at(from + amount), ink(name));
            from += amount;
        }
        scene.text_mid(middle, at(from) - 6.0, Face::MonoSemibold(12.0), Ink::Strong, &bar.said);
        if let Some((low, high)) = bar.band {
            let x = left + width + 12.0;
            scene.vline(x, at(high), (at(low) - at(high)).max(1.0), Ink::Strong);
            for end in [low, high] {
                scene.hline(x - 4.0, at(end), 9.0, Ink::Strong);
            }
        }
        scene.text_mid(middle, PLOT.bottom() + 18.0, Face::Semibold(12.0), Ink::Strong, &bar.name);
    }
    let legend = names.iter().map(|name| (LIGHT.ink(ink(name)), (*name).to_owned())).collect();
    let caption = format!("{caption} The line beside each is P10 – P90.");
    figure(scene, PLOT.bottom() + 28.0, caption, alt.to_owned(), legend, origin)
}

/// What moves something from where to where, around what it is.
pub(super) fn tornado(
    all: &[(String, f64, f64)],
    now: f64,
    said: &dyn Fn(f64) -> String,
    caption: &str,
    origin: Origin,
) -> Figure {
    const ROW: f32 = 26.0;
    const LABELS: f32 = 260.0;
    let mut scene = Scene::default();
    let ends = |low: f64, (_, a, b): &(String, f64, f64)| low.min(*a).min(*b);
    let low = all.iter().fold(now, ends);
    let high = all.iter().fold(now, |high, (_, a, b)| high.max(*a).max(*b));
    let w = WIDTH - LABELS - 40.0;
    let at = |value: f64| LABELS + w * ((value - low) / (high - low).max(1e-9)) as f32;
    for (i, (name, a, b)) in all.iter().enumerate() {
        let y = 8.0 + ROW * i as f32;
        scene.text(0.0, y + 13.0, Face::Regular(12.0), Ink::Strong, name);
        for end in [*a, *b] {
            let (from, to) = (at(end.min(now)), at(end.max(now)));
            scene.fill(from, y, to - from, 17.0, if end < now { Ink::Bar } else { Ink::AccentDim });
        }
    }
    let bottom = 8.0 + ROW * all.len() as f32;
    scene.vline(at(now).round(), 2.0, bottom - 2.0, Ink::Strong);
    scene.hline(LABELS, bottom, w, Ink::Control);
    scene.text(LABELS, bottom + 16.0, Face::Mono(11.0), Ink::Text, said(low));
    scene.text_right(LABELS + w, bottom + 16.0, Face::Mono(11.0), Ink::Text, said(high));
    let middle = at(now).clamp(LABELS + 90.0, LABELS + w - 90.0);
    scene.text_mid(middle, bottom + 16.0, Face::MonoSemibold(11.0), Ink::Strong, said(now));
    let alt: Vec<String> = all.iter().map(|(name, a, b)| format!("{name}: {} to {}", said(*a), said(*b))).collect();
    figure(scene, bottom + 24.0, caption.to_owned(), alt.join("; "), Vec::new(), origin)
}
