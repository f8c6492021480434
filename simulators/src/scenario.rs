//! A scenario: what comes in, how long it is kept where, what that costs, what is sampled away.

use crate::error::ScenarioError;
use crate::prices::{Book, Confidence, GB_MONTH, Sku};
use crate::read::{Reading, Span, Table};
use serde::Serialize;
use sextant_model::{DurationNanos, Signal};

/// More days are no plan.
const MAX_DAYS: f64 = 36_500.0;
/// More runs tell nothing more.
const MAX_RUNS: f64 = 100_000.0;
/// Runs where none are said.
const RUNS: u64 = 2_000;

/// What comes in of a signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Ingest {
    /// Of this signal.
    pub signal: Signal,
    /// Raw bytes of day 0.
    pub bytes_per_day: f64,
    /// Raw bytes to stored bytes.
    pub ratio: f64,
    /// Day `d` brings `bytes_per_day · (1 + growth_per_day · d)`.
    pub growth_per_day: f64,
    /// The share that is kept.
    pub keep: f64,
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
}

/// Which traces are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// The share that is kept whatever they are, by their id.
    pub head: f64,
    /// Whether all with an error are kept.
    pub keep_errors: bool,
    /// All that are longer are kept, nanoseconds.
    pub slower_than: Option<i64>,
}

/// How much is not known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Uncertainty {
    /// How often it is drawn.
    pub runs: u64,
    /// The spread of the ratio, whose logarithm is normal.
    pub ratio_sigma: f64,
}

/// A price of the book that a scenario uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Used {
    /// What it is called.
    pub sku: String,
    /// What it is.
    pub service: String,
    /// The day on which that was so.
    pub as_of: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Whole days, from an empty store on.
    pub days: u64,
    /// Of what is drawn.
    pub seed: u64,
    /// Of all prices.
    pub currency: String,
    /// What comes in.
    pub ingest: Vec<Ingest>,
    /// In the order in which a record passes through.
    pub tiers: Vec<Tier>,
    /// Other lines of the bill.
    pub lines: Vec<Line>,
    /// What is sampled.
    pub sampling: Option<Sampling>,
    /// What is not known.
    pub uncertainty: Option<Uncertainty>,
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
        let scenario = read(&whole, book);
        reading.wrong().map_or(Ok(scenario), Err)
    }

    /// A record is gone after so many days.
    pub fn ttl(&self) -> u64 {
        self.tiers.iter().map(|tier| tier.days).sum()
    }
}

fn read(whole: &Table<'_, '_>, book: &Book) -> Scenario {
    let mut prices = Vec::new();
    let days = whole.whole_number("days", Span(1.0, MAX_DAYS));
    let seed = whole.whole_number("seed", Span::AMOUNT).unwrap_or(1);
    let currency = whole.text("currency").unwrap_or("USD").to_owned();
    let mut ingest = Vec::new();
    if let Some(all) = whole.table("ingest") {
        for signal in Signal::ALL {
            if let Some(of) = all.table(signal.name()) {
                ingest.extend(read_ingest(&of, signal));
                of.end();
            }
        }
        all.end();
    }
    let tiers: Vec<Tier> = whole.tables("tier").iter().filter_map(|of| read_tier(of, book, &mut prices)).collect();
    let lines: Vec<Line> = whole.tables("line").iter().filter_map(|of| read_line(of, book, &mut prices)).collect();
    let sampling = whole.table("sampling").map(|of| read_sampling(&of));
    let uncertainty = whole.table("uncertainty").map(|of| {
        let runs = of.whole_number("runs", Span(1.0, MAX_RUNS)).unwrap_or(RUNS);
        let ratio_sigma = of.number("ratio_sigma", Span(0.0, 5.0)).unwrap_or(0.0);
        of.end();
        Uncertainty { runs, ratio_sigma }
    });
    if !["ingest", "line", "sampling"].into_iter().any(|name| whole.has(name)) {
        whole.wrong("", "there is nothing to simulate: it needs one of [ingest.traces], [[line]], [sampling]");
    }
    if whole.has("tier") && !whole.has("ingest") {
        whole.wrong("tier", "nothing comes into it: there is no [ingest.traces], [ingest.logs] or [ingest.metrics]");
    }
    if whole.has("ingest") && !whole.has("days") {
        whole.wrong("days", "it is missing: for how many days does it come in?");
    }
    whole.end();
    Scenario { days: days.unwrap_or(1), seed, currency, ingest, tiers, lines, sampling, uncertainty, prices }
}

fn read_ingest(of: &Table<'_, '_>, signal: Signal) -> Option<Ingest> {
    let bytes_per_day = of.must("bytes_per_day", Span::AMOUNT);
    let ratio = of.must("ratio", Span(f64::MIN_POSITIVE, 1e6));
    let growth_per_day = of.number("growth_per_day", Span(-1.0, 1e3)).unwrap_or(0.0);
    let keep = of.number("keep", Span::SHARE).unwrap_or(1.0);
    Some(Ingest { signal, bytes_per_day: bytes_per_day?, ratio: ratio?, growth_per_day, keep })
}

/// What the book has of the name that is said, if one is.
fn booked<'b>(of: &Table<'_, '_>, book: &'b Book, prices: &mut Vec<Used>) -> Option<&'b Sku> {
    let name = of.text("sku")?;
    let Some(sku) = book.get(name) else {
        of.wrong("sku", format!("'{name}' has no price; {}", book.near(name)));
        return None;
    };
    let (as_of, confidence) = (sku.as_of.clone(), sku.confidence);
    let used = Used { sku: sku.sku.clone(), service: sku.service.clone(), as_of, confidence };
    if !prices.contains(&used) {
        prices.push(used);
    }
    Some(sku)
}

fn read_tier(of: &Table<'_, '_>, book: &Book, prices: &mut Vec<Used>) -> Option<Tier> {
    let name = of.text("name");
    if name.is_none() && !of.has("name") {
        of.wrong("name", "it is missing: what is the tier called?");
    }
    if !of.has("days") {
        of.wrong("days", "it is missing: how long does a record stay in this tier?");
    }
    let days = of.whole_number("days", Span(1.0, MAX_DAYS));
    let said = of.number("price_per_gb_month", Span::AMOUNT);
    let sku = booked(of, book, prices);
    if of.has("sku") && of.has("price_per_gb_month") {
        of.wrong("sku", "a tier has a price or the name of one, not both");
    }
    if let Some(sku) = sku.filter(|sku| sku.unit != GB_MONTH) {
        of.wrong("sku", format!("'{}' is paid by {}, and a tier by {GB_MONTH}", sku.sku, sku.unit));
    }
    let (price, free, min_days) = match sku {
        Some(sku) => (sku.price.clone(), sku.free, sku.min_days),
        None => (Price::Flat(said.unwrap_or(0.0)), 0.0, 0.0),
    };
    let replicas = of.number("replicas", Span(1.0, 100.0)).unwrap_or(1.0);
    of.end();
    Some(Tier { name: name?.to_owned(), days: days?, price, free, min_days, replicas })
}

fn read_line(of: &Table<'_, '_>, book: &Book, prices: &mut Vec<Used>) -> Option<Line> {
    let name = of.text("name");
    if name.is_none() && !of.has("name") {
        of.wrong("name", "it is missing: what is the line called?");
    }
    let quantity = of.must("quantity", Span::AMOUNT);
    let sku = booked(of, book, prices);
    let price = match (of.has("price"), of.has("tiers"), of.has("sku")) {
        (true, false, false) => of.number("price", Span::AMOUNT).map(Price::Flat),
        (false, true, false) => steps(of),
        (false, false, true) => sku.map(|sku| sku.price.clone()),
        (_, true, _) => {
            of.wrong("tiers", "a line has a price, tiers or the name of a price, and one of these only");
            None
        }
        (true, _, true) => {
            of.wrong("sku", "a line has a price, tiers or the name of a price, and one of these only");
            None
        }
        (false, false, false) => {
            of.wrong("price", "it is missing: what does one cost?");
            None
        }
    };
    let free = of.number("free", Span::AMOUNT).or(sku.map(|sku| sku.free)).unwrap_or(0.0);
    let roundings = [("none", Rounding::None), ("down", Rounding::Down), ("nearest", Rounding::Nearest)];
    let rounding = of.word("round_quantity", &roundings).unwrap_or(Rounding::None);
    of.end();
    Some(Line { name: name?.to_owned(), quantity: quantity?, price: price?, free, rounding })
}

/// Prices that go with the quantity: each step ends later than the one before, and the last has no end.
pub(crate) fn steps(of: &Table<'_, '_>) -> Option<Price> {
    let tables = of.tables("tiers");
    let n = tables.len();
    let mut all: Vec<Step> = Vec::new();
    let mut is_whole = n > 0;
    for (i, table) in tables.iter().enumerate() {
        let up_to = table.number("up_to", Span::AMOUNT);
        let price = table.must("price", Span::AMOUNT);
        let before = all.last().and_then(|step| step.up_to).unwrap_or(0.0);
        match up_to {
            Some(_) if i + 1 == n => {
                table.wrong("up_to", "the last price has no end, or what is above it would be free");
            }
            Some(end) if end <= before => {
                table.wrong("up_to", format!("it has to be more than the {before} before it"));
            }
            None if i + 1 < n && !table.has("up_to") => table.wrong("up_to", "it is missing: only the last has no end"),
            _ => {}
        }
        table.end();
        match price {
            Some(price) => all.push(Step { up_to, price }),
            None => is_whole = false,
        }
    }
    if n == 0 {
        of.wrong("tiers", "it has no price: [{ up_to = 50, price = 0.02 }, { price = 0.01 }]");
    }
    is_whole.then_some(Price::Graduated(all))
}

fn read_sampling(of: &Table<'_, '_>) -> Sampling {
    let head = of.number("head", Span::SHARE);
    let keep_errors = of.flag("keep_errors").unwrap_or(false);
    let slower_than = of.text("slower_than").and_then(|text| match DurationNanos::parse(text) {
        Ok(span) if span.0 >= 0 => Some(span.0),
        _ => {
            of.wrong("slower_than", format!("'{text}' is no duration: write 200ms, 1.5s or 2m"));
            None
        }
    });
    // Rules that keep something would say nothing where all is kept.
    let has_rules = keep_errors || of.has("slower_than");
    of.end();
    Sampling { head: head.unwrap_or(if has_rules { 0.0 } else { 1.0 }), keep_errors, slower_than }
}
