//! Keeps telemetry: write-ahead log → hot rows in memory → Parquet segments, with a manifest and ledger in SQLite and
//! DuckDB as the reader.
//!
//! Whoever is told that a batch is kept can read it at once, and still can after a crash.

mod bucket;
mod config;
mod duck;
mod engine;
mod error;
mod files;
#[doc(hidden)]
pub mod fuzzing;
mod hot;
mod ingest;
mod ledger;
mod manifest;
mod recover;
mod resend;
mod seal;
mod senders;
mod services;
mod snapshot;
mod state;
mod wal;
mod writer;

pub use config::{Config, Durability};
pub use duck::{Answer, Limits, Scanned};
pub use engine::{Import, Store};
pub use error::StoreError;
pub use ingest::{Acked, Ingest, OnAcked};
pub use ledger::{DUPLICATE, LedgerKey, LedgerRow};
pub use resend::RequestKey;
pub use snapshot::{Segment, Snapshot};
pub use state::{Health, StoreStatus};
