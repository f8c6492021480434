//! Files that are there whole or not at all: written aside, synced, renamed, and the directory synced.

use crate::StoreError;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The folders of a data directory.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub dir: PathBuf,
    pub wal: PathBuf,
    pub segments: PathBuf,
    pub quarantine: PathBuf,
    /// Hashes of the last rows.
    pub resend: PathBuf,
    pub tmp: PathBuf,
}

impl Layout {
    /// Makes what is missing; what a crash left in `tmp` goes.
    pub fn make(dir: &Path) -> Result<Self, StoreError> {
        let at = |name: &str| dir.join(name);
        let layout = Self {
            dir: dir.to_owned(),
            wal: at("wal"),
            segments: at("segments"),
            quarantine: at("quarantine"),
            resend: at("resend"),
            tmp: at("tmp"),
        };
        for folder in [&layout.dir, &layout.wal, &layout.segments, &layout.quarantine, &layout.resend, &layout.tmp] {
            fs::create_dir_all(folder).map_err(StoreError::file("create", folder))?;
        }
        // Telemetry is for its owner's eyes. A directory that is somebody else's stays as it is.
        if let Err(e) = fs::set_permissions(dir, fs::Permissions::from_mode(0o700)) {
            tracing::warn!(dir = %dir.display(), "other users may be able to read the data: {e}");
        }
        for entry in fs::read_dir(&layout.tmp).map_err(StoreError::file("read", &layout.tmp))?.flatten() {
            fs::remove_file(entry.path()).map_err(StoreError::file("remove", entry.path()))?;
        }
        Ok(layout)
    }
}

/// Makes what was done in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(StoreError::file("sync", dir))
}

/// Makes `dir` and syncs every folder that was made for it.
pub(crate) fn create_dirs(dir: &Path) -> Result<(), StoreError> {
    if dir.is_dir() {
        return Ok(());
    }
    if let Some(parent) = dir.parent() {
        create_dirs(parent)?;
        match fs::create_dir(dir) {
            Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => {
                return Err(StoreError::file("create", dir)(e));
            }
            _ => sync_dir(parent)?,
        }
    }
    Ok(())
}

/// Writes a file aside and puts it in place. The caller syncs the directory once all its files are there.
pub(crate) fn put(
    tmp: &Path,
    target: &Path,
    write: impl FnOnce(File) -> Result<File, StoreError>,
) -> Result<(), StoreError> {
    let name = target.file_name().unwrap_or_default();
    let aside = tmp.join(name);
    let file = File::create(&aside).map_err(StoreError::file("create", &aside))?;
    let written = write(file).and_then(|f| f.sync_all().map_err(StoreError::file("sync", &aside)));
    if let Err(e) = written {
        // The rest of a failed write is cleared at the next start at the latest.
        drop(fs::remove_file(&aside));
        return Err(e);
    }
    fs::rename(&aside, target).map_err(StoreError::file("rename into", target))
}

/// Free bytes of the file system that holds `dir`, and all its bytes.
pub(crate) fn disk_space(dir: &Path) -> Result<(u64, u64), StoreError> {
    let s = rustix::fs::statvfs(dir).map_err(|e| StoreError::file("ask for the free space of", dir)(e.into()))?;
    Ok((s.f_bavail * s.f_frsize, s.f_blocks * s.f_frsize))
}
