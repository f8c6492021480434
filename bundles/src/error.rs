//! Why a bundle can't be made, read or believed.

use sextant_columns::ColumnsError;

/// What failed, and where.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// A file of it is not as it must be.
    #[error("{file}: {reason}")]
    Bad {
        /// Which one, as it is named in the bundle.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// What it is to be made of can't be taken.
    #[error("{0}")]
    Refused(String),
    /// A file could not be read or written.
    #[error("{path}: {source}")]
    Io {
        /// Which one, on this machine.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Rows could not be written as Parquet.
    #[error("rows can't be written: {0}")]
    Columns(#[from] ColumnsError),
}

impl BundleError {
    pub(crate) fn bad(file: &str, reason: impl Into<String>) -> Self {
        Self::Bad { file: file.to_owned(), reason: reason.into() }
    }

    pub(crate) fn io(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.display().to_string();
        move |source| Self::Io { path, source }
    }

    /// The file in the bundle that it is about.
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Bad { file, .. } => Some(file),
            _ => None,
        }
    }

    /// What is wrong, without the file.
    pub fn reason(&self) -> String {
        match self {
            Self::Bad { reason, .. } => reason.clone(),
            other => other.to_string(),
        }
    }
}
