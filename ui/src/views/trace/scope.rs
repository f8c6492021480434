//! A part of a trace as if it were all of it, the way back, and the trace as others read it.

use super::Shape;
use crate::app::State as App;
use crate::commands::Do;
use crate::data::thousands;
use crate::kit::{Button, Kit, button};
use crate::overlay::notices::Notice;
use eframe::egui::Ui;
use sextant_charts::{Folds, Skeleton};
use sextant_contract::{Ask, AskError, Code};

/// What was folded, and the time that was shown.
pub(super) type Before = (Folds, Option<(f64, f64)>);

/// So many steps can be undone, as long as they name no more spans than this.
const MAX_STEPS: usize = 100;
const MAX_NAMED: usize = 1_000_000;
/// Longer traces are no matter for a clipboard.
const MAX_COPIED: usize = 20_000;

/// Keeps a step for undo.
pub(super) fn remember(before: &mut Vec<Before>, step: Before) {
    before.push(step);
    let mut named = 0;
    let is_kept = |(folds, _): &Before| {
        named += folds.closed.len() + folds.open_groups.len();
        named <= MAX_NAMED
    };
    let n_kept = before.iter().rev().take(MAX_STEPS).map(is_kept).take_while(|is_kept| *is_kept).count();
    before.drain(..before.len() - n_kept);
}

/// Says the same of a trace to which spans have come.
pub(super) fn moved(folds: &mut Folds, old: &Skeleton, all: &Skeleton, moved: impl Fn(&usize) -> Option<usize>) {
    folds.closed = folds.closed.iter().filter_map(&moved).collect();
    folds.open_groups = folds.open_groups.iter().filter_map(&moved).collect();
    folds.root = folds.root.and_then(|root| moved(&root));
    folds.service = folds.service.and_then(|number| all.service_number(old.service_name(number)?));
}

/// Carries out what keys and palette asked for. What is left out is left out of the waterfall.
pub(super) fn commands(state: &mut App, all: &Skeleton) {
    let at = state.trace.selected.0;
    if state.takes(Do::Root) {
        let root = (at > 0 && state.trace.folds.root != Some(at)).then_some(at);
        state.trace.fold(|f| {
            f.root = root;
            f.closed.remove(&at);
        });
        // Its own time fills the width.
        let whole = state.trace.folds.whole(all);
        let from = whole.clone().map(|i| all.span(i).start()).min().unwrap_or(0);
        let to = whole.map(|i| all.span(i).end()).max().unwrap_or(all.extent);
        state.trace.show(all, (from as f64, to as f64));
        seek(state);
    }
    if state.takes(Do::Isolate) {
        let service = all.span(at).what().0;
        let is_on = state.trace.folds.service == Some(service);
        state.trace.fold(|f| f.service = (!is_on).then_some(service));
        seek(state);
    }
    if state.takes(Do::Undo) {
        if let Some((folds, window)) = state.trace.before.pop() {
            (state.trace.folds, state.trace.window) = (folds, window);
            state.trace.rows = None;
            state.trace.map = None;
        } else {
            let text = "Nothing was folded or left out that could be undone";
            state.notices.push(Notice::said(text.into()));
        }
        seek(state);
    }
    if state.takes(Do::CopyTrace) {
        if all.len() > MAX_COPIED {
            let n = thousands(all.len() as i64);
            let e = AskError::new(Code::BadQuery, format!("{n} spans are too many for the clipboard"))
                .hint(format!("write them to a file with: sextant trace {} --format otlp-json", state.route.trace));
            state.notices.push(Notice::failed(&e));
        } else {
            state.trace.is_copying = true;
        }
    }
}

/// Brings the selected span into sight.
fn seek(state: &mut App) {
    state.trace.shape = Shape::Waterfall;
    state.trace.is_sought = true;
}

/// Puts the trace on the clipboard once it has come, as it was sent.
pub(super) fn copy(ui: &Ui, state: &mut App, all: &Skeleton) {
    if !state.trace.is_copying {
        return;
    }
    let id = state.route.trace.clone();
    let name = format!("otlp {id} {}", all.generation);
    let slot = state.asks.ask(ui.ctx(), &name, false, || Ask::TraceOtlp { id });
    let notice = match (&slot.error, slot.get().and_then(|a| a.object.as_ref())) {
        (_, Some(object)) => {
            ui.copy_text(format!("{object:#}"));
            Notice::said(format!("Copied {} spans as OTLP JSON", thousands(all.len() as i64)))
        }
        (Some(e), None) => Notice::failed(e),
        (None, None) => return,
    };
    state.asks.forget(&name);
    state.notices.push(notice);
    state.trace.is_copying = false;
}

/// Something that leaves a part of the trace out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Root,
    Service,
}

impl Limit {
    /// Shows what it leaves out.
    pub fn lift(self, folds: &mut Folds) {
        match self {
            Self::Root => folds.root = None,
            Self::Service => folds.service = None,
        }
    }
}

fn shape(text: &str) -> Button<'_> {
    Button { text, icon: Some("x"), is_small: true, ..Button::default() }
}

/// Buttons for what leaves a part of the trace out, up to `right`; says which was clicked.
pub(super) fn limits(kit: &Kit<'_>, x: f32, y: f32, right: f32, folds: &Folds, all: &Skeleton) -> Option<Limit> {
    let below = folds.root.map(|root| (Limit::Root, format!("below {}", all.span(root).name())));
    let only = folds.service.and_then(|number| all.service_name(number));
    let only = only.map(|name| (Limit::Service, format!("only {name}")));
    let mut clicked = None;
    let mut at = x;
    for (limit, mut text) in [below, only].into_iter().flatten() {
        while at + shape(&text).width(kit) > right && text.chars().count() > 8 {
            let n = text.chars().count();
            text = text.chars().take(n - 2).chain(['…']).collect();
        }
        let b = shape(&text);
        if button(kit, at, y, b).on_hover_text("Show the rest again (u undoes)").clicked() {
            clicked = Some(limit);
        }
        at += b.width(kit) + 8.0;
    }
    clicked
}
