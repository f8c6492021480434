//! `source`.

use crate::args::{Format, Source, SourceAdd, SourceCommand};
use crate::output::{note, print, print_object, print_rows};
use crate::reach::Reach;
use anyhow::Context as _;
use serde_json::Value;
use sextant_contract::{Ask, Command, Hidden, ReadLimits, SourcePut, size_text};
use sextant_model::UnixNanos;
use std::collections::BTreeMap;
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
                note(format_args!("it is kept; mend it with: sextant source edit {name}"));
            }
            Ok(code(is_ok))
        }
        SourceCommand::Edit(edit) => {
            let before = one(reach, &edit.name).await?;
            let address = edit.address.or_else(|| before["url"].as_str().map(str::to_owned)).unwrap_or_default();
            let add = SourceAdd { name: edit.name, address, login: edit.login };
            let name = add.name.clone();
            put(reach, add, &before).await?;
            // It is kept as it was said; what does not work so is said at once.
            let object = reach.object(Ask::SourceTest { name }).await?;
            let failed = object["checks"].as_array().into_iter().flatten().filter(|c| c["level"] == "fail");
            for check in failed.filter(|_| object["ok"] == false) {
                let text = |key: &str| check[key].as_str().unwrap_or_default();
                note(format_args!("{}: {}", text("what"), text("said")));
            }
            Ok(ExitCode::SUCCESS)
        }
        SourceCommand::List { format } => {
            let mut all = known(reach).await?;
            for one in &mut all {
                let others = elsewhere(one).into_iter().map(|(signal, place)| format!("{signal}={place}"));
                one["elsewhere"] = others.collect::<Vec<_>>().join(" ").into();
            }
            print_rows(&Value::Array(all), format, &["name", "url", "user", "database", "elsewhere"])?;
            Ok(ExitCode::SUCCESS)
        }
        SourceCommand::Test { name, report, format } => {
            if let Some(path) = report {
                let object = reach.object(Ask::SourceTest { name: name.clone() }).await?;
                let text = super::source_report::markdown(&one(reach, &name).await?, &object);
                std::fs::write(&path, text).with_context(|| format!("{} can't be written", path.display()))?;
                note(format_args!("written: {}", path.display()));
            }
            Ok(code(test(reach, &name, format).await?))
        }
        SourceCommand::Remove { name } => {
            reach.act(Command::SourceRemove { name }, Vec::new()).await?;
            Ok(ExitCode::SUCCESS)
        }
        SourceCommand::Map(map) => super::source_map::run(reach, map).await,
        SourceCommand::Cost { name, format } => cost(reach, name, format).await,
        SourceCommand::Export { name } => {
            let one = one(reach, &name).await?;
            let text = toml::to_string_pretty(&serde_json::json!({ "source": [one] }))?;
            std::io::stdout().lock().write_all(text.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        SourceCommand::Import { path } => {
            let text = std::fs::read_to_string(&path).with_context(|| format!("{} can't be read", path.display()))?;
            let file: Value = toml::from_str(&text).with_context(|| format!("{} is no TOML", path.display()))?;
            let all = file["source"].as_array().cloned().unwrap_or_default();
            anyhow::ensure!(!all.is_empty(), "{} has no [[source]]", path.display());
            for source in &all {
                taken_in(reach, source).await.with_context(|| format!("{}", path.display()))?;
                let name = source["name"].as_str().unwrap_or_default();
                note(format!("attached {name}; where it wants a password: sextant source edit {name} --ask-password"));
            }
            Ok(ExitCode::SUCCESS)
        }
        SourceCommand::Statements { limit, format } => {
            let answer = reach.ask(Ask::Statements { limit, source: None }).await?;
            let columns = ["at", "source", "user", "rows_read", "bytes_read", "rows", "took_ns", "result", "statement"];
            print(&answer, format, &columns)?;
            Ok(ExitCode::SUCCESS)
        }
        SourceCommand::Pulls { format } => {
            let object = reach.object(Ask::Saved { kind: "pull".into() }).await?;
            pulls(&object, format)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What was taken over, the newest first.
fn pulls(object: &Value, format: Format) -> anyhow::Result<()> {
    let pull = |item: &Value| {
        let mut pull: Value = serde_json::from_str(item["value"].as_str().unwrap_or_default()).ok()?;
        let total: u64 = pull["records"].as_object()?.values().filter_map(Value::as_u64).sum();
        let period = |edge: &Value| edge.as_i64().map_or("…".to_owned(), |t| UnixNanos(t).to_string());
        pull["period"] = format!("{} to {}", period(&pull["from"]), period(&pull["to"])).into();
        pull["total"] = total.into();
        pull["at"] = UnixNanos(item["at"].as_i64()?).to_string().into();
        Some(pull)
    };
    let rows: Value = object["items"].as_array().into_iter().flatten().filter_map(pull).collect();
    print_rows(&rows, format, &["at", "source", "query", "period", "whole_traces", "total"])
}

fn code(is_ok: bool) -> ExitCode {
    if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

async fn known(reach: &Reach) -> anyhow::Result<Vec<Value>> {
    let object = reach.object(Ask::Sources).await?;
    Ok(object["sources"].as_array().cloned().unwrap_or_default())
}

/// Prints each part as a table, and why others can't be seen.
async fn cost(reach: &Reach, name: String, format: Format) -> anyhow::Result<ExitCode> {
    let object = reach.object(Ask::SourceCost { name }).await?;
    if format != Format::Table {
        print_object(&object)?;
        return Ok(ExitCode::SUCCESS);
    }
    for (part, columns) in [
        ("advice", &["what", "table", "bytes", "bytes_then", "why", "sql"][..]),
        ("tables", &["database", "table", "engine", "rows", "bytes", "storage_policy"]),
        ("columns", &["table", "column", "type", "codec", "bytes", "plain_bytes", "smaller"]),
        ("indexes", &["table", "index", "type", "bytes"]),
        ("partitions", &["partition", "table", "parts", "rows", "bytes", "disks"]),
        ("disks", &["disk", "type", "free_bytes", "bytes"]),
        ("queries", &["bytes", "rows", "times", "milliseconds", "user", "query"]),
    ] {
        writeln!(std::io::stdout().lock(), "{part}")?;
        print_rows(&readable(&object[part]), format, columns)?;
        writeln!(std::io::stdout().lock())?;
    }
    for closed in object["closed"].as_array().into_iter().flatten() {
        note(format_args!(
            "{}: {}",
            closed["part"].as_str().unwrap_or_default(),
            closed["why"].as_str().unwrap_or_default()
        ));
        if let Some(fix) = closed["fix"].as_str() {
            note(fix);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Rows with sizes as people read them, and how much smaller what is packed is.
fn readable(rows: &Value) -> Value {
    let mut rows = rows.clone();
    for row in rows.as_array_mut().into_iter().flatten() {
        let (packed, plain) = (row["bytes"].as_f64(), row["plain_bytes"].as_f64());
        if let (Some(packed), Some(plain)) = (packed.filter(|n| *n > 0.0), plain) {
            row["smaller"] = format!("{:.1}×", plain / packed).into();
        }
        for key in ["bytes", "bytes_then", "plain_bytes", "free_bytes"] {
            if let Some(n) = row[key].as_f64() {
                row[key] = size_text(n.max(0.0) as u64).into();
            }
        }
    }
    rows
}

/// One of them, as it is kept.
pub(super) async fn one(reach: &Reach, name: &str) -> anyhow::Result<Value> {
    let all = known(reach).await?;
    let found = all.into_iter().find(|s| s["name"] == name);
    found.with_context(|| format!("there is no source called '{name}'"))
}

/// Keeps a source of a file, with what it says of its tables.
async fn taken_in(reach: &Reach, source: &Value) -> anyhow::Result<()> {
    let text = |key: &str| source[key].as_str().map(str::to_owned);
    let name = text("name").context("a source has no name")?;
    let command = Command::SourcePut(Box::new(SourcePut {
        name: name.clone(),
        url: text("url").with_context(|| format!("'{name}' has no url"))?,
        user: text("user").unwrap_or_default(),
        password: None,
        database: text("database").unwrap_or_default(),
        ca: text("ca"),
        identity: text("identity"),
        via: text("via"),
        headers: None,
        elsewhere: Some(elsewhere(source)),
        limits: serde_json::from_value(source["limits"].clone()).unwrap_or_default(),
        keychain: source["keychain"].as_bool(),
    }));
    reach.act(command, Vec::new()).await?;
    for signal in ["traces", "logs"] {
        let mapping = source.get(signal).cloned();
        reach.act(Command::SourceMap { name: name.clone(), signal: signal.into(), mapping }, Vec::new()).await?;
    }
    Ok(())
}

/// Which signals of a source are with whom.
fn elsewhere(source: &Value) -> BTreeMap<String, String> {
    let all = source["elsewhere"].as_object().into_iter().flatten();
    all.filter_map(|(signal, place)| Some((signal.clone(), place.as_str()?.to_owned()))).collect()
}

/// What may be read, as it is said.
fn limits(said: &[String]) -> anyhow::Result<ReadLimits> {
    let mut limits = ReadLimits::default();
    for text in said {
        let (name, value) = text.split_once('=').with_context(|| format!("'{text}' is not NAME=VALUE"))?;
        let size = || sextant_contract::parse_size(value).map(Some).map_err(anyhow::Error::msg);
        match name {
            "time" => {
                let seconds = value.trim_end_matches('s').parse();
                limits.seconds = Some(seconds.with_context(|| format!("'{value}' are no seconds"))?);
            }
            "ask" => limits.ask_above_bytes = size()?,
            "query" => limits.query_bytes = size()?,
            "session" => limits.session_bytes = size()?,
            _ => anyhow::bail!("there is no limit '{name}': time, ask, query or session"),
        }
    }
    Ok(limits)
}

/// The value of a variable that holds a secret.
fn secret(variable: &str) -> anyhow::Result<Hidden> {
    Ok(Hidden(std::env::var(variable).with_context(|| format!("the variable {variable} holds nothing"))?))
}

/// Keeps a source; what is not said stays as it was.
async fn put(reach: &Reach, add: SourceAdd, before: &Value) -> anyhow::Result<()> {
    let was = |key: &str| before[key].as_str().unwrap_or_default().to_owned();
    let kept = |key: &str| before[key].as_str().map(str::to_owned);
    let login = add.login;
    let password = match &login.password_env {
        Some(variable) => Some(secret(variable)?),
        None if login.ask_password => {
            let typed = rpassword::prompt_password(format!("Password for {}: ", add.name));
            Some(Hidden(typed.context("there is no terminal to ask for the password; use --password-env VAR")?))
        }
        None => None,
    };
    let header = |text: &String| -> anyhow::Result<(String, Hidden)> {
        let (name, variable) = text.split_once('=').with_context(|| format!("'{text}' is not NAME=VAR"))?;
        Ok((name.to_owned(), secret(variable)?))
    };
    let headers = login.headers.iter().map(header).collect::<anyhow::Result<_>>()?;
    let mut others = elsewhere(before);
    for text in &login.elsewhere {
        let (signal, place) = text.split_once('=').with_context(|| format!("'{text}' is not SIGNAL=SOURCE"))?;
        if place.is_empty() {
            others.remove(signal);
        } else {
            others.insert(signal.to_owned(), place.to_owned());
        }
    }
    let command = Command::SourcePut(Box::new(SourcePut {
        name: add.name,
        url: add.address,
        user: login.user.unwrap_or_else(|| was("user")),
        password,
        database: login.database.unwrap_or_else(|| was("database")),
        ca: login.ca.or_else(|| kept("ca")),
        identity: login.client_cert.or_else(|| kept("identity")),
        via: login.via.or_else(|| kept("via")),
        headers: (!login.headers.is_empty()).then_some(headers),
        elsewhere: Some(others),
        limits: limits(&login.limits)?,
        keychain: login.keychain,
    }));
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
        let mark = match check["level"].as_str() {
            Some("pass") => "ok ",
            Some("limit") => "!  ",
            _ => "-- ",
        };
        let (what, said) = (check["what"].as_str().unwrap_or_default(), check["said"].as_str().unwrap_or_default());
        writeln!(out, "{mark} {what:<22} {said}")?;
        if let Some(fix) = check["fix"].as_str() {
            writeln!(out, "{:26} {fix}", "")?;
        }
    }
    Ok(is_ok)
}
