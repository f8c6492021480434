//! Log records as they come.

use crate::errors;
use crate::search::answer;
use crate::workbench::Workbench;
use serde_json::json;
use sextant_contract::{Answer, AskError, Code};
use sextant_model::{Signal, Sql, Table, TimeRange};
use sextant_queries::{duckdb, parse};
use sextant_store::{Store, Tail};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// More rows at once are nobody's to read: the rest of them is counted.
const MAX_ROWS: usize = 10_000;
/// More never come at once: a tail holds so many bytes, and no row is shorter than thirty.
const MAX_FOUND: usize = 1_000_000;

/// Those who look on by asking again and again.
pub(crate) type Tails = HashMap<u64, Listening>;

/// One of them.
pub(crate) struct Listening {
    query: String,
    tailing: Arc<Mutex<Tailing>>,
    last_asked: Instant,
}

/// Who asks no more for so long is gone.
const GONE: Duration = Duration::from_secs(15);
/// How long an answer waits for something to tell.
const PATIENCE: Duration = Duration::from_secs(1);

/// Somebody who looks on.
pub struct Tailing {
    /// Not the workbench: that has those who look on.
    store: Arc<Store>,
    tail: Tail,
    sql: Sql,
}

impl Workbench {
    /// Begins to look on at log records that `query` finds.
    ///
    /// # Errors
    /// If the query does not parse, or asks for more than single records can say.
    pub fn tail(&self, query: &str) -> Result<Tailing, AskError> {
        let query = parse(Signal::Logs, query).map_err(|e| errors::parse(&e))?;
        if query.aggregate.is_some() || query.filter.is_about_traces() {
            return Err(AskError::new(
                Code::BadQuery,
                "of records as they come only they themselves can be asked about",
            )
            .hint("leave out what stands behind | and conditions on traces"));
        }
        let sql = duckdb::logs(&query, TimeRange::ALL, MAX_FOUND);
        Ok(Tailing { store: self.store.clone(), tail: self.store.tail(Table::Logs), sql })
    }
}

impl Workbench {
    /// What came since the last time.
    pub(crate) fn tail_on(&self, query: &str, id: u64) -> Result<Answer, AskError> {
        let lock = |tails: &Mutex<Tails>, f: &dyn Fn(&mut Tails) -> Option<Arc<Mutex<Tailing>>>| {
            f(&mut tails.lock().unwrap_or_else(PoisonError::into_inner))
        };
        let known = lock(&self.inner.tails, &|tails| {
            tails.retain(|_, one| one.last_asked.elapsed() < GONE);
            let one = tails.get_mut(&id).filter(|one| one.query == query)?;
            one.last_asked = Instant::now();
            Some(one.tailing.clone())
        });
        let generation = self.store.snapshot().generation;
        let Some(tailing) = known else {
            let tailing = Arc::new(Mutex::new(self.tail(query)?));
            lock(&self.inner.tails, &|tails| {
                let one = Listening { query: query.to_owned(), tailing: tailing.clone(), last_asked: Instant::now() };
                tails.insert(id, one);
                None
            });
            // At once: from now on nothing is missed.
            return Ok(Answer::object(json!({ "lost": 0, "has_begun": true }), generation));
        };
        let found = tailing.lock().unwrap_or_else(PoisonError::into_inner).next(PATIENCE)?;
        let Some((mut answer, n_lost)) = found else {
            return Ok(Answer::object(json!({ "lost": 0 }), generation));
        };
        answer.object = Some(json!({ "lost": n_lost }));
        Ok(answer)
    }
}

impl Tailing {
    /// The next records, the newest first, and how many came too quickly to be looked at; nothing if none came.
    ///
    /// # Errors
    /// If the store is closed.
    pub fn next(&self, wait: Duration) -> Result<Option<(Answer, u64)>, AskError> {
        let found = self.store.next_of(&self.tail, &self.sql, wait).map_err(|e| errors::store(&e))?;
        Ok(found.map(|found| {
            let mut newest = answer(found.answer);
            let n_over = newest.keep_first(MAX_ROWS);
            (newest, found.n_lost + n_over as u64)
        }))
    }
}
