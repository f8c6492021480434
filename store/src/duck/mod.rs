//! DuckDB, twice, in memory: one instance for our statements, one locked down for the user's. Both only read.

mod check;
mod hot_table;
mod run;
mod views;

pub use run::{Answer, Limits, Scanned};

use crate::StoreError;
use crate::layout::Layout;
use crate::snapshot::{Pruned, Segment, Snapshot, Tier};
use crate::state::lock;
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampNanosecondType;
use check::Checker;
use duckdb::{Config, Connection};
use sextant_model::{Prune, Sql, Table, TraceId};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;
use views::Views;

/// How many more segments each further pass of [`Duck::newest`] reads.
const GROWTH: usize = 4;

/// The two instances, each opened when it is first needed.
pub(crate) struct Duck {
    segments: PathBuf,
    ours: Mutex<Option<Connection>>,
    /// With the directories that it may read.
    users: Mutex<Option<(BTreeSet<PathBuf>, Connection)>>,
    checker: OnceLock<Checker>,
}

fn failed(e: &duckdb::Error) -> StoreError {
    StoreError::Query(e.to_string())
}

fn open(settings: &str) -> Result<Connection, duckdb::Error> {
    let config = Config::default()
        .threads(2)?
        .max_memory("2GB")?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?;
    let connection = Connection::open_in_memory_with_flags(config)?;
    hot_table::register(&connection)?;
    connection.execute_batch(settings)?;
    Ok(connection)
}

impl Duck {
    pub fn new(layout: &Layout) -> Self {
        let segments = layout.segments.clone();
        Self { segments, ours: Mutex::default(), users: Mutex::default(), checker: OnceLock::new() }
    }

    fn ours(&self) -> Result<Connection, StoreError> {
        let mut ours = lock(&self.ours);
        let instance = match &mut *ours {
            Some(instance) => instance,
            none => {
                let settings = "SET temp_directory = ''; SET preserve_insertion_order = false;";
                none.insert(open(settings).map_err(|e| failed(&e))?)
            }
        };
        instance.try_clone().map_err(|e| failed(&e))
    }

    /// The directories that an instance may read can't be changed later, so another set means another instance.
    fn users(&self, snapshot: &Snapshot) -> Result<Connection, StoreError> {
        let cold = snapshot.segments().iter().filter(|s| s.tier == Tier::Cold).filter_map(|s| s.root());
        let directories: BTreeSet<PathBuf> = cold.chain([self.segments.as_path()]).map(Path::to_owned).collect();
        let mut users = lock(&self.users);
        if users.as_ref().is_none_or(|(known, _)| *known != directories) {
            let quoted = |d: &PathBuf| format!("'{}'", d.to_string_lossy().replace('\'', "''"));
            let list = directories.iter().map(quoted).collect::<Vec<_>>().join(", ");
            let settings = format!(
                "SET temp_directory = ''; SET allowed_directories = [{list}]; SET enable_external_access = false; \
                 SET lock_configuration = true;"
            );
            *users = Some((directories, open(&settings).map_err(|e| failed(&e))?));
        }
        let (_, instance) = users.as_ref().ok_or_else(|| StoreError::Query("DuckDB could not be opened".into()))?;
        instance.try_clone().map_err(|e| failed(&e))
    }

    pub fn query(&self, snapshot: &Snapshot, sql: &Sql, prune: &Prune, limits: Limits) -> Result<Answer, StoreError> {
        run_sound(
            || self.ours(),
            sql,
            limits,
            || Views::over(snapshot, &sql.text, |table| snapshot.pruned(table, prune)),
        )
    }

    pub fn newest(
        &self,
        snapshot: &Snapshot,
        table: Table,
        sql: &Sql,
        prune: &Prune,
        limit: usize,
        limits: Limits,
    ) -> Result<Answer, StoreError> {
        let mut n_read = 0;
        loop {
            let mut left = None;
            let mut answer = run_sound(
                || self.ours(),
                sql,
                limits,
                || {
                    let pruned = snapshot.pruned(table, prune);
                    n_read = newest_step(&pruned.segments, n_read, limit);
                    let rest = pruned.segments.get(n_read..).unwrap_or_default();
                    left = rest.iter().map(|s| s.times.1).max();
                    let read = pruned.segments.iter().take(n_read).cloned().collect();
                    let read = Pruned { segments: read, ..pruned };
                    Views::over(snapshot, &sql.text, |t| if t == table { read.clone() } else { Pruned::default() })
                },
            )?;
            answer.scanned.n_segments_total = snapshot.n_segments(table);
            let is_done = left.is_none_or(|newest| {
                answer.n_rows() >= limit && oldest(&answer, table).is_some_and(|oldest| oldest >= newest)
            });
            if is_done {
                return Ok(answer);
            }
        }
    }

    pub fn user(&self, snapshot: &Snapshot, sql: &str, limits: Limits) -> Result<Answer, StoreError> {
        let sql = sql.trim().trim_end_matches(';').trim_end();
        self.checker.get_or_init(Checker::new).check(&self.ours()?, sql)?;
        let all = || Views::over(snapshot, sql, |table| snapshot.pruned(table, &Prune::default()));
        run_sound(|| self.users(snapshot), &Sql::plain(sql), limits, all)
    }

    /// Through the trace index and the page index, without DuckDB.
    pub fn trace(snapshot: &Snapshot, table: Table, id: TraceId) -> Result<Answer, StoreError> {
        let since = Instant::now();
        let text = id.to_string();
        let mut answer = Answer { batches: snapshot.hot_batches(table), ..Answer::default() };
        answer.generation = snapshot.generation;
        answer.scanned.n_segments_total = snapshot.n_segments(table);
        let pruned = snapshot.pruned(table, &Prune::trace(id));
        answer.missing = pruned.missing;
        for segment in pruned.segments {
            let found = segment.trace_index().and_then(|index| index.rows(id).ok());
            let rows = found.unwrap_or_else(|| (0..segment.n_rows as u32).collect());
            match sextant_columns::read_rows(&segment.path, table, &rows) {
                Ok(batches) => answer.batches.extend(batches),
                Err(e) if segment.is_sound() => return Err(e.into()),
                Err(_) => {
                    answer.missing.push(segment.set_damaged());
                    continue;
                }
            }
            answer.scanned.n_segments += 1;
            answer.scanned.n_bytes += segment.n_bytes / segment.n_rows.max(1) * rows.len() as u64;
        }
        answer.scanned.n_rows = answer.batches.iter().map(|b| b.num_rows() as u64).sum();
        let only_this = |batch: &RecordBatch| {
            let ids = batch.column_by_name("TraceId").and_then(|c| c.as_string_opt::<i32>())?;
            let mask: BooleanArray = (0..ids.len()).map(|row| Some(ids.value(row) == text)).collect();
            filter_record_batch(batch, &mask).ok().filter(|b| b.num_rows() > 0)
        };
        answer.batches = answer.batches.iter().filter_map(only_this).collect();
        answer.took = since.elapsed();
        Ok(answer)
    }
}

/// Runs a statement over the views that `views` makes. If it fails because of a damaged file, that file is taken out and
/// it runs again over the rest.
fn run_sound(
    connect: impl Fn() -> Result<Connection, StoreError>,
    sql: &Sql,
    limits: Limits,
    mut views: impl FnMut() -> Views,
) -> Result<Answer, StoreError> {
    loop {
        let made = views();
        let result = run::run(&connect()?, &made, sql, limits);
        let Err(StoreError::Query(_)) = result else { return result };
        let damaged: Vec<_> = made.segments.iter().filter(|s| !s.is_sound()).collect();
        if damaged.is_empty() {
            return result;
        }
        for segment in damaged {
            segment.set_damaged();
        }
    }
}

/// How many of the newest segments to read next: enough rows for the limit by their counts, then four times as many.
fn newest_step(segments: &[Arc<Segment>], n_read: usize, limit: usize) -> usize {
    if n_read > 0 {
        return (n_read * GROWTH).min(segments.len());
    }
    let mut rows = 0;
    let enough = segments.iter().position(|s| {
        rows += s.n_rows as usize;
        rows >= limit
    });
    enough.map_or(segments.len(), |i| i + 1).min(segments.len())
}

fn oldest(answer: &Answer, table: Table) -> Option<i64> {
    let times = |b: &RecordBatch| {
        let column = b.column_by_name(table.time_column())?.as_primitive_opt::<TimestampNanosecondType>()?;
        column.values().iter().copied().min()
    };
    answer.batches.iter().filter_map(times).min()
}
