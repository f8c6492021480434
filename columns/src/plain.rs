//! Rows on their own, for files that leave the store: no trace index, no promoted columns, nothing of where they lay. The
//! same rows in the same order come to the same bytes.

use crate::ColumnsError;
use crate::encode::GroupedWriter;
use crate::write::{Compression, ROW_GROUP_ROWS, codec, plain_properties};
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use parquet::file::metadata::KeyValue;
use sextant_model::Table;
use std::io::Write;

/// Rows that are encoded at once: where batches end must not be seen in a file.
const BATCH_ROWS: usize = 16 * 1024;

/// A file of rows as they arrived.
pub struct PlainWriter<W: Write + Send> {
    writer: GroupedWriter<W>,
    table: Table,
    schema: SchemaRef,
    waiting: Vec<RecordBatch>,
    n_waiting: usize,
    n_rows: u64,
}

impl<W: Write + Send> PlainWriter<W> {
    /// Begins a file.
    pub fn new(out: W, table: Table) -> Result<Self, ColumnsError> {
        let schema = sextant_model::schema::arrived(table);
        let codec = codec(Compression::Merged)?;
        let properties = plain_properties(table, codec, Compression::Merged).build();
        let writer = GroupedWriter::new(out, schema.clone(), properties, codec, ROW_GROUP_ROWS)?;
        Ok(Self { writer, table, schema, waiting: Vec::new(), n_waiting: 0, n_rows: 0 })
    }

    /// Appends rows, in their order.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), ColumnsError> {
        self.n_rows += rows.num_rows() as u64;
        let mut from = 0;
        while from < rows.num_rows() {
            let n = (BATCH_ROWS - self.n_waiting).min(rows.num_rows() - from);
            self.waiting.push(rows.slice(from, n));
            (from, self.n_waiting) = (from + n, self.n_waiting + n);
            if self.n_waiting == BATCH_ROWS {
                self.encode()?;
            }
        }
        Ok(())
    }

    fn encode(&mut self) -> Result<(), ColumnsError> {
        self.n_waiting = 0;
        let rows = match std::mem::take(&mut self.waiting) {
            mut one if one.len() == 1 => one.remove(0),
            many => concat_batches(&self.schema, &many)?,
        };
        self.writer.write(&rows)
    }

    /// Rows so far.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Bytes so far, about.
    pub fn n_bytes(&self) -> usize {
        self.writer.n_bytes()
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<W, ColumnsError> {
        if self.n_waiting > 0 {
            self.encode()?;
        }
        self.writer.finish(vec![KeyValue::new("sextant.table".to_owned(), self.table.name().to_owned())])
    }
}
