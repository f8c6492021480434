//! Which tables a database has, and whose they are.

use crate::RemoteError;
use crate::client::{Client, Limits, ours, texts};
use sextant_model::{Signal, Table};
use sextant_queries::clickhouse::{Tables, quote};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// What was found for a table of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is called there.
    pub name: String,
    /// Rows and bytes, where the server says.
    pub rows: Option<u64>,
    /// Compressed, on its disks.
    pub bytes: Option<u64>,
    /// What its rows are ordered by.
    pub sorting_key: String,
    /// All its columns.
    pub columns: BTreeSet<String>,
    /// Columns that the exporter's newest tables have and this one lacks.
    pub lacks: Vec<String>,
}

/// What a database has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Layout {
    /// The database.
    pub database: String,
    /// What was found for each table.
    pub tables: BTreeMap<Table, Found>,
    /// What makes a table of this kind; without it, it is none.
    pub why_not: BTreeMap<Table, String>,
}

/// Without these a table can't be what its name says.
fn needed(table: Table) -> &'static [&'static str] {
    match table {
        Table::Traces => &["Timestamp", "TraceId", "SpanId", "SpanName", "ServiceName", "Duration", "SpanAttributes"],
        Table::Logs => &["Timestamp", "Body", "ServiceName", "LogAttributes"],
        _ => &["TimeUnix", "MetricName", "Attributes"],
    }
}

const LIMITS: Limits = Limits { time: Duration::from_secs(30), n_rows: 200_000, n_bytes: 64 << 20 };

impl Layout {
    /// Looks through the system tables: they show what this user may see.
    ///
    /// # Errors
    /// If they can't be read.
    pub async fn detect(client: &Client) -> Result<Self, RemoteError> {
        let (rows, _) = client.rows(&ours("SELECT currentDatabase()")?, LIMITS).await?;
        let database = texts(&rows, 0).next().unwrap_or_default();
        let of = format!("database = {}", quote(&database));
        let text = format!("SELECT table, name FROM system.columns WHERE {of} ORDER BY table, position");
        let (rows, _) = client.rows(&ours(text)?, LIMITS).await?;
        let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (table, column) in texts(&rows, 0).zip(texts(&rows, 1)) {
            columns.entry(table).or_default().insert(column);
        }
        let text = format!(
            "SELECT name, ifNull(toString(total_rows), ''), ifNull(toString(total_bytes), ''), sorting_key \
             FROM system.tables WHERE {of}"
        );
        let (rows, _) = client.rows(&ours(text)?, LIMITS).await?;
        let facts: BTreeMap<String, (Option<u64>, Option<u64>, String)> = texts(&rows, 0)
            .zip(texts(&rows, 1).zip(texts(&rows, 2)).zip(texts(&rows, 3)))
            .map(|(name, ((n, size), key))| (name, (n.parse().ok(), size.parse().ok(), key)))
            .collect();
        let mut layout = Self { database, ..Self::default() };
        for table in Table::ALL {
            let name = Tables::EXPORTER.name_of(table);
            let Some(there) = columns.get(&name) else {
                layout.why_not.insert(table, format!("there is no table {name} that this user may see"));
                continue;
            };
            let has =
                |column: &str| there.contains(column) || there.iter().any(|c| c.starts_with(&format!("{column}.")));
            if let Some(column) = needed(table).iter().find(|c| !has(c)) {
                layout.why_not.insert(table, format!("{name} has no column {column} that this user may see"));
                continue;
            }
            let lacks = Tables::columns(table.signal()).filter(|c| is_of(table, c) && !has(c)).map(str::to_owned);
            let (rows, bytes, sorting_key) = facts.get(&name).cloned().unwrap_or_default();
            let lacks = lacks.collect();
            let columns = there.clone();
            layout.tables.insert(table, Found { name, rows, bytes, sorting_key, columns, lacks });
        }
        Ok(layout)
    }

    /// As the writer of statements wants it.
    #[must_use]
    pub fn tables(&self) -> Tables {
        let missing = Table::ALL.into_iter().filter(|t| !self.tables.contains_key(t)).collect();
        let lacks = |(table, found): (&Table, &Found)| {
            let signal = table.signal();
            found.lacks.iter().map(move |c| (signal, c.clone())).collect::<Vec<_>>()
        };
        Tables {
            database: Some(self.database.clone()),
            names: self.tables.iter().map(|(table, found)| (*table, found.name.clone())).collect(),
            missing,
            lacks: self.tables.iter().flat_map(lacks).collect(),
        }
    }

    /// The columns of a table that the store has too.
    #[must_use]
    pub fn kept(&self, table: Table) -> Vec<String> {
        let stored = sextant_model::schema::arrived(table);
        let head = |c: &String| c.split('.').next().unwrap_or(c).to_owned();
        let all = self.tables.get(&table).into_iter().flat_map(|found| &found.columns);
        all.filter(|c| stored.field_with_name(&head(c)).is_ok()).cloned().collect()
    }

    /// Whether anything of a signal can be asked.
    #[must_use]
    pub fn has(&self, signal: Signal) -> bool {
        self.tables.keys().any(|t| t.signal() == signal)
    }
}

/// Whether a column belongs to a table: those of metrics differ in their figures.
fn is_of(table: Table, column: &str) -> bool {
    sextant_model::schema::stored(table).field_with_name(column).is_ok()
}
