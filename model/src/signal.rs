//! Signals, the tables that hold them, and the record batch of one table.

use arrow::array::RecordBatch;
use std::fmt;

/// The three OpenTelemetry signals that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Signal {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Data points of metrics.
    Metrics,
}

impl Signal {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Traces, Self::Logs, Self::Metrics];

    /// `traces`, `logs`, `metrics`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }

    /// What one record of this signal is called.
    pub fn records(self) -> &'static str {
        match self {
            Self::Traces => "spans",
            Self::Logs => "log records",
            Self::Metrics => "data points",
        }
    }

    /// The signal of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// The tables that hold this signal.
    pub fn tables(self) -> &'static [Table] {
        match self {
            Self::Traces => &[Table::Traces],
            Self::Logs => &[Table::Logs],
            Self::Metrics => &Table::ALL[2..],
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A table of the store, named as the views are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Spans.
    Traces,
    /// Log records.
    Logs,
    /// Gauge points.
    Gauge,
    /// Sum points.
    Sum,
    /// Histogram points.
    Histogram,
    /// Exponential histogram points.
    ExpHistogram,
    /// Summary points.
    Summary,
}

impl Table {
    /// All tables, traces and logs first.
    pub const ALL: [Self; 7] =
        [Self::Traces, Self::Logs, Self::Gauge, Self::Sum, Self::Histogram, Self::ExpHistogram, Self::Summary];

    /// The name of the view, such as `metrics_exp_histogram`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Gauge => "metrics_gauge",
            Self::Sum => "metrics_sum",
            Self::Histogram => "metrics_histogram",
            Self::ExpHistogram => "metrics_exp_histogram",
            Self::Summary => "metrics_summary",
        }
    }

    /// The table of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.name() == name)
    }

    /// The signal that this table belongs to.
    pub fn signal(self) -> Signal {
        match self {
            Self::Traces => Signal::Traces,
            Self::Logs => Signal::Logs,
            _ => Signal::Metrics,
        }
    }

    /// The column that says when a row happened.
    pub fn time_column(self) -> &'static str {
        match self.signal() {
            Signal::Metrics => "TimeUnix",
            _ => "Timestamp",
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One record batch of one table, in the column order of [`crate::schema::schema`].
#[derive(Debug, Clone)]
pub struct Batch {
    /// Where the rows belong.
    pub table: Table,
    /// The rows.
    pub rows: RecordBatch,
}
