//! Turning the hot rows of an epoch into segments.

use crate::bucket::Bucket;
use crate::hot::HotEpoch;
use crate::ledger::Ledger;
use crate::manifest::Sealed;
use crate::resend::{RowHash, Seen, Sidecar};
use crate::snapshot::Segment;
use crate::state::{Shared, lock};
use crate::{StoreError, files, wal};
use arrow::array::{Array, AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::TimestampNanosecondType;
use sextant_columns::{Compression, SegmentFooter, WriteOptions, sorted, write_index, write_parquet};
use sextant_model::Table;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufWriter, Read};
use std::path::Path;
use std::sync::OnceLock;
use ulid::Ulid;
use xxhash_rust::xxh3::Xxh3;

/// More services than this in a segment are not listed.
const MAX_SERVICES: usize = 256;

/// An epoch whose log file is complete.
#[derive(Default)]
pub(crate) struct Closed {
    pub hot: HotEpoch,
    pub ledger: Ledger,
    /// Hashes of its rows.
    pub rows: Vec<RowHash>,
    /// Its requests, for recognising them when they come again.
    pub requests: Vec<(u128, Seen)>,
}

/// Writes the epoch's segments, registers them and lets its log go. After a failure the log stays and the rows stay
/// hot: the next start seals them.
pub(crate) fn seal(shared: &Shared, closed: &Closed) -> Result<(), StoreError> {
    let epoch = closed.hot.epoch;
    let mut segments = Vec::new();
    for table in Table::ALL {
        let batches: Vec<RecordBatch> = closed.hot.table(table).batches().cloned().collect();
        if batches.is_empty() {
            continue;
        }
        let rows = sorted(table, &batches)?;
        for ((project, bucket), positions) in parts(table, &rows)? {
            let part = if positions.len() == rows.num_rows() {
                rows.clone()
            } else {
                take_record_batch(&rows, &UInt32Array::from(positions)).map_err(sextant_columns::ColumnsError::from)?
            };
            segments.push(write_segment(shared, epoch, table, &project, bucket, &part)?);
        }
    }
    let (services, n_services) = {
        let services = lock(&shared.services);
        (services.unsaved().to_vec(), services.len())
    };
    let senders = lock(&shared.senders).unsaved();
    if !closed.rows.is_empty() {
        Sidecar::new(&shared.layout.resend, shared.config.durability).append(&closed.rows)?;
    }
    let sealed = Sealed {
        epoch,
        segments: &segments,
        ledger: &closed.ledger,
        services: &services,
        senders: &senders,
        requests: &closed.requests,
    };
    lock(&shared.manifest).register(&sealed, &shared.layout.dir)?;
    lock(&shared.services).set_saved(n_services);
    lock(&shared.senders).set_saved(&senders);
    shared.publish_sealed(epoch, segments);
    let path = wal::path(&shared.layout.wal, epoch);
    if let Err(e) = std::fs::remove_file(&path) {
        // It is covered: the next start removes it.
        tracing::warn!(path = %path.display(), "a log file that is not needed any more stays: {e}");
    }
    Ok(())
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::Columns(sextant_columns::ColumnsError::Damaged { kind: "segment", what })
}

/// Which rows go to which project and bucket, in the order of the rows.
fn parts(table: Table, rows: &RecordBatch) -> Result<BTreeMap<(String, Bucket), Vec<u32>>, StoreError> {
    let time = |name: &str| {
        let column = rows.column_by_name(name).and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
        column.ok_or(damaged("a time column is missing"))
    };
    let (times, received) = (time(table.time_column())?, time("ReceivedAt")?);
    let projects = rows.column_by_name("ProjectId").and_then(|c| c.as_string_opt::<i32>());
    let projects = projects.ok_or(damaged("ProjectId is missing"))?;
    let mut parts: BTreeMap<(String, Bucket), Vec<u32>> = BTreeMap::new();
    let mut last: Option<((&str, Bucket), Vec<u32>)> = None;
    for row in 0..rows.num_rows() {
        let key = (projects.value(row), Bucket::of(times.value(row), received.value(row)));
        match &mut last {
            Some((k, positions)) if *k == key => positions.push(row as u32),
            _ => {
                if let Some(((project, bucket), positions)) = last.replace((key, vec![row as u32])) {
                    parts.entry((project.to_owned(), bucket)).or_default().extend(positions);
                }
            }
        }
    }
    if let Some(((project, bucket), positions)) = last {
        parts.entry((project.to_owned(), bucket)).or_default().extend(positions);
    }
    Ok(parts)
}

/// Distinct services, unless they are too many.
fn services(rows: &RecordBatch) -> Option<Vec<String>> {
    let column = rows.column_by_name("ServiceName")?.as_string_opt::<i32>()?;
    let mut names = BTreeSet::new();
    for row in 0..column.len() {
        if row > 0 && column.value(row) == column.value(row - 1) {
            continue;
        }
        names.insert(column.value(row));
        if names.len() > MAX_SERVICES {
            return None;
        }
    }
    Some(names.into_iter().map(str::to_owned).collect())
}

fn write_segment(
    shared: &Shared,
    epoch: u64,
    table: Table,
    project: &str,
    bucket: Bucket,
    rows: &RecordBatch,
) -> Result<Segment, StoreError> {
    let times = rows
        .column_by_name(table.time_column())
        .and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>())
        .ok_or(damaged("a time column is missing"))?;
    let times = times.values().iter().fold((i64::MAX, i64::MIN), |(a, b), t| (a.min(*t), b.max(*t)));
    let folder = shared.layout.segments.join(project).join(table.name()).join(bucket.folder());
    files::create_dirs(&folder)?;
    let id = Ulid::generate().to_string().to_lowercase();
    let path = folder.join(format!("{id}.parquet"));
    let footer = SegmentFooter {
        table,
        project: project.to_owned(),
        epoch,
        bucket: bucket.name(),
        n_rows: rows.num_rows() as u64,
        times,
    };
    let options = WriteOptions { compression: Compression::Hot, footer };
    if matches!(table, Table::Traces | Table::Logs) {
        files::put(&shared.layout.tmp, &path.with_extension("idx"), |file| {
            let mut out = BufWriter::new(file);
            write_index(&mut out, rows)?;
            out.into_inner().map_err(|e| StoreError::file("write", &path)(e.into_error()))
        })?;
    }
    files::put(&shared.layout.tmp, &path, |file| Ok(write_parquet(file, rows, &options)?))?;
    files::sync_dir(&folder)?;
    let n_bytes = path.metadata().map_err(StoreError::file("read", &path))?.len();
    Ok(Segment {
        id,
        project: project.to_owned(),
        table,
        bucket: options.footer.bucket,
        checksum: checksum(&path)?,
        path,
        n_rows: rows.num_rows() as u64,
        n_bytes,
        times,
        services: services(rows),
        epoch,
        index: OnceLock::new(),
    })
}

fn checksum(path: &Path) -> Result<u64, StoreError> {
    let mut file = File::open(path).map_err(StoreError::file("open", path))?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(StoreError::file("read", path))? {
            0 => return Ok(hash.digest()),
            n => hash.update(&buffer[..n]),
        }
    }
}
