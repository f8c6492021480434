//! How far something that takes a while has come: an export, a bundle.

use crate::asks::Asks;
use crate::data::thousands;
use crate::fonts::Font;
use crate::kit::{Kit, rect};
use crate::runtime::now;
use eframe::egui::{Color32, Rect, Ui};
use sextant_contract::Ask;
use std::time::Duration;

/// How often it is asked how far it is.
const ASK_NANOS: i64 = 250_000_000;
/// The height of the bar.
const BAR: f32 = 6.0;

/// The last that was heard of it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Progress {
    pub tag: u64,
    since: i64,
    part: f64,
    pub rows: i64,
    pub bytes: u64,
}

impl Progress {
    /// Of what begins now.
    pub fn begun() -> Self {
        let now = now();
        Self { tag: now as u64, since: now, part: 0.0, rows: 0, bytes: 0 }
    }

    /// Asks again, now and then.
    pub fn ask(&mut self, ui: &Ui, asks: &mut Asks) {
        let tag = self.tag;
        let tick = (now() - self.since) / ASK_NANOS;
        let slot = asks.ask(ui.ctx(), &format!("progress {tag} {tick}"), false, || Ask::Progress { tag });
        if let Some(object) = slot.get().and_then(|a| a.object.as_ref())
            && let (Some(part), Some(rows)) = (object["part"].as_f64(), object["rows"].as_i64())
        {
            (self.part, self.rows) = (part, rows);
            self.bytes = object["bytes"].as_u64().unwrap_or(0);
        }
        ui.request_repaint_after(Duration::from_nanos(ASK_NANOS as u64));
    }

    /// Its rows in words.
    pub fn words(&self) -> String {
        format!("{} rows", thousands(self.rows))
    }

    /// Its part above a bar, from the top of `r`; the end of it.
    pub fn show(&self, kit: &Kit<'_>, r: Rect, behind: Color32) -> f32 {
        kit.text_right(r.right(), r.top(), Font::Mono(11.0), kit.t.text, &format!("{:.0} %", self.part * 100.0));
        let bar = rect(r.left(), r.top() + 12.0, r.width(), BAR);
        kit.round(bar, 3, behind);
        kit.round(bar.with_max_x(bar.left() + bar.width() * self.part.clamp(0.01, 1.0) as f32), 3, kit.t.accent);
        bar.bottom()
    }
}
