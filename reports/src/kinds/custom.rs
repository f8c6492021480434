//! What somebody chose, in her own order and with her own words.

use super::charts::{Over, Series, bars, lines};
use super::maker::{Found, MAX_ROWS, Maker, cell, number, table, text, time};
use super::parts::{beside, note_gaps, span_by_span, trace_id};
use super::times::span;
use super::{Said, refused, section};
use crate::markdown::paragraphs;
use crate::model::{Block, Cell, Column};
use serde_json::Value;
use sextant_charts::Ink;
use sextant_charts::figures::{counted, duration, thousands};
use sextant_contract::{Ask, AskError, Code, MetricAsk, Period, ReportItem, SearchAsk, SearchKind};
use std::collections::BTreeMap;

/// More columns are not read on paper.
const MAX_COLUMNS: usize = 7;
/// More lines are not told apart.
const MAX_SERIES: usize = 8;
/// More bars are not told apart.
const MAX_BUCKETS: u32 = 1_000;
/// A long text makes a column that takes the room that is left.
const LONG: usize = 28;

/// What people want to see first of a record; the rest is attached.
const FIRST: [(SearchKind, &[&str]); 4] = [
    (SearchKind::Traces, &["Timestamp", "ServiceName", "SpanName", "Duration", "Spans", "Errors", "TraceId"]),
    (SearchKind::Spans, &["Timestamp", "ServiceName", "SpanName", "Duration", "StatusCode", "StatusMessage"]),
    (SearchKind::Logs, &["Timestamp", "ServiceName", "SeverityText", "Body"]),
    (SearchKind::Metrics, &["TimeUnix", "ServiceName", "MetricName", "MetricUnit", "Value", "Count", "Sum"]),
];

/// Columns with times, which are read to the millisecond; the file that is attached has all digits.
const TIMES: [&str; 5] = ["Timestamp", "TimeUnix", "StartTimeUnix", "ObservedTimestamp", "time"];

fn to_the_millisecond(time: &str) -> String {
    let whole = time.strip_suffix('Z').unwrap_or(time);
    whole.get(..23).unwrap_or(whole).replacen('T', " ", 1)
}

/// A value as people read it.
fn shown(key: &str, value: &Value) -> String {
    let is_nanos = key == "Duration" || key.ends_with("(duration)") || key.ends_with("_ns");
    match value {
        Value::Number(n) if is_nanos => n.as_f64().map_or_else(String::new, |n| duration(n as i64)),
        Value::Number(n) => match n.as_i64() {
            Some(n) => thousands(n),
            None => n
                .as_f64()
                .map_or_else(String::new, |n| format!("{n:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()),
        },
        Value::String(text) if TIMES.contains(&key) => to_the_millisecond(text),
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Rows as they are.
fn plain_table(found: &Found, first: Option<&[&str]>, caption: &str) -> Block {
    if found.rows.is_empty() {
        return Block::Prose { paragraphs: paragraphs("Nothing was found.") };
    }
    let all: Vec<&str> = found.answer.schema.fields().iter().map(|f| f.name().as_str()).collect();
    let chosen: Vec<&str> = match first {
        Some(first) => first.iter().copied().filter(|name| all.contains(name)).collect(),
        None => all.iter().copied().take(MAX_COLUMNS).collect(),
    };
    let longest =
        |name: &str| found.rows.iter().take(MAX_ROWS).map(|r| text(r, name).chars().count()).max().unwrap_or(0);
    let widest = chosen.iter().copied().max_by_key(|name| longest(name)).filter(|name| longest(name) >= LONG);
    let heads = chosen
        .iter()
        .map(|name| {
            let is_figure = found.rows.iter().any(|r| r[*name].is_number());
            Column { name: (*name).to_owned(), is_figure, is_mono: true, is_wide: Some(*name) == widest && !is_figure }
        })
        .collect();
    let rows: Vec<Vec<Cell>> =
        found.rows.iter().map(|row| chosen.iter().map(|name| cell(shown(name, &row[*name]))).collect()).collect();
    let left = all.len() - chosen.len();
    let caption = if left > 0 {
        format!("{caption}; {} more are in the attached file.", counted(left, "column"))
    } else {
        format!("{caption}.")
    };
    table(heads, rows, caption, Some(found.origin.clone()), MAX_ROWS)
}

fn ends_of(rows: &[Value], key: &str, period: Period) -> Option<(i64, i64)> {
    let times = || rows.iter().filter_map(|r| time(r, key));
    let (first, last) = (times().min()?, times().max()?);
    let (from, to) = (period.from.unwrap_or(first), period.to.unwrap_or(last));
    Some((from, to.max(from + 1_000_000)))
}

const INKS: [Ink; MAX_SERIES] = [
    Ink::Accent,
    Ink::Info,
    Ink::Service(3),
    Ink::Service(5),
    Ink::Service(2),
    Ink::Service(7),
    Ink::Service(9),
    Ink::Bar,
];

/// Figures over time as lines: a series for each value of what they are grouped by.
fn over_time(
    found: &Found,
    time_key: &str,
    groups: &[&str],
    figure: &str,
    period: Period,
    title: &str,
) -> Option<Block> {
    let mut all: BTreeMap<String, Vec<(i64, f64)>> = BTreeMap::new();
    for row in &found.rows {
        let name: Vec<String> = groups.iter().map(|g| text(row, g)).collect();
        let value = row[figure].as_f64().unwrap_or(f64::NAN);
        all.entry(name.join(", ")).or_default().push((time(row, time_key)?, value));
    }
    let ends = ends_of(&found.rows, time_key, period)?;
    let n = all.len();
    let mut series: Vec<(String, Vec<(i64, f64)>)> = all.into_iter().collect();
    let weight =
        |s: &(String, Vec<(i64, f64)>)| s.1.iter().map(|p| if p.1.is_finite() { p.1 } else { 0.0 }).sum::<f64>();
    series.sort_by(|a, b| weight(b).total_cmp(&weight(a)));
    let series: Vec<Series> = series
        .into_iter()
        .zip(INKS)
        .map(|((name, mut points), ink)| {
            points.sort_by_key(|p| p.0);
            Series { name: if name.is_empty() { figure.to_owned() } else { name }, ink, points }
        })
        .collect();
    let label: fn(f64) -> String = if figure.ends_with("(duration)") {
        |v| sextant_charts::figures::duration_label(v as i64)
    } else {
        |v| {
            if v >= 10.0 {
                thousands(v as i64)
            } else {
                format!("{v:.2}").trim_end_matches('0').trim_end_matches('.').to_owned()
            }
        }
    };
    let more = if n > series.len() {
        format!("; {} smaller ones are only in the attached file", counted(n - series.len(), "series"))
    } else {
        String::new()
    };
    let caption = format!("{title}: {figure} over time{more}.");
    let names: Vec<&str> = series.iter().map(|s| s.name.as_str()).collect();
    let alt = format!("{figure} over time from {}: {}.", span(ends.0, ends.1), names.join(", "));
    let over = Over { ends, within: None, moments: &[], zones: &[] };
    Some(Block::Figure(lines(&series, &over, label, caption, alt, found.origin.clone())))
}

fn searched(maker: &Maker<'_>, ask: &SearchAsk, title: &str) -> Result<Block, AskError> {
    let found = maker.found(&Ask::Search(ask.clone()), "rows")?;
    let names: Vec<&str> = found.answer.schema.fields().iter().map(|f| f.name().as_str()).collect();
    if names.first() == Some(&"time") {
        let is_figure = |name: &&str| name.contains('(') || ["count", "errors", "rate"].contains(name);
        let figure = names.iter().copied().find(is_figure);
        let groups: Vec<&str> = names.iter().copied().skip(1).filter(|name| !is_figure(name)).collect();
        if let Some(block) = figure.and_then(|figure| over_time(&found, "time", &groups, figure, ask.period, title)) {
            return Ok(block);
        }
    }
    let is_figures = !names.iter().any(|name| *name == "Timestamp" || *name == "TimeUnix");
    let first = FIRST.iter().find(|(kind, _)| *kind == ask.kind).map(|(_, first)| *first).filter(|_| !is_figures);
    Ok(plain_table(&found, first, title))
}

fn metric(maker: &Maker<'_>, ask: &MetricAsk, title: &str) -> Result<Block, AskError> {
    let found = maker.found(&Ask::Metric(ask.clone()), "metric")?;
    let lines = over_time(&found, "time", &["group"], "value", ask.search.period, title);
    Ok(lines.unwrap_or_else(|| plain_table(&found, None, title)))
}

fn histogram(maker: &Maker<'_>, search: &SearchAsk, n_buckets: u32, title: &str) -> Result<Block, AskError> {
    if n_buckets > MAX_BUCKETS {
        return Err(refused(format!("{n_buckets} bars are more than a page has points"), "ask for 60 of them"));
    }
    let ask = Ask::Histogram { search: search.clone(), n_buckets };
    let found = maker.found(&ask, "histogram")?;
    let (Some(from), Some(to), false) = (search.period.from, search.period.to, found.rows.is_empty()) else {
        return Ok(plain_table(&found, None, title));
    };
    let mut counts = vec![vec![(0, Ink::Bar), (0, Ink::Warn), (0, Ink::Error)]; n_buckets.max(1) as usize];
    for row in &found.rows {
        let series = text(row, "series").to_lowercase();
        let nth = if series.starts_with("err") || series.starts_with("fatal") {
            2
        } else {
            usize::from(series.starts_with("warn"))
        };
        let bucket = number(row, "bucket") as usize;
        if let Some(of) = counts.get_mut(bucket) {
            of[nth].0 += number(row, "n") as i64;
        }
    }
    let n: i64 = counts.iter().flatten().map(|c| c.0).sum();
    let over = Over { ends: (from, to), within: None, moments: &[], zones: &[] };
    let alt = format!("{} records over time from {}.", thousands(n), span(from, to));
    let names = [(Ink::Bar, "other"), (Ink::Warn, "warnings"), (Ink::Error, "errors")];
    Ok(Block::Figure(bars(&counts, &names, &over, format!("{title}: records over time."), alt, found.origin)))
}

fn item(maker: &Maker<'_>, item: &ReportItem) -> Result<Vec<Block>, AskError> {
    let mut blocks = Vec::new();
    if !item.text.trim().is_empty() {
        blocks.push(Block::Prose { paragraphs: paragraphs(&item.text) });
    }
    let title = if item.title.is_empty() { "What was found" } else { item.title.as_str() };
    match &item.shown {
        None => {}
        Some(Ask::Search(ask)) => blocks.push(searched(maker, ask, title)?),
        Some(Ask::Trace { id } | Ask::Skeleton { id }) => {
            blocks.extend(span_by_span(maker, trace_id(id)?)?.1);
        }
        Some(Ask::Services { period }) if period.from.is_some() && period.to.is_some() => {
            let length = period.to.unwrap_or(0) - period.from.unwrap_or(0);
            let before = Period { from: period.from.map(|t| t.saturating_sub(length)), to: period.from };
            blocks.extend(beside(maker, *period, before, ["before", "now"], MAX_ROWS)?);
        }
        Some(Ask::Metric(ask)) => blocks.push(metric(maker, ask, title)?),
        Some(Ask::Histogram { search, n_buckets }) => blocks.push(histogram(maker, search, *n_buckets, title)?),
        Some(Ask::Report { .. }) => return Err(refused("a report can't be a part of a report", "take its parts")),
        Some(other) => {
            let found = maker.found(other, other.noun())?;
            let of_all = if matches!(other, Ask::Sql { period: None, .. }) {
                ", of everything that is kept unless it says otherwise"
            } else {
                ""
            };
            blocks.push(plain_table(&found, None, &format!("{title}{of_all}")));
        }
    }
    Ok(blocks)
}

pub(super) fn said(maker: &Maker<'_>) -> Result<Said, AskError> {
    let of = maker.of;
    if of.items.is_empty() && of.text.trim().is_empty() {
        return Err(refused("the report has no parts", "add one: a search, a trace, a statement, or a text"));
    }
    if let (Some(from), Some(to)) = (of.period.from, of.period.to) {
        let status = maker.ask(&Ask::Status)?.object.unwrap_or_default();
        note_gaps(maker, &status, (from, to))?;
    }
    let mut sections = Vec::new();
    for (i, one) in (1..).zip(&of.items) {
        let blocks = item(maker, one).or_else(|e| match e.code {
            Code::NotFound => {
                Ok(vec![Block::Prose { paragraphs: crate::plain(format!("Nothing was found: {}.", e.message)) }])
            }
            _ => Err(AskError { message: format!("part {i} ({:?}): {}", one.title, e.message), ..e }),
        });
        sections.push(section(&one.title, blocks?));
    }
    Ok(Said {
        kind: "Report",
        kicker: match (of.period.from, of.period.to) {
            (Some(from), Some(to)) => span(from, to),
            _ => String::new(),
        },
        title: "What was found".into(),
        summary: String::new(),
        sections,
    })
}
