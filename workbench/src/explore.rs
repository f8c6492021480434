//! What the screens ask beyond searching: facets, histograms, the tree of a trace, one span, senders.

use crate::search::{answer, not_found, signal};
use crate::workbench::Workbench;
use crate::{errors, trace};
use arrow::array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray, UInt32Array};
use serde_json::{Value, json};
use sextant_analysis::{Spans, Tree, critical_path};
use sextant_contract::{Answer, AskError, Code, Period, SearchAsk, SearchKind, push_row};
use sextant_model::{Prune, Sql, Table, TimeRange};
use sextant_queries::{duckdb, parse, prune};
use sextant_store::Limits;
use std::collections::HashMap;
use std::sync::Arc;

fn bounds(period: Period) -> Result<(i64, i64), AskError> {
    match (period.from, period.to) {
        (Some(from), Some(to)) if from < to => Ok((from, to)),
        _ => Err(AskError::new(Code::BadQuery, "a period with both bounds is needed here")),
    }
}

impl Workbench {
    fn run(&self, sql: &Sql, prune: &Prune) -> Result<Answer, AskError> {
        self.store.query(sql, prune, Limits::default()).map(answer).map_err(|e| errors::store(&e))
    }

    pub(crate) fn facets(&self, search: &SearchAsk, fields: &[String]) -> Result<Answer, AskError> {
        let query = parse(signal(search.kind), &search.query).map_err(|e| errors::parse(&e))?;
        let range = TimeRange::from(search.period);
        self.run(&duckdb::facets(&query, range, fields, search.limit), &prune(&query, range))
    }

    pub(crate) fn histogram(&self, search: &SearchAsk, n_buckets: u32) -> Result<Answer, AskError> {
        let query = parse(signal(search.kind), &search.query).map_err(|e| errors::parse(&e))?;
        let sql = duckdb::histogram(&query, bounds(search.period)?, n_buckets);
        self.run(&sql, &prune(&query, TimeRange::from(search.period)))
    }

    pub(crate) fn senders(&self, period: Period, n_buckets: u32) -> Result<Answer, AskError> {
        self.run(&duckdb::senders(bounds(period)?, n_buckets), &Prune::default())
    }

    pub(crate) fn extent(&self, kind: SearchKind) -> Result<Answer, AskError> {
        self.run(&duckdb::extent(signal(kind).tables()[0]), &Prune::default())
    }

    pub(crate) fn skeleton(&self, id: &str) -> Result<Answer, AskError> {
        let mut found = self.stored_trace(id)?;
        let logs = self.store.trace(Table::Logs, trace::parse_id(id)?).map_err(|e| errors::store(&e))?;
        let rows = skeleton(&found.batches, &logs.batches)
            .map_err(|e| AskError::new(Code::Internal, format!("the tree can't be made: {e}")))?;
        found.schema = rows.schema();
        found.batches = vec![rows];
        Ok(found)
    }

    pub(crate) fn span(&self, trace: &str, span: &str) -> Result<Answer, AskError> {
        let mut found = self.trace(trace)?;
        let object = found.batches.iter().find_map(|batch| {
            let place = Spans::new(std::slice::from_ref(batch)).texts("SpanId").iter().position(|id| *id == span)?;
            let mut row = String::new();
            push_row(batch, place, &mut row);
            serde_json::from_str::<Value>(&row).ok()
        });
        let row = object.ok_or_else(|| not_found(format!("there is no span {span} in trace {trace}")))?;
        let list = |of: &Value, key: &str| of[key].as_array().cloned().unwrap_or_default();
        let zip = |of: &Value, keys: &[&str]| -> Vec<Value> {
            let n = list(of, keys[0]).len();
            (0..n)
                .map(|i| keys.iter().map(|k| ((*k).to_owned(), of[*k][i].clone())).collect())
                .map(Value::Object)
                .collect()
        };
        found.object = Some(json!({
            "attributes": row["SpanAttributes"], "resource": row["ResourceAttributes"], "scope": row["ScopeName"],
            "scope_version": row["ScopeVersion"], "trace_state": row["TraceState"], "flags": row["Flags"],
            "timestamp": row["Timestamp"], "parent": row["ParentSpanId"], "message": row["StatusMessage"],
            "events": zip(&row["Events"], &["Timestamp", "Name", "Attributes"]),
            "links": zip(&row["Links"], &["TraceId", "SpanId", "Attributes"]),
            "raw": row,
        }));
        found.batches.clear();
        Ok(found)
    }
}

/// The tree as rows: times are nanoseconds, `start` counts from the start of the trace, `origin` says when that was.
fn skeleton(spans: &[RecordBatch], logs: &[RecordBatch]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let access = Spans::new(spans);
    let tree = Tree::build(access);
    let on_path = critical_path(&tree).marks(tree.nodes.len());
    let (origin, _) = tree.extent();
    let mut n_logs: HashMap<&str, u32> = HashMap::new();
    for id in Spans::new(logs).texts("SpanId") {
        *n_logs.entry(id).or_default() += 1;
    }
    let ids = access.texts("SpanId");
    let text = |name: &str| -> ArrayRef {
        let all = access.texts(name);
        Arc::new(StringArray::from_iter_values(tree.nodes.iter().map(|n| all[n.span as usize])))
    };
    let long = |f: &dyn Fn(&sextant_analysis::Node) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(tree.nodes.iter().map(f)))
    };
    let short = |f: &dyn Fn(&sextant_analysis::Node) -> u32| -> ArrayRef {
        Arc::new(UInt32Array::from_iter_values(tree.nodes.iter().map(f)))
    };
    let flag = |f: &dyn Fn(&sextant_analysis::Node) -> bool| -> ArrayRef {
        Arc::new(BooleanArray::from(tree.nodes.iter().map(f).collect::<Vec<bool>>()))
    };
    let is_critical: ArrayRef = Arc::new(BooleanArray::from(on_path));
    RecordBatch::try_from_iter([
        ("depth", short(&|n| n.depth)),
        ("descendants", short(&|n| n.n_descendants)),
        ("start", long(&|n| n.start - origin)),
        ("duration", long(&|n| n.duration)),
        ("self", long(&|n| n.self_time)),
        ("origin", long(&|_| origin)),
        ("service", text("ServiceName")),
        ("name", text("SpanName")),
        ("kind", text("SpanKind")),
        ("span", text("SpanId")),
        ("message", text("StatusMessage")),
        ("error", flag(&|n| n.flags.is_error)),
        ("orphan", flag(&|n| n.flags.is_orphan)),
        ("cycle", flag(&|n| n.flags.is_cut_cycle)),
        ("duplicate", flag(&|n| n.flags.is_duplicate)),
        ("critical", is_critical),
        ("logs", short(&|n| n_logs.get(ids[n.span as usize]).copied().unwrap_or(0))),
    ])
}
