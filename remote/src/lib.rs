//! ClickHouse, read-only.

mod error;
mod statement;

pub use error::{Kind, RemoteError};
pub use statement::{Refused, Statement};
