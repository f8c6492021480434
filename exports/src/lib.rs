//! Rows to files that other programs read, batch by batch: nothing is held but what a format itself must hold.

mod csv;
mod writer;

pub use csv::cells;
pub use writer::{RowWriter, WriteError};
