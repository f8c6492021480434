//! `report`.

use super::report_file::read_custom;
use crate::args::{Report, ReportArgs, ReportCommand};
use crate::output::print_object;
use crate::reach::{Reach, period};
use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sextant_contract::{Backend as _, Command, Outcome, ReportAsk, ReportForm, ReportKind, size_text};
use sextant_model::UnixNanos;
use sextant_server::Opened;
use sextant_workbench::now;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

pub async fn run(args: Report) -> anyhow::Result<ExitCode> {
    let (with, ask) = match args.command {
        ReportCommand::Trace { trace, with } => {
            (with, ReportAsk { kind: ReportKind::Trace, trace: Some(trace), ..ReportAsk::default() })
        }
        ReportCommand::Incident { query, trace, period: args, with } => {
            let period = period(&args)?;
            (with, ReportAsk { kind: ReportKind::Incident, query, trace, period, ..ReportAsk::default() })
        }
        ReportCommand::Service { service, period: args, with } => {
            let period = period(&args)?;
            (with, ReportAsk { kind: ReportKind::Service, service: Some(service), period, ..ReportAsk::default() })
        }
        ReportCommand::Audit { period: args, with } => {
            (with, ReportAsk { kind: ReportKind::Audit, period: period(&args)?, ..ReportAsk::default() })
        }
        ReportCommand::Cost { scenarios, prices, period: args, with } => {
            let read = |path: &std::path::PathBuf| {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                Ok((name, read_text(path, "the scenario")?))
            };
            let scenarios = scenarios.iter().map(read).collect::<anyhow::Result<Vec<_>>>()?;
            let prices = prices.as_deref().map(|path| read_text(path, "the prices")).transpose()?;
            let period = period(&args)?;
            (with, ReportAsk { kind: ReportKind::Cost, scenarios, prices, period, ..ReportAsk::default() })
        }
        ReportCommand::Custom { file, period: args, with } => (with, read_custom(&file, period(&args)?)?),
        ReportCommand::Template => {
            write!(std::io::stdout().lock(), "{}", sextant_reports::TEMPLATE)?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    made(*with, ask).await
}

fn read_text(path: &Path, what: &str) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("{what} {} can't be read", path.display()))
}

async fn made(args: ReportArgs, mut ask: ReportAsk) -> anyhow::Result<ExitCode> {
    let out = std::path::absolute(&args.out).context("--out makes no sense")?;
    let form = match out.extension().and_then(|e| e.to_str()).map(str::to_lowercase).as_deref() {
        Some("pdf") => ReportForm::Pdf,
        Some("html" | "htm") => ReportForm::Html,
        _ => bail!("{} does not say what kind of file it is: end it in .pdf or .html", args.out.display()),
    };
    if form == ReportForm::Html && (args.template.is_some() || args.font.is_some()) {
        bail!("templates and fonts are for PDF: a page is shown in the fonts of its reader");
    }
    ask.at = args.at.as_ref().map(|t| UnixNanos::parse(t)).transpose()?.map(|t| t.0);
    // What began and has not ended lasts until now.
    if ask.period.from.is_some() && ask.period.to.is_none() {
        ask.period.to = Some(ask.at.unwrap_or_else(now));
    }
    ask.title = args.title.or(ask.title);
    if let Some(path) = &args.text {
        ask.text = read_text(path, "the text")?;
    }
    ask.to_do.extend(args.to_do);
    ask.template = args.template.as_ref().map(|path| read_text(path, "the template")).transpose()?;
    let font =
        args.font.as_ref().map(|p| std::fs::read(p).with_context(|| format!("the font {} can't be read", p.display())));
    ask.font = font.transpose()?.map(|bytes| STANDARD.encode(bytes));
    let path = Some(out.to_string_lossy().into_owned());
    let command = Command::Report { report: Box::new(ask), form, tag: now() as u64, path };
    let done = if let Some(path) = &args.open {
        let opened = Opened::files(std::slice::from_ref(path), args.place.data.as_ref()).await?;
        let done = opened.host.workbench.act(command, Vec::new()).await;
        opened.close().await;
        done
    } else {
        let reach = Reach::reading(&args.place).await?;
        let done = reach.act(command, Vec::new()).await;
        super::close(reach).await;
        done
    };
    let Outcome::Object { object } = done? else { bail!("the answer has no report") };
    if args.json {
        print_object(&object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let n = object["pages"].as_u64().unwrap_or(0);
    let pages = match n {
        0 => String::new(),
        1 => "1 page, ".into(),
        n => format!("{n} pages, "),
    };
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}: {pages}{}", out.display(), size_text(object["bytes"].as_u64().unwrap_or(0)))?;
    writeln!(stdout, "sha256 {}", object["sha256"].as_str().unwrap_or_default())?;
    Ok(ExitCode::SUCCESS)
}
