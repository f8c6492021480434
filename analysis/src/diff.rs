//! Two traces as one tree: spans are matched by service, operation and order among their siblings, siblings that do the
//! same one after another count together.

use crate::{Node, Spans, Tree, critical_path};
use std::collections::HashMap;

/// More runs of siblings than this are matched by what they do alone, whatever their order.
const MAX_ALIGNED: usize = 1_000;
/// So many pairs of siblings are looked at to find the order that most of them share: 16 MB.
const MAX_CELLS: usize = 4_000_000;

/// What one of the traces has in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Side {
    /// Place of the first span in its [`Tree::nodes`].
    pub place: u32,
    /// How many spans count together.
    pub n: u32,
    /// The time of all of them.
    pub duration: i64,
    /// The same without the time of their children.
    pub self_time: i64,
    /// When the first begins, from the start of its trace.
    pub start: i64,
    /// How many failed.
    pub n_errors: u32,
}

/// A row of the merged tree; at least one side is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DiffRow {
    /// How many ancestors it has.
    pub depth: u32,
    /// Of the first trace.
    pub a: Option<Side>,
    /// Of the second.
    pub b: Option<Side>,
}

/// A trace to be compared.
pub struct Compared<'a> {
    tree: &'a Tree,
    /// Number of what each node does.
    what: Vec<u32>,
    services: Vec<&'a str>,
    names: Vec<&'a str>,
    origin: i64,
}

/// Spans of one parent that do the same, one after another.
type Run = Vec<u32>;

impl<'a> Compared<'a> {
    /// A trace and its tree.
    pub fn new(tree: &'a Tree, spans: Spans<'a>) -> Self {
        let (services, names) = (spans.texts("ServiceName"), spans.texts("SpanName"));
        Self { tree, what: Vec::new(), services, names, origin: tree.extent().0 }
    }

    fn node(&self, place: u32) -> &Node {
        &self.tree.nodes[place as usize]
    }

    /// Service and operation of a node.
    pub fn name(&self, place: u32) -> (&'a str, &'a str) {
        let span = self.node(place).span as usize;
        (self.services[span], self.names[span])
    }

    fn side(&self, run: &[u32]) -> Option<Side> {
        let first = *run.first()?;
        let sum = |f: fn(&Node) -> i64| run.iter().map(|p| f(self.node(*p))).fold(0i64, i64::saturating_add);
        Some(Side {
            place: first,
            n: run.len() as u32,
            duration: sum(|n| n.duration),
            self_time: sum(|n| n.self_time),
            start: self.node(first).start - self.origin,
            n_errors: run.iter().filter(|p| self.node(**p).flags.is_error).count() as u32,
        })
    }

    /// The children of a run, in their order, those that do the same one after another together.
    fn runs_below(&self, run: &[u32]) -> Vec<Run> {
        let mut children: Vec<u32> =
            run.iter().flat_map(|p| self.tree.children(*p as usize)).map(|p| p as u32).collect();
        if run.len() > 1 {
            children.sort_by_key(|p| (self.node(*p).start, *p));
        }
        self.runs(children)
    }

    fn runs(&self, places: Vec<u32>) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for place in places {
            match runs.last_mut().filter(|run| self.what[run[0] as usize] == self.what[place as usize]) {
                Some(run) => run.push(place),
                None => runs.push(vec![place]),
            }
        }
        if runs.len() <= MAX_ALIGNED {
            return runs;
        }
        let mut at: HashMap<u32, usize> = HashMap::new();
        let mut merged: Vec<Run> = Vec::new();
        for run in runs {
            let place = *at.entry(self.what[run[0] as usize]).or_insert(merged.len());
            if place == merged.len() {
                merged.push(run);
            } else {
                merged[place].extend(run);
            }
        }
        merged
    }
}

/// The merged tree, depth first.
pub fn diff(a: &mut Compared<'_>, b: &mut Compared<'_>) -> Vec<DiffRow> {
    let mut numbers = HashMap::new();
    a.what = numbered(a, &mut numbers);
    b.what = numbered(b, &mut numbers);
    let (a, b) = (&*a, &*b);
    let roots = |t: &Compared<'_>| {
        let all = t.tree.nodes.iter().enumerate().filter(|(_, n)| n.parent.is_none());
        t.runs(all.map(|(place, _)| place as u32).collect())
    };
    let mut rows = Vec::new();
    // What is still to be written, the next on top.
    let mut stack: Vec<(Run, Run, u32)> = matched(a, roots(a), b, roots(b), 0);
    stack.reverse();
    while let Some((of_a, of_b, depth)) = stack.pop() {
        rows.push(DiffRow { depth, a: a.side(&of_a), b: b.side(&of_b) });
        let below = matched(a, a.runs_below(&of_a), b, b.runs_below(&of_b), depth + 1);
        stack.extend(below.into_iter().rev());
    }
    rows
}

/// Numbers of what the nodes do, the same for the same in both.
fn numbered(t: &Compared<'_>, numbers: &mut HashMap<(String, String), u32>) -> Vec<u32> {
    let what = (0..t.tree.nodes.len() as u32).map(|place| {
        let (service, name) = t.name(place);
        let next = numbers.len() as u32;
        *numbers.entry((service.to_owned(), name.to_owned())).or_insert(next)
    });
    what.collect()
}

/// Runs of both side by side: in the order of both where they agree, then whatever does the same elsewhere among the
/// siblings; the rest is alone.
fn matched(a: &Compared<'_>, of_a: Vec<Run>, b: &Compared<'_>, of_b: Vec<Run>, depth: u32) -> Vec<(Run, Run, u32)> {
    let keys = |t: &Compared<'_>, runs: &[Run]| runs.iter().map(|r| t.what[r[0] as usize]).collect::<Vec<_>>();
    let (ka, kb) = (keys(a, &of_a), keys(b, &of_b));
    let mut partner: Vec<Option<usize>> = aligned(&ka, &kb);
    let mut is_taken = vec![false; kb.len()];
    partner.iter().flatten().for_each(|j| is_taken[*j] = true);
    let mut free: HashMap<u32, Vec<usize>> = HashMap::new();
    for j in (0..kb.len()).rev().filter(|j| !is_taken[*j]) {
        free.entry(kb[j]).or_default().push(j);
    }
    for i in 0..ka.len() {
        if partner[i].is_none() {
            partner[i] = free.get_mut(&ka[i]).and_then(Vec::pop);
        }
    }
    partner.iter().flatten().for_each(|j| is_taken[*j] = true);
    let mut of_b: Vec<Option<Run>> = of_b.into_iter().map(Some).collect();
    let mut rows = Vec::new();
    let mut next = 0;
    for (run, partner) in of_a.into_iter().zip(partner) {
        if let Some(j) = partner {
            // Whatever the second has alone before this.
            while next < j {
                if !is_taken[next] {
                    rows.extend(of_b[next].take().map(|b| (Vec::new(), b, depth)));
                }
                next += 1;
            }
            next = next.max(j + 1);
            rows.push((run, of_b[j].take().unwrap_or_default(), depth));
        } else {
            rows.push((run, Vec::new(), depth));
        }
    }
    rows.extend(of_b.into_iter().flatten().map(|b| (Vec::new(), b, depth)));
    rows
}

/// For each of `a` its partner in `b` in a longest common subsequence, the earliest where there is a choice.
/// Of more than can be held side by side none has one: they are paired by what they do alone.
fn aligned(a: &[u32], b: &[u32]) -> Vec<Option<usize>> {
    if a.len().saturating_mul(b.len()) > MAX_CELLS {
        return vec![None; a.len()];
    }
    let width = b.len() + 1;
    // How much of both tails is common.
    let mut common = vec![0u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i * width + j] = if a[i] == b[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let mut partner = vec![None; a.len()];
    let (mut i, mut j) = (0, 0);
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            partner[i] = Some(j);
            i += 1;
            j += 1;
        } else if common[(i + 1) * width + j] > common[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    partner
}

/// Time on the critical paths by service and operation: names, nanoseconds of the first, of the second; the largest
/// difference first. Differences add up to that of the two roots.
pub fn critical_difference<'a>(a: &Compared<'a>, b: &Compared<'a>) -> Vec<((&'a str, &'a str), i64, i64)> {
    let mut all: HashMap<(&str, &str), (i64, i64)> = HashMap::new();
    for (place, from, to) in critical_path(a.tree).pieces {
        all.entry(a.name(place)).or_default().0 += to - from;
    }
    for (place, from, to) in critical_path(b.tree).pieces {
        all.entry(b.name(place)).or_default().1 += to - from;
    }
    let mut all: Vec<_> = all.into_iter().map(|(what, (a, b))| (what, a, b)).collect();
    all.sort_unstable_by_key(|(what, a, b)| (std::cmp::Reverse((a - b).abs()), *what));
    all
}

#[cfg(test)]
mod tests;
