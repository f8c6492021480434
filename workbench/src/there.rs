//! What is asked of a source, in its own SQL.

use crate::errors;
use crate::explore::{At, bounds, span_of};
use crate::remotes::{Asked, failed, made, refused};
use crate::search::not_found;
use crate::trace::{as_otlp, in_order, parse_id};
use crate::workbench::Workbench;
use crate::{find, skeleton};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use serde_json::json;
use sextant_contract::{Answer, Ask, AskError, Code, Completeness, SearchAsk, SearchKind};
use sextant_model::query::Query;
use sextant_model::{Signal, Sql, Table, TimeRange, TraceId};
use sextant_queries::{clickhouse, parse};
use sextant_remote::{LOCAL, Statement};
use std::sync::Arc;

/// Whether a signal can be asked of a source; if not, why.
fn needed(attached: &Asked, source: &str, signal: Signal) -> Result<(), AskError> {
    if attached.layout.has(signal) {
        return Ok(());
    }
    let why = attached.layout.why_not.iter().find(|(t, _)| t.signal() == signal).map(|(_, why)| why.as_str());
    let message = format!("'{source}' has no {}: {}", signal.name(), why.unwrap_or("there is no table for them"));
    let hint = format!(
        "see what it has with: sextant source test {source}; or say who has them: sextant source edit {source} --elsewhere {}=NAME",
        signal.name()
    );
    Err(not_found(message).hint(hint))
}

/// The number that an answer is.
pub(crate) fn first_number(batches: &[RecordBatch]) -> Option<i64> {
    let column = batches.iter().find(|b| b.num_rows() > 0)?.columns().first()?.as_primitive_opt::<Int64Type>()?;
    Some(column.value(0))
}

/// The signal that is asked about, where it is one.
fn signal_of(ask: &Ask) -> Option<Signal> {
    Some(match ask {
        Ask::Search(ask) | Ask::Count(ask) => ask.kind.signal(),
        Ask::Histogram { search, .. } | Ask::Facets { search, .. } => search.kind.signal(),
        Ask::Extent { kind } | Ask::Complete { kind, .. } => kind.signal(),
        Ask::Patterns { .. } | Ask::Tail { .. } => Signal::Logs,
        Ask::MetricNames(_) | Ask::Metric(_) => Signal::Metrics,
        Ask::Sql { .. } => return None,
        _ => Signal::Traces,
    })
}

impl Workbench {
    /// What a source answers.
    pub(crate) fn ask_source(&self, source: &str, ask: &Ask, is_heavy: bool) -> Result<Answer, AskError> {
        let keeper = self.keeper(source, signal_of(ask))?;
        if keeper == LOCAL {
            return self.answer(ask);
        }
        let (of, source) = (source, keeper.as_str());
        let attached = Asked { source: self.attached(source)?, is_heavy };
        let tables = attached.layout.tables();
        let needs = |signal| needed(&attached, source, signal);
        let parsed = |ask: &SearchAsk| -> Result<(Query, TimeRange), AskError> {
            needs(ask.kind.signal())?;
            let query = parse(ask.kind.signal(), &ask.query).map_err(|e| errors::parse(&e))?;
            Ok((query, TimeRange::from(ask.period)))
        };
        match ask {
            Ask::Search(ask) => {
                let (query, range) = parsed(ask)?;
                self.search_there(&attached, ask, &query, range)
            }
            Ask::Count(ask) => {
                let (query, range) = parsed(ask)?;
                let sql = match ask.kind {
                    SearchKind::Traces => {
                        let hits = clickhouse::traces(&tables, &query, range, usize::MAX >> 1);
                        Sql { text: format!("SELECT toInt64(count()) AS n FROM ({})", hits.text), params: hits.params }
                    }
                    _ => clickhouse::count(&tables, &query, range),
                };
                let mut found = self.run_there(&attached, sql, 1)?;
                found.object = Some(json!({ "n": first_number(&found.batches).unwrap_or(0) }));
                Ok(found)
            }
            Ask::Histogram { search, n_buckets } => {
                let (query, _) = parsed(search)?;
                let period = bounds(search.period)?;
                self.run_there(&attached, clickhouse::histogram(&tables, &query, period, *n_buckets), usize::MAX)
            }
            Ask::Facets { search, fields } => {
                let (query, range) = parsed(search)?;
                let sql = clickhouse::facets(&tables, &query, range, fields, search.limit);
                self.run_there(&attached, sql, usize::MAX)
            }
            Ask::Extent { kind } => {
                needs(kind.signal())?;
                self.run_there(&attached, clickhouse::extent(&tables, kind.signal()), usize::MAX)
            }
            Ask::Trace { .. }
            | Ask::TraceOtlp { .. }
            | Ask::Span { .. }
            | Ask::FindSpans { .. }
            | Ask::Skeleton { .. } => self.of_trace_there(&attached, of, ask),
            Ask::Services { period } => {
                needs(Signal::Traces)?;
                self.run_there(&attached, clickhouse::services(&tables, TimeRange::from(*period)), usize::MAX)
            }
            Ask::Measure { period, .. } => self.measure_there(&attached, *period),
            Ask::Simulate { scenario, prices, period, is_held } => {
                self.simulate(Some(&attached), scenario, prices.as_deref(), *period, *is_held)
            }
            Ask::Sql { sql, limit, period, .. } => {
                let sql = sextant_queries::statements::with_period(sql, period.map(TimeRange::from));
                let statement = Statement::of_person(&sql).map_err(|e| refused(&e))?;
                self.run_statement(&attached, &statement, limit.unwrap_or(usize::MAX))
            }
            _ => self.explored_there(&attached, source, ask),
        }
    }

    /// What is asked of one trace.
    fn of_trace_there(&self, attached: &Asked, source: &str, ask: &Ask) -> Result<Answer, AskError> {
        match ask {
            Ask::Trace { id } => in_order(self.trace_there(attached, id)?),
            Ask::TraceOtlp { id } => as_otlp(self.trace_there(attached, id)?),
            Ask::Span { trace, span } => span_of(in_order(self.trace_there(attached, trace)?)?, trace, span),
            Ask::FindSpans { trace, text } => {
                let mut found = self.trace_there(attached, trace)?;
                let spans = found.batches.iter().map(|rows| find::that_have(rows, text)).collect::<Result<_, _>>();
                found.batches = spans.map_err(|e| made(&e))?;
                found.schema = find::schema();
                Ok(found)
            }
            Ask::Skeleton { id } => {
                let mut found = self.trace_there(attached, id)?;
                let logs = self.logs_of_trace(source, parse_id(id)?, attached.is_heavy).unwrap_or_else(|e| {
                    // The trace is there all the same.
                    let reason = format!("its logs are missing: {}", e.message);
                    found.completeness = found.completeness.clone().and(Completeness::Partial { reason });
                    Vec::new()
                });
                let (rows, mut head) = skeleton::skeleton(&found.batches, &logs).map_err(|e| made(&e))?;
                let root = head["root"].as_str().unwrap_or_default().to_owned();
                let root = span_of(in_order(found.clone())?, id, &root)?.object.unwrap_or_default();
                let keys = ["http.response.status_code", "http.status_code", "rpc.grpc.status_code"];
                head["status"] = keys.iter().find_map(|k| root["attributes"][k].as_str()).unwrap_or_default().into();
                found.schema = rows.schema();
                found.batches = vec![rows];
                found.object = Some(head);
                Ok(found)
            }
            _ => Err(AskError::new(Code::Internal, "this is not asked of a trace")),
        }
    }

    /// The log records of a trace, from whoever has those of a source.
    fn logs_of_trace(&self, source: &str, id: TraceId, is_heavy: bool) -> Result<Vec<RecordBatch>, AskError> {
        let keeper = self.keeper(source, Some(Signal::Logs))?;
        if keeper == LOCAL {
            return Ok(self.stored_logs_of(id)?.batches);
        }
        let logs = Asked { source: self.attached(&keeper)?, is_heavy };
        if !logs.layout.has(Signal::Logs) {
            return Ok(Vec::new());
        }
        Ok(self.run_there(&logs, clickhouse::logs_of(&logs.layout.tables(), id), usize::MAX)?.batches)
    }

    /// What is looked into beyond lists.
    fn explored_there(&self, attached: &Asked, source: &str, ask: &Ask) -> Result<Answer, AskError> {
        let tables = attached.layout.tables();
        let needs = |signal| needed(attached, source, signal);
        match ask {
            Ask::Patterns { search, n_parts } => {
                needs(Signal::Logs)?;
                self.patterns(At::There(attached), search, *n_parts)
            }
            Ask::MetricNames(search) => {
                needs(Signal::Metrics)?;
                self.metric_names(At::There(attached), search)
            }
            Ask::Metric(ask) => {
                needs(Signal::Metrics)?;
                self.metric(At::There(attached), ask)
            }
            Ask::Compare { a, b, period } => {
                needs(Signal::Traces)?;
                self.compare(At::There(attached), a, b.as_deref(), *period)
            }
            Ask::Differs { search, chosen, within } => {
                needs(Signal::Traces)?;
                if attached.layout.tables.get(&Table::Traces).is_some_and(|found| found.mapping.is_json()) {
                    let why = "attributes are kept as JSON there, whose values the server can't list";
                    let hint = "take the traces over first, with: sextant pull, and compare them here";
                    return Err(AskError::new(Code::Refused, why).hint(hint));
                }
                self.differs(At::There(attached), search, chosen, *within)
            }
            Ask::Deployments { period } => {
                needs(Signal::Traces)?;
                self.deployments(At::There(attached), *period)
            }
            Ask::Dependencies { service, period } => {
                needs(Signal::Traces)?;
                let sql = clickhouse::dependencies(&tables, service.as_deref(), TimeRange::from(*period));
                self.run_there(attached, sql, usize::MAX)
            }
            Ask::LinksTo { trace, period } => {
                needs(Signal::Traces)?;
                match clickhouse::links_to(&tables, parse_id(trace)?, TimeRange::from(*period)) {
                    Some(sql) => self.run_there(attached, sql, usize::MAX),
                    None => Ok(Answer::rows(Arc::new(arrow::datatypes::Schema::empty()), Vec::new(), 0)),
                }
            }
            Ask::Complete { kind, key, part, limit } => {
                needs(kind.signal())?;
                self.complete_there(attached, *kind, key.as_deref(), part, *limit)
            }
            Ask::Tail { query, id } => {
                needs(Signal::Logs)?;
                self.tail_there(attached, source, query, *id)
            }
            _ => {
                let message = "this can't be asked of a source".to_owned();
                Err(AskError::new(Code::Refused, message)
                    .hint("the status of the program and what it keeps are of the store alone"))
            }
        }
    }

    fn search_there(
        &self,
        attached: &Asked,
        ask: &SearchAsk,
        query: &Query,
        range: TimeRange,
    ) -> Result<Answer, AskError> {
        let tables = attached.layout.tables();
        let sql = match (&query.aggregate, ask.kind) {
            (Some(aggregate), _) => clickhouse::aggregate(&tables, query, aggregate, range, ask.limit),
            (None, SearchKind::Traces) => clickhouse::traces(&tables, query, range, ask.limit),
            (None, SearchKind::Spans) => clickhouse::spans(&tables, query, range, ask.limit),
            (None, SearchKind::Logs) => clickhouse::logs(&tables, query, range, ask.limit),
            (None, SearchKind::Metrics) => clickhouse::metrics(&tables, query, range, ask.limit),
        };
        if ask.explain {
            let object = json!({
                "sql": clickhouse::inlined(&sql), "params": [], "search": sextant_queries::text(query),
            });
            return Ok(Answer::object(object, 0));
        }
        let mut found = self.run_there(attached, sql, usize::MAX)?;
        if query.aggregate.is_none() && matches!(ask.kind, SearchKind::Spans | SearchKind::Logs) {
            let table = ask.kind.signal().tables()[0];
            let rows = found.batches.iter().map(|rows| sextant_remote::known(table, rows));
            found.batches = rows.collect::<Result<_, _>>().map_err(|e| failed(&e))?;
            if let Some(first) = found.batches.first() {
                found.schema = first.schema();
            }
        }
        if found.n_rows() >= ask.limit && found.completeness == Completeness::Complete {
            found.completeness = Completeness::Limited { total: None };
        }
        Ok(found)
    }

    /// All spans of a trace, as the store would have them.
    pub(crate) fn trace_there(&self, attached: &Asked, id: &str) -> Result<Answer, AskError> {
        let tables = attached.layout.tables();
        if tables.is_missing(Table::Traces) {
            return Err(not_found("the source has no traces").hint("see what it has with: sextant source test"));
        }
        let mut found = self.run_there(attached, clickhouse::trace(&tables, parse_id(id)?), usize::MAX)?;
        if found.n_rows() == 0 {
            return Err(not_found(format!("there is no trace {id} in this source")));
        }
        let rows = found.batches.iter().map(|rows| sextant_remote::stored(Table::Traces, rows));
        found.batches = rows.collect::<Result<_, _>>().map_err(|e| failed(&e))?;
        found.schema = sextant_model::schema::stored(Table::Traces);
        Ok(found)
    }
}
