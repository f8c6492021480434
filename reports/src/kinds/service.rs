//! A service over a period, beside the period before.

use super::charts::{Moment, Over, Series, bars, lines};
use super::maker::{Maker, cell, columns, marked, number, search, table, text, time};
use super::parts::{note_gaps, percent, period_of, took};
use super::times::{length, span};
use super::{Said, nothing, refused, section};
use crate::model::{Block, Fact, Tone};
use serde_json::Value;
use sextant_charts::Ink;
use sextant_charts::figures::{counted, duration, duration_label, thousands};
use sextant_contract::{Ask, AskError, Period, SearchKind};

/// Parts of the period in charts.
const N_PARTS: i64 = 60;

/// A step of time that the search language takes, and that a period has about sixty of.
fn step(length: i64) -> (i64, String) {
    const SECOND: i64 = 1_000_000_000;
    const STEPS: [(i64, &str); 14] = [
        (1, "1s"),
        (5, "5s"),
        (10, "10s"),
        (30, "30s"),
        (60, "1m"),
        (300, "5m"),
        (600, "10m"),
        (1_800, "30m"),
        (3_600, "1h"),
        (10_800, "3h"),
        (21_600, "6h"),
        (43_200, "12h"),
        (86_400, "1d"),
        (604_800, "7d"),
    ];
    let wanted = length / N_PARTS / SECOND;
    let (seconds, word) = STEPS.into_iter().find(|(s, _)| *s >= wanted).unwrap_or(STEPS[13]);
    (seconds * SECOND, word.to_owned())
}

fn name_of(service: &str) -> String {
    format!("service:\"{}\"", service.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Bars of requests, and lines of quantiles.
fn charts(
    maker: &Maker<'_>,
    service: &str,
    period: Period,
    ends: (i64, i64),
    moments: &[Moment],
) -> Result<Vec<Block>, AskError> {
    let (nanos, word) = step(ends.1 - ends.0);
    let query = format!(
        "{} kind:(server OR consumer) | count, errors, p50(duration), p95(duration), p99(duration) every {word}",
        name_of(service)
    );
    let found = maker.found(&Ask::Search(search(SearchKind::Spans, query, period, 2_000)), "requests-over-time")?;
    let over = Over { ends, within: None, moments, zones: &[] };
    let n = ((ends.1 - ends.0) as f64 / nanos as f64).ceil().max(1.0) as usize;
    let mut counts = vec![vec![(0, Ink::Bar), (0, Ink::Error)]; n];
    for row in &found.rows {
        let Some(at) = time(row, "time") else { continue };
        let part = ((at - ends.0).max(0) as f64 / nanos as f64) as usize;
        let (all, failed) = (number(row, "count") as i64, number(row, "errors") as i64);
        let of = &mut counts[part.min(n - 1)];
        of[0].0 += all - failed;
        of[1].0 += failed;
    }
    let most = counts.iter().map(|c| c[0].0 + c[1].0).max().unwrap_or(0);
    let caption = format!("Requests of {service} in each {}, failed ones in red.", length(nanos));
    let alt = format!("Requests of {service} over time: {} at most in {}.", thousands(most), length(nanos));
    let first =
        bars(&counts, &[(Ink::Bar, "requests"), (Ink::Error, "failed")], &over, caption, alt, found.origin.clone());
    let of = |name: &str| -> Vec<(i64, f64)> {
        found
            .rows
            .iter()
            .filter_map(|row| {
                Some((time(row, "time")?.max(ends.0), row[format!("{name}(duration)").as_str()].as_f64()?))
            })
            .collect()
    };
    let series: Vec<Series> = [("p50", Ink::Info), ("p95", Ink::AccentDim), ("p99", Ink::Accent)]
        .into_iter()
        .map(|(name, ink)| Series { name: name.into(), ink, points: of(name) })
        .collect();
    let slowest = series[2].points.iter().map(|p| p.1).fold(0.0, f64::max);
    let caption =
        format!("Duration of requests of {service} in each {}: median, 95th and 99th percentile.", length(nanos));
    let alt = format!(
        "Percentiles of the duration of {service} over time; the 99th is at most {}.",
        duration(slowest as i64)
    );
    let second = lines(&series, &over, |v| duration_label(v as i64), caption, alt, found.origin);
    Ok(vec![Block::Figure(first), Block::Figure(second)])
}

/// The busiest operations, beside the period before.
fn operations(maker: &Maker<'_>, service: &str, now: Period, before: Period) -> Result<Option<Block>, AskError> {
    let query = format!("{} | count, errors, p50(duration), p99(duration) by name | top 25 by count", name_of(service));
    let ask = |period| Ask::Search(search(SearchKind::Spans, query.clone(), period, 25));
    let found = maker.found(&ask(now), "operations")?;
    let earlier = maker.rows(&ask(before))?;
    let cells: Vec<_> = found
        .rows
        .iter()
        .map(|row| {
            let name = text(row, "name");
            let then = earlier.iter().find(|r| text(r, "name") == name);
            let (was, is) = (then.map_or(0.0, |r| number(r, "p99(duration)")), number(row, "p99(duration)"));
            let failed = number(row, "errors");
            vec![
                cell(name),
                cell(thousands(number(row, "count") as i64)),
                marked(percent(failed, number(row, "count")), Tone::Error, failed > 0.0),
                cell(took(Some(row), "p50(duration)")),
                cell(took(then, "p99(duration)")),
                marked(took(Some(row), "p99(duration)"), Tone::Warn, was > 0.0 && is > 1.5 * was),
            ]
        })
        .collect();
    if cells.is_empty() {
        return Ok(None);
    }
    let heads = columns(&["*Operation", "#spans", "#failed", "#p50", "#p99 before", "#p99"]);
    Ok(Some(table(
        heads,
        cells,
        "The busiest operations; slower than one and a half times is marked.",
        Some(found.origin),
        25,
    )))
}

/// What failed, by operation and message.
fn errors(maker: &Maker<'_>, service: &str, now: Period) -> Result<Option<Block>, AskError> {
    let query = format!("{} error:true | count by name, StatusMessage | top 15 by count", name_of(service));
    let found = maker.found(&Ask::Search(search(SearchKind::Spans, query, now, 15)), "errors")?;
    let cells: Vec<_> = found
        .rows
        .iter()
        .map(|row| {
            let message = text(row, "StatusMessage");
            let message = if message.is_empty() { "no message".into() } else { message };
            vec![
                cell(text(row, "name")),
                cell(message),
                marked(thousands(number(row, "count") as i64), Tone::Error, true),
            ]
        })
        .collect();
    if cells.is_empty() {
        return Ok(None);
    }
    Ok(Some(table(
        columns(&["Operation", "*`Message", "#spans"]),
        cells,
        "Failed spans by operation and message.",
        Some(found.origin),
        15,
    )))
}

fn neighbours(maker: &Maker<'_>, service: &str, now: Period) -> Result<Option<Block>, AskError> {
    let found = maker.found(&Ask::Dependencies { service: Some(service.into()), period: now }, "dependencies")?;
    let cells: Vec<_> = found
        .rows
        .iter()
        .map(|row| {
            let failed = number(row, "errors");
            vec![
                cell(text(row, "parent")),
                cell(text(row, "child")),
                cell(thousands(number(row, "calls") as i64)),
                marked(percent(failed, number(row, "calls")), Tone::Error, failed > 0.0),
            ]
        })
        .collect();
    if cells.is_empty() {
        return Ok(None);
    }
    Ok(Some(table(
        columns(&["Caller", "*Callee", "#calls", "#failed"]),
        cells,
        "Calls from and to the service.",
        Some(found.origin),
        30,
    )))
}

fn facts(row: &Value, then: Option<&Value>) -> Block {
    let was = |text: String| format!("{text} in the period before");
    let rate = |r: &Value| format!("{:.2}/s", number(r, "rate"));
    let failed = |r: &Value| percent(number(r, "errors"), number(r, "requests"));
    let fact = |value: String, label: &str, before: Option<String>, tone: Tone| Fact {
        value,
        label: before.map_or_else(|| label.to_owned(), |b| format!("{label}, {}", was(b))),
        tone,
    };
    let tone = if number(row, "errors") > 0.0 { Tone::Error } else { Tone::Plain };
    Block::Facts {
        facts: vec![
            fact(rate(row), "requests", then.map(rate), Tone::Plain),
            fact(failed(row), "of requests failed", then.map(failed), tone),
            fact(took(Some(row), "p50_ns"), "p50", then.map(|r| took(Some(r), "p50_ns")), Tone::Plain),
            fact(took(Some(row), "p99_ns"), "p99", then.map(|r| took(Some(r), "p99_ns")), Tone::Plain),
        ],
    }
}

pub(super) fn said(maker: &Maker<'_>) -> Result<Said, AskError> {
    let Some(service) = maker.of.service.as_deref() else {
        return Err(refused("it is not said which service", "name one: --service checkout"));
    };
    let ends = period_of(maker, "a service report")?;
    let now = Period { from: Some(ends.0), to: Some(ends.1) };
    let before = Period { from: Some(ends.0.saturating_sub(ends.1 - ends.0)), to: Some(ends.0) };
    let all = super::parts::services(maker, now)?;
    let Some(row) = all.get(service) else {
        let mut known: Vec<&str> = all.keys().map(String::as_str).collect();
        known.sort_unstable();
        known.truncate(20);
        let hint = if known.is_empty() {
            "nothing was received then".into()
        } else {
            format!("there are: {}", known.join(", "))
        };
        return Err(nothing(format!("there is no service {service:?} from {} UTC", span(ends.0, ends.1))).hint(hint));
    };
    let earlier = super::parts::services(maker, before)?;
    let then = earlier.get(service);
    let status = maker.ask(&Ask::Status)?.object.unwrap_or_default();
    note_gaps(maker, &status, ends)?;
    let rollouts = maker.rows(&Ask::Deployments { period: now })?;
    let moments: Vec<Moment> = rollouts
        .iter()
        .filter(|r| text(r, "service") == service)
        .filter_map(|r| Some(Moment { at: time(r, "time")?, word: text(r, "version") }))
        .collect();
    let mut sections =
        vec![section("", vec![facts(row, then)]), section("Over time", charts(maker, service, now, ends, &moments)?)];
    for (title, block) in [
        ("Operations", operations(maker, service, now, before)?),
        ("What failed", errors(maker, service, now)?),
        ("Who calls whom", neighbours(maker, service, now)?),
    ] {
        sections.extend(block.map(|b| section(title, vec![b])));
    }
    let (n, failed) = (number(row, "requests"), number(row, "errors"));
    Ok(Said {
        kind: "Service report",
        kicker: span(ends.0, ends.1),
        title: format!("{service} over {}", length(ends.1 - ends.0)),
        summary: format!(
            "{service} took {} and failed {} of them ({}). Half were done within {}, 99 of a hundred within {}.",
            counted(n as usize, "request"),
            thousands(failed as i64),
            percent(failed, n),
            took(Some(row), "p50_ns"),
            took(Some(row), "p99_ns"),
        ),
        sections,
    })
}
