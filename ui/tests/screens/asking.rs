//! Searches, figures, services, statements, metrics.

use crate::screen::{SIZE, Screen};
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use sextant_contract::{Backend as _, Command};
use sextant_workbench::now;
use std::time::{Duration, Instant};

#[test]
fn what_is_typed_is_completed_and_leads_to_figures_and_their_records() {
    let mut screen = Screen::new(SIZE, 2_000);
    screen.press("gt");
    screen.press("/");
    screen.press("serv");
    let rows = |screen: &Screen| screen.rows().into_iter().filter(|r| r.starts_with("service")).count();
    assert!(rows(&screen) >= 1, "fields are offered: {:?}", screen.rows());
    // The first one; then the value that begins with what was typed.
    screen.harness.key_press(Key::Tab);
    screen.settle();
    screen.press("che");
    screen.harness.key_press(Key::ArrowDown);
    screen.settle();
    screen.harness.key_press(Key::Enter);
    screen.settle();
    screen.press("| p95(duration), count by name");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    let address = screen.address();
    assert!(address.contains("service%3A%22checkout%22%20%7C%20p95") || address.contains("p95"), "{address}");
    let figures = screen.rows();
    assert!(figures.iter().any(|r| r.starts_with("PlaceOrder ") && r.contains('s')), "{figures:?}");
    // Enter leads to the records of the first group.
    screen.harness.key_press(Key::Enter);
    screen.settle();
    let address = screen.address();
    assert!(!address.contains("p95") && address.contains("name"), "{address}");
    assert!(screen.rows().len() > 1, "{:?}", screen.rows());
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    // A mistake says what to write instead, and Esc closes the list without leaving the view.
    screen.press("/");
    screen.press(" stat");
    screen.harness.key_press(Key::Escape);
    screen.settle();
    assert!(screen.address().starts_with("#/traces"));
}

#[test]
fn a_search_is_shown_as_others_write_it() {
    let mut screen = Screen::new(SIZE, 300);
    screen.harness.state_mut().open("#/traces?q=service%3A%22checkout%22&last=60");
    screen.settle();
    screen.press("v");
    for label in ["Copy as Search", "Copy as SQL (DuckDB)", "Copy as TraceQL", "Copy as Jaeger's form"] {
        screen.harness.get_by_label(label);
    }
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    screen.harness.key_press(Key::Escape);
    screen.settle();
    assert!(screen.harness.query_by_label("Copy as TraceQL").is_none());
}

#[test]
fn what_is_typed_together_with_enter_counts() {
    let mut screen = Screen::new(SIZE, 500);
    let text = |text: &str| eframe::egui::Event::Text(text.into());
    screen.press("gt");
    screen.press("/");
    screen.press("name:\"GET /search");
    // A slow frame brings the last letter and Enter at once.
    screen.harness.event(text("\""));
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.address().contains("search%22"), "{}", screen.address());
    // What makes no sense is not left: one can go on writing.
    screen.press("/");
    screen.press(" (");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    screen.press("error:true)");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.address().contains("error"), "{}", screen.address());
    screen.harness.state_mut().open("#/sql?q=SELECT%207%20AS%20seve");
    screen.settle();
    screen.harness.get_by_label("Statements").focus();
    screen.settle();
    screen.harness.event(text("n"));
    screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
    screen.settle();
    assert!(screen.rows().iter().any(|r| r.contains('7')), "{:?}", screen.rows());
}

#[test]
fn services_are_ordered_and_lead_to_their_traces() {
    let mut screen = Screen::new(SIZE, 3_000);
    screen.press("gv");
    assert!(screen.address().starts_with("#/services"), "{}", screen.address());
    let requests =
        |screen: &Screen| -> Vec<String> { screen.rows().into_iter().filter(|r| r.ends_with(" requests")).collect() };
    let by_p99 = requests(&screen);
    assert!(by_p99.len() > 5 && screen.rows().iter().any(|r| r.contains(" Spans, ")), "{:?}", screen.rows());
    screen.press("sss");
    let mut by_name = by_p99.clone();
    by_name.sort();
    assert_eq!(requests(&screen), by_name[..requests(&screen).len()], "by name after three turns");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    screen.press("j");
    let second = by_name[1].split(' ').next().expect("a name").to_owned();
    screen.harness.key_press(Key::Enter);
    screen.settle();
    let address = screen.address();
    assert!(address.starts_with("#/traces?") && address.contains(&second), "{second}: {address}");
    assert!(!screen.rows().is_empty());
}

#[test]
fn statements_are_run_explained_and_kept() {
    let mut screen = Screen::new(SIZE, 2_000);
    screen.press("gq");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    let run = |screen: &mut Screen| {
        screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::Enter);
        screen.settle();
    };
    run(&mut screen);
    let rows = screen.rows();
    assert!(rows.iter().any(|r| r.starts_with("frontend, ")), "{rows:?}");
    assert!(screen.address().starts_with("#/sql?q=SELECT"), "{}", screen.address());
    // Several, one after the other; the one that is refused says why, and those after it are not sent.
    screen.harness.get_by_label("Statements").focus();
    screen.settle();
    screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    screen.press("SELECT 1 AS one; SELECT 2 AS two;");
    run(&mut screen);
    screen.click("2");
    assert!(screen.rows().contains(&"2".to_owned()), "{:?}", screen.rows());
    // What was run is kept.
    screen.click("History");
    let kept = screen.rows();
    assert!(kept.iter().any(|r| r.starts_with("SELECT ServiceName")), "{kept:?}");
    assert!(kept.iter().any(|r| r.starts_with("SELECT 1 AS one")), "{kept:?}");
    screen.click("Results");
    screen.click("Explain");
    assert!(screen.rows().iter().all(|r| r != "2"), "{:?}", screen.rows());
}

#[test]
fn a_statement_is_stopped_when_nobody_wants_it() {
    use sextant_contract::{Ask, Outcome};
    let screen = Screen::new(SIZE, 0);
    let endless = "SELECT count(*) FROM range(10000000000) a, range(1000) b WHERE a.range % 7 = b.range % 5";
    let ask = Ask::Sql { sql: endless.into(), limit: None, period: None, is_explained: false, tag: Some(7) };
    let answer = screen.workbench.ask(ask);
    std::thread::sleep(Duration::from_millis(300));
    let began = Instant::now();
    let stopped = screen.runtime.block_on(screen.workbench.act(Command::Cancel { tag: 7 }, Vec::new()));
    assert_eq!(stopped, Ok(Outcome::Done));
    let error = screen.runtime.block_on(answer).expect_err("it was stopped");
    assert!(error.message.contains("stopped") && began.elapsed() < Duration::from_secs(10), "{error:?}");
    // Kept things come back, the newest first, and can be forgotten.
    for name in ["a", "b", "a"] {
        let save = Command::Save { kind: "search".into(), name: name.into(), value: format!("of {name}") };
        screen.runtime.block_on(screen.workbench.act(save, Vec::new())).expect("is kept");
    }
    let forget = || Command::Forget { kind: "search".into(), name: "b".into() };
    screen.runtime.block_on(screen.workbench.act(forget(), Vec::new())).expect("is forgotten");
    screen.runtime.block_on(screen.workbench.act(forget(), Vec::new())).expect_err("it is gone");
    let kept = screen.runtime.block_on(screen.workbench.ask(Ask::Saved { kind: "search".into() })).expect("an answer");
    let items = &kept.object.expect("an object")["items"];
    assert_eq!((items.as_array().map(Vec::len), items[0]["value"].as_str()), (Some(1), Some("of a")));
}

#[test]
fn metrics_are_walked_and_shown_by_keys() {
    let mut screen = Screen::new(SIZE, 300);
    let point = |at: i64, n: i64| {
        format!(r#"{{"timeUnixNano":"{}","startTimeUnixNano":"1","asInt":"{n}"}}"#, now() - at * 60_000_000_000)
    };
    let points: Vec<String> = (0..20).map(|i| point(20 - i, i * 60)).collect();
    let metric = |name: &str, data: &str| format!(r#"{{"name":"{name}","unit":"By","{data}}}"#);
    let points = points.join(",");
    let gauge = metric("memory", &format!(r#"gauge":{{"dataPoints":[{points}]}}"#));
    let sum =
        metric("sent", &format!(r#"sum":{{"dataPoints":[{points}],"aggregationTemporality":2,"isMonotonic":true}}"#));
    let body = format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{gauge},{sum}]}}]}}]}}"#);
    let import = Command::Import { name: "m.json".into(), format: None, project: None };
    screen.runtime.block_on(screen.workbench.act(import, body.into_bytes())).expect("is taken in");
    screen.press("gm");
    let rows = screen.rows();
    assert!(
        rows.iter().any(|r| r == "metric memory, gauge") && rows.iter().any(|r| r == "metric sent, counter"),
        "{rows:?}"
    );
    assert!(screen.address().contains("with=gauge%20memory"), "{}", screen.address());
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    screen.press("j");
    assert!(screen.address().contains("with=sum%20sent"), "{}", screen.address());
    let rows = screen.rows();
    assert!(rows.iter().any(|r| r.contains("1 B/s, 1 B/s")), "a counter is shown as a rate: {rows:?}");
    screen.click("increase");
    assert!(screen.rows().iter().any(|r| r.contains("60, 60")), "{:?}", screen.rows());
}

#[test]
fn what_is_shown_is_written_to_a_file() {
    let mut screen = Screen::new(SIZE, 2_000);
    let home = tempfile::tempdir().expect("a directory");
    screen.harness.state_mut().save_files_to(home.path());
    let written = |screen: &mut Screen, address: &str, downs: usize| {
        screen.harness.state_mut().open(address);
        screen.settle();
        screen.press(">");
        for _ in 0..downs {
            screen.harness.key_press(Key::ArrowDown);
            screen.harness.step();
        }
        screen.harness.key_press(Key::Enter);
        let until = Instant::now() + Duration::from_secs(20);
        while screen.harness.query_by_label("Copy the path").is_none() {
            assert!(Instant::now() < until, "no file came");
            std::thread::sleep(Duration::from_millis(10));
            screen.harness.step();
        }
        screen.harness.key_press(Key::Escape);
        screen.settle();
        let mut files: Vec<_> = std::fs::read_dir(home.path()).expect("a folder").flatten().map(|e| e.path()).collect();
        assert_eq!(files.len(), 1, "{files:?}");
        let path = files.remove(0);
        let text = std::fs::read_to_string(&path).expect("a file");
        std::fs::remove_file(&path).expect("goes away");
        (path.file_name().expect("a name").to_string_lossy().into_owned(), text)
    };
    let (name, text) = written(&mut screen, "#/traces?q=error%3Atrue&last=1440", 0);
    assert!(name.starts_with("sextant-traces-") && name.contains(".csv"), "{name}");
    let n = text.trim_end().split("\r\n").count() - 1;
    assert!(n > 3 && text.starts_with("TraceId,"), "{text}");
    let (name, text) = written(&mut screen, "#/services?last=1440", 1);
    assert!(name.starts_with("sextant-services-") && name.contains(".ndjson"), "{name}");
    assert!(text.lines().count() >= 10 && text.contains("checkout"), "{text}");
    // Of telemetry there is OTLP too.
    let (name, text) = written(&mut screen, "#/traces?q=error%3Atrue&last=1440", 5);
    assert!(name.ends_with(".otlp.jsonl") && text.starts_with("{\"resourceSpans\""), "{name}");
    // Where there are no rows it is said.
    screen.harness.state_mut().open("#/");
    screen.settle();
    screen.press(">");
    assert!(screen.harness.query_by_label("Copy the path").is_none());
}

#[test]
fn notes_are_written_found_and_taken_away() {
    let mut screen = Screen::new(SIZE, 1_000);
    let wait = |screen: &mut Screen, label: &str| {
        let until = Instant::now() + Duration::from_secs(10);
        while screen.harness.query_by_label(label).is_none() {
            assert!(Instant::now() < until, "{label} does not come");
            std::thread::sleep(Duration::from_millis(10));
            screen.harness.step();
        }
    };
    // About the selected span.
    screen.press("gt");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    screen.press("j");
    let address = screen.address();
    screen.press("a");
    screen.press("look here");
    screen.harness.key_press(Key::Enter);
    wait(&mut screen, "Note: look here");
    // On every time axis: on the list of traces too, from where it leads back.
    screen.press("gt");
    wait(&mut screen, "Note: look here");
    screen.click("Note: look here");
    screen.click("Go there");
    assert_eq!(screen.address().split("&trace").nth(1), address.split("&trace").nth(1));
    // The palette has it.
    screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    screen.settle();
    screen.press("look he");
    assert!(screen.rows().iter().any(|r| r.starts_with("look here")), "{:?}", screen.rows());
    screen.harness.key_press(Key::Escape);
    screen.settle();
    screen.click("Note: look here");
    screen.click("Delete");
    let until = Instant::now() + Duration::from_secs(10);
    while screen.harness.query_by_label("Note: look here").is_some() {
        assert!(Instant::now() < until, "it stays");
        std::thread::sleep(Duration::from_millis(10));
        screen.harness.step();
    }
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
}

#[test]
fn records_and_spans_are_one_stream() {
    let mut screen = Screen::new(SIZE, 500);
    let body = r#"{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"TIME","body":{"stringValue":"in between"}}]}]}]}"#;
    let body = body.replace("TIME", &now().to_string());
    let import = Command::Import { name: "l.json".into(), format: None, project: None };
    screen.runtime.block_on(screen.workbench.act(import, body.into_bytes())).expect("is taken in");
    screen.press("gl");
    screen.press("b");
    let rows = screen.rows();
    assert!(rows.iter().any(|r| r.starts_with("record") && r.contains("in between")), "{rows:?}");
    assert!(rows.iter().any(|r| r.starts_with("span ")), "{rows:?}");
    screen.press("G");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.address().starts_with("#/trace"), "{}", screen.address());
}

#[test]
fn a_service_shows_what_is_around_it() {
    let mut screen = Screen::new(SIZE, 2_000);
    screen.harness.state_mut().open("#/services?q=service%3A%22checkout%22&last=1440");
    screen.settle();
    let has = |screen: &Screen, start: &str, part: &str| {
        screen.rows().iter().any(|r| r.starts_with(start) && r.contains(part))
    };
    assert!(has(&screen, "PlaceOrder: ", " p99"), "{:?}", screen.rows());
    screen.click("Called by");
    assert!(has(&screen, "frontend: ", " Calls"), "{:?}", screen.rows());
    screen.click("Calls");
    assert!(has(&screen, "payment: ", " Calls") && !has(&screen, "frontend: ", " Calls"), "{:?}", screen.rows());
    screen.click("Slowest");
    assert!(has(&screen, "PlaceOrder: ", " Duration"), "{:?}", screen.rows());
    screen.click("Errors");
    assert!(has(&screen, "PlaceOrder: ", " Spans"), "{:?}", screen.rows());
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
}

/// A source is described and attached by its form; what is wrong with it is said, and it is detached again.
#[test]
fn a_source_is_attached_by_its_form() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
    let mut screen = Screen::new(SIZE, 0);
    screen.press("g");
    screen.press("c");
    assert!(screen.address().starts_with("#/sources"), "{}", screen.address());
    for (field, text) in
        [("Name", "prod"), ("Address", &format!("http://{nobody}")), ("User", "reader"), ("Password", "s3cret")]
    {
        screen.harness.get_by_label(field).focus();
        screen.settle();
        screen.press(text);
    }
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0], "everything has a name");
    screen.click("Attach");
    let began = Instant::now();
    while screen.harness.query_by_label("Check again").is_none() && began.elapsed() < Duration::from_secs(10) {
        screen.settle();
    }
    // What it shows then is asked in the frame that shows it.
    screen.settle();
    // It is kept, and what does not work can be mended.
    for label in ["Save", "Check again", "Export ledger", "Which source"] {
        screen.harness.get_by_label(label);
    }
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0], "everything has a name");
    assert!(screen.harness.query_by_label("s3cret").is_none());
}
