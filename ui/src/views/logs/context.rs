//! What was logged around the selected record, by the same pod, service or trace.

use crate::app::State as App;
use crate::data::{Row, clock, rows};
use crate::fonts::Font;
use crate::kit::{Kit, rect, seg};
use crate::views::facets::with_value;
use crate::views::states;
use crate::views::trace::level;
use eframe::egui::{Rect, ScrollArea, Sense, Ui, UiBuilder, pos2, vec2};
use sextant_contract::{Ask, Period, SearchAsk, SearchKind};

/// How wide the pane is, and from which width of the list on there is room for it.
const WIDTH: f32 = 320.0;
const WIDE: f32 = 900.0;
/// How far it reaches to both sides.
const REACH_NANOS: i64 = 30_000_000_000;
const LIMIT: usize = 400;
const ROW: f32 = 22.0;
const KINDS: [&str; 3] = ["pod", "service", "trace"];

/// Divides the list from the pane, where there is room for it.
pub(super) fn divide(area: Rect) -> (Rect, Option<Rect>) {
    if area.width() < WIDE {
        return (area, None);
    }
    let split = area.right() - WIDTH;
    (area.with_max_x(split), Some(area.with_min_x(split)))
}

/// The search that finds the surroundings; none if the record lacks what they are of.
fn query(kind: usize, row: Row<'_>) -> Option<String> {
    let pod = || row.entries("ResourceAttributes").into_iter().find(|(key, _)| key == "k8s.pod.name").map(|(_, v)| v);
    let (field, value) = match KINDS[kind] {
        "pod" => ("k8s.pod.name", pod()?),
        "service" => ("service", row.text("ServiceName").to_owned()),
        _ => ("trace", row.text("TraceId").to_owned()),
    };
    (!value.is_empty()).then(|| with_value("", field, &value, false))
}

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, row: Row<'_>) {
    let t = state.theme;
    let time = row.int("Timestamp");
    {
        let kit = Kit::new(ui, t);
        kit.vline(r.left(), r.top(), r.height(), t.hair);
        kit.text(r.left() + 13.0, r.top() + 18.5, Font::Medium(12.0), t.strong, "Context");
        let end = kit.width(Font::Medium(12.0), "Context");
        kit.fill(rect(r.left() + 13.0, r.top() + 27.0, end, 2.0), t.accent);
        kit.hline(r.left() + 1.0, r.top() + 29.0, r.width() - 1.0, t.hair);
        let x = kit.text(r.left() + 13.0, r.top() + 49.0, Font::Regular(12.0), t.text, "Around") + 8.0;
        kit.text(x, r.top() + 49.0, Font::Mono(11.0), t.strong, &clock(time, 3));
        kit.hline(r.left() + 1.0, r.top() + 60.0, r.width() - 1.0, t.hair);
        if let (Some(clicked), _) = seg(&kit, r.left() + 170.0, r.top() + 34.0, true, &KINDS, state.logs.context) {
            state.logs.context = clicked;
        }
    }
    let body = Rect::from_min_max(pos2(r.left() + 1.0, r.top() + 61.0), r.right_bottom());
    let Some(query) = query(state.logs.context, row) else {
        let lines = ["This record does not say it"];
        return states::empty(&Kit::new(ui, t), body, &format!("No {}", KINDS[state.logs.context]), &lines);
    };
    let period = Period { from: Some(time - REACH_NANOS), to: Some(time + REACH_NANOS) };
    let name = format!("context {query} {time}");
    let slot = state.asks.ask(ui.ctx(), &name, false, || {
        Ask::Search(SearchAsk { kind: SearchKind::Logs, query, period, limit: LIMIT, explain: false })
    });
    if let Some(e) = &slot.error {
        return states::error(&Kit::new(ui, t), body, e);
    }
    let Some(answer) = slot.answer.clone() else {
        return states::loading(&Kit::new(ui, t), body);
    };
    // Oldest first, as one reads a log.
    let mut all: Vec<Row<'_>> = rows(&answer).collect();
    all.reverse();
    let is_it = |r: &Row<'_>| r.int("Timestamp") == time && r.text("Body") == row.text("Body");
    let place = all.iter().position(is_it);
    let is_cut = answer.n_rows() >= LIMIT;
    let mut body = body;
    if is_cut {
        let words = format!("The newest {LIMIT} of this minute; older ones are not shown.");
        Kit::new(ui, t).text(body.left() + 12.0, body.top() + 15.0, Font::Regular(10.5), t.warn, &words);
        body = body.with_min_y(body.top() + ROW);
    }
    let mut child = ui.new_child(UiBuilder::new().id_salt("context").max_rect(body));
    child.set_clip_rect(body);
    let mut area = ScrollArea::vertical().auto_shrink(false).id_salt("context");
    if std::mem::replace(&mut state.logs.around, (time, state.logs.context)) != (time, state.logs.context) {
        area = area.vertical_scroll_offset((place.unwrap_or(0) as f32 * ROW - body.height() / 3.0).max(0.0));
    }
    area.show_rows(&mut child, ROW, all.len(), |ui, range| {
        for i in range {
            let (line, response) = ui.allocate_exact_size(vec2(body.width(), ROW), Sense::CLICK);
            let kit = Kit::new(ui, t);
            let bl = line.top() + 15.0;
            kit.row_back(line, Some(i) == place, response.hovered());
            kit.text_right(line.left() + 58.0, bl, Font::Mono(11.0), t.weak, &apart(all[i].int("Timestamp") - time));
            let (word, _) = super::severity(all[i]);
            let (font, color) = level(t, &word);
            kit.text_in(line.left() + 66.0, bl, 40.0, font, color, &word);
            let text = super::line_of(all[i]);
            kit.text_in(line.left() + 114.0, bl, line.width() - 126.0, Font::Regular(12.0), t.strong, &text);
            response.on_hover_text(text.as_ref());
        }
    });
}

/// `-2.4 s`, `+31 ms`, `0`.
fn apart(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "+" };
    match nanos.unsigned_abs() {
        0 => "0".into(),
        n @ 1..1_000_000 => format!("{sign}{} µs", n / 1_000),
        n @ 1_000_000..1_000_000_000 => format!("{sign}{} ms", n / 1_000_000),
        n => format!("{sign}{:.1} s", n as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::apart;

    #[test]
    fn distances_read_well() {
        for (nanos, text) in [
            (0, "0"),
            (-2_400_000_000, "-2.4 s"),
            (31_000_000, "+31 ms"),
            (-28_000_000, "-28 ms"),
            (900_000, "+900 µs"),
        ] {
            assert_eq!(apart(nanos), text);
        }
    }
}
