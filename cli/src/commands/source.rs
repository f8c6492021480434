//! `source`.

use crate::args::{Format, Source, SourceAdd, SourceCommand};
use crate::output::{note, print, print_object, print_rows};
use crate::reach::Reach;
use anyhow::Context as _;
use serde_json::Value;
use sextant_contract::{Ask, Command, Hidden};
use std::io::Write as _;
use std::process::ExitCode;

pub async fn run(args: Source) -> anyhow::Result<ExitCode> {
    let reach = Reach::of(&args.place).await?;
    let done = carry_out(&reach, args).await;
    super::close(reach).await;
    done
}

async fn carry_out(reach: &Reach, args: Source) -> anyhow::Result<ExitCode> {
    match args.command {
        SourceCommand::Add(add) => {
            if known(reach).await?.iter().any(|s| s["name"] == add.name.as_str()) {
                anyhow::bail!("there is a source called '{}' already; change it with: sextant source edit", add.name);
            }
            let name = add.name.clone();
            put(reach, add, &Value::Null).await?;
            let is_ok = test(reach, &name, Format::Table).await?;
            if !is_ok {
                note("it is kept; mend it with: sextant source edit");
            }
            Ok(code(is_ok))
        }
        SourceCommand::Edit(edit) => {
            let all = known(reach).await?;
            let before = all.iter().find(|s| s["name"] == edit.name.as_str()).cloned();
            let before = before.with_context(|| format!("there is no source called '{}'", edit.name))?;
            let address = edit.address.or_else(|| before["url"].as_str().map(str::to_owned)).unwrap_or_default();
            let add = SourceAdd { name: edit.name, address, login: edit.login };
            put(reach, add, &before).await?;
            Ok(ExitCode::SUCCESS)
        }
        SourceCommand::List { format } => {
            let all = known(reach).await?;
            print_rows(&Value::Array(all), format, &["name", "url", "user", "database"])?;
            Ok(ExitCode::SUCCESS)
        }
        SourceCommand::Test { name, format } => Ok(code(test(reach, &name, format).await?)),
        SourceCommand::Remove { name } => {
            reach.act(Command::SourceRemove { name }, Vec::new()).await?;
            Ok(ExitCode::SUCCESS)
        }
        SourceCommand::Statements { limit, format } => {
            let answer = reach.ask(Ask::Statements { limit }).await?;
            let columns = ["at", "source", "user", "rows_read", "rows", "took_ns", "result", "statement"];
            print(&answer, format, &columns)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn code(is_ok: bool) -> ExitCode {
    if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn known(reach: &Reach) -> anyhow::Result<Vec<Value>> {
    let object = reach.object(Ask::Sources).await?;
    Ok(object["sources"].as_array().cloned().unwrap_or_default())
}

/// Keeps a source; what is not said stays as it was.
async fn put(reach: &Reach, add: SourceAdd, before: &Value) -> anyhow::Result<()> {
    let was = |key: &str| before[key].as_str().unwrap_or_default().to_owned();
    let login = add.login;
    let password = match &login.password_env {
        Some(name) => {
            Some(Hidden(std::env::var(name).with_context(|| format!("the variable {name} holds no password"))?))
        }
        None => None,
    };
    let command = Command::SourcePut {
        name: add.name,
        url: add.address,
        user: login.user.unwrap_or_else(|| was("user")),
        password,
        database: login.database.unwrap_or_else(|| was("database")),
        ca: login.ca.or_else(|| before["ca"].as_str().map(str::to_owned)),
    };
    reach.act(command, Vec::new()).await?;
    Ok(())
}

/// Prints what has to be so; whether anything can be asked.
async fn test(reach: &Reach, name: &str, format: Format) -> anyhow::Result<bool> {
    let object = reach.object(Ask::SourceTest { name: name.to_owned() }).await?;
    let is_ok = object["ok"].as_bool().unwrap_or(false);
    if format != Format::Table {
        print_object(&object)?;
        return Ok(is_ok);
    }
    let mut out = std::io::stdout().lock();
    for check in object["checks"].as_array().into_iter().flatten() {
        let mark = if check["is_ok"] == true { "ok " } else { "-- " };
        let (what, said) = (check["what"].as_str().unwrap_or_default(), check["said"].as_str().unwrap_or_default());
        writeln!(out, "{mark} {what:<22} {said}")?;
        if let Some(fix) = check["fix"].as_str() {
            writeln!(out, "{:26} {fix}", "")?;
        }
    }
    Ok(is_ok)
}
