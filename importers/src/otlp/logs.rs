//! `LogRecord` messages into rows.

use super::Decoder;
use super::attributes::{Odd, value_text};
use super::fault::Fault;
use super::traces::{MAX_TIME, cut, is_zero};
use crate::DecodeError;
use crate::build::LogCells;
use crate::wire::{Reader, Value};
use sextant_model::Signal;

impl<'a> Decoder<'a> {
    pub(super) fn log(&mut self, r: Reader<'a>) -> Result<(), DecodeError> {
        self.rows.received(Signal::Logs);
        let mut log = LogCells::default();
        match self.log_fields(r, &mut log) {
            Ok(()) => Ok(()),
            Err(Fault::Message(e)) => Err(e),
            Err(Fault::Record(reason)) => {
                self.rows.logs.rollback();
                self.rows.reject(Signal::Logs, reason, || {
                    format!("log record at {} ({})", log.time, String::from_utf8_lossy(cut(log.severity_text)))
                });
                Ok(())
            }
        }
    }

    fn log_fields(&mut self, r: Reader<'a>, log: &mut LogCells<'a>) -> Result<(), Fault> {
        let mut fields = r;
        let mut body = &[][..];
        self.entries.clear();
        while let Some((number, value)) = fields.field()? {
            match (number, value) {
                (1, Value::Fixed64(v)) => log.time = v,
                (2, Value::Varint(v)) => log.severity = v as i32,
                (3, Value::Bytes(b)) => log.severity_text = b,
                (5, Value::Bytes(b)) => body = b,
                (6, Value::Bytes(b)) => self.entries.read(r.inside(b))?,
                (7, Value::Varint(v)) => log.n_dropped = v as u32,
                (8, Value::Fixed32(v)) => log.flags = v,
                (9, Value::Bytes(b)) => log.trace_id = b,
                (10, Value::Bytes(b)) => log.span_id = b,
                (11, Value::Fixed64(v)) => log.observed = v,
                (12, Value::Bytes(b)) => log.event_name = b,
                (number, value) => self.rejected(number, value)?,
            }
        }
        if log.time > MAX_TIME || log.observed > MAX_TIME {
            return Err(Fault::Record("time_out_of_range"));
        }
        if !self.rows.has_room(&self.envelope) {
            return Err(Fault::Record("request_too_large_in_memory"));
        }
        self.forget_bad_ids(log);
        let mut odd = Odd::default();
        let body_type = value_text(r.inside(body), self.rows.logs.body.open(), 0, &mut odd)?;
        let more = self.entries.write(&mut self.rows.logs.attributes)?;
        self.mark(Signal::Logs, Odd { has_strindex: odd.has_strindex || more.has_strindex, ..more });
        let order = [log.time, log.observed].into_iter().find(|t| *t != 0).map(|t| t as i64);
        if order.is_none() {
            self.rows.mark(Signal::Logs, "without_time");
        }
        let order = order.unwrap_or(self.rows.received_at);
        self.rows.logs.push(&self.envelope, log, order, (body_type, body));
        Ok(())
    }

    /// A log with an invalid trace or span id is a log without one.
    fn forget_bad_ids(&mut self, log: &mut LogCells<'a>) {
        for (id, n) in [(&mut log.trace_id, 16), (&mut log.span_id, 8)] {
            if !id.is_empty() && (id.len() != n || is_zero(id)) {
                if id.len() != n {
                    self.rows.mark(Signal::Logs, "invalid_id_dropped");
                }
                *id = &[];
            }
        }
    }
}
