//! The trace index beside a segment: which rows belong to which trace.
//!
//! Little-endian: magic `SXTRACE3`, number of traces, number of rows (u32 each), XXH3 of all that follows (u64), the
//! traces' keys in order (u64 each, the last eight bytes of the id), where each trace's rows end (u32), the rows (u32);
//! then the filters of the row groups, if there are any (see `filters.rs`). `SXTRACE2` is the same without filters.
//! A key stands for every trace that shares it; the reader filters by the whole id. A file that is damaged, or of an
//! older kind, is not used: its segment is read whole instead.

use crate::ColumnsError;
use crate::filters::{BLOCK_BYTES, Kind, block_of, hash_of, is_in};
use crate::read::row_groups;
use arrow::array::{Array, AsArray, RecordBatch};
use sextant_model::{Need, TraceId};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const MAGIC: &[u8; 8] = b"SXTRACE3";
const WITHOUT_FILTERS: &[u8; 8] = b"SXTRACE2";
const HEAD_BYTES: u64 = 24;

/// Memory for more rows is taken as they come.
const MAX_RESERVED: u64 = 1 << 22;

fn key_of(id: &str) -> Option<u64> {
    u64::from_str_radix(id.get(16..32)?, 16).ok()
}

fn key(id: TraceId) -> u64 {
    id.0[8..].iter().fold(0, |all, b| (all << 8) | u64::from(*b))
}

/// The index of rows that come batch by batch.
#[derive(Debug, Default)]
pub(crate) struct IndexBuilder {
    entries: Vec<(u64, u32)>,
    n_rows: u32,
}

impl IndexBuilder {
    /// For about so many rows.
    pub fn new(n_rows: u64) -> Self {
        Self { entries: Vec::with_capacity(n_rows.min(MAX_RESERVED) as usize), n_rows: 0 }
    }

    /// The next rows of the segment. Rows without a trace are left out.
    pub fn add(&mut self, rows: &RecordBatch) -> Result<(), ColumnsError> {
        let ids = rows.column_by_name("TraceId").and_then(|c| c.as_string_opt::<i32>());
        let ids = ids.ok_or(ColumnsError::Damaged { kind: "segment", what: "it has no TraceId" })?;
        let first = self.n_rows;
        self.entries.extend((0..ids.len()).filter_map(|row| Some((key_of(ids.value(row))?, first + row as u32))));
        self.n_rows += ids.len() as u32;
        Ok(())
    }

    /// The bytes of the file; `filters` is its last section.
    pub fn finish(mut self, filters: &[u8]) -> Vec<u8> {
        self.entries.sort_unstable();
        let traces = || self.entries.chunk_by(|a, b| a.0 == b.0);
        let n_traces = traces().count();
        let n_bytes = HEAD_BYTES as usize + n_traces * 12 + self.entries.len() * 4 + filters.len();
        let mut bytes = Vec::with_capacity(n_bytes);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&(n_traces as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.entries.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&[0; 8]);
        traces().for_each(|rows| bytes.extend_from_slice(&rows[0].0.to_le_bytes()));
        let mut end = 0;
        for rows in traces() {
            end += rows.len() as u32;
            bytes.extend_from_slice(&end.to_le_bytes());
        }
        bytes.extend(self.entries.iter().flat_map(|(_, row)| row.to_le_bytes()));
        bytes.extend_from_slice(filters);
        let checksum = xxh3_64(&bytes[HEAD_BYTES as usize..]);
        bytes[16..24].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

/// An index file for look-ups; it reads only what a look-up touches, and is open only as long as that: there may be
/// more of them than a process may have open.
#[derive(Debug)]
pub struct TraceIndex {
    path: PathBuf,
    n_traces: u64,
    groups: Vec<GroupFilters>,
}

/// Where the filters of a row group are.
#[derive(Debug)]
struct GroupFilters {
    n_rows: u32,
    /// Blocks of each kind of filter; none where there is no filter.
    n_blocks: [u32; 2],
    /// Where they begin.
    at: [u64; 2],
}

/// The places of the filters in a section that begins at `at`, and where it ends.
fn filters(file: &File, at: u64, length: u64) -> Result<(Vec<GroupFilters>, u64), ColumnsError> {
    let n_groups = u64::from(u32::from_le_bytes(read(file, at)?));
    let mut end = at + 4 + n_groups * 12;
    if end > length {
        return Err(ColumnsError::Damaged { kind: "trace index", what: "its filters are cut short" });
    }
    let mut groups = Vec::new();
    for group in 0..n_groups {
        let counts: [u8; 12] = read(file, at + 4 + group * 12)?;
        let count = |i: usize| u32::from_le_bytes([counts[i], counts[i + 1], counts[i + 2], counts[i + 3]]);
        let n_blocks = [count(4), count(8)];
        let bytes = n_blocks.map(|n| u64::from(n) * BLOCK_BYTES as u64);
        groups.push(GroupFilters { n_rows: count(0), n_blocks, at: [end, end + bytes[0]] });
        end += bytes[0] + bytes[1];
    }
    Ok((groups, end))
}

fn read<const N: usize>(file: &File, at: u64) -> Result<[u8; N], ColumnsError> {
    let mut bytes = [0; N];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

impl TraceIndex {
    /// Opens the file and checks that it is whole.
    pub fn open(path: &Path) -> Result<Self, ColumnsError> {
        let file = File::open(path)?;
        let mut head = [0; HEAD_BYTES as usize];
        let damaged = |what| ColumnsError::Damaged { kind: "trace index", what };
        let n = file.read_at(&mut head, 0)?;
        if &head[..8] != MAGIC && &head[..8] != WITHOUT_FILTERS {
            let is_older = head.starts_with(b"SXTRACE");
            return Err(if is_older { ColumnsError::OldIndex } else { damaged("it begins with something else") });
        }
        if n < head.len() {
            return Err(damaged("it is cut short"));
        }
        let number = |at: usize| u64::from(u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        let (n_traces, n_rows) = (number(8), number(12));
        let end = HEAD_BYTES + n_traces * 12 + n_rows * 4;
        let length = file.metadata()?.len();
        let (groups, end) = if length > end { filters(&file, end, length)? } else { (Vec::new(), end) };
        if length != end {
            return Err(damaged("its length is not what it says"));
        }
        let mut hash = Xxh3::new();
        let mut buffer = vec![0; 1 << 18];
        let mut at = HEAD_BYTES;
        while let n @ 1.. = file.read_at(&mut buffer, at)? {
            hash.update(&buffer[..n]);
            at += n as u64;
        }
        if hash.digest().to_le_bytes() != head[16..24] {
            return Err(damaged("its checksum is not right"));
        }
        Ok(Self { path: path.to_owned(), n_traces, groups })
    }

    /// The index beside a segment. Filters are not used if the file's row groups are other ones.
    pub fn open_beside(segment: &Path) -> Result<Self, ColumnsError> {
        let mut index = Self::open(&segment.with_extension("idx"))?;
        if !index.groups.is_empty() && !index.group_rows().eq(row_groups(segment)?) {
            index.groups.clear();
        }
        Ok(index)
    }

    /// The row groups in which rows can have all of `needs`, rising; nothing if it can't be said.
    pub fn groups(&self, needs: &[Need]) -> Result<Option<Vec<usize>>, ColumnsError> {
        if self.groups.is_empty() || needs.is_empty() {
            return Ok(None);
        }
        let file = File::open(&self.path)?;
        let needs: Vec<(Kind, u64)> = needs.iter().map(hash_of).collect();
        let mut found = Vec::new();
        for (i, group) in self.groups.iter().enumerate() {
            let mut has_all = true;
            for (kind, hash) in &needs {
                let (n_blocks, at) = (group.n_blocks[*kind as usize], group.at[*kind as usize]);
                if has_all && n_blocks > 0 {
                    let block = read(&file, at + block_of(*hash, n_blocks) * BLOCK_BYTES as u64)?;
                    has_all = is_in(&block, *hash);
                }
            }
            if has_all {
                found.push(i);
            }
        }
        Ok(Some(found))
    }

    /// How many row groups have filters.
    pub fn n_groups(&self) -> usize {
        self.groups.len()
    }

    /// The rows of each row group that has filters.
    pub fn group_rows(&self) -> impl Iterator<Item = u64> {
        self.groups.iter().map(|g| u64::from(g.n_rows))
    }

    /// The rows of `id`, rising; empty if the trace is not here.
    pub fn rows(&self, id: TraceId) -> Result<Vec<u32>, ColumnsError> {
        let wanted = key(id);
        let file = File::open(&self.path)?;
        let (mut low, mut high) = (0, self.n_traces);
        while low < high {
            let middle = low + (high - low) / 2;
            let found = u64::from_le_bytes(read(&file, HEAD_BYTES + middle * 8)?);
            match found.cmp(&wanted) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return self.rows_at(&file, middle),
            }
        }
        Ok(Vec::new())
    }

    /// The rows of all traces in `ids` (rising), rising; the keys are read whole and walked beside them.
    pub fn rows_of_any(&self, ids: &[TraceId]) -> Result<Vec<u32>, ColumnsError> {
        let mut wanted: Vec<u64> = ids.iter().map(|id| key(*id)).collect();
        wanted.sort_unstable();
        let mut keys = vec![0; (self.n_traces * 8) as usize];
        let file = File::open(&self.path)?;
        file.read_exact_at(&mut keys, HEAD_BYTES)?;
        let mut wanted = wanted.into_iter().peekable();
        let mut rows = Vec::new();
        for (trace, bytes) in keys.chunks_exact(8).enumerate() {
            let found = bytes.iter().rev().fold(0, |all, b| (all << 8) | u64::from(*b));
            while wanted.next_if(|w| *w < found).is_some() {}
            if wanted.peek() == Some(&found) {
                rows.extend(self.rows_at(&file, trace as u64)?);
            }
        }
        rows.sort_unstable();
        Ok(rows)
    }

    fn rows_at(&self, file: &File, trace: u64) -> Result<Vec<u32>, ColumnsError> {
        let ends = HEAD_BYTES + self.n_traces * 8;
        let end =
            |i: u64| -> Result<u64, ColumnsError> { Ok(u64::from(u32::from_le_bytes(read(file, ends + i * 4)?))) };
        let first = if trace == 0 { 0 } else { end(trace - 1)? };
        let last = end(trace)?;
        let n = last.saturating_sub(first) as usize;
        let mut bytes = vec![0; n * 4];
        file.read_exact_at(&mut bytes, ends + self.n_traces * 4 + first * 4)?;
        let mut rows: Vec<u32> = bytes.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        rows.sort_unstable();
        Ok(rows)
    }
}
