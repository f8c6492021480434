//! What would be lost, what moves the bill, whose prices they are, and what to do with it.

use super::{Column, list, money, number, prices, text};
use crate::app::State as App;
use crate::commands::Do;
use crate::data::thousands;
use crate::fonts::Font;
use crate::kit::{Button, Kit, button, rect};
use crate::route::{Route, View};
use eframe::egui::{Color32, Rect, ScrollArea, Ui, UiBuilder, vec2};
use serde_json::Value;

const ROW: f32 = 24.0;
/// Movers that are shown.
const MOVERS: usize = 7;
/// Traces that a search can name.
const NAMED: usize = 100;

pub(super) fn show(ui: &mut Ui, state: &mut App, r: Rect, columns: &[Column]) {
    let Some(edited) = columns.get(1) else { return };
    let now = columns.first().map_or(&Value::Null, |c| c.object());
    let mut child = ui.new_child(UiBuilder::new().id_salt("loses").max_rect(r));
    child.set_clip_rect(r);
    ScrollArea::vertical().auto_shrink(false).id_salt("loses").show(&mut child, |ui| {
        let top = ui.min_rect().top();
        let place = |y: f32| (r.left() + 12.0, y, r.width() - 32.0);
        let object = edited.object();
        let mut y = wrong(ui, state, place(top));
        // What is shown of the rules before is no answer to those of now.
        let is_waiting = edited.is_stale && state.cost.error.is_none();
        y = if is_waiting {
            waiting(&Kit::new(ui, state.theme), place(y))
        } else {
            statement(ui, state, place(y), object)
        };
        y = filtered(&Kit::new(ui, state.theme), place(y), object);
        y = notes(&Kit::new(ui, state.theme), place(y), object);
        y = movers(&Kit::new(ui, state.theme), place(y), object);
        y = services(&Kit::new(ui, state.theme), place(y), object, now);
        y = machines(&Kit::new(ui, state.theme), place(y), object);
        y = prices::show(ui, state, place(y), object);
        y = hand_over(ui, state, place(y), columns, edited);
        ui.set_min_size(vec2(r.width() - 8.0, y + 12.0 - top));
    });
}

/// Text in lines of a width; where it ends.
fn wrapped(kit: &Kit<'_>, (x, y, w): (f32, f32, f32), font: Font, color: Color32, words: &str) -> f32 {
    let (mut line, mut y) = (String::new(), y);
    for word in words.split(' ') {
        let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
        if kit.width(font, &longer) > w && !line.is_empty() {
            kit.text_in(x, y, w, font, color, &line);
            y += 17.0;
            word.clone_into(&mut line);
        } else {
            line = longer;
        }
    }
    kit.text_in(x, y, w, font, color, &line);
    y + 17.0
}

/// What is wrong with what is edited.
fn wrong(ui: &mut Ui, state: &App, (x, y, w): (f32, f32, f32)) -> f32 {
    let Some(error) = &state.cost.error else { return y };
    let kit = Kit::new(ui, state.theme);
    let t = kit.t;
    let lines: Vec<&str> = error.message.lines().take(4).collect();
    let height = 34.0 + 34.0 * lines.len() as f32;
    let r = rect(x, y + 10.0, w, height);
    kit.round(r, 4, t.error_bg);
    kit.border(r, 4, t.error);
    kit.text(
        x + 12.0,
        y + 31.0,
        Font::Semibold(12.0),
        t.strong,
        "This can't be simulated; what is shown is from before.",
    );
    let mut at = y + 51.0;
    for line in lines {
        at = wrapped(&kit, (x + 12.0, at, w - 24.0), Font::Regular(12.0), t.text, line);
    }
    r.bottom() + 8.0
}

pub(super) fn title(kit: &Kit<'_>, (x, y, w): (f32, f32, f32), words: &str, note: &str) -> f32 {
    kit.text(x, y + 24.0, Font::Semibold(12.0), kit.t.strong, words);
    kit.text_right(x + w, y + 24.0, Font::Regular(11.0), kit.t.weak, note);
    y + 34.0
}

/// The loss statement: error traces first, by name, with a way to see them.
fn statement(ui: &mut Ui, state: &mut App, (x, y, w): (f32, f32, f32), object: &Value) -> f32 {
    let t = state.theme;
    let sampled = &object["sampling"];
    let n = |key: &str| sampled[key].as_i64().unwrap_or(0);
    let mut y = title(&Kit::new(ui, t), (x, y, w), "What you would lose with B", "");
    let lost = n("lost_error_traces");
    let (ink, back) = if lost > 0 { (t.warn, t.warn_bg) } else { (t.strong_line, t.bg_raised) };
    let first = list(&sampled["lost_errors"]).first();
    let words = match (sampled.is_object(), lost, first) {
        (false, _, _) => "No trace is sampled away. What is older than the days of all tiers is gone.".to_owned(),
        (_, 0, _) => format!("Each of the {} stored traces with an error would be kept.", thousands(n("error_traces"))),
        (_, _, Some(first)) => {
            let others = list(&sampled["lost_errors"]).len() - 1;
            let of = format!(
                "{} of them begin with {} of {}",
                thousands(first["n"].as_i64().unwrap_or(0)),
                text(&first["name"]),
                text(&first["service"])
            );
            if others > 0 { format!("{of}, others with {others} more operations.") } else { format!("{of}.") }
        }
        _ => String::new(),
    };
    let heading = match lost {
        0 => "No error trace would be gone.".to_owned(),
        lost => format!("{} of {} error traces would be gone.", thousands(lost), thousands(n("error_traces"))),
    };
    let has_buttons = lost > 0;
    let inner = w - 24.0;
    let lines = {
        let kit = Kit::new(ui, t);
        (kit.width(Font::Regular(12.0), &words) / (inner * 0.92)).ceil().max(1.0)
    };
    let height = 38.0 + 17.0 * lines + if has_buttons { 34.0 } else { 6.0 };
    let card = rect(x, y, w, height);
    let kit = Kit::new(ui, t);
    kit.round(card, 5, back);
    kit.border(card, 5, ink);
    kit.text_in(x + 12.0, y + 24.0, inner, Font::Semibold(14.0), t.strong, &heading);
    wrapped(&kit, (x + 12.0, y + 44.0, inner), Font::Regular(12.0), t.text, &words);
    if has_buttons {
        let bottom = card.bottom() - 32.0;
        let show = format!("Show {}", if lost == 1 { "it".to_owned() } else { thousands(lost.min(NAMED as i64)) });
        let b = Button { text: &show, is_small: true, ..Button::default() };
        if button(&kit, x + 12.0, bottom, b).clicked() {
            let ids: Vec<String> = list(&sampled["lost_error_trace_ids"])
                .iter()
                .take(NAMED)
                .filter_map(Value::as_str)
                .map(|id| format!("trace:{id}"))
                .collect();
            let query = ids.join(" OR ");
            state.go(Route { view: View::Traces, query, minutes: 527_040, fixed: None, ..Route::default() });
        }
        let keep = Button { text: "Keep all with an error", is_small: true, ..Button::default() };
        if button(&kit, x + 20.0 + b.width(&kit), bottom, keep).clicked() {
            let head = number(&sampled["rules"][list(&sampled["rules"]).len().saturating_sub(1)]["keep"]);
            state.cost.change(true, |doc| {
                doc.head(head);
                doc.put(&["sampling", "keep_errors"], Some(true.into()));
            });
        }
    }
    y = card.bottom() + 8.0;
    if sampled.is_object() { kept(&Kit::new(ui, t), (x, y, w), sampled) } else { y }
}

/// Until it is known what would be lost.
fn waiting(kit: &Kit<'_>, (x, y, w): (f32, f32, f32)) -> f32 {
    let t = kit.t;
    let y = title(kit, (x, y, w), "What you would lose with B", "");
    let card = rect(x, y, w, 61.0);
    kit.round(card, 5, t.bg_raised);
    kit.border(card, 5, t.strong_line);
    kit.text(x + 12.0, y + 24.0, Font::Semibold(14.0), t.weak, "Working it out…");
    kit.text(x + 12.0, y + 44.0, Font::Regular(12.0), t.weak, "Each stored trace is held against the rules.");
    card.bottom() + 8.0
}

/// What is kept of what, line by line.
fn kept(kit: &Kit<'_>, (x, y, w): (f32, f32, f32), sampled: &Value) -> f32 {
    let t = kit.t;
    let mut y = y;
    let n = |key: &str| sampled[key].as_i64().unwrap_or(0);
    let mut row = |name: &str, value: &str, is_warning: bool, why: &str| {
        kit.text_in(x, y + 16.0, w * 0.5, Font::Regular(12.0), t.text, name);
        kit.text_right(x + w, y + 16.0, Font::Mono(11.0), if is_warning { t.warn } else { t.strong }, value);
        kit.hline(x, y + ROW - 1.0, w, t.hair);
        kit.row(rect(x, y, w, ROW), ("loss", name)).on_hover_text(why);
        y += ROW;
    };
    let of = |a: i64, b: i64| format!("{} of {} kept", thousands(a), thousands(b));
    row("Traces", &of(n("kept_traces"), n("traces")), false, "each stored trace held against the rules");
    row(
        "Error traces",
        &of(n("kept_error_traces"), n("error_traces")),
        n("lost_error_traces") > 0,
        "traces with a span whose status is Error",
    );
    let slow = crate::data::duration(n("slow_nanos"));
    row(
        &format!("Slow traces, > {slow}"),
        &of(n("kept_slow_traces"), n("slow_traces")),
        false,
        "from the first start to the last end",
    );
    let share = number(&sampled["kept_weight"]) / number(&sampled["weight"]).max(1.0);
    row(
        "Bytes of traces",
        &format!("{:.1} % kept", share * 100.0),
        false,
        "raw bytes: spans by the mean of their operation, measured",
    );
    let gone = list(&sampled["lost_operation_names"]);
    let names: Vec<String> =
        gone.iter().take(5).map(|o| format!("{} {}", text(&o["service"]), text(&o["name"]))).collect();
    let said = if gone.is_empty() { "none".to_owned() } else { thousands(gone.len() as i64) };
    row(
        "Operations wholly gone",
        &said,
        !gone.is_empty(),
        &format!("rare routes: {}", if names.is_empty() { "none".to_owned() } else { names.join(", ") }),
    );
    for watched in list(&sampled["watched"]) {
        let (a, b) = (watched["kept_traces"].as_i64().unwrap_or(0), watched["traces"].as_i64().unwrap_or(0));
        let kind = if watched["kind"] == "pin" { "Pinned" } else { "Search" };
        let name = format!("{kind}: {}", text(&watched["name"]));
        let why = if kind == "Pinned" {
            "a pinned trace stays in this store whatever a policy says; sampled before it comes, it would not come"
        } else {
            "a search that you kept, and how many of its traces are left"
        };
        row(&name, &of(a, b), a == 0 && b > 0, why);
    }
    if let Some(error) = sampled["count_error"].as_f64().filter(|e| *e > 0.0) {
        row(
            "Counts of all traces",
            &format!("± {:.1} %", error * 196.0),
            false,
            "of what is kept by chance, 19 times in 20: √(Σ (1 − p)/p) / n · 1.96",
        );
    }
    y
}

/// Log records that are left out.
fn filtered(kit: &Kit<'_>, (x, y, w): (f32, f32, f32), object: &Value) -> f32 {
    let t = kit.t;
    let mut y = y;
    for filter in list(&object["filtered"]) {
        let (records, of) = (filter["records"].as_i64().unwrap_or(0), filter["of_records"].as_i64().unwrap_or(0));
        let name = format!("Log records: {}", text(&filter["search"]));
        let gone = (records as f64 * (1.0 - number(&filter["keep"]))).round() as i64;
        kit.text_in(x, y + 16.0, w * 0.5, Font::Regular(12.0), t.text, &name);
        let words = format!("{} of {} gone", thousands(gone), thousands(of));
        kit.text_right(x + w, y + 16.0, Font::Mono(11.0), t.strong, &words);
        kit.hline(x, y + ROW - 1.0, w, t.hair);
        let share = number(&filter["share"]) * 100.0;
        let why = format!("{share:.1} % of the raw bytes of all log records, by the mean of their service");
        kit.row(rect(x, y, w, ROW), ("filtered", &name)).on_hover_text(why);
        y += ROW;
    }
    y
}

fn notes(kit: &Kit<'_>, (x, y, w): (f32, f32, f32), object: &Value) -> f32 {
    let mut y = y;
    for note in list(&object["notes"]).iter().filter_map(Value::as_str) {
        y = wrapped(kit, (x, y + 18.0, w), Font::Regular(11.5), kit.t.warn, note) - 14.0;
    }
    y + 6.0
}

/// What moves the bill: from where to where, around what it is.
fn movers(kit: &Kit<'_>, (x, y, w): (f32, f32, f32), object: &Value) -> f32 {
    let t = kit.t;
    let total = number(&object["bill"]["total"]);
    let all: Vec<&Value> =
        list(&object["movers"]).iter().filter(|m| m["total_low"] != m["total_high"]).take(MOVERS).collect();
    if all.is_empty() {
        return y;
    }
    let mut y = title(kit, (x, y, w), "What moves the bill of B", &format!("{} a month", money(total)));
    let ends = |m: &Value| (number(&m["total_low"]), number(&m["total_high"]));
    let low = all.iter().map(|m| ends(m)).fold(total, |low, (a, b)| low.min(a).min(b));
    let high = all.iter().map(|m| ends(m)).fold(total, |high, (a, b)| high.max(a).max(b));
    let (left, width) = (x + w * 0.46, w * 0.54);
    let at = |value: f64| left + width * ((value - low) / (high - low).max(1e-9)) as f32;
    for mover in &all {
        let (a, b) = ends(mover);
        let words = format!("{}, {} … {}", text(&mover["what"]), text(&mover["low"]), text(&mover["high"]));
        kit.text_in(x, y + 14.0, w * 0.45, Font::Regular(12.0), t.text, &words);
        for end in [a, b] {
            let (from, to) = (at(end.min(total)), at(end.max(total)));
            kit.fill(rect(from, y + 4.0, to - from, 13.0), if end < total { t.bar } else { t.accent_dim });
        }
        kit.vline(at(total).round(), y + 1.0, 19.0, t.strong);
        let row = kit.row(rect(x, y, w, 21.0), ("mover", text(&mover["what"])));
        Kit::describe(&row, || format!("{words}: {} … {}", money(a), money(b)));
        row.on_hover_text(format!("{words}: the bill from {} to {}, all else as it is", money(a), money(b)));
        y += 21.0;
    }
    kit.text(left, y + 12.0, Font::Mono(10.0), t.weak, &money(low));
    kit.text_right(left + width, y + 12.0, Font::Mono(10.0), t.weak, &money(high));
    y + 18.0
}

/// What each service costs, beside what it costs now.
fn services(kit: &Kit<'_>, (x, y, w): (f32, f32, f32), object: &Value, now: &Value) -> f32 {
    let t = kit.t;
    let all = list(&object["services"]);
    if all.is_empty() {
        return y;
    }
    let mut y = title(kit, (x, y, w), "By service", "A … B, a month");
    let before =
        |name: &str| list(&now["services"]).iter().find(|s| s["name"] == name).map_or(0.0, |s| number(&s["amount"]));
    for service in all.iter().take(6) {
        let name = text(&service["name"]);
        crate::kit::service(kit, x, y + 15.0, w * 0.5, name);
        let words = format!("{} … {}", money(before(name)), money(number(&service["amount"])));
        kit.text_right(x + w, y + 15.0, Font::Mono(11.0), t.strong, &words);
        y += 21.0;
    }
    if all.len() > 6 {
        kit.text(x, y + 14.0, Font::Regular(11.0), t.weak, &format!("{} more", all.len() - 6));
        y += 18.0;
    }
    y
}

/// Which machines B takes.
fn machines(kit: &Kit<'_>, (x, y, w): (f32, f32, f32), object: &Value) -> f32 {
    let t = kit.t;
    let of = &object["capacity"];
    if !of.is_object() {
        return y;
    }
    let peak = format!("{:.1} MB/s at the worst", number(&of["peak_mb_per_second"]));
    let mut y = title(kit, (x, y, w), "Machines for B", &peak);
    let n = |key: &str| thousands(of[key].as_i64().unwrap_or(0));
    let disk = crate::data::bytes((number(&of["disk_gb"]) * 1e9) as u64);
    for (name, value, why) in [
        (
            "Cores",
            format!("{} in, {} to answer", n("cores_ingest"), n("cores_query")),
            "one for 10 MB/s that comes in, one for a query a second and 10 MB/s; [capacity] says otherwise",
        ),
        ("Memory", format!("{} GB", n("memory_gb")), "4 GB a core; [capacity] gb_per_core"),
        (
            "Disk",
            disk,
            "the most that lies in the first tier, all copies, and 30 % that stay free; [capacity] headroom",
        ),
        ("Nodes", format!("{}, {}", n("nodes"), text(&of["pattern"])), text(&of["shape"])),
    ] {
        kit.text_in(x, y + 15.0, w * 0.4, Font::Regular(12.0), t.text, name);
        kit.text_right(x + w, y + 15.0, Font::Mono(11.0), t.strong, &value);
        kit.row(rect(x, y, w, 21.0), ("machines", name)).on_hover_text(why);
        y += 21.0;
    }
    y
}

/// Texts to copy, and paper.
fn hand_over(ui: &mut Ui, state: &mut App, (x, y, w): (f32, f32, f32), columns: &[Column], edited: &Column) -> f32 {
    let t = state.theme;
    let mut y = title(&Kit::new(ui, t), (x, y, w), "Hand over", "");
    let mut at = x;
    let mut texts: Vec<(String, String)> = vec![("Scenario".into(), edited.text.clone())];
    for step in list(&edited.object()["steps"]) {
        texts.push((text(&step["name"]).to_owned(), text(&step["text"]).to_owned()));
    }
    let b = Button { text: "PDF report", is_primary: true, ..Button::default() };
    let kit = Kit::new(ui, t);
    if button(&kit, at, y, b).clicked() {
        let all = columns.iter().map(|c| (c.name.clone(), c.text.clone())).collect();
        state.report.cost(all, state.cost.own_prices());
        state.wanted.push(Do::Report);
    }
    at += b.width(&kit) + 8.0;
    for (name, words) in texts {
        let b = Button { text: &name, icon: Some("copy"), ..Button::default() };
        let kit = Kit::new(ui, t);
        let width = b.width(&kit);
        if at + width > x + w {
            (at, y) = (x, y + 32.0);
        }
        if button(&kit, at, y, b).on_hover_text(&words).clicked() {
            super::copied(ui, state, &words, &name);
        }
        at += width + 8.0;
    }
    if state.route.source.is_empty() {
        let b = Button { text: "Keep as long here…", ..Button::default() };
        let kit = Kit::new(ui, t);
        if at + b.width(&kit) > x + w {
            (at, y) = (x, y + 32.0);
        }
        let why = "Sets how long this store keeps records to the days of all tiers of B. What would go is said first.";
        if button(&kit, at, y, b).on_hover_text(why).clicked() {
            state.cost.is_applying = true;
        }
    }
    let kit = Kit::new(ui, t);
    let said = "Texts to read, copied to the clipboard: nothing is ever sent to a database or a Collector.";
    wrapped(&kit, (x, y + 46.0, w), Font::Regular(11.5), t.weak, said)
}
