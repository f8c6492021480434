//! The order of rows in a segment.

use crate::ColumnsError;
use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use sextant_model::Table;

/// All rows of `batches` as one batch, ordered by (`ServiceName`, time).
///
/// The sort is stable enough for recovery: rows with equal keys keep no promised order.
pub fn sorted(table: Table, batches: &[RecordBatch]) -> Result<RecordBatch, ColumnsError> {
    let schema = sextant_model::schema::stored(table);
    let all = concat_batches(&schema, batches)?;
    let key = |name: &str| -> Result<SortColumn, ColumnsError> {
        let values = all.column_by_name(name).cloned();
        let values = values.ok_or(ColumnsError::Damaged { kind: "segment", what: "a sort column is missing" })?;
        Ok(SortColumn { values, options: None })
    };
    let order: UInt32Array = lexsort_to_indices(&[key("ServiceName")?, key(table.time_column())?], None)?;
    Ok(take_record_batch(&all, &order)?)
}
