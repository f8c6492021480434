//! How much the end hangs on what is not known: the same scenario again and again with other ratios, weeks, growth and services.

use crate::bill::{self, cents};
use crate::scenario::{Scenario, Uncertainty};
use crate::volume::{Course, Draw};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;
use rand_distr::{Distribution as _, StandardNormal, Uniform};
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
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bands {
    /// Bytes, replicas included.
    pub stored_bytes: Band,
    /// Money.
    pub total: Band,
    /// Bytes day by day, replicas included.
    pub daily: Vec<Band>,
}

/// Between the two values that a percentile lies between; the values are put in another order.
fn percentile(values: &mut [f64], part: f64) -> f64 {
    let at = part * values.len().saturating_sub(1) as f64;
    let low = at.floor() as usize;
    if low >= values.len() {
        return 0.0;
    }
    let (_, value, above) = values.select_nth_unstable_by(low, f64::total_cmp);
    let next = above.iter().copied().min_by(f64::total_cmp).unwrap_or(*value);
    *value + (next - *value) * at.fract()
}

fn band(values: &mut [f64]) -> Band {
    Band { p10: percentile(values, 0.1), p50: percentile(values, 0.5), p90: percentile(values, 0.9) }
}

/// Draws for each run what it is multiplied with: the logarithm of ratios and services is normal with a median of one, growth is
/// normal around what was said, and weeks are those that were.
pub(crate) fn bands(scenario: &Scenario, of: &Uncertainty) -> Bands {
    let mut random = ChaCha8Rng::seed_from_u64(scenario.seed);
    let n = scenario.days as usize;
    let (mut totals, mut daily) = (Vec::new(), vec![Vec::with_capacity(of.runs as usize); n]);
    let month = bill::last_month(n);
    let (mut signals, mut weeks) = (Vec::new(), Vec::new());
    for _ in 0..of.runs {
        let mut normal = || -> f64 { StandardNormal.sample(&mut random) };
        let stored = (-of.ratio_sigma * normal()).exp();
        let growth = if of.growth_sigma > 0.0 { 1.0 + of.growth_sigma * normal() } else { 1.0 };
        signals.clear();
        if of.service_sigma > 0.0 {
            // What comes from nobody by name comes as it was said.
            signals.extend(scenario.ingest.iter().map(|ingest| {
                ingest
                    .services
                    .iter()
                    .fold(1.0, |sum, (_, share)| sum + share * ((of.service_sigma * normal()).exp() - 1.0))
            }));
        }
        weeks.clear();
        if let Ok(first) = Uniform::new(0, of.weeks.len()) {
            while weeks.len() < n.div_ceil(7) {
                let first = first.sample(&mut random);
                weeks.extend((0..of.block as usize).map(|i| of.weeks[(first + i) % of.weeks.len()]));
            }
        }
        let course = Course::of(scenario, Draw { stored, growth, signals: &signals, weeks: &weeks });
        for (day, values) in daily.iter_mut().enumerate() {
            values.push(course.stored(&scenario.tiers, day));
        }
        totals.push(bill::total(scenario, &course, &month));
    }
    // Parts of a byte are none.
    let whole = |of: Band| Band { p10: of.p10.round(), p50: of.p50.round(), p90: of.p90.round() };
    let daily: Vec<Band> = daily.iter_mut().map(|values| whole(band(values))).collect();
    let none = Band { p10: 0.0, p50: 0.0, p90: 0.0 };
    let stored_bytes = daily.last().copied().filter(|_| !scenario.ingest.is_empty()).unwrap_or(none);
    let daily = if scenario.ingest.is_empty() { Vec::new() } else { daily };
    let total = band(&mut totals);
    let total = Band { p10: cents(total.p10), p50: cents(total.p50), p90: cents(total.p90) };
    Bands { stored_bytes, total, daily }
}
