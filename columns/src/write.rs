//! Writing a segment.

use crate::ColumnsError;
use arrow::array::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::schema::types::ColumnPath;
use sextant_model::Table;
use std::io::Write;

/// Rows in one row group.
const ROW_GROUP_ROWS: usize = 128 * 1024;

/// Columns whose smallest and largest values help a reader to pass over pages. Keeping them for every attribute would
/// compare each text twice and help nobody.
const WITH_STATISTICS: [&str; 11] = [
    "ServiceName",
    "Timestamp",
    "TimeUnix",
    "TraceId",
    "SpanName",
    "SpanKind",
    "StatusCode",
    "Duration",
    "SeverityNumber",
    "MetricName",
    "ProjectId",
];
/// Columns in which values hardly repeat: a dictionary would only be looked up.
const ALL_DIFFERENT: [&str; 6] = ["Timestamp", "TimeUnix", "ObservedTimestamp", "Duration", "SpanId", "Body"];

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Fresh segments: fast.
    Hot,
    /// Merged segments: smaller.
    Merged,
}

/// Settings of one file.
#[derive(Debug, Clone)]
pub struct WriteOptions {
    /// How hard to compress.
    pub compression: Compression,
    /// What the footer says.
    pub footer: SegmentFooter,
}

/// What a segment says about itself, so that a lost manifest can be made anew from the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFooter {
    /// Which table its rows belong to.
    pub table: Table,
    /// Which project.
    pub project: String,
    /// The epoch that it was sealed from.
    pub epoch: u64,
    /// Its place in time: the start of its bucket, as the manifest names it.
    pub bucket: String,
    /// Number of rows.
    pub n_rows: u64,
    /// Earliest and latest time in it, nanoseconds, both inclusive.
    pub times: (i64, i64),
}

const KEYS: [&str; 7] = [
    "sextant.table",
    "sextant.project",
    "sextant.epoch",
    "sextant.bucket",
    "sextant.rows",
    "sextant.first",
    "sextant.last",
];

impl SegmentFooter {
    fn values(&self) -> [String; 7] {
        [
            self.table.name().to_owned(),
            self.project.clone(),
            self.epoch.to_string(),
            self.bucket.clone(),
            self.n_rows.to_string(),
            self.times.0.to_string(),
            self.times.1.to_string(),
        ]
    }

    /// From the key-value pairs of a file.
    pub(crate) fn from_pairs(pairs: &[KeyValue]) -> Option<Self> {
        let find = |key: &str| pairs.iter().find(|p| p.key == key)?.value.clone();
        Some(Self {
            table: Table::from_name(&find(KEYS[0])?)?,
            project: find(KEYS[1])?,
            epoch: find(KEYS[2])?.parse().ok()?,
            bucket: find(KEYS[3])?,
            n_rows: find(KEYS[4])?.parse().ok()?,
            times: (find(KEYS[5])?.parse().ok()?, find(KEYS[6])?.parse().ok()?),
        })
    }
}

fn properties(options: &WriteOptions) -> Result<WriterProperties, ColumnsError> {
    let level = match options.compression {
        Compression::Hot => 1,
        Compression::Merged => 3,
    };
    let pairs = KEYS.iter().zip(options.footer.values()).map(|(k, v)| KeyValue::new((*k).to_owned(), v)).collect();
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Codec::ZSTD(ZstdLevel::try_new(level)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::None)
        .set_created_by(concat!("sextant ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_key_value_metadata(Some(pairs));
    let schema = sextant_model::schema::stored(options.footer.table);
    let is_here = |name: &&&str| schema.field_with_name(name).is_ok();
    for column in WITH_STATISTICS.iter().filter(is_here) {
        properties = properties.set_column_statistics_enabled(ColumnPath::from(*column), EnabledStatistics::Page);
    }
    for column in ALL_DIFFERENT.iter().filter(is_here) {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(*column), false);
    }
    if matches!(options.footer.table, Table::Traces | Table::Logs) {
        let path = ColumnPath::from("TraceId");
        properties = properties
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_ndv(path, (options.footer.n_rows / 8).clamp(64, 64 * 1024));
    }
    Ok(properties.build())
}

/// Writes `rows`, already in order, as one Parquet file.
pub fn write_parquet<W: Write + Send>(out: W, rows: &RecordBatch, options: &WriteOptions) -> Result<W, ColumnsError> {
    let mut writer = ArrowWriter::try_new(out, rows.schema(), Some(properties(options)?))?;
    writer.write(rows)?;
    Ok(writer.into_inner()?)
}
