//! Running one statement with a time limit.

use super::views::Views;
use crate::StoreError;
use crate::snapshot::Missing;
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use duckdb::types::Value;
use duckdb::{Connection, params_from_iter};
use sextant_model::{Param, Sql};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// What a statement may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// After this it is interrupted.
    pub time: Duration,
    /// Rows past this are not fetched, and the answer says so.
    pub n_rows: usize,
    /// Whether only its plan is wanted.
    pub is_explained: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(60), n_rows: usize::MAX, is_explained: false }
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Segments that were read.
    pub n_segments: usize,
    /// Segments that there are.
    pub n_segments_total: usize,
    /// Rows in the segments that were read, and hot ones.
    pub n_rows: u64,
    /// Bytes of those segments.
    pub n_bytes: u64,
}

/// Rows, and what they cost.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The columns, also where there are no rows.
    pub schema: Option<SchemaRef>,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Whether there were more rows than the limit.
    pub is_cut: bool,
    /// What was looked at.
    pub scanned: Scanned,
    /// How long it took.
    pub took: Duration,
    /// Of which generation.
    pub generation: u64,
    /// What could not be read.
    pub missing: Vec<Missing>,
}

impl Answer {
    /// Rows of all batches.
    pub fn n_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }
}

fn value(param: &Param) -> Value {
    match param {
        Param::Text(v) => Value::Text(v.clone()),
        Param::Int(v) => Value::BigInt(*v),
        Param::Float(v) => Value::Double(*v),
    }
}

/// How often it is looked whether a statement is still wanted.
const LOOK: Duration = Duration::from_millis(50);

fn failed(e: &duckdb::Error) -> StoreError {
    StoreError::Query(first_lines(&e.to_string()))
}

/// Runs a statement until it ends, is late, or `is_unwanted` becomes true.
pub(super) fn run(
    connection: &Connection,
    views: &Views,
    sql: &Sql,
    limits: Limits,
    is_unwanted: Arc<AtomicBool>,
) -> Result<Answer, StoreError> {
    watched(connection, views, limits, is_unwanted, || {
        fetch(connection, views, sql, limits.n_rows).map_err(|e| failed(&e))
    })
}

/// The same, with rows handed on as they come: the answer has none.
pub(super) fn scan(
    connection: &Connection,
    views: &Views,
    sql: &Sql,
    limits: Limits,
    is_unwanted: Arc<AtomicBool>,
    each: EachRows<'_>,
) -> Result<Answer, StoreError> {
    watched(connection, views, limits, is_unwanted, || stream(connection, views, sql, each))
}

/// Who gets rows as they come.
pub(crate) type EachRows<'a> = &'a mut dyn FnMut(RecordBatch) -> Result<(), StoreError>;

fn watched(
    connection: &Connection,
    views: &Views,
    limits: Limits,
    is_unwanted: Arc<AtomicBool>,
    work: impl FnOnce() -> Result<Answer, StoreError>,
) -> Result<Answer, StoreError> {
    let since = Instant::now();
    connection.execute_batch(&views.create).map_err(|e| failed(&e))?;
    let interrupt = connection.interrupt_handle();
    let (finish, finished) = channel::<()>();
    // DuckDB forgets an interrupt that comes before a statement has begun: it is said again until it is heard.
    let watch = std::thread::spawn(move || {
        while let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(LOOK) {
            let is_late = since.elapsed() > limits.time;
            if is_late || is_unwanted.load(Ordering::Acquire) {
                interrupt.interrupt();
            }
        }
        since.elapsed() > limits.time
    });
    let result = work();
    drop(finish);
    let is_late = watch.join().unwrap_or(false);
    let mut answer = result.map_err(|e| match e {
        StoreError::Query(_) if is_late => StoreError::TimedOut(limits.time.as_secs()),
        other => other,
    })?;
    answer.took = since.elapsed();
    Ok(answer)
}

fn stream(connection: &Connection, views: &Views, sql: &Sql, each: EachRows<'_>) -> Result<Answer, StoreError> {
    let mut statement = connection.prepare(&sql.text).map_err(|e| failed(&e))?;
    let rows = statement.stream_arrow(params_from_iter(sql.params.iter().map(value))).map_err(|e| failed(&e))?;
    let answer = Answer {
        schema: Some(rows.get_schema()),
        scanned: views.scanned,
        generation: views.generation,
        missing: views.missing.clone(),
        ..Answer::default()
    };
    // Step by step: as an iterator it panics where the statement breaks off, as by an interrupt.
    while let Some(rows) = statement.step().map_err(|e| failed(&e))? {
        each(RecordBatch::from(&rows))?;
    }
    Ok(answer)
}

fn fetch(connection: &Connection, views: &Views, sql: &Sql, limit: usize) -> Result<Answer, duckdb::Error> {
    let mut statement = connection.prepare(&sql.text)?;
    let rows = statement.query_arrow(params_from_iter(sql.params.iter().map(value)))?;
    let mut answer = Answer {
        schema: Some(rows.get_schema()),
        scanned: views.scanned,
        generation: views.generation,
        missing: views.missing.clone(),
        ..Answer::default()
    };
    let mut n_rows = 0;
    for batch in rows {
        if n_rows + batch.num_rows() > limit {
            answer.is_cut = true;
            answer.batches.push(batch.slice(0, limit - n_rows));
            break;
        }
        n_rows += batch.num_rows();
        answer.batches.push(batch);
    }
    Ok(answer)
}

/// DuckDB's messages with candidates and carets can be long; the first lines say what is wrong.
fn first_lines(text: &str) -> String {
    text.lines().filter(|l| !l.trim().is_empty()).take(5).collect::<Vec<_>>().join("\n")
}
