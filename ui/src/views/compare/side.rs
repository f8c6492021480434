//! Beside the tree: where the difference comes from, attributes that differ, and whether the second is usual.

use super::signed;
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{duration, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, chip, rect};
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder};
use serde_json::Value;

/// So many sources of the difference are named.
const N_SOURCES: usize = 6;
const ROW: f32 = 23.0;

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, head: &Value) {
    {
        let kit = Kit::new(ui, state.theme);
        kit.fill(r, kit.t.bg_panel);
        kit.vline(r.left(), r.top(), r.height(), kit.t.hair);
    }
    let inner = r.with_min_x(r.left() + 13.0).with_max_x(r.right() - 12.0);
    let mut y = sources(&Kit::new(ui, state.theme), inner, head);
    let usual_height = 150.0;
    let attributes_area = rect(r.left() + 1.0, y, r.width() - 1.0, (r.bottom() - y - usual_height).max(0.0));
    attributes(ui, state, attributes_area, head);
    y = attributes_area.bottom();
    usual(ui, state, inner.with_min_y(y), head);
}

fn sources(kit: &Kit<'_>, r: Rect, head: &Value) -> f32 {
    let t = kit.t;
    let int = |side: &str| head[side]["duration"].as_i64().unwrap_or(0);
    let whole = int("a") - int("b");
    let title = format!("Where {} come from", signed(whole));
    kit.text(r.left(), r.top() + 21.0, Font::Semibold(12.0), t.strong, &title);
    kit.text_right(r.right(), r.top() + 21.0, Font::Regular(12.0), t.weak, "time on the critical path");
    let all: Vec<(&str, &str, i64)> = head["critical"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|s| Some((s[0].as_str()?, s[1].as_str()?, s[2].as_i64()? - s[3].as_i64()?)))
        .collect();
    let n = N_SOURCES.min(all.iter().filter(|s| s.2 != 0).count());
    let rest = all.iter().skip(n).map(|s| s.2).sum::<i64>();
    let largest = all.first().map_or(1, |s| s.2.abs()).max(1) as f32;
    let mut y = r.top() + 34.0;
    let shown = all.iter().take(n).copied().chain((rest != 0).then_some(("", "everything else", rest)));
    for (service, name, nanos) in shown {
        if !service.is_empty() {
            chip(kit, r.left(), y + 4.0, service);
        }
        let text = signed(nanos);
        let left = kit.text_right(r.right(), y + 15.0, Font::Mono(11.0), t.strong, &text);
        kit.text_in(r.left() + 26.0, y + 15.0, left - r.left() - 38.0, Font::Regular(12.0), t.strong, name);
        let share = (nanos.abs() as f32 / largest).min(1.0);
        kit.fill(rect(r.left(), y + 22.0, r.width(), 3.0), t.bg_hover);
        let color = if nanos > 0 { t.accent } else { t.bar };
        kit.fill(rect(r.left(), y + 22.0, (r.width() * share).max(1.0), 3.0), color);
        y += 33.0;
    }
    kit.hline(r.left() - 12.0, y + 6.0, r.width() + 24.0, t.hair);
    y + 7.0
}

fn attributes(ui: &mut Ui, state: &mut App, r: Rect, head: &Value) {
    let all: Vec<&Value> = head["attributes"].as_array().into_iter().flatten().collect();
    let value_width = (r.width() * 0.24).max(60.0);
    let (a, b) = (r.right() - 12.0 - value_width - 10.0, r.right() - 12.0);
    {
        let kit = Kit::new(ui, state.theme);
        let t = kit.t;
        kit.text(r.left() + 12.0, r.top() + 21.0, Font::Semibold(12.0), t.strong, "Attributes that differ");
        let n = head["n_attributes"].as_u64().unwrap_or(0);
        let count = format!("{} of {}", all.len(), thousands(n as i64));
        kit.text_right(r.right() - 12.0, r.top() + 21.0, Font::Regular(12.0), t.weak, &count);
        if all.is_empty() {
            let words = "None: both carry the same values.";
            kit.text(r.left() + 12.0, r.top() + 44.0, Font::Regular(12.0), t.weak, words);
            return;
        }
        kit.text_right(a, r.top() + 43.0, Font::Medium(11.0), t.weak, "A");
        kit.text_right(b, r.top() + 43.0, Font::Medium(11.0), t.weak, "B");
        kit.hline(r.left(), r.top() + 51.0, r.width(), t.strong_line);
    }
    let body = r.with_min_y(r.top() + 52.0);
    if body.height() < ROW {
        return;
    }
    let mut child = ui.new_child(UiBuilder::new().id_salt("differing").max_rect(body));
    child.set_clip_rect(body);
    ScrollArea::vertical().auto_shrink(false).id_salt("differing").show_rows(
        &mut child,
        ROW,
        all.len(),
        |ui, range| {
            let top = ui.min_rect().top();
            for (i, place) in range.enumerate() {
                let kit = Kit::new(ui, state.theme);
                let t = kit.t;
                let line = rect(r.left(), top + ROW * i as f32, r.width(), ROW);
                kit.hline(line.left() + 12.0, line.bottom() - 1.0, line.width() - 24.0, t.hair);
                let one = all[place];
                let text = |key: &str| one[key].as_str();
                let label = format!("{} · {}", text("of").unwrap_or_default(), text("key").unwrap_or_default());
                let bl = line.top() + 15.5;
                let room = a - value_width - line.left() - 18.0;
                chip(&kit, line.left() + 12.0, line.top() + 5.0, text("service").unwrap_or_default());
                let key = text("key").unwrap_or_default();
                kit.text_in(line.left() + 37.0, bl, room - 25.0, Font::Regular(12.0), t.text, key);
                for (side, x, color) in [("a", a, t.strong), ("b", b, t.text)] {
                    let value = text(side).unwrap_or("none");
                    let w = kit.width(Font::Mono(11.0), value).min(value_width - 4.0);
                    kit.text_in(x - w, bl, value_width - 4.0, Font::Mono(11.0), color, value);
                }
                let response = kit.row(line, ("differing", place));
                let whole = format!("{label}\nA: {}\nB: {}", text("a").unwrap_or("none"), text("b").unwrap_or("none"));
                Kit::describe(&response, || whole.replace('\n', ", "));
                response.on_hover_text(whole);
            }
        },
    );
}

/// The distribution of all requests of the kind, with both traces in it.
fn usual(ui: &Ui, state: &mut App, r: Rect, head: &Value) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let usual = &head["usual"];
    kit.hline(r.left() - 12.0, r.top(), r.width() + 24.0, t.hair);
    kit.text(r.left(), r.top() + 20.0, Font::Semibold(12.0), t.strong, "Is B typical?");
    let counts: Vec<f64> = usual["counts"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let ends = (usual["from"].as_f64().unwrap_or(1.0), usual["to"].as_f64().unwrap_or(2.0));
    let all = usual["all"].as_i64().unwrap_or(0);
    let plot = rect(r.left(), r.top() + 30.0, r.width(), 40.0);
    let most = counts.iter().copied().fold(1.0, f64::max);
    let w = plot.width() / counts.len().max(1) as f32;
    for (i, n) in counts.iter().enumerate().filter(|(_, n)| **n > 0.0) {
        let h = (plot.height() * (n / most) as f32).max(1.0);
        kit.fill(rect(plot.left() + w * i as f32, plot.bottom() - h, (w - 1.0).max(1.0), h), t.bar);
    }
    kit.hline(plot.left(), plot.bottom(), plot.width(), t.control);
    let x_of = |nanos: f64| {
        let share = (nanos.max(ends.0) / ends.0).ln() / (ends.1 / ends.0).ln().max(1e-9);
        plot.left() + plot.width() * share.clamp(0.0, 1.0) as f32
    };
    for (side, letter, color) in [("b", "B", t.strong), ("a", "A", t.accent)] {
        let x = x_of(head[side]["duration"].as_f64().unwrap_or(0.0));
        kit.vline(x.min(plot.right() - 1.0), plot.top() - 6.0, plot.height() + 6.0, color);
        let at = if x + 14.0 > plot.right() { x - 10.0 } else { x + 4.0 };
        kit.text(at, plot.top() + 2.0, Font::MonoSemibold(10.5), color, letter);
    }
    kit.text(plot.left(), plot.bottom() + 14.0, Font::Mono(10.5), t.weak, &duration(ends.0 as i64));
    kit.text_right(plot.right(), plot.bottom() + 14.0, Font::Mono(10.5), t.weak, &duration(ends.1 as i64));
    let percent = |key: &str| format!("{:.0}", usual[key].as_f64().unwrap_or(0.0));
    let good = thousands(usual["good"].as_i64().unwrap_or(0));
    let lines = [
        format!("{} % of the {good} good ones of the period are as fast as B or faster;", percent("percentile_b")),
        format!("{} % of all its {} are as fast as A or faster.", percent("percentile_a"), thousands(all)),
    ];
    for (i, line) in lines.iter().enumerate() {
        kit.text_in(r.left(), plot.bottom() + 32.0 + 15.0 * i as f32, r.width(), Font::Regular(11.0), t.text, line);
    }
    let mut x = r.left();
    let y = r.top() + 124.0;
    for (text, cap, what) in [("Swap", "x", Do::Swap), ("Next difference", "n", Do::NextHit)] {
        let b = Button { text, key: Some(cap), is_small: true, ..Button::default() };
        if button(&kit, x, y, b).clicked() {
            state.wanted.push(what);
        }
        x += b.width(&kit) + 8.0;
    }
}
