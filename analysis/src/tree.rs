//! The tree of a trace, whatever its spans say about their parents.

use crate::Spans;
use std::collections::HashMap;

/// What is odd or notable about a span.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// Its status is Error.
    pub is_error: bool,
    /// It names a parent that is not here.
    pub is_orphan: bool,
    /// Its ancestors form a circle, which was cut here.
    pub is_cut_cycle: bool,
    /// Another span has the same id; children hang on the first.
    pub is_duplicate: bool,
}

/// A span in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Its number among the [`Spans`].
    pub span: u32,
    /// The place of its parent in [`Tree::nodes`]; `None` for a root.
    pub parent: Option<u32>,
    /// How many ancestors it has.
    pub depth: u32,
    /// How many descendants it has; they follow it directly.
    pub n_descendants: u32,
    /// Start, nanoseconds since 1970.
    pub start: i64,
    /// Nanoseconds, never negative.
    pub duration: i64,
    /// Nanoseconds of it in which no child ran.
    pub self_time: i64,
    /// What is odd about it.
    pub flags: Flags,
}

impl Node {
    /// Where it ends, nanoseconds since 1970.
    pub fn end(&self) -> i64 {
        self.start.saturating_add(self.duration)
    }
}

/// All spans of a trace, depth first, siblings by start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// The spans in their order.
    pub nodes: Vec<Node>,
}

impl Tree {
    /// Builds the tree. Every span appears once: one without a known parent becomes a root, and so does one span of
    /// each circle.
    pub fn build(spans: Spans<'_>) -> Self {
        let links = Links::find(spans);
        let (starts, durations) = (spans.starts(), spans.durations());
        let status = spans.texts("StatusCode");
        let mut tree = Self { nodes: Vec::with_capacity(starts.len()) };
        let by_start = |list: &mut Vec<u32>| list.sort_by_key(|s| (starts[*s as usize], *s));
        let mut children = links.children;
        children.iter_mut().for_each(by_start);
        let mut roots = links.roots;
        by_start(&mut roots);
        // Depth first with a stack of our own: a chain of a million spans is no deeper recursion.
        let mut stack: Vec<(u32, Option<u32>, u32)> = roots.iter().rev().map(|s| (*s, None, 0)).collect();
        while let Some((span, parent, depth)) = stack.pop() {
            let s = span as usize;
            let place = tree.nodes.len() as u32;
            let mut flags = links.flags[s];
            flags.is_error = status[s] == "Error";
            tree.nodes.push(Node {
                span,
                parent,
                depth,
                n_descendants: 0,
                start: starts[s],
                duration: durations[s],
                self_time: self_time(starts[s], durations[s], &children[s], &starts, &durations),
                flags,
            });
            stack.extend(children[s].iter().rev().map(|c| (*c, Some(place), depth + 1)));
        }
        for place in (0..tree.nodes.len()).rev() {
            if let Some(parent) = tree.nodes[place].parent {
                tree.nodes[parent as usize].n_descendants += tree.nodes[place].n_descendants + 1;
            }
        }
        tree
    }

    /// Earliest start and latest end, nanoseconds since 1970.
    pub fn extent(&self) -> (i64, i64) {
        let start = self.nodes.iter().map(|n| n.start).min().unwrap_or(0);
        let end = self.nodes.iter().map(Node::end).max().unwrap_or(0);
        (start, end)
    }

    /// The places of a node's children.
    pub fn children(&self, place: usize) -> impl Iterator<Item = usize> + '_ {
        let end = place + 1 + self.nodes[place].n_descendants as usize;
        let mut next = place + 1;
        std::iter::from_fn(move || {
            let child = (next < end).then_some(next)?;
            next += 1 + self.nodes[child].n_descendants as usize;
            Some(child)
        })
    }
}

struct Links {
    children: Vec<Vec<u32>>,
    roots: Vec<u32>,
    flags: Vec<Flags>,
}

impl Links {
    fn find(spans: Spans<'_>) -> Self {
        let (ids, parents) = (spans.texts("SpanId"), spans.texts("ParentSpanId"));
        let n = ids.len();
        let mut flags = vec![Flags::default(); n];
        let mut by_id: HashMap<&str, u32> = HashMap::with_capacity(n);
        for (i, id) in ids.iter().enumerate() {
            flags[i].is_duplicate = by_id.contains_key(id);
            by_id.entry(id).or_insert(i as u32);
        }
        let parent_of: Vec<Option<u32>> = (0..n)
            .map(|i| {
                let parent = parents[i];
                if parent.is_empty() {
                    return None;
                }
                let found = by_id.get(parent).copied();
                flags[i].is_orphan = found.is_none();
                found
            })
            .collect();
        let mut links = Self { children: vec![Vec::new(); n], roots: Vec::new(), flags };
        let cut = cycle_heads(&parent_of);
        for (i, parent) in parent_of.iter().enumerate() {
            match parent {
                Some(parent) if !cut[i] => links.children[*parent as usize].push(i as u32),
                _ => {
                    links.flags[i].is_cut_cycle = cut[i];
                    links.roots.push(i as u32);
                }
            }
        }
        links
    }
}

/// One span of each circle of parents.
fn cycle_heads(parent_of: &[Option<u32>]) -> Vec<bool> {
    let mut cut = vec![false; parent_of.len()];
    // 0: not seen; else the number of the walk that saw it first.
    let mut seen = vec![0u32; parent_of.len()];
    for start in 0..parent_of.len() {
        let walk = start as u32 + 1;
        let mut at = start;
        while seen[at] == 0 {
            seen[at] = walk;
            match parent_of[at] {
                Some(parent) => at = parent as usize,
                None => break,
            }
        }
        if seen[at] == walk && parent_of[at].is_some() && !cut[at] && is_on_circle(parent_of, at) {
            cut[at] = true;
        }
    }
    cut
}

fn is_on_circle(parent_of: &[Option<u32>], start: usize) -> bool {
    let mut at = start;
    for _ in 0..=parent_of.len() {
        match parent_of[at] {
            Some(parent) if parent as usize == start => return true,
            Some(parent) => at = parent as usize,
            None => return false,
        }
    }
    false
}

/// Duration minus the time in which at least one child ran. `children` are ordered by start.
fn self_time(start: i64, duration: i64, children: &[u32], starts: &[i64], durations: &[i64]) -> i64 {
    let end = start.saturating_add(duration);
    let mut covered = 0;
    let mut reached = start;
    for child in children {
        let from = starts[*child as usize].clamp(reached, end.max(reached));
        let to = starts[*child as usize].saturating_add(durations[*child as usize]).min(end);
        if to > from {
            covered += to - from;
            reached = to;
        }
    }
    duration - covered
}

#[cfg(test)]
mod tests;
