//! A report before it is written, and as a file.

use crate::screen::{SIZE, Screen};
use eframe::egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use sextant_contract::Backend as _;
use std::time::{Duration, Instant};

#[test]
fn a_report_is_looked_at_and_written() {
    let mut screen = Screen::new(SIZE, 2_000);
    let home = tempfile::tempdir().expect("a directory");
    screen.harness.state_mut().save_files_to(home.path());
    screen.press("gr");
    assert!(screen.address().starts_with("#/report"), "{}", screen.address());
    screen.wait("Page 1 of ");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0], "everything has a name");
    screen.click("Next page");
    screen.wait("Page 2 of ");
    screen.click("Audit");
    screen.wait("Page 1 of ");
    for (button, ending, begins) in [("Save as PDF", "pdf", "%PDF-1.7"), ("Save as HTML", "html", "<!doctype html>")] {
        screen.click(button);
        let path = home.path().join(format!("sextant-audit.{ending}"));
        let until = Instant::now() + Duration::from_secs(60);
        while !path.exists() {
            assert!(Instant::now() < until, "{} was not written", path.display());
            std::thread::sleep(Duration::from_millis(20));
            screen.harness.step();
        }
        // It is heard of before the next one.
        std::thread::sleep(Duration::from_millis(100));
        screen.settle();
        let bytes = std::fs::read(&path).expect("a file");
        assert!(bytes.starts_with(begins.as_bytes()), "{}", path.display());
    }
}

#[test]
fn a_report_about_nothing_says_so_at_every_size() {
    for size in [[360.0, 300.0], [900.0, 600.0], SIZE, [2_560.0, 1_440.0]] {
        let mut screen = Screen::new(size, 0);
        screen.press("gr");
        for kind in ["Trace", "Service", "Audit", "Incident"] {
            if screen.buttons().iter().any(|b| b == kind) {
                screen.click(kind);
            }
        }
        assert!(screen.address().starts_with("#/report"));
    }
}

#[test]
fn what_screens_show_becomes_a_report_in_any_order() {
    let mut screen = Screen::new(SIZE, 2_000);
    let home = tempfile::tempdir().expect("a directory");
    screen.harness.state_mut().save_files_to(home.path());
    let parts = |screen: &Screen| {
        let all = screen.buttons().into_iter().filter_map(|b| b.strip_prefix("Part: ").map(str::to_owned));
        all.filter(|name| name != "Introduction" && name != "To do").collect::<Vec<_>>()
    };
    screen.harness.state_mut().open("#/traces?q=error%3Atrue");
    screen.settle();
    screen.press("+");
    screen.press("gl+");
    screen.press("gv");
    screen.click("Add what is shown to the report");
    screen.press("gr");
    screen.wait("Page 1 of ");
    assert_eq!(parts(&screen), ["traces · error:true", "logs", "services"]);
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0], "everything has a name");
    // The last one was added and is chosen; it goes to the top by keys, and back by undoing.
    for _ in 0..2 {
        screen.harness.key_press_modifiers(Modifiers::ALT, Key::ArrowUp);
        screen.settle();
    }
    assert_eq!(parts(&screen), ["services", "traces · error:true", "logs"]);
    screen.harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    screen.settle();
    assert_eq!(parts(&screen), ["traces · error:true", "services", "logs"]);
    screen.click("Part: logs");
    screen.click("Take out logs");
    assert_eq!(parts(&screen), ["traces · error:true", "services"]);
    screen.click("Undo");
    assert_eq!(parts(&screen), ["traces · error:true", "services", "logs"]);
    // By the pointer: the first below the second.
    let center = |screen: &Screen, name: &str| screen.harness.get_by_label(name).rect().center();
    let (from, to) = (center(&screen, "Part: traces · error:true"), center(&screen, "Part: services"));
    screen.harness.drag_at(from);
    screen.harness.step();
    screen.harness.hover_at(to);
    screen.harness.step();
    screen.harness.drop_at(to);
    screen.settle();
    assert_eq!(parts(&screen), ["services", "traces · error:true", "logs"]);
    screen.wait("Page 1 of ");
    screen.click("Save as PDF");
    let path = home.path().join("sextant-custom.pdf");
    let until = Instant::now() + Duration::from_secs(60);
    while !path.exists() {
        assert!(Instant::now() < until, "it was not written");
        std::thread::sleep(Duration::from_millis(20));
        screen.harness.step();
    }
    // They are kept for the next time.
    let kept = screen.workbench.ask(sextant_contract::Ask::Saved { kind: "report".into() });
    let kept = screen.runtime.block_on(kept).expect("what is kept").object.expect("an object").to_string();
    assert!(kept.contains("services") && kept.contains("error:true"), "{kept}");
}
