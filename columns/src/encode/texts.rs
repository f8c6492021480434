//! A column of texts, or of one side of a map's entries, as Parquet pages.
//!
//! Rows mostly repeat the row before: the attributes of a resource all do, and spans of one kind have the same keys in the
//! same places. So a row is compared with the one before, all of it at once and then text by text, and only what differs
//! is looked up in the dictionary. Parquet's own writer looks up every text of every row.

use super::hybrid;
use super::intern::Interner;
use crate::ColumnsError;
use arrow::array::GenericByteArray;
use arrow::buffer::NullBuffer;
use arrow::datatypes::ByteArrayType;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, EncodingMask, PageType};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::column::writer::ColumnCloseResult;
use parquet::data_type::ByteArray;
use parquet::file::metadata::{ColumnChunkMetaData, PageEncodingStats};
use parquet::file::page_index::offset_index::{OffsetIndexMetaData, PageLocation};
use parquet::file::statistics::{Statistics, ValueStatistics};
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use std::ops::Range;

/// A page ends at so many rows, or bytes.
const PAGE_ROWS: usize = 20_000;
const PAGE_BYTES: usize = 1 << 20;

/// Whether texts are the same. Nothing is compared of empty ones: the buffer of a column without any text may begin at an
/// address where no memory is, and there `memcmp` of no bytes takes a hundred times as long as of some.
pub(super) fn is_equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && (a.is_empty() || a == b)
}

/// The texts of an array.
#[derive(Clone, Copy)]
pub(super) struct Texts<'a> {
    offsets: &'a [i32],
    bytes: &'a [u8],
}

impl<'a> Texts<'a> {
    pub fn of<T: ByteArrayType<Offset = i32>>(array: &'a GenericByteArray<T>) -> Self {
        Self { offsets: array.value_offsets(), bytes: array.value_data() }
    }

    fn get(&self, i: usize) -> &'a [u8] {
        &self.bytes[self.offsets[i] as usize..self.offsets[i + 1] as usize]
    }

    fn n_bytes(&self, range: &Range<usize>) -> usize {
        (self.offsets[range.end] - self.offsets[range.start]) as usize
    }

    /// Whether two ranges hold the same texts.
    fn is_same(&self, a: &Range<usize>, b: &Range<usize>) -> bool {
        if a.len() != b.len() || self.n_bytes(a) != self.n_bytes(b) {
            return false;
        }
        let starts = |r: &Range<usize>| &self.offsets[r.start..=r.end];
        let (first, second) = (starts(a), starts(b));
        let apart = second[0] - first[0];
        let bytes = |r: &Range<usize>| &self.bytes[self.offsets[r.start] as usize..self.offsets[r.end] as usize];
        is_equal(bytes(a), bytes(b)) && first.iter().zip(second).all(|(a, b)| b - a == apart)
    }
}

/// What rows look like in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// A text each.
    Required,
    /// A text or nothing.
    Optional,
    /// Any number of texts.
    Repeated,
}

/// How pages are compressed.
pub(super) enum Packer {
    None,
    Lz4,
    Zstd(zstd::bulk::Compressor<'static>),
}

struct Done {
    bytes: Bytes,
    n_uncompressed: usize,
    n_values: u32,
    encoding: Encoding,
    first_row: i64,
}

/// What a column gets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    /// A dictionary, for texts that repeat: once it has grown larger than this, texts are written out.
    pub dictionary_bytes: usize,
    /// The least and the greatest text.
    pub bounds: bool,
    /// A Bloom filter for so many different texts.
    pub bloom: Option<u64>,
}

/// Longer texts are no bounds.
const MAX_BOUND_BYTES: usize = 256;
/// A Bloom filter finds what is not there once in so many look-ups.
const FALSE_FINDS: f64 = 0.05;

/// A column of a row group.
pub(super) struct TextColumn {
    column: ColumnDescPtr,
    shape: Shape,
    wanted: Wanted,
    bloom: Option<Sbbf>,
    /// Of texts that were written out.
    bounds: Option<(Vec<u8>, Vec<u8>)>,
    n_nulls: u64,
    dictionary: Interner,
    /// Whether the dictionary is full.
    is_plain: bool,
    /// Texts of the page under way.
    ids: Vec<u32>,
    plain: Vec<u8>,
    /// Levels of the page under way: of repetition, where texts repeat; of definition, where they may be missing.
    repetitions: Vec<u32>,
    definitions: Vec<u32>,
    /// Numbers of the texts of the row before.
    last: Vec<u32>,
    n_page_rows: usize,
    n_rows: usize,
    n_values: usize,
    pages: Vec<Done>,
    n_page_bytes: usize,
}

impl TextColumn {
    pub fn new(column: ColumnDescPtr, shape: Shape, wanted: Wanted) -> Result<Self, ColumnsError> {
        let bloom = wanted.bloom.map(|n| Sbbf::new_with_ndv_fpp(n, FALSE_FINDS)).transpose()?;
        Ok(Self {
            column,
            shape,
            wanted,
            bloom,
            bounds: None,
            n_nulls: 0,
            dictionary: Interner::default(),
            is_plain: wanted.dictionary_bytes == 0,
            ids: Vec::new(),
            plain: Vec::new(),
            repetitions: Vec::new(),
            definitions: Vec::new(),
            last: Vec::new(),
            n_page_rows: 0,
            n_rows: 0,
            n_values: 0,
            pages: Vec::new(),
            n_page_bytes: 0,
        })
    }

    /// Bytes so far, about.
    pub fn n_bytes(&self) -> usize {
        self.n_page_bytes + self.dictionary.page().len() + self.ids.len() + self.plain.len()
    }

    /// Appends rows that have a text each, or none where `nulls` says so.
    pub fn add(
        &mut self,
        texts: Texts<'_>,
        nulls: Option<&NullBuffer>,
        packer: &mut Packer,
    ) -> Result<(), ColumnsError> {
        // The row before that had a text, with its number.
        let mut before: Option<(usize, u32)> = None;
        for row in 0..texts.offsets.len() - 1 {
            let is_there = nulls.is_none_or(|n| n.is_valid(row));
            if self.shape == Shape::Optional {
                self.definitions.push(u32::from(is_there));
            }
            if !is_there {
                self.n_nulls += 1;
            } else if self.is_plain {
                let text = texts.get(row);
                if !before.is_some_and(|(i, _)| is_equal(texts.get(i), text)) {
                    self.see(text);
                }
                before = Some((row, 0));
                self.write_out(text);
            } else {
                let id = match before {
                    Some((i, id)) if is_equal(texts.get(i), texts.get(row)) => id,
                    _ => self.dictionary.id(texts.get(row)),
                };
                before = Some((row, id));
                self.ids.push(id);
            }
            self.n_values += 1;
            self.end_row(packer)?;
        }
        Ok(())
    }

    /// Appends rows that have the texts between the places in `ends`.
    pub fn add_lists(&mut self, ends: &[i32], texts: Texts<'_>, packer: &mut Packer) -> Result<(), ColumnsError> {
        let mut before: Option<Range<usize>> = None;
        for row in ends.windows(2) {
            let entries = row[0] as usize..row[1] as usize;
            if entries.is_empty() {
                self.repetitions.push(0);
                self.definitions.push(0);
                self.n_values += 1;
            } else {
                self.repetitions.push(0);
                self.repetitions.resize(self.repetitions.len() + entries.len() - 1, 1);
                self.definitions.resize(self.definitions.len() + entries.len(), 1);
                self.n_values += entries.len();
            }
            if self.is_plain {
                entries.clone().for_each(|i| self.write_out(texts.get(i)));
            } else {
                self.look_up(before.as_ref(), &entries, texts);
            }
            before = Some(entries);
            self.end_row(packer)?;
        }
        Ok(())
    }

    fn look_up(&mut self, before: Option<&Range<usize>>, entries: &Range<usize>, texts: Texts<'_>) {
        let before = before.filter(|b| b.len() == self.last.len());
        if before.is_some_and(|b| texts.is_same(b, entries)) {
            return self.ids.extend_from_slice(&self.last);
        }
        let first = self.ids.len();
        for (n, i) in entries.clone().enumerate() {
            let text = texts.get(i);
            let known = before.filter(|b| n < b.len() && is_equal(texts.get(b.start + n), text)).map(|_| self.last[n]);
            self.ids.push(known.unwrap_or_else(|| self.dictionary.id(text)));
        }
        self.last.clear();
        self.last.extend_from_slice(&self.ids[first..]);
    }

    /// Takes note of a text that the dictionary does not have.
    fn see(&mut self, text: &[u8]) {
        if let Some(bloom) = &mut self.bloom {
            bloom.insert(text);
        }
        if self.wanted.bounds {
            match &mut self.bounds {
                None => self.bounds = Some((text.to_vec(), text.to_vec())),
                Some((least, _)) if text < least.as_slice() => *least = text.to_vec(),
                Some((_, greatest)) if text > greatest.as_slice() => *greatest = text.to_vec(),
                Some(_) => {}
            }
        }
    }

    /// The least and greatest text and the number of missing ones, as far as that is wanted.
    fn statistics(&self) -> Option<Statistics> {
        if !self.wanted.bounds {
            return None;
        }
        let (least, greatest) = self.bounds.as_ref()?;
        if least.len().max(greatest.len()) > MAX_BOUND_BYTES {
            return None;
        }
        let bound = |text: &Vec<u8>| Some(ByteArray::from(text.clone()));
        Some(ValueStatistics::new(bound(least), bound(greatest), None, Some(self.n_nulls), false).into())
    }

    fn write_out(&mut self, text: &[u8]) {
        self.plain.extend_from_slice(&(text.len() as u32).to_le_bytes());
        self.plain.extend_from_slice(text);
    }

    fn end_row(&mut self, packer: &mut Packer) -> Result<(), ColumnsError> {
        self.n_page_rows += 1;
        self.n_rows += 1;
        let is_full = !self.is_plain && self.dictionary.page().len() > self.wanted.dictionary_bytes;
        let is_long =
            self.n_page_rows >= PAGE_ROWS || self.plain.len() >= PAGE_BYTES || self.ids.len() >= PAGE_BYTES / 2;
        if is_full || is_long {
            self.end_page(packer)?;
            self.is_plain |= is_full;
        }
        Ok(())
    }

    fn end_page(&mut self, packer: &mut Packer) -> Result<(), ColumnsError> {
        if self.n_page_rows == 0 {
            return Ok(());
        }
        let n_values = match self.shape {
            Shape::Required => self.n_page_rows,
            _ => self.definitions.len(),
        };
        let mut page = Vec::with_capacity(self.ids.len() * 2 + self.plain.len() + 1_024);
        for (levels, is_there) in
            [(&self.repetitions, self.shape == Shape::Repeated), (&self.definitions, self.shape != Shape::Required)]
        {
            if is_there {
                let at = page.len();
                page.extend_from_slice(&[0; 4]);
                hybrid::encode(levels, 1, &mut page);
                let n = (page.len() - at - 4) as u32;
                page[at..at + 4].copy_from_slice(&n.to_le_bytes());
            }
        }
        let encoding = if self.is_plain {
            page.append(&mut self.plain);
            Encoding::PLAIN
        } else {
            let most = self.dictionary.len().saturating_sub(1) as u32;
            let width = (32 - most.leading_zeros()).max(1) as u8;
            page.push(width);
            hybrid::encode(&self.ids, width, &mut page);
            Encoding::RLE_DICTIONARY
        };
        let n_uncompressed = page.len();
        let bytes = compressed(page, packer)?;
        self.n_page_bytes += bytes.len();
        let first_row = (self.n_rows - self.n_page_rows) as i64;
        self.pages.push(Done { bytes, n_uncompressed, n_values: n_values as u32, encoding, first_row });
        self.ids.clear();
        self.repetitions.clear();
        self.definitions.clear();
        self.n_page_rows = 0;
        Ok(())
    }

    /// The bytes of the column's part of the row group, and what is to be said of it.
    pub fn finish(
        mut self,
        packer: &mut Packer,
        level: Compression,
    ) -> Result<(Bytes, ColumnCloseResult), ColumnsError> {
        self.end_page(packer)?;
        // What is in the dictionary was not looked at one by one.
        if self.wanted.bounds || self.bloom.is_some() {
            let dictionary = std::mem::take(&mut self.dictionary);
            (0..dictionary.len()).for_each(|id| self.see(dictionary.text(id)));
            self.dictionary = dictionary;
        }
        let statistics = self.statistics();
        let mut out = TrackedWrite::new(Vec::with_capacity(self.n_page_bytes + self.dictionary.page().len() / 2));
        let mut writer = SerializedPageWriter::new(&mut out);
        let (mut n_uncompressed, mut n_compressed) = (0, 0);
        let has_dictionary = self.pages.iter().any(|p| p.encoding == Encoding::RLE_DICTIONARY);
        if has_dictionary {
            let page = self.dictionary.page().to_vec();
            let n = page.len();
            let page = Page::DictionaryPage {
                buf: compressed(page, packer)?,
                num_values: self.dictionary.len() as u32,
                encoding: Encoding::PLAIN,
                is_sorted: false,
            };
            let spec = writer.write_page(CompressedPage::new(page, n))?;
            n_uncompressed += spec.uncompressed_size;
            n_compressed += spec.compressed_size;
        }
        let first_data = n_compressed;
        // Whether the dictionary has every value of the column: then it alone says what does not occur.
        let n_plain = self.pages.iter().filter(|p| p.encoding == Encoding::PLAIN).count();
        let stats = [(Encoding::RLE_DICTIONARY, self.pages.len() - n_plain), (Encoding::PLAIN, n_plain)];
        let stats = stats.into_iter().filter(|(_, n)| *n > 0);
        let stats: Vec<PageEncodingStats> = stats
            .map(|(encoding, n)| PageEncodingStats { page_type: PageType::DATA_PAGE, encoding, count: n as i32 })
            .collect();
        let mut places = Vec::with_capacity(self.pages.len());
        for done in self.pages {
            let page = Page::DataPage {
                buf: done.bytes,
                num_values: done.n_values,
                encoding: done.encoding,
                def_level_encoding: Encoding::RLE,
                rep_level_encoding: Encoding::RLE,
                statistics: None,
            };
            let spec = writer.write_page(CompressedPage::new(page, done.n_uncompressed))?;
            n_uncompressed += spec.uncompressed_size;
            n_compressed += spec.compressed_size;
            places.push(PageLocation {
                offset: spec.offset as i64,
                compressed_page_size: spec.compressed_size as i32,
                first_row_index: done.first_row,
            });
        }
        let encodings = [Encoding::PLAIN, Encoding::RLE, Encoding::RLE_DICTIONARY];
        let n_encodings = if has_dictionary { 3 } else { 2 };
        let mut metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(level)
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings[..n_encodings].iter()))
            .set_total_compressed_size(n_compressed as i64)
            .set_total_uncompressed_size(n_uncompressed as i64)
            .set_num_values(self.n_values as i64)
            .set_page_encoding_stats(stats)
            .set_data_page_offset(first_data as i64)
            .set_dictionary_page_offset(has_dictionary.then_some(0));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        let result = ColumnCloseResult {
            bytes_written: n_compressed as u64,
            rows_written: self.n_rows as u64,
            metadata: metadata.build()?,
            bloom_filter: self.bloom,
            column_index: None,
            offset_index: Some(OffsetIndexMetaData { page_locations: places, unencoded_byte_array_data_bytes: None }),
        };
        Ok((Bytes::from(out.into_inner()?), result))
    }
}

fn compressed(page: Vec<u8>, packer: &mut Packer) -> Result<Bytes, ColumnsError> {
    match packer {
        Packer::None => Ok(Bytes::from(page)),
        Packer::Lz4 => Ok(Bytes::from(lz4_flex::block::compress(&page))),
        Packer::Zstd(zstd) => Ok(Bytes::from(zstd.compress(&page)?)),
    }
}
