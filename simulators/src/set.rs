//! Other values at some places of a scenario: what `--set` says, and what variants are made of.

use crate::error::ScenarioError;

/// A value as it is written; what is no value of TOML is a text.
pub(crate) fn value(text: &str) -> toml::Value {
    let file = toml::from_str::<toml::Table>(&format!("v = {text}"));
    let value = file.ok().and_then(|mut table| table.remove("v"));
    value.unwrap_or_else(|| toml::Value::String(text.to_owned()))
}

/// What `PATH=VALUE` says.
///
/// # Errors
/// If it is not that.
pub fn setting(text: &str) -> Result<(String, toml::Value), ScenarioError> {
    let (path, said) = text.split_once('=').ok_or_else(|| ScenarioError::of(text, "it is not PATH=VALUE"))?;
    Ok((path.trim().to_owned(), value(said.trim())))
}

/// The text of a scenario with other values at some places: `sampling.head`, `tier[0].days`.
///
/// # Errors
/// If there is no such place, or the text is no TOML.
pub fn with(text: &str, sets: &[(String, toml::Value)]) -> Result<String, ScenarioError> {
    let mut file: toml::Value = toml::from_str(text).map_err(|e| ScenarioError::of("", e.message()))?;
    for (path, value) in sets {
        let parts = path.replace('[', ".").replace(']', "");
        let mut at = &mut file;
        for part in parts.split('.') {
            at = match (at, part.parse::<usize>()) {
                (toml::Value::Array(all), Ok(i)) => {
                    let n = all.len();
                    // The next one may be added.
                    if i == n {
                        all.push(toml::Value::Table(toml::Table::new()));
                    }
                    let there = format!("there are {n} of them, counted from 0");
                    all.get_mut(i).ok_or_else(|| ScenarioError::of(path, there))?
                }
                (toml::Value::Table(table), _) => {
                    table.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()))
                }
                _ => return Err(ScenarioError::of(path, format!("there is no '{part}' in it"))),
            };
        }
        *at = value.clone();
    }
    toml::to_string(&file).map_err(|e| ScenarioError::of("", e.to_string()))
}
