//! `source map`.

use crate::args::SourceMap;
use crate::output::note;
use crate::reach::Reach;
use anyhow::Context as _;
use serde_json::{Value, json};
use sextant_contract::{Ask, Command};
use std::io::Write as _;
use std::process::ExitCode;

pub async fn run(reach: &Reach, map: SourceMap) -> anyhow::Result<ExitCode> {
    let ask = |mapping: Option<Value>, table: Option<String>| {
        reach.ask(Ask::SourceMapping { name: map.name.clone(), signal: map.signal.clone(), mapping, table })
    };
    if map.clear {
        keep(reach, &map, None).await?;
        note("it is found out again from the system tables");
        return Ok(ExitCode::SUCCESS);
    }
    let now = ask(None, None).await?;
    let at = now.object.as_ref().and_then(|o| o["mapping"]["table"].as_str()).unwrap_or_default().to_owned();
    // The table that is read already is not guessed anew: what is known of it stays.
    let other = map.table.clone().filter(|t| *t != at && at.rsplit('.').next() != Some(t.as_str()));
    let found = if other.is_some() { ask(None, other.clone()).await? } else { now };
    let mut answer = found.object.clone().unwrap_or_default();
    let mut n_samples = found.n_rows();
    let mut samples = found.batches;
    let is_changed = other.is_some() || has_changes(&map);
    if has_changes(&map) {
        let changed = changed(answer["mapping"].clone(), &map)?;
        let tried = ask(Some(changed), None).await?;
        answer = tried.object.clone().unwrap_or_default();
        n_samples = tried.n_rows();
        samples = tried.batches;
    }
    let text = toml::to_string_pretty(&answer["mapping"]).context("a mapping can't be written")?;
    if let Some(problem) = answer["problem"].as_str() {
        note(format!("error: {problem}; nothing was kept"));
        if let Some(columns) = answer["columns"].as_object() {
            let all: Vec<String> =
                columns.iter().map(|(name, of)| format!("{name} {}", of.as_str().unwrap_or_default())).collect();
            note(format!("the table has: {}", all.join(", ")));
        }
        return Ok(ExitCode::FAILURE);
    }
    std::io::stdout().lock().write_all(text.as_bytes())?;
    for text in &map.columns {
        let column = text.split('=').next().unwrap_or_default();
        let rows: Value = serde_json::from_str(&sextant_contract::rows_to_json(&samples)).unwrap_or_default();
        let values: Vec<String> =
            rows.as_array().into_iter().flatten().take(3).map(|row| row[column].to_string()).collect();
        note(format!("{column} reads as {}", values.join(", ")));
    }
    if !is_changed {
        return Ok(ExitCode::SUCCESS);
    }
    if map.is_tried {
        note(format!("{n_samples} records were read so; nothing was kept"));
        return Ok(ExitCode::SUCCESS);
    }
    keep(reach, &map, Some(answer["mapping"].clone())).await?;
    note(format!("kept; {n_samples} records were read so"));
    Ok(ExitCode::SUCCESS)
}

const fn has_changes(map: &SourceMap) -> bool {
    !map.columns.is_empty()
        || !map.attributes.is_empty()
        || !map.resource.is_empty()
        || map.filter.is_some()
        || map.time_unit.is_some()
        || map.duration_unit.is_some()
}

/// A mapping with what was said.
fn changed(mut mapping: Value, map: &SourceMap) -> anyhow::Result<Value> {
    if !mapping.is_object() {
        mapping = json!({ "table": "" });
    }
    for text in &map.columns {
        let (column, expression) = text.split_once('=').with_context(|| format!("'{text}' is not COLUMN=EXPR"))?;
        if mapping["columns"].is_null() {
            mapping["columns"] = json!({});
        }
        match mapping["columns"].as_object_mut() {
            Some(columns) if expression.is_empty() => drop(columns.remove(column)),
            Some(columns) => drop(columns.insert(column.to_owned(), json!(expression))),
            None => {}
        }
    }
    for (key, list) in [("attributes", &map.attributes), ("resource", &map.resource)] {
        if !list.is_empty() {
            mapping[key] = json!(list);
        }
    }
    for (key, value) in [("filter", &map.filter), ("time_unit", &map.time_unit), ("duration_unit", &map.duration_unit)]
    {
        if let Some(value) = value {
            mapping[key] = json!(value);
        }
    }
    Ok(mapping)
}

async fn keep(reach: &Reach, map: &SourceMap, mapping: Option<Value>) -> anyhow::Result<()> {
    let command = Command::SourceMap { name: map.name.clone(), signal: map.signal.clone(), mapping };
    reach.act(command, Vec::new()).await?;
    Ok(())
}
