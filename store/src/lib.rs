//! Keeps telemetry: write-ahead log → hot rows in memory → Parquet segments, with a manifest and ledger in SQLite and
//! DuckDB as the reader.
//!
//! Whoever is told that a batch is kept can read it at once, and still can after a crash.

mod asked;
mod bucket;
mod care;
mod config;
mod dictionary;
mod disk;
mod duck;
mod engine;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod hot;
mod import;
mod ingest;
mod layout;
mod ledger;
mod manifest;
mod origin;
mod overview;
mod recover;
mod resend;
mod retain;
mod rollup;
mod seal;
mod segment;
mod senders;
mod services;
mod slices;
mod snapshot;
mod state;
mod summary;
mod tail;
mod upkeep;
mod wal;
mod whole;
mod writer;

pub use bucket::Bucket;
pub use care::{BackedUp, Finding, Kind, Rebuilt, Restored, rebuild, restore};
pub use config::{Config, Durability};
#[doc(hidden)]
pub use disk::{Faults, Op};
pub use duck::{Answer, Each, Limits, Scanned};
pub use engine::Store;
pub use error::StoreError;
pub use import::Import;
pub use ingest::{Acked, Ingest, OnAcked};
pub(crate) use layout::take_lock;
pub use ledger::{DUPLICATE, LedgerKey, LedgerRow};
pub use manifest::{Pin, PinNote, Policy, Saved, Zone};
pub use resend::RequestKey;
pub use rollup::MINUTE_NANOS;
pub use snapshot::{Chosen, Missing, Plan, Pruned, Segment, Snapshot, Tier};
pub use state::{Health, StoreStatus, Unavailable};
pub use summary::SKETCH_BASE;
pub use tail::{Tail, Tailed};
pub use upkeep::{Applied, Doing, Merged, UpkeepStatus};
pub use whole::{Origin, Taken, Whole};
