-- Tables that someone thought up: times as milliseconds and microseconds, attributes as JSON in a text, names with spaces,
-- dots and quotes.
CREATE TABLE `app.events` (
    event_ms UInt64,
    `service name` LowCardinality(String),
    lvl Enum8('' = 0, 'TRACE' = 1, 'DEBUG' = 2, 'INFO' = 3, 'WARN' = 4, 'ERROR' = 5, 'FATAL' = 6),
    severity UInt8,
    level_text String,
    msg String,
    labels String,
    `res``ource` Map(String, String),
    correlation String,
    tenant String
) ENGINE = MergeTree ORDER BY (tenant, event_ms);
CREATE TABLE calls (
    started DateTime64(6),
    took_us UInt64,
    trace String,
    id String,
    parent String,
    op String,
    app String,
    kind Enum8('Internal' = 1, 'Server' = 2, 'Client' = 3, 'Producer' = 4, 'Consumer' = 5),
    failed UInt8,
    status String,
    tags Map(String, String),
    env Map(String, String)
) ENGINE = MergeTree ORDER BY (app, started);
INSERT INTO `app.events`
SELECT toUnixTimestamp64Milli(Timestamp), ServiceName, '', SeverityNumber, SeverityText, Body, toJSONString(LogAttributes),
    ResourceAttributes, TraceId, 'a' FROM world.otel_logs;
INSERT INTO `app.events` SELECT event_ms, `service name`, lvl, severity, level_text, 'of another tenant', labels, `res``ource`,
    correlation, 'b' FROM `app.events`;
INSERT INTO calls
SELECT Timestamp, intDiv(Duration, 1000), TraceId, SpanId, ParentSpanId, SpanName, ServiceName, toString(SpanKind),
    StatusCode = 'Error', StatusCode, SpanAttributes, ResourceAttributes FROM world.otel_traces;
