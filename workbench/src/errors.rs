//! Failures of the rooms below, as a user sees them.

use sextant_contract::{AskError, Code};
use sextant_queries::ParseError;
use sextant_store::StoreError;

pub(crate) fn store(e: &StoreError) -> AskError {
    let message = e.to_string();
    match e {
        StoreError::Refused(_) | StoreError::Cancelled => AskError::new(Code::Refused, message),
        StoreError::Query(_) => AskError::new(Code::BadQuery, message),
        StoreError::TimedOut(_) => AskError::new(Code::TimedOut, message).hint("narrow the period or the filter"),
        StoreError::Busy { .. } | StoreError::Behind { .. } | StoreError::Closing => {
            AskError::new(Code::Busy, message).hint("try again in a moment")
        }
        StoreError::DiskFull { .. } => {
            AskError::new(Code::Busy, message).hint("free some space, or lower --disk-reserve")
        }
        _ => AskError::new(Code::Internal, message),
    }
}

pub(crate) fn parse(e: &ParseError) -> AskError {
    AskError {
        code: Code::BadQuery,
        message: e.to_string(),
        hint: e.hint.clone(),
        position: Some((e.at.start, e.at.end)),
        estimate: None,
    }
}
