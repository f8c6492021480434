//! What keeping telemetry differently would cost, and what would be lost. A [`Scenario`] is read from TOML, and every
//! figure follows from it, from what was recorded and from its seed alone: the same in, the same out.

mod bill;
mod error;
mod outcome;
mod prices;
mod read;
mod sampling;
mod scenario;
mod uncertainty;
mod volume;

pub use bill::{Bill, BillLine, cents};
pub use error::{Problem, ScenarioError};
pub use outcome::{Outcome, simulate};
pub use prices::{Book, Confidence, Sku};
pub use sampling::{Recorded, Sampled};
pub use scenario::{Ingest, Line, Price, Rounding, Sampling, Scenario, Step, Tier, Uncertainty, Used};
pub use uncertainty::{Band, Bands};
pub use volume::Day;
