//! The price book: what one of something costs, since when that was so, and who says so. One is shipped; a book of the user's own is
//! laid over it.

use crate::error::ScenarioError;
use crate::file::steps;
use crate::read::{Reading, Span, Table};
use crate::scenario::Price;
use serde::Serialize;
use std::collections::BTreeMap;

const SHIPPED: &str = include_str!("prices.toml");
/// What tiers are paid for.
pub(crate) const GB_MONTH: &str = "GB-month";
/// What is read, or sent away, is paid for.
pub(crate) const GB: &str = "GB";

/// How sure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// The vendor's own page.
    List,
    /// Reported by others.
    Secondary,
    /// Nobody could be found who says so.
    Unverified,
}

/// Something that has a price.
#[derive(Debug, Clone, PartialEq)]
pub struct Sku {
    /// What it is called in a scenario.
    pub sku: String,
    /// Who sells it.
    pub vendor: String,
    /// What it is.
    pub service: String,
    /// Where.
    pub region: String,
    /// What one is.
    pub unit: String,
    /// What one costs.
    pub price: Price,
    /// Not paid for.
    pub free: f64,
    /// Whoever takes it out earlier pays for so many days.
    pub min_days: f64,
    /// Smaller objects are paid for as if they had so many kB.
    pub min_object_kb: f64,
    /// Each object has so many kB more.
    pub object_overhead_kb: f64,
    /// What reading a GB costs.
    pub retrieval: f64,
    /// Of all its prices.
    pub currency: String,
    /// The day on which that was so.
    pub as_of: Option<String>,
    /// How sure it is.
    pub confidence: Confidence,
}

/// Prices by what they are called.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Book(BTreeMap<String, Sku>);

impl Book {
    /// The one that is shipped.
    ///
    /// # Errors
    /// None: a test reads it.
    pub fn shipped() -> Result<Self, ScenarioError> {
        Self::default().with(SHIPPED)
    }

    /// The same with a book laid over it.
    ///
    /// # Errors
    /// All that is wrong with that, each with line, column and key.
    pub fn with(mut self, text: &str) -> Result<Self, ScenarioError> {
        let reading = Reading::of(text);
        let file = reading.parse()?;
        let whole = Table::whole(&reading, file.get_ref());
        for table in whole.tables("sku") {
            let known = table.text("sku").and_then(|name| self.0.get(name));
            if let Some(sku) = read(&table, known) {
                self.0.insert(sku.sku.clone(), sku);
            }
        }
        whole.end();
        reading.wrong().map_or(Ok(self), Err)
    }

    /// What is called so.
    pub fn get(&self, sku: &str) -> Option<&Sku> {
        self.0.get(sku)
    }

    /// All, by what they are called.
    pub fn all(&self) -> impl Iterator<Item = &Sku> {
        self.0.values()
    }

    /// What is called nearly so, in words.
    pub(crate) fn near(&self, name: &str) -> String {
        match self.0.keys().map(|known| (strsim::osa_distance(known, name), known)).min() {
            Some((distance, known)) if distance <= 1 + name.len() / 4 => format!("is '{known}' meant?"),
            _ => "the price book has none of this name".into(),
        }
    }
}

/// A day as it is written: 2026-03-01.
fn is_day(text: &str) -> bool {
    text.len() == 10 && sextant_model::UnixNanos::parse(text).is_ok()
}

/// Reads one. What is not said of one that is `known` stays: but for its price, the day of that, and how sure it is.
fn read(of: &Table<'_, '_>, known: Option<&Sku>) -> Option<Sku> {
    let text = |name: &str, known: Option<&str>| {
        if !of.has(name) && known.is_none() {
            of.wrong(name, "it is missing");
        }
        of.text(name).or(known).map(str::to_owned)
    };
    let (sku, unit) = (text("sku", None), text("unit", known.map(|k| k.unit.as_str())));
    let or = |name: &str, known: Option<&str>| of.text(name).or(known).unwrap_or_default().to_owned();
    let vendor = or("vendor", known.map(|k| k.vendor.as_str()));
    let service = or("service", known.map(|k| k.service.as_str()));
    let region = or("region", known.map(|k| k.region.as_str()));
    let price = match (of.has("price"), of.has("tiers")) {
        (true, false) => of.number("price", Span::AMOUNT).map(Price::Flat),
        (false, true) => steps(of),
        _ => {
            of.wrong("price", "it needs a price or tiers, and not both");
            None
        }
    };
    let amount = |name: &str, known: Option<f64>| of.number(name, Span::AMOUNT).or(known).unwrap_or(0.0);
    let free = amount("free", known.map(|k| k.free));
    let min_days = of.number("min_days", Span(0.0, 36_500.0)).or(known.map(|k| k.min_days)).unwrap_or(0.0);
    let min_object_kb = amount("min_object_kb", known.map(|k| k.min_object_kb));
    let object_overhead_kb = amount("object_overhead_kb", known.map(|k| k.object_overhead_kb));
    let retrieval = amount("retrieval", known.map(|k| k.retrieval));
    let currency = of.text("currency").or(known.map(|k| k.currency.as_str())).unwrap_or("USD").to_owned();
    of.text("source");
    let as_of = of.text("as_of").map(str::to_owned);
    if as_of.as_deref().is_some_and(|day| !is_day(day)) {
        of.wrong("as_of", "a day is wanted here, such as 2026-03-01");
    }
    let words =
        [("list", Confidence::List), ("secondary", Confidence::Secondary), ("unverified", Confidence::Unverified)];
    let confidence = of.word("confidence", &words).unwrap_or(Confidence::Unverified);
    of.end();
    Some(Sku {
        sku: sku?,
        vendor,
        service,
        region,
        unit: unit?,
        price: price?,
        free,
        min_days,
        min_object_kb,
        object_overhead_kb,
        retrieval,
        currency,
        as_of,
        confidence,
    })
}
