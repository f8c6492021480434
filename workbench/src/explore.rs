//! What the screens ask beyond searching: facets, histograms, the tree of a trace, one span, senders.

use crate::remotes::Asked;
use crate::search::{answer, not_found};
use crate::skeleton;
use crate::workbench::Workbench;
use crate::{errors, trace};
use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};
use sextant_analysis::Spans;
use sextant_contract::{Answer, AskError, Code, Period, SearchAsk, SearchKind, push_row};
use sextant_model::{Prune, Sql, Table, TimeRange, TraceId};
use sextant_queries::clickhouse::{self, Tables};
use sextant_queries::{duckdb, parse, prune};
use sextant_store::Limits;
use std::sync::Arc;

pub(crate) fn bounds(period: Period) -> Result<(i64, i64), AskError> {
    match (period.from, period.to) {
        (Some(from), Some(to)) if from < to => Ok((from, to)),
        _ => Err(AskError::new(Code::BadQuery, "a period with both bounds is needed here")),
    }
}

/// Where records are.
#[derive(Clone, Copy)]
pub(crate) enum At<'a> {
    /// In the store.
    Here,
    /// In a source.
    There(&'a Asked),
}

impl Workbench {
    fn run(&self, sql: &Sql, prune: &Prune) -> Result<Answer, AskError> {
        self.store.query(sql, prune, Limits::default()).map(answer).map_err(|e| errors::store(&e))
    }

    pub(crate) fn facets(&self, search: &SearchAsk, fields: &[String]) -> Result<Answer, AskError> {
        let query = parse(search.kind.signal(), &search.query).map_err(|e| errors::parse(&e))?;
        let range = TimeRange::from(search.period);
        self.run(&duckdb::facets(&query, range, fields, search.limit), &prune(&query, range))
    }

    pub(crate) fn histogram(&self, search: &SearchAsk, n_buckets: u32) -> Result<Answer, AskError> {
        let query = parse(search.kind.signal(), &search.query).map_err(|e| errors::parse(&e))?;
        let period = bounds(search.period)?;
        let sql = duckdb::histogram(&query, period, n_buckets);
        let prune = prune(&query, TimeRange::from(search.period));
        if !duckdb::is_by_service(&query.filter) {
            return self.run(&sql, &prune);
        }
        self.count_parts(&sql, period, n_buckets, &prune)
    }

    pub(crate) fn senders(&self, period: Period, n_buckets: u32) -> Result<Answer, AskError> {
        let sql = duckdb::senders(bounds(period)?, n_buckets);
        self.count_parts(&sql, bounds(period)?, n_buckets, &Prune::within(period.into()))
    }

    /// Runs a statement that counts rows in parts of a period.
    fn count_parts(&self, sql: &Sql, period: (i64, i64), n_parts: u32, prune: &Prune) -> Result<Answer, AskError> {
        let part = duckdb::part_nanos(period, n_parts);
        let found = self.store.by_minute(sql, period, part, prune, Limits::default());
        found.map(answer).map_err(|e| errors::store(&e))
    }

    /// Fields that every search has, then those that were seen; values of one.
    pub(crate) fn complete(
        &self,
        kind: SearchKind,
        key: Option<&str>,
        part: &str,
        limit: usize,
    ) -> Result<Answer, AskError> {
        let signal = kind.signal();
        let key = key.map(|key| match key {
            "operation" | "op" | "SpanName" | "MetricName" | "root.name" => "name",
            "ServiceName" | "root.service" => "service",
            "severity" => "level",
            "env" => "deployment.environment.name",
            other => other,
        });
        let mut found = self.store.complete(signal, key, part);
        match key {
            Some("error") => found = vec![("true".into(), 0), ("false".into(), 0)],
            Some(_) => {}
            None => {
                let part = part.to_lowercase();
                let begins = |name: &&str| name.starts_with(&part);
                let known = sextant_queries::fields(signal).into_iter().filter(begins).map(str::to_owned);
                let mut all: Vec<(String, u64)> = known
                    .map(|name| {
                        let n = found.iter().find(|(key, _)| *key == name).map_or(0, |(_, n)| *n);
                        (name, n)
                    })
                    .collect();
                all.extend(
                    found.into_iter().filter(|(key, _)| !sextant_queries::fields(signal).contains(&key.as_str())),
                );
                found = all;
            }
        }
        found.truncate(limit);
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(found.iter().map(|(text, _)| text)));
        let counts: ArrayRef = Arc::new(Int64Array::from_iter_values(found.iter().map(|(_, n)| *n as i64)));
        let rows = RecordBatch::try_from_iter([("text", texts), ("n", counts)])
            .map_err(|e| AskError::new(Code::Internal, format!("rows can't be made: {e}")))?;
        Ok(Answer::rows(rows.schema(), vec![rows], self.store.snapshot().generation))
    }

    /// Attributes of a search that nobody has seen, with what was probably meant.
    pub(crate) fn unknown(&self, kind: SearchKind, query: &str) -> Result<Answer, AskError> {
        /// Less alike names are others.
        const ALIKE: f64 = 0.8;
        let signal = kind.signal();
        let parsed = parse(signal, query).map_err(|e| errors::parse(&e))?;
        let seen: Vec<String> = self.store.complete(signal, None, "").into_iter().map(|(key, _)| key).collect();
        let known = || seen.iter().map(String::as_str).chain(sextant_queries::fields(signal));
        let one = |field: &str| {
            let alike = known().map(|k| (strsim::damerau_levenshtein(field, k), k));
            let nearest = alike.min_by_key(|(steps, _)| *steps);
            let share = |steps: usize| 1.0 - steps as f64 / field.chars().count().max(1) as f64;
            let near = nearest.filter(|(steps, _)| *steps <= 2 || share(*steps) >= ALIKE).map(|(_, k)| k);
            json!({ "field": field, "near": near })
        };
        let unseen = parsed.attributes().into_iter().filter(|f| !known().any(|k| k == *f));
        let fields: Vec<Value> = unseen.map(one).collect();
        Ok(Answer::object(json!({ "fields": fields }), self.store.snapshot().generation))
    }

    /// Rows of a statement, here or there.
    pub(crate) fn rows_at(
        &self,
        at: At<'_>,
        here: impl FnOnce() -> (Sql, Prune),
        there: impl FnOnce(&Tables) -> Sql,
    ) -> Result<Answer, AskError> {
        match at {
            At::Here => {
                let (sql, prune) = here();
                self.run(&sql, &prune)
            }
            At::There(source) => self.run_there(source, there(&source.layout.tables()), usize::MAX),
        }
    }

    pub(crate) fn deployments(&self, at: At<'_>, period: Period) -> Result<Answer, AskError> {
        let range = TimeRange::from(period);
        let here = || (duckdb::deployments(range), Prune::within(range));
        self.rows_at(at, here, |tables| clickhouse::deployments(tables, range))
    }

    pub(crate) fn links_to(&self, trace: &str, period: Period) -> Result<Answer, AskError> {
        let range = TimeRange::from(period);
        self.run(&duckdb::links_to(trace::parse_id(trace)?, range), &Prune::within(range))
    }

    pub(crate) fn extent(&self, kind: SearchKind) -> Result<Answer, AskError> {
        self.run(&duckdb::extent(kind.signal()), &Prune::default())
    }

    pub(crate) fn skeleton(&self, id: &str) -> Result<Answer, AskError> {
        let mut found = self.stored_each(id, &skeleton::COLUMNS, &Ok)?;
        let logs = self.stored_logs_of(trace::parse_id(id)?)?;
        let (rows, mut head) = skeleton::skeleton(&found.batches, &logs.batches)
            .map_err(|e| AskError::new(Code::Internal, format!("the tree can't be made: {e}")))?;
        head["status"] = self.root_status(id, head["root"].as_str().unwrap_or_default()).into();
        found.schema = rows.schema();
        found.batches = vec![rows];
        found.object = Some(head);
        Ok(found)
    }

    /// When its log records were, and of which spans.
    pub(crate) fn stored_logs_of(&self, id: TraceId) -> Result<sextant_store::Answer, AskError> {
        let columns = ["TraceId", "SpanId", "Timestamp"];
        self.store.trace_each(Table::Logs, id, &columns, &Ok).map_err(|e| errors::store(&e))
    }

    /// How the request of a trace ended, by the attributes of its root.
    fn root_status(&self, trace: &str, span: &str) -> String {
        let Ok(id) = trace::parse_id(trace) else { return String::new() };
        let sql = duckdb::status_of(&id.to_string(), span);
        let prune = Prune { traces: Some(vec![id]), ..Prune::default() };
        let found = self.store.query(&sql, &prune, Limits::default()).ok();
        let text = found.and_then(|f| {
            let column = f.batches.first()?.column(0).as_string_opt::<i32>()?;
            column.iter().flatten().next().map(str::to_owned)
        });
        text.unwrap_or_default()
    }

    pub(crate) fn span(&self, trace: &str, span: &str) -> Result<Answer, AskError> {
        span_of(self.trace(trace)?, trace, span)
    }
}

/// Everything about a span of a trace.
pub(crate) fn span_of(mut found: Answer, trace: &str, span: &str) -> Result<Answer, AskError> {
    let object = found.batches.iter().find_map(|batch| {
        let place = Spans::new(std::slice::from_ref(batch)).texts("SpanId").iter().position(|id| *id == span)?;
        let mut row = String::new();
        push_row(batch, place, &mut row);
        serde_json::from_str::<Value>(&row).ok()
    });
    let row = object.ok_or_else(|| not_found(format!("there is no span {span} in trace {trace}")))?;
    let list = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
    let zip = |of: &Value, keys: &[&str]| -> Vec<Value> {
        let n = list(of, keys[0]).len();
        (0..n).map(|i| keys.iter().map(|k| ((*k).to_owned(), of[*k][i].clone())).collect()).map(Value::Object).collect()
    };
    found.object = Some(json!({
        "attributes": row["SpanAttributes"], "resource": row["ResourceAttributes"], "scope": row["ScopeName"],
        "scope_version": row["ScopeVersion"], "trace_state": row["TraceState"], "flags": row["Flags"],
        "timestamp": row["Timestamp"], "parent": row["ParentSpanId"], "message": row["StatusMessage"],
        "events": zip(&row["Events"], &["Timestamp", "Name", "Attributes"]),
        "links": zip(&row["Links"], &["TraceId", "SpanId", "Attributes"]),
        "raw": row,
    }));
    found.batches.clear();
    Ok(found)
}
