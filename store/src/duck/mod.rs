//! DuckDB, twice, in memory: one instance for our statements, one locked down for the user's. Both only read.

mod check;
mod hot_table;
mod run;
mod stop;
mod views;

pub use run::{Answer, Limits, Scanned};

use crate::StoreError;
use crate::layout::Layout;
use crate::snapshot::{Chosen, Pruned, Segment, Snapshot, Tier};
use crate::state::lock;
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use check::Checker;
use duckdb::{Config, Connection};
use sextant_columns::ColumnsError;
use sextant_model::{Prune, Sql, Table, TraceId};
use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;
use stop::Stops;
use views::{Views, occurs};

/// The two instances, each opened when it is first needed.
pub(crate) struct Duck {
    segments: PathBuf,
    ours: Mutex<Option<Instance>>,
    users: Mutex<Option<Instance>>,
    checker: OnceLock<Checker>,
    stops: Stops,
}

/// An instance, with the directories that it may read. They can't be changed later: others mean another instance.
type Instance = (BTreeSet<PathBuf>, Connection);

fn failed(e: &duckdb::Error) -> StoreError {
    StoreError::Query(e.to_string())
}

fn open(settings: &str) -> Result<Connection, duckdb::Error> {
    let config = Config::default()
        .threads(2)?
        .max_memory("2GB")?
        .with("autoinstall_known_extensions", "false")?
        .with("autoload_known_extensions", "false")?;
    let connection = Connection::open_in_memory_with_flags(config)?;
    hot_table::register(&connection)?;
    connection.execute_batch(settings)?;
    Ok(connection)
}

impl Duck {
    pub fn new(layout: &Layout) -> Self {
        let segments = layout.segments.clone();
        Self {
            segments,
            ours: Mutex::default(),
            users: Mutex::default(),
            checker: OnceLock::new(),
            stops: Stops::default(),
        }
    }

    fn ours(&self, snapshot: &Snapshot) -> Result<Connection, StoreError> {
        self.instance(&self.ours, snapshot, "SET preserve_insertion_order = false;")
    }

    fn users(&self, snapshot: &Snapshot) -> Result<Connection, StoreError> {
        self.instance(&self.users, snapshot, "")
    }

    /// Whatever a statement says, it reaches nothing outside the directories of the segments.
    fn instance(
        &self,
        kept: &Mutex<Option<Instance>>,
        snapshot: &Snapshot,
        settings: &str,
    ) -> Result<Connection, StoreError> {
        let cold = snapshot.segments().iter().filter(|s| s.tier == Tier::Cold).filter_map(|s| s.root());
        let mut directories: BTreeSet<PathBuf> = cold.chain([self.segments.as_path()]).map(Path::to_owned).collect();
        let mut kept = lock(kept);
        if kept.as_ref().is_none_or(|(known, _)| !directories.is_subset(known)) {
            directories.extend(kept.take().into_iter().flat_map(|(known, _)| known));
            let quoted = |d: &PathBuf| format!("'{}'", d.to_string_lossy().replace('\'', "''"));
            let list = directories.iter().map(quoted).collect::<Vec<_>>().join(", ");
            let settings = format!(
                "{settings} SET temp_directory = ''; SET allowed_directories = [{list}]; \
                 SET enable_external_access = false; SET lock_configuration = true;"
            );
            *kept = Some((directories, open(&settings).map_err(|e| failed(&e))?));
        }
        let (_, instance) = kept.as_ref().ok_or_else(|| StoreError::Query("DuckDB could not be opened".into()))?;
        instance.try_clone().map_err(|e| failed(&e))
    }

    pub fn query(&self, snapshot: &Snapshot, sql: &Sql, prune: &Prune, limits: Limits) -> Result<Answer, StoreError> {
        self.run_sound(
            || self.ours(snapshot),
            sql,
            limits,
            || Views::over(snapshot, &sql.text, None, |table| snapshot.pruned(table, prune)),
        )
    }

    /// Hands rows on as they come. What turns out to be damaged on the way ends it: it is left out the next time.
    pub fn scan(
        &self,
        snapshot: &Snapshot,
        sql: &Sql,
        prune: &Prune,
        limits: Limits,
        each: run::EachRows<'_>,
    ) -> Result<Answer, StoreError> {
        let views = Views::over(snapshot, &sql.text, None, |table| snapshot.pruned(table, prune));
        let connection = self.ours(snapshot)?;
        let running = self.stops.begin(&connection)?;
        let result = run::scan(&connection, &views, sql, limits, running.is_unwanted(), each);
        drop(running);
        if let Err(StoreError::Query(_)) = &result {
            if self.stops.is_stopped() {
                return Err(StoreError::Cancelled);
            }
            for segment in &views.segments {
                if segment.verify().is_ok_and(|is_sound| !is_sound) {
                    segment.set_damaged();
                }
            }
        }
        result
    }

    /// Runs a statement over the rows of those segments that `view` has nothing of; what it has of the others is a view.
    pub fn overview<S: Default>(
        &self,
        snapshot: &Snapshot,
        sql: &Sql,
        prune: &Prune,
        view: &Overview<impl Fn(&mut S, &Segment) -> bool, impl Fn(S) -> Result<RecordBatch, ColumnsError>>,
        limits: Limits,
    ) -> Result<Answer, StoreError> {
        let mut rows = (view.rows)(S::default())?;
        let make = || {
            let mut sums = S::default();
            let rest = Table::ALL.map(|table| {
                if !occurs(&sql.text, table) {
                    return Pruned::default();
                }
                let mut pruned = snapshot.pruned(table, prune);
                pruned.segments.retain(|chosen| !(view.add)(&mut sums, &chosen.segment));
                pruned
            });
            // Of a fixed schema and small.
            if let Ok(found) = (view.rows)(sums) {
                rows = found;
            }
            let mut views = Views::over(snapshot, &sql.text, None, |table| rest[table as usize].clone());
            views.add_rows(view.name, rows.clone());
            views
        };
        self.run_sound(|| self.ours(snapshot), sql, limits, make)
    }

    pub fn newest(
        &self,
        snapshot: &Snapshot,
        table: Table,
        sql: &Sql,
        prune: &Prune,
        limit: usize,
        limits: Limits,
    ) -> Result<Answer, StoreError> {
        let all = snapshot.pruned(table, prune);
        let mut window = Window::of(&all.segments, limit);
        loop {
            let since = window.since;
            let answer = self.run_sound(
                || self.ours(snapshot),
                sql,
                limits,
                || {
                    let mut pruned = snapshot.pruned(table, prune);
                    if let Some(since) = since {
                        pruned.segments.retain(|s| s.segment.times.1 >= since);
                    }
                    let mut views = Views::over(snapshot, &sql.text, since, |t| {
                        if t == table { pruned.clone() } else { Pruned::default() }
                    });
                    views.scanned.n_segments_total = pruned.n_total;
                    views
                },
            )?;
            if since.is_none() || answer.n_rows() >= limit {
                return Ok(answer);
            }
            window.widen();
        }
    }

    pub fn user(&self, snapshot: &Snapshot, sql: &str, limits: Limits) -> Result<Answer, StoreError> {
        let sql = sql.trim().trim_end_matches(';').trim_end();
        self.checker.get_or_init(Checker::new).check(&self.ours(snapshot)?, sql)?;
        let all = || Views::over(snapshot, sql, None, |table| snapshot.pruned(table, &Prune::default()));
        let statement = if limits.is_explained { format!("EXPLAIN {sql}") } else { sql.to_owned() };
        self.run_sound(|| self.users(snapshot), &Sql::plain(statement), limits, all)
    }

    /// Does work whose statements can be stopped by this tag.
    pub fn under<T>(&self, tag: u64, work: impl FnOnce() -> T) -> T {
        self.stops.under(tag, work)
    }

    /// Whether what this thread does is not wanted any more.
    pub fn is_stopped(&self) -> bool {
        self.stops.is_stopped()
    }

    /// Stops what runs under this tag, now or next.
    pub fn cancel(&self, tag: u64) {
        self.stops.stop(tag);
    }

    /// Runs a statement over the views that `views` makes. If it fails because of a damaged file, that file is taken out
    /// and it runs again over the rest.
    fn run_sound(
        &self,
        connect: impl Fn() -> Result<Connection, StoreError>,
        sql: &Sql,
        limits: Limits,
        mut views: impl FnMut() -> Views,
    ) -> Result<Answer, StoreError> {
        loop {
            let made = views();
            let connection = connect()?;
            let running = self.stops.begin(&connection)?;
            let result = run::run(&connection, &made, sql, limits, running.is_unwanted());
            drop(running);
            let Err(StoreError::Query(why)) = &result else { return result };
            if self.stops.is_stopped() {
                return Err(StoreError::Cancelled);
            }
            let is_damaged = |s: &&Arc<Segment>| s.verify().is_ok_and(|is_sound| !is_sound);
            let damaged: Vec<_> = suspects(why, &made.segments).filter(is_damaged).collect();
            if damaged.is_empty() {
                return result;
            }
            for segment in damaged {
                segment.set_damaged();
            }
        }
    }

    /// Through the trace index and the page index, without DuckDB.
    pub fn trace(
        &self,
        snapshot: &Snapshot,
        table: Table,
        id: TraceId,
        columns: Option<&[&str]>,
        each: Each<'_>,
    ) -> Result<Answer, StoreError> {
        let since = Instant::now();
        let text = id.to_string();
        let mut answer = Answer { generation: snapshot.generation, ..Answer::default() };
        answer.scanned.n_segments_total = snapshot.n_segments(table);
        let pruned = snapshot.pruned(table, &Prune::trace(id));
        answer.missing = pruned.missing;
        let of_trace = |batch: &RecordBatch| -> Result<Option<RecordBatch>, ColumnsError> {
            let ids = batch.column_by_name("TraceId").and_then(|c| c.as_string_opt::<i32>());
            let ids = ids.ok_or(ColumnsError::Damaged { kind: "segment", what: "TraceId is missing" })?;
            let mask: BooleanArray = (0..ids.len()).map(|row| Some(ids.value(row) == text)).collect();
            let rows = filter_record_batch(batch, &mask)?;
            if rows.num_rows() > 0 { Ok(Some(each(rows)?)) } else { Ok(None) }
        };
        for batch in snapshot.hot_batches(table) {
            answer.scanned.n_rows += batch.num_rows() as u64;
            answer.batches.extend(of_trace(&batch)?);
        }
        let segments: Vec<Arc<Segment>> = pruned.segments.into_iter().map(|c| c.segment).collect();
        let watch = self.stops.watch();
        let read = |segment: &Segment, rows: Option<&[Range<u32>]>| -> Result<_, StoreError> {
            let read = match columns {
                None => sextant_columns::read_rows(&segment.path, table, rows),
                Some(names) => sextant_columns::read_columns(&segment.path, names, rows),
            };
            let (mut n_rows, mut batches) = (0, Vec::new());
            for batch in read? {
                if watch.is_stopped() {
                    return Err(StoreError::Cancelled);
                }
                let batch = batch?;
                n_rows += batch.num_rows() as u64;
                batches.extend(of_trace(&batch)?);
            }
            Ok((n_rows, batches))
        };
        for (segment, read) in segments.iter().zip(read_all(&segments, id, read)) {
            match read {
                Ok((n_rows, batches)) => {
                    answer.batches.extend(batches);
                    answer.scanned.n_rows += n_rows;
                    answer.scanned.n_bytes += segment.n_bytes / segment.n_rows.max(1) * n_rows;
                }
                Err(StoreError::Cancelled) => return Err(StoreError::Cancelled),
                Err(_) if !segment.verify()? => {
                    answer.missing.push(segment.set_damaged());
                    continue;
                }
                Err(e) => return Err(e),
            }
            answer.scanned.n_segments += 1;
        }
        answer.took = since.elapsed();
        Ok(answer)
    }
}

/// What is made of the rows of a trace where they are read, by several threads.
pub type Each<'a> = &'a (dyn Fn(RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> + Sync);

/// How many rows were read of a segment, and what was made of them.
type Read = Result<(u64, Vec<RecordBatch>), StoreError>;

/// Reads the rows of a trace in each segment; many rows by as many threads as there are processors, a large segment in
/// parts of a row group.
fn read_all(
    segments: &[Arc<Segment>],
    id: TraceId,
    read: impl Fn(&Segment, Option<&[Range<u32>]>) -> Read + Sync,
) -> Vec<Read> {
    /// A few rows are read sooner than a thread is begun.
    const FEW_ROWS: u64 = 20_000;
    let find = |s: &Arc<Segment>| s.trace_index().and_then(|index| index.rows(id).ok());
    let parts = segments.iter().enumerate().flat_map(|(place, s)| match find(s) {
        Some(rows) => by_group(&rows).into_iter().map(|rows| (place, Some(rows))).collect(),
        None => vec![(place, None)],
    });
    let parts: Vec<(usize, Option<Vec<Range<u32>>>)> = parts.collect();
    let rows = |(place, rows): &(usize, Option<Vec<Range<u32>>>)| match rows {
        Some(ranges) => ranges.iter().map(|r| u64::from(r.end - r.start)).sum(),
        None => segments[*place].n_rows,
    };
    let n_rows: u64 = parts.iter().map(rows).sum();
    let n_threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get).min(parts.len());
    let n_threads = if n_rows < FEW_ROWS { 1 } else { n_threads.max(1) };
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((place, rows)) = parts.get(number) else { return done };
            done.push((number, *place, read(&segments[*place], rows.as_deref())));
        }
    };
    let mut done = if n_threads == 1 {
        work()
    } else {
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..n_threads).map(|_| scope.spawn(work)).collect();
            let ended = |t: std::thread::ScopedJoinHandle<'_, Vec<_>>| {
                t.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            };
            threads.into_iter().flat_map(ended).collect()
        })
    };
    done.sort_unstable_by_key(|(number, ..)| *number);
    let mut of_segments: Vec<Read> = segments.iter().map(|_| Ok((0, Vec::new()))).collect();
    for (_, place, read) in done {
        match (&mut of_segments[place], read) {
            (Ok((n, batches)), Ok((more, rows))) => {
                *n += more;
                batches.extend(rows);
            }
            (all @ Ok(_), failed) => *all = failed,
            (Err(_), _) => {}
        }
    }
    of_segments
}

/// Rows in parts that lie in one row group each.
fn by_group(ranges: &[Range<u32>]) -> Vec<Vec<Range<u32>>> {
    const GROUP: u32 = sextant_columns::ROW_GROUP_ROWS as u32;
    let mut groups: Vec<(u32, Vec<Range<u32>>)> = Vec::new();
    for range in ranges {
        let mut from = range.start;
        while from < range.end {
            let group = from / GROUP;
            let to = range.end.min((group + 1).saturating_mul(GROUP));
            if groups.last().is_none_or(|(last, _)| *last != group) {
                groups.push((group, Vec::new()));
            }
            groups.last_mut().into_iter().for_each(|(_, rows)| rows.push(from..to));
            from = to;
        }
    }
    groups.into_iter().map(|(_, rows)| rows).collect()
}

/// What is known of segments without reading their rows.
pub(crate) struct Overview<A, R> {
    /// The view that has it.
    pub name: &'static str,
    /// Adds what is known of a segment; false if nothing is.
    pub add: A,
    /// All of it.
    pub rows: R,
}

/// What DuckDB's messages begin with that are about the statement and not about a file.
const OF_THE_STATEMENT: [&str; 13] = [
    "Invalid Input",
    "Out of Range",
    "Out of Memory",
    "Parser",
    "Binder",
    "Catalog",
    "Permission",
    "Not implemented",
    "INTERRUPT",
    "Out of Memory",
    "Constraint",
    "Mismatch Type",
    "Conversion",
];

/// The files that a failure may be about: those that it names, or any where it could be about files and names none.
fn suspects<'a>(why: &'a str, segments: &'a [Arc<Segment>]) -> impl Iterator<Item = &'a Arc<Segment>> {
    let is_named = |s: &Segment| why.contains(s.id.as_str());
    let names_one = segments.iter().any(|s| is_named(s));
    let may_be_any = !names_one && !OF_THE_STATEMENT.iter().any(|kind| why.starts_with(kind));
    segments.iter().filter(move |s| may_be_any || is_named(s))
}

/// The newest part of a table that probably holds enough rows, and larger parts after it.
struct Window {
    /// Where it begins; nothing for everything.
    since: Option<i64>,
    newest: i64,
    oldest: i64,
    length: i64,
}

/// How much longer than its rows ask for the first window is: not every row is wanted, and they come unevenly.
const SLACK: u64 = 4;
/// So many are read at once: looking for a beginning would take longer.
const FEW_ROWS: u64 = 300_000;
/// How much longer each next window is; what is read again is a small part of what is read.
const GROWTH: i64 = 8;

impl Window {
    fn of(chosen: &[Chosen], limit: usize) -> Self {
        if chosen.iter().map(Chosen::n_rows).sum::<u64>() <= FEW_ROWS {
            return Self { since: None, newest: 0, oldest: 0, length: 0 };
        }
        let segments: Vec<&Segment> = chosen.iter().map(|c| c.segment.as_ref()).collect();
        // From the newest segments, as if rows came evenly within each.
        let wanted = (limit as u64).saturating_mul(SLACK);
        let (mut n_rows, mut since) = (0, None);
        for s in &segments {
            let length = s.times.1.saturating_sub(s.times.0);
            let share = (wanted - n_rows) as f64 / s.n_rows.max(1) as f64;
            let start = s.times.1.saturating_sub((length as f64 * share.min(1.0)) as i64);
            since = Some(since.map_or(start, |t: i64| t.min(start)));
            n_rows += s.n_rows;
            if n_rows >= wanted {
                break;
            }
        }
        let newest = segments.iter().map(|s| s.times.1).max().unwrap_or(0);
        let oldest = segments.iter().map(|s| s.times.0).min().unwrap_or(0);
        let length = since.map_or(0, |t| newest.saturating_sub(t));
        let mut window = Self { since, newest, oldest, length };
        window.bound();
        window
    }

    fn widen(&mut self) {
        self.length = self.length.max(1_000_000).saturating_mul(GROWTH);
        self.bound();
    }

    /// A window that is not much shorter than everything is everything.
    fn bound(&mut self) {
        let is_small = self.length.saturating_mul(GROWTH) < self.newest.saturating_sub(self.oldest);
        self.since = self.since.and(is_small.then(|| self.newest.saturating_sub(self.length)));
    }
}

#[cfg(test)]
mod tests {
    use super::by_group;

    #[test]
    fn rows_are_parted_where_row_groups_end() {
        const G: u32 = sextant_columns::ROW_GROUP_ROWS as u32;
        assert_eq!(by_group(&[]), Vec::<Vec<std::ops::Range<u32>>>::new());
        assert_eq!(by_group(&[3..5, 7..9]), [[3..5, 7..9]]);
        let parts = by_group(&[5..2 * G + 1, 2 * G + 4..2 * G + 5]);
        let all: Vec<(usize, u32, u32)> =
            parts.iter().enumerate().flat_map(|(i, rows)| rows.iter().map(move |r| (i, r.start, r.end))).collect();
        assert_eq!(all, [(0, 5, G), (1, G, 2 * G), (2, 2 * G, 2 * G + 1), (2, 2 * G + 4, 2 * G + 5)]);
    }
}
