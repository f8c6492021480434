//! The waterfall: names on the left, bars over time on the right; and the strip that says where the time went.

use crate::figures::{counted, duration, duration_label};
use crate::{Area, Face, Group, Ink, Item, Row, Rows, Scale, Scene, Skeleton, Span, mono_width};

/// Height of a row.
const ROW: f32 = 22.0;
/// Where bars begin, from the left.
const NAMES: f32 = 372.0;
/// What stays free for durations on the right.
const GUTTER: f32 = 74.0;
/// Deeper rows are not indented further; they say how deep they are.
const MAX_INDENT: usize = 14;
/// Notes beside a duration are cut to this.
const MAX_NOTE: usize = 40;

/// A waterfall of some width that shows a part of the trace's time.
#[derive(Debug, Clone, Copy)]
pub struct Waterfall<'a> {
    /// The trace.
    pub all: &'a Skeleton,
    /// Its rows.
    pub rows: &'a Rows,
    /// Width of everything.
    pub width: f32,
    /// The time that is shown, from the start of the trace.
    pub window: (f64, f64),
    /// Whether the critical path is underlined.
    pub has_critical: bool,
    /// Whether bars lie where they belong by the clocks of their callers.
    pub is_adjusted: bool,
    /// Where a readout lies over the scale.
    pub readout: Option<(f32, f32)>,
}

impl Waterfall<'_> {
    /// Height of a row.
    pub const ROW: f32 = ROW;
    /// Where bars begin.
    pub const NAMES: f32 = NAMES;

    /// The time scale; its line is at 0.
    pub fn scale(&self) -> Scale {
        let w = (self.width - NAMES - GUTTER).max(40.0);
        let major = Scale::time_step(self.window.1 - self.window.0, f64::from(w / 90.0).min(6.0));
        Scale { x: NAMES, y: 0.0, w, ends: self.window, major, per: 4, is_up: true, readout: self.readout }
    }

    /// The head of the table, `height` high: what the columns are, and the scale.
    pub fn axis(&self, height: f32) -> Scene {
        let mut scene = Scene::default();
        let baseline = height - 12.0;
        scene.hline(0.0, height - 1.0, self.width, Ink::Rule);
        scene.text(12.0, baseline, Face::Regular(11.0), Ink::Weak, "Service and operation");
        let mut note = counted(self.rows.list.len(), "row");
        if self.rows.n_folded > 0 {
            note += &format!(" · {} folded", counted(self.rows.n_folded, "span"));
        }
        if self.rows.n_hidden > 0 {
            note += &format!(" · {} hidden", self.rows.n_hidden);
        }
        scene.text_right(NAMES - 8.0, baseline, Face::Regular(11.0), Ink::Weak, note);
        let scale = Scale { y: height - 1.0, ..self.scale() };
        scale.draw(&mut scene, |v| if v == 0.0 { "0".into() } else { duration_label(v as i64) });
        scene
    }

    /// The names of a row, at the top left of the scene.
    pub fn name(&self, row: &Row) -> Scene {
        let mut scene = Scene::default();
        let span = self.all.span(row.place);
        let group = row.group.map(|g| &self.rows.groups[g]);
        let shown = row.depth.min(MAX_INDENT);
        guides(&mut scene, row);
        let x = 12.0 + 16.0 * shown as f32;
        if row.can_fold {
            let (points, ink) = if row.is_closed {
                (vec![(x + 2.0, 7.0), (x + 2.0, 15.0), (x + 7.0, 11.0)], Ink::Accent)
            } else {
                (vec![(x, 9.0), (x + 8.0, 9.0), (x + 4.0, 14.0)], Ink::Weak)
            };
            scene.items.push(Item::Shape(points, ink, None));
        }
        let mut at = x + 13.0;
        if row.depth > MAX_INDENT {
            let deep = row.depth.to_string();
            let width = mono_width(9.0, &deep);
            scene.text(at, 14.0, Face::Mono(9.0), Ink::Weak, deep);
            at += width + 4.0;
        }
        scene.items.push(Item::Chip((at, 5.0), span.hue(), span.letters().to_owned()));
        at += 23.0;
        if let Some(group) = group {
            let text = format!("×{}", group.members.len());
            let width = mono_width(10.0, &text) + 10.0;
            scene.items.push(Item::Pill((at, 3.0), text));
            at += width + 5.0;
        }
        let n_errors = group.map_or(usize::from(span.is_error()), |g| g.n_errors);
        let mut right = NAMES - 8.0;
        if span.oddity().is_any() && group.is_none() {
            let x = right - 9.0;
            let points = vec![(x, 15.0), (x + 4.5, 6.5), (x + 9.0, 15.0)];
            scene.items.push(Item::Shape(points, Ink::Panel, Some(Ink::Warn)));
            scene.fill(x + 4.0, 9.5, 1.0, 3.0, Ink::Warn);
            right -= 14.0;
        }
        if span.n_links() > 0 {
            scene.arrow(right - 10.0, 7.0);
            right -= 14.0;
        }
        if n_errors > 0 {
            scene.cross(right - 8.0, 7.0);
            right -= 14.0;
        }
        if row.is_closed {
            let n = if group.is_some() { row.n_behind } else { row.n_behind + 1 };
            let text = counted(n, "span");
            let width = mono_width(10.0, &text);
            scene.text_right(right, 14.0, Face::Mono(10.0), Ink::Weak, text);
            right -= width + 6.0;
        }
        let (face, ink) = if span.is_error() && group.is_none() {
            (Face::Medium(12.0), Ink::Error)
        } else {
            (Face::Regular(12.0), Ink::Strong)
        };
        let is_far = matches!(span.kind(), "Client" | "Producer" | "Consumer") && group.is_none();
        let note = if is_far { span.kind().to_lowercase() } else { String::new() };
        let text = span.name().to_owned();
        scene.items.push(Item::Name { at: (at, 15.0), face, ink, text, note, width: (right - 4.0 - at).max(8.0) });
        scene
    }

    /// The bar of a row with its marks, at the top left of the scene; what is outside of the plot is to be clipped.
    pub fn bar(&self, row: &Row, scale: &Scale) -> Scene {
        let mut scene = Scene::default();
        let step = scale.major / 2.0;
        if let Some((first, last)) = scale.ticks(step) {
            for i in first..=last {
                scene.vline(scale.at(i as f64 * step).floor(), 0.0, ROW, Ink::Hair);
            }
        }
        match row.group {
            Some(group) => folded_bar(&mut scene, self.all, &self.rows.groups[group], scale),
            None => span_bar(&mut scene, self.all.span(row.place), scale, self.is_adjusted),
        }
        if self.has_critical && row.group.is_none() {
            for piece in self.all.span(row.place).critical().chunks_exact(2) {
                let shift = self.shift(row.place);
                underline(&mut scene, scale, piece[0] + shift, piece[1] + shift);
            }
        } else if let (true, Some(group)) = (self.has_critical, row.group) {
            for piece in
                self.rows.groups[group].members.iter().flat_map(|m| self.all.span(*m).critical().chunks_exact(2))
            {
                underline(&mut scene, scale, piece[0], piece[1]);
            }
        }
        scene
    }

    /// How far the bar of a span is moved.
    fn shift(&self, place: usize) -> i64 {
        if self.is_adjusted { self.all.span(place).shift() } else { 0 }
    }

    /// What stands beside the bar of a row: its duration, and what went wrong.
    pub fn label(&self, row: &Row, scale: &Scale) -> Scene {
        let mut scene = Scene::default();
        let span = self.all.span(row.place);
        let group = row.group.map(|g| &self.rows.groups[g]);
        let shift = self.shift(row.place);
        let (from, to) = group.map_or((span.start() + shift, span.end() + shift), |g| g.ends);
        let x = scale.at(from as f64).clamp(scale.x, scale.x + scale.w);
        let right = (scale.at(to as f64)).max(x + 2.0).min(scale.x + scale.w);
        if scale.at(to as f64) < scale.x || scale.at(from as f64) > scale.x + scale.w {
            return scene;
        }
        let ink = if span.is_error() && group.is_none() { Ink::Error } else { Ink::Text };
        let time = duration(to - from);
        let note = match group {
            Some(g) => format!("p50 {} · p99 {}", duration(g.p50), duration(g.p99)),
            None if span.is_error() => {
                span.message().lines().next().unwrap_or_default().chars().take(MAX_NOTE).collect()
            }
            None => String::new(),
        };
        let whole = if note.is_empty() { time.clone() } else { format!("{time}   {note}") };
        let limit = self.width - 4.0;
        if right + 8.0 + mono_width(10.5, &whole) < limit {
            scene.text(right + 8.0, 15.0, Face::Mono(10.5), ink, whole);
            return scene;
        }
        scene.text(right + 8.0, 15.0, Face::Mono(10.5), ink, time);
        if !note.is_empty() && x - 8.0 - mono_width(10.5, &note) > scale.x {
            scene.text_right(x - 8.0, 15.0, Face::Mono(10.5), ink, note);
        }
        scene
    }
}

/// The lines that lead from parents to children.
fn guides(scene: &mut Scene, row: &Row) {
    let x = |depth: usize| 16.0 + 16.0 * depth as f32;
    for depth in 0..row.depth.saturating_sub(1).min(MAX_INDENT) {
        if row.guides >> depth & 1 == 1 {
            scene.vline(x(depth), 0.0, ROW, Ink::Rule);
        }
    }
    if row.depth > 0 && row.depth <= MAX_INDENT {
        let at = x(row.depth - 1);
        scene.vline(at, 0.0, if row.is_last { 11.0 } else { ROW }, Ink::Rule);
        scene.hline(at, 11.0, 8.0, Ink::Rule);
    }
    if row.can_fold && !row.is_closed && row.depth < MAX_INDENT {
        scene.vline(x(row.depth), 18.0, ROW - 18.0, Ink::Rule);
    }
}

fn underline(scene: &mut Scene, scale: &Scale, from: i64, to: i64) {
    let x = scale.at(from as f64);
    scene.fill(x, 18.0, (scale.at(to as f64) - x).max(1.2), 2.0, Ink::Strong);
}

fn span_bar(scene: &mut Scene, span: Span<'_>, scale: &Scale, is_adjusted: bool) {
    let shift = if is_adjusted { span.shift() } else { 0 };
    if shift != 0 {
        // A ghost where its own clock says that it was.
        let x = scale.at(span.start() as f64);
        let w = (scale.at(span.end() as f64) - x).max(2.0);
        scene.items.push(Item::Frame(Area::new(x, 7.0, w, 8.0), 1.0, Ink::Control));
    }
    let x = scale.at((span.start() + shift) as f64);
    let w = (scale.at((span.end() + shift) as f64) - x).max(2.0);
    scene.round(Area::new(x, 6.0, w, 10.0), 1.5, Ink::Service(span.hue()));
    if span.is_error() {
        scene.fill(x, 4.0, w, 2.0, Ink::Error);
        scene.fill(x - 1.0, 2.0, 2.0, 16.0, Ink::Error);
    }
    for log in span.logs() {
        scene.fill(scale.at((*log + shift) as f64) - 1.0, 0.0, 2.0, 3.5, Ink::Ok);
    }
    for event in span.events() {
        let x = scale.at((*event + shift) as f64);
        let points = vec![(x, 5.0), (x + 4.0, 11.0), (x, 17.0), (x - 4.0, 11.0)];
        scene.items.push(Item::Shape(points, Ink::Panel, Some(Ink::Strong)));
    }
}

/// An outline with ticks for its members; failed ones are marked.
fn folded_bar(scene: &mut Scene, all: &Skeleton, group: &Group, scale: &Scale) {
    let x = scale.at(group.ends.0 as f64);
    let w = (scale.at(group.ends.1 as f64) - x).max(2.0);
    let ink = Ink::Service(all.span(group.members[0]).hue());
    scene.items.push(Item::Frame(Area::new(x, 6.0, w, 10.0), 1.0, ink));
    let mut free_from = f32::MIN;
    for member in &group.members {
        let span = all.span(*member);
        let left = scale.at(span.start() as f64);
        if left < free_from && !span.is_error() {
            continue;
        }
        let width = (scale.at(span.end() as f64) - left).clamp(1.0, (w / group.members.len() as f32 * 0.62).max(1.0));
        scene.fill(left, 6.0, width, 10.0, ink);
        free_from = left + width + 1.0;
    }
    if group.n_errors > 0 {
        scene.fill(x, 4.0, w, 2.0, Ink::Error);
        scene.fill(x - 1.0, 2.0, 2.0, 16.0, Ink::Error);
    }
}

/// Where the time of the critical path went: the largest shares in a bar with a legend, 56 high.
pub fn critical_strip(all: &Skeleton, width: f32) -> Scene {
    let mut scene = Scene::default();
    scene.hline(0.0, 0.0, width, Ink::Hair);
    scene.text(12.0, 20.0, Face::Semibold(12.0), Ink::Strong, "Critical path");
    let words = format!("where the {} went; the thin line under the bars", duration(all.extent));
    scene.text(89.0, 20.0, Face::Regular(12.0), Ink::Weak, words);
    let total: i64 = all.critical_shares.iter().map(|s| s.2).sum::<i64>().max(1);
    let bar = (width - 24.0).max(1.0);
    // Named are the largest that have room; the rest is together, so that the shares make a whole.
    let figures = |nanos: i64| format!("{} {:.1} %", duration(nanos), nanos as f64 / total as f64 * 100.0);
    // The proportional face is narrower than this.
    let room = |name: &str| (name.chars().count() as f32 * 6.4).min(150.0);
    let cell = |name: &str, nanos: i64| 20.0 + room(name) + mono_width(10.5, &figures(nanos)) + 24.0;
    let mut free = bar - cell("other", total);
    let fits = |s: &&(u8, String, i64)| {
        free -= cell(&s.1, s.2);
        free > 0.0
    };
    let named: Vec<&(u8, String, i64)> = all.critical_shares.iter().take(5).take_while(fits).collect();
    let mut parts: Vec<(&str, Ink, i64)> = named.iter().map(|s| (s.1.as_str(), Ink::Service(s.0), s.2)).collect();
    let rest = total - parts.iter().map(|p| p.2).sum::<i64>();
    if rest > 0 && !all.critical_shares.is_empty() {
        parts.push(("other", Ink::Bar, rest));
    }
    let mut x = 12.0;
    let mut at = 12.0;
    for (name, ink, nanos) in parts {
        let w = bar * (nanos as f64 / total as f64) as f32;
        scene.round(Area::new(x, 28.0, (w - 2.0).max(1.0), 8.0), 1.5, ink);
        x += w;
        let figures = figures(nanos);
        let room = room(name);
        let end = at + 14.0 + room + 6.0 + mono_width(10.5, &figures);
        scene.round(Area::new(at, 44.0, 8.0, 8.0), 1.5, ink);
        scene.items.push(Item::Name {
            at: (at + 14.0, 52.0),
            face: Face::Regular(11.0),
            ink: Ink::Strong,
            text: name.to_owned(),
            note: String::new(),
            width: room,
        });
        scene.text_right(end, 52.0, Face::Mono(10.5), Ink::Text, figures);
        at = end + 24.0;
    }
    scene
}
