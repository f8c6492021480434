//! The sheet of keys, made of the table of commands.

use super::sheet_frame;
use crate::app::State;
use crate::commands::{Entry, TABLE};
use crate::fonts::Font;
use crate::kit::{Kit, key, rect};
use eframe::egui::{Rect, Ui};

/// Groups of each column, with room for three, two or one.
const THREE: &[&[&str]] = &[&["Everywhere", "Go to"], &["Lists and tree", "File"], &["Time line", "Time"]];
const TWO: &[&[&str]] = &[&["Everywhere", "Go to", "Time"], &["Lists and tree", "File", "Time line"]];
const ONE: &[&[&str]] = &[&["Everywhere", "Go to", "Lists and tree", "Time line", "Time", "File"]];
/// How wide a column is at least.
const COLUMN: f32 = 300.0;

pub(super) fn show(ui: &Ui, state: &mut State, whole: Rect, is_left: bool) -> bool {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let w = 1_000.0_f32.min(whole.width() - 24.0);
    let columns = match w {
        w if w >= 3.0 * COLUMN => THREE,
        w if w >= 2.0 * COLUMN => TWO,
        _ => ONE,
    };
    let lines = |groups: &[&str]| groups.iter().map(|g| 36.0 + 25.0 * entries(g).count() as f32 + 8.0).sum::<f32>();
    let body = columns.iter().map(|c| lines(c)).fold(0.0, f32::max) + 16.0;
    let h = (44.0 + body + 36.0).min(whole.height() - 24.0);
    let r = rect((whole.width() - w) / 2.0, 96.0_f32.min((whole.height() - h) / 2.0).max(12.0), w, h);
    sheet_frame(&kit, whole, r);
    let end = kit.text(r.left() + 21.0, r.top() + 27.5, Font::Semibold(15.0), t.strong, "Keys");
    kit.text(end + 9.0, r.top() + 26.5, Font::Regular(12.0), t.weak, "what works where you are is bright");
    let esc = kit.click(rect(r.right() - 60.0, r.top() + 8.0, 48.0, 28.0), "close sheet", "Close");
    key(&kit, r.right() - 49.0, r.top() + 14.5, "Esc");
    kit.hline(r.left() + 1.0, r.top() + 44.0, r.width() - 2.0, t.strong_line);
    let column = (r.width() - 2.0) / columns.len() as f32;
    let bottom = r.bottom() - 37.0;
    for (i, groups) in columns.iter().enumerate() {
        let x = r.left() + 1.0 + column * i as f32;
        if i > 0 {
            kit.vline(x, r.top() + 45.0, r.height() - 81.0, t.hair);
        }
        let mut y = r.top() + 57.0;
        for group in *groups {
            kit.text(x + 20.0, y + 20.0, Font::Semibold(12.0), t.strong, group);
            y += 32.0;
            for entry in entries(group) {
                if y + 25.0 > bottom {
                    break;
                }
                let mut at = x + 20.0;
                for cap in entry.keys[0].split(' ') {
                    at = key(&kit, at, y + 5.0, cap) + 4.0;
                }
                if let Some(other) = entry.keys.get(1) {
                    key(&kit, at, y + 5.0, other);
                }
                let color = if entry.place.is_in(state.route.view) { t.strong } else { t.weak };
                kit.text_in(x + 132.0, y + 16.5, column - 144.0, Font::Regular(12.0), color, entry.text);
                y += 25.0;
            }
            y += 12.0;
        }
    }
    let foot = rect(r.left() + 1.0, r.bottom() - 37.0, r.width() - 2.0, 36.0);
    kit.fill(foot, t.bg_raised);
    kit.hline(foot.left(), foot.top(), foot.width(), t.hair);
    let words = "Canvas keys follow Perfetto, list keys follow vi.";
    kit.text(foot.left() + 20.0, foot.top() + 22.5, Font::Regular(12.0), t.text, words);
    is_left && !ui.input(|i| i.pointer.interact_pos()).is_some_and(|p| r.contains(p)) || esc.clicked()
}

fn entries(group: &str) -> impl Iterator<Item = &'static Entry> {
    TABLE.iter().filter(move |e| e.group == group && !e.keys.is_empty())
}
