//! `demo`: the shop's traffic as real OTLP over HTTP.

use crate::args::Demo;
use anyhow::{Context as _, bail};
use sextant_contract::Outcome;
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_workbench::{Options, ReceiverConfig, Shutdown, StoreConfig, Workbench, demo, now};
use std::io::Write as _;
use std::process::ExitCode;

pub async fn run(args: Demo) -> anyhow::Result<ExitCode> {
    let end = now();
    let seed = args.seed.unwrap_or(end as u64 % 1_000_000_007);
    let config = ShopConfig { seed, n_spans: args.spans, end };
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
    let sent = demo::send(&address, Shop::new(&config)).await;
    if let Some((workbench, shutdown)) = here {
        shutdown.drain().await;
        tokio::task::spawn_blocking(move || workbench.close()).await?;
    }
    if let Outcome::Sent { spans, logs, points } = sent? {
        let mut out = std::io::stdout().lock();
        writeln!(out, "sent {spans} spans, {logs} log records and {points} metric points to {address}, seed {seed}")?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The OTLP/HTTP address of the instance that runs on this directory, or of `--url`.
fn running(args: &Demo) -> anyhow::Result<Option<String>> {
    if args.place.url.is_some() {
        bail!("say where the instance takes OTLP with --to http://HOST:4318");
    }
    let instance = sextant_server::find(&sextant_server::data_dir(args.place.data.as_ref())?);
    Ok(instance.and_then(|i| i.listeners.get("otlp-http").map(|a| format!("http://{a}"))))
}

/// A receiver of our own, on a free port, for as long as the demo is sent.
async fn start(args: &Demo) -> anyhow::Result<(Workbench, Shutdown, String)> {
    let store = StoreConfig::new(sextant_server::data_dir(args.place.data.as_ref())?);
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
