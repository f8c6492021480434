//! Sampling, replayed on the traces that were recorded: never a formula on counts of spans.

use crate::error::ScenarioError;
use crate::scenario::Sampling;
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampNanosecondType, UInt64Type};
use serde::Serialize;
use sextant_model::TraceId;
use std::collections::{BTreeSet, HashMap};

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
}

/// What is known of a trace.
#[derive(Debug, Clone, Copy)]
struct Trace {
    first: i64,
    last: i64,
    spans: u64,
    has_error: bool,
}

/// Traces that were recorded: span by span they are told, trace by trace they are kept.
#[derive(Debug, Default)]
pub struct Recorded {
    places: HashMap<TraceId, u32>,
    traces: Vec<(TraceId, Trace)>,
    names: HashMap<(String, String), u32>,
    /// Which operations a trace has, in any order and perhaps more than once.
    operations: Vec<(u32, u32)>,
}

/// The low 56 bits of an id decide, and a whole is so many.
const WHOLE: f64 = (1_u64 << 56) as f64;

fn low_bits(id: TraceId) -> u64 {
    id.0[9..].iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

impl Recorded {
    /// Takes in spans: `TraceId`, `ServiceName`, `SpanName`, `Timestamp`, `Duration` and `StatusCode`.
    ///
    /// # Errors
    /// If a column is missing or of another type.
    pub fn add(&mut self, spans: &RecordBatch) -> Result<(), ScenarioError> {
        let column = |name: &str| {
            spans.column_by_name(name).ok_or_else(|| ScenarioError::of("sampling", format!("spans have no {name}")))
        };
        let wrong = |name: &str| ScenarioError::of("sampling", format!("{name} of spans is of another type"));
        let text = |name: &'static str| column(name)?.as_string_opt::<i32>().ok_or_else(|| wrong(name));
        let (ids, services, names) = (text("TraceId")?, text("ServiceName")?, text("SpanName")?);
        let status = text("StatusCode")?;
        let starts = column("Timestamp")?.as_primitive_opt::<TimestampNanosecondType>();
        let starts = starts.ok_or_else(|| wrong("Timestamp"))?;
        let durations = column("Duration")?;
        let signed = durations.as_primitive_opt::<Int64Type>().map(|d| d.values().to_vec());
        let unsigned =
            || durations.as_primitive_opt::<UInt64Type>().map(|d| d.values().iter().map(|n| *n as i64).collect());
        let durations = signed.or_else(unsigned).ok_or_else(|| wrong("Duration"))?;
        let mut last: Option<(&str, u32)> = None;
        for (row, duration) in durations.into_iter().enumerate() {
            // A span without a trace is in none.
            let Ok(id) = ids.value(row).parse::<TraceId>() else { continue };
            let place = match last {
                Some((text, place)) if text == ids.value(row) => place,
                _ => {
                    let next = self.traces.len() as u32;
                    let place = *self.places.entry(id).or_insert(next);
                    if place == next {
                        let none = Trace { first: i64::MAX, last: i64::MIN, spans: 0, has_error: false };
                        self.traces.push((id, none));
                    }
                    place
                }
            };
            last = Some((ids.value(row), place));
            let trace = &mut self.traces[place as usize].1;
            let start = starts.value(row);
            trace.first = trace.first.min(start);
            trace.last = trace.last.max(start.saturating_add(duration));
            trace.spans += 1;
            trace.has_error |= status.value(row) == "Error";
            let next = self.names.len() as u32;
            let name = (services.value(row).to_owned(), names.value(row).to_owned());
            let operation = *self.names.entry(name).or_insert(next);
            self.operations.push((place, operation));
        }
        Ok(())
    }

    /// What is kept by these rules.
    pub fn sampled(&self, rules: Sampling) -> Sampled {
        // A whole number is at least a broken one when it is at least the next whole one.
        let threshold = ((1.0 - rules.head) * WHOLE).ceil() as u64;
        let is_kept = |id: TraceId, trace: &Trace| {
            low_bits(id) >= threshold
                || rules.keep_errors && trace.has_error
                || rules.slower_than.is_some_and(|most| trace.last.saturating_sub(trace.first) > most)
        };
        let kept: Vec<bool> = self.traces.iter().map(|(id, trace)| is_kept(*id, trace)).collect();
        let of = |all: bool, errors: bool| {
            let traces = self.traces.iter().zip(&kept);
            traces.filter(move |((_, t), kept)| (all || **kept) && (!errors || t.has_error)).map(|((_, t), _)| t.spans)
        };
        let lost: BTreeSet<String> = self
            .traces
            .iter()
            .zip(&kept)
            .filter(|((_, t), kept)| t.has_error && !**kept)
            .map(|((id, _), _)| id.to_string())
            .collect();
        let mut still = vec![false; self.names.len()];
        for (trace, operation) in &self.operations {
            still[*operation as usize] |= kept[*trace as usize];
        }
        Sampled {
            traces: of(true, false).count() as u64,
            spans: of(true, false).sum(),
            error_traces: of(true, true).count() as u64,
            kept_traces: of(false, false).count() as u64,
            kept_spans: of(false, false).sum(),
            kept_error_traces: of(false, true).count() as u64,
            lost_error_traces: lost.len() as u64,
            lost_operations: still.iter().filter(|is_there| !**is_there).count() as u64,
            lost_error_trace_ids: lost.into_iter().collect(),
        }
    }
}
