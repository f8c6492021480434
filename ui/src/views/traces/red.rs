//! Rate, errors and durations of the traces that are shown, over time: three small charts beside the tab.

use crate::app::State as App;
use crate::commands::Do;
use crate::data::{duration, rows};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect};
use crate::route::N_STEPS;
use eframe::egui::{Color32, Pos2, Rect, Ui, pos2};
use sextant_contract::Answer;
use std::rc::Rc;

/// What the charts are made of; made anew with each answer.
#[derive(Debug, Default)]
pub(super) struct State {
    of: Option<Rc<Answer>>,
    period: (i64, i64),
    counts: Vec<f32>,
    errors: Vec<f32>,
    slow: Vec<f32>,
    n: usize,
    n_errors: usize,
    p95: i64,
}

/// So many parts of the period: fewer than the axis has, they are small.
const PARTS: usize = N_STEPS as usize / 2;
const CHART: f32 = 84.0;
/// A figure is seldom wider.
const WIDEST: &str = "88.8 /min";

/// The value below which 95 % lie.
fn p95(values: &mut [i64]) -> i64 {
    if values.is_empty() {
        return 0;
    }
    let at = (values.len() * 95).div_ceil(100).saturating_sub(1);
    *values.select_nth_unstable(at).1
}

impl State {
    fn make(&mut self, answer: &Rc<Answer>, period: (i64, i64)) {
        if self.of.as_ref().is_some_and(|of| Rc::ptr_eq(of, answer)) && self.period == period {
            return;
        }
        let length = (period.1 - period.0).max(1);
        let mut parts: Vec<Vec<i64>> = vec![Vec::new(); PARTS];
        let (mut counts, mut errors) = (vec![0.0; PARTS], vec![0.0; PARTS]);
        let mut all = Vec::new();
        for row in rows(answer) {
            let at = (row.int("Timestamp") - period.0) as f64 / length as f64 * PARTS as f64;
            let place = (at.max(0.0) as usize).min(PARTS - 1);
            counts[place] += 1.0;
            errors[place] += if row.int("Errors") > 0 { 1.0 } else { 0.0 };
            parts[place].push(row.int("Duration"));
            all.push(row.int("Duration"));
        }
        let n_errors = errors.iter().sum::<f32>() as usize;
        let slow = parts.iter_mut().map(|p| p95(p) as f32).collect();
        let n = all.len();
        *self = Self { of: Some(answer.clone()), period, counts, errors, slow, n, n_errors, p95: p95(&mut all) };
    }
}

/// At the right of the tabs, where there is room.
pub(super) fn show(ui: &Ui, state: &mut App, r: Rect, answer: &Rc<Answer>, period: (i64, i64), is_cut: bool) {
    state.traces.red.make(answer, period);
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let group = Button { text: "Group by", key: Some("u"), is_small: true, ..Button::default() };
    let mut right = r.right() - 12.0 - group.width(&kit);
    if button(&kit, right, r.top() + 7.0, group).clicked() {
        state.wanted.push(Do::GroupBy);
    }
    let red = &state.traces.red;
    // Of what was cut the times are not the whole story: only what is loaded is counted.
    let since = red.of.as_ref().filter(|_| is_cut).and_then(|a| rows(a).map(|r| r.int("Timestamp")).min());
    let seconds = (period.1 - since.unwrap_or(period.0)).max(1) as f64 / 1e9;
    let share = 100.0 * red.n_errors as f64 / red.n.max(1) as f64;
    let rate = red.n as f64 / seconds;
    let rate = if red.n == 0 {
        "–".to_owned()
    } else if rate >= 0.1 {
        format!("{rate:.1} /s")
    } else {
        format!("{:.1} /min", rate * 60.0)
    };
    let bad = if red.n_errors > 0 { t.error } else { t.weak };
    let figures: [(&str, String, &[f32], Color32, bool); 3] = [
        ("p95", if red.n == 0 { "–".into() } else { duration(red.p95) }, &red.slow, t.info, true),
        ("Errors", if red.n_errors > 0 { format!("{share:.1} %") } else { "0".into() }, &red.errors, bad, false),
        ("Traces", rate, &red.counts, t.text, false),
    ];
    for (name, text, values, color, is_line) in figures {
        // The charts stand still while the digits change.
        let room = kit.width(Font::Mono(11.0), &text).max(kit.width(Font::Mono(11.0), WIDEST));
        let w = kit.width(Font::Regular(11.0), name) + 6.0 + room + 8.0 + CHART;
        if right - w - 24.0 < r.left() + 160.0 {
            return;
        }
        right -= w + 20.0;
        let bl = r.top() + 22.0;
        let x = kit.text(right, bl, Font::Regular(11.0), t.weak, name) + 6.0;
        kit.text_right(x + room, bl, Font::Mono(11.0), if name == "Errors" { color } else { t.strong }, &text);
        chart(&kit, rect(x + room + 8.0, r.top() + 9.0, CHART, 16.0), values, color, is_line);
    }
}

fn chart(kit: &Kit<'_>, r: Rect, values: &[f32], color: Color32, is_line: bool) {
    let most = values.iter().copied().fold(0.0f32, f32::max).max(1.0);
    let step = r.width() / values.len().max(1) as f32;
    kit.hline(r.left(), r.bottom(), r.width(), kit.t.hair);
    let height = |v: f32| (r.height() * v / most).max(1.5);
    if !is_line {
        for (i, v) in values.iter().enumerate().filter(|(_, v)| **v > 0.0) {
            let h = height(*v);
            kit.fill(rect(r.left() + step * i as f32, r.bottom() - h, (step - 0.5).max(1.0), h), color);
        }
        return;
    }
    // A part in which nothing came breaks the line.
    let mut part: Vec<Pos2> = Vec::new();
    for (i, v) in values.iter().enumerate() {
        let at = pos2(r.left() + step * (i as f32 + 0.5), r.bottom() - height(*v));
        if *v > 0.0 {
            part.push(at);
            continue;
        }
        stroke(kit, &part, color);
        part.clear();
    }
    stroke(kit, &part, color);
}

fn stroke(kit: &Kit<'_>, points: &[Pos2], color: Color32) {
    match points {
        [one] => kit.fill(rect(one.x - 0.75, one.y - 0.75, 1.5, 1.5), color),
        points => kit.line(points, 1.25, color),
    }
}

#[cfg(test)]
mod tests {
    use super::p95;

    #[test]
    fn the_share_below_is_that_of_whole_values() {
        for (n, value) in [(1, 1), (20, 19), (100, 95), (101, 96)] {
            assert_eq!(p95(&mut (1..=n).rev().collect::<Vec<i64>>()), value, "{n}");
        }
        assert_eq!(p95(&mut []), 0);
    }
}
