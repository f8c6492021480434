//! Which rows a trace has: what is folded is hidden, and many siblings that do the same are one row.

use crate::{Skeleton, Span};
use std::collections::{HashMap, HashSet};

/// From so many siblings of one service and operation on, they are one row.
const MIN_GROUP: usize = 5;

/// Siblings that do the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Places, by start.
    pub members: Vec<usize>,
    /// Spans in it, with all descendants.
    pub n_spans: usize,
    /// Start of the first and end of the last, from the start of the trace.
    pub ends: (i64, i64),
    /// The middle duration, and the one that 99 % do not exceed.
    pub p50: i64,
    /// See `p50`.
    pub p99: i64,
    /// How many members or descendants failed.
    pub n_errors: usize,
}

impl Group {
    fn of(all: &Skeleton, folds: &Folds, members: Vec<usize>) -> Self {
        let mut durations: Vec<i64> = members.iter().map(|m| all.span(*m).duration()).collect();
        durations.sort_unstable();
        let rank =
            |share: f64| durations[((durations.len() as f64 * share).ceil() as usize).clamp(1, durations.len()) - 1];
        let whole = |m: &usize| *m..*m + 1 + all.span(*m).n_descendants();
        Self {
            n_spans: members.iter().map(|m| 1 + folds.n_below(all, *m)).sum(),
            ends: (
                members.iter().map(|m| all.span(*m).start()).min().unwrap_or(0),
                members.iter().map(|m| all.span(*m).end()).max().unwrap_or(0),
            ),
            p50: rank(0.5),
            p99: rank(0.99),
            n_errors: members.iter().flat_map(whole).filter(|i| all.span(*i).is_error() && folds.has(all, *i)).count(),
            members,
        }
    }
}

/// What is folded.
#[derive(Debug, Clone, PartialEq)]
pub struct Folds {
    /// Places whose descendants are hidden.
    pub closed: HashSet<usize>,
    /// First members of groups whose members are shown.
    pub open_groups: HashSet<usize>,
    /// Whether siblings are grouped.
    pub has_groups: bool,
    /// Spans shorter than this share of the trace are hidden with their descendants, unless one failed.
    pub least_share: f64,
    /// Only this span and its descendants are shown, as if it were the root.
    pub root: Option<usize>,
    /// Only spans of the service with this number are shown; each stands below the nearest one above it.
    pub service: Option<usize>,
}

impl Default for Folds {
    fn default() -> Self {
        Self {
            closed: HashSet::new(),
            open_groups: HashSet::new(),
            has_groups: true,
            least_share: 0.0,
            root: None,
            service: None,
        }
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The span, or the first member of the group.
    pub place: usize,
    /// The group, if it is one.
    pub group: Option<usize>,
    /// How far it is indented.
    pub depth: usize,
    /// Whether something is hidden behind it.
    pub is_closed: bool,
    /// Whether something can be hidden behind it.
    pub can_fold: bool,
    /// How many spans are hidden behind it.
    pub n_behind: usize,
    /// Whether it is the last one of its parent.
    pub is_last: bool,
    /// Depths at which the line of an ancestor goes on below this row.
    pub guides: u64,
}

/// All rows of a trace.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rows {
    /// From top to bottom.
    pub list: Vec<Row>,
    /// Groups, by number.
    pub groups: Vec<Group>,
    /// Spans behind closed rows.
    pub n_folded: usize,
    /// Spans that are too short to be shown.
    pub n_hidden: usize,
}

/// What is still to be shown, the next on top.
struct Next {
    place: usize,
    group: Option<usize>,
    depth: usize,
    is_last: bool,
    guides: u64,
}

/// Which spans have many children that do the same, whatever is folded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alike {
    /// By place.
    pub has: Vec<bool>,
    /// The first of each group.
    pub firsts: Vec<usize>,
}

impl Alike {
    /// Of a whole trace.
    pub(crate) fn of(all: &Skeleton) -> Self {
        let mut found = Self { has: vec![false; all.len()], firsts: Vec::new() };
        let mut kinds: Vec<((usize, usize), usize)> = Vec::new();
        for parent in all.spans().filter(|s| s.n_descendants() >= MIN_GROUP) {
            kinds.clear();
            kinds.extend(parent.children().map(|c| (all.span(c).what(), c)));
            kinds.sort_unstable();
            for run in kinds.chunk_by(|a, b| a.0 == b.0).filter(|run| run.len() >= MIN_GROUP) {
                found.has[parent.place()] = true;
                found.firsts.push(run[0].1);
            }
        }
        found
    }
}

/// Those of `places` that `folds` has, each without what is below it: the nearest ones.
fn nearest(all: &Skeleton, folds: &Folds, places: std::ops::Range<usize>) -> impl Iterator<Item = usize> {
    let mut next = places.start;
    std::iter::from_fn(move || {
        while next < places.end && !folds.has(all, next) {
            next += 1;
        }
        let at = (next < places.end).then_some(next)?;
        next += 1 + all.span(at).n_descendants();
        Some(at)
    })
}

impl Rows {
    /// The rows under `folds`.
    pub fn of(all: &Skeleton, folds: &Folds) -> Self {
        let mut rows = Self::default();
        if folds.closed.is_empty() {
            rows.list.reserve(all.len());
        }
        let mut stack = Vec::new();
        rows.push_children(all, folds, None, nearest(all, folds, folds.whole(all)), (0, 0), &mut stack);
        while let Some(next) = stack.pop() {
            rows.visit(all, folds, &next, &mut stack);
        }
        rows
    }

    fn visit(&mut self, all: &Skeleton, folds: &Folds, next: &Next, stack: &mut Vec<Next>) {
        let is_closed = match next.group {
            Some(_) => !folds.open_groups.contains(&next.place),
            None => !folds.closed.is_empty() && folds.closed.contains(&next.place),
        };
        let can_fold = next.group.is_some() || folds.children(all, next.place).next().is_some();
        let n_behind = match next.group {
            _ if !is_closed => 0,
            Some(group) => self.groups[group].n_spans,
            None => folds.n_below(all, next.place),
        };
        self.n_folded += n_behind;
        self.list.push(Row {
            place: next.place,
            group: next.group,
            depth: next.depth,
            is_closed: is_closed && can_fold,
            can_fold,
            n_behind,
            is_last: next.is_last,
            guides: next.guides,
        });
        let below = if next.depth > 0 && next.depth <= 64 && !next.is_last {
            next.guides | 1 << (next.depth - 1)
        } else {
            next.guides
        };
        match next.group {
            _ if is_closed => {}
            Some(group) => {
                let members = self.groups[group].members.clone();
                let last = members.len() - 1;
                stack.extend(members.iter().enumerate().rev().map(|(i, member)| Next {
                    place: *member,
                    group: None,
                    depth: next.depth + 1,
                    is_last: i == last,
                    guides: below,
                }));
            }
            None => {
                let parent = folds.has_groups.then_some(next.place);
                self.push_children(all, folds, parent, folds.children(all, next.place), (next.depth + 1, below), stack);
            }
        }
    }

    /// Puts siblings on the stack, the first on top; they are grouped where a parent is given and has some that are alike.
    fn push_children(
        &mut self,
        all: &Skeleton,
        folds: &Folds,
        parent: Option<usize>,
        children: impl Iterator<Item = usize>,
        (depth, guides): (usize, u64),
        stack: &mut Vec<Next>,
    ) {
        let start = stack.len();
        for place in children {
            if folds.hides(all, place) {
                self.n_hidden += 1 + folds.n_below(all, place);
            } else {
                stack.push(Next { place, group: None, depth, is_last: false, guides });
            }
        }
        // Which have some that are alike is known for the whole trace; with what lies between left out, others have.
        if parent.is_some_and(|parent| folds.service.is_some() || all.alike().has[parent]) {
            self.group(all, folds, stack, start);
        }
        if let Some(last) = stack.get_mut(start..).and_then(<[Next]>::last_mut) {
            last.is_last = true;
        }
        stack[start..].reverse();
    }

    /// Lets the first of many that are alike stand for all of them.
    fn group(&mut self, all: &Skeleton, folds: &Folds, stack: &mut Vec<Next>, start: usize) {
        let mut alike: HashMap<(usize, usize), Vec<usize>> = HashMap::new();
        for next in &stack[start..] {
            alike.entry(all.span(next.place).what()).or_default().push(next.place);
        }
        alike.retain(|_, members| members.len() >= MIN_GROUP);
        let mut kept = start;
        for at in start..stack.len() {
            let place = stack[at].place;
            match alike.get(&all.span(place).what()) {
                Some(members) if members[0] == place => {
                    self.groups.push(Group::of(all, folds, members.clone()));
                    stack[at].group = Some(self.groups.len() - 1);
                }
                // It stands behind the first of its kind.
                Some(_) => continue,
                None => {}
            }
            stack.swap(kept, at);
            kept += 1;
        }
        stack.truncate(kept);
    }

    /// The row of a span, or of the group it stands behind.
    pub fn row_of(&self, place: usize) -> Option<usize> {
        let exact = self.list.iter().position(|r| r.group.is_none() && r.place == place);
        exact.or_else(|| {
            let has = |r: &Row| r.group.is_some_and(|g| self.groups[g].members.contains(&place));
            self.list.iter().position(has)
        })
    }
}

impl Folds {
    /// The places that are shown.
    pub fn whole(&self, all: &Skeleton) -> std::ops::Range<usize> {
        self.root.map_or(0..all.len(), |root| root..root + 1 + all.span(root).n_descendants())
    }

    /// How many spans are left where a root or a service is given, folded or not.
    pub fn n_within(&self, all: &Skeleton) -> usize {
        let whole = self.whole(all);
        if self.service.is_none() { whole.len() } else { whole.filter(|i| self.has(all, *i)).count() }
    }

    /// Whether a span is of the service that is shown.
    fn has(&self, all: &Skeleton, place: usize) -> bool {
        self.service.is_none_or(|service| all.span(place).what().0 == service)
    }

    /// The nearest spans below `place` that are shown.
    fn children(&self, all: &Skeleton, place: usize) -> impl Iterator<Item = usize> {
        nearest(all, self, place + 1..place + 1 + all.span(place).n_descendants())
    }

    /// How many spans below `place` are of the service that is shown.
    fn n_below(&self, all: &Skeleton, place: usize) -> usize {
        let below = place + 1..place + 1 + all.span(place).n_descendants();
        if self.service.is_none() { below.len() } else { below.filter(|i| self.has(all, *i)).count() }
    }

    /// Whether a span is too short to be shown, with all that is below it.
    fn hides(&self, all: &Skeleton, place: usize) -> bool {
        let least = (all.extent as f64 * self.least_share) as i64;
        let whole = place..=place + all.span(place).n_descendants();
        all.span(place).duration() < least && !whole.into_iter().any(|i| all.span(i).is_error())
    }

    /// Opens whatever hides the span at `place`; says whether something did.
    pub fn reveal(&mut self, all: &Skeleton, place: usize) -> bool {
        let mut has_changed = false;
        if !self.whole(all).contains(&place) {
            self.root = None;
            has_changed = true;
        }
        if !self.has(all, place) {
            self.service = None;
            has_changed = true;
        }
        if self.is_hidden(all, place) {
            self.least_share = 0.0;
            has_changed = true;
        }
        let mut above = None;
        let mut at = self.root.unwrap_or(0);
        while at < place {
            let end = at + all.span(at).n_descendants();
            if place <= end {
                if self.has(all, at) {
                    has_changed |= self.closed.remove(&at);
                    has_changed |= self.open_group(all, above, at);
                    above = Some(at);
                }
                at += 1;
            } else {
                at = end + 1;
            }
        }
        has_changed | self.open_group(all, above, place)
    }

    /// Whether a span or one above it is too short to be shown.
    fn is_hidden(&self, all: &Skeleton, place: usize) -> bool {
        let mut at = self.root.unwrap_or(0);
        while at <= place {
            let end = at + all.span(at).n_descendants();
            if place > end {
                at = end + 1;
            } else if self.has(all, at) && self.hides(all, at) {
                return true;
            } else {
                at += 1;
            }
        }
        false
    }

    fn open_group(&mut self, all: &Skeleton, parent: Option<usize>, member: usize) -> bool {
        let Some(parent) = parent.filter(|_| self.has_groups) else { return false };
        let what = all.span(member).what();
        let is_alike = |c: &usize| all.span(*c).what() == what && !self.hides(all, *c);
        let alike: Vec<usize> = self.children(all, parent).filter(is_alike).collect();
        alike.len() >= MIN_GROUP && self.open_groups.insert(alike[0])
    }
}

/// Places of spans whose operation or service has `text` in it; `error:true` finds those that failed.
pub fn find(all: &Skeleton, text: &str) -> Vec<usize> {
    let text = text.trim().to_lowercase();
    if text.is_empty() {
        return Vec::new();
    }
    let is_hit = |s: &Span<'_>| match text.as_str() {
        "error:true" => s.is_error(),
        text => s.name().to_lowercase().contains(text) || s.service().to_lowercase().contains(text),
    };
    all.spans().filter(is_hit).map(Span::place).collect()
}
