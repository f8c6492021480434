//! A backup back into an empty directory: read and checked as a whole before anything is put in place.

use super::backup::{CONTENTS, Contents, VERSION};
use crate::layout::Layout;
use crate::manifest::Manifest;
use crate::recover::files_below;
use crate::segment::{checksum, stamp};
use crate::{StoreError, take_lock};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write as _};
use std::path::{Component, Path, PathBuf};
use ulid::Ulid;

/// What was restored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Restored {
    /// Files.
    pub n_files: u64,
    /// Bytes of them.
    pub n_bytes: u64,
}

fn bad(what: impl Into<String>) -> StoreError {
    StoreError::Backup(format!("this is no whole backup: {}; nothing was restored", what.into()))
}

/// Puts the backup that `from` reads into `dir`, which holds no records yet.
///
/// # Errors
/// If the backup is not whole, or `dir` is in use or not empty. Then nothing of it is there.
pub fn restore(dir: &Path, from: impl Read) -> Result<Restored, StoreError> {
    let is_ours = Layout::of(dir).manifest().exists() || dir.join("segments").is_dir();
    let is_empty = fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
    if !is_ours && !is_empty {
        return Err(StoreError::Backup(format!(
            "{} is no data directory and not empty: restore into a new one",
            dir.display()
        )));
    }
    let layout = Layout::make(dir)?;
    let _lock = take_lock(&layout)?;
    let has_log = files_below(&layout.wal).iter().any(|p| p.metadata().is_ok_and(|m| m.len() > 0));
    let has_records = layout.manifest().exists()
        && Manifest::open(&layout.manifest(), crate::disk::Disk::default())?.has_records(&layout.dir)?;
    if has_records || !files_below(&layout.segments).is_empty() || has_log {
        return Err(StoreError::NotEmpty(dir.to_owned()));
    }
    let staging = Staging(dir.join("tmp").join(format!("restore-{}", Ulid::generate().to_string().to_lowercase())));
    fs::create_dir_all(&staging.0).map_err(StoreError::file("create", &staging.0))?;
    let contents = unpack(&staging.0, from)?;
    settle(&staging.0)?;
    put_in_place(&layout, &staging.0)?;
    Ok(Restored { n_files: contents.files.len() as u64, n_bytes: contents.files.iter().map(|f| f.bytes).sum() })
}

struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        // What stays lies in `tmp` and is never read.
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Only plain paths below the directory.
fn is_plain(path: &Path) -> bool {
    path.components().all(|c| matches!(c, Component::Normal(_)))
}

fn unpack(staging: &Path, from: impl Read) -> Result<Contents, StoreError> {
    let mut archive = tar::Archive::new(from);
    let mut contents: Option<Contents> = None;
    let mut found: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for entry in archive.entries().map_err(|e| bad(e.to_string()))? {
        let mut entry = entry.map_err(|e| bad(e.to_string()))?;
        let path = entry.path().map_err(|e| bad(e.to_string()))?.into_owned();
        if !is_plain(&path) || !entry.header().entry_type().is_file() {
            return Err(bad(format!("it holds {}", path.display())));
        }
        let name = path.to_string_lossy().into_owned();
        if name == CONTENTS {
            contents = Some(serde_json::from_reader(&mut entry).map_err(|e| bad(e.to_string()))?);
            continue;
        }
        let target = staging.join(&path);
        if let Some(parent) = target.parent() {
            fs::create_dir_all(parent).map_err(StoreError::file("create", parent))?;
        }
        let mut file = File::create_new(&target).map_err(StoreError::file("create", &target))?;
        let n = std::io::copy(&mut entry, &mut file).map_err(|e| bad(e.to_string()))?;
        file.flush().and_then(|()| file.sync_all()).map_err(StoreError::file("write", &target))?;
        found.insert(name, (n, checksum(&target)?));
    }
    let contents = contents.ok_or_else(|| bad("its end is missing"))?;
    if contents.version > VERSION {
        return Err(bad(format!("it is of version {}, this program knows up to {VERSION}", contents.version)));
    }
    if contents.files.len() != found.len() {
        return Err(bad(format!("{} files were written into it and {} are there", contents.files.len(), found.len())));
    }
    for file in &contents.files {
        let is_right =
            found.get(&file.path).is_some_and(|(n, sum)| *n == file.bytes && format!("{sum:016x}") == file.checksum);
        if !is_right {
            return Err(bad(format!("{} is damaged", file.path)));
        }
    }
    Ok(contents)
}

/// Opens the copied manifest: every segment lies below the directory now and was just written.
fn settle(staging: &Path) -> Result<(), StoreError> {
    let mut manifest = Manifest::open(&staging.join("segments.db"), crate::disk::Disk::default())?;
    let mut places = Vec::new();
    for segment in manifest.segments(staging)? {
        let below = segment.root().and_then(|root| segment.path.strip_prefix(root).ok()).unwrap_or(&segment.path);
        if !is_plain(below) {
            return Err(bad(format!("its manifest names {}", segment.path.display())));
        }
        let path = Path::new("segments").join(below);
        let (_, modified) = stamp(&staging.join(&path)).map_err(StoreError::file("read", staging.join(&path)))?;
        places.push((segment.id.clone(), path.to_string_lossy().into_owned(), modified));
    }
    manifest.set_places(&places)
}

fn put_in_place(layout: &Layout, staging: &Path) -> Result<(), StoreError> {
    let disk = crate::disk::Disk::default();
    for suffix in ["", "-wal", "-shm"] {
        disk.remove(&layout.dir.join(format!("segments.db{suffix}")))?;
    }
    // The manifest last: without it nothing is there.
    for path in files_below(staging).into_iter().filter(|p| !p.ends_with("segments.db")) {
        let Ok(below) = path.strip_prefix(staging) else { continue };
        let target = layout.dir.join(below);
        if let Some(parent) = target.parent() {
            disk.create_dirs(parent)?;
            disk.rename(&path, &target)?;
            disk.sync_dir(parent)?;
        }
    }
    disk.rename(&staging.join("segments.db"), &layout.manifest())?;
    disk.sync_dir(&layout.dir)
}
