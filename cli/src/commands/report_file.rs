//! The file that says what is in a report of one's own.

use anyhow::{Context as _, bail};
use serde::Deserialize;
use sextant_contract::{Ask, MetricAsk, Period, ReportAsk, ReportItem, ReportKind, SearchAsk, SearchKind, parse_time};
use std::path::Path;

/// Rows of a part, if it does not say how many.
const LIMIT: usize = 100;
/// Parts of a period.
const N_STEPS: u32 = 60;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    title: Option<String>,
    #[serde(default)]
    text: String,
    #[serde(default)]
    to_do: Vec<String>,
    from: Option<String>,
    to: Option<String>,
    #[serde(default)]
    part: Vec<Part>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
    /// `traces`, `spans`, `logs` or `metrics`.
    search: Option<String>,
    #[serde(default)]
    query: String,
    sql: Option<String>,
    trace: Option<String>,
    #[serde(default)]
    services: bool,
    metric: Option<String>,
    kind: Option<String>,
    by: Option<String>,
    figure: Option<String>,
    from: Option<String>,
    to: Option<String>,
    limit: Option<usize>,
}

fn time(text: Option<&String>, or: Option<i64>) -> anyhow::Result<Option<i64>> {
    Ok(text.map(|t| parse_time(t).map_err(anyhow::Error::msg)).transpose()?.or(or))
}

impl Part {
    fn search(&self, name: &str, period: Period) -> anyhow::Result<SearchAsk> {
        let Some(kind) = SearchKind::from_name(name) else {
            bail!("there is nothing called {name:?} to search: traces, spans, logs or metrics");
        };
        Ok(SearchAsk { kind, query: self.query.clone(), period, limit: self.limit.unwrap_or(LIMIT), explain: false })
    }

    fn ask(&self, period: Period) -> anyhow::Result<Option<Ask>> {
        let period = Period { from: time(self.from.as_ref(), period.from)?, to: time(self.to.as_ref(), period.to)? };
        let mut asks = Vec::new();
        if let Some(name) = &self.search {
            asks.push(Ask::Search(self.search(name, period)?));
        }
        if let Some(sql) = &self.sql {
            asks.push(Ask::sql(sql.clone(), Some(self.limit.unwrap_or(10_000))));
        }
        if let Some(id) = &self.trace {
            asks.push(Ask::Trace { id: id.clone() });
        }
        if self.services {
            asks.push(Ask::Services { period });
        }
        if let Some(name) = &self.metric {
            asks.push(Ask::Metric(MetricAsk {
                search: self.search("metrics", period)?,
                name: name.clone(),
                kind: self.kind.clone().unwrap_or_else(|| "gauge".into()),
                by: self.by.clone(),
                figure: self.figure.clone().unwrap_or_default(),
                n_steps: N_STEPS,
            }));
        }
        if asks.len() > 1 {
            bail!("it shows several things: make a part of each");
        }
        Ok(asks.pop())
    }
}

/// What is in a report, as a file says it; a period of the command line is stronger than that of the file.
pub(super) fn read_custom(path: &Path, period: Period) -> anyhow::Result<ReportAsk> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} can't be read", path.display()))?;
    let file: File = toml::from_str(&text).with_context(|| format!("{} makes no sense", path.display()))?;
    let mut whole = Period {
        from: period.from.or(time(file.from.as_ref(), None)?),
        // What --since begins lasts until now.
        to: if period.from.is_some() { period.to } else { period.to.or(time(file.to.as_ref(), None)?) },
    };
    if whole.from.is_some() && whole.to.is_none() {
        whole.to = Some(sextant_workbench::now());
    }
    let mut items = Vec::new();
    for (i, part) in (1..).zip(file.part) {
        let shown = part.ask(whole).with_context(|| format!("{}, part {i} ({:?})", path.display(), part.title))?;
        items.push(ReportItem { title: part.title, text: part.text, shown });
    }
    Ok(ReportAsk {
        kind: ReportKind::Custom,
        period: whole,
        title: file.title,
        text: file.text,
        to_do: file.to_do,
        items,
        ..ReportAsk::default()
    })
}
