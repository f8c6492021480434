//! Log records as they come, the newest at the foot.

use super::{Mode, level_of, line_of, tabs};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{clock, row, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, chip, rect};
use crate::overlay::notices::Notice;
use crate::route::{Route, View};
use crate::runtime::now;
use crate::views::states;
use eframe::egui::{Rect, ScrollArea, Sense, Ui, UiBuilder, vec2};
use sextant_contract::{Answer, Ask, AskError};
use std::collections::VecDeque;
use std::rc::Rc;

/// So many lines are kept.
const MAX_LINES: usize = 5_000;
const ROW: f32 = 22.0;
/// The rate is that of so long.
const RATE_NANOS: i64 = 5_000_000_000;

/// A line: where it is in the answer that brought it.
type Line = (Rc<Answer>, usize);

/// What came so far.
#[derive(Debug, Default)]
pub(super) struct State {
    /// By which the other side knows us, and the search that it is about.
    id: u64,
    of: String,
    /// How many answers were taken in.
    n_answers: u64,
    lines: VecDeque<Line>,
    /// What came while it was held.
    waiting: VecDeque<Line>,
    is_held: bool,
    /// Of what waited, how many were more than are kept.
    n_dropped: u64,
    n_seen: u64,
    n_lost: u64,
    /// When how many came.
    samples: VecDeque<(i64, u64)>,
    error: Option<AskError>,
    is_sought: bool,
}

impl State {
    /// How many came.
    pub fn n_seen(&self) -> u64 {
        self.n_seen
    }

    /// Takes in an answer; says whether the tail began anew, since nobody had looked on.
    fn take(&mut self, answer: &Rc<Answer>) -> bool {
        let has_begun = answer.object.as_ref().is_some_and(|o| o["has_begun"] == true);
        let is_anew = has_begun && self.n_answers > 1;
        if is_anew {
            *self =
                Self { id: self.id, of: std::mem::take(&mut self.of), n_answers: self.n_answers, ..Self::default() };
        }
        self.n_lost += answer.object.as_ref().and_then(|o| o["lost"].as_u64()).unwrap_or(0);
        let n = answer.n_rows();
        self.n_seen += n as u64;
        self.samples.push_back((now(), n as u64));
        let to = if self.is_held { &mut self.waiting } else { &mut self.lines };
        // The newest first is how they come.
        to.extend((0..n).rev().map(|i| (answer.clone(), i)));
        while to.len() > MAX_LINES {
            to.pop_front();
            self.n_dropped += u64::from(self.is_held);
        }
        is_anew
    }

    fn rate(&mut self) -> f64 {
        while self.samples.front().is_some_and(|(at, _)| now() - at > RATE_NANOS) {
            self.samples.pop_front();
        }
        let since = self.samples.front().map_or(0, |(at, _)| now() - at).max(1_000_000_000);
        self.samples.iter().map(|(_, n)| *n).sum::<u64>() as f64 / (since as f64 / 1e9)
    }

    fn release(&mut self) {
        self.is_held = false;
        self.n_dropped = 0;
        self.is_sought = true;
        self.lines.append(&mut self.waiting);
        while self.lines.len() > MAX_LINES {
            self.lines.pop_front();
        }
    }
}

/// Asks for what came since the last answer.
fn listen(ui: &Ui, state: &mut App) {
    let query = state.route.query.clone();
    if state.logs.tail.id == 0 || state.logs.tail.of != query {
        state.logs.tail = State { id: now() as u64, of: query.clone(), ..State::default() };
    }
    loop {
        let id = state.logs.tail.id;
        let name = format!("tail {id} {}", state.logs.tail.n_answers);
        let slot = state.asks.ask(ui.ctx(), &name, false, || Ask::Tail { query: query.clone(), id });
        state.logs.tail.error.clone_from(&slot.error);
        let Some(answer) = slot.answer else { return };
        state.logs.tail.n_answers += 1;
        if state.logs.tail.take(&answer) {
            let text = "The tail began anew: what came while nobody looked on is among all records (f)";
            state.notices.push(Notice::said(text.into()));
        }
        state.asks.forget(&name);
    }
}

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect) {
    listen(ui, state);
    if state.takes(Do::Hold) {
        hold(state);
    }
    if state.takes(Do::Close) {
        let route = Mode::Records.route(&state.route);
        state.go(route);
    }
    let n = state.logs.tail.n_seen as i64;
    tabs(ui, state, r, None);
    strip(ui, state, rect(r.left(), r.top() + 36.0, r.width(), 36.0));
    state.status.keys = vec![("=", "hold"), ("f", "all records"), ("/", "search"), ("?", "keys")];
    state.status.parts = vec![
        vec!["Showing the last".into(), thousands(state.logs.tail.lines.len() as i64), "of".into(), thousands(n)],
        vec!["since the tail began".into()],
    ];
    let body = r.with_min_y(r.top() + 72.0);
    if let Some(e) = state.logs.tail.error.clone() {
        return states::error(&Kit::new(ui, state.theme), body, &e);
    }
    if state.logs.tail.lines.is_empty() {
        let words =
            ["Records appear here as soon as they are received.", "The search above keeps to those that it finds."];
        return states::empty(&Kit::new(ui, state.theme), body, "Nothing came yet", &words);
    }
    list(ui, state, body);
}

fn hold(state: &mut App) {
    if state.logs.tail.is_held {
        state.logs.tail.release();
    } else {
        state.logs.tail.is_held = true;
    }
}

fn strip(ui: &Ui, state: &mut App, r: Rect) {
    let rate = state.logs.tail.rate();
    if rate > 0.0 {
        ui.request_repaint_after(std::time::Duration::from_millis(500));
    }
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let tail = &state.logs.tail;
    let bl = r.top() + 22.5;
    let (is_held, waiting) = (tail.is_held, tail.waiting.len());
    kit.paint.circle_filled(
        eframe::egui::pos2(r.left() + 17.0, r.top() + 18.0),
        4.0,
        if is_held { t.weak } else { t.accent },
    );
    let mut x = r.left() + 30.0;
    let parts = [
        (format!("{} /s", thousands(rate.round() as i64)), t.strong),
        (format!("{} since the tail began", thousands(tail.n_seen as i64)), t.text),
    ];
    for (text, color) in parts {
        x = kit.text(x, bl, Font::Mono(11.0), color, &text) + 16.0;
    }
    if tail.n_lost > 0 {
        let text = format!("{} came too quickly to be shown", thousands(tail.n_lost as i64));
        x = kit.text(x, bl, Font::Regular(12.0), t.warn, &text) + 16.0;
    }
    if is_held {
        let mut text = format!("held, {} wait", thousands(waiting as i64));
        if tail.n_dropped > 0 {
            text += &format!(", {} before them are among all records only", thousands(tail.n_dropped as i64));
        }
        kit.text(x, bl, Font::Semibold(12.0), t.accent, &text);
    }
    let word = if is_held { "Jump to the newest" } else { "Hold" };
    let b = Button { text: word, key: Some("="), is_small: true, is_primary: is_held, ..Button::default() };
    let right = r.right() - 12.0 - b.width(&kit);
    if button(&kit, right, r.top() + 7.0, b).clicked() {
        hold(state);
    }
    let clear = Button { text: "Clear", is_small: true, is_quiet: true, ..Button::default() };
    if button(&kit, right - 8.0 - clear.width(&kit), r.top() + 7.0, clear).clicked() {
        state.logs.tail.lines.clear();
        state.logs.tail.waiting.clear();
    }
}

fn list(ui: &mut Ui, state: &mut App, body: Rect) {
    let mut child = ui.new_child(UiBuilder::new().id_salt("tail").max_rect(body));
    child.set_clip_rect(body);
    let is_held = state.logs.tail.is_held;
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("tail").stick_to_bottom(!is_held);
    if std::mem::take(&mut state.logs.tail.is_sought) {
        area = area.vertical_scroll_offset(ROW * state.logs.tail.lines.len() as f32);
    }
    let mut opened = None;
    let n = state.logs.tail.lines.len();
    let output = area.show_rows(&mut child, ROW, n, |ui, range| {
        for i in range {
            let (line, response) = ui.allocate_exact_size(vec2(body.width(), ROW), Sense::CLICK);
            let Some((answer, place)) = state.logs.tail.lines.get(i) else { continue };
            let Some(row) = row(answer, *place) else { continue };
            let kit = Kit::new(ui, state.theme);
            let t = kit.t;
            if response.hovered() {
                kit.fill(line, t.bg_hover);
            }
            let bl = line.top() + 15.0;
            let (word, font, color) = level_of(t, row);
            if color == t.error || color == t.warn {
                kit.fill(rect(line.left(), line.top(), 2.0, ROW), color);
            }
            kit.text(line.left() + 12.0, bl, Font::Mono(11.0), t.text, &clock(row.int("Timestamp"), 3));
            kit.text_in(line.left() + 112.0, bl, 46.0, font, color, &word);
            let name = row.text("ServiceName");
            chip(&kit, line.left() + 162.0, line.top() + 5.0, name);
            kit.text_in(line.left() + 186.0, bl, 112.0, Font::Regular(12.0), t.strong, name);
            kit.text_in(line.left() + 304.0, bl, line.width() - 316.0, Font::Mono(11.5), t.strong, &line_of(row));
            Kit::describe(&response, || format!("{word} {name}: {}", line_of(row)));
            if response.clicked() && !row.text("TraceId").is_empty() {
                opened = Some((row.text("TraceId").to_owned(), row.text("SpanId").to_owned()));
            }
            response.on_hover_text(if row.text("TraceId").is_empty() {
                "It belongs to no trace"
            } else {
                "A click opens its trace"
            });
        }
    });
    // Who scrolls up wants to read: what comes then waits.
    let is_at_end = output.state.clamped_offset().y + body.height() >= ROW * n as f32 - ROW * 1.5;
    let has_scrolled = ui.input(|i| i.smooth_scroll_delta().y > 0.0);
    if !is_at_end && has_scrolled && !is_held {
        state.logs.tail.is_held = true;
    }
    if let Some((trace, span)) = opened {
        state.go(Route { view: View::Trace, trace, span, other: String::new(), ..state.route.clone() });
    }
}
