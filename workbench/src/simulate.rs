//! Scenarios, simulated on what is stored.

use crate::bundle::whole;
use crate::errors;
use crate::workbench::Workbench;
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use serde_json::json;
use sextant_contract::{Answer, AskError, Code, Period};
use sextant_model::{Prune, Signal, Table, TimeRange};
use sextant_queries::{duckdb, parse};
use sextant_simulators::{
    Book, Effect, History, Hour, Known, Measured, Reading, Recorded, Sample, ScenarioError, Source, asked, commented,
    simulate_all,
};
use sextant_store::{Limits, Snapshot, StoreError};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Reading all traces may take so long.
const LIMITS: Limits = Limits { time: Duration::from_mins(10), n_rows: usize::MAX, is_explained: false };
/// Rows of a sample, all its row groups together.
const SAMPLE_ROWS: usize = 120_000;
const HOUR: i64 = 3_600_000_000_000;

/// What was read for the scenario before, while it is still the same.
#[derive(Default)]
pub(crate) struct Held {
    generation: u64,
    range: Option<TimeRange>,
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
        scenario: &str,
        prices: Option<&str>,
        period: Period,
        is_held: bool,
    ) -> Result<Answer, AskError> {
        let book = Book::shipped().and_then(|book| book.with(prices.unwrap_or_default())).map_err(|e| wrong(&e))?;
        let asked = asked(scenario, &book).map_err(|e| wrong(&e))?;
        let range = TimeRange::from(period);
        let mut held = self.inner.held.lock().unwrap_or_else(PoisonError::into_inner);
        let generation = self.store.snapshot().generation;
        let is_same = held.range == Some(range) && (held.generation == generation || is_held);
        if !is_same || (asked.weighs && !held.is_weighed) {
            let is_weighed = asked.weighs;
            *held = Held { generation, range: Some(range), is_weighed, known: Known::default() };
        }
        if asked.samples {
            if held.known.recorded.is_empty() {
                held.known.recorded = self.recorded(range, asked.weighs)?;
            }
            for search in &asked.searches {
                if !held.known.recorded.knows(search) {
                    self.note_found(&mut held.known.recorded, search, range)?;
                }
            }
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

    /// All traces of a period, with what sampling asks of them, and what somebody asked for by name; if they are weighed, each span
    /// with the raw bytes that spans of its operation have.
    fn recorded(&self, range: TimeRange, is_weighed: bool) -> Result<Recorded, AskError> {
        let samples = if is_weighed { self.samples(Signal::Traces)? } else { Vec::new() };
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
                let ids = self.trace_ids(&search, range)?;
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

    fn trace_ids(&self, search: &str, range: TimeRange) -> Result<Vec<RecordBatch>, AskError> {
        let query = parse(Signal::Traces, search).map_err(|e| errors::parse(&e))?;
        let sql = duckdb::trace_hits(&query, range, usize::MAX >> 1);
        Ok(self.store.query(&sql, &Prune::within(range), LIMITS).map_err(|e| errors::store(&e))?.batches)
    }

    fn note_found(&self, recorded: &mut Recorded, search: &str, range: TimeRange) -> Result<(), AskError> {
        recorded.none_found(search);
        let ids = self.trace_ids(search, range).map_err(|e| AskError {
            message: format!("sampling.rule: '{search}' is no search of traces: {}", e.message),
            ..e
        })?;
        ids.iter().try_for_each(|ids| recorded.found(search, ids)).map_err(|e| wrong(&e))
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
        let (mut hours, mut samples) = (Vec::new(), Vec::new());
        for signal in Signal::ALL {
            let of = self.samples(signal)?;
            for sample in &of {
                hours.extend(self.hours(signal, sample, range)?);
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
        Ok(Answer::object(json!({ "signals": signals, "scenario": scenario }), generation))
    }

    /// Rows of a table by hour and service, with the raw bytes that such rows have.
    fn hours(&self, signal: Signal, sample: &Sample, range: TimeRange) -> Result<Vec<Hour>, AskError> {
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
        let mut all = Vec::new();
        for rows in &found.batches {
            let services = rows.column(0).as_string_opt::<i32>();
            let numbers = |i: usize| rows.column(i).as_primitive_opt::<Int64Type>();
            let (Some(services), Some(counts), Some(firsts), Some(lasts)) =
                (services, numbers(2), numbers(3), numbers(4))
            else {
                return Err(AskError::new(Code::Internal, "hours have other columns"));
            };
            for row in 0..rows.num_rows() {
                let service = services.value(row);
                let bytes = weights.get(service).map_or(mean, |(sum, n)| sum / n);
                let rows = counts.value(row) as u64;
                let (at, last) = (firsts.value(row), lasts.value(row));
                all.push(Hour { signal, service: service.to_owned(), at, last, rows, raw_bytes: rows as f64 * bytes });
            }
        }
        Ok(all)
    }
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
