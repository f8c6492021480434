//! The description of `/api/v1`.

use serde_json::{Value, json};

/// The JSON schema of what `/api/v1/ask` takes.
pub(crate) fn ask_schema() -> Value {
    serde_json::from_str(include_str!("ask.schema.json")).unwrap_or_default()
}

/// An `OpenAPI` 3.1 document of what is there.
pub(crate) fn document() -> Value {
    let mut document: Value = serde_json::from_str(include_str!("openapi.json")).unwrap_or_default();
    document["info"]["version"] = json!(env!("CARGO_PKG_VERSION"));
    document
}
