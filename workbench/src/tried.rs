//! What a bundle would come to, without one being made.

use arrow::array::RecordBatch;
use serde_json::{Value, json};
use sextant_bundles::Redactor;
use sextant_columns::{ColumnsError, PlainWriter};
use sextant_model::Table;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// So many rows of a table are written to say how large all are.
const SAMPLE_ROWS: u64 = 16 * 1024;

/// How large rows are as files: as large as the first of them, which are written and thrown away.
#[derive(Default)]
pub(crate) struct Sizes(BTreeMap<Table, PlainWriter<Vec<u8>>>);

impl Sizes {
    /// Takes some of them.
    pub fn see(&mut self, table: Table, rows: &RecordBatch) -> Result<(), ColumnsError> {
        let writer = match self.0.entry(table) {
            Entry::Occupied(there) => there.into_mut(),
            Entry::Vacant(free) => free.insert(PlainWriter::new(Vec::new(), table)?),
        };
        let room = SAMPLE_ROWS.saturating_sub(writer.n_rows()) as usize;
        if room > 0 { writer.write(&rows.slice(0, room.min(rows.num_rows()))) } else { Ok(()) }
    }

    /// The bytes of so many rows of a table each.
    fn bytes(self, rows: &BTreeMap<Table, u64>) -> Result<f64, ColumnsError> {
        let mut all = 0.0;
        for (table, writer) in self.0 {
            let n = writer.n_rows().max(1) as f64;
            let bytes = writer.finish()?.len() as f64;
            all += bytes * rows.get(&table).map_or(0.0, |rows| *rows as f64) / n;
        }
        Ok(all)
    }
}

/// What would be in it, about how large, and what would be redacted.
pub(crate) fn tried(
    rows: &BTreeMap<Table, u64>,
    redactor: &Redactor,
    left_out: &[&str],
    sizes: Sizes,
) -> Result<Value, ColumnsError> {
    let bytes = sizes.bytes(rows)?;
    let tables: BTreeMap<&str, u64> = rows.iter().filter(|(_, n)| **n > 0).map(|(t, n)| (t.name(), *n)).collect();
    let found: Vec<Value> = redactor
        .found()
        .map(|(rule, column, method, f)| {
            json!({ "rule": rule, "column": column, "method": method.name(), "n": f.n, "sample": f.sample })
        })
        .collect();
    Ok(json!({
        "rows": rows.values().sum::<u64>(), "bytes": bytes as u64, "tables": tables, "found": found,
        "unmatched": redactor.unmatched(), "left_out": left_out, "bytes_scanned": redactor.n_bytes(),
    }))
}
