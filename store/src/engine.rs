//! The store: a thread that writes the log, a thread that seals, and readers of snapshots.

use crate::config::Config;
use crate::duck::{Answer, Duck, Limits};
use crate::files::Layout;
use crate::hot::HotEpoch;
use crate::ingest::{Acked, Ingest, with_added};
use crate::ledger::{Ledger, LedgerKey, LedgerRow};
use crate::manifest::Manifest;
use crate::seal::{Closed, seal};
use crate::snapshot::Snapshot;
use crate::state::{Health, Shared, StoreStatus, lock};
use crate::wal::{self, WalFile};
use crate::{StoreError, files};
use arrow::array::RecordBatch;
use sextant_model::{Prune, Sql, Table, TraceId};
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// One commit takes at most about this much.
const COMMIT_BYTES: usize = 1 << 20;
/// How often a failed seal is tried again.
const RETRY: Duration = Duration::from_secs(5);

struct Request {
    ingest: Ingest,
    rows: Vec<(Table, RecordBatch)>,
    frame: Vec<u8>,
    /// What was taken of the queue's room.
    size: usize,
    since: Instant,
    acked: Acked,
}

enum ToWriter {
    Request(Box<Request>),
    /// End the epoch now; the channel hears its successor's number.
    Roll(Sender<u64>),
}

/// An open store. Closing it (or dropping it) seals what is hot.
pub struct Store {
    shared: Arc<Shared>,
    duck: Duck,
    requests: Mutex<Option<Sender<ToWriter>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    next_id: AtomicU64,
    /// Held as long as the store is open.
    _lock: File,
}

impl Store {
    /// Opens the data directory of `config`, recovering what a crash left.
    ///
    /// # Errors
    /// If another process has it open, it can't be used, or a newer version wrote it.
    pub fn open(config: Config) -> Result<Self, StoreError> {
        let layout = Layout::make(&config.dir)?;
        let lock_file = take_lock(&layout)?;
        let manifest = Manifest::open(&layout.dir.join("segments.db"))?;
        let run = manifest.next_run()?;
        let segments = manifest.segments(&layout.dir)?.into_iter().map(Arc::new).collect();
        let snapshot = Snapshot { generation: run << 32, segments: Arc::new(segments), hot: Vec::new() };
        let ledger = manifest.ledger()?;
        let shared = Arc::new(Shared::new(config, layout, manifest, snapshot, ledger)?);
        let (closed, next_epoch) = recover(&shared)?;
        let duck = Duck::open(&shared.layout)?;
        let (to_sealer, sealer_queue) = channel();
        let (to_writer, writer_queue) = channel();
        for epoch in closed {
            shared.ledger().merge(&epoch.ledger);
            shared.publish_hot(&epoch.hot);
            // The sealer is not running yet, so its queue is open.
            drop(to_sealer.send(epoch));
        }
        let writer = Writer::new(shared.clone(), next_epoch, to_sealer)?;
        let sealer_shared = shared.clone();
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.to_owned()).spawn(run).map_err(|source| StoreError::File {
                what: "start a thread for",
                path: shared.layout.dir.clone(),
                source,
            })
        };
        let threads = vec![
            spawn("sextant-wal", Box::new(move || writer.run(&writer_queue)))?,
            spawn("sextant-seal", Box::new(move || run_sealer(&sealer_shared, &sealer_queue)))?,
        ];
        Ok(Self {
            shared,
            duck,
            requests: Mutex::new(Some(to_writer)),
            threads: Mutex::new(threads),
            next_id: AtomicU64::new(run << 40),
            _lock: lock_file,
        })
    }

    /// Whether a request would be taken now, as far as can be said before its size is known.
    ///
    /// # Errors
    /// If the queue or the disk is full, or the store is closing.
    pub fn ready(&self) -> Result<(), StoreError> {
        self.shared.admit(0)
    }

    /// Takes a request. `acked` is called, on another thread, once its rows are durable and visible, or with the
    /// reason why they are not to be. Refusals that need no waiting are returned at once and `acked` is not called.
    ///
    /// # Errors
    /// If the queue or the disk is full, or the store is closing.
    pub fn ingest(&self, ingest: Ingest, acked: Acked) -> Result<(), StoreError> {
        let since = Instant::now();
        let size = ingest.size_bytes();
        self.shared.admit(size)?;
        let send = || {
            let rows = with_added(&ingest, self.next_id.fetch_add(1, Ordering::Relaxed))?;
            let frame = wal::encode(&ingest, &rows)?;
            let request = Request { ingest: Ingest { batches: Vec::new(), ..ingest }, rows, frame, size, since, acked };
            let queue = lock(&self.requests);
            let queue = queue.as_ref().ok_or(StoreError::Closing)?;
            queue.send(ToWriter::Request(Box::new(request))).ok().ok_or(StoreError::Closing)
        };
        let sent = send();
        if sent.is_err() {
            self.shared.release(size);
        }
        sent
    }

    /// Takes a request and waits until it is durable and visible.
    pub fn ingest_wait(&self, ingest: Ingest) -> Result<(), StoreError> {
        let (tell, told) = channel();
        // The caller waits below, so the channel is open.
        self.ingest(ingest, Box::new(move |result| drop(tell.send(result))))?;
        told.recv().ok().unwrap_or(Err(StoreError::Closing))
    }

    /// Seals everything that is hot and waits for it.
    pub fn flush(&self) {
        let (tell, told) = channel();
        let sent = lock(&self.requests).as_ref().map(|queue| queue.send(ToWriter::Roll(tell)));
        if let (Some(Ok(())), Ok(epoch)) = (sent, told.recv()) {
            self.shared.wait_sealed(epoch);
        }
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
        self.duck.query(&self.snapshot(), sql, prune, limits)
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
        self.duck.newest(&self.snapshot(), table, sql, prune, limit, limits)
    }

    /// Runs a user's statement: one SELECT over the views, nothing else.
    pub fn user_sql(&self, sql: &str, limits: Limits) -> Result<Answer, StoreError> {
        self.duck.user(&self.snapshot(), sql, limits)
    }

    /// All rows of one trace in `table` (traces or logs), in no order.
    pub fn trace(&self, table: Table, id: TraceId) -> Result<Answer, StoreError> {
        Duck::trace(&self.snapshot(), table, id)
    }

    /// All counts since the store was made.
    pub fn ledger(&self) -> Vec<(LedgerKey, LedgerRow)> {
        self.shared.ledger().0.clone().into_iter().collect()
    }

    /// Figures about the store.
    pub fn status(&self) -> StoreStatus {
        self.shared.status()
    }

    /// Whether the store takes batches.
    pub fn health(&self) -> Health {
        let (free, reserve) = self.shared.disk();
        if free < reserve { Health::DiskFull } else { Health::Taking }
    }

    /// Refuses what comes from now on, seals what is hot, and waits for it.
    pub fn close(&self) {
        self.shared.is_closing.store(true, Ordering::Release);
        drop(lock(&self.requests).take());
        for thread in lock(&self.threads).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked; the log is kept and read at the next start");
            }
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

fn take_lock(layout: &Layout) -> Result<File, StoreError> {
    let path = layout.dir.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(StoreError::file("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(StoreError::Locked(layout.dir.clone())),
        Err(std::fs::TryLockError::Error(e)) => Err(StoreError::file("lock", &path)(e)),
    }
}

/// Reads the logs that no segments cover yet; returns them and the number of the next epoch.
fn recover(shared: &Shared) -> Result<(Vec<Closed>, u64), StoreError> {
    let dir = &shared.layout.wal;
    let mut epochs: Vec<u64> = std::fs::read_dir(dir)
        .map_err(StoreError::file("read", dir))?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".wal")?.parse().ok())
        .collect();
    epochs.sort_unstable();
    let mut next = lock(&shared.manifest).last_epoch()? + 1;
    let mut closed = Vec::new();
    for epoch in epochs {
        next = next.max(epoch + 1);
        let path = wal::path(dir, epoch);
        if lock(&shared.manifest).is_covered(epoch)? {
            std::fs::remove_file(&path).map_err(StoreError::file("remove", &path))?;
            continue;
        }
        let bytes = std::fs::read(&path).map_err(StoreError::file("read", &path))?;
        let found = wal::recover(&bytes);
        shared.recovered.0.fetch_add(found.torn_bytes as u64, Ordering::AcqRel);
        shared.recovered.1.fetch_add(found.damaged.len() as u64, Ordering::AcqRel);
        quarantine(shared, epoch, &bytes, &found)?;
        let mut hot = HotEpoch::new(epoch);
        let mut ledger = Ledger::default();
        for (ingest, rows) in found.requests {
            ledger.add(&ingest);
            for (table, rows) in rows {
                lock(&shared.services).see(&rows);
                hot.push(table, rows);
            }
        }
        closed.push(Closed { hot, ledger });
    }
    Ok((closed, next))
}

fn quarantine(shared: &Shared, epoch: u64, bytes: &[u8], found: &wal::Recovered) -> Result<(), StoreError> {
    for place in &found.damaged {
        let name = format!("wal-{epoch:010}-at-{}.bin", place.start);
        let path = shared.layout.quarantine.join(name);
        tracing::error!(path = %path.display(), "a damaged place in the write-ahead log was put aside");
        std::fs::write(&path, &bytes[place.clone()]).map_err(StoreError::file("write", &path))?;
    }
    if found.torn_bytes > 0 {
        tracing::warn!(
            epoch,
            torn_bytes = found.torn_bytes,
            "the log ended in the middle of a write, which nobody was told of"
        );
    }
    Ok(())
}

/// The thread that writes the log.
struct Writer {
    shared: Arc<Shared>,
    wal: WalFile,
    hot: HotEpoch,
    ledger: Ledger,
    since: Instant,
    to_sealer: Sender<Closed>,
}

impl Writer {
    fn new(shared: Arc<Shared>, epoch: u64, to_sealer: Sender<Closed>) -> Result<Self, StoreError> {
        let wal = WalFile::create(&shared.layout.wal, epoch, shared.config.durability)?;
        let hot = HotEpoch::new(epoch);
        Ok(Self { shared, wal, hot, ledger: Ledger::default(), since: Instant::now(), to_sealer })
    }

    fn run(mut self, queue: &Receiver<ToWriter>) {
        loop {
            let left = self.shared.config.epoch_time.saturating_sub(self.since.elapsed());
            let wait = if self.is_empty() { Duration::from_secs(3_600) } else { left };
            match queue.recv_timeout(wait) {
                Ok(ToWriter::Request(first)) => self.commit(*first, queue),
                Ok(ToWriter::Roll(tell)) => {
                    self.roll();
                    // Who asked may have gone.
                    tell.send(self.hot.epoch).ok();
                }
                Err(RecvTimeoutError::Timeout) => self.roll(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let is_over = self.since.elapsed() >= self.shared.config.epoch_time && !self.is_empty();
            if self.hot.size_bytes >= self.shared.config.epoch_bytes || is_over {
                self.roll();
            }
        }
        self.finish();
    }

    fn is_empty(&self) -> bool {
        self.ledger.0.is_empty()
    }

    /// Writes `first` and what else is waiting with one sync, shows it, and tells the senders.
    fn commit(&mut self, first: Request, queue: &Receiver<ToWriter>) {
        let mut size = first.frame.len();
        let mut group = vec![first];
        let mut roll = None;
        while size < COMMIT_BYTES {
            match queue.try_recv() {
                Ok(ToWriter::Request(r)) => {
                    size += r.frame.len();
                    group.push(*r);
                }
                Ok(ToWriter::Roll(tell)) => {
                    roll = Some(tell);
                    break;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let mut frames = Vec::with_capacity(size);
        for r in &group {
            frames.extend_from_slice(&r.frame);
        }
        match self.wal.append(&frames, self.shared.config.durability) {
            Ok(()) => self.show(group),
            Err(e) => self.refuse(group, &e),
        }
        if let Some(tell) = roll {
            self.roll();
            // Who asked may have gone.
            tell.send(self.hot.epoch).ok();
        }
    }

    fn show(&mut self, group: Vec<Request>) {
        if self.is_empty() {
            self.since = Instant::now();
        }
        let mut told = Vec::with_capacity(group.len());
        {
            let mut all = self.shared.ledger();
            for r in group {
                self.ledger.add(&r.ingest);
                all.add(&r.ingest);
                for (table, rows) in r.rows {
                    lock(&self.shared.services).see(&rows);
                    self.hot.push(table, rows);
                }
                told.push((r.acked, r.since, r.size));
            }
        }
        self.shared.publish_hot(&self.hot);
        for (acked, since, size) in told {
            self.shared.timed(since.elapsed());
            self.shared.release(size);
            acked(Ok(()));
        }
    }

    fn refuse(&self, group: Vec<Request>, e: &StoreError) {
        self.shared.problem("the write-ahead log could not be written", e);
        for r in group {
            self.shared.release(r.size);
            (r.acked)(Err(StoreError::Wal(e.to_string())));
        }
    }

    /// Ends the epoch: a new log file, and the rows go to the sealer.
    fn roll(&mut self) {
        if self.is_empty() {
            return;
        }
        let next = self.hot.epoch + 1;
        match WalFile::create(&self.shared.layout.wal, next, self.shared.config.durability) {
            Ok(wal) => self.wal = wal,
            // The epoch simply goes on; it is tried again at the next commit.
            Err(e) => return self.shared.problem("a new write-ahead log could not be made", &e),
        }
        let hot = std::mem::replace(&mut self.hot, HotEpoch::new(next));
        let ledger = std::mem::take(&mut self.ledger);
        self.since = Instant::now();
        if self.to_sealer.send(Closed { hot, ledger }).is_err() {
            tracing::error!("the sealing thread is gone; the log is kept and read at the next start");
        }
    }

    fn finish(mut self) {
        self.roll();
        let path = wal::path(&self.shared.layout.wal, self.hot.epoch);
        if self.is_empty() {
            // An empty log says nothing; if it stays, the next start removes it.
            drop(std::fs::remove_file(path));
        }
    }
}

fn run_sealer(shared: &Shared, queue: &Receiver<Closed>) {
    while let Ok(closed) = queue.recv() {
        while let Err(e) = seal(shared, &closed) {
            shared.problem("an epoch could not be sealed", &e);
            if shared.is_closing.load(Ordering::Acquire) {
                break;
            }
            std::thread::sleep(RETRY);
        }
    }
    // What registers nothing any more can be synced once more.
    drop(files::sync_dir(&shared.layout.wal));
}
