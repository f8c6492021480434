//! Rows, folds, bars and the minimap of small traces.

use crate::{Flame, Folds, Ink, Item, Row, Rows, Skeleton, Waterfall, critical_strip, find, minimap, operations};
use arrow::array::{
    ArrayRef, BooleanArray, Int64Array, Int64Builder, ListBuilder, RecordBatch, StringDictionaryBuilder, UInt32Array,
    UInt64Array,
};
use arrow::datatypes::Int32Type;
use sextant_contract::Answer;
use std::sync::Arc;

/// Depth, service, operation, start, duration, failed.
type Line = (u32, &'static str, &'static str, i64, i64, bool);

fn answer(lines: &[Line]) -> Answer {
    let n = lines.len();
    let words = |get: &dyn Fn(&Line) -> &'static str| -> ArrayRef {
        let mut builder = StringDictionaryBuilder::<Int32Type>::new();
        for line in lines {
            builder.append_value(get(line));
        }
        Arc::new(builder.finish())
    };
    let below = |i: usize| lines[i + 1..].iter().take_while(|l| l.0 > lines[i].0).count() as u32;
    let none = || -> ArrayRef {
        let mut builder = ListBuilder::new(Int64Builder::new());
        for _ in 0..n {
            builder.append(true);
        }
        Arc::new(builder.finish())
    };
    let batch = RecordBatch::try_from_iter([
        ("depth", Arc::new(UInt32Array::from_iter_values(lines.iter().map(|l| l.0))) as ArrayRef),
        ("descendants", Arc::new(UInt32Array::from_iter_values((0..n).map(below)))),
        ("start", Arc::new(Int64Array::from_iter_values(lines.iter().map(|l| l.3)))),
        ("duration", Arc::new(Int64Array::from_iter_values(lines.iter().map(|l| l.4)))),
        ("self", Arc::new(Int64Array::from_iter_values(lines.iter().map(|l| l.4)))),
        ("span", Arc::new(UInt64Array::from_iter_values(1..=n as u64))),
        ("parent", Arc::new(UInt64Array::from_iter_values((0..n).map(|_| 0)))),
        ("service", words(&|l| l.1)),
        ("name", words(&|l| l.2)),
        ("kind", words(&|_| "Server")),
        ("message", words(&|_| "")),
        ("error", Arc::new(BooleanArray::from(lines.iter().map(|l| l.5).collect::<Vec<_>>()))),
        ("odd", Arc::new(UInt32Array::from(vec![0; n]))),
        ("shift", Arc::new(Int64Array::from(vec![0; n]))),
        ("critical", none()),
        ("events", none()),
        ("logs", none()),
        ("links", Arc::new(UInt32Array::from(vec![0; n]))),
    ])
    .expect("columns of one length");
    let mut answer = Answer::rows(batch.schema(), vec![batch], 1);
    answer.object =
        Some(serde_json::json!({ "origin": 0, "critical": [["a", "work", 60], ["b", "query", 40]], "status": "" }));
    answer
}

fn skeleton(lines: &[Line]) -> Skeleton {
    Skeleton::read(&answer(lines), |s| (crate::hue(s), crate::letters(s))).expect("a trace")
}

/// A root with seven queries, one of which failed, between two other children.
fn shop() -> Skeleton {
    let mut lines = vec![(0, "a", "root", 0, 1_000, false), (1, "a", "first", 0, 10, false)];
    for i in 0..7 {
        lines.push((1, "b", "query", 20 + 10 * i, 5 + i, i == 3));
        lines.push((2, "b", "rows", 20 + 10 * i, 2, false));
    }
    lines.push((1, "a", "last", 900, 100, false));
    skeleton(&lines)
}

fn names(all: &Skeleton, rows: &Rows) -> Vec<String> {
    let name = |r: &Row| {
        format!("{}{}{}", "  ".repeat(r.depth), if r.group.is_some() { "×" } else { "" }, all.span(r.place).name())
    };
    rows.list.iter().map(name).collect()
}

#[test]
fn what_is_no_trace_is_refused() {
    let mut broken = answer(&[(0, "a", "root", 0, 1, false)]);
    broken.object = None;
    assert!(Skeleton::read(&broken, |s| (crate::hue(s), crate::letters(s))).is_none());
    let empty = Answer::object(serde_json::json!({}), 1);
    assert!(Skeleton::read(&empty, |s| (crate::hue(s), crate::letters(s))).is_none());
}

#[test]
fn siblings_that_do_the_same_are_one_row_that_says_what_is_in_it() {
    let all = shop();
    let rows = Rows::of(&all, &Folds::default());
    assert_eq!(names(&all, &rows), ["root", "  first", "  ×query", "  last"]);
    assert_eq!(rows.n_folded, 14);
    let group = &rows.groups[0];
    assert_eq!((group.members.len(), group.n_spans, group.n_errors), (7, 14, 1));
    assert_eq!((group.ends, group.p50, group.p99), ((20, 91), 8, 11));
    assert_eq!(rows.row_of(4), Some(2), "a hidden span is on its group's row");

    let open = Folds { open_groups: [2].into(), ..Folds::default() };
    let rows = Rows::of(&all, &open);
    assert_eq!(rows.list.len(), 4 + 14);
    assert_eq!(names(&all, &rows)[2..5], ["  ×query", "    query", "      rows"]);
    let apart = Folds { has_groups: false, ..Folds::default() };
    assert_eq!(Rows::of(&all, &apart).list.len(), 17);
}

#[test]
fn what_is_closed_is_hidden_and_what_is_sought_is_shown() {
    let all = shop();
    let mut folds = Folds { closed: [0].into(), ..Folds::default() };
    assert_eq!(names(&all, &Rows::of(&all, &folds)), ["root"]);
    folds.reveal(&all, 9);
    let rows = Rows::of(&all, &folds);
    assert!(rows.list.iter().any(|r| r.place == 9 && r.group.is_none()), "{:?}", names(&all, &rows));
    let short = Folds { least_share: 0.05, has_groups: false, ..Folds::default() };
    let rows = Rows::of(&all, &short);
    assert_eq!(names(&all, &rows), ["root", "  query", "  last"], "short ones go, the failed one stays");
    assert_eq!(rows.n_hidden, 1 + 12 + 1);
}

#[test]
fn every_place_has_a_row_whatever_is_folded() {
    let all = shop();
    let late = skeleton(&[
        (0, "a", "root", 0, 1_000, false),
        (1, "a", "send", 0, 2, false),
        (2, "b", "work", 500, 400, false),
    ]);
    for all in [&all, &late] {
        for (place, least_share, has_groups) in (0..all.len())
            .flat_map(|p| [0.0, 0.009, 0.05].map(|l| (p, l)))
            .flat_map(|(p, l)| [true, false].map(|g| (p, l, g)))
        {
            let closed = (0..all.len()).collect();
            let mut folds = Folds { closed, has_groups, least_share, ..Folds::default() };
            folds.reveal(all, place);
            let rows = Rows::of(all, &folds);
            let is_there = rows.list.iter().any(|r| r.place == place && r.group.is_none());
            assert!(is_there, "{place} with {least_share}, groups {has_groups}");
        }
    }
    let mut folds = Folds { least_share: 0.05, ..Folds::default() };
    folds.reveal(&all, 8);
    assert!(folds.least_share > 0.0, "what failed is shown anyway");
}

#[test]
fn a_part_is_shown_as_if_it_were_all() {
    let all = shop();
    let below = Folds { root: Some(8), ..Folds::default() };
    let part = Rows::of(&all, &below);
    assert_eq!((part.list[0].depth, below.n_within(&all)), (0, part.list.len()));
    assert_eq!(part.list.len(), 1 + all.span(8).n_descendants());

    // a calls b calls a five times: with b left out they are siblings that do the same.
    let mut lines = vec![(0, "a", "root", 0, 100, false), (1, "b", "call", 1, 90, false)];
    lines.extend((0..5).map(|i| (2, "a", "query", 10 + i, 1, i == 3)));
    lines.push((1, "a", "end", 95, 1, false));
    let all = skeleton(&lines);
    let mut only = Folds { service: all.service_number("a"), ..Folds::default() };
    let rows = Rows::of(&all, &only);
    assert_eq!(names(&all, &rows), ["root", "  ×query", "  end"]);
    assert_eq!((rows.n_folded, rows.groups[0].n_errors, rows.list[1].n_behind), (5, 1, 5));
    only.closed.insert(0);
    let closed = Rows::of(&all, &only);
    assert_eq!((names(&all, &closed), closed.n_folded), (vec!["root".to_owned()], 6), "b is not counted");
    only.reveal(&all, 4);
    assert!(only.service.is_some() && Rows::of(&all, &only).list.iter().any(|r| r.place == 4 && r.group.is_none()));
    only.reveal(&all, 1);
    assert_eq!(only.service, None, "what is sought is shown");
    let mut below = Folds { root: Some(1), service: all.service_number("a"), ..Folds::default() };
    assert_eq!(names(&all, &Rows::of(&all, &below)), (0..5).map(|_| "query".to_owned()).collect::<Vec<_>>());
    below.reveal(&all, 7);
    assert_eq!((below.root, below.service.is_some()), (None, true));
}

#[test]
fn spans_are_found_by_name_service_and_error() {
    let all = shop();
    assert_eq!(find(&all, "LAST"), [16]);
    assert_eq!(find(&all, "error:true"), [8]);
    assert_eq!(find(&all, "query").len(), 7);
    assert_eq!(find(&all, "  "), [] as [usize; 0]);
}

#[test]
fn an_error_is_never_lost_in_the_minimap() {
    let mut lines = vec![(0, "a", "root", 0, 1_000_000, false)];
    lines.extend((1..5_000).map(|i| (1, "b", "work", i, 900_000, i == 2_500)));
    let all = skeleton(&lines);
    let folds = Folds { has_groups: false, ..Folds::default() };
    let map = minimap(&all, &Rows::of(&all, &folds), 988.0);
    assert!(map.items.iter().any(|i| matches!(i, Item::Fill(_, _, Ink::Error))));
    assert!(map.items.len() < 5_000, "rows are merged: {}", map.items.len());
}

#[test]
fn bars_lie_where_their_times_are() {
    let all = shop();
    let rows = Rows::of(&all, &Folds::default());
    let fall = Waterfall {
        all: &all,
        rows: &rows,
        width: 988.0,
        window: (0.0, 1_000.0),
        has_critical: true,
        is_adjusted: false,
        readout: None,
    };
    let scale = fall.scale();
    let last = rows.list.last().expect("rows");
    let bar = fall.bar(last, &scale);
    let found = bar.items.iter().find_map(|i| match i {
        Item::Fill(area, _, Ink::Service(_)) => Some(*area),
        _ => None,
    });
    let area = found.expect("a bar");
    assert!((area.x - scale.at(900.0)).abs() < 0.01 && (area.w - scale.w / 10.0).abs() < 0.01, "{area:?}");
    let strip = critical_strip(&all, 988.0);
    let texts: Vec<&str> = strip
        .items
        .iter()
        .filter_map(|i| if let Item::Text { text, .. } = i { Some(text.as_str()) } else { None })
        .collect();
    assert!(texts.contains(&"60 ns 60.0 %") && texts.contains(&"40 ns 40.0 %"), "{texts:?}");
}

#[test]
fn a_flame_counts_each_nanosecond_once() {
    let all = shop();
    let flame = Flame::of(&all);
    let self_times: i64 = all.spans().map(crate::Span::self_time).sum();
    assert_eq!(flame.whole, self_times);
    assert_eq!(flame.boxes.iter().map(|b| b.n).sum::<usize>(), all.len());
    // Root, first, query, rows, last: what does the same under the same parent is one box.
    assert_eq!(flame.boxes.len(), 5);
    let query = flame.boxes.iter().find(|b| all.span(b.place).name() == "query").expect("a box");
    assert_eq!((query.n, query.n_errors, query.depth), (7, 1, 1));
    assert_eq!(all.span(query.place).duration(), 11, "the longest of them");
    for (i, one) in flame.boxes.iter().enumerate() {
        let below: i64 = flame.boxes.iter().filter(|b| b.parent == Some(i)).map(|b| b.ends.1 - b.ends.0).sum();
        assert_eq!(one.ends.1 - one.ends.0, one.self_time + below);
        if let Some(parent) = one.parent {
            let outer = flame.boxes[parent].ends;
            assert!(outer.0 <= one.ends.0 && one.ends.1 <= outer.1);
        }
    }
    let table = operations(&all);
    assert_eq!(table.iter().map(|o| o.self_time).sum::<i64>(), self_times);
    let query = table.iter().find(|o| all.span(o.place).name() == "query").expect("a row");
    assert_eq!((query.n, query.total, query.p50, query.max), (7, 56, 8, 11));
}
