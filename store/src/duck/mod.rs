//! DuckDB, twice, in memory: one instance for our statements, one locked down for the user's. Both only read.

mod check;
mod hot_table;
mod run;
mod views;

pub use run::{Answer, Limits, Scanned};

use crate::StoreError;
use crate::files::Layout;
use crate::snapshot::{Segment, Snapshot};
use crate::state::lock;
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampNanosecondType;
use check::Checker;
use duckdb::{Config, Connection};
use sextant_model::{Prune, Sql, Table, TraceId};
use std::sync::{Arc, Mutex};
use std::time::Instant;
use views::Views;

/// How many more segments each further pass of [`Duck::newest`] reads.
const GROWTH: usize = 4;

/// The two instances.
pub(crate) struct Duck {
    ours: Mutex<Connection>,
    users: Mutex<Connection>,
    checker: Checker,
}

fn failed(e: &duckdb::Error) -> StoreError {
    StoreError::Query(e.to_string())
}

impl Duck {
    pub fn open(layout: &Layout) -> Result<Self, StoreError> {
        let open = |config: Config| Connection::open_in_memory_with_flags(config).map_err(|e| failed(&e));
        let base = || -> Result<Config, duckdb::Error> {
            Config::default()
                .threads(2)?
                .max_memory("2GB")?
                .with("autoinstall_known_extensions", "false")?
                .with("autoload_known_extensions", "false")
        };
        let ours = open(base().map_err(|e| failed(&e))?)?;
        ours.execute_batch("SET temp_directory = ''; SET preserve_insertion_order = false;").map_err(|e| failed(&e))?;
        hot_table::register(&ours).map_err(|e| failed(&e))?;
        let users = open(base().map_err(|e| failed(&e))?)?;
        hot_table::register(&users).map_err(|e| failed(&e))?;
        let segments = layout.segments.to_string_lossy().replace('\'', "''");
        users
            .execute_batch(&format!(
                "SET temp_directory = ''; SET allowed_directories = ['{segments}']; SET enable_external_access = false; \
                 SET lock_configuration = true;"
            ))
            .map_err(|e| failed(&e))?;
        Ok(Self { ours: Mutex::new(ours), users: Mutex::new(users), checker: Checker::new() })
    }

    fn connect(instance: &Mutex<Connection>) -> Result<Connection, StoreError> {
        lock(instance).try_clone().map_err(|e| failed(&e))
    }

    pub fn query(&self, snapshot: &Snapshot, sql: &Sql, prune: &Prune, limits: Limits) -> Result<Answer, StoreError> {
        let connection = Self::connect(&self.ours)?;
        let views = Views::over(snapshot, &sql.text, |table| snapshot.pruned(table, prune));
        run::run(&connection, &views, sql, limits)
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
        let segments = snapshot.pruned(table, prune);
        let mut n_read = newest_step(&segments, 0, limit);
        loop {
            let connection = Self::connect(&self.ours)?;
            let (read, left) = segments.split_at(n_read);
            let views = Views::over(snapshot, &sql.text, |t| if t == table { read.to_vec() } else { Vec::new() });
            let mut answer = run::run(&connection, &views, sql, limits)?;
            answer.scanned.n_segments_total = snapshot.n_segments(table);
            let newest_left = left.iter().map(|s| s.times.1).max();
            let is_done = newest_left.is_none_or(|newest| {
                answer.n_rows() >= limit && oldest(&answer, table).is_some_and(|oldest| oldest >= newest)
            });
            if is_done {
                return Ok(answer);
            }
            n_read = newest_step(&segments, n_read, limit);
        }
    }

    pub fn user(&self, snapshot: &Snapshot, sql: &str, limits: Limits) -> Result<Answer, StoreError> {
        let sql = sql.trim().trim_end_matches(';').trim_end();
        self.checker.check(&Self::connect(&self.ours)?, sql)?;
        let connection = Self::connect(&self.users)?;
        let views = Views::over(snapshot, sql, |table| snapshot.pruned(table, &Prune::default()));
        run::run(&connection, &views, &Sql::plain(sql), limits)
    }

    /// Through the trace index and the page index, without DuckDB.
    pub fn trace(snapshot: &Snapshot, table: Table, id: TraceId) -> Result<Answer, StoreError> {
        let since = Instant::now();
        let text = id.to_string();
        let mut answer = Answer { batches: snapshot.hot_batches(table), ..Answer::default() };
        answer.generation = snapshot.generation;
        answer.scanned.n_segments_total = snapshot.n_segments(table);
        for segment in snapshot.pruned(table, &Prune::trace(id)) {
            let rows = match segment.trace_index() {
                Some(index) => index.rows(id)?,
                None => (0..segment.n_rows as u32).collect(),
            };
            answer.batches.extend(sextant_columns::read_rows(&segment.path, &rows)?);
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
