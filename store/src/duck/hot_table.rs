//! The table function `sextant_hot(id)`: hot batches as a DuckDB table, with projection pushdown.

use arrow::array::RecordBatch;
use duckdb::core::{DataChunkHandle, LogicalTypeHandle, LogicalTypeId};
use duckdb::vtab::{
    BindInfo, InitInfo, TableFunctionInfo, VTab, record_batch_to_duckdb_data_chunk, to_duckdb_logical_type_for_field,
};
use duckdb::{Connection, Result};
use sextant_model::{Table, schema};
use std::collections::HashMap;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

/// What DuckDB takes at once.
const CHUNK_ROWS: usize = 2_048;

type Offered = HashMap<u64, (Table, Vec<RecordBatch>)>;

/// Batches that statements under way may read, by the number that is in their SQL. A registry and not a pointer
/// handed to DuckDB, so that no code of ours is unsafe.
static OFFERED: LazyLock<Mutex<Offered>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Keeps batches readable for as long as it lives.
#[derive(Debug)]
pub(super) struct Offer(u64);

impl Offer {
    pub fn new(table: Table, batches: Vec<RecordBatch>) -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        OFFERED.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (table, batches));
        Self(id)
    }

    /// The table expression that reads them.
    pub fn sql(&self) -> String {
        format!("sextant_hot({})", self.0)
    }
}

impl Drop for Offer {
    fn drop(&mut self) {
        OFFERED.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

struct HotTable;

struct Bound {
    table: Table,
    batches: Vec<RecordBatch>,
}

struct Scan {
    columns: Vec<usize>,
    /// Batch and row to go on from.
    next: Mutex<(usize, usize)>,
}

impl VTab for HotTable {
    type InitData = Scan;
    type BindData = Bound;

    fn bind(bind: &BindInfo) -> Result<Bound, Box<dyn Error>> {
        let id = bind.get_parameter(0).to_int64() as u64;
        let offered = OFFERED.lock().unwrap_or_else(PoisonError::into_inner);
        let (table, batches) = offered.get(&id).ok_or("these rows are not offered any more")?;
        let schema = schema::stored(*table);
        for field in schema.fields() {
            bind.add_result_column(field.name(), to_duckdb_logical_type_for_field(field)?);
        }
        bind.set_cardinality(batches.iter().map(|b| b.num_rows() as u64).sum(), true);
        Ok(Bound { table: *table, batches: batches.clone() })
    }

    fn init(init: &InitInfo) -> Result<Scan, Box<dyn Error>> {
        let columns = init.get_column_indices().into_iter().map(|i| i as usize).collect();
        Ok(Scan { columns, next: Mutex::new((0, 0)) })
    }

    fn func(info: &TableFunctionInfo<Self>, out: &mut DataChunkHandle) -> Result<(), Box<dyn Error>> {
        let (bound, scan) = (info.get_bind_data(), info.get_init_data());
        let mut next = scan.next.lock().unwrap_or_else(PoisonError::into_inner);
        while bound.batches.get(next.0).is_some_and(|b| next.1 >= b.num_rows()) {
            *next = (next.0 + 1, 0);
        }
        let Some(batch) = bound.batches.get(next.0) else {
            out.set_len(0);
            return Ok(());
        };
        let rows = batch.slice(next.1, CHUNK_ROWS.min(batch.num_rows() - next.1));
        next.1 += rows.num_rows();
        drop(next);
        let n_columns = schema::stored(bound.table).fields().len();
        let wanted: Vec<usize> = scan.columns.iter().copied().filter(|c| *c < n_columns).collect();
        if wanted.len() == scan.columns.len() && !wanted.is_empty() {
            record_batch_to_duckdb_data_chunk(&rows.project(&wanted)?, out)?;
        } else {
            // Only the number of rows is asked for.
            out.set_len(rows.num_rows());
        }
        Ok(())
    }

    fn supports_pushdown() -> bool {
        true
    }

    fn parameters() -> Option<Vec<LogicalTypeHandle>> {
        Some(vec![LogicalTypeHandle::from(LogicalTypeId::Bigint)])
    }
}

pub(super) fn register(connection: &Connection) -> Result<()> {
    connection.register_table_function::<HotTable>("sextant_hot")
}
