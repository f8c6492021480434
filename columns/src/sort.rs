//! The order of rows in a segment.

use crate::{ColumnsError, gathered};
use arrow::array::{Array, AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::TimestampNanosecondType;
use sextant_model::Table;
use std::collections::BTreeMap;

/// All rows of `batches` as one batch, ordered by (`ServiceName`, time, place).
///
/// Services are few, so they are numbered first and rows are ordered by numbers: comparing the names themselves took a
/// third of all the work of keeping a span.
pub fn sorted(table: Table, batches: &[RecordBatch]) -> Result<RecordBatch, ColumnsError> {
    let missing = || ColumnsError::Damaged { kind: "segment", what: "a sort column is missing" };
    let (mut services, mut times) = (Vec::new(), Vec::new());
    for batch in batches {
        services.push(batch.column_by_name("ServiceName").and_then(|c| c.as_string_opt::<i32>()).ok_or_else(missing)?);
        let column = batch.column_by_name(table.time_column());
        times
            .extend(column.and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>()).ok_or_else(missing)?.values());
    }
    let places = batches.iter().enumerate().flat_map(|(i, batch)| (0..batch.num_rows()).map(move |row| (i, row)));
    let mut keys: Vec<(u32, i64, (usize, usize))> =
        ranks(&services).into_iter().zip(times).zip(places).map(|((rank, time), place)| (rank, time, place)).collect();
    if let ([one], true) = (batches, keys.is_sorted()) {
        return Ok(one.clone());
    }
    keys.sort_unstable();
    let rows: Vec<(usize, usize)> = keys.into_iter().map(|(_, _, place)| place).collect();
    Ok(gathered(&batches.iter().collect::<Vec<_>>(), &rows)?)
}

/// The place of each row's name among all names in order.
fn ranks(names: &[&StringArray]) -> Vec<u32> {
    let mut numbers: BTreeMap<&str, u32> = BTreeMap::new();
    let mut rows = Vec::with_capacity(names.iter().map(Array::len).sum());
    let mut last: Option<(&str, u32)> = None;
    for name in names.iter().flat_map(|names| (0..names.len()).map(|row| names.value(row))) {
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
        assert_eq!(
            ranks(&[&StringArray::from(vec!["b", "b", "a"]), &StringArray::from(vec!["c", "a", "b"])]),
            [1, 1, 0, 2, 0, 1]
        );
        assert!(ranks(&[]).is_empty());
    }
}
