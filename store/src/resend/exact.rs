//! Holding rows against everything that is stored: for imports, which may bring back what came long ago.

use super::rows::{RECORD_COLUMNS, RowHash, hashes, is_identified, key_columns, record_hashes};
use crate::StoreError;
use crate::origin::Receipts;
use crate::snapshot::{Segment, Snapshot};
use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use sextant_model::{Prune, Table, TimeRange, UnixNanos};
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

/// Hashes that are kept from one batch of an import to the next: about 150 MB at the most.
const MAX_CACHED: usize = 8_000_000;

/// What an import has learned about the segments that its rows might be in already.
#[derive(Debug, Default)]
pub(crate) struct ExactCheck {
    points: HashMap<String, Arc<HashSet<RowHash>>>,
    n_cached: usize,
    /// Log records of a sender, and how often each is there and was not met yet.
    records: HashMap<RowHash, u32>,
    /// The segments that they are from.
    recorded: HashSet<String>,
}

impl ExactCheck {
    /// Which of `rows` are stored in `project` already.
    pub fn known(
        &mut self,
        snapshot: &Snapshot,
        project: &str,
        table: Table,
        rows: &RecordBatch,
    ) -> Result<Vec<bool>, StoreError> {
        let mut known = vec![false; rows.num_rows()];
        if !is_identified(table) {
            return Ok(known);
        }
        let wanted = hashes(table, rows);
        for segment in of_their_time(snapshot, project, table, rows)? {
            let there = match table {
                Table::Traces => Arc::new(spans_of(&segment, rows)?),
                _ => self.points_of(&segment)?,
            };
            for (known, hash) in known.iter_mut().zip(&wanted) {
                *known |= there.contains(hash);
            }
        }
        Ok(known)
    }

    /// The same, and of log records those that came from this sender before, each as often as it is there.
    pub fn known_of(
        &mut self,
        snapshot: &Snapshot,
        project: &str,
        table: Table,
        rows: &RecordBatch,
        sender: u16,
    ) -> Result<Vec<bool>, StoreError> {
        if is_identified(table) {
            return self.known(snapshot, project, table, rows);
        }
        for segment in of_their_time(snapshot, project, table, rows)? {
            if !self.recorded.insert(segment.id.clone()) {
                continue;
            }
            let columns: Vec<&str> = RECORD_COLUMNS.into_iter().chain(["IngestId", "ReceivedAt"]).collect();
            for rows in sextant_columns::read_columns(&segment.path, &columns, None)? {
                let rows = rows?;
                let Some(receipts) = Receipts::of(&rows) else { continue };
                for (row, hash) in record_hashes(&rows).into_iter().enumerate() {
                    if receipts.sender(row) == Some(sender) {
                        *self.records.entry(hash).or_default() += 1;
                    }
                }
            }
        }
        if self.records.is_empty() {
            return Ok(vec![false; rows.num_rows()]);
        }
        let mut is_there = |hash: RowHash| match self.records.get_mut(&hash) {
            Some(left @ 1..) => {
                *left -= 1;
                true
            }
            _ => false,
        };
        Ok(record_hashes(rows).into_iter().map(&mut is_there).collect())
    }

    /// Log records that come from here on have other times.
    pub fn forget_records(&mut self) {
        self.records.clear();
        self.recorded.clear();
    }

    fn points_of(&mut self, segment: &Segment) -> Result<Arc<HashSet<RowHash>>, StoreError> {
        if let Some(known) = self.points.get(&segment.id) {
            return Ok(known.clone());
        }
        let known = Arc::new(read(segment, key_columns(segment.table), None)?);
        if self.n_cached + known.len() > MAX_CACHED {
            self.points.clear();
            self.n_cached = 0;
        }
        self.n_cached += known.len();
        self.points.insert(segment.id.clone(), known.clone());
        Ok(known)
    }
}

/// The segments of a project that can hold one of these rows: the same row has the same time.
fn of_their_time(
    snapshot: &Snapshot,
    project: &str,
    table: Table,
    rows: &RecordBatch,
) -> Result<Vec<Arc<Segment>>, StoreError> {
    let Some((first, last)) = times_of(table, rows) else { return Ok(Vec::new()) };
    let range = TimeRange { from: Some(UnixNanos(first)), to: last.checked_add(1).map(UnixNanos) };
    let pruned = snapshot.pruned(table, &Prune::within(range));
    if let Some(away) = pruned.missing.iter().find(|m| !m.is_damage) {
        // What is in there can't be told from what is new.
        return Err(StoreError::Damaged(format!("{}; nothing is imported while that is so", away.why)));
    }
    Ok(pruned.segments.into_iter().map(|c| c.segment).filter(|s| s.project == project).collect())
}

/// First and last time of rows.
pub(crate) fn times_of(table: Table, rows: &RecordBatch) -> Option<(i64, i64)> {
    let times = rows.column_by_name(table.time_column())?.as_primitive_opt::<TimestampNanosecondType>()?;
    Some((times.values().iter().copied().min()?, times.values().iter().copied().max()?))
}

/// The hashes of a segment's rows, as the log thread knows them, where they can be told apart.
pub(crate) fn hashes_in(segment: &Segment) -> Result<HashSet<RowHash>, StoreError> {
    if !is_identified(segment.table) {
        return Ok(HashSet::new());
    }
    let columns: Vec<&str> = key_columns(segment.table).iter().copied().chain(["ProjectId"]).collect();
    read(segment, &columns, None)
}

fn read(segment: &Segment, columns: &[&str], rows: Option<&[Range<u32>]>) -> Result<HashSet<RowHash>, StoreError> {
    let batches = sextant_columns::read_columns(&segment.path, columns, rows)?;
    let mut known = HashSet::new();
    for rows in batches {
        known.extend(hashes(segment.table, &rows?).into_iter().filter(|h| !h.is_none()));
    }
    Ok(known)
}

/// The spans of those traces in `rows` that the segment has spans of.
fn spans_of(segment: &Segment, rows: &RecordBatch) -> Result<HashSet<RowHash>, StoreError> {
    let Some(index) = segment.trace_index() else { return read(segment, key_columns(segment.table), None) };
    let Some(ids) = rows.column_by_name("TraceId").and_then(|c| c.as_string_opt::<i32>()) else {
        return Ok(HashSet::new());
    };
    let mut traces: Vec<_> = (0..ids.len()).filter_map(|row| ids.value(row).parse().ok()).collect();
    traces.sort_unstable();
    traces.dedup();
    let rows = index.rows_of_any(&traces)?;
    if rows.is_empty() { Ok(HashSet::new()) } else { read(segment, key_columns(segment.table), Some(&rows)) }
}
