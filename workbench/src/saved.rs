//! What users keep: searches, notes, statements.

use crate::bundle_import::BUNDLES;
use crate::errors;
use crate::pull::PULLS;
use crate::workbench::{Workbench, now};
use serde_json::json;
use sextant_contract::{Answer, AskError, Code, Outcome};
use sextant_store::Saved;

/// What there is to keep.
const KINDS: [&str; 7] = ["search", "recent", "sql", "note", "report", "scenario", "prices"];
/// Longer ones are refused.
const MAX_BYTES: usize = 100_000;

fn known(kind: &str) -> Result<&str, AskError> {
    if KINDS.contains(&kind) {
        return Ok(kind);
    }
    Err(AskError::new(Code::BadQuery, format!("nothing called '{kind}' is kept"))
        .hint("search, recent, sql, note, report, scenario or prices"))
}

impl Workbench {
    pub(crate) fn saved(&self, kind: &str) -> Result<Answer, AskError> {
        let kind = if kind == PULLS || kind == BUNDLES { kind } else { known(kind)? };
        let all = self.store.saved(kind).map_err(|e| errors::store(&e))?;
        let items: Vec<_> = all.iter().map(|s| json!({ "name": s.name, "value": s.value, "at": s.at })).collect();
        Ok(Answer::object(json!({ "items": items }), self.store.snapshot().generation))
    }

    pub(crate) fn save(&self, kind: &str, name: &str, value: String) -> Result<Outcome, AskError> {
        let name = name.trim();
        if name.is_empty() || name.len() + value.len() > MAX_BYTES {
            let what = format!("a name is needed, and no more than {MAX_BYTES} bytes are kept");
            return Err(AskError::new(Code::BadQuery, what));
        }
        let one = Saved { name: name.to_owned(), value, at: now() };
        self.store.save(known(kind)?, &one).map_err(|e| errors::store(&e))?;
        Ok(Outcome::Done)
    }

    pub(crate) fn forget(&self, kind: &str, name: &str) -> Result<Outcome, AskError> {
        if self.store.forget(known(kind)?, name).map_err(|e| errors::store(&e))? {
            return Ok(Outcome::Done);
        }
        Err(AskError::new(Code::NotFound, format!("there is no {kind} called '{name}'")))
    }
}
