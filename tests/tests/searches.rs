//! What filters leave out is what the search would not have found: searches over merged segments, with and without them.

use serde_json::json as object;
use sextant_model::{Prune, Signal, Table, TimeRange};
use sextant_queries::{duckdb, parse, prune};
use sextant_store::{Config, Limits, Store};
use sextant_tests::ok;

const BODIES: [&str; 16] = [
    "connection refused by peer 10.0.0.1:443",
    "Verbindung VERLOREN: größe=12",
    "\u{212a}elvin \u{17f}aw it",
    "İstanbul is not istanbul",
    "a-b_c.d/e",
    "emoji 😀 between words",
    "naïve café",
    "ERROR:refused(again)",
    "two\nlines\tand a tab",
    "",
    "it's \"quoted\" \\ back",
    "100%_done *",
    "x",
    "ＦＵＬＬ width",
    "{\"json\": \"body\", \"n\": 7}",
    "no\u{a0}break\u{2009}space",
];

/// A segment for each body, so that each can be left out.
fn store(dir: &std::path::Path) -> Store {
    let record = |i: usize, body: &str| {
        let time = 1_780_000_000_000_000_000_i64 + i as i64 * 86_400_000_000_000;
        let attribute = |key: &str, value: String| object!({ "key": key, "value": { "stringValue": value } });
        object!({
            "timeUnixNano": time.to_string(), "body": { "stringValue": body },
            "attributes": [attribute("user.id", format!("u{i}")), attribute("User.Id", format!("U{}", i / 2)), attribute("text", body.to_owned())],
        })
    };
    let records: Vec<_> = BODIES.iter().enumerate().map(|(i, body)| record(i, body)).collect();
    let file = dir.join("logs.json");
    let logs = object!({ "resourceLogs": [{ "scopeLogs": [{ "logRecords": records }] }] });
    std::fs::write(&file, logs.to_string()).expect("writes");
    let data = dir.join("data");
    ok(&["import", file.to_str().expect("a path"), "--data", data.to_str().expect("a path")]);
    let store = Store::open(Config::new(&data)).expect("opens");
    store.compact().expect("merges");
    store
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[test]
fn filters_change_no_answer() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = store(dir.path());
    assert_eq!(store.snapshot().n_segments(Table::Logs), BODIES.len());
    let mut searches =
        vec!["refused -again".to_owned(), "kelvin".into(), "saw".into(), "istanbul".into(), "ref*".into()];
    for (i, body) in BODIES.iter().enumerate() {
        let chars: Vec<char> = body.chars().collect();
        for (from, to) in [(0, chars.len()), (1, chars.len()), (0, chars.len() / 2), (chars.len() / 3, chars.len())] {
            let part: String = chars.get(from..to).unwrap_or_default().iter().collect();
            searches.extend([quoted(&part), format!("body:{}", quoted(&part)), quoted(&part.to_uppercase())]);
        }
        searches.extend(body.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_owned));
        searches.push(format!("text:{}", quoted(body)));
        searches.push(format!("user.id:\"u{i}\" User.Id:\"U{}\"", i / 2));
        searches.push(format!("User.Id:\"U{i}\""));
        searches.push(format!("user.id:\"U{i}\""));
    }
    let (mut n_found, mut n_left_out) = (0, 0);
    for search in &searches {
        // What does not parse is refused before anything is read.
        let Ok(query) = parse(Signal::Logs, search) else { continue };
        let sql = duckdb::logs(&query, TimeRange::ALL, 100);
        let bounds = prune(&query, TimeRange::ALL);
        let all = store.query(&sql, &Prune::default(), Limits::default()).expect("answers");
        let some = store.query(&sql, &bounds, Limits::default()).expect("answers");
        assert_eq!(some.n_rows(), all.n_rows(), "{search}");
        n_found += all.n_rows();
        n_left_out += all.scanned.n_segments - some.scanned.n_segments;
    }
    assert!(n_found > searches.len() / 2, "{n_found} records for {} searches", searches.len());
    assert!(n_left_out > 8 * searches.len(), "{n_left_out} segments were left out");
}
