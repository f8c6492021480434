//! What should be in the store: a plain list beside it.

use arrow::array::{ArrayRef, AsArray, Float64Array, RecordBatch, StringArray, TimestampNanosecondArray};
use arrow::datatypes::Float64Type;
use sextant_columns::{conformed, read_columns};
use sextant_model::{Batch, Counts, Signal, Table, schema};
use sextant_store::{Ingest, RequestKey, Store};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The tables that histories use: rows with an id, rows without, and points.
pub const TABLES: [Table; 3] = [Table::Traces, Table::Logs, Table::Gauge];
pub const SECOND: i64 = 1_000_000_000;
pub const HOUR: i64 = 3_600 * SECOND;
pub const DAY: i64 = 86_400 * SECOND;
/// When histories begin: a quarter past three on some day.
pub const BEGIN: i64 = 1_790_046_900 * SECOND;

/// Whether a row is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Its sender was told so, or it was seen.
    Kept,
    /// Its sender was told of a failure; it may come back once, after a crash.
    Unknown,
    /// It is not there.
    Gone,
    /// A policy may have taken it, before it failed.
    PerhapsEvicted,
    /// A policy took it.
    Evicted,
    /// A policy took it, and an import that was to bring it back failed.
    PerhapsBack,
}

#[derive(Debug, Clone, Copy)]
pub struct Row {
    pub id: u64,
    pub table: Table,
    pub time: i64,
    pub received: i64,
    pub is_import: bool,
}

impl Row {
    fn service(&self) -> String {
        format!("s{}", self.id % 5)
    }
}

/// A request that was sent, to be sent again.
#[derive(Debug, Clone)]
pub struct Sent {
    pub rows: Vec<Row>,
    pub hash: u128,
    pub client: String,
    pub protocol: &'static str,
}

#[derive(Debug, Default)]
pub struct World {
    pub fates: BTreeMap<u64, (Row, Fate)>,
    pub sent: Vec<Sent>,
}

/// Rows of one table as they arrive.
fn batch(table: Table, rows: &[&Row]) -> Batch {
    let text =
        |f: &dyn Fn(&Row) -> String| -> ArrayRef { Arc::new(StringArray::from_iter_values(rows.iter().map(|r| f(r)))) };
    let times: ArrayRef = Arc::new(TimestampNanosecondArray::from_iter_values(rows.iter().map(|r| r.time)));
    let mut columns = vec![("ServiceName", text(&Row::service)), (table.time_column(), times)];
    match table {
        Table::Traces => {
            columns.push(("TraceId", text(&|r| format!("{:032x}", r.id / 4 + 1))));
            columns.push(("SpanId", text(&|r| format!("{:016x}", r.id + 1))));
            columns.push(("SpanKind", text(&|_| "Server".into())));
        }
        Table::Logs => columns.push(("Body", text(&|r| r.id.to_string()))),
        _ => {
            columns.push(("MetricName", text(&|r| format!("m{}", r.id % 3))));
            columns.push(("Value", Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r.id as f64)))));
        }
    }
    let rows = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let rows = conformed(table, rows).expect("the stored schema");
    let arrived: Vec<usize> = (0..schema::arrived(table).fields().len()).collect();
    Batch { table, rows: rows.project(&arrived).expect("all but what the store adds") }
}

impl Sent {
    pub fn is_import(&self) -> bool {
        self.protocol != "otlp-http"
    }

    pub fn ingest(&self, received_at: i64) -> Ingest {
        let mut counts: [Counts; 3] = Default::default();
        let mut batches = Vec::new();
        for table in TABLES {
            let rows: Vec<&Row> = self.rows.iter().filter(|r| r.table == table).collect();
            if !rows.is_empty() {
                counts[table.signal() as usize].received += rows.len() as u64;
                batches.push(batch(table, &rows));
            }
        }
        Ingest {
            project: "default".into(),
            client: self.client.clone(),
            protocol: self.protocol.into(),
            received_at,
            batches,
            counts,
            n_malformed: [0; 3],
            request: Some(RequestKey { hash: self.hash, reply: String::new() }),
        }
    }
}

fn ids(table: Table, rows: &RecordBatch) -> Vec<u64> {
    let text = |name: &str| rows.column_by_name(name).expect("a column").as_string::<i32>().clone();
    match table {
        Table::Traces => {
            let ids = text("SpanId");
            (0..rows.num_rows()).map(|i| u64::from_str_radix(ids.value(i), 16).expect("hex") - 1).collect()
        }
        Table::Logs => {
            let ids = text("Body");
            (0..rows.num_rows()).map(|i| ids.value(i).parse().expect("a number")).collect()
        }
        _ => {
            let values = rows.column_by_name("Value").expect("a column").as_primitive::<Float64Type>().clone();
            values.values().iter().map(|v| *v as u64).collect()
        }
    }
}

/// All rows that a reader sees, and how often.
pub fn seen(store: &Store) -> BTreeMap<u64, (Table, u64)> {
    let snapshot = store.snapshot();
    let mut found: BTreeMap<u64, (Table, u64)> = BTreeMap::new();
    let mut add = |table: Table, rows: &RecordBatch| {
        for id in ids(table, rows) {
            found.entry(id).or_insert((table, 0)).1 += 1;
        }
    };
    for table in TABLES {
        for rows in snapshot.hot_batches(table) {
            add(table, &rows);
        }
        for segment in snapshot.segments().iter().filter(|s| s.table == table) {
            let mut n_rows = 0;
            let column = match table {
                Table::Traces => "SpanId",
                Table::Logs => "Body",
                _ => "Value",
            };
            for rows in read_columns(&segment.path, &[column], None).expect("a segment can be read") {
                let rows = rows.expect("rows can be read");
                n_rows += rows.num_rows() as u64;
                add(table, &rows);
            }
            assert_eq!(n_rows, segment.n_rows, "rows of {}", segment.path.display());
        }
    }
    found
}

impl World {
    /// Whether it can't be said if one of these rows is there.
    pub fn is_unclear(&self, sent: &Sent) -> bool {
        let fate = |row: &Row| self.fates.get(&row.id).map(|(_, fate)| *fate);
        sent.rows.iter().any(|row| matches!(fate(row), Some(Fate::PerhapsEvicted | Fate::PerhapsBack)))
    }

    /// What came of a request.
    pub fn told(&mut self, sent: &Sent, received: i64, is_kept: bool) {
        for row in &sent.rows {
            let row = &Row { received, is_import: sent.is_import(), ..*row };
            // Of one place, log records can be told apart too.
            let can_return = sent.is_import() && (row.table != Table::Logs || sent.protocol == "pull");
            let known = self.fates.get(&row.id).map(|(_, fate)| *fate);
            let fate = match known {
                Some(Fate::Kept) => Fate::Kept,
                // An import brings back what is not there, whatever is remembered of it, if it can be told apart.
                Some(Fate::Evicted | Fate::PerhapsBack) if can_return && is_kept => Fate::Kept,
                Some(Fate::Evicted) if can_return => Fate::PerhapsBack,
                // What was evicted is known, and does not come back by being sent again.
                Some(fate @ (Fate::Evicted | Fate::PerhapsEvicted | Fate::PerhapsBack)) => fate,
                _ if is_kept => Fate::Kept,
                _ => Fate::Unknown,
            };
            let row = self.fates.get(&row.id).filter(|_| known == Some(Fate::Kept)).map_or(*row, |(r, _)| *r);
            self.fates.insert(row.id, (row, fate));
        }
    }

    /// Holds the store against the list.
    pub fn check(&mut self, store: &Store, is_fresh: bool) {
        let seen = seen(store);
        for (id, (table, n)) in &seen {
            assert_eq!(*n, 1, "row {id} of {table} is there {n} times");
            let (_, fate) = self.fates.get_mut(id).unwrap_or_else(|| panic!("row {id} of {table} came from nowhere"));
            match *fate {
                Fate::Kept => {}
                Fate::Unknown | Fate::PerhapsEvicted | Fate::PerhapsBack => *fate = Fate::Kept,
                other => panic!("row {id} of {table} is there and should be {other:?}"),
            }
        }
        for (id, (row, fate)) in &mut self.fates {
            if seen.contains_key(id) {
                continue;
            }
            match *fate {
                Fate::Kept => panic!("row {id} of {} is lost: {row:?}", row.table),
                Fate::PerhapsEvicted => *fate = Fate::Evicted,
                // After a start nothing is left that could bring it back.
                Fate::Unknown if is_fresh => *fate = Fate::Gone,
                Fate::PerhapsBack if is_fresh => *fate = Fate::Evicted,
                _ => {}
            }
        }
        for signal in Signal::ALL {
            let stored: u64 =
                store.ledger().iter().filter(|(key, _)| key.signal == signal).map(|(_, row)| row.stored()).sum();
            let there = seen.values().filter(|(table, _)| table.signal() == signal).count() as u64;
            assert_eq!(stored, there, "{signal}: by the ledger, and there");
        }
        for (key, row) in store.ledger() {
            let sum = row.stored() + row.counts.rejected.total() + row.evicted.total();
            assert_eq!(row.counts.received, sum, "{key:?}: {row:?}");
        }
    }
}
