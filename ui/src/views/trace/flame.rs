//! The flame graph of the open trace, and its operations as a table.

use super::{Shape as Mode, select};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{counted, duration, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, chip, rect};
use crate::views::traces::cross;
use eframe::egui::{Rect, ScrollArea, Sense, Ui, UiBuilder, vec2};
use sextant_charts::{Flame, FlameBox, Ink, Operation, Skeleton, operations};
use std::rc::Rc;

/// What was made of the trace, and what is looked at.
#[derive(Debug, Default)]
pub(super) struct State {
    flame: Option<Rc<Flame>>,
    operations: Option<Rc<Vec<Operation>>>,
    /// The box that fills the width.
    focus: usize,
    /// The row of the table that is selected.
    row: usize,
    order: usize,
}

impl State {
    /// Another trace, or more of it, came.
    pub fn forget(&mut self) {
        *self = Self { order: self.order, ..Self::default() };
    }
}

const BOX: f32 = 20.0;

/// Spans by what they do and under which parents: as wide as their time without that of their children.
pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, all: &Skeleton) {
    let flame = state.trace.flame.flame.get_or_insert_with(|| Rc::new(Flame::of(all))).clone();
    let selected = flame.of_span.get(state.trace.selected.0).map_or(0, |i| *i as usize);
    let at = walk(state, &flame, selected);
    if at != selected {
        select(state, flame.boxes[at].place);
    }
    if state.takes(Do::Enter) || state.takes(Do::Fit) {
        state.trace.flame.focus = at;
    }
    if state.takes(Do::Reset) || (state.trace.flame.focus != 0 && state.takes(Do::Close)) {
        state.trace.flame.focus = 0;
    }
    let focus = state.trace.flame.focus.min(flame.boxes.len().saturating_sub(1));
    let ends = if focus == 0 { (0, flame.whole.max(1)) } else { flame.boxes[focus].ends };
    {
        let kit = Kit::new(ui, state.theme);
        let t = kit.t;
        let text = format!(
            "width: time without that of children, {} of {} spans in all  ·  Enter fills the width with a box, 0 shows all",
            duration(flame.whole),
            thousands(all.len() as i64)
        );
        kit.text_in(r.left() + 12.0, r.top() + 20.0, r.width() - 24.0, Font::Regular(11.0), t.weak, &text);
        kit.hline(r.left(), r.top() + 31.0, r.width(), t.hair);
    }
    let body = r.with_min_y(r.top() + 32.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("flame").max_rect(body));
    child.set_clip_rect(body);
    let (mut chosen, mut zoomed) = (None, None);
    ScrollArea::vertical().auto_shrink(false).id_salt("flame").show_viewport(&mut child, |ui, view| {
        ui.set_min_size(vec2(body.width(), BOX * flame.depth as f32 + 24.0));
        let origin = ui.min_rect().min;
        let kit = Kit::new(ui, state.theme);
        let width = body.width() - 24.0;
        let scale = f64::from(width) / (ends.1 - ends.0).max(1) as f64;
        let x_of = |nanos: i64| body.left() + 12.0 + ((nanos - ends.0) as f64 * scale) as f32;
        let pointer = ui.input(|i| i.pointer.hover_pos()).filter(|p| body.contains(*p));
        let mut under = None;
        // What is thinner than a pixel is drawn with its neighbours, an error among them on top.
        let mut last: Vec<f32> = vec![f32::NEG_INFINITY; flame.depth + 1];
        for (i, one) in flame.boxes.iter().enumerate() {
            let y = BOX * one.depth as f32 + 8.0;
            if one.ends.1 <= ends.0 || one.ends.0 >= ends.1 || y + BOX < view.min.y || y > view.max.y {
                continue;
            }
            let (left, right) = (x_of(one.ends.0.max(ends.0)), x_of(one.ends.1.min(ends.1)));
            let is_error = one.n_errors > 0;
            if right - last[one.depth] < 1.0 && !is_error && i != at {
                continue;
            }
            last[one.depth] = right;
            let area = rect(left, origin.y + y, (right - left - 1.0).max(1.0), BOX - 1.0);
            paint(&kit, area, one, all, i == at);
            if pointer.is_some_and(|p| area.contains(p)) {
                under = Some((i, area));
            }
        }
        if let Some((i, area)) = under {
            let response = kit.row(area, ("flame", i));
            if response.clicked() {
                chosen = Some(i);
            }
            if response.double_clicked() {
                zoomed = Some(i);
            }
            response.on_hover_text(said(&flame.boxes[i], all, flame.whole));
        }
        // The one that is selected is what is said.
        let one = &flame.boxes[at];
        let response = kit.row(rect(body.left(), origin.y, 1.0, 1.0), "flame selected");
        Kit::describe(&response, || said(one, all, flame.whole));
    });
    if let Some(i) = chosen {
        select(state, flame.boxes[i].place);
    }
    if let Some(focus) = zoomed {
        state.trace.flame.focus = focus;
    }
}

/// Keys go to the box above or below, and to the one beside.
fn walk(state: &mut App, flame: &Flame, at: usize) -> usize {
    let boxes = &flame.boxes;
    let siblings = |at: usize| {
        let mut list: Vec<usize> = (0..boxes.len()).filter(|i| boxes[*i].parent == boxes[at].parent).collect();
        list.sort_by_key(|i| boxes[*i].ends.0);
        list
    };
    let mut to = at;
    if state.takes(Do::Up) {
        to = boxes[to].parent.unwrap_or(to);
    }
    if state.takes(Do::Down) {
        let children = (0..boxes.len()).filter(|i| boxes[*i].parent == Some(to));
        to = children.min_by_key(|i| boxes[*i].ends.0).unwrap_or(to);
    }
    for (what, by) in [(Do::Fold, -1isize), (Do::Unfold, 1)] {
        if state.takes(what) {
            let list = siblings(to);
            let place = list.iter().position(|i| *i == to).unwrap_or(0);
            to = place.checked_add_signed(by).and_then(|p| list.get(p)).copied().unwrap_or(to);
        }
    }
    to
}

fn said(one: &FlameBox, all: &Skeleton, whole: i64) -> String {
    let span = all.span(one.place);
    let total = one.ends.1 - one.ends.0;
    let share = total as f64 / whole.max(1) as f64 * 100.0;
    format!(
        "{} {}\n{}, {}\n{} with all below, {:.1} % of the trace\n{} without children",
        span.service(),
        span.name(),
        counted(one.n, "span"),
        counted(one.n_errors, "error"),
        duration(total),
        share,
        duration(one.self_time),
    )
}

fn paint(kit: &Kit<'_>, r: Rect, one: &FlameBox, all: &Skeleton, is_selected: bool) {
    let t = kit.t;
    let span = all.span(one.place);
    kit.round(r, 2, t.ink(Ink::Service(span.hue())));
    if one.n_errors > 0 {
        kit.fill(rect(r.left(), r.top(), r.width(), 2.0), t.error);
    }
    if is_selected {
        kit.border(r.expand(1.0), 2, t.accent);
        kit.border(r.expand(2.0), 3, t.accent);
    }
    if r.width() > 34.0 {
        let n = if one.n > 1 { format!("  ×{}", one.n) } else { String::new() };
        let text = format!("{}{n}", span.name());
        kit.text_in(r.left() + 6.0, r.top() + 13.5, r.width() - 10.0, Font::Medium(11.0), t.svc_ink, &text);
    }
}

const ROW: f32 = 24.0;
/// What the table can be ordered by.
const ORDERS: [&str; 5] = ["self", "total", "critical", "spans", "longest"];

/// A row an operation: how often, how long, and how much of it is on the critical path.
pub(super) fn table(ui: &mut Ui, state: &mut App, r: Rect, all: &Skeleton) {
    if state.takes(Do::Order) {
        state.trace.flame.order = (state.trace.flame.order + 1) % ORDERS.len();
        state.trace.flame.operations = None;
    }
    let order = state.trace.flame.order;
    let list = state
        .trace
        .flame
        .operations
        .get_or_insert_with(|| {
            let mut list = operations(all);
            let value = |one: &Operation| match order {
                1 => one.total,
                2 => one.critical,
                3 => one.n as i64,
                4 => one.max,
                _ => one.self_time,
            };
            list.sort_by_key(|one| (std::cmp::Reverse(value(one)), one.place));
            Rc::new(list)
        })
        .clone();
    let last = list.len().saturating_sub(1);
    let at = state.walk(state.trace.flame.row.min(last), last);
    state.trace.flame.row = at;
    let titles = ["Spans", "Errors", "Self", "Total", "Critical path", "p50", "p95", "Longest"];
    let ordered = [2usize, 3, 4, 0, 7][order];
    let width = ((r.width() - 320.0) / titles.len() as f32).clamp(58.0, 104.0);
    let right_of = |i: usize| r.right() - 12.0 - width * (titles.len() - 1 - i) as f32;
    let rights: Vec<f32> = (0..titles.len()).map(right_of).collect();
    let most = list.iter().map(|one| one.self_time).max().unwrap_or(1).max(1) as f32;
    let columns = Columns { names: right_of(0) - width - r.left(), rights, width, ordered, most };
    {
        let kit = Kit::new(ui, state.theme);
        let t = kit.t;
        kit.text(r.left() + 12.0, r.top() + 17.0, Font::Medium(11.0), t.weak, "Service and operation");
        for (i, title) in titles.iter().enumerate() {
            let color = if i == ordered { t.strong } else { t.weak };
            kit.text_right(right_of(i), r.top() + 17.0, Font::Medium(11.0), color, title);
        }
        kit.hline(r.left(), r.top() + 25.0, r.width(), t.strong_line);
    }
    let body = r.with_min_y(r.top() + 26.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("operations").max_rect(body));
    child.set_clip_rect(body);
    let mut opened = None;
    ScrollArea::vertical().auto_shrink(false).id_salt("operations").show_rows(
        &mut child,
        ROW,
        list.len(),
        |ui, range| {
            for i in range {
                let (line, response) = ui.allocate_exact_size(vec2(body.width(), ROW), Sense::CLICK);
                let kit = Kit::new(ui, state.theme);
                kit.row_back(line, i == at, response.hovered());
                let one = &list[i];
                let span = all.span(one.place);
                operation(&kit, line, one, all, &columns);
                Kit::describe(&response, || {
                    format!(
                        "{} {}: {}, self {}",
                        span.service(),
                        span.name(),
                        counted(one.n, "span"),
                        duration(one.self_time)
                    )
                });
                if response.clicked() {
                    opened = Some(i);
                }
            }
        },
    );
    if let Some(i) = opened {
        state.trace.flame.row = i;
        select(state, list[i].place);
    }
    if state.takes(Do::Enter)
        && let Some(one) = list.get(at)
    {
        // The longest of them, where it is.
        state.trace.shape = Mode::Waterfall;
        select(state, one.place);
    }
}

/// Where the table's columns are.
struct Columns {
    names: f32,
    rights: Vec<f32>,
    width: f32,
    /// The one that the table is ordered by.
    ordered: usize,
    /// The most self time of all operations.
    most: f32,
}

fn operation(kit: &Kit<'_>, line: Rect, one: &Operation, all: &Skeleton, columns: &Columns) {
    let t = kit.t;
    let span = all.span(one.place);
    let bl = line.top() + 16.0;
    chip(kit, line.left() + 12.0, line.top() + 5.5, span.service());
    kit.text_in(line.left() + 36.0, bl, columns.names - 48.0, Font::Regular(12.0), t.strong, span.name());
    let texts = [
        thousands(one.n as i64),
        thousands(one.n_errors as i64),
        duration(one.self_time),
        duration(one.total),
        if one.critical > 0 { duration(one.critical) } else { "–".into() },
        duration(one.p50),
        duration(one.p95),
        duration(one.max),
    ];
    for (i, text) in texts.iter().enumerate() {
        let color = match i {
            1 if one.n_errors > 0 => t.error,
            1 => t.weak,
            _ if i == columns.ordered => t.strong,
            _ => t.text,
        };
        let left = kit.text_right(columns.rights[i], bl, Font::Mono(11.0), color, text);
        if i == 1 && one.n_errors > 0 {
            cross(kit, left - 12.0, line.top() + 8.0);
        }
    }
    let bar = (columns.width - 12.0) * one.self_time as f32 / columns.most;
    kit.fill(rect(columns.rights[2] - bar, line.bottom() - 4.0, bar.max(1.0), 2.0), t.bar);
    kit.hline(line.left(), line.bottom() - 1.0, line.width(), t.hair);
}
