//! What comes in, and what is said back.

use crate::StoreError;
use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array};
use sextant_model::{Batch, Counts, Table, schema};
use std::sync::Arc;

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
}

impl Ingest {
    /// Bytes of the rows in memory.
    pub fn size_bytes(&self) -> usize {
        self.batches.iter().map(|b| b.rows.get_array_memory_size()).sum()
    }
}

/// What is called once a request is durable and visible, or is not to be.
pub type Acked = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// The rows with the store's own columns.
pub(crate) fn with_added(ingest: &Ingest, id: u64) -> Result<Vec<(Table, RecordBatch)>, StoreError> {
    let add = |batch: &Batch| {
        let n = batch.rows.num_rows();
        let mut columns: Vec<ArrayRef> = batch.rows.columns().to_vec();
        columns.push(Arc::new(StringArray::from_iter_values(std::iter::repeat_n(&ingest.project, n))));
        columns.push(Arc::new(TimestampNanosecondArray::from_value(ingest.received_at, n)));
        columns.push(Arc::new(UInt64Array::from_value(id, n)));
        RecordBatch::try_new(schema::stored(batch.table), columns)
            .map(|rows| (batch.table, rows))
            .map_err(|e| StoreError::Wal(format!("a batch of {} is not in the stored schema: {e}", batch.table)))
    };
    ingest.batches.iter().filter(|b| b.rows.num_rows() > 0).map(add).collect()
}
