//! Rows put in the order of their time without holding them: each goes to the file of its part of the period, and the parts
//! are read back one after the other.

use arrow::array::{AsArray as _, RecordBatch, UInt32Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::TimestampNanosecondType;
use arrow::error::ArrowError;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use sextant_model::Table;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::PathBuf;
use tempfile::TempDir;

/// So many rows of a part are written at once.
const WRITE_ROWS: usize = 4_096;

/// The rows of a part, the last of them in memory.
#[derive(Default)]
struct Part {
    waiting: Vec<RecordBatch>,
    n_waiting: usize,
    writer: Option<StreamWriter<BufWriter<File>>>,
}

/// Rows of a table, spread over the parts of a period.
pub(crate) struct Spread {
    table: Table,
    dir: TempDir,
    /// Where parts begin, but the first, which has all before.
    edges: Vec<i64>,
    parts: Vec<Part>,
}

impl Spread {
    /// Parts that begin at these times, in a folder that goes with them.
    pub fn new(table: Table, edges: Vec<i64>, dir: TempDir) -> Self {
        let parts = (0..=edges.len()).map(|_| Part::default()).collect();
        Self { table, dir, edges, parts }
    }

    fn path(&self, part: usize) -> PathBuf {
        self.dir.path().join(format!("{part}.arrows"))
    }

    /// Takes rows in any order.
    pub fn add(&mut self, rows: &RecordBatch) -> Result<(), ArrowError> {
        let times = rows.column_by_name(self.table.time_column());
        let times = times.and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
        let times = times.ok_or_else(|| ArrowError::SchemaError("rows have no time".into()))?.values();
        let part_of = |time: i64| self.edges.partition_point(|edge| *edge <= time);
        let mut chosen: Vec<(usize, Vec<u32>)> = Vec::new();
        for (row, time) in (0..).zip(times) {
            let part = part_of(*time);
            match chosen.iter_mut().rev().find(|(of, _)| *of == part) {
                Some((_, rows)) => rows.push(row),
                None => chosen.push((part, vec![row])),
            }
        }
        for (part, chosen) in chosen {
            // A copy: a slice would keep all the rows that it is from.
            let some = take_record_batch(rows, &UInt32Array::from(chosen))?;
            let of = &mut self.parts[part];
            of.n_waiting += some.num_rows();
            of.waiting.push(some);
            if of.n_waiting >= WRITE_ROWS {
                self.write(part)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, part: usize) -> Result<(), ArrowError> {
        let path = self.path(part);
        let of = &mut self.parts[part];
        let Some(first) = of.waiting.first() else { return Ok(()) };
        let rows = concat_batches(&first.schema(), &of.waiting)?;
        if of.writer.is_none() {
            of.writer = Some(StreamWriter::try_new(BufWriter::new(File::create_new(path)?), &rows.schema())?);
        }
        (of.waiting, of.n_waiting) = (Vec::new(), 0);
        of.writer.as_mut().map_or(Ok(()), |w| w.write(&rows))
    }

    /// How many parts there are.
    pub fn n_parts(&self) -> usize {
        self.parts.len()
    }

    /// The rows of a part, in no order; they are gone then.
    pub fn take(&mut self, part: usize) -> Result<Vec<RecordBatch>, ArrowError> {
        let of = std::mem::take(&mut self.parts[part]);
        let mut all = of.waiting;
        if let Some(mut writer) = of.writer {
            writer.finish()?;
            let path = self.path(part);
            for rows in StreamReader::try_new(BufReader::new(File::open(&path)?), None)? {
                all.push(rows?);
            }
            std::fs::remove_file(path)?;
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, TimestampNanosecondArray};
    use std::sync::Arc;

    #[test]
    fn every_row_is_in_the_part_of_its_time_once() {
        let times: Vec<i64> = (0..30_000).map(|i| (i * 7_919) % 30_011).collect();
        let dir = tempfile::tempdir().expect("a directory");
        let mut spread = Spread::new(Table::Traces, vec![100, 10_000, 20_000, 29_999], dir);
        for chunk in times.chunks(2_048) {
            let columns: [(&str, ArrayRef); 2] = [
                ("Timestamp", Arc::new(TimestampNanosecondArray::from(chunk.to_vec()))),
                ("value", Arc::new(Int64Array::from(chunk.to_vec()))),
            ];
            spread.add(&RecordBatch::try_from_iter(columns).expect("rows")).expect("they are spread");
        }
        let mut all = Vec::new();
        let bounds = [i64::MIN, 100, 10_000, 20_000, 29_999, i64::MAX];
        for part in 0..spread.n_parts() {
            for rows in spread.take(part).expect("a part") {
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
}
