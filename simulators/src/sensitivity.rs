//! What moves the bill: one thing after the other lower and higher, all others as they are.

use crate::bill;
use crate::scenario::{Price, Scenario};
use crate::volume::{Course, Draw};
use serde::Serialize;

/// One thing, and what the bill comes to with less and with more of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mover {
    /// What is moved.
    pub what: String,
    /// From where.
    pub low: String,
    /// To where.
    pub high: String,
    /// The bill at the one end.
    pub total_low: f64,
    /// The bill at the other.
    pub total_high: f64,
}

/// Where nothing else is known, what may come is from a tenth less to a quarter more.
const TRAFFIC: (f64, f64) = (0.9, 1.25);
/// Prices differ between regions and years.
const PRICE: f64 = 0.15;
/// Nine in ten of a normal lie below so many sigmas.
const NINE_IN_TEN: f64 = 1.281_551_6;

fn total(scenario: &Scenario) -> f64 {
    let n = scenario.days as usize;
    bill::total(scenario, &Course::of(scenario, Draw::NONE), &bill::last_month(n))
}

fn percent(factor: f64) -> String {
    format!("{:+.0} %", (factor - 1.0) * 100.0)
}

/// The largest first.
pub(crate) fn movers(scenario: &Scenario) -> Vec<Mover> {
    let mut all = Vec::new();
    let mut add = |what: String, low: String, high: String, change: &dyn Fn(&mut Scenario, bool)| {
        let at = |is_high: bool| {
            let mut other = scenario.clone();
            change(&mut other, is_high);
            total(&other)
        };
        all.push(Mover { what, low, high, total_low: at(false), total_high: at(true) });
    };
    if !scenario.ingest.is_empty() {
        add("traffic".into(), percent(TRAFFIC.0), percent(TRAFFIC.1), &|s, is_high| {
            s.ingest.iter_mut().for_each(|i| i.bytes_per_day *= if is_high { TRAFFIC.1 } else { TRAFFIC.0 });
        });
        let sigma = scenario.uncertainty.as_ref().map_or(0.0, |u| u.ratio_sigma);
        let factor = if sigma > 0.0 { (sigma * NINE_IN_TEN).exp() } else { 1.1 };
        // The better it is packed, the less it costs.
        add("compression".into(), format!("× {factor:.2}"), format!("÷ {factor:.2}"), &|s, is_high| {
            s.ingest.iter_mut().for_each(|i| i.ratio *= if is_high { 1.0 / factor } else { factor });
        });
        if scenario.ingest.iter().any(|i| i.growth_per_day != 0.0) {
            add("growth".into(), "none".into(), "twice".into(), &|s, is_high| {
                s.ingest.iter_mut().for_each(|i| i.growth_per_day *= if is_high { 2.0 } else { 0.0 });
            });
        }
        for (i, ingest) in scenario.ingest.iter().enumerate() {
            if ingest.keep > 0.0 && ingest.keep < 1.0 {
                let (low, high) = (ingest.keep / 2.0, (ingest.keep * 2.0).min(1.0));
                let text = |keep: f64| format!("{:.0} %", keep * 100.0);
                add(format!("{} kept", ingest.signal), text(low), text(high), &|s, is_high| {
                    s.ingest[i].keep = if is_high { high } else { low };
                });
            }
        }
    }
    for (i, tier) in scenario.tiers.iter().enumerate() {
        let (low, high) = ((tier.days / 2).max(1), tier.days * 2);
        add(format!("days in {}", tier.name), low.to_string(), high.to_string(), &|s, is_high| {
            s.tiers[i].days = if is_high { high } else { low };
        });
        if tier.price != Price::Flat(0.0) {
            add(format!("price of {}", tier.name), percent(1.0 - PRICE), percent(1.0 + PRICE), &|s, is_high| {
                let price = s.tiers[i].price.clone();
                s.tiers[i].price = price.times(if is_high { 1.0 + PRICE } else { 1.0 - PRICE });
            });
        }
        if tier.read_per_month > 0.0 {
            add(format!("reads of {}", tier.name), "none".into(), "twice".into(), &|s, is_high| {
                s.tiers[i].read_per_month *= if is_high { 2.0 } else { 0.0 };
            });
        }
    }
    for (i, line) in scenario.lines.iter().enumerate() {
        add(line.name.clone(), percent(0.9), percent(1.1), &|s, is_high| {
            s.lines[i].quantity *= if is_high { 1.1 } else { 0.9 };
        });
    }
    let width = |m: &Mover| (m.total_high - m.total_low).abs();
    all.sort_by(|a, b| width(b).total_cmp(&width(a)));
    all
}
