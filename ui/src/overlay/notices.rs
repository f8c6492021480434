//! What came of things that were done elsewhere: a line each above the foot, which goes by itself.

use crate::app::State;
use crate::data::thousands;
use crate::fonts::Font;
use crate::kit::{Kit, icon, rect};
use crate::runtime::now;
use eframe::egui::{Rect, Ui};
use sextant_contract::{AskError, ImportedFile, Outcome};
use std::time::Duration;

/// A line.
#[derive(Debug, Clone)]
pub(crate) struct Notice {
    pub text: String,
    pub is_bad: bool,
    since: i64,
}

/// How long a line stays; a failure stays longer.
const STAY_NANOS: i64 = 6_000_000_000;
const STAY_BAD_NANOS: i64 = 20_000_000_000;

impl Notice {
    fn new(text: String, is_bad: bool) -> Self {
        Self { text, is_bad, since: now() }
    }

    /// What was done.
    pub fn said(text: String) -> Self {
        Self::new(text, false)
    }

    /// What came of a file.
    pub fn imported(file: &ImportedFile) -> Self {
        let mut text = match &file.format {
            Some(format) => format!("{}: {format}, {} records stored", file.path, thousands(file.stored as i64)),
            None => format!("{}: nothing to read in it", file.path),
        };
        if file.skipped > 0 {
            let reasons: Vec<String> =
                file.skipped_by_reason.iter().map(|(reason, n)| format!("{n} {}", reason.replace('_', " "))).collect();
            text += &format!(", {} skipped ({})", thousands(file.skipped as i64), reasons.join(", "));
        }
        Self::new(text, file.stored == 0)
    }

    /// Why something was not done.
    pub fn failed(error: &AskError) -> Self {
        let hint = error.hint.as_ref().map(|h| format!("; {h}")).unwrap_or_default();
        Self::new(format!("{}{hint}", error.message), true)
    }

    /// What came of a command, if there is something to say.
    pub fn of(result: &Result<Outcome, AskError>) -> Option<Self> {
        Some(match result {
            Ok(Outcome::Imported(file)) => Self::imported(file),
            Ok(Outcome::Sent { spans, logs, points }) => {
                let n = |n: &u64| thousands(*n as i64);
                let text = format!("Sent {} spans, {} log records, {} metric points", n(spans), n(logs), n(points));
                Self::new(text, false)
            }
            Ok(Outcome::Object { object }) if object["applied"].is_array() && object["dry_run"] == false => {
                let gone = |row: &serde_json::Value| matches!(row["policy"].as_str(), Some("age" | "bytes"));
                let rows = object["applied"].as_array().into_iter().flatten().filter(|row| gone(row));
                let n: i64 = rows.filter_map(|row| row["records"].as_i64()).sum();
                Self::new(format!("It is kept so from now on; {} records went", thousands(n)), false)
            }
            Ok(Outcome::Object { .. } | Outcome::Done) => return None,
            Err(e) => Self::failed(e),
        })
    }

    fn is_over(&self) -> bool {
        now() - self.since > if self.is_bad { STAY_BAD_NANOS } else { STAY_NANOS }
    }
}

pub(super) fn show(ui: &Ui, state: &mut State, whole: Rect) {
    let before = state.notices.len();
    state.notices.retain(|n| !n.is_over());
    if state.notices.is_empty() {
        return;
    }
    ui.request_repaint_after(Duration::from_millis(500));
    if before != state.notices.len() {
        ui.request_repaint();
    }
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let mut gone = None;
    for (i, notice) in state.notices.iter().rev().take(5).enumerate() {
        let w = (kit.width(Font::Regular(12.0), &notice.text) + 66.0).min(whole.width() - 100.0);
        let r = rect(whole.right() - 12.0 - w, whole.bottom() - 24.0 - 44.0 - 38.0 * i as f32, w, 32.0);
        kit.round(r, 6, if notice.is_bad { t.error_bg } else { t.bg_raised });
        kit.border(r, 6, if notice.is_bad { t.error } else { t.control });
        let (name, color) = if notice.is_bad { ("x", t.error) } else { ("check", t.ok) };
        icon(&kit, name, r.left() + 12.0, r.top() + 10.0, 12.0, 2.0, color);
        kit.text_in(r.left() + 32.0, r.top() + 20.0, w - 62.0, Font::Regular(12.0), t.strong, &notice.text);
        let close = kit.click(rect(r.right() - 28.0, r.top() + 4.0, 24.0, 24.0), ("notice", i), "Dismiss");
        icon(&kit, "x", r.right() - 22.0, r.top() + 10.0, 12.0, 1.4, if close.hovered() { t.accent } else { t.weak });
        if close.clicked() {
            gone = Some(state.notices.len() - 1 - i);
        }
    }
    if let Some(i) = gone {
        state.notices.remove(i);
    }
}
