//! Of `schedule`.

use super::{Format, Where};
use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use sextant_contract::{ReportKind, WebhookShape};
use std::path::PathBuf;

#[derive(Debug, ClapArgs)]
pub struct Schedule {
    #[command(flatten)]
    pub place: Where,
    #[command(subcommand)]
    pub command: ScheduleCommand,
}

#[derive(Debug, Subcommand)]
pub enum ScheduleCommand {
    /// Keep one, in the place of what has its name
    ///
    /// Example: sextant schedule add weekly --cron '0 7 * * MON' --last 7d --kind service --service checkout --folder reports
    Add(Box<ScheduleAdd>),
    /// Say when they come and what came of them
    List {
        #[arg(long, value_enum, default_value = "table")]
        format: Format,
    },
    /// Make one now
    Run {
        /// What it is called
        name: String,
    },
    /// Give one up; its files stay
    Remove {
        /// What it is called
        name: String,
    },
}

#[derive(Debug, ClapArgs)]
pub struct ScheduleAdd {
    /// What it is called, and what its files begin with
    pub name: String,
    /// When, in UTC: minute, hour, day, month, day of the week
    #[arg(long, value_name = "CRON")]
    pub cron: String,
    /// How long a time each is about
    #[arg(long, value_name = "DURATION", default_value = "24h")]
    pub last: String,
    /// What is made
    #[arg(long, value_enum)]
    pub kind: ScheduledKind,
    /// Of a service
    #[arg(long, value_name = "NAME", required_if_eq("kind", "service"))]
    pub service: Option<String>,
    /// Of an incident: which requests
    #[arg(long, value_name = "QUERY", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub query: String,
    /// Of a custom report: the file that says what is in it
    #[arg(long, value_name = "FILE", required_if_eq("kind", "custom"))]
    pub file: Option<PathBuf>,
    /// What it is called on paper, if not by what was found
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// A template of your own
    #[arg(long, value_name = "FILE.typ")]
    pub template: Option<PathBuf>,
    /// Where files go
    #[arg(long, value_name = "FOLDER")]
    pub folder: PathBuf,
    /// So many files stay there; all without it
    #[arg(long, value_name = "N")]
    pub keep: Option<usize>,
    /// Write HTML instead of PDF
    #[arg(long)]
    pub html: bool,
    /// The variable with the address that is told of each run by a POST
    #[arg(long, value_name = "VAR")]
    pub webhook_env: Option<String>,
    /// What it is sent
    #[arg(long, value_enum, default_value = "generic", requires = "webhook_env")]
    pub webhook_shape: ScheduledShape,
}

/// What can be made again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScheduledKind {
    Incident,
    Service,
    Audit,
    Custom,
}

impl ScheduledKind {
    /// As the contract names it.
    pub fn kind(self) -> ReportKind {
        match self {
            Self::Incident => ReportKind::Incident,
            Self::Service => ReportKind::Service,
            Self::Audit => ReportKind::Audit,
            Self::Custom => ReportKind::Custom,
        }
    }
}

/// What a webhook is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ScheduledShape {
    /// An object with everything that is known of the run
    Generic,
    /// A text, as Slack reads it
    Slack,
}

impl ScheduledShape {
    /// As the contract names it.
    pub fn shape(self) -> WebhookShape {
        match self {
            Self::Generic => WebhookShape::Generic,
            Self::Slack => WebhookShape::Slack,
        }
    }
}
