//! What a question says about where its rows can lie, so that the planner can leave files alone.

use crate::{TimeRange, TraceId};

/// Bounds that every matching row satisfies. Empty means: anything may match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prune {
    /// Rows outside this half-open range can't match.
    pub range: TimeRange,
    /// If given, only rows of one of these services can match.
    pub services: Option<Vec<String>>,
    /// If given, only rows of one of these traces can match.
    pub traces: Option<Vec<TraceId>>,
    /// What every matching row has.
    pub needs: Vec<Need>,
}

/// Something that a row has or has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// A token of its text, in ASCII and lower case.
    Word(String),
    /// An attribute, of the record or its resource, with exactly this text.
    Attribute {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
}

impl Prune {
    /// Everything inside `range`.
    pub fn within(range: TimeRange) -> Self {
        Self { range, ..Self::default() }
    }

    /// One trace, whenever it was.
    pub fn trace(id: TraceId) -> Self {
        Self { traces: Some(vec![id]), ..Self::default() }
    }
}
