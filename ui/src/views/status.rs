//! Status: what was received and what became of it, what the store does in the background, how long it keeps things.

use super::home::card;
use super::ledger::{HEIGHT, by_reason, ledger_card, trouble};
use crate::app::State as App;
use crate::data::{bytes, duration, thousands};
use crate::fonts::Font;
use crate::kit::{Kit, icon, rect};
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
    let is_up = state.asks.is_up();
    let scrolled = super::scrolled(state, main.height());
    let mut child = ui.new_child(UiBuilder::new().id_salt("status").max_rect(main));
    child.set_clip_rect(main);
    ScrollArea::vertical().auto_shrink(false).id_salt("status").show_viewport(&mut child, |ui, _| {
        let dy = ui.min_rect().top() - main.top();
        ui.scroll_with_delta(vec2(0.0, -scrolled));
        let kit = Kit::new(ui, state.theme);
        let is_narrow = main.width() < NARROW;
        let x = main.left() + 24.0;
        let whole = main.width() - 44.0 - 16.0;
        let left = if is_narrow { main.width() - 48.0 } else { (whole * 660.0 / 1312.0).round() };
        let right = if is_narrow { left } else { whole - left };
        headline(&kit, dy, main, &object, is_up);
        ledger_card(&kit, rect(x, TOP + dy, left, main.height()), &object);
        let below_ledger = TOP + dy + HEIGHT + 16.0;
        let (second, y) = if is_narrow { (x, below_ledger) } else { (x + left + 16.0, TOP + dy) };
        let y = store_card(&kit, second, y, right, &object);
        let y = work_card(&kit, second, y + 16.0, right, &object);
        let y = retention_card(ui, &kit, second, y + 16.0, right, &object);
        let y = marks_card(&kit, second, y + 16.0, right, &object);
        let below = if is_narrow { y + 16.0 } else { below_ledger };
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
    state.status.keys = vec![("j", "down"), ("k", "up"), ("g h", "home"), ("Alt ←", "back")];
}

fn headline(kit: &Kit<'_>, dy: f32, main: Rect, object: &Value, is_up: bool) {
    let t = kit.t;
    let (text, color, note) = match trouble(object, is_up) {
        Some((title, why)) => (title, t.warn, why),
        None => ("Everything in order".into(), t.strong, object["data"].as_str().unwrap_or_default().to_owned()),
    };
    let x = kit.text(92.0, 82.0 + dy, Font::Semibold(15.0), color, &text);
    let color = if color == t.warn { t.strong } else { t.weak };
    kit.text_in(x + 10.0, 81.0 + dy, main.right() - 34.0 - x, Font::Regular(12.0), color, &note);
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
    let mut rows = vec![
        ("Segments", format!("{} in {} files", bytes(n("segment_bytes")), thousands(n("segments") as i64))),
        ("Not sealed yet, safe in the log", bytes(n("hot_bytes"))),
        ("Under way", format!("{} of {}", bytes(n("queued_bytes")), bytes(n("queue_limit_bytes")))),
        ("Free on the disk", bytes(n("disk_free_bytes"))),
        ("Of that, kept free", bytes(n("disk_reserve_bytes"))),
    ];
    if lag("durable_max_micros") > 0 {
        rows.push(("Durable in, median", duration(lag("durable_p50_micros"))));
        rows.push(("Durable in, worst of the last", duration(lag("durable_max_micros"))));
    }
    let recovered = |key: &str| object["recovered"][key].as_u64().unwrap_or(0);
    if recovered("torn_bytes") > 0 {
        rows.push(("Cut at the last start, never acknowledged", bytes(recovered("torn_bytes"))));
    }
    if recovered("damaged_places") > 0 {
        rows.push(("Damaged places of the log at the last start", thousands(recovered("damaged_places") as i64)));
    }
    let aside = |key: &str| object["quarantine"][key].as_u64().unwrap_or(0);
    if aside("files") > 0 {
        let what = format!("{} in {} files", bytes(aside("bytes")), aside("files"));
        rows.push(("Put aside as damaged", what));
    }
    lines(kit, (x, y, w), "Store", "", &rows)
}

fn work_card(kit: &Kit<'_>, x: f32, y: f32, w: f32, object: &Value) -> f32 {
    let t = kit.t;
    let upkeep = &object["upkeep"];
    let n = |key: &str| upkeep[key].as_u64().unwrap_or(0);
    let doing = &upkeep["doing"];
    let mut rows = vec![("Now", doing["what"].as_str().unwrap_or("resting").to_owned())];
    if n("merges") > 0 {
        let merged = (n("merged_segments") as i64, n("made_segments") as i64);
        rows.push(("Segments merged", format!("{} into {}", thousands(merged.0), thousands(merged.1))));
        rows.push(("Their bytes", format!("{} became {}", bytes(n("bytes_before")), bytes(n("bytes_after")))));
    }
    if let Some(next) = upkeep["next_retention"].as_str() {
        let at: String = next.chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect();
        rows.push(("Retention is applied next", format!("{at} UTC")));
    }
    let end = lines(kit, (x, y, w), "In the background", "gives way to senders and questions", &rows);
    let share = doing["rows_done"].as_f64().unwrap_or(0.0) / doing["rows"].as_f64().unwrap_or(1.0).max(1.0);
    if doing.is_object() {
        kit.fill(rect(x + 1.0, y + 69.0, (w - 2.0) * share.clamp(0.0, 1.0) as f32, 2.0), t.accent);
    }
    end
}

/// A command that changes what is kept, to be copied and changed.
const SET: &str = "sextant retention set traces 7d";

fn retention_card(ui: &Ui, kit: &Kit<'_>, x: f32, y: f32, w: f32, object: &Value) -> f32 {
    let names = [("Traces", "traces"), ("Logs", "logs"), ("Metrics", "metrics")];
    let empty = Vec::new();
    let gone = object["evicted"].as_array().unwrap_or(&empty);
    let mut rows: Vec<(&str, String)> = names
        .iter()
        .map(|(title, signal)| {
            let by_policy = |z: &&Value| z["signal"] == *signal && z["policy"] != "damaged";
            let n: i64 = gone.iter().filter(by_policy).filter_map(|z| z["records"].as_i64()).sum();
            let keep = object["retention"][*signal].as_str().unwrap_or("forever");
            (*title, if n == 0 { keep.to_owned() } else { format!("{keep}; {} taken away", thousands(n)) })
        })
        .collect();
    let n_of_projects =
        object["policies"].as_array().map_or(0, |all| all.iter().filter(|p| p["project"].is_string()).count());
    if n_of_projects > 0 {
        rows.push(("Policies of single projects", format!("{n_of_projects}; see: sextant retention show")));
    }
    if let n @ 1.. = object["pins"].as_array().map_or(0, Vec::len) {
        rows.push(("Pinned", thousands(n as i64)));
    }
    let end = lines(kit, (x, y, w), "Kept for", "", &rows);
    let width = kit.width(Font::Mono(10.5), SET);
    let left = x + w - 35.0 - width;
    kit.text(left, y + 28.0, Font::Mono(10.5), kit.t.weak, SET);
    let copy = rect(x + w - 29.0, y + 18.0, 12.0, 12.0);
    let response = kit.click(copy.expand(5.0), "copy retention", "Copy this command");
    icon(kit, "copy", copy.left(), copy.top(), 12.0, 1.4, if response.hovered() { kit.t.accent } else { kit.t.weak });
    if response.clicked() {
        ui.copy_text(SET.to_owned());
    }
    end
}

/// What was kept though something about it was odd, if anything was.
fn marks_card(kit: &Kit<'_>, x: f32, y: f32, w: f32, object: &Value) -> f32 {
    let empty = Vec::new();
    let marks = by_reason(object["ledger"].as_array().unwrap_or(&empty), "marked");
    if marks.is_empty() {
        return y - 16.0;
    }
    let rows: Vec<(&str, String)> = marks.iter().map(|(mark, n)| (mark.as_str(), thousands(*n))).collect();
    lines(kit, (x, y, w), "Kept, with a mark", "", &rows)
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

/// How many records were taken away of a period, of one signal or of all; zones that only reach into it count whole.
pub(crate) fn evicted_in(status: &Value, period: (i64, i64), signal: Option<&str>) -> i64 {
    let zones = status["evicted"].as_array().into_iter().flatten();
    let n = |z: &Value, key: &str| z[key].as_i64().unwrap_or(0);
    let is_in = |z: &&Value| n(z, "last") >= period.0 && n(z, "first") < period.1;
    zones.filter(is_in).filter(|z| signal.is_none_or(|s| z["signal"] == s)).map(|z| n(z, "records")).sum()
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
            noun: match z["signal"].as_str() {
                Some("traces") => "spans",
                Some("logs") => "records",
                _ => "points",
            },
        })
        .collect();
    let mut scene = sextant_charts::Scene::default();
    sextant_charts::evicted(&mut scene, crate::kit::area(plot), period, &zones);
    kit.inside(plot).scene(&scene, 0.0, 0.0);
}
