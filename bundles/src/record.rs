//! What was done here with bundles: verified, opened, stamped, handed over. A bundle can't hold what came after it was
//! sealed, so it is noted by its hash in the data directory of who looks.

use crate::BundleError;
use serde::{Deserialize, Serialize};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Its name in a data directory.
const FILE: &str = "bundle-record.jsonl";

/// One thing that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, RFC 3339.
    pub at: String,
    /// With the bundle of this hash.
    pub bundle: String,
    /// `verified`, `opened`, `stamped`, `noted`.
    pub what: String,
    /// In words.
    pub note: String,
}

/// The record of a data directory.
#[derive(Debug, Clone)]
pub struct Record {
    path: PathBuf,
}

impl Record {
    /// That of a data directory; none is made.
    pub fn of(data: &Path) -> Self {
        Self { path: data.join(FILE) }
    }

    /// Everything that was noted of a bundle, in its order. What is no entry is passed over.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of_bundle(&self, hash: &str) -> Result<Vec<Entry>, BundleError> {
        let file = match std::fs::File::open(&self.path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(BundleError::io(&self.path)(e)),
        };
        let mut all = Vec::new();
        for line in BufReader::new(file).split(b'\n') {
            let line = line.map_err(BundleError::io(&self.path))?;
            all.extend(serde_json::from_slice::<Entry>(&line).ok().filter(|e| e.bundle == hash));
        }
        Ok(all)
    }

    /// Notes something, unless the same was noted last on the same day.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn note(&self, entry: &Entry) -> Result<(), BundleError> {
        let day = |at: &str| at.get(..10).map(str::to_owned);
        let is_same =
            |last: &Entry| (&last.what, &last.note, day(&last.at)) == (&entry.what, &entry.note, day(&entry.at));
        if self.of_bundle(&entry.bundle)?.last().is_some_and(is_same) {
            return Ok(());
        }
        let mut line = serde_json::to_string(entry).unwrap_or_default();
        line.push('\n');
        let file = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(&self.path);
        // One line at once, so that those of two programs don't mix.
        file.and_then(|mut f| f.write_all(line.as_bytes())).map_err(BundleError::io(&self.path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_the_same_is_noted_once() {
        let home = tempfile::tempdir().expect("a directory");
        let record = Record::of(home.path());
        let entry = |at: &str, bundle: &str, note: &str| Entry {
            at: at.into(),
            bundle: bundle.into(),
            what: "verified".into(),
            note: note.into(),
        };
        assert!(record.of_bundle("a").expect("nothing").is_empty());
        for (at, bundle, note) in [
            ("2026-11-22T10:00:00Z", "a", "VALID"),
            ("2026-11-22T11:00:00Z", "b", "VALID"),
            ("2026-11-22T12:00:00Z", "a", "VALID"),
            ("2026-11-23T12:00:00Z", "a", "VALID"),
            ("2026-11-23T13:00:00Z", "a", "EXPIRED"),
        ] {
            record.note(&entry(at, bundle, note)).expect("it is noted");
        }
        std::fs::OpenOptions::new()
            .append(true)
            .open(home.path().join(FILE))
            .and_then(|mut f| f.write_all(b"no entry\n\xff\n"))
            .expect("it is written");
        let times: Vec<String> = record.of_bundle("a").expect("entries").into_iter().map(|e| e.at).collect();
        assert_eq!(times, ["2026-11-22T10:00:00Z", "2026-11-23T12:00:00Z", "2026-11-23T13:00:00Z"]);
    }
}
