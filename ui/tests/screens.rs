//! The screens without a window, on a real store, by the names that screen readers are told.

use eframe::egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use sextant_contract::{Backend as _, Command};
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_ui::App;
use sextant_workbench::{Options, StoreConfig, Workbench, now};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;

struct Screen {
    harness: Harness<'static, App>,
    workbench: Workbench,
    _dir: TempDir,
    runtime: Runtime,
}

impl Screen {
    /// A screen of this size over a store with about so many spans of the demo shop.
    fn new(size: [f32; 2], n_spans: u64) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let runtime = Runtime::new().expect("a runtime");
        let options = Options { store: StoreConfig::new(dir.path()) };
        let workbench = Workbench::open(options, runtime.handle().clone()).expect("a store");
        if n_spans > 0 {
            for request in Shop::new(&ShopConfig { seed: 5, n_spans, end: now() }) {
                let command = Command::Import { name: "shop".into(), format: Some("otlp-pb".into()), project: None };
                // Signals look alike on the wire: logs would be taken for spans.
                if request.path == "/v1/traces" {
                    runtime.block_on(workbench.act(command, request.body)).expect("it is taken in");
                }
            }
        }
        let backend = workbench.clone();
        let harness = Harness::builder()
            .with_size(size)
            .with_max_steps(50)
            .allow_missing_glyphs()
            .build_eframe(move |cc| App::new(&cc.egui_ctx, Rc::new(backend)));
        let mut screen = Self { harness, workbench, _dir: dir, runtime };
        screen.settle();
        screen
    }

    /// Frames until every answer is on the screen.
    fn settle(&mut self) {
        let began = Instant::now();
        for _ in 0..3 {
            self.harness.step();
        }
        while !self.harness.state().is_settled() {
            assert!(began.elapsed() < Duration::from_secs(20), "an answer did not come");
            std::thread::sleep(Duration::from_millis(5));
            self.harness.step();
        }
        self.harness.step();
        self.harness.step();
    }

    fn click(&mut self, label: &str) {
        self.harness.get_by_label(label).click();
        self.settle();
    }

    fn press(&mut self, text: &str) {
        for letter in text.chars() {
            self.harness.event(eframe::egui::Event::Text(letter.into()));
        }
        self.settle();
    }

    fn address(&self) -> String {
        self.harness.state().address()
    }

    /// Names of all rows on the screen.
    fn rows(&self) -> Vec<String> {
        let rows = self.harness.query_all_by_role(eframe::egui::Role::Row);
        rows.filter_map(|n| n.accesskit_node().label()).collect()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.workbench.close();
    }
}

const SIZE: [f32; 2] = [1_440.0, 900.0];

#[test]
fn home_says_how_to_begin() {
    let mut screen = Screen::new(SIZE, 0);
    for label in ["Copy all three", "Send a test span", "Run the demo shop", "Open files", "Choose files", "Logs"] {
        screen.harness.get_by_label(label);
    }
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0], "everything has a name");
    // No receiver runs here: the refusal is said, with what to do.
    screen.click("Send a test span");
    let began = Instant::now();
    while screen.harness.query_by_label("Dismiss").is_none() && began.elapsed() < Duration::from_secs(10) {
        screen.settle();
    }
    screen.click("Dismiss");
    assert!(screen.harness.query_by_label("Dismiss").is_none());
}

#[test]
fn a_trace_is_found_opened_and_walked_by_keys() {
    let mut screen = Screen::new(SIZE, 2_000);
    screen.press("gt");
    assert!(screen.address().starts_with("#/traces?"), "{}", screen.address());
    assert!(screen.rows().len() > 10, "{:?}", screen.rows());
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    screen.press("s");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.address().starts_with("#/trace?"), "{}", screen.address());
    let rows = screen.rows();
    assert!(rows[0].starts_with("frontend"), "{rows:?}");
    assert!(rows.iter().any(|r| r.contains(" × ")), "siblings are folded: {rows:?}");
    let before = screen.address();
    screen.press("jj");
    assert_ne!(screen.address(), before, "another span is selected");
    screen.press("]");
    let folded = screen.rows().len();
    assert!(folded < rows.len(), "{folded} of {}", rows.len());
    screen.press("[");
    assert!(screen.rows().len() > folded);
    screen.harness.key_press_modifiers(Modifiers::ALT, Key::ArrowLeft);
    screen.settle();
    assert!(screen.address().starts_with("#/traces?"), "back leads to the list: {}", screen.address());
}

#[test]
fn the_palette_leads_anywhere() {
    let mut screen = Screen::new(SIZE, 200);
    screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    screen.settle();
    screen.press("logs");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.address().starts_with("#/logs?q="), "{}", screen.address());
    screen.press("?");
    screen.harness.get_by_label("Close");
    screen.harness.key_press(Key::Escape);
    screen.settle();
    assert!(screen.harness.query_by_label("Close").is_none(), "Esc closes the sheet");
}

#[test]
fn what_the_palette_and_buttons_choose_is_done_in_the_view() {
    let mut screen = Screen::new(SIZE, 1_000);
    screen.press("gt");
    screen.press("s");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    let all = screen.rows().len();
    screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    screen.settle();
    screen.press("fold all");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.rows().len() < all, "{} of {all}", screen.rows().len());
    screen.press("[");
    screen.click("Fit");
    screen.click("Whole");
    // An Esc that nobody needed closes nothing later.
    screen.harness.key_press(Key::Escape);
    screen.settle();
    screen.press("?");
    screen.harness.get_by_label("Close");
}

#[test]
fn a_selected_trace_stays_selected_when_newer_ones_come() {
    let mut screen = Screen::new(SIZE, 300);
    screen.press("gt");
    screen.press("jj");
    let chosen = screen.rows()[2].clone();
    screen.harness.key_press(Key::Enter);
    screen.settle();
    let address = screen.address();
    screen.harness.key_press_modifiers(Modifiers::ALT, Key::ArrowLeft);
    screen.settle();
    for request in Shop::new(&ShopConfig { seed: 6, n_spans: 300, end: now() }) {
        if request.path == "/v1/traces" {
            let import = Command::Import { name: "more".into(), format: Some("otlp-pb".into()), project: None };
            screen.runtime.block_on(screen.workbench.act(import, request.body)).expect("it is taken in");
        }
    }
    let began = Instant::now();
    while screen.rows().get(2) == Some(&chosen) && began.elapsed() < Duration::from_secs(10) {
        screen.settle();
    }
    screen.harness.key_press(Key::Enter);
    screen.settle();
    let trace = |a: &str| a.split("trace=").nth(1).unwrap_or_default()[..32].to_owned();
    assert_eq!(trace(&screen.address()), trace(&address));
}

#[test]
fn addresses_that_make_no_sense_hang_nothing() {
    let mut screen = Screen::new(SIZE, 50);
    for address in [
        "#/logs?from=-9223372036854775808&to=9223372036854775807",
        "#/traces?last=4294967295",
        "#/trace?trace=nonsense&span=%zz",
        "#/logs?q=(((&from=1&to=2",
    ] {
        screen.harness.state_mut().open(address);
        screen.settle();
        screen.press("tztz");
    }
}

#[test]
fn every_view_stands_at_every_size() {
    for size in [[360.0, 300.0], [640.0, 480.0], [900.0, 600.0], [1_100.0, 700.0], [2_560.0, 1_440.0]] {
        let mut screen = Screen::new(size, 300);
        for keys in ["gh", "gt", "gl", "gm", "gv", "gq", "gs"] {
            screen.press(keys);
        }
        screen.press("gtsQ");
        screen.harness.key_press(Key::Enter);
        screen.settle();
        screen.press("QQW");
        assert!(screen.address().starts_with("#/trace?"), "{size:?}: {}", screen.address());
        screen.press("dnx");
        screen.press("gtce");
        assert!(screen.address().starts_with("#/differs?"), "{size:?}: {}", screen.address());
    }
}

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
fn services_are_ordered_and_lead_to_their_traces() {
    let mut screen = Screen::new(SIZE, 3_000);
    screen.press("gv");
    assert!(screen.address().starts_with("#/services"), "{}", screen.address());
    let requests =
        |screen: &Screen| -> Vec<String> { screen.rows().into_iter().filter(|r| r.ends_with(" requests")).collect() };
    let by_p99 = requests(&screen);
    assert!(by_p99.len() > 5 && screen.rows().iter().any(|r| r.ends_with(" spans")), "{:?}", screen.rows());
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
fn a_trace_is_compared_by_keys() {
    let mut screen = Screen::new(SIZE, 6_000);
    screen.harness.state_mut().open("#/traces?q=root.name%3A%22POST%20%2Fapi%2Fcheckout%22&last=60");
    screen.settle();
    screen.press("s");
    // The slowest one with what is usual for it.
    screen.press("d");
    assert!(screen.address().starts_with("#/compare?"), "{}", screen.address());
    let rows = screen.rows();
    assert!(rows[0].starts_with("frontend POST /api/checkout slower +"), "{rows:?}");
    assert!(rows.iter().any(|r| r.contains("only in A")), "{rows:?}");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    // From one difference to the next, and into its trace.
    screen.press("nn");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.address().starts_with("#/trace?") && !screen.address().contains("&span=&"), "{}", screen.address());
    screen.harness.key_press_modifiers(Modifiers::ALT, Key::ArrowLeft);
    screen.settle();
    screen.press("x");
    let swapped = screen.rows();
    assert!(swapped.iter().any(|r| r.contains("only in B")), "{swapped:?}");
    // Two that were chosen.
    screen.press("gt");
    screen.press("m");
    screen.press("jd");
    assert!(screen.address().contains("&with="), "{}", screen.address());
    assert!(screen.rows().len() > 3);
}

#[test]
fn what_is_different_is_found_by_keys() {
    let mut screen = Screen::new(SIZE, 12_000);
    screen.harness.state_mut().open("#/traces?q=root.name%3A%22POST%20%2Fapi%2Fcheckout%22&last=60");
    screen.settle();
    screen.press("ce");
    assert!(screen.address().starts_with("#/differs?"), "{}", screen.address());
    let rows = screen.rows();
    // Whatever fails, the retry of the acquirer is among what the failed ones have more often.
    assert!(rows.iter().any(|r| r.contains("payment") && r.contains("fails: 100 % of A")), "{rows:?}");
    assert!(rows.iter().any(|r| r.contains("calls retry.backoff")), "{rows:?}");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    screen.press("j");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.address().starts_with("#/traces?q=%7B"), "{}", screen.address());
    assert!(screen.rows().len() > 1, "the traces that have it: {:?}", screen.rows());
    screen.harness.state_mut().open("#/differs?q=&last=60&with=name%3A%22no%20such%22");
    screen.settle();
    assert!(screen.rows().is_empty());
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
fn a_trace_is_a_flame_and_a_table_too() {
    let mut screen = Screen::new(SIZE, 2_000);
    screen.press("gt");
    screen.press("s");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    screen.press("2");
    let said = screen.rows();
    assert!(said.iter().any(|r| r.contains("100.0 % of the trace")), "{said:?}");
    screen.press("jj");
    let below = screen.rows();
    assert_ne!(said, below);
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    screen.press("3");
    let rows = screen.rows();
    assert!(rows.iter().any(|r| r.contains(" spans, self ")), "{rows:?}");
    let before = screen.address();
    screen.press("jjj");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert_ne!(screen.address(), before, "the longest span of the operation is selected");
    assert!(screen.rows().len() > 5);
    // What stands in attributes is found as well as what stands in names.
    screen.harness.get_by_label("Find spans").focus();
    screen.settle();
    screen.press("telemetry.sdk");
    screen.settle();
    assert!(screen.harness.query_by_label("0 hits").is_none());
    assert!(screen.harness.state().n_hits() > 3, "{}", screen.harness.state().n_hits());
}

#[test]
fn periods_are_written_and_searches_kept() {
    let mut screen = Screen::new(SIZE, 300);
    screen.press("gt");
    screen.press("tt");
    screen.press("yesterday 9:00 to 10:30");
    assert!(screen.rows().iter().any(|r| r.contains("09:00:00 – 10:30:00")), "{:?}", screen.rows());
    screen.harness.key_press(Key::Enter);
    screen.settle();
    let address = screen.address();
    assert!(address.contains("&from=") && address.contains("&to="), "{address}");
    // What makes no sense is said, and changes nothing.
    screen.press("tt");
    screen.press("soon");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert_eq!(screen.address(), address);
    screen.harness.key_press(Key::Escape);
    screen.settle();
    screen.harness.state_mut().open("#/traces?q=service%3Acart&last=180");
    screen.settle();
    screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    screen.settle();
    screen.press("gh");
    screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
    screen.settle();
    std::thread::sleep(Duration::from_millis(100));
    screen.settle();
    screen.press("service:cart in traces");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.address().starts_with("#/traces?q=service%3Acart&last=180"), "{}", screen.address());
}

#[test]
fn the_key_sheet_has_every_key() {
    for size in [[1_440.0, 900.0], [640.0, 480.0]] {
        let mut screen = Screen::new(size, 0);
        screen.press("?");
        screen.harness.get_by_label("Close");
        screen.harness.key_press(Key::Escape);
        screen.settle();
        assert!(screen.harness.query_by_label("Close").is_none());
    }
}
