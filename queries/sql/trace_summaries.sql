-- One row a trace: its root (the span without a parent that starts first, else the first span), extent, counts, and
-- the share of each service in the time (self time: a span's duration without that of its children).
WITH spans AS (
    SELECT * FROM traces WHERE TraceId IN (SELECT unnest({ids}))
),
children AS (
    SELECT TraceId, ParentSpanId, sum(greatest(Duration, 0)) AS busy FROM spans WHERE ParentSpanId <> '' GROUP BY ALL
),
shares AS (
    SELECT TraceId, list({'service': ServiceName, 'self': self} ORDER BY self DESC) AS Shares
    FROM (
        SELECT s.TraceId, s.ServiceName, CAST(sum(greatest(greatest(s.Duration, 0) - coalesce(c.busy, 0), 0)) AS BIGINT) AS self
        FROM spans s LEFT JOIN children c ON c.TraceId = s.TraceId AND c.ParentSpanId = s.SpanId
        GROUP BY ALL
    )
    GROUP BY TraceId
)
SELECT
    s.TraceId AS TraceId,
    min(Timestamp) AS Timestamp,
    CAST(max(epoch_ns(Timestamp) + greatest(Duration, 0)) - min(epoch_ns(Timestamp)) AS BIGINT) AS Duration,
    arg_min(ServiceName, (ParentSpanId <> '', Timestamp)) AS ServiceName,
    arg_min(SpanName, (ParentSpanId <> '', Timestamp)) AS SpanName,
    arg_min(StatusCode, (ParentSpanId <> '', Timestamp)) AS StatusCode,
    coalesce(arg_min(coalesce(
        SpanAttributes['http.response.status_code'], SpanAttributes['http.status_code'],
        SpanAttributes['rpc.grpc.status_code'], ''), (ParentSpanId <> '', Timestamp)), '') AS ResponseStatus,
    CAST(count(*) AS BIGINT) AS Spans,
    CAST(count(*) FILTER (StatusCode = 'Error') AS BIGINT) AS Errors,
    any_value(Shares) AS Shares,
    list(DISTINCT ServiceName ORDER BY ServiceName) AS Services
FROM spans s JOIN shares USING (TraceId)
GROUP BY s.TraceId
ORDER BY Timestamp DESC, TraceId
