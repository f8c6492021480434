//! The parsed search: what the search language and the JSON form both become.

use crate::{DurationNanos, Signal};

/// A condition over one record.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    /// Every record.
    All,
    /// All of these hold.
    And(Vec<Expr>),
    /// One of these holds.
    Or(Vec<Expr>),
    /// This does not hold; also true where the field is not there.
    Not(Box<Expr>),
    /// A bare word: a whole token of the text column, any case; `*` inside matches any characters.
    Word(String),
    /// A quoted phrase: a substring of the text column, any case.
    Phrase(String),
    /// A field and what is asked of it.
    Field(Field, Test),
    /// Something about the whole trace that the record belongs to.
    Trace(TraceField, Test),
    /// Spans that are chosen together with others of their trace; a log, if its trace has such spans.
    Set(SpanSet),
}

impl Expr {
    /// The attributes that it asks about, each once.
    pub fn attributes(&self) -> Vec<&str> {
        let mut all = Vec::new();
        self.add_attributes(&mut all);
        all
    }

    fn add_attributes<'a>(&'a self, all: &mut Vec<&'a str>) {
        match self {
            Self::Field(Field::Attribute(name), _) if !all.contains(&name.as_str()) => all.push(name),
            Self::And(terms) | Self::Or(terms) => terms.iter().for_each(|t| t.add_attributes(all)),
            Self::Not(inner) => inner.add_attributes(all),
            Self::Set(set) => set.add_attributes(all),
            _ => {}
        }
    }

    /// How many sets of spans it speaks of.
    pub fn n_sets(&self) -> usize {
        match self {
            Self::Set(set) => set.n_sets(),
            Self::And(terms) | Self::Or(terms) => terms.iter().map(Self::n_sets).sum(),
            Self::Not(inner) => inner.n_sets(),
            _ => 0,
        }
    }

    /// Whether some part of it chooses spans together with others.
    pub fn is_about_sets(&self) -> bool {
        match self {
            Self::Set(_) => true,
            Self::And(terms) | Self::Or(terms) => terms.iter().any(Self::is_about_sets),
            Self::Not(inner) => inner.is_about_sets(),
            _ => false,
        }
    }

    /// Whether some part of it asks about whole traces, so that one record alone does not say whether it holds.
    pub fn is_about_traces(&self) -> bool {
        match self {
            Self::Trace(..) | Self::Set(_) => true,
            Self::And(terms) | Self::Or(terms) => terms.iter().any(Self::is_about_traces),
            Self::Not(inner) => inner.is_about_traces(),
            Self::All | Self::Word(_) | Self::Phrase(_) | Self::Field(..) => false,
        }
    }
}

/// A figure of a whole trace, of its spans within the period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceField {
    /// `trace.duration`: from the first start to the last end, nanoseconds.
    Duration,
    /// `trace.spans`: how many.
    Spans,
    /// `trace.errors`: how many of them failed.
    Errors,
    /// `root.name`: the name of a span without a parent.
    RootName,
    /// `root.service`: its service.
    RootService,
}

impl TraceField {
    /// All of them, with their names.
    pub const ALL: [(&'static str, Self); 5] = [
        ("trace.duration", Self::Duration),
        ("trace.spans", Self::Spans),
        ("trace.errors", Self::Errors),
        ("root.name", Self::RootName),
        ("root.service", Self::RootService),
    ];

    /// The one of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(n, _)| *n == name).map(|(_, field)| *field)
    }

    /// As it is written.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, field)| *field == self).map_or("", |(name, _)| name)
    }
}

/// Spans of one trace that are chosen together.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanSet {
    /// `{x}`: spans for which x holds.
    Spans(Box<Expr>),
    /// `{x} {y}`: spans of either, of traces that have both.
    Both(Box<SpanSet>, Box<SpanSet>),
    /// `{x} OR {y}`.
    Either(Box<SpanSet>, Box<SpanSet>),
    /// `{x} >> {y}`, `{x} > {y}`: spans of y that are below one of x, or its children.
    Under {
        /// x
        above: Box<SpanSet>,
        /// y
        below: Box<SpanSet>,
        /// Whether x is the parent.
        is_direct: bool,
    },
}

/// What a condition looks at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// `service`, `ServiceName`.
    Service,
    /// `name`, `operation`, `op`: the span's name, a log's event name, a metric's name.
    Name,
    /// `kind`.
    Kind,
    /// `status`.
    Status,
    /// `duration`, nanoseconds.
    Duration,
    /// `level`, the severity.
    Level,
    /// `body`.
    Body,
    /// `trace`.
    Trace,
    /// `span`.
    Span,
    /// `env`: `deployment.environment.name`, or its older key.
    Environment,
    /// `error`: a span with status Error, a log at ERROR or above.
    Error,
    /// A column by its own name.
    Column(String),
    /// An attribute: the record's, then its resource's.
    Attribute(String),
}

impl SpanSet {
    fn add_attributes<'a>(&'a self, all: &mut Vec<&'a str>) {
        match self {
            Self::Spans(expr) => expr.add_attributes(all),
            Self::Both(a, b) | Self::Either(a, b) | Self::Under { above: a, below: b, .. } => {
                a.add_attributes(all);
                b.add_attributes(all);
            }
        }
    }

    fn n_sets(&self) -> usize {
        match self {
            Self::Spans(_) => 1,
            Self::Both(a, b) | Self::Either(a, b) | Self::Under { above: a, below: b, .. } => a.n_sets() + b.n_sets(),
        }
    }
}

/// What is asked of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// `f:w`, a substring of any case; `*` inside matches any characters, then the whole value has to fit.
    Contains(String),
    /// `f:"w"`, equal.
    Equals(String),
    /// `f:>5`.
    Compare(Comparison, Number),
    /// `f:[a TO b]`; open bounds are missing.
    Between {
        /// The lower bound and whether it belongs to the range.
        low: Option<(Number, bool)>,
        /// The upper bound and whether it belongs to the range.
        high: Option<(Number, bool)>,
    },
    /// `f:*`.
    Exists,
    /// `f:/re/`: the whole value fits the regular expression.
    Matches(String),
}

/// An order relation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
}

impl Comparison {
    /// As it is written, here and in SQL.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

/// A number as it was written: plain, or with a unit of time and then in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Number {
    /// The value; nanoseconds where `is_duration`.
    pub value: f64,
    /// Whether it carried a unit of time.
    pub is_duration: bool,
}

/// A search over one signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// What is looked through.
    pub signal: Signal,
    /// What has to hold.
    pub filter: Expr,
    /// What is made of the records; nothing if they themselves are wanted.
    pub aggregate: Option<Aggregate>,
}

impl Query {
    /// The attributes that it speaks of, each once.
    pub fn attributes(&self) -> Vec<&str> {
        let mut all = self.filter.attributes();
        let aggregate = self.aggregate.iter();
        let keys = aggregate.flat_map(|a| a.by.iter().chain(a.measures.iter().filter_map(|m| m.of.as_ref())));
        for key in keys {
            if let Field::Attribute(name) = &key.field
                && !all.contains(&name.as_str())
            {
                all.push(name);
            }
        }
        all
    }
}

/// Figures over groups of records.
#[derive(Debug, Clone, PartialEq)]
pub struct Aggregate {
    /// At least one.
    pub measures: Vec<Measure>,
    /// What records of a group have in common.
    pub by: Vec<Key>,
    /// Groups also by parts of time of this length, nanoseconds.
    pub every: Option<i64>,
    /// Only so many groups, the largest by the measure at this place.
    pub top: Option<(usize, usize)>,
}

/// A field that groups, under the name it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// As it was written.
    pub name: String,
    /// What it means.
    pub field: Field,
}

/// A figure over records.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// How.
    pub function: Function,
    /// Of what; nothing where records are counted.
    pub of: Option<Key>,
}

impl Measure {
    /// As it is written: `count`, `p95(duration)`.
    pub fn name(&self) -> String {
        let function = self.function.name();
        match &self.of {
            Some(key) => format!("{function}({})", key.name),
            None => function,
        }
    }
}

/// How a figure is made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Function {
    /// Records.
    Count,
    /// Records that failed: spans with status Error, logs at ERROR or above.
    Errors,
    /// Records a second of the part of time, or of the period.
    Rate,
    /// Different values.
    Distinct,
    /// As numbers, as the next ones.
    Sum,
    /// Mean.
    Avg,
    /// Least.
    Min,
    /// Most.
    Max,
    /// Exact, interpolated; the share is between 0 and 1.
    Quantile(f64),
    /// Spans within this time, and half of those within four times it, among all; failed ones satisfy nobody.
    Apdex(i64),
}

/// What satisfies where nothing else is said.
pub const APDEX_NANOS: i64 = 500_000_000;

impl Function {
    /// The functions that have plain names.
    pub const NAMED: [(&'static str, Self); 9] = [
        ("count", Self::Count),
        ("errors", Self::Errors),
        ("rate", Self::Rate),
        ("distinct", Self::Distinct),
        ("sum", Self::Sum),
        ("avg", Self::Avg),
        ("min", Self::Min),
        ("max", Self::Max),
        ("median", Self::Quantile(0.5)),
    ];

    /// The function of this name; quantiles are `p50`, `p99.9`.
    pub fn from_name(name: &str) -> Option<Self> {
        let quantile = || {
            let percent: f64 =
                name.strip_prefix('p').filter(|n| n.starts_with(|c: char| c.is_ascii_digit()))?.parse().ok()?;
            (percent <= 100.0).then_some(Self::Quantile(percent / 100.0))
        };
        if name == "apdex" {
            return Some(Self::Apdex(APDEX_NANOS));
        }
        Self::NAMED.iter().find(|(n, _)| *n == name).map(|(_, f)| *f).or_else(quantile)
    }

    /// Whether it is about records and not about a field.
    pub fn is_of_records(self) -> bool {
        matches!(self, Self::Count | Self::Errors | Self::Rate)
    }

    /// As it is written.
    pub fn name(self) -> String {
        match self {
            Self::Quantile(share) => format!("p{}", (share * 1e9).round() / 1e7),
            Self::Apdex(nanos) => format!("apdex({})", DurationNanos(nanos).exact()),
            named => Self::NAMED.iter().find(|(_, f)| *f == named).map_or_else(String::new, |(n, _)| (*n).to_owned()),
        }
    }
}

impl Query {
    /// Everything of `signal`.
    pub fn all(signal: Signal) -> Self {
        Self { signal, filter: Expr::All, aggregate: None }
    }
}
