//! Turning the hot rows of an epoch into segments.

use crate::bucket::{Bucket, COARSER, Coarser};
use crate::hot::HotEpoch;
use crate::ledger::Ledger;
use crate::manifest::Sealed;
use crate::resend::{RowHash, Seen};
use crate::segment::{Made, Making, Place};
use crate::snapshot::{Segment, Tier};
use crate::state::{Shared, lock};
use crate::{StoreError, wal};
use arrow::array::{AsArray, RecordBatch, StringArray, TimestampNanosecondArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::TimestampNanosecondType;
use sextant_columns::{Replaces, sorted};
use sextant_model::Table;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Receiver;

/// Rows of more days than this go by months, of more months by years: an epoch makes few files, whatever it holds.
const MAX_PLACES: usize = 40;

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
/// hot; `made` keeps what was written already, because whether the manifest names it may not be known.
pub(crate) fn seal(shared: &Shared, closed: &Closed, made: &mut Option<Vec<Segment>>) -> Result<(), StoreError> {
    let epoch = closed.hot.epoch;
    if made.is_none() {
        if !closed.rows.is_empty() {
            lock(&shared.sidecar).append(&closed.rows)?;
        }
        let mut files = Made::new(shared);
        write_segments(shared, &closed.hot, &mut files.segments, &mut || None)?;
        *made = Some(files.take());
    }
    let segments = made.as_deref().unwrap_or_default();
    let (services, n_services) = {
        let services = lock(&shared.services);
        (services.unsaved().to_vec(), services.len())
    };
    let senders = lock(&shared.senders).unsaved();
    let sealed = Sealed {
        epoch,
        segments,
        ledger: &closed.ledger,
        services: &services,
        senders: &senders,
        requests: &closed.requests,
    };
    lock(&shared.manifest).register(&sealed, &shared.layout.dir)?;
    lock(&shared.services).set_saved(n_services);
    lock(&shared.senders).set_saved(&senders);
    shared.publish_sealed(epoch, made.take().unwrap_or_default());
    let path = wal::path(&shared.layout.wal, epoch);
    if let Err(e) = shared.disk.remove(&path) {
        // It is covered: the next start removes it.
        tracing::warn!(path = %path.display(), "a log file that is not needed any more stays: {e}");
    }
    Ok(())
}

/// Lays rows into files; `part` says what each is to take the place of.
pub(crate) fn write_segments(
    shared: &Shared,
    hot: &HotEpoch,
    made: &mut Vec<Segment>,
    part: &mut dyn FnMut() -> Option<Replaces>,
) -> Result<(), StoreError> {
    for table in Table::ALL {
        let batches: Vec<RecordBatch> = hot.table(table).batches().cloned().collect();
        if batches.is_empty() {
            continue;
        }
        for ((project, bucket), parts) in laid_out(table, &batches)? {
            let place = Place { project, table, bucket, tier: Tier::Hot, epoch: hot.epoch };
            let n_rows = parts.iter().map(|p| p.num_rows() as u64).sum();
            let mut making = Making::new(shared, &shared.layout.segments, place, n_rows, &[])?;
            for part in parts {
                making.write(&part)?;
            }
            made.push(making.finish(part())?);
        }
    }
    Ok(())
}

/// Runs of rows as long as this are written as they lie; shorter ones are brought into order row by row.
const LONG_RUN: usize = 64;

/// What goes into each segment, in the order in which it is written: by service and, about, by time.
///
/// Senders collect before they send, so rows of a service mostly come in long runs. Those are laid one after the other
/// as they are: ordering single rows by time would copy every row twice more and order little that is not in order.
fn laid_out(table: Table, batches: &[RecordBatch]) -> Result<BTreeMap<(String, Bucket), Vec<RecordBatch>>, StoreError> {
    let mut parts: BTreeMap<(String, Bucket), Vec<RecordBatch>> = BTreeMap::new();
    let runs = runs(table, batches)?;
    let n_rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let places: BTreeSet<(&str, Bucket)> = runs.iter().map(|r| (r.project, r.bucket)).collect();
    if n_rows >= LONG_RUN * runs.len() && places.len() <= MAX_PLACES {
        let mut runs = runs;
        runs.sort_by_key(|r| (r.service, r.time));
        for r in runs {
            let slice = batches[r.batch].slice(r.rows.start, r.rows.len());
            parts.entry((r.project.to_owned(), r.bucket)).or_default().push(slice);
        }
        return Ok(parts);
    }
    let rows = sorted(table, batches)?;
    for (place, positions) in coarse(by_place(table, &rows)?) {
        let part = take_record_batch(&rows, &UInt32Array::from(positions));
        parts.insert(place, vec![part.map_err(sextant_columns::ColumnsError::from)?]);
    }
    Ok(parts)
}

/// Rows of a batch that follow each other and go to the same place.
struct Run<'a> {
    project: &'a str,
    bucket: Bucket,
    service: &'a str,
    time: i64,
    batch: usize,
    rows: Range<usize>,
}

fn runs(table: Table, batches: &[RecordBatch]) -> Result<Vec<Run<'_>>, StoreError> {
    let mut runs: Vec<Run<'_>> = Vec::new();
    for (batch, rows) in batches.iter().enumerate() {
        let columns = Columns::of(table, rows)?;
        for row in 0..rows.num_rows() {
            let (project, bucket) = columns.place(row);
            let service = columns.services.value(row);
            match runs.last_mut() {
                Some(r) if r.batch == batch && r.bucket == bucket && r.service == service && r.project == project => {
                    r.rows.end = row + 1;
                }
                _ => {
                    let time = columns.times.value(row);
                    runs.push(Run { project, bucket, service, time, batch, rows: row..row + 1 });
                }
            }
        }
    }
    Ok(runs)
}

/// The columns that say where a row goes.
struct Columns<'a> {
    projects: &'a StringArray,
    services: &'a StringArray,
    times: &'a TimestampNanosecondArray,
    received: &'a TimestampNanosecondArray,
}

impl<'a> Columns<'a> {
    fn of(table: Table, rows: &'a RecordBatch) -> Result<Self, StoreError> {
        let text = |name: &str| rows.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
        let time = |name: &str| {
            let column = rows.column_by_name(name).and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
            column.ok_or(damaged("a time column is missing"))
        };
        Ok(Self {
            projects: text("ProjectId").ok_or(damaged("ProjectId is missing"))?,
            services: text("ServiceName").ok_or(damaged("ServiceName is missing"))?,
            times: time(table.time_column())?,
            received: time("ReceivedAt")?,
        })
    }

    fn place(&self, row: usize) -> (&'a str, Bucket) {
        (self.projects.value(row), Bucket::of(self.times.value(row), self.received.value(row)))
    }
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::Columns(sextant_columns::ColumnsError::Damaged { kind: "segment", what })
}

/// Rows by project and bucket.
type Parts = BTreeMap<(String, Bucket), Vec<u32>>;

/// The same rows in not too many buckets.
fn coarse(mut parts: Parts) -> Parts {
    for Coarser { is_one, of } in COARSER {
        if parts.keys().filter(|(_, bucket)| is_one(*bucket)).count() <= MAX_PLACES {
            continue;
        }
        let mut next = Parts::new();
        for ((project, bucket), positions) in parts {
            let bucket = bucket.start().filter(|_| is_one(bucket)).map_or(bucket, of);
            next.entry((project, bucket)).or_default().extend(positions);
        }
        // Back into the order of the rows.
        for positions in next.values_mut() {
            positions.sort_unstable();
        }
        parts = next;
    }
    parts
}

/// Which rows go to which project and bucket, in the order of the rows.
fn by_place(table: Table, rows: &RecordBatch) -> Result<Parts, StoreError> {
    let columns = Columns::of(table, rows)?;
    let mut parts = Parts::new();
    let mut last: Option<((&str, Bucket), Vec<u32>)> = None;
    for row in 0..rows.num_rows() {
        let key = columns.place(row);
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

const NOT_SEALED: &str = "rows could not be laid into files, and stay in the log";

/// Seals epochs as they come, each until it is sealed.
pub(crate) fn run(shared: &Shared, queue: &Receiver<Closed>) {
    while let Ok(closed) = queue.recv() {
        let mut made = None;
        while let Err(e) = seal(shared, &closed, &mut made) {
            shared.problem(NOT_SEALED, &e);
            shared.is_sealing_stuck.store(true, Ordering::Release);
            if shared.is_closing.load(Ordering::Acquire) {
                break;
            }
            std::thread::sleep(shared.config.retry);
        }
        if made.is_none() {
            shared.solved(NOT_SEALED);
            shared.is_sealing_stuck.store(false, Ordering::Release);
        }
    }
    // What registers nothing any more can be synced once more.
    drop(shared.disk.sync_dir(&shared.layout.wal));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::DAY_NANOS;

    #[test]
    fn rows_of_many_days_make_few_files() {
        let rows = |n_days: i64| {
            let day =
                |i: i64| (("default".to_owned(), Bucket::Day(i * DAY_NANOS)), vec![i as u32, (n_days + i) as u32]);
            (0..n_days).map(day).collect::<Parts>()
        };
        assert_eq!(coarse(rows(40)).len(), 40);
        assert_eq!(coarse(rows(41)).keys().map(|k| k.1.name()).collect::<Vec<_>>(), ["1970-01", "1970-02"]);
        let years = coarse(rows(20_000));
        assert_eq!(years.len(), 55);
        assert_eq!(years.values().map(Vec::len).sum::<usize>(), 40_000);
        assert!(years.values().all(|positions| positions.is_sorted()));
    }
}
