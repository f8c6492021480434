//! Parquet as Sextant writes and reads it: one writer's settings for store, bundles and simulators, the footer that
//! says what a file holds, and the trace index beside it.

mod conform;
mod encode;
mod error;
mod filters;
mod foreign;
mod gather;
mod guard;
mod index;
mod merge;
mod need;
mod plain;
mod promote;
mod read;
mod row_hash;
mod sort;
mod trial;
mod write;

pub use conform::{conformed, conformed_to};
pub use error::ColumnsError;
pub use foreign::{arrived, known, stored};
pub use gather::gathered;
pub use guard::guarded;
pub use index::TraceIndex;
pub use merge::merged;
pub use plain::PlainWriter;
pub use promote::{MAX_PROMOTED, all_keys_in, keys_in, to_promote};
pub use read::{
    FileColumns, Rows, batches, file_columns, read_columns, read_footer, read_groups, read_rows, write_trace_index,
};
pub use row_hash::row_hashes;
pub use sort::sorted;
pub use trial::{
    AROUND, FileSizes, INDEX, KeyBytes, PACKINGS, Reshape, Sizes, bytes_by_key, file_sizes, raw_bytes,
    raw_bytes_by_row, read_group, reshaped, tried,
};
pub use write::{Compression, ROW_GROUP_ROWS, Replaces, SegmentFooter, SegmentWriter, Writing, Written, has_traces};
