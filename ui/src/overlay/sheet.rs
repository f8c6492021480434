//! The sheet of keys, made of the table of commands.

use super::sheet_frame;
use crate::app::State;
use crate::commands::{Entry, TABLE};
use crate::fonts::Font;
use crate::kit::{Kit, key, rect};
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder, vec2};

/// How wide a column is at least.
const COLUMN: f32 = 300.0;
const LINE: f32 = 25.0;

/// All groups in the order of the table.
fn groups() -> Vec<&'static str> {
    let mut all: Vec<&str> = Vec::new();
    for entry in TABLE.iter().filter(|e| !e.keys.is_empty()) {
        if !all.contains(&entry.group) {
            all.push(entry.group);
        }
    }
    all
}

fn height(group: &str) -> f32 {
    44.0 + LINE * entries(group).count() as f32
}

/// Groups by column: each goes where the least is, so that columns are about as long.
fn columns(n: usize) -> Vec<Vec<&'static str>> {
    let mut all: Vec<(f32, Vec<&str>)> = vec![(0.0, Vec::new()); n];
    let mut groups = groups();
    groups.sort_by(|a, b| height(b).total_cmp(&height(a)));
    for group in groups {
        if let Some(column) = all.iter_mut().min_by(|a, b| a.0.total_cmp(&b.0)) {
            column.0 += height(group);
            column.1.push(group);
        }
    }
    all.into_iter().map(|(_, groups)| groups).collect()
}

pub(super) fn show(ui: &mut Ui, state: &mut State, whole: Rect, is_left: bool) -> bool {
    let t = state.theme;
    let w = 1_000.0_f32.min(whole.width() - 24.0);
    let columns = columns(((w / COLUMN) as usize).clamp(1, 3));
    let body = columns.iter().map(|c| c.iter().map(|g| height(g)).sum::<f32>()).fold(0.0, f32::max) + 16.0;
    let h = (44.0 + body + 36.0).min(whole.height() - 24.0);
    let r = rect((whole.width() - w) / 2.0, 96.0_f32.min((whole.height() - h) / 2.0).max(12.0), w, h);
    let is_closed = {
        let kit = Kit::new(ui, t);
        sheet_frame(&kit, whole, r);
        let is_closed = super::sheet_title(&kit, r, "Keys", "what works where you are is bright", "close sheet");
        let foot = rect(r.left() + 1.0, r.bottom() - 37.0, r.width() - 2.0, 36.0);
        kit.fill(foot, t.bg_raised);
        kit.hline(foot.left(), foot.top(), foot.width(), t.hair);
        let words = "Canvas keys follow Perfetto, list keys follow vi.";
        kit.text(foot.left() + 20.0, foot.top() + 22.5, Font::Regular(12.0), t.text, words);
        is_closed
    };
    let inside = rect(r.left() + 1.0, r.top() + 45.0, r.width() - 2.0, h - 45.0 - 37.0);
    let column = inside.width() / columns.len() as f32;
    let mut child = ui.new_child(UiBuilder::new().id_salt("sheet").max_rect(inside));
    child.set_clip_rect(inside);
    ScrollArea::vertical().auto_shrink(false).id_salt("sheet").show_viewport(&mut child, |ui, _| {
        ui.set_min_size(vec2(inside.width(), body));
        let top = ui.min_rect().top();
        let kit = Kit::new(ui, t);
        for (i, groups) in columns.iter().enumerate() {
            let x = inside.left() + column * i as f32;
            if i > 0 {
                kit.vline(x, top, body.max(inside.height()), t.hair);
            }
            let mut y = top + 12.0;
            for group in groups {
                kit.text(x + 20.0, y + 20.0, Font::Semibold(12.0), t.strong, group);
                y += 32.0;
                for entry in entries(group) {
                    line(&kit, entry, (x, y), column, state);
                    y += LINE;
                }
                y += 12.0;
            }
        }
    });
    is_left && !ui.input(|i| i.pointer.interact_pos()).is_some_and(|p| r.contains(p)) || is_closed
}

/// The keys of a command, and what it does.
fn line(kit: &Kit<'_>, entry: &Entry, (x, y): (f32, f32), column: f32, state: &State) {
    let mut at = x + 20.0;
    for cap in entry.keys[0].split(' ') {
        at = key(kit, at, y + 5.0, cap) + 4.0;
    }
    if let Some(other) = entry.keys.get(1) {
        key(kit, at, y + 5.0, other);
    }
    let color = if entry.place.is_in(state.route.view) { kit.t.strong } else { kit.t.weak };
    let text = x + 132.0_f32.max(at - x + 8.0);
    kit.text_in(text, y + 16.5, x + column - 12.0 - text, Font::Regular(12.0), color, entry.text);
}

fn entries(group: &str) -> impl Iterator<Item = &'static Entry> {
    TABLE.iter().filter(move |e| e.group == group && !e.keys.is_empty())
}
