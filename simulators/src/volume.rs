//! How much lies where, day by day.

use crate::scenario::{Ingest, Scenario, Tier};
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

/// What is otherwise than was said: nothing, where the scenario itself is simulated.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw<'a> {
    /// Stored bytes are multiplied with it.
    pub stored: f64,
    /// Growth is multiplied with it.
    pub growth: f64,
    /// What comes in of each signal is multiplied with it; nothing said is 1.
    pub signals: &'a [f64],
    /// What comes in of each week is multiplied with it, again and again from the first on; nothing said is 1.
    pub weeks: &'a [f64],
}

impl Draw<'_> {
    pub const NONE: Self = Self { stored: 1.0, growth: 1.0, signals: &[], weeks: &[] };
}

/// What comes in over all days.
#[derive(Debug)]
pub(crate) struct Course {
    /// Raw bytes that came, day by day.
    raw: Vec<f64>,
    /// Of these, what is kept.
    kept_raw: Vec<f64>,
    /// What came until the end of each day and was kept, of one replica: what lies in a band of ages is a difference of two. It
    /// begins with what lay there before.
    kept_until: Vec<f64>,
    /// Days before day 0 that something is left of.
    n_before: usize,
}

impl Ingest {
    /// Raw bytes of a day, but for the day of the week.
    fn raw(&self, day: u64, growth: f64) -> f64 {
        let growth = self.growth_per_day * growth;
        let grown = if self.is_compound { (1.0 + growth).max(0.0).powi(day as i32) } else { 1.0 + growth * day as f64 };
        (self.bytes_per_day * grown).max(0.0)
    }
}

impl Course {
    pub fn of(scenario: &Scenario, draw: Draw<'_>) -> Self {
        let n = scenario.days as usize;
        let (mut raw, mut kept_raw, mut kept_until) =
            (vec![0.0; n], vec![0.0; n], Vec::with_capacity(n + scenario.before.len() + 1));
        let mut kept = vec![0.0; n];
        for (i, ingest) in scenario.ingest.iter().enumerate() {
            let times = draw.signals.get(i).copied().unwrap_or(1.0);
            let stored = ingest.keep * draw.stored / ingest.ratio;
            for day in 0..n {
                let came = ingest.raw(day as u64, draw.growth) * times;
                raw[day] += came;
                kept_raw[day] += came * ingest.keep;
                kept[day] += came * stored;
            }
        }
        let mut sum = 0.0;
        kept_until.push(sum);
        for bytes in scenario.before.iter().rev() {
            sum += bytes;
            kept_until.push(sum);
        }
        for day in 0..n {
            let week = if draw.weeks.is_empty() { 1.0 } else { draw.weeks[(day / 7) % draw.weeks.len()] };
            let times = scenario.weekday(day as u64) * week;
            raw[day] *= times;
            kept_raw[day] *= times;
            sum += kept[day] * times;
            kept_until.push(sum);
        }
        Self { raw, kept_raw, kept_until, n_before: scenario.before.len() }
    }

    /// What lies there at the end of a day of the arrivals that are at least `from` and less than `to` days old.
    pub fn between(&self, day: usize, from: u64, to: u64) -> f64 {
        let end = |age: u64| self.kept_until[(self.n_before + day + 1).saturating_sub(age as usize)];
        end(from) - end(to)
    }

    /// What lies in each tier at the end of each day, replicas included.
    pub fn tiers(&self, tiers: &[Tier]) -> Vec<Vec<f64>> {
        let mut from = 0;
        let one = |tier: &Tier| {
            let (begin, end) = (from, from + tier.days);
            from = end;
            (0..self.raw.len()).map(|day| self.between(day, begin, end) * tier.replicas).collect()
        };
        tiers.iter().map(one).collect()
    }

    /// What lies in all tiers at the end of a day, replicas included.
    pub fn stored(&self, tiers: &[Tier], day: usize) -> f64 {
        if tiers.is_empty() {
            // Nothing ever goes.
            return self.kept_until[self.n_before + day + 1];
        }
        let mut from = 0;
        let one = |tier: &Tier| {
            let (begin, end) = (from, from + tier.days);
            from = end;
            self.between(day, begin, end) * tier.replicas
        };
        tiers.iter().map(one).sum()
    }

    /// All days.
    pub fn days(&self, scenario: &Scenario) -> Vec<Day> {
        let ttl = scenario.ttl();
        let one = |day: usize| Day {
            day: day as u64,
            ingested_bytes: self.raw[day],
            dropped_bytes: self.raw[day] - self.kept_raw[day],
            stored_bytes: self.stored(&scenario.tiers, day),
            expired_bytes: if scenario.tiers.is_empty() { 0.0 } else { self.between(day, ttl, ttl + 1) },
        };
        (0..self.raw.len()).map(one).collect()
    }

    /// Raw bytes that came on these days.
    pub fn raw_bytes(&self, days: std::ops::Range<usize>) -> f64 {
        self.raw[days].iter().sum()
    }
}
