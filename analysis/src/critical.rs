//! The critical path: which spans the end of a trace waited for.
//!
//! Walked backwards from the end of the root, as Jaeger does: the child that ended last before the moment is what the
//! parent waited for; between children the parent itself is on the path.

use crate::Tree;

/// The pieces of time that make up a trace's duration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CriticalPath {
    /// Place of the span in [`Tree::nodes`], start and end; the latest first.
    pub pieces: Vec<(u32, i64, i64)>,
}

impl CriticalPath {
    /// Whether each span is on the path.
    pub fn marks(&self, n_spans: usize) -> Vec<bool> {
        let mut marks = vec![false; n_spans];
        for (place, ..) in &self.pieces {
            marks[*place as usize] = true;
        }
        marks
    }
}

/// The critical path of the first root.
pub fn critical_path(tree: &Tree) -> CriticalPath {
    let mut path = CriticalPath::default();
    let Some(root) = tree.nodes.first() else { return path };
    // A span, the moment down to which it is explained, and its children that are left, the last to end on top.
    let mut stack = vec![(0usize, root.end(), by_end(tree, 0))];
    while let Some((place, until, mut children)) = stack.pop() {
        let node = &tree.nodes[place];
        let next = loop {
            match children.pop() {
                Some(child) if tree.nodes[child].start >= until || tree.nodes[child].end() <= node.start => {}
                Some(child) => break Some(child),
                None => break None,
            }
        };
        match next {
            Some(child) => {
                let end = tree.nodes[child].end().min(until);
                if until > end {
                    path.pieces.push((place as u32, end, until));
                }
                let start = tree.nodes[child].start.max(node.start);
                stack.push((place, start, children));
                stack.push((child, end, by_end(tree, child)));
            }
            None if until > node.start => path.pieces.push((place as u32, node.start, until)),
            None => {}
        }
    }
    path
}

fn by_end(tree: &Tree, place: usize) -> Vec<usize> {
    let mut children: Vec<usize> = tree.children(place).collect();
    children.sort_by_key(|c| (tree.nodes[*c].end(), tree.nodes[*c].start));
    children
}
