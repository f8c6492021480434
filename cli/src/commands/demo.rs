//! `demo`: the shop's traffic as real OTLP over HTTP.

use crate::args::Demo;
use crate::reach::data_dir;
use anyhow::{Context as _, bail};
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_workbench::{Options, ReceiverConfig, Shutdown, StoreConfig, Workbench, now};
use std::io::Write as _;
use std::process::ExitCode;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub async fn run(args: Demo) -> anyhow::Result<ExitCode> {
    let config = ShopConfig { seed: args.seed, n_spans: args.spans, end: now() };
    let mut here = None;
    let address = match &args.to {
        Some(url) => url.clone(),
        None => {
            if let Some(address) = running(&args)? {
                address
            } else {
                let (workbench, shutdown, address) = start(&args).await?;
                here = Some((workbench, shutdown));
                address
            }
        }
    };
    let sent = send(&address, Shop::new(&config)).await;
    if let Some((workbench, shutdown)) = here {
        shutdown.drain().await;
        tokio::task::spawn_blocking(move || workbench.close()).await?;
    }
    let sent = sent?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "sent {} spans, {} log records and {} metric points to {address}", sent.0, sent.1, sent.2)?;
    Ok(ExitCode::SUCCESS)
}

/// The OTLP/HTTP address of the instance that runs on this directory, or of `--url`.
fn running(args: &Demo) -> anyhow::Result<Option<String>> {
    if args.place.url.is_some() {
        bail!("say where the instance takes OTLP with --to http://HOST:4318");
    }
    let instance = sextant_server::find(&data_dir(&args.place)?);
    Ok(instance.and_then(|i| i.listeners.get("otlp-http").map(|a| format!("http://{a}"))))
}

/// A receiver of our own, on a free port, for as long as the demo is sent.
async fn start(args: &Demo) -> anyhow::Result<(Workbench, Shutdown, String)> {
    let store = StoreConfig::new(data_dir(&args.place)?);
    let workbench = Workbench::open(Options { store }, tokio::runtime::Handle::current())?;
    let shutdown = Shutdown::default();
    let config = ReceiverConfig {
        otlp_http: vec!["127.0.0.1:0".into()],
        otlp_grpc: Vec::new(),
        zipkin: Vec::new(),
        ..ReceiverConfig::default()
    };
    workbench.receive(config, &shutdown).await?;
    let address = workbench.listeners().first().map(|l| format!("http://{}", l.address));
    Ok((workbench, shutdown, address.context("the receiver did not start")?))
}

async fn send(url: &str, shop: Shop) -> anyhow::Result<(u64, u64, u64)> {
    let host = url.strip_prefix("http://").with_context(|| format!("'{url}' is no address: give http://HOST:PORT"))?;
    let host = host.split('/').next().unwrap_or(host).to_owned();
    let unreachable = || format!("{host} cannot be reached; is something listening there?");
    let mut stream = TcpStream::connect(&host).await.with_context(unreachable)?;
    let mut sent = (0, 0, 0);
    for request in shop {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: sextant-demo\r\nContent-Type: application/x-protobuf\r\nContent-Length: {}\r\n\r\n",
            request.path,
            request.body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&request.body).await?;
        let status = read_status(&mut stream).await.with_context(unreachable)?;
        if status != 200 {
            bail!("{host} refused the demo's {} with HTTP {status}", request.path);
        }
        sent.0 += request.n_spans;
        sent.1 += request.n_logs;
        sent.2 += request.n_points;
    }
    Ok(sent)
}

/// Reads one answer to its end and returns its status.
async fn read_status(stream: &mut TcpStream) -> anyhow::Result<u16> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            bail!("the connection was closed");
        }
        bytes.extend_from_slice(&buffer[..n]);
        let Some(head) = bytes.windows(4).position(|w| w == b"\r\n\r\n") else { continue };
        let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
        let length: usize = text
            .lines()
            .find_map(|l| l.strip_prefix("content-length:"))
            .and_then(|v| v.trim().parse().ok())
            .unwrap_or(0);
        if bytes.len() >= head + 4 + length {
            let status = text.split(' ').nth(1).and_then(|s| s.parse().ok());
            return status.context("no HTTP answer came");
        }
    }
}
