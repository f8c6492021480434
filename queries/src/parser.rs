//! Tokens to a query. `docs/guide/search.md` has the grammar as a picture and in words.
//!
//! ```text
//! query = or? ("|" stage)*       or = and ("OR" and)*         and = set ("AND"? set)*
//! set = unary ((">" | ">>") unary)*
//! unary = ("NOT" | "-") unary | "(" or ")" | "{" or "}" | field value | word | phrase
//! value = word | phrase | "/" regex "/" | ">" number | "[" number "TO" number "]" | "(" or-of-values ")"
//! stage = measures ("by" fields)? ("every" duration)? | "top" n ("by" measure-or-field)?
//! ```

use crate::ParseError;
use crate::lexer::{Token, TokenKind, tokens};
use crate::paste::pasted;
use crate::{traceql, write};
use sextant_model::query::{Comparison, Expr, Field, Function, Number, Query, SpanSet, Test, TraceField};
use sextant_model::{DurationNanos, Signal, schema};
use std::ops::Range;

/// More conditions in braces are refused: what they ask of a trace doubles with each.
pub(crate) const MAX_SETS: usize = 8;
/// Deeper nesting of parentheses is refused.
const MAX_DEPTH: usize = 100;

/// Parses `text` as a search over `signal`. Empty text is everything.
///
/// # Errors
/// If it does not parse; the error has the place and often what to write instead.
pub fn parse(signal: Signal, text: &str) -> Result<Query, ParseError> {
    if let Some(query) = pasted(signal, text) {
        return Ok(query);
    }
    if signal == Signal::Traces && traceql::is_meant(text) {
        // Some of ours look like it, and make no sense as it.
        return traceql::parse(text).or_else(|e| own(signal, text).or(Err(e)));
    }
    own(signal, text)
}

/// Parses text of the search language proper.
fn own(signal: Signal, text: &str) -> Result<Query, ParseError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Query::all(signal));
    }
    let mut parser = Parser { signal, tokens: &tokens, at: 0, end: text.len(), depth: 0, is_in_set: false, n_sets: 0 };
    let filter = if parser.peek() == Some(&TokenKind::Pipe) { Expr::All } else { parser.or(None)? };
    let aggregate = parser.stages()?;
    match parser.tokens.get(parser.at) {
        None => Ok(Query { signal, filter, aggregate }),
        Some(t) if t.kind == TokenKind::Close => {
            Err(ParseError::new(t.at.clone(), "a ')' that nothing opened").hint("remove it, or put a '(' before"))
        }
        Some(t) => Err(ParseError::new(t.at.clone(), "this was not expected here")),
    }
}

pub(crate) struct Parser<'t> {
    pub signal: Signal,
    pub tokens: &'t [Token],
    pub at: usize,
    pub end: usize,
    depth: usize,
    is_in_set: bool,
    n_sets: usize,
}

/// The field that a bare value inside `f:( … )` belongs to.
type Scope<'f> = Option<&'f Field>;

impl Parser<'_> {
    pub fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.at).map(|t| &t.kind)
    }

    pub fn place(&self) -> Range<usize> {
        self.tokens.get(self.at).map_or(self.end..self.end, |t| t.at.clone())
    }

    fn or(&mut self, scope: Scope<'_>) -> Result<Expr, ParseError> {
        let mut terms = vec![self.and(scope)?];
        while self.peek() == Some(&TokenKind::Or) {
            self.at += 1;
            terms.push(self.and(scope)?);
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expr::Or(terms) })
    }

    fn and(&mut self, scope: Scope<'_>) -> Result<Expr, ParseError> {
        let mut terms = vec![self.set(scope)?];
        loop {
            match self.peek() {
                Some(TokenKind::And) => self.at += 1,
                Some(TokenKind::Or | TokenKind::Close | TokenKind::SetClose | TokenKind::Pipe) | None => break,
                _ => {}
            }
            let term = self.set(scope)?;
            // One span can't be two, but a trace can have both.
            match (terms.pop(), term) {
                (Some(Expr::Set(a)), Expr::Set(b)) => terms.push(Expr::Set(SpanSet::Both(Box::new(a), Box::new(b)))),
                (last, term) => {
                    terms.extend(last);
                    terms.push(term);
                }
            }
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expr::And(terms) })
    }

    /// A term, and what is below it in the trace.
    fn set(&mut self, scope: Scope<'_>) -> Result<Expr, ParseError> {
        let start = self.place();
        let mut left = self.unary(scope)?;
        while let Some(TokenKind::Under(is_direct)) = self.peek() {
            let is_direct = *is_direct;
            let above = set_of(left, &start)?;
            self.at += 1;
            let place = self.place();
            let below = set_of(self.unary(scope)?, &place)?;
            left = Expr::Set(SpanSet::Under { above: Box::new(above), below: Box::new(below), is_direct });
        }
        Ok(left)
    }

    fn unary(&mut self, scope: Scope<'_>) -> Result<Expr, ParseError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(ParseError::new(self.place(), "nested too deep"));
        }
        let expr = self.term(scope);
        self.depth -= 1;
        expr
    }

    fn term(&mut self, scope: Scope<'_>) -> Result<Expr, ParseError> {
        let place = self.place();
        let Some(token) = self.tokens.get(self.at) else {
            return Err(
                ParseError::new(place, "something is missing").hint("write a word, a \"phrase\" or field:value")
            );
        };
        self.at += 1;
        match &token.kind {
            TokenKind::Not => Ok(Expr::Not(Box::new(self.unary(scope)?))),
            TokenKind::Open => {
                let inner = self.or(scope)?;
                self.close(&place)?;
                Ok(inner)
            }
            TokenKind::SetOpen if scope.is_none() => self.braces(&place),
            TokenKind::Regex(text) if scope.is_some() => {
                let field = scope.cloned().unwrap_or(Field::Name);
                check_regex(text, &place)?;
                Ok(Expr::Field(field, Test::Matches(text.clone())))
            }
            TokenKind::Word(word) => match scope {
                Some(field) => Ok(Expr::Field(field.clone(), word_test(word, token.has_wildcard))),
                None if token.is_escaped => Ok(Expr::Word(word.clone())),
                None if word.chars().all(|c| matches!(c, '<' | '>' | '=' | '~' | '!')) => {
                    Err(ParseError::new(place, "nothing is compared here")
                        .hint("write field:>5; of spans in braces {a} > {b} is a child, {a} >> {b} anywhere below"))
                }
                None if self.is_figure(word, &place) => Err(ParseError::new(place, "a figure stands behind a pipe")
                    .hint(format!("did you mean | {word}(…)? A word itself goes in quotes"))),
                None => match meant(self.signal, word) {
                    Some(meant) => Err(ParseError::new(place, "a field needs a colon before its value")
                        .hint(format!("did you mean {meant}? A word itself goes in quotes"))),
                    None => Ok(Expr::Word(word.clone())),
                },
            },
            TokenKind::Quoted(text) => Ok(match scope {
                Some(field) => Expr::Field(field.clone(), Test::Equals(text.clone())),
                None => Expr::Phrase(text.clone()),
            }),
            TokenKind::Field(key) if scope.is_none() => self.field(key, &place),
            TokenKind::Compare(_) | TokenKind::RangeOpen(_) if scope.is_some() => {
                self.at -= 1;
                let field = scope.cloned().unwrap_or(Field::Name);
                self.value(&field, &place)
            }
            TokenKind::And | TokenKind::Or => {
                Err(ParseError::new(place, "a word that joins two conditions has none before it")
                    .hint("put it in quotes to search for the word itself"))
            }
            TokenKind::Close => Err(ParseError::new(place, "nothing is inside the parentheses")),
            _ => Err(ParseError::new(place, "this was not expected here")),
        }
    }

    /// Whether a word is a function right before its parenthesis.
    fn is_figure(&self, word: &str, place: &Range<usize>) -> bool {
        let is_called = self.peek() == Some(&TokenKind::Open) && self.place().start == place.end;
        is_called && Function::from_name(word).is_some()
    }

    fn close(&mut self, open: &Range<usize>) -> Result<(), ParseError> {
        if self.peek() == Some(&TokenKind::Close) {
            self.at += 1;
            return Ok(());
        }
        Err(ParseError::new(open.clone(), "a '(' that is not closed").hint("add a ')'"))
    }

    /// A condition on single spans, in braces.
    fn braces(&mut self, open: &Range<usize>) -> Result<Expr, ParseError> {
        if self.is_in_set {
            return Err(ParseError::new(open.clone(), "a '{' inside another").hint("close the first: {a} >> {b}"));
        }
        self.n_sets += 1;
        if self.n_sets > MAX_SETS {
            return Err(ParseError::new(open.clone(), format!("more than {MAX_SETS} conditions in braces")));
        }
        if self.signal == Signal::Metrics {
            return Err(ParseError::new(open.clone(), "metrics have no spans").hint("put a text with { into quotes"));
        }
        self.is_in_set = true;
        // What is in braces is about spans, whatever is searched.
        let outside = std::mem::replace(&mut self.signal, Signal::Traces);
        let inner = if self.peek() == Some(&TokenKind::SetClose) { Ok(Expr::All) } else { self.or(None) };
        self.signal = outside;
        self.is_in_set = false;
        let inner = inner?;
        if self.peek() != Some(&TokenKind::SetClose) {
            let hint = "add a '}', or put the text into quotes";
            return Err(ParseError::new(open.clone(), "a '{' that is not closed").hint(hint));
        }
        self.at += 1;
        Ok(Expr::Set(SpanSet::Spans(Box::new(inner))))
    }

    fn field(&mut self, key: &str, place: &Range<usize>) -> Result<Expr, ParseError> {
        let Some(figure) = TraceField::from_name(key).filter(|_| self.signal != Signal::Metrics) else {
            let field = field_of(self.signal, key);
            return self.value(&field, place);
        };
        // Parsed as any field, then asked of the trace.
        let expr = self.value(&Field::Name, place)?;
        Ok(of_trace(expr, figure))
    }

    fn value(&mut self, field: &Field, place: &Range<usize>) -> Result<Expr, ParseError> {
        let Some(token) =
            self.tokens.get(self.at).filter(|t| is_adjacent(place, self.at, self.tokens) || t.at.start == place.start)
        else {
            let hint = match self.peek() {
                Some(TokenKind::Word(next)) => {
                    format!("did you mean {}:{next}? Nothing may stand between", write::key(field))
                }
                _ => "write field:value, field:\"exact value\", or field:* for any".to_owned(),
            };
            return Err(ParseError::new(place.clone(), "a field without a value").hint(hint));
        };
        self.at += 1;
        match &token.kind {
            TokenKind::Word(word) => Ok(Expr::Field(field.clone(), word_test(word, token.has_wildcard))),
            TokenKind::Quoted(text) => Ok(Expr::Field(field.clone(), Test::Equals(text.clone()))),
            TokenKind::Regex(text) => {
                check_regex(text, &token.at)?;
                Ok(Expr::Field(field.clone(), Test::Matches(text.clone())))
            }
            TokenKind::Compare(symbol) => {
                let number = self.number()?;
                Ok(Expr::Field(field.clone(), Test::Compare(comparison(symbol), number)))
            }
            TokenKind::RangeOpen(is_inclusive) => self.range(field, *is_inclusive, &token.at),
            TokenKind::Open => {
                let inner = self.or(Some(field))?;
                self.close(&token.at)?;
                Ok(inner)
            }
            _ => Err(ParseError::new(token.at.clone(), "a value was expected here")),
        }
    }

    fn number(&mut self) -> Result<Number, ParseError> {
        let place = self.place();
        let text = match self.peek() {
            Some(TokenKind::Word(text) | TokenKind::Quoted(text)) => text.clone(),
            _ => return Err(ParseError::new(place, "a number was expected here")),
        };
        self.at += 1;
        number(&text).ok_or_else(|| {
            ParseError::new(place, format!("'{text}' is no number"))
                .hint("write a number, or a duration such as 250ms (units ns us ms s m h d)")
        })
    }

    fn bound(&mut self) -> Result<Option<Number>, ParseError> {
        if self.peek() == Some(&TokenKind::Word("*".into())) {
            self.at += 1;
            return Ok(None);
        }
        self.number().map(Some)
    }

    fn range(&mut self, field: &Field, is_low_inclusive: bool, open: &Range<usize>) -> Result<Expr, ParseError> {
        let low = self.bound()?;
        if self.peek() != Some(&TokenKind::To) {
            return Err(ParseError::new(self.place(), "TO was expected here").hint("write a range as [1 TO 5]"));
        }
        self.at += 1;
        let high = self.bound()?;
        let Some(TokenKind::RangeClose(is_high_inclusive)) = self.peek().cloned() else {
            return Err(ParseError::new(open.clone(), "a range that is not closed").hint("add a ] or }"));
        };
        self.at += 1;
        let low = low.map(|n| (n, is_low_inclusive));
        let high = high.map(|n| (n, is_high_inclusive));
        Ok(Expr::Field(field.clone(), Test::Between { low, high }))
    }
}

/// What stands beside `>>` must be sets of spans.
fn set_of(expr: Expr, place: &Range<usize>) -> Result<SpanSet, ParseError> {
    let either = |a: SpanSet, b: SpanSet| SpanSet::Either(Box::new(a), Box::new(b));
    match expr {
        Expr::Set(set) => Ok(set),
        Expr::Or(terms) => {
            let mut sets = terms.into_iter().map(|term| set_of(term, place));
            let first = sets.next().unwrap_or_else(|| Ok(SpanSet::Spans(Box::new(Expr::All))))?;
            sets.try_fold(first, |all, set| Ok(either(all, set?)))
        }
        _ => Err(ParseError::new(place.clone(), "only conditions in braces can be above or below each other")
            .hint("write {service:checkout} >> {db.system:*}")),
    }
}

/// The same tests, asked of a figure of the trace.
fn of_trace(expr: Expr, figure: TraceField) -> Expr {
    let all = |terms: Vec<Expr>| terms.into_iter().map(|t| of_trace(t, figure)).collect();
    match expr {
        Expr::Field(_, test) => Expr::Trace(figure, test),
        Expr::And(terms) => Expr::And(all(terms)),
        Expr::Or(terms) => Expr::Or(all(terms)),
        Expr::Not(inner) => Expr::Not(Box::new(of_trace(*inner, figure))),
        other => other,
    }
}

/// Refuses what is no regular expression, before anything is asked with it. Nearly RE2's: a few that pass are refused there.
pub(crate) fn check_regex(pattern: &str, at: &Range<usize>) -> Result<(), ParseError> {
    let parsed = regex_syntax::Parser::new().parse(pattern);
    parsed.map(|_| ()).map_err(|e| {
        let why = match &e {
            regex_syntax::Error::Parse(e) => e.kind().to_string(),
            regex_syntax::Error::Translate(e) => e.kind().to_string(),
            _ => "it can't be read".to_owned(),
        };
        ParseError::new(at.clone(), format!("this is no regular expression: {why}"))
            .hint("put a text with slashes into quotes")
    })
}

/// What was meant by `duration>100ms`.
fn meant(signal: Signal, word: &str) -> Option<String> {
    let at = word.find(['>', '<', '='])?;
    let (key, rest) = word.split_at(at);
    let key = key.trim_end_matches('!');
    let is_known = TraceField::from_name(key).is_some() || !matches!(field_of(signal, key), Field::Attribute(_));
    let value = rest.trim_start_matches(['=', '!']);
    (is_known && !key.is_empty() && !value.is_empty()).then(|| format!("{key}:{value}"))
}

/// Whether the token at `at` follows its field without a gap.
fn is_adjacent(place: &Range<usize>, at: usize, tokens: &[Token]) -> bool {
    tokens.get(at).is_some_and(|t| t.at.start == place.end)
}

fn word_test(word: &str, has_wildcard: bool) -> Test {
    if word == "*" && has_wildcard { Test::Exists } else { Test::Contains(word.to_owned()) }
}

fn comparison(symbol: &str) -> Comparison {
    match symbol {
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterOrEqual,
        "<" => Comparison::Less,
        _ => Comparison::LessOrEqual,
    }
}

/// A number, or a duration with a unit.
fn number(text: &str) -> Option<Number> {
    if let Some(value) = text.parse().ok().filter(|v: &f64| v.is_finite()) {
        return Some(Number { value, is_duration: false });
    }
    let nanos = DurationNanos::parse(text).ok()?;
    Some(Number { value: nanos.0 as f64, is_duration: true })
}

/// What a key means for `signal`.
pub(crate) fn field_of(signal: Signal, key: &str) -> Field {
    let alias = match key {
        "service" => Some(Field::Service),
        "name" => Some(Field::Name),
        "operation" | "op" if signal == Signal::Traces => Some(Field::Name),
        "kind" if signal == Signal::Traces => Some(Field::Kind),
        "status" if signal == Signal::Traces => Some(Field::Status),
        "duration" if signal == Signal::Traces => Some(Field::Duration),
        "level" | "severity" if signal == Signal::Logs => Some(Field::Level),
        "body" | "message" if signal == Signal::Logs => Some(Field::Body),
        "trace" if signal != Signal::Metrics => Some(Field::Trace),
        "span" if signal != Signal::Metrics => Some(Field::Span),
        "env" => Some(Field::Environment),
        "error" if signal != Signal::Metrics => Some(Field::Error),
        _ => None,
    };
    if let Some(field) = alias {
        return field;
    }
    let head = key.split('.').next().unwrap_or(key);
    let is_column = signal.tables().iter().any(|t| schema::stored(*t).field_with_name(head).is_ok());
    if is_column { Field::Column(key.to_owned()) } else { Field::Attribute(key.to_owned()) }
}
