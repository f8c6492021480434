//! A scenario: what comes in, how long it is kept where, what that costs, what is sampled away.

use crate::capacity::Machines;
use crate::error::ScenarioError;
use crate::file;
use crate::prices::{Book, Confidence};
use crate::read::{Reading, Table};
use crate::sample::Order;
use crate::shape::Shape;
use serde::Serialize;
use sextant_model::Signal;

/// What comes in of a signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Ingest {
    /// Of this signal.
    pub signal: Signal,
    /// Raw bytes of day 0.
    pub bytes_per_day: f64,
    /// Raw bytes to stored bytes.
    pub ratio: f64,
    /// Day `d` brings `bytes_per_day · (1 + growth_per_day · d)`, or `· (1 + growth_per_day)^d`.
    pub growth_per_day: f64,
    /// Whether growth is on what has grown already.
    pub is_compound: bool,
    /// The share that is kept.
    pub keep: f64,
    /// Which share of it each service sends.
    pub services: Vec<(String, f64)>,
    /// What is otherwise than it lies there now.
    pub rewrite: Rewrite,
}

/// How a signal is written otherwise than it lies there now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rewrite {
    /// Packed so, by one of the names of [`sextant_columns::PACKINGS`].
    pub packing: Option<String>,
    /// In this order.
    pub order: Order,
    /// Attributes are shaped.
    pub shapes: Vec<Shape>,
    /// Only these have a column of their own.
    pub promoted: Option<Vec<String>>,
}

/// How much is left of a signal if it is rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Effect {
    /// Of its raw bytes.
    pub raw: f64,
    /// Of its stored bytes.
    pub stored: f64,
}

/// A band of ages, and what a byte costs in it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tier {
    /// What it is called on the bill.
    pub name: String,
    /// A record stays in it for so many days.
    pub days: u64,
    /// For 10⁹ bytes and a month.
    pub price: Price,
    /// GB that are not paid for.
    pub free: f64,
    /// What goes earlier is paid for so many days.
    pub min_days: f64,
    /// How often each byte lies in it.
    pub replicas: f64,
    /// Objects are so large, in bytes, if that matters.
    pub object_bytes: Option<f64>,
    /// Smaller ones are paid for as if they had so many bytes.
    pub min_object_bytes: f64,
    /// Each object has so many bytes more.
    pub object_overhead_bytes: f64,
    /// For 1,000 objects that come into it.
    pub price_per_1000_objects: f64,
    /// For a GB that is read out of it.
    pub price_per_gb_read: f64,
    /// The share of what lies there that is read in a month.
    pub read_per_month: f64,
    /// How it is called on the bill of who sells it.
    pub billed_as: Option<String>,
}

/// A price up to a quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Step {
    /// It ends here; the last has no end.
    pub up_to: Option<f64>,
    /// For one.
    pub price: f64,
}

/// What one costs.
#[derive(Debug, Clone, PartialEq)]
pub enum Price {
    /// Always the same.
    Flat(f64),
    /// Less or more with the quantity: each part at its own price.
    Graduated(Vec<Step>),
}

/// What a quantity is made of before it is paid for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Itself.
    None,
    /// Whole ones that are full.
    Down,
    /// Whole ones, the half upwards.
    Nearest,
}

/// Another line of the bill.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is called there.
    pub name: String,
    /// So much.
    pub quantity: f64,
    /// What one costs.
    pub price: Price,
    /// Not paid for, of the rounded quantity.
    pub free: f64,
    /// How the quantity is rounded.
    pub rounding: Rounding,
    /// How it is called on the bill of who sells it.
    pub billed_as: Option<String>,
}

/// Which traces are kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// The share that is kept whatever they are, by their id.
    pub head: f64,
    /// Whether all with an error are kept.
    pub keep_errors: bool,
    /// All that are longer are kept, nanoseconds.
    pub slower_than: Option<i64>,
    /// Asked one after the other, before all others; the first that a trace has a span for decides.
    pub rules: Vec<Rule>,
    /// Whether what comes in is less by what is sampled away.
    pub is_applied: bool,
}

/// A rule of sampling.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// The search that a span of the trace is found by.
    pub search: String,
    /// The share that is kept of its traces, by their ids.
    pub keep: f64,
}

/// Log records that are left out by what they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter {
    /// The search that they are found by.
    pub search: String,
    /// The share of them that is kept.
    pub keep: f64,
}

/// How much is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct Uncertainty {
    /// How often it is drawn.
    pub runs: u64,
    /// The spread of the ratio, whose logarithm is normal.
    pub ratio_sigma: f64,
    /// How much past weeks brought, each as a multiple of what was expected: weeks to come are drawn from them.
    pub weeks: Vec<f64>,
    /// Weeks that are drawn together.
    pub block: u64,
    /// The spread of growth, as a part of it.
    pub growth_sigma: f64,
    /// The spread of what each service sends, whose logarithm is normal.
    pub service_sigma: f64,
}

/// What the inputs were measured on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Basis {
    /// So many hours of records.
    pub hours: f64,
    /// Row groups that were read.
    pub groups: u64,
    /// Bytes of these, as they lie there.
    pub bytes: f64,
}

/// The same scenario with something else in some places.
#[derive(Debug, Clone, PartialEq)]
pub struct Variant {
    /// What it is called.
    pub name: String,
    /// Which places have which value.
    pub set: Vec<(String, toml::Value)>,
    /// What it costs to go there, once.
    pub one_off: f64,
}

/// A price of the book that a scenario uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Used {
    /// What it is called.
    pub sku: String,
    /// What it is.
    pub service: String,
    /// What one is.
    pub unit: String,
    /// What one costs, in the currency of the book; nothing where that goes with the quantity.
    pub price: Option<f64>,
    /// Of that price.
    pub currency: String,
    /// The day on which that was so.
    pub as_of: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Whole days, from day 0 on.
    pub days: u64,
    /// What came on each day before day 0 and lies there, of one replica; yesterday first.
    pub before: Vec<f64>,
    /// Of what is drawn.
    pub seed: u64,
    /// Of all prices.
    pub currency: String,
    /// What comes in.
    pub ingest: Vec<Ingest>,
    /// How much a day of the week brings of the mean, from Monday on.
    pub weekdays: [f64; 7],
    /// Which of them is day 0.
    pub first_weekday: usize,
    /// In the order in which a record passes through.
    pub tiers: Vec<Tier>,
    /// Other lines of the bill.
    pub lines: Vec<Line>,
    /// What is paid in a month in any case.
    pub commitment: f64,
    /// What is sampled.
    pub sampling: Option<Sampling>,
    /// Log records that are left out; the first that finds one decides.
    pub filters: Vec<Filter>,
    /// What is not known.
    pub uncertainty: Option<Uncertainty>,
    /// What the inputs were measured on.
    pub measured: Option<Basis>,
    /// What machines are planned by.
    pub machines: Machines,
    /// What it is compared with.
    pub variants: Vec<Variant>,
    /// Prices that are from the book.
    pub prices: Vec<Used>,
}

impl Scenario {
    /// Reads one, with the prices that are shipped.
    ///
    /// # Errors
    /// All that is wrong with it, each with line, column and key.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        Self::priced(text, &Book::shipped()?)
    }

    /// The same with prices of a book.
    ///
    /// # Errors
    /// As [`Scenario::parse`].
    pub fn priced(text: &str, book: &Book) -> Result<Self, ScenarioError> {
        let reading = Reading::of(text);
        let file = reading.parse()?;
        let whole = Table::whole(&reading, file.get_ref());
        let scenario = file::scenario(&whole, book);
        reading.wrong().map_or(Ok(scenario), Err)
    }

    /// The raw share of a day of the week.
    pub(crate) fn weekday(&self, day: u64) -> f64 {
        self.weekdays[(self.first_weekday + (day % 7) as usize) % 7]
    }

    /// The names of tiers and lines, and how they are called on a bill, where that is said.
    pub(crate) fn billed_as(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        let tiers = self.tiers.iter().map(|tier| (tier.name.as_str(), tier.billed_as.as_deref()));
        tiers.chain(self.lines.iter().map(|line| (line.name.as_str(), line.billed_as.as_deref())))
    }

    /// What each filter finds that none before it does, as searches.
    pub(crate) fn filtering(&self) -> Vec<String> {
        let one = |i: usize| {
            let before = self.filters[..i].iter().map(|before| format!(" NOT ({})", before.search));
            std::iter::once(format!("({})", self.filters[i].search)).chain(before).collect()
        };
        (0..self.filters.len()).map(one).collect()
    }

    /// A record is gone after so many days.
    pub fn ttl(&self) -> u64 {
        self.tiers.iter().map(|tier| tier.days).sum()
    }
}
