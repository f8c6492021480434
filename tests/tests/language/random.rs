//! Random searches, written so that they parse to what they were.

use super::rows::{BODIES, KEYS, KINDS, NAMES, SERVICES, STATUSES, VALUES};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use sextant_model::Signal;
use sextant_model::query::{Comparison, Expr, Field, Number, Query, SpanSet, Test, TraceField};

pub fn query(seed: u64) -> Query {
    let mut random = StdRng::seed_from_u64(seed);
    let signal = if random.random_bool(0.6) { Signal::Traces } else { Signal::Logs };
    let mut make = Make { random, signal, is_in_set: false };
    Query { filter: make.expr(3), ..Query::all(signal) }
}

struct Make {
    random: StdRng,
    signal: Signal,
    is_in_set: bool,
}

impl Make {
    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of.choose(&mut self.random).copied().unwrap_or_default()
    }

    fn expr(&mut self, depth: u32) -> Expr {
        match self.random.random_range(0..if depth == 0 { 6 } else { 11 }) {
            0 => Expr::Word(self.word()),
            1 => Expr::Phrase(self.part()),
            2..6 => self.field(),
            6 => Expr::Not(Box::new(self.expr(depth - 1))),
            7 => Expr::Or(self.terms(depth, |e| matches!(e, Expr::Or(_)))),
            8 => self.trace_or_set(depth),
            _ => Expr::And(self.terms(depth, |e| matches!(e, Expr::And(_) | Expr::Set(_)))),
        }
    }

    /// Two or three, none of which would melt into what is around it.
    fn terms(&mut self, depth: u32, melts: fn(&Expr) -> bool) -> Vec<Expr> {
        let n = self.random.random_range(2..4);
        let mut terms = Vec::new();
        while terms.len() < n {
            let term = self.expr(depth - 1);
            if !melts(&term) {
                terms.push(term);
            }
        }
        terms
    }

    fn word(&mut self) -> String {
        let words = [
            "refused",
            "GET",
            "größe",
            "10.0.0.1",
            "u-7",
            "api",
            "checkout",
            "ref*",
            "*ed",
            "c*t",
            "a-b_c.d/e",
            "AND",
            "-x",
            "Charge",
        ];
        self.one(&words).to_owned()
    }

    /// Part of a text that there is.
    fn part(&mut self) -> String {
        let texts = if self.signal == Signal::Logs { &BODIES[..] } else { &NAMES[..] };
        let text: Vec<char> = self.one(texts).chars().collect();
        let from = self.random.random_range(0..=text.len());
        let to = self.random.random_range(from..=text.len());
        text[from..to].iter().collect()
    }

    fn number(&mut self) -> Number {
        let is_duration = self.random.random_bool(0.3);
        let value = *[0.0, 0.5, 200.0, 404.0, 1_000.0, 15e6, 2e9, -3.0].choose(&mut self.random).expect("some");
        Number { value: if is_duration { f64::trunc(value) } else { value }, is_duration }
    }

    fn comparison(&mut self) -> Comparison {
        use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};
        *[Greater, GreaterOrEqual, Less, LessOrEqual].choose(&mut self.random).expect("some")
    }

    fn test(&mut self, values: &[&str]) -> Test {
        let value = self.one(values).to_owned();
        let part = value.chars().take(3).collect::<String>();
        match self.random.random_range(0..9) {
            0 | 1 if !part.trim().is_empty() => Test::Contains(part),
            2 => Test::Contains(format!("{}*", value.chars().take(2).collect::<String>())),
            3 | 4 => Test::Equals(value),
            5 => Test::Compare(self.comparison(), self.number()),
            6 => {
                let mut bound = || {
                    let is_open = self.random.random_bool(0.3);
                    let n = (self.number(), self.random.random_bool(0.5));
                    (!is_open).then_some(n)
                };
                let (low, high) = (bound(), bound());
                Test::Between { low, high }
            }
            7 => Test::Matches(format!(
                "{}.*",
                value.chars().take(2).filter(|c| c.is_alphanumeric()).collect::<String>()
            )),
            _ => Test::Exists,
        }
    }

    fn field(&mut self) -> Expr {
        let is_log = self.signal == Signal::Logs;
        let key = self.one(&KEYS).to_owned();
        let (field, values): (Field, &[&str]) = match self.random.random_range(0..12) {
            0 => (Field::Service, &SERVICES),
            1 if is_log => (Field::Body, &BODIES[..4]),
            1 => (Field::Name, &NAMES),
            2 if is_log => (Field::Level, &["error", "WARN", "info", "ERR", "warning"]),
            2 => (Field::Kind, &KINDS),
            3 if !is_log => (Field::Status, &STATUSES),
            4 if !is_log => (Field::Duration, &["15ms", "800000", "2500ms", "x"]),
            5 => (Field::Error, &["true", "false"]),
            6 => (Field::Environment, &["prod", "test"]),
            7 => (Field::Trace, &["00000000040000000000000000000001", "3c", "000000000400000000000000000000ff"]),
            8 => {
                let column = ["ResourceAttributes", if is_log { "LogAttributes" } else { "SpanAttributes" }];
                (Field::Column(format!("{}.{key}", self.one(&column))), &VALUES)
            }
            _ => (Field::Attribute(key), &VALUES),
        };
        let test = match self.test(values) {
            // An id that ends in d is no number of days.
            Test::Compare(..) | Test::Between { .. } if field == Field::Trace => Test::Exists,
            test => test,
        };
        Expr::Field(field, test)
    }

    fn trace_or_set(&mut self, depth: u32) -> Expr {
        if self.random.random_bool(0.4) {
            let (field, values): (TraceField, &[&str]) = match self.random.random_range(0..5) {
                0 => (TraceField::RootName, &NAMES),
                1 => (TraceField::RootService, &SERVICES),
                2 => (TraceField::Spans, &["3", "5"]),
                3 => (TraceField::Errors, &["0", "2"]),
                _ => (TraceField::Duration, &["15ms", "2h"]),
            };
            return Expr::Trace(field, self.test(values));
        }
        if self.is_in_set {
            return self.field();
        }
        Expr::Set(self.set(depth))
    }

    fn set(&mut self, depth: u32) -> SpanSet {
        let n = if depth == 0 { 1 } else { 4 };
        match self.random.random_range(0..n) {
            0 => {
                let outside = std::mem::replace(&mut self.signal, Signal::Traces);
                self.is_in_set = true;
                let inner = self.expr(1);
                self.is_in_set = false;
                self.signal = outside;
                SpanSet::Spans(Box::new(inner))
            }
            1 => SpanSet::Both(Box::new(self.set(depth - 1)), Box::new(self.set(depth - 1))),
            _ => {
                let is_direct = self.random.random_bool(0.5);
                SpanSet::Under { above: Box::new(self.set(depth - 1)), below: Box::new(self.set(depth - 1)), is_direct }
            }
        }
    }
}
