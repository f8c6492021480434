//! `GET /api/v1/exports/{name}`: a file that an export made.

use crate::gate::ApiError;
use crate::serve::App;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, Response, header};
use serde::Deserialize;
use sextant_contract::{AskError, Code};
use std::path::{Component, Path as FilePath};
use std::sync::Arc;
use tokio::fs::File;
use tokio::io::AsyncReadExt as _;

/// Bytes that are handed on at once.
const CHUNK_BYTES: usize = 1 << 18;

#[derive(Deserialize, Default)]
pub(crate) struct Parameters {
    /// Whether it is fetched for good: then it need not be kept.
    #[serde(default)]
    once: bool,
}

pub(crate) async fn download(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Query(p): Query<Parameters>,
) -> Result<Response<Body>, ApiError> {
    handed_out(&app, &name, p.once).await
}

/// A file of the folder for exports, which goes from it if it is handed out `once`.
pub(crate) async fn handed_out(app: &App, name: &str, once: bool) -> Result<Response<Body>, ApiError> {
    let none = || {
        let hint = "exports are kept for a day; make it once more";
        ApiError(AskError::new(Code::NotFound, format!("there is no export '{name}'")).hint(hint))
    };
    // A name and nothing else: neither a way out of the folder nor a file that is still being written.
    let mut parts = FilePath::new(name).components();
    let is_name = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None)) && !name.starts_with('.');
    if !is_name {
        return Err(none());
    }
    let path = app.workbench.exports_dir().join(name);
    let mut file = File::open(&path).await.ok().ok_or_else(none)?;
    let n_bytes = file.metadata().await.ok().filter(std::fs::Metadata::is_file).ok_or_else(none)?.len();
    let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")).ok().ok_or_else(none)?;
    if once {
        // What is open is read to its end all the same.
        tokio::fs::remove_file(&path).await.ok();
    }
    let stream = async_stream::stream! {
        loop {
            let mut chunk = vec![0; CHUNK_BYTES];
            match file.read(&mut chunk).await {
                Ok(0) => break,
                Ok(n) => {
                    chunk.truncate(n);
                    yield Ok(Bytes::from(chunk));
                }
                Err(e) => {
                    yield Err(e);
                    break;
                }
            }
        }
    };
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(n_bytes));
    headers.insert(header::CONTENT_DISPOSITION, disposition);
    Ok(response)
}
