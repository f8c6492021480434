//! What it would cost to keep it otherwise, and what would be lost: a policy on the left, what follows beside it, live.

mod apply;
mod doc;
mod follows;
mod loses;
mod policy;
mod prices;

use crate::app::State as App;
use crate::fonts::Font;
use crate::kit::{Kit, rect};
use crate::overlay::notices::Notice;
use crate::route::{Route, View};
use doc::Doc;
use eframe::egui::{Rect, Ui};
use serde_json::Value;
use sextant_contract::{Answer, Ask, AskError, Period};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Left, and right.
const EDITOR: f32 = 348.0;
const SIDE: f32 = 408.0;
/// Below this width what would be lost stands below what it costs.
const NARROW: f32 = 1_180.0;
pub(crate) const KEPT: &str = "cost scenarios";

/// What is edited.
#[derive(Default)]
pub(crate) struct State {
    /// What is kept now, measured.
    base: Option<Doc>,
    /// What is edited.
    doc: Doc,
    past: Vec<Doc>,
    future: Vec<Doc>,
    /// What each column came to the last time, by its text.
    shown: BTreeMap<String, Rc<Answer>>,
    /// What is wrong with what is edited.
    error: Option<AskError>,
    /// What is being typed into a field, until it says something.
    typed: BTreeMap<String, String>,
    /// Days of the chart.
    days: usize,
    /// Whether the chart is of money.
    is_money: bool,
    name: String,
    /// Counts how often it was measured.
    looks: u32,
    /// Whose records it is about: a source, or nobody for the store here.
    of: String,
    /// Prices of one's own by what they are called, once they are known.
    own: Option<BTreeMap<String, prices::Own>>,
    /// Whether it is asked if this store shall keep no more than B does.
    is_applying: bool,
}

impl State {
    /// What is edited changes; whether it is the first of a row of changes says whether one step back leads here.
    fn change(&mut self, is_first: bool, change: impl FnOnce(&mut Doc)) {
        let before = self.doc.clone();
        change(&mut self.doc);
        if self.doc == before {
            return;
        }
        if is_first {
            self.past.push(before);
        }
        self.future.clear();
    }

    pub(super) fn undo(&mut self) {
        if let Some(doc) = self.past.pop() {
            self.future.push(std::mem::replace(&mut self.doc, doc));
            self.typed.clear();
        }
    }

    pub(super) fn redo(&mut self) {
        if let Some(doc) = self.future.pop() {
            self.past.push(std::mem::replace(&mut self.doc, doc));
            self.typed.clear();
        }
    }

    /// A file that was dropped or opened.
    pub fn take(&mut self, text: &str) -> Result<(), String> {
        let doc = Doc::read(text)?;
        self.change(true, |it| *it = doc);
        Ok(())
    }
}

/// A file that was dropped is edited, if it is one of those.
pub(crate) fn takes(state: &mut App, name: &str, bytes: &[u8]) -> bool {
    if std::path::Path::new(name).extension().is_none_or(|extension| extension != "toml") {
        return false;
    }
    let taken = state.cost.take(&String::from_utf8_lossy(bytes));
    let said = taken.map_or_else(|e| format!("{name} is no scenario: {e}"), |()| format!("{name} is edited now."));
    state.notices.push(Notice::said(said));
    state.go(Route { view: View::Cost, ..state.route.clone() });
    true
}

/// A column: what it is called, its file, what came of it.
pub(super) struct Column {
    pub name: String,
    pub text: String,
    pub answer: Option<Rc<Answer>>,
    /// Whether what is shown is of the text before.
    pub is_stale: bool,
}

impl Column {
    pub fn object(&self) -> &Value {
        const NOTHING: &Value = &Value::Null;
        self.answer.as_ref().and_then(|a| a.object.as_ref()).unwrap_or(NOTHING)
    }
}

/// A scenario's part of a name of a question.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    state.status.keys = vec![("Ctrl Z", "undo"), ("Ctrl Y", "redo"), ("g r", "report"), ("?", "keys")];
    if state.cost.of != state.route.source {
        // What was edited was about other records.
        let own = state.cost.own.take();
        state.cost = State { of: state.route.source.clone(), looks: state.cost.looks + 1, own, ..State::default() };
    }
    let key = format!("measure {}", state.cost.looks);
    let ask = |is_tried| Ask::Measure { period: Period::default(), is_tried };
    // What comes in stands at once; what it would come to otherwise follows.
    let measured = state.asks.ask(ui.ctx(), &key, false, || ask(false));
    let tried = state.asks.ask(ui.ctx(), &format!("{key} tried"), false, || ask(true));
    if let (Some(e), None) = (&measured.error, measured.get()) {
        return super::states::error(&Kit::new(ui, state.theme), main, e);
    }
    let Some(object) = tried.answer.clone().or_else(|| measured.answer.clone()) else {
        let kit = Kit::new(ui, state.theme);
        super::states::loading(&kit, main);
        let text = "Reading some row groups of each signal, to see what comes in and how well it packs.";
        kit.text(main.left() + 12.0, main.top() + 164.0, Font::Regular(12.0), kit.t.text, text);
        return;
    };
    let Some(object) = object.object.as_ref() else { return };
    if state.cost.base.is_none() {
        let base = Doc::read(object["scenario"].as_str().unwrap_or_default()).unwrap_or_default();
        // A file may have been dropped before.
        if state.cost.doc == Doc::default() {
            state.cost.doc = base.clone();
        }
        state.cost.base = Some(base);
        state.cost.days = 90;
    }
    if state.takes(crate::commands::Do::UndoPart) {
        state.cost.undo();
    }
    if state.takes(crate::commands::Do::RedoPart) {
        state.cost.redo();
    }
    prices::load(ui, state);
    let columns = columns(ui, state);
    let is_narrow = main.width() < NARROW;
    let left = EDITOR.min(main.width() * 0.4);
    let right = if is_narrow { main.width() - left } else { SIDE.min(main.width() * 0.31) };
    let editor = main.with_max_x(main.left() + left);
    let middle =
        rect(editor.right(), main.top(), if is_narrow { right } else { main.width() - left - right }, main.height());
    policy::show(ui, state, editor, object);
    if is_narrow {
        let half = middle.top() + middle.height() * 0.5;
        follows::show(ui, state, middle.with_max_y(half), object, &columns);
        loses::show(ui, state, middle.with_min_y(half), &columns);
    } else {
        follows::show(ui, state, middle, object, &columns);
        loses::show(ui, state, main.with_min_x(middle.right()), &columns);
    }
    let kit = Kit::new(ui, state.theme);
    kit.vline(editor.right(), main.top(), main.height(), kit.t.hair);
    kit.vline(middle.right(), main.top(), main.height(), kit.t.hair);
    if state.cost.is_applying {
        apply::show(ui, state, main);
    }
}

/// What is kept now, what is edited, and what was kept of earlier edits.
fn columns(ui: &Ui, state: &mut App) -> Vec<Column> {
    let saved = state.asks.ask(ui.ctx(), KEPT, false, || Ask::Saved { kind: "scenario".into() });
    let items = saved.get().and_then(|a| a.object.as_ref()).and_then(|o| o["items"].as_array().cloned());
    let base = state.cost.base.as_ref().map(Doc::text).unwrap_or_default();
    let mut all = vec![("today".to_owned(), base), ("edited".to_owned(), state.cost.doc.text())];
    all.extend(
        items
            .into_iter()
            .flatten()
            .take(3)
            .map(|item| (text(&item["name"]).to_owned(), text(&item["value"]).to_owned())),
    );
    let prices = state.cost.own_prices();
    let mut columns = Vec::new();
    for (i, (name, text)) in all.into_iter().enumerate() {
        let of_prices = hash(prices.as_deref().unwrap_or_default());
        let key = format!("simulate {} {:016x} {of_prices:016x}", state.cost.looks, hash(&text));
        let slot = state.asks.ask(ui.ctx(), &key, false, || Ask::Simulate {
            scenario: text.clone(),
            prices: prices.clone(),
            period: Period::default(),
            is_held: true,
        });
        let place = format!("{i} {name}");
        if let Some(answer) = &slot.answer {
            state.cost.shown.insert(place.clone(), answer.clone());
        }
        if i == 1 {
            state.cost.error.clone_from(&slot.error);
        }
        let answer = slot.answer.clone().or_else(|| state.cost.shown.get(&place).cloned());
        columns.push(Column { name, text, answer, is_stale: slot.answer.is_none() });
    }
    columns
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[][..], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Money: whole units from a hundred on.
pub(super) fn money(n: f64) -> String {
    let is_small = n.abs() < 100.0;
    let cents = (n * 100.0).round() as i64;
    if is_small {
        return format!("{:.2}", cents as f64 / 100.0);
    }
    crate::data::thousands(n.round() as i64)
}

/// What is said when something was copied.
pub(crate) fn copied(ui: &Ui, state: &mut App, text: &str, what: &str) {
    ui.copy_text(text.to_owned());
    state.notices.push(Notice::said(format!("{what} is on the clipboard.")));
}
