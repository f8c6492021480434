//! Before this store lets go of what is older: what that would be, and whether it shall.

use super::list;
use crate::app::State as App;
use crate::data::{bytes, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect};
use eframe::egui::{Key, Modifiers, Rect, Ui};
use serde_json::Value;
use sextant_contract::{Ask, Command};

const DAY: i64 = 86_400_000_000_000;

/// The card over the screen, as long as it is not answered.
pub(super) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let days: f64 = state.cost.doc.tiers().iter().map(|tier| tier.days).sum();
    let keep = (days as i64).saturating_mul(DAY);
    let key = format!("retention would {} {}", keep, state.cost.looks);
    let slot = state.asks.ask(ui.ctx(), &key, false, || Ask::RetentionWould { keep });
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let w = 520.0_f32.min(main.width() - 32.0);
    let r = rect(main.center().x - w / 2.0, main.top() + 96.0, w, 216.0);
    kit.round(r, 6, t.bg_panel);
    kit.border(r, 6, t.warn);
    kit.click(r, "apply card", "What would go");
    let x = r.left() + 16.0;
    let title = format!("Keep {days} days in this store");
    kit.text(x, r.top() + 26.0, Font::Semibold(13.0), t.strong, &title);
    kit.text_right(r.right() - 16.0, r.top() + 26.0, Font::Regular(11.0), t.weak, "dry run");
    let answer = slot.get().and_then(|a| a.object.clone());
    let rows = answer.as_ref().map_or(&[][..], |o| list(&o["applied"]));
    let gone = |signal: &str| -> (i64, u64) {
        let of = rows
            .iter()
            .filter(|row| row["signal"] == signal && matches!(row["policy"].as_str(), Some("age" | "bytes")));
        of.fold((0, 0), |sum, row: &Value| {
            (sum.0 + row["records"].as_i64().unwrap_or(0), sum.1 + row["bytes"].as_u64().unwrap_or(0))
        })
    };
    let mut y = r.top() + 52.0;
    let mut n_all = 0;
    for (signal, name) in [("traces", "Spans"), ("logs", "Log records"), ("metrics", "Metric points")] {
        let (n, size) = gone(signal);
        n_all += n;
        kit.text(x, y, Font::Regular(12.0), t.text, name);
        let words = match (&answer, n) {
            (None, _) => "…".to_owned(),
            (_, 0) => "none would go".to_owned(),
            _ => format!("{} would go, in files of {}", thousands(n), bytes(size)),
        };
        kit.text_right(r.right() - 16.0, y, Font::Mono(11.0), if n > 0 { t.warn } else { t.strong }, &words);
        y += 22.0;
    }
    if let Some(e) = &slot.error {
        kit.text_in(x, y, w - 32.0, Font::Regular(12.0), t.error, &e.message);
    }
    let words = [
        "What is pinned stays. What goes is counted in the status, and does not come back.",
        "Sampling, attributes and packing of B are not applied by this: they belong to the Collector.",
    ];
    for words in words {
        kit.text_in(x, y + 6.0, w - 32.0, Font::Regular(11.5), t.weak, words);
        y += 17.0;
    }
    let y = r.bottom() - 42.0;
    let text = match n_all {
        0 => format!("Keep {days} days from now on"),
        n => format!("Keep {days} days, let {} go", thousands(n)),
    };
    let yes = Button { text: &text, is_primary: true, ..Button::default() };
    if answer.is_some() && button(&kit, x, y, yes).clicked() {
        state.asks.act(ui.ctx(), Command::RetentionKeep { keep }, Vec::new());
        state.cost.is_applying = false;
        state.cost.looks += 1;
    }
    let kit = Kit::new(ui, t);
    let no = Button { text: "Leave it as it is", key: Some("Esc"), is_quiet: true, ..Button::default() };
    let is_escaped = ui.input_mut(|i| i.consume_key(Modifiers::NONE, Key::Escape));
    if is_escaped || button(&kit, r.right() - 16.0 - no.width(&kit), y, no).clicked() {
        state.cost.is_applying = false;
    }
}
