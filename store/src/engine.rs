//! The store: a thread that writes the log, a thread that seals, and readers of snapshots.

use crate::asked::mentioned;
use crate::care::{BackedUp, Finding, backup, examine};
use crate::config::Config;
use crate::disk::Disk;
use crate::duck::{Answer, Duck, Each, Limits};
use crate::ingest::{Acked, Ingest, OnAcked, mark_times, with_added};
use crate::layout::{self, Layout, TemporaryDir, share_lock, take_lock};
use crate::ledger::{LedgerKey, LedgerRow};
use crate::manifest::{Manifest, Saved};
use crate::recover::{files_below, recover};
use crate::resend::{RequestKey, RowHash};
use crate::seal;
use crate::senders::ingest_id;
use crate::slices::slices;
use crate::snapshot::Snapshot;
use crate::state::{Health, Shared, StoreStatus, lock};
use crate::upkeep::{self, Chore, Merged};
use crate::writer::{Known, Request, ToWriter, Writer};
use crate::{Pin, PinNote, Policy, StoreError, Zone, wal, whole};
use arrow::array::RecordBatch;
use sextant_model::{Prune, Signal, Sql, Table, TimeRange, TraceId};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

/// Whether the disk is so full that databases fail in ways of their own.
fn has_no_room(dir: &std::path::Path) -> bool {
    layout::disk_space(dir).is_ok_and(|(free, _)| free < 1 << 20)
}

/// A manifest that names nothing must not begin anew over files that are there.
fn check_no_files(layout: &Layout) -> Result<(), StoreError> {
    let files = files_below(&layout.segments);
    let n_files = files.iter().filter(|path| path.extension().is_some_and(|e| e == "parquet")).count();
    if n_files > 0 { Err(StoreError::NoManifest { dir: layout.dir.clone(), n_files }) } else { Ok(()) }
}

/// An open store. Closing it (or dropping it) seals what is hot.
pub struct Store {
    shared: Arc<Shared>,
    duck: Duck,
    requests: Mutex<Option<Sender<ToWriter>>>,
    chores: Mutex<Option<Sender<Chore>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    run: u64,
    next_request: AtomicU64,
    /// Held as long as the store is open.
    _lock: Option<File>,
    /// The manifest that is read where the directory can't be written to.
    _copy: Option<TemporaryDir>,
}

impl Store {
    /// Opens the data directory of `config`, recovering what a crash left.
    ///
    /// # Errors
    /// If another process has it open, it can't be used, or a newer version wrote it.
    pub fn open(mut config: Config) -> Result<Self, StoreError> {
        config.is_read_only |= Layout::is_read_only(&config.dir);
        if config.is_read_only {
            return Self::open_read_only(config);
        }
        match Self::open_writable(config.clone()) {
            // What is there can be read, and what takes too much room can be seen.
            Err(e) if (e.is_disk_full() || has_no_room(&config.dir)) && Layout::of(&config.dir).manifest().exists() => {
                tracing::warn!("nothing is taken in and nothing is changed: {e}");
                Self::open_read_only(Config { is_read_only: true, ..config })
            }
            opened => opened,
        }
    }

    fn open_writable(config: Config) -> Result<Self, StoreError> {
        let layout = Layout::make(&config.dir)?;
        let lock_file = take_lock(&layout)?;
        if !layout.manifest().exists() {
            check_no_files(&layout)?;
        }
        let disk = Disk { faults: config.faults.clone() };
        let manifest = Manifest::open(&layout.manifest(), disk)?;
        let is_blank = manifest.last_epoch()? == 0
            && manifest.ledger()?.0.is_empty()
            && files_below(&layout.wal).is_empty()
            && !whole::has_begun(&manifest)?;
        if is_blank {
            check_no_files(&layout)?;
        }
        let run = manifest.next_run()?;
        let segments = manifest.segments(&layout.dir)?.into_iter().map(Arc::new).collect();
        let snapshot = Snapshot { generation: run << 32, segments: Arc::new(segments), hot: Vec::new() };
        let ledger = manifest.ledger()?;
        let shared = Arc::new(Shared::new(config, layout, manifest, snapshot, ledger)?);
        upkeep::clear(&shared)?;
        let (closed, next_epoch) = recover(&shared)?;
        let duck = Duck::new(&shared.layout);
        let (to_sealer, sealer_queue) = channel();
        let (to_writer, writer_queue) = channel();
        let (to_upkeep, chores) = channel();
        let mut known = Known::default();
        for epoch in closed {
            shared.ledger().merge(&epoch.ledger);
            shared.publish_hot(&epoch.hot);
            known.rows.extend(&epoch.rows);
            known.requests.extend(epoch.requests.iter().cloned());
            // The sealer is not running yet, so its queue is open.
            drop(to_sealer.send(epoch));
        }
        let writer = Writer::new(shared.clone(), next_epoch, to_sealer, known)?;
        let (sealer_shared, upkeep_shared) = (shared.clone(), shared.clone());
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|source| StoreError::File {
                what: "start a thread for",
                path: shared.layout.dir.clone(),
                source,
            })
        };
        let threads = vec![
            spawn("sextant-wal", Box::new(move || writer.run(&writer_queue)))?,
            spawn("sextant-seal", Box::new(move || seal::run(&sealer_shared, &sealer_queue)))?,
            spawn("sextant-upkeep", Box::new(move || upkeep::run(&upkeep_shared, &chores)))?,
        ];
        Ok(Self {
            shared,
            duck,
            requests: Mutex::new(Some(to_writer)),
            chores: Mutex::new(Some(to_upkeep)),
            threads: Mutex::new(threads),
            run,
            next_request: AtomicU64::new(0),
            _lock: Some(lock_file),
            _copy: None,
        })
    }

    /// Opens a directory without changing anything in it. What its log holds is read as if it were hot.
    fn open_read_only(config: Config) -> Result<Self, StoreError> {
        let layout = Layout::of(&config.dir);
        let lock_file = share_lock(&layout)?;
        let copy = TemporaryDir::new()?;
        let names = ["segments.db", "segments.db-wal"];
        for name in names.into_iter().filter(|name| layout.dir.join(name).exists()) {
            let to = copy.0.join(name);
            std::fs::copy(layout.dir.join(name), &to).map_err(StoreError::file("copy", &to))?;
        }
        let manifest = Manifest::open(&copy.0.join("segments.db"), Disk::default())?;
        let segments = manifest.segments(&layout.dir)?.into_iter().map(Arc::new).collect();
        let snapshot = Snapshot { generation: 1 << 32, segments: Arc::new(segments), hot: Vec::new() };
        let ledger = manifest.ledger()?;
        let shared = Arc::new(Shared::new(config, layout, manifest, snapshot, ledger)?);
        for epoch in recover(&shared)?.0 {
            shared.ledger().merge(&epoch.ledger);
            shared.publish_hot(&epoch.hot);
        }
        Ok(Self {
            duck: Duck::new(&shared.layout),
            shared,
            requests: Mutex::default(),
            chores: Mutex::default(),
            threads: Mutex::default(),
            run: 0,
            next_request: AtomicU64::new(0),
            _lock: lock_file,
            _copy: Some(copy),
        })
    }

    /// Seals what is hot, where that can be done.
    fn settle(&self) -> Result<(), StoreError> {
        if self.shared.config.is_read_only { Ok(()) } else { self.flush() }
    }

    /// Whether a request would be taken now, as far as can be said before its size is known.
    ///
    /// # Errors
    /// If the queue or the disk is full, or the store is closing.
    pub fn ready(&self) -> Result<(), StoreError> {
        self.shared.admit(0)
    }

    /// Whether the disk has room beyond the reserve.
    ///
    /// # Errors
    /// If it has none, or nothing can be written.
    pub fn has_room(&self) -> Result<(), StoreError> {
        self.shared.check_writable()?;
        self.shared.check_disk()
    }

    /// Takes a request. `acked` is called, on another thread, once its rows are durable and visible, or with the
    /// reason why they are not to be. Refusals that need no waiting are returned at once and `acked` is not called.
    ///
    /// # Errors
    /// If the queue or the disk is full, or the store is closing.
    pub fn ingest(&self, ingest: Ingest, acked: OnAcked) -> Result<(), StoreError> {
        self.ingest_as(ingest, Repeat::Unknown, acked)
    }

    pub(crate) fn ingest_as(&self, mut ingest: Ingest, repeat: Repeat, acked: OnAcked) -> Result<(), StoreError> {
        let since = Instant::now();
        let size = ingest.size_bytes();
        self.shared.admit(size)?;
        mark_times(&mut ingest);
        let sent = self.send(ingest, size, since, repeat, acked);
        if sent.is_err() {
            self.shared.release(size);
        }
        sent
    }

    fn send(
        &self,
        mut ingest: Ingest,
        size: usize,
        since: Instant,
        repeat: Repeat,
        acked: OnAcked,
    ) -> Result<(), StoreError> {
        let (sender, client) = lock(&self.shared.senders).number(&ingest.client, &ingest.protocol);
        ingest.client = client;
        let id = ingest_id(self.run, sender, self.next_request());
        let rows = with_added(&ingest, id)?;
        let frame = wal::encode(&ingest, &rows)?;
        let ingest = Ingest { batches: Vec::new(), ..ingest };
        let (reply, gone) = match repeat {
            Repeat::Unknown => (None, Vec::new()),
            Repeat::Known(reply) => (Some(reply), Vec::new()),
            Repeat::Gone(rows) => (None, rows),
        };
        let request = Request { ingest, rows, frame, size, since, acked, reply, gone };
        let queue = lock(&self.requests);
        let queue = queue.as_ref().ok_or_else(|| self.shared.closed())?;
        queue.send(ToWriter::Request(Box::new(request))).ok().ok_or(StoreError::Closing)
    }

    /// If a request with the key of `ingest` was kept within the last hour, counts it as a repeat and has `acked` called
    /// like [`Store::ingest`]; otherwise gives `acked` back. Saves decoding what is known; `ingest` has no rows.
    ///
    /// # Errors
    /// If the store is closing.
    pub fn ingest_repeat(&self, mut ingest: Ingest, acked: OnAcked) -> Result<Option<OnAcked>, StoreError> {
        let since = Instant::now();
        let Some(key) = ingest.request.take() else { return Ok(Some(acked)) };
        let Some(seen) = lock(&self.shared.requests).get(key.hash, ingest.received_at).cloned() else {
            return Ok(Some(acked));
        };
        ingest.counts = seen.counts_of_repeat();
        self.send(ingest, 0, since, Repeat::Known(seen.reply().to_owned()), acked)?;
        Ok(None)
    }

    /// Takes a request and waits until it is durable and visible.
    pub fn ingest_wait(&self, ingest: Ingest) -> Result<Acked, StoreError> {
        let (tell, told) = channel();
        // The caller waits below, so the channel is open.
        self.ingest(ingest, Box::new(move |result| drop(tell.send(result))))?;
        told.recv().ok().unwrap_or(Err(StoreError::Closing))
    }

    /// Whether a request with this key was kept within the last hour.
    pub(crate) fn is_known(&self, key: &RequestKey, at: i64) -> bool {
        lock(&self.shared.requests).get(key.hash, at).is_some()
    }

    /// Which of `rows` are remembered as having come lately.
    pub(crate) fn remembered(&self, rows: Vec<RowHash>) -> Result<Vec<bool>, StoreError> {
        let (tell, told) = channel();
        let queue = lock(&self.requests).clone().ok_or_else(|| self.shared.closed())?;
        queue.send(ToWriter::Known(rows, tell)).ok().ok_or(StoreError::Closing)?;
        told.recv().ok().ok_or(StoreError::Closing)
    }

    /// Has rows recognised when they are sent.
    pub(crate) fn remember(&self, rows: Vec<RowHash>) {
        if let Some(queue) = lock(&self.requests).as_ref() {
            // A closing store recognises nothing any more.
            queue.send(ToWriter::Came(rows)).ok();
        }
    }

    /// How often the directory was opened.
    pub(crate) fn run(&self) -> u64 {
        self.run
    }

    /// The number of another request.
    pub(crate) fn next_request(&self) -> u64 {
        self.next_request.fetch_add(1, Ordering::Relaxed)
    }

    /// Seals everything that is hot and waits for it.
    ///
    /// # Errors
    /// If it can't be sealed now.
    pub fn flush(&self) -> Result<(), StoreError> {
        let (tell, told) = channel();
        {
            let requests = lock(&self.requests);
            let requests = requests.as_ref().ok_or_else(|| self.shared.closed())?;
            requests.send(ToWriter::Roll(tell)).ok().ok_or(StoreError::Closing)?;
        }
        let epoch = told.recv().ok().ok_or(StoreError::Closing)??;
        self.shared.wait_sealed(epoch)
    }

    /// What there is now.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.shared.snapshot()
    }

    /// Calls `listener` with each new generation, on the thread that made it.
    pub fn on_generation(&self, listener: impl Fn(u64) + Send + Sync + 'static) {
        self.shared.listen(Box::new(listener));
    }

    /// Runs a statement of our own over the views, with only the files that `prune` leaves.
    pub fn query(&self, sql: &Sql, prune: &Prune, limits: Limits) -> Result<Answer, StoreError> {
        let _asking = Asking::begin(&self.shared);
        self.note(sql);
        self.duck.query(&self.snapshot(), sql, prune, limits)
    }

    /// The same with rows handed on as they come: the answer has none.
    pub fn scan(
        &self,
        sql: &Sql,
        prune: &Prune,
        limits: Limits,
        each: &mut dyn FnMut(RecordBatch) -> Result<(), StoreError>,
    ) -> Result<Answer, StoreError> {
        let _asking = Asking::begin(&self.shared);
        self.note(sql);
        self.duck.scan(&self.snapshot(), sql, prune, limits, each)
    }

    /// Parts of a period, the newest first, each with about `n_rows` rows of these tables.
    pub fn slices(&self, tables: &[Table], prune: &Prune, range: TimeRange, n_rows: u64) -> Vec<TimeRange> {
        slices(&self.snapshot(), tables, prune, range, n_rows)
    }

    /// The newest `limit` rows that `sql` selects from `table`: newest segments first, stopping once nothing newer can
    /// come. `sql` must order by the table's time column, newest first, and select it under its name.
    pub fn newest(
        &self,
        table: Table,
        sql: &Sql,
        prune: &Prune,
        limit: usize,
        limits: Limits,
    ) -> Result<Answer, StoreError> {
        let _asking = Asking::begin(&self.shared);
        self.note(sql);
        self.duck.newest(&self.snapshot(), table, sql, prune, limit, limits)
    }

    /// Remembers which attributes a question is about.
    fn note(&self, sql: &Sql) {
        let keys = mentioned(&sql.text);
        if !keys.is_empty() {
            lock(&self.shared.asked).note(&keys);
        }
    }

    /// Runs a user's statement: one SELECT over the views, nothing else.
    pub fn user_sql(&self, sql: &str, limits: Limits) -> Result<Answer, StoreError> {
        let _asking = Asking::begin(&self.shared);
        self.duck.user(&self.snapshot(), sql, limits)
    }

    /// All rows of one trace in `table` (traces or logs), in no order.
    pub fn trace(&self, table: Table, id: TraceId) -> Result<Answer, StoreError> {
        self.duck.trace(&self.snapshot(), table, id, None, &Ok)
    }

    /// What `each` makes of them, some rows at a time, where they are read: no batch where there is no such trace. Of
    /// the columns only some are read, `TraceId` among them; rows that were not sealed yet have all.
    pub fn trace_each(&self, table: Table, id: TraceId, columns: &[&str], each: Each) -> Result<Answer, StoreError> {
        self.duck.trace(&self.snapshot(), table, id, Some(columns), each)
    }

    /// Asks the background for something and waits for it.
    pub(crate) fn have_done<T>(
        &self,
        chore: impl FnOnce(Sender<Result<T, StoreError>>) -> Chore,
    ) -> Result<T, StoreError> {
        let (tell, told) = channel();
        {
            let chores = lock(&self.chores);
            let chores = chores.as_ref().ok_or_else(|| self.shared.closed())?;
            chores.send(chore(tell)).ok().ok_or(StoreError::Closing)?;
        }
        told.recv().ok().unwrap_or(Err(StoreError::Closing))
    }

    /// Seals what is hot and lays everything together that can be.
    pub fn compact(&self) -> Result<Merged, StoreError> {
        self.flush()?;
        self.have_done(Chore::Compact)
    }

    /// All policies.
    pub fn policies(&self) -> Result<Vec<Policy>, StoreError> {
        lock(&self.shared.manifest).policies()
    }

    /// Puts a policy in the place of the one of its project and signal. It is applied an hour later, or when asked.
    pub fn set_policy(&self, policy: &Policy) -> Result<(), StoreError> {
        self.shared.check_writable()?;
        lock(&self.shared.manifest).set_policy(policy)?;
        if let Some(chores) = lock(&self.chores).as_ref() {
            // A closing store applies nothing any more.
            chores.send(Chore::PoliciesSet).ok();
        }
        Ok(())
    }

    /// What users keep of a kind, the newest first.
    pub fn saved(&self, kind: &str) -> Result<Vec<Saved>, StoreError> {
        lock(&self.shared.manifest).saved(kind)
    }

    /// Keeps something, in the place of what had its name.
    pub fn save(&self, kind: &str, one: &Saved) -> Result<(), StoreError> {
        self.shared.check_writable()?;
        lock(&self.shared.manifest).save(kind, one)
    }

    /// Whether there was something of this name.
    pub fn forget(&self, kind: &str, name: &str) -> Result<bool, StoreError> {
        self.shared.check_writable()?;
        lock(&self.shared.manifest).forget(kind, name)
    }

    /// Does work whose statements can be stopped by this tag.
    pub fn under<T>(&self, tag: u64, work: impl FnOnce() -> T) -> T {
        self.duck.under(tag, work)
    }

    /// Whether what this thread does was stopped by one of its tags.
    pub fn is_stopped(&self) -> bool {
        self.duck.is_stopped()
    }

    /// Stops what runs under this tag, now or next.
    pub fn cancel(&self, tag: u64) {
        self.duck.cancel(tag);
    }

    /// What no policy takes away.
    pub fn pins(&self) -> Result<Vec<Pin>, StoreError> {
        lock(&self.shared.manifest).pins()
    }

    /// Pins something; its number.
    pub fn pin(&self, note: &PinNote, made_at: i64) -> Result<i64, StoreError> {
        self.shared.check_writable()?;
        lock(&self.shared.manifest).pin(note, made_at)
    }

    /// Whether there was such a pin.
    pub fn unpin(&self, id: i64) -> Result<bool, StoreError> {
        self.shared.check_writable()?;
        lock(&self.shared.manifest).unpin(id)
    }

    /// Reads every file and holds it against what was written. Rows that are still hot are sealed first.
    pub fn examine(&self) -> Result<Vec<Finding>, StoreError> {
        self.settle()?;
        examine(&self.shared, &|| self.is_stopped())
    }

    /// Puts aside what is damaged and what nothing names; deletes nothing. What was done.
    pub fn repair(&self) -> Result<Vec<Finding>, StoreError> {
        self.flush()?;
        self.have_done(Chore::Repair)
    }

    /// Writes everything to one file; see [`crate::restore`].
    pub fn backup(&self, out: impl Write) -> Result<BackedUp, StoreError> {
        self.settle()?;
        if Table::ALL.iter().any(|table| !self.snapshot().hot_batches(*table).is_empty())
            && self.shared.config.is_read_only
        {
            let why = "rows are only in the log and can't be sealed in a directory that can't be written to";
            return Err(StoreError::Backup(why.into()));
        }
        backup(&self.shared, out)
    }

    /// Fields of a signal that have `part` in their name, or values of the field `key`, and about how often each was seen:
    /// those that begin with it first, then the most frequent.
    pub fn complete(&self, signal: Signal, key: Option<&str>, part: &str) -> Vec<(String, u64)> {
        let dictionary = lock(&self.shared.dictionary);
        match key {
            Some(key) => dictionary.values(signal, key, part),
            None => dictionary.keys(signal, part),
        }
    }

    /// What policies took away, by day.
    pub fn zones(&self) -> Result<Vec<Zone>, StoreError> {
        lock(&self.shared.manifest).zones()
    }

    /// All counts since the store was made.
    pub fn ledger(&self) -> Vec<(LedgerKey, LedgerRow)> {
        self.shared.ledger().0.clone().into_iter().collect()
    }

    /// Whether nothing can be changed.
    pub fn is_read_only(&self) -> bool {
        self.shared.config.is_read_only
    }

    /// Where files of what is under way may lie; what a crash leaves there goes with the next start.
    pub fn aside(&self) -> PathBuf {
        if self.is_read_only() { std::env::temp_dir() } else { self.shared.layout.tmp.clone() }
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn duck(&self) -> &Duck {
        &self.duck
    }

    /// Figures about the store.
    pub fn status(&self) -> StoreStatus {
        self.shared.status()
    }

    /// Whether the store takes batches.
    pub fn health(&self) -> Health {
        if self.shared.check_disk().is_err() { Health::DiskFull } else { Health::Taking }
    }

    /// Refuses what comes from now on, seals what is hot, and waits for it.
    pub fn close(&self) {
        self.shared.is_closing.store(true, Ordering::Release);
        drop(lock(&self.requests).take());
        drop(lock(&self.chores).take());
        for thread in lock(&self.threads).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked; the log is kept and read at the next start");
            }
        }
    }
}

/// What is known of a request before it gets to the log.
pub(crate) enum Repeat {
    /// Nothing.
    Unknown,
    /// It came before, and was answered like this.
    Known(String),
    /// These of its rows came before and are not there any more.
    Gone(Vec<RowHash>),
}

/// A question that is being answered: what is done in the background gives way.
pub(crate) struct Asking<'a>(&'a Shared);

impl<'a> Asking<'a> {
    pub fn begin(shared: &'a Shared) -> Self {
        shared.n_asking.fetch_add(1, Ordering::AcqRel);
        Self(shared)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.n_asking.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}
