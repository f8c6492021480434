//! What the program has while it runs: who answers, and the page that listens.

use futures_util::future::{AbortHandle, abortable};
use sextant_contract::{Answer, AskError, Backend, BoxFuture, Code, Event};
use sextant_server::Holder;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tauri::ipc::{Channel, InvokeResponseBody};
use tauri::{AppHandle, Manager as _};

/// Who answers; shared by all doors.
pub type Answering = Arc<dyn Backend + Send + Sync>;

/// The page hears of new records at most this often: each event is work for the window's own thread.
const TELL_TIME: Duration = Duration::from_millis(50);

#[derive(Default)]
pub struct Shell {
    holder: Mutex<Option<Holder>>,
    page: Arc<Mutex<Page>>,
    /// Questions under way, by the number that the page gave them.
    asked: Mutex<HashMap<u64, AbortHandle>>,
    /// Held for reading by whoever takes in files: closing waits for them.
    pub importing: tokio::sync::RwLock<()>,
    /// The data directory that was named.
    pub data: Option<PathBuf>,
}

/// Files that are being taken in have so long to come to their end when the program is closed.
const IMPORT_TIME: Duration = Duration::from_secs(60);

/// The page, and what it was not told because it did not listen yet.
#[derive(Default)]
struct Page {
    channel: Option<Channel<InvokeResponseBody>>,
    waiting: Vec<Event>,
    generation: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Page {
    fn tell(&mut self, event: Event) {
        if let Event::Generation { generation } = event {
            self.generation = generation;
        }
        let Some(channel) = &self.channel else {
            if !matches!(event, Event::Generation { .. }) {
                self.waiting.push(event);
            }
            return;
        };
        let json = serde_json::to_string(&event).unwrap_or_default();
        if let Err(e) = channel.send(InvokeResponseBody::Json(json)) {
            tracing::warn!("the page could not be told: {e}");
        }
    }
}

impl Shell {
    /// Of a program that was given this data directory.
    pub fn with(data: Option<PathBuf>) -> Self {
        Self { data, ..Self::default() }
    }

    /// Takes over who answers, and passes on what is new.
    pub fn hold(&self, holder: Holder) {
        let backend = holder.backend();
        *locked(&self.holder) = Some(holder);
        let (newest, mut heard) = tokio::sync::watch::channel(0);
        let page = self.page.clone();
        backend.subscribe(Box::new(move |event| match event {
            Event::Generation { generation } => drop(newest.send_replace(generation)),
            other => locked(&page).tell(other),
        }));
        let page = self.page.clone();
        tauri::async_runtime::spawn(async move {
            while heard.changed().await.is_ok() {
                let generation = *heard.borrow_and_update();
                locked(&page).tell(Event::Generation { generation });
                tokio::time::sleep(TELL_TIME).await;
            }
        });
    }

    /// Who answers.
    pub fn backend(&self) -> Result<Answering, AskError> {
        let closed = || AskError::new(Code::Busy, "the program is being closed");
        locked(&self.holder).as_ref().map(Holder::backend).ok_or_else(closed)
    }

    /// Whether files are looked at, and nothing is kept.
    pub fn is_looking(&self) -> bool {
        matches!(&*locked(&self.holder), Some(Holder::Looking(_)))
    }

    /// Waits for an answer until the page abandons the question.
    pub async fn await_answer(
        &self,
        number: Option<u64>,
        answer: BoxFuture<Result<Answer, AskError>>,
    ) -> Result<Answer, AskError> {
        let (answer, abandon) = abortable(answer);
        if let Some(number) = number {
            locked(&self.asked).insert(number, abandon);
        }
        let answered = answer.await;
        if let Some(number) = number {
            locked(&self.asked).remove(&number);
        }
        answered.unwrap_or_else(|_| Err(AskError::new(Code::Refused, "nobody waits for the answer any more")))
    }

    /// Lets go of a question, if there is one of this number.
    pub fn abandon(&self, number: u64) -> bool {
        let asked = locked(&self.asked).remove(&number);
        asked.map(|a| a.abort()).is_some()
    }

    /// The page that listens from now on; a page that was loaded again replaces the one before.
    pub fn listen(&self, page: Channel<InvokeResponseBody>) {
        let mut known = locked(&self.page);
        known.channel = Some(page);
        let generation = known.generation;
        known.tell(Event::Generation { generation });
        for event in std::mem::take(&mut known.waiting) {
            known.tell(event);
        }
    }

    /// Tells the page.
    pub fn tell(&self, event: Event) {
        locked(&self.page).tell(event);
    }

    /// Lets requests under way finish, seals, and gives the directory back.
    pub async fn close(&self) {
        if tokio::time::timeout(IMPORT_TIME, self.importing.write()).await.is_err() {
            tracing::warn!("a file was still being taken in at the end; what is missing of it can be imported again");
        }
        let holder = locked(&self.holder).take();
        if let Some(holder) = holder {
            holder.close().await;
        }
    }
}

/// Brings the window to the front.
pub fn show(app: &AppHandle) {
    if let Some(window) = app.get_webview_window("main") {
        for done in [window.unminimize(), window.show(), window.set_focus()] {
            if let Err(e) = done {
                tracing::warn!("the window could not be shown: {e}");
            }
        }
    }
}

/// One instance a data directory, or a bundle that is looked at: its name on the session bus.
pub fn bus_name(dir: &Path) -> String {
    let dir = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    // FNV-1a: the name only has to differ.
    let hash = dir
        .as_os_str()
        .as_encoded_bytes()
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
    format!("dev.sextant.desktop.d{hash:016x}")
}
