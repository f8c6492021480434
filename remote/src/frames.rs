//! Messages of an Arrow stream, held against what they promise before anything is made of them: a server is not to be
//! trusted with the size of our memory.

use arrow::error::ArrowError;
use arrow::ipc::{MessageHeader, RecordBatch, root_as_message};
use bytes::{Buf as _, Bytes, BytesMut};

/// The head of a message, and its body, may be so large.
const MAX_HEAD: usize = 16 << 20;
const MAX_BODY: usize = 512 << 20;
/// What is packed may grow by so much, and to so much in all.
const MAX_RATIO: u64 = 2_000;
/// A column of one value packs better than that.
const FREE: u64 = 64 << 20;
const MAX_UNPACKED: u64 = 2 << 30;

/// What came and is no whole message yet.
#[derive(Default)]
pub(crate) struct Frames(BytesMut);

fn odd(why: impl Into<String>) -> ArrowError {
    ArrowError::IpcError(why.into())
}

impl Frames {
    pub fn add(&mut self, part: &[u8]) {
        self.0.extend_from_slice(part);
    }

    /// The next message, once all of it is there.
    pub fn next(&mut self) -> Result<Option<Bytes>, ArrowError> {
        let number = |at: usize| -> Option<u32> { Some((self.0.get(at..at + 4)?).get_u32_le()) };
        let Some(first) = number(0) else { return Ok(None) };
        // Older writers have no mark before the length.
        let (begin, length) = if first == u32::MAX {
            let Some(length) = number(4) else { return Ok(None) };
            (8, length as usize)
        } else {
            (4, first as usize)
        };
        if length > MAX_HEAD {
            return Err(odd(format!("the head of a message has {length} bytes")));
        }
        if length == 0 {
            return Ok(Some(self.0.split_to(begin).freeze()));
        }
        let Some(head) = self.0.get(begin..begin + length) else { return Ok(None) };
        let message = root_as_message(head).map_err(|e| odd(format!("the head of a message is none: {e}")))?;
        let n_body = usize::try_from(message.bodyLength()).ok().filter(|n| *n <= MAX_BODY);
        let Some(n_body) = n_body else { return Err(odd(format!("a message has {} bytes", message.bodyLength()))) };
        let whole = begin + length + n_body;
        let Some(body) = self.0.get(begin + length..whole) else { return Ok(None) };
        let rows = match message.header_type() {
            MessageHeader::RecordBatch => message.header_as_record_batch(),
            MessageHeader::DictionaryBatch => message.header_as_dictionary_batch().and_then(|d| d.data()),
            _ => None,
        };
        if let Some(rows) = rows {
            check(&rows, body)?;
        }
        Ok(Some(self.0.split_to(whole).freeze()))
    }

    /// Whether a part of a message is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Holds what packed buffers say that they unpack to against their size.
fn check(rows: &RecordBatch<'_>, body: &[u8]) -> Result<(), ArrowError> {
    let (Some(_), Some(buffers)) = (rows.compression(), rows.buffers()) else { return Ok(()) };
    let mut sum = 0_u64;
    for buffer in buffers {
        let (at, n) = (buffer.offset(), buffer.length());
        let range = usize::try_from(at).ok().zip(usize::try_from(n).ok());
        let bytes = range.and_then(|(at, n)| body.get(at..at.checked_add(n)?));
        let Some(bytes) = bytes else { return Err(odd("a buffer lies outside of its message")) };
        let Some(mut promised) = bytes.get(..8) else { continue };
        let promised = promised.get_i64_le();
        // -1: not packed.
        let Ok(promised) = u64::try_from(promised) else { continue };
        sum = sum.saturating_add(promised);
        if promised > (bytes.len() as u64).saturating_mul(MAX_RATIO).max(FREE) || sum > MAX_UNPACKED {
            return Err(odd(format!("{} bytes are said to unpack to {promised}", bytes.len())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{ArrayRef, Int64Array, RecordBatch as Rows};
    use arrow::ipc::CompressionType;
    use arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
    use std::sync::Arc;

    fn stream() -> Vec<u8> {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values((0..10_000).map(|i| i / 100)));
        let rows = Rows::try_from_iter([("n", column)]).expect("a column");
        let options =
            IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).expect("is known");
        let mut writer = StreamWriter::try_new_with_options(Vec::new(), &rows.schema(), options).expect("a writer");
        writer.write(&rows).and_then(|()| writer.finish()).expect("is written");
        writer.into_inner().expect("bytes")
    }

    #[test]
    fn messages_come_whole_however_they_are_cut() {
        let stream = stream();
        for step in [1, 7, 64, stream.len()] {
            let (mut frames, mut came) = (Frames::default(), Vec::new());
            let mut n = 0;
            for part in stream.chunks(step) {
                frames.add(part);
                while let Some(message) = frames.next().expect("is sound") {
                    came.extend_from_slice(&message);
                    n += 1;
                }
            }
            assert_eq!((n, came == stream, frames.is_empty()), (3, true, true), "{step}");
        }
    }

    #[test]
    fn no_byte_makes_it_promise_too_much() {
        let stream = stream();
        for at in 0..stream.len() {
            for change in [0x01, 0x80, 0xff] {
                let mut bytes = stream.clone();
                bytes[at] ^= change;
                let mut frames = Frames::default();
                frames.add(&bytes);
                // Sound or refused: never a panic, never a message larger than what came.
                while let Ok(Some(message)) = frames.next() {
                    assert!(message.len() <= stream.len());
                }
            }
        }
        let mut huge = stream.clone();
        let packed = huge.windows(4).rposition(|w| w == [0x04, 0x22, 0x4d, 0x18]).expect("a frame of lz4");
        huge[packed - 8..packed].copy_from_slice(&(1_i64 << 61).to_le_bytes());
        let mut frames = Frames::default();
        frames.add(&huge);
        assert!(frames.next().expect("a schema").is_some());
        let refused = frames.next().expect_err("too much").to_string();
        assert!(refused.contains("unpack"), "{refused}");
        frames = Frames::default();
        frames.add(b"<!DOCTYPE html><html>");
        assert!(frames.next().is_err());
    }
}
