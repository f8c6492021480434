//! The policy that is edited: tiers, sampling, attributes, packing, growth; each by hand or by dragging, each undone by a key.

use super::doc::Doc;
use crate::app::State as App;
use crate::fonts::Font;
use crate::kit::{Button, Check, Kit, Part, Slider, button, choice, field, icon, parts, pill, rect};
use eframe::egui::{Color32, Rect, ScrollArea, Ui, UiBuilder, vec2};
use serde_json::Value;
use sextant_contract::Command;

const HEAD: f32 = 36.0;
/// Attributes that are shown.
const ATTRIBUTES: usize = 6;
const PACKINGS: [&str; 6] = ["none", "lz4", "zstd-1", "zstd-3", "zstd-6", "zstd-9"];

/// Colours of tiers, from the hot one on.
pub(super) fn ink(kit: &Kit<'_>, i: usize) -> Color32 {
    [kit.t.accent, kit.t.accent_dim, kit.t.bar][i.min(2)]
}

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, measured: &Value) {
    head(ui, state, r);
    let body = r.with_min_y(r.top() + HEAD);
    let scrolled = crate::views::scrolled(state, body.height());
    let mut child = ui.new_child(UiBuilder::new().id_salt("policy").max_rect(body));
    child.set_clip_rect(body);
    ScrollArea::vertical().auto_shrink(false).id_salt("policy").show(&mut child, |ui| {
        ui.scroll_with_delta(vec2(0.0, -scrolled));
        let top = ui.min_rect().top();
        let (x, w) = (r.left() + 12.0, r.width() - 28.0);
        let mut y = top;
        y = tiers(ui, state, (x, y, w));
        y = sampling(ui, state, (x, y, w));
        y = attributes(ui, state, (x, y, w), measured);
        y = codec(ui, state, (x, y, w), measured);
        y = keep(ui, state, (x, y, w));
        ui.set_min_size(vec2(body.width() - 8.0, y + 16.0 - top));
    });
}

fn head(ui: &mut Ui, state: &mut App, r: Rect) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let n = state.cost.base.as_ref().map_or(0, |base| state.cost.doc.changes(base));
    let x = kit.text(r.left() + 12.0, r.top() + 22.5, Font::Semibold(12.0), t.strong, "Policy") + 10.0;
    let words = match n {
        0 => "as it is today".to_owned(),
        1 => "1 change from today".to_owned(),
        n => format!("{n} changes from today"),
    };
    if n > 0 {
        pill(&kit, x, r.top() + 9.0, t.accent, Color32::TRANSPARENT, t.accent_dim, &words);
    } else {
        kit.text(x, r.top() + 22.5, Font::Regular(12.0), t.weak, &words);
    }
    let mut right = r.right() - 8.0;
    for (text, is_there) in [("Redo", !state.cost.future.is_empty()), ("Undo", !state.cost.past.is_empty())] {
        if !is_there {
            continue;
        }
        let b = Button { text, is_small: true, is_quiet: true, ..Button::default() };
        right -= b.width(&kit);
        if button(&kit, right, r.top() + 7.0, b).clicked() {
            if text == "Undo" { state.cost.undo() } else { state.cost.redo() }
        }
    }
    kit.hline(r.left(), r.top() + HEAD - 1.0, r.width(), t.hair);
}

/// The head of a part; where its rows begin.
fn title(kit: &Kit<'_>, (x, y, w): (f32, f32, f32), text: &str, note: &str) -> f32 {
    kit.hline(x - 12.0, y, w + 28.0, kit.t.hair);
    kit.text(x, y + 20.0, Font::Semibold(12.0), kit.t.strong, text);
    kit.text_right(x + w, y + 20.0, Font::Regular(11.0), kit.t.weak, note);
    y + 30.0
}

/// A field that changes the document as soon as what it holds says something; what it says in the document otherwise.
fn typed(ui: &mut Ui, state: &mut App, r: Rect, label: &str, now: &str, change: impl FnOnce(&mut Doc, &str) -> bool) {
    let t = state.theme;
    let place = label.to_owned();
    let is_typing = state.cost.typed.contains_key(&place);
    let mut text = state.cost.typed.get(&place).cloned().unwrap_or_else(|| now.to_owned());
    let was = text.clone();
    if field(ui, t, r, label, "", &mut text, false) {
        let mut doc = state.cost.doc.clone();
        if change(&mut doc, text.trim()) {
            state.cost.change(!is_typing, |it| *it = doc);
        }
        state.cost.typed.insert(place, text);
    } else if is_typing && was != now {
        let id = eframe::egui::Id::unique(("field", label, r.left() as i32, r.top() as i32));
        if !ui.memory(|m| m.has_focus(id)) {
            state.cost.typed.remove(&place);
        }
    }
}

/// A number that makes sense.
fn number(text: &str, most: f64) -> Option<f64> {
    text.trim_end_matches(['%', 'd', ' '])
        .replace(',', ".")
        .parse::<f64>()
        .ok()
        .filter(|n| n.is_finite() && *n >= 0.0 && *n <= most)
}

fn tiers(ui: &mut Ui, state: &mut App, (x, y, w): (f32, f32, f32)) -> f32 {
    let tiers = state.cost.doc.tiers();
    let total: f64 = tiers.iter().map(|t| t.days).sum();
    let t = state.theme;
    let mut y = {
        let kit = Kit::new(ui, t);
        let days: Vec<String> = tiers.iter().map(|t| t.days.to_string()).collect();
        title(&kit, (x, y, w), "Tiers and retention", &format!("{} d", days.join(" + ")))
    };
    // Whole months, and room to make it longer.
    let whole = ((total * 1.25 / 30.0).ceil() * 30.0).max(30.0);
    let moved = {
        let kit = Kit::new(ui, t);
        let all: Vec<Part<'_>> = tiers
            .iter()
            .enumerate()
            .map(|(i, tier)| Part { label: &tier.name, length: tier.days, ink: ink(&kit, i) })
            .collect();
        let moved = parts(&kit, x, y, w, whole, &all);
        for tick in 0..=3 {
            let at = x + w * tick as f32 / 3.0;
            let text = format!("{}{}", (whole * f64::from(tick) / 3.0).round(), if tick == 3 { " d" } else { "" });
            match tick {
                0 => drop(kit.text(at, y + 28.0, Font::Mono(10.0), t.weak, &text)),
                3 => drop(kit.text_right(at, y + 28.0, Font::Mono(10.0), t.weak, &text)),
                _ => kit.text_mid(at, y + 28.0, Font::Mono(10.0), t.weak, &text),
            }
        }
        moved
    };
    if let Some((i, dragged)) = moved {
        let place = i.to_string();
        state.cost.typed.clear();
        state.cost.change(dragged.is_first, |doc| doc.set(&["tier", &place, "days"], dragged.to));
    }
    y += 38.0;
    let columns = [(0.0, 84.0), (88.0, 56.0), (148.0, w - 148.0 - 74.0), (w - 70.0, 46.0)];
    {
        let kit = Kit::new(ui, t);
        for ((at, _), text) in columns.iter().zip(["Tier", "Days", "Price, GB-month", "Copies"]) {
            kit.text(x + at, y + 8.0, Font::Medium(10.5), t.weak, text);
        }
    }
    y += 14.0;
    for (i, tier) in tiers.iter().enumerate() {
        let place = i.to_string();
        {
            let kit = Kit::new(ui, t);
            kit.fill(rect(x, y + 8.0, 9.0, 9.0), ink(&kit, i));
        }
        let cell = |(at, width): (f32, f32)| rect(x + at, y, width, 25.0);
        let name = rect(x + 14.0, y, 70.0, 25.0);
        typed(ui, state, name, &format!("Name of tier {}", i + 1), &tier.name, |doc, text| {
            doc.put(&["tier", &place, "name"], Some(text.into()));
            !text.is_empty()
        });
        let days = tier.days.to_string();
        typed(ui, state, cell(columns[1]), &format!("Days in tier {}", i + 1), &days, |doc, text| {
            let days = number(text, 36_500.0).filter(|n| *n >= 1.0).map(f64::round);
            days.is_some_and(|days| {
                doc.set(&["tier", &place, "days"], days);
                true
            })
        });
        typed(ui, state, cell(columns[2]), &format!("Price of tier {}", i + 1), &tier.price, |doc, text| {
            doc.price(i, text);
            !text.is_empty()
        });
        let copies = tier.replicas.to_string();
        typed(ui, state, cell(columns[3]), &format!("Copies in tier {}", i + 1), &copies, |doc, text| {
            number(text, 100.0).filter(|n| *n >= 1.0).is_some_and(|n| {
                doc.set(&["tier", &place, "replicas"], n);
                true
            })
        });
        let kit = Kit::new(ui, t);
        if tiers.len() > 1 && cross(&kit, x + w - 18.0, y + 6.0, &format!("Remove tier {}", tier.name)) {
            state.cost.typed.clear();
            state.cost.change(true, |doc| doc.drop_tier(i));
        }
        y += 29.0;
    }
    let kit = Kit::new(ui, t);
    let b = Button { text: "One more tier", is_small: true, is_quiet: true, icon: Some("plus"), ..Button::default() };
    if tiers.len() < 3 && button(&kit, x - 6.0, y, b).clicked() {
        state.cost.change(true, Doc::add_tier);
    }
    y + if tiers.len() < 3 { 28.0 } else { 6.0 }
}

fn cross(kit: &Kit<'_>, x: f32, y: f32, label: &str) -> bool {
    let response = kit.click(rect(x, y, 16.0, 16.0), label, label);
    let color = if response.hovered() { kit.t.strong } else { kit.t.weak };
    icon(kit, "x", x + 2.0, y + 2.0, 12.0, 1.4, color);
    response.clicked()
}

fn sampling(ui: &mut Ui, state: &mut App, (x, y, w): (f32, f32, f32)) -> f32 {
    let t = state.theme;
    if !state.cost.doc.signals().contains(&"traces") {
        return y;
    }
    let rules = state.cost.doc.rules();
    let mut y = title(&Kit::new(ui, t), (x, y, w), "Sampling of traces", "the first rule that fits decides");
    for (i, rule) in rules.iter().enumerate() {
        let place = i.to_string();
        let kit = Kit::new(ui, t);
        kit.text(x, y + 17.0, Font::Mono(11.0), t.weak, &(i + 1).to_string());
        let search = rect(x + 14.0, y, w - 14.0 - 78.0, 25.0);
        typed(ui, state, search, &format!("Search of rule {}", i + 1), &rule.search, |doc, text| {
            put_rule(doc, &place, "search", toml::Value::String(text.to_owned()));
            !text.is_empty()
        });
        let keep = percent(rule.keep);
        typed(ui, state, rect(x + w - 74.0, y, 52.0, 25.0), &format!("Share of rule {}", i + 1), &keep, |doc, text| {
            number(text, 100.0).is_some_and(|n| {
                put_rule(doc, &place, "keep", toml::Value::Float(n / 100.0));
                true
            })
        });
        let kit = Kit::new(ui, t);
        if cross(&kit, x + w - 18.0, y + 6.0, &format!("Remove rule {}", i + 1)) {
            state.cost.typed.clear();
            state.cost.change(true, |doc| doc.drop_rule(i));
        }
        y += 29.0;
    }
    let kit = Kit::new(ui, t);
    let is_on = state.cost.doc.is_on(&["sampling", "keep_errors"]);
    let check = Check { label: "Keep each trace with an error", is_on };
    if check.show(&kit, x, y + 15.0).0 {
        state.cost.change(true, |doc| {
            let head = doc.number(&["sampling", "head"]).unwrap_or(1.0);
            doc.head(head);
            doc.put(&["sampling", "keep_errors"], Some((!is_on).into()));
        });
    }
    y += 24.0;
    let slower = state.cost.doc.text_at(&["sampling", "slower_than"]).unwrap_or_default().to_owned();
    let is_slow = !slower.is_empty();
    let kit = Kit::new(ui, t);
    let check = Check { label: "Keep each that is longer than", is_on: is_slow };
    let (is_clicked, width) = check.show(&kit, x, y + 17.0);
    if is_clicked {
        state.cost.typed.clear();
        state.cost.change(true, |doc| {
            let head = doc.number(&["sampling", "head"]).unwrap_or(1.0);
            doc.head(head);
            doc.put(&["sampling", "slower_than"], if is_slow { None } else { Some("1s".into()) });
        });
    }
    if is_slow {
        typed(ui, state, rect(x + width + 8.0, y, 74.0, 25.0), "Longer than", &slower, |doc, text| {
            doc.put(&["sampling", "slower_than"], Some(text.into()));
            text.ends_with('s') || text.ends_with('m')
        });
    }
    y += 31.0;
    let head = state.cost.doc.number(&["sampling", "head"]).unwrap_or(1.0);
    let kit = Kit::new(ui, t);
    kit.text(x, y + 12.0, Font::Regular(12.0), t.strong, "Everything else");
    kit.text_right(x + w, y + 12.0, Font::Mono(11.0), t.strong, &format!("{} %", percent(head)));
    let ticks = [(0.0, "0"), (25.0, "25"), (50.0, "50"), (75.0, "75"), (100.0, "100")];
    let slider = Slider {
        label: "Share of everything else",
        range: (0.0, 100.0),
        step: 1.0,
        value: head * 100.0,
        ticks: &ticks,
    };
    if let Some(dragged) = slider.show(&kit, x + 4.0, y + 19.0, w - 8.0) {
        state.cost.change(dragged.is_first, |doc| doc.head(dragged.to / 100.0));
    }
    y += 46.0;
    let b = Button { text: "One more rule", is_small: true, is_quiet: true, icon: Some("plus"), ..Button::default() };
    if button(&kit, x - 6.0, y, b).clicked() {
        state.cost.change(true, |doc| doc.add_rule("service:checkout", 1.0));
    }
    y + 28.0
}

fn put_rule(doc: &mut Doc, place: &str, key: &str, value: toml::Value) {
    doc.put(&["sampling", "rule", place, key], Some(value));
}

/// A share as percents, as many digits as it has.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn attributes(ui: &mut Ui, state: &mut App, (x, y, w): (f32, f32, f32), measured: &Value) -> f32 {
    let t = state.theme;
    let stored: f64 =
        measured["signals"].as_array().into_iter().flatten().filter_map(|s| s["stored_bytes"].as_f64()).sum();
    let mut all: Vec<(String, String, f64)> = Vec::new();
    for signal in measured["signals"].as_array().into_iter().flatten() {
        for attribute in signal["attributes"].as_array().into_iter().flatten() {
            let Some(saved) = attribute["stored_bytes"].as_f64() else { continue };
            let text = |v: &Value| v.as_str().unwrap_or_default().to_owned();
            all.push((text(&signal["signal"]), text(&attribute["name"]), saved / stored.max(1.0)));
        }
    }
    all.sort_by(|a, b| b.2.total_cmp(&a.2));
    let kit = Kit::new(ui, t);
    let mut y = title(&kit, (x, y, w), "Attributes to drop", "measured share of bytes");
    let is_tried = measured["signals"].as_array().into_iter().flatten().any(|s| s["packings"][0].is_object());
    if all.is_empty() {
        let said =
            if is_tried { "None takes room worth a try." } else { "Trying what the rest comes to without each …" };
        kit.text(x, y + 12.0, Font::Regular(12.0), t.weak, said);
        return y + 26.0;
    }
    let most = all.first().map_or(1.0, |a| a.2).max(1e-9);
    for (signal, key, share) in all.iter().take(ATTRIBUTES) {
        let is_on = state.cost.doc.drops(signal, key);
        let label = format!("Drop {key} of {signal}");
        let response = kit.click(rect(x - 4.0, y, w + 8.0, 22.0), &label, &label);
        if response.hovered() {
            kit.fill(rect(x - 12.0, y, w + 24.0, 22.0), t.bg_hover);
        }
        Check::square(&kit, x, y + 5.0, is_on);
        kit.text_in(x + 19.0, y + 15.0, w - 19.0 - 138.0, Font::Mono(11.0), t.strong, key);
        kit.text_right(x + w - 108.0 + 18.0, y + 15.0, Font::Regular(10.5), t.weak, signal);
        let bar = (share / most * 34.0).max(1.0) as f32;
        kit.fill(rect(x + w - 84.0, y + 7.0, bar, 8.0), if is_on { t.accent } else { t.bar });
        kit.text_right(x + w, y + 15.0, Font::Mono(11.0), t.text, &format!("{:.1} %", share * 100.0));
        let why = format!(
            "{key} of {signal}: what is stored is {:.2} % smaller without it. Some row groups were written by the writer itself, with it and without it.",
            share * 100.0
        );
        if response.on_hover_text(why).clicked() {
            state.cost.change(true, |doc| doc.toggle(signal, key));
        }
        y += 22.0;
    }
    y + 8.0
}

fn codec(ui: &mut Ui, state: &mut App, (x, y, w): (f32, f32, f32), measured: &Value) -> f32 {
    let t = state.theme;
    let kit = Kit::new(ui, t);
    let mut y = title(&kit, (x, y, w), "Packing and traffic", "");
    let signals = state.cost.doc.signals();
    let base = state.cost.base.clone().unwrap_or_default();
    let now = signals.first().and_then(|s| state.cost.doc.text_at(&["ingest", s, "packing"])).map(str::to_owned);
    kit.text(x, y + 16.0, Font::Regular(12.0), t.strong, "Packed");
    let mut names = vec!["as it is now"];
    names.extend(PACKINGS);
    let on = now.as_deref().unwrap_or("as it is now");
    if let Some(chosen) = choice(&kit, rect(x + w - 190.0, y - 2.0, 126.0, 27.0), "Packing", &names, on) {
        state.cost.change(true, |doc| {
            for signal in &signals {
                let value = (chosen != "as it is now").then(|| toml::Value::String(chosen.clone()));
                doc.put(&["ingest", signal, "packing"], value);
            }
        });
    }
    let (mut before, mut after) = (0.0, 0.0);
    for signal in measured["signals"].as_array().into_iter().flatten() {
        before += signal["stored_bytes"].as_f64().unwrap_or(0.0);
        let packing = signal["packings"].as_array().into_iter().flatten().find(|p| p["name"] == on);
        after += packing.and_then(|p| p["stored_bytes"].as_f64()).unwrap_or(0.0);
    }
    if now.is_some() && before > 0.0 {
        kit.text_right(
            x + w,
            y + 16.0,
            Font::Mono(11.0),
            t.strong,
            &format!("{:+.1} %", (after / before - 1.0) * 100.0),
        );
    }
    y += 40.0;
    // All signals alike, as a multiple of what was measured.
    let per_day = |doc: &Doc, signal: &str| doc.number(&["ingest", signal, "bytes_per_day"]).unwrap_or(0.0);
    let times = signals.first().map_or(1.0, |s| per_day(&state.cost.doc, s) / per_day(&base, s).max(1e-9));
    kit.text(x, y, Font::Regular(12.0), t.strong, "Traffic, times what was measured");
    kit.text_right(x + w, y, Font::Mono(11.0), t.strong, &format!("× {}", rounded(times)));
    let ticks = [(0.0, "1"), (1.0, "10"), (2.0, "100"), (3.0, "1,000")];
    let slider =
        Slider { label: "Traffic", range: (-1.0, 3.0), step: 0.05, value: times.max(0.1).log10(), ticks: &ticks };
    if let Some(dragged) = slider.show(&kit, x + 4.0, y + 7.0, w - 8.0) {
        let times = 10_f64.powf(dragged.to);
        // Two digits are enough for what is guessed.
        let digits = 10_f64.powf(1.0 - times.log10().floor());
        let times = (times * digits).round() / digits;
        state.cost.change(dragged.is_first, |doc| {
            for signal in &signals {
                doc.set(&["ingest", signal, "bytes_per_day"], per_day(&base, signal) * times);
            }
        });
    }
    y += 46.0;
    let growth = signals.first().and_then(|s| state.cost.doc.number(&["ingest", s, "growth_per_day"])).unwrap_or(0.0);
    let in_90_days = growth * 90.0 * 100.0;
    kit.text(x, y, Font::Regular(12.0), t.strong, "Growth in 90 days");
    kit.text_right(x + w, y, Font::Mono(11.0), t.strong, &format!("{in_90_days:+.0} %"));
    let ticks = [(-50.0, "-50"), (0.0, "0"), (50.0, "+50"), (100.0, "+100")];
    let slider =
        Slider { label: "Growth in 90 days", range: (-50.0, 100.0), step: 1.0, value: in_90_days, ticks: &ticks };
    if let Some(dragged) = slider.show(&kit, x + 4.0, y + 7.0, w - 8.0) {
        state.cost.change(dragged.is_first, |doc| {
            for signal in &signals {
                doc.set(&["ingest", signal, "growth_per_day"], dragged.to / 9_000.0);
            }
        });
    }
    y + 40.0
}

fn rounded(times: f64) -> String {
    if times >= 100.0 {
        crate::data::thousands(times.round() as i64)
    } else {
        format!("{times:.1}").trim_end_matches(".0").to_owned()
    }
}

/// Keeping it under a name, and going back to what is now.
fn keep(ui: &mut Ui, state: &mut App, (x, y, w): (f32, f32, f32)) -> f32 {
    let t = state.theme;
    {
        let kit = Kit::new(ui, t);
        kit.hline(x - 12.0, y, w + 28.0, t.hair);
    }
    let b = Button { text: "Keep", is_small: false, ..Button::default() };
    let reset = Button { text: "Reset", is_quiet: true, ..Button::default() };
    let (keep_width, reset_width) = {
        let kit = Kit::new(ui, t);
        (b.width(&kit), reset.width(&kit))
    };
    let place = rect(x, y + 12.0, w - keep_width - reset_width - 14.0, 27.0);
    let mut name = state.cost.name.clone();
    let id = eframe::egui::Id::unique(("field", "Name of the scenario", place.left() as i32, place.top() as i32));
    let had_focus = ui.memory(|m| m.has_focus(id));
    field(ui, t, place, "Name of the scenario", "name, to compare with", &mut name, false);
    let is_entered = had_focus && ui.input(|i| i.key_pressed(eframe::egui::Key::Enter));
    state.cost.name = name;
    let kit = Kit::new(ui, t);
    let is_named = !state.cost.name.trim().is_empty();
    if (button(&kit, place.right() + 7.0, y + 12.5, b).clicked() || is_entered) && is_named {
        let (name, value) = (state.cost.name.trim().to_owned(), state.cost.doc.text());
        state.asks.act_then_forget(ui.ctx(), Command::Save { kind: "scenario".into(), name, value }, super::KEPT);
        state.cost.name.clear();
    }
    if button(&kit, x + w - reset_width, y + 12.5, reset).clicked() {
        let base = state.cost.base.clone().unwrap_or_default();
        state.cost.typed.clear();
        state.cost.change(true, |doc| *doc = base);
    }
    y + 44.0
}
