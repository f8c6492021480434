//! Keeping a trace from every retention policy.

use crate::app::State as App;
use crate::kit::{Button, Kit, button};
use crate::overlay::notices::Notice;
use eframe::egui::Ui;
use sextant_charts::Skeleton;
use sextant_contract::{Ask, Command, PinAsk};

/// The number of the pin that the open trace has.
fn pinned(ui: &Ui, state: &mut App) -> Option<i64> {
    let status = state.asks.ask(ui.ctx(), "status", false, || Ask::Status);
    let object = status.get()?.object.as_ref()?;
    let pins = object["pins"].as_array()?;
    pins.iter().find(|p| p["trace"] == state.route.trace.as_str()).and_then(|p| p["id"].as_i64())
}

/// The button at `right`; returns where it begins.
pub(super) fn show(ui: &Ui, state: &mut App, right: f32, y: f32, all: &Skeleton) -> f32 {
    let pin = pinned(ui, state);
    let text = if pin.is_some() { "Pinned" } else { "Pin" };
    let b = Button { text, icon: pin.map(|_| "check"), ..Button::default() };
    let kit = Kit::new(ui, state.theme);
    let x = right - b.width(&kit);
    let words = "A pinned trace is taken away by no retention policy";
    if !button(&kit, x, y, b).on_hover_text(words).clicked() {
        return x;
    }
    let (command, said) = if let Some(id) = pin {
        (Command::Unpin { id }, "Retention policies may take this trace away again")
    } else {
        let trace = Some(state.route.trace.clone());
        let project = Some(all.project.clone()).filter(|p| !p.is_empty());
        (Command::Pin(PinAsk { trace, project, ..PinAsk::default() }), "No retention policy takes this trace away")
    };
    state.asks.act_then_forget(ui.ctx(), command, "status");
    state.notices.push(Notice::said(said.into()));
    x
}
