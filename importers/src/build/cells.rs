//! Columns of text, bytes, numbers and lists as plain vectors.

use super::Finished;
use arrow::array::{ArrayRef, BinaryArray, ListArray, PrimitiveArray, StringArray, TimestampNanosecondArray};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowPrimitiveType, Field};
use std::sync::Arc;

/// Offsets of rows into something.
#[derive(Debug, Clone)]
pub(crate) struct Offsets(Vec<i32>);

impl Default for Offsets {
    fn default() -> Self {
        Self(vec![0])
    }
}

impl Offsets {
    pub fn len(&self) -> usize {
        self.0.len() - 1
    }
    pub fn reserve(&mut self, n: usize) {
        self.0.reserve(n);
    }
    /// Ends a row at `end`. Ends stay far below `i32::MAX`: see `MAX_EXPANDED_BYTES`.
    #[inline]
    pub fn push(&mut self, end: usize) {
        self.0.push(i32::try_from(end).unwrap_or(i32::MAX));
    }
    /// Where the last row ends.
    pub fn end(&self) -> usize {
        self.0[self.0.len() - 1] as usize
    }
    pub fn range(&self, row: usize) -> std::ops::Range<usize> {
        self.0[row] as usize..self.0[row + 1] as usize
    }
    /// Appends the rows of `other`, `n` times, each after the last.
    pub fn repeat(&mut self, other: &Self, n: usize) {
        let step = other.end();
        let mut base = self.end();
        self.0.reserve(other.len() * n);
        for _ in 0..n {
            // Ends stay far below `i32::MAX`, as in `push`.
            let from = i32::try_from(base).unwrap_or(i32::MAX);
            self.0.extend(other.0[1..].iter().map(|end| from.saturating_add(*end)));
            base += step;
        }
    }
    /// Keeps `n` rows; returns where the last of them ends.
    pub fn truncate(&mut self, n: usize) -> usize {
        self.0.truncate(n + 1);
        self.0[n] as usize
    }
    pub fn finish(self) -> OffsetBuffer<i32> {
        OffsetBuffer::new(ScalarBuffer::from(self.0))
    }
    /// Wraps `items` as lists that these offsets cut.
    pub fn list(self, items: ArrayRef) -> ArrayRef {
        let field = Arc::new(Field::new("item", items.data_type().clone(), false));
        Arc::new(ListArray::new(field, self.finish(), items, None))
    }
}

/// A column of text or bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Text {
    offsets: Offsets,
    data: Vec<u8>,
}

impl Text {
    pub fn len(&self) -> usize {
        self.offsets.len()
    }
    pub fn size_bytes(&self) -> usize {
        self.data.len() + 4 * self.offsets.len()
    }
    /// Makes room for `n` times as much, in `of`ths of what is there, but for no more than `most` bytes.
    pub fn reserve_share(&mut self, n: usize, of: usize, most: usize) {
        let share = |len: usize| (len as u64).saturating_mul(n as u64) / of.max(1) as u64;
        self.offsets.reserve(share(self.len()).min(most as u64 / 4) as usize);
        self.data.reserve(share(self.data.len()).min(most as u64) as usize);
    }
    /// Makes room for `n` rows of about `n_bytes` each.
    pub fn reserve(&mut self, n: usize, n_bytes: usize) {
        self.offsets.reserve(n);
        self.data.reserve(n * n_bytes);
    }
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        self.data.extend_from_slice(bytes);
        self.offsets.push(self.data.len());
    }
    /// Ends a row that was written into [`Text::open`].
    #[inline]
    pub fn close(&mut self) {
        self.offsets.push(self.data.len());
    }
    /// The bytes after the last row, to be written and then closed.
    #[inline]
    pub fn open(&mut self) -> &mut Vec<u8> {
        &mut self.data
    }
    /// Lower-case hex of an id, nothing for an empty one.
    #[inline]
    pub fn push_hex(&mut self, id: &[u8]) {
        sextant_model::ids::push_hex(id, &mut self.data);
        self.close();
    }
    pub fn row(&self, row: usize) -> &[u8] {
        &self.data[self.offsets.range(row)]
    }
    /// Appends all rows of `other`, `n` times.
    pub fn repeat(&mut self, other: &Self, n: usize) {
        self.data.reserve(other.data.len() * n);
        self.offsets.repeat(&other.offsets, n);
        for _ in 0..n {
            self.data.extend_from_slice(&other.data);
        }
    }
    /// Appends all rows of `other`.
    pub fn extend(&mut self, other: &Self) {
        let base = self.data.len();
        self.data.extend_from_slice(&other.data);
        for end in &other.offsets.0[1..] {
            self.offsets.push(base + *end as usize);
        }
    }
    pub fn truncate(&mut self, n: usize) {
        let end = self.offsets.truncate(n);
        self.data.truncate(end);
    }
    pub fn finish_bytes(self) -> ArrayRef {
        Arc::new(BinaryArray::new(self.offsets.finish(), Buffer::from_vec(self.data), None))
    }
    /// As strings; what is no UTF-8 gets replacement characters and is counted in `finished`.
    pub fn finish_text(self, finished: &mut Finished) -> ArrayRef {
        let is_valid = self.data.is_ascii() || (0..self.len()).all(|row| std::str::from_utf8(self.row(row)).is_ok());
        let sound = if is_valid { self } else { self.repaired(finished) };
        Arc::new(StringArray::new(sound.offsets.finish(), Buffer::from_vec(sound.data), None))
    }

    fn repaired(&self, finished: &mut Finished) -> Self {
        let mut sound = Self::default();
        let mut n_invalid = 0;
        for row in 0..self.len() {
            let text = String::from_utf8_lossy(self.row(row));
            n_invalid += u64::from(matches!(text, std::borrow::Cow::Owned(_)));
            sound.push(text.as_bytes());
        }
        finished.invalid(n_invalid);
        sound
    }
}

/// A list column of plain numbers, one list a row.
#[derive(Debug, Clone)]
pub(crate) struct Lists<T> {
    offsets: Offsets,
    pub items: Vec<T>,
}

impl<T> Default for Lists<T> {
    fn default() -> Self {
        Self { offsets: Offsets::default(), items: Vec::new() }
    }
}

impl<T> Lists<T> {
    pub fn close(&mut self) {
        self.offsets.push(self.items.len());
    }
    pub fn size_bytes(&self) -> usize {
        self.items.len() * size_of::<T>()
    }
    /// The items of the row that is not closed yet.
    pub fn last(&self) -> &[T] {
        &self.items[self.offsets.end()..]
    }
    pub fn truncate(&mut self, n: usize) {
        let end = self.offsets.truncate(n);
        self.items.truncate(end);
    }
}

impl<T: arrow::datatypes::ArrowNativeType> Lists<T> {
    pub fn finish<P: ArrowPrimitiveType<Native = T>>(self) -> ArrayRef {
        self.offsets.list(numbers::<P>(self.items))
    }
}

/// A vector as an array without nulls.
pub(crate) fn numbers<P: ArrowPrimitiveType>(values: Vec<P::Native>) -> ArrayRef {
    Arc::new(PrimitiveArray::<P>::new(ScalarBuffer::from(values), None))
}

/// Nanoseconds as timestamps.
pub(crate) fn times(values: Vec<i64>) -> ArrayRef {
    Arc::new(TimestampNanosecondArray::new(ScalarBuffer::from(values), None))
}
