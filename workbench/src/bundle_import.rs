//! Bundles that come in: verified first, taken over all at once, with a note of where they are from.

use crate::bundle::failed;
use crate::errors;
use crate::import::check_project;
use crate::workbench::{Workbench, now};
use sextant_bundles::{Bag, Report, Ring, Trust, Verdict};
use sextant_contract::{AskError, Code, ImportedFile};
use sextant_model::{Batch, UnixNanos};
use sextant_store::{DUPLICATE, Origin, Saved};
use std::collections::BTreeMap;
use std::path::Path;

/// The kind of the notes that say which bundles were taken in.
pub(crate) const BUNDLES: &str = "bundle";

/// Whether bytes are meant as a bundle.
pub(crate) fn is_bundle(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// What is said of a bundle in a line.
fn said(report: &Report) -> String {
    let why = report.reason.as_ref().map_or_else(String::new, |r| format!(": {r}"));
    let by = report.fingerprint.as_ref().map_or_else(String::new, |f| format!(", signed by {f}"));
    format!("{}{why}{by}", report.verdict.name())
}

impl Workbench {
    /// Looks at a bundle with the keys that are trusted here. What can be read of it comes along.
    ///
    /// # Errors
    /// If there is nothing at that place.
    pub fn verified(&self, path: &Path) -> Result<(Report, Option<Bag>), AskError> {
        let trusted = Ring::of(self.data_dir()).trusted().map_err(|e| failed(&e))?;
        let trust = Trust { key: None, trusted, at: now() };
        sextant_bundles::verify(path, &trust, &|_, _| !self.store.is_stopped()).map_err(|e| failed(&e))
    }

    /// The bytes of a bundle.
    pub(crate) fn import_bundle_bytes(
        &self,
        name: &str,
        project: &str,
        bytes: &[u8],
    ) -> Result<ImportedFile, AskError> {
        let cannot = |e: std::io::Error| AskError::new(Code::Internal, format!("the bundle can't be put aside: {e}"));
        self.store.has_room().map_err(|e| errors::store(&e))?;
        let mut aside = tempfile::NamedTempFile::new_in(self.store.aside()).map_err(cannot)?;
        std::io::Write::write_all(&mut aside, bytes).map_err(cannot)?;
        self.import_bundle(name, project, aside.path())
    }

    /// Takes in a bundle, all of it or nothing; nothing of one that is INVALID.
    ///
    /// # Errors
    /// If it is INVALID, or can't be kept.
    pub fn import_bundle(&self, name: &str, project: &str, path: &Path) -> Result<ImportedFile, AskError> {
        check_project(project)?;
        let (report, bag) = self.verified(path)?;
        let Some(bag) = bag.filter(|_| report.verdict != Verdict::Invalid) else {
            let file = report.file.as_ref().map_or_else(String::new, |f| format!("{f}: "));
            let why =
                format!("it is INVALID, and nothing of it was taken in: {file}{}", report.reason.unwrap_or_default());
            return Err(AskError::new(Code::BadQuery, why).hint("ask for it again, or look at it with: sextant open"));
        };
        self.take_in(name, project, &report, &bag)
    }

    /// Takes over the rows of a bundle, whatever its verdict: for those who look at it without keeping it.
    ///
    /// # Errors
    /// If its rows can't be read or kept.
    pub fn take_in(&self, name: &str, project: &str, report: &Report, bag: &Bag) -> Result<ImportedFile, AskError> {
        let by = report.fingerprint.clone().unwrap_or_default();
        let at = now();
        let origin = Origin { project: project.into(), client: by, protocol: BUNDLES.into(), at };
        let mut whole = self.store.whole(origin).map_err(|e| errors::store(&e))?;
        let mut trouble = None;
        let read = bag.each_batch(&mut |table, rows| {
            let taken = whole.add(Batch { table, rows });
            taken.map_err(|e| {
                trouble = Some(errors::store(&e));
                sextant_bundles::BundleError::Refused(e.to_string())
            })
        });
        if let Some(trouble) = trouble {
            return Err(trouble);
        }
        read.map_err(|e| failed(&e))?;
        let hash = report.hash.clone().unwrap_or_default();
        let value = serde_json::json!({
            "bundle": hash, "verdict": report.verdict.name(), "signed_by": report.fingerprint, "name": name,
            "facts": report.facts, "custody": report.custody,
        });
        let short = hash.get(..12).unwrap_or_default();
        let note = Saved { name: format!("{} {short}", UnixNanos(at)), value: value.to_string(), at };
        let taken = whole.finish(Some((BUNDLES, note))).map_err(|e| errors::store(&e))?;
        let (n, known) = taken.values().fold((0, 0), |(n, known), t| (n + t.n, known + t.n_duplicates));
        let reasons: BTreeMap<String, u64> = (known > 0).then(|| (DUPLICATE.to_owned(), known)).into_iter().collect();
        Ok(ImportedFile {
            path: name.into(),
            format: Some(BUNDLES.into()),
            read: n,
            stored: n.saturating_sub(known),
            skipped: known,
            skipped_by_reason: reasons,
            note: Some(said(report)),
            ..ImportedFile::default()
        })
    }
}
