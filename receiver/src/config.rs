//! What the receiver is started with.

use crate::ReceiverError;
use crate::listen::parse;
use std::time::Duration;

/// Settings of the receiver. Addresses are `HOST:PORT`; `:PORT` means both loopback addresses; empty lists are off.
#[derive(Debug, Clone)]
pub struct Config {
    /// OTLP over gRPC.
    pub otlp_grpc: Vec<String>,
    /// OTLP over HTTP.
    pub otlp_http: Vec<String>,
    /// Zipkin v2.
    pub zipkin: Vec<String>,
    /// What answers on Zipkin's port besides taking spans.
    pub zipkin_queries: Option<axum::Router>,
    /// What senders on addresses that are not loopback must show.
    pub api_key: Option<String>,
    /// Origins of browsers that may send, besides those of this machine.
    pub allow_origins: Vec<String>,
    /// Names that a `Host` may have, besides those of this machine.
    pub allow_hosts: Vec<String>,
    /// The largest request, before and after inflating.
    pub max_request_bytes: usize,
    /// How long a request's body may take to arrive.
    pub body_time: Duration,
    /// Whether to go on without a listener whose port is taken. A window is of use without it, a server is not.
    pub may_miss: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            otlp_grpc: vec![":4317".into()],
            otlp_http: vec![":4318".into()],
            zipkin: vec![":9411".into()],
            zipkin_queries: None,
            api_key: None,
            allow_origins: Vec::new(),
            allow_hosts: Vec::new(),
            max_request_bytes: 64 << 20,
            body_time: Duration::from_secs(30),
            may_miss: false,
        }
    }
}

impl Config {
    /// Every address that is not loopback needs a key.
    pub(crate) fn check(&self) -> Result<(), ReceiverError> {
        for (name, specs) in [("otlp-grpc", &self.otlp_grpc), ("otlp-http", &self.otlp_http), ("zipkin", &self.zipkin)]
        {
            for spec in specs {
                let open = parse(name, spec)?.into_iter().find(|a| !a.ip().is_loopback());
                if let (Some(address), None) = (open, &self.api_key) {
                    return Err(ReceiverError::KeyNeeded { address });
                }
            }
        }
        Ok(())
    }
}
