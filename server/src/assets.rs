//! The browser UI, which is in the binary.

use crate::gate::COOKIE;
use crate::serve::App;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, Response, StatusCode, Uri, header};
use axum::response::IntoResponse;
use sextant_receiver::guard;
use std::sync::Arc;

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// What the page may load and do: nothing from elsewhere.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Opening the printed address once gives the browser its cookie.
fn sign_in(app: &App, uri: &Uri) -> Option<Response<Body>> {
    let token = uri.query()?.split('&').find_map(|p| p.strip_prefix("token="))?;
    if !guard::is_secret(token, &app.token) {
        let message =
            "The token in this address is not the one of the running program. Use the address it printed last.";
        return Some((StatusCode::UNAUTHORIZED, message).into_response());
    }
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000");
    let headers = [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())];
    Some((StatusCode::SEE_OTHER, headers).into_response())
}

/// A file of the UI; `/` is its page.
pub(crate) async fn serve(State(app): State<Arc<App>>, uri: Uri) -> Response<Body> {
    if uri.path() == "/"
        && let Some(response) = sign_in(&app, &uri)
    {
        return response;
    }
    let name = match uri.path() {
        "/" => "index.html",
        path => path.trim_start_matches('/'),
    };
    let Some((_, content_type, bytes)) = FILES.iter().find(|(n, ..)| *n == name) else {
        let message = if FILES.is_empty() && name == "index.html" {
            "This program was built without the browser UI. Build it with: make run"
        } else {
            "There is nothing here. The API is described by /api/v1/openapi.json"
        };
        return (StatusCode::NOT_FOUND, message).into_response();
    };
    let mut response = Response::new(Body::from(*bytes));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
