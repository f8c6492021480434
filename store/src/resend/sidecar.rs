//! The hashes of the last rows on disk (`resend/<n>.rows`), so that a restart need not read them out of segments.
//!
//! A file is a row of blocks, one an epoch: magic `SXR1`, number of hashes (u32), XXH3 of the hashes (u64), hashes of 12
//! bytes. Little-endian. What is damaged is left out: then rows that come again after a restart may be kept twice.
//! `<job>.import` is a block of an import that counts all at once: put there before the manifest names its files, and taken
//! over after that.

use super::{RecentRows, RowHash};
use crate::StoreError;
use crate::config::Durability;
use crate::disk::Disk;
use std::fs;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::xxh3_64;

const MAGIC: &[u8; 4] = b"SXR1";
const HEAD_BYTES: usize = 16;
/// A file that has grown beyond this is followed by a new one.
const FILE_BYTES: u64 = 12 << 20;
/// Older files go.
const N_FILES: usize = 4;

/// The files, open for appending.
pub(crate) struct Sidecar {
    dir: PathBuf,
    disk: Disk,
    durability: Durability,
    /// Set once a write failed: the last file is not written to again.
    is_suspect: bool,
}

fn files_in(dir: &Path) -> Vec<u64> {
    let mut numbers: Vec<u64> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.strip_suffix(".rows")?.parse().ok())
        .collect();
    numbers.sort_unstable();
    numbers
}

impl Sidecar {
    pub fn new(dir: &Path, disk: Disk, durability: Durability) -> Self {
        Self { dir: dir.to_owned(), disk, durability, is_suspect: false }
    }

    fn path(&self, n: u64) -> PathBuf {
        self.dir.join(format!("{n:08}.rows"))
    }

    /// Appends the hashes of an epoch.
    pub fn append(&mut self, rows: &[RowHash]) -> Result<(), StoreError> {
        let appended = self.append_to_last(rows);
        self.is_suspect = appended.is_err();
        appended
    }

    /// The file of rows that count once an import is registered.
    fn aside(&self, job: &str) -> PathBuf {
        self.dir.join(format!("{job}.import"))
    }

    /// Writes the hashes of an import's rows, before it is registered.
    pub fn put_aside(&self, job: &str, rows: &[RowHash]) -> Result<(), StoreError> {
        let mut file = self.disk.append(&self.aside(job))?;
        file.cut(0)?;
        file.append(&to_block(rows))?;
        file.sync()?;
        self.disk.sync_dir(&self.dir)
    }

    /// The import was registered: its rows count.
    pub fn take_over(&mut self, job: &str) -> Result<(), StoreError> {
        let path = self.aside(job);
        let bytes = fs::read(&path).map_err(StoreError::file("read", &path))?;
        let (hashes, _) = block(&bytes).unwrap_or_default();
        self.append(&hashes.chunks_exact(12).map(to_hash).collect::<Vec<_>>())?;
        self.disk.remove(&path)
    }

    /// The import came to nothing.
    pub fn let_go(&self, job: &str) -> Result<(), StoreError> {
        self.disk.remove(&self.aside(job))
    }

    /// Imports whose rows are aside.
    pub fn imports(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.dir).into_iter().flatten().flatten();
        entries.filter_map(|e| Some(e.file_name().to_str()?.strip_suffix(".import")?.to_owned())).collect()
    }

    fn append_to_last(&self, rows: &[RowHash]) -> Result<(), StoreError> {
        let numbers = files_in(&self.dir);
        let last = numbers.last().copied();
        let is_full = |n: u64| self.is_suspect || fs::metadata(self.path(n)).is_ok_and(|m| m.len() > FILE_BYTES);
        let n = last.map_or(1, |n| if is_full(n) { n + 1 } else { n });
        let path = self.path(n);
        let mut file = self.disk.append(&path)?;
        file.append(&to_block(rows))?;
        if self.durability == Durability::Fsync {
            file.sync()?;
            // Each time: the file may be of an attempt that got no further.
            self.disk.sync_dir(&self.dir)?;
        }
        if Some(n) != last {
            for old in numbers.iter().rev().skip(N_FILES - 1) {
                self.disk.remove(&self.path(*old))?;
            }
        }
        Ok(())
    }

    /// Removes all files: what they are about is not there any more.
    pub fn clear(&self) -> Result<(), StoreError> {
        for n in files_in(&self.dir) {
            self.disk.remove(&self.path(n))?;
        }
        Ok(())
    }

    /// Files that are not whole blocks from end to end.
    pub fn damaged(&self) -> Vec<PathBuf> {
        let is_sound = |bytes: &[u8]| {
            let mut at = 0;
            while let Some((_, end)) = block(&bytes[at..]) {
                at += end;
            }
            at == bytes.len()
        };
        let paths = files_in(&self.dir).into_iter().map(|n| self.path(n));
        paths.filter(|path| !fs::read(path).is_ok_and(|bytes| is_sound(&bytes))).collect()
    }

    /// Reads everything that is sound into `rows`.
    pub fn load(&self, rows: &mut RecentRows) {
        for n in files_in(&self.dir) {
            let path = self.path(n);
            match fs::read(&path) {
                Ok(bytes) => load(&bytes, rows),
                Err(e) => tracing::warn!(path = %path.display(), "rows that come again may be kept twice: {e}"),
            }
        }
    }
}

fn to_block(rows: &[RowHash]) -> Vec<u8> {
    let bytes: Vec<u8> = rows.iter().flat_map(|r| r.0).flat_map(u32::to_le_bytes).collect();
    let mut block = Vec::with_capacity(HEAD_BYTES + bytes.len());
    block.extend_from_slice(MAGIC);
    block.extend_from_slice(&(rows.len() as u32).to_le_bytes());
    block.extend_from_slice(&xxh3_64(&bytes).to_le_bytes());
    block.extend_from_slice(&bytes);
    block
}

/// A hash out of its 12 bytes.
fn to_hash(h: &[u8]) -> RowHash {
    let word = |i: usize| u32::from_le_bytes([h[i], h[i + 1], h[i + 2], h[i + 3]]);
    RowHash([word(0), word(4), word(8)])
}

fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<u64> {
    Some(bytes.get(at..at + N)?.iter().rev().fold(0, |all, b| (all << 8) | u64::from(*b)))
}

fn block(bytes: &[u8]) -> Option<(&[u8], usize)> {
    bytes.strip_prefix(MAGIC)?;
    let (n, checksum) = (number::<4>(bytes, 4)? as usize, number::<8>(bytes, 8)?);
    let end = HEAD_BYTES.checked_add(n.checked_mul(12)?)?;
    let hashes = bytes.get(HEAD_BYTES..end)?;
    (xxh3_64(hashes) == checksum).then_some((hashes, end))
}

fn load(bytes: &[u8], rows: &mut RecentRows) {
    let mut at = 0;
    while at < bytes.len() {
        if let Some((hashes, end)) = block(&bytes[at..]) {
            for hash in hashes.chunks_exact(12).map(to_hash) {
                rows.insert(hash);
            }
            rows.turn();
            at += end;
        } else {
            let next = memchr::memmem::find(&bytes[at + 1..], MAGIC);
            at = next.map_or(bytes.len(), |i| at + 1 + i);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(i: u32) -> RowHash {
        RowHash([i * 2 + 1, i, i])
    }

    #[test]
    fn damage_costs_a_block() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut sidecar = Sidecar::new(dir.path(), Disk::default(), Durability::Os);
        for i in 0..3 {
            sidecar.append(&[hash(2 * i), hash(2 * i + 1)]).expect("appends");
        }
        let path = sidecar.path(1);
        let sound = fs::read(&path).expect("is there");
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x10;
            fs::write(&path, &bytes).expect("writes");
            let mut rows = RecentRows::default();
            sidecar.load(&mut rows);
            let known: Vec<u32> = (0..6).filter(|i| !rows.insert(hash(*i))).collect();
            let hit = (at / (sound.len() / 3)) as u32;
            let expected: Vec<u32> = (0..6).filter(|i| i / 2 != hit).collect();
            assert_eq!(known, expected, "damaged at {at}");
        }
    }

    #[test]
    fn old_files_go() {
        let dir = tempfile::tempdir().expect("a directory");
        let mut sidecar = Sidecar::new(dir.path(), Disk::default(), Durability::Os);
        let many: Vec<RowHash> = (0..600_000).map(hash).collect();
        for _ in 0..16 {
            sidecar.append(&many).expect("appends");
        }
        assert_eq!(files_in(dir.path()), [5, 6, 7, 8], "two blocks a file");
    }
}
