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
}

impl AskError {
    /// Without a hint.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None, position: None }
    }

    /// With what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
