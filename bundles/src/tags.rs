//! The files of a bundle that describe it to people and programs.

use crate::make::Seen;
use crate::statement::{Facts, Redaction};
use arrow::datatypes::{DataType, Schema};
use serde::Serialize;
use sextant_model::Table;
use sextant_model::ids::hex;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

pub(crate) const MANIFEST: &str = "manifest-sha256.txt";
pub(crate) const TAG_MANIFEST: &str = "tagmanifest-sha256.txt";
pub(crate) const SIGNATURE: &str = "tagmanifest.sig";
pub(crate) const PUBKEY: &str = "pubkey.pem";
pub(crate) const VERIFY: &str = "VERIFY.md";
pub(crate) const PACKAGE: &str = "datapackage.json";
pub(crate) const REDACTIONS: &str = "redactions.json";
pub(crate) const REPORT: &str = "report.pdf";
pub(crate) const BAGIT: &str = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n";
pub(crate) const MADE_BY: &str = concat!("sextant ", env!("CARGO_PKG_VERSION"));

/// `bag-info.txt`.
pub(crate) fn bag_info(facts: &Facts, (bytes, files): (u64, usize)) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        // A value is one line.
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if !value.trim().is_empty() {
            text.push_str(&format!("{name}: {}\n", value.trim()));
        }
    };
    line("Bag-Software-Agent", MADE_BY);
    line("Bagging-Date", facts.made_at.get(..10).unwrap_or_default());
    line("External-Identifier", &facts.title);
    line("External-Description", &facts.purpose);
    line("Payload-Oxum", &format!("{bytes}.{files}"));
    text
}

/// `VERIFY.md`.
pub(crate) fn verify_md(fingerprint: &str, rows: u64) -> String {
    include_str!("VERIFY.md").replace("FINGERPRINT", fingerprint).replace("ROWS", &rows.to_string())
}

/// `redactions.json`: what was changed where and how, never a value.
pub(crate) fn redactions(all: &[Redaction]) -> String {
    format!("{}\n", serde_json::to_string_pretty(all).unwrap_or_default())
}

/// The hash of names and types of the columns of a table.
pub(crate) fn schema_hash(table: Table) -> String {
    schema_hash_of(&sextant_model::schema::arrived(table))
}

pub(crate) fn schema_hash_of(schema: &Schema) -> String {
    let text: String = schema.fields().iter().map(|f| format!("{} {}\n", f.name(), type_name(f.data_type()))).collect();
    hex(&Sha256::digest(text))
}

/// A type in words that no version of a library changes.
fn type_name(kind: &DataType) -> String {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 => "text".into(),
        DataType::Binary | DataType::LargeBinary => "bytes".into(),
        DataType::Timestamp(..) => "time".into(),
        DataType::List(item) | DataType::LargeList(item) => format!("list<{}>", type_name(item.data_type())),
        DataType::Struct(fields) => {
            let all: Vec<String> =
                fields.iter().map(|f| format!("{} {}", f.name(), type_name(f.data_type()))).collect();
            format!("struct<{}>", all.join(", "))
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.len() == 2 => {
                format!("map<{}, {}>", type_name(fields[0].data_type()), type_name(fields[1].data_type()))
            }
            other => format!("map<{}>", type_name(other)),
        },
        other => other.to_string().to_lowercase(),
    }
}

/// What Frictionless calls a type.
fn frictionless(kind: &DataType) -> &'static str {
    match kind {
        DataType::Utf8 => "string",
        DataType::Timestamp(..) => "datetime",
        DataType::Boolean => "boolean",
        DataType::List(_) => "array",
        DataType::Struct(_) | DataType::Map(..) => "object",
        kind if kind.is_integer() => "integer",
        kind if kind.is_floating() => "number",
        _ => "any",
    }
}

#[derive(Serialize)]
struct Column {
    name: String,
    r#type: &'static str,
}

#[derive(Serialize)]
struct Columns {
    fields: Vec<Column>,
}

#[derive(Serialize)]
struct Resource {
    name: String,
    path: String,
    format: &'static str,
    mediatype: &'static str,
    bytes: u64,
    hash: String,
    rows: u64,
    schema: Columns,
}

#[derive(Serialize)]
struct Package {
    profile: &'static str,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    created: String,
    resources: Vec<Resource>,
}

/// `datapackage.json`: the files of data with their columns, as Frictionless has it.
pub(crate) fn datapackage(facts: &Facts, data: &BTreeMap<String, (Seen, u64, Table)>) -> String {
    let resource = |(path, (seen, rows, table)): (&String, &(Seen, u64, Table))| {
        let schema = sextant_model::schema::arrived(*table);
        let column =
            |f: &arrow::datatypes::FieldRef| Column { name: f.name().clone(), r#type: frictionless(f.data_type()) };
        let plain: String = path.trim_start_matches("data/").trim_end_matches(".parquet").replace(['/', '='], "-");
        Resource {
            name: plain,
            path: path.clone(),
            format: "parquet",
            mediatype: "application/vnd.apache.parquet",
            bytes: seen.len,
            hash: format!("sha256:{}", hex(&seen.hash)),
            rows: *rows,
            schema: Columns { fields: schema.fields().iter().map(column).collect() },
        }
    };
    let package = Package {
        profile: "data-package",
        name: "sextant-bundle".into(),
        title: facts.title.clone(),
        description: facts.purpose.clone(),
        created: facts.made_at.clone(),
        resources: data.iter().map(resource).collect(),
    };
    format!("{}\n", serde_json::to_string_pretty(&package).unwrap_or_default())
}
