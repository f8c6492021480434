//! What it costs: a line for each tier, and the other lines, each rounded to the cent.

use crate::scenario::{Line, Price, Rounding, Scenario, Tier};
use crate::volume::Course;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A tier is billed on the mean of so many days.
pub(crate) const MONTH: usize = 30;
/// Bytes of a GB.
const GB: f64 = 1e9;

/// A line of a bill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BillLine {
    /// For what.
    pub name: String,
    /// How much.
    pub amount: f64,
}

/// What a month costs, at the end.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
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

    /// The same, so many times as dear.
    pub(crate) fn times(mut self, factor: f64) -> Self {
        match &mut self {
            Self::Flat(price) => *price *= factor,
            Self::Graduated(steps) => steps.iter_mut().for_each(|step| step.price *= factor),
        }
        self
    }
}

impl Tier {
    /// How many bytes are paid for where one lies: small objects are paid for as larger ones.
    fn paid(&self) -> f64 {
        match self.object_bytes {
            Some(bytes) => (bytes.max(self.min_object_bytes) + self.object_overhead_bytes) / bytes,
            None => 1.0,
        }
    }

    /// What its bytes cost in a month: the mean of what lay there.
    pub(crate) fn storage(&self, mean: f64) -> f64 {
        // What goes before its time is paid for all of it.
        let longer = (self.min_days / self.days as f64).max(1.0);
        self.price.of((mean * self.paid() / GB * longer - self.free).max(0.0))
    }

    /// What else a month in it costs: objects that came into it, and what was read out of it.
    fn more(&self, mean: f64, came: f64) -> impl Iterator<Item = (&'static str, f64)> {
        let objects = self.object_bytes.map_or(0.0, |bytes| came * self.replicas / bytes);
        let moved = objects / 1000.0 * self.price_per_1000_objects;
        let read = mean / self.replicas * self.read_per_month / GB * self.price_per_gb_read;
        [("moved in", moved), ("read", read)].into_iter().filter(|(_, amount)| *amount > 0.0)
    }
}

/// The last month.
pub(crate) fn last_month(days: usize) -> Range<usize> {
    days.saturating_sub(MONTH)..days
}

fn mean(course: &Course, days: Range<usize>, from: u64, to: u64) -> f64 {
    let n = days.len();
    if n == 0 { 0.0 } else { days.map(|day| course.between(day, from, to)).sum::<f64>() / n as f64 }
}

/// What lay in each tier in the mean of some days, replicas included, and the bytes that came into it, of one.
pub(crate) fn means(scenario: &Scenario, course: &Course, days: &Range<usize>) -> Vec<(f64, f64)> {
    let mut from = 0;
    let one = |tier: &Tier| {
        let (begin, end) = (from, from + tier.days);
        from = end;
        let came = days.clone().map(|day| course.between(day, begin, begin + 1)).sum();
        (mean(course, days.clone(), begin, end) * tier.replicas, came)
    };
    scenario.tiers.iter().map(one).collect()
}

/// The bill of some days.
pub(crate) fn bill(scenario: &Scenario, course: &Course, days: &Range<usize>) -> Bill {
    let line = |name: String, amount: f64| BillLine { name, amount: cents(amount) };
    let means = means(scenario, course, days);
    let tiers = || scenario.tiers.iter().zip(&means);
    let mut lines: Vec<BillLine> =
        tiers().map(|(tier, (mean, _))| line(tier.name.clone(), tier.storage(*mean))).collect();
    for (tier, (mean, came)) in tiers() {
        lines.extend(tier.more(*mean, *came).map(|(what, amount)| line(format!("{}, {what}", tier.name), amount)));
    }
    lines.extend(scenario.lines.iter().map(|other| line(other.name.clone(), other.amount())));
    // Of cents, so that the sum is what a hand would write.
    let sum = |lines: &[BillLine]| lines.iter().map(|l| (l.amount * 100.0).round()).sum::<f64>() / 100.0;
    let unused = scenario.commitment - sum(&lines);
    if unused > 0.0 {
        lines.push(line("commitment, not used".into(), unused));
    }
    Bill { total: sum(&lines), lines, currency: scenario.currency.clone() }
}

/// What it comes to without its lines, the cents of each line included.
pub(crate) fn total(scenario: &Scenario, course: &Course, days: &Range<usize>) -> f64 {
    let mut from = 0;
    let mut hundredths = 0.0;
    let mut add = |amount: f64| hundredths += (cents(amount) * 100.0).round();
    for tier in &scenario.tiers {
        let (begin, end) = (from, from + tier.days);
        from = end;
        let mean = mean(course, days.clone(), begin, end) * tier.replicas;
        add(tier.storage(mean));
        let came = days.clone().map(|day| course.between(day, begin, begin + 1)).sum();
        tier.more(mean, came).for_each(|(_, amount)| add(amount));
    }
    scenario.lines.iter().for_each(|line| add(line.amount()));
    (hundredths / 100.0).max(cents(scenario.commitment))
}
