//! Log records: patterns, and as they come.

use crate::screen::{SIZE, Screen};
use eframe::egui::Key;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use sextant_contract::{Ask, Backend as _, Command};
use sextant_workbench::now;
use std::time::{Duration, Instant};

/// Takes in log records of now.
fn log(screen: &Screen, bodies: &[&str]) {
    let record = |body: &&str| {
        let time = now();
        format!(
            r#"{{"timeUnixNano":"{time}","severityNumber":17,"severityText":"ERROR","body":{{"stringValue":"{body}"}}}}"#
        )
    };
    let records: Vec<String> = bodies.iter().map(record).collect();
    let body = format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#, records.join(","));
    let import = Command::Import { name: "l.json".into(), format: None, project: None };
    screen.runtime.block_on(screen.workbench.act(import, body.into_bytes())).expect("is taken in");
}

#[test]
fn patterns_are_found_kept_and_hidden() {
    let mut screen = Screen::new(SIZE, 300);
    let lines: Vec<String> = (0..40).map(|i| format!("user u{i:04}x bought {i} books")).collect();
    log(&screen, &lines.iter().map(String::as_str).collect::<Vec<_>>());
    log(&screen, &["connection refused"; 3]);
    screen.press("gl");
    screen.press("p");
    assert!(screen.address().contains("with=patterns"), "{}", screen.address());
    let rows = screen.rows();
    assert!(rows.iter().any(|r| r == "40 times user <ID> bought <NUM> books"), "{rows:?}");
    assert!(rows.iter().any(|r| r == "3 times connection refused"), "{rows:?}");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    // The records of the first one: exactly as many.
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.address().contains("body"), "{}", screen.address());
    let rows = screen.rows();
    assert!(rows.iter().filter(|r| r.contains("bought")).count() > 10, "{rows:?}");
    assert!(!rows.iter().any(|r| r.contains("refused")), "{rows:?}");
}

#[test]
fn long_messages_take_as_many_lines_as_they_need() {
    let mut screen = Screen::new([900.0, 600.0], 0);
    let long = "a word and ".repeat(40);
    log(&screen, &["short", &long, "short again"]);
    screen.press("gl");
    let heights = |screen: &Screen| {
        let rows = screen.harness.query_all_by_role(eframe::egui::Role::Row);
        let of = |n: egui_kittest::Node<'_>| n.accesskit_node().label().unwrap_or_default().contains("ERROR");
        rows.filter(|n| of(*n)).map(|n| n.rect().height().round() as i32).collect::<Vec<_>>()
    };
    assert_eq!(heights(&screen), [24, 24, 24]);
    screen.press("w");
    let wrapped = heights(&screen);
    assert_eq!(wrapped.len(), 3, "{wrapped:?}");
    assert_eq!(wrapped.iter().filter(|h| **h == 24).count(), 2, "{wrapped:?}");
    assert!(wrapped.iter().any(|h| *h > 60), "{wrapped:?}");
    // The rows go on being walked, and the open one lies below its line.
    screen.press("jj");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert_eq!(heights(&screen), wrapped);
    screen.press("w");
    assert_eq!(heights(&screen), [24, 24, 24]);
}

#[test]
fn records_are_followed_held_and_let_go() {
    let mut screen = Screen::new(SIZE, 0);
    screen.harness.state_mut().open("#/logs?q=level%3Aerror&last=60&with=tail");
    screen.settle();
    // The first answer only begins.
    let wait = |screen: &mut Screen, word: &str| {
        let began = Instant::now();
        while !screen.rows().iter().any(|r| r.contains(word)) {
            assert!(began.elapsed() < Duration::from_secs(10), "{word} does not appear: {:?}", screen.rows());
            std::thread::sleep(Duration::from_millis(10));
            screen.harness.step();
        }
    };
    std::thread::sleep(Duration::from_millis(200));
    screen.settle();
    log(&screen, &["first", "second"]);
    wait(&mut screen, "second");
    assert_eq!(screen.rows().iter().filter(|r| r.contains("first")).count(), 1);
    // Held, nothing moves; let go, what waited is there.
    screen.press("=");
    log(&screen, &["third"]);
    std::thread::sleep(Duration::from_millis(300));
    screen.settle();
    assert!(!screen.rows().iter().any(|r| r.contains("third")), "{:?}", screen.rows());
    screen.click("Jump to the newest");
    wait(&mut screen, "third");
    screen.press("f");
    assert!(!screen.address().contains("with="), "{}", screen.address());
}

#[test]
fn what_a_tail_does_not_show_is_counted() {
    let screen = Screen::new(SIZE, 0);
    let tailing = screen.workbench.tail("").expect("a search");
    let bodies: Vec<String> = (0..12_000).map(|i| format!("line {i}")).collect();
    log(&screen, &bodies.iter().map(String::as_str).collect::<Vec<_>>());
    let (mut n_shown, mut n_lost) = (0, 0);
    while let Some((answer, lost)) = tailing.next(Duration::from_secs(2)).expect("a store") {
        n_shown += answer.n_rows() as u64;
        n_lost += lost;
        if n_shown + n_lost >= 12_000 {
            break;
        }
    }
    assert_eq!(n_shown + n_lost, 12_000, "{n_shown} shown");
    // Whoever has not asked for long begins anew and is told so.
    let ask = |id| {
        let ask = Ask::Tail { query: String::new(), id };
        screen.runtime.block_on(screen.workbench.ask(ask)).expect("an answer").object.expect("an object")
    };
    assert_eq!((ask(7)["has_begun"].as_bool(), ask(7)["has_begun"].as_bool()), (Some(true), None));
}

#[test]
fn an_open_record_reads_well() {
    let mut screen = Screen::new(SIZE, 0);
    let trace = "java.lang.Error: x\\n\\tat a.B(C.java:1)\\n\\tat a.B(C.java:2)\\n\\tat a.B(C.java:3)\\n\\tat a.B(C.java:4)\\n\\tat a.B(C.java:5)";
    for body in [r#"{\"order\": {\"id\": 7, \"items\": [1, 2]}, \"ok\": true}"#, trace, r"\u001b[31mred alert\u001b[0m"]
    {
        log(&screen, &[body]);
    }
    let bare = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"TIME","body":{"stringValue":"WARN low on disk"},"attributes":[{"key":"disk","value":{"stringValue":"sda1"}}]}]}]}]}"#;
    let bare = bare.replace("TIME", &now().to_string());
    let import = Command::Import { name: "l.json".into(), format: None, project: None };
    screen.runtime.block_on(screen.workbench.act(import, bare.into_bytes())).expect("is taken in");
    screen.press("gl");
    let rows = screen.rows();
    assert!(rows[0].starts_with("WARN") && rows[0].contains("low on disk"), "severity is read off the text: {rows:?}");
    assert!(rows[1].contains("red alert") && !rows[1].contains('['), "no escapes: {rows:?}");
    let texts = |screen: &Screen| -> Vec<String> {
        let all = screen.harness.query_all_by_role(eframe::egui::Role::Label);
        all.filter_map(|n| n.accesskit_node().value()).collect()
    };
    // A stack trace shows its beginning, the rest on demand.
    screen.press("jj");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    let has = |screen: &Screen, part: &str| texts(screen).iter().any(|t| t.contains(part));
    assert!(has(&screen, "C.java:3") && !has(&screen, "C.java:5"), "{:?}", texts(&screen));
    screen.click("Unfold … 2 more lines of the stack trace");
    assert!(has(&screen, "C.java:5"), "{:?}", texts(&screen));
    // JSON is a tree.
    screen.press("j");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(has(&screen, "\"id\": 7,"), "{:?}", texts(&screen));
    screen.click("Fold \"order\": {");
    assert!(!has(&screen, "\"id\": 7,"), "{:?}", texts(&screen));
    screen.harness.get_by_label("Unfold \"order\": { 2 … },");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    // A column for an attribute, and away again.
    screen.harness.state_mut().open("#/logs?q=&last=60&col=disk");
    screen.settle();
    screen.click("No column disk");
    assert!(!screen.address().contains("col="), "{}", screen.address());
}
