//! How many values were in which bucket when.

use super::value_text;
use crate::fonts::Font;
use crate::kit::{Kit, rect};
use crate::views::home::time_scale;
use eframe::egui::Rect;
use serde_json::Value;

struct Cell {
    at: i64,
    low: f64,
    high: f64,
    n: f64,
}

/// Values by time and size: both axes as in the chart above, the size on a logarithmic scale where it can be.
pub(super) fn show(kit: &Kit<'_>, r: Rect, head: &Value, unit: &str, period: (i64, i64)) {
    let t = kit.t;
    let heat = &head["heat"];
    let length = heat["length"].as_i64().unwrap_or(1).max(1);
    let mut cells: Vec<Cell> = Vec::new();
    for column in heat["columns"].as_array().into_iter().flatten() {
        let Some(at) = column[0].as_i64() else { continue };
        for bucket in column[1].as_array().into_iter().flatten() {
            let (low, high) = (bucket[0].as_f64().unwrap_or(f64::NAN), bucket[1].as_f64().unwrap_or(f64::NAN));
            cells.push(Cell { at, low, high, n: bucket[2].as_f64().unwrap_or(0.0) });
        }
    }
    kit.text(r.left() + 12.0, r.top() + 20.0, Font::Semibold(12.0), t.strong, "Distribution");
    let words = format!("each column {}, each row a bucket", crate::data::step(length));
    kit.text(r.left() + 100.0, r.top() + 20.0, Font::Regular(12.0), t.weak, &words);
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let plot = rect(r.left() + 84.0, r.top() + 34.0, r.width() - 112.0, (r.height() - 74.0).max(20.0));
    kit.fill(plot, t.bg_app);
    let finite = || cells.iter().flat_map(|c| [c.low, c.high]).filter(|v| v.is_finite());
    let most = finite().fold(f64::NEG_INFINITY, f64::max);
    let least_positive = finite().filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
    let is_log = finite().all(|v| v >= 0.0) && least_positive.is_finite() && most > least_positive;
    // An open bucket ends as far beyond its bound as half the scale of sizes is long at most.
    let bottom = if is_log { least_positive / 2.0 } else { finite().fold(f64::INFINITY, f64::min) };
    let top = if is_log { most * 1.3 } else { most + (most - bottom).abs() * 0.1 };
    let share = |v: f64| -> f32 {
        if is_log {
            ((v.max(bottom) / bottom).ln() / (top / bottom).ln().max(1e-9)) as f32
        } else {
            ((v - bottom) / (top - bottom).max(1e-300)) as f32
        }
    };
    let y_of = |v: f64| plot.bottom() - plot.height() * share(v).clamp(0.0, 1.0);
    let span = (period.1 - period.0).max(1) as f64;
    let x_of = |at: i64| plot.left() + plot.width() * ((at - period.0) as f64 / span).clamp(0.0, 1.0) as f32;
    let largest = cells.iter().map(|c| c.n).fold(1.0, f64::max);
    let step = |n: f64| ((n.ln_1p() / largest.ln_1p()) * 7.0).ceil().clamp(1.0, 7.0) as usize;
    for cell in &cells {
        let low = if cell.low.is_finite() { cell.low } else { bottom };
        let high = if cell.high.is_finite() { cell.high } else { top };
        let (x, right) = (x_of(cell.at), x_of(cell.at + length));
        let (y, below) = (y_of(high), y_of(low));
        let w = (right - x - 1.0).max(1.0);
        kit.fill(rect(x, y, w, (below - y - 1.0).max(1.0)), t.heat[step(cell.n)]);
    }
    let mut last = f32::INFINITY;
    let n_labels = (plot.height() / 28.0).max(2.0) as usize;
    for i in 0..=n_labels {
        let part = i as f64 / n_labels as f64;
        let v = if is_log { bottom * (top / bottom).powf(part) } else { bottom + (top - bottom) * part };
        let y = y_of(v).floor();
        if last - y > 16.0 {
            kit.hline(plot.left() - 4.0, y, 4.0, t.control);
            kit.text_right(plot.left() - 8.0, y + 4.0, Font::Mono(10.5), t.weak, &value_text(unit, "p", v));
            last = y;
        }
    }
    legend(kit, r, largest);
    time_scale(kit, plot, period);
}

fn legend(kit: &Kit<'_>, r: Rect, largest: f64) {
    let t = kit.t;
    let x = r.right() - 28.0 - 7.0 * 24.0;
    for i in 1..8usize {
        kit.fill(rect(x + 24.0 * (i - 1) as f32, r.top() + 10.0, 23.0, 8.0), t.heat[i]);
    }
    kit.text(x, r.top() + 29.0, Font::Mono(10.0), t.weak, "1");
    let most = crate::data::thousands(largest.round() as i64);
    kit.text_right(r.right() - 28.0, r.top() + 29.0, Font::Mono(10.0), t.weak, &most);
    kit.text_right(x - 10.0, r.top() + 19.0, Font::Regular(11.0), t.weak, "values in a cell");
}
