//! What a row group may hold: Bloom filters over the tokens of its log bodies and over its attributes, so that row groups
//! without a rare word or value need not be read.
//!
//! The filters are Parquet's split-block ones (eight bits in one block of 32 bytes), so that a look-up reads one block.

use crate::ColumnsError;
use arrow::array::{Array as _, AsArray, MapArray, RecordBatch, StringArray};
use parquet::bloom_filter::Sbbf;
use sextant_model::{Need, Table};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};
use xxhash_rust::xxh64::xxh64;

/// Bytes of a block.
pub(crate) const BLOCK_BYTES: usize = 32;
/// Bytes of a filter before it is folded to what it needs.
const MAX_BYTES: usize = 512 * 1024;
/// Of so many look-ups, one may find what is not there; the first that leaves the filters small enough is taken.
const FALSE_FINDS: [f64; 5] = [0.005, 0.02, 0.05, 0.1, 0.25];
/// Filters of one kind take at most this part of the file.
const MAX_SHARE: f64 = 0.03;

/// So much they may take beside any file, however small: its footer is larger.
const ALWAYS_BYTES: usize = 1_024;

/// What a filter is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Words,
    Attributes,
}

pub(crate) const KINDS: [Kind; 2] = [Kind::Words, Kind::Attributes];

fn attribute_hash(key: &str, value: &str) -> u64 {
    xxh3_64_with_seed(value.as_bytes(), xxh3_64(key.as_bytes()))
}

/// The kind of filter that knows of a need, and what it looks up.
pub(crate) fn hash_of(need: &Need) -> (Kind, u64) {
    match need {
        Need::Word(word) => (Kind::Words, xxh3_64(word.as_bytes())),
        Need::Attribute { key, value } => (Kind::Attributes, attribute_hash(key, value)),
    }
}

/// Which of `n_blocks` blocks says whether something is there.
pub(crate) fn block_of(hash: u64, n_blocks: u32) -> u64 {
    ((xxh64(&hash.to_le_bytes(), 0) >> 32) * u64::from(n_blocks)) >> 32
}

/// Whether it may be there, by its block.
pub(crate) fn is_in(block: &[u8; BLOCK_BYTES], hash: u64) -> bool {
    Sbbf::new(block).check(&hash)
}

/// The filters of a row group.
struct Group {
    n_rows: u32,
    words: Option<Sbbf>,
    attributes: Option<Sbbf>,
}

/// The filters of rows that come batch by batch, in row groups of a fixed size.
pub(crate) struct FilterBuilder {
    has_words: bool,
    /// Rows of each row group; the last number is that of all further ones.
    group_rows: Vec<usize>,
    groups: Vec<Group>,
    token: Vec<u8>,
}

impl FilterBuilder {
    /// For row groups of so many rows; the last number is that of all further ones.
    pub fn new(table: Table, group_rows: Vec<usize>) -> Self {
        Self { has_words: table == Table::Logs, group_rows, groups: Vec::new(), token: Vec::new() }
    }

    /// The next rows.
    pub fn add(&mut self, rows: &RecordBatch) {
        let mut from = 0;
        while from < rows.num_rows() {
            if self.groups.last().is_none_or(|g| g.n_rows as usize >= self.size(self.groups.len() - 1)) {
                if let Some(full) = self.groups.last_mut() {
                    full.fold(FALSE_FINDS[0]);
                }
                self.groups.push(Group::new(self.has_words));
            }
            let size = self.size(self.groups.len() - 1);
            let Some(group) = self.groups.last_mut() else { return };
            let n = (size - group.n_rows as usize).min(rows.num_rows() - from);
            group.add(&rows.slice(from, n), &mut self.token);
            from += n;
        }
    }

    /// Rows of a row group; at least one, so that it ends.
    fn size(&self, group: usize) -> usize {
        self.group_rows.get(group).or(self.group_rows.last()).map_or(usize::MAX, |n| (*n).max(1))
    }

    /// The section of the index file: number of groups, then of each its rows and the blocks of both filters (u32 each),
    /// then the blocks. Filters that would be larger than their share of `n_bytes` are left out.
    pub fn finish(mut self, n_bytes: usize) -> Result<Vec<u8>, ColumnsError> {
        let most = ((n_bytes as f64 * MAX_SHARE) as usize).max(ALWAYS_BYTES);
        for kind in KINDS {
            let is_small = |groups: &[Group]| groups.iter().map(|g| g.n_bytes(kind)).sum::<usize>() <= most;
            for rate in FALSE_FINDS {
                self.groups.iter_mut().filter_map(|g| g.filter(kind)).for_each(|f| f.fold_to_target_fpp(rate));
                if is_small(&self.groups) {
                    break;
                }
            }
            if !is_small(&self.groups) {
                self.groups.iter_mut().for_each(|g| g.drop_filter(kind));
            }
        }
        let mut out = (self.groups.len() as u32).to_le_bytes().to_vec();
        for g in &self.groups {
            let n_blocks = KINDS.map(|kind| (g.n_bytes(kind) / BLOCK_BYTES) as u32);
            for n in [g.n_rows, n_blocks[0], n_blocks[1]] {
                out.extend_from_slice(&n.to_le_bytes());
            }
        }
        for filter in self.groups.iter().flat_map(|g| [&g.words, &g.attributes]).flatten() {
            filter.write_bitset(&mut out)?;
        }
        Ok(out)
    }
}

impl Group {
    fn new(has_words: bool) -> Self {
        let filter = || Sbbf::new_with_num_of_bytes(MAX_BYTES);
        Self { n_rows: 0, words: has_words.then(filter), attributes: Some(filter()) }
    }

    fn filter(&mut self, kind: Kind) -> Option<&mut Sbbf> {
        match kind {
            Kind::Words => self.words.as_mut(),
            Kind::Attributes => self.attributes.as_mut(),
        }
    }

    fn drop_filter(&mut self, kind: Kind) {
        match kind {
            Kind::Words => self.words = None,
            Kind::Attributes => self.attributes = None,
        }
    }

    fn n_bytes(&self, kind: Kind) -> usize {
        let filter = match kind {
            Kind::Words => &self.words,
            Kind::Attributes => &self.attributes,
        };
        filter.as_ref().map_or(0, |f| f.num_blocks() * BLOCK_BYTES)
    }

    fn fold(&mut self, rate: f64) {
        for kind in KINDS {
            if let Some(filter) = self.filter(kind) {
                filter.fold_to_target_fpp(rate);
                // Folding keeps the memory; many row groups are folded before the file ends.
                let mut bits = Vec::with_capacity(filter.num_blocks() * BLOCK_BYTES);
                if filter.write_bitset(&mut bits).is_ok() {
                    *filter = Sbbf::new(&bits);
                }
            }
        }
    }

    fn add(&mut self, rows: &RecordBatch, token: &mut Vec<u8>) {
        self.n_rows += rows.num_rows() as u32;
        if let Some(words) = &mut self.words
            && let Some(bodies) = rows.column_by_name("Body").and_then(|c| c.as_string_opt::<i32>())
        {
            for row in 0..bodies.len() {
                add_words(words, bodies.value(row), token);
            }
        }
        if let Some(attributes) = &mut self.attributes {
            for name in ["SpanAttributes", "LogAttributes", "ResourceAttributes"] {
                if let Some(map) = rows.column_by_name(name).and_then(|c| c.as_map_opt()) {
                    add_map(attributes, map);
                }
            }
        }
    }
}

/// Adds the tokens of a text that are plain ASCII once their case is folded. Others are never looked up.
fn add_words(words: &mut Sbbf, text: &str, token: &mut Vec<u8>) {
    for piece in text.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()).filter(|p| !p.is_empty()) {
        token.clear();
        if piece.is_ascii() {
            token.extend(piece.bytes().map(|b| b.to_ascii_lowercase()));
        } else {
            // Three letters beyond ASCII are the same as ones within, where case does not count.
            let folded = piece.chars().map(|c| match c {
                '\u{17f}' => 's',
                '\u{212a}' => 'k',
                '\u{130}' => 'i',
                c => c.to_ascii_lowercase(),
            });
            let mut buffer = [0; 4];
            folded.for_each(|c| token.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes()));
            if !token.is_ascii() {
                continue;
            }
        }
        words.insert(&xxh3_64(token));
    }
}

/// Adds the entries of a map; those of a row that are the ones of the row before are there already.
fn add_map(attributes: &mut Sbbf, map: &MapArray) {
    let (Some(keys), Some(values)) = (map.keys().as_string_opt::<i32>(), map.values().as_string_opt::<i32>()) else {
        return;
    };
    let offsets = map.value_offsets();
    let mut last = 0..0;
    for ends in offsets.windows(2) {
        let entries = ends[0] as usize..ends[1] as usize;
        if !is_same(keys, values, &last, &entries) {
            for i in entries.clone() {
                attributes.insert(&attribute_hash(keys.value(i), values.value(i)));
            }
        }
        last = entries;
    }
}

fn is_same(keys: &StringArray, values: &StringArray, a: &std::ops::Range<usize>, b: &std::ops::Range<usize>) -> bool {
    a.len() == b.len()
        && a.clone().zip(b.clone()).all(|(a, b)| values.value(a) == values.value(b) && keys.value(a) == keys.value(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{TraceIndex, conformed, index::IndexBuilder};
    use arrow::array::{ArrayRef, MapBuilder, StringBuilder};
    use std::sync::Arc;

    const N: usize = 1_000;
    const GROUP_ROWS: usize = 100;

    fn rows() -> RecordBatch {
        let bodies = (0..N).map(|i| match i {
            345 => "Verbindung zu Server-7 VERLOREN; größe=12".to_owned(),
            901 => "\u{212a}elvin \u{17f}aw it".to_owned(),
            _ => format!("request {i} of user u{} done", i % 7),
        });
        let names = arrow::datatypes::Field::new("key_value", arrow::datatypes::DataType::Null, false);
        let names =
            arrow::array::MapFieldNames { entry: names.name().clone(), key: "key".into(), value: "value".into() };
        let mut attributes = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
            .with_values_field(arrow::datatypes::Field::new("value", arrow::datatypes::DataType::Utf8, false));
        for i in 0..N {
            attributes.keys().append_value("order.id");
            attributes.values().append_value((i / 50).to_string());
            attributes.append(true).expect("an entry");
        }
        let attributes = attributes.finish();
        let attributes = MapArray::new(
            match sextant_model::schema::map_type() {
                arrow::datatypes::DataType::Map(field, _) => field,
                _ => unreachable!("a map"),
            },
            attributes.offsets().clone(),
            attributes.entries().clone(),
            None,
            false,
        );
        let bodies: ArrayRef = Arc::new(StringArray::from_iter_values(bodies));
        let rows = RecordBatch::try_from_iter([("Body", bodies), ("LogAttributes", Arc::new(attributes))]);
        conformed(Table::Logs, rows.expect("columns of one length")).expect("conforms")
    }

    fn word(text: &str) -> Need {
        Need::Word(text.to_owned())
    }

    fn order(id: usize) -> Need {
        Need::Attribute { key: "order.id".into(), value: id.to_string() }
    }

    #[test]
    fn what_is_there_is_found_and_what_is_not_mostly_not() {
        let rows = rows();
        let mut filters = FilterBuilder::new(Table::Logs, vec![GROUP_ROWS]);
        for (from, n) in [(0, 250), (250, 7), (257, 743)] {
            filters.add(&rows.slice(from, n));
        }
        let mut index = IndexBuilder::default();
        index.add(&rows).expect("indexes");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), index.finish(&filters.finish(1_000_000).expect("filters"))).expect("writes");
        let index = TraceIndex::open(file.path()).expect("opens");
        let groups = |needs: &[Need]| index.groups(needs).expect("reads").expect("has filters");
        assert_eq!(index.n_groups(), N / GROUP_ROWS);
        for i in 0..N {
            assert!(groups(&[word(&i.to_string())]).contains(&(i / GROUP_ROWS)) || [345, 901].contains(&i), "{i}");
            assert!(groups(&[order(i / 50)]).contains(&(i / GROUP_ROWS)), "{i}");
        }
        assert_eq!(groups(&[word("verloren"), word("server"), word("7")]), [3]);
        assert_eq!(groups(&[word("kelvin"), word("saw")]), [9]);
        assert_eq!(groups(&[word("request"), order(4)]), [2]);
        assert_eq!(groups(&[word("request"), word("done"), word("u3")]).len(), N / GROUP_ROWS);
        let n_wrong: usize = (0..1_000).map(|i| groups(&[word(&format!("absent{i}"))]).len()).sum();
        assert!(n_wrong < 300, "{n_wrong} of 10,000 look-ups found what is not there");
    }

    #[test]
    fn filters_keep_to_their_share() {
        let rows = rows();
        for n_bytes in [0, 1_000, 20_000, 200_000] {
            let mut filters = FilterBuilder::new(Table::Logs, vec![GROUP_ROWS]);
            filters.add(&rows);
            let n = filters.finish(n_bytes).expect("filters").len();
            assert!(
                n <= 4 + 12 * (N / GROUP_ROWS) + (n_bytes * 6 / 100).max(2 * ALWAYS_BYTES),
                "{n} bytes beside {n_bytes}"
            );
        }
    }
}
