//! `schedule`.

use super::bundle::secret;
use super::report_file::read_custom;
use crate::args::{Format, Schedule as Args, ScheduleAdd, ScheduleCommand};
use crate::output::{note, print_rows};
use crate::reach::Reach;
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use sextant_contract::{
    Ask, Command, Hidden, OF_THE_RUN, Outcome, Period, ReportAsk, ReportForm, Schedule, Webhook, size_text,
};
use sextant_model::{DurationNanos, UnixNanos};
use sextant_server::data_dir;
use sextant_workbench::{Schedules, now};
use std::io::Write as _;
use std::process::ExitCode;

pub async fn run(args: Args) -> anyhow::Result<ExitCode> {
    let place = args.place;
    match args.command {
        ScheduleCommand::Add(_) | ScheduleCommand::Remove { .. } if place.url.is_some() => {
            bail!("schedules are kept in a data directory and write files beside it; name one with --data");
        }
        ScheduleCommand::Add(add) => {
            let add_file = add.file.clone();
            let one = read(*add)?;
            let name = one.name.clone();
            let of_file =
                add_file.map(|f| format!("what {} says now is kept; add it again when it is changed", f.display()));
            let (next, was_there) = Schedules::of(&data_dir(place.data.as_ref())?).put(one)?;
            writeln!(std::io::stdout(), "{name} comes next at {}", UnixNanos(next))?;
            if was_there {
                note("it takes the place of the one that had its name, with all that was said of that");
            }
            of_file.iter().for_each(note);
            note("it is made while `sextant serve` or the desktop program runs on this data directory");
        }
        ScheduleCommand::Remove { name } => {
            if !Schedules::of(&data_dir(place.data.as_ref())?).remove(&name)? {
                bail!("there is no schedule called '{name}'; see: sextant schedule list");
            }
        }
        ScheduleCommand::List { format } => {
            let reach = Reach::reading(&place).await?;
            let object = reach.object(Ask::Schedules).await;
            super::close(reach).await;
            let object = object?;
            let all = object["schedules"].as_array().map_or(&[][..], Vec::as_slice);
            let rows: Vec<Value> = all.iter().map(row).collect();
            let mut columns = vec!["name", "cron", "next", "report", "last", "missed", "came", "told"];
            if format != Format::Table {
                columns.extend(["sha256", "folder", "keep", "webhook"]);
            }
            print_rows(&rows.into(), format, &columns)?;
            // A table has no room for why.
            for one in all.iter().filter(|_| format == Format::Table) {
                if let (Some(name), Some(why)) = (one["name"].as_str(), one["last"]["error"].as_str()) {
                    note(format_args!("{name} was not made the last time: {why}"));
                }
            }
        }
        ScheduleCommand::Run { name } => {
            let reach = Reach::reading(&place).await?;
            let known = reach.object(Ask::Schedules).await.unwrap_or_default();
            let mut all = known["schedules"].as_array().into_iter().flatten();
            if let Some(host) = all.find(|s| s["name"] == name.as_str()).and_then(|s| s["webhook"].as_str()) {
                note(format_args!(
                    "when it is made {host} is told, which is tried for 21 seconds if it does not answer"
                ));
            }
            let done = reach.act(Command::ScheduleRun { name }, Vec::new()).await;
            super::close(reach).await;
            if let Outcome::Object { object } = done? {
                let text = |key: &str| object[key].as_str().unwrap_or_default();
                let size = size_text(object["bytes"].as_u64().unwrap_or(0));
                writeln!(std::io::stdout(), "{}: {size}\nsha256 {}", text("path"), text("sha256"))?;
                if !text("told").is_empty() {
                    note(text("told"));
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A schedule as a line of a table.
fn row(one: &Value) -> Value {
    let last = &one["last"];
    let came = match (last["error"].as_str(), last["path"].as_str()) {
        (Some(e), _) => e.to_owned(),
        (_, Some(path)) => path.to_owned(),
        _ => String::new(),
    };
    json!({
        "name": one["name"], "cron": one["cron"], "next": one["next"], "report": one["report"],
        "last": last["due"], "came": came, "missed": last["missed"], "told": last["told"],
        "sha256": last["sha256"], "folder": one["folder"], "keep": one["keep"], "webhook": one["webhook"],
    })
}

fn read(add: ScheduleAdd) -> anyhow::Result<Schedule> {
    let mut report = match &add.file {
        Some(path) => read_custom(path, OF_THE_RUN)?,
        None => ReportAsk { kind: add.kind.kind(), service: add.service, query: add.query, ..ReportAsk::default() },
    };
    if report.kind != add.kind.kind() {
        bail!("--file is what is in a custom report: add --kind custom, or leave it out");
    }
    report.period = Period::default();
    report.title = add.title.or(report.title);
    let template = add.template.as_ref();
    report.template = template
        .map(|p| std::fs::read_to_string(p).with_context(|| format!("the template {} can't be read", p.display())))
        .transpose()?;
    let webhook = secret(add.webhook_env.as_ref())?;
    let folder = std::path::absolute(&add.folder).context("--folder makes no sense")?;
    // Now, and not when nobody looks on.
    std::fs::create_dir_all(&folder).with_context(|| format!("the folder {} can't be made", folder.display()))?;
    Ok(Schedule {
        name: add.name,
        cron: add.cron,
        last: DurationNanos::parse(&add.last)?.0,
        report,
        form: if add.html { ReportForm::Html } else { ReportForm::Pdf },
        folder: folder.to_string_lossy().into_owned(),
        keep: add.keep,
        webhook: webhook.map(|url| Webhook { url: Hidden(url), shape: add.webhook_shape.shape() }),
        since: now(),
    })
}
