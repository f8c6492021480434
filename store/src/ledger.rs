//! received = stored + rejected(reason) + evicted(policy), per project, signal, client, protocol and day.

use crate::Ingest;
use sextant_model::{Counts, Reasons, Signal, UnixNanos};
use std::collections::BTreeMap;

/// The reason for what is kept already.
pub const DUPLICATE: &str = "duplicate";

/// Whether records of this protocol were taken in from elsewhere, and not caught as they happened.
pub(crate) fn is_taken_in(protocol: &str) -> bool {
    matches!(protocol, "import" | "pull" | "bundle")
}

/// What counts are kept by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LedgerKey {
    /// The project.
    pub project: String,
    /// The signal.
    pub signal: Signal,
    /// Who sent it.
    pub client: String,
    /// Over what.
    pub protocol: String,
    /// The day of receipt, `yyyy-mm-dd`.
    pub day: String,
}

/// One line of the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LedgerRow {
    /// Records received, rejected and marked.
    pub counts: Counts,
    /// Records that a policy took away, by policy.
    pub evicted: Reasons,
    /// Requests that could not be decoded.
    pub n_malformed: u64,
}

impl LedgerRow {
    /// Records that are there.
    pub fn stored(&self) -> u64 {
        self.counts.stored().saturating_sub(self.evicted.total())
    }

    /// Adds `other` to this.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
        self.evicted.merge(&other.evicted);
        self.n_malformed += other.n_malformed;
    }
}

/// All counts, by key.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger(pub BTreeMap<LedgerKey, LedgerRow>);

impl Ledger {
    pub fn add(&mut self, ingest: &Ingest) {
        for signal in Signal::ALL {
            let counts = &ingest.counts[signal as usize];
            let n_malformed = ingest.n_malformed[signal as usize];
            if counts.received == 0 && n_malformed == 0 {
                continue;
            }
            let key = LedgerKey {
                project: ingest.project.clone(),
                signal,
                client: ingest.client.clone(),
                protocol: ingest.protocol.clone(),
                day: UnixNanos(ingest.received_at).day(),
            };
            let row = LedgerRow { counts: counts.clone(), evicted: Reasons::default(), n_malformed };
            self.0.entry(key).or_default().merge(&row);
        }
    }

    /// Counts `n` evicted records of a day whose senders are not known, against those that still have some; returns how
    /// many it found a place for.
    pub fn share_evicted(
        &self,
        evicted: &mut Self,
        project: &str,
        signal: Signal,
        day: &str,
        policy: &str,
        n: u64,
    ) -> u64 {
        let mut left = n;
        let is_of = |key: &LedgerKey| key.project == project && key.signal == signal && key.day == day;
        for (key, row) in self.0.iter().filter(|(key, _)| is_of(key)) {
            let counted = evicted.0.entry(key.clone()).or_default();
            let take = left.min(row.stored().saturating_sub(counted.evicted.total()));
            counted.evicted.add(policy, take);
            left -= take;
        }
        n - left
    }

    pub fn merge(&mut self, other: &Self) {
        for (key, row) in &other.0 {
            self.0.entry(key.clone()).or_default().merge(row);
        }
    }
}
