-- As services.sql, of segments that lie wholly within the range by what they come to, of all others by their rows.
-- Durations count by the bucket of their logarithm: quantiles are off by at most one percent.
WITH parts AS (
    SELECT
        ServiceName AS service, is_request, CASE WHEN is_request THEN bucket END AS bucket,
        count(*) AS n, count(*) FILTER (StatusCode = 'Error') AS errors
    FROM (
        SELECT
            ServiceName, StatusCode, SpanKind IN ('Server', 'Consumer') OR ParentSpanId = '' AS is_request,
            CAST(floor(ln(greatest(Duration, 1)) / ln({base})) AS BIGINT) AS bucket
        FROM traces
        WHERE {range}
    )
    GROUP BY ALL
    UNION ALL
    SELECT service, is_request, bucket, n, errors FROM summaries WHERE table_name = 'traces'
),
buckets AS (
    SELECT service, bucket, sum(n) AS n FROM parts WHERE is_request GROUP BY ALL
),
ranked AS (
    SELECT
        service, bucket, sum(n) OVER (PARTITION BY service ORDER BY bucket) AS upto,
        sum(n) OVER (PARTITION BY service) AS total
    FROM buckets
),
quantiles AS (
    SELECT
        service,
        CAST(pow({base}, min(bucket) FILTER (upto > 0.50 * (total - 1)) + 0.5) AS BIGINT) AS p50_ns,
        CAST(pow({base}, min(bucket) FILTER (upto > 0.95 * (total - 1)) + 0.5) AS BIGINT) AS p95_ns,
        CAST(pow({base}, min(bucket) FILTER (upto > 0.99 * (total - 1)) + 0.5) AS BIGINT) AS p99_ns
    FROM ranked
    GROUP BY service
)
SELECT
    service,
    CAST(sum(n) AS BIGINT) AS spans,
    CAST(coalesce(sum(n) FILTER (is_request), 0) AS BIGINT) AS requests,
    CAST(coalesce(sum(errors) FILTER (is_request), 0) AS BIGINT) AS errors,
    coalesce(sum(n) FILTER (is_request) / nullif({seconds}, 0), 0.0) AS rate,
    any_value(p50_ns) AS p50_ns,
    any_value(p95_ns) AS p95_ns,
    any_value(p99_ns) AS p99_ns
FROM parts LEFT JOIN quantiles USING (service)
GROUP BY service
ORDER BY requests DESC, service
