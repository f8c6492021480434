//! Rows put in the order of their time without holding them: each goes to the file of its part of the period, and the parts
//! are read back one after the other, each put in order by itself.

use arrow::array::{AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::TimestampNanosecondType;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use sextant_columns::{gathered, row_hashes};
use sextant_model::Table;
use std::fs::File;
use std::io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _};

/// A batch and a row in it.
type Place = (usize, usize);

/// So many rows are spread at once.
const SPREAD_ROWS: usize = 32 * 1024;
/// Or so many bytes.
const SPREAD_BYTES: usize = 128 << 20;
/// So many are handed on at once.
const OUT_ROWS: usize = 8_192;
/// Or fewer, where so many bytes are in them.
const OUT_BYTES: usize = 64 << 20;

/// The rows of a part.
#[derive(Default)]
struct Part {
    /// Where they lie in the file: each an Arrow stream of its own, packed.
    written: Vec<(u64, u64)>,
    /// The last that came.
    last: Option<RecordBatch>,
}

/// Rows of a table, spread over the parts of a period.
pub(crate) struct Spread {
    table: Table,
    file: BufWriter<File>,
    n_written: u64,
    /// Where parts begin, but the first, which has all before.
    edges: Vec<i64>,
    parts: Vec<Part>,
    waiting: Vec<RecordBatch>,
    n_waiting: usize,
    bytes_waiting: usize,
}

impl Spread {
    /// Parts that begin at these times, in a file without a name.
    pub fn new(table: Table, edges: Vec<i64>, file: File) -> Self {
        let parts = (0..=edges.len()).map(|_| Part::default()).collect();
        let file = BufWriter::with_capacity(1 << 18, file);
        Self { table, file, n_written: 0, edges, parts, waiting: Vec::new(), n_waiting: 0, bytes_waiting: 0 }
    }

    /// Takes rows in any order.
    pub fn add(&mut self, rows: RecordBatch) -> Result<(), ArrowError> {
        self.n_waiting += rows.num_rows();
        self.bytes_waiting += rows.get_array_memory_size();
        self.waiting.push(rows);
        if self.n_waiting < SPREAD_ROWS && self.bytes_waiting < SPREAD_BYTES {
            return Ok(());
        }
        for (part, rows) in self.spread()?.into_iter().enumerate() {
            let Some(rows) = rows else { continue };
            let mut stream = StreamWriter::try_new(Vec::new(), &rows.schema())?;
            stream.write(&rows)?;
            // A disk is slower than this: rows of a part have most of their texts in common.
            let bytes = lz4_flex::compress_prepend_size(&stream.into_inner()?);
            self.file.write_all(&bytes)?;
            self.parts[part].written.push((self.n_written, bytes.len() as u64));
            self.n_written += bytes.len() as u64;
        }
        Ok(())
    }

    /// The rows that wait, by their part.
    fn spread(&mut self) -> Result<Vec<Option<RecordBatch>>, ArrowError> {
        let waiting = std::mem::take(&mut self.waiting);
        (self.n_waiting, self.bytes_waiting) = (0, 0);
        let mut places: Vec<Vec<Place>> = vec![Vec::new(); self.parts.len()];
        for (i, rows) in waiting.iter().enumerate() {
            let times = rows.column_by_name(self.table.time_column());
            let times = times.and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
            let times = times.ok_or_else(|| ArrowError::SchemaError("rows have no time".into()))?.values();
            for (row, time) in times.iter().enumerate() {
                places[self.edges.partition_point(|edge| edge <= time)].push((i, row));
            }
        }
        let waiting: Vec<&RecordBatch> = waiting.iter().collect();
        let of = |places: Vec<Place>| (!places.is_empty()).then(|| gathered(&waiting, &places)).transpose();
        places.into_iter().map(of).collect()
    }

    /// Nothing more comes: the parts, one after the other, each in no order.
    pub fn parts(mut self) -> Result<Parts, ArrowError> {
        for (part, rows) in self.spread()?.into_iter().enumerate() {
            self.parts[part].last = rows;
        }
        let file = self.file.into_inner().map_err(std::io::IntoInnerError::into_error)?;
        Ok(Parts { file, parts: self.parts.into_iter() })
    }
}

/// The parts, read back.
pub(crate) struct Parts {
    file: File,
    parts: std::vec::IntoIter<Part>,
}

impl Iterator for Parts {
    type Item = Result<Vec<RecordBatch>, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let part = self.parts.next()?;
        Some(self.read(part))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.parts.size_hint()
    }
}

impl ExactSizeIterator for Parts {}

impl Parts {
    fn read(&mut self, part: Part) -> Result<Vec<RecordBatch>, ArrowError> {
        let mut all: Vec<RecordBatch> = Vec::new();
        for (from, length) in part.written {
            self.file.seek(SeekFrom::Start(from))?;
            let mut bytes = vec![0; length as usize];
            self.file.read_exact(&mut bytes)?;
            let bytes = lz4_flex::decompress_size_prepended(&bytes).map_err(|e| ArrowError::ExternalError(e.into()))?;
            for rows in StreamReader::try_new(&bytes[..], None)? {
                all.push(rows?);
            }
        }
        all.extend(part.last);
        Ok(all)
    }
}

/// Rows by time, and within a time by their span. Those of one time come in an order that hangs on nothing but what is in
/// them, so that the same rows always make the same file.
pub(crate) fn in_order(table: Table, batches: &[RecordBatch]) -> Result<Vec<RecordBatch>, ArrowError> {
    let mut order: Vec<(i64, Place)> = Vec::new();
    let mut spans: Vec<Option<&StringArray>> = Vec::new();
    for (i, rows) in batches.iter().enumerate() {
        let times = rows.column_by_name(table.time_column());
        let times = times.and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
        let times = times.ok_or_else(|| ArrowError::SchemaError("rows have no time".into()))?;
        order.extend(times.values().iter().enumerate().map(|(row, time)| (*time, (i, row))));
        spans.push(rows.column_by_name("SpanId").and_then(|c| c.as_string_opt::<i32>()));
    }
    order.sort_unstable();
    let span = |(batch, row): Place| spans[batch].map_or("", |ids| ids.value(row));
    for tied in order.chunk_by_mut(|a, b| a.0 == b.0).filter(|tied| tied.len() > 1) {
        tied.sort_unstable_by(|a, b| span(a.1).cmp(span(b.1)));
        for same in tied.chunk_by_mut(|a, b| span(a.1) == span(b.1)).filter(|same| same.len() > 1) {
            let mut by_hash = Vec::with_capacity(same.len());
            for (_, (batch, row)) in same.iter() {
                let hash = row_hashes(&batches[*batch], [*row].into_iter())
                    .map_err(|e| ArrowError::ExternalError(e.into()))?;
                by_hash.push((hash, (*batch, *row)));
            }
            by_hash.sort_unstable();
            for (place, (_, row)) in same.iter_mut().zip(by_hash) {
                place.1 = row;
            }
        }
    }
    let batches: Vec<&RecordBatch> = batches.iter().collect();
    let places: Vec<Place> = order.into_iter().map(|(_, place)| place).collect();
    let bytes: usize = batches.iter().map(|b| b.get_array_memory_size()).sum();
    let row_bytes = bytes.checked_div(places.len()).unwrap_or(0).max(1);
    places.chunks((OUT_BYTES / row_bytes).clamp(1, OUT_ROWS)).map(|places| gathered(&batches, places)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, TimestampNanosecondArray};
    use std::sync::Arc;

    #[test]
    fn every_row_is_in_the_part_of_its_time_once() {
        let times: Vec<i64> = (0..90_000).map(|i| (i * 7_919) % 30_011).collect();
        let file = tempfile::tempfile().expect("a file");
        let mut spread = Spread::new(Table::Traces, vec![100, 10_000, 20_000, 29_999], file);
        for chunk in times.chunks(2_048) {
            let columns: [(&str, ArrayRef); 2] = [
                ("Timestamp", Arc::new(TimestampNanosecondArray::from(chunk.to_vec()))),
                ("value", Arc::new(Int64Array::from(chunk.to_vec()))),
            ];
            spread.add(RecordBatch::try_from_iter(columns).expect("rows")).expect("they are spread");
        }
        let mut all = Vec::new();
        let bounds = [i64::MIN, 100, 10_000, 20_000, 29_999, i64::MAX];
        let parts = spread.parts().expect("parts");
        assert_eq!(parts.len(), 5);
        for (part, rows) in parts.enumerate() {
            for rows in rows.expect("a part") {
                let values = rows.column(1).as_primitive::<arrow::datatypes::Int64Type>().values().to_vec();
                assert!(values.iter().all(|v| (bounds[part]..bounds[part + 1]).contains(v)), "{part}");
                all.extend(values);
            }
        }
        all.sort_unstable();
        let mut expected = times;
        expected.sort_unstable();
        assert_eq!(all, expected);
    }

    #[test]
    fn the_order_hangs_on_nothing_but_the_rows() {
        // Few times and few spans, so that times, spans and whole rows are often the same.
        let rows: Vec<(i64, String, i64)> =
            (0..3_000_i64).map(|i| (i * 7 % 50, format!("{:02}", i * 13 % 40), i * 31 % 600)).collect();
        let batch = |rows: &[(i64, String, i64)]| {
            let columns: [(&str, ArrayRef); 3] = [
                ("Timestamp", Arc::new(rows.iter().map(|r| Some(r.0)).collect::<TimestampNanosecondArray>())),
                ("SpanId", Arc::new(StringArray::from_iter_values(rows.iter().map(|r| &r.1)))),
                ("value", Arc::new(rows.iter().map(|r| Some(r.2)).collect::<Int64Array>())),
            ];
            RecordBatch::try_from_iter(columns).expect("rows")
        };
        let ordered = |rows: &[(i64, String, i64)], n: usize| {
            let batches: Vec<RecordBatch> = rows.chunks(n).map(batch).collect();
            let done = in_order(Table::Traces, &batches).expect("an order");
            arrow::compute::concat_batches(&done[0].schema(), &done).expect("rows")
        };
        let first = ordered(&rows, 3_000);
        let times = first.column(0).as_primitive::<TimestampNanosecondType>().values().to_vec();
        assert!(times.is_sorted() && times.len() == 3_000);
        let mut backwards = rows.clone();
        backwards.reverse();
        for n in [1, 7, 500] {
            assert_eq!(ordered(&rows, n), first, "{n}");
            assert_eq!(ordered(&backwards, n), first, "{n} backwards");
        }
    }
}
