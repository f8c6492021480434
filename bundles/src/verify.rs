//! Whether a bundle is whole, unaltered, in date, and whose it is.

use crate::bag::Bag;
use crate::custody::{self, Custody};
use crate::keys::PublicKey;
use crate::merkle::{self, Hash};
use crate::statement::{self, Facts};
use crate::{BundleError, manifest, tags};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::statistics::Statistics;
use sextant_model::ids::hex;
use sextant_model::{Table, UnixNanos};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So much is read at once.
const BUFFER: usize = 1 << 20;
/// Files are read on at most so many processors.
const MAX_THREADS: usize = 4;

/// What is said of a bundle, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It was altered, is not whole, or is no bundle.
    Invalid,
    /// Whole, but by another key than the one that was given.
    SignedByOtherKey,
    /// Whole, and not to be used yet.
    NotYetValid,
    /// Whole, and not to be used any more.
    Expired,
    /// Whole and in date; nobody said whether its key is to be trusted.
    ValidUntrustedKey,
    /// Whole, in date, and by a key that was given or is trusted.
    Valid,
}

impl Verdict {
    /// As it is printed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::SignedByOtherKey => "SIGNED-BY-OTHER-KEY",
            Self::NotYetValid => "NOT-YET-VALID",
            Self::Expired => "EXPIRED",
            Self::ValidUntrustedKey => "VALID-UNTRUSTED-KEY",
            Self::Valid => "VALID",
        }
    }

    /// Whether it may be relied on.
    pub fn is_good(self) -> bool {
        self >= Self::ValidUntrustedKey
    }
}

/// Whom to believe, and what time it is.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The one key that it has to be by.
    pub key: Option<PublicKey>,
    /// Fingerprints of keys that are trusted.
    pub trusted: BTreeSet<String>,
    /// Now, Unix nanoseconds.
    pub at: i64,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// Whether it is as it has to be; `None` if that could not be looked at any more.
    pub is_good: Option<bool>,
    /// What was found.
    pub said: String,
}

/// A file of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
    /// Its rows, if it has any.
    pub rows: Option<u64>,
    /// Its SHA-256; empty if it was not read.
    pub hash: String,
    /// Whether that is what the manifests say.
    pub is_good: bool,
}

/// What came of it.
#[derive(Debug, Clone)]
pub struct Report {
    /// In a word.
    pub verdict: Verdict,
    /// Why it is not [`Verdict::Valid`].
    pub reason: Option<String>,
    /// In which file.
    pub file: Option<String>,
    /// What was looked at, one after the other.
    pub checks: Vec<Check>,
    /// Its files.
    pub files: Vec<FileFacts>,
    /// What it says of itself, if its own key signed that.
    pub facts: Option<Facts>,
    /// What happened to the rows before sealing.
    pub custody: Vec<Custody>,
    /// The fingerprint of its key.
    pub fingerprint: Option<String>,
    /// Its hash.
    pub hash: Option<String>,
    /// What all that does not prove.
    pub not_proven: Vec<String>,
}

/// How far it is: bytes read, of how many. Who answers `false` stops it.
pub type OnProgress<'a> = &'a (dyn Fn(u64, u64) -> bool + Sync);

/// A file with its hash and checksum, or why it could not be read.
type Hashed = (String, Result<(Hash, u32), String>);

/// The names of the checks, in their order.
const CHECKS: [&str; 9] = ["Form", "Files", "Signature", "Statement", "Merkle root", "Rows", "Custody", "Term", "Key"];

impl Bag {
    /// The key that lies in it.
    ///
    /// # Errors
    /// If it is none.
    pub fn key(&self) -> Result<PublicKey, BundleError> {
        let bytes = self.bytes(tags::PUBKEY)?;
        let text = String::from_utf8_lossy(&bytes);
        PublicKey::from_pem(&text).map_err(|e| BundleError::bad(tags::PUBKEY, e.reason()))
    }
}

struct Looking<'a> {
    bag: &'a Bag,
    trust: &'a Trust,
    report: Report,
    hashes: BTreeMap<String, Hash>,
}

fn empty() -> Report {
    Report {
        verdict: Verdict::Invalid,
        reason: None,
        file: None,
        checks: Vec::new(),
        files: Vec::new(),
        facts: None,
        custody: Vec::new(),
        fingerprint: None,
        hash: None,
        not_proven: Vec::new(),
    }
}

/// Looks at everything.
///
/// # Errors
/// If there is nothing at `path`, or it was stopped. Whatever else is wrong is in the report.
pub fn verify(path: &Path, trust: &Trust, progress: OnProgress<'_>) -> Result<(Report, Option<Bag>), BundleError> {
    std::fs::metadata(path).map_err(BundleError::io(path))?;
    let bag = match Bag::open(path) {
        Ok(bag) => bag,
        Err(e) => {
            let mut report = empty();
            report.fail(CHECKS[0], &e);
            report.end();
            return Ok((report, None));
        }
    };
    let mut looking = Looking { bag: &bag, trust, report: empty(), hashes: BTreeMap::new() };
    if !looking.hash_all(progress) {
        return Err(BundleError::Refused("it was stopped".into()));
    }
    for (i, name) in CHECKS.into_iter().enumerate() {
        let done = match i {
            0 => looking.form(),
            1 => looking.manifests(),
            2 => looking.signature(),
            3 => looking.statement(),
            4 => looking.merkle_root(),
            5 => looking.rows(),
            6 => looking.custody(),
            _ => break,
        };
        match done {
            Ok(said) => looking.report.checks.push(Check { name, is_good: Some(true), said }),
            Err(e) => {
                looking.report.fail(name, &e);
                // What hangs on it can't be believed; what can be looked at by itself still is.
                if matches!(name, "Form" | "Signature" | "Statement") {
                    break;
                }
            }
        }
    }
    looking.verdict();
    let mut report = looking.report;
    report.end();
    Ok((report, Some(bag)))
}

impl Report {
    /// Everything that was found, for programs.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        use serde_json::{Value, json};
        let checks: Vec<Value> =
            self.checks.iter().map(|c| json!({ "name": c.name, "ok": c.is_good, "said": c.said })).collect();
        let file = |f: &FileFacts| json!({ "name": f.name, "bytes": f.bytes, "rows": f.rows, "sha256": f.hash, "ok": f.is_good });
        let files: Vec<Value> = self.files.iter().map(file).collect();
        json!({
            "verdict": self.verdict.name(), "reason": self.reason, "file": self.file, "checks": checks,
            "files": files, "fingerprint": self.fingerprint, "hash": self.hash, "facts": self.facts,
            "custody": self.custody, "not_proven": self.not_proven,
        })
    }

    fn fail(&mut self, name: &'static str, e: &BundleError) {
        if self.reason.is_none() {
            (self.reason, self.file) = (Some(e.reason()), e.file().map(str::to_owned));
        }
        let said = e.file().map_or_else(|| e.reason(), |file| format!("{file}: {}", e.reason()));
        self.checks.push(Check { name, is_good: Some(false), said });
    }

    /// Names what was not looked at, and what is not proven.
    fn end(&mut self) {
        for name in &CHECKS[self.checks.len().min(CHECKS.len())..] {
            self.checks.push(Check { name, is_good: None, said: "not looked at".into() });
        }
        self.not_proven = not_proven(self);
    }
}

fn not_proven(report: &Report) -> Vec<String> {
    let mut all = Vec::new();
    if report.verdict < Verdict::Valid || report.verdict == Verdict::Invalid {
        all.push("Who holds the key. A key inside proves that nothing was altered, not who signed: compare its fingerprint with one that you got in another way.".to_owned());
    }
    let Some(facts) = &report.facts else { return all };
    all.push("That everything was caught. What a program never sent, or sampled away, can't be seen.".to_owned());
    for left in &facts.left_out {
        let n = if left.rows > 0 { format!("{} rows: ", left.rows) } else { String::new() };
        all.push(format!("What was left out. {n}{}", left.reason));
    }
    let question = &facts.question;
    if !question.query.trim().is_empty() || !question.from.is_empty() || !question.to.is_empty() {
        all.push("What lies outside of its search and period.".to_owned());
    }
    if !facts.redactions.is_empty() {
        all.push("What stood where values were taken out or replaced.".to_owned());
    }
    all.push(
        "That clocks were right. Its dates are what its maker says; an end of term is a label, not a lock.".to_owned(),
    );
    all
}

impl Looking<'_> {
    /// Hashes all files, several at a time. `false` if it was stopped.
    fn hash_all(&mut self, progress: OnProgress<'_>) -> bool {
        let mut files: Vec<(&str, u64)> = self.bag.files().collect();
        let total: u64 = files.iter().map(|(_, len)| len).sum();
        // The largest first, so that none of them is left for the end.
        files.sort_by_key(|(_, len)| std::cmp::Reverse(*len));
        let next = AtomicUsize::new(0);
        let read = std::sync::atomic::AtomicU64::new(0);
        let is_stopped = std::sync::atomic::AtomicBool::new(false);
        let done: Mutex<Vec<Hashed>> = Mutex::new(Vec::new());
        let n_threads = std::thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS).min(files.len());
        let bag = self.bag;
        let work = || {
            let mut buffer = vec![0; BUFFER];
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some((name, _)) = files.get(i) else { return };
                let mut seen = |n: u64| {
                    let so_far = read.fetch_add(n, Ordering::Relaxed) + n;
                    if !progress(so_far, total) {
                        is_stopped.store(true, Ordering::Relaxed);
                    }
                    !is_stopped.load(Ordering::Relaxed)
                };
                let hashed = hash_one(bag, name, &mut buffer, &mut seen);
                done.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(((*name).to_owned(), hashed));
                if is_stopped.load(Ordering::Relaxed) {
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..n_threads {
                scope.spawn(work);
            }
            work();
        });
        let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        done.sort_by(|a, b| a.0.cmp(&b.0));
        for (name, hashed) in done {
            let place = self.bag.files[&name];
            let (hash, problem) = match hashed {
                Ok((hash, crc)) if place.crc.is_none_or(|c| c == crc) => (Some(hash), None),
                Ok((hash, _)) => (Some(hash), Some("its checksum in the zip is not that of its bytes".to_owned())),
                Err(e) => (None, Some(e)),
            };
            if let Some(problem) = problem
                && self.report.reason.is_none()
            {
                (self.report.reason, self.report.file) = (Some(problem), Some(name.clone()));
            }
            let text = hash.map_or_else(String::new, |h| hex(&h));
            self.report.files.push(FileFacts {
                name: name.clone(),
                bytes: place.len,
                rows: None,
                hash: text,
                is_good: false,
            });
            self.hashes.extend(hash.map(|h| (name, h)));
        }
        !is_stopped.into_inner()
    }

    fn form(&mut self) -> Result<String, BundleError> {
        if let (Some(reason), Some(file)) = (self.report.reason.take(), self.report.file.take()) {
            return Err(BundleError::bad(&file, reason));
        }
        let needed = [tags::MANIFEST, tags::TAG_MANIFEST, tags::SIGNATURE, tags::PUBKEY, tags::VERIFY, tags::PACKAGE];
        let needed = needed.into_iter().chain(["bagit.txt", "bag-info.txt", statement::ATTESTATION, custody::CUSTODY]);
        for name in needed.chain([tags::REDACTIONS]) {
            if !self.bag.files.contains_key(name) {
                return Err(BundleError::bad(name, "it is missing"));
            }
        }
        if self.bag.bytes("bagit.txt")? != tags::BAGIT.as_bytes() {
            return Err(BundleError::bad("bagit.txt", "it is no bag of version 1.0 in UTF-8"));
        }
        Ok("BagIt 1.0".to_owned())
    }

    /// Every file is named with its hash, and every named file is there.
    fn manifests(&mut self) -> Result<String, BundleError> {
        let mut named = BTreeMap::new();
        for (file, is_data) in [(tags::TAG_MANIFEST, false), (tags::MANIFEST, true)] {
            for (name, hash) in manifest::read(file, &self.bag.bytes(file)?)? {
                if name.starts_with("data/") != is_data {
                    return Err(BundleError::bad(file, format!("{name} does not belong into it")));
                }
                named.insert(name, hash);
            }
        }
        let mut first = None;
        for (name, hash) in &named {
            let problem = match self.hashes.get(name) {
                None => "it is missing",
                Some(there) if there != hash => "it was altered: its SHA-256 is not that of the manifest",
                Some(_) => continue,
            };
            first = first.or_else(|| Some(BundleError::bad(name, problem)));
        }
        let in_none = [tags::TAG_MANIFEST, tags::SIGNATURE];
        for file in &mut self.report.files {
            let is_named = named.get(&file.name).is_some_and(|hash| hex(hash) == file.hash);
            file.is_good = is_named || in_none.contains(&file.name.as_str());
            if !named.contains_key(&file.name) && !in_none.contains(&file.name.as_str()) && first.is_none() {
                first = Some(BundleError::bad(&file.name, "it was added: no manifest names it"));
            }
        }
        match first {
            Some(e) => Err(e),
            None => Ok(format!(
                "{} of {} files are as the manifests say, none was added",
                self.report.files.len(),
                self.report.files.len()
            )),
        }
    }

    fn signature(&mut self) -> Result<String, BundleError> {
        let key = self.bag.key()?;
        let tag_manifest = self.bag.bytes(tags::TAG_MANIFEST)?;
        if !key.has_signed(&tag_manifest, &self.bag.bytes(tags::SIGNATURE)?) {
            return Err(BundleError::bad(
                tags::SIGNATURE,
                "it is not the signature of pubkey.pem over tagmanifest-sha256.txt",
            ));
        }
        self.report.fingerprint = Some(key.fingerprint());
        self.report.hash = Some(hex(&Sha256::digest(&tag_manifest)));
        Ok("Ed25519 over the tag manifest".to_owned())
    }

    fn statement(&mut self) -> Result<String, BundleError> {
        let (facts, subjects) = statement::read(&self.bag.bytes(statement::ATTESTATION)?, &self.bag.key()?)?;
        let outside = [statement::ATTESTATION, tags::TAG_MANIFEST, tags::SIGNATURE];
        let there: BTreeMap<String, String> = self
            .hashes
            .iter()
            .filter(|(name, _)| !outside.contains(&name.as_str()))
            .map(|(name, hash)| (name.clone(), hex(hash)))
            .collect();
        let n = subjects.len();
        let other = subjects.iter().find(|(name, hash)| there.get(*name) != Some(*hash)).map(|(name, _)| name);
        let other = other.or_else(|| there.keys().find(|name| !subjects.contains_key(*name)));
        let said = other.map(|name| BundleError::bad(&crate::name::shown(name), "the statement says otherwise of it"));
        self.report.facts = Some(facts);
        said.map_or_else(|| Ok(format!("in-toto, signed, names {n} files")), Err)
    }

    fn merkle_root(&mut self) -> Result<String, BundleError> {
        let data = self.bag.files.iter().filter(|(name, _)| name.starts_with("data/"));
        let leaves: Vec<Hash> =
            data.filter_map(|(name, place)| Some(merkle::leaf(name, place.len, self.hashes.get(name)?))).collect();
        let root = hex(&merkle::root(&leaves));
        let said = self.report.facts.as_ref().map_or("", |f| &f.merkle_root);
        if root != said {
            return Err(BundleError::bad(statement::ATTESTATION, "its Merkle root is not that of the files"));
        }
        Ok(format!("{}…{} computed again", &root[..8], &root[60..]))
    }

    /// Rows, columns and times are as the statement says.
    fn rows(&mut self) -> Result<String, BundleError> {
        let Some(facts) = self.report.facts.clone() else { return Ok(String::new()) };
        let mut found: BTreeMap<String, statement::TableFacts> = BTreeMap::new();
        let mut times: BTreeMap<String, (i64, i64)> = BTreeMap::new();
        for (name, _) in self.bag.files().filter(|(name, _)| name.starts_with("data/")) {
            let bad = |why: String| BundleError::bad(name, why);
            let table = name
                .split('/')
                .nth(1)
                .and_then(Table::from_name)
                .ok_or_else(|| bad("no signal is called so".into()))?;
            let reader = sextant_columns::guarded(|| {
                SerializedFileReader::new(self.bag.parquet(name)?).map_err(|e| bad(format!("it is no Parquet: {e}")))
            })?;
            let said = reader.metadata();
            let file = said.file_metadata();
            let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata());
            let schema = tags::schema_hash_of(&schema.map_err(|e| bad(format!("its columns can't be read: {e}")))?);
            let rows = u64::try_from(file.num_rows()).unwrap_or(0);
            let known = found.entry(table.name().to_owned()).or_default();
            if facts.tables.get(table.name()).is_some_and(|t| t.schema != schema) {
                return Err(bad("its columns are not those that the statement names".into()));
            }
            (known.rows, known.files, known.schema) = (known.rows + rows, known.files + 1, schema);
            let column = file.schema_descr().columns().iter().position(|c| c.path().string() == table.time_column());
            for group in said.row_groups() {
                let Some(Statistics::Int64(s)) = column.and_then(|c| group.column(c).statistics()) else { continue };
                let (Some(first), Some(last)) = (s.min_opt(), s.max_opt()) else { continue };
                let known = times.entry(table.name().to_owned()).or_insert((i64::MAX, i64::MIN));
                *known = (known.0.min(*first), known.1.max(*last));
            }
            if let Some(file) = self.report.files.iter_mut().find(|f| f.name == name) {
                file.rows = Some(rows);
            }
        }
        for (name, table) in &mut found {
            let (first, last) = times.get(name).copied().unwrap_or_default();
            (table.first, table.last) = (UnixNanos(first).to_string(), UnixNanos(last).to_string());
        }
        let bad = |why: String| Err(BundleError::bad(statement::ATTESTATION, why));
        if found != facts.tables {
            let other = facts.tables.iter().find(|(name, t)| found.get(*name) != Some(t));
            return bad(other.map_or_else(
                || "it names fewer tables than there are".to_owned(),
                |(name, t)| {
                    let there = found.get(name).cloned().unwrap_or_default();
                    format!(
                        "{name}: it says {} rows from {} to {}, and there are {} from {} to {}",
                        t.rows, t.first, t.last, there.rows, there.first, there.last
                    )
                },
            ));
        }
        let question = &facts.question;
        if !question.whole_traces {
            let bound = |text: &str| UnixNanos::parse(text).ok().filter(|_| !text.is_empty()).map(|t| t.0);
            let (from, to) = (bound(&question.from), bound(&question.to));
            let outside = times
                .iter()
                .find(|(_, (first, last))| from.is_some_and(|f| *first < f) || to.is_some_and(|t| *last >= t));
            if let Some((name, _)) = outside {
                return bad(format!("rows of {name} lie outside of the period that it names"));
            }
        }
        let each: Vec<String> = found.iter().map(|(name, t)| format!("{} {name}", t.rows)).collect();
        Ok(format!("counted again: {}", each.join(", ")))
    }

    fn custody(&mut self) -> Result<String, BundleError> {
        self.report.custody = custody::read(&self.bag.bytes(custody::CUSTODY)?)?;
        Ok(format!("{0} of {0} entries chained", self.report.custody.len()))
    }

    /// Dates, key, and the word for all of it.
    fn verdict(&mut self) {
        let report = &mut self.report;
        if report.reason.is_some() {
            report.verdict = Verdict::Invalid;
            return;
        }
        let Some(facts) = &report.facts else { return };
        let mut verdict = Verdict::Valid;
        let mut worse = |to: Verdict, why: String| {
            if to < verdict {
                verdict = to;
                report.reason = Some(why);
            }
        };
        let at = self.trust.at;
        let day = |t: &Option<String>| t.as_deref().map(UnixNanos::parse);
        let term = match (day(&facts.not_before), day(&facts.not_after)) {
            (Some(Err(_)), _) | (_, Some(Err(_))) => {
                worse(Verdict::Invalid, "its term can't be read".into());
                (false, "its term can't be read".to_owned())
            }
            (Some(Ok(from)), _) if at < from.0 => {
                worse(Verdict::NotYetValid, format!("it is not to be used before {from}"));
                (false, format!("not before {from}"))
            }
            (_, Some(Ok(to))) if at > to.0 => {
                worse(Verdict::Expired, format!("its term ended {to}"));
                (false, format!("ended {to}"))
            }
            (_, Some(Ok(to))) => (true, format!("until {to}")),
            _ => (true, "without end".to_owned()),
        };
        report.checks.push(Check { name: "Term", is_good: Some(term.0), said: term.1 });
        let own = report.fingerprint.clone().unwrap_or_default();
        let key = match &self.trust.key {
            Some(given) if given.fingerprint() == own => (true, "it is the one that was given".to_owned()),
            Some(given) => {
                worse(Verdict::SignedByOtherKey, format!("{own} signed it, not {}", given.fingerprint()));
                (false, format!("not {}", given.fingerprint()))
            }
            None if self.trust.trusted.contains(&own) => (true, "you trust it".to_owned()),
            None => {
                worse(
                    Verdict::ValidUntrustedKey,
                    "nobody said whether this key is to be trusted: compare its fingerprint".into(),
                );
                (false, "nobody said whether it is to be trusted".to_owned())
            }
        };
        report.checks.push(Check { name: "Key", is_good: Some(key.0), said: key.1 });
        report.verdict = verdict;
    }
}

/// The hash and checksum of a file; a length that is not what was found is an error.
fn hash_one(
    bag: &Bag,
    name: &str,
    buffer: &mut [u8],
    seen: &mut dyn FnMut(u64) -> bool,
) -> Result<(Hash, u32), String> {
    let mut section = bag.section(name).map_err(|e| e.reason())?;
    let is_zip = bag.files[name].crc.is_some();
    let (mut hash, mut crc, mut len) = (Sha256::new(), crc32fast::Hasher::new(), 0);
    loop {
        let n = section.read(buffer).map_err(|e| format!("it can't be read: {e}"))?;
        if n == 0 {
            break;
        }
        hash.update(&buffer[..n]);
        if is_zip {
            crc.update(&buffer[..n]);
        }
        len += n as u64;
        if !seen(n as u64) {
            return Err("it was stopped".to_owned());
        }
    }
    if len != bag.files[name].len {
        return Err("it is shorter than it was".to_owned());
    }
    Ok((hash.finalize().into(), crc.finalize()))
}
