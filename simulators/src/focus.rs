//! A month that was really billed, in the columns of the `FinOps` Open Cost and Usage Specification, beside what a scenario tells.

use crate::bill::{Bill, cents};
use crate::error::ScenarioError;
use crate::scenario::Scenario;
use serde::Serialize;
use sextant_model::UnixNanos;
use std::collections::BTreeMap;

/// A line of the scenario, and what was billed for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BilledLine {
    /// What it is called in the scenario.
    pub name: String,
    /// What it comes to by the scenario.
    pub told: f64,
    /// What was billed, by thirty days.
    pub billed: f64,
}

/// A bill beside a scenario.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Billed {
    /// Of all amounts.
    pub currency: String,
    /// Days that the rows are of.
    pub days: f64,
    /// Line by line.
    pub lines: Vec<BilledLine>,
    /// Services whose rows are of no line, the dearest first.
    pub others: Vec<(String, f64)>,
    /// What the scenario tells.
    pub told: f64,
    /// What was billed for its lines, by thirty days.
    pub billed: f64,
    /// How far the scenario is off what was billed for its lines, as a part of that.
    pub off: Option<f64>,
    /// Rows that are of no usage: taxes, credits, purchases.
    pub n_no_usage: u64,
    /// Rows whose cost is no number.
    pub n_unreadable: u64,
}

/// A month of the bill.
const MONTH_DAYS: f64 = 30.0;
const DAY: f64 = 86_400e9;
/// Where a row says what it is for.
const WORDS: [&str; 6] = ["ChargeDescription", "SkuId", "SkuMeter", "ResourceName", "ResourceId", "ServiceName"];
/// Services that are named of those that are of no line.
const NAMED: usize = 10;

fn wrong(what: impl Into<String>) -> ScenarioError {
    ScenarioError::of("", what)
}

impl Billed {
    /// Holds the rows of a CSV against a bill: a row is of the first line whose `billed_as` it has in one of its texts, or whose
    /// name, where nothing is said.
    ///
    /// # Errors
    /// If it is no CSV of FOCUS, or in another currency.
    pub fn of(scenario: &Scenario, bill: &Bill, csv: &str) -> Result<Self, ScenarioError> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).trim(csv::Trim::All).from_reader(csv.as_bytes());
        let head = reader.headers().map_err(|e| wrong(format!("this is no CSV: {e}")))?.clone();
        let at = |name: &str| head.iter().position(|h| h.eq_ignore_ascii_case(name));
        let Some(cost) = at("EffectiveCost").or_else(|| at("BilledCost")) else {
            return Err(wrong(
                "there is no column EffectiveCost or BilledCost: a bill in the columns of FOCUS is wanted",
            ));
        };
        let words: Vec<usize> = WORDS.iter().filter_map(|name| at(name)).collect();
        if words.is_empty() {
            return Err(wrong(format!(
                "none of these columns is there, so nothing says what is billed: {}",
                WORDS.join(", ")
            )));
        }
        let (currency, category, service) = (at("BillingCurrency"), at("ChargeCategory"), at("ServiceName"));
        let (start, end) = (at("ChargePeriodStart"), at("ChargePeriodEnd"));
        let rules: Vec<(&str, String)> =
            scenario.billed_as().map(|(name, said)| (name, said.unwrap_or(name).to_lowercase())).collect();
        let mut sums = vec![0.0; rules.len()];
        let mut others = BTreeMap::<String, f64>::new();
        let (mut n_no_usage, mut n_unreadable) = (0, 0);
        let (mut first, mut last) = (i64::MAX, i64::MIN);
        for (row, record) in reader.records().enumerate() {
            let record = record.map_err(|e| wrong(format!("row {}: {e}", row + 2)))?;
            let text = |place: Option<usize>| place.and_then(|i| record.get(i)).unwrap_or_default();
            let theirs = text(currency);
            if !theirs.is_empty() && theirs != scenario.currency {
                let why = format!("row {}: it is in {theirs}, and the scenario in {}", row + 2, scenario.currency);
                return Err(wrong(format!("{why}: say currency = \"{theirs}\" and [rates] there")));
            }
            if !matches!(text(category), "" | "Usage") {
                n_no_usage += 1;
                continue;
            }
            let Some(amount) = text(Some(cost)).parse::<f64>().ok().filter(|n| n.is_finite()) else {
                n_unreadable += 1;
                continue;
            };
            let moment = |place| UnixNanos::parse(text(place)).ok().map(|t| t.0);
            first = moment(start).map_or(first, |t| first.min(t));
            last = moment(end).map_or(last, |t| last.max(t));
            let said: Vec<String> = words.iter().map(|i| text(Some(*i)).to_lowercase()).collect();
            match rules.iter().position(|(_, rule)| said.iter().any(|text| text.contains(rule.as_str()))) {
                Some(rule) => sums[rule] += amount,
                None => *others.entry(text(service).to_owned()).or_default() += amount,
            }
        }
        // A month of 31 days is billed for 31.
        let days = if last > first { (last - first) as f64 / DAY } else { MONTH_DAYS };
        let monthly = |amount: f64| cents(amount * MONTH_DAYS / days);
        let told = |name: &str| -> f64 {
            // With what else a tier costs: `hot, read`.
            let is_it = |line: &str| line == name || line.strip_prefix(name).is_some_and(|rest| rest.starts_with(", "));
            bill.lines.iter().filter(|line| is_it(&line.name)).map(|line| line.amount).sum()
        };
        let lines: Vec<BilledLine> = rules
            .iter()
            .zip(&sums)
            .map(|((name, _), sum)| BilledLine { name: (*name).to_owned(), told: told(name), billed: monthly(*sum) })
            .collect();
        let mut others: Vec<(String, f64)> = others.into_iter().map(|(name, sum)| (name, monthly(sum))).collect();
        others.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        if others.len() > NAMED {
            let rest = others.split_off(NAMED);
            others.push((format!("{} more services", rest.len()), cents(rest.iter().map(|(_, sum)| sum).sum())));
        }
        let (told, billed) = lines.iter().fold((0.0, 0.0), |(t, b), line| (t + line.told, b + line.billed));
        let off = (billed > 0.0).then(|| ((told / billed - 1.0) * 1e4).round() / 1e4);
        let currency = scenario.currency.clone();
        Ok(Self {
            currency,
            days,
            lines,
            others,
            told: cents(told),
            billed: cents(billed),
            off,
            n_no_usage,
            n_unreadable,
        })
    }
}
