//! Queries as DuckDB SQL over the views. Values are bound; only names of columns and keys of attributes are text.

mod aggregate;
mod filter;
mod select;

pub use aggregate::aggregate;
pub use filter::quote;
pub use select::{
    count, dependencies, extent, facets, histogram, is_by_service, logs, metrics, part_nanos, senders,
    service_overview, service_rows, spans, trace_hits, trace_summaries,
};
