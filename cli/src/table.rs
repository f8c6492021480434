//! Rows as an aligned table for a terminal.

use arrow::array::RecordBatch;
use sextant_exports::cells;
use std::io::Write;

/// Wider cells are cut.
const MAX_WIDTH: usize = 60;

fn shown(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= MAX_WIDTH { line } else { line.chars().take(MAX_WIDTH - 1).chain(['…']).collect() }
}

/// Writes the rows; only `columns` if any are named.
pub fn write(out: &mut impl Write, batches: &[RecordBatch], columns: &[&str]) -> std::io::Result<()> {
    let Some(first) = batches.first() else { return writeln!(out, "no rows") };
    let schema = first.schema();
    let mut wanted: Vec<usize> = columns.iter().filter_map(|c| schema.index_of(c).ok()).collect();
    if wanted.is_empty() {
        wanted = (0..schema.fields().len()).collect();
    }
    let mut rows: Vec<Vec<String>> = vec![wanted.iter().map(|i| schema.field(*i).name().clone()).collect()];
    for batch in batches {
        for row in 0..batch.num_rows() {
            let all = cells(batch, row);
            rows.push(wanted.iter().map(|i| shown(&all[*i])).collect());
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
