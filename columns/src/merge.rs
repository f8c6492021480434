//! Several sorted streams of rows as one.

use crate::{ColumnsError, gathered};
use arrow::array::{AsArray, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow::datatypes::TimestampNanosecondType;
use sextant_model::Table;
use std::ops::Range;

/// Rows that are handed on at once, about.
const OUT_ROWS: usize = 8_192;

/// A stream and its batch of which some rows are still to be handed on.
struct Source<I> {
    rows: I,
    batch: RecordBatch,
    services: StringArray,
    times: TimestampNanosecondArray,
    next: usize,
}

impl<I: Iterator<Item = Result<RecordBatch, ColumnsError>>> Source<I> {
    /// Nothing if the stream is over.
    fn open(mut rows: I, table: Table) -> Result<Option<Self>, ColumnsError> {
        let batch = loop {
            match rows.next().transpose()? {
                None => return Ok(None),
                Some(batch) if batch.num_rows() > 0 => break batch,
                Some(_) => {}
            }
        };
        let services = batch.column_by_name("ServiceName").and_then(|c| c.as_string_opt::<i32>());
        let times = batch.column_by_name(table.time_column());
        let times = times.and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
        let (Some(services), Some(times)) = (services.cloned(), times.cloned()) else {
            return Err(ColumnsError::Damaged { kind: "segment", what: "a sort column is missing" });
        };
        Ok(Some(Self { rows, batch, services, times, next: 0 }))
    }

    fn key(&self, row: usize) -> (&str, i64) {
        (self.services.value(row), self.times.value(row))
    }

    fn is_used_up(&self) -> bool {
        self.next == self.batch.num_rows()
    }
}

/// Hands the rows of `sources`, each ordered by (`ServiceName`, time), to `out` in that order; of equal rows, those of
/// the earlier source first. Sources that are not quite in order come out not quite in order, and whole.
pub fn merged<I, E>(table: Table, sources: Vec<I>, mut out: impl FnMut(&RecordBatch) -> Result<(), E>) -> Result<(), E>
where
    I: Iterator<Item = Result<RecordBatch, ColumnsError>>,
    E: From<ColumnsError>,
{
    let mut open = Vec::new();
    for source in sources {
        open.extend(Source::open(source, table)?);
    }
    while !open.is_empty() {
        for batch in round(&mut open)? {
            out(&batch)?;
        }
        let mut left = Vec::with_capacity(open.len());
        for source in open {
            if source.is_used_up() {
                left.extend(Source::open(source.rows, table)?);
            } else {
                left.push(source);
            }
        }
        open = left;
    }
    Ok(())
}

/// The next rows, up to where the batch of a source is used up.
fn round<I: Iterator<Item = Result<RecordBatch, ColumnsError>>>(
    open: &mut [Source<I>],
) -> Result<Vec<RecordBatch>, ColumnsError> {
    let mut runs: Vec<(usize, Range<usize>)> = Vec::new();
    let mut n_rows = 0;
    while n_rows < OUT_ROWS && open.iter().all(|s| !s.is_used_up()) {
        let mut order: Vec<usize> = (0..open.len()).collect();
        order.sort_by(|a, b| open[*a].key(open[*a].next).cmp(&open[*b].key(open[*b].next)).then(a.cmp(b)));
        let first = order[0];
        let source = &open[first];
        let start = source.next;
        let end = match order.get(1) {
            None => source.batch.num_rows(),
            Some(second) => {
                let limit = open[*second].key(open[*second].next);
                // Rows of one stream come together for long, so the search doubles its steps.
                let is_before = |row: usize| match source.key(row).cmp(&limit) {
                    std::cmp::Ordering::Less => true,
                    std::cmp::Ordering::Equal => first < *second,
                    std::cmp::Ordering::Greater => false,
                };
                let (mut low, mut step) = (start + 1, 1);
                let n = source.batch.num_rows();
                while low + step <= n && is_before(low + step - 1) {
                    low += step;
                    step *= 2;
                }
                let mut high = (low + step).min(n);
                while low < high {
                    let middle = low + (high - low) / 2;
                    if is_before(middle) {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }
                low
            }
        };
        open[first].next = end;
        n_rows += end - start;
        runs.push((first, start..end));
    }
    handed_on(open, &runs)
}

fn handed_on<I>(open: &[Source<I>], runs: &[(usize, Range<usize>)]) -> Result<Vec<RecordBatch>, ColumnsError> {
    // Long runs are handed on as they are; short ones are copied together.
    let mut out = Vec::new();
    let mut short: Vec<(usize, usize)> = Vec::new();
    let batches: Vec<&RecordBatch> = open.iter().map(|s| &s.batch).collect();
    let flush = |short: &mut Vec<(usize, usize)>, out: &mut Vec<RecordBatch>| -> Result<(), ColumnsError> {
        if !short.is_empty() {
            out.push(gathered(&batches, short)?);
            short.clear();
        }
        Ok(())
    };
    for (source, rows) in runs {
        if rows.len() >= OUT_ROWS / 8 {
            flush(&mut short, &mut out)?;
            out.push(batches[*source].slice(rows.start, rows.len()));
        } else {
            short.extend(rows.clone().map(|row| (*source, row)));
        }
    }
    flush(&mut short, &mut out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, UInt32Array};
    use std::sync::Arc;

    /// Streams of rows with a number that says in which order they have to come.
    fn stream(rows: &[(String, i64, u32)], batch_rows: usize) -> Vec<Result<RecordBatch, ColumnsError>> {
        let batch = |rows: &[(String, i64, u32)]| {
            let services: ArrayRef = Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.0)));
            let times: ArrayRef = Arc::new(TimestampNanosecondArray::from_iter_values(rows.iter().map(|r| r.1)));
            let numbers: ArrayRef = Arc::new(UInt32Array::from_iter_values(rows.iter().map(|r| r.2)));
            let columns = [("ServiceName", services), ("Timestamp", times), ("n", numbers)];
            Ok(RecordBatch::try_from_iter(columns).expect("a batch"))
        };
        rows.chunks(batch_rows).map(batch).collect()
    }

    #[test]
    fn streams_become_one_in_order() {
        // A small generator, so that every run is the same.
        let mut state = 7u64;
        let mut random = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % n
        };
        for n_streams in 0..6 {
            for batch_rows in [1, 3, 100] {
                let mut all = Vec::new();
                let mut streams = Vec::new();
                for s in 0..n_streams {
                    let n = random(200);
                    let mut rows: Vec<(String, i64, u32)> = (0..n)
                        .map(|i| (format!("s{}", random(4)), random(50) as i64, (s * 1_000 + i) as u32))
                        .collect();
                    rows.sort();
                    all.extend(rows.iter().map(|(service, time, n)| (service.clone(), *time, s, *n)));
                    streams.push(stream(&rows, batch_rows).into_iter());
                }
                all.sort();
                let mut found = Vec::new();
                let merged: Result<(), ColumnsError> = merged(Table::Traces, streams, |batch| {
                    let numbers = batch.column(2).as_primitive::<arrow::datatypes::UInt32Type>();
                    found.extend(numbers.values().iter().copied());
                    Ok(())
                });
                merged.expect("merges");
                let expected: Vec<u32> = all.into_iter().map(|row| row.3).collect();
                assert_eq!(found, expected, "{n_streams} streams in batches of {batch_rows}");
            }
        }
    }

    #[test]
    fn streams_out_of_order_come_out_whole() {
        let mut state = 3u64;
        let mut random = |n: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % n
        };
        for n_rows in [1, 10, 3_000] {
            let mut row = |n: u32| (format!("s{}", random(3)), random(9) as i64, n);
            let streams: Vec<Vec<_>> = (0..3).map(|s| (0..n_rows).map(|i| row(s * n_rows + i)).collect()).collect();
            for batch_rows in [1, 7, 1_024] {
                let sources = streams.iter().map(|rows| stream(rows, batch_rows).into_iter()).collect();
                let mut found = Vec::new();
                let merged: Result<(), ColumnsError> = merged(Table::Traces, sources, |batch| {
                    let numbers = batch.column(2).as_primitive::<arrow::datatypes::UInt32Type>();
                    found.extend(numbers.values().iter().copied());
                    Ok(())
                });
                merged.expect("merges");
                found.sort_unstable();
                assert_eq!(found, (0..3 * n_rows).collect::<Vec<_>>());
            }
        }
    }
}
