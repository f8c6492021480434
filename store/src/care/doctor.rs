//! Is everything that was written still what was written?

use crate::StoreError;
use crate::ledger::{Ledger, LedgerKey};
use crate::manifest::Replacement;
use crate::recover::files_below;
use crate::resend::Requests;
use crate::snapshot::{Segment, Snapshot, Tier};
use crate::state::{Shared, lock};
use sextant_columns::{ColumnsError, SegmentFooter, TraceIndex, has_traces, read_footer, write_trace_index};
use sextant_model::{Signal, UnixNanos};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something is not what was written.
    Damage,
    /// Something is not there now, and may come back.
    Unavailable,
    /// Nothing is lost; somebody should know.
    Note,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub kind: Kind,
    /// Which file.
    pub path: PathBuf,
    /// What is wrong with it, and what to do.
    pub what: String,
}

impl Finding {
    fn new(kind: Kind, path: &Path, what: impl Into<String>) -> Self {
        Self { kind, path: path.to_owned(), what: what.into() }
    }
}

/// Reads every file and holds it against what the manifest says of it, for as long as somebody wants to know.
pub(crate) fn examine(shared: &Shared, is_stopped: &dyn Fn() -> bool) -> Result<Vec<Finding>, StoreError> {
    let mut found = Vec::new();
    let snapshot = shared.snapshot();
    for segment in snapshot.segments() {
        if is_stopped() {
            return Err(StoreError::Cancelled);
        }
        found.extend(segment_finding(segment));
        found.extend(index_finding(segment));
    }
    for path in orphans(shared, &snapshot)? {
        found.push(Finding::new(Kind::Note, &path, "nothing names this file; --repair puts it aside"));
    }
    for path in lock(&shared.sidecar).damaged() {
        let what = "damaged: rows that come again may be kept twice; --repair puts it aside";
        found.push(Finding::new(Kind::Damage, &path, what));
    }
    if let Some(what) = lock(&shared.manifest).check()? {
        found.push(Finding::new(Kind::Damage, &shared.layout.manifest(), format!("{what}; use --rebuild")));
    }
    found.extend(ledger_findings(shared, &snapshot));
    for path in files_below(&shared.layout.quarantine) {
        found.push(Finding::new(Kind::Note, &path, "was put aside; nothing reads it"));
    }
    Ok(found)
}

fn segment_finding(segment: &Segment) -> Option<Finding> {
    let path = &segment.path;
    if !path.exists() {
        return Some(if segment.tier == Tier::Cold {
            let what = format!("its directory is away; {} records are unavailable", segment.n_rows);
            Finding::new(Kind::Unavailable, path, what)
        } else {
            Finding::new(Kind::Damage, path, format!("it is gone, with {} records", segment.n_rows))
        });
    }
    let is_sound = match segment.verify() {
        Ok(is_sound) => is_sound,
        Err(e) => return Some(Finding::new(Kind::Unavailable, path, format!("it can't be read now: {e}"))),
    };
    if !is_sound {
        segment.set_damaged();
        let what = format!("its checksum is wrong; its {} records are left out of every answer", segment.n_rows);
        return Some(Finding::new(Kind::Damage, path, what));
    }
    let is_as_said = read_footer(path)
        .is_ok_and(|f| f.n_rows == segment.n_rows && f.table == segment.table && f.project == segment.project);
    (!is_as_said).then(|| Finding::new(Kind::Damage, path, "its footer is not what the manifest says"))
}

fn index_finding(segment: &Segment) -> Option<Finding> {
    if !has_traces(segment.table) || !segment.path.exists() {
        return None;
    }
    let path = segment.path.with_extension("idx");
    let e = match TraceIndex::open(&path) {
        Ok(index) => {
            let is_of_file = TraceIndex::open_beside(&segment.path).is_ok_and(|b| b.n_groups() == index.n_groups());
            let what = "its filters are of other row groups and not used; --repair makes it anew";
            return (!is_of_file).then(|| Finding::new(Kind::Damage, &path, what));
        }
        Err(e) => e,
    };
    let kind = if matches!(e, ColumnsError::OldIndex) { Kind::Note } else { Kind::Damage };
    let what = format!("{e}; traces are looked up without it, slowly; --repair makes it anew");
    Some(Finding::new(kind, &path, what))
}

/// Files below `segments/` that the manifest does not name.
fn orphans(shared: &Shared, snapshot: &Snapshot) -> Result<Vec<PathBuf>, StoreError> {
    let doomed: BTreeSet<PathBuf> = lock(&shared.manifest).doomed(&shared.layout.dir)?.into_iter().collect();
    let known: BTreeSet<&Path> = snapshot.segments().iter().map(|s| s.path.as_path()).collect();
    // What is being written now is newer than the snapshot; it has a moment to be named.
    let is_known = |path: &PathBuf| {
        let segment = path.with_extension("parquet");
        known.contains(segment.as_path()) || doomed.contains(&segment)
    };
    let left: Vec<PathBuf> = files_below(&shared.layout.segments).into_iter().filter(|p| !is_known(p)).collect();
    let now: BTreeSet<PathBuf> = shared.snapshot().segments().iter().map(|s| s.path.clone()).collect();
    let left = left.into_iter().filter(|p| !now.contains(&p.with_extension("parquet")));
    let mut found = Vec::new();
    for path in left {
        if !is_under_way(shared, &path)? {
            found.push(path);
        }
    }
    // What was under way when it was looked at may have been registered before it was asked whether it is.
    let now: BTreeSet<PathBuf> = shared.snapshot().segments().iter().map(|s| s.path.clone()).collect();
    found.retain(|path| !now.contains(&path.with_extension("parquet")));
    Ok(found)
}

/// Whether a file is being put in place: by sealing (epochs are registered in their order, and its own is not yet), or by
/// an import that counts all at once. An index comes before its segment.
fn is_under_way(shared: &Shared, path: &Path) -> Result<bool, StoreError> {
    let segment = path.with_extension("parquet");
    if path != segment && !segment.exists() {
        let age = path.metadata().and_then(|m| m.modified()).map(|t| t.elapsed().unwrap_or_default());
        return Ok(age.is_ok_and(|age| age < std::time::Duration::from_secs(60)));
    }
    match read_footer(&segment) {
        Ok(SegmentFooter { replaces: Some(part), .. }) => Ok(lock(&shared.jobs).contains(&part.job)),
        Ok(footer) => Ok(footer.epoch > lock(&shared.manifest).last_epoch()?),
        Err(_) => Ok(false),
    }
}

fn ledger_findings(shared: &Shared, snapshot: &Snapshot) -> Vec<Finding> {
    let ledger = shared.ledger().clone();
    // Requests may have come since the snapshot was taken; then the ledger is ahead of it and proves nothing.
    let is_quiet = shared.snapshot().generation == snapshot.generation;
    let mut found = Vec::new();
    for signal in Signal::ALL.into_iter().filter(|_| is_quiet) {
        let stored: u64 = ledger.0.iter().filter(|(k, _)| k.signal == signal).map(|(_, row)| row.stored()).sum();
        let there: u64 = signal.tables().iter().map(|table| snapshot.n_rows(*table)).sum();
        if stored != there {
            let what = format!("the ledger says {stored} {} and {there} are there", signal.records());
            found.push(Finding::new(Kind::Damage, &shared.layout.manifest(), what));
        }
    }
    found
}

/// Puts aside what is damaged and what nothing names, and makes trace indexes anew. Nothing is deleted.
pub(crate) fn repair(shared: &Shared) -> Result<Vec<Finding>, StoreError> {
    let mut done = Vec::new();
    let snapshot = shared.snapshot();
    let mut is_any_gone = false;
    for segment in snapshot.segments() {
        if segment_finding(segment).is_some_and(|f| f.kind == Kind::Damage) {
            if !is_any_gone {
                // Its rows may come again, and then they are no duplicates: this first, so that no failure keeps it from being.
                lock(&shared.sidecar).clear()?;
                lock(&shared.manifest).forget_requests()?;
                *lock(&shared.requests) = Requests::default();
                shared.is_memory_stale.store(true, Ordering::Release);
            }
            let aside = put_aside(shared, &segment.path)?;
            put_aside(shared, &segment.path.with_extension("idx"))?;
            forget(shared, segment)?;
            is_any_gone = true;
            let what = format!("put aside as {}; its {} records count as evicted", aside.display(), segment.n_rows);
            done.push(Finding::new(Kind::Note, &segment.path, what));
        } else if let Some(finding) = index_finding(segment) {
            let bytes = write_trace_index(&segment.path, segment.table)?;
            if finding.kind == Kind::Damage {
                put_aside(shared, &finding.path)?;
            }
            let mut aside = shared.disk.aside(&shared.layout.tmp, &finding.path)?;
            let mut file = aside.take()?;
            file.append(&bytes)?;
            aside.put(&file)?;
            segment.forget_index();
            done.push(Finding::new(Kind::Note, &finding.path, "made anew"));
        }
    }
    for path in orphans(shared, &snapshot)?.into_iter().chain(lock(&shared.sidecar).damaged()) {
        let aside = put_aside(shared, &path)?;
        done.push(Finding::new(Kind::Note, &path, format!("put aside as {}", aside.display())));
    }
    Ok(done)
}

/// Moves a file into the quarantine; one that is not there stays where it is not.
fn put_aside(shared: &Shared, path: &Path) -> Result<PathBuf, StoreError> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let taken = |n: u32| shared.layout.quarantine.join(if n == 0 { name.clone() } else { format!("{name}.{n}") });
    let target = (0..u32::MAX).map(taken).find(|p| !p.exists()).unwrap_or_else(|| taken(0));
    if path.exists() {
        shared.disk.rename(path, &target)?;
        shared.disk.sync_dir(&shared.layout.quarantine)?;
    }
    Ok(target)
}

/// Takes a segment out of the manifest; its records are counted as evicted by damage.
fn forget(shared: &Shared, segment: &Arc<Segment>) -> Result<(), StoreError> {
    let mut evicted = Ledger::default();
    {
        let ledger = shared.ledger();
        let is_of = |key: &LedgerKey| key.project == segment.project && key.signal == segment.table.signal();
        // Its rows can't be read any more, so they are counted against the days on which they can have come.
        let days = segment.received.map(|(a, b)| (UnixNanos(a).day(), UnixNanos(b).day()));
        let may = |day: &String| days.as_ref().is_none_or(|(a, b)| a <= day && day <= b);
        let days: BTreeSet<&String> = ledger.0.keys().filter(|k| is_of(k)).map(|k| &k.day).filter(|d| may(d)).collect();
        let mut left = segment.n_rows;
        for day in days {
            left -= ledger.share_evicted(&mut evicted, &segment.project, segment.table.signal(), day, "damaged", left);
        }
    }
    let gone = [segment.clone()];
    lock(&shared.manifest)
        .replace(&Replacement { gone: &gone, counts: evicted.clone(), ..Replacement::default() }, &shared.layout.dir)?;
    shared.ledger().merge(&evicted);
    shared.publish_replaced(&gone, Vec::new());
    Ok(())
}
