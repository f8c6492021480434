//! Reports that are made again and again.

use crate::{Ask, Hidden, Period, ReportAsk, ReportForm};
use serde::{Deserialize, Serialize};

/// A report and when it is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// What it is called, and what its files begin with.
    pub name: String,
    /// When: minute, hour, day of the month, month, day of the week, in UTC.
    pub cron: String,
    /// How long a time each is about, in nanoseconds before it is made.
    pub last: i64,
    /// What is made; its period is filled in.
    pub report: ReportAsk,
    /// As what.
    pub form: ReportForm,
    /// Where files go.
    pub folder: String,
    /// So many files stay there; all if missing.
    #[serde(default)]
    pub keep: Option<usize>,
    /// Who is told.
    #[serde(default)]
    pub webhook: Option<Webhook>,
    /// Since when there is this schedule, Unix nanoseconds: nothing before was missed.
    pub since: i64,
}

/// Where it is said over HTTP that a report was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Often a secret by itself.
    pub url: Hidden,
    /// What is sent.
    #[serde(default)]
    pub shape: WebhookShape,
}

/// What a webhook is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookShape {
    /// An object with everything that is known of the run.
    #[default]
    Generic,
    /// `text`, as Slack and what is like it read it.
    Slack,
}

/// The period that stands for that of a run.
pub const OF_THE_RUN: Period = Period { from: Some(0), to: Some(1) };

impl Schedule {
    /// What is made at a time.
    #[must_use]
    pub fn report_at(&self, at: i64) -> ReportAsk {
        let period = Period { from: Some(at.saturating_sub(self.last)), to: Some(at) };
        let moved = |of: &mut Period| {
            if *of == OF_THE_RUN {
                *of = period;
            }
        };
        let mut report = ReportAsk { period, at: Some(at), ..self.report.clone() };
        for shown in report.items.iter_mut().filter_map(|item| item.shown.as_mut()) {
            match shown {
                Ask::Search(search) => moved(&mut search.period),
                Ask::Metric(metric) => moved(&mut metric.search.period),
                Ask::Services { period: of } => moved(of),
                _ => {}
            }
        }
        report
    }
}
