//! Traces that are told apart.

use super::{Compared, DiffRow, critical_difference, diff};
use crate::{Spans, Tree};
use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use std::sync::Arc;

/// A trace written as lines of `depth name start duration`.
fn batch(text: &str) -> RecordBatch {
    let (mut parents, mut stack, mut names, mut times) = (Vec::new(), Vec::<usize>::new(), Vec::new(), Vec::new());
    for (i, line) in text.lines().map(str::trim).filter(|l| !l.is_empty()).enumerate() {
        let words: Vec<&str> = line.split(' ').collect();
        let depth: usize = words[0].parse().expect("a depth");
        stack.truncate(depth);
        parents.push(stack.last().map_or(String::new(), |p| format!("s{p}")));
        stack.push(i);
        names.push(words[1].to_owned());
        times.push((words[2].parse::<i64>().expect("a start"), words[3].parse::<i64>().expect("a duration")));
    }
    let ids = (0..names.len()).map(|i| format!("s{i}"));
    let text = |all: Vec<String>| -> Arc<dyn arrow::array::Array> { Arc::new(StringArray::from_iter_values(all)) };
    RecordBatch::try_from_iter([
        ("SpanId", text(ids.collect())),
        ("ParentSpanId", text(parents)),
        ("ServiceName", text(vec!["x".into(); names.len()])),
        ("SpanName", text(names)),
        ("Timestamp", Arc::new(TimestampNanosecondArray::from_iter_values(times.iter().map(|t| t.0)))),
        ("Duration", Arc::new(Int64Array::from_iter_values(times.iter().map(|t| t.1)))),
    ])
    .expect("a batch")
}

fn with<T>(a: &str, b: &str, f: impl FnOnce(&mut Compared<'_>, &mut Compared<'_>) -> T) -> T {
    let (batch_a, batch_b) = ([batch(a)], [batch(b)]);
    let (spans_a, spans_b) = (Spans::new(&batch_a), Spans::new(&batch_b));
    let (tree_a, tree_b) = (Tree::build(spans_a), Tree::build(spans_b));
    f(&mut Compared::new(&tree_a, spans_a), &mut Compared::new(&tree_b, spans_b))
}

fn shape(a: &str, b: &str) -> String {
    with(a, b, |a, b| {
        let rows = diff(a, b);
        let line = |row: &DiffRow| {
            let name = row.a.map_or_else(|| b.name(row.b.map_or(0, |s| s.place)).1, |s| a.name(s.place).1);
            let n = |side: Option<super::Side>| side.map_or("-".to_owned(), |s| s.n.to_string());
            format!("{}{name} {}/{}", ">".repeat(row.depth as usize), n(row.a), n(row.b))
        };
        rows.iter().map(line).collect::<Vec<_>>().join(", ")
    })
}

#[test]
fn spans_are_matched_by_what_they_do_and_where() {
    for (a, b, expect) in [
        ("0 r 0 9", "0 r 0 5", "r 1/1"),
        ("0 r 0 9", "0 s 0 5", "r 1/-, s -/1"),
        ("0 r 0 9\n1 a 1 1\n1 b 2 1", "0 r 0 9\n1 b 2 1", "r 1/1, >a 1/-, >b 1/1"),
        ("0 r 0 9\n1 b 2 1", "0 r 0 9\n1 a 1 1\n1 b 2 1\n1 c 3 1", "r 1/1, >a -/1, >b 1/1, >c -/1"),
        // Called once more after a pause: the first call is the one that the other trace has too.
        ("0 r 0 9\n1 q 0 1\n1 w 1 1\n1 q 2 1", "0 r 0 9\n1 q 0 1", "r 1/1, >q 1/1, >w 1/-, >q 1/-"),
        // In another order, they are the same still.
        ("0 r 0 9\n1 a 0 1\n1 b 1 1", "0 r 0 9\n1 b 0 1\n1 a 1 1", "r 1/1, >a 1/1, >b 1/1"),
        // Siblings that do the same count together, and so does what is below them.
        (
            "0 r 0 9\n1 q 0 1\n2 d 0 1\n1 q 1 1\n2 d 1 1\n1 q 2 1\n2 d 2 1",
            "0 r 0 9\n1 q 0 1\n2 d 0 1",
            "r 1/1, >q 3/1, >>d 3/1",
        ),
    ] {
        assert_eq!(shape(a, b), expect, "{a}\n{b}");
    }
}

#[test]
fn every_span_is_in_one_row() {
    let mut seed = 7u64;
    let mut random = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % n
    };
    for _ in 0..300 {
        let mut trace = || {
            let mut depth = 0;
            let lines = (0..=random(40)).map(|i| {
                depth = if i == 0 { 0 } else { 1 + random(depth + 1) };
                format!("{depth} {} {i} {}", ["a", "b", "c"][random(3) as usize], random(9))
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        let (a, b) = (trace(), trace());
        with(&a, &b, |x, y| {
            let rows = diff(x, y);
            let n = |f: fn(&DiffRow) -> Option<super::Side>| -> u32 { rows.iter().filter_map(f).map(|s| s.n).sum() };
            assert_eq!((n(|r| r.a), n(|r| r.b)), (a.lines().count() as u32, b.lines().count() as u32), "{a}\n{b}");
            assert!(rows.iter().all(|r| r.a.is_some() || r.b.is_some()));
        });
        with(&a, &a, |x, y| assert!(diff(x, y).iter().all(|r| r.a == r.b), "{a}"));
    }
}

#[test]
fn the_difference_of_the_roots_is_explained() {
    let slow = "0 r 0 100\n1 a 5 10\n1 b 20 70\n2 lock 25 60";
    let fast = "0 r 0 40\n1 a 5 10\n1 b 20 12\n2 lock 25 2";
    with(slow, fast, |a, b| {
        let found = critical_difference(a, b);
        assert_eq!(found[0].0.1, "lock");
        assert_eq!(found.iter().map(|(_, a, b)| a - b).sum::<i64>(), 60);
    });
}

/// A delay put somewhere into a trace is named first.
#[test]
fn an_injected_delay_ranks_first() {
    let mut hits = 0;
    for seed in 0..200u64 {
        let place = 1 + seed % 12;
        let delay = 40 + (seed / 12) as i64 * 7;
        let trace = |extra: i64, noise: u64| {
            let mut at = 0;
            let mut lines = Vec::new();
            for i in 1..=12u64 {
                let took = 20 + ((i * 7 + noise * 13) % 9) as i64 + if i == place { extra } else { 0 };
                lines.push(format!("1 op{i} {at} {took}"));
                at += took;
            }
            format!("0 r 0 {at}\n{}", lines.join("\n"))
        };
        let (a, b) = (trace(delay, seed), trace(0, seed + 5));
        hits += usize::from(with(&a, &b, |a, b| critical_difference(a, b)[0].0.1 == format!("op{place}")));
    }
    assert!(hits >= 180, "{hits} of 200");
}

/// Thirty thousand different siblings fit into no table of pairs; they are matched by what they do.
#[test]
fn very_wide_traces_are_matched_too() {
    let wide = |from: usize| {
        let below = (from..from + 30_000).map(|i| format!("\n1 order-{i} {i} 1"));
        format!("0 r 0 99999{}", below.collect::<String>())
    };
    with(&wide(0), &wide(1), |a, b| {
        let rows = diff(a, b);
        assert_eq!(rows.len(), 30_002);
        assert_eq!(rows.iter().filter(|row| row.a.is_some() && row.b.is_some()).count(), 30_000);
    });
}
