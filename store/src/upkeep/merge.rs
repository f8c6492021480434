//! Laying segments together, and writing them anew without some of their rows.

use super::plan::{FULL_BYTES, FULL_ROWS, Job};
use super::progress::Progress;
use crate::StoreError;
use crate::manifest::Replacement;
use crate::segment::{Made, Making, Place};
use crate::snapshot::{Segment, Tier};
use crate::state::{Shared, lock};
use arrow::array::RecordBatch;
use sextant_columns::{ColumnsError, Replaces, batches, keys_in, merged, to_promote};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use ulid::Ulid;

/// Rows that are read at once from each of several streams.
const BATCH_ROWS: usize = 1_024;

/// The new files of a change: cut to size, and gone again if the change comes to nothing.
pub(super) struct Output<'a> {
    shared: &'a Shared,
    root: PathBuf,
    place: Place,
    replaces: Replaces,
    n_rows: u64,
    promoted: Vec<String>,
    making: Option<Making<'a>>,
    made: Made<'a>,
}

impl<'a> Output<'a> {
    /// For about `n_rows` rows that take the place of `gone`.
    pub fn new(
        shared: &'a Shared,
        root: &Path,
        place: Place,
        gone: &[Arc<Segment>],
        n_rows: u64,
    ) -> Result<Self, StoreError> {
        let mut promoted = Vec::new();
        if place.tier != Tier::Hot && shared.config.is_compressed {
            let mut present = BTreeSet::new();
            for segment in gone {
                present.append(&mut keys_in(&segment.path, place.table)?);
            }
            promoted = to_promote(&present, &lock(&shared.asked).first());
        }
        let replaces = Replaces {
            segments: gone.iter().map(|s| s.id.clone()).collect(),
            job: Ulid::generate().to_string().to_lowercase(),
            ..Replaces::default()
        };
        let made = Made::new(shared);
        Ok(Self { shared, root: root.to_owned(), place, replaces, n_rows, promoted, making: None, made })
    }

    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), StoreError> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let is_full = |m: &Making<'_>| m.n_bytes() as u64 >= FULL_BYTES || m.n_rows() >= FULL_ROWS;
        if self.making.as_ref().is_some_and(is_full) {
            self.end_file(false)?;
        }
        let making = match &mut self.making {
            Some(making) => making,
            none => {
                let n_rows = self.n_rows.min(FULL_ROWS);
                none.insert(Making::new(self.shared, &self.root, self.place.clone(), n_rows, &self.promoted)?)
            }
        };
        making.write(rows)
    }

    fn end_file(&mut self, is_last: bool) -> Result<(), StoreError> {
        if let Some(making) = self.making.take() {
            let part = self.made.segments.len() as u32;
            self.made.segments.push(making.finish(Some(Replaces { part, is_last, ..self.replaces.clone() }))?);
        }
        Ok(())
    }

    /// The new segments.
    pub fn finish(mut self) -> Result<Made<'a>, StoreError> {
        self.end_file(true)?;
        Ok(self.made)
    }
}

/// Bytes before and after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Merged {
    /// Segments that were replaced.
    pub n_segments: u64,
    /// Segments that took their place.
    pub n_made: u64,
    /// Bytes of those that were replaced.
    pub bytes_before: u64,
    /// Bytes of those that took their place.
    pub bytes_after: u64,
}

/// Checks that the inputs are what was written, so that damage is not written anew under a right checksum.
pub(super) fn check(inputs: &[Arc<Segment>]) -> Result<(), StoreError> {
    for s in inputs {
        if let Some(why) = s.trouble() {
            return Err(StoreError::Damaged(why));
        }
        if !s.verify()? {
            return Err(StoreError::Damaged(s.set_damaged().why));
        }
    }
    Ok(())
}

/// Carries out a job.
pub(super) fn merge(shared: &Shared, job: &Job, progress: &Progress) -> Result<Merged, StoreError> {
    let Some(first) = job.inputs.first() else { return Ok(Merged::default()) };
    check(&job.inputs)?;
    let place = Place {
        project: first.project.clone(),
        table: first.table,
        bucket: job.bucket,
        tier: Tier::Merged,
        epoch: job.inputs.iter().map(|s| s.epoch).max().unwrap_or_default(),
    };
    let n_rows = job.inputs.iter().map(|s| s.n_rows).sum();
    let mut output = Output::new(shared, &shared.layout.segments, place, &job.inputs, n_rows)?;
    for group in job.groups() {
        let mut sources = Vec::with_capacity(group.len());
        for s in &group {
            sources.push(batches(&s.path, s.table, BATCH_ROWS)?);
        }
        let mut n_done = 0;
        merged(first.table, sources, |rows| {
            if shared.is_closing.load(Ordering::Acquire) {
                return Err(StoreError::Closing);
            }
            n_done += rows.num_rows() as u64;
            progress.step(shared, rows.num_rows() as u64);
            output.write(rows)
        })?;
        let expected: u64 = group.iter().map(|s| s.n_rows).sum();
        if n_done != expected {
            return Err(StoreError::Columns(ColumnsError::Damaged { kind: "segment", what: "rows are missing" }));
        }
    }
    let made = output.finish()?;
    let merged = Merged {
        n_segments: job.inputs.len() as u64,
        n_made: made.segments.len() as u64,
        bytes_before: job.n_bytes(),
        bytes_after: made.segments.iter().map(|s| s.n_bytes).sum(),
    };
    made.put(Replacement { gone: &job.inputs, ..Replacement::default() })?;
    Ok(merged)
}
