-- Requests of each service: spans of kind Server or Consumer, and roots of any kind. Quantiles are exact.
SELECT
    ServiceName AS service,
    count(*) AS spans,
    count(*) FILTER (is_request) AS requests,
    count(*) FILTER (is_request AND StatusCode = 'Error') AS errors,
    coalesce(count(*) FILTER (is_request) / nullif({seconds}, 0), 0.0) AS rate,
    CAST(quantile_cont(Duration, 0.50) FILTER (is_request) AS BIGINT) AS p50_ns,
    CAST(quantile_cont(Duration, 0.95) FILTER (is_request) AS BIGINT) AS p95_ns,
    CAST(quantile_cont(Duration, 0.99) FILTER (is_request) AS BIGINT) AS p99_ns
FROM (
    SELECT *, SpanKind IN ('Server', 'Consumer') OR ParentSpanId = '' AS is_request
    FROM traces
    WHERE {range}
)
GROUP BY ServiceName
ORDER BY requests DESC, service
