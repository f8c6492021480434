//! Rows in the types that Iceberg has: no unsigned numbers, no times finer than a microsecond.

use crate::LakehouseError;
use arrow::array::{Array as _, ArrayRef, AsArray as _, ListArray, MapArray, StructArray};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields, TimeUnit};
use arrow::error::ArrowError;
use std::sync::Arc;

/// What the name of a column ends with that has every digit of a time.
const EXACT: &str = "UnixNano";

fn is_time(data_type: &DataType) -> bool {
    match data_type {
        DataType::Timestamp(TimeUnit::Nanosecond, _) => true,
        DataType::List(item) => is_time(item.data_type()),
        _ => false,
    }
}

/// The type for it; a time in nanoseconds is a plain number where it `is_exact`.
fn typed(data_type: &DataType, is_exact: bool) -> DataType {
    let inner = |field: &Arc<Field>| {
        Arc::new(Field::new(field.name(), typed(field.data_type(), is_exact), field.is_nullable()))
    };
    match data_type {
        DataType::UInt8 | DataType::UInt16 => DataType::Int32,
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Timestamp(..) if is_exact => DataType::Int64,
        DataType::Timestamp(..) => DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        DataType::List(item) => DataType::List(inner(item)),
        DataType::Struct(of) => DataType::Struct(fields(of)),
        DataType::Map(entries, is_sorted) => DataType::Map(inner(entries), *is_sorted),
        other => other.clone(),
    }
}

/// The columns for these, times twice.
pub(crate) fn fields(of: &Fields) -> Fields {
    let mut all = Vec::new();
    for field in of {
        all.push(Field::new(field.name(), typed(field.data_type(), false), field.is_nullable()));
        if is_time(field.data_type()) {
            let name = format!("{}{EXACT}", field.name());
            all.push(Field::new(name, typed(field.data_type(), true), field.is_nullable()));
        }
    }
    Fields::from(all)
}

/// The column that one is made of.
pub(crate) fn source(name: &str, is_there: impl Fn(&str) -> bool) -> &str {
    match name.strip_suffix(EXACT) {
        Some(base) if !is_there(name) && is_there(base) => base,
        _ => name,
    }
}

/// A column in another type, with the fields' numbers that the type has.
pub(crate) fn converted(from: &ArrayRef, to: &DataType) -> Result<ArrayRef, ArrowError> {
    Ok(match to {
        DataType::Struct(fields) => {
            let parts = from.as_struct();
            let columns = fields.iter().map(|field| {
                let name = source(field.name(), |name| parts.column_by_name(name).is_some());
                let part = parts.column_by_name(name);
                let part = part.ok_or_else(|| ArrowError::SchemaError(format!("there is no {name}")))?;
                converted(part, field.data_type())
            });
            let columns = columns.collect::<Result<_, _>>()?;
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, from.nulls().cloned(), from.len())?)
        }
        DataType::List(item) => {
            let list = from.as_list::<i32>();
            let values = converted(list.values(), item.data_type())?;
            Arc::new(ListArray::try_new(item.clone(), list.offsets().clone(), values, list.nulls().cloned())?)
        }
        DataType::Map(entries, is_sorted) => {
            let map = from.as_map();
            let all: ArrayRef = Arc::new(map.entries().clone());
            let all = converted(&all, entries.data_type())?.as_struct().clone();
            let offsets = map.offsets().clone();
            Arc::new(MapArray::try_new(entries.clone(), offsets, all, map.nulls().cloned(), *is_sorted)?)
        }
        // A time as a number is what it is stored as.
        _ => cast_with_options(from, to, &CastOptions { safe: false, ..CastOptions::default() })?,
    })
}

/// An error that says of which column.
pub(crate) fn of(column: &str) -> impl Fn(ArrowError) -> LakehouseError {
    move |e| LakehouseError::Value { column: column.to_owned(), why: e.to_string() }
}
