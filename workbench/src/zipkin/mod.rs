//! The answers of Zipkin's query API.

mod parameters;
mod span;

use crate::search::not_found;
use crate::workbench::{Workbench, now};
use crate::{errors, trace};
use arrow::array::AsArray as _;
use parameters::{Parameters, bad};
use serde_json::{Value, json};
use sextant_contract::{Answer, AskError, push_row};
use sextant_model::{Prune, Signal, Sql, TimeRange, UnixNanos};
use sextant_queries::{duckdb, zipkin};
use sextant_store::Limits;
use std::collections::BTreeSet;

impl Workbench {
    /// Answers `GET /api/v2/…`: `path` is what follows.
    ///
    /// # Errors
    /// If there is no such thing, a parameter makes no sense, or reading fails.
    pub fn zipkin(&self, path: &str, parameters: Vec<(String, String)>) -> Result<Value, AskError> {
        let parameters = Parameters(parameters);
        match path.split_once('/') {
            None => match path {
                "services" => self.names(&zipkin::services()),
                "spans" => self.names(&zipkin::span_names(&parameters.lower("serviceName")?)),
                "remoteServices" => self.names(&zipkin::remote_services(&parameters.lower("serviceName")?)),
                "traces" => self.zipkin_traces(&parameters),
                "traceMany" => self.zipkin_many(&parameters),
                "dependencies" => self.zipkin_dependencies(&parameters),
                "autocompleteKeys" => Ok(sorted(self.store.complete(Signal::Traces, None, ""))),
                "autocompleteValues" => {
                    Ok(sorted(self.store.complete(Signal::Traces, Some(parameters.needed("key")?), "")))
                }
                _ => Err(not_found(format!("Zipkin has no {path}"))),
            },
            Some(("trace", id)) => self.zipkin_trace(id)?.ok_or_else(|| not_found(format!("{id} not found"))),
            Some(_) => Err(not_found(format!("Zipkin has no {path}"))),
        }
    }

    fn names(&self, sql: &Sql) -> Result<Value, AskError> {
        let found = self.store.query(sql, &Prune::default(), Limits::default()).map_err(|e| errors::store(&e))?;
        let of_batch = |batch: &arrow::array::RecordBatch| -> Vec<Value> {
            batch.column(0).as_string::<i32>().iter().flatten().map(Value::from).collect()
        };
        Ok(found.batches.iter().flat_map(of_batch).collect())
    }

    fn zipkin_traces(&self, parameters: &Parameters) -> Result<Value, AskError> {
        let (range, ask) = (parameters.range(now(), false)?, parameters.traces()?);
        let found = self.store.query(&zipkin::traces(&ask, range), &Prune::within(range), Limits::default());
        let found = found.map_err(|e| errors::store(&e))?;
        let mut all = Vec::new();
        for batch in &found.batches {
            for id in batch.column(0).as_string::<i32>().iter().flatten() {
                all.extend(self.zipkin_trace(id)?);
            }
        }
        Ok(Value::Array(all))
    }

    fn zipkin_many(&self, parameters: &Parameters) -> Result<Value, AskError> {
        let ids: Vec<&str> = parameters.needed("traceIds")?.split(',').map(str::trim).collect();
        if ids.len() < 2 {
            return Err(bad("traceIds parameter requires at least two trace IDs"));
        }
        let parsed: Vec<_> = ids.iter().map(|id| trace::parse_id(id)).collect::<Result<_, _>>()?;
        if parsed.iter().collect::<BTreeSet<_>>().len() < parsed.len() {
            return Err(bad("traceIds parameter has a redundant trace ID"));
        }
        let traces: Vec<Option<Value>> = ids.iter().map(|id| self.zipkin_trace(id)).collect::<Result<_, _>>()?;
        Ok(traces.into_iter().flatten().collect())
    }

    /// The spans of a trace; nothing if it is not there.
    fn zipkin_trace(&self, id: &str) -> Result<Option<Value>, AskError> {
        let answer = match self.trace(id) {
            Err(e) if e.code == sextant_contract::Code::NotFound => return Ok(None),
            answer => answer?,
        };
        Ok(Some(rows(&answer).iter().map(span::of).collect()))
    }

    fn zipkin_dependencies(&self, parameters: &Parameters) -> Result<Value, AskError> {
        let range = parameters.range(now(), true)?;
        let sql = duckdb::dependencies(None, range);
        let found = self.store.query(&sql, &Prune::within(range), Limits::default()).map_err(|e| errors::store(&e))?;
        let edge = |row: &Value| {
            let mut edge =
                json!({ "parent": lower(&row["parent"]), "child": lower(&row["child"]), "callCount": row["calls"] });
            if row["errors"] != json!(0) {
                edge["errorCount"] = row["errors"].clone();
            }
            edge
        };
        Ok(rows(&crate::search::answer(found)).iter().map(edge).collect())
    }
}

fn lower(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_lowercase()
}

fn sorted(found: Vec<(String, u64)>) -> Value {
    let names: BTreeSet<String> = found.into_iter().map(|(name, _)| name).collect();
    names.into_iter().map(Value::from).collect()
}

fn rows(answer: &Answer) -> Vec<Value> {
    let of_batch = |batch: &arrow::array::RecordBatch| -> Vec<Value> {
        let row = |place| {
            let mut text = String::new();
            push_row(batch, place, &mut text);
            serde_json::from_str(&text).unwrap_or_default()
        };
        (0..batch.num_rows()).map(row).collect()
    };
    answer.batches.iter().flat_map(of_batch).collect()
}

/// From `ms` milliseconds back from an end that belongs to it.
fn range_of(end_ms: i64, lookback_ms: i64) -> TimeRange {
    let nanos = |ms: i64| ms.saturating_mul(1_000_000);
    TimeRange {
        from: Some(UnixNanos(nanos(end_ms.saturating_sub(lookback_ms)))),
        to: Some(UnixNanos(nanos(end_ms.saturating_add(1)))),
    }
}
