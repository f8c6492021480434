//! The views `traces logs metrics_…` of one statement: its files and the hot rows of its snapshot.

use super::hot_table::{Offer, Offered};
use super::run::Scanned;
use crate::asked::mentioned;
use crate::snapshot::{Chosen, Missing, Pruned, Segment, Snapshot};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, TimeUnit};
use sextant_model::{Signal, Table, schema};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Views to be made on a connection before its statement runs. Hot rows stay readable as long as this lives.
pub(super) struct Views {
    pub create: String,
    pub scanned: Scanned,
    pub generation: u64,
    pub missing: Vec<Missing>,
    offers: Vec<Offer>,
    /// Files are kept for as long as the statement may read them.
    pub segments: Vec<Arc<Segment>>,
    /// Attributes that the statement reads as columns.
    promoted: Vec<String>,
}

/// How a file has an attribute that a statement reads as a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Attribute {
    /// As a column of its own.
    Column,
    /// Not at all.
    Absent,
    /// Maybe, in the maps.
    InMaps,
}

/// What files are read together by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    /// Columns of today's schema that they have not.
    lacks: Vec<String>,
    /// One for each attribute that the statement reads as a column.
    attributes: Vec<Attribute>,
}

/// Whether the statement can mean this table: its name occurs.
pub(super) fn occurs(sql: &str, table: Table) -> bool {
    let lower = sql.to_ascii_lowercase();
    lower.contains(table.name()) || (table.signal() == Signal::Metrics && lower.contains("metrics"))
}

fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

fn name(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

impl Views {
    /// Views of all tables that `sql` names, over the segments that `choose` gives; of those only rows `since` a time,
    /// so that row groups and pages of older ones are passed over.
    pub fn over(snapshot: &Snapshot, sql: &str, since: Option<i64>, choose: impl Fn(Table) -> Pruned) -> Self {
        let mut views = Self {
            create: String::new(),
            scanned: Scanned::default(),
            generation: snapshot.generation,
            missing: Vec::new(),
            offers: Vec::new(),
            segments: Vec::new(),
            promoted: mentioned(sql),
        };
        for table in Table::ALL {
            if occurs(sql, table) {
                views.add(snapshot, table, since, choose(table));
            }
        }
        views
    }

    fn add(&mut self, snapshot: &Snapshot, table: Table, since: Option<i64>, pruned: Pruned) {
        let hot = snapshot.hot_batches(table);
        self.missing.extend(pruned.missing);
        self.scanned.n_segments += pruned.segments.len();
        self.scanned.n_segments_total += pruned.n_total;
        self.scanned.n_bytes += pruned.segments.iter().map(Chosen::n_bytes).sum::<u64>();
        self.scanned.n_rows += pruned.segments.iter().map(Chosen::n_rows).sum::<u64>();
        self.scanned.n_rows += hot.iter().map(|b| b.num_rows() as u64).sum::<u64>();
        // Files with the same columns are read together.
        let mut alike: BTreeMap<Kind, Vec<String>> = BTreeMap::new();
        let mut parts = Vec::new();
        for chosen in pruned.segments {
            let segment = chosen.segment;
            if let Some(groups) = chosen.groups {
                parts.push((segment.path.clone(), groups));
            } else {
                let columns = match segment.columns() {
                    Ok(columns) => columns,
                    Err(e) => {
                        let why = format!("{} can't be read: {e}", segment.path.display());
                        self.missing.push(Missing { n_rows: segment.n_rows, why, is_damage: false });
                        continue;
                    }
                };
                let of = |key: &String| match () {
                    () if columns.promoted.contains(key) => Attribute::Column,
                    () if segment.lacks_key(key) => Attribute::Absent,
                    () => Attribute::InMaps,
                };
                let kind = Kind { lacks: columns.lacks.clone(), attributes: self.promoted.iter().map(of).collect() };
                alike.entry(kind).or_default().push(text(&segment.path.to_string_lossy()));
            }
            self.segments.push(segment);
        }
        let hot = self.offer(table, Offered::Batches(hot));
        let all = Kind { lacks: Vec::new(), attributes: vec![Attribute::InMaps; self.promoted.len()] };
        let mut from = vec![self.select(table, &all, &hot)];
        if !parts.is_empty() {
            let parts = self.offer(table, Offered::Groups(parts, pruned.needs));
            from.push(self.select(table, &all, &parts));
        }
        for (kind, files) in alike {
            from.push(self.select(table, &kind, &format!("read_parquet([{}])", files.join(", "))));
        }
        let since = since
            .map_or_else(String::new, |since| format!(" WHERE {} >= make_timestamp_ns({since})", table.time_column()));
        let body: Vec<String> = from.into_iter().map(|select| format!("{select}{since}")).collect();
        let (table, body) = (table.name(), body.join(" UNION ALL "));
        // Writing to a String can't fail.
        write!(self.create, "CREATE TEMP VIEW {table} AS {body}; CREATE TEMP VIEW otel_{table} AS FROM {table};").ok();
    }

    /// Beside them, a view of other rows.
    pub fn add_rows(&mut self, name: &str, rows: RecordBatch) {
        let offer = self.offer(Table::Traces, Offered::Other(rows));
        // Writing to a String can't fail.
        write!(self.create, "CREATE TEMP VIEW {name} AS FROM {offer};").ok();
    }

    fn offer(&mut self, table: Table, rows: Offered) -> String {
        let offer = Offer::new(table, rows);
        let sql = offer.sql();
        self.offers.push(offer);
        sql
    }

    /// All columns of a table from where some may be lacking and some attributes have columns of their own.
    fn select(&self, table: Table, kind: &Kind, from: &str) -> String {
        let stored = schema::stored(table);
        let columns = stored.fields().iter().map(|f| {
            let column = name(f.name());
            if kind.lacks.contains(f.name()) { format!("{} AS {column}", default_sql(f)) } else { column }
        });
        let attributes = self.promoted.iter().zip(&kind.attributes).map(|(key, attribute)| {
            let column = name(&schema::promoted(key));
            match attribute {
                Attribute::Column => column,
                Attribute::Absent => format!("CAST(NULL AS VARCHAR) AS {column}"),
                Attribute::InMaps => {
                    let (map, key) = (schema::record_attributes(table), text(key));
                    format!("coalesce({map}[{key}], ResourceAttributes[{key}]) AS {column}")
                }
            }
        });
        format!("SELECT {} FROM {from}", columns.chain(attributes).collect::<Vec<_>>().join(", "))
    }
}

/// What a column reads as where it is lacking: nothing where that is allowed, else zero, empty text, empty list.
fn default_sql(field: &Field) -> String {
    if field.is_nullable() {
        return format!("CAST(NULL AS {})", type_sql(field.data_type()));
    }
    match field.data_type() {
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|f| format!("{} := {}", name(f.name()), default_sql(f)));
            format!("struct_pack({})", fields.collect::<Vec<_>>().join(", "))
        }
        DataType::List(_) => format!("CAST([] AS {})", type_sql(field.data_type())),
        DataType::Map(..) => format!("CAST(MAP {{}} AS {})", type_sql(field.data_type())),
        DataType::Timestamp(..) => "make_timestamp_ns(0)".to_owned(),
        DataType::Boolean => "false".to_owned(),
        DataType::Utf8 | DataType::Binary => format!("CAST('' AS {})", type_sql(field.data_type())),
        other => format!("CAST(0 AS {})", type_sql(other)),
    }
}

fn type_sql(data_type: &DataType) -> String {
    match data_type {
        DataType::Utf8 => "VARCHAR".to_owned(),
        DataType::Binary => "BLOB".to_owned(),
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int32 => "INTEGER".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::UInt8 => "UTINYINT".to_owned(),
        DataType::UInt16 => "USMALLINT".to_owned(),
        DataType::UInt32 => "UINTEGER".to_owned(),
        DataType::UInt64 => "UBIGINT".to_owned(),
        DataType::Float32 => "FLOAT".to_owned(),
        DataType::Timestamp(TimeUnit::Nanosecond, _) => "TIMESTAMP_NS".to_owned(),
        DataType::List(item) => format!("{}[]", type_sql(item.data_type())),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|f| format!("{} {}", name(f.name()), type_sql(f.data_type())));
            format!("STRUCT({})", fields.collect::<Vec<_>>().join(", "))
        }
        // The only maps are attributes.
        DataType::Map(..) => "MAP(VARCHAR, VARCHAR)".to_owned(),
        _ => "DOUBLE".to_owned(),
    }
}
