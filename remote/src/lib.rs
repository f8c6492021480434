//! ClickHouse, read-only: where clusters are, what may be sent to them, what comes back, and what they say when nothing
//! does. Every statement that is sent is in a ledger.

mod client;
mod connection;
mod error;
mod layout;
mod ledger;
mod rows;
mod sources;
mod statement;

pub use client::{Abilities, Client, Limits, Ran};
pub use connection::{Connection, Secret};
pub use error::{Kind, RemoteError};
pub use layout::{Found, Layout};
pub use ledger::{Entry, Ledger};
pub use rows::{arrived, stored};
pub use sources::{Secrets, Source, Sources};
pub use statement::{Refused, Statement};
