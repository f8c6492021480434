//! What there is at one moment: registered segments and hot rows. Immutable; a reader holds it as long as it likes.

use crate::StoreError;
use crate::bucket::Bucket;
use crate::disk::Disk;
use crate::hot::HotEpoch;
use crate::segment::{checksum, stamp};
use crate::state::lock;
use crate::summary::Summary;
use arrow::array::RecordBatch;
use sextant_columns::{Compression, FileColumns, ROW_GROUP_ROWS, TraceIndex, all_keys_in, file_columns, has_traces};
use sextant_model::{Need, Prune, Table};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

/// What was done with a segment so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// As it was sealed.
    Hot,
    /// Merged with its neighbours.
    Merged,
    /// Compressed harder.
    Warm,
    /// In another directory, which may not be there.
    Cold,
}

impl Tier {
    /// As the manifest names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Merged => "merged",
            Self::Warm => "warm",
            Self::Cold => "cold",
        }
    }

    pub(crate) fn parse(name: &str) -> Option<Self> {
        [Self::Hot, Self::Merged, Self::Warm, Self::Cold].into_iter().find(|t| t.name() == name)
    }
}

/// Whether a segment can be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum State {
    /// Its file was not looked at since the start.
    #[default]
    Unknown,
    /// Its file is as it was written, by length and time or by checksum.
    Sound(i64),
    /// Its file is damaged: it is left out of every answer, which says so.
    Damaged(String),
}

/// More keys than this of a segment are not remembered.
const MAX_KEYS: usize = 500;

/// The index beside a segment.
#[derive(Debug, Default)]
pub(crate) enum Index {
    /// Nobody looked for it since the start.
    #[default]
    NotYet,
    /// There is none that can be used.
    Absent,
    There(Arc<TraceIndex>),
}

/// An immutable Parquet file of one table, project and bucket.
#[derive(Debug)]
pub struct Segment {
    /// Its name, a ULID.
    pub id: String,
    /// Whose rows.
    pub project: String,
    /// Which table.
    pub table: Table,
    /// Its place in time.
    pub bucket: Bucket,
    /// What was done with it.
    pub tier: Tier,
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
    /// The epoch that it was sealed from, or the latest of those.
    pub epoch: u64,
    /// When the file was written, nanoseconds.
    pub(crate) modified: Option<i64>,
    /// Earliest and latest receipt of its rows, if that is known.
    pub(crate) received: Option<(i64, i64)>,
    /// Rows that were taken in from elsewhere, if that is known.
    pub(crate) n_taken_in: Option<u64>,
    /// Which columns the file has, once that is known.
    pub(crate) columns: OnceLock<FileColumns>,
    /// The keys of all its attributes, once they were looked for; nothing where they can't be told.
    pub(crate) keys: OnceLock<Option<BTreeSet<String>>>,
    /// What it comes to, until the manifest has it.
    pub(crate) summary: Mutex<Option<Summary>>,
    pub(crate) index: Mutex<Index>,
    pub(crate) state: Mutex<State>,
    /// Set when nothing names the segment any more: its files go with its last reader.
    pub(crate) doom: OnceLock<Disk>,
}

impl Drop for Segment {
    fn drop(&mut self) {
        let Some(disk) = self.doom.get() else { return };
        for path in [self.path.clone(), self.path.with_extension("idx")] {
            if let Err(e) = disk.remove(&path) {
                // The manifest remembers it: it is tried again at the next start.
                tracing::warn!("a file that is not needed any more stays: {e}");
            }
        }
    }
}

impl Segment {
    /// The directory that holds the folders of projects.
    pub(crate) fn root(&self) -> Option<&Path> {
        self.path.ancestors().nth(4)
    }

    /// Which columns the file has.
    pub(crate) fn columns(&self) -> Result<&FileColumns, StoreError> {
        if let Some(known) = self.columns.get() {
            return Ok(known);
        }
        let found = file_columns(&self.path, self.table)?;
        Ok(self.columns.get_or_init(|| found))
    }

    /// Whether it is known that no record has this attribute.
    pub(crate) fn lacks_key(&self, key: &str) -> bool {
        let keys = self.keys.get_or_init(|| match all_keys_in(&self.path, self.table) {
            Ok(keys) => keys.filter(|k| k.len() <= MAX_KEYS),
            Err(e) => {
                tracing::debug!(path = %self.path.display(), "its keys can't be told: {e}");
                None
            }
        });
        keys.as_ref().is_some_and(|keys| !keys.contains(key))
    }

    /// The trace index beside it, if it has one that is sound.
    pub(crate) fn trace_index(&self) -> Option<Arc<TraceIndex>> {
        if !has_traces(self.table) {
            return None;
        }
        let mut index = lock(&self.index);
        if matches!(&*index, Index::NotYet) {
            *index = match TraceIndex::open_beside(&self.path) {
                Ok(found) => Index::There(Arc::new(found)),
                Err(e) => {
                    tracing::warn!(path = %self.path.display(), "trace index not used: {e}");
                    Index::Absent
                }
            };
        }
        match &*index {
            Index::There(index) => Some(index.clone()),
            _ => None,
        }
    }

    /// The index was made anew.
    pub(crate) fn forget_index(&self) {
        *lock(&self.index) = Index::NotYet;
    }

    /// Why the file can't be read, if it can't. A file that is as long and as old as it was when it was written is
    /// trusted; any other is read once and held against its checksum. `doctor` reads them all.
    pub(crate) fn trouble(&self) -> Option<String> {
        let stamp = match stamp(&self.path) {
            Ok(stamp) => stamp,
            Err(e) => return Some(format!("{} can't be read: {e}", self.path.display())),
        };
        let mut state = lock(&self.state);
        match &*state {
            State::Damaged(why) => return Some(why.clone()),
            State::Sound(modified) if *modified == stamp.1 && stamp.0 == self.n_bytes => return None,
            _ => {}
        }
        let is_untouched = stamp.0 == self.n_bytes && self.modified == Some(stamp.1);
        let is_sound = if is_untouched { Ok(true) } else { self.verify() };
        match is_sound {
            Ok(true) => {
                *state = State::Sound(stamp.1);
                None
            }
            Ok(false) => {
                drop(state);
                Some(self.set_damaged().why)
            }
            // It may be readable again the next time.
            Err(e) => Some(e.to_string()),
        }
    }

    /// Reads the file and holds it against its checksum: only what differs is damage. A file that can't be read now says
    /// nothing about what is in it.
    pub(crate) fn verify(&self) -> Result<bool, StoreError> {
        Ok(checksum(&self.path)? == self.checksum)
    }

    /// Takes the file out of every answer.
    pub(crate) fn set_damaged(&self) -> Missing {
        let why = format!("{} is damaged: its checksum is not the one that it was written with", self.path.display());
        tracing::error!("{why}; run: sextant doctor");
        *lock(&self.state) = State::Damaged(why.clone());
        Missing { n_rows: self.n_rows, why, is_damage: true }
    }

    /// What of it need be read, or why nothing.
    fn chosen(self: &Arc<Self>, prune: &Prune) -> Result<Chosen, Why> {
        if let Some(why) = self.ruled_out(prune) {
            return Err(why);
        }
        match self.groups(prune) {
            Some(groups) if groups.chosen.is_empty() => Err(Why::Filter),
            // Where most is left, all of it is read faster.
            Some(groups) if groups.chosen.len() * 4 > groups.all_rows.len() * 3 => {
                Ok(Chosen { segment: self.clone(), groups: None })
            }
            groups => Ok(Chosen { segment: self.clone(), groups }),
        }
    }

    /// Why no row that satisfies `prune` can be in here, by its time, services and traces, if none can.
    fn ruled_out(&self, prune: &Prune) -> Option<Why> {
        if !prune.range.overlaps(self.times.0, self.times.1) {
            return Some(Why::Time);
        }
        if let (Some(wanted), Some(services)) = (&prune.services, &self.services)
            && !wanted.iter().any(|w| services.contains(w))
        {
            return Some(Why::Service);
        }
        let (Some(traces), Some(index)) = (&prune.traces, self.trace_index()) else { return None };
        let is_here = traces.iter().any(|id| index.rows(*id).map_or(true, |rows| !rows.is_empty()));
        (!is_here).then_some(Why::Trace)
    }

    /// The row groups in which rows can have what `prune` needs; nothing if that is all of them, or not known.
    fn groups(&self, prune: &Prune) -> Option<RowGroups> {
        if prune.needs.is_empty() {
            return None;
        }
        let index = self.trace_index()?;
        let chosen = index.groups(&prune.needs).ok()??;
        let all_rows: Vec<u64> = index.group_rows().collect();
        (chosen.len() < all_rows.len()).then_some(RowGroups { chosen, all_rows })
    }

    fn n_groups(&self) -> u64 {
        self.n_rows.div_ceil(ROW_GROUP_ROWS as u64)
    }
}

/// Some row groups of a file.
#[derive(Debug, Clone)]
pub struct RowGroups {
    /// Which.
    pub chosen: Vec<usize>,
    /// The rows of all row groups of the file.
    pub all_rows: Vec<u64>,
}

/// A segment that is to be read, or some of its row groups.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// Which.
    pub segment: Arc<Segment>,
    /// Its row groups, if not all of them need be read.
    pub groups: Option<RowGroups>,
}

impl Chosen {
    /// Rows in what is to be read.
    pub fn n_rows(&self) -> u64 {
        match &self.groups {
            None => self.segment.n_rows,
            Some(groups) => groups.chosen.iter().filter_map(|g| groups.all_rows.get(*g)).sum(),
        }
    }

    /// Row groups that are to be read.
    pub fn n_groups(&self) -> u64 {
        self.groups.as_ref().map_or_else(|| self.segment.n_groups(), |g| g.chosen.len() as u64)
    }

    /// Bytes of what is to be read, about.
    pub fn n_bytes(&self) -> u64 {
        (self.segment.n_bytes as f64 * self.n_rows() as f64 / self.segment.n_rows.max(1) as f64) as u64
    }
}

/// Why a segment need not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    Time,
    Service,
    Trace,
    Filter,
}

/// What a question would read, and what it need not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Plan {
    /// Segments that the table has.
    pub n_segments: u64,
    /// Of another time.
    pub by_time: u64,
    /// Without the service that is asked for.
    pub by_service: u64,
    /// Without the trace that is asked for.
    pub by_trace: u64,
    /// Without a word or attribute that is asked for, by the filters of their row groups.
    pub by_filter: u64,
    /// Segments that are left.
    pub n_left: u64,
    /// Row groups that the table has.
    pub n_groups: u64,
    /// Row groups that are left.
    pub n_groups_left: u64,
    /// Rows in those.
    pub n_rows: u64,
    /// Bytes of those.
    pub n_bytes: u64,
    /// Rows in memory.
    pub n_hot_rows: u64,
}

/// Rows that an answer would have looked at and could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// How many.
    pub n_rows: u64,
    /// Why not.
    pub why: String,
    /// Whether they are lost, and not only away.
    pub is_damage: bool,
}

/// What pruning left.
#[derive(Debug, Clone, Default)]
pub struct Pruned {
    /// The newest first.
    pub segments: Vec<Chosen>,
    /// What would be among them if it could be read.
    pub missing: Vec<Missing>,
    /// How many segments the table has.
    pub n_total: usize,
    /// What every row has that is looked for.
    pub needs: Vec<Need>,
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
    pub fn pruned(&self, table: Table, prune: &Prune) -> Pruned {
        let mut pruned = Pruned { n_total: self.n_segments(table), needs: prune.needs.clone(), ..Pruned::default() };
        for segment in self.segments.iter().filter(|s| s.table == table) {
            let Ok(chosen) = segment.chosen(prune) else { continue };
            match segment.trouble() {
                None => pruned.segments.push(chosen),
                Some(why) => {
                    let is_damage = matches!(&*lock(&segment.state), State::Damaged(_));
                    pruned.missing.push(Missing { n_rows: segment.n_rows, why, is_damage });
                }
            }
        }
        pruned.segments.sort_by_key(|s| std::cmp::Reverse(s.segment.times.1));
        pruned
    }

    /// What a question about `table` would read.
    pub fn plan(&self, table: Table, prune: &Prune) -> Plan {
        let mut plan = Plan::default();
        for segment in self.segments.iter().filter(|s| s.table == table) {
            plan.n_segments += 1;
            plan.n_groups += segment.n_groups();
            match segment.chosen(prune) {
                Err(Why::Time) => plan.by_time += 1,
                Err(Why::Service) => plan.by_service += 1,
                Err(Why::Trace) => plan.by_trace += 1,
                Err(Why::Filter) => plan.by_filter += 1,
                Ok(chosen) => {
                    plan.n_left += 1;
                    plan.n_groups_left += chosen.n_groups();
                    plan.n_rows += chosen.n_rows();
                    plan.n_bytes += chosen.n_bytes();
                }
            }
        }
        plan.n_hot_rows = self.hot_batches(table).iter().map(|b| b.num_rows() as u64).sum();
        plan
    }

    /// How many segments `table` has.
    pub fn n_segments(&self, table: Table) -> usize {
        self.segments.iter().filter(|s| s.table == table).count()
    }

    /// The files of `table`, and how they are compressed; they stay as long as the snapshot is held.
    pub fn files(&self, table: Table) -> Vec<(PathBuf, Compression)> {
        let of = self.segments.iter().filter(|s| s.table == table);
        of.map(|s| (s.path.clone(), s.tier.compression())).collect()
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
