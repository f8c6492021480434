//! What keeping telemetry differently would cost, and what would be lost. A [`Scenario`] is read from TOML, and every
//! figure follows from it, from what was recorded and from its seed alone: the same in, the same out.

mod act;
mod advise;
mod bill;
mod capacity;
mod compare;
mod error;
mod file;
mod focus;
mod history;
mod init;
mod measure;
mod outcome;
mod prices;
mod read;
mod sample;
mod sampling;
mod scenario;
mod sensitivity;
mod set;
mod shape;
mod uncertainty;
mod volume;

pub use act::Step as Text;
pub use advise::{Advice, ColumnFacts, Facts, IndexFacts, PartitionFacts, QueryFacts, Stream, TableFacts};
pub use bill::{Bill, BillLine, cents};
pub use capacity::{Capacity, Machines};
pub use compare::{BreakEven, Compared};
pub use error::{Problem, ScenarioError};
pub use focus::{Billed, BilledLine};
pub use history::{Course, History, Hour};
pub use init::commented;
pub use measure::{Counted, Measured, Of};
pub use outcome::{
    Asked, Filtered, Found, Known, Outcome, Per, Rewritten, ServiceCost, TierDays, asked, simulate, simulate_all,
};
pub use prices::{Book, Confidence, Sku};
pub use sample::{Change, Order, Reading, Sample, Source};
pub use sampling::{Decided, Operation, Recorded, Sampled, Watched, Weigh};
pub use scenario::{
    Basis, Effect, Filter, Ingest, Line, Price, Rewrite, Rounding, Rule, Sampling, Scenario, Step, Tier, Uncertainty,
    Used, Variant,
};
pub use sensitivity::Mover;
pub use set::{setting, with};
pub use shape::{Shape, Shaping};
pub use uncertainty::{Band, Bands};
pub use volume::Day;
