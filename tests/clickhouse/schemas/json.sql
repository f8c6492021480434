-- The exporter with attributes of type JSON.
CREATE TABLE otel_traces (
    Timestamp DateTime64(9),
    TraceId String,
    SpanId String,
    ParentSpanId String,
    TraceState String,
    SpanName LowCardinality(String),
    SpanKind LowCardinality(String),
    ServiceName LowCardinality(String),
    ResourceAttributes JSON,
    ResourceAttributesKeys Array(LowCardinality(String)),
    ScopeName String,
    ScopeVersion String,
    SpanAttributes JSON,
    SpanAttributesKeys Array(LowCardinality(String)),
    Duration UInt64,
    StatusCode LowCardinality(String),
    StatusMessage String
) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp));
CREATE TABLE otel_logs (
    Timestamp DateTime64(9),
    TraceId String,
    SpanId String,
    TraceFlags UInt8,
    SeverityText LowCardinality(String),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String),
    Body String,
    ResourceAttributes JSON,
    ResourceAttributesKeys Array(LowCardinality(String)),
    ScopeName String,
    ScopeVersion LowCardinality(String),
    LogAttributes JSON,
    LogAttributesKeys Array(LowCardinality(String)),
    EventName String
) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp);
INSERT INTO otel_traces
SELECT Timestamp, TraceId, SpanId, ParentSpanId, TraceState, SpanName, SpanKind, ServiceName, toJSONString(ResourceAttributes),
    mapKeys(ResourceAttributes), ScopeName, ScopeVersion, toJSONString(SpanAttributes), mapKeys(SpanAttributes), Duration,
    StatusCode, StatusMessage
FROM world.otel_traces;
INSERT INTO otel_logs
SELECT Timestamp, TraceId, SpanId, TraceFlags, SeverityText, SeverityNumber, ServiceName, Body, toJSONString(ResourceAttributes),
    mapKeys(ResourceAttributes), ScopeName, ScopeVersion, toJSONString(LogAttributes), mapKeys(LogAttributes), EventName
FROM world.otel_logs;
