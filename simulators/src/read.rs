//! TOML with the place of everything in it: what is wrong is said with line, column and key, all of it at once, and a key that
//! nobody knows with the one that was probably meant.

use crate::error::{Problem, ScenarioError};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file that is being read, and what was found to be wrong.
pub(crate) struct Reading<'i> {
    text: &'i str,
    problems: RefCell<Vec<Problem>>,
}

/// A table of it. What is never asked for is unknown.
pub(crate) struct Table<'r, 'i> {
    of: &'r Reading<'i>,
    entries: &'r DeTable<'i>,
    /// Where it begins.
    place: Range<usize>,
    /// How it is called from outside.
    path: String,
    asked: RefCell<BTreeSet<String>>,
}

/// Numbers that make sense.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span(pub f64, pub f64);

impl Span {
    /// Everything that is not negative.
    pub const AMOUNT: Self = Self(0.0, 1e18);
    /// A part of something.
    pub const SHARE: Self = Self(0.0, 1.0);
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).ok().map(|n| n as f64),
        DeValue::Float(n) => n.as_str().parse().ok(),
        _ => None,
    }
}

impl<'i> Reading<'i> {
    pub fn of(text: &'i str) -> Self {
        Self { text, problems: RefCell::default() }
    }

    /// The file as tables.
    pub fn parse(&self) -> Result<Spanned<DeTable<'i>>, ScenarioError> {
        DeTable::parse(self.text).map_err(|e| {
            self.note(e.span().unwrap_or(0..0), "", e.message());
            self.wrong().unwrap_or_else(|| ScenarioError::of("", e.message()))
        })
    }

    /// Notes what is wrong at a place.
    pub fn note(&self, place: Range<usize>, key: &str, what: impl Into<String>) {
        let before = self.text.get(..place.start).unwrap_or(self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        self.problems.borrow_mut().push(Problem { line, column, key: key.to_owned(), what: what.into() });
    }

    /// All that was wrong, in the order of the file.
    pub fn wrong(&self) -> Option<ScenarioError> {
        let mut all = self.problems.borrow().clone();
        all.sort_by_key(|p| (p.line, p.column));
        (!all.is_empty()).then_some(ScenarioError(all))
    }
}

impl<'r, 'i> Table<'r, 'i> {
    pub fn whole(of: &'r Reading<'i>, entries: &'r DeTable<'i>) -> Self {
        Self { of, entries, place: 0..0, path: String::new(), asked: RefCell::default() }
    }

    fn key(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    fn get(&self, name: &str) -> Option<&'r Spanned<DeValue<'i>>> {
        self.asked.borrow_mut().insert(name.to_owned());
        self.entries.iter().find(|(key, _)| key.get_ref().as_ref() == name).map(|(_, value)| value)
    }

    /// Notes what is wrong with one of its keys, or with all of it where that is missing.
    pub fn wrong(&self, name: &str, what: impl Into<String>) {
        let place = self.get(name).map_or_else(|| self.place.clone(), Spanned::span);
        self.of.note(place, &self.key(name), what);
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A number, if it is there and makes sense.
    pub fn number(&self, name: &str, within: Span) -> Option<f64> {
        let value = self.get(name)?;
        if !matches!(value.get_ref(), DeValue::Integer(_) | DeValue::Float(_)) {
            self.wrong(name, "a number is wanted here");
            return None;
        }
        match number(value.get_ref()) {
            Some(n) if n >= within.0 && n <= within.1 => Some(n),
            _ if within.1 >= Span::AMOUNT.1 => {
                self.wrong(name, format!("it has to be {} or more", within.0));
                None
            }
            _ => {
                self.wrong(name, format!("it has to be from {} to {}", within.0, within.1));
                None
            }
        }
    }

    /// A number that must be there.
    pub fn must(&self, name: &str, within: Span) -> Option<f64> {
        if !self.has(name) {
            self.wrong(name, "it is missing");
        }
        self.number(name, within)
    }

    /// A whole number.
    pub fn whole_number(&self, name: &str, within: Span) -> Option<u64> {
        let number = self.number(name, within)?;
        if number.fract() != 0.0 {
            self.wrong(name, "a whole number is wanted here");
            return None;
        }
        Some(number as u64)
    }

    /// A text, if it is there.
    pub fn text(&self, name: &str) -> Option<&'r str> {
        let value = self.get(name)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong(name, "a text in quotes is wanted here");
        }
        text
    }

    /// One of some words, if it is there.
    pub fn word<T: Copy>(&self, name: &str, all: &[(&str, T)]) -> Option<T> {
        let text = self.text(name)?;
        let found = all.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        if found.is_none() {
            let words: Vec<&str> = all.iter().map(|(word, _)| *word).collect();
            self.wrong(name, format!("'{text}' is none of {}", words.join(", ")));
        }
        found
    }

    /// Yes or no, if it is there.
    pub fn flag(&self, name: &str) -> Option<bool> {
        let value = self.get(name)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.wrong(name, "true or false is wanted here");
        }
        flag
    }

    /// A list of numbers, if it is there and each makes sense.
    pub fn list(&self, name: &str, within: Span) -> Option<Vec<f64>> {
        let value = self.get(name)?;
        let Some(all) = value.get_ref().as_array() else {
            self.wrong(name, "a list of numbers is wanted here: [1.0, 0.9]");
            return None;
        };
        let number = |item: &Spanned<DeValue<'_>>| number(item.get_ref()).filter(|n| *n >= within.0 && *n <= within.1);
        let numbers: Vec<f64> = all.iter().filter_map(number).collect();
        if numbers.len() < all.len() {
            self.wrong(name, format!("each of them has to be a number from {} to {}", within.0, within.1));
            return None;
        }
        Some(numbers)
    }

    /// A list of texts, if it is there.
    pub fn texts(&self, name: &str) -> Option<Vec<String>> {
        let value = self.get(name)?;
        let texts = value.get_ref().as_array().and_then(|all| {
            all.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        });
        if texts.is_none() {
            self.wrong(name, "a list of texts is wanted here: [\"a\", \"b\"]");
        }
        texts
    }

    /// All keys of a table that are numbers.
    pub fn numbers(&self, within: Span) -> Vec<(String, f64)> {
        let names: Vec<String> = self.entries.iter().map(|(key, _)| key.get_ref().to_string()).collect();
        names.into_iter().filter_map(|name| self.number(&name, within).map(|n| (name, n))).collect()
    }

    /// All keys of a table in it, each with its value as it is written.
    pub fn values(&self, name: &str) -> Vec<(String, String)> {
        let Some(table) = self.table(name) else { return Vec::new() };
        let text = |span: Range<usize>| self.of.text.get(span).unwrap_or_default().to_owned();
        table.entries.iter().map(|(key, value)| (key.get_ref().to_string(), text(value.span()))).collect()
    }

    /// A table in it, if it is there.
    pub fn table(&self, name: &str) -> Option<Self> {
        let value = self.get(name)?;
        let entries = value.get_ref().as_table();
        if entries.is_none() {
            self.wrong(name, format!("a table is wanted here: [{}]", self.key(name)));
        }
        Some(self.inner(entries?, value.span(), self.key(name)))
    }

    /// The tables of a list, if it is there.
    pub fn tables(&self, name: &str) -> Vec<Self> {
        let Some(value) = self.get(name) else { return Vec::new() };
        let Some(all) = value.get_ref().as_array() else {
            self.wrong(name, format!("a list of tables is wanted here: [[{}]]", self.key(name)));
            return Vec::new();
        };
        let one = |(i, item): (usize, &'r Spanned<DeValue<'i>>)| {
            let path = format!("{}[{i}]", self.key(name));
            let entries = item.get_ref().as_table();
            if entries.is_none() {
                self.of.note(item.span(), &path, "a table is wanted here");
            }
            Some(self.inner(entries?, item.span(), path))
        };
        all.iter().enumerate().filter_map(one).collect()
    }

    fn inner(&self, entries: &'r DeTable<'i>, place: Range<usize>, path: String) -> Self {
        Self { of: self.of, entries, place, path, asked: RefCell::default() }
    }

    /// Nothing more is asked for: whatever is left is unknown.
    pub fn end(&self) {
        let asked = self.asked.borrow();
        for (key, _) in self.entries {
            let name = key.get_ref().as_ref();
            if asked.contains(name) {
                continue;
            }
            let near = asked.iter().map(|known| (strsim::osa_distance(known, name), known)).min();
            let meant = match near {
                Some((distance, known)) if distance <= 1 + name.len() / 4 => format!("is '{known}' meant?"),
                _ => format!("known here: {}", asked.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
            };
            self.of.note(key.span(), &self.key(name), format!("nothing is called so; {meant}"));
        }
    }
}
