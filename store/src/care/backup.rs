//! A copy of everything in one file, made while the store runs.
//!
//! A tar archive: `segments.db` as it was at one moment, every segment that it names, the hashes of the last rows, and at
//! the end `backup.json` with length and XXH3 of each file. What any tar reads, and nothing that is half there passes.

use crate::StoreError;
use crate::layout::TemporaryDir;
use crate::segment::checksum;
use crate::snapshot::{Snapshot, Tier};
use crate::state::{Shared, lock};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// The last entry.
pub(super) const CONTENTS: &str = "backup.json";
pub(super) const VERSION: u32 = 1;
/// How long a change may take from being committed to being shown.
const AGREE_TIME: Duration = Duration::from_secs(10);

/// What is in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Contents {
    pub version: u32,
    pub files: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub path: String,
    pub bytes: u64,
    /// XXH3, hex.
    pub checksum: String,
}

/// What a backup came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackedUp {
    /// Files in it.
    pub n_files: u64,
    /// Bytes of them.
    pub n_bytes: u64,
    /// Records in the segments.
    pub n_records: u64,
}

struct Archive<W: Write> {
    tar: tar::Builder<W>,
    contents: Contents,
}

impl<W: Write> Archive<W> {
    fn add(&mut self, path: &Path, name: &str, known: Option<u64>) -> Result<(), StoreError> {
        let found = checksum(path)?;
        if known.is_some_and(|known| known != found) {
            let what = format!(
                "{} is damaged: nothing was backed up; put it aside with: sextant doctor --repair",
                path.display()
            );
            return Err(StoreError::Damaged(what));
        }
        let mut file = File::open(path).map_err(StoreError::file("open", path))?;
        let bytes = file.metadata().map_err(StoreError::file("read", path))?.len();
        self.tar.append_file(name, &mut file).map_err(StoreError::file("copy", path))?;
        self.contents.files.push(Entry { path: name.to_owned(), bytes, checksum: format!("{found:016x}") });
        Ok(())
    }
}

/// Copies the manifest; what the copy names is what the snapshot holds, and holding it keeps the files.
fn at_one_moment(shared: &Shared, copy: &Path) -> Result<Arc<Snapshot>, StoreError> {
    let deadline = Instant::now() + AGREE_TIME;
    loop {
        {
            let manifest = lock(&shared.manifest);
            let snapshot = shared.snapshot();
            let mut held: Vec<&str> = snapshot.segments().iter().map(|s| s.id.as_str()).collect();
            let mut named = manifest.segment_ids(&shared.layout.dir)?;
            held.sort_unstable();
            named.sort_unstable();
            if held == named {
                manifest.copy_to(copy)?;
                return Ok(snapshot.clone());
            }
        }
        // A change is committed and not shown yet: a moment.
        if Instant::now() > deadline {
            return Err(StoreError::Backup("the store changes too fast for a copy of one moment; try again".into()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Writes everything that is sealed to `out`.
pub(crate) fn backup<W: Write>(shared: &Shared, out: W) -> Result<BackedUp, StoreError> {
    let folder = TemporaryDir::new()?;
    let copy = folder.0.join("segments.db");
    let snapshot = at_one_moment(shared, &copy)?;
    let mut archive =
        Archive { tar: tar::Builder::new(out), contents: Contents { version: VERSION, files: Vec::new() } };
    let mut done = BackedUp::default();
    archive.add(&copy, "segments.db", None)?;
    for segment in snapshot.segments() {
        let below = segment.root().and_then(|root| segment.path.strip_prefix(root).ok()).unwrap_or(&segment.path);
        if segment.tier == Tier::Cold && !segment.path.exists() {
            let what = format!("{} is away: nothing was backed up", segment.path.display());
            return Err(StoreError::Damaged(what));
        }
        let name = format!("segments/{}", below.display());
        archive.add(&segment.path, &name, Some(segment.checksum))?;
        let index = segment.path.with_extension("idx");
        if index.exists() {
            archive.add(&index, &name.replace(".parquet", ".idx"), None)?;
        }
        done.n_records += segment.n_rows;
    }
    for path in crate::recover::files_below(&shared.layout.resend) {
        let name = format!("resend/{}", path.file_name().unwrap_or_default().to_string_lossy());
        archive.add(&path, &name, None)?;
    }
    done.n_files = archive.contents.files.len() as u64;
    done.n_bytes = archive.contents.files.iter().map(|f| f.bytes).sum();
    let contents = serde_json::to_vec(&archive.contents).map_err(|e| StoreError::Backup(e.to_string()))?;
    let mut header = tar::Header::new_gnu();
    header.set_size(contents.len() as u64);
    header.set_mode(0o600);
    header.set_mtime(std::time::SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs()));
    let failed = |e: std::io::Error| StoreError::Backup(format!("the backup can't be written: {e}"));
    archive.tar.append_data(&mut header, CONTENTS, contents.as_slice()).map_err(failed)?;
    archive.tar.into_inner().and_then(|mut out| out.flush()).map_err(failed)?;
    Ok(done)
}
