//! A time in which something went wrong: what users met, what happened, what failed requests have in common.

use super::charts::{Moment, Over, points};
use super::maker::{Maker, both, cell, columns, marked, number, rows as rows_of, search, table, text, time};
use super::parts::{beside, note_gaps, percent, period_of, span_by_span, trace_id, within};
use super::times::{at, length, span};
use super::{Said, nothing, section};
use crate::model::{Block, Fact, Happened, Tone};
use serde_json::Value;
use sextant_charts::figures::{counted, duration, duration_label, thousands};
use sextant_charts::{Point, Zone};
use sextant_contract::{Ask, AskError, Period, SearchKind};
use sextant_model::TraceId;

/// More dots on paper are a blot.
const MAX_POINTS: usize = 1_500;
/// More new versions are not told apart on an axis.
const MAX_ROLLOUTS: usize = 30;
/// More is not a list of what happened.
const MAX_HAPPENED: usize = 100;
/// What is looked at beside an incident: half of its length on both sides.
const BESIDE: i64 = 2;

/// What a period is compared with, and what it is.
struct Times {
    from: i64,
    to: i64,
    around: (i64, i64),
    now: Period,
    before: Period,
}

/// How many traces match, of how many that failed.
fn count(maker: &Maker<'_>, query: &str, period: Period) -> Result<i64, AskError> {
    let answer = maker.ask(&Ask::Count(search(SearchKind::Traces, query, period, 1)))?;
    Ok(answer.object.and_then(|o| o["n"].as_i64()).unwrap_or(0))
}

const FAILED: &str = "trace.errors:>0";

/// The shortest of round durations that leaves few enough traces to be drawn; none if all can be.
fn threshold(maker: &Maker<'_>, query: &str, period: Period) -> Result<Option<i64>, AskError> {
    if count(maker, query, period)? <= MAX_POINTS as i64 {
        return Ok(None);
    }
    let round: Vec<i64> = (5..11).flat_map(|e| [1, 2, 5].map(|n| n * 10_i64.pow(e))).collect();
    let (mut low, mut high) = (0, round.len() - 1);
    while low < high {
        let middle = usize::midpoint(low, high);
        if count(maker, &both(query, &slower(round[middle])), period)? <= MAX_POINTS as i64 {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Some(round[low]))
}

fn slower(nanos: i64) -> String {
    let least =
        if nanos % 1_000_000 == 0 { format!("{}ms", nanos / 1_000_000) } else { format!("{}us", nanos / 1_000) };
    format!("(trace.duration:>{least} OR {FAILED})")
}

/// Every trace as a dot.
fn met(maker: &Maker<'_>, times: &Times, moments: &[Moment], status: &Value) -> Result<(Block, Vec<Value>), AskError> {
    let query = maker.of.query.trim();
    let around = Period { from: Some(times.around.0), to: Some(times.around.1) };
    let least = threshold(maker, query, around)?;
    let asked = least.map_or_else(|| query.to_owned(), |nanos| both(query, &slower(nanos)));
    let found = maker.found(&Ask::Search(search(SearchKind::Traces, asked, around, MAX_POINTS)), "traces")?;
    let list: Vec<Point> = found
        .rows
        .iter()
        .filter_map(|row| {
            Some(Point {
                time: time(row, "Timestamp")?,
                duration: row["Duration"].as_i64()?,
                is_error: number(row, "Errors") > 0.0,
            })
        })
        .collect();
    let is_cut = found.answer.completeness != sextant_contract::Completeness::Complete;
    if is_cut {
        maker.gap(format!(
            "More traces failed than can be drawn: the figure has the newest {}, and first, last and longest are those of them.",
            thousands(list.len() as i64)
        ));
    }
    let zones: Vec<Zone<'_>> = status["evicted"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|z| z["signal"] == "traces")
        .filter_map(|z| {
            let times = (z["first"].as_i64()?, z["last"].as_i64()?);
            Some(Zone { times, n: z["records"].as_i64()?, policy: z["policy"].as_str()?, noun: "spans" })
        })
        .collect();
    let over = Over { ends: times.around, within: Some((times.from, times.to)), moments, zones: &zones };
    let n_failed = list.iter().filter(|p| p.is_error).count();
    let part = (times.around.1 - times.around.0) / 40;
    let newest = if is_cut { "the newest " } else { "" };
    let mut caption = format!("Each dot is one of {newest}{}", counted(list.len(), "trace"));
    if let Some(nanos) = least {
        caption += &format!(" that took longer than {} or failed", duration_label(nanos));
    }
    caption += &format!(
        "; log scale. A cross is a failure; the incident is shaded. Below: failures in each {}.",
        length(part / 1_000_000_000 * 1_000_000_000)
    );
    if zones.iter().any(|z| z.times.1 >= times.around.0 && z.times.0 < times.around.1) {
        caption += " Hatched: taken away by retention.";
    }
    let alt = format!(
        "Durations of {} from {}; {} failed, most of them while the incident lasted.",
        counted(list.len(), "trace"),
        span(times.around.0, times.around.1),
        thousands(n_failed as i64)
    );
    let failed_within = list.iter().filter(|p| p.is_error && p.time >= times.from && p.time < times.to).count();
    let alt =
        if failed_within * 2 > n_failed { alt } else { alt.replace(", most of them while the incident lasted", "") };
    let figure = points(&list, &over, 40, caption, alt, found.origin);
    Ok((Block::Figure(figure), found.rows))
}

fn moments(maker: &Maker<'_>, times: &Times) -> Result<Vec<(Moment, String)>, AskError> {
    let period = Period { from: Some(times.around.0), to: Some(times.around.1) };
    let rows = maker.rows(&Ask::Deployments { period })?;
    if rows.len() > MAX_ROLLOUTS {
        maker.gap(format!(
            "{} versions began to run; the first {MAX_ROLLOUTS} are named.",
            thousands(rows.len() as i64)
        ));
    }
    Ok(rows
        .iter()
        .take(MAX_ROLLOUTS)
        .filter_map(|row| {
            let (service, version, before) = (text(row, "service"), text(row, "version"), text(row, "before"));
            let at = time(row, "time")?;
            let was = if before.is_empty() { String::new() } else { format!(" after {before}") };
            Some((
                Moment { at, word: format!("{service} {version}") },
                format!("{service} began to run {version}{was}."),
            ))
        })
        .collect())
}

/// Whether some of a trace lies in the period: as they are counted.
fn is_within(times: &Times, row: &Value) -> bool {
    let begin = time(row, "Timestamp").unwrap_or(i64::MIN);
    begin < times.to && begin.saturating_add(number(row, "Duration") as i64) >= times.from
}

/// What happened, in order.
fn happened(times: &Times, traces: &[Value], rollouts: &[(Moment, String)], status: &Value) -> Block {
    let mut all: Vec<(i64, String)> = rollouts.iter().map(|(m, said)| (m.at, said.clone())).collect();
    all.push((times.from, "The period of this report begins.".into()));
    all.push((times.to, "The period of this report ends.".into()));
    let inside = |row: &&Value| is_within(times, row);
    let short = |row: &Value| text(row, "TraceId").chars().take(8).collect::<String>();
    let mut failed: Vec<&Value> = traces.iter().filter(inside).filter(|r| number(r, "Errors") > 0.0).collect();
    failed.sort_by_key(|r| time(r, "Timestamp"));
    if let (Some(first), Some(last)) = (failed.first(), failed.last()) {
        let said = |which: &str, row: &Value| {
            format!(
                "{which} failed trace: {} in {} (trace {}…).",
                text(row, "SpanName"),
                text(row, "ServiceName"),
                short(row)
            )
        };
        all.push((time(first, "Timestamp").unwrap_or(times.from), said("First", first)));
        if failed.len() > 1 {
            all.push((time(last, "Timestamp").unwrap_or(times.to), said("Last", last)));
        }
    }
    if let Some(longest) = traces.iter().filter(inside).max_by_key(|r| r["Duration"].as_i64()) {
        let said = format!(
            "Longest trace: {} took {} (trace {}…).",
            text(longest, "SpanName"),
            duration(number(longest, "Duration") as i64),
            short(longest)
        );
        all.push((time(longest, "Timestamp").unwrap_or(times.from), said));
    }
    for pin in status["pins"].as_array().into_iter().flatten() {
        let note = text(pin, "note");
        let from = time(pin, "from").filter(|t| *t >= times.around.0 && *t < times.around.1);
        if let (Some(from), false) = (from, note.is_empty()) {
            all.push((from, format!("Somebody noted: {note}")));
        }
    }
    all.sort();
    all.truncate(MAX_HAPPENED);
    Block::Times { rows: all.into_iter().map(|(t, text)| Happened { at: at(t, times.around), text }).collect() }
}

/// What failed requests have that others have not.
fn common(maker: &Maker<'_>, now: Period) -> Result<Option<Block>, AskError> {
    let query = maker.of.query.trim();
    let chosen = both(query, "error:true");
    let ask = Ask::Differs { search: search(SearchKind::Traces, query, now, 1), chosen, within: None };
    let found = maker.found(&ask, "differences")?;
    let n_compared = found.answer.object.as_ref().and_then(|o| o["n_compared"].as_u64()).unwrap_or(0);
    let cells: Vec<_> = found
        .rows
        .iter()
        .map(|row| {
            let of = |n: &str, of: &str| percent(number(row, n), number(row, of));
            let (key, value) = (text(row, "key"), text(row, "value"));
            vec![
                cell(text(row, "service")),
                cell(text(row, "kind")),
                cell(if value.is_empty() { key } else { format!("{key} = {value}") }),
                marked(of("a", "of_a"), Tone::Error, true),
                cell(of("b", "of_b")),
            ]
        })
        .collect();
    if cells.is_empty() {
        return Ok(None);
    }
    let caption = format!(
        "What failed traces have more often than others, the surest first: {} values compared, false discovery rate at most 5 %. \
         What goes together need not be its cause.",
        thousands(n_compared as i64)
    );
    Ok(Some(table(
        columns(&["Service", "What", "*`Which", "#failed", "#others"]),
        cells,
        caption,
        Some(found.origin),
        10,
    )))
}

/// Log patterns of which there are more than before.
fn rising(maker: &Maker<'_>, times: &Times) -> Result<Option<Block>, AskError> {
    let both_times = Period { from: times.before.from, to: times.now.to };
    let ask = Ask::Patterns { search: search(SearchKind::Logs, "", both_times, 1), n_parts: 2 };
    let answer = maker.ask(&ask)?;
    let all = rows_of(&answer)?;
    let mut rows: Vec<(f64, f64, &Value)> = all
        .iter()
        .map(|row| (row["counts"][0].as_f64().unwrap_or(0.0), row["counts"][1].as_f64().unwrap_or(0.0), row))
        .filter(|(before, now, row)| {
            *now > 2.0 * before && *now >= 3.0 && number(row, "errors") + number(row, "warnings") > 0.0
        })
        .collect();
    rows.sort_by(|a, b| (b.1 - b.0).total_cmp(&(a.1 - a.0)));
    let cells: Vec<_> = rows
        .iter()
        .map(|(before, now, row)| {
            let (errors, warnings) = (number(row, "errors"), number(row, "warnings"));
            let is_error = errors > 0.0;
            let tone = if is_error { Tone::Error } else { Tone::Warn };
            let services: Vec<String> =
                row["services"].as_array().into_iter().flatten().filter_map(|s| Some(s.as_str()?.to_owned())).collect();
            vec![
                marked(if is_error { "ERROR" } else { "WARN" }, tone, true),
                cell(thousands(if is_error { errors } else { warnings } as i64)),
                cell(services.join(", ")),
                cell(text(row, "pattern")),
                cell(thousands(*before as i64)),
                cell(thousands(*now as i64)),
            ]
        })
        .collect();
    if cells.is_empty() {
        return Ok(None);
    }
    let found = maker.kept(&ask, answer, "log-patterns")?;
    let caption = "Patterns of log records with warnings or errors that came more than twice as often as before, and how many of both times were of the worst level.";
    Ok(Some(table(
        columns(&["Worst level", "#of it", "Service", "*`Pattern", "#before", "#during"]),
        cells,
        caption,
        Some(found.origin),
        12,
    )))
}

fn p99(maker: &Maker<'_>, period: Period) -> Result<f64, AskError> {
    let (from, to) = (period.from.unwrap_or(0), period.to.unwrap_or(0));
    let query = maker.of.query.trim();
    let ask = if query.is_empty() {
        let times = within("Timestamp", (from, to));
        Ask::sql(
            format!("SELECT quantile_cont(Duration, 0.99) AS p99 FROM traces WHERE ParentSpanId = '' AND {times}"),
            Some(1),
        )
    } else {
        Ask::Search(search(SearchKind::Spans, format!("{query} | p99(duration)"), period, 1))
    };
    let rows = maker.rows(&ask)?;
    let first = rows.first().and_then(|row| row.as_object()?.values().next()?.as_f64());
    Ok(first.unwrap_or(0.0))
}

/// The trace that is shown span by span: the one that was named, else the longest that failed, else the longest.
fn shown(maker: &Maker<'_>, times: &Times, traces: &[Value]) -> Result<Option<TraceId>, AskError> {
    if let Some(id) = &maker.of.trace {
        return trace_id(id).map(Some);
    }
    let inside = |row: &&Value| is_within(times, row);
    let longest = traces.iter().filter(inside).max_by_key(|r| (number(r, "Errors") > 0.0, r["Duration"].as_i64()));
    longest.map(|row| trace_id(&text(row, "TraceId"))).transpose()
}

/// The period that is said, else that of the trace that is named.
fn times(maker: &Maker<'_>) -> Result<Times, AskError> {
    let (from, to) = match (&maker.of.trace, maker.of.period) {
        (Some(id), Period { from: None, to: None }) => {
            let all = super::parts::skeleton(maker, trace_id(id)?)?;
            (all.origin, all.origin.saturating_add(all.extent.max(1_000_000)))
        }
        _ => period_of(maker, "an incident report")?,
    };
    let length = to - from;
    let half = length / BESIDE;
    Ok(Times {
        from,
        to,
        around: (from.saturating_sub(half), to.saturating_add(half)),
        now: Period { from: Some(from), to: Some(to) },
        before: Period { from: Some(from.saturating_sub(length)), to: Some(from) },
    })
}

/// A search may find spans within requests.
fn of_what(query: &str) -> &'static str {
    if query.is_empty() { "requests" } else { "spans that match" }
}

fn facts(maker: &Maker<'_>, times: &Times, (n, n_failed): (i64, i64)) -> Result<(Block, f64, f64), AskError> {
    let query = maker.of.query.trim();
    let (p99_now, p99_before) = (p99(maker, times.now)?, p99(maker, times.before)?);
    let failed_before = count(maker, &both(query, FAILED), times.before)?;
    let n_before = count(maker, query, times.before)?;
    let fact = |value: String, label: String, tone: Tone| Fact { value, label, tone };
    let took = |nanos: f64| if nanos > 0.0 { duration(nanos as i64) } else { "–".into() };
    let mut all = vec![
        fact(length(times.to - times.from), "from begin to end".into(), Tone::Plain),
        fact(
            thousands(n_failed),
            format!("failed traces of {}", thousands(n)),
            if n_failed > 0 { Tone::Error } else { Tone::Plain },
        ),
        fact(
            percent(n_failed as f64, n as f64),
            format!("of traces failed, {} before", percent(failed_before as f64, n_before as f64)),
            Tone::Plain,
        ),
        fact(took(p99_now), format!("p99 of {}, {} before", of_what(query), took(p99_before)), Tone::Plain),
    ];
    if p99_before > 0.0 && query.is_empty() {
        let nanos = p99_before as i64;
        let slow = count(maker, &both(query, &format!("trace.duration:>{}us", nanos / 1_000)), times.now)?;
        all.push(fact(thousands(slow), format!("traces longer than {}", duration(nanos)), Tone::Plain));
    }
    Ok((Block::Facts { facts: all }, p99_now, p99_before))
}

pub(super) fn said(maker: &Maker<'_>) -> Result<Said, AskError> {
    let times = times(maker)?;
    let query = maker.of.query.trim();
    let n = count(maker, query, times.now)?;
    if n == 0 {
        let which = if query.is_empty() { String::new() } else { format!(" that match {query:?}") };
        return Err(nothing(format!("there are no traces{which} from {} UTC", span(times.from, times.to))));
    }
    let n_failed = count(maker, &both(query, FAILED), times.now)?;
    let status = maker.ask(&Ask::Status)?.object.unwrap_or_default();
    note_gaps(maker, &status, times.around)?;
    let (facts, p99_now, p99_before) = facts(maker, &times, (n, n_failed))?;
    let rollouts = moments(maker, &times)?;
    let (marks, told): (Vec<Moment>, Vec<String>) = rollouts.into_iter().unzip();
    let (figure, traces) = met(maker, &times, &marks, &status)?;
    let rollouts: Vec<(Moment, String)> = marks.into_iter().zip(told).collect();
    let mut sections = vec![
        section("", vec![facts]),
        section("What users met", vec![figure]),
        section(super::HAPPENED, vec![happened(&times, &traces, &rollouts, &status)]),
    ];
    if let Some(services) = beside(maker, times.now, times.before, ["before", "during"], 14)? {
        sections.push(section("Services, before and during", vec![services]));
    }
    if n_failed > 0
        && n_failed < n
        && let Some(common) = common(maker, times.now)?
    {
        sections.push(section("What failed traces have in common", vec![common]));
    }
    if let Some(id) = shown(maker, &times, &traces)? {
        let (all, blocks) = span_by_span(maker, id)?;
        let what =
            if all.n_errors() > 0 { "One failed trace, span by span" } else { "The longest trace, span by span" };
        let said = format!(
            "Trace {id}, {} UTC: {} through {}, {}, {} failed.",
            at(all.origin, times.around),
            duration(all.extent),
            counted(all.n_services(), "service"),
            counted(all.len(), "span"),
            thousands(all.n_errors() as i64)
        );
        // Where it failed is what is looked for; the waterfall may take pages.
        let first = [Block::Prose { paragraphs: crate::plain(said) }].into_iter();
        sections.push(section(what, first.chain(super::parts::failures(&all)).chain(blocks).collect()));
    }
    if let Some(rising) = rising(maker, &times)? {
        sections.push(section("Log patterns that rose", vec![rising]));
    }
    let which = if query.is_empty() { String::new() } else { format!(" that match {query}") };
    let slower = if p99_before > 0.0 && p99_now > 1.2 * p99_before {
        format!(
            " The 99th percentile of {} rose from {} to {}.",
            of_what(query),
            duration(p99_before as i64),
            duration(p99_now as i64)
        )
    } else {
        String::new()
    };
    let rolled = match rollouts.iter().rfind(|(m, _)| m.at <= times.to) {
        Some((m, _)) => format!(" {} was rolled out at {}.", m.word, at(m.at, times.around)),
        None => String::new(),
    };
    Ok(Said {
        kind: "Incident report",
        kicker: format!("Incident of {}", span(times.from, times.to)),
        title: format!("{} of {} failed", thousands(n_failed), counted(n as usize, "trace")),
        summary: format!(
            "Within {}, {} of {}{which} failed ({}).{slower}{rolled}",
            length(times.to - times.from),
            thousands(n_failed),
            counted(n as usize, "trace"),
            percent(n_failed as f64, n as f64),
        ),
        sections,
    })
}
