//! Queries as DuckDB SQL over the views. Values are bound; only names of columns and keys of attributes are text.

mod cohorts;
mod dialect;
mod metrics;
mod select;

pub use crate::sql::quote;
pub use cohorts::{cohort, differs, least_of};
use dialect::DuckDb;
pub use metrics::{metric_exemplars, metric_keys, metric_names, metric_points};
pub use select::{
    chosen, count, dependencies, deployments, extent, facets, histogram, hours, is_by_service, links_to, log_lines,
    logs, metrics, outlines, part_nanos, records, roots, senders, service_overview, service_rows, spans, status_of,
    trace_hits, trace_summaries, whole, whole_traces,
};
use sextant_model::query::{Aggregate, Query};
use sextant_model::{Param, Sql, TimeRange};

/// One row for each group: `time` where groups are parts of time, the fields under their names as text, then the measures
/// under theirs. In the order of time, or else the largest first.
pub fn aggregate(query: &Query, aggregate: &Aggregate, range: TimeRange, limit: usize) -> Sql {
    crate::sql::aggregate(&DuckDb, query, aggregate, range, limit)
}

/// A statement with its values in their places, to be read and copied.
pub fn inlined(sql: &Sql) -> String {
    let mut values = sql.params.iter().map(|param| match param {
        Param::Text(text) => quote(text),
        Param::Int(n) => n.to_string(),
        Param::Float(n) => n.to_string(),
    });
    let mut out = String::with_capacity(sql.text.len());
    let mut in_quotes = None;
    for c in sql.text.chars() {
        match (in_quotes, c) {
            (None, '?') => out.push_str(&values.next().unwrap_or_default()),
            (None, '\'' | '"') => {
                in_quotes = Some(c);
                out.push(c);
            }
            (quote, c) => {
                if quote == Some(c) {
                    in_quotes = None;
                }
                out.push(c);
            }
        }
    }
    out
}
