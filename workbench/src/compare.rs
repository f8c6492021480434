//! Two traces of one operation side by side, and which trace is worth comparing with.

use crate::explore::At;
use crate::search::not_found;
use crate::trace;
use crate::workbench::Workbench;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::Int64Type;
use serde_json::{Value, json};
use sextant_analysis::{Compared, DiffRow, Side, Spans, Tree, critical_difference, diff};
use sextant_contract::{Answer, AskError, Code, Completeness, Cost, Period};
use sextant_model::{Prune, TimeRange, UnixNanos};
use sextant_queries::{clickhouse, duckdb};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where no period is given, so long before and after the trace.
const AROUND: i64 = 1_800_000_000_000;
/// So many of the newest requests say what is usual.
const MAX_ROOTS: usize = 20_000;
/// Parts of the distribution of durations.
const N_BUCKETS: usize = 24;
/// More attributes that differ are only counted.
const MAX_ATTRIBUTES: usize = 200;

/// A trace with its tree.
struct Opened {
    id: String,
    batches: Vec<RecordBatch>,
    tree: Tree,
    cost: Cost,
    completeness: Completeness,
}

/// What is usual for an operation.
struct Usual {
    /// Trace and duration of each that did not fail, the shortest first.
    good: Vec<(String, i64)>,
    /// Durations of all, the shortest first.
    all: Vec<i64>,
    completeness: Completeness,
}

impl Opened {
    fn spans(&self) -> Spans<'_> {
        Spans::new(&self.batches)
    }

    /// Number, service and operation of the span at the top.
    fn root(&self) -> (usize, &str, &str) {
        let span = self.tree.nodes.first().map_or(0, |n| n.span as usize);
        (span, self.spans().texts("ServiceName")[span], self.spans().texts("SpanName")[span])
    }

    fn duration(&self) -> i64 {
        self.tree.nodes.first().map_or(0, |n| n.duration)
    }

    fn head(&self) -> Value {
        let (span, service, name) = self.root();
        let (origin, end) = self.tree.extent();
        let attributes = attributes(&self.batches, span, "SpanAttributes");
        let keys = ["http.response.status_code", "http.status_code", "rpc.grpc.status_code"];
        let status = keys.iter().find_map(|key| attributes.get(*key).copied()).unwrap_or_default();
        let root = self.tree.nodes.first();
        json!({
            "id": self.id, "service": service, "name": name, "status": status, "origin": origin,
            "extent": end - origin, "duration": self.duration(), "spans": self.tree.nodes.len(),
            "errors": self.tree.nodes.iter().filter(|n| n.flags.is_error).count(),
            "is_error": root.is_some_and(|n| n.flags.is_error),
        })
    }
}

/// The attributes of a span.
fn attributes<'a>(batches: &'a [RecordBatch], mut row: usize, column: &str) -> BTreeMap<&'a str, &'a str> {
    for batch in batches {
        if row >= batch.num_rows() {
            row -= batch.num_rows();
            continue;
        }
        let Some(map) = batch.column_by_name(column).and_then(|c| c.as_map_opt()) else { break };
        let offsets = map.value_offsets();
        let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
        let (Some(keys), Some(values)) = (map.keys().as_string_opt::<i32>(), map.values().as_string_opt::<i32>())
        else {
            break;
        };
        return (from..to).filter(|i| values.is_valid(*i)).map(|i| (keys.value(i), values.value(i))).collect();
    }
    BTreeMap::new()
}

/// The first are worth reading first.
fn rank(column: &str, key: &str, values: [Option<&str>; 2]) -> u8 {
    let is_id = |v: &str| v.len() > 12 && !v.contains(' ') && v.bytes().any(|b| b.is_ascii_digit());
    let words = ["error", "status", "exception", "version", "retry", "timeout", "pool", "attempt", "cache"];
    if column == "ResourceAttributes" && !values.iter().flatten().any(|v| is_id(v)) {
        0
    } else if words.iter().any(|word| key.contains(word)) {
        1
    } else if key.rsplit(['.', '_']).next() == Some("id") || values.iter().flatten().any(|v| is_id(v)) {
        3
    } else {
        2
    }
}

/// What says where it ran, not what was done.
const ACCIDENTAL: [&str; 6] =
    ["thread.id", "thread.name", "process.pid", "network.peer.port", "client.port", "net.sock.peer.port"];

/// Ids and times differ always: they tell nothing.
fn is_unique(value: &str) -> bool {
    let is_hex = value.len() >= 16 && value.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let is_time = value.len() >= 10 && value.bytes().all(|b| b.is_ascii_digit());
    is_hex || is_time
}

impl Workbench {
    fn opened(&self, at: At<'_>, id: &str) -> Result<Opened, AskError> {
        let id = trace::parse_id(id)?.to_string();
        let found = match at {
            At::Here => self.stored_trace(&id)?,
            At::There(source) => self.trace_there(source, &id)?,
        };
        let tree = Tree::build(Spans::new(&found.batches));
        Ok(Opened { id, batches: found.batches, tree, cost: found.cost, completeness: found.completeness })
    }

    /// The merged tree of two traces; without a second one, the request nearest to the median of its kind.
    pub(crate) fn compare(&self, at: At<'_>, a: &str, b: Option<&str>, period: Period) -> Result<Answer, AskError> {
        let began = std::time::Instant::now();
        let a = self.opened(at, a)?;
        let (_, service, name) = a.root();
        let usual = self.usual(at, (service, name), &a, period)?;
        let b = if let Some(id) = b {
            self.opened(at, id)?
        } else {
            let other = usual.typical(&a.id).ok_or_else(|| {
                not_found(format!("there is no other request of {service} {name} without an error in the period"))
                    .hint("show a longer period, or choose two traces in the list: m marks one, d compares")
            })?;
            self.opened(at, other)?
        };
        let (spans_a, spans_b) = (a.spans(), b.spans());
        let (mut of_a, mut of_b) = (Compared::new(&a.tree, spans_a), Compared::new(&b.tree, spans_b));
        let rows = diff(&mut of_a, &mut of_b);
        let critical: Vec<Value> = critical_difference(&of_a, &of_b)
            .into_iter()
            .map(|((service, name), a, b)| json!([service, name, a, b]))
            .collect();
        let (differing, n_compared) = differing(&a, &b, &rows, &of_a);
        let batch = table(&rows, &of_a, &of_b, &a, &b)
            .map_err(|e| AskError::new(Code::Internal, format!("the traces can't be compared: {e}")))?;
        let mut answer = Answer::rows(batch.schema(), vec![batch], self.store.snapshot().generation);
        answer.completeness =
            [&a, &b].map(|t| t.completeness.clone()).into_iter().fold(usual.completeness.clone(), Completeness::and);
        answer.cost = Cost {
            n_segments: a.cost.n_segments.max(b.cost.n_segments),
            n_rows_scanned: a.cost.n_rows_scanned + b.cost.n_rows_scanned,
            n_bytes_scanned: a.cost.n_bytes_scanned + b.cost.n_bytes_scanned,
            took_micros: began.elapsed().as_micros() as u64,
            ..a.cost
        };
        answer.object = Some(json!({
            "a": a.head(), "b": b.head(), "critical": critical, "attributes": differing, "n_attributes": n_compared,
            "usual": usual.said(a.duration(), b.duration()),
        }));
        Ok(answer)
    }

    fn usual(&self, at: At<'_>, (service, name): (&str, &str), a: &Opened, period: Period) -> Result<Usual, AskError> {
        let (from, to) = a.tree.extent();
        let is_in = period.from.is_none_or(|t| t <= from) && period.to.is_none_or(|t| to < t);
        let range = if is_in && period.from.is_some() {
            TimeRange::from(period)
        } else {
            TimeRange { from: Some(UnixNanos(from - AROUND)), to: Some(UnixNanos(to + AROUND)) }
        };
        let found = self.rows_at(
            at,
            || (duckdb::roots(service, name, range, MAX_ROOTS), Prune::within(range)),
            |tables| clickhouse::roots(tables, service, name, range, MAX_ROOTS),
        )?;
        let is_cut = found.n_rows() >= MAX_ROOTS;
        let cut = if is_cut { Completeness::Limited { total: None } } else { Completeness::Complete };
        let mut usual = Usual { good: Vec::new(), all: Vec::new(), completeness: found.completeness.clone().and(cut) };
        for batch in &found.batches {
            let text = |i: usize| batch.columns().get(i).and_then(|c| c.as_string_opt::<i32>());
            let durations = batch.columns().get(1).and_then(|c| c.as_primitive_opt::<Int64Type>());
            let (Some(ids), Some(status), Some(durations)) = (text(0), text(2), durations) else {
                return Err(AskError::new(Code::BadQuery, "the ids of its traces are no texts")
                    .hint("where they are numbers, map them by an expression that makes text of them, such as hex()"));
            };
            for row in 0..batch.num_rows() {
                usual.all.push(durations.value(row));
                if status.value(row) != "Error" {
                    usual.good.push((ids.value(row).to_owned(), durations.value(row)));
                }
            }
        }
        usual.all.sort_unstable();
        usual.good.sort_unstable_by(|x, y| (x.1, &x.0).cmp(&(y.1, &y.0)));
        Ok(usual)
    }
}

impl Usual {
    /// The one in the middle of those that did not fail.
    fn typical(&self, but: &str) -> Option<&str> {
        let others: Vec<&str> = self.good.iter().map(|(id, _)| id.as_str()).filter(|id| *id != but).collect();
        others.get(others.len().saturating_sub(1) / 2).copied()
    }

    fn said(&self, a: i64, b: i64) -> Value {
        let share = |of: &[i64], n: i64| of.partition_point(|d| *d <= n) as f64 / of.len().max(1) as f64 * 100.0;
        let good: Vec<i64> = self.good.iter().map(|(_, d)| *d).collect();
        let least = self.all.first().copied().unwrap_or(1).max(1_000);
        let most = self.all.last().copied().unwrap_or(1).max(least + 1);
        // Each bucket is longer than the one before by the same factor.
        let ratio = (most as f64 / least as f64).ln() / N_BUCKETS as f64;
        let edge = |i: usize| (least as f64 * (ratio * i as f64).exp()) as i64;
        let mut counts = vec![0u64; N_BUCKETS];
        for d in &self.all {
            let place = ((*d).max(least) as f64 / least as f64).ln() / ratio;
            counts[(place as usize).min(N_BUCKETS - 1)] += 1;
        }
        json!({
            "good": good.len(), "all": self.all.len(), "counts": counts, "from": least, "to": most,
            "edges": (0..=N_BUCKETS).map(edge).collect::<Vec<_>>(),
            "percentile_a": share(&self.all, a), "percentile_b": share(&good, b),
        })
    }
}

/// Attributes of spans that are in both, with other values; and how many were looked at.
fn differing(a: &Opened, b: &Opened, rows: &[DiffRow], names: &Compared<'_>) -> (Vec<Value>, usize) {
    let mut all = Vec::new();
    let mut seen: BTreeSet<(String, String)> = BTreeSet::new();
    let mut n = 0;
    for column in ["ResourceAttributes", "SpanAttributes"] {
        for row in rows {
            let (Some(x), Some(y)) = (row.a, row.b) else { continue };
            let (service, name) = names.name(x.place);
            let span = |t: &Opened, side: Side| t.tree.nodes[side.place as usize].span as usize;
            let of_a = attributes(&a.batches, span(a, x), column);
            let of_b = attributes(&b.batches, span(b, y), column);
            let keys: BTreeSet<&str> = of_a.keys().chain(of_b.keys()).copied().collect();
            for key in keys {
                // A service's resource is looked at once.
                let of = if column == "ResourceAttributes" { service } else { name };
                let is_first = column == "SpanAttributes" || seen.insert((service.to_owned(), key.to_owned()));
                if !is_first {
                    continue;
                }
                n += 1;
                let (va, vb) = (of_a.get(key).copied(), of_b.get(key).copied());
                if va == vb || ACCIDENTAL.contains(&key) || va.is_some_and(is_unique) || vb.is_some_and(is_unique) {
                    continue;
                }
                let one = json!({ "of": of, "service": service, "key": key, "a": va, "b": vb });
                all.push((rank(column, key, [va, vb]), one));
            }
        }
    }
    all.sort_by_key(|(rank, _)| *rank);
    (all.into_iter().map(|(_, one)| one).take(MAX_ATTRIBUTES).collect(), n)
}

fn table<'t>(
    rows: &[DiffRow],
    of_a: &Compared<'t>,
    of_b: &Compared<'t>,
    a: &Opened,
    b: &Opened,
) -> Result<RecordBatch, arrow::error::ArrowError> {
    let name = |row: &DiffRow| match (row.a, row.b) {
        (Some(side), _) => of_a.name(side.place),
        (None, Some(side)) => of_b.name(side.place),
        (None, None) => ("", ""),
    };
    let (services, names): (Vec<&str>, Vec<&str>) = rows.iter().map(name).unzip();
    let text = |all: Vec<&str>| -> ArrayRef { Arc::new(StringArray::from(all)) };
    let int =
        |f: &dyn Fn(&DiffRow) -> Option<i64>| -> ArrayRef { Arc::new(rows.iter().map(f).collect::<Int64Array>()) };
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("depth".into(), int(&|r| Some(i64::from(r.depth)))),
        ("service".into(), text(services)),
        ("name".into(), text(names)),
    ];
    for (prefix, opened) in [("a", a), ("b", b)] {
        let side = |row: &DiffRow| if prefix == "a" { row.a } else { row.b };
        let ids = opened.spans().texts("SpanId");
        let id = rows.iter().map(|r| side(r).map(|s| ids[opened.tree.nodes[s.place as usize].span as usize]));
        columns.push((format!("{prefix}_span"), Arc::new(id.collect::<StringArray>())));
        columns.push((format!("{prefix}_n"), int(&|r| side(r).map(|s| i64::from(s.n)))));
        columns.push((format!("{prefix}_duration"), int(&|r| side(r).map(|s| s.duration))));
        columns.push((format!("{prefix}_self"), int(&|r| side(r).map(|s| s.self_time))));
        columns.push((format!("{prefix}_start"), int(&|r| side(r).map(|s| s.start))));
        columns.push((format!("{prefix}_errors"), int(&|r| side(r).map(|s| i64::from(s.n_errors)))));
    }
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true)))
}
