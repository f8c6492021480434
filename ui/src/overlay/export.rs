//! Everything that a view shows, into a file: what kind of file, how far it is, where it lies.

use super::sheet_frame;
use crate::app::State as App;
use crate::data::{bytes, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, icon, rect};
use crate::progress::Progress;
use crate::runtime::{self, now};
use crate::shell::range_text;
use eframe::egui::{Context, Key, Rect, Ui, vec2};
use sextant_contract::{Ask, AskError, Command, Outcome, RowFormat, SearchAsk};
use std::rc::Rc;

/// Whose rows, and how far it has come.
#[derive(Debug)]
pub(crate) struct State {
    ask: Rc<Ask>,
    selected: usize,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    Choosing,
    Running(Progress),
    Done(Made),
    Failed(AskError),
}

/// A file that was written.
#[derive(Debug)]
struct Made {
    path: String,
    name: String,
    rows: i64,
    bytes: u64,
    lacking: Option<String>,
    /// Of a folder: path, rows, bytes.
    files: Vec<(String, i64, u64)>,
}

const ROW: f32 = 32.0;
/// So many files of a folder are named.
const SHOWN_FILES: usize = 4;

impl State {
    /// For these rows.
    pub fn new(ask: Rc<Ask>) -> Self {
        Self { ask, selected: 0, phase: Phase::Choosing }
    }

    /// What came of it.
    pub fn hear(&mut self, tag: u64, outcome: Result<Outcome, AskError>) {
        if !matches!(&self.phase, Phase::Running(p) if p.tag == tag) {
            return;
        }
        self.phase = match outcome {
            Ok(Outcome::Object { object }) => {
                let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
                let number = |key: &str| object[key].as_i64().unwrap_or(0);
                let lacking = object["lacking"].as_str().map(str::to_owned);
                let (path, name) = (text("path"), text("name"));
                let files = object["files"].as_array().into_iter().flatten().map(|f| {
                    let path = f["path"].as_str().unwrap_or_default().to_owned();
                    (path, f["rows"].as_i64().unwrap_or(0), f["bytes"].as_u64().unwrap_or(0))
                });
                runtime::fetch_file(&name);
                Phase::Done(Made {
                    path,
                    name,
                    rows: number("rows"),
                    bytes: object["bytes"].as_u64().unwrap_or(0),
                    lacking,
                    files: files.collect(),
                })
            }
            // No place was chosen.
            Ok(_) => Phase::Choosing,
            Err(e) => Phase::Failed(e),
        };
    }

    fn formats(&self) -> Vec<RowFormat> {
        let is_telemetry = match self.ask.as_ref() {
            Ask::Search(search) => !is_of_figures(search),
            Ask::Trace { .. } => true,
            _ => false,
        };
        let is_offered = |f: &RowFormat| {
            // A page does not know where the folder will lie that it fetches, and such a table must.
            (is_telemetry || !f.is_of_records()) && !(runtime::is_browser() && *f == RowFormat::Iceberg)
        };
        RowFormat::ALL.into_iter().filter(is_offered).collect()
    }

    fn begin(&mut self, ctx: &Context, state: &App) {
        let Some(format) = self.formats().get(self.selected).copied() else { return };
        let progress = Progress::begun();
        let tag = progress.tag;
        let name = format!("sextant-{}-{}.{}", word(&self.ask), stamp(), format.extension());
        let path = runtime::place_for(state.files_dir.as_deref(), &name);
        let ask = Box::new(self.ask.as_ref().clone());
        state.asks.export(ctx, tag, Command::Export { ask, format, tag, path, location: None });
        self.phase = Phase::Running(progress);
    }

    /// What is under way is not wanted.
    pub fn cancel(&self, ctx: &Context, asks: &crate::asks::Asks) {
        if let Phase::Running(p) = &self.phase {
            asks.act(ctx, Command::Cancel { tag: p.tag }, Vec::new());
        }
    }
}

/// `20261121-2130`.
fn stamp() -> String {
    let time = sextant_model::UnixNanos(now()).to_string();
    let digits: String = time.chars().filter(char::is_ascii_digit).collect();
    format!("{}-{}", digits.get(..8).unwrap_or_default(), digits.get(8..14).unwrap_or_default())
}

/// Whether a search asks for figures and not for records.
fn is_of_figures(search: &SearchAsk) -> bool {
    sextant_queries::parse(search.kind.signal(), &search.query).is_ok_and(|q| q.aggregate.is_some())
}

/// What the rows are, as part of a name.
fn word(ask: &Ask) -> &'static str {
    match ask {
        Ask::Search(search) if is_of_figures(search) => "figures",
        _ => ask.noun(),
    }
}

/// The same in a sentence.
pub(crate) fn words(ask: &Ask) -> String {
    let of = |query: &str| if query.is_empty() { String::new() } else { format!(" · {query}") };
    match ask {
        Ask::Trace { id } => format!("spans of trace {id}"),
        Ask::Metric(metric) => metric.name.clone(),
        Ask::Search(search) | Ask::Patterns { search, .. } | Ask::Differs { search, .. } => {
            format!("{}{}", word(ask), of(&search.query))
        }
        Ask::Sql { sql, .. } => sql.split_whitespace().collect::<Vec<_>>().join(" "),
        _ => word(ask).to_owned(),
    }
}

fn about(format: RowFormat) -> &'static str {
    match format {
        RowFormat::Csv => "a table with a header, for spreadsheets",
        RowFormat::Ndjson => "an object a line, for jq and scripts",
        RowFormat::Json => "one array of objects",
        RowFormat::Parquet => "columns, compressed, for DuckDB, pandas, polars, Spark",
        RowFormat::Arrow => "an IPC stream, for pandas, polars, R",
        RowFormat::Otlp => "everything that was sent; can be imported and sent again",
        RowFormat::ParquetByDay => "a folder of files with all columns, a day in each, for DuckDB, polars, Spark",
        RowFormat::Iceberg => "a folder of tables for lakehouses: PyIceberg, DuckDB, Spark, Trino",
    }
}

/// How others read a file of this kind, or a table of a folder: where it is typed, and what.
fn reading(path: &str, table: &str) -> Vec<(&'static str, String)> {
    let is = |format: RowFormat| path.strip_suffix(format.extension()).is_some_and(|p| p.ends_with('.'));
    let sql = path.replace('\'', "''");
    let json = |text: &str| serde_json::Value::from(text).to_string();
    let quoted = json(path);
    if is(RowFormat::Parquet) {
        vec![
            ("DuckDB", format!("SELECT * FROM '{sql}'")),
            ("pandas", format!("pandas.read_parquet({quoted})")),
            ("polars", format!("polars.read_parquet({quoted})")),
        ]
    } else if is(RowFormat::Csv) {
        vec![
            ("DuckDB", format!("SELECT * FROM '{sql}'")),
            ("pandas", format!("pandas.read_csv({quoted})")),
            ("polars", format!("polars.read_csv({quoted})")),
        ]
    } else if is(RowFormat::Otlp) {
        vec![("Sextant", format!("sextant import {quoted}"))]
    } else if is(RowFormat::ParquetByDay) {
        vec![
            ("DuckDB", format!("SELECT * FROM read_parquet('{sql}/{table}/**/*.parquet')")),
            ("polars", format!("polars.read_parquet({})", json(&format!("{path}/{table}/**/*.parquet")))),
        ]
    } else if is(RowFormat::Iceberg) {
        let table = json(&format!("{path}/{table}/metadata/v1.metadata.json"));
        vec![
            ("PyIceberg", format!("StaticTable.from_metadata({table}).scan().to_arrow()")),
            ("DuckDB", format!("SELECT * FROM iceberg_scan('{sql}/{table}')")),
        ]
    } else if is(RowFormat::Arrow) {
        vec![("polars", format!("polars.read_ipc_stream({quoted})"))]
    } else {
        vec![
            ("DuckDB", format!("SELECT * FROM read_json('{sql}')")),
            (
                "pandas",
                format!("pandas.read_json({quoted}{})", if is(RowFormat::Ndjson) { ", lines=True" } else { "" }),
            ),
        ]
    }
}

pub(super) fn show(ui: &Ui, state: &mut App, whole: Rect, is_left: bool) -> bool {
    let Some(mut export) = state.export.take() else { return true };
    let formats = export.formats();
    let w = 600.0_f32.min(whole.width() - 24.0);
    let h = (44.0 + 12.0 + ROW * RowFormat::ALL.len() as f32 + 60.0).min(whole.height() - 24.0);
    let r = rect((whole.width() - w) / 2.0, 120.0_f32.min((whole.height() - h) / 2.0).max(12.0), w, h);
    let is_closed = {
        let kit = Kit::new(ui, state.theme);
        sheet_frame(&kit, whole, r);
        let note: String = words(&export.ask).chars().take(60).collect();
        super::sheet_title(&kit, r, "Export", &note, "close export")
    };
    let body = rect(r.left() + 1.0, r.top() + 51.0, r.width() - 2.0, h - 51.0 - 53.0);
    let foot = rect(r.left() + 1.0, r.bottom() - 53.0, r.width() - 2.0, 52.0);
    Kit::new(ui, state.theme).hline(foot.left(), foot.top(), foot.width(), state.theme.hair);
    let is_over = match &mut export.phase {
        Phase::Choosing => {
            choose(ui, state, &mut export, &formats, body, foot);
            false
        }
        Phase::Running(progress) => {
            progress.ask(ui, &mut state.asks);
            under_way(&Kit::new(ui, state.theme), progress, body);
            stop(ui, state, progress.tag, foot);
            false
        }
        Phase::Done(made) => done(ui, state, made, body, foot),
        Phase::Failed(e) => {
            failed(ui, state, e, body);
            let kit = Kit::new(ui, state.theme);
            let b = Button { text: "Back", ..Button::default() };
            if button(&kit, foot.right() - 16.0 - b.width(&kit), foot.top() + 13.0, b).clicked() {
                export.phase = Phase::Choosing;
            }
            false
        }
    };
    let is_running = matches!(export.phase, Phase::Running { .. });
    let is_beside = is_left && !ui.input(|i| i.pointer.interact_pos()).is_some_and(|p| r.contains(p));
    if is_closed {
        export.cancel(ui.ctx(), &state.asks);
    }
    state.export = Some(export);
    is_closed || is_over || (is_beside && !is_running)
}

fn choose(ui: &Ui, state: &App, export: &mut State, formats: &[RowFormat], body: Rect, foot: Rect) {
    let (up, down, enter) = ui.input(|i| {
        // Each of those that came between two frames.
        let pressed = |a, b| i.num_presses(a) + i.num_presses(b);
        (pressed(Key::ArrowUp, Key::K), pressed(Key::ArrowDown, Key::J), i.key_pressed(Key::Enter))
    });
    export.selected = (export.selected + down).saturating_sub(up).min(formats.len().saturating_sub(1));
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let mut is_chosen = enter;
    for (i, format) in formats.iter().enumerate() {
        let row = rect(body.left(), body.top() + ROW * i as f32, body.width(), ROW);
        if row.bottom() > body.bottom() {
            break;
        }
        let response = kit.row(row, ("export", i));
        kit.row_back(row, i == export.selected, response.hovered());
        kit.text(row.left() + 20.0, row.top() + 20.5, Font::Semibold(12.0), t.strong, format.name());
        kit.text_in(
            row.left() + 116.0,
            row.top() + 20.5,
            row.width() - 132.0,
            Font::Regular(12.0),
            t.text,
            about(*format),
        );
        Kit::describe(&response, || format!("{}: {}", format.name(), about(*format)));
        if response.clicked() {
            export.selected = i;
        }
        is_chosen |= response.double_clicked();
    }
    let b = Button { text: "Export", key: Some("⏎"), is_primary: true, ..Button::default() };
    let x = foot.right() - 16.0 - b.width(&kit);
    is_chosen |= button(&kit, x, foot.top() + 13.0, b).clicked();
    let shown: Vec<String> = state.status.parts.first().cloned().unwrap_or_default();
    let words = format!("{} of {}; every row is written", shown.join(" "), range_text(&state.route));
    kit.text_in(foot.left() + 20.0, foot.top() + 30.5, x - foot.left() - 32.0, Font::Regular(12.0), t.weak, &words);
    if is_chosen {
        export.begin(ui.ctx(), state);
    }
}

fn under_way(kit: &Kit<'_>, of: &Progress, body: Rect) {
    let r = body.shrink2(vec2(20.0, 0.0)).with_min_y(body.center().y - 14.0);
    let words = format!("{}, {} so far", of.words(), bytes(of.bytes));
    kit.text(r.left(), r.top(), Font::Regular(12.0), kit.t.strong, &words);
    of.show(kit, r, kit.t.bg_app);
}

fn stop(ui: &Ui, state: &App, tag: u64, foot: Rect) {
    let kit = Kit::new(ui, state.theme);
    let b = Button { text: "Cancel", key: Some("Esc"), ..Button::default() };
    let x = foot.right() - 16.0 - b.width(&kit);
    if button(&kit, x, foot.top() + 13.0, b).clicked() {
        state.asks.act(ui.ctx(), Command::Cancel { tag }, Vec::new());
    }
    let words = "Nothing is left of a file that is not finished.";
    kit.text_in(foot.left() + 20.0, foot.top() + 30.5, x - foot.left() - 32.0, Font::Regular(12.0), kit.t.weak, words);
}

/// Says whether it is to be closed.
fn done(ui: &Ui, state: &App, made: &Made, body: Rect, foot: Rect) -> bool {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let left = body.left() + 20.0;
    let w = body.width() - 40.0;
    icon(&kit, "check", left, body.top() + 10.0, 13.0, 2.0, t.ok);
    let words = format!("{} rows, {}", thousands(made.rows), bytes(made.bytes));
    kit.text(left + 22.0, body.top() + 21.0, Font::Semibold(13.0), t.strong, &words);
    let place = if runtime::is_browser() { &made.name } else { &made.path };
    let field = rect(left, body.top() + 34.0, w, 28.0);
    copied(ui, &kit, field, place, "Copy the path");
    let mut y = field.bottom() + 22.0;
    if let Some(lacking) = &made.lacking {
        kit.text_in(left, y, w, Font::Regular(12.0), t.error, &format!("Not whole: {lacking}"));
        y += 20.0;
    }
    for (path, rows, n_bytes) in made.files.iter().take(SHOWN_FILES) {
        kit.text_in(left, y, w - 200.0, Font::Mono(11.0), t.text, path);
        let size = format!("{} rows · {}", thousands(*rows), bytes(*n_bytes));
        kit.text_right(left + w, y, Font::Mono(11.0), t.weak, &size);
        y += 18.0;
    }
    if made.files.len() > SHOWN_FILES {
        let more = format!("and {} more files", made.files.len() - SHOWN_FILES);
        kit.text(left, y, Font::Regular(12.0), t.weak, &more);
        y += 18.0;
    }
    if !made.files.is_empty() {
        y += 8.0;
    }
    let table = made.files.first().and_then(|(path, ..)| path.split('/').next()).unwrap_or_default();
    for (tool, text) in reading(place, table) {
        kit.text(left, y + 14.0, Font::Medium(11.0), t.text, tool);
        copied(ui, &kit, rect(left + 64.0, y - 4.0, w - 64.0, 26.0), &text, &format!("Copy for {tool}"));
        y += 32.0;
    }
    let b = Button { text: "Close", key: Some("Esc"), ..Button::default() };
    let is_closed = button(&kit, foot.right() - 16.0 - b.width(&kit), foot.top() + 13.0, b).clicked();
    is_closed || ui.input(|i| i.key_pressed(Key::Enter))
}

/// A field with something to be copied.
fn copied(ui: &Ui, kit: &Kit<'_>, field: Rect, text: &str, label: &str) {
    let t = kit.t;
    kit.round(field, 4, t.bg_app);
    kit.border(field, 4, t.strong_line);
    let bl = field.center().y + 4.0;
    kit.text_in(field.left() + 10.0, bl, field.width() - 46.0, Font::Mono(11.0), t.syn_string, text);
    let copy = rect(field.right() - 24.0, field.center().y - 7.0, 14.0, 14.0);
    let response = kit.click(copy.expand(5.0), ("copied", label), label);
    icon(kit, "copy", copy.left(), copy.top(), 14.0, 1.4, if response.hovered() { t.accent } else { t.weak });
    if response.clicked() {
        ui.copy_text(text.to_owned());
    }
}

fn failed(ui: &Ui, state: &App, e: &AskError, body: Rect) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let (left, w) = (body.left() + 20.0, body.width() - 40.0);
    kit.text_in(left, body.top() + 26.0, w, Font::Semibold(13.0), t.error, "Nothing was written");
    kit.text_in(left, body.top() + 50.0, w, Font::Regular(12.0), t.strong, &e.message);
    if let Some(hint) = &e.hint {
        kit.text_in(left, body.top() + 70.0, w, Font::Regular(12.0), t.text, hint);
    }
}
