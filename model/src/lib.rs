//! The vocabulary of Sextant: ids, times, signals, the Arrow schemas of telemetry, and the parsed search.
//!
//! No I/O, no async, no clock. Everything here builds on wasm.

pub mod ids;
pub mod ledger;
pub mod period;
mod prune;
pub mod query;
pub mod schema;
pub mod severity;
pub mod signal;
pub mod sql;
pub mod time;
pub mod value;

pub use ids::{SpanId, TraceId};
pub use ledger::{Counts, Reasons};
pub use period::{Period, parse_period};
pub use prune::{Need, Prune};
pub use signal::{Batch, Signal, Table};
pub use sql::{Param, Sql};
pub use time::{DurationNanos, TimeRange, UnixNanos};
pub use value::ValueType;
