//! What there is at one moment: registered segments and hot rows. Immutable; a reader holds it as long as it likes.

use crate::hot::HotEpoch;
use arrow::array::RecordBatch;
use sextant_columns::TraceIndex;
use sextant_model::{Prune, Table};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// An immutable Parquet file of one table, project and bucket.
#[derive(Debug)]
pub struct Segment {
    /// Its name, a ULID.
    pub id: String,
    /// Whose rows.
    pub project: String,
    /// Which table.
    pub table: Table,
    /// Its place in time, as the manifest names it.
    pub bucket: String,
    /// The file.
    pub path: PathBuf,
    /// Rows in it.
    pub n_rows: u64,
    /// Bytes of the file.
    pub n_bytes: u64,
    /// Earliest and latest time in it, both inclusive.
    pub times: (i64, i64),
    /// The services in it; `None` if they are too many to list.
    pub services: Option<Vec<String>>,
    /// XXH3 of the file.
    pub checksum: u64,
    /// The epoch that it was sealed from.
    pub epoch: u64,
    pub(crate) index: OnceLock<Option<TraceIndex>>,
}

impl Segment {
    /// The trace index beside it, if it has one that is sound.
    pub(crate) fn trace_index(&self) -> Option<&TraceIndex> {
        let open = || match TraceIndex::open(&self.path.with_extension("idx")) {
            Ok(index) => Some(index),
            Err(e) => {
                tracing::warn!(path = %self.path.display(), "trace index not used: {e}");
                None
            }
        };
        match self.table {
            Table::Traces | Table::Logs => self.index.get_or_init(open).as_ref(),
            _ => None,
        }
    }

    /// Whether a row that satisfies `prune` can be in here.
    fn can_match(&self, prune: &Prune) -> bool {
        if !prune.range.overlaps(self.times.0, self.times.1) {
            return false;
        }
        if let (Some(wanted), Some(services)) = (&prune.services, &self.services)
            && !wanted.iter().any(|w| services.contains(w))
        {
            return false;
        }
        let (Some(traces), Some(index)) = (&prune.traces, self.trace_index()) else { return true };
        traces.iter().any(|id| index.rows(*id).is_ok_and(|rows| !rows.is_empty()))
    }
}

/// What there is at one generation.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// Grows with every change.
    pub generation: u64,
    /// All registered segments, the oldest first.
    pub(crate) segments: Arc<Vec<Arc<Segment>>>,
    pub(crate) hot: Vec<Arc<HotEpoch>>,
}

impl Snapshot {
    /// All registered segments, the oldest first.
    pub fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// Segments of `table` in which rows that satisfy `prune` can be, the newest first.
    pub fn pruned(&self, table: Table, prune: &Prune) -> Vec<Arc<Segment>> {
        let mut found: Vec<_> =
            self.segments.iter().filter(|s| s.table == table && s.can_match(prune)).cloned().collect();
        found.sort_by_key(|s| std::cmp::Reverse(s.times.1));
        found
    }

    /// How many segments `table` has.
    pub fn n_segments(&self, table: Table) -> usize {
        self.segments.iter().filter(|s| s.table == table).count()
    }

    /// The hot batches of `table`.
    pub fn hot_batches(&self, table: Table) -> Vec<RecordBatch> {
        self.hot.iter().flat_map(|h| h.table(table).batches()).cloned().collect()
    }

    /// Rows of `table`, hot ones included.
    pub fn n_rows(&self, table: Table) -> u64 {
        let sealed: u64 = self.segments.iter().filter(|s| s.table == table).map(|s| s.n_rows).sum();
        sealed + self.hot.iter().map(|h| h.table(table).n_rows() as u64).sum::<u64>()
    }
}
