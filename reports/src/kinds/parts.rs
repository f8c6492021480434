//! Parts that several kinds have: what was lacking in a period, services, a trace span by span.

use super::charts::{WIDTH, fitting, shares, waterfall};
use super::maker::{Found, Maker, cell, columns, marked, number, table, text, time};
use super::times::{at, length};
use super::{nothing, refused};
use crate::model::{Block, Figure, Origin, Tone};
use serde_json::Value;
use sextant_charts::figures::{counted, duration, thousands};
use sextant_charts::{Folds, Rows, Skeleton, hue, letters, pin, pin_letters};
use sextant_contract::{Ask, AskError, Period};
use sextant_model::TraceId;
use std::collections::HashMap;

/// A trace is drawn up to so many rows; what is below is folded.
const MAX_FALL_ROWS: usize = 105;

/// Services of a period by name.
pub(super) fn services(maker: &Maker<'_>, period: Period) -> Result<HashMap<String, Value>, AskError> {
    let rows = maker.rows(&Ask::Services { period })?;
    Ok(rows.into_iter().map(|row| (text(&row, "service"), row)).collect())
}

/// A share in percent, or nothing where there is nothing that it could be a share of.
pub(super) fn percent(part: f64, of: f64) -> String {
    if of <= 0.0 { "–".into() } else { format!("{:.1} %", part / of * 100.0) }
}

/// A duration that may be missing.
pub(super) fn took(row: Option<&Value>, key: &str) -> String {
    row.map(|r| number(r, key)).filter(|n| *n > 0.0).map_or_else(|| "–".into(), |n| duration(n as i64))
}

fn whole(n: f64) -> String {
    thousands(n as i64)
}

/// Services in a period beside the period before, those first in which most went wrong.
pub(super) fn beside(
    maker: &Maker<'_>,
    now: Period,
    before: Period,
    words: [&str; 2],
    most: usize,
) -> Result<Option<Block>, AskError> {
    let found = maker.found(&Ask::Services { period: now }, "services")?;
    let earlier = services(maker, before)?;
    let mut rows = found.rows;
    if rows.is_empty() {
        return Ok(None);
    }
    rows.sort_by(|a, b| {
        number(b, "errors")
            .total_cmp(&number(a, "errors"))
            .then(number(b, "requests").total_cmp(&number(a, "requests")))
    });
    let cells = rows
        .iter()
        .map(|row| {
            let name = text(row, "service");
            let then = earlier.get(&name);
            let (n, failed) = (number(row, "requests"), number(row, "errors"));
            let was = then.map_or(0.0, |r| number(r, "p99_ns"));
            let is_slower = was > 0.0 && number(row, "p99_ns") > 1.5 * was;
            let failed_before = then.map_or(0.0, |r| number(r, "errors"));
            let share_before = failed_before / then.map_or(0.0, |r| number(r, "requests")).max(1.0);
            vec![
                cell(if name.is_empty() { "(no service)".into() } else { name }),
                cell(then.map_or_else(|| "–".into(), |r| whole(number(r, "requests")))),
                cell(whole(n)),
                cell(percent(failed_before, then.map_or(0.0, |r| number(r, "requests")))),
                marked(percent(failed, n), Tone::Error, failed / n.max(1.0) > share_before),
                cell(took(then, "p99_ns")),
                marked(took(Some(row), "p99_ns"), Tone::Warn, is_slower),
            ]
        })
        .collect();
    let [was, is] = words;
    let heads = [
        "*Service".to_owned(),
        format!("#requests {was}"),
        format!("#{is}"),
        format!("#errors {was}"),
        format!("#{is}"),
        format!("#p99 {was}"),
        format!("#{is}"),
    ];
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let caption = "Requests, share of errors and 99th percentile of each service, most errors first; marked: more errors, or one and a half times slower.";
    Ok(Some(table(columns(&heads), cells, caption, Some(found.origin), most)))
}

/// A condition on a time, as SQL.
pub(super) fn within(column: &str, (from, to): (i64, i64)) -> String {
    format!("{column} >= make_timestamp_ns({from}) AND {column} < make_timestamp_ns({to})")
}

/// What a retention policy took away within a period, and what else makes figures smaller than what was.
pub(super) fn note_gaps(maker: &Maker<'_>, status: &Value, (from, to): (i64, i64)) -> Result<(), AskError> {
    maker.has_looked.set(true);
    for zone in status["evicted"].as_array().into_iter().flatten() {
        let (first, last) = (zone["first"].as_i64().unwrap_or(0), zone["last"].as_i64().unwrap_or(0));
        if last >= from && first < to {
            let n = zone["records"].as_i64().unwrap_or(0);
            maker.gap(format!(
                "Retention ({}) took {} records of {} from {} to {} away.",
                text(zone, "policy"),
                thousands(n),
                text(zone, "signal"),
                at(first, (from, to)),
                at(last, (from, to)),
            ));
        }
    }
    for of in status["ledger"].as_array().into_iter().flatten() {
        let rejected: i64 = of["rejected"].as_object().into_iter().flatten().filter_map(|(_, n)| n.as_i64()).sum();
        if rejected > 0 {
            let why: Vec<&str> =
                of["rejected"].as_object().into_iter().flatten().map(|(why, _)| why.as_str()).collect();
            maker.gap(format!(
                "Of the {} that ever arrived, {} were rejected ({}).",
                text(of, "signal"),
                thousands(rejected),
                why.join(", ")
            ));
        }
    }
    let sql = format!(
        "SELECT count(*) AS n FROM traces WHERE TraceState LIKE '%th:%' AND {}",
        within("Timestamp", (from, to))
    );
    let n = maker.rows(&Ask::sql(sql, Some(1)))?.first().map_or(0, |row| number(row, "n") as i64);
    if n > 0 {
        maker.gap(format!(
            "Senders sampled: {} of this period say so in their trace state. Counts are of what arrived, not of what happened.",
            counted(n as usize, "span")
        ));
    }
    Ok(())
}

/// The same trace as a tree, with the looks of its services.
/// A trace as it is named by a user.
pub(super) fn trace_id(text: &str) -> Result<TraceId, AskError> {
    text.trim().parse().map_err(|_e| refused(format!("{text:?} is no trace id"), "32 hex digits, or 16 from Zipkin"))
}

pub(super) fn skeleton(maker: &Maker<'_>, id: TraceId) -> Result<Skeleton, AskError> {
    let answer = maker.ask(&Ask::Skeleton { id: id.to_string() })?;
    let status = maker.ask(&Ask::Status)?.object.unwrap_or_default();
    let first: Vec<&str> =
        status["first_services"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let looks = pin(&first).into_iter().zip(pin_letters(&first));
    let pinned: HashMap<&str, (u8, String)> = first.iter().copied().zip(looks).collect();
    let look = |name: &str| pinned.get(name).cloned().unwrap_or_else(|| (hue(name), letters(name)));
    Skeleton::read(&answer, look).ok_or_else(|| nothing(format!("trace {id} is not there")))
}

/// A trace span by span, and where its time went.
pub(super) fn span_by_span(maker: &Maker<'_>, id: TraceId) -> Result<(Skeleton, Vec<Block>), AskError> {
    let all = skeleton(maker, id)?;
    let sql = format!(
        "SELECT Timestamp, Duration, ServiceName, SpanName, SpanKind, StatusCode, StatusMessage, SpanId, ParentSpanId FROM traces \
         WHERE TraceId = '{id}' ORDER BY Timestamp, SpanId"
    );
    let found = maker.found(&Ask::sql(sql, Some(10_000)), "spans-of-the-trace")?;
    let rows = if all.len() <= MAX_FALL_ROWS {
        Rows::of(&all, &Folds { has_groups: true, ..Folds::default() })
    } else {
        fitting(&all, MAX_FALL_ROWS)
    };
    let n_rows = rows.list.len();
    let mut blocks = Vec::new();
    let most = MAX_FALL_ROWS.div_ceil(super::charts::FALL_ROWS);
    let n_parts = n_rows.div_ceil(super::charts::FALL_ROWS);
    let parts = waterfall(&all, &rows, most);
    let n_drawn = if n_parts > most { n_rows.div_ceil(n_parts) * most } else { n_rows };
    for (i, (scene, height)) in parts.into_iter().enumerate() {
        let part = if n_parts > 1 { format!(", part {} of {}", i + 1, n_parts.min(most)) } else { String::new() };
        let mut caption = format!("Waterfall of the trace{part}. The thin line under bars is the critical path");
        if rows.n_folded > 0 {
            caption += &format!("; {} that are alike or deep are folded", counted(rows.n_folded, "span"));
        }
        if i + 1 == most && n_parts > most {
            caption += &format!("; {} more rows are only in the attached file", n_rows.saturating_sub(n_drawn));
        }
        let alt = format!(
            "Waterfall of trace {id}{part}: {} in {}, {} failed; the longest is {}.",
            counted(all.len(), "span"),
            duration(all.extent),
            all.n_errors(),
            if all.is_empty() { "none" } else { all.span(0).name() }
        );
        blocks.push(Block::Figure(Figure {
            scene,
            size: (WIDTH, height),
            caption: caption + ".",
            alt,
            legend: Vec::new(),
            origin: found.origin.clone(),
        }));
    }
    if let Some((scene, height, legend)) = shares(&all) {
        let said: Vec<&str> = legend.iter().map(|(_, word)| word.as_str()).collect();
        let alt = format!("Where the time of the critical path went: {}.", said.join(", "));
        let caption = "Where the time of the critical path went, by service and operation.".to_owned();
        let origin =
            Origin { hash: String::new(), query: "critical path of the same spans".into(), ..Origin::default() };
        blocks.push(Block::Figure(Figure { scene, size: (WIDTH, height), caption, alt, legend, origin }));
    }
    Ok((all, blocks))
}

/// What failed in a trace: the deepest failed spans, with their messages.
pub(super) fn failures(all: &Skeleton) -> Option<Block> {
    let failed: Vec<_> = all
        .spans()
        .filter(|s| s.is_error() && !s.children().any(|c| all.span(c).is_error()))
        .map(|s| {
            vec![
                cell(format!("+{}", duration(s.start()))),
                cell(s.service().to_owned()),
                cell(s.name().to_owned()),
                marked(
                    if s.message().is_empty() { "no message".into() } else { s.message().to_owned() },
                    Tone::Error,
                    !s.message().is_empty(),
                ),
                cell(duration(s.duration())),
            ]
        })
        .collect();
    (!failed.is_empty()).then(|| {
        table(
            columns(&["`After", "Service", "Operation", "*Message", "#Duration"]),
            failed,
            "Spans that failed without a failed span below them: where it began.",
            None,
            20,
        )
    })
}

/// Log records of a trace.
pub(super) fn logs(maker: &Maker<'_>, id: TraceId, origin: i64) -> Result<Option<Block>, AskError> {
    let sql = format!(
        "SELECT Timestamp, ServiceName, SeverityText, Body FROM logs WHERE TraceId = '{id}' ORDER BY Timestamp, ServiceName, Body"
    );
    let Found { rows, origin: from, .. } = maker.found(&Ask::sql(sql, Some(10_000)), "logs-of-the-trace")?;
    if rows.is_empty() {
        return Ok(None);
    }
    let cells = rows
        .iter()
        .map(|row| {
            let level = text(row, "SeverityText").to_uppercase();
            let tone = if level.starts_with("ERR") || level.starts_with("FATAL") { Tone::Error } else { Tone::Warn };
            let is_marked = tone == Tone::Error || level.starts_with("WARN");
            vec![
                cell(time(row, "Timestamp").map_or_else(String::new, |t| format!("+{}", duration(t - origin)))),
                marked(level, tone, is_marked),
                cell(text(row, "ServiceName")),
                cell(text(row, "Body")),
            ]
        })
        .collect();
    Ok(Some(table(
        columns(&["`After", "Level", "Service", "*`Message"]),
        cells,
        "Log records of the trace.",
        Some(from),
        100,
    )))
}

/// The period that a report is about; of what is only looked at, all of it unless said otherwise.
pub(super) fn period_of(maker: &Maker<'_>, what: &str) -> Result<(i64, i64), AskError> {
    let of = maker.of.period;
    let is_looked_at = || maker.ask(&Ask::Opened).is_ok_and(|a| a.object.is_some_and(|o| o["verdict"].is_string()));
    let (from, to) = match (of.from, of.to) {
        (None, None) if is_looked_at() => super::audit::ends(maker)?.unzip(),
        said => said,
    };
    let (Some(from), Some(to)) = (from, to) else {
        return Err(super::refused(
            format!("{what} needs a period"),
            "say when it began and ended, such as --from 2026-11-19T14:01:30Z --to 2026-11-19T14:19:10Z",
        ));
    };
    if to <= from {
        return Err(super::refused("the period ends before it begins", "--from is the earlier of both"));
    }
    if to - from < 1_000_000 {
        return Err(super::refused(
            format!("a period of {} is too short", length(to - from)),
            "a millisecond is the least",
        ));
    }
    Ok((from, to))
}
