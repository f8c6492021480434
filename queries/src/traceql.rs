//! A subset of TraceQL, as Tempo's users paste it: `{ … }` with `&& ||` and comparisons of span and resource attributes
//! and intrinsics, joined by `&& || > >>`. Its meaning is TraceQL's: an attribute that is not there satisfies nothing.

use crate::ParseError;
use crate::parser::{MAX_SETS, check_regex};
use sextant_model::query::{Comparison, Expr, Field, Number, Query, SpanSet, Test, TraceField};
use sextant_model::{DurationNanos, Signal};
use std::ops::Range;

/// Deeper nesting is refused.
const MAX_DEPTH: usize = 100;

/// Whether the text is meant as TraceQL: braces, and in them a comparison without the colon that ours have before it.
pub(crate) fn is_meant(text: &str) -> bool {
    if !text.trim_start().trim_start_matches(['(', ' ']).starts_with('{') {
        return false;
    }
    let mut in_quotes = None;
    let mut inside: Option<String> = None;
    let mut last = ' ';
    let mut before = ' ';
    for c in text.chars() {
        match (in_quotes, &mut inside) {
            (Some(quote), _) if c == quote && last != '\\' => in_quotes = None,
            (Some(_), _) => {}
            (None, None) => inside = (c == '{').then(String::new),
            (None, Some(_)) if matches!(c, '"' | '`') => in_quotes = Some(c),
            (None, Some(words)) if c == '}' => {
                if words.trim() == "true" {
                    return true;
                }
                inside = None;
            }
            (None, Some(words)) if matches!(c, '=' | '>' | '<' | '~') => {
                // `url:a=b` is a value of ours, `trace:duration>1` a name of theirs.
                let word = words.rsplit([' ', '(', '!', '&', '|']).next().unwrap_or_default();
                let is_ours = word.split_once(':').is_some_and(|(scope, _)| !matches!(scope, "trace" | "span"));
                if !is_ours {
                    return before != ':';
                }
                words.push(c);
            }
            (None, Some(words)) => words.push(c),
        }
        last = c;
        if !c.is_whitespace() {
            before = c;
        }
    }
    false
}

/// Parses TraceQL as a search for spans.
pub(crate) fn parse(text: &str) -> Result<Query, ParseError> {
    let mut parser = Parser { text, at: 0, depth: 0, n_sets: 0 };
    let filter = parser.sets_or()?;
    parser.space();
    if parser.at < text.len() {
        let place = parser.at..text.len();
        let hint = "the subset has { … }, &&, ||, > and >>; put | count() and the like as: | count by service";
        return Err(ParseError::new(place, "this part of TraceQL is not understood").hint(hint));
    }
    Ok(Query { filter: Expr::Set(filter), ..Query::all(Signal::Traces) })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    n_sets: usize,
}

enum Value {
    Text(String),
    Number(Number),
    Bool(bool),
    Nil,
    Word(String),
}

/// What a name asks about.
enum Asked {
    Field(Field),
    Trace(TraceField),
}

const OPERATORS: [&str; 8] = ["=~", "!~", "!=", ">=", "<=", "=", ">", "<"];

impl Parser<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn takes(&mut self, token: &str) -> bool {
        self.space();
        let is_there = self.rest().starts_with(token);
        self.at += if is_there { token.len() } else { 0 };
        is_there
    }

    fn fail<T>(&self, what: impl Into<String>, hint: &str) -> Result<T, ParseError> {
        let end = self.rest().find(char::is_whitespace).map_or(self.text.len(), |n| self.at + n.max(1));
        Err(ParseError::new(self.at..end.min(self.text.len()), what).hint(hint))
    }

    fn deeper(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { self.fail("nested too deep", "use fewer parentheses") } else { Ok(()) }
    }

    fn sets_or(&mut self) -> Result<SpanSet, ParseError> {
        let mut left = self.sets_and()?;
        while self.takes("||") {
            left = SpanSet::Either(Box::new(left), Box::new(self.sets_and()?));
        }
        Ok(left)
    }

    fn sets_and(&mut self) -> Result<SpanSet, ParseError> {
        let mut left = self.sets_under()?;
        while self.takes("&&") {
            left = SpanSet::Both(Box::new(left), Box::new(self.sets_under()?));
        }
        Ok(left)
    }

    fn sets_under(&mut self) -> Result<SpanSet, ParseError> {
        let mut left = self.set()?;
        loop {
            let is_direct = if self.takes(">>") {
                false
            } else if self.takes(">") {
                true
            } else {
                return Ok(left);
            };
            left = SpanSet::Under { above: Box::new(left), below: Box::new(self.set()?), is_direct };
        }
    }

    /// What stands between an opened bracket and its closing one.
    fn until_closed<T>(&mut self, inner: fn(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        self.deeper()?;
        let inner = inner(self)?;
        self.depth -= 1;
        if self.takes(")") { Ok(inner) } else { self.fail("a ')' was expected here", "close what was opened") }
    }

    fn set(&mut self) -> Result<SpanSet, ParseError> {
        if self.takes("(") {
            return self.until_closed(Self::sets_or);
        }
        self.n_sets += 1;
        if self.n_sets > MAX_SETS {
            return self.fail(format!("more than {MAX_SETS} conditions in braces"), "ask for fewer spans together");
        }
        if !self.takes("{") {
            return self.fail("a '{' was expected here", "write { span.http.route = \"/cart\" }");
        }
        if self.takes("}") {
            return Ok(SpanSet::Spans(Box::new(Expr::All)));
        }
        let inner = self.or()?;
        if self.takes("}") {
            Ok(SpanSet::Spans(Box::new(inner)))
        } else {
            self.fail("a '}' was expected here", "conditions are joined by && and ||")
        }
    }

    fn or(&mut self) -> Result<Expr, ParseError> {
        let mut terms = vec![self.and()?];
        while self.takes("||") {
            terms.push(self.and()?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expr::Or(terms) })
    }

    fn and(&mut self) -> Result<Expr, ParseError> {
        let mut terms = vec![self.term()?];
        while self.takes("&&") {
            terms.push(self.term()?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expr::And(terms) })
    }

    fn term(&mut self) -> Result<Expr, ParseError> {
        if self.takes("(") {
            return self.until_closed(Self::or);
        }
        if self.rest().starts_with('!') && !self.rest().starts_with("!=") {
            self.at += 1;
            self.deeper()?;
            let inner = self.term()?;
            self.depth -= 1;
            return Ok(Expr::Not(Box::new(inner)));
        }
        if self.takes("true") {
            return Ok(Expr::All);
        }
        let place = self.at;
        let name = self.name()?;
        let asked = asked(&name).ok_or_else(|| {
            ParseError::new(place..self.at, format!("'{name}' is no field here")).hint(
                "use span.x, resource.x, .x, name, duration, status, kind, rootName, rootServiceName, traceDuration",
            )
        })?;
        self.space();
        let Some(operator) = OPERATORS.into_iter().find(|o| self.rest().starts_with(o)) else {
            return self.fail("a comparison was expected here", "write =, !=, =~, !~, >, >=, < or <=");
        };
        self.at += operator.len();
        let at = self.at;
        let value = self.value()?;
        comparison(&asked, operator, value, at..self.at)
    }

    /// A name, with quoted parts: `span."my key"`.
    fn name(&mut self) -> Result<String, ParseError> {
        self.space();
        let mut name = String::new();
        loop {
            if name.ends_with('.') && self.rest().starts_with('"') {
                name += &self.quoted('"')?;
                continue;
            }
            let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/' | '@');
            let Some(c) = self.rest().chars().next().filter(|c| is_part(*c)) else { break };
            name.push(c);
            self.at += c.len_utf8();
        }
        if name.is_empty() {
            self.fail("a field was expected here", "write span.http.route = \"/cart\"")
        } else {
            Ok(name)
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, ParseError> {
        let start = self.at;
        let mut text = String::new();
        let mut chars = self.text[start + 1..].char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '\\' if quote == '"' => text.extend(chars.next().map(|(_, c)| c)),
                c if c == quote => {
                    self.at = start + 1 + i + 1;
                    return Ok(text);
                }
                _ => text.push(c),
            }
        }
        Err(ParseError::new(start..self.text.len(), "a quote that is not closed").hint("add it at the end"))
    }

    fn value(&mut self) -> Result<Value, ParseError> {
        self.space();
        if let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '`')) {
            return self.quoted(quote).map(Value::Text);
        }
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | 'µ');
        let end = self.rest().find(|c| !is_part(c)).unwrap_or(self.rest().len());
        let word = self.rest()[..end].to_owned();
        if word.is_empty() {
            return self.fail("a value was expected here", "texts go in quotes");
        }
        self.at += end;
        Ok(match word.as_str() {
            "true" | "false" => Value::Bool(word == "true"),
            "nil" => Value::Nil,
            _ => match (word.parse::<f64>().ok().filter(|v| v.is_finite()), DurationNanos::parse(&word)) {
                (Some(value), _) => Value::Number(Number { value, is_duration: false }),
                (None, Ok(nanos)) => Value::Number(Number { value: nanos.0 as f64, is_duration: true }),
                _ => Value::Word(word),
            },
        })
    }
}

fn asked(name: &str) -> Option<Asked> {
    let attribute = |column: &str, key: &str| Asked::Field(Field::Column(format!("{column}.{key}")));
    Some(match name {
        "name" | "span:name" => Asked::Field(Field::Name),
        "duration" | "span:duration" => Asked::Field(Field::Duration),
        "status" | "span:status" => Asked::Field(Field::Status),
        "statusMessage" | "span:statusMessage" => Asked::Field(Field::Column("StatusMessage".into())),
        "kind" | "span:kind" => Asked::Field(Field::Kind),
        "span:id" => Asked::Field(Field::Span),
        "trace:id" => Asked::Field(Field::Trace),
        "rootName" | "trace:rootName" => Asked::Trace(TraceField::RootName),
        "rootServiceName" | "trace:rootService" => Asked::Trace(TraceField::RootService),
        "traceDuration" | "trace:duration" => Asked::Trace(TraceField::Duration),
        "resource.service.name" | ".service.name" => Asked::Field(Field::Service),
        _ => match name.split_once('.') {
            Some(("span", key)) if !key.is_empty() => attribute("SpanAttributes", key),
            Some(("resource", key)) if !key.is_empty() => attribute("ResourceAttributes", key),
            Some(("", key)) if !key.is_empty() => Asked::Field(Field::Attribute(key.to_owned())),
            _ => return None,
        },
    })
}

/// `ok`, `server`: as they are stored.
fn named(field: &Field, word: &str) -> Option<String> {
    let values: &[&str] = match field {
        Field::Status => &["Unset", "Ok", "Error"],
        Field::Kind => &["Unspecified", "Internal", "Server", "Client", "Producer", "Consumer"],
        _ => return None,
    };
    values.iter().find(|v| v.eq_ignore_ascii_case(word)).map(|v| (*v).to_owned())
}

fn comparison(asked: &Asked, operator: &str, value: Value, at: Range<usize>) -> Result<Expr, ParseError> {
    let expr = |test: Test| match asked {
        Asked::Field(field) => Expr::Field(field.clone(), test),
        Asked::Trace(field) => Expr::Trace(*field, test),
    };
    // What is not there satisfies nothing, not even !=.
    let unless = |test: Test| Expr::And(vec![expr(Test::Exists), Expr::Not(Box::new(expr(test)))]);
    let text = |value: Value| match value {
        Value::Text(text) => Ok(text),
        Value::Word(word) => match asked {
            Asked::Field(field) => named(field, &word).ok_or_else(|| {
                ParseError::new(at.clone(), format!("'{word}' is no value here")).hint("texts go in quotes")
            }),
            Asked::Trace(_) => {
                Err(ParseError::new(at.clone(), format!("'{word}' is no value here")).hint("texts go in quotes"))
            }
        },
        Value::Bool(is) => Ok(is.to_string()),
        Value::Number(_) | Value::Nil => {
            Err(ParseError::new(at.clone(), "a text was expected here").hint("put it in quotes"))
        }
    };
    let order = match operator {
        ">" => Some(Comparison::Greater),
        ">=" => Some(Comparison::GreaterOrEqual),
        "<" => Some(Comparison::Less),
        "<=" => Some(Comparison::LessOrEqual),
        _ => None,
    };
    match (operator, value) {
        ("=", Value::Nil) => Ok(Expr::Not(Box::new(expr(Test::Exists)))),
        ("!=", Value::Nil) => Ok(expr(Test::Exists)),
        ("=" | "!=", Value::Number(n)) => {
            let test = Test::Between { low: Some((n, true)), high: Some((n, true)) };
            Ok(if operator == "=" { expr(test) } else { unless(test) })
        }
        ("=", value) => Ok(expr(Test::Equals(text(value)?))),
        ("!=", value) => Ok(unless(Test::Equals(text(value)?))),
        ("=~" | "!~", value) => {
            let pattern = text(value)?;
            check_regex(&pattern, &at)?;
            Ok(if operator == "=~" { expr(Test::Matches(pattern)) } else { unless(Test::Matches(pattern)) })
        }
        (_, Value::Number(n)) if order.is_some() => Ok(expr(Test::Compare(order.unwrap_or(Comparison::Greater), n))),
        _ => Err(ParseError::new(at, "a number was expected here").hint("only numbers and durations have an order")),
    }
}
