//! Lists of traces, one trace, and two of them beside each other.

use crate::screen::{SIZE, Screen};
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use sextant_contract::{Backend as _, Command};
use sextant_fixtures::shop::{Shop, ShopConfig};
use sextant_workbench::now;
use std::time::{Duration, Instant};

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
fn a_part_of_a_trace_is_shown_alone_undone_and_the_whole_copied() {
    let mut screen = Screen::new(SIZE, 2_000);
    screen.press("gt");
    screen.press("s");
    screen.harness.key_press(Key::Enter);
    screen.settle();
    screen.press("[");
    let whole = screen.rows();
    screen.press("jj");
    let service = |row: &String| {
        row.split(' ').find(|w| w.chars().all(|c| c.is_ascii_lowercase() || c == '-')).map(str::to_owned)
    };
    screen.press("i");
    let only = screen.rows();
    assert!(only.len() < whole.len() && !only.is_empty(), "{only:?}");
    assert!(only.iter().all(|row| service(row) == service(&only[0])), "{only:?}");
    screen.press("u");
    assert_eq!(screen.rows(), whole);
    screen.press("r");
    let below = screen.rows();
    assert!(below.len() < whole.len() && whole.contains(&below[0]), "{below:?}");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    screen.press("r");
    assert_eq!(screen.rows(), whole, "the same key shows the rest again");
    screen.press("uu");
    assert_eq!(screen.rows(), whole, "both steps are undone");

    screen.harness.event(eframe::egui::Event::Text("y".into()));
    let began = Instant::now();
    let copied = loop {
        assert!(began.elapsed() < Duration::from_secs(20), "nothing was copied");
        screen.harness.step();
        let mut commands = screen.harness.output().platform_output.commands.iter();
        if let Some(eframe::egui::OutputCommand::CopyText(text)) = commands.next() {
            break text.clone();
        }
    };
    let copied: serde_json::Value = serde_json::from_str(&copied).expect("JSON");
    assert!(copied["resourceSpans"].as_array().is_some_and(|r| !r.is_empty()));
}

/// An OTLP/JSON span: id, parent, name, kind, start and length in ms.
fn span(
    trace: &str,
    (id, parent, name, kind): (&str, &str, &str, u8),
    (start, length): (i64, i64),
    link: &str,
) -> String {
    let at = |ms: i64| now() / 1_000_000_000 * 1_000_000_000 - 60_000_000_000 + ms * 1_000_000;
    let link = if link.is_empty() { String::new() } else { format!(r#","links":[{link}]"#) };
    format!(
        r#"{{"traceId":"{trace}","spanId":"{id}","parentSpanId":"{parent}","name":"{name}","kind":{kind},"startTimeUnixNano":"{}","endTimeUnixNano":"{}"{link}}}"#,
        at(start),
        at(start + length)
    )
}

fn sent(screen: &Screen, service: &str, spans: &[String]) {
    let resource = format!(r#"{{"attributes":[{{"key":"service.name","value":{{"stringValue":"{service}"}}}}]}}"#);
    let body =
        format!(r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, spans.join(","));
    let import = Command::Import { name: "t.json".into(), format: None, project: None };
    screen.runtime.block_on(screen.workbench.act(import, body.into_bytes())).expect("is taken in");
}

#[test]
fn what_is_odd_about_a_trace_is_said_where_it_is() {
    let mut screen = Screen::new(SIZE, 0);
    let (trace, other) = ("0af7651916cd43dd8448eb211c80319c", "1bf7651916cd43dd8448eb211c80319c");
    let id = |n: u8| format!("00000000000000{n:02x}");
    let of = |n: u8, parent: u8, name: &'static str, kind: u8, times: (i64, i64)| {
        let parent = if parent == 0 { String::new() } else { id(parent) };
        span(trace, (&id(n), &parent, name, kind), times, "")
    };
    sent(
        &screen,
        "web",
        &[
            of(1, 0, "root", 2, (0, 100)),
            of(2, 1, "call", 3, (10, 60)),
            of(4, 99, "lost", 1, (20, 5)),
            of(5, 6, "round", 1, (30, 5)),
            of(6, 5, "about", 1, (31, 5)),
            of(1, 1, "twin", 1, (40, 5)),
        ],
    );
    // Half a second behind.
    sent(&screen, "db", &[of(3, 2, "answer", 2, (-480, 40))]);
    let link = format!(r#"{{"traceId":"{trace}","spanId":"{}"}}"#, id(2));
    sent(&screen, "batch", &[span(other, (&id(1), "", "collect", 5), (500, 20), &link)]);
    screen.harness.state_mut().open(&format!("#/trace?q=&last=60&trace={trace}&span="));
    screen.settle();
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    let notes = |screen: &mut Screen| -> String {
        std::thread::sleep(Duration::from_millis(150));
        screen.settle();
        let all = screen.harness.query_all_by_role(eframe::egui::Role::Label);
        all.filter_map(|n| n.accesskit_node().value()).collect::<Vec<_>>().join(" ")
    };
    let mut said = String::new();
    for _ in 0..4 {
        screen.click("Next span whose place is not sure");
        said += &notes(&mut screen);
    }
    for part in ["Its parent 0000000000000063 is not here", "form a circle", "the same id"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // Clocks are adjusted until one says otherwise.
    screen.harness.state_mut().open(&format!("#/trace?q=&last=60&trace={trace}&span={}", id(3)));
    screen.settle();
    assert!(notes(&mut screen).contains("500 ms later"), "{}", notes(&mut screen));
    screen.click("Adjust clocks");
    assert!(!notes(&mut screen).contains("later than"), "{}", notes(&mut screen));
    // Who links here is found from here.
    screen.harness.state_mut().open(&format!("#/trace?q=&last=60&trace={trace}&span={}", id(2)));
    screen.settle();
    notes(&mut screen);
    screen.click("Links");
    screen.click("batch collect");
    assert!(screen.address().contains(other), "{}", screen.address());
    // Pinned, and no longer.
    screen.click("Pin");
    let until = std::time::Instant::now() + Duration::from_secs(10);
    while screen.harness.query_by_label("Pinned").is_none() {
        assert!(std::time::Instant::now() < until, "it is not pinned");
        std::thread::sleep(Duration::from_millis(10));
        screen.harness.step();
    }
    screen.click("Pinned");
}

#[test]
fn traces_are_grouped_by_what_is_typed() {
    let mut screen = Screen::new(SIZE, 1_000);
    screen.press("gt");
    screen.press("u");
    screen.press("servi");
    assert!(screen.rows().contains(&"service".to_owned()), "{:?}", screen.rows());
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.address().contains("by%20service"), "{}", screen.address());
    assert!(screen.rows().iter().any(|r| r.contains("checkout")), "{:?}", screen.rows());
}

#[test]
fn a_row_has_a_menu() {
    let mut screen = Screen::new(SIZE, 1_000);
    screen.press("gt");
    let row = screen.rows()[0].clone();
    screen.harness.get_all_by_label(&row).next().expect("a row").click_secondary();
    screen.settle();
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
    screen.click("Without this operation");
    assert!(screen.address().contains("q=%2Dname"), "{}", screen.address());
    screen.press("gl");
}

#[test]
fn groups_are_ordered_by_what_their_heads_say() {
    let mut screen = Screen::new(SIZE, 2_000);
    screen.harness.state_mut().open("#/traces?q=%7C%20count%2C%20p95%28duration%29%20by%20service&last=1440");
    screen.settle();
    let first = |screen: &Screen| screen.rows().into_iter().find(|r| !r.is_empty()).unwrap_or_default();
    assert!(first(&screen).starts_with("product-catalog"), "{:?}", screen.rows());
    screen.click("Largest p95(duration) first");
    assert!(screen.address().contains("top%20"), "{}", screen.address());
    assert!(!first(&screen).starts_with("product-catalog"), "{:?}", screen.rows());
    screen.click("All records");
    assert!(screen.address().starts_with("#/traces?q=&"), "{}", screen.address());
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0]);
}
