//! Rows as a folder of Parquet files, those of a day in a folder of their own: `date=2026-11-22/part-000.parquet`.

use crate::writer::{WriteError, parquet_properties};
use arrow::array::{RecordBatch, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::SchemaRef;
use parquet::arrow::ArrowWriter;
use parquet::file::metadata::ParquetMetaData;
use sextant_model::UnixNanos;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

/// A file is ended when it is about this long.
const FILE_BYTES: usize = 256 << 20;
/// Files of so many days are open at once.
const OPEN_DAYS: usize = 16;
const DAY_NANOS: i64 = 86_400 * 1_000_000_000;

/// A file of the folder.
#[derive(Debug)]
pub struct FolderFile {
    /// Where it lies below the folder.
    pub path: String,
    /// Of which day, counted from 1970.
    pub day: i32,
    /// How many rows it has.
    pub n_rows: u64,
    /// How long it is.
    pub n_bytes: u64,
    /// What its end says.
    pub metadata: ParquetMetaData,
}

struct Open {
    writer: ArrowWriter<File>,
    path: String,
    /// When it was last written to.
    turn: u64,
}

/// Rows go in with their day; [`FolderWriter::finish`] ends the files.
pub struct FolderWriter {
    root: PathBuf,
    schema: SchemaRef,
    open: BTreeMap<i32, Open>,
    /// How many files of a day there are.
    begun: BTreeMap<i32, usize>,
    done: Vec<FolderFile>,
    turn: u64,
    file_bytes: usize,
}

/// The rows of each day, by times in nanoseconds.
pub fn by_day(rows: &RecordBatch, times: &[i64]) -> Result<Vec<(i32, RecordBatch)>, WriteError> {
    let mut days: BTreeMap<i32, Vec<u32>> = BTreeMap::new();
    for (row, time) in (0..).zip(times) {
        // 64 bits of nanoseconds are 106,751 days at most.
        days.entry(time.div_euclid(DAY_NANOS) as i32).or_default().push(row);
    }
    if days.len() == 1 {
        return Ok(days.into_keys().map(|day| (day, rows.clone())).collect());
    }
    let take = |(day, rows_of): (i32, Vec<u32>)| Ok((day, take_record_batch(rows, &UInt32Array::from(rows_of))?));
    days.into_iter().map(take).collect()
}

impl FolderWriter {
    /// Files of these columns in a folder, which is there.
    pub fn new(root: PathBuf, schema: SchemaRef) -> Self {
        Self {
            root,
            schema,
            open: BTreeMap::new(),
            begun: BTreeMap::new(),
            done: Vec::new(),
            turn: 0,
            file_bytes: FILE_BYTES,
        }
    }

    /// Writes rows of a day.
    pub fn write(&mut self, day: i32, rows: &RecordBatch) -> Result<(), WriteError> {
        self.turn += 1;
        if !self.open.contains_key(&day) {
            if self.open.len() == OPEN_DAYS
                && let Some(idle) = self.open.iter().min_by_key(|(_, open)| open.turn).map(|(day, _)| *day)
            {
                self.end(idle)?;
            }
            let begun = self.begun.entry(day).or_default();
            let folder = format!("date={}", UnixNanos(i64::from(day).saturating_mul(DAY_NANOS)).day());
            std::fs::create_dir_all(self.root.join(&folder))?;
            let path = format!("{folder}/part-{begun:03}.parquet");
            *begun += 1;
            let file = File::create_new(self.root.join(&path))?;
            let writer = ArrowWriter::try_new(file, self.schema.clone(), Some(parquet_properties()))?;
            self.open.insert(day, Open { writer, path, turn: 0 });
        }
        let Some(open) = self.open.get_mut(&day) else { return Ok(()) };
        open.turn = self.turn;
        open.writer.write(rows)?;
        if open.writer.bytes_written() + open.writer.in_progress_size() >= self.file_bytes {
            self.end(day)?;
        }
        Ok(())
    }

    fn end(&mut self, day: i32) -> Result<(), WriteError> {
        let Some(mut open) = self.open.remove(&day) else { return Ok(()) };
        let metadata = open.writer.finish()?;
        let file = open.writer.inner();
        file.sync_all()?;
        let (n_rows, n_bytes) = (metadata.file_metadata().num_rows() as u64, file.metadata()?.len());
        self.done.push(FolderFile { path: open.path, day, n_rows, n_bytes, metadata });
        Ok(())
    }

    /// About how long all files are by now.
    pub fn n_bytes(&self) -> u64 {
        let open = self.open.values().map(|o| o.writer.bytes_written() as u64).sum::<u64>();
        self.done.iter().map(|f| f.n_bytes).sum::<u64>() + open
    }

    /// Ends all files; they come in the order of their names.
    pub fn finish(mut self) -> Result<Vec<FolderFile>, WriteError> {
        while let Some(day) = self.open.keys().next().copied() {
            self.end(day)?;
        }
        self.done.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, AsArray as _, Int64Array};
    use arrow::datatypes::{DataType, Field, Int64Type, Schema};
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use std::sync::Arc;

    #[test]
    fn every_row_is_in_a_file_of_its_day() {
        let home = tempfile::tempdir().expect("a directory");
        let schema = Arc::new(Schema::new(vec![Field::new("time", DataType::Int64, false)]));
        let mut folder = FolderWriter::new(home.path().to_owned(), schema.clone());
        folder.file_bytes = 20_000;
        // More days than are open at once, before 1970 too, and each comes again.
        let times: Vec<i64> = (0..40_000_i64).map(|i| (i % 23 - 3) * DAY_NANOS + i * 7_919).collect();
        for chunk in times.chunks(1_000) {
            let column: ArrayRef = Arc::new(Int64Array::from(chunk.to_vec()));
            let rows = RecordBatch::try_new(schema.clone(), vec![column]).expect("rows");
            for (day, rows) in by_day(&rows, chunk).expect("days") {
                folder.write(day, &rows).expect("it is written");
            }
        }
        assert!(folder.n_bytes() > 0);
        let files = folder.finish().expect("files");
        let mut all = Vec::new();
        for file in &files {
            let path = home.path().join(&file.path);
            assert_eq!(std::fs::metadata(&path).expect("it is there").len(), file.n_bytes);
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).expect("a file")).expect("Parquet");
            let n_before = all.len();
            for rows in reader.build().expect("a reader") {
                all.extend(rows.expect("rows").column(0).as_primitive::<Int64Type>().values().iter().copied());
            }
            assert_eq!((all.len() - n_before) as u64, file.n_rows);
            assert!(all[n_before..].iter().all(|t| t.div_euclid(DAY_NANOS) as i32 == file.day), "{}", file.path);
        }
        assert!(files.len() > 23 && files[0].path.starts_with("date=1969-12-29/part-000."), "{}", files[0].path);
        let mut sent = times;
        sent.sort_unstable();
        all.sort_unstable();
        assert_eq!(all, sent);
    }
}
