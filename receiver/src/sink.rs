//! Where decoded records go.

use sextant_importers::Decoded;
use sextant_model::Signal;
use std::future::Future;
use std::pin::Pin;

/// One request on its way to the store.
#[derive(Debug, Default)]
pub struct Arrived {
    /// Who sent it, in a few words.
    pub client: String,
    /// `otlp-grpc`, `otlp-http`, `zipkin`.
    pub protocol: &'static str,
    /// When it arrived, nanoseconds.
    pub received_at: i64,
    /// What was in it.
    pub decoded: Decoded,
    /// Set if it could not be decoded at all; then nothing is in it.
    pub malformed: Option<Signal>,
    /// Hash of signal and decompressed bytes, by which the request is recognised when it comes again.
    pub hash: u128,
    /// What its sender is going to be told, to be told again when it comes again.
    pub reply: String,
}

/// Why records were not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SinkError {
    /// The sender should come back after so many seconds.
    #[error("{reason}")]
    Retry {
        /// What is full or not there.
        reason: String,
        /// When to come back.
        after_seconds: u32,
    },
    /// Sending it again would not help.
    #[error("{0}")]
    Failed(String),
}

/// What [`Sink::take`] comes to: nothing more, or the reply to the same request when it came before.
pub type SinkResult = Pin<Box<dyn Future<Output = Result<Option<String>, SinkError>> + Send>>;

/// Takes records and says when they are durable and visible.
pub trait Sink: Send + Sync {
    /// Whether records would be taken now; asked before the work of decoding is done.
    ///
    /// # Errors
    /// Why not, and when to come back.
    fn ready(&self) -> Result<(), SinkError>;

    /// Whether a request with the hash of `arrived`, in which nothing is decoded yet, was kept before. If so, it is
    /// counted as a repeat, and what comes back is what [`Sink::take`] would give.
    fn repeated(&self, arrived: &Arrived) -> Option<SinkResult>;

    /// Resolves once the records are durable and visible.
    fn take(&self, arrived: Arrived) -> SinkResult;

    /// The time now, nanoseconds since 1970.
    fn now(&self) -> i64;
}
