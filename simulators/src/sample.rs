//! Some row groups of a table, read whole: what they come to as values, as they lie there, and as they would lie there if they were
//! written otherwise, by the writer that writes them.

use crate::error::ScenarioError;
use crate::shape::Shape;
use arrow::array::{AsArray as _, BooleanArray, MapArray, RecordBatch};
use arrow::compute::filter_record_batch;
use sextant_columns::{
    AROUND, ColumnsError, Compression, INDEX, ROW_GROUP_ROWS, Sizes, Writing, bytes_by_key, file_sizes, raw_bytes,
    raw_bytes_by_row, read_group, sorted, tried,
};
use sextant_model::{Table, TraceId};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A file of the table.
#[derive(Debug, Clone)]
pub struct Source {
    /// Where it lies.
    pub path: PathBuf,
    /// How it was written.
    pub compression: Compression,
}

/// How much of a table is read.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// This part of its row groups.
    pub part: f64,
    /// But so many, if there are.
    pub at_least: usize,
    /// Rows of all of them together.
    pub most_rows: usize,
}

impl Default for Reading {
    fn default() -> Self {
        Self { part: 0.05, at_least: 8, most_rows: 400_000 }
    }
}

#[derive(Debug)]
struct Group {
    rows: Vec<RecordBatch>,
    n_rows: u64,
    how: Writing,
    /// What they come to, written as they are.
    sizes: Sizes,
}

/// Some row groups of a table.
#[derive(Debug)]
pub struct Sample {
    /// Of which table.
    pub table: Table,
    /// Row groups that there are.
    pub n_groups: usize,
    /// Files that there are.
    pub n_files: usize,
    /// Rows that there are.
    pub n_rows: u64,
    /// Bytes as they lie there; of rows that are in no file yet, as they will.
    pub stored: Sizes,
    /// Files that can't be read are not among them.
    pub n_unreadable: usize,
    groups: Vec<Group>,
}

/// What is otherwise.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Packed so.
    pub compression: Option<Compression>,
    /// In this order.
    pub order: Order,
    /// Attributes are shaped.
    pub shapes: Vec<Shape>,
    /// Only these attributes have a column of their own.
    pub promoted: Option<Vec<String>>,
}

/// The order of rows within a row group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// By service and time, as segments are.
    #[default]
    AsItIs,
    /// By time alone.
    Time,
    /// By trace and time.
    Trace,
    /// By service, operation and time.
    Operation,
}

impl Order {
    /// All, with their names in a scenario.
    pub const ALL: [(&'static str, Self); 4] =
        [("service", Self::AsItIs), ("time", Self::Time), ("trace", Self::Trace), ("operation", Self::Operation)];
}

fn unreadable(e: &ColumnsError) -> ScenarioError {
    ScenarioError::of("", format!("what is stored can't be measured: {e}"))
}

fn add(into: &mut Sizes, more: &Sizes) {
    for (name, n) in more {
        *into.entry(name.clone()).or_default() += n;
    }
}

fn n_rows(rows: &[RecordBatch]) -> u64 {
    rows.iter().map(|rows| rows.num_rows() as u64).sum()
}

/// So many rows out of all parts of a batch: its order is by service, and its beginning is that of one.
fn evenly(rows: &RecordBatch, most: usize) -> Vec<RecordBatch> {
    const PARTS: usize = 16;
    let n = rows.num_rows();
    if n <= most {
        return vec![rows.clone()];
    }
    let each = (most / PARTS).max(1);
    (0..PARTS).map(|i| rows.slice(i * (n - each) / (PARTS - 1), each)).collect()
}

impl Sample {
    /// Reads one, evenly from all row groups of `files` and from rows that are in no file yet.
    ///
    /// # Errors
    /// If what was chosen can't be read or written.
    pub fn of(table: Table, files: &[Source], hot: &[RecordBatch], reading: Reading) -> Result<Self, ScenarioError> {
        let (mut stored, mut all, mut n_unreadable) = (Sizes::new(), Vec::new(), 0);
        let mut n_all = 0;
        for file in files {
            let Ok(sizes) = file_sizes(&file.path) else {
                n_unreadable += 1;
                continue;
            };
            add(&mut stored, &sizes.sizes);
            n_all += sizes.groups.iter().sum::<u64>();
            let groups = sizes.groups.iter().enumerate();
            all.extend(groups.map(|(group, n)| (file, group, *n, sizes.promoted.clone())));
        }
        let n_hot = n_rows(hot);
        let n_groups = all.len() + usize::from(n_hot > 0);
        let wanted = ((all.len() as f64 * reading.part).ceil() as usize).max(reading.at_least).min(all.len());
        let most = (reading.most_rows / (wanted + usize::from(n_hot > 0)).max(1)).min(ROW_GROUP_ROWS);
        let n_files = files.len() - n_unreadable + usize::from(n_hot > 0);
        let n_rows_all = n_all + n_hot;
        let mut sample =
            Self { table, n_groups, n_files, n_rows: n_rows_all, stored, n_unreadable, groups: Vec::new() };
        for i in 0..wanted {
            // The middle of each of as many equal parts.
            let (file, group, n, promoted) = &all[(2 * i + 1) * all.len() / (2 * wanted)];
            let rows = read_group(&file.path, table, *group, most).map_err(|e| unreadable(&e))?;
            sample.push(rows, Writing { compression: file.compression, n_rows: *n, promoted: promoted.clone() })?;
        }
        if n_hot > 0 {
            let rows = sorted(table, hot).map_err(|e| unreadable(&e))?;
            let rows = evenly(&rows, most);
            let written =
                sample.push(rows, Writing { compression: Compression::Hot, n_rows: n_hot, promoted: Vec::new() })?;
            let times = n_hot as f64 / written.0.max(1) as f64;
            for (name, n) in written.1 {
                *sample.stored.entry(name).or_default() += (n as f64 * times) as u64;
            }
        }
        Ok(sample)
    }

    fn push(&mut self, rows: Vec<RecordBatch>, how: Writing) -> Result<(u64, Sizes), ScenarioError> {
        let sizes = tried(&rows, self.table, &how).map_err(|e| unreadable(&e))?;
        let written = (n_rows(&rows), sizes.clone());
        self.groups.push(Group { n_rows: written.0, rows, how, sizes });
        Ok(written)
    }

    /// Rows that were read.
    pub fn n_read(&self) -> u64 {
        self.groups.iter().map(|g| g.n_rows).sum()
    }

    /// Row groups that were read.
    pub fn n_groups_read(&self) -> usize {
        self.groups.len()
    }

    /// How many times what was read there is.
    fn times(&self) -> f64 {
        self.n_rows as f64 / self.n_read().max(1) as f64
    }

    fn batches(&self) -> impl Iterator<Item = &RecordBatch> {
        self.groups.iter().flat_map(|g| &g.rows)
    }

    /// Raw bytes of each column.
    pub fn raw(&self) -> BTreeMap<String, f64> {
        let mut all = BTreeMap::<String, f64>::new();
        let times = self.times();
        for rows in self.batches() {
            for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
                *all.entry(field.name().clone()).or_default() += raw_bytes(column) as f64 * times;
            }
        }
        all
    }

    /// Raw bytes of each attribute, and those of them that are hard to pack.
    pub fn raw_by_key(&self) -> BTreeMap<String, (f64, f64)> {
        let mut all = BTreeMap::new();
        self.batches().for_each(|rows| bytes_by_key(rows, &mut all));
        let times = self.times();
        all.into_iter().map(|(key, of)| (key, (of.raw as f64 * times, of.changing as f64 * times))).collect()
    }

    /// Raw bytes of a record, by service and, for spans, by name.
    pub fn raw_of_operations(&self) -> BTreeMap<(String, String), f64> {
        let mut all = BTreeMap::<(String, String), (u64, u64)>::new();
        for rows in self.batches() {
            let texts = |name: &str| rows.column_by_name(name).and_then(|c| c.as_string_opt::<i32>());
            let Some(services) = texts("ServiceName") else { continue };
            let names = texts("SpanName");
            for (row, bytes) in raw_bytes_by_row(rows).into_iter().enumerate() {
                let name = names.map_or("", |names| names.value(row));
                let of = match all.get_mut(&(services.value(row).to_owned(), name.to_owned())) {
                    Some(of) => of,
                    None => all.entry((services.value(row).to_owned(), name.to_owned())).or_default(),
                };
                *of = (of.0 + bytes, of.1 + 1);
            }
        }
        all.into_iter().map(|(key, (bytes, n))| (key, bytes as f64 / n as f64)).collect()
    }

    /// Whether rows that were read have an attribute.
    pub fn has_key(&self, key: &str) -> bool {
        let has = |map: &MapArray| {
            map.keys().as_string_opt::<i32>().is_some_and(|keys| keys.iter().flatten().any(|k| k == key))
        };
        self.batches().any(|rows| rows.columns().iter().filter_map(|c| c.as_map_opt()).any(has))
    }

    /// How much the ratio of raw to stored bytes differs between row groups: the standard deviation of its logarithm, each row
    /// group as heavy as its raw bytes. What a file has around its columns is no part of it: small ones would seem badly packed.
    pub fn ratio_sigma(&self) -> f64 {
        let one = |g: &Group| {
            let raw: u64 = g.rows.iter().flat_map(RecordBatch::columns).map(|c| raw_bytes(c)).sum();
            let stored: u64 =
                g.sizes.iter().filter(|(name, _)| *name != AROUND && *name != INDEX).map(|(_, n)| n).sum();
            (raw as f64, (raw.max(1) as f64 / stored.max(1) as f64).ln())
        };
        let logs: Vec<(f64, f64)> = self.groups.iter().map(one).collect();
        let weight: f64 = logs.iter().map(|(raw, _)| raw).sum();
        if logs.len() < 2 || weight <= 0.0 {
            return 0.0;
        }
        let mean = logs.iter().map(|(raw, log)| raw * log).sum::<f64>() / weight;
        (logs.iter().map(|(raw, log)| raw * (log - mean).powi(2)).sum::<f64>() / weight).sqrt()
    }

    /// What everything would come to. What is read is written both ways, and what lies there is scaled column by column: what a
    /// sample is smaller or larger packed than the whole is so both ways.
    ///
    /// # Errors
    /// If the rows can't be written so.
    pub fn with(&self, change: &Change) -> Result<Sizes, ScenarioError> {
        let (mut before, mut after) = (Sizes::new(), Sizes::new());
        for group in &self.groups {
            add(&mut before, &group.sizes);
            let dropped = |key: &String| change.shapes.iter().any(|s| s.key == *key && s.drops());
            let mut how = group.how.clone();
            how.compression = change.compression.unwrap_or(how.compression);
            how.promoted = change.promoted.clone().unwrap_or(how.promoted);
            how.promoted.retain(|key| !dropped(key));
            let mut rows = group.rows.clone();
            for shape in &change.shapes {
                rows = rows.iter().map(|rows| shape.of(rows)).collect::<Result<_, _>>().map_err(|e| unreadable(&e))?;
            }
            let rows = change.order.of(self.table, rows)?;
            add(&mut after, &tried(&rows, self.table, &how).map_err(|e| unreadable(&e))?);
        }
        let times = self.times();
        let mut all = Sizes::new();
        for (name, n) in &after {
            let there = self.stored.get(name).copied().unwrap_or(0) as f64;
            let n = match before.get(name) {
                Some(was) if *was > 0 && there > 0.0 => there * *n as f64 / *was as f64,
                _ => *n as f64 * times,
            };
            all.insert(name.clone(), n.round() as u64);
        }
        Ok(all)
    }

    /// How much worse what is left of some traces is packed than the same share of what lies there: fewer rows have less in common,
    /// and those with an error more. 1 where there are no traces.
    ///
    /// # Errors
    /// If the rows can't be written so.
    pub fn packed_worse(&self, is_left: &dyn Fn(TraceId) -> bool) -> Result<f64, ScenarioError> {
        let bytes =
            |rows: &[RecordBatch]| rows.iter().flat_map(RecordBatch::columns).map(|c| raw_bytes(c)).sum::<u64>();
        let (mut raw, mut raw_left, mut stored, mut stored_left) = (0, 0, 0, 0);
        // What is left of the row groups of a file fills fewer of them, and not as many small ones.
        let is_whole = self.n_read() >= self.n_rows;
        let together = (self.n_groups / self.n_files.max(1)).clamp(1, self.groups.len().max(1));
        for groups in self.groups.chunks(together) {
            let mut left = Vec::new();
            for group in groups {
                for rows in &group.rows {
                    let ids = rows.column_by_name("TraceId").and_then(|c| c.as_string_opt::<i32>());
                    let Some(ids) = ids else { return Ok(1.0) };
                    let is_left = |id: Option<&str>| id.and_then(|id| id.parse().ok()).is_some_and(is_left);
                    let mask: BooleanArray = ids.iter().map(|id| Some(is_left(id))).collect();
                    left.push(filter_record_batch(rows, &mask).map_err(|e| unreadable(&ColumnsError::from(e)))?);
                }
                if is_whole {
                    raw += bytes(&group.rows);
                    stored += group.sizes.values().sum::<u64>();
                }
            }
            let Some(first) = groups.first().filter(|_| n_rows(&left) > 0) else { continue };
            raw_left += bytes(&left);
            if n_rows(&left) > 0 && !is_whole {
                // Of a part of all rows: held against as many rows as are left, or what is small would seem badly packed.
                let part = n_rows(&left) as f64 / groups.iter().map(|g| g.n_rows).sum::<u64>().max(1) as f64;
                let of = |rows: &RecordBatch| rows.slice(0, (rows.num_rows() as f64 * part).ceil() as usize);
                let all: Vec<RecordBatch> = groups.iter().flat_map(|g| &g.rows).map(of).collect();
                let how = Writing { n_rows: n_rows(&all), ..groups[0].how.clone() };
                raw += bytes(&all);
                stored += tried(&all, self.table, &how).map_err(|e| unreadable(&e))?.values().sum::<u64>();
            }
            let left = if together > 1 { vec![sorted(self.table, &left).map_err(|e| unreadable(&e))?] } else { left };
            let how = Writing { n_rows: n_rows(&left), ..first.how.clone() };
            stored_left += tried(&left, self.table, &how).map_err(|e| unreadable(&e))?.values().sum::<u64>();
        }
        let part = |left: u64, all: u64| left as f64 / all.max(1) as f64;
        let (raw, stored) = (part(raw_left, raw), part(stored_left, stored));
        Ok(if raw > 0.0 && stored > 0.0 { stored / raw } else { 1.0 })
    }

    /// What everything would have as raw bytes.
    ///
    /// # Errors
    /// If the rows can't be shaped so.
    pub fn raw_with(&self, shapes: &[Shape]) -> Result<f64, ScenarioError> {
        let mut sum = 0;
        for rows in self.batches() {
            let mut rows = rows.clone();
            for shape in shapes {
                rows = shape.of(&rows).map_err(|e| unreadable(&e))?;
            }
            sum += rows.columns().iter().map(|c| raw_bytes(c)).sum::<u64>();
        }
        Ok(sum as f64 * self.times())
    }
}

impl Order {
    fn of(self, table: Table, rows: Vec<RecordBatch>) -> Result<Vec<RecordBatch>, ScenarioError> {
        use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
        let columns: &[&str] = match self {
            Self::AsItIs => return Ok(rows),
            Self::Time => &[table.time_column()],
            Self::Trace => &["TraceId", table.time_column()],
            Self::Operation => &["ServiceName", "SpanName", table.time_column()],
        };
        let Some(first) = rows.first() else { return Ok(rows) };
        let wrong = |e: arrow::error::ArrowError| unreadable(&ColumnsError::from(e));
        let all = concat_batches(first.schema_ref(), &rows).map_err(wrong)?;
        let by: Vec<SortColumn> = columns
            .iter()
            .filter_map(|name| all.column_by_name(name))
            .map(|column| SortColumn { values: column.clone(), options: None })
            .collect();
        let order = lexsort_to_indices(&by, None).map_err(wrong)?;
        Ok(vec![take_record_batch(&all, &order).map_err(wrong)?])
    }
}
