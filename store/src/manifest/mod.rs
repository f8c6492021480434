//! `segments.db`: which segments there are, which epochs they cover, and the ledger. Every change is one transaction.

mod policies;
mod saved;
mod schema;
mod segments;

pub use policies::{Pin, PinNote, Policy, Zone};
pub use saved::Saved;
pub(crate) use segments::Replacement;

use crate::StoreError;
use crate::disk::{Disk, Op};
use crate::ledger::{Ledger, LedgerKey, LedgerRow};
use crate::resend::{Seen, requests};
use crate::senders::Sender;
use crate::snapshot::Segment;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use sextant_model::Signal;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
    path: PathBuf,
    disk: Disk,
    /// Grows with every change of a policy or pin.
    rules: u64,
}

impl Manifest {
    pub fn open(path: &Path, disk: Disk) -> Result<Self, StoreError> {
        let mut db = Connection::open(path)?;
        let opened = db.pragma_update(None, "journal_mode", "WAL");
        if let Err(e) = &opened
            && matches!(
                e.sqlite_error_code(),
                Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt)
            )
        {
            let path = path.display();
            let what = format!("{path} is damaged ({e}): make it anew with: sextant doctor --rebuild");
            return Err(StoreError::Damaged(what));
        }
        opened?;
        db.pragma_update(None, "synchronous", "FULL")?;
        schema::bring_up(&mut db)?;
        Ok(Self { db, path: path.to_owned(), disk, rules: 0 })
    }

    /// Makes a change in one transaction.
    fn change(&mut self, change: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let tx = self.db.transaction()?;
        change(&tx)?;
        let committed = self.disk.run(Op::Commit(&self.path), || tx.commit().map_err(std::io::Error::other));
        committed.map_err(StoreError::file("commit to", &self.path))
    }

    /// Commits something, so that a commit that failed before it can't come back.
    pub fn settle(&mut self) -> Result<(), StoreError> {
        self.change(|tx| {
            tx.execute("UPDATE meta SET value = value WHERE key = 'run'", [])?;
            Ok(())
        })
    }

    /// Copies the database to a file.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let mut copy = Connection::open(path)?;
        let backup = rusqlite::backup::Backup::new(&self.db, &mut copy)?;
        backup.run_to_completion(1_000, std::time::Duration::ZERO, None)?;
        Ok(())
    }

    /// What SQLite finds wrong with it, if anything.
    pub fn check(&self) -> Result<Option<String>, StoreError> {
        let found: String = self.db.query_row("PRAGMA integrity_check(1)", [], |r| r.get(0))?;
        Ok((found != "ok").then_some(found))
    }

    /// An epoch whose log is to be read again.
    pub fn uncover(&self, epoch: u64) -> Result<(), StoreError> {
        self.db.execute("DELETE FROM epochs WHERE epoch = ?", [epoch as i64])?;
        Ok(())
    }

    /// One more than the last time that the store was opened.
    pub fn next_run(&self) -> Result<u64, StoreError> {
        let sql =
            "INSERT INTO meta VALUES ('run', 1) ON CONFLICT (key) DO UPDATE SET value = value + 1 RETURNING value";
        Ok(self.db.query_row(sql, [], |r| r.get::<_, i64>(0))? as u64)
    }

    /// When policies were applied last, nanoseconds.
    pub fn last_retention(&self) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT value FROM meta WHERE key = 'last_retention'";
        Ok(self.db.query_row(sql, [], |r| r.get(0)).optional()?)
    }

    pub fn set_last_retention(&self, at: i64) -> Result<(), StoreError> {
        self.db.execute("INSERT OR REPLACE INTO meta VALUES ('last_retention', ?)", [at])?;
        Ok(())
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
        self.change(|tx| register(tx, sealed, root))
    }

    /// Forgets the requests that were remembered.
    pub fn forget_requests(&mut self) -> Result<(), StoreError> {
        self.change(|tx| {
            tx.execute("DELETE FROM requests", [])?;
            Ok(())
        })
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

    /// How often questions were about attributes.
    pub fn asked(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let mut statement = self.db.prepare("SELECT key, n FROM asked")?;
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get::<_, i64>(1)? as u64)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn set_asked(&mut self, asked: &BTreeMap<String, u64>) -> Result<(), StoreError> {
        self.change(|tx| {
            tx.execute("DELETE FROM asked", [])?;
            for (key, n) in asked {
                tx.execute("INSERT INTO asked VALUES (?,?)", params![key, *n as i64])?;
            }
            Ok(())
        })
    }

    /// Fields and their values: project, signal, and the rest as it was put in.
    pub fn dictionary(&self) -> Result<Vec<(String, String, Vec<u8>)>, StoreError> {
        let mut statement = self.db.prepare("SELECT project, signal, fields FROM dictionary")?;
        let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn set_dictionary(&mut self, rows: &[(String, &'static str, Vec<u8>)]) -> Result<(), StoreError> {
        self.change(|tx| {
            for row in rows {
                tx.execute("INSERT OR REPLACE INTO dictionary VALUES (?,?,?)", params![row.0, row.1, row.2])?;
            }
            Ok(())
        })
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

fn register(tx: &Transaction<'_>, sealed: &Sealed<'_>, root: &Path) -> Result<(), StoreError> {
    for name in sealed.services {
        tx.execute("INSERT OR IGNORE INTO services (name) VALUES (?)", [name])?;
    }
    add_senders(tx, sealed.senders)?;
    for s in sealed.segments {
        segments::insert(tx, s, root)?;
    }
    for (key, row) in &sealed.ledger.0 {
        add_row(tx, key, row)?;
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
    Ok(())
}

fn add_senders(tx: &Transaction<'_>, senders: &[(u16, Sender)]) -> Result<(), StoreError> {
    for (number, (client, protocol)) in senders {
        tx.execute("INSERT OR REPLACE INTO senders VALUES (?,?,?)", params![number, client, protocol])?;
    }
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
