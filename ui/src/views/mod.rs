//! One module a screen.

pub(crate) mod facets;
pub(crate) mod home;
pub(crate) mod logs;
pub(crate) mod states;
pub(crate) mod trace;
pub(crate) mod traces;

use crate::app::State;
use crate::asks::Slot;
use crate::data::{bytes, thousands};
use sextant_contract::{Completeness, Period, SearchAsk, SearchKind};

/// The search and period of the route.
pub(crate) fn search(state: &State, kind: SearchKind, limit: usize) -> SearchAsk {
    let (from, to) = state.route.period();
    let period = Period { from: Some(from), to: Some(to) };
    SearchAsk { kind, query: state.route.query.clone(), period, limit, explain: false }
}

/// A name for a question about the route's search and period: the end of a live period is not part of it.
pub(crate) fn key(state: &State, what: &str) -> String {
    let route = &state.route;
    match route.fixed {
        Some(fixed) => format!("{what} {} {fixed:?}", route.query),
        None => format!("{what} {} last {}", route.query, route.minutes),
    }
}

/// What every answer says at the foot: complete or not, scanned, time, generation.
pub(crate) fn report(state: &mut State, showing: Vec<String>, slot: &Slot) {
    state.status.parts.push(showing);
    let Some(answer) = slot.get() else { return };
    let word = match &answer.completeness {
        Completeness::Complete => "complete".to_owned(),
        Completeness::Limited { .. } => "the newest, more on demand".to_owned(),
        Completeness::Partial { reason } => format!("partial: {reason}"),
    };
    state.status.parts.push(vec!["Answer".into(), word]);
    let cost = answer.cost;
    let segments = format!("{} of {} segments", cost.n_segments, cost.n_segments_total);
    state.status.parts.push(vec!["Scanned".into(), bytes(cost.n_bytes_scanned), format!(", {segments}")]);
    state.status.parts.push(vec!["Query".into(), crate::data::duration(cost.took_micros as i64 * 1_000)]);
    state.status.parts.push(vec!["Generation".into(), thousands((answer.generation & 0xffff_ffff) as i64)]);
}
