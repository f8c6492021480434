//! A scenario, simulated.

use crate::bill::{Bill, bill};
use crate::sampling::{Recorded, Sampled};
use crate::scenario::{Scenario, Used};
use crate::uncertainty::{Bands, bands};
use crate::volume::{Day, days};
use serde::Serialize;

/// What comes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Day by day.
    pub daily: Vec<Day>,
    /// A month, at the end.
    pub bill: Bill,
    /// What is kept of the recorded traces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampling: Option<Sampled>,
    /// Prices that are from the price book.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<Used>,
    /// How much the end hangs on what is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uncertainty: Option<Bands>,
}

/// Simulates a scenario; what it samples is sampled of what was recorded.
pub fn simulate(scenario: &Scenario, recorded: &Recorded) -> Outcome {
    let ratios: Vec<f64> = scenario.ingest.iter().map(|i| i.ratio).collect();
    let (daily, tiers) = days(scenario, &ratios);
    Outcome {
        daily: if scenario.ingest.is_empty() { Vec::new() } else { daily },
        bill: bill(scenario, &tiers),
        sampling: scenario.sampling.map(|rules| recorded.sampled(rules)),
        prices: scenario.prices.clone(),
        uncertainty: scenario.uncertainty.map(|of| bands(scenario, of)),
    }
}
