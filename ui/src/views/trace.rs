//! One trace: the waterfall with its minimap, and the selected span beside it.

mod detail;
pub(crate) use detail::level;
mod waterfall;

use super::{report, states};
use crate::app::State as App;
use crate::data::{Row, clock, duration, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Check, Kit, chip, icon, pill, rect};
use eframe::egui::{Rect, Ui, pos2};
use sextant_contract::{Answer, Ask};
use std::collections::HashSet;
use std::rc::Rc;

/// What is folded, shown and selected in the trace that is open.
#[derive(Debug)]
pub(crate) struct State {
    trace: String,
    /// Places of nodes whose descendants are hidden.
    closed: HashSet<usize>,
    /// The selected node.
    selected: usize,
    has_critical: bool,
    /// What the attributes are searched for.
    find: String,
    tab: usize,
    nodes: Rc<Nodes>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            trace: String::new(),
            closed: HashSet::new(),
            selected: 0,
            has_critical: true,
            find: String::new(),
            tab: 0,
            nodes: Rc::default(),
        }
    }
}

/// A span as the waterfall needs it.
#[derive(Debug, Clone)]
struct Node {
    depth: usize,
    n_descendants: usize,
    start: i64,
    duration: i64,
    self_time: i64,
    service: String,
    name: String,
    kind: String,
    span: String,
    message: String,
    is_error: bool,
    is_odd: bool,
    is_critical: bool,
    n_logs: i64,
}

/// All spans, depth first.
#[derive(Debug, Default)]
struct Nodes {
    generation: u64,
    list: Vec<Node>,
    origin: i64,
    extent: i64,
}

impl Nodes {
    fn of(answer: &Answer) -> Self {
        let node = |r: Row<'_>| Node {
            depth: r.int("depth") as usize,
            n_descendants: r.int("descendants") as usize,
            start: r.int("start"),
            duration: r.int("duration"),
            self_time: r.int("self"),
            service: r.text("service").to_owned(),
            name: r.text("name").to_owned(),
            kind: r.text("kind").to_owned(),
            span: r.text("span").to_owned(),
            message: r.text("message").to_owned(),
            is_error: r.flag("error"),
            is_odd: r.flag("orphan") || r.flag("cycle") || r.flag("duplicate"),
            is_critical: r.flag("critical"),
            n_logs: r.int("logs"),
        };
        let list: Vec<Node> = rows(answer).map(node).collect();
        let extent = list.iter().map(|n| n.start + n.duration).max().unwrap_or(1).max(1);
        let origin = rows(answer).next().map_or(0, |r| r.int("origin"));
        Self { generation: answer.generation, list, origin, extent }
    }
}

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let id = state.route.trace.clone();
    let name = format!("skeleton {id}");
    let slot = state.asks.ask(ui.ctx(), &name, state.route.is_live(), || Ask::Skeleton { id: id.clone() });
    state.status.keys = vec![("j", "down"), ("k", "up"), ("h", "fold"), ("l", "open"), ("Alt ←", "back")];
    if let (Some(e), None) = (&slot.error, slot.get()) {
        return states::error(&Kit::new(ui, state.theme), main, e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, state.theme), main);
    };
    if state.trace.trace != id {
        state.trace = State { trace: id, nodes: Rc::new(Nodes::of(&answer)), ..State::default() };
        let wanted = state.trace.nodes.list.iter().position(|n| n.span == state.route.span);
        state.trace.selected = wanted.unwrap_or(0);
    } else if state.trace.nodes.generation != answer.generation && state.trace.nodes.list.len() != answer.n_rows() {
        state.trace.nodes = Rc::new(Nodes::of(&answer));
    }
    let nodes = state.trace.nodes.clone();
    if nodes.list.is_empty() {
        return states::empty(
            &Kit::new(ui, state.theme),
            main,
            "This trace has no spans",
            &["It may have been evicted"],
        );
    }
    state.trace.selected = state.trace.selected.min(nodes.list.len() - 1);
    header(ui, state, rect(main.left(), main.top(), main.width(), 66.0), &nodes);
    let has_detail = main.width() > 900.0;
    let detail_w = if has_detail { 384.0 } else { 0.0 };
    let left = Rect::from_min_max(pos2(main.left(), main.top() + 66.0), pos2(main.right() - detail_w, main.bottom()));
    waterfall::show(ui, state, left, &nodes);
    if has_detail {
        let r = Rect::from_min_max(pos2(left.right(), left.top()), main.right_bottom());
        detail::show(ui, state, r, &nodes);
    }
    let n = thousands(nodes.list.len() as i64);
    report(state, vec!["Showing".into(), format!("{n} of {n}"), "spans".into()], &slot);
}

/// Spans of the open trace whose name has `typed` in it: place, service, name, duration, error.
pub(crate) fn find_spans(state: &App, typed: &str, limit: usize) -> Vec<(usize, String, String, i64, bool)> {
    let typed = typed.to_lowercase();
    let is_hit = |n: &Node| n.name.to_lowercase().contains(&typed);
    let hits = state.trace.nodes.list.iter().enumerate().filter(|(_, n)| is_hit(n)).take(limit);
    hits.map(|(i, n)| (i, n.service.clone(), n.name.clone(), n.duration, n.is_error)).collect()
}

/// Selects the span at `place` of the open trace.
pub(crate) fn select(state: &mut App, place: usize) {
    state.trace.selected = place;
}

fn header(ui: &Ui, state: &mut App, r: Rect, nodes: &Nodes) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let root = &nodes.list[0];
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    chip(&kit, r.left() + 12.0, r.top() + 14.0, &root.service);
    let mut x =
        kit.text_in(r.left() + 38.0, r.top() + 25.0, r.width() * 0.4, Font::Semibold(15.0), t.strong, &root.name) + 8.0;
    let n_errors = nodes.list.iter().filter(|n| n.is_error).count();
    if root.is_error {
        x = pill(&kit, x, r.top() + 11.0, t.error, t.error_bg, t.error, "error") + 8.0;
    }
    x = kit.text(x, r.top() + 24.0, Font::Mono(11.0), t.weak, &state.route.trace);
    let copy = kit.click(rect(x + 6.0, r.top() + 11.0, 19.0, 19.0), "copy trace id", "Copy trace id");
    icon(&kit, "copy", x + 9.0, r.top() + 14.0, 13.0, 1.4, if copy.hovered() { t.accent } else { t.strong });
    if copy.clicked() {
        ui.copy_text(state.route.trace.clone());
    }
    let services: HashSet<&str> = nodes.list.iter().map(|n| n.service.as_str()).collect();
    let n_odd = nodes.list.iter().filter(|n| n.is_odd).count();
    let n_logs: i64 = nodes.list.iter().map(|n| n.n_logs).sum();
    let bl = r.top() + 50.0;
    let mut x = kit.text(r.left() + 12.0, bl, Font::MonoSemibold(13.0), t.strong, &duration(nodes.extent)) + 16.0;
    let mut figure = |number: String, words: &str, color| {
        x = kit.text(x, bl, Font::Mono(11.0), color, &number) + 5.0;
        x = kit.text(x, bl, Font::Regular(12.0), if color == t.error { t.error } else { t.text }, words) + 16.0;
    };
    figure(thousands(nodes.list.len() as i64), "spans", t.strong);
    figure(services.len().to_string(), "services", t.strong);
    figure(n_errors.to_string(), "errors", if n_errors > 0 { t.error } else { t.strong });
    figure(thousands(n_logs), "logs", t.strong);
    x = kit.text(x, bl, Font::Regular(12.0), t.text, "started") + 5.0;
    x = kit.text(x, bl, Font::Mono(11.0), t.strong, &clock(nodes.origin, 6)) + 5.0;
    x = kit.text(x, bl, Font::Regular(12.0), t.text, "UTC") + 16.0;
    kit.vline(x, r.top() + 39.0, 14.0, t.strong_line);
    let words = if n_odd == 0 {
        "complete, no missing parents".to_owned()
    } else {
        format!("{n_odd} spans with a missing parent, a circle or an id used twice")
    };
    kit.text(x + 17.0, bl, Font::Regular(12.0), if n_odd == 0 { t.text } else { t.warn }, &words);
}

/// The boxes of the toolbar; returns nothing, changes the state.
fn toolbar(ui: &Ui, state: &mut App, r: Rect, nodes: &Nodes) {
    let kit = Kit::new(ui, state.theme);
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), kit.t.hair);
    let bl = r.top() + 21.5;
    let check = Check { label: "Critical path", is_on: state.trace.has_critical };
    let (clicked, width) = check.show(&kit, r.left() + 12.0, bl);
    if clicked {
        state.trace.has_critical = !state.trace.has_critical;
    }
    let x = r.left() + 12.0 + width + 16.0;
    let check = Check { label: "Fold all", is_on: !state.trace.closed.is_empty() };
    if check.show(&kit, x, bl).0 {
        state.trace.closed = if state.trace.closed.is_empty() {
            (0..nodes.list.len()).filter(|i| nodes.list[*i].depth > 0 && nodes.list[*i].n_descendants > 0).collect()
        } else {
            HashSet::new()
        };
    }
}
