//! Rows of an older schema in today's: columns by name, those that were not there yet with their default.

use crate::ColumnsError;
use arrow::array::{Array as _, ArrayData, ArrayRef, RecordBatch, RecordBatchOptions, make_array, new_null_array};
use arrow::datatypes::{DataType, Field, SchemaRef};
use sextant_model::{Table, schema};

/// `rows` with exactly the columns of [`schema::stored`].
pub fn conformed(table: Table, rows: RecordBatch) -> Result<RecordBatch, ColumnsError> {
    conformed_to(&schema::stored(table), rows)
}

/// `rows` with exactly the columns of `wanted`.
pub fn conformed_to(wanted: &SchemaRef, rows: RecordBatch) -> Result<RecordBatch, ColumnsError> {
    if rows.schema_ref().fields() == wanted.fields() {
        return Ok(rows);
    }
    let columns: Result<Vec<ArrayRef>, ColumnsError> = wanted
        .fields()
        .iter()
        .map(|field| match rows.column_by_name(field.name()) {
            Some(column) if column.data_type() == field.data_type() => Ok(column.clone()),
            Some(_) => Err(ColumnsError::Damaged { kind: "segment", what: "a column has another type" }),
            None => default_of(field, rows.num_rows()),
        })
        .collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    Ok(RecordBatch::try_new_with_options(wanted.clone(), columns?, &options)?)
}

/// What an absent column reads as: nothing where that is allowed, else zero, empty text, empty list.
pub(crate) fn default_of(field: &Field, n: usize) -> Result<ArrayRef, ColumnsError> {
    let nothing = new_null_array(field.data_type(), n);
    if field.is_nullable() {
        return Ok(nothing);
    }
    Ok(make_array(without_nulls(&nothing.to_data())?))
}

fn without_nulls(data: &ArrayData) -> Result<ArrayData, ColumnsError> {
    let mut builder = data.clone().into_builder().nulls(None);
    if matches!(data.data_type(), DataType::Struct(_)) {
        let children = data.child_data().iter().map(without_nulls);
        builder = builder.child_data(children.collect::<Result<_, _>>()?);
    }
    Ok(builder.build()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::AsArray as _;

    #[test]
    fn a_missing_column_reads_as_its_default() {
        for table in Table::ALL {
            let empty = RecordBatch::new_empty(schema::stored(table));
            let full = conformed(table, empty.project(&[0]).expect("a column")).expect("conforms");
            assert_eq!(full.schema(), schema::stored(table));
            // Of three rows that have a service and nothing else.
            let names: ArrayRef = std::sync::Arc::new(arrow::array::StringArray::from(vec!["a", "b", "c"]));
            let rows = RecordBatch::try_from_iter([("ServiceName", names)]).expect("rows");
            let full = conformed(table, rows).expect("conforms");
            assert_eq!((full.num_rows(), full.schema()), (3, schema::stored(table)));
            let scope = full.column_by_name("ScopeName").expect("a column");
            assert_eq!(scope.as_string::<i32>().value(2), "");
        }
    }
}
