//! Questions under way and their answers. An older answer stays until a newer one is there.

use crate::overlay::notices::Notice;
use crate::runtime::{now, spawn};
use eframe::egui::{Context, DroppedFileHandle};
use sextant_contract::{Answer, Ask, AskError, Backend, Code, Command, Event};
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
    heard: Arc<Mutex<Heard>>,
}

/// What came by itself and is not taken in yet.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// What came of changes, files and the like.
    pub notices: Vec<Notice>,
    /// Names of commands that were chosen in the menu.
    pub chosen: Vec<String>,
    /// Dropped files that have been read: names and bytes.
    pub files: Vec<(String, Vec<u8>)>,
}

/// A live question is asked again at most this often.
const LIVE_NANOS: i64 = 900_000_000;

impl Asks {
    pub fn new(backend: Rc<dyn Backend>, ctx: &Context) -> Self {
        let generation = Arc::new(AtomicU64::new(0));
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let (seen, told, ctx) = (generation.clone(), heard.clone(), ctx.clone());
        backend.subscribe(Box::new(move |event| {
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            match event {
                Event::Generation { generation } => seen.store(generation, Ordering::Release),
                Event::Imported { file } => told.notices.push(Notice::imported(&file)),
                Event::Failed { error } => told.notices.push(Notice::failed(&error)),
                Event::Chosen { id } => told.chosen.push(id),
            }
            ctx.request_repaint();
        }));
        Self { backend, inbox: Arc::default(), slots: HashMap::new(), generation, heard }
    }

    /// What came by itself since the last time.
    pub fn hear(&self) -> Heard {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads a file that was dropped on the screens; it is heard of when it is there.
    pub fn read(&self, ctx: &Context, file: DroppedFileHandle) {
        let (heard, ctx) = (self.heard.clone(), ctx.clone());
        spawn(async move {
            let name = file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
            let read = crate::runtime::read(&file).await;
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            match read {
                Ok(bytes) => heard.files.push((name, bytes)),
                Err(e) => {
                    let error = AskError::new(Code::BadQuery, format!("{name} can't be read: {e}"));
                    heard.notices.push(Notice::failed(&error));
                }
            }
            ctx.request_repaint();
        });
    }

    /// Carries out a change; what comes of it is a notice.
    pub fn act(&self, ctx: &Context, command: Command, payload: Vec<u8>) {
        let done = self.backend.act(command, payload);
        let (heard, ctx) = (self.heard.clone(), ctx.clone());
        spawn(async move {
            if let Some(notice) = Notice::of(&done.await) {
                heard.lock().unwrap_or_else(PoisonError::into_inner).notices.push(notice);
                ctx.request_repaint();
            }
        });
    }

    /// Whether no answer is awaited.
    pub fn is_settled(&self) -> bool {
        self.slots.values().all(|s| !s.is_pending)
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
