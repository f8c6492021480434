//! What is drawn on every time axis: notes that users made, and deployments.
//!
//! Axes are drawn by parts that know nothing but a painter, so the marks of a frame lie in egui's memory.

use crate::app::State;
use crate::data::{clock, rows};
use crate::fonts::Font;
use crate::kit::{Kit, rect};
use crate::overlay::note;
use crate::route::View;
use eframe::egui::{Context, Id, Rect, Ui};
use serde_json::Value;
use sextant_contract::{Ask, Period};
use std::sync::Arc;

/// What was written down about a moment or a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    /// Under which it is kept.
    pub name: String,
    pub from: i64,
    pub to: i64,
    /// Nothing for a bookmark.
    pub text: String,
    /// What it is about.
    pub what: String,
    /// Where it leads.
    pub address: String,
}

impl Note {
    /// As it is kept.
    pub fn value(&self) -> String {
        let (from, to) = (self.from, self.to);
        serde_json::json!({ "from": from, "to": to, "text": self.text, "what": self.what, "address": self.address })
            .to_string()
    }

    fn read(item: &Value) -> Option<Self> {
        let value: Value = serde_json::from_str(item["value"].as_str()?).ok()?;
        let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
        Some(Self {
            name: item["name"].as_str()?.to_owned(),
            from: value["from"].as_i64()?,
            to: value["to"].as_i64()?,
            text: text("text"),
            what: text("what"),
            address: text("address"),
        })
    }

    /// What it says, or what it marks.
    pub fn said(&self) -> &str {
        if self.text.is_empty() { &self.what } else { &self.text }
    }
}

/// A service that began to run another version.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Deployment {
    service: String,
    version: String,
    before: String,
    time: i64,
}

/// All marks.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    pub notes: Vec<Note>,
    deployments: Vec<Deployment>,
}

/// The name of the question after notes.
pub(crate) const NOTES: &str = "notes";
/// A live period is asked for deployments anew after this.
const DEPLOYMENTS_NANOS: i64 = 60_000_000_000;

fn place() -> Id {
    Id::unique("marks")
}

fn clicked() -> Id {
    Id::unique("clicked mark")
}

/// Asks for what is to be marked, and lays it where axes find it.
pub(crate) fn refresh(ui: &Ui, state: &mut State) {
    let notes = state.asks.ask(ui.ctx(), NOTES, false, || Ask::Saved { kind: "note".into() });
    let items = notes.get().and_then(|a| a.object.as_ref()?["items"].as_array());
    let mut marks =
        Marks { notes: items.into_iter().flatten().filter_map(Note::read).collect(), deployments: Vec::new() };
    let has_axis = matches!(state.route.view, View::Traces | View::Logs | View::Metrics | View::Services | View::Trace);
    if has_axis {
        let (from, to) = state.route.period();
        // To the minute: a live axis moves on, what was deployed does not.
        let (from, to) = (from.div_euclid(DEPLOYMENTS_NANOS), to.div_euclid(DEPLOYMENTS_NANOS) + 1);
        let period = Period { from: Some(from * DEPLOYMENTS_NANOS), to: Some(to * DEPLOYMENTS_NANOS) };
        let name = format!("deployments {from} {to}");
        let slot = state.asks.ask(ui.ctx(), &name, false, || Ask::Deployments { period });
        let answer = slot.answer.clone().or_else(|| state.deployed.clone());
        state.deployed.clone_from(&answer);
        let deployment = |row: crate::data::Row<'_>| Deployment {
            service: row.text("service").to_owned(),
            version: row.text("version").to_owned(),
            before: row.text("before").to_owned(),
            time: row.int("time"),
        };
        marks.deployments = answer.iter().flat_map(|a| rows(a)).map(deployment).collect();
    }
    let marks = Arc::new(marks);
    ui.ctx().data_mut(|d| d.insert_temp(place(), marks.clone()));
    if let Some(name) = ui.ctx().data_mut(|d| d.remove_temp::<String>(clicked()))
        && let Some(known) = marks.notes.iter().find(|n| n.name == name)
    {
        state.note = Some(note::State::of(known.clone()));
    }
    state.marks = marks;
}

/// Of deployments only those of one service, for what is painted after this.
pub(crate) fn only_of(ui: &Ui, state: &State, service: &str) {
    let of = |d: &&Deployment| d.service == service;
    let deployments = state.marks.deployments.iter().filter(of).cloned().collect();
    let marks = Marks { notes: state.marks.notes.clone(), deployments };
    ui.ctx().data_mut(|d| d.insert_temp(place(), Arc::new(marks)));
}

fn published(ctx: &Context) -> Arc<Marks> {
    ctx.data(|d| d.get_temp(place())).unwrap_or_default()
}

/// Draws the marks of a period over a plot: a note as a flag or a band, a deployment as a broken line.
pub(crate) fn draw(kit: &Kit<'_>, plot: Rect, (from, to): (i64, i64)) {
    let marks = published(kit.ui.ctx());
    if to <= from {
        return;
    }
    let x_of = |time: i64| plot.left() + plot.width() * ((time - from) as f64 / (to - from) as f64) as f32;
    let mut hint: Option<(f32, String)> = None;
    let pointer = kit.ui.input(|i| i.pointer.hover_pos()).filter(|p| plot.expand2((0.0, 10.0).into()).contains(*p));
    // Those of one moment are told together.
    let mut last: Option<f32> = None;
    for one in marks.deployments.iter().filter(|d| d.time >= from && d.time < to) {
        let x = x_of(one.time).round();
        if last.is_none_or(|l| x - l >= 1.0) {
            broken(kit, x, plot);
            last = Some(x);
        }
        if pointer.is_some_and(|p| (p.x - x).abs() < 4.0) {
            let words = format!("{} {} → {}, {}", one.service, one.before, one.version, clock(one.time, 0));
            match &mut hint {
                Some((_, text)) => *text = format!("{text}  ·  {words}"),
                None => hint = Some((x, words)),
            }
        }
    }
    // What spans all of it says nothing about any part of it.
    let is_about = |n: &&Note| n.to >= from && n.from < to && (n.from >= from || n.to < to);
    for one in marks.notes.iter().filter(is_about) {
        let (x, end) = (x_of(one.from).max(plot.left()).round(), x_of(one.to).min(plot.right()).round());
        let t = kit.t;
        let flag = rect(x, plot.top() - 7.0, 9.0, 7.0);
        let id = ("flag", &one.name, plot.top() as i32, plot.left() as i32);
        let response = kit.click(flag.expand(3.0), id, &format!("Note: {}", one.said()));
        let color = if response.hovered() { t.strong } else { t.accent };
        if end - x > 3.0 {
            // A bracket along the axis; the whole time only when it is asked for.
            kit.fill(rect(x, plot.bottom() - 2.0, end - x, 2.0), t.accent_dim);
            kit.vline(end, plot.bottom() - 6.0, 6.0, t.accent_dim);
            if response.hovered() {
                kit.fill(rect(x, plot.top(), end - x, plot.height()), t.accent.gamma_multiply(0.08));
            }
        }
        if one.from < from {
            // It began before.
            let left = [(x + 6.0, flag.top()), (x + 6.0, flag.bottom()), (x, flag.center().y)];
            let points = left.iter().map(|(x, y)| eframe::egui::pos2(*x, *y)).collect();
            kit.paint.add(eframe::egui::Shape::convex_polygon(points, color, eframe::egui::Stroke::NONE));
        } else {
            kit.vline(x, plot.top() - 6.0, plot.height() + 6.0, t.accent_dim);
            kit.fill(flag, color);
        }
        if response.hovered() {
            hint = Some((x, format!("{}  {}", clock(one.from, 0), one.said())));
        }
        if response.clicked() {
            kit.ui.ctx().data_mut(|d| d.insert_temp(clicked(), one.name.clone()));
            kit.ui.request_repaint();
        }
    }
    if let Some((x, words)) = hint {
        self::hint(kit, plot, x, &words);
    }
}

fn broken(kit: &Kit<'_>, x: f32, plot: Rect) {
    let mut y = plot.top();
    while y < plot.bottom() {
        kit.vline(x, y, 4.0_f32.min(plot.bottom() - y), kit.t.text);
        y += 7.0;
    }
    // A mark on top, so that it is seen where the plot is full.
    let up = [(x - 3.5, plot.top() - 5.0), (x + 4.5, plot.top() - 5.0), (x + 0.5, plot.top())];
    let points = up.iter().map(|(x, y)| eframe::egui::pos2(*x, *y)).collect();
    kit.paint.add(eframe::egui::Shape::convex_polygon(points, kit.t.text, eframe::egui::Stroke::NONE));
}

fn hint(kit: &Kit<'_>, plot: Rect, x: f32, words: &str) {
    // Over what the plot has yet to draw.
    let layer = eframe::egui::LayerId::new(eframe::egui::Order::Tooltip, Id::unique("mark hint"));
    let kit = &Kit { ui: kit.ui, paint: kit.ui.ctx().layer_painter(layer), t: kit.t };
    let t = kit.t;
    let short: String = words.chars().take(120).collect();
    let w = kit.width(Font::Regular(11.0), &short) + 14.0;
    let left = (x + 8.0).min(plot.right() - w).max(plot.left());
    let r = rect(left, plot.top() - 2.0, w, 20.0);
    kit.round(r, 3, t.bg_raised);
    kit.border(r, 3, t.control);
    kit.text(r.left() + 7.0, r.top() + 13.5, Font::Regular(11.0), t.strong, &short);
}
