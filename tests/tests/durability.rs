//! What was acknowledged is there after kill -9, once; and after the disk was full.

use sextant_tests::{Serve, crash, message, ok, request};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const PROTOBUF: (&str, &str) = ("content-type", "application/x-protobuf");
const SPANS: u64 = 20;

#[test]
fn kill_under_load_loses_nothing_that_was_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let lives = [60, 80, 100, 120, 140, 700].map(Duration::from_millis);
    let crashed = crash(dir.path(), 8, Duration::from_secs(8), &lives);
    assert!(crashed.n_kills >= 10, "{crashed:?}");
}

#[test]
fn an_acknowledged_span_is_in_the_next_answer() {
    let dir = tempfile::tempdir().expect("a directory");
    let serve = Serve::start(dir.path());
    for n in 0..50 {
        assert_eq!(request(serve.at("otlp-http"), "POST", "/v1/traces", &[PROTOBUF], &message(n)).status, 200);
        assert_eq!(serve.count("SELECT count(*) FROM traces"), (n + 1) * SPANS);
    }
    assert_eq!(serve.stop(), Some(0));
    let serve = Serve::start(dir.path());
    assert_eq!(serve.count("SELECT count(*) FROM traces"), 50 * SPANS);
}

/// A small disk, unmounted when this goes away.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Nothing if this machine does not let us mount.
    fn of(megabytes: u32) -> Option<Self> {
        let dir = tempfile::tempdir().expect("a directory");
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        mounted.is_ok_and(|o| o.status.success()).then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        Command::new("umount").arg("-l").arg(self.0.path()).status().ok();
    }
}

#[test]
fn a_full_disk_refuses_and_recovers() {
    let Some(disk) = Disk::of(64) else { return };
    let data = disk.path().join("data");
    let serve = Serve::start_with(&data, &["--disk-reserve", "16MB"]);
    let send = |n: u64| request(serve.at("otlp-http"), "POST", "/v1/traces", &[PROTOBUF], &message(n));
    for n in 0..20 {
        assert_eq!(send(n).status, 200);
    }
    // Somebody else fills the disk up to the reserve.
    let ballast = disk.path().join("ballast");
    let free = |path: &Path| {
        let out = Command::new("df").args(["--output=avail", "-B1"]).arg(path).output().expect("df runs");
        String::from_utf8_lossy(&out.stdout).lines().nth(1).and_then(|l| l.trim().parse::<u64>().ok()).expect("bytes")
    };
    let room = free(disk.path()).saturating_sub(15_000_000);
    std::fs::write(&ballast, vec![1; room as usize]).expect("there is room");
    std::thread::sleep(Duration::from_millis(1_200));
    let refused = send(20);
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.header("retry-after").is_some() && refused.text().contains("reserve"), "{}", refused.text());
    assert_eq!(serve.count("SELECT count(*) FROM traces"), 20 * SPANS, "what was acknowledged is there, and no more");
    std::fs::remove_file(&ballast).expect("space returns");
    std::thread::sleep(Duration::from_millis(1_200));
    assert_eq!(send(20).status, 200);
    // Filled by what is sent itself, to the brim: refusals, and every acknowledged request is there.
    let mut n_acked = 21;
    let mut n_refused = 0;
    std::fs::write(&ballast, vec![1; free(disk.path()).saturating_sub(18_000_000) as usize]).expect("there is room");
    for n in 21..20_000 {
        match send(n).status {
            200 => n_acked += 1,
            503 | 429 => {
                n_refused += 1;
                if n_refused > 50 {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            other => panic!("answered {other}"),
        }
    }
    assert!(n_refused > 50, "{n_acked} acknowledged");
    assert_eq!(serve.count("SELECT count(*) FROM traces"), n_acked * SPANS);
    std::fs::remove_file(&ballast).expect("space returns");
    assert_eq!(serve.stop(), Some(0));
    let serve = Serve::start(&data);
    assert_eq!(serve.count("SELECT count(*) FROM traces"), n_acked * SPANS);
    assert_eq!(ok(&["doctor", "--data", data.to_str().expect("a path")]), "everything is sound\n");
}
