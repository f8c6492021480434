//! Parquet as Sextant writes and reads it: one writer's settings for store, bundles and simulators, the footer that
//! says what a file holds, and the trace index beside it.

mod error;
mod index;
mod read;
mod sort;
mod write;

pub use error::ColumnsError;
pub use index::{TraceIndex, write_index};
pub use read::{read_columns, read_footer, read_rows};
pub use sort::sorted;
pub use write::{Compression, SegmentFooter, WriteOptions, write_parquet};
