//! Tokens to a query.
//!
//! ```text
//! query = or?            or = and ("OR" and)*            and = unary ("AND"? unary)*
//! unary = ("NOT" | "-") unary | "(" or ")" | field value | word | phrase
//! value = word | phrase | ">" number | "[" number "TO" number "]" | "(" or-of-values ")"
//! ```

use crate::ParseError;
use crate::lexer::{Token, TokenKind, tokens};
use sextant_model::query::{Comparison, Expr, Field, Number, Query, Test};
use sextant_model::{DurationNanos, Signal, schema};
use std::ops::Range;

/// Deeper nesting of parentheses is refused.
const MAX_DEPTH: usize = 100;

/// Parses `text` as a search over `signal`. Empty text is everything.
///
/// # Errors
/// If it does not parse; the error has the place and often what to write instead.
pub fn parse(signal: Signal, text: &str) -> Result<Query, ParseError> {
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Query::all(signal));
    }
    let mut parser = Parser { signal, tokens: &tokens, at: 0, end: text.len(), depth: 0 };
    let filter = parser.or(None)?;
    match parser.tokens.get(parser.at) {
        None => Ok(Query { signal, filter }),
        Some(t) if t.kind == TokenKind::Close => {
            Err(ParseError::new(t.at.clone(), "a ')' that nothing opened").hint("remove it, or put a '(' before"))
        }
        Some(t) => Err(ParseError::new(t.at.clone(), "this was not expected here")),
    }
}

struct Parser<'t> {
    signal: Signal,
    tokens: &'t [Token],
    at: usize,
    end: usize,
    depth: usize,
}

/// The field that a bare value inside `f:( … )` belongs to.
type Scope<'f> = Option<&'f Field>;

impl Parser<'_> {
    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.at).map(|t| &t.kind)
    }

    fn place(&self) -> Range<usize> {
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
        let mut terms = vec![self.unary(scope)?];
        loop {
            match self.peek() {
                Some(TokenKind::And) => {
                    self.at += 1;
                    terms.push(self.unary(scope)?);
                }
                Some(TokenKind::Or | TokenKind::Close) | None => break,
                _ => terms.push(self.unary(scope)?),
            }
        }
        Ok(if terms.len() == 1 { terms.remove(0) } else { Expr::And(terms) })
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
            TokenKind::Word(word) => Ok(match scope {
                Some(field) => Expr::Field(field.clone(), word_test(word, token.has_wildcard)),
                None => Expr::Word(word.clone()),
            }),
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

    fn close(&mut self, open: &Range<usize>) -> Result<(), ParseError> {
        if self.peek() == Some(&TokenKind::Close) {
            self.at += 1;
            return Ok(());
        }
        Err(ParseError::new(open.clone(), "a '(' that is not closed").hint("add a ')'"))
    }

    fn field(&mut self, key: &str, place: &Range<usize>) -> Result<Expr, ParseError> {
        let field = field_of(self.signal, key);
        self.value(&field, place)
    }

    fn value(&mut self, field: &Field, place: &Range<usize>) -> Result<Expr, ParseError> {
        let Some(token) =
            self.tokens.get(self.at).filter(|t| is_adjacent(place, self.at, self.tokens) || t.at.start == place.start)
        else {
            return Err(ParseError::new(place.clone(), "a field without a value")
                .hint("write field:value, field:\"exact value\", or field:* for any"));
        };
        self.at += 1;
        match &token.kind {
            TokenKind::Word(word) => Ok(Expr::Field(field.clone(), word_test(word, token.has_wildcard))),
            TokenKind::Quoted(text) => Ok(Expr::Field(field.clone(), Test::Equals(text.clone()))),
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
