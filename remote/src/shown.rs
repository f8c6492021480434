//! What the system tables of a cluster show to its user: tables, columns, sizes, and what makes a question quick.

use crate::client::{Client, Limits, ours, texts};
use crate::layout::Found;
use crate::schemas::{self, Column, Columns, has, needed};
use crate::{Kind, RemoteError};
use sextant_model::{Signal, Table};
use sextant_queries::clickhouse::{Bucket, Mapping, Piece, Tables, Times, quote};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const LIMITS: Limits = Limits {
    time: Duration::from_secs(30),
    n_rows: 200_000,
    n_bytes: 64 << 20,
    bytes_read: u64::MAX,
    is_partial: false,
};

/// A database and a table.
pub(crate) type Place = (String, String);

/// What a system table says of one.
#[derive(Debug, Clone, Default)]
struct Facts {
    engine: String,
    engine_full: String,
    rows: Option<u64>,
    bytes: Option<u64>,
    sorting_key: String,
}

/// What the system tables show to this user.
pub(crate) struct Shown {
    pub database: String,
    /// Whether somebody chose this database: no other is looked at then, but for those that belong to it.
    pub is_named: bool,
    pub columns: BTreeMap<Place, Columns>,
    facts: BTreeMap<Place, Facts>,
    /// Expressions that have an index of text.
    texts: BTreeSet<(String, String, String)>,
}

pub(crate) async fn rows_of(client: &Client, text: String, n: usize) -> Result<Vec<Vec<String>>, RemoteError> {
    let (rows, _) = client.rows(&ours(text)?, LIMITS).await?;
    let mut columns: Vec<_> = (0..n).map(|i| texts(&rows, i)).collect();
    let n_rows: usize = rows.iter().map(arrow::array::RecordBatch::num_rows).sum();
    Ok((0..n_rows).map(|_| columns.iter_mut().map(|c| c.next().unwrap_or_default()).collect()).collect())
}

impl Shown {
    pub async fn look(client: &Client, own: &BTreeMap<Table, Mapping>) -> Result<Self, RemoteError> {
        let database = rows_of(client, "SELECT currentDatabase()".into(), 1).await?;
        let database = database.into_iter().flatten().next().unwrap_or_default();
        let schemas = schemas::known();
        let mut databases = BTreeSet::from([database.clone()]);
        databases.extend(schemas.iter().flat_map(|s| s.table.iter().map(|t| t.database.clone())));
        databases.extend(own.values().map(|m| m.database.clone()).filter(|d| !d.is_empty()));
        let list = |all: &mut dyn Iterator<Item = String>| all.map(|n| quote(&n)).collect::<Vec<_>>().join(", ");
        let databases = list(&mut databases.into_iter());
        let exporters = list(&mut Table::ALL.into_iter().map(Tables::name_of));
        let skipped = "('system', 'INFORMATION_SCHEMA', 'information_schema')";
        let text = format!(
            "SELECT database, table, name, type, default_kind, default_expression, \
             toString(data_uncompressed_bytes) FROM system.columns \
             WHERE (database IN ({databases}) OR table IN ({exporters})) AND database NOT IN {skipped} \
             ORDER BY database, table, position"
        );
        let mut columns: BTreeMap<Place, Columns> = BTreeMap::new();
        for row in rows_of(client, text, 7).await? {
            let [database, table, name, of, kind, expression, bytes] = row.try_into().unwrap_or_default();
            let bytes = bytes.parse().unwrap_or(0);
            columns.entry((database, table)).or_default().insert(name, Column { of, kind, expression, bytes });
        }
        let text = format!(
            "SELECT database, name, engine, engine_full, ifNull(toString(total_rows), ''), \
             ifNull(toString(total_bytes), ''), sorting_key FROM system.tables \
             WHERE (database IN ({databases}) OR name IN ({exporters})) AND database NOT IN {skipped}"
        );
        let mut facts = BTreeMap::new();
        for row in rows_of(client, text, 7).await? {
            let [database, name, engine, engine_full, rows, bytes, sorting_key] = row.try_into().unwrap_or_default();
            let (rows, bytes) = (rows.parse().ok(), bytes.parse().ok());
            facts.insert((database, name), Facts { engine, engine_full, rows, bytes, sorting_key });
        }
        // Not everyone may see the indexes: without them the slower condition is asked.
        let text = "SELECT database, table, expr FROM system.data_skipping_indices WHERE type = 'text'".to_owned();
        let indexes = match rows_of(client, text, 3).await {
            Ok(rows) => rows,
            Err(e) if matches!(e.kind, Kind::Grant | Kind::Missing) => Vec::new(),
            Err(e) => return Err(e),
        };
        let text_of = |row: Vec<String>| {
            let [database, table, expression] = row.try_into().unwrap_or_default();
            (database, table, plain(&expression))
        };
        Ok(Self {
            is_named: !client.database().is_empty(),
            database,
            columns,
            facts,
            texts: indexes.into_iter().map(text_of).collect(),
        })
    }

    fn facts(&self, place: &Place) -> Facts {
        self.facts.get(place).cloned().unwrap_or_default()
    }

    /// The table whose rows a distributed one shows, or itself.
    fn local(&self, place: &Place) -> Place {
        let facts = self.facts(place);
        let inside = facts.engine_full.strip_prefix("Distributed(").unwrap_or_default();
        let mut parts = inside.split(',').map(|p| p.trim().trim_matches(['\'', ')', ' ']).to_owned());
        match (parts.next(), parts.next(), parts.next()) {
            (Some(_), Some(database), Some(table)) if !table.is_empty() => (database, table),
            _ => place.clone(),
        }
    }

    /// The table that is the exporter's by its columns: a distributed one before what it distributes, the exporter's own
    /// name before others, the larger before the smaller.
    pub fn exporters(&self, table: Table, home: &str) -> Option<&Place> {
        let own_name = Tables::name_of(table);
        let is_it = |place: &&Place| {
            let columns = &self.columns[*place];
            // Metrics are told apart by name alone; they have nearly the same columns.
            let is_named = table.signal() != Signal::Metrics || place.1.starts_with(&own_name);
            is_named && needed(table).iter().all(|c| has(columns, c)) && self.facts(place).engine != "MaterializedView"
        };
        let rank = |place: &&Place| {
            let facts = self.facts(place);
            (facts.engine == "Distributed", place.1 == own_name, !facts.engine.ends_with("View"), facts.rows)
        };
        self.columns.keys().filter(|place| place.0 == home).filter(is_it).max_by_key(rank)
    }

    /// The database with the exporter's tables: the connection's own, or else the one that has most of them. Those of
    /// several are never mixed.
    pub fn home(&self) -> &str {
        if self.is_named {
            return &self.database;
        }
        let n = |database: &str| Table::ALL.into_iter().filter(|t| self.exporters(*t, database).is_some()).count();
        let all: BTreeSet<&str> = self.columns.keys().map(|place| place.0.as_str()).collect();
        let best = || all.iter().max_by_key(|d| n(d)).copied();
        if n(&self.database) > 0 { &self.database } else { best().unwrap_or(&self.database) }
    }

    /// What is asked of a table besides its columns, so that little is read.
    pub fn quickened(&self, table: Table, place: &Place, mut mapping: Mapping) -> Mapping {
        let columns = &self.columns[place];
        let local = self.local(place);
        for expression in mapping.attributes.iter().chain(&mapping.resource) {
            let name = expression.trim_matches('`');
            let piece = columns.get(name).and_then(|c| Piece::of(&c.of));
            mapping.pieces.entry(expression.clone()).or_insert(piece.unwrap_or_default());
        }
        let record = sextant_model::schema::record_attributes(table);
        let named = |list: &Vec<String>, name: &str| if list.is_empty() { vec![name.to_owned()] } else { list.clone() };
        let maps = [
            (record, named(&mapping.attributes, record)),
            ("ResourceAttributes", named(&mapping.resource, "ResourceAttributes")),
        ];
        for (map, pieces) in &maps {
            let texts: Vec<&String> =
                pieces.iter().filter(|p| mapping.pieces.get(*p).is_none_or(|of| *of == Piece::Text)).collect();
            let [of] = texts.as_slice() else { continue };
            for (name, column) in columns {
                let held =
                    matches!(column.kind.as_str(), "MATERIALIZED" | "DEFAULT").then(|| key_of(&column.expression, of));
                if let Some(key) = held.flatten() {
                    mapping.promoted.entry(format!("{map}.{key}")).or_insert_with(|| named_column(name));
                }
                let is_items = column.of == "Array(String)" && column.expression.contains(&format!("CAST({of}, "));
                let at = (local.0.clone(), local.1.clone(), plain(&column.expression));
                if is_items && (self.texts.contains(&at) || self.texts.contains(&(at.0, at.1, name.clone()))) {
                    mapping.items.entry((*map).to_owned()).or_insert_with(|| named_column(name));
                }
            }
        }
        if mapping.buckets.is_empty() && table.signal() != Signal::Metrics {
            mapping.buckets = self.buckets(&local, columns, &mapping);
        }
        self.with_helpers(place, &local, &mut mapping);
        mapping
    }

    /// Parts of the sorting key that are made of the time.
    fn buckets(&self, local: &Place, columns: &Columns, mapping: &Mapping) -> Vec<Bucket> {
        let time = mapping.columns.get("Timestamp").map_or("Timestamp", String::as_str);
        let of = columns.get(time.trim_matches('`')).map_or("", |c| c.of.as_str());
        // With a time zone of its own a day begins elsewhere.
        if !of.starts_with("DateTime") || of.contains('\'') {
            return Vec::new();
        }
        let mut buckets = Vec::new();
        for part in split(&self.facts(local).sorting_key) {
            let of_column = columns.get(&part).filter(|c| c.of == "DateTime" || c.of == "Date");
            let expression = of_column.map_or(part.as_str(), |c| c.expression.as_str());
            let rounds = ["toStartOf", "toDateTime(", "toDate(", "toUnixTimestamp("];
            let inside = expression.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
            if part != time && inside == Some(time) && rounds.iter().any(|r| expression.starts_with(r)) {
                let of = expression.replacen(&format!("({time})"), "({})", 1);
                let column = if of_column.is_some() { named_column(&part) } else { part };
                buckets.push(Bucket { column, of });
            }
        }
        buckets
    }

    /// Tables beside this one: when traces were, which resources there are. What is not there is not asked.
    fn with_helpers(&self, place: &Place, local: &Place, mapping: &mut Mapping) {
        let is_there = |database: &str, table: &str, columns: &[&str]| {
            let database = if database.is_empty() { &place.0 } else { database };
            let there = self.columns.get(&(database.to_owned(), table.to_owned()));
            there.is_some_and(|there| columns.iter().all(|c| there.contains_key(*c)))
        };
        let without_prefix = |table: &str| table.trim_start_matches("distributed_").to_owned();
        if let Some(mut times) = mapping.times.take() {
            for table in [times.table.clone(), without_prefix(&times.table)] {
                if is_there(&times.database, &table, &[&times.id, &times.start, &times.end]) {
                    times.table = table;
                    mapping.times = Some(times);
                    break;
                }
            }
        } else {
            let names = [format!("{}_trace_id_ts", place.1), format!("{}_trace_id_ts", local.1)];
            let found = names.into_iter().find(|name| is_there("", name, &["TraceId", "Start", "End"]));
            let of = |table| Times {
                table,
                id: "TraceId".into(),
                start: "Start".into(),
                end: "End".into(),
                ..Times::default()
            };
            mapping.times = found.map(of);
        }
        if let Some(mut resources) = mapping.resources.take() {
            for table in [resources.table.clone(), without_prefix(&resources.table)] {
                if is_there(&resources.database, &table, &[&resources.labels, &resources.own]) {
                    resources.table = table;
                    mapping.resources = Some(resources);
                    break;
                }
            }
        }
    }

    pub fn found(&self, table: Table, place: &Place, mapping: Mapping) -> Found {
        let facts = self.facts(place);
        let columns = &self.columns[place];
        let is_there = |c: &&str| if mapping.is_mapped() { mapping.has(c) } else { has(columns, c) };
        let lacks = Tables::columns(table.signal()).filter(|c| is_of(table, c) && !is_there(c)).map(str::to_owned);
        let sorting_key = match facts.sorting_key.as_str() {
            "" => self.facts(&self.local(place)).sorting_key,
            key => key.to_owned(),
        };
        let local = self.local(place);
        let n_rows = self.facts(&local).rows.filter(|n| *n > 0);
        let widths = self.columns.get(&local).into_iter().flatten();
        let widths = widths
            .filter(|(_, c)| c.bytes > 0)
            .filter_map(|(name, c)| Some((name.clone(), c.bytes as f64 / n_rows? as f64)));
        Found {
            widths: widths.collect(),
            local: local.clone(),
            database: place.0.clone(),
            name: place.1.clone(),
            lacks: lacks.collect(),
            ttl: ttl(&self.facts(&self.local(place)).engine_full),
            engine: facts.engine,
            rows: facts.rows,
            bytes: facts.bytes,
            sorting_key,
            columns: columns.iter().map(|(name, c)| (name.clone(), c.of.clone())).collect(),
            mapping,
        }
    }
}

/// How long rows are kept, out of how a table was made: `14 d`.
fn ttl(made: &str) -> Option<String> {
    let (_, rest) = made.split_once(" TTL ")?;
    let (_, interval) = rest.split_once("toInterval")?;
    let (unit, rest) = interval.split_once('(')?;
    let n = rest.split_once(')')?.0;
    Some(match unit {
        "Day" => format!("{n} d"),
        "Hour" => format!("{n} h"),
        other => format!("{n} {}", other.to_lowercase()),
    })
}

/// A column as it is written in a statement.
fn named_column(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_plain { name.to_owned() } else { format!("`{}`", name.replace('\\', "\\\\").replace('`', "``")) }
}

/// The key that an expression reads of a map, if it does nothing else.
fn key_of(expression: &str, map: &str) -> Option<String> {
    let inside = expression.strip_prefix(map)?.strip_prefix("['")?.strip_suffix("']")?;
    (!inside.contains(['\'', '\\'])).then(|| inside.to_owned())
}

fn plain(expression: &str) -> String {
    expression.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The parts of a list, where commas within brackets part nothing.
fn split(list: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_i32;
    for c in list.chars() {
        depth += i32::from(c == '(') - i32::from(c == ')');
        if c == ',' && depth == 0 {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts.into_iter().map(|p| p.trim().to_owned()).collect()
}

/// Whether a column belongs to a table: those of metrics differ in their figures.
fn is_of(table: Table, column: &str) -> bool {
    sextant_model::schema::stored(table).field_with_name(column).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_split_at_their_own_commas() {
        assert_eq!(
            split("toStartOfFiveMinutes(Timestamp), f(a, b), c"),
            ["toStartOfFiveMinutes(Timestamp)", "f(a, b)", "c"]
        );
        assert_eq!(key_of("LogAttributes['k8s.pod.name']", "LogAttributes").as_deref(), Some("k8s.pod.name"));
        assert_eq!(key_of("LogAttributes['a'] || 'b']", "LogAttributes"), None);
    }
}
