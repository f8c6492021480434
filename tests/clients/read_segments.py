"""Reads every segment file below a folder with DuckDB and with Arrow: rows by table, and every text as both see it."""

import json
import sys
from pathlib import Path

import duckdb
import pyarrow
import pyarrow.parquet

database = duckdb.connect()
counts = {}
for path in sorted(Path(sys.argv[1]).rglob("*.parquet")):
    table = counts.setdefault(path.parts[-3], {"files": 0, "duckdb": 0, "arrow": 0, "texts": 0, "services": set()})
    table["files"] += 1
    rows = database.execute(f"SELECT count(*), list(DISTINCT ServiceName) FROM read_parquet('{path}')").fetchone()
    table["duckdb"] += rows[0]
    table["services"].update(rows[1])
    # All columns, not only what the footer says.
    arrow = pyarrow.parquet.read_table(path)
    table["arrow"] += arrow.num_rows
    for field in arrow.schema:
        is_map = pyarrow.types.is_map(field.type)
        if not (is_map or pyarrow.types.is_string(field.type) or pyarrow.types.is_binary(field.type)):
            continue
        column = f'map_entries("{field.name}")' if is_map else f'"{field.name}"'
        theirs = database.execute(f"SELECT {column} FROM read_parquet('{path}')").fetchall()
        for row, (found,) in enumerate(theirs):
            if is_map:
                found = [(entry["key"], entry["value"]) for entry in found]
            if found != arrow[field.name][row].as_py():
                sys.exit(f"{path}: row {row} of {field.name}: {found!r} and {arrow[field.name][row]!r}")
        table["texts"] += len(theirs)
for table in counts.values():
    table["services"] = len(table["services"])
print(json.dumps(counts))
