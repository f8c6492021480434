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

use crate::config::Durability;
use crate::{StoreError, files};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
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
    file: File,
    path: PathBuf,
    end: u64,
}

impl WalFile {
    /// Makes the file of a new epoch.
    pub fn create(dir: &Path, epoch: u64, durability: Durability) -> Result<Self, StoreError> {
        let path = path(dir, epoch);
        let mut file =
            OpenOptions::new().write(true).create_new(true).open(&path).map_err(StoreError::file("create", &path))?;
        let head = frame::file_head()?;
        file.write_all(&head).map_err(StoreError::file("write", &path))?;
        if durability == Durability::Fsync {
            file.sync_all().map_err(StoreError::file("sync", &path))?;
            files::sync_dir(dir)?;
        }
        Ok(Self { file, path, end: head.len() as u64 })
    }

    /// Appends frames and makes them durable; on failure nothing of them stays.
    pub fn append(&mut self, frames: &[u8], durability: Durability) -> Result<(), StoreError> {
        let written = self.file.write_all_at(frames, self.end).and_then(|()| match durability {
            Durability::Fsync => self.file.sync_data(),
            Durability::Os => Ok(()),
        });
        if let Err(e) = written {
            // A rest that can't be cut off is a torn tail, which recovery cuts.
            drop(self.file.set_len(self.end));
            return Err(StoreError::file("append to", &self.path)(e));
        }
        self.end += frames.len() as u64;
        Ok(())
    }
}
