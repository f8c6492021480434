//! What a segment comes to, by service: counts, errors and a sketch of durations. Made while the segment is written, out
//! of the very rows, so that an overview adds up segments instead of reading them.

use crate::StoreError;
use crate::rollup::Rollup;
use arrow::array::{
    ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array,
};
use arrow::datatypes::{Int64Type, TimestampNanosecondType};
use serde::{Deserialize, Serialize};
use sextant_model::Table;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Each bucket of durations is wider than the one before by this: a quantile is off by at most one percent.
pub const SKETCH_BASE: f64 = 1.02;
/// Segments with more services or buckets than this have no summary.
const MAX_SERVICES: usize = 1_000;
const MAX_BUCKETS: usize = 20_000;

/// What the rows of a service come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OfService {
    n: u64,
    /// When the last of them was received.
    seen: i64,
    /// Spans that are no requests of this service, and how many of them failed.
    others: (u64, u64),
    /// Requests by the logarithm of their duration: how many, and how many of them failed.
    requests: BTreeMap<i64, (u64, u64)>,
}

/// What the rows of a segment come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Summary {
    services: BTreeMap<String, OfService>,
    /// By minute; kept apart, for it is larger and others ask for it.
    #[serde(skip)]
    pub rollup: Option<Rollup>,
}

/// The bucket of a duration.
fn bucket(nanos: i64) -> i64 {
    ((nanos.max(1) as f64).ln() / SKETCH_BASE.ln()).floor() as i64
}

/// A summary under way.
#[derive(Debug)]
pub(crate) struct SummaryBuilder {
    table: Table,
    summary: Option<Summary>,
    rollup: Option<Rollup>,
}

impl SummaryBuilder {
    pub fn new(table: Table) -> Self {
        Self { table, summary: Some(Summary::default()), rollup: Some(Rollup::default()) }
    }

    pub fn add(&mut self, rows: &RecordBatch) {
        if let Some(summary) = &mut self.summary
            && (summary.add(self.table, rows).is_none() || summary.is_large())
        {
            self.summary = None;
        }
        if let Some(rollup) = &mut self.rollup
            && rollup.add(self.table, rows).is_none()
        {
            self.rollup = None;
        }
    }

    pub fn finish(self) -> Option<Summary> {
        self.summary.map(|summary| Summary { rollup: self.rollup, ..summary })
    }
}

impl Summary {
    fn is_large(&self) -> bool {
        self.services.len() > MAX_SERVICES
            || self.services.values().map(|s| s.requests.len()).sum::<usize>() > MAX_BUCKETS
    }

    fn add(&mut self, table: Table, rows: &RecordBatch) -> Option<()> {
        let text = |name: &str| rows.column_by_name(name)?.as_string_opt::<i32>();
        let services = text("ServiceName")?;
        let received = rows.column_by_name("ReceivedAt")?.as_primitive_opt::<TimestampNanosecondType>()?.values();
        let spans = match table {
            Table::Traces => {
                let durations = rows.column_by_name("Duration")?.as_primitive_opt::<Int64Type>()?.values();
                Some((durations, text("SpanKind")?, text("ParentSpanId")?, text("StatusCode")?))
            }
            _ => None,
        };
        let mut from = 0;
        while from < rows.num_rows() {
            // Rows of a service follow each other.
            let name = services.value(from);
            let to = (from + 1..rows.num_rows()).find(|row| services.value(*row) != name).unwrap_or(rows.num_rows());
            if !self.services.contains_key(name) {
                self.services.insert(name.to_owned(), OfService::default());
            }
            let service = self.services.get_mut(name)?;
            service.n += (to - from) as u64;
            service.seen = received[from..to].iter().fold(service.seen, |a, b| a.max(*b));
            if let Some((durations, kinds, parents, statuses)) = &spans {
                for row in from..to {
                    let is_error = u64::from(statuses.value(row) == "Error");
                    let is_request =
                        parents.value_length(row) == 0 || matches!(kinds.value(row), "Server" | "Consumer");
                    let counts = if is_request {
                        service.requests.entry(bucket(durations[row])).or_default()
                    } else {
                        &mut service.others
                    };
                    *counts = (counts.0 + 1, counts.1 + is_error);
                }
            }
            from = to;
        }
        Some(())
    }

    pub fn to_json(&self) -> Result<String, StoreError> {
        serde_json::to_string(self).map_err(|e| StoreError::Damaged(format!("a summary can't be written: {e}")))
    }

    pub fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

/// Summaries added up, table by table.
#[derive(Default)]
pub(crate) struct Sums(BTreeMap<&'static str, (Table, (i64, i64), Summary)>);

impl Sums {
    pub fn add(&mut self, table: Table, times: (i64, i64), summary: Summary) {
        let (_, span, sum) = self.0.entry(table.name()).or_insert_with(|| (table, times, Summary::default()));
        *span = (span.0.min(times.0), span.1.max(times.1));
        for (name, service) in summary.services {
            let all = sum.services.entry(name).or_default();
            all.n += service.n;
            all.seen = all.seen.max(service.seen);
            all.others = (all.others.0 + service.others.0, all.others.1 + service.others.1);
            for (bucket, counts) in service.requests {
                let all = all.requests.entry(bucket).or_default();
                *all = (all.0 + counts.0, all.1 + counts.1);
            }
        }
    }

    /// As rows: `table_name service is_request bucket n errors seen first last`. Of traces a row for each bucket of
    /// durations, of other tables one for each service.
    pub fn as_rows(&self) -> Result<RecordBatch, sextant_columns::ColumnsError> {
        let mut names = Vec::new();
        let mut services = Vec::new();
        let mut is_request = Vec::new();
        let (mut buckets, mut n, mut errors, mut seen) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
        for (table, times, summary) in self.0.values() {
            for (name, service) in &summary.services {
                let mut add = |request: bool, bucket: Option<i64>, counts: (u64, u64)| {
                    names.push(table.name());
                    services.push(name.as_str());
                    is_request.push(request);
                    buckets.push(bucket);
                    n.push(counts.0);
                    errors.push(counts.1);
                    seen.push(service.seen);
                    firsts.push(times.0);
                    lasts.push(times.1);
                };
                if *table == Table::Traces {
                    if service.others.0 > 0 {
                        add(false, None, service.others);
                    }
                    service.requests.iter().for_each(|(bucket, counts)| add(true, Some(*bucket), *counts));
                } else {
                    add(false, None, (service.n, 0));
                }
            }
        }
        let column = |array: ArrayRef| array;
        Ok(RecordBatch::try_from_iter_with_nullable([
            ("table_name", column(Arc::new(StringArray::from(names))), false),
            ("service", column(Arc::new(StringArray::from(services))), false),
            ("is_request", column(Arc::new(BooleanArray::from(is_request))), false),
            ("bucket", column(Arc::new(Int64Array::from(buckets))), true),
            ("n", column(Arc::new(UInt64Array::from(n))), false),
            ("errors", column(Arc::new(UInt64Array::from(errors))), false),
            ("seen", column(Arc::new(TimestampNanosecondArray::from(seen))), false),
            ("first", column(Arc::new(Int64Array::from(firsts))), false),
            ("last", column(Arc::new(Int64Array::from(lasts))), false),
        ])?)
    }
}
