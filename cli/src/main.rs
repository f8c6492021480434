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
    // A template that somebody wrote is tried in a process of its own.
    if let Some(code) = sextant_reports::serve_if_asked() {
        return code;
    }
    // Standard error carries the program's own words; scripts read standard output.
    let filter = tracing_subscriber::EnvFilter::try_from_env("SEXTANT_LOG").unwrap_or_else(|_| "warn".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    let args = args::Args::parse_from(args::with_queries(std::env::args_os().collect()));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return fail::report(&anyhow::Error::from(e).context("the program could not start")),
    };
    let result = runtime.block_on(until_stopped(args));
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    match result {
        Ok(code) => code,
        Err(e) if fail::is_closed_pipe(&e) => ExitCode::SUCCESS,
        Err(e) => fail::report(&e),
    }
}

/// After this a command that was stopped ends, whatever it is at.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_millis(1_000);
/// As shells say it of what Ctrl-C ended.
const STOPPED: u8 = 130;

/// Whether a command asks something that may take long, at a cluster perhaps.
const fn asks(command: &args::Command) -> bool {
    use args::Command::{Bundle, Export, Pull, Report, Search, Services, Source, Sql, Trace};
    matches!(
        command,
        Search(_) | Export(_) | Trace(_) | Sql(_) | Services(_) | Pull(_) | Source(_) | Bundle(_) | Report(_)
    )
}

/// Carries out the command. What is asked of a cluster when Ctrl-C is pressed is stopped there too, which takes a moment.
async fn until_stopped(args: args::Args) -> anyhow::Result<ExitCode> {
    if !asks(&args.command) {
        return commands::run(args).await;
    }
    let stopped = std::sync::Arc::new(tokio::sync::Notify::new());
    let tell = stopped.clone();
    let watch = tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            tell.notify_one();
            tokio::time::sleep(LAST_WORDS * 2).await;
            std::process::exit(STOPPED.into());
        }
    });
    let done = tokio::select! {
        done = commands::run(args) => done,
        () = stopped.notified() => Ok(ExitCode::from(STOPPED)),
    };
    if watch.is_finished() || matches!(&done, Ok(code) if *code == ExitCode::from(STOPPED)) {
        tokio::time::sleep(LAST_WORDS).await;
    }
    watch.abort();
    done
}
