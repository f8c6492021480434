//! Writing row groups: columns of texts and maps by our own encoder, all others by Parquet's.

mod hybrid;
mod intern;
mod texts;

use crate::ColumnsError;
use arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Field, SchemaRef};
use parquet::arrow::arrow_writer::{ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves};
use parquet::arrow::{ArrowSchemaConverter, add_encoded_arrow_schema_to_metadata};
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnDescPtr;
use std::io::Write;
use std::sync::Arc;
use texts::{Packer, Shape, TextColumn, Texts, Wanted};

/// A leaf of a row group.
enum Leaf {
    Ours(Box<TextColumn>),
    Theirs(Box<ArrowColumnWriter>),
}

/// A Parquet file under way, in row groups of a fixed size.
pub(crate) struct GroupedWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    factory: ArrowRowGroupWriterFactory,
    schema: SchemaRef,
    compression: Compression,
    packer: Packer,
    group_rows: usize,
    leaves: Vec<Leaf>,
    n_group_rows: usize,
    n_groups: usize,
}

/// Whether our encoder writes a column: texts, bytes, and maps of texts.
fn is_ours(field: &Field) -> bool {
    match field.data_type() {
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => {
                !field.is_nullable() && fields.iter().all(|f| *f.data_type() == DataType::Utf8 && !f.is_nullable())
            }
            _ => false,
        },
        DataType::Utf8 | DataType::Binary => true,
        _ => false,
    }
}

fn wanted(column: &ColumnDescPtr, properties: &WriterProperties) -> Wanted {
    Wanted {
        dictionary_bytes: if properties.dictionary_enabled(column.path()) {
            properties.column_dictionary_page_size_limit(column.path())
        } else {
            0
        },
        bounds: properties.statistics_enabled(column.path()) != EnabledStatistics::None,
        bloom: properties.bloom_filter_properties(column.path()).map(|b| b.ndv),
    }
}

impl<W: Write + Send> GroupedWriter<W> {
    pub fn new(
        out: W,
        schema: SchemaRef,
        mut properties: WriterProperties,
        compression: Compression,
        group_rows: usize,
    ) -> Result<Self, ColumnsError> {
        add_encoded_arrow_schema_to_metadata(&schema, &mut properties);
        let parquet = ArrowSchemaConverter::new().convert(&schema)?;
        let file = SerializedFileWriter::new(out, parquet.root_schema_ptr(), Arc::new(properties))?;
        let factory = ArrowRowGroupWriterFactory::new(&file, schema.clone());
        let packer = match compression {
            Compression::ZSTD(level) => Packer::Zstd(zstd::bulk::Compressor::new(level.compression_level())?),
            Compression::LZ4_RAW => Packer::Lz4,
            _ => Packer::None,
        };
        Ok(Self {
            file,
            factory,
            schema,
            compression,
            packer,
            group_rows,
            leaves: Vec::new(),
            n_group_rows: 0,
            n_groups: 0,
        })
    }

    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), ColumnsError> {
        let mut from = 0;
        while from < rows.num_rows() {
            if self.leaves.is_empty() {
                self.begin_group()?;
            }
            let n = (self.group_rows - self.n_group_rows).min(rows.num_rows() - from);
            self.write_some(&rows.slice(from, n))?;
            from += n;
            self.n_group_rows += n;
            if self.n_group_rows == self.group_rows {
                self.end_group()?;
            }
        }
        Ok(())
    }

    fn begin_group(&mut self) -> Result<(), ColumnsError> {
        let columns = self.file.schema_descr().columns().to_vec();
        let mut theirs = self.factory.create_column_writers(self.n_groups)?.into_iter().zip(columns);
        for field in self.schema.fields() {
            let n_leaves = n_leaves(field.data_type());
            for (writer, column) in theirs.by_ref().take(n_leaves) {
                let shape = match field.data_type() {
                    DataType::Map(..) => Shape::Repeated,
                    _ if field.is_nullable() => Shape::Optional,
                    _ => Shape::Required,
                };
                self.leaves.push(if is_ours(field) {
                    let wanted = wanted(&column, self.file.properties());
                    Leaf::Ours(Box::new(TextColumn::new(column, shape, wanted)?))
                } else {
                    Leaf::Theirs(Box::new(writer))
                });
            }
        }
        Ok(())
    }

    fn write_some(&mut self, rows: &RecordBatch) -> Result<(), ColumnsError> {
        let mut leaves = self.leaves.iter_mut();
        for (field, column) in self.schema.fields().iter().zip(rows.columns()) {
            match leaves.next() {
                Some(Leaf::Ours(first)) => {
                    if let DataType::Map(..) = field.data_type() {
                        let map = column.as_map();
                        first.add_lists(
                            map.value_offsets(),
                            Texts::of(map.keys().as_string::<i32>()),
                            &mut self.packer,
                        )?;
                        let Some(Leaf::Ours(second)) = leaves.next() else { continue };
                        let values = Texts::of(map.values().as_string::<i32>());
                        second.add_lists(map.value_offsets(), values, &mut self.packer)?;
                    } else {
                        first.add(texts(column), column.nulls(), &mut self.packer)?;
                    }
                }
                Some(Leaf::Theirs(first)) => {
                    let mut writer = first;
                    for (n, leaf) in compute_leaves(field, column)?.iter().enumerate() {
                        if n > 0 {
                            let Some(Leaf::Theirs(next)) = leaves.next() else { break };
                            writer = next;
                        }
                        writer.write(leaf)?;
                    }
                }
                None => {}
            }
        }
        Ok(())
    }

    fn end_group(&mut self) -> Result<(), ColumnsError> {
        if self.leaves.is_empty() {
            return Ok(());
        }
        let mut group = self.file.next_row_group()?;
        for leaf in self.leaves.drain(..) {
            match leaf {
                Leaf::Ours(column) => {
                    let (bytes, result) = column.finish(&mut self.packer, self.compression)?;
                    group.append_column(&bytes, result)?;
                }
                Leaf::Theirs(writer) => writer.close()?.append_to_row_group(&mut group)?,
            }
        }
        group.close()?;
        self.n_group_rows = 0;
        self.n_groups += 1;
        Ok(())
    }

    /// Bytes so far, about.
    pub fn n_bytes(&self) -> usize {
        let under_way = self.leaves.iter().map(|leaf| match leaf {
            Leaf::Ours(column) => column.n_bytes(),
            Leaf::Theirs(writer) => writer.get_estimated_total_bytes(),
        });
        self.file.bytes_written() + under_way.sum::<usize>()
    }

    /// Ends the file; `pairs` are kept in its footer.
    pub fn finish(mut self, pairs: Vec<KeyValue>) -> Result<W, ColumnsError> {
        self.end_group()?;
        for pair in pairs {
            self.file.append_key_value_metadata(pair);
        }
        Ok(self.file.into_inner()?)
    }
}

fn texts(column: &ArrayRef) -> Texts<'_> {
    match column.data_type() {
        DataType::Binary => Texts::of(column.as_binary::<i32>()),
        _ => Texts::of(column.as_string::<i32>()),
    }
}

/// How many leaves a column has in the file.
fn n_leaves(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|f| n_leaves(f.data_type())).sum(),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => n_leaves(field.data_type()),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{BinaryArray, Int64Array, MapArray, StringArray, StructArray};
    use arrow::buffer::OffsetBuffer;
    use arrow::compute::concat_batches;
    use arrow::datatypes::Schema;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::basic::ZstdLevel;
    use sextant_model::schema::{map_entry_fields, map_type};

    /// Numbers that are the same every time.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: u64) -> u64 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) % n
        }

        /// One of many texts, or of few.
        fn text(&mut self, n_different: u64) -> String {
            let n = self.below(n_different);
            if n == 3 { String::new() } else { format!("{n} {}", "é".repeat((n % 40) as usize)) }
        }
    }

    fn rows(n: usize, n_different: u64, seed: u64) -> RecordBatch {
        let mut random = Random(seed);
        let mut texts = |n_different| {
            let mut last = String::new();
            let texts = (0..n).map(|_| {
                if random.below(3) == 0 {
                    last = random.text(n_different);
                }
                last.clone()
            });
            texts.collect::<Vec<_>>()
        };
        let plain = StringArray::from(texts(n_different));
        let bytes = texts(n_different);
        let bytes = BinaryArray::from_iter_values(bytes.iter().map(String::as_bytes));
        let mut random = Random(seed + 1);
        let missing: StringArray = (0..n).map(|_| (random.below(3) > 0).then(|| random.text(n_different))).collect();
        let none: StringArray = (0..n).map(|_| None::<&str>).collect();
        let (mut keys, mut values, mut lengths) = (Vec::<String>::new(), Vec::<String>::new(), Vec::<usize>::new());
        for _ in 0..n {
            let before = lengths.last().copied().unwrap_or(0);
            match random.below(5) {
                // The row before once more, or its keys.
                kind @ 0..3 if before > 0 => {
                    for i in keys.len() - before..keys.len() {
                        keys.push(keys[i].clone());
                        values.push(if kind == 0 { random.text(n_different) } else { values[i].clone() });
                    }
                    lengths.push(before);
                }
                _ => {
                    let n = random.below(6) as usize;
                    for _ in 0..n {
                        keys.push(random.text(20));
                        values.push(random.text(n_different));
                    }
                    lengths.push(n);
                }
            }
        }
        let DataType::Map(field, _) = map_type() else { unreachable!("a map") };
        let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(keys)), Arc::new(StringArray::from(values))];
        let entries = StructArray::new(map_entry_fields(), columns, None);
        let map = MapArray::new(field, OffsetBuffer::from_lengths(lengths), entries, None, false);
        let schema = Schema::new(vec![
            Field::new("plain", DataType::Utf8, false),
            Field::new("number", DataType::Int64, false),
            Field::new("missing", DataType::Utf8, true),
            Field::new("map", map_type(), false),
            Field::new("none", DataType::Utf8, true),
            Field::new("bytes", DataType::Binary, false),
        ]);
        let numbers = Int64Array::from_iter_values(0..n as i64);
        let columns: Vec<ArrayRef> =
            vec![Arc::new(plain), Arc::new(numbers), Arc::new(missing), Arc::new(map), Arc::new(none), Arc::new(bytes)];
        RecordBatch::try_new(Arc::new(schema), columns).expect("columns of one length")
    }

    fn written(rows: &RecordBatch, compression: Compression, group_rows: usize, batch_rows: usize) -> Vec<u8> {
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_statistics_enabled(EnabledStatistics::None)
            .build();
        let mut writer =
            GroupedWriter::new(Vec::new(), rows.schema(), properties, compression, group_rows).expect("begins");
        for from in (0..rows.num_rows()).step_by(batch_rows) {
            writer.write(&rows.slice(from, batch_rows.min(rows.num_rows() - from))).expect("writes");
        }
        writer.finish(vec![KeyValue::new("who".to_owned(), "me".to_owned())]).expect("ends")
    }

    #[test]
    fn what_was_written_is_read() {
        let zstd = Compression::ZSTD(ZstdLevel::try_new(1).expect("a level"));
        let cases = [
            // Many pages, row groups and batches that end anywhere.
            (60_000, 50, zstd, 25_000, 7_001),
            (60_000, 50, Compression::UNCOMPRESSED, 100_000, 100_000),
            // More texts than a dictionary takes.
            (45_000, 1_000_000, zstd, 30_000, 10_000),
            (1, 5, zstd, 10, 10),
            (9, 1, zstd, 8, 3),
        ];
        for (n, n_different, compression, group_rows, batch_rows) in cases {
            let rows = rows(n, n_different, 7);
            let bytes = bytes::Bytes::from(written(&rows, compression, group_rows, batch_rows));
            let builder = ParquetRecordBatchReaderBuilder::try_new(bytes.clone()).expect("a footer");
            assert_eq!(builder.metadata().num_row_groups(), n.div_ceil(group_rows));
            assert_eq!(builder.schema().fields(), rows.schema().fields());
            let read: Vec<RecordBatch> =
                builder.with_batch_size(4_000).build().expect("reads").map(|b| b.expect("a batch")).collect();
            let read = concat_batches(&read[0].schema(), &read).expect("one");
            for (i, column) in rows.columns().iter().enumerate() {
                assert_eq!(read.column(i), column, "{} of {n} rows", rows.schema().field(i).name());
            }
        }
    }

    #[test]
    fn bounds_and_bloom_filters_are_right() {
        for n_different in [50, 1_000_000] {
            let rows = rows(40_000, n_different, 9);
            let properties = WriterProperties::builder()
                .set_statistics_enabled(EnabledStatistics::None)
                .set_column_statistics_enabled("plain".into(), EnabledStatistics::Chunk)
                .set_column_statistics_enabled("missing".into(), EnabledStatistics::Chunk)
                .set_column_bloom_filter_enabled("plain".into(), true)
                .set_column_bloom_filter_ndv("plain".into(), 20_000)
                .build();
            let out = Vec::new();
            let mut writer = GroupedWriter::new(out, rows.schema(), properties, Compression::UNCOMPRESSED, 100_000);
            writer.as_mut().expect("begins").write(&rows).expect("writes");
            let bytes = bytes::Bytes::from(writer.expect("begins").finish(Vec::new()).expect("ends"));
            let builder = ParquetRecordBatchReaderBuilder::try_new(bytes).expect("a footer");
            for (leaf, name) in [(0, "plain"), (2, "missing")] {
                let column = rows.column_by_name(name).expect("a column").as_string::<i32>();
                let found = builder.metadata().row_group(0).column(leaf).statistics().expect("statistics").clone();
                let texts = || column.iter().flatten().map(str::as_bytes);
                assert_eq!((found.min_bytes_opt(), found.max_bytes_opt()), (texts().min(), texts().max()), "{name}");
                assert_eq!(found.null_count_opt(), Some(arrow::array::Array::null_count(column) as u64));
            }
            let bloom = builder.get_row_group_column_bloom_filter(0, 0).expect("reads").expect("a filter");
            let column = rows.column_by_name("plain").expect("a column").as_string::<i32>();
            assert!(column.iter().flatten().all(|text| bloom.check(text)));
            assert!((0..1_000).filter(|i| bloom.check(format!("absent {i}").as_str())).count() < 200);
        }
    }

    #[test]
    fn pages_are_found_by_their_index() {
        use parquet::arrow::arrow_reader::{ArrowReaderOptions, RowSelection, RowSelector};
        use parquet::file::metadata::PageIndexPolicy;
        let zstd = Compression::ZSTD(ZstdLevel::try_new(1).expect("a level"));
        let rows = rows(90_000, 300, 8);
        let bytes = bytes::Bytes::from(written(&rows, zstd, 80_000, 10_000));
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
        let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(bytes, options).expect("an index");
        let picked = [5usize, 19_999, 20_000, 61_234, 79_999, 80_000, 89_999];
        let mut selectors = Vec::new();
        let mut next = 0;
        for row in picked {
            selectors.extend([RowSelector::skip(row - next), RowSelector::select(1)]);
            next = row + 1;
        }
        let read: Vec<RecordBatch> = builder
            .with_row_selection(RowSelection::from(selectors))
            .build()
            .expect("reads")
            .map(|b| b.expect("a batch"))
            .collect();
        let read = concat_batches(&read[0].schema(), &read).expect("one");
        let wanted: Vec<RecordBatch> = picked.iter().map(|row| rows.slice(*row, 1)).collect();
        let wanted = concat_batches(&rows.schema(), &wanted).expect("one");
        assert_eq!(read.columns(), wanted.columns());
    }
}
