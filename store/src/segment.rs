//! Making segment files.

use crate::StoreError;
use crate::bucket::Bucket;
use crate::disk::{Aside, DiskFile};
use crate::manifest::Replacement;
use crate::origin::Origins;
use crate::snapshot::{Segment, Tier};
use crate::state::{Shared, lock};
use crate::summary::SummaryBuilder;
use arrow::array::RecordBatch;
use sextant_columns::{Compression, FileColumns, Replaces, SegmentFooter, SegmentWriter, Writing};
use sextant_model::Table;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::UNIX_EPOCH;
use ulid::Ulid;
use xxhash_rust::xxh3::Xxh3;

/// Where a segment belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub project: String,
    pub table: Table,
    pub bucket: Bucket,
    pub tier: Tier,
    /// The epoch that it is sealed from, or the latest of those.
    pub epoch: u64,
}

impl Tier {
    pub(crate) fn compression(self) -> Compression {
        match self {
            Self::Hot => Compression::Hot,
            Self::Merged => Compression::Merged,
            Self::Warm | Self::Cold => Compression::Warm,
        }
    }
}

/// A segment that is being written.
pub(crate) struct Making<'a> {
    shared: &'a Shared,
    place: Place,
    id: String,
    path: PathBuf,
    folder: PathBuf,
    tmp: PathBuf,
    aside: Aside,
    writer: SegmentWriter<DiskFile>,
    columns: FileColumns,
    origins: Origins,
    summary: SummaryBuilder,
}

impl<'a> Making<'a> {
    /// Begins a file of about `n_rows` rows below `root`, with columns for some of the attributes.
    pub fn new(
        shared: &'a Shared,
        root: &Path,
        place: Place,
        n_rows: u64,
        promoted: &[String],
    ) -> Result<Self, StoreError> {
        let folder = root.join(&place.project).join(place.table.name()).join(place.bucket.folder());
        shared.disk.create_dirs(&folder)?;
        let id = Ulid::generate().to_string().to_lowercase();
        let path = folder.join(format!("{id}.parquet"));
        // Aside on the disk that it is for: another directory may lie on another one.
        let tmp = if root == shared.layout.segments { shared.layout.tmp.clone() } else { root.join("tmp") };
        shared.disk.create_dirs(&tmp)?;
        let mut aside = shared.disk.aside(&tmp, &path)?;
        let compression = if shared.config.is_compressed { place.tier.compression() } else { Compression::None };
        let how = Writing { compression, n_rows, promoted: promoted.to_vec() };
        let writer = SegmentWriter::new(aside.take()?, place.table, &how)?;
        let columns = FileColumns { lacks: Vec::new(), promoted: how.promoted };
        let (origins, summary) = (Origins::default(), SummaryBuilder::new(place.table));
        Ok(Self { shared, place, id, path, folder, tmp, aside, writer, columns, origins, summary })
    }

    pub fn write(&mut self, rows: &RecordBatch) -> Result<(), StoreError> {
        self.origins.add(rows);
        self.summary.add(rows);
        Ok(self.writer.write(rows)?)
    }

    pub fn n_bytes(&self) -> usize {
        self.writer.n_bytes()
    }

    pub fn n_rows(&self) -> u64 {
        self.writer.n_rows()
    }

    /// Puts the file in place, durably; it counts once the manifest names it.
    pub fn finish(self, replaces: Option<Replaces>) -> Result<Segment, StoreError> {
        let disk = &self.shared.disk;
        let (origins, n_taken_in) = {
            let senders = lock(&self.shared.senders);
            (self.origins.to_json(&senders), self.origins.n_taken_in(&senders))
        };
        let footer = SegmentFooter {
            table: self.place.table,
            project: self.place.project.clone(),
            epoch: self.place.epoch,
            bucket: self.place.bucket.name(),
            n_rows: 0,
            times: (0, 0),
            tier: self.place.tier.name().to_owned(),
            origins,
            replaces,
        };
        let written = self.writer.finish(footer)?;
        if let Some(index) = &written.index {
            let mut aside = disk.aside(&self.tmp, &self.path.with_extension("idx"))?;
            let mut file = aside.take()?;
            file.append(index)?;
            aside.put(&file)?;
        }
        self.aside.put(&written.out)?;
        disk.sync_dir(&self.folder)?;
        let checksum = checksum(&self.path)?;
        let (n_bytes, modified) = stamp(&self.path).map_err(StoreError::file("read", &self.path))?;
        Ok(Segment {
            id: self.id,
            project: self.place.project,
            table: self.place.table,
            bucket: self.place.bucket,
            tier: self.place.tier,
            path: self.path,
            n_rows: written.footer.n_rows,
            n_bytes,
            times: written.footer.times,
            services: written.services,
            checksum,
            epoch: self.place.epoch,
            modified: Some(modified),
            received: self.origins.received(),
            n_taken_in,
            columns: OnceLock::from(self.columns),
            keys: OnceLock::new(),
            summary: Mutex::new(self.summary.finish()),
            index: Mutex::default(),
            state: Mutex::default(),
            doom: OnceLock::new(),
        })
    }
}

/// Files in place that the manifest does not name; they go if they never get there.
pub(crate) struct Made<'a> {
    shared: &'a Shared,
    pub segments: Vec<Segment>,
}

impl<'a> Made<'a> {
    pub fn new(shared: &'a Shared) -> Self {
        Self { shared, segments: Vec::new() }
    }

    /// From here on they are somebody else's.
    pub fn take(mut self) -> Vec<Segment> {
        std::mem::take(&mut self.segments)
    }

    /// Puts them in the place of others: in the manifest, then for readers.
    pub fn put(mut self, change: Replacement<'_>) -> Result<(), StoreError> {
        let change = Replacement { made: &self.segments, ..change };
        let mut manifest = lock(&self.shared.manifest);
        if let Err(e) = manifest.replace(&change, &self.shared.layout.dir) {
            // A commit that failed may yet be found done at the next start, unless another one follows it. Only then
            // is it sure that nothing names these files.
            if manifest.settle().is_err() {
                self.segments.clear();
            }
            return Err(e);
        }
        drop(manifest);
        self.shared.ledger().merge(&change.counts);
        let gone = change.gone.to_vec();
        self.shared.publish_replaced(&gone, std::mem::take(&mut self.segments));
        Ok(())
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        for segment in &self.segments {
            segment.doom.set(self.shared.disk.clone()).ok();
        }
    }
}

/// Length of a file, and when it was last written, nanoseconds.
pub(crate) fn stamp(path: &Path) -> std::io::Result<(u64, i64)> {
    let metadata = path.metadata()?;
    let modified = metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos() as i64);
    Ok((metadata.len(), modified))
}

/// XXH3 of a file.
pub(crate) fn checksum(path: &Path) -> Result<u64, StoreError> {
    let mut file = File::open(path).map_err(StoreError::file("open", path))?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; 1 << 18];
    loop {
        match file.read(&mut buffer).map_err(StoreError::file("read", path))? {
            0 => return Ok(hash.digest()),
            n => hash.update(&buffer[..n]),
        }
    }
}
