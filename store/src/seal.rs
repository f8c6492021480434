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
use arrow::array::{AsArray, RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::TimestampNanosecondType;
use sextant_columns::sorted;
use sextant_model::Table;
use std::collections::BTreeMap;

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
        *made = Some(write_segments(shared, closed)?);
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

fn write_segments(shared: &Shared, closed: &Closed) -> Result<Vec<Segment>, StoreError> {
    let mut made = Made::new(shared);
    for table in Table::ALL {
        let batches: Vec<RecordBatch> = closed.hot.table(table).batches().cloned().collect();
        if batches.is_empty() {
            continue;
        }
        let rows = sorted(table, &batches)?;
        for ((project, bucket), positions) in coarse(parts(table, &rows)?) {
            let part = if positions.len() == rows.num_rows() {
                rows.clone()
            } else {
                take_record_batch(&rows, &UInt32Array::from(positions)).map_err(sextant_columns::ColumnsError::from)?
            };
            let place = Place { project, table, bucket, tier: Tier::Hot, epoch: closed.hot.epoch };
            let mut making = Making::new(shared, &shared.layout.segments, place, part.num_rows() as u64)?;
            making.write(&part)?;
            made.segments.push(making.finish(None)?);
        }
    }
    Ok(made.take())
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
fn parts(table: Table, rows: &RecordBatch) -> Result<Parts, StoreError> {
    let time = |name: &str| {
        let column = rows.column_by_name(name).and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
        column.ok_or(damaged("a time column is missing"))
    };
    let (times, received) = (time(table.time_column())?, time("ReceivedAt")?);
    let projects = rows.column_by_name("ProjectId").and_then(|c| c.as_string_opt::<i32>());
    let projects = projects.ok_or(damaged("ProjectId is missing"))?;
    let mut parts = Parts::new();
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
