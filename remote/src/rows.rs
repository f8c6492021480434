//! Rows of a cluster as the store has them.

use crate::{Kind, RemoteError};
use arrow::array::RecordBatch;
use sextant_columns::ColumnsError;
use sextant_model::Table;

fn failed(e: ColumnsError) -> RemoteError {
    let why = match e {
        ColumnsError::Kind { name, why } => format!("the column {name} of the source is of another kind: {why}"),
        other => format!("rows of the source can't be read: {other}"),
    };
    RemoteError::new(Kind::Missing, why).hint("look at what is there with: sextant source test")
}

/// [`sextant_columns::stored`], said as a source's failure.
///
/// # Errors
/// If a column is of another kind than its name says.
pub fn stored(table: Table, rows: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    sextant_columns::stored(table, rows).map_err(failed)
}

/// [`sextant_columns::arrived`], likewise.
///
/// # Errors
/// As [`stored`].
pub fn arrived(table: Table, rows: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    sextant_columns::arrived(table, rows).map_err(failed)
}

/// [`sextant_columns::known`], likewise.
///
/// # Errors
/// As [`stored`].
pub fn known(table: Table, rows: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    sextant_columns::known(table, rows).map_err(failed)
}
