//! One number for everything that is in a row.

use crate::ColumnsError;
use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt8Type, UInt32Type, UInt64Type,
};
use xxhash_rust::xxh3::Xxh3;

/// The hashes of rows: the same for the same values in the same columns, wherever they lie.
pub fn row_hashes(rows: &RecordBatch, wanted: impl Iterator<Item = usize>) -> Result<Vec<u128>, ColumnsError> {
    let mut hash = Xxh3::new();
    wanted
        .map(|row| {
            hash.reset();
            for column in rows.columns() {
                push(column, row, &mut hash)?;
            }
            Ok(hash.digest128())
        })
        .collect()
}

fn push(array: &dyn Array, row: usize, hash: &mut Xxh3) -> Result<(), ColumnsError> {
    if array.is_null(row) {
        hash.update(&[0]);
        return Ok(());
    }
    hash.update(&[1]);
    let mut bytes = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    match array.data_type() {
        DataType::Utf8 => bytes(array.as_string::<i32>().value(row).as_bytes()),
        DataType::Binary => bytes(array.as_binary::<i32>().value(row)),
        DataType::Timestamp(..) => bytes(&array.as_primitive::<TimestampNanosecondType>().value(row).to_le_bytes()),
        DataType::Int64 => bytes(&array.as_primitive::<Int64Type>().value(row).to_le_bytes()),
        DataType::Int32 => bytes(&array.as_primitive::<Int32Type>().value(row).to_le_bytes()),
        DataType::UInt8 => bytes(&array.as_primitive::<UInt8Type>().value(row).to_le_bytes()),
        DataType::UInt32 => bytes(&array.as_primitive::<UInt32Type>().value(row).to_le_bytes()),
        DataType::UInt64 => bytes(&array.as_primitive::<UInt64Type>().value(row).to_le_bytes()),
        DataType::Float64 => bytes(&array.as_primitive::<Float64Type>().value(row).to_le_bytes()),
        DataType::Boolean => bytes(&[u8::from(array.as_boolean().value(row))]),
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            bytes(&[]);
            hash.update(&(items.len() as u64).to_le_bytes());
            for i in 0..items.len() {
                push(&items, i, hash)?;
            }
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            hash.update(&(entries.len() as u64).to_le_bytes());
            for i in 0..entries.len() {
                for column in entries.columns() {
                    push(column, i, hash)?;
                }
            }
        }
        DataType::Struct(_) => {
            for column in array.as_struct().columns() {
                push(column, row, hash)?;
            }
        }
        _ => {
            return Err(ColumnsError::Damaged { kind: "table", what: "a column has a type that no table of ours has" });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::SchemaRef;
    use sextant_model::{Table, schema};

    #[test]
    fn every_table_can_be_hashed_and_columns_count() {
        for table in Table::ALL {
            let wanted: SchemaRef = schema::arrived(table);
            let empty = RecordBatch::new_empty(wanted.clone());
            assert!(row_hashes(&empty, 0..0).expect("none").is_empty());
            let times = arrow::array::TimestampNanosecondArray::from(vec![1, 2, 1]);
            let names = arrow::array::StringArray::from(vec!["a", "a", "a"]);
            let rows = RecordBatch::try_from_iter([
                (table.time_column(), std::sync::Arc::new(times) as arrow::array::ArrayRef),
                ("ServiceName", std::sync::Arc::new(names)),
            ]);
            let rows = crate::conformed_to(&wanted, rows.expect("rows")).expect("rows");
            let hashes = row_hashes(&rows, 0..3).expect("hashes");
            assert_eq!((hashes[0] == hashes[2], hashes[0] == hashes[1]), (true, false), "{table}");
            // Where a row lies in a batch says nothing.
            assert_eq!(row_hashes(&rows.slice(1, 2), 1..2).expect("hashes"), hashes[2..]);
        }
    }
}
