//! Rows as an aligned table for a terminal.

use arrow::array::RecordBatch;
use arrow::datatypes::Field;
use sextant_exports::cells;
use sextant_model::DurationNanos;
use std::io::Write;

/// Wider cells are cut.
const MAX_WIDTH: usize = 60;

fn shown(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= MAX_WIDTH { line } else { line.chars().take(MAX_WIDTH - 1).chain(['…']).collect() }
}

/// Durations with a unit, other fractions with four figures.
fn readable(column: &Field, text: &str) -> String {
    let name = column.name();
    let is_duration = name == "Duration"
        || name.ends_with("_ns")
        || (name.to_ascii_lowercase().ends_with("(duration)") && !name.starts_with("distinct"));
    if !column.data_type().is_numeric() {
        return text.to_owned();
    }
    match text.parse::<f64>() {
        Ok(value) if is_duration && value.is_finite() => DurationNanos(value.round() as i64).to_string(),
        Ok(value) if column.data_type().is_floating() && value.fract() != 0.0 && value.abs() > 1e-6 => {
            let decimals = (3 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
            format!("{value:.decimals$}")
        }
        _ => text.to_owned(),
    }
}

/// Writes the rows; only `columns` if any are named. Values are as they are, or easy to read.
pub fn write(out: &mut impl Write, batches: &[RecordBatch], columns: &[&str], is_exact: bool) -> std::io::Result<()> {
    let Some(first) = batches.first() else { return writeln!(out, "no rows") };
    let schema = first.schema();
    let mut wanted: Vec<usize> = columns.iter().filter_map(|c| schema.index_of(c).ok()).collect();
    if wanted.is_empty() {
        wanted = (0..schema.fields().len()).collect();
    }
    let head = |i: &usize| {
        let name = schema.field(*i).name();
        // The unit is with the values then.
        let has_unit = !is_exact && schema.field(*i).data_type().is_numeric();
        name.strip_suffix("_ns").filter(|_| has_unit).unwrap_or(name).to_owned()
    };
    let mut rows: Vec<Vec<String>> = vec![wanted.iter().map(head).collect()];
    for batch in batches {
        for row in 0..batch.num_rows() {
            let all = cells(batch, row);
            let cell = |i: &usize| {
                if is_exact { shown(&all[*i]) } else { shown(&readable(schema.field(*i), &all[*i])) }
            };
            rows.push(wanted.iter().map(cell).collect());
        }
    }
    let is_number: Vec<bool> = wanted.iter().map(|i| schema.field(*i).data_type().is_numeric()).collect();
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..wanted.len()).map(width).collect();
    for row in &rows {
        let mut line = String::new();
        for (i, cell) in row.iter().enumerate() {
            let pad = " ".repeat(widths[i] - cell.chars().count());
            let (before, after) = if is_number[i] { (pad.as_str(), "") } else { ("", pad.as_str()) };
            line += &format!("{before}{cell}{after}  ");
        }
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::DataType;

    #[test]
    fn values_are_readable_where_their_unit_is_known() {
        let shown = |name: &str, of: DataType, text: &str| readable(&Field::new(name, of, true), text);
        for (name, of, text, wanted) in [
            ("Duration", DataType::Int64, "18804143", "18.8 ms"),
            ("p95(duration)", DataType::Float64, "266410584.9", "266 ms"),
            ("p50_ns", DataType::Int64, "1880239", "1.88 ms"),
            ("distinct(duration)", DataType::Int64, "12", "12"),
            ("rate", DataType::Float64, "0.1431112871", "0.1431"),
            ("count", DataType::Int64, "12", "12"),
            ("tiny", DataType::Float64, "0.000000000001", "0.000000000001"),
            // Text stays text, whatever its column is called.
            ("wait_ns", DataType::Utf8, "250", "250"),
            ("wait_ns", DataType::Utf8, "nan", "nan"),
            ("p95(duration)", DataType::Float64, "", ""),
        ] {
            assert_eq!(shown(name, of, text), wanted, "{name} {text}");
        }
    }
}
