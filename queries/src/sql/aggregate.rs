//! Figures over groups of records as one statement.

use super::filter::{Filter, failed, group_text, number_text};
use super::{Dialect, quote};
use sextant_model::query::{Aggregate, Function, Measure, Query};
use sextant_model::{Signal, Sql, TimeRange, schema};

/// One row for each group: `time` where groups are parts of time, the fields under their names as text, then the measures
/// under theirs. In the order of time, or else the largest first.
pub(crate) fn aggregate(
    dialect: &dyn Dialect,
    query: &Query,
    aggregate: &Aggregate,
    range: TimeRange,
    limit: usize,
) -> Sql {
    let mut params = Vec::new();
    let signal = query.signal;
    let mut columns: Vec<(String, String)> = Vec::new();
    let mut groups = Vec::new();
    let time = signal.tables()[0].time_column();
    if let Some(every) = aggregate.every {
        let parts = dialect.parts(&dialect.nanos(time), every);
        columns.push((dialect.time(&format!("{parts} * {every}")), "time".to_owned()));
        groups.push(columns.len().to_string());
    }
    for key in &aggregate.by {
        columns.push((group_text(dialect, signal, &key.field), key.name.clone()));
        groups.push(columns.len().to_string());
    }
    for measure in &aggregate.measures {
        columns.push((figure(dialect, signal, measure, aggregate.every, range, time), measure.name()));
    }
    let from = match signal.tables() {
        [one] => dialect.table(*one),
        several => format!("({})", dialect.union(several)),
    };
    let mut filter = Filter { dialect, signal, within: range, params: &mut params };
    let bounds = filter.range(signal.tables()[0], range);
    let condition = filter.expr(&query.filter);
    // Of no records there are no groups, but one row of figures where nothing groups.
    let group = if groups.is_empty() { String::new() } else { format!(" GROUP BY {}", groups.join(", ")) };
    // By place: a name may be that of a column of the table, whatever its case.
    let largest = |at: usize| format!("{} DESC NULLS LAST", groups.len() + at + 1);
    let (order, limit) = match aggregate.top {
        Some((n, at)) => (vec![largest(at)], n.min(limit)),
        None if aggregate.every.is_some() => (vec!["1 DESC".to_owned()], limit),
        None if groups.is_empty() => (Vec::new(), limit),
        None => (vec![largest(0)], limit),
    };
    let skipped = usize::from(order.first().is_some_and(|first| first == "1 DESC"));
    let order: Vec<String> = order.into_iter().chain(groups.iter().skip(skipped).cloned()).collect();
    let order = if order.is_empty() { String::new() } else { format!(" ORDER BY {}", order.join(", ")) };
    // One name for one column.
    for i in 1..columns.len() {
        let is_taken = |name: &str| columns[..i].iter().any(|(_, n)| n.eq_ignore_ascii_case(name));
        let free = (1..=columns.len()).map(|n| format!("{}_{n}", columns[i].1)).find(|name| !is_taken(name));
        if is_taken(&columns[i].1) {
            columns[i].1 = free.unwrap_or_default();
        }
    }
    // A name that is also a column's hides the column from the condition in some databases: given last, it does not.
    let is_column = |name: &str| signal.tables().iter().any(|t| schema::stored(*t).field_with_name(name).is_ok());
    let hides = columns.iter().any(|(_, name)| is_column(name));
    let alias = |i: usize| if hides { format!("c{}", i + 1) } else { dialect.name(&columns[i].1) };
    let list: Vec<String> =
        columns.iter().enumerate().map(|(i, (value, _))| format!("{value} AS {}", alias(i))).collect();
    let list = list.join(", ");
    let text = format!("SELECT {list} FROM {from} WHERE {bounds} AND {condition}{group}{order} LIMIT {limit}");
    let named = || columns.iter().enumerate().map(|(i, (_, name))| format!("{} AS {}", alias(i), dialect.name(name)));
    let outer = if hides { named().collect::<Vec<_>>().join(", ") } else { "*".to_owned() };
    // The newest parts of time are wanted, and read from the oldest on.
    let is_by_time = aggregate.every.is_some() && aggregate.top.is_none();
    let text = match (is_by_time, hides) {
        (true, _) => format!("SELECT {outer} FROM ({text}) ORDER BY {}", groups.join(", ")),
        (false, true) => format!("SELECT {outer} FROM ({text}){order}"),
        (false, false) => text,
    };
    Sql { text, params }
}

fn figure(
    dialect: &dyn Dialect,
    signal: Signal,
    measure: &Measure,
    every: Option<i64>,
    range: TimeRange,
    time: &str,
) -> String {
    let number =
        || measure.of.as_ref().map_or_else(|| "NULL".to_owned(), |key| number_text(dialect, signal, &key.field));
    match measure.function {
        Function::Count => "CAST(count(*) AS BIGINT)".to_owned(),
        Function::Errors if signal == Signal::Metrics => "CAST(0 AS BIGINT)".to_owned(),
        Function::Errors => format!("CAST(count(*) FILTER (WHERE {}) AS BIGINT)", failed(signal)),
        Function::Rate => {
            let seconds = match (every, range.from, range.to) {
                (Some(every), ..) => (every as f64 / 1e9).to_string(),
                (None, Some(from), Some(to)) => (to.0.saturating_sub(from.0) as f64 / 1e9).to_string(),
                // Where an end is open, it is that of all groups together.
                (None, from, to) => {
                    let end = |which: &str| format!("{which}({which}({})) OVER ()", dialect.nanos(time));
                    let from = from.map_or_else(|| end("min"), |t| t.0.to_string());
                    let to = to.map_or_else(|| end("max"), |t| t.0.to_string());
                    format!("nullif(({to} - {from}) / 1e9, 0)")
                }
            };
            format!("count(*) / {seconds}")
        }
        Function::Distinct => {
            let text =
                measure.of.as_ref().map_or_else(|| "NULL".to_owned(), |key| group_text(dialect, signal, &key.field));
            format!("CAST(count(DISTINCT nullif({text}, {})) AS BIGINT)", quote(""))
        }
        Function::Sum => dialect.figure("sum", &number()),
        Function::Avg => dialect.figure("avg", &number()),
        Function::Min => dialect.figure("min", &number()),
        Function::Max => dialect.figure("max", &number()),
        Function::Quantile(share) => dialect.quantile(&number(), share),
        Function::Apdex(nanos) => {
            let failed = failed(signal);
            let sound = |length: &str| format!("count(*) FILTER (WHERE {length} AND NOT ({failed}))");
            let satisfied = sound(&format!("Duration <= {nanos}"));
            let tolerated = sound(&format!("Duration > {nanos} AND Duration <= {}", nanos * 4));
            format!("({satisfied} + {tolerated} / 2.0) / nullif(count(*), 0)")
        }
    }
}
