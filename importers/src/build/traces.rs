//! The growing table of spans.

use super::cells::{Offsets, Text, numbers, times};
use super::{Envelope, Envelopes, Finished, MapColumn};
use arrow::array::{ArrayRef, StructArray};
use arrow::datatypes::{Fields, Int64Type, UInt32Type};
use sextant_model::{Table, schema};
use std::rc::Rc;
use std::sync::Arc;

/// The plain fields of one span, borrowed from the message.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SpanCells<'a> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub parent_span_id: &'a [u8],
    pub trace_state: &'a [u8],
    pub name: &'a [u8],
    pub kind: i32,
    pub start: u64,
    pub end: u64,
    pub status_code: i32,
    pub status_message: &'a [u8],
    pub flags: u32,
    pub n_dropped_attributes: u32,
    pub n_dropped_events: u32,
    pub n_dropped_links: u32,
}

/// The plain fields of one span event.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct EventCells<'a> {
    pub time: u64,
    pub name: &'a [u8],
    pub n_dropped: u32,
}

/// The plain fields of one span link.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LinkCells<'a> {
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub trace_state: &'a [u8],
    pub n_dropped: u32,
    pub flags: u32,
}

#[derive(Debug, Default)]
struct Events {
    rows: Offsets,
    time: Vec<i64>,
    name: Text,
    attributes: MapColumn,
    n_dropped: Vec<u32>,
}

#[derive(Debug, Default)]
struct Links {
    rows: Offsets,
    trace_id: Text,
    span_id: Text,
    trace_state: Text,
    attributes: MapColumn,
    n_dropped: Vec<u32>,
    flags: Vec<u32>,
}

/// Rows of spans.
#[derive(Debug, Default)]
pub(crate) struct SpanRows {
    envelopes: Envelopes,
    time: Vec<i64>,
    trace_id: Text,
    span_id: Text,
    parent_span_id: Text,
    trace_state: Text,
    name: Text,
    kind: Text,
    duration: Vec<i64>,
    status_code: Text,
    status_message: Text,
    flags: Vec<u32>,
    pub attributes: MapColumn,
    n_dropped_attributes: Vec<u32>,
    n_dropped_events: Vec<u32>,
    n_dropped_links: Vec<u32>,
    events: Events,
    links: Links,
}

fn kind_text(kind: i32, out: &mut Text) {
    match kind {
        0 => out.push(b"Unspecified"),
        1 => out.push(b"Internal"),
        2 => out.push(b"Server"),
        3 => out.push(b"Client"),
        4 => out.push(b"Producer"),
        5 => out.push(b"Consumer"),
        other => out.push(other.to_string().as_bytes()),
    }
}

fn status_text(code: i32, out: &mut Text) {
    match code {
        0 => out.push(b"Unset"),
        1 => out.push(b"Ok"),
        2 => out.push(b"Error"),
        other => out.push(other.to_string().as_bytes()),
    }
}

impl SpanRows {
    pub fn len(&self) -> usize {
        self.time.len()
    }

    pub fn size_bytes(&self) -> usize {
        self.envelopes.size_bytes()
            + self.name.size_bytes()
            + self.attributes.size_bytes()
            + self.events.attributes.size_bytes()
            + self.events.name.size_bytes()
            + self.links.attributes.size_bytes()
            + self.links.trace_id.size_bytes()
            + self.len() * 128
    }

    /// Makes room for `n` spans.
    pub fn reserve(&mut self, n: usize) {
        for column in [&mut self.time, &mut self.duration] {
            column.reserve(n);
        }
        let counts = [&mut self.n_dropped_attributes, &mut self.n_dropped_events, &mut self.n_dropped_links];
        for column in counts.into_iter().chain([&mut self.flags]) {
            column.reserve(n);
        }
        for (text, n_bytes) in [
            (&mut self.trace_id, 32),
            (&mut self.span_id, 16),
            (&mut self.parent_span_id, 16),
            (&mut self.kind, 8),
            (&mut self.status_code, 5),
            (&mut self.name, 16),
            (&mut self.trace_state, 0),
            (&mut self.status_message, 0),
        ] {
            text.reserve(n, n_bytes);
        }
        self.attributes.reserve(n);
        self.events.rows.reserve(n);
        self.links.rows.reserve(n);
    }

    /// The attributes of an event; the event itself follows by [`SpanRows::event`].
    pub fn event_attributes(&mut self) -> &mut MapColumn {
        &mut self.events.attributes
    }

    pub fn link_attributes(&mut self) -> &mut MapColumn {
        &mut self.links.attributes
    }

    pub fn event(&mut self, event: &EventCells<'_>) {
        self.events.time.push(event.time as i64);
        self.events.name.push(event.name);
        self.events.n_dropped.push(event.n_dropped);
    }

    pub fn link(&mut self, link: &LinkCells<'_>) {
        self.links.trace_id.push_hex(link.trace_id);
        self.links.span_id.push_hex(link.span_id);
        self.links.trace_state.push(link.trace_state);
        self.links.n_dropped.push(link.n_dropped);
        self.links.flags.push(link.flags);
    }

    /// Ends a row, after its attributes, events and links were added.
    pub fn push(&mut self, envelope: &Rc<Envelope>, span: &SpanCells<'_>) {
        self.envelopes.push(envelope);
        self.time.push(span.start as i64);
        self.trace_id.push_hex(span.trace_id);
        self.span_id.push_hex(span.span_id);
        let is_root = span.parent_span_id.iter().all(|b| *b == 0);
        self.parent_span_id.push_hex(if is_root { &[] } else { span.parent_span_id });
        self.trace_state.push(span.trace_state);
        self.name.push(span.name);
        kind_text(span.kind, &mut self.kind);
        self.duration.push((span.end as i64).wrapping_sub(span.start as i64));
        status_text(span.status_code, &mut self.status_code);
        self.status_message.push(span.status_message);
        self.flags.push(span.flags);
        self.n_dropped_attributes.push(span.n_dropped_attributes);
        self.n_dropped_events.push(span.n_dropped_events);
        self.n_dropped_links.push(span.n_dropped_links);
        self.events.rows.push(self.events.time.len());
        self.links.rows.push(self.links.flags.len());
    }

    /// Drops what was added for a row that is not to be.
    pub fn rollback(&mut self) {
        self.attributes.truncate(self.time.len());
        let n_events = self.events.rows.truncate(self.time.len());
        self.events.time.truncate(n_events);
        self.events.name.truncate(n_events);
        self.events.attributes.truncate(n_events);
        self.events.n_dropped.truncate(n_events);
        let n_links = self.links.rows.truncate(self.time.len());
        self.links.trace_id.truncate(n_links);
        self.links.span_id.truncate(n_links);
        self.links.trace_state.truncate(n_links);
        self.links.attributes.truncate(n_links);
        self.links.n_dropped.truncate(n_links);
        self.links.flags.truncate(n_links);
    }

    pub fn finish(self) -> Finished {
        let mut f = Finished::default();
        self.envelopes.finish(&mut f);
        f.push(times(self.time));
        for text in [self.trace_id, self.span_id, self.parent_span_id, self.trace_state, self.name, self.kind] {
            let column = text.finish_text(&mut f);
            f.push(column);
        }
        f.push(numbers::<Int64Type>(self.duration));
        for text in [self.status_code, self.status_message] {
            let column = text.finish_text(&mut f);
            f.push(column);
        }
        f.push(numbers::<UInt32Type>(self.flags));
        for column in self.attributes.finish(&mut f) {
            f.push(column);
        }
        f.push(numbers::<UInt32Type>(self.n_dropped_attributes));
        f.push(numbers::<UInt32Type>(self.n_dropped_events));
        f.push(numbers::<UInt32Type>(self.n_dropped_links));
        let events = self.events.finish(&mut f);
        f.push(events);
        let links = self.links.finish(&mut f);
        f.push(links);
        f.close(Table::Traces)
    }
}

impl Events {
    fn finish(self, f: &mut Finished) -> ArrayRef {
        let name = self.name.finish_text(f);
        let mut columns = vec![times(self.time), name];
        columns.extend(self.attributes.finish(f));
        columns.push(numbers::<UInt32Type>(self.n_dropped));
        lists(&self.rows, schema::event_fields(), columns)
    }
}

impl Links {
    fn finish(self, f: &mut Finished) -> ArrayRef {
        let mut columns: Vec<ArrayRef> =
            [self.trace_id, self.span_id, self.trace_state].map(|t| t.finish_text(f)).into();
        columns.extend(self.attributes.finish(f));
        columns.push(numbers::<UInt32Type>(self.n_dropped));
        columns.push(numbers::<UInt32Type>(self.flags));
        lists(&self.rows, schema::link_fields(), columns)
    }
}

/// A struct of lists, all cut at the same places.
fn lists(rows: &Offsets, fields: Vec<arrow::datatypes::Field>, columns: Vec<ArrayRef>) -> ArrayRef {
    let lists = columns.into_iter().map(|items| rows.clone().list(items)).collect();
    Arc::new(StructArray::new(Fields::from(fields), lists, None))
}
