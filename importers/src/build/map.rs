//! Attributes: a map of texts with the types of its entries and the exact bytes of the nested ones.

use super::Finished;
use super::cells::{Offsets, Text};
use arrow::array::{ArrayRef, MapArray, StructArray};
use arrow::datatypes::Field;
use sextant_model::{ValueType, schema};
use std::sync::Arc;

/// Rows of attributes.
#[derive(Debug, Clone, Default)]
pub(crate) struct MapColumn {
    entries: Offsets,
    pub keys: Text,
    pub values: Text,
    types: Text,
    exact: Text,
    /// Rows that there will be.
    n_expected: usize,
}

const MAX_GUESSED_BYTES: usize = 256 << 10;
/// After so many rows it is guessed how much the others will need.
const SAMPLE_ROWS: usize = 16;

impl MapColumn {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn size_bytes(&self) -> usize {
        self.keys.size_bytes() + self.values.size_bytes() + self.types.size_bytes() + self.exact.size_bytes()
    }

    /// Makes room for `n` more rows; for their entries, once some are there.
    pub fn reserve(&mut self, n: usize) {
        self.entries.reserve(n);
        self.types.reserve(n, 0);
        self.exact.reserve(n, 0);
        self.n_expected = self.len() + n;
        if self.len() >= SAMPLE_ROWS {
            self.reserve_entries();
        }
    }

    fn reserve_entries(&mut self) {
        let (n, of) = (self.n_expected.saturating_sub(self.len()), self.len());
        // A guess, and the first ones may be unlike the rest: never more than a little.
        for text in [&mut self.keys, &mut self.values, &mut self.types] {
            text.reserve_share(n, of, MAX_GUESSED_BYTES);
        }
    }

    /// Where the text of the next entry's value goes, after its key was pushed.
    pub fn begin_entry(&mut self, key: &[u8]) -> &mut Vec<u8> {
        self.keys.push(key);
        self.values.open()
    }

    /// Ends an entry. `key_value` is the OTLP message it came from, kept if the type is nested.
    pub fn end_entry(&mut self, value_type: ValueType, key_value: &[u8]) {
        self.values.close();
        self.types.open().push(value_type as u8);
        if value_type.is_nested() {
            let mut w = crate::wire::Writer { out: std::mem::take(self.exact.open()) };
            w.bytes(1, key_value);
            *self.exact.open() = w.out;
        }
    }

    pub fn end_row(&mut self) {
        self.entries.push(self.keys.len());
        self.types.close();
        self.exact.close();
        if self.len() == SAMPLE_ROWS {
            self.reserve_entries();
        }
    }

    /// Appends all rows of `other`, `n` times.
    pub fn repeat(&mut self, other: &Self, n: usize) {
        self.entries.repeat(&other.entries, n);
        self.keys.repeat(&other.keys, n);
        self.values.repeat(&other.values, n);
        self.types.repeat(&other.types, n);
        self.exact.repeat(&other.exact, n);
    }

    /// Appends all rows of `other`.
    pub fn extend(&mut self, other: &Self) {
        let base = self.keys.len();
        self.keys.extend(&other.keys);
        self.values.extend(&other.values);
        self.types.extend(&other.types);
        self.exact.extend(&other.exact);
        for row in 0..other.len() {
            self.entries.push(base + other.entries.range(row).end);
        }
    }

    /// Keeps `n` rows and drops an entry or row that was begun.
    pub fn truncate(&mut self, n: usize) {
        let end = self.entries.truncate(n);
        self.keys.truncate(end);
        self.values.truncate(end);
        self.types.truncate(n);
        self.exact.truncate(n);
    }

    /// The value of `key` in row 0, where the column holds one resource.
    pub fn find(&self, key: &[u8]) -> Option<&[u8]> {
        (0..self.keys.len()).find(|i| self.keys.row(*i) == key).map(|i| self.values.row(i))
    }

    /// Map, types, exact.
    pub fn finish(self, finished: &mut Finished) -> [ArrayRef; 3] {
        let keys = self.keys.finish_text(finished);
        let values = self.values.finish_text(finished);
        let entries = StructArray::new(schema::map_entry_fields(), vec![keys, values], None);
        let field = Arc::new(Field::new("key_value", entries.data_type().clone(), false));
        let map = MapArray::new(field, self.entries.finish(), entries, None, false);
        [Arc::new(map), self.types.finish_bytes(), self.exact.finish_bytes()]
    }
}

use arrow::array::Array as _;
