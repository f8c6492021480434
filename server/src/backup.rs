//! `GET /api/v1/backup`: everything in one file, as it is written. An answer that breaks off is no whole backup, and
//! `restore` says so.

use crate::gate::ApiError;
use crate::serve::App;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Response, header};
use axum::response::IntoResponse as _;
use sextant_contract::{AskError, Code};
use std::io::{self, Write};
use std::sync::Arc;
use tokio::sync::mpsc::{Sender, channel};

/// Bytes that are handed on at once.
const CHUNK_BYTES: usize = 1 << 18;
/// Chunks that wait for a slow reader.
const N_CHUNKS: usize = 8;

/// Collects what is written into chunks for the body.
struct Chunks {
    chunk: Vec<u8>,
    to: Sender<io::Result<Bytes>>,
}

impl Write for Chunks {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let chunk = std::mem::take(&mut self.chunk);
        if chunk.is_empty() {
            return Ok(());
        }
        self.to.blocking_send(Ok(chunk.into())).ok().ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

pub(crate) async fn backup(State(app): State<Arc<App>>) -> Response<Body> {
    // Before the first byte: an answer that has begun can't say why it broke off.
    if let Some(away) = app.workbench.store_status().unavailable.first() {
        let message = format!("nothing is backed up: {}", away.why);
        let hint = "put the file or its disk back, or put aside what is damaged with: sextant doctor --repair";
        return ApiError(AskError::new(Code::Busy, message).hint(hint)).into_response();
    }
    let (to, mut from) = channel(N_CHUNKS);
    let failed = to.clone();
    tokio::task::spawn_blocking(move || {
        if let Err(e) = app.workbench.backup(Chunks { chunk: Vec::new(), to }) {
            // The reader may have gone.
            failed.blocking_send(Err(io::Error::other(e.to_string()))).ok();
        }
    });
    let stream = async_stream::stream! {
        while let Some(chunk) = from.recv().await {
            yield chunk;
        }
    };
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/x-tar"));
    let name = header::HeaderValue::from_static("attachment; filename=\"sextant-backup.tar\"");
    headers.insert(header::CONTENT_DISPOSITION, name);
    response
}
