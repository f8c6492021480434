//! A bundle that is looked at.

use crate::screen::{SIZE, Screen};
use egui_kittest::kittest::Queryable as _;
use serde_json::{Value, json};
use sextant_contract::{Backend as _, BundleAsk, Command};
use std::path::Path;

/// A store that is a bundle, altered or not.
fn opened(size: [f32; 2], alter: fn(&mut Vec<u8>)) -> Screen {
    Screen::prepared(size, 300, move |workbench, runtime, dir| {
        let path = dir.join("incident.sxb");
        let ask = BundleAsk {
            path: Some(path.to_string_lossy().into_owned()),
            title: "checkout".into(),
            redact: vec!["all".into(), "user.id=drop".into()],
            ..BundleAsk::default()
        };
        runtime.block_on(workbench.act(Command::Bundle(Box::new(ask)), Vec::new())).expect("it is made");
        let mut bytes = std::fs::read(&path).expect("a file");
        alter(&mut bytes);
        std::fs::write(&path, bytes).expect("a file");
        workbench.set_opened(looked_at(workbench, &path));
    })
}

fn looked_at(workbench: &sextant_workbench::Workbench, path: &Path) -> Value {
    let mut said = workbench.verified(path).expect("a bundle").0.json();
    said["path"] = path.to_string_lossy().into();
    said
}

#[test]
fn a_bundle_shows_its_verdict_everywhere_and_its_page() {
    let mut screen = opened(SIZE, |_| {});
    // Its maker's key is trusted.
    for keys in ["gt", "gl", "gv", "gs", "gh"] {
        screen.press(keys);
        screen.harness.get_by_label("VALID: what was checked");
    }
    screen.click("VALID: what was checked");
    assert!(screen.address().starts_with("#/bundle"), "{}", screen.address());
    assert!(screen.harness.query_by_label("VALID: what was checked").is_none(), "the page says it itself");
    screen.harness.get_by_label("Copy the hash of manifest-sha256.txt");
    screen.harness.get_by_label("Copy fingerprint");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0], "everything has a name");
    let way = screen.buttons().into_iter().find(|label| label.ends_with(" spans")).expect("a way to the spans");
    screen.click(&way);
    assert!(screen.address().starts_with("#/traces"), "{}", screen.address());
    screen.click("Bundle");
    assert!(screen.address().starts_with("#/bundle"));
}

#[test]
fn an_altered_bundle_says_so_at_every_size() {
    for size in [[360.0, 300.0], [900.0, 600.0], SIZE, [2_560.0, 1_440.0]] {
        let mut screen = opened(size, |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        });
        screen.press("gt");
        screen.click("INVALID: what was checked");
        screen.press("gt");
    }
}

#[test]
fn plain_files_are_unsigned() {
    let mut screen = Screen::prepared(SIZE, 50, |workbench, _, _| {
        workbench.set_opened(json!({ "verdict": "UNSIGNED", "path": "/tmp/spans.parquet" }));
    });
    screen.press("gt");
    screen.harness.get_by_label("UNSIGNED: what was checked");
    // Nothing was checked, so there is no page of it.
    screen.click("UNSIGNED: what was checked");
    assert!(screen.address().starts_with("#/traces"), "{}", screen.address());
    assert!(screen.harness.query_by_label("Bundle").is_none());
    screen.harness.state_mut().open("#/bundle");
    screen.settle();
}

/// Types into a field.
fn write(screen: &mut Screen, field: &str, text: &str) {
    screen.harness.get_by_label(field).focus();
    screen.settle();
    screen.press(text);
}

#[test]
fn a_bundle_is_looked_through_and_made() {
    let mut screen = Screen::new(SIZE, 2_000);
    let home = tempfile::tempdir().expect("a directory");
    screen.harness.state_mut().save_files_to(home.path());
    screen.press("gb");
    assert!(screen.address().starts_with("#/bundle"), "{}", screen.address());
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0], "everything has a name");
    write(&mut screen, "Name of a new key", "auditor");
    screen.click("New key");
    screen.wait("Copy auditor");
    write(&mut screen, "Title", "Checkout was slow");
    for rule in ["E-mail", "IP addresses", "Data points"] {
        screen.click(rule);
    }
    screen.click("Look through");
    screen.wait("Make bundle");
    let keys = screen.buttons();
    assert!(!keys.contains(&"Cancel".to_owned()), "{keys:?}");
    screen.click("Make bundle");
    screen.wait("Copy checked by");
    let path = home.path().join("checkout-was-slow.sxb");
    let said = looked_at(&screen.workbench, &path);
    assert_eq!(said["verdict"], "VALID", "{said}");
    assert!(said["facts"]["tables"]["traces"]["rows"].as_u64() > Some(1_000), "{}", said["facts"]);
    let tables = said["facts"]["tables"].as_object().expect("tables");
    assert!(tables.keys().all(|t| !t.starts_with("metrics")), "{tables:?}");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0], "everything has a name");
}

#[test]
fn what_is_on_the_screen_is_what_a_bundle_is_of() {
    let mut screen = Screen::new(SIZE, 2_000);
    screen.harness.state_mut().open("#/traces?q=service%3Acheckout");
    screen.settle();
    screen.press("gb");
    let typed = screen.harness.get_by_label("Query").value();
    assert_eq!(typed.as_deref(), Some("service:checkout"));
    // What makes no sense is said, and nothing is begun.
    write(&mut screen, "Good until", "next year");
    screen.click("Look through");
    screen.wait("Look through");
    screen.click("Trace");
    screen.click("Pins");
    for size in [[360.0, 300.0], [900.0, 600.0], [2_560.0, 1_440.0]] {
        let mut screen = Screen::new(size, 0);
        screen.press("gb");
        assert!(screen.address().starts_with("#/bundle"), "{}", screen.address());
    }
}
