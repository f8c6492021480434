-- SigNoz: databases of its own, a map for each type, half hours beside the time, resources by their fingerprint.
CREATE DATABASE signoz_traces ENGINE = Atomic;
CREATE DATABASE signoz_logs ENGINE = Atomic;
CREATE TABLE signoz_traces.signoz_index_v3 (
    ts_bucket_start UInt64,
    resource_fingerprint String,
    timestamp DateTime64(9),
    trace_id FixedString(32),
    span_id String,
    trace_state String,
    parent_span_id String,
    flags UInt32,
    name LowCardinality(String),
    kind Int8,
    kind_string String,
    duration_nano UInt64,
    status_code Int16,
    status_message String,
    status_code_string String,
    attributes_string Map(LowCardinality(String), String),
    attributes_number Map(LowCardinality(String), Float64),
    attributes_bool Map(LowCardinality(String), Bool),
    resources_string Map(LowCardinality(String), String),
    events Array(String),
    links String,
    response_status_code LowCardinality(String),
    has_error Bool,
    `resource_string_service$$name` LowCardinality(String) DEFAULT resources_string['service.name'],
    `attribute_string_http$$route` LowCardinality(String) DEFAULT attributes_string['http.route'],
    INDEX idx_trace_id trace_id TYPE tokenbf_v1(10000, 5, 0) GRANULARITY 1
) ENGINE = MergeTree PARTITION BY toDate(timestamp)
ORDER BY (ts_bucket_start, resource_fingerprint, has_error, name, timestamp);
CREATE TABLE signoz_traces.distributed_signoz_index_v3 AS signoz_traces.signoz_index_v3
    ENGINE = Distributed('one', signoz_traces, signoz_index_v3, cityHash64(trace_id));
CREATE TABLE signoz_traces.trace_summary (trace_id String, start SimpleAggregateFunction(min, DateTime64(9)),
    end SimpleAggregateFunction(max, DateTime64(9)), num_spans SimpleAggregateFunction(sum, UInt64))
    ENGINE = AggregatingMergeTree ORDER BY trace_id;
CREATE TABLE signoz_traces.distributed_trace_summary AS signoz_traces.trace_summary
    ENGINE = Distributed('one', signoz_traces, trace_summary, cityHash64(trace_id));
CREATE TABLE signoz_traces.traces_v3_resource (labels String, fingerprint String, seen_at_ts_bucket_start Int64)
    ENGINE = ReplacingMergeTree ORDER BY (labels, fingerprint, seen_at_ts_bucket_start);
CREATE TABLE signoz_traces.distributed_traces_v3_resource AS signoz_traces.traces_v3_resource
    ENGINE = Distributed('one', signoz_traces, traces_v3_resource, cityHash64(labels));
CREATE TABLE signoz_logs.logs_v2 (
    ts_bucket_start UInt64,
    resource_fingerprint String,
    timestamp UInt64,
    observed_timestamp UInt64,
    id String,
    trace_id String,
    span_id String,
    trace_flags UInt32,
    severity_text LowCardinality(String),
    severity_number UInt8,
    body String,
    attributes_string Map(LowCardinality(String), String),
    attributes_number Map(LowCardinality(String), Float64),
    attributes_bool Map(LowCardinality(String), Bool),
    resources_string Map(LowCardinality(String), String),
    scope_name String,
    scope_version String,
    scope_string Map(LowCardinality(String), String),
    `attribute_string_db$$system` LowCardinality(String) DEFAULT attributes_string['db.system']
) ENGINE = MergeTree PARTITION BY toDate(timestamp / 1000000000)
ORDER BY (ts_bucket_start, resource_fingerprint, severity_text, timestamp, id);
CREATE TABLE signoz_logs.distributed_logs_v2 AS signoz_logs.logs_v2
    ENGINE = Distributed('one', signoz_logs, logs_v2, cityHash64(id));
CREATE TABLE signoz_logs.logs_v2_resource (labels String, fingerprint String, seen_at_ts_bucket_start Int64)
    ENGINE = ReplacingMergeTree ORDER BY (labels, fingerprint, seen_at_ts_bucket_start);
CREATE TABLE signoz_logs.distributed_logs_v2_resource AS signoz_logs.logs_v2_resource
    ENGINE = Distributed('one', signoz_logs, logs_v2_resource, cityHash64(labels));
INSERT INTO signoz_traces.signoz_index_v3 (ts_bucket_start, resource_fingerprint, timestamp, trace_id, span_id, parent_span_id,
    name, kind_string, duration_nano, status_code_string, status_message, attributes_string, attributes_number, resources_string,
    events, links)
WITH mapFilter((k, v) -> toString(toFloat64OrNull(v)) = v, SpanAttributes) AS numbers
SELECT intDiv(toUnixTimestamp(Timestamp), 1800) * 1800, toString(cityHash64(ResourceAttributes)), Timestamp, TraceId, SpanId,
    ParentSpanId, SpanName, SpanKind, Duration, StatusCode, StatusMessage,
    mapFilter((k, v) -> NOT mapContains(numbers, k), SpanAttributes), mapApply((k, v) -> (k, toFloat64(v)), numbers),
    mapUpdate(ResourceAttributes, map('service.name', toString(ServiceName))),
    arrayMap((n, t) -> concat('{"name":', toJSONString(n), ',"timeUnixNano":', toString(toUnixTimestamp64Nano(t)),
        ',"attributeMap":{"a":"1"}}'), Events.Name, Events.Timestamp),
    if(ParentSpanId = '', '[]', concat('[{"traceId":"', TraceId, '","spanId":"', ParentSpanId, '","refType":"CHILD_OF"}]'))
FROM world.otel_traces;
INSERT INTO signoz_traces.trace_summary SELECT trace_id, min(timestamp), max(timestamp), count()
FROM signoz_traces.signoz_index_v3 GROUP BY trace_id;
INSERT INTO signoz_traces.traces_v3_resource SELECT DISTINCT toJSONString(resources_string), resource_fingerprint,
    ts_bucket_start FROM signoz_traces.signoz_index_v3;
INSERT INTO signoz_logs.logs_v2 (ts_bucket_start, resource_fingerprint, timestamp, id, trace_id, span_id, severity_text,
    severity_number, body, attributes_string, attributes_number, resources_string)
WITH mapFilter((k, v) -> toString(toFloat64OrNull(v)) = v, LogAttributes) AS numbers
SELECT intDiv(toUnixTimestamp(Timestamp), 1800) * 1800, toString(cityHash64(ResourceAttributes)), toUnixTimestamp64Nano(Timestamp),
    toString(rowNumberInAllBlocks()), TraceId, SpanId, SeverityText, SeverityNumber, Body,
    mapFilter((k, v) -> NOT mapContains(numbers, k), LogAttributes), mapApply((k, v) -> (k, toFloat64(v)), numbers),
    mapUpdate(ResourceAttributes, map('service.name', toString(ServiceName)))
FROM world.otel_logs;
INSERT INTO signoz_logs.logs_v2_resource SELECT DISTINCT toJSONString(resources_string), resource_fingerprint, ts_bucket_start
FROM signoz_logs.logs_v2;
