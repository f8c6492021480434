//! Rows that are durable in the write-ahead log and wait in memory to be sealed.

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use sextant_model::Table;
use std::sync::Arc;

/// Batches of one table, few however small the requests were.
#[derive(Debug, Clone, Default)]
pub(crate) struct HotTable(Vec<Arc<RecordBatch>>);

impl HotTable {
    pub fn batches(&self) -> impl Iterator<Item = &RecordBatch> {
        self.0.iter().map(AsRef::as_ref)
    }

    pub fn n_rows(&self) -> usize {
        self.0.iter().map(|b| b.num_rows()).sum()
    }

    /// Adds a batch; neighbours of like size are joined, so that the list stays logarithmic and each row is copied
    /// a logarithmic number of times.
    fn push(&mut self, rows: RecordBatch) {
        self.0.push(Arc::new(rows));
        while let [.., a, b] = self.0.as_slice() {
            if a.num_rows() > 2 * b.num_rows() || a.num_rows() + b.num_rows() > 65_536 {
                break;
            }
            let Ok(joined) = concat_batches(&a.schema(), [a.as_ref(), b.as_ref()]) else { break };
            self.0.truncate(self.0.len() - 2);
            self.0.push(Arc::new(joined));
        }
    }
}

/// The hot rows of one epoch. Cheap to clone: batches are shared.
#[derive(Debug, Clone, Default)]
pub(crate) struct HotEpoch {
    pub epoch: u64,
    tables: [HotTable; 7],
    pub size_bytes: usize,
}

impl HotEpoch {
    pub fn new(epoch: u64) -> Self {
        Self { epoch, tables: Default::default(), size_bytes: 0 }
    }

    pub fn table(&self, table: Table) -> &HotTable {
        &self.tables[table as usize]
    }

    pub fn push(&mut self, table: Table, rows: RecordBatch) {
        self.size_bytes += rows.get_array_memory_size();
        self.tables[table as usize].push(rows);
    }

    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(|t| t.0.is_empty())
    }
}
