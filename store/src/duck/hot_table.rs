//! The table function `sextant_hot(id)`: hot batches, or some row groups of files, as a DuckDB table with projection
//! pushdown.

use crate::snapshot::RowGroups;
use arrow::array::RecordBatch;
use duckdb::core::{DataChunkHandle, LogicalTypeHandle, LogicalTypeId};
use duckdb::vtab::{
    BindInfo, InitInfo, TableFunctionInfo, VTab, record_batch_to_duckdb_data_chunk, to_duckdb_logical_type_for_field,
};
use duckdb::{Connection, Result};
use sextant_columns::{ColumnsError, ROW_GROUP_ROWS, read_groups};
use sextant_model::{Need, Table, schema};
use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};

/// What DuckDB takes at once.
const CHUNK_ROWS: usize = 2_048;

/// What a statement may read beside the files that DuckDB reads itself.
#[derive(Clone)]
pub(super) enum Offered {
    /// Rows in memory.
    Batches(Vec<RecordBatch>),
    /// Rows in memory that are of no table.
    Other(RecordBatch),
    /// Some row groups of files, and what is needed of their rows.
    Groups(Vec<(PathBuf, RowGroups)>, Vec<Need>),
}

/// No table has as many columns.
const MOST_COLUMNS: usize = 1_000;

type Offers = HashMap<u64, (Table, Offered)>;

/// Batches that statements under way may read, by the number that is in their SQL. A registry and not a pointer
/// handed to DuckDB, so that no code of ours is unsafe.
static OFFERED: LazyLock<Mutex<Offers>> = LazyLock::new(Mutex::default);
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Keeps batches readable for as long as it lives.
#[derive(Debug)]
pub(super) struct Offer(u64);

impl Offer {
    pub fn new(table: Table, rows: Offered) -> Self {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        OFFERED.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (table, rows));
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
    rows: Offered,
}

struct Scan {
    /// The columns that are asked for; none if only the number of rows is.
    columns: Vec<usize>,
    next: Mutex<Next>,
}

type Rows = Box<dyn Iterator<Item = std::result::Result<RecordBatch, ColumnsError>> + Send>;

/// Where to go on.
#[derive(Default)]
struct Next {
    /// The batch or file.
    part: usize,
    /// The row of the batch, or which of the chosen row groups.
    row: usize,
    /// The file, while it is being read.
    open: Option<Rows>,
}

impl Bound {
    fn batches(&self) -> &[RecordBatch] {
        match &self.rows {
            Offered::Batches(batches) => batches,
            Offered::Other(rows) => std::slice::from_ref(rows),
            Offered::Groups(..) => &[],
        }
    }

    /// The next rows with the columns that are asked for.
    fn next(&self, scan: &Scan) -> std::result::Result<Option<RecordBatch>, Box<dyn Error>> {
        let mut next = scan.next.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match &self.rows {
                Offered::Batches(_) | Offered::Other(_) => {
                    let Some(batch) = self.batches().get(next.part) else { return Ok(None) };
                    if next.row >= batch.num_rows() {
                        (next.part, next.row) = (next.part + 1, 0);
                        continue;
                    }
                    let rows = batch.slice(next.row, CHUNK_ROWS.min(batch.num_rows() - next.row));
                    next.row += rows.num_rows();
                    return Ok(Some(rows.project(&scan.columns)?));
                }
                Offered::Groups(files, needs) => {
                    let Some((path, groups)) = files.get(next.part) else { return Ok(None) };
                    // One at a time, so that a statement can be stopped between them.
                    let Some(group) = groups.chosen.get(next.row) else {
                        *next = Next { part: next.part + 1, ..Next::default() };
                        continue;
                    };
                    let rows = match &mut next.open {
                        Some(rows) => rows,
                        none => {
                            let columns = &scan.columns;
                            let all = &groups.all_rows;
                            let rows = read_groups(path, self.table, &[*group], needs, all, columns, CHUNK_ROWS)
                                .map_err(|e| format!("{}: {e}", path.display()))?;
                            none.insert(Box::new(rows))
                        }
                    };
                    match rows.next().transpose().map_err(|e| format!("{}: {e}", path.display()))? {
                        Some(rows) => return Ok(Some(rows)),
                        None => *next = Next { row: next.row + 1, part: next.part, open: None },
                    }
                }
            }
        }
    }
}

impl VTab for HotTable {
    type InitData = Scan;
    type BindData = Bound;

    fn bind(bind: &BindInfo) -> Result<Bound, Box<dyn Error>> {
        let id = bind.get_parameter(0).to_int64() as u64;
        let offered = OFFERED.lock().unwrap_or_else(PoisonError::into_inner);
        let (table, rows) = offered.get(&id).ok_or("these rows are not offered any more")?;
        let schema = match rows {
            Offered::Other(rows) => rows.schema(),
            _ => schema::stored(*table),
        };
        for field in schema.fields() {
            bind.add_result_column(field.name(), to_duckdb_logical_type_for_field(field)?);
        }
        match rows {
            Offered::Batches(batches) => bind.set_cardinality(batches.iter().map(|b| b.num_rows() as u64).sum(), true),
            Offered::Other(rows) => bind.set_cardinality(rows.num_rows() as u64, true),
            Offered::Groups(files, _) => {
                let n_groups: usize = files.iter().map(|(_, groups)| groups.chosen.len()).sum();
                bind.set_cardinality((n_groups * ROW_GROUP_ROWS) as u64, false);
            }
        }
        Ok(Bound { table: *table, rows: rows.clone() })
    }

    fn init(init: &InitInfo) -> Result<Scan, Box<dyn Error>> {
        // An index beyond all columns asks for rows without any.
        let columns: Vec<usize> = init.get_column_indices().into_iter().map(|i| i as usize).collect();
        let columns = if columns.iter().all(|c| *c < MOST_COLUMNS) { columns } else { Vec::new() };
        Ok(Scan { columns, next: Mutex::default() })
    }

    fn func(info: &TableFunctionInfo<Self>, out: &mut DataChunkHandle) -> Result<(), Box<dyn Error>> {
        let (bound, scan) = (info.get_bind_data(), info.get_init_data());
        let Some(rows) = bound.next(scan)? else {
            out.set_len(0);
            return Ok(());
        };
        if rows.num_columns() > 0 {
            record_batch_to_duckdb_data_chunk(&rows, out)?;
        } else {
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
