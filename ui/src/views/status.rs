//! Status: what was received and what became of it, what the store does in the background, how long it keeps things.

use super::home::{card, ledger_card};
use crate::app::State as App;
use crate::data::{bytes, duration, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, rect};
use eframe::egui::{Rect, ScrollArea, Ui, UiBuilder, vec2};
use serde_json::Value;
use sextant_contract::Ask;

/// Below this width the cards are in one column.
const NARROW: f32 = 932.0;
/// Where the cards begin, as on Home.
const TOP: f32 = 104.0;
const ROW: f32 = 24.0;
/// Lines of the ledger by day that are shown.
const MAX_ROWS: usize = 60;

pub(crate) fn show(ui: &mut Ui, state: &mut App, main: Rect) {
    let status = state.asks.ask(ui.ctx(), "status", true, || Ask::Status);
    if let (Some(e), None) = (&status.error, status.get()) {
        return super::states::error(&Kit::new(ui, state.theme), main, e);
    }
    let Some(object) = status.get().and_then(|a| a.object.clone()) else {
        return super::states::loading(&Kit::new(ui, state.theme), main);
    };
    let mut child = ui.new_child(UiBuilder::new().id_salt("status").max_rect(main));
    child.set_clip_rect(main);
    ScrollArea::vertical().auto_shrink(false).id_salt("status").show_viewport(&mut child, |ui, _| {
        let dy = ui.min_rect().top() - main.top();
        let kit = Kit::new(ui, state.theme);
        let is_narrow = main.width() < NARROW;
        let x = main.left() + 24.0;
        let whole = main.width() - 44.0 - 16.0;
        let left = if is_narrow { main.width() - 48.0 } else { (whole * 660.0 / 1312.0).round() };
        let right = if is_narrow { left } else { whole - left };
        headline(&kit, dy, &object);
        let column = rect(x, TOP + dy, left, main.height());
        // The ledger's card lies 204 below the top of its column.
        ledger_card(&kit, column.translate(vec2(0.0, -204.0)), &object);
        let (second, y) = if is_narrow { (x, TOP + dy + 266.0) } else { (x + left + 16.0, TOP + dy) };
        let y = store_card(&kit, second, y, right, &object);
        let y = work_card(&kit, second, y + 16.0, right, &object);
        let y = retention_card(&kit, second, y + 16.0, right, &object);
        let below = if is_narrow { y + 16.0 } else { (TOP + dy + 266.0).max(if is_narrow { y } else { 0.0 }) };
        let end = rows_card(&kit, x, below, left, &object).max(y);
        ui.set_min_size(vec2(main.width() - 8.0, end + 24.0 - dy - main.top()));
    });
    let sizes = &object["sizes"];
    let n = |key: &str| sizes[key].as_u64().unwrap_or(0);
    state.status.parts = vec![
        vec!["Segments".into(), thousands(n("segments") as i64)],
        vec!["On disk".into(), bytes(n("segment_bytes"))],
        vec!["Free".into(), bytes(n("disk_free_bytes"))],
    ];
    state.status.keys = vec![("g h", "home"), ("Alt ←", "back")];
}

fn headline(kit: &Kit<'_>, dy: f32, object: &Value) {
    let t = kit.t;
    let (text, color, note) = match object["last_problem"].as_str() {
        Some(problem) => ("Something went wrong", t.warn, problem.to_owned()),
        None => ("Everything in order", t.strong, object["data"].as_str().unwrap_or_default().to_owned()),
    };
    let x = kit.text(92.0, 82.0 + dy, Font::Semibold(15.0), color, text);
    kit.text_in(x + 10.0, 81.0 + dy, 900.0, Font::Mono(11.0), t.weak, &note);
}

/// Lines of a name and a value; where the card ends.
fn lines(kit: &Kit<'_>, (x, y, w): (f32, f32, f32), title: &str, note: &str, rows: &[(&str, String)]) -> f32 {
    let t = kit.t;
    let r = rect(x, y, w, 48.0 + ROW * rows.len() as f32 + 8.0);
    card(kit, r, title, note);
    for (i, (name, value)) in rows.iter().enumerate() {
        let bl = y + 62.0 + ROW * i as f32;
        kit.text(x + 17.0, bl, Font::Regular(12.0), t.text, name);
        kit.text_right(r.right() - 17.0, bl, Font::Mono(11.0), t.strong, value);
        if i + 1 < rows.len() {
            kit.hline(x + 1.0, bl + 8.0, w - 2.0, t.hair);
        }
    }
    r.bottom()
}

fn store_card(kit: &Kit<'_>, x: f32, y: f32, w: f32, object: &Value) -> f32 {
    let n = |key: &str| object["sizes"][key].as_u64().unwrap_or(0);
    let lag = |key: &str| object["lag"][key].as_i64().unwrap_or(0) * 1_000;
    let durable = match lag("durable_max_micros") {
        0 => "nothing came since the start".to_owned(),
        most => format!("{}, {}", duration(lag("durable_p50_micros")), duration(most)),
    };
    let recovered = &object["recovered"];
    let torn = recovered["torn_bytes"].as_u64().unwrap_or(0);
    let damaged = recovered["damaged_places"].as_u64().unwrap_or(0);
    let found = match (torn, damaged) {
        (0, 0) => "nothing was left over".to_owned(),
        _ => format!("{} cut, {damaged} places put aside", bytes(torn)),
    };
    let rows = [
        ("Segments", format!("{} in {} files", bytes(n("segment_bytes")), thousands(n("segments") as i64))),
        ("In memory, durable in the log", bytes(n("hot_bytes"))),
        ("Waiting to be written", format!("{} of {}", bytes(n("queued_bytes")), bytes(n("queue_limit_bytes")))),
        ("Free on the disk, kept free", format!("{}, {}", bytes(n("disk_free_bytes")), bytes(n("disk_reserve_bytes")))),
        ("Durable in, median and worst", durable),
        ("Found at the last start", found),
    ];
    lines(kit, (x, y, w), "Store", "", &rows)
}

fn work_card(kit: &Kit<'_>, x: f32, y: f32, w: f32, object: &Value) -> f32 {
    let t = kit.t;
    let upkeep = &object["upkeep"];
    let n = |key: &str| upkeep[key].as_u64().unwrap_or(0);
    let merged = match n("merges") {
        0 => "nothing yet".to_owned(),
        _ => format!(
            "{} segments became {}",
            thousands(n("merged_segments") as i64),
            thousands(n("made_segments") as i64)
        ),
    };
    let saved = format!("{} became {}", bytes(n("bytes_before")), bytes(n("bytes_after")));
    let next =
        upkeep["next_retention"].as_str().map_or("not needed".to_owned(), |t| t.chars().skip(11).take(5).collect());
    let doing = &upkeep["doing"];
    let what = doing["what"].as_str().unwrap_or("resting");
    let rows = [
        ("Now", what.to_owned()),
        ("Merged since the start", merged),
        ("Their bytes", if n("merges") == 0 { "–".to_owned() } else { saved }),
        ("Retention is applied next at", next),
    ];
    let end = lines(kit, (x, y, w), "In the background", "gives way to senders and questions", &rows);
    let share = doing["rows_done"].as_f64().unwrap_or(0.0) / doing["rows"].as_f64().unwrap_or(1.0).max(1.0);
    if doing.is_object() {
        kit.fill(rect(x + 1.0, y + 69.0, (w - 2.0) * share.clamp(0.0, 1.0) as f32, 2.0), t.accent);
    }
    end
}

fn retention_card(kit: &Kit<'_>, x: f32, y: f32, w: f32, object: &Value) -> f32 {
    let names = [("Traces", "traces"), ("Logs", "logs"), ("Metrics", "metrics")];
    let empty = Vec::new();
    let gone = object["evicted"].as_array().unwrap_or(&empty);
    let mut rows: Vec<(&str, String)> = names
        .iter()
        .map(|(title, signal)| {
            let n: i64 = gone.iter().filter(|z| z["signal"] == *signal).filter_map(|z| z["records"].as_i64()).sum();
            let keep = object["retention"][*signal].as_str().unwrap_or("forever");
            (*title, if n == 0 { keep.to_owned() } else { format!("{keep}, {} taken away", thousands(n)) })
        })
        .collect();
    let n_pins = object["pins"].as_array().map_or(0, Vec::len);
    rows.push(("Pinned", if n_pins == 0 { "nothing".into() } else { thousands(n_pins as i64) }));
    lines(kit, (x, y, w), "Kept for", "set with: sextant retention set", &rows)
}

fn rows_card(kit: &Kit<'_>, x: f32, y: f32, w: f32, object: &Value) -> f32 {
    let t = kit.t;
    let empty = Vec::new();
    let all = object["ledger_rows"].as_array().unwrap_or(&empty);
    let n_shown = all.len().min(MAX_ROWS);
    let r = rect(x, y, w, 88.0 + ROW * n_shown.max(1) as f32);
    let note = if all.len() > n_shown { format!("the newest {n_shown} of {}", all.len()) } else { String::new() };
    card(kit, r, "By day and sender", &note);
    let rights = [0.60, 0.74, 0.88, 1.0].map(|share| x + 17.0 + (w - 34.0) * share);
    let head = y + 59.0;
    kit.text(x + 17.0, head, Font::Medium(11.0), t.weak, "Day, signal, sender");
    for (right, word) in rights.iter().zip(["Received", "Stored", "Rejected", "Evicted"]) {
        kit.text_right(*right, head, Font::Medium(11.0), t.weak, word);
    }
    kit.hline(x + 1.0, y + 69.0, w - 2.0, t.strong_line);
    if all.is_empty() {
        kit.text(x + 17.0, y + 88.0, Font::Regular(12.0), t.weak, "Nothing was received yet.");
    }
    for (i, row) in all.iter().take(MAX_ROWS).enumerate() {
        let bl = y + 86.0 + ROW * i as f32;
        let text = |key: &str| row[key].as_str().unwrap_or_default();
        let sum = |key: &str| row[key].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_i64()).sum::<i64>();
        let at = kit.text(x + 17.0, bl, Font::Mono(11.0), t.weak, text("day"));
        let at = kit.text(at + 10.0, bl, Font::Regular(12.0), t.text, text("signal"));
        let sender = format!("{} · {}", text("client"), text("protocol"));
        kit.text_in(at + 10.0, bl, rights[0] - 76.0 - at, Font::Regular(12.0), t.strong, &sender);
        let n = |key: &str| row[key].as_i64().unwrap_or(0);
        let (bad, gone) = (sum("rejected"), sum("evicted"));
        kit.text_right(rights[0], bl, Font::Mono(11.0), t.strong, &thousands(n("received")));
        kit.text_right(rights[1], bl, Font::Mono(11.0), t.text, &thousands(n("stored")));
        kit.text_right(rights[2], bl, Font::Mono(11.0), if bad > 0 { t.warn } else { t.weak }, &thousands(bad));
        kit.text_right(rights[3], bl, Font::Mono(11.0), t.weak, &thousands(gone));
        if i + 1 < n_shown {
            kit.hline(x + 1.0, bl + 8.0, w - 2.0, t.hair);
        }
    }
    r.bottom()
}

/// Hatches what policies took away of `signal`, inside `plot` and the period.
pub(crate) fn hatch(ui: &Ui, state: &mut App, plot: Rect, period: (i64, i64), signal: &str) {
    let status = state.asks.ask(ui.ctx(), "status", false, || Ask::Status);
    let Some(object) = status.get().and_then(|a| a.object.as_ref()) else { return };
    hatch_zones(&Kit::new(ui, state.theme), plot, period, object, Some(signal));
}

/// The same, of one signal or of all, by what the status says.
pub(crate) fn hatch_zones(kit: &Kit<'_>, plot: Rect, period: (i64, i64), status: &Value, signal: Option<&str>) {
    let zones: Vec<sextant_charts::Zone<'_>> = status["evicted"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|z| signal.is_none_or(|signal| z["signal"] == signal))
        .map(|z| sextant_charts::Zone {
            times: (z["first"].as_i64().unwrap_or(0), z["last"].as_i64().unwrap_or(0)),
            n: z["records"].as_i64().unwrap_or(0),
            policy: z["policy"].as_str().unwrap_or_default(),
        })
        .collect();
    let mut scene = sextant_charts::Scene::default();
    sextant_charts::evicted(&mut scene, crate::kit::area(plot), period, &zones);
    kit.inside(plot).scene(&scene, 0.0, 0.0);
}
