//! A disk that fails, dies, and forgets what was not synced.

use sextant_store::{Faults, Op};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// What is going to go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// No room: half of a write is done.
    Full,
    /// The operation fails and nothing is done.
    Fails,
    /// The operation is done and says that it failed.
    Lies,
    /// A sync fails, and what it was to make durable never will be.
    SyncFails,
    /// Nothing works from here on: the program was killed.
    Dies,
}

/// How to undo what is not durable yet.
#[derive(Debug, Clone)]
enum Undo {
    Bytes { path: PathBuf, at: u64, before: Vec<u8>, length: u64, is_lost: bool },
    Made { path: PathBuf },
    Renamed { from: PathBuf, to: PathBuf },
    Removed { path: PathBuf, bytes: Vec<u8> },
}

#[derive(Debug, Default)]
struct State {
    is_dead: bool,
    /// After so many operations, this goes wrong.
    next: Option<(u64, Kind)>,
    undo: Vec<Undo>,
    n_ops: u64,
    n_faults: u64,
}

/// The plan of one history.
#[derive(Debug, Default)]
pub struct Plan(Mutex<State>);

fn error(kind: io::ErrorKind) -> io::Error {
    io::Error::new(kind, "made to fail")
}

/// Half of the bytes of a write.
fn write_half(op: Op<'_>) {
    use std::os::unix::fs::FileExt as _;
    if let Op::Write(path, at, bytes) = op
        && let Ok(file) = fs::OpenOptions::new().write(true).open(path)
    {
        file.write_all_at(&bytes[..bytes.len() / 2], at).expect("half of a write");
    }
}

impl Plan {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().expect("no poison")
    }

    /// Lets something go wrong after `n` operations.
    pub fn set(&self, n: u64, kind: Kind) {
        self.state().next = Some((n, kind));
    }

    /// Nothing more goes wrong by itself.
    pub fn calm(&self) {
        self.state().next = None;
    }

    /// From here on nothing works.
    pub fn kill(&self) {
        self.state().is_dead = true;
    }

    pub fn is_dead(&self) -> bool {
        self.state().is_dead
    }

    /// Operations so far, and faults.
    pub fn counts(&self) -> (u64, u64) {
        let state = self.state();
        (state.n_ops, state.n_faults)
    }

    /// The machine comes back. After a power cut, what was not synced is there, torn or not there, as `random` has it.
    pub fn revive(&self, is_power_cut: bool, mut random: impl FnMut(u64) -> u64) {
        let mut state = self.state();
        let undo = std::mem::take(&mut state.undo);
        if is_power_cut {
            for step in undo.into_iter().rev() {
                if random(2) == 0 {
                    undone(&step, &mut random);
                }
            }
        }
        state.is_dead = false;
        state.next = None;
    }
}

fn undone(step: &Undo, random: &mut impl FnMut(u64) -> u64) {
    use std::os::unix::fs::FileExt as _;
    match step {
        Undo::Bytes { path, at, before, length, .. } => {
            // It may have been renamed or removed since.
            let Ok(file) = fs::OpenOptions::new().write(true).open(path) else { return };
            let end = at + before.len() as u64;
            if end >= *length && random(3) > 0 {
                // The tail was never written, or only some of it.
                let written = file.metadata().map_or(0, |m| m.len()).saturating_sub(*at);
                let kept = if written > 0 { random(written + 1) } else { 0 };
                file.set_len(at + kept).expect("cut");
            } else {
                // The length is right and the bytes are not.
                file.write_all_at(before, *at).expect("written back");
            }
        }
        Undo::Made { path } => {
            if path.is_dir() {
                // A folder with something in it is durable enough.
                fs::remove_dir(path).ok();
            } else {
                fs::remove_file(path).ok();
            }
        }
        Undo::Renamed { from, to } => {
            fs::rename(to, from).ok();
        }
        Undo::Removed { path, bytes } => {
            // Another one of its name is another file.
            if path.parent().is_some_and(Path::is_dir) && !path.exists() {
                fs::write(path, bytes).expect("back again");
            }
        }
    }
}

impl Faults for Plan {
    fn before(&self, op: Op<'_>) -> io::Result<()> {
        let mut state = self.state();
        if state.is_dead {
            return Err(error(io::ErrorKind::Other));
        }
        state.n_ops += 1;
        let due = match &mut state.next {
            Some((0, kind)) => Some(*kind),
            Some((n, _)) => {
                *n -= 1;
                None
            }
            None => None,
        };
        let Some(kind) = due else {
            remember(&mut state, op);
            return Ok(());
        };
        let fits = match kind {
            Kind::Full => matches!(op, Op::Write(..) | Op::Create(_)),
            Kind::SyncFails => matches!(op, Op::Sync(_)),
            Kind::Lies => matches!(op, Op::Commit(_)),
            Kind::Fails | Kind::Dies => true,
        };
        if !fits {
            remember(&mut state, op);
            return Ok(());
        }
        state.next = None;
        state.n_faults += 1;
        match kind {
            Kind::Full => {
                remember(&mut state, op);
                write_half(op);
                Err(error(io::ErrorKind::StorageFull))
            }
            Kind::SyncFails => {
                if let Op::Sync(synced) = op {
                    for undo in &mut state.undo {
                        if let Undo::Bytes { path, is_lost, .. } = undo
                            && path == synced
                        {
                            *is_lost = true;
                        }
                    }
                }
                Err(error(io::ErrorKind::Other))
            }
            Kind::Dies => {
                state.is_dead = true;
                Err(error(io::ErrorKind::Other))
            }
            Kind::Lies => {
                // Only the end of the transaction dies: it is done, and nobody hears of it.
                state.is_dead = true;
                Ok(())
            }
            Kind::Fails => Err(error(io::ErrorKind::Other)),
        }
    }

    fn done(&self, op: Op<'_>) {
        let mut state = self.state();
        match op {
            Op::Create(path) | Op::CreateDir(path) => state.undo.push(Undo::Made { path: path.to_owned() }),
            Op::Rename(from, to) => {
                state.undo.push(Undo::Renamed { from: from.to_owned(), to: to.to_owned() });
            }
            Op::Sync(synced) => {
                state.undo.retain(|undo| !matches!(undo, Undo::Bytes { path, is_lost: false, .. } if path == synced));
            }
            Op::SyncDir(dir) => {
                let is_in = |path: &Path| path.parent() == Some(dir);
                state.undo.retain(|undo| match undo {
                    Undo::Made { path } | Undo::Removed { path, .. } => !is_in(path),
                    Undo::Renamed { to, .. } => !is_in(to),
                    Undo::Bytes { .. } => true,
                });
            }
            // What is done to a later file of the same name is done to another file.
            Op::Remove(removed) => state.undo.retain(|undo| match undo {
                Undo::Bytes { path, .. } | Undo::Made { path } => path != removed,
                _ => true,
            }),
            Op::Write(..) | Op::Truncate(..) | Op::Commit(_) => {}
        }
    }
}

/// Keeps what an operation is going to destroy.
fn remember(state: &mut State, op: Op<'_>) {
    match op {
        Op::Write(path, at, bytes) => {
            let all = fs::read(path).unwrap_or_default();
            let length = all.len() as u64;
            let from = (at as usize).min(all.len());
            let to = (from + bytes.len()).min(all.len());
            let before = all[from..to].to_vec();
            state.undo.push(Undo::Bytes { path: path.to_owned(), at, before, length, is_lost: false });
        }
        Op::Truncate(path, to) => {
            let all = fs::read(path).unwrap_or_default();
            let cut = all.get(to as usize..).unwrap_or_default().to_vec();
            let length = all.len() as u64;
            // Undone by writing back what was cut off: its end lies before the length, so it is not cut again.
            state.undo.push(Undo::Bytes {
                path: path.to_owned(),
                at: to,
                before: cut,
                length: length + 1,
                is_lost: false,
            });
        }
        Op::Remove(path) => {
            if let Ok(bytes) = fs::read(path) {
                state.undo.push(Undo::Removed { path: path.to_owned(), bytes });
            }
        }
        _ => {}
    }
}
