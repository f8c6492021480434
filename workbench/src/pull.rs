//! Taking over a slice of a source: its rows wait in files, part by part, until all of them are there and counted, then they
//! count, by one change. What is interrupted goes on with the part that it was in.

use crate::explore::bounds;
use crate::remotes::{Asked, failed, named, refused};
use crate::there::first_number;
use crate::workbench::{Workbench, now};
use crate::{errors, search::not_found};
use arrow::array::RecordBatch;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use sextant_contract::{AskError, Code, ImportedFile, Outcome, Period};
use sextant_model::{Batch, Signal, Table, TimeRange, UnixNanos};
use sextant_queries::{clickhouse, parse};
use sextant_remote::{Kind, LOCAL, Limits, RemoteError, Statement};
use sextant_store::{Origin, Saved};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
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
    pub is_heavy: bool,
}

/// Rows of a table that came, in files.
struct Waiting {
    table: Table,
    /// Who has them.
    keeper: String,
    /// Each with its number of rows.
    files: Vec<(PathBuf, u64)>,
    n: u64,
}

/// A part of a table has about so many rows: what was interrupted goes on with the part that it was in.
const PART_ROWS: u64 = 250_000;
const MAX_PARTS: u64 = 200;
/// The kind of the notes that say what was taken over.
pub(crate) const PULLS: &str = "pull";
/// What was begun and never ended is thrown away after so long.
const FORGOTTEN: Duration = Duration::from_hours(7 * 24);

/// Equal parts of a period.
fn parts(range: TimeRange, n: u64) -> Vec<TimeRange> {
    let (Some(from), Some(to)) = (range.from, range.to) else { return vec![range] };
    let edge = |i: u64| {
        let length = i128::from(to.0) - i128::from(from.0);
        UnixNanos((i128::from(from.0) + length * i128::from(i) / i128::from(n)) as i64)
    };
    (0..n).map(|i| TimeRange { from: Some(edge(i)), to: Some(edge(i + 1)) }).collect()
}

/// A folder for what is under way, that only its owner can read; others that nobody came back for go.
fn folder(data: &Path, name: &str) -> std::io::Result<PathBuf> {
    use std::os::unix::fs::DirBuilderExt as _;
    let all = data.join("pulls");
    for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
        let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
        if age > FORGOTTEN {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    let dir = all.join(format!("{:032x}", xxh3_128(name.as_bytes())));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
    Ok(dir)
}

/// One pull of a kind at a time: what two wrote into the same files would be nothing.
fn alone(dir: &Path) -> Result<File, AskError> {
    let cannot = |e: std::io::Error| failed(&cannot(&e));
    let file = File::options().create(true).truncate(false).write(true).open(dir.join("lock")).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => {
            Err(AskError::new(Code::Busy, "the same is being taken over already").hint("wait until it is done"))
        }
        Err(std::fs::TryLockError::Error(e)) => Err(cannot(e)),
    }
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
        let (source, _) = self.sources_files().get(pull.source).map_err(|e| named(&e))?;
        let name = format!("{source:?} {} {:?} {}", pull.query, pull.period, pull.is_whole);
        let dir = folder(self.data_dir(), &name).map_err(|e| failed(&cannot(&e)))?;
        let _alone = alone(&dir)?;
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
            let keeper = self.keeper(pull.source, Some(signal))?;
            if keeper == LOCAL {
                continue;
            }
            if pull.is_whole && signal == Signal::Logs && self.keeper(pull.source, Some(Signal::Traces))? != keeper {
                let why = format!(
                    "the logs of its traces are in '{keeper}', which can't be asked for those of '{}'",
                    pull.source
                );
                let hint = format!("take its traces with --signal traces, and the logs with --source {keeper}");
                return Err(AskError::new(Code::Refused, why).hint(hint));
            }
            let attached = Asked { source: self.attached(&keeper)?, is_heavy: pull.is_heavy };
            for table in signal.tables().iter().copied().filter(|t| attached.layout.tables.contains_key(t)) {
                let went_on = |e: AskError| match e.hint {
                    Some(_) => e,
                    None => e.hint("the same again goes on where this stopped"),
                };
                let all = clickhouse::rows(&attached.layout.tables(), table, &attached.layout.kept(table), slice);
                self.guarded(&attached, &Statement::new(all).map_err(|e| refused(&e))?)?;
                let fetched = self.fetch(&attached, &dir, table, slice).map_err(went_on)?;
                waiting.push(Waiting { keeper: keeper.clone(), ..fetched });
            }
        }
        if waiting.is_empty() {
            let why = format!("'{}' has nothing of this that could be taken over", pull.source);
            return Err(not_found(why).hint(format!("see what it has with: sextant source test {}", pull.source)));
        }
        let files = self.keep_pulled(pull, &waiting)?;
        std::fs::remove_dir_all(&dir).map_err(|e| failed(&cannot(&e)))?;
        Ok(Outcome::Object { object: serde_json::json!({ "files": files }) })
    }

    fn count_there(&self, attached: &Asked, table: Table, slice: clickhouse::Slice<'_>) -> Result<u64, AskError> {
        let count = clickhouse::count_of(&attached.layout.tables(), table, slice);
        let count = Statement::new(count).map_err(|e| refused(&e))?;
        self.wait(async {
            let (batches, _) = attached.client.rows(&count, LIMITS).await?;
            Ok(first_number(&batches).unwrap_or(0) as u64)
        })
    }

    /// All rows of a table in a slice, part by part, counted there and here. Parts that came before stay.
    fn fetch(
        &self,
        attached: &Asked,
        dir: &Path,
        table: Table,
        slice: clickhouse::Slice<'_>,
    ) -> Result<Waiting, AskError> {
        let n_all = self.count_there(attached, table, slice)?;
        // The rest of a trace may lie outside of the period: it comes as one.
        let n_parts = if slice.is_whole { 1 } else { n_all.div_ceil(PART_ROWS).clamp(1, MAX_PARTS) };
        let mut waiting = Waiting { table, keeper: String::new(), files: Vec::new(), n: 0 };
        for range in parts(slice.range, n_parts) {
            let part = clickhouse::Slice { range, ..slice };
            let n = if n_parts == 1 { n_all } else { self.count_there(attached, table, part)? };
            if n == 0 {
                continue;
            }
            let edge = |t: Option<UnixNanos>| t.map_or(0, |t| t.0);
            let path = dir.join(format!("{table}-{}-{}-{n}.arrows", edge(range.from), edge(range.to)));
            if !path.exists() {
                self.fetch_part(attached, table, part, n, &path)?;
            }
            waiting.files.push((path, n));
            waiting.n += n;
        }
        if waiting.n != n_all {
            let why = format!("{} counted {n_all} rows and then {}: nothing was kept", table.name(), waiting.n);
            return Err(AskError::new(Code::Busy, why).hint("records still come in: take a period that is over"));
        }
        Ok(waiting)
    }

    /// A part into a file, which is there when the part is whole.
    fn fetch_part(
        &self,
        attached: &Asked,
        table: Table,
        part: clickhouse::Slice<'_>,
        n_there: u64,
        path: &Path,
    ) -> Result<(), AskError> {
        let sql = clickhouse::rows(&attached.layout.tables(), table, &attached.layout.kept(table), part);
        let rows = Statement::new(sql).map_err(|e| refused(&e))?;
        let begun = path.with_extension("begun");
        let file = File::create(&begun).map_err(|e| failed(&cannot(&e)))?;
        let mut writer: Option<StreamWriter<BufWriter<File>>> = None;
        let (mut trouble, mut n) = (None, 0);
        let put = |batch: RecordBatch| {
            let mut put = || -> Result<(), RemoteError> {
                // What comes in from elsewhere keeps its room.
                self.store.has_room().map_err(|e| cannot(&e))?;
                let rows = sextant_remote::arrived(table, &batch)?;
                if writer.is_none() {
                    let file = BufWriter::new(file.try_clone().map_err(|e| cannot(&e))?);
                    writer = Some(StreamWriter::try_new(file, &rows.schema()).map_err(|e| cannot(&e))?);
                }
                n += rows.num_rows() as u64;
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
        let limits = Limits { bytes_read: attached.most()?, ..LIMITS };
        self.wait(attached.client.run(&rows, limits, put))?;
        if let Some(e) = trouble {
            return Err(failed(&e));
        }
        if n != n_there {
            let why = format!("{} counted {n_there} rows and sent {n}: nothing was kept", table.name());
            return Err(AskError::new(Code::Busy, why).hint("records still come in: take a period that is over"));
        }
        if let Some(mut writer) = writer {
            writer.finish().and_then(|()| writer.flush()).map_err(|e| failed(&cannot(&e)))?;
        }
        file.sync_all().and_then(|()| std::fs::rename(&begun, path)).map_err(|e| failed(&cannot(&e)))
    }

    /// Keeps what waits, all of it at once, with a note of where it is from; what was kept before is counted as such.
    fn keep_pulled(&self, pull: &Pull<'_>, waiting: &[Waiting]) -> Result<Vec<ImportedFile>, AskError> {
        let cannot = |e: &dyn std::fmt::Display| failed(&cannot(e));
        let at = now();
        let origin = Origin { project: "default".into(), client: pull.source.into(), protocol: "pull".into(), at };
        let mut whole = self.store.whole(origin).map_err(|e| errors::store(&e))?;
        for one in waiting {
            whole.come_from(&one.keeper);
            for (path, n) in &one.files {
                whole.begin_part();
                let mut left = *n;
                let mut read = || -> Result<(), AskError> {
                    let file = File::open(path).map_err(|e| cannot(&e))?;
                    for rows in StreamReader::try_new(BufReader::new(file), None).map_err(|e| cannot(&e))? {
                        let rows = rows.map_err(|e| cannot(&e))?;
                        left = left.saturating_sub(rows.num_rows() as u64);
                        whole.add(Batch { table: one.table, rows }).map_err(|e| errors::store(&e))?;
                    }
                    Ok(())
                };
                let done = read();
                if done.is_ok() && left > 0 {
                    // It is fetched anew the next time.
                    std::fs::remove_file(path).map_err(|e| cannot(&e))?;
                    let why = format!("a part that waited is damaged: {left} rows are missing, and nothing was kept");
                    return Err(AskError::new(Code::Busy, why).hint("the same again fetches that part anew"));
                }
                done?;
            }
        }
        let records: BTreeMap<&str, u64> = waiting.iter().map(|one| (one.table.name(), one.n)).collect();
        let value = serde_json::json!({
            "source": pull.source, "query": pull.query, "from": pull.period.from, "to": pull.period.to,
            "whole_traces": pull.is_whole, "records": records,
        });
        let note = Saved { name: format!("{} {}", UnixNanos(at), pull.source), value: value.to_string(), at };
        let taken = whole.finish(Some((PULLS, note))).map_err(|e| errors::store(&e))?;
        let report = |one: &Waiting| {
            let skipped = taken.get(&one.table).map_or(0, |t| t.n_duplicates);
            let reasons = (skipped > 0).then(|| (sextant_store::DUPLICATE.to_owned(), skipped));
            ImportedFile {
                path: format!("{}: {}", pull.source, one.table.name()),
                format: Some("clickhouse".into()),
                read: one.n,
                stored: one.n.saturating_sub(skipped),
                skipped,
                skipped_by_reason: reasons.into_iter().collect(),
                ..ImportedFile::default()
            }
        };
        Ok(waiting.iter().map(report).collect())
    }
}
