//! Scenarios, simulated on what is stored.

mod there;

use crate::bundle::whole;
use crate::errors;
use crate::remotes::{Asked, Attached};
use crate::workbench::{Workbench, now};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use serde_json::json;
use sextant_contract::{Answer, AskError, Code, Period};
use sextant_model::{Prune, Signal, Table, TimeRange};
use sextant_queries::{clickhouse, duckdb, parse};
use sextant_simulators::{
    Book, Effect, Found, History, Hour, Known, Measured, Reading, Recorded, Sample, ScenarioError, Source, asked,
    commented, simulate_all,
};
use sextant_store::{Limits, Snapshot, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

/// Reading all traces may take so long.
const LIMITS: Limits = Limits { time: Duration::from_mins(10), n_rows: usize::MAX, is_explained: false };
/// Rows of a sample, all its row groups together.
const SAMPLE_ROWS: usize = 120_000;
/// What was read before is old after that.
const HELD: Duration = Duration::from_mins(10);
/// Nobody sent telemetry before 2010.
const BEGIN: i64 = 1_262_304_000_000_000_000;
const HOUR: i64 = 3_600_000_000_000;

/// What was read for the scenario before, while it is still the same.
#[derive(Default)]
pub(crate) struct Held {
    generation: u64,
    /// The source as it was attached, where it is one.
    source: Option<Arc<Attached>>,
    range: Option<TimeRange>,
    since: Option<Instant>,
    /// Whether spans have the bytes that they come to.
    is_weighed: bool,
    known: Known,
}

fn wrong(e: &ScenarioError) -> AskError {
    AskError::new(Code::BadQuery, e.to_string())
}

fn refused(e: &ScenarioError) -> StoreError {
    StoreError::Refused(e.to_string())
}

impl Workbench {
    /// `is_held`: what was read before may be used, though there may be more by now.
    pub(crate) fn simulate(
        &self,
        there: Option<&Asked>,
        scenario: &str,
        prices: Option<&str>,
        period: Period,
        is_held: bool,
    ) -> Result<Answer, AskError> {
        let own = if prices.is_none() { self.own_prices()? } else { String::new() };
        let book = Book::shipped().and_then(|book| book.with(prices.unwrap_or(&own))).map_err(|e| wrong(&e))?;
        let asked = asked(scenario, &book).map_err(|e| wrong(&e))?;
        let range = TimeRange::from(period);
        // Of each place by itself: who waits for a cluster keeps nobody else waiting.
        let place = there.map_or_else(String::new, |asked| asked.client.source.to_string());
        let held = {
            let mut all = self.inner.held.lock().unwrap_or_else(PoisonError::into_inner);
            all.entry(place).or_default().clone()
        };
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.store.snapshot().generation;
        let may_be_held = is_held && held.since.is_some_and(|since| since.elapsed() < HELD);
        let is_as_it_was = match there {
            // What comes in at a cluster is not known here.
            Some(asked) => may_be_held && held.source.as_ref().is_some_and(|source| Arc::ptr_eq(source, &asked.source)),
            None => may_be_held || held.generation == generation,
        };
        let is_same = held.range == Some(range) && is_as_it_was;
        if !is_same || (asked.weighs && !held.is_weighed) {
            let is_weighed = asked.weighs;
            let (range, since) = (Some(range), Some(Instant::now()));
            let source = there.map(|asked| asked.source.clone());
            *held = Held { generation, source, range, since, is_weighed, known: Known::default() };
        }
        if asked.samples {
            if held.known.recorded.is_empty() {
                let samples = if asked.weighs && there.is_none() { self.samples(Signal::Traces)? } else { Vec::new() };
                held.known.recorded = match there {
                    Some(there) => self.recorded_there(there, range)?,
                    None => self.recorded(range, &samples)?,
                };
                held.known.spans = samples.into_iter().next();
            }
            for search in &asked.searches {
                if !held.known.recorded.knows(search) {
                    self.note_found(there, &mut held.known.recorded, search, range)?;
                }
            }
        }
        for search in &asked.filters {
            if !held.known.filtered.contains_key(search) {
                let found = self.records_found(there, search, range)?;
                held.known.filtered.insert(search.clone(), found);
            }
        }
        if let (Some(_), Some((signal, _))) = (there, asked.rewrites.first()) {
            let why =
                format!("what {signal} would come to if they were written otherwise is tried on rows of the store");
            return Err(AskError::new(Code::Refused, why)
                .hint("take some over with: sextant pull; or leave out packing, order, promoted and [[shape]]"));
        }
        for (signal, rewrite) in asked.rewrites {
            if !held.known.effects.iter().any(|(s, r, _)| (*s, r) == (signal, &rewrite)) {
                let effect = Effect::of(&rewrite, &self.samples(signal)?).map_err(|e| wrong(&e))?;
                held.known.effects.push((signal, rewrite, effect));
            }
        }
        let outcome = simulate_all(scenario, &book, &held.known).map_err(|e| wrong(&e))?;
        let object = serde_json::to_value(outcome).map_err(|e| AskError::new(Code::Internal, e.to_string()))?;
        Ok(Answer::object(object, held.generation))
    }

    /// The book of one's own that is kept in this data directory.
    fn own_prices(&self) -> Result<String, AskError> {
        let saved = self.store.saved("prices").map_err(|e| errors::store(&e))?;
        Ok(saved.into_iter().find(|book| book.name == "own").map(|book| book.value).unwrap_or_default())
    }

    /// All traces of a period, with what sampling asks of them, and what somebody asked for by name; if there are samples, each span
    /// with the raw bytes that spans of its operation have in them.
    fn recorded(&self, range: TimeRange, samples: &[Sample]) -> Result<Recorded, AskError> {
        let weights: BTreeMap<(String, String), f64> = samples.iter().flat_map(Sample::raw_of_operations).collect();
        let mean = weights.values().sum::<f64>() / weights.len().max(1) as f64;
        // Whole bytes, so that their sum is the same in any order.
        let weigh = |service: &str, name: &str| {
            if weights.is_empty() {
                return 1;
            }
            weights.get(&(service.to_owned(), name.to_owned())).copied().unwrap_or(mean).round() as u64
        };
        let mut recorded = Recorded::default();
        let found = self.store.scan(&duckdb::outlines(range), &Prune::within(range), LIMITS, &mut |spans| {
            recorded.add(&spans, &weigh).map_err(|e| refused(&e))
        });
        whole(&crate::search::completeness(&found.map_err(|e| errors::store(&e))?), "nothing was simulated")?;
        recorded.settle();
        for saved in self.store.saved("search").map_err(|e| errors::store(&e))? {
            // What is no search of traces any more is not theirs.
            let Some(search) = searched(&saved.value) else { continue };
            if parse(Signal::Traces, &search).is_ok() {
                let ids = self.trace_ids(None, &search, range)?;
                ids.iter().try_for_each(|ids| recorded.watch("search", &saved.name, ids)).map_err(|e| wrong(&e))?;
            }
        }
        for pin in self.store.pins().map_err(|e| errors::store(&e))? {
            if let Some(id) = pin.note.trace {
                let name = if pin.note.text.is_empty() { id.to_string() } else { pin.note.text.clone() };
                recorded.watch_one("pin", &name, id);
            }
        }
        Ok(recorded)
    }

    fn trace_ids(&self, there: Option<&Asked>, search: &str, range: TimeRange) -> Result<Vec<RecordBatch>, AskError> {
        let query = parse(Signal::Traces, search).map_err(|e| errors::parse(&e))?;
        if let Some(there) = there {
            return self.trace_ids_there(there, &query, range);
        }
        let sql = duckdb::trace_hits(&query, range, usize::MAX >> 1);
        Ok(self.store.query(&sql, &Prune::within(range), LIMITS).map_err(|e| errors::store(&e))?.batches)
    }

    fn note_found(
        &self,
        there: Option<&Asked>,
        recorded: &mut Recorded,
        search: &str,
        range: TimeRange,
    ) -> Result<(), AskError> {
        let ids = self.trace_ids(there, search, range).map_err(|e| AskError {
            message: format!("sampling.rule: '{search}' is no search of traces: {}", e.message),
            ..e
        })?;
        recorded.none_found(search);
        ids.iter().try_for_each(|ids| recorded.found(search, ids)).map_err(|e| wrong(&e))
    }

    /// What a search of log records finds of all of them; of the store's own by the raw bytes that records of a service have.
    fn records_found(&self, there: Option<&Asked>, search: &str, range: TimeRange) -> Result<Found, AskError> {
        let samples = if there.is_none() { self.samples(Signal::Logs)? } else { Vec::new() };
        let weights: BTreeMap<String, f64> =
            samples.iter().flat_map(Sample::raw_of_operations).map(|((service, _), bytes)| (service, bytes)).collect();
        let mean = weights.values().sum::<f64>() / weights.len().max(1) as f64;
        let mean = if mean > 0.0 { mean } else { 1.0 };
        let weigh = |service: &str| weights.get(service).copied().unwrap_or(mean);
        let (found, all) = (self.count_records(there, search, range)?, self.count_records(there, "", range)?);
        let sum = |of: &[(String, u64)]| {
            of.iter().fold((0, 0.0), |(n, bytes), (service, of)| (n + of, bytes + *of as f64 * weigh(service)))
        };
        let ((records, bytes), (of_records, of_bytes)) = (sum(&found), sum(&all));
        Ok(Found { records, of_records, share: if of_bytes > 0.0 { bytes / of_bytes } else { 0.0 } })
    }

    /// Log records by service.
    fn count_records(
        &self,
        there: Option<&Asked>,
        search: &str,
        range: TimeRange,
    ) -> Result<Vec<(String, u64)>, AskError> {
        let query = parse(Signal::Logs, &format!("{search} | count by service")).map_err(|e| AskError {
            message: format!("filter: '{search}' is no search of log records: {e}"),
            ..errors::parse(&e)
        })?;
        let Some(aggregate) = &query.aggregate else { return Ok(Vec::new()) };
        let batches = if let Some(there) = there {
            let sql = clickhouse::aggregate(&there.layout.tables(), &query, aggregate, range, usize::MAX >> 1);
            let found = self.run_there(there, sql, usize::MAX)?;
            whole(&found.completeness, "nothing was simulated")?;
            found.batches
        } else {
            let sql = duckdb::aggregate(&query, aggregate, range, usize::MAX >> 1);
            self.store.query(&sql, &Prune::within(range), LIMITS).map_err(|e| errors::store(&e))?.batches
        };
        let mut all = Vec::new();
        for rows in &batches {
            let texts = rows.columns().iter().find_map(|c| c.as_string_opt::<i32>());
            let numbers = rows.columns().iter().find_map(|c| c.as_primitive_opt::<Int64Type>());
            let (Some(services), Some(counts)) = (texts, numbers) else {
                return Err(AskError::new(Code::Internal, "counts have other columns"));
            };
            all.extend(
                (0..rows.num_rows()).map(|row| (services.value(row).to_owned(), counts.value(row).max(0) as u64)),
            );
        }
        Ok(all)
    }

    /// Some row groups of all tables of a signal that have rows.
    fn samples(&self, signal: Signal) -> Result<Vec<Sample>, AskError> {
        let snapshot = self.store.snapshot();
        let tables = signal.tables().iter().filter(|table| snapshot.n_rows(**table) > 0);
        tables.map(|table| sample(&snapshot, *table).map_err(|e| wrong(&e))).collect()
    }

    /// What comes in, and what it is packed to: the object has `signals`, and `scenario` to begin with.
    pub(crate) fn measure(&self, period: Period, is_tried: bool) -> Result<Answer, AskError> {
        let range = TimeRange::from(period);
        let (mut hours, mut samples, mut left_out) = (Vec::new(), Vec::new(), 0);
        for signal in Signal::ALL {
            let of = self.samples(signal)?;
            for sample in &of {
                hours.extend(self.hours(signal, sample, range, &mut left_out)?);
            }
            samples.push((signal, of));
        }
        let history = History::of(&hours).map_err(|e| wrong(&e))?;
        let mut signals = Vec::new();
        for (signal, of) in samples {
            if let Some(course) = history.course(signal).map_err(|e| wrong(&e))? {
                signals.push(Measured::of(signal, course, &of, is_tried).map_err(|e| wrong(&e))?);
            }
        }
        if signals.is_empty() {
            let what = "nothing is stored, so there is nothing to measure";
            return Err(AskError::new(Code::NotFound, what).hint("send telemetry, or try: sextant demo"));
        }
        let policies = self.store.policies().map_err(|e| errors::store(&e))?;
        let keep = policies.iter().filter_map(|p| p.keep).min().map(|nanos| (nanos / HOUR / 24).max(1) as u64);
        let scenario = commented(&signals, keep, "what this store has");
        let generation = self.store.snapshot().generation;
        let object = json!({ "signals": signals, "scenario": scenario, "left_out": left_out });
        Ok(Answer::object(object, generation))
    }

    /// Rows of a table by hour and service, with the raw bytes that such rows have.
    fn hours(
        &self,
        signal: Signal,
        sample: &Sample,
        range: TimeRange,
        left_out: &mut u64,
    ) -> Result<Vec<Hour>, AskError> {
        let weights: BTreeMap<String, (f64, f64)> =
            sample.raw_of_operations().into_iter().fold(BTreeMap::new(), |mut all, ((service, _), bytes)| {
                let of = all.entry(service).or_default();
                *of = (of.0 + bytes, of.1 + 1.0);
                all
            });
        let table = sample.table;
        let found = self
            .store
            .query(&duckdb::hours(table, range), &Prune::within(range), LIMITS)
            .map_err(|e| errors::store(&e))?;
        let mean = weights.values().map(|(sum, n)| sum / n).sum::<f64>() / weights.len().max(1) as f64;
        let weigh = |service: &str| weights.get(service).map_or(mean, |(sum, n)| sum / n);
        hours(signal, &found.batches, &weigh, left_out)
    }
}

/// Rows by hour and service; `weigh` says how many raw bytes a row of a service has. Those of no sensible time are only counted.
fn hours(
    signal: Signal,
    batches: &[RecordBatch],
    weigh: &dyn Fn(&str) -> f64,
    left_out: &mut u64,
) -> Result<Vec<Hour>, AskError> {
    let mut all = Vec::new();
    for rows in batches {
        let services = rows.column(0).as_string_opt::<i32>();
        let numbers = |i: usize| rows.column(i).as_primitive_opt::<Int64Type>();
        let (Some(services), Some(counts), Some(firsts), Some(lasts)) = (services, numbers(2), numbers(3), numbers(4))
        else {
            return Err(AskError::new(Code::Internal, "hours have other columns"));
        };
        for row in 0..rows.num_rows() {
            let service = services.value(row);
            let rows = counts.value(row) as u64;
            let (at, last) = (firsts.value(row), lasts.value(row));
            // A clock that is off by years would be years of records.
            if at < BEGIN || last > now().saturating_add(24 * HOUR) {
                *left_out += rows;
                continue;
            }
            let raw_bytes = rows as f64 * weigh(service);
            all.push(Hour { signal, service: service.to_owned(), at, last, rows, raw_bytes });
        }
    }
    Ok(all)
}

fn sample(snapshot: &Arc<Snapshot>, table: Table) -> Result<Sample, ScenarioError> {
    let files: Vec<Source> =
        snapshot.files(table).into_iter().map(|(path, compression)| Source { path, compression }).collect();
    let reading = Reading { most_rows: SAMPLE_ROWS, ..Reading::default() };
    Sample::of(table, &files, &snapshot.hot_batches(table), reading)
}

/// The search of traces that an address of a screen has.
fn searched(address: &str) -> Option<String> {
    let (_, rest) = address.strip_prefix("#/traces")?.split_once('?')?;
    let text = rest.split('&').find_map(|part| part.strip_prefix("q="))?;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
        bytes.push(match byte {
            b'%' => (digit(rest.next())? * 16 + digit(rest.next())?) as u8,
            b'+' => b' ',
            _ => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::searched;

    #[test]
    fn searches_of_addresses_are_read() {
        for (address, search) in [
            ("#/traces?q=service%3Acart&from=1", Some("service:cart")),
            ("#/traces?from=1&q=a+%C3%A4", Some("a ä")),
            ("#/traces?from=1", None),
            ("#/logs?q=a", None),
            ("#/traces?q=%4", None),
            ("#/traces?q=%ff", None),
        ] {
            assert_eq!(searched(address).as_deref(), search, "{address}");
        }
    }
}
