//! RFC 4180: a header, lines that end with CR LF, quotes where they are needed. What is nested is JSON.

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use sextant_contract::cell_text;
use std::io::{self, Write};

/// The cells of a row as plain text: text without quotes, nested values as JSON, nothing for null.
pub fn cells(batch: &RecordBatch, row: usize) -> Vec<String> {
    batch.columns().iter().map(|column| cell_text(column.as_ref(), row)).collect()
}

pub(crate) fn header(schema: &Schema, out: &mut impl Write) -> io::Result<()> {
    let names: Vec<String> = schema.fields().iter().map(|f| quoted(f.name())).collect();
    write!(out, "{}\r\n", names.join(","))
}

pub(crate) fn rows(batch: &RecordBatch, out: &mut impl Write) -> io::Result<()> {
    for row in 0..batch.num_rows() {
        for (i, cell) in cells(batch, row).iter().enumerate() {
            if i > 0 {
                out.write_all(b",")?;
            }
            out.write_all(quoted(cell).as_bytes())?;
        }
        out.write_all(b"\r\n")?;
    }
    Ok(())
}

fn quoted(text: &str) -> String {
    if text.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
