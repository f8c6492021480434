//! What it costs: a line for each tier, and the other lines, each rounded to the cent.

use crate::scenario::{Line, Price, Rounding, Scenario};
use serde::Serialize;

/// A tier is billed on the mean of so many days.
pub(crate) const MONTH: usize = 30;
/// Bytes of a GB.
const GB: f64 = 1e9;

/// A line of a bill.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BillLine {
    /// For what.
    pub name: String,
    /// How much.
    pub amount: f64,
}

/// What a month costs, at the end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bill {
    /// One a tier, then the others.
    pub lines: Vec<BillLine>,
    /// Their sum.
    pub total: f64,
    /// Of all amounts.
    pub currency: String,
}

/// Rounded to the cent, the half upwards. Prices are decimal and doubles are not: what lies a trillionth below a half is meant as
/// one.
pub fn cents(amount: f64) -> f64 {
    (amount * 100.0 * (1.0 + 1e-12) + 0.5).floor() / 100.0
}

impl Line {
    /// What it comes to, before it is rounded.
    pub(crate) fn amount(&self) -> f64 {
        let rounded = match self.rounding {
            Rounding::None => self.quantity,
            Rounding::Down => self.quantity.floor(),
            Rounding::Nearest => (self.quantity + 0.5).floor(),
        };
        self.price.of((rounded - self.free).max(0.0))
    }
}

impl Price {
    /// What so much costs.
    fn of(&self, quantity: f64) -> f64 {
        match self {
            Self::Flat(price) => quantity * price,
            Self::Graduated(steps) => {
                let (mut from, mut amount) = (0.0, 0.0);
                for step in steps {
                    let to = step.up_to.unwrap_or(f64::INFINITY).min(quantity);
                    amount += (to - from).max(0.0) * step.price;
                    from = step.up_to.unwrap_or(f64::INFINITY);
                }
                amount
            }
        }
    }
}

/// The bill for what lies in each tier, day by day.
pub(crate) fn bill(scenario: &Scenario, tiers: &[Vec<f64>]) -> Bill {
    let tier = |(tier, days): (&crate::scenario::Tier, &Vec<f64>)| {
        let last = &days[days.len().saturating_sub(MONTH)..];
        let mean = if last.is_empty() { 0.0 } else { last.iter().sum::<f64>() / last.len() as f64 };
        // What goes before its time is paid for all of it.
        let longer = (tier.min_days / tier.days as f64).max(1.0);
        let amount = tier.price.of((mean / GB * longer - tier.free).max(0.0));
        BillLine { name: tier.name.clone(), amount: cents(amount) }
    };
    let other = |line: &Line| BillLine { name: line.name.clone(), amount: cents(line.amount()) };
    let lines: Vec<BillLine> =
        scenario.tiers.iter().zip(tiers).map(tier).chain(scenario.lines.iter().map(other)).collect();
    // Of cents, so that the sum is what a hand would write.
    let total = (lines.iter().map(|l| (l.amount * 100.0).round()).sum::<f64>()) / 100.0;
    Bill { lines, total, currency: scenario.currency.clone() }
}
