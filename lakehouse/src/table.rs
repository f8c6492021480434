//! A table: its columns with their numbers, and the files that say which Parquet files are in it.

use crate::LakehouseError;
use crate::rows::{converted, fields, of, source};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use iceberg::arrow::{arrow_schema_to_schema_auto_assign_ids, schema_to_arrow_schema};
use iceberg::io::FileIO;
use iceberg::spec::{
    DataContentType, DataFileBuilder, DataFileFormat, Datum, FormatVersion, Literal, MAIN_BRANCH, ManifestListWriter,
    ManifestWriterBuilder, Operation, PrimitiveType, Snapshot, SortOrder, Struct, Summary, TableMetadata,
    TableMetadataBuilder, Transform, Type, UnboundPartitionSpec,
};
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::Statistics;
use sextant_model::{Table, schema};
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

/// A Parquet file of a table.
#[derive(Debug)]
pub struct DataFile<'a> {
    /// Where it lies below the table.
    pub path: &'a str,
    /// The day of all its records, counted from 1970.
    pub day: i32,
    /// How long it is.
    pub n_bytes: u64,
    /// What its end says.
    pub metadata: &'a ParquetMetaData,
}

/// A file beside those with rows.
#[derive(Debug)]
pub struct Part {
    /// Where it belongs below the table.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// A table that is to lie at a place.
#[derive(Debug)]
pub struct IcebergTable {
    metadata: TableMetadata,
    arrow: SchemaRef,
}

/// Runs what never waits: everything is in memory.
fn at_once<T>(work: impl Future<Output = iceberg::Result<T>>) -> Result<T, LakehouseError> {
    match pin!(work).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Ok(done?),
        Poll::Pending => {
            Err(iceberg::Error::new(iceberg::ErrorKind::Unexpected, "memory that has to be waited for").into())
        }
    }
}

impl IcebergTable {
    /// The telemetry of `table`, by days, at `location`: a URI.
    ///
    /// # Errors
    /// If the format has no room for a column.
    pub fn new(table: Table, location: &str) -> Result<Self, LakehouseError> {
        let arrow = Schema::new(fields(schema::arrived(table).fields()));
        let columns = arrow_schema_to_schema_auto_assign_ids(&arrow)?;
        let time = table.time_column();
        let id = columns.field_id_by_name(time).ok_or_else(|| LakehouseError::Column(time.to_owned()))?;
        let days = UnboundPartitionSpec::builder().add_partition_field(id, "date", Transform::Day)?.build();
        let properties = HashMap::from([("write.parquet.compression-codec".to_owned(), "zstd".to_owned())]);
        let metadata = TableMetadataBuilder::new(
            columns,
            days,
            SortOrder::unsorted_order(),
            location.trim_end_matches('/').to_owned(),
            FormatVersion::V2,
            properties,
        )?
        .build()?
        .metadata;
        // The numbers are those that the table gave.
        let arrow = Arc::new(schema_to_arrow_schema(metadata.current_schema())?);
        Ok(Self { metadata, arrow })
    }

    /// The columns of its files.
    pub fn schema(&self) -> &SchemaRef {
        &self.arrow
    }

    /// Rows as they arrived, in its columns.
    ///
    /// # Errors
    /// If a number is larger than Iceberg has: counts over 2^63.
    pub fn rows(&self, rows: &RecordBatch) -> Result<RecordBatch, LakehouseError> {
        let columns = self.arrow.fields().iter().map(|field| {
            let name = source(field.name(), |name| rows.column_by_name(name).is_some());
            let column = rows.column_by_name(name).ok_or_else(|| LakehouseError::Column(name.to_owned()))?;
            converted(column, field.data_type()).map_err(of(name))
        });
        let columns = columns.collect::<Result<_, _>>()?;
        RecordBatch::try_new(self.arrow.clone(), columns).map_err(of("a column"))
    }

    /// Everything that says that these files are the table, as of a time.
    ///
    /// # Errors
    /// If a file is not one of this table.
    pub fn described(self, files: &[DataFile<'_>], millis: i64) -> Result<Vec<Part>, LakehouseError> {
        let memory = FileIO::new_with_memory();
        let location = self.metadata.location().to_owned();
        let id = i64::from_be_bytes(self.metadata.uuid().as_u64_pair().1.to_be_bytes()) & i64::MAX;
        let named = [format!("metadata/{id}-m0.avro"), format!("metadata/snap-{id}.avro")];
        let [manifest, list] = &named;
        let columns = self.metadata.current_schema().clone();
        let days = self.metadata.default_partition_spec().as_ref().clone();
        let out = memory.new_output(format!("{location}/{manifest}"))?;
        let mut writer = ManifestWriterBuilder::new(out, Some(id), columns, days).build_v2_data();
        let (mut n_rows, mut n_bytes) = (0, 0);
        for file in files {
            writer.add_file(self.data_file(&location, file)?, 1)?;
            n_rows += file.metadata.file_metadata().num_rows();
            n_bytes += file.n_bytes;
        }
        let manifest = at_once(writer.write_manifest_file())?;
        let out = memory.new_output(format!("{location}/{list}"))?;
        let mut writer = ManifestListWriter::v2(at_once(out.writer())?, id, None, 1);
        writer.add_manifests(std::iter::once(manifest))?;
        at_once(writer.close())?;
        let counts = [
            ("added-data-files", files.len() as u64),
            ("added-records", n_rows as u64),
            ("added-files-size", n_bytes),
            ("total-data-files", files.len() as u64),
            ("total-records", n_rows as u64),
            ("total-files-size", n_bytes),
        ];
        let snapshot = Snapshot::builder()
            .with_snapshot_id(id)
            .with_sequence_number(1)
            .with_timestamp_ms(millis)
            .with_manifest_list(format!("{location}/{list}"))
            .with_schema_id(self.metadata.current_schema_id())
            .with_summary(Summary {
                operation: Operation::Append,
                additional_properties: counts.map(|(name, n)| (name.to_owned(), n.to_string())).into(),
            })
            .build();
        let metadata = TableMetadataBuilder::new_from_metadata(self.metadata, None)
            .set_branch_snapshot(snapshot, MAIN_BRANCH)?
            .build()?
            .metadata;
        let text = serde_json::to_vec_pretty(&metadata)
            .map_err(|e| iceberg::Error::new(iceberg::ErrorKind::Unexpected, e.to_string()))?;
        let mut parts = Vec::new();
        for path in named {
            let bytes = at_once(memory.new_input(format!("{location}/{path}"))?.read())?;
            parts.push(Part { path, bytes: bytes.to_vec() });
        }
        parts.push(Part { path: "metadata/v1.metadata.json".into(), bytes: text });
        parts.push(Part { path: "metadata/version-hint.text".into(), bytes: b"1".to_vec() });
        Ok(parts)
    }

    fn data_file(&self, location: &str, file: &DataFile<'_>) -> Result<iceberg::spec::DataFile, LakehouseError> {
        let groups = file.metadata.row_groups();
        let n_rows = file.metadata.file_metadata().num_rows() as u64;
        let mut known = Known::default();
        let parquet = file.metadata.file_metadata().schema_descr();
        for (i, column) in parquet.columns().iter().enumerate() {
            let [name] = column.path().parts() else { continue };
            let Some(field) = self.metadata.current_schema().field_by_name(name) else { continue };
            let chunks = groups.iter().map(|g| g.column(i));
            known.sizes.insert(field.id, chunks.clone().map(|c| c.compressed_size() as u64).sum());
            known.values.insert(field.id, n_rows);
            let statistics: Option<Vec<&Statistics>> = chunks.map(|c| c.statistics()).collect();
            let Some(statistics) = statistics.filter(|s| !s.is_empty()) else { continue };
            if let Some(n) = statistics.iter().map(|s| s.null_count_opt()).sum::<Option<u64>>() {
                known.nulls.insert(field.id, n);
            }
            let Type::Primitive(primitive) = field.field_type.as_ref() else { continue };
            let bound = |of: fn(&Statistics) -> Option<&[u8]>, is_min: bool| {
                let all: Option<Vec<Datum>> = statistics.iter().map(|s| datum(primitive, of(s)?)).collect();
                all?.into_iter().reduce(|a, b| if (b < a) == is_min { b } else { a })
            };
            let bounds = (bound(Statistics::min_bytes_opt, true), bound(Statistics::max_bytes_opt, false));
            if let (Some(lower), Some(upper)) = bounds {
                known.lower.insert(field.id, lower);
                known.upper.insert(field.id, upper);
            }
        }
        let offsets: Vec<i64> = groups.iter().filter_map(RowGroupMetaData::file_offset).collect();
        let built = DataFileBuilder::default()
            .content(DataContentType::Data)
            .file_path(format!("{location}/{}", file.path))
            .file_format(DataFileFormat::Parquet)
            .partition(Struct::from_iter([Some(Literal::date(file.day))]))
            .partition_spec_id(self.metadata.default_partition_spec_id())
            .record_count(n_rows)
            .file_size_in_bytes(file.n_bytes)
            .column_sizes(known.sizes)
            .value_counts(known.values)
            .null_value_counts(known.nulls)
            .lower_bounds(known.lower)
            .upper_bounds(known.upper)
            .split_offsets((!offsets.is_empty()).then_some(offsets))
            .build();
        built.map_err(|e| iceberg::Error::new(iceberg::ErrorKind::Unexpected, e.to_string()).into())
    }
}

/// What is known of the columns of a file, by their numbers.
#[derive(Default)]
struct Known {
    sizes: HashMap<i32, u64>,
    values: HashMap<i32, u64>,
    nulls: HashMap<i32, u64>,
    lower: HashMap<i32, Datum>,
    upper: HashMap<i32, Datum>,
}

/// A bound, as Parquet has it; of types whose order is theirs in both.
fn datum(of: &PrimitiveType, bytes: &[u8]) -> Option<Datum> {
    let eight = || bytes.try_into().ok().map(i64::from_le_bytes);
    Some(match of {
        PrimitiveType::Int => Datum::int(i32::from_le_bytes(bytes.try_into().ok()?)),
        PrimitiveType::Long => Datum::long(eight()?),
        PrimitiveType::Timestamptz => Datum::timestamptz_micros(eight()?),
        PrimitiveType::String => Datum::string(std::str::from_utf8(bytes).ok()?),
        _ => return None,
    })
}
