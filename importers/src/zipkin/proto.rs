//! The protobuf `ListOfSpans` of Zipkin v2.

use super::span::{Endpoint, ZipkinSpan};
use crate::DecodeError;
use crate::wire::{Reader, Value};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

type Sink<'s> = dyn FnMut(&Reader<'_>, Result<ZipkinSpan<'_>, &'static str>) -> Result<(), DecodeError> + 's;

/// Reads `repeated Span spans = 1` and hands each span on.
pub(super) fn read(message: &[u8], sink: &mut Sink<'_>) -> Result<(), DecodeError> {
    let mut r = Reader::new(message);
    while let Some((number, value)) = r.field()? {
        if let (1, Value::Bytes(b)) = (number, value) {
            let span = span(r.inside(b))?;
            sink(&r, span)?;
        }
    }
    Ok(())
}

fn text(b: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(b)
}

fn span(r: Reader<'_>) -> Result<Result<ZipkinSpan<'_>, &'static str>, DecodeError> {
    let mut span = ZipkinSpan { kind: 1, ..ZipkinSpan::default() };
    let mut bad = None;
    let mut fields = r;
    while let Some((number, value)) = fields.field()? {
        match (number, value) {
            (1, Value::Bytes(b)) => span.trace_id = b.to_vec(),
            (2, Value::Bytes(b)) => span.parent_id = b.to_vec(),
            (3, Value::Bytes(b)) => span.id = b.to_vec(),
            (4, Value::Varint(v)) => match v {
                0 => {}
                1 => span.kind = 3,
                2 => span.kind = 2,
                3 | 4 => span.kind = v + 1,
                _ => bad = Some("unknown kind"),
            },
            (5, Value::Bytes(b)) => span.name = text(b),
            (6, Value::Fixed64(v)) => span.timestamp_micros = v,
            (7, Value::Varint(v)) => span.duration_micros = v,
            (8, Value::Bytes(b)) => span.local = endpoint(r.inside(b))?,
            (9, Value::Bytes(b)) => span.remote = endpoint(r.inside(b))?,
            (10, Value::Bytes(b)) => {
                let (mut at, mut what) = (0, &[][..]);
                let mut inner = r.inside(b);
                while let Some((number, value)) = inner.field()? {
                    match (number, value) {
                        (1, Value::Fixed64(v)) => at = v,
                        (2, Value::Bytes(b)) => what = b,
                        _ => {}
                    }
                }
                if at == 0 {
                    bad = Some("an annotation without a timestamp");
                }
                span.annotations.push((at, text(what)));
            }
            (11, Value::Bytes(b)) => {
                let (mut key, mut tag) = (&[][..], &[][..]);
                let mut inner = r.inside(b);
                while let Some((number, value)) = inner.field()? {
                    match (number, value) {
                        (1, Value::Bytes(b)) => key = b,
                        (2, Value::Bytes(b)) => tag = b,
                        _ => {}
                    }
                }
                span.tags.push((text(key), text(tag)));
            }
            (12, Value::Varint(v)) => span.is_debug = v != 0,
            (13, Value::Varint(v)) => span.is_shared = v != 0,
            _ => {}
        }
    }
    Ok(bad.map_or(Ok(span), Err))
}

fn endpoint(mut r: Reader<'_>) -> Result<Endpoint<'_>, DecodeError> {
    let mut endpoint = Endpoint::default();
    while let Some((number, value)) = r.field()? {
        match (number, value) {
            (1, Value::Bytes(b)) => endpoint.service = text(b),
            (2, Value::Bytes(b)) => {
                endpoint.ip = <[u8; 4]>::try_from(b).ok().map(|a| IpAddr::V4(Ipv4Addr::from(a))).or(endpoint.ip);
            }
            (3, Value::Bytes(b)) => {
                endpoint.ip = <[u8; 16]>::try_from(b).ok().map(|a| IpAddr::V6(Ipv6Addr::from(a))).or(endpoint.ip);
            }
            (4, Value::Varint(v)) => endpoint.port = v as u16,
            _ => {}
        }
    }
    Ok(endpoint)
}
