//! What could be cheaper at a source, on what its own tables and its own engine say.

use crate::remotes::{Asked, refused};
use crate::workbench::Workbench;
use serde_json::{Map, Value};
use sextant_contract::{AskError, Code};
use sextant_model::Sql;
use sextant_queries::clickhouse::quote;
use sextant_remote::{Limits, Statement};
use sextant_simulators::{Advice, ColumnFacts, Facts, Stream};
use std::time::Duration;

/// Rows of a table that a codec is tried on by the server.
const TRIED_ROWS: u64 = 200_000;
/// Small tables are read whole.
const LEAST_BYTES: u64 = 64_000_000;
const TRIED_TIME: Duration = Duration::from_secs(10);
/// What columns without a codec have where nobody says otherwise.
const USUAL: &str = "LZ4";
const DAY: i64 = 86_400_000_000_000;

impl Workbench {
    /// Advice on what was found in the system tables; and why codecs could not be tried, if so.
    pub(crate) fn advice(
        &self,
        asked: &Asked,
        object: &Map<String, Value>,
    ) -> Result<(Vec<Advice>, Option<String>), AskError> {
        let mut facts: Facts = serde_json::from_value(Value::Object(object.clone()))
            .map_err(|e| AskError::new(Code::Internal, format!("system tables have other columns: {e}")))?;
        for table in &mut facts.tables {
            let is_it = |found: &&sextant_remote::Found| found.local == (table.database.clone(), table.table.clone());
            let found = asked.layout.tables.iter().find(|(_, found)| is_it(found));
            table.time = found.and_then(|(ours, found)| {
                let name = ours.time_column();
                found.columns.get(name).is_some_and(|kind| kind.starts_with("Date")).then(|| name.to_owned())
            });
        }
        // A table that distributes has no rows of its own.
        facts.tables.retain(|table| table.bytes > 0.0);
        let usual = self.usual_codec(asked, &facts)?;
        let mut why = None;
        for place in facts.large_columns() {
            let rows = facts.rows_of(&facts.columns[place].database, &facts.columns[place].table);
            match self.try_codecs(asked, &facts.columns[place], &usual, rows)? {
                Ok(streams) => facts.columns[place].tell(&streams, &usual),
                // Another column may be of a type that it can be said of.
                Err(e) => why = Some(format!("{}: {e}", facts.columns[place].column)),
            }
        }
        Ok((facts.advice(&usual, crate::workbench::now() / DAY), why))
    }

    /// The codec of columns without one.
    fn usual_codec(&self, asked: &Asked, facts: &Facts) -> Result<String, AskError> {
        let places: Vec<String> = facts.tables.iter().map(|t| sextant_remote::pair(&t.database, &t.table)).collect();
        if places.is_empty() {
            return Ok(USUAL.to_owned());
        }
        let text = format!(
            "SELECT default_compression_codec AS codec FROM system.parts WHERE active AND (database, table) IN ({}) \
             GROUP BY codec ORDER BY sum(bytes_on_disk) DESC LIMIT 1",
            places.join(", ")
        );
        let found = self.system_rows(asked, Sql::plain(text))?.ok();
        let codec = found.as_ref().and_then(|rows| rows[0]["codec"].as_str()).filter(|codec| !codec.is_empty());
        Ok(codec.unwrap_or(USUAL).to_owned())
    }

    /// What the server says of some rows of a column with each codec, file by file; or why it does not.
    fn try_codecs(
        &self,
        asked: &Asked,
        column: &ColumnFacts,
        usual: &str,
        rows: f64,
    ) -> Result<Result<Vec<Stream>, String>, AskError> {
        let now = column.codec_now(usual);
        let mut codecs = vec![now.as_str()];
        codecs.extend(column.candidates().iter().copied().filter(|codec| *codec != now));
        let mut streams = Vec::new();
        for (expression, bytes, plain_bytes) in self.streams(asked, column)? {
            let block = ColumnFacts { plain_bytes, ..ColumnFacts::default() }.block(rows);
            let one =
                |(i, codec): (usize, &&str)| format!("estimateCompressionRatio({}, {block})(x) AS r{i}", quote(codec));
            let tried: Vec<String> = codecs.iter().enumerate().map(one).collect();
            let text = format!(
                "SELECT {} FROM (SELECT {expression} AS x FROM (SELECT {} AS c FROM {}.{} LIMIT {TRIED_ROWS}))",
                tried.join(", "),
                name(&column.column),
                name(&column.database),
                name(&column.table)
            );
            let rows = match self.tried(asked, text, (TRIED_ROWS as f64 * column.plain_bytes / rows.max(1.0)) as u64)? {
                Ok(rows) => rows,
                Err(e) => return Ok(Err(e)),
            };
            let ratio = |(i, codec): (usize, &&str)| Some(((*codec).to_owned(), rows[0][format!("r{i}")].as_f64()?));
            streams.push(Stream { bytes, ratios: codecs.iter().enumerate().filter_map(ratio).collect() });
        }
        Ok(Ok(streams))
    }

    /// Some rows of a table of the user's, as far as may be read of it: no more than about so many bytes.
    fn tried(&self, asked: &Asked, text: String, bytes: u64) -> Result<Result<Value, String>, AskError> {
        // A granule more than is asked for is read of each part that is begun.
        let most = bytes.saturating_mul(4).max(LEAST_BYTES).min(asked.most()?);
        let statement = Statement::new(Sql::plain(text)).map_err(|e| refused(&e))?;
        let limits = Limits { time: TRIED_TIME, n_rows: 10, bytes_read: most, ..Limits::default() };
        let found = self.wait(async { Ok(asked.client.rows(&statement, limits).await) })?;
        Ok(found.map_err(|e| e.message).map(|(rows, _)| {
            serde_json::from_str(&sextant_contract::rows_to_json(&rows)).unwrap_or_else(|_| Value::Array(Vec::new()))
        }))
    }

    /// What a column is kept as: an expression of each file of it, its bytes, and its bytes before they are packed. A map of texts
    /// is kept in four and a text in two, of which that with the lengths packs quite differently; nothing, where that can't be seen.
    fn streams(&self, asked: &Asked, column: &ColumnFacts) -> Result<Vec<(&'static str, f64, f64)>, AskError> {
        let whole = ("c", column.bytes, column.plain_bytes);
        let (is_map, is_text) = (column.kind.starts_with("Map("), column.kind == "String");
        if !is_map && !is_text {
            return Ok(vec![whole]);
        }
        let text = format!(
            "SELECT stream, toInt64(sum(packed)) AS bytes, toInt64(sum(plain)) AS plain_bytes FROM system.parts_columns \
             ARRAY JOIN subcolumns.names AS stream, subcolumns.data_compressed_bytes AS packed, \
             subcolumns.data_uncompressed_bytes AS plain \
             WHERE active AND (database, table) IN ({}) AND column = {} GROUP BY stream",
            sextant_remote::pair(&column.database, &column.table),
            quote(&column.column)
        );
        let number = |row: &Value, key: &str| row[key].as_f64().unwrap_or(0.0);
        let Ok(rows) = self.system_rows(asked, Sql::plain(text))? else {
            return Ok(if is_text { vec![whole] } else { Vec::new() });
        };
        let rows = rows.as_array().cloned().unwrap_or_default();
        if is_text {
            // Lengths may be in a file of their own.
            let Some(size) = rows.iter().find(|row| row["stream"] == "size") else { return Ok(vec![whole]) };
            let (bytes, plain) = (number(size, "bytes"), number(size, "plain_bytes"));
            let chars = ("c", (column.bytes - bytes).max(0.0), (column.plain_bytes - plain).max(0.0));
            return Ok(vec![("toUInt64(length(c))", bytes, plain), chars]);
        }
        let has = |stream: &str| rows.iter().any(|row| row["stream"] == stream);
        if !has("values.size") {
            // Older servers keep the lengths among the texts, and estimate so.
            return Ok(if has("values") { vec![whole] } else { Vec::new() });
        }
        let expression = |row: &Value| match row["stream"].as_str()? {
            "size0" => Some("toUInt64(length(c))"),
            "keys" => Some("arrayJoin(mapKeys(c))"),
            "values" => Some("arrayStringConcat(mapValues(c))"),
            "values.size" => Some("arrayJoin(arrayMap(v -> toUInt64(length(v)), mapValues(c)))"),
            _ => None,
        };
        let one = |row: &Value| Some((expression(row)?, number(row, "bytes"), number(row, "plain_bytes")));
        // Of what is not known nothing is told.
        Ok(rows.iter().map(one).collect::<Option<Vec<_>>>().unwrap_or_default())
    }
}

/// A name as it is written in a statement.
fn name(text: &str) -> String {
    format!("`{}`", text.replace('\\', "\\\\").replace('`', "\\`"))
}
