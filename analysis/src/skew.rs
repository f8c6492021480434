//! Clocks that differ: how far the spans of a callee are moved so that they lie within the call.
//!
//! A server can't begin before its client called it. Where it seems to, its clock is behind, and it is moved to the middle
//! of the call, as if both ways over the network took as long. What it calls itself moves along. Only calls that are waited
//! for (a client span and the server span below it) say anything about clocks: consumers and background work rightly run
//! on after what began them.

use crate::{Spans, Tree};

/// Nanoseconds that each node of the tree is moved by.
pub fn clock_shifts(tree: &Tree, spans: Spans<'_>) -> Vec<i64> {
    let (kinds, services) = (spans.texts("SpanKind"), spans.texts("ServiceName"));
    let mut shifts = vec![0i64; tree.nodes.len()];
    for place in 0..tree.nodes.len() {
        let node = tree.nodes[place];
        let Some(parent) = node.parent.map(|p| p as usize) else { continue };
        let caller = tree.nodes[parent];
        let (mine, other) = (node.span as usize, caller.span as usize);
        if services[mine] == services[other] {
            // The same program has the same clock as what began it.
            shifts[place] = shifts[parent];
            continue;
        }
        if kinds[other] != "Client" || kinds[mine] != "Server" {
            // Another clock, about which nothing is known.
            continue;
        }
        let (from, to) = (caller.start.saturating_add(shifts[parent]), caller.end().saturating_add(shifts[parent]));
        let is_inside = node.start >= from && node.end() <= to;
        let fits = node.duration <= caller.duration;
        shifts[place] = if is_inside {
            0
        } else if fits {
            from.saturating_add((caller.duration - node.duration) / 2).saturating_sub(node.start)
        } else if node.start < from {
            // Longer than the call that waited for it: all that can be said is that it did not begin earlier.
            from.saturating_sub(node.start)
        } else {
            0
        };
    }
    shifts
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
    use std::sync::Arc;

    /// Id, parent, service, kind, start, duration.
    type Short<'a> = (&'a str, &'a str, &'a str, &'a str, i64, i64);

    /// How far each span is moved.
    fn moved(spans: &[Short<'_>]) -> Vec<(String, i64)> {
        let text = |f: &dyn Fn(&Short<'_>) -> String| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(spans.iter().map(f)))
        };
        let starts = TimestampNanosecondArray::from_iter_values(spans.iter().map(|s| s.4));
        let batch = RecordBatch::try_from_iter([
            ("SpanId", text(&|s| s.0.into())),
            ("ParentSpanId", text(&|s| s.1.into())),
            ("ServiceName", text(&|s| s.2.into())),
            ("SpanKind", text(&|s| s.3.into())),
            ("StatusCode", text(&|_| "Unset".into())),
            ("Timestamp", Arc::new(starts) as ArrayRef),
            ("Duration", Arc::new(Int64Array::from_iter_values(spans.iter().map(|s| s.5))) as ArrayRef),
        ])
        .expect("columns of one length");
        let batches = [batch];
        let access = Spans::new(&batches);
        let tree = Tree::build(access);
        let shifts = clock_shifts(&tree, access);
        let ids = access.texts("SpanId");
        tree.nodes.iter().zip(shifts).map(|(n, s)| (ids[n.span as usize].to_owned(), s)).collect()
    }

    #[test]
    fn a_server_that_began_before_its_call_is_moved_into_it() {
        let all = moved(&[
            ("a", "", "web", "Client", 1_000, 100),
            ("b", "a", "db", "Server", 500, 60),
            ("c", "b", "db", "Internal", 510, 20),
            ("d", "b", "db", "Client", 520, 20),
            ("e", "d", "disk", "Server", 1_043, 10),
        ]);
        let of = |id: &str| all.iter().find(|(i, _)| i == id).map(|(_, s)| *s);
        // 20 of the way to it, 20 back.
        assert_eq!((of("a"), of("b"), of("c"), of("d")), (Some(0), Some(520), Some(520), Some(520)));
        // The disk's clock agrees with that of the web.
        assert_eq!(of("e"), Some(0));
    }

    #[test]
    fn what_may_run_on_is_left_where_it_is() {
        for (kind, start, duration) in [("Consumer", 2_000, 50), ("Internal", 5_000, 10), ("Server", 1_010, 500)] {
            let all = moved(&[("a", "", "web", "Client", 1_000, 100), ("b", "a", "db", kind, start, duration)]);
            assert_eq!(all[1].1, 0, "{kind}");
        }
        // Longer than its call, and before it: it began with it at the earliest.
        let all = moved(&[("a", "", "web", "Client", 1_000, 100), ("b", "a", "db", "Server", 900, 500)]);
        assert_eq!(all[1].1, 100);
        let all = moved(&[("a", "", "web", "Client", 1_000, 100), ("b", "a", "web", "Server", 900, 50)]);
        assert_eq!(all[1].1, 0, "one clock");
    }
}
