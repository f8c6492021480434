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
