//! Rows of a cluster as the store has them.

use crate::{Kind, RemoteError};
use arrow::array::{Array as _, ArrayRef, ListArray, RecordBatch, StructArray, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields};
use sextant_model::{Table, schema};
use std::sync::Arc;

/// `rows` with exactly the columns of the store's table: in its types, lists within a column put together
/// (`Events.Name` and the others become `Events`), and what is not there as its default.
///
/// # Errors
/// If a column is of another kind than its name says.
pub fn stored(table: Table, rows: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    let failed = |what: &str, e: &dyn std::fmt::Display| {
        RemoteError::new(Kind::Missing, format!("the column {what} of the source is of another kind: {e}"))
            .hint("look at what is there with: sextant source test")
    };
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in schema::stored(table).fields() {
        let column = match (rows.column_by_name(field.name()), field.data_type()) {
            (Some(column), of) => Some(cast(column, of).map_err(|e| failed(field.name(), &e))?),
            (None, DataType::Struct(parts)) => nested(rows, field, parts).map_err(|e| failed(field.name(), &e))?,
            (None, _) => None,
        };
        if let Some(column) = column {
            fields.push(field.clone());
            columns.push(column);
        }
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    let known = RecordBatch::try_new_with_options(schema, columns, &options).map_err(|e| failed("of a row", &e))?;
    sextant_columns::conformed(table, known).map_err(|e| failed("of a row", &e))
}

/// A column of lists out of the columns that hold each of them, if any is there; those that are not are empty.
fn nested(rows: &RecordBatch, field: &Field, parts: &Fields) -> Result<Option<ArrayRef>, arrow::error::ArrowError> {
    let of = |part: &Arc<Field>| rows.column_by_name(&format!("{}.{}", field.name(), part.name()));
    if parts.iter().all(|part| of(part).is_none()) {
        return Ok(None);
    }
    let column = |part: &Arc<Field>| match (of(part), part.data_type()) {
        (Some(column), of) => cast(column, of),
        (None, DataType::List(item)) => {
            let none = OffsetBuffer::from_lengths(std::iter::repeat_n(0, rows.num_rows()));
            ListArray::try_new(item.clone(), none, new_empty_array(item.data_type()), None)
                .map(|l| Arc::new(l) as ArrayRef)
        }
        (None, of) => Ok(arrow::array::new_null_array(of, rows.num_rows())),
    };
    let columns = parts.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    let all = StructArray::try_new(parts.clone(), columns, None)?;
    debug_assert_eq!(all.len(), rows.num_rows());
    Ok(Some(Arc::new(all)))
}
