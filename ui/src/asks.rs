//! Questions under way and their answers. An older answer stays until a newer one is there.

use crate::runtime::{now, spawn};
use eframe::egui::Context;
use sextant_contract::{Answer, Ask, AskError, Backend, Event};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

type Arrived = (String, Result<Answer, AskError>);

/// A question's place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot {
    pub answer: Option<Rc<Answer>>,
    pub error: Option<AskError>,
    pub is_pending: bool,
    asked_at: i64,
    asked_generation: u64,
}

impl Slot {
    /// The answer, if one has come.
    pub fn get(&self) -> Option<&Answer> {
        self.answer.as_deref()
    }
}

/// All questions of the screens.
pub(crate) struct Asks {
    backend: Rc<dyn Backend>,
    inbox: Arc<Mutex<Vec<Arrived>>>,
    slots: HashMap<String, Slot>,
    generation: Arc<AtomicU64>,
}

/// A live question is asked again at most this often.
const LIVE_NANOS: i64 = 900_000_000;

impl Asks {
    pub fn new(backend: Rc<dyn Backend>, ctx: &Context) -> Self {
        let generation = Arc::new(AtomicU64::new(0));
        let (seen, ctx) = (generation.clone(), ctx.clone());
        backend.subscribe(Box::new(move |event| {
            let Event::Generation { generation } = event;
            seen.store(generation, Ordering::Release);
            ctx.request_repaint();
        }));
        Self { backend, inbox: Arc::default(), slots: HashMap::new(), generation }
    }

    /// The newest generation that was heard of.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Takes in what has come.
    pub fn drain(&mut self) {
        let arrived = std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        for (key, result) in arrived {
            let slot = self.slots.entry(key).or_default();
            slot.is_pending = false;
            match result {
                Ok(answer) => {
                    slot.answer = Some(Rc::new(answer));
                    slot.error = None;
                }
                Err(e) => slot.error = Some(e),
            }
        }
    }

    /// The place `key` for `ask`: asked if it is new, or if `is_live` and there is something newer. `key` names the
    /// question without what moves by itself, such as the end of a live period.
    pub fn ask(&mut self, ctx: &Context, key: &str, is_live: bool, ask: impl FnOnce() -> Ask) -> Slot {
        let generation = self.generation();
        let slot = self.slots.entry(key.to_owned()).or_default();
        let is_new = slot.answer.is_none() && slot.error.is_none();
        let is_stale = is_live && slot.asked_generation != generation;
        if is_stale && !slot.is_pending && now() - slot.asked_at < LIVE_NANOS {
            ctx.request_repaint_after(std::time::Duration::from_millis(300));
        } else if !slot.is_pending && (is_new || is_stale) {
            slot.is_pending = true;
            slot.asked_at = now();
            slot.asked_generation = generation;
            let answered = self.backend.ask(ask());
            let (inbox, ctx, key) = (self.inbox.clone(), ctx.clone(), key.to_owned());
            spawn(async move {
                let result = answered.await;
                inbox.lock().unwrap_or_else(PoisonError::into_inner).push((key, result));
                ctx.request_repaint();
            });
        }
        slot.clone()
    }

    /// Forgets everything but what begins with one of `keep`, so that memory stays bounded as one looks around.
    pub fn forget_old(&mut self) {
        if self.slots.len() > 200 {
            self.slots.retain(|_, slot| slot.is_pending);
        }
    }
}
