//! How a table is read: an expression for each column, tried on a few of its records before it is kept.

use super::{After, ROW, head};
use crate::app::State as App;
use crate::data::{row, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, choice, field, rect, seg};
use crate::runtime::now;
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder, vec2};
use serde_json::{Value, json};
use sextant_contract::{Ask, Command};
use std::collections::BTreeMap;

/// What is being written.
#[derive(Debug, Default)]
pub(super) struct Edit {
    signal: &'static str,
    /// The mapping as it was found or guessed, once it is there.
    base: Option<Value>,
    columns: BTreeMap<String, String>,
    attributes: String,
    resource: String,
    filter: String,
    time_unit: String,
    duration_unit: String,
    /// What is looked at: it follows what is written when asked to.
    tried: Option<Value>,
    /// The table whose columns are to be guessed.
    table: Option<String>,
    n: u64,
}

impl Edit {
    pub fn new(signal: &'static str) -> Self {
        Self { signal, ..Self::default() }
    }

    fn take(&mut self, mapping: &Value) {
        let list = |key: &str| -> String {
            let all = mapping[key].as_array().into_iter().flatten();
            all.filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
        };
        let text = |key: &str| mapping[key].as_str().unwrap_or_default().to_owned();
        let columns = mapping["columns"].as_object().into_iter().flatten();
        self.columns = columns.map(|(k, v)| (k.clone(), v.as_str().unwrap_or_default().to_owned())).collect();
        (self.attributes, self.resource) = (list("attributes"), list("resource"));
        (self.filter, self.time_unit, self.duration_unit) = (text("filter"), text("time_unit"), text("duration_unit"));
        self.base = Some(mapping.clone());
    }

    /// What is written, as a mapping.
    fn written(&self) -> Value {
        let mut mapping = self.base.clone().unwrap_or_else(|| json!({}));
        let list = |text: &str| -> Vec<String> {
            text.split(';').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
        };
        let columns: BTreeMap<&String, &String> = self.columns.iter().filter(|(_, e)| !e.trim().is_empty()).collect();
        mapping["columns"] = json!(columns);
        mapping["attributes"] = json!(list(&self.attributes));
        mapping["resource"] = json!(list(&self.resource));
        mapping["filter"] = json!(self.filter.trim());
        for (key, value) in [("time_unit", &self.time_unit), ("duration_unit", &self.duration_unit)] {
            mapping[key] = if value.is_empty() { Value::Null } else { json!(value) };
        }
        mapping
    }
}

/// The columns that can be said, in the order in which people think of them.
fn columns(signal: &str) -> &'static [&'static str] {
    match signal {
        "traces" => &[
            "Timestamp",
            "TraceId",
            "SpanId",
            "ParentSpanId",
            "ServiceName",
            "SpanName",
            "SpanKind",
            "Duration",
            "StatusCode",
            "StatusMessage",
            "ScopeName",
        ],
        _ => &[
            "Timestamp",
            "Body",
            "ServiceName",
            "SeverityText",
            "SeverityNumber",
            "TraceId",
            "SpanId",
            "EventName",
            "ScopeName",
        ],
    }
}

const UNITS: [&str; 5] = ["date and time", "ns", "us", "ms", "s"];

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, name: &str) {
    let t = state.theme;
    let Some(mut edit) = state.sources.mapping.take() else { return };
    let key = format!("mapping {name} {} {} {}", edit.signal, edit.n, state.sources.looks);
    let ask = || Ask::SourceMapping {
        name: name.to_owned(),
        signal: edit.signal.to_owned(),
        mapping: edit.tried.clone(),
        table: edit.table.clone(),
    };
    let slot = state.asks.ask(ui.ctx(), &key, false, ask);
    let object = slot.get().and_then(|a| a.object.clone()).unwrap_or_default();
    if edit.base.is_none() && object["mapping"].is_object() {
        edit.take(&object["mapping"].clone());
    }
    let left = r.with_max_x(r.left() + r.width() * 0.5);
    let right = r.with_min_x(left.right());
    let signals = ["Traces", "Logs"];
    let is_open = bar(ui, state, left, name, &mut edit, &object);
    let kit = Kit::new(ui, t);
    let on = usize::from(edit.signal == "logs");
    if let (Some(i), _) = seg(&kit, r.left() + 12.0, r.top() + 43.0, true, &signals, on)
        && i != on
    {
        edit = Edit { n: edit.n + 1, ..Edit::new(if i == 0 { "traces" } else { "logs" }) };
    }
    let tables: Vec<String> =
        object["tables"].as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect();
    let names: Vec<&str> = tables.iter().map(String::as_str).collect();
    let base = edit.base.clone().unwrap_or_default();
    let now_table =
        format!("{}.{}", base["database"].as_str().unwrap_or_default(), base["table"].as_str().unwrap_or_default());
    let place = rect(r.left() + 130.0, r.top() + 40.0, left.width() - 142.0, 28.0);
    if let Some(table) = choice(&kit, place, "Table", &names, &now_table) {
        edit = Edit { table: Some(table), n: edit.n + 1, ..Edit::new(edit.signal) };
    }
    fields(ui, state, left.with_min_y(r.top() + 76.0), &mut edit, &object);
    samples(ui, state, right, &slot, &object, &edit);
    if is_open {
        state.sources.mapping = Some(edit);
    }
}

/// Title and buttons; whether it stays open.
fn bar(ui: &Ui, state: &mut App, r: Rect, name: &str, edit: &mut Edit, object: &Value) -> bool {
    let kit = Kit::new(ui, state.theme);
    let own = if object["is_own"] == true { "written by you" } else { "as it was found" };
    head(&kit, r, "Mapping", own);
    let mut x = r.right() - 12.0;
    let mut at = |b: Button<'_>| {
        x -= b.width(&kit) + 6.0;
        button(&kit, x, r.top() + 7.0, b).clicked()
    };
    let small = |text| Button { text, is_small: true, ..Button::default() };
    let is_closed = at(small("Close"));
    let is_found_again = object["is_own"] == true && at(small("Find out again"));
    let is_kept = at(Button { is_primary: true, ..small("Keep") });
    if at(small("Try")) {
        edit.tried = Some(edit.written());
        (edit.table, edit.n) = (None, edit.n + 1);
    }
    if (is_kept || is_found_again) && state.sources.waits.is_none() {
        let tag = now() as u64;
        let mapping = is_kept.then(|| edit.written());
        let command = Command::SourceMap { name: name.to_owned(), signal: edit.signal.to_owned(), mapping };
        state.asks.export(ui.ctx(), tag, command);
        state.sources.waits = Some((tag, After::Mapped));
    }
    !is_closed
}

fn fields(ui: &mut Ui, state: &App, r: Rect, edit: &mut Edit, object: &Value) {
    let t = state.theme;
    let mut child = ui.new_child(UiBuilder::new().id_salt("mapping").max_rect(r));
    child.set_clip_rect(r);
    let types = object["columns"].clone();
    ScrollArea::vertical().auto_shrink(false).id_salt("mapping").show(&mut child, |ui| {
        let top = ui.min_rect().top();
        let mut y = top;
        let (x, w) = (r.left() + 12.0, r.width() - 24.0);
        let label = 112.0;
        let is_plain = edit.columns.is_empty();
        for column in columns(edit.signal) {
            let mut text = edit.columns.get(*column).cloned().unwrap_or_default();
            let kit = Kit::new(ui, t);
            kit.text(x, y + 17.0, Font::Mono(11.0), t.text, column);
            let of = types[text.trim_matches('`')].as_str().or_else(|| types[*column].as_str().filter(|_| is_plain));
            let room = if w > 420.0 { 150.0 } else { 0.0 };
            if room > 0.0 {
                let of = of.unwrap_or_default();
                kit.text_in(x + w - room + 8.0, y + 17.0, room - 8.0, Font::Regular(11.0), t.weak, of);
            }
            let hint = if is_plain && of.is_some() { column } else { "not there" };
            if field(ui, t, rect(x + label, y, w - label - room, 26.0), column, hint, &mut text, false) {
                edit.columns.insert((*column).to_owned(), text);
            }
            y += 29.0;
        }
        for (name, hint, text) in [
            ("Attributes", "maps or JSON; several with ; between", &mut edit.attributes),
            ("Resource", "maps or JSON", &mut edit.resource),
            ("Filter", "a condition for every row", &mut edit.filter),
        ] {
            Kit::new(ui, t).text(x, y + 17.0, Font::Regular(12.0), t.text, name);
            field(ui, t, rect(x + label, y, w - label, 26.0), name, hint, text, false);
            y += 29.0;
        }
        let kit = Kit::new(ui, t);
        for (name, unit) in [("Time counts", &mut edit.time_unit), ("Duration counts", &mut edit.duration_unit)] {
            kit.text(x, y + 17.0, Font::Regular(12.0), t.text, name);
            let units = if name == "Time counts" { &UNITS[..] } else { &UNITS[1..] };
            let on = if unit.is_empty() { units[0] } else { unit.as_str() };
            if let Some(chosen) = choice(&kit, rect(x + label, y, 150.0, 26.0), name, units, on) {
                *unit = if chosen == UNITS[0] { String::new() } else { chosen };
            }
            y += 29.0;
        }
        ui.set_min_size(vec2(r.width() - 8.0, y - top + 8.0));
    });
}

/// What comes of it.
fn samples(ui: &Ui, state: &App, r: Rect, slot: &crate::asks::Slot, object: &Value, edit: &Edit) {
    let t = state.theme;
    let kit = Kit::new(ui, t);
    kit.vline(r.left(), r.top(), r.height(), t.hair);
    let n = slot.get().map_or(0, sextant_contract::Answer::n_rows);
    head(&kit, r, "A few of its records", &format!("{} read with it", thousands(n as i64)));
    let (x, w) = (r.left() + 12.0, r.width() - 24.0);
    let mut y = r.top() + 48.0;
    if let Some(e) = &slot.error {
        for line in super::lines(&kit, Font::Regular(12.0), w, &e.message) {
            kit.text_in(x, y + 12.0, w, Font::Regular(12.0), t.error, &line);
            y += 17.0;
        }
        return;
    }
    if slot.get().is_none() {
        return super::states::loading(&kit, r.with_min_y(y));
    }
    if let Some(problem) = object["problem"].as_str() {
        for line in super::lines(&kit, Font::Regular(12.0), w, problem).iter().take(12) {
            kit.text_in(x, y + 12.0, w, Font::Regular(12.0), t.warn, line);
            y += 17.0;
        }
        y += 10.0;
        kit.text(x, y + 12.0, Font::Semibold(12.0), t.strong, "Columns of the table");
        y += 20.0;
        for (name, of) in object["columns"].as_object().into_iter().flatten() {
            if y + ROW > r.bottom() {
                break;
            }
            kit.text_in(x, y + 12.0, w * 0.5, Font::Mono(11.0), t.strong, name);
            kit.text_in(x + w * 0.5, y + 12.0, w * 0.5, Font::Mono(11.0), t.weak, of.as_str().unwrap_or_default());
            y += 18.0;
        }
        return;
    }
    let Some(answer) = slot.answer.as_ref() else { return };
    for i in 0..n {
        let Some(row) = row(answer, i) else { break };
        for column in columns(edit.signal) {
            let shown = match *column {
                "Timestamp" => crate::data::clock(row.int("Timestamp"), 3),
                "Duration" => crate::data::duration(row.int("Duration")),
                "SeverityNumber" => row.int("SeverityNumber").to_string(),
                other => row.text(other).to_owned(),
            };
            if shown.is_empty() || y + 18.0 > r.bottom() {
                continue;
            }
            kit.text(x, y + 12.0, Font::Regular(11.0), t.weak, column);
            kit.text_in(x + 104.0, y + 12.0, w - 104.0, Font::Mono(11.0), t.strong, &shown);
            y += 16.0;
        }
        y += 6.0;
        kit.hline(r.left(), y, r.width(), t.hair);
        y += 6.0;
        if y + 40.0 > r.bottom() {
            break;
        }
    }
}
