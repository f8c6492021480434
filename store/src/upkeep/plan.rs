//! Which segments are to be laid together. Pure: segments and the time in, a job out.
//!
//! A five-minute bucket is merged when it is over, an hour when nothing late comes to it any more, a day when it is over.
//! Files that are large enough are left alone, so that each row is written again a bounded number of times.

use crate::bucket::{BUCKET_NANOS, Bucket, COARSER, Coarser, DAY_NANOS, HOUR_NANOS, LATENESS_NANOS};
use crate::snapshot::{Segment, Tier};
use sextant_model::Table;
use std::collections::BTreeMap;
use std::sync::Arc;
use ulid::Ulid;

/// Segments are written up to this size.
pub(crate) const FULL_BYTES: u64 = 256 << 20;
/// And up to so many rows: they are numbered in 32 bits, and the trace index is made in memory.
pub(crate) const FULL_ROWS: u64 = 2_000_000;
/// A segment of this size is not merged any more.
const LARGE_BYTES: u64 = 128 << 20;
/// Streams that are merged at once; more would keep too many pages in memory.
pub(crate) const FAN_IN: usize = 8;
/// How long after its end a five-minute bucket is left alone.
const GRACE_NANOS: i64 = 60_000_000_000;
/// So many small segments of a place are merged though more may come.
const MANY: usize = 8;
/// So many that were just sealed are merged though their five minutes are not over.
const A_LOT: usize = 64;
/// Fewer are merged once nothing has come for so long.
const IDLE_NANOS: i64 = 900_000_000_000;
/// More places of one kind than this (days with late data, say) are laid together by the next coarser kind.
const MAX_PLACES: usize = 400;

/// Segments to be replaced by larger ones.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The bucket of the new segments.
    pub bucket: Bucket,
    /// What they replace, in the order in which it is laid.
    pub inputs: Vec<Arc<Segment>>,
}

impl Job {
    pub fn n_bytes(&self) -> u64 {
        self.inputs.iter().map(|s| s.n_bytes).sum()
    }

    /// Inputs that are merged row by row, one group after the other. Only what was just sealed is sorted as a whole.
    pub fn groups(&self) -> Vec<Vec<Arc<Segment>>> {
        let mut groups: Vec<Vec<Arc<Segment>>> = Vec::new();
        for input in &self.inputs {
            let fits = |group: &Vec<Arc<Segment>>| {
                input.tier == Tier::Hot
                    && group.len() < FAN_IN
                    && group.iter().all(|s| s.tier == Tier::Hot && s.bucket == input.bucket)
            };
            match groups.last_mut() {
                Some(group) if fits(group) => group.push(input.clone()),
                _ => groups.push(vec![input.clone()]),
            }
        }
        groups
    }
}

/// What to do next, the most useful first. With `is_all`, everything is laid together that can be.
pub(crate) fn plan(segments: &[Arc<Segment>], now: i64, is_all: bool) -> Option<Job> {
    let mut series: BTreeMap<(&str, Table), Vec<&Arc<Segment>>> = BTreeMap::new();
    for s in segments.iter().filter(|s| matches!(s.tier, Tier::Hot | Tier::Merged)) {
        // A file that is full by its rows would only be written again as it is.
        if s.n_rows < FULL_ROWS && (s.n_bytes < LARGE_BYTES || (is_all && s.tier == Tier::Hot)) {
            series.entry((&s.project, s.table)).or_default().push(s);
        }
    }
    let jobs = series.values().flat_map(|segments| of_series(segments, now, is_all));
    // Most files first: they cost every query.
    jobs.max_by_key(|job| job.inputs.len())
}

fn of_series(segments: &[&Arc<Segment>], now: i64, is_all: bool) -> Vec<Job> {
    let mut places: BTreeMap<Bucket, Vec<&Arc<Segment>>> = BTreeMap::new();
    for s in segments {
        places.entry(target(s.bucket, now, is_all)).or_default().push(s);
    }
    let mut jobs: Vec<Job> = places
        .iter()
        .filter(|(bucket, inputs)| is_worth_it(**bucket, inputs, now, is_all))
        .map(|(bucket, inputs)| job(*bucket, inputs))
        .collect();
    for (bucket, inputs) in &places {
        // Of a bucket that goes on what was just sealed is laid together once it is a lot.
        let sealed: Vec<&Arc<Segment>> = inputs.iter().filter(|s| s.tier == Tier::Hot).copied().collect();
        if sealed.len() >= A_LOT && !is_worth_it(*bucket, inputs, now, is_all) {
            jobs.push(job(*bucket, &sealed));
        }
    }
    if jobs.is_empty() {
        jobs.extend(coarser(&places));
    }
    jobs
}

/// Where the rows of a bucket belong at this time.
fn target(bucket: Bucket, now: i64, is_all: bool) -> Bucket {
    let Some(start) = bucket.start().filter(|_| matches!(bucket, Bucket::FiveMinutes(_) | Bucket::Hour(_))) else {
        return bucket;
    };
    let (day, hour) = (Bucket::day(start), Bucket::hour(start));
    let ends = |bucket: Bucket, length: i64| bucket.start().unwrap_or(start).saturating_add(length + LATENESS_NANOS);
    if is_all || ends(day, DAY_NANOS) + HOUR_NANOS <= now {
        return day;
    }
    if ends(hour, HOUR_NANOS) + GRACE_NANOS <= now {
        return hour;
    }
    bucket
}

fn made_at(s: &Segment) -> i64 {
    let millis = Ulid::from_string(&s.id.to_uppercase()).map_or(0, |id| id.timestamp_ms());
    (millis as i64).saturating_mul(1_000_000)
}

fn is_worth_it(bucket: Bucket, inputs: &[&Arc<Segment>], now: i64, is_all: bool) -> bool {
    if is_all {
        return inputs.len() > 1 || inputs.iter().any(|s| s.tier == Tier::Hot);
    }
    if inputs.len() < 2 {
        return false;
    }
    match bucket {
        Bucket::FiveMinutes(start) => start + BUCKET_NANOS + GRACE_NANOS <= now,
        Bucket::Hour(_) => true,
        // More may come at any time: not each time all is written again.
        _ => {
            let newest = inputs.iter().map(|s| made_at(s)).max().unwrap_or(now);
            inputs.len() >= MANY || newest.saturating_add(IDLE_NANOS) <= now
        }
    }
}

fn job(bucket: Bucket, inputs: &[&Arc<Segment>]) -> Job {
    let mut inputs: Vec<Arc<Segment>> = inputs.iter().map(|s| (*s).clone()).collect();
    // Fine buckets in the order of time, then what came late.
    inputs.sort_by_key(|s| {
        let is_fine = matches!(s.bucket, Bucket::FiveMinutes(_) | Bucket::Hour(_));
        (!is_fine, s.bucket.start(), s.tier == Tier::Hot, s.times.0, s.id.clone())
    });
    Job { bucket, inputs }
}

/// Too many days are laid together by months, too many months by years.
fn coarser(places: &BTreeMap<Bucket, Vec<&Arc<Segment>>>) -> Option<Job> {
    for Coarser { is_one, of } in COARSER {
        let found: Vec<_> = places.iter().filter(|(bucket, _)| is_one(**bucket)).collect();
        if found.len() <= MAX_PLACES {
            continue;
        }
        let mut joined: BTreeMap<Bucket, Vec<&Arc<Segment>>> = BTreeMap::new();
        for (bucket, inputs) in found {
            joined.entry(bucket.start().map_or(*bucket, of)).or_default().extend(inputs);
        }
        let best = joined.into_iter().filter(|(_, inputs)| inputs.len() > 1).max_by_key(|(_, inputs)| inputs.len());
        if let Some((bucket, inputs)) = best {
            return Some(job(bucket, &inputs));
        }
    }
    None
}
