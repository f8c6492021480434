//! Bodies: read within a limit and a time, and inflated within the same limit.

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::io::Read;
use std::time::Duration;

/// Why a body could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyError {
    TooLarge,
    TooSlow,
    Cut,
    UnknownCoding(String),
    Corrupt(String),
}

/// Reads the whole body.
pub(crate) async fn read(body: axum::body::Body, limit: usize, time: Duration) -> Result<Bytes, BodyError> {
    match tokio::time::timeout(time, Limited::new(body, limit).collect()).await {
        Err(_) => Err(BodyError::TooSlow),
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(e)) if e.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Ok(Err(_)) => Err(BodyError::Cut),
    }
}

/// Inflates off the async threads.
pub(crate) async fn inflated(body: Bytes, codings: String, limit: usize) -> Result<Bytes, BodyError> {
    if codings.is_empty() {
        return Ok(body);
    }
    let inflated = tokio::task::spawn_blocking(move || inflate(body, &codings, limit)).await;
    inflated.unwrap_or_else(|_| Err(BodyError::Corrupt("it could not be inflated".into())))
}

/// Inflates by content coding; several are undone from the last to the first.
fn inflate(body: Bytes, codings: &str, limit: usize) -> Result<Bytes, BodyError> {
    let mut body = body;
    for coding in codings.rsplit(',').map(str::trim).filter(|c| !c.is_empty()) {
        body = match coding.to_ascii_lowercase().as_str() {
            "identity" => body,
            "gzip" | "x-gzip" => all(flate2::read::MultiGzDecoder::new(&body[..]), limit, "gzip")?,
            "deflate" => all(flate2::read::ZlibDecoder::new(&body[..]), limit, "deflate")?,
            "zstd" => {
                let decoder = zstd::stream::read::Decoder::new(&body[..]);
                all(decoder.map_err(|e| BodyError::Corrupt(format!("zstd: {e}")))?, limit, "zstd")?
            }
            other => return Err(BodyError::UnknownCoding(other.to_owned())),
        };
    }
    Ok(body)
}

fn all(reader: impl Read, limit: usize, name: &str) -> Result<Bytes, BodyError> {
    let mut out = Vec::new();
    let read = reader.take(limit as u64 + 1).read_to_end(&mut out);
    read.map_err(|e| BodyError::Corrupt(format!("{name}: {e}")))?;
    if out.len() > limit { Err(BodyError::TooLarge) } else { Ok(out.into()) }
}
