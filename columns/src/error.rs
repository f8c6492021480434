//! What can go wrong with a Parquet or index file.

/// A file that could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum ColumnsError {
    /// The operating system said no.
    #[error("file access failed: {0}")]
    Io(#[from] std::io::Error),
    /// The Parquet library said no.
    #[error("parquet failed: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The Arrow library said no.
    #[error("arrow failed: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// A trace index of another version.
    #[error("the trace index is of an older kind")]
    OldIndex,
    /// The file is not what it should be.
    #[error("not a sound {kind}: {what}")]
    Damaged {
        /// `segment` or `trace index`.
        kind: &'static str,
        /// What is missing or wrong.
        what: &'static str,
    },
    /// A column of another program holds something else than its name says.
    #[error("the column {name} is of another kind: {why}")]
    Kind {
        /// Which one.
        name: String,
        /// Why it can't be read.
        why: String,
    },
}
