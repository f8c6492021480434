"""Counts the rows of every segment file below a folder with DuckDB and with Arrow, by table, and sums one column."""

import json
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet

database = duckdb.connect()
counts = {}
for path in sorted(Path(sys.argv[1]).rglob("*.parquet")):
    table = counts.setdefault(path.parts[-3], {"files": 0, "duckdb": 0, "arrow": 0, "services": set()})
    table["files"] += 1
    rows = database.execute(f"SELECT count(*), list(DISTINCT ServiceName) FROM read_parquet('{path}')").fetchone()
    table["duckdb"] += rows[0]
    table["services"].update(rows[1])
    # All columns, not only what the footer says.
    table["arrow"] += pyarrow.parquet.read_table(path).num_rows
for table in counts.values():
    table["services"] = len(table["services"])
print(json.dumps(counts))
