//! The tree of a trace as columns, small enough for any bridge: texts by number, times from the start of the trace.

use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, Int64Builder, ListBuilder, RecordBatch, StringDictionaryBuilder, UInt32Array,
    UInt64Array,
};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;
use serde_json::{Value, json};
use sextant_analysis::{CriticalPath, Node, Spans, Tree, clock_shifts, critical_path};
use std::collections::HashMap;
use std::sync::Arc;

/// More events or logs of one span are not marked.
const MAX_MARKS: usize = 256;
/// So many shares of the critical path are named.
const MAX_SHARES: usize = 16;
/// The columns that a tree is made of.
pub(crate) const COLUMNS: [&str; 13] = [
    "TraceId",
    "ProjectId",
    "SpanId",
    "ParentSpanId",
    "Timestamp",
    "Duration",
    "ServiceName",
    "SpanName",
    "SpanKind",
    "StatusCode",
    "StatusMessage",
    "Events.Timestamp",
    "Links.TraceId",
];

/// Rows depth first, and what is said about the whole trace: when it starts (`origin`), how many logs it has (`logs`), what its critical path went
/// into
/// (`critical`), and which span its root is (`root`).
pub(crate) fn skeleton(spans: &[RecordBatch], logs: &[RecordBatch]) -> Result<(RecordBatch, Value), ArrowError> {
    let access = Spans::new(spans);
    let tree = Tree::build(access);
    let path = critical_path(&tree);
    let (origin, _) = tree.extent();
    let ids = access.texts("SpanId");
    let parents = access.texts("ParentSpanId");
    let (services, names) = (access.texts("ServiceName"), access.texts("SpanName"));
    let event_times = access.event_times();
    let links = access.n_links();
    let mut log_times: HashMap<&str, Vec<i64>> = HashMap::new();
    let log_spans = Spans::new(logs);
    for (id, time) in log_spans.texts("SpanId").into_iter().zip(log_spans.starts()) {
        log_times.entry(id).or_default().push(time);
    }
    let mut pieces: Vec<Vec<i64>> = vec![Vec::new(); tree.nodes.len()];
    for (place, from, to) in path.pieces.iter().rev() {
        pieces[*place as usize].extend([from - origin, to - origin]);
    }
    let column = |all: &[&str]| words(tree.nodes.iter().map(|n| all[n.span as usize]));
    let long =
        |f: &dyn Fn(&Node) -> i64| -> ArrayRef { Arc::new(Int64Array::from_iter_values(tree.nodes.iter().map(f))) };
    let short =
        |f: &dyn Fn(&Node) -> u32| -> ArrayRef { Arc::new(UInt32Array::from_iter_values(tree.nodes.iter().map(f))) };
    let flag = |f: &dyn Fn(&Node) -> bool| -> ArrayRef {
        Arc::new(BooleanArray::from(tree.nodes.iter().map(f).collect::<Vec<bool>>()))
    };
    let id = |all: &[&str]| -> ArrayRef {
        Arc::new(UInt64Array::from_iter_values(tree.nodes.iter().map(|n| number(all[n.span as usize]))))
    };
    let none: &[i64] = &[];
    let logs_of = |n: &Node| log_times.get(ids[n.span as usize]).map_or(none, Vec::as_slice);
    let shifts = clock_shifts(&tree, access);
    // What is odd about a span, a bit each.
    let odd = |n: &Node| {
        u32::from(n.flags.is_orphan) | u32::from(n.flags.is_cut_cycle) << 1 | u32::from(n.flags.is_duplicate) << 2
    };
    let rows = RecordBatch::try_from_iter([
        ("depth", short(&|n| n.depth)),
        ("descendants", short(&|n| n.n_descendants)),
        ("start", long(&|n| n.start - origin)),
        ("duration", long(&|n| n.duration)),
        ("self", long(&|n| n.self_time)),
        ("span", id(&ids)),
        ("parent", id(&parents)),
        ("service", column(&services)),
        ("name", column(&names)),
        ("kind", column(&access.texts("SpanKind"))),
        ("message", column(&access.texts("StatusMessage"))),
        ("error", flag(&|n| n.flags.is_error)),
        ("odd", short(&odd)),
        ("shift", Arc::new(Int64Array::from(shifts))),
        ("critical", times(pieces.iter().map(Vec::as_slice), 0, usize::MAX)),
        ("events", times(tree.nodes.iter().map(|n| event_times[n.span as usize]), origin, MAX_MARKS)),
        ("logs", times(tree.nodes.iter().map(logs_of), origin, MAX_MARKS)),
        ("links", short(&|n| links[n.span as usize])),
    ])?;
    let head = json!({
        "origin": origin,
        "logs": log_spans.len(),
        "critical": shares(&tree, &path, &services, &names),
        "project": access.texts("ProjectId").first().copied().unwrap_or_default(),
        "root": tree.nodes.first().map_or("", |n| ids[n.span as usize]),
    });
    Ok((rows, head))
}

/// The number that 16 hex digits are; 0 if they are something else.
fn number(id: &str) -> u64 {
    u64::from_str_radix(id, 16).unwrap_or(0)
}

fn words<'a>(all: impl Iterator<Item = &'a str>) -> ArrayRef {
    let mut builder = StringDictionaryBuilder::<Int32Type>::new();
    all.for_each(|word| builder.append_value(word));
    Arc::new(builder.finish())
}

fn times<'a>(all: impl Iterator<Item = &'a [i64]>, origin: i64, limit: usize) -> ArrayRef {
    let mut builder = ListBuilder::new(Int64Builder::new());
    for list in all {
        list.iter().take(limit).for_each(|t| builder.values().append_value(t.saturating_sub(origin)));
        builder.append(true);
    }
    Arc::new(builder.finish())
}

/// Time of the path by service and operation, the most first.
fn shares(tree: &Tree, path: &CriticalPath, services: &[&str], names: &[&str]) -> Vec<Value> {
    let mut by_what: HashMap<(&str, &str), i64> = HashMap::new();
    for (place, from, to) in &path.pieces {
        let span = tree.nodes[*place as usize].span as usize;
        *by_what.entry((services[span], names[span])).or_default() += to - from;
    }
    let mut all: Vec<((&str, &str), i64)> = by_what.into_iter().collect();
    all.sort_unstable_by_key(|(what, nanos)| (std::cmp::Reverse(*nanos), *what));
    let rest: i64 = all.iter().skip(MAX_SHARES).map(|(_, nanos)| nanos).sum();
    all.truncate(MAX_SHARES);
    if rest > 0 {
        all.push((("", "other"), rest));
    }
    all.into_iter().map(|((service, name), nanos)| json!([service, name, nanos])).collect()
}
