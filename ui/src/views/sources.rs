//! Sources: clusters that are attached, what they let us do, how their tables are read, and every statement that was sent.

mod cost;
mod form;
mod ledger;
mod mapping;

use super::states;
use crate::app::State as App;
use crate::data::{bytes, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, icon, pill, rect};
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder, vec2};
use serde_json::Value;
use sextant_contract::{Ask, AskError, Outcome};

/// Which source is looked at, and what was typed about it.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// What it is called; a new one is being described if empty.
    chosen: Option<String>,
    form: form::Form,
    mapping: Option<mapping::Edit>,
    is_cost_open: bool,
    /// Counts how often it was looked at, so that it is looked at again.
    looks: u64,
    /// What is waited for, by its tag.
    waits: Option<(u64, After)>,
    problem: Option<AskError>,
    n_ledger: usize,
}

/// What follows when it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
enum After {
    /// The source of this name is there, or has changed.
    Look(String),
    /// It is gone.
    Gone,
    /// How a table is read is kept.
    Mapped,
}

impl State {
    /// What came of a command; whether it was one of ours.
    pub fn hear(&mut self, tag: u64, outcome: &Result<Outcome, AskError>) -> bool {
        let Some((_, after)) = self.waits.take_if(|(mine, _)| *mine == tag) else { return false };
        self.looks += 1;
        self.problem = outcome.as_ref().err().cloned();
        if self.problem.is_none() {
            match after {
                After::Look(name) => self.chosen = Some(name),
                After::Gone => (self.chosen, self.form) = (None, form::Form::default()),
                After::Mapped => self.mapping = None,
            }
        }
        true
    }

    /// How often the list of sources changed.
    pub const fn looks(&self) -> u64 {
        self.looks
    }
}

const FORM: f32 = 293.0;
const PREFLIGHT: f32 = 460.0;
/// Below this width what is in columns stands below each other.
const WIDE: f32 = 1_180.0;
const ROW: f32 = 24.0;

/// All sources, as they are kept.
pub(crate) fn all(ui: &Ui, state: &mut App) -> Vec<Value> {
    let key = format!("sources {}", state.sources.looks);
    let slot = state.asks.ask(ui.ctx(), &key, false, || Ask::Sources);
    slot.get().and_then(|a| a.object.as_ref()?["sources"].as_array().cloned()).unwrap_or_default()
}

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let all = all(ui, state);
    let is_known = |name: &str| all.iter().any(|s| s["name"] == name);
    if state.sources.chosen.is_none() {
        let first = all.iter().find(|s| s["name"] == state.route.source.as_str()).or_else(|| all.first());
        if let Some(one) = first.filter(|_| !state.sources.form.is_begun()) {
            choose(state, one);
        }
    }
    let chosen = state.sources.chosen.clone().filter(|name| is_known(name));
    state.status.keys = vec![("g c", "sources"), ("g h", "home"), ("?", "keys")];
    let word = if all.len() == 1 { "source" } else { "sources" };
    state.status.parts = vec![vec!["Showing".into(), thousands(all.len() as i64), word.into()]];
    let is_wide = main.width() >= WIDE;
    let form_width = FORM.min(main.width());
    form::show(ui, state, main.with_max_x(main.left() + form_width), &all, chosen.as_deref());
    let rest = main.with_min_x(main.left() + form_width);
    if rest.width() < 240.0 {
        return;
    }
    Kit::new(ui, state.theme).vline(rest.left(), main.top(), main.height(), state.theme.hair);
    let Some(name) = chosen else {
        let words = [
            "Address, user and database are all that is needed; what is there is found out by looking.",
            "Only SELECT, EXPLAIN and KILL of our own queries are ever sent. Each statement is written down.",
        ];
        return states::empty(
            &Kit::new(ui, state.theme),
            rest,
            "Attach a ClickHouse to use every screen on it",
            &words,
        );
    };
    let ledger_top = rest.top() + (rest.height() * 0.64).round();
    let upper = rest.with_max_y(ledger_top);
    if state.sources.mapping.is_some() {
        mapping::show(ui, state, upper, &name);
    } else if state.sources.is_cost_open {
        state.sources.is_cost_open = cost::show(ui, state, upper, &name);
    } else {
        let key = format!("source test {name} {}", state.sources.looks);
        let asked = name.clone();
        let slot = state.asks.ask(ui.ctx(), &key, false, || Ask::SourceTest { name: asked });
        let split = if is_wide { upper.left() + PREFLIGHT } else { upper.left() + upper.width() * 0.5 };
        let tested = slot.get().and_then(|a| a.object.clone());
        match (&tested, &slot.error) {
            (Some(object), _) => {
                checks(ui, state, upper.with_max_x(split), object);
                tables(ui, state, upper.with_min_x(split), &name, object);
            }
            (None, Some(e)) => states::error(&Kit::new(ui, state.theme), upper, e),
            (None, None) => states::loading(&Kit::new(ui, state.theme), upper),
        }
    }
    ledger::show(ui, state, rest.with_min_y(ledger_top), &name);
}

fn choose(state: &mut App, source: &Value) {
    let name = source["name"].as_str().unwrap_or_default().to_owned();
    state.sources.form = form::Form::of(source);
    state.sources.chosen = Some(name);
    (state.sources.mapping, state.sources.problem) = (None, None);
}

/// The head of a part of the screen.
fn head(kit: &Kit<'_>, r: Rect, title: &str, note: &str) -> f32 {
    let x = kit.text(r.left() + 12.0, r.top() + 22.0, Font::Semibold(12.0), kit.t.strong, title);
    let end = kit.text_in(x + 8.0, r.top() + 22.0, r.right() - x - 190.0, Font::Regular(12.0), kit.t.weak, note);
    kit.hline(r.left(), r.top() + 35.0, r.width(), kit.t.hair);
    end
}

/// Words in lines of a width.
pub(crate) fn lines(kit: &Kit<'_>, font: Font, width: f32, words: &str) -> Vec<String> {
    let mut all: Vec<String> = vec![String::new()];
    for word in words.split(' ') {
        let last = all.last_mut();
        let Some(last) = last else { break };
        let longer = if last.is_empty() { word.to_owned() } else { format!("{last} {word}") };
        if last.is_empty() || kit.width(font, &longer) <= width {
            *last = longer;
        } else {
            all.push(word.to_owned());
        }
    }
    all
}

/// The checklist: what passed, what is limited, what is closed and the grant that would open it.
fn checks(ui: &mut Ui, state: &App, r: Rect, object: &Value) {
    let t = state.theme;
    let empty = Vec::new();
    let found = object["tables"].as_array().unwrap_or(&empty);
    // What is in the list of tables is not said twice.
    let is_beside = |check: &&Value| check["level"] != "pass" || !found.iter().any(|f| f["kind"] == check["what"]);
    let all = object["checks"].as_array().unwrap_or(&empty);
    let shown: Vec<&Value> = all.iter().filter(is_beside).collect();
    let n = |level: &str| all.iter().filter(|c| c["level"] == level).count();
    {
        let kit = Kit::new(ui, t);
        let took = object["took_micros"].as_u64().unwrap_or(0) as i64 * 1_000;
        head(
            &kit,
            r,
            "Preflight",
            &format!("{} check{} in {}", all.len(), if all.len() == 1 { "" } else { "s" }, crate::data::duration(took)),
        );
        let mut x = r.right() - 12.0;
        for (level, word, color) in
            [("fail", "failed", t.error), ("limit", "with a limit", t.warn), ("pass", "pass", t.ok)]
        {
            // Where there is little room, what is well goes without saying.
            if n(level) > 0 && (level != "pass" || r.width() > 300.0) {
                let text = format!("{} {word}", n(level));
                let w = kit.width(Font::Medium(10.5), &text) + 14.0;
                x -= w;
                pill(&kit, x, r.top() + 9.0, color, t.bg_raised, color, &text);
                x -= 8.0;
            }
        }
        kit.vline(r.right(), r.top(), r.height(), t.hair);
    }
    let body = r.with_min_y(r.top() + 36.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("preflight").max_rect(body));
    child.set_clip_rect(body);
    ScrollArea::vertical().auto_shrink(false).id_salt("preflight").show(&mut child, |ui| {
        let mut y = ui.min_rect().top();
        let top = y;
        let kit = Kit::new(ui, t);
        let width = body.width() - 54.0;
        for (i, check) in shown.iter().enumerate() {
            let text = |key: &str| check[key].as_str().unwrap_or_default();
            let (name, color) = match text("level") {
                "pass" => ("check", t.ok),
                "limit" => ("warn", t.warn),
                _ => ("x", t.error),
            };
            icon(&kit, name, body.left() + 12.0, y + 9.0, 13.0, 1.6, color);
            let mut letters = text("what").chars();
            let title: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
            let title = if title.starts_with("System.") { text("what") } else { &title };
            kit.text_in(body.left() + 34.0, y + 20.0, width, Font::Semibold(12.0), t.strong, title);
            y += 26.0;
            for line in lines(&kit, Font::Regular(12.0), width, text("said")) {
                kit.text_in(body.left() + 34.0, y + 11.0, width, Font::Regular(12.0), t.text, &line);
                y += 16.0;
            }
            let fix = check["fix"].as_str();
            // What can't be pasted is a sentence.
            if let Some(words) = fix.filter(|f| !f.contains("GRANT")) {
                for line in lines(&kit, Font::Regular(12.0), width, words) {
                    kit.text_in(body.left() + 34.0, y + 11.0, width, Font::Regular(12.0), t.weak, &line);
                    y += 16.0;
                }
            }
            if let Some(fix) = fix.filter(|f| f.contains("GRANT")) {
                let place = rect(body.left() + 34.0, y + 4.0, width, 24.0);
                kit.round(place, 4, t.bg_app);
                kit.border(place, 4, t.hair);
                kit.text_in(place.left() + 9.0, place.top() + 16.0, width - 36.0, Font::Mono(11.0), t.text, fix);
                let copy = rect(place.right() - 22.0, place.top() + 6.0, 12.0, 12.0);
                let response = kit.click(copy.expand(5.0), ("copy fix", i), "Copy this");
                let color = if response.hovered() { t.accent } else { t.weak };
                icon(&kit, "copy", copy.left(), copy.top(), 12.0, 1.4, color);
                if response.clicked() {
                    let grant = fix.split("GRANT").nth(1).map_or_else(|| fix.to_owned(), |rest| format!("GRANT{rest}"));
                    ui.copy_text(grant);
                }
                y += 32.0;
            }
            y += 7.0;
            kit.hline(body.left(), y, body.width(), t.hair);
        }
        ui.set_min_size(vec2(body.width() - 8.0, y - top + 12.0));
    });
}

/// What was found, and whose it is.
fn tables(ui: &mut Ui, state: &mut App, r: Rect, name: &str, object: &Value) {
    let t = state.theme;
    let empty = Vec::new();
    let all = object["tables"].as_array().unwrap_or(&empty);
    let kit = Kit::new(ui, t);
    let database = all.first().and_then(|f| f["database"].as_str()).unwrap_or_default();
    head(
        &kit,
        r,
        if database.is_empty() { "Tables" } else { "Tables in" },
        &if database.is_empty() { "none found".to_owned() } else { format!("{database} · {} found", all.len()) },
    );
    let edit = Button { text: "Edit mapping", is_small: true, ..Button::default() };
    if button(&kit, r.right() - 12.0 - edit.width(&kit), r.top() + 7.0, edit).clicked() {
        state.sources.mapping = Some(mapping::Edit::new("traces"));
    }
    let cost = Button { text: "What it costs", is_small: true, ..Button::default() };
    if button(&kit, r.right() - 18.0 - edit.width(&kit) - cost.width(&kit), r.top() + 7.0, cost).clicked() {
        state.sources.is_cost_open = true;
    }
    // Where there is little room, what a table is called and how much it holds comes first.
    let is_wide = r.width() > 440.0;
    let shares = if is_wide { [0.0, 0.36, 0.50, 0.76, 0.90, 1.0] } else { [0.0, 0.42, 0.42, 0.68, 1.0, 1.0] };
    let columns = shares.map(|share| r.left() + 12.0 + (r.width() - 24.0) * share);
    let bl = r.top() + 54.0;
    for (i, word) in ["Table", "Signal", "Schema"].iter().enumerate().filter(|(i, _)| is_wide || *i == 0) {
        kit.text(columns[i], bl, Font::Medium(11.0), t.weak, word);
    }
    for (i, word) in ["Rows", "On disk", "TTL"].iter().enumerate().filter(|(i, _)| is_wide || *i < 2) {
        kit.text_right(columns[i + 3], bl, Font::Medium(11.0), t.weak, word);
    }
    kit.hline(r.left(), r.top() + 62.0, r.width(), t.strong_line);
    let mut y = r.top() + 62.0;
    for found in all {
        let text = |key: &str| found[key].as_str().unwrap_or_default();
        let bl = y + 16.0;
        kit.text_in(columns[0], bl, columns[1] - columns[0] - 8.0, Font::Mono(11.0), t.strong, text("table"));
        let schema = match found["lacks"].as_array().map_or(0, Vec::len) {
            0 => text("schema").to_owned(),
            n => format!("{}, {n} columns less", text("schema")),
        };
        if is_wide {
            kit.text_in(columns[1], bl, columns[2] - columns[1] - 8.0, Font::Regular(12.0), t.text, text("signal"));
            kit.text_in(columns[2], bl, columns[3] - columns[2] - 60.0, Font::Regular(12.0), t.text, &schema);
            kit.text_right(columns[5], bl, Font::Mono(11.0), t.weak, found["ttl"].as_str().unwrap_or("none"));
        }
        let rows = found["rows"].as_i64().map_or_else(|| "–".to_owned(), thousands);
        kit.text_right(columns[3], bl, Font::Mono(11.0), t.text, &rows);
        kit.text_right(
            columns[4],
            bl,
            Font::Mono(11.0),
            t.strong,
            &found["bytes"].as_u64().map_or_else(|| "–".to_owned(), bytes),
        );
        y += ROW;
        kit.hline(r.left(), y, r.width(), t.hair);
    }
    let sum = |key: &str| all.iter().filter_map(|f| f[key].as_u64()).sum::<u64>();
    let bl = y + 16.0;
    kit.text(columns[0], bl, Font::Regular(12.0), t.weak, &format!("{} tables", all.len()));
    kit.text_right(columns[3], bl, Font::Mono(11.0), t.weak, &thousands(sum("rows") as i64));
    kit.text_right(columns[4], bl, Font::Mono(11.0), t.strong, &bytes(sum("bytes")));
    kit.hline(r.left(), y + ROW, r.width(), t.hair);
    if object["ok"] == true {
        let look = Button { text: "Look at its traces", is_primary: true, ..Button::default() };
        if button(&kit, columns[0], y + ROW + 16.0, look).clicked() {
            let view = crate::route::View::Traces;
            state.go(crate::route::Route { view, source: name.to_owned(), ..state.route.clone() });
        }
    }
}
