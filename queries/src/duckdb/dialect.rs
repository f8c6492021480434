//! DuckDB's words.

use crate::sql::{Dialect, quote};
use arrow::datatypes::DataType;
use sextant_model::{Param, Signal, Table, schema};

/// Over the views of the store.
pub struct DuckDb;

impl Dialect for DuckDb {
    fn placeholder(&self, _n: usize, _param: &Param) -> String {
        "?".to_owned()
    }

    fn name(&self, text: &str) -> String {
        format!("\"{}\"", text.replace('"', "\"\""))
    }

    fn table(&self, table: Table) -> String {
        table.name().to_owned()
    }

    fn time(&self, nanos: &str) -> String {
        format!("make_timestamp_ns({nanos})")
    }

    fn nanos(&self, time: &str) -> String {
        format!("epoch_ns({time})")
    }

    fn parts(&self, nanos: &str, length: i64) -> String {
        format!("({nanos} // {length})")
    }

    /// A column where the store has made one.
    fn attribute(&self, _signal: Signal, key: &str) -> String {
        self.name(&schema::promoted(key))
    }

    fn entry(&self, _signal: Signal, map: &str, key: &str) -> String {
        format!("{map}[{}]", quote(key))
    }

    fn items(&self, column: &str, list: &str) -> String {
        format!("array_to_string(CAST({column}.{list} AS VARCHAR[]), chr(10))")
    }

    fn is_filled(&self, _signal: Signal, column: &str, _of: &DataType) -> String {
        format!("length(CAST({column} AS VARCHAR)) > 2")
    }

    fn has(&self, _signal: Signal, _column: &str) -> bool {
        true
    }

    fn text(&self, value: &str) -> String {
        format!("CAST({value} AS VARCHAR)")
    }

    fn number(&self, text: &str) -> String {
        format!("TRY_CAST({text} AS DOUBLE)")
    }

    fn part(&self, text: &str, pattern: &str) -> String {
        format!("regexp_extract({text}, {}, 1)", quote(pattern))
    }

    fn lower(&self, text: &str) -> String {
        format!("lower({text})")
    }

    fn contains(&self, text: &str, part: &str) -> String {
        format!("contains({text}, {part})")
    }

    fn finds(&self, text: &str, pattern: &str) -> String {
        format!("regexp_matches({text}, {pattern})")
    }

    /// What rows to look at is chosen before the statement: see [`crate::prune`].
    fn has_words(&self, _column: &str, _words: &[&str]) -> Option<String> {
        None
    }

    fn quantile(&self, number: &str, share: f64) -> String {
        format!("quantile_cont({number}, {share})")
    }

    fn figure(&self, function: &str, number: &str) -> String {
        format!("{function}({number})")
    }

    fn union(&self, tables: &[Table]) -> String {
        tables.iter().map(|table| format!("FROM {}", table.name())).collect::<Vec<_>>().join(" UNION ALL BY NAME ")
    }

    fn below(&self, few: &str, parents: &str) -> String {
        format!(
            "WITH RECURSIVE few AS MATERIALIZED ({few}), down AS (\
             SELECT p.TraceId, p.SpanId FROM ({parents}) p WHERE p.TraceId IN (SELECT TraceId FROM few) UNION \
             SELECT c.TraceId, c.SpanId FROM few c JOIN down d ON c.TraceId = d.TraceId \
             AND c.ParentSpanId = d.SpanId) SELECT TraceId, SpanId FROM down"
        )
    }
}
