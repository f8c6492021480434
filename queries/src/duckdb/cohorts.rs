//! Two sets of traces, and what they have.

use super::DuckDb;
use crate::sql::{Filter, quote};
use sextant_model::query::{Expr, Query};
use sextant_model::{Param, Sql, Table, TimeRange, TraceId};

/// Of a set, what fewer than this share of its traces have is left out, unless it is so frequent in the other.
const LEAST_SHARE: f64 = 0.03;

/// The newest traces of a search that are, or are not, among those that `chosen` finds with a span within a part of the
/// period: column `TraceId`.
pub fn cohort(
    (query, period): (&Query, TimeRange),
    (chosen, within): (&Query, TimeRange),
    is_chosen: bool,
    limit: usize,
) -> Sql {
    let mut params = Vec::new();
    let hits = |filter: &Expr, range: TimeRange, params: &mut Vec<Param>| {
        let mut condition = Filter { dialect: &DuckDb, signal: query.signal, within: period, params };
        let bounds = condition.range(Table::Traces, range);
        format!("{bounds} AND {}", condition.expr(filter))
    };
    let base = hits(&query.filter, period, &mut params);
    let inner = hits(&chosen.filter, within, &mut params);
    let word = if is_chosen { "IN" } else { "NOT IN" };
    let text = format!(
        "SELECT TraceId FROM traces WHERE {base} AND TraceId {word} (SELECT TraceId FROM traces WHERE {inner}) \
         GROUP BY TraceId ORDER BY max(Timestamp) DESC, TraceId LIMIT {limit}"
    );
    Sql { text, params }
}

/// So many traces of a set have to have something, or it is left out.
pub fn least_of(n: usize) -> usize {
    ((n as f64 * LEAST_SHARE).ceil() as usize).max(2)
}

/// What the traces of both sets have: columns `kind service key value a b`, counts of traces, or nanoseconds a trace.
pub fn differs(a: &[TraceId], b: &[TraceId]) -> Sql {
    let list = |ids: &[TraceId]| ids.iter().map(|id| quote(&id.to_string())).collect::<Vec<_>>().join(", ");
    let text = include_str!("../../sql/differs.sql")
        .replace("{a}", &format!("CAST([{}] AS VARCHAR[])", list(a)))
        .replace("{b}", &format!("CAST([{}] AS VARCHAR[])", list(b)))
        .replace("{least_a}", &least_of(a.len()).to_string())
        .replace("{least_b}", &least_of(b.len()).to_string())
        .replace("{n_a}", &a.len().max(1).to_string())
        .replace("{n_b}", &b.len().max(1).to_string());
    Sql::plain(text)
}
