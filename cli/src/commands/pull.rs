//! `pull`.

use super::import::report;
use crate::args::Pull;
use crate::reach::{Reach, period};
use sextant_contract::{Command, ImportedFile, Outcome, Period};
use sextant_workbench::now;
use std::process::ExitCode;

pub async fn run(args: Pull) -> anyhow::Result<ExitCode> {
    let given = period(&args.period)?;
    // A slice that goes on growing can't be counted.
    let given = Period { to: given.to.or_else(|| given.from.map(|_| now())), ..given };
    let command = Command::Pull {
        source: args.source,
        query: args.query_flag.unwrap_or(args.query),
        signal: args.signal,
        period: given,
        whole_traces: args.whole_traces,
        is_heavy: args.heavy,
    };
    let reach = Reach::of(&args.place).await?;
    let pulled = reach.act(command, Vec::new()).await;
    super::close(reach).await;
    let files: Vec<ImportedFile> = match pulled? {
        Outcome::Object { object } => serde_json::from_value(object["files"].clone())?,
        _ => Vec::new(),
    };
    report(&files, args.json)?;
    Ok(ExitCode::SUCCESS)
}
