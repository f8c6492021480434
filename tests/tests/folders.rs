//! Records as folders: plain Parquet by day, and tables of Iceberg that its own library reads.

use serde_json::Value;
use sextant_tests::{Serve, files_below, json, ok, request, run};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

const DAY: i64 = 86_400_000_000_000;

/// Spans, log records and points of three days; one time has digits that only nanoseconds have.
fn world(data: &str) -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_nanos() as i64;
    let noon = now / DAY * DAY + DAY / 2 - 5 * DAY;
    let attributes = serde_json::json!([{ "key": "user.id", "value": { "intValue": "7" } }]);
    let resource =
        serde_json::json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "checkout" } }] });
    let times: Vec<i64> = (0..600).map(|i| noon + i % 3 * DAY + i * 1_000_003).collect();
    let spans: Vec<Value> = (1..)
        .zip(&times)
        .map(|(i, t)| {
            serde_json::json!({
                "traceId": format!("{i:032x}"), "spanId": format!("{i:016x}"), "name": "GET /cart", "kind": 2,
                "startTimeUnixNano": t.to_string(), "endTimeUnixNano": (t + 5_000_001).to_string(),
                "attributes": attributes,
                "events": [{ "timeUnixNano": (t + 7).to_string(), "name": "paid", "attributes": attributes }],
            })
        })
        .collect();
    let logs: Vec<Value> = times
        .iter()
        .map(|t| serde_json::json!({ "timeUnixNano": t.to_string(), "severityNumber": 9, "body": { "stringValue": "a line" } }))
        .collect();
    let points: Vec<Value> = times
        .iter()
        .map(|t| {
            serde_json::json!({
                "timeUnixNano": t.to_string(), "startTimeUnixNano": noon.to_string(), "count": "3", "sum": 1.5,
                "bucketCounts": ["1", "2"], "explicitBounds": [0.5],
            })
        })
        .collect();
    let histogram = serde_json::json!({ "aggregationTemporality": 2, "dataPoints": points });
    let home = tempfile::tempdir().expect("a directory");
    let sent = home.path().join("sent.jsonl");
    let lines = [
        serde_json::json!({ "resourceSpans": [{ "resource": resource, "scopeSpans": [{ "spans": spans }] }] }),
        serde_json::json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{ "logRecords": logs }] }] }),
        serde_json::json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": [{ "metrics": [
            { "name": "latency", "unit": "ms", "histogram": histogram } ] }] }] }),
    ];
    std::fs::write(&sent, lines.map(|l| l.to_string()).join("\n")).expect("a file");
    ok(&["import", &sent.to_string_lossy(), "--data", data]);
    noon
}

/// The Parquet files below a folder, by their ways from it.
fn files(root: &Path) -> Vec<String> {
    let below = |path: std::path::PathBuf| path.strip_prefix(root).expect("below").to_string_lossy().into_owned();
    files_below(root, "parquet").into_iter().map(below).collect()
}

fn rows_of(root: &Path) -> i64 {
    files(root)
        .iter()
        .map(|f| {
            let file = std::fs::File::open(root.join(f)).expect("a file");
            let reader = parquet::file::reader::SerializedFileReader::new(file).expect("Parquet");
            parquet::file::reader::FileReader::metadata(&reader).file_metadata().num_rows()
        })
        .sum()
}

#[test]
fn tables_of_iceberg_are_read_by_its_own_library() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data").to_string_lossy().into_owned();
    let noon = world(&data);
    for kind in ["spans", "logs", "metrics"] {
        let out = home.path().join(format!("{kind}.iceberg"));
        ok(&["export", kind, "--data", &data, "--out", &out.to_string_lossy()]);
    }
    // Each in the place that it was written for.
    let mut read = BTreeMap::new();
    for kind in ["spans", "logs", "metrics"] {
        let out = home.path().join(format!("{kind}.iceberg"));
        let cache = Path::new(&std::env::var_os("HOME").expect("a home")).join(".cache/sextant");
        let done = Command::new(cache.join("venv/bin/python"))
            .args(["clients/read_iceberg.py", &out.to_string_lossy()])
            .output()
            .expect("Python runs");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        let tables: BTreeMap<String, Value> = serde_json::from_slice(&done.stdout).expect("tables");
        read.extend(tables);
    }
    assert_eq!(read.keys().collect::<Vec<_>>(), ["logs", "metrics_histogram", "traces"]);
    let times: i128 = (0..600_i64).map(|i| i128::from(noon + i % 3 * DAY + i * 1_000_003)).sum();
    for (name, table) in &read {
        assert_eq!(
            (&table["version"], &table["rows"], &table["said"]),
            (&2.into(), &600.into(), &600.into()),
            "{name}"
        );
        assert_eq!((&table["halves"], &table["of_service"]), (&600.into(), &600.into()), "{name}");
        assert_eq!((&table["files"], &table["files_before"]), (&3.into(), &0.into()), "{name}: {table}");
        assert_eq!(table["days"].as_array().map(Vec::len), Some(3), "{name}: {table}");
        assert_eq!((&table["time"], &table["agree"]), (&"timestamp[us, tz=UTC]".into(), &true.into()), "{name}");
        assert_eq!(
            table["nanos"].as_i64().map(i128::from),
            Some(times % (1 << 63)),
            "{name}: every digit of every time"
        );
        assert_eq!(table["attributes"], 600, "{name}");
    }
}

#[test]
fn a_table_may_be_meant_for_another_place() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data").to_string_lossy().into_owned();
    world(&data);
    let out = home.path().join("lake");
    let out_text = out.to_string_lossy().into_owned();
    let args = ["export", "spans", "--data", &data, "--out", &out_text, "--format", "iceberg"];
    ok(&[&args[..], &["--location", "s3://lake/otel/"]].concat());
    let metadata = std::fs::read(out.join("traces/metadata/v1.metadata.json")).expect("metadata");
    let metadata: Value = serde_json::from_slice(&metadata).expect("JSON");
    assert_eq!(metadata["location"], "s3://lake/otel/traces");
    let list = metadata["snapshots"][0]["manifest-list"].as_str().expect("a list").to_owned();
    let list = list.strip_prefix("s3://lake/otel/traces/").expect("it lies there too");
    assert!(out.join("traces").join(list).is_file(), "{list}");
    assert_eq!(std::fs::read_to_string(out.join("traces/metadata/version-hint.text")).expect("a hint"), "1");
    // What is there is not touched, and what would be empty is not made.
    let nowhere = home.path().join("x.csv").to_string_lossy().into_owned();
    for (more, part) in [
        (vec!["--out", &out_text], "not empty"),
        (vec!["--out", &nowhere, "--location", "s3://x"], "--location"),
        (vec!["--out", &nowhere, "--location", "lake"], "no URI"),
    ] {
        let refused = run(&[
            &["export", "spans", "--data", &data, "--format", if part == "--location" { "csv" } else { "iceberg" }],
            &more[..],
        ]
        .concat());
        assert!(refused.status.code() == Some(1), "{more:?}");
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(said.contains(part), "{said}");
    }
    let none = home.path().join("none");
    let none_text = none.to_string_lossy().into_owned();
    let refused =
        run(&["export", "spans", "service:nobody", "--data", &data, "--format", "iceberg", "--out", &none_text]);
    assert!(refused.status.code() == Some(1) && !none.exists());
    let left: Vec<String> = std::fs::read_dir(home.path())
        .expect("a folder")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .filter(|n| n.starts_with('.'))
        .collect();
    assert_eq!(left, Vec::<String>::new(), "nothing half-made stays");
}

#[test]
fn a_folder_by_day_has_every_row_and_comes_back() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("data"));
    let data = serve.dir.to_string_lossy().into_owned();
    world(&data);
    // Through a running instance, which does not write where it is told.
    let out = home.path().join("days");
    let out_text = out.to_string_lossy().into_owned();
    let done = run(&["export", "traces", "--data", &data, "--out", &out_text, "--format", "parquet-by-day"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && said.contains("200 rows"), "{said}");
    let there = files(&out);
    assert_eq!(there.len(), 3, "{there:?}");
    assert!(there[0].starts_with("traces/date=") && there[0].ends_with("/part-000.parquet"), "{there:?}");
    assert_eq!(rows_of(&out), 600);
    // The same over HTTP, as one file.
    let bearer = format!("Bearer {}", serve.token);
    let path = "/api/v1/export/logs?format=parquet-by-day";
    let whole = request(serve.at("http"), "GET", path, &[("authorization", &bearer)], b"");
    assert_eq!(whole.status, 200);
    let unpacked = home.path().join("unpacked");
    tar::Archive::new(whole.body.as_slice()).unpack(&unpacked).expect("an archive");
    assert_eq!(rows_of(&unpacked), 600);
    assert_eq!(serve.stop(), Some(0));
    // Plain Parquet that a second store takes in.
    let again = home.path().join("again").to_string_lossy().into_owned();
    let report = json(&["import", &out_text, "--data", &again, "--json"]);
    assert_eq!((&report["stored"], &report["skipped"]), (&600.into(), &0.into()), "{report}");
    let sql =
        "SELECT sum(Duration) AS d, min(Timestamp) AS a, max(Timestamp) AS b, count(DISTINCT TraceId) AS n FROM traces";
    let [sent, back] = [&data, &again].map(|d| json(&["sql", sql, "--data", d, "--format", "json"]));
    assert_eq!(sent, back);
}
