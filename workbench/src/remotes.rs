//! Clusters that were attached: what is asked of them, and whether they can be asked.

use crate::follow::Follows;
use crate::workbench::Workbench;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use serde_json::{Value, json};
use sextant_contract::{Answer, AskError, Code, Completeness, Cost, Estimate, Hidden, Outcome, SourcePut, size_text};
use sextant_model::{Signal, Sql, Table};
use sextant_queries::clickhouse::Mapping;
use sextant_remote::{
    Client, Connection, Guard, Kind, Layout, Ledger, Limits, RemoteError, Secret, Secrets, Source, Sources, Statement,
};
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One that lets us in, and what it has.
pub(crate) struct Attached {
    connection: Connection,
    mappings: BTreeMap<Table, Mapping>,
    guard: Guard,
    pub client: Client,
    pub layout: Layout,
}

impl Attached {
    /// What one statement may still read.
    pub fn most(&self) -> Result<u64, AskError> {
        Ok(self.left()?.min(self.guard.query_bytes))
    }

    /// What may still be read of it since the start.
    fn left(&self) -> Result<u64, AskError> {
        let read = self.client.read.load(Ordering::Relaxed);
        match self.guard.session_bytes.saturating_sub(read) {
            0 => {
                let why = format!("{} were read of this source since the start, which is the limit", size_text(read));
                Err(AskError::new(Code::Refused, why)
                    .hint("raise it with: sextant source edit NAME --limit session=SIZE, or start again"))
            }
            left => Ok(left),
        }
    }
}

/// One that is asked.
pub(crate) struct Asked {
    pub source: Arc<Attached>,
    /// Whether it may read more than is read without being asked.
    pub is_heavy: bool,
}

impl Asked {
    /// Who asks there.
    pub fn user(&self) -> &str {
        if self.connection.user.is_empty() { "default" } else { &self.connection.user }
    }
}

impl std::ops::Deref for Asked {
    type Target = Attached;

    fn deref(&self) -> &Attached {
        &self.source
    }
}

/// Those that were asked since the start.
#[derive(Default)]
pub(crate) struct Remotes {
    attached: Mutex<HashMap<String, Arc<Attached>>>,
    ledger: Mutex<Option<Arc<Ledger>>>,
    pub follows: Follows,
}

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
pub(crate) fn named(e: &RemoteError) -> AskError {
    let code = if e.kind == Kind::Missing { Code::NotFound } else { Code::Refused };
    AskError { code, ..failed(e) }
}

pub(crate) fn made(e: &arrow::error::ArrowError) -> AskError {
    AskError::new(Code::Internal, format!("rows can't be made: {e}"))
}

pub(crate) fn refused(why: &sextant_remote::Refused) -> AskError {
    AskError { hint: why.hint.clone(), ..AskError::new(Code::Refused, why.why.clone()) }
}

impl Workbench {
    pub(crate) fn sources_files(&self) -> Sources {
        Sources::of(self.data_dir())
    }

    pub(crate) fn statements(&self) -> Arc<Ledger> {
        let mut ledger = self.inner.remotes.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.get_or_insert_with(|| Arc::new(Ledger::at(self.sources_files().ledger_path()))).clone()
    }

    pub(crate) fn sources(&self) -> Result<Answer, AskError> {
        let all = self.sources_files().all().map_err(|e| failed(&e))?;
        let shown = |source: &Source| {
            let mut shown = json!(source);
            // Also where they are as they come.
            shown["limits"] = json!(source.limits);
            shown
        };
        let all: Vec<Value> = all.iter().map(shown).collect();
        Ok(Answer::object(json!({ "sources": all }), self.store.snapshot().generation))
    }

    /// Keeps a source. What was written of its tables stays, and the secrets that are not given anew.
    pub(crate) fn source_put(&self, put: SourcePut) -> Result<Outcome, AskError> {
        let files = self.sources_files();
        let before = match files.find(&put.name) {
            Err(e) if e.kind == Kind::Missing => Source::default(),
            known => known.map_err(|e| named(&e))?,
        };
        let kept = match files.get(&put.name) {
            Ok((_, kept)) => kept,
            // Who gives the password anew needs none that can't be had any more.
            Err(_) if before.name.is_empty() || put.password.is_some() => Connection::default(),
            Err(e) => return Err(named(&e)),
        };
        let has_secret = !kept.password.is_empty() || !kept.headers.is_empty();
        let is_there_still =
            kept.place() == Connection { url: put.url.clone(), ..Connection::default() }.place() && kept.via == put.via;
        if has_secret && !is_there_still && put.password.is_none() && put.headers.is_none() {
            let why = format!("the password that is kept is for {}, and is not sent to another place", before.url);
            return Err(AskError::new(Code::Refused, why).hint("give the password for the new address with it"));
        }
        let (limits, was) = (put.limits, before.limits);
        let limits = Guard {
            seconds: limits.seconds.unwrap_or(was.seconds),
            ask_above_bytes: limits.ask_above_bytes.unwrap_or(was.ask_above_bytes),
            query_bytes: limits.query_bytes.unwrap_or(was.query_bytes),
            session_bytes: limits.session_bytes.unwrap_or(was.session_bytes),
        };
        let keychain = put.keychain.unwrap_or(before.keychain);
        let hidden = |all: BTreeMap<String, Hidden>| all.into_iter().map(|(k, v)| (k, Secret::new(v.0))).collect();
        // Secrets move with the place where they are kept.
        let is_new = put.password.is_some() || put.headers.is_some() || keychain != before.keychain;
        let secrets = is_new.then(|| Secrets {
            password: put.password.map_or(kept.password, |p| Secret::new(p.0)),
            headers: put.headers.map_or(kept.headers, hidden),
        });
        let source = Source {
            name: put.name,
            url: put.url,
            user: put.user,
            database: put.database,
            ca: put.ca.map(PathBuf::from),
            identity: put.identity.map(PathBuf::from),
            via: put.via,
            keychain,
            elsewhere: put.elsewhere.unwrap_or(before.elsewhere),
            limits,
            traces: before.traces,
            logs: before.logs,
        };
        self.sources_files().put(source, secrets).map_err(|e| failed(&e))?;
        Ok(Outcome::Done)
    }

    pub(crate) fn source_remove(&self, name: &str) -> Result<Outcome, AskError> {
        let all = self.sources_files().all().map_err(|e| failed(&e))?;
        if let Some(other) = all.iter().find(|s| s.elsewhere.values().any(|place| place == name)) {
            let why = format!("'{}' has signals in '{name}'", other.name);
            let hint = format!("take that back first: sextant source edit {} --elsewhere SIGNAL=", other.name);
            return Err(AskError::new(Code::Refused, why).hint(hint));
        }
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
                if self.is_stopped() {
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
        let (source, connection) = self.sources_files().get(name).map_err(|e| named(&e))?;
        let mappings = source.mappings();
        let known = self.inner.remotes.attached.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
        if let Some(known) = known.clone().filter(|known| {
            known.connection == connection && known.mappings == mappings && known.guard == source.limits
        }) {
            return Ok(known);
        }
        let ledger = self.statements();
        // What was read counts for as long as this program runs, however it is reached.
        let read = known.map(|known| known.client.read.clone());
        let attached = self.wait(async {
            let mut client = Client::attach(name, connection.clone(), ledger).await?;
            if let Some(read) = read {
                read.fetch_add(client.read.load(Ordering::Relaxed), Ordering::Relaxed);
                client.read = read;
            }
            let layout = Layout::detect(&client, &mappings).await?;
            Ok(Arc::new(Attached { connection, mappings, guard: source.limits, client, layout }))
        })?;
        let mut all = self.inner.remotes.attached.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(name.to_owned(), attached.clone());
        Ok(attached)
    }

    /// Who has a signal of a source: it itself, another one, or the store here (`LOCAL`).
    pub(crate) fn keeper(&self, source: &str, signal: Option<Signal>) -> Result<String, AskError> {
        let mut found = self.sources_files().find(source).map_err(|e| named(&e))?;
        let other = signal.and_then(|signal| found.elsewhere.remove(signal.name()));
        Ok(other.unwrap_or(found.name))
    }

    pub(crate) fn run_there(&self, attached: &Asked, sql: Sql, n_rows: usize) -> Result<Answer, AskError> {
        let statement = Statement::new(sql).map_err(|e| refused(&e))?;
        self.run_statement(attached, &statement, n_rows)
    }

    pub(crate) fn run_statement(
        &self,
        attached: &Asked,
        statement: &Statement,
        n_rows: usize,
    ) -> Result<Answer, AskError> {
        let limits = Limits { n_rows, ..self.guarded(attached, statement)? };
        let whole = self.wait(async { Ok(attached.client.rows(statement, limits).await) })?;
        // A table or column went away: what is there is found out anew with the next question.
        if whole.as_ref().is_err_and(|e| e.kind == Kind::Missing) {
            let mut all = self.inner.remotes.attached.lock().unwrap_or_else(PoisonError::into_inner);
            all.retain(|_, one| !Arc::ptr_eq(one, &attached.source));
        }
        // A part of the cluster is down: what the rest says is shown, marked.
        let (answered, missing) = match whole {
            Err(e) if e.kind == Kind::Shard && attached.client.abilities.can_set => {
                let rest = Limits { is_partial: true, ..limits };
                (self.wait(attached.client.rows(statement, rest))?, Some(e.message))
            }
            whole => (whole.map_err(|e| failed(&e))?, None),
        };
        let (batches, ran) = answered;
        let schema = ran.schema.unwrap_or_else(|| Arc::new(arrow::datatypes::Schema::empty()));
        let mut completeness = if ran.is_cut { Completeness::Limited { total: None } } else { Completeness::Complete };
        if let Some(why) = missing {
            completeness = completeness.and(Completeness::Partial { reason: format!("a shard is down: {why}") });
        }
        let cost = Cost {
            n_rows_scanned: ran.rows_read,
            n_bytes_scanned: ran.bytes_read,
            took_micros: ran.took.as_micros() as u64,
            ..Cost::default()
        };
        Ok(Answer { completeness, cost, ..Answer::rows(schema, batches, 0) })
    }

    /// What a statement may take; refused where it would be more than is read without being asked, or is left.
    pub(crate) fn guarded(&self, attached: &Asked, statement: &Statement) -> Result<Limits, AskError> {
        let (guard, read) = (attached.guard, attached.client.read.load(Ordering::Relaxed));
        let limits =
            Limits { time: Duration::from_secs(guard.seconds), bytes_read: attached.most()?, ..Limits::default() };
        if statement.text().starts_with("EXPLAIN") || !attached.layout.has_more_than(guard.ask_above_bytes) {
            return Ok(limits);
        }
        // Where it can't be said before, what is read is counted all the same.
        let Ok(found) = self.wait(async { Ok(attached.client.estimate(statement).await) })? else { return Ok(limits) };
        let bytes = attached.layout.bytes_of(&statement.shown(), found.rows);
        let estimate = Estimate { bytes, rows: found.rows, parts: found.parts, read, limit: guard.session_bytes };
        let shown = format!(
            "about {} of {} rows in {} part{} would be read",
            size_text(bytes),
            found.rows,
            found.parts,
            if found.parts == 1 { "" } else { "s" }
        );
        if bytes > limits.bytes_read {
            let why = format!("{shown}: more than the {} that are allowed", size_text(limits.bytes_read));
            let error = AskError::new(Code::Refused, why).hint("narrow the period or the search");
            return Err(AskError { estimate: Some(Box::new(estimate)), ..error });
        }
        if bytes > guard.ask_above_bytes && !attached.is_heavy {
            let error = AskError::new(Code::Heavy, shown).hint("narrow the period, or let it run with --heavy");
            return Err(AskError { estimate: Some(Box::new(estimate)), ..error });
        }
        Ok(limits)
    }

    /// Rows of a system table as an array of objects, or why this user can't see them.
    pub(crate) fn system_rows(&self, attached: &Asked, sql: Sql) -> Result<Result<Value, RemoteError>, AskError> {
        let statement = Statement::new(sql).map_err(|e| refused(&e))?;
        let limits = Limits { time: Duration::from_secs(20), n_rows: 5_000, ..Limits::default() };
        let found = self.wait(async { Ok(attached.client.rows(&statement, limits).await) })?;
        Ok(found.map(|(rows, _)| {
            serde_json::from_str(&sextant_contract::rows_to_json(&rows)).unwrap_or_else(|_| Value::Array(Vec::new()))
        }))
    }

    /// What is under way at the sources.
    pub(crate) fn running(&self) -> Answer {
        let all = self.inner.remotes.attached.lock().unwrap_or_else(PoisonError::into_inner);
        let one = |(name, attached): (&String, &Arc<Attached>)| {
            let p = attached.client.progress()?;
            Some(json!({ "source": name, "rows": p.rows, "bytes": p.bytes, "total_rows": p.total_rows }))
        };
        let running: Vec<Value> = all.iter().filter_map(one).collect();
        let read = |(name, attached): (&String, &Arc<Attached>)| json!({ "source": name, "read": attached.client.read.load(Ordering::Relaxed), "limit": attached.guard.session_bytes });
        let read: Vec<Value> = all.iter().map(read).collect();
        Answer::object(json!({ "running": running, "read": read }), 0)
    }

    /// The ledger of statements.
    pub(crate) fn sent_statements(&self, limit: usize, source: Option<&str>) -> Result<Answer, AskError> {
        let cannot = |e: std::io::Error| AskError::new(Code::Internal, format!("the ledger can't be read: {e}"));
        let mut all = self.statements().last(usize::MAX).map_err(cannot)?;
        all.retain(|e| source.is_none_or(|name| e.source == name));
        // What ended has a line of its own.
        let ended: std::collections::HashSet<String> =
            all.iter().filter(|e| e.result != "sent").map(|e| e.query_id.clone()).collect();
        all.retain(|e| e.result != "sent" || !ended.contains(&e.query_id));
        let sum = |f: fn(&sextant_remote::Entry) -> u64| all.iter().map(f).sum::<u64>();
        let head = json!({ "n": all.len(), "rows_read": sum(|e| e.rows_read), "bytes_read": sum(|e| e.bytes_read) });
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
        Ok(Answer { object: Some(head), ..Answer::rows(rows.schema(), vec![rows], self.store.snapshot().generation) })
    }
}
