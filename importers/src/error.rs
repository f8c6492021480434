//! Why a whole message could not be read. A single bad record is counted instead, see [`crate::Decoded`].

/// A message of which nothing was kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are no protobuf message of the expected shape.
    #[error("malformed protobuf at byte {at}: {what}")]
    Protobuf {
        /// Offset in the message.
        at: usize,
        /// What is wrong there.
        what: &'static str,
    },
    /// The bytes are no JSON of the expected shape.
    #[error("malformed JSON at line {line}, column {column}: {what}")]
    Json {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
        /// What is wrong there.
        what: String,
    },
    /// Compressed bytes that do not inflate.
    #[error("corrupt {format} data: {what}")]
    Corrupt {
        /// `gzip`, `zstd`, …
        format: &'static str,
        /// What the decompressor said.
        what: String,
    },
    /// More bytes than are taken.
    #[error("larger than the limit of {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: usize,
    },
    /// A file that is no telemetry, or of another format than was said.
    #[error("{0}")]
    Format(String),
}
