//! Bytes of any format → record batches, with a count and a reason for everything that was left out.
//!
//! Nothing here panics on bytes from outside, and one bad record never costs its neighbours.

mod build;
mod error;
pub mod file;
mod json;
pub mod otlp;
mod parquet;
mod report;
mod wire;
pub mod zipkin;

pub use error::DecodeError;
pub use report::Decoded;
