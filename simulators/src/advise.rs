//! What could be cheaper in a database of others: codecs, times to live, columns of their own, indexes, parts; each as a statement to
//! read, with the effect that it should have. Nothing is ever applied.

use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;

/// A table.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TableFacts {
    /// Its database.
    pub database: String,
    /// Its name.
    pub table: String,
    /// Rows of it.
    pub rows: f64,
    /// Bytes on its disks.
    pub bytes: f64,
    /// Whether rows go away by themselves.
    #[serde(deserialize_with = "flag")]
    pub has_ttl: bool,
    /// A column with the time of a row.
    pub time: Option<String>,
}

/// A column.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct ColumnFacts {
    /// Its database.
    pub database: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub column: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// `CODEC(…)`, or nothing.
    pub codec: String,
    /// Bytes on its disks.
    pub bytes: f64,
    /// Bytes before they are packed.
    pub plain_bytes: f64,
    /// Bytes that it would have with a codec.
    #[serde(skip)]
    pub told: BTreeMap<String, f64>,
}

/// What a column is kept as: one file, or several, each packed by itself.
#[derive(Debug, Clone, Default)]
pub struct Stream {
    /// Bytes on disks.
    pub bytes: f64,
    /// How well the server says each codec packs some of it, the one that it has now too.
    pub ratios: BTreeMap<String, f64>,
}

/// An index.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct IndexFacts {
    /// Its database.
    pub database: String,
    /// Its table.
    pub table: String,
    /// Its name.
    pub index: String,
    /// Bytes on its disks.
    pub bytes: f64,
}

/// A part of time.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct PartitionFacts {
    /// Its database.
    pub database: String,
    /// Its table.
    pub table: String,
    /// What it is called: mostly a day.
    pub partition: String,
    /// Files of it.
    pub parts: f64,
    /// Bytes on its disks.
    pub bytes: f64,
}

/// Questions of one form.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct QueryFacts {
    /// The entries of maps that they look up: `SpanAttributes['http.route']`.
    pub entries: String,
    /// The tables that they read: `otel.otel_traces`.
    pub of_tables: String,
    /// How often they were asked in a day.
    pub times: f64,
    /// What they read together.
    pub bytes: f64,
}

/// All of it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Tables.
    pub tables: Vec<TableFacts>,
    /// Columns.
    pub columns: Vec<ColumnFacts>,
    /// Indexes.
    pub indexes: Vec<IndexFacts>,
    /// Parts of time.
    pub partitions: Vec<PartitionFacts>,
    /// Questions of a day.
    pub queries: Vec<QueryFacts>,
}

/// What could be done.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Advice {
    /// `codec`, `ttl`, `column`, `index`, `parts`.
    pub kind: &'static str,
    /// Which table.
    pub table: String,
    /// What to do.
    pub what: String,
    /// What speaks for it, and what it is from.
    pub why: String,
    /// Bytes that it is about.
    pub bytes: f64,
    /// Bytes that would be left of them, if that can be said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_then: Option<f64>,
    /// To be read, and run by who may.
    pub sql: String,
}

/// A codec that is worth a change saves so much of a column, and so much of all.
const SAVES: (f64, f64) = (0.1, 0.005);
/// A codec that takes longer has to save so much more.
const SLOWER: f64 = 0.05;
/// Columns with less of all are not asked about.
const LARGE: f64 = 0.01;
/// So many are asked about.
const ASKED: usize = 12;
/// An index with more of its table is worth a look.
const INDEX: f64 = 0.05;
/// More parts of one day with less in each than this are many.
const PARTS: (f64, f64) = (50.0, 10e6);
/// Days that are kept in the statement about times to live.
const DAYS: i64 = 30;
/// A map that questions read less of than this part of all is no matter.
const READ: f64 = 0.02;
/// Rows of a granule, and the bounds of what ClickHouse packs at once.
const GRANULE: f64 = 8_192.0;
const BLOCK: (f64, f64) = (65_536.0, 1_048_576.0);

/// Databases have numbers for what is so or not.
fn flag<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Is(bool),
        Number(u64),
    }
    Ok(match Flag::deserialize(from)? {
        Flag::Is(is) => is,
        Flag::Number(n) => n > 0,
    })
}

fn quoted(name: &str) -> String {
    format!("`{}`", name.replace('\\', "\\\\").replace('`', "\\`"))
}

impl ColumnFacts {
    /// The codec that it has; `usual` is what columns without one have.
    pub fn codec_now(&self, usual: &str) -> String {
        let named = self.codec.strip_prefix("CODEC(").and_then(|rest| rest.strip_suffix(')'));
        named.filter(|codec| *codec != "Default").unwrap_or(usual).to_owned()
    }

    /// Codecs that may be better, the quicker ones first.
    pub fn candidates(&self) -> &'static [&'static str] {
        let kind = self.kind.trim_start_matches("Nullable(");
        if kind.starts_with("Float") {
            &["ZSTD(1)", "Gorilla, ZSTD(1)"]
        } else if kind.starts_with("Date") || kind.starts_with("Int") || kind.starts_with("UInt") {
            &["ZSTD(1)", "Delta, ZSTD(1)", "DoubleDelta, ZSTD(1)"]
        } else {
            &["ZSTD(1)", "ZSTD(3)"]
        }
    }

    /// How much ClickHouse packs at once: a granule, within bounds.
    pub fn block(&self, rows: f64) -> u64 {
        (self.plain_bytes / rows.max(1.0) * GRANULE).clamp(BLOCK.0, BLOCK.1) as u64
    }

    /// Takes in what its files would come to: of each the ratio of two estimates, so that what an estimate leaves out is left out
    /// of both.
    pub fn tell(&mut self, streams: &[Stream], usual: &str) {
        let now = self.codec_now(usual);
        if streams.is_empty() {
            return;
        }
        for codec in self.candidates() {
            let bytes = |of: &Stream| {
                let (now, then) = (of.ratios.get(&now)?, of.ratios.get(*codec)?);
                (*now > 0.0 && *then > 0.0).then(|| of.bytes * now / then)
            };
            if let Some(bytes) = streams.iter().map(bytes).sum::<Option<f64>>() {
                self.told.insert((*codec).to_owned(), bytes);
            }
        }
    }
}

impl Facts {
    fn all_bytes(&self) -> f64 {
        self.tables.iter().map(|t| t.bytes).sum::<f64>().max(self.columns.iter().map(|c| c.bytes).sum())
    }

    /// Places of the columns that it is worth to ask about, the largest first.
    pub fn large_columns(&self) -> Vec<usize> {
        let least = self.all_bytes() * LARGE;
        let mut places: Vec<usize> = (0..self.columns.len()).filter(|i| self.columns[*i].bytes >= least).collect();
        places.sort_by(|a, b| self.columns[*b].bytes.total_cmp(&self.columns[*a].bytes));
        places.truncate(ASKED);
        places
    }

    /// Rows of a table.
    pub fn rows_of(&self, database: &str, table: &str) -> f64 {
        self.tables.iter().find(|t| t.table == table && t.database == database).map_or(0.0, |t| t.rows)
    }

    /// What could be done, what saves most first. `usual` is the codec of columns without one; `today` is in days since 1970.
    pub fn advice(&self, usual: &str, today: i64) -> Vec<Advice> {
        let mut all: Vec<Advice> = self.columns.iter().filter_map(|column| self.codec(column, usual)).collect();
        all.extend(self.tables.iter().filter(|t| !t.has_ttl && t.bytes > 0.0).map(|table| self.ttl(table, today)));
        all.extend(self.indexes.iter().filter_map(|index| self.index(index)));
        all.extend(self.own_columns());
        all.extend(self.parts());
        let saves = |a: &Advice| a.bytes_then.map_or(0.0, |then| a.bytes - then);
        all.sort_by(|a, b| saves(b).total_cmp(&saves(a)).then(b.bytes.total_cmp(&a.bytes)));
        all
    }

    fn codec(&self, column: &ColumnFacts, usual: &str) -> Option<Advice> {
        let mut best: Option<(&str, f64)> = None;
        for codec in column.candidates() {
            let Some(bytes) = column.told.get(*codec).copied() else { continue };
            if best.is_none_or(|(_, least)| bytes < least * (1.0 - SLOWER)) {
                best = Some((codec, bytes));
            }
        }
        let (codec, bytes_then) = best?;
        let saved = column.bytes - bytes_then;
        if saved < column.bytes * SAVES.0 || saved < self.all_bytes() * SAVES.1 {
            return None;
        }
        let place = format!("{}.{}", quoted(&column.database), quoted(&column.table));
        Some(Advice {
            kind: "codec",
            table: column.table.clone(),
            what: format!("pack {} with {codec}", column.column),
            why: format!(
                "it has {} now; by estimateCompressionRatio on some of its rows. New parts have it at once, old ones when they are merged",
                column.codec_now(usual)
            ),
            bytes: column.bytes,
            bytes_then: Some(bytes_then.round()),
            sql: format!("ALTER TABLE {place} MODIFY COLUMN {} CODEC({codec});", quoted(&column.column)),
        })
    }

    fn ttl(&self, table: &TableFacts, today: i64) -> Advice {
        let days: Vec<(Option<(i64, i64)>, f64)> = self
            .partitions
            .iter()
            .filter(|p| p.table == table.table && p.database == table.database)
            .map(|p| (days_of(&p.partition), p.bytes))
            .collect();
        let is_told = !days.is_empty() && days.iter().all(|(days, _)| days.is_some());
        // Of a month in part, as much as of its days.
        let part = |(first, last): (i64, i64)| {
            let young = (last - first.max(today - DAYS) + 1).clamp(0, last - first + 1);
            young as f64 / (last - first + 1) as f64
        };
        let young: f64 = days.iter().filter_map(|(days, bytes)| Some(part((*days)?) * bytes)).sum();
        let time = table.time.as_deref().map_or_else(|| "/* a column with a time */".to_owned(), quoted);
        let sql = format!(
            "ALTER TABLE {}.{} MODIFY TTL toDateTime({time}) + INTERVAL {DAYS} DAY;",
            quoted(&table.database),
            quoted(&table.table)
        );
        Advice {
            kind: "ttl",
            table: table.table.clone(),
            what: format!("let rows go after {DAYS} days"),
            why: "nothing goes away by itself: it grows for ever. Another number of days says the same of another time"
                .into(),
            bytes: table.bytes,
            bytes_then: is_told.then_some(young.min(table.bytes)),
            sql,
        }
    }

    fn index(&self, index: &IndexFacts) -> Option<Advice> {
        let table = self.tables.iter().find(|t| t.table == index.table && t.database == index.database)?;
        (index.bytes > table.bytes * INDEX && table.bytes > 0.0).then(|| Advice {
            kind: "index",
            table: index.table.clone(),
            what: format!("see whether {} is used", index.index),
            why: format!(
                "it takes {:.0} % of its table; which granules it leaves out of your own questions is said by this",
                index.bytes / table.bytes * 100.0
            ),
            bytes: index.bytes,
            bytes_then: None,
            sql: format!(
                "EXPLAIN indexes = 1 SELECT count() FROM {}.{} WHERE /* as you ask it */ 1;",
                quoted(&index.database),
                quoted(&index.table)
            ),
        })
    }

    /// Entries of maps that questions read the whole map for.
    fn own_columns(&self) -> Vec<Advice> {
        let all: f64 = self.queries.iter().map(|q| q.bytes).sum();
        let mut entries = BTreeMap::<(String, String, String), (f64, f64)>::new();
        for query in &self.queries {
            for (map, key) in entries_of(&query.entries) {
                for table in query.of_tables.split(' ') {
                    let of = entries.entry((table.to_owned(), map.clone(), key.clone())).or_default();
                    *of = (of.0 + query.bytes, of.1 + query.times);
                }
            }
        }
        let mut found = Vec::new();
        for ((table, map, key), (bytes, times)) in entries {
            let is_it = |c: &&ColumnFacts| {
                c.column == map && c.kind.starts_with("Map(") && format!("{}.{}", c.database, c.table) == table
            };
            let Some(column) = self.columns.iter().find(is_it) else { continue };
            if bytes < all * READ {
                continue;
            }
            let place = format!("{}.{}", quoted(&column.database), quoted(&column.table));
            let (name, key) = (quoted(&format!("{map}.{key}")), key.replace('\\', "\\\\").replace('\'', "\\'"));
            found.push(Advice {
                kind: "column",
                table: column.table.clone(),
                what: format!("give {map}['{key}'] a column of its own"),
                why: format!("{times:.0} queries of the last day read the whole map for it, these bytes together"),
                bytes,
                bytes_then: None,
                sql: format!(
                    "ALTER TABLE {place} ADD COLUMN {name} String MATERIALIZED {}['{key}'];\nALTER TABLE {place} MATERIALIZE COLUMN {name};",
                    quoted(&map)
                ),
            });
        }
        found
    }

    fn parts(&self) -> Option<Advice> {
        let many = self.partitions.iter().filter(|p| p.parts > PARTS.0 && p.bytes / p.parts < PARTS.1);
        let most = many.max_by(|a, b| a.parts.total_cmp(&b.parts))?;
        Some(Advice {
            kind: "parts",
            table: most.table.clone(),
            what: "write fewer, larger parts".into(),
            why: format!(
                "{} has {:.0} parts of {:.1} MB each: each question opens all of them. Larger batches in the Collector, or async_insert, make fewer",
                most.partition,
                most.parts,
                most.bytes / most.parts / 1e6
            ),
            bytes: most.bytes,
            bytes_then: None,
            sql: "SET async_insert = 1, wait_for_async_insert = 1;".into(),
        })
    }
}

/// The first and the last day that a partition is of, since 1970: `2026-11-20`, `20261120`, `202611`.
fn days_of(partition: &str) -> Option<(i64, i64)> {
    let digits: String = partition.chars().filter(char::is_ascii_digit).collect();
    if !partition.chars().all(|c| c.is_ascii_digit() || matches!(c, '-' | '\'' | '(' | ')')) {
        return None;
    }
    let number = |place: std::ops::Range<usize>| digits.get(place)?.parse::<i64>().ok();
    let (year, month) = (number(0..4)?, number(4..6)?);
    if !(1..=12).contains(&month) {
        return None;
    }
    match digits.len() {
        8 => {
            number(6..8).filter(|day| (1..=31).contains(day)).map(|day| day_of(year, month, day)).map(|day| (day, day))
        }
        6 => {
            let (next_year, next_month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
            Some((day_of(year, month, 1), day_of(next_year, next_month, 1) - 1))
        }
        _ => None,
    }
}

/// A day since 1970, from the civil calendar, by Howard Hinnant.
fn day_of(year: i64, month: i64, day: i64) -> i64 {
    let y = if month <= 2 { year - 1 } else { year };
    let era = y.div_euclid(400);
    let of_era = y - era * 400;
    let of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Maps and keys that a statement looks up: `SpanAttributes['http.route']`.
fn entries_of(query: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (at, _) in query.match_indices("['") {
        let map: String = query[..at]
            .trim_end_matches('`')
            .chars()
            .rev()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        let Some((key, _)) = query[at + 2..].split_once("']") else { continue };
        let entry = (map, key.to_owned());
        if !entry.0.is_empty() && !key.is_empty() && !found.contains(&entry) {
            found.push(entry);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Facts, Stream, days_of, entries_of};

    #[test]
    fn partitions_are_days() {
        for (text, day) in [
            ("1970-01-01", Some((0, 0))),
            ("20261120", Some((20_777, 20_777))),
            ("('2026-11-20')", Some((20_777, 20_777))),
            ("202611", Some((20_758, 20_787))),
            ("202612", Some((20_788, 20_818))),
            ("2000-02-29", Some((11_016, 11_016))),
            ("all", None),
            ("tuple()", None),
            ("20261320", None),
            ("a-20261120", None),
        ] {
            assert_eq!(days_of(text), day, "{text}");
        }
    }

    #[test]
    fn lookups_in_maps_are_found() {
        let query = "SELECT SpanAttributes['http.route'], `LogAttributes`['a'] FROM t WHERE SpanAttributes['http.route'] = ['x']";
        let entry = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(entries_of(query), [entry("SpanAttributes", "http.route"), entry("LogAttributes", "a")]);
    }

    #[test]
    fn each_piece_of_advice_has_its_effect() {
        let text = serde_json::json!({
            "tables": [{ "database": "otel", "table": "traces", "rows": 1e6, "bytes": 100e6, "has_ttl": false, "time": "Timestamp" },
                       { "database": "otel", "table": "logs", "rows": 10, "bytes": 1e6, "has_ttl": 1 }],
            "columns": [{ "database": "otel", "table": "traces", "column": "TraceId", "type": "String", "codec": "", "bytes": 40e6, "plain_bytes": 50e6 },
                        { "database": "otel", "table": "traces", "column": "SpanAttributes", "type": "Map(String, String)", "codec": "CODEC(ZSTD(1))", "bytes": 30e6, "plain_bytes": 90e6 }],
            "indexes": [{ "database": "otel", "table": "traces", "index": "idx", "bytes": 9e6 }, { "table": "traces", "index": "small", "bytes": 1e6 }],
            "partitions": [{ "database": "otel", "table": "traces", "partition": "2026-11-20", "parts": 200, "bytes": 60e6 },
                           { "database": "otel", "table": "traces", "partition": "202610", "parts": 2, "bytes": 40e6 }],
            "queries": [{ "entries": "SpanAttributes['http.route']", "of_tables": "otel.traces", "times": 40, "bytes": 5e9 },
                        { "entries": "", "of_tables": "otel.traces", "times": 40, "bytes": 1e9 }],
        });
        let mut facts: Facts = serde_json::from_value(text).expect("facts");
        assert_eq!(facts.large_columns(), [0, 1]);
        let stream = |bytes: f64, ratios: &[(&str, f64)]| Stream {
            bytes,
            ratios: ratios.iter().map(|(codec, ratio)| ((*codec).to_owned(), *ratio)).collect(),
        };
        // The third is not enough better for what it takes longer.
        facts.columns[0].tell(&[stream(40e6, &[("LZ4", 1.25), ("ZSTD(1)", 2.5), ("ZSTD(3)", 2.55)])], "LZ4");
        // One of its files would be smaller, the other larger.
        let files =
            [stream(20e6, &[("ZSTD(1)", 3.0), ("ZSTD(3)", 6.0)]), stream(10e6, &[("ZSTD(1)", 8.0), ("ZSTD(3)", 4.0)])];
        facts.columns[1].tell(&files, "LZ4");
        assert!((facts.columns[1].told["ZSTD(3)"] - 30e6).abs() < 1.0);
        facts.columns[1].tell(&[], "LZ4");
        facts.columns[1].tell(&[stream(30e6, &[("ZSTD(1)", 3.0)]), Stream::default()], "LZ4");
        let all = facts.advice("LZ4", 20_777);
        let said: Vec<(&str, f64, Option<f64>)> = all.iter().map(|a| (a.kind, a.bytes, a.bytes_then)).collect();
        let expected = [
            // Of October eleven days are young enough.
            ("ttl", 100e6, Some(60e6 + 11.0 / 31.0 * 40e6)),
            ("codec", 40e6, Some(20e6)),
            ("column", 5e9, None),
            ("parts", 60e6, None),
            ("index", 9e6, None),
        ];
        assert_eq!(said, expected);
        assert_eq!(all[1].sql, "ALTER TABLE `otel`.`traces` MODIFY COLUMN `TraceId` CODEC(ZSTD(1));");
        assert!(all[0].sql.contains("toDateTime(`Timestamp`) + INTERVAL 30 DAY"), "{:?}", all[0]);
        assert_eq!((facts.columns[0].block(1e6), facts.columns[1].block(10.0)), (409_600, 1_048_576));
    }
}
