//! The JSON list of Zipkin v2.

use super::span::{Endpoint, ZipkinSpan};
use crate::DecodeError;
use crate::json::{JsonReader, Next, exact_integer};
use sextant_model::ids::unhex;
use std::borrow::Cow;

pub(super) type Sink<'s> =
    dyn FnMut(&JsonReader<'_>, Result<ZipkinSpan<'_>, &'static str>) -> Result<(), DecodeError> + 's;

/// Reads `[span, …]` and hands each span on.
pub(super) fn read(text: &[u8], sink: &mut Sink<'_>) -> Result<(), DecodeError> {
    list(text, |r| {
        let span = span(r)?;
        sink(r, span)
    })
}

/// Reads a list of objects, each by `each`; nothing at all is an empty list.
pub(super) fn list<'a>(
    text: &'a [u8],
    mut each: impl FnMut(&mut JsonReader<'a>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let mut r = JsonReader::new(text);
    if r.is_at_end() {
        return Ok(());
    }
    if r.peek()? != Next::Array {
        return Err(r.fail("a list of spans was expected"));
    }
    r.array(|r| if r.peek()? == Next::Object { each(r) } else { Err(r.fail("a span object was expected")) })?;
    if r.is_at_end() { Ok(()) } else { Err(r.fail("text after the end of the list")) }
}

type Read<'a> = Result<ZipkinSpan<'a>, &'static str>;

fn span<'a>(r: &mut JsonReader<'a>) -> Result<Read<'a>, DecodeError> {
    let mut span = ZipkinSpan { kind: 1, ..ZipkinSpan::default() };
    let mut bad = None;
    r.object(|r, key| {
        if let Err(what) = field(r, key, &mut span)? {
            bad.get_or_insert(what);
        }
        Ok(())
    })?;
    Ok(bad.map_or(Ok(span), Err))
}

fn field<'a>(
    r: &mut JsonReader<'a>,
    key: &str,
    span: &mut ZipkinSpan<'a>,
) -> Result<Result<(), &'static str>, DecodeError> {
    if key == "binaryAnnotations" {
        r.skip()?;
        return Ok(Err("v1 spans are not taken here"));
    }
    if r.null()? {
        return Ok(Ok(()));
    }
    Ok(match key {
        "traceId" => id(r, 32)?.map(|id| span.trace_id = id).ok_or("invalid trace id"),
        "id" => id(r, 16)?.map(|id| span.id = id).ok_or("invalid span id"),
        "parentId" => id(r, 16)?.map(|id| span.parent_id = id).ok_or("invalid parent id"),
        "name" => text(r)?.map(|t| span.name = t).ok_or("a name that is no text"),
        "kind" => {
            let kind = text(r)?;
            match kind.as_deref().and_then(kind_number) {
                Some(kind) => {
                    span.kind = kind;
                    Ok(())
                }
                None => Err("unknown kind"),
            }
        }
        "timestamp" => micros(r)?.map(|t| span.timestamp_micros = t).ok_or("malformed timestamp"),
        "duration" => micros(r)?.map(|t| span.duration_micros = t).ok_or("malformed duration"),
        "localEndpoint" => endpoint(r)?.map(|e| span.local = e),
        "remoteEndpoint" => endpoint(r)?.map(|e| span.remote = e),
        "annotations" => annotations(r, span)?,
        "tags" => tags(r, span)?,
        "debug" => flag(r)?.map(|b| span.is_debug = b).ok_or("malformed debug flag"),
        "shared" => flag(r)?.map(|b| span.is_shared = b).ok_or("malformed shared flag"),
        _ => {
            r.skip()?;
            Ok(())
        }
    })
}

pub(super) fn text<'a>(r: &mut JsonReader<'a>) -> Result<Option<Cow<'a, str>>, DecodeError> {
    if r.peek()? == Next::String {
        return r.string().map(Some);
    }
    r.skip()?;
    Ok(None)
}

/// Hex of at most `max` digits; odd lengths are padded in front.
pub(super) fn id(r: &mut JsonReader<'_>, max: usize) -> Result<Option<Vec<u8>>, DecodeError> {
    let text = text(r)?;
    Ok(text.filter(|t| !t.is_empty() && t.len() <= max).and_then(|t| {
        let even = if t.len().is_multiple_of(2) { t.into_owned() } else { format!("0{t}") };
        unhex(even.as_bytes())
    }))
}

/// Microseconds, as number or text; negative ones count as none.
pub(super) fn micros(r: &mut JsonReader<'_>) -> Result<Option<u64>, DecodeError> {
    let value = match r.peek()? {
        Next::Number => {
            let text = r.number()?;
            exact_integer(text).or_else(|| text.parse::<f64>().ok().map(|v| v as i128))
        }
        Next::String => exact_integer(&r.string()?),
        _ => {
            r.skip()?;
            None
        }
    };
    Ok(value.map(|v| u64::try_from(v.max(0)).unwrap_or(u64::MAX)))
}

pub(super) fn flag(r: &mut JsonReader<'_>) -> Result<Option<bool>, DecodeError> {
    if r.peek()? == Next::Bool {
        return r.bool().map(Some);
    }
    r.skip()?;
    Ok(None)
}

fn kind_number(kind: &str) -> Option<u64> {
    Some(match kind {
        "SERVER" => 2,
        "CLIENT" => 3,
        "PRODUCER" => 4,
        "CONSUMER" => 5,
        _ => return None,
    })
}

pub(super) fn endpoint<'a>(r: &mut JsonReader<'a>) -> Result<Result<Endpoint<'a>, &'static str>, DecodeError> {
    let mut endpoint = Endpoint::default();
    if r.peek()? != Next::Object {
        r.skip()?;
        return Ok(Err("an endpoint that is no object"));
    }
    r.object(|r, key| {
        if r.null()? {
            return Ok(());
        }
        match key {
            "serviceName" => endpoint.service = text(r)?.unwrap_or_default(),
            "ipv4" | "ipv6" => endpoint.ip = text(r)?.and_then(|t| t.parse().ok()).or(endpoint.ip),
            "port" => endpoint.port = micros(r)?.and_then(|p| u16::try_from(p).ok()).unwrap_or_default(),
            _ => r.skip()?,
        }
        Ok(())
    })?;
    Ok(Ok(endpoint))
}

fn annotations<'a>(r: &mut JsonReader<'a>, span: &mut ZipkinSpan<'a>) -> Result<Result<(), &'static str>, DecodeError> {
    let mut bad = None;
    if r.peek()? != Next::Array {
        r.skip()?;
        return Ok(Err("annotations that are no list"));
    }
    r.array(|r| {
        let (mut at, mut value) = (None, None);
        if r.peek()? != Next::Object {
            bad = Some("an annotation that is no object");
            return r.skip();
        }
        r.object(|r, key| {
            match key {
                "timestamp" if !r.null()? => at = micros(r)?,
                "value" if !r.null()? => value = text(r)?,
                "endpoint" => {
                    bad = Some("v1 spans are not taken here");
                    r.skip()?;
                }
                "timestamp" | "value" => {}
                _ => r.skip()?,
            }
            Ok(())
        })?;
        match (at, value) {
            (Some(at), Some(value)) => span.annotations.push((at, value)),
            (None, _) => bad = bad.or(Some("an annotation without a timestamp")),
            (_, None) => bad = bad.or(Some("an annotation without a value")),
        }
        Ok(())
    })?;
    Ok(bad.map_or(Ok(()), Err))
}

fn tags<'a>(r: &mut JsonReader<'a>, span: &mut ZipkinSpan<'a>) -> Result<Result<(), &'static str>, DecodeError> {
    let mut bad = None;
    if r.peek()? != Next::Object {
        r.skip()?;
        return Ok(Err("tags that are no object"));
    }
    r.object(|r, key| {
        let value = match r.peek()? {
            Next::String => Some(r.string()?),
            Next::Number => Some(Cow::Borrowed(r.number()?)),
            Next::Bool => Some(Cow::Borrowed(if r.bool()? { "true" } else { "false" })),
            _ => {
                r.skip()?;
                None
            }
        };
        match value {
            Some(value) => span.tags.push((Cow::Owned(key.to_owned()), value)),
            None => bad = Some("a tag without a value"),
        }
        Ok(())
    })?;
    Ok(bad.map_or(Ok(()), Err))
}
