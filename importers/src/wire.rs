//! The protobuf wire format, read and written without generated code: bounds-checked slices in, bytes out.

use crate::DecodeError;

/// One field of a message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'a [u8]),
    Fixed32(u32),
}

impl<'a> Value<'a> {
    pub fn bytes(self) -> Option<&'a [u8]> {
        if let Self::Bytes(b) = self { Some(b) } else { None }
    }
    pub fn varint(self) -> Option<u64> {
        if let Self::Varint(v) = self { Some(v) } else { None }
    }
    pub fn fixed64(self) -> Option<u64> {
        if let Self::Fixed64(v) = self { Some(v) } else { None }
    }
    pub fn double(self) -> Option<f64> {
        self.fixed64().map(f64::from_bits)
    }
}

/// A cursor over one message. `base` is where the outermost message began, for error positions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
    base: usize,
}

const MAX_GROUP_DEPTH: usize = 64;

impl<'a> Reader<'a> {
    pub fn new(message: &'a [u8]) -> Self {
        Self { rest: message, base: message.as_ptr() as usize }
    }

    /// A message inside this one, with positions that still count from the outermost.
    pub fn inside(self, message: &'a [u8]) -> Self {
        Self { rest: message, base: self.base }
    }

    /// What is left to read.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn fail(&self, what: &'static str) -> DecodeError {
        DecodeError::Protobuf { at: (self.rest.as_ptr() as usize).saturating_sub(self.base), what }
    }

    #[inline]
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        // Keys and most lengths are one byte.
        if let Some((first, rest)) = self.rest.split_first()
            && first & 0x80 == 0
        {
            self.rest = rest;
            return Ok(u64::from(*first));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0u64;
        for (i, byte) in self.rest.iter().take(10).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if i == 9 && *byte > 1 {
                return Err(self.fail("a varint of more than 64 bits"));
            }
            value |= bits << (7 * i);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[i + 1..];
                return Ok(value);
            }
        }
        Err(self.fail("a varint without an end"))
    }

    #[inline]
    fn take(&mut self, n: usize) -> Result<&'a [u8], DecodeError> {
        let (head, tail) = self.rest.split_at_checked(n).ok_or_else(|| self.fail("cut short"))?;
        self.rest = tail;
        Ok(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (head, tail) = self.rest.split_first_chunk().ok_or_else(|| self.fail("cut short"))?;
        self.rest = tail;
        Ok(*head)
    }

    #[inline]
    pub fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    #[inline]
    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next field and its number, or `None` at the end of the message. Groups are passed over.
    #[inline]
    pub fn field(&mut self) -> Result<Option<(u32, Value<'a>)>, DecodeError> {
        // Nearly all fields have a key of one byte, and nearly all texts are shorter than 128.
        if let [key @ 8..=0x7f, rest @ ..] = self.rest {
            let number = u32::from(key >> 3);
            match (key & 7, rest) {
                (2, [n @ 0..=0x7f, rest @ ..]) => {
                    if let Some((bytes, rest)) = rest.split_at_checked(usize::from(*n)) {
                        self.rest = rest;
                        return Ok(Some((number, Value::Bytes(bytes))));
                    }
                }
                (0, [value @ 0..=0x7f, rest @ ..]) => {
                    self.rest = rest;
                    return Ok(Some((number, Value::Varint(u64::from(*value)))));
                }
                (1, _) => {
                    if let Some((value, rest)) = rest.split_first_chunk() {
                        self.rest = rest;
                        return Ok(Some((number, Value::Fixed64(u64::from_le_bytes(*value)))));
                    }
                }
                _ => {}
            }
        } else if self.rest.is_empty() {
            return Ok(None);
        }
        self.any_field()
    }

    #[inline(never)]
    fn any_field(&mut self) -> Result<Option<(u32, Value<'a>)>, DecodeError> {
        while !self.rest.is_empty() {
            let key = self.varint()?;
            let number = u32::try_from(key >> 3).ok().filter(|n| *n > 0 && *n < 1 << 29);
            let number = number.ok_or_else(|| self.fail("an invalid field number"))?;
            let value = match key & 7 {
                0 => Value::Varint(self.varint()?),
                1 => Value::Fixed64(self.u64()?),
                2 => {
                    let n = self.varint()?;
                    let n = usize::try_from(n).ok().unwrap_or(usize::MAX);
                    Value::Bytes(self.take(n)?)
                }
                5 => Value::Fixed32(self.u32()?),
                3 => {
                    self.skip_group(number, 0)?;
                    continue;
                }
                _ => return Err(self.fail("an invalid wire type")),
            };
            return Ok(Some((number, value)));
        }
        Ok(None)
    }

    fn skip_group(&mut self, group: u32, depth: usize) -> Result<(), DecodeError> {
        if depth > MAX_GROUP_DEPTH {
            return Err(self.fail("groups nested too deep"));
        }
        loop {
            let key = self.varint()?;
            let number = (key >> 3) as u32;
            match key & 7 {
                0 => drop(self.varint()?),
                1 => drop(self.take(8)?),
                2 => {
                    let n = self.varint()?;
                    self.take(usize::try_from(n).ok().unwrap_or(usize::MAX))?;
                }
                3 => self.skip_group(number, depth + 1)?,
                4 if number == group => return Ok(()),
                5 => drop(self.take(4)?),
                _ => return Err(self.fail("an invalid wire type")),
            }
        }
    }
}

/// Appends fields to a message; nested messages get a padded length that is filled in at their end.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    pub out: Vec<u8>,
}

/// Where a nested message began, to be given back to [`Writer::end`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct Open(usize);

const LENGTH_BYTES: usize = 5;

impl Writer {
    pub fn varint(&mut self, mut v: u64) {
        while v >= 0x80 {
            self.out.push((v as u8) | 0x80);
            v >>= 7;
        }
        self.out.push(v as u8);
    }

    fn key(&mut self, field: u32, wire_type: u32) {
        self.varint(u64::from(field) << 3 | u64::from(wire_type));
    }

    pub fn uint(&mut self, field: u32, v: u64) {
        self.key(field, 0);
        self.varint(v);
    }

    pub fn sint(&mut self, field: u32, v: i64) {
        self.uint(field, ((v << 1) ^ (v >> 63)) as u64);
    }

    pub fn fixed64(&mut self, field: u32, v: u64) {
        self.key(field, 1);
        self.out.extend_from_slice(&v.to_le_bytes());
    }

    pub fn fixed32(&mut self, field: u32, v: u32) {
        self.key(field, 5);
        self.out.extend_from_slice(&v.to_le_bytes());
    }

    pub fn double(&mut self, field: u32, v: f64) {
        self.fixed64(field, v.to_bits());
    }

    pub fn bytes(&mut self, field: u32, v: &[u8]) {
        self.key(field, 2);
        self.varint(v.len() as u64);
        self.out.extend_from_slice(v);
    }

    pub fn begin(&mut self, field: u32) -> Open {
        self.key(field, 2);
        self.out.extend_from_slice(&[0x80, 0x80, 0x80, 0x80, 0]);
        Open(self.out.len())
    }

    /// Fills in the length. Messages are far below 2^35 bytes: input is limited to less.
    pub fn end(&mut self, open: Open) {
        let mut length = self.out.len() - open.0;
        for i in 0..LENGTH_BYTES {
            let more = if i + 1 < LENGTH_BYTES { 0x80 } else { 0 };
            self.out[open.0 - LENGTH_BYTES + i] = (length & 0x7f) as u8 | more;
            length >>= 7;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_what_it_reads() {
        let mut w = Writer::default();
        w.uint(1, u64::MAX);
        let open = w.begin(2);
        w.sint(3, -5);
        w.bytes(4, b"x");
        w.end(open);
        w.fixed32(5, 7);
        let mut r = Reader::new(&w.out);
        assert_eq!(r.field().expect("1").and_then(|f| f.1.varint()), Some(u64::MAX));
        let inner = r.field().expect("2").and_then(|f| f.1.bytes()).expect("a message");
        let mut inner = r.inside(inner);
        assert_eq!(inner.field().expect("3").and_then(|f| f.1.varint()), Some(9));
        assert_eq!(inner.field().expect("4").and_then(|f| f.1.bytes()), Some(&b"x"[..]));
        assert!(inner.field().expect("end").is_none());
        assert!(matches!(r.field().expect("5"), Some((5, Value::Fixed32(7)))));
    }

    #[test]
    fn what_is_cut_or_wrong_has_a_place() {
        for (bytes, what) in [
            (&b"\x0a\x05ab"[..], "cut short"),
            (b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "a varint of more than 64 bits"),
            (b"\x00\x01", "an invalid field number"),
            (b"\x0f", "an invalid wire type"),
            (b"\x0b\x0b\x0c", "a varint without an end"),
        ] {
            let got = Reader::new(bytes).field().expect_err("malformed");
            assert!(matches!(got, DecodeError::Protobuf { what: w, .. } if w == what), "{got}");
        }
    }
}
