//! Every statement that was sent to a source.

use super::{ROW, head};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::{bytes, duration, rows, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect};
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder};
use sextant_contract::Ask;
use std::rc::Rc;

/// So many are asked for.
const LIMIT: usize = 500;
/// The time takes what it takes.
const TIME: f32 = 98.0;

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, name: &str) {
    let t = state.theme;
    let key = format!("statements {name} {}", state.sources.looks());
    let ask = || Ask::Statements { limit: LIMIT, source: Some(name.to_owned()) };
    let slot = state.asks.ask_often(ui.ctx(), &key, ask);
    state.shown = Some(Rc::new(ask()));
    let kit = Kit::new(ui, t);
    kit.hline(r.left(), r.top(), r.width(), t.strong_line);
    let Some(answer) = slot.answer.clone() else { return };
    let all: Vec<_> = rows(&answer).collect();
    let sum = |key: &str| answer.object.as_ref().and_then(|o| o[key].as_u64()).unwrap_or(0);
    let note = format!(
        "{} of {} · {} and {} rows read",
        thousands(all.len() as i64),
        thousands(sum("n") as i64),
        bytes(sum("bytes_read")),
        thousands(sum("rows_read") as i64)
    );
    head(&kit, r, "Ledger: every statement sent", &note);
    let export = Button { text: "Export ledger", icon: Some("down"), is_small: true, ..Button::default() };
    if button(&kit, r.right() - 12.0 - export.width(&kit), r.top() + 7.0, export).clicked() {
        state.wanted.push(Do::Export);
    }
    let x = r.left() + 12.0;
    let w = r.width() - 24.0;
    // Figures go where there is no room for them.
    let has_figures = w > 640.0;
    let rest = w - TIME;
    let shares = if has_figures { [0.0, 0.56, 0.65, 0.74, 0.82] } else { [0.0, 0.7, 0.7, 0.7, 0.72] };
    let at: Vec<f32> = [x].into_iter().chain(shares.map(|share| x + TIME + rest * share)).collect();
    let figures: &[&str] = if has_figures { &["Rows", "Read", "Took"] } else { &[] };
    let bl = r.top() + 52.0;
    kit.text(at[0], bl, Font::Medium(11.0), t.weak, "Sent (UTC)");
    kit.text(at[1], bl, Font::Medium(11.0), t.weak, "Statement");
    for (i, word) in figures.iter().enumerate() {
        kit.text_right(at[i + 3] - 16.0, bl, Font::Medium(11.0), t.weak, word);
    }
    kit.text(at[5], bl, Font::Medium(11.0), t.weak, "Result");
    kit.hline(r.left(), r.top() + 60.0, r.width(), t.strong_line);
    let body = r.with_min_y(r.top() + 60.0);
    let mut child = ui.new_child(UiBuilder::new().id_salt("statements").max_rect(body));
    child.set_clip_rect(body);
    child.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink(false).id_salt("statements").show_rows(
        &mut child,
        ROW,
        all.len(),
        |ui, range| {
            for i in range {
                let (row, top) = (&all[i], ui.cursor().top());
                ui.allocate_space(eframe::egui::vec2(1.0, ROW));
                let kit = Kit::new(ui, t);
                let bl = top + 16.0;
                let place = rect(body.left(), top, body.width(), ROW);
                let response = kit.click(place, ("statement", i), "Copy this statement");
                kit.row_back(place, false, response.hovered());
                let time: String = row.text("at").chars().skip(11).take(12).collect();
                kit.text(at[0], bl, Font::Mono(11.0), t.weak, &time);
                let text: String = row.text("statement").split_whitespace().collect::<Vec<_>>().join(" ");
                kit.text_in(at[1], bl, at[2] - at[1] - 12.0, Font::Mono(11.0), t.strong, &text);
                if has_figures {
                    let read = bytes(row.int("bytes_read").max(0) as u64);
                    kit.text_right(at[3] - 16.0, bl, Font::Mono(11.0), t.text, &thousands(row.int("rows_read")));
                    kit.text_right(at[4] - 16.0, bl, Font::Mono(11.0), t.text, &read);
                    kit.text_right(at[5] - 16.0, bl, Font::Mono(11.0), t.text, &duration(row.int("took_ns")));
                }
                let result = row.text("result");
                let color = if result == "ok" { t.weak } else { t.warn };
                kit.text_in(at[5], bl, r.right() - at[5] - 12.0, Font::Regular(12.0), color, result);
                kit.hline(r.left(), top + ROW, r.width(), t.hair);
                if response.clicked() {
                    ui.copy_text(row.text("statement").to_owned());
                }
            }
        },
    );
    state.sources.n_ledger = all.len();
}
