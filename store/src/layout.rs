//! The folders of a data directory.

use crate::StoreError;
use std::fs;
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

    /// The manifest.
    pub fn manifest(&self) -> PathBuf {
        self.dir.join("segments.db")
    }
}

/// Free bytes of the file system that holds `dir`, and all its bytes.
pub(crate) fn disk_space(dir: &Path) -> Result<(u64, u64), StoreError> {
    let s = rustix::fs::statvfs(dir).map_err(|e| StoreError::file("ask for the free space of", dir)(e.into()))?;
    Ok((s.f_bavail * s.f_frsize, s.f_blocks * s.f_frsize))
}
