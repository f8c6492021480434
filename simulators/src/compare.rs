//! One scenario beside another: what is saved, and from where on.

use crate::bill;
use crate::outcome::Outcome;
use crate::scenario::Scenario;
use crate::volume::{Course, Draw};
use serde::Serialize;

/// A variant, and what comes of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Compared {
    /// What it is called.
    pub name: String,
    /// What a month costs less at the end.
    pub saved: f64,
    /// Of what a month costs now.
    pub saved_share: f64,
    /// What it costs to go there, once.
    pub one_off: f64,
    /// From where on it is worth it.
    pub break_even: BreakEven,
    /// All of it.
    pub outcome: Outcome,
}

/// From where on a variant is worth it; nothing where it never is, or always.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct BreakEven {
    /// The month after which as much is saved as it cost to go there, from 1 on.
    pub month: Option<u64>,
    /// With so many times as much coming in, both cost the same.
    pub volume: Option<f64>,
    /// With all ratios of the variant so many times as good, both cost the same.
    pub ratio: Option<f64>,
}

/// Where a function changes its sign between a millionth and a million, if it does.
fn root(f: impl Fn(f64) -> f64) -> Option<f64> {
    let (mut low, mut high) = (1e-6_f64.ln(), 1e6_f64.ln());
    let (at_low, at_high) = (f(low.exp()), f(high.exp()));
    if at_low == 0.0 || at_high == 0.0 || (at_low > 0.0) == (at_high > 0.0) {
        return None;
    }
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if (f(middle.exp()) > 0.0) == (at_low > 0.0) { low = middle } else { high = middle }
    }
    Some(low.exp())
}

fn total(scenario: &Scenario, change: impl Fn(&mut Scenario)) -> f64 {
    let mut scenario = scenario.clone();
    change(&mut scenario);
    let days = bill::last_month(scenario.days as usize);
    bill::total(&scenario, &Course::of(&scenario, Draw::NONE), &days)
}

pub(crate) fn compared(name: &str, one_off: f64, base: (&Scenario, &Outcome), other: (&Scenario, Outcome)) -> Compared {
    let (a, b) = (base.0, other.0);
    let saved = ((base.1.bill.total - other.1.bill.total) * 100.0).round() / 100.0;
    let saved_share = if base.1.bill.total > 0.0 { saved / base.1.bill.total } else { 0.0 };
    let mut sum = -one_off;
    let months = base.1.months.iter().zip(&other.1.months).position(|(a, b)| {
        sum += a - b;
        sum >= 0.0
    });
    let volume = root(|times| {
        let more = |s: &mut Scenario| s.ingest.iter_mut().for_each(|i| i.bytes_per_day *= times);
        total(a, more) - total(b, more)
    });
    let now = total(a, |_| {});
    let ratio = root(|times| now - total(b, |s| s.ingest.iter_mut().for_each(|i| i.ratio *= times)));
    let break_even = BreakEven { month: months.map(|i| i as u64 + 1), volume, ratio };
    Compared { name: name.to_owned(), saved, saved_share, one_off, break_even, outcome: other.1 }
}
