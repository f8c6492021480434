//! A pull reader for JSON text: one pass, no tree, positions in errors.

use crate::DecodeError;
use std::borrow::Cow;

/// Deeper nesting is refused, so that no text can exhaust the stack.
const MAX_DEPTH: usize = 200;

/// A cursor over one JSON text.
pub(crate) struct JsonReader<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

impl<'a> JsonReader<'a> {
    /// A byte order mark is passed over.
    pub fn new(text: &'a [u8]) -> Self {
        let at = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        Self { text, at, depth: 0 }
    }

    pub fn fail(&self, what: impl Into<String>) -> DecodeError {
        let before = &self.text[..self.at.min(self.text.len())];
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        let column = 1 + before.len() - memchr::memrchr(b'\n', before).map_or(0, |i| i + 1);
        DecodeError::Json { line, column, what: what.into() }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.get(self.at) {
            self.at += 1;
        }
    }

    /// Whether only white space is left.
    pub fn is_at_end(&mut self) -> bool {
        self.skip_space();
        self.at >= self.text.len()
    }

    pub fn peek(&mut self) -> Result<Next, DecodeError> {
        self.skip_space();
        match self.text.get(self.at) {
            Some(b'{') => Ok(Next::Object),
            Some(b'[') => Ok(Next::Array),
            Some(b'"') => Ok(Next::String),
            Some(b'-' | b'0'..=b'9') => Ok(Next::Number),
            Some(b't' | b'f') => Ok(Next::Bool),
            Some(b'n') => Ok(Next::Null),
            Some(_) => Err(self.fail("a value was expected")),
            None => Err(self.fail("the text ends in the middle")),
        }
    }

    fn expect(&mut self, c: u8) -> Result<(), DecodeError> {
        self.skip_space();
        if self.text.get(self.at) == Some(&c) {
            self.at += 1;
            return Ok(());
        }
        Err(self.fail(format!("'{}' was expected", c as char)))
    }

    /// Reads an object; `member` must consume the value of each key.
    pub fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &str) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        self.enter(b'{')?;
        self.skip_space();
        if self.text.get(self.at) == Some(&b'}') {
            self.leave();
            return Ok(());
        }
        loop {
            self.skip_space();
            if self.text.get(self.at) != Some(&b'"') {
                return Err(self.fail("a key in quotes was expected"));
            }
            let key = self.string()?;
            self.expect(b':')?;
            member(self, &key)?;
            self.skip_space();
            match self.text.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b'}') => {
                    self.leave();
                    return Ok(());
                }
                _ => return Err(self.fail("',' or '}' was expected")),
            }
        }
    }

    /// Reads an array; `item` must consume each value.
    pub fn array(&mut self, mut item: impl FnMut(&mut Self) -> Result<(), DecodeError>) -> Result<(), DecodeError> {
        self.enter(b'[')?;
        self.skip_space();
        if self.text.get(self.at) == Some(&b']') {
            self.leave();
            return Ok(());
        }
        loop {
            item(self)?;
            self.skip_space();
            match self.text.get(self.at) {
                Some(b',') => self.at += 1,
                Some(b']') => {
                    self.leave();
                    return Ok(());
                }
                _ => return Err(self.fail("',' or ']' was expected")),
            }
        }
    }

    fn enter(&mut self, c: u8) -> Result<(), DecodeError> {
        self.expect(c)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.fail("nested too deep")) } else { Ok(()) }
    }

    fn leave(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    /// Reads a string, unescaped. Bytes that are no UTF-8 become replacement characters.
    pub fn string(&mut self) -> Result<Cow<'a, str>, DecodeError> {
        self.expect(b'"')?;
        let start = self.at;
        let rest = &self.text[start.min(self.text.len())..];
        let Some(i) = rest.iter().position(|c| matches!(c, b'"' | b'\\' | 0..0x20)) else {
            return Err(self.fail("a string without an end"));
        };
        self.at += i;
        match self.text[self.at] {
            b'"' => {
                let raw = &self.text[start..self.at];
                self.at += 1;
                Ok(String::from_utf8_lossy(raw))
            }
            b'\\' => self.escaped_string(start).map(Cow::Owned),
            _ => Err(self.fail("a control character inside a string")),
        }
    }

    fn escaped_string(&mut self, start: usize) -> Result<String, DecodeError> {
        let mut out = String::from_utf8_lossy(&self.text[start..self.at]).into_owned();
        loop {
            match self.text.get(self.at) {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => {
                    self.at += 1;
                    out.push(self.escape()?);
                }
                Some(0..0x20) => return Err(self.fail("a control character inside a string")),
                Some(_) => {
                    let rest = &self.text[self.at..];
                    let n = rest.iter().position(|c| matches!(c, b'"' | b'\\' | 0..0x20)).unwrap_or(rest.len());
                    out.push_str(&String::from_utf8_lossy(&rest[..n]));
                    self.at += n;
                }
                None => return Err(self.fail("a string without an end")),
            }
        }
    }

    fn escape(&mut self) -> Result<char, DecodeError> {
        let c = *self.text.get(self.at).ok_or_else(|| self.fail("a string without an end"))?;
        self.at += 1;
        Ok(match c {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode_escape(),
            _ => return Err(self.fail("an unknown escape")),
        })
    }

    fn unicode_escape(&mut self) -> Result<char, DecodeError> {
        let high = self.hex4()?;
        if (0xd800..0xdc00).contains(&high) && self.text[self.at..].starts_with(b"\\u") {
            let back = self.at;
            self.at += 2;
            let low = self.hex4()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex4(&mut self) -> Result<u32, DecodeError> {
        let digits = self.text.get(self.at..self.at + 4).and_then(|d| std::str::from_utf8(d).ok());
        let code = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = code.and_then(|d| u32::from_str_radix(d, 16).ok());
        let code = code.ok_or_else(|| self.fail("four hex digits were expected"))?;
        self.at += 4;
        Ok(code)
    }

    /// The text of a number, checked against JSON's grammar.
    pub fn number(&mut self) -> Result<&'a str, DecodeError> {
        self.skip_space();
        let start = self.at;
        let digits = |at: &mut usize| {
            let from = *at;
            while self.text.get(*at).is_some_and(u8::is_ascii_digit) {
                *at += 1;
            }
            *at > from
        };
        let mut at = self.at;
        if self.text.get(at) == Some(&b'-') {
            at += 1;
        }
        let mut is_sound = digits(&mut at);
        if self.text.get(at) == Some(&b'.') {
            at += 1;
            is_sound &= digits(&mut at);
        }
        if let Some(b'e' | b'E') = self.text.get(at) {
            at += 1;
            if let Some(b'+' | b'-') = self.text.get(at) {
                at += 1;
            }
            is_sound &= digits(&mut at);
        }
        self.at = at;
        let text = std::str::from_utf8(&self.text[start..at]).ok().filter(|_| is_sound);
        text.ok_or_else(|| self.fail("a malformed number"))
    }

    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        self.skip_space();
        if self.word(b"true") {
            return Ok(true);
        }
        if self.word(b"false") { Ok(false) } else { Err(self.fail("true or false was expected")) }
    }

    fn word(&mut self, word: &[u8]) -> bool {
        let found = self.text[self.at..].starts_with(word);
        if found {
            self.at += word.len();
        }
        found
    }

    /// Consumes a null if one comes next.
    pub fn null(&mut self) -> Result<bool, DecodeError> {
        if self.peek()? != Next::Null {
            return Ok(false);
        }
        if self.word(b"null") { Ok(true) } else { Err(self.fail("a value was expected")) }
    }

    /// Passes over any value.
    pub fn skip(&mut self) -> Result<(), DecodeError> {
        match self.peek()? {
            Next::Object => self.object(|r, _| r.skip()),
            Next::Array => self.array(Self::skip),
            Next::String => self.string().map(drop),
            Next::Number => self.number().map(drop),
            Next::Bool => self.bool().map(drop),
            Next::Null => self.null().map(drop),
        }
    }
}

/// A JSON number or numeric text as an exact integer: `12`, `1e3`, `1.0`; `None` for a fraction or anything else.
pub(crate) fn exact_integer(text: &str) -> Option<i128> {
    if let Ok(v) = text.parse::<i128>() {
        return Some(v);
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((m, e)) => (m, e.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let digits: i128 = format!("{whole}{fraction}").parse().ok()?;
    if digits == 0 {
        return Some(0);
    }
    if shift >= 0 {
        return digits.checked_mul(10i128.checked_pow(u32::try_from(shift).ok()?)?);
    }
    let divisor = 10i128.checked_pow(shift.unsigned_abs())?;
    (digits % divisor == 0).then(|| digits / divisor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_exact_or_nothing() {
        for (text, value) in [
            ("9007199254740993", Some(9_007_199_254_740_993)),
            ("1e3", Some(1_000)),
            ("1.0", Some(1)),
            ("-1.50e1", Some(-15)),
            ("1.5", None),
            ("1e-1", None),
            ("1e99", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(exact_integer(text), value, "{text}");
        }
    }

    #[test]
    fn strings_unescape() {
        let mut r = JsonReader::new(br#""a\u00e9\ud83d\ude00\n\ud800x""#);
        assert_eq!(r.string().expect("a string"), "aé😀\n\u{fffd}x");
    }

    #[test]
    fn malformed_text_has_a_place() {
        for (text, line, column) in
            [("{\"a\":1", 1, 7), ("{\n  \"a\" 1}", 2, 7), ("[1,]", 1, 4), ("\"a\u{1}\"", 1, 3), ("{\"a\":tru}", 1, 6)]
        {
            let e = JsonReader::new(text.as_bytes()).skip().expect_err(text);
            assert!(
                matches!(e, DecodeError::Json { line: l, column: c, .. } if (l, c) == (line, column)),
                "{text}: {e}"
            );
        }
        let deep = "[".repeat(100_000);
        assert!(JsonReader::new(deep.as_bytes()).skip().is_err());
    }
}
