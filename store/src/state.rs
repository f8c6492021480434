//! What the store's threads share.

use crate::StoreError;
use crate::asked::Asked;
use crate::config::Config;
use crate::dictionary::Dictionary;
use crate::disk::Disk;
use crate::hot::HotEpoch;
use crate::layout::{self, Layout};
use crate::ledger::Ledger;
use crate::manifest::Manifest;
use crate::resend::{Requests, Sidecar};
use crate::senders::Senders;
use crate::services::Services;
use crate::snapshot::{Segment, Snapshot};
use crate::tail::Looker;
use crate::upkeep::{Progress, UpkeepStatus};
use sextant_model::Table;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Whether the store takes batches, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// It does.
    Taking,
    /// The disk has no room beyond the reserve.
    DiskFull,
}

/// Figures about the store.
#[derive(Debug, Clone)]
pub struct StoreStatus {
    /// Grows with every change.
    pub generation: u64,
    /// Registered segments.
    pub n_segments: usize,
    /// Bytes of the segments.
    pub segment_bytes: u64,
    /// Bytes of rows in memory.
    pub hot_bytes: usize,
    /// Bytes of requests under way.
    pub queued_bytes: usize,
    /// More than this is refused.
    pub queue_limit_bytes: usize,
    /// Free bytes on the disk.
    pub free_bytes: u64,
    /// Bytes that are kept free.
    pub reserve_bytes: u64,
    /// Median and worst time from arrival to durable over the last requests.
    pub durable_micros: (u64, u64),
    /// The services that were seen first, in their order: the screens pin their look by it.
    pub first_services: Vec<String>,
    /// What recovery found at the start: torn bytes cut, damaged places put aside.
    pub recovered: (u64, u64),
    /// The last thing that went wrong in the background, and when, nanoseconds; nothing once it went right again.
    pub last_problem: Option<(String, i64)>,
    /// Why senders are refused now, if they are for longer than a moment.
    pub refusing: Option<String>,
    /// Requests that were told to come back since the start: because too much was under way, because the disk is full.
    pub refused: (u64, u64),
    /// Rows that can't be read now.
    pub unavailable: Vec<Unavailable>,
    /// Files that were put aside, and their bytes.
    pub quarantine: (u64, u64),
    /// Work in the background.
    pub upkeep: UpkeepStatus,
}

/// Rows of a table that can't be read now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unavailable {
    /// Which table.
    pub table: Table,
    /// How many rows.
    pub n_rows: u64,
    /// In how many files.
    pub n_segments: u64,
    /// Why, of the first of them.
    pub why: String,
}

/// What went wrong in the background, by what failed: the text, and when.
type Problems = BTreeMap<&'static str, (String, i64)>;

/// A lock whose poison is no reason to stop: what it guards is replaced whole.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Listener = Box<dyn Fn(u64) + Send + Sync>;

/// What the store's threads share.
pub(crate) struct Shared {
    pub config: Config,
    pub layout: Layout,
    pub disk: Disk,
    pub manifest: Mutex<Manifest>,
    current: RwLock<Arc<Snapshot>>,
    /// Serialises changes of the snapshot.
    change: Mutex<()>,
    ledger: Mutex<Ledger>,
    pub services: Mutex<Services>,
    pub senders: Mutex<Senders>,
    /// Attributes that questions were about.
    pub asked: Mutex<Asked>,
    /// Those who look on at new rows.
    pub lookers: Mutex<Vec<Looker>>,
    /// Fields and values, for completing.
    pub dictionary: Mutex<Dictionary>,
    /// The requests of the last hour; those of earlier runs once the first request came.
    pub requests: Mutex<Requests>,
    queued_bytes: AtomicUsize,
    pub is_closing: AtomicBool,
    listeners: Mutex<Vec<Listener>>,
    /// Free and total bytes of the disk, when they were last known.
    space: Mutex<(u64, u64)>,
    refused: (AtomicU64, AtomicU64),
    durable_micros: Mutex<Vec<u64>>,
    pub recovered: (AtomicU64, AtomicU64),
    problems: Mutex<Problems>,
    sealed: Condvar,
    sealed_lock: Mutex<()>,
    /// Whether the last try to seal failed.
    pub is_sealing_stuck: AtomicBool,
    pub progress: Progress,
    /// Imports whose files nothing names yet.
    pub jobs: Mutex<BTreeSet<String>>,
    /// The hashes of the last rows, on disk.
    pub sidecar: Mutex<Sidecar>,
    last_request: Mutex<Instant>,
    /// Questions that are being answered.
    pub n_asking: AtomicUsize,
    /// Set when rows are gone that may be sent again: what is remembered of rows and requests is let go.
    pub is_memory_stale: AtomicBool,
}

/// A segment that the manifest has: what only the manifest needed is let go.
fn shown(segment: Segment) -> Arc<Segment> {
    *lock(&segment.summary) = None;
    Arc::new(segment)
}

/// How many of the last requests the durable figures are over.
const N_TIMED: usize = 512;
/// Hot rows take at most this part of their memory on the disk once they are sealed, their log apart.
const SEALED_PART: u64 = 4;
/// Hot rows past this many epochs' worth make senders wait for sealing.
const MAX_HOT_EPOCHS: usize = 4;

impl Shared {
    pub fn new(
        config: Config,
        layout: Layout,
        manifest: Manifest,
        snapshot: Snapshot,
        ledger: Ledger,
    ) -> Result<Self, StoreError> {
        let (free, total) = layout::disk_space(&layout.dir)?;
        let services = Services::saved(manifest.services()?);
        let senders = Senders::saved(manifest.senders()?);
        let asked = Asked::saved(manifest.asked()?);
        let dictionary = Dictionary::saved(manifest.dictionary()?);
        let disk = Disk { faults: config.faults.clone() };
        Ok(Self {
            sidecar: Mutex::new(Sidecar::new(&layout.resend, disk.clone(), config.durability)),
            disk,
            config,
            layout,
            manifest: Mutex::new(manifest),
            current: RwLock::new(Arc::new(snapshot)),
            change: Mutex::new(()),
            ledger: Mutex::new(ledger),
            services: Mutex::new(services),
            senders: Mutex::new(senders),
            asked: Mutex::new(asked),
            lookers: Mutex::default(),
            jobs: Mutex::default(),
            dictionary: Mutex::new(dictionary),
            requests: Mutex::default(),
            queued_bytes: AtomicUsize::new(0),
            is_closing: AtomicBool::new(false),
            listeners: Mutex::new(Vec::new()),
            space: Mutex::new((free, total)),
            refused: Default::default(),
            durable_micros: Mutex::new(Vec::new()),
            recovered: (AtomicU64::new(0), AtomicU64::new(0)),
            problems: Mutex::default(),
            sealed: Condvar::new(),
            sealed_lock: Mutex::new(()),
            is_sealing_stuck: AtomicBool::new(false),
            progress: Progress::default(),
            last_request: Mutex::new(Instant::now()),
            n_asking: AtomicUsize::new(0),
            is_memory_stale: AtomicBool::new(false),
        })
    }

    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Changes the snapshot and tells the listeners.
    fn publish(&self, change: impl FnOnce(&mut Snapshot)) {
        let generation = {
            let _one_at_a_time = lock(&self.change);
            let mut next = Snapshot::clone(&self.snapshot());
            change(&mut next);
            next.generation += 1;
            let generation = next.generation;
            *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
            generation
        };
        for listener in lock(&self.listeners).iter() {
            listener(generation);
        }
    }

    /// Shows the rows of the epoch that is being written.
    pub fn publish_hot(&self, hot: &HotEpoch) {
        let hot = Arc::new(hot.clone());
        self.publish(|s| match s.hot.iter_mut().find(|h| h.epoch == hot.epoch) {
            Some(place) => *place = hot,
            None => s.hot.push(hot),
        });
    }

    /// Puts segments in the place of a hot epoch.
    pub fn publish_sealed(&self, epoch: u64, segments: Vec<Segment>) {
        self.publish(|s| {
            s.hot.retain(|h| h.epoch != epoch);
            let mut all = Vec::clone(&s.segments);
            all.extend(segments.into_iter().map(shown));
            s.segments = Arc::new(all);
        });
        let _held = lock(&self.sealed_lock);
        self.sealed.notify_all();
    }

    /// Puts segments in the place of others, whose files go once nobody reads them.
    pub fn publish_replaced(&self, gone: &[Arc<Segment>], segments: Vec<Segment>) {
        self.publish(|s| {
            let mut all = Vec::clone(&s.segments);
            all.retain(|s| !gone.iter().any(|g| g.id == s.id));
            all.extend(segments.into_iter().map(shown));
            s.segments = Arc::new(all);
        });
        for segment in gone {
            // It may be doomed already.
            segment.doom.set(self.disk.clone()).ok();
        }
    }

    /// Waits until no hot rows older than `epoch` are left.
    pub fn wait_sealed(&self, epoch: u64) -> Result<(), StoreError> {
        let mut held = lock(&self.sealed_lock);
        while self.snapshot().hot.iter().any(|h| h.epoch < epoch && !h.is_empty()) {
            if self.is_sealing_stuck.load(Ordering::Acquire) {
                let why = self.last_problem().map(|(text, _)| text).unwrap_or_default();
                return Err(StoreError::Stuck(why));
            }
            held = self.sealed.wait_timeout(held, Duration::from_millis(50)).unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    pub fn listen(&self, listener: Listener) {
        lock(&self.listeners).push(listener);
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        lock(&self.ledger)
    }

    /// Why nothing is taken by a store whose queues are gone.
    pub fn closed(&self) -> StoreError {
        if self.config.is_read_only { StoreError::ReadOnly(self.layout.dir.clone()) } else { StoreError::Closing }
    }

    /// Whether changes can be made.
    pub fn check_writable(&self) -> Result<(), StoreError> {
        if self.config.is_read_only { Err(self.closed()) } else { Ok(()) }
    }

    /// Takes room in the queue, or says why not.
    pub fn admit(&self, size: usize) -> Result<(), StoreError> {
        self.check_writable()?;
        if self.is_closing.load(Ordering::Acquire) {
            return Err(StoreError::Closing);
        }
        let queued_bytes = self.queued_bytes.fetch_add(size, Ordering::AcqRel);
        let hot_bytes: usize = self.snapshot().hot.iter().map(|h| h.size_bytes).sum();
        let has_room = queued_bytes == 0 || queued_bytes + size.max(1) <= self.config.queue_bytes;
        let is_sealing_behind = hot_bytes > MAX_HOT_EPOCHS * self.config.epoch_bytes;
        let refused = if !has_room {
            Err(StoreError::Busy { queued_bytes })
        } else if is_sealing_behind {
            Err(StoreError::Behind { hot_bytes })
        } else {
            self.check_disk()
        };
        if let Err(e) = &refused {
            self.release(size);
            let is_full = matches!(e, StoreError::DiskFull { .. });
            (if is_full { &self.refused.1 } else { &self.refused.0 }).fetch_add(1, Ordering::AcqRel);
        }
        refused
    }

    /// Whether somebody sent within `time`, or asks now.
    pub fn is_busy(&self, time: Duration) -> bool {
        self.n_asking.load(Ordering::Acquire) > 0 || lock(&self.last_request).elapsed() < time
    }

    pub fn release(&self, size: usize) {
        self.queued_bytes.fetch_sub(size, Ordering::AcqRel);
    }

    /// Free and reserved bytes.
    pub fn space(&self) -> (u64, u64) {
        let mut disk = lock(&self.space);
        if let Ok(found) = layout::disk_space(&self.layout.dir) {
            *disk = found;
        }
        let default = (disk.1 / 50).min(1_000_000_000);
        (disk.0, self.config.disk_reserve_bytes.unwrap_or(default))
    }

    /// What was taken already must find room without touching the reserve: requests under way in the log, hot rows in
    /// segments.
    pub fn check_disk(&self) -> Result<(), StoreError> {
        let (free_bytes, reserve_bytes) = self.space();
        let hot_bytes: usize = self.snapshot().hot.iter().map(|h| h.size_bytes).sum();
        let promised = self.queued_bytes.load(Ordering::Acquire) as u64 + hot_bytes as u64 / SEALED_PART;
        if free_bytes < reserve_bytes.saturating_add(promised) {
            return Err(StoreError::DiskFull { free_bytes, reserve_bytes });
        }
        Ok(())
    }

    pub fn timed(&self, took: Duration) {
        *lock(&self.last_request) = Instant::now();
        let mut times = lock(&self.durable_micros);
        if times.len() >= N_TIMED {
            times.remove(0);
        }
        times.push(took.as_micros() as u64);
    }

    pub fn problem(&self, what: &'static str, e: &StoreError) {
        tracing::error!("{what}: {e}");
        lock(&self.problems).insert(what, (format!("{what}: {e}"), crate::upkeep::now()));
    }

    /// The last thing that went wrong and did not go right since.
    fn last_problem(&self) -> Option<(String, i64)> {
        lock(&self.problems).values().max_by_key(|(_, at)| *at).cloned()
    }

    /// What went wrong last went right: it is no problem any more.
    pub fn solved(&self, what: &'static str) {
        lock(&self.problems).remove(what);
    }

    /// Why senders are refused, if that is so for longer than a moment.
    fn refusing(&self) -> Option<String> {
        let refused = self.check_writable().and_then(|()| self.check_disk());
        refused.err().map(|e| e.to_string())
    }

    /// Rows that can't be read now.
    fn unavailable(snapshot: &Snapshot) -> Vec<Unavailable> {
        let mut found: Vec<Unavailable> = Vec::new();
        for segment in snapshot.segments() {
            let Some(why) = segment.trouble() else { continue };
            let (table, n_rows) = (segment.table, segment.n_rows);
            match found.iter_mut().find(|u| u.table == table) {
                Some(u) => (u.n_rows, u.n_segments) = (u.n_rows + n_rows, u.n_segments + 1),
                None => found.push(Unavailable { table, n_rows, n_segments: 1, why }),
            }
        }
        found
    }

    pub fn status(&self) -> StoreStatus {
        let snapshot = self.snapshot();
        let (free_bytes, reserve_bytes) = self.space();
        let mut times = lock(&self.durable_micros).clone();
        times.sort_unstable();
        StoreStatus {
            generation: snapshot.generation,
            n_segments: snapshot.segments.len(),
            segment_bytes: snapshot.segments.iter().map(|s| s.n_bytes).sum(),
            hot_bytes: snapshot.hot.iter().map(|h| h.size_bytes).sum(),
            queued_bytes: self.queued_bytes.load(Ordering::Acquire),
            queue_limit_bytes: self.config.queue_bytes,
            free_bytes,
            reserve_bytes,
            durable_micros: (times.get(times.len() / 2).copied().unwrap_or(0), times.last().copied().unwrap_or(0)),
            first_services: lock(&self.services).list().to_vec(),
            recovered: (self.recovered.0.load(Ordering::Acquire), self.recovered.1.load(Ordering::Acquire)),
            last_problem: self.last_problem(),
            refusing: self.refusing(),
            refused: (self.refused.0.load(Ordering::Acquire), self.refused.1.load(Ordering::Acquire)),
            unavailable: Self::unavailable(&snapshot),
            quarantine: layout::sizes_below(&self.layout.quarantine),
            upkeep: self.progress.status(),
        }
    }
}
