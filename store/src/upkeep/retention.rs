//! Applying policies: records that are too old or too many go, segments that are hardly read move.

use super::merge::{Output, check};
use super::progress::Progress;
use crate::StoreError;
use crate::bucket::{Bucket, DAY_NANOS};
use crate::ledger::{Ledger, LedgerKey, is_taken_in};
use crate::manifest::{Pin, Policy, Replacement, Zone};
use crate::origin::{Origins, Receipts};
use crate::segment::Place;
use crate::snapshot::{Segment, Tier};
use crate::state::{Shared, lock};
use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampNanosecondType;
use sextant_columns::{batches, has_traces, read_columns};
use sextant_model::{Signal, UnixNanos};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const NO_COLD_DIR: &str = "the directory for cold segments is not there";

/// Rows that are read at once.
const BATCH_ROWS: usize = 8_192;

/// What a policy came to, or would come to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// In which project.
    pub project: String,
    /// For which signal.
    pub signal: Signal,
    /// `age`, `bytes`, `warm` or `cold`.
    pub policy: String,
    /// Records that went or moved.
    pub n_records: u64,
    /// Segments that it touched.
    pub n_segments: u64,
    /// Bytes of those segments.
    pub n_bytes: u64,
}

/// The policy of a project and signal.
fn policy_of<'a>(policies: &'a [Policy], project: &str, signal: Signal) -> Option<&'a Policy> {
    let of = |name: &str| policies.iter().find(|p| p.signal == signal && p.project == name);
    of(project).or_else(|| of(""))
}

/// Which policies are applied, and whether they are.
#[derive(Debug, Clone, Default)]
pub(crate) struct How {
    /// A dry run only says what would be done.
    pub is_dry: bool,
    /// In the place of those that were set; never but for a dry run.
    pub proposed: Option<Vec<Policy>>,
}

/// Applies all policies as of `at`.
pub(super) fn apply(shared: &Shared, at: i64, how: &How, progress: &Progress) -> Result<Vec<Applied>, StoreError> {
    let mut report = BTreeMap::new();
    let is_dry = how.is_dry || how.proposed.is_some();
    // With every change of a policy or pin it begins anew: what is done is done, and what was pinned stays.
    while !apply_once(shared, at, (is_dry, how.proposed.as_deref()), progress, &mut report)? {}
    if !is_dry {
        lock(&shared.manifest).set_last_retention(super::now())?;
    }
    Ok(report.into_values().collect())
}

/// False if policies or pins were changed meanwhile.
fn apply_once(
    shared: &Shared,
    at: i64,
    (is_dry, proposed): (bool, Option<&[Policy]>),
    progress: &Progress,
    report: &mut Report,
) -> Result<bool, StoreError> {
    let (policies, pins, rules) = {
        let manifest = lock(&shared.manifest);
        let policies = proposed.map_or_else(|| manifest.policies(), |all| Ok(all.to_vec()))?;
        (policies, manifest.pins()?, manifest.rules())
    };
    let mut keep = Keep { shared, at, is_dry, pins, rules, report };
    let snapshot = shared.snapshot();
    let mut series: BTreeMap<(String, Signal), Vec<Arc<Segment>>> = BTreeMap::new();
    for s in snapshot.segments() {
        series.entry((s.project.clone(), s.table.signal())).or_default().push(s.clone());
    }
    drop(snapshot);
    let mut failed = Ok(());
    for ((project, signal), segments) in series {
        let Some(policy) = policy_of(&policies, &project, signal) else { continue };
        let n_rows = segments.iter().map(|s| s.n_rows).sum();
        let n_bytes = segments.iter().map(|s| s.n_bytes).sum();
        progress.begin(format!("applying the policy of {signal} in {project}"), n_rows, n_bytes);
        let applied = keep.apply(policy, segments, progress);
        progress.end();
        match applied {
            Err(StoreError::RulesChanged) => return Ok(false),
            Err(StoreError::Closing) => return Err(StoreError::Closing),
            // One series that fails keeps no other from its policy.
            applied => failed = failed.and(applied),
        }
    }
    failed.map(|()| true)
}

/// What policies came to, by project, signal and policy.
type Report = BTreeMap<(String, Signal, &'static str), Applied>;

struct Keep<'a> {
    shared: &'a Shared,
    at: i64,
    is_dry: bool,
    pins: Vec<Pin>,
    /// Which version of policies and pins this follows.
    rules: u64,
    report: &'a mut Report,
}

impl Keep<'_> {
    fn apply(&mut self, policy: &Policy, segments: Vec<Arc<Segment>>, progress: &Progress) -> Result<(), StoreError> {
        let mut left = Vec::new();
        // One that can't be written anew, on a full disk say, keeps no other from going.
        let mut failed = Ok(());
        for segment in segments {
            let is_gone = match policy.keep.map(|keep| self.at.saturating_sub(keep)) {
                Some(cut) if can_be_older(&segment, cut) => {
                    let evicted = self.evict(&segment, Cut::Older(cut), "age");
                    tried(evicted, &mut failed)? > 0
                }
                _ => false,
            };
            progress.step(self.shared, segment.n_rows);
            self.check_open()?;
            if !is_gone {
                left.push(segment);
            }
        }
        if let Some(max_bytes) = policy.max_bytes {
            // What can't be read can't go, and what has no usable time is as old as its receipt.
            let age = |s: &Arc<Segment>| match s.received {
                Some((_, last)) if s.bucket == Bucket::Absurd => last,
                _ => s.times.1,
            };
            left.sort_by_key(age);
            let mut n_bytes: u64 = left.iter().map(|s| s.n_bytes).sum();
            let mut rest = Vec::new();
            for segment in left {
                let excess = n_bytes.saturating_sub(max_bytes);
                if excess == 0 {
                    rest.push(segment);
                    continue;
                }
                // Of the one that goes beyond, the oldest rows: about as many as take the bytes that are too many.
                let size = segment.n_bytes.max(1);
                let share = |bytes: u64, n: u64, of: u64| {
                    (u128::from(n) * u128::from(bytes)).div_ceil(u128::from(of.max(1))) as u64
                };
                let cut = if excess >= size { Cut::All } else { Cut::Oldest(share(excess, segment.n_rows, size)) };
                let evicted = self.evict(&segment, cut, "bytes");
                let n_evicted = tried(evicted, &mut failed)?;
                // Pinned rows stay, and so do their bytes.
                n_bytes -= share(size, n_evicted, segment.n_rows).min(segment.n_bytes);
                if n_evicted == 0 {
                    rest.push(segment);
                }
            }
            left = rest;
        }
        failed?;
        self.tiers(policy, &left)
    }

    /// A closing store begins nothing more.
    fn check_open(&self) -> Result<(), StoreError> {
        if self.shared.is_closing.load(Ordering::Acquire) { Err(StoreError::Closing) } else { Ok(()) }
    }

    fn count(&mut self, segment: &Segment, policy: &'static str, n_records: u64) {
        let key = (segment.project.clone(), segment.table.signal(), policy);
        let row = self.report.entry(key).or_insert_with(|| Applied {
            project: segment.project.clone(),
            signal: segment.table.signal(),
            policy: policy.to_owned(),
            n_records: 0,
            n_segments: 0,
            n_bytes: 0,
        });
        row.n_records += n_records;
        row.n_segments += 1;
        row.n_bytes += segment.n_bytes;
    }

    /// Takes out the rows that `cut` is about; never what is pinned. How many; if any, the segment is gone or was written
    /// anew.
    fn evict(&mut self, segment: &Arc<Segment>, cut: Cut, policy: &'static str) -> Result<u64, StoreError> {
        if let Some(why) = segment.trouble() {
            // What can't be read can't be counted: it stays until it can.
            tracing::warn!("left alone by retention: {why}");
            return Ok(0);
        }
        let pins: Vec<&Pin> = self.pins.iter().filter(|p| is_about(p, segment)).collect();
        let (last_to_go, mut n_of_last) = match cut {
            Cut::Oldest(n) => oldest(segment, n)?,
            Cut::Older(_) | Cut::All => (i64::MAX, 0),
        };
        let mut evicted = Evicted::default();
        let mut keep = Vec::with_capacity(segment.n_rows as usize);
        for rows in read_columns(&segment.path, &columns_of(segment, &pins), None)? {
            let rows = rows?;
            let senders = lock(&self.shared.senders);
            let Some(receipts) = Receipts::of(&rows) else { return Ok(0) };
            let Some(times) = times_of(segment, &rows) else { return Ok(0) };
            let pinned = pinned_rows(&pins, &rows, times);
            let first = keep.len();
            for (row, time) in times.iter().enumerate() {
                let is_old = match cut {
                    Cut::All => true,
                    Cut::Oldest(_) => {
                        let age = if segment.bucket == Bucket::Absurd { receipts.received(row) } else { *time };
                        let is_last = age == last_to_go && n_of_last > 0;
                        n_of_last -= u64::from(is_last);
                        age < last_to_go || is_last
                    }
                    Cut::Older(cut) => {
                        let sender = receipts.sender(row).and_then(|s| senders.get(s));
                        let is_taken_in = sender.is_some_and(|(_, protocol)| is_taken_in(protocol));
                        // An absurd time says nothing of the age.
                        let is_by_receipt = is_taken_in || segment.bucket == Bucket::Absurd;
                        (if is_by_receipt { receipts.received(row) } else { *time }) < cut
                    }
                };
                keep.push(!is_old || pinned.get(row).copied().unwrap_or(false));
            }
            evicted.add(&rows, times, &keep[first..]);
        }
        let n_evicted = keep.iter().filter(|k| !**k).count() as u64;
        if n_evicted == 0 {
            return Ok(0);
        }
        if self.is_dry {
            self.count(segment, policy, n_evicted);
            return Ok(n_evicted);
        }
        let gone = [segment.clone()];
        check(&gone)?;
        let mut output =
            Output::new(self.shared, root_of(self.shared, segment), place_of(segment), &gone, segment.n_rows)?;
        if n_evicted < segment.n_rows {
            let mut first = 0;
            for rows in batches(&segment.path, segment.table, BATCH_ROWS)? {
                let rows = rows?;
                let mask = BooleanArray::from(keep[first..first + rows.num_rows()].to_vec());
                first += rows.num_rows();
                output.write(&filter_record_batch(&rows, &mask).map_err(sextant_columns::ColumnsError::from)?)?;
            }
        }
        let (ledger, zones) = evicted.counted(self.shared, segment, policy);
        let rules = Some(self.rules);
        output.finish()?.put(Replacement {
            gone: &gone,
            counts: ledger,
            zones: &zones,
            rules,
            ..Replacement::default()
        })?;
        self.count(segment, policy, n_evicted);
        Ok(n_evicted)
    }

    /// Compresses and moves what is old enough for it.
    fn tiers(&mut self, policy: &Policy, segments: &[Arc<Segment>]) -> Result<(), StoreError> {
        for segment in segments {
            self.check_open()?;
            let is_older = |age: Option<i64>| age.is_some_and(|age| segment.times.1 < self.at.saturating_sub(age));
            let cold_dir =
                policy.cold_dir.as_ref().filter(|_| is_older(policy.cold_after) && segment.tier != Tier::Cold);
            if let Some(dir) = cold_dir {
                if !dir.is_dir() {
                    let e = StoreError::file("use", dir)(std::io::ErrorKind::NotFound.into());
                    self.shared.problem(NO_COLD_DIR, &e);
                    return Ok(());
                }
                self.shared.solved(NO_COLD_DIR);
                self.rewrite(segment, "cold", Tier::Cold, dir)?;
            } else if is_older(policy.warm_after) && matches!(segment.tier, Tier::Hot | Tier::Merged) {
                let dir = self.shared.layout.segments.clone();
                self.rewrite(segment, "warm", Tier::Warm, &dir)?;
            }
        }
        Ok(())
    }

    fn rewrite(
        &mut self,
        segment: &Arc<Segment>,
        policy: &'static str,
        tier: Tier,
        root: &std::path::Path,
    ) -> Result<(), StoreError> {
        if segment.trouble().is_some() {
            return Ok(());
        }
        if self.is_dry {
            self.count(segment, policy, segment.n_rows);
            return Ok(());
        }
        let gone = [segment.clone()];
        check(&gone)?;
        let place = Place { tier, ..place_of(segment) };
        let mut output = Output::new(self.shared, root, place, &gone, segment.n_rows)?;
        for rows in batches(&segment.path, segment.table, BATCH_ROWS)? {
            output.write(&rows?)?;
        }
        let rules = Some(self.rules);
        output.finish()?.put(Replacement { gone: &gone, rules, ..Replacement::default() })?;
        self.count(segment, policy, segment.n_rows);
        Ok(())
    }
}

/// Which rows go.
#[derive(Clone, Copy)]
enum Cut {
    /// Those older than this.
    Older(i64),
    /// The oldest, so many.
    Oldest(u64),
    All,
}

/// The time of the last of the `n` oldest rows, and how many rows of that time are among them.
fn oldest(segment: &Segment, n: u64) -> Result<(i64, u64), StoreError> {
    let column = if segment.bucket == Bucket::Absurd { "ReceivedAt" } else { segment.table.time_column() };
    let mut times: Vec<i64> = Vec::with_capacity(segment.n_rows as usize);
    for rows in read_columns(&segment.path, &[column], None)? {
        let rows = rows?;
        let column = rows.column_by_name(column).and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
        times.extend_from_slice(column.map_or(&[][..], |c| c.values()));
    }
    if times.is_empty() || n == 0 {
        return Ok((i64::MIN, 0));
    }
    let place = (n as usize - 1).min(times.len() - 1);
    let last = *times.select_nth_unstable(place).1;
    let n_before = times.iter().filter(|t| **t < last).count();
    Ok((last, (place + 1 - n_before) as u64))
}

/// How many rows went; after a failure none, and the first of them is remembered.
fn tried(evicted: Result<u64, StoreError>, failed: &mut Result<(), StoreError>) -> Result<u64, StoreError> {
    match evicted {
        Ok(n) => Ok(n),
        Err(e @ (StoreError::RulesChanged | StoreError::Closing)) => Err(e),
        Err(e) => {
            if failed.is_ok() {
                *failed = Err(e);
            }
            Ok(0)
        }
    }
}

/// Whether a row of the segment can be older than `cut`, as far as the manifest knows.
fn can_be_older(segment: &Segment, cut: i64) -> bool {
    let is_received_before = segment.received.is_none_or(|(first, _)| first < cut);
    match segment.n_taken_in {
        _ if segment.bucket == Bucket::Absurd => is_received_before,
        Some(0) => segment.times.0 < cut,
        Some(n) if n == segment.n_rows => is_received_before,
        _ => segment.times.0 < cut || is_received_before,
    }
}

fn place_of(segment: &Segment) -> Place {
    Place {
        project: segment.project.clone(),
        table: segment.table,
        bucket: segment.bucket,
        tier: segment.tier,
        epoch: segment.epoch,
    }
}

/// The folder that holds the folders of projects.
fn root_of<'a>(shared: &'a Shared, segment: &'a Segment) -> &'a std::path::Path {
    match segment.tier {
        Tier::Cold => segment.root().unwrap_or(&shared.layout.segments),
        _ => &shared.layout.segments,
    }
}

fn is_about(pin: &Pin, segment: &Segment) -> bool {
    let note = &pin.note;
    let overlaps =
        note.from.is_none_or(|from| segment.times.1 >= from) && note.to.is_none_or(|to| segment.times.0 < to);
    let has_trace = note.trace.is_none_or(|id| {
        has_traces(segment.table)
            && segment.trace_index().is_none_or(|index| index.rows(id).map_or(true, |rows| !rows.is_empty()))
    });
    note.project == segment.project && note.signal.is_none_or(|s| s == segment.table.signal()) && overlaps && has_trace
}

fn columns_of(segment: &Segment, pins: &[&Pin]) -> Vec<&'static str> {
    let mut columns = vec![segment.table.time_column(), "ReceivedAt", "IngestId"];
    if has_traces(segment.table) && pins.iter().any(|p| p.note.trace.is_some()) {
        columns.push("TraceId");
    }
    columns
}

fn times_of<'a>(segment: &Segment, rows: &'a RecordBatch) -> Option<&'a [i64]> {
    let column = rows.column_by_name(segment.table.time_column())?;
    Some(column.as_primitive_opt::<TimestampNanosecondType>()?.values())
}

/// Which rows some pin holds; empty if there are no pins.
fn pinned_rows(pins: &[&Pin], rows: &RecordBatch, times: &[i64]) -> Vec<bool> {
    if pins.is_empty() {
        return Vec::new();
    }
    let traces = rows.column_by_name("TraceId").and_then(|c| c.as_string_opt::<i32>());
    let wanted: BTreeSet<String> = pins.iter().filter_map(|p| p.note.trace).map(|t| t.to_string()).collect();
    let is_pinned = |row: usize| {
        let is_in =
            |p: &&&Pin| p.note.from.is_none_or(|from| times[row] >= from) && p.note.to.is_none_or(|to| times[row] < to);
        pins.iter().filter(|p| p.note.trace.is_none()).any(|p| is_in(&p))
            || traces.is_some_and(|ids| wanted.contains(ids.value(row)))
    };
    (0..rows.num_rows()).map(is_pinned).collect()
}

/// Rows that go, by where they came from and when they were.
#[derive(Default)]
struct Evicted {
    origins: Origins,
    days: BTreeMap<i64, (u64, i64, i64)>,
}

impl Evicted {
    fn add(&mut self, rows: &RecordBatch, times: &[i64], keep: &[bool]) {
        self.origins.add_some(rows, |row| !keep[row]);
        for (time, _) in times.iter().zip(keep).filter(|(_, keep)| !**keep) {
            let day = self.days.entry(time.div_euclid(DAY_NANOS)).or_insert((0, *time, *time));
            *day = (day.0 + 1, day.1.min(*time), day.2.max(*time));
        }
    }

    fn counted(&self, shared: &Shared, segment: &Segment, policy: &str) -> (Ledger, Vec<Zone>) {
        let (project, signal) = (&segment.project, segment.table.signal());
        let mut ledger = Ledger::default();
        let senders = lock(&shared.senders);
        for origin in self.origins.named(&senders) {
            if let Some((client, protocol)) = origin.sender {
                let key = LedgerKey {
                    project: project.clone(),
                    signal,
                    client: client.to_owned(),
                    protocol: protocol.to_owned(),
                    day: origin.day,
                };
                ledger.0.entry(key).or_default().evicted.add(policy, origin.n);
            } else {
                shared.ledger().share_evicted(&mut ledger, project, signal, &origin.day, policy, origin.n);
            }
        }
        let zone = |(day, (n, first, last)): (&i64, &(u64, i64, i64))| Zone {
            project: project.clone(),
            signal,
            day: UnixNanos(day * DAY_NANOS).day(),
            policy: policy.to_owned(),
            n: *n,
            times: (*first, *last),
        };
        (ledger, self.days.iter().map(zone).collect())
    }
}
