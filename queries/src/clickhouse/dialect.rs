//! ClickHouse's words, over the tables that the OpenTelemetry Collector's exporter makes.

use super::mapping::{Mapping, Piece, place};
use crate::sql::Dialect;
use arrow::datatypes::DataType;
use sextant_model::query::Field;
use sextant_model::{Param, Signal, Table, schema};
use std::collections::{BTreeMap, BTreeSet};

/// Text as a string literal: a backslash escapes there.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// How deep `>>` looks: recursion there keeps rows that it has seen, so that two spans of one id could make it go on.
const MAX_DEPTH: usize = 500;

/// The columns that the exporter makes, and the lists within them.
fn columns(signal: Signal) -> &'static [&'static str] {
    match signal {
        Signal::Traces => &[
            "Timestamp",
            "TraceId",
            "SpanId",
            "ParentSpanId",
            "TraceState",
            "SpanName",
            "SpanKind",
            "ServiceName",
            "ResourceAttributes",
            "ScopeName",
            "ScopeVersion",
            "SpanAttributes",
            "Duration",
            "StatusCode",
            "StatusMessage",
            "Events",
            "Events.Timestamp",
            "Events.Name",
            "Events.Attributes",
            "Links",
            "Links.TraceId",
            "Links.SpanId",
            "Links.TraceState",
            "Links.Attributes",
        ],
        Signal::Logs => &[
            "Timestamp",
            "TraceId",
            "SpanId",
            "TraceFlags",
            "SeverityText",
            "SeverityNumber",
            "ServiceName",
            "Body",
            "ResourceSchemaUrl",
            "ResourceAttributes",
            "ScopeSchemaUrl",
            "ScopeName",
            "ScopeVersion",
            "ScopeAttributes",
            "LogAttributes",
            "EventName",
        ],
        Signal::Metrics => &[
            "TimeUnix",
            "StartTimeUnix",
            "ServiceName",
            "MetricName",
            "MetricDescription",
            "MetricUnit",
            "Attributes",
            "ResourceAttributes",
            "ResourceSchemaUrl",
            "ScopeName",
            "ScopeVersion",
            "ScopeAttributes",
            "ScopeSchemaUrl",
            "Flags",
            "Value",
            "Count",
            "Sum",
            "Min",
            "Max",
            "Scale",
            "ZeroCount",
            "PositiveOffset",
            "NegativeOffset",
            "AggregationTemporality",
        ],
    }
}

/// The tables of a database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// The database; the connection's own where it is not said.
    pub database: Option<String>,
    /// How those are read that are not just as the exporter makes them.
    pub mappings: BTreeMap<Table, Mapping>,
    /// Tables that are not there, or may not be read.
    pub missing: BTreeSet<Table>,
    /// Columns that these tables lack, as older versions of the exporter made them.
    pub lacks: BTreeSet<(Signal, String)>,
}

impl Tables {
    /// As the exporter makes them.
    pub const EXPORTER: Self =
        Self { database: None, mappings: BTreeMap::new(), missing: BTreeSet::new(), lacks: BTreeSet::new() };

    /// What the exporter calls a table.
    pub fn name_of(table: Table) -> String {
        match table {
            Table::ExpHistogram => "otel_metrics_exponential_histogram".to_owned(),
            other => format!("otel_{}", other.name()),
        }
    }

    /// Whether a table can't be asked.
    pub fn is_missing(&self, table: Table) -> bool {
        self.missing.contains(&table)
    }

    pub(super) fn mapping(&self, table: Table) -> Option<&Mapping> {
        self.mappings.get(&table)
    }

    /// Where the rows of a table are, as it stands behind FROM.
    pub fn from(&self, table: Table) -> String {
        self.table(table)
    }

    pub(super) fn database(&self) -> &str {
        self.database.as_deref().unwrap_or_default()
    }

    /// The maps that make up one of ours, before each the name of what they are read of.
    fn pieces(&self, signal: Signal, of: &str, map: &str) -> Vec<(String, Piece)> {
        let mapping = self.mapping(signal.tables()[0]);
        let there = mapping.map(|m| m.referred(map)).filter(|all| !all.is_empty());
        let is_mapped = mapping.is_some_and(Mapping::is_mapped);
        let own = || if is_mapped { Vec::new() } else { vec![(map.to_owned(), Piece::Text)] };
        there.unwrap_or_else(own).into_iter().map(|(name, piece)| (format!("{of}{name}"), piece)).collect()
    }

    /// The entry of a key in a map, of the rows that are called `of` (`s.`).
    pub(super) fn entry_of(&self, signal: Signal, of: &str, map: &str, key: &str) -> String {
        first_of(self.pieces(signal, of, map), key)
    }

    fn entries(&self, signal: Signal, maps: &[&str], key: &str) -> String {
        first_of(maps.iter().flat_map(|map| self.pieces(signal, "", map)).collect(), key)
    }

    /// All keys of a map, as an array of text.
    pub(super) fn keys_of(&self, signal: Signal, map: &str) -> String {
        let all: Vec<String> = self.pieces(signal, "", map).into_iter().map(|(of, piece)| piece.keys(&of)).collect();
        match all.as_slice() {
            [] => "CAST([], 'Array(String)')".to_owned(),
            several => format!("arrayConcat({})", several.join(", ")),
        }
    }

    /// Whether a key is in a map.
    fn contains_key(&self, signal: Signal, map: &str, key: &str) -> String {
        let all: Vec<String> =
            self.pieces(signal, "", map).into_iter().map(|(of, piece)| piece.entry(&of, key).0).collect();
        if all.is_empty() { "false".to_owned() } else { all.join(" OR ") }
    }

    /// What is true wherever a map has this entry, and quick to find: `is` tests a value.
    fn quick(
        &self,
        signal: Signal,
        map: &str,
        key: &str,
        equals: Option<&str>,
        is: &mut dyn FnMut(&str) -> String,
    ) -> Option<String> {
        let mapping = self.mapping(signal.tables()[0])?;
        if let Some(column) = mapping.promoted(map, key) {
            return Some(is(&column));
        }
        let value = equals?;
        if let Some(items) = mapping.items(map) {
            return Some(format!("has({items}, {})", quote(&format!("{key}={value}"))));
        }
        if map == "ResourceAttributes" { mapping.of_resource(self.database(), key, value) } else { None }
    }

    /// The columns that the exporter makes, without the lists within them.
    pub fn columns(signal: Signal) -> impl Iterator<Item = &'static str> {
        columns(signal).iter().copied().filter(|c| !c.contains('.'))
    }

    /// Of a list of columns, those that are there.
    pub(super) fn present(&self, signal: Signal, all: &str) -> String {
        let head = |column: &str| column.split('.').next().unwrap_or(column).to_owned();
        // Of lists within a column, a mapping may know some.
        let mapping = self.mapping(signal.tables()[0]).filter(|m| m.is_mapped());
        let is_known = |column: &str| mapping.is_none_or(|m| !column.contains('.') || m.columns.contains_key(column));
        let is_there = |column: &&str| !self.lacks.contains(&(signal, head(column))) && is_known(column);
        all.split(", ").filter(is_there).collect::<Vec<_>>().join(", ")
    }
}

/// The value of the first that has such a key, NULL where none has.
fn first_of(pieces: Vec<(String, Piece)>, key: &str) -> String {
    pieces.into_iter().rev().fold("NULL".to_owned(), |rest, (of, piece)| {
        let (is_there, value) = piece.entry(&of, key);
        format!("if({is_there}, {value}, {rest})")
    })
}

impl Dialect for Tables {
    fn placeholder(&self, n: usize, param: &Param) -> String {
        let t = match param {
            Param::Text(_) => "String",
            Param::Int(_) => "Int64",
            Param::Float(_) => "Float64",
        };
        format!("{{p{n}:{t}}}")
    }

    fn name(&self, text: &str) -> String {
        format!("`{}`", text.replace('\\', "\\\\").replace('`', "\\`"))
    }

    fn table(&self, table: Table) -> String {
        match self.mapping(table) {
            Some(mapping) => mapping.source(table, self.database()),
            None => place(self.database(), &Self::name_of(table)),
        }
    }

    fn time(&self, nanos: &str) -> String {
        format!("fromUnixTimestamp64Nano({nanos})")
    }

    fn nanos(&self, time: &str) -> String {
        // Points in time of metrics are whole seconds in the newer tables.
        if time == "Timestamp" {
            format!("toUnixTimestamp64Nano({time})")
        } else {
            format!("toUnixTimestamp64Nano(toDateTime64({time}, 9))")
        }
    }

    fn parts(&self, nanos: &str, length: i64) -> String {
        format!("intDiv({nanos}, {length})")
    }

    fn attribute(&self, signal: Signal, key: &str) -> String {
        let own = schema::record_attributes(signal.tables()[0]);
        self.entries(signal, &[own, "ResourceAttributes"], key)
    }

    fn entry(&self, signal: Signal, map: &str, key: &str) -> String {
        self.entries(signal, &[map], key)
    }

    fn bound(&self, table: Table, symbol: &str, nanos: i64) -> Option<String> {
        Some(self.mapping(table)?.bound(table.time_column(), symbol, nanos))
    }

    fn hint(
        &self,
        signal: Signal,
        field: &Field,
        equals: Option<&str>,
        is: &mut dyn FnMut(&str) -> String,
    ) -> Option<String> {
        let own = schema::record_attributes(signal.tables()[0]);
        match field {
            Field::Service => {
                let mapping = self.mapping(signal.tables()[0])?;
                mapping.of_resource(self.database(), "service.name", equals?)
            }
            Field::Column(name) => {
                let (map, key) = name.split_once('.')?;
                self.quick(signal, map, key, equals, is)
            }
            // The record's own or else its resource's: where only one of them is quick, the other must not have the key.
            Field::Attribute(key) => {
                let of_record = self.quick(signal, own, key, equals, is);
                let of_resource = self.quick(signal, "ResourceAttributes", key, equals, is);
                let either = |a: String, b: String| Some(format!("({a} OR {b})"));
                match (of_record, of_resource) {
                    (None, None) => None,
                    (Some(a), Some(b)) => either(a, b),
                    (Some(a), None) => either(a, self.contains_key(signal, "ResourceAttributes", key)),
                    (None, Some(b)) => either(self.contains_key(signal, own, key), b),
                }
            }
            _ => None,
        }
    }

    fn items(&self, column: &str, list: &str) -> String {
        format!("arrayStringConcat(arrayMap(x -> toString(x), {column}.{list}), '\\n')")
    }

    fn is_filled(&self, signal: Signal, column: &str, of: &DataType) -> String {
        match of {
            DataType::Map(..) => {
                let filled = |(of, piece): (String, Piece)| piece.is_filled(&of);
                let all: Vec<String> = self.pieces(signal, "", column).into_iter().map(filled).collect();
                if all.is_empty() { "false".to_owned() } else { format!("({})", all.join(" OR ")) }
            }
            DataType::Struct(fields) if !fields.is_empty() => format!("notEmpty({column}.{})", fields[0].name()),
            _ => format!("notEmpty({column})"),
        }
    }

    fn has(&self, signal: Signal, column: &str) -> bool {
        let head = column.split('.').next().unwrap_or(column);
        if self.lacks.contains(&(signal, head.to_owned())) {
            return false;
        }
        let all = columns(signal);
        // The keys of a map are no columns.
        let is_list = |head: &str| all.iter().any(|c| c.strip_prefix(head).is_some_and(|rest| rest.starts_with('.')));
        match column.split_once('.') {
            Some((head, _)) if !is_list(head) => all.contains(&head),
            _ => all.contains(&column),
        }
    }

    fn text(&self, value: &str) -> String {
        format!("toString({value})")
    }

    fn number(&self, text: &str) -> String {
        format!("toFloat64OrNull({text})")
    }

    fn part(&self, text: &str, pattern: &str) -> String {
        format!("extract({text}, {})", quote(pattern))
    }

    fn lower(&self, text: &str) -> String {
        // Ids are texts of one length in some schemas, which this function does not take.
        let is_id = matches!(text, "TraceId" | "SpanId" | "ParentSpanId") && !self.mappings.is_empty();
        if is_id { format!("lowerUTF8(toString({text}))") } else { format!("lowerUTF8({text})") }
    }

    fn contains(&self, text: &str, part: &str) -> String {
        format!("position({text}, {part}) > 0")
    }

    fn finds(&self, text: &str, pattern: &str) -> String {
        format!("match({text}, {pattern})")
    }

    /// By the token index on small letters that the exporter makes; of words in ASCII, as `lower` knows no other letters.
    fn has_words(&self, column: &str, words: &[&str]) -> Option<String> {
        let of_ascii = words.iter().filter(|word| word.is_ascii());
        let all: Vec<String> =
            of_ascii.map(|word| format!("hasToken(lower({column}), {})", quote(&word.to_ascii_lowercase()))).collect();
        (!all.is_empty()).then(|| all.join(" AND "))
    }

    fn quantile(&self, number: &str, share: f64) -> String {
        format!("quantileExactInclusiveOrNull({share})({number})")
    }

    fn figure(&self, function: &str, number: &str) -> String {
        format!("{function}OrNull({number})")
    }

    /// There is no union by name: columns that a table lacks are said to be NULL.
    fn union(&self, tables: &[Table]) -> String {
        let schemas: Vec<_> = tables.iter().map(|t| schema::stored(*t)).collect();
        let columns = columns(Signal::Metrics);
        let part = |(table, schema): (&Table, &arrow::datatypes::SchemaRef)| {
            let column = |name: &&str| match schema.field_with_name(name) {
                Ok(_) => (*name).to_owned(),
                Err(_) => format!("NULL AS {name}"),
            };
            format!("SELECT {} FROM {}", columns.iter().map(column).collect::<Vec<_>>().join(", "), self.table(*table))
        };
        let there = tables.iter().zip(&schemas).filter(|(table, _)| !self.is_missing(**table));
        there.map(part).collect::<Vec<_>>().join(" UNION ALL ")
    }

    /// Where spans are each other's parents, the way down comes back to where it began and ends there.
    fn below(&self, few: &str, parents: &str) -> String {
        format!(
            "WITH RECURSIVE few AS ({few}), down AS (SELECT p.TraceId AS TraceId, p.SpanId AS SpanId, \
             p.SpanId AS First, 0 AS Depth FROM ({parents}) AS p WHERE p.TraceId IN (SELECT TraceId FROM few) \
             UNION ALL SELECT c.TraceId AS TraceId, c.SpanId AS SpanId, d.First AS First, d.Depth + 1 AS Depth \
             FROM few AS c JOIN down AS d ON c.TraceId = d.TraceId AND c.ParentSpanId = d.SpanId \
             WHERE c.SpanId <> d.First AND d.Depth < {MAX_DEPTH}) SELECT TraceId, SpanId FROM down"
        )
    }
}
