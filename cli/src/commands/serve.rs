//! `serve`.

use crate::args::{DurabilityArg, Serve};
use crate::reach::data_dir;
use sextant_workbench::{Durability, Options, ReceiverConfig, Shutdown, StoreConfig, Workbench};
use std::io::Write as _;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

pub async fn run(args: Serve) -> anyhow::Result<ExitCode> {
    let mut store = StoreConfig::new(data_dir(&args.place)?);
    store.disk_reserve_bytes = args.disk_reserve;
    store.durability = match args.durability {
        DurabilityArg::Fsync => Durability::Fsync,
        DurabilityArg::Os => Durability::Os,
    };
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let workbench = Workbench::open(Options { store }, tokio::runtime::Handle::current())?;
    let shutdown = Shutdown::default();
    let receiver = ReceiverConfig {
        otlp_grpc: args.otlp_grpc,
        otlp_http: args.otlp_http,
        zipkin: args.zipkin,
        api_key: args.api_key,
        allow_origins: args.allow_origin.clone(),
        allow_hosts: args.allow_host.clone(),
        ..ReceiverConfig::default()
    };
    workbench.receive(receiver, &shutdown).await?;
    let config =
        sextant_server::Config { http: args.http, allow_hosts: args.allow_host, allow_origins: args.allow_origin };
    let serving = sextant_server::start(config, workbench.clone(), &shutdown).await?;
    {
        let mut out = std::io::stdout().lock();
        for listener in workbench.listeners() {
            writeln!(out, "listening {} {}", listener.name, listener.address)?;
        }
        writeln!(out, "open {}", serving.url)?;
        out.flush()?;
    }
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    shutdown.drain().await;
    tokio::task::spawn_blocking(move || workbench.close()).await?;
    serving.close();
    Ok(ExitCode::SUCCESS)
}
