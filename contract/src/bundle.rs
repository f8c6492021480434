//! What a bundle is made of.

use crate::{Hidden, Period};
use serde::{Deserialize, Serialize};

/// As [`crate::Command::Bundle`] makes it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BundleAsk {
    /// It is stopped by this, and how far it is is asked by it.
    pub tag: u64,
    /// Where to, which only the machine's own programs may say; the folder for exports if missing.
    pub path: Option<String>,
    /// The search language, applied to each signal for which it makes sense.
    pub query: String,
    /// Of this source, taken over for it and not kept; of the store if missing.
    pub source: Option<String>,
    /// Of a source: as much as its limits for a session allow may be read.
    pub is_heavy: bool,
    /// When.
    pub period: Period,
    /// Of these signals; of all if empty.
    pub signals: Vec<String>,
    /// These traces, and nothing else.
    pub traces: Vec<String>,
    /// Everything that is pinned, and nothing else.
    pub pinned: bool,
    /// Whether the rest of the traces that match comes along, and their logs.
    pub whole_traces: bool,
    /// A name for people.
    pub title: String,
    /// What it is for.
    pub purpose: String,
    /// When it is said to be made, Unix nanoseconds; now if missing.
    pub at: Option<i64>,
    /// It is not to be used before.
    pub not_before: Option<i64>,
    /// Nor after.
    pub not_after: Option<i64>,
    /// The key that signs, as PEM, never kept.
    pub key: Option<Hidden>,
    /// Or one that is kept under this name.
    pub key_name: Option<String>,
    /// What opens it.
    pub passphrase: Option<Hidden>,
    /// What must not leave: `all`, `email=drop`, `user.id=token`.
    pub redact: Vec<String>,
    /// Expressions of one's own: `NAME=EXPRESSION`.
    pub patterns: Vec<String>,
    /// Only say what would be in it and what would be redacted.
    pub is_tried: bool,
}
