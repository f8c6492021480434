//! Composition: owns the store and the receivers and answers each [`sextant_contract::Ask`] in process by handing it
//! to the room that knows.

mod advice;
mod ask_json;
mod bundle;
mod bundle_import;
mod care;
mod compare;
pub mod demo;
mod differs;
mod errors;
mod explore;
mod export;
mod export_folder;
mod find;
mod follow;
mod import;
mod keys;
mod metrics;
mod patterns;
mod preflight;
mod pull;
mod remotes;
mod report;
mod saved;
mod schedule;
mod search;
mod simulate;
mod sink;
mod skeleton;
mod spread;
mod status;
mod tail;
mod there;
mod trace;
mod tried;
mod upkeep;
mod volume;
mod webhook;
mod workbench;
mod zipkin;

pub use schedule::Schedules;
pub use sextant_receiver::listen::Shutdown;
pub use sextant_receiver::{Config as ReceiverConfig, ReceiverError};
pub use sextant_store::{Config as StoreConfig, Durability, Health, StoreError, StoreStatus, rebuild, restore};
pub use tail::Tailing;
pub use workbench::{Listener, Options, Workbench, now};
