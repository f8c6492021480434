//! Parquet as Sextant writes and reads it: one writer's settings for store, bundles and simulators, the footer that
//! says what a file holds, and the trace index beside it.

mod conform;
mod error;
mod index;
mod merge;
mod read;
mod sort;
mod write;

pub use conform::conformed;
pub use error::ColumnsError;
pub use index::TraceIndex;
pub use merge::merged;
pub use read::{batches, read_columns, read_footer, read_rows, write_trace_index};
pub use sort::sorted;
pub use write::{Compression, Replaces, SegmentFooter, SegmentWriter, Written, has_traces};
