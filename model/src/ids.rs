//! Trace and span ids: bytes inside, lower-case hex outside.

use std::fmt;
use std::str::FromStr;

/// Why a text is no id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not 32 (trace) or 16 (span) hex digits.
    #[error("an id of {expected} hex digits was expected, got {got} characters")]
    Length {
        /// How many digits belong there.
        expected: usize,
        /// How many came.
        got: usize,
    },
    /// A character that is no hex digit.
    #[error("'{0}' is not a hex digit")]
    Digit(char),
    /// All zero, which OpenTelemetry calls invalid.
    #[error("an id of zeros is invalid")]
    Zero,
}

/// A 16-byte trace id, never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TraceId(pub [u8; 16]);

/// An 8-byte span id, never all zero.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpanId(pub [u8; 8]);

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Appends `bytes` as lower-case hex.
pub fn push_hex(bytes: &[u8], out: &mut Vec<u8>) {
    let mut text = [0; 32];
    for part in bytes.chunks(16) {
        for (pair, b) in text.chunks_exact_mut(2).zip(part) {
            pair[0] = HEX[(b >> 4) as usize];
            pair[1] = HEX[(b & 15) as usize];
        }
        out.extend_from_slice(&text[..part.len() * 2]);
    }
}

/// `bytes` as lower-case hex text.
pub fn hex(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    push_hex(bytes, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn nibble(c: u8) -> Option<u8> {
    match c {
        b'0'..=b'9' => Some(c - b'0'),
        b'a'..=b'f' => Some(c - b'a' + 10),
        b'A'..=b'F' => Some(c - b'A' + 10),
        _ => None,
    }
}

/// Hex text of any case to bytes; `None` for an odd length or another character.
pub fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    text.chunks_exact(2).map(|pair| Some((nibble(pair[0])? << 4) | nibble(pair[1])?)).collect()
}

fn parse<const N: usize>(text: &str) -> Result<[u8; N], IdError> {
    if let Some(c) = text.chars().find(|c| !c.is_ascii_hexdigit()) {
        return Err(IdError::Digit(c));
    }
    let bytes = unhex(text.as_bytes()).and_then(|b| <[u8; N]>::try_from(b).ok());
    let bytes = bytes.ok_or(IdError::Length { expected: N * 2, got: text.len() })?;
    if bytes.iter().all(|b| *b == 0) {
        return Err(IdError::Zero);
    }
    Ok(bytes)
}

impl FromStr for TraceId {
    type Err = IdError;
    /// Hex of any case; 16 digits mean a 64-bit Zipkin id, padded with zeros.
    fn from_str(text: &str) -> Result<Self, IdError> {
        if text.len() == 16 {
            let mut padded = [0; 16];
            padded[8..].copy_from_slice(&parse::<8>(text)?);
            return Ok(Self(padded));
        }
        parse(text).map(Self)
    }
}

impl FromStr for SpanId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        parse(text).map(Self)
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_read_and_write() {
        let id: TraceId = "7F3A9C21e4b84d06a1c5d2709be6f318".parse().expect("an id");
        assert_eq!(id.to_string(), "7f3a9c21e4b84d06a1c5d2709be6f318");
        let short: TraceId = "a1c5d2709be6f318".parse().expect("a 64-bit id");
        assert_eq!(short.to_string(), "0000000000000000a1c5d2709be6f318");
    }

    #[test]
    fn what_is_no_id_says_why() {
        assert_eq!("00".repeat(16).parse::<TraceId>(), Err(IdError::Zero));
        assert_eq!("xyz".parse::<TraceId>(), Err(IdError::Digit('x')));
        assert_eq!("abcd".parse::<SpanId>(), Err(IdError::Length { expected: 16, got: 4 }));
    }
}
