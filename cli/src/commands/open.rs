//! `open`.

use super::import::report;
use crate::args::{Format, Open};
use crate::output::{note, print};
use sextant_contract::{Ask, Backend as _, Period, SearchAsk, SearchKind};
use sextant_server::Opened;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// So many traces are printed.
const N_TRACES: usize = 20;

pub async fn run(args: Open) -> anyhow::Result<ExitCode> {
    let mut term = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let opened = tokio::select! {
        opened = Opened::files(&args.paths, args.data.as_ref()) => opened?,
        _ = term.recv() => return Ok(ExitCode::SUCCESS),
        _ = interrupt.recv() => return Ok(ExitCode::SUCCESS),
    };
    if args.print {
        let path = args.paths.first().cloned().unwrap_or_default();
        let done = summary(&opened, &path).await;
        let is_good = opened.report.as_ref().is_none_or(|report| report.verdict.is_good());
        opened.close().await;
        done?;
        return Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    {
        let mut out = std::io::stdout().lock();
        writeln!(out, "open {}", opened.url())?;
        out.flush()?;
    }
    note("nothing of this is kept; Ctrl C ends it");
    tokio::select! {
        _ = term.recv() => {}
        _ = interrupt.recv() => {}
    }
    opened.close().await;
    Ok(ExitCode::SUCCESS)
}

/// What came of each file, and the newest traces.
async fn summary(opened: &Opened, path: &Path) -> anyhow::Result<()> {
    if let Some(report) = &opened.report {
        super::bundle_look::told(report, path)?;
        writeln!(std::io::stdout())?;
    } else {
        writeln!(std::io::stdout(), "UNSIGNED")?;
    }
    report(&opened.files, false)?;
    let period = Period::default();
    let search = SearchAsk { kind: SearchKind::Traces, query: String::new(), period, limit: N_TRACES, explain: false };
    let traces = opened.host.workbench.ask(Ask::Search(search)).await?;
    if traces.n_rows() > 0 {
        let columns = ["Timestamp", "ServiceName", "SpanName", "Duration", "Spans", "Errors", "TraceId"];
        print(&traces, Format::Table, &columns)?;
    }
    Ok(())
}
