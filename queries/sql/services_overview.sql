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
-- Between the two ranks beside each quantile, as quantile_cont does.
wanted AS (
    SELECT service, q, floor(q * (max(total) - 1)) AS low, q * (max(total) - 1) - floor(q * (max(total) - 1)) AS part
    FROM ranked, (SELECT unnest([0.50, 0.95, 0.99]) AS q)
    GROUP BY service, q
),
ends AS (
    SELECT
        service, q, any_value(part) AS part,
        least(pow({base}, min(bucket) FILTER (upto > low) + 0.5), 9.2e18) AS a,
        least(pow({base}, min(bucket) FILTER (upto > low + ceil(part)) + 0.5), 9.2e18) AS b
    FROM wanted JOIN ranked USING (service)
    GROUP BY service, q
),
quantiles AS (
    SELECT
        service,
        CAST(any_value(a + (b - a) * part) FILTER (q = 0.50) AS BIGINT) AS p50_ns,
        CAST(any_value(a + (b - a) * part) FILTER (q = 0.95) AS BIGINT) AS p95_ns,
        CAST(any_value(a + (b - a) * part) FILTER (q = 0.99) AS BIGINT) AS p99_ns
    FROM ends
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
