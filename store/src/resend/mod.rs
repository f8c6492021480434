//! What was sent twice is kept once. Two nets: whole requests, by a hash of their bytes, for an hour; and rows, by a
//! hash of what makes them the same row, for the last millions. Imports are also held against everything there is.

mod exact;
pub(crate) mod requests;
mod rows;
mod sidecar;

pub(crate) use exact::{ExactCheck, hashes_in, times_of};
pub(crate) use requests::{Requests, Seen};
pub(crate) use rows::{RecentRows, RowHash, hashes, is_identified};
pub(crate) use sidecar::Sidecar;

/// A request as a whole, for recognising it when it comes again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RequestKey {
    /// Hash of project, signal and decompressed body.
    pub hash: u128,
    /// What its sender is told, to be told again.
    pub reply: String,
}
