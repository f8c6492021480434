//! `simulate`.

use crate::args::{Shape, Simulate};
use crate::output::{note, print_object};
use crate::reach::{Reach, period};
use anyhow::{Context as _, bail};
use serde_json::Value;
use sextant_contract::{Ask, size_text};
use sextant_model::UnixNanos;
use sextant_simulators::{Book, Confidence, Problem, Recorded, Scenario, ScenarioError, Used};
use sextant_workbench::now;
use std::io::Write as _;
use std::process::ExitCode;

pub async fn run(args: Simulate) -> anyhow::Result<ExitCode> {
    let path = args.file.display();
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("{path} can't be read"))?;
    let said = |e: ScenarioError| anyhow::anyhow!("{path} can't be simulated\n{}", some(&e));
    let prices = match &args.prices {
        Some(path) => Some(
            std::fs::read_to_string(path).with_context(|| format!("the prices {} can't be read", path.display()))?,
        ),
        None => None,
    };
    let book = Book::shipped()?.with(prices.as_deref().unwrap_or_default()).map_err(|e| {
        let path = args.prices.as_deref().unwrap_or(&args.file).display();
        anyhow::anyhow!("{path} is no price book\n{}", some(&e))
    })?;
    let scenario = Scenario::priced(&text, &book);
    let (text, scenario) = if args.sets.is_empty() {
        let scenario = scenario.map_err(said)?;
        (text, scenario)
    } else {
        let text = with(&text, &args.sets).with_context(|| format!("{path} can't be simulated so"))?;
        // Lines are of no file any more.
        let placeless = |e: ScenarioError| {
            let problems = e.0.into_iter().map(|p| Problem { line: 0, ..p });
            anyhow::anyhow!(
                "{path} can't be simulated with --set {}\n{}",
                args.sets.join(" "),
                some(&ScenarioError(problems.collect()))
            )
        };
        let scenario = Scenario::priced(&text, &book).map_err(placeless)?;
        (text, scenario)
    };
    for used in &scenario.prices {
        doubts(used);
    }
    let object = if scenario.sampling.is_some() {
        let reach = Reach::reading(&args.place).await?;
        let answer = reach.object(Ask::Simulate { scenario: text, prices, period: period(&args.period)? }).await;
        super::close(reach).await;
        answer?
    } else {
        serde_json::to_value(sextant_simulators::simulate(&scenario, &Recorded::default()))?
    };
    match args.format {
        Shape::Json => print_object(&object)?,
        Shape::Table => table(&object)?,
        Shape::Csv => csv(&object)?,
        Shape::Focus => focus(&object)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A price is said to be old after so many days.
const OLD_NANOS: i64 = 180 * 86_400 * 1_000_000_000;

/// What speaks against a price.
fn doubts(used: &Used) {
    let Used { sku, service, as_of, confidence } = used;
    let is_old = |day: &str| UnixNanos::parse(day).is_ok_and(|t| now().saturating_sub(t.0) > OLD_NANOS);
    match as_of {
        Some(day) if is_old(day) => note(format_args!("the price of {service} ({sku}) is as of {day}")),
        None => note(format_args!("nobody says since when the price of {service} ({sku}) is so")),
        Some(_) => {}
    }
    if *confidence == Confidence::Unverified {
        note(format_args!(
            "the price of {service} ({sku}) is not verified: look it up, and put it into a book of your own"
        ));
    }
}

/// What is wrong, as far as an error has room.
fn some(e: &ScenarioError) -> String {
    const MOST: usize = 5;
    let mut lines: Vec<String> = e.0.iter().take(MOST).map(ToString::to_string).collect();
    if e.0.len() > MOST {
        lines.push(format!("and {} more", e.0.len() - MOST));
    }
    lines.join("\n")
}

/// The text with other values at some places.
fn with(text: &str, sets: &[String]) -> anyhow::Result<String> {
    let mut file: toml::Value = toml::from_str(text)?;
    for set in sets {
        let (path, value) = set.split_once('=').with_context(|| format!("--set {set} is not PATH=VALUE"))?;
        // What is no value of TOML is a text.
        let value = toml::from_str::<toml::Table>(&format!("v = {value}"))
            .ok()
            .and_then(|mut t| t.remove("v"))
            .unwrap_or_else(|| toml::Value::String(value.to_owned()));
        let path = path.replace('[', ".").replace(']', "");
        let mut at = &mut file;
        for part in path.split('.') {
            at = match (at, part.parse::<usize>()) {
                (toml::Value::Array(all), Ok(i)) => {
                    let n = all.len();
                    all.get_mut(i).with_context(|| format!("--set {set}: there are {n} of them, counted from 0"))?
                }
                (toml::Value::Table(table), _) => {
                    table.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()))
                }
                _ => bail!("--set {set}: there is no '{part}' in it"),
            };
        }
        *at = value;
    }
    Ok(toml::to_string(&file)?)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
}

fn table(object: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let bill = &object["bill"];
    let currency = bill["currency"].as_str().unwrap_or_default();
    for line in bill["lines"].as_array().into_iter().flatten() {
        writeln!(out, "{:<28} {:>14.2}", line["name"].as_str().unwrap_or_default(), number(&line["amount"]))?;
    }
    writeln!(out, "{:<28} {:>14.2} {currency} a month, at the end", "total", number(&bill["total"]))?;
    let bands = &object["uncertainty"];
    if bands.is_object() {
        let of = |key: &str| number(&bands["total"][key]);
        writeln!(out, "{:<28} {:>14} {:.2} to {:.2}, median {:.2}", "P10 to P90", "", of("p10"), of("p90"), of("p50"))?;
    }
    if let Some(day) = object["daily"].as_array().and_then(|days| days.last()) {
        let size = |key: &str| size_text(number(&day[key]) as u64);
        writeln!(out, "\nday {}", day["day"])?;
        for (what, key) in [
            ("comes in, raw", "ingested_bytes"),
            ("not kept, raw", "dropped_bytes"),
            ("lies there", "stored_bytes"),
            ("goes", "expired_bytes"),
        ] {
            writeln!(out, "{what:<28} {:>14}", size(key))?;
        }
        if bands.is_object() {
            let of = |key: &str| size_text(number(&bands["stored_bytes"][key]) as u64);
            writeln!(out, "{:<28} {:>14} {} to {}, median {}", "P10 to P90", "", of("p10"), of("p90"), of("p50"))?;
        }
    }
    let sampled = &object["sampling"];
    if sampled.is_object() {
        let n = |key: &str| sampled[key].as_u64().unwrap_or(0);
        writeln!(out, "\nof the recorded traces")?;
        for (what, kept, all) in [
            ("traces kept", "kept_traces", "traces"),
            ("spans kept", "kept_spans", "spans"),
            ("error traces kept", "kept_error_traces", "error_traces"),
        ] {
            writeln!(out, "{what:<28} {:>14} of {}", n(kept), n(all))?;
        }
        writeln!(out, "{:<28} {:>14}", "operations that would be gone", n("lost_operations"))?;
        let lost = sampled["lost_error_trace_ids"].as_array().map_or(&[][..], Vec::as_slice);
        for id in lost.iter().take(20).filter_map(Value::as_str) {
            writeln!(out, "error trace that would be gone {id}")?;
        }
        if lost.len() > 20 {
            writeln!(out, "and {} more: --format json names all", lost.len() - 20)?;
        }
    }
    Ok(())
}

fn csv(object: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "day,ingested_bytes,dropped_bytes,stored_bytes,expired_bytes")?;
    for day in object["daily"].as_array().into_iter().flatten() {
        let of = |key: &str| number(&day[key]);
        let (came, dropped, lies, goes) =
            (of("ingested_bytes"), of("dropped_bytes"), of("stored_bytes"), of("expired_bytes"));
        writeln!(out, "{},{came},{dropped},{lies},{goes}", day["day"])?;
    }
    Ok(())
}

/// A field of CSV.
fn field(text: &str) -> String {
    if text.contains([',', '"', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

/// The bill in columns of the `FinOps` Open Cost and Usage Specification: list prices, a month, no provider.
fn focus(object: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,ChargeCategory,ChargeDescription,ServiceCategory"
    )?;
    let currency = field(object["bill"]["currency"].as_str().unwrap_or_default());
    for line in object["bill"]["lines"].as_array().into_iter().flatten() {
        let amount = number(&line["amount"]);
        let name = field(line["name"].as_str().unwrap_or_default());
        writeln!(
            out,
            "{amount:.2},{amount:.2},{amount:.2},{amount:.2},{currency},Usage,{name},Management and Governance"
        )?;
    }
    Ok(())
}
