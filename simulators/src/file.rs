//! The file of a scenario, table by table.

use crate::capacity::Machines;
use crate::prices::{Book, GB, GB_MONTH, Sku};
use crate::read::{Span, Table};
use crate::sample::Order;
use crate::scenario::{
    Basis, Filter, Ingest, Line, Price, Rewrite, Rounding, Rule, Sampling, Scenario, Step, Tier, Uncertainty, Used,
    Variant,
};
use crate::set::value;
use crate::shape::{Shape, Shaping};
use sextant_columns::PACKINGS;
use sextant_model::{DurationNanos, Signal};

/// More days are no plan.
const MAX_DAYS: f64 = 36_500.0;
/// More runs tell nothing more.
const MAX_RUNS: f64 = 100_000.0;
/// Runs where none are said.
const RUNS: u64 = 2_000;
/// What this program understands.
const VERSION: u64 = 1;
/// Multiples of a mean.
const DAYS_OF_A_MONTH: f64 = 30.0;
const MULTIPLE: Span = Span(0.0, 1e3);
pub(crate) const WEEKDAYS: [(&str, usize); 7] =
    [("Monday", 0), ("Tuesday", 1), ("Wednesday", 2), ("Thursday", 3), ("Friday", 4), ("Saturday", 5), ("Sunday", 6)];

/// Prices of the book in the currency of a scenario.
struct Prices<'b> {
    book: &'b Book,
    currency: String,
    /// What one of another currency is in that of the scenario.
    rates: Vec<(String, f64)>,
    used: Vec<Used>,
}

impl<'b> Prices<'b> {
    /// What the book has of the name that is said, if one is, and what its prices are multiplied with.
    fn booked(&mut self, of: &Table<'_, '_>) -> Option<(&'b Sku, f64)> {
        let name = of.text("sku")?;
        let Some(sku) = self.book.get(name) else {
            of.wrong("sku", format!("'{name}' has no price; {}", self.book.near(name)));
            return None;
        };
        let rate = match self.rates.iter().find(|(currency, _)| *currency == sku.currency) {
            Some((_, rate)) => *rate,
            None if sku.currency == self.currency => 1.0,
            None => {
                let (theirs, ours) = (&sku.currency, &self.currency);
                of.wrong(
                    "sku",
                    format!("'{name}' is in {theirs}, and the bill in {ours}: say what one is, [rates] {theirs} = …"),
                );
                return None;
            }
        };
        let used = Used {
            sku: sku.sku.clone(),
            service: sku.service.clone(),
            unit: sku.unit.clone(),
            price: if let Price::Flat(price) = sku.price { Some(price) } else { None },
            currency: sku.currency.clone(),
            as_of: sku.as_of.clone(),
            confidence: sku.confidence,
        };
        if !self.used.contains(&used) {
            self.used.push(used);
        }
        Some((sku, rate))
    }
}

pub(crate) fn scenario(whole: &Table<'_, '_>, book: &Book) -> Scenario {
    if whole.whole_number("version", Span(1.0, 1e6)).is_some_and(|version| version > VERSION) {
        whole.wrong("version", format!("it is of a newer Sextant: this one understands version {VERSION}"));
    }
    let days = whole.whole_number("days", Span(1.0, MAX_DAYS));
    let before = whole.table("before").map_or_else(Vec::new, |of| {
        let bytes = of.list("stored_bytes", Span::AMOUNT).unwrap_or_default();
        of.end();
        bytes
    });
    let seed = whole.whole_number("seed", Span::AMOUNT).unwrap_or(1);
    let currency = whole.text("currency").unwrap_or("USD").to_owned();
    let rates = whole.table("rates").map_or_else(Vec::new, |of| of.numbers(Span(f64::MIN_POSITIVE, 1e6)));
    let mut prices = Prices { book, currency: currency.clone(), rates, used: Vec::new() };
    let season = whole.table("season").map(|of| read_season(&of));
    let shapes: Vec<Shape> = whole.tables("shape").iter().filter_map(read_shape).collect();
    let mut ingest: Vec<Ingest> = Vec::new();
    if let Some(all) = whole.table("ingest") {
        for signal in Signal::ALL {
            if let Some(of) = all.table(signal.name()) {
                ingest.extend(read_ingest(&of, signal, &shapes));
                of.end();
            }
        }
        all.end();
    }
    let tiers: Vec<Tier> = whole.tables("tier").iter().filter_map(|of| read_tier(of, &mut prices)).collect();
    let mut lines: Vec<Line> = whole.tables("line").iter().filter_map(|of| read_line(of, &mut prices)).collect();
    lines.extend(whole.tables("query").iter().filter_map(|of| read_query(of, &mut prices)));
    let sampling = whole.table("sampling").map(|of| read_sampling(&of));
    let filters: Vec<Filter> = whole.tables("filter").iter().filter_map(read_filter).collect();
    if let (Some(first), false) = (filters.first(), ingest.iter().any(|i| i.signal == Signal::Logs)) {
        whole.wrong(
            "filter",
            format!("no log records come in that '{}' could leave out: [ingest.logs] is missing", first.search),
        );
    }
    let uncertainty = whole.table("uncertainty").map(|of| {
        let runs = of.whole_number("runs", Span(1.0, MAX_RUNS)).unwrap_or(RUNS);
        let sigma = |name: &str| of.number(name, Span(0.0, 5.0)).unwrap_or(0.0);
        let (ratio_sigma, growth_sigma) = (sigma("ratio_sigma"), sigma("growth_sigma"));
        let service_sigma = sigma("service_sigma");
        let weeks = of.list("weeks", MULTIPLE).unwrap_or_default();
        let block = of.whole_number("block_weeks", Span(1.0, 52.0)).unwrap_or(1);
        of.end();
        Uncertainty { runs, ratio_sigma, weeks, block, growth_sigma, service_sigma }
    });
    let variants = whole.tables("compare").iter().filter_map(read_variant).collect();
    let commitment = whole.table("commitment").and_then(|of| {
        let monthly = of.must("monthly", Span::AMOUNT);
        of.end();
        monthly
    });
    let measured = whole.table("measured").map(|of| {
        let amount = |name: &str| of.must(name, Span::AMOUNT).unwrap_or(0.0);
        let (hours, bytes) = (amount("hours"), amount("bytes"));
        let groups = of.whole_number("groups", Span::AMOUNT).unwrap_or(0);
        of.end();
        Basis { hours, groups, bytes }
    });
    let machines = whole.table("capacity").map_or(Machines::USUAL, |of| read_machines(&of));
    if !["ingest", "line", "query", "sampling"].into_iter().any(|name| whole.has(name)) {
        whole.wrong("", "there is nothing to simulate: it needs one of [ingest.traces], [[line]], [sampling]");
    }
    if whole.has("tier") && !whole.has("ingest") {
        whole.wrong("tier", "nothing comes into it: there is no [ingest.traces], [ingest.logs] or [ingest.metrics]");
    }
    if whole.has("ingest") && !whole.has("days") {
        whole.wrong("days", "it is missing: for how many days does it come in?");
    }
    whole.end();
    let (weekdays, first_weekday) = season.unwrap_or(([1.0; 7], 0));
    Scenario {
        days: days.unwrap_or(1),
        before,
        seed,
        currency,
        ingest,
        weekdays,
        first_weekday,
        tiers,
        lines,
        commitment: commitment.unwrap_or(0.0),
        sampling,
        filters,
        uncertainty,
        measured,
        machines,
        variants,
        prices: prices.used,
    }
}

/// How much each day of the week brings; the mean of all is one, so that a week stays what it was.
fn read_season(of: &Table<'_, '_>) -> ([f64; 7], usize) {
    let days = of.list("weekdays", MULTIPLE);
    let first = of.word("first_weekday", &WEEKDAYS).unwrap_or(0);
    of.end();
    let Some(days) = days else { return ([1.0; 7], first) };
    let sum: f64 = days.iter().sum();
    match <[f64; 7]>::try_from(days) {
        Ok(days) if sum > 0.0 => (days.map(|day| day * 7.0 / sum), first),
        Ok(_) => {
            of.wrong("weekdays", "something has to come on one of them");
            ([1.0; 7], first)
        }
        Err(days) => {
            of.wrong("weekdays", format!("a week has 7 days, from Monday on, and not {}", days.len()));
            ([1.0; 7], first)
        }
    }
}

fn read_machines(of: &Table<'_, '_>) -> Machines {
    let usual = Machines::USUAL;
    let number = |name: &str, span: Span, usual: f64| of.number(name, span).unwrap_or(usual);
    let machines = Machines {
        queries_per_second: number("queries_per_second", Span(0.0, 1e6), usual.queries_per_second),
        burst: number("burst", Span(1.0, 1e3), usual.burst),
        mb_per_core: number("mb_per_core", Span(0.01, 1e4), usual.mb_per_core),
        gb_per_core: number("gb_per_core", Span(0.1, 1e3), usual.gb_per_core),
        headroom: number("headroom", Span(0.0, 0.95), usual.headroom),
        cores_per_node: number("cores_per_node", Span(1.0, 1e3), usual.cores_per_node),
        disk_per_node_gb: number("disk_per_node_gb", Span(1.0, 1e7), usual.disk_per_node_gb),
    };
    of.end();
    machines
}

fn read_shape(of: &Table<'_, '_>) -> Option<Shape> {
    let signals = [("traces", Signal::Traces), ("logs", Signal::Logs), ("metrics", Signal::Metrics)];
    let signal = of.word("signal", &signals);
    let said: Vec<(&str, Option<&str>)> = ["drop", "hash", "truncate"]
        .into_iter()
        .filter(|name| of.has(name))
        .map(|name| (name, of.text(name)))
        .collect();
    let to = of.whole_number("to", Span(1.0, 1e6));
    let shape = match said.as_slice() {
        [("truncate", key)] => {
            if !of.has("to") {
                of.wrong("to", "it is missing: to how many characters is it cut?");
            }
            key.zip(to).map(|(key, to)| (key, Shaping::Truncate(to as usize)))
        }
        [("drop", key)] => key.map(|key| (key, Shaping::Drop)),
        [(_, key)] => key.map(|key| (key, Shaping::Hash)),
        _ => {
            of.wrong("drop", "one of drop, hash, truncate says which attribute is meant, and one only");
            None
        }
    };
    of.end();
    shape.map(|(key, how)| Shape { signal, key: key.to_owned(), how })
}

fn read_variant(of: &Table<'_, '_>) -> Option<Variant> {
    let name = of.text("name");
    if name.is_none() && !of.has("name") {
        of.wrong("name", "it is missing: what is the variant called?");
    }
    let set = of.values("set").into_iter().map(|(path, text)| (path, value(&text))).collect();
    let one_off = of.number("one_off", Span::AMOUNT).unwrap_or(0.0);
    of.end();
    Some(Variant { name: name?.to_owned(), set, one_off })
}

fn read_ingest(of: &Table<'_, '_>, signal: Signal, shapes: &[Shape]) -> Option<Ingest> {
    let bytes_per_day = of.must("bytes_per_day", Span::AMOUNT);
    let ratio = of.must("ratio", Span(f64::MIN_POSITIVE, 1e6));
    let growth_per_day = of.number("growth_per_day", Span(-1.0, 1e3)).unwrap_or(0.0);
    let is_compound = of.word("growth", &[("linear", false), ("compound", true)]).unwrap_or(false);
    let keep = of.number("keep", Span::SHARE).unwrap_or(1.0);
    let services = of.table("services").map_or_else(Vec::new, |of| of.numbers(Span::SHARE));
    if services.iter().map(|(_, share)| share).sum::<f64>() > 1.0 + 1e-6 {
        of.wrong("services", "together they send more than there is: shares of services are parts of 1");
    }
    let packings: Vec<(&str, &str)> = PACKINGS.iter().map(|(name, _)| (*name, *name)).collect();
    let rewrite = Rewrite {
        packing: of.word("packing", &packings).map(str::to_owned),
        order: of.word("order", &Order::ALL).unwrap_or_default(),
        shapes: shapes.iter().filter(|shape| shape.is_of(signal)).cloned().collect(),
        promoted: of.texts("promoted"),
    };
    Some(Ingest {
        signal,
        bytes_per_day: bytes_per_day?,
        ratio: ratio?,
        growth_per_day,
        is_compound,
        keep,
        services,
        rewrite,
    })
}

/// How a line is called on a bill.
fn billed_as(of: &Table<'_, '_>) -> Option<String> {
    let text = of.text("billed_as")?;
    if text.trim().is_empty() {
        of.wrong("billed_as", "nothing would be everything: say a part of what stands on the bill, or leave it out");
        return None;
    }
    Some(text.trim().to_owned())
}

fn read_tier(of: &Table<'_, '_>, prices: &mut Prices<'_>) -> Option<Tier> {
    let name = of.text("name");
    if name.is_none() && !of.has("name") {
        of.wrong("name", "it is missing: what is the tier called?");
    }
    if !of.has("days") {
        of.wrong("days", "it is missing: how long does a record stay in this tier?");
    }
    let days = of.whole_number("days", Span(1.0, MAX_DAYS));
    let said = of.number("price_per_gb_month", Span::AMOUNT);
    let sku = prices.booked(of);
    if of.has("sku") && of.has("price_per_gb_month") {
        of.wrong("sku", "a tier has a price or the name of one, not both");
    }
    if let Some((sku, _)) = sku.filter(|(sku, _)| sku.unit != GB_MONTH) {
        of.wrong("sku", format!("'{}' is paid by {}, and a tier by {GB_MONTH}", sku.sku, sku.unit));
    }
    let discount = 1.0 - of.number("discount", Span::SHARE).unwrap_or(0.0);
    let (sku, rate) = sku.map_or((None, 1.0), |(sku, rate)| (Some(sku), rate));
    let price = sku.map_or(Price::Flat(said.unwrap_or(0.0)), |sku| sku.price.clone()).times(rate * discount);
    let amount = |name: &str, booked: Option<f64>| of.number(name, Span::AMOUNT).or(booked).unwrap_or(0.0);
    let min_days = amount("min_days", sku.map(|sku| sku.min_days));
    let min_object_bytes = amount("min_object_kb", sku.map(|sku| sku.min_object_kb)) * 1e3;
    let object_overhead_bytes = amount("object_overhead_kb", sku.map(|sku| sku.object_overhead_kb)) * 1e3;
    let price_per_1000_objects = amount("price_per_1000_objects", None);
    let price_per_gb_read = amount("price_per_gb_read", sku.map(|sku| sku.retrieval * rate));
    let read_per_month = of.number("read_per_month", MULTIPLE).unwrap_or(0.0);
    let object_bytes = of.number("object_mb", Span(1e-6, 1e9)).map(|mb| mb * 1e6);
    let billed_as = billed_as(of);
    let replicas = of.number("replicas", Span(1.0, 100.0)).unwrap_or(1.0);
    if object_bytes.is_none() && price_per_1000_objects > 0.0 {
        of.wrong("price_per_1000_objects", "how many there are is not known: object_mb is missing");
    }
    of.end();
    Some(Tier {
        name: name?.to_owned(),
        days: days?,
        price,
        free: sku.map_or(0.0, |sku| sku.free),
        min_days,
        replicas,
        object_bytes,
        min_object_bytes,
        object_overhead_bytes,
        price_per_1000_objects,
        price_per_gb_read,
        read_per_month,
        billed_as,
    })
}

fn read_line(of: &Table<'_, '_>, prices: &mut Prices<'_>) -> Option<Line> {
    let name = of.text("name");
    if name.is_none() && !of.has("name") {
        of.wrong("name", "it is missing: what is the line called?");
    }
    let quantity = of.must("quantity", Span::AMOUNT);
    let sku = prices.booked(of);
    let price = match (of.has("price"), of.has("tiers"), of.has("sku")) {
        (true, false, false) => of.number("price", Span::AMOUNT).map(Price::Flat),
        (false, true, false) => steps(of),
        (false, false, true) => sku.map(|(sku, rate)| sku.price.clone().times(rate)),
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
    let free = of.number("free", Span::AMOUNT).or(sku.map(|(sku, _)| sku.free)).unwrap_or(0.0);
    let price = price.map(|price| price.times(1.0 - of.number("discount", Span::SHARE).unwrap_or(0.0)));
    let roundings = [("none", Rounding::None), ("down", Rounding::Down), ("nearest", Rounding::Nearest)];
    let rounding = of.word("round_quantity", &roundings).unwrap_or(Rounding::None);
    let billed_as = billed_as(of);
    of.end();
    Some(Line { name: name?.to_owned(), quantity: quantity?, price: price?, free, rounding, billed_as })
}

/// Questions of a kind, as a line of the bill: a month of them, by the GB that they read.
fn read_query(of: &Table<'_, '_>, prices: &mut Prices<'_>) -> Option<Line> {
    let name = of.text("name");
    if name.is_none() && !of.has("name") {
        of.wrong("name", "it is missing: what are the questions called?");
    }
    let (per_day, read_gb) = (of.must("per_day", Span::AMOUNT), of.must("read_gb", Span::AMOUNT));
    let said = of.number("price_per_gb", Span::AMOUNT);
    let sku = prices.booked(of);
    if let Some((sku, _)) = sku.filter(|(sku, _)| sku.unit != GB) {
        of.wrong("sku", format!("'{}' is paid by {}, and what is read by {GB}", sku.sku, sku.unit));
    }
    let price = match (said, sku) {
        (Some(price), None) => Some(Price::Flat(price)),
        (None, Some((sku, rate))) => Some(sku.price.clone().times(rate)),
        (None, None) if of.has("sku") || of.has("price_per_gb") => None,
        _ => {
            of.wrong(
                "price_per_gb",
                "what a GB costs that is read, or the name of a price: price_per_gb or sku, one of them",
            );
            None
        }
    };
    let billed_as = billed_as(of);
    of.end();
    let (quantity, free) = (per_day? * read_gb? * DAYS_OF_A_MONTH, sku.map_or(0.0, |(sku, _)| sku.free));
    Some(Line { name: name?.to_owned(), quantity, price: price?, free, rounding: Rounding::None, billed_as })
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
    let is_applied = of.flag("applied").unwrap_or(false);
    let rules: Vec<Rule> = of.tables("rule").iter().filter_map(read_rule).collect();
    // Rules that keep something would say nothing where all is kept.
    let has_rules = keep_errors || of.has("slower_than");
    of.end();
    Sampling { head: head.unwrap_or(if has_rules { 0.0 } else { 1.0 }), keep_errors, slower_than, rules, is_applied }
}

fn read_filter(of: &Table<'_, '_>) -> Option<Filter> {
    if !of.has("search") {
        of.wrong("search", "it is missing: which log records are meant? search = \"level:debug\"");
    }
    let search = of.text("search");
    let keep = of.number("keep", Span::SHARE).unwrap_or(0.0);
    of.end();
    Some(Filter { search: search?.to_owned(), keep })
}

fn read_rule(of: &Table<'_, '_>) -> Option<Rule> {
    if !of.has("search") {
        of.wrong("search", "it is missing: which traces are meant? search = \"service:checkout status:error\"");
    }
    let search = of.text("search");
    let keep = of.must("keep", Span::SHARE);
    of.end();
    Some(Rule { search: search?.to_owned(), keep: keep? })
}
