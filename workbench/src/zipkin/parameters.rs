//! The parameters of a request, as Zipkin's server reads and refuses them.

use super::range_of;
use sextant_contract::{AskError, Code};
use sextant_model::TimeRange;
use sextant_queries::zipkin::TracesAsk;

/// A day.
const LOOKBACK_MS: i64 = 86_400_000;
/// More traces than this are not answered at once.
const MAX_TRACES: i64 = 10_000;

pub(super) struct Parameters(pub Vec<(String, String)>);

pub(super) fn bad(message: impl Into<String>) -> AskError {
    AskError::new(Code::BadQuery, message)
}

impl Parameters {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    pub fn needed(&self, name: &str) -> Result<&str, AskError> {
        self.get(name).ok_or_else(|| bad(format!("Required parameter '{name}' is not present.")))
    }

    pub fn lower(&self, name: &str) -> Result<String, AskError> {
        self.needed(name).map(str::to_lowercase)
    }

    fn number(&self, name: &str) -> Result<Option<i64>, AskError> {
        let parse = |text: &str| text.parse::<i64>().map_err(|e| bad(format!("{name} is no number: {text}: {e}")));
        self.get(name).map(parse).transpose()
    }

    fn positive(&self, name: &str) -> Result<Option<i64>, AskError> {
        match self.number(name)? {
            Some(n) if n <= 0 => Err(bad(format!("{name} <= 0"))),
            n => Ok(n),
        }
    }

    /// The period that ends with `endTs`; some requests can't do without it.
    pub fn range(&self, now: i64, needs_end: bool) -> Result<TimeRange, AskError> {
        let end = self.positive("endTs")?;
        if needs_end && end.is_none() {
            return Err(self.needed("endTs").err().unwrap_or_else(|| bad("endTs is needed")));
        }
        Ok(range_of(end.unwrap_or(now / 1_000_000), self.positive("lookback")?.unwrap_or(LOOKBACK_MS)))
    }

    pub fn traces(&self) -> Result<TracesAsk, AskError> {
        let (min, max) = (self.positive("minDuration")?, self.positive("maxDuration")?);
        match (min, max) {
            (None, Some(_)) => return Err(bad("maxDuration is only valid with minDuration")),
            (Some(min), Some(max)) if max < min => return Err(bad("maxDuration < minDuration")),
            _ => {}
        }
        let text = |name: &str| self.get(name).map(str::to_lowercase);
        let annotations = self.get("annotationQuery").unwrap_or_default().split(" and ");
        let one = |part: &str| match part.split_once('=') {
            Some((key, value)) => (key.trim().to_owned(), Some(value.trim().to_owned())),
            None => (part.to_owned(), None),
        };
        Ok(TracesAsk {
            service: text("serviceName"),
            remote_service: text("remoteServiceName"),
            span: text("spanName").filter(|name| name != "all"),
            annotations: annotations.map(str::trim).filter(|part| !part.is_empty()).map(one).collect(),
            min_duration: min.map(|micros| micros.saturating_mul(1_000)),
            max_duration: max.map(|micros| micros.saturating_mul(1_000).saturating_add(999)),
            limit: self.positive("limit")?.unwrap_or(10).min(MAX_TRACES) as usize,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Parameters {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('~'));
        Parameters(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for query in [
            "maxDuration~5",
            "minDuration~5&maxDuration~4",
            "minDuration~0",
            "minDuration~-1",
            "limit~0",
            "limit~x",
            "minDuration~1e3",
        ] {
            assert!(parse(query).traces().is_err(), "{query}");
        }
        for query in ["endTs~0", "lookback~0", "endTs~now"] {
            assert!(parse(query).range(1, false).is_err(), "{query}");
        }
        assert!(parse("").range(1, true).is_err() && parse("endTs~1").range(1, true).is_ok());
    }

    #[test]
    fn parameters_mean_what_they_mean_there() {
        let query =
            "serviceName~Shop&spanName~all&annotationQuery~http.path=/a=b and retried&minDuration~1&maxDuration~2";
        let ask = parse(query).traces().expect("makes sense");
        assert_eq!((ask.service.as_deref(), ask.span, ask.limit), (Some("shop"), None, 10));
        assert_eq!(ask.annotations, [("http.path".to_owned(), Some("/a=b".to_owned())), ("retried".to_owned(), None)]);
        assert_eq!((ask.min_duration, ask.max_duration), (Some(1_000), Some(2_999)));
    }
}
