//! Counting what came in: received = stored + rejected(reason) + evicted(policy).

use std::collections::BTreeMap;

/// Counts by reason; reasons are short `snake_case` words that never change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasons(pub BTreeMap<String, u64>);

impl Reasons {
    /// One more for `reason`.
    pub fn add(&mut self, reason: &str, n: u64) {
        if n == 0 {
            return;
        }
        if let Some(count) = self.0.get_mut(reason) {
            *count += n;
        } else {
            self.0.insert(reason.to_owned(), n);
        }
    }

    /// Adds every count of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (reason, n) in &other.0 {
            self.add(reason, *n);
        }
    }

    /// The sum over all reasons.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

/// What one request, file or signal came to, in records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that arrived.
    pub received: u64,
    /// Records not kept, by reason.
    pub rejected: Reasons,
    /// Records kept although something about them was odd, by reason; not part of the equation.
    pub marked: Reasons,
}

impl Counts {
    /// Records that were kept.
    pub fn stored(&self) -> u64 {
        self.received.saturating_sub(self.rejected.total())
    }

    /// Adds `other` to this.
    pub fn merge(&mut self, other: &Self) {
        self.received += other.received;
        self.rejected.merge(&other.rejected);
        self.marked.merge(&other.marked);
    }
}
