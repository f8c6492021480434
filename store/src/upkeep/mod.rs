//! Work in the background: merging, policies, and clearing what nothing names any more.

mod merge;
mod plan;
mod progress;
mod retention;

pub use merge::Merged;
pub(crate) use progress::Progress;
pub use progress::{Doing, UpkeepStatus};
pub use retention::Applied;
pub(crate) use retention::How;

use crate::StoreError;
use crate::bucket::HOUR_NANOS;
use crate::care::{Finding, repair};
use crate::dictionary::encoded;
use crate::snapshot::Segment;
use crate::state::{Shared, lock};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How often is looked whether there is something to do.
const TICK: Duration = Duration::from_secs(2);
/// Segments are not looked through again sooner than this, unless there are new ones.
const IDLE_TICKS: u32 = 15;
/// How long a job that failed is left alone.
const FAILED_TICKS: u32 = 30;

/// What can be asked of the background.
pub(crate) enum Chore {
    /// Lay everything together.
    Compact(Sender<Result<Merged, StoreError>>),
    /// Apply policies as of a time.
    Retain(i64, How, Sender<Result<Vec<Applied>, StoreError>>),
    /// Put aside what is damaged.
    Repair(Sender<Result<Vec<Finding>, StoreError>>),
    /// Policies were set.
    PoliciesSet,
}

pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64)
}

/// The thread's work until the store closes.
pub(crate) fn run(shared: &Shared, chores: &Receiver<Chore>) {
    give_way();
    let mut next_retention = next_retention(shared);
    let (mut planned, mut ticks) = (0, IDLE_TICKS);
    let mut pause = 0;
    let mut dictionary_saved = Instant::now();
    loop {
        let chore = match chores.recv_timeout(TICK) {
            Ok(chore) => Some(chore),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                save_dictionary(shared);
                return save_asked(shared);
            }
        };
        if let Some(chore) = chore {
            carry_out(shared, chore);
            next_retention = self::next_retention(shared);
        }
        bury(shared);
        save_asked(shared);
        if dictionary_saved.elapsed() >= DICTIONARY_TIME {
            save_dictionary(shared);
            dictionary_saved = Instant::now();
        }
        if !shared.config.has_upkeep {
            continue;
        }
        if next_retention.is_some_and(|at| at <= now()) {
            let applied = retention::apply(shared, now(), &How::default(), &shared.progress);
            if applied.is_err() {
                // Not at every tick.
                report(shared, "the time could not be noted", lock(&shared.manifest).set_last_retention(now()));
            }
            report(shared, "policies could not be applied", applied);
            next_retention = self::next_retention(shared);
        }
        let generation = shared.snapshot().segments().iter().map(|s| &s.id).max().cloned();
        let generation = generation.map_or(0, |id| xxhash_rust::xxh3::xxh3_64(id.as_bytes()));
        ticks += 1;
        pause = u32::saturating_sub(pause, 1);
        if pause > 0 || (generation == planned && ticks < IDLE_TICKS) {
            continue;
        }
        (planned, ticks) = (generation, 0);
        while let Some(merged) = merge_next(shared, false) {
            let has_failed = merged.is_err();
            report(shared, "segments could not be merged", merged);
            if has_failed {
                pause = FAILED_TICKS;
                break;
            }
            if shared.is_closing.load(Ordering::Acquire) {
                return;
            }
            // Nobody who asks waits for all that there is to merge.
            while let Ok(chore) = chores.try_recv() {
                carry_out(shared, chore);
                next_retention = self::next_retention(shared);
            }
        }
    }
}

/// How often fields and values are saved while rows come.
const DICTIONARY_TIME: Duration = Duration::from_secs(60);

fn save_dictionary(shared: &Shared) {
    let fields = lock(&shared.dictionary).unsaved();
    if let Some(fields) = fields {
        let rows = encoded(&fields);
        let saved = lock(&shared.manifest).set_dictionary(&rows);
        if saved.is_err() {
            lock(&shared.dictionary).set_unsaved();
        }
        report(shared, "fields and values could not be noted", saved);
    }
}

fn save_asked(shared: &Shared) {
    let asked = lock(&shared.asked).unsaved();
    if let Some(asked) = asked {
        let saved = lock(&shared.manifest).set_asked(&asked);
        if saved.is_err() {
            lock(&shared.asked).set_unsaved();
        }
        report(shared, "what was asked for could not be noted", saved);
    }
}

fn carry_out(shared: &Shared, chore: Chore) {
    match chore {
        // Whoever asked may have gone.
        Chore::Compact(tell) => drop(tell.send(compact(shared))),
        Chore::Retain(at, how, tell) => drop(tell.send(retention::apply(shared, at, &how, &shared.progress))),
        Chore::Repair(tell) => drop(tell.send(repair(shared))),
        // An hour to think better of it.
        Chore::PoliciesSet => {
            report(shared, "the time could not be noted", lock(&shared.manifest).set_last_retention(now()));
        }
    }
}

fn report<T>(shared: &Shared, what: &'static str, result: Result<T, StoreError>) {
    match result {
        Ok(_) => shared.solved(what),
        Err(StoreError::Closing) => {}
        Err(e) => shared.problem(what, &e),
    }
}

/// Lets everything else go first.
fn give_way() {
    // Where that can't be set, the pauses between slices of work must do.
    rustix::process::setpriority_process(Some(rustix::thread::gettid()), 10).ok();
}

/// An hour after the last time, if there is anything to apply: also where that was in an earlier run, so that a program
/// that never runs for an hour applies them too.
fn next_retention(shared: &Shared) -> Option<i64> {
    let (policies, last) = {
        let manifest = lock(&shared.manifest);
        (manifest.policies(), manifest.last_retention())
    };
    let has_some = policies.is_ok_and(|all| !all.is_empty());
    if has_some && last.as_ref().is_ok_and(Option::is_none) {
        // From here on: otherwise each start would put it off again.
        report(shared, "the time could not be noted", lock(&shared.manifest).set_last_retention(now()));
    }
    // A clock that was set back must not put it off for long.
    let last = last.ok().flatten().unwrap_or_else(now).min(now());
    let next = has_some.then(|| last.saturating_add(HOUR_NANOS));
    shared.progress.set_next_retention(next.filter(|_| shared.config.has_upkeep));
    next
}

/// Segments that can be merged: those that can be read.
fn sound(shared: &Shared) -> Vec<Arc<Segment>> {
    shared.snapshot().segments().iter().filter(|s| s.trouble().is_none()).cloned().collect()
}

fn merge_next(shared: &Shared, is_all: bool) -> Option<Result<Merged, StoreError>> {
    let job = plan::plan(&sound(shared), now(), is_all)?;
    let (free, reserve) = shared.space();
    if free.saturating_sub(reserve) < job.n_bytes() {
        // Both the old and the new files are there for a while.
        return is_all
            .then_some(Err(StoreError::DiskFull { free_bytes: free, reserve_bytes: reserve + job.n_bytes() }));
    }
    let n_rows = job.inputs.iter().map(|s| s.n_rows).sum();
    let table = job.inputs.first().map_or("", |s| s.table.name());
    let what = format!("merging {} segments of {table}, {}", job.inputs.len(), job.bucket.name());
    shared.progress.begin(what, n_rows, job.n_bytes());
    let merged = merge::merge(shared, &job, &shared.progress);
    shared.progress.end();
    if let Ok(merged) = &merged {
        shared.progress.merged(*merged);
    }
    Some(merged)
}

fn compact(shared: &Shared) -> Result<Merged, StoreError> {
    let mut all = Merged::default();
    while let Some(merged) = merge_next(shared, true) {
        let merged = merged?;
        all.n_segments += merged.n_segments;
        all.n_made += merged.n_made;
        all.bytes_before += merged.bytes_before;
        all.bytes_after += merged.bytes_after;
    }
    Ok(all)
}

/// Forgets files that were to go and are gone. With no reader left, their segments removed them.
fn bury(shared: &Shared) {
    let root = &shared.layout.dir;
    let mut manifest = lock(&shared.manifest);
    let buried = manifest.doomed(root).and_then(|doomed| {
        let gone: Vec<PathBuf> = doomed.into_iter().filter(|path| !path.exists()).collect();
        if gone.is_empty() { Ok(()) } else { manifest.buried(&gone, root) }
    });
    drop(manifest);
    report(shared, "files that are gone could not be forgotten", buried);
}

/// Removes what a crash left of files that were to go.
pub(crate) fn clear(shared: &Shared) -> Result<(), StoreError> {
    let root = &shared.layout.dir;
    let doomed = lock(&shared.manifest).doomed(root)?;
    let folders: BTreeSet<PathBuf> = doomed.iter().filter_map(|p| Some(p.parent()?.to_owned())).collect();
    let mut gone = Vec::new();
    for path in doomed {
        let removed = shared.disk.remove(&path.with_extension("idx")).and_then(|()| shared.disk.remove(&path));
        match removed {
            Ok(()) => gone.push(path),
            // It is tried again at the next start.
            Err(e) => tracing::warn!("a file that is not needed any more stays: {e}"),
        }
    }
    for folder in folders.iter().filter(|f| f.is_dir()) {
        shared.disk.sync_dir(folder)?;
    }
    if gone.is_empty() { Ok(()) } else { lock(&shared.manifest).buried(&gone, root) }
}
