//! Spans of a trace that have a text in them: in attributes, events, names, messages.

use crate::workbench::Workbench;
use arrow::array::{ArrayRef, AsArray, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use sextant_contract::{Answer, AskError};
use std::sync::Arc;

/// What is looked through.
const COLUMNS: [&str; 9] = [
    "TraceId",
    "SpanId",
    "SpanName",
    "ServiceName",
    "StatusMessage",
    "SpanAttributes",
    "ResourceAttributes",
    "Events.Name",
    "Events.Attributes",
];

impl Workbench {
    /// Rows `span` of the spans that have `text`, in any case of ASCII letters.
    pub(crate) fn find_spans(&self, trace: &str, text: &str) -> Result<Answer, AskError> {
        let mut found = self.stored_each(trace, &COLUMNS, &|rows| that_have(&rows, text))?;
        found.schema = schema();
        Ok(found)
    }
}

pub(crate) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("span", DataType::UInt64, false)]))
}

/// The spans that have the text.
pub(crate) fn that_have(spans: &RecordBatch, text: &str) -> Result<RecordBatch, ArrowError> {
    let needle = text.trim().to_ascii_lowercase();
    let ids: ArrayRef = Arc::new(UInt64Array::from(found_in(spans, needle.as_bytes())));
    RecordBatch::try_new(schema(), vec![ids])
}

/// The ids of the spans in which the text is.
fn found_in(spans: &RecordBatch, needle: &[u8]) -> Vec<u64> {
    let mut is_hit = vec![false; spans.num_rows()];
    if !needle.is_empty() {
        hits(spans, needle, &mut is_hit);
    }
    let ids = spans.column_by_name("SpanId").and_then(|c| c.as_string_opt::<i32>());
    let number = |row: usize| ids.and_then(|s| u64::from_str_radix(s.value(row), 16).ok());
    (0..spans.num_rows()).filter(|row| is_hit[*row]).filter_map(number).collect()
}

fn hits(batch: &RecordBatch, needle: &[u8], is_hit: &mut [bool]) {
    for name in ["SpanName", "ServiceName", "StatusMessage", "SpanId"] {
        if let Some(texts) = batch.column_by_name(name).and_then(|c| c.as_string_opt::<i32>()) {
            within(texts, needle, |row| is_hit[row] = true);
        }
    }
    for name in ["SpanAttributes", "ResourceAttributes"] {
        let Some(map) = batch.column_by_name(name).and_then(|c| c.as_map_opt()) else { continue };
        for texts in [map.keys(), map.values()] {
            if let Some(texts) = texts.as_string_opt::<i32>() {
                let offsets = map.value_offsets();
                within(texts, needle, |item| is_hit[row_of(offsets, item)] = true);
            }
        }
    }
    let Some(events) = batch.column_by_name("Events").and_then(|c| c.as_struct_opt()) else { return };
    let Some(names) = events.column_by_name("Name").and_then(|c| c.as_list_opt::<i32>()) else { return };
    if let Some(texts) = names.values().as_string_opt::<i32>() {
        let offsets = names.value_offsets();
        within(texts, needle, |item| is_hit[row_of(offsets, item)] = true);
    }
    let attributes = events.column_by_name("Attributes").and_then(|c| c.as_list_opt::<i32>());
    let Some((lists, maps)) = attributes.and_then(|l| Some((l, l.values().as_map_opt()?))) else { return };
    for texts in [maps.keys(), maps.values()] {
        if let Some(texts) = texts.as_string_opt::<i32>() {
            let (inner, outer) = (maps.value_offsets(), lists.value_offsets());
            within(texts, needle, |item| is_hit[row_of(outer, row_of(inner, item))] = true);
        }
    }
}

/// The row whose items are around `item`.
fn row_of(offsets: &[i32], item: usize) -> usize {
    offsets.partition_point(|o| *o as usize <= item).saturating_sub(1).min(offsets.len().saturating_sub(2))
}

/// Calls with each text that has `needle`. All texts lie one after the other: they are looked through as one, which takes
/// a tenth of looking into each.
fn within(texts: &StringArray, needle: &[u8], mut hit: impl FnMut(usize)) {
    let offsets = texts.value_offsets();
    let (Some(first), Some(last)) = (offsets.first(), offsets.last()) else { return };
    let all = &texts.value_data()[*first as usize..*last as usize];
    let lower = all.to_ascii_lowercase();
    let finder = memchr::memmem::Finder::new(needle);
    let mut at = 0;
    while let Some(found) = finder.find(&lower[at..]) {
        let place = at + found + *first as usize;
        let text = row_of(offsets, place);
        let end = offsets[text + 1] as usize;
        if place + needle.len() <= end {
            hit(text);
            // Once is enough.
            at = end - *first as usize;
        } else {
            at += found + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_within_their_ends() {
        let texts = StringArray::from(vec!["abc", "", "Cab", "größe", "xabcabc", ""]);
        let found = |needle: &str| {
            let mut all = Vec::new();
            within(&texts, needle.as_bytes(), |i| all.push(i));
            all
        };
        assert_eq!(found("abc"), [0, 4], "not across texts, and each once");
        assert_eq!(found("ca"), [2, 4]);
        assert_eq!(found("größe"), [3]);
        assert_eq!(found("zz"), [0usize; 0]);
        let part = texts.slice(2, 3);
        let mut all = Vec::new();
        within(&part, b"abc", |i| all.push(i));
        assert_eq!(all, [2]);
    }
}
