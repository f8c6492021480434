//! Growing columns: flat buffers that become Arrow arrays without a copy, with a way back when a record turns out bad.

mod cells;
mod envelope;
mod logs;
mod map;
mod metrics;
mod traces;

pub(crate) use envelope::{Envelope, Envelopes};
pub(crate) use logs::{LogCells, LogRows};
pub(crate) use map::MapColumn;
pub(crate) use metrics::{
    ExemplarCells, ExpHistogramCells, HistogramCells, Kind, MetricCells, MetricRows, NumberValue, PointCells,
};
pub(crate) use traces::{EventCells, LinkCells, SpanCells, SpanRows};

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;
use sextant_model::{Batch, Counts, Signal, Table, schema};

/// Rows of one request may not grow beyond this in memory, however small they are on the wire: a large resource
/// repeated for every one of its spans would else be a bomb.
const MAX_EXPANDED_BYTES: usize = 512 << 20;

/// The growing tables of one message.
pub(crate) struct Builders {
    /// When the message arrived, for logs without any time.
    pub received_at: i64,
    pub traces: SpanRows,
    pub logs: LogRows,
    pub metrics: MetricRows,
    counts: [Counts; 3],
    first_problem: Option<String>,
    n_asked: u32,
}

impl Builders {
    pub fn new(received_at: i64) -> Self {
        Self {
            received_at,
            traces: SpanRows::default(),
            logs: LogRows::default(),
            metrics: MetricRows::default(),
            counts: Default::default(),
            first_problem: None,
            n_asked: 0,
        }
    }

    /// One more record of `signal` was seen.
    pub fn received(&mut self, signal: Signal) {
        self.counts[signal as usize].received += 1;
    }

    /// The record seen last is not kept. `which` says which one, for the sender.
    pub fn reject(&mut self, signal: Signal, reason: &'static str, which: impl FnOnce() -> String) {
        self.counts[signal as usize].rejected.add(reason, 1);
        self.problem(|| format!("{}: {}", which(), reason.replace('_', " ")));
    }

    /// The record seen last is kept, but something about it is odd.
    pub fn mark(&mut self, signal: Signal, reason: &'static str) {
        self.counts[signal as usize].marked.add(reason, 1);
    }

    pub fn problem(&mut self, text: impl FnOnce() -> String) {
        if self.first_problem.is_none() {
            self.first_problem = Some(text());
        }
    }

    /// Whether another record under `envelope` still fits. Under small envelopes only some records ask: a few of them
    /// can't overshoot by much.
    pub fn has_room(&mut self, envelope: &Envelope) -> bool {
        self.n_asked += 1;
        let is_small = envelope.size_bytes() < 64 << 10;
        (is_small && !self.n_asked.is_multiple_of(64)) || self.size_bytes() < MAX_EXPANDED_BYTES
    }

    /// Bytes of text and attributes held so far.
    pub fn size_bytes(&self) -> usize {
        self.traces.size_bytes() + self.logs.size_bytes() + self.metrics.size_bytes()
    }

    pub fn finish(self) -> (Vec<Batch>, [Counts; 3], Option<String>) {
        let mut counts = self.counts;
        let mut batches = Vec::new();
        for (table, finished) in [(Table::Traces, self.traces.finish()), (Table::Logs, self.logs.finish())]
            .into_iter()
            .chain(self.metrics.finish())
        {
            let marked = &mut counts[table.signal() as usize].marked;
            marked.add("invalid_utf8", finished.n_invalid);
            if let Some(rows) = finished.rows {
                batches.push(Batch { table, rows });
            }
        }
        (batches, counts, self.first_problem)
    }
}

/// Arrays of one table, in schema order, with the number of texts that had to be repaired.
#[derive(Default)]
pub(crate) struct Finished {
    columns: Vec<ArrayRef>,
    rows: Option<RecordBatch>,
    n_invalid: u64,
}

impl Finished {
    pub fn push(&mut self, column: impl Into<ArrayRef>) {
        self.columns.push(column.into());
    }

    fn invalid(&mut self, n: u64) {
        self.n_invalid += n;
    }

    /// Makes the batch; a table without rows stays without one.
    fn close(mut self, table: Table) -> Self {
        let columns = std::mem::take(&mut self.columns);
        if columns.first().is_some_and(|c| !c.is_empty()) {
            let schema: SchemaRef = schema::arrived(table);
            self.rows = match RecordBatch::try_new(schema, columns) {
                Ok(rows) => Some(rows),
                Err(e) => unreachable!("columns of {table} are built in schema order: {e}"),
            };
        }
        self
    }
}
