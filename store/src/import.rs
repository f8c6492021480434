//! Imports: what is taken in is held against everything that is stored.

use crate::engine::Repeat;
use crate::ingest::{Acked, Ingest, with_added};
use crate::resend::{ExactCheck, RowHash, is_identified};
use crate::{Store, StoreError};
use arrow::array::BooleanArray;
use arrow::compute::filter_record_batch;
use sextant_model::Batch;
use std::sync::mpsc::channel;

/// An import under way.
pub struct Import<'a> {
    store: &'a Store,
    check: ExactCheck,
}

impl Store {
    /// Begins an import: its batches are held against everything that is stored.
    pub fn import(&self) -> Import<'_> {
        Import { store: self, check: ExactCheck::default() }
    }
}

impl Import<'_> {
    /// Takes what is not stored yet, and waits until it is durable and visible.
    pub fn ingest(&mut self, mut ingest: Ingest) -> Result<Acked, StoreError> {
        self.leave_out_known(&mut ingest)?;
        // What came lately may be in memory still, or have left the store since: by a policy, or put aside as damaged.
        let mut gone = self.remembered(&ingest)?;
        if !gone.is_empty() {
            self.store.flush()?;
            if self.leave_out_known(&mut ingest)? > 0 {
                gone = self.remembered(&ingest)?;
            }
        }
        self.take_again(&mut ingest);
        let (tell, told) = channel();
        // The caller waits below, so the channel is open.
        let acked = Box::new(move |result| drop(tell.send(result)));
        self.store.ingest_as(ingest, Repeat::Gone(gone), acked)?;
        told.recv().ok().unwrap_or(Err(StoreError::Closing))
    }

    /// Leaves out and counts rows that are in segments; how many.
    fn leave_out_known(&mut self, ingest: &mut Ingest) -> Result<usize, StoreError> {
        let snapshot = self.store.snapshot();
        let mut n_all = 0;
        for i in 0..ingest.batches.len() {
            let batch = &ingest.batches[i];
            let table = batch.table;
            let known = self.check.known(&snapshot, &ingest.project, table, &batch.rows)?;
            let n = known.iter().filter(|k| **k).count();
            if n > 0 {
                let keep: BooleanArray = known.iter().map(|k| Some(!k)).collect();
                let kept = filter_record_batch(&batch.rows, &keep);
                ingest.batches[i].rows = kept.map_err(sextant_columns::ColumnsError::from)?;
                ingest.leave_out(table, n);
                n_all += n;
            }
        }
        Ok(n_all)
    }

    /// If this came within the hour and some of it is not there any more, that is taken again; log records, which can't be
    /// told apart, are not.
    fn take_again(&self, ingest: &mut Ingest) {
        let is_known = ingest.request.as_ref().is_some_and(|key| self.store.is_known(key, ingest.received_at));
        let is_left = |b: &Batch| is_identified(b.table) && b.rows.num_rows() > 0;
        if !is_known || !ingest.batches.iter().any(is_left) {
            return;
        }
        ingest.request = None;
        let batches = std::mem::take(&mut ingest.batches);
        for batch in batches {
            if is_identified(batch.table) {
                ingest.batches.push(batch);
            } else {
                ingest.leave_out(batch.table, batch.rows.num_rows());
            }
        }
    }

    /// Rows that came lately, as far as that is remembered.
    fn remembered(&self, ingest: &Ingest) -> Result<Vec<RowHash>, StoreError> {
        let hashes: Vec<RowHash> = with_added(ingest, 0)?.into_iter().flat_map(|rows| rows.hashes).collect();
        let known = self.store.remembered(hashes.clone())?;
        Ok(hashes.into_iter().zip(known).filter(|(_, known)| *known).map(|(hash, _)| hash).collect())
    }
}
