//! Zipkin v2 over HTTP: taking spans. Errors are plain text, as Zipkin's are.

use crate::answer::Encoding;
use crate::body::{self, BodyError};
use crate::intake::{Intake, Refusal, Sender};
use crate::sink::SinkError;
use crate::{client, guard};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, Response, StatusCode, header};
use sextant_importers::zipkin::{OnBadSpan, decode_json, decode_json_v1, decode_proto};
use sextant_model::Signal;
use std::sync::Arc;

/// Spans are taken; what else is asked on this port is answered by `queries`.
pub(crate) fn router(intake: Arc<Intake>) -> Router {
    let queries = intake.config.zipkin_queries.clone().unwrap_or_default();
    let take = |intake: Arc<Intake>| move |request: Request| handle(State(intake.clone()), request);
    queries.fallback(take(intake.clone())).method_not_allowed_fallback(take(intake))
}

fn text(status: StatusCode, message: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(message.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

async fn handle(State(intake): State<Arc<Intake>>, request: Request) -> Response<Body> {
    let origin = request.headers().get(header::ORIGIN).cloned();
    let allowed = |o: &HeaderValue| o.to_str().is_ok_and(|o| guard::is_origin_allowed(o, &intake.config.allow_origins));
    let host = guard::host_of(request.uri(), request.headers()).unwrap_or_default();
    let mut response = if intake.is_loopback && !guard::is_host_allowed(host, &intake.config.allow_hosts) {
        text(
            StatusCode::FORBIDDEN,
            format!("the host '{host}' is not a name of this machine; allow it with --allow-host"),
        )
    } else if origin.as_ref().is_some_and(|o| !allowed(o)) {
        text(StatusCode::FORBIDDEN, "pages of this origin may not send here; allow it with --allow-origin")
    } else if request.method() == Method::OPTIONS {
        let wanted = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
        let mut response = text(StatusCode::NO_CONTENT, "");
        if let Some(wanted) = wanted {
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted);
            response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        }
        response
    } else {
        spans(&intake, request).await
    };
    if let Some(origin) = origin.filter(allowed) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    response
}

async fn spans(intake: &Intake, request: Request) -> Response<Body> {
    if !matches!(request.uri().path(), "/api/v2/spans" | "/api/v1/spans") {
        return text(StatusCode::NOT_FOUND, "there is nothing here: send spans to /api/v2/spans");
    }
    if request.method() != Method::POST {
        return text(StatusCode::METHOD_NOT_ALLOWED, "spans are sent with POST");
    }
    if intake.lacks_key(request.headers()) {
        return text(
            StatusCode::UNAUTHORIZED,
            "a key is needed: send it as 'Authorization: Bearer KEY' or 'x-api-key: KEY'",
        );
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    let Some(encoding) = content_type.map_or(Some(Encoding::Json), Encoding::of) else {
        return text(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the content type must be application/json or application/x-protobuf",
        );
    };
    let is_v1 = request.uri().path() == "/api/v1/spans";
    let sender = Sender { client: client::name(request.headers()), protocol: "zipkin" };
    let coding = request.headers().get(header::CONTENT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or("").to_owned();
    let config = &intake.config;
    let read = body::read(request.into_body(), config.max_request_bytes, config.body_time).await;
    let inflated = match read {
        Ok(body) => body::inflated(body, coding, config.max_request_bytes).await,
        Err(e) => Err(e),
    };
    let body = match inflated {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large"),
        Err(BodyError::TooSlow) => return text(StatusCode::REQUEST_TIMEOUT, "the body took too long"),
        Err(BodyError::Cut) => return text(StatusCode::BAD_REQUEST, "the body was cut off"),
        Err(BodyError::UnknownCoding(c)) => {
            return text(StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("the content encoding '{c}' is not known"));
        }
        Err(BodyError::Corrupt(what)) => return text(StatusCode::BAD_REQUEST, format!("Cannot gunzip spans: {what}")),
    };
    let taken = intake
        .take(sender, Signal::Traces, body, move |body, now| match encoding {
            Encoding::Json if is_v1 => decode_json_v1(body, now, OnBadSpan::Refuse),
            Encoding::Json => decode_json(body, now, OnBadSpan::Refuse),
            Encoding::Protobuf => decode_proto(body, now, OnBadSpan::Refuse),
        })
        .await;
    match taken {
        Ok(_) => text(StatusCode::ACCEPTED, ""),
        Err(Refusal::Malformed(e)) => text(StatusCode::BAD_REQUEST, e.to_string()),
        Err(Refusal::Sink(SinkError::Retry { reason, after_seconds })) => {
            let mut response = text(StatusCode::SERVICE_UNAVAILABLE, reason);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after_seconds));
            response
        }
        Err(Refusal::Sink(SinkError::Failed(what))) => text(StatusCode::SERVICE_UNAVAILABLE, what),
    }
}
