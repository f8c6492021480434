//! Doors for fuzzing only.

/// Reads bytes as a log file; returns requests, torn bytes and damaged places.
pub fn recover_log(bytes: &[u8]) -> (usize, usize, usize) {
    let found = crate::wal::recover(bytes);
    (found.requests.len(), found.torn_bytes, found.damaged.len())
}
