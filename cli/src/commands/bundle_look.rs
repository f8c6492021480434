//! `bundle verify`, `inspect`, `extract` and `diff`: nothing but the bundle is needed.

use crate::args::{BundleCommand, BundleVerify, Format, Where};
use crate::output::{note, print_object, print_rows};
use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use sextant_bundles::{Bag, Entry, PublicKey, Report, Trust, Verdict};
use sextant_contract::size_text;
use sextant_model::UnixNanos;
use sextant_server::trusted_keys;
use sextant_workbench::now;
use std::io::{IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

/// Looks at all of it, and says how far it is where somebody looks on.
fn look(path: &Path, trust: &Trust) -> anyhow::Result<(Report, Option<Bag>)> {
    let is_watched = std::io::stderr().is_terminal();
    let shown = AtomicU64::new(0);
    let progress = |read: u64, total: u64| {
        let percent = (read * 100).checked_div(total).unwrap_or(100);
        if is_watched && total > 100 << 20 && shown.swap(percent, Ordering::Relaxed) != percent {
            write!(std::io::stderr(), "\r{percent:3} %\r").ok();
        }
        true
    };
    Ok(sextant_bundles::verify(path, trust, &progress)?)
}

pub fn verified(place: &Where, args: &BundleVerify) -> anyhow::Result<ExitCode> {
    let key = args.pubkey.as_ref().map(|path| -> anyhow::Result<PublicKey> {
        let pem = std::fs::read_to_string(path).with_context(|| format!("the key {} can't be read", path.display()))?;
        PublicKey::from_pem(&pem).with_context(|| format!("{} is of no use", path.display()))
    });
    let at = args.at.as_deref().map(UnixNanos::parse).transpose()?;
    let trust =
        Trust { key: key.transpose()?, trusted: trusted_keys(place.data.as_ref()), at: at.map_or_else(now, |t| t.0) };
    let (report, _) = look(&args.path, &trust)?;
    let since = sextant_server::since(place.data.as_ref(), &args.path, &report, "verified");
    if args.json {
        let mut object = report.json();
        object["since"] = since.into();
        print_object(&object)?;
    } else {
        told(&report, &args.path)?;
        happened(&since)?;
    }
    Ok(if report.verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn told(report: &Report, path: &Path) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", report.verdict.name())?;
    if let Some(reason) = &report.reason {
        let file = report.file.as_ref().map_or_else(String::new, |f| format!("{f}: "));
        writeln!(out, "{file}{reason}")?;
    }
    if let Some(fingerprint) = &report.fingerprint {
        writeln!(out, "signed by {fingerprint}")?;
    }
    if let Some(hash) = &report.hash {
        writeln!(out, "bundle    {hash}")?;
    }
    writeln!(out)?;
    for check in &report.checks {
        let mark = match check.is_good {
            Some(true) => "ok",
            Some(false) if report.verdict == Verdict::Invalid => "NO",
            Some(false) => "--",
            None => "",
        };
        writeln!(out, "{mark:<3} {:<12} {}", check.name, check.said)?;
    }
    if report.verdict == Verdict::ValidUntrustedKey {
        writeln!(out, "\nIf the fingerprint is that of whom you expect: sextant keys trust {}", path.display())?;
    }
    if report.verdict != Verdict::Invalid && !report.not_proven.is_empty() {
        writeln!(out, "\nThat does not prove:")?;
        for what in &report.not_proven {
            writeln!(out, "  {what}")?;
        }
    }
    Ok(())
}

/// What happened after it was sealed.
fn happened(since: &[Value]) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    for (i, entry) in since.iter().enumerate() {
        let of = |key: &str| entry[key].as_str().unwrap_or_default();
        if i == 0 {
            writeln!(out, "\nSince it was sealed:")?;
        }
        writeln!(out, "  {} {}: {}", of("at"), of("what"), of("note"))?;
    }
    Ok(())
}

/// Asks for a time stamp, takes the answer, or notes something.
pub fn kept(place: &Where, command: &BundleCommand) -> anyhow::Result<ExitCode> {
    match command {
        BundleCommand::StampRequest { path, out } => {
            let (hash, _) = whose(path)?;
            std::fs::write(out, sextant_bundles::stamp_request(&hash)?)
                .with_context(|| format!("{} can't be written", out.display()))?;
            note(format_args!(
                "send it to an authority: curl -H 'Content-Type: application/timestamp-query' --data-binary @{} URL",
                out.display()
            ));
        }
        BundleCommand::Stamp { path, answer } => {
            let (hash, report) = whose(path)?;
            let stamp = sextant_bundles::keep_stamp(path, answer, &hash)?;
            let beside = sextant_bundles::stamp_beside(path);
            happened(&sextant_server::since(place.data.as_ref(), path, &report, "stamped"))?;
            note(format_args!(
                "whose signature it is, says: openssl ts -verify -digest {} -in {} -CAfile AUTHORITY.pem",
                stamp.hash,
                beside.display()
            ));
        }
        BundleCommand::Note { path, text } => {
            let (bundle, _) = whose(path)?;
            let Some(record) = sextant_server::record(place.data.as_ref()) else {
                bail!("there is no data directory to note it in: name one with --data");
            };
            let at = UnixNanos(now()).to_string();
            record.note(&Entry { at, bundle, what: "noted".into(), note: text.clone() })?;
        }
        _ => bail!("that is done elsewhere"),
    }
    Ok(ExitCode::SUCCESS)
}

/// The hash of a bundle that is one.
fn whose(path: &Path) -> anyhow::Result<(String, Report)> {
    let (report, _) = sound(path)?;
    let hash = report.hash.clone().with_context(|| format!("{} has no hash", path.display()))?;
    Ok((hash, report))
}

/// What can be said of a bundle whatever its key and date; none of an altered one.
fn sound(path: &Path) -> anyhow::Result<(Report, Bag)> {
    let (report, bag) = look(path, &Trust { at: now(), ..Trust::default() })?;
    match bag {
        Some(bag) if report.verdict != Verdict::Invalid => Ok((report, bag)),
        _ => {
            let file = report.file.unwrap_or_default();
            bail!("{} is INVALID: {file}: {}", path.display(), report.reason.unwrap_or_default());
        }
    }
}

pub fn inspected(path: &Path, format: Format) -> anyhow::Result<ExitCode> {
    let (report, _) = sound(path)?;
    let Some(facts) = &report.facts else { bail!("{} says nothing of itself", path.display()) };
    if format != Format::Table {
        let rows: serde_json::Map<String, Value> =
            facts.tables.iter().map(|(table, t)| (table.clone(), t.rows.into())).collect();
        let mut object = report.json();
        object["rows"] = rows.into();
        // Whom to trust was not said here.
        object.as_object_mut().map(|o| o.remove("verdict"));
        print_object(&object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = std::io::stdout().lock();
    let mut line = |name: &str, value: &str| -> std::io::Result<()> {
        if value.trim().is_empty() { Ok(()) } else { writeln!(out, "{name:<12} {value}") }
    };
    let bytes: u64 = report.files.iter().map(|f| f.bytes).sum();
    line("title", &facts.title)?;
    line("purpose", &facts.purpose)?;
    line("made", &format!("{} by {}", facts.made_at, facts.made_by))?;
    line("signed by", report.fingerprint.as_deref().unwrap_or_default())?;
    line("bundle", report.hash.as_deref().unwrap_or_default())?;
    line("not before", facts.not_before.as_deref().unwrap_or_default())?;
    line("not after", facts.not_after.as_deref().unwrap_or_default())?;
    line("search", &facts.question.query)?;
    line("from", &facts.question.from)?;
    line("to", &facts.question.to)?;
    line("size", &format!("{} in {} files", size_text(bytes), report.files.len()))?;
    for (name, table) in &facts.tables {
        line(name, &format!("{} rows, {} to {}", table.rows, table.first, table.last))?;
    }
    for r in &facts.redactions {
        line("redacted", &format!("{} in {}: {} ({})", r.rule, r.column, r.rows, r.method))?;
    }
    for left in &facts.left_out {
        let n = if left.rows > 0 { format!("{} ", left.rows) } else { String::new() };
        line("left out", &format!("{n}{}", left.reason))?;
    }
    for (i, c) in report.custody.iter().enumerate() {
        line(if i == 0 { "custody" } else { "" }, &format!("{} {}: {}", c.at, c.what, c.note))?;
    }
    Ok(ExitCode::SUCCESS)
}

pub fn extracted(path: &Path, out: &Path) -> anyhow::Result<ExitCode> {
    let (_, bag) = sound(path)?;
    bag.extract(out)?;
    note(format_args!("{}: how to check it without this program is in VERIFY.md", out.display()));
    Ok(ExitCode::SUCCESS)
}

pub fn compared(a: &Path, b: &Path, format: Format) -> anyhow::Result<ExitCode> {
    let ((_, a), (_, b)) = (sound(a)?, sound(b)?);
    let found = sextant_bundles::diff(&a, &b)?;
    let rows: Vec<Value> = found
        .iter()
        .map(|(table, d)| json!({ "table": table, "both": d.both, "only_a": d.only_a, "only_b": d.only_b }))
        .collect();
    print_rows(&rows.into(), format, &["table", "both", "only_a", "only_b"])?;
    Ok(ExitCode::SUCCESS)
}
