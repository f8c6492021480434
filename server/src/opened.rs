//! Files looked at without keeping anything: a store of their own that goes when one has looked.

use crate::{Host, HostArgs, ServerError};
use sextant_bundles::{Bag, Entry, Record, Report, Stamp, Trust};
use sextant_contract::{Answer, Ask, AskError, Backend as _, Code, Command, ImportedFile, Outcome, Period};
use sextant_contract::{SearchAsk, SearchKind};
use sextant_model::UnixNanos;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Files that are open. Call [`Opened::close`] when done, or they stay in the folder for temporary files.
pub struct Opened {
    /// What answers.
    pub host: Host,
    /// What came of each file.
    pub files: Vec<ImportedFile>,
    /// Where to begin: the trace, if there is one alone.
    pub address: String,
    /// What is to be said of a bundle.
    pub report: Option<Report>,
    dir: TempDir,
}

fn unreadable(path: &Path, e: &dyn std::fmt::Display) -> AskError {
    AskError::new(Code::BadQuery, format!("{} can't be read: {e}", path.display()))
}

/// The files that are meant by a file or a folder.
fn walk(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), AskError> {
    if !path.is_dir() || Bag::is_one(path) {
        found.push(path.to_owned());
        return Ok(());
    }
    let entries = std::fs::read_dir(path).map_err(|e| unreadable(path, &e))?;
    let mut entries: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
    entries.sort();
    // A link to a folder may lead back here.
    entries.iter().filter(|p| !(p.is_symlink() && p.is_dir())).try_for_each(|p| walk(p, found))
}

impl Opened {
    /// Reads the files into a store of their own. Nothing is received. Bundles by keys that are trusted in the data
    /// directory of who looks are VALID; what was done with them is noted there.
    ///
    /// # Errors
    /// If a file can't be read, or nothing in them is telemetry.
    pub async fn files(paths: &[PathBuf], data: Option<&PathBuf>) -> Result<Self, ServerError> {
        let mut found = Vec::new();
        for path in paths {
            walk(path, &mut found)?;
        }
        // New for certain, and gone with this.
        let made = tempfile::Builder::new().prefix("sextant-open-").tempdir();
        let dir = made.map_err(|e| unreadable(&std::env::temp_dir(), &e))?;
        let host = Host::open(dir.path().to_owned(), HostArgs::quiet(), true).await?;
        let mut opened = Self { host, files: Vec::new(), address: String::new(), report: None, dir };
        let bundles: Vec<PathBuf> = found.iter().filter(|p| Bag::is_one(p)).cloned().collect();
        let taken = match &bundles[..] {
            [] => opened.take_in(&found, paths).await,
            [one] if found.len() == 1 => opened.take_in_bundle(one, data).await,
            _ => Err(AskError::new(Code::BadQuery, "a bundle is looked at alone")
                .hint("open each by itself; compare two with: sextant bundle diff")),
        };
        if let Err(e) = taken {
            opened.close().await;
            return Err(e.into());
        }
        Ok(opened)
    }

    /// Looks at a bundle; of one that is INVALID, what can be read is shown all the same, and marked.
    async fn take_in_bundle(&mut self, path: &Path, data: Option<&PathBuf>) -> Result<(), AskError> {
        let (workbench, place) = (self.host.workbench.clone(), path.to_owned());
        let trusted = trusted_keys(data);
        let work =
            tokio::task::spawn_blocking(move || -> Result<(Report, Result<ImportedFile, AskError>), AskError> {
                let trust = Trust { key: None, trusted, at: sextant_workbench::now() };
                let looked = sextant_bundles::verify(&place, &trust, &|_, _| true);
                let (report, bag) = looked.map_err(|e| unreadable(&place, &e))?;
                let reason = report.reason.clone().unwrap_or_default();
                let nothing = || AskError::new(Code::BadQuery, format!("{} is INVALID: {reason}", place.display()));
                let taken = match &bag {
                    None => Err(nothing()),
                    Some(bag) => workbench.take_in(&place.display().to_string(), "default", &report, bag),
                };
                Ok((report, taken))
            });
        let interrupted = |_| AskError::new(Code::Internal, "it was interrupted");
        let (report, taken) = work.await.map_err(interrupted)??;
        self.files.push(taken?);
        let mut said = report.json();
        said["path"] = path.display().to_string().into();
        said["since"] = since(data, path, &report, "opened").into();
        self.host.workbench.set_opened(said);
        self.report = Some(report);
        self.address = self.page().await?;
        Ok(())
    }

    async fn take_in(&mut self, found: &[PathBuf], named: &[PathBuf]) -> Result<(), AskError> {
        for path in found {
            let name = path.display().to_string();
            let is_named = named.contains(path);
            // In a folder, pipes, broken links and what may not be read are passed over.
            let read = match tokio::fs::metadata(path).await {
                Ok(about) if about.is_file() => tokio::fs::read(path).await,
                Ok(_) => Err(std::io::Error::other("it is no file")),
                Err(e) => Err(e),
            };
            let bytes = match read {
                Ok(bytes) => bytes,
                Err(e) if is_named => return Err(unreadable(path, &e)),
                Err(e) => {
                    let problems = vec![format!("it can't be read: {e}")];
                    self.files.push(ImportedFile { path: name, problems, ..ImportedFile::default() });
                    continue;
                }
            };
            let import = Command::Import { name: name.clone(), format: None, project: None };
            match self.host.workbench.act(import, bytes).await {
                Ok(Outcome::Imported(file)) => self.files.push(file),
                Ok(_) => {}
                // In a folder, what is no telemetry is passed over.
                Err(e) if e.code == Code::BadQuery && !is_named => {
                    self.files.push(ImportedFile { path: name, problems: vec![e.message], ..ImportedFile::default() });
                }
                Err(e) => return Err(AskError { message: format!("{name}: {}", e.message), ..e }),
            }
        }
        if self.files.iter().all(|f| f.stored == 0) {
            // What was nearly telemetry says more than what is none.
            let of_file = |f: &ImportedFile| f.problems.first().map(|p| format!(": {}: {p}", f.path));
            let nearly = self.files.iter().filter(|f| f.format.is_some()).find_map(of_file);
            let why = nearly.or_else(|| self.files.iter().find_map(of_file)).unwrap_or_default();
            let names: Vec<String> = named.iter().take(3).map(|p| p.display().to_string()).collect();
            let more = named.len().saturating_sub(names.len());
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let names = format!("{}{more}", names.join(", "));
            return Err(AskError::new(Code::BadQuery, format!("there is no telemetry in {names}{why}")));
        }
        let names: Vec<String> = named.iter().map(|p| p.display().to_string()).collect();
        self.host.workbench.set_opened(serde_json::json!({ "verdict": "UNSIGNED", "path": names.join(", ") }));
        self.address = self.begin().await?;
        Ok(())
    }

    /// The page of a bundle, with the time of all that is in it.
    async fn page(&self) -> Result<String, AskError> {
        let mut all: Option<(i64, i64)> = None;
        for kind in [SearchKind::Spans, SearchKind::Logs, SearchKind::Metrics] {
            if let Some((from, to)) = bounds(&self.host.workbench.ask(Ask::Extent { kind }).await?) {
                all = Some(all.map_or((from, to), |(a, b)| (a.min(from), b.max(to))));
            }
        }
        let period = all.map_or_else(String::new, |(from, to)| format!("&from={from}&to={}", to.saturating_add(1)));
        Ok(format!("#/bundle?q={period}"))
    }

    /// Where to begin: the screen of what there is, with its time.
    async fn begin(&self) -> Result<String, AskError> {
        let kinds = [(SearchKind::Spans, "traces"), (SearchKind::Logs, "logs"), (SearchKind::Metrics, "metrics")];
        for (kind, screen) in kinds {
            let Some((from, to)) = bounds(&self.host.workbench.ask(Ask::Extent { kind }).await?) else { continue };
            let address = format!("#/{screen}?q=&from={from}&to={}", to.saturating_add(1));
            if kind != SearchKind::Spans {
                return Ok(address);
            }
            let period = Period::default();
            let query = String::new();
            let two = SearchAsk { kind: SearchKind::Traces, query, period, limit: 2, explain: false };
            let traces = self.host.workbench.ask(Ask::Search(two)).await?;
            let rows: serde_json::Value =
                serde_json::from_str(&sextant_contract::rows_to_json(&traces.batches)).unwrap_or_default();
            return Ok(match (traces.n_rows(), rows[0]["TraceId"].as_str()) {
                (1, Some(id)) => format!("#/trace?q=&from={from}&to={}&trace={id}&span=", to.saturating_add(1)),
                _ => address,
            });
        }
        Ok("#/".into())
    }

    /// The address for a browser.
    pub fn url(&self) -> String {
        format!("{}{}", self.host.serving.url, self.address)
    }

    /// Stops answering, and leaves nothing behind.
    pub async fn close(self) {
        self.host.close().await;
        if let Err(e) = self.dir.close() {
            tracing::warn!("what was opened could not be taken away: {e}");
        }
    }
}

/// Whether something is meant as a bundle, which is looked at and not taken in unless somebody says so.
#[must_use]
pub fn is_bundle(path: &Path) -> bool {
    Bag::is_one(path)
}

/// The fingerprints that are trusted in the data directory of who looks; none where there is no directory.
#[must_use]
pub fn trusted_keys(data: Option<&PathBuf>) -> BTreeSet<String> {
    let known = crate::data_dir(data).ok().map(|dir| sextant_bundles::Ring::of(&dir).trusted());
    match known {
        Some(Ok(keys)) => keys,
        None => BTreeSet::new(),
        Some(Err(e)) => {
            tracing::warn!("trusted keys can't be read, so none is trusted: {e}");
            BTreeSet::new()
        }
    }
}

/// What happened with a bundle after it was sealed: its time stamp, if one lies beside it, and what was noted in the data
/// directory of who looks, where there is one. That `what` is done now is noted too.
#[must_use]
pub fn since(data: Option<&PathBuf>, path: &Path, report: &Report, what: &str) -> Vec<serde_json::Value> {
    let said = |at: &str, what: &str, note: &str| serde_json::json!({ "at": at, "what": what, "note": note });
    let Some(hash) = &report.hash else { return Vec::new() };
    let mut all = Vec::new();
    match Stamp::beside(path, hash) {
        Ok(Some(stamp)) => {
            let by = if stamp.by.is_empty() { "an authority that is not named" } else { stamp.by.as_str() };
            let note = format!("by {by}, number {}; whose signature that is, openssl ts -verify says", stamp.serial);
            all.push(said(&stamp.at, "stamped", &note));
        }
        Ok(None) => {}
        Err(e) => all.push(said("", "not stamped", &e.reason())),
    }
    let Some(record) = record(data) else { return all };
    match record.of_bundle(hash) {
        Ok(entries) => all.extend(entries.iter().map(|e| said(&e.at, &e.what, &e.note))),
        Err(e) => tracing::warn!("what was noted of bundles can't be read: {e}"),
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let note = format!("{}, as {name}", report.verdict.name());
    let entry =
        Entry { at: UnixNanos(sextant_workbench::now()).to_string(), bundle: hash.clone(), what: what.into(), note };
    if let Err(e) = record.note(&entry) {
        tracing::warn!("that it was {what} can't be noted: {e}");
    }
    all
}

/// What is noted of bundles in the data directory of who looks; nothing where there is no such directory.
#[must_use]
pub fn record(data: Option<&PathBuf>) -> Option<Record> {
    crate::data_dir(data).ok().filter(|dir| dir.is_dir()).map(|dir| Record::of(&dir))
}

/// The first and last time of an extent, if there are records.
fn bounds(extent: &Answer) -> Option<(i64, i64)> {
    let rows: serde_json::Value = serde_json::from_str(&sextant_contract::rows_to_json(&extent.batches)).ok()?;
    let row = &rows[0];
    (row["n"].as_i64()? > 0).then_some((row["first"].as_i64()?, row["last"].as_i64()?))
}
