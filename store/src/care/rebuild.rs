//! A manifest made anew from the footers of segment files.

use crate::bucket::Bucket;
use crate::disk::Disk;
use crate::layout::Layout;
use crate::ledger::{Ledger, LedgerKey};
use crate::manifest::{Manifest, Sealed};
use crate::origin::Origins;
use crate::recover::files_below;
use crate::segment::{checksum, stamp};
use crate::snapshot::{Segment, Tier};
use crate::{StoreError, take_lock};
use arrow::array::{Array as _, AsArray as _};
use sextant_columns::{SegmentFooter, file_columns, read_columns, read_footer};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};

/// What a manifest was made of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Segments that it names.
    pub n_segments: u64,
    /// Records in them.
    pub n_records: u64,
    /// Files that it does not name, and why.
    pub left_out: Vec<(PathBuf, String)>,
}

/// Makes the manifest of `dir` anew; the old one is put aside. What only the old one knew is lost: rejected and evicted
/// counts, policies, pins, and segments in other directories.
///
/// # Errors
/// If the directory is in use or can't be written.
pub fn rebuild(dir: &Path) -> Result<Rebuilt, StoreError> {
    let layout = Layout::make(dir)?;
    let _lock = take_lock(&layout)?;
    let disk = Disk::default();
    let mut rebuilt = Rebuilt::default();
    let mut files: Vec<(PathBuf, SegmentFooter)> = Vec::new();
    for path in files_below(&layout.segments) {
        if path.extension().is_none_or(|e| e != "parquet") {
            continue;
        }
        match read_footer(&path) {
            Ok(footer) => files.push((path, footer)),
            Err(e) => rebuilt.left_out.push((path, e.to_string())),
        }
    }
    let logged: BTreeSet<u64> = files_below(&layout.wal)
        .iter()
        .filter_map(|p| p.file_name()?.to_str()?.strip_suffix(".wal")?.parse().ok())
        .collect();
    let files = current(files, &logged, &mut rebuilt);
    let mut segments = Vec::new();
    let mut ledger = Ledger::default();
    let mut senders = BTreeMap::new();
    for (path, footer) in files {
        match segment(&path, &footer) {
            Ok(segment) => {
                count(&footer, &mut ledger, &mut senders);
                rebuilt.n_records += segment.n_rows;
                segments.push(segment);
            }
            Err(e) => rebuilt.left_out.push((path, e.to_string())),
        }
    }
    rebuilt.n_segments = segments.len() as u64;
    let stamp = ulid::Ulid::generate().to_string().to_lowercase();
    for suffix in ["", "-wal", "-shm"] {
        let old = layout.dir.join(format!("segments.db{suffix}"));
        if old.exists() {
            disk.rename(&old, &layout.quarantine.join(format!("segments.db{suffix}.{stamp}")))?;
        }
    }
    let mut manifest = Manifest::open(&layout.manifest(), disk.clone())?;
    let senders: Vec<_> = senders.into_iter().collect();
    let epoch = segments.iter().map(|s| s.epoch).max().unwrap_or_default();
    let sealed =
        Sealed { epoch, segments: &segments, ledger: &ledger, services: &[], senders: &senders, requests: &[] };
    manifest.register(&sealed, &layout.dir)?;
    if logged.contains(&epoch) {
        manifest.uncover(epoch)?;
    }
    disk.sync_dir(&layout.dir)?;
    Ok(rebuilt)
}

/// Without files that others took the place of, others that are not complete, and rows that a log will bring.
fn current(
    files: Vec<(PathBuf, SegmentFooter)>,
    logged: &BTreeSet<u64>,
    rebuilt: &mut Rebuilt,
) -> Vec<(PathBuf, SegmentFooter)> {
    // The files of a change are complete if the last one is there, and all before it.
    let mut jobs: BTreeMap<String, (BTreeSet<u32>, Option<u32>)> = BTreeMap::new();
    for (_, footer) in &files {
        if let Some(r) = &footer.replaces {
            let job = jobs.entry(r.job.clone()).or_default();
            job.0.insert(r.part);
            if r.is_last {
                job.1 = Some(r.part);
            }
        }
    }
    let is_complete =
        |job: &str| jobs.get(job).is_some_and(|(parts, last)| last.is_some_and(|last| parts.len() as u32 == last + 1));
    let mut replaced: BTreeSet<String> = BTreeSet::new();
    for (_, footer) in &files {
        if let Some(r) = footer.replaces.as_ref().filter(|r| is_complete(&r.job)) {
            replaced.extend(r.segments.iter().cloned());
        }
    }
    let there: BTreeSet<String> = files.iter().map(|(path, _)| id_of(path)).collect();
    let mut left = Vec::new();
    for (path, footer) in files {
        let why = match &footer.replaces {
            _ if replaced.contains(&id_of(&path)) => Some("another file took its place"),
            // If what it was to replace is gone, it was put in place, and a part of it was lost since.
            Some(r) if !is_complete(&r.job) && r.segments.iter().any(|s| there.contains(s)) => {
                Some("it was not finished; what it is made of is there")
            }
            None if logged.contains(&footer.epoch) => Some("its rows are still in the log"),
            _ => None,
        };
        match why {
            Some(why) => rebuilt.left_out.push((path, why.to_owned())),
            None => left.push((path, footer)),
        }
    }
    left
}

fn id_of(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn damaged(what: &'static str) -> StoreError {
    StoreError::Columns(sextant_columns::ColumnsError::Damaged { kind: "segment", what })
}

/// What the manifest says of a file, read out of the file; reading all of a few columns also shows that it can be read.
fn segment(path: &Path, footer: &SegmentFooter) -> Result<Segment, StoreError> {
    let mut origins = Origins::default();
    let mut services: Option<BTreeSet<String>> = Some(BTreeSet::new());
    let mut n_rows = 0;
    for rows in read_columns(path, &["ServiceName", "ReceivedAt", "IngestId"], None)? {
        let rows = rows?;
        origins.add(&rows);
        n_rows += rows.num_rows() as u64;
        let names = rows.column_by_name("ServiceName").and_then(|c| c.as_string_opt::<i32>());
        let names = names.ok_or(damaged("ServiceName is missing"))?;
        for i in 0..names.len() {
            if let Some(all) = &mut services
                && (i == 0 || names.value(i) != names.value(i - 1))
                && all.insert(names.value(i).to_owned())
                && all.len() > 256
            {
                services = None;
            }
        }
    }
    if n_rows != footer.n_rows {
        return Err(damaged("rows are missing"));
    }
    let (n_bytes, modified) = stamp(path).map_err(StoreError::file("read", path))?;
    Ok(Segment {
        id: id_of(path),
        project: footer.project.clone(),
        table: footer.table,
        bucket: Bucket::parse(&footer.bucket).ok_or(damaged("its bucket makes no sense"))?,
        // In this directory nothing is cold.
        tier: Tier::parse(&footer.tier).filter(|t| *t != Tier::Cold).unwrap_or(Tier::Warm),
        path: path.to_owned(),
        n_rows,
        n_bytes,
        times: footer.times,
        services: services.map(|s| s.into_iter().collect()),
        checksum: checksum(path)?,
        epoch: footer.epoch,
        modified: Some(modified),
        received: origins.received(),
        n_taken_in: None,
        // It is made when the segment is merged.
        summary: Mutex::default(),
        columns: OnceLock::from(file_columns(path, footer.table)?),
        keys: OnceLock::new(),
        index: Mutex::default(),
        state: Mutex::default(),
        doom: OnceLock::new(),
    })
}

/// Counts a segment's records as received and stored, by the senders that its footer names.
fn count(footer: &SegmentFooter, ledger: &mut Ledger, senders: &mut BTreeMap<u16, (String, String)>) {
    let unknown = || "unknown".to_owned();
    let mut left = footer.n_rows;
    for origin in Origins::from_json(&footer.origins) {
        let (client, protocol) = origin.sender.clone().unwrap_or_else(|| (unknown(), unknown()));
        if let Some((number, sender)) = origin.number.zip(origin.sender) {
            senders.insert(number, sender);
        }
        let signal = footer.table.signal();
        let key = LedgerKey { project: footer.project.clone(), signal, client, protocol, day: origin.day };
        let n = origin.n.min(left);
        left -= n;
        ledger.0.entry(key).or_default().counts.received += n;
    }
    if left > 0 {
        let day = sextant_model::UnixNanos(footer.times.1).day();
        let key = LedgerKey {
            project: footer.project.clone(),
            signal: footer.table.signal(),
            client: unknown(),
            protocol: unknown(),
            day,
        };
        ledger.0.entry(key).or_default().counts.received += left;
    }
}
