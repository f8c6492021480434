//! Stopping statements on behalf of one who no longer waits for them.

use crate::StoreError;
use crate::state::lock;
use duckdb::{Connection, InterruptHandle};
use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

thread_local! {
    /// The tags under which this thread works. A question runs on one thread, through many layers that need not know
    /// of it.
    static TAGS: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

/// So many tags are remembered that were stopped while none of their statements ran.
const MAX_STOPPED: usize = 1_000;

/// What runs under which tag.
#[derive(Default)]
pub(super) struct Stops(Mutex<State>);

#[derive(Default)]
struct State {
    running: HashMap<u64, (Arc<InterruptHandle>, Arc<AtomicBool>)>,
    /// The latest last.
    stopped: VecDeque<u64>,
}

/// A statement under way, until it is dropped.
pub(super) struct Running<'a> {
    stops: &'a Stops,
    is_unwanted: Arc<AtomicBool>,
}

/// The tags of a thread, for those who work for it.
pub(super) struct Watch<'a> {
    stops: &'a Stops,
    tags: Vec<u64>,
}

impl Watch<'_> {
    /// Whether the work is not wanted any more.
    pub fn is_stopped(&self) -> bool {
        !self.tags.is_empty() && lock(&self.stops.0).stopped.iter().any(|t| self.tags.contains(t))
    }
}

impl Running<'_> {
    /// Becomes true when nobody wants it any more.
    pub fn is_unwanted(&self) -> Arc<AtomicBool> {
        self.is_unwanted.clone()
    }
}

impl Stops {
    /// Does work whose statements can be stopped by this tag.
    pub fn under<T>(&self, tag: u64, work: impl FnOnce() -> T) -> T {
        struct Leave<'a>(&'a Stops, u64);
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                TAGS.with_borrow_mut(|tags| tags.retain(|t| *t != self.1));
                lock(&self.0.0).stopped.retain(|t| *t != self.1);
            }
        }
        TAGS.with_borrow_mut(|tags| tags.push(tag));
        let _leave = Leave(self, tag);
        work()
    }

    /// Whether what this thread does is not wanted any more.
    pub fn is_stopped(&self) -> bool {
        self.watch().is_stopped()
    }

    /// Tells other threads whether what this one does is not wanted any more.
    pub fn watch(&self) -> Watch<'_> {
        Watch { stops: self, tags: TAGS.with_borrow(Vec::clone) }
    }

    /// A statement is about to run on this connection.
    pub fn begin(&self, connection: &Connection) -> Result<Running<'_>, StoreError> {
        TAGS.with_borrow(|tags| {
            let mut state = lock(&self.0);
            if state.stopped.iter().any(|t| tags.contains(t)) {
                return Err(StoreError::Cancelled);
            }
            let is_unwanted = Arc::new(AtomicBool::new(false));
            for tag in tags {
                state.running.insert(*tag, (connection.interrupt_handle(), is_unwanted.clone()));
            }
            Ok(Running { stops: self, is_unwanted })
        })
    }

    /// Stops what runs under this tag, and what would run under it next.
    pub fn stop(&self, tag: u64) {
        let mut state = lock(&self.0);
        if let Some((interrupt, is_unwanted)) = state.running.get(&tag) {
            is_unwanted.store(true, Ordering::Release);
            interrupt.interrupt();
        }
        state.stopped.push_back(tag);
        if state.stopped.len() > MAX_STOPPED {
            state.stopped.pop_front();
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        TAGS.with_borrow(|tags| {
            let mut state = lock(&self.stops.0);
            for tag in tags {
                state.running.remove(tag);
            }
        });
    }
}
