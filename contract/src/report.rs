//! What a report is made of.

use crate::{Ask, Period};
use serde::{Deserialize, Serialize};

/// What a report is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportKind {
    /// One trace.
    Trace,
    /// A time in which something went wrong.
    #[default]
    Incident,
    /// A service over a period, beside the period before.
    Service,
    /// What was received, kept and lost.
    Audit,
    /// What somebody chose.
    Custom,
    /// What keeping it otherwise would cost and lose.
    Cost,
}

impl ReportKind {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Trace, Self::Incident, Self::Service, Self::Audit, Self::Custom, Self::Cost];

    /// Its name, as it is typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Incident => "incident",
            Self::Service => "service",
            Self::Audit => "audit",
            Self::Custom => "custom",
            Self::Cost => "cost",
        }
    }
}

/// As [`Ask::Report`] makes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportAsk {
    /// What it is about.
    pub kind: ReportKind,
    /// When.
    pub period: Period,
    /// Of a trace, and of an incident: the trace that is shown span by span.
    pub trace: Option<String>,
    /// Of a service.
    pub service: Option<String>,
    /// Of an incident: which requests, in the search language; all if empty.
    pub query: String,
    /// What it is called, if not by what was found.
    pub title: Option<String>,
    /// What is to be read first, in Markdown.
    pub text: String,
    /// What is to be done.
    pub to_do: Vec<String>,
    /// Of a custom report: what it shows, in order.
    pub items: Vec<ReportItem>,
    /// Of a report about cost: scenarios in TOML with their names; others are held against the first.
    pub scenarios: Vec<(String, String)>,
    /// Of the same: a price book laid over the one that is shipped.
    pub prices: Option<String>,
    /// When it is said to be made, Unix nanoseconds; now if missing.
    pub at: Option<i64>,
    /// A template of one's own.
    pub template: Option<String>,
    /// A font for what the program's own lack: its file in base64.
    pub font: Option<String>,
}

/// A part of a custom report.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ReportItem {
    /// Its heading.
    pub title: String,
    /// What somebody says about it, in Markdown.
    pub text: String,
    /// What is shown; only the text if missing.
    pub shown: Option<Ask>,
}

/// What a report is written as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "snake_case")]
pub enum ReportForm {
    /// PDF/A-3a with PDF/UA-1.
    #[default]
    Pdf,
    /// One HTML file.
    Html,
    /// A picture of a page, PNG.
    Page {
        /// From 1.
        number: usize,
        /// Pixels a point (1/72 inch).
        pixels: f32,
    },
}
