//! Listens for OTLP (gRPC and HTTP) and Zipkin, checks keys, limits and sizes, decodes, and answers a sender only
//! after the [`Sink`] says that its records are durable and visible.

mod answer;
mod body;
mod client;
mod config;
mod error;
mod grpc;
pub mod guard;
mod http;
mod intake;
pub mod listen;
mod rpc;
mod sink;
mod zipkin;

pub use config::Config;
pub use error::ReceiverError;
pub use sink::{Arrived, Sink, SinkError, SinkResult};

use intake::Intake;
use listen::{Bound, Shutdown};
use std::sync::Arc;

/// A listener of the receiver, by the name that it is printed under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    /// `otlp-grpc`, `otlp-http`, `zipkin`.
    pub name: &'static str,
    /// Where.
    pub address: std::net::SocketAddr,
}

/// What a start came to.
#[derive(Debug, Default)]
pub struct Started {
    /// Who listens.
    pub listening: Vec<Listening>,
    /// Who does not, because somebody else has the port.
    pub missing: Vec<(&'static str, ReceiverError)>,
}

/// Binds all addresses of `config` and serves them until `shutdown`.
///
/// # Errors
/// If an address can't be bound, or is not loopback and there is no key.
pub async fn start(config: Config, sink: Arc<dyn Sink>, shutdown: &Shutdown) -> Result<Started, ReceiverError> {
    config.check()?;
    let mut bound: Vec<(&'static str, Bound)> = Vec::new();
    let mut missing = Vec::new();
    for (name, spec) in [("otlp-grpc", &config.otlp_grpc), ("otlp-http", &config.otlp_http), ("zipkin", &config.zipkin)]
    {
        match listen::bind(name, spec).await {
            Ok(all) => bound.extend(all.into_iter().map(|listener| (name, listener))),
            Err(e @ ReceiverError::PortTaken { .. }) if config.may_miss => missing.push((name, e)),
            Err(e) => return Err(e),
        }
    }
    let listening = bound.iter().map(|(name, b)| Listening { name, address: b.address }).collect();
    let config = Arc::new(config);
    for (name, listener) in bound {
        let intake = Arc::new(Intake {
            sink: sink.clone(),
            config: config.clone(),
            is_loopback: listener.address.ip().is_loopback(),
        });
        let router = match name {
            "otlp-grpc" => grpc::router(intake).await,
            "otlp-http" => http::router(intake),
            _ => zipkin::router(intake),
        };
        listen::serve(listener, router, shutdown);
    }
    Ok(Started { listening, missing })
}
