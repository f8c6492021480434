//! `simulate`.

mod table;

use crate::args::{Shape, Simulate};
use crate::output::{note, print_object};
use crate::reach::{Reach, of, period};
use anyhow::Context as _;
use serde_json::Value;
use sextant_contract::Ask;
use sextant_model::UnixNanos;
use sextant_simulators::{
    Bill, Billed, Book, Known, Problem, Scenario, ScenarioError, asked, setting, simulate_all, with,
};
use sextant_workbench::now;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

pub async fn run(args: Simulate) -> anyhow::Result<ExitCode> {
    if args.file.as_os_str() == "init" {
        return init(args).await;
    }
    let path = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .with_context(|| format!("{path} can't be read; to begin with one: sextant simulate init > policy.toml"))?;
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
        // Lines are of no file any more.
        let placeless = |e: ScenarioError| {
            let problems = e.0.into_iter().map(|p| Problem { line: 0, ..p });
            anyhow::anyhow!(
                "{path} can't be simulated with --set {}\n{}",
                args.sets.join(" "),
                some(&ScenarioError(problems.collect()))
            )
        };
        let sets = args.sets.iter().map(|set| setting(set)).collect::<Result<Vec<_>, _>>().map_err(placeless)?;
        let text = with(&text, &sets).map_err(placeless)?;
        let scenario = Scenario::priced(&text, &book).map_err(placeless)?;
        (text, scenario)
    };
    let asked = asked(&text, &book).map_err(said)?;
    let needs_records = asked.samples || !asked.rewrites.is_empty() || !asked.filters.is_empty();
    // A data directory may have prices of one's own; where there is none there are none.
    let may_have_prices = !scenario.prices.is_empty() && prices.is_none();
    let reach = match (needs_records, may_have_prices) {
        (true, _) => Some(Reach::reading(&args.place).await?),
        (false, true) => Reach::reading(&args.place).await.ok(),
        (false, false) => None,
    };
    let mut object = if let Some(reach) = reach {
        let ask = Ask::Simulate { scenario: text, prices, period: period(&args.period)?, is_held: false };
        let answer = reach.object(of(args.of, ask)).await;
        super::close(reach).await;
        answer?
    } else {
        serde_json::to_value(simulate_all(&text, &book, &Known::default()).map_err(said)?)?
    };
    if let Some(path) = &args.billed {
        object["billed"] = billed(path, &scenario, &object)?;
    }
    for used in object["prices"].as_array().into_iter().flatten() {
        doubts(used);
    }
    for said in object["notes"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        note(format_args!("{said}"));
    }
    match args.format {
        Shape::Json => print_object(&object)?,
        Shape::Table => table::print(&object)?,
        Shape::Csv => csv(&object)?,
        Shape::Focus => focus(&object)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// A month that was billed, held against what a scenario came to.
fn billed(path: &Path, scenario: &Scenario, object: &Value) -> anyhow::Result<Value> {
    let csv = std::fs::read_to_string(path).with_context(|| format!("the bill {} can't be read", path.display()))?;
    let bill: Bill = serde_json::from_value(object["bill"].clone())?;
    let billed = Billed::of(scenario, &bill, &csv)
        .map_err(|e| anyhow::anyhow!("{} can't be held against it\n{}", path.display(), some(&e)))?;
    if billed.n_unreadable > 0 {
        note(format_args!(
            "{} rows of {} have a cost that is no number: they are left out",
            billed.n_unreadable,
            path.display()
        ));
    }
    Ok(serde_json::to_value(billed)?)
}

/// A scenario to begin with, of what is stored.
async fn init(args: Simulate) -> anyhow::Result<ExitCode> {
    let reach = Reach::reading(&args.place).await?;
    let ask = Ask::Measure { period: period(&args.period)?, is_tried: false };
    let answer = reach.object(of(args.of, ask)).await;
    super::close(reach).await;
    let object = answer?;
    if let Some(n) = object["left_out"].as_u64().filter(|n| *n > 0) {
        note(format_args!("{n} records are left out: their time is before 2010, or in days to come"));
    }
    write!(std::io::stdout().lock(), "{}", object["scenario"].as_str().unwrap_or_default())?;
    Ok(ExitCode::SUCCESS)
}

/// A price is said to be old after so many days.
const OLD_NANOS: i64 = 180 * 86_400 * 1_000_000_000;

/// What speaks against a price.
fn doubts(used: &Value) {
    let text = |key: &str| used[key].as_str().unwrap_or_default();
    let (sku, service) = (text("sku"), text("service"));
    let is_old = |day: &str| UnixNanos::parse(day).is_ok_and(|t| now().saturating_sub(t.0) > OLD_NANOS);
    match used["as_of"].as_str() {
        Some(day) if is_old(day) => note(format_args!("the price of {service} ({sku}) is as of {day}")),
        None => note(format_args!("nobody says since when the price of {service} ({sku}) is so")),
        Some(_) => {}
    }
    if text("confidence") == "unverified" {
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

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(0.0)
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
