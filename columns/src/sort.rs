//! The order of rows in a segment.

use crate::ColumnsError;
use arrow::array::{Array, AsArray, RecordBatch, StringArray, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::TimestampNanosecondType;
use sextant_model::Table;
use std::collections::BTreeMap;

/// All rows of `batches` as one batch, ordered by (`ServiceName`, time, place).
///
/// Services are few, so they are numbered first and rows are ordered by numbers: comparing the names themselves took a
/// third of all the work of keeping a span.
pub fn sorted(table: Table, batches: &[RecordBatch]) -> Result<RecordBatch, ColumnsError> {
    let schema = sextant_model::schema::stored(table);
    let all = concat_batches(&schema, batches)?;
    let missing = ColumnsError::Damaged { kind: "segment", what: "a sort column is missing" };
    let services = all.column_by_name("ServiceName").and_then(|c| c.as_string_opt::<i32>());
    let times = all.column_by_name(table.time_column()).and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
    let (Some(services), Some(times)) = (services, times) else { return Err(missing) };
    let ranks = ranks(services);
    let mut keys: Vec<(u32, i64, u32)> =
        (0..all.num_rows()).map(|row| (ranks[row], times.value(row), row as u32)).collect();
    if keys.is_sorted() {
        return Ok(all);
    }
    keys.sort_unstable();
    let order = UInt32Array::from_iter_values(keys.into_iter().map(|(_, _, row)| row));
    Ok(take_record_batch(&all, &order)?)
}

/// The place of each row's name among all names in order.
fn ranks(names: &StringArray) -> Vec<u32> {
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    let mut rows = Vec::with_capacity(names.len());
    let mut last: Option<(&str, u32)> = None;
    for row in 0..names.len() {
        let name = names.value(row);
        // Rows of one request follow each other and mostly share their service.
        let number = match last {
            Some((seen, number)) if seen == name => number,
            _ => {
                let next = numbers.len() as u32;
                *numbers.entry(name).or_insert(next)
            }
        };
        last = Some((name, number));
        rows.push(number);
    }
    let mut rank_of = vec![0; numbers.len()];
    for (rank, number) in numbers.values().enumerate() {
        rank_of[*number as usize] = rank as u32;
    }
    rows.into_iter().map(|number| rank_of[number as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_in_the_order_of_names() {
        assert_eq!(ranks(&StringArray::from(vec!["b", "b", "a", "c", "a", "b"])), [1, 1, 0, 2, 0, 1]);
        assert!(ranks(&StringArray::from(Vec::<&str>::new())).is_empty());
    }
}
