//! Rows to files that other programs read, batch by batch: nothing is held but what a format itself must hold.

mod csv;
mod folder;
mod writer;

pub use csv::cells;
pub use folder::{FolderFile, FolderWriter, by_day};
pub use writer::{RowWriter, WriteError};
