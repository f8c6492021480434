//! `segments.db`: which segments there are, which epochs they cover, and the ledger. Every change is one transaction.

mod schema;

use crate::StoreError;
use crate::ledger::{Ledger, LedgerKey, LedgerRow};
use crate::resend::{Seen, requests};
use crate::senders::Sender;
use crate::snapshot::Segment;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sextant_model::{Signal, Table};
use std::path::Path;
use std::sync::OnceLock;

/// What sealing an epoch came to.
pub(crate) struct Sealed<'a> {
    pub epoch: u64,
    pub segments: &'a [Segment],
    pub ledger: &'a Ledger,
    pub services: &'a [String],
    pub senders: &'a [(u16, Sender)],
    pub requests: &'a [(u128, Seen)],
}

/// The database, open for writing.
pub(crate) struct Manifest {
    db: Connection,
}

impl Manifest {
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let mut db = Connection::open(path)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        schema::bring_up(&mut db)?;
        Ok(Self { db })
    }

    /// One more than the last time that the store was opened.
    pub fn next_run(&self) -> Result<u64, StoreError> {
        let sql =
            "INSERT INTO meta VALUES ('run', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value";
        Ok(self.db.query_row(sql, [], |r| r.get::<_, i64>(0))? as u64)
    }

    pub fn segments(&self, root: &Path) -> Result<Vec<Segment>, StoreError> {
        let mut statement = self.db.prepare("SELECT * FROM segments ORDER BY first_time, id")?;
        let rows = statement.query_map([], |r| {
            let table: String = r.get("table_name")?;
            let services: Option<String> = r.get("services")?;
            let path: String = r.get("path")?;
            Ok(Table::from_name(&table).map(|table| Segment {
                id: r.get("id").unwrap_or_default(),
                project: r.get("project").unwrap_or_default(),
                table,
                bucket: r.get("bucket").unwrap_or_default(),
                path: root.join(path),
                n_rows: r.get::<_, i64>("n_rows").unwrap_or_default() as u64,
                n_bytes: r.get::<_, i64>("n_bytes").unwrap_or_default() as u64,
                times: (r.get("first_time").unwrap_or(i64::MIN), r.get("last_time").unwrap_or(i64::MAX)),
                services: services.and_then(|s| serde_json::from_str(&s).ok()),
                checksum: r.get::<_, i64>("checksum").unwrap_or_default() as u64,
                epoch: r.get::<_, i64>("epoch").unwrap_or_default() as u64,
                index: OnceLock::new(),
            }))
        })?;
        let segments: Vec<Option<Segment>> = rows.collect::<Result<_, _>>()?;
        Ok(segments.into_iter().flatten().collect())
    }

    pub fn is_covered(&self, epoch: u64) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM epochs WHERE epoch = ?";
        Ok(self.db.query_row(sql, [epoch as i64], |_| Ok(())).optional()?.is_some())
    }

    pub fn last_epoch(&self) -> Result<u64, StoreError> {
        let last: Option<i64> = self.db.query_row("SELECT max(epoch) FROM epochs", [], |r| r.get(0))?;
        Ok(last.unwrap_or(0) as u64)
    }

    /// Registers what an epoch was sealed into, in one transaction with its counts.
    pub fn register(&mut self, sealed: &Sealed<'_>, root: &Path) -> Result<(), StoreError> {
        let tx = self.db.transaction()?;
        for name in sealed.services {
            tx.execute("INSERT OR IGNORE INTO services (name) VALUES (?)", [name])?;
        }
        for (number, (client, protocol)) in sealed.senders {
            tx.execute("INSERT OR REPLACE INTO senders VALUES (?,?,?)", params![number, client, protocol])?;
        }
        for s in sealed.segments {
            insert_segment(&tx, s, root)?;
        }
        for (key, row) in &sealed.ledger.0 {
            add_row(&tx, key, row)?;
        }
        if let Some(newest) = sealed.requests.iter().map(|(_, seen)| seen.at).max() {
            let (records, rests) = requests::encode(sealed.requests)?;
            let row = params![sealed.epoch as i64, newest, records, rests];
            tx.execute("INSERT OR REPLACE INTO requests VALUES (?,?,?,?)", row)?;
            tx.execute("DELETE FROM requests WHERE at < ?", [requests::oldest(newest)])?;
        }
        tx.execute("INSERT OR IGNORE INTO epochs VALUES (?)", [sealed.epoch as i64])?;
        // Covered epochs matter only as long as their log may still be there.
        tx.execute("DELETE FROM epochs WHERE epoch < ?", [sealed.epoch as i64 - 1_000])?;
        tx.commit()?;
        Ok(())
    }

    /// The requests that were remembered, the oldest first.
    pub fn requests(&self) -> Result<Vec<(u128, Seen)>, StoreError> {
        let mut statement = self.db.prepare("SELECT records, rests FROM requests ORDER BY epoch")?;
        let mut rows = statement.query([])?;
        let mut all = Vec::new();
        while let Some(r) = rows.next()? {
            let (records, rests): (Vec<u8>, String) = (r.get(0)?, r.get(1)?);
            all.extend(requests::decode(&records, &rests));
        }
        Ok(all)
    }

    /// Who sent, by number.
    pub fn senders(&self) -> Result<Vec<(u16, Sender)>, StoreError> {
        let mut statement = self.db.prepare("SELECT number, client, protocol FROM senders")?;
        let rows = statement.query_map([], |r| Ok((r.get(0)?, (r.get(1)?, r.get(2)?))))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Services in the order in which they were first seen.
    pub fn services(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.db.prepare("SELECT name FROM services ORDER BY place")?;
        let names = statement.query_map([], |r| r.get(0))?;
        Ok(names.collect::<Result<_, _>>()?)
    }

    pub fn ledger(&self) -> Result<Ledger, StoreError> {
        let mut statement = self.db.prepare("SELECT project, signal, client, protocol, day, what, n FROM ledger")?;
        let mut ledger = Ledger::default();
        let mut rows = statement.query([])?;
        while let Some(r) = rows.next()? {
            let signal: String = r.get(1)?;
            let Some(signal) = Signal::from_name(&signal) else { continue };
            let key = LedgerKey { project: r.get(0)?, signal, client: r.get(2)?, protocol: r.get(3)?, day: r.get(4)? };
            let (what, n): (String, i64) = (r.get(5)?, r.get(6)?);
            let row = ledger.0.entry(key).or_default();
            let n = n as u64;
            match what.split_once(':') {
                None if what == "received" => row.counts.received += n,
                None => row.n_malformed += n,
                Some(("rejected", reason)) => row.counts.rejected.add(reason, n),
                Some(("marked", reason)) => row.counts.marked.add(reason, n),
                Some((_, policy)) => row.evicted.add(policy, n),
            }
        }
        Ok(ledger)
    }
}

fn insert_segment(tx: &Transaction<'_>, s: &Segment, root: &Path) -> Result<(), StoreError> {
    let services = s.services.as_ref().map(|names| serde_json::json!(names).to_string());
    let path = s.path.strip_prefix(root).unwrap_or(&s.path).to_string_lossy().into_owned();
    tx.execute(
        "INSERT INTO segments (id, project, table_name, bucket, path, n_rows, n_bytes, first_time, last_time, services,
            checksum, epoch) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
        params![
            s.id,
            s.project,
            s.table.name(),
            s.bucket,
            path,
            s.n_rows as i64,
            s.n_bytes as i64,
            s.times.0,
            s.times.1,
            services,
            s.checksum as i64,
            s.epoch as i64
        ],
    )?;
    Ok(())
}

fn add_row(tx: &Transaction<'_>, key: &LedgerKey, row: &LedgerRow) -> Result<(), StoreError> {
    let mut counts = vec![("received".to_owned(), row.counts.received), ("malformed".to_owned(), row.n_malformed)];
    let reasons = [("rejected", &row.counts.rejected), ("marked", &row.counts.marked), ("evicted", &row.evicted)];
    for (what, reasons) in reasons {
        counts.extend(reasons.0.iter().map(|(reason, n)| (format!("{what}:{reason}"), *n)));
    }
    let sql = "INSERT INTO ledger VALUES (?,?,?,?,?,?,?)
        ON CONFLICT (project, signal, client, protocol, day, what) DO UPDATE SET n = n + excluded.n";
    let mut statement = tx.prepare_cached(sql)?;
    for (what, n) in counts.iter().filter(|(_, n)| *n > 0) {
        let signal = key.signal.name();
        statement.execute(params![key.project, signal, key.client, key.protocol, key.day, what, *n as i64])?;
    }
    Ok(())
}
