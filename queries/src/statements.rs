//! Statements that users write: where each begins and ends, what its parts are, what may stand at a place.

use sextant_model::TimeRange;
use std::ops::Range;

/// A part of a statement, for colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// SELECT and the like.
    Keyword,
    /// A name with a parenthesis behind it.
    Function,
    /// A name, quoted or not.
    Name,
    /// Text in single quotes.
    Text,
    /// A number.
    Number,
    /// `$from`, `$to`.
    Parameter,
    /// `-- …`, `/* … */`.
    Comment,
    /// Everything else, the spaces too.
    Other,
}

/// Words of the language; names may not be called so.
pub const KEYWORDS: [&str; 61] = [
    "ALL",
    "AND",
    "ANY",
    "AS",
    "ASC",
    "ASOF",
    "BETWEEN",
    "BY",
    "CASE",
    "CAST",
    "CROSS",
    "DESC",
    "DISTINCT",
    "ELSE",
    "END",
    "EXCEPT",
    "EXCLUDE",
    "EXISTS",
    "FALSE",
    "FILTER",
    "FIRST",
    "FROM",
    "FULL",
    "GROUP",
    "HAVING",
    "ILIKE",
    "IN",
    "INNER",
    "INTERSECT",
    "INTERVAL",
    "IS",
    "JOIN",
    "LAST",
    "LATERAL",
    "LEFT",
    "LIKE",
    "LIMIT",
    "NATURAL",
    "NOT",
    "NULL",
    "NULLS",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "QUALIFY",
    "RECURSIVE",
    "RIGHT",
    "SELECT",
    "THEN",
    "TRUE",
    "UNION",
    "USING",
    "VALUES",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// Functions that a question about telemetry often needs.
pub const FUNCTIONS: [&str; 24] = [
    "avg",
    "arg_max",
    "arg_min",
    "bool_or",
    "cardinality",
    "coalesce",
    "contains",
    "count",
    "date_trunc",
    "epoch_ns",
    "greatest",
    "least",
    "list",
    "lower",
    "map_keys",
    "max",
    "median",
    "min",
    "now",
    "quantile_cont",
    "regexp_matches",
    "sum",
    "time_bucket",
    "unnest",
];

/// All parts, one after another without gaps.
pub fn parts(text: &str) -> Vec<(Range<usize>, Part)> {
    let bytes = text.as_bytes();
    let mut all: Vec<(Range<usize>, Part)> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let quoted = |quote: char| rest[1..].find(quote).map_or(rest.len(), |end| end + 2);
        let word = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let first = rest.chars().next().unwrap_or(' ');
        let is_name = |c: char| c.is_alphanumeric() || c == '_';
        let (length, part) = if rest.starts_with("--") {
            (rest.find('\n').unwrap_or(rest.len()), Part::Comment)
        } else if rest.starts_with("/*") {
            (rest.find("*/").map_or(rest.len(), |end| end + 2), Part::Comment)
        } else if first == '\'' {
            (quoted('\''), Part::Text)
        } else if first == '"' {
            (quoted('"'), Part::Name)
        } else if first == '$' {
            (1 + rest[1..].find(|c: char| !is_name(c)).unwrap_or(rest.len() - 1), Part::Parameter)
        } else if first.is_ascii_digit() {
            (word(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_'), Part::Number)
        } else if first.is_alphabetic() || first == '_' {
            let length = word(is_name);
            let upper = rest[..length].to_ascii_uppercase();
            let part = if KEYWORDS.contains(&upper.as_str()) {
                Part::Keyword
            } else if rest[length..].trim_start().starts_with('(') {
                Part::Function
            } else {
                Part::Name
            };
            (length, part)
        } else {
            (first.len_utf8(), Part::Other)
        };
        match all.last_mut().filter(|(_, last)| *last == Part::Other && part == Part::Other) {
            Some((range, _)) => range.end = at + length,
            None => all.push((at..at + length, part)),
        }
        at += length;
    }
    all
}

/// The statements of a text, without the semicolons between them.
pub fn split(text: &str) -> Vec<Range<usize>> {
    let mut all = Vec::new();
    let mut start = 0;
    let mut has_words = false;
    let mut end_of = |start: usize, end: usize, has_words: bool| {
        let inside = &text[start..end];
        let from = start + (inside.len() - inside.trim_start().len());
        if has_words {
            all.push(from..start + inside.trim_end().len());
        }
    };
    for (range, part) in parts(text) {
        if part != Part::Other {
            has_words |= part != Part::Comment;
            continue;
        }
        for (i, _) in text[range.clone()].match_indices(';') {
            end_of(start, range.start + i, has_words);
            start = range.start + i + 1;
            has_words = false;
        }
        has_words |= text[start.max(range.start)..range.end].chars().any(|c| !c.is_whitespace());
    }
    end_of(start, text.len(), has_words);
    all
}

/// The statement with `$from` and `$to` as points in time. What is open is before or after everything.
pub fn with_period(text: &str, period: Option<TimeRange>) -> String {
    let Some(period) = period else { return text.to_owned() };
    let nanos = |bound: Option<sextant_model::UnixNanos>, open: i64| bound.map_or(open, |t| t.0);
    let mut out = String::with_capacity(text.len());
    for (range, part) in parts(text) {
        match &text[range] {
            "$from" if part == Part::Parameter => out += &format!("make_timestamp_ns({})", nanos(period.from, 0)),
            "$to" if part == Part::Parameter => {
                out += &format!("make_timestamp_ns({})", nanos(period.to, 9_000_000_000_000_000_000));
            }
            other => out += other,
        }
    }
    out
}

/// The beginning of a name before the cursor, and whether columns may follow: not where a table is named.
pub fn typed(text: &str, cursor: usize) -> Option<(Range<usize>, bool)> {
    let before = text.get(..cursor)?;
    let all = parts(before);
    let (range, part) = all.last()?;
    if !matches!(part, Part::Name | Part::Keyword | Part::Function) || before[range.clone()].starts_with('"') {
        return None;
    }
    let keyword = all[..all.len() - 1].iter().rev().find(|(_, part)| *part == Part::Keyword);
    let keyword = keyword.map(|(range, _)| before[range.clone()].to_ascii_uppercase());
    Some((range.clone(), !matches!(keyword.as_deref(), Some("FROM" | "JOIN"))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_everything() {
        for text in [
            "SELECT count(*) AS n, 'it''s; -- no' FROM traces -- all; of them\nWHERE \"a;b\" > 1.5e3 AND t >= $from /* ; */",
            "",
            "'open",
            "\"open",
            "/* open",
            "$",
            "größe(ä) 5x",
        ] {
            let all = parts(text);
            let joined: String = all.iter().map(|(r, _)| &text[r.clone()]).collect();
            assert_eq!(joined, text);
        }
        let of = |text: &str| parts(text).into_iter().map(|(_, p)| p).filter(|p| *p != Part::Other).collect::<Vec<_>>();
        assert_eq!(
            of("select max(x), 'a' from t -- y"),
            [Part::Keyword, Part::Function, Part::Name, Part::Text, Part::Keyword, Part::Name, Part::Comment]
        );
    }

    #[test]
    fn statements_are_told_apart() {
        let text = "SELECT ';' ; -- first;\n ;SELECT 2\n;\n/* none; */ ; SELECT \"a;\"";
        let found: Vec<&str> = split(text).into_iter().map(|r| &text[r]).collect();
        assert_eq!(found, ["SELECT ';'", "SELECT 2", "SELECT \"a;\""]);
        assert!(split(" ; ;; -- nothing").is_empty());
    }

    #[test]
    fn the_period_stands_where_it_is_named() {
        let period = TimeRange { from: Some(sextant_model::UnixNanos(5)), to: None };
        assert_eq!(
            with_period("a >= $from AND b < $to AND c = '$from' AND $fromage", Some(period)),
            "a >= make_timestamp_ns(5) AND b < make_timestamp_ns(9000000000000000000) AND c = '$from' AND $fromage"
        );
        assert_eq!(with_period("$from", None), "$from");
    }

    #[test]
    fn what_is_typed_is_known_by_what_stands_before() {
        let of = |text: &str| typed(text, text.len()).map(|(range, has)| (text[range].to_owned(), has));
        assert_eq!(of("SELECT Serv"), Some(("Serv".into(), true)));
        assert_eq!(of("SELECT a FROM tra"), Some(("tra".into(), false)));
        assert_eq!(of("SELECT a FROM traces WHERE Dur"), Some(("Dur".into(), true)));
        assert_eq!(of("SELECT "), None);
        assert_eq!(of("SELECT 'abc"), None);
    }
}
