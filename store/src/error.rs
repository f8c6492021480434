//! What can go wrong in the store.

use std::path::PathBuf;

/// A failure of the store, with what to do where that is known.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the data directory.
    #[error("the data directory is in use by another process (sextant serve, or the desktop program): {0}")]
    Locked(PathBuf),
    /// The directory or a file in it can't be used.
    #[error("cannot {what} {path}: {source}")]
    File {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The directory was written by a newer version.
    #[error("the data directory is of schema version {found}, this program knows up to {known}: use a newer version")]
    Newer {
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Too much is under way; the sender should come back.
    #[error("too many requests are under way, {queued_bytes} bytes are waiting")]
    Busy {
        /// How much waits.
        queued_bytes: usize,
    },
    /// Rows come faster than they are laid into files; the sender should come back.
    #[error("rows come faster than they can be laid into files: {hot_bytes} bytes wait for it, durable in the log")]
    Behind {
        /// How much waits.
        hot_bytes: usize,
    },
    /// The disk has no room beyond the reserve.
    #[error(
        "the disk has {} left, and {} of it are kept free (--disk-reserve): nothing is taken until there is room",
        size(*free_bytes), size(*reserve_bytes)
    )]
    DiskFull {
        /// Free bytes.
        free_bytes: u64,
        /// What is kept free.
        reserve_bytes: u64,
    },
    /// The store is closing.
    #[error("the store is closing")]
    Closing,
    /// A statement that is not taken.
    #[error("{0}")]
    Refused(String),
    /// A statement that failed.
    #[error("query failed: {0}")]
    Query(String),
    /// A statement that took too long.
    #[error("query stopped after {0} s")]
    TimedOut(u64),
    /// Its user wanted it no longer.
    #[error("stopped as asked")]
    Cancelled,
    /// The manifest failed.
    #[error("manifest failed: {0}")]
    Manifest(#[from] rusqlite::Error),
    /// A segment could not be written or read.
    #[error("segment failed: {0}")]
    Columns(#[from] sextant_columns::ColumnsError),
    /// Rows could not be laid into segments; they are durable in the log all the same.
    #[error("rows wait to be sealed: {0}")]
    Stuck(String),
    /// The directory is only open for reading.
    #[error("the data directory {0} can't be written to: it is open for reading")]
    ReadOnly(PathBuf),
    /// The manifest is gone and files that it named are there.
    #[error(
        "segments.db is missing in {dir}, and {n_files} segment files are there: make it anew with: sextant doctor --rebuild"
    )]
    NoManifest {
        /// Where.
        dir: PathBuf,
        /// How many files.
        n_files: usize,
    },
    /// A backup could not be made or restored.
    #[error("{0}")]
    Backup(String),
    /// A backup is not restored over records.
    #[error("the data directory {0} holds records already: restore into another one")]
    NotEmpty(PathBuf),
    /// Policies or pins were changed while the old ones were being applied.
    #[error("policies or pins were changed meanwhile")]
    RulesChanged,
    /// A file is not what was written.
    #[error("{0}")]
    Damaged(String),
    /// The write-ahead log could not be written or read.
    #[error("write-ahead log failed: {0}")]
    Wal(String),
}

/// Bytes as people read them.
fn size(n: u64) -> String {
    let scale = |unit: f64| n as f64 / unit;
    match n {
        0..1_000_000 => format!("{:.0} kB", scale(1e3)),
        1_000_000..1_000_000_000 => format!("{:.0} MB", scale(1e6)),
        _ => format!("{:.1} GB", scale(1e9)),
    }
}

impl StoreError {
    /// Whether the disk had no room.
    pub(crate) fn is_disk_full(&self) -> bool {
        match self {
            Self::File { source, .. } => source.kind() == std::io::ErrorKind::StorageFull,
            Self::Manifest(e) => e.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull),
            _ => false,
        }
    }

    pub(crate) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(
            self,
            Self::Busy { .. }
                | Self::Behind { .. }
                | Self::DiskFull { .. }
                | Self::Closing
                | Self::File { .. }
                | Self::Wal(_)
        )
    }
}
