//! `Span` messages into rows.

use super::Decoder;
use super::attributes::Odd;
use super::fault::Fault;
use crate::DecodeError;
use crate::build::{EventCells, LinkCells, SpanCells};
use crate::wire::{Reader, Value};
use sextant_model::Signal;
use sextant_model::ids::hex;

/// Timestamps beyond this do not fit signed nanoseconds (11 April 2262).
pub(super) const MAX_TIME: u64 = i64::MAX as u64 - 1;

pub(super) fn is_zero(id: &[u8]) -> bool {
    id.iter().all(|b| *b == 0)
}

impl<'a> Decoder<'a> {
    pub(super) fn span(&mut self, r: Reader<'a>) -> Result<(), DecodeError> {
        self.rows.received(Signal::Traces);
        let mut span = SpanCells::default();
        match self.span_fields(r, &mut span) {
            Ok(()) => Ok(()),
            Err(Fault::Message(e)) => Err(e),
            Err(Fault::Record(reason)) => {
                self.rows.traces.rollback();
                self.rows.reject(Signal::Traces, reason, || {
                    format!("span '{}' (id {})", String::from_utf8_lossy(cut(span.name)), hex(cut(span.span_id)))
                });
                Ok(())
            }
        }
    }

    fn span_fields(&mut self, r: Reader<'a>, span: &mut SpanCells<'a>) -> Result<(), Fault> {
        let mut fields = r;
        let mut has_more = (false, false);
        self.entries.clear();
        while let Some((number, value)) = fields.field()? {
            match (number, value) {
                (1, Value::Bytes(b)) => span.trace_id = b,
                (2, Value::Bytes(b)) => span.span_id = b,
                (3, Value::Bytes(b)) => span.trace_state = b,
                (4, Value::Bytes(b)) => span.parent_span_id = b,
                (5, Value::Bytes(b)) => span.name = b,
                (6, Value::Varint(v)) => span.kind = v as i32,
                (7, Value::Fixed64(v)) => span.start = v,
                (8, Value::Fixed64(v)) => span.end = v,
                (9, Value::Bytes(b)) => self.entries.read(r.inside(b))?,
                (10, Value::Varint(v)) => span.n_dropped_attributes = v as u32,
                (11, Value::Bytes(_)) => has_more.0 = true,
                (12, Value::Varint(v)) => span.n_dropped_events = v as u32,
                (13, Value::Bytes(_)) => has_more.1 = true,
                (14, Value::Varint(v)) => span.n_dropped_links = v as u32,
                (15, Value::Bytes(b)) => status(r.inside(b), span)?,
                (16, Value::Fixed32(v)) => span.flags = v,
                (number, value) => self.rejected(number, value)?,
            }
        }
        check(span)?;
        if !self.rows.has_room(&self.envelope) {
            return Err(Fault::Record("request_too_large_in_memory"));
        }
        let odd = self.entries.write(&mut self.rows.traces.attributes)?;
        self.mark(Signal::Traces, odd);
        if has_more.0 || has_more.1 {
            self.events_and_links(r)?;
        }
        if span.end < span.start {
            self.rows.mark(Signal::Traces, "end_before_start");
        }
        if span.start == 0 {
            self.rows.mark(Signal::Traces, "time_zero");
        }
        self.rows.traces.push(&self.envelope, span);
        Ok(())
    }

    fn events_and_links(&mut self, r: Reader<'a>) -> Result<(), Fault> {
        let mut fields = r;
        while let Some((number, value)) = fields.field()? {
            let odd = match (number, value) {
                (11, Value::Bytes(b)) => self.event(r.inside(b))?,
                (13, Value::Bytes(b)) => self.link(r.inside(b))?,
                _ => continue,
            };
            self.mark(Signal::Traces, odd);
        }
        Ok(())
    }

    fn event(&mut self, r: Reader<'a>) -> Result<Odd, Fault> {
        let mut event = EventCells::default();
        let mut fields = r;
        self.entries.clear();
        while let Some((number, value)) = fields.field()? {
            match (number, value) {
                (1, Value::Fixed64(v)) => event.time = v,
                (2, Value::Bytes(b)) => event.name = b,
                (3, Value::Bytes(b)) => self.entries.read(r.inside(b))?,
                (4, Value::Varint(v)) => event.n_dropped = v as u32,
                (number, value) => self.rejected(number, value)?,
            }
        }
        if event.time > MAX_TIME {
            return Err(Fault::Record("time_out_of_range"));
        }
        let odd = self.entries.write(self.rows.traces.event_attributes())?;
        self.rows.traces.event(&event);
        Ok(odd)
    }

    fn link(&mut self, r: Reader<'a>) -> Result<Odd, Fault> {
        let mut link = LinkCells::default();
        let mut fields = r;
        self.entries.clear();
        while let Some((number, value)) = fields.field()? {
            match (number, value) {
                (1, Value::Bytes(b)) => link.trace_id = b,
                (2, Value::Bytes(b)) => link.span_id = b,
                (3, Value::Bytes(b)) => link.trace_state = b,
                (4, Value::Bytes(b)) => self.entries.read(r.inside(b))?,
                (5, Value::Varint(v)) => link.n_dropped = v as u32,
                (6, Value::Fixed32(v)) => link.flags = v,
                (number, value) => self.rejected(number, value)?,
            }
        }
        let odd = self.entries.write(self.rows.traces.link_attributes())?;
        self.rows.traces.link(&link);
        Ok(odd)
    }
}

/// The first bytes of something that goes into a message to the sender.
pub(super) fn cut(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len().min(80)]
}

fn status<'a>(mut r: Reader<'a>, span: &mut SpanCells<'a>) -> Result<(), DecodeError> {
    while let Some((number, value)) = r.field()? {
        match (number, value) {
            (2, Value::Bytes(b)) => span.status_message = b,
            (3, Value::Varint(v)) => span.status_code = v as i32,
            _ => {}
        }
    }
    Ok(())
}

fn check(span: &SpanCells<'_>) -> Result<(), Fault> {
    if span.trace_id.len() != 16 || is_zero(span.trace_id) {
        return Err(Fault::Record("invalid_trace_id"));
    }
    if span.span_id.len() != 8 || is_zero(span.span_id) {
        return Err(Fault::Record("invalid_span_id"));
    }
    if !matches!(span.parent_span_id.len(), 0 | 8) {
        return Err(Fault::Record("invalid_parent_span_id"));
    }
    if span.start > MAX_TIME || span.end > MAX_TIME {
        return Err(Fault::Record("time_out_of_range"));
    }
    Ok(())
}
