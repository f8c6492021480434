//! The bytes of a frame.

use super::{FILE_MAGIC, FRAME_HEAD_BYTES, FRAME_MAGIC};
use crate::ingest::Rows;
use crate::{Ingest, RequestKey, StoreError};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::ipc::CompressionType;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::{
    CompressionContext, DictionaryTracker, IpcDataGenerator, IpcWriteOptions, StreamWriter, write_message,
};
use serde::{Deserialize, Serialize};
use sextant_model::{Counts, Reasons, Table, schema};
use std::io::{Cursor, Read};
use xxhash_rust::xxh3::xxh3_64;

/// What is counted, as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Meta {
    project: String,
    client: String,
    protocol: String,
    received_at: i64,
    counts: [MetaCounts; 3],
    n_malformed: [u64; 3],
    /// Hash, in hex, and reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<(String, String)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct MetaCounts {
    received: u64,
    rejected: std::collections::BTreeMap<String, u64>,
    marked: std::collections::BTreeMap<String, u64>,
}

fn arrow_error(e: &arrow::error::ArrowError) -> StoreError {
    StoreError::Wal(e.to_string())
}

fn write_options() -> Result<IpcWriteOptions, StoreError> {
    IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).map_err(|e| arrow_error(&e))
}

/// The schema message of a table, which opens every stream of it.
fn schema_message(schema: &SchemaRef) -> Result<Vec<u8>, StoreError> {
    let mut out = Vec::new();
    let writer = StreamWriter::try_new(&mut out, schema).map_err(|e| arrow_error(&e))?;
    drop(writer);
    Ok(out)
}

/// What a file begins with.
pub(super) fn file_head() -> Result<Vec<u8>, StoreError> {
    let mut schemas = Vec::new();
    for table in Table::ALL {
        let message = schema_message(&schema::stored(table))?;
        schemas.extend_from_slice(&(message.len() as u32).to_le_bytes());
        schemas.extend_from_slice(&message);
    }
    let mut head = FILE_MAGIC.to_vec();
    head.extend_from_slice(&(schemas.len() as u32).to_le_bytes());
    head.extend_from_slice(&xxh3_64(&schemas).to_le_bytes());
    head.extend_from_slice(&schemas);
    Ok(head)
}

/// One request as a frame.
pub(crate) fn encode(ingest: &Ingest, rows: &[Rows]) -> Result<Vec<u8>, StoreError> {
    let counts =
        ingest.counts.clone().map(|c| MetaCounts { received: c.received, rejected: c.rejected.0, marked: c.marked.0 });
    let meta = Meta {
        project: ingest.project.clone(),
        client: ingest.client.clone(),
        protocol: ingest.protocol.clone(),
        received_at: ingest.received_at,
        counts,
        n_malformed: ingest.n_malformed,
        request: ingest.request.as_ref().map(|r| (format!("{:032x}", r.hash), r.reply.clone())),
    };
    let meta = serde_json::to_vec(&meta).map_err(|e| StoreError::Wal(e.to_string()))?;
    let mut out = vec![0; FRAME_HEAD_BYTES];
    out.extend_from_slice(&(meta.len() as u32).to_le_bytes());
    out.extend_from_slice(&meta);
    let options = write_options()?;
    let mut compression = CompressionContext::default();
    for Rows { table, batch, .. } in rows {
        let mut dictionaries = DictionaryTracker::new(false);
        let (_, message) = IpcDataGenerator::default()
            .encode(batch, &mut dictionaries, &options, &mut compression)
            .map_err(|e| arrow_error(&e))?;
        out.push(*table as u8);
        let at = out.len();
        out.extend_from_slice(&[0; 4]);
        write_message(&mut out, message, &options).map_err(|e| arrow_error(&e))?;
        let length = (out.len() - at - 4) as u32;
        out[at..at + 4].copy_from_slice(&length.to_le_bytes());
    }
    let length = (out.len() - FRAME_HEAD_BYTES) as u32;
    let checksum = xxh3_64(&out[FRAME_HEAD_BYTES..]);
    out[..4].copy_from_slice(FRAME_MAGIC);
    out[4..8].copy_from_slice(&length.to_le_bytes());
    out[8..16].copy_from_slice(&checksum.to_le_bytes());
    Ok(out)
}

/// A reader of one file's frames: it knows the schemas that the file begins with.
pub(super) struct Decoder {
    schemas: Vec<Vec<u8>>,
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let b = bytes.get(at..at + 4)?;
    Some(u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize)
}

impl Decoder {
    /// From the file's head; returns where the first frame begins. A damaged head costs nothing but itself: frames of
    /// this version are read with the schemas of this version, and older ones are put aside with their place.
    pub fn open(bytes: &[u8]) -> Option<(Self, usize)> {
        Self::from_head(bytes).or_else(|| {
            let head = file_head().ok()?;
            let (decoder, _) = Self::from_head(&head)?;
            Some((decoder, 0))
        })
    }

    fn from_head(bytes: &[u8]) -> Option<(Self, usize)> {
        let body = bytes.strip_prefix(FILE_MAGIC)?;
        let length = u32_at(body, 0)?;
        let checksum = body.get(4..12)?.iter().rev().fold(0u64, |all, b| (all << 8) | u64::from(*b));
        let mut rest = body.get(12..length.checked_add(12)?)?;
        if xxh3_64(rest) != checksum {
            return None;
        }
        let mut schemas = Vec::new();
        while !rest.is_empty() {
            let n = u32_at(rest, 0)?;
            schemas.push(rest.get(4..4 + n)?.to_vec());
            rest = &rest[4 + n..];
        }
        Some((Self { schemas }, FILE_MAGIC.len() + 12 + length))
    }

    /// The request of a payload whose checksum was right.
    pub fn decode(&self, payload: &[u8]) -> Option<(Ingest, Vec<(Table, RecordBatch)>)> {
        let n = u32_at(payload, 0)?;
        let meta: Meta = serde_json::from_slice(payload.get(4..4 + n)?).ok()?;
        let mut rest = &payload[4 + n..];
        let mut rows = Vec::new();
        while let Some(code) = rest.first() {
            let n = u32_at(rest, 1)?;
            let message = rest.get(5..5 + n)?;
            rest = &rest[5 + n..];
            let table = *Table::ALL.get(usize::from(*code))?;
            let stream = Cursor::new(self.schemas.get(usize::from(*code))?).chain(Cursor::new(message));
            let mut reader = StreamReader::try_new(stream, None).ok()?;
            rows.push((table, reader.next()?.ok()?));
        }
        let counts = meta.counts.map(|c| Counts {
            received: c.received,
            rejected: Reasons(c.rejected),
            marked: Reasons(c.marked),
        });
        let ingest = Ingest {
            project: meta.project,
            client: meta.client,
            protocol: meta.protocol,
            received_at: meta.received_at,
            batches: Vec::new(),
            counts,
            n_malformed: meta.n_malformed,
            request: meta
                .request
                .and_then(|(hash, reply)| Some(RequestKey { hash: u128::from_str_radix(&hash, 16).ok()?, reply })),
        };
        Some((ingest, rows))
    }
}
