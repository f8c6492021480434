//! Resource and scope: written once a scope, repeated for every record under it.

use super::cells::{Text, numbers};
use super::{Finished, MapColumn};
use arrow::datatypes::UInt32Type;

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

    /// Appends the rows of `other`.
    #[inline]
    pub fn extend(&mut self, other: &Self) {
        self.service.extend(&other.service);
        self.resource.extend(&other.resource);
        self.resource_dropped.extend_from_slice(&other.resource_dropped);
        self.resource_schema.extend(&other.resource_schema);
        self.scope_name.extend(&other.scope_name);
        self.scope_version.extend(&other.scope_version);
        self.scope.extend(&other.scope);
        self.scope_dropped.extend_from_slice(&other.scope_dropped);
        self.scope_schema.extend(&other.scope_schema);
    }

    pub fn finish(self, finished: &mut Finished) {
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
