//! A period in parts with about as many rows each, so that all of it can be read with little memory.

use crate::snapshot::Snapshot;
use arrow::array::AsArray;
use arrow::compute::{max, min};
use arrow::datatypes::TimestampNanosecondType;
use sextant_model::{Prune, Table, TimeRange, UnixNanos};

/// Parts of `range`, the newest first, each with about `n_rows` rows of these tables.
pub(crate) fn slices(
    snapshot: &Snapshot,
    tables: &[Table],
    prune: &Prune,
    range: TimeRange,
    n_rows: u64,
) -> Vec<TimeRange> {
    let mut spread = Vec::new();
    for table in tables {
        let chosen = snapshot.pruned(*table, prune).segments;
        spread.extend(chosen.iter().map(|c| (c.segment.times.0, c.segment.times.1, c.n_rows())));
        for batch in snapshot.hot_batches(*table) {
            let times = batch.column_by_name(table.time_column());
            let times = times.and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
            if let Some((first, last)) = times.and_then(|t| Some((min(t)?, max(t)?))) {
                spread.push((first, last, batch.num_rows() as u64));
            }
        }
    }
    cut(&spread, range, n_rows)
}

/// Rows between a first and a last time, both inclusive, are taken to come evenly.
fn cut(spread: &[(i64, i64, u64)], range: TimeRange, n_rows: u64) -> Vec<TimeRange> {
    // Where rows begin or end to come, and how many a nanosecond.
    let mut edges: Vec<(i64, f64)> = Vec::new();
    for (first, last, n) in spread {
        let end = last.saturating_add(1);
        let density = *n as f64 / end.saturating_sub(*first).max(1) as f64;
        edges.extend([(end, density), (*first, -density)]);
    }
    edges.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let (from, to) = (range.from.map(|t| t.0), range.to.map(|t| t.0));
    let mut cuts = Vec::new();
    let (mut density, mut held) = (0.0_f64, 0.0_f64);
    for pair in edges.windows(2) {
        density += pair[0].1;
        let mut at = pair[0].0.min(to.unwrap_or(i64::MAX));
        let end = pair[1].0.max(from.unwrap_or(i64::MIN));
        while at > end && density > 0.0 {
            let wanted = ((n_rows as f64 - held) / density).ceil().max(1.0);
            let left = at.saturating_sub(end);
            if wanted > left as f64 {
                held += left as f64 * density;
                break;
            }
            at -= wanted as i64;
            held = 0.0;
            cuts.push(at);
        }
    }
    cuts.retain(|at| Some(*at) != from);
    let mut newer = to;
    let mut parts: Vec<TimeRange> = cuts
        .into_iter()
        .map(|at| TimeRange { from: Some(UnixNanos(at)), to: newer.replace(at).map(UnixNanos) })
        .collect();
    parts.push(TimeRange { from: range.from, to: newer.map(UnixNanos) });
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(spread: &[(i64, i64, u64)], range: (Option<i64>, Option<i64>), n: u64) -> Vec<(Option<i64>, Option<i64>)> {
        let range = TimeRange { from: range.0.map(UnixNanos), to: range.1.map(UnixNanos) };
        cut(spread, range, n).into_iter().map(|r| (r.from.map(|t| t.0), r.to.map(|t| t.0))).collect()
    }

    #[test]
    fn parts_touch_and_hold_about_as_many() {
        assert_eq!(parts(&[], (None, None), 10), [(None, None)]);
        assert_eq!(parts(&[(0, 99, 5)], (None, None), 10), [(None, None)]);
        assert_eq!(
            parts(&[(0, 99, 100)], (None, None), 40),
            [(Some(60), None), (Some(20), Some(60)), (None, Some(20))]
        );
        // Two files over one another, one of them within a moment; bounds cut.
        assert_eq!(
            parts(&[(0, 99, 100), (50, 50, 40)], (Some(10), Some(90)), 40),
            [(Some(50), Some(90)), (Some(10), Some(50))]
        );
        // More rows than fit into any part come at one moment.
        let all = parts(&[(7, 7, 1_000)], (None, None), 10);
        assert!(all.len() <= 2, "{all:?}");
        for spread in [vec![(0, 999, 777)], vec![(5, 400, 90), (300, 999, 500), (i64::MIN, i64::MAX, 3)]] {
            let all = parts(&spread, (None, None), 50);
            assert!(all.windows(2).all(|p| p[0].0 == p[1].1), "{all:?}");
            assert!(all[0].1.is_none() && all[all.len() - 1].0.is_none());
        }
    }
}
