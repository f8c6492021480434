"""Reads tables of Iceberg with the format's own Python library: how many rows, of what, and what a filter leaves out."""

import json
import sys
from pathlib import Path

import pyarrow.compute as pc
from pyiceberg.expressions import GreaterThanOrEqual, And, LessThan, EqualTo
from pyiceberg.table import StaticTable

answers = {}
for folder in sorted(p for p in Path(sys.argv[1]).iterdir() if p.is_dir()):
    table = StaticTable.from_metadata(str(folder / "metadata" / "v1.metadata.json"))
    rows = table.scan().to_arrow()
    time = "Timestamp" if "Timestamp" in rows.schema.names else "TimeUnix"
    first, last = pc.min(rows[time]).as_py(), pc.max(rows[time]).as_py()
    middle = (first + (last - first) / 2).isoformat()
    early = table.scan(row_filter=LessThan(time, middle)).to_arrow()
    late = table.scan(row_filter=GreaterThanOrEqual(time, middle)).to_arrow()
    service = rows["ServiceName"][0].as_py()
    before = table.scan(row_filter=LessThan(time, "1971-01-01T00:00:00+00:00"))
    nanos = rows[time + "UnixNano"].to_pylist()
    answers[folder.name] = {
        "location": table.metadata.location,
        "version": table.metadata.format_version,
        "rows": rows.num_rows,
        "said": int(table.metadata.current_snapshot().summary["total-records"]),
        "halves": early.num_rows + late.num_rows,
        "of_service": table.scan(row_filter=EqualTo("ServiceName", service)).to_arrow().num_rows,
        "counted_of_service": pc.sum(pc.equal(rows["ServiceName"], service)).as_py(),
        "files": len(list(table.scan().plan_files())),
        "files_before": len(list(before.plan_files())),
        "days": sorted({str(task.file.partition[0]) for task in table.scan().plan_files()}),
        "time": str(rows.schema.field(time).type),
        # The first thousand of a number: what Iceberg's time leaves out is in the column beside it.
        "agree": all(t.as_py().timestamp() // 1 == n // 10**9 for t, n in zip(rows[time], nanos)),
        "nanos": sum(nanos) % 2**63,
        "attributes": sum(len(m) for m in rows["ResourceAttributes"].to_pylist()),
    }
print(json.dumps(answers))
