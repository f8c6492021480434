//! SQL: statements with colours and completion, their results as table or chart, tables and columns beside them.

mod editor;
mod results;
mod tree;

use super::report;
use crate::app::State as App;
use crate::asks::Slot;
use crate::commands::Do;
use crate::data::{clock, day, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect, seg};
use crate::route::{Route, View};
use crate::runtime::now;
use eframe::egui::{self, Rect, ScrollArea, Sense, Ui, UiBuilder, vec2};
use serde_json::Value;
use sextant_contract::{Ask, Command, Period};
use sextant_queries::statements::split;
use std::collections::BTreeSet;

/// More rows are not fetched, and that is said.
const LIMIT: usize = 10_000;
const TREE: f32 = 232.0;
/// What stands in the editor at first.
const FIRST: &str = "SELECT ServiceName, count(*) AS spans, quantile_cont(Duration, 0.95) / 1e6 AS p95_ms\n\
    FROM traces\nWHERE Timestamp >= $from AND Timestamp < $to\nGROUP BY 1\nORDER BY spans DESC";

/// A statement that was sent, or waits for those before it.
#[derive(Debug, Clone)]
struct Run {
    text: String,
    tag: u64,
    is_explained: bool,
    period: (i64, i64),
}

/// What stands in the editor, and what was run.
#[derive(Debug, Default)]
pub(crate) struct State {
    text: Option<String>,
    editor: editor::State,
    runs: Vec<Run>,
    /// Which result is shown.
    shown: usize,
    is_chart: bool,
    open_tables: BTreeSet<&'static str>,
    results: results::State,
    is_history_open: bool,
    n_kept: u64,
}

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    state.sql.text.get_or_insert_with(|| {
        let query = &state.route.query;
        if query.is_empty() { FIRST.to_owned() } else { query.clone() }
    });
    state.status.keys = vec![("Ctrl ⏎", "run"), ("Ctrl E", "explain"), ("Tab", "complete"), ("?", "keys")];
    let has_tree = main.width() > 900.0;
    let body = if has_tree { main.with_min_x(main.left() + TREE) } else { main };
    if has_tree && let Some(name) = tree::show(ui, state, main.with_max_x(body.left())) {
        editor::insert(ui, state, &name);
    }
    let height = (body.height() * 0.3).clamp(90.0, 260.0);
    editor::show(ui, state, body.with_max_y(body.top() + height));
    // With the letters of this frame, which may have come together with the key.
    let text = state.sql.text.clone().unwrap_or_default();
    if state.takes(Do::Run) {
        start(ui, state, &text, false);
    }
    if state.takes(Do::Explain) {
        start(ui, state, &text, true);
    }
    let slots = slots(ui, state);
    let bar = rect(body.left(), body.top() + height, body.width(), 36.0);
    toolbar(ui, state, bar, &slots);
    let below = body.with_min_y(bar.bottom());
    if state.sql.is_history_open {
        return history(ui, state, below);
    }
    let shown = state.sql.shown.min(slots.len().saturating_sub(1));
    if let Some(slot) = slots.get(shown) {
        let period = state.sql.runs.get(shown).map_or((0, 1), |run| run.period);
        state.shown.clone_from(&slot.asked);
        results::show(ui, state, below, slot, period);
        let n = slot.get().map_or(0, sextant_contract::Answer::n_rows);
        report(state, vec!["Showing".into(), thousands(n as i64), "rows".into()], slot);
    } else {
        let kit = Kit::new(ui, state.theme);
        let words = [
            "One SELECT, or several with semicolons between them; each is checked before it runs.",
            "$from and $to stand for the period above. Nothing here can change or leave the store.",
        ];
        super::states::empty(&kit, below, "Ctrl Enter runs what stands above", &words);
        state.status.parts = vec![vec!["Showing".into(), "0".into(), "rows".into()]];
    }
}

/// Sends the statements of a text, one after the other.
fn start(ui: &Ui, state: &mut App, text: &str, is_explained: bool) {
    stop(ui, state);
    let period = state.route.period();
    let first = now() as u64;
    let run = |(i, range): (usize, std::ops::Range<usize>)| Run {
        text: text[range].to_owned(),
        tag: first + i as u64,
        is_explained,
        period,
    };
    let runs: Vec<Run> = split(text).into_iter().enumerate().map(run).collect();
    state.sql.is_history_open = false;
    state.sql.shown = 0;
    state.sql.results = results::State::default();
    if !is_explained && !runs.is_empty() {
        let (name, value) = (text.trim().to_owned(), String::new());
        state.asks.act(ui.ctx(), Command::Save { kind: "sql".into(), name, value }, Vec::new());
        state.sql.n_kept += 1;
    }
    state.sql.runs = runs;
    let query = text.to_owned();
    state.go(Route { view: View::Sql, query, ..state.route.clone() });
}

/// Stops what still runs.
fn stop(ui: &Ui, state: &mut App) {
    for run in std::mem::take(&mut state.sql.runs) {
        state.asks.act(ui.ctx(), Command::Cancel { tag: run.tag }, Vec::new());
    }
}

/// The answers so far; a statement is sent when the one before it was answered.
fn slots(ui: &Ui, state: &mut App) -> Vec<Slot> {
    let mut all = Vec::new();
    for run in state.sql.runs.clone() {
        let name = format!("sql {} {}", run.tag, run.text);
        let slot = state.asks.ask(ui.ctx(), &name, false, || Ask::Sql {
            sql: run.text.clone(),
            limit: Some(LIMIT),
            period: Some(Period { from: Some(run.period.0), to: Some(run.period.1) }),
            is_explained: run.is_explained,
            tag: Some(run.tag),
        });
        let is_done = slot.answer.is_some();
        all.push(slot);
        if !is_done {
            break;
        }
    }
    all
}

fn toolbar(ui: &Ui, state: &mut App, r: Rect, slots: &[Slot]) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.fill(r, t.bg_panel);
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let mut x = r.left() + 12.0;
    let is_running = slots.last().is_some_and(|s| s.is_pending && s.answer.is_none());
    let buttons = [
        (Button { text: "Run", key: Some("Ctrl ⏎"), is_small: true, is_primary: true, ..Button::default() }, Do::Run),
        (Button { text: "Explain", is_small: true, ..Button::default() }, Do::Explain),
    ];
    for (b, what) in buttons {
        if button(&kit, x, r.top() + 7.0, b).clicked() {
            state.wanted.push(what);
        }
        x += b.width(&kit) + 8.0;
    }
    if is_running {
        let b = Button { text: "Stop", is_small: true, ..Button::default() };
        if button(&kit, x, r.top() + 7.0, b).clicked()
            && let Some(run) = state.sql.runs.get(slots.len() - 1)
        {
            state.asks.act(ui.ctx(), Command::Cancel { tag: run.tag }, Vec::new());
        }
        x += b.width(&kit) + 8.0;
    }
    let b = Button {
        text: if state.sql.is_history_open { "Results" } else { "History" },
        is_small: true,
        is_quiet: true,
        ..Button::default()
    };
    if button(&kit, x, r.top() + 7.0, b).clicked() {
        state.sql.is_history_open = !state.sql.is_history_open;
    }
    x += b.width(&kit) + 16.0;
    if state.sql.runs.len() > 1 {
        let names: Vec<String> = (1..=state.sql.runs.len()).map(|i| i.to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).take(12).collect();
        let (clicked, width) = seg(&kit, x, r.top() + 7.0, true, &names, state.sql.shown);
        if let Some(i) = clicked {
            state.sql.shown = i.min(slots.len().saturating_sub(1));
            state.sql.results = results::State::default();
        }
        x += width + 12.0;
    }
    let on = usize::from(state.sql.is_chart);
    let width = 110.0;
    if x + width + 200.0 < r.right() {
        let (clicked, _) = seg(&kit, r.right() - 12.0 - width, r.top() + 7.0, true, &["Table", "Chart"], on);
        if let Some(i) = clicked {
            state.sql.is_chart = i == 1;
        }
        let limits = format!("stopped after 60 s, cut at {} rows", thousands(LIMIT as i64));
        let right = r.right() - 24.0 - width;
        if x + kit.width(Font::Regular(11.0), &limits) < right {
            kit.text_right(right, r.top() + 22.0, Font::Regular(11.0), t.weak, &limits);
        }
    }
}

/// Statements that were run, the newest first; a click brings one back.
fn history(ui: &mut Ui, state: &mut App, r: Rect) {
    let name = format!("sql history {}", state.sql.n_kept);
    let slot = state.asks.ask(ui.ctx(), &name, false, || Ask::Saved { kind: "sql".into() });
    let items: Vec<(String, i64)> = slot
        .get()
        .and_then(|a| a.object.as_ref()?["items"].as_array().cloned())
        .into_iter()
        .flatten()
        .filter_map(|one| Some((one["name"].as_str()?.to_owned(), one["at"].as_i64()?)))
        .collect();
    if items.is_empty() && slot.answer.is_some() {
        let kit = Kit::new(ui, state.theme);
        return super::states::empty(&kit, r, "Nothing was run yet", &["What is run is kept here, the newest first."]);
    }
    let mut child = ui.new_child(UiBuilder::new().id_salt("sql-history").max_rect(r));
    child.set_clip_rect(r);
    let mut wanted = None;
    ScrollArea::vertical().auto_shrink(false).id_salt("sql-history").show_rows(
        &mut child,
        28.0,
        items.len(),
        |ui, range| {
            for i in range {
                let (line, response) = ui.allocate_exact_size(vec2(r.width(), 28.0), Sense::CLICK);
                let kit = Kit::new(ui, state.theme);
                let t = kit.t;
                if response.hovered() {
                    kit.fill(line, t.bg_hover);
                }
                let (text, at) = &items[i];
                let when = format!("{} {}", day(*at), clock(*at, 0));
                let x = kit.text(line.left() + 12.0, line.top() + 18.0, Font::Mono(11.0), t.weak, &when) + 14.0;
                let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
                kit.text_in(x, line.top() + 18.0, line.right() - x - 12.0, Font::Mono(11.0), t.strong, &flat);
                kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
                Kit::describe(&response, || flat.clone());
                if response.clicked() {
                    wanted = Some(text.clone());
                }
                response.on_hover_text(text);
            }
        },
    );
    if let Some(text) = wanted {
        state.sql.text = Some(text);
        state.sql.is_history_open = false;
    }
    let n = thousands(items.len() as i64);
    state.status.parts = vec![vec!["Showing".into(), n, "statements that were run".into()]];
}

/// A cell as text.
fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// The id of the editor's field.
fn field() -> egui::Id {
    egui::Id::unique("sql-editor")
}
