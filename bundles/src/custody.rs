//! What happened to the rows until they were sealed. Each entry holds the hash of the one before, so that none can be
//! taken out or put between.

use crate::BundleError;
use serde::{Deserialize, Serialize};
use sextant_model::ids::hex;
use sha2::{Digest as _, Sha256};

/// Its name in a bundle.
pub(crate) const CUSTODY: &str = "custody.jsonl";
/// More entries are no custody of ours.
const MAX_ENTRIES: usize = 100_000;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Custody {
    /// When, RFC 3339.
    pub at: String,
    /// `captured`, `pulled`, `imported`, `redacted`, `made`, …
    pub what: String,
    /// In words.
    pub note: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    n: u64,
    at: String,
    what: String,
    note: String,
    before: String,
}

/// As a file.
pub(crate) fn write(entries: &[Custody]) -> String {
    let mut before = [0_u8; 32];
    let mut text = String::new();
    for (i, e) in entries.iter().enumerate() {
        let line = Line {
            n: i as u64 + 1,
            at: e.at.clone(),
            what: e.what.clone(),
            note: e.note.clone(),
            before: hex(&before),
        };
        let line = serde_json::to_string(&line).unwrap_or_default();
        before = Sha256::digest(&line).into();
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// From a file; a broken chain is told.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Custody>, BundleError> {
    let bad = |why: String| BundleError::bad(CUSTODY, why);
    let text = std::str::from_utf8(bytes).map_err(|_why| bad("it is no text".into()))?;
    let mut before = [0_u8; 32];
    let mut all = Vec::new();
    for (i, line) in text.split_terminator('\n').enumerate() {
        if i >= MAX_ENTRIES {
            return Err(bad("it has too many entries".into()));
        }
        let entry: Line = serde_json::from_str(line).map_err(|e| bad(format!("entry {}: {e}", i + 1)))?;
        if entry.n != i as u64 + 1 || entry.before != hex(&before) {
            return Err(bad(format!("entry {} does not follow the one before: the chain is broken", i + 1)));
        }
        before = Sha256::digest(line).into();
        all.push(Custody { at: entry.at, what: entry.what, note: entry.note });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_shows_what_was_taken_out() {
        let entry = |what: &str| Custody {
            at: "2026-11-20T12:00:00Z".into(),
            what: what.into(),
            note: "a \"note\"\nof two lines".into(),
        };
        let all = [entry("captured"), entry("redacted"), entry("made")];
        let text = write(&all);
        assert_eq!(read(text.as_bytes()).expect("it is whole"), all);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3);
        for (bad, what) in [
            (lines[1..].join("\n"), "the first is gone"),
            ([lines[0], lines[2]].join("\n"), "the middle is gone"),
            ([lines[1], lines[0], lines[2]].join("\n"), "out of order"),
            (text.replacen("captured", "received", 1), "altered"),
            ("{".to_owned(), "no entry"),
        ] {
            assert!(read(bad.as_bytes()).is_err(), "{what}");
        }
        assert!(read(&[0xff]).is_err());
        assert!(read(b"").expect("nothing").is_empty());
    }
}
