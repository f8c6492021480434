//! What users keep: searches, notes, statements.

use super::Manifest;
use crate::StoreError;
use rusqlite::{Transaction, params};

/// So many of a kind are kept; the oldest make room.
const MOST: i64 = 1_000;

/// Something that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// What it is called; unique among its kind.
    pub name: String,
    /// As it was given.
    pub value: String,
    /// When, nanoseconds.
    pub at: i64,
}

impl Manifest {
    /// What is kept of a kind, the newest first.
    pub fn saved(&self, kind: &str) -> Result<Vec<Saved>, StoreError> {
        let sql = "SELECT name, value, at FROM saved WHERE kind = ? ORDER BY at DESC, name";
        let mut statement = self.db.prepare_cached(sql)?;
        let rows = statement.query_map([kind], |r| Ok(Saved { name: r.get(0)?, value: r.get(1)?, at: r.get(2)? }))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Keeps something, in the place of what had its name.
    pub fn save(&mut self, kind: &str, one: &Saved) -> Result<(), StoreError> {
        self.change(|tx| add_saved(tx, kind, one))
    }

    /// Whether there was something of this name.
    pub fn forget(&self, kind: &str, name: &str) -> Result<bool, StoreError> {
        Ok(self.db.execute("DELETE FROM saved WHERE kind = ? AND name = ?", [kind, name])? > 0)
    }
}

pub(super) fn add_saved(tx: &Transaction<'_>, kind: &str, one: &Saved) -> Result<(), StoreError> {
    let row = params![kind, one.name, one.value, one.at];
    tx.execute("INSERT OR REPLACE INTO saved VALUES (?,?,?,?)", row)?;
    let sql = "DELETE FROM saved WHERE kind = ?1 AND name IN \
        (SELECT name FROM saved WHERE kind = ?1 ORDER BY at DESC, name LIMIT -1 OFFSET ?2)";
    tx.execute(sql, params![kind, MOST])?;
    Ok(())
}
