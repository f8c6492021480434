//! What rows come to: as values, as they lie in a file, and as they would lie there if they were written otherwise.

use crate::write::{Compression, SegmentFooter, SegmentWriter, Writing};
use crate::{ColumnsError, conformed};
use arrow::array::{Array, ArrayRef, AsArray as _, BinaryArray, MapArray, RecordBatch, StringArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use sextant_model::{Table, schema};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Bytes by what they are of: the names of columns, promoted ones among them, and [`INDEX`] and [`AROUND`].
pub type Sizes = BTreeMap<String, u64>;
/// The trace index beside a file.
pub const INDEX: &str = "(trace index)";
/// The rest of a file: its footer, its filters.
pub const AROUND: &str = "(footer and filters)";

/// What a file comes to.
#[derive(Debug, Clone, Default)]
pub struct FileSizes {
    /// Rows of each row group.
    pub groups: Vec<u64>,
    /// Bytes.
    pub sizes: Sizes,
    /// Attributes that have a column of their own.
    pub promoted: Vec<String>,
}

fn of_columns(metadata: &ParquetMetaData, n_bytes: u64) -> Sizes {
    let mut sizes = Sizes::new();
    for column in metadata.row_groups().iter().flat_map(RowGroupMetaData::columns) {
        let name = column.column_path().parts().first().cloned().unwrap_or_default();
        *sizes.entry(name).or_default() += column.compressed_size().max(0) as u64;
    }
    let inside: u64 = sizes.values().sum();
    sizes.insert(AROUND.into(), n_bytes.saturating_sub(inside));
    sizes
}

/// What a file comes to, by its footer, and the index beside it.
pub fn file_sizes(path: &Path) -> Result<FileSizes, ColumnsError> {
    let file = File::open(path)?;
    let n_bytes = file.metadata()?.len();
    let builder = ParquetRecordBatchReaderBuilder::try_new(file)?;
    let mut sizes = of_columns(builder.metadata(), n_bytes);
    let index = path.with_extension("idx").metadata().map_or(0, |m| m.len());
    sizes.insert(INDEX.into(), index);
    let fields = builder.schema().fields();
    let promoted = fields.iter().filter_map(|f| schema::promoted_key(f.name())).map(str::to_owned).collect();
    let groups = builder.metadata().row_groups().iter().map(|g| g.num_rows() as u64).collect();
    Ok(FileSizes { groups, sizes, promoted })
}

/// Of so many rows that there are, so many out of all parts of them: their order is by service, and their beginning is that of one.
fn evenly(n_all: usize, n_rows: usize) -> RowSelection {
    const PARTS: usize = 16;
    if n_all <= n_rows {
        return RowSelection::from(vec![RowSelector::select(n_all)]);
    }
    let each = (n_rows / PARTS).max(1);
    let (mut at, mut all) = (0, Vec::new());
    for i in 0..PARTS {
        let from = (i * (n_all - each) / (PARTS - 1)).max(at);
        all.push(RowSelector::skip(from - at));
        all.push(RowSelector::select(each.min(n_all - from)));
        at = from + each.min(n_all - from);
    }
    RowSelection::from(all)
}

/// The rows of a row group in today's schema, at most so many of them, out of all parts of it.
pub fn read_group(path: &Path, table: Table, group: usize, n_rows: usize) -> Result<Vec<RecordBatch>, ColumnsError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let file = builder.parquet_schema();
    let stored = schema::stored(table);
    let roots = file.root_schema().get_fields().iter().enumerate();
    let mask =
        ProjectionMask::roots(file, roots.filter(|(_, f)| stored.column_with_name(f.name()).is_some()).map(|(i, _)| i));
    let n_all = builder.metadata().row_groups().get(group).map_or(0, |g| g.num_rows().max(0) as usize);
    let selection = evenly(n_all, n_rows);
    let rows = builder.with_projection(mask).with_row_groups(vec![group]).with_row_selection(selection).build()?;
    rows.map(|rows| conformed(table, rows?)).collect()
}

/// What rows come to when they are really written.
pub fn tried(rows: &[RecordBatch], table: Table, how: &Writing) -> Result<Sizes, ColumnsError> {
    let mut writer = SegmentWriter::new(Vec::new(), table, how)?;
    rows.iter().try_for_each(|rows| writer.write(rows))?;
    let footer = SegmentFooter {
        table,
        project: "default".into(),
        epoch: 0,
        bucket: String::new(),
        n_rows: 0,
        times: (0, 0),
        tier: String::new(),
        origins: String::new(),
        replaces: None,
    };
    let written = writer.finish(footer)?;
    let n_bytes = written.out.len() as u64;
    let builder = ParquetRecordBatchReaderBuilder::try_new(Bytes::from(written.out))?;
    let mut sizes = of_columns(builder.metadata(), n_bytes);
    sizes.insert(INDEX.into(), written.index.map_or(0, |index| index.len() as u64));
    Ok(sizes)
}

/// The bytes of the values themselves: each text as long as it is, each number as wide as its type.
pub fn raw_bytes(column: &dyn Array) -> u64 {
    fn of_offsets(offsets: &[i32]) -> u64 {
        (offsets.last().copied().unwrap_or(0) - offsets.first().copied().unwrap_or(0)) as u64
    }
    fn of_items(offsets: &[i32], items: &ArrayRef) -> u64 {
        let from = offsets.first().copied().unwrap_or(0) as usize;
        raw_bytes(&items.slice(from, of_offsets(offsets) as usize))
    }
    match column.data_type() {
        DataType::Utf8 => of_offsets(column.as_string::<i32>().value_offsets()),
        DataType::Binary => of_offsets(column.as_binary::<i32>().value_offsets()),
        DataType::Map(..) => {
            let map = column.as_map();
            of_items(map.value_offsets(), map.keys()) + of_items(map.value_offsets(), map.values())
        }
        DataType::List(_) => {
            let list = column.as_list::<i32>();
            of_items(list.value_offsets(), list.values())
        }
        DataType::Struct(_) => column.as_struct().columns().iter().map(|c| raw_bytes(c)).sum(),
        DataType::Boolean => column.len() as u64,
        other => other.primitive_width().unwrap_or(0) as u64 * (column.len() - column.null_count()) as u64,
    }
}

/// Raw bytes of each row.
pub fn raw_bytes_by_row(rows: &RecordBatch) -> Vec<u64> {
    let mut all = vec![0; rows.num_rows()];
    for column in rows.columns() {
        let lengths = |offsets: &[i32], all: &mut [u64]| {
            all.iter_mut().zip(offsets.windows(2)).for_each(|(sum, ends)| *sum += (ends[1] - ends[0]) as u64);
        };
        match column.data_type() {
            DataType::Utf8 => lengths(column.as_string::<i32>().value_offsets(), &mut all),
            DataType::Binary => lengths(column.as_binary::<i32>().value_offsets(), &mut all),
            DataType::Map(..) => {
                let map = column.as_map();
                let (keys, values) = (map.keys().as_string_opt::<i32>(), map.values().as_string_opt::<i32>());
                for texts in [keys, values].into_iter().flatten() {
                    let ends = texts.value_offsets();
                    for (sum, pair) in all.iter_mut().zip(map.value_offsets().windows(2)) {
                        *sum += (ends[pair[1] as usize] - ends[pair[0] as usize]) as u64;
                    }
                }
            }
            DataType::List(_) => {
                let list = column.as_list::<i32>();
                for (sum, pair) in all.iter_mut().zip(list.value_offsets().windows(2)) {
                    if pair[1] > pair[0] {
                        *sum += raw_bytes(&list.values().slice(pair[0] as usize, (pair[1] - pair[0]) as usize));
                    }
                }
            }
            other => {
                let width = other.primitive_width().unwrap_or(1) as u64;
                for sum in &mut all {
                    *sum += width;
                }
            }
        }
    }
    all
}

/// What an attribute comes to as values.
#[derive(Debug, Clone, Default)]
pub struct KeyBytes {
    /// Names and values together.
    pub raw: u64,
    /// Of values that are another one than that of the row before: what is hard to pack.
    pub changing: u64,
    last: String,
}

/// What each attribute comes to, by its key.
pub fn bytes_by_key(rows: &RecordBatch, into: &mut BTreeMap<String, KeyBytes>) {
    for map in rows.columns().iter().filter_map(|c| c.as_map_opt()) {
        let (Some(keys), Some(values)) = (map.keys().as_string_opt::<i32>(), map.values().as_string_opt::<i32>())
        else {
            continue;
        };
        let ends = map.value_offsets();
        for entry in ends.first().copied().unwrap_or(0)..ends.last().copied().unwrap_or(0) {
            let (key, value) = (keys.value(entry as usize), values.value(entry as usize));
            if !into.contains_key(key) {
                into.insert(key.to_owned(), KeyBytes::default());
            }
            let Some(of) = into.get_mut(key) else { continue };
            of.raw += (key.len() + value.len()) as u64;
            if of.last != value {
                of.changing += value.len() as u64;
                of.last.clear();
                of.last.push_str(value);
            }
        }
    }
}

/// What becomes of the value of an attribute; nothing, if the attribute goes.
pub type Reshape<'a> = &'a dyn Fn(&str, &str) -> Option<String>;

/// Rows whose attributes are what `reshape` makes of those that `is_meant` names. Messages of nested values stay as they are.
pub fn reshaped(
    rows: &RecordBatch,
    is_meant: &dyn Fn(&str) -> bool,
    reshape: Reshape<'_>,
) -> Result<RecordBatch, ColumnsError> {
    let mut columns: Vec<ArrayRef> = rows.columns().to_vec();
    let schema = rows.schema();
    for (i, field) in schema.fields().iter().enumerate() {
        let Some(map) = rows.column(i).as_map_opt() else { continue };
        let (Some(keys), Some(values)) = (map.keys().as_string_opt::<i32>(), map.values().as_string_opt::<i32>())
        else {
            continue;
        };
        let types = schema.index_of(&format!("{}Types", field.name())).ok();
        let types = types.and_then(|at| rows.column(at).as_binary_opt::<i32>().map(|types| (at, types)));
        let (mut new_keys, mut new_values) = (Vec::new(), Vec::new());
        let (mut lengths, mut new_types): (Vec<usize>, Vec<Vec<u8>>) = (Vec::new(), Vec::new());
        for row in 0..map.len() {
            let (from, to) = (map.value_offsets()[row] as usize, map.value_offsets()[row + 1] as usize);
            let mut kept = Vec::with_capacity(to - from);
            let before = new_keys.len();
            for entry in from..to {
                let (key, value) = (keys.value(entry), values.value(entry));
                let new = if is_meant(key) { reshape(key, value) } else { Some(value.to_owned()) };
                let Some(new) = new else { continue };
                new_keys.push(key);
                new_values.push(new);
                if let Some(kind) = types.and_then(|(_, types)| types.value(row).get(entry - from).copied()) {
                    kept.push(kind);
                }
            }
            lengths.push(new_keys.len() - before);
            new_types.push(kept);
        }
        let entries: Vec<ArrayRef> =
            vec![Arc::new(StringArray::from(new_keys)), Arc::new(StringArray::from(new_values))];
        let entries = StructArray::new(schema::map_entry_fields(), entries, None);
        let DataType::Map(inner, _) = field.data_type() else { continue };
        columns[i] = Arc::new(MapArray::new(inner.clone(), OffsetBuffer::from_lengths(lengths), entries, None, false));
        if let Some((at, _)) = types {
            columns[at] = Arc::new(BinaryArray::from_iter_values(new_types));
        }
    }
    let fields: Vec<Arc<Field>> = schema.fields().iter().cloned().collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

/// How segments that were merged could be packed, in words; hot ones are not for long.
pub const PACKINGS: [(&str, Compression); 6] = [
    ("none", Compression::None),
    ("lz4", Compression::Lz4),
    ("zstd-1", Compression::Zstd(1)),
    ("zstd-3", Compression::Zstd(3)),
    ("zstd-6", Compression::Zstd(6)),
    ("zstd-9", Compression::Zstd(9)),
];

#[cfg(test)]
mod tests {
    use super::evenly;

    #[test]
    fn rows_are_of_all_parts() {
        for (n_all, n_rows) in [(0, 10), (10, 10), (11, 10), (17, 16), (1_000, 100), (131_072, 15_000), (20, 1)] {
            let selection = evenly(n_all, n_rows);
            let (mut at, mut first, mut last, mut n) = (0, None, 0, 0);
            for part in selection.iter() {
                if !part.skip && part.row_count > 0 {
                    first = first.or(Some(at));
                    last = at + part.row_count;
                    n += part.row_count;
                }
                at += part.row_count;
            }
            assert_eq!((first.unwrap_or(0), last), (0, n_all), "{n_all} {n_rows}");
            assert!(n <= n_rows.max(16) && at <= n_all, "{n} of {n_all} {n_rows}");
        }
    }
}
