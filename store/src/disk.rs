//! Everything that the store does to files, in one place, so that tests can make each of it fail.
//!
//! A file is there whole or not at all: it is written aside, synced, renamed, and its directory synced.

use crate::StoreError;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Something that is about to be done to a file.
#[derive(Debug, Clone, Copy)]
pub enum Op<'a> {
    /// Make it, empty.
    Create(&'a Path),
    /// Write bytes at a place.
    Write(&'a Path, u64, &'a [u8]),
    /// Cut it.
    Truncate(&'a Path, u64),
    /// Make its bytes durable.
    Sync(&'a Path),
    /// Give it another name.
    Rename(&'a Path, &'a Path),
    /// Remove it.
    Remove(&'a Path),
    /// Make a directory.
    CreateDir(&'a Path),
    /// Make what was done in a directory durable.
    SyncDir(&'a Path),
    /// Commit a transaction of a database.
    Commit(&'a Path),
}

/// Makes operations fail, and remembers what would be lost by a power cut. For tests.
pub trait Faults: Debug + Send + Sync {
    /// Called before; an error is what the operation then fails with.
    fn before(&self, op: Op<'_>) -> io::Result<()>;
    /// Called once it was done.
    fn done(&self, op: Op<'_>);
}

/// The file system.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    pub faults: Option<Arc<dyn Faults>>,
}

impl Disk {
    /// Runs an operation that may be made to fail.
    pub fn run<T>(&self, op: Op<'_>, run: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let Some(faults) = &self.faults else { return run() };
        faults.before(op)?;
        let result = run()?;
        faults.done(op);
        Ok(result)
    }

    /// Makes a file that is not there yet.
    pub fn create(&self, path: &Path) -> Result<DiskFile, StoreError> {
        let file = self.run(Op::Create(path), || OpenOptions::new().write(true).create_new(true).open(path));
        let file = file.map_err(StoreError::file("create", path))?;
        Ok(DiskFile { disk: self.clone(), path: path.to_owned(), file, end: 0 })
    }

    /// Opens a file for appending; makes it if it is not there.
    pub fn append(&self, path: &Path) -> Result<DiskFile, StoreError> {
        if !path.exists() {
            return self.create(path);
        }
        let file = OpenOptions::new().write(true).open(path).map_err(StoreError::file("open", path))?;
        let end = file.metadata().map_err(StoreError::file("open", path))?.len();
        Ok(DiskFile { disk: self.clone(), path: path.to_owned(), file, end })
    }

    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.run(Op::Rename(from, to), || fs::rename(from, to)).map_err(StoreError::file("rename into", to))
    }

    /// Removes a file; one that is not there is as good.
    pub fn remove(&self, path: &Path) -> Result<(), StoreError> {
        match self.run(Op::Remove(path), || fs::remove_file(path)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(StoreError::file("remove", path)(e)),
            _ => Ok(()),
        }
    }

    /// Makes what was done in a directory durable.
    pub fn sync_dir(&self, dir: &Path) -> Result<(), StoreError> {
        self.run(Op::SyncDir(dir), || File::open(dir)?.sync_all()).map_err(StoreError::file("sync", dir))
    }

    /// Makes `dir` and syncs every folder that was made for it.
    pub fn create_dirs(&self, dir: &Path) -> Result<(), StoreError> {
        if dir.is_dir() {
            return Ok(());
        }
        let Some(parent) = dir.parent() else { return Ok(()) };
        self.create_dirs(parent)?;
        match self.run(Op::CreateDir(dir), || fs::create_dir(dir)) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(StoreError::file("create", dir)(e)),
            _ => self.sync_dir(parent),
        }
    }

    /// A file that is written in `tmp` and then put in place.
    pub fn aside(&self, tmp: &Path, target: &Path) -> Result<Aside, StoreError> {
        let path = tmp.join(target.file_name().unwrap_or_default());
        Ok(Aside { file: Some(self.create(&path)?), path, target: target.to_owned(), disk: self.clone() })
    }
}

/// A file open for writing at its end.
#[derive(Debug)]
pub(crate) struct DiskFile {
    disk: Disk,
    path: PathBuf,
    file: File,
    end: u64,
}

impl DiskFile {
    /// Appends; on failure the end stays where it was, and what is behind it counts as nothing.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let (end, file) = (self.end, &self.file);
        let written = self.disk.run(Op::Write(&self.path, end, bytes), || file.write_all_at(bytes, end));
        written.map_err(StoreError::file("write", &self.path))?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Takes back what was appended since the file was `end` long.
    pub fn cut(&mut self, end: u64) -> Result<(), StoreError> {
        self.end = end;
        let file = &self.file;
        let cut = self.disk.run(Op::Truncate(&self.path, end), || file.set_len(end));
        cut.map_err(StoreError::file("cut", &self.path))
    }

    pub fn end(&self) -> u64 {
        self.end
    }

    /// Makes the bytes durable. A file of which this failed is not to be trusted any more.
    pub fn sync(&self) -> Result<(), StoreError> {
        let file = &self.file;
        self.disk.run(Op::Sync(&self.path), || file.sync_data()).map_err(StoreError::file("sync", &self.path))
    }
}

impl Write for DiskFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is on its way into place; it goes if it does not get there.
#[derive(Debug)]
pub(crate) struct Aside {
    disk: Disk,
    file: Option<DiskFile>,
    path: PathBuf,
    target: PathBuf,
}

impl Aside {
    /// The file, to be given back to [`Aside::put`].
    pub fn take(&mut self) -> Result<DiskFile, StoreError> {
        self.file.take().ok_or_else(|| StoreError::file("write", &self.path)(io::ErrorKind::NotFound.into()))
    }

    /// Syncs the file and puts it in place. The caller syncs the directory once all its files are there.
    pub fn put(self, file: &DiskFile) -> Result<(), StoreError> {
        file.sync()?;
        self.disk.rename(&self.path, &self.target)
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if self.path.exists() {
            // What stays is cleared at the next start.
            drop(self.disk.remove(&self.path));
        }
    }
}
