//! The period: as one writes it, or one of those that are used often or were used before.

use super::choice::Look;
use super::sheet_frame;
use crate::app::State as App;
use crate::fonts::Font;
use crate::kit::{Kit, rect};
use crate::route::Route;
use crate::runtime::now;
use crate::shell::range_text;
use eframe::egui::{Key, Rect, Ui};
use sextant_model::{Period, parse_period};

const ROW: f32 = 28.0;
/// Minutes of periods that end now.
const PRESETS: [u32; 8] = [5, 15, 60, 180, 720, 1_440, 10_080, 43_200];
/// So many that were used before are offered.
const MAX_RECENT: usize = 6;

/// A line: what it says, and where it leads.
struct Line {
    text: String,
    note: &'static str,
    route: Route,
}

fn with(route: &Route, period: Period) -> Route {
    let minutes = |nanos: i64| ((nanos + 59_999_999_999) / 60_000_000_000).clamp(1, 527_040) as u32;
    match period {
        Period::Last(nanos) => Route { fixed: None, minutes: minutes(nanos), ..route.clone() },
        Period::Between(from, to) => Route { fixed: Some((from, to)), ..route.clone() },
    }
}

fn lines(state: &App, typed: &str) -> (Vec<Line>, Option<String>) {
    let base = &state.route;
    if !typed.trim().is_empty() {
        return match parse_period(typed, now()) {
            Ok(period) => {
                let route = with(base, period);
                (vec![Line { text: range_text(&route), note: "as written", route }], None)
            }
            Err(e) => (Vec::new(), Some(e)),
        };
    }
    let mut all: Vec<Line> = Vec::new();
    for recent in state.past.iter().rev().filter(|r| r.fixed.is_some() && r.fixed != base.fixed) {
        let is_new = !all.iter().any(|l| l.route.fixed == recent.fixed);
        if is_new && all.len() < MAX_RECENT {
            let route = Route { fixed: recent.fixed, ..base.clone() };
            all.push(Line { text: range_text(&route), note: "used before", route });
        }
    }
    all.extend(PRESETS.iter().map(|minutes| {
        let route = Route { fixed: None, minutes: *minutes, ..base.clone() };
        Line { text: range_text(&route), note: "", route }
    }));
    for word in ["today", "yesterday"] {
        if let Ok(period) = parse_period(word, now()) {
            all.push(Line { text: word.to_owned(), note: "", route: with(base, period) });
        }
    }
    (all, None)
}

pub(super) fn show(ui: &mut Ui, state: &mut App, whole: Rect, is_left: bool) -> bool {
    let Some(mut period) = state.period.take() else { return true };
    let (all, problem) = lines(state, &period.text);
    period.moves(ui, all.len());
    let w = 460.0_f32.min(whole.width() - 24.0);
    let h = (45.0 + ROW * all.len().max(2) as f32 + 8.0 + 30.0).min(whole.height() - 24.0);
    let x = (whole.width() - w - 120.0).max(12.0).min(whole.width() - w - 12.0);
    let r = rect(x.round(), 48.0_f32.min(whole.height() - h - 12.0), w, h);
    sheet_frame(&Kit::new(ui, state.theme), whole, r);
    {
        let kit = Kit::new(ui, state.theme);
        let t = kit.t;
        kit.hline(r.left() + 1.0, r.bottom() - 30.0, r.width() - 2.0, t.hair);
        let words = "UTC · last 90 min, 14:00 to 14:30, 19 Nov, yesterday 9:00 to 10:00";
        kit.text_in(r.left() + 14.0, r.bottom() - 11.0, r.width() - 28.0, Font::Regular(11.0), t.weak, words);
    }
    let look =
        Look { name: "Period", hint: "a period, as you would say it", note: "", font: Font::Mono(13.0), beside: 96.0 };
    period.input(ui, state.theme, r, &look);
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let mut chosen = None;
    if let Some(problem) = problem {
        for (i, part) in problem.split("; ").enumerate() {
            let color = if i == 0 { t.error } else { t.text };
            kit.text_in(
                r.left() + 14.0,
                r.top() + 66.0 + 20.0 * i as f32,
                r.width() - 28.0,
                Font::Regular(12.0),
                color,
                part,
            );
        }
    }
    for (i, line) in all.iter().enumerate() {
        let row = rect(r.left() + 1.0, r.top() + 49.0 + ROW * i as f32, r.width() - 2.0, ROW);
        if row.bottom() > r.bottom() - 30.0 {
            break;
        }
        let response = kit.row(row, ("period", i));
        kit.row_back(row, i == period.selected, response.hovered());
        kit.text(row.left() + 14.0, row.top() + 18.0, Font::Mono(11.0), t.strong, &line.text);
        kit.text_right(row.right() - 14.0, row.top() + 18.0, Font::Regular(11.0), t.weak, line.note);
        Kit::describe(&response, || line.text.clone());
        if response.clicked() {
            chosen = Some(i);
        }
    }
    if ui.input(|i| i.key_pressed(Key::Enter)) && !all.is_empty() {
        chosen = Some(period.selected);
    }
    if let Some(line) = chosen.and_then(|i| all.into_iter().nth(i)) {
        state.go(line.route);
        return true;
    }
    let is_beside = is_left && !ui.input(|i| i.pointer.interact_pos()).is_some_and(|p| r.contains(p));
    state.period = Some(period);
    is_beside
}
