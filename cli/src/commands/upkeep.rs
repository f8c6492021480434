//! `retention`, `pin`, `compact`.

use crate::args::{Compact, Format, Pin, PinCommand, Retention, RetentionCommand, RetentionSet, Where};
use crate::output::{note, print_object, print_rows};
use crate::reach::{Reach, period};
use anyhow::Context as _;
use serde_json::Value;
use sextant_contract::{Ask, Command, KeepPolicy, Outcome, PinAsk, parse_time, size_text};
use sextant_model::DurationNanos;
use std::io::Write as _;
use std::process::ExitCode;

/// Has it done and returns what came of it.
async fn act(place: &Where, command: Command) -> anyhow::Result<Value> {
    let reach = Reach::reading(place).await?;
    let outcome = reach.act(command, Vec::new()).await;
    super::close(reach).await;
    Ok(match outcome? {
        Outcome::Object { object } => object,
        _ => Value::Null,
    })
}

async fn status(place: &Where) -> anyhow::Result<Value> {
    let reach = Reach::reading(place).await?;
    let object = reach.object(Ask::Status).await;
    super::close(reach).await;
    Ok(object?)
}

fn age(text: Option<&str>) -> anyhow::Result<Option<i64>> {
    let Some(text) = text.filter(|t| *t != "forever") else { return Ok(None) };
    let parsed = DurationNanos::parse(text).map(|d| d.0);
    Ok(Some(parsed.with_context(|| format!("'{text}' is no time to keep: use 90m, 7d or forever"))?))
}

fn set(args: RetentionSet) -> anyhow::Result<Command> {
    let cold_dir = args.cold_dir.map(std::path::absolute).transpose().context("--cold-dir makes no sense")?;
    let policy = KeepPolicy {
        project: args.project,
        keep: age(Some(&args.keep))?,
        max_bytes: args.max_bytes,
        warm_after: age(args.warm_after.as_deref())?,
        cold_after: age(args.cold_after.as_deref())?,
        cold_dir: cold_dir.map(|d| d.to_string_lossy().into_owned()),
    };
    Ok(Command::RetentionSet { signal: args.signal.name().into(), policy })
}

/// What is in force now: a policy replaces the one before as a whole.
fn say_policy(object: &Value) -> anyhow::Result<()> {
    let text = |key: &str| object[key].as_str().filter(|t| !t.is_empty());
    let mut out = std::io::stdout().lock();
    let of = text("project").map_or_else(|| "every project".to_owned(), |p| format!("project {p}"));
    write!(out, "{} of {of}: kept {}", text("signal").unwrap_or_default(), text("kept").unwrap_or_default())?;
    for (key, word) in [("warm_after", "warm"), ("cold_after", "cold")] {
        if let Some(after) = text(key) {
            write!(out, ", {word} after {after}")?;
        }
    }
    writeln!(out, "; applied in an hour, or now with: sextant retention apply")?;
    Ok(())
}

pub async fn retention(args: Retention) -> anyhow::Result<ExitCode> {
    match args.command {
        RetentionCommand::Set(set_args) => {
            let command = set(set_args)?;
            let reach = Reach::of(&args.place).await?;
            let outcome = reach.act(command, Vec::new()).await;
            super::close(reach).await;
            if let Outcome::Object { object } = outcome? {
                say_policy(&object)?;
            }
        }
        RetentionCommand::Apply(apply) => {
            let at = apply.at.as_deref().map(parse_time).transpose().map_err(anyhow::Error::msg)?;
            let done = act(&args.place, Command::RetentionApply { at, dry_run: apply.dry_run }).await?;
            if apply.format == Format::Json {
                print_object(&done)?;
                return Ok(ExitCode::SUCCESS);
            }
            let columns = ["project", "signal", "policy", "records", "segments", "bytes"];
            if apply.format == Format::Table && done["applied"].as_array().is_some_and(Vec::is_empty) {
                writeln!(std::io::stdout().lock(), "there was nothing to take away or to move")?;
                return Ok(ExitCode::SUCCESS);
            }
            print_rows(&done["applied"], apply.format, &columns)?;
            if apply.format == Format::Table && apply.dry_run {
                writeln!(std::io::stdout().lock(), "nothing was taken away: this was a dry run")?;
            }
        }
        RetentionCommand::Show { format } => {
            let columns = ["project", "signal", "keep", "max_bytes", "warm_after", "cold_after", "cold_dir", "set_at"];
            let object = status(&args.place).await?;
            if format == Format::Table && object["policies"].as_array().is_none_or(Vec::is_empty) {
                writeln!(
                    std::io::stdout().lock(),
                    "everything is kept forever; set a time with: sextant retention set"
                )?;
                return Ok(ExitCode::SUCCESS);
            }
            print_rows(&object["policies"], format, &columns)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn pin(args: Pin) -> anyhow::Result<ExitCode> {
    let ask = match args.command {
        PinCommand::Trace { id, more } => {
            PinAsk { trace: Some(id), project: Some(more.project), note: more.note, ..PinAsk::default() }
        }
        PinCommand::Period { period: of, signal, more } => {
            // Back from now, and not into the future.
            let of = if of.since.is_some() {
                sextant_contract::Period { to: Some(sextant_workbench::now()), ..period(&of)? }
            } else {
                period(&of)?
            };
            let signal = signal.map(|s| s.name().to_owned());
            let project = Some(more.project);
            PinAsk { from: of.from, to: of.to, signal, project, note: more.note, ..PinAsk::default() }
        }
        PinCommand::List { format } => {
            let columns = ["id", "project", "signal", "trace", "from", "to", "note", "made_at"];
            print_rows(&status(&args.place).await?["pins"], format, &columns)?;
            return Ok(ExitCode::SUCCESS);
        }
        PinCommand::Remove { id } => {
            act(&args.place, Command::Unpin { id }).await?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    let done = act(&args.place, Command::Pin(ask)).await?;
    writeln!(std::io::stdout().lock(), "pin {}", done["id"])?;
    if done["is_there"] == false {
        note("there is no such trace now; it is pinned for when it comes");
    }
    Ok(ExitCode::SUCCESS)
}

pub async fn compact(args: Compact) -> anyhow::Result<ExitCode> {
    let done = act(&args.place, Command::Compact).await?;
    if args.format != Format::Table {
        print_object(&done)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = std::io::stdout().lock();
    let n = |key: &str| done[key].as_u64().unwrap_or(0);
    match n("segments") {
        0 => writeln!(out, "there was nothing to lay together")?,
        segments => writeln!(
            out,
            "{segments} segments of {} became {} of {}",
            size_text(n("bytes_before")),
            n("made"),
            size_text(n("bytes_after"))
        )?,
    }
    Ok(ExitCode::SUCCESS)
}
