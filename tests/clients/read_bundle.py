"""Counts the rows of a bundle with DuckDB, pandas and Arrow, and has the bag checked by the Library of Congress's own program."""

import json
import sys
from pathlib import Path

import bagit
import duckdb
import pandas
import pyarrow.parquet

root = Path(sys.argv[1])
bagit.Bag(str(root)).validate()
package = json.loads((root / "datapackage.json").read_text())
database = duckdb.connect()
counts = {}
for resource in package["resources"]:
    path = root / resource["path"]
    table = counts.setdefault(path.parts[-3], {"said": 0, "duckdb": 0, "pandas": 0, "arrow": 0})
    arrow = pyarrow.parquet.read_table(path, partitioning=None)
    names = [field["name"] for field in resource["schema"]["fields"]]
    if names != arrow.schema.names:
        sys.exit(f"{path}: {names} are not its columns")
    table["said"] += resource["rows"]
    table["arrow"] += arrow.num_rows
    table["pandas"] += len(pandas.read_parquet(path, columns=["ServiceName"], partitioning=None))
for name, table in counts.items():
    found = database.execute(f"SELECT count(*) FROM read_parquet('{root}/data/{name}/*/*.parquet')").fetchone()
    table["duckdb"] = found[0]
all_rows = database.execute(f"SELECT count(*) FROM read_parquet('{root}/data/*/*/*.parquet', union_by_name = true)").fetchone()
print(json.dumps({"tables": counts, "all": all_rows[0]}))
