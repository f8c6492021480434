//! Promoted attributes: a column of its own for each key that is well known or asked for, so that a filter by it reads
//! that column and not the maps. The maps stay whole; what a column says is what they say.

use crate::ColumnsError;
use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, StringBuilder};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use parquet::basic::Encoding;
use parquet::column::page::Page;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use sextant_model::{Table, schema};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// More keys than this are not promoted in one file.
pub const MAX_PROMOTED: usize = 64;

/// Keys that people filter by, by the semantic conventions and their predecessors.
const WELL_KNOWN: [&str; 45] = [
    "deployment.environment",
    "deployment.environment.name",
    "service.namespace",
    "service.version",
    "service.instance.id",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.node.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.pod.name",
    "k8s.container.name",
    "host.name",
    "cloud.region",
    "http.request.method",
    "http.method",
    "http.response.status_code",
    "http.status_code",
    "http.route",
    "http.target",
    "url.path",
    "server.address",
    "db.system",
    "db.system.name",
    "db.name",
    "db.namespace",
    "db.operation",
    "db.operation.name",
    "db.sql.table",
    "db.collection.name",
    "rpc.system",
    "rpc.service",
    "rpc.method",
    "rpc.grpc.status_code",
    "messaging.system",
    "messaging.destination.name",
    "messaging.operation",
    "messaging.operation.type",
    "error.type",
    "exception.type",
    "session.id",
    "user.id",
    "enduser.id",
    "feature_flag.key",
    "gen_ai.request.model",
];

/// The keys among those `present` that are promoted: those that were asked for first.
pub fn to_promote(present: &BTreeSet<String>, asked: &[String]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for key in asked.iter().map(String::as_str).chain(WELL_KNOWN) {
        if keys.len() < MAX_PROMOTED && present.contains(key) && !keys.iter().any(|k| k == key) {
            keys.push(key.to_owned());
        }
    }
    keys
}

/// The keys of the records' and resources' attributes in a file, by the dictionaries of its row groups: cheap, and all of
/// them unless a row group has more keys than a dictionary takes.
pub fn keys_in(path: &Path, table: Table) -> Result<BTreeSet<String>, ColumnsError> {
    dictionaries(path, table).map(|(keys, _)| keys)
}

/// The same, but nothing if there may be others: too many for a dictionary, or written by somebody who does not say so.
pub fn all_keys_in(path: &Path, table: Table) -> Result<Option<BTreeSet<String>>, ColumnsError> {
    dictionaries(path, table).map(|(keys, are_all)| are_all.then_some(keys))
}

/// The keys that stand in dictionaries, and whether no key stands elsewhere.
fn dictionaries(path: &Path, table: Table) -> Result<(BTreeSet<String>, bool), ColumnsError> {
    let wanted = attribute_columns(table).map(|name| format!("{name}.key_value.key"));
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let mut keys = BTreeSet::new();
    let mut are_all = true;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group)?;
        let mut n_seen = 0;
        for column in 0..group.num_columns() {
            if !wanted.contains(&group.metadata().column(column).column_path().string()) {
                continue;
            }
            n_seen += 1;
            let pages = group.metadata().column(column).page_encoding_stats_mask();
            are_all &= pages.is_some_and(|mask| mask.is_only(Encoding::RLE_DICTIONARY));
            let first = group.get_column_page_reader(column)?.get_next_page()?;
            if let Some(Page::DictionaryPage { buf, num_values, .. }) = first {
                texts(&buf, num_values as usize, &mut keys);
            }
        }
        // Of a file that calls its columns otherwise nothing is known.
        are_all &= n_seen == wanted.len();
    }
    Ok((keys, are_all))
}

/// Plainly encoded texts: each its length and its bytes.
fn texts(mut bytes: &[u8], n: usize, out: &mut BTreeSet<String>) {
    for _ in 0..n {
        let Some((length, rest)) = bytes.split_first_chunk() else { return };
        let Some((text, rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else { return };
        if let Ok(text) = std::str::from_utf8(text)
            && !out.contains(text)
        {
            out.insert(text.to_owned());
        }
        bytes = rest;
    }
}

/// The records' attributes, then their resources': in that order they are looked through.
fn attribute_columns(table: Table) -> [&'static str; 2] {
    [schema::record_attributes(table), "ResourceAttributes"]
}

/// Adds promoted columns to rows.
pub(crate) struct Promoter {
    table: Table,
    places: HashMap<String, usize>,
    schema: SchemaRef,
}

impl Promoter {
    pub fn new(table: Table, keys: &[String]) -> Self {
        let stored = schema::stored(table);
        let promoted = keys.iter().map(|key| Arc::new(Field::new(schema::promoted(key), DataType::Utf8, true)));
        let schema = Arc::new(Schema::new(stored.fields().iter().cloned().chain(promoted).collect::<Vec<_>>()));
        Self { table, places: keys.iter().cloned().zip(0..).collect(), schema }
    }

    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    pub fn add(&self, rows: &RecordBatch) -> Result<RecordBatch, ColumnsError> {
        if self.places.is_empty() {
            return Ok(rows.clone());
        }
        let mut maps = Vec::new();
        for name in attribute_columns(self.table) {
            let map = rows.column_by_name(name).and_then(|c| c.as_map_opt());
            let map =
                map.ok_or(ColumnsError::Damaged { kind: "segment", what: "a column of attributes is missing" })?;
            let (keys, values) = (map.keys().as_string_opt::<i32>(), map.values().as_string_opt::<i32>());
            let (Some(keys), Some(values)) = (keys, values) else {
                return Err(ColumnsError::Damaged { kind: "segment", what: "attributes are not text" });
            };
            maps.push((map.value_offsets(), Keys::new(keys, &self.places), values));
        }
        let mut columns: Vec<StringBuilder> = self.places.iter().map(|_| StringBuilder::new()).collect();
        let mut found: Vec<Option<&str>> = vec![None; columns.len()];
        for row in 0..rows.num_rows() {
            for (offsets, keys, values) in &mut maps {
                let first = offsets[row] as usize;
                for entry in first..offsets[row + 1] as usize {
                    if let Some(place) = keys.place(entry, entry - first) {
                        // Of two entries with one key, and of record and resource, the first counts.
                        found[place] = found[place].or_else(|| Some(values.value(entry)));
                    }
                }
            }
            for (column, value) in columns.iter_mut().zip(&mut found) {
                column.append_option(value.take());
            }
        }
        let promoted = columns.iter_mut().map(|c| -> ArrayRef { Arc::new(c.finish()) });
        let columns = rows.columns().iter().cloned().chain(promoted).collect();
        Ok(RecordBatch::try_new(self.schema.clone(), columns)?)
    }
}

/// Where the value of an entry goes. Rows mostly have the same keys in the same order, so each position remembers its last
/// key.
struct Keys<'a> {
    column: &'a StringArray,
    places: &'a HashMap<String, usize>,
    last: Vec<(&'a str, Option<usize>)>,
}

impl<'a> Keys<'a> {
    fn new(column: &'a StringArray, places: &'a HashMap<String, usize>) -> Self {
        Self { column, places, last: Vec::new() }
    }

    fn place(&mut self, entry: usize, position: usize) -> Option<usize> {
        let key = self.column.value(entry);
        match self.last.get(position) {
            Some((last, place)) if *last == key => return *place,
            _ => {}
        }
        let place = self.places.get(key).copied();
        if position >= self.last.len() {
            self.last.resize(position + 1, ("", self.places.get("").copied()));
        }
        self.last[position] = (key, place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_comes_first() {
        let present = ["http.route", "my.key", "user.id"].map(str::to_owned).into();
        let keys = to_promote(&present, &["my.key".into(), "user.id".into(), "not.here".into()]);
        assert_eq!(keys, ["my.key", "user.id", "http.route"]);
    }
}
