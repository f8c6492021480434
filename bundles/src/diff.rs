//! What two bundles have in common, and what only one of them has.

use crate::BundleError;
use crate::bag::Bag;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sextant_columns::{guarded, row_hashes};
use sextant_model::{Table, schema};
use std::collections::{BTreeMap, HashMap};

/// Rows of a table in two bundles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TableDiff {
    /// In both, with the same values.
    pub both: u64,
    /// In the first alone.
    pub only_a: u64,
    /// In the second alone.
    pub only_b: u64,
}

impl Bag {
    /// Each row of the data, in batches with the columns of its table.
    ///
    /// # Errors
    /// If a file can't be read, or `each` fails.
    pub fn each_batch(
        &self,
        each: &mut dyn FnMut(Table, arrow::array::RecordBatch) -> Result<(), BundleError>,
    ) -> Result<(), BundleError> {
        let names: Vec<String> = self.files().map(|(n, _)| n.to_owned()).filter(|n| n.starts_with("data/")).collect();
        for name in names {
            let bad = |e: &dyn std::fmt::Display| BundleError::bad(&name, format!("it can't be read: {e}"));
            let table =
                name.split('/').nth(1).and_then(Table::from_name).ok_or_else(|| bad(&"no signal is called so"))?;
            let mut reader = guarded(|| {
                let reader = ParquetRecordBatchReaderBuilder::try_new(self.parquet(&name)?).map_err(|e| bad(&e))?;
                reader.with_batch_size(16 * 1024).build().map_err(|e| bad(&e))
            })
            .map_err(|e| bad(&e))?;
            while let Some(rows) = guarded(|| reader.next().transpose().map_err(|e| bad(&e)))? {
                each(table, sextant_columns::conformed_to(&schema::arrived(table), rows)?)?;
            }
        }
        Ok(())
    }
}

/// Compares the rows of two bundles by all that is in them.
///
/// # Errors
/// If one of them can't be read.
pub fn diff(a: &Bag, b: &Bag) -> Result<BTreeMap<&'static str, TableDiff>, BundleError> {
    let mut counts: HashMap<(Table, u128), i64> = HashMap::new();
    let mut found: BTreeMap<&'static str, TableDiff> = BTreeMap::new();
    a.each_batch(&mut |table, rows| {
        for hash in row_hashes(&rows, 0..rows.num_rows())? {
            *counts.entry((table, hash)).or_default() += 1;
        }
        found.entry(table.name()).or_default().only_a += rows.num_rows() as u64;
        Ok(())
    })?;
    b.each_batch(&mut |table, rows| {
        let of = found.entry(table.name()).or_default();
        for hash in row_hashes(&rows, 0..rows.num_rows())? {
            match counts.get_mut(&(table, hash)).filter(|n| **n > 0) {
                Some(n) => {
                    *n -= 1;
                    (of.both, of.only_a) = (of.both + 1, of.only_a - 1);
                }
                None => of.only_b += 1,
            }
        }
        Ok(())
    })?;
    Ok(found)
}
