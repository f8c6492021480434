//! Algorithms over batches. Pure: no clock, no disk, no network.

mod critical;
mod diff;
mod differs;
mod spans;
mod tree;

pub use critical::{CriticalPath, critical_path};
pub use diff::{Compared, DiffRow, Side, critical_difference, diff};
pub use differs::{Counted, Difference, differences};
pub use spans::Spans;
pub use tree::{Flags, Node, Tree};
