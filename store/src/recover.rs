//! What a crash left: logs that no segments cover yet.

use crate::hot::HotEpoch;
use crate::ingest::Rows;
use crate::resend::{RecentRows, Seen};
use crate::seal::Closed;
use crate::senders::sender_of;
use crate::state::{Shared, lock};
use crate::{StoreError, wal, whole};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::UInt64Type;
use sextant_columns::{conformed, read_footer};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

/// Reads the logs that no segments cover yet; returns them and the number of the next epoch.
pub(crate) fn recover(shared: &Shared) -> Result<(Vec<Closed>, u64), StoreError> {
    let dir = &shared.layout.wal;
    let mut epochs: Vec<u64> = std::fs::read_dir(dir)
        .map_err(StoreError::file("read", dir))?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".wal")?.parse().ok())
        .collect();
    epochs.sort_unstable();
    let mut next = lock(&shared.manifest).last_epoch()? + 1;
    let mut closed = Vec::new();
    let mut replay = Replay::default();
    let mut uncovered = Vec::new();
    for epoch in epochs {
        next = next.max(epoch + 1);
        let path = wal::path(dir, epoch);
        if lock(&shared.manifest).is_covered(epoch)? {
            if !shared.config.is_read_only {
                shared.disk.remove(&path)?;
            }
            continue;
        }
        let bytes = std::fs::read(&path).map_err(StoreError::file("read", &path))?;
        let found = wal::recover(&bytes);
        shared.recovered.0.fetch_add(found.torn_bytes as u64, Ordering::AcqRel);
        shared.recovered.1.fetch_add(found.damaged.len() as u64, Ordering::AcqRel);
        if !shared.config.is_read_only {
            quarantine(shared, epoch, &bytes, &found)?;
        }
        closed.push(replay.epoch(shared, epoch, found)?);
        uncovered.push(epoch);
    }
    if !shared.config.is_read_only {
        remove_orphans(shared, &uncovered)?;
    }
    Ok((closed, next))
}

/// What was replayed so far. A frame that its sender was not told of may be there beside the one that it sent again.
#[derive(Default)]
struct Replay {
    rows: RecentRows,
    requests: HashSet<u128>,
}

impl Replay {
    fn epoch(&mut self, shared: &Shared, epoch: u64, found: wal::Recovered) -> Result<Closed, StoreError> {
        let mut closed = Closed { hot: HotEpoch::new(epoch), ..Closed::default() };
        for (mut ingest, batches) in found.requests {
            let key = ingest.request.clone();
            if key.as_ref().is_some_and(|key| !self.requests.insert(key.hash)) {
                let seen = Seen::new(ingest.received_at, &ingest.counts, "");
                ingest.counts = seen.counts_of_repeat();
                closed.ledger.add(&ingest);
                continue;
            }
            for (table, rows) in batches {
                if let Some(number) = sender(&rows) {
                    lock(&shared.senders).learn(number, (ingest.client.clone(), ingest.protocol.clone()));
                }
                lock(&shared.services).see(&rows);
                lock(&shared.dictionary).see(&ingest.project, table, &rows);
                // The log may be of an older version.
                let mut rows = Rows::new(table, conformed(table, rows)?);
                let keep: Vec<bool> = rows.hashes.iter().map(|hash| self.rows.insert(*hash)).collect();
                if let n @ 1.. = keep.iter().filter(|k| !**k).count() {
                    ingest.leave_out(table, n);
                    rows = rows.filtered(keep)?;
                }
                closed.rows.extend(rows.hashes.iter().filter(|h| !h.is_none()));
                closed.hot.push(table, rows.batch);
            }
            self.rows.turn();
            if let Some(key) = key {
                closed.requests.push((key.hash, Seen::new(ingest.received_at, &ingest.counts, &key.reply)));
            }
            closed.ledger.add(&ingest);
        }
        Ok(closed)
    }
}

/// Removes segment files that a crash left before the manifest named them: those of epochs that are replayed, those that were
/// to replace segments which are still there, and those of imports that never ended. Any other file that nothing names is
/// left for `doctor`.
fn remove_orphans(shared: &Shared, uncovered: &[u64]) -> Result<(), StoreError> {
    let snapshot = shared.snapshot();
    let unfinished = whole::unfinished(shared)?;
    let known: HashSet<&str> = snapshot.segments().iter().map(|s| s.id.as_str()).collect();
    for path in files_below(&shared.layout.segments) {
        let id = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        if known.contains(id) {
            continue;
        }
        let is_left_over = match path.extension().and_then(|e| e.to_str()) {
            Some("idx") => !path.with_extension("parquet").exists(),
            Some("parquet") => read_footer(&path).is_ok_and(|footer| match &footer.replaces {
                None => uncovered.contains(&footer.epoch),
                Some(part) if part.segments.is_empty() => unfinished.contains(&part.job),
                Some(replaces) => replaces.segments.iter().all(|id| known.contains(id.as_str())),
            }),
            _ => false,
        };
        if is_left_over {
            shared.disk.remove(&path.with_extension("idx"))?;
            shared.disk.remove(&path)?;
        }
    }
    whole::forget(shared, &unfinished)
}

/// All files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

fn sender(rows: &RecordBatch) -> Option<u16> {
    let ids = rows.column_by_name("IngestId")?.as_primitive_opt::<UInt64Type>()?;
    if ids.is_empty() { None } else { sender_of(ids.value(0)) }
}

fn quarantine(shared: &Shared, epoch: u64, bytes: &[u8], found: &wal::Recovered) -> Result<(), StoreError> {
    for place in &found.damaged {
        let name = format!("wal-{epoch:010}-at-{}.bin", place.start);
        let path = shared.layout.quarantine.join(name);
        tracing::error!(path = %path.display(), "a damaged place in the write-ahead log was put aside");
        let mut file = shared.disk.append(&path)?;
        file.cut(0)?;
        file.append(&bytes[place.clone()])?;
    }
    if found.torn_bytes > 0 {
        tracing::warn!(
            epoch,
            torn_bytes = found.torn_bytes,
            "the log ended in the middle of a write, which nobody was told of"
        );
    }
    Ok(())
}
