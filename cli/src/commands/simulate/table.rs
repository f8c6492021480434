//! What comes of a scenario, for the eye: what would be lost first, then money, then what moves it.

use serde_json::Value;
use sextant_contract::size_text;
use std::io::Write;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[][..], Vec::as_slice)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn size(value: &Value) -> String {
    size_text(number(value) as u64)
}

/// Longer lists are in JSON.
const SHOWN: usize = 10;

pub fn print(object: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if object["sampling"].is_object() {
        losses(&mut out, &object["sampling"])?;
    }
    bill(&mut out, object)?;
    if object["billed"].is_object() {
        billed(&mut out, &object["billed"])?;
    }
    if !list(&object["compare"]).is_empty() {
        compared(&mut out, object)?;
    }
    if let Some(day) = list(&object["daily"]).last() {
        lies(&mut out, object, day)?;
    }
    more(&mut out, object)
}

fn losses(out: &mut impl Write, sampled: &Value) -> anyhow::Result<()> {
    let n = |key: &str| sampled[key].as_u64().unwrap_or(0);
    writeln!(out, "what would be lost, of the recorded traces")?;
    for (what, kept, all) in [
        ("error traces kept", "kept_error_traces", "error_traces"),
        ("slow traces kept", "kept_slow_traces", "slow_traces"),
        ("traces kept", "kept_traces", "traces"),
        ("spans kept", "kept_spans", "spans"),
    ] {
        writeln!(out, "{what:<28} {:>14} of {}", n(kept), n(all))?;
    }
    for rule in list(&sampled["rules"]) {
        let search = rule["search"].as_str().unwrap_or("everything else");
        let keep = format!("{:.0} %", number(&rule["keep"]) * 100.0);
        writeln!(out, "  {search:<26} {keep:>14}  {} of {} traces", rule["kept_traces"], rule["traces"])?;
    }
    for lost in list(&sampled["lost_errors"]).iter().take(SHOWN) {
        writeln!(
            out,
            "  lost with an error: {} {}, {} traces",
            text(&lost["service"]),
            text(&lost["name"]),
            lost["n"]
        )?;
    }
    for lost in list(&sampled["lost_operation_names"]).iter().take(SHOWN) {
        writeln!(out, "  nothing left of: {} {}, {} spans", text(&lost["service"]), text(&lost["name"]), lost["n"])?;
    }
    for watched in list(&sampled["watched"]).iter().filter(|w| w["kept_traces"] != w["traces"]) {
        let (kind, name) = (text(&watched["kind"]), text(&watched["name"]));
        writeln!(out, "  {kind} {name}: {} of {} traces kept", watched["kept_traces"], watched["traces"])?;
    }
    let ids = list(&sampled["lost_error_trace_ids"]);
    for id in ids.iter().take(SHOWN).filter_map(Value::as_str) {
        writeln!(out, "  error trace that would be gone {id}")?;
    }
    if ids.len() > SHOWN {
        writeln!(out, "  and {} more: --format json names all", ids.len() - SHOWN)?;
    }
    if let Some(error) = sampled["count_error"].as_f64().filter(|e| *e > 0.0) {
        writeln!(out, "{:<28} {:>13.1} %, 19 times in 20", "counts are off by up to", error * 196.0)?;
    }
    Ok(writeln!(out)?)
}

fn bill(out: &mut impl Write, object: &Value) -> anyhow::Result<()> {
    let bill = &object["bill"];
    for line in list(&bill["lines"]) {
        writeln!(out, "{:<28} {:>14.2}", text(&line["name"]), number(&line["amount"]))?;
    }
    let currency = text(&bill["currency"]);
    writeln!(out, "{:<28} {:>14.2} {currency} a month, at the end", "total", number(&bill["total"]))?;
    let bands = &object["uncertainty"]["total"];
    if bands.is_object() {
        let (low, middle, high) = (number(&bands["p10"]), number(&bands["p50"]), number(&bands["p90"]));
        writeln!(out, "{:<28} {:>14} {low:.2} to {high:.2}, median {middle:.2}", "P10 to P90", "")?;
    }
    let per = &object["per"];
    if per.is_object() && number(&per["raw_tb"]) > 0.0 {
        writeln!(out, "{:<28} {:>14.2} {currency} a raw TB that came in", "", number(&per["raw_tb"]))?;
        writeln!(out, "{:<28} {:>14.2} {currency} a stored TB and month", "", number(&per["stored_tb"]))?;
    }
    Ok(())
}

/// What was billed, beside what was told.
fn billed(out: &mut impl Write, billed: &Value) -> anyhow::Result<()> {
    let currency = text(&billed["currency"]);
    writeln!(out, "\n{:<28} {:>14} {:>14}", "held against the bill", "told", "billed")?;
    for line in list(&billed["lines"]) {
        writeln!(out, "{:<28} {:>14.2} {:>14.2}", text(&line["name"]), number(&line["told"]), number(&line["billed"]))?;
    }
    let off = billed["off"]
        .as_f64()
        .map_or_else(|| "nothing was billed for it".to_owned(), |off| format!("off by {:+.1} %", off * 100.0));
    writeln!(
        out,
        "{:<28} {:>14.2} {:>14.2} {currency}, {off}",
        "total",
        number(&billed["told"]),
        number(&billed["billed"])
    )?;
    writeln!(out, "{:<28} {:.0} days, told by 30", "the bill is of", number(&billed["days"]))?;
    if billed["n_no_usage"].as_u64().is_some_and(|n| n > 0) {
        writeln!(out, "  {} rows are of no usage: taxes, credits, purchases", billed["n_no_usage"])?;
    }
    for other in list(&billed["others"]) {
        writeln!(out, "  of no line: {} {:.2}", text(&other[0]), number(&other[1]))?;
    }
    Ok(())
}

fn compared(out: &mut impl Write, object: &Value) -> anyhow::Result<()> {
    let currency = text(&object["bill"]["currency"]);
    writeln!(
        out,
        "\n{:<28} {:>14} {:>18} {:>14} {:>12}",
        "beside it",
        format!("{currency}/month"),
        "saved",
        "stored",
        "error traces"
    )?;
    for one in list(&object["compare"]) {
        let outcome = &one["outcome"];
        let stored = list(&outcome["daily"]).last().map_or_else(String::new, |day| size(&day["stored_bytes"]));
        let sampled = &outcome["sampling"];
        let errors = if sampled.is_object() {
            format!("{} of {}", sampled["kept_error_traces"], sampled["error_traces"])
        } else {
            "all".to_owned()
        };
        let saved = format!("{:.2} ({:.0} %)", number(&one["saved"]), number(&one["saved_share"]) * 100.0);
        writeln!(
            out,
            "{:<28} {:>14.2} {saved:>18} {stored:>14} {errors:>12}",
            text(&one["name"]),
            number(&outcome["bill"]["total"])
        )?;
        let even = &one["break_even"];
        if number(&one["one_off"]) > 0.0 {
            match even["month"].as_u64() {
                Some(month) => writeln!(out, "  pays for its {:.2} once after month {month}", number(&one["one_off"]))?,
                None => writeln!(out, "  never pays for its {:.2} once in these days", number(&one["one_off"]))?,
            }
        }
        if let Some(times) = even["volume"].as_f64() {
            writeln!(out, "  costs the same with {times:.2} times as much coming in")?;
        }
    }
    Ok(())
}

fn lies(out: &mut impl Write, object: &Value, day: &Value) -> anyhow::Result<()> {
    writeln!(out, "\nday {}", day["day"])?;
    for (what, key) in [
        ("comes in, raw", "ingested_bytes"),
        ("not kept, raw", "dropped_bytes"),
        ("lies there", "stored_bytes"),
        ("goes", "expired_bytes"),
    ] {
        writeln!(out, "{what:<28} {:>14}", size(&day[key]))?;
    }
    let bands = &object["uncertainty"]["stored_bytes"];
    if bands.is_object() {
        let (low, middle, high) = (size(&bands["p10"]), size(&bands["p50"]), size(&bands["p90"]));
        writeln!(out, "{:<28} {:>14} {low} to {high}, median {middle}", "P10 to P90", "")?;
    }
    Ok(())
}

/// The end of a plural.
fn s(n: u64) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn more(out: &mut impl Write, object: &Value) -> anyhow::Result<()> {
    for filter in list(&object["filtered"]) {
        writeln!(
            out,
            "\nlog records '{}': {} of {} are found, {:.1} % of the bytes; {:.0} % of them are kept",
            text(&filter["search"]),
            filter["records"],
            filter["of_records"],
            number(&filter["share"]) * 100.0,
            number(&filter["keep"]) * 100.0
        )?;
    }
    for effect in list(&object["effects"]) {
        let (raw, stored) = (number(&effect["raw"]) * 100.0, number(&effect["stored"]) * 100.0);
        writeln!(
            out,
            "\n{} rewritten: {raw:.1} % of the raw bytes, {stored:.1} % of those on disk",
            text(&effect["signal"])
        )?;
    }
    let movers: Vec<&Value> =
        list(&object["movers"]).iter().filter(|m| m["total_low"] != m["total_high"]).take(SHOWN).collect();
    if !movers.is_empty() {
        writeln!(out, "\nwhat moves the bill")?;
    }
    for mover in movers {
        let what = format!("{}, {} … {}", text(&mover["what"]), text(&mover["low"]), text(&mover["high"]));
        writeln!(out, "{what:<40} {:>14.2} … {:.2}", number(&mover["total_low"]), number(&mover["total_high"]))?;
    }
    let machines = &object["capacity"];
    if machines.is_object() {
        let n = |key: &str| machines[key].as_u64().unwrap_or(0);
        writeln!(
            out,
            "\nmachines: {} core{} and {} GB of memory, {:.0} GB of disk, {} node{}: {}, {}",
            n("cores_ingest") + n("cores_query"),
            s(n("cores_ingest") + n("cores_query")),
            n("memory_gb"),
            number(&machines["disk_gb"]).ceil(),
            n("nodes"),
            s(n("nodes")),
            text(&machines["pattern"]),
            text(&machines["shape"])
        )?;
    }
    let services = list(&object["services"]);
    if !services.is_empty() {
        writeln!(out, "\nby service")?;
    }
    for service in services.iter().take(SHOWN) {
        let stored = size(&service["stored_bytes"]);
        writeln!(out, "{:<28} {:>14.2}  {stored}", text(&service["name"]), number(&service["amount"]))?;
    }
    Ok(())
}
