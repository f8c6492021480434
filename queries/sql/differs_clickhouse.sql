-- The same as differs.sql, in ClickHouse's words.
WITH s AS (
    SELECT TraceId, TraceId IN ({a}) AS is_a, toString(ServiceName) AS service, toString(SpanName) AS name, SpanId, ParentSpanId,
        greatest(toInt64(Duration), 0) AS took, StatusCode, CAST(SpanAttributes, 'Map(String, String)') AS own,
        CAST(ResourceAttributes, 'Map(String, String)') AS resource
    FROM ({spans} WHERE {of_them})
),
found AS (
    SELECT DISTINCT TraceId, is_a, 'attribute' AS kind, service, e.1 AS key, e.2 AS value
    FROM (SELECT TraceId, is_a, service, arrayJoin(own) AS e FROM s)
    UNION ALL
    SELECT DISTINCT TraceId, is_a, 'resource', service, e.1, e.2
    FROM (SELECT TraceId, is_a, service, arrayJoin(resource) AS e FROM (SELECT DISTINCT TraceId, is_a, service, resource FROM s))
    UNION ALL
    SELECT DISTINCT TraceId, is_a, 'service', service, '', '' FROM s
    UNION ALL
    SELECT DISTINCT TraceId, is_a, 'operation', service, name, '' FROM s
    UNION ALL
    SELECT DISTINCT TraceId, is_a, 'error', service, name, '' FROM s WHERE StatusCode = 'Error'
),
busy AS (SELECT TraceId, ParentSpanId, sum(took) AS busy FROM s WHERE ParentSpanId != '' GROUP BY TraceId, ParentSpanId),
times AS (
    SELECT service, name, sumIf(greatest(s.took - ifNull(busy.busy, 0), 0), is_a) AS a,
        sumIf(greatest(s.took - ifNull(busy.busy, 0), 0), NOT is_a) AS b
    FROM s LEFT JOIN busy ON busy.TraceId = s.TraceId AND busy.ParentSpanId = s.SpanId GROUP BY service, name
)
SELECT kind, service, key, value, toInt64(countIf(is_a)) AS a, toInt64(countIf(NOT is_a)) AS b
FROM found GROUP BY kind, service, key, value
HAVING kind = 'service' OR a >= {least_a} OR b >= {least_b}
UNION ALL
SELECT 'time', service, name, '', toInt64(a / {n_a}), toInt64(b / {n_b}) FROM times
