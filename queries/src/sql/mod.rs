//! What SQL for every database has in common: conditions and figures, in the words of a dialect.

mod aggregate;
mod filter;

pub(crate) use aggregate::aggregate;
pub(crate) use filter::{Filter, SEVERITY_NAME, field_text, group_text};

use arrow::datatypes::DataType;
use sextant_model::query::Field;
use sextant_model::{Param, Signal, Table};

/// Text as an SQL string literal.
pub fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The words that one database has for what a search asks. Values are text of SQL; a value that may be missing is NULL.
pub(crate) trait Dialect {
    /// How the `n`th bound value is named, from one on.
    fn placeholder(&self, n: usize, param: &Param) -> String;
    /// A name as it has to be written.
    fn name(&self, text: &str) -> String;
    /// Where the rows of a table are.
    fn table(&self, table: Table) -> String;
    /// A point in time of nanoseconds since 1970.
    fn time(&self, nanos: &str) -> String;
    /// Nanoseconds since 1970 of a column.
    fn nanos(&self, time: &str) -> String;
    /// Of nanoseconds, the whole parts of this length.
    fn parts(&self, nanos: &str, length: i64) -> String;
    /// The attribute of a record, or else of its resource.
    fn attribute(&self, signal: Signal, key: &str) -> String;
    /// An entry of a map.
    fn entry(&self, signal: Signal, map: &str, key: &str) -> String;
    /// The condition for a bound of a period, `>=` or `<`, where more than the time itself can tell.
    fn bound(&self, _table: Table, _symbol: &str, _nanos: i64) -> Option<String> {
        None
    }
    /// A condition that is true wherever `field` passes a test, and quicker to find: `is` tests another column in its
    /// place, `equals` is the value where it has to be this one.
    fn hint(
        &self,
        _signal: Signal,
        _field: &Field,
        _equals: Option<&str>,
        _is: &mut dyn FnMut(&str) -> String,
    ) -> Option<String> {
        None
    }
    /// All items of a list within a column, a line each.
    fn items(&self, column: &str, list: &str) -> String;
    /// Whether a map or list has anything in it.
    fn is_filled(&self, signal: Signal, column: &str, of: &DataType) -> String;
    /// Whether the column is there; a list within one is `Column.List`.
    fn has(&self, signal: Signal, column: &str) -> bool;
    /// Anything as text.
    fn text(&self, value: &str) -> String;
    /// Text as a number, NULL where it is none.
    fn number(&self, text: &str) -> String;
    /// The part of a text that a group of a regular expression finds.
    fn part(&self, text: &str, pattern: &str) -> String;
    /// In small letters.
    fn lower(&self, text: &str) -> String;
    /// Whether a text has another in it.
    fn contains(&self, text: &str, part: &str) -> String;
    /// Whether a regular expression finds something.
    fn finds(&self, text: &str, pattern: &str) -> String;
    /// A condition that is true wherever `column` has all of these words, and that an index answers.
    fn has_words(&self, column: &str, words: &[&str]) -> Option<String>;
    /// Exact, interpolated.
    fn quantile(&self, number: &str, share: f64) -> String;
    /// `sum`, `avg`, `min` or `max`, NULL of nothing.
    fn figure(&self, function: &str, number: &str) -> String;
    /// All rows of several tables, columns by name.
    fn union(&self, tables: &[Table]) -> String;
    /// All spans `(TraceId, SpanId)` below others, in a statement of its own: `few` selects the spans to walk over,
    /// `parents` those to begin with.
    fn below(&self, few: &str, parents: &str) -> String;
}
