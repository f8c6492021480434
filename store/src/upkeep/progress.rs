//! What is being done in the background, for everybody to see, and giving way to those who wait.

use super::merge::Merged;
use crate::state::{Shared, lock};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// With more segments than this, merging gives way no longer: every query pays for them.
const TOO_MANY_SEGMENTS: usize = 600;
/// A request within this time means that somebody is sending.
const BUSY: Duration = Duration::from_millis(200);
/// Work between two looks around.
const SLICE: Duration = Duration::from_millis(10);

/// Work in the background.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpkeepStatus {
    /// What is being done now.
    pub doing: Option<Doing>,
    /// What merging came to since the start.
    pub merged: Merged,
    /// How often segments were laid together since the start.
    pub n_merges: u64,
    /// When policies are applied next, nanoseconds.
    pub next_retention: Option<i64>,
}

/// A job under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doing {
    /// What, in a few words.
    pub what: String,
    /// Rows that it goes through.
    pub n_rows: u64,
    /// Rows that are done.
    pub n_done: u64,
    /// Bytes that it goes through.
    pub n_bytes: u64,
}

/// Shared between the thread that works and those who look.
#[derive(Debug)]
pub(crate) struct Progress {
    status: Mutex<UpkeepStatus>,
    n_done: AtomicU64,
    since: Mutex<Instant>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { status: Mutex::default(), n_done: AtomicU64::new(0), since: Mutex::new(Instant::now()) }
    }
}

impl Progress {
    pub fn begin(&self, what: String, n_rows: u64, n_bytes: u64) {
        self.n_done.store(0, Ordering::Relaxed);
        *lock(&self.since) = Instant::now();
        lock(&self.status).doing = Some(Doing { what, n_rows, n_done: 0, n_bytes });
    }

    pub fn end(&self) {
        lock(&self.status).doing = None;
    }

    pub fn merged(&self, merged: Merged) {
        let mut status = lock(&self.status);
        status.n_merges += 1;
        status.merged.n_segments += merged.n_segments;
        status.merged.n_made += merged.n_made;
        status.merged.bytes_before += merged.bytes_before;
        status.merged.bytes_after += merged.bytes_after;
    }

    pub fn set_next_retention(&self, at: Option<i64>) {
        lock(&self.status).next_retention = at;
    }

    pub fn status(&self) -> UpkeepStatus {
        let mut status = lock(&self.status).clone();
        if let Some(doing) = &mut status.doing {
            doing.n_done = self.n_done.load(Ordering::Relaxed);
        }
        status
    }

    /// So many rows are done. While somebody sends or asks, half of the time is theirs.
    pub fn step(&self, shared: &Shared, n_rows: u64) {
        self.n_done.fetch_add(n_rows, Ordering::Relaxed);
        let mut since = lock(&self.since);
        let worked = since.elapsed();
        if worked < SLICE {
            return;
        }
        if shared.is_busy(BUSY) && shared.snapshot().segments().len() < TOO_MANY_SEGMENTS {
            std::thread::sleep(worked.min(SLICE * 10));
        }
        *since = Instant::now();
    }
}
