//! Questions that are answered by what is known of whole segments, and by rows only where a period cuts them.

use crate::StoreError;
use crate::duck::{Answer, Limits, Overview};
use crate::engine::{Asking, Store};
use crate::rollup::{MINUTE_NANOS, Minutes, Rollup};
use crate::snapshot::Segment;
use crate::state::lock;
use crate::summary::{Summary, Sums};
use sextant_model::{Prune, Sql, TimeRange, UnixNanos};

fn is_within(segment: &Segment, range: TimeRange) -> bool {
    range.contains(segment.times.0) && range.contains(segment.times.1)
}

impl Store {
    /// Runs a statement of our own over the views within `range`, from which segments are left out that lie wholly within
    /// it; what these come to is in the view `summaries`, by table and service.
    pub fn overview(&self, sql: &Sql, range: TimeRange, limits: Limits) -> Result<Answer, StoreError> {
        let _asking = Asking::begin(self.shared());
        let add = |sums: &mut Sums, s: &Segment| {
            let summary = if is_within(s, range) { self.summary(s) } else { None };
            summary.map(|summary| sums.add(s.table, s.times, summary)).is_some()
        };
        let view = Overview { name: "summaries", add, rows: |sums: Sums| sums.as_rows() };
        self.duck().overview(&self.snapshot(), sql, &Prune::within(range), &view, limits)
    }

    /// The same for a statement that counts rows in parts of `range`; how many rows the segments that are left out have
    /// in each minute is in the view `minutes`. It is empty if not all parts begin and end with minutes.
    pub fn by_minute(
        &self,
        sql: &Sql,
        range: (i64, i64),
        part_nanos: i64,
        prune: &Prune,
        limits: Limits,
    ) -> Result<Answer, StoreError> {
        let _asking = Asking::begin(self.shared());
        let fits = range.0 % MINUTE_NANOS == 0 && range.1 % MINUTE_NANOS == 0 && part_nanos % MINUTE_NANOS == 0;
        let range = TimeRange { from: Some(UnixNanos(range.0)), to: Some(UnixNanos(range.1)) };
        let add = |minutes: &mut Minutes, s: &Segment| {
            let rollup = if fits && is_within(s, range) { self.rollup(s) } else { None };
            rollup.map(|rollup| minutes.add(s.table, &rollup)).is_some()
        };
        let view = Overview { name: "minutes", add, rows: Minutes::into_rows };
        self.duck().overview(&self.snapshot(), sql, prune, &view, limits)
    }

    /// What a segment comes to. Its rows are read where that is not known.
    fn summary(&self, segment: &Segment) -> Option<Summary> {
        let text = lock(&self.shared().manifest).summary(&segment.id).ok().flatten();
        text.and_then(|text| Summary::from_json(&text))
    }

    fn rollup(&self, segment: &Segment) -> Option<Rollup> {
        let bytes = lock(&self.shared().manifest).rollup(&segment.id).ok().flatten();
        bytes.and_then(|bytes| Rollup::from_bytes(&bytes))
    }
}
