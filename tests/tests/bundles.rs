//! Bundles from the command line: made, checked by us, by a shell and by other programs, taken in again; and what must not
//! leave does not.

use serde_json::{Value, json};
use sextant_tests::{Serve, json, ok, run};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Spans, records and points of the demo shop, in a directory that nobody holds.
fn shop(home: &Path, spans: &str) -> String {
    let serve = Serve::start(&home.join("data"));
    ok(&["demo", "--data", &serve.dir.to_string_lossy(), "--spans", spans, "--seed", "5"]);
    let dir = serve.dir.to_string_lossy().into_owned();
    assert_eq!(serve.stop(), Some(0));
    dir
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn first_line(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
}

fn python(script: &str, args: &[&str]) -> String {
    let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(script);
    let done = Command::new(home.join(".cache/sextant/venv/bin/python")).arg(script).args(args).output();
    let done = done.expect("python; `make setup` installs it");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).expect("text")
}

/// The commands of VERIFY.md.
fn shell(dir: &Path) -> bool {
    let text = std::fs::read_to_string(dir.join("VERIFY.md")).expect("VERIFY.md");
    let commands = text.split("```sh\n").nth(1).and_then(|t| t.split("```").next()).expect("commands");
    Command::new("bash").args(["-e", "-c", commands]).current_dir(dir).output().expect("bash").status.success()
}

/// Traces are taken whole, wherever they reach; everything else keeps to the period, which is said.
fn keeps_to_the_period(home: &Path, data: &str, fixed: &[&str], rows: &serde_json::Map<String, Value>) {
    let sql = "SELECT make_timestamp_ns((epoch_ns(min(TimeUnix)) + epoch_ns(max(TimeUnix))) // 2)::VARCHAR AS t FROM metrics_gauge";
    let half = json(&["sql", sql, "--data", data, "--format", "json"]);
    let half = format!("{}Z", half[0]["t"].as_str().expect("a time").replacen(' ', "T", 1));
    let later = text(&home.join("later.sxb"));
    let create = ["bundle", "create", "--out", &later, "--whole-traces", "--from", &half];
    ok(&[&create, fixed].concat());
    let said = json(&["bundle", "inspect", &later, "--format", "json"])["facts"].clone();
    assert_eq!(said["question"]["from"], half.as_str(), "{said}");
    let gauges = &said["tables"]["metrics_gauge"];
    assert!(gauges["first"].as_str() >= Some(&half), "points from before the period: {gauges} {half}");
    assert!(gauges["rows"].as_u64() > Some(0) && gauges["rows"].as_u64() < rows["metrics_gauge"].as_u64(), "{gauges}");
}

#[test]
fn a_bundle_says_the_same_to_everybody() {
    let home = tempfile::tempdir().expect("a directory");
    let data = shop(home.path(), "6000");
    let data = data.as_str();
    let key = home.path().join("key.pem");
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(&key).status();
    assert!(made.expect("openssl").success());
    let public = home.path().join("pub.pem");
    let out = Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&key).arg("-out").arg(&public).status();
    assert!(out.expect("openssl").success());
    let (key, public) = (text(&key), text(&public));
    let folder = home.path().join("bag");
    let fixed = ["--key", &key, "--at", "2026-11-22T10:00:00Z", "--data", data];
    let create = |more: &[&str]| {
        let all: Vec<&str> = ["bundle", "create"].iter().chain(more).chain(&fixed).copied().collect();
        ok(&all)
    };
    create(&["--out", &text(&folder), "--title", "all of it"]);
    let status = json(&["status", "--data", data, "--format", "json"]);
    let inspected = json(&["bundle", "inspect", &text(&folder), "--format", "json"]);
    let rows = inspected["rows"].as_object().expect("rows").clone();
    for (table, n) in &rows {
        let sql = format!("SELECT count(*) AS n FROM {table}");
        assert_eq!(json(&["sql", &sql, "--data", data, "--format", "json"])[0]["n"].as_u64(), n.as_u64(), "{table}");
    }
    let n_all: u64 = rows.values().filter_map(Value::as_u64).sum();
    assert!(n_all > 5_000 && rows.len() == 7, "{rows:?} {status}");
    // Three other readers, and the bag by a program that knows nothing of us.
    let read: Value = serde_json::from_str(&python("read_bundle.py", &[&text(&folder)])).expect("counts");
    assert_eq!(read["all"].as_u64(), Some(n_all));
    for (table, n) in &rows {
        let of = &read["tables"][table];
        assert_eq!([&of["said"], &of["duckdb"], &of["pandas"], &of["arrow"]], [n; 4], "{table}: {of}");
    }
    assert!(shell(&folder));

    // Twice the same, as a folder, as a file, and after the store laid its segments together.
    let (a, b) = (home.path().join("a.sxb"), home.path().join("b.zip"));
    create(&["--out", &text(&a), "--title", "all of it"]);
    ok(&["compact", "--data", data]);
    let said = create(&["--out", &text(&b), "--title", "all of it"]);
    assert!(said.contains(&n_all.to_string()), "{said}");
    assert!(
        std::fs::read(&a).expect("a zip") == std::fs::read(&b).expect("a zip"),
        "two bundles of the same rows differ"
    );
    let hash = |path: &Path| json(&["bundle", "inspect", &text(path), "--format", "json"])["hash"].clone();
    assert_eq!(hash(&a), hash(&folder));

    // A search, a period, and what it is compared with.
    let part = home.path().join("part.sxb");
    create(&["--out", &text(&part), "service:checkout error:true", "--signal", "traces"]);
    let search = ["search", "spans", "service:checkout error:true", "--limit", "100000"];
    let found = json(&[&search[..], &["--data", data, "--format", "json"]].concat());
    let n = found.as_array().expect("rows").len() as u64;
    let inspected = json(&["bundle", "inspect", &text(&part), "--format", "json"]);
    assert_eq!(inspected["rows"], json!({ "traces": n }));
    assert_eq!(inspected["facts"]["leftOut"][0]["rows"].as_u64(), rows["traces"].as_u64().map(|all| all - n));
    let diff = json(&["bundle", "diff", &text(&part), &text(&a), "--format", "json"]);
    let traces = diff.as_array().expect("rows").iter().find(|r| r["table"] == "traces").expect("traces");
    assert_eq!((&traces["both"], &traces["only_a"]), (&n.into(), &0.into()), "{diff}");

    keeps_to_the_period(home.path(), data, &fixed, &rows);

    // Verdicts and exits.
    let verify = |args: &[&str]| {
        let all: Vec<&str> =
            ["bundle", "verify"].iter().chain(args).chain(&["--data", "/nonexistent"]).copied().collect();
        let done = run(&all);
        (first_line(&done), done.status.code())
    };
    assert_eq!(verify(&[&text(&a)]), ("VALID-UNTRUSTED-KEY".into(), Some(0)));
    assert_eq!(verify(&[&text(&a), "--pubkey", &public]), ("VALID".into(), Some(0)));
    let mut bytes = std::fs::read(&a).expect("a zip");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let bad = home.path().join("bad.sxb");
    std::fs::write(&bad, bytes).expect("a file");
    assert_eq!(verify(&[&text(&bad), "--pubkey", &public]), ("INVALID".into(), Some(1)));
    let refused = run(&["bundle", "extract", &text(&bad), "--out", &text(&home.path().join("x"))]);
    assert!(!refused.status.success() && !home.path().join("x").exists());
    let nothing =
        run(&["bundle", "create", "service:nobody", "--out", &text(&home.path().join("n.sxb")), "--data", data]);
    assert!(!nothing.status.success() && !home.path().join("n.sxb").exists());
    assert_eq!(verify(&[&text(&home.path().join("none.sxb"))]).1, Some(1));
    // Term, and keys that are trusted.
    let short = home.path().join("short.sxb");
    create(&["--out", &text(&short), "--not-before", "2026-11-01", "--not-after", "2026-12-01"]);
    assert_eq!(verify(&[&text(&short), "--at", "2026-10-31"]), ("NOT-YET-VALID".into(), Some(1)));
    assert_eq!(verify(&[&text(&short), "--at", "2026-12-02"]), ("EXPIRED".into(), Some(1)));
    let other = home.path().join("other.pem");
    ok(&["keys", "new", "--out", &text(&other), "--data", data]);
    let other_public = home.path().join("other.pub.pem");
    let out =
        Command::new("openssl").args(["pkey", "-pubout", "-in"]).arg(&other).arg("-out").arg(&other_public).status();
    assert!(out.expect("openssl").success());
    let verdict = verify(&[&text(&short), "--at", "2026-12-02", "--pubkey", &text(&other_public)]);
    assert_eq!(verdict, ("SIGNED-BY-OTHER-KEY".into(), Some(1)));
    let trusting = home.path().join("trusting");
    let trusting = text(&trusting);
    ok(&["keys", "trust", &text(&a), "--name", "partner", "--data", &trusting]);
    assert_eq!(first_line(&run(&["bundle", "verify", &text(&a), "--data", &trusting])), "VALID");
}

#[test]
fn a_bundle_is_taken_in_once_and_only_if_it_is_whole() {
    let home = tempfile::tempdir().expect("a directory");
    let data = shop(home.path(), "4000");
    let (bundle, folder) = (home.path().join("a.sxb"), home.path().join("bag"));
    let (bundle_name, folder_name) = (text(&bundle), text(&folder));
    ok(&["bundle", "create", "--out", &bundle_name, "--data", &data]);
    ok(&["bundle", "extract", &bundle_name, "--out", &folder_name]);
    let n_all: u64 = json(&["bundle", "inspect", &bundle_name, "--format", "json"])["rows"]
        .as_object()
        .expect("rows")
        .values()
        .filter_map(Value::as_u64)
        .sum();
    for (name, from, is_running) in
        [("b", &bundle_name, false), ("c", &folder_name, false), ("d", &bundle_name, true), ("e", &folder_name, true)]
    {
        let own = home.path().join(name);
        let serve = is_running.then(|| Serve::start(&own));
        let own = text(&own);
        let report = json(&["import", from, "--format", "bundle", "--data", &own, "--json"]);
        assert_eq!((&report["read"], &report["stored"]), (&n_all.into(), &n_all.into()), "{name}: {report}");
        let note = report["files"][0]["note"].as_str().unwrap_or_default();
        assert!(note.starts_with("VALID-UNTRUSTED-KEY"), "{note}");
        // The same again is known, row by row.
        let again = json(&["import", from, "--data", &own, "--json"]);
        assert_eq!((&again["stored"], &again["skipped"]), (&0.into(), &n_all.into()), "{name}: {again}");
        drop(serve);
        // What comes out is what went in.
        let out = home.path().join(format!("{name}.sxb"));
        ok(&["bundle", "create", "--out", &text(&out), "--data", &own]);
        let diff = json(&["bundle", "diff", &bundle_name, &text(&out), "--format", "json"]);
        for row in diff.as_array().expect("rows") {
            assert_eq!((&row["only_a"], &row["only_b"]), (&0.into(), &0.into()), "{name}: {diff}");
        }
    }
    let mut bytes = std::fs::read(&bundle).expect("a zip");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let bad = home.path().join("bad.sxb");
    std::fs::write(&bad, bytes).expect("a file");
    for (name, is_running) in [("f", false), ("g", true)] {
        let own = home.path().join(name);
        let serve = is_running.then(|| Serve::start(&own));
        let own = text(&own);
        let refused = run(&["import", &text(&bad), "--data", &own, "--json"]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains("INVALID") && said.contains("data/"), "{said}");
        drop(serve);
        assert_eq!(
            json(&["status", "--data", &own, "--format", "json"])["ledger"]["traces"]["stored"].as_u64().unwrap_or(0),
            0
        );
    }
}

#[test]
fn a_running_instance_makes_bundles_too() {
    let home = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(&home.path().join("data"));
    let data = text(&serve.dir);
    ok(&["demo", "--data", &data, "--spans", "2000", "--seed", "5"]);
    let (file, folder) = (home.path().join("a.sxb"), home.path().join("bag"));
    let by_url = ["--url", &format!("http://{}", serve.at("http")), "--token", &serve.token];
    let create = |out: &Path, more: &[&str]| {
        let out = text(out);
        let all: Vec<&str> = ["bundle", "create", "--out", &out].iter().chain(more).copied().collect();
        json(&[&all[..], &["--json"]].concat())
    };
    let made = create(&file, &["--data", &data]);
    assert_eq!(made["path"], text(&file));
    create(&folder, &by_url);
    for path in [&file, &folder] {
        assert_eq!(first_line(&run(&["bundle", "verify", &text(path), "--data", &data])), "VALID");
    }
    assert!(shell(&folder));
    let left: Vec<_> = std::fs::read_dir(home.path()).expect("a folder").flatten().map(|e| e.file_name()).collect();
    assert_eq!(left.len(), 3, "{left:?}");
    let exports = std::fs::read_dir(serve.dir.join("exports")).map_or(0, |d| d.flatten().count());
    assert_eq!(exports, 0, "what was fetched stays");
}

/// A text that must not leave, told apart by its number, which is the field that it stands in.
fn canary(n: &mut u32) -> String {
    *n += 1;
    format!("canary.{n:03}@example.org")
}

/// OTLP with a canary in every field that can hold a text.
fn canaries(n: &mut u32) -> Value {
    use base64::Engine as _;
    let attributes = |n: &mut u32| {
        let bytes = base64::engine::general_purpose::STANDARD.encode(canary(n));
        json!([
            { "key": "plain", "value": { "stringValue": canary(n) } },
            { "key": canary(n), "value": { "stringValue": "in the key" } },
            { "key": "bytes", "value": { "bytesValue": bytes } },
            { "key": "list", "value": { "arrayValue": { "values": [{ "stringValue": canary(n) }, { "intValue": "1" }] } } },
            { "key": "nested", "value": { "kvlistValue": { "values": [
                { "key": canary(n), "value": { "stringValue": canary(n) } },
                { "key": "deep", "value": { "bytesValue": base64::engine::general_purpose::STANDARD.encode(canary(n)) } },
            ] } } },
            { "key": "harmless", "value": { "kvlistValue": { "values": [{ "key": "a", "value": { "intValue": "1" } }] } } },
        ])
    };
    let mut resource = attributes(n);
    resource
        .as_array_mut()
        .expect("a list")
        .push(json!({ "key": "service.name", "value": { "stringValue": canary(n) } }));
    let resource = json!({ "attributes": resource });
    let scope = json!({ "name": canary(n), "version": canary(n), "attributes": attributes(n) });
    let (trace, span) = ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174");
    let time = "1795600000000000000";
    let spans = json!({ "resourceSpans": [{ "resource": resource, "schemaUrl": canary(n), "scopeSpans": [{ "scope": scope, "schemaUrl": canary(n), "spans": [{
        "traceId": trace, "spanId": span, "name": canary(n), "kind": 2, "startTimeUnixNano": time, "endTimeUnixNano": "1795600000100000000",
        "traceState": canary(n), "attributes": attributes(n), "status": { "code": 2, "message": canary(n) },
        "events": [{ "timeUnixNano": time, "name": canary(n), "attributes": attributes(n) }],
        "links": [{ "traceId": trace, "spanId": span, "traceState": canary(n), "attributes": attributes(n) }],
    }] }] }] });
    let bodies = [
        json!({ "stringValue": canary(n) }),
        json!({ "arrayValue": { "values": [{ "stringValue": canary(n) }] } }),
        json!({ "kvlistValue": { "values": attributes(n) } }),
        json!({ "bytesValue": base64::engine::general_purpose::STANDARD.encode(canary(n)) }),
    ];
    let records: Vec<Value> = bodies
        .into_iter()
        .map(|body| json!({ "timeUnixNano": time, "severityText": canary(n), "eventName": canary(n), "body": body, "attributes": attributes(n) }))
        .collect();
    let logs =
        json!({ "resourceLogs": [{ "resource": resource, "scopeLogs": [{ "scope": scope, "logRecords": records }] }] });
    let filtered = attributes(n);
    let exemplar = json!({ "timeUnixNano": time, "asDouble": 1.0, "filteredAttributes": filtered, "traceId": trace, "spanId": span });
    let point = json!({ "timeUnixNano": time, "attributes": attributes(n), "asDouble": 1.5 });
    let mut with_exemplar = point.clone();
    with_exemplar["exemplars"] = json!([exemplar]);
    let distribution = json!({ "timeUnixNano": time, "attributes": attributes(n), "count": "1", "sum": 1.0, "bucketCounts": ["1", "0"], "explicitBounds": [1.0] });
    let mut metric = |data: Value| {
        let mut metric =
            json!({ "name": canary(n), "description": canary(n), "unit": canary(n), "metadata": attributes(n) });
        metric.as_object_mut().expect("an object").extend(data.as_object().expect("an object").clone());
        metric
    };
    let metrics = [
        metric(json!({ "gauge": { "dataPoints": [with_exemplar] } })),
        metric(json!({ "sum": { "dataPoints": [point], "aggregationTemporality": 2 } })),
        metric(json!({ "histogram": { "dataPoints": [distribution], "aggregationTemporality": 2 } })),
    ];
    let metrics = json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": [{ "scope": scope, "metrics": metrics }] }] });
    json!([spans, logs, metrics])
}

/// How often a canary stands in everything that a file says: values, dictionaries, bounds, indexes, plain text.
fn hits(path: &Path) -> usize {
    let bytes = std::fs::read(path).expect("a file");
    // Also as base 64, wherever it begins.
    let needles: [&[u8]; 4] = [b"canary.", b"Y2FuYXJ5L", b"NhbmFyeS", b"jYW5hcnku"];
    let count =
        |bytes: &[u8]| -> usize { needles.iter().map(|n| bytes.windows(n.len()).filter(|w| w == n).count()).sum() };
    let mut n = count(&bytes);
    if path.extension().is_some_and(|e| e == "parquet") {
        use parquet::file::reader::FileReader as _;
        let reader = parquet::file::reader::SerializedFileReader::new(bytes::Bytes::from(bytes)).expect("Parquet");
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group).expect("a row group");
            for column in 0..group.num_columns() {
                let pages = group.get_column_page_reader(column).expect("pages");
                n += pages.map(|page| count(page.expect("a page").buffer())).sum::<usize>();
            }
        }
    }
    if path.file_name().is_some_and(|f| f == "attestation.dsse.json") {
        use base64::Engine as _;
        let envelope: Value = serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON");
        let payload = envelope["payload"].as_str().expect("a payload");
        n += count(&base64::engine::general_purpose::STANDARD.decode(payload).expect("base 64"));
    }
    n
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all
}

#[test]
fn what_must_not_leave_is_nowhere_in_a_bundle() {
    let home = tempfile::tempdir().expect("a directory");
    let data = text(&home.path().join("data"));
    let mut n = 0;
    let lines: String = canaries(&mut n).as_array().expect("three").iter().map(|l| format!("{l}\n")).collect();
    assert!(n > 100, "{n} canaries");
    let input = home.path().join("canaries.jsonl");
    std::fs::write(&input, lines).expect("a file");
    let report = json(&["import", &text(&input), "--data", &data, "--json"]);
    assert_eq!((&report["stored"], &report["skipped"]), (&8.into(), &0.into()), "{report}");
    let query = "-plain:\"canary.999@example.org\"";
    let create = |out: &Path, more: &[&str]| {
        let out = text(out);
        let words =
            ["--title", "for canary.997@example.org", "--purpose", "canary.998@example.org asked", "--data", &data];
        let all: Vec<&str> =
            ["bundle", "create", query, "--out", &out].iter().chain(&words).chain(more).copied().collect();
        ok(&all)
    };
    // A rule that is written wrong lets nothing out.
    let mistyped = text(&home.path().join("mistyped.sxb"));
    let refused = run(&["bundle", "create", "--out", &mistyped, "--data", &data, "--redact", "emial"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(1) && said.contains("'email'"), "{said}");
    assert!(!Path::new(&mistyped).exists());
    let named = run(&["bundle", "create", "--out", &mistyped, "--data", &data, "--redact", "no.such.attribute"]);
    let said = String::from_utf8_lossy(&named.stderr).into_owned();
    assert!(named.status.success() && said.contains("nothing is called 'no.such.attribute'"), "{said}");
    let (open, closed) = (home.path().join("open"), home.path().join("closed"));
    create(&open, &[]);
    let said = create(&closed, &["--redact", "all"]);
    assert!(!said.contains("canary"), "{said}");
    let of = |dir: &Path| files(dir).iter().map(|f| (f.clone(), hits(f))).filter(|(_, n)| *n > 0).collect::<Vec<_>>();
    let found: usize = of(&open).iter().map(|(_, n)| n).sum();
    assert!(found > 100, "only {found} canaries are found where nothing was redacted: {:?}", of(&open));
    assert_eq!(of(&closed), [], "canaries left");
    // It is as whole as the other, and what was not to be redacted stays as it was.
    let inspected = json(&["bundle", "inspect", &text(&closed), "--format", "json"]);
    let redactions = inspected["facts"]["redactions"].as_array().expect("redactions");
    assert!(redactions.len() > 30 && !inspected.to_string().contains("canary"), "{inspected}");
    let again = text(&home.path().join("again"));
    let report = json(&["import", &text(&closed), "--data", &again, "--json"]);
    assert_eq!(report["stored"], 8, "{report}");
    let sql = "SELECT SpanAttributes['harmless'] AS a, SpanAttributes['plain'] AS b, ResourceAttributes['plain'] AS c FROM traces";
    let row = json(&["sql", sql, "--data", &again, "--format", "json"])[0].clone();
    assert_eq!(row["a"], "{\"a\":1}");
    assert!(row["b"].as_str().is_some_and(|t| t.starts_with("[email:")) && row["b"] != row["c"], "{row}");
    // A field by name, dropped, cut, and told to nobody that searched for it.
    let named = home.path().join("named");
    let said = create(&named, &["--redact", "plain=drop", "--redact", "Body=truncate", "--redact", "email"]);
    assert!(said.contains("(drop)") && said.contains("(truncate)"), "{said}");
    assert_eq!(of(&named), []);
    let inspected = json(&["bundle", "inspect", &text(&named), "--format", "json"]);
    assert_eq!(inspected["facts"]["question"]["query"], "[withheld: it names plain]");
    // Looked at before, nothing is made.
    let tried = ok(&["bundle", "create", "--try", "--redact", "all", "--data", &data]);
    assert!(tried.contains("would be redacted") && tried.contains("ca…") && !tried.contains("canary"), "{tried}");
}

/// Runs openssl, which has to go well.
fn openssl(dir: &Path, args: &[&str]) -> String {
    let done = Command::new("openssl").args(args).current_dir(dir).output().expect("openssl; `make setup` installs it");
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// An authority for time stamps that answers in `dir`.
fn authority(dir: &Path) {
    let config = "[tsa]\ndefault_tsa = tsa1\n[tsa1]\nserial = serial\ncrypto_device = builtin\nsigner_digest = sha256\n\
                  default_policy = 1.2.3.4.1\ndigests = sha256\naccuracy = secs:1\ntsa_name = yes\n\
                  ess_cert_id_alg = sha256\n";
    std::fs::write(dir.join("tsa.cnf"), config).expect("a file");
    std::fs::write(dir.join("tsa.ext"), "extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n")
        .expect("a file");
    std::fs::write(dir.join("serial"), "2a\n").expect("a file");
    openssl(
        dir,
        &["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.crt", "-subj", "/CN=root"],
    );
    openssl(
        dir,
        &[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "tsa.key",
            "-out",
            "tsa.csr",
            "-subj",
            "/O=Clocks/CN=noon",
        ],
    );
    let sign = "x509 -req -in tsa.csr -out tsa.crt -CA ca.crt -CAkey ca.key -CAcreateserial -extfile tsa.ext -days 9";
    openssl(dir, &sign.split(' ').collect::<Vec<_>>());
}

#[test]
fn what_comes_after_sealing_lies_beside() {
    let home = tempfile::tempdir().expect("a directory");
    let (data, at) = (shop(home.path(), "3000"), |name: &str| text(&home.path().join(name)));
    let (bundle, reader) = (at("b.sxb"), at("reader"));
    std::fs::create_dir(&reader).expect("a directory");
    let create = ["bundle", "create", "--out", &bundle, "--data", &data];
    let made = [run(&create), run(&create)].map(|done| String::from_utf8_lossy(&done.stderr).contains("is replaced"));
    assert_eq!(made, [false, true], "that one is replaced is said");
    let verify = || json(&["bundle", "verify", &bundle, "--data", &reader, "--json"]);
    let first = verify();
    assert_eq!(first["since"], json!([]), "{first}");
    // An authority answers what was asked, and openssl takes both for what they are.
    authority(home.path());
    ok(&["bundle", "stamp-request", &bundle, "--out", &at("b.tsq")]);
    let asked = openssl(home.path(), &["ts", "-query", "-in", "b.tsq", "-text"]);
    assert!(asked.contains("Hash Algorithm: sha256") && asked.contains("Certificate required: yes"), "{asked}");
    let answer = "ts -reply -config tsa.cnf -queryfile b.tsq -inkey tsa.key -signer tsa.crt -out answer.tsr";
    openssl(home.path(), &answer.split(' ').collect::<Vec<_>>());
    ok(&["bundle", "stamp", &bundle, &at("answer.tsr"), "--data", &reader]);
    let hash = first["hash"].as_str().expect("a hash");
    let check = format!("ts -verify -digest {hash} -in b.sxb.tsr -CAfile ca.crt -untrusted tsa.crt");
    openssl(home.path(), &check.split(' ').collect::<Vec<_>>());
    ok(&["bundle", "note", &bundle, "handed to the auditor", "--data", &reader]);
    let then = verify();
    let of = |what: &str| {
        let entries = then["since"].as_array().expect("entries");
        entries
            .iter()
            .filter(|e| e["what"] == what)
            .map(|e| e["note"].as_str().expect("words").to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(of("noted"), ["handed to the auditor"]);
    assert_eq!(of("verified"), ["VALID-UNTRUSTED-KEY, as b.sxb"], "{then}");
    assert!(of("stamped")[0].contains("by Clocks, noon, number 2b"), "{then}");
    assert!(then["since"][0]["at"].as_str().is_some_and(|at| at.starts_with("20") && at.ends_with('Z')), "{then}");
    // A record of who looks, and of nobody else; a directory that is not there is not made.
    assert_eq!(
        json(&["bundle", "verify", &bundle, "--data", &at("nobody"), "--json"])["since"].as_array().map(Vec::len),
        Some(1)
    );
    assert!(!Path::new(&at("nobody")).exists());
    // The same again, by another name, leaves it; another answer and another bundle do not take its place.
    let same = at("b.sxb.tsr");
    ok(&["bundle", "stamp", &at("./b.sxb"), &same, "--data", &reader]);
    assert!(std::fs::metadata(&same).is_ok_and(|m| m.len() > 500));
    openssl(home.path(), &answer.replace("answer.tsr", "second.tsr").split(' ').collect::<Vec<_>>());
    for args in [vec!["bundle", "stamp", &bundle, &at("second.tsr")], create.to_vec()] {
        let refused = run(&args);
        assert!(!refused.status.success(), "{refused:?}");
    }
    // Of another bundle, or none at all: said, and the bundle is what it is.
    let other = at("other.sxb");
    ok(&["bundle", "create", "service:cart", "--out", &other, "--data", &data]);
    for (file, expected) in [("answer.tsr", "of another bundle"), ("b.tsq", "no answer")] {
        let refused = run(&["bundle", "stamp", &other, &at(file), "--data", &reader]);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(!refused.status.success() && said.contains(expected), "{said}");
    }
    std::fs::copy(at("answer.tsr"), at("other.sxb.tsr")).expect("a file");
    let said = json(&["bundle", "verify", &other, "--data", &reader, "--json"]);
    assert_eq!((&said["verdict"], &said["since"][0]["what"]), (&json!("VALID-UNTRUSTED-KEY"), &json!("not stamped")));
}

#[test]
fn a_large_bundle_comes_in_volumes_that_are_one() {
    let home = tempfile::tempdir().expect("a directory");
    let (data, at) = (shop(home.path(), "6000"), |name: &str| text(&home.path().join(name)));
    let fixed = ["--at", "2026-11-20", "--data", &data];
    ok(&[&["bundle", "create", "--out", &at("whole.sxb")][..], &fixed].concat());
    let serve = Serve::start(Path::new(&data));
    let made =
        json(&[&["bundle", "create", "--out", &at("b.sxb"), "--max-size", "64KB", "--json"][..], &fixed].concat());
    assert_eq!(serve.stop(), Some(0));
    let volumes: Vec<&str> = made["volumes"].as_array().expect("volumes").iter().filter_map(Value::as_str).collect();
    assert!(volumes.len() > 3 && volumes[0] == at("b.sxb.001") && !Path::new(&at("b.sxb")).exists(), "{made}");
    let bytes: Vec<Vec<u8>> = volumes.iter().map(|path| std::fs::read(path).expect("a volume")).collect();
    assert!(bytes.iter().all(|b| b.len() <= 64_000));
    assert!(bytes.concat() == std::fs::read(at("whole.sxb")).expect("a file"), "cat joins them");
    let verdict = |path: &str| first_line(&run(&["bundle", "verify", path, "--data", &at("nobody")]));
    assert_eq!(verdict(&at("b.sxb.001")), "VALID-UNTRUSTED-KEY");
    ok(&["bundle", "extract", &at("b.sxb.001"), "--out", &at("bag")]);
    assert!(shell(Path::new(&at("bag"))));
    ok(&["open", "--print", &at("b.sxb.001")]);
    // One altered, and one missing.
    let mut altered = bytes[2].clone();
    altered[1_000] ^= 1;
    std::fs::write(volumes[2], altered).expect("a file");
    assert_eq!(verdict(&at("b.sxb.001")), "INVALID");
    std::fs::write(volumes[2], &bytes[2]).expect("a file");
    std::fs::remove_file(volumes[volumes.len() - 1]).expect("a file");
    let said = run(&["bundle", "verify", &at("b.sxb.001"), "--data", &at("nobody")]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("of its volumes"), "{said:?}");
    assert_eq!(run(&["open", "--print", &at("b.sxb.001")]).status.code(), Some(1));
}

#[test]
fn a_bundle_of_a_source_leaves_nothing_in_the_store() {
    let (dir, server) = sextant_tests::clickhouse::shop();
    let data = dir.path().join("data");
    let cli = |args: &[&str]| sextant_tests::clickhouse::text(&sextant_tests::clickhouse::cli(&data, args));
    cli(&sextant_tests::clickhouse::added(&server.url(), "full"));
    let bundle = text(&dir.path().join("b.sxb"));
    let period = ["--from", "2026-11-20T12:00:00Z", "--to", "2026-11-20T12:00:10Z"];
    let create = ["bundle", "create", "service:svc1", "--source", "prod", "--whole-traces", "--out", &bundle];
    cli(&[&create[..], &period].concat());
    let said = json(&["bundle", "inspect", &bundle, "--format", "json"]);
    let n = server.ask(
        "shop",
        "SELECT count() FROM otel_traces WHERE TraceId IN (SELECT TraceId FROM otel_traces WHERE ServiceName = 'svc1' \
         AND Timestamp >= '2026-11-20 12:00:00' AND Timestamp < '2026-11-20 12:00:10')",
    );
    assert_eq!(said["rows"]["traces"].to_string(), n, "{said}");
    let from = &said["facts"]["from"];
    assert_eq!(from["kind"], "source", "{from}");
    assert!(from["name"].as_str().is_some_and(|name| name.starts_with("prod, shop of http://127.0.0.1:")), "{from}");
    assert_eq!(said["custody"][0]["what"], "pulled", "{said}");
    let kept = cli(&["sql", "SELECT count(*) AS n FROM traces", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&kept).expect("rows")[0]["n"], 0, "{kept}");
    let none = cli(&["source", "pulls", "--format", "json"]);
    assert_eq!(serde_json::from_str::<Value>(&none).expect("rows"), json!([]));
}
