//! Zipkin spans, JSON of both versions and protobuf, by way of OTLP: each span becomes a `Span` message and is decoded as one.
//!
//! Rules are those of the Zipkin server: what it refuses with 400 is an error here.

mod json;
mod json_v1;
mod proto;
mod span;

use crate::wire::Writer;
use crate::{DecodeError, Decoded, otlp};
use sextant_model::Signal;
use span::ZipkinSpan;
use std::collections::BTreeMap;

/// What to do with a span that Zipkin would refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnBadSpan {
    /// Refuse the whole list, as the server does.
    Refuse,
    /// Count it and go on, for files.
    Count,
}

/// Decodes a JSON list of v2 spans.
///
/// # Errors
/// If the text is no list of v2 spans; a bad span too, where `on_bad` says so.
pub fn decode_json(text: &[u8], received_at: i64, on_bad: OnBadSpan) -> Result<Decoded, DecodeError> {
    let mut spans = Transcoder::new(on_bad);
    json::read(text, &mut |r, span| spans.add(span, |what| r.fail(what)))?;
    spans.finish(received_at)
}

/// Decodes a JSON list of v1 spans.
///
/// # Errors
/// As [`decode_json`].
pub fn decode_json_v1(text: &[u8], received_at: i64, on_bad: OnBadSpan) -> Result<Decoded, DecodeError> {
    let mut spans = Transcoder::new(on_bad);
    json_v1::read(text, &mut |r, span| spans.add(span, |what| r.fail(what)))?;
    spans.finish(received_at)
}

/// Decodes a protobuf `ListOfSpans`.
///
/// # Errors
/// As [`decode_json`].
pub fn decode_proto(message: &[u8], received_at: i64, on_bad: OnBadSpan) -> Result<Decoded, DecodeError> {
    let mut spans = Transcoder::new(on_bad);
    proto::read(message, &mut |r, span| spans.add(span, |what| r.fail(what)))?;
    spans.finish(received_at)
}

/// OTLP messages in the making, one a service and scope.
struct Transcoder {
    on_bad: OnBadSpan,
    scopes: BTreeMap<(String, String, String), Writer>,
    n_bad: BTreeMap<&'static str, u64>,
}

impl Transcoder {
    fn new(on_bad: OnBadSpan) -> Self {
        Self { on_bad, scopes: BTreeMap::new(), n_bad: BTreeMap::new() }
    }

    fn add(
        &mut self,
        span: Result<ZipkinSpan<'_>, &'static str>,
        fail: impl FnOnce(&'static str) -> DecodeError,
    ) -> Result<(), DecodeError> {
        let span = span.and_then(|mut span| span.check().map(|()| span));
        match span {
            Ok(span) => {
                span.write(self.scopes.entry(span.scope_key()).or_default());
                Ok(())
            }
            Err(what) if self.on_bad == OnBadSpan::Refuse => Err(fail(what)),
            Err(what) => {
                *self.n_bad.entry(what).or_default() += 1;
                Ok(())
            }
        }
    }

    fn finish(self, received_at: i64) -> Result<Decoded, DecodeError> {
        let mut message = Writer::default();
        for ((service, scope, version), spans) in &self.scopes {
            let resource_spans = message.begin(1);
            let resource = message.begin(1);
            if !service.is_empty() {
                span::attribute(&mut message, 1, "service.name", service);
            }
            message.end(resource);
            let scope_spans = message.begin(2);
            let open = message.begin(1);
            message.bytes(1, scope.as_bytes());
            message.bytes(2, version.as_bytes());
            message.end(open);
            message.out.extend_from_slice(&spans.out);
            message.end(scope_spans);
            message.end(resource_spans);
        }
        let mut decoded = otlp::decode(Signal::Traces, &message.out, received_at)?;
        for (what, n) in self.n_bad {
            let counts = decoded.counts_mut(Signal::Traces);
            counts.received += n;
            counts.rejected.add(&what.replace(' ', "_"), n);
        }
        Ok(decoded)
    }
}

#[cfg(test)]
mod tests;
