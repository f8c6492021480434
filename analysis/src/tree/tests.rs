//! Trees of well-formed and odd traces.

use crate::{Spans, Tree, critical_path};
use arrow::array::{Int64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use std::sync::Arc;

/// `id parent start duration` a span.
fn batch(spans: &[(&str, &str, i64, i64)]) -> RecordBatch {
    let text = |f: fn(&(&str, &str, i64, i64)) -> String| -> Arc<dyn arrow::array::Array> {
        Arc::new(StringArray::from_iter_values(spans.iter().map(f)))
    };
    RecordBatch::try_from_iter([
        ("SpanId", text(|s| s.0.to_owned())),
        ("ParentSpanId", text(|s| s.1.to_owned())),
        ("Timestamp", Arc::new(TimestampNanosecondArray::from_iter_values(spans.iter().map(|s| s.2)))),
        ("Duration", Arc::new(Int64Array::from_iter_values(spans.iter().map(|s| s.3)))),
    ])
    .expect("a batch")
}

/// Each node as `id@depth`, in order.
fn shape(spans: &[(&str, &str, i64, i64)]) -> String {
    let batches = [batch(spans)];
    let tree = Tree::build(Spans::new(&batches));
    let name = |n: &crate::Node| {
        let mut text = format!("{}@{}", spans[n.span as usize].0, n.depth);
        for (flag, mark) in
            [(n.flags.is_orphan, " orphan"), (n.flags.is_cut_cycle, " cycle"), (n.flags.is_duplicate, " duplicate")]
        {
            if flag {
                text += mark;
            }
        }
        text
    };
    tree.nodes.iter().map(name).collect::<Vec<_>>().join(", ")
}

#[test]
fn every_span_has_one_place() {
    for (spans, expect) in [
        (&[("c", "a", 5, 1), ("a", "", 0, 9), ("b", "a", 1, 2)][..], "a@0, b@1, c@1"),
        (&[("a", "x", 0, 1), ("b", "a", 0, 1)], "a@0 orphan, b@1"),
        (&[("a", "b", 0, 1), ("b", "a", 1, 1), ("c", "b", 2, 1)], "a@0 cycle, b@1, c@2"),
        (&[("a", "a", 0, 1)], "a@0 cycle"),
        (&[("a", "", 0, 1), ("a", "", 1, 1), ("b", "a", 2, 1)], "a@0, b@1, a@0 duplicate"),
        (&[], ""),
    ] {
        assert_eq!(shape(spans), expect);
    }
}

#[test]
fn a_chain_of_a_million_spans_is_no_deep_recursion() {
    let ids: Vec<String> = (0..1_000_000).map(|i| i.to_string()).collect();
    let spans: Vec<(&str, &str, i64, i64)> =
        (0..ids.len()).map(|i| (ids[i].as_str(), if i == 0 { "" } else { ids[i - 1].as_str() }, i as i64, 1)).collect();
    let batches = [batch(&spans)];
    let tree = Tree::build(Spans::new(&batches));
    assert_eq!(tree.nodes.last().map(|n| n.depth), Some(999_999));
    assert_eq!(tree.nodes[0].n_descendants, 999_999);
}

#[test]
fn self_time_leaves_out_children_once() {
    let batches = [batch(&[("a", "", 0, 100), ("b", "a", 10, 30), ("c", "a", 20, 30), ("d", "a", 90, 50)])];
    let tree = Tree::build(Spans::new(&batches));
    assert_eq!(tree.nodes[0].self_time, 100 - 40 - 10);
}

#[test]
fn the_critical_path_is_what_the_end_waited_for() {
    let batches = [batch(&[("a", "", 0, 100), ("b", "a", 10, 30), ("c", "a", 15, 60), ("d", "c", 20, 40)])];
    let tree = Tree::build(Spans::new(&batches));
    let path = critical_path(&tree);
    let pieces: Vec<(u32, i64, i64)> =
        path.pieces.iter().map(|(p, s, e)| (tree.nodes[*p as usize].span, *s, *e)).collect();
    assert_eq!(pieces, [(0, 75, 100), (2, 60, 75), (3, 20, 60), (2, 15, 20), (1, 10, 15), (0, 0, 10)]);
    assert_eq!(path.pieces.iter().map(|(_, s, e)| e - s).sum::<i64>(), 100);
}
