//! HTTP answers in the encoding of the request.

use crate::rpc::{ExportResponse, PartialSuccess, RpcAny, RpcStatus, rejected_name};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use prost::Message;
use sextant_model::Signal;

/// The two encodings of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    Protobuf,
    Json,
}

impl Encoding {
    /// By content type; parameters and case do not matter.
    pub fn of(content_type: &str) -> Option<Self> {
        match content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "application/x-protobuf" | "application/protobuf" => Some(Self::Protobuf),
            "application/json" => Some(Self::Json),
            _ => None,
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Protobuf => "application/x-protobuf",
            Self::Json => "application/json",
        })
    }
}

/// Text as a JSON string.
fn json_text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            c if c.is_control() => out += &format!("\\u{:04x}", c as u32),
            c => out.push(c),
        }
    }
    out + "\""
}

fn respond(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, encoding.content_type());
    response
}

/// 200, with what was rejected if anything was.
pub(crate) fn success(signal: Signal, encoding: Encoding, partial: Option<PartialSuccess>) -> Response<Body> {
    let body = match (encoding, partial) {
        (Encoding::Protobuf, partial_success) => ExportResponse { partial_success }.encode_to_vec(),
        (Encoding::Json, None) => b"{}".to_vec(),
        (Encoding::Json, Some(p)) => format!(
            "{{\"partialSuccess\":{{\"{}\":\"{}\",\"errorMessage\":{}}}}}",
            rejected_name(signal),
            p.rejected,
            json_text(&p.error_message)
        )
        .into_bytes(),
    };
    respond(StatusCode::OK, encoding, body)
}

/// A refusal as `google.rpc.Status`.
pub(crate) fn failure(
    status: StatusCode,
    encoding: Encoding,
    code: i32,
    message: &str,
    details: Vec<RpcAny>,
) -> Response<Body> {
    let body = match encoding {
        Encoding::Protobuf => RpcStatus { code, message: message.to_owned(), details }.encode_to_vec(),
        Encoding::Json => format!("{{\"code\":{code},\"message\":{}}}", json_text(message)).into_bytes(),
    };
    respond(status, encoding, body)
}
