//! The minimap: the whole trace, and a window in it that is dragged by its middle or its ends.

use crate::app::State as App;
use crate::kit::{Kit, rect};
use eframe::egui::{CursorIcon, Id, Rect, Sense, Ui};
use sextant_charts::{Rows, Skeleton};
use std::rc::Rc;

/// What is being dragged.
#[derive(Debug, Clone, Copy)]
pub(super) enum Drag {
    /// The window, held at this time from its start.
    Window(f64),
    /// Its start.
    Start,
    /// Its end.
    End,
    /// A new window from this time on.
    New(f64),
}

/// How near an end has to be to be taken.
const NEAR: f32 = 7.0;

pub(super) fn show(ui: &Ui, state: &mut App, r: Rect, all: &Skeleton, rows: &Rows) {
    if state.trace.map.as_ref().is_none_or(|(width, _)| (width - r.width()).abs() > 0.5) {
        state.trace.map = Some((r.width(), Rc::new(sextant_charts::minimap(all, rows, r.width()))));
    }
    let t = state.theme;
    let kit = Kit::new(ui, t);
    kit.fill(r, t.bg_app);
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    if let Some((_, map)) = &state.trace.map {
        kit.scene(map, r.left(), r.top());
    }
    let (left, w) = (r.left() + 12.0, r.width() - 24.0);
    let extent = all.extent as f64;
    let x = |time: f64| left + (time / extent) as f32 * w;
    let time = |x: f32| f64::from((x - left) / w) * extent;
    let (from, to) = state.trace.shown(all);
    for part in [rect(left, r.top(), x(from) - left, 51.0), rect(x(to), r.top(), left + w - x(to), 51.0)] {
        kit.fill(part, t.bg_app.gamma_multiply(0.62));
    }
    let response = ui.interact(r, Id::unique("minimap"), Sense::click_and_drag());
    let at = response.hover_pos().map(|p| p.x);
    let is_near = |end: f64| at.is_some_and(|at| (at - x(end)).abs() < NEAR);
    if is_near(from) || is_near(to) {
        response.clone().on_hover_cursor(CursorIcon::ResizeHorizontal);
    }
    let press = ui.input(|i| i.pointer.press_origin()).map(|p| p.x);
    if let (true, Some(press)) = (response.drag_started(), press) {
        let pressed = time(press);
        state.trace.drag = Some(if (press - x(from)).abs() < NEAR {
            Drag::Start
        } else if (press - x(to)).abs() < NEAR {
            Drag::End
        } else if state.trace.window.is_some() && pressed > from && pressed < to {
            Drag::Window(pressed - from)
        } else {
            Drag::New(pressed)
        });
    }
    if let (Some(drag), Some(p)) = (state.trace.drag, response.interact_pointer_pos()) {
        let now = time(p.x).clamp(0.0, extent);
        let window = match drag {
            Drag::Window(held) => (now - held, now - held + to - from),
            Drag::Start => (now.min(to - 1_000.0), to),
            Drag::End => (from, now.max(from + 1_000.0)),
            Drag::New(start) => (start.min(now), start.max(now)),
        };
        if response.dragged() {
            state.trace.show(all, window);
        }
    }
    if response.drag_stopped() {
        state.trace.drag = None;
    }
    if response.double_clicked() {
        state.trace.window = None;
    }
    let (from, to) = state.trace.shown(all);
    let kit = Kit::new(ui, t);
    for x in [x(from), x(to)] {
        kit.fill(rect(x - 1.0, r.top(), 2.0, 50.0), t.accent);
        let grip = rect(x - 3.5, r.top() + 17.0, 7.0, 16.0);
        kit.round(grip, 2, t.bg_raised);
        kit.border(grip, 2, t.accent);
    }
}
