//! The `sextant` command.

mod args;
mod commands;
mod fail;
mod output;
mod reach;
mod table;

use clap::Parser as _;
use std::process::ExitCode;

/// glibc's allocator keeps what each thread once had: at 100,000 spans a second that is twice the memory.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    // Standard error carries the program's own words; scripts read standard output.
    let filter = tracing_subscriber::EnvFilter::try_from_env("SEXTANT_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    let args = args::Args::parse_from(args::with_queries(std::env::args_os().collect()));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail::report(&anyhow::Error::from(e).context("the program could not start")),
    };
    let result = runtime.block_on(commands::run(args));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match result {
        Ok(code) => code,
        Err(e) if fail::is_closed_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => fail::report(&e),
    }
}
