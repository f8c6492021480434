//! Rows as they become visible, for those who look on: a search runs over each handful of them alone.

use crate::StoreError;
use crate::duck::{Answer, Limits};
use crate::engine::Store;
use crate::hot::HotEpoch;
use crate::snapshot::Snapshot;
use crate::state::lock;
use arrow::array::RecordBatch;
use sextant_model::{Prune, Sql, Table};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Bytes of rows that wait for somebody who is slow; further ones are lost to that one, and counted.
const MAX_WAITING_BYTES: usize = 32 << 20;
/// Batches that are looked at together.
const MAX_TOGETHER: usize = 256;

/// What both ends of a tail count.
#[derive(Debug, Default)]
struct Counts {
    waiting_bytes: AtomicUsize,
    n_lost: AtomicU64,
}

/// The other end of a [`Tail`].
pub(crate) struct Looker {
    table: Table,
    to: Sender<RecordBatch>,
    counts: Arc<Counts>,
}

impl Looker {
    /// Hands on rows of its table; false once nobody looks any more.
    pub fn show(&self, table: Table, rows: &RecordBatch) -> bool {
        if table != self.table {
            return true;
        }
        let size = rows.get_array_memory_size();
        if self.counts.waiting_bytes.fetch_add(size, Ordering::AcqRel) + size > MAX_WAITING_BYTES {
            self.counts.waiting_bytes.fetch_sub(size, Ordering::AcqRel);
            self.counts.n_lost.fetch_add(rows.num_rows() as u64, Ordering::AcqRel);
            return true;
        }
        self.to.send(rows.clone()).is_ok()
    }
}

/// New rows of a table, from now on.
pub struct Tail {
    table: Table,
    from: Receiver<RecordBatch>,
    counts: Arc<Counts>,
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tail").field("table", &self.table).finish_non_exhaustive()
    }
}

/// What came.
#[derive(Debug)]
pub struct Tailed {
    /// Rows that the statement selects out of those that came.
    pub answer: Answer,
    /// Rows that came too quickly to be looked at, since the last time.
    pub n_lost: u64,
}

impl Store {
    /// Begins to look on.
    pub fn tail(&self, table: Table) -> Tail {
        let (to, from) = channel();
        let counts = Arc::<Counts>::default();
        lock(&self.shared().lookers).push(Looker { table, to, counts: counts.clone() });
        Tail { table, from, counts }
    }

    /// What `sql` selects out of the next rows; nothing if none came for as long as `wait`.
    ///
    /// # Errors
    /// If the store is closed, or the statement fails.
    pub fn next_of(&self, tail: &Tail, sql: &Sql, wait: Duration) -> Result<Option<Tailed>, StoreError> {
        let mut hot = HotEpoch::new(0);
        let mut take = |rows: RecordBatch| {
            tail.counts.waiting_bytes.fetch_sub(rows.get_array_memory_size(), Ordering::AcqRel);
            hot.push(tail.table, rows);
        };
        match tail.from.recv_timeout(wait) {
            Ok(rows) => take(rows),
            Err(RecvTimeoutError::Timeout) => return Ok(None),
            Err(RecvTimeoutError::Disconnected) => return Err(StoreError::Closing),
        }
        tail.from.try_iter().take(MAX_TOGETHER).for_each(take);
        let generation = self.snapshot().generation;
        let only_these = Snapshot { generation, segments: Arc::default(), hot: vec![Arc::new(hot)] };
        let answer = self.duck().query(&only_these, sql, &Prune::default(), Limits::default())?;
        Ok(Some(Tailed { answer, n_lost: tail.counts.n_lost.swap(0, Ordering::AcqRel) }))
    }
}
