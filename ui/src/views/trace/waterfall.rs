//! Tree on the left, bars on the right, a minimap above.

use super::{Node, Nodes, toolbar};
use crate::app::State as App;
use crate::data::{duration, duration_label};
use crate::fonts::Font;
use crate::kit::{Kit, Scale, chip, rect};
use crate::views::traces::cross;
use eframe::egui::{Key, Rect, ScrollArea, Sense, Shape, Stroke, Ui, UiBuilder, pos2, vec2};

const ROW: f32 = 22.0;
/// Where bars begin, from the left of the pane.
const NAMES: f32 = 372.0;
/// What stays free for durations on the right.
const GUTTER: f32 = 74.0;

/// Places of the rows that are not hidden.
fn visible(state: &App, nodes: &Nodes) -> Vec<usize> {
    let mut out = Vec::new();
    let mut at = 0;
    while at < nodes.list.len() {
        out.push(at);
        at += 1 + if state.trace.closed.contains(&at) { nodes.list[at].n_descendants } else { 0 };
    }
    out
}

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, nodes: &Nodes) {
    let t = state.theme;
    let rows = visible(state, nodes);
    minimap(&Kit::new(ui, t), rect(r.left(), r.top(), r.width(), 52.0), nodes, &rows);
    toolbar(ui, state, rect(r.left(), r.top() + 52.0, r.width(), 36.0), nodes);
    let axis = rect(r.left(), r.top() + 88.0, r.width(), 32.0);
    let plot_w = r.width() - NAMES - GUTTER;
    let major = Scale::time_step(nodes.extent as f64, 6.0);
    let scale = Scale {
        x: r.left() + NAMES,
        y: axis.bottom() - 1.0,
        w: plot_w,
        ends: (0.0, nodes.extent as f64),
        major,
        per: 4,
        is_up: true,
    };
    {
        let kit = Kit::new(ui, t);
        kit.hline(axis.left(), axis.bottom() - 1.0, axis.width(), t.strong_line);
        kit.text(r.left() + 12.0, axis.top() + 20.0, Font::Regular(11.0), t.weak, "Service and operation");
        let n_folded = nodes.list.len() - rows.len();
        let note = if n_folded > 0 {
            format!("{} rows · {n_folded} spans folded", rows.len())
        } else {
            format!("{} rows", rows.len())
        };
        kit.text_right(r.left() + NAMES - 8.0, axis.top() + 20.0, Font::Regular(11.0), t.weak, &note);
        scale.paint(&kit, |v| if v == 0.0 { "0".into() } else { duration_label(v as i64) });
    }
    let body = Rect::from_min_max(pos2(r.left(), axis.bottom()), r.right_bottom());
    let moved = keys(ui, state, nodes, &rows);
    let mut child = ui.new_child(UiBuilder::new().id_salt("waterfall").max_rect(body));
    child.set_clip_rect(body);
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("spans");
    if moved {
        let place = rows.iter().position(|i| *i == state.trace.selected).unwrap_or(0);
        area = area.vertical_scroll_offset((place as f32 * ROW - body.height() / 2.0).max(0.0));
    }
    area.show_rows(&mut child, ROW, rows.len(), |ui, range| {
        for place in range {
            let (line, response) = ui.allocate_exact_size(vec2(body.width(), ROW), Sense::CLICK);
            let i = rows[place];
            let node = &nodes.list[i];
            let kit = Kit::new(ui, t);
            if i == state.trace.selected {
                kit.fill(line, t.bg_selected);
                kit.fill(rect(line.left(), line.top(), 2.0, ROW), t.accent);
            } else if response.hovered() {
                kit.fill(line, t.bg_hover);
            }
            let mut v = (0.0_f64).max(scale.ends.0);
            while v <= scale.ends.1 {
                kit.vline(scale.at(v).floor(), line.top(), ROW, t.hair);
                v += scale.major / 2.0;
            }
            let is_closed = state.trace.closed.contains(&i);
            name(&kit, line, node, is_closed);
            bar(&kit, line, node, &scale, state.trace.has_critical);
            if response.clicked() {
                state.trace.selected = i;
                state.route.span.clone_from(&node.span);
                let mark = line.left() + 12.0 + 16.0 * node.depth.min(14) as f32;
                let on_mark = response.interact_pointer_pos().is_some_and(|p| (p.x - mark).abs() < 12.0);
                if on_mark && node.n_descendants > 0 && !state.trace.closed.remove(&i) {
                    state.trace.closed.insert(i);
                }
            }
        }
    });
}

fn keys(ui: &Ui, state: &mut App, nodes: &Nodes, rows: &[usize]) -> bool {
    if state.is_typing || ui.egui_wants_keyboard_input() {
        return false;
    }
    let pressed = |key: Key| ui.input(|i| i.key_pressed(key));
    let place = rows.iter().position(|i| *i == state.trace.selected).unwrap_or(0);
    let before = state.trace.selected;
    if pressed(Key::J) || pressed(Key::ArrowDown) {
        state.trace.selected = rows[(place + 1).min(rows.len() - 1)];
    }
    if pressed(Key::K) || pressed(Key::ArrowUp) {
        state.trace.selected = rows[place.saturating_sub(1)];
    }
    if (pressed(Key::H) || pressed(Key::ArrowLeft)) && nodes.list[before].n_descendants > 0 {
        state.trace.closed.insert(before);
    }
    if pressed(Key::L) || pressed(Key::ArrowRight) {
        state.trace.closed.remove(&before);
    }
    state.route.span.clone_from(&nodes.list[state.trace.selected].span);
    before != state.trace.selected
}

fn minimap(kit: &Kit<'_>, r: Rect, nodes: &Nodes, rows: &[usize]) {
    let t = kit.t;
    kit.fill(r, t.bg_app);
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let w = r.width() - 24.0;
    let pitch = (44.0 / rows.len().max(1) as f32).min(1.72);
    for (place, i) in rows.iter().enumerate() {
        let node = &nodes.list[*i];
        let x = r.left() + 12.0 + w * (node.start as f64 / nodes.extent as f64) as f32;
        let width = (w * (node.duration as f64 / nodes.extent as f64) as f32).max(1.5);
        let color = if node.is_error { t.error } else { t.service(&node.service) };
        kit.fill(rect(x, r.top() + 4.0 + pitch * place as f32, width, pitch.clamp(0.6, 1.3)), color);
    }
    for x in [r.left() + 12.0, r.left() + 12.0 + w] {
        kit.fill(rect(x - 1.0, r.top(), 2.0, 50.0), t.accent);
        let grip = rect(x - 3.5, r.top() + 17.0, 7.0, 16.0);
        kit.round(grip, 2, t.bg_raised);
        kit.border(grip, 2, t.accent);
    }
}

fn name(kit: &Kit<'_>, line: Rect, node: &Node, is_closed: bool) {
    let t = kit.t;
    let indent = 16.0 * node.depth.min(14) as f32;
    let x = line.left() + 12.0 + indent;
    let y = line.top();
    for d in 0..node.depth.min(14) {
        kit.vline(line.left() + 16.0 + 16.0 * d as f32, y, ROW, t.strong_line);
    }
    if node.depth > 0 && node.depth <= 14 {
        kit.hline(x - 12.0, y + 11.0, 8.0, t.strong_line);
    }
    if node.n_descendants > 0 {
        let (points, color) = if is_closed {
            (vec![pos2(x + 2.0, y + 7.0), pos2(x + 2.0, y + 15.0), pos2(x + 7.0, y + 11.0)], t.accent)
        } else {
            (vec![pos2(x, y + 9.0), pos2(x + 8.0, y + 9.0), pos2(x + 4.0, y + 14.0)], t.weak)
        };
        kit.paint.add(Shape::convex_polygon(points, color, Stroke::NONE));
    }
    chip(kit, x + 13.0, y + 5.0, &node.service);
    let (font, color) = if node.is_error { (Font::Medium(12.0), t.error) } else { (Font::Regular(12.0), t.strong) };
    let right = line.left() + NAMES - 24.0;
    let mut at = kit.text_in(x + 36.0, y + 15.0, right - x - 36.0, font, color, &node.name);
    if matches!(node.kind.as_str(), "Client" | "Producer" | "Consumer") && at + 60.0 < right {
        at = kit.text(at + 5.0, y + 14.0, Font::Regular(10.5), t.weak, &node.kind.to_lowercase());
    }
    if is_closed && at + 70.0 < right {
        kit.text_right(
            line.left() + NAMES - 20.0,
            y + 14.0,
            Font::Mono(10.0),
            t.weak,
            &format!("{} spans", node.n_descendants + 1),
        );
    }
    if node.is_error {
        cross(kit, line.left() + NAMES - 16.0, y + 7.0);
    }
}

fn bar(kit: &Kit<'_>, line: Rect, node: &Node, scale: &Scale, has_critical: bool) {
    let t = kit.t;
    let y = line.top();
    let x = scale.at(node.start as f64);
    let w = (scale.at((node.start + node.duration) as f64) - x).max(2.0);
    kit.round(rect(x, y + 6.0, w, 10.0), 2, t.service(&node.service));
    if node.is_error {
        kit.fill(rect(x, y + 4.0, w, 2.0), t.error);
        kit.fill(rect(x - 1.0, y + 2.0, 2.0, 16.0), t.error);
    }
    if has_critical && node.is_critical {
        kit.fill(rect(x, y + 18.0, w, 2.0), t.strong);
    }
    if node.n_logs > 0 {
        kit.fill(rect(x - 1.0, y, 2.0, 3.5), t.ok);
    }
    let color = if node.is_error { t.error } else { t.text };
    let mut text = duration(node.duration);
    let note = node.message.lines().next().unwrap_or_default();
    if node.is_error && !note.is_empty() && w < scale.w * 0.6 {
        text += &format!("   {}", note.chars().take(40).collect::<String>());
    }
    let width = kit.width(Font::Mono(10.5), &text);
    if x + w + 8.0 + width < line.right() - 4.0 {
        kit.text(x + w + 8.0, y + 15.0, Font::Mono(10.5), color, &text);
    } else if x - 8.0 - width > scale.x {
        kit.text_right(x - 8.0, y + 15.0, Font::Mono(10.5), color, &text);
    } else {
        kit.text(x + w + 8.0, y + 15.0, Font::Mono(10.5), color, &duration(node.duration));
    }
}
