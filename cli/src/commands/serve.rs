//! `serve`.

use crate::args::Serve;
use sextant_server::{Host, data_dir};
use std::io::Write as _;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

pub async fn run(args: Serve) -> anyhow::Result<ExitCode> {
    if args.place.url.is_some() {
        anyhow::bail!("serve holds a data directory of its own: leave --url away, or name the directory with --data");
    }
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let host = Host::open(data_dir(args.place.data.as_ref())?, args.host, false).await?;
    {
        let mut out = std::io::stdout().lock();
        for listener in host.workbench.listeners() {
            writeln!(out, "listening {} {}", listener.name, listener.address)?;
        }
        writeln!(out, "open {}", host.serving.url)?;
        out.flush()?;
    }
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    host.close().await;
    Ok(ExitCode::SUCCESS)
}
