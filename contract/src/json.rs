//! Rows as JSON: maps as objects, times as RFC 3339 UTC, text as text.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use sextant_model::UnixNanos;
use std::fmt::Write as _;

/// All rows as one array of objects.
pub fn rows_to_json(batches: &[RecordBatch]) -> String {
    let mut out = String::from("[");
    for batch in batches {
        for row in 0..batch.num_rows() {
            if out.len() > 1 {
                out.push(',');
            }
            push_row(batch, row, &mut out);
        }
    }
    out.push(']');
    out
}

/// One row as an object.
pub fn push_row(batch: &RecordBatch, row: usize, out: &mut String) {
    out.push('{');
    for (i, (field, column)) in batch.schema().fields().iter().zip(batch.columns()).enumerate() {
        if i > 0 {
            out.push(',');
        }
        push_text(field.name(), out);
        out.push(':');
        push_value(column.as_ref(), row, out);
    }
    out.push('}');
}

/// A value as plain text: text as it is, what is nested as JSON, nothing for null.
pub fn cell_text(column: &dyn Array, row: usize) -> String {
    if let Some(column) = column.as_string_opt::<i32>() {
        return if column.is_null(row) { String::new() } else { column.value(row).to_owned() };
    }
    let mut json = String::new();
    push_value(column, row, &mut json);
    match json.strip_prefix('"').and_then(|j| j.strip_suffix('"')) {
        Some(plain) if !plain.contains('\\') => plain.to_owned(),
        Some(_) => serde_json::from_str(&json).unwrap_or(json),
        None if json == "null" => String::new(),
        None => json,
    }
}

fn push_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::Value::from(text).to_string());
}

fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String can't fail.
    out.write_fmt(text).ok();
}

fn push_double(value: f64, out: &mut String) {
    if value.is_finite() {
        push(out, format_args!("{value}"));
    } else {
        push_text(&sextant_model::value::double_text(value), out);
    }
}

macro_rules! number {
    ($column:expr, $row:expr, $out:expr, $t:ty) => {
        push($out, format_args!("{}", $column.as_primitive::<$t>().value($row)))
    };
}

fn push_time(value: i64, scale: i64, out: &mut String) {
    match value.checked_mul(scale) {
        Some(nanos) => push(out, format_args!("\"{}\"", UnixNanos(nanos))),
        None => push(out, format_args!("{value}")),
    }
}

fn push_value(column: &dyn Array, row: usize, out: &mut String) {
    if column.is_null(row) {
        return out.push_str("null");
    }
    match column.data_type() {
        DataType::Null => out.push_str("null"),
        DataType::Boolean => push(out, format_args!("{}", column.as_boolean().value(row))),
        DataType::Int8 => number!(column, row, out, Int8Type),
        DataType::Int16 => number!(column, row, out, Int16Type),
        DataType::Int32 => number!(column, row, out, Int32Type),
        DataType::Int64 => number!(column, row, out, Int64Type),
        DataType::UInt8 => number!(column, row, out, UInt8Type),
        DataType::UInt16 => number!(column, row, out, UInt16Type),
        DataType::UInt32 => number!(column, row, out, UInt32Type),
        DataType::UInt64 => number!(column, row, out, UInt64Type),
        DataType::Float32 => push_double(f64::from(column.as_primitive::<Float32Type>().value(row)), out),
        DataType::Float64 => push_double(column.as_primitive::<Float64Type>().value(row), out),
        DataType::Decimal128(_, 0) => number!(column, row, out, Decimal128Type),
        DataType::Utf8 => push_text(column.as_string::<i32>().value(row), out),
        DataType::LargeUtf8 => push_text(column.as_string::<i64>().value(row), out),
        DataType::Utf8View => push_text(column.as_string_view().value(row), out),
        DataType::Timestamp(unit, _) => match unit {
            TimeUnit::Nanosecond => push_time(column.as_primitive::<TimestampNanosecondType>().value(row), 1, out),
            TimeUnit::Microsecond => {
                push_time(column.as_primitive::<TimestampMicrosecondType>().value(row), 1_000, out);
            }
            TimeUnit::Millisecond => {
                push_time(column.as_primitive::<TimestampMillisecondType>().value(row), 1_000_000, out);
            }
            TimeUnit::Second => push_time(column.as_primitive::<TimestampSecondType>().value(row), 1_000_000_000, out),
        },
        DataType::Date32 => {
            let days = i64::from(column.as_primitive::<Date32Type>().value(row));
            push(out, format_args!("\"{}\"", UnixNanos(days * 86_400_000_000_000).day()));
        }
        DataType::List(_) => push_list(column.as_list::<i32>().value(row).as_ref(), out),
        DataType::LargeList(_) => push_list(column.as_list::<i64>().value(row).as_ref(), out),
        DataType::FixedSizeList(..) => push_list(column.as_fixed_size_list().value(row).as_ref(), out),
        DataType::Struct(fields) => {
            out.push('{');
            for (i, (field, inner)) in fields.iter().zip(column.as_struct().columns()).enumerate() {
                if i > 0 {
                    out.push(',');
                }
                push_text(field.name(), out);
                out.push(':');
                push_value(inner.as_ref(), row, out);
            }
            out.push('}');
        }
        DataType::Map(..) => push_map(column, row, out),
        _ => push_other(column, row, out),
    }
}

fn push_list(items: &dyn Array, out: &mut String) {
    out.push('[');
    for i in 0..items.len() {
        if i > 0 {
            out.push(',');
        }
        push_value(items, i, out);
    }
    out.push(']');
}

fn push_map(column: &dyn Array, row: usize, out: &mut String) {
    let entries = column.as_map().value(row);
    let (keys, values) = (entries.column(0), entries.column(1));
    out.push('{');
    for i in 0..entries.len() {
        if i > 0 {
            out.push(',');
        }
        if let Some(keys) = keys.as_string_opt::<i32>() {
            push_text(keys.value(i), out);
        } else {
            let mut key = String::new();
            push_value(keys.as_ref(), i, &mut key);
            push_text(key.trim_matches('"'), out);
        }
        out.push(':');
        push_value(values.as_ref(), i, out);
    }
    out.push('}');
}

/// Types that only SQL makes: as Arrow shows them, as text.
fn push_other(column: &dyn Array, row: usize, out: &mut String) {
    let options = FormatOptions::default();
    match ArrayFormatter::try_new(column, &options) {
        Ok(formatter) => push_text(&formatter.value(row).to_string(), out),
        Err(_) => out.push_str("null"),
    }
}
