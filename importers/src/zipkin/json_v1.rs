//! The JSON list of Zipkin v1. Its spans tell by annotations what v2 has fields for: `cs` and `cr` are the ends of a
//! client's half, `sr` and `ss` those of a server's, `ms` and `mr` messages; `sa`, `ca` and `ma` are the other side's
//! address. A span that has both halves becomes two, as the Zipkin server makes of it.

use super::json::{Sink, endpoint, flag, id, list, micros, text};
use super::span::{Endpoint, ZipkinSpan};
use crate::DecodeError;
use crate::json::{JsonReader, Next};
use std::borrow::Cow;

/// An annotation: when, what, by whom.
type Note<'a> = (u64, Cow<'a, str>, Endpoint<'a>);
/// A binary annotation: key, its text if it is none of an address, by whom.
type Binary<'a> = (Cow<'a, str>, Option<Cow<'a, str>>, Endpoint<'a>);

/// A v1 span as read.
#[derive(Default)]
struct V1<'a> {
    span: ZipkinSpan<'a>,
    notes: Vec<Note<'a>>,
    binary: Vec<Binary<'a>>,
}

/// Reads `[span, …]` and hands on what each span is in v2.
pub(super) fn read(text: &[u8], sink: &mut Sink<'_>) -> Result<(), DecodeError> {
    list(text, |r| match span(r)? {
        Ok(v1) => v1.halves().into_iter().try_for_each(|half| sink(r, Ok(half))),
        Err(what) => sink(r, Err(what)),
    })
}

fn span<'a>(r: &mut JsonReader<'a>) -> Result<Result<V1<'a>, &'static str>, DecodeError> {
    let mut v1 = V1::default();
    let mut bad = None;
    r.object(|r, key| {
        if r.null()? {
            return Ok(());
        }
        let span = &mut v1.span;
        let done = match key {
            "traceId" => id(r, 32)?.map(|id| span.trace_id = id).ok_or("invalid trace id"),
            "id" => id(r, 16)?.map(|id| span.id = id).ok_or("invalid span id"),
            "parentId" => id(r, 16)?.map(|id| span.parent_id = id).ok_or("invalid parent id"),
            "name" => text(r)?.map(|t| span.name = t).ok_or("a name that is no text"),
            "timestamp" => micros(r)?.map(|t| span.timestamp_micros = t).ok_or("malformed timestamp"),
            "duration" => micros(r)?.map(|t| span.duration_micros = t).ok_or("malformed duration"),
            "debug" => flag(r)?.map(|b| span.is_debug = b).ok_or("malformed debug flag"),
            "annotations" | "binaryAnnotations" if r.peek()? == Next::Array => {
                let is_binary = key == "binaryAnnotations";
                let mut result = Ok(());
                r.array(|r| {
                    if let Err(what) = annotation(r, &mut v1, is_binary)? {
                        result = Err(what);
                    }
                    Ok(())
                })?;
                result
            }
            _ => {
                r.skip()?;
                Ok(())
            }
        };
        if let Err(what) = done {
            bad.get_or_insert(what);
        }
        Ok(())
    })?;
    Ok(bad.map_or(Ok(v1), Err))
}

fn annotation<'a>(
    r: &mut JsonReader<'a>,
    v1: &mut V1<'a>,
    is_binary: bool,
) -> Result<Result<(), &'static str>, DecodeError> {
    if r.peek()? != Next::Object {
        r.skip()?;
        return Ok(Err("an annotation that is no object"));
    }
    let (mut at, mut name, mut value, mut by) = (None, None, None, Endpoint::default());
    r.object(|r, key| {
        match key {
            _ if r.null()? => {}
            "timestamp" => at = micros(r)?,
            "key" => name = text(r)?,
            "value" => match r.peek()? {
                Next::Number => value = Some(Cow::Borrowed(r.number()?)),
                _ => value = text(r)?,
            },
            "endpoint" => by = endpoint(r)?.unwrap_or_default(),
            _ => r.skip()?,
        }
        Ok(())
    })?;
    Ok(match (is_binary, at, name, value) {
        (true, _, Some(key), value) => {
            v1.binary.push((key, value, by));
            Ok(())
        }
        (false, Some(at), _, Some(value)) => {
            v1.notes.push((at, value, by));
            Ok(())
        }
        (true, ..) => Err("a binary annotation without a key"),
        (false, None, ..) => Err("an annotation without a timestamp"),
        (false, ..) => Err("an annotation without a value"),
    })
}

/// What a half of a span is made of: kind, the annotations at its ends, the address of the other side.
const HALVES: [(u64, &str, &str, &str); 4] =
    [(3, "cs", "cr", "sa"), (2, "sr", "ss", "ca"), (4, "ms", "ms", "ma"), (5, "mr", "mr", "ma")];

impl<'a> V1<'a> {
    fn note(&self, name: &str) -> Option<&Note<'a>> {
        self.notes.iter().find(|(_, value, _)| value == name)
    }

    /// The v2 spans that it is: one for each half; one without a kind if it has none.
    fn halves(self) -> Vec<ZipkinSpan<'a>> {
        let mut halves: Vec<ZipkinSpan<'a>> = Vec::new();
        for (kind, first, last, other) in HALVES {
            let (start, end) = (self.note(first), self.note(last));
            let Some((_, _, by)) = start.or(end) else { continue };
            let remote = self.binary.iter().find(|(key, value, _)| key == other && value.is_none());
            let mut half = ZipkinSpan { kind, local: by.clone(), ..self.span.clone() };
            half.remote = remote.map(|(.., e)| e.clone()).unwrap_or_default();
            // The span's own time is that of the half that began it.
            if !halves.is_empty() || half.timestamp_micros == 0 {
                half.timestamp_micros = start.or(end).map_or(0, |n| n.0);
                half.duration_micros = match (start, end) {
                    (Some(start), Some(end)) => end.0.saturating_sub(start.0),
                    _ => 0,
                };
            }
            half.is_shared = kind == 2 && !halves.is_empty();
            halves.push(half);
        }
        if halves.is_empty() {
            let by = self.notes.iter().map(|n| &n.2).chain(self.binary.iter().map(|b| &b.2)).next();
            halves.push(ZipkinSpan { kind: 1, local: by.cloned().unwrap_or_default(), ..self.span.clone() });
        }
        let place = |halves: &[ZipkinSpan<'_>], by: &Endpoint<'_>| {
            halves.iter().position(|h| h.local.service == by.service).unwrap_or(0)
        };
        for (at, value, by) in self.notes {
            if !HALVES.iter().any(|(_, first, last, _)| value == *first || value == *last) {
                let i = place(&halves, &by);
                halves[i].annotations.push((at, value));
            }
        }
        for (key, value, by) in self.binary {
            if let Some(value) = value.filter(|_| key != "lc") {
                let i = place(&halves, &by);
                halves[i].tags.push((key, value));
            }
        }
        halves
    }
}
