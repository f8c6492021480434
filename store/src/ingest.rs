//! What comes in, and what is said back.

use crate::StoreError;
use crate::bucket::Bucket;
use crate::ledger::{DUPLICATE, is_taken_in};
use crate::resend::{RequestKey, RowHash, hashes};
use arrow::array::{ArrayRef, AsArray, BooleanArray, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampNanosecondType;
use sextant_model::{Batch, Counts, Table, schema};
use std::sync::Arc;

/// Rows this far ahead of the clock are marked.
const AHEAD_NANOS: i64 = 60_000_000_000;

/// One request's batches, with what is to be counted.
#[derive(Debug, Clone, Default)]
pub struct Ingest {
    /// The project; `default` if none was named.
    pub project: String,
    /// Who sent it, in a few words.
    pub client: String,
    /// `otlp-grpc`, `otlp-http`, `zipkin`, `import`, …
    pub protocol: String,
    /// When it arrived, nanoseconds.
    pub received_at: i64,
    /// The rows, as they arrived.
    pub batches: Vec<Batch>,
    /// What the request's records came to: traces, logs, metrics.
    pub counts: [Counts; 3],
    /// Requests that could not be decoded at all: traces, logs, metrics.
    pub n_malformed: [u64; 3],
    /// By which the request is recognised when it comes again.
    pub request: Option<RequestKey>,
}

impl Ingest {
    /// Bytes of the rows in memory.
    pub fn size_bytes(&self) -> usize {
        self.batches.iter().map(|b| b.rows.get_array_memory_size()).sum()
    }

    /// Leaves out rows of a batch that are kept already, and counts them.
    pub(crate) fn leave_out(&mut self, table: Table, n: usize) {
        self.counts[table.signal() as usize].rejected.add(DUPLICATE, n as u64);
    }
}

/// What became of a request.
#[derive(Debug, Clone, Default)]
pub struct Acked {
    /// What was counted in the end: traces, logs, metrics.
    pub counts: [Counts; 3],
    /// If the same request came before: what its sender was told then.
    pub reply: Option<String>,
}

/// What is called once a request is durable and visible, or is not to be.
pub type OnAcked = Box<dyn FnOnce(Result<Acked, StoreError>) + Send>;

/// Rows of one table as they will be stored, with what tells them apart.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub table: Table,
    pub batch: RecordBatch,
    pub hashes: Vec<RowHash>,
}

impl Rows {
    /// Rows that have the store's own columns.
    pub fn new(table: Table, batch: RecordBatch) -> Self {
        Self { table, hashes: hashes(table, &batch), batch }
    }

    /// Only those rows for which `keep` says so.
    pub fn filtered(&self, keep: Vec<bool>) -> Result<Self, StoreError> {
        let hashes = self.hashes.iter().zip(&keep).filter(|(_, k)| **k).map(|(h, _)| *h).collect();
        let batch =
            filter_record_batch(&self.batch, &BooleanArray::from(keep)).map_err(|e| in_schema(self.table, &e))?;
        Ok(Self { table: self.table, batch, hashes })
    }
}

fn in_schema(table: Table, e: &arrow::error::ArrowError) -> StoreError {
    StoreError::Wal(format!("a batch of {table} is not in the stored schema: {e}"))
}

/// The rows with the store's own columns.
pub(crate) fn with_added(ingest: &Ingest, id: u64) -> Result<Vec<Rows>, StoreError> {
    let add = |batch: &Batch| {
        let n = batch.rows.num_rows();
        let mut columns: Vec<ArrayRef> = batch.rows.columns().to_vec();
        columns.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&ingest.project, n))));
        columns.push(Arc::new(TimestampNanosecondArray::from_value(ingest.received_at, n)));
        columns.push(Arc::new(UInt64Array::from_value(id, n)));
        RecordBatch::try_new(schema::stored(batch.table), columns)
            .map(|rows| Rows::new(batch.table, rows))
            .map_err(|e| in_schema(batch.table, &e))
    };
    ingest.batches.iter().filter(|b| b.rows.num_rows() > 0).map(add).collect()
}

/// Counts rows that come late, early or at a time that can't be: they are kept, in places of their own.
pub(crate) fn mark_times(ingest: &mut Ingest) {
    if is_taken_in(&ingest.protocol) {
        return;
    }
    for batch in &ingest.batches {
        let times = batch.rows.column_by_name(batch.table.time_column());
        let Some(times) = times.and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>()) else { continue };
        let (mut n_late, mut n_future, mut n_absurd) = (0, 0, 0);
        for time in times.values() {
            match Bucket::of(*time, ingest.received_at) {
                Bucket::Absurd => n_absurd += 1,
                Bucket::FiveMinutes(_) => {
                    n_future += u64::from(*time > ingest.received_at.saturating_add(AHEAD_NANOS));
                }
                Bucket::Hour(_) | Bucket::Day(_) | Bucket::Month(_) | Bucket::Year(_) => n_late += 1,
            }
        }
        let marked = &mut ingest.counts[batch.table.signal() as usize].marked;
        marked.add("late", n_late);
        marked.add("future", n_future);
        marked.add("absurd_time", n_absurd);
    }
}
