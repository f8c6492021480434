//! Whether a row has what a question needs: looked at before its other columns are read.

use arrow::array::{Array as _, ArrayRef, AsArray, BooleanArray, MapArray, RecordBatch, StringArray};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ArrowPredicate, ArrowPredicateFn};
use parquet::schema::types::SchemaDescriptor;
use sextant_model::{Need, Table, schema};

/// True for every row that has what is needed, and for few others. Rows of a file without the columns are all kept.
pub(crate) fn predicate(need: &Need, file: &SchemaDescriptor, table: Table) -> Box<dyn ArrowPredicate> {
    let has = |name: &str| file.root_schema().get_fields().iter().any(|f| f.name() == name);
    match need {
        Need::Word(word) => {
            let word = word.clone();
            let mask = ProjectionMask::columns(file, ["Body"]);
            Box::new(ArrowPredicateFn::new(mask, move |rows: RecordBatch| {
                Ok(texts(rows.columns().first(), rows.num_rows(), |text| has_word(text, &word)))
            }))
        }
        Need::Attribute { key, value } if has(&schema::promoted(key)) => {
            let value = value.clone();
            let column = schema::promoted(key);
            // By its place: a dot in its name would be taken for a path.
            let root = file.root_schema().get_fields().iter().position(|f| f.name() == column);
            Box::new(ArrowPredicateFn::new(ProjectionMask::roots(file, root), move |rows: RecordBatch| {
                Ok(texts(rows.columns().first(), rows.num_rows(), |text| text == value))
            }))
        }
        Need::Attribute { key, value } => {
            let (key, value) = (key.clone(), value.clone());
            let mask = ProjectionMask::columns(file, [schema::record_attributes(table), "ResourceAttributes"]);
            Box::new(ArrowPredicateFn::new(mask, move |rows: RecordBatch| {
                let maps: Vec<&MapArray> = rows.columns().iter().filter_map(|c| c.as_map_opt()).collect();
                Ok((0..rows.num_rows()).map(|row| Some(maps.iter().any(|m| has_entry(m, row, &key, &value)))).collect())
            }))
        }
    }
}

fn texts(column: Option<&ArrayRef>, n: usize, is_it: impl Fn(&str) -> bool) -> BooleanArray {
    let Some(column) = column.and_then(|c| c.as_string_opt::<i32>()) else { return BooleanArray::from(vec![true; n]) };
    (0..n).map(|row| Some(column.is_valid(row) && is_it(column.value(row)))).collect()
}

/// Whether the letters of a word occur. Letters beyond ASCII that are the same as some within are not compared.
fn has_word(text: &str, word: &str) -> bool {
    let (text, word) = (text.as_bytes(), word.as_bytes());
    let Some(first) = word.first() else { return true };
    let (lower, upper) = (first.to_ascii_lowercase(), first.to_ascii_uppercase());
    memchr::memchr2_iter(lower, upper, text)
        .any(|at| text.get(at..at + word.len()).is_some_and(|part| part.eq_ignore_ascii_case(word)))
        || !text.is_ascii()
}

fn has_entry(map: &MapArray, row: usize, key: &str, value: &str) -> bool {
    let offsets = map.value_offsets();
    let (keys, values): (Option<&StringArray>, Option<&StringArray>) =
        (map.keys().as_string_opt(), map.values().as_string_opt());
    let (Some(keys), Some(values)) = (keys, values) else { return true };
    (offsets[row] as usize..offsets[row + 1] as usize).any(|i| keys.value(i) == key && values.value(i) == value)
}
