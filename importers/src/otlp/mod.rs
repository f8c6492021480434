//! OTLP, protobuf and JSON, into columns, and columns back into OTLP JSON.
//!
//! Protobuf is walked on the wire and goes straight into growing columns: no message object is made. JSON is
//! transcoded to the same wire in one pass, so both encodings share one set of rules.

mod attributes;
mod fault;
mod json;
mod logs;
mod metrics;
mod traces;
mod write;

pub use json::JsonOptions;
pub use write::to_json;

use crate::build::{Builders, Envelope};
use crate::wire::{Reader, Value};
use crate::{DecodeError, Decoded};
use attributes::{Entries, string};
use fault::Fault;
use sextant_model::Signal;
use std::rc::Rc;

/// A field that no `.proto` uses: in transcoded JSON it carries why the record around it can't be kept.
const REJECTED: u32 = (1 << 29) - 1;

/// Roots of transcoded JSON: the field number of the resource list, by signal.
const ROOTS: [(u32, Signal); 3] = [(1001, Signal::Traces), (1002, Signal::Logs), (1003, Signal::Metrics)];

/// Decodes an export request (equally `TracesData`, …) of `signal`.
///
/// `received_at` stands in, in nanoseconds, for the time of logs that have none.
///
/// # Errors
/// If the bytes are no protobuf; then nothing is kept. Bad records alone are counted in the result.
pub fn decode(signal: Signal, message: &[u8], received_at: i64) -> Result<Decoded, DecodeError> {
    let mut decoder = Decoder::new(received_at, false);
    let mut r = Reader::new(message);
    while let Some((number, value)) = r.field()? {
        if let (1, Value::Bytes(b)) = (number, value) {
            decoder.resource(signal, r.inside(b))?;
        }
    }
    Ok(Decoded::from_builders(decoder.rows))
}

/// Decodes OTLP/JSON: one request, or one line of a file with any of the three signals.
///
/// # Errors
/// If the text is no JSON, or of another shape; then nothing is kept.
pub fn decode_json(text: &[u8], received_at: i64, options: &JsonOptions) -> Result<Decoded, DecodeError> {
    let message = json::transcode(text, options)?;
    let mut decoder = Decoder::new(received_at, true);
    let mut r = Reader::new(&message);
    while let Some((number, value)) = r.field()? {
        let signal = ROOTS.iter().find(|(n, _)| *n == number).map(|(_, s)| *s);
        if let (Some(signal), Value::Bytes(b)) = (signal, value) {
            decoder.resource(signal, r.inside(b))?;
        }
    }
    Ok(Decoded::from_builders(decoder.rows))
}

/// Room is made for so many records of a scope; two bytes can claim to be one.
const MAX_RESERVED: usize = 4_096;

/// State of one message: the rows so far, the envelope of the records being read, and scratch lists.
struct Decoder<'a> {
    rows: Builders,
    envelope: Rc<Envelope>,
    /// The entries of the attribute list being read.
    entries: Entries<'a>,
    /// Whether [`REJECTED`] fields are ours.
    is_transcoded: bool,
}

impl<'a> Decoder<'a> {
    fn new(received_at: i64, is_transcoded: bool) -> Self {
        Self { rows: Builders::new(received_at), envelope: Rc::default(), entries: Entries::default(), is_transcoded }
    }

    /// `ResourceSpans`, `ResourceLogs` or `ResourceMetrics`: they number their fields alike.
    fn resource(&mut self, signal: Signal, r: Reader<'a>) -> Result<(), DecodeError> {
        let (mut resource, mut schema_url) = (&[][..], &[][..]);
        let mut ahead = r;
        while let Some((number, value)) = ahead.field()? {
            match (number, value) {
                (1, Value::Bytes(b)) => resource = b,
                (3, Value::Bytes(b)) => schema_url = b,
                _ => {}
            }
        }
        let mut envelope = Envelope::default();
        let n_dropped = self.attributes_and_dropped(signal, r.inside(resource), (1, 2), &mut envelope.resource)?;
        let service = envelope.resource.find(b"service.name").unwrap_or_default().to_vec();
        envelope.service.push(&service);
        envelope.resource_dropped.push(n_dropped);
        envelope.resource_schema.push(schema_url);
        let mut ahead = r;
        while let Some((number, value)) = ahead.field()? {
            if let (2, Value::Bytes(b)) = (number, value) {
                self.scope(signal, r.inside(b), &envelope)?;
            }
        }
        Ok(())
    }

    fn scope(&mut self, signal: Signal, r: Reader<'a>, resource: &Envelope) -> Result<(), DecodeError> {
        let (mut scope, mut schema_url) = (&[][..], &[][..]);
        let mut n_records = 0;
        let mut ahead = r;
        while let Some((number, value)) = ahead.field()? {
            match (number, value) {
                (1, Value::Bytes(b)) => scope = b,
                (2, Value::Bytes(_)) => n_records += 1,
                (3, Value::Bytes(b)) => schema_url = b,
                _ => {}
            }
        }
        let mut envelope = resource.clone();
        let (mut name, mut version) = (&[][..], &[][..]);
        let mut fields = r.inside(scope);
        while let Some((number, value)) = fields.field()? {
            match (number, value) {
                (1, Value::Bytes(b)) => name = string(b),
                (2, Value::Bytes(b)) => version = string(b),
                _ => {}
            }
        }
        envelope.scope_name.push(name);
        envelope.scope_version.push(version);
        let n_dropped = self.attributes_and_dropped(signal, r.inside(scope), (3, 4), &mut envelope.scope)?;
        envelope.scope_dropped.push(n_dropped);
        envelope.scope_schema.push(schema_url);
        self.envelope = Rc::new(envelope);
        match signal {
            Signal::Traces => self.rows.traces.reserve(n_records.min(MAX_RESERVED)),
            Signal::Logs => self.rows.logs.reserve(n_records.min(MAX_RESERVED)),
            Signal::Metrics => {}
        }
        let mut ahead = r;
        while let Some((number, value)) = ahead.field()? {
            if let (2, Value::Bytes(b)) = (number, value) {
                match signal {
                    Signal::Traces => self.span(r.inside(b))?,
                    Signal::Logs => self.log(r.inside(b))?,
                    Signal::Metrics => self.metric(r.inside(b))?,
                }
            }
        }
        Ok(())
    }

    /// Reads the attribute list in field `numbers.0` into one row of `out`; returns the dropped count in `numbers.1`.
    fn attributes_and_dropped(
        &mut self,
        signal: Signal,
        mut r: Reader<'a>,
        numbers: (u32, u32),
        out: &mut crate::build::MapColumn,
    ) -> Result<u32, DecodeError> {
        let mut n_dropped = 0;
        self.entries.clear();
        while let Some((number, value)) = r.field()? {
            match value {
                Value::Bytes(b) if number == numbers.0 => self.entries.read(r.inside(b))?,
                Value::Varint(v) if number == numbers.1 => n_dropped = v as u32,
                _ => {}
            }
        }
        match self.entries.write(out) {
            Ok(odd) => self.mark(signal, odd),
            Err(Fault::Message(e)) => return Err(e),
            Err(Fault::Record(reason)) => {
                // A resource or scope is no record: it is kept without the attributes that can't be.
                out.truncate(0);
                out.end_row();
                self.rows.mark(signal, reason);
            }
        }
        Ok(n_dropped)
    }

    fn mark(&mut self, signal: Signal, odd: attributes::Odd) {
        if odd.has_duplicate_key {
            self.rows.mark(signal, "duplicate_attribute_key");
        }
        if odd.has_strindex {
            self.rows.mark(signal, "string_index_outside_profiles");
        }
    }

    /// Why transcoding says that this record can't be kept.
    fn rejected(&self, number: u32, value: Value<'_>) -> Result<(), Fault> {
        if self.is_transcoded && number == REJECTED {
            let code = value.varint().unwrap_or(0) as usize;
            return Err(Fault::Record(json::REASONS.get(code).copied().unwrap_or("malformed_value")));
        }
        Ok(())
    }
}
