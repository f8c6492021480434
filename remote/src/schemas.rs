//! Whose tables these are: schemas that are known, and what the names of columns suggest of those that are not.

use serde::Deserialize;
use sextant_model::{Signal, Table};
use sextant_queries::clickhouse::{Mapping, Tables, Unit};
use std::collections::BTreeMap;

/// The columns of a table, with their types and what they are computed of.
pub(crate) type Columns = BTreeMap<String, Column>;

/// One column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its type.
    pub of: String,
    /// `MATERIALIZED`, `DEFAULT`, `ALIAS`.
    pub kind: String,
    /// What it is computed of.
    pub expression: String,
    /// So many bytes, before they are made smaller.
    pub bytes: u64,
}

/// A schema that is not the exporter's.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Schema {
    pub name: String,
    pub table: Vec<SchemaTable>,
}

/// How one of its tables is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemaTable {
    pub signal: SignalName,
    pub database: String,
    pub names: Vec<String>,
    pub mapping: Mapping,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SignalName {
    Traces,
    Logs,
}

impl SchemaTable {
    pub const fn table(&self) -> Table {
        match self.signal {
            SignalName::Traces => Table::Traces,
            SignalName::Logs => Table::Logs,
        }
    }
}

/// What ships with the program.
pub(crate) fn known() -> Vec<Schema> {
    let texts = [include_str!("schemas/signoz.toml")];
    texts.iter().filter_map(|text| toml::from_str(text).ok()).collect()
}

/// The name of the collector's own schema.
pub(crate) const EXPORTER: &str = "OpenTelemetry";
/// What is called by a mapping that someone wrote.
pub(crate) const CUSTOM: &str = "custom";

/// Without these a table can't be the exporter's.
pub(crate) const fn needed(table: Table) -> &'static [&'static str] {
    match table {
        Table::Traces => &["Timestamp", "TraceId", "SpanId", "SpanName"],
        Table::Logs => &["Timestamp", "Body"],
        _ => &["TimeUnix", "MetricName", "Attributes"],
    }
}

/// A column, or the lists within it.
pub(crate) fn has(columns: &Columns, name: &str) -> bool {
    columns.contains_key(name) || columns.keys().any(|c| c.split_once('.').is_some_and(|(head, _)| head == name))
}

/// Texts of the exporter's first versions, as they are today.
fn renamed(column: &str) -> Option<String> {
    let prefix = match column {
        "SpanKind" => "SPAN_KIND_",
        "StatusCode" => "STATUS_CODE_",
        _ => return None,
    };
    let n = prefix.len();
    Some(format!(
        "if(startsWith({column}, '{prefix}'), concat(substring({column}, {}, 1), lower(substring({column}, {}))), \
         toString({column}))",
        n + 1,
        n + 2
    ))
}

/// How a table of the exporter is read: as it is, or through expressions where columns are missing, attributes are JSON, or
/// kinds have their old names.
pub(crate) fn of_exporter(table: Table, columns: &Columns, has_old_names: bool) -> Mapping {
    let mut mapping = Mapping { schema: EXPORTER.into(), ..Mapping::default() };
    if table.signal() == Signal::Metrics {
        return mapping;
    }
    let own = if table == Table::Traces { "SpanAttributes" } else { "LogAttributes" };
    let is_json =
        |name: &str| columns.get(name).is_some_and(|c| c.of.starts_with("JSON") || c.of.starts_with("Object"));
    let core: &[&str] = match table {
        Table::Traces => &["ParentSpanId", "SpanKind", "ServiceName", "Duration", "StatusCode"],
        _ => &["TraceId", "SpanId", "SeverityText", "SeverityNumber", "ServiceName"],
    };
    let maps = [own, "ResourceAttributes"];
    let is_whole = core.iter().chain(&maps).all(|c| columns.contains_key(*c));
    if is_whole && !maps.iter().any(|m| is_json(m)) && !has_old_names {
        return mapping;
    }
    if columns.contains_key(own) {
        mapping.attributes.push(own.to_owned());
    }
    if columns.contains_key("ResourceAttributes") {
        mapping.resource.push("ResourceAttributes".to_owned());
    }
    let known: Vec<&str> = Tables::columns(table.signal()).filter(|c| !maps.contains(c)).collect();
    for column in columns.keys() {
        let head = column.split('.').next().unwrap_or(column);
        if !known.contains(&head) {
            continue;
        }
        let quoted = if head == column.as_str() { column.clone() } else { format!("`{column}`") };
        let expression = match renamed(column).filter(|_| has_old_names) {
            Some(expression) => expression,
            None if is_json(column) => format!("toJSONString({column})"),
            None => quoted,
        };
        mapping.columns.insert(column.clone(), expression);
    }
    mapping
}

/// What columns of this meaning are mostly called, in small letters and without what parts words.
fn names(column: &str) -> &'static [&'static str] {
    match column {
        "Timestamp" => &[
            "timestamp",
            "time",
            "ts",
            "eventtime",
            "starttime",
            "createdat",
            "datetime",
            "@timestamp",
            "logtime",
            "timeunixnano",
            "starttimeunixnano",
            "date",
        ],
        "TraceId" => &["traceid", "trace"],
        "SpanId" => &["spanid", "span"],
        "ParentSpanId" => &["parentspanid", "parentid", "parent"],
        "SpanName" => &["spanname", "name", "operationname", "operation"],
        "SpanKind" => &["spankind", "kind", "kindstring"],
        "ServiceName" => &["servicename", "service", "app", "application", "component", "program", "host", "hostname"],
        "Duration" => {
            &["duration", "durationnano", "durationns", "durationms", "durationus", "elapsed", "elapsedms", "took"]
        }
        "StatusCode" => &["statuscode", "status", "statuscodestring"],
        "StatusMessage" => &["statusmessage", "errormessage"],
        "Body" => &["body", "message", "msg", "log", "line", "text", "event"],
        "SeverityText" => &["severitytext", "severity", "level", "loglevel", "lvl"],
        "SeverityNumber" => &["severitynumber", "levelnumber"],
        "Attributes" => &[
            "attributes",
            "logattributes",
            "spanattributes",
            "attrs",
            "labels",
            "tags",
            "fields",
            "properties",
            "context",
            "metadata",
        ],
        "ResourceAttributes" => &["resourceattributes", "resource", "resources", "resourcesstring"],
        _ => &[],
    }
}

/// What a table's columns are taken for by their names: to be looked at and changed.
pub(crate) fn suggested(table: Table, columns: &Columns) -> Mapping {
    let plain = |name: &str| name.chars().filter(|c| *c != '_' && *c != '-').collect::<String>().to_lowercase();
    let find =
        |meaning: &str| names(meaning).iter().find_map(|wanted| columns.keys().find(|c| plain(c) == *wanted).cloned());
    // A time by its type, or a number that is called like one.
    let time = || {
        let of = |wanted: &str| columns.iter().find(|(_, c)| c.of.starts_with(wanted)).map(|(name, _)| name.clone());
        let is_number = |c: &Column| c.of.contains("Int") || c.of.starts_with("Float");
        let parts = ["time", "_ts", "_ms", "_us", "_ns", "_at"];
        let named =
            columns.iter().find(|(name, c)| is_number(c) && parts.iter().any(|p| name.to_lowercase().contains(p)));
        of("DateTime64").or_else(|| of("DateTime")).or_else(|| named.map(|(name, _)| name.clone()))
    };
    let written = |name: String| {
        let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if is_plain { name } else { format!("`{}`", name.replace('`', "``")) }
    };
    let mut mapping = Mapping { schema: CUSTOM.into(), ..Mapping::default() };
    let wanted: &[&str] = match table {
        Table::Traces => &[
            "Timestamp",
            "TraceId",
            "SpanId",
            "ParentSpanId",
            "SpanName",
            "SpanKind",
            "ServiceName",
            "Duration",
            "StatusCode",
            "StatusMessage",
        ],
        _ => &["Timestamp", "TraceId", "SpanId", "ServiceName", "Body", "SeverityText", "SeverityNumber"],
    };
    for meaning in wanted {
        let found = find(meaning).or_else(|| if *meaning == "Timestamp" { time() } else { None });
        if let Some(name) = found {
            let of = columns.get(&name).map_or("", |c| c.of.as_str());
            if *meaning == "Duration" {
                mapping.duration_unit = unit_of(&plain(&name));
            }
            let is_text = of.contains("String");
            let expression = match *meaning {
                "Timestamp" | "Duration" => written(name),
                "SeverityNumber" => format!("toUInt8({})", written(name)),
                _ if is_text => written(name),
                _ => format!("toString({})", written(name)),
            };
            mapping.columns.insert((*meaning).to_owned(), expression);
        }
    }
    if let Some(severity) =
        mapping.columns.get("SeverityText").filter(|_| !mapping.columns.contains_key("SeverityNumber"))
    {
        let number = format!(
            "toUInt8(multiIf(startsWith(upper({severity}), 'FATAL') OR startsWith(upper({severity}), 'CRIT'), 21, \
             startsWith(upper({severity}), 'ERR'), 17, startsWith(upper({severity}), 'WARN'), 13, \
             startsWith(upper({severity}), 'INFO'), 9, startsWith(upper({severity}), 'DEBUG'), 5, \
             startsWith(upper({severity}), 'TRACE'), 1, 0))"
        );
        mapping.columns.insert("SeverityNumber".to_owned(), number);
    }
    mapping.attributes.extend(find("Attributes").map(written));
    mapping.resource.extend(find("ResourceAttributes").map(written));
    mapping
}

fn unit_of(name: &str) -> Option<Unit> {
    let ends = |parts: &[&str]| parts.iter().any(|p| name.ends_with(p));
    if ends(&["ms", "millis"]) {
        Some(Unit::Millis)
    } else if ends(&["us", "micros"]) {
        Some(Unit::Micros)
    } else if ends(&["sec", "seconds"]) {
        Some(Unit::Seconds)
    } else {
        None
    }
}

/// What a number that is a time counts, by how large it is.
pub(crate) fn unit_of_time(number: f64) -> Unit {
    match number {
        n if n >= 1e17 => Unit::Nanos,
        n if n >= 1e14 => Unit::Micros,
        n if n >= 1e11 => Unit::Millis,
        _ => Unit::Seconds,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ships_makes_sense() {
        let all = known();
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].table.len(), 2);
    }

    #[test]
    fn names_suggest_meanings() {
        let column = |of: &str| Column { of: of.into(), ..Column::default() };
        let columns = Columns::from([
            ("event_time".to_owned(), column("UInt64")),
            ("msg".to_owned(), column("String")),
            ("lvl".to_owned(), column("LowCardinality(String)")),
            ("app".to_owned(), column("Enum8('a' = 1)")),
            ("labels".to_owned(), column("Map(String, String)")),
            ("shard id".to_owned(), column("UInt8")),
        ]);
        let mapping = suggested(Table::Logs, &columns);
        assert_eq!(mapping.columns["Timestamp"], "event_time");
        assert_eq!(mapping.columns["Body"], "msg");
        assert_eq!(mapping.columns["ServiceName"], "toString(app)");
        assert!(mapping.columns["SeverityNumber"].contains("lvl"));
        assert_eq!(mapping.attributes, ["labels"]);
        assert_eq!(unit_of_time(1.7e9), Unit::Seconds);
        assert_eq!(unit_of_time(1.7e18), Unit::Nanos);
    }
}
