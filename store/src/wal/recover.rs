//! Reading a log file back: every sound frame, whatever happened to its neighbours.

use super::frame::Decoder;
use super::{FRAME_HEAD_BYTES, FRAME_MAGIC};
use crate::Ingest;
use arrow::array::RecordBatch;
use sextant_model::Table;
use std::ops::Range;
use xxhash_rust::xxh3::xxh3_64;

/// What a log file held.
#[derive(Default)]
pub(crate) struct Recovered {
    /// The requests in their order.
    pub requests: Vec<(Ingest, Vec<(Table, RecordBatch)>)>,
    /// Bytes at the end that were being written when the program stopped.
    pub torn_bytes: usize,
    /// Damaged places between sound frames.
    pub damaged: Vec<Range<usize>>,
}

/// The payload of the frame at `at`, and where the next one begins, if the frame is whole and its checksum right.
fn frame_at(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let head = bytes.get(at..at + FRAME_HEAD_BYTES)?;
    if &head[..4] != FRAME_MAGIC {
        return None;
    }
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    let checksum = head[8..16].iter().rev().fold(0u64, |all, b| (all << 8) | u64::from(*b));
    let start = at + FRAME_HEAD_BYTES;
    let payload = bytes.get(start..start.checked_add(length)?)?;
    (xxh3_64(payload) == checksum).then_some((payload, start + length))
}

/// Whether as many bytes are there as a frame that begins here says.
fn is_all_there(bytes: &[u8]) -> bool {
    let length = bytes.get(4..8).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize);
    bytes.starts_with(FRAME_MAGIC) && length.is_some_and(|n| bytes.len() - FRAME_HEAD_BYTES.min(bytes.len()) >= n)
}

/// Reads everything that is sound. Never fails: what is not sound is said in the result.
pub(crate) fn recover(bytes: &[u8]) -> Recovered {
    let mut found = Recovered::default();
    let Some((decoder, mut at)) = Decoder::open(bytes) else {
        // The head is written and synced before any frame: without it, nothing was ever acknowledged here.
        found.torn_bytes = bytes.len();
        return found;
    };
    while at < bytes.len() {
        let request = frame_at(bytes, at).and_then(|(payload, next)| Some((decoder.decode(payload)?, next)));
        if let Some((request, next)) = request {
            found.requests.push(request);
            at = next;
            continue;
        }
        let next = memchr::memmem::find_iter(&bytes[at + 1..], FRAME_MAGIC)
            .map(|i| at + 1 + i)
            .find(|next| frame_at(bytes, *next).is_some());
        if let Some(next) = next {
            found.damaged.push(at..next);
            at = next;
        } else if is_all_there(&bytes[at..]) {
            // Written to its end and then changed: it may have been acknowledged.
            found.damaged.push(at..bytes.len());
            break;
        } else {
            found.torn_bytes = bytes.len() - at;
            break;
        }
    }
    found
}
