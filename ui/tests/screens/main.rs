//! The screens without a window, on a real store, by the names that screen readers are told.

mod asking;
mod bundle;
mod cost;
mod records;
mod report;
mod screen;
mod traces;

use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use screen::{SIZE, Screen};
use sextant_contract::Backend as _;
use std::time::{Duration, Instant};

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
fn searches_are_remembered_and_kept_ones_given_up() {
    let mut screen = Screen::new(SIZE, 300);
    let palette = |screen: &mut Screen, typed: &str| {
        screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::K);
        screen.settle();
        std::thread::sleep(Duration::from_millis(100));
        screen.settle();
        screen.press(typed);
    };
    let ask = |screen: &mut Screen, text: &str| {
        screen.press("gt/");
        screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        screen.press(text);
        screen.harness.key_press(Key::Enter);
        screen.settle();
    };
    ask(&mut screen, "service:cart");
    ask(&mut screen, "service:ad");
    screen.press("gl");
    palette(&mut screen, "cart in");
    let n = screen.rows().iter().filter(|r| *r == "service:cart in traces").count();
    assert_eq!(n, 1, "{:?}", screen.rows());
    screen.harness.key_press(Key::Enter);
    screen.settle();
    assert!(screen.address().starts_with("#/traces?q=service%3Acart&"), "{}", screen.address());
    screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::S);
    screen.settle();
    let kept = |screen: &Screen| {
        let saved = screen.workbench.ask(sextant_contract::Ask::Saved { kind: "search".into() });
        let answer = screen.runtime.block_on(saved).expect("what is kept");
        answer.object.expect("an object")["items"].as_array().map_or(0, Vec::len)
    };
    let began = Instant::now();
    while kept(&screen) == 0 && began.elapsed() < Duration::from_secs(10) {
        screen.settle();
    }
    assert_eq!(kept(&screen), 1);
    palette(&mut screen, "cart in");
    screen.harness.key_press(Key::Delete);
    screen.settle();
    assert_eq!(kept(&screen), 1, "Del is for letters");
    screen.harness.key_press_modifiers(Modifiers::SHIFT, Key::Delete);
    screen.settle();
    let began = Instant::now();
    while kept(&screen) == 1 && began.elapsed() < Duration::from_secs(10) {
        screen.settle();
    }
    assert_eq!(kept(&screen), 0, "it was given up");
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
