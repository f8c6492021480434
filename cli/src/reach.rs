//! Reaching the data: a running instance, or the directory itself.

use crate::args::{OfSource, PeriodArgs, What, Where};
use anyhow::bail;
use sextant_contract::{Answer, Ask, AskError, Backend, Code, Command, Outcome, Period, SearchAsk};
use sextant_model::{DurationNanos, UnixNanos};
use sextant_server::{HttpBackend, data_dir};
use sextant_workbench::{Options, StoreConfig, StoreError, Workbench, now};
use std::time::Duration;

/// What answers.
pub enum Reach {
    /// Another process, over its API.
    Running(Box<HttpBackend>),
    /// The directory, opened here.
    Here(Workbench),
}

/// How long a directory that is being opened or closed is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(100);

impl Reach {
    /// Finds out who answers for `place`.
    pub async fn of(place: &Where) -> anyhow::Result<Self> {
        if let Some(url) = &place.url {
            return Ok(Self::Running(Box::new(HttpBackend::new(url, &place.token)?)));
        }
        let dir = data_dir(place.data.as_ref())?;
        let tries = PATIENCE.as_millis() / PAUSE.as_millis();
        for _ in 0..tries {
            if let Some(instance) = sextant_server::find(&dir) {
                return Ok(Self::Running(Box::new(HttpBackend::of(&instance)?)));
            }
            let options = Options { store: StoreConfig::new(&dir) };
            match Workbench::open(options, tokio::runtime::Handle::current()) {
                Ok(workbench) => {
                    sextant_server::clear_stale(&dir);
                    return Ok(Self::Here(workbench));
                }
                Err(StoreError::Locked(_)) => tokio::time::sleep(PAUSE).await,
                Err(e) => return Err(e.into()),
            }
        }
        bail!("the data directory {} is in use by a program that does not answer; stop it and try again", dir.display())
    }

    /// The same for reading: a directory that is not there is not made.
    pub async fn reading(place: &Where) -> anyhow::Result<Self> {
        if place.url.is_none() {
            let dir = data_dir(place.data.as_ref())?;
            if !dir.exists() {
                bail!("there is no data directory {}; receive something with: sextant serve", dir.display());
            }
            // A folder of something else stays as it is.
            if !["segments.db", "segments", "instance.json"].iter().any(|name| dir.join(name).exists()) {
                bail!("{} is no data directory of Sextant; name one with --data", dir.display());
            }
        }
        Self::of(place).await
    }

    pub async fn ask(&self, ask: Ask) -> Result<Answer, AskError> {
        match self {
            Self::Running(backend) => backend.ask(ask).await,
            Self::Here(workbench) => workbench.ask(ask).await,
        }
    }

    pub async fn act(&self, command: Command, payload: Vec<u8>) -> Result<Outcome, AskError> {
        match self {
            Self::Running(backend) => backend.act(command, payload).await,
            Self::Here(workbench) => workbench.act(command, payload).await,
        }
    }

    /// The one object that was asked for.
    pub async fn object(&self, ask: Ask) -> Result<serde_json::Value, AskError> {
        let answer = self.ask(ask).await?;
        answer.object.ok_or_else(|| AskError::new(Code::Internal, "the answer is not the object that was asked for"))
    }
}

/// The same of a source, if one is named.
pub fn of(of: OfSource, question: Ask) -> Ask {
    match of.source {
        Some(source) => Ask::Of { source, question: Box::new(question), is_heavy: of.heavy },
        None => question,
    }
}

/// What is searched; no more than so many rows, where that is not 0.
pub fn searched(what: What, limit: usize) -> anyhow::Result<SearchAsk> {
    Ok(SearchAsk {
        kind: what.kind.search(),
        query: what.query_flag.unwrap_or(what.query),
        period: period(&what.period)?,
        limit,
        explain: false,
    })
}

/// The period that the flags mean, against the clock of now.
pub fn period(args: &PeriodArgs) -> anyhow::Result<Period> {
    if let Some(since) = &args.since {
        let back = DurationNanos::parse(since)?;
        return Ok(Period { from: Some(now().saturating_sub(back.0)), to: None });
    }
    let time = |text: &Option<String>| text.as_deref().map(UnixNanos::parse).transpose();
    let (from, to) = (time(&args.from)?.map(|t| t.0), time(&args.to)?.map(|t| t.0));
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        bail!("--from is not before --to, so the period is empty");
    }
    Ok(Period { from, to })
}
