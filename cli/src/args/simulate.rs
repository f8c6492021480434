//! Of `simulate`.

use super::{OfSource, PeriodArgs, Where};
use clap::{Args as ClapArgs, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub struct Simulate {
    #[command(flatten)]
    pub place: Where,
    /// The scenario; "init" prints one to begin with, measured on what is stored
    #[arg(value_name = "FILE.toml|init")]
    pub file: PathBuf,
    /// Another value than the file's, such as tier[0].days=90
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub sets: Vec<String>,
    /// A price book of your own, laid over the one that is shipped
    #[arg(long, value_name = "F.toml")]
    pub prices: Option<PathBuf>,
    /// A month that was billed, in the columns of FOCUS, to hold the scenario against
    #[arg(long, value_name = "FOCUS.csv")]
    pub billed: Option<PathBuf>,
    #[command(flatten)]
    pub of: OfSource,
    #[command(flatten)]
    pub period: PeriodArgs,
    #[arg(long, value_enum, default_value = "table")]
    pub format: Shape,
}

/// How a simulation is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// Bill, end and losses for the eye
    Table,
    /// All of it, as one object
    Json,
    /// Day by day
    Csv,
    /// The bill, a line each, in the columns of FOCUS
    Focus,
}
