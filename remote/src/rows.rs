//! Rows of a cluster as the store has them.

use crate::{Kind, RemoteError};
use arrow::array::{
    Array as _, ArrayRef, AsArray as _, ListArray, MapBuilder, RecordBatch, StringArray, StringBuilder, StructArray,
    make_array, new_null_array,
};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, SchemaRef};
use arrow::error::ArrowError;
use serde_json::{Map, Value};
use sextant_model::{Table, schema};
use std::sync::Arc;

/// `rows` with exactly the columns of the store's table: in its types, lists within a column put together
/// (`Events.Name` and the others become `Events`), and what is not there as its default.
///
/// # Errors
/// If a column is of another kind than its name says.
pub fn stored(table: Table, rows: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    of_schema(&schema::stored(table), rows)
}

/// The same with the columns that a record has when it arrives.
///
/// # Errors
/// As [`stored`].
pub fn arrived(table: Table, rows: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    of_schema(&schema::arrived(table), rows)
}

/// Those columns of the store's table that `rows` have, in its types; others as they came.
///
/// # Errors
/// As [`stored`].
pub fn known(table: Table, rows: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    let all = schema::stored(table);
    let mut fields: Vec<Arc<Field>> = Vec::new();
    let head = |name: &str| name.split('.').next().unwrap_or(name).to_owned();
    for field in rows.schema().fields() {
        let known = all.field_with_name(&head(field.name())).map(|f| Arc::new(f.clone()));
        let field = known.unwrap_or_else(|_| field.clone());
        if !fields.iter().any(|f| f.name() == field.name()) {
            fields.push(field);
        }
    }
    of_schema(&Arc::new(arrow::datatypes::Schema::new(fields)), rows)
}

fn of_schema(wanted: &SchemaRef, rows: &RecordBatch) -> Result<RecordBatch, RemoteError> {
    let failed = |what: &str, e: &dyn std::fmt::Display| {
        RemoteError::new(Kind::Missing, format!("the column {what} of the source is of another kind: {e}"))
            .hint("look at what is there with: sextant source test")
    };
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in wanted.fields() {
        let column = match (rows.column_by_name(field.name()), field.data_type()) {
            // Attributes that are kept as JSON come as its text.
            (Some(column), of @ DataType::Map(..)) if is_text(column.data_type()) => {
                let texts = cast(column, &DataType::Utf8).map_err(|e| failed(field.name(), &e))?;
                Some(maps_of(texts.as_string::<i32>(), of).map_err(|e| failed(field.name(), &e))?)
            }
            (Some(column), of) => Some(cast(column, of).map_err(|e| failed(field.name(), &e))?),
            (None, DataType::Struct(parts)) => nested(rows, field, parts).map_err(|e| failed(field.name(), &e))?,
            (None, _) => None,
        };
        if let Some(column) = column {
            fields.push(field.clone());
            columns.push(column);
        }
    }
    let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    let schema = Arc::new(arrow::datatypes::Schema::new(fields));
    let known = RecordBatch::try_new_with_options(schema, columns, &options).map_err(|e| failed("of a row", &e))?;
    sextant_columns::conformed_to(wanted, known).map_err(|e| failed("of a row", &e))
}

const fn is_text(of: &DataType) -> bool {
    matches!(of, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

/// Objects as maps: what is nested in them by the way to it, lists as they are written.
fn maps_of(texts: &StringArray, of: &DataType) -> Result<ArrayRef, ArrowError> {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for text in texts {
        let object: Map<String, Value> = text.and_then(|t| serde_json::from_str(t).ok()).unwrap_or_default();
        flatten("", object, &mut |key, value| {
            maps.keys().append_value(key);
            maps.values().append_value(value);
        });
        maps.append(true)?;
    }
    cast(&maps.finish(), of)
}

fn flatten(before: &str, object: Map<String, Value>, put: &mut dyn FnMut(&str, &str)) {
    for (key, value) in object {
        let key = if before.is_empty() { key } else { format!("{before}.{key}") };
        match value {
            Value::Object(inside) => flatten(&key, inside, put),
            Value::String(text) => put(&key, &text),
            Value::Null => {}
            other => put(&key, &other.to_string()),
        }
    }
}

/// A column of lists out of the columns that hold each of them, if any is there; those that are not have as many items of
/// nothing.
fn nested(rows: &RecordBatch, field: &Field, parts: &Fields) -> Result<Option<ArrayRef>, ArrowError> {
    let of = |part: &Arc<Field>| rows.column_by_name(&format!("{}.{}", field.name(), part.name()));
    let there = |part: &Arc<Field>| of(part).map(|column| cast(column, part.data_type())).transpose();
    let known = parts.iter().map(there).collect::<Result<Vec<_>, _>>()?;
    let Some(lengths) = known.iter().flatten().find_map(|c| c.as_list_opt::<i32>()).map(|l| l.offsets().clone()) else {
        return Ok(None);
    };
    let n_items = lengths.last().copied().unwrap_or(0) as usize;
    let column = |(part, known): (&Arc<Field>, Option<ArrayRef>)| match (known, part.data_type()) {
        (Some(column), _) => Ok(column),
        (None, DataType::List(item)) => {
            let nothing = new_null_array(item.data_type(), n_items);
            let nothing = if item.is_nullable() {
                nothing
            } else {
                make_array(nothing.to_data().into_builder().nulls(None).build()?)
            };
            Ok(Arc::new(ListArray::try_new(item.clone(), lengths.clone(), nothing, None)?) as ArrayRef)
        }
        (None, of) => Ok(new_null_array(of, rows.num_rows())),
    };
    let columns = parts.iter().zip(known).map(column).collect::<Result<Vec<_>, ArrowError>>()?;
    Ok(Some(Arc::new(StructArray::try_new(parts.clone(), columns, None)?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{StringArray, TimestampNanosecondArray};
    use arrow::buffer::OffsetBuffer;

    #[test]
    fn lists_of_a_column_have_all_as_many_items() {
        let item = |of| Arc::new(Field::new("item", of, true));
        let names = ListArray::new(
            item(DataType::Utf8),
            OffsetBuffer::from_lengths([2, 0, 1]),
            Arc::new(StringArray::from(vec!["a", "b", "c"])),
            None,
        );
        let times: ArrayRef = Arc::new(TimestampNanosecondArray::from(vec![1, 2, 3]));
        let rows = RecordBatch::try_from_iter([
            ("Timestamp", times),
            ("SpanName", Arc::new(StringArray::from(vec!["x", "y", "z"])) as ArrayRef),
            ("Events.Name", Arc::new(names) as ArrayRef),
        ]);
        let rows = stored(Table::Traces, &rows.expect("rows")).expect("as the store has them");
        assert_eq!(rows.schema(), schema::stored(Table::Traces));
        let events = rows.column_by_name("Events").and_then(|c| c.as_struct_opt()).expect("events");
        for part in events.columns() {
            let lengths: Vec<usize> = part.as_list::<i32>().iter().map(|l| l.map_or(0, |l| l.len())).collect();
            assert_eq!(lengths, [2, 0, 1]);
        }
        // A text where a time belongs is said.
        let wrong: ArrayRef = Arc::new(StringArray::from(vec!["soon"]));
        let rows = RecordBatch::try_from_iter([("Timestamp", wrong)]).expect("rows");
        let error = stored(Table::Traces, &rows).expect_err("no time");
        assert!(error.message.contains("Timestamp"), "{error}");
    }
}
