//! One Zipkin span as read, its rules, and its form as an OTLP `Span`.

use crate::wire::Writer;
use std::borrow::Cow;
use std::net::IpAddr;

#[derive(Debug, Clone, Default)]
pub(super) struct Endpoint<'a> {
    pub service: Cow<'a, str>,
    pub ip: Option<IpAddr>,
    pub port: u16,
}

/// A span on its way through; texts borrow from the message where they can.
#[derive(Debug, Clone, Default)]
pub(super) struct ZipkinSpan<'a> {
    pub trace_id: Vec<u8>,
    pub parent_id: Vec<u8>,
    pub id: Vec<u8>,
    /// As OTLP numbers it; 1 (internal) where none was given.
    pub kind: u64,
    pub name: Cow<'a, str>,
    pub timestamp_micros: u64,
    pub duration_micros: u64,
    pub local: Endpoint<'a>,
    pub remote: Endpoint<'a>,
    pub annotations: Vec<(u64, Cow<'a, str>)>,
    pub tags: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub is_debug: bool,
    pub is_shared: bool,
}

/// A `KeyValue` with text in field `number`.
pub(super) fn attribute(w: &mut Writer, number: u32, key: &str, value: &str) {
    let open = w.begin(number);
    w.bytes(1, key.as_bytes());
    let any = w.begin(2);
    w.bytes(1, value.as_bytes());
    w.end(any);
    w.end(open);
}

fn is_zero(id: &[u8]) -> bool {
    id.iter().all(|b| *b == 0)
}

impl ZipkinSpan<'_> {
    /// The rules of the Zipkin server; normalises ids.
    pub fn check(&mut self) -> Result<(), &'static str> {
        if is_zero(&self.trace_id) || self.trace_id.len() > 16 {
            return Err("invalid trace id");
        }
        if is_zero(&self.id) || self.id.len() > 8 {
            return Err("invalid span id");
        }
        if self.parent_id.len() > 8 {
            return Err("invalid parent id");
        }
        pad(&mut self.trace_id, 16);
        pad(&mut self.id, 8);
        if is_zero(&self.parent_id) {
            self.parent_id.clear();
        } else {
            pad(&mut self.parent_id, 8);
            if self.parent_id == self.id {
                self.parent_id.clear();
            }
        }
        Ok(())
    }

    fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().rev().find(|(k, _)| k == key).map(|(_, v)| &**v)
    }

    /// Service, scope name, scope version.
    pub fn scope_key(&self) -> (String, String, String) {
        let lifted = |new: &str, old: &str| self.tag(new).or_else(|| self.tag(old)).unwrap_or_default().to_owned();
        (
            self.local.service.to_lowercase(),
            lifted("otel.scope.name", "otel.library.name"),
            lifted("otel.scope.version", "otel.library.version"),
        )
    }

    /// Appends the span as field 2 of a `ScopeSpans`.
    pub fn write(&self, w: &mut Writer) {
        let open = w.begin(2);
        w.bytes(1, &self.trace_id);
        w.bytes(2, &self.id);
        w.bytes(4, &self.parent_id);
        w.bytes(5, self.name.to_lowercase().as_bytes());
        w.uint(6, self.kind);
        let start = self.timestamp_micros.saturating_mul(1_000);
        w.fixed64(7, start);
        w.fixed64(8, start.saturating_add(self.duration_micros.saturating_mul(1_000)));
        for (key, value) in &self.tags {
            if !is_lifted(key) {
                attribute(w, 9, key, value);
            }
        }
        self.endpoints(w);
        if self.is_debug {
            attribute(w, 9, "zipkin.debug", "true");
        }
        if self.is_shared {
            attribute(w, 9, "zipkin.shared", "true");
        }
        for (micros, value) in &self.annotations {
            let event = w.begin(11);
            w.fixed64(1, micros.saturating_mul(1_000));
            w.bytes(2, value.as_bytes());
            w.end(event);
        }
        self.status(w);
        w.end(open);
    }

    fn endpoints(&self, w: &mut Writer) {
        if !self.remote.service.is_empty() && self.tag("peer.service").is_none() {
            attribute(w, 9, "peer.service", &self.remote.service.to_lowercase());
        }
        for (endpoint, address, port) in [
            (&self.local, "network.local.address", "network.local.port"),
            (&self.remote, "network.peer.address", "network.peer.port"),
        ] {
            if let Some(ip) = endpoint.ip {
                attribute(w, 9, address, &ip.to_string());
            }
            if endpoint.port != 0 {
                attribute(w, 9, port, &endpoint.port.to_string());
            }
        }
    }

    fn status(&self, w: &mut Writer) {
        let error = self.tag("error");
        let code = match self.tag("otel.status_code") {
            Some("OK" | "Ok") => 1,
            Some("ERROR" | "Error") => 2,
            _ if error.is_some() => 2,
            _ => return,
        };
        let status = w.begin(15);
        if let (2, Some(message)) = (code, error.filter(|e| !e.is_empty() && *e != "true")) {
            w.bytes(2, message.as_bytes());
        }
        w.uint(3, code);
        w.end(status);
    }
}

fn is_lifted(key: &str) -> bool {
    matches!(
        key,
        "otel.status_code" | "otel.scope.name" | "otel.scope.version" | "otel.library.name" | "otel.library.version"
    )
}

fn pad(id: &mut Vec<u8>, n: usize) {
    let missing = n - id.len();
    id.splice(0..0, std::iter::repeat_n(0, missing));
}
