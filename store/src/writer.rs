//! The thread that writes the log: one write and one sync for all requests that wait.

use crate::StoreError;
use crate::hot::HotEpoch;
use crate::ingest::{Acked, Ingest, OnAcked, Rows};
use crate::resend::{RecentRows, Requests, RowHash, Seen};
use crate::seal::Closed;
use crate::state::{Shared, lock};
use crate::wal::{self, WalFile};
use crate::whole;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::time::{Duration, Instant};

const NOT_WRITTEN: &str = "the write-ahead log could not be written";

/// One commit takes at most about this much.
const COMMIT_BYTES: usize = 1 << 20;

/// A request on its way to the log.
pub(crate) struct Request {
    pub ingest: Ingest,
    pub rows: Vec<Rows>,
    pub frame: Vec<u8>,
    /// What was taken of the queue's room.
    pub size: usize,
    pub since: Instant,
    pub acked: OnAcked,
    /// Set if the same request came before.
    pub reply: Option<String>,
    /// Rows that are remembered and not there any more.
    pub gone: Vec<RowHash>,
}

pub(crate) enum ToWriter {
    Request(Box<Request>),
    /// Which of these rows are remembered.
    Known(Vec<RowHash>, Sender<Vec<bool>>),
    /// These came in another way.
    Came(Vec<RowHash>),
    /// End the epoch now; the channel hears its successor's number.
    Roll(Sender<Result<u64, StoreError>>),
}

/// What a recovered store knows about rows and requests that are not sealed yet.
#[derive(Default)]
pub(crate) struct Known {
    pub rows: Vec<RowHash>,
    pub requests: Vec<(u128, Seen)>,
}

/// The thread that writes the log.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    wal: WalFile,
    /// A file of which a write or sync failed is never written to again.
    is_wal_broken: bool,
    closing: Closed,
    since: Instant,
    to_sealer: Sender<Closed>,
    recent: RecentRows,
    /// Taken once the first request comes: a store that only reads needs none of it.
    known: Option<Known>,
}

/// What a commit added to the recent rows, to be taken back if it fails.
#[derive(Default)]
struct Added {
    rows: Vec<RowHash>,
    requests: Vec<(u128, Seen)>,
}

impl Writer {
    pub fn new(shared: Arc<Shared>, epoch: u64, to_sealer: Sender<Closed>, known: Known) -> Result<Self, StoreError> {
        let wal = WalFile::create(&shared.disk, &shared.layout.wal, epoch, shared.config.durability)?;
        let closing = Closed { hot: HotEpoch::new(epoch), ..Closed::default() };
        let recent = RecentRows::default();
        Ok(Self {
            shared,
            wal,
            is_wal_broken: false,
            closing,
            since: Instant::now(),
            to_sealer,
            recent,
            known: Some(known),
        })
    }

    pub fn run(mut self, queue: &Receiver<ToWriter>) {
        loop {
            let left = self.shared.config.epoch_time.saturating_sub(self.since.elapsed());
            let wait = if self.is_empty() { Duration::from_secs(3_600) } else { left };
            match queue.recv_timeout(wait) {
                Ok(ToWriter::Request(first)) => self.commit(*first, queue),
                Ok(ToWriter::Roll(tell)) => self.roll_for(&tell),
                Ok(ToWriter::Known(rows, tell)) => self.tell_known(&rows, &tell),
                Ok(ToWriter::Came(rows)) => self.note(rows),
                Err(RecvTimeoutError::Timeout) => self.roll(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
            let is_over = self.since.elapsed() >= self.shared.config.epoch_time && !self.is_empty();
            if self.closing.hot.size_bytes >= self.shared.config.epoch_bytes || is_over {
                self.roll();
            }
        }
        self.finish();
    }

    fn is_empty(&self) -> bool {
        self.closing.ledger.0.is_empty()
    }

    /// Writes `first` and what else is waiting with one sync, shows it, and tells the senders.
    fn commit(&mut self, first: Request, queue: &Receiver<ToWriter>) {
        self.remember();
        if self.shared.is_memory_stale.swap(false, Ordering::AcqRel) {
            *lock(&self.shared.requests) = Requests::default();
            // What is only in the log is there for certain.
            self.recent = RecentRows::default();
            for row in &self.closing.rows {
                self.recent.insert(*row);
            }
        }
        let mut size = first.frame.len();
        let mut waiting = vec![first];
        let mut then = None;
        while size < COMMIT_BYTES {
            match queue.try_recv() {
                Ok(ToWriter::Request(r)) => {
                    size += r.frame.len();
                    waiting.push(*r);
                }
                Ok(other) => {
                    then = Some(other);
                    break;
                }
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        let mut frames = Vec::with_capacity(size);
        let mut added = Added::default();
        let mut group = Vec::with_capacity(waiting.len());
        for mut request in waiting {
            let n_added = added.rows.len();
            match self.without_repeats(&mut request, &mut added) {
                Ok(()) => {
                    frames.extend_from_slice(&request.frame);
                    group.push(request);
                }
                Err(e) => {
                    self.recent.forget(&added.rows.split_off(n_added));
                    self.refuse(vec![request], &e);
                }
            }
        }
        match self.append(&frames) {
            Ok(()) => {
                self.shared.solved(NOT_WRITTEN);
                self.show(group, added);
            }
            Err(e) => {
                self.recent.forget(&added.rows);
                self.refuse(group, &e);
            }
        }
        match then {
            Some(ToWriter::Roll(tell)) => self.roll_for(&tell),
            Some(ToWriter::Known(rows, tell)) => self.tell_known(&rows, &tell),
            Some(ToWriter::Came(rows)) => self.note(rows),
            Some(ToWriter::Request(_)) | None => {}
        }
    }

    fn tell_known(&mut self, rows: &[RowHash], tell: &Sender<Vec<bool>>) {
        self.remember();
        // Who asked may have gone.
        tell.send(rows.iter().map(|row| !row.is_none() && self.recent.contains(*row)).collect()).ok();
    }

    fn note(&mut self, rows: Vec<RowHash>) {
        self.remember();
        for row in rows {
            self.recent.insert(row);
            self.recent.turn();
        }
    }

    fn append(&mut self, frames: &[u8]) -> Result<(), StoreError> {
        if self.is_wal_broken {
            self.start_epoch()?;
        }
        let appended = self.wal.append(frames, self.shared.config.durability);
        self.is_wal_broken = appended.is_err();
        appended
    }

    /// Reads what was remembered when the store was closed.
    fn remember(&mut self) {
        let Some(known) = self.known.take() else { return };
        if let Err(e) = whole::settle(&self.shared) {
            self.shared.problem("rows that an import brought may be kept twice", &e);
        }
        lock(&self.shared.sidecar).load(&mut self.recent);
        for row in known.rows {
            self.recent.insert(row);
        }
        self.recent.turn();
        let saved = lock(&self.shared.manifest).requests();
        let saved = saved.unwrap_or_else(|e| {
            self.shared.problem("requests that come again may be kept twice", &e);
            Vec::new()
        });
        let mut requests = lock(&self.shared.requests);
        for (hash, seen) in saved.into_iter().chain(known.requests) {
            requests.insert(hash, seen);
        }
    }

    /// Takes out of a request what is kept already; commits come one after the other, so what came before in this
    /// one counts as kept: it is written by the same write, and refused together with it.
    fn without_repeats(&mut self, request: &mut Request, added: &mut Added) -> Result<(), StoreError> {
        if request.reply.is_some() {
            return Ok(());
        }
        if let Some(key) = &request.ingest.request {
            let before = added.requests.iter().find(|(hash, _)| *hash == key.hash).map(|(_, seen)| seen.clone());
            let before =
                before.or_else(|| lock(&self.shared.requests).get(key.hash, request.ingest.received_at).cloned());
            if let Some(seen) = before {
                request.reply = Some(seen.reply().to_owned());
                request.ingest.counts = seen.counts_of_repeat();
                request.ingest.request = None;
                request.rows.clear();
                request.frame = wal::encode(&request.ingest, &request.rows)?;
                return Ok(());
            }
        }
        self.recent.forget(&request.gone);
        let mut is_changed = false;
        for i in 0..request.rows.len() {
            let rows = &request.rows[i];
            let keep: Vec<bool> = rows
                .hashes
                .iter()
                .map(|hash| {
                    let is_new = self.recent.insert(*hash);
                    if is_new && !hash.is_none() {
                        added.rows.push(*hash);
                    }
                    is_new
                })
                .collect();
            let n = keep.iter().filter(|k| !**k).count();
            if n > 0 {
                is_changed = true;
                request.ingest.leave_out(rows.table, n);
                request.rows[i] = rows.filtered(keep)?;
            }
        }
        if is_changed {
            request.rows.retain(|r| r.batch.num_rows() > 0);
            request.frame = wal::encode(&request.ingest, &request.rows)?;
        }
        if let Some(key) = &request.ingest.request {
            // What is told to whoever sends it again is what its first sender was told.
            let seen = Seen::new(request.ingest.received_at, &request.ingest.counts, &key.reply);
            added.requests.push((key.hash, seen));
        }
        Ok(())
    }

    fn show(&mut self, group: Vec<Request>, added: Added) {
        if self.is_empty() {
            self.since = Instant::now();
        }
        let mut told = Vec::with_capacity(group.len());
        let has_lookers = !lock(&self.shared.lookers).is_empty();
        let mut shown = Vec::new();
        {
            let mut all = self.shared.ledger();
            for r in group {
                self.closing.ledger.add(&r.ingest);
                all.add(&r.ingest);
                for rows in r.rows {
                    lock(&self.shared.services).see(&rows.batch);
                    lock(&self.shared.dictionary).see(&r.ingest.project, rows.table, &rows.batch);
                    if has_lookers {
                        shown.push((rows.table, rows.batch.clone()));
                    }
                    self.closing.hot.push(rows.table, rows.batch);
                }
                let acked = Acked { counts: r.ingest.counts, reply: r.reply };
                told.push((r.acked, acked, r.since, r.size));
            }
        }
        self.closing.rows.extend(added.rows);
        self.recent.turn();
        {
            let mut requests = lock(&self.shared.requests);
            for (hash, seen) in &added.requests {
                requests.insert(*hash, seen.clone());
            }
        }
        self.closing.requests.extend(added.requests);
        self.shared.publish_hot(&self.closing.hot);
        if !shown.is_empty() {
            lock(&self.shared.lookers).retain(|looker| shown.iter().all(|(table, rows)| looker.show(*table, rows)));
        }
        for (on_acked, acked, since, size) in told {
            self.shared.timed(since.elapsed());
            self.shared.release(size);
            on_acked(Ok(acked));
        }
    }

    fn refuse(&self, group: Vec<Request>, e: &StoreError) {
        self.shared.problem(NOT_WRITTEN, e);
        for r in group {
            self.shared.release(r.size);
            (r.acked)(Err(StoreError::Wal(e.to_string())));
        }
    }

    fn roll_for(&mut self, tell: &Sender<Result<u64, StoreError>>) {
        let rolled = if self.is_empty() { Ok(()) } else { self.start_epoch() };
        // Who asked may have gone.
        tell.send(rolled.map(|()| self.closing.hot.epoch)).ok();
    }

    /// Ends the epoch: a new log file, and the rows go to the sealer.
    fn roll(&mut self) {
        if self.is_empty() {
            return;
        }
        // After a failure the epoch simply goes on; it is tried again at the next commit.
        if let Err(e) = self.start_epoch() {
            self.shared.problem(NOT_WRITTEN, &e);
        }
    }

    fn start_epoch(&mut self) -> Result<(), StoreError> {
        let next = self.closing.hot.epoch + 1;
        self.wal = WalFile::create(&self.shared.disk, &self.shared.layout.wal, next, self.shared.config.durability)?;
        self.is_wal_broken = false;
        let closing = Closed { hot: HotEpoch::new(next), ..Closed::default() };
        let closed = std::mem::replace(&mut self.closing, closing);
        self.since = Instant::now();
        // Also where it is empty: then only its file has to go.
        if self.to_sealer.send(closed).is_err() {
            tracing::error!("the sealing thread is gone; the log is kept and read at the next start");
        }
        Ok(())
    }

    fn finish(mut self) {
        self.roll();
        let path = wal::path(&self.shared.layout.wal, self.closing.hot.epoch);
        if self.is_empty() {
            // An empty log says nothing; if it stays, the next start removes it.
            drop(self.shared.disk.remove(&path));
        }
    }
}
