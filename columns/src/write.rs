//! Writing a segment: batches in, a Parquet file and its trace index out.

use crate::ColumnsError;
use crate::encode::GroupedWriter;
use crate::filters::FilterBuilder;
use crate::index::IndexBuilder;
use crate::promote::Promoter;
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder, WriterVersion};
use parquet::schema::types::ColumnPath;
use sextant_model::Table;
use std::collections::BTreeSet;
use std::io::Write;

/// Rows in one row group.
pub const ROW_GROUP_ROWS: usize = 128 * 1024;

/// Columns whose smallest and largest values help a reader to pass over row groups or pages.
const WITH_STATISTICS: [&str; 10] = [
    "ServiceName",
    "Timestamp",
    "TimeUnix",
    "SpanName",
    "SpanKind",
    "StatusCode",
    "Duration",
    "SeverityNumber",
    "MetricName",
    "ProjectId",
];
/// Columns in which values hardly repeat: a dictionary would only be looked up.
const ALL_DIFFERENT: [&str; 9] =
    ["Timestamp", "TimeUnix", "ObservedTimestamp", "Duration", "SpanId", "ParentSpanId", "Body", "Value", "Sum"];

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all: where time matters and nothing else.
    None,
    /// Fresh segments: fast.
    Hot,
    /// Merged segments: smaller.
    Merged,
    /// Segments that are hardly read any more: smallest.
    Warm,
    /// zstd of another level, to see what that would do.
    Zstd(i32),
    /// LZ4, for the same.
    Lz4,
}

/// More services than this in a segment are not listed.
const MAX_SERVICES: usize = 256;

/// What a segment says about itself, so that a lost manifest can be made anew from the files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentFooter {
    /// Which table its rows belong to.
    pub table: Table,
    /// Which project.
    pub project: String,
    /// The epoch that it was sealed from; of merged ones, the latest.
    pub epoch: u64,
    /// Its place in time: the start of its bucket, as the manifest names it.
    pub bucket: String,
    /// Number of rows.
    pub n_rows: u64,
    /// Earliest and latest time in it, nanoseconds, both inclusive.
    pub times: (i64, i64),
    /// Hot, merged, warm, …; the store's word.
    pub tier: String,
    /// Who sent its rows, as the store writes it.
    pub origins: String,
    /// If it was made of other segments: which, and its place among the files that replace them.
    pub replaces: Option<Replaces>,
}

/// A file's part in taking the place of other segments.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replaces {
    /// The segments whose place the files take, all together.
    pub segments: Vec<String>,
    /// The name that the files share.
    pub job: String,
    /// Its place among them, from 0.
    pub part: u32,
    /// Whether it is the last one: only with it are they complete.
    pub is_last: bool,
}

const KEYS: [&str; 10] = [
    "sextant.table",
    "sextant.project",
    "sextant.epoch",
    "sextant.bucket",
    "sextant.rows",
    "sextant.first",
    "sextant.last",
    "sextant.tier",
    "sextant.origins",
    "sextant.replaces",
];

impl SegmentFooter {
    fn pairs(&self) -> Vec<KeyValue> {
        let replaces = self.replaces.as_ref().map_or_else(String::new, |r| {
            format!("{} {} {} {}", r.job, r.part, u8::from(r.is_last), r.segments.join(","))
        });
        let values = [
            self.table.name().to_owned(),
            self.project.clone(),
            self.epoch.to_string(),
            self.bucket.clone(),
            self.n_rows.to_string(),
            self.times.0.to_string(),
            self.times.1.to_string(),
            self.tier.clone(),
            self.origins.clone(),
            replaces,
        ];
        KEYS.iter().zip(values).map(|(k, v)| KeyValue::new((*k).to_owned(), v)).collect()
    }

    /// From the key-value pairs of a file; the last three were not always written.
    pub(crate) fn from_pairs(pairs: &[KeyValue]) -> Option<Self> {
        let find = |key: &str| pairs.iter().find(|p| p.key == key)?.value.clone();
        let replaces = |text: String| {
            let [job, part, is_last, segments] = text.splitn(4, ' ').collect::<Vec<_>>().try_into().ok()?;
            let segments = segments.split(',').filter(|s| !s.is_empty()).map(str::to_owned).collect();
            Some(Replaces { segments, job: job.to_owned(), part: part.parse().ok()?, is_last: is_last == "1" })
        };
        Some(Self {
            table: Table::from_name(&find(KEYS[0])?)?,
            project: find(KEYS[1])?,
            epoch: find(KEYS[2])?.parse().ok()?,
            bucket: find(KEYS[3])?,
            n_rows: find(KEYS[4])?.parse().ok()?,
            times: (find(KEYS[5])?.parse().ok()?, find(KEYS[6])?.parse().ok()?),
            tier: find(KEYS[7]).unwrap_or_else(|| "hot".to_owned()),
            origins: find(KEYS[8]).unwrap_or_default(),
            replaces: find(KEYS[9]).and_then(replaces),
        })
    }
}

pub(crate) fn codec(compression: Compression) -> Result<Codec, ColumnsError> {
    let zstd = |level| ZstdLevel::try_new(level).map(Codec::ZSTD);
    Ok(match compression {
        Compression::None => Codec::UNCOMPRESSED,
        Compression::Hot => zstd(1)?,
        Compression::Merged => zstd(3)?,
        Compression::Warm => zstd(9)?,
        Compression::Zstd(level) => zstd(level)?,
        Compression::Lz4 => Codec::LZ4_RAW,
    })
}

/// How large dictionaries grow: where time matters, no larger than a processor's cache.
fn dictionary_bytes(compression: Compression) -> usize {
    if compression == Compression::Hot { 256 * 1024 } else { 1024 * 1024 }
}

/// Those that every file of ours has.
pub(crate) fn plain_properties(table: Table, codec: Codec, compression: Compression) -> WriterPropertiesBuilder {
    let mut properties = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(codec)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_dictionary_page_size_limit(dictionary_bytes(compression))
        .set_created_by(concat!("sextant ", env!("CARGO_PKG_VERSION")).to_owned());
    let schema = sextant_model::schema::stored(table);
    let is_here = |name: &&&str| schema.field_with_name(name).is_ok();
    for column in WITH_STATISTICS.iter().filter(is_here) {
        properties = properties.set_column_statistics_enabled(ColumnPath::from(*column), EnabledStatistics::Page);
    }
    for column in ALL_DIFFERENT.iter().filter(is_here) {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(*column), false);
    }
    properties
}

fn properties(table: Table, codec: Codec, how: &Writing) -> WriterProperties {
    let mut properties = plain_properties(table, codec, how.compression);
    if has_traces(table) {
        let path = ColumnPath::from("TraceId");
        properties = properties
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_ndv(path, (how.n_rows / 8).clamp(64, 64 * 1024));
    }
    properties.build()
}

/// Whether rows of `table` belong to traces, so that a segment of it has a trace index.
pub fn has_traces(table: Table) -> bool {
    matches!(table, Table::Traces | Table::Logs)
}

/// What was written.
#[derive(Debug)]
pub struct Written<W> {
    /// Where to.
    pub out: W,
    /// What the footer says.
    pub footer: SegmentFooter,
    /// The services in it; `None` if they are too many to list.
    pub services: Option<Vec<String>>,
    /// The bytes of the trace index, if the table has one.
    pub index: Option<Vec<u8>>,
}

/// How a file is to be written.
#[derive(Debug, Clone)]
pub struct Writing {
    /// How hard to compress.
    pub compression: Compression,
    /// About how many rows there will be.
    pub n_rows: u64,
    /// Attributes that get a column of their own.
    pub promoted: Vec<String>,
}

/// A segment under way.
pub struct SegmentWriter<W: Write + Send> {
    writer: GroupedWriter<W>,
    table: Table,
    promoter: Promoter,
    n_rows: u64,
    times: (i64, i64),
    services: Option<BTreeSet<String>>,
    index: Option<IndexBuilder>,
    filters: Option<FilterBuilder>,
}

impl<W: Write + Send> SegmentWriter<W> {
    /// Begins a file.
    pub fn new(out: W, table: Table, how: &Writing) -> Result<Self, ColumnsError> {
        let promoter = Promoter::new(table, &how.promoted);
        let codec = codec(how.compression)?;
        let properties = properties(table, codec, how);
        let writer = GroupedWriter::new(out, promoter.schema(), properties, codec, ROW_GROUP_ROWS)?;
        let index = has_traces(table).then(|| IndexBuilder::new(how.n_rows));
        // Fresh segments are few and soon merged: they are read without filters.
        let has_filters = index.is_some() && !matches!(how.compression, Compression::None | Compression::Hot);
        let filters = has_filters.then(|| FilterBuilder::new(table, vec![ROW_GROUP_ROWS]));
        let services = Some(BTreeSet::new());
        Ok(Self { writer, table, promoter, n_rows: 0, times: (i64::MAX, i64::MIN), services, index, filters })
    }

    /// Appends rows, in their order.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), ColumnsError> {
        let missing = ColumnsError::Damaged { kind: "segment", what: "a column is missing" };
        let times = rows.column_by_name(self.table.time_column());
        let Some(times) = times.and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>()) else {
            return Err(missing);
        };
        self.times = times.values().iter().fold(self.times, |(a, b), t| (a.min(*t), b.max(*t)));
        self.see_services(rows);
        if let Some(index) = &mut self.index {
            index.add(rows)?;
        }
        if let Some(filters) = &mut self.filters {
            filters.add(rows);
        }
        self.n_rows += rows.num_rows() as u64;
        self.writer.write(&self.promoter.add(rows)?)?;
        Ok(())
    }

    fn see_services(&mut self, rows: &RecordBatch) {
        let Some(column) = rows.column_by_name("ServiceName").and_then(|c| c.as_string_opt::<i32>()) else { return };
        for row in 0..column.len() {
            let name = column.value(row);
            if row > 0 && name == column.value(row - 1) {
                continue;
            }
            let Some(services) = &mut self.services else { return };
            if !services.contains(name) {
                services.insert(name.to_owned());
                if services.len() > MAX_SERVICES {
                    self.services = None;
                }
            }
        }
    }

    /// Bytes so far, about.
    pub fn n_bytes(&self) -> usize {
        self.writer.n_bytes()
    }

    /// Rows so far.
    pub fn n_rows(&self) -> u64 {
        self.n_rows
    }

    /// Ends the file; `footer` says everything but rows and times, which are known here.
    pub fn finish(self, footer: SegmentFooter) -> Result<Written<W>, ColumnsError> {
        let footer = SegmentFooter { n_rows: self.n_rows, times: self.times, ..footer };
        let n_bytes = self.n_bytes();
        let filters = self.filters.map(|f| f.finish(n_bytes)).transpose()?.unwrap_or_default();
        Ok(Written {
            out: self.writer.finish(footer.pairs())?,
            footer,
            services: self.services.map(|s| s.into_iter().collect()),
            index: self.index.map(|index| index.finish(&filters)),
        })
    }
}
