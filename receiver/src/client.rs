//! Who sent a request, in a few words.

use axum::http::{HeaderMap, header};

/// Longer names are cut.
const MAX_CHARS: usize = 60;

/// The user agent, made short and printable.
pub(crate) fn name(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or("unknown");
    agent.chars().filter(|c| !c.is_control()).take(MAX_CHARS).collect()
}
