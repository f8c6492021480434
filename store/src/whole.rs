//! Imports that count all at once: their rows are laid into files while they come, and one transaction registers all of
//! them, so that an import is there or it is not.

use crate::StoreError;
use crate::engine::Store;
use crate::hot::HotEpoch;
use crate::ingest::{Ingest, with_added};
use crate::ledger::{DUPLICATE, Ledger};
use crate::manifest::{Manifest, Replacement, Saved};
use crate::resend::{ExactCheck, RecentRows, RowHash, hashes_in, times_of};
use crate::seal::write_segments;
use crate::segment::Made;
use crate::senders::ingest_id;
use crate::snapshot::Snapshot;
use crate::state::{Shared, lock};
use sextant_columns::Replaces;
use sextant_model::{Batch, Table};
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use ulid::Ulid;

/// Rows wait in memory up to this size before they are laid into files.
const CHUNK_BYTES: usize = 32 << 20;
/// So many of the last rows are remembered, so that they are recognised when somebody sends them again.
const MAX_REMEMBERED: usize = 1_000_000;

/// The kind of the marks that say which imports are registered whose rows are not remembered yet.
const IMPORTED: &str = "imported";

/// The kind of the marks of imports that are under way, and of those that a crash ended.
const BEGUN: &str = "import begun";

/// Whether an import ever began of which nothing is known yet.
pub(crate) fn has_begun(manifest: &Manifest) -> Result<bool, StoreError> {
    Ok(!manifest.saved(BEGUN)?.is_empty())
}

/// Imports that a crash ended before they were registered.
pub(crate) fn unfinished(shared: &Shared) -> Result<HashSet<String>, StoreError> {
    let manifest = lock(&shared.manifest);
    let mut begun: HashSet<String> = manifest.saved(BEGUN)?.into_iter().map(|mark| mark.name).collect();
    for mark in manifest.saved(IMPORTED)? {
        begun.remove(&mark.name);
    }
    Ok(begun)
}

/// Nothing is left of these.
pub(crate) fn forget(shared: &Shared, jobs: &HashSet<String>) -> Result<(), StoreError> {
    let manifest = lock(&shared.manifest);
    jobs.iter().try_for_each(|job| manifest.forget(BEGUN, job).map(drop))
}

/// Remembers the rows of imports that were registered when the program ended.
pub(crate) fn settle(shared: &Shared) -> Result<(), StoreError> {
    let mut sidecar = lock(&shared.sidecar);
    let imports = sidecar.imports();
    let manifest = lock(&shared.manifest);
    let marks = manifest.saved(IMPORTED)?;
    for job in imports {
        if lock(&shared.jobs).contains(&job) {
            continue;
        }
        if marks.iter().any(|mark| mark.name == job) { sidecar.take_over(&job)? } else { sidecar.let_go(&job)? }
    }
    for mark in marks {
        if !lock(&shared.jobs).contains(&mark.name) {
            manifest.forget(IMPORTED, &mark.name)?;
        }
    }
    Ok(())
}

/// Where the rows of an import come from.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The project that they are for.
    pub project: String,
    /// Who had them.
    pub client: String,
    /// `pull`, `bundle`.
    pub protocol: String,
    /// When they came, nanoseconds.
    pub at: i64,
}

/// What became of the rows of a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// Rows that came.
    pub n: u64,
    /// Those of them that were there before.
    pub n_duplicates: u64,
}

/// An import under way. Dropped, it leaves nothing behind.
pub struct Whole<'a> {
    store: &'a Store,
    /// What was stored when it began.
    before: Arc<Snapshot>,
    origin: Origin,
    sender: u16,
    id: u64,
    check: ExactCheck,
    seen: RecentRows,
    /// The last rows, the oldest first.
    rows: Vec<RowHash>,
    waiting: HotEpoch,
    made: Made<'a>,
    job: Job<'a>,
    n_parts: u32,
    ledger: Ledger,
    taken: BTreeMap<Table, Taken>,
    /// First and last time of its rows.
    times: BTreeMap<Table, (i64, i64)>,
}

/// The name that the files of an import share, as long as it is under way: nobody else's hands on them.
struct Job<'a> {
    shared: &'a Shared,
    name: String,
}

impl<'a> Job<'a> {
    fn begin(shared: &'a Shared, at: i64) -> Result<Self, StoreError> {
        let me = Self { shared, name: Ulid::generate().to_string().to_lowercase() };
        {
            let mut jobs = lock(&shared.jobs);
            // Two that know nothing of each other would both take what both have.
            if !jobs.is_empty() {
                let why = "another import that counts all at once is under way: try again when it is done";
                return Err(StoreError::Refused(why.into()));
            }
            jobs.insert(me.name.clone());
        }
        // What a crash leaves of it is known by this.
        lock(&shared.manifest).save(BEGUN, &Saved { name: me.name.clone(), value: String::new(), at })?;
        Ok(me)
    }
}

impl Drop for Job<'_> {
    fn drop(&mut self) {
        lock(&self.shared.jobs).remove(&self.name);
        // A mark that stays does no harm: its files are gone, or the manifest names them.
        lock(&self.shared.manifest).forget(BEGUN, &self.name).ok();
    }
}

impl Store {
    /// Begins an import that counts all at once.
    ///
    /// # Errors
    /// If nothing can be taken in now.
    pub fn whole(&self, mut origin: Origin) -> Result<Whole<'_>, StoreError> {
        // What is there is read out of files.
        self.flush()?;
        let (sender, client) = lock(&self.shared().senders).number(&origin.client, &origin.protocol);
        origin.client = client;
        Ok(Whole {
            store: self,
            before: self.snapshot(),
            sender,
            id: ingest_id(self.run(), sender, self.next_request()),
            check: ExactCheck::default(),
            seen: RecentRows::default(),
            rows: Vec::new(),
            waiting: HotEpoch::default(),
            made: Made::new(self.shared()),
            job: Job::begin(self.shared(), origin.at)?,
            n_parts: 0,
            ledger: Ledger::default(),
            taken: BTreeMap::new(),
            times: BTreeMap::new(),
            origin,
        })
    }
}

impl Whole<'_> {
    /// Takes rows. Spans and points that are stored, or came before, are left out; and of log records those that came
    /// from the same place before, each as often as it is there.
    ///
    /// # Errors
    /// If they can't be kept.
    pub fn add(&mut self, batch: Batch) -> Result<(), StoreError> {
        let shared = self.store.shared();
        shared.check_writable()?;
        shared.check_disk()?;
        if shared.is_closing.load(Ordering::Acquire) {
            return Err(StoreError::Closing);
        }
        let table = batch.table;
        if let Some((first, last)) = times_of(table, &batch.rows) {
            let times = self.times.entry(table).or_insert((first, last));
            *times = (times.0.min(first), times.1.max(last));
        }
        let project = &self.origin.project;
        let known = self.check.known_of(&self.before, project, table, &batch.rows, self.sender)?;
        let mut ingest = Ingest {
            project: self.origin.project.clone(),
            client: self.origin.client.clone(),
            protocol: self.origin.protocol.clone(),
            received_at: self.origin.at,
            ..Ingest::default()
        };
        ingest.batches = vec![batch];
        let all = with_added(&ingest, self.id)?;
        let (taken, counts) = (self.taken.entry(table).or_default(), &mut ingest.counts[table.signal() as usize]);
        for rows in all {
            let hashes = rows.hashes.iter().copied().map(Some).chain(std::iter::repeat(None));
            let is_new = |(known, hash): (&bool, Option<RowHash>)| !known && hash.is_none_or(|h| self.seen.insert(h));
            let keep: Vec<bool> = known.iter().zip(hashes).map(is_new).collect();
            self.seen.turn();
            let n_kept = keep.iter().filter(|k| **k).count();
            let (n, n_duplicates) = (keep.len() as u64, (keep.len() - n_kept) as u64);
            taken.n += n;
            taken.n_duplicates += n_duplicates;
            counts.received += n;
            counts.rejected.add(DUPLICATE, n_duplicates);
            let rows = if n_duplicates == 0 { rows } else { rows.filtered(keep)? };
            if n_kept == 0 {
                continue;
            }
            lock(&shared.services).see(&rows.batch);
            lock(&shared.dictionary).see(&self.origin.project, table, &rows.batch);
            self.rows.extend(rows.hashes.iter().filter(|h| !h.is_none()));
            self.waiting.push(table, rows.batch);
        }
        self.ledger.add(&ingest);
        if self.rows.len() > 2 * MAX_REMEMBERED {
            self.rows.drain(..self.rows.len() - MAX_REMEMBERED);
        }
        if self.waiting.size_bytes >= CHUNK_BYTES { self.write() } else { Ok(()) }
    }

    /// What comes from here on is from this client.
    pub fn come_from(&mut self, client: &str) {
        let (sender, client) = lock(&self.store.shared().senders).number(client, &self.origin.protocol);
        self.origin.client = client;
        (self.sender, self.id) = (sender, ingest_id(self.store.run(), sender, self.store.next_request()));
    }

    /// What comes from here on has other times than what came before, so that it is not the same as any of that.
    pub fn begin_part(&mut self) {
        self.seen = RecentRows::default();
        self.check.forget_records();
    }

    /// Lays what waits into files that nothing names yet.
    fn write(&mut self) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.waiting);
        let (job, n_parts) = (&self.job, &mut self.n_parts);
        // What a crash leaves is told by the job, which is marked as begun.
        let mut part = || {
            *n_parts += 1;
            Some(Replaces { job: job.name.clone(), part: *n_parts - 1, ..Replaces::default() })
        };
        write_segments(self.store.shared(), &waiting, &mut self.made.segments, &mut part)
    }

    /// Whether one of its rows was sent to us since it began.
    fn has_come_meanwhile(&self) -> Result<bool, StoreError> {
        self.store.flush()?;
        let before: HashSet<&str> = self.before.segments().iter().map(|s| s.id.as_str()).collect();
        let now = self.store.snapshot();
        let mut own: Option<HashSet<RowHash>> = None;
        for segment in now.segments().iter().filter(|s| !before.contains(s.id.as_str())) {
            let is_near = |(first, last): &(i64, i64)| segment.times.0 <= *last && segment.times.1 >= *first;
            if segment.project != self.origin.project || !self.times.get(&segment.table).is_some_and(is_near) {
                continue;
            }
            let own = own.get_or_insert_with(|| self.rows.iter().copied().collect());
            if hashes_in(segment)?.iter().any(|hash| own.contains(hash)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Registers all rows, and `note` of a kind with them, in one transaction.
    ///
    /// # Errors
    /// If that fails: then nothing was taken in.
    pub fn finish(mut self, note: Option<(&str, Saved)>) -> Result<BTreeMap<Table, Taken>, StoreError> {
        self.write()?;
        if self.has_come_meanwhile()? {
            let why = "some of it came in another way meanwhile: the same again leaves that out";
            return Err(StoreError::Refused(why.into()));
        }
        let shared = self.store.shared();
        let senders = lock(&shared.senders).unsaved();
        let job = &self.job.name;
        let mark = Saved { name: job.clone(), value: String::new(), at: self.origin.at };
        let notes: Vec<(&str, Saved)> = note.into_iter().chain([(IMPORTED, mark)]).collect();
        let rows = self.rows.split_off(self.rows.len().saturating_sub(MAX_REMEMBERED));
        lock(&shared.sidecar).put_aside(job, &rows)?;
        let change = Replacement { counts: self.ledger, senders: &senders, notes: &notes, ..Replacement::default() };
        // Where this fails it may yet be found done at the next start: what is aside is judged then.
        self.made.put(change)?;
        lock(&shared.senders).set_saved(&senders);
        match lock(&shared.sidecar).take_over(job) {
            Ok(()) => drop(lock(&shared.manifest).forget(IMPORTED, job)),
            Err(e) => tracing::warn!("what an import brought is remembered at the next start: {e}"),
        }
        self.store.remember(rows);
        Ok(self.taken)
    }
}
