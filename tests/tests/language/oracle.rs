//! What a search finds, by going through plain rows one after the other.

use super::rows::{Row, World};
use sextant_model::query::{Comparison, Expr, Field, Number, SpanSet, Test, TraceField};
use sextant_model::{DurationNanos, Signal};
use std::collections::BTreeSet;

/// The rows of `signal` for which `expr` holds, by id.
pub fn found(world: &World, signal: Signal, expr: &Expr) -> BTreeSet<String> {
    let rows = if signal == Signal::Logs { &world.logs } else { &world.spans };
    let of = Of { world, signal };
    rows.iter().filter(|row| of.holds(row, expr)).map(|row| row.id.clone()).collect()
}

struct Of<'w> {
    world: &'w World,
    signal: Signal,
}

/// Letters of a token, as ClickHouse cuts them.
fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || !c.is_ascii()
}

/// Whether `pattern`, whose `*` stands for anything that `fits`, is the whole of `text`.
fn fits(pattern: &[char], text: &[char], anything: fn(char) -> bool) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('*', rest)) => {
            (0..=text.len()).take_while(|n| *n == 0 || anything(text[n - 1])).any(|n| fits(rest, &text[n..], anything))
        }
        Some((c, rest)) => text.first() == Some(c) && fits(rest, &text[1..], anything),
    }
}

fn lower(text: &str) -> Vec<char> {
    text.to_lowercase().chars().collect()
}

fn contains_word(text: &str, word: &str) -> bool {
    let (text, word) = (lower(text), lower(word));
    let is_edge = |at: Option<&char>| at.is_none_or(|c| !is_of_token(*c));
    (0..=text.len()).any(|from| {
        is_edge(from.checked_sub(1).and_then(|i| text.get(i)))
            && (from..=text.len()).any(|to| is_edge(text.get(to)) && fits(&word, &text[from..to], is_of_token))
    })
}

fn matches(text: &str, word: &str) -> bool {
    if word.contains('*') {
        fits(&lower(word), &lower(text), |_| true)
    } else {
        text.to_lowercase().contains(&word.to_lowercase())
    }
}

/// A text as a number; with a unit of time in nanoseconds, where durations are compared.
fn number(text: &str, wanted: Number) -> Option<f64> {
    let plain = text.trim().parse().ok();
    if wanted.is_duration { plain.or_else(|| DurationNanos::parse(text).ok().map(|d| d.0 as f64)) } else { plain }
}

fn compare(comparison: Comparison, a: f64, b: f64) -> bool {
    match comparison {
        Comparison::Greater => a > b,
        Comparison::GreaterOrEqual => a >= b,
        Comparison::Less => a < b,
        Comparison::LessOrEqual => a <= b,
    }
}

/// A value: text, or a number; nothing where it is not there.
enum Value {
    Text(String),
    Number(f64),
}

fn test(value: Option<&Value>, is_attribute: bool, t: &Test) -> bool {
    let Some(value) = value else { return false };
    let text = match value {
        Value::Text(text) => text.clone(),
        Value::Number(n) => n.to_string(),
    };
    let as_number = |n: Number| match value {
        Value::Text(text) => number(text, n),
        Value::Number(n) => Some(*n),
    };
    let holds = |comparison, n: Number| as_number(n).is_some_and(|v| compare(comparison, v, n.value));
    match t {
        Test::Contains(word) => match value {
            Value::Number(n) => {
                let wanted = word.parse().ok().or_else(|| DurationNanos::parse(word).ok().map(|d| d.0 as f64));
                wanted.map_or_else(|| matches(&text, word), |wanted: f64| n.total_cmp(&wanted).is_eq())
            }
            Value::Text(text) => matches(text, word),
        },
        Test::Equals(wanted) => text == *wanted,
        Test::Compare(comparison, n) => holds(*comparison, *n),
        Test::Between { low: None, high: None } => test(Some(value), is_attribute, &Test::Exists),
        Test::Between { low, high } => {
            low.is_none_or(|(n, is)| holds(if is { Comparison::GreaterOrEqual } else { Comparison::Greater }, n))
                && high.is_none_or(|(n, is)| holds(if is { Comparison::LessOrEqual } else { Comparison::Less }, n))
        }
        Test::Exists => is_attribute || matches!(value, Value::Number(_)) || !text.is_empty(),
        // The patterns of these tests: letters, and `.*` for anything.
        Test::Matches(pattern) => {
            fits(&pattern.replace(".*", "*").chars().collect::<Vec<_>>(), &text.chars().collect::<Vec<_>>(), |_| true)
        }
    }
}

/// The name of a severity.
fn level(n: i32) -> &'static str {
    match n {
        21.. => "FATAL",
        17.. => "ERROR",
        13.. => "WARN",
        9.. => "INFO",
        5.. => "DEBUG",
        1.. => "TRACE",
        _ => "",
    }
}

impl Of<'_> {
    fn holds(&self, row: &Row, expr: &Expr) -> bool {
        match expr {
            Expr::All => true,
            Expr::And(terms) => terms.iter().all(|t| self.holds(row, t)),
            Expr::Or(terms) => terms.iter().any(|t| self.holds(row, t)),
            Expr::Not(inner) => !self.holds(row, inner),
            Expr::Word(word) => contains_word(self.text(row), word),
            Expr::Phrase(text) => self.text(row).to_lowercase().contains(&text.to_lowercase()),
            Expr::Field(field, t) => self.field(row, field, t),
            Expr::Trace(field, t) => self.trace(&row.trace, *field, t),
            Expr::Set(set) if self.signal == Signal::Traces => self.is_in(row, set),
            Expr::Set(set) => {
                let of = Of { world: self.world, signal: Signal::Traces };
                of.members(set).iter().any(|s| s.trace == row.trace)
            }
        }
    }

    fn text<'r>(&self, row: &'r Row) -> &'r str {
        if self.signal == Signal::Logs { &row.body } else { &row.name }
    }

    fn field(&self, row: &Row, field: &Field, t: &Test) -> bool {
        let text = |text: &str| test(Some(&Value::Text(text.to_owned())), false, t);
        let attribute = |key: &str| row.attributes.get(key).or_else(|| row.resource.get(key)).cloned().map(Value::Text);
        let is_log = self.signal == Signal::Logs;
        match field {
            Field::Service => text(&row.service),
            Field::Name => text(if is_log { "" } else { &row.name }),
            Field::Kind => text(&row.kind),
            Field::Status => text(&row.status),
            Field::Duration => test(Some(&Value::Number(row.duration as f64)), false, t),
            Field::Body => text(&row.body),
            Field::Trace => id(&row.trace, 32, t),
            Field::Span => id(if is_log { "" } else { &row.id }, 16, t),
            Field::Environment => {
                let value = attribute("deployment.environment.name").or_else(|| attribute("deployment.environment"));
                test(value.as_ref(), true, t)
            }
            Field::Error => {
                let failed = if is_log { row.severity >= 17 } else { row.status == "Error" };
                match t {
                    Test::Contains(word) | Test::Equals(word) if word == "true" => failed,
                    Test::Contains(word) | Test::Equals(word) if word == "false" => !failed,
                    _ => test(attribute("error").as_ref(), true, t),
                }
            }
            Field::Level => match t {
                Test::Contains(word) => matches(&row.severity_text, word) || matches(level(row.severity), word),
                Test::Equals(word) => [row.severity_text.as_str(), level(row.severity)]
                    .iter()
                    .any(|v| v.to_lowercase() == word.to_lowercase()),
                Test::Exists => !row.severity_text.is_empty() || row.severity > 0,
                _ => test(Some(&Value::Number(f64::from(row.severity))), false, t),
            },
            Field::Attribute(key) => test(attribute(key).as_ref(), true, t),
            Field::Column(name) => match name.split_once('.') {
                Some(("ResourceAttributes", key)) => {
                    test(row.resource.get(key).cloned().map(Value::Text).as_ref(), true, t)
                }
                Some((_, key)) => test(row.attributes.get(key).cloned().map(Value::Text).as_ref(), true, t),
                None => panic!("a column that these tests do not have: {name}"),
            },
        }
    }

    fn of_trace(&self, trace: &str) -> Vec<&Row> {
        self.world.spans.iter().filter(|s| s.trace == trace).collect()
    }

    fn trace(&self, trace: &str, field: TraceField, t: &Test) -> bool {
        let spans = self.of_trace(trace);
        if spans.is_empty() {
            return false;
        }
        let roots = spans.iter().filter(|s| s.parent.is_empty());
        let any =
            |text: fn(&Row) -> &String| roots.clone().any(|r| test(Some(&Value::Text(text(r).clone())), false, t));
        let figure = match field {
            TraceField::RootName => return any(|r| &r.name),
            TraceField::RootService => return any(|r| &r.service),
            TraceField::Spans => spans.len() as f64,
            TraceField::Errors => spans.iter().filter(|s| s.status == "Error").count() as f64,
            TraceField::Duration => {
                let first = spans.iter().map(|s| s.time).min().unwrap_or(0);
                spans.iter().map(|s| s.time + s.duration - first).max().unwrap_or(0) as f64
            }
        };
        test(Some(&Value::Number(figure)), false, t)
    }

    fn members(&self, set: &SpanSet) -> Vec<&Row> {
        self.world.spans.iter().filter(|s| self.is_in(s, set)).collect()
    }

    fn is_in(&self, row: &Row, set: &SpanSet) -> bool {
        match set {
            SpanSet::Spans(expr) => self.holds(row, expr),
            SpanSet::Either(a, b) => self.is_in(row, a) || self.is_in(row, b),
            SpanSet::Both(a, b) => {
                let spans = self.of_trace(&row.trace);
                let has = |set| spans.iter().any(|s| self.is_in(s, set));
                (self.is_in(row, a) || self.is_in(row, b)) && has(a) && has(b)
            }
            SpanSet::Under { above, below, is_direct } => {
                if !self.is_in(row, below) {
                    return false;
                }
                let spans = self.of_trace(&row.trace);
                // A span is not below itself, though it may say so; and a ring is gone round once.
                let mut at = row;
                for _ in 0..spans.len() {
                    let Some(parent) = spans.iter().find(|s| s.id == at.parent && row.id != row.parent) else { break };
                    if self.is_in(parent, above) {
                        return true;
                    }
                    if *is_direct {
                        break;
                    }
                    at = parent;
                }
                false
            }
        }
    }
}

/// Whole ids are equal, parts are looked for.
fn id(id: &str, n_whole: usize, t: &Test) -> bool {
    match t {
        Test::Contains(wanted) | Test::Equals(wanted) => {
            let wanted = wanted.to_lowercase();
            if wanted.len() == n_whole && !wanted.contains('*') { id == wanted } else { matches(id, &wanted) }
        }
        _ => test(Some(&Value::Text(id.to_owned())), false, t),
    }
}
