-- How many traces of two sets have each attribute of each service, each operation, and an error in it; and the time of
-- operations in a trace of each, without that of their children. What is rare in both is left out.
WITH sets AS (
    SELECT unnest({a}) AS TraceId, true AS is_a UNION ALL SELECT unnest({b}), false
),
s AS MATERIALIZED (
    SELECT t.TraceId, is_a, ServiceName AS service, SpanName AS name, SpanId, ParentSpanId, greatest(Duration, 0) AS Duration,
        StatusCode, SpanAttributes, ResourceAttributes
    FROM traces t JOIN sets ON sets.TraceId = t.TraceId
),
found AS (
    SELECT DISTINCT TraceId, is_a, 'attribute' AS kind, service, e.key AS key, e.value AS value
    FROM (SELECT TraceId, is_a, service, unnest(map_entries(SpanAttributes)) AS e FROM s)
    UNION ALL
    SELECT DISTINCT TraceId, is_a, 'resource', service, e.key, e.value
    FROM (SELECT TraceId, is_a, service, unnest(map_entries(ResourceAttributes)) AS e
        FROM (SELECT DISTINCT TraceId, is_a, service, ResourceAttributes FROM s))
    UNION ALL
    SELECT DISTINCT TraceId, is_a, 'service', service, '', '' FROM s
    UNION ALL
    SELECT DISTINCT TraceId, is_a, 'operation', service, name, '' FROM s
    UNION ALL
    SELECT DISTINCT TraceId, is_a, 'error', service, name, '' FROM s WHERE StatusCode = 'Error'
),
busy AS (
    SELECT TraceId, ParentSpanId, sum(Duration) AS busy FROM s WHERE ParentSpanId <> '' GROUP BY ALL
),
times AS (
    SELECT service, name, sum(greatest(s.Duration - coalesce(busy.busy, 0), 0)) FILTER (WHERE is_a) AS a,
        sum(greatest(s.Duration - coalesce(busy.busy, 0), 0)) FILTER (WHERE NOT is_a) AS b
    FROM s LEFT JOIN busy ON busy.TraceId = s.TraceId AND busy.ParentSpanId = s.SpanId
    GROUP BY ALL
)
SELECT kind, service, key, value, CAST(count(*) FILTER (WHERE is_a) AS BIGINT) AS a,
    CAST(count(*) FILTER (WHERE NOT is_a) AS BIGINT) AS b
FROM found GROUP BY ALL
HAVING kind = 'service' OR a >= {least_a} OR b >= {least_b}
UNION ALL
SELECT 'time', service, name, '', CAST(coalesce(a, 0) / {n_a} AS BIGINT), CAST(coalesce(b, 0) / {n_b} AS BIGINT) FROM times
