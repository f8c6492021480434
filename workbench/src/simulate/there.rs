//! The same of a ClickHouse: what its system tables say of bytes, and its rows by hour and by trace.

use super::hours;
use crate::remotes::{Asked, made};
use crate::workbench::Workbench;
use arrow::array::{ArrayRef, AsArray as _, RecordBatch, TimestampNanosecondArray};
use arrow::datatypes::Int64Type;
use serde_json::{Value, json};
use sextant_contract::{Answer, AskError, Code, Completeness, Period};
use sextant_model::query::Query;
use sextant_model::{Signal, Sql, TimeRange};
use sextant_queries::clickhouse;
use sextant_remote::Found;
use sextant_simulators::{Counted, History, Measured, Of, Recorded, ScenarioError, commented};
use std::sync::Arc;

/// More spans are not taken into memory at once.
const MOST_SPANS: usize = 5_000_000;

fn wrong(e: &ScenarioError) -> AskError {
    AskError::new(Code::BadQuery, e.to_string())
}

impl Workbench {
    /// As [`Workbench::measure`], of a source: nothing is read of its rows but when they were and whose they are.
    pub(crate) fn measure_there(&self, asked: &Asked, period: Period) -> Result<Answer, AskError> {
        let (range, tables) = (TimeRange::from(period), asked.layout.tables());
        let (mut all, mut counted, mut left_out) = (Vec::new(), Vec::new(), 0);
        for signal in Signal::ALL {
            let mut of = Counted::default();
            for table in signal.tables() {
                let Some(found) = asked.layout.tables.get(table) else { continue };
                let Some(bytes_per_row) = self.bytes_there(asked, found, &mut of)? else { continue };
                let rows = self.run_there(asked, clickhouse::hours(&tables, *table, range), usize::MAX)?;
                crate::bundle::whole(&rows.completeness, "nothing was measured")?;
                all.extend(hours(signal, &rows.batches, &|_| bytes_per_row, &mut left_out)?);
            }
            counted.push((signal, of));
        }
        let history = History::of(&all).map_err(|e| wrong(&e))?;
        let mut signals = Vec::new();
        for (signal, of) in counted {
            if let Some(course) = history.course(signal).map_err(|e| wrong(&e))? {
                signals.push(Measured::counted(signal, course, of));
            }
        }
        if signals.is_empty() {
            let what = format!("'{}' has no records in this period, or their bytes can't be seen", asked.client.source);
            return Err(AskError::new(Code::NotFound, what)
                .hint(format!("GRANT SELECT ON system.parts TO {}; or another --since", asked.user())));
        }
        let keep = asked.layout.tables.values().filter_map(|found| ttl_days(found.ttl.as_deref()?)).min();
        let scenario = commented(&signals, keep, &format!("what the source {} has", asked.client.source));
        Ok(Answer::object(json!({ "signals": signals, "scenario": scenario, "left_out": left_out }), 0))
    }

    /// Adds what a table comes to; raw bytes of a row, if they are known.
    fn bytes_there(&self, asked: &Asked, found: &Found, of: &mut Counted) -> Result<Option<f64>, AskError> {
        let place = sextant_remote::pair(&found.local.0, &found.local.1);
        let parts = format!(
            "SELECT toInt64(rows) AS rows, toInt64(bytes_on_disk) AS bytes, toInt64(data_uncompressed_bytes) AS plain_bytes \
             FROM system.parts WHERE active AND (database, table) IN ({place}) ORDER BY rows DESC"
        );
        let number = |row: &Value, key: &str| row[key].as_f64().unwrap_or(0.0);
        let parts = match self.system_rows(asked, Sql::plain(parts))? {
            Ok(rows) => rows.as_array().cloned().unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let sum = |key: &str| parts.iter().map(|row| number(row, key)).sum::<f64>();
        let (mut rows, mut bytes, mut plain) = (sum("rows"), sum("bytes"), sum("plain_bytes"));
        if rows <= 0.0 {
            // What the server says of columns, where it says nothing of parts.
            rows = found.rows.unwrap_or(0) as f64;
            bytes = found.bytes.unwrap_or(0) as f64;
            plain = found.widths.values().sum::<f64>() * rows;
        }
        if rows <= 0.0 || bytes <= 0.0 || plain <= 0.0 {
            return Ok(None);
        }
        of.raw_bytes += plain;
        of.stored_bytes += bytes;
        of.parts.extend(parts.iter().map(|row| (number(row, "plain_bytes"), number(row, "bytes"))));
        let columns = format!(
            "SELECT name AS column, toInt64(data_compressed_bytes) AS bytes, toInt64(data_uncompressed_bytes) AS plain_bytes \
             FROM system.columns WHERE (database, table) IN ({place}) AND data_compressed_bytes > 0"
        );
        if let Ok(rows) = self.system_rows(asked, Sql::plain(columns))? {
            let column = |row: &Value| Of {
                name: row["column"].as_str().unwrap_or_default().to_owned(),
                raw_bytes: number(row, "plain_bytes"),
                stored_bytes: Some(number(row, "bytes")),
            };
            of.columns.extend(rows.as_array().into_iter().flatten().map(column));
        }
        Ok(Some(plain / rows))
    }

    /// All traces of a period of a source. Nobody says how many bytes a span has there: each counts the same.
    pub(super) fn recorded_there(&self, asked: &Asked, range: TimeRange) -> Result<Recorded, AskError> {
        let found = self.run_there(asked, clickhouse::outlines(&asked.layout.tables(), range), MOST_SPANS)?;
        if let Completeness::Limited { .. } = found.completeness {
            let why = format!("there are more than {MOST_SPANS} spans in this period: they are not taken into memory");
            return Err(AskError::new(Code::BadQuery, why).hint("narrow the period, with --since, --from and --to"));
        }
        crate::bundle::whole(&found.completeness, "nothing was simulated")?;
        let mut recorded = Recorded::default();
        for spans in &found.batches {
            recorded.add(&with_times(spans)?, &|_, _| 1).map_err(|e| wrong(&e))?;
        }
        recorded.settle();
        Ok(recorded)
    }

    pub(super) fn trace_ids_there(
        &self,
        asked: &Asked,
        query: &Query,
        range: TimeRange,
    ) -> Result<Vec<RecordBatch>, AskError> {
        let sql = clickhouse::traces(&asked.layout.tables(), query, range, usize::MAX >> 1);
        let sql = Sql { text: format!("SELECT toString(TraceId) AS TraceId FROM ({})", sql.text), params: sql.params };
        let found = self.run_there(asked, sql, MOST_SPANS)?;
        crate::bundle::whole(&found.completeness, "nothing was simulated")?;
        Ok(found.batches)
    }
}

/// Nanoseconds as times.
fn with_times(spans: &RecordBatch) -> Result<RecordBatch, AskError> {
    let columns = spans.schema_ref().fields().iter().zip(spans.columns()).map(|(field, column)| {
        let times = column.as_primitive_opt::<Int64Type>().filter(|_| field.name() == "Nanos");
        let times = times.map(|n| Arc::new(n.reinterpret_cast::<arrow::datatypes::TimestampNanosecondType>()));
        let times = times.map(|times: Arc<TimestampNanosecondArray>| times as ArrayRef);
        let name = if times.is_some() { "Timestamp" } else { field.name() };
        (name.to_owned(), times.unwrap_or_else(|| column.clone()))
    });
    RecordBatch::try_from_iter(columns).map_err(|e| made(&e))
}

/// Days that rows are kept there, of what the layout says: `30 d`.
fn ttl_days(ttl: &str) -> Option<u64> {
    let (n, unit) = ttl.split_once(' ')?;
    let hours = match unit {
        "h" => 1,
        "d" => 24,
        "week" => 7 * 24,
        "month" => 30 * 24,
        "year" => 365 * 24,
        _ => return None,
    };
    Some(n.parse::<u64>().ok()?.checked_mul(hours)? / 24).filter(|days| *days > 0)
}

#[cfg(test)]
mod tests {
    use super::ttl_days;

    #[test]
    fn days_of_a_ttl_are_read() {
        for (text, days) in [
            ("30 d", Some(30)),
            ("72 h", Some(3)),
            ("3 month", Some(90)),
            ("5 h", None),
            ("soon", None),
            ("9 moons", None),
        ] {
            assert_eq!(ttl_days(text), days, "{text}");
        }
    }
}
