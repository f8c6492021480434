//! Text placed by its baseline, as designs measure it.

use super::Kit;
use crate::fonts::Font;
use eframe::egui::text::{LayoutJob, LayoutSection, TextFormat, TextWrapping};
use eframe::egui::{Color32, Galley, pos2};
use std::sync::Arc;
use unicode_bidi::{BidiInfo, Level};

fn galley(kit: &Kit<'_>, font: Font, color: Color32, text: &str, width: f32) -> Arc<Galley> {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut job = if clean.chars().any(is_rtl) {
        ordered(&clean, &TextFormat::simple(font.id(), color))
    } else {
        LayoutJob::simple_singleline(clean, font.id(), color)
    };
    if width.is_finite() {
        job.wrap = TextWrapping::truncate_at_width(width.max(1.0));
    }
    kit.paint.layout_job(job)
}

/// Whether a letter is of a script that is written from right to left.
fn is_rtl(c: char) -> bool {
    matches!(c, '\u{590}'..='\u{8ff}' | '\u{fb1d}'..='\u{fdff}' | '\u{fe70}'..='\u{feff}' | '\u{10800}'..='\u{10fff}'
        | '\u{1e800}'..='\u{1efff}')
}

/// The runs of a line in the order in which they are seen: egui lays out each in the direction of its script, but puts them
/// one after the other as they were written.
fn ordered(text: &str, format: &TextFormat) -> LayoutJob {
    let mut job = LayoutJob { break_on_newline: false, ..LayoutJob::default() };
    let info = BidiInfo::new(text, Some(Level::ltr()));
    for paragraph in &info.paragraphs {
        let (_, runs) = info.visual_runs(paragraph, paragraph.range.clone());
        for run in runs {
            // Not `append`: it joins what looks alike, and each run is to be laid out by itself.
            let start = job.text.len();
            job.text.push_str(&text[run]);
            let byte_range = start.into()..job.text.len().into();
            job.sections.push(LayoutSection { leading_space: 0.0, byte_range, format: format.clone() });
        }
    }
    job
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_come_in_the_order_in_which_they_are_seen() {
        let seen = |text: &str| {
            let job = ordered(text, &TextFormat::default());
            let parts = job.sections.iter().map(|s| job.text[s.byte_range.start.0..s.byte_range.end.0].to_owned());
            parts.collect::<Vec<_>>()
        };
        assert_eq!(seen("שלום world"), ["שלום", " world"]);
        // Numbers within right-to-left text keep their own order; the runs around them change sides.
        assert_eq!(seen("id אבג 123 דהו end"), ["id ", " דהו", "123", "אבג ", " end"]);
        assert!("مرحبا".chars().all(is_rtl) && !"漢字 – é".chars().any(is_rtl));
    }
}
