//! The palette: whatever one can do, go to or find from here, by typing a part of its name.

use super::choice::{Choice, Look};
use super::notices::Notice;
use super::sheet_frame;
use crate::app::State as App;
use crate::commands::{Do, TABLE};
use crate::data::duration;
use crate::fonts::Font;
use crate::kit::{Kit, chip, icon, key, rect};
use crate::route::{Route, View};
use crate::views::trace::find_spans;
use crate::views::traces::cross;
use eframe::egui::{Event, Key, Rect, ScrollArea, Ui, UiBuilder, vec2};
use sextant_contract::{Ask, Command};
use sextant_model::Signal;
use sextant_queries::parse;

/// What a line leads to.
#[derive(Debug, Clone)]
enum Goal {
    Command(Do),
    Span(usize),
    Route(Route),
}

#[derive(Debug, Clone)]
struct Line {
    icon: &'static str,
    text: String,
    keys: &'static [&'static str],
    /// Whether it was kept on purpose, and can be given up.
    is_kept: bool,
    /// Service, duration and whether it failed, where the line is a span.
    span: Option<(String, i64, bool)>,
    goal: Goal,
}

const MAX_SPANS: usize = 8;
const ROW: f32 = 28.0;
const HEAD: f32 = 27.0;

/// Where `text` has what is typed, in bytes.
fn hit(text: &str, typed: &str) -> Option<(usize, usize)> {
    if typed.is_empty() {
        return Some((0, 0));
    }
    let wanted = typed.to_lowercase();
    text.char_indices().find_map(|(i, _)| {
        let end = text[i..].char_indices().nth(typed.chars().count()).map_or(text.len(), |(n, _)| i + n);
        (text[i..end].to_lowercase() == wanted).then_some((i, end))
    })
}

/// Groups of lines for what is typed.
fn lines(state: &App, typed: &str) -> Vec<(&'static str, Vec<Line>)> {
    let (commands_only, typed) = match typed.strip_prefix('>') {
        Some(rest) => (true, rest.trim_start()),
        None => (false, typed.trim()),
    };
    let view = state.route.view;
    let of = |group: fn(&str) -> bool| -> Vec<Line> {
        TABLE
            .iter()
            .filter(|e| group(e.group) && e.place.is_in(view) && !matches!(e.what, Do::Palette | Do::Close))
            .filter(|e| hit(e.text, typed).is_some())
            .map(|e| Line {
                icon: if e.group == "Go to" { "right" } else { "play" },
                text: e.text.to_owned(),
                keys: e.keys,
                is_kept: false,
                span: None,
                goal: Goal::Command(e.what),
            })
            .collect()
    };
    let mut groups = vec![("Commands", of(|g| g != "Go to"))];
    if !commands_only {
        if view == View::Trace && !typed.is_empty() {
            groups.push(("Spans of this trace", spans(state, typed)));
        }
        groups.push(("Go to", of(|g| g == "Go to")));
        let own = [("Kept", kept(&state.kept, typed)), ("Recent searches", recent(state, typed))];
        // Before anything is typed, what one does again and again comes first.
        let at = if typed.is_empty() { 0 } else { groups.len() };
        groups.splice(at..at, own);
        groups.push(("Notes", notes(state, typed)));
        let mut found = searches(state, typed);
        found.retain(|new| groups.iter().all(|(_, lines)| lines.iter().all(|l| l.text != new.text)));
        groups.push(("Search", found));
    }
    // What begins with the word comes before what only has it.
    for (_, lines) in &mut groups {
        lines.sort_by_key(|l| hit(&l.text, typed).is_none_or(|(from, _)| from > 0));
    }
    groups.retain(|(_, lines)| !lines.is_empty());
    groups
}

/// The names of the questions what is kept and what was asked lately.
pub(crate) const KEPT: &str = "kept searches";
pub(crate) const RECENT: &str = "recent searches";

/// Searches that were kept, the newest first.
fn kept(all: &[(String, String)], typed: &str) -> Vec<Line> {
    let line = |(name, hash): &(String, String)| Line {
        is_kept: true,
        icon: "search",
        text: name.clone(),
        keys: &[],
        span: None,
        goal: Goal::Route(Route::from_hash(hash)),
    };
    let limit = if typed.is_empty() { 5 } else { 20 };
    all.iter().filter(|(name, _)| hit(name, typed).is_some()).take(limit).map(line).collect()
}

/// Searches that were asked lately and not kept, in the period that is shown.
fn recent(state: &App, typed: &str) -> Vec<Line> {
    let is_new = |one: &&(String, String)| state.kept.iter().all(|(name, _)| *name != one.0);
    let all: Vec<_> = state.recent.iter().filter(is_new).cloned().collect();
    let here = |line: Line| match line.goal {
        Goal::Route(Route { view, query, .. }) => {
            let none = String::new;
            let there = Route { view, query, trace: none(), span: none(), other: none(), ..state.route.clone() };
            Line { is_kept: false, goal: Goal::Route(there), ..line }
        }
        _ => line,
    };
    kept(&all, typed).into_iter().map(here).collect()
}

/// Notes and bookmarks, the newest first.
fn notes(state: &App, typed: &str) -> Vec<Line> {
    let line = |note: &crate::marks::Note| Line {
        icon: "file",
        text: if note.text.is_empty() { note.what.clone() } else { format!("{} · {}", note.text, note.what) },
        keys: &[],
        is_kept: false,
        span: None,
        goal: Goal::Route(Route::from_hash(&note.address)),
    };
    let limit = if typed.is_empty() { 5 } else { 20 };
    state.marks.notes.iter().map(line).filter(|l| hit(&l.text, typed).is_some()).take(limit).collect()
}

/// Takes in what is kept, whenever the palette is open.
fn read_kept(ui: &Ui, state: &mut App) {
    let mut read = |name: &str, kind: &str| {
        let slot = state.asks.ask(ui.ctx(), name, false, || Ask::Saved { kind: kind.into() });
        let items = slot.get().and_then(|a| a.object.as_ref()?["items"].as_array())?;
        let text = |one: &serde_json::Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
        Some(items.iter().map(|one| (text(one, "name"), text(one, "value"))).collect())
    };
    let (kept, recent) = (read(KEPT, "search"), read(RECENT, "recent"));
    state.kept = kept.unwrap_or_else(|| std::mem::take(&mut state.kept));
    state.recent = recent.unwrap_or_else(|| std::mem::take(&mut state.recent));
}

fn spans(state: &App, typed: &str) -> Vec<Line> {
    let line = |(i, service, name, nanos, is_error): (usize, String, String, i64, bool)| Line {
        icon: "",
        text: name,
        keys: &[],
        is_kept: false,
        span: Some((service, nanos, is_error)),
        goal: Goal::Span(i),
    };
    find_spans(state, typed, MAX_SPANS).into_iter().map(line).collect()
}

fn searches(state: &App, typed: &str) -> Vec<Line> {
    if typed.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let line = |text: String, route: Route| Line {
        icon: "search",
        text,
        keys: &[],
        is_kept: false,
        span: None,
        goal: Goal::Route(route),
    };
    let is_id = (typed.len() == 32 || typed.len() == 16) && typed.chars().all(|c| c.is_ascii_hexdigit());
    let base = Route { span: String::new(), trace: String::new(), ..state.route.clone() };
    if is_id {
        let id = format!("{:0>32}", typed.to_lowercase());
        found.push(line(format!("Trace {id}"), Route { view: View::Trace, trace: id, ..base.clone() }));
    }
    for (signal, view, word) in [(Signal::Traces, View::Traces, "traces"), (Signal::Logs, View::Logs, "logs")] {
        if parse(signal, typed).is_ok() {
            found.push(line(format!("{typed} in {word}"), Route { view, query: typed.to_owned(), ..base.clone() }));
        }
    }
    found
}

pub(super) fn show(ui: &mut Ui, state: &mut App, whole: Rect, is_left: bool) -> bool {
    let Some(mut palette) = state.palette.take() else { return true };
    read_kept(ui, state);
    let groups = lines(state, &palette.text);
    let n: usize = groups.iter().map(|(_, lines)| lines.len()).sum();
    palette.moves(ui, n);
    let w = 640.0_f32.min(whole.width() - 24.0);
    let wanted = groups.len() as f32 * HEAD + n as f32 * ROW + 8.0;
    let h = (44.0 + wanted + 40.0).min(whole.height() - 140.0).min(660.0);
    let r = rect(((whole.width() - w) / 2.0).round(), 104.0, w, h.max(140.0));
    sheet_frame(&Kit::new(ui, state.theme), whole, r);
    let note = if state.route.view == View::Trace {
        "commands, spans, searches, trace ids"
    } else {
        "commands, searches, trace ids"
    };
    let look = Look { name: "Find or do", hint: "", note, font: Font::Regular(14.0), beside: 300.0 };
    palette.input(ui, state.theme, r, &look);
    let body = rect(r.left() + 1.0, r.top() + 45.0, r.width() - 2.0, r.height() - 45.0 - 35.0);
    let mut chosen = None;
    if n == 0 {
        let kit = Kit::new(ui, state.theme);
        kit.text_mid(r.center().x, body.top() + 30.0, Font::Regular(12.0), kit.t.weak, "Nothing here is called that");
    }
    list(ui, state, &palette, body, &groups, &mut chosen);
    let line = groups.iter().flat_map(|(_, lines)| lines).nth(palette.selected);
    foot(&Kit::new(ui, state.theme), r, n, line.is_some_and(|l| l.is_kept));
    // Not Del alone: that is for letters of the box. Once a press, however long it is held.
    let is_gone = |e: &Event| matches!(e, Event::Key { key: Key::Delete, pressed: true, repeat: false, modifiers, .. } if modifiers.shift);
    if let Some(line) = line.filter(|l| l.is_kept && ui.input(|i| i.events.iter().any(is_gone))) {
        let gone = Command::Forget { kind: "search".into(), name: line.text.clone() };
        state.asks.act_then_forget(ui.ctx(), gone, KEPT);
        state.notices.push(Notice::said(format!("Given up: {}", line.text)));
    }
    if ui.input(|i| i.key_pressed(Key::Enter)) {
        chosen = groups.iter().flat_map(|(_, lines)| lines).nth(palette.selected).map(|l| l.goal.clone());
    }
    if let Some(goal) = chosen {
        match goal {
            Goal::Command(what) => state.wanted.push(what),
            Goal::Span(i) => crate::views::trace::select(state, i),
            Goal::Route(route) => state.go(route),
        }
        ui.request_repaint();
        return true;
    }
    let is_beside = is_left && !ui.input(|i| i.pointer.interact_pos()).is_some_and(|p| r.contains(p));
    state.palette = Some(palette);
    is_beside
}

fn list(
    ui: &mut Ui,
    state: &App,
    palette: &Choice,
    body: Rect,
    groups: &[(&str, Vec<Line>)],
    chosen: &mut Option<Goal>,
) {
    let t = state.theme;
    let typed = palette.text.trim_start_matches('>').trim();
    let mut child = ui.new_child(UiBuilder::new().id_salt("palette-lines").max_rect(body));
    child.set_clip_rect(body);
    let before: f32 = {
        // Where the chosen line is, so that it stays in sight.
        let mut left = palette.selected;
        let mut y = 0.0;
        for (_, lines) in groups {
            y += HEAD;
            if left < lines.len() {
                y += ROW * left as f32;
                break;
            }
            left -= lines.len();
            y += ROW * lines.len() as f32;
        }
        y
    };
    let offset = (before + ROW + 12.0 - body.height()).max(0.0);
    ScrollArea::vertical().auto_shrink(false).id_salt("palette").vertical_scroll_offset(offset).show_viewport(
        &mut child,
        |ui, _| {
            let total = groups.iter().map(|(_, l)| HEAD + ROW * l.len() as f32).sum::<f32>() + 8.0;
            ui.set_min_size(vec2(body.width(), total));
            let mut y = ui.min_rect().top();
            let mut place = 0;
            for (title, lines) in groups {
                Kit::new(ui, t).text(body.left() + 14.0, y + 20.0, Font::Medium(11.0), t.weak, title);
                y += HEAD;
                for line in lines {
                    let row = rect(body.left(), y, body.width(), ROW);
                    let kit = Kit::new(ui, t);
                    let response = kit.row(row, ("palette", place));
                    paint(&kit, row, line, typed, place == palette.selected, response.hovered());
                    Kit::describe(&response, || line.text.clone());
                    if response.clicked() {
                        *chosen = Some(line.goal.clone());
                    }
                    y += ROW;
                    place += 1;
                }
            }
        },
    );
}

fn paint(kit: &Kit<'_>, row: Rect, line: &Line, typed: &str, is_selected: bool, is_hovered: bool) {
    let t = kit.t;
    kit.row_back(row, is_selected, is_hovered);
    let bl = row.top() + 18.0;
    let mut x = row.left() + 34.0;
    if let Some((service, ..)) = &line.span {
        chip(kit, row.left() + 14.0, row.top() + 7.5, service);
        x += 6.0;
    } else {
        let color = if is_selected { t.accent } else { t.weak };
        icon(kit, line.icon, row.left() + 14.0, row.top() + 8.0, 12.0, 1.6, color);
    }
    let (from, to) = hit(&line.text, typed).unwrap_or((0, 0));
    x = kit.text(x, bl, Font::Regular(12.0), t.strong, &line.text[..from]);
    x = kit.text(x, bl, Font::Semibold(12.0), t.accent, &line.text[from..to]);
    x = kit.text(x, bl, Font::Regular(12.0), t.strong, &line.text[to..]);
    if let Some((_, nanos, is_error)) = &line.span {
        if *is_error {
            cross(kit, x + 8.0, row.top() + 10.0);
        }
        kit.text_right(row.right() - 14.0, bl, Font::Mono(11.0), t.text, &duration(*nanos));
    }
    let caps: Vec<&str> = line.keys.first().map(|k| k.split(' ').collect()).unwrap_or_default();
    let mut right = row.right() - 14.0;
    for cap in caps.iter().rev() {
        let w = kit.width(Font::Mono(10.0), cap) + 10.0;
        key(kit, right - w, row.top() + 6.5, cap);
        right -= w + 8.0;
    }
}

fn foot(kit: &Kit<'_>, r: Rect, n: usize, is_kept: bool) {
    let t = kit.t;
    let foot = rect(r.left() + 1.0, r.bottom() - 35.0, r.width() - 2.0, 34.0);
    kit.fill(foot, t.bg_raised);
    kit.hline(foot.left(), foot.top(), foot.width(), t.hair);
    let bl = foot.top() + 21.5;
    let mut x = foot.left() + 14.0;
    let mut keys = vec![(&["↑", "↓"][..], "choose"), (&["⏎"][..], "run"), (&[">"][..], "commands only")];
    if is_kept {
        keys.push((&["Shift", "Del"][..], "give up what is kept"));
    }
    for (caps, word) in keys {
        for cap in caps {
            x = key(kit, x, foot.top() + 9.5, cap) + 4.0;
        }
        x = kit.text(x, bl, Font::Regular(12.0), t.text, word) + 10.0;
    }
    kit.text_right(foot.right() - 14.0, bl, Font::Regular(12.0), t.weak, &format!("{n} lines"));
}

#[cfg(test)]
mod tests {
    use super::hit;

    #[test]
    fn hits_are_found_in_any_case_and_script() {
        for (text, typed, found) in [
            ("Next error", "ERR", Some((5, 8))),
            ("日本 Trace", "trace", Some((7, 12))),
            ("Straße", "ß", Some((4, 6))),
            ("Home", "xyz", None),
            ("Home", "", Some((0, 0))),
        ] {
            assert_eq!(hit(text, typed), found, "{typed} in {text}");
        }
    }
}
