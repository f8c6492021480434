//! Patterns of the log records that a search finds.

use crate::errors;
use crate::explore::At;
use crate::workbench::Workbench;
use arrow::array::{ArrayRef, AsArray, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray};
use arrow::datatypes::{Int32Type, Int64Type};
use serde_json::json;
use sextant_analysis::{Patterns, Piece, pattern_regex, pattern_text};
use sextant_contract::{Answer, AskError, Code, Completeness, SearchAsk};
use sextant_model::{Signal, TimeRange};
use sextant_queries::{clickhouse, duckdb, parse, prune};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The newest so many records are looked at.
const MAX_LINES: usize = 300_000;
/// More patterns are not listed.
const MAX_ROWS: usize = 1_000;

/// What is counted of a pattern.
struct Counted {
    n: i64,
    n_errors: i64,
    n_warnings: i64,
    parts: Vec<i32>,
    services: BTreeSet<String>,
    newest: i64,
    oldest: i64,
    example: String,
}

impl Workbench {
    /// Rows `pattern regex n errors warnings counts services newest oldest example`, the most frequent first; `regex` is empty where lines have no pattern; `counts` in
    /// equal parts of the period.
    pub(crate) fn patterns(&self, at: At<'_>, search: &SearchAsk, n_parts: u32) -> Result<Answer, AskError> {
        let query = parse(Signal::Logs, &search.query).map_err(|e| errors::parse(&e))?;
        let (Some(from), Some(to)) = (search.period.from, search.period.to) else {
            return Err(AskError::new(Code::BadQuery, "a period with both bounds is needed here"));
        };
        let range = TimeRange::from(search.period);
        let found = self.rows_at(
            at,
            || (duckdb::log_lines(&query, range, MAX_LINES), prune(&query, range)),
            |tables| clickhouse::log_lines(tables, &query, range, MAX_LINES),
        )?;
        let began = std::time::Instant::now();
        let n_lines = found.n_rows();
        let mut patterns = Patterns::default();
        let mut all: HashMap<usize, Counted> = HashMap::new();
        let n_parts = n_parts.clamp(1, 1_000) as usize;
        let length = ((to - from) / n_parts as i64).max(1);
        for batch in &found.batches {
            let (times, levels) =
                (batch.column(0).as_primitive::<Int64Type>(), batch.column(1).as_primitive::<Int32Type>());
            let (services, bodies) = (batch.column(2).as_string::<i32>(), batch.column(3).as_string::<i32>());
            for row in 0..batch.num_rows() {
                let (time, level, body) = (times.value(row), levels.value(row), bodies.value(row));
                let one = all.entry(patterns.add(body)).or_insert_with(|| Counted {
                    n: 0,
                    n_errors: 0,
                    n_warnings: 0,
                    parts: vec![0; n_parts],
                    services: BTreeSet::new(),
                    newest: time,
                    oldest: time,
                    example: body.chars().take(500).collect(),
                });
                one.n += 1;
                one.n_errors += i64::from(level >= 17);
                one.n_warnings += i64::from((13..17).contains(&level));
                let part = ((time - from).max(0) / length) as usize;
                one.parts[part.min(n_parts - 1)] += 1;
                one.newest = one.newest.max(time);
                one.oldest = one.oldest.min(time);
                if !one.services.contains(services.value(row)) {
                    one.services.insert(services.value(row).to_owned());
                }
            }
        }
        let mut listed: Vec<(usize, Counted)> = all.into_iter().collect();
        listed.sort_by(|(i, a), (j, b)| b.n.cmp(&a.n).then(i.cmp(j)));
        let n_patterns = listed.len();
        listed.truncate(MAX_ROWS);
        let mut answered = found;
        let rows =
            rows(&patterns, &listed).map_err(|e| AskError::new(Code::Internal, format!("rows can't be made: {e}")))?;
        answered.cost.took_micros += began.elapsed().as_micros() as u64;
        answered.object = Some(json!({ "lines": n_lines, "patterns": n_patterns }));
        if n_lines >= MAX_LINES {
            answered.completeness = answered.completeness.and(Completeness::Limited { total: None });
        }
        answered.schema = rows.schema();
        answered.batches = vec![rows];
        Ok(answered)
    }
}

/// Finds the lines of a pattern; none finds those that are not like each other.
fn regex(id: usize, pieces: &[Piece]) -> String {
    if id == 0 { String::new() } else { pattern_regex(pieces) }
}

fn rows(patterns: &Patterns, listed: &[(usize, Counted)]) -> Result<RecordBatch, arrow::error::ArrowError> {
    let pieces: Vec<Vec<Piece>> = listed.iter().map(|(id, _)| patterns.pieces(*id)).collect();
    let text = |all: Vec<String>| -> ArrayRef { Arc::new(StringArray::from(all)) };
    let int = |f: fn(&Counted) -> i64| -> ArrayRef {
        Arc::new(Int64Array::from_iter_values(listed.iter().map(|(_, one)| f(one))))
    };
    let mut counts = ListBuilder::new(Int32Array::builder(0));
    let mut services = ListBuilder::new(arrow::array::StringBuilder::new());
    for (_, one) in listed {
        counts.values().append_slice(&one.parts);
        counts.append(true);
        one.services.iter().for_each(|name| services.values().append_value(name));
        services.append(true);
    }
    RecordBatch::try_from_iter([
        ("pattern", text(pieces.iter().map(|p| pattern_text(p)).collect())),
        ("regex", text(listed.iter().zip(&pieces).map(|((id, _), p)| regex(*id, p)).collect())),
        ("n", int(|c| c.n)),
        ("errors", int(|c| c.n_errors)),
        ("warnings", int(|c| c.n_warnings)),
        ("counts", Arc::new(counts.finish()) as ArrayRef),
        ("services", Arc::new(services.finish()) as ArrayRef),
        ("newest", int(|c| c.newest)),
        ("oldest", int(|c| c.oldest)),
        ("example", text(listed.iter().map(|(_, one)| one.example.clone()).collect())),
    ])
}
