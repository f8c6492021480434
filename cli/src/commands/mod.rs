//! One module a command.

mod ask;
mod bundle;
mod bundle_look;
mod care;
mod demo;
mod export;
mod import;
mod keys;
mod open;
mod pack;
mod pull;
mod report;
mod report_file;
mod schedule;
mod serve;
mod simulate;
mod source;
mod source_map;
mod source_report;
mod trace;
mod upkeep;

use crate::args::{Args, Command};
use crate::reach::Reach;
use std::process::ExitCode;

/// Carries out the command.
pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    match args.command {
        Command::Serve(args) => serve::run(args).await,
        Command::Import(args) => import::run(args).await,
        Command::Open(args) => open::run(args).await,
        Command::Search(args) => ask::search(args).await,
        Command::Export(args) => export::run(args).await,
        Command::Pack(args) => pack::run(args).await,
        Command::Trace(args) => trace::run(args).await,
        Command::Sql(args) => ask::sql(args).await,
        Command::Services(args) => ask::services(args).await,
        Command::Pull(args) => pull::run(args).await,
        Command::Source(args) => source::run(args).await,
        Command::Bundle(args) => bundle::run(args).await,
        Command::Report(args) => report::run(args).await,
        Command::Schedule(args) => schedule::run(args).await,
        Command::Keys(args) => keys::run(args),
        Command::Status(args) => ask::status(args).await,
        Command::Retention(args) => upkeep::retention(args).await,
        Command::Pin(args) => upkeep::pin(args).await,
        Command::Compact(args) => upkeep::compact(args).await,
        Command::Doctor(args) => care::doctor(args).await,
        Command::Simulate(args) => simulate::run(args).await,
        Command::Backup(args) => care::backup(args).await,
        Command::Restore(args) => care::restore(&args),
        Command::Demo(args) => demo::run(args).await,
    }
}

/// Closes what was opened here, off the async threads.
async fn close(reach: Reach) {
    if let Reach::Here(workbench) = reach {
        tokio::task::spawn_blocking(move || workbench.close()).await.ok();
    }
}
