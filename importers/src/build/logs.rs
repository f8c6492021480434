//! The growing table of log records.

use super::cells::{Text, numbers, times};
use super::{Envelope, Envelopes, Finished, MapColumn};
use arrow::datatypes::{Int32Type, UInt8Type, UInt32Type};
use sextant_model::{Table, ValueType};
use std::rc::Rc;

/// The plain fields of one log record.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct LogCells<'a> {
    pub time: u64,
    pub observed: u64,
    pub trace_id: &'a [u8],
    pub span_id: &'a [u8],
    pub flags: u32,
    pub severity_text: &'a [u8],
    pub severity: i32,
    pub event_name: &'a [u8],
    pub n_dropped: u32,
}

/// Rows of log records.
#[derive(Debug, Default)]
pub(crate) struct LogRows {
    envelopes: Envelopes,
    order: Vec<i64>,
    time: Vec<i64>,
    observed: Vec<i64>,
    trace_id: Text,
    span_id: Text,
    flags: Vec<u32>,
    severity_text: Text,
    severity: Vec<i32>,
    pub body: Text,
    body_type: Vec<u8>,
    body_exact: Text,
    event_name: Text,
    pub attributes: MapColumn,
    n_dropped: Vec<u32>,
}

impl LogRows {
    pub fn size_bytes(&self) -> usize {
        self.envelopes.size_bytes()
            + self.body.size_bytes()
            + self.body_exact.size_bytes()
            + self.attributes.size_bytes()
            + self.order.len() * 128
    }

    /// Makes room for `n` records.
    pub fn reserve(&mut self, n: usize) {
        for column in [&mut self.order, &mut self.time, &mut self.observed] {
            column.reserve(n);
        }
        for column in [&mut self.flags, &mut self.n_dropped] {
            column.reserve(n);
        }
        self.severity.reserve(n);
        self.body_type.reserve(n);
        for (text, n_bytes) in [
            (&mut self.trace_id, 32),
            (&mut self.span_id, 16),
            (&mut self.severity_text, 4),
            (&mut self.body, 32),
            (&mut self.body_exact, 0),
            (&mut self.event_name, 0),
        ] {
            text.reserve(n, n_bytes);
        }
        self.attributes.reserve(n);
    }

    /// Ends a row, after its attributes were added and its body was written into `body.open()`.
    pub fn push(&mut self, envelope: &Rc<Envelope>, log: &LogCells<'_>, order: i64, body: (ValueType, &[u8])) {
        self.envelopes.push(envelope);
        self.order.push(order);
        self.time.push(log.time as i64);
        self.observed.push(log.observed as i64);
        self.trace_id.push_hex(log.trace_id);
        self.span_id.push_hex(log.span_id);
        self.flags.push(log.flags);
        self.severity_text.push(log.severity_text);
        self.severity.push(log.severity);
        self.body.close();
        self.body_type.push(body.0 as u8);
        self.body_exact.push(if body.0.is_nested() { body.1 } else { &[] });
        self.event_name.push(log.event_name);
        self.n_dropped.push(log.n_dropped);
    }

    pub fn rollback(&mut self) {
        self.attributes.truncate(self.order.len());
        self.body.truncate(self.order.len());
    }

    pub fn finish(self) -> Finished {
        let mut f = Finished::default();
        self.envelopes.finish(&mut f);
        for column in [self.order, self.time, self.observed] {
            f.push(times(column));
        }
        for text in [self.trace_id, self.span_id] {
            let column = text.finish_text(&mut f);
            f.push(column);
        }
        f.push(numbers::<UInt32Type>(self.flags));
        let column = self.severity_text.finish_text(&mut f);
        f.push(column);
        f.push(numbers::<Int32Type>(self.severity));
        let column = self.body.finish_text(&mut f);
        f.push(column);
        f.push(numbers::<UInt8Type>(self.body_type));
        f.push(self.body_exact.finish_bytes());
        let column = self.event_name.finish_text(&mut f);
        f.push(column);
        for column in self.attributes.finish(&mut f) {
            f.push(column);
        }
        f.push(numbers::<UInt32Type>(self.n_dropped));
        f.close(Table::Logs)
    }
}
