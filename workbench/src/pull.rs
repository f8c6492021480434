//! Taking over a slice of a source: its rows wait in files until all of them are there and counted, then they are kept like
//! those of an import.

use crate::explore::bounds;
use crate::import::{Chunk, Keep};
use crate::remotes::{failed, refused};
use crate::workbench::Workbench;
use crate::{errors, search::not_found};
use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::Int64Type;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use sextant_contract::{AskError, Code, ImportedFile, Outcome, Period};
use sextant_model::{Batch, Signal, Table, TimeRange};
use sextant_queries::{clickhouse, parse};
use sextant_remote::{Kind, Limits, RemoteError, Statement};
use std::fs::File;
use std::io::{BufReader, BufWriter, Seek as _};
use std::ops::ControlFlow;
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_128;

/// One table may take so long, and so many bytes.
const LIMITS: Limits = Limits {
    time: Duration::from_hours(1),
    n_rows: usize::MAX,
    n_bytes: u64::MAX,
    bytes_read: u64::MAX,
    is_partial: false,
};

/// What is taken over.
pub(crate) struct Pull<'a> {
    pub source: &'a str,
    pub query: &'a str,
    pub signal: Option<&'a str>,
    pub period: Period,
    pub is_whole: bool,
}

/// Rows of a table that came, in a file without a name.
struct Waiting {
    table: Table,
    file: Option<File>,
    n: u64,
}

fn cannot(e: &dyn std::fmt::Display) -> RemoteError {
    RemoteError::new(Kind::Other, format!("what came can't be put aside: {e}"))
}

impl Workbench {
    pub(crate) fn pull(&self, pull: &Pull<'_>) -> Result<Outcome, AskError> {
        bounds(pull.period)?;
        let range = TimeRange::from(pull.period);
        let wanted: Vec<Signal> = match pull.signal {
            None => Signal::ALL.to_vec(),
            Some(name) => Signal::ALL.into_iter().filter(|s| s.name() == name).collect(),
        };
        if wanted.is_empty() {
            let why = format!("there is no signal '{}'", pull.signal.unwrap_or_default());
            return Err(AskError::new(Code::BadQuery, why).hint("traces, logs or metrics"));
        }
        let attached = self.attached(pull.source)?;
        let mut waiting = Vec::new();
        for signal in wanted.iter().copied() {
            // What makes no sense for one signal of all is left out of it.
            let of = if pull.is_whole && signal == Signal::Logs { Signal::Traces } else { signal };
            let query = match parse(of, pull.query) {
                Ok(query) if query.aggregate.is_none() => query,
                Ok(_) => {
                    return Err(AskError::new(Code::BadQuery, "figures can't be taken over, only their records")
                        .hint("leave out what follows the |"));
                }
                Err(e) if wanted.len() == 1 => return Err(errors::parse(&e)),
                Err(_) => continue,
            };
            let slice = clickhouse::Slice { query: &query, range, is_whole: pull.is_whole };
            for table in signal.tables().iter().copied().filter(|t| attached.layout.tables.contains_key(t)) {
                waiting.push(self.fetch(&attached, table, slice)?);
            }
        }
        if waiting.is_empty() {
            let why = format!("'{}' has nothing of this that could be taken over", pull.source);
            return Err(not_found(why).hint(format!("see what it has with: sextant source test {}", pull.source)));
        }
        let name = format!("{} {} {:?} {}", pull.source, pull.query, pull.period, pull.is_whole);
        let mut files = Vec::new();
        for one in waiting {
            files.push(self.keep_pulled(pull.source, &name, one)?);
        }
        Ok(Outcome::Object { object: serde_json::json!({ "files": files }) })
    }

    /// All rows of a table in a slice, counted there and here.
    fn fetch(
        &self,
        attached: &crate::remotes::Attached,
        table: Table,
        slice: clickhouse::Slice<'_>,
    ) -> Result<Waiting, AskError> {
        let tables = attached.layout.tables();
        let columns = attached.layout.kept(table);
        let statement = |sql| Statement::new(sql).map_err(|e| refused(&e));
        let count = statement(clickhouse::count_of(&tables, table, slice))?;
        let rows = statement(clickhouse::rows(&tables, table, &columns, slice))?;
        let n_there = self.wait(async {
            let (batches, _) = attached.client.rows(&count, LIMITS).await?;
            let n = batches.first().and_then(|b| Some(b.column(0).as_primitive_opt::<Int64Type>()?.value(0)));
            Ok(n.unwrap_or(0) as u64)
        })?;
        let mut waiting = Waiting { table, file: None, n: 0 };
        if n_there == 0 {
            return Ok(waiting);
        }
        let file = tempfile::tempfile_in(self.data_dir()).map_err(|e| failed(&cannot(&e)))?;
        let mut writer: Option<StreamWriter<BufWriter<File>>> = None;
        let mut trouble = None;
        let put = |batch: RecordBatch| {
            let mut put = || -> Result<(), RemoteError> {
                let rows = sextant_remote::arrived(table, &batch)?;
                if writer.is_none() {
                    let file = BufWriter::new(file.try_clone().map_err(|e| cannot(&e))?);
                    writer = Some(StreamWriter::try_new(file, &rows.schema()).map_err(|e| cannot(&e))?);
                }
                waiting.n += rows.num_rows() as u64;
                writer.as_mut().map_or(Ok(()), |w| w.write(&rows)).map_err(|e| cannot(&e))
            };
            match put() {
                Ok(()) => ControlFlow::Continue(()),
                Err(e) => {
                    trouble = Some(e);
                    ControlFlow::Break(())
                }
            }
        };
        self.wait(attached.client.run(&rows, LIMITS, put))?;
        if let Some(e) = trouble {
            return Err(failed(&e));
        }
        if waiting.n != n_there {
            let why = format!("{} counted {n_there} rows and sent {}: nothing was kept", table.name(), waiting.n);
            return Err(AskError::new(Code::Busy, why).hint("records still come in: take a period that is over"));
        }
        if let Some(mut writer) = writer {
            writer.finish().and_then(|()| writer.flush()).map_err(|e| failed(&cannot(&e)))?;
        }
        waiting.file = Some(file);
        Ok(waiting)
    }

    /// Keeps what waits; what was kept before is counted as such.
    fn keep_pulled(&self, source: &str, name: &str, waiting: Waiting) -> Result<ImportedFile, AskError> {
        let Waiting { table, file, n } = waiting;
        let mut keep = Keep::new(&self.store, "default", xxh3_128(format!("{name} {table}").as_bytes()));
        let mut chunk = Chunk::default();
        if let Some(mut file) = file {
            let cannot = |e: &dyn std::fmt::Display| failed(&cannot(e));
            file.rewind().map_err(|e| cannot(&e))?;
            for rows in StreamReader::try_new(BufReader::new(file), None).map_err(|e| cannot(&e))? {
                chunk.add_rows(Batch { table, rows: rows.map_err(|e| cannot(&e))? });
                keep.keep_full(&mut chunk)?;
            }
        }
        keep.keep(&mut chunk)?;
        let skipped = keep.n_duplicates;
        let mut reasons = std::collections::BTreeMap::new();
        if skipped > 0 {
            reasons.insert(sextant_store::DUPLICATE.to_owned(), skipped);
        }
        Ok(ImportedFile {
            path: format!("{source}: {}", table.name()),
            format: Some("clickhouse".into()),
            read: n,
            stored: n.saturating_sub(skipped),
            skipped,
            skipped_by_reason: reasons,
            problems: Vec::new(),
        })
    }
}
