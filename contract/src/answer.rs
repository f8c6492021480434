//! Answers: columns, and what is to be known about them.
//!
//! On the wire: length (u32, little-endian) and JSON of everything but the columns, then an Arrow IPC stream.

use crate::{AskError, Code};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// Whether an answer is whole, and if not, what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Completeness {
    /// Nothing is missing.
    #[default]
    Complete,
    /// The first rows of more.
    Limited {
        /// How many there are, if that was counted.
        total: Option<u64>,
    },
    /// Something could not be read.
    Partial {
        /// What, and why.
        reason: String,
    },
}

impl Completeness {
    /// Of what was made of both: what can't be read outweighs what was cut.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Partial { reason }, Self::Partial { reason: more }) if reason != more => {
                Self::Partial { reason: format!("{reason}; {more}") }
            }
            (partial @ Self::Partial { .. }, _) | (_, partial @ Self::Partial { .. }) => partial,
            (limited @ Self::Limited { .. }, _) | (_, limited @ Self::Limited { .. }) => limited,
            _ => Self::Complete,
        }
    }
}

/// What an answer cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Segments read.
    pub n_segments: u64,
    /// Segments that there are.
    pub n_segments_total: u64,
    /// Rows in what was read.
    pub n_rows_scanned: u64,
    /// Bytes of what was read.
    pub n_bytes_scanned: u64,
    /// Time from question to answer, without the way.
    pub took_micros: u64,
}

/// The answer to an [`crate::Ask`].
#[derive(Debug, Clone)]
pub struct Answer {
    /// The columns; empty where an object answers.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
    /// Where one thing is answered.
    pub object: Option<Value>,
    /// Whether anything is missing.
    pub completeness: Completeness,
    /// What it cost.
    pub cost: Cost,
    /// Of which generation.
    pub generation: u64,
}

#[derive(Serialize, Deserialize)]
struct Head {
    object: Option<Value>,
    completeness: Completeness,
    cost: Cost,
    generation: u64,
}

impl Answer {
    /// One object.
    pub fn object(object: Value, generation: u64) -> Self {
        Self { object: Some(object), ..Self::rows(Arc::new(Schema::empty()), Vec::new(), generation) }
    }

    /// Rows, complete and for free until said otherwise.
    pub fn rows(schema: SchemaRef, batches: Vec<RecordBatch>, generation: u64) -> Self {
        Self { schema, batches, object: None, completeness: Completeness::Complete, cost: Cost::default(), generation }
    }

    /// Leaves the first `n` rows; how many others there were.
    pub fn keep_first(&mut self, n: usize) -> usize {
        let all = self.n_rows();
        let mut left = n;
        for batch in &mut self.batches {
            let kept = batch.num_rows().min(left);
            *batch = batch.slice(0, kept);
            left -= kept;
        }
        self.batches.retain(|b| b.num_rows() > 0);
        all - self.n_rows()
    }

    /// Rows of all batches.
    pub fn n_rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// As bytes for the wire.
    pub fn encode(&self) -> Result<Vec<u8>, AskError> {
        let failed =
            |e: &dyn std::fmt::Display| AskError::new(Code::Internal, format!("the answer can't be written: {e}"));
        let head = Head {
            object: self.object.clone(),
            completeness: self.completeness.clone(),
            cost: self.cost,
            generation: self.generation,
        };
        let head = serde_json::to_vec(&head).map_err(|e| failed(&e))?;
        let mut out = (head.len() as u32).to_le_bytes().to_vec();
        out.extend_from_slice(&head);
        let mut writer = StreamWriter::try_new(&mut out, &self.schema).map_err(|e| failed(&e))?;
        for batch in &self.batches {
            writer.write(batch).map_err(|e| failed(&e))?;
        }
        writer.finish().map_err(|e| failed(&e))?;
        drop(writer);
        Ok(out)
    }

    /// From bytes off the wire.
    pub fn decode(bytes: &[u8]) -> Result<Self, AskError> {
        let failed =
            |e: &dyn std::fmt::Display| AskError::new(Code::Internal, format!("the answer can't be read: {e}"));
        let (length, rest) = bytes.split_at_checked(4).ok_or_else(|| failed(&"it is cut short"))?;
        let length = length.iter().rev().fold(0usize, |all, b| (all << 8) | usize::from(*b));
        let (head, stream) = rest.split_at_checked(length).ok_or_else(|| failed(&"it is cut short"))?;
        let head: Head = serde_json::from_slice(head).map_err(|e| failed(&e))?;
        let reader = StreamReader::try_new(stream, None).map_err(|e| failed(&e))?;
        let schema = reader.schema();
        let batches = reader.collect::<Result<Vec<_>, _>>().map_err(|e| failed(&e))?;
        Ok(Self {
            schema,
            batches,
            object: head.object,
            completeness: head.completeness,
            cost: head.cost,
            generation: head.generation,
        })
    }
}
