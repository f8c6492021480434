//! Who may come in: names of the host, origins, and the token.

use crate::serve::App;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse};
use sextant_contract::{AskError, Code};
use sextant_receiver::guard;
use std::sync::Arc;

/// The cookie of the browser UI.
pub(crate) const COOKIE: &str = "sextant";
/// Probes are open.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// What a browser without the cookie sees.
const SIGN_IN: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Sextant</title>\
    <body style=\"font:15px sans-serif;max-width:36em;margin:4em auto;line-height:1.5\"><h1>Sextant</h1>\
    <p>This browser is not signed in. Open the address that the program printed when it started: it ends in \
    <code>?token=…</code> and signs the browser in once.</p>\
    <p>In the terminal it stands behind the word <code>open</code>; the token is also in \
    <code>instance.json</code> in the data directory.</p>";

/// A refusal or failure with its status.
pub(crate) struct ApiError(pub AskError);

impl From<AskError> for ApiError {
    fn from(e: AskError) -> Self {
        Self(e)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> axum::response::Response {
        (status_of(self.0.code), axum::Json(self.0)).into_response()
    }
}

/// The status that says it over HTTP.
pub(crate) fn status_of(code: Code) -> StatusCode {
    match code {
        Code::BadQuery | Code::Refused => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Unauthorized => StatusCode::UNAUTHORIZED,
        Code::Busy | Code::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        Code::TimedOut => StatusCode::GATEWAY_TIMEOUT,
        Code::Heavy => StatusCode::CONFLICT,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|v| v.to_str().ok());
    all.flat_map(|v| v.split(';'))
        .filter_map(|c| c.trim().split_once('='))
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, v)| v)
}

/// Lets a request through, or says why not.
pub(crate) async fn gate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response<Body> {
    let Some((status, e)) = refusal(&app, &request) else { return next.run(request).await };
    let accepts = request.headers().get(header::ACCEPT);
    let is_page = request.uri().path() == "/" && accepts.is_some_and(|a| a.as_bytes().starts_with(b"text/html"));
    if is_page && status == StatusCode::UNAUTHORIZED {
        return (status, Html(SIGN_IN)).into_response();
    }
    (status, axum::Json(e)).into_response()
}

/// Why a request may not come in.
pub(crate) fn refusal(app: &App, request: &Request) -> Option<(StatusCode, AskError)> {
    let refuse = |status, code, message, hint: &str| Some((status, AskError::new(code, message).hint(hint)));
    let headers = request.headers();
    let host = guard::host_of(request.uri(), headers).unwrap_or_default();
    if !guard::is_host_allowed(host, &app.allow_hosts) {
        let message = format!("the host '{host}' is not a name of this machine");
        return refuse(
            StatusCode::FORBIDDEN,
            Code::Refused,
            message,
            "use 127.0.0.1, or allow the name with --allow-host",
        );
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let is_ours = origin.to_str().is_ok_and(|o| is_own_origin(o, host, &app.allow_origins));
        if !is_ours {
            let message = "pages of another origin may not read or change anything here".to_owned();
            return refuse(StatusCode::FORBIDDEN, Code::Refused, message, "open the address that the program printed");
        }
    }
    let path = request.uri().path();
    let is_open = OPEN.contains(&path) || (path == "/" && has_token_parameter(request.uri()));
    let given = guard::key_of(headers).or_else(|| cookie(headers)).unwrap_or_default();
    if !is_open && !guard::is_secret(given, &app.token) {
        let message = "the token is missing or wrong".to_owned();
        let hint = "send 'Authorization: Bearer TOKEN' with the token from instance.json in the data directory, \
            or open the address with its token that the program printed";
        return refuse(StatusCode::UNAUTHORIZED, Code::Unauthorized, message, hint);
    }
    None
}

fn has_token_parameter(uri: &axum::http::Uri) -> bool {
    uri.query().is_some_and(|q| q.split('&').any(|p| p.starts_with("token=")))
}

/// Only the page that this server served.
fn is_own_origin(origin: &str, host: &str, allowed: &[String]) -> bool {
    origin == format!("http://{host}") || allowed.iter().any(|a| a == origin)
}
