//! Why a scenario can't be simulated.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The line, from 1 on; 0 if it is about no place in the file.
    pub line: usize,
    /// The column, from 1 on.
    pub column: usize,
    /// The key, such as `tier[1].days`.
    pub key: String,
    /// What is wrong with it, and what would not be.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        if self.key.is_empty() { f.write_str(&self.what) } else { write!(f, "{}: {}", self.key, self.what) }
    }
}

/// All that is wrong with a scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct ScenarioError(pub Vec<Problem>);

impl ScenarioError {
    /// Of something that is at no place in a file.
    pub(crate) fn of(key: &str, what: impl Into<String>) -> Self {
        Self(vec![Problem { line: 0, column: 0, key: key.to_owned(), what: what.into() }])
    }
}
