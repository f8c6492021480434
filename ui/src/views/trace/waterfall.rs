//! Tree on the left, bars on the right, a minimap above and the critical path below.

use super::{minimap, select, toolbar};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::duration;
use crate::fonts::Font;
use crate::kit::{Kit, rect};
use eframe::egui::{self, Rect, ScrollArea, Sense, Ui, UiBuilder, pos2, vec2};
use sextant_charts::{Row, Rows, Scale, Scene, Skeleton, Waterfall, critical_strip};

const ROW: f32 = Waterfall::ROW;
const STRIP: f32 = 56.0;

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, all: &Skeleton) {
    let t = state.theme;
    commands(state, all);
    let rows = state.trace.rows(all);
    minimap::show(ui, state, rect(r.left(), r.top(), r.width(), 52.0), all, &rows);
    toolbar(ui, state, rect(r.left(), r.top() + 52.0, r.width(), 36.0), all);
    let rows = state.trace.rows(all);
    let axis = rect(r.left(), r.top() + 88.0, r.width(), 32.0);
    let mut fall = Waterfall {
        all,
        rows: &rows,
        width: r.width(),
        window: state.trace.shown(all),
        has_critical: state.trace.has_critical,
        is_adjusted: state.trace.is_adjusted,
        readout: None,
    };
    let strip = if state.trace.has_critical && r.height() > 300.0 { STRIP } else { 0.0 };
    let body = Rect::from_min_max(pos2(r.left(), axis.bottom()), r.right_bottom() - vec2(0.0, strip));
    let scale = fall.scale();
    let plot =
        Rect::from_min_max(pos2(r.left() + scale.x, axis.top()), pos2(r.left() + scale.x + scale.w, body.bottom()));
    let pointer = pointer(ui, state, plot, &scale).map(|(x, text)| {
        let readout = readout(&Kit::new(ui, t), plot, x, &text);
        fall.readout = Some((readout.left() - r.left() - 4.0, readout.right() - r.left() + 4.0));
        (x, readout, text)
    });
    Kit::new(ui, t).inside(axis).scene(&fall.axis(32.0), axis.left(), axis.top());
    let (from, to) = fall.window;
    let within = (all.origin + from as i64, all.origin + to as i64);
    let marked =
        Rect::from_min_max(pos2(r.left() + scale.x, axis.bottom()), pos2(r.left() + scale.x + scale.w, body.bottom()));
    crate::marks::draw(&Kit::new(ui, t), marked, within);
    wheel(ui, state, body, &scale, all);
    let selected = state.trace.row(&rows);
    let mut child = ui.new_child(UiBuilder::new().id_salt("waterfall").max_rect(body));
    child.set_clip_rect(body);
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("spans");
    if std::mem::take(&mut state.trace.is_sought) {
        area = area.vertical_scroll_offset((selected as f32 * ROW - body.height() / 2.0).max(0.0));
    }
    let mut clicked = None;
    let mut labels = Vec::new();
    area.show_rows(&mut child, ROW, rows.list.len(), |ui, range| {
        for number in range {
            let (line, response) = ui.allocate_exact_size(vec2(body.width(), ROW), Sense::CLICK);
            let row = &rows.list[number];
            let kit = Kit::new(ui, t);
            kit.row_back(line, number == selected, response.hovered());
            let plot = rect(line.left() + Waterfall::NAMES - 5.0, line.top(), scale.w + 10.0, ROW);
            kit.inside(plot).scene(&fall.bar(row, &scale), line.left(), line.top());
            kit.scene(&fall.name(row), line.left(), line.top());
            labels.push((line, fall.label(row, &scale)));
            Kit::describe(&response, || {
                let span = all.span(row.place);
                let word = if span.is_error() { ", error" } else { "" };
                let n = row.group.map(|g| format!("{} × ", rows.groups[g].members.len())).unwrap_or_default();
                format!("{n}{} {}, {}{word}", span.service(), span.name(), duration(span.duration()))
            });
            if response.clicked() {
                let mark = line.left() + 16.0 + 16.0 * row.depth.min(14) as f32;
                let on_mark = response.interact_pointer_pos().is_some_and(|p| (p.x - mark).abs() < 10.0);
                clicked = Some((number, on_mark || response.double_clicked()));
            }
        }
    });
    if let Some((number, is_fold)) = clicked {
        let row = rows.list[number].clone();
        choose(state, all, &row);
        if is_fold && row.can_fold {
            set_open(state, &row, row.is_closed);
        }
    }
    if let Some((x, readout, text)) = pointer {
        index(&Kit::new(ui, t), axis, body.bottom(), x, readout, &text);
    }
    let kit = Kit::new(ui, t).inside(body);
    for (line, label) in labels {
        kit.inside(line).scene(&label, line.left(), line.top());
    }
    if strip > 0.0 {
        let kit = Kit::new(ui, t);
        kit.scene(&critical_strip(all, r.width()), r.left(), body.bottom());
    }
}

fn choose(state: &mut App, all: &Skeleton, row: &Row) {
    state.trace.selected = (row.place, row.group.is_some());
    state.route.span = all.span(row.place).id();
}

fn set_open(state: &mut App, row: &Row, is_open: bool) {
    let (place, is_group) = (row.place, row.group.is_some());
    state.trace.fold(|f| match (is_group, is_open) {
        (true, true) => drop(f.open_groups.insert(place)),
        (true, false) => drop(f.open_groups.remove(&place)),
        (false, true) => drop(f.closed.remove(&place)),
        (false, false) => drop(f.closed.insert(place)),
    });
}

/// Carries out what keys, palette and menu asked for.
fn commands(state: &mut App, all: &Skeleton) {
    let rows = state.trace.rows(all);
    let at = state.trace.row(&rows);
    let last = rows.list.len().saturating_sub(1);
    let mut to = state.walk(at, last);
    folding(state, all, &rows, at, &mut to);
    if to != at {
        choose(state, all, &rows.list[to]);
        state.trace.is_sought = true;
    }
    errors(state, all);
    window(state, all);
}

fn folding(state: &mut App, all: &Skeleton, rows: &Rows, at: usize, to: &mut usize) {
    let Some(row) = rows.list.get(at) else { return };
    if state.takes(Do::Fold) {
        if row.can_fold && !row.is_closed {
            set_open(state, row, false);
        } else if let Some(above) = (0..at).rev().find(|i| rows.list[*i].depth < row.depth) {
            *to = above;
        }
    }
    if state.takes(Do::Unfold) && row.is_closed {
        set_open(state, row, true);
    }
    if state.takes(Do::UnfoldAll) {
        let groups = all.alike().firsts.iter().copied().collect();
        state.trace.fold(|f| {
            f.closed.clear();
            f.open_groups = groups;
        });
    }
    if state.takes(Do::FoldAll) {
        let has_children = |i: &usize| all.span(*i).depth() > 0 && all.span(*i).n_descendants() > 0;
        let closed = (0..all.len()).filter(has_children).collect();
        state.trace.fold(|f| {
            f.closed = closed;
            f.open_groups.clear();
        });
        // What was selected is hidden now: the row that hides it is selected.
        let place = state.trace.selected.0;
        let above = (0..=place).rev().find(|i| all.span(*i).depth() <= 1 && place <= i + all.span(*i).n_descendants());
        state.trace.selected = (above.unwrap_or(0), false);
        state.route.span = all.span(above.unwrap_or(0)).id();
    }
    if state.takes(Do::CriticalPath) {
        state.trace.has_critical = !state.trace.has_critical;
    }
}

fn errors(state: &mut App, all: &Skeleton) {
    let at = state.trace.selected.0;
    let is_error = |i: &usize| all.span(*i).is_error();
    let next = if state.takes(Do::NextError) {
        (at + 1..all.len()).find(is_error)
    } else if state.takes(Do::PreviousError) {
        (0..at).rev().find(is_error)
    } else {
        None
    };
    if let Some(place) = next {
        select(state, place);
    }
}

/// Zooms and pans by keys.
fn window(state: &mut App, all: &Skeleton) {
    let (from, to) = state.trace.shown(all);
    let (span, middle) = (to - from, f64::midpoint(from, to));
    let around = |share: f64| (middle - span * share, middle + span * share);
    let wanted = if state.takes(Do::ZoomIn) {
        around(0.3)
    } else if state.takes(Do::Widen) {
        around(0.8)
    } else if state.takes(Do::PanLeft) {
        (from - span * 0.2, to - span * 0.2)
    } else if state.takes(Do::PanRight) {
        (from + span * 0.2, to + span * 0.2)
    } else if state.takes(Do::Fit) {
        let s = all.span(state.trace.selected.0);
        let margin = s.duration() as f64 * 0.05;
        (s.start() as f64 - margin, s.end() as f64 + margin)
    } else if state.takes(Do::Reset) || (state.trace.window.is_some() && state.takes(Do::Close)) {
        (0.0, all.extent as f64)
    } else {
        return;
    };
    state.trace.show(all, wanted);
}

/// Zooms with the wheel and Ctrl around the pointer.
fn wheel(ui: &Ui, state: &mut App, body: Rect, scale: &Scale, all: &Skeleton) {
    let zoom = f64::from(ui.input(egui::InputState::zoom_delta));
    let Some(at) = ui.input(|i| i.pointer.hover_pos()).filter(|p| body.contains(*p)) else { return };
    if (zoom - 1.0).abs() < 1e-3 || at.x < body.left() + Waterfall::NAMES {
        return;
    }
    let held = scale.value(at.x - body.left());
    let (from, to) = state.trace.shown(all);
    state.trace.show(all, (held - (held - from) / zoom, held + (to - held) / zoom));
}

/// Where the pointer is on the time line, and what is written there.
fn pointer(ui: &Ui, state: &App, plot: Rect, scale: &Scale) -> Option<(f32, String)> {
    let at = ui.input(|i| i.pointer.hover_pos()).filter(|p| plot.contains(*p))?;
    let is_covered = state.palette.is_some() || state.is_sheet_open;
    (!is_covered).then(|| (at.x, duration(scale.value(at.x - plot.left() + scale.x) as i64)))
}

/// Where the readout lies.
fn readout(kit: &Kit<'_>, plot: Rect, x: f32, text: &str) -> Rect {
    let w = kit.width(Font::MonoSemibold(10.5), text) + 10.0;
    rect((x - w / 2.0).clamp(plot.left(), plot.right() + 40.0 - w), plot.top() + 5.0, w, 17.0)
}

/// The brass index under the pointer, with the time that it is at.
fn index(kit: &Kit<'_>, axis: Rect, bottom: f32, x: f32, readout: Rect, text: &str) {
    let mut scene = Scene::default();
    scene.index(x, axis.bottom() - 6.0, bottom - axis.bottom() + 6.0);
    kit.scene(&scene, 0.0, 0.0);
    kit.round(readout, 2, kit.t.accent);
    kit.text(readout.left() + 5.0, readout.top() + 12.0, Font::MonoSemibold(10.5), kit.t.on_accent, text);
}
