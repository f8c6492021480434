//! The one trait behind every screen.

use crate::{Answer, Ask, AskError, Command, ImportedFile, Outcome};
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed future; in a browser it stays on its thread.
#[cfg(not(target_arch = "wasm32"))]
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// A boxed future; in a browser it stays on its thread.
#[cfg(target_arch = "wasm32")]
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Something new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// There are new or other records.
    Generation {
        /// The number of the newest generation.
        generation: u64,
    },
    /// A file that was dropped on the window or chosen in a dialog has been taken in.
    Imported {
        /// What came of it.
        file: ImportedFile,
    },
    /// Something that was asked for outside the screens failed.
    Failed {
        /// Why.
        error: AskError,
    },
    /// The other side went away, or came back.
    Link {
        /// Whether it is there.
        is_up: bool,
    },
    /// A link was followed that leads to a screen.
    Go {
        /// Where to, such as `#/traces?q=error%3Atrue`.
        address: String,
    },
    /// A command was chosen in the window's menu.
    Chosen {
        /// Its name in the table of commands.
        id: String,
    },
}

/// Called with each event; must not wait.
#[cfg(not(target_arch = "wasm32"))]
pub type OnEvent = Box<dyn Fn(Event) + Send + Sync>;
/// Called with each event; must not wait.
#[cfg(target_arch = "wasm32")]
pub type OnEvent = Box<dyn Fn(Event)>;

/// Answers questions, carries out changes, tells what is new: in process, over HTTP or over the desktop's bridge.
pub trait Backend {
    /// Answers a question.
    fn ask(&self, ask: Ask) -> BoxFuture<Result<Answer, AskError>>;

    /// Carries out a change; `payload` are the bytes that belong to it.
    fn act(&self, command: Command, payload: Vec<u8>) -> BoxFuture<Result<Outcome, AskError>>;

    /// Calls `on_event` with whatever is new, for as long as the backend lives.
    fn subscribe(&self, on_event: OnEvent);
}

impl<B: Backend + ?Sized> Backend for Arc<B> {
    fn ask(&self, ask: Ask) -> BoxFuture<Result<Answer, AskError>> {
        self.as_ref().ask(ask)
    }

    fn act(&self, command: Command, payload: Vec<u8>) -> BoxFuture<Result<Outcome, AskError>> {
        self.as_ref().act(command, payload)
    }

    fn subscribe(&self, on_event: OnEvent) {
        self.as_ref().subscribe(on_event);
    }
}
