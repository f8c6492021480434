//! Files: which format, which compression, and what of them could be read.

use crate::otlp::JsonOptions;
use crate::wire::{Reader, Value};
use crate::zipkin::OnBadSpan;
use crate::{DecodeError, Decoded, otlp, parquet, zipkin};
use sextant_model::{Counts, Signal};
use std::io::Read as _;

/// A file format that can be imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object, or one a line as the Collector's file exporter writes them.
    OtlpJson,
    /// One protobuf message, or the Collector's length-prefixed ones.
    OtlpProtobuf,
    /// A list of Zipkin v2 spans, JSON or protobuf.
    Zipkin,
    /// Rows of telemetry.
    Parquet,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::OtlpJson, Self::OtlpProtobuf, Self::Zipkin, Self::Parquet];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::OtlpJson => "otlp-json",
            Self::OtlpProtobuf => "otlp-pb",
            Self::Zipkin => "zipkin",
            Self::Parquet => "parquet",
        }
    }

    /// The format of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.name() == name)
    }
}

/// What reading a file came to.
#[derive(Debug, Clone, Default)]
pub struct FileReport {
    /// The format that was found, if the file is telemetry.
    pub format: Option<&'static str>,
    /// All signals together; unreadable lines count as one rejected record each.
    pub counts: Counts,
    /// The first things that were wrong, with line numbers.
    pub problems: Vec<String>,
}

/// More problems than this are counted, not described.
const MAX_PROBLEMS: usize = 20;
/// What one compressed file may become.
const MAX_INFLATED_BYTES: usize = 4 << 30;

impl FileReport {
    fn problem(&mut self, text: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(text);
        }
    }

    fn unreadable(&mut self, reason: &str, text: String) {
        self.counts.received += 1;
        self.counts.rejected.add(reason, 1);
        self.problem(text);
    }
}

/// Reads a file and hands what was decoded to `sink`, message by message.
///
/// # Errors
/// If the bytes are no telemetry, or not of `format`. Whatever `sink` returns is returned at once.
pub fn read<E: From<DecodeError>>(
    bytes: &[u8],
    format: Option<Format>,
    received_at: i64,
    sink: &mut dyn FnMut(Decoded) -> Result<(), E>,
) -> Result<FileReport, E> {
    let inflated = inflate(bytes)?;
    let bytes = inflated.as_deref().unwrap_or(bytes);
    let mut report = FileReport::default();
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(report);
    }
    let format = match format {
        Some(format) => format,
        None => sniff(bytes).ok_or_else(|| DecodeError::Format("no telemetry that is known here".into()))?,
    };
    report.format = Some(format.name());
    let mut keep = |decoded: Decoded, report: &mut FileReport| {
        report.counts.merge(&decoded.total());
        if let Some(problem) = &decoded.first_problem {
            report.problem(problem.clone());
        }
        sink(decoded)
    };
    match format {
        Format::OtlpJson => otlp_json(bytes, received_at, &mut report, &mut keep)?,
        Format::OtlpProtobuf => otlp_protobuf(bytes, received_at, &mut report, &mut keep)?,
        Format::Zipkin => {
            let decoded = if first_char(bytes) == Some(b'[') {
                zipkin::decode_json(bytes, received_at, OnBadSpan::Count)?
            } else {
                zipkin::decode_proto(bytes, received_at, OnBadSpan::Count)?
            };
            keep(decoded, &mut report)?;
        }
        Format::Parquet => {
            let odd = parquet::read(bytes, &mut |decoded| keep(decoded, &mut report))?;
            for problem in odd {
                report.problem(problem);
            }
        }
    }
    Ok(report)
}

type Keep<'k, E> = dyn FnMut(Decoded, &mut FileReport) -> Result<(), E> + 'k;

fn first_char(bytes: &[u8]) -> Option<u8> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    bytes.iter().copied().find(|c| !c.is_ascii_whitespace())
}

/// What the bytes look like, by their content alone.
pub fn sniff(bytes: &[u8]) -> Option<Format> {
    let head = &bytes[..bytes.len().min(1 << 16)];
    let has = |word: &[u8]| memchr::memmem::find(head, word).is_some();
    match first_char(bytes) {
        _ if parquet::is_parquet(bytes) => Some(Format::Parquet),
        Some(b'{') => [&b"esourceSpans\""[..], b"esourceLogs\"", b"esourceMetrics\"", b"resource_", b"\"batches\""]
            .into_iter()
            .any(has)
            .then_some(Format::OtlpJson),
        Some(b'[') => (has(b"\"traceId\"") && has(b"\"id\"") && !has(b"\"spans\"")).then_some(Format::Zipkin),
        _ if framed(bytes).is_some() || protobuf_signal(bytes).is_some() => Some(Format::OtlpProtobuf),
        _ => None,
    }
}

/// Gzip and zstd are seen through, by their magic numbers.
fn inflate(bytes: &[u8]) -> Result<Option<Vec<u8>>, DecodeError> {
    let mut out = Vec::new();
    let limit = MAX_INFLATED_BYTES as u64 + 1;
    let (format, result) = if bytes.starts_with(&[0x1f, 0x8b]) {
        ("gzip", flate2::read::MultiGzDecoder::new(bytes).take(limit).read_to_end(&mut out))
    } else if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        ("zstd", zstd::stream::read::Decoder::new(bytes).and_then(|d| d.take(limit).read_to_end(&mut out)))
    } else {
        return Ok(None);
    };
    result.map_err(|e| DecodeError::Corrupt { format, what: e.to_string() })?;
    if out.len() > MAX_INFLATED_BYTES {
        return Err(DecodeError::TooLarge { limit_bytes: MAX_INFLATED_BYTES });
    }
    Ok(Some(out))
}

/// Lines of objects; where the first line is no object by itself, the whole text is one.
fn otlp_json<E: From<DecodeError>>(
    text: &[u8],
    received_at: i64,
    report: &mut FileReport,
    keep: &mut Keep<'_, E>,
) -> Result<(), E> {
    let options = JsonOptions { signal: None, has_base64_ids: true };
    let lines = || text.split(|c| *c == b'\n').enumerate().filter(|(_, l)| !l.iter().all(u8::is_ascii_whitespace));
    let n_lines = lines().count();
    let is_lines = n_lines > 1 && lines().take(3).any(|(_, l)| otlp::decode_json(l, received_at, &options).is_ok());
    if !is_lines {
        let decoded = match otlp::decode_json(text, received_at, &options) {
            Ok(decoded) => decoded,
            // A capture that was cut in its only line is a file with one bad line.
            Err(e) if n_lines == 1 => {
                report.unreadable("malformed_json", format!("line 1: {e}"));
                return Ok(());
            }
            Err(e) => return Err(e.into()),
        };
        return keep(decoded, report);
    }
    for (i, line) in lines() {
        match otlp::decode_json(line, received_at, &options) {
            Ok(decoded) => keep(decoded, report)?,
            Err(e) => report.unreadable("malformed_json", format!("line {}: {e}", i + 1)),
        }
    }
    Ok(())
}

fn otlp_protobuf<E: From<DecodeError>>(
    bytes: &[u8],
    received_at: i64,
    report: &mut FileReport,
    keep: &mut Keep<'_, E>,
) -> Result<(), E> {
    let Some(messages) = framed(bytes) else {
        let signal = protobuf_signal(bytes)
            .ok_or_else(|| DecodeError::Format("protobuf without spans, logs or metrics of OTLP".into()))?;
        return keep(otlp::decode(signal, bytes, received_at)?, report);
    };
    for (i, message) in messages.into_iter().enumerate() {
        let decoded = protobuf_signal(message).map(|signal| otlp::decode(signal, message, received_at));
        match decoded {
            Some(Ok(decoded)) => keep(decoded, report)?,
            Some(Err(e)) => report.unreadable("malformed_protobuf", format!("message {}: {e}", i + 1)),
            None if message.is_empty() => {}
            None => report.unreadable("malformed_protobuf", format!("message {}: no OTLP inside, or cut short", i + 1)),
        }
    }
    Ok(())
}

/// The Collector's framing: a 4-byte big-endian length before each message. The last may be cut short.
fn framed(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut messages = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (head, tail) = rest.split_at_checked(4)?;
        let n = head.iter().fold(0usize, |all, b| (all << 8) | usize::from(*b));
        if n > tail.len() {
            if messages.is_empty() {
                return None;
            }
            messages.push(tail);
            break;
        }
        let (message, after) = tail.split_at(n);
        if messages.is_empty() {
            protobuf_signal(message)?;
        }
        messages.push(message);
        rest = after;
    }
    Some(messages)
}

/// Which signal an OTLP message holds, from the shape of its first record.
fn protobuf_signal(message: &[u8]) -> Option<Signal> {
    let mut r = Reader::new(message);
    let mut seen_envelope = false;
    while let Ok(Some((1, Value::Bytes(resource)))) = r.field() {
        let mut resource = r.inside(resource);
        while let Ok(Some((number, value))) = resource.field() {
            let Some(scope) = value.bytes().filter(|_| number == 2) else { continue };
            seen_envelope = true;
            let mut scope = r.inside(scope);
            while let Ok(Some((number, value))) = scope.field() {
                if let Some(signal) = value.bytes().filter(|_| number == 2).and_then(|b| record_signal(r.inside(b))) {
                    return Some(signal);
                }
            }
        }
    }
    (seen_envelope && r.rest().is_empty()).then_some(Signal::Traces)
}

fn record_signal(mut r: Reader<'_>) -> Option<Signal> {
    let (mut has_trace_id, mut has_span_id, mut has_name) = (false, false, false);
    while let Ok(Some((number, value))) = r.field() {
        match (number, value) {
            (1 | 11, Value::Fixed64(_)) | (9, Value::Bytes(&[_, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _]))
                if !has_name =>
            {
                return Some(Signal::Logs);
            }
            (7 | 8, Value::Fixed64(_)) if has_trace_id || has_span_id => return Some(Signal::Traces),
            (1, Value::Bytes(b)) => {
                has_trace_id = b.len() == 16;
                has_name = true;
            }
            (2, Value::Bytes(b)) => has_span_id = b.len() == 8,
            (5, Value::Bytes(_)) if has_trace_id && has_span_id => return Some(Signal::Traces),
            (5 | 7 | 9 | 10 | 11, Value::Bytes(_)) if has_name => return Some(Signal::Metrics),
            (2, Value::Varint(_)) => return Some(Signal::Logs),
            _ => {}
        }
    }
    None
}
