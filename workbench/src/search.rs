//! Searches, counts, SQL and services.

use crate::errors;
use crate::workbench::Workbench;
use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, Schema};
use sextant_contract::{Answer, AskError, Code, Completeness, Cost, Period, SearchAsk, SearchKind};
use sextant_model::query::Query;
use sextant_model::{Param, Prune, Signal, Sql, Table, TimeRange, TraceId};
use sextant_queries::{duckdb, parse, prune, view_as};
use sextant_store::{Limits, Plan};
use std::sync::Arc;

pub(crate) fn answer(found: sextant_store::Answer) -> Answer {
    let schema = found.schema.clone().or_else(|| found.batches.first().map(arrow::array::RecordBatch::schema));
    Answer {
        schema: schema.unwrap_or_else(|| Arc::new(Schema::empty())),
        object: None,
        completeness: completeness(&found),
        cost: Cost {
            n_segments: found.scanned.n_segments as u64,
            n_segments_total: found.scanned.n_segments_total as u64,
            n_rows_scanned: found.scanned.n_rows,
            n_bytes_scanned: found.scanned.n_bytes,
            took_micros: found.took.as_micros() as u64,
        },
        generation: found.generation,
        batches: found.batches,
    }
}

/// What is missing in an answer: unreadable files before cut rows, because nobody would look for them.
pub(crate) fn completeness(found: &sextant_store::Answer) -> Completeness {
    let Some(first) = found.missing.first() else {
        return if found.is_cut { Completeness::Limited { total: None } } else { Completeness::Complete };
    };
    let n_rows: u64 = found.missing.iter().map(|m| m.n_rows).sum();
    let others = match found.missing.len() {
        1 => String::new(),
        n => format!(" (and {} more files)", n - 1),
    };
    Completeness::Partial { reason: format!("{n_rows} records are unavailable: {}{others}", first.why) }
}

/// What is run for a search; for traces, the statement that finds them.
pub(crate) fn statement(ask: &SearchAsk, query: &Query, range: TimeRange) -> Sql {
    if let Some(aggregate) = &query.aggregate {
        return duckdb::aggregate(query, aggregate, range, ask.limit);
    }
    match ask.kind {
        SearchKind::Traces => duckdb::trace_hits(query, range, ask.limit),
        SearchKind::Spans => duckdb::spans(query, range, ask.limit),
        SearchKind::Logs => duckdb::logs(query, range, ask.limit),
        SearchKind::Metrics => duckdb::metrics(query, range, ask.limit),
    }
}

/// Said to be cut if it is as long as it may be.
fn limited(mut answer: Answer, limit: usize) -> Answer {
    if answer.n_rows() >= limit && answer.completeness == Completeness::Complete {
        answer.completeness = Completeness::Limited { total: None };
    }
    answer
}

fn explained(sql: &Sql) -> serde_json::Value {
    let params: Vec<serde_json::Value> = sql
        .params
        .iter()
        .map(|p| match p {
            Param::Text(v) => v.as_str().into(),
            Param::Int(v) => (*v).into(),
            Param::Float(v) => (*v).into(),
        })
        .collect();
    serde_json::json!({ "sql": sql.text, "params": params })
}

fn plan(table: Table, plan: &Plan) -> serde_json::Value {
    serde_json::json!({
        "table": table.name(), "segments": plan.n_segments, "pruned_by_time": plan.by_time,
        "pruned_by_service": plan.by_service, "pruned_by_trace": plan.by_trace,
        "pruned_by_filter": plan.by_filter, "segments_left": plan.n_left,
        "row_groups": plan.n_groups, "row_groups_left": plan.n_groups_left,
        "rows_left": plan.n_rows, "bytes_left": plan.n_bytes, "rows_in_memory": plan.n_hot_rows,
    })
}

/// Quantiles over more spans than this are made of sketches.
const EXACT_ROWS: u64 = 1_000_000;

impl Workbench {
    pub(crate) fn search(&self, ask: &SearchAsk) -> Result<Answer, AskError> {
        let query = parse(ask.kind.signal(), &ask.query).map_err(|e| errors::parse(&e))?;
        let range = TimeRange::from(ask.period);
        let sql = statement(ask, &query, range);
        if ask.explain {
            let snapshot = self.store.snapshot();
            let prune = prune(&query, range);
            let plans: Vec<_> =
                ask.kind.signal().tables().iter().map(|t| plan(*t, &snapshot.plan(*t, &prune))).collect();
            let mut object = explained(&sql);
            object["search"] = sextant_queries::text(&query).into();
            if query.signal == Signal::Traces {
                let said = |said: Result<String, &'static str>| match said {
                    Ok(text) => serde_json::json!({ "text": text }),
                    Err(why) => serde_json::json!({ "not": why }),
                };
                object["traceql"] = said(view_as::traceql(&query));
                object["jaeger"] = said(view_as::jaeger(&query).map(|form| form.to_string()));
            }
            object["plan"] = plans.into();
            return Ok(Answer::object(object, snapshot.generation));
        }
        let prune = prune(&query, range);
        let limits = Limits::default();
        // The newest are looked for in ever longer parts of time, where a record alone says whether it is wanted.
        let newest = |table| {
            let found = if query.filter.is_about_traces() {
                self.store.query(&sql, &prune, limits)
            } else {
                self.store.newest(table, &sql, &prune, ask.limit, limits)
            };
            found.map_err(|e| errors::store(&e))
        };
        if query.aggregate.is_some() {
            let found = self.store.query(&sql, &prune, limits).map_err(|e| errors::store(&e))?;
            return Ok(limited(answer(found), ask.limit));
        }
        let found = match ask.kind {
            SearchKind::Traces => self.summaries(newest(Table::Traces)?)?,
            SearchKind::Spans => answer(newest(Table::Traces)?),
            SearchKind::Logs => answer(newest(Table::Logs)?),
            SearchKind::Metrics => answer(self.store.query(&sql, &prune, limits).map_err(|e| errors::store(&e))?),
        };
        Ok(limited(found, ask.limit))
    }

    /// The traces that were hit, each over all its spans.
    fn summaries(&self, hits: sextant_store::Answer) -> Result<Answer, AskError> {
        let mut ids = Vec::new();
        for batch in &hits.batches {
            let Some(column) = batch.column_by_name("TraceId").and_then(|c| c.as_string_opt::<i32>()) else { continue };
            ids.extend((0..column.len()).filter_map(|row| column.value(row).parse::<TraceId>().ok()));
        }
        let sql = duckdb::trace_summaries(&ids);
        let prune = Prune { traces: Some(ids), ..Prune::default() };
        let found = self.store.query(&sql, &prune, Limits::default()).map_err(|e| errors::store(&e))?;
        let searched = answer(hits);
        let mut found = answer(found);
        found.cost.n_rows_scanned += searched.cost.n_rows_scanned;
        found.cost.n_bytes_scanned += searched.cost.n_bytes_scanned;
        if found.completeness == Completeness::Complete {
            found.completeness = searched.completeness;
        }
        found.cost.n_segments = found.cost.n_segments.max(searched.cost.n_segments);
        found.cost.took_micros += searched.cost.took_micros;
        Ok(found)
    }

    pub(crate) fn count(&self, ask: &SearchAsk) -> Result<Answer, AskError> {
        let query = parse(ask.kind.signal(), &ask.query).map_err(|e| errors::parse(&e))?;
        let range = TimeRange::from(ask.period);
        let sql = match ask.kind {
            SearchKind::Traces => {
                let hits = duckdb::trace_hits(&query, range, usize::MAX >> 1);
                Sql { text: format!("SELECT count(*) AS n FROM ({})", hits.text), params: hits.params }
            }
            _ => duckdb::count(&query, range),
        };
        let found = self.store.query(&sql, &prune(&query, range), Limits::default()).map_err(|e| errors::store(&e))?;
        let n = found
            .batches
            .first()
            .and_then(|b| b.column(0).as_primitive_opt::<Int64Type>().map(|c| c.value(0)))
            .unwrap_or(0);
        let mut counted = answer(found);
        counted.object = Some(serde_json::json!({ "n": n }));
        Ok(counted)
    }

    pub(crate) fn sql(
        &self,
        sql: &str,
        limit: Option<usize>,
        period: Option<Period>,
        limits: Limits,
    ) -> Result<Answer, AskError> {
        let sql = &sextant_queries::statements::with_period(sql, period.map(TimeRange::from));
        let limits = Limits { n_rows: limit.unwrap_or(usize::MAX), ..limits };
        self.store.user_sql(sql, limits).map(answer).map_err(|e| errors::store(&e))
    }

    pub(crate) fn services(&self, period: Period) -> Result<Answer, AskError> {
        let range = TimeRange::from(period);
        let n_rows = self.store.snapshot().plan(Table::Traces, &Prune::within(range)).n_rows;
        let found = if n_rows > EXACT_ROWS {
            let sql = duckdb::service_overview(range, sextant_store::SKETCH_BASE);
            self.store.overview(&sql, range, Limits::default())
        } else {
            self.store.query(&duckdb::service_rows(range), &Prune::within(range), Limits::default())
        };
        found.map(answer).map_err(|e| errors::store(&e))
    }

    pub(crate) fn dependencies(&self, service: Option<&str>, period: Period) -> Result<Answer, AskError> {
        let range = TimeRange::from(period);
        let sql = duckdb::dependencies(service, range);
        self.store.query(&sql, &Prune::within(range), Limits::default()).map(answer).map_err(|e| errors::store(&e))
    }
}

pub(crate) fn not_found(what: impl Into<String>) -> AskError {
    AskError::new(Code::NotFound, what)
}
