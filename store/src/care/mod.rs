//! Taking care of a data directory: checking it, mending it, copying it, making its manifest anew.

mod backup;
mod doctor;
mod rebuild;
mod restore;

pub use backup::BackedUp;
pub(crate) use backup::backup;
pub use doctor::{Finding, Kind};
pub(crate) use doctor::{examine, repair};
pub use rebuild::{Rebuilt, rebuild};
pub use restore::{Restored, restore};
