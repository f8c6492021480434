//! Where the time of a trace went: spans that do the same under the same parents, as one box.
//!
//! A box is as wide as the time of its spans and all below them, each without the time of its children, so that boxes side
//! by side never overlap and nothing is counted twice.

use crate::Skeleton;
use std::collections::HashMap;

/// Spans that do the same under parents that do the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlameBox {
    /// The longest of its spans.
    pub place: usize,
    /// How many ancestors.
    pub depth: usize,
    /// From where to where, in nanoseconds of all self times.
    pub ends: (i64, i64),
    /// Nanoseconds of its spans without their children.
    pub self_time: i64,
    /// How many spans.
    pub n: usize,
    /// How many of them failed.
    pub n_errors: usize,
    /// The box above.
    pub parent: Option<usize>,
}

/// All boxes, those of a parent from left to right, the widest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Flame {
    /// Parents before their children.
    pub boxes: Vec<FlameBox>,
    /// The box of each span.
    pub of_span: Vec<u32>,
    /// Nanoseconds of all self times.
    pub whole: i64,
    /// How many levels.
    pub depth: usize,
}

/// More than this lies in one box: nobody sees it.
const MAX_BOXES: usize = 200_000;

impl Flame {
    /// Of all spans.
    pub fn of(all: &Skeleton) -> Self {
        let mut boxes: Vec<FlameBox> = Vec::new();
        let mut known: HashMap<(Option<usize>, usize, usize), usize> = HashMap::new();
        let mut of_span = vec![0u32; all.len()];
        // The boxes of the ancestors of the span that is looked at.
        let mut path: Vec<usize> = Vec::new();
        for span in all.spans() {
            path.truncate(span.depth());
            let parent = path.last().copied();
            let (service, name) = span.what();
            let next = boxes.len();
            let is_full = next >= MAX_BOXES;
            let at = match known.get(&(parent, service, name)) {
                Some(at) => *at,
                None if is_full => parent.unwrap_or(0),
                None => {
                    known.insert((parent, service, name), next);
                    boxes.push(FlameBox {
                        place: span.place(),
                        depth: path.len(),
                        ends: (0, 0),
                        self_time: 0,
                        n: 0,
                        n_errors: 0,
                        parent,
                    });
                    next
                }
            };
            let one = &mut boxes[at];
            one.self_time += span.self_time().max(0);
            one.n += 1;
            one.n_errors += usize::from(span.is_error());
            if span.duration() > all.span(one.place).duration() {
                one.place = span.place();
            }
            of_span[span.place()] = at as u32;
            path.push(at);
        }
        let mut flame = Self { boxes, of_span, whole: 0, depth: 0 };
        flame.lay_out();
        flame
    }

    fn lay_out(&mut self) {
        let n = self.boxes.len();
        let mut whole: Vec<i64> = self.boxes.iter().map(|b| b.self_time).collect();
        let mut children: Vec<Vec<usize>> = vec![Vec::new(); n];
        let mut roots = Vec::new();
        for i in (0..n).rev() {
            match self.boxes[i].parent {
                Some(parent) => {
                    whole[parent] += whole[i];
                    children[parent].push(i);
                }
                None => roots.push(i),
            }
        }
        self.whole = roots.iter().map(|i| whole[*i]).sum();
        self.depth = self.boxes.iter().map(|b| b.depth + 1).max().unwrap_or(0);
        let by_width = |list: &mut Vec<usize>| list.sort_by_key(|i| (std::cmp::Reverse(whole[*i]), *i));
        by_width(&mut roots);
        let mut at = 0;
        let mut stack = Vec::new();
        for root in roots {
            self.boxes[root].ends = (at, at + whole[root]);
            at += whole[root];
            stack.push(root);
        }
        while let Some(i) = stack.pop() {
            by_width(&mut children[i]);
            let mut at = self.boxes[i].ends.0;
            for child in std::mem::take(&mut children[i]) {
                self.boxes[child].ends = (at, at + whole[child]);
                at += whole[child];
                stack.push(child);
            }
        }
    }
}

/// Spans of one service and operation, whatever their parents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// The longest of its spans.
    pub place: usize,
    /// How many.
    pub n: usize,
    /// How many failed.
    pub n_errors: usize,
    /// Nanoseconds of all of them.
    pub total: i64,
    /// The same without their children.
    pub self_time: i64,
    /// On the critical path.
    pub critical: i64,
    /// The middle duration.
    pub p50: i64,
    /// The one that 95 % do not exceed.
    pub p95: i64,
    /// The longest duration.
    pub max: i64,
}

/// All operations, those with the most self time first.
pub fn operations(all: &Skeleton) -> Vec<Operation> {
    let mut found: HashMap<(usize, usize), (Operation, Vec<i64>)> = HashMap::new();
    for span in all.spans() {
        let (one, durations) = found.entry(span.what()).or_insert_with(|| {
            let none = Operation {
                place: span.place(),
                n: 0,
                n_errors: 0,
                total: 0,
                self_time: 0,
                critical: 0,
                p50: 0,
                p95: 0,
                max: 0,
            };
            (none, Vec::new())
        });
        one.n += 1;
        one.n_errors += usize::from(span.is_error());
        one.total = one.total.saturating_add(span.duration());
        one.self_time += span.self_time().max(0);
        one.critical += span.critical_time();
        if span.duration() > one.max {
            one.max = span.duration();
            one.place = span.place();
        }
        durations.push(span.duration());
    }
    let finished = |(mut one, mut durations): (Operation, Vec<i64>)| {
        durations.sort_unstable();
        let rank =
            |share: f64| durations[((durations.len() as f64 * share).ceil() as usize).clamp(1, durations.len()) - 1];
        one.p50 = rank(0.5);
        one.p95 = rank(0.95);
        one
    };
    let mut list: Vec<Operation> = found.into_values().map(finished).collect();
    list.sort_by_key(|one| (std::cmp::Reverse(one.self_time), one.place));
    list
}
