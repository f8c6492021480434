//! Why the server can't start, or an instance can't be used.

use std::path::PathBuf;

/// A failure, with what to do.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address can't be bound.
    #[error(transparent)]
    Listen(#[from] sextant_workbench::ReceiverError),
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] sextant_workbench::StoreError),
    /// Files can't be looked at.
    #[error(transparent)]
    Files(#[from] sextant_contract::AskError),
    /// Nowhere to keep data.
    #[error("there is no home directory; name a data directory with --data DIR")]
    NoHome,
    /// `instance.json` can't be written or read.
    #[error("cannot {what} {path}: {source}")]
    File {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// No randomness for a token.
    #[error("no token could be made: {0}")]
    Random(String),
    /// A text that is no URL.
    #[error("'{0}' is no address of a running instance: give http://HOST:PORT")]
    Url(String),
}
