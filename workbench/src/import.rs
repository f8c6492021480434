//! Taking in files.

use crate::bundle_import::{BUNDLES, is_bundle};
use crate::errors;
use crate::workbench::{Workbench, now};
use arrow::compute::concat_batches;
use sextant_contract::{AskError, Code, ImportedFile};
use sextant_importers::file::{self, Format};
use sextant_importers::{DecodeError, Decoded};
use sextant_model::{Batch, Counts, Signal, Table};
use sextant_store::{DUPLICATE, Import, Ingest, RequestKey, StoreError};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_128;

/// Lines of a file are kept together up to this size, so that not each pays for a sync.
const CHUNK_BYTES: usize = 8 << 20;
/// How long an import waits for others to finish before it tries again.
const PAUSE: Duration = Duration::from_millis(50);

struct Failure(AskError);

impl From<DecodeError> for Failure {
    fn from(e: DecodeError) -> Self {
        Self(AskError::new(Code::BadQuery, e.to_string()))
    }
}

/// Decoded lines on their way to the store.
#[derive(Default)]
pub(crate) struct Chunk {
    batches: Vec<Batch>,
    counts: [Counts; 3],
    size_bytes: usize,
}

impl Chunk {
    fn add(&mut self, decoded: Decoded) {
        for signal in Signal::ALL {
            self.counts[signal as usize].merge(decoded.counts(signal));
        }
        for batch in decoded.batches {
            self.size_bytes += batch.rows.get_array_memory_size();
            self.batches.push(batch);
        }
    }

    /// One batch a table.
    fn joined(&mut self) -> Vec<Batch> {
        let mut joined = Vec::new();
        for table in Table::ALL {
            let rows: Vec<_> = self.batches.iter().filter(|b| b.table == table).map(|b| b.rows.clone()).collect();
            let Some(first) = rows.first() else { continue };
            match concat_batches(&first.schema(), &rows) {
                Ok(rows) => joined.push(Batch { table, rows }),
                // Too large for one batch: they go as they are.
                Err(_) => joined.extend(rows.into_iter().map(|rows| Batch { table, rows })),
            }
        }
        self.batches.clear();
        self.size_bytes = 0;
        joined
    }
}

/// Projects name folders, so they are short and plain.
pub(crate) fn check_project(project: &str) -> Result<(), AskError> {
    let is_plain = project.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_plain && (1..=64).contains(&project.len()) {
        return Ok(());
    }
    Err(AskError::new(Code::BadQuery, format!("'{project}' is no name for a project"))
        .hint("use letters, digits, '-' and '_', at most 64"))
}

impl Workbench {
    pub(crate) fn import(
        &self,
        name: String,
        format: Option<&str>,
        project: Option<&str>,
        bytes: &[u8],
    ) -> Result<ImportedFile, AskError> {
        let project = project.unwrap_or("default");
        check_project(project)?;
        let format = format.filter(|f| *f != "auto");
        if format == Some(BUNDLES) || (format.is_none() && is_bundle(bytes)) {
            return self.import_bundle_bytes(&name, project, bytes);
        }
        let format = match format {
            None => None,
            Some(f) => Some(Format::from_name(f).ok_or_else(|| {
                AskError::new(Code::BadQuery, format!("there is no format '{f}'"))
                    .hint("use otlp-json, otlp-pb, zipkin, parquet or bundle")
            })?),
        };
        let mut keep = Keep::new(&self.store, project, xxh3_128(bytes));
        let mut chunk = Chunk::default();
        let read = file::read::<Failure>(bytes, format, now(), &mut |decoded| {
            chunk.add(decoded);
            keep.keep_full(&mut chunk).map_err(Failure)
        });
        keep.keep(&mut chunk)?;
        let mut report = read.map_err(|Failure(e)| e)?;
        // What was kept already was only found out by the store.
        report.counts.rejected.add(DUPLICATE, keep.n_duplicates);
        let rejected = report.counts.rejected.clone();
        Ok(ImportedFile {
            path: name,
            format: report.format.map(str::to_owned),
            read: report.counts.received,
            stored: report.counts.stored(),
            skipped: rejected.total(),
            skipped_by_reason: rejected.0,
            problems: report.problems,
            note: None,
        })
    }
}

/// An import on its way into the store.
pub(crate) struct Keep<'a> {
    store: Import<'a>,
    project: &'a str,
    /// Hash of the file.
    file: u128,
    /// Number of the chunk.
    n: u64,
    pub n_duplicates: u64,
}

impl<'a> Keep<'a> {
    pub fn new(store: &'a sextant_store::Store, project: &'a str, file: u128) -> Self {
        Self { store: store.import(), project, file, n: 0, n_duplicates: 0 }
    }

    /// Keeps a chunk that is large enough to be worth a sync.
    pub fn keep_full(&mut self, chunk: &mut Chunk) -> Result<(), AskError> {
        if chunk.size_bytes > CHUNK_BYTES { self.keep(chunk) } else { Ok(()) }
    }

    pub fn keep(&mut self, chunk: &mut Chunk) -> Result<(), AskError> {
        let counts = std::mem::take(&mut chunk.counts);
        if counts.iter().all(|c| c.received == 0) {
            return Ok(());
        }
        let place = [&self.file.to_le_bytes()[..], &self.n.to_le_bytes(), self.project.as_bytes()].concat();
        self.n += 1;
        let ingest = Ingest {
            project: self.project.to_owned(),
            client: "import".into(),
            protocol: "import".into(),
            received_at: now(),
            batches: chunk.joined(),
            counts,
            n_malformed: [0; 3],
            request: Some(RequestKey { hash: xxh3_128(&place), reply: String::new() }),
        };
        loop {
            match self.store.ingest(ingest.clone()) {
                Err(StoreError::Busy { .. } | StoreError::Behind { .. }) => std::thread::sleep(PAUSE),
                Err(e) => return Err(errors::store(&e)),
                Ok(acked) => {
                    let known = acked.counts.iter().filter_map(|c| c.rejected.0.get(DUPLICATE));
                    self.n_duplicates += known.sum::<u64>();
                    return Ok(());
                }
            }
        }
    }
}
