//! Cells of answers, by column name; what is missing reads as empty.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type, Int32Type, Int64Type, TimestampNanosecondType, UInt32Type, UInt64Type};
pub(crate) use sextant_charts::figures::{
    bytes, ceiling, clock, counted, day, duration, duration_label, step, thousands,
};
use sextant_contract::Answer;

/// A row of an answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

/// All rows.
pub(crate) fn rows(answer: &Answer) -> impl Iterator<Item = Row<'_>> {
    answer.batches.iter().flat_map(|batch| (0..batch.num_rows()).map(move |row| Row { batch, row }))
}

/// One row by its number.
pub(crate) fn row(answer: &Answer, mut number: usize) -> Option<Row<'_>> {
    for batch in &answer.batches {
        if number < batch.num_rows() {
            return Some(Row { batch, row: number });
        }
        number -= batch.num_rows();
    }
    None
}

impl<'a> Row<'a> {
    fn column(self, name: &str) -> Option<&'a dyn Array> {
        let column = self.batch.column_by_name(name)?.as_ref();
        (!column.is_null(self.row)).then_some(column)
    }

    pub fn text(self, name: &str) -> &'a str {
        let column = self.column(name).and_then(|c| c.as_string_opt::<i32>());
        column.map_or("", |c| c.value(self.row))
    }

    pub fn int(self, name: &str) -> i64 {
        let Some(c) = self.column(name) else { return 0 };
        match c.data_type() {
            DataType::Int64 => c.as_primitive::<Int64Type>().value(self.row),
            DataType::Int32 => i64::from(c.as_primitive::<Int32Type>().value(self.row)),
            DataType::UInt32 => i64::from(c.as_primitive::<UInt32Type>().value(self.row)),
            DataType::UInt64 => c.as_primitive::<UInt64Type>().value(self.row) as i64,
            DataType::Timestamp(..) => c.as_primitive_opt::<TimestampNanosecondType>().map_or(0, |c| c.value(self.row)),
            _ => 0,
        }
    }

    /// A truth value; what is missing is false.
    pub fn is_true(self, name: &str) -> bool {
        self.column(name).and_then(|c| c.as_boolean_opt()).is_some_and(|c| c.value(self.row))
    }

    /// The items of a list of small numbers.
    pub fn counts(self, name: &str) -> Vec<i32> {
        let items = self.column(name).and_then(|c| c.as_list_opt::<i32>()).map(|l| l.value(self.row));
        let items = items.as_ref().and_then(|i| i.as_primitive_opt::<Int32Type>());
        items.map_or_else(Vec::new, |i| i.values().to_vec())
    }

    /// The items of a list of texts.
    pub fn texts(self, name: &str) -> Vec<String> {
        let items = self.column(name).and_then(|c| c.as_list_opt::<i32>()).map(|l| l.value(self.row));
        let items = items.as_ref().and_then(|i| i.as_string_opt::<i32>());
        items.map_or_else(Vec::new, |i| i.iter().flatten().map(str::to_owned).collect())
    }

    /// A number of any kind; nothing where there is none.
    pub fn number(self, name: &str) -> Option<f64> {
        let column = self.column(name)?;
        match column.data_type() {
            DataType::Float64 => column.as_primitive_opt::<Float64Type>().map(|c| c.value(self.row)),
            DataType::Int64 | DataType::Int32 | DataType::UInt32 | DataType::UInt64 => Some(self.int(name) as f64),
            _ => None,
        }
    }

    /// The items of a list of structs: the text field `a` and the number field `b`.
    pub fn pairs(self, name: &str, a: &str, b: &str) -> Vec<(String, i64)> {
        let Some(items) = self.column(name).and_then(|c| c.as_list_opt::<i32>()).map(|l| l.value(self.row)) else {
            return Vec::new();
        };
        let Some(items) = items.as_struct_opt() else { return Vec::new() };
        let (Some(a), Some(b)) = (items.column_by_name(a), items.column_by_name(b)) else { return Vec::new() };
        let text = |i: usize| match a.data_type() {
            DataType::Utf8 => a.as_string::<i32>().value(i).to_owned(),
            DataType::Int32 => a.as_primitive::<Int32Type>().value(i).to_string(),
            _ => String::new(),
        };
        (0..items.len()).map(|i| (text(i), b.as_primitive_opt::<Int64Type>().map_or(0, |b| b.value(i)))).collect()
    }

    /// The entries of a map.
    pub fn entries(self, name: &str) -> Vec<(String, String)> {
        let Some(map) = self.column(name).and_then(|c| c.as_map_opt()) else { return Vec::new() };
        let entries = map.value(self.row);
        let (Some(keys), Some(values)) =
            (entries.column(0).as_string_opt::<i32>(), entries.column(1).as_string_opt::<i32>())
        else {
            return Vec::new();
        };
        (0..entries.len()).map(|i| (keys.value(i).to_owned(), values.value(i).to_owned())).collect()
    }
}
