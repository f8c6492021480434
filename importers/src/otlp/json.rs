//! OTLP/JSON to OTLP protobuf in one pass, driven by a table of the messages' fields.
//!
//! A value that breaks its field's rules costs its record, not the request: the record gets a [`super::REJECTED`]
//! field that says why, and decoding counts it.

use super::{REJECTED, ROOTS};
use crate::DecodeError;
use crate::json::{JsonReader, Next, exact_integer};
use crate::wire::Writer;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use sextant_model::Signal;
use sextant_model::ids::unhex;
use std::borrow::Cow;

/// Rules that differ between the receiver and files.
#[derive(Debug, Clone, Default)]
pub struct JsonOptions {
    /// Only this signal's root key counts; others are unknown fields. Files take all three.
    pub signal: Option<Signal>,
    /// Take ids in base64, which the specification forbids and some exporters write.
    pub has_base64_ids: bool,
}

/// Why a record can't be kept; the index is the value of the marker field.
pub(super) const REASONS: [&str; 5] =
    ["malformed_value", "invalid_id", "invalid_number", "unknown_enum_name", "invalid_base64"];

/// How a field is written.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Id,
    Base64,
    Bool,
    Int64,
    Uint32,
    Int32,
    Sint32,
    Fixed64,
    Sfixed64,
    Fixed32,
    Uint64,
    Double,
    Enum(&'static [&'static str]),
    Message(&'static Message),
}

struct Field {
    name: &'static str,
    number: u32,
    kind: Kind,
    is_list: bool,
}

struct Message {
    fields: &'static [Field],
    /// Whether a bad value inside costs this message only.
    is_record: bool,
}

const fn one(name: &'static str, number: u32, kind: Kind) -> Field {
    Field { name, number, kind, is_list: false }
}

const fn list(name: &'static str, number: u32, kind: Kind) -> Field {
    Field { name, number, kind, is_list: true }
}

const fn envelope(fields: &'static [Field]) -> Message {
    Message { fields, is_record: false }
}

const fn record(fields: &'static [Field]) -> Message {
    Message { fields, is_record: true }
}

static ANY_VALUE: Message = envelope(&[
    one("stringValue", 1, Kind::Text),
    one("boolValue", 2, Kind::Bool),
    one("intValue", 3, Kind::Int64),
    one("doubleValue", 4, Kind::Double),
    one("arrayValue", 5, Kind::Message(&ARRAY)),
    one("kvlistValue", 6, Kind::Message(&KVLIST)),
    one("bytesValue", 7, Kind::Base64),
    one("stringValueStrindex", 8, Kind::Int32),
]);
static ARRAY: Message = envelope(&[list("values", 1, Kind::Message(&ANY_VALUE))]);
static KVLIST: Message = envelope(&[list("values", 1, Kind::Message(&KEY_VALUE))]);
static KEY_VALUE: Message = envelope(&[
    one("key", 1, Kind::Text),
    one("value", 2, Kind::Message(&ANY_VALUE)),
    one("keyStrindex", 3, Kind::Int32),
]);
static RESOURCE: Message =
    envelope(&[list("attributes", 1, Kind::Message(&KEY_VALUE)), one("droppedAttributesCount", 2, Kind::Uint32)]);
static SCOPE: Message = envelope(&[
    one("name", 1, Kind::Text),
    one("version", 2, Kind::Text),
    list("attributes", 3, Kind::Message(&KEY_VALUE)),
    one("droppedAttributesCount", 4, Kind::Uint32),
]);
static EVENT: Message = envelope(&[
    one("timeUnixNano", 1, Kind::Fixed64),
    one("name", 2, Kind::Text),
    list("attributes", 3, Kind::Message(&KEY_VALUE)),
    one("droppedAttributesCount", 4, Kind::Uint32),
]);
static LINK: Message = envelope(&[
    one("traceId", 1, Kind::Id),
    one("spanId", 2, Kind::Id),
    one("traceState", 3, Kind::Text),
    list("attributes", 4, Kind::Message(&KEY_VALUE)),
    one("droppedAttributesCount", 5, Kind::Uint32),
    one("flags", 6, Kind::Fixed32),
]);
static STATUS: Message = envelope(&[
    one("message", 2, Kind::Text),
    one("code", 3, Kind::Enum(&["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"])),
]);
static SPAN: Message = record(&[
    one("traceId", 1, Kind::Id),
    one("spanId", 2, Kind::Id),
    one("traceState", 3, Kind::Text),
    one("parentSpanId", 4, Kind::Id),
    one("name", 5, Kind::Text),
    one(
        "kind",
        6,
        Kind::Enum(&[
            "SPAN_KIND_UNSPECIFIED",
            "SPAN_KIND_INTERNAL",
            "SPAN_KIND_SERVER",
            "SPAN_KIND_CLIENT",
            "SPAN_KIND_PRODUCER",
            "SPAN_KIND_CONSUMER",
        ]),
    ),
    one("startTimeUnixNano", 7, Kind::Fixed64),
    one("endTimeUnixNano", 8, Kind::Fixed64),
    list("attributes", 9, Kind::Message(&KEY_VALUE)),
    one("droppedAttributesCount", 10, Kind::Uint32),
    list("events", 11, Kind::Message(&EVENT)),
    one("droppedEventsCount", 12, Kind::Uint32),
    list("links", 13, Kind::Message(&LINK)),
    one("droppedLinksCount", 14, Kind::Uint32),
    one("status", 15, Kind::Message(&STATUS)),
    one("flags", 16, Kind::Fixed32),
]);
static LOG: Message = record(&[
    one("timeUnixNano", 1, Kind::Fixed64),
    one("severityNumber", 2, Kind::Enum(&SEVERITIES)),
    one("severityText", 3, Kind::Text),
    one("body", 5, Kind::Message(&ANY_VALUE)),
    list("attributes", 6, Kind::Message(&KEY_VALUE)),
    one("droppedAttributesCount", 7, Kind::Uint32),
    one("flags", 8, Kind::Fixed32),
    one("traceId", 9, Kind::Id),
    one("spanId", 10, Kind::Id),
    one("observedTimeUnixNano", 11, Kind::Fixed64),
    one("eventName", 12, Kind::Text),
]);
static SEVERITIES: [&str; 25] = [
    "SEVERITY_NUMBER_UNSPECIFIED",
    "SEVERITY_NUMBER_TRACE",
    "SEVERITY_NUMBER_TRACE2",
    "SEVERITY_NUMBER_TRACE3",
    "SEVERITY_NUMBER_TRACE4",
    "SEVERITY_NUMBER_DEBUG",
    "SEVERITY_NUMBER_DEBUG2",
    "SEVERITY_NUMBER_DEBUG3",
    "SEVERITY_NUMBER_DEBUG4",
    "SEVERITY_NUMBER_INFO",
    "SEVERITY_NUMBER_INFO2",
    "SEVERITY_NUMBER_INFO3",
    "SEVERITY_NUMBER_INFO4",
    "SEVERITY_NUMBER_WARN",
    "SEVERITY_NUMBER_WARN2",
    "SEVERITY_NUMBER_WARN3",
    "SEVERITY_NUMBER_WARN4",
    "SEVERITY_NUMBER_ERROR",
    "SEVERITY_NUMBER_ERROR2",
    "SEVERITY_NUMBER_ERROR3",
    "SEVERITY_NUMBER_ERROR4",
    "SEVERITY_NUMBER_FATAL",
    "SEVERITY_NUMBER_FATAL2",
    "SEVERITY_NUMBER_FATAL3",
    "SEVERITY_NUMBER_FATAL4",
];
static EXEMPLAR: Message = envelope(&[
    one("timeUnixNano", 2, Kind::Fixed64),
    one("asDouble", 3, Kind::Double),
    one("spanId", 4, Kind::Id),
    one("traceId", 5, Kind::Id),
    one("asInt", 6, Kind::Sfixed64),
    list("filteredAttributes", 7, Kind::Message(&KEY_VALUE)),
]);
static NUMBER: Message = record(&[
    one("startTimeUnixNano", 2, Kind::Fixed64),
    one("timeUnixNano", 3, Kind::Fixed64),
    one("asDouble", 4, Kind::Double),
    list("exemplars", 5, Kind::Message(&EXEMPLAR)),
    one("asInt", 6, Kind::Sfixed64),
    list("attributes", 7, Kind::Message(&KEY_VALUE)),
    one("flags", 8, Kind::Uint32),
]);
static HISTOGRAM_POINT: Message = record(&[
    one("startTimeUnixNano", 2, Kind::Fixed64),
    one("timeUnixNano", 3, Kind::Fixed64),
    one("count", 4, Kind::Fixed64),
    one("sum", 5, Kind::Double),
    list("bucketCounts", 6, Kind::Fixed64),
    list("explicitBounds", 7, Kind::Double),
    list("exemplars", 8, Kind::Message(&EXEMPLAR)),
    list("attributes", 9, Kind::Message(&KEY_VALUE)),
    one("flags", 10, Kind::Uint32),
    one("min", 11, Kind::Double),
    one("max", 12, Kind::Double),
]);
static BUCKETS: Message = envelope(&[one("offset", 1, Kind::Sint32), list("bucketCounts", 2, Kind::Uint64)]);
static EXPONENTIAL_POINT: Message = record(&[
    list("attributes", 1, Kind::Message(&KEY_VALUE)),
    one("startTimeUnixNano", 2, Kind::Fixed64),
    one("timeUnixNano", 3, Kind::Fixed64),
    one("count", 4, Kind::Fixed64),
    one("sum", 5, Kind::Double),
    one("scale", 6, Kind::Sint32),
    one("zeroCount", 7, Kind::Fixed64),
    one("positive", 8, Kind::Message(&BUCKETS)),
    one("negative", 9, Kind::Message(&BUCKETS)),
    one("flags", 10, Kind::Uint32),
    list("exemplars", 11, Kind::Message(&EXEMPLAR)),
    one("min", 12, Kind::Double),
    one("max", 13, Kind::Double),
    one("zeroThreshold", 14, Kind::Double),
]);
static QUANTILE: Message = envelope(&[one("quantile", 1, Kind::Double), one("value", 2, Kind::Double)]);
static SUMMARY_POINT: Message = record(&[
    one("startTimeUnixNano", 2, Kind::Fixed64),
    one("timeUnixNano", 3, Kind::Fixed64),
    one("count", 4, Kind::Fixed64),
    one("sum", 5, Kind::Double),
    list("quantileValues", 6, Kind::Message(&QUANTILE)),
    list("attributes", 7, Kind::Message(&KEY_VALUE)),
    one("flags", 8, Kind::Uint32),
]);
static TEMPORALITY: Kind = Kind::Enum(&[
    "AGGREGATION_TEMPORALITY_UNSPECIFIED",
    "AGGREGATION_TEMPORALITY_DELTA",
    "AGGREGATION_TEMPORALITY_CUMULATIVE",
]);
static GAUGE: Message = envelope(&[list("dataPoints", 1, Kind::Message(&NUMBER))]);
static SUM: Message = envelope(&[
    list("dataPoints", 1, Kind::Message(&NUMBER)),
    one("aggregationTemporality", 2, TEMPORALITY),
    one("isMonotonic", 3, Kind::Bool),
]);
static HISTOGRAM: Message =
    envelope(&[list("dataPoints", 1, Kind::Message(&HISTOGRAM_POINT)), one("aggregationTemporality", 2, TEMPORALITY)]);
static EXPONENTIAL: Message = envelope(&[
    list("dataPoints", 1, Kind::Message(&EXPONENTIAL_POINT)),
    one("aggregationTemporality", 2, TEMPORALITY),
]);
static SUMMARY: Message = envelope(&[list("dataPoints", 1, Kind::Message(&SUMMARY_POINT))]);
static METRIC: Message = envelope(&[
    one("name", 1, Kind::Text),
    one("description", 2, Kind::Text),
    one("unit", 3, Kind::Text),
    one("gauge", 5, Kind::Message(&GAUGE)),
    one("sum", 7, Kind::Message(&SUM)),
    one("histogram", 9, Kind::Message(&HISTOGRAM)),
    one("exponentialHistogram", 10, Kind::Message(&EXPONENTIAL)),
    one("summary", 11, Kind::Message(&SUMMARY)),
    list("metadata", 12, Kind::Message(&KEY_VALUE)),
]);

macro_rules! roots {
    ($scope:ident, $resource:ident, $records:literal, $scopes:literal, $record:ident) => {
        static $scope: Message = envelope(&[
            one("scope", 1, Kind::Message(&SCOPE)),
            list($records, 2, Kind::Message(&$record)),
            one("schemaUrl", 3, Kind::Text),
        ]);
        static $resource: Message = envelope(&[
            one("resource", 1, Kind::Message(&RESOURCE)),
            list($scopes, 2, Kind::Message(&$scope)),
            one("schemaUrl", 3, Kind::Text),
        ]);
    };
}
roots!(SCOPE_SPANS, RESOURCE_SPANS, "spans", "scopeSpans", SPAN);
roots!(SCOPE_LOGS, RESOURCE_LOGS, "logRecords", "scopeLogs", LOG);
roots!(SCOPE_METRICS, RESOURCE_METRICS, "metrics", "scopeMetrics", METRIC);

static ROOT: Message = envelope(&[
    list("resourceSpans", 1001, Kind::Message(&RESOURCE_SPANS)),
    list("batches", 1001, Kind::Message(&RESOURCE_SPANS)),
    list("resourceLogs", 1002, Kind::Message(&RESOURCE_LOGS)),
    list("resourceMetrics", 1003, Kind::Message(&RESOURCE_METRICS)),
]);

const ANY_BASE64: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_BASE64);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_BASE64);

/// The JSON text as one message whose root fields are [`ROOTS`].
pub(super) fn transcode(text: &[u8], options: &JsonOptions) -> Result<Vec<u8>, DecodeError> {
    let mut r = JsonReader::new(text);
    if r.peek()? != Next::Object {
        return Err(r.fail("an object was expected"));
    }
    let mut t = Transcoder { out: Writer::default(), options, open_records: 0, reason: None, written: Vec::new() };
    t.message(&mut r, &ROOT)?;
    if !r.is_at_end() {
        return Err(r.fail("text after the end of the object"));
    }
    Ok(t.out.out)
}

struct Transcoder<'o> {
    out: Writer,
    options: &'o JsonOptions,
    open_records: usize,
    /// Why the record being read can't be kept.
    reason: Option<usize>,
    /// Fields of the open messages with where they were written, so that a repeated key can replace the first.
    written: Vec<(u32, usize, usize)>,
}

/// Whether `given` is `name` in lowerCamelCase or `snake_case`.
fn is_name(name: &str, given: &str) -> bool {
    if name == given {
        return true;
    }
    if !given.contains('_') {
        return false;
    }
    let mut camel = String::with_capacity(given.len());
    let mut is_upper = false;
    for c in given.chars() {
        if c == '_' {
            is_upper = true;
        } else {
            camel.extend(if is_upper { Some(c.to_ascii_uppercase()) } else { Some(c) });
            is_upper = false;
        }
    }
    camel == name
}

impl Transcoder<'_> {
    fn message(&mut self, r: &mut JsonReader<'_>, message: &'static Message) -> Result<(), DecodeError> {
        let first = self.written.len();
        self.open_records += usize::from(message.is_record);
        let outer = if message.is_record { self.reason.take() } else { None };
        r.object(|r, key| {
            let field = message.fields.iter().find(|f| is_name(f.name, key)).filter(|f| self.is_wanted(f.number));
            let Some(field) = field else { return r.skip() };
            if r.null()? {
                return Ok(());
            }
            self.forget(first, field.number);
            let start = self.out.out.len();
            if field.is_list {
                if r.peek()? != Next::Array {
                    return Err(r.fail(format!("a list was expected for \"{}\"", field.name)));
                }
                r.array(|r| self.item(r, field))?;
            } else {
                self.value(r, field)?;
            }
            self.written.push((field.number, start, self.out.out.len()));
            Ok(())
        })?;
        self.written.truncate(first);
        if message.is_record {
            self.open_records -= 1;
            if let Some(reason) = self.reason {
                self.out.uint(REJECTED, reason as u64);
            }
            self.reason = outer;
        }
        Ok(())
    }

    fn is_wanted(&self, number: u32) -> bool {
        let root = ROOTS.iter().find(|(n, _)| *n == number);
        root.is_none_or(|(_, s)| self.options.signal.is_none_or(|wanted| wanted == *s))
    }

    /// The last of two equal keys counts: takes back what the first one wrote.
    fn forget(&mut self, first: usize, number: u32) {
        let Some(i) = self.written[first..].iter().position(|(n, ..)| *n == number) else { return };
        let (_, start, end) = self.written.remove(first + i);
        self.out.out.drain(start..end);
        for (_, s, e) in &mut self.written[first..] {
            if *s >= end {
                *s -= end - start;
                *e -= end - start;
            }
        }
    }

    /// An item of a list; a null one is an empty message, or nothing for numbers.
    fn item(&mut self, r: &mut JsonReader<'_>, field: &Field) -> Result<(), DecodeError> {
        if r.null()? {
            if let Kind::Message(_) = field.kind {
                let open = self.out.begin(field.number);
                self.out.end(open);
            }
            return Ok(());
        }
        self.value(r, field)
    }

    fn value(&mut self, r: &mut JsonReader<'_>, field: &Field) -> Result<(), DecodeError> {
        let number = field.number;
        match field.kind {
            Kind::Message(message) => {
                if r.peek()? != Next::Object {
                    return Err(r.fail(format!("an object was expected for \"{}\"", field.name)));
                }
                let open = self.out.begin(number);
                self.message(r, message)?;
                self.out.end(open);
            }
            Kind::Text => match text(r)? {
                Some(text) => self.out.bytes(number, text.as_bytes()),
                None => self.bad(r, field, 0)?,
            },
            Kind::Id => match text(r)?.and_then(|text| self.id(&text)) {
                Some(id) => self.out.bytes(number, &id),
                None => self.bad(r, field, 1)?,
            },
            Kind::Base64 => match text(r)?.and_then(|text| base64(&text)) {
                Some(bytes) => self.out.bytes(number, &bytes),
                None => self.bad(r, field, 4)?,
            },
            Kind::Bool => match r.peek()? {
                Next::Bool => {
                    let value = r.bool()?;
                    self.out.uint(number, u64::from(value));
                }
                _ => self.bad_value(r, field, 0)?,
            },
            Kind::Double => match double(r)? {
                Some(v) => self.out.double(number, v),
                None => self.bad(r, field, 2)?,
            },
            Kind::Enum(names) => self.enumeration(r, field, names)?,
            _ => self.integer(r, field)?,
        }
        Ok(())
    }

    fn id(&self, text: &str) -> Option<Vec<u8>> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        // An id of another length is passed on: the decoder says what is wrong with it.
        match unhex(text.as_bytes()) {
            Some(bytes) => Some(bytes),
            None if self.options.has_base64_ids => base64(text).filter(|b| matches!(b.len(), 8 | 16)),
            None => None,
        }
    }

    fn enumeration(&mut self, r: &mut JsonReader<'_>, field: &Field, names: &[&str]) -> Result<(), DecodeError> {
        if r.peek()? == Next::String {
            let text = r.string()?;
            if let Some(value) = names.iter().position(|n| *n == text) {
                self.out.uint(field.number, value as u64);
                return Ok(());
            }
            return match exact_integer(&text).and_then(|v| i32::try_from(v).ok()) {
                Some(v) => {
                    self.out.uint(field.number, v as i64 as u64);
                    Ok(())
                }
                None => self.bad(r, field, 3),
            };
        }
        self.integer(r, field)
    }

    fn integer(&mut self, r: &mut JsonReader<'_>, field: &Field) -> Result<(), DecodeError> {
        let value = match r.peek()? {
            Next::Number => exact_integer(r.number()?),
            Next::String => exact_integer(&r.string()?),
            _ => return self.bad_value(r, field, 2),
        };
        let number = field.number;
        let written = value.and_then(|v| {
            match field.kind {
                Kind::Int64 => self.out.uint(number, i64::try_from(v).ok()? as u64),
                Kind::Int32 | Kind::Enum(_) => self.out.uint(number, i64::from(i32::try_from(v).ok()?) as u64),
                // A negative count is illegal but seen; it means none.
                Kind::Uint32 => self.out.uint(number, u64::from(u32::try_from(v.max(0)).ok()?)),
                Kind::Sint32 => self.out.sint(number, i64::from(i32::try_from(v).ok()?)),
                Kind::Fixed64 => self.out.fixed64(number, u64::try_from(v).ok()?),
                Kind::Uint64 => self.out.uint(number, u64::try_from(v).ok()?),
                Kind::Sfixed64 => self.out.fixed64(number, i64::try_from(v).ok()? as u64),
                _ => self.out.fixed32(number, u32::try_from(v.max(0)).ok()?),
            }
            Some(())
        });
        if written.is_none() { self.bad(r, field, 2) } else { Ok(()) }
    }

    fn bad_value(&mut self, r: &mut JsonReader<'_>, field: &Field, reason: usize) -> Result<(), DecodeError> {
        r.skip()?;
        self.bad(r, field, reason)
    }

    /// A value that breaks its field's rules: costs the record, or outside of one the request.
    fn bad(&mut self, r: &JsonReader<'_>, field: &Field, reason: usize) -> Result<(), DecodeError> {
        if self.open_records == 0 {
            return Err(r.fail(format!("{} in \"{}\"", REASONS[reason].replace('_', " "), field.name)));
        }
        self.reason.get_or_insert(reason);
        Ok(())
    }
}

/// The text of a string value; another kind of value is consumed and `None`.
fn text<'a>(r: &mut JsonReader<'a>) -> Result<Option<Cow<'a, str>>, DecodeError> {
    if r.peek()? == Next::String {
        return r.string().map(Some);
    }
    r.skip()?;
    Ok(None)
}

fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok().or_else(|| URL_SAFE.decode(text).ok())
}

/// A double: number, numeric text, or one of the three words.
fn double(r: &mut JsonReader<'_>) -> Result<Option<f64>, DecodeError> {
    Ok(match r.peek()? {
        Next::Number => r.number()?.parse().ok(),
        Next::String => match &*r.string()? {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text if text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => text.parse().ok(),
            _ => None,
        },
        _ => {
            r.skip()?;
            None
        }
    })
}
