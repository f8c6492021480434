//! Zipkin's query API, on the port that takes Zipkin's spans. Errors are plain text there.

use crate::gate;
use crate::serve::App;
use axum::Router;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::sync::Arc;

pub(crate) fn router(app: Arc<App>) -> Router {
    let mut router = Router::new().route("/api/v2/trace/{id}", get(trace));
    for path in [
        "services",
        "spans",
        "remoteServices",
        "traces",
        "traceMany",
        "dependencies",
        "autocompleteKeys",
        "autocompleteValues",
    ] {
        let answer = move |State(app): State<Arc<App>>, Query(query): Query<Vec<(String, String)>>| {
            answer(app, path.to_owned(), query)
        };
        router = router.route(&format!("/api/v2/{path}"), get(answer));
    }
    router.route_layer(from_fn_with_state(app.clone(), guard)).with_state(app)
}

/// Spans are sent by anybody on this machine; they are read with the token.
async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let is_read = request.method() == axum::http::Method::GET || request.method() == axum::http::Method::HEAD;
    match gate::refusal(&app, &request).filter(|_| is_read) {
        Some((status, e)) => {
            let hint = e.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
            (status, format!("{}{hint}", e.message)).into_response()
        }
        None => next.run(request).await,
    }
}

async fn trace(State(app): State<Arc<App>>, Path(id): Path<String>) -> Response {
    answer(app, format!("trace/{id}"), Vec::new()).await
}

async fn answer(app: Arc<App>, path: String, query: Vec<(String, String)>) -> Response {
    let work = move || app.workbench.zipkin(&path, query);
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(value)) => ([(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response(),
        Ok(Err(e)) => (gate::status_of(e.code), e.message).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "the answer was interrupted").into_response(),
    }
}
