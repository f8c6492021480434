//! Questions under way and their answers. An older answer stays until a newer one is there.

use crate::overlay::notices::Notice;
use crate::route::Route;
use crate::runtime::{now, spawn};
use eframe::egui::{Context, DroppedFileHandle};
use futures_util::future::{AbortHandle, abortable};
use sextant_contract::{Answer, Ask, AskError, Backend, Code, Command, Completeness, Estimate, Event, Outcome};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Which place, when it was asked, and what came.
type Arrived = (String, i64, Result<Answer, AskError>);

/// A question's place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slot {
    pub answer: Option<Rc<Answer>>,
    pub error: Option<AskError>,
    pub is_pending: bool,
    /// What was asked the last time.
    pub asked: Option<Rc<Ask>>,
    asked_at: i64,
    asked_generation: u64,
    /// When the question was asked that `answer` answers.
    pub answered_for: i64,
    failed_at: i64,
    used_at: i64,
    used_in: u64,
    /// Lets go of the question under way.
    abandon: Option<AbortHandle>,
}

impl Slot {
    /// The period that the answer is about.
    pub fn period(&self, route: &Route) -> (i64, i64) {
        route.period_at(if self.answered_for > 0 { self.answered_for } else { now() })
    }

    /// Whether the answer lacks what can't be read.
    pub fn is_partial(&self) -> bool {
        self.get().is_some_and(|a| matches!(a.completeness, Completeness::Partial { .. }))
    }

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
    is_up: bool,
    /// Whose records are shown; the store's own if empty.
    source: String,
    /// Questions that may read more than is read without being asked.
    allowed: std::collections::HashSet<String>,
    step: i64,
    /// Counts what was painted.
    frame: u64,
}

/// What came by itself and is not taken in yet.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// What came of changes, files and the like.
    pub notices: Vec<Notice>,
    /// Names of commands that were chosen in the menu.
    pub chosen: Vec<String>,
    /// Where a link leads to.
    pub address: Option<String>,
    /// Whether the other side came or went.
    pub link: Option<bool>,
    /// Dropped files that have been read: names and bytes.
    pub files: Vec<(String, Vec<u8>)>,
    /// Questions that have another answer now.
    pub outdated: Vec<String>,
    /// What came of exports, by their tags.
    pub exported: Vec<(u64, Result<Outcome, AskError>)>,
}

/// Whether a question goes on when nobody looks: statements are stopped by a button, and a tail's answer holds records that
/// come no second time.
fn goes_on(key: &str) -> bool {
    let key = key.strip_prefix('@').and_then(|k| k.split_once(' ')).map_or(key, |(_, key)| key);
    key.starts_with("sql ") || key.starts_with("tail ")
}

/// Whether a question is about records, which may lie elsewhere, and not about this program.
fn is_of_records(ask: &Ask) -> bool {
    !matches!(
        ask,
        Ask::Status
            | Ask::Saved { .. }
            | Ask::Doctor
            | Ask::RetentionWould { .. }
            | Ask::Complete { .. }
            | Ask::Unknown { .. }
            | Ask::Progress { .. }
            | Ask::Senders { .. }
            | Ask::Sources
            | Ask::SourceTest { .. }
            | Ask::SourceMapping { .. }
            | Ask::SourceCost { .. }
            | Ask::Running
            | Ask::Opened
            | Ask::Keys
            | Ask::Schedules
            | Ask::Statements { .. }
    )
}

/// A live question is asked again at most this often.
const LIVE_NANOS: i64 = 900_000_000;
/// A question that failed is asked again after this.
const RETRY_NANOS: i64 = 5_000_000_000;
/// So many answers are kept.
const MAX_SLOTS: usize = 200;

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
                Event::Go { address } => told.address = Some(address),
                Event::Link { is_up } => told.link = Some(is_up),
            }
            ctx.request_repaint();
        }));
        Self {
            backend,
            inbox: Arc::default(),
            slots: HashMap::new(),
            generation,
            heard,
            is_up: true,
            source: String::new(),
            allowed: std::collections::HashSet::new(),
            step: LIVE_NANOS,
            frame: 0,
        }
    }

    /// How many questions of this screen would read more than is read without being asked, and what they would read.
    pub fn heavy(&self) -> Option<(usize, Estimate)> {
        let all = self.slots.values().filter(|s| s.used_in + 1 >= self.frame);
        let all: Vec<Estimate> = all
            .filter_map(|s| s.error.as_ref().filter(|e| e.code == Code::Heavy)?.estimate.as_deref().copied())
            .collect();
        let add = |a: Estimate, b: &Estimate| Estimate {
            bytes: a.bytes + b.bytes,
            rows: a.rows + b.rows,
            parts: a.parts + b.parts,
            ..*b
        };
        (!all.is_empty()).then(|| (all.len(), all.iter().fold(Estimate::default(), add)))
    }

    /// Asks them once more: they may.
    #[allow(clippy::iter_over_hash_type, reason = "each for itself, in any order")]
    pub fn allow_heavy(&mut self) {
        for (key, slot) in &mut self.slots {
            if slot.error.as_ref().is_some_and(|e| e.code == Code::Heavy) {
                self.allowed.insert(key.clone());
                (slot.error, slot.asked_at) = (None, 0);
            }
        }
    }

    /// What came by itself since the last time.
    pub fn hear(&mut self) -> Heard {
        let heard = std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner));
        for key in &heard.outdated {
            // What was answered stays on the screen until there is something newer.
            if let Some(slot) = self.slots.get_mut(key) {
                slot.asked_at = 0;
            }
        }
        if let Some(is_up) = heard.link {
            if is_up && !self.is_up {
                self.again();
            }
            self.is_up = is_up;
        }
        heard
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

    /// Keeps something that is only handy, then forgets the answer that lacks it: where it can't be kept, nobody need
    /// know.
    pub fn remember(&self, ctx: &Context, (kind, name, value): (&str, String, String), key: &str) {
        let done = self.backend.act(Command::Save { kind: kind.to_owned(), name, value }, Vec::new());
        let (heard, ctx, key) = (self.heard.clone(), ctx.clone(), key.to_owned());
        spawn(async move {
            drop(done.await);
            heard.lock().unwrap_or_else(PoisonError::into_inner).outdated.push(key);
            ctx.request_repaint();
        });
    }

    /// Has rows written to a file; what comes of it is heard.
    pub fn export(&self, ctx: &Context, tag: u64, command: Command) {
        let done = self.backend.act(command, Vec::new());
        let (heard, ctx) = (self.heard.clone(), ctx.clone());
        spawn(async move {
            let outcome = done.await;
            heard.lock().unwrap_or_else(PoisonError::into_inner).exported.push((tag, outcome));
            ctx.request_repaint();
        });
    }

    /// A frame was painted. Questions that its screens did not ask, nor those of the frame before, are let go; statements
    /// of the user go on until they are stopped.
    #[allow(clippy::iter_over_hash_type, reason = "each for itself, in any order")]
    pub fn painted(&mut self, ctx: &Context) {
        for (key, slot) in &mut self.slots {
            if !slot.is_pending || slot.used_in == self.frame || goes_on(key) {
                continue;
            }
            if slot.used_in + 1 < self.frame {
                if let Some(abandon) = slot.abandon.take() {
                    abandon.abort();
                }
                slot.is_pending = false;
                slot.asked_at = 0;
            } else {
                ctx.request_repaint();
            }
        }
        self.frame += 1;
    }

    /// Carries out a change, after which a question has another answer.
    pub fn act_then_forget(&self, ctx: &Context, command: Command, key: &str) {
        let done = self.backend.act(command, Vec::new());
        let (heard, ctx, key) = (self.heard.clone(), ctx.clone(), key.to_owned());
        spawn(async move {
            let notice = Notice::of(&done.await);
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.notices.extend(notice);
            heard.outdated.push(key);
            ctx.request_repaint();
        });
    }

    /// Whether no answer is awaited, but for those that wait for something to happen.
    pub fn is_settled(&self) -> bool {
        self.slots.iter().all(|(key, s)| !s.is_pending || key.contains("tail "))
    }

    /// Forgets an answer that was taken in.
    pub fn forget(&mut self, key: &str) {
        self.slots.remove(key);
    }

    /// The newest generation that was heard of.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// Takes in what has come.
    pub fn drain(&mut self) {
        let arrived = std::mem::take(&mut *self.inbox.lock().unwrap_or_else(PoisonError::into_inner));
        for (key, asked_at, result) in arrived {
            // A cluster that does not answer is not this program.
            let is_elsewhere = key.starts_with('@');
            let slot = self.slots.entry(key).or_default();
            slot.is_pending = false;
            match result {
                Ok(answer) => {
                    slot.answer = Some(Rc::new(answer));
                    slot.answered_for = asked_at;
                    slot.error = None;
                    self.is_up = true;
                }
                Err(e) => {
                    self.is_up &= is_elsewhere || e.code != Code::Unreachable;
                    if e.code == Code::NotFound {
                        // What was answered before is no longer so.
                        slot.answer = None;
                    }
                    slot.failed_at = now();
                    slot.error = Some(e);
                }
            }
        }
    }

    /// Whether the other side answers, as far as is known.
    pub fn is_up(&self) -> bool {
        self.is_up
    }

    /// Asks once more where there was a failure, or something was lacking.
    #[allow(clippy::iter_over_hash_type, reason = "each for itself, in any order")]
    pub fn again(&mut self) {
        for slot in self.slots.values_mut() {
            if slot.error.as_ref().is_some_and(|e| !matches!(e.code, Code::BadQuery | Code::Refused)) {
                slot.failed_at = 0;
            }
            if slot.is_partial() {
                slot.asked_at = 0;
            }
        }
    }

    /// Whose records are asked for from now on.
    pub fn set_source(&mut self, source: &str) {
        if self.source != source {
            source.clone_into(&mut self.source);
        }
    }

    /// Says how long a part of a live period is: live questions are asked again when one is over.
    pub fn set_step(&mut self, nanos: i64) {
        self.step = nanos.max(LIVE_NANOS);
    }

    /// The same, asked again every moment however long the period is: of what goes on by itself.
    pub fn ask_often(&mut self, ctx: &Context, key: &str, ask: impl FnOnce() -> Ask) -> Slot {
        let step = std::mem::replace(&mut self.step, LIVE_NANOS);
        let slot = self.ask(ctx, key, true, ask);
        self.step = step;
        slot
    }

    /// The place `key` for `ask`: asked if it is new, or if `is_live` and there is something newer. `key` names the
    /// question without what moves by itself, such as the end of a live period.
    pub fn ask(&mut self, ctx: &Context, key: &str, is_live: bool, ask: impl FnOnce() -> Ask) -> Slot {
        let (now, step) = (now(), self.step);
        let mut ask = Some(ask);
        let (mut key, mut question, mut generation) = (key.to_owned(), None, self.generation());
        if !self.source.is_empty() {
            let asked = ask.take().map(|ask| ask());
            question = match asked {
                Some(asked) if is_of_records(&asked) => {
                    key = format!("@{} {key}", self.source);
                    // What comes in here changes nothing there.
                    generation = 0;
                    let is_heavy = self.allowed.contains(&key);
                    Some(Ask::Of { source: self.source.clone(), question: Box::new(asked), is_heavy })
                }
                own => own,
            };
        }
        let slot = self.slots.entry(key.clone()).or_default();
        slot.used_at = now;
        slot.used_in = self.frame;
        let is_new = slot.asked_at == 0 || (slot.answer.is_none() && slot.error.is_none());
        let has_moved = now.div_euclid(step) != slot.asked_at.div_euclid(step);
        let is_stale = is_live && (slot.asked_generation != generation || has_moved);
        // What makes no sense makes none later, and what took too long or was stopped is not begun again by itself;
        // anything else may have passed.
        let failed = slot.error.as_ref().map(|e| e.code);
        let may_pass = matches!(failed, Some(Code::Busy | Code::Unreachable | Code::Internal | Code::Unauthorized));
        let is_wanted_again = failed.is_some() && slot.failed_at == 0;
        let is_due = is_wanted_again || (may_pass && now - slot.failed_at > RETRY_NANOS);
        // What was not there may have come since.
        let is_open = matches!(failed, None | Some(Code::NotFound));
        if may_pass && !is_due {
            ctx.request_repaint_after(std::time::Duration::from_nanos(RETRY_NANOS as u64));
        }
        if is_live {
            ctx.request_repaint_after(std::time::Duration::from_nanos((step - now.rem_euclid(step)) as u64));
        }
        let is_soon = now - slot.asked_at < LIVE_NANOS;
        if is_stale && !slot.is_pending && is_soon {
            ctx.request_repaint_after(std::time::Duration::from_millis(300));
        } else if !slot.is_pending && (is_new || is_due || (is_stale && is_open)) {
            let Some(question) = question.or_else(|| ask.map(|ask| ask())) else { return slot.clone() };
            slot.is_pending = true;
            slot.asked_at = now;
            slot.asked_generation = generation;
            slot.asked = Some(Rc::new(question.clone()));
            let answered = self.backend.ask(question);
            let (inbox, ctx) = (self.inbox.clone(), ctx.clone());
            let (answered, abandon) = abortable(answered);
            slot.abandon = Some(abandon);
            spawn(async move {
                let Ok(result) = answered.await else { return };
                inbox.lock().unwrap_or_else(PoisonError::into_inner).push((key, now, result));
                ctx.request_repaint();
            });
        }
        slot.clone()
    }

    /// Forgets what was not looked at for longest, so that memory stays bounded as one looks around.
    pub fn forget_old(&mut self) {
        if self.slots.len() <= MAX_SLOTS {
            return;
        }
        let mut used: Vec<i64> = self.slots.values().map(|s| s.used_at).collect();
        used.sort_unstable();
        let oldest_kept = used[used.len() - MAX_SLOTS / 2];
        self.slots.retain(|_, slot| slot.is_pending || slot.used_at >= oldest_kept);
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use sextant_contract::{BoxFuture, OnEvent};
    use std::time::{Duration, Instant};

    /// Answers nothing, and counts who still waits.
    #[derive(Default)]
    struct Silent(Arc<AtomicU64>);

    struct Waiting(Arc<AtomicU64>);

    impl Drop for Waiting {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::AcqRel);
        }
    }

    impl Backend for Silent {
        fn ask(&self, _: Ask) -> BoxFuture<Result<Answer, AskError>> {
            self.0.fetch_add(1, Ordering::AcqRel);
            let waiting = Waiting(self.0.clone());
            Box::pin(async move {
                let _waiting = waiting;
                std::future::pending().await
            })
        }

        fn act(&self, _: Command, _: Vec<u8>) -> BoxFuture<Result<Outcome, AskError>> {
            Box::pin(std::future::ready(Ok(Outcome::Done)))
        }

        fn subscribe(&self, _: OnEvent) {}
    }

    #[test]
    fn a_question_that_is_no_longer_asked_is_let_go() {
        let waiting = Arc::new(AtomicU64::new(0));
        let context = Context::default();
        let mut asks = Asks::new(Rc::new(Silent(waiting.clone())), &context);
        let frame = |asks: &mut Asks, keys: &[&str]| {
            for key in keys {
                asks.ask(&context, key, false, || Ask::Status);
            }
            asks.painted(&context);
        };
        for _ in 0..5 {
            frame(&mut asks, &["old", "kept", "sql 1"]);
        }
        assert_eq!(waiting.load(Ordering::Acquire), 3);
        for _ in 0..3 {
            frame(&mut asks, &["new", "kept"]);
        }
        let until = Instant::now() + Duration::from_secs(5);
        while waiting.load(Ordering::Acquire) != 3 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(waiting.load(Ordering::Acquire), 3, "`old` is let go, `new` asked, statements of the user go on");
        assert!(!asks.slots["old"].is_pending && asks.slots["kept"].is_pending && asks.slots["sql 1"].is_pending);
        // Looked at once more, it is asked once more.
        frame(&mut asks, &["old", "new", "kept"]);
        assert_eq!(waiting.load(Ordering::Acquire), 4);
    }
}
