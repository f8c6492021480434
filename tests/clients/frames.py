"""Writes spans and records as a data frame has them, once with each codec."""

import sys
from pathlib import Path

import pandas

out = Path(sys.argv[1])
times = pandas.date_range("2026-11-20T12:00:00Z", periods=300, freq="100ms")
spans = pandas.DataFrame(
    {
        "Timestamp": times,
        "TraceId": [f"{i // 10:032X}" for i in range(300)],
        "SpanId": [f"{i + 1:016x}" for i in range(300)],
        "ParentSpanId": [None if i % 10 == 0 else f"{i - i % 10 + 1:016x}" for i in range(300)],
        "SpanName": ["GET /" if i % 2 else "POST /" for i in range(300)],
        "SpanKind": ["SPAN_KIND_SERVER"] * 300,
        "StatusCode": ["STATUS_CODE_ERROR" if i % 30 == 0 else "STATUS_CODE_UNSET" for i in range(300)],
        "Duration": [1_000_000 * (i + 1) for i in range(300)],
        "ServiceName": ["frames"] * 300,
        "SpanAttributes": [{"http.route": f"/r{i % 5}", "retries": i % 3} for i in range(300)],
        "team": ["shop"] * 300,
    }
)
logs = pandas.DataFrame(
    {
        "Timestamp": times.tz_localize(None).astype("datetime64[us]"),
        "Body": [f"request {i} done" for i in range(300)],
        "SeverityNumber": [9] * 300,
        "ResourceAttributes": ['{"service.name": "frames"}'] * 300,
    }
)
logs.loc[7, "Timestamp"] = pandas.NaT
for codec in ["snappy", "zstd", "lz4", "gzip"]:
    spans.to_parquet(out / f"spans-{codec}.parquet", compression=codec)
    logs.to_parquet(out / f"logs-{codec}.parquet", compression=codec)
pandas.DataFrame({"a": [1], "b": ["x"]}).to_parquet(out / "other.parquet")
