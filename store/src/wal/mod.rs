//! The write-ahead log: one file an epoch, a frame a request, checksummed.
//!
//! File: magic `SXWAL001`, length (u32), XXH3 (u64) and Arrow IPC schemas of the seven tables, each with its length (u32).
//! Frame: magic `SXF1`, length (u32), XXH3 of the payload (u64), payload. Payload: length (u32) and JSON of what is
//! counted, then for each batch its table (u8), length (u32) and an Arrow IPC message with lz4 buffers. Little-endian.

mod frame;
mod recover;
#[cfg(test)]
mod tests;

pub(crate) use frame::encode;
pub(crate) use recover::{Recovered, recover};

use crate::StoreError;
use crate::config::Durability;
use crate::disk::{Disk, DiskFile};
use std::path::{Path, PathBuf};

pub(crate) const FILE_MAGIC: &[u8; 8] = b"SXWAL001";
pub(crate) const FRAME_MAGIC: &[u8; 4] = b"SXF1";
/// Magic, length, checksum.
pub(crate) const FRAME_HEAD_BYTES: usize = 16;

/// The path of an epoch's file.
pub(crate) fn path(dir: &Path, epoch: u64) -> PathBuf {
    dir.join(format!("{epoch:010}.wal"))
}

/// The file of the epoch that is being written.
pub(crate) struct WalFile {
    file: DiskFile,
}

impl WalFile {
    /// Makes the file of a new epoch.
    pub fn create(disk: &Disk, dir: &Path, epoch: u64, durability: Durability) -> Result<Self, StoreError> {
        let path = path(dir, epoch);
        // A file of this number that is there is an attempt of which the head was not synced: nothing was acknowledged.
        disk.remove(&path)?;
        let mut file = disk.create(&path)?;
        file.append(&frame::file_head()?)?;
        if durability == Durability::Fsync {
            file.sync()?;
            disk.sync_dir(dir)?;
        }
        Ok(Self { file })
    }

    /// Appends frames and makes them durable; on failure nothing of them stays, if the disk lets us.
    pub fn append(&mut self, frames: &[u8], durability: Durability) -> Result<(), StoreError> {
        let end = self.file.end();
        let written = self.file.append(frames).and_then(|()| match durability {
            Durability::Fsync => self.file.sync(),
            Durability::Os => Ok(()),
        });
        if let Err(e) = written {
            // What can't be cut off is read at the next start, as frames that nobody was told of.
            drop(self.file.cut(end));
            return Err(e);
        }
        Ok(())
    }
}
