//! A report before it is written, and as a file.

use crate::screen::{SIZE, Screen};
use egui_kittest::kittest::Queryable as _;
use std::time::{Duration, Instant};

fn wait(screen: &mut Screen, label: &str) {
    let until = Instant::now() + Duration::from_secs(60);
    while screen.harness.query_by_label_contains(label).is_none() {
        assert!(Instant::now() < until, "there is no {label:?}: {:?}", screen.buttons());
        std::thread::sleep(Duration::from_millis(20));
        screen.harness.step();
    }
}

#[test]
fn a_report_is_looked_at_and_written() {
    let mut screen = Screen::new(SIZE, 2_000);
    let home = tempfile::tempdir().expect("a directory");
    screen.harness.state_mut().save_files_to(home.path());
    screen.press("gr");
    assert!(screen.address().starts_with("#/report"), "{}", screen.address());
    wait(&mut screen, "Page 1 of ");
    assert_eq!(screen.harness.unnamed_widgets(), [] as [String; 0], "everything has a name");
    screen.click("Next page");
    wait(&mut screen, "Page 2 of ");
    screen.click("Audit");
    wait(&mut screen, "Page 1 of ");
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
