//! How much the end hangs on what is not known: the same scenario again and again with other ratios.

use crate::bill;
use crate::scenario::{Scenario, Uncertainty};
use crate::volume;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_distr::{Distribution as _, StandardNormal};
use serde::Serialize;

/// Nine in ten lie above the first, half above the second, one in ten above the third.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Band {
    /// The tenth percentile.
    pub p10: f64,
    /// The median.
    pub p50: f64,
    /// The ninetieth percentile.
    pub p90: f64,
}

/// Of what lies there at the end, and of the bill.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Bands {
    /// Bytes, replicas included.
    pub stored_bytes: Band,
    /// Money.
    pub total: Band,
}

/// Between the two values that a percentile lies between.
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let at = part * sorted.len().saturating_sub(1) as f64;
    let (low, high) = (at.floor() as usize, at.ceil() as usize);
    match (sorted.get(low), sorted.get(high)) {
        (Some(a), Some(b)) => a + (b - a) * at.fract(),
        _ => 0.0,
    }
}

fn band(mut values: Vec<f64>) -> Band {
    values.sort_by(f64::total_cmp);
    Band { p10: percentile(&values, 0.1), p50: percentile(&values, 0.5), p90: percentile(&values, 0.9) }
}

/// Draws a ratio for each run: the logarithm of what it is multiplied with is normal, and its median is one.
pub(crate) fn bands(scenario: &Scenario, of: Uncertainty) -> Bands {
    let mut random = ChaCha8Rng::seed_from_u64(scenario.seed);
    // One draw moves all signals alike, and all that lies there hangs on it as one: it is simulated once and scaled.
    let ratios: Vec<f64> = scenario.ingest.iter().map(|i| i.ratio).collect();
    let (days, tiers) = volume::days(scenario, &ratios);
    let end = days.last().map_or(0.0, |day| day.stored_bytes);
    let (mut stored, mut totals) = (Vec::new(), Vec::new());
    for _ in 0..of.runs {
        let normal: f64 = StandardNormal.sample(&mut random);
        let scale = (-of.ratio_sigma * normal).exp();
        stored.push(end * scale);
        let scaled: Vec<Vec<f64>> = tiers
            .iter()
            .map(|lies| lies[lies.len().saturating_sub(bill::MONTH)..].iter().map(|b| b * scale).collect())
            .collect();
        totals.push(bill::bill(scenario, &scaled).total);
    }
    Bands { stored_bytes: band(stored), total: band(totals) }
}
