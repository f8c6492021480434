//! Passwords of sources in the keychain of the platform: a real Secret Service on a bus of its own.

use sextant_tests::clickhouse::{added, shop, text};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

/// A bus and a keychain that end with the test.
struct Keychain {
    bus: Child,
    daemon: Child,
    address: String,
}

impl Drop for Keychain {
    fn drop(&mut self) {
        for child in [&mut self.daemon, &mut self.bus] {
            child.kill().ok();
            child.wait().ok();
        }
    }
}

impl Keychain {
    fn start(home: &Path) -> Self {
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon starts; `make setup` installs it");
        let mut address = String::new();
        BufReader::new(bus.stdout.take().expect("a pipe")).read_line(&mut address).expect("where the bus is");
        let address = address.trim().to_owned();
        let mut daemon = Command::new("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .env("HOME", home)
            .env("XDG_RUNTIME_DIR", home)
            .env("XDG_DATA_HOME", home.join("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("gnome-keyring-daemon starts; `make setup` installs it");
        daemon.stdin.take().expect("a pipe").write_all(b"opens the keychain").expect("it listens");
        let keychain = Self { bus, daemon, address };
        for _ in 0..200 {
            let owned = Command::new("dbus-send")
                .args(["--session", "--print-reply", "--dest=org.freedesktop.DBus", "/"])
                .args(["org.freedesktop.DBus.NameHasOwner", "string:org.freedesktop.secrets"])
                .env("DBUS_SESSION_BUS_ADDRESS", &keychain.address)
                .output()
                .expect("dbus-send");
            if String::from_utf8_lossy(&owned.stdout).contains("true") {
                return keychain;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        panic!("the keychain does not come up");
    }
}

fn cli(data: &Path, bus: &str, args: &[&str]) -> Output {
    Command::new(sextant_tests::sextant())
        .args(args)
        .arg("--data")
        .arg(data)
        .env("CH_PASSWORD", "s3cret")
        .env("DBUS_SESSION_BUS_ADDRESS", bus)
        .stdin(Stdio::null())
        .output()
        .expect("sextant starts")
}

/// Whether any file of a directory holds the password.
fn is_written(dir: &Path) -> bool {
    std::fs::read_dir(dir).expect("a directory").map(|e| e.expect("an entry").path()).any(|path| {
        if path.is_dir() {
            return is_written(&path);
        }
        std::fs::read(&path).is_ok_and(|bytes| bytes.windows(6).any(|w| w == b"s3cret"))
    })
}

#[test]
fn a_password_is_kept_in_the_keychain_if_one_wants() {
    let (dir, server) = shop();
    let (url, data) = (server.url(), dir.path().join("data"));
    let home = dir.path().join("home");
    std::fs::create_dir_all(home.join("data/keyrings")).expect("a home");
    let keychain = Keychain::start(&home);
    let there = |args: &[&str]| cli(&data, &keychain.address, args);
    let nowhere = |args: &[&str]| cli(&data, "unix:path=/nonexistent", args);
    let search =
        ["search", "traces", "", "--source", "prod", "--from=2026-11-20T12:00:00Z", "--to=2026-11-20T13:00:00Z"];

    // Without a keychain nothing is kept, and it is said why.
    let mut add = added(&url, "strict").to_vec();
    add.push("--keychain");
    let refused = nowhere(&add);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("there is no keychain here"), "{said}");
    assert!(said.contains("--keychain=false"), "{said}");
    assert_eq!(text(&nowhere(&["source", "list"])), text(&there(&["source", "list"])), "nothing was kept");

    text(&there(&add));
    assert!(!is_written(&data), "the password is in a file");
    let toml = std::fs::read_to_string(data.join("sources.toml")).expect("the sources");
    assert!(toml.contains("keychain = true"), "{toml}");
    assert!(text(&there(&search)).contains("checkout"));
    // What is not given anew stays where it is.
    text(&there(&["source", "edit", "prod", "--limit", "time=30"]));
    assert!(text(&there(&search)).contains("checkout") && !is_written(&data));
    // Two data directories are two, also in the keychain.
    let other = dir.path().join("other");
    text(&cli(
        &other,
        &keychain.address,
        &["source", "add", "else", &url, "--user=strict", "--password-env=CH_PASSWORD"],
    ));
    std::fs::copy(data.join("sources.toml"), other.join("sources.toml")).expect("a copy");
    let lost = cli(&other, &keychain.address, &search);
    let said = String::from_utf8_lossy(&lost.stderr).into_owned();
    assert!(said.contains("the keychain has no password of 'prod'") && said.contains("--ask-password"), "{said}");

    // Gone keychain: said, and there is a way out.
    let said = String::from_utf8_lossy(&nowhere(&search).stderr).into_owned();
    assert!(said.contains("there is no keychain here"), "{said}");
    text(&there(&["source", "edit", "prod", "--keychain=false"]));
    assert!(is_written(&data), "it came back to the file");
    assert!(text(&nowhere(&search)).contains("checkout"));
    text(&there(&["source", "edit", "prod", "--keychain"]));
    assert!(!is_written(&data));
    text(&nowhere(&["source", "edit", "prod", "--keychain=false", "--password-env", "CH_PASSWORD"]));
    assert!(text(&nowhere(&search)).contains("checkout"));

    // Detached, it is gone from both.
    text(&there(&["source", "edit", "prod", "--keychain"]));
    text(&there(&["source", "remove", "prod"]));
    assert!(!is_written(&data));
    let again = there(&["source", "add", "prod", &url, "--user=strict"]);
    let said = String::from_utf8_lossy(&again.stdout).into_owned();
    assert!(!again.status.success() && said.contains("password is incorrect"), "{said}");
}
