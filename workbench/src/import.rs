//! Taking in files.

use crate::errors;
use crate::workbench::{Workbench, now};
use arrow::compute::concat_batches;
use sextant_contract::{AskError, Code, ImportedFile};
use sextant_importers::file::{self, Format};
use sextant_importers::{DecodeError, Decoded};
use sextant_model::{Batch, Counts, Signal, Table};
use sextant_store::{Ingest, StoreError};
use std::time::Duration;

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
struct Chunk {
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
fn check_project(project: &str) -> Result<(), AskError> {
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
        let format = match format.filter(|f| *f != "auto") {
            None => None,
            Some(f) => Some(Format::from_name(f).ok_or_else(|| {
                AskError::new(Code::BadQuery, format!("there is no format '{f}'"))
                    .hint("use otlp-json, otlp-pb or zipkin")
            })?),
        };
        let project = project.unwrap_or("default");
        check_project(project)?;
        let mut chunk = Chunk::default();
        let read = file::read::<Failure>(bytes, format, now(), &mut |decoded| {
            chunk.add(decoded);
            if chunk.size_bytes > CHUNK_BYTES { self.keep(project, &mut chunk).map_err(Failure) } else { Ok(()) }
        });
        self.keep(project, &mut chunk)?;
        let report = read.map_err(|Failure(e)| e)?;
        let rejected = report.counts.rejected.clone();
        Ok(ImportedFile {
            path: name,
            format: report.format.map(str::to_owned),
            read: report.counts.received,
            stored: report.counts.stored(),
            skipped: rejected.total(),
            skipped_by_reason: rejected.0,
            problems: report.problems,
        })
    }

    fn keep(&self, project: &str, chunk: &mut Chunk) -> Result<(), AskError> {
        let counts = std::mem::take(&mut chunk.counts);
        if counts.iter().all(|c| c.received == 0) {
            return Ok(());
        }
        let ingest = Ingest {
            project: project.to_owned(),
            client: "import".into(),
            protocol: "import".into(),
            received_at: now(),
            batches: chunk.joined(),
            counts,
            n_malformed: [0; 3],
        };
        loop {
            match self.store.ingest_wait(ingest.clone()) {
                Err(StoreError::Busy { .. }) => std::thread::sleep(PAUSE),
                other => return other.map_err(|e| errors::store(&e)),
            }
        }
    }
}
