//! A span of ours as one of Zipkin's, by the rules of OpenTelemetry's Zipkin exporter.

use serde_json::{Map, Value, json};
use sextant_contract::parse_time;
use sextant_queries::zipkin::REMOTE;

/// Attributes that are a member of the span there.
const MEMBERS: [&str; 6] = [
    "zipkin.shared",
    "zipkin.debug",
    "network.local.address",
    "network.local.port",
    "network.peer.address",
    "network.peer.port",
];

fn text<'v>(of: &'v Value, name: &str) -> &'v str {
    of[name].as_str().unwrap_or_default()
}

fn micros(value: &Value) -> Option<i64> {
    parse_time(value.as_str()?).ok().map(|nanos| nanos / 1_000).filter(|micros| *micros > 0)
}

fn endpoint(service: &str, attributes: &Value, side: &str) -> Option<Value> {
    let mut endpoint = Map::new();
    if !service.is_empty() {
        endpoint.insert("serviceName".into(), service.to_lowercase().into());
    }
    let address = text(attributes, &format!("network.{side}.address"));
    match address.parse() {
        Ok(std::net::IpAddr::V4(ip)) => endpoint.insert("ipv4".into(), ip.to_string().into()),
        Ok(std::net::IpAddr::V6(ip)) => endpoint.insert("ipv6".into(), ip.to_string().into()),
        Err(_) => None,
    };
    if let Ok(port) = text(attributes, &format!("network.{side}.port")).parse::<u16>()
        && !endpoint.is_empty()
    {
        endpoint.insert("port".into(), port.into());
    }
    (!endpoint.is_empty()).then_some(Value::Object(endpoint))
}

fn annotation(event: (&Value, &Value, &Value)) -> Value {
    let (time, name, attributes) = event;
    let name = name.as_str().unwrap_or_default();
    let has_attributes = attributes.as_object().is_some_and(|a| !a.is_empty());
    let value = if has_attributes { format!("\"{name}\": {attributes}") } else { name.to_owned() };
    json!({ "timestamp": micros(time).unwrap_or(0), "value": value })
}

/// The span of a row.
pub(super) fn of(row: &Value) -> Value {
    let attributes = &row["SpanAttributes"];
    let mut span = Map::new();
    let id = text(row, "TraceId");
    // An id of 64 bits is written as it came.
    span.insert("traceId".into(), id.strip_prefix("0000000000000000").unwrap_or(id).into());
    span.insert("id".into(), text(row, "SpanId").into());
    if !text(row, "ParentSpanId").is_empty() {
        span.insert("parentId".into(), text(row, "ParentSpanId").into());
    }
    let kind = text(row, "SpanKind").to_uppercase();
    let is_known = matches!(kind.as_str(), "CLIENT" | "SERVER" | "PRODUCER" | "CONSUMER");
    if is_known {
        span.insert("kind".into(), kind.as_str().into());
    }
    if !text(row, "SpanName").is_empty() {
        span.insert("name".into(), text(row, "SpanName").to_lowercase().into());
    }
    if let Some(start) = micros(&row["Timestamp"]) {
        span.insert("timestamp".into(), start.into());
    }
    let nanos = row["Duration"].as_i64().unwrap_or(0);
    if nanos > 0 {
        span.insert("duration".into(), (nanos / 1_000).max(1).into());
    }
    if let Some(local) = endpoint(text(row, "ServiceName"), attributes, "local") {
        span.insert("localEndpoint".into(), local);
    }
    let is_outward = matches!(kind.as_str(), "CLIENT" | "PRODUCER");
    let named = REMOTE.iter().find(|key| !text(attributes, key).is_empty() && (is_outward || **key == "peer.service"));
    let remote = endpoint(named.map_or("", |key| text(attributes, key)), attributes, "peer");
    if let Some(remote) = remote {
        span.insert("remoteEndpoint".into(), remote);
    }
    if let Some(times) = row["Events"]["Timestamp"].as_array().filter(|times| !times.is_empty()) {
        let events = &row["Events"];
        let all = times.iter().enumerate().map(|(i, t)| annotation((t, &events["Name"][i], &events["Attributes"][i])));
        span.insert("annotations".into(), all.collect());
    }
    let tags = tags(row);
    if !tags.is_empty() {
        span.insert("tags".into(), Value::Object(tags));
    }
    for (key, member) in [("zipkin.debug", "debug"), ("zipkin.shared", "shared")] {
        if text(attributes, key) == "true" {
            span.insert(member.into(), true.into());
        }
    }
    Value::Object(span)
}

fn tags(row: &Value) -> Map<String, Value> {
    let mut tags = Map::new();
    let all = |name: &str| row[name].as_object().cloned().unwrap_or_default();
    let resource = all("ResourceAttributes").into_iter().filter(|(key, _)| key != "service.name");
    let own = all("SpanAttributes").into_iter().filter(|(key, _)| !MEMBERS.contains(&key.as_str()) && key != REMOTE[0]);
    tags.extend(resource.chain(own));
    for (column, key) in [("ScopeName", "otel.scope.name"), ("ScopeVersion", "otel.scope.version")] {
        if !text(row, column).is_empty() {
            tags.insert(key.into(), text(row, column).into());
        }
    }
    match text(row, "StatusCode") {
        "Ok" => {
            tags.insert("otel.status_code".into(), "OK".into());
        }
        "Error" => {
            tags.insert("otel.status_code".into(), "ERROR".into());
            tags.entry("error").or_insert_with(|| text(row, "StatusMessage").into());
        }
        _ => {}
    }
    for (column, key) in [
        ("DroppedAttributesCount", "otel.dropped_attributes_count"),
        ("DroppedEventsCount", "otel.dropped_events_count"),
        ("DroppedLinksCount", "otel.dropped_links_count"),
    ] {
        if let Some(n) = row[column].as_i64().filter(|n| *n > 0) {
            tags.insert(key.into(), n.to_string().into());
        }
    }
    tags
}
