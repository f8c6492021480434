//! Which tables a cluster has, whose they are, and how they are read.

use crate::client::Client;
use crate::schemas::{self, Columns, has, needed};
use crate::shown::{Place, Shown, rows_of};
use crate::{Kind, RemoteError, expression};
use sextant_model::{Signal, Table};
use sextant_queries::clickhouse::{Mapping, Piece, Tables, quote};
use std::collections::{BTreeMap, BTreeSet};

/// What was found for a table of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Its database.
    pub database: String,
    /// What it is called there.
    pub name: String,
    /// `MergeTree`, `Distributed` and others.
    pub engine: String,
    /// The table whose rows it shows: itself, or the one that it distributes.
    pub local: (String, String),
    /// Rows and bytes, where the server says.
    pub rows: Option<u64>,
    /// Compressed, on its disks.
    pub bytes: Option<u64>,
    /// What its rows are ordered by.
    pub sorting_key: String,
    /// How long rows are kept there, if they go away by themselves.
    pub ttl: Option<String>,
    /// All its columns, with their types.
    pub columns: BTreeMap<String, String>,
    /// How many bytes a row of each column has, where the server says.
    pub widths: BTreeMap<String, f64>,
    /// Columns that the exporter's newest tables have and this one lacks.
    pub lacks: Vec<String>,
    /// How it is read.
    pub mapping: Mapping,
}

/// What a database has.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// The database.
    pub database: String,
    /// What was found for each table.
    pub tables: BTreeMap<Table, Found>,
    /// What makes a table of this kind; without it, it is none.
    pub why_not: BTreeMap<Table, String>,
}

impl Found {
    /// How it is read with every column said, to begin a change with.
    #[must_use]
    pub fn in_full(&self, table: Table) -> Mapping {
        let mut mapping = self.mapping.clone();
        if mapping.is_mapped() {
            return mapping;
        }
        let stored = sextant_model::schema::stored(table);
        let maps = [sextant_model::schema::record_attributes(table), "ResourceAttributes"];
        for name in self.columns.keys() {
            let head = name.split('.').next().unwrap_or(name);
            if stored.field_with_name(head).is_ok() && !maps.contains(&head) {
                let written = if head == name { name.clone() } else { format!("`{name}`") };
                mapping.columns.insert(name.clone(), written);
            }
        }
        for (map, list) in maps.into_iter().zip([&mut mapping.attributes, &mut mapping.resource]) {
            if list.is_empty() && self.columns.contains_key(map) {
                list.push(map.to_owned());
            }
        }
        mapping
    }
}

impl Layout {
    /// Looks through the system tables: they show what this user may see. What someone wrote of a table comes first.
    ///
    /// # Errors
    /// If they can't be read, or what was written does not fit to what is there.
    pub async fn detect(client: &Client, own: &BTreeMap<Table, Mapping>) -> Result<Self, RemoteError> {
        let shown = Shown::look(client, own).await?;
        let mut layout = Self { database: shown.database.clone(), ..Self::default() };
        let (schemas, home) = (schemas::known(), shown.home().to_owned());
        for table in Table::ALL {
            if let Some(mapping) = own.get(&table) {
                match layout.written(client, &shown, table, mapping.clone()).await? {
                    Ok(found) => drop(layout.tables.insert(table, found)),
                    Err(why) => drop(layout.why_not.insert(table, why)),
                }
                continue;
            }
            let of_schema = schemas.iter().find_map(|schema| {
                let entry = schema.table.iter().find(|t| t.table() == table)?;
                let is_its = schema.table.iter().any(|t| t.database == shown.database);
                if shown.is_named && !is_its {
                    return None;
                }
                let place = |name: &String| (entry.database.clone(), name.clone());
                let place = entry.names.iter().map(place).find(|place| shown.columns.contains_key(place))?;
                Some((place, Mapping { schema: schema.name.clone(), ..entry.mapping.clone() }))
            });
            // The exporter's tables of this database come before those of another.
            let exporters = shown.exporters(table, &home).cloned();
            let exporters = exporters.filter(|place| of_schema.is_none() || place.0 == shown.database);
            let found = if let Some(place) = exporters {
                let columns = &shown.columns[&place];
                let is_old = table == Table::Traces && has_old_names(client, &place, columns).await;
                let mapping = schemas::of_exporter(table, columns, is_old);
                Some((place, mapping))
            } else {
                of_schema
            };
            let Some((place, mut mapping)) = found else {
                layout.why_not.insert(table, why_not(&shown, table));
                continue;
            };
            keep_known(&mut mapping, &shown.columns[&place]);
            (mapping.database, mapping.table) = place.clone();
            let mapping = shown.quickened(table, &place, mapping);
            layout.tables.insert(table, shown.found(table, &place, mapping));
        }
        Ok(layout)
    }

    /// A table with what someone wrote of it, looked at once.
    async fn written(
        &self,
        client: &Client,
        shown: &Shown,
        table: Table,
        mut mapping: Mapping,
    ) -> Result<Result<Found, String>, RemoteError> {
        let database = if mapping.database.is_empty() { shown.database.clone() } else { mapping.database.clone() };
        let place = (database, mapping.table.clone());
        if !shown.columns.contains_key(&place) {
            return Ok(Err(format!("there is no table {}.{} that this user may see", place.0, place.1)));
        }
        if let Err(e) = expression::check(table, &mapping) {
            return Ok(Err(e.why));
        }
        mapping.database.clone_from(&place.0);
        if mapping.schema.is_empty() {
            mapping.schema = schemas::CUSTOM.into();
        }
        // What attributes are kept in is said by their types.
        let pieces: Vec<String> = mapping.attributes.iter().chain(&mapping.resource).cloned().collect();
        if !pieces.is_empty() {
            let types: Vec<String> = pieces.iter().map(|p| format!("toTypeName(groupArray({p}))")).collect();
            let from = Mapping { columns: BTreeMap::new(), filter: String::new(), ..mapping.clone() };
            let tables = Tables { mappings: BTreeMap::from([(table, from)]), ..Tables::default() };
            let text = format!("SELECT {} FROM {} WHERE 0", types.join(", "), tables.from(table));
            let row = rows_of(client, text, pieces.len()).await?.into_iter().next().unwrap_or_default();
            for (piece, of) in pieces.into_iter().zip(row) {
                let of = of.strip_prefix("Array(").and_then(|t| t.strip_suffix(')')).unwrap_or(&of).to_owned();
                let Some(kind) = Piece::of(&of) else {
                    return Ok(Err(format!("{piece} is {of}: attributes are a map, JSON, or JSON as text")));
                };
                mapping.pieces.insert(piece, kind);
            }
        }
        let mapping = shown.quickened(table, &place, mapping);
        Ok(Ok(shown.found(table, &place, mapping)))
    }

    /// What the columns of a table suggest, to be looked at and changed.
    ///
    /// # Errors
    /// If there is no such table, or it can't be read.
    pub async fn suggest(client: &Client, table: Table, database: &str, name: &str) -> Result<Mapping, RemoteError> {
        let own = Mapping { database: database.into(), table: name.into(), ..Mapping::default() };
        let shown = Shown::look(client, &BTreeMap::from([(table, own)])).await?;
        let database = if database.is_empty() { shown.database.as_str() } else { database };
        let place = (database.to_owned(), name.to_owned());
        let Some(columns) = shown.columns.get(&place) else {
            let why = format!("there is no table {database}.{name} that this user may see");
            return Err(RemoteError::new(Kind::Missing, why).hint("name it as database.table"));
        };
        let mut mapping = schemas::suggested(table, columns);
        (mapping.database, mapping.table) = place;
        let time = mapping.columns.get("Timestamp").cloned();
        let is_number = |t: &String| columns.get(t).is_some_and(|c| c.of.contains("Int") || c.of.starts_with("Float"));
        if let Some(time) = time.filter(is_number) {
            let from = Mapping { columns: BTreeMap::new(), ..mapping.clone() };
            let tables = Tables { mappings: BTreeMap::from([(table, from)]), ..Tables::default() };
            let text =
                format!("SELECT toString(toFloat64({time})) FROM {} WHERE {time} != 0 LIMIT 1", tables.from(table));
            let row = rows_of(client, text, 1).await?.into_iter().flatten().next();
            let number = row.and_then(|n| n.parse().ok()).unwrap_or(0.0);
            mapping.time_unit = Some(schemas::unit_of_time(number));
        }
        Ok(mapping)
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
            mappings: self.tables.iter().map(|(table, found)| (*table, found.mapping.clone())).collect(),
            missing,
            lacks: self.tables.iter().flat_map(lacks).collect(),
        }
    }

    /// How many bytes a statement reads of so many rows: those of the columns that it names.
    #[must_use]
    pub fn bytes_of(&self, statement: &str, rows: u64) -> u64 {
        let words: BTreeSet<&str> = statement
            .split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$')))
            .map(|w| w.trim_matches('.'))
            .collect();
        let named = |found: &Found| -> f64 {
            // Of small parts the server does not know the columns: text is mostly four times as large as on the disk.
            if found.widths.is_empty() {
                return found.bytes.unwrap_or(0) as f64 / found.rows.unwrap_or(1).max(1) as f64 * 4.0;
            }
            let of = |(name, width): (&String, &f64)| {
                let is_measured = is_only_measured(statement, name);
                words.contains(name.as_str()).then(|| if is_measured { width.min(LENGTH) } else { *width })
            };
            found.widths.iter().filter_map(of).sum()
        };
        let is_named = |found: &&Found| words.contains(found.name.as_str());
        let widest = self.tables.values().filter(is_named).map(named).fold(0.0, f64::max);
        (widest * rows as f64) as u64
    }

    /// Whether so much is kept there that a question could read more than this.
    #[must_use]
    pub fn has_more_than(&self, bytes: u64) -> bool {
        self.tables.values().any(|found| match found.rows {
            // Of small parts the server does not know the columns.
            Some(_) if found.widths.is_empty() => found.bytes.unwrap_or(0).saturating_mul(4) > bytes,
            Some(rows) => found.widths.values().sum::<f64>() * rows as f64 > bytes as f64,
            None => true,
        })
    }

    /// The columns of a table that the store has too.
    #[must_use]
    pub fn kept(&self, table: Table) -> Vec<String> {
        let stored = sextant_model::schema::arrived(table);
        let head = |c: &str| c.split('.').next().unwrap_or(c).to_owned();
        let Some(found) = self.tables.get(&table) else { return Vec::new() };
        let mut all: BTreeSet<String> = if found.mapping.is_mapped() {
            found.mapping.columns.keys().cloned().collect()
        } else {
            found.columns.keys().cloned().collect()
        };
        let maps = [sextant_model::schema::record_attributes(table), "ResourceAttributes"];
        all.extend(maps.iter().filter(|map| found.mapping.has(map)).map(|map| (*map).to_owned()));
        all.into_iter().filter(|c| stored.field_with_name(&head(c)).is_ok()).collect()
    }

    /// The tables themselves and, of distributed ones, what they distribute.
    #[must_use]
    pub fn places(&self) -> BTreeSet<(String, String)> {
        self.tables
            .values()
            .flat_map(|found| [(found.database.clone(), found.name.clone()), found.local.clone()])
            .collect()
    }

    /// Whether anything of a signal can be asked.
    #[must_use]
    pub fn has(&self, signal: Signal) -> bool {
        self.tables.keys().any(|t| t.signal() == signal)
    }
}

/// Bytes of the length of a text.
const LENGTH: f64 = 8.0;

/// Whether a statement asks nothing of a column but if it is empty: of texts, the server then reads the lengths alone.
fn is_only_measured(statement: &str, column: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$'));
    let mut n = 0;
    for (at, _) in statement.match_indices(column) {
        let rest = &statement[at + column.len()..];
        if is_part(statement[..at].chars().next_back()) || is_part(rest.chars().next()) {
            continue;
        }
        let rest = rest.strip_prefix('`').unwrap_or(rest);
        if !rest.starts_with(" = ''") && !rest.starts_with(" != ''") {
            return false;
        }
        n += 1;
    }
    n > 0
}

/// A database and a table as the literal of a pair.
#[must_use]
pub fn pair(database: &str, table: &str) -> String {
    format!("({}, {})", quote(database), quote(table))
}

/// What of a schema that ships with the program is not there in this version of it is left out.
fn keep_known(mapping: &mut Mapping, columns: &Columns) {
    let is_known =
        |expression: &str| crate::expression::names(expression).iter().all(|name| columns.contains_key(name));
    mapping.columns.retain(|_, e| is_known(e));
    mapping.attributes.retain(|e| is_known(e));
    mapping.resource.retain(|e| is_known(e));
    mapping.buckets.retain(|b| is_known(&b.column));
    if mapping.resources.as_ref().is_some_and(|r| !is_known(&r.fingerprint)) {
        mapping.resources = None;
    }
}

/// Whether kinds are called as the exporter's first versions called them.
async fn has_old_names(client: &Client, place: &Place, columns: &Columns) -> bool {
    if !columns.contains_key("SpanKind") {
        return false;
    }
    let mapping = Mapping { database: place.0.clone(), table: place.1.clone(), ..Mapping::default() };
    let tables = Tables { mappings: BTreeMap::from([(Table::Traces, mapping)]), ..Tables::default() };
    let text = format!(
        "SELECT toString(max(startsWith(SpanKind, 'SPAN_KIND_'))) FROM (SELECT SpanKind FROM {} LIMIT 100000)",
        tables.from(Table::Traces)
    );
    let said = rows_of(client, text, 1).await;
    said.is_ok_and(|rows| rows.into_iter().flatten().next().as_deref() == Some("1"))
}

/// Why there is no such table.
fn why_not(shown: &Shown, table: Table) -> String {
    let name = Tables::name_of(table);
    let Some(columns) = shown.columns.get(&(shown.database.clone(), name.clone())) else {
        return format!("there is no table {name} that this user may see");
    };
    let column = needed(table).iter().find(|c| !has(columns, c)).unwrap_or(&"that is needed");
    format!("{name} has no column {column} that this user may see")
}

#[cfg(test)]
mod tests {
    use super::is_only_measured;

    #[test]
    fn lengths_alone_are_read_for_nothing_but_emptiness() {
        for (statement, is) in [
            ("SELECT countIf(ParentSpanId = '') FROM t", true),
            ("SELECT a FROM t WHERE `ParentSpanId` != ''", true),
            ("SELECT ParentSpanId FROM t WHERE ParentSpanId != ''", false),
            ("SELECT ParentSpanId, a FROM t WHERE ParentSpanId = ''", false),
            ("SELECT 1 FROM t WHERE MyParentSpanId = ''", false),
            ("SELECT 1 FROM t WHERE ParentSpanId = 'a'", false),
            ("SELECT 1 FROM t WHERE ParentSpanId = '' OR ParentSpanId LIKE 'a%'", false),
            ("SELECT 1", false),
        ] {
            assert_eq!(is_only_measured(statement, "ParentSpanId"), is, "{statement}");
        }
    }
}
