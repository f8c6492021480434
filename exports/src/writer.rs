//! One writer for all formats.

use crate::csv;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use sextant_contract::{RowFormat, push_row};
use sextant_importers::otlp;
use sextant_model::Table;
use std::io::{self, Write};
use std::sync::Arc;

/// Why rows could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The file.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The rows have a type that Arrow's stream can't hold.
    #[error("the rows can't be written as Arrow: {0}")]
    Arrow(#[from] ArrowError),
    /// The rows have a type that Parquet can't hold.
    #[error("the rows can't be written as Parquet: {0}")]
    Parquet(#[from] ParquetError),
    /// OTLP has no such thing.
    #[error("only spans, log records and data points can be written as OTLP")]
    NotTelemetry,
}

/// Rows go in batch by batch; [`RowWriter::finish`] ends the file.
pub struct RowWriter<W: Write + Send> {
    format: Format<W>,
    n_rows: u64,
}

enum Format<W: Write + Send> {
    /// With the header that was written last: a file has one.
    Csv(W, Option<SchemaRef>),
    Json(W),
    Ndjson(W),
    Otlp(W),
    Parquet(Option<Box<ArrowWriter<W>>>, Option<W>),
    Arrow(Option<StreamWriter<W>>, Option<W>),
}

/// A row group of a Parquet file; so much is held before it is written.
const GROUP_ROWS: usize = 128 * 1024;

/// How rows are written as Parquet.
pub(crate) fn parquet_properties() -> WriterProperties {
    WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build()
}

impl<W: Write + Send> RowWriter<W> {
    /// A file of this format.
    pub fn new(out: W, format: RowFormat) -> Self {
        let format = match format {
            RowFormat::Csv => Format::Csv(out, None),
            RowFormat::Json => Format::Json(out),
            RowFormat::Ndjson => Format::Ndjson(out),
            RowFormat::Otlp => Format::Otlp(out),
            // What the folders are made of.
            RowFormat::Parquet | RowFormat::ParquetByDay | RowFormat::Iceberg => Format::Parquet(None, Some(out)),
            RowFormat::Arrow => Format::Arrow(None, Some(out)),
        };
        Self { format, n_rows: 0 }
    }

    /// Rows so far.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Says what columns there are; the first batch does so too, but there may be none.
    pub fn begin(&mut self, schema: &SchemaRef) -> Result<(), WriteError> {
        match &mut self.format {
            Format::Csv(out, header @ None) => {
                csv::header(schema, out)?;
                *header = Some(schema.clone());
            }
            Format::Parquet(writer @ None, out) => {
                if let Some(out) = out.take() {
                    *writer = Some(Box::new(ArrowWriter::try_new(out, schema.clone(), Some(parquet_properties()))?));
                }
            }
            Format::Arrow(writer @ None, out) => {
                if let Some(out) = out.take() {
                    *writer = Some(StreamWriter::try_new(out, schema)?);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Writes rows of an answer.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), WriteError> {
        self.begin(&batch.schema())?;
        match &mut self.format {
            Format::Csv(out, _) => csv::rows(batch, out)?,
            Format::Json(out) => {
                let mut text = String::new();
                for row in 0..batch.num_rows() {
                    text.push_str(if self.n_rows == 0 && row == 0 { "[" } else { ",\n" });
                    push_row(batch, row, &mut text);
                }
                out.write_all(text.as_bytes())?;
            }
            Format::Ndjson(out) => {
                let mut text = String::new();
                for row in 0..batch.num_rows() {
                    push_row(batch, row, &mut text);
                    text.push('\n');
                }
                out.write_all(text.as_bytes())?;
            }
            Format::Parquet(Some(writer), _) => writer.write(batch)?,
            Format::Arrow(Some(writer), _) => writer.write(batch)?,
            Format::Otlp(_) | Format::Parquet(..) | Format::Arrow(..) => return Err(WriteError::NotTelemetry),
        }
        self.n_rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Writes whole rows of a table as a line of OTLP JSON, as the Collector's file exporter does.
    pub fn write_records(&mut self, table: Table, batches: &[RecordBatch]) -> Result<(), WriteError> {
        let Format::Otlp(out) = &mut self.format else { return Err(WriteError::NotTelemetry) };
        let n_rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if n_rows > 0 {
            out.write_all(&otlp::to_json(table, batches))?;
            out.write_all(b"\n")?;
            self.n_rows += n_rows as u64;
        }
        Ok(())
    }

    /// Ends the file and gives it back.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.begin(&Arc::new(Schema::empty()))?;
        let mut out = match self.format {
            Format::Json(mut out) => {
                out.write_all(if self.n_rows == 0 { b"[]\n" } else { b"]\n" })?;
                out
            }
            Format::Csv(out, _) | Format::Ndjson(out) | Format::Otlp(out) => out,
            Format::Parquet(Some(writer), _) => writer.into_inner()?,
            Format::Arrow(Some(mut writer), _) => {
                writer.finish()?;
                writer.into_inner()?
            }
            Format::Parquet(..) | Format::Arrow(..) => return Err(WriteError::NotTelemetry),
        };
        out.flush()?;
        Ok(out)
    }
}
