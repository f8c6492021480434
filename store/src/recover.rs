//! What a crash left: logs that no segments cover yet.

use crate::hot::HotEpoch;
use crate::ingest::Rows;
use crate::resend::Seen;
use crate::seal::Closed;
use crate::senders::sender_of;
use crate::state::{Shared, lock};
use crate::{StoreError, wal};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::UInt64Type;
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
    for epoch in epochs {
        next = next.max(epoch + 1);
        let path = wal::path(dir, epoch);
        if lock(&shared.manifest).is_covered(epoch)? {
            std::fs::remove_file(&path).map_err(StoreError::file("remove", &path))?;
            continue;
        }
        let bytes = std::fs::read(&path).map_err(StoreError::file("read", &path))?;
        let found = wal::recover(&bytes);
        shared.recovered.0.fetch_add(found.torn_bytes as u64, Ordering::AcqRel);
        shared.recovered.1.fetch_add(found.damaged.len() as u64, Ordering::AcqRel);
        quarantine(shared, epoch, &bytes, &found)?;
        closed.push(replayed(shared, epoch, found));
    }
    Ok((closed, next))
}

fn replayed(shared: &Shared, epoch: u64, found: wal::Recovered) -> Closed {
    let mut closed = Closed { hot: HotEpoch::new(epoch), ..Closed::default() };
    for (ingest, batches) in found.requests {
        closed.ledger.add(&ingest);
        if let Some(request) = &ingest.request {
            closed.requests.push((request.hash, Seen::new(ingest.received_at, &ingest.counts, &request.reply)));
        }
        for (table, rows) in batches {
            if let Some(number) = sender(&rows) {
                lock(&shared.senders).learn(number, (ingest.client.clone(), ingest.protocol.clone()));
            }
            lock(&shared.services).see(&rows);
            let rows = Rows::new(table, rows);
            closed.rows.extend(&rows.hashes);
            closed.hot.push(table, rows.batch);
        }
    }
    closed
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
        std::fs::write(&path, &bytes[place.clone()]).map_err(StoreError::file("write", &path))?;
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
