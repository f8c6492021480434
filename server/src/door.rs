//! The three doors of [`sextant_contract::Backend`] over HTTP: `ask` and `act` in, bytes out, and events as they come.

use crate::gate::ApiError;
use crate::serve::App;
use axum::Json;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::sse::{Event as SseEvent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use sextant_contract::{Ask, AskError, Backend, Code, Command, Event};
use std::convert::Infallible;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/api/v1/door/ask", post(ask))
        .route("/api/v1/door/act", post(act))
        .route("/api/v1/door/events", get(events))
}

fn bad(e: &serde_json::Error) -> ApiError {
    ApiError(
        AskError::new(Code::BadQuery, format!("the question can't be read: {e}"))
            .hint("is the other side of the same version?"),
    )
}

async fn ask(State(app): State<Arc<App>>, bytes: Bytes) -> Result<Response, ApiError> {
    let ask: Ask = serde_json::from_slice(&bytes).map_err(|e| bad(&e))?;
    let answer = app.workbench.ask(ask).await?;
    let bytes = tokio::task::spawn_blocking(move || answer.encode()).await;
    let bytes = bytes.unwrap_or_else(|_| Err(AskError::new(Code::Internal, "the answer can't be written")))?;
    Ok(([(header::CONTENT_TYPE, "application/vnd.apache.arrow.stream")], bytes).into_response())
}

#[derive(Deserialize)]
struct ActParameters {
    /// The command as JSON; its bytes are the body.
    command: String,
}

async fn act(State(app): State<Arc<App>>, Query(p): Query<ActParameters>, bytes: Bytes) -> Result<Response, ApiError> {
    let command: Command = serde_json::from_str(&p.command).map_err(|e| bad(&e))?;
    if command.path().is_some() {
        let refused = AskError::new(Code::Refused, "files are not written to places that are named over HTTP");
        return Err(ApiError(refused.hint("leave the path out and fetch the file from /api/v1/exports/NAME")));
    }
    Ok(Json(app.workbench.act(command, bytes.to_vec()).await?).into_response())
}

/// Each new generation, the newest only: who is slow skips some.
async fn events(State(app): State<Arc<App>>) -> Sse<impl futures_core::Stream<Item = Result<SseEvent, Infallible>>> {
    let mut generation = app.generation.clone();
    let mut stop = app.stop.clone();
    generation.mark_changed();
    let stream = async_stream::stream! {
        loop {
            tokio::select! {
                changed = generation.changed() => if changed.is_err() { break },
                _ = stop.changed() => break,
            }
            let event = Event::Generation { generation: *generation.borrow_and_update() };
            yield Ok(SseEvent::default().data(serde_json::to_string(&event).unwrap_or_default()));
        }
    };
    Sse::new(stream).keep_alive(KeepAlive::default())
}
