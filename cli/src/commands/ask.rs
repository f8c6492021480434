//! `search`, `sql`, `services`, `status`.

use crate::args::{Format, Kind, Search, Services, Sql, Status};
use crate::output::{note, print, print_exactly, print_object};
use crate::reach::{Reach, of, period, searched};
use arrow::array::{Array as _, ArrayRef, AsArray as _};
use serde_json::Value;
use sextant_contract::{Answer, Ask, SearchAsk, SearchKind, size_text};
use std::io::Write as _;
use std::process::ExitCode;

fn columns(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Traces => &["Timestamp", "ServiceName", "SpanName", "Duration", "Spans", "Errors", "TraceId"],
        Kind::Spans => {
            &["Timestamp", "ServiceName", "SpanName", "SpanKind", "Duration", "StatusCode", "TraceId", "SpanId"]
        }
        Kind::Logs => &["Timestamp", "SeverityText", "ServiceName", "Body", "TraceId"],
        Kind::Metrics => &["TimeUnix", "ServiceName", "MetricKind", "MetricName", "Value", "MetricUnit", "Attributes"],
    }
}

pub async fn search(args: Search) -> anyhow::Result<ExitCode> {
    let shown = columns(args.what.kind);
    let ask = SearchAsk { explain: args.explain, ..searched(args.what, args.limit)? };
    let (kind, query) = (ask.kind, ask.query.clone());
    let reach = Reach::reading(&args.place).await?;
    let is_here = args.of.source.is_none();
    let answered = reach.ask(of(args.of, Ask::Search(ask))).await;
    // Nothing found may be a slip of the pen, and so may figures without a value.
    let lacks = |a: &Answer| a.n_rows() == 0 || (query.contains('|') && lacks_figures(a));
    let is_empty = answered.as_ref().is_ok_and(|a| is_here && a.object.is_none() && lacks(a));
    let unknown = if is_empty { reach.object(Ask::Unknown { kind, query }).await.ok() } else { None };
    super::close(reach).await;
    let answer = answered?;
    for field in unknown.iter().flat_map(|o| o["fields"].as_array().into_iter().flatten()) {
        let name = field["field"].as_str().unwrap_or_default();
        let near = field["near"].as_str().map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        note(format_args!("no record was seen with a field '{name}'{near}"));
    }
    match &answer.object {
        Some(object) => explain(object, args.format)?,
        // Only spans have a duration of their own; in other records it is an attribute of no known unit.
        None if matches!(kind, SearchKind::Logs | SearchKind::Metrics) => print_exactly(&answer, args.format, shown)?,
        None => print(&answer, args.format, shown)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether some figure, or what groups them, has no value anywhere.
fn lacks_figures(answer: &Answer) -> bool {
    let has_none = |column: &ArrayRef| {
        let texts = column.as_string_opt::<i32>();
        let is_blank = texts.is_some_and(|t| t.iter().all(|text| text.unwrap_or_default().is_empty()));
        is_blank || column.null_count() == column.len()
    };
    (0..answer.schema.fields().len()).any(|i| answer.batches.iter().all(|b| has_none(b.column(i))))
}

fn explain(object: &Value, format: Format) -> anyhow::Result<()> {
    if format != Format::Table {
        return print_object(object);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", object["sql"].as_str().unwrap_or_default())?;
    for (i, value) in object["params"].as_array().into_iter().flatten().enumerate() {
        writeln!(out, "-- ?{} = {value}", i + 1)?;
    }
    writeln!(out, "-- search: {}", object["search"].as_str().unwrap_or_default())?;
    for (key, name) in [("traceql", "TraceQL"), ("jaeger", "Jaeger")] {
        if let Some(text) = object[key]["text"].as_str() {
            writeln!(out, "-- as {name}: {text}")?;
        } else if let Some(why) = object[key]["not"].as_str() {
            writeln!(out, "-- not as {name}: {why}")?;
        }
    }
    for plan in object["plan"].as_array().into_iter().flatten() {
        let n = |key: &str| plan[key].as_u64().unwrap_or(0);
        let table = plan["table"].as_str().unwrap_or_default();
        let pruned: Vec<String> = ["time", "service", "trace", "filter"]
            .iter()
            .map(|why| (why, n(&format!("pruned_by_{why}"))))
            .filter(|(_, n)| *n > 0)
            .map(|(why, n)| format!("{n} by {why}"))
            .collect();
        let pruned = if pruned.is_empty() { "none".to_owned() } else { pruned.join(", ") };
        writeln!(
            out,
            "-- {table}: {} segments, pruned {pruned}; {} left with {} of {} row groups, {} rows and {}, newest first; \
             {} rows in memory",
            n("segments"),
            n("segments_left"),
            n("row_groups_left"),
            n("row_groups"),
            n("rows_left"),
            size_text(n("bytes_left")),
            n("rows_in_memory")
        )?;
    }
    Ok(())
}

pub async fn sql(args: Sql) -> anyhow::Result<ExitCode> {
    let reach = Reach::reading(&args.place).await?;
    let answered = reach.ask(of(args.of, Ask::sql(args.statement, None))).await;
    super::close(reach).await;
    print_exactly(&answered?, args.format, &[])?;
    Ok(ExitCode::SUCCESS)
}

pub async fn services(args: Services) -> anyhow::Result<ExitCode> {
    let period = period(&args.period)?;
    let reach = Reach::reading(&args.place).await?;
    let answered = reach.ask(of(args.of, Ask::Services { period })).await;
    super::close(reach).await;
    print(&answered?, args.format, &[])?;
    Ok(ExitCode::SUCCESS)
}

pub async fn status(args: Status) -> anyhow::Result<ExitCode> {
    let reach = Reach::reading(&args.place).await?;
    let answered = reach.object(Ask::Status).await;
    super::close(reach).await;
    let object = answered?;
    if args.format != Format::Table {
        print_object(&object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = std::io::stdout().lock();
    for line in troubles(&object) {
        writeln!(out, "{line}")?;
    }
    writeln!(out, "{:<10}{:>14}{:>14}{:>14}{:>14}", "signal", "received", "stored", "rejected", "evicted")?;
    let total = |value: &Value| value.as_object().map_or(0, |m| m.values().filter_map(Value::as_u64).sum::<u64>());
    for row in object["ledger"].as_array().into_iter().flatten() {
        let signal = row["signal"].as_str().unwrap_or_default();
        let (rejected, evicted) = (total(&row["rejected"]), total(&row["evicted"]));
        let (received, stored) = (row["received"].as_u64().unwrap_or(0), row["stored"].as_u64().unwrap_or(0));
        writeln!(out, "{signal:<10}{received:>14}{stored:>14}{rejected:>14}{evicted:>14}")?;
        for (part, width, word) in
            [("rejected", 52, "rejected"), ("evicted", 66, "evicted"), ("marked", 38, "kept with a mark")]
        {
            for (reason, n) in row[part].as_object().into_iter().flatten() {
                writeln!(out, "{:>width$} {word}: {}", n.as_u64().unwrap_or(0), reason.replace('_', " "))?;
            }
        }
    }
    writeln!(out, "malformed requests   {}", object["malformed_requests"])?;
    let refused = &object["refused_requests"];
    writeln!(out, "told to come back    {} too busy, {} disk full", refused["busy"], refused["disk_full"])?;
    for (name, value) in object["sizes"].as_object().into_iter().flatten() {
        let n = value.as_u64().unwrap_or(0);
        match name.strip_suffix("_bytes") {
            Some(name) => writeln!(out, "{:<20} {}", name.replace('_', " "), size_text(n))?,
            None => writeln!(out, "{name:<20} {n}")?,
        }
    }
    for (name, address) in object["listeners"].as_object().into_iter().flatten() {
        writeln!(out, "listening {name} {}", address.as_str().unwrap_or_default())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What is not as it should be, a line each.
fn troubles(object: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(why) = object["refusing"].as_str() {
        lines.push(format!("senders are refused: {why}"));
    }
    for u in object["unavailable"].as_array().into_iter().flatten() {
        let why = u["why"].as_str().unwrap_or_default();
        lines.push(format!(
            "{} {} can't be read: {why}; see: sextant doctor",
            u["records"],
            u["table"].as_str().unwrap_or_default()
        ));
    }
    if let Some(problem) = object["last_problem"].as_str() {
        lines.push(format!("last problem, {}: {problem}", object["last_problem_at"].as_str().unwrap_or_default()));
    }
    if let n @ 1.. = object["quarantine"]["files"].as_u64().unwrap_or(0) {
        let size = size_text(object["quarantine"]["bytes"].as_u64().unwrap_or(0));
        lines.push(format!(
            "put aside as damaged: {n} files of {size} in quarantine/; what was in them is not in any answer"
        ));
    }
    lines
}
