//! The folders of a data directory.

use crate::StoreError;
use crate::recover::files_below;
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
    /// The folders, there or not.
    pub fn of(dir: &Path) -> Self {
        let at = |name: &str| dir.join(name);
        Self {
            dir: dir.to_owned(),
            wal: at("wal"),
            segments: at("segments"),
            quarantine: at("quarantine"),
            resend: at("resend"),
            tmp: at("tmp"),
        }
    }

    /// Whether there is a store that nothing can be written to.
    pub fn is_read_only(dir: &Path) -> bool {
        let can_write = |path: &Path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok();
        Self::of(dir).manifest().exists() && !(can_write(dir) && can_write(&dir.join("segments")))
    }

    /// Makes what is missing; what a crash left in `tmp` goes.
    pub fn make(dir: &Path) -> Result<Self, StoreError> {
        let layout = Self::of(dir);
        for folder in [&layout.dir, &layout.wal, &layout.segments, &layout.quarantine, &layout.resend, &layout.tmp] {
            fs::create_dir_all(folder).map_err(StoreError::file("create", folder))?;
        }
        // Telemetry is for its owner's eyes. A directory that is somebody else's stays as it is.
        if let Err(e) = fs::set_permissions(dir, fs::Permissions::from_mode(0o700)) {
            tracing::warn!(dir = %dir.display(), "other users may be able to read the data: {e}");
        }
        for entry in fs::read_dir(&layout.tmp).map_err(StoreError::file("read", &layout.tmp))?.flatten() {
            let is_folder = entry.file_type().is_ok_and(|t| t.is_dir());
            let removed = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
            removed.map_err(StoreError::file("remove", entry.path()))?;
        }
        Ok(layout)
    }

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.dir.join("segments.db")
    }
}

/// A directory of our own among the system's temporary ones.
pub(crate) struct TemporaryDir(pub PathBuf);

impl TemporaryDir {
    pub fn new() -> Result<Self, StoreError> {
        let path = std::env::temp_dir().join(format!("sextant-{}", ulid::Ulid::generate().to_string().to_lowercase()));
        fs::create_dir(&path).map_err(StoreError::file("create", &path))?;
        Ok(Self(path))
    }
}

impl Drop for TemporaryDir {
    fn drop(&mut self) {
        // The system clears what stays.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// How many files there are below a folder, and their bytes.
pub(crate) fn sizes_below(folder: &Path) -> (u64, u64) {
    let files = files_below(folder);
    (files.len() as u64, files.iter().filter_map(|path| path.metadata().ok()).map(|m| m.len()).sum())
}

/// Free bytes of the file system that holds `dir`, and all its bytes.
pub(crate) fn disk_space(dir: &Path) -> Result<(u64, u64), StoreError> {
    let s = rustix::fs::statvfs(dir).map_err(|e| StoreError::file("ask for the free space of", dir)(e.into()))?;
    Ok((s.f_bavail * s.f_frsize, s.f_blocks * s.f_frsize))
}

pub(crate) fn take_lock(layout: &Layout) -> Result<File, StoreError> {
    let path = layout.dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StoreError::file("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Locked(layout.dir.clone())),
        Err(std::fs::TryLockError::Error(e)) => Err(StoreError::file("lock", &path)(e)),
    }
}

/// A writer beside this reader would take logs away that are being read.
pub(crate) fn share_lock(layout: &Layout) -> Result<Option<File>, StoreError> {
    // A copied directory may have none.
    let Ok(file) = File::open(layout.dir.join("lock")) else { return Ok(None) };
    match file.try_lock_shared() {
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Locked(layout.dir.clone())),
        // A disk that knows no locks has no writer that takes one.
        Ok(()) | Err(std::fs::TryLockError::Error(_)) => Ok(Some(file)),
    }
}
