//! The search box: colours, mistakes under their place, and what can follow.

use crate::app::State as App;
use crate::commands::Do;
use crate::data::{rows, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, icon, key, rect};
use crate::overlay::{self, choices};
use crate::route::{Route, View};
use crate::shell::field_box;
use crate::tokens::Tokens;
use eframe::egui::text::{CCursor, CCursorRange, LayoutJob, TextFormat};
use eframe::egui::text_edit::TextEditState;
use eframe::egui::{self, Id, Key, Modifiers, Rect, Stroke, TextBuffer, TextEdit, Ui, UiBuilder, pos2, vec2};
use sextant_contract::{Ask, SearchKind};
use sextant_model::Signal;
use sextant_queries::{TokenKind, Typed, exact, figures, parse, stage_name, tokens, typed};

/// What can follow, as it is being chosen.
#[derive(Debug, Default)]
pub(crate) struct State {
    chosen: Option<usize>,
    /// The text for which nobody wanted to see it.
    closed_for: Option<String>,
    /// Whether what is typed can't be asked, so that what is shown answers something else.
    pub(crate) is_wrong: bool,
}

/// More are not shown: typing on is quicker than reading.
const MAX_SHOWN: usize = 8;

/// The list below the box.
struct Completions {
    typed: Typed,
    /// What can follow, and how often it was seen, about.
    texts: Vec<(String, i64)>,
}

fn completions(ui: &Ui, state: &mut App, signal: Signal, id: Id) -> Option<Completions> {
    if !state.is_typing || state.completing.closed_for.as_ref() == Some(&state.typed) {
        return None;
    }
    let cursor = TextEditState::load(ui.ctx(), id).and_then(|s| s.cursor.char_range())?.primary;
    let cursor = state.typed.char_indices().nth(cursor.index.0).map_or(state.typed.len(), |(at, _)| at);
    let typed = typed(&state.typed, cursor)?;
    let kind = match signal {
        Signal::Metrics => SearchKind::Metrics,
        Signal::Logs if !typed.is_of_spans => SearchKind::Logs,
        _ => SearchKind::Spans,
    };
    let name = format!("complete {kind:?} {:?} {}", typed.key, typed.part);
    let slot = state.asks.ask(ui.ctx(), &name, false, || Ask::Complete {
        kind,
        key: typed.key.clone(),
        part: typed.part.clone(),
        limit: MAX_SHOWN,
    });
    let mut texts: Vec<(String, i64)> = Vec::new();
    if typed.is_stage && !typed.part.is_empty() {
        texts.extend(figures().filter(|f| f.starts_with(&typed.part)).map(|f| (f.to_owned(), 0)));
    }
    texts.extend(slot.get().into_iter().flat_map(rows).map(|r| (r.text("text").to_owned(), r.int("n"))));
    texts.truncate(MAX_SHOWN);
    // What is there already needs no completing.
    let is_done = texts.len() == 1 && texts[0].0 == typed.part;
    let is_empty = typed.part.is_empty() && typed.key.is_none() && !state.typed.is_empty();
    (!texts.is_empty() && !is_done && !is_empty).then_some(Completions { typed, texts })
}

/// What is put in place of what was typed.
fn written(of: &Typed, text: &str) -> String {
    let name = stage_name(text);
    match (&of.key, of.is_stage) {
        (Some(_), _) => format!("{} ", exact(text)),
        (None, true) => name,
        (None, false) => format!("{name}:"),
    }
}

fn accept(ui: &Ui, state: &mut App, id: Id, list: &Completions, at: usize) {
    let Some((text, _)) = list.texts.get(at) else { return };
    let text = written(&list.typed, text);
    state.typed.replace_range(list.typed.at.clone(), &text);
    let end = state.typed[..list.typed.at.start + text.len()].chars().count();
    if let Some(mut edit) = TextEditState::load(ui.ctx(), id) {
        edit.cursor.set_char_range(Some(CCursorRange::one(CCursor::new(end))));
        edit.store(ui.ctx(), id);
    }
    state.completing = State::default();
    state.is_typing = true;
}

/// The keys that the list takes before the box does. True if something was put in.
fn keys(ui: &Ui, state: &mut App, id: Id, list: &Completions) -> bool {
    let takes = |key: Key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
    let n = list.texts.len();
    let chosen = state.completing.chosen.filter(|c| *c < n);
    if takes(Key::ArrowDown) {
        state.completing.chosen = Some(chosen.map_or(0, |c| (c + 1) % n));
    } else if takes(Key::ArrowUp) {
        state.completing.chosen = Some(chosen.map_or(n - 1, |c| (c + n - 1) % n));
    } else if takes(Key::Escape) {
        state.completing = State { closed_for: Some(state.typed.clone()), ..State::default() };
        state.takes(Do::Close);
    } else if takes(Key::Tab) || (chosen.is_some() && takes(Key::Enter)) {
        accept(ui, state, id, list, chosen.unwrap_or(0));
        return true;
    }
    false
}

fn popup(ui: &mut Ui, state: &mut App, id: Id, list: &Completions, at: (f32, f32)) {
    let note = |n: &i64| if *n > 0 { thousands(*n) } else { String::new() };
    let texts: Vec<(String, String)> = list.texts.iter().map(|(text, n)| (text.clone(), note(n))).collect();
    let color = if list.typed.key.is_some() { state.theme.syn_string } else { state.theme.accent };
    if let Some(i) = choices::show(ui, state.theme, &texts, color, state.completing.chosen, at) {
        accept(ui, state, id, list, i);
    }
}

/// The search with its colours.
fn highlighted(text: &str, t: &'static Tokens) -> LayoutJob {
    let mut job = LayoutJob::default();
    let format = |font: Font, color| TextFormat::simple(font.id(), color);
    let mut at = 0;
    let mut put = |from: usize, to: usize, font: Font, color| {
        if let Some(part) = text.get(from..to).filter(|p| !p.is_empty()) {
            job.append(part, 0.0, format(font, color));
        }
    };
    for token in tokens(text).unwrap_or_default() {
        put(at, token.at.start, Font::Mono(12.0), t.weak);
        let (start, end) = (token.at.start, token.at.end);
        match &token.kind {
            TokenKind::Field(_) => {
                put(start, end - 1, Font::Mono(12.0), t.accent);
                put(end - 1, end, Font::Mono(12.0), t.weak);
            }
            TokenKind::And | TokenKind::Or | TokenKind::Not => put(start, end, Font::MonoSemibold(12.0), t.strong),
            TokenKind::Quoted(_) => put(start, end, Font::Mono(12.0), t.syn_string),
            TokenKind::Word(w) if w.starts_with(|c: char| c.is_ascii_digit()) => {
                put(start, end, Font::Mono(12.0), t.syn_number);
            }
            TokenKind::Word(_) => put(start, end, Font::Mono(12.0), t.strong),
            _ => put(start, end, Font::Mono(12.0), t.weak),
        }
        at = end;
    }
    put(at, text.len(), Font::Mono(12.0), t.strong);
    job
}

/// Asks what was typed, and remembers it.
fn ask(ctx: &egui::Context, state: &mut App) {
    let view = match state.route.view {
        View::Home
        | View::Trace
        | View::Compare
        | View::Differs
        | View::Sql
        | View::Services
        | View::Status
        | View::Sources
        | View::Bundle
        | View::Report
        | View::Cost => View::Traces,
        view => view,
    };
    let query = state.typed.clone();
    if !query.is_empty() && query != state.route.query {
        let there = Route { view, query: query.clone(), fixed: None, ..Route::default() };
        let one = ("recent", there.name(), there.to_hash());
        state.asks.remember(ctx, one, overlay::palette::RECENT);
    }
    state.go(Route { view, query, trace: String::new(), span: String::new(), ..state.route.clone() });
}

pub(crate) fn show(ui: &mut Ui, state: &mut App, r: Rect) {
    let t = state.theme;
    let signal = match state.route.view {
        View::Logs => Signal::Logs,
        View::Metrics => Signal::Metrics,
        _ => Signal::Traces,
    };
    let id = Id::unique("search-box");
    let list = completions(ui, state, signal, id);
    let is_put_in = list.as_ref().is_some_and(|list| keys(ui, state, id, list));
    let problem = parse(signal, &state.typed).err();
    {
        let kit = Kit::new(ui, t);
        field_box(&kit, r, state.is_typing);
        icon(&kit, "search", r.left() + 9.0, 15.0, 14.0, 1.4, t.weak);
        kit.text(r.left() + 27.0, 26.0, Font::Regular(10.5), t.weak, "Search");
        kit.vline(r.left() + 81.0, 14.0, 16.0, t.strong_line);
        let right = r.right() - 9.0;
        let (word, color) = match &problem {
            Some(e) => (e.to_string(), t.error),
            None if state.typed.is_empty() => (String::new(), t.weak),
            None if state.typed != state.route.query => ("Enter".into(), t.accent),
            None => ("valid".into(), t.weak),
        };
        let kx = right - 16.0;
        key(&kit, kx, 14.0, "/");
        if r.width() > 400.0 {
            kit.text_right(kx - 8.0, 26.0, Font::Regular(10.5), color, &word);
        }
    }
    let problem_hint = problem.as_ref().and_then(|e| e.hint.clone());
    let spare = if r.width() > 400.0 { 96.0 } else { 30.0 };
    let right = (r.right() - spare).max(r.left() + 100.0);
    let inner = Rect::from_min_max(pos2(r.left() + 90.0, r.top() + 5.0), pos2(right, r.bottom() - 4.0));
    let mut child = ui.new_child(UiBuilder::new().id_salt("search").max_rect(inner));
    let mut layouter =
        |ui: &Ui, text: &dyn TextBuffer, _width: f32| ui.fonts_mut(|f| f.layout_job(highlighted(text.as_str(), t)));
    // While there is a list, Tab and Esc are about it and not about the focus.
    let has_list = list.is_some();
    let filter = egui::EventFilter { tab: has_list, escape: has_list, horizontal_arrows: true, vertical_arrows: true };
    let edit = TextEdit::singleline(&mut state.typed)
        .event_filter(filter)
        .id(id)
        .frame(egui::Frame::NONE)
        .margin(0)
        .font(Font::Mono(12.0).id())
        .desired_width(inner.width())
        .hint_text(
            egui::RichText::new("service:checkout duration:>1s \"connection refused\"")
                .font(Font::Mono(12.0).id())
                .color(t.weak),
        )
        .layouter(&mut layouter);
    let response = child.add_sized(vec2(inner.width(), 18.0), edit);
    if state.is_typing && !response.has_focus() && (is_put_in || !response.lost_focus()) {
        response.request_focus();
    }
    state.is_typing = response.has_focus() || is_put_in;
    if response.changed() {
        state.completing.chosen = None;
    }
    // The last letters may have come in this frame, together with Enter.
    let problem = if response.changed() { parse(signal, &state.typed).err() } else { problem };
    let is_entered = response.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
    // Who wrote something that makes no sense goes on writing.
    state.is_typing |= is_entered && problem.is_some();
    if is_entered && problem.is_none() {
        ask(ui.ctx(), state);
    }
    state.completing.is_wrong = problem.is_some() && state.typed != state.route.search();
    if let Some(e) = problem.filter(|e| !e.at.is_empty()) {
        // The place of the mistake: a line under it.
        let kit = Kit::new(ui, t);
        let before = kit.width(Font::Mono(12.0), state.typed.get(..e.at.start).unwrap_or_default());
        let width = kit.width(Font::Mono(12.0), state.typed.get(e.at.clone()).unwrap_or_default());
        kit.paint.hline(
            inner.left() + before..=inner.left() + before + width,
            r.bottom() - 5.0,
            Stroke::new(1.5, t.error),
        );
    }
    if let Some(list) = list.filter(|_| !is_put_in && state.is_typing) {
        let before = state.typed.get(..list.typed.at.start).unwrap_or_default();
        let x = inner.left() + Kit::new(ui, t).width(Font::Mono(12.0), before) - 14.0;
        popup(ui, state, id, &list, (x, r.bottom() + 4.0));
    } else if let Some(hint) = problem_hint.filter(|_| state.is_typing) {
        // What to write instead.
        let kit = Kit::new(ui, t);
        let width = kit.width(Font::Regular(12.0), &hint) + 24.0;
        let layer = egui::LayerId::new(egui::Order::Foreground, Id::unique("search hint"));
        let place = rect(inner.left() - 14.0, r.bottom() + 4.0, width, 28.0);
        let mut child = ui.new_child(UiBuilder::new().id_salt("search hint").layer_id(layer).max_rect(place));
        child.set_clip_rect(place.expand(1.0));
        let kit = Kit::new(&child, t);
        kit.round(place, 6, t.bg_panel);
        kit.border(place, 6, t.control);
        kit.text(place.left() + 12.0, place.top() + 18.0, Font::Regular(12.0), t.strong, &hint);
    }
}
