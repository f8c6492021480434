//! Checking, mending and copying the store.

use crate::errors;
use crate::workbench::Workbench;
use serde_json::{Value, json};
use sextant_contract::{Answer, AskError, Outcome};
use sextant_store::{BackedUp, Finding, Kind, StoreError};
use std::io::Write;

fn row(finding: &Finding) -> Value {
    let kind = match finding.kind {
        Kind::Damage => "damage",
        Kind::Unavailable => "unavailable",
        Kind::Note => "note",
    };
    json!({ "kind": kind, "path": finding.path, "what": finding.what })
}

impl Workbench {
    pub(crate) fn doctor(&self) -> Result<Answer, AskError> {
        let findings = self.store.examine().map_err(|e| errors::store(&e))?;
        let is_sound = findings.iter().all(|f| f.kind == Kind::Note);
        let rows: Vec<Value> = findings.iter().map(row).collect();
        let generation = self.store.snapshot().generation;
        Ok(Answer::object(json!({ "sound": is_sound, "findings": rows }), generation))
    }

    pub(crate) fn repair(&self) -> Result<Outcome, AskError> {
        let done = self.store.repair().map_err(|e| errors::store(&e))?;
        let rows: Vec<Value> = done.iter().map(row).collect();
        Ok(Outcome::Object { object: json!({ "findings": rows }) })
    }

    /// Writes everything to one file, as the store was at one moment.
    ///
    /// # Errors
    /// If something is damaged or away, or the file can't be written.
    pub fn backup(&self, out: impl Write) -> Result<BackedUp, StoreError> {
        self.store.backup(out)
    }
}
