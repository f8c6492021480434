//! Metrics over time, from what was received to what is drawn.

use serde_json::{Value, json};
use sextant_contract::{Answer, Ask, AskError, Backend as _, Command, MetricAsk, Period, SearchAsk, SearchKind};
use sextant_workbench::{Options, StoreConfig, Workbench};
use tokio::runtime::Runtime;

const START: i64 = 1_790_000_000_000_000_000;
const SECOND: i64 = 1_000_000_000;

struct World {
    workbench: Workbench,
    runtime: Runtime,
    _dir: tempfile::TempDir,
}

impl Drop for World {
    fn drop(&mut self) {
        self.workbench.close();
    }
}

impl World {
    fn new(metrics: &[Value]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let runtime = Runtime::new().expect("a runtime");
        let options = Options { store: StoreConfig::new(dir.path()) };
        let workbench = Workbench::open(options, runtime.handle().clone()).expect("a store");
        let resource = json!({ "attributes": [{ "key": "service.name", "value": { "stringValue": "shop" } }] });
        let body = json!({ "resourceMetrics": [{ "resource": resource, "scopeMetrics": [{ "metrics": metrics }] }] });
        let import = Command::Import { name: "m.json".into(), format: None, project: None };
        runtime.block_on(workbench.act(import, body.to_string().into_bytes())).expect("is taken in");
        Self { workbench, runtime, _dir: dir }
    }

    fn search() -> SearchAsk {
        let period = Period { from: Some(START), to: Some(START + 600 * SECOND) };
        SearchAsk { kind: SearchKind::Metrics, query: String::new(), period, limit: 0, explain: false }
    }

    fn ask(&self, name: &str, kind: &str, figure: &str, by: Option<&str>) -> Result<Answer, AskError> {
        let by = by.map(str::to_owned);
        let (name, kind, figure) = (name.to_owned(), kind.to_owned(), figure.to_owned());
        self.runtime.block_on(self.workbench.ask(Ask::Metric(MetricAsk {
            search: Self::search(),
            name,
            kind,
            by,
            figure,
            n_steps: 10,
        })))
    }

    /// Group, seconds from the start, value.
    fn values(&self, name: &str, kind: &str, figure: &str, by: Option<&str>) -> Vec<(String, i64, f64)> {
        let answer = self.ask(name, kind, figure, by).expect("an answer");
        let rows: Value = serde_json::from_str(&sextant_contract::rows_to_json(&answer.batches)).expect("rows");
        let row = |r: &Value| {
            let at = (r["time"].as_i64().expect("a time") - START) / SECOND;
            (r["group"].as_str().expect("a group").to_owned(), at, r["value"].as_f64().expect("a value"))
        };
        rows.as_array().expect("rows").iter().map(row).collect()
    }
}

fn point(at: i64, start: i64, host: &str, more: &Value) -> Value {
    let mut point = json!({
        "timeUnixNano": (START + at * SECOND).to_string(), "startTimeUnixNano": (START + start * SECOND).to_string(),
        "attributes": [{ "key": "host", "value": { "stringValue": host } }],
    });
    for (key, value) in more.as_object().expect("members") {
        point[key] = value.clone();
    }
    point
}

#[test]
fn counters_become_rates_over_their_resets() {
    // Two hosts, a point a minute; the second one begins anew after five minutes.
    let a = (0..10).map(|i| point(i * 60, -600, "a", &json!({ "asInt": (i * 120).to_string() })));
    let b = (0..10).map(|i| {
        let (start, n) = if i < 5 { (-600, 1_000 + i * 60) } else { (270, (i - 4) * 30) };
        point(i * 60, start, "b", &json!({ "asInt": n.to_string() }))
    });
    let sum = json!({ "dataPoints": a.chain(b).collect::<Vec<_>>(), "aggregationTemporality": 2, "isMonotonic": true });
    let gauge = json!({ "dataPoints": [point(5, 0, "a", &json!({ "asDouble": 1.5 })), point(7, 0, "a", &json!({ "asDouble": 2.5 })), point(9, 0, "b", &json!({ "asDouble": 6.0 }))] });
    let world = World::new(&[
        json!({ "name": "requests", "sum": sum }),
        json!({ "name": "load", "unit": "1", "gauge": gauge }),
    ]);
    let rates = world.values("requests", "sum", "", Some("host"));
    let of = |host: &str| rates.iter().filter(|r| r.0 == host).map(|r| (r.1, r.2)).collect::<Vec<_>>();
    assert_eq!(of("a"), (1..10).map(|i| (i * 60, 2.0)).collect::<Vec<_>>());
    assert_eq!(of("b")[..4], (1..5).map(|i| (i * 60, 1.0)).collect::<Vec<_>>()[..]);
    // Whatever came before the point at which it began anew is not lost, and no rate is negative.
    assert_eq!(of("b")[4..], (5..10).map(|i| (i * 60, 0.5)).collect::<Vec<_>>()[..]);
    let whole = world.values("requests", "sum", "increase", None);
    assert_eq!(whole.iter().map(|r| r.2).sum::<f64>() as i64, 9 * 120 + 4 * 60 + 5 * 30);
    let head = world.ask("requests", "sum", "", None).expect("an answer").object.expect("an object");
    assert_eq!((&head["resets"], &head["figure"], &head["keys"]), (&json!(1), &json!("rate"), &json!(["host"])));
    assert_eq!(world.values("load", "gauge", "avg", Some("host"))[1], ("a".into(), 0, 2.0));
    assert_eq!(world.values("load", "gauge", "max", None), [(String::new(), 0, 6.0)]);
    assert_eq!(world.values("load", "gauge", "sum", None), [(String::new(), 0, 8.5)], "the last of each series");
    assert!(world.ask("load", "sum", "", None).is_err() && world.ask("load", "nonsense", "", None).is_err());
    // Each is listed with what is known of it.
    let names = world.runtime.block_on(world.workbench.ask(Ask::MetricNames(World::search()))).expect("names");
    let names: Value = serde_json::from_str(&sextant_contract::rows_to_json(&names.batches)).expect("rows");
    assert_eq!((&names[0]["name"], &names[0]["series"], &names[1]["kind"]), (&json!("load"), &json!(2), &json!("sum")));
}

#[test]
fn histograms_become_quantiles_with_their_bounds() {
    let counts = |i: i64, n: &[i64]| n.iter().map(|n| (n * i).to_string()).collect::<Vec<_>>();
    let cumulative = (0..10).map(|i| {
        let more = json!({ "count": (i * 10).to_string(), "sum": i * 30, "bucketCounts": counts(i, &[5, 4, 1]), "explicitBounds": [1, 10] });
        point(i * 60, -600, "a", &more)
    });
    let other =
        point(65, -600, "b", &json!({ "count": "3", "sum": 3, "bucketCounts": ["1", "2"], "explicitBounds": [7] }));
    let later =
        point(125, -600, "b", &json!({ "count": "6", "sum": 6, "bucketCounts": ["2", "4"], "explicitBounds": [7] }));
    let explicit =
        json!({ "dataPoints": cumulative.chain([other, later]).collect::<Vec<_>>(), "aggregationTemporality": 2 });
    let exponential = (0..10).map(|i| {
        let more = json!({ "count": "4", "sum": 8, "scale": if i % 2 == 0 { 3 } else { 1 }, "zeroCount": "0",
            "positive": { "offset": 0, "bucketCounts": ["1", "1", "2"] } });
        point(i * 60, 0, "a", &more)
    });
    let exponential = json!({ "dataPoints": exponential.collect::<Vec<_>>(), "aggregationTemporality": 1 });
    let world = World::new(&[
        json!({ "name": "latency", "unit": "s", "histogram": explicit }),
        json!({ "name": "size", "exponentialHistogram": exponential }),
    ]);
    let answer = world.ask("latency", "histogram", "p50", None).expect("an answer");
    let rows: Value = serde_json::from_str(&sextant_contract::rows_to_json(&answer.batches)).expect("rows");
    let first = &rows[0];
    assert_eq!(["value", "low", "high"].map(|key| first[key].as_f64()), [Some(1.0), Some(0.0), Some(1.0)]);
    let head = answer.object.expect("an object");
    // Of nine minutes, ten each; the second series has other bounds, and is left out and counted.
    assert_eq!((&head["groups"][0]["count"], &head["refused"]), (&json!(90.0), &json!(1)));
    assert_eq!(head["groups"][0]["quantiles"][2], json!([10.0, 10.0, null]), "above the last bound nothing is known");
    assert_eq!(world.values("latency", "histogram", "rate", None)[0], (String::new(), 60, 10.0 / 60.0));
    assert_eq!(world.values("latency", "histogram", "avg", None)[0], (String::new(), 60, 3.0));
    let alone = world.values("latency", "histogram", "count", Some("host"));
    assert!(alone.contains(&("b".into(), 120, 3.0)), "{alone:?}");
    let head = world.ask("size", "exp_histogram", "p99", None).expect("an answer").object.expect("an object");
    assert_eq!((&head["groups"][0]["count"], &head["scale"], &head["refused"]), (&json!(40.0), &json!(1), &json!(0)));
    let n: f64 = head["heat"]["columns"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|c| c[1].as_array().into_iter().flatten())
        .filter_map(|b| b[2].as_f64())
        .sum();
    assert_eq!(n as i64, 40, "every value is in the picture once");
}

/// A point that only says that nothing was recorded is no point, and what is no number takes none away.
#[test]
fn what_was_not_recorded_changes_no_figure() {
    let points = (0..10).map(|i| match i {
        4 => point(i * 60, -600, "a", &json!({ "flags": 1 })),
        _ => point(i * 60, -600, "a", &json!({ "asInt": (i * 120).to_string() })),
    });
    let sum = json!({ "dataPoints": points.collect::<Vec<_>>(), "aggregationTemporality": 2, "isMonotonic": true });
    let buckets = |n: i64| json!({ "count": n.to_string(), "sum": n, "bucketCounts": [n.to_string(), "0"], "explicitBounds": [1.0] });
    let points = (0..10).map(|i| match i {
        4 => point(i * 60, -600, "a", &json!({ "flags": 1 })),
        _ => point(i * 60, -600, "a", &buckets(i * 60)),
    });
    let histogram = json!({ "dataPoints": points.collect::<Vec<_>>(), "aggregationTemporality": 2 });
    let load = [(5, "1.5"), (6, "NaN"), (7, "2.5")].map(|(at, v)| point(at, 0, "a", &json!({ "asDouble": v })));
    let bare = (0..10).map(|i| point(i * 60, -600, "a", &json!({ "count": (i * 60).to_string(), "sum": i * 120 })));
    let bare = json!({ "dataPoints": bare.collect::<Vec<_>>(), "aggregationTemporality": 2 });
    let world = World::new(&[
        json!({ "name": "requests", "sum": sum }),
        json!({ "name": "bare", "unit": "s", "histogram": bare }),
        json!({ "name": "took", "unit": "s", "histogram": histogram }),
        json!({ "name": "load", "gauge": { "dataPoints": load } }),
    ]);
    let rates = world.values("requests", "sum", "rate", None);
    assert!(rates.len() >= 8 && rates.iter().all(|(_, _, rate)| rate.is_finite()), "{rates:?}");
    let total: f64 = rates.iter().map(|(_, _, rate)| rate * 60.0).sum();
    assert!((total - 9.0 * 120.0).abs() < 1.0, "{total} in {rates:?}");
    let counts: f64 = world.values("took", "histogram", "rate", None).iter().map(|(_, _, rate)| rate * 60.0).sum();
    assert!((counts - 9.0 * 60.0).abs() < 1.0, "{counts}");
    let without = |figure| world.values("bare", "histogram", figure, None);
    assert!(without("rate").iter().skip(1).all(|r| (r.2 - 1.0).abs() < 1e-9), "{:?}", without("rate"));
    assert!(without("avg").iter().skip(1).all(|r| (r.2 - 2.0).abs() < 1e-9), "{:?}", without("avg"));
    assert_eq!(without("p99"), [], "without buckets nothing is known of quantiles");
    assert_eq!(world.values("load", "gauge", "avg", None), [(String::new(), 0, 2.0)]);
    let refused = world.ask("load", "gauge", "avg", None).expect("an answer").object.expect("an object");
    assert_eq!(
        (&refused["refused"], &refused["n_groups"], &refused["figures"][0]),
        (&json!(1), &json!(1), &json!("avg"))
    );
}

/// What to group by comes from addresses that anybody may have written.
#[test]
fn what_to_group_by_is_no_part_of_a_statement() {
    let gauge = json!({ "dataPoints": [point(5, 0, "a", &json!({ "asDouble": 1.5 }))] });
    let world = World::new(&[json!({ "name": "load", "gauge": gauge })]);
    for by in [
        "Exemplars.TraceId AS VARCHAR[]),''),'') AS grp FROM metrics_gauge); SELECT * FROM (SELECT ((('",
        "Exemplars.none",
        "Exemplars.TraceId'; --",
        "MetricName.x y",
        "Attributes.'); DROP TABLE x; --",
        "a' OR '1' = '1",
        "\"; SELECT 1; --",
    ] {
        let rows = world.values("load", "gauge", "avg", Some(by));
        assert_eq!(rows, [(String::new(), 0, 1.5)], "{by}");
    }
    assert_eq!(world.values("load", "gauge", "avg", Some("host"))[0].0, "a");
}
