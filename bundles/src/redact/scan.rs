//! Finding what should not leave: personal data and keys, by their form.
//!
//! A text is passed over once for bytes that something could begin at; only around those it is looked closely. So what is
//! harmless, which is nearly everything, costs one pass.

use super::Detector;
use memchr::memmem;
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// Something that was found, and where in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// What it looks like.
    pub detector: Detector,
    /// Which bytes.
    pub range: Range<usize>,
}

/// What follows these words is a secret.
static KEYS: LazyLock<Regex> = LazyLock::new(|| {
    let known = [
        r"AKIA[0-9A-Z]{16}",
        r"ASIA[0-9A-Z]{16}",
        r"gh[pousr]_[A-Za-z0-9]{20}[A-Za-z0-9]*",
        r"github_pat_[A-Za-z0-9_]{20}[A-Za-z0-9_]*",
        r"glpat-[A-Za-z0-9_\-]{20}[A-Za-z0-9_\-]*",
        r"xox[abprs]-[A-Za-z0-9\-]{10}[A-Za-z0-9\-]*",
        r"[sr]k_(?:live|test)_[A-Za-z0-9]{16}[A-Za-z0-9]*",
        r"AIza[0-9A-Za-z_\-]{35}",
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.)*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)",
        r"(?i:bearer|basic) [A-Za-z0-9_\-.=+/~]{16}[A-Za-z0-9_\-.=+/~]*",
        r#"(?i:password|passwd|pwd|secret|api[_-]?key|access[_-]?token|auth[_-]?token)["']?[ \t]*[=:][ \t]*["']?[^ \t\r\n"'&;,]{4}[^ \t\r\n"'&;,]*"#,
        r"[a-z][a-z0-9+.\-]+://[^ \t\r\n/@:]+:[^ \t\r\n/@]+@",
    ];
    Regex::new(&known.join("|")).expect("the expressions are right")
});

/// Words of which [`KEYS`] has one in every match, in small letters.
const KEY_HINTS: [&str; 20] = [
    "akia",
    "asia",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xox",
    "k_live_",
    "k_test_",
    "aiza",
    "private key",
    "bearer ",
    "basic ",
    "pass",
    "secret",
    "api",
    "token",
];

fn is_word(b: u8) -> bool {
    b.is_ascii_alphanumeric()
}

fn is_local(b: u8) -> bool {
    is_word(b) || matches!(b, b'.' | b'_' | b'%' | b'+' | b'-' | b'\'') || b >= 0x80
}

/// The bounds of an address around an `@`.
fn email(text: &[u8], at: usize) -> Option<Range<usize>> {
    let mut start = text[..at].iter().rposition(|b| !is_local(*b)).map_or(0, |i| i + 1);
    while start < at && matches!(text[start], b'.' | b'\'' | b'-') {
        start += 1;
    }
    let host = &text[at + 1..];
    let n = host.iter().position(|b| !(is_word(*b) || matches!(b, b'.' | b'-') || *b >= 0x80)).unwrap_or(host.len());
    let mut end = at + 1 + n;
    while end > at + 1 && matches!(text[end - 1], b'.' | b'-') {
        end -= 1;
    }
    let host = &text[at + 1..end];
    let dot = host.iter().rposition(|b| *b == b'.')?;
    let top = &host[dot + 1..];
    let is_top = top.len() >= 2 && top.iter().all(|b| b.is_ascii_alphabetic() || *b >= 0x80);
    (start < at && dot > 0 && is_top).then_some(start..end)
}

/// Luhn's check over digits.
fn is_luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let d = u32::from(d - b'0') * if i % 2 == 1 { 2 } else { 1 };
            if d > 9 { d - 9 } else { d }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The length of a run of digits with single blanks, dots, brackets or dashes between, and its digits.
fn grouped(text: &[u8], start: usize, is_between: fn(u8) -> bool, out: &mut Vec<u8>) -> usize {
    out.clear();
    let (mut end, mut i) = (start, start);
    while i < text.len() {
        if text[i].is_ascii_digit() {
            out.push(text[i]);
            end = i + 1;
        } else if !is_between(text[i])
            || (i > start && is_between(text[i - 1]) && text[i] != b'(' && text[i - 1] != b')')
        {
            break;
        }
        i += 1;
    }
    end
}

/// Whether the digits of a card stand in groups of four, or of 4-6-5, or without any gaps.
fn is_card(text: &[u8], digits: &[u8]) -> bool {
    if !(13..=19).contains(&digits.len()) || !matches!(digits[0], b'2'..=b'6') || !is_luhn(digits) {
        return false;
    }
    if digits.iter().all(|d| *d == digits[0]) {
        return false;
    }
    let mut groups = text.split(|b| !b.is_ascii_digit()).map(<[u8]>::len).peekable();
    if groups.clone().count() == 1 {
        return true;
    }
    let all: Vec<usize> = groups.by_ref().collect();
    all == [4, 6, 5] || (all[..all.len() - 1].iter().all(|n| *n == 4) && all[all.len() - 1] <= 4)
}

/// The longest number of a card that begins here: what follows after a gap may be another one.
fn card(text: &[u8], start: usize, digits: &mut Vec<u8>) -> Option<usize> {
    digits.clear();
    let (mut i, mut found) = (start, None);
    loop {
        let n = text[i..].iter().take_while(|b| b.is_ascii_digit()).count();
        digits.extend(&text[i..i + n]);
        i += n;
        let follows = text.get(i).copied().unwrap_or(b' ');
        if n == 0 || digits.len() > 19 || is_word(follows) {
            return found;
        }
        if is_card(&text[start..i], digits) {
            found = Some(i);
        }
        if i >= text.len() || !matches!(follows, b' ' | b'-') {
            return found;
        }
        i += 1;
    }
}

fn ipv4(text: &[u8], start: usize) -> Option<usize> {
    let mut i = start;
    for part in 0..4 {
        let n = text[i..].iter().take(3).take_while(|b| b.is_ascii_digit()).count();
        let value = text[i..i + n].iter().fold(0_u32, |v, b| v * 10 + u32::from(b - b'0'));
        if n == 0 || value > 255 || (n > 1 && text[i] == b'0') {
            return None;
        }
        i += n;
        if part < 3 {
            if text.get(i) != Some(&b'.') {
                return None;
            }
            i += 1;
        }
    }
    let follows = text.get(i).copied().unwrap_or(b' ');
    let goes_on =
        follows.is_ascii_alphanumeric() || (follows == b'.' && text.get(i + 1).is_some_and(u8::is_ascii_digit));
    (!goes_on).then_some(i)
}

/// A run of hex digits and colons that is an address, with `::` or all eight parts.
fn ipv6(text: &[u8], colon: usize) -> Option<Range<usize>> {
    let is_part = |b: &u8| b.is_ascii_hexdigit() || *b == b':' || *b == b'.';
    let start = text[..colon].iter().rposition(|b| !is_part(b)).map_or(0, |i| i + 1);
    let end = colon + text[colon..].iter().position(|b| !is_part(b)).unwrap_or(text.len() - colon);
    if (start > 0 && is_word(text[start - 1])) || text.get(end).is_some_and(|b| is_word(*b)) {
        return None;
    }
    let run = std::str::from_utf8(&text[start..end]).ok()?.trim_end_matches(['.', ':']);
    let run = if text[start..end].ends_with(b"::") { std::str::from_utf8(&text[start..end]).ok()? } else { run };
    let address: std::net::Ipv6Addr = run.parse().ok()?;
    // `::` alone and times such as 12::30 say nothing about a person.
    (run.len() > 3 && !address.is_unspecified() && !address.is_loopback()).then_some(start..start + run.len())
}

fn iban(text: &[u8], start: usize) -> Option<usize> {
    let (mut i, mut n, mut rest) = (start, 0, 0_u32);
    let mut head = [0_u8; 4];
    let mut numbers: Vec<u8> = Vec::with_capacity(34);
    let mut end = start;
    while i < text.len() && n < 34 {
        let b = text[i];
        if b == b' ' && n > 0 && n % 4 == 0 && text.get(i + 1).is_some_and(|b| is_word(*b)) {
            i += 1;
            continue;
        }
        if !(b.is_ascii_digit() || b.is_ascii_uppercase()) {
            break;
        }
        if n < 4 {
            head[n] = b;
        } else {
            numbers.push(b);
        }
        (n, i) = (n + 1, i + 1);
        end = i;
    }
    if !(15..=34).contains(&n) || text.get(end).is_some_and(|b| is_word(*b)) {
        return None;
    }
    if !(head[..2].iter().all(u8::is_ascii_uppercase) && head[2..].iter().all(u8::is_ascii_digit)) {
        return None;
    }
    for b in numbers.iter().chain(&head) {
        rest = if b.is_ascii_digit() {
            (rest * 10 + u32::from(b - b'0')) % 97
        } else {
            (rest * 100 + u32::from(b - b'A') + 10) % 97
        };
    }
    (rest == 1).then_some(end)
}

fn jwt(text: &[u8], start: usize) -> Option<usize> {
    let is_part = |b: &u8| is_word(*b) || matches!(b, b'_' | b'-');
    let mut i = start;
    for part in 0..3 {
        let n = text[i..].iter().take_while(|b| is_part(b)).count();
        if (part < 2 && n < 8) || (part == 2 && n < 1) {
            return None;
        }
        i += n;
        if part < 2 {
            if text.get(i) != Some(&b'.') {
                return None;
            }
            i += 1;
        }
    }
    Some(i)
}

/// Digits that begin with a plus, or with brackets, as telephone numbers are written.
fn phone(text: &[u8], start: usize, digits: &mut Vec<u8>) -> Option<usize> {
    let is_between = |b: u8| matches!(b, b' ' | b'-' | b'.' | b'/' | b'(' | b')');
    let first = if text[start] == b'+' { start + 1 } else { start };
    let end = grouped(text, first, is_between, digits);
    let is_phone = match text[start] {
        b'+' => (8..=15).contains(&digits.len()) && digits[0] != b'0',
        // (555) 010-9999
        _ => {
            digits.len() == 10
                && text.get(start + 4) == Some(&b')')
                && text[start + 1..start + 4].iter().all(u8::is_ascii_digit)
        }
    };
    (is_phone && !text.get(end).is_some_and(|b| is_word(*b))).then_some(end)
}

/// What could begin at a byte, found with one look into a table.
const NOTHING: u8 = 0;
const AT: u8 = 1;
const DIGIT: u8 = 2;
const COLON: u8 = 3;
const CAPITAL: u8 = 4;
const E: u8 = 5;
const PLUS: u8 = 6;

static CLASSES: [u8; 256] = {
    let mut all = [NOTHING; 256];
    let mut b = 0;
    while b < 256 {
        all[b] = match b as u8 {
            b'@' => AT,
            b'0'..=b'9' => DIGIT,
            b':' => COLON,
            b'A'..=b'Z' => CAPITAL,
            b'e' => E,
            b'+' | b'(' => PLUS,
            _ => NOTHING,
        };
        b += 1;
    }
    all
};

/// Which detectors look, and words of one's own.
#[derive(Debug, Clone)]
pub struct Scanner {
    wanted: [bool; Detector::N],
    own: Vec<(String, Regex)>,
    hints: Option<aho::Hints>,
}

/// Whether one of a few words stands in a text, in any letters.
mod aho {
    use regex::bytes::{Regex, RegexBuilder};

    #[derive(Debug, Clone)]
    pub struct Hints(Regex);

    impl Hints {
        pub fn new(words: &[&str]) -> Option<Self> {
            let any: Vec<String> = words.iter().map(|w| regex::escape(w)).collect();
            RegexBuilder::new(&any.join("|")).case_insensitive(true).unicode(false).build().ok().map(Self)
        }

        pub fn is_in(&self, text: &[u8]) -> bool {
            self.0.is_match(text)
        }
    }
}

impl Scanner {
    /// One that looks for these, and for expressions of one's own with their names.
    pub fn new(detectors: &[Detector], own: Vec<(String, Regex)>) -> Self {
        let mut wanted = [false; Detector::N];
        for detector in detectors {
            wanted[detector.place()] = true;
        }
        let hints = wanted[Detector::Key.place()].then(|| aho::Hints::new(&KEY_HINTS)).flatten();
        Self { wanted, own, hints }
    }

    /// Whether it looks for anything.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.wanted == [false; Detector::N]
    }

    fn wants(&self, detector: Detector) -> bool {
        self.wanted[detector.place()]
    }

    /// Everything that was found, by place; none within another.
    pub fn hits(&self, text: &str, hits: &mut Vec<Hit>) {
        hits.clear();
        self.by_form(text.as_bytes(), hits);
        if self.wants(Detector::Key) && self.has_key_hint(text.as_bytes()) {
            hits.extend(KEYS.find_iter(text).map(|m| Hit { detector: Detector::Key, range: m.range() }));
        }
        for (i, (_, own)) in self.own.iter().enumerate() {
            let found = own.find_iter(text).filter(|m| !m.is_empty());
            hits.extend(found.map(|m| Hit { detector: Detector::Own(i as u8), range: m.range() }));
        }
        if hits.len() > 1 {
            // The longest of those that begin first holds the others.
            hits.sort_by_key(|h| (h.range.start, std::cmp::Reverse(h.range.end)));
            let mut end = 0;
            hits.retain(|h| {
                let is_apart = h.range.start >= end;
                if is_apart {
                    end = h.range.end;
                }
                is_apart
            });
        }
    }

    fn has_key_hint(&self, text: &[u8]) -> bool {
        memmem::find(text, b"://").is_some() || self.hints.as_ref().is_some_and(|h| h.is_in(text))
    }

    fn by_form(&self, text: &[u8], hits: &mut Vec<Hit>) {
        let mut digits = Vec::new();
        let mut i = 0;
        while i < text.len() {
            let class = CLASSES[usize::from(text[i])];
            if class == NOTHING {
                i += 1;
                continue;
            }
            let begins = i == 0 || !is_word(text[i - 1]);
            let found = match class {
                AT if self.wants(Detector::Email) => email(text, i).map(|r| (Detector::Email, r)),
                DIGIT if begins => self.number(text, i, &mut digits),
                COLON if self.wants(Detector::Ip) && text.get(i + 1) == Some(&b':') => {
                    ipv6(text, i).map(|r| (Detector::Ip, r))
                }
                COLON if self.wants(Detector::Ip) => long_ipv6(text, i).map(|r| (Detector::Ip, r)),
                CAPITAL if begins && self.wants(Detector::Iban) => iban(text, i).map(|end| (Detector::Iban, i..end)),
                E if begins && self.wants(Detector::Jwt) && text[i..].starts_with(b"eyJ") => {
                    jwt(text, i).map(|end| (Detector::Jwt, i..end))
                }
                PLUS if self.wants(Detector::Phone) => phone(text, i, &mut digits).map(|end| (Detector::Phone, i..end)),
                _ => None,
            };
            match found {
                Some((detector, range)) => {
                    i = range.end.max(i + 1);
                    hits.push(Hit { detector, range });
                }
                // The rest of a run of digits is none.
                None if class == DIGIT => i += text[i..].iter().take_while(|b| b.is_ascii_digit()).count(),
                None => i += 1,
            }
        }
    }

    fn number(&self, text: &[u8], i: usize, digits: &mut Vec<u8>) -> Option<(Detector, Range<usize>)> {
        if self.wants(Detector::Ip)
            && let Some(end) = ipv4(text, i)
            && (i == 0 || text[i - 1] != b'.')
        {
            return Some((Detector::Ip, i..end));
        }
        if self.wants(Detector::Card)
            && let Some(end) = card(text, i, digits)
        {
            return Some((Detector::Card, i..end));
        }
        None
    }
}

/// An address with all eight parts, which is looked for once, at its first colon.
fn long_ipv6(text: &[u8], colon: usize) -> Option<Range<usize>> {
    let start = text[..colon].iter().rposition(|b| !b.is_ascii_hexdigit()).map_or(0, |i| i + 1);
    if start == colon || colon - start > 4 || (start > 0 && (text[start - 1] == b':' || is_word(text[start - 1]))) {
        return None;
    }
    let rest = &text[start..];
    let end = rest.iter().position(|b| !b.is_ascii_hexdigit() && *b != b':').unwrap_or(rest.len());
    let run = std::str::from_utf8(&rest[..end]).ok()?;
    if run.bytes().filter(|b| *b == b':').count() != 7 || rest.get(end).is_some_and(|b| is_word(*b)) {
        return None;
    }
    run.parse::<std::net::Ipv6Addr>().ok()?;
    Some(start..start + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(&'static str, String)> {
        let scanner = Scanner::new(&Detector::ALL, Vec::new());
        let mut hits = Vec::new();
        scanner.hits(text, &mut hits);
        hits.iter().map(|h| (h.detector.name(), text[h.range.clone()].to_owned())).collect()
    }

    #[test]
    fn what_has_the_form_is_found_and_nothing_else() {
        for (text, expected) in [
            ("mail jo.doe+x@mail.example.org, please", vec![("email", "jo.doe+x@mail.example.org")]),
            ("a@b", vec![]),
            ("user@host and @you", vec![]),
            ("jürgen@exämple.de.", vec![("email", "jürgen@exämple.de")]),
            ("card 4111 1111 1111 1111 ok", vec![("card", "4111 1111 1111 1111")]),
            ("4111111111111111", vec![("card", "4111111111111111")]),
            ("4111-1111-1111-1112", vec![]),
            ("378282246310005 3782-822463-10005", vec![("card", "378282246310005"), ("card", "3782-822463-10005")]),
            ("1732190400000000000 ns", vec![]),
            ("trace 4111111111111111aaaa", vec![]),
            ("from 10.1.2.3:8080 to 192.168.0.255", vec![("ip", "10.1.2.3"), ("ip", "192.168.0.255")]),
            ("version 1.2.3.4.5 and 1.2.3 and 256.1.1.1 and 01.2.3.4", vec![]),
            ("at 2001:db8::8a2e:370:7334 and fe80::1", vec![("ip", "2001:db8::8a2e:370:7334"), ("ip", "fe80::1")]),
            ("2001:0db8:85a3:0000:0000:8a2e:0370:7334", vec![("ip", "2001:0db8:85a3:0000:0000:8a2e:0370:7334")]),
            ("12:30:45 a::b::c std::fmt::Display ::1 10:20", vec![]),
            ("DE89 3704 0044 0532 0130 00", vec![("iban", "DE89 3704 0044 0532 0130 00")]),
            ("GB82WEST12345698765432 GB82WEST12345698765433", vec![("iban", "GB82WEST12345698765432")]),
            ("call +49 30 901820 or (555) 010-9999", vec![("phone", "+49 30 901820"), ("phone", "(555) 010-9999")]),
            ("+1 and 1+2=3 (404) and +05", vec![]),
            (
                "t=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N",
                vec![("jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N")],
            ),
            ("AKIAIOSFODNN7EXAMPLE", vec![("key", "AKIAIOSFODNN7EXAMPLE")]),
            ("password=hunter22 x", vec![("key", "password=hunter22")]),
            ("Authorization: Bearer abcdefghijklmnop.qrstuv", vec![("key", "Bearer abcdefghijklmnop.qrstuv")]),
            ("postgres://app:s3cr3t@db:5432/shop", vec![("key", "postgres://app:s3cr3t@")]),
            ("GET /api/v1/items?id=42 200 15ms", vec![]),
            ("", vec![]),
        ] {
            let expected: Vec<(&str, String)> = expected.into_iter().map(|(d, t)| (d, t.to_owned())).collect();
            assert_eq!(found(text), expected, "{text}");
        }
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----";
        assert_eq!(found(&format!("x {pem} y")), [("key", pem.to_owned())]);
    }

    #[test]
    fn one_text_can_hold_many_and_own_expressions_count() {
        let own = vec![("ticket".to_owned(), Regex::new("T-[0-9]+").expect("an expression"))];
        let scanner = Scanner::new(&[Detector::Email], own);
        let mut hits = Vec::new();
        scanner.hits("T-17 by a@example.org for b@example.org, T-18", &mut hits);
        let kinds: Vec<Detector> = hits.iter().map(|h| h.detector).collect();
        assert_eq!(kinds, [Detector::Own(0), Detector::Email, Detector::Email, Detector::Own(0)]);
        scanner.hits("10.0.0.1", &mut hits);
        assert!(hits.is_empty());
    }
}
