//! Lists of traces, one trace, and two of them beside each other.

use crate::screen::{SIZE, Screen};
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
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
