//! HTTP: the API and browser UI on one port, behind a token; `instance.json`, by which other processes find the
//! running one; and the client side of the same API.

mod api;
mod assets;
mod backup;
mod client;
mod door;
mod error;
mod exports;
mod gate;
mod host;
mod instance;
mod openapi;
mod opened;
mod probes;
mod serve;
mod tail;
mod zipkin;

pub use client::HttpBackend;
pub use error::ServerError;
pub use host::{DurabilityArg, Holder, Host, HostArgs, data_dir};
pub use instance::{Instance, clear_stale, find};
pub use opened::{Opened, is_bundle, record, since, trusted_keys};
pub use serve::{Config, Served, Serving, prepare, start};
