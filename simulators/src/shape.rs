//! Attributes that are dropped, hashed or cut before they are kept.

use arrow::array::RecordBatch;
use sextant_columns::{ColumnsError, reshaped};
use sextant_model::Signal;

/// What becomes of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    /// Of which signal; of all where none is said.
    pub signal: Option<Signal>,
    /// Its key.
    pub key: String,
    /// What becomes of it.
    pub how: Shaping,
}

/// What becomes of an attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shaping {
    /// It goes.
    Drop,
    /// 16 hex digits stand for each value.
    Hash,
    /// Only the first characters stay.
    Truncate(usize),
}

impl Shape {
    /// Whether nothing is left of it.
    pub fn drops(&self) -> bool {
        self.how == Shaping::Drop
    }

    /// Whether it is about a signal.
    pub fn is_of(&self, signal: Signal) -> bool {
        self.signal.is_none_or(|of| of == signal)
    }

    /// In words.
    pub fn said(&self) -> String {
        match self.how {
            Shaping::Drop => format!("without {}", self.key),
            Shaping::Hash => format!("{} hashed", self.key),
            Shaping::Truncate(n) => format!("{} cut to {n} characters", self.key),
        }
    }

    /// Rows with it shaped.
    pub(crate) fn of(&self, rows: &RecordBatch) -> Result<RecordBatch, ColumnsError> {
        let how = self.how;
        reshaped(rows, &|key| key == self.key, &move |_, value| match how {
            Shaping::Drop => None,
            Shaping::Hash => Some(format!("{:016x}", fnv(value))),
            Shaping::Truncate(n) => Some(value.chars().take(n).collect()),
        })
    }
}

/// FNV-1a: any hash is as hard to pack as another.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}
