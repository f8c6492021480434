//! How a table of others is read: where it is, and an expression for each column that is known here.

use super::quote;
use serde::{Deserialize, Serialize};
use sextant_model::{Signal, Table, schema};
use std::collections::BTreeMap;

/// How one table is read. Whoever writes one names the table and its columns; what makes it fast is found out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Mapping {
    /// Whose schema it is: `OpenTelemetry`, `SigNoz`, `custom`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schema: String,
    /// The database; the connection's own if empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub database: String,
    /// The table.
    pub table: String,
    /// What a number as time counts; absent for `DateTime` and `DateTime64`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_unit: Option<Unit>,
    /// What durations count; nanoseconds if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_unit: Option<Unit>,
    /// A condition that every row has to meet.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub filter: String,
    /// An expression for each column, by the name that it has here. None at all: the table has these names itself.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, String>,
    /// Maps or JSON with the attributes of records, looked through in this order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<String>,
    /// The same of their resources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resource: Vec<String>,
    /// Columns by which rows are sorted and that follow the time.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buckets: Vec<Bucket>,
    /// Columns that hold one attribute: `ResourceAttributes.k8s.pod.name` and what to read instead.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub promoted: BTreeMap<String, String>,
    /// Columns with an index that hold all attributes of a map as `key=value`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub items: BTreeMap<String, String>,
    /// A table that says when a trace was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// A table of all resources, and the column that refers to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resources: Option<Resources>,
    /// What kind of thing each of `attributes` and `resource` is: looked up, not written.
    #[serde(skip)]
    pub pieces: BTreeMap<String, Piece>,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// Nanoseconds.
    #[serde(rename = "ns")]
    Nanos,
    /// Microseconds.
    #[serde(rename = "us")]
    Micros,
    /// Milliseconds.
    #[serde(rename = "ms")]
    Millis,
    /// Seconds.
    #[serde(rename = "s")]
    Seconds,
}

impl Unit {
    /// How long one is.
    pub const fn nanos(self) -> i64 {
        match self {
            Self::Nanos => 1,
            Self::Micros => 1_000,
            Self::Millis => 1_000_000,
            Self::Seconds => 1_000_000_000,
        }
    }
}

/// A part of a sorting key that grows with time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bucket {
    /// The column.
    pub column: String,
    /// What it is of a time `{}`.
    pub of: String,
}

/// When traces were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    /// The database; that of the spans if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub database: String,
    /// The table.
    pub table: String,
    /// Its column of trace ids.
    pub id: String,
    /// Its column of the first time.
    pub start: String,
    /// Its column of the last time.
    pub end: String,
}

/// All resources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resources {
    /// The database; that of the records if empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub database: String,
    /// The table.
    pub table: String,
    /// Its column with the attributes, JSON as text.
    pub labels: String,
    /// What a resource is called, in the table of records.
    pub fingerprint: String,
    /// The same in its own table.
    pub own: String,
}

/// What attributes are kept in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Piece {
    /// A map to text.
    #[default]
    Text,
    /// A map to numbers or truth values.
    Values,
    /// The type JSON.
    Json,
    /// JSON as text.
    JsonText,
}

impl Piece {
    /// Of a type of ClickHouse.
    pub fn of(type_name: &str) -> Option<Self> {
        let plain = type_name.trim();
        if let Some(inside) = plain.strip_prefix("Map(") {
            let value = inside.trim_end_matches(')').rsplit(", ").next().unwrap_or_default();
            let is_text = value.starts_with("String") || value.starts_with("LowCardinality(String");
            return Some(if is_text { Self::Text } else { Self::Values });
        }
        let head = plain.split('(').next().unwrap_or_default();
        match head {
            "JSON" | "Object" => Some(Self::Json),
            "String" => Some(Self::JsonText),
            _ => None,
        }
    }

    /// Whether there is such a key, and its value as text.
    pub(super) fn entry(self, from: &str, key: &str) -> (String, String) {
        let key = quote(key);
        match self {
            Self::Text => (format!("mapContains({from}, {key})"), format!("{from}[{key}]")),
            Self::Values => (format!("mapContains({from}, {key})"), format!("toString({from}[{key}])")),
            Self::Json => {
                let value = format!("getSubcolumn({from}, {key})");
                (format!("isNotNull({value})"), format!("toString({value})"))
            }
            Self::JsonText => (
                format!("JSONHas({from}, {key})"),
                format!(
                    "if(JSONType({from}, {key}) = 'String', JSONExtractString({from}, {key}), \
                     JSONExtractRaw({from}, {key}))"
                ),
            ),
        }
    }

    /// Whether anything is in it.
    pub(super) fn is_filled(self, from: &str) -> String {
        match self {
            Self::Text | Self::Values => format!("notEmpty({from})"),
            Self::Json => format!("notEmpty(JSONAllPaths({from}))"),
            Self::JsonText => format!("JSONLength({from}) > 0"),
        }
    }

    /// Its keys, as an array of text.
    pub(super) fn keys(self, from: &str) -> String {
        match self {
            Self::Text | Self::Values => format!("CAST(mapKeys({from}), 'Array(String)')"),
            Self::Json => format!("JSONAllPaths({from})"),
            Self::JsonText => format!("JSONExtractKeys({from})"),
        }
    }

    /// All of it: a map to text, or JSON as text.
    fn whole(self, from: &str) -> String {
        match self {
            Self::Text => format!("CAST({from}, 'Map(String, String)')"),
            Self::Values => format!("mapApply((k, v) -> (CAST(k, 'String'), toString(v)), {from})"),
            Self::Json => format!("toJSONString({from})"),
            Self::JsonText => from.to_owned(),
        }
    }
}

/// What views need of a table even where it has no such column.
const fn defaults(signal: Signal) -> &'static [(&'static str, &'static str)] {
    match signal {
        Signal::Traces => &[
            ("TraceId", "''"),
            ("SpanId", "''"),
            ("ParentSpanId", "''"),
            ("SpanName", "''"),
            ("SpanKind", "''"),
            ("ServiceName", "''"),
            ("Duration", "toInt64(0)"),
            ("StatusCode", "'Unset'"),
        ],
        Signal::Logs => &[
            ("TraceId", "''"),
            ("SpanId", "''"),
            ("SeverityText", "''"),
            ("SeverityNumber", "toUInt8(0)"),
            ("ServiceName", "''"),
            ("Body", "''"),
        ],
        Signal::Metrics => &[],
    }
}

/// Names within the sub-select, where no column of the table can be meant by mistake.
const TIME: &str = "_time";

impl Mapping {
    /// Whether rows are read through expressions.
    pub fn is_mapped(&self) -> bool {
        !self.columns.is_empty()
    }

    /// Whether attributes are kept as JSON, whose entries can't be listed there.
    pub fn is_json(&self) -> bool {
        self.attributes.iter().chain(&self.resource).any(|e| matches!(self.piece(e), Piece::Json | Piece::JsonText))
    }

    /// Whether it has a column or, for those that a list within one is, its head.
    pub fn has(&self, column: &str) -> bool {
        let maps = [("ResourceAttributes", &self.resource), ("SpanAttributes", &self.attributes)];
        let is_map = |(name, pieces): &(&str, &Vec<String>)| *name == column && !pieces.is_empty();
        self.columns.keys().any(|c| c == column || c.split('.').next() == Some(column))
            || maps.iter().any(is_map)
            || (matches!(column, "LogAttributes" | "Attributes") && !self.attributes.is_empty())
    }

    /// The maps of a kind of attributes.
    pub(super) fn maps(&self, map: &str) -> Option<&[String]> {
        match map {
            "ResourceAttributes" => Some(&self.resource),
            "SpanAttributes" | "LogAttributes" | "Attributes" => Some(&self.attributes),
            _ => None,
        }
    }

    fn piece(&self, expression: &str) -> Piece {
        self.pieces.get(expression).copied().unwrap_or_default()
    }

    /// What to write for something of the table: within the sub-select it has a name of its own.
    fn refer(&self, name: String, expression: &str) -> String {
        if self.is_mapped() { name } else { expression.to_owned() }
    }

    /// The maps of a kind, as they are referred to.
    pub(super) fn referred(&self, map: &str) -> Vec<(String, Piece)> {
        let of = |(i, e): (usize, &String)| (self.refer(format!("`{map}_{i}`"), e), self.piece(e));
        self.maps(map).unwrap_or_default().iter().enumerate().map(of).collect()
    }

    /// What holds one attribute.
    pub(super) fn promoted(&self, map: &str, key: &str) -> Option<String> {
        let name = format!("{map}.{key}");
        let i = self.promoted.keys().position(|k| *k == name)?;
        Some(self.refer(format!("_promoted_{i}"), &self.promoted[&name]))
    }

    /// What holds all attributes of a map.
    pub(super) fn items(&self, map: &str) -> Option<String> {
        self.items.get(map).map(|e| self.refer(format!("_items_{map}"), e))
    }

    /// What refers to a resource.
    pub(super) fn fingerprint(&self) -> Option<String> {
        let of = self.resources.as_ref()?;
        Some(self.refer("_resource".into(), &of.fingerprint))
    }

    /// The table itself, as it stands behind FROM.
    pub fn from(&self) -> String {
        place(&self.database, &self.table)
    }

    /// The same in a database, where it names none.
    pub(super) fn place(&self, database: &str) -> String {
        place(if self.database.is_empty() { database } else { &self.database }, &self.table)
    }

    /// Where rows are read: the table, or a selection of it with the columns that are known here.
    pub(super) fn source(&self, table: Table, database: &str) -> String {
        let from = self.place(database);
        let filter = if self.filter.is_empty() { String::new() } else { format!(" WHERE ({})", self.filter) };
        if !self.is_mapped() {
            return if filter.is_empty() { from } else { format!("(SELECT * FROM {from}{filter})") };
        }
        let mut parts: Vec<(String, String)> = Vec::new();
        let time = table.time_column();
        for (name, expression) in &self.columns {
            let value = match name.as_str() {
                name if name == time => {
                    parts.push((expression.clone(), TIME.to_owned()));
                    self.time(expression)
                }
                "Duration" => match self.duration_unit {
                    None | Some(Unit::Nanos) => format!("toInt64({expression})"),
                    Some(unit) => format!("toInt64(round(({expression}) * {}))", unit.nanos()),
                },
                _ => expression.clone(),
            };
            parts.push((value, format!("`{name}`")));
        }
        for (name, value) in defaults(table.signal()) {
            if !self.columns.contains_key(*name) {
                parts.push(((*value).to_owned(), (*name).to_owned()));
            }
        }
        for map in [schema::record_attributes(table), "ResourceAttributes"] {
            let pieces = self.maps(map).unwrap_or_default();
            parts.extend(pieces.iter().enumerate().map(|(i, e)| (e.clone(), format!("`{map}_{i}`"))));
            if !self.columns.contains_key(map) {
                parts.push((self.whole(pieces), map.to_owned()));
            }
        }
        let promoted = self.promoted.values().enumerate().map(|(i, e)| (e.clone(), format!("_promoted_{i}")));
        let items = self.items.iter().map(|(map, e)| (e.clone(), format!("_items_{map}")));
        let buckets = self.buckets.iter().enumerate().map(|(i, b)| (b.column.clone(), format!("_bucket_{i}")));
        let resource = self.resources.iter().map(|r| (r.fingerprint.clone(), "_resource".to_owned()));
        parts.extend(promoted.chain(items).chain(buckets).chain(resource));
        // Numbers first, names then: a name would hide the table's own column of that name from the other expressions.
        let inner: Vec<String> = parts.iter().enumerate().map(|(i, (e, _))| format!("{e} AS _{i}")).collect();
        let outer: Vec<String> = parts.iter().enumerate().map(|(i, (_, name))| format!("_{i} AS {name}")).collect();
        format!("(SELECT {} FROM (SELECT {} FROM {from}{filter}))", outer.join(", "), inner.join(", "))
    }

    /// All maps of a kind as one.
    fn whole(&self, pieces: &[String]) -> String {
        let whole = |e: &String| self.piece(e).whole(e);
        match pieces {
            [] => "CAST(map(), 'Map(String, String)')".to_owned(),
            [one] => whole(one),
            // What is looked through first comes last, as later entries of a map take the place of earlier ones.
            several => {
                let is_map = |e: &&String| matches!(self.piece(e), Piece::Text | Piece::Values);
                let maps: Vec<String> = several.iter().rev().filter(is_map).map(whole).collect();
                match maps.as_slice() {
                    [] => whole(&several[0]),
                    [one] => one.clone(),
                    _ => maps.iter().skip(1).fold(maps[0].clone(), |a, b| format!("mapUpdate({a}, {b})")),
                }
            }
        }
    }

    fn time(&self, expression: &str) -> String {
        match self.time_unit {
            None | Some(Unit::Seconds) => format!("toDateTime64({expression}, 9)"),
            Some(Unit::Nanos) => format!("fromUnixTimestamp64Nano(toInt64({expression}))"),
            Some(Unit::Micros) => format!("toDateTime64(fromUnixTimestamp64Micro(toInt64({expression})), 9)"),
            Some(Unit::Millis) => format!("toDateTime64(fromUnixTimestamp64Milli(toInt64({expression})), 9)"),
        }
    }

    /// The condition for a bound of the period, `>=` or `<`, on the time as it is kept and on what the rows are sorted by.
    pub(super) fn bound(&self, time: &str, symbol: &str, nanos: i64) -> String {
        let point = format!("fromUnixTimestamp64Nano({nanos})");
        let column = self.refer(TIME.into(), time);
        let bound = match self.time_unit {
            None => point.clone(),
            Some(unit) => {
                nanos.div_euclid(unit.nanos()).saturating_add(i64::from(nanos % unit.nanos() != 0)).to_string()
            }
        };
        let mut all = vec![format!("{column} {symbol} {bound}")];
        // Buckets are as coarse as they are: both ends belong to them.
        let inclusive = if symbol == "<" { "<=" } else { symbol };
        for (i, bucket) in self.buckets.iter().enumerate() {
            let column = self.refer(format!("_bucket_{i}"), &bucket.column);
            all.push(format!("{column} {inclusive} {}", bucket.of.replace("{}", &point)));
        }
        all.join(" AND ")
    }

    /// Conditions that are true for all rows of some traces, out of the table that says when those were.
    pub(super) fn when(&self, database: &str, rows: &str, ids: &str) -> Option<String> {
        let times = self.times.as_ref().filter(|_| self.time_unit.is_none())?;
        let own = if self.database.is_empty() { database } else { &self.database };
        let from = place(if times.database.is_empty() { own } else { &times.database }, &times.table);
        let column = format!("{rows}{}", self.refer(TIME.into(), "Timestamp"));
        // Where that table knows nothing of them, nothing is left out.
        let edge = |figure: &str, nothing: &str| {
            format!(
                "(SELECT if(count() = 0, toDateTime64('{nothing}', 9, 'UTC'), toDateTime64({figure}, 9)) \
                 FROM {from} WHERE {} IN ({ids}))",
                times.id
            )
        };
        let (first, last) = (
            edge(&format!("min({})", times.start), "1970-01-01 00:00:00"),
            edge(&format!("max({}) + 1", times.end), "2261-01-01 00:00:00"),
        );
        Some(format!("{column} >= {first} AND {column} <= {last}"))
    }

    /// A condition that is true wherever the resource has an attribute of this value.
    pub(super) fn of_resource(&self, database: &str, key: &str, value: &str) -> Option<String> {
        let of = self.resources.as_ref()?;
        let own = if self.database.is_empty() { database } else { &self.database };
        let from = place(if of.database.is_empty() { own } else { &of.database }, &of.table);
        let (fingerprint, labels) = (self.fingerprint()?, &of.labels);
        Some(format!(
            "{fingerprint} IN (SELECT {} FROM {from} WHERE simpleJSONExtractString({labels}, {}) = {})",
            of.own,
            quote(key),
            quote(value)
        ))
    }
}

/// A table as it is written.
pub(super) fn place(database: &str, table: &str) -> String {
    let name = |text: &str| {
        let is_plain = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !text.starts_with(|c: char| c.is_ascii_digit());
        if is_plain { text.to_owned() } else { format!("`{}`", text.replace('\\', "\\\\").replace('`', "\\`")) }
    };
    if database.is_empty() {
        name(table)
    } else {
        format!("`{}`.{}", database.replace('\\', "\\\\").replace('`', "\\`"), name(table))
    }
}
