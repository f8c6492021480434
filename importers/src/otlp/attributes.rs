//! `KeyValue` lists and `AnyValue`s: text for the map, types and exact bytes beside it.

use super::fault::Fault;
use crate::DecodeError;
use crate::build::MapColumn;
use crate::wire::{Reader, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use sextant_model::ValueType;
use sextant_model::value::double_text;
use std::collections::HashMap;
use std::io::Write as _;

/// Deeper values are refused; SDKs stop at 64.
const MAX_DEPTH: usize = 90;
/// Up to this many entries are compared with each other, more are hashed.
const FEW: usize = 24;

/// One `KeyValue`: the whole message, its key and its value.
#[derive(Debug, Clone, Copy)]
struct Entry<'a> {
    whole: &'a [u8],
    key: &'a [u8],
    /// Length and last bytes of the key: keys that differ mostly differ here.
    print: u64,
    value: Reader<'a>,
    is_superseded: bool,
}

/// What was odd about an attribute list that was kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Odd {
    pub has_duplicate_key: bool,
    pub has_strindex: bool,
}

/// The entries of one attribute list; reused from record to record.
#[derive(Debug, Default)]
pub(super) struct Entries<'a> {
    list: Vec<Entry<'a>>,
    has_strindex: bool,
}

/// A text field as it is: whether it is UTF-8 is checked once a column.
pub(super) fn string(bytes: &[u8]) -> &[u8] {
    bytes
}

impl<'a> Entries<'a> {
    pub fn clear(&mut self) {
        self.list.clear();
        self.has_strindex = false;
    }

    pub fn read(&mut self, r: Reader<'a>) -> Result<(), DecodeError> {
        let mut entry = Entry { whole: &[], key: &[], print: 0, value: r.inside(&[]), is_superseded: false };
        let start = r;
        let mut fields = r;
        while let Some((number, value)) = fields.field()? {
            match (number, value) {
                (1, Value::Bytes(b)) => entry.key = b,
                (2, Value::Bytes(b)) => entry.value = r.inside(b),
                (3, _) => self.has_strindex = true,
                _ => {}
            }
        }
        entry.whole = start.rest();
        entry.print = print_of(entry.key);
        self.list.push(entry);
        Ok(())
    }

    /// Writes the list as one row; of entries with the same key the last one stays.
    pub fn write(&mut self, out: &mut MapColumn) -> Result<Odd, Fault> {
        let has_duplicate_key = self.supersede();
        let mut odd = Odd { has_duplicate_key, has_strindex: self.has_strindex };
        for entry in self.list.iter().filter(|e| !e.is_superseded) {
            let text = out.begin_entry(entry.key);
            let value_type = value_text(entry.value, text, 0, &mut odd)?;
            out.end_entry(value_type, entry.whole);
        }
        out.end_row();
        Ok(odd)
    }

    fn supersede(&mut self) -> bool {
        let mut found = false;
        if self.list.len() <= FEW {
            for i in 1..self.list.len() {
                let (before, rest) = self.list.split_at_mut(i);
                let (key, print) = (rest[0].key, rest[0].print);
                for earlier in before.iter_mut().filter(|e| e.print == print && e.key == key) {
                    earlier.is_superseded = true;
                    found = true;
                }
            }
            return found;
        }
        let mut last: HashMap<&[u8], usize> = HashMap::with_capacity(self.list.len());
        for i in 0..self.list.len() {
            if let Some(earlier) = last.insert(self.list[i].key, i) {
                self.list[earlier].is_superseded = true;
                found = true;
            }
        }
        found
    }
}

fn print_of(key: &[u8]) -> u64 {
    let tail = key.last_chunk::<4>().map_or(0, |t| u32::from_le_bytes(*t));
    (key.len() as u64) << 32 | u64::from(tail)
}

/// An `AnyValue` whose last set field counts.
fn pick<'a>(mut r: Reader<'a>, odd: &mut Odd) -> Result<(ValueType, Value<'a>), DecodeError> {
    let mut picked = (ValueType::Empty, Value::Varint(0));
    while let Some((number, value)) = r.field()? {
        let value_type = match (number, value) {
            (1, Value::Bytes(_)) => ValueType::String,
            (2, Value::Varint(_)) => ValueType::Bool,
            (3, Value::Varint(_)) => ValueType::Int,
            (4, Value::Fixed64(_)) => ValueType::Double,
            (5, Value::Bytes(_)) => ValueType::Array,
            (6, Value::Bytes(_)) => ValueType::Map,
            (7, Value::Bytes(_)) => ValueType::Bytes,
            (8, Value::Varint(_)) => {
                odd.has_strindex = true;
                continue;
            }
            _ => continue,
        };
        picked = (value_type, value);
    }
    Ok(picked)
}

/// Appends the text of an `AnyValue`: plain for scalars, JSON for lists and maps.
pub(super) fn value_text(r: Reader<'_>, out: &mut Vec<u8>, depth: usize, odd: &mut Odd) -> Result<ValueType, Fault> {
    let (value_type, value) = pick(r, odd)?;
    match (value_type, value) {
        (ValueType::String, Value::Bytes(b)) => out.extend_from_slice(b),
        (ValueType::Bytes, Value::Bytes(b)) => push_base64(b, out),
        (ValueType::Double, v) => out.extend_from_slice(double_text(v.double().unwrap_or_default()).as_bytes()),
        (ValueType::Empty, _) => {}
        _ => json_value(r, value_type, value, out, depth, odd)?,
    }
    Ok(value_type)
}

fn json_text(r: Reader<'_>, out: &mut Vec<u8>, depth: usize, odd: &mut Odd) -> Result<(), Fault> {
    let (value_type, value) = pick(r, odd)?;
    json_value(r, value_type, value, out, depth, odd)
}

fn json_value(
    r: Reader<'_>,
    value_type: ValueType,
    value: Value<'_>,
    out: &mut Vec<u8>,
    depth: usize,
    odd: &mut Odd,
) -> Result<(), Fault> {
    match (value_type, value) {
        (ValueType::String, Value::Bytes(b)) => push_json_string(b, out),
        (ValueType::Bytes, Value::Bytes(b)) => {
            out.push(b'"');
            push_base64(b, out);
            out.push(b'"');
        }
        (ValueType::Bool, Value::Varint(v)) => out.extend_from_slice(if v != 0 { b"true" } else { b"false" }),
        (ValueType::Int, Value::Varint(v)) => push_display(v as i64, out),
        (ValueType::Double, v) => {
            let v = v.double().unwrap_or_default();
            let text = double_text(v);
            if v.is_finite() {
                out.extend_from_slice(text.as_bytes());
            } else {
                push_json_string(text.as_bytes(), out);
            }
        }
        (ValueType::Array | ValueType::Map, Value::Bytes(_)) if depth >= MAX_DEPTH => {
            return Err(Fault::Record("value_nested_too_deep"));
        }
        (ValueType::Array, Value::Bytes(b)) => {
            out.push(b'[');
            items(r.inside(b), out, |item, out| json_text(item, out, depth + 1, odd))?;
            out.push(b']');
        }
        (ValueType::Map, Value::Bytes(b)) => {
            out.push(b'{');
            items(r.inside(b), out, |mut item, out| {
                let (mut key, mut value) = (&[][..], item.inside(&[]));
                let whole = item;
                while let Some((number, field)) = item.field()? {
                    match (number, field) {
                        (1, Value::Bytes(b)) => key = b,
                        (2, Value::Bytes(b)) => value = whole.inside(b),
                        _ => {}
                    }
                }
                push_json_string(key, out);
                out.push(b':');
                json_text(value, out, depth + 1, odd)
            })?;
            out.push(b'}');
        }
        _ => out.extend_from_slice(b"null"),
    }
    Ok(())
}

/// Field 1 of an `ArrayValue` or `KeyValueList`, with commas between.
fn items<'a>(
    mut r: Reader<'a>,
    out: &mut Vec<u8>,
    mut write: impl FnMut(Reader<'a>, &mut Vec<u8>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let mut is_first = true;
    while let Some((number, value)) = r.field()? {
        if let (1, Value::Bytes(b)) = (number, value) {
            if !is_first {
                out.push(b',');
            }
            is_first = false;
            write(r.inside(b), out)?;
        }
    }
    Ok(())
}

fn push_base64(bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(BASE64.encode(bytes).as_bytes());
}

fn push_display(v: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(v).as_bytes());
}

/// A JSON string; invalid UTF-8 is left for the column's check.
pub(super) fn push_json_string(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &c in text {
        match c {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0..0x20 => drop(write!(out, "\\u{c:04x}")),
            _ => out.push(c),
        }
    }
    out.push(b'"');
}
