//! ClickHouse, read-only: where clusters are, what may be sent to them, what comes back, and what they say when nothing
//! does. Every statement that is sent is in a ledger.

mod client;
mod connection;
mod error;
mod expression;
mod frames;
mod layout;
mod ledger;
mod rows;
mod schemas;
mod shown;
mod sources;
mod statement;
mod watch;

pub use client::{Abilities, Client, Limits, Ran, texts};
pub use connection::{Connection, Secret};
pub use error::{Kind, RemoteError};
pub use expression::check;
pub use layout::pair;
pub use layout::{Found, Layout};
pub use ledger::{Entry, Ledger};
pub use rows::{arrived, known, stored};
pub use sources::{Guard, LOCAL, Secrets, Source, Sources};
pub use statement::{Refused, Statement};
pub use watch::{Estimate, Progress};
