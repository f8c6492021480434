//! What a store is opened with.

use crate::disk::Faults;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// When a batch counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// When the disk has it.
    #[default]
    Fsync,
    /// When the operating system has it: survives a crash of the program, not of the machine.
    Os,
}

/// Settings of a store.
#[derive(Debug, Clone)]
pub struct Config {
    /// The data directory; made if it is not there.
    pub dir: PathBuf,
    /// When a batch counts as durable.
    pub durability: Durability,
    /// Free bytes below which nothing more is taken; by default the smaller of 1 GB and 2 % of the disk.
    pub disk_reserve_bytes: Option<u64>,
    /// Bytes of requests under way past which further ones are told to come back.
    pub queue_bytes: usize,
    /// Bytes of hot rows at which an epoch ends.
    pub epoch_bytes: usize,
    /// The longest time that rows stay hot.
    pub epoch_time: Duration,
    /// Whether nothing is to be written; a directory that can't be written to is opened so in any case.
    pub is_read_only: bool,
    /// Whether files are merged and policies applied in the background.
    pub has_upkeep: bool,
    /// How long after a failure sealing is tried again.
    pub retry: Duration,
    /// Whether segments are compressed. Tests that make thousands of small ones do without.
    #[doc(hidden)]
    pub is_compressed: bool,
    /// Makes operations on files fail. For tests.
    #[doc(hidden)]
    pub faults: Option<Arc<dyn Faults>>,
}

impl Config {
    /// The usual settings for `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            durability: Durability::default(),
            disk_reserve_bytes: None,
            queue_bytes: 64 << 20,
            epoch_bytes: 64 << 20,
            epoch_time: Duration::from_secs(300),
            is_read_only: false,
            has_upkeep: false,
            retry: Duration::from_secs(5),
            is_compressed: true,
            faults: None,
        }
    }
}
