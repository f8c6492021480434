//! What is under way at a cluster: how much it has read, and that it does not read more than it may.

use crate::client::{Client, Limits, ours, texts};
use crate::{Kind, RemoteError, Statement};
use sextant_model::Sql;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How far a question is, as its server says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// Rows that were read.
    pub rows: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Rows that there are to read, as far as the server knows.
    pub total_rows: u64,
}

/// What would be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Rows.
    pub rows: u64,
    /// Parts of tables.
    pub parts: u64,
}

/// Questions that are under way, by their ids.
#[derive(Debug, Default)]
pub(crate) struct Running(Mutex<BTreeMap<String, Progress>>);

impl Running {
    pub fn put(&self, query_id: &str, progress: Progress) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(query_id.to_owned(), progress);
    }

    pub fn remove(&self, query_id: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(query_id);
    }

    pub fn of(&self, query_id: &str) -> Option<Progress> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(query_id).cloned()
    }

    fn sum(&self) -> Option<Progress> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let add = |a: Progress, b: &Progress| Progress {
            rows: a.rows + b.rows,
            bytes: a.bytes + b.bytes,
            total_rows: a.total_rows + b.total_rows,
        };
        (!all.is_empty()).then(|| all.values().fold(Progress::default(), add))
    }
}

/// What ends soon is not looked after.
const FIRST_LOOK: Duration = Duration::from_millis(700);
const LOOK: Duration = Duration::from_secs(1);
const LIMITS: Limits =
    Limits { time: Duration::from_secs(5), n_rows: 1_000, n_bytes: 1 << 20, bytes_read: u64::MAX, is_partial: false };

impl Client {
    /// How far all questions are together, if any is under way.
    #[must_use]
    pub fn progress(&self) -> Option<Progress> {
        self.running.sum()
    }

    /// Looks after a question as long as it takes. It ends only if more is read than may be; where the server does not say
    /// how much that is, never.
    pub(crate) async fn watch(&self, query_id: &str, limits: Limits) -> RemoteError {
        tokio::time::sleep(FIRST_LOOK).await;
        let id = sextant_queries::clickhouse::quote(query_id);
        let text = format!(
            "SELECT toString(read_rows), toString(read_bytes), toString(total_rows_approx) FROM system.processes \
             WHERE query_id = {id}"
        );
        while let Ok(statement) = ours(text.as_str()) {
            match self.quietly(&statement, LIMITS).await {
                Ok(rows) => {
                    let number = |i| texts(&rows, i).next().and_then(|n| n.parse::<u64>().ok());
                    if let (Some(rows), Some(bytes), Some(total_rows)) = (number(0), number(1), number(2)) {
                        self.running.put(query_id, Progress { rows, bytes, total_rows });
                        if bytes > limits.bytes_read {
                            let why =
                                format!("it read more than {} MB, which is the limit", limits.bytes_read / 1_000_000);
                            return RemoteError::new(Kind::TooMuch, why).hint("narrow the period or the search");
                        }
                    }
                }
                // Who may not look has the time as a limit.
                Err(e) if matches!(e.kind, Kind::Grant | Kind::Missing) => break,
                Err(_) => {}
            }
            tokio::time::sleep(LOOK).await;
        }
        std::future::pending().await
    }

    /// What a statement would read, where the server can say it.
    ///
    /// # Errors
    /// If it can't.
    pub async fn estimate(&self, statement: &Statement) -> Result<Estimate, RemoteError> {
        let text = format!("EXPLAIN ESTIMATE {}", statement.text());
        let sql = Sql { text, params: statement.values().to_vec() };
        let explained = Statement::new(sql).map_err(|e| RemoteError::new(Kind::Refused, e.why))?;
        let rows = self.quietly(&explained, LIMITS).await?;
        let sum = |name: &str| -> u64 {
            let column = |rows: &arrow::array::RecordBatch| {
                let column =
                    arrow::compute::cast(rows.column_by_name(name)?, &arrow::datatypes::DataType::UInt64).ok()?;
                arrow::compute::sum(arrow::array::AsArray::as_primitive::<arrow::datatypes::UInt64Type>(&column))
            };
            rows.iter().filter_map(column).sum()
        };
        Ok(Estimate { rows: sum("rows"), parts: sum("parts") })
    }
}
