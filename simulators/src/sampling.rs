//! Sampling, replayed on the traces that were recorded: never a formula on counts of spans.

use crate::error::ScenarioError;
use crate::scenario::Sampling;
use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampNanosecondType, UInt64Type};
use serde::Serialize;
use sextant_model::TraceId;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What is kept of the traces, and what would be gone.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Sampled {
    /// All.
    pub traces: u64,
    /// Of all traces.
    pub spans: u64,
    /// With an error.
    pub error_traces: u64,
    /// Kept.
    pub kept_traces: u64,
    /// Of the kept traces.
    pub kept_spans: u64,
    /// Kept with an error.
    pub kept_error_traces: u64,
    /// With an error, and gone.
    pub lost_error_traces: u64,
    /// Operations of a service of which no span is kept.
    pub lost_operations: u64,
    /// The traces with an error that are gone, by id.
    pub lost_error_trace_ids: Vec<String>,
    /// Raw bytes of all spans, if they are known, and else their number.
    pub weight: u64,
    /// The same of the kept ones.
    pub kept_weight: u64,
    /// What each rule decided on, in their order; the last is everything else.
    pub rules: Vec<Decided>,
    /// Where the traces with an error began that are gone, the most first.
    pub lost_errors: Vec<Operation>,
    /// The operations of which no span is kept.
    pub lost_operation_names: Vec<Operation>,
    /// Longer than this is slow, nanoseconds.
    pub slow_nanos: i64,
    /// Traces that are slow.
    pub slow_traces: u64,
    /// Slow and kept.
    pub kept_slow_traces: u64,
    /// What somebody asked for by name, and how much of it is left.
    pub watched: Vec<Watched>,
    /// How far a count of what is kept by chance is off: one sigma, as a part of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count_error: Option<f64>,
}

impl Sampled {
    /// Of the bytes of all traces.
    pub fn kept_share(&self) -> f64 {
        if self.weight > 0 { self.kept_weight as f64 / self.weight as f64 } else { 1.0 }
    }
}

/// What a rule decided on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Decided {
    /// Its search; what is left has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Which share it keeps by chance.
    pub keep: f64,
    /// Traces that it decided on.
    pub traces: u64,
    /// Of these, kept.
    pub kept_traces: u64,
    /// Of these, with an error.
    pub error_traces: u64,
    /// With an error and kept.
    pub kept_error_traces: u64,
}

/// What is done by whom, and how often.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Operation {
    /// By whom.
    pub service: String,
    /// What.
    pub name: String,
    /// How many there are.
    pub n: u64,
}

/// Traces that have a name: a pin, a saved search.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Watched {
    /// `pin`, `search`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// Traces of it.
    pub traces: u64,
    /// Of these, kept.
    pub kept_traces: u64,
}

/// What is known of a trace.
#[derive(Debug, Clone, Copy)]
struct Trace {
    first: i64,
    last: i64,
    spans: u64,
    weight: u64,
    /// What it began with.
    operation: u32,
    has_error: bool,
}

/// A quick hash of ids and names.
#[derive(Debug, Default, Clone, Copy)]
struct Quick(u64);

impl std::hash::Hasher for Quick {
    fn finish(&self) -> u64 {
        // Ids that count upwards differ in their last bytes alone: those have to reach all bits.
        (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_right(29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            self.0 = (self.0.rotate_left(23) ^ u64::from_le_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        }
    }
}

type Quickly<K, V> = HashMap<K, V, std::hash::BuildHasherDefault<Quick>>;

/// Traces that were recorded: span by span they are told, trace by trace they are kept.
#[derive(Debug, Default)]
pub struct Recorded {
    places: Quickly<TraceId, u32>,
    traces: Vec<(TraceId, Trace)>,
    numbers: Quickly<String, Quickly<String, u32>>,
    operations: Vec<OfOperation>,
    /// Which operations a trace has, in any order and perhaps more than once.
    pairs: Vec<(u32, u32)>,
    /// Which traces a search finds.
    found: BTreeMap<String, Vec<bool>>,
    watched: Vec<(String, String, Vec<u32>)>,
}

#[derive(Debug)]
struct OfOperation {
    service: String,
    name: String,
    spans: u64,
    /// Raw bytes of a span.
    weight: u64,
}

/// What was decided of a trace.
#[derive(Debug, Clone, Copy)]
struct OfTrace {
    rule: usize,
    is_certain: bool,
    is_kept: bool,
}

/// The low 56 bits of an id decide, and a whole is so many.
const WHOLE: f64 = (1_u64 << 56) as f64;
/// Slow, where nobody says what that is.
const SLOW: i64 = 1_000_000_000;

fn low_bits(id: TraceId) -> u64 {
    id.0[9..].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// Whether a share of all traces has this one.
fn is_in(share: f64, id: TraceId) -> bool {
    // A whole number is at least a broken one when it is at least the next whole one.
    low_bits(id) >= ((1.0 - share) * WHOLE).ceil() as u64
}

/// Raw bytes of a span, by its service and name.
pub type Weigh<'a> = &'a dyn Fn(&str, &str) -> u64;

fn texts<'a>(spans: &'a RecordBatch, name: &str) -> Result<&'a StringArray, ScenarioError> {
    let column = spans.column_by_name(name);
    let column = column.ok_or_else(|| ScenarioError::of("sampling", format!("spans have no {name}")))?;
    let wrong = || ScenarioError::of("sampling", format!("{name} of spans is of another type"));
    column.as_string_opt::<i32>().ok_or_else(wrong)
}

impl Recorded {
    /// Takes in spans: `TraceId`, `ServiceName`, `SpanName`, `Timestamp`, `Duration` and `StatusCode`.
    ///
    /// # Errors
    /// If a column is missing or of another type.
    pub fn add(&mut self, spans: &RecordBatch, weigh: Weigh<'_>) -> Result<(), ScenarioError> {
        let wrong = |name: &str| ScenarioError::of("sampling", format!("spans have no {name}"));
        let (ids, services) = (texts(spans, "TraceId")?, texts(spans, "ServiceName")?);
        let (names, status) = (texts(spans, "SpanName")?, texts(spans, "StatusCode")?);
        let starts = spans.column_by_name("Timestamp").and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
        let starts = starts.ok_or_else(|| wrong("Timestamp"))?;
        let durations = spans.column_by_name("Duration").ok_or_else(|| wrong("Duration"))?;
        let signed = durations.as_primitive_opt::<Int64Type>().map(|d| d.values().to_vec());
        let unsigned =
            || durations.as_primitive_opt::<UInt64Type>().map(|d| d.values().iter().map(|n| *n as i64).collect());
        let durations = signed.or_else(unsigned).ok_or_else(|| wrong("Duration"))?;
        let mut last: Option<(&str, u32)> = None;
        for (row, duration) in durations.into_iter().enumerate() {
            // A span without a trace is in none.
            let Ok(id) = ids.value(row).parse::<TraceId>() else { continue };
            let operation = self.operation(services.value(row), names.value(row), weigh);
            let place = match last {
                Some((text, place)) if text == ids.value(row) => place,
                _ => self.place(id, operation),
            };
            last = Some((ids.value(row), place));
            let start = starts.value(row);
            let before = self.traces[place as usize].1;
            // Of two that begin at once the first by name, so that the order of rows is no matter.
            let is_first =
                start < before.first || (start == before.first && self.name(operation) < self.name(before.operation));
            let of = &mut self.operations[operation as usize];
            of.spans += 1;
            let trace = &mut self.traces[place as usize].1;
            if is_first {
                (trace.first, trace.operation) = (start, operation);
            }
            trace.last = trace.last.max(start.saturating_add(duration));
            trace.spans += 1;
            trace.weight += of.weight;
            trace.has_error |= status.value(row) == "Error";
            if self.pairs.last() != Some(&(place, operation)) {
                self.pairs.push((place, operation));
            }
        }
        Ok(())
    }

    fn name(&self, operation: u32) -> (&str, &str) {
        let of = &self.operations[operation as usize];
        (&of.service, &of.name)
    }

    fn place(&mut self, id: TraceId, operation: u32) -> u32 {
        let next = self.traces.len() as u32;
        let place = *self.places.entry(id).or_insert(next);
        if place == next {
            let none = Trace { first: i64::MAX, last: i64::MIN, spans: 0, weight: 0, operation, has_error: false };
            self.traces.push((id, none));
        }
        place
    }

    fn operation(&mut self, service: &str, name: &str, weigh: Weigh<'_>) -> u32 {
        if let Some(number) = self.numbers.get(service).and_then(|names| names.get(name)) {
            return *number;
        }
        let number = self.operations.len() as u32;
        self.numbers.entry(service.to_owned()).or_default().insert(name.to_owned(), number);
        let weight = weigh(service, name);
        self.operations.push(OfOperation { service: service.to_owned(), name: name.to_owned(), spans: 0, weight });
        number
    }

    /// The same operation of a trace once.
    pub fn settle(&mut self) {
        self.pairs.sort_unstable();
        self.pairs.dedup();
        self.pairs.shrink_to_fit();
    }

    /// Whether there are no traces.
    pub fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// A search was asked, and found nothing yet.
    pub fn none_found(&mut self, search: &str) {
        self.found.insert(search.to_owned(), vec![false; self.traces.len()]);
    }

    /// Traces that a search finds, in a column `TraceId`; what nothing is known of is left out.
    ///
    /// # Errors
    /// If the column is missing.
    pub fn found(&mut self, search: &str, ids: &RecordBatch) -> Result<(), ScenarioError> {
        let places = self.of_ids(ids)?;
        let n = self.traces.len();
        let found = self.found.entry(search.to_owned()).or_insert_with(|| vec![false; n]);
        for place in places {
            found[place as usize] = true;
        }
        Ok(())
    }

    /// Whether it is known which traces a search finds.
    pub fn knows(&self, search: &str) -> bool {
        self.found.contains_key(search)
    }

    /// Traces that somebody asked for by name, in a column `TraceId`.
    ///
    /// # Errors
    /// If the column is missing.
    pub fn watch(&mut self, kind: &str, name: &str, ids: &RecordBatch) -> Result<(), ScenarioError> {
        let places = self.of_ids(ids)?;
        match self.watched.iter_mut().find(|(k, n, _)| k == kind && n == name) {
            Some((_, _, all)) => all.extend(places),
            None => self.watched.push((kind.to_owned(), name.to_owned(), places)),
        }
        Ok(())
    }

    /// One trace that somebody asked for by name.
    pub fn watch_one(&mut self, kind: &str, name: &str, id: TraceId) {
        if let Some(place) = self.places.get(&id) {
            self.watched.push((kind.to_owned(), name.to_owned(), vec![*place]));
        }
    }

    fn of_ids(&self, ids: &RecordBatch) -> Result<Vec<u32>, ScenarioError> {
        let ids = texts(ids, "TraceId")?;
        let place = |row: usize| ids.value(row).parse::<TraceId>().ok().and_then(|id| self.places.get(&id).copied());
        Ok((0..ids.len()).filter_map(place).collect())
    }

    /// Whether a trace is kept by these rules; one that was not recorded by chance.
    pub fn keeps(&self, rules: &Sampling) -> impl Fn(TraceId) -> bool + '_ {
        let (found, rules) = (self.found_by(rules), rules.clone());
        move |id| match self.places.get(&id) {
            Some(place) => self.decided(*place as usize, &found, &rules).is_kept,
            None => is_in(rules.head, id),
        }
    }

    /// What each rule finds.
    fn found_by(&self, rules: &Sampling) -> Vec<Option<&Vec<bool>>> {
        rules.rules.iter().map(|rule| self.found.get(&rule.search)).collect()
    }

    /// By which rule a trace is kept, and whether by chance.
    fn decided(&self, place: usize, found: &[Option<&Vec<bool>>], rules: &Sampling) -> OfTrace {
        let (id, trace) = &self.traces[place];
        let rule = found.iter().position(|found| found.is_some_and(|found| found[place])).unwrap_or(found.len());
        let length = trace.last.saturating_sub(trace.first);
        let is_certain = rule == found.len()
            && (rules.keep_errors && trace.has_error || rules.slower_than.is_some_and(|most| length > most));
        let share = rules.rules.get(rule).map_or(rules.head, |rule| rule.keep);
        OfTrace { rule, is_certain, is_kept: is_certain || is_in(share, *id) }
    }

    /// What is kept by these rules.
    pub fn sampled(&self, rules: &Sampling) -> Sampled {
        let found = self.found_by(rules);
        let decided = |(search, keep): (Option<String>, f64)| Decided {
            search,
            keep,
            traces: 0,
            kept_traces: 0,
            error_traces: 0,
            kept_error_traces: 0,
        };
        let named = rules.rules.iter().map(|rule| (Some(rule.search.clone()), rule.keep));
        let mut by_rule: Vec<Decided> = named.chain([(None, rules.head)]).map(decided).collect();
        let slow_nanos = rules.slower_than.unwrap_or(SLOW);
        let mut kept = vec![false; self.traces.len()];
        let mut by_chance = vec![0_u64; by_rule.len()];
        for (place, (_, trace)) in self.traces.iter().enumerate() {
            let decided = self.decided(place, &found, rules);
            let of = &mut by_rule[decided.rule];
            kept[place] = decided.is_kept;
            by_chance[decided.rule] += u64::from(!decided.is_certain && of.keep > 0.0);
            of.traces += 1;
            of.kept_traces += u64::from(kept[place]);
            of.error_traces += u64::from(trace.has_error);
            of.kept_error_traces += u64::from(trace.has_error && kept[place]);
        }
        let variance: f64 = by_rule
            .iter()
            .zip(&by_chance)
            .filter(|(_, n)| **n > 0)
            .map(|(of, n)| *n as f64 * (1.0 - of.keep) / of.keep)
            .sum();
        let n: u64 = by_chance.iter().sum();
        self.told(&kept, by_rule, slow_nanos, (n > 0).then(|| (variance.sqrt() / n as f64 * 1e6).round() / 1e6))
    }

    fn told(&self, kept: &[bool], rules: Vec<Decided>, slow_nanos: i64, count_error: Option<f64>) -> Sampled {
        let all = || self.traces.iter().zip(kept).map(|((id, trace), kept)| (*id, trace, *kept));
        let count = |is: &dyn Fn(&Trace, bool) -> bool| all().filter(|(_, t, kept)| is(t, *kept)).count() as u64;
        let is_slow = |t: &Trace| t.last.saturating_sub(t.first) > slow_nanos;
        let lost = || all().filter(|(_, t, kept)| t.has_error && !kept);
        let ids: BTreeSet<String> = lost().map(|(id, _, _)| id.to_string()).collect();
        let mut began = vec![0; self.operations.len()];
        lost().for_each(|(_, t, _)| began[t.operation as usize] += 1);
        let mut still = vec![false; self.operations.len()];
        for (trace, operation) in &self.pairs {
            still[*operation as usize] |= kept[*trace as usize];
        }
        let named = |counts: &mut dyn Iterator<Item = (usize, u64)>| {
            let one = |(i, n): (usize, u64)| {
                let of = &self.operations[i];
                Operation { service: of.service.clone(), name: of.name.clone(), n }
            };
            let mut all: Vec<Operation> = counts.map(one).collect();
            all.sort_by(|a, b| b.n.cmp(&a.n).then_with(|| (&a.service, &a.name).cmp(&(&b.service, &b.name))));
            all
        };
        let gone = still.iter().enumerate().filter(|(_, is_there)| !**is_there);
        let lost_operation_names = named(&mut gone.map(|(i, _)| (i, self.operations[i].spans)));
        let watched = |(kind, name, places): &(String, String, Vec<u32>)| Watched {
            kind: kind.clone(),
            name: name.clone(),
            traces: places.len() as u64,
            kept_traces: places.iter().filter(|place| kept[**place as usize]).count() as u64,
        };
        Sampled {
            traces: self.traces.len() as u64,
            spans: all().map(|(_, t, _)| t.spans).sum(),
            error_traces: count(&|t, _| t.has_error),
            kept_traces: count(&|_, kept| kept),
            kept_spans: all().filter(|(_, _, kept)| *kept).map(|(_, t, _)| t.spans).sum(),
            kept_error_traces: count(&|t, kept| kept && t.has_error),
            lost_error_traces: ids.len() as u64,
            lost_operations: lost_operation_names.len() as u64,
            lost_error_trace_ids: ids.into_iter().collect(),
            weight: all().map(|(_, t, _)| t.weight).sum(),
            kept_weight: all().filter(|(_, _, kept)| *kept).map(|(_, t, _)| t.weight).sum(),
            rules,
            lost_errors: named(&mut began.iter().copied().enumerate().filter(|(_, n)| *n > 0)),
            lost_operation_names,
            slow_nanos,
            slow_traces: count(&|t, _| is_slow(t)),
            kept_slow_traces: count(&|t, kept| kept && is_slow(t)),
            watched: self.watched.iter().map(watched).collect(),
            count_error,
        }
    }
}
