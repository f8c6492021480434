//! Figures over groups of records as one statement.

use super::filter::{Filter, failed, group_text, number_text};
use super::quote;
use sextant_model::query::{Aggregate, Function, Measure, Query};
use sextant_model::{Signal, Sql, TimeRange};

fn name(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// One row for each group: `time` where groups are parts of time, the fields under their names as text, then the measures
/// under theirs. In the order of time, or else the largest first.
pub fn aggregate(query: &Query, aggregate: &Aggregate, range: TimeRange, limit: usize) -> Sql {
    let mut params = Vec::new();
    let signal = query.signal;
    let mut columns = Vec::new();
    let mut groups = Vec::new();
    let time = signal.tables()[0].time_column();
    if let Some(every) = aggregate.every {
        columns.push(format!("make_timestamp_ns((epoch_ns({time}) // {every}) * {every}) AS \"time\""));
        groups.push(columns.len().to_string());
    }
    for key in &aggregate.by {
        columns.push(format!("{} AS {}", group_text(signal, &key.field), name(&key.name)));
        groups.push(columns.len().to_string());
    }
    for measure in &aggregate.measures {
        let figure = figure(signal, measure, aggregate.every, range, time);
        columns.push(format!("{figure} AS {}", name(&measure.name())));
    }
    let tables: Vec<String> = signal.tables().iter().map(|table| format!("FROM {}", table.name())).collect();
    let from = if tables.len() == 1 {
        tables[0].trim_start_matches("FROM ").to_owned()
    } else {
        format!("({})", tables.join(" UNION ALL BY NAME "))
    };
    let mut filter = Filter { signal, within: range, params: &mut params };
    let bounds = filter.range(time, range);
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
    let columns = columns.join(", ");
    let text = format!("SELECT {columns} FROM {from} WHERE {bounds} AND {condition}{group}{order} LIMIT {limit}");
    // The newest parts of time are wanted, and read from the oldest on.
    let is_by_time = aggregate.every.is_some() && aggregate.top.is_none();
    let text = if is_by_time { format!("SELECT * FROM ({text}) ORDER BY {}", groups.join(", ")) } else { text };
    Sql { text, params }
}

fn figure(signal: Signal, measure: &Measure, every: Option<i64>, range: TimeRange, time: &str) -> String {
    let number = || measure.of.as_ref().map_or_else(|| "NULL".to_owned(), |key| number_text(signal, &key.field));
    match measure.function {
        Function::Count => "CAST(count(*) AS BIGINT)".to_owned(),
        Function::Errors if signal == Signal::Metrics => "CAST(0 AS BIGINT)".to_owned(),
        Function::Errors => format!("CAST(count(*) FILTER ({}) AS BIGINT)", failed(signal)),
        Function::Rate => {
            let seconds = match (every, range.from, range.to) {
                (Some(every), ..) => (every as f64 / 1e9).to_string(),
                (None, Some(from), Some(to)) => (to.0.saturating_sub(from.0) as f64 / 1e9).to_string(),
                // Where an end is open, it is that of all groups together.
                (None, from, to) => {
                    let from = from.map_or_else(|| format!("min(min(epoch_ns({time}))) OVER ()"), |t| t.0.to_string());
                    let to = to.map_or_else(|| format!("max(max(epoch_ns({time}))) OVER ()"), |t| t.0.to_string());
                    format!("nullif(({to} - {from}) / 1e9, 0)")
                }
            };
            format!("count(*) / {seconds}")
        }
        Function::Distinct => {
            let text = measure.of.as_ref().map_or_else(|| "NULL".to_owned(), |key| group_text(signal, &key.field));
            format!("CAST(count(DISTINCT nullif({text}, {})) AS BIGINT)", quote(""))
        }
        Function::Sum => format!("sum({})", number()),
        Function::Avg => format!("avg({})", number()),
        Function::Min => format!("min({})", number()),
        Function::Max => format!("max({})", number()),
        Function::Quantile(share) => format!("quantile_cont({}, {share})", number()),
    }
}
