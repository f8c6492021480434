//! Looking on at a source, and completing what is typed about one.

use crate::errors;
use crate::remotes::Asked;
use crate::there::first_number;
use crate::workbench::{Workbench, now};
use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::datatypes::TimestampNanosecondType;
use serde_json::json;
use sextant_contract::{Answer, AskError, Code, SearchKind};
use sextant_model::{Signal, TimeRange, UnixNanos};
use sextant_queries::{clickhouse, parse};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Those who look on, by source and number.
pub(crate) type Follows = Mutex<HashMap<(String, u64), Follow>>;

/// One of them.
pub(crate) struct Follow {
    query: String,
    /// The newest time that was seen.
    newest: i64,
    /// What was seen of the time that is asked for again: when it says that it was, and how often.
    seen: HashMap<u128, (i64, u32)>,
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
            let follow = Follow { query: query.to_owned(), newest, seen: HashMap::new(), last_asked: Instant::now() };
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
            let latest = now() + asked.client.abilities.clock_ahead;
            found.batches = unseen(&found.batches, &mut follow, latest)
                .map_err(|e| AskError::new(Code::Internal, format!("rows can't be made: {e}")))?;
            // Where all that came is new, there is more before it.
            let mut lost = 0;
            if n_found >= MAX_ROWS && found.n_rows() == n_found {
                let counted = self.run_there(asked, clickhouse::count(&asked.layout.tables(), &parsed, range), 1)?;
                lost = first_number(&counted.batches).unwrap_or(0).saturating_sub(n_found as i64).max(1);
            }
            found.object = Some(json!({ "lost": lost }));
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

/// The rows that were not seen, which then are. Equal ones are told apart by how many there are.
fn unseen(
    batches: &[RecordBatch],
    follow: &mut Follow,
    latest: i64,
) -> Result<Vec<RecordBatch>, arrow::error::ArrowError> {
    let mut met: HashMap<u128, u32> = HashMap::new();
    let mut all = Vec::with_capacity(batches.len());
    for rows in batches {
        let rows = sextant_remote::known(sextant_model::Table::Logs, rows)
            .map_err(|e| arrow::error::ArrowError::CastError(e.message))?;
        let times =
            rows.column_by_name("Timestamp").and_then(|c| c.as_primitive_opt::<TimestampNanosecondType>().cloned());
        let texts = ["ServiceName", "SeverityText", "SpanId", "Body"]
            .map(|name| rows.column_by_name(name).and_then(|c| c.as_string_opt::<i32>().cloned()));
        let is_new = |row: usize| {
            let time = times.as_ref().map_or(0, |t| t.value(row));
            let mut one = time.to_string();
            for text in texts.iter().flatten() {
                one.push('\0');
                one.push_str(text.value(row));
            }
            // What says that it is still to come must not hide what comes until then.
            follow.newest = follow.newest.max(time.min(latest));
            let hash = xxhash_rust::xxh3::xxh3_128(one.as_bytes());
            let n = met.entry(hash).or_default();
            *n += 1;
            let seen = follow.seen.entry(hash).or_insert((time, 0));
            let is_new = *n > seen.1;
            seen.1 = seen.1.max(*n);
            is_new
        };
        let is_new: Vec<bool> = (0..rows.num_rows()).map(is_new).collect();
        all.push(filter_record_batch(&rows, &BooleanArray::from(is_new))?);
    }
    let oldest = follow.newest - LATE;
    follow.seen.retain(|_, (time, _)| *time >= oldest);
    Ok(all)
}
