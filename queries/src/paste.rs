//! What people paste into a search box: a trace id, a `traceparent` header, a line of `key=value`.

use crate::parser::field_of;
use sextant_model::Signal;
use sextant_model::query::{Expr, Field, Query, Test};

/// The search that a pasted text means, if it has such a form as a whole.
pub(crate) fn pasted(signal: Signal, text: &str) -> Option<Query> {
    let text = text.trim();
    let filter = trace_id(signal, text).or_else(|| traceparent(signal, text)).or_else(|| logfmt(signal, text))?;
    Some(Query { filter, ..Query::all(signal) })
}

fn is_hex(text: &str, n: usize) -> bool {
    text.len() == n && text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn trace_id(signal: Signal, text: &str) -> Option<Expr> {
    let is_id = signal != Signal::Metrics && is_hex(text, 32);
    is_id.then(|| Expr::Field(Field::Trace, Test::Equals(text.to_ascii_lowercase())))
}

/// `00-<trace>-<span>-01`, with or without the header's name.
fn traceparent(signal: Signal, text: &str) -> Option<Expr> {
    let text = text.strip_prefix("traceparent:").map_or(text, str::trim_start);
    let parts: Vec<&str> = text.split('-').collect();
    let [version, trace, span, flags] = parts[..] else { return None };
    if !is_hex(version, 2) || !is_hex(span, 16) || !is_hex(flags, 2) {
        return None;
    }
    trace_id(signal, trace)
}

/// Keys that say when: that is what the period is for.
const TIMES: [&str; 4] = ["time", "ts", "timestamp", "@timestamp"];

/// `level=error msg="no such user" user=7`: every word is a key with a value.
fn logfmt(signal: Signal, text: &str) -> Option<Expr> {
    let mut terms = Vec::new();
    let mut n_pairs = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (key, value) = rest.split_once('=')?;
        let is_key = key.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '@'))
            && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '-' | '/' | '@'));
        if !is_key {
            return None;
        }
        let (value, after) = value_of(value)?;
        n_pairs += 1;
        rest = after.trim_start();
        if !TIMES.contains(&key) {
            terms.push(term(signal, key, value));
        }
    }
    match (n_pairs, terms.len()) {
        (0, _) => None,
        (_, 1) => terms.pop(),
        (_, 0) => Some(Expr::All),
        _ => Some(Expr::And(terms)),
    }
}

/// A value and what follows it.
fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        // `a==b` and `a="` are something else.
        let (value, rest) = text.split_at(end);
        return (!value.contains(['"', '='])).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((i, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            '"' => {
                let rest = &quoted[i + 1..];
                return rest.chars().next().is_none_or(char::is_whitespace).then_some((value, rest));
            }
            _ => value.push(c),
        }
    }
    None
}

fn term(signal: Signal, key: &str, value: String) -> Expr {
    let field = match key {
        "msg" | "message" if signal == Signal::Logs => return Expr::Phrase(value),
        "lvl" | "level" | "severity" if signal == Signal::Logs => Field::Level,
        "trace_id" | "traceId" | "traceID" | "trace.id" if signal != Signal::Metrics => Field::Trace,
        "span_id" | "spanId" | "spanID" | "span.id" if signal != Signal::Metrics => Field::Span,
        "service.name" => Field::Service,
        _ => field_of(signal, key),
    };
    let test = match &field {
        _ if value.is_empty() => Test::Exists,
        // Names in any case, and durations as numbers.
        Field::Level | Field::Status | Field::Kind | Field::Duration | Field::Error => Test::Contains(value),
        _ => Test::Equals(value),
    };
    Expr::Field(field, test)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn equals(field: Field, value: &str) -> Expr {
        Expr::Field(field, Test::Equals(value.into()))
    }

    #[test]
    fn ids_and_headers() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        let expected = Some(equals(Field::Trace, id));
        for text in [
            id.to_owned(),
            format!("  {}  ", id.to_uppercase()),
            format!("00-{id}-00f067aa0ba902b7-01"),
            format!("traceparent: 00-{id}-00f067aa0ba902b7-01"),
        ] {
            assert_eq!(pasted(Signal::Logs, &text).map(|q| q.filter), expected, "{text}");
        }
        for text in [&id[1..], "00-12-34-01", "traceparent:x", "", "word", "a-b-c-d"] {
            assert_eq!(pasted(Signal::Traces, text), None, "{text}");
        }
        assert_eq!(pasted(Signal::Metrics, id), None);
    }

    #[test]
    fn lines_of_keys_and_values() {
        let line = r#"time=2026-05-03T10:00:00Z level=error msg="no such \"user\"" user.id=7 trace_id=4bf9 empty="#;
        let found = pasted(Signal::Logs, line).map(|q| q.filter);
        let expected = Expr::And(vec![
            Expr::Field(Field::Level, Test::Contains("error".into())),
            Expr::Phrase("no such \"user\"".into()),
            equals(Field::Attribute("user.id".into()), "7"),
            equals(Field::Trace, "4bf9"),
            Expr::Field(Field::Attribute("empty".into()), Test::Exists),
        ]);
        assert_eq!(found, Some(expected));
        assert_eq!(
            pasted(Signal::Traces, "http.route=/api/x").map(|q| q.filter),
            Some(equals(Field::Attribute("http.route".into()), "/api/x"))
        );
        for text in ["a=b c", "a=b service:x", "x == 1", "a=\"open", "=b", "1=2", "a=\"b\"c"] {
            assert_eq!(pasted(Signal::Logs, text), None, "{text}");
        }
    }
}
