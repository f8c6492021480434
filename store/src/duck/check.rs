//! Which of a user's statements are run: one SELECT over our views, with functions that only compute.
//!
//! DuckDB's own parser says what the statement is (`json_serialize_sql` takes nothing but SELECT); what it names is
//! then held against lists. What is not on a list is refused.

use crate::StoreError;
use duckdb::Connection;
use serde_json::Value;
use sextant_model::Table;
use std::collections::HashSet;

/// Scalar, aggregate and window functions of DuckDB 1.5.6 that compute and do nothing else.
const FUNCTIONS: &str = include_str!("functions.txt");
const TABLE_FUNCTIONS: [&str; 3] = ["unnest", "range", "generate_series"];
/// Table references that are no plain query parts.
const REFUSED_REFERENCES: [&str; 4] = ["SHOW_REF", "COLUMN_DATA", "DELIM_GET", "BOUND_TABLE_REF"];

pub(super) struct Checker {
    functions: HashSet<&'static str>,
    tables: HashSet<String>,
}

const HINT: &str = "one SELECT over the views traces, logs, metrics_gauge, metrics_sum, metrics_histogram, \
    metrics_exp_histogram and metrics_summary is allowed";

fn refuse(what: impl std::fmt::Display) -> StoreError {
    StoreError::Refused(format!("{what}; {HINT}"))
}

impl Checker {
    pub fn new() -> Self {
        let tables = Table::ALL.iter().flat_map(|t| [t.name().to_owned(), format!("otel_{}", t.name())]);
        Self { functions: FUNCTIONS.lines().collect(), tables: tables.collect() }
    }

    pub fn check(&self, connection: &Connection, sql: &str) -> Result<(), StoreError> {
        let json: String = connection
            .query_row("SELECT json_serialize_sql(?::VARCHAR)", [sql], |r| r.get(0))
            .map_err(|e| refuse(format!("the statement can't be checked: {e}")))?;
        let tree: Value =
            serde_json::from_str(&json).map_err(|e| refuse(format!("the statement can't be checked: {e}")))?;
        if tree["error"] == Value::Bool(true) {
            let message = tree["error_message"].as_str().unwrap_or("it can't be parsed");
            let message = message.lines().next().unwrap_or_default();
            // How DuckDB says that it is no SELECT.
            let is_other = message.contains("can be serialized");
            return Err(refuse(if is_other { "this is no SELECT" } else { message }));
        }
        let statements = tree["statements"].as_array().map_or(&[][..], Vec::as_slice);
        let [statement] = statements else {
            return Err(refuse(match statements.len() {
                0 => "there is no statement".to_owned(),
                n => format!("{n} statements were given"),
            }));
        };
        let mut tables = self.tables.clone();
        names_of_ctes(statement, &mut tables);
        self.walk(statement, &tables)
    }

    fn walk(&self, node: &Value, tables: &HashSet<String>) -> Result<(), StoreError> {
        match node {
            Value::Array(items) => items.iter().try_for_each(|item| self.walk(item, tables)),
            Value::Object(map) => {
                self.node(map, tables)?;
                map.values().try_for_each(|value| self.walk(value, tables))
            }
            _ => Ok(()),
        }
    }

    fn node(&self, map: &serde_json::Map<String, Value>, tables: &HashSet<String>) -> Result<(), StoreError> {
        let text = |key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default();
        let kind = text("type");
        if REFUSED_REFERENCES.contains(&kind) {
            return Err(refuse("SHOW, DESCRIBE and SUMMARIZE are not taken"));
        }
        if kind == "BASE_TABLE" {
            let name = text("table_name").to_ascii_lowercase();
            let is_plain = text("schema_name").is_empty() && text("catalog_name").is_empty();
            if !is_plain || !tables.contains(&name) {
                return Err(refuse(format!("there is no table '{}'", text("table_name"))));
            }
        }
        if kind == "TABLE_FUNCTION" {
            let name = map.get("function").and_then(|f| f["function_name"].as_str()).unwrap_or_default();
            if !TABLE_FUNCTIONS.contains(&name) {
                return Err(refuse(format!("the table function '{name}' is not taken")));
            }
            return Ok(());
        }
        let name = text("function_name");
        let is_known = name.is_empty() || self.functions.contains(name) || TABLE_FUNCTIONS.contains(&name);
        if is_known { Ok(()) } else { Err(refuse(format!("the function '{name}' is not taken"))) }
    }
}

/// The names that WITH gives, which may be read like tables.
fn names_of_ctes(node: &Value, names: &mut HashSet<String>) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| names_of_ctes(item, names)),
        Value::Object(map) => {
            if let Some(ctes) = map.get("cte_map").and_then(|m| m["map"].as_array()) {
                names.extend(ctes.iter().filter_map(|c| c["key"].as_str()).map(str::to_ascii_lowercase));
            }
            map.values().for_each(|value| names_of_ctes(value, names));
        }
        _ => {}
    }
}
