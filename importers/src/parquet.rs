//! Parquet files with rows of telemetry: our own exports, those of the Collector's ClickHouse exporter, data frames.
//! Columns are known by their names; what has another name is left out and said.

use crate::{DecodeError, Decoded};
use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringArray};
use arrow::compute::{cast, filter_record_batch, is_not_null};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sextant_columns::{ColumnsError, guarded};
use sextant_model::{Batch, Table, schema};
use std::sync::Arc;

/// Rows that are read at once.
const BATCH_ROWS: usize = 16 * 1024;
/// So many names of columns are told.
const MAX_NAMES: usize = 8;

/// Whether bytes are a Parquet file.
pub(crate) fn is_parquet(bytes: &[u8]) -> bool {
    bytes.len() > 12 && bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1")
}

/// So that a panic can be one too.
struct Failed(DecodeError);

impl From<ColumnsError> for Failed {
    fn from(e: ColumnsError) -> Self {
        Self(bad(&e))
    }
}

fn bad(e: &dyn std::fmt::Display) -> DecodeError {
    DecodeError::Corrupt { format: "Parquet", what: e.to_string() }
}

/// The table that rows with these columns belong to.
fn table_of(columns: &Schema) -> Result<Table, DecodeError> {
    let has = |name: &str| columns.column_with_name(name).is_some();
    let found = if has("SpanId") && has("SpanName") {
        Some(Table::Traces)
    } else if has("MetricName") {
        let kinds = [
            ("ExplicitBounds", Table::Histogram),
            ("PositiveOffset", Table::ExpHistogram),
            ("Scale", Table::ExpHistogram),
            ("ValueAtQuantiles", Table::Summary),
            ("IsMonotonic", Table::Sum),
        ];
        let of_kind = kinds.into_iter().find(|(name, _)| has(name)).map(|(_, table)| table);
        of_kind.or_else(|| has("Value").then_some(Table::Gauge))
    } else if has("Body") || has("SeverityNumber") || has("SeverityText") {
        Some(Table::Logs)
    } else if has("Spans") && has("TraceId") {
        return Err(DecodeError::Format(
            "it holds summaries of traces; their spans are written by: export spans".into(),
        ));
    } else {
        None
    };
    found.filter(|table| has(table.time_column()) || has("Timestamp")).ok_or_else(|| {
        DecodeError::Format(
            "its columns are none of telemetry: Timestamp with SpanId and SpanName, Body, or MetricName and Value"
                .into(),
        )
    })
}

/// Reads a file; `sink` gets its rows, some at a time. What was odd with its columns comes back.
pub(crate) fn read<E: From<DecodeError>>(
    bytes: &[u8],
    sink: &mut dyn FnMut(Decoded) -> Result<(), E>,
) -> Result<Vec<String>, E> {
    let bytes = bytes::Bytes::copy_from_slice(bytes);
    let reader = guarded(|| Ok(ParquetRecordBatchReaderBuilder::try_new(bytes)?)).map_err(|e: ColumnsError| bad(&e))?;
    let columns = reader.schema().clone();
    let table = table_of(&columns)?;
    let mut problems = Vec::new();
    let unknown: Vec<&str> =
        columns.fields().iter().map(|f| f.name().as_str()).filter(|n| !is_known(table, n)).collect();
    if !unknown.is_empty() {
        let more = unknown.len().saturating_sub(MAX_NAMES);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let names = unknown[..unknown.len().min(MAX_NAMES)].join(", ");
        problems.push(format!("columns that mean nothing here were left out: {names}{more}"));
    }
    let mut reader = reader.with_batch_size(BATCH_ROWS).build().map_err(|e| bad(&e))?;
    let mut next = || guarded(|| Ok(reader.next().transpose()?)).map_err(|e: ColumnsError| bad(&e));
    while let Some(rows) = next()? {
        sink(guarded(|| decoded(table, &rows).map_err(Failed)).map_err(|Failed(e)| e)?)?;
    }
    Ok(problems)
}

/// Whether a column is taken, also as one of several that make one: `Events.Name`.
fn is_known(table: Table, name: &str) -> bool {
    let head = name.split('.').next().unwrap_or(name);
    let of_ours = schema::stored(table).column_with_name(head).is_some() || head.starts_with(schema::PROMOTED);
    of_ours || (head == "MetricKind") || (head == "Count" && table == Table::Gauge) || (name == "Timestamp")
}

fn renamed(rows: &RecordBatch, table: Table) -> RecordBatch {
    let time = table.time_column();
    if rows.column_by_name(time).is_some() {
        return rows.clone();
    }
    let fields: Vec<_> = rows
        .schema()
        .fields()
        .iter()
        .map(|f| if f.name() == "Timestamp" { Arc::new(f.as_ref().clone().with_name(time)) } else { f.clone() })
        .collect();
    let schema: SchemaRef = Arc::new(Schema::new(fields));
    RecordBatch::try_new(schema, rows.columns().to_vec()).unwrap_or_else(|_same| rows.clone())
}

/// Rows with a reason for those that can't be taken.
fn decoded(table: Table, rows: &RecordBatch) -> Result<Decoded, DecodeError> {
    let mut decoded = Decoded::default();
    let rows = renamed(rows, table);
    let n = rows.num_rows() as u64;
    decoded.counts_mut(table.signal()).received += n;
    // Our own exports of points hold all kinds in one, distributions without their buckets.
    let kinds = rows.column_by_name("MetricKind").map(|k| cast(k, &DataType::Utf8)).transpose().map_err(|e| bad(&e))?;
    let Some(kinds) = kinds else {
        push(&mut decoded, table, &rows)?;
        return Ok(decoded);
    };
    let kinds = kinds.as_string::<i32>();
    for (name, table) in [("gauge", Table::Gauge), ("sum", Table::Sum)] {
        let of_kind: BooleanArray = kinds.iter().map(|k| Some(k == Some(name))).collect();
        push(&mut decoded, table, &filter_record_batch(&rows, &of_kind).map_err(|e| bad(&e))?)?;
    }
    let n_others = kinds.iter().filter(|k| !matches!(k, Some("gauge" | "sum"))).count() as u64;
    if n_others > 0 {
        decoded.counts_mut(table.signal()).rejected.add("distribution_without_buckets", n_others);
    }
    Ok(decoded)
}

fn push(decoded: &mut Decoded, table: Table, rows: &RecordBatch) -> Result<(), DecodeError> {
    let Some(times) = rows.column_by_name(table.time_column()) else {
        return Err(DecodeError::Format(format!("it has no column {}", table.time_column())));
    };
    let mut rows = rows.clone();
    let n_without = times.null_count();
    if n_without > 0 {
        let with = is_not_null(times).map_err(|e| bad(&e))?;
        rows = filter_record_batch(&rows, &with).map_err(|e| bad(&e))?;
        decoded.counts_mut(table.signal()).rejected.add("missing_time", n_without as u64);
    }
    if rows.num_rows() == 0 {
        return Ok(());
    }
    let arrived = sextant_columns::arrived(table, &rows).map_err(|e| DecodeError::Format(e.to_string()))?;
    decoded.batches.push(Batch { table, rows: in_our_words(&arrived)? });
    Ok(())
}

/// Kinds and statuses as we write them, ids in small letters, the service where only its resource names it.
fn in_our_words(rows: &RecordBatch) -> Result<RecordBatch, DecodeError> {
    let schema = rows.schema();
    let mut columns = rows.columns().to_vec();
    for (i, field) in schema.fields().iter().enumerate() {
        let texts = |f: &dyn Fn(&str) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(
                columns[i].as_string::<i32>().iter().map(|t| f(t.unwrap_or_default())),
            ))
        };
        columns[i] = match field.name().as_str() {
            "SpanKind" => texts(&|t| word(t, "SPAN_KIND_")),
            "StatusCode" => texts(&|t| word(t, "STATUS_CODE_")),
            "TraceId" | "SpanId" | "ParentSpanId" => texts(&|t| t.to_ascii_lowercase()),
            "ServiceName" => services(columns[i].as_string::<i32>(), rows.column_by_name("ResourceAttributes")),
            _ => continue,
        };
    }
    RecordBatch::try_new(schema, columns).map_err(|e| bad(&e))
}

/// `SPAN_KIND_SERVER` as `Server`.
fn word(text: &str, before: &str) -> String {
    let Some(rest) = text.strip_prefix(before) else { return text.to_owned() };
    let mut letters = rest.chars();
    letters.next().map_or_else(String::new, |first| format!("{first}{}", letters.as_str().to_ascii_lowercase()))
}

fn services(names: &StringArray, resources: Option<&ArrayRef>) -> ArrayRef {
    let resources = resources.and_then(|r| r.as_map_opt());
    let of_resource = |row: usize| -> Option<String> {
        let entries = resources?.value(row);
        let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1).as_string::<i32>());
        (0..keys.len()).find(|i| keys.value(*i) == "service.name").map(|i| values.value(i).to_owned())
    };
    let of = |row: usize| match names.value(row) {
        "" => of_resource(row).unwrap_or_default(),
        name => name.to_owned(),
    };
    Arc::new(StringArray::from_iter_values((0..names.len()).map(of)))
}
