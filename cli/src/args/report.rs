//! Of `report`.

use super::{PeriodArgs, Where};
use clap::{Args as ClapArgs, Subcommand};
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub struct Report {
    #[command(subcommand)]
    pub command: ReportCommand,
}

#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// One trace: span by span, where its time went, where it failed, what was logged
    ///
    /// Example: sextant report trace --trace 7f3a9c21e4b84d06a1c5d2709be6f318 --out trace.pdf
    Trace {
        /// The trace id
        #[arg(long, value_name = "ID")]
        trace: String,
        #[command(flatten)]
        with: Box<ReportArgs>,
    },
    /// A time in which something went wrong: what users met, what happened, what failed traces have in common
    ///
    /// Example: sextant report incident --from 2026-11-19T14:01:30Z --to 2026-11-19T14:19:10Z --out incident.pdf
    Incident {
        /// Which requests; all without it
        #[arg(long, value_name = "QUERY", default_value = "", hide_default_value = true)]
        query: String,
        /// The trace that is shown span by span; its time is the period if there is none
        #[arg(long, value_name = "ID")]
        trace: Option<String>,
        #[command(flatten)]
        period: PeriodArgs,
        #[command(flatten)]
        with: Box<ReportArgs>,
    },
    /// A service over a period, beside the period before
    ///
    /// Example: sextant report service --service checkout --since 24h --out checkout.pdf
    Service {
        /// Its name
        #[arg(long, value_name = "NAME")]
        service: String,
        #[command(flatten)]
        period: PeriodArgs,
        #[command(flatten)]
        with: Box<ReportArgs>,
    },
    /// What was received, kept and lost; of a bundle, what it proves and what it does not
    ///
    /// Example: sextant report audit --open incident.sxb --out audit.pdf
    Audit {
        #[command(flatten)]
        period: PeriodArgs,
        #[command(flatten)]
        with: Box<ReportArgs>,
    },
    /// What keeping it otherwise would cost and lose
    ///
    /// Example: sextant report cost --scenario policy.toml --out cost.pdf
    Cost {
        /// The scenario, with what it is compared with; more than one are held against the first
        #[arg(long = "scenario", value_name = "F.toml", required = true)]
        scenarios: Vec<PathBuf>,
        /// A price book of your own, laid over the one that is shipped
        #[arg(long, value_name = "F.toml")]
        prices: Option<PathBuf>,
        #[command(flatten)]
        period: PeriodArgs,
        #[command(flatten)]
        with: Box<ReportArgs>,
    },
    /// What you choose, in your own order and words: see the guide for the file
    ///
    /// Example: sextant report custom weekly.toml --out weekly.html
    Custom {
        /// The file that says what is in it
        file: PathBuf,
        #[command(flatten)]
        period: PeriodArgs,
        #[command(flatten)]
        with: Box<ReportArgs>,
    },
    /// Print the template that pages are set by, to copy and change
    ///
    /// Example: sextant report template > mine.typ && sextant report audit --template mine.typ --out audit.pdf
    Template,
}

/// How a report is made, whatever it is about.
#[derive(Debug, ClapArgs)]
pub struct ReportArgs {
    /// Where to: a file that ends in .pdf or .html
    #[arg(long, value_name = "F.pdf|F.html")]
    pub out: PathBuf,
    #[command(flatten)]
    pub place: Where,
    /// Of this bundle or these files, instead of a data directory
    #[arg(long, value_name = "PATH", conflicts_with = "url")]
    pub open: Option<PathBuf>,
    /// When it is said to be made [default: now]
    #[arg(long, value_name = "T")]
    pub at: Option<String>,
    /// What it is called, if not by what was found
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// What is to be read first: a file in Markdown
    #[arg(long, value_name = "FILE.md")]
    pub text: Option<PathBuf>,
    /// Something to be done
    #[arg(long = "to-do", value_name = "TEXT")]
    pub to_do: Vec<String>,
    /// A template of your own, see `sextant report template`
    #[arg(long, value_name = "FILE.typ")]
    pub template: Option<PathBuf>,
    /// A font for what the program's own lack
    #[arg(long, value_name = "FILE.ttf")]
    pub font: Option<PathBuf>,
    /// Print what was made as JSON
    #[arg(long)]
    pub json: bool,
}
