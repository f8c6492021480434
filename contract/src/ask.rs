//! Questions as data.

use crate::{ReportAsk, ReportForm};
use serde::{Deserialize, Serialize};
use sextant_model::{Signal, TimeRange, UnixNanos};

/// A half-open period in nanoseconds; a missing bound is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Period {
    /// Inclusive.
    pub from: Option<i64>,
    /// Exclusive.
    pub to: Option<i64>,
}

impl From<Period> for TimeRange {
    fn from(p: Period) -> Self {
        Self { from: p.from.map(UnixNanos), to: p.to.map(UnixNanos) }
    }
}

/// What a search returns rows of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SearchKind {
    /// One row a trace that has a matching span.
    Traces,
    /// Spans.
    Spans,
    /// Log records.
    Logs,
    /// Data points of all five kinds.
    Metrics,
}

impl SearchKind {
    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "traces" => Self::Traces,
            "spans" => Self::Spans,
            "logs" => Self::Logs,
            "metrics" => Self::Metrics,
            _ => return None,
        })
    }

    /// The signal whose fields are searched.
    pub const fn signal(self) -> Signal {
        match self {
            Self::Traces | Self::Spans => Signal::Traces,
            Self::Logs => Signal::Logs,
            Self::Metrics => Signal::Metrics,
        }
    }
}

/// A search.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchAsk {
    /// What rows are wanted.
    pub kind: SearchKind,
    /// The search language.
    #[serde(default)]
    pub query: String,
    /// When.
    #[serde(default)]
    pub period: Period,
    /// At most so many rows, the newest.
    pub limit: usize,
    /// Only say what SQL would be run.
    #[serde(default)]
    pub explain: bool,
}

/// A figure of a metric over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetricAsk {
    /// Which points; both bounds of its period must be there.
    pub search: SearchAsk,
    /// The metric.
    pub name: String,
    /// `gauge`, `sum`, `histogram`, `exp_histogram` or `summary`.
    pub kind: String,
    /// A field of the search language that groups.
    pub by: Option<String>,
    /// `avg min max last`, `rate`, `increase`, `count`, `p50` and the like; what suits the kind if it is empty.
    #[serde(default)]
    pub figure: String,
    /// How many parts of time; fewer where points come more rarely.
    pub n_steps: u32,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Ask {
    /// Rows of a search; with `explain`, the object `{"sql", "params"}`.
    Search(SearchAsk),
    /// How many records match: the object `{"n"}`.
    Count(SearchAsk),
    /// All spans of a trace, with all stored columns.
    Trace {
        /// Hex.
        id: String,
    },
    /// A trace as OTLP/JSON: the object is the `TracesData`.
    TraceOtlp {
        /// Hex.
        id: String,
    },
    /// Rows of one SELECT.
    Sql {
        /// The statement.
        sql: String,
        /// At most so many rows.
        limit: Option<usize>,
        /// What `$from` and `$to` in it stand for.
        #[serde(default)]
        period: Option<Period>,
        /// Whether only its plan is wanted.
        #[serde(default)]
        is_explained: bool,
        /// By which it can be stopped.
        #[serde(default)]
        tag: Option<u64>,
    },
    /// What users keep: the object has `items` of `name value at`, the newest first.
    Saved {
        /// `search`, `recent`, `sql` or `note`.
        kind: String,
    },
    /// Services with requests, errors, rate and quantiles.
    Services {
        /// When.
        period: Period,
    },
    /// When services began to run another version within a period: rows `service version before time`, nanoseconds.
    Deployments {
        /// When.
        period: Period,
    },
    /// Calls between a service and its neighbours.
    Dependencies {
        /// Only those from or to this one.
        service: Option<String>,
        /// When.
        period: Period,
    },
    /// Ledger, sizes, listeners: one object.
    Status,
    /// Whether everything is still what was written: the object has `sound` and `findings`, rows `kind path what`.
    Doctor,
    /// How often each value of some fields occurs: rows `field value n`, the most frequent first.
    Facets {
        /// What is counted; its limit is that of values a field.
        search: SearchAsk,
        /// Fields of the search language.
        fields: Vec<String>,
    },
    /// Records in equal parts of a period: rows `bucket series n`; series is the level of logs, the status of spans.
    Histogram {
        /// What is counted; both bounds of its period must be there.
        search: SearchAsk,
        /// How many parts.
        n_buckets: u32,
    },
    /// What can follow at a place of a search: rows `text n`, the likeliest first. Counts are of a sample.
    Complete {
        /// What is searched.
        kind: SearchKind,
        /// The field whose values are wanted; fields without it.
        key: Option<String>,
        /// What was typed of it.
        part: String,
        /// At most so many rows.
        limit: usize,
    },
    /// Attributes that a search asks about and no record was seen with: the object has `fields` of `field near`, the latter a
    /// known one that is written nearly the same, if there is one.
    Unknown {
        /// What is searched.
        kind: SearchKind,
        /// The search language.
        query: String,
    },
    /// A trace as its tree, depth first: what a waterfall needs, without attributes.
    Skeleton {
        /// Hex.
        id: String,
    },
    /// Spans that have a link to a trace: rows `trace span service name to`, the last a list of ids of the trace's spans.
    LinksTo {
        /// Hex.
        trace: String,
        /// When the linking spans were.
        period: Period,
    },
    /// Spans of a trace that have a text anywhere: in attributes, events, names, messages: rows `span`, ids as numbers.
    FindSpans {
        /// Hex.
        trace: String,
        /// Any case.
        text: String,
    },
    /// Everything about one span: the object has its fields, `attributes`, `resource`, `events`, `links`.
    Span {
        /// Hex.
        trace: String,
        /// Hex.
        span: String,
    },
    /// Two traces as one tree: rows `depth service name` and, for `a_` and `b_`, `span n duration self start errors`,
    /// null where a trace lacks them. The object has both heads, where the difference of the critical paths comes from,
    /// attributes that differ, and what is usual for the operation.
    Compare {
        /// Hex.
        a: String,
        /// Hex; the request nearest to the median of its kind where there is none.
        b: Option<String>,
        /// Within which it is looked for what is usual.
        period: Period,
    },
    /// What is different about some traces of a search: rows `kind service key value a of_a b of_b difference low high q`, the surest
    /// first. The object has the sizes of both sets, and the time of operations in a trace of each.
    Differs {
        /// All of them.
        search: SearchAsk,
        /// What the chosen are found by, in the search language.
        chosen: String,
        /// When the chosen were; the whole period where it is not said.
        within: Option<Period>,
    },
    /// Which metrics there are: rows `name kind unit description temporality services series points`.
    MetricNames(SearchAsk),
    /// A metric over time: rows `time group value low high`, the bounds of quantiles. The object says how it was made, and
    /// has exemplars and the distribution.
    Metric(MetricAsk),
    /// What log records say, but for numbers, ids and the like: rows `pattern regex n errors warnings counts services newest
    /// oldest example`, the most frequent first.
    Patterns {
        /// Which records; both bounds of its period must be there.
        search: SearchAsk,
        /// How many parts of the period are counted.
        n_parts: u32,
    },
    /// Log records that came since this was asked under this number before, the newest first; the answer waits for some, for
    /// a second at most. The object says how many came too quickly (`lost`), and whether this is
    /// the first question under the number, or the first for so long that what came before is forgotten (`has_begun`).
    Tail {
        /// The search language.
        query: String,
        /// Chosen by who asks; what nobody asks for any more is forgotten.
        id: u64,
    },
    /// How far an export is: the object has `part` (0 to 1), `rows` and `bytes`, or is empty where none is under way.
    Progress {
        /// As in [`crate::Command::Export`].
        tag: u64,
    },
    /// Who sent what in a period: rows `service records last_seen counts`, counts in equal parts of the period.
    Senders {
        /// Both bounds must be there.
        period: Period,
        /// How many parts.
        n_buckets: u32,
    },
    /// The first and last time of a signal: rows `first last n`, nanoseconds.
    Extent {
        /// Of what.
        kind: SearchKind,
    },
    /// The same of a ClickHouse that was attached.
    Of {
        /// What it is called here.
        source: String,
        /// What is asked of it.
        question: Box<Ask>,
        /// Whether it may read more than is read without being asked; until then the answer is an estimate
        /// ([`crate::Code::Heavy`]).
        #[serde(default)]
        is_heavy: bool,
    },
    /// What is looked at without being kept: the object has `verdict path reason file checks files fingerprint hash facts
    /// custody not_proven` of a bundle, `verdict` UNSIGNED of plain files, and nothing where a data directory is open.
    Opened,
    /// What keeping telemetry otherwise would cost and lose, by a scenario in TOML: the object has `daily bill sampling
    /// uncertainty` and more. What is sampled is sampled of the recorded traces of the period.
    Simulate {
        /// The scenario.
        scenario: String,
        /// A price book laid over the one that is shipped.
        prices: Option<String>,
        /// When.
        period: Period,
        /// Whether what was read for the scenario before may be used, though there may be more by now.
        #[serde(default)]
        is_held: bool,
    },
    /// What comes in and what it is packed to: the object has `signals`, `scenario`, a file to begin with, and `left_out`, how many
    /// records have a time that makes no sense.
    Measure {
        /// When.
        period: Period,
        /// Whether it is tried what it would come to otherwise, which takes some seconds.
        #[serde(default)]
        is_tried: bool,
    },
    /// What would go if all signals were kept for so long: the object is that of [`crate::Command::RetentionApply`].
    RetentionWould {
        /// Nanoseconds.
        keep: i64,
    },
    /// The keys that sign bundles and those that are trusted: the object has `keys`, of `name kept fingerprint pem`.
    Keys,
    /// Reports that are made again and again: the object has `schedules`, of `name cron next report folder keep webhook last`.
    Schedules,
    /// What was found on paper: the object has `pages` and `sha256`, the row has `bytes`.
    Report {
        /// What it says.
        report: Box<ReportAsk>,
        /// What it is written as.
        form: ReportForm,
    },
    /// What is under way at the sources: the object has `running` of `source rows bytes total_rows`.
    Running,
    /// What is attached: the object has `sources` of `name url user database`.
    Sources,
    /// Whether a source can be asked, and what of it: the object has `ok`, and `checks` of `what is_ok said fix`.
    SourceTest {
        /// What it is called here.
        name: String,
    },
    /// What telemetry costs in a source, as its system tables say: the object has lists `tables columns indexes partitions
    /// disks queries`, `advice` of `kind table what why bytes bytes_then sql`, and `closed` of `part why fix` for those that
    /// can't be seen.
    SourceCost {
        /// What it is called here.
        name: String,
    },
    /// How a table of a source is read: the object has `mapping`, the types of its `columns` by name, the `tables` that there
    /// are, and `problem` where it can't be read so; rows are a few of its records, as they would be shown.
    SourceMapping {
        /// What it is called here.
        name: String,
        /// `traces` or `logs`.
        signal: String,
        /// One that is tried; without it, the one that is used.
        mapping: Option<serde_json::Value>,
        /// What the names of this table's columns suggest, `database.table`.
        table: Option<String>,
    },
    /// The statements that were sent to sources: rows as the ledger has them, the newest first.
    Statements {
        /// At most so many.
        limit: usize,
        /// Of this one only.
        #[serde(default)]
        source: Option<String>,
    },
}

impl Ask {
    /// Rows of one SELECT.
    pub fn sql(sql: impl Into<String>, limit: Option<usize>) -> Self {
        Self::Sql { sql: sql.into(), limit, period: None, is_explained: false, tag: None }
    }

    /// What the rows are, as part of a file's name.
    pub const fn noun(&self) -> &'static str {
        match self {
            Self::Search(SearchAsk { kind, .. }) => match kind {
                SearchKind::Traces => "traces",
                SearchKind::Spans => "spans",
                SearchKind::Logs => "logs",
                SearchKind::Metrics => "points",
            },
            Self::Trace { .. } => "trace",
            Self::Services { .. } => "services",
            Self::MetricNames(_) => "metrics",
            Self::Metric(_) => "metric",
            Self::Patterns { .. } => "patterns",
            Self::Differs { .. } => "differences",
            Self::Compare { .. } => "comparison",
            Self::Report { .. } => "report",
            _ => "rows",
        }
    }
}

/// A time as RFC 3339 or integer nanoseconds.
///
/// # Errors
/// What is wrong with the text, for the user.
pub fn parse_time(text: &str) -> Result<i64, String> {
    UnixNanos::parse(text).map(|t| t.0).map_err(|e| e.to_string())
}
