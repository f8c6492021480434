//! Resource and scope: written once a scope, repeated for every record under it.

use super::cells::{Text, numbers};
use super::{Finished, MapColumn};
use arrow::datatypes::UInt32Type;
use std::rc::Rc;

/// The columns of resource and scope; with one row it is the envelope of the records being read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Envelope {
    pub service: Text,
    pub resource: MapColumn,
    pub resource_dropped: Vec<u32>,
    pub resource_schema: Text,
    pub scope_name: Text,
    pub scope_version: Text,
    pub scope: MapColumn,
    pub scope_dropped: Vec<u32>,
    pub scope_schema: Text,
}

impl Envelope {
    pub fn size_bytes(&self) -> usize {
        self.service.size_bytes()
            + self.resource.size_bytes()
            + self.resource_schema.size_bytes()
            + self.scope_name.size_bytes()
            + self.scope.size_bytes()
            + self.scope_schema.size_bytes()
    }

    /// Appends the row of `other`, `n` times.
    fn repeat(&mut self, other: &Self, n: usize) {
        self.service.repeat(&other.service, n);
        self.resource.repeat(&other.resource, n);
        self.resource_dropped.extend(std::iter::repeat_n(other.resource_dropped[0], n));
        self.resource_schema.repeat(&other.resource_schema, n);
        self.scope_name.repeat(&other.scope_name, n);
        self.scope_version.repeat(&other.scope_version, n);
        self.scope.repeat(&other.scope, n);
        self.scope_dropped.extend(std::iter::repeat_n(other.scope_dropped[0], n));
        self.scope_schema.repeat(&other.scope_schema, n);
    }

    fn finish(self, finished: &mut Finished) {
        let service = self.service.finish_text(finished);
        finished.push(service);
        for column in self.resource.finish(finished) {
            finished.push(column);
        }
        finished.push(numbers::<UInt32Type>(self.resource_dropped));
        for text in [self.resource_schema, self.scope_name, self.scope_version] {
            let column = text.finish_text(finished);
            finished.push(column);
        }
        for column in self.scope.finish(finished) {
            finished.push(column);
        }
        finished.push(numbers::<UInt32Type>(self.scope_dropped));
        let column = self.scope_schema.finish_text(finished);
        finished.push(column);
    }
}

/// The envelopes of a table's rows as runs: records of one scope follow each other, so the columns are written once a
/// scope and multiplied at the end.
#[derive(Debug, Default)]
pub(crate) struct Envelopes {
    runs: Vec<(Rc<Envelope>, usize)>,
    size_bytes: usize,
}

impl Envelopes {
    #[inline]
    pub fn push(&mut self, envelope: &Rc<Envelope>) {
        match self.runs.last_mut() {
            Some((last, n)) if Rc::ptr_eq(last, envelope) => *n += 1,
            _ => self.runs.push((envelope.clone(), 1)),
        }
        self.size_bytes += envelope.size_bytes();
    }

    /// Bytes that the columns will have.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    pub fn finish(self, finished: &mut Finished) {
        let mut all = Envelope::default();
        for (envelope, n) in &self.runs {
            all.repeat(envelope, *n);
        }
        all.finish(finished);
    }
}
