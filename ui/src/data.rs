//! Cells of answers, by column name; what is missing reads as empty.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Int32Type, Int64Type, TimestampNanosecondType, UInt32Type, UInt64Type};
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

    pub fn flag(self, name: &str) -> bool {
        self.column(name).and_then(|c| c.as_boolean_opt()).is_some_and(|c| c.value(self.row))
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

/// `1,234,567`.
pub(crate) fn thousands(n: i64) -> String {
    let digits = n.unsigned_abs().to_string();
    let mut out = String::new();
    for (i, c) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    if n < 0 { format!("-{out}") } else { out }
}

/// `318 MB`.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..1_000 => format!("{n} B"),
        1_000..1_000_000 => format!("{:.0} KB", n as f64 / 1e3),
        1_000_000..100_000_000 => format!("{:.1} MB", n as f64 / 1e6),
        100_000_000..1_000_000_000 => format!("{:.0} MB", n as f64 / 1e6),
        _ => format!("{:.1} GB", n as f64 / 1e9),
    }
}

/// A duration beside a bar: `800 µs`, `2.80 ms`, `22.3 ms`, `141 ms`, `2.418 s`.
pub(crate) fn duration(nanos: i64) -> String {
    let ms = nanos as f64 / 1e6;
    match nanos {
        ..1_000 => format!("{nanos} ns"),
        1_000..1_000_000 => format!("{:.0} µs", nanos as f64 / 1e3),
        1_000_000..10_000_000 => format!("{ms:.2} ms"),
        10_000_000..100_000_000 => format!("{ms:.1} ms"),
        100_000_000..1_000_000_000 => format!("{ms:.0} ms"),
        _ => format!("{:.3} s", nanos as f64 / 1e9),
    }
}

/// The same for a scale, without decimals that say nothing: `500 ms`, `1 s`.
pub(crate) fn duration_label(nanos: i64) -> String {
    let text = duration(nanos);
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text,
    }
}

/// The clock part of a time in UTC: `14:06:41.208`, with `digits` decimals.
pub(crate) fn clock(nanos: i64, digits: usize) -> String {
    let day = nanos.rem_euclid(86_400_000_000_000);
    let (seconds, rest) = (day / 1_000_000_000, day % 1_000_000_000);
    let base = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    if digits == 0 { base } else { format!("{base}.{}", &format!("{rest:09}")[..digits]) }
}

/// `19 Nov`.
pub(crate) fn day(nanos: i64) -> String {
    let text = sextant_model::UnixNanos(nanos).day();
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = text.get(5..7).and_then(|m| m.parse::<usize>().ok()).and_then(|m| months.get(m - 1));
    format!("{} {}", text.get(8..10).unwrap_or_default().trim_start_matches('0'), month.unwrap_or(&""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(thousands(1_234_567), "1,234,567");
        assert_eq!(thousands(-12), "-12");
        for (nanos, text) in
            [(800_000, "800 µs"), (2_800_000, "2.80 ms"), (141_000_000, "141 ms"), (2_418_000_000, "2.418 s")]
        {
            assert_eq!(duration(nanos), text);
        }
        assert_eq!(clock(50_801_208_113_000, 3), "14:06:41.208");
        assert_eq!(bytes(318_000_000), "318 MB");
    }
}
