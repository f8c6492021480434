//! Clusters that were attached: what is asked of them, and whether they can be asked.

use crate::errors;
use crate::explore::{bounds, span_of};
use crate::search::not_found;
use crate::trace::{as_otlp, in_order, parse_id};
use crate::workbench::Workbench;
use crate::{find, skeleton};
use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use serde_json::{Value, json};
use sextant_contract::{Answer, Ask, AskError, Code, Completeness, Cost, Hidden, Outcome, SearchAsk, SearchKind};
use sextant_model::query::Query;
use sextant_model::{Signal, Sql, Table, TimeRange};
use sextant_queries::{clickhouse, parse};
use sextant_remote::{
    Client, Connection, Kind, Layout, Ledger, Limits, RemoteError, Secret, Secrets, Source, Sources, Statement,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One that lets us in, and what it has.
pub(crate) struct Attached {
    connection: Connection,
    pub client: Client,
    pub layout: Layout,
}

/// Those that were asked since the start.
#[derive(Default)]
pub(crate) struct Remotes {
    attached: Mutex<HashMap<String, Arc<Attached>>>,
    ledger: Mutex<Option<Arc<Ledger>>>,
}

/// A clock that is further off makes "the last hour" another one.
const CLOCK_NANOS: i64 = 5_000_000_000;
/// How often it is looked whether anybody still waits.
const LOOK_TIME: Duration = Duration::from_millis(50);

pub(crate) fn failed(e: &RemoteError) -> AskError {
    let code = match e.kind {
        Kind::Login | Kind::Grant | Kind::Setting | Kind::Refused | Kind::Cancelled => Code::Refused,
        Kind::Missing | Kind::Statement | Kind::TooMuch => Code::BadQuery,
        Kind::Time => Code::TimedOut,
        Kind::Busy | Kind::Shard => Code::Busy,
        Kind::Unreachable | Kind::NotClickHouse | Kind::Certificate | Kind::Broken => Code::Unreachable,
        Kind::Other => Code::Internal,
    };
    AskError { hint: e.hint.clone(), ..AskError::new(code, e.message.clone()) }
}

/// What is wrong with a name: mostly that nothing is called so.
fn named(e: &RemoteError) -> AskError {
    let code = if e.kind == Kind::Missing { Code::NotFound } else { Code::Refused };
    AskError { code, ..failed(e) }
}

fn made(e: &arrow::error::ArrowError) -> AskError {
    AskError::new(Code::Internal, format!("rows can't be made: {e}"))
}

pub(crate) fn refused(why: &sextant_remote::Refused) -> AskError {
    AskError { hint: why.hint.clone(), ..AskError::new(Code::Refused, why.why.clone()) }
}

impl Workbench {
    fn sources_files(&self) -> Sources {
        Sources::of(self.data_dir())
    }

    fn statements(&self) -> Arc<Ledger> {
        let mut ledger = self.inner.remotes.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.get_or_insert_with(|| Arc::new(Ledger::at(self.sources_files().ledger_path()))).clone()
    }

    pub(crate) fn sources(&self) -> Result<Answer, AskError> {
        let all = self.sources_files().all().map_err(|e| failed(&e))?;
        let one =
            |s: &Source| json!({ "name": s.name, "url": s.url, "user": s.user, "database": s.database, "ca": s.ca });
        let all: Vec<Value> = all.iter().map(one).collect();
        Ok(Answer::object(json!({ "sources": all }), self.store.snapshot().generation))
    }

    pub(crate) fn source_put(&self, source: Source, password: Option<Hidden>) -> Result<Outcome, AskError> {
        let secrets = password.map(|p| Secrets { password: Secret::new(p.0), ..Secrets::default() });
        self.sources_files().put(source, secrets).map_err(|e| failed(&e))?;
        Ok(Outcome::Done)
    }

    pub(crate) fn source_remove(&self, name: &str) -> Result<Outcome, AskError> {
        self.sources_files().remove(name).map_err(|e| named(&e))?;
        let mut attached = self.inner.remotes.attached.lock().unwrap_or_else(PoisonError::into_inner);
        attached.remove(name);
        Ok(Outcome::Done)
    }

    /// Waits for a cluster; who no longer waits for us lets go of it.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = Result<T, RemoteError>>) -> Result<T, AskError> {
        let looked = async {
            loop {
                tokio::time::sleep(LOOK_TIME).await;
                if self.store.is_stopped() {
                    return;
                }
            }
        };
        self.inner.handle.block_on(async {
            tokio::select! {
                done = work => done.map_err(|e| failed(&e)),
                () = looked => Err(AskError::new(Code::Refused, "it was cancelled")),
            }
        })
    }

    /// The source of this name, attached as its settings are now.
    pub(crate) fn attached(&self, name: &str) -> Result<Arc<Attached>, AskError> {
        let (_, connection) = self.sources_files().get(name).map_err(|e| named(&e))?;
        let known = self.inner.remotes.attached.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(known) = known.filter(|known| known.connection == connection) {
            return Ok(known);
        }
        let ledger = self.statements();
        let attached = self.wait(async {
            let client = Client::attach(name, connection.clone(), ledger).await?;
            let layout = Layout::detect(&client).await?;
            Ok(Arc::new(Attached { connection, client, layout }))
        })?;
        let mut all = self.inner.remotes.attached.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_owned(), attached.clone());
        Ok(attached)
    }

    /// What a source answers.
    pub(crate) fn ask_source(&self, source: &str, ask: &Ask) -> Result<Answer, AskError> {
        let attached = self.attached(source)?;
        let tables = attached.layout.tables();
        let needs = |signal: Signal| {
            if attached.layout.has(signal) {
                return Ok(());
            }
            let why = attached.layout.why_not.iter().find(|(t, _)| t.signal() == signal).map(|(_, why)| why.as_str());
            let message =
                format!("'{source}' has no {}: {}", signal.name(), why.unwrap_or("there is no table for them"));
            Err(not_found(message).hint(format!("see what it has with: sextant source test {source}")))
        };
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
                let n = found.batches.first().and_then(|b| Some(b.column(0).as_primitive_opt::<Int64Type>()?.value(0)));
                found.object = Some(json!({ "n": n.unwrap_or(0) }));
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
            Ask::Trace { id } => in_order(self.trace_there(&attached, id)?),
            Ask::TraceOtlp { id } => as_otlp(self.trace_there(&attached, id)?),
            Ask::Span { trace, span } => span_of(in_order(self.trace_there(&attached, trace)?)?, trace, span),
            Ask::FindSpans { trace, text } => {
                let mut found = self.trace_there(&attached, trace)?;
                let spans = found.batches.iter().map(|rows| find::that_have(rows, text)).collect::<Result<_, _>>();
                found.batches = spans.map_err(|e| made(&e))?;
                found.schema = find::schema();
                Ok(found)
            }
            Ask::Skeleton { id } => {
                let mut found = self.trace_there(&attached, id)?;
                let logs = if attached.layout.has(Signal::Logs) {
                    self.run_there(&attached, clickhouse::logs_of(&tables, parse_id(id)?), usize::MAX)?.batches
                } else {
                    Vec::new()
                };
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
            Ask::Services { period } => {
                needs(Signal::Traces)?;
                self.run_there(&attached, clickhouse::services(&tables, TimeRange::from(*period)), usize::MAX)
            }
            Ask::Sql { sql, limit, period, .. } => {
                let sql = sextant_queries::statements::with_period(sql, period.map(TimeRange::from));
                let statement = Statement::of_person(&sql).map_err(|e| refused(&e))?;
                self.run_statement(&attached, &statement, limit.unwrap_or(usize::MAX))
            }
            _ => {
                let message = "this can't be asked of a source yet".to_owned();
                Err(AskError::new(Code::Refused, message).hint("searches, traces, services and SQL can"))
            }
        }
    }

    fn search_there(
        &self,
        attached: &Attached,
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
        if found.n_rows() >= ask.limit && found.completeness == Completeness::Complete {
            found.completeness = Completeness::Limited { total: None };
        }
        Ok(found)
    }

    /// All spans of a trace, as the store would have them.
    fn trace_there(&self, attached: &Attached, id: &str) -> Result<Answer, AskError> {
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

    fn run_there(&self, attached: &Attached, sql: Sql, n_rows: usize) -> Result<Answer, AskError> {
        let statement = Statement::new(sql).map_err(|e| refused(&e))?;
        self.run_statement(attached, &statement, n_rows)
    }

    fn run_statement(&self, attached: &Attached, statement: &Statement, n_rows: usize) -> Result<Answer, AskError> {
        let limits = Limits { n_rows, ..Limits::default() };
        let (batches, ran) = self.wait(attached.client.rows(statement, limits))?;
        let schema = ran.schema.unwrap_or_else(|| Arc::new(arrow::datatypes::Schema::empty()));
        let completeness = if ran.is_cut { Completeness::Limited { total: None } } else { Completeness::Complete };
        let cost = Cost {
            n_rows_scanned: ran.rows_read,
            n_bytes_scanned: ran.bytes_read,
            took_micros: ran.took.as_micros() as u64,
            ..Cost::default()
        };
        Ok(Answer { completeness, cost, ..Answer::rows(schema, batches, 0) })
    }

    /// Looks at everything that has to be so for a source to be asked.
    pub(crate) fn source_test(&self, name: &str) -> Result<Answer, AskError> {
        let (_, connection) = self.sources_files().get(name).map_err(|e| named(&e))?;
        let mut checks: Vec<Value> = Vec::new();
        let mut check = |what: &str, is_ok: bool, said: String, fix: Option<String>| {
            checks.push(json!({ "what": what, "is_ok": is_ok, "said": said, "fix": fix }));
        };
        let ledger = self.statements();
        let tried = self.wait(async { Ok(Client::attach(name, connection.clone(), ledger).await) })?;
        let mut is_any = false;
        match tried {
            Err(e) => check("lets us in", false, e.message.clone(), e.hint.clone()),
            Ok(client) => {
                let can = &client.abilities;
                check("lets us in", true, format!("ClickHouse {} as '{}'", can.version, connection.user), None);
                let is_tls = connection.url.starts_with("https://");
                let said = if is_tls { "TLS, the certificate is trusted" } else { "not encrypted" };
                check("way", true, said.to_owned(), None);
                let (said, is_strict) = match (can.readonly, can.can_set) {
                    (1, _) => ("readonly=1: reads alone, settings are refused; limits are kept here", true),
                    (2, _) => ("readonly=2: reads alone, settings may be sent", false),
                    (_, true) => ("this user may write; readonly=2 is sent with every statement", false),
                    (_, false) => ("this user may change no setting; limits are kept here", true),
                };
                check("reads alone", true, said.to_owned(), None);
                let stop =
                    if is_strict { "cancel stops here, the server may finish" } else { "cancel stops the server" };
                check("cancel", true, stop.to_owned(), None);
                let ahead = can.clock_ahead;
                let word = if ahead >= 0 { "ahead of" } else { "behind" };
                let shown = sextant_model::DurationNanos(ahead.abs());
                let is_right = ahead.abs() < CLOCK_NANOS;
                let fix =
                    (!is_right).then(|| "periods that end now are off by as much: set one of the clocks".to_owned());
                check("clock", is_right, format!("{shown} {word} this one"), fix);
                match self.wait(async { Ok(Layout::detect(&client).await) })? {
                    Err(e) => check("tables", false, e.message.clone(), e.hint.clone()),
                    Ok(layout) => {
                        for table in Table::ALL {
                            if let Some(found) = layout.tables.get(&table) {
                                is_any = true;
                                let rows = found.rows.map_or_else(|| "rows not said".into(), |n| format!("{n} rows"));
                                let lacks = if found.lacks.is_empty() {
                                    String::new()
                                } else {
                                    format!(", without {}", found.lacks.join(", "))
                                };
                                let key = if found.sorting_key.is_empty() { "nothing" } else { &found.sorting_key };
                                let said =
                                    format!("{}.{}: {rows}, ordered by {key}{lacks}", layout.database, found.name);
                                check(table.name(), true, said, None);
                            } else {
                                let grant = format!(
                                    "GRANT SELECT ON {}.{} TO {}",
                                    layout.database,
                                    clickhouse::Tables::EXPORTER.name_of(table),
                                    if connection.user.is_empty() { "default" } else { &connection.user }
                                );
                                let why = layout.why_not.get(&table).cloned().unwrap_or_default();
                                check(table.name(), false, why, Some(format!("if it is only hidden: {grant}")));
                            }
                        }
                    }
                }
            }
        }
        Ok(Answer::object(json!({ "ok": is_any, "checks": checks }), self.store.snapshot().generation))
    }

    /// The ledger of statements.
    pub(crate) fn sent_statements(&self, limit: usize) -> Result<Answer, AskError> {
        let cannot = |e: std::io::Error| AskError::new(Code::Internal, format!("the ledger can't be read: {e}"));
        let mut all = self.statements().last(limit.saturating_mul(2)).map_err(cannot)?;
        // What ended has a line of its own.
        let ended: std::collections::HashSet<String> =
            all.iter().filter(|e| e.result != "sent").map(|e| e.query_id.clone()).collect();
        all.retain(|e| e.result != "sent" || !ended.contains(&e.query_id));
        all.reverse();
        all.truncate(limit);
        let text = |f: &dyn Fn(&sextant_remote::Entry) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(all.iter().map(f)))
        };
        let int = |f: &dyn Fn(&sextant_remote::Entry) -> u64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(all.iter().map(|e| f(e) as i64)))
        };
        let rows = RecordBatch::try_from_iter([
            ("at", text(&|e| sextant_model::UnixNanos(e.at).to_string())),
            ("source", text(&|e| e.source.clone())),
            ("user", text(&|e| e.user.clone())),
            ("rows_read", int(&|e| e.rows_read)),
            ("bytes_read", int(&|e| e.bytes_read)),
            ("rows", int(&|e| e.rows)),
            ("took_ns", int(&|e| e.micros * 1_000)),
            ("result", text(&|e| e.result.clone())),
            ("statement", text(&|e| e.statement.clone())),
            ("query_id", text(&|e| e.query_id.clone())),
        ]);
        let rows = rows.map_err(|e| made(&e))?;
        Ok(Answer::rows(rows.schema(), vec![rows], self.store.snapshot().generation))
    }
}
