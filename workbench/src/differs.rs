//! What is different about some traces of a search.

use crate::explore::At;
use crate::workbench::Workbench;
use crate::{errors, trace};
use arrow::array::{ArrayRef, AsArray as _, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use serde_json::{Value, json};
use sextant_analysis::{Counted, differences};
use sextant_contract::{Answer, AskError, Code, Completeness, Period, SearchAsk};
use sextant_model::query::Query;
use sextant_model::{Prune, Signal, TimeRange, TraceId};
use sextant_queries::{clickhouse, duckdb, parse};
use std::collections::HashMap;
use std::sync::Arc;

/// So many traces of each set, the newest, are looked at.
const MAX_TRACES: usize = 1_500;
/// What is less sure than this may be chance.
const MAX_Q: f64 = 0.05;
/// More rows are not shown.
const MAX_ROWS: usize = 500;

/// What a value is of.
struct What {
    kind: String,
    service: String,
    key: String,
    value: String,
}

impl Workbench {
    /// Attributes, operations and errors that traces found by `chosen` have more or less often than the other traces of
    /// the search.
    pub(crate) fn differs(
        &self,
        at: At<'_>,
        search: &SearchAsk,
        chosen: &str,
        within: Option<Period>,
    ) -> Result<Answer, AskError> {
        let began = std::time::Instant::now();
        let of_traces = |text: &str| -> Result<Query, AskError> {
            let query = parse(Signal::Traces, text).map_err(|e| errors::parse(&e))?;
            match query.aggregate {
                None => Ok(query),
                Some(_) => Err(AskError::new(Code::BadQuery, "figures can't be compared here")
                    .hint("leave out what follows the |")),
            }
        };
        let (base, chosen) = (of_traces(&search.query)?, of_traces(chosen)?);
        let period = TimeRange::from(search.period);
        let within = within.map_or(period, TimeRange::from);
        let set = |is_chosen: bool| -> Result<(Vec<TraceId>, Completeness), AskError> {
            let (of, by) = ((&base, period), (&chosen, within));
            let found = self.rows_at(
                at,
                // Other spans of a trace may be what it is chosen by.
                || (duckdb::cohort(of, by, is_chosen, MAX_TRACES), Prune::within(period)),
                |tables| clickhouse::cohort(tables, of, by, is_chosen, MAX_TRACES),
            )?;
            let ids = found.batches.iter().flat_map(|b| {
                b.columns().first().and_then(|c| c.as_string_opt::<i32>()).into_iter().flatten().flatten()
            });
            Ok((ids.map(trace::parse_id).collect::<Result<_, _>>()?, found.completeness.clone()))
        };
        let ((a, whole_a), (b, whole_b)) = (set(true)?, set(false)?);
        let (n_a, n_b) = (a.len() as u64, b.len() as u64);
        let ids = a.iter().chain(&b).copied().collect();
        let prune = Prune { traces: Some(ids), ..Prune::default() };
        let mut found =
            self.rows_at(at, || (duckdb::differs(&a, &b), prune), |tables| clickhouse::differs(tables, &a, &b))?;
        let (counted, times) = read(&found.batches, n_a, n_b);
        let all = differences(counted);
        let n_compared = all.len();
        let shown: Vec<_> = all.into_iter().filter(|d| d.q <= MAX_Q).take(MAX_ROWS).collect();
        let text = |f: &dyn Fn(&What) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(shown.iter().map(|d| f(&d.what))))
        };
        let int =
            |all: Vec<u64>| -> ArrayRef { Arc::new(all.into_iter().map(|n| Some(n as i64)).collect::<Int64Array>()) };
        let float = |all: Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(all)) };
        let rows = RecordBatch::try_from_iter([
            ("kind", text(&|w| &w.kind)),
            ("service", text(&|w| &w.service)),
            ("key", text(&|w| &w.key)),
            ("value", text(&|w| &w.value)),
            ("a", int(shown.iter().map(|d| d.a.0).collect())),
            ("of_a", int(shown.iter().map(|d| d.a.1).collect())),
            ("b", int(shown.iter().map(|d| d.b.0).collect())),
            ("of_b", int(shown.iter().map(|d| d.b.1).collect())),
            ("difference", float(shown.iter().map(|d| d.difference).collect())),
            ("low", float(shown.iter().map(|d| d.interval.0).collect())),
            ("high", float(shown.iter().map(|d| d.interval.1).collect())),
            ("q", float(shown.iter().map(|d| d.q).collect())),
        ]);
        let rows = rows.map_err(|e| AskError::new(Code::Internal, format!("rows can't be made: {e}")))?;
        found.completeness = found.completeness.and(whole_a).and(whole_b);
        let is_cut = |n: u64| n as usize >= MAX_TRACES;
        if is_cut(n_a) || is_cut(n_b) {
            found.completeness = found.completeness.and(Completeness::Limited { total: None });
        }
        found.cost.took_micros = began.elapsed().as_micros() as u64;
        found.object = Some(json!({
            "n_a": n_a, "n_b": n_b, "is_cut_a": is_cut(n_a), "is_cut_b": is_cut(n_b), "n_compared": n_compared,
            "times": times,
        }));
        found.schema = rows.schema();
        found.batches = vec![rows];
        Ok(found)
    }
}

/// Where differences are equally sure, those come first whose service, and whose operation, takes most of the time that is
/// different: what else differs then is mostly its consequence.
fn causes_first(counted: &mut [Counted<What>], times: &[(i64, Value)]) {
    let mut by_service: HashMap<&str, i64> = HashMap::new();
    let mut by_operation: HashMap<(&str, &str), i64> = HashMap::new();
    for (difference, one) in times {
        let (service, key) = (one[0].as_str().unwrap_or_default(), one[1].as_str().unwrap_or_default());
        *by_service.entry(service).or_default() += difference;
        *by_operation.entry((service, key)).or_default() += difference;
    }
    counted.sort_by_cached_key(|c| {
        let what = (c.what.service.as_str(), c.what.key.as_str());
        let of_service = by_service.get(what.0).copied().unwrap_or(0);
        let own = by_operation.get(&what).copied().unwrap_or(0);
        (std::cmp::Reverse((of_service, own)), c.what.kind != "error")
    });
}

/// Counts, and times a trace as `[service, operation, a, b]`, the largest difference first.
fn read(batches: &[RecordBatch], n_a: u64, n_b: u64) -> (Vec<Counted<What>>, Vec<Value>) {
    let mut rows: Vec<(What, i64, i64)> = Vec::new();
    for batch in batches {
        let text = |i: usize| batch.column(i).as_string::<i32>();
        let int = |i: usize| batch.column(i).as_primitive::<Int64Type>();
        let (kind, service, key, value, a, b) = (text(0), text(1), text(2), text(3), int(4), int(5));
        rows.extend((0..batch.num_rows()).map(|row| {
            let what = What {
                kind: kind.value(row).to_owned(),
                service: service.value(row).to_owned(),
                key: key.value(row).to_owned(),
                value: value.value(row).to_owned(),
            };
            (what, a.value(row), b.value(row))
        }));
    }
    let of_service = |(what, a, b): &(What, i64, i64)| (what.service.clone(), (*a as u64, *b as u64));
    // What is equally sure comes in the same order each time.
    rows.sort_by(|(a, ..), (b, ..)| {
        (&a.kind, &a.service, &a.key, &a.value).cmp(&(&b.kind, &b.service, &b.key, &b.value))
    });
    let services: HashMap<String, (u64, u64)> =
        rows.iter().filter(|(what, ..)| what.kind == "service").map(of_service).collect();
    let (mut counted, mut times) = (Vec::new(), Vec::new());
    for (what, a, b) in rows {
        // An attribute of a service that is not called is not missing: only traces with the service count.
        let (of_a, of_b) = match what.kind.as_str() {
            "time" => {
                times.push(((a - b).abs(), json!([what.service, what.key, a, b])));
                continue;
            }
            "service" => continue,
            "attribute" | "resource" => services.get(&what.service).copied().unwrap_or((n_a, n_b)),
            _ => (n_a, n_b),
        };
        counted.push(Counted { what, a: (a as u64, of_a), b: (b as u64, of_b) });
    }
    times.sort_by_key(|(difference, _)| std::cmp::Reverse(*difference));
    causes_first(&mut counted, &times);
    (counted, times.into_iter().take(30).map(|(_, one)| one).collect())
}
