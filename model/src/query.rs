//! The parsed search: what the search language and the JSON form both become.

use crate::Signal;

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
}

impl Query {
    /// Everything of `signal`.
    pub fn all(signal: Signal) -> Self {
        Self { signal, filter: Expr::All }
    }
}
