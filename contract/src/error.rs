//! Refusals and failures as a user sees them: a code, what failed, and what to do.

use serde::{Deserialize, Serialize};

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// The search, statement or parameter makes no sense.
    BadQuery,
    /// Not allowed here.
    Refused,
    /// There is no such thing.
    NotFound,
    /// The token is missing or wrong.
    Unauthorized,
    /// Too much is under way.
    Busy,
    /// It took too long.
    TimedOut,
    /// It would read more than is read without being asked.
    Heavy,
    /// The other side can't be reached.
    Unreachable,
    /// A fault of this program.
    Internal,
}

/// A failure of an ask or act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct AskError {
    /// What kind.
    pub code: Code,
    /// What failed.
    pub message: String,
    /// What to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Where in the query, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<(usize, usize)>,
    /// What it would read, where that is too much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Box<Estimate>>,
}

/// What a question would read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// Bytes.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
    /// Parts of tables.
    pub parts: u64,
    /// Bytes that were read of the source since the start.
    pub read: u64,
    /// Bytes that may be read of it since the start.
    pub limit: u64,
}

impl AskError {
    /// Without a hint.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, position: None, estimate: None }
    }

    /// With what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
