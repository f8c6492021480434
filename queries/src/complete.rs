//! What is being typed at a place of a search: a field, or a value of one.

use sextant_model::Signal;
use sextant_model::query::{Function, TraceField};
use std::ops::Range;

/// What can be completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Typed {
    /// The field whose value it is; nothing if it is a field.
    pub key: Option<String>,
    /// What was typed of it.
    pub part: String,
    /// Where that is, in bytes.
    pub at: Range<usize>,
    /// Whether the field is inside of braces, and so of spans.
    pub is_of_spans: bool,
    /// Whether it stands behind a pipe.
    pub is_stage: bool,
}

/// What is being typed just before `cursor`; nothing in the middle of a word or a phrase.
pub fn typed(text: &str, cursor: usize) -> Option<Typed> {
    let before = text.get(..cursor)?;
    if text[cursor..].starts_with(|c: char| !c.is_whitespace() && !matches!(c, ')' | '}' | ',')) {
        return None;
    }
    let (mut start, mut colon, mut in_quotes, mut n_sets, mut is_stage) = (0, None, false, 0usize, false);
    let mut chars = before.char_indices();
    while let Some((i, c)) = chars.next() {
        let next = i + c.len_utf8();
        match c {
            '\\' => drop(chars.next()),
            '"' => in_quotes = !in_quotes,
            _ if in_quotes => {}
            '{' if colon.is_none() => (start, n_sets) = (next, n_sets + 1),
            '}' => (start, colon, n_sets) = (next, None, n_sets.saturating_sub(1)),
            '|' => (start, colon, is_stage) = (next, None, true),
            // A list of values goes on with the field's.
            '(' if colon.is_some() => colon = colon.map(|(from, _): (Range<usize>, usize)| (from, next)),
            '(' | ',' | ')' => (start, colon) = (next, None),
            c if c.is_whitespace() => (start, colon) = (next, None),
            '-' if i == start => start = next,
            ':' if colon.is_none() && i > start && !is_stage => colon = Some((start..i, next)),
            _ => {}
        }
    }
    let (key, from) = match &colon {
        Some((key, from)) => (Some(before[key.clone()].trim_matches('"').to_owned()), *from),
        None => (None, start),
    };
    let part = &before[from..];
    // A phrase is nobody's value, and a comparison has no list of values.
    let is_phrase = key.is_none() && part.starts_with('"');
    let is_other = key.is_some() && part.starts_with(['>', '<', '[', '{']);
    (!is_phrase && !is_other).then(|| Typed {
        key,
        part: part.trim_start_matches('"').to_owned(),
        at: from..cursor,
        is_of_spans: n_sets > 0,
        is_stage,
    })
}

/// The fields that a search over `signal` has whatever was received.
pub fn fields(signal: Signal) -> Vec<&'static str> {
    let own: &[&'static str] = match signal {
        Signal::Traces => {
            &["service", "name", "kind", "status", "duration", "error", "env", "trace", "span", "trace.duration"]
        }
        Signal::Logs => &["service", "level", "body", "error", "env", "trace", "span", "name"],
        Signal::Metrics => &["service", "name", "env"],
    };
    let of_traces = TraceField::ALL.iter().map(|(name, _)| *name).filter(|_| signal != Signal::Metrics);
    let mut all: Vec<&'static str> = own.iter().copied().chain(of_traces).collect();
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|name| seen.insert(*name));
    all
}

/// The names of figures.
pub fn figures() -> impl Iterator<Item = &'static str> {
    Function::NAMED.iter().map(|(name, _)| *name).chain(["p50", "p90", "p95", "p99", "apdex", "top", "by", "every"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_end(text: &str) -> Option<(Option<String>, String, usize)> {
        typed(text, text.len()).map(|t| (t.key, t.part, t.at.start))
    }

    #[test]
    fn fields_and_values() {
        let key = |part: &str, at| Some((None, part.to_owned(), at));
        let value = |key: &str, part: &str, at| Some((Some(key.to_owned()), part.to_owned(), at));
        assert_eq!(at_end(""), key("", 0));
        assert_eq!(at_end("ser"), key("ser", 0));
        assert_eq!(at_end("-ser"), key("ser", 1));
        assert_eq!(at_end("service:"), value("service", "", 8));
        assert_eq!(at_end("a:b -http.route:/ca"), value("http.route", "/ca", 16));
        assert_eq!(at_end("service:\"car"), value("service", "car", 8));
        assert_eq!(at_end("\"user id\":u"), value("user id", "u", 10));
        assert_eq!(at_end("service:(cart OR "), key("", 17));
        assert_eq!(at_end("service:(ca"), value("service", "ca", 9));
        assert_eq!(at_end("{service:ca"), value("service", "ca", 9));
        assert_eq!(at_end("{service:cart} >> {sta"), key("sta", 19));
        assert_eq!(at_end("\"a phrase with ser"), None);
        assert_eq!(at_end("duration:>1"), None);
        assert_eq!(at_end("| p95(dur"), key("dur", 6));
        assert_eq!(at_end("| count by ser"), key("ser", 11));
        assert_eq!(typed("service:cart", 4), None, "in the middle of a word");
        assert_eq!(typed("ser status:error", 3).map(|t| t.part), Some("ser".into()));
        assert!(typed("{a", 2).is_some_and(|t| t.is_of_spans && !t.is_stage));
        assert!(typed("{a} | c", 7).is_some_and(|t| !t.is_of_spans && t.is_stage));
    }

    #[test]
    fn any_place_of_any_text_is_one_or_none() {
        for text in ["größe:\"a\\\"b\" {x:(y OR z)} | p9(", "\\", "::", "-:-", "a:\"(\"b|c\\"] {
            for cursor in 0..=text.len() + 1 {
                if let Some(found) = typed(text, cursor) {
                    assert!(text.get(found.at.clone()).is_some(), "{text} at {cursor}");
                }
            }
        }
    }
}
