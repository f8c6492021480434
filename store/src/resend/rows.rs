//! The rows that came last, by hash.

use arrow::array::{AsArray, MapArray, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, TimestampNanosecondType};
use sextant_model::Table;
use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hash, Hasher};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128};

/// 96 bits of what makes a row the same row; all zero where nothing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub(crate) struct RowHash(pub [u32; 3]);

impl RowHash {
    fn of(bytes: &[u8]) -> Self {
        let hash = xxh3_128(bytes);
        Self([hash as u32 | 1, (hash >> 32) as u32, (hash >> 64) as u32])
    }

    /// Whether there is nothing by which the row could be recognised.
    pub fn is_none(self) -> bool {
        self.0[0] == 0
    }
}

impl Hash for RowHash {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // It is a hash already.
        state.write_u64(u64::from(self.0[1]) << 32 | u64::from(self.0[2]));
    }
}

/// Passes a hash through.
#[derive(Debug, Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64(bytes);
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

/// Rows of one generation: as many as fit into a table of 2^21 places.
const GENERATION_ROWS: usize = 1_800_000;
/// Full generations that are kept beside the one that fills. Each is a look-up a row.
const N_GENERATIONS: usize = 2;

type Set = HashSet<RowHash, BuildHasherDefault<Same>>;

/// The last 3.6 to 5.4 million rows: about 80 MB when full.
#[derive(Debug, Default)]
pub(crate) struct RecentRows {
    newest: Set,
    older: VecDeque<Set>,
}

impl RecentRows {
    /// Remembers a row; false if it was known. Rows without an identity are always new.
    pub fn insert(&mut self, row: RowHash) -> bool {
        row.is_none() || (!self.older.iter().any(|set| set.contains(&row)) && self.newest.insert(row))
    }

    /// Whether a row is remembered.
    pub fn contains(&self, row: RowHash) -> bool {
        self.newest.contains(&row) || self.older.iter().any(|set| set.contains(&row))
    }

    /// Forgets rows that came to nothing, or that are not there any more.
    pub fn forget(&mut self, rows: &[RowHash]) {
        for row in rows {
            let _ = self.newest.remove(row) || self.older.iter_mut().any(|set| set.remove(row));
        }
    }

    /// Makes room; between commits, so that what has to be forgotten is still in the newest generation.
    pub fn turn(&mut self) {
        if self.newest.len() >= GENERATION_ROWS {
            self.older.push_front(std::mem::take(&mut self.newest));
            self.older.truncate(N_GENERATIONS);
        }
    }
}

/// Whether rows of `table` can be told apart.
pub(crate) fn is_identified(table: Table) -> bool {
    table != Table::Logs
}

/// The columns that [`hashes`] reads.
pub(crate) fn key_columns(table: Table) -> &'static [&'static str] {
    match table {
        Table::Traces => &["ServiceName", "Timestamp", "TraceId", "SpanId", "SpanKind"],
        Table::Logs => &[],
        _ => &[
            "ServiceName",
            "ResourceAttributes",
            "ScopeName",
            "ScopeVersion",
            "ScopeAttributes",
            "MetricName",
            "Attributes",
            "TimeUnix",
        ],
    }
}

/// The columns that [`record_hashes`] reads, of log records.
pub(crate) const RECORD_COLUMNS: [&str; 11] = [
    "Timestamp",
    "SeverityNumber",
    "ServiceName",
    "TraceId",
    "SpanId",
    "SeverityText",
    "Body",
    "ScopeName",
    "EventName",
    "ResourceAttributes",
    "LogAttributes",
];

/// A hash for each log record, of what it says: equal records may well be several.
pub(crate) fn record_hashes(rows: &RecordBatch) -> Vec<RowHash> {
    records(rows).unwrap_or_default()
}

fn records(rows: &RecordBatch) -> Option<Vec<RowHash>> {
    let times = rows.column_by_name(RECORD_COLUMNS[0])?.as_primitive_opt::<TimestampNanosecondType>()?;
    let severities = rows.column_by_name(RECORD_COLUMNS[1])?.as_primitive_opt::<Int32Type>()?;
    let mut texts = Vec::new();
    for name in &RECORD_COLUMNS[2..9] {
        texts.push(Run::of(rows, name)?);
    }
    let mut maps = [Maps::of(rows, RECORD_COLUMNS[9])?, Maps::of(rows, RECORD_COLUMNS[10])?];
    let mut key = [0u8; 88];
    let hash = |row: usize| {
        key[..8].copy_from_slice(&times.value(row).to_le_bytes());
        key[8..16].copy_from_slice(&i64::from(severities.value(row)).to_le_bytes());
        let parts = texts.iter_mut().map(|t| t.hash(row)).chain(maps.iter_mut().map(|m| m.hash(row)));
        for (place, part) in key[16..].chunks_exact_mut(8).zip(parts) {
            place.copy_from_slice(&part.to_le_bytes());
        }
        RowHash::of(&key)
    };
    Some((0..rows.num_rows()).map(hash).collect())
}

/// A hash for each row: of spans, trace id, span id, kind, service and start; of points, series and time; and of the
/// project, where the rows say it.
/// Empty for tables whose rows can't be told apart.
pub(crate) fn hashes(table: Table, rows: &RecordBatch) -> Vec<RowHash> {
    match table {
        Table::Traces => spans(rows),
        Table::Logs => None,
        _ => points(table, rows),
    }
    .unwrap_or_default()
}

fn text<'a>(rows: &'a RecordBatch, name: &str) -> Option<&'a StringArray> {
    rows.column_by_name(name)?.as_string_opt::<i32>()
}

/// The hash of a text that mostly is the one of the row before.
struct Run<'a> {
    column: &'a StringArray,
    last: Option<(&'a str, u64)>,
}

impl<'a> Run<'a> {
    fn of(rows: &'a RecordBatch, name: &str) -> Option<Self> {
        Some(Self { column: text(rows, name)?, last: None })
    }

    fn hash(&mut self, row: usize) -> u64 {
        let value = self.column.value(row);
        match self.last {
            Some((last, hash)) if last == value => hash,
            _ => {
                let hash = xxh3_64(value.as_bytes());
                self.last = Some((value, hash));
                hash
            }
        }
    }
}

fn spans(rows: &RecordBatch) -> Option<Vec<RowHash>> {
    let (traces, ids) = (text(rows, "TraceId")?, text(rows, "SpanId")?);
    let (mut services, mut kinds) = (Run::of(rows, "ServiceName")?, Run::of(rows, "SpanKind")?);
    let starts = rows.column_by_name("Timestamp")?.as_primitive_opt::<TimestampNanosecondType>()?;
    let mut projects = Run::of(rows, "ProjectId");
    let mut key = [0u8; 80];
    let hash = |row: usize| {
        let (trace, id) = (traces.value(row).as_bytes(), ids.value(row).as_bytes());
        if trace.len() != 32 || id.len() != 16 {
            return RowHash::default();
        }
        key[..32].copy_from_slice(trace);
        key[32..48].copy_from_slice(id);
        key[48..56].copy_from_slice(&services.hash(row).to_le_bytes());
        key[56..64].copy_from_slice(&kinds.hash(row).to_le_bytes());
        key[64..72].copy_from_slice(&starts.value(row).to_le_bytes());
        key[72..].copy_from_slice(&projects.as_mut().map_or(0, |p| p.hash(row)).to_le_bytes());
        RowHash::of(&key)
    };
    Some((0..rows.num_rows()).map(hash).collect())
}

/// Hashes of maps, whatever the order of their entries. A map that equals the one of the row before isn't read again.
struct Maps<'a> {
    map: &'a MapArray,
    keys: &'a StringArray,
    values: &'a StringArray,
    last: Option<(usize, u64)>,
}

impl<'a> Maps<'a> {
    fn of(rows: &'a RecordBatch, name: &str) -> Option<Self> {
        let map = rows.column_by_name(name)?.as_map_opt()?;
        Some(Self {
            map,
            keys: map.keys().as_string_opt::<i32>()?,
            values: map.values().as_string_opt::<i32>()?,
            last: None,
        })
    }

    fn entries(&self, row: usize) -> std::ops::Range<usize> {
        let offsets = self.map.value_offsets();
        offsets[row] as usize..offsets[row + 1] as usize
    }

    fn is_same(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.entries(a), self.entries(b));
        a.len() == b.len()
            && a.zip(b)
                .all(|(a, b)| self.keys.value(a) == self.keys.value(b) && self.values.value(a) == self.values.value(b))
    }

    fn hash(&mut self, row: usize) -> u64 {
        if let Some((last, hash)) = self.last
            && self.is_same(last, row)
        {
            return hash;
        }
        let hash = self.entries(row).fold(0u64, |sum, i| {
            let key = xxh3_64(self.keys.value(i).as_bytes());
            sum.wrapping_add(xxh3_64_with_seed(self.values.value(i).as_bytes(), key))
        });
        self.last = Some((row, hash));
        hash
    }
}

fn points(table: Table, rows: &RecordBatch) -> Option<Vec<RowHash>> {
    let times = rows.column_by_name("TimeUnix")?.as_primitive_opt::<TimestampNanosecondType>()?;
    let mut texts = [
        Run::of(rows, "ServiceName")?,
        Run::of(rows, "ScopeName")?,
        Run::of(rows, "ScopeVersion")?,
        Run::of(rows, "MetricName")?,
    ];
    let mut maps =
        [Maps::of(rows, "ResourceAttributes")?, Maps::of(rows, "ScopeAttributes")?, Maps::of(rows, "Attributes")?];
    let mut projects = Run::of(rows, "ProjectId");
    let mut key = [0u8; 80];
    key[8] = table as u8;
    let hash = |row: usize| {
        let time = times.value(row);
        if time == 0 {
            // No time was given: two such points may well be two.
            return RowHash::default();
        }
        key[..8].copy_from_slice(&time.to_le_bytes());
        let mut at = 16;
        let parts = texts.iter_mut().map(|t| t.hash(row)).chain(maps.iter_mut().map(|m| m.hash(row)));
        for part in parts {
            key[at..at + 8].copy_from_slice(&part.to_le_bytes());
            at += 8;
        }
        key[72..].copy_from_slice(&projects.as_mut().map_or(0, |p| p.hash(row)).to_le_bytes());
        RowHash::of(&key)
    };
    Some((0..rows.num_rows()).map(hash).collect())
}
