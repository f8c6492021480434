//! Listening: addresses, connections with time-outs, and draining. Shared by every HTTP listener of the program.

use crate::ReceiverError;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a client may take to send the head of a request.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How often an HTTP/2 client is asked whether it is still there.
const PING_TIME: Duration = Duration::from_secs(20);
/// How long requests under way may take at shutdown.
const DRAIN_TIME: Duration = Duration::from_secs(10);
/// HTTP/2 windows: a few large requests in flight.
const STREAM_WINDOW_BYTES: u32 = 4 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// A bound listener.
#[derive(Debug)]
pub struct Bound {
    /// Where.
    pub address: SocketAddr,
    listener: TcpListener,
}

/// Tells listeners to stop, and waits until their requests are answered.
#[derive(Debug)]
pub struct Shutdown {
    stop: watch::Sender<bool>,
    tasks: std::sync::Mutex<JoinSet<()>>,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { stop: watch::Sender::new(false), tasks: std::sync::Mutex::default() }
    }
}

impl Shutdown {
    /// Stops accepting, lets requests under way finish (for a while), and returns when they have.
    pub async fn drain(&self) {
        self.stop.send_replace(true);
        let mut tasks = {
            let mut tasks = self.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            std::mem::take(&mut *tasks)
        };
        while tasks.join_next().await.is_some() {}
    }

    /// Becomes true when it is time to stop.
    pub fn watch(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }
}

/// The addresses that a text means.
pub(crate) fn parse(name: &'static str, text: &str) -> Result<Vec<SocketAddr>, ReceiverError> {
    let bad = || ReceiverError::Address { name, text: text.to_owned() };
    if let Some(port) = text.strip_prefix(':') {
        let port: u16 = port.parse().ok().ok_or_else(bad)?;
        return Ok(vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]);
    }
    let text = text.strip_prefix("localhost:").map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
    Ok(vec![text.parse().ok().ok_or_else(bad)?])
}

/// Binds all addresses of `specs`. Of a pair of loopback addresses the second may be missing on this machine; where
/// the port is 0, it gets the port of the first.
///
/// # Errors
/// If a text is no address, or an address can't be bound.
pub async fn bind(name: &'static str, specs: &[String]) -> Result<Vec<Bound>, ReceiverError> {
    let mut bound = Vec::new();
    for spec in specs {
        let mut port = None;
        for (i, address) in parse(name, spec)?.into_iter().enumerate() {
            let address = match port {
                Some(port) if address.port() == 0 => SocketAddr::new(address.ip(), port),
                _ => address,
            };
            match TcpListener::bind(address).await {
                Ok(listener) => {
                    let address = listener.local_addr().unwrap_or(address);
                    port = Some(address.port());
                    bound.push(Bound { address, listener });
                }
                Err(e) if i > 0 && e.kind() != std::io::ErrorKind::AddrInUse => {
                    tracing::info!("{name} does not listen on {address}: {e}");
                }
                Err(e) if e.kind() == std::io::ErrorKind::AddrInUse => {
                    return Err(ReceiverError::PortTaken { name, address });
                }
                Err(source) => return Err(ReceiverError::Bind { name, address, source }),
            }
        }
    }
    Ok(bound)
}

/// Serves `router` on `bound` until `shutdown`.
pub fn serve(bound: Bound, router: Router, shutdown: &Shutdown) {
    let stop = shutdown.watch();
    let mut tasks = shutdown.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    tasks.spawn(accept(bound.listener, router, stop));
}

/// Returns when it is time to stop, also if nobody can say so any more.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    while !*stop.borrow_and_update() {
        if stop.changed().await.is_err() {
            return;
        }
    }
}

async fn accept(listener: TcpListener, router: Router, mut stop: watch::Receiver<bool>) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIME);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_TIME)
        .keep_alive_timeout(PING_TIME)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_concurrent_streams(256);
    let graceful = GracefulShutdown::new();
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // Out of file handles, say: wait for some to come back.
                Err(e) => {
                    tracing::warn!("a connection could not be accepted: {e}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = stopped(&mut stop) => break,
        };
        connection(&builder, &graceful, stream, peer, router.clone());
    }
    drop(listener);
    tokio::select! {
        () = graceful.shutdown() => {}
        () = tokio::time::sleep(DRAIN_TIME) => tracing::warn!("requests under way took too long and were dropped"),
    }
}

fn connection(
    builder: &Builder<TokioExecutor>,
    graceful: &GracefulShutdown,
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
) {
    if let Err(e) = stream.set_nodelay(true) {
        tracing::debug!("no TCP_NODELAY for {peer}: {e}");
    }
    let service = TowerToHyperService::new(router.layer(axum::Extension(ConnectInfo(peer))));
    let serving = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).into_owned();
    let serving = graceful.watch(serving);
    tokio::spawn(async move {
        if let Err(e) = serving.await {
            tracing::debug!("the connection of {peer} ended: {e}");
        }
    });
}
