//! What leaves is looked through first: personal data and keys are taken out, cut, or replaced by tokens that are the same
//! for the same value, so that rows can still be joined, and mean nothing without a key that stays at home.

mod rows;
mod scan;

use crate::BundleError;
use crate::statement::Redaction;
use arrow::array::RecordBatch;
use hmac::{Hmac, KeyInit as _, Mac as _};
use regex::Regex;
use sextant_model::Table;
use sextant_model::ids::hex;
use sha2::Sha256;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_128;

pub use scan::{Hit, Scanner};

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detector {
    /// An e-mail address.
    Email,
    /// The number of a card, with Luhn's check.
    Card,
    /// An international bank account number, with its check.
    Iban,
    /// An address of the Internet, of either version.
    Ip,
    /// A JSON web token.
    Jwt,
    /// A password, an access key, a private key.
    Key,
    /// A telephone number, as it is written with a plus or brackets.
    Phone,
    /// An expression of one's own, by its place.
    Own(u8),
}

impl Detector {
    /// Those that are known by form.
    pub const ALL: [Self; Self::N] = [Self::Email, Self::Card, Self::Iban, Self::Ip, Self::Jwt, Self::Key, Self::Phone];
    const N: usize = 7;

    /// What it is called.
    pub fn name(self) -> &'static str {
        ["email", "card", "iban", "ip", "jwt", "key", "phone", "own"][self.place()]
    }

    fn place(self) -> usize {
        match self {
            Self::Email => 0,
            Self::Card => 1,
            Self::Iban => 2,
            Self::Ip => 3,
            Self::Jwt => 4,
            Self::Key => 5,
            Self::Phone => 6,
            Self::Own(_) => 7,
        }
    }
}

/// What is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// It is taken out.
    Drop,
    /// It becomes a token: the same for the same value.
    Token,
    /// Its first two letters stay.
    Truncate,
}

impl Method {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Token => "token",
            Self::Truncate => "truncate",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Drop, Self::Token, Self::Truncate].into_iter().find(|m| m.name() == name)
    }
}

/// What is to be done with what.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    detectors: BTreeMap<Detector, Method>,
    own: Vec<(String, Regex)>,
    /// Attributes and columns, whatever they hold.
    fields: BTreeMap<String, Method>,
}

impl Rules {
    /// From texts: `email`, `all=token`, `user.id=drop`; and expressions as `NAME=EXPRESSION`.
    ///
    /// # Errors
    /// If one makes no sense.
    pub fn parse(rules: &[String], patterns: &[String]) -> Result<Self, BundleError> {
        let refused = |why: String| BundleError::Refused(why);
        let mut all = Self::default();
        for rule in rules {
            let (what, method) = rule.rsplit_once('=').unwrap_or((rule, "token"));
            let method = Method::from_name(method)
                .ok_or_else(|| refused(format!("'{method}' is no way to redact: drop, token or truncate")))?;
            let what = what.trim();
            if what.is_empty() {
                return Err(refused(format!("'{rule}' names nothing to redact")));
            }
            match Detector::ALL.into_iter().find(|d| d.name() == what) {
                Some(detector) => drop(all.detectors.insert(detector, method)),
                None if what == "all" => all.detectors.extend(Detector::ALL.map(|d| (d, method))),
                None => drop(all.fields.insert(what.to_owned(), method)),
            }
        }
        for pattern in patterns {
            let (name, text) =
                pattern.split_once('=').ok_or_else(|| refused(format!("'{pattern}' is not NAME=EXPRESSION")))?;
            let expression =
                Regex::new(text).map_err(|e| refused(format!("the expression of '{name}' makes no sense: {e}")))?;
            let place = u8::try_from(all.own.len())
                .map_err(|_many| refused("there are too many expressions: 256 at most".into()))?;
            all.own.push((name.to_owned(), expression));
            all.detectors.insert(Detector::Own(place), Method::Token);
        }
        Ok(all)
    }

    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        self.detectors.is_empty() && self.fields.is_empty()
    }
}

/// What was found of a rule in a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Values.
    pub n: u64,
    /// The first of them, with all but two letters hidden.
    pub sample: String,
}

/// Looks rows through and changes them.
pub struct Redactor {
    rules: Rules,
    scanner: Scanner,
    key: [u8; 32],
    /// By rule, column and method.
    found: BTreeMap<(String, String, Method), Found>,
    hits: Vec<Hit>,
    /// The hashes of texts in which nothing was found: most texts were there before.
    harmless: HashSet<u128, BuildHasherDefault<AsItIs>>,
    n_bytes: u64,
}

/// Longer texts are hardly there twice.
const MAX_KNOWN: usize = 256;
/// So many are remembered.
const MAX_HARMLESS: usize = 200_000;

/// What is hashed is a hash.
#[derive(Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |n, b| (n << 8) | u64::from(*b));
    }

    fn write_u128(&mut self, n: u128) {
        self.0 = n as u64;
    }
}

/// Two letters at most, and that there was more.
fn cut(text: &str) -> String {
    let head: String = text.chars().take(2).collect();
    format!("{head}…")
}

impl Redactor {
    /// One for these rules. Tokens are made with `key`.
    pub fn new(rules: Rules, key: [u8; 32]) -> Self {
        let wanted: Vec<Detector> =
            rules.detectors.keys().copied().filter(|d| !matches!(d, Detector::Own(_))).collect();
        let scanner = Scanner::new(&wanted, rules.own.clone());
        Self { rules, scanner, key, found: BTreeMap::new(), hits: Vec::new(), harmless: HashSet::default(), n_bytes: 0 }
    }

    /// Bytes of text that were looked through.
    pub fn n_bytes(&self) -> u64 {
        self.n_bytes
    }

    /// What was found so far: rule, column, method, and how often.
    pub fn found(&self) -> impl Iterator<Item = (&str, &str, Method, &Found)> {
        self.found.iter().map(|((rule, column, method), found)| (rule.as_str(), column.as_str(), *method, found))
    }

    /// Attributes and columns that were to be redacted and were nowhere.
    pub fn unmatched(&self) -> Vec<String> {
        let is_found = |name: &str| self.found.keys().any(|(rule, _, _)| rule == name);
        self.rules.fields.keys().filter(|name| !is_found(name)).cloned().collect()
    }

    /// What was changed so far, for the bundle: no value is in it.
    pub fn redactions(&self) -> Vec<Redaction> {
        let one = |((rule, column, method), found): (&(String, String, Method), &Found)| Redaction {
            rule: rule.clone(),
            column: column.clone(),
            method: method.name().into(),
            rows: found.n,
        };
        self.found.iter().map(one).collect()
    }

    /// Rows without what must not leave.
    ///
    /// # Errors
    /// If their columns are not those of the table.
    pub fn rows(&mut self, table: Table, rows: &RecordBatch) -> Result<RecordBatch, BundleError> {
        if self.rules.is_empty() { Ok(rows.clone()) } else { rows::redacted(self, table, rows) }
    }

    /// A text that says something about the rows, such as the search that found them.
    pub fn text(&mut self, text: &str, what: &str) -> String {
        // What a field must not show must not be told by a search for it either.
        let named: Vec<String> = self.rules.fields.keys().filter(|f| text.contains(f.as_str())).cloned().collect();
        if !named.is_empty() {
            for field in &named {
                let method = self.rules.fields[field];
                self.count(field, what, method, "");
            }
            return format!("[withheld: it names {}]", named.join(", "));
        }
        self.clean(text, what).into_owned()
    }

    fn count(&mut self, rule: &str, column: &str, method: Method, value: &str) {
        let found = self.found.entry((rule.to_owned(), column.to_owned(), method)).or_default();
        if found.n == 0 {
            found.sample = cut(value);
        }
        found.n += 1;
    }

    fn token(&self, kind: &str, value: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of any length will do");
        mac.update(value.as_bytes());
        format!("[{kind}:{}]", hex(&mac.finalize().into_bytes()[..8]))
    }

    fn replaced(&self, method: Method, kind: &str, value: &str) -> String {
        match method {
            Method::Drop => format!("[{kind}]"),
            Method::Token => self.token(kind, value),
            Method::Truncate => cut(value),
        }
    }

    fn rule(&self, detector: Detector) -> (String, Method) {
        let method = self.rules.detectors.get(&detector).copied().unwrap_or(Method::Token);
        let name = match detector {
            Detector::Own(i) => self.rules.own.get(usize::from(i)).map_or("own", |(name, _)| name),
            known => known.name(),
        };
        (name.to_owned(), method)
    }

    /// A text with what was found in it replaced.
    fn clean<'t>(&mut self, text: &'t str, column: &str) -> Cow<'t, str> {
        if self.is_harmless(text) {
            return Cow::Borrowed(text);
        }
        let mut hits = std::mem::take(&mut self.hits);
        self.scanner.hits(text, &mut hits);
        if hits.is_empty() {
            self.hits = hits;
            return Cow::Borrowed(text);
        }
        let mut out = String::with_capacity(text.len());
        let mut end = 0;
        for Hit { detector, range: Range { start, end: next } } in &hits {
            let (rule, method) = self.rule(*detector);
            let value = &text[*start..*next];
            self.count(&rule, column, method, value);
            out.push_str(&text[end..*start]);
            out.push_str(&self.replaced(method, &rule, value));
            end = *next;
        }
        out.push_str(&text[end..]);
        self.hits = hits;
        Cow::Owned(out)
    }

    /// Whether nothing is found in a text, by what is remembered or by looking.
    fn is_harmless(&mut self, text: &str) -> bool {
        self.n_bytes += text.len() as u64;
        let hash = (text.len() <= MAX_KNOWN).then(|| xxh3_128(text.as_bytes()));
        if text.is_empty() || hash.is_some_and(|hash| self.harmless.contains(&hash)) {
            return true;
        }
        self.scanner.hits(text, &mut self.hits);
        if !self.hits.is_empty() {
            return false;
        }
        if let Some(hash) = hash.filter(|_| self.harmless.len() < MAX_HARMLESS) {
            self.harmless.insert(hash);
        }
        true
    }

    /// How much is found in a text, and by which detector first.
    fn hits_of(&mut self, text: &str) -> Option<(usize, Detector)> {
        if self.is_harmless(text) {
            return None;
        }
        let mut hits = std::mem::take(&mut self.hits);
        self.scanner.hits(text, &mut hits);
        let found = hits.first().map(|h| (hits.len(), h.detector));
        self.hits = hits;
        found
    }
}
