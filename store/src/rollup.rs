//! How many rows a segment has in each minute, by service and series: the severity of logs, the status of spans. Made
//! while the segment is written. Histograms and lists of senders over hours add these up instead of reading rows.

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, StringArray, TimestampNanosecondArray, UInt64Array};
use arrow::datatypes::{Int32Type, TimestampNanosecondType};
use serde::{Deserialize, Serialize};
use sextant_model::Table;
use sextant_model::severity::{LEVELS, level};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// Nanoseconds of a minute.
pub const MINUTE_NANOS: i64 = 60_000_000_000;
/// Segments with more counts than this have none: their rows are as quickly read.
const MAX_COUNTS: usize = 200_000;

const STATUSES: [&str; 3] = ["Unset", "Ok", "Error"];

/// Counts of a service.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct OfService {
    /// When the last row was received.
    seen: i64,
    /// By series, then by minute since 1970.
    counts: BTreeMap<String, BTreeMap<i64, u64>>,
}

/// Counts of a segment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rollup(BTreeMap<String, OfService>);

/// Where the series of each row is found.
enum Series<'a> {
    Levels(&'a [i32]),
    Statuses(&'a StringArray),
    One,
}

impl Series<'_> {
    /// The number of the series, if it is a usual one.
    fn of(&self, row: usize) -> Option<usize> {
        match self {
            Series::Levels(numbers) => Some(level(numbers[row])),
            Series::Statuses(texts) => STATUSES.iter().position(|s| *s == texts.value(row)),
            Series::One => Some(0),
        }
    }

    fn name(&self, series: usize) -> &'static str {
        match self {
            Series::Levels(_) => LEVELS[series].0,
            Series::Statuses(_) => STATUSES[series],
            Series::One => "",
        }
    }
}

impl Rollup {
    /// Counts rows; nothing if that is not possible, or too much.
    pub fn add(&mut self, table: Table, rows: &RecordBatch) -> Option<()> {
        let text = |name: &str| rows.column_by_name(name)?.as_string_opt::<i32>();
        let services = text("ServiceName")?;
        let nanos =
            |name: &str| Some(rows.column_by_name(name)?.as_primitive_opt::<TimestampNanosecondType>()?.values());
        let (received, times) = (nanos("ReceivedAt")?, nanos(table.time_column())?);
        let series = match table {
            Table::Logs => {
                Series::Levels(rows.column_by_name("SeverityNumber")?.as_primitive_opt::<Int32Type>()?.values())
            }
            Table::Traces => Series::Statuses(text("StatusCode")?),
            _ => Series::One,
        };
        let mut from = 0;
        while from < rows.num_rows() {
            // Rows of a service follow each other, mostly in the order of their times.
            let name = services.value(from);
            let minute = times[from].div_euclid(MINUTE_NANOS);
            let within = minute.saturating_mul(MINUTE_NANOS)..minute.saturating_add(1).saturating_mul(MINUTE_NANOS);
            let is_other = |row: &usize| !within.contains(&times[*row]) || services.value(*row) != name;
            let to = (from + 1..rows.num_rows()).find(is_other).unwrap_or(rows.num_rows());
            self.add_run(name, minute, from..to, received, &series)?;
            from = to;
        }
        (self.0.values().flat_map(|s| s.counts.values()).map(BTreeMap::len).sum::<usize>() <= MAX_COUNTS).then_some(())
    }

    fn add_run(
        &mut self,
        name: &str,
        minute: i64,
        rows: Range<usize>,
        received: &[i64],
        series: &Series<'_>,
    ) -> Option<()> {
        let mut counts = [0u64; LEVELS.len()];
        for row in rows.clone() {
            counts[series.of(row)?] += 1;
        }
        if !self.0.contains_key(name) {
            self.0.insert(name.to_owned(), OfService::default());
        }
        let service = self.0.get_mut(name)?;
        service.seen = received[rows].iter().fold(service.seen, |a, b| a.max(*b));
        for (i, n) in counts.into_iter().enumerate().filter(|(_, n)| *n > 0) {
            *service.counts.entry(series.name(i).to_owned()).or_default().entry(minute).or_default() += n;
        }
        Some(())
    }

    /// As it is kept: JSON, compressed.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        zstd::encode_all(serde_json::to_vec(self).ok()?.as_slice(), 3).ok()
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        serde_json::from_reader(std::io::BufReader::new(zstd::Decoder::new(bytes).ok()?)).ok()
    }
}

/// Counts of many segments, table by table, as rows: `table_name ServiceName series minute n seen`.
#[derive(Default)]
pub(crate) struct Minutes {
    names: Vec<&'static str>,
    services: Vec<String>,
    series: Vec<String>,
    at: Vec<i64>,
    n: Vec<u64>,
    seen: Vec<i64>,
}

impl Minutes {
    pub fn add(&mut self, table: Table, rollup: &Rollup) {
        for (name, service) in &rollup.0 {
            for (series, counts) in &service.counts {
                for (minute, n) in counts {
                    self.names.push(table.name());
                    self.services.push(name.clone());
                    self.series.push(series.clone());
                    self.at.push(*minute);
                    self.n.push(*n);
                    self.seen.push(service.seen);
                }
            }
        }
    }

    pub fn into_rows(self) -> Result<RecordBatch, sextant_columns::ColumnsError> {
        Ok(RecordBatch::try_from_iter([
            ("table_name", Arc::new(StringArray::from(self.names)) as ArrayRef),
            ("ServiceName", Arc::new(StringArray::from(self.services))),
            ("series", Arc::new(StringArray::from(self.series))),
            ("minute", Arc::new(Int64Array::from(self.at))),
            ("n", Arc::new(UInt64Array::from(self.n))),
            ("seen", Arc::new(TimestampNanosecondArray::from(self.seen))),
        ])?)
    }
}
