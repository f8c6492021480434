//! Looking on at a source, and completing what is typed about one.

use crate::errors;
use crate::remotes::Asked;
use crate::workbench::{Workbench, now};
use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampNanosecondType;
use serde_json::json;
use sextant_contract::{Answer, AskError, Code, SearchKind};
use sextant_model::{Signal, TimeRange, UnixNanos};
use sextant_queries::{clickhouse, parse};
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Those who look on, by source and number.
pub(crate) type Follows = Mutex<HashMap<(String, u64), Follow>>;

/// One of them.
pub(crate) struct Follow {
    query: String,
    /// The newest time that was seen.
    newest: i64,
    /// What was seen of the time that is asked for again.
    seen: HashSet<u128>,
    last_asked: Instant,
}

/// A server is not asked more often.
const PAUSE: Duration = Duration::from_secs(2);
/// Who asks no more for so long is gone.
const GONE: Duration = Duration::from_secs(60);
/// Records may come so much later than they say.
const LATE: i64 = 10_000_000_000;
/// More at once are nobody's to read.
const MAX_ROWS: usize = 10_000;
/// What was typed is completed out of the last six hours.
const COMPLETED: i64 = 6 * 3_600_000_000_000;

impl Workbench {
    /// Records of a source that came since the last time, by asking again for the newest: a little of what was seen is asked
    /// for once more, as records come late.
    pub(crate) fn tail_there(&self, asked: &Asked, source: &str, query: &str, id: u64) -> Result<Answer, AskError> {
        let parsed = parse(Signal::Logs, query).map_err(|e| errors::parse(&e))?;
        if parsed.aggregate.is_some() || parsed.filter.is_about_traces() {
            let why = "of records as they come only they themselves can be asked about";
            return Err(
                AskError::new(Code::BadQuery, why).hint("leave out what stands behind | and conditions on traces")
            );
        }
        let follows = || self.inner.remotes.follows.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (source.to_owned(), id);
        let known = {
            let mut all = follows();
            all.retain(|_, one| one.last_asked.elapsed() < GONE);
            all.remove(&key).filter(|one| one.query == query)
        };
        let Some(mut follow) = known else {
            let newest = now() + asked.client.abilities.clock_ahead;
            let follow = Follow { query: query.to_owned(), newest, seen: HashSet::new(), last_asked: Instant::now() };
            follows().insert(key, follow);
            return Ok(Answer::object(json!({ "lost": 0, "has_begun": true }), 0));
        };
        std::thread::sleep(PAUSE.saturating_sub(follow.last_asked.elapsed()));
        follow.last_asked = Instant::now();
        let range = TimeRange { from: Some(UnixNanos(follow.newest - LATE)), to: None };
        let sql = clickhouse::logs(&asked.layout.tables(), &parsed, range, MAX_ROWS);
        let found = self.run_there(asked, sql, usize::MAX);
        let answered = found.and_then(|mut found| {
            let n_found = found.n_rows();
            let batches = found.batches.iter().map(|rows| unseen(rows, &mut follow)).collect::<Result<Vec<_>, _>>();
            found.batches = batches.map_err(|e| AskError::new(Code::Internal, format!("rows can't be made: {e}")))?;
            found.object = Some(json!({ "lost": if n_found >= MAX_ROWS { n_found - found.n_rows() } else { 0 } }));
            Ok(found)
        });
        follows().insert(key, follow);
        answered
    }

    /// Fields or values that a sample of the newest records has.
    pub(crate) fn complete_there(
        &self,
        asked: &Asked,
        kind: SearchKind,
        key: Option<&str>,
        part: &str,
        limit: usize,
    ) -> Result<Answer, AskError> {
        let signal = kind.signal();
        let now = now() + asked.client.abilities.clock_ahead;
        let range = TimeRange { from: Some(UnixNanos(now - COMPLETED)), to: None };
        let tables = asked.layout.tables();
        let sql = match key {
            Some(key) => clickhouse::values(&tables, signal, range, (key, part), limit),
            None => clickhouse::keys(&tables, signal, range, part, limit),
        };
        let mut found = self.run_there(asked, sql, usize::MAX)?;
        if key.is_none() {
            let begins = part.to_lowercase();
            let own: Vec<&str> =
                sextant_queries::fields(signal).into_iter().filter(|f| f.starts_with(&begins)).collect();
            let n = vec![0_i64; own.len()];
            let first = RecordBatch::try_from_iter([
                ("text", std::sync::Arc::new(arrow::array::StringArray::from(own)) as arrow::array::ArrayRef),
                ("n", std::sync::Arc::new(arrow::array::Int64Array::from(n)) as arrow::array::ArrayRef),
            ]);
            let first = first.map_err(|e| AskError::new(Code::Internal, format!("rows can't be made: {e}")))?;
            found.schema = first.schema();
            found.batches.insert(0, first);
        }
        Ok(found)
    }
}

/// The rows that were not seen, which then are.
fn unseen(rows: &RecordBatch, follow: &mut Follow) -> Result<RecordBatch, arrow::error::ArrowError> {
    let rows = sextant_remote::known(sextant_model::Table::Logs, rows)
        .map_err(|e| arrow::error::ArrowError::CastError(e.message))?;
    let times = rows.column_by_name("Timestamp").and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>().cloned());
    let texts = |name: &str| rows.column_by_name(name).and_then(|c| c.as_string_opt::<i32>().cloned());
    let (bodies, spans) = (texts("Body"), texts("SpanId"));
    let is_new = |row: usize| {
        let time = times.as_ref().map_or(0, |t| t.value(row));
        let text =
            |of: &Option<arrow::array::StringArray>| of.as_ref().map_or_else(String::new, |t| t.value(row).to_owned());
        let one = format!("{time} {} {}", text(&spans), text(&bodies));
        follow.newest = follow.newest.max(time);
        follow.seen.insert(xxhash_rust::xxh3::xxh3_128(one.as_bytes()))
    };
    let is_new: Vec<bool> = (0..rows.num_rows()).map(is_new).collect();
    filter_record_batch(&rows, &BooleanArray::from(is_new))
}
