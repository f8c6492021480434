//! Random histories of a store on a disk that fails, held against a plain list of what should be there.
//!
//! `SEXTANT_HISTORIES=100000 cargo nextest run -p sextant-store` runs so many; a failure prints the seed, and
//! `SEXTANT_SEED=n SEXTANT_HISTORIES=1` runs that one again.

mod faults;
mod world;

use faults::{Kind, Plan};
use sextant_model::{Signal, Table};
use sextant_store::{Config, Ingest, Origin, Policy, Store, StoreError, Taken};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use world::{BEGIN, DAY, Fate, HOUR, Row, SECOND, Sent, TABLES, World};

/// Histories of each of the two tests.
const N_HISTORIES: u64 = 500;
const N_STEPS: u64 = 16;

/// A small generator, so that a seed is all that a history needs.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n.max(1)
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }
}

struct History {
    random: Random,
    plan: Arc<Plan>,
    dir: PathBuf,
    epoch_bytes: usize,
    store: Option<Store>,
    world: World,
    now: i64,
    next_id: u64,
    /// What was done, to be told if it fails.
    log: Arc<Mutex<Vec<String>>>,
}

impl History {
    fn new(seed: u64, dir: PathBuf, log: Arc<Mutex<Vec<String>>>) -> Self {
        let mut random = Random(seed);
        let epoch_bytes = 20_000 << random.below(6);
        let (plan, world) = (Arc::new(Plan::default()), World::default());
        Self { random, plan, dir, epoch_bytes, store: None, world, now: BEGIN, next_id: 0, log }
    }

    fn say(&self, what: impl Into<String>) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(what.into());
    }

    fn store(&self) -> &Store {
        self.store.as_ref().expect("the store is open")
    }

    /// Opens the store; what goes wrong on the way is a crash more.
    fn open(&mut self) {
        for attempt in 0.. {
            let mut config = Config::new(&self.dir);
            config.faults = Some(self.plan.clone());
            config.epoch_bytes = self.epoch_bytes;
            config.retry = Duration::from_millis(1);
            config.disk_reserve_bytes = Some(0);
            config.is_compressed = false;
            match Store::open(config) {
                Ok(store) => {
                    self.store = Some(store);
                    break;
                }
                Err(e) => {
                    assert!(attempt < 3, "the store does not open: {e}");
                    self.say(format!("open failed: {e}"));
                    self.come_back();
                }
            }
        }
        self.plan.calm();
        if !self.plan.is_dead() {
            let store = self.store.take().expect("it was opened");
            self.world.check(&store, true);
            self.store = Some(store);
        }
    }

    fn come_back(&mut self) {
        let is_power_cut = self.random.one_in(2);
        let random = &mut self.random;
        self.plan.revive(is_power_cut, |n| random.below(n));
        self.say(format!("comes back, power cut: {is_power_cut}"));
    }

    fn crash(&mut self) {
        self.say("crash");
        self.plan.kill();
        drop(self.store.take());
        self.come_back();
        if self.random.one_in(4) {
            let n = self.random.below(12);
            self.plan.set(n, Kind::Fails);
        }
        self.open();
    }

    fn row(&mut self, is_import: bool) -> Row {
        let id = self.next_id;
        self.next_id += 1;
        let time = match self.random.below(12) {
            0 => self.now - HOUR - (self.random.below(1_000) as i64) * SECOND,
            1 => self.now - (self.random.below(60) as i64) * DAY,
            2 => (1 + self.random.below(1_000) as i64) * SECOND,
            3 => self.now + 40 * DAY,
            _ => self.now - (self.random.below(600) as i64) * SECOND,
        };
        let table = TABLES[self.random.below(3) as usize];
        // All else is whole seconds, so points of one series have times of their own.
        Row { id, table, time: time + id as i64, received: self.now, is_import }
    }

    fn request(&mut self, protocol: &'static str) -> Sent {
        let n = 1 + self.random.below(40);
        let mut rows: Vec<Row> = (0..n).map(|_| self.row(protocol != "otlp-http")).collect();
        // Some that were sent before, in another request. Logs can't be told apart, so they are not.
        if self.random.one_in(3) && !self.world.fates.is_empty() {
            let known: Vec<Row> = self.world.fates.values().map(|(row, _)| *row).collect();
            for _ in 0..self.random.below(10) {
                let row = known[self.random.below(known.len() as u64) as usize];
                let is_here = rows.iter().any(|r| r.id == row.id);
                let is_clear = !matches!(self.world.fates[&row.id].1, Fate::PerhapsEvicted | Fate::PerhapsBack);
                if row.table != TABLES[1] && !is_here && is_clear {
                    rows.push(row);
                }
            }
        }
        let client = format!("client {}", self.random.below(3));
        let hash = u128::from(self.next_id) << 64 | u128::from(self.random.below(u64::MAX));
        Sent { rows, hash, client, protocol }
    }

    fn send(&mut self, sent: &Sent) {
        let ingest = sent.ingest(self.now);
        let result = match sent.protocol {
            "pull" => self.pull(ingest).map(|taken| format!("{taken:?}")),
            "import" => self.store().import().ingest(ingest).map(|acked| format!("{:?}", acked.counts)),
            _ => self.store().ingest_wait(ingest).map(|acked| format!("{:?}", acked.counts)),
        };
        self.say(format!("{} of {} rows: {result:?}", sent.protocol, sent.rows.len()));
        self.world.told(sent, self.now, result.is_ok());
    }

    /// Takes all rows at once, or is given up on the way.
    fn pull(&mut self, ingest: Ingest) -> Result<BTreeMap<Table, Taken>, StoreError> {
        let is_given_up = self.random.one_in(6);
        let origin = Origin { project: ingest.project, client: ingest.client, protocol: ingest.protocol, at: self.now };
        let mut whole = self.store().whole(origin)?;
        for batch in ingest.batches {
            whole.add(batch)?;
        }
        if is_given_up { Err(StoreError::Cancelled) } else { whole.finish(None) }
    }

    fn step(&mut self) {
        self.now += (1 + self.random.below(400) as i64) * SECOND;
        if self.random.one_in(5) {
            let kinds = [Kind::Full, Kind::Fails, Kind::SyncFails, Kind::Dies, Kind::Dies, Kind::Lies];
            let kind = kinds[self.random.below(6) as usize];
            let n = self.random.below(30);
            self.say(format!("{kind:?} after {n}"));
            self.plan.set(n, kind);
        }
        match self.random.below(20) {
            0..8 => {
                let sent = self.request("otlp-http");
                self.send(&sent);
                self.world.sent.push(sent);
            }
            8 | 9 => {
                let protocol = if self.random.one_in(2) { "import" } else { "pull" };
                let sent = self.request(protocol);
                self.send(&sent);
                self.world.sent.push(sent);
            }
            10 | 11 if !self.world.sent.is_empty() => {
                // The last one mostly: that is what a sender does after a failure.
                let n = self.world.sent.len() as u64;
                let back = if self.random.one_in(3) { self.random.below(n.min(6)) } else { 0 };
                let again = self.world.sent[(n - 1 - back) as usize].clone();
                // Later, the log records in it would be other ones.
                if self.now - again.rows[0].received < HOUR && !(again.is_import() && self.world.is_unclear(&again)) {
                    self.send(&again);
                }
            }
            12 | 13 => {
                let flushed = self.store().flush();
                self.say(format!("flush: {flushed:?}"));
            }
            14 => {
                let merged = self.store().compact();
                self.say(format!("compact: {merged:?}"));
            }
            15 => self.expire(),
            16 => {
                self.say("restart");
                self.store().close();
                drop(self.store.take());
                if self.plan.is_dead() {
                    self.come_back();
                }
                self.open();
            }
            17 => self.crash(),
            _ => {
                self.plan.calm();
                if !self.plan.is_dead() {
                    let store = self.store.take().expect("it is open");
                    self.world.check(&store, false);
                    self.store = Some(store);
                }
            }
        }
        if self.plan.is_dead() {
            self.crash();
        }
    }

    fn expire(&mut self) {
        let keep = self.random.below(4) as i64 * 20 * DAY + 1_000 * SECOND;
        let signal = Signal::ALL[self.random.below(3) as usize];
        let policy = Policy {
            project: String::new(),
            signal,
            keep: Some(keep),
            max_bytes: None,
            warm_after: self.random.one_in(3).then_some(DAY),
            cold_after: None,
            cold_dir: None,
            set_at: self.now,
        };
        let is_set = self.store().set_policy(&policy).is_ok();
        // Policies of earlier steps are applied with it.
        let policies = self.store().policies();
        let applied = self.store().apply_retention(self.now, false);
        self.say(format!("retention of {signal} {keep}, set: {is_set}, applied: {applied:?}"));
        for policy in policies.into_iter().flatten() {
            let Some(keep) = policy.keep else { continue };
            for (row, fate) in self.world.fates.values_mut() {
                // The year 2000, and a day ahead: beyond, a time says nothing.
                let is_absurd = row.time < 946_684_800_000_000_000 || row.time > row.received + 86_400_000_000_000;
                let age = if row.is_import || is_absurd { row.received } else { row.time };
                if row.table.signal() != policy.signal || age >= self.now - keep {
                    continue;
                }
                *fate = match (*fate, applied.is_ok()) {
                    // It is there only if sealing or a policy failed on the way; then it is said what became of it.
                    (Fate::Kept | Fate::PerhapsEvicted, true) => Fate::Evicted,
                    (Fate::Kept, false) => Fate::PerhapsEvicted,
                    (other, _) => other,
                };
            }
        }
    }

    fn run(mut self) -> (u64, u64) {
        self.open();
        for _ in 0..N_STEPS {
            self.step();
        }
        self.plan.calm();
        if self.plan.is_dead() {
            self.crash();
        }
        let store = self.store.take().expect("it is open");
        self.world.check(&store, false);
        store.close();
        drop(store);
        self.open();
        self.plan.counts()
    }
}

/// Memory, where there is some: histories sync a lot.
fn place() -> tempfile::TempDir {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.expect("a directory")
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[allow(clippy::print_stdout, clippy::print_stderr, reason = "what was run is told")]
fn histories(first: u64) {
    let n = number("SEXTANT_HISTORIES").map_or(N_HISTORIES, |n| n.div_ceil(2));
    let first = number("SEXTANT_SEED").unwrap_or(first);
    let (mut n_ops, mut n_faults) = (0, 0);
    for seed in first..first + n {
        let dir = place();
        let log = Arc::new(Mutex::new(Vec::new()));
        let history = History::new(seed, dir.path().join("data"), log.clone());
        let run = AssertUnwindSafe(move || history.run());
        match catch_unwind(run) {
            Ok((ops, faults)) => {
                n_ops += ops;
                n_faults += faults;
            }
            Err(panic) => {
                let log = log.lock().unwrap_or_else(PoisonError::into_inner).join("\n");
                eprintln!("the history of seed {seed} failed:\n{log}");
                resume_unwind(panic);
            }
        }
    }
    println!("{n} histories from seed {first}: {n_ops} operations on files, {n_faults} of them failed");
    assert!(n < 50 || n_faults > n, "faults were made");
}

#[test]
fn histories_on_a_failing_disk() {
    histories(1);
}

#[test]
fn more_histories_on_a_failing_disk() {
    histories(1_000_001);
}
