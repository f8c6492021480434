//! How much lies where, day by day.

use crate::scenario::{Ingest, Scenario};
use serde::Serialize;

/// One day, at its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Day {
    /// From 0 on.
    pub day: u64,
    /// Raw bytes that came.
    pub ingested_bytes: f64,
    /// Of these, raw bytes that were not kept.
    pub dropped_bytes: f64,
    /// Bytes that lie there, replicas included.
    pub stored_bytes: f64,
    /// Bytes whose time was over, of one replica.
    pub expired_bytes: f64,
}

impl Ingest {
    /// Raw bytes of a day.
    pub(crate) fn raw(&self, day: u64) -> f64 {
        (self.bytes_per_day * (1.0 + self.growth_per_day * day as f64)).max(0.0)
    }
}

/// All days, and what lies in each tier at the end of each, replicas included; `ratios` are those of the signals.
pub(crate) fn days(scenario: &Scenario, ratios: &[f64]) -> (Vec<Day>, Vec<Vec<f64>>) {
    let n = scenario.days as usize;
    let mut all = Vec::with_capacity(n);
    // What came until the end of each day and was kept, of one replica: what lies in a band of ages is a difference of two.
    let mut kept_until = Vec::with_capacity(n + 1);
    kept_until.push(0.0);
    for day in 0..scenario.days {
        let (mut raw, mut kept_raw, mut kept) = (0.0, 0.0, 0.0);
        for (ingest, ratio) in scenario.ingest.iter().zip(ratios) {
            let came = ingest.raw(day);
            raw += came;
            kept_raw += came * ingest.keep;
            kept += came * ingest.keep / ratio;
        }
        let before = kept_until.last().copied().unwrap_or(0.0);
        kept_until.push(before + kept);
        all.push(Day {
            day,
            ingested_bytes: raw,
            dropped_bytes: raw - kept_raw,
            stored_bytes: 0.0,
            expired_bytes: 0.0,
        });
    }
    // Of the arrivals of days that lie so far back, from the youngest to the oldest.
    let between = |day: usize, from: u64, to: u64| {
        let end = |age: u64| kept_until[(day + 1).saturating_sub(age as usize)];
        end(from) - end(to)
    };
    let mut tiers = vec![Vec::with_capacity(n); scenario.tiers.len()];
    for (i, day) in all.iter_mut().enumerate() {
        let mut from = 0;
        for (tier, lies) in scenario.tiers.iter().zip(&mut tiers) {
            let bytes = between(i, from, from + tier.days) * tier.replicas;
            lies.push(bytes);
            day.stored_bytes += bytes;
            from += tier.days;
        }
        if scenario.tiers.is_empty() {
            // Nothing ever goes.
            day.stored_bytes = kept_until[i + 1];
        } else {
            day.expired_bytes = between(i, from, from + 1);
        }
    }
    (all, tiers)
}
