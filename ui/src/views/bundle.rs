//! A bundle that is looked at: its verdict, what was checked, its files, what all that does not prove, and what happened to its
//! rows. On every other screen, its verdict in a strip.

pub(crate) mod make;
mod tried;

use crate::app::State as App;
use crate::data::{bytes, thousands};
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, icon, rect};
use crate::route::View;
use crate::tokens::Tokens;
use eframe::egui::{Color32, Rect, ScrollArea, Stroke, Ui, UiBuilder, pos2, vec2};
use serde_json::Value;
use sextant_contract::Ask;

/// How high the strip is.
pub(crate) const STRIP: f32 = 28.0;
/// How high the banner is.
const BANNER: f32 = 100.0;
const CHECKS: f32 = 268.0;
const BESIDE: f32 = 448.0;
/// Below this only one column has room.
const WIDE: f32 = 1_060.0;
const ROW: f32 = 24.0;

/// What is looked at without being kept; nothing where a data directory is open.
pub(crate) fn opened(ui: &Ui, state: &mut App) -> Option<Value> {
    let slot = state.asks.ask(ui.ctx(), "opened", false, || Ask::Opened);
    slot.get()?.object.clone().filter(|o| o["verdict"].is_string())
}

/// A verdict with its colour, what it stands on, and what it means.
fn look(t: &Tokens, verdict: &str) -> (Color32, Color32, &'static str) {
    match verdict {
        "VALID" => (t.ok, t.bg_panel.lerp_to_gamma(t.ok, 0.14), "whole, unaltered, in date"),
        "VALID-UNTRUSTED-KEY" => (t.warn, t.warn_bg, "whole, unaltered, in date; whose key it is, nobody said"),
        "EXPIRED" => (t.warn, t.warn_bg, "whole and unaltered; its term is over"),
        "NOT-YET-VALID" => (t.warn, t.warn_bg, "whole and unaltered; its term has not begun"),
        "SIGNED-BY-OTHER-KEY" => (t.warn, t.warn_bg, "whole and unaltered; not by the key that was asked for"),
        "UNSIGNED" => (t.warn, t.warn_bg, "plain files: nobody vouches for them"),
        _ => (t.error, t.error_bg, "altered, or not whole"),
    }
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_default()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[][..], Vec::as_slice)
}

/// A hash that can be compared at a glance.
fn short(hash: &str) -> String {
    match (hash.get(..4), hash.get(4..8), hash.get(hash.len().saturating_sub(4)..)) {
        (Some(a), Some(b), Some(c)) if hash.len() > 16 => format!("{a} {b}…{c}"),
        _ => hash.to_owned(),
    }
}

/// A time to the second.
fn moment(time: &str) -> String {
    let Some((day, clock)) = time.split_once('T') else { return time.to_owned() };
    format!("{day} {}", clock.get(..8).unwrap_or(clock).trim_end_matches('Z'))
}

/// What went wrong, with the file.
fn reason(object: &Value) -> String {
    match (text(object, "file"), text(object, "reason")) {
        ("", why) => why.to_owned(),
        (file, why) => format!("{file}: {why}"),
    }
}

/// At the top of every other screen; what is left for the screen.
pub(crate) fn strip(ui: &Ui, state: &mut App, main: Rect) -> Rect {
    let Some(object) = opened(ui, state) else { return main };
    let t = state.theme;
    let kit = Kit::new(ui, t);
    let r = main.with_max_y(main.top() + STRIP);
    let verdict = text(&object, "verdict");
    let (color, ground, means) = look(t, verdict);
    let response = kit.click(r, "bundle strip", &format!("{verdict}: what was checked"));
    kit.fill(r, ground);
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), color);
    let bl = r.top() + 18.5;
    let mut x = kit.text(r.left() + 12.0, bl, Font::Semibold(12.0), color, verdict) + 10.0;
    let path = text(&object, "path");
    let name = path.rsplit('/').next().unwrap_or(path);
    x = kit.text_in(x, bl, r.width() * 0.3, Font::Mono(11.0), t.strong, name) + 10.0;
    let said = if verdict == "INVALID" { reason(&object) } else { means.to_owned() };
    let rows: u64 = tables(&object).iter().map(|(_, n)| n).sum();
    let figures = if rows > 0 { format!("{} rows, read-only", thousands(rows as i64)) } else { "read-only".into() };
    let w = kit.width(Font::Regular(12.0), &figures);
    kit.text_in(x, bl, r.right() - x - w - 30.0, Font::Regular(12.0), t.text, &said);
    kit.text_right(r.right() - 12.0, bl, Font::Regular(12.0), t.text, &figures);
    if response.clicked() && verdict != "UNSIGNED" {
        state.open(View::Bundle);
    }
    main.with_min_y(r.bottom())
}

fn tables(object: &Value) -> Vec<(String, u64)> {
    let all = object["facts"]["tables"].as_object().into_iter().flatten();
    all.map(|(name, t)| (name.clone(), t["rows"].as_u64().unwrap_or(0))).collect()
}

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    state.status.keys = vec![("g t", "traces"), ("g l", "logs"), ("?", "keys")];
    let Some(object) = opened(ui, state).filter(|o| o["checks"].is_array()) else {
        // What lies open and is not signed can be looked at, not made a bundle of.
        if opened(ui, state).is_some() {
            let words = ["Plain files carry no signature: there is nothing to check."];
            return super::states::empty(&Kit::new(ui, state.theme), main, "No bundle is open", &words);
        }
        return make::show(ui, state, main);
    };
    let n_files = list(&object["files"]).len();
    state.status.parts = vec![
        vec![text(&object, "verdict").to_owned()],
        vec!["Showing".into(), thousands(n_files as i64), "files".into()],
        vec!["Bundle".into(), short(text(&object, "hash"))],
    ];
    banner(ui, state, main.with_max_y(main.top() + BANNER), &object);
    let rest = main.with_min_y(main.top() + BANNER);
    if rest.width() < WIDE {
        let mut child = ui.new_child(UiBuilder::new().id_salt("bundle").max_rect(rest));
        child.set_clip_rect(rest);
        ScrollArea::vertical().auto_shrink(false).id_salt("bundle").show(&mut child, |ui| {
            let top = ui.min_rect().top();
            let r = rect(rest.left(), top, rest.width(), rest.height());
            let mut y = checks(ui, state, r, &object);
            y = beside(ui, state, r.with_min_y(y + 8.0), &object);
            y = files(ui, state, r.with_min_y(y + 8.0), &object, false);
            ui.set_min_size(vec2(rest.width() - 8.0, y - top));
        });
        return;
    }
    let t = state.theme;
    let (left, right) = (rest.left() + CHECKS, rest.right() - BESIDE);
    checks(ui, state, rest.with_max_x(left), &object);
    files(ui, state, rest.with_min_x(left).with_max_x(right), &object, true);
    beside(ui, state, rest.with_min_x(right), &object);
    let kit = Kit::new(ui, t);
    kit.vline(left, rest.top(), rest.height(), t.hair);
    kit.vline(right, rest.top(), rest.height(), t.hair);
}

/// A ring with a mark in it.
fn seal(kit: &Kit<'_>, x: f32, y: f32, color: Color32, is_good: bool) {
    let center = pos2(x + 27.0, y + 27.0);
    kit.paint.circle_stroke(center, 26.0, Stroke::new(1.2, color));
    kit.paint.circle_stroke(center, 20.0, Stroke::new(1.0, color));
    for i in 0..36 {
        let angle = i as f32 * std::f32::consts::TAU / 36.0;
        let at = |r: f32| center + vec2(angle.cos(), angle.sin()) * r;
        kit.line(&[at(22.0), at(24.5)], 1.0, color);
    }
    icon(kit, if is_good { "check" } else { "x" }, x + 16.0, y + 16.0, 22.0, 2.4, color);
}

fn banner(ui: &Ui, state: &App, r: Rect, object: &Value) {
    let t = state.theme;
    let kit = Kit::new(ui, t);
    let verdict = text(object, "verdict");
    let (color, ground, means) = look(t, verdict);
    kit.fill(r, ground);
    kit.hline(r.left(), r.bottom() - 1.0, r.width(), color);
    seal(&kit, r.left() + 22.0, r.top() + 23.0, color, verdict.starts_with("VALID"));
    let x = r.left() + 104.0;
    let end = kit.text(x, r.top() + 42.0, Font::Semibold(22.0), color, verdict);
    let all = list(&object["checks"]);
    let n_good = all.iter().filter(|c| c["ok"] == true).count();
    let said = if verdict == "INVALID" { reason(object) } else { means.to_owned() };
    let columns: Vec<(&str, [String; 2])> = columns(object);
    let widths = columns.iter().map(|(head, lines)| {
        let w = |text: &str| kit.width(Font::Mono(11.0), text);
        kit.width(Font::Regular(11.0), head).max(w(&lines[0])).max(w(&lines[1])) + 28.0
    });
    let widths: Vec<f32> = widths.collect();
    let mut at = r.right() - widths.iter().sum::<f32>();
    let room = (at.max(x + 260.0) - x - 20.0).max(end - x);
    kit.text_in(x, r.top() + 62.0, room, Font::Regular(12.0), t.strong, &said);
    let checked = format!("{n_good} of {} checks passed, offline", all.len());
    kit.text_in(x, r.top() + 80.0, room, Font::Regular(12.0), t.weak, &checked);
    // What there is no room for stays away, the first of them last.
    for ((head, lines), w) in columns.iter().zip(&widths) {
        if at > x + 240.0 {
            kit.text(at, r.top() + 30.0, Font::Regular(11.0), t.weak, head);
            for (i, line) in lines.iter().enumerate() {
                kit.text(at, r.top() + 50.0 + 17.0 * i as f32, Font::Mono(11.0), t.strong, line);
            }
            if *head == "Signed by" {
                let copy = Button { text: "Copy fingerprint", is_small: true, ..Button::default() };
                if button(&kit, at, r.top() + 66.0, copy).clicked() {
                    ui.copy_text(text(object, "fingerprint").to_owned());
                }
            }
        }
        at += w;
    }
}

/// What the banner says beside the verdict.
fn columns(object: &Value) -> Vec<(&'static str, [String; 2])> {
    let facts = &object["facts"];
    if facts.is_null() {
        return Vec::new();
    }
    let of = |key: &str| text(&facts["question"], key).to_owned();
    let tables = &facts["tables"];
    let ends = |key: &str| -> Vec<String> {
        let all = tables.as_object().into_iter().flatten().map(|(_, t)| text(t, key).to_owned());
        all.filter(|s| !s.is_empty()).collect()
    };
    let first = ends("first").into_iter().min().unwrap_or_default();
    let last = ends("last").into_iter().max().unwrap_or_default();
    let bound = |said: String, found: String| moment(if said.is_empty() { &found } else { &said });
    let rows: u64 = self::tables(object).iter().map(|(_, n)| n).sum();
    let size: u64 = list(&object["files"]).iter().filter_map(|f| f["bytes"].as_u64()).sum();
    let mut all = vec![("Signed by", [text(object, "fingerprint").to_owned(), String::new()])];
    all.push(("Window (UTC)", [bound(of("from"), first), bound(of("to"), last)]));
    all.push(("Covers", [format!("{} rows", thousands(rows as i64)), bytes(size)]));
    all.push(("Bundle hash", [short(text(object, "hash")), String::new()]));
    all
}

fn head(kit: &Kit<'_>, r: Rect, title: &str, note: &str) {
    let x = kit.text(r.left() + 12.0, r.top() + 22.0, Font::Semibold(12.0), kit.t.strong, title);
    kit.text_in(x + 8.0, r.top() + 22.0, r.right() - x - 20.0, Font::Regular(12.0), kit.t.weak, note);
    kit.hline(r.left(), r.top() + 35.0, r.width(), kit.t.hair);
}

/// Words in as many lines as they need; where they end.
fn words(kit: &Kit<'_>, x: f32, mut bl: f32, w: f32, color: Color32, said: &str) -> f32 {
    for line in super::sources::lines(kit, Font::Regular(12.0), w, said) {
        kit.text_in(x, bl, w, Font::Regular(12.0), color, &line);
        bl += 16.0;
    }
    bl
}

/// What was looked at, one after the other; where it ends.
fn checks(ui: &Ui, state: &App, r: Rect, object: &Value) -> f32 {
    let t = state.theme;
    let kit = Kit::new(ui, t).inside(r);
    head(&kit, r, "Checks", "");
    let mut y = r.top() + 36.0;
    for check in list(&object["checks"]) {
        let (name, color) = match check["ok"].as_bool() {
            Some(true) => ("check", t.ok),
            Some(false) if text(check, "name") == "Key" => ("x", t.warn),
            Some(false) => ("x", t.error),
            None => ("", t.weak),
        };
        if !name.is_empty() {
            icon(&kit, name, r.left() + 13.0, y + 8.0, 11.0, 2.2, color);
        }
        kit.text(r.left() + 34.0, y + 18.0, Font::Semibold(12.0), t.strong, text(check, "name"));
        let end = words(&kit, r.left() + 34.0, y + 34.0, r.width() - 46.0, t.text, text(check, "said"));
        y = end - 7.0;
        kit.hline(r.left(), y, r.width(), t.hair);
    }
    kit.text(r.left() + 12.0, y + 24.0, Font::Semibold(12.0), t.strong, "Check it without Sextant");
    let place = rect(r.left() + 12.0, y + 34.0, r.width() - 24.0, 62.0);
    kit.round(place, 4, t.bg_app);
    kit.border(place, 4, t.strong_line);
    for (i, line) in
        ["openssl pkeyutl -verify …", "sha256sum --check --strict …", "diff <(find …) …"].into_iter().enumerate()
    {
        kit.text(place.left() + 10.0, place.top() + 18.0 + 17.0 * i as f32, Font::Mono(11.0), t.strong, line);
    }
    words(
        &kit,
        r.left() + 12.0,
        place.bottom() + 20.0,
        r.width() - 24.0,
        t.weak,
        "The whole commands are in VERIFY.md inside. The rows are Parquet: any tool reads them.",
    ) + 4.0
}

/// Its files; where they end.
fn files(ui: &mut Ui, state: &mut App, r: Rect, object: &Value, scrolls: bool) -> f32 {
    let t = state.theme;
    let all = list(&object["files"]);
    let n_good = all.iter().filter(|f| f["ok"] == true).count();
    let size: u64 = all.iter().filter_map(|f| f["bytes"].as_u64()).sum();
    let right = r.right() - 12.0;
    // Rows, size, hash, match: from the right.
    let ends = [right - 236.0, right - 160.0, right - 60.0];
    {
        let kit = Kit::new(ui, t);
        head(&kit, r, "Files", &format!("{n_good} of {} as they were signed, {}", all.len(), bytes(size)));
        let bl = r.top() + 52.0;
        kit.text(r.left() + 12.0, bl, Font::Medium(11.0), t.weak, "File");
        kit.text_right(ends[0], bl, Font::Medium(11.0), t.weak, "Rows");
        kit.text_right(ends[1], bl, Font::Medium(11.0), t.weak, "Size");
        kit.text(ends[1] + 14.0, bl, Font::Medium(11.0), t.weak, "SHA-256");
        kit.text_right(right, bl, Font::Medium(11.0), t.weak, "Match");
        kit.hline(r.left(), r.top() + 60.0, r.width(), t.strong_line);
    }
    let line = |ui: &Ui, top: f32, file: &Value| {
        let kit = Kit::new(ui, t);
        let (name, bl) = (text(file, "name"), top + 16.0);
        let place = rect(r.left(), top, r.width(), ROW);
        let response = kit.click(place, ("file", name), &format!("Copy the hash of {name}"));
        kit.row_back(place, false, response.hovered());
        let is_good = file["ok"] == true;
        let rows = file["rows"].as_u64().map_or_else(String::new, |n| thousands(n as i64));
        let w = ends[0] - kit.width(Font::Mono(11.0), &rows) - r.left() - 28.0;
        kit.text_in(r.left() + 12.0, bl, w, Font::Mono(11.0), if is_good { t.strong } else { t.error }, name);
        kit.text_right(ends[0], bl, Font::Mono(11.0), t.text, &rows);
        kit.text_right(ends[1], bl, Font::Mono(11.0), t.text, &bytes(file["bytes"].as_u64().unwrap_or(0)));
        kit.text(ends[1] + 14.0, bl, Font::Mono(11.0), t.weak, &short(text(file, "sha256")));
        let (word, color) = if is_good { ("match", t.ok) } else { ("differs", t.error) };
        kit.text_right(right, bl, Font::Regular(12.0), color, word);
        kit.hline(r.left(), top + ROW, r.width(), t.hair);
        if response.clicked() {
            ui.copy_text(text(file, "sha256").to_owned());
        }
    };
    let foot = foot(ui, state, r, object, scrolls);
    let body = r.with_min_y(r.top() + 60.0).with_max_y(foot);
    if !scrolls {
        for (i, file) in all.iter().enumerate() {
            line(ui, body.top() + ROW * i as f32, file);
        }
        return body.top() + ROW * all.len() as f32 + 8.0;
    }
    let mut child = ui.new_child(UiBuilder::new().id_salt("files").max_rect(body));
    child.set_clip_rect(body);
    child.spacing_mut().item_spacing.y = 0.0;
    ScrollArea::vertical().auto_shrink(false).id_salt("files").show_rows(&mut child, ROW, all.len(), |ui, range| {
        for i in range {
            let top = ui.cursor().top();
            ui.allocate_space(vec2(1.0, ROW));
            line(ui, top, &all[i]);
        }
    });
    body.bottom()
}

/// The ways to its rows, at the foot of the files; where that begins.
fn foot(ui: &Ui, state: &mut App, r: Rect, object: &Value, scrolls: bool) -> f32 {
    if !scrolls {
        return r.bottom();
    }
    let t = state.theme;
    let top = r.bottom() - 48.0;
    let kit = Kit::new(ui, t);
    kit.hline(r.left(), top, r.width(), t.strong_line);
    let mut x = r.left() + 12.0;
    let all = tables(object);
    let n = |of: &dyn Fn(&str) -> bool| all.iter().filter(|(name, _)| of(name)).map(|(_, n)| n).sum::<u64>();
    let ways = [
        ("spans", View::Traces, n(&|t| t == "traces")),
        ("log records", View::Logs, n(&|t| t == "logs")),
        ("points", View::Metrics, n(&|t| t.starts_with("metrics"))),
    ];
    for (i, (what, view, n)) in ways.into_iter().filter(|(_, _, n)| *n > 0).enumerate() {
        let label = format!("{} {what}", thousands(n as i64));
        let b = Button { text: &label, is_primary: i == 0, ..Button::default() };
        if button(&kit, x, top + 10.0, b).clicked() {
            state.open(view);
        }
        x += b.width(&kit) + 8.0;
    }
    kit.text_right(r.right() - 12.0, top + 28.0, Font::Regular(12.0), t.weak, "nothing here can be changed");
    top
}

/// What is not proven, and what happened to the rows; where it ends.
fn beside(ui: &Ui, state: &App, r: Rect, object: &Value) -> f32 {
    let t = state.theme;
    let kit = Kit::new(ui, t).inside(r);
    head(&kit, r, "What this does not prove", "");
    let (x, w) = (r.left() + 32.0, r.width() - 44.0);
    let mut y = r.top() + 36.0;
    for what in list(&object["not_proven"]).iter().filter_map(Value::as_str) {
        kit.paint.circle_stroke(pos2(r.left() + 18.0, y + 15.0), 4.0, Stroke::new(1.2, t.weak));
        let (title, rest) = what.split_once(". ").unwrap_or((what, ""));
        kit.text_in(x, y + 19.0, w, Font::Semibold(12.0), t.strong, title.trim_end_matches('.'));
        y = if rest.is_empty() { y + 28.0 } else { words(&kit, x, y + 35.0, w, t.text, rest) - 8.0 };
        kit.hline(r.left() + 12.0, y, r.width() - 24.0, t.hair);
    }
    y += 10.0;
    head(&kit, r.with_min_y(y), "Custody", "each entry holds the hash of the one before");
    y += 36.0;
    y = entries(&kit, r.with_min_y(y), list(&object["custody"]), t.ok);
    let since = list(&object["since"]);
    if !since.is_empty() {
        y += 10.0;
        head(&kit, r.with_min_y(y), "Since then", "noted here; a sealed bundle can't hold it");
        y = entries(&kit, r.with_min_y(y + 36.0), since, t.weak);
    }
    y + 8.0
}

/// What happened, one below the other; the end of it.
fn entries(kit: &Kit<'_>, r: Rect, all: &[Value], color: Color32) -> f32 {
    let (x, w) = (r.left() + 32.0, r.width() - 46.0);
    let mut y = r.top();
    for (i, entry) in all.iter().enumerate() {
        let top = y;
        kit.border(rect(r.left() + 14.0, y + 11.0, 8.0, 8.0), 1, color);
        let mut letters = text(entry, "what").chars();
        let what: String = letters.next().map_or_else(String::new, |c| c.to_uppercase().chain(letters).collect());
        let end = kit.text(x, y + 19.0, Font::Semibold(12.0), kit.t.strong, &what);
        kit.text(end + 8.0, y + 19.0, Font::Mono(11.0), kit.t.weak, &moment(text(entry, "at")));
        y = words(kit, x, y + 36.0, w, kit.t.text, text(entry, "note")) - 2.0;
        if i + 1 < all.len() {
            kit.vline(r.left() + 18.0, top + 20.0, y - top - 9.0, color);
        }
    }
    y
}
