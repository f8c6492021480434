//! All rows of an answer into a file, part by part of the period, so that neither their number nor their size matters.

use crate::errors;
use crate::export_folder::{Folders, free, packed};
use crate::search::{answer, statement};
use crate::workbench::Workbench;
use arrow::array::{AsArray as _, RecordBatch};
use sextant_contract::{Answer, Ask, AskError, Code, Completeness, Outcome, RowFormat, SearchAsk, SearchKind};
use sextant_exports::{RowWriter, WriteError};
use sextant_model::query::Query;
use sextant_model::{Prune, Table, TimeRange, TraceId, UnixNanos};
use sextant_queries::{duckdb, parse, prune};
use sextant_store::{Health, Limits, StoreError};
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

/// About so many rows are read at once.
const PART_ROWS: u64 = 100_000;
/// So many traces are put together at once.
const PART_TRACES: usize = 500;
/// About so many records are a line of OTLP JSON.
const LINE_ROWS: usize = 4_000;
/// Files in the folder for exports that are older are taken away when another one is made.
const MAX_AGE: Duration = Duration::from_secs(24 * 3_600);

/// Told apart are the files that are being written.
static NEXT_PART: AtomicU64 = AtomicU64::new(1);
/// After so many batches it is looked whether there is room on the disk.
const CHECK_BATCHES: u64 = 16;

/// How far an export is.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    pub rows: AtomicU64,
    pub bytes: AtomicU64,
    /// Of a thousand.
    pub part: AtomicU64,
}

/// A file that is counted as it grows.
struct Counted {
    file: BufWriter<File>,
    progress: Arc<Progress>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = self.file.write(bytes)?;
        self.progress.bytes.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A file or folder under its temporary name; it goes away unless it is kept.
pub(crate) struct Aside {
    path: PathBuf,
    is_kept: bool,
}

impl Aside {
    /// Beside the place where it is meant for.
    pub fn new(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy();
        // A name of its own: two exports at once may be meant for the same place.
        let part = format!(".{name}.{}.part", NEXT_PART.fetch_add(1, Ordering::Relaxed));
        Some(Self { path: path.with_file_name(part), is_kept: false })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts it where it is meant for.
    pub fn keep(mut self, path: &Path) -> io::Result<()> {
        std::fs::rename(&self.path, path)?;
        self.is_kept = true;
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        if !self.is_kept {
            // What could not be made may not be there.
            std::fs::remove_file(&self.path).or_else(|_| std::fs::remove_dir_all(&self.path)).ok();
        }
    }
}

/// What rows go to.
enum Sink {
    Rows(Box<RowWriter<Counted>>),
    Folders(Folders),
}

struct Export<'a> {
    workbench: &'a Workbench,
    sink: Sink,
    progress: Arc<Progress>,
    completeness: Completeness,
    n_checks: u64,
}

impl Workbench {
    /// How far the export of this tag is.
    pub(crate) fn progress(&self, tag: u64) -> Answer {
        let known = self.exports().get(&tag).cloned();
        let object = known.map_or_else(
            || serde_json::json!({}),
            |p| {
                let part = p.part.load(Ordering::Relaxed) as f64 / 1_000.0;
                let n = |n: &AtomicU64| n.load(Ordering::Relaxed);
                serde_json::json!({ "part": part, "rows": n(&p.rows), "bytes": n(&p.bytes) })
            },
        );
        Answer::object(object, 0)
    }

    /// Writes all rows of `ask` to a file or a folder.
    pub(crate) fn export(
        &self,
        ask: &Ask,
        format: RowFormat,
        tag: u64,
        path: Option<&str>,
        location: Option<&str>,
    ) -> Result<Outcome, AskError> {
        // A folder that is fetched is one file on its way.
        let is_packed = path.is_none() && format.is_folder();
        let extension = if is_packed { format!("{}.tar", format.extension()) } else { format.extension().to_owned() };
        let claimed = if path.is_none() { Some(self.export_path(ask.noun(), &extension)?) } else { None };
        let path = claimed.clone().or_else(|| path.map(PathBuf::from)).unwrap_or_default();
        let progress = Arc::new(Progress::default());
        self.exports().insert(tag, progress.clone());
        let done = self.store.under(tag, || {
            if format.is_folder() {
                self.write_folder(ask, format, &path, location, is_packed, &progress)
            } else {
                self.write_file(ask, format, &path, &progress)
            }
        });
        self.exports().remove(&tag);
        if let (Err(_), Some(empty)) = (&done, claimed) {
            // It held the name only.
            std::fs::remove_file(empty).ok();
        }
        done
    }

    fn write_file(
        &self,
        ask: &Ask,
        format: RowFormat,
        path: &Path,
        progress: &Arc<Progress>,
    ) -> Result<Outcome, AskError> {
        let failed = |e: &dyn std::fmt::Display| unwritten(path, e);
        let aside = Aside::new(path).ok_or_else(|| failed(&"it is no file"))?;
        let file = File::create(&aside.path).map_err(|e| failed(&e))?;
        let file = Counted { file: BufWriter::with_capacity(1 << 18, file), progress: progress.clone() };
        let mut export = Export::new(self, Sink::Rows(Box::new(RowWriter::new(file, format))), progress);
        export.rows(ask, format)?;
        let n_rows = export.n_rows();
        let completeness = export.completeness;
        let Sink::Rows(writer) = export.sink else { return Err(failed(&"it is a folder")) };
        let file = writer.finish().map_err(|e| failed(&e))?;
        let file = file.file.into_inner().map_err(|e| failed(&e))?;
        file.sync_all().map_err(|e| failed(&e))?;
        let n_bytes = file.metadata().map_err(|e| failed(&e))?.len();
        aside.keep(path).map_err(|e| failed(&e))?;
        Ok(Outcome::Object { object: made(path, n_rows, n_bytes, &completeness) })
    }

    fn write_folder(
        &self,
        ask: &Ask,
        format: RowFormat,
        path: &Path,
        location: Option<&str>,
        is_packed: bool,
        progress: &Arc<Progress>,
    ) -> Result<Outcome, AskError> {
        let failed = |e: &dyn std::fmt::Display| unwritten(path, e);
        if !is_packed {
            free(path)?;
        }
        let aside = Aside::new(path).ok_or_else(|| failed(&"it is no folder"))?;
        let location = match (format, location) {
            (RowFormat::Iceberg, Some(location)) => Some(location.to_owned()),
            (RowFormat::Iceberg, None) => Some(format!("file://{}", path.display())),
            _ => None,
        };
        let folders = Folders::new(aside.path.clone(), location)?;
        let mut export = Export::new(self, Sink::Folders(folders), progress);
        export.rows(ask, format)?;
        let n_rows = export.n_rows();
        let completeness = export.completeness;
        let Sink::Folders(folders) = export.sink else { return Err(failed(&"it is a file")) };
        if n_rows == 0 {
            let message = "nothing matches, and a folder without files says nothing";
            return Err(AskError::new(Code::Refused, message).hint("widen the query or the period"));
        }
        let files = folders.finish()?;
        let mut n_bytes = files.iter().filter_map(|f| f["bytes"].as_u64()).sum();
        if is_packed {
            let whole = Aside::new(path).ok_or_else(|| failed(&"it is no file"))?;
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let file = File::create(&whole.path).map_err(|e| failed(&e))?;
            let file = packed(&aside.path, &name, file).map_err(|e| failed(&e))?;
            file.sync_all().map_err(|e| failed(&e))?;
            n_bytes = file.metadata().map_err(|e| failed(&e))?.len();
            whole.keep(path).map_err(|e| failed(&e))?;
        } else {
            aside.keep(path).map_err(|e| failed(&e))?;
        }
        let mut object = made(path, n_rows, n_bytes, &completeness);
        object["files"] = files.into();
        Ok(Outcome::Object { object })
    }

    /// Where exports are that nobody named a place for.
    pub fn exports_dir(&self) -> PathBuf {
        if self.is_read_only() {
            std::env::temp_dir().join(format!("sextant-exports-{}", std::process::id()))
        } else {
            self.data_dir().join("exports")
        }
    }

    /// A name in the folder for exports that nobody else has.
    pub(crate) fn export_path(&self, noun: &str, extension: &str) -> Result<PathBuf, AskError> {
        let dir = self.exports_dir();
        std::fs::create_dir_all(&dir).map_err(|e| {
            AskError::new(Code::Refused, format!("there is no room for exports at {}: {e}", dir.display()))
        })?;
        for entry in std::fs::read_dir(&dir).into_iter().flatten().flatten() {
            let age = entry.metadata().and_then(|m| m.modified()).ok();
            let is_old = age.and_then(|t| SystemTime::now().duration_since(t).ok()).is_some_and(|age| age > MAX_AGE);
            if is_old && let Err(e) = std::fs::remove_file(entry.path()) {
                tracing::warn!("an old export stays: {e}");
            }
        }
        let digits: String =
            UnixNanos(crate::workbench::now()).to_string().chars().filter(char::is_ascii_digit).take(14).collect();
        let stamp = format!("{}-{}", digits.get(..8).unwrap_or_default(), digits.get(8..).unwrap_or_default());
        let named = |n: u64| {
            let more = if n == 0 { String::new() } else { format!("-{n}") };
            dir.join(format!("sextant-{noun}-{stamp}{more}.{extension}"))
        };
        // Taken at once, so that no other export of this moment gets the same.
        (0..1_000)
            .map(named)
            .find(|path| File::create_new(path).is_ok())
            .ok_or_else(|| AskError::new(Code::Refused, format!("no file can be made in {}", dir.display())))
    }
}

pub(crate) fn unwritten(path: &Path, e: &dyn std::fmt::Display) -> AskError {
    AskError::new(Code::Refused, format!("{} can't be written: {e}", path.display()))
        .hint("choose another place, or make room")
}

/// What came of it.
fn made(path: &Path, n_rows: u64, n_bytes: u64, completeness: &Completeness) -> serde_json::Value {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let path = path.to_string_lossy();
    let mut object = serde_json::json!({ "path": path, "name": name, "rows": n_rows, "bytes": n_bytes });
    match completeness {
        Completeness::Complete => {}
        Completeness::Partial { reason } => object["lacking"] = reason.as_str().into(),
        Completeness::Limited { total: Some(total) } => {
            object["lacking"] = format!("the first {n_rows} of {total} rows").into();
        }
        Completeness::Limited { total: None } => {
            object["lacking"] = format!("the first {n_rows} rows; there are more").into();
        }
    }
    object
}

impl<'a> Export<'a> {
    fn new(workbench: &'a Workbench, sink: Sink, progress: &Arc<Progress>) -> Self {
        let progress = progress.clone();
        Self { workbench, sink, progress, completeness: Completeness::Complete, n_checks: 0 }
    }

    fn n_rows(&self) -> u64 {
        match &self.sink {
            Sink::Rows(writer) => writer.n_rows(),
            Sink::Folders(folders) => folders.n_rows(),
        }
    }

    fn rows(&mut self, ask: &Ask, format: RowFormat) -> Result<(), AskError> {
        let not_telemetry =
            || AskError::new(Code::Refused, WriteError::NotTelemetry.to_string()).hint("choose CSV, NDJSON or Parquet");
        match (ask, format) {
            (Ask::Search(search), _) if !search.explain => {
                let query = parse(search.kind.signal(), &search.query).map_err(|e| errors::parse(&e))?;
                match (query.aggregate.is_some(), format) {
                    (true, format) if format.is_of_records() => Err(not_telemetry()),
                    (true, _) => {
                        let all = SearchAsk { limit: usize::MAX >> 1, ..search.clone() };
                        let found = self.workbench.search(&all)?;
                        self.answer(&found)
                    }
                    (false, _) => self.search(search, &query, format),
                }
            }
            (Ask::Trace { id }, format) if format.is_of_records() => {
                let found = self.workbench.stored_trace(id)?;
                self.lacking(&found);
                self.records(Table::Traces, &found.batches)
            }
            (_, format) if format.is_of_records() => Err(not_telemetry()),
            (Ask::Sql { sql, period, .. }, _) => {
                let found = self.workbench.sql(sql, None, *period, Limits::default())?;
                self.answer(&found)
            }
            _ => {
                let found = self.workbench.answer(ask)?;
                if found.schema.fields().is_empty() {
                    return Err(AskError::new(Code::Refused, "there are no rows in this to be written"));
                }
                self.answer(&found)
            }
        }
    }

    /// The records of a search, a part of the period at a time.
    fn search(&mut self, search: &SearchAsk, query: &Query, format: RowFormat) -> Result<(), AskError> {
        let store = &self.workbench.store;
        let range = TimeRange::from(search.period);
        let tables = query.signal.tables();
        let parts = if query.filter.is_about_traces() {
            // What is said of whole traces can't be seen in parts of them.
            vec![range]
        } else {
            store.slices(tables, &prune(query, range), range, PART_ROWS)
        };
        let mut seen = HashSet::new();
        for (i, part) in parts.iter().enumerate() {
            if search.kind == SearchKind::Traces {
                self.traces(query, *part, &mut seen, format)?;
            } else if format.is_of_records() {
                for table in tables {
                    let sql = duckdb::whole(*table, query, *part);
                    let found = store.query(&sql, &prune(query, *part), Limits::default());
                    let found = found.map(answer).map_err(|e| errors::store(&e))?;
                    self.lacking(&found);
                    self.records(*table, &found.batches)?;
                }
            } else {
                let all = SearchAsk { limit: usize::MAX >> 1, ..search.clone() };
                let sql = statement(&all, query, *part);
                let found = store.query(&sql, &prune(query, *part), Limits::default());
                self.answer(&found.map(answer).map_err(|e| errors::store(&e))?)?;
            }
            self.progress.part.store((i as u64 + 1) * 1_000 / parts.len() as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The traces with a match in a part of the period that had none in those before.
    fn traces(
        &mut self,
        query: &Query,
        part: TimeRange,
        seen: &mut HashSet<TraceId>,
        format: RowFormat,
    ) -> Result<(), AskError> {
        let store = &self.workbench.store;
        let hits =
            store.query(&duckdb::trace_hits(query, part, usize::MAX >> 1), &prune(query, part), Limits::default());
        let hits = hits.map(answer).map_err(|e| errors::store(&e))?;
        self.lacking(&hits);
        let mut ids = Vec::new();
        for batch in &hits.batches {
            let Some(column) = batch.column_by_name("TraceId").and_then(|c| c.as_string_opt::<i32>()) else { continue };
            ids.extend(
                column.iter().flatten().filter_map(|id| id.parse::<TraceId>().ok()).filter(|id| seen.insert(*id)),
            );
        }
        // With none, so that the columns are there.
        let chunks = if ids.is_empty() { vec![&[][..]] } else { ids.chunks(PART_TRACES).collect() };
        for ids in chunks {
            let of_these = Prune { traces: Some(ids.to_vec()), ..Prune::default() };
            let sql = if format.is_of_records() { duckdb::whole_traces(ids) } else { duckdb::trace_summaries(ids) };
            let found = store.query(&sql, &of_these, Limits::default()).map(answer).map_err(|e| errors::store(&e))?;
            if format.is_of_records() {
                self.lacking(&found);
                self.records(Table::Traces, &found.batches)?;
            } else {
                self.answer(&found)?;
            }
        }
        Ok(())
    }

    fn lacking(&mut self, found: &Answer) {
        if found.completeness != Completeness::Complete {
            self.completeness = std::mem::take(&mut self.completeness).and(found.completeness.clone());
        }
    }

    fn answer(&mut self, found: &Answer) -> Result<(), AskError> {
        self.lacking(found);
        for batch in &found.batches {
            self.check()?;
            if let Sink::Rows(writer) = &mut self.sink {
                writer.write(batch).map_err(|e| unwritable(&e))?;
            }
            self.count();
        }
        // The columns are there without rows too.
        match &mut self.sink {
            Sink::Rows(writer) => writer.begin(&found.schema).map_err(|e| unwritable(&e)),
            Sink::Folders(_) => Err(unwritable(&WriteError::NotTelemetry)),
        }
    }

    fn records(&mut self, table: Table, batches: &[RecordBatch]) -> Result<(), AskError> {
        for batch in batches {
            for first in (0..batch.num_rows()).step_by(LINE_ROWS) {
                self.check()?;
                let line = batch.slice(first, LINE_ROWS.min(batch.num_rows() - first));
                match &mut self.sink {
                    Sink::Rows(writer) => writer.write_records(table, &[line]).map_err(|e| unwritable(&e))?,
                    Sink::Folders(folders) => {
                        folders.write(table, &line)?;
                        self.progress.bytes.store(folders.n_bytes(), Ordering::Relaxed);
                    }
                }
                self.count();
            }
        }
        Ok(())
    }

    fn count(&self) {
        self.progress.rows.store(self.n_rows(), Ordering::Relaxed);
    }

    fn check(&mut self) -> Result<(), AskError> {
        if self.workbench.is_stopped() {
            return Err(errors::store(&StoreError::Cancelled));
        }
        self.n_checks += 1;
        // Records that come in go before files that go out.
        if self.n_checks.is_multiple_of(CHECK_BATCHES) && self.workbench.health() == Health::DiskFull {
            return Err(AskError::new(
                Code::Refused,
                "the disk is nearly full, and what is left is kept for what comes in",
            )
            .hint("make room, or export less"));
        }
        Ok(())
    }
}

fn unwritable(e: &WriteError) -> AskError {
    AskError::new(Code::Refused, format!("the file can't be written: {e}")).hint("choose another format or place")
}
