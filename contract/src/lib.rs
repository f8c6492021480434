//! What a screen, a script or another process may ask of the workbench: three doors, however many features.
//!
//! [`Backend::ask`] answers a question with columns, [`Backend::act`] changes something, [`Backend::subscribe`] tells
//! what is new. Everything here builds on wasm and knows no runtime.

mod answer;
mod ask;
mod backend;
mod bundle;
mod command;
mod error;
mod json;
mod report;
mod schedule;
mod size;

pub use answer::{Answer, Completeness, Cost};
pub use ask::{Ask, MetricAsk, Period, SearchAsk, SearchKind, parse_time};
pub use backend::{Backend, BoxFuture, Event, OnEvent};
pub use bundle::BundleAsk;
pub use command::{
    Command, Hidden, ImportedFile, KeepPolicy, MenuItem, Outcome, PinAsk, ReadLimits, RowFormat, SourcePut,
};
pub use error::{AskError, Code, Estimate};
pub use json::{cell_text, push_row, rows_to_json};
pub use report::{ReportAsk, ReportForm, ReportItem, ReportKind};
pub use schedule::{OF_THE_RUN, Schedule, Webhook, WebhookShape};
pub use size::{parse_size, size_text};
