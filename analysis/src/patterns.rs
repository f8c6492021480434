//! Log lines that say the same but for their numbers, ids and the like.
//!
//! What varies by its nature is masked first, in one pass; lines that are alike then are told apart by Drain, which finds
//! the words that vary between lines of one length. A masked line that was seen before costs a look into a table.

use drain3::{Config, Matcher};
use std::collections::HashMap;
use std::fmt::Write as _;

/// Longer lines are looked at up to here.
const MAX_BYTES: usize = 1_024;
/// What is written for the rest.
const REST: &str = "…";
/// More words of a line are not told apart.
const MAX_TOKENS: usize = 120;
/// Different masked lines that are remembered.
const MAX_REMEMBERED: usize = 200_000;
/// More patterns than this are one.
const MAX_PATTERNS: usize = 5_000;

/// Patterns as they are found, line by line.
pub struct Patterns {
    matcher: Matcher,
    known: HashMap<String, usize>,
    masked: String,
    counts: Vec<u64>,
}

impl Default for Patterns {
    fn default() -> Self {
        let config =
            Config::builder().max_clusters(MAX_PATTERNS).max_tokens(MAX_TOKENS).max_bytes(MAX_BYTES * 2).build();
        Self { matcher: Matcher::new(config), known: HashMap::new(), masked: String::new(), counts: vec![0] }
    }
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands in every line.
    Text(String),
    /// What varies: `NUM`, `ID`, `IP`, `HEX`, `TIME`, `STR`, or `*` for a word.
    Mask(String),
}

impl Patterns {
    /// Takes in a line; the number of its pattern. 0 is of lines that are none: empty, or one pattern too many.
    pub fn add(&mut self, line: &str) -> usize {
        let end = (0..=line.len().min(MAX_BYTES)).rev().find(|i| line.is_char_boundary(*i)).unwrap_or(0);
        let is_cut = end < line.len() && !line[..end].contains('\n');
        let line = line[..end].lines().next().unwrap_or_default();
        self.masked.clear();
        mask(line, &mut self.masked);
        if is_cut {
            put(&mut self.masked, REST);
        }
        let id = if let Some(id) = self.known.get(self.masked.as_str()) {
            *id
        } else {
            let found = self.matcher.add_log_message(&self.masked);
            let id = found.map_or(0, |template| template.id());
            if self.known.len() < MAX_REMEMBERED {
                self.known.insert(self.masked.clone(), id);
            }
            id
        };
        if self.counts.len() <= id {
            self.counts.resize(id + 1, 0);
        }
        self.counts[id] += 1;
        id
    }

    /// How many lines a pattern has.
    pub fn count(&self, id: usize) -> u64 {
        self.counts.get(id).copied().unwrap_or(0)
    }

    /// The parts of a pattern.
    pub fn pieces(&self, id: usize) -> Vec<Piece> {
        let Some(template) = self.matcher.template_for_id(id) else {
            return vec![Piece::Mask("*".into())];
        };
        let mut all: Vec<Piece> = Vec::new();
        let mut words = template.tokens().iter();
        for place in 0..template.token_count() {
            if place > 0 {
                push_text(&mut all, " ");
            }
            if template.is_param(place) {
                all.push(Piece::Mask("*".into()));
            } else if let Some(word) = words.next() {
                push_masked(&mut all, word);
            }
        }
        all
    }
}

fn push_text(all: &mut Vec<Piece>, text: &str) {
    match all.last_mut() {
        Some(Piece::Text(before)) => before.push_str(text),
        _ => all.push(Piece::Text(text.to_owned())),
    }
}

/// A word with the masks in it.
fn push_masked(all: &mut Vec<Piece>, word: &str) {
    let mut rest = word;
    while let Some(at) = rest.find('\u{1}') {
        if at > 0 {
            push_text(all, &rest[..at]);
        }
        let inside = &rest[at + 1..];
        let end = inside.find('\u{2}').unwrap_or(inside.len());
        all.push(Piece::Mask(inside[..end].to_owned()));
        rest = inside.get(end + 1..).unwrap_or_default();
    }
    if !rest.is_empty() {
        push_text(all, rest);
    }
}

/// The pattern as text: `user <NUM> logged in`.
pub fn pattern_text(pieces: &[Piece]) -> String {
    pieces.iter().fold(String::new(), |mut text, piece| {
        match piece {
            Piece::Text(part) => text.push_str(part),
            Piece::Mask(name) => {
                // Writing to a String can't fail.
                write!(text, "<{name}>").ok();
            }
        }
        text
    })
}

/// A regular expression (RE2) for the lines of a pattern, whatever follows their first line.
pub fn pattern_regex(pieces: &[Piece]) -> String {
    let mut out = String::from("\\s*");
    for piece in pieces {
        match piece {
            Piece::Text(text) => {
                for c in text.chars() {
                    match c {
                        ' ' => out.push_str("\\s+"),
                        c if c.is_ascii_punctuation() => out.extend(['\\', c]),
                        c => out.push(c),
                    }
                }
            }
            Piece::Mask(name) if name == "STR" => out.push_str(match out.chars().last() {
                Some('"') => "[^\"]*",
                _ => "[^']*",
            }),
            Piece::Mask(name) if name == REST => out.push_str(".*"),
            Piece::Mask(_) => out.push_str("\\S+"),
        }
    }
    out + "\\s*(?:\\n.*)?"
}

/// Whether a byte belongs to a run that is looked at as one.
fn is_run(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b >= 0x80 || matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b'@' | b'%' | b'+')
}

/// Writes a line with what varies by its nature as `\x01NAME\x02`; white space is one space.
fn mask(line: &str, out: &mut String) {
    let bytes = line.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let b = bytes[at];
        if b.is_ascii_whitespace() {
            if !out.is_empty() && !out.ends_with(' ') {
                out.push(' ');
            }
            at += 1;
            continue;
        }
        if matches!(b, b'"' | b'\'') {
            let end = line[at + 1..].find(b as char).map(|n| at + 1 + n);
            let is_open = at == 0 || !bytes[at - 1].is_ascii_alphanumeric();
            if let Some(end) = end.filter(|end| is_open && end - at < 300) {
                quoted(&line[at..=end], out);
                at = end + 1;
                continue;
            }
        }
        if !is_run(b) || b == 1 || b == 2 {
            let length = line[at..].chars().next().map_or(1, char::len_utf8);
            if b > 2 {
                out.push_str(&line[at..at + length]);
            }
            at += length;
            continue;
        }
        let end = at + bytes[at..].iter().position(|b| !is_run(*b)).unwrap_or(bytes.len() - at);
        // What ends a sentence is no part of a number.
        let whole = &line[at..end];
        let inner = whole.trim_end_matches(['.', ':', '-', '%']);
        run(inner, out);
        out.push_str(&whole[inner.len()..]);
        at = end;
    }
    let trimmed = out.trim_end().len();
    out.truncate(trimmed);
}

fn put(out: &mut String, name: &str) {
    out.push('\u{1}');
    out.push_str(name);
    out.push('\u{2}');
}

/// A word in quotes stays; anything longer, or with digits, varies.
fn quoted(text: &str, out: &mut String) {
    let inside = &text[1..text.len() - 1];
    let varies = inside.bytes().any(|b| b.is_ascii_digit() || b == b' ') || inside.len() > 40;
    out.push_str(&text[..1]);
    if varies {
        put(out, "STR");
    } else {
        out.push_str(inside);
    }
    out.push_str(&text[..1]);
}

fn run(text: &str, out: &mut String) {
    if !text.bytes().any(|b| b.is_ascii_digit()) {
        return out.push_str(text);
    }
    if let Some(name) = whole(text) {
        return put(out, name);
    }
    // Parts between separators, each by itself.
    let mut start = 0;
    for (at, b) in text.bytes().enumerate().chain([(text.len(), b'/')]) {
        if at < text.len() && !matches!(b, b'/' | b'-' | b'_' | b'.' | b':' | b'@' | b'%' | b'+') {
            continue;
        }
        part(&text[start..at], out);
        if at < text.len() {
            out.push(b as char);
        }
        start = at + 1;
    }
}

/// What a whole run is, if it is one thing.
fn whole(text: &str) -> Option<&'static str> {
    let bytes = text.as_bytes();
    let is_hex = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_hexdigit());
    if bytes.len() == 36 && [8, 13, 18, 23].iter().all(|i| bytes[*i] == b'-') && is_hex(&text.replace('-', "")) {
        return Some("ID");
    }
    let address = text.split_once(':').map_or(text, |(address, _)| address);
    let mut octets = address.split('.');
    if octets.clone().count() == 4
        && octets.all(|o| !o.is_empty() && o.len() <= 3 && o.bytes().all(|b| b.is_ascii_digit()))
    {
        return Some("IP");
    }
    // `0` stands for any digit, `?` for anything. By bytes: a place may be within a letter.
    let is_like = |shape: &[u8]| {
        bytes.len() >= shape.len()
            && shape.iter().zip(bytes).all(|(s, b)| match s {
                b'0' => b.is_ascii_digit(),
                b'?' => true,
                s => s == b,
            })
    };
    let (is_date, is_clock) = (is_like(b"0000-00-??"), is_like(b"00:00:??"));
    if is_date || is_clock {
        return Some("TIME");
    }
    if text.strip_prefix("0x").is_some_and(is_hex) {
        return Some("HEX");
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let number = unsigned.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == 'µ' || c == '%');
    let unit = &unsigned[number.len()..];
    let is_number = !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b':'))
        && number.starts_with(|c: char| c.is_ascii_digit());
    if is_number && unit.chars().count() <= 3 {
        return Some("NUM");
    }
    let is_long_hex = text.len() >= 8 && is_hex(text) && text.bytes().any(|b| b.is_ascii_digit());
    is_long_hex.then_some("HEX")
}

fn part(text: &str, out: &mut String) {
    let n_digits = text.bytes().filter(u8::is_ascii_digit).count();
    if n_digits == 0 {
        return out.push_str(text);
    }
    match whole(text) {
        Some(name) => put(out, name),
        // Letters and digits that are mixed: an id, unless it is a short name such as `k8s` or `http2`.
        None if text.len() >= 6 && n_digits >= 2 => put(out, "ID"),
        None => out.push_str(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(line: &str) -> String {
        let mut out = String::new();
        mask(line, &mut out);
        out.replace('\u{1}', "<").replace('\u{2}', ">")
    }

    #[test]
    fn what_varies_by_nature_is_masked() {
        for (line, expected) in [
            ("user 1001 logged in from 10.0.0.1:443", "user <NUM> logged in from <IP>"),
            ("took 15ms, 3.5 s or 80%", "took <NUM>, <NUM> s or <NUM>%"),
            ("thread-0 GET /api/v2/items/77?x=1", "thread-<NUM> GET /api/v2/items/<NUM>?x=<NUM>"),
            ("id=550e8400-e29b-41d4-a716-446655440000.", "id=<ID>."),
            ("2026-11-21T10:00:00.123Z 10:00:00,5 at 0xdeadbeef", "<TIME> <TIME>,<NUM> at <HEX>"),
            ("commit 4bed8134ae365f18 usr_1242 ord_01JD3QK", "commit <HEX> usr_<NUM> ord_<ID>"),
            ("k8s http2   tabs\tand  spaces ", "k8s http2 tabs and spaces"),
            ("said \"no stock of 5\" and \"ok\" it's", "said \"<STR>\" and \"ok\" it's"),
            ("größe=12 naïve", "größe=<NUM> naïve"),
            ("用户12345 Büro-12 café-12345 ü1-ü1-ü1", "<ID> Büro-<NUM> café-<NUM> ü1-ü1-ü1"),
            ("", ""),
        ] {
            assert_eq!(masked(line), expected, "{line}");
        }
    }

    #[test]
    fn words_that_vary_are_found() {
        let mut patterns = Patterns::default();
        let names = ["anna", "bert", "carl", "dora", "emil"];
        let ids: Vec<usize> =
            names.iter().enumerate().map(|(i, name)| patterns.add(&format!("user {name} bought {i} books"))).collect();
        let other = patterns.add("connection refused");
        assert!(ids.iter().all(|id| *id == ids[0]) && other != ids[0]);
        assert_eq!(pattern_text(&patterns.pieces(ids[0])), "user <*> bought <NUM> books");
        assert_eq!((patterns.count(ids[0]), patterns.count(other)), (5, 1));
    }

    /// The search that a pattern is finds its lines.
    #[test]
    fn lines_fit_the_expression_of_their_pattern() {
        let mut patterns = Patterns::default();
        let lines: Vec<String> = (0..500)
            .map(|i| match i % 5 {
                0 => format!("GET /api/items/{i} {} in {}ms", 200 + i % 3, i * 7),
                1 => format!("payment (order ord_{i:08x}) declined: \"card {i} expired\"\n  at a.b(c.rs:{i})"),
                2 => format!("  cache miss for key user:{i}:cart [{}]", ["a", "b", "größe"][i % 3]),
                3 => format!("10.0.{}.{}:80 - - \"GET / HTTP/1.1\" {i}", i % 7, i % 250),
                _ => "started".to_owned(),
            })
            .chain(["can't open \"file 5\", giving up".into(), "can't open \"it's 5\", giving up".into()])
            .chain([7, 8].map(|n| format!("{{\"n\":{n},\"items\":[{}]}}", "12345,".repeat(300))))
            .collect();
        let ids: Vec<usize> = lines.iter().map(|l| patterns.add(l)).collect();
        for (line, id) in lines.iter().zip(ids) {
            let regex = pattern_regex(&patterns.pieces(id));
            let regex = regex::Regex::new(&format!("(?s)\\A(?:{regex})\\z")).expect("compiles");
            assert!(regex.is_match(line), "{line}\n{regex}");
        }
    }

    #[test]
    fn absurd_lines_are_taken() {
        let mut patterns = Patterns::default();
        for line in [
            "",
            " ",
            "\u{1}\u{2}\u{1}",
            "\"",
            "'a",
            "🦀🦀 1",
            &"x ".repeat(100_000),
            &"ü1".repeat(50_000),
            "1-",
            "-",
            "0x",
        ] {
            let id = patterns.add(line);
            drop(pattern_text(&patterns.pieces(id)));
        }
        // A letter of several bytes at each place of what could be a time.
        for shape in ["2026-11-21T10:00:00", "10:00:00.5", "123456789012"] {
            for at in 0..shape.len() {
                for letter in ["ü", "用", "🦀"] {
                    patterns.add(&format!("{}{letter}{}", &shape[..at], &shape[at..]));
                }
            }
        }
    }
}
