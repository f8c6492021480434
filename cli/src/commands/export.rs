//! `export`.

use crate::args::{Export, ExportFormat};
use crate::output::note;
use crate::reach::{Reach, searched};
use anyhow::{Context as _, bail};
use sextant_contract::{Ask, AskError, Command, Outcome, size_text};
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

/// How often it is said how far it is.
const PAUSE: Duration = Duration::from_millis(500);

pub async fn run(args: Export) -> anyhow::Result<ExitCode> {
    let out = std::path::absolute(&args.out).context("--out makes no sense")?;
    let named = ExportFormat::of_name(&out.to_string_lossy());
    let Some(format) = args.format.or(named) else {
        bail!(
            "{} does not say what kind of file it is: name one with --format, such as --format csv",
            args.out.display()
        );
    };
    if args.location.is_some() && format != ExportFormat::Iceberg {
        bail!("--location is where a table of Iceberg will lie: add --format iceberg, or leave it out");
    }
    if let Some(location) = args.location.as_ref().filter(|l| !l.contains("://")) {
        bail!("--location {location} is no URI: it looks like s3://lake/otel or file:///srv/lake");
    }
    let search = searched(args.what, 0)?;
    let reach = Reach::reading(&args.place).await?;
    let path = Some(out.to_string_lossy().into_owned());
    let ask = Box::new(Ask::Search(search));
    // Another export may run at the same instance.
    let tag = sextant_workbench::now() as u64;
    let command = Command::Export { ask, format: format.rows(), tag, path, location: args.location };
    let done = watched(&reach, tag, reach.act(command, Vec::new())).await;
    super::close(reach).await;
    if let Outcome::Object { object } = done? {
        let size = size_text(object["bytes"].as_u64().unwrap_or(0));
        note(format_args!("{} rows, {size}: {}", object["rows"], object["path"].as_str().unwrap_or_default()));
        for file in object["files"].as_array().into_iter().flatten() {
            let size = size_text(file["bytes"].as_u64().unwrap_or(0));
            note(format_args!("{:>12} rows {size:>10}  {}", file["rows"], file["path"].as_str().unwrap_or_default()));
        }
        if let Some(lacking) = object["lacking"].as_str() {
            note(format_args!("the file is not whole: {lacking}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Waits, and says how far it is where somebody looks on.
pub(super) async fn watched(
    reach: &Reach,
    tag: u64,
    done: impl Future<Output = Result<Outcome, AskError>>,
) -> Result<Outcome, AskError> {
    tokio::pin!(done);
    let is_watched = std::io::stderr().is_terminal();
    let done = loop {
        tokio::select! {
            done = &mut done => break done,
            () = tokio::time::sleep(PAUSE), if is_watched => {
                let progress = reach.object(Ask::Progress { tag }).await.unwrap_or_default();
                if let (Some(part), Some(rows)) = (progress["part"].as_f64(), progress["rows"].as_u64()) {
                    eprint(format_args!("\r{:3.0} % · {rows} rows", part * 100.0));
                }
            }
        }
    };
    if is_watched {
        eprint(format_args!("\r{:40}\r", ""));
    }
    done
}

/// Over the line before, for one who looks on.
fn eprint(text: std::fmt::Arguments<'_>) {
    use std::io::Write as _;
    let mut out = std::io::stderr().lock();
    // One who does not look on any more is no failure.
    write!(out, "{text}").and_then(|()| out.flush()).ok();
}
