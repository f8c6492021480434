-- One row a trace: its root (the span without a parent that starts first, else the first span), extent and counts.
SELECT
    TraceId,
    min(Timestamp) AS Timestamp,
    CAST(max(epoch_ns(Timestamp) + greatest(Duration, 0)) - min(epoch_ns(Timestamp)) AS BIGINT) AS Duration,
    arg_min(ServiceName, (ParentSpanId <> '', Timestamp)) AS ServiceName,
    arg_min(SpanName, (ParentSpanId <> '', Timestamp)) AS SpanName,
    arg_min(StatusCode, (ParentSpanId <> '', Timestamp)) AS StatusCode,
    coalesce(arg_min(coalesce(
        SpanAttributes['http.response.status_code'], SpanAttributes['http.status_code'],
        SpanAttributes['rpc.grpc.status_code']), (ParentSpanId <> '', Timestamp)), '') AS ResponseStatus,
    CAST(count(*) AS BIGINT) AS Spans,
    CAST(count(*) FILTER (StatusCode = 'Error') AS BIGINT) AS Errors,
    list(DISTINCT ServiceName ORDER BY ServiceName) AS Services
FROM traces
WHERE TraceId IN (SELECT unnest({ids}))
GROUP BY TraceId
ORDER BY Timestamp DESC, TraceId
