//! Typed access to the spans of a trace, over the batches that hold them.

use arrow::array::{Array, AsArray, ListArray, RecordBatch, StringArray};
use arrow::datatypes::{Int64Type, TimestampNanosecondType};

/// Spans of one trace, numbered over all batches.
#[derive(Debug, Clone, Copy)]
pub struct Spans<'a> {
    batches: &'a [RecordBatch],
}

impl<'a> Spans<'a> {
    /// Over batches with the columns of the traces table.
    pub fn new(batches: &'a [RecordBatch]) -> Self {
        Self { batches }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A text column, a value a span; empty where the column is missing.
    pub fn texts(&self, name: &str) -> Vec<&'a str> {
        let mut out = Vec::with_capacity(self.len());
        for batch in self.batches {
            let column: Option<&'a StringArray> = batch.column_by_name(name).and_then(|c| c.as_string_opt());
            out.extend(
                (0..batch.num_rows()).map(|row| column.filter(|c| !c.is_null(row)).map_or("", |c| c.value(row))),
            );
        }
        out
    }

    /// Start times in nanoseconds.
    pub fn starts(&self) -> Vec<i64> {
        let column = |b: &'a RecordBatch| b.column_by_name("Timestamp")?.as_primitive_opt::<TimestampNanosecondType>();
        let mut out = Vec::with_capacity(self.len());
        for batch in self.batches {
            match column(batch) {
                Some(c) => out.extend_from_slice(c.values()),
                None => out.resize(out.len() + batch.num_rows(), 0),
            }
        }
        out
    }

    /// When the events of each span were, nanoseconds since 1970.
    pub fn event_times(&self) -> Vec<&'a [i64]> {
        let mut out = Vec::with_capacity(self.len());
        for batch in self.batches {
            let times = nested(batch, "Events", "Timestamp");
            out.extend((0..batch.num_rows()).map(|row| {
                let values = times.and_then(|l| l.values().as_primitive_opt::<TimestampNanosecondType>());
                let (Some(list), Some(values)) = (times, values) else { return &[][..] };
                let offsets = list.value_offsets();
                values.values().get(offsets[row] as usize..offsets[row + 1] as usize).unwrap_or_default()
            }));
        }
        out
    }

    /// How many links each span has.
    pub fn n_links(&self) -> Vec<u32> {
        let mut out = Vec::with_capacity(self.len());
        for batch in self.batches {
            let links = nested(batch, "Links", "TraceId");
            let n = |row: usize| links.map_or(0, |l| l.value_length(row) as u32);
            out.extend((0..batch.num_rows()).map(n));
        }
        out
    }

    /// Durations in nanoseconds; those that end before they start count as 0.
    pub fn durations(&self) -> Vec<i64> {
        let mut out = Vec::with_capacity(self.len());
        for batch in self.batches {
            match batch.column_by_name("Duration").and_then(|c| c.as_primitive_opt::<Int64Type>()) {
                Some(c) => out.extend(c.values().iter().map(|d| (*d).max(0))),
                None => out.resize(out.len() + batch.num_rows(), 0),
            }
        }
        out
    }
}

/// A list inside a struct column.
fn nested<'a>(batch: &'a RecordBatch, column: &str, field: &str) -> Option<&'a ListArray> {
    batch.column_by_name(column)?.as_struct_opt()?.column_by_name(field)?.as_list_opt()
}
