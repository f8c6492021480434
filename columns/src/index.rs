//! The trace index beside a segment: where the rows of a trace are, by granules of 32 rows.
//!
//! Little-endian: magic `SXTRACE4`, number of blocks, bytes of all blocks, number of rows (u32 each), XXH3 of all that
//! follows (u64); for each block the key of its first trace (u64, the last eight bytes of the id) and where it begins
//! (u32); the blocks; then the filters of the row groups, if there are any (see `filters.rs`).
//! A block is up to 64 traces by rising key, all numbers LEB128: the key less the one before, how many granules hold
//! rows of the trace, and each of them less the one before.
//! A key stands for every trace that shares it, and a granule holds rows of others; the reader filters by the whole id.
//! A file that is damaged, or of an older kind, is not used: its segment is read whole instead.

use crate::ColumnsError;
use crate::filters::{BLOCK_BYTES, Kind, block_of, hash_of, is_in};
use crate::read::row_groups;
use arrow::array::{Array, AsArray, RecordBatch};
use sextant_model::{Need, TraceId};
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const MAGIC: &[u8; 8] = b"SXTRACE4";
const HEAD_BYTES: u64 = 28;
const CHECKSUM: Range<usize> = 20..28;
/// An entry of the directory of blocks.
const ENTRY_BYTES: u64 = 12;
/// Rows of a granule: the fewer, the more bytes; the more, the more rows are read in vain.
const GRANULE_ROWS: u32 = 32;
const BLOCK_TRACES: usize = 64;

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
        let traces: Vec<&[(u64, u32)]> = self.entries.chunk_by(|a, b| a.0 == b.0).collect();
        let mut directory = Vec::new();
        let mut blocks = Vec::new();
        for block in traces.chunks(BLOCK_TRACES) {
            let mut last_key = block[0][0].0;
            directory.extend_from_slice(&last_key.to_le_bytes());
            directory.extend_from_slice(&(blocks.len() as u32).to_le_bytes());
            for rows in block {
                put(&mut blocks, rows[0].0 - last_key);
                last_key = rows[0].0;
                let mut granules: Vec<u32> = rows.iter().map(|(_, row)| row / GRANULE_ROWS).collect();
                granules.dedup();
                put(&mut blocks, granules.len() as u64);
                let mut last = 0;
                for granule in granules {
                    put(&mut blocks, u64::from(granule - last));
                    last = granule;
                }
            }
        }
        let n_blocks = directory.len() / ENTRY_BYTES as usize;
        let mut bytes = Vec::with_capacity(HEAD_BYTES as usize + directory.len() + blocks.len() + filters.len());
        bytes.extend_from_slice(MAGIC);
        for number in [n_blocks as u32, blocks.len() as u32, self.n_rows] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&[0; 8]);
        for part in [&directory[..], &blocks, filters] {
            bytes.extend_from_slice(part);
        }
        let checksum = xxh3_64(&bytes[HEAD_BYTES as usize..]);
        bytes[CHECKSUM].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

/// Appends a number as LEB128.
fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Takes a number from the front of `bytes`.
fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(first & 0x7f) << shift;
        if *first < 0x80 {
            return Some(number);
        }
    }
    None
}

/// The traces of a block: keys, and the granules behind each.
struct Traces<'a> {
    bytes: &'a [u8],
    key: u64,
}

impl Traces<'_> {
    /// The next trace's key; `granules` is what to do with each of its granules.
    fn next(&mut self, mut granules: impl FnMut(u64, u32)) -> Option<u64> {
        self.key = self.key.checked_add(take(&mut self.bytes)?)?;
        let mut granule = 0u32;
        for _ in 0..take(&mut self.bytes)? {
            granule = granule.checked_add(u32::try_from(take(&mut self.bytes)?).ok()?)?;
            granules(self.key, granule);
        }
        Some(self.key)
    }
}

/// An index file for look-ups; it reads only what a look-up touches, and is open only as long as that: there may be
/// more of them than a process may have open.
#[derive(Debug)]
pub struct TraceIndex {
    path: PathBuf,
    n_blocks: u64,
    n_bytes: u64,
    n_rows: u32,
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
        if &head[..8] != MAGIC {
            let is_older = head.starts_with(b"SXTRACE");
            return Err(if is_older { ColumnsError::OldIndex } else { damaged("it begins with something else") });
        }
        if n < head.len() {
            return Err(damaged("it is cut short"));
        }
        let number = |at: usize| u64::from(u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        let (n_blocks, n_bytes) = (number(8), number(12));
        let end = HEAD_BYTES + n_blocks * ENTRY_BYTES + n_bytes;
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
        if hash.digest().to_le_bytes() != head[CHECKSUM] {
            return Err(damaged("its checksum is not right"));
        }
        Ok(Self { path: path.to_owned(), n_blocks, n_bytes, n_rows: number(16) as u32, groups })
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

    /// Ranges of rows that hold those of `id`, rising; empty if the trace is not here.
    pub fn rows(&self, id: TraceId) -> Result<Vec<Range<u32>>, ColumnsError> {
        let wanted = key(id);
        let file = File::open(&self.path)?;
        // The last block that begins with this key or a smaller one.
        let (mut low, mut high) = (0, self.n_blocks);
        while low < high {
            let middle = low + (high - low) / 2;
            if u64::from_le_bytes(read(&file, HEAD_BYTES + middle * ENTRY_BYTES)?) <= wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        let Some(block) = low.checked_sub(1) else { return Ok(Vec::new()) };
        let entry = HEAD_BYTES + block * ENTRY_BYTES;
        let first_key = u64::from_le_bytes(read(&file, entry)?);
        let from = u64::from(u32::from_le_bytes(read(&file, entry + 8)?));
        let to = if low < self.n_blocks {
            u64::from(u32::from_le_bytes(read(&file, entry + ENTRY_BYTES + 8)?))
        } else {
            self.n_bytes
        };
        let mut bytes = vec![0; to.min(self.n_bytes).saturating_sub(from) as usize];
        file.read_exact_at(&mut bytes, HEAD_BYTES + self.n_blocks * ENTRY_BYTES + from)?;
        let mut traces = Traces { bytes: &bytes, key: first_key };
        let mut granules = Vec::new();
        let mut add = |key, granule| {
            if key == wanted {
                granules.push(granule);
            }
        };
        while traces.next(&mut add).is_some_and(|key| key < wanted) {}
        Ok(self.ranges(&granules))
    }

    /// Ranges of rows that hold those of all traces in `ids`, rising; the index is read whole.
    pub fn rows_of_any(&self, ids: &[TraceId]) -> Result<Vec<Range<u32>>, ColumnsError> {
        let mut wanted: Vec<u64> = ids.iter().map(|id| key(*id)).collect();
        wanted.sort_unstable();
        let mut bytes = vec![0; (self.n_blocks * ENTRY_BYTES + self.n_bytes) as usize];
        File::open(&self.path)?.read_exact_at(&mut bytes, HEAD_BYTES)?;
        let (directory, blocks) = bytes.split_at((self.n_blocks * ENTRY_BYTES) as usize);
        let mut granules = Vec::new();
        let number =
            |entry: &[u8], at: Range<usize>| entry[at].iter().rev().fold(0, |all, b| (all << 8) | u64::from(*b));
        for (i, entry) in directory.chunks_exact(ENTRY_BYTES as usize).enumerate() {
            let next = directory.chunks_exact(ENTRY_BYTES as usize).nth(i + 1);
            let to = next.map_or(blocks.len(), |next| number(next, 8..12) as usize);
            let Some(block) = blocks.get(number(entry, 8..12) as usize..to) else { continue };
            let mut traces = Traces { bytes: block, key: number(entry, 0..8) };
            let mut add = |key, granule| {
                if wanted.binary_search(&key).is_ok() {
                    granules.push(granule);
                }
            };
            while traces.next(&mut add).is_some() {}
        }
        granules.sort_unstable();
        granules.dedup();
        Ok(self.ranges(&granules))
    }

    /// The rows of some granules (rising), adjacent ones together.
    fn ranges(&self, granules: &[u32]) -> Vec<Range<u32>> {
        let ranges = granules.chunk_by(|a, b| b - a == 1).map(|run| {
            let from = run[0].saturating_mul(GRANULE_ROWS);
            from..(from.saturating_add((run.len() as u32).saturating_mul(GRANULE_ROWS))).min(self.n_rows)
        });
        ranges.filter(|r| !r.is_empty()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, StringArray};
    use std::sync::Arc;

    fn id(i: u64) -> TraceId {
        let mut bytes = [0; 16];
        bytes[8..].copy_from_slice(&(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)).to_be_bytes());
        TraceId(bytes)
    }

    /// 1,000 traces: of trace `i` the rows `i`, `i + 1,000`, … of 7,010, and some rows without a trace.
    fn index(dir: &Path) -> TraceIndex {
        let trace = |row: u64| if row < 7_000 { id(row % 1_000).to_string() } else { String::new() };
        let mut builder = IndexBuilder::default();
        for rows in [0..3_000, 3_000..7_010] {
            let ids: ArrayRef = Arc::new(StringArray::from_iter_values(rows.map(trace)));
            builder.add(&RecordBatch::try_from_iter([("TraceId", ids)]).expect("rows")).expect("indexes");
        }
        let path = dir.join("a.idx");
        std::fs::write(&path, builder.finish(&[])).expect("writes");
        TraceIndex::open(&path).expect("opens")
    }

    #[test]
    fn every_trace_is_found_and_no_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let index = index(dir.path());
        for i in 0..1_000 {
            let ranges = index.rows(id(i)).expect("reads");
            let n: u32 = ranges.iter().map(|r| r.end - r.start).sum();
            assert!((0..7).all(|n| ranges.iter().any(|r| r.contains(&((i + n * 1_000) as u32)))), "{i}: {ranges:?}");
            assert!(n <= 7 * GRANULE_ROWS && ranges.is_sorted_by(|a, b| a.end < b.start), "{i}: {ranges:?}");
            assert!(index.rows(id(i + 1_000)).expect("reads").is_empty(), "{i}");
        }
        let some = [id(3), id(5_000), id(999)];
        let ranges = index.rows_of_any(&some).expect("reads");
        let mut expected: Vec<u32> =
            [3, 999].into_iter().flat_map(|i| index.rows(id(i)).expect("reads")).flatten().collect();
        expected.sort_unstable();
        expected.dedup();
        assert_eq!(ranges.into_iter().flatten().collect::<Vec<_>>(), expected);
        assert!(index.rows_of_any(&[]).expect("reads").is_empty());
    }

    #[test]
    fn no_byte_makes_a_look_up_panic() {
        let dir = tempfile::tempdir().expect("a directory");
        let sound = index(dir.path());
        let bytes = std::fs::read(&sound.path).expect("is there");
        for at in HEAD_BYTES as usize..bytes.len() {
            // As if it had become rotten after it was opened.
            let mut rotten = bytes.clone();
            rotten[at] ^= 0xff;
            std::fs::write(&sound.path, &rotten).expect("writes");
            assert!(TraceIndex::open(&sound.path).is_err(), "{at}");
            if at % 17 == 0 {
                let all = [sound.rows(id(at as u64 % 1_000)), sound.rows_of_any(&[id(1), id(2)])];
                for ranges in all.into_iter().flatten() {
                    assert!(ranges.iter().all(|r| r.end <= 7_010), "{at}: {ranges:?}");
                }
            }
        }
    }
}
