//! The tables of `segments.db`, version by version.

use crate::StoreError;
use rusqlite::Connection;

/// What brings a database from each version to the next; a new one goes through all of them. What is here never
/// changes again.
const STEPS: [&str; 7] = [
    "
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
CREATE TABLE segments (
    id TEXT PRIMARY KEY, project TEXT NOT NULL, table_name TEXT NOT NULL, bucket TEXT NOT NULL, path TEXT NOT NULL,
    n_rows INTEGER NOT NULL, n_bytes INTEGER NOT NULL, first_time INTEGER NOT NULL, last_time INTEGER NOT NULL,
    services TEXT, checksum INTEGER NOT NULL, epoch INTEGER NOT NULL
) STRICT;
CREATE TABLE services (place INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE epochs (epoch INTEGER PRIMARY KEY) STRICT;
CREATE TABLE ledger (
    project TEXT NOT NULL, signal TEXT NOT NULL, client TEXT NOT NULL, protocol TEXT NOT NULL, day TEXT NOT NULL,
    what TEXT NOT NULL, n INTEGER NOT NULL, PRIMARY KEY (project, signal, client, protocol, day, what)
) STRICT;
",
    "
-- Who sent a row is a number in its IngestId.
CREATE TABLE senders (number INTEGER PRIMARY KEY, client TEXT NOT NULL, protocol TEXT NOT NULL) STRICT;
-- The requests of the last hour, an epoch a row.
CREATE TABLE requests (epoch INTEGER PRIMARY KEY, at INTEGER NOT NULL, records BLOB NOT NULL, rests TEXT NOT NULL) STRICT;
-- 'hot' as sealed, 'merged', 'warm' recompressed, 'cold' in another directory.
ALTER TABLE segments ADD COLUMN tier TEXT NOT NULL DEFAULT 'hot';
-- When the file was last written: one that was not touched since need not be read to be trusted.
ALTER TABLE segments ADD COLUMN modified INTEGER;
-- When its rows came, and how many of them were taken in from elsewhere; NULL is not known.
ALTER TABLE segments ADD COLUMN first_received INTEGER;
ALTER TABLE segments ADD COLUMN last_received INTEGER;
ALTER TABLE segments ADD COLUMN n_taken_in INTEGER;
-- Files that are in no segment any more; they go when nobody reads them.
CREATE TABLE doomed (path TEXT PRIMARY KEY) STRICT;
-- Policies; NULL is no limit.
CREATE TABLE retention (
    project TEXT NOT NULL, signal TEXT NOT NULL, keep INTEGER, max_bytes INTEGER, warm_after INTEGER,
    cold_after INTEGER, cold_dir TEXT, set_at INTEGER NOT NULL, PRIMARY KEY (project, signal)
) STRICT;
-- What no policy takes away: a trace, or a period of a signal.
CREATE TABLE pins (
    id INTEGER PRIMARY KEY, project TEXT NOT NULL, signal TEXT, trace TEXT, first_time INTEGER, end_time INTEGER,
    note TEXT NOT NULL, made_at INTEGER NOT NULL
) STRICT;
-- What a policy took away, by day of the records: drawn on time axes.
CREATE TABLE evicted (
    project TEXT NOT NULL, signal TEXT NOT NULL, day TEXT NOT NULL, policy TEXT NOT NULL, n INTEGER NOT NULL,
    first_time INTEGER NOT NULL, last_time INTEGER NOT NULL, PRIMARY KEY (project, signal, day, policy)
) STRICT;
",
    "
-- Which columns the file has: JSON of the schema's hash, what is lacking, and what is promoted; NULL is not known.
ALTER TABLE segments ADD COLUMN columns TEXT;
-- How often questions were about an attribute.
CREATE TABLE asked (key TEXT PRIMARY KEY, n INTEGER NOT NULL) STRICT;
",
    "
-- What a segment comes to by service, as JSON.
CREATE TABLE IF NOT EXISTS summaries (segment TEXT PRIMARY KEY, summary TEXT NOT NULL) STRICT;
",
    "
-- How many rows a segment has in each minute: JSON, zstd.
CREATE TABLE rollups (segment TEXT PRIMARY KEY, rollup BLOB NOT NULL) STRICT;
",
    "
-- Fields and their values, for completing: JSON, zstd.
CREATE TABLE dictionary (project TEXT NOT NULL, signal TEXT NOT NULL, fields BLOB NOT NULL, PRIMARY KEY (project, signal))
STRICT;
",
    "
-- What users keep: searches, notes, statements.
CREATE TABLE saved (kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (kind, name))
STRICT;
",
];

/// The version that this program writes.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// Brings the database to [`VERSION`]; each step is one transaction.
pub(super) fn bring_up(db: &mut Connection) -> Result<(), StoreError> {
    let found: i64 = db.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let steps = usize::try_from(found).ok().and_then(|done| STEPS.get(done..));
    let Some(steps) = steps else { return Err(StoreError::Newer { found, known: VERSION }) };
    for (i, step) in steps.iter().enumerate() {
        let tx = db.transaction()?;
        tx.execute_batch(step)?;
        tx.pragma_update(None, "user_version", found + i as i64 + 1)?;
        tx.commit()?;
    }
    Ok(())
}
