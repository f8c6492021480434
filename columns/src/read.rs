//! Reading a segment: its footer, or a few of its rows.

use crate::conform::{conformed, conformed_to};
use crate::filters::FilterBuilder;
use crate::index::IndexBuilder;
use crate::need::predicate;
use crate::{ColumnsError, SegmentFooter};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection, RowSelector,
};
use parquet::file::metadata::PageIndexPolicy;
use parquet::schema::types::SchemaDescriptor;
use sextant_model::{Need, Table, schema};
use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// What the file says about itself.
pub fn read_footer(path: &Path) -> Result<SegmentFooter, ColumnsError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let pairs = builder.metadata().file_metadata().key_value_metadata();
    let footer = pairs.and_then(|p| SegmentFooter::from_pairs(p));
    footer.ok_or(ColumnsError::Damaged { kind: "segment", what: "its footer does not say what it holds" })
}

/// The rows of each row group of a file.
pub(crate) fn row_groups(path: &Path) -> Result<Vec<u64>, ColumnsError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    Ok(builder.metadata().row_groups().iter().map(|g| g.num_rows() as u64).collect())
}

/// The bytes of the trace index of a segment, made anew from its rows, with filters.
pub fn write_trace_index(path: &Path, table: Table) -> Result<Vec<u8>, ColumnsError> {
    let mut index = IndexBuilder::default();
    let mut filters = FilterBuilder::new(table, row_groups(path)?.into_iter().map(|n| n as usize).collect());
    for rows in batches(path, table, BATCH_ROWS)? {
        let rows = rows?;
        index.add(&rows)?;
        filters.add(&rows);
    }
    Ok(index.finish(&filters.finish(path.metadata()?.len() as usize)?))
}

/// Rows that are read at once where nobody says how many.
const BATCH_ROWS: usize = 8_192;

/// The columns at `columns` of [`schema::stored`], in that order, of some row groups, a few rows at a time; only of rows
/// that have what is needed. `group_rows` are the rows of all row groups, for which the choice was made. Other columns of other rows are passed over page by page.
pub fn read_groups(
    path: &Path,
    table: Table,
    groups: &[usize],
    needs: &[Need],
    group_rows: &[u64],
    columns: &[usize],
    batch_rows: usize,
) -> Result<impl Iterator<Item = Result<RecordBatch, ColumnsError>> + Send + use<>, ColumnsError> {
    let stored = schema::stored(table);
    let wanted: SchemaRef = Arc::new(stored.project(columns)?);
    let file = File::open(path)?;
    let metadata =
        ArrowReaderMetadata::load(&file, ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional))?;
    let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let all = builder.metadata().row_groups();
    if !all.iter().map(|g| g.num_rows() as u64).eq(group_rows.iter().copied()) {
        return Err(ColumnsError::Damaged {
            kind: "trace index",
            what: "it is of another file; run: sextant doctor --repair",
        });
    }
    let names = wanted.fields().iter().map(|f| f.name().as_str());
    let mask = ProjectionMask::columns(builder.parquet_schema(), names);
    let filter = RowFilter::new(needs.iter().map(|need| predicate(need, builder.parquet_schema(), table)).collect());
    let rows = builder.with_projection(mask).with_row_groups(groups.to_vec()).with_row_filter(filter);
    let rows = rows.with_batch_size(batch_rows).build()?;
    Ok(rows.map(move |batch| conformed_to(&wanted, batch?)))
}

/// Which columns a file has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileColumns {
    /// Columns of today's schema that it has not.
    pub lacks: Vec<String>,
    /// Attributes that have a column of their own.
    pub promoted: Vec<String>,
}

/// Which columns a file has.
pub fn file_columns(path: &Path, table: Table) -> Result<FileColumns, ColumnsError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let there = builder.schema().fields();
    let lacks = schema::stored(table)
        .fields()
        .iter()
        .filter(|f| there.find(f.name()).is_none())
        .map(|f| f.name().clone())
        .collect();
    let promoted = there.iter().filter_map(|f| schema::promoted_key(f.name())).map(str::to_owned).collect();
    Ok(FileColumns { lacks, promoted })
}

/// Without promoted columns.
fn stored_only(file: &SchemaDescriptor, table: Table) -> ProjectionMask {
    let stored = schema::stored(table);
    let roots = file.root_schema().get_fields().iter().enumerate();
    ProjectionMask::roots(file, roots.filter(|(_, f)| stored.column_with_name(f.name()).is_some()).map(|(i, _)| i))
}

/// All rows in today's schema, a few at a time.
pub fn batches(
    path: &Path,
    table: Table,
    batch_rows: usize,
) -> Result<impl Iterator<Item = Result<RecordBatch, ColumnsError>> + use<>, ColumnsError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let mask = stored_only(builder.parquet_schema(), table);
    let rows = builder.with_projection(mask).with_batch_size(batch_rows).build()?;
    Ok(rows.map(move |batch| conformed(table, batch?)))
}

/// Rows as they are read, a few at a time.
pub type Rows = Box<dyn Iterator<Item = Result<RecordBatch, ColumnsError>>>;

/// The rows in `ranges` (rising) in today's schema, through the page index, so that only their pages are read; or all
/// rows.
pub fn read_rows(path: &Path, table: Table, ranges: Option<&[Range<u32>]>) -> Result<Rows, ColumnsError> {
    let rows = read(path, &|file| stored_only(file, table), ranges)?;
    Ok(Box::new(rows.map(move |rows| conformed(table, rows?))))
}

/// Some columns of the rows in `ranges` (rising), or of all rows.
pub fn read_columns(path: &Path, columns: &[&str], ranges: Option<&[Range<u32>]>) -> Result<Rows, ColumnsError> {
    read(path, &|file| ProjectionMask::columns(file, columns.iter().copied()), ranges)
}

fn read(
    path: &Path,
    which: &dyn Fn(&SchemaDescriptor) -> ProjectionMask,
    ranges: Option<&[Range<u32>]>,
) -> Result<Rows, ColumnsError> {
    let file = File::open(path)?;
    let policy = if ranges.is_some() { PageIndexPolicy::Optional } else { PageIndexPolicy::Skip };
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new().with_page_index_policy(policy))?;
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    let mask = which(builder.parquet_schema());
    builder = builder.with_projection(mask);
    let mut n_rows = BATCH_ROWS;
    if let Some(ranges) = ranges {
        let selected = selection(ranges);
        n_rows = selected.row_count().clamp(1, BATCH_ROWS);
        builder = builder.with_row_selection(selected);
    }
    let rows = builder.with_batch_size(n_rows).build()?;
    Ok(Box::new(rows.map(|batch| Ok(batch?))))
}

fn selection(ranges: &[Range<u32>]) -> RowSelection {
    let mut selectors = Vec::new();
    let mut next = 0;
    for range in ranges {
        let (from, to) = ((range.start as usize).max(next), range.end as usize);
        if from < to {
            selectors.push(RowSelector::skip(from - next));
            selectors.push(RowSelector::select(to - from));
            next = to;
        }
    }
    RowSelection::from(selectors)
}
