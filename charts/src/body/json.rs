//! JSON as a tree of lines, as it was written: keys in their order, numbers to the last digit.

use super::{Line, Tone, cut, piece, weak};
use std::collections::BTreeSet;

/// JSON with more in it than this is text: nobody unfolds it by hand.
const MAX_ITEMS: usize = 20_000;
/// JSON deeper than this is text.
const MAX_DEPTH: usize = 64;
/// The lines of a body that is JSON.
pub(super) fn lines(body: &str, toggled: &BTreeSet<usize>) -> Option<Vec<Line>> {
    let node = parsed(body)?;
    let mut tree = Tree { toggled, n_folds: 0, lines: Vec::new() };
    tree.value(None, &node, 0, "");
    Some(tree.lines)
}

/// A value as it is written: keys in their order, numbers to the last digit.
enum Node<'a> {
    Leaf(&'a str),
    List(Vec<Node<'a>>),
    Map(Vec<(&'a str, Node<'a>)>),
}

fn parsed(body: &str) -> Option<Node<'_>> {
    let trimmed = body.trim();
    let is_likely = (trimmed.starts_with('{') && trimmed.ends_with('}'))
        || (trimmed.starts_with('[') && trimmed.ends_with(']') && trimmed.contains(['{', ',']));
    // What is made of it is walked down and up: it must be neither deep nor endless, before anything is made.
    if !is_likely || !is_small(trimmed) {
        return None;
    }
    serde_json::from_str::<serde::de::IgnoredAny>(trimmed).ok()?;
    Some(Reader { text: trimmed, at: 0 }.node())
}

/// Whether JSON is no deeper and has no more items than what is shown as a tree.
fn is_small(text: &str) -> bool {
    let (mut depth, mut n_items) = (0usize, 0usize);
    let (mut is_text, mut is_escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_text => is_escaped = true,
            b'"' => is_text = !is_text,
            _ if is_text => {}
            b'{' | b'[' => {
                depth += 1;
                n_items += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' => n_items += 1,
            _ => {}
        }
        if depth > MAX_DEPTH || n_items > MAX_ITEMS {
            return false;
        }
    }
    true
}

/// Reads JSON that is known to be sound.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte that is no space; nothing at the end.
    fn next(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        bytes.get(self.at).copied().unwrap_or(0)
    }

    fn leaf(&mut self) -> &'a str {
        let start = self.at;
        let bytes = self.text.as_bytes();
        if self.next() == b'"' {
            self.at += 1;
            while let Some(b) = bytes.get(self.at).filter(|b| **b != b'"') {
                self.at += if *b == b'\\' { 2 } else { 1 };
            }
            self.at += 1;
        } else {
            while bytes
                .get(self.at)
                .is_some_and(|b| !matches!(b, b',' | b']' | b'}' | b':') && !b.is_ascii_whitespace())
            {
                self.at += 1;
            }
        }
        &self.text[start..self.at.min(self.text.len())]
    }

    /// What stands between a bracket and its counterpart.
    fn items<T>(&mut self, close: u8, mut read: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let mut items = Vec::new();
        self.at += 1;
        while !matches!(self.next(), 0) {
            match self.next() {
                b if b == close => {
                    self.at += 1;
                    break;
                }
                b',' => self.at += 1,
                _ => items.push(read(self)),
            }
        }
        items
    }

    fn node(&mut self) -> Node<'a> {
        match self.next() {
            b'[' => Node::List(self.items(b']', Self::node)),
            b'{' => Node::Map(self.items(b'}', |r| {
                let key = r.leaf();
                if r.next() == b':' {
                    r.at += 1;
                }
                (key, r.node())
            })),
            _ => Node::Leaf(self.leaf()),
        }
    }
}

impl Node<'_> {
    fn children(&self) -> Box<dyn Iterator<Item = &Self> + '_> {
        match self {
            Node::Leaf(_) => Box::new(std::iter::empty()),
            Node::List(items) => Box::new(items.iter()),
            Node::Map(items) => Box::new(items.iter().map(|(_, item)| item)),
        }
    }

    /// How many things in it can be folded, with itself.
    fn n_folds(&self) -> usize {
        let inside: usize = self.children().map(Node::n_folds).sum();
        inside + usize::from(self.children().next().is_some())
    }
}

struct Tree<'a> {
    toggled: &'a BTreeSet<usize>,
    n_folds: usize,
    lines: Vec<Line>,
}

impl Tree<'_> {
    fn value(&mut self, key: Option<&str>, node: &Node<'_>, depth: usize, after: &str) {
        let mut pieces = Vec::new();
        if let Some(key) = key {
            pieces.extend([piece(cut(key), Tone::Key), piece(": ", Tone::Weak)]);
        }
        let (open, close, n) = match node {
            Node::List(items) => ('[', ']', items.len()),
            Node::Map(items) => ('{', '}', items.len()),
            Node::Leaf(text) => {
                let tone = if text.starts_with('"') { Tone::Text } else { Tone::Number };
                pieces.extend([piece(cut(text), tone), piece(after, Tone::Weak)]);
                return self.lines.push(Line { depth, pieces, fold: None });
            }
        };
        if n == 0 {
            pieces.push(piece(format!("{open}{close}{after}"), Tone::Weak));
            return self.lines.push(Line { depth, pieces, fold: None });
        }
        let number = self.n_folds;
        self.n_folds += 1;
        pieces.push(piece(open, Tone::Weak));
        if self.toggled.contains(&number) {
            // What is inside keeps its numbers.
            self.n_folds += node.n_folds() - 1;
            pieces.push(piece(format!(" {n} … {close}{after}"), Tone::Weak));
            return self.lines.push(Line { depth, pieces, fold: Some((number, true)) });
        }
        self.lines.push(Line { depth, pieces, fold: Some((number, false)) });
        let comma = |i: usize| if i + 1 < n { "," } else { "" };
        match node {
            Node::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    self.value(None, item, depth + 1, comma(i));
                }
            }
            Node::Map(items) => {
                for (i, (key, item)) in items.iter().enumerate() {
                    self.value(Some(key), item, depth + 1, comma(i));
                }
            }
            Node::Leaf(_) => {}
        }
        self.lines.push(weak(depth, format!("{close}{after}")));
    }
}
