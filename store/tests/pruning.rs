//! What need not be read is not read, and every answer is the one that reading everything gives.

use arrow::array::{Array as _, ArrayRef, AsArray, MapArray, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Int64Type};
use sextant_columns::{ROW_GROUP_ROWS, all_keys_in, conformed, file_columns};
use sextant_model::{Batch, Counts, Need, Prune, Sql, Table, schema};
use sextant_store::{Config, Ingest, Limits, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const DAY: i64 = 86_400_000_000_000;
const BEGIN: i64 = 1_790_000_000_000_000_000;
const N_DAYS: i64 = 4;
const N_ROWS: i64 = 200;
/// A row that lies in the second row group.
const LAST: i64 = 131_003;

fn map(rows: impl Iterator<Item = Vec<(&'static str, String)>>) -> ArrayRef {
    let (mut keys, mut values, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        lengths.push(row.len());
        for (key, value) in row {
            keys.push(key);
            values.push(value);
        }
    }
    let DataType::Map(field, _) = schema::map_type() else { unreachable!("a map") };
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(keys)), Arc::new(StringArray::from(values))];
    let entries = arrow::array::StructArray::new(schema::map_entry_fields(), columns, None);
    Arc::new(MapArray::new(field, OffsetBuffer::from_lengths(lengths), entries, None, false))
}

/// Log records of one day; one of them has a rare word and a rare value.
fn day(day: i64) -> RecordBatch {
    records(day, N_ROWS)
}

fn records(day: i64, n: i64) -> RecordBatch {
    let rows = || 0..n;
    let text = |f: &dyn Fn(i64) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows().map(f))) };
    let body = |i| if i == 77 { format!("needle{day} in the hay") } else { format!("hay number {}", i % 1_000) };
    let own = map(rows().map(|i| {
        // Not too many, so that a filter over them is small enough to be kept.
        let order = if i < 200 || i == LAST { i } else { 1_000 + i / 1_000 };
        let mut own = vec![("order.id", format!("{day}-{order}")), ("k8s.pod.name", format!("own-{}", i % 3))];
        own.truncate((i % 3) as usize);
        own
    }));
    let resource = map(rows().map(|i| {
        vec![
            ("k8s.pod.name", format!("pod-{}", i % 2)),
            ("my \"key\"", "x".into()),
            ("K8S.Pod.Name", format!("twin-{}", i % 50)),
        ]
    }));
    let times = TimestampNanosecondArray::from_iter_values(rows().map(|i| BEGIN + day * DAY + i * 1_000_000));
    let rows = RecordBatch::try_from_iter([
        ("ServiceName", text(&|i| format!("s{}", i % 2))),
        ("Timestamp", Arc::new(times) as ArrayRef),
        ("Body", text(&body)),
        ("ScopeName", text(&|_| "scope".into())),
        ("LogAttributes", own),
        ("ResourceAttributes", resource),
    ]);
    let rows = conformed(Table::Logs, rows.expect("columns of one length")).expect("the stored schema");
    let arrived: Vec<usize> = (0..schema::arrived(Table::Logs).fields().len()).collect();
    rows.project(&arrived).expect("all but what the store adds")
}

fn open(dir: &Path) -> Store {
    let mut config = Config::new(dir);
    config.disk_reserve_bytes = Some(0);
    Store::open(config).expect("opens")
}

/// The promoted column of a key, in SQL.
fn column_of(key: &str) -> String {
    format!("\"{}\"", schema::promoted(key).replace('"', "\"\""))
}

fn take(store: &Store, rows: RecordBatch) {
    let counts = Counts { received: rows.num_rows() as u64, ..Counts::default() };
    let ingest = Ingest {
        project: "default".into(),
        protocol: "import".into(),
        received_at: BEGIN + 10 * DAY,
        batches: vec![Batch { table: Table::Logs, rows }],
        counts: [Counts::default(), counts, Counts::default()],
        ..Ingest::default()
    };
    store.ingest_wait(ingest).expect("is taken");
}

/// A store with a merged segment a day.
fn filled(dir: &Path, asked: &str) -> Store {
    let store = open(dir);
    if !asked.is_empty() {
        count(&store, &format!("{} = 'x'", column_of(asked)), &Prune::default());
    }
    for half in 0..2 {
        for n in 0..N_DAYS {
            take(&store, day(n).slice(half * 100, 100));
        }
        store.flush().expect("seals");
    }
    store.compact().expect("merges");
    assert_eq!(store.snapshot().n_segments(Table::Logs), N_DAYS as usize);
    store
}

fn count(store: &Store, condition: &str, prune: &Prune) -> i64 {
    let sql = Sql::plain(format!("SELECT CAST(count(*) AS BIGINT) AS n FROM logs WHERE {condition}"));
    let answer = store.query(&sql, prune, Limits::default()).expect("answers");
    answer.batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

fn segments(store: &Store) -> Vec<PathBuf> {
    store.snapshot().segments().iter().map(|s| s.path.clone()).collect()
}

#[test]
fn rare_words_and_values_leave_most_alone() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = filled(dir.path(), "");
    let order = |value: &str| Need::Attribute { key: "order.id".into(), value: value.into() };
    let cases = [
        (vec![Need::Word("needle2".into())], "contains(Body, 'needle2')", 1, 1),
        (vec![Need::Word("hay".into())], "contains(Body, 'hay')", N_DAYS as u64, N_DAYS * N_ROWS),
        (vec![Need::Word("nowhere".into())], "contains(Body, 'nowhere')", 0, 0),
        (vec![order("3-100")], "LogAttributes['order.id'] = '3-100'", 1, 1),
        (vec![order("3-100"), Need::Word("needle1".into())], "false", 0, 0),
    ];
    for (needs, condition, n_left, n) in cases {
        let prune = Prune { needs, ..Prune::default() };
        let plan = store.snapshot().plan(Table::Logs, &prune);
        assert_eq!((plan.n_left, plan.by_filter), (n_left, N_DAYS as u64 - n_left), "{condition}");
        assert_eq!(count(&store, condition, &prune), n, "{condition}");
        assert_eq!(count(&store, condition, &Prune::default()), n, "{condition}, unpruned");
    }
}

#[test]
fn single_row_groups_are_read() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let n = ROW_GROUP_ROWS as i64 + 5_000;
    for part in 0..2 {
        let half = n / 2;
        take(&store, records(0, n).slice((part * half) as usize, half as usize));
        store.flush().expect("seals");
    }
    store.compact().expect("merges");
    let order = |value: &str| vec![Need::Attribute { key: "order.id".into(), value: value.into() }];
    // Ordered by service and time: even rows first.
    let last = format!("0-{LAST}");
    let cases = [
        (order("0-2"), "LogAttributes['order.id'] = '0-2'".to_owned()),
        (order(&last), format!("LogAttributes['order.id'] = '{last}'")),
        (vec![Need::Word("needle0".into())], "Body = 'needle0 in the hay'".to_owned()),
        ([order("0-2"), vec![Need::Word("number".into())]].concat(), "LogAttributes['order.id'] = '0-2'".to_owned()),
    ];
    for (needs, condition) in cases {
        let prune = Prune { needs, ..Prune::default() };
        let plan = store.snapshot().plan(Table::Logs, &prune);
        assert_eq!((plan.n_left, plan.n_groups, plan.n_groups_left), (1, 2, 1), "{condition}");
        assert_eq!(count(&store, &condition, &prune), 1, "{condition}");
        let sql = Sql::plain(format!("SELECT * FROM logs WHERE {condition} ORDER BY Timestamp DESC LIMIT 5"));
        let found = store.newest(Table::Logs, &sql, &prune, 5, Limits::default()).expect("answers");
        assert_eq!((found.n_rows(), found.batches[0].num_columns()), (1, schema::stored(Table::Logs).fields().len()));
        let whole = store.query(&sql, &Prune::default(), Limits::default()).expect("answers");
        assert_eq!(found.batches, whole.batches, "{condition}");
    }
}

#[test]
fn promoted_columns_say_what_the_maps_say() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = filled(dir.path(), "my \"key\"");
    for path in segments(&store) {
        let promoted = file_columns(&path, Table::Logs).expect("a footer").promoted;
        assert_eq!(promoted, ["my \"key\"", "k8s.pod.name"], "what was asked for, and what is well known");
    }
    let keys = ["order.id", "k8s.pod.name", "K8S.Pod.Name", "my \"key\"", "not.here"];
    let agree = |store: &Store| {
        for key in keys {
            let column = column_of(key);
            let maps = format!("coalesce(LogAttributes['{key}'], ResourceAttributes['{key}'])");
            let same = count(store, &format!("{column} IS NOT DISTINCT FROM {maps}"), &Prune::default());
            assert_eq!(same, N_DAYS * N_ROWS, "{key}");
        }
        let own = count(store, "\"__otel_materialized_k8s.pod.name\" = 'own-2'", &Prune::default());
        let resource = count(store, "\"__otel_materialized_k8s.pod.name\" = 'pod-1'", &Prune::default());
        // Keys that differ only in case are two keys.
        let both = format!("{} = 'pod-1' AND {} LIKE 'twin-%'", column_of("k8s.pod.name"), column_of("K8S.Pod.Name"));
        assert_eq!(count(store, &both, &Prune::default()), resource);
        assert!(own > 0 && resource > 0 && resource < N_DAYS * N_ROWS / 2);
    };
    agree(&store);
    store.close();
    drop(store);
    agree(&open(dir.path()));
    // No star has them.
    let store = open(dir.path());
    let all = store.query(&Sql::plain("SELECT * FROM logs LIMIT 1"), &Prune::default(), Limits::default());
    assert_eq!(
        all.expect("answers").schema.expect("a schema").fields().len(),
        schema::stored(Table::Logs).fields().len()
    );
}

/// Writes a segment anew without some of its columns, as a version before them would have.
#[test]
fn attributes_that_a_file_has_not_are_not_looked_for_in_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = filled(dir.path(), "");
    // Beside the merged segments one that was only sealed, with so many keys that no dictionary has them all.
    let many = records(N_DAYS, 40_000);
    let keys: Vec<String> = (0..40_000).map(|i| format!("key-of-some-length-{i:060}")).collect();
    let own = keys.iter().map(|key| vec![(Box::leak(key.clone().into_boxed_str()) as &str, "v".to_owned())]);
    let place = many.schema().index_of("LogAttributes").expect("a column");
    let mut columns = many.columns().to_vec();
    columns[place] = map(own);
    take(&store, RecordBatch::try_new(many.schema(), columns).expect("rows"));
    store.flush().expect("seals");
    let known = ["K8S.Pod.Name", "k8s.pod.name", "my \"key\"", "order.id"].map(str::to_owned);
    let mut n_known = 0;
    for path in segments(&store) {
        match all_keys_in(&path, Table::Logs).expect("readable") {
            Some(keys) => {
                assert!(keys.iter().eq(known.iter()), "{keys:?}");
                n_known += 1;
            }
            None => assert!(file_columns(&path, Table::Logs).expect("readable").promoted.is_empty()),
        }
    }
    assert_eq!(n_known, N_DAYS as usize);
    for (key, n) in [("absent", 0), (keys[39_999].as_str(), 1), ("order.id", 532)] {
        assert_eq!(count(&store, &format!("{} <> ''", column_of(key)), &Prune::default()), n, "{key}");
        let maps = format!("coalesce(LogAttributes['{key}'], ResourceAttributes['{key}']) <> ''");
        assert_eq!(count(&store, &maps, &Prune::default()), n, "{key}");
    }
}

fn take_away(path: &Path, columns: &[&str]) {
    let file = std::fs::File::open(path).expect("opens");
    let builder = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).expect("a footer");
    let pairs = builder.metadata().file_metadata().key_value_metadata().cloned();
    let batches: Vec<RecordBatch> = builder.build().expect("reads").map(|b| b.expect("a batch")).collect();
    let keep: Vec<usize> = batches[0]
        .schema()
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, f)| !columns.contains(&f.name().as_str()))
        .map(|(i, _)| i)
        .collect();
    let schema = Arc::new(batches[0].schema().project(&keep).expect("columns"));
    let out = std::fs::File::create(path).expect("creates");
    let small = parquet::file::properties::WriterProperties::builder().set_max_row_group_row_count(Some(60)).build();
    let mut writer = parquet::arrow::ArrowWriter::try_new(out, schema, Some(small)).expect("begins");
    for pair in pairs.into_iter().flatten().filter(|p| p.key.starts_with("sextant.")) {
        writer.append_key_value_metadata(pair);
    }
    for batch in &batches {
        writer.write(&batch.project(&keep).expect("columns")).expect("writes");
    }
    writer.close().expect("ends");
}

#[test]
fn columns_that_came_later_read_as_their_defaults() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = filled(dir.path(), "");
    let files = segments(&store);
    store.close();
    drop(store);
    let gone = ["ScopeName", "LogAttributes", "SeverityNumber", "ObservedTimestamp", "BodyExact"];
    take_away(&files[0], &gone);
    take_away(&files[2], &gone[..2]);
    take_away(&files[3], &[]);
    sextant_store::rebuild(dir.path()).expect("reads what is there");
    let store = open(dir.path());
    let all = N_DAYS * N_ROWS;
    let cases = [
        ("ScopeName = ''", 2 * N_ROWS),
        ("ScopeName = 'scope'", 2 * N_ROWS),
        ("cardinality(LogAttributes) IS NULL", 0),
        ("SeverityNumber = 0", all),
        ("epoch_ns(ObservedTimestamp) = 0", all),
        ("octet_length(BodyExact) = 0", all),
        ("\"__otel_materialized_order.id\" IS NULL", 2 * N_ROWS + 2 * 67),
    ];
    for (condition, n) in cases {
        assert_eq!(count(&store, condition, &Prune::default()), n, "{condition}");
    }
    // Filters for other row groups than the file has are not used, whoever wrote it.
    let prune = Prune { needs: vec![Need::Word("needle3".into())], ..Prune::default() };
    assert_eq!(count(&store, "contains(Body, 'needle3')", &prune), 1);
    // Laid together with others, and read as they are.
    let whole = store.query(&Sql::plain("SELECT * FROM logs"), &Prune::default(), Limits::default()).expect("answers");
    assert_eq!(whole.n_rows(), all as usize);
    for batch in &whole.batches {
        for column in batch.columns() {
            assert_eq!(column.null_count(), 0);
        }
    }
}

/// Statements of our own go no further than users': whatever came to stand in one, it reads the store's own files.
#[test]
fn no_statement_leaves_the_store() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(&dir.path().join("store"));
    take(&store, day(0));
    store.compact().expect("is sealed");
    let (secret, out) = (dir.path().join("secret.csv"), dir.path().join("out.csv"));
    std::fs::write(&secret, "a,b\n1,2\n").expect("is written");
    let run = |text: String| {
        store.query(&Sql { text, params: Vec::new() }, &Prune::default(), Limits::default()).map(|a| a.n_rows())
    };
    assert!(run(format!("SELECT * FROM read_csv('{}')", secret.display())).is_err());
    assert!(run(format!("COPY (SELECT count(*) FROM logs) TO '{}'; SELECT 1", out.display())).is_err());
    assert!(run(format!("SET enable_external_access = true; SELECT * FROM read_csv('{}')", secret.display())).is_err());
    assert!(!out.exists());
    assert_eq!(run("SELECT Body FROM logs".into()).expect("rows"), N_ROWS as usize);
}
