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

    /// Adds a batch. Eight neighbours of like size are joined, so that the list stays short and each row is copied few
    /// times, however small the requests are.
    fn push(&mut self, rows: RecordBatch) {
        self.0.push(Arc::new(rows));
        while let Some(n) = self.to_join() {
            let tail = self.0.split_off(self.0.len() - n);
            match concat_batches(&tail[0].schema(), tail.iter().map(AsRef::as_ref)) {
                Ok(joined) => self.0.push(Arc::new(joined)),
                // Too large for one batch: they stay as they are.
                Err(_) => return self.0.extend(tail),
            }
        }
    }

    /// How many batches at the end are to be one.
    fn to_join(&self) -> Option<usize> {
        let class = |b: &Arc<RecordBatch>| b.num_rows().max(1).ilog(JOINED as usize);
        let last = class(self.0.last()?);
        let tail = self.0.iter().rev().take_while(|b| class(b) <= last).take(JOINED as usize);
        let (n, n_rows) = tail.fold((0, 0), |(n, rows), b| (n + 1, rows + b.num_rows()));
        (n == JOINED as usize && n_rows <= MAX_ROWS).then_some(n)
    }
}

/// So many batches of like size are joined.
const JOINED: u32 = 8;
/// Batches do not grow beyond this: readers take two thousand rows at once, and larger ones would be copied for nothing.
const MAX_ROWS: usize = 4_096;

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

#[cfg(test)]
mod tests {
    use super::*;
    use sextant_model::schema;

    #[test]
    fn the_list_stays_short() {
        let mut table = HotTable::default();
        let one = RecordBatch::new_empty(schema::stored(Table::Logs));
        let rows = sextant_columns::conformed(Table::Logs, {
            let names: arrow::array::ArrayRef = Arc::new(arrow::array::StringArray::from(vec!["a"]));
            RecordBatch::try_from_iter([("ServiceName", names)]).expect("a row")
        });
        let rows = rows.expect("conforms");
        table.push(one);
        for n in 1..=3_000 {
            table.push(rows.clone());
            assert_eq!(table.n_rows(), n);
            assert!(table.0.len() <= 8 * 5, "{} batches of {n} rows", table.0.len());
        }
    }
}
