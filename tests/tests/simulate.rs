//! Scenarios from the command line: what is stored is sampled as a hand would, and what makes no sense is told with its place.

use serde_json::Value;
use sextant_tests::{Serve, json, ok, run};
use std::collections::{BTreeMap, BTreeSet};

const SCENARIO: &str = "days = 60\nseed = 3\n[ingest.traces]\nbytes_per_day = 8e9\nratio = 8.0\n[[tier]]\nname = \"hot\"\n\
    days = 30\nprice_per_gb_month = 0.10\n[sampling]\nhead = 0.1\nkeep_errors = false\nslower_than = \"2s\"\n\
    [uncertainty]\nratio_sigma = 0.25\n";

#[test]
fn a_scenario_is_simulated_on_what_was_recorded() {
    let home = tempfile::tempdir().expect("a directory");
    let file = home.path().join("policy.toml").to_string_lossy().into_owned();
    std::fs::write(&file, SCENARIO).expect("a file");
    let serve = Serve::start(&home.path().join("data"));
    let data = serve.dir.to_string_lossy().into_owned();
    ok(&["demo", "--data", &data, "--spans", "8000", "--seed", "5"]);
    let simulate = |more: &[&str]| ok(&[&["simulate", &file, "--data", &data, "--format", "json"][..], more].concat());
    let running = simulate(&[]);
    assert_eq!(serve.stop(), Some(0));
    assert_eq!(simulate(&[]), running, "the same in, the same out, whoever answers");
    let end: Value = serde_json::from_str(&running).expect("JSON");
    // By hand, trace by trace.
    let sql = "SELECT TraceId, ServiceName, SpanName, epoch_ns(Timestamp) AS t, Duration AS d, StatusCode = 'Error' AS e FROM traces";
    let spans = json(&["sql", sql, "--data", &data, "--format", "json"]);
    let mut traces: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for span in spans.as_array().expect("spans") {
        traces.entry(span["TraceId"].as_str().expect("an id")).or_default().push(span);
    }
    let name = |s: &Value| format!("{} {}", s["ServiceName"], s["SpanName"]);
    let is_error = |spans: &[&Value]| spans.iter().any(|s| s["e"] == true);
    let whole = 1_u64 << 56;
    let kept: BTreeMap<&str, &Vec<&Value>> = traces
        .iter()
        .filter(|(id, spans)| {
            let low = u64::from_str_radix(&id[18..], 16).expect("hex");
            let first = spans.iter().map(|s| s["t"].as_i64().expect("a time")).min().expect("spans");
            let ends = spans.iter().map(|s| s["t"].as_i64().expect("a time") + s["d"].as_i64().expect("a length"));
            // A tenth: 0.9 of 2^56 and what is above.
            u128::from(low) * 10 >= u128::from(whole) * 9 || ends.max().expect("spans") - first > 2_000_000_000
        })
        .map(|(id, spans)| (*id, spans))
        .collect();
    let all_names: BTreeSet<String> = traces.values().flatten().map(|s| name(s)).collect();
    let kept_names: BTreeSet<String> = kept.values().flat_map(|spans| spans.iter()).map(|s| name(s)).collect();
    let lost: Vec<&str> =
        traces.iter().filter(|(id, spans)| is_error(spans) && !kept.contains_key(*id)).map(|(id, _)| *id).collect();
    let said = &end["sampling"];
    for (key, expected) in [
        ("traces", traces.len()),
        ("spans", spans.as_array().map_or(0, Vec::len)),
        ("error_traces", traces.values().filter(|s| is_error(s)).count()),
        ("kept_traces", kept.len()),
        ("kept_spans", kept.values().map(|s| s.len()).sum()),
        ("kept_error_traces", kept.values().filter(|s| is_error(s)).count()),
        ("lost_error_traces", lost.len()),
        ("lost_operations", all_names.len() - kept_names.len()),
    ] {
        assert_eq!(said[key].as_u64(), Some(expected as u64), "{key}: {said}");
    }
    assert_eq!(said["lost_error_trace_ids"], serde_json::json!(lost), "each of them by name");
    assert!(!lost.is_empty() && kept.len() > 20, "the test can't fail: {said}");
    assert_eq!((&end["bill"]["total"], &end["bill"]["currency"]), (&3.0.into(), &"USD".into()));
    assert_eq!(end["daily"].as_array().map(Vec::len), Some(60));
    // Other values, and all errors kept.
    let other: Value =
        serde_json::from_str(&simulate(&["--set", "sampling.keep_errors=true", "--set", "tier[0].days=10"]))
            .expect("JSON");
    assert_eq!((&other["sampling"]["lost_error_traces"], &other["bill"]["total"]), (&0.into(), &1.0.into()));
    for (format, expected) in [("table", "error traces kept"), ("csv", "day,ingested_bytes"), ("focus", "BilledCost,")]
    {
        let printed = ok(&["simulate", &file, "--data", &data, "--format", format]);
        assert!(printed.contains(expected), "{printed}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let home = tempfile::tempdir().expect("a directory");
    let at = |name: &str, text: &str| {
        let path = home.path().join(name).to_string_lossy().into_owned();
        std::fs::write(&path, text).expect("a file");
        path
    };
    let good = at("good.toml", "[[line]]\nname = \"a\"\nquantity = 1\nprice = 1\n");
    let nobody = home.path().join("nobody").to_string_lossy().into_owned();
    // Nothing is sampled, so no data is needed.
    ok(&["simulate", &good, "--data", &nobody]);
    // What speaks against a price is said.
    let priced = at("priced.toml", "[[line]]\nname = \"disk\"\nquantity = 100\nsku = \"ebs-gp3\"\n");
    let done = run(&["simulate", &priced, "--data", &nobody, "--format", "json"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success() && said.contains("not verified") && said.contains("since when"), "{said}");
    let own = at("own.toml", "[[sku]]\nsku = \"ebs-gp3\"\nunit = \"GB-month\"\nprice = 0.05\nconfidence = \"list\"\n");
    let done = json(&["simulate", &priced, "--prices", &own, "--data", &nobody, "--format", "json"]);
    assert_eq!((&done["bill"]["total"], &done["prices"][0]["confidence"]), (&5.0.into(), &"list".into()), "{done}");
    let wrong = at("wrong.toml", "days = 10\n[ingest.traces]\nbytes_per_day = 1e9\nratio = -8\nkep = 1\n");
    let sampled = at("sampled.toml", "[sampling]\nhead = 0.5\n");
    for (args, expected) in [
        (vec![wrong.as_str()], vec!["wrong.toml", "line 4, column 9: ingest.traces.ratio", "is 'keep' meant?"]),
        (
            vec![&good, "--set", "line[0].price=-1"],
            vec!["--set line[0].price=-1", "line[0].price: it has to be 0 or more"],
        ),
        (vec![&good, "--set", "line[3].price=1"], vec!["there are 1 of them"]),
        (vec![&good, "--set", "nonsense"], vec!["is not PATH=VALUE"]),
        (vec!["/nowhere.toml"], vec!["/nowhere.toml can't be read"]),
        (vec![sampled.as_str()], vec!["there is no data directory"]),
    ] {
        let done = run(&[&["simulate", "--data", &nobody][..], &args].concat());
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert_eq!(done.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.lines().count() <= 8, "{said}");
        for expected in expected {
            assert!(said.contains(expected), "{args:?}: {expected}: {said}");
        }
    }
}

/// Policies, and what they say of the same store.
#[test]
fn what_is_stored_is_measured_compared_and_acted_on() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data").to_string_lossy().into_owned();
    // Nothing to measure is said.
    std::fs::create_dir_all(&data).expect("a directory");
    ok(&["demo", "--data", &data, "--spans", "1", "--seed", "5"]);
    ok(&["demo", "--data", &data, "--spans", "8000", "--seed", "5"]);
    let begin = ok(&["simulate", "init", "--data", &data]);
    let file = home.path().join("policy.toml").to_string_lossy().into_owned();
    std::fs::write(&file, &begin).expect("a file");
    let simulate = |more: &[&str]| {
        let text = ok(&[&["simulate", &file, "--data", &data, "--format", "json"][..], more].concat());
        serde_json::from_str::<Value>(&text).expect("JSON")
    };
    let now = simulate(&[]);
    let number = |v: &Value| v.as_f64().expect("a number");
    // What lies on the disk over what came, by the store itself.
    let days = now["daily"].as_array().expect("days");
    assert_eq!(days.len(), 365, "{begin}");
    assert!(
        now["notes"]
            .as_array()
            .is_some_and(|all| all.iter().any(|n| n.as_str().is_some_and(|n| n.contains("scaled up")))),
        "{}",
        now["notes"]
    );
    assert!(now["services"].as_array().is_some_and(|all| all.len() == 13), "{}", now["services"]);
    // Sampling by a rule, by errors and by chance; half of the errors of one service only.
    let changed = format!(
        "{begin}[sampling]\napplied = true\nhead = 0.05\n[[sampling.rule]]\nsearch = \"service:payment\"\nkeep = 0.5\n\
         [[compare]]\nname = \"errors\"\nset = {{ \"sampling.keep_errors\" = true, \"sampling.rule[0].keep\" = 1.0 }}\n\
         [[compare]]\nname = \"packed\"\nset = {{ \"ingest.traces.packing\" = \"zstd-9\", \"shape[0].drop\" = \"db.query.text\" }}\n\
         [[shape]]\ndrop = \"thread.id\"\n"
    );
    std::fs::write(&file, &changed).expect("a file");
    let end = simulate(&[]);
    assert_eq!(end, simulate(&[]), "the same in, the same out");
    let sampled = &end["sampling"];
    let rules = sampled["rules"].as_array().expect("rules");
    assert_eq!((rules.len(), rules[0]["search"].as_str()), (2, Some("service:payment")));
    let with_payment = "SELECT count(DISTINCT TraceId) AS n FROM traces WHERE ServiceName = 'payment'";
    let n = json(&["sql", with_payment, "--data", &data, "--format", "json"]);
    assert_eq!(rules[0]["traces"], n[0]["n"]);
    let sum = |key: &str| rules.iter().map(|r| r[key].as_u64().expect("a count")).sum::<u64>();
    assert_eq!(sampled["traces"].as_u64(), Some(sum("traces")));
    assert_eq!(sampled["kept_traces"].as_u64(), Some(sum("kept_traces")));
    assert_eq!(sampled["error_traces"].as_u64(), Some(sum("error_traces")));
    let share = number(&sampled["kept_weight"]) / number(&sampled["weight"]);
    assert!(share > 0.05 && share < 0.9, "{share}");
    // What comes in is less by it, and by what is dropped.
    let traces = number(&end["effects"][0]["raw"]) * share;
    assert!(end["effects"][0]["signal"] == "traces" && traces < share, "{}", end["effects"]);
    assert!(number(&end["daily"][0]["dropped_bytes"]) > 0.0);
    assert!(number(&end["daily"][364]["stored_bytes"]) < number(&now["daily"][364]["stored_bytes"]));
    let compared = end["compare"].as_array().expect("two");
    assert_eq!(compared[0]["outcome"]["sampling"]["lost_error_traces"], 0, "each error is kept");
    assert!(number(&compared[0]["outcome"]["daily"][364]["stored_bytes"]) > number(&end["daily"][364]["stored_bytes"]));
    assert!(compared[1]["outcome"]["effects"][0]["stored"].is_number(), "{}", compared[1]["outcome"]["effects"]);
    // Texts for others say what they do, and the one for this store is a command of it.
    let step = |name: &str| {
        let steps = end["steps"].as_array().expect("steps");
        let found = steps.iter().find(|s| s["name"] == name).unwrap_or_else(|| panic!("no {name}"));
        found["text"].as_str().expect("a text").to_owned()
    };
    assert!(
        step("Collector").contains("resource.attributes[\"service.name\"] == \"payment\""),
        "{}",
        step("Collector")
    );
    assert!(step("Collector").contains("delete_key(span.attributes, \"thread.id\")"), "{}", step("Collector"));
    assert!(step("ClickHouse").contains("ALTER TABLE otel_logs MODIFY TTL TimestampTime + INTERVAL 30 DAY DELETE;"));
    for line in step("Sextant").lines().filter(|l| l.starts_with("sextant ")) {
        let words: Vec<&str> = line.split(' ').skip(1).collect();
        ok(&[&words[..], &["--data", &data]].concat());
    }
    let table = ok(&["simulate", &file, "--data", &data]);
    for part in ["error traces kept", "what moves the bill", "beside it", "by service", "P10 to P90"] {
        assert!(table.contains(part), "{part}\n{table}");
    }
    let wrong = run(&["simulate", &file, "--data", &data, "--set", "sampling.rule[0].search=service:("]);
    let said = String::from_utf8_lossy(&wrong.stderr);
    assert!(!wrong.status.success() && said.contains("sampling.rule: 'service:('"), "{said}");
}

#[test]
fn log_records_that_a_search_finds_are_left_out() {
    let home = tempfile::tempdir().expect("a directory");
    let data = home.path().join("data").to_string_lossy().into_owned();
    ok(&["demo", "--data", &data, "--spans", "6000", "--seed", "5"]);
    let file = home.path().join("policy.toml").to_string_lossy().into_owned();
    let text = "days = 60\n[ingest.logs]\nbytes_per_day = 1e9\nratio = 8\n[[tier]]\nname = \"hot\"\ndays = 30\n\
        [[filter]]\nsearch = \"level:info\"\n[[filter]]\nsearch = \"level:info OR level:warn\"\n";
    std::fs::write(&file, text).expect("a file");
    let end = json(&["simulate", &file, "--data", &data, "--format", "json"]);
    let count = |severities: &str| {
        let sql = format!("SELECT count(*) AS n FROM logs WHERE SeverityNumber BETWEEN {severities}");
        json(&["sql", &sql, "--data", &data, "--format", "json"])[0]["n"].as_u64()
    };
    let found = |i: usize| end["filtered"][i]["records"].as_u64();
    // Who was found by the first is none of the second.
    assert_eq!((found(0), found(1)), (count("9 AND 12"), count("13 AND 16")), "{end}");
    let gone: f64 = (0..2).filter_map(|i| end["filtered"][i]["share"].as_f64()).sum();
    let day = &end["daily"][59];
    assert!(gone > 0.1 && (day["dropped_bytes"].as_f64().expect("bytes") / 1e9 - gone).abs() < 1e-6, "{gone} {day}");
    let bad = run(&["simulate", &file, "--data", &data, "--set", "filter[0].search=level:("]);
    let why = String::from_utf8_lossy(&bad.stderr).into_owned();
    assert!(!bad.status.success() && why.contains("is no search of log records"), "{why}");
}
