//! Where a search stops making sense, and what to write instead.

use std::ops::Range;

/// A search that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at position {}", at.start + 1)]
pub struct ParseError {
    /// The place, in bytes of the text.
    pub at: Range<usize>,
    /// What is wrong there.
    pub message: String,
    /// What to write instead, if that is known.
    pub hint: Option<String>,
}

impl ParseError {
    pub(crate) fn new(at: Range<usize>, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
