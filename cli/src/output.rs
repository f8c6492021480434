//! Rows on standard output.

use crate::args::Format;
use crate::table;
use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use serde_json::Value;
use sextant_contract::{Answer, Completeness};
use sextant_exports::RowWriter;
use std::io::{BufWriter, Write};
use std::sync::Arc;

/// Prints the rows, and on standard error whether something is missing. `columns` are those of the table form; all
/// if empty. The table form says durations with their units.
pub fn print(answer: &Answer, format: Format, columns: &[&str]) -> anyhow::Result<()> {
    printed(answer, format, columns, false)
}

/// The same with every value as it is.
pub fn print_exactly(answer: &Answer, format: Format, columns: &[&str]) -> anyhow::Result<()> {
    printed(answer, format, columns, true)
}

fn printed(answer: &Answer, format: Format, columns: &[&str], is_exact: bool) -> anyhow::Result<()> {
    let out = BufWriter::new(std::io::stdout());
    match format.rows() {
        None => {
            let mut out = out;
            table::write(&mut out, &answer.batches, columns, is_exact)?;
            out.flush()?;
        }
        Some(format) => {
            let mut writer = RowWriter::new(out, format);
            writer.begin(&answer.schema)?;
            for batch in &answer.batches {
                writer.write(batch)?;
            }
            writer.finish()?;
        }
    }
    match &answer.completeness {
        Completeness::Complete => {}
        // Never a silent cut, in no format: standard error does not disturb what reads the rows.
        Completeness::Limited { .. } => {
            note(format_args!("the newest {} rows; there may be more, see --limit", answer.n_rows()));
        }
        Completeness::Partial { reason } => note(format_args!("the answer is not whole: {reason}")),
    }
    Ok(())
}

/// Prints rows that came as JSON objects: columns in this order, whole numbers as numbers, the rest as text.
pub fn print_rows(rows: &Value, format: Format, columns: &[&str]) -> anyhow::Result<()> {
    let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
    let column = |name: &&str| -> (String, ArrayRef) {
        let values = rows.iter().map(|row| &row[*name]);
        let is_number = !rows.is_empty() && values.clone().all(|v| v.is_i64() || v.is_u64() || v.is_null());
        let text = |v: &Value| match v {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        let array: ArrayRef = if is_number {
            Arc::new(values.map(Value::as_i64).collect::<Int64Array>())
        } else {
            Arc::new(values.map(text).collect::<StringArray>())
        };
        ((*name).to_owned(), array)
    };
    let rows = RecordBatch::try_from_iter_with_nullable(columns.iter().map(column).map(|(name, c)| (name, c, true)))?;
    print(&Answer::rows(rows.schema(), vec![rows], 0), format, columns)
}

/// A line on standard error; one that nobody reads any more is no failure.
pub fn note(line: impl std::fmt::Display) {
    writeln!(std::io::stderr().lock(), "{line}").ok();
}

/// Prints one object as JSON.
pub fn print_object(object: &serde_json::Value) -> anyhow::Result<()> {
    writeln!(std::io::stdout().lock(), "{object:#}")?;
    Ok(())
}
