//! A policy is edited, what follows is seen, and all of it can be taken back.

use crate::screen::{SIZE, Screen};
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use sextant_contract::{Answer, Ask, Backend as _};

fn kept(screen: &Screen) -> usize {
    let saved: Answer =
        screen.runtime.block_on(screen.workbench.ask(Ask::Saved { kind: "scenario".into() })).expect("what was kept");
    saved.object.and_then(|o| o["items"].as_array().map(Vec::len)).unwrap_or(0)
}

fn row(screen: &Screen, name: &str) -> String {
    let rows = screen.rows();
    rows.iter().find(|r| r.starts_with(name)).cloned().unwrap_or_else(|| panic!("no {name}: {rows:?}"))
}

#[test]
fn a_policy_is_edited_and_taken_back() {
    let mut screen = Screen::new(SIZE, 2_000);
    screen.press("go");
    assert_eq!(screen.address(), "#/cost");
    screen.wait("Packing");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0], "everything has a name");
    let before = row(&screen, "Total");
    assert!(!screen.rows().iter().any(|r| r.starts_with("Error traces kept")), "nothing is sampled");
    // A tenth by chance loses errors, and says how many.
    screen.harness.get_by_label("Share of everything else").click();
    screen.settle();
    for _ in 0..9 {
        screen.harness.key_press(Key::PageDown);
        screen.settle();
    }
    let sampled = row(&screen, "Error traces kept");
    assert!(sampled.contains("all, ") && sampled.contains(" of "), "{sampled}");
    assert_ne!(row(&screen, "Not kept"), "Not kept: 0 B, 0 B");
    // All of them are kept by one click, or by the box that says so.
    screen.click("Keep each trace with an error");
    let errors = row(&screen, "Error traces kept");
    let (n, all) = errors.rsplit_once("all, ").and_then(|(_, of)| of.split_once(" of ")).expect("so many of so many");
    assert_eq!(n, all, "{errors}");
    // One more tier, kept under a name, and compared with.
    screen.click("One more tier");
    assert!(row(&screen, "cold").starts_with("cold: –, "), "{:?}", screen.rows());
    screen.harness.get_by_label("Name of the scenario").focus();
    screen.settle();
    screen.press("tiers");
    screen.click("Keep");
    let mut tries = 0;
    while kept(&screen) == 0 && tries < 100 {
        std::thread::sleep(std::time::Duration::from_millis(20));
        screen.settle();
        tries += 1;
    }
    screen.wait("Scenario tiers");
    assert_eq!(row(&screen, "Total").matches(", ").count(), 2, "three columns: {}", row(&screen, "Total"));
    // Back, step by step, to what is now.
    for _ in 0..12 {
        screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
        screen.settle();
    }
    let back = row(&screen, "Total");
    assert!(back.starts_with(&before), "{before}, {back}");
    assert!(screen.harness.query_by_label("Undo").is_none(), "{:?}", screen.buttons());
    screen.harness.get_by_label("Redo").click();
    screen.settle();
    assert!(screen.harness.query_by_label("Undo").is_some());
    // A file that makes no sense is said, and what was there stays.
    screen.click("Reset");
    screen.harness.get_by_label("Price of tier 1").focus();
    screen.settle();
    screen.press("x");
    screen.wait("Reset");
    assert_eq!(row(&screen, "Total").split(", ").next(), before.split(", ").next());
}

#[test]
fn an_empty_store_has_nothing_to_measure() {
    for size in [SIZE, [820.0, 560.0]] {
        let mut screen = Screen::new(size, 0);
        screen.press("go");
        assert_eq!(screen.address(), "#/cost");
        assert!(screen.rows().is_empty());
    }
}
