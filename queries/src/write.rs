//! A query back as text of the search language.

use sextant_model::query::{Aggregate, Expr, Field, Number, Query, SpanSet, Test};
use std::fmt::Write as _;

/// The text that parses to `query`; what can be written in several ways is written in one.
pub fn text(query: &Query) -> String {
    let mut out = String::new();
    if query.filter != Expr::All {
        expr(&query.filter, Level::Or, &mut out);
    }
    if let Some(aggregate) = &query.aggregate {
        if !out.is_empty() {
            out.push(' ');
        }
        stages(aggregate, &mut out);
    }
    out
}

/// What may stand at a place without parentheses.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Level {
    Or,
    And,
    Set,
    Unary,
}

fn parenthesized(is_needed: bool, out: &mut String, inside: impl FnOnce(&mut String)) {
    if is_needed {
        out.push('(');
    }
    inside(out);
    if is_needed {
        out.push(')');
    }
}

fn joined<T>(items: &[T], with: &str, out: &mut String, mut one: impl FnMut(&T, &mut String)) {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(with);
        }
        one(item, out);
    }
}

fn expr(e: &Expr, level: Level, out: &mut String) {
    match e {
        Expr::All => out.push('*'),
        Expr::Or(terms) => parenthesized(level > Level::Or, out, |out| {
            joined(terms, " OR ", out, |term, out| expr(term, Level::And, out));
        }),
        Expr::And(terms) => parenthesized(level > Level::And, out, |out| {
            joined(terms, " ", out, |term, out| {
                // Two sets side by side would be one.
                let is_set =
                    matches!(term, Expr::Set(_)) && terms.iter().filter(|t| matches!(t, Expr::Set(_))).count() > 1;
                expr(term, if is_set { Level::Unary } else { Level::Set }, out);
            });
        }),
        Expr::Not(inner) => {
            out.push('-');
            expr(inner, Level::Unary, out);
        }
        Expr::Word(text) => word(text, false, out),
        Expr::Phrase(text) => quoted(text, out),
        Expr::Field(field, t) => {
            out.push_str(&key(field));
            out.push(':');
            test(t, out);
        }
        Expr::Trace(field, t) => {
            out.push_str(field.name());
            out.push(':');
            test(t, out);
        }
        Expr::Set(s) => set(s, level, out),
    }
}

fn set(s: &SpanSet, level: Level, out: &mut String) {
    match s {
        SpanSet::Spans(inner) => {
            out.push('{');
            if **inner != Expr::All {
                expr(inner, Level::Or, out);
            }
            out.push('}');
        }
        SpanSet::Both(a, b) => parenthesized(level > Level::And, out, |out| {
            set(a, Level::And, out);
            out.push(' ');
            set(b, Level::Set, out);
        }),
        SpanSet::Either(a, b) => parenthesized(level > Level::Or, out, |out| {
            set(a, Level::Or, out);
            out.push_str(" OR ");
            set(b, Level::And, out);
        }),
        SpanSet::Under { above, below, is_direct } => parenthesized(level > Level::Set, out, |out| {
            set(above, Level::Set, out);
            out.push_str(if *is_direct { " > " } else { " >> " });
            set(below, Level::Unary, out);
        }),
    }
}

/// The name of a field.
pub fn key(field: &Field) -> String {
    let name = match field {
        Field::Service => "service",
        Field::Name => "name",
        Field::Kind => "kind",
        Field::Status => "status",
        Field::Duration => "duration",
        Field::Level => "level",
        Field::Body => "body",
        Field::Trace => "trace",
        Field::Span => "span",
        Field::Environment => "env",
        Field::Error => "error",
        Field::Column(name) | Field::Attribute(name) => name,
    };
    if name.starts_with(char::is_alphabetic) && name.chars().all(is_plain) {
        name.to_owned()
    } else {
        let mut out = String::new();
        quoted(name, &mut out);
        out
    }
}

/// What a name may have without quotes.
fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '_' | '/' | '@' | '-')
}

/// A text in quotes, as an exact value is written.
pub fn exact(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quoted(text, &mut out);
    out
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

/// A bare word; whatever would end it or make it something else is escaped.
fn word(text: &str, is_value: bool, out: &mut String) {
    let is_operator = !is_value && matches!(text, "AND" | "OR" | "NOT" | "&&" | "||" | "!");
    for (i, c) in text.chars().enumerate() {
        let is_special = c.is_whitespace() || matches!(c, '(' | ')' | '"' | '\\' | ':' | '{' | '}' | '[' | ']');
        // What would be taken for a comparison, or for a line of keys and values.
        let is_special = is_special || (!is_value && matches!(c, '=' | '<' | '>' | '~' | '!'));
        let is_at_start = i == 0 && (is_operator || matches!(c, '-' | '|' | '>' | '<' | '/'));
        if is_special || is_at_start {
            out.push('\\');
        }
        out.push(c);
    }
}

/// With the largest unit in which it is whole.
pub(crate) fn number(n: Number) -> String {
    const UNITS: [(f64, &str); 6] =
        [(86_400e9, "d"), (3_600e9, "h"), (60e9, "m"), (1e9, "s"), (1e6, "ms"), (1e3, "us")];
    if !n.is_duration {
        return n.value.to_string();
    }
    let is_whole = |unit: f64| n.value != 0.0 && n.value % unit == 0.0;
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| is_whole(*unit)).unwrap_or((1.0, "ns"));
    format!("{}{name}", n.value / unit)
}

fn test(t: &Test, out: &mut String) {
    match t {
        Test::Contains(text) => word(text, true, out),
        Test::Equals(text) => quoted(text, out),
        Test::Compare(comparison, n) => {
            out.push_str(comparison.symbol());
            out.push_str(&number(*n));
        }
        Test::Between { low, high } => {
            let bound = |bound: &Option<(Number, bool)>| bound.map_or_else(|| "*".to_owned(), |(n, _)| number(n));
            let is_inclusive = |bound: &Option<(Number, bool)>| bound.is_none_or(|(_, is)| is);
            out.push(if is_inclusive(low) { '[' } else { '{' });
            // Writing to a String can't fail.
            write!(out, "{} TO {}", bound(low), bound(high)).ok();
            out.push(if is_inclusive(high) { ']' } else { '}' });
        }
        Test::Exists => out.push('*'),
        Test::Matches(pattern) => {
            out.push('/');
            // Two slashes would be a word.
            let pattern = if pattern.is_empty() { "(?:)" } else { pattern.as_str() };
            let mut is_escaped = false;
            for c in pattern.chars() {
                if c == '/' && !is_escaped {
                    out.push('\\');
                }
                is_escaped = c == '\\' && !is_escaped;
                out.push(c);
            }
            out.push('/');
        }
    }
}

fn stage_word(text: &str, out: &mut String) {
    if !text.is_empty() && text.chars().all(is_plain) { out.push_str(text) } else { quoted(text, out) }
}

/// A field's name behind a pipe.
pub fn stage_name(name: &str) -> String {
    let mut out = String::new();
    stage_word(name, &mut out);
    out
}

fn measure(m: &sextant_model::query::Measure, out: &mut String) {
    out.push_str(&m.function.name());
    if let Some(key) = &m.of {
        out.push('(');
        stage_word(&key.name, out);
        out.push(')');
    }
}

fn stages(aggregate: &Aggregate, out: &mut String) {
    out.push_str("| ");
    joined(&aggregate.measures, ", ", out, measure);
    if !aggregate.by.is_empty() {
        out.push_str(" by ");
        joined(&aggregate.by, ", ", out, |key, out| stage_word(&key.name, out));
    }
    if let Some(every) = aggregate.every {
        write!(out, " every {}", number(Number { value: every as f64, is_duration: true })).ok();
    }
    if let Some((n, at)) = aggregate.top {
        write!(out, " | top {n} by ").ok();
        measure(&aggregate.measures[at], out);
    }
}
