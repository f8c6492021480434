//! Looking through record batches: every text, the keys and values of every map, and what is kept beside them so that
//! OTLP can be given back as it came.

use super::{Method, Redactor};
use crate::BundleError;
use arrow::array::{
    Array, ArrayRef, AsArray as _, BinaryArray, BinaryBuilder, ListArray, MapArray, RecordBatch, StringArray,
    StringBuilder, StructArray, UInt8Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, FieldRef, UInt8Type};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sextant_model::{Table, ValueType};
use std::borrow::Cow;
use std::sync::Arc;

/// Columns whose values are made of digits by the program, never by people.
const IDS: [&str; 3] = ["TraceId", "SpanId", "ParentSpanId"];

/// Columns of a batch, or of what lies in a struct.
struct Group {
    fields: Vec<FieldRef>,
    arrays: Vec<ArrayRef>,
}

impl Group {
    fn find(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name() == name)
    }
}

pub(super) fn redacted(redactor: &mut Redactor, table: Table, rows: &RecordBatch) -> Result<RecordBatch, BundleError> {
    let mut group = Group { fields: rows.schema().fields().to_vec(), arrays: rows.columns().to_vec() };
    each(redactor, &mut group, table.name())?;
    RecordBatch::try_new(rows.schema(), group.arrays).map_err(|e| broken(&e))
}

fn broken(e: &dyn std::fmt::Display) -> BundleError {
    BundleError::Refused(format!("rows can't be redacted: {e}"))
}

fn each(redactor: &mut Redactor, group: &mut Group, within: &str) -> Result<(), BundleError> {
    for i in 0..group.fields.len() {
        let name = group.fields[i].name().clone();
        if IDS.contains(&name.as_str()) {
            continue;
        }
        let path = format!("{within}.{name}");
        match group.fields[i].data_type() {
            DataType::Utf8 if name == "Body" => body(redactor, group, i, &path),
            DataType::Utf8 => {
                let texts = group.arrays[i].as_string::<i32>();
                if let Some(changed) = texts_of(redactor, texts, &name, &path) {
                    group.arrays[i] = Arc::new(changed);
                }
            }
            DataType::Map(..) => map(redactor, group, i, &path)?,
            DataType::Struct(_) => {
                let whole = group.arrays[i].as_struct().clone();
                let mut inner = Group { fields: whole.fields().to_vec(), arrays: whole.columns().to_vec() };
                lists(redactor, &mut inner, &path)?;
                let fields = whole.fields().clone();
                group.arrays[i] = Arc::new(
                    StructArray::try_new(fields, inner.arrays, whole.nulls().cloned()).map_err(|e| broken(&e))?,
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// Lists side by side, as events have them: what lies in them is looked through as if it were columns.
fn lists(redactor: &mut Redactor, group: &mut Group, path: &str) -> Result<(), BundleError> {
    let mut inner = Group { fields: Vec::new(), arrays: Vec::new() };
    let mut places = Vec::new();
    for (i, (field, array)) in group.fields.iter().zip(&group.arrays).enumerate() {
        let DataType::List(item) = field.data_type() else { continue };
        let list = array.as_list::<i32>();
        inner.fields.push(Arc::new(item.as_ref().clone().with_name(field.name())));
        inner.arrays.push(list.values().clone());
        places.push(i);
    }
    each(redactor, &mut inner, path)?;
    for (i, values) in places.into_iter().zip(inner.arrays) {
        let list = group.arrays[i].as_list::<i32>();
        let DataType::List(item) = list.data_type() else { continue };
        let list = ListArray::try_new(item.clone(), list.offsets().clone(), values, list.nulls().cloned());
        group.arrays[i] = Arc::new(list.map_err(|e| broken(&e))?);
    }
    Ok(())
}

/// What becomes of a value of a field that has a rule of its own.
fn whole(redactor: &mut Redactor, method: Method, field: &str, path: &str, value: &str) -> String {
    redactor.count(field, path, method, value);
    redactor.replaced(method, field, value)
}

/// `None` if nothing changes.
fn texts_of(redactor: &mut Redactor, texts: &StringArray, name: &str, path: &str) -> Option<StringArray> {
    let rule = redactor.rules.fields.get(name).copied();
    let mut out: Option<StringBuilder> = None;
    for row in 0..texts.len() {
        if texts.is_null(row) {
            if let Some(out) = &mut out {
                out.append_null();
            }
            continue;
        }
        let value = texts.value(row);
        let changed = match rule {
            Some(method) if !value.is_empty() => Cow::Owned(whole(redactor, method, name, path, value)),
            Some(_) => Cow::Borrowed(value),
            // Rows mostly repeat the row before.
            None if row > 0 && out.is_none() && texts.value(row - 1) == value => Cow::Borrowed(value),
            None => redactor.clean(value, path),
        };
        if out.is_none() && matches!(changed, Cow::Owned(_)) {
            let mut begun = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
            for before in 0..row {
                if texts.is_null(before) { begun.append_null() } else { begun.append_value(texts.value(before)) }
            }
            out = Some(begun);
        }
        if let Some(out) = &mut out {
            out.append_value(changed);
        }
    }
    out.map(|mut out| out.finish())
}

/// The text of records, with its type and its bytes beside it.
fn body(redactor: &mut Redactor, group: &mut Group, i: usize, path: &str) {
    let texts = group.arrays[i].as_string::<i32>().clone();
    let (kinds, exact) = (group.find("BodyType"), group.find("BodyExact"));
    let rule = redactor.rules.fields.get("Body").copied();
    let mut bodies = StringBuilder::with_capacity(texts.len(), texts.value_data().len());
    let mut is_changed = vec![false; texts.len()];
    for (row, is_changed) in is_changed.iter_mut().enumerate() {
        let value = texts.value(row);
        let kind = kinds.map(|k| group.arrays[k].as_primitive::<UInt8Type>().value(row));
        let bytes = exact.map_or(&[][..], |e| group.arrays[e].as_binary::<i32>().value(row));
        let cleaned = match rule {
            Some(method) => Cow::Owned(whole(redactor, method, "Body", path, value)),
            None => value_of(redactor, value, kind.unwrap_or(1), bytes, path),
        };
        *is_changed = matches!(cleaned, Cow::Owned(_));
        bodies.append_value(cleaned);
    }
    if !is_changed.contains(&true) {
        return;
    }
    group.arrays[i] = Arc::new(bodies.finish());
    if let Some(k) = kinds {
        let old = group.arrays[k].as_primitive::<UInt8Type>();
        let new =
            is_changed.iter().enumerate().map(|(row, c)| if *c { ValueType::String as u8 } else { old.value(row) });
        group.arrays[k] = Arc::new(UInt8Array::from_iter_values(new));
    }
    if let Some(e) = exact {
        let old = group.arrays[e].as_binary::<i32>();
        let new = is_changed.iter().enumerate().map(|(row, c)| if *c { &[][..] } else { old.value(row) });
        group.arrays[e] = Arc::new(BinaryArray::from_iter_values(new));
    }
}

/// A value of any type: also what stands in its bytes is looked at, and then all of it goes.
fn value_of<'t>(redactor: &mut Redactor, value: &'t str, kind: u8, exact: &[u8], path: &str) -> Cow<'t, str> {
    let hidden: Cow<'_, str> = if ValueType::from_code(kind) == ValueType::Bytes {
        STANDARD.decode(value).map_or(Cow::Borrowed(""), |b| Cow::Owned(String::from_utf8_lossy(&b).into_owned()))
    } else {
        String::from_utf8_lossy(exact)
    };
    // Bytes within what is nested read as base 64: where its message holds more than its text shows, all of it goes.
    let in_text = redactor.hits_of(value).map_or(0, |(n, _)| n);
    match redactor.hits_of(&hidden) {
        Some((n, detector)) if n > in_text => {
            let (rule, method) = redactor.rule(detector);
            redactor.count(&rule, path, method, "");
            // The first letters of an encoding say nothing to people, and may say something to programs.
            let method = if method == Method::Truncate { Method::Drop } else { method };
            Cow::Owned(redactor.replaced(method, &rule, value))
        }
        _ => redactor.clean(value, path),
    }
}

/// The messages of a `KeyValueList`.
fn messages(mut list: &[u8]) -> Vec<&[u8]> {
    let mut all = Vec::new();
    while let Some((10, rest)) = list.split_first().map(|(tag, rest)| (*tag, rest)) {
        let (mut len, mut n) = (0_usize, 0);
        for byte in rest.iter().take(5) {
            len |= usize::from(byte & 0x7f) << (7 * n);
            n += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let Some(message) = rest.get(n..n + len) else { break };
        all.push(message);
        list = &rest[n + len..];
    }
    all
}

/// As [`messages`] reads it.
fn push_message(message: &[u8], out: &mut Vec<u8>) {
    out.push(10);
    let mut len = message.len();
    while len >= 0x80 {
        out.push((len & 0x7f) as u8 | 0x80);
        len >>= 7;
    }
    out.push(len as u8);
    out.extend(message);
}

/// Maps with their two companions, as they are made anew.
struct Maps {
    keys: StringBuilder,
    values: StringBuilder,
    offsets: Vec<i32>,
    kinds: BinaryBuilder,
    exact: BinaryBuilder,
    n: i32,
    is_changed: bool,
}

fn map(redactor: &mut Redactor, group: &mut Group, i: usize, path: &str) -> Result<(), BundleError> {
    let maps = group.arrays[i].as_map().clone();
    let name = group.fields[i].name().clone();
    let (kinds, exact) = (group.find(&format!("{name}Types")), group.find(&format!("{name}Exact")));
    let n_entries = maps.entries().len();
    let mut out = Maps {
        keys: StringBuilder::with_capacity(n_entries, n_entries * 16),
        values: StringBuilder::with_capacity(n_entries, n_entries * 16),
        offsets: Vec::with_capacity(maps.len() + 1),
        kinds: BinaryBuilder::new(),
        exact: BinaryBuilder::new(),
        n: 0,
        is_changed: false,
    };
    out.offsets.push(0);
    let (keys, values) = (maps.keys().as_string::<i32>(), maps.values().as_string::<i32>());
    for row in 0..maps.len() {
        let entries = maps.value_offsets()[row] as usize..maps.value_offsets()[row + 1] as usize;
        let bytes = |place: Option<usize>| place.map_or(&[][..], |k| group.arrays[k].as_binary::<i32>().value(row));
        one_map(
            redactor,
            &mut out,
            entries.map(|e| (keys.value(e), values.value(e))),
            bytes(kinds),
            bytes(exact),
            path,
        );
    }
    if !out.is_changed {
        return Ok(());
    }
    let DataType::Map(field, is_sorted) = maps.data_type() else { return Ok(()) };
    let DataType::Struct(inner) = field.data_type() else { return Ok(()) };
    let columns: Vec<ArrayRef> = vec![Arc::new(out.keys.finish()), Arc::new(out.values.finish())];
    let entries = StructArray::try_new(inner.clone(), columns, None).map_err(|e| broken(&e))?;
    let offsets = OffsetBuffer::new(out.offsets.into());
    let changed = MapArray::try_new(field.clone(), offsets, entries, maps.nulls().cloned(), *is_sorted);
    group.arrays[i] = Arc::new(changed.map_err(|e| broken(&e))?);
    for (place, mut made) in [(kinds, out.kinds), (exact, out.exact)] {
        if let Some(place) = place {
            group.arrays[place] = Arc::new(made.finish());
        }
    }
    Ok(())
}

fn one_map<'a>(
    redactor: &mut Redactor,
    out: &mut Maps,
    entries: impl Iterator<Item = (&'a str, &'a str)>,
    kinds: &[u8],
    exact: &[u8],
    path: &str,
) {
    let nested = messages(exact);
    let (mut next_nested, mut new_kinds, mut new_exact) = (0, Vec::with_capacity(kinds.len()), Vec::new());
    for (e, (key, value)) in entries.enumerate() {
        let kind = kinds.get(e).copied().unwrap_or(ValueType::String as u8);
        let message = if ValueType::from_code(kind).is_nested() {
            next_nested += 1;
            nested.get(next_nested - 1).copied()
        } else {
            None
        };
        let new_key = redactor.clean(key, path);
        let is_key_changed = matches!(new_key, Cow::Owned(_));
        let mut is_dropped = false;
        // Made only where something is found: a path of its own for each attribute.
        let at = || format!("{path}[{new_key}]");
        let new_value = match redactor.rules.fields.get(key).copied() {
            Some(method) => {
                is_dropped = method == Method::Drop;
                Cow::Owned(whole(redactor, method, key, &at(), value))
            }
            None if redactor.scanner.is_empty() => Cow::Borrowed(value),
            None => {
                let before = redactor.hits_in(value, kind, message.unwrap_or_default());
                if before {
                    value_of(redactor, value, kind, message.unwrap_or_default(), &at())
                } else {
                    Cow::Borrowed(value)
                }
            }
        };
        let is_value_changed = matches!(new_value, Cow::Owned(_));
        out.is_changed |= is_key_changed || is_value_changed;
        if is_dropped {
            continue;
        }
        out.keys.append_value(&new_key);
        out.values.append_value(&new_value);
        out.n += 1;
        new_kinds.push(if is_value_changed || is_key_changed { ValueType::String as u8 } else { kind });
        if let Some(message) = message
            && !is_value_changed
            && !is_key_changed
        {
            push_message(message, &mut new_exact);
        }
    }
    out.offsets.push(out.n);
    out.kinds.append_value(&new_kinds);
    out.exact.append_value(&new_exact);
}

impl Redactor {
    /// Whether anything would be found in a value.
    fn hits_in(&mut self, value: &str, kind: u8, exact: &[u8]) -> bool {
        let is_bytes = ValueType::from_code(kind) == ValueType::Bytes;
        // What stands in bytes is looked at closely.
        is_bytes || !exact.is_empty() || self.hits_of(value).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_messages_are_read_and_written_alike() {
        let long = vec![7; 300];
        let mut list = Vec::new();
        for message in [&b"one"[..], &long, b""] {
            push_message(message, &mut list);
        }
        assert_eq!(messages(&list), [&b"one"[..], &long, b""]);
        assert!(messages(b"").is_empty());
        assert_eq!(messages(&[10, 200, 1, 2]).len(), 0, "cut short");
        assert!(messages(&[18, 1, 1]).is_empty());
    }
}
