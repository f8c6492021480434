//! One trace on paper.

use super::maker::Maker;
use super::parts::{failures, logs, note_gaps, span_by_span, trace_id};
use super::times::{long_day, span};
use super::{Said, refused, section};
use crate::model::{Block, Fact, Tone};
use sextant_charts::figures::{clock, counted, duration, thousands};
use sextant_contract::{Ask, AskError};

fn fact(value: String, label: impl Into<String>, tone: Tone) -> Fact {
    Fact { value, label: label.into(), tone }
}

pub(super) fn said(maker: &Maker<'_>) -> Result<Said, AskError> {
    let Some(id) = maker.of.trace.as_deref() else {
        return Err(refused("it is not said which trace", "name one: --trace 7f3a9c21e4b84d06a1c5d2709be6f318"));
    };
    let id = trace_id(id)?;
    let (all, blocks) = span_by_span(maker, id)?;
    let status = maker.ask(&Ask::Status)?.object.unwrap_or_default();
    let (from, to) = (all.origin, all.origin.saturating_add(all.extent));
    note_gaps(maker, &status, (from, to.max(from + 1)))?;
    let root = all.span(0);
    let n_failed = all.n_errors();
    let failed = if n_failed > 0 { format!(", {} failed", thousands(n_failed as i64)) } else { String::new() };
    let mut sections = vec![section(
        "",
        vec![Block::Facts {
            facts: vec![
                fact(duration(all.extent), "from the first start to the last end", Tone::Plain),
                fact(thousands(all.len() as i64), "spans", Tone::Plain),
                fact(
                    thousands(all.n_services() as i64),
                    if all.n_services() == 1 { "service" } else { "services" },
                    Tone::Plain,
                ),
                fact(thousands(n_failed as i64), "failed spans", if n_failed > 0 { Tone::Error } else { Tone::Plain }),
                fact(thousands(all.n_logs() as i64), "log records", Tone::Plain),
            ],
        }],
    )];
    if all.n_odd() > 0 {
        maker.gap(format!(
            "{} of the trace can't be where they say: their parents are missing, or they are there twice, or they call themselves.",
            counted(all.n_odd(), "span")
        ));
    }
    sections.push(section("Span by span", blocks));
    if let Some(table) = failures(&all) {
        sections.push(section("Where it failed", vec![table]));
    }
    if let Some(table) = logs(maker, id, all.origin)? {
        sections.push(section("What was logged", vec![table]));
    }
    Ok(Said {
        kind: "Trace report",
        kicker: format!("Trace of {}", span(from, to)),
        title: format!("{} took {}", root.name(), duration(all.extent)),
        summary: format!(
            "Trace {id} began at {} UTC on {} in {} and took {} through {}: {}{failed}.",
            clock(from, 6),
            long_day(from),
            root.service(),
            duration(all.extent),
            counted(all.n_services(), "service"),
            counted(all.len(), "span"),
        ),
        sections,
    })
}
