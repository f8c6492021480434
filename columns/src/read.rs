//! Reading a segment: its footer, or a few of its rows.

use crate::conform::conformed;
use crate::index::IndexBuilder;
use crate::{ColumnsError, SegmentFooter};
use arrow::array::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector,
};
use parquet::file::metadata::PageIndexPolicy;
use sextant_model::Table;
use std::fs::File;
use std::path::Path;

/// What the file says about itself.
pub fn read_footer(path: &Path) -> Result<SegmentFooter, ColumnsError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let pairs = builder.metadata().file_metadata().key_value_metadata();
    let footer = pairs.and_then(|p| SegmentFooter::from_pairs(p));
    footer.ok_or(ColumnsError::Damaged { kind: "segment", what: "its footer does not say what it holds" })
}

/// The bytes of the trace index of a segment, made anew from its rows.
pub fn write_trace_index(path: &Path) -> Result<Vec<u8>, ColumnsError> {
    let mut index = IndexBuilder::default();
    for rows in read_columns(path, &["TraceId"], None)? {
        index.add(&rows)?;
    }
    Ok(index.finish())
}

/// All rows in today's schema, a few at a time.
pub fn batches(
    path: &Path,
    table: Table,
    batch_rows: usize,
) -> Result<impl Iterator<Item = Result<RecordBatch, ColumnsError>> + use<>, ColumnsError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let rows = builder.with_batch_size(batch_rows).build()?;
    Ok(rows.map(move |batch| conformed(table, batch?)))
}

/// The rows at `positions` (rising) in today's schema, through the page index, so that only their pages are read.
pub fn read_rows(path: &Path, table: Table, positions: &[u32]) -> Result<Vec<RecordBatch>, ColumnsError> {
    read(path, None, Some(positions))?.into_iter().map(|rows| conformed(table, rows)).collect()
}

/// Some columns of the rows at `positions` (rising), or of all rows.
pub fn read_columns(
    path: &Path,
    columns: &[&str],
    positions: Option<&[u32]>,
) -> Result<Vec<RecordBatch>, ColumnsError> {
    read(path, Some(columns), positions)
}

fn read(path: &Path, columns: Option<&[&str]>, positions: Option<&[u32]>) -> Result<Vec<RecordBatch>, ColumnsError> {
    let file = File::open(path)?;
    let policy = if positions.is_some() { PageIndexPolicy::Optional } else { PageIndexPolicy::Skip };
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::new().with_page_index_policy(policy))?;
    let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata);
    if let Some(columns) = columns {
        let mask = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
        builder = builder.with_projection(mask);
    }
    if let Some(positions) = positions {
        builder = builder.with_row_selection(selection(positions));
    }
    Ok(builder.build()?.collect::<Result<_, _>>()?)
}

fn selection(positions: &[u32]) -> RowSelection {
    let mut selectors = Vec::new();
    let mut next = 0usize;
    for position in positions {
        let position = *position as usize;
        if position < next {
            continue;
        }
        if position > next {
            selectors.push(RowSelector::skip(position - next));
        }
        selectors.push(RowSelector::select(1));
        next = position + 1;
    }
    RowSelection::from(selectors)
}
