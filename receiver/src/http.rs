//! OTLP over HTTP.

use crate::answer::{Encoding, failure, success};
use crate::body::{self, BodyError};
use crate::intake::{Intake, Refusal, Sender};
use crate::rpc::{RpcAny, code};
use crate::sink::SinkError;
use crate::{client, guard};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use sextant_importers::otlp::{self, JsonOptions};
use sextant_model::Signal;
use std::sync::Arc;

/// How long a browser may remember a preflight.
const PREFLIGHT_SECONDS: &str = "7200";

pub(crate) fn router(intake: Arc<Intake>) -> Router {
    Router::new().fallback(handle).with_state(intake)
}

fn signal_of(path: &str) -> Option<Signal> {
    Signal::ALL.into_iter().find(|s| path == format!("/v1/{s}"))
}

async fn handle(State(intake): State<Arc<Intake>>, request: Request) -> Response<Body> {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let wanted = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let is_preflight = request.method() == Method::OPTIONS;
    let mut response = match refused(&intake, &request) {
        Some(response) => response,
        None if is_preflight => preflight(),
        None => export(&intake, request).await,
    };
    if let Some(origin) = origin.filter(|o| is_origin_allowed(&intake, o)) {
        cors(response.headers_mut(), origin, wanted.filter(|_| is_preflight));
    }
    response
}

fn is_origin_allowed(intake: &Intake, origin: &HeaderValue) -> bool {
    origin.to_str().is_ok_and(|o| guard::is_origin_allowed(o, &intake.config.allow_origins))
}

fn encoding_of(headers: &HeaderMap) -> Option<Encoding> {
    headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).and_then(Encoding::of)
}

/// What is refused before anything is read: names that are not ours, pages from elsewhere.
fn refused(intake: &Intake, request: &Request) -> Option<Response<Body>> {
    let encoding = encoding_of(request.headers()).unwrap_or(Encoding::Json);
    let forbidden =
        |message: &str| failure(StatusCode::FORBIDDEN, encoding, code::PERMISSION_DENIED, message, Vec::new());
    let host = guard::host_of(request.uri(), request.headers()).unwrap_or_default();
    if intake.is_loopback && !guard::is_host_allowed(host, &intake.config.allow_hosts) {
        return Some(forbidden(&format!(
            "the host '{host}' is not a name of this machine; allow it with --allow-host"
        )));
    }
    match request.headers().get(header::ORIGIN) {
        Some(origin) if !is_origin_allowed(intake, origin) => {
            Some(forbidden("pages of this origin may not send here; allow it with --allow-origin"))
        }
        _ => None,
    }
}

fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

fn cors(headers: &mut HeaderMap, origin: HeaderValue, wanted: Option<HeaderValue>) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.insert(header::VARY, HeaderValue::from_static("Origin"));
    if let Some(wanted) = wanted {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static(PREFLIGHT_SECONDS));
    }
}

async fn export(intake: &Intake, request: Request) -> Response<Body> {
    let encoding = encoding_of(request.headers());
    let fail =
        |status, code, message: &str| failure(status, encoding.unwrap_or(Encoding::Json), code, message, Vec::new());
    let Some(signal) = signal_of(request.uri().path()) else {
        let message = "there is nothing here: send OTLP to /v1/traces, /v1/logs or /v1/metrics";
        return fail(StatusCode::NOT_FOUND, code::NOT_FOUND, message);
    };
    if request.method() != Method::POST {
        let mut response = fail(StatusCode::METHOD_NOT_ALLOWED, code::UNIMPLEMENTED, "OTLP is sent with POST");
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
        return response;
    }
    if intake.lacks_key(request.headers()) {
        let message = "a key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'";
        return fail(StatusCode::UNAUTHORIZED, code::UNAUTHENTICATED, message);
    }
    let Some(encoding) = encoding else {
        let message = "the content type must be application/x-protobuf or application/json";
        return fail(StatusCode::UNSUPPORTED_MEDIA_TYPE, code::INVALID_ARGUMENT, message);
    };
    let sender = Sender { client: client::name(request.headers()), protocol: "otlp-http" };
    let coding = request.headers().get(header::CONTENT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    let config = &intake.config;
    let body = match body::read(request.into_body(), config.max_request_bytes, config.body_time).await {
        Ok(body) => body,
        Err(e) => return bad_body(&e, encoding, config.max_request_bytes),
    };
    let body = match body::inflated(body, coding, config.max_request_bytes).await {
        Ok(body) => body,
        Err(e) => return bad_body(&e, encoding, config.max_request_bytes),
    };
    let taken = intake
        .take(sender, signal, body, move |body, now| match encoding {
            Encoding::Protobuf => otlp::decode(signal, body, now),
            Encoding::Json => {
                otlp::decode_json(body, now, &JsonOptions { signal: Some(signal), has_base64_ids: false })
            }
        })
        .await;
    match taken {
        Ok(partial) => success(signal, encoding, partial),
        Err(refusal) => refuse(&refusal, encoding),
    }
}

fn bad_body(e: &BodyError, encoding: Encoding, limit: usize) -> Response<Body> {
    let (status, code, message) = match e {
        BodyError::TooLarge => (
            StatusCode::PAYLOAD_TOO_LARGE,
            code::RESOURCE_EXHAUSTED,
            format!("larger than the limit of {limit} bytes: send smaller batches"),
        ),
        BodyError::TooSlow => {
            (StatusCode::REQUEST_TIMEOUT, code::DEADLINE_EXCEEDED, "the body took too long".to_owned())
        }
        BodyError::Cut => (StatusCode::BAD_REQUEST, code::INVALID_ARGUMENT, "the body was cut off".to_owned()),
        BodyError::UnknownCoding(c) => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            code::INVALID_ARGUMENT,
            format!("the content encoding '{c}' is not known: use gzip, zstd, deflate or none"),
        ),
        BodyError::Corrupt(what) => (StatusCode::BAD_REQUEST, code::INVALID_ARGUMENT, format!("corrupt body: {what}")),
    };
    failure(status, encoding, code, &message, Vec::new())
}

fn refuse(refusal: &Refusal, encoding: Encoding) -> Response<Body> {
    match refusal {
        Refusal::Malformed(e) => {
            let message = e.to_string();
            let details = vec![RpcAny::bad_request(&message)];
            failure(StatusCode::BAD_REQUEST, encoding, code::INVALID_ARGUMENT, &message, details)
        }
        Refusal::Sink(SinkError::Retry { reason, after_seconds }) => {
            let details = vec![RpcAny::retry_info(*after_seconds)];
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut response = failure(status, encoding, code::UNAVAILABLE, reason, details);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*after_seconds));
            response
        }
        // A fault here may pass: senders retry 503 and keep their data.
        Refusal::Sink(SinkError::Failed(what)) => {
            failure(StatusCode::SERVICE_UNAVAILABLE, encoding, code::UNAVAILABLE, what, Vec::new())
        }
    }
}
