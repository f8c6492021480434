//! What was received and what became of it: the card on Home and on Status. Beside it, what is not as it should be.

use super::home::card;
use crate::data::{counted, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, area, icon, rect};
use eframe::egui::{Rect, Shape, Stroke, pos2};
use serde_json::Value;
use std::collections::BTreeMap;

/// How high the card is.
pub(crate) const HEIGHT: f32 = 250.0;

/// What is not as it should be, the worst first: a title and what to do about it.
pub(crate) fn trouble(object: &Value, is_up: bool) -> Option<(String, String)> {
    if !is_up {
        return Some(("Sextant does not answer".into(), "what you see is what was there before".into()));
    }
    if let Some(why) = object["refusing"].as_str() {
        return Some(("Senders are refused".into(), why.to_owned()));
    }
    let away: Vec<(i64, &Value)> = object["unavailable"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|u| (u["records"].as_i64().unwrap_or(0), u))
        .collect();
    if let Some((_, first)) = away.first() {
        let all: Vec<String> =
            away.iter().map(|(n, u)| counted(*n as usize, noun(u["signal"].as_str().unwrap_or("")))).collect();
        let why = format!("{}; see: sextant doctor", first["why"].as_str().unwrap_or_default());
        return Some((format!("{} can't be read", all.join(", ")), why));
    }
    let at: String = object["last_problem_at"].as_str().unwrap_or_default().chars().skip(11).take(5).collect();
    if let Some(problem) = object["last_problem"].as_str() {
        return Some((format!("Something went wrong at {at} UTC"), problem.to_owned()));
    }
    let n_aside = object["quarantine"]["files"].as_u64().unwrap_or(0);
    (n_aside > 0).then(|| {
        let what = "in quarantine/: what was in them is in no answer; see: sextant doctor";
        (format!("{} put aside as damaged", counted(n_aside as usize, "file")), what.to_owned())
    })
}

/// One record of a signal.
fn noun(signal: &str) -> &'static str {
    match signal {
        "traces" => "span",
        "logs" => "log record",
        _ => "metric point",
    }
}

fn sum(value: &Value) -> i64 {
    value.as_object().map_or(0, |m| m.values().filter_map(Value::as_i64).sum())
}

/// Counts of all rows by reason, the largest first.
pub(crate) fn by_reason(ledger: &[Value], key: &str) -> Vec<(String, i64)> {
    let mut all: BTreeMap<&str, i64> = BTreeMap::new();
    for (reason, n) in ledger.iter().filter_map(|row| row[key].as_object()).flatten() {
        *all.entry(reason).or_default() += n.as_i64().unwrap_or(0);
    }
    let mut all: Vec<(String, i64)> = all.into_iter().map(|(reason, n)| (reason.replace('_', " "), n)).collect();
    all.sort_by_key(|(_, n)| -n);
    all
}

/// Draws the card with its top left at that of `column`, as wide.
pub(crate) fn ledger_card(kit: &Kit<'_>, column: Rect, object: &Value) {
    let t = kit.t;
    let top = column.top();
    let r = rect(column.left(), top, column.width(), HEIGHT);
    card(kit, r, "Every record accounted for", "over the life of the store");
    let x = r.left() + 17.0;
    let empty = Vec::new();
    let ledger = object["ledger"].as_array().unwrap_or(&empty);
    let total = |f: &dyn Fn(&Value) -> i64| ledger.iter().map(f).sum::<i64>();
    let received = total(&|r| r["received"].as_i64().unwrap_or(0));
    let stored = total(&|r| r["stored"].as_i64().unwrap_or(0));
    let (rejected, evicted) = (total(&|r| sum(&r["rejected"])), total(&|r| sum(&r["evicted"])));
    let parts = [
        (0.0, "", received, "received"),
        (150.0, "=", stored, "stored"),
        (324.0, "+", rejected, "rejected"),
        (458.0, "+", evicted, "evicted"),
    ];
    let scale = (r.width() - 34.0) / 626.0;
    for (dx, sign, n, word) in parts {
        let dx = dx * scale;
        let at = if sign.is_empty() {
            x + dx
        } else {
            kit.text(x + dx, top + 64.0, Font::Mono(22.0), t.strong, sign) + 10.8
        };
        kit.text(at, top + 64.0, Font::Mono(22.0), t.strong, &thousands(n));
        let end = kit.text(at, top + 83.0, Font::Regular(12.0), t.text, word);
        if word == "evicted" && n > 0 {
            hatched(kit, rect(end + 8.0, top + 74.0, 20.0, 8.0));
        }
    }
    shares(kit, rect(x, top + 99.0, r.width() - 34.0, 8.0), received, rejected, evicted);
    let rights = [217.5, 312.0, 406.5, 501.0].map(|dx| x + dx * scale);
    kit.text(x, top + 133.0, Font::Medium(11.0), t.weak, "Signal");
    for (right, word) in rights.iter().zip(["Received", "Stored", "Rejected", "Evicted"]) {
        kit.text_right(*right, top + 133.0, Font::Medium(11.0), t.weak, word);
    }
    kit.text_right(r.right() - 17.0, top + 133.0, Font::Medium(11.0), t.weak, "Balance");
    kit.hline(r.left() + 1.0, top + 141.0, r.width() - 2.0, t.strong_line);
    for (i, (row, name)) in ledger.iter().zip(["Spans", "Log records", "Metric points"]).enumerate() {
        let bl = top + 157.0 + 24.0 * i as f32;
        let n = |key: &str| row[key].as_i64().unwrap_or(0);
        let (bad, gone) = (sum(&row["rejected"]), sum(&row["evicted"]));
        kit.text(x, bl, Font::Regular(12.0), t.strong, name);
        kit.text_right(rights[0], bl, Font::Mono(11.0), t.strong, &thousands(n("received")));
        kit.text_right(rights[1], bl, Font::Mono(11.0), t.text, &thousands(n("stored")));
        kit.text_right(rights[2], bl, Font::Mono(11.0), if bad > 0 { t.warn } else { t.weak }, &thousands(bad));
        kit.text_right(rights[3], bl, Font::Mono(11.0), t.weak, &thousands(gone));
        let missing = n("received") - n("stored") - bad - gone;
        let away = unreadable(object, row["signal"].as_str().unwrap_or_default());
        let (color, text) = match (missing, away) {
            (0, 0) => (t.ok, balance(0, "missing", scale)),
            (0, _) => (t.warn, balance(away, "unreadable", scale)),
            _ => (t.error, balance(missing, "missing", scale)),
        };
        let left = kit.text_right(r.right() - 17.0, bl, Font::Mono(11.0), color, &text);
        if missing == 0 && away == 0 {
            icon(kit, "check", left - 16.0, bl - 10.0, 12.0, 2.0, color);
        }
        kit.hline(r.left() + 1.0, bl + 8.0, r.width() - 2.0, t.hair);
    }
    foot_of_ledger(kit, r, ledger, rejected, object);
}

/// Stored, rejected and evicted as parts of what was received; a frame where nothing was.
fn shares(kit: &Kit<'_>, bar: Rect, received: i64, rejected: i64, evicted: i64) {
    let t = kit.t;
    if received == 0 {
        kit.border(bar, 1, t.hair);
        return;
    }
    kit.round(bar, 1, t.bar);
    let width = |n: i64| if n == 0 { 0.0 } else { (bar.width() * n as f32 / received as f32).max(3.0) };
    let (bad, gone) = (width(rejected), width(evicted).min(bar.width() - 3.0));
    let end = rect(bar.right() - gone, bar.top(), gone, bar.height());
    if gone > 0.0 {
        kit.fill(end, t.bg_panel);
        hatched(kit, end);
    }
    kit.fill(rect(end.left() - bad, bar.top(), bad, bar.height()), t.warn);
}

fn hatched(kit: &Kit<'_>, r: Rect) {
    let mut scene = sextant_charts::Scene::default();
    sextant_charts::hatch(&mut scene, area(r), 4.0);
    kit.inside(r).scene(&scene, 0.0, 0.0);
}

/// Stored records of a signal that can't be read now.
fn unreadable(object: &Value, signal: &str) -> i64 {
    let all = object["unavailable"].as_array().into_iter().flatten();
    all.filter(|u| u["signal"] == signal).filter_map(|u| u["records"].as_i64()).sum()
}

/// How many, in as many words as there is room for.
fn balance(n: i64, word: &str, scale: f32) -> String {
    if scale < 0.8 { thousands(n) } else { format!("{} {word}", thousands(n)) }
}

fn foot_of_ledger(kit: &Kit<'_>, r: Rect, ledger: &[Value], rejected: i64, object: &Value) {
    let t = kit.t;
    let (x, bl) = (r.left() + 17.0, r.top() + 231.0);
    let n = |key: &str, part: &str| object[key][part].as_i64().unwrap_or(0);
    let malformed = object["malformed_requests"].as_i64().unwrap_or(0);
    let put_off = n("refused_requests", "busy") + n("refused_requests", "disk_full");
    let mut beside = Vec::new();
    if malformed > 0 {
        beside.push(counted(malformed as usize, "malformed request"));
    }
    if put_off > 0 {
        beside.push(format!("{} told to come back later", counted(put_off as usize, "request")));
    }
    if rejected == 0 && beside.is_empty() {
        kit.text(x, bl, Font::Regular(12.0), t.weak, "Nothing was rejected.");
        return;
    }
    let triangle = vec![pos2(x + 5.5, bl - 9.0), pos2(x + 11.0, bl + 1.0), pos2(x, bl + 1.0)];
    kit.paint.add(Shape::convex_polygon(triangle, t.warn, Stroke::NONE));
    let words = format!("{} rejected", thousands(rejected));
    let mut at = kit.text(x + 15.0, bl, Font::Regular(12.0), t.warn, &words) + 8.0;
    let reasons: Vec<String> =
        by_reason(ledger, "rejected").iter().map(|(reason, n)| format!("{} {reason}", thousands(*n))).collect();
    let room = r.right() - 17.0;
    if !reasons.is_empty() {
        at = kit.text_in(at, bl, room - at, Font::Regular(12.0), t.text, &reasons.join(", ")) + 8.0;
    }
    if !beside.is_empty() && at < room {
        kit.text_in(at, bl, room - at, Font::Regular(12.0), t.weak, &format!("beside it {}", beside.join(", ")));
    }
}
