//! An import that counts all at once is there or it is not.

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampNanosecondArray};
use sextant_columns::conformed;
use sextant_model::{Batch, Counts, Table, schema};
use sextant_store::{Config, Ingest, Origin, Saved, Store, Taken};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const BEGIN: i64 = 1_790_000_000_000_000_000;
const DAY: i64 = 86_400_000_000_000;

fn open(dir: &Path) -> Store {
    let mut config = Config::new(dir);
    config.disk_reserve_bytes = Some(0);
    Store::open(config).expect("opens")
}

/// Rows of two days, numbered.
fn batch(table: Table, numbers: std::ops::Range<i64>) -> Batch {
    let text =
        |f: &dyn Fn(i64) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(numbers.clone().map(f))) };
    let times = numbers.clone().map(|i| BEGIN + i * 1_000_000 + (i % 2) * DAY);
    let mut columns = vec![
        ("ServiceName", text(&|i| format!("s{}", i % 3))),
        ("Timestamp", Arc::new(TimestampNanosecondArray::from_iter_values(times)) as ArrayRef),
        ("TraceId", text(&|i| format!("{:032x}", i / 4 + 1))),
        ("SpanId", text(&|i| format!("{:016x}", i + 1))),
    ];
    if table == Table::Logs {
        columns.push(("Body", text(&|i| format!("record {i}"))));
    }
    let rows = conformed(table, RecordBatch::try_from_iter(columns).expect("columns of one length")).expect("conforms");
    let arrived: Vec<usize> = (0..schema::arrived(table).fields().len()).collect();
    Batch { table, rows: rows.project(&arrived).expect("all but what the store adds") }
}

fn origin(client: &str) -> Origin {
    Origin { project: "default".into(), client: client.into(), protocol: "pull".into(), at: BEGIN + 3 * DAY }
}

fn taken(store: &Store, client: &str, table: Table, numbers: std::ops::Range<i64>) -> Taken {
    let mut whole = store.whole(origin(client)).expect("begins");
    whole.add(batch(table, numbers)).expect("is taken");
    whole.finish(None).expect("is registered")[&table]
}

fn n_rows(store: &Store, table: Table) -> u64 {
    store.snapshot().n_rows(table)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.join("segments")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let into = if entry.path().is_dir() { &mut folders } else { &mut found };
            into.push(entry.path());
        }
    }
    found
}

#[test]
fn it_is_there_or_it_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = open(dir.path());
    let mut whole = store.whole(origin("prod")).expect("begins");
    // More than is held in memory.
    for i in 0..20 {
        whole.add(batch(Table::Traces, i * 10_000..(i + 1) * 10_000)).expect("is taken");
    }
    assert_eq!(n_rows(&store, Table::Traces), 0, "nothing is seen of it");
    assert!(!files(dir.path()).is_empty(), "it waits in files");
    assert_eq!(store.examine().expect("examines"), [], "which are nobody's fault");
    drop(whole);
    assert_eq!(files(dir.path()), [] as [PathBuf; 0], "what is given up leaves nothing");

    // What a crash leaves goes at the next start.
    let mut whole = store.whole(origin("prod")).expect("begins");
    for i in 0..20 {
        whole.add(batch(Table::Traces, i * 10_000..(i + 1) * 10_000)).expect("is taken");
    }
    std::mem::forget(whole);
    assert!(!files(dir.path()).is_empty());
    drop(store);
    let store = open(dir.path());
    assert_eq!((n_rows(&store, Table::Traces), files(dir.path())), (0, vec![]));

    let mut whole = store.whole(origin("prod")).expect("begins");
    whole.add(batch(Table::Traces, 0..5_000)).expect("is taken");
    whole.add(batch(Table::Traces, 4_000..6_000)).expect("is taken");
    whole.add(batch(Table::Logs, 0..100)).expect("is taken");
    let generation = store.snapshot().generation;
    let note = Saved { name: "one".into(), value: "{}".into(), at: BEGIN };
    let taken = whole.finish(Some(("pull", note.clone()))).expect("is registered");
    assert_eq!(taken[&Table::Traces], Taken { n: 7_000, n_duplicates: 1_000 });
    assert_eq!(store.snapshot().generation, generation + 1, "one change");
    assert_eq!((n_rows(&store, Table::Traces), n_rows(&store, Table::Logs)), (6_000, 100));
    assert_eq!(store.examine().expect("examines"), [], "the ledger agrees");
    drop(store);
    let store = open(dir.path());
    assert_eq!((n_rows(&store, Table::Traces), n_rows(&store, Table::Logs)), (6_000, 100));
    assert_eq!(store.saved("pull").expect("is read"), [note]);
    let senders: Vec<_> = store.ledger().into_iter().map(|(k, _)| (k.client, k.protocol)).collect();
    assert!(senders.iter().all(|(client, protocol)| client == "prod" && protocol == "pull"), "{senders:?}");
}

#[test]
fn what_was_taken_is_not_taken_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = open(dir.path());
    assert_eq!(taken(&store, "prod", Table::Traces, 0..1_000), Taken { n: 1_000, n_duplicates: 0 });
    assert_eq!(taken(&store, "prod", Table::Logs, 0..1_000), Taken { n: 1_000, n_duplicates: 0 });
    for _ in 0..2 {
        assert_eq!(taken(&store, "prod", Table::Traces, 500..1_500).n_duplicates % 500, 0);
        assert_eq!(n_rows(&store, Table::Traces), 1_500);
        // Records are told apart by all that they say, among those of one place.
        taken(&store, "prod", Table::Logs, 500..1_500);
        assert_eq!(n_rows(&store, Table::Logs), 1_500);
        drop(store);
        store = open(dir.path());
    }
    assert_eq!(taken(&store, "other", Table::Logs, 0..10), Taken { n: 10, n_duplicates: 0 });
    // A place that has a record twice brings it twice, and once only.
    let twice = |store: &Store| {
        let mut whole = store.whole(origin("twice")).expect("begins");
        whole.add(batch(Table::Logs, 0..10)).expect("is taken");
        whole.add(batch(Table::Logs, 0..10)).expect("is taken");
        whole.finish(None).expect("is registered")[&Table::Logs].n_duplicates
    };
    assert_eq!((twice(&store), twice(&store)), (0, 20));
    // What is sent afterwards is recognised.
    let sent = |numbers: std::ops::Range<i64>| Ingest {
        project: "default".into(),
        client: "sdk".into(),
        protocol: "otlp-http".into(),
        received_at: BEGIN + 3 * DAY,
        batches: vec![batch(Table::Traces, numbers.clone())],
        counts: [
            Counts { received: numbers.count() as u64, ..Counts::default() },
            Counts::default(),
            Counts::default(),
        ],
        ..Ingest::default()
    };
    let acked = store.ingest_wait(sent(0..100)).expect("is taken");
    assert_eq!(acked.counts[0].rejected.total(), 100);
    // What was sent while it came is not taken twice, nor by two at once.
    let mut whole = store.whole(origin("prod")).expect("begins");
    whole.add(batch(Table::Traces, 5_000..5_100)).expect("is taken");
    let other = store.whole(origin("other")).err().expect("one at a time");
    assert!(other.to_string().contains("under way"), "{other}");
    store.ingest_wait(sent(5_050..5_060)).expect("is taken");
    let refused = whole.finish(None).expect_err("a part of it is there");
    assert!(refused.to_string().contains("again"), "{refused}");
    assert_eq!(taken(&store, "prod", Table::Traces, 5_000..5_100), Taken { n: 100, n_duplicates: 10 });
}
