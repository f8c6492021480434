//! Log records as they come.

use crate::errors;
use crate::search::answer;
use crate::workbench::Workbench;
use sextant_contract::{Answer, AskError, Code};
use sextant_model::{Signal, Sql, Table, TimeRange};
use sextant_queries::{duckdb, parse};
use sextant_store::Tail;
use std::time::Duration;

/// More rows at once are nobody's to read.
const MAX_ROWS: usize = 10_000;

/// Somebody who looks on.
pub struct Tailing {
    workbench: Workbench,
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
        let sql = duckdb::logs(&query, TimeRange::ALL, MAX_ROWS);
        Ok(Tailing { workbench: self.clone(), tail: self.store.tail(Table::Logs), sql })
    }
}

impl Tailing {
    /// The next records, the newest first, and how many came too quickly to be looked at; nothing if none came.
    ///
    /// # Errors
    /// If the store is closed.
    pub fn next(&self, wait: Duration) -> Result<Option<(Answer, u64)>, AskError> {
        let found = self.workbench.store.next_of(&self.tail, &self.sql, wait).map_err(|e| errors::store(&e))?;
        Ok(found.map(|found| (answer(found.answer), found.n_lost)))
    }
}
