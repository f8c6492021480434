//! Algorithms over batches. Pure: no clock, no disk, no network.

mod critical;
mod spans;
mod tree;

pub use critical::{CriticalPath, critical_path};
pub use spans::Spans;
pub use tree::{Flags, Node, Tree};
