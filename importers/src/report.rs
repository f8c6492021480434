//! What decoding came to.

use crate::build::Builders;
use sextant_model::{Batch, Counts, Signal};

/// Batches of one message or file, and the counts of each signal in it.
#[derive(Debug, Default)]
pub struct Decoded {
    /// At most one batch a table; no empty ones.
    pub batches: Vec<Batch>,
    /// By signal: traces, logs, metrics.
    counts: [Counts; 3],
    /// A sentence for the first rejected or odd record, to tell the sender.
    pub first_problem: Option<String>,
}

impl Decoded {
    /// The counts of `signal`.
    pub fn counts(&self, signal: Signal) -> &Counts {
        &self.counts[signal as usize]
    }

    pub(crate) fn counts_mut(&mut self, signal: Signal) -> &mut Counts {
        &mut self.counts[signal as usize]
    }

    /// All signals together.
    pub fn total(&self) -> Counts {
        let mut all = Counts::default();
        for counts in &self.counts {
            all.merge(counts);
        }
        all
    }

    pub(crate) fn from_builders(builders: Builders) -> Self {
        let (batches, counts, first_problem) = builders.finish();
        Self { batches, counts, first_problem }
    }
}
