//! What can go wrong inside a record: the whole message is malformed, or just this record can't be kept.

use crate::DecodeError;

#[derive(Debug)]
pub(super) enum Fault {
    Message(DecodeError),
    Record(&'static str),
}

impl From<DecodeError> for Fault {
    fn from(e: DecodeError) -> Self {
        Self::Message(e)
    }
}
