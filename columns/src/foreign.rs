//! Rows of other programs as the store has them: of a cluster, of a Parquet file.

use crate::ColumnsError;
use crate::conform::{conformed_to, default_of};
use arrow::array::{
    Array as _, ArrayRef, AsArray as _, ListArray, MapBuilder, RecordBatch, Scalar, StringArray, StringBuilder,
    StructArray, make_array, new_null_array,
};
use arrow::compute::kernels::zip::zip;
use arrow::compute::{cast, is_not_null};
use arrow::datatypes::{DataType, Field, Fields, SchemaRef};
use arrow::error::ArrowError;
use serde_json::{Map, Value};
use sextant_model::ids::hex;
use sextant_model::{Table, schema};
use std::sync::Arc;

/// `rows` with exactly the columns of the store's table: in its types, lists within a column put together
/// (`Events.Name` and the others become `Events`), and what is not there as its default.
///
/// # Errors
/// If a column is of another kind than its name says.
pub fn stored(table: Table, rows: &RecordBatch) -> Result<RecordBatch, ColumnsError> {
    of_schema(&schema::stored(table), rows)
}

/// The same with the columns that a record has when it arrives.
///
/// # Errors
/// As [`stored`].
pub fn arrived(table: Table, rows: &RecordBatch) -> Result<RecordBatch, ColumnsError> {
    of_schema(&schema::arrived(table), rows)
}

/// Those columns of the store's table that `rows` have, in its types; others as they came.
///
/// # Errors
/// As [`stored`].
pub fn known(table: Table, rows: &RecordBatch) -> Result<RecordBatch, ColumnsError> {
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

fn of_schema(wanted: &SchemaRef, rows: &RecordBatch) -> Result<RecordBatch, ColumnsError> {
    let failed =
        |name: &str, e: &dyn std::fmt::Display| ColumnsError::Kind { name: name.to_owned(), why: e.to_string() };
    let mut fields = Vec::new();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for field in wanted.fields() {
        let column = match (rows.column_by_name(field.name()), field.data_type()) {
            // Some parts of it, or all, in any order.
            (Some(column), DataType::Struct(parts)) if matches!(column.data_type(), DataType::Struct(_)) => {
                let whole = column.as_struct();
                let named = whole.column_names().into_iter().map(|part| format!("{}.{part}", field.name()));
                let apart = RecordBatch::try_from_iter_with_nullable(
                    named.zip(whole.columns()).map(|(name, part)| (name, part.clone(), true)),
                );
                let made = apart.and_then(|apart| nested(&apart, field, parts));
                made.map_err(|e| failed(field.name(), &e))?
            }
            (Some(column), _) => Some(typed(column, field).map_err(|e| failed(field.name(), &e))?),
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
    conformed_to(wanted, known)
}

/// A column in the type that it has here, with nothing missing where nothing may be missing.
fn typed(column: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    let made = match (column.data_type(), field.data_type()) {
        // Attributes that are kept as JSON come as its text.
        (from, of @ DataType::Map(..)) if is_text(from) => {
            maps_of(cast(column, &DataType::Utf8)?.as_string::<i32>(), of)?
        }
        // Data frames keep them as one column each.
        (DataType::Struct(_), of @ DataType::Map(..)) => maps_of_structs(column.as_struct(), of)?,
        // Ids as the bytes that they are.
        (DataType::FixedSizeBinary(8 | 16), DataType::Utf8) => {
            let hex = |b: &[u8]| if b.iter().all(|b| *b == 0) { String::new() } else { hex(b) };
            let ids = column.as_fixed_size_binary();
            Arc::new(ids.iter().map(|id| id.map(hex)).collect::<StringArray>())
        }
        (from, of) if from == of => column.clone(),
        (_, of) => cast(column, of)?,
    };
    if field.is_nullable() || made.null_count() == 0 {
        return Ok(made);
    }
    // What is there and can't be read is no absent value.
    if made.null_count() > column.logical_null_count() {
        return Err(ArrowError::CastError(format!("some of its values are no {}", field.data_type())));
    }
    let nothing = default_of(field, 1).map_err(|e| ArrowError::CastError(e.to_string()))?;
    zip(&is_not_null(&made)?, &made, &Scalar::new(nothing))
}

/// Each field that says something as an entry.
fn maps_of_structs(rows: &StructArray, of: &DataType) -> Result<ArrayRef, ArrowError> {
    let texts: Vec<ArrayRef> = rows.columns().iter().map(|c| cast(c, &DataType::Utf8)).collect::<Result<_, _>>()?;
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in 0..rows.len() {
        for (name, texts) in rows.column_names().into_iter().zip(&texts) {
            let texts = texts.as_string::<i32>();
            if rows.is_valid(row) && texts.is_valid(row) {
                maps.keys().append_value(name);
                maps.values().append_value(texts.value(row));
            }
        }
        maps.append(true)?;
    }
    cast(&maps.finish(), of)
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

/// A list with no items where it is missing, and none of its items missing where none may be.
fn list_of(column: &ArrayRef, part: &Field) -> Result<ArrayRef, ArrowError> {
    let list = cast(column, part.data_type())?;
    if list.null_count() == 0 {
        return Ok(list);
    }
    let nothing = default_of(part, 1).map_err(|e| ArrowError::CastError(e.to_string()))?;
    zip(&is_not_null(&list)?, &list, &Scalar::new(nothing))
}

/// A column of lists out of the columns that hold each of them, if any is there; those that are not have as many items of
/// nothing.
fn nested(rows: &RecordBatch, field: &Field, parts: &Fields) -> Result<Option<ArrayRef>, ArrowError> {
    let of = |part: &Arc<Field>| rows.column_by_name(&format!("{}.{}", field.name(), part.name()));
    let there = |part: &Arc<Field>| of(part).map(|column| list_of(column, part)).transpose();
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
    fn what_data_frames_leave_out_reads_as_nothing() {
        let times = TimestampNanosecondArray::from(vec![Some(1), None]).with_timezone("UTC");
        let names = arrow::array::LargeStringArray::from(vec![None, Some("GET /")]);
        let part = |name: &str, of: ArrayRef| (Arc::new(Field::new(name, of.data_type().clone(), true)), of);
        let attributes = StructArray::from(vec![
            part("http.route", Arc::new(StringArray::from(vec![Some("/a"), None]))),
            part("retries", Arc::new(arrow::array::Int64Array::from(vec![None, Some(2)]))),
        ]);
        let ids = arrow::array::FixedSizeBinaryArray::try_from_iter([vec![7_u8; 8], vec![0; 8]].into_iter());
        let columns: [(&str, ArrayRef); 4] = [
            ("Timestamp", Arc::new(times)),
            ("SpanName", Arc::new(names)),
            ("SpanAttributes", Arc::new(attributes)),
            ("SpanId", Arc::new(ids.expect("ids"))),
        ];
        let rows = RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).expect("rows");
        let rows = arrived(Table::Traces, &rows).expect("as they arrive");
        assert_eq!(rows.schema(), schema::arrived(Table::Traces));
        let text = |name: &str| rows.column_by_name(name).expect("a column").as_string::<i32>().clone();
        assert_eq!((text("SpanName").value(0), text("SpanName").value(1)), ("", "GET /"));
        assert_eq!((text("SpanId").value(0), text("SpanId").value(1)), ("0707070707070707", ""));
        let maps = rows.column_by_name("SpanAttributes").expect("a column").as_map().clone();
        let entries = |row: usize| {
            let entries = maps.value(row);
            let (k, v) = (entries.column(0).as_string::<i32>().clone(), entries.column(1).as_string::<i32>().clone());
            (0..k.len()).map(|i| format!("{}={}", k.value(i), v.value(i))).collect::<Vec<_>>()
        };
        assert_eq!((entries(0), entries(1)), (vec!["http.route=/a".to_owned()], vec!["retries=2".to_owned()]));
    }

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
        assert!(error.to_string().contains("Timestamp"), "{error}");
    }
}
