//! `bundle create`, and the way to the others.

use super::bundle_look;
use super::export::watched;
use crate::args::{Bundle, BundleCommand, BundleCreate, Where};
use crate::output::{note, print_object};
use crate::reach::{Reach, period};
use anyhow::{Context as _, bail};
use serde_json::Value;
use sextant_contract::{BundleAsk, Command, Hidden, Outcome, size_text};
use sextant_model::UnixNanos;
use sextant_workbench::now;
use std::io::Write as _;
use std::process::ExitCode;

pub async fn run(args: Bundle) -> anyhow::Result<ExitCode> {
    let place = args.place;
    let look = match args.command {
        BundleCommand::Create(create) => return made(&place, *create).await,
        BundleCommand::Verify(verify) => tokio::task::spawn_blocking(move || bundle_look::verified(&place, &verify)),
        BundleCommand::Inspect { path, format } => {
            tokio::task::spawn_blocking(move || bundle_look::inspected(&path, format))
        }
        kept @ (BundleCommand::StampRequest { .. } | BundleCommand::Stamp { .. } | BundleCommand::Note { .. }) => {
            tokio::task::spawn_blocking(move || bundle_look::kept(&place, &kept))
        }
        BundleCommand::Extract { path, out } => {
            tokio::task::spawn_blocking(move || bundle_look::extracted(&path, &out))
        }
        BundleCommand::Diff { a, b, format } => {
            tokio::task::spawn_blocking(move || bundle_look::compared(&a, &b, format))
        }
    };
    look.await.context("it broke off")?
}

/// The value of a variable that holds a secret.
pub(super) fn secret(variable: Option<&String>) -> anyhow::Result<Option<String>> {
    let of = |name: &String| std::env::var(name).with_context(|| format!("the variable {name} holds nothing"));
    variable.map(of).transpose()
}

fn time(text: Option<&String>) -> anyhow::Result<Option<i64>> {
    Ok(text.map(|t| UnixNanos::parse(t)).transpose()?.map(|t| t.0))
}

/// Whether an address is one of this machine alone.
fn is_here(url: &str) -> bool {
    let host = url.split("://").nth(1).unwrap_or(url).split('/').next().unwrap_or_default();
    // What stands before an @ is no host.
    let host = host.rsplit('@').next().unwrap_or(host);
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(name, "localhost" | "[::1]") || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

async fn made(place: &Where, args: BundleCreate) -> anyhow::Result<ExitCode> {
    let out = std::path::absolute(args.out.unwrap_or_else(|| "tried".into())).context("--out makes no sense")?;
    let is_file = sextant_bundles::is_zip_name(&out);
    if args.max_size.is_some() && !is_file {
        bail!("only one file is cut into volumes: end the name of --out in .sxb");
    }
    if let Some(most) = args.max_size {
        sextant_bundles::check_volumes(&out, most)?;
    }
    let stamp = sextant_bundles::stamp_beside(&out);
    if !args.is_tried && out.exists() && stamp.exists() {
        bail!("{} is the time stamp of the bundle that is there: move both, or choose another name", stamp.display());
    }
    let key = args
        .key
        .as_ref()
        .map(|path| std::fs::read_to_string(path).with_context(|| format!("the key {} can't be read", path.display())));
    let passphrase = secret(args.passphrase_env.as_ref())?;
    if key.is_some() && place.url.as_deref().is_some_and(|url| !is_here(url)) {
        bail!("a private key does not leave this machine: leave out --key, and the instance signs with its own");
    }
    let reach = Reach::reading(place).await?;
    let is_elsewhere = matches!(reach, Reach::Running(_));
    // Another process gives one file, which is unpacked here if a folder is wanted.
    let fetched = (is_elsewhere && !is_file && !args.is_tried).then(|| out.with_extension("fetched.sxb"));
    let path = fetched.as_ref().unwrap_or(&out).to_string_lossy().into_owned();
    let tag = now() as u64;
    let ask = BundleAsk {
        tag,
        path: (!args.is_tried).then_some(path),
        query: args.query_flag.unwrap_or(args.query),
        source: args.source,
        is_heavy: args.heavy,
        period: period(&args.period)?,
        signals: args.signals,
        traces: args.traces,
        pinned: args.pinned,
        whole_traces: args.whole_traces,
        title: args.title,
        purpose: args.purpose,
        at: time(args.at.as_ref())?,
        not_before: time(args.not_before.as_ref())?,
        not_after: time(args.not_after.as_ref())?,
        key: key.transpose()?.map(Hidden),
        key_name: args.key_name,
        passphrase: passphrase.map(Hidden),
        redact: args.redact,
        patterns: args.redact_pattern,
        is_tried: args.is_tried,
    };
    let was_there = is_file && !args.is_tried && out.exists();
    let done = watched(&reach, tag, reach.act(Command::Bundle(Box::new(ask)), Vec::new())).await;
    super::close(reach).await;
    let Outcome::Object { mut object } = done? else { return Ok(ExitCode::SUCCESS) };
    if was_there {
        note(format_args!("{} was there already, and is replaced", out.display()));
    }
    if let Some(fetched) = fetched {
        let unpacked = sextant_bundles::Bag::open(&fetched).and_then(|bag| bag.extract(&out));
        std::fs::remove_file(&fetched).with_context(|| format!("{} stays", fetched.display()))?;
        unpacked?;
        object["path"] = out.to_string_lossy().into();
    }
    if let (Some(most), false) = (args.max_size, args.is_tried) {
        let volumes = sextant_bundles::cut(&out, most)?;
        object["volumes"] = volumes.iter().map(|path| path.to_string_lossy()).collect();
    }
    if args.json {
        print_object(&object)?;
    } else if args.is_tried {
        tried(&object)?;
    } else {
        told(&object)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn told(object: &Value) -> anyhow::Result<()> {
    let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
    let mut out = std::io::stdout().lock();
    let size = size_text(object["bytes"].as_u64().unwrap_or(0));
    writeln!(out, "{}: {} rows, {size}", text("path"), object["rows"])?;
    let volumes = object["volumes"].as_array().map_or(&[][..], Vec::as_slice);
    if let [first, .., last] = volumes {
        writeln!(
            out,
            "in {} volumes, {} to {}",
            volumes.len(),
            first.as_str().unwrap_or_default(),
            last.as_str().unwrap_or_default()
        )?;
    }
    writeln!(out, "bundle    {}", text("hash"))?;
    writeln!(out, "signed by {}", text("fingerprint"))?;
    for r in object["redactions"].as_array().into_iter().flatten() {
        let of = |key: &str| r[key].as_str().unwrap_or_default();
        writeln!(out, "redacted  {} in {}: {} ({})", of("rule"), of("column"), r["rows"], of("method"))?;
    }
    for left in object["left_out"].as_array().into_iter().flatten() {
        let n = left["rows"].as_u64().filter(|n| *n > 0).map_or_else(String::new, |n| format!("{n} "));
        writeln!(out, "left out  {n}{}", left["reason"].as_str().unwrap_or_default())?;
    }
    unmatched(object);
    if object["new_key"].is_string() {
        note("a key was made for this data directory; its public half is printed by: sextant keys export");
    }
    Ok(())
}

/// Rules by name that found nothing of that name.
fn unmatched(object: &Value) {
    for name in object["unmatched"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        note(format_args!("nothing is called '{name}': no attribute and no column, so nothing was redacted by that"));
    }
}

fn tried(object: &Value) -> anyhow::Result<()> {
    unmatched(object);
    let mut out = std::io::stdout().lock();
    let size = size_text(object["bytes"].as_u64().unwrap_or(0));
    writeln!(out, "{} rows, about {size}", object["rows"])?;
    for (table, n) in object["tables"].as_object().into_iter().flatten() {
        writeln!(out, "  {table:<22} {n}")?;
    }
    for left in object["left_out"].as_array().into_iter().flatten() {
        writeln!(out, "left out: {}", left.as_str().unwrap_or_default())?;
    }
    let found = object["found"].as_array().map_or(&[][..], Vec::as_slice);
    if !found.is_empty() {
        writeln!(out, "would be redacted:")?;
    }
    for f in found {
        let of = |key: &str| f[key].as_str().unwrap_or_default();
        writeln!(out, "  {:>8} {:<10} {:<9} {}  {}", f["n"], of("rule"), of("method"), of("column"), of("sample"))?;
    }
    Ok(())
}
