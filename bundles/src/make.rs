//! Making a bundle: rows in the order of their time, then everything that describes and signs them. It has its name only
//! when it is whole.

use crate::BundleError;
use crate::custody::{self, Custody};
use crate::keys::Key;
use crate::merkle::{self, Hash};
use crate::statement::{self, Facts, Redaction, TableFacts};
use crate::{manifest, tags, zip};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::TimestampNanosecondType;
use sextant_columns::PlainWriter;
use sextant_model::ids::hex;
use sextant_model::{Table, UnixNanos};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A file of data has at most so many rows.
const PART_ROWS: u64 = 8 * sextant_columns::ROW_GROUP_ROWS as u64;
/// A day in nanoseconds.
const DAY: i64 = 86_400 * 1_000_000_000;

static NEXT: AtomicU64 = AtomicU64::new(1);

/// Counts and hashes what goes through.
pub(crate) struct Hashed<W> {
    out: W,
    hash: Sha256,
    crc: crc32fast::Hasher,
    len: u64,
}

/// A file that was written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    pub hash: Hash,
    pub crc: u32,
    pub len: u64,
}

impl<W> Hashed<W> {
    pub fn new(out: W) -> Self {
        Self { out, hash: Sha256::new(), crc: crc32fast::Hasher::new(), len: 0 }
    }

    pub fn seen(self) -> (W, Seen) {
        (self.out, Seen { hash: self.hash.finalize().into(), crc: self.crc.finalize(), len: self.len })
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let n = self.out.write(bytes)?;
        self.hash.update(&bytes[..n]);
        self.crc.update(&bytes[..n]);
        self.len += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// What lies aside goes away unless it gets its name.
struct Aside(Option<PathBuf>);

impl Drop for Aside {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // What could not be made may not be there.
            if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }.ok();
        }
    }
}

/// The file of rows under way.
struct Part {
    table: Table,
    day: i64,
    name: String,
    path: PathBuf,
    writer: PlainWriter<Hashed<BufWriter<File>>>,
}

/// What else goes into a bundle.
#[derive(Debug, Default)]
pub struct Papers {
    /// What happened to the rows before they came here.
    pub custody: Vec<Custody>,
    /// What was changed in them.
    pub redactions: Vec<Redaction>,
    /// A report on them, as PDF.
    pub report: Option<Vec<u8>>,
}

/// A bundle that was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// Where it lies.
    pub path: PathBuf,
    /// Its hash: that of its tag manifest, which all else hangs on.
    pub hash: String,
    /// Bytes of all its files.
    pub bytes: u64,
    /// What it says of itself.
    pub facts: Facts,
}

/// A bundle under way.
pub struct Maker {
    out: PathBuf,
    is_zip: bool,
    dir: Aside,
    part: Option<Part>,
    /// Files of data, with rows.
    data: BTreeMap<String, (Seen, u64, Table)>,
    tables: BTreeMap<Table, TableFacts>,
    times: BTreeMap<Table, (i64, i64)>,
}

/// Whether a place is meant as one file.
pub fn is_zip_name(path: &Path) -> bool {
    path.extension().is_some_and(|e| e.eq_ignore_ascii_case("sxb") || e.eq_ignore_ascii_case("zip"))
}

/// Syncs a folder, so that a name in it stays.
fn sync_dir(path: &Path) -> Result<(), BundleError> {
    File::open(path).and_then(|d| d.sync_all()).map_err(BundleError::io(path))
}

impl Maker {
    /// Begins one at a place: one zip if its name ends in `.sxb` or `.zip`, else a folder.
    ///
    /// # Errors
    /// If something else lies there, or nothing can be written.
    pub fn begin(out: &Path) -> Result<Self, BundleError> {
        let is_zip = is_zip_name(out);
        let name = out
            .file_name()
            .ok_or_else(|| BundleError::Refused(format!("{} is no name for a bundle", out.display())))?;
        let refuse = |why: &str| Err(BundleError::Refused(format!("{} {why}", out.display())));
        match std::fs::symlink_metadata(out) {
            Ok(found) if is_zip && !found.is_file() => return refuse("is there already, and is no file"),
            Ok(found) if !is_zip && !found.is_dir() => {
                return refuse("is there already, and is no folder: end its name in .sxb for one file");
            }
            Ok(_) if !is_zip && std::fs::read_dir(out).map_err(BundleError::io(out))?.next().is_some() => {
                return refuse("is there already, and is not empty");
            }
            _ => {}
        }
        let aside =
            format!(".{}.{}-{}.part", name.to_string_lossy(), std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let dir = out.with_file_name(aside);
        std::fs::create_dir(&dir).map_err(BundleError::io(&dir))?;
        Ok(Self {
            out: out.to_owned(),
            is_zip,
            dir: Aside(Some(dir)),
            part: None,
            data: BTreeMap::new(),
            tables: BTreeMap::new(),
            times: BTreeMap::new(),
        })
    }

    fn dir(&self) -> PathBuf {
        self.dir.0.clone().unwrap_or_default()
    }

    /// Appends rows of a table, in the columns that they arrived in. Tables come one after the other, rows in the order
    /// of their time.
    ///
    /// # Errors
    /// If they can't be written, or are out of order.
    pub fn write(&mut self, table: Table, rows: &RecordBatch) -> Result<(), BundleError> {
        let times =
            rows.column_by_name(table.time_column()).and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>());
        let times = times.ok_or_else(|| BundleError::Refused(format!("rows of {table} have no time")))?.values();
        let mut from = 0;
        while from < times.len() {
            let day = times[from].div_euclid(DAY);
            let n = times[from..].partition_point(|t| t.div_euclid(DAY) == day);
            let known = self.part.as_ref().map(|p| (p.table, p.day, p.writer.n_rows()));
            let (room, is_new) = match known {
                Some((t, d, n)) if (t, d) == (table, day) && n < PART_ROWS => (PART_ROWS - n, false),
                Some((t, d, _)) if (t, d) > (table, day) => {
                    return Err(BundleError::Refused("rows are not in the order of their time".into()));
                }
                _ => (PART_ROWS, true),
            };
            if is_new {
                self.end_part()?;
                self.part = Some(self.begin_part(table, day)?);
            }
            let n = n.min(room as usize);
            if let Some(part) = &mut self.part {
                part.writer.write(&rows.slice(from, n))?;
            }
            let span = &times[from..from + n];
            let known = self.times.entry(table).or_insert((i64::MAX, i64::MIN));
            *known = span.iter().fold(*known, |(a, b), t| (a.min(*t), b.max(*t)));
            from += n;
        }
        Ok(())
    }

    fn begin_part(&self, table: Table, day: i64) -> Result<Part, BundleError> {
        let date = UnixNanos(day * DAY).day();
        let folder = format!("data/{table}/date={date}");
        let path = self.dir().join(&folder);
        std::fs::create_dir_all(&path).map_err(BundleError::io(&path))?;
        let n = self.data.keys().filter(|name| name.starts_with(&format!("{folder}/"))).count();
        let name = format!("{folder}/part-{n:03}.parquet");
        let path = self.dir().join(&name);
        let file = File::create(&path).map_err(BundleError::io(&path))?;
        let writer = PlainWriter::new(Hashed::new(BufWriter::with_capacity(1 << 18, file)), table)?;
        Ok(Part { table, day, name, path, writer })
    }

    fn end_part(&mut self) -> Result<(), BundleError> {
        let Some(part) = self.part.take() else { return Ok(()) };
        let n = part.writer.n_rows();
        let (mut file, seen) = part.writer.finish()?.seen();
        file.flush().and_then(|()| file.get_ref().sync_all()).map_err(BundleError::io(&part.path))?;
        let facts = self
            .tables
            .entry(part.table)
            .or_insert_with(|| TableFacts { schema: tags::schema_hash(part.table), ..TableFacts::default() });
        (facts.rows, facts.files) = (facts.rows + n, facts.files + 1);
        self.data.insert(part.name, (seen, n, part.table));
        Ok(())
    }

    /// Rows so far.
    pub fn n_rows(&self) -> u64 {
        self.data.values().map(|(_, n, _)| n).sum::<u64>() + self.part.as_ref().map_or(0, |p| p.writer.n_rows())
    }

    /// Bytes of data so far, about.
    pub fn n_bytes(&self) -> u64 {
        let sealed: u64 = self.data.values().map(|(seen, _, _)| seen.len).sum();
        sealed + self.part.as_ref().map_or(0, |p| p.writer.n_bytes() as u64)
    }

    /// Describes, signs and names it. `facts` says what only the caller knows; the rest is filled in.
    ///
    /// # Errors
    /// If there are no rows, or it can't be written.
    pub fn finish(mut self, facts: Facts, papers: &Papers, key: &Key) -> Result<Made, BundleError> {
        self.end_part()?;
        if self.data.is_empty() {
            return Err(BundleError::Refused("there are no rows in it: nothing was found".into()));
        }
        let leaves: Vec<Hash> =
            self.data.iter().map(|(name, (seen, ..))| merkle::leaf(name, seen.len, &seen.hash)).collect();
        let facts = Facts {
            made_by: tags::MADE_BY.into(),
            tables: self.tables_said(),
            redactions: papers.redactions.clone(),
            merkle_root: hex(&merkle::root(&leaves)),
            ..facts
        };
        let mut files: BTreeMap<String, Seen> =
            self.data.iter().map(|(name, (seen, ..))| (name.clone(), *seen)).collect();
        let hashes =
            |files: &BTreeMap<String, Seen>| files.iter().map(|(n, s)| (n.clone(), s.hash)).collect::<BTreeMap<_, _>>();
        let manifest = manifest::write(&hashes(&files));
        let payload = (files.values().map(|s| s.len).sum::<u64>(), files.len());
        let public = key.public();
        let mut described = vec![
            ("bagit.txt", tags::BAGIT.to_owned().into_bytes()),
            ("bag-info.txt", tags::bag_info(&facts, payload).into_bytes()),
            (tags::MANIFEST, manifest.into_bytes()),
            (tags::PUBKEY, public.to_pem().into_bytes()),
            (tags::VERIFY, tags::verify_md(&public.fingerprint(), facts.rows()).into_bytes()),
            (tags::PACKAGE, tags::datapackage(&facts, &self.data).into_bytes()),
            (custody::CUSTODY, custody::write(&self.custody(&facts, &papers.custody)).into_bytes()),
            (tags::REDACTIONS, tags::redactions(&papers.redactions).into_bytes()),
        ];
        if let Some(report) = &papers.report {
            described.push((tags::REPORT, report.clone()));
        }
        for (name, bytes) in described {
            files.insert(name.to_owned(), self.put(name, &bytes)?);
        }
        let attestation = statement::write(&facts, &hashes(&files), key);
        files.insert(statement::ATTESTATION.to_owned(), self.put(statement::ATTESTATION, attestation.as_bytes())?);
        let tagged =
            files.iter().filter(|(name, _)| !name.starts_with("data/")).map(|(n, s)| (n.clone(), s.hash)).collect();
        let tag_manifest = manifest::write(&tagged);
        files.insert(tags::TAG_MANIFEST.to_owned(), self.put(tags::TAG_MANIFEST, tag_manifest.as_bytes())?);
        files.insert(tags::SIGNATURE.to_owned(), self.put(tags::SIGNATURE, &key.sign(tag_manifest.as_bytes()))?);
        let bytes = files.values().map(|s| s.len).sum();
        self.name(files)?;
        Ok(Made { path: self.out, hash: hex(&Sha256::digest(tag_manifest.as_bytes())), bytes, facts })
    }

    /// What happened before, and that it was made.
    fn custody(&self, facts: &Facts, before: &[Custody]) -> Vec<Custody> {
        let n = self.data.len();
        let note = format!("{} rows in {n} file{} by {}", facts.rows(), if n == 1 { "" } else { "s" }, tags::MADE_BY);
        let made = Custody { at: facts.made_at.clone(), what: "made".into(), note };
        before.iter().cloned().chain([made]).collect()
    }

    fn tables_said(&self) -> BTreeMap<String, TableFacts> {
        let said = |(table, facts): (&Table, &TableFacts)| {
            let (first, last) = self.times.get(table).copied().unwrap_or_default();
            let (first, last) = (UnixNanos(first).to_string(), UnixNanos(last).to_string());
            (table.name().to_owned(), TableFacts { first, last, ..facts.clone() })
        };
        self.tables.iter().map(said).collect()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<Seen, BundleError> {
        let path = self.dir().join(name);
        let mut file = Hashed::new(File::create(&path).map_err(BundleError::io(&path))?);
        file.write_all(bytes).map_err(BundleError::io(&path))?;
        let (file, seen) = file.seen();
        file.sync_all().map_err(BundleError::io(&path))?;
        Ok(seen)
    }

    /// Gives it its name, all at once.
    fn name(&mut self, files: BTreeMap<String, Seen>) -> Result<(), BundleError> {
        let parent = self.out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        let dir = self.dir();
        if self.is_zip {
            let mut packed = Aside(Some(dir.with_extension("zip.part")));
            let path = packed.0.clone().unwrap_or_default();
            let out = BufWriter::with_capacity(1 << 20, File::create(&path).map_err(BundleError::io(&path))?);
            let files = files.into_iter().map(|(name, seen)| (name, seen.len, seen.crc)).collect();
            let open = |name: &str| {
                let path = dir.join(name);
                File::open(&path).map_err(BundleError::io(&path))
            };
            let out = zip::write(out, files, open, &path)?;
            let out = out.into_inner().map_err(std::io::IntoInnerError::into_error).map_err(BundleError::io(&path))?;
            out.sync_all().map_err(BundleError::io(&path))?;
            std::fs::rename(&path, &self.out).map_err(BundleError::io(&self.out))?;
            packed.0 = None;
        } else {
            std::fs::rename(&dir, &self.out).map_err(BundleError::io(&self.out))?;
            self.dir.0 = None;
        }
        sync_dir(&parent)
    }
}
