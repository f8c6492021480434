//! Before a cluster reads much: what it would read, and whether it shall.

use crate::app::State;
use crate::commands::Do;
use crate::data::thousands;
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect};
use eframe::egui::{Rect, Ui};
use sextant_contract::size_text;

/// Shows the card where questions of the screen wait for an answer to that.
pub(crate) fn show(ui: &Ui, state: &mut State, main: Rect) {
    let Some((n, estimate)) = state.asks.heavy() else { return };
    // What follows from what was allowed on this screen, and is no heavier, needs no other word.
    let place = state.route.to_hash();
    if state.heavy_allowed.as_ref().is_some_and(|(at, bytes)| *at == place && estimate.bytes <= *bytes) {
        state.asks.allow_heavy();
        ui.request_repaint();
        return;
    }
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let w = 560.0_f32.min(main.width() - 32.0);
    let r = rect(main.center().x - w / 2.0, main.top() + (main.height() * 0.2).min(120.0), w, 184.0);
    kit.round(r, 6, t.bg_panel);
    kit.border(r, 6, t.accent);
    kit.click(r, "heavy card", "What would be read");
    let x = r.left() + 16.0;
    let title = if n == 1 {
        "Before it runs: this is heavy".to_owned()
    } else {
        format!("Before they run: {n} questions of this screen are heavy")
    };
    kit.text(x, r.top() + 26.0, Font::Semibold(13.0), t.strong, &title);
    kit.text_right(r.right() - 16.0, r.top() + 26.0, Font::Regular(11.0), t.weak, "EXPLAIN ESTIMATE");
    let figures = [
        (format!("≈ {}", size_text(estimate.bytes)), "to read"),
        (thousands(estimate.rows as i64), "rows"),
        (thousands(estimate.parts as i64), "parts"),
    ];
    let mut at = x;
    for (figure, word) in &figures {
        let end = kit.text(at, r.top() + 58.0, Font::Mono(18.0), t.strong, figure);
        kit.text(at, r.top() + 76.0, Font::Regular(12.0), t.text, word);
        at = end.max(at + 40.0) + 24.0;
    }
    // What was read of what may be read, and what this adds.
    let bar = rect(x, r.top() + 92.0, w - 32.0, 9.0);
    let whole = estimate.limit.max(1) as f32;
    let (read, more) = ((estimate.read as f32 / whole).min(1.0), (estimate.bytes as f32 / whole).min(1.0));
    kit.fill(bar, t.bg_app);
    kit.fill(rect(bar.left(), bar.top(), bar.width() * read, bar.height()), t.weak);
    let more = (more * bar.width()).max(2.0).min(bar.width() * (1.0 - read));
    kit.fill(rect(bar.left() + bar.width() * read, bar.top(), more, bar.height()), t.accent);
    let share = estimate.bytes as f64 / whole as f64 * 100.0;
    let share = if share < 0.1 { "less than 0.1".to_owned() } else { format!("{share:.1}") };
    let words = format!(
        "{} of {} were read since the start · this adds {share} %",
        size_text(estimate.read),
        size_text(estimate.limit)
    );
    kit.text(x, r.top() + 120.0, Font::Regular(11.0), t.weak, &words);
    let run_text = format!("Run, {}", size_text(estimate.bytes));
    let run = Button { text: &run_text, is_primary: true, ..Button::default() };
    let y = r.bottom() - 42.0;
    if button(&kit, x, y, run).clicked() {
        state.heavy_allowed = Some((state.route.to_hash(), estimate.bytes));
        state.asks.allow_heavy();
        ui.request_repaint();
    }
    let narrow = Button { text: "A quarter of the period", ..Button::default() };
    let place = x + run.width(&kit) + 8.0;
    if button(&kit, place, y, narrow).clicked() {
        let (from, to) = state.route.period();
        let route = crate::route::Route { fixed: Some((to - (to - from) / 4, to)), ..state.route.clone() };
        state.go(route);
    }
    let back = Button { text: "Back", key: Some("Alt ←"), is_quiet: true, ..Button::default() };
    if button(&kit, r.right() - 16.0 - back.width(&kit), y, back).clicked() {
        state.wanted.push(Do::Back);
    }
}
