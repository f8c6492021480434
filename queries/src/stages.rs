//! What stands behind a pipe: figures over groups of records.

use crate::ParseError;
use crate::lexer::TokenKind;
use crate::parser::{Parser, field_of};
use sextant_model::query::{APDEX_NANOS, Aggregate, Function, Key, Measure};
use sextant_model::{DurationNanos, Signal};
use std::ops::Range;

/// More groups than this are asked for by nobody.
const MAX_TOP: usize = 1_000_000;
/// The finest part of time.
const MIN_EVERY: i64 = 1_000_000;

/// What a name in `top n by` can be.
enum Order {
    Measure(Measure),
    Key(Key),
}

impl Parser<'_> {
    /// All stages: one that makes figures, and `top` to order them.
    pub fn stages(&mut self) -> Result<Option<Aggregate>, ParseError> {
        let mut aggregate: Option<Aggregate> = None;
        while self.peek() == Some(&TokenKind::Pipe) {
            self.at += 1;
            let place = self.place();
            if self.takes_word("top") {
                self.top(&mut aggregate, &place)?;
            } else if aggregate.is_none() {
                aggregate = Some(self.figures()?);
            } else {
                return Err(
                    ParseError::new(place, "figures of figures can't be made").hint("only top can follow: | top 10")
                );
            }
        }
        Ok(aggregate)
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let is_there = matches!(self.peek(), Some(TokenKind::Word(w)) if w == word);
        self.at += usize::from(is_there);
        is_there
    }

    fn takes(&mut self, kind: &TokenKind) -> bool {
        let is_there = self.peek() == Some(kind);
        self.at += usize::from(is_there);
        is_there
    }

    fn figures(&mut self) -> Result<Aggregate, ParseError> {
        let mut measures = vec![self.measure()?];
        while self.takes(&TokenKind::Comma) {
            measures.push(self.measure()?);
        }
        let mut aggregate = Aggregate { measures, by: Vec::new(), every: None, top: None };
        loop {
            if self.takes_word("by") {
                aggregate.by.push(self.key()?);
                while self.takes(&TokenKind::Comma) {
                    aggregate.by.push(self.key()?);
                }
            } else if self.takes_word("every") {
                aggregate.every = Some(self.every()?);
            } else {
                return Ok(aggregate);
            }
        }
    }

    fn every(&mut self) -> Result<i64, ParseError> {
        let place = self.place();
        let text = self.word().unwrap_or_default();
        let nanos = DurationNanos::parse(&text).ok().map(|d| d.0).filter(|n| *n >= MIN_EVERY);
        nanos.ok_or_else(|| {
            ParseError::new(place, "a length of time was expected here").hint("write every 1m, 30s or 1h")
        })
    }

    fn word(&mut self) -> Option<String> {
        let Some(TokenKind::Word(text) | TokenKind::Quoted(text)) = self.peek() else { return None };
        let text = text.clone();
        self.at += 1;
        Some(text)
    }

    fn key(&mut self) -> Result<Key, ParseError> {
        let place = self.place();
        let name = self.word().ok_or_else(|| {
            ParseError::new(place, "a field was expected here").hint("write fields as by service, http.route")
        })?;
        Ok(Key { field: field_of(self.signal, &name), name })
    }

    fn measure(&mut self) -> Result<Measure, ParseError> {
        let place = self.place();
        let name = self.word();
        let function = name.as_deref().and_then(Function::from_name).ok_or_else(|| unknown(&place, name.as_deref()))?;
        self.argument(function, &place)
    }

    /// What satisfies, in parentheses; half a second where nothing is said.
    fn apdex(&mut self, place: &Range<usize>) -> Result<Measure, ParseError> {
        if self.signal != Signal::Traces {
            return Err(ParseError::new(place.clone(), "apdex is of spans: only they take time"));
        }
        let mut nanos = APDEX_NANOS;
        if self.takes(&TokenKind::Open) {
            let place = self.place();
            let text = self.word().unwrap_or_default();
            let parsed = DurationNanos::parse(&text).ok().map(|d| d.0).filter(|n| (1..i64::MAX / 4).contains(n));
            nanos = parsed.ok_or_else(|| {
                ParseError::new(place, "a length of time was expected here").hint("write apdex(500ms): what satisfies")
            })?;
            if !self.takes(&TokenKind::Close) {
                return Err(ParseError::new(self.place(), "a ')' was expected here"));
            }
        }
        Ok(Measure { function: Function::Apdex(nanos), of: None })
    }

    /// The field of a function, in parentheses.
    fn argument(&mut self, function: Function, place: &Range<usize>) -> Result<Measure, ParseError> {
        if matches!(function, Function::Apdex(_)) {
            return self.apdex(place);
        }
        if !self.takes(&TokenKind::Open) {
            if function.is_of_records() {
                return Ok(Measure { function, of: None });
            }
            let name = function.name();
            return Err(
                ParseError::new(place.clone(), format!("{name} of what?")).hint(format!("write {name}(duration)"))
            );
        }
        if self.takes(&TokenKind::Close) && function.is_of_records() {
            return Ok(Measure { function, of: None });
        }
        let key = self.key()?;
        if function.is_of_records() {
            let name = function.name();
            let hint = if name == "count" { "count different values with distinct(field)" } else { "write it without" };
            return Err(ParseError::new(place.clone(), format!("{name} counts records, not a field")).hint(hint));
        }
        if !self.takes(&TokenKind::Close) {
            return Err(ParseError::new(self.place(), "a ')' was expected here"));
        }
        Ok(Measure { function, of: Some(key) })
    }

    /// `top 10`, `top 10 by p95(duration)`, or `top 10 by service`, which counts.
    fn top(&mut self, aggregate: &mut Option<Aggregate>, place: &Range<usize>) -> Result<(), ParseError> {
        let at = self.place();
        let n = self.word().and_then(|w| w.parse().ok()).filter(|n| (1..=MAX_TOP).contains(n));
        let n = n.ok_or_else(|| ParseError::new(at, "how many?").hint("write top 10 by count"))?;
        let order = if self.takes_word("by") { Some(self.order()?) } else { None };
        let place_of = |aggregate: &mut Aggregate, measure: Measure| {
            let found = aggregate.measures.iter().position(|m| *m == measure);
            found.unwrap_or_else(|| {
                aggregate.measures.push(measure);
                aggregate.measures.len() - 1
            })
        };
        let count = || Measure { function: Function::Count, of: None };
        match (aggregate, order) {
            (Some(aggregate), None) => aggregate.top = Some((n, 0)),
            (Some(aggregate), Some(Order::Measure(measure))) => {
                let at = place_of(aggregate, measure);
                aggregate.top = Some((n, at));
            }
            (empty @ None, Some(Order::Key(key))) => {
                let mut by = vec![key];
                while self.takes(&TokenKind::Comma) {
                    by.push(self.key()?);
                }
                *empty = Some(Aggregate { measures: vec![count()], by, every: None, top: Some((n, 0)) });
            }
            (Some(_), Some(Order::Key(key))) => {
                let hint = "order by a figure: | count by service | top 10 by count";
                return Err(ParseError::new(place.clone(), format!("'{}' is no figure", key.name)).hint(hint));
            }
            (None, _) => {
                let hint = "write | top 10 by service, or | p95(duration) by name | top 10";
                return Err(ParseError::new(place.clone(), "the top of what?").hint(hint));
            }
        }
        Ok(())
    }

    fn order(&mut self) -> Result<Order, ParseError> {
        let place = self.place();
        let at = self.at;
        let name = self.word();
        // `count` is a figure; a field of that name goes in quotes.
        let is_quoted = matches!(self.tokens.get(at).map(|t| &t.kind), Some(TokenKind::Quoted(_)));
        if let Some(function) = name.as_deref().filter(|_| !is_quoted).and_then(Function::from_name) {
            return Ok(Order::Measure(self.argument(function, &place)?));
        }
        self.at = at;
        Ok(Order::Key(self.key()?))
    }
}

fn unknown(place: &Range<usize>, name: Option<&str>) -> ParseError {
    let all = "use count, errors, rate, distinct, sum, avg, min, max, median, p95 or apdex";
    match name {
        Some(name) => ParseError::new(place.clone(), format!("'{name}' is no figure"))
            .hint(format!("{all}; for either of two words write OR; a | itself goes in quotes")),
        None => ParseError::new(place.clone(), "a figure was expected here").hint(all),
    }
}
