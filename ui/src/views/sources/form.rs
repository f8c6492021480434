//! Where a source is and who asks there.

use super::{After, choose};
use crate::app::State as App;
use crate::fonts::Font;
use crate::kit::{Button, Check, Kit, button, choice, field, rect};
use crate::overlay::menu;
use crate::runtime::now;
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder, vec2};
use serde_json::Value;
use sextant_contract::{AskError, Code, Command, Hidden, ReadLimits, SourcePut, parse_size, size_text};
use std::collections::BTreeMap;

/// What was typed.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Form {
    name: String,
    url: String,
    user: String,
    /// Never filled in by us.
    password: String,
    database: String,
    ca: String,
    via: String,
    identity: Option<String>,
    /// Whether secrets are kept in the keychain of the platform.
    keychain: bool,
    /// Who has a signal, where it is somebody else.
    elsewhere: BTreeMap<String, String>,
    /// What may be read, as it is written.
    limits: [String; 4],
}

/// What limits are called, in the file and here.
const LIMITS: [(&str, &str); 4] = [
    ("seconds", "Seconds for a question"),
    ("ask_above_bytes", "Ask me above"),
    ("query_bytes", "Most for a question"),
    ("session_bytes", "Most since the start"),
];

impl Form {
    /// Of one that is kept.
    pub fn of(source: &Value) -> Self {
        let text = |key: &str| source[key].as_str().unwrap_or_default().to_owned();
        Self {
            name: text("name"),
            url: text("url"),
            user: text("user"),
            password: String::new(),
            database: text("database"),
            ca: text("ca"),
            via: text("via"),
            identity: source["identity"].as_str().map(str::to_owned),
            keychain: source["keychain"].as_bool().unwrap_or_default(),
            elsewhere: serde_json::from_value(source["elsewhere"].clone()).unwrap_or_default(),
            limits: LIMITS.map(|(key, _)| match (key, source["limits"][key].as_u64()) {
                (_, None) => String::new(),
                ("seconds", Some(n)) => n.to_string(),
                (_, Some(n)) => size_text(n),
            }),
        }
    }

    /// Whether anything was typed.
    pub fn is_begun(&self) -> bool {
        *self != Self::default()
    }

    /// What may be read; what can't be understood is said.
    fn limits(&self) -> Result<ReadLimits, AskError> {
        let number = |i: usize| -> Result<Option<u64>, AskError> {
            let text = self.limits[i].trim();
            let parsed = match (text, i) {
                ("", _) => return Ok(None),
                (_, 0) => text.parse().ok().ok_or_else(|| format!("'{text}' are no seconds")),
                _ => parse_size(text),
            };
            let wrong = |why: String| AskError::new(Code::BadQuery, format!("{}: {why}", LIMITS[i].1));
            parsed.map(Some).map_err(wrong)
        };
        Ok(ReadLimits {
            seconds: number(0)?,
            ask_above_bytes: number(1)?,
            query_bytes: number(2)?,
            session_bytes: number(3)?,
        })
    }

    fn command(&self) -> Result<Command, AskError> {
        let some = |text: &String| (!text.is_empty()).then(|| text.clone());
        Ok(Command::SourcePut(Box::new(SourcePut {
            name: self.name.trim().to_owned(),
            url: self.url.trim().to_owned(),
            user: self.user.trim().to_owned(),
            password: some(&self.password).map(Hidden),
            database: self.database.trim().to_owned(),
            ca: some(&self.ca),
            identity: self.identity.clone(),
            via: some(&self.via),
            headers: None,
            elsewhere: Some(self.elsewhere.clone()),
            limits: self.limits()?,
            keychain: Some(self.keychain),
        })))
    }
}

/// Who has each signal: it itself, another source, or the store.
fn keepers(kit: &Kit<'_>, r: Rect, form: &mut Form, all: &[Value], chosen: Option<&str>) {
    const ITSELF: &str = "this one";
    const STORE: &str = "my store";
    let t = kit.t;
    let others = all.iter().filter_map(|s| s["name"].as_str()).filter(|name| Some(*name) != chosen);
    let names: Vec<&str> = [ITSELF].into_iter().chain(others).chain([STORE]).collect();
    let w = (r.width() - 16.0) / 3.0;
    for (i, (signal, label)) in [("traces", "Traces"), ("logs", "Logs"), ("metrics", "Metrics")].into_iter().enumerate()
    {
        let x = r.left() + (w + 8.0) * i as f32;
        kit.text(x, r.top() + 12.0, Font::Medium(11.0), t.text, &format!("{label} are in"));
        let now = form.elsewhere.get(signal).map_or(ITSELF, |name| if name == "local" { STORE } else { name });
        let place = rect(x, r.top() + 18.0, w, 27.0);
        match choice(kit, place, &format!("{label} are in"), &names, now).as_deref() {
            None => {}
            Some(ITSELF) => drop(form.elsewhere.remove(signal)),
            Some(STORE) => drop(form.elsewhere.insert(signal.to_owned(), "local".to_owned())),
            Some(name) => drop(form.elsewhere.insert(signal.to_owned(), name.to_owned())),
        }
    }
}

const NEW: &str = "New source";

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, all: &[Value], chosen: Option<&str>) {
    let mut child = ui.new_child(UiBuilder::new().id_salt("source form").max_rect(r));
    child.set_clip_rect(r);
    ScrollArea::vertical().auto_shrink(false).id_salt("source form").show(&mut child, |ui| {
        let top = ui.min_rect().top();
        let end = whole(ui, state, rect(r.left(), top, r.width(), r.height()), all, chosen);
        ui.set_min_size(vec2(r.width() - 8.0, end - top));
    });
}

/// Where it ends.
fn whole(ui: &mut Ui, state: &mut App, r: Rect, all: &[Value], chosen: Option<&str>) -> f32 {
    let t = state.theme;
    let (x, w) = (r.left() + 16.0, r.width() - 32.0);
    {
        let kit = Kit::new(ui, t);
        kit.text(x, r.top() + 30.0, Font::Semibold(15.0), t.strong, "Attach ClickHouse");
        let words = "Read-only. Sextant holds no code that writes to a cluster.";
        for (i, line) in super::lines(&kit, Font::Regular(12.0), w, words).iter().enumerate() {
            kit.text(x, r.top() + 50.0 + 16.0 * i as f32, Font::Regular(12.0), t.weak, line);
        }
        if !all.is_empty() {
            let place = rect(x, r.top() + 76.0, w, 28.0);
            let names: Vec<&str> = all.iter().filter_map(|s| s["name"].as_str()).chain([NEW]).collect();
            if let Some(name) = choice(&kit, place, "Which source", &names, chosen.unwrap_or(NEW)) {
                if let Some(source) = all.iter().find(|s| s["name"] == name.as_str()) {
                    choose(state, source);
                } else {
                    state.sources.chosen = Some(String::new());
                    state.sources.form = Form::default();
                }
            }
        }
    }
    let mut y = r.top() + if all.is_empty() { 76.0 } else { 116.0 };
    let mut form = std::mem::take(&mut state.sources.form);
    let half = (w - 8.0) / 2.0;
    let row = |ui: &mut Ui, y: f32, x: f32, w: f32, label: &str, hint: &str, text: &mut String| {
        Kit::new(ui, t).text(x, y + 12.0, Font::Medium(11.0), t.text, label);
        field(ui, t, rect(x, y + 18.0, w, 27.0), label, hint, text, label == "Password");
    };
    if chosen.is_none() {
        row(ui, y, x, w, "Name", "prod", &mut form.name);
        y += 52.0;
    }
    row(ui, y, x, w, "Address", "https://HOST:8443", &mut form.url);
    y += 52.0;
    row(ui, y, x, half, "User", "default", &mut form.user);
    let kept = if chosen.is_some() { "kept" } else { "" };
    row(ui, y, x + half + 8.0, half, "Password", kept, &mut form.password);
    y += 52.0;
    row(ui, y, x, w, "Database", "the user's own", &mut form.database);
    y += 52.0;
    row(ui, y, x, w, "Certificate of its authority", "the system's roots", &mut form.ca);
    y += 52.0;
    row(ui, y, x, w, "Reach it through", "directly; or 127.0.0.1:18443", &mut form.via);
    y += 52.0;
    keepers(&Kit::new(ui, t), rect(x, y, w, 45.0), &mut form, all, chosen);
    y += 52.0;
    for (i, (_, label)) in LIMITS.iter().enumerate() {
        let hint = ["60", "2 GB", "50 GB", "200 GB"][i];
        row(ui, y, x + (half + 8.0) * (i % 2) as f32, half, label, hint, &mut form.limits[i]);
        y += 52.0 * (i % 2) as f32;
    }
    y += 8.0;
    let kit = Kit::new(ui, t);
    let keychain = Check { label: "Keep the password in the system's keychain", is_on: form.keychain };
    if keychain.show(&kit, x, y + 10.0).0 {
        form.keychain = !form.keychain;
    }
    y += 28.0;
    state.sources.form = form;
    let is_busy = state.sources.waits.is_some();
    let attach =
        Button { text: if chosen.is_some() { "Save" } else { "Attach" }, is_primary: true, ..Button::default() };
    let mut at = x;
    let clicked = button(&kit, at, y, attach).clicked();
    at += attach.width(&kit) + 8.0;
    if clicked && !is_busy {
        let (tag, name) = (now() as u64, state.sources.form.name.trim().to_owned());
        match state.sources.form.command() {
            Ok(command) => {
                state.asks.export(ui.ctx(), tag, command);
                state.sources.form.password.clear();
                state.sources.waits = Some((tag, After::Look(name)));
            }
            Err(e) => state.sources.problem = Some(e),
        }
    }
    if let Some(name) = chosen {
        let again = Button { text: "Check again", ..Button::default() };
        if button(&kit, at, y, again).clicked() {
            state.sources.looks += 1;
        }
        let more = Button { text: "More", ..Button::default() };
        let response = button(&kit, at + again.width(&kit) + 8.0, y, more);
        if menu::show(&response, t, &["Detach it"], "").is_some() && !is_busy {
            let tag = now() as u64;
            state.asks.export(ui.ctx(), tag, Command::SourceRemove { name: name.to_owned() });
            state.sources.waits = Some((tag, After::Gone));
        }
    }
    y += 46.0;
    said(&kit, &state.sources, x, y, w)
}

/// What is wrong, or where secrets are kept; where that ends.
fn said(kit: &Kit<'_>, sources: &super::State, x: f32, mut y: f32, w: f32) -> f32 {
    let t = kit.t;
    let (words, color) = match &sources.problem {
        Some(e) => (format!("{}. {}", e.message, e.hint.clone().unwrap_or_default()), t.error),
        None if sources.form.keychain => (
            "The password is kept in the keychain of the machine that the store is on; address and mapping in sources.toml."
                .to_owned(),
            t.weak,
        ),
        None => ("The password is kept in a file that only you can read, beside the store; address and mapping in sources.toml.".to_owned(), t.weak),
    };
    for line in super::lines(kit, Font::Regular(12.0), w, &words).iter().take(6) {
        kit.text_in(x, y, w, Font::Regular(12.0), color, line);
        y += 16.0;
    }
    y
}
