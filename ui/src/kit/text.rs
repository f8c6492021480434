//! Text placed by its baseline, as designs measure it.

use super::Kit;
use crate::fonts::Font;
use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{Color32, Galley, pos2};
use std::sync::Arc;

fn galley(kit: &Kit<'_>, font: Font, color: Color32, text: &str, width: f32) -> Arc<Galley> {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut job = LayoutJob::simple_singleline(clean, font.id(), color);
    if width.is_finite() {
        job.wrap = TextWrapping::truncate_at_width(width.max(1.0));
    }
    kit.paint.layout_job(job)
}

/// Paints and returns the width.
pub(super) fn draw(kit: &Kit<'_>, x: f32, bl: f32, font: Font, color: Color32, text: &str, width: f32) -> f32 {
    if text.is_empty() {
        return 0.0;
    }
    let galley = galley(kit, font, color, text, width);
    let baseline = galley.rows.first().map_or(0.0, |row| row.pos.y + row.glyphs.first().map_or(0.0, |g| g.pos.y));
    let size = galley.size().x;
    kit.paint.galley(pos2(x, bl - baseline), galley, color);
    size
}

pub(super) fn width(kit: &Kit<'_>, font: Font, text: &str) -> f32 {
    galley(kit, font, Color32::PLACEHOLDER, text, f32::INFINITY).size().x
}
