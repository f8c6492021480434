//! What a bundle comes to: before it is made, while it is made, and then; and the keys that there are.

use super::make::{Phase, State};
use super::{list, text};
use crate::app::State as App;
use crate::data::{bytes, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, field, icon, rect};
use crate::progress::Progress;
use crate::runtime::{self, now};
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder, vec2};
use serde_json::Value;
use sextant_contract::{Command, Hidden};

const HEAD: f32 = 48.0;
const ROW: f32 = 24.0;

pub(super) fn show(ui: &mut Ui, state: &mut App, of: &mut State, keys: &[Value], r: Rect) {
    let (head, body) = (r.with_max_y(r.top() + HEAD), r.with_min_y(r.top() + HEAD));
    bar(ui, state, of, head);
    let mut child = ui.new_child(UiBuilder::new().id_salt("bundle came").max_rect(body));
    child.set_clip_rect(body);
    ScrollArea::vertical().auto_shrink(false).id_salt("bundle came").show(&mut child, |ui| {
        let top = ui.min_rect().top();
        let r = rect(body.left() + 16.0, top + 8.0, body.width() - 32.0, body.height());
        let mut y = came(ui, state, of, r);
        y = all_keys(ui, state, of, keys, r.with_min_y(y + 18.0));
        ui.set_min_size(vec2(body.width() - 8.0, y - top + 12.0));
    });
}

/// The way on, and what hinders.
fn bar(ui: &Ui, state: &App, of: &mut State, r: Rect) {
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), t.hair);
    let bl = r.top() + 29.0;
    let x = kit.text(r.left() + 16.0, bl, Font::Semibold(13.0), t.strong, "Bundle") + 14.0;
    let mut right = r.right() - 16.0;
    if let Phase::Running { progress, .. } = &of.phase {
        let b = Button { text: "Cancel", ..Button::default() };
        if button(&kit, right - b.width(&kit), r.top() + 10.0, b).clicked() {
            state.asks.act(ui.ctx(), Command::Cancel { tag: progress.tag }, Vec::new());
        }
        return;
    }
    let is_current =
        of.tried.as_ref().is_some_and(|(tried, came)| came.is_object() && of.ask().is_ok_and(|a| a == *tried));
    let mut wanted = None;
    for (text, is_tried, is_primary) in [("Make bundle", false, is_current), ("Look through", true, !is_current)] {
        let b = Button { text, is_primary, ..Button::default() };
        right -= b.width(&kit);
        if button(&kit, right, r.top() + 10.0, b).clicked() && of.lacks().is_none() {
            wanted = Some(is_tried);
        }
        right -= 8.0;
    }
    let words = of.lacks().unwrap_or(match (&of.made, is_current, &of.tried) {
        (Some(_), true, _) => "made",
        (_, true, _) => "looked through: nothing has been written yet",
        (_, false, Some(_)) => "changed since it was looked through",
        _ => "signed Parquet that anyone can check, with this program or without",
    });
    let color = if of.lacks().is_some() { t.warn } else { t.text };
    kit.text_in(x, bl, right - x - 12.0, Font::Regular(12.0), color, words);
    if let Some(is_tried) = wanted {
        of.begin(ui, &state.asks, state.files_dir.as_deref(), is_tried);
    }
}

/// What it comes to, as far as that is known.
fn came(ui: &mut Ui, state: &mut App, of: &mut State, r: Rect) -> f32 {
    if let Phase::Running { progress, is_tried } = &mut of.phase {
        progress.ask(ui, &mut state.asks);
        return under_way(&Kit::new(ui, state.theme), progress, *is_tried, r);
    }
    let mut y = r.top();
    let kit = Kit::new(ui, state.theme).inside(ui.clip_rect());
    let t = kit.t;
    if let Some(e) = &of.failed {
        kit.text_in(r.left(), y + 18.0, r.width(), Font::Semibold(13.0), t.error, "Nothing was made");
        for (i, line) in [Some(&e.message), e.hint.as_ref()].into_iter().flatten().enumerate() {
            let color = if i == 0 { t.strong } else { t.text };
            kit.text_in(r.left(), y + 38.0 + 18.0 * i as f32, r.width(), Font::Regular(12.0), color, line);
        }
        y += 82.0;
    }
    if let Some(made) = of.made.clone() {
        y = done(ui, state, &made, r.with_min_y(y));
    }
    match of.tried.as_ref().filter(|(_, came)| came.is_object()) {
        Some((_, came)) => tables(ui, state, came, r.with_min_y(y)),
        None if of.made.is_none() && of.failed.is_none() => {
            before(&Kit::new(ui, state.theme).inside(ui.clip_rect()), r)
        }
        None => y,
    }
}

/// Nothing was looked through yet.
fn before(kit: &Kit<'_>, r: Rect) -> f32 {
    let steps = [
        ("Look through", "reads everything that would be in it: how many rows, how large, what would be redacted."),
        ("Make bundle", "writes one file: Parquet by day, hashes, what was asked and what was left out, signed."),
        ("Hand it over", "with your key's fingerprint by another way. Its VERIFY.md needs sha256sum and openssl only."),
    ];
    let mut y = r.top() + 6.0;
    for (i, (name, words)) in steps.into_iter().enumerate() {
        kit.text(r.left(), y + 16.0, Font::Mono(12.0), kit.t.accent, &(i + 1).to_string());
        kit.text(r.left() + 22.0, y + 16.0, Font::Semibold(12.0), kit.t.strong, name);
        for (line, words) in
            crate::views::sources::lines(kit, Font::Regular(12.0), r.width() - 22.0, words).iter().enumerate()
        {
            kit.text(r.left() + 22.0, y + 34.0 + 17.0 * line as f32, Font::Regular(12.0), kit.t.text, words);
            y += if line > 0 { 17.0 } else { 0.0 };
        }
        y += 50.0;
    }
    y
}

fn under_way(kit: &Kit<'_>, of: &Progress, is_tried: bool, r: Rect) -> f32 {
    let r = r.with_min_y(r.top() + 20.0);
    let words = if is_tried { "Being looked through" } else { "Being made" };
    let end = kit.text(r.left(), r.top(), Font::Semibold(13.0), kit.t.strong, words);
    kit.text(end + 10.0, r.top(), Font::Regular(12.0), kit.t.text, &format!("{} so far", of.words()));
    of.show(kit, r, kit.t.bg_raised) + 20.0
}

/// A line with something to be copied at its end.
fn copied(ui: &Ui, kit: &Kit<'_>, r: Rect, name: &str, value: &str, shown: &str) {
    let t = kit.t;
    kit.text(r.left(), r.top() + 16.0, Font::Regular(12.0), t.text, name);
    let end = kit.text_in(r.left() + 92.0, r.top() + 16.0, r.width() - 120.0, Font::Mono(11.5), t.strong, shown);
    let copy = rect(end + 8.0, r.top() + 5.0, 13.0, 13.0);
    let response =
        kit.click(copy.expand(4.0), ("copy", name, r.top() as i32), &format!("Copy {}", name.to_lowercase()));
    icon(kit, "copy", copy.left(), copy.top(), 13.0, 1.4, if response.hovered() { t.accent } else { t.weak });
    if response.clicked() {
        ui.copy_text(value.to_owned());
    }
}

/// What was made, and how another checks it.
fn done(ui: &Ui, state: &App, made: &Value, r: Rect) -> f32 {
    let kit = Kit::new(ui, state.theme).inside(ui.clip_rect());
    let t = kit.t;
    icon(&kit, "check", r.left(), r.top() + 8.0, 14.0, 2.0, t.ok);
    let size = bytes(made["bytes"].as_u64().unwrap_or(0));
    let words = format!("{} rows, {size}", thousands(made["rows"].as_i64().unwrap_or(0)));
    kit.text(r.left() + 22.0, r.top() + 20.0, Font::Semibold(13.0), t.strong, &words);
    let place = if runtime::is_browser() { text(made, "name") } else { text(made, "path") };
    let verify = format!("sextant bundle verify {place}");
    let mut y = r.top() + 30.0;
    for (name, value) in [
        ("File", place),
        ("Bundle", text(made, "hash")),
        ("Signed by", text(made, "fingerprint")),
        ("Checked by", verify.as_str()),
    ] {
        copied(ui, &kit, rect(r.left(), y, r.width(), ROW), name, value, value);
        y += ROW;
    }
    if made["new_key"].is_string() {
        let words = "A key was made for it; give its public half, below, to those who get the bundle.";
        kit.text_in(r.left(), y + 17.0, r.width(), Font::Regular(12.0), t.warn, words);
        y += ROW;
    }
    y + 10.0
}

fn tables(ui: &Ui, state: &App, came: &Value, r: Rect) -> f32 {
    let kit = Kit::new(ui, state.theme).inside(ui.clip_rect());
    let t = kit.t;
    let number = |value: &Value, key: &str| value[key].as_i64().unwrap_or(0);
    let words = format!("{} rows, about {}", thousands(number(came, "rows")), bytes(number(came, "bytes") as u64));
    kit.text(r.left(), r.top() + 18.0, Font::Semibold(13.0), t.strong, &words);
    let mut y = r.top() + 30.0;
    for (name, n) in came["tables"].as_object().into_iter().flatten() {
        kit.text(r.left(), y + 16.0, Font::Regular(12.0), t.text, &name.replace('_', " "));
        kit.text_right(r.left() + 260.0, y + 16.0, Font::Mono(11.5), t.strong, &thousands(n.as_i64().unwrap_or(0)));
        y += 20.0;
    }
    for left in list(&came["left_out"]) {
        let words = format!("left out: {}", left.as_str().unwrap_or_default());
        kit.text_in(r.left(), y + 16.0, r.width(), Font::Regular(12.0), t.warn, &words);
        y += 20.0;
    }
    for name in list(&came["unmatched"]) {
        let words =
            format!("nothing is called '{}', so nothing would be redacted by that", name.as_str().unwrap_or_default());
        kit.text_in(r.left(), y + 16.0, r.width(), Font::Regular(12.0), t.warn, &words);
        y += 20.0;
    }
    let found = list(&came["found"]);
    y += 14.0;
    kit.text(r.left(), y + 16.0, Font::Semibold(13.0), t.strong, "Would be redacted");
    let looked = bytes(number(came, "bytes_scanned") as u64);
    let note = if found.is_empty() { "nothing".to_owned() } else { format!("in {looked} of text") };
    kit.text(r.left() + 128.0, y + 16.0, Font::Regular(12.0), t.text, &note);
    y += 26.0;
    if found.is_empty() {
        return y;
    }
    let w = r.width();
    let at = |part: f32| r.left() + w * part;
    for (part, name) in [(0.0, "Rule"), (0.2, "Where"), (0.72, "A sample")] {
        kit.text(at(part), y + 14.0, Font::Medium(11.0), t.text, name);
    }
    kit.text_right(at(0.68), y + 14.0, Font::Medium(11.0), t.text, "Values");
    kit.hline(r.left(), y + 21.0, w, t.hair);
    y += 22.0;
    for f in found {
        let rule = format!("{}, {}", text(f, "rule"), text(f, "method"));
        kit.text_in(at(0.0), y + 16.0, w * 0.19, Font::Regular(12.0), t.strong, &rule);
        kit.text_in(at(0.2), y + 16.0, w * 0.38, Font::Mono(11.5), t.text, text(f, "column"));
        kit.text_right(at(0.68), y + 16.0, Font::Mono(11.5), t.strong, &thousands(number(f, "n")));
        kit.text_in(at(0.72), y + 16.0, w * 0.28, Font::Mono(11.5), t.weak, text(f, "sample"));
        y += ROW;
        kit.hline(r.left(), y - 1.0, w, t.hair);
    }
    y
}

/// Those that sign, those that are trusted, and the way to another.
fn all_keys(ui: &mut Ui, state: &App, of: &mut State, keys: &[Value], r: Rect) -> f32 {
    let t = state.theme;
    let mut y = r.top();
    let mut command = None;
    {
        let kit = Kit::new(ui, t).inside(ui.clip_rect());
        kit.hline(r.left(), y, r.width(), t.hair);
        kit.text(r.left(), y + 24.0, Font::Semibold(13.0), t.strong, "Keys");
        let note = if keys.is_empty() {
            "none yet: the first bundle makes one"
        } else {
            "their public halves can be given to anyone"
        };
        kit.text(r.left() + 44.0, y + 24.0, Font::Regular(12.0), t.text, note);
        y += 36.0;
        for key in keys {
            let (name, kept, fingerprint) = (text(key, "name"), text(key, "kept"), text(key, "fingerprint"));
            let means = match kept {
                "file" => "signs; only you can read it",
                "locked file" => "signs; opened by a passphrase",
                "trusted" => "of someone else, trusted",
                other => other,
            };
            let line = rect(r.left(), y, r.width() - 150.0, ROW);
            copied(ui, &kit, line, name, text(key, "pem"), &format!("{fingerprint}   {means}"));
            let b = Button { text: "Trust no longer", is_small: true, ..Button::default() };
            if kept == "trusted" && button(&kit, r.right() - b.width(&kit), y + 1.0, b).clicked() {
                command = Some(Command::KeyDistrust { name: name.to_owned() });
            }
            y += ROW;
        }
    }
    y += 8.0;
    let w = ((r.width() - 120.0) / 2.0).clamp(60.0, 240.0);
    field(ui, t, rect(r.left(), y, w, 27.0), "Name of a new key", "a name", &mut of.new_name, false);
    let beside = rect(r.left() + w + 8.0, y, w, 27.0);
    field(ui, t, beside, "Passphrase of a new key", "a passphrase, if it shall have one", &mut of.new_passphrase, true);
    let kit = Kit::new(ui, t).inside(ui.clip_rect());
    let b = Button { text: "New key", ..Button::default() };
    if button(&kit, beside.right() + 8.0, y, b).clicked() && !of.new_name.trim().is_empty() {
        let passphrase = (!of.new_passphrase.is_empty()).then(|| Hidden(of.new_passphrase.clone()));
        command = Some(Command::KeyNew { name: of.new_name.trim().to_owned(), passphrase });
    }
    if let Some(command) = command.filter(|_| of.phase == Phase::Idle) {
        let tag = now() as u64;
        of.failed = None;
        state.asks.export(ui.ctx(), tag, command);
        of.phase = Phase::Keys { tag };
    }
    y + 36.0
}
