//! Rows of a cluster as the store has them.

use crate::{Kind, RemoteError};
use arrow::array::{
    Array as _, ArrayRef, AsArray as _, ListArray, RecordBatch, StructArray, make_array, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, SchemaRef};
use arrow::error::ArrowError;
use sextant_model::{Table, schema};
use std::sync::Arc;

/// `rows` with exactly the columns of the store's table: in its types, lists within a column put together
/// (`Events.Name` and the others become `Events`), and what is not there as its default.
///
/// # Errors
/// If a column is of another kind than its name says.
pub fn stored(table: Table, rows: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    of_schema(&schema::stored(table), rows)
}

/// The same with the columns that a record has when it arrives.
///
/// # Errors
/// As [`stored`].
pub fn arrived(table: Table, rows: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    of_schema(&schema::arrived(table), rows)
}

fn of_schema(wanted: &SchemaRef, rows: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    let failed = |what: &str, e: &dyn std::fmt::Display| {
        RemoteError::new(Kind::Missing, format!("the column {what} of the source is of another kind: {e}"))
            .hint("look at what is there with: sextant source test")
    };
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in wanted.fields() {
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
    sextant_columns::conformed_to(wanted, known).map_err(|e| failed("of a row", &e))
}

/// A column of lists out of the columns that hold each of them, if any is there; those that are not have as many items of
/// nothing.
fn nested(rows: &RecordBatch, field: &Field, parts: &Fields) -> Result<Option<ArrayRef>, ArrowError> {
    let of = |part: &Arc<Field>| rows.column_by_name(&format!("{}.{}", field.name(), part.name()));
    let there = |part: &Arc<Field>| of(part).map(|column| cast(column, part.data_type())).transpose();
    let known = parts.iter().map(there).collect::<Result<Vec<_>, _>>()?;
    let Some(lengths) = known.iter().flatten().find_map(|c| c.as_list_opt::<i32>()).map(|l| l.offsets().clone()) else {
        return Ok(None);
    };
    let n_items = lengths.last().copied().unwrap_or(0) as usize;
    let column = |(part, known): (&Arc<Field>, Option<ArrayRef>)| match (known, part.data_type()) {
        (Some(column), _) => Ok(column),
        (None, DataType::List(item)) => {
            let nothing = new_null_array(item.data_type(), n_items);
            let nothing = if item.is_nullable() {
                nothing
            } else {
                make_array(nothing.to_data().into_builder().nulls(None).build()?)
            };
            Ok(Arc::new(ListArray::try_new(item.clone(), lengths.clone(), nothing, None)?) as ArrayRef)
        }
        (None, of) => Ok(new_null_array(of, rows.num_rows())),
    };
    let columns = parts.iter().zip(known).map(column).collect::<Result<Vec<_>, ArrowError>>()?;
    Ok(Some(Arc::new(StructArray::try_new(parts.clone(), columns, None)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{StringArray, TimestampNanosecondArray};
    use arrow::buffer::OffsetBuffer;

    #[test]
    fn lists_of_a_column_have_all_as_many_items() {
        let item = |of| Arc::new(Field::new("item", of, true));
        let names = ListArray::new(
            item(DataType::Utf8),
            OffsetBuffer::from_lengths([2, 0, 1]),
            Arc::new(StringArray::from(vec!["a", "b", "c"])),
            None,
        );
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1, 2, 3]));
        let rows = RecordBatch::try_from_iter([
            ("Timestamp", times),
            ("SpanName", Arc::new(StringArray::from(vec!["x", "y", "z"])) as ArrayRef),
            ("Events.Name", Arc::new(names) as ArrayRef),
        ]);
        let rows = stored(Table::Traces, &rows.expect("rows")).expect("as the store has them");
        assert_eq!(rows.schema(), schema::stored(Table::Traces));
        let events = rows.column_by_name("Events").and_then(|c| c.as_struct_opt()).expect("events");
        for part in events.columns() {
            let lengths: Vec<usize> = part.as_list::<i32>().iter().map(|l| l.map_or(0, |l| l.len())).collect();
            assert_eq!(lengths, [2, 0, 1]);
        }
        // A text where a time belongs is said.
        let wrong: ArrayRef = Arc::new(StringArray::from(vec!["soon"]));
        let rows = RecordBatch::try_from_iter([("Timestamp", wrong)]).expect("rows");
        let error = stored(Table::Traces, &rows).expect_err("no time");
        assert!(error.message.contains("Timestamp"), "{error}");
    }
}
