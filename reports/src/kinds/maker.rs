//! What all kinds of reports do: ask, keep what was answered as a file with its hash, and note what was lacking.

use crate::job::sha256;
use crate::model::{Attachment, Block, Cell, Column, Origin, Table, Tone};
use serde_json::Value;
use sextant_charts::figures::{counted, thousands};
use sextant_contract::rows_to_json;
use sextant_contract::{
    Answer, Ask, AskError, Code, Completeness, Period, ReportAsk, RowFormat, SearchAsk, SearchKind,
};
use sextant_exports::RowWriter;
use sextant_model::UnixNanos;
use std::cell::{Cell as Once, RefCell};
use std::collections::BTreeSet;

/// More rows of a table are not set; all of them are attached.
pub(super) const MAX_ROWS: usize = 500;

/// Answers questions.
pub type Answers<'a> = &'a dyn Fn(&Ask) -> Result<Answer, AskError>;

/// A report on its way.
pub(super) struct Maker<'a> {
    pub of: &'a ReportAsk,
    answers: Answers<'a>,
    /// What is shown comes along.
    pub attachments: RefCell<Vec<Attachment>>,
    /// What can be typed to see it again.
    pub commands: RefCell<Vec<String>>,
    /// What was lacking.
    gaps: RefCell<BTreeSet<String>>,
    n_read: Once<u64>,
    /// Whether it was looked for what retention took away.
    pub has_looked: Once<bool>,
}

/// What was answered.
pub(super) struct Found {
    pub rows: Vec<Value>,
    pub answer: Answer,
    pub origin: Origin,
}

/// A word of a command line, quoted where a shell would take it apart.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.into()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

fn bounds(period: Period) -> String {
    let bound =
        |flag: &str, time: Option<i64>| time.map_or_else(String::new, |t| format!(" --{flag} {}", UnixNanos(t)));
    bound("from", period.from) + &bound("to", period.to)
}

/// What is typed for the same rows; nothing for what the command line does not ask.
fn command(ask: &Ask) -> Option<String> {
    Some(match ask {
        Ask::Search(ask) => {
            let kind = match ask.kind {
                SearchKind::Traces => "traces",
                SearchKind::Spans => "spans",
                SearchKind::Logs => "logs",
                SearchKind::Metrics => "metrics",
            };
            let query =
                if ask.query.trim().is_empty() { String::new() } else { format!(" --query={}", quoted(&ask.query)) };
            format!("sextant search {kind}{query}{} --limit {} --format csv", bounds(ask.period), ask.limit)
        }
        Ask::Sql { sql, period: None, .. } => format!("sextant sql {} --format csv", quoted(sql)),
        Ask::Services { period } => format!("sextant services{} --format csv", bounds(*period)),
        _ => return None,
    })
}

impl<'a> Maker<'a> {
    pub fn new(of: &'a ReportAsk, answers: Answers<'a>) -> Self {
        Self {
            of,
            answers,
            attachments: RefCell::default(),
            commands: RefCell::default(),
            gaps: RefCell::default(),
            n_read: Once::new(0),
            has_looked: Once::new(false),
        }
    }

    /// Only asks; what is lacking is noted all the same.
    pub fn ask(&self, ask: &Ask) -> Result<Answer, AskError> {
        let answer = (self.answers)(ask)?;
        self.n_read.set(self.n_read.get() + answer.n_rows() as u64);
        if let Completeness::Partial { reason } = &answer.completeness {
            self.gap(format!("Something could not be read: {reason}."));
        }
        Ok(answer)
    }

    /// Rows of an answer.
    pub fn rows(&self, ask: &Ask) -> Result<Vec<Value>, AskError> {
        rows(&self.ask(ask)?)
    }

    /// Asks for rows that are shown: they come along as `name.csv`.
    pub fn found(&self, ask: &Ask, name: &str) -> Result<Found, AskError> {
        self.kept(ask, self.ask(ask)?, name)
    }

    /// The same of what was answered already, once it is known that it is shown. Nothing is no file.
    pub fn kept(&self, ask: &Ask, answer: Answer, name: &str) -> Result<Found, AskError> {
        if answer.n_rows() == 0 {
            return Ok(Found { rows: Vec::new(), answer, origin: Origin::default() });
        }
        let bad = |e: &dyn std::fmt::Display| AskError::new(Code::Internal, format!("rows can't be attached: {e}"));
        let mut writer = RowWriter::new(Vec::new(), RowFormat::Csv);
        writer.begin(&answer.schema).map_err(|e| bad(&e))?;
        for batch in &answer.batches {
            writer.write(batch).map_err(|e| bad(&e))?;
        }
        let bytes = writer.finish().map_err(|e| bad(&e))?;
        let n = answer.n_rows();
        let (file, hash) = self.attach(name, bytes);
        // A statement is typed without a limit.
        let is_cut = matches!(ask, Ask::Sql { .. }) && answer.completeness != Completeness::Complete;
        let typed = command(ask).filter(|_| !is_cut);
        let origin = Origin {
            query: typed.clone().unwrap_or_else(|| name.replace('-', " ")),
            rows: match &answer.completeness {
                Completeness::Limited { total: Some(total) } => {
                    format!("{} of {} rows", thousands(n as i64), thousands(*total as i64))
                }
                Completeness::Limited { total: None } => format!("the first {} rows of more", thousands(n as i64)),
                Completeness::Partial { .. } => format!("{}, not all could be read", counted(n, "row")),
                Completeness::Complete => format!("{0} of {0} rows", thousands(n as i64)),
            },
            hash,
            file,
        };
        if let Some(typed) = typed {
            self.commands.borrow_mut().push(format!("{typed} | sha256sum   # {}", &origin.hash[..16]));
        }
        Ok(Found { rows: rows(&answer)?, answer, origin })
    }

    /// Keeps a file; its name, which is unique then, and its hash.
    pub fn attach(&self, name: &str, bytes: Vec<u8>) -> (String, String) {
        let mut all = self.attachments.borrow_mut();
        let file = format!("{:02}-{name}.csv", all.len() + 1);
        let hash = sha256(&bytes);
        let description = format!("{}, SHA-256 {hash}", name.replace('-', " "));
        all.push(Attachment { name: file.clone(), description, media: "text/csv", bytes });
        (file, hash)
    }

    /// Notes what was lacking.
    pub fn gap(&self, text: impl Into<String>) {
        self.gaps.borrow_mut().insert(text.into());
    }

    /// What was lacking, in words.
    pub fn gaps(&self) -> Vec<String> {
        self.gaps.borrow().iter().cloned().collect()
    }

    /// Rows that were read for it.
    pub fn n_read(&self) -> u64 {
        self.n_read.get()
    }
}

/// Rows of an answer as objects.
pub(super) fn rows(answer: &Answer) -> Result<Vec<Value>, AskError> {
    serde_json::from_str(&rows_to_json(&answer.batches))
        .map_err(|e| AskError::new(Code::Internal, format!("rows can't be read: {e}")))
}

/// A search for rows.
pub(super) fn search(kind: SearchKind, query: impl Into<String>, period: Period, limit: usize) -> SearchAsk {
    SearchAsk { kind, query: query.into(), period, limit, explain: false }
}

/// A query that both parts hold for.
pub(super) fn both(a: &str, b: &str) -> String {
    if a.trim().is_empty() { b.into() } else { format!("({a}) {b}") }
}

/// A column's name, and how it is set: `#` for figures, `*` for what takes the room that is left, `` ` `` for the fixed-width face.
pub(super) fn columns(names: &[&str]) -> Vec<Column> {
    names
        .iter()
        .map(|name| Column {
            name: name.trim_start_matches(['#', '*', '`']).to_owned(),
            is_figure: name.contains('#'),
            is_wide: name.contains('*'),
            is_mono: name.contains('`') || name.contains('#'),
        })
        .collect()
}

/// A table of at most so many rows; what is left out is said.
pub(super) fn table(
    columns: Vec<Column>,
    mut rows: Vec<Vec<Cell>>,
    caption: impl Into<String>,
    origin: Option<Origin>,
    most: usize,
) -> Block {
    let n = rows.len();
    rows.truncate(most.min(MAX_ROWS));
    let mut cut = String::new();
    if rows.len() < n {
        cut = format!("{} of {} rows are shown", thousands(rows.len() as i64), thousands(n as i64));
        if let Some(origin) = &origin {
            cut += &format!("; all are in the attached {}", origin.file);
        }
        cut += ".";
    }
    Block::Table(Table { columns, rows, caption: caption.into(), cut, origin })
}

/// A cell with a text.
pub(super) fn cell(text: impl Into<String>) -> Cell {
    Cell::from(text.into())
}

/// One that is to be seen if it is so.
pub(super) fn marked(text: impl Into<String>, tone: Tone, is_so: bool) -> Cell {
    Cell { text: text.into(), tone: if is_so { tone } else { Tone::Plain } }
}

/// A text of a row.
pub(super) fn text(row: &Value, key: &str) -> String {
    match &row[key] {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// A number of a row; nothing is 0.
pub(super) fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or(0.0)
}

/// A time of a row in nanoseconds.
pub(super) fn time(row: &Value, key: &str) -> Option<i64> {
    match &row[key] {
        Value::String(text) => UnixNanos::parse(text).ok().map(|t| t.0),
        other => other.as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_words_for_a_shell() {
        let period = Period { from: Some(0), to: Some(1_500_000_000) };
        let ask = Ask::Search(search(SearchKind::Traces, "service:checkout it's", period, 10));
        assert_eq!(
            command(&ask).as_deref(),
            Some(
                "sextant search traces --query='service:checkout it'\\''s' --from 1970-01-01T00:00:00Z --to 1970-01-01T00:00:01.5Z --limit 10 --format csv"
            )
        );
        assert_eq!(quoted("$(rm -rf x)"), "'$(rm -rf x)'");
        assert_eq!(quoted(""), "''");
        assert_eq!(command(&Ask::Status), None);
    }

    #[test]
    fn what_a_table_leaves_out_is_said() {
        let rows = (0..100_000).map(|i| vec![cell(i.to_string())]).collect();
        let origin = Origin { file: "01-all.csv".into(), ..Origin::default() };
        let Block::Table(table) = table(columns(&["#n"]), rows, "", Some(origin), MAX_ROWS) else { panic!("a table") };
        assert_eq!(table.rows.len(), 500);
        assert_eq!(table.cut, "500 of 100,000 rows are shown; all are in the attached 01-all.csv.");
    }
}
