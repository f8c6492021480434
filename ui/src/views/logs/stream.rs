//! Log records and spans in one list, as they happened.

use super::{level_of, line_of, severity};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{clock, duration, row, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, chip, icon, rect};
use crate::overlay::note::Subject;
use crate::route::{Route, View};
use crate::views::{key, report, search, states};
use eframe::egui::{Rect, ScrollArea, Sense, Ui, UiBuilder, vec2};
use sextant_contract::{Answer, Ask, SearchKind};
use std::rc::Rc;

const ROW: f32 = 22.0;

/// Both lists as one.
#[derive(Debug, Default)]
pub(super) struct State {
    /// Of which answers.
    of: (Option<Rc<Answer>>, Option<Rc<Answer>>),
    order: Vec<Entry>,
    selected: usize,
    is_sought: bool,
}

/// A line: when, and which row of which answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    time: i64,
    is_span: bool,
    place: usize,
}

/// Both in the order of time, the newest first; of answers that were cut only what all of them reach back to.
fn merged(logs: Option<&Answer>, spans: Option<&Answer>, limit: usize) -> Vec<Entry> {
    let mut all = Vec::new();
    let mut since = i64::MIN;
    for (answer, is_span) in [(logs, false), (spans, true)] {
        let Some(answer) = answer else { continue };
        let times = crate::data::rows(answer).map(|r| r.int("Timestamp"));
        let first = all.len();
        all.extend(times.enumerate().map(|(place, time)| Entry { time, is_span, place }));
        if answer.n_rows() >= limit {
            since = since.max(all[first..].iter().map(|e| e.time).min().unwrap_or(i64::MIN));
        }
    }
    all.retain(|e| e.time >= since);
    all.sort_by_key(|e| (std::cmp::Reverse(e.time), e.is_span));
    all
}

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect) {
    let limit = crate::views::limit(state);
    let is_live = state.route.is_live();
    let wanted = search(state, SearchKind::Logs, limit);
    let logs = state.asks.ask(ui.ctx(), &key(state, &format!("logs {limit}")), is_live, || Ask::Search(wanted));
    let wanted = search(state, SearchKind::Spans, limit);
    let spans = state.asks.ask(ui.ctx(), &key(state, &format!("spans {limit}")), is_live, || Ask::Search(wanted));
    state.status.keys = vec![("j", "down"), ("k", "up"), ("Enter", "its trace"), ("e", "next error"), ("?", "keys")];
    if let (Some(e), None) = (&logs.error, logs.get()) {
        return states::error(&Kit::new(ui, state.theme), r, e);
    }
    if logs.answer.is_none() {
        return states::loading(&Kit::new(ui, state.theme), r);
    }
    let is_cut = [&logs, &spans].iter().any(|s| s.get().is_some_and(|a| a.n_rows() >= limit));
    let r = crate::views::partial(ui, state, r, &logs);
    let r = crate::views::more(ui, state, r, is_cut);
    let r = why_no_spans(ui, state, r, &spans);
    let is_same = |a: &Option<Rc<Answer>>, b: &Option<Rc<Answer>>| match (a, b) {
        (Some(a), Some(b)) => Rc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    };
    let stream = &mut state.logs.stream;
    if !is_same(&stream.of.0, &logs.answer) || !is_same(&stream.of.1, &spans.answer) {
        stream.of = (logs.answer.clone(), spans.answer.clone());
        stream.order = merged(logs.get(), spans.get(), limit);
        stream.selected = stream.selected.min(stream.order.len().saturating_sub(1));
    }
    let n = state.logs.stream.order.len();
    let n_spans = state.logs.stream.order.iter().filter(|e| e.is_span).count();
    let counts = [thousands((n - n_spans) as i64), thousands(n_spans as i64)];
    let [n_logs, n_spans] = counts;
    report(state, vec!["Showing".into(), n_logs, "records and".into(), n_spans, "spans".into()], &logs);
    if n == 0 {
        return states::nothing(ui, state, r, "Neither a record nor a span matches", "logs");
    }
    // Two lists at once: each is exported from its own screen.
    state.shown = None;
    moves(state);
    let stream = &state.logs.stream;
    if let Some(entry) = stream.order.get(stream.selected) {
        let answer = if entry.is_span { &stream.of.1 } else { &stream.of.0 };
        if let Some(row) = answer.as_ref().and_then(|a| row(a, entry.place)) {
            let text = if entry.is_span { row.text("SpanName").into() } else { line_of(row) };
            let to = entry.time + if entry.is_span { row.int("Duration") } else { 0 };
            let what = format!("{}: {text}", row.text("ServiceName"));
            state.subject = Some(Subject { from: entry.time, to, what });
        }
    }
    list(ui, state, r);
}

/// A search that spans can't be asked says so, and leaves them out.
fn why_no_spans(ui: &Ui, state: &App, r: Rect, spans: &crate::asks::Slot) -> Rect {
    let Some(e) = &spans.error else { return r };
    let kit = Kit::new(ui, state.theme);
    let line = r.with_max_y(r.top() + 24.0);
    kit.fill(line, kit.t.bg_raised);
    let words = format!("No spans here: {}", e.message);
    kit.text_in(line.left() + 12.0, line.top() + 16.0, line.width() - 24.0, Font::Regular(11.0), kit.t.warn, &words);
    r.with_min_y(line.bottom())
}

fn is_error(stream: &State, entry: &Entry) -> bool {
    let answer = if entry.is_span { &stream.of.1 } else { &stream.of.0 };
    let Some(row) = answer.as_ref().and_then(|a| row(a, entry.place)) else { return false };
    if entry.is_span {
        row.text("StatusCode") == "Error"
    } else {
        matches!(severity(row).0.as_str(), "ERROR" | "FATAL")
    }
}

fn moves(state: &mut App) {
    let last = state.logs.stream.order.len().saturating_sub(1);
    let before = state.logs.stream.selected;
    let mut at = state.walk(before, last);
    let stream = &state.logs.stream;
    let bad = |i: &usize| stream.order.get(*i).is_some_and(|e| is_error(stream, e));
    let (next, previous) = ((at + 1..=last).find(bad), (0..at).rev().find(bad));
    if state.takes(Do::NextError) {
        at = next.unwrap_or(at);
    }
    if state.takes(Do::PreviousError) {
        at = previous.unwrap_or(at);
    }
    state.logs.stream.selected = at;
    state.logs.stream.is_sought |= at != before;
    if state.takes(Do::Enter) {
        open(state, at);
    }
}

/// Goes to the trace of a line, if it has one.
fn open(state: &mut App, at: usize) {
    let stream = &state.logs.stream;
    let Some(entry) = stream.order.get(at) else { return };
    let answer = if entry.is_span { &stream.of.1 } else { &stream.of.0 };
    let Some(row) = answer.as_ref().and_then(|a| row(a, entry.place)) else { return };
    let (trace, span) = (row.text("TraceId").to_owned(), row.text("SpanId").to_owned());
    if trace.is_empty() {
        state.notices.push(crate::overlay::notices::Notice::said("This record belongs to no trace".into()));
    } else {
        state.go(Route { view: View::Trace, trace, span, other: String::new(), ..state.route.clone() });
    }
}

fn list(ui: &mut Ui, state: &mut App, r: Rect) {
    {
        let kit = Kit::new(ui, state.theme);
        for (dx, word) in [(12.0, "Time (UTC)"), (112.0, "Level"), (168.0, "Service"), (310.0, "Message or operation")]
        {
            kit.text(r.left() + dx, r.top() + 16.0, Font::Medium(11.0), kit.t.weak, word);
        }
        kit.hline(r.left(), r.top() + 23.0, r.width(), kit.t.strong_line);
    }
    let r = r.with_min_y(r.top() + 24.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("stream").max_rect(r));
    child.set_clip_rect(r);
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("stream");
    if std::mem::take(&mut state.logs.stream.is_sought) {
        let y = state.logs.stream.selected as f32 * ROW - r.height() / 2.0;
        area = area.vertical_scroll_offset(y.max(0.0));
    }
    let mut clicked = None;
    area.show_rows(&mut child, ROW, state.logs.stream.order.len(), |ui, range| {
        for i in range {
            let (line, response) = ui.allocate_exact_size(vec2(r.width(), ROW), Sense::CLICK);
            let stream = &state.logs.stream;
            let entry = stream.order[i];
            let kit = Kit::new(ui, state.theme);
            kit.row_back(line, i == stream.selected, response.hovered());
            let answer = if entry.is_span { &stream.of.1 } else { &stream.of.0 };
            let Some(row) = answer.as_ref().and_then(|a| row(a, entry.place)) else { continue };
            if entry.is_span {
                span(&kit, line, row);
                Kit::describe(&response, || {
                    let took = duration(row.int("Duration"));
                    format!("span {} {}: {took}", row.text("ServiceName"), row.text("SpanName"))
                });
            } else {
                record(&kit, line, row);
                Kit::describe(&response, || format!("record {}: {}", row.text("ServiceName"), line_of(row)));
            }
            if response.clicked() {
                clicked = Some(i);
            }
        }
    });
    if let Some(i) = clicked {
        let is_again = state.logs.stream.selected == i;
        state.logs.stream.selected = i;
        if is_again {
            open(state, i);
        }
    }
}

/// What both kinds of lines begin with.
fn begin(kit: &Kit<'_>, line: Rect, row: crate::data::Row<'_>) -> f32 {
    let bl = line.top() + 15.0;
    kit.text(line.left() + 12.0, bl, Font::Mono(11.0), kit.t.text, &clock(row.int("Timestamp"), 3));
    let name = row.text("ServiceName");
    chip(kit, line.left() + 168.0, line.top() + 5.0, name);
    kit.text_in(line.left() + 192.0, bl, 112.0, Font::Regular(12.0), kit.t.strong, name);
    bl
}

fn record(kit: &Kit<'_>, line: Rect, row: crate::data::Row<'_>) {
    let t = kit.t;
    let bl = begin(kit, line, row);
    let (word, font, color) = level_of(t, row);
    if color == t.error || color == t.warn {
        kit.fill(rect(line.left(), line.top(), 2.0, ROW), color);
    }
    kit.text_in(line.left() + 112.0, bl, 50.0, font, color, &word);
    kit.text_in(line.left() + 310.0, bl, line.width() - 322.0, Font::Mono(11.5), t.strong, &line_of(row));
}

fn span(kit: &Kit<'_>, line: Rect, row: crate::data::Row<'_>) {
    let t = kit.t;
    let bl = begin(kit, line, row);
    let is_error = row.text("StatusCode") == "Error";
    let color = if is_error { t.error } else { t.weak };
    if is_error {
        kit.fill(rect(line.left(), line.top(), 2.0, ROW), color);
    }
    icon(kit, "traces", line.left() + 112.0, line.top() + 4.5, 12.0, 1.4, color);
    kit.text(line.left() + 128.0, bl, Font::Regular(11.0), color, "span");
    let x = kit.text_in(line.left() + 310.0, bl, 420.0, Font::Medium(12.0), t.strong, row.text("SpanName"));
    let color = if is_error { t.error } else { t.text };
    let x = kit.text(x + 10.0, bl, Font::Mono(11.0), color, &duration(row.int("Duration")));
    let room = line.right() - x - 20.0;
    kit.text_in(x + 10.0, bl, room, Font::Regular(11.0), t.weak, row.text("StatusMessage"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, RecordBatch, TimestampNanosecondArray};
    use std::sync::Arc;

    fn answer(times: &[i64]) -> Answer {
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(times.to_vec()));
        let rows = RecordBatch::try_from_iter([("Timestamp", times)]).expect("rows");
        Answer::rows(rows.schema(), vec![rows], 0)
    }

    #[test]
    fn lists_become_one_that_reaches_back_as_far_as_both() {
        let times = |all: &[Entry]| all.iter().map(|e| (e.time, e.is_span)).collect::<Vec<_>>();
        let (logs, spans) = (answer(&[9, 5, 1]), answer(&[8, 5]));
        let all = merged(Some(&logs), Some(&spans), 10);
        assert_eq!(times(&all), [(9, false), (8, true), (5, false), (5, true), (1, false)]);
        // Spans were cut at two: what lies before the last of them may lack some.
        assert_eq!(times(&merged(Some(&logs), Some(&spans), 2)), [(9, false), (8, true), (5, false), (5, true)]);
        assert_eq!(times(&merged(Some(&logs), None, 10)), [(9, false), (5, false), (1, false)]);
    }
}
