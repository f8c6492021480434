//! Algorithms over batches. Pure: no clock, no disk, no network.

mod critical;
mod diff;
mod differs;
mod distribution;
mod patterns;
mod series;
mod skew;
mod spans;
mod tree;

pub use critical::{CriticalPath, critical_path};
pub use diff::{Compared, DiffRow, Side, critical_difference, diff};
pub use differs::{Counted, Difference, differences};
pub use distribution::{Bucket, Distribution, Explicit, Exponential, Half, Quantile};
pub use patterns::{Patterns, Piece, pattern_regex, pattern_text};
pub use series::{Added, Moment, added, added_distribution};
pub use skew::clock_shifts;
pub use spans::Spans;
pub use tree::{Flags, Node, Tree};
