//! Searches and figures as JSON, page by page: the body of `POST /api/v1/ask`.

use crate::workbench::{Workbench, now};
use arrow::array::AsArray as _;
use arrow::datatypes::TimestampNanosecondType;
use serde_json::Value;
use sextant_contract::{Answer, AskError, Code, Completeness, Period, SearchAsk, SearchKind, parse_time};
use sextant_model::DurationNanos;
use sextant_queries::dsl::Asked;

const SCHEMA: &str = "what is taken: GET /api/v1/ask.schema.json";

/// Rows where no other limit is given.
const DEFAULT_LIMIT: usize = 100;

fn bad(message: impl Into<String>, hint: &str) -> AskError {
    AskError::new(Code::BadQuery, message).hint(hint)
}

/// Where a page ended: the time of its last row, and how many rows of that time were on it and before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    time: i64,
    n_before: usize,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let (time, n_before) = text.split_once('.')?;
        Some(Self { time: time.parse().ok()?, n_before: n_before.parse().ok().filter(|n| *n < 10_000_000)? })
    }
}

/// Times of all rows, as they come.
fn times(answer: &Answer) -> Vec<i64> {
    let mut all = Vec::with_capacity(answer.n_rows());
    for batch in &answer.batches {
        let column = batch.column_by_name("Timestamp").or_else(|| batch.column_by_name("TimeUnix"));
        if let Some(times) = column.and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>()) {
            all.extend_from_slice(times.values());
        }
    }
    all
}

/// Without the first `n` rows.
fn skip(answer: &mut Answer, mut n: usize) {
    let rest = std::mem::take(&mut answer.batches).into_iter().filter_map(|batch| {
        let here = n.min(batch.num_rows());
        n -= here;
        (here < batch.num_rows()).then(|| batch.slice(here, batch.num_rows() - here))
    });
    answer.batches = rest.collect();
}

impl Workbench {
    /// Answers the body of `POST /api/v1/ask`; with the cursor of the next page, if there may be one.
    ///
    /// # Errors
    /// If the body makes no sense, or the search fails.
    pub fn ask_json(&self, body: &[u8]) -> Result<(Answer, Option<String>), AskError> {
        let asked: Asked = serde_json::from_slice(body)
            .map_err(|e| bad(format!("the body is not the JSON that is expected: {e}"), SCHEMA))?;
        let Some(kind) = SearchKind::from_name(&asked.from) else {
            let what = format!("there is nothing called '{}' to ask", asked.from);
            return Err(bad(what, "from is spans, traces, logs or metrics"));
        };
        let query = asked.query(kind.signal()).map_err(|wrong| bad(wrong, SCHEMA))?;
        let is_paged = query.aggregate.is_none() && kind != SearchKind::Traces;
        let cursor = match asked.cursor.as_deref() {
            None => None,
            Some(_) if !is_paged => return Err(bad("only spans, logs and metrics are paged", "leave cursor out")),
            Some(text) => match Cursor::parse(text) {
                None => return Err(bad(format!("'{text}' is no cursor"), "give the one of the last answer")),
                cursor => cursor,
            },
        };
        let mut period = period(&asked)?;
        if let Some(cursor) = cursor {
            let end = cursor.time.saturating_add(1);
            period.to = Some(period.to.map_or(end, |to| to.min(end)));
        }
        let limit = asked.limit.unwrap_or(DEFAULT_LIMIT);
        let n_before = cursor.map_or(0, |c| c.n_before);
        let text = sextant_queries::text(&query);
        let ask = SearchAsk { kind, query: text, period, limit: limit.saturating_add(n_before), explain: false };
        let mut answer = self.search(&ask)?;
        skip(&mut answer, n_before);
        let times = if is_paged && limit > 0 && answer.n_rows() >= limit { times(&answer) } else { Vec::new() };
        let next = times.last().map(|last| {
            let here = times.iter().filter(|t| *t == last).count();
            let before = cursor.filter(|c| c.time == *last).map_or(0, |c| c.n_before);
            format!("{last}.{}", here + before)
        });
        if is_paged && next.is_none() && matches!(answer.completeness, Completeness::Limited { .. }) && limit > 0 {
            answer.completeness = Completeness::Complete;
        }
        Ok((answer, next))
    }
}

/// A time as RFC 3339 or nanoseconds, as text or number.
fn time(value: &Value, name: &str) -> Result<Option<i64>, AskError> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        Value::Number(n) => n.to_string(),
        _ => return Err(bad(format!("{name} must be a time"), "write it as RFC 3339, or nanoseconds")),
    };
    parse_time(&text).map(Some).map_err(|e| bad(format!("{name}: {e}"), "write it as RFC 3339, or nanoseconds"))
}

fn period(asked: &Asked) -> Result<Period, AskError> {
    let Some(period) = &asked.period else { return Ok(Period::default()) };
    let mut found = Period { from: time(&period.from, "period.from")?, to: time(&period.to, "period.to")? };
    if let Some(since) = &period.since {
        let back =
            DurationNanos::parse(since).map_err(|e| bad(format!("period.since: {e}"), "write it as 15m or 1h"))?;
        found.from = Some(now().saturating_sub(back.0));
    }
    Ok(found)
}
