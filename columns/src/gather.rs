//! Rows of several batches, copied together in any order.

use arrow::array::{Array, ArrayRef, AsArray as _, ListArray, MapArray, RecordBatch, StructArray};
use arrow::compute::interleave;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use arrow::error::ArrowError;
use std::sync::Arc;

/// The rows of `batches` that `rows` names, by batch and row, in that order. Batches have the same columns.
///
/// Arrow copies lists column by column, with room for all of them from the start, and maps row by row into a room that
/// grows: so maps are copied as the lists that they are.
///
/// # Errors
/// If they have not.
pub fn gathered(batches: &[&RecordBatch], rows: &[(usize, usize)]) -> Result<RecordBatch, ArrowError> {
    let Some(first) = batches.first() else {
        return Err(ArrowError::InvalidArgumentError("rows of no batch".into()));
    };
    let schema = first.schema();
    let mut columns = Vec::with_capacity(schema.fields().len());
    for (i, field) in schema.fields().iter().enumerate() {
        let parts: Vec<ArrayRef> = batches.iter().map(|b| as_list(b.column(i))).collect();
        let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
        columns.push(as_was(interleave(&parts, rows)?, field.data_type())?);
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(schema, columns, &options)
}

/// The type with every map in it as the list that it is.
fn list_type(of: &DataType) -> Option<DataType> {
    let inner = |field: &FieldRef| {
        list_type(field.data_type()).map(|t| Arc::new(Field::new(field.name(), t, field.is_nullable())))
    };
    match of {
        DataType::Map(entries, _) => {
            let entries = inner(entries).unwrap_or_else(|| entries.clone());
            Some(DataType::List(entries))
        }
        DataType::List(item) => inner(item).map(DataType::List),
        DataType::Struct(fields) => {
            let parts: Vec<Option<FieldRef>> = fields.iter().map(inner).collect();
            if parts.iter().all(Option::is_none) {
                return None;
            }
            let parts = parts.into_iter().zip(fields).map(|(part, field)| part.unwrap_or_else(|| field.clone()));
            Some(DataType::Struct(parts.collect::<Fields>()))
        }
        _ => None,
    }
}

/// Nothing is copied.
fn as_list(array: &ArrayRef) -> ArrayRef {
    let Some(wanted) = list_type(array.data_type()) else { return array.clone() };
    match (array.data_type(), wanted) {
        (DataType::Map(..), DataType::List(item)) => {
            let map = array.as_map();
            let entries: ArrayRef = Arc::new(map.entries().clone());
            Arc::new(ListArray::new(item, map.offsets().clone(), as_list(&entries), map.nulls().cloned()))
        }
        (DataType::List(_), DataType::List(item)) => {
            let list = array.as_list::<i32>();
            let values = as_list(list.values());
            Arc::new(ListArray::new(item, list.offsets().clone(), values, list.nulls().cloned()))
        }
        (DataType::Struct(_), DataType::Struct(fields)) => {
            let whole = array.as_struct();
            let parts = whole.columns().iter().map(as_list).collect();
            Arc::new(StructArray::new(fields, parts, whole.nulls().cloned()))
        }
        _ => array.clone(),
    }
}

/// Back again, and nothing is copied either.
fn as_was(array: ArrayRef, wanted: &DataType) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == wanted {
        return Ok(array);
    }
    match wanted {
        DataType::Map(entries, is_sorted) => {
            let list = array.as_list::<i32>();
            let inner = as_was(list.values().clone(), entries.data_type())?;
            let (offsets, nulls) = (list.offsets().clone(), list.nulls().cloned());
            let map = MapArray::try_new(entries.clone(), offsets, inner.as_struct().clone(), nulls, *is_sorted)?;
            Ok(Arc::new(map))
        }
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let values = as_was(list.values().clone(), item.data_type())?;
            let list = ListArray::try_new(item.clone(), list.offsets().clone(), values, list.nulls().cloned())?;
            Ok(Arc::new(list))
        }
        DataType::Struct(fields) => {
            let whole = array.as_struct();
            let parts = whole.columns().iter().zip(fields).map(|(part, field)| as_was(part.clone(), field.data_type()));
            let parts = parts.collect::<Result<Vec<ArrayRef>, ArrowError>>()?;
            Ok(Arc::new(StructArray::try_new(fields.clone(), parts, whole.nulls().cloned())?))
        }
        _ => Ok(array),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::new_null_array;
    use arrow::buffer::{NullBuffer, OffsetBuffer};
    use arrow::compute::{cast, interleave_record_batch};
    use sextant_model::{Table, schema};

    /// Values of a type, different ones, some missing where they may be.
    fn some(of: &DataType, n: usize, may_lack: bool, seed: usize) -> ArrayRef {
        let nulls = may_lack.then(|| (0..n).map(|i| !(i + seed).is_multiple_of(5)).collect::<NullBuffer>());
        let lengths = || OffsetBuffer::<i32>::from_lengths((0..n).map(|i| (i * 3 + seed) % 4));
        let inner = |field: &FieldRef, n: usize| some(field.data_type(), n, field.is_nullable(), seed + 1);
        match of {
            DataType::Map(entries, is_sorted) => {
                let offsets = lengths();
                let values = some(entries.data_type(), offsets.last().copied().unwrap_or(0) as usize, false, seed + 1);
                Arc::new(MapArray::new(entries.clone(), offsets, values.as_struct().clone(), nulls, *is_sorted))
            }
            DataType::List(item) => {
                let offsets = lengths();
                let values = inner(item, offsets.last().copied().unwrap_or(0) as usize);
                Arc::new(ListArray::new(item.clone(), offsets, values, nulls))
            }
            DataType::Struct(fields) => {
                Arc::new(StructArray::new(fields.clone(), fields.iter().map(|f| inner(f, n)).collect(), nulls))
            }
            _ => {
                let numbers = arrow::array::Int64Array::new((0..n).map(|i| ((i + seed) % 7) as i64).collect(), nulls);
                let numbers: ArrayRef = Arc::new(numbers);
                let numbers = if *of == DataType::Binary { cast(&numbers, &DataType::Utf8) } else { Ok(numbers) };
                numbers.and_then(|n| cast(&n, of)).unwrap_or_else(|_| new_null_array(of, n))
            }
        }
    }

    #[test]
    fn rows_of_every_table_are_copied_as_arrow_itself_copies_them() {
        for table in Table::ALL {
            let wanted = schema::arrived(table);
            let rows = |seed: usize| {
                let columns = wanted.fields().iter().map(|f| some(f.data_type(), 40, f.is_nullable(), seed)).collect();
                // Rows of a slice do not begin where their buffers do.
                RecordBatch::try_new(wanted.clone(), columns).expect("rows").slice(3, 30)
            };
            let batches = [rows(0), rows(10), rows(20)];
            let batches: Vec<&RecordBatch> = batches.iter().collect();
            let rows: Vec<(usize, usize)> = (0..200).map(|i| (i * 7 % 3, i * 11 % 30)).collect();
            let expected = interleave_record_batch(&batches, &rows).expect("rows");
            assert_eq!(gathered(&batches, &rows).expect("rows"), expected, "{table}");
            assert_eq!(gathered(&batches, &[]).expect("no rows").num_rows(), 0, "{table}");
        }
    }
}
