//! Policies, what they took away, and what they must not touch.

use super::Manifest;
use crate::StoreError;
use rusqlite::{Transaction, params};
use sextant_model::{Signal, TraceId};
use std::path::PathBuf;

/// How long and how much of a signal is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Of which project; empty for all that have none of their own.
    pub project: String,
    /// Of which signal.
    pub signal: Signal,
    /// Nanoseconds that records are kept.
    pub keep: Option<i64>,
    /// Bytes of segments that are kept; the oldest go first.
    pub max_bytes: Option<u64>,
    /// Nanoseconds after which segments are compressed harder.
    pub warm_after: Option<i64>,
    /// Nanoseconds after which segments go to another directory.
    pub cold_after: Option<i64>,
    /// That directory.
    pub cold_dir: Option<PathBuf>,
    /// When it was set.
    pub set_at: i64,
}

/// What no policy takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Its number.
    pub id: i64,
    /// What it says.
    pub note: PinNote,
    /// When it was made.
    pub made_at: i64,
}

/// What is pinned.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PinNote {
    /// In which project.
    pub project: String,
    /// Of one signal only.
    pub signal: Option<Signal>,
    /// Records of this trace.
    pub trace: Option<TraceId>,
    /// Records from here on.
    pub from: Option<i64>,
    /// Records before this.
    pub to: Option<i64>,
    /// Why.
    pub text: String,
}

/// Records of a day that a policy took away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone {
    /// Of which project.
    pub project: String,
    /// Of which signal.
    pub signal: Signal,
    /// The day of the records.
    pub day: String,
    /// `age` or `bytes`.
    pub policy: String,
    /// How many.
    pub n: u64,
    /// The earliest and latest of them, both inclusive.
    pub times: (i64, i64),
}

impl Manifest {
    pub fn policies(&self) -> Result<Vec<Policy>, StoreError> {
        let mut statement = self.db.prepare(
            "SELECT project, signal, keep, max_bytes, warm_after, cold_after, cold_dir, set_at FROM retention
             ORDER BY project, signal",
        )?;
        let rows = statement.query_map([], |r| {
            Ok(Signal::from_name(&r.get::<_, String>(1)?).map(|signal| Policy {
                project: r.get(0).unwrap_or_default(),
                signal,
                keep: r.get(2).unwrap_or_default(),
                max_bytes: r.get::<_, Option<i64>>(3).unwrap_or_default().map(|n| n as u64),
                warm_after: r.get(4).unwrap_or_default(),
                cold_after: r.get(5).unwrap_or_default(),
                cold_dir: r.get::<_, Option<String>>(6).unwrap_or_default().map(PathBuf::from),
                set_at: r.get(7).unwrap_or_default(),
            }))
        })?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }

    /// Which version of policies and pins there is.
    pub fn rules(&self) -> u64 {
        self.rules
    }

    pub fn set_policy(&mut self, p: &Policy) -> Result<(), StoreError> {
        self.rules += 1;
        let cold_dir = p.cold_dir.as_ref().map(|d| d.to_string_lossy().into_owned());
        self.db.execute(
            "INSERT OR REPLACE INTO retention VALUES (?,?,?,?,?,?,?,?)",
            params![
                p.project,
                p.signal.name(),
                p.keep,
                p.max_bytes.map(|n| n as i64),
                p.warm_after,
                p.cold_after,
                cold_dir,
                p.set_at
            ],
        )?;
        Ok(())
    }

    pub fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        let mut statement = self
            .db
            .prepare("SELECT id, project, signal, trace, first_time, end_time, note, made_at FROM pins ORDER BY id")?;
        let rows = statement.query_map([], |r| {
            let (signal, trace): (Option<String>, Option<String>) = (r.get(2)?, r.get(3)?);
            let note = PinNote {
                project: r.get(1)?,
                signal: signal.and_then(|s| Signal::from_name(&s)),
                trace: trace.and_then(|t| t.parse().ok()),
                from: r.get(4)?,
                to: r.get(5)?,
                text: r.get(6)?,
            };
            Ok(Pin { id: r.get(0)?, note, made_at: r.get(7)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub fn pin(&mut self, note: &PinNote, made_at: i64) -> Result<i64, StoreError> {
        self.rules += 1;
        let sql = "INSERT INTO pins (project, signal, trace, first_time, end_time, note, made_at)
            VALUES (?,?,?,?,?,?,?) RETURNING id";
        let (signal, trace) = (note.signal.map(Signal::name), note.trace.map(|t| t.to_string()));
        let values = params![note.project, signal, trace, note.from, note.to, note.text, made_at];
        Ok(self.db.query_row(sql, values, |r| r.get(0))?)
    }

    /// Whether there was such a pin.
    pub fn unpin(&mut self, id: i64) -> Result<bool, StoreError> {
        self.rules += 1;
        Ok(self.db.execute("DELETE FROM pins WHERE id = ?", [id])? > 0)
    }

    /// What policies took away, the oldest first.
    pub fn zones(&self) -> Result<Vec<Zone>, StoreError> {
        let mut statement = self.db.prepare(
            "SELECT project, signal, day, policy, n, first_time, last_time FROM evicted ORDER BY first_time",
        )?;
        let rows = statement.query_map([], |r| {
            Ok(Signal::from_name(&r.get::<_, String>(1)?).map(|signal| Zone {
                project: r.get(0).unwrap_or_default(),
                signal,
                day: r.get(2).unwrap_or_default(),
                policy: r.get(3).unwrap_or_default(),
                n: r.get::<_, i64>(4).unwrap_or_default() as u64,
                times: (r.get(5).unwrap_or_default(), r.get(6).unwrap_or_default()),
            }))
        })?;
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
    }
}

pub(super) fn add_zone(tx: &Transaction<'_>, z: &Zone) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO evicted VALUES (?,?,?,?,?,?,?) ON CONFLICT (project, signal, day, policy) DO UPDATE SET
            n = n + excluded.n, first_time = min(first_time, excluded.first_time),
            last_time = max(last_time, excluded.last_time)",
        params![z.project, z.signal.name(), z.day, z.policy, z.n as i64, z.times.0, z.times.1],
    )?;
    Ok(())
}
