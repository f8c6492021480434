//! The rows of segments.

use super::saved::{Saved, add_saved};
use super::{Manifest, add_row, add_senders};
use crate::StoreError;
use crate::bucket::Bucket;
use crate::ledger::Ledger;
use crate::rollup::Rollup;
use crate::senders::Sender;
use crate::snapshot::{Segment, Tier};
use crate::state::lock;
use rusqlite::{OptionalExtension as _, Row, Transaction, params};
use sextant_columns::FileColumns;
use sextant_model::{Table, schema};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use xxhash_rust::xxh3::xxh3_64;

use super::policies::{Zone, add_zone};

/// Segments in the place of others, in one change.
#[derive(Default)]
pub(crate) struct Replacement<'a> {
    /// What goes.
    pub gone: &'a [Arc<Segment>],
    /// What comes.
    pub made: &'a [Segment],
    /// What that counts: rows that a policy took away, rows that were taken in.
    pub counts: Ledger,
    /// When that was.
    pub zones: &'a [Zone],
    /// If it follows from policies and pins: which version of them.
    pub rules: Option<u64>,
    /// Senders that rows of it are from.
    pub senders: &'a [(u16, Sender)],
    /// What is to be kept with it, each of a kind.
    pub notes: &'a [(&'a str, Saved)],
}

/// The path as the manifest has it: below the data directory without it.
fn relative(path: &Path, root: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}

impl Manifest {
    /// All segments, the oldest first.
    pub fn segments(&self, root: &Path) -> Result<Vec<Segment>, StoreError> {
        let mut statement = self.db.prepare("SELECT * FROM segments ORDER BY first_time, id")?;
        let rows = statement.query_map([], |r| segment(r, root))?;
        let found: Vec<Option<Segment>> = rows.collect::<Result<_, _>>()?;
        if let n @ 1.. = found.iter().filter(|s| s.is_none()).count() {
            tracing::error!("{n} lines of the manifest make no sense; run: sextant doctor --rebuild");
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// What a segment comes to, as JSON, if that is known.
    pub fn summary(&self, id: &str) -> Result<Option<String>, StoreError> {
        let mut statement = self.db.prepare_cached("SELECT summary FROM summaries WHERE segment = ?")?;
        Ok(statement.query_row([id], |r| r.get(0)).optional()?)
    }

    /// How many rows a segment has in each minute, as it was put in, if that is known.
    pub fn rollup(&self, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.db.prepare_cached("SELECT rollup FROM rollups WHERE segment = ?")?;
        Ok(statement.query_row([id], |r| r.get(0)).optional()?)
    }

    /// The names of all segments that make sense.
    pub fn segment_ids(&self, root: &Path) -> Result<Vec<String>, StoreError> {
        Ok(self.segments(root)?.iter().map(|s| s.id.clone()).collect())
    }

    /// Puts segments in the place of others, in one transaction with what that counts.
    pub fn replace(&mut self, change: &Replacement<'_>, root: &Path) -> Result<(), StoreError> {
        if change.rules.is_some_and(|rules| rules != self.rules) {
            return Err(StoreError::RulesChanged);
        }
        self.change(|tx| {
            for s in change.gone {
                tx.execute("DELETE FROM segments WHERE id = ?", [&s.id])?;
                tx.execute("DELETE FROM summaries WHERE segment = ?", [&s.id])?;
                tx.execute("DELETE FROM rollups WHERE segment = ?", [&s.id])?;
                tx.execute("INSERT OR REPLACE INTO doomed VALUES (?)", [relative(&s.path, root)])?;
            }
            for s in change.made {
                insert(tx, s, root)?;
            }
            for (key, row) in &change.counts.0 {
                add_row(tx, key, row)?;
            }
            add_senders(tx, change.senders)?;
            for (kind, note) in change.notes {
                add_saved(tx, kind, note)?;
            }
            change.zones.iter().try_for_each(|zone| add_zone(tx, zone))
        })
    }

    /// Whether there are segments.
    pub fn has_records(&self, root: &Path) -> Result<bool, StoreError> {
        Ok(!self.segments(root)?.is_empty())
    }

    /// Sets where segments lie and when they were written; none is cold any more.
    pub fn set_places(&mut self, places: &[(String, String, i64)]) -> Result<(), StoreError> {
        self.change(|tx| {
            for (id, path, modified) in places {
                tx.execute("UPDATE segments SET path = ?, modified = ? WHERE id = ?", params![path, modified, id])?;
            }
            tx.execute("UPDATE segments SET tier = 'warm' WHERE tier = 'cold'", [])?;
            tx.execute("DELETE FROM doomed", [])?;
            Ok(())
        })?;
        // One file, without the log beside it.
        self.db.pragma_update(None, "journal_mode", "DELETE")?;
        Ok(())
    }

    /// Files that nothing names any more.
    pub fn doomed(&self, root: &Path) -> Result<Vec<PathBuf>, StoreError> {
        let mut statement = self.db.prepare("SELECT path FROM doomed")?;
        let rows = statement.query_map([], |r| Ok(root.join(r.get::<_, String>(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// These files are gone.
    pub fn buried(&mut self, paths: &[PathBuf], root: &Path) -> Result<(), StoreError> {
        self.change(|tx| {
            for path in paths {
                tx.execute("DELETE FROM doomed WHERE path = ?", [relative(path, root)])?;
            }
            Ok(())
        })
    }
}

fn segment(r: &Row<'_>, root: &Path) -> rusqlite::Result<Option<Segment>> {
    let text = |name: &str| r.get::<_, String>(name);
    let number = |name: &str| r.get::<_, i64>(name);
    let services: Option<String> = r.get("services")?;
    let table = Table::from_name(&text("table_name")?);
    let (bucket, tier) = (Bucket::parse(&text("bucket")?), Tier::parse(&text("tier")?));
    let (Some(table), Some(bucket), Some(tier)) = (table, bucket, tier) else { return Ok(None) };
    let received: (Option<i64>, Option<i64>) = (r.get("first_received")?, r.get("last_received")?);
    Ok(Some(Segment {
        id: text("id")?,
        project: text("project")?,
        table,
        bucket,
        tier,
        path: root.join(text("path")?),
        n_rows: number("n_rows")? as u64,
        n_bytes: number("n_bytes")? as u64,
        times: (number("first_time")?, number("last_time")?),
        services: services.and_then(|s| serde_json::from_str(&s).ok()),
        checksum: number("checksum")? as u64,
        epoch: number("epoch")? as u64,
        modified: r.get("modified")?,
        received: received.0.zip(received.1),
        n_taken_in: r.get::<_, Option<i64>>("n_taken_in")?.map(|n| n as u64),
        columns: columns(table, r.get("columns")?),
        keys: OnceLock::new(),
        summary: Mutex::default(),
        index: Mutex::default(),
        state: Mutex::default(),
        doom: OnceLock::new(),
    }))
}

pub(super) fn insert(tx: &Transaction<'_>, s: &Segment, root: &Path) -> Result<(), StoreError> {
    let services = s.services.as_ref().map(|names| serde_json::json!(names).to_string());
    let mut statement = tx.prepare_cached(
        "INSERT INTO segments (id, project, table_name, bucket, path, n_rows, n_bytes, first_time, last_time, services,
            checksum, epoch, tier, modified, first_received, last_received, n_taken_in, columns)
         VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    )?;
    statement.execute(params![
        s.id,
        s.project,
        s.table.name(),
        s.bucket.name(),
        relative(&s.path, root),
        s.n_rows as i64,
        s.n_bytes as i64,
        s.times.0,
        s.times.1,
        services,
        s.checksum as i64,
        s.epoch as i64,
        s.tier.name(),
        s.modified,
        s.received.map(|r| r.0),
        s.received.map(|r| r.1),
        s.n_taken_in.map(|n| n as i64),
        s.columns.get().map(|c| to_json(s.table, c)),
    ])?;
    if let Some(summary) = lock(&s.summary).as_ref() {
        let mut statement = tx.prepare_cached("INSERT INTO summaries VALUES (?,?)")?;
        statement.execute(params![s.id, summary.to_json()?])?;
        if let Some(bytes) = summary.rollup.as_ref().and_then(Rollup::to_bytes) {
            let mut statement = tx.prepare_cached("INSERT INTO rollups VALUES (?,?)")?;
            statement.execute(params![s.id, bytes])?;
        }
    }
    Ok(())
}

/// A number that changes whenever the columns of a table change.
fn schema_number(table: Table) -> u64 {
    let mut text = String::new();
    for field in schema::stored(table).fields() {
        // Writing to a String can't fail.
        write!(text, "{} {} {};", field.name(), field.data_type(), field.is_nullable()).ok();
    }
    xxh3_64(text.as_bytes())
}

fn to_json(table: Table, columns: &FileColumns) -> String {
    let schema = format!("{:016x}", schema_number(table));
    serde_json::json!({ "schema": schema, "lacks": columns.lacks, "promoted": columns.promoted }).to_string()
}

/// What was noted of a file's columns, if that was in today's schema; else the file is looked at when it is needed.
fn columns(table: Table, json: Option<String>) -> OnceLock<FileColumns> {
    let noted = json.and_then(|json| serde_json::from_str::<serde_json::Value>(&json).ok());
    let known = noted.filter(|c| c["schema"] == format!("{:016x}", schema_number(table))).map(|c| {
        let list = |name: &str| serde_json::from_value(c[name].clone()).unwrap_or_default();
        FileColumns { lacks: list("lacks"), promoted: list("promoted") }
    });
    known.map_or_else(OnceLock::new, OnceLock::from)
}
