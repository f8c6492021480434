//! A scenario, simulated.

use crate::act::{Step, steps};
use crate::bill::{self, Bill, MONTH, bill, means};
use crate::capacity::{Capacity, capacity};
use crate::compare::{Compared, compared};
use crate::error::ScenarioError;
use crate::prices::Book;
use crate::sample::Sample;
use crate::sampling::{Recorded, Sampled};
use crate::scenario::{Effect, Rewrite, Sampling, Scenario, Used, Variant};
use crate::sensitivity::{Mover, movers};
use crate::set::with;
use crate::uncertainty::{Bands, bands};
use crate::volume::{Course, Day, Draw};
use serde::Serialize;
use sextant_model::Signal;
use std::collections::BTreeMap;

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Day by day.
    pub daily: Vec<Day>,
    /// A month, at the end.
    pub bill: Bill,
    /// Of each month of 30 days, the total.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub months: Vec<f64>,
    /// What lies in each tier, day by day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tiers: Vec<TierDays>,
    /// What each service comes to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<ServiceCost>,
    /// The bill by what is kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per: Option<Per>,
    /// Which machines it takes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capacity: Option<Capacity>,
    /// What is kept of the recorded traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampled>,
    /// Log records that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub filtered: Vec<Filtered>,
    /// What rewriting comes to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Rewritten>,
    /// What is to be said of the figures before they are believed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Prices that are from the price book.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<Used>,
    /// What to do to get there, as texts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// What moves the bill, the largest first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub movers: Vec<Mover>,
    /// Variants beside it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub compare: Vec<Compared>,
    /// How much the end hangs on what is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<Bands>,
}

/// Log records that are left out by a search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Filtered {
    /// Which.
    pub search: String,
    /// The share of them that is kept.
    pub keep: f64,
    /// What it finds of what is stored.
    #[serde(flatten)]
    pub found: Found,
}

/// What a search finds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Found {
    /// Records.
    pub records: u64,
    /// Of so many.
    pub of_records: u64,
    /// Its part of the raw bytes of all.
    pub share: f64,
}

/// What is left of a signal that is rewritten.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Rewritten {
    /// Which signal.
    pub signal: &'static str,
    /// How much.
    #[serde(flatten)]
    pub effect: Effect,
}

/// What lies in a tier.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TierDays {
    /// What it is called.
    pub name: String,
    /// At the end of each day, replicas included.
    pub stored_bytes: Vec<f64>,
}

/// What a service comes to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ServiceCost {
    /// What it is called.
    pub name: String,
    /// Bytes in the mean of the last month, replicas included.
    pub stored_bytes: f64,
    /// Its part of what tiers cost in that month.
    pub amount: f64,
}

/// The bill by the terabyte of 10¹² bytes: of raw ones that came in the month, and of stored ones that lay there in the mean.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Per {
    /// By raw terabytes that came in the month.
    pub raw_tb: f64,
    /// By terabytes that lay there in the mean.
    pub stored_tb: f64,
}

const TB: f64 = 1e12;

/// What is known of what is stored, as far as scenarios ask for it.
#[derive(Debug, Default)]
pub struct Known {
    /// Traces that were recorded.
    pub recorded: Recorded,
    /// What rewriting comes to.
    pub effects: Vec<(Signal, Rewrite, Effect)>,
    /// What searches of log records find.
    pub filtered: BTreeMap<String, Found>,
    /// Some spans, to see how well those that are left are packed.
    pub spans: Option<Sample>,
}

/// What a scenario and its variants ask of what is stored.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// Whether traces are sampled.
    pub samples: bool,
    /// Whether it matters how many bytes they have.
    pub weighs: bool,
    /// The searches of rules.
    pub searches: Vec<String>,
    /// The searches of log records that are left out.
    pub filters: Vec<String>,
    /// What is rewritten.
    pub rewrites: Vec<(Signal, Rewrite)>,
}

impl Known {
    /// How much worse what rules leave is packed; as well as all, where there are no spans to see that.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn packed_worse(&self, rules: &Sampling) -> Result<f64, ScenarioError> {
        let keeps = self.recorded.keeps(rules);
        self.spans.as_ref().map_or(Ok(1.0), |spans| spans.packed_worse(&keeps))
    }
}

/// Simulates a scenario; what it samples is sampled of what was recorded.
pub fn simulate(scenario: &Scenario, known: &Known) -> Outcome {
    outcome(scenario, known).1
}

/// The same, and its variants beside it; `text` is what the scenario was read from.
///
/// # Errors
/// What is wrong with a variant.
pub fn simulate_all(text: &str, book: &Book, known: &Known) -> Result<Outcome, ScenarioError> {
    let scenario = Scenario::priced(text, book)?;
    let variants = variants(text, &scenario, book)?;
    let (scenario, mut base) = outcome(&scenario, known);
    let one = |(name, one_off, variant): &(String, f64, Scenario)| {
        let (variant, end) = outcome(variant, known);
        compared(name, *one_off, (&scenario, &base), (&variant, end))
    };
    let all: Vec<Compared> = variants.iter().map(one).collect();
    base.compare = all;
    Ok(base)
}

/// The variants of a scenario, read.
fn variants(text: &str, scenario: &Scenario, book: &Book) -> Result<Vec<(String, f64, Scenario)>, ScenarioError> {
    let one = |(i, variant): (usize, &Variant)| {
        let place = |mut e: ScenarioError| {
            // Its lines are those of no file.
            for problem in &mut e.0 {
                problem.line = 0;
                problem.key = format!("compare[{i}].set: {}", problem.key);
            }
            e
        };
        let text = with(text, &variant.set).map_err(place)?;
        let mut read = Scenario::priced(&text, book).map_err(place)?;
        read.variants.clear();
        Ok((variant.name.clone(), variant.one_off, read))
    };
    scenario.variants.iter().enumerate().map(one).collect()
}

/// What a scenario and its variants ask of what is stored.
///
/// # Errors
/// What is wrong with it, or with a variant.
pub fn asked(text: &str, book: &Book) -> Result<Asked, ScenarioError> {
    let scenario = Scenario::priced(text, book)?;
    let variants = variants(text, &scenario, book)?;
    let mut asked = Asked::default();
    for one in std::iter::once(&scenario).chain(variants.iter().map(|(_, _, variant)| variant)) {
        asked.samples |= one.sampling.is_some();
        asked.weighs |= one.sampling.as_ref().is_some_and(|sampling| sampling.is_applied);
        let rules = one.sampling.iter().flat_map(|sampling| &sampling.rules);
        asked.searches.extend(rules.map(|rule| rule.search.clone()));
        asked.filters.extend(one.filtering());
        for ingest in one.ingest.iter().filter(|i| i.rewrite != Rewrite::default()) {
            let wanted = (ingest.signal, ingest.rewrite.clone());
            if !asked.rewrites.contains(&wanted) {
                asked.rewrites.push(wanted);
            }
        }
    }
    asked.searches.sort();
    asked.searches.dedup();
    asked.filters.sort();
    asked.filters.dedup();
    Ok(asked)
}

fn outcome(scenario: &Scenario, known: &Known) -> (Scenario, Outcome) {
    let sampled = scenario.sampling.as_ref().map(|rules| known.recorded.sampled(rules));
    let mut said = Vec::new();
    let has_traces = scenario.ingest.iter().any(|i| i.signal == Signal::Traces);
    if scenario.sampling.as_ref().is_some_and(|s| !s.is_applied) && has_traces {
        said.push(
            "what would be sampled away is told, but comes in all the same: [sampling] applied = true makes it less"
                .into(),
        );
    }
    let mut scenario = scenario.clone();
    if let (Some(sampled), Some(rules)) = (&sampled, scenario.sampling.clone().filter(|s| s.is_applied)) {
        let share = sampled.kept_share();
        let worse = known.packed_worse(&rules).unwrap_or_else(|e| {
            said.push(format!("what is left of traces is taken to pack as all of them do: {e}"));
            1.0
        });
        for ingest in scenario.ingest.iter_mut().filter(|i| i.signal == Signal::Traces) {
            ingest.keep *= share;
            ingest.ratio /= worse;
        }
    }
    let mut filtered = Vec::new();
    for (filter, search) in scenario.filters.iter().zip(scenario.filtering()) {
        let found = known.filtered.get(&search).copied().unwrap_or_default();
        filtered.push(Filtered { search: filter.search.clone(), keep: filter.keep, found });
    }
    let gone: f64 = filtered.iter().map(|f| f.found.share * (1.0 - f.keep)).sum();
    for ingest in scenario.ingest.iter_mut().filter(|i| i.signal == Signal::Logs) {
        ingest.keep *= (1.0 - gone).max(0.0);
    }
    let mut effects = Vec::new();
    for ingest in &mut scenario.ingest {
        let of =
            known.effects.iter().find(|(signal, rewrite, _)| *signal == ingest.signal && *rewrite == ingest.rewrite);
        if let Some((signal, _, effect)) = of {
            ingest.keep *= effect.raw;
            ingest.ratio *= effect.raw / effect.stored;
            effects.push(Rewritten { signal: signal.name(), effect: *effect });
        }
    }
    let course = Course::of(&scenario, Draw::NONE);
    let n = scenario.days as usize;
    let has_ingest = !scenario.ingest.is_empty();
    let tiers = scenario.tiers.iter().zip(course.tiers(&scenario.tiers));
    let mut end = Outcome {
        daily: if has_ingest { course.days(&scenario) } else { Vec::new() },
        bill: bill(&scenario, &course, &bill::last_month(n)),
        months: (0..n / MONTH).map(|m| bill(&scenario, &course, &(m * MONTH..(m + 1) * MONTH)).total).collect(),
        tiers: tiers
            .map(|(tier, stored_bytes)| TierDays { name: tier.name.clone(), stored_bytes: whole(&stored_bytes) })
            .collect(),
        services: services(&scenario),
        per: has_ingest.then(|| per(&scenario, &course)),
        capacity: capacity(&scenario, &course),
        sampling: sampled,
        filtered,
        effects,
        notes: said.into_iter().chain(notes(&scenario)).collect(),
        prices: scenario.prices.clone(),
        steps: Vec::new(),
        movers: movers(&scenario),
        compare: Vec::new(),
        uncertainty: scenario.uncertainty.as_ref().map(|of| bands(&scenario, of)),
    };
    end.steps = steps(&scenario, &end);
    (scenario, end)
}

/// Parts of a byte are none.
fn whole(bytes: &[f64]) -> Vec<f64> {
    bytes.iter().map(|n| n.round()).collect()
}

/// A day of less says nothing of a day.
const DAY_HOURS: f64 = 24.0;
/// Two weeks at least say something of growth.
const ENOUGH_HOURS: f64 = 14.0 * DAY_HOURS;
/// Fewer bytes or row groups are a small sample.
const SMALL: (f64, u64) = (64e6, 8);

/// What is to be said of the figures before they are believed.
fn notes(scenario: &Scenario) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(basis) = scenario.measured {
        if basis.hours < DAY_HOURS {
            notes.push(format!("a day is scaled up from {:.1} h of records", basis.hours));
        } else if basis.hours < ENOUGH_HOURS && scenario.days > 60 {
            let days = basis.hours / DAY_HOURS;
            notes.push(format!(
                "{} days are told from {days:.1} days of records: growth and season are assumed",
                scenario.days
            ));
        }
        if basis.bytes < SMALL.0 || basis.groups < SMALL.1 {
            notes.push(format!(
                "small sample: the ratio is of {} row groups with {:.1} MB; 8 and 64 MB would be enough",
                basis.groups,
                basis.bytes / 1e6
            ));
        }
    } else if !scenario.ingest.is_empty() {
        notes.push("what comes in and its ratio are assumed, not measured".into());
    }
    for tier in scenario.tiers.iter().filter(|t| t.min_object_bytes > 0.0 && t.object_bytes.is_none()) {
        let least = tier.min_object_bytes / 1e3;
        notes.push(format!(
            "objects in {} are taken to have {least} kB or more: object_mb says how large they are",
            tier.name
        ));
    }
    notes
}

fn per(scenario: &Scenario, course: &Course) -> Per {
    let month = bill::last_month(scenario.days as usize);
    let total = bill::total(scenario, course, &month);
    let stored: f64 =
        month.clone().map(|day| course.stored(&scenario.tiers, day)).sum::<f64>() / month.len().max(1) as f64;
    let raw = course.raw_bytes(month);
    let by = |bytes: f64| if bytes > 0.0 { bill::cents(total / (bytes / TB)) } else { 0.0 };
    Per { raw_tb: by(raw), stored_tb: by(stored) }
}

/// What tiers cost, by what each service has in them. What nobody was named for is left out.
fn services(scenario: &Scenario) -> Vec<ServiceCost> {
    let month = bill::last_month(scenario.days as usize);
    let alone =
        |i: usize| Scenario { ingest: vec![scenario.ingest[i].clone()], before: Vec::new(), ..scenario.clone() };
    let by_signal: Vec<Vec<f64>> = (0..scenario.ingest.len())
        .map(|i| {
            let one = alone(i);
            means(&one, &Course::of(&one, Draw::NONE), &month).into_iter().map(|(mean, _)| mean).collect()
        })
        .collect();
    let mut all: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for (t, tier) in scenario.tiers.iter().enumerate() {
        let sum: f64 = by_signal.iter().map(|means| means[t]).sum();
        let amount = tier.storage(sum);
        for (ingest, means) in scenario.ingest.iter().zip(&by_signal) {
            for (name, share) in &ingest.services {
                let bytes = means[t] * share;
                let of = all.entry(name).or_default();
                of.0 += bytes;
                of.1 += if sum > 0.0 { amount * bytes / sum } else { 0.0 };
            }
        }
    }
    let mut all: Vec<ServiceCost> = all
        .into_iter()
        .map(|(name, (stored_bytes, amount))| ServiceCost {
            name: name.to_owned(),
            stored_bytes: stored_bytes.round(),
            amount: bill::cents(amount),
        })
        .collect();
    all.sort_by(|a, b| b.amount.total_cmp(&a.amount).then_with(|| b.stored_bytes.total_cmp(&a.stored_bytes)));
    all
}
