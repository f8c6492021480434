"""Bytes a row of the traces of a store: by column, beside them the index, and the same columns written by DuckDB."""

import sys
import tempfile
import time
from pathlib import Path

import duckdb
import pyarrow.parquet

PROMOTED = "__otel_materialized_"
root = Path(sys.argv[1])
files = sorted((root / "segments/default/traces").rglob("*.parquet"))
sizes, n_rows, data = {}, 0, 0
for path in files:
    metadata = pyarrow.parquet.ParquetFile(path).metadata
    n_rows += metadata.num_rows
    data += path.stat().st_size
    for group in range(metadata.num_row_groups):
        for i in range(metadata.num_columns):
            column = metadata.row_group(group).column(i)
            path = column.path_in_schema
            name = path if path.startswith(PROMOTED) else path.split(".")[0]
            sizes[name] = sizes.get(name, 0) + column.total_compressed_size
index = sum(p.stat().st_size for p in root.rglob("*.idx"))
own = ["ProjectId", "ReceivedAt", "IngestId"]
own += [name for name in sizes if name.endswith(("Types", "Exact"))]
ids = ["TraceId", "SpanId", "ParentSpanId"]
per_row = lambda names: sum(sizes.get(n, 0) for n in names) / n_rows
promoted = [name for name in sizes if name.startswith(PROMOTED)]
rest = [name for name in sizes if name not in own and name not in ids and name not in promoted]
print(f"bytes a span, {n_rows} spans in {len(files)} files: {data / n_rows:.1f} in files, {index / n_rows:.1f} in trace indexes")
print(f"  ids {per_row(ids):.1f}, what the exporter's schema has beside them {per_row(rest):.1f}, our own columns {per_row(own):.1f}, promoted attributes {per_row(promoted):.1f}")
largest = sorted(sizes.items(), key=lambda item: -item[1])[:12]
print("  largest: " + ", ".join(f"{name} {size / n_rows:.1f}" for name, size in largest))
listed = "[" + ", ".join(f"'{p}'" for p in files) + "]"
with tempfile.NamedTemporaryFile(suffix=".parquet") as out:
    for what, names in [("without ids and our own", rest), ("with ids", rest + ids)]:
        columns = ", ".join(f'"{n}"' for n in names)
        before = time.process_time()
        duckdb.connect().execute(
            f"COPY (SELECT {columns} FROM read_parquet({listed})) TO '{out.name}' (FORMAT parquet, COMPRESSION zstd)"
        )
        cpu = time.process_time() - before
        theirs = Path(out.name).stat().st_size / n_rows
        ours = per_row(names)
        print(f"  DuckDB COPY zstd of the same columns, {what}: {theirs:.1f}; ours {ours:.1f}, ratio {ours / theirs:.2f}; it read and wrote {n_rows / cpu / 1e3:.0f} k spans a CPU second")
spans = pyarrow.parquet.read_table(files[0], columns=rest + ids).slice(0, 500_000)
before = time.process_time()
duckdb.connect().execute("CREATE TABLE t AS SELECT * FROM spans")
print(f"  DuckDB takes {spans.num_rows / (time.process_time() - before) / 1e3:.0f} k spans a CPU second from Arrow into a table in memory")
folder = sum(p.stat().st_size for p in root.rglob("*") if p.is_file())
print(f"  the whole folder: {folder / n_rows:.1f} bytes a span, {folder / n_rows / theirs:.2f} of that COPY")
