//! Starting the server.

use crate::instance::{Instance, new_token, token_of};
use crate::{ServerError, api, assets, door, gate, probes, zipkin};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use sextant_contract::{Backend, Event};
use sextant_receiver::listen::{self, Shutdown};
use sextant_workbench::Workbench;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// Settings of the server.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// `HOST:PORT`; `:PORT` means both loopback addresses.
    pub http: Vec<String>,
    /// Names that a `Host` may have, besides those of this machine.
    pub allow_hosts: Vec<String>,
    /// Origins of pages that may read, besides our own.
    pub allow_origins: Vec<String>,
}

/// What the handlers share.
pub(crate) struct App {
    pub workbench: Workbench,
    pub token: String,
    pub allow_hosts: Vec<String>,
    pub allow_origins: Vec<String>,
    /// The newest generation.
    pub generation: watch::Receiver<u64>,
    pub stop: watch::Receiver<bool>,
}

/// A server that runs.
#[derive(Debug)]
pub struct Serving {
    /// Where.
    pub address: SocketAddr,
    /// The address to open in a browser, with its token.
    pub url: String,
    instance: Instance,
    dir: std::path::PathBuf,
}

impl Serving {
    /// Takes `instance.json` away.
    pub fn close(&self) {
        self.instance.remove(&self.dir);
    }
}

/// Largest file that is taken over HTTP.
const MAX_UPLOAD_BYTES: usize = 2 << 30;

pub(crate) fn router(app: Arc<App>) -> Router {
    Router::new()
        .merge(api::routes())
        .merge(door::routes())
        .merge(probes::routes())
        .fallback(assets::serve)
        .layer(from_fn_with_state(app.clone(), gate::gate))
        .layer(DefaultBodyLimit::max(MAX_UPLOAD_BYTES))
        .with_state(app)
}

/// What answers, before it is bound to an address. Cheap to clone.
#[derive(Clone)]
pub struct Served(Arc<App>);

impl Served {
    /// Zipkin's query API, for the listener that takes its spans.
    pub fn zipkin(&self) -> Router {
        zipkin::router(self.0.clone())
    }
}

/// Makes ready to serve until `shutdown`.
///
/// # Errors
/// If there is no token, and none can be made.
pub fn prepare(config: &Config, workbench: &Workbench, shutdown: &Shutdown) -> Result<Served, ServerError> {
    let is_read_only = workbench.is_read_only();
    let token = if is_read_only { new_token()? } else { token_of(workbench.data_dir())? };
    let (tell, generation) = watch::channel(workbench.store_status().generation);
    workbench.subscribe(Box::new(move |event| {
        if let Event::Generation { generation } = event {
            tell.send_replace(generation);
        }
    }));
    Ok(Served(Arc::new(App {
        workbench: workbench.clone(),
        token,
        allow_hosts: config.allow_hosts.clone(),
        allow_origins: config.allow_origins.clone(),
        generation,
        stop: shutdown.watch(),
    })))
}

/// Binds, serves until `shutdown`, and writes `instance.json`.
///
/// # Errors
/// If an address can't be bound, or the file can't be written.
pub async fn start(http: &[String], served: &Served, shutdown: &Shutdown) -> Result<Serving, ServerError> {
    let bound = listen::bind("http", http).await?;
    let app = &served.0;
    let (workbench, token) = (&app.workbench, app.token.clone());
    let mut address = None;
    for listener in bound {
        workbench.add_listener("http", listener.address);
        address.get_or_insert(listener.address);
        listen::serve(listener, router(app.clone()), shutdown);
    }
    let address = address.ok_or_else(|| ServerError::Url("(no address)".into()))?;
    let listeners: BTreeMap<String, String> =
        workbench.listeners().into_iter().map(|l| (l.name, l.address.to_string())).collect();
    let instance = Instance { pid: std::process::id(), token: token.clone(), listeners };
    let dir = workbench.data_dir().to_owned();
    if !workbench.is_read_only() {
        instance.write(&dir)?;
    }
    Ok(Serving { address, url: format!("http://{address}/?token={token}"), instance, dir })
}

#[cfg(test)]
mod tests;
