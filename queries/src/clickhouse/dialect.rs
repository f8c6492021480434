//! ClickHouse's words, over the tables that the OpenTelemetry Collector's exporter makes.

use crate::sql::Dialect;
use arrow::datatypes::DataType;
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
    /// Tables with other names than the exporter gives them.
    pub names: BTreeMap<Table, String>,
    /// Tables that are not there, or may not be read.
    pub missing: BTreeSet<Table>,
    /// Columns that these tables lack, as older versions of the exporter made them.
    pub lacks: BTreeSet<(Signal, String)>,
}

impl Tables {
    /// As the exporter makes them.
    pub const EXPORTER: Self =
        Self { database: None, names: BTreeMap::new(), missing: BTreeSet::new(), lacks: BTreeSet::new() };

    /// What a table is called there.
    pub fn name_of(&self, table: Table) -> String {
        match (self.names.get(&table), table) {
            (Some(name), _) => name.clone(),
            (None, Table::ExpHistogram) => "otel_metrics_exponential_histogram".to_owned(),
            (None, other) => format!("otel_{}", other.name()),
        }
    }

    /// Whether a table can't be asked.
    pub fn is_missing(&self, table: Table) -> bool {
        self.missing.contains(&table)
    }

    /// The columns that the exporter makes, without the lists within them.
    pub fn columns(signal: Signal) -> impl Iterator<Item = &'static str> {
        columns(signal).iter().copied().filter(|c| !c.contains('.'))
    }

    /// Of a list of columns, those that are there.
    pub(super) fn present(&self, signal: Signal, all: &str) -> String {
        let head = |column: &str| column.split('.').next().unwrap_or(column).to_owned();
        let is_there = |column: &&str| !self.lacks.contains(&(signal, head(column)));
        all.split(", ").filter(is_there).collect::<Vec<_>>().join(", ")
    }
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
        let name = self.name_of(table);
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let name = if is_plain { name } else { self.name(&name) };
        match &self.database {
            Some(database) => format!("{}.{name}", self.name(database)),
            None => name,
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
        let (map, key) = (schema::record_attributes(signal.tables()[0]), quote(key));
        format!(
            "if(mapContains({map}, {key}), {map}[{key}], \
             if(mapContains(ResourceAttributes, {key}), ResourceAttributes[{key}], NULL))"
        )
    }

    fn entry(&self, map: &str, key: &str) -> String {
        let key = quote(key);
        format!("if(mapContains({map}, {key}), {map}[{key}], NULL)")
    }

    fn items(&self, column: &str, list: &str) -> String {
        format!("arrayStringConcat(arrayMap(x -> toString(x), {column}.{list}), '\\n')")
    }

    fn is_filled(&self, column: &str, of: &DataType) -> String {
        match of {
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
        format!("lowerUTF8({text})")
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
